package command

import (
	"context"
	"strconv"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// renewAd keeps an ad up for longer, or all that the member was asked about.
var renewAd = conversation.Command{
	Name: "renew_ad", Intents: []understand.Intent{understand.RenewAd}, Moves: true,
	Fill: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if t.Meaning.What != "all" {
			return fillAd(ctx, t, f)
		}
		ads, err := t.Book.AdsOf(ctx, t.Member.ID)
		if err != nil {
			return err
		}
		var asked []string
		for _, ad := range ads {
			if !ad.AskedAt.IsZero() {
				asked = append(asked, itoa(ad.Number))
			}
		}
		if len(asked) == 0 {
			return &conversation.Refusal{Key: "keep.none"}
		}
		f.Set("ads", strings.Join(asked, " "))
		return nil
	},
	Run: runRenew,
}

func runRenew(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	if f.Has("ads") {
		return renewAll(ctx, t, strings.Fields(f.Text("ads")))
	}
	ad, err := ownAd(ctx, t, f)
	if err != nil {
		return err
	}
	if err := staysDown(ctx, t, ad.Number); err != nil {
		return err
	}
	if ad, err = t.Book.RenewAd(ctx, ad.Number); err != nil {
		return err
	}
	if !ad.Up(t.Now()) { // nothing is left of it
		return &conversation.Refusal{Key: "stock.none", Args: locales.Args{"number": ad.Number}}
	}
	t.Say("ad.renewed", locales.Args{"number": ad.Number, "text": conversation.Cut(ad.Text, 60), "day": locales.Day(ad.ExpiresAt)})
	return nil
}

// staysDown refuses to put up again what a coordinator has taken down, unless a
// coordinator asks for it.
func staysDown(ctx context.Context, t *conversation.Turn, number int64) error {
	by, err := t.Book.TakenDownBy(ctx, number)
	switch {
	case ledger.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case t.Member.Role == ledger.Coordinator:
		return t.Book.PutBack(ctx, number)
	}
	return &conversation.Refusal{Key: "taken_down.stays", Args: locales.Args{"number": number, "coordinator": t.NameOf(ledger.AccountID(by))}}
}

// renewAll keeps the member's ads of some numbers. One that has been taken down
// since stays down.
func renewAll(ctx context.Context, t *conversation.Turn, numbers []string) error {
	n, last := 0, ledger.Ad{}
	for _, s := range numbers {
		number, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return err
		}
		ad, err := t.Book.Ad(ctx, number)
		if err != nil {
			return err
		}
		if ad.Member != t.Member.ID || !ad.Up(t.Now()) {
			continue
		}
		if last, err = t.Book.RenewAd(ctx, number); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return &conversation.Refusal{Key: "keep.none"}
	}
	t.Say("keep.all", locales.Args{"n": n, "day": locales.Day(last.ExpiresAt)})
	return nil
}

// keep answers the question whether ads that are about to end still hold. Its
// form is made by the engine's Tick. A no to several does not say which.
var keep = conversation.Command{
	Name: "keep", Moves: true,
	Run: runRenew,
	No: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if f.Has("ads") {
			t.Say("keep.which", nil)
			return nil
		}
		return runRemove(ctx, t, f)
	},
}
