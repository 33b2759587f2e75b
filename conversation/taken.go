package conversation

import (
	"cmp"
	"context"
	"time"

	"crier/ledger"
	"crier/locales"
)

// TellTaken tells the owner of an ad that somebody has taken it or, of a stock,
// so much of it: 0 where nothing is counted. Where the owner cannot be told now, they are once they can.
func (t *Turn) TellTaken(ctx context.Context, ad ledger.Ad, taker *Person, share int64) (told bool, err error) {
	mine, err := t.ContactFor(ctx, ad.Member, taker.ID)
	if err != nil {
		return false, err
	}
	theirs, err := t.Contact(ctx, ad.Member)
	if err != nil {
		return false, err
	}
	told, err = t.TellText(ctx, ad.Member, func(p *locales.Printer) string {
		args := locales.Args{
			"name": taker.Name, "number": ad.Number, "text": cut(ad.Text, 60), "contact": cmp.Or(mine, NoContact(p, taker.First(), theirs)),
		}
		if share == 0 {
			return p.Text("take_ad.notice_"+string(ad.Kind), args)
		}
		args["text"], args["part"], args["left"] = cut(ad.Text, 20), Quantity(p, share, ad.Measure), Quantity(p, ad.Left, ad.Measure)
		if ad.Left == 0 {
			return p.Text("stock.notice_last", args)
		}
		return p.Text("stock.notice", args)
	})
	if err != nil || told {
		return told, err
	}
	return false, t.Memory.NotTold(ctx, t.Book.Community().ID, Job{Ad: ad.Number, Taker: taker.ID, Share: share})
}

// tellUntold tells a member who can be told again what others have taken of
// theirs meanwhile.
func (t *Turn) tellUntold(ctx context.Context, owner ledger.MemberID) error {
	jobs, err := t.Memory.Untold(ctx, t.Book.Community().ID, owner)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		ad, err := t.Book.Ad(ctx, job.Ad)
		if err != nil {
			return err
		}
		taker := t.Names.Person(job.Taker)
		if taker == nil || taker.Status == ledger.Left {
			continue
		}
		if _, err := t.TellTaken(ctx, ad, taker, job.Share); err != nil {
			return err
		}
	}
	return nil
}

// Whoever took an ad hears when it goes, unless they took it longer ago than
// holds, or Crier was not running for longer than overlooks.
const (
	holds     = 30 * 24 * time.Hour
	overlooks = 3 * 24 * time.Hour
)

// tellGone tells those who have taken an ad that it is no longer up: its owner
// or a coordinator took it down, or its time was over.
func (t *Turn) tellGone(ctx context.Context) (int, error) {
	jobs, err := t.Memory.Gone(ctx, t.Book.Community().ID, t.Now().Add(-holds), t.Now().Add(-overlooks), tickBatch)
	if err != nil {
		return 0, err
	}
	for _, job := range jobs {
		ad, err := t.Book.Ad(ctx, job.Ad)
		if err != nil {
			return 0, err
		}
		owner := t.Names.Person(ad.Member)
		if owner == nil {
			continue
		}
		if _, err := t.Tell(ctx, job.Taker, 0, "take_ad.gone", locales.Args{
			"number": ad.Number, "name": owner.Name, "first": owner.First(), "text": cut(ad.Text, 40),
		}); err != nil {
			return 0, err
		}
	}
	return len(jobs), nil
}

// NoContact is said in place of how to reach somebody: that they see yours, the
// reader's contact, or that neither knows the other's.
func NoContact(p *locales.Printer, first, yours string) string {
	if yours == "" {
		return p.Text("contact.neither", nil)
	}
	return p.Text("contact.one_sided", locales.Args{"first": first})
}
