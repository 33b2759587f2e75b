package command

import (
	"context"
	"regexp"
	"strings"
	"unicode"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// removeAd takes an ad down: the member's own, even if they are frozen, or, by a
// coordinator, anybody's, who is told by whom and why.
var removeAd = conversation.Command{
	Name: "remove_ad", Intents: []understand.Intent{understand.RemoveAd}, Moves: true, Frozen: true,
	Fill: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		what := strings.TrimLeft(t.Meaning.What, "# ")
		if several.MatchString(what) {
			return &conversation.Refusal{Key: "clarify.two_commands"}
		}
		if number, why := numberFirst(what); number != "" && strings.HasPrefix(what, number) && strings.ContainsFunc(why, unicode.IsLetter) {
			f.Set("ad", number)
		} else if err := fillAd(ctx, t, f); err != nil {
			return err
		}
		f.Set("why", whyIn(t, f.Text("ad")))
		return nil
	},
	Run: runRemove,
}

// several is the numbers of more than one ad, and what joins them: "7, 10", "7
// and 10".
var several = regexp.MustCompile(`^\d{1,9}(?:[^\pL\d]+(?:\pL{1,3}[^\pL\d]+)?\d{1,9})+[^\pL\d]*$`)

func runRemove(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	ad, err := ownAd(ctx, t, f)
	if err != nil {
		return err
	}
	args := locales.Args{"number": ad.Number, "text": conversation.Cut(ad.Text, 60)}
	if !ad.Up(t.Now()) {
		t.Say("ad.gone", args)
		return t.Book.RemoveAd(ctx, ad.Number)
	}
	if ad.Member == t.Member.ID {
		t.Say("ad.removed", args)
		return t.Book.RemoveAd(ctx, ad.Number)
	}
	if err := t.Book.TakeDown(ctx, ad.Number, t.Member.ID, f.Text("why")); err != nil {
		return err
	}
	t.Log().Info("a coordinator took an ad down", "member", t.Member.ID, "ad", ad.Number)
	told, err := tellOwner(ctx, t, ad, f.Text("why"))
	if err != nil {
		return err
	}
	if !told {
		t.Say("ad.removed", args)
		return nil
	}
	args["name"] = t.NameOf(ledger.AccountID(ad.Member))
	t.Say("taken_down.done", args)
	return nil
}

// tellOwner tells the member whose ad a coordinator took down.
func tellOwner(ctx context.Context, t *conversation.Turn, ad ledger.Ad, why string) (bool, error) {
	key := "taken_down.notice"
	if why = strings.TrimRight(why, ".!; "); why == "" {
		key += "_bare"
	}
	return t.Tell(ctx, ad.Member, 0, key, locales.Args{
		"coordinator": t.Member.Called, "number": ad.Number, "text": conversation.Cut(ad.Text, inNotice), "why": why,
	})
}
