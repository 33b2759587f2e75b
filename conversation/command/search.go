package command

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

const searchPage = 3

// search looks through the offers and wants that are up.
var search = conversation.Command{
	Name: "search", Intents: []understand.Intent{understand.Search}, Aside: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		f.Set("what", t.Meaning.What)
		return nil
	},
	Fields: []conversation.Field{{Name: "what", Kind: conversation.Words, Ask: "search.ask_what"}},
	Run:    runSearch,
	Chosen: showAd,
}

const searchMost = 60

func runSearch(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	skip := int(f.Int("skip"))
	found, err := t.Tongues(t.Printer().Locale()).Find(ctx, t.Book, f.Text("what"), searchMost)
	if err != nil {
		return err
	}
	ads := found.Ads
	if len(ads) == 0 {
		t.Say("search.none", locales.Args{"what": f.Text("what")})
		return nil
	}
	page := ads[min(skip, len(ads)):]
	rest := len(page) > searchPage
	page = page[:min(searchPage, len(page))]
	if len(page) == 0 {
		t.Say("more.none", nil)
		return nil
	}
	var list, options, labels []string
	for i, ad := range page {
		line := t.Text("search.line_"+string(ad.Kind), locales.Args{
			"number": ad.Number, "text": conversation.Cut(ad.Text, 60), "name": t.NameOf(ledger.AccountID(ad.Member)),
		})
		list = append(list, strconv.Itoa(i+1)+") "+line)
		options = append(options, itoa(ad.Number))
		labels = append(labels, line)
	}
	key := "search.found_" + strconv.Itoa(len(page))
	if rest {
		key = "search.found_more"
		next := &conversation.Form{Command: "search", Values: map[string]string{"what": f.Text("what")}}
		next.SetInt("skip", int64(skip+searchPage))
		t.More(next)
	}
	text := t.Text(key, locales.Args{"list": strings.Join(list, "  ")})
	if found.Near && skip == 0 {
		text = t.Text("search.near", locales.Args{"what": f.Text("what"), "text": text})
	}
	t.Offer(&conversation.Form{Command: "search", ID: f.ID}, text, options, labels)
	return nil
}

// showAd tells the rest of an ad, and how to reach its member. The list stays
// open for another number.
func showAd(ctx context.Context, t *conversation.Turn, _ *conversation.Form, option string) error {
	number, err := strconv.ParseInt(option, 10, 64)
	if err != nil {
		return fmt.Errorf("option %q: %w", option, err)
	}
	ad, err := t.Book.Ad(ctx, number)
	if err != nil {
		return err
	}
	if !ad.Up(t.Now()) {
		t.Say("ad.gone", locales.Args{"number": number})
		return nil
	}
	contact, err := t.Contact(ctx, ad.Member)
	if err != nil {
		return err
	}
	p := t.Names.Person(ad.Member)
	if p == nil {
		return ledger.ErrNotFound
	}
	t.SayText(strings.TrimSpace(t.Text("search.one", locales.Args{
		"line":    t.Text("search.line_"+string(ad.Kind), locales.Args{"number": number, "text": ad.Text + priceText(t, ad), "name": p.Name}),
		"contact": cmp.Or(contact, t.Text("search.take", locales.Args{"number": ad.Number})),
	})))
	return nil
}
