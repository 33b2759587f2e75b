package conversation

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
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
// ends those that are too old, tells of ads that have gone, and asks whether ads
// still hold. It is safe to call at any time and as often as one likes. all is
// false where there is more to do.
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
	gone, err := t.tellGone(ctx)
	if err != nil {
		return nil, false, err
	}
	if err := t.askOwners(ctx); err != nil {
		return nil, false, err
	}
	return t.out, max(expired, reminded, gone) < tickBatch, nil
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
		if _, err := t.EndRequest(ctx, tr.ID, ledger.Expired); err != nil {
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

// askOwners asks the owners of ads that end soon whether they still hold, each
// about all of theirs at once. An owner who is in the middle of something is
// asked another time.
func (t *Turn) askOwners(ctx context.Context) error {
	var after ledger.MemberID
	for asked := 0; asked < tickBatch; {
		due, err := t.Book.AdsExpiring(ctx, t.Now().Add(adAskBefore), after, tickBatch)
		if err != nil {
			return err
		}
		full := len(due) == tickBatch
		for len(due) > 0 {
			ads := due
			if i := slices.IndexFunc(due, func(ad ledger.Ad) bool { return ad.Member != due[0].Member }); i > 0 {
				ads = due[:i]
			} else if full && len(ads) < tickBatch {
				break // there may be more of this owner's
			}
			due, after = due[len(ads):], ads[0].Member
			n, err := t.askAbout(ctx, ads)
			if err != nil {
				return err
			}
			asked += n
		}
		if !full {
			return nil
		}
	}
	return nil
}

// askAbout asks an owner whether some ads still hold, unless they are in the
// middle of something or cannot be told just now. It returns how many were asked
// about.
func (t *Turn) askAbout(ctx context.Context, ads []ledger.Ad) (int, error) {
	talk, err := t.Memory.Talk(ctx, t.Book.Community().ID, ads[0].Member)
	if err != nil || talk.Dialog != nil && !talk.Dialog.expired(t.Now()) {
		return 0, err
	}
	if reached, err := t.Reaches(ctx, ads[0].Member); err != nil || !reached {
		return 0, err
	}
	for _, ad := range ads {
		if err := t.Book.AdAsked(ctx, ad.Number); err != nil {
			return 0, err
		}
	}
	return len(ads), t.askOwner(ctx, ads)
}

// What the question about several ads names: so it fits one text message.
const (
	keepShown   = 3
	keepLetters = 48 // of their texts together
)

// askOwner asks one owner whether some ads still hold.
func (t *Turn) askOwner(ctx context.Context, ads []ledger.Ad) error {
	d := &Dialog{
		Question: ledger.NewID(t.Now()), Asks: asksConfirm,
		Asked: t.Now().UnixMicro(), Expires: t.Now().Add(adAskBefore).UnixMicro(),
	}
	d.Form = Form{Command: keepCommand, ID: d.Question}
	key, args := "keep."+string(ads[0].Kind), locales.Args{"text": cut(ads[0].Text, MostWhat), "number": ads[0].Number}
	if len(ads) == 1 {
		d.Form.Set("ad", strconv.FormatInt(ads[0].Number, 10))
	} else {
		key, args = "keep.many", locales.Args{"list": keepList(ads)}
		d.Form.Set("ads", numbersOf(ads))
	}
	told, err := t.tell(ctx, ads[0].Member, d.Question, 0, func(p *locales.Printer) string {
		d.Locale, d.Choices = p.Locale(), yesNo(p, 0)
		d.Text = p.Text(key, args)
		return d.Text
	})
	if err != nil || !told {
		return err
	}
	return t.TalkOf(ctx, ads[0].Member, func(talk *Talk) { talk.Dialog, talk.Latest = d, d.Question })
}

// keepList names some ads: "31 guitar; 32 bread; 33 jam; +2".
func keepList(ads []ledger.Ad) string {
	var list []string
	shown := min(keepShown, len(ads))
	for _, ad := range ads[:shown] {
		list = append(list, strconv.FormatInt(ad.Number, 10)+" "+cut(ad.Text, keepLetters/shown))
	}
	if more := len(ads) - shown; more > 0 {
		list = append(list, "+"+strconv.Itoa(more))
	}
	return strings.Join(list, "; ")
}

func numbersOf(ads []ledger.Ad) string {
	var all []string
	for _, ad := range ads {
		all = append(all, strconv.FormatInt(ad.Number, 10))
	}
	return strings.Join(all, " ")
}
