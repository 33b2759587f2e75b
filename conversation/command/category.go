package command

import (
	"context"
	"regexp"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/locales"
)

// moveAd puts an ad into another category, says which one it is in, or lists
// all of them. Members may move their own ads, coordinators all.
var moveAd = conversation.Command{
	Name: "move_ad", Intents: []understand.Intent{understand.Category}, Moves: true, Aside: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		number, category := numberFirst(t.Meaning.What)
		if number == "" && t.Meaning.What != "" {
			return &conversation.Refusal{Key: "move_ad.how"}
		}
		f.Set("ad", number)
		f.Set("category", category)
		return nil
	},
	Run: runMoveAd,
}

var leadingNumber = regexp.MustCompile(`^\D{0,12}?(\d{1,9})(?:\PL+|$)(.*)$`)

// numberFirst parts "31 garden" or "ad 31: garden".
func numberFirst(s string) (number, rest string) {
	m := leadingNumber.FindStringSubmatch(strings.Join(strings.Fields(s), " "))
	if m == nil {
		return "", ""
	}
	return m[1], strings.TrimSpace(m[2])
}

func runMoveAd(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	all, err := t.Categories(ctx)
	if err != nil {
		return err
	}
	p := t.Printer()
	if !f.Has("ad") {
		var names []string
		for _, key := range all.Keys() {
			names = append(names, all.Name(key, p))
		}
		t.Say("move_ad.list", locales.Args{"list": strings.Join(names, "; ")})
		return nil
	}
	ad, err := ownAd(ctx, t, f)
	if err != nil {
		return err
	}
	if !f.Has("category") {
		locale := t.Book.Community().Locale
		if owner := t.Names.Person(ad.Member); owner != nil {
			locale = owner.Locale
		}
		name := all.Name(all.Of(&ad, locale), p)
		if name == "" {
			name = t.Text("digest.rest", nil)
		}
		t.Say("move_ad.now", locales.Args{"number": ad.Number, "category": name})
		return nil
	}
	key, ok := all.Find(f.Text("category"))
	if !ok {
		return &conversation.Refusal{Key: "move_ad.unknown", Args: locales.Args{"what": conversation.Cut(f.Text("category"), 40)}}
	}
	if err := t.Book.MoveAd(ctx, ad.Number, key); err != nil {
		return err
	}
	t.Say("move_ad.done", locales.Args{"number": ad.Number, "category": all.Name(key, p)})
	return nil
}
