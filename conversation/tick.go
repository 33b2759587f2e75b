package conversation

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"crier/ledger"
	"crier/locales"
)

const (
	// RequestLasts is how long a request waits for its answer.
	RequestLasts = 14 * 24 * time.Hour
	remindAfter  = 3 * 24 * time.Hour
	adAskBefore  = 3 * 24 * time.Hour
	tickBatch    = 100 // of each kind at a time: the next tick does the rest
)

// Tick does what has come due in a community by itself: it reminds of requests,
// ends those that are too old, and asks whether ads still hold. It is safe to
// call at any time and as often as one likes. all is false where there is more
// to do.
func (e *Engine) Tick(ctx context.Context, room Room) (out []Outbound, all bool, err error) {
	t, err := e.turn(ctx, room, Inbound{})
	if err != nil {
		return nil, false, err
	}
	t.Member = &Person{}
	expired, err := t.expire(ctx)
	if err != nil {
		return nil, false, err
	}
	reminded, err := t.remind(ctx)
	if err != nil {
		return nil, false, err
	}
	asked, err := t.askOwners(ctx)
	if err != nil {
		return nil, false, err
	}
	return t.out, max(expired, reminded, asked) < tickBatch, nil
}

// Chore is a further part of Tick, in a transaction of its own: where it fails,
// nothing else does. all is false where there is more to do.
type Chore func(ctx context.Context, t *Turn) (all bool, err error)

// OnTick adds a chore.
func (e *Engine) OnTick(c Chore) { e.chores = append(e.chores, c) }

// Chores are what Do does one by one.
func (e *Engine) Chores() int { return len(e.chores) }

// Do does one of the chores in a community.
func (e *Engine) Do(ctx context.Context, room Room, chore int) (out []Outbound, all bool, err error) {
	return e.Perform(ctx, room, e.chores[chore])
}

// Perform does something in a community that nobody wrote for.
func (e *Engine) Perform(ctx context.Context, room Room, c Chore) (out []Outbound, all bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, all, err = nil, false, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	t, err := e.turn(ctx, room, Inbound{})
	if err != nil {
		return nil, false, err
	}
	t.Member = &Person{}
	all, err = c(ctx, t)
	return t.out, all, err
}

// expire ends the requests that nobody answered, and tells both sides.
func (t *Turn) expire(ctx context.Context) (int, error) {
	due, err := t.Book.PendingBefore(ctx, t.Now(), tickBatch)
	if err != nil {
		return 0, err
	}
	for _, tr := range due {
		if _, err := t.Book.End(ctx, tr.ID, ledger.Expired); err != nil {
			return 0, err
		}
		if err := t.Over(ctx, ledger.MemberID(tr.Payer), tr.ID); err != nil {
			return 0, err
		}
		args := func(other ledger.AccountID) locales.Args {
			return locales.Args{"name": t.NameOf(other), "amount": locales.Sum(tr.Amount)}
		}
		if _, err := t.Tell(ctx, ledger.MemberID(tr.Payer), 0, "request.expired_payer", args(tr.Payee)); err != nil {
			return 0, err
		}
		if _, err := t.Tell(ctx, ledger.MemberID(tr.Payee), 0, "request.expired_payee", args(tr.Payer)); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// remind reminds each payer once.
func (t *Turn) remind(ctx context.Context) (int, error) {
	due, err := t.Book.PendingUnreminded(ctx, t.Now().Add(-remindAfter), tickBatch)
	if err != nil {
		return 0, err
	}
	for _, tr := range due {
		if err := t.Book.Remind(ctx, tr.ID); err != nil {
			return 0, err
		}
		if _, err := t.AskPayer(ctx, tr, true); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// keepCommand is the name of the command that asks whether an ad still holds.
const keepCommand = "keep"

// askOwners asks the owners of ads that end soon whether they still hold. An
// owner who is in the middle of something is asked another time.
func (t *Turn) askOwners(ctx context.Context) (int, error) {
	due, err := t.Book.AdsExpiring(ctx, t.Now().Add(adAskBefore), tickBatch)
	if err != nil {
		return 0, err
	}
	c := t.Book.Community().ID
	for _, ad := range due {
		talk, err := t.Memory.Talk(ctx, c, ad.Member)
		if err != nil {
			return 0, err
		}
		if talk.Dialog != nil && !talk.Dialog.expired(t.Now()) {
			continue
		}
		if err := t.Book.AdAsked(ctx, ad.Number); err != nil {
			return 0, err
		}
		if err := t.askOwner(ctx, ad); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// askOwner asks whether one ad still holds.
func (t *Turn) askOwner(ctx context.Context, ad ledger.Ad) error {
	key := "keep.offer"
	if ad.Kind == ledger.Want {
		key = "keep.want"
	}
	d := &Dialog{
		Question: ledger.NewID(t.Now()), Asks: asksConfirm,
		Asked: t.Now().UnixMicro(), Expires: t.Now().Add(adAskBefore).UnixMicro(),
	}
	d.Form = Form{Command: keepCommand, ID: d.Question}
	d.Form.Set("ad", strconv.FormatInt(ad.Number, 10))
	told, err := t.tell(ctx, ad.Member, d.Question, 0, func(p *locales.Printer) string {
		d.Locale, d.Choices = p.Locale(), yesNo(p, 0)
		d.Text = p.Text(key, locales.Args{"text": cut(ad.Text, MostWhat), "number": ad.Number})
		return d.Text
	})
	if err != nil || !told {
		return err
	}
	return t.TalkOf(ctx, ad.Member, func(talk *Talk) { talk.Dialog, talk.Latest = d, d.Question })
}
