package command

import (
	"context"
	"regexp"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

var (
	offer = adCommand("offer", understand.Offer, ledger.Offer)
	want  = adCommand("want", understand.Want, ledger.Want)
)

const maxAdText = 400

// adCommand puts an offer or a want up.
func adCommand(name string, intent understand.Intent, kind ledger.AdKind) conversation.Command {
	return conversation.Command{
		Name: name, Intents: []understand.Intent{intent}, Moves: true,
		Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
			f.Set("text", t.Meaning.What)
			return nil
		},
		Fields: []conversation.Field{{Name: "text", Kind: conversation.Words, Ask: name + ".ask_text"}},
		Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
			ad, err := putAd(ctx, t, kind, f.Text("text"))
			if err != nil {
				return err
			}
			text := t.Text(name+".up", locales.Args{
				"number": ad.Number, "text": ad.Text, "price": priceText(t, ad), "day": locales.Day(ad.ExpiresAt),
			})
			if text, err = withPhotos(ctx, t, f, ad, text); err == nil {
				t.SayText(text)
			}
			return err
		},
	}
}

func putAd(ctx context.Context, t *conversation.Turn, kind ledger.AdKind, said string) (ledger.Ad, error) {
	if len([]rune(said)) > maxAdText {
		return ledger.Ad{}, &conversation.Refusal{Key: "ad.too_long", Args: locales.Args{"n": maxAdText}}
	}
	text, price, per := t.SplitAd(said)
	ad := ledger.Ad{Kind: kind, Member: t.Member.ID, Text: text, Per: per}
	if price > 0 {
		f := &conversation.Form{}
		if err := t.SetAmount(f, "price", price, false, ""); err != nil {
			return ledger.Ad{}, err
		}
		p := f.Amount("price")
		ad.Price = &p
	}
	return t.Book.PutAd(ctx, t.Key, ad, conversation.SearchWords(text))
}

// priceText is ", 4 acorns an hour", or nothing.
func priceText(t *conversation.Turn, ad ledger.Ad) string {
	if ad.Price == nil {
		return ""
	}
	return ", " + strings.TrimSpace(t.Printer().Value(locales.Sum(*ad.Price))+" "+ad.Per)
}

// myAds lists the member's ads.
var myAds = conversation.Command{
	Name: "my_ads", Intents: []understand.Intent{understand.MyAds}, Aside: true, Lookup: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		ads, err := t.Book.AdsOf(ctx, t.Member.ID)
		if err != nil {
			return err
		}
		if len(ads) == 0 {
			t.Say("my_ads.none", nil)
			return nil
		}
		var list []string
		for _, ad := range ads {
			list = append(list, t.Text("my_ads.line_"+string(ad.Kind), locales.Args{
				"number": ad.Number, "text": conversation.Cut(ad.Text, 60), "day": locales.Day(ad.ExpiresAt),
			}))
		}
		t.Say("my_ads.list", locales.Args{"list": strings.Join(list, "  ")})
		return nil
	},
}

var digits = regexp.MustCompile(`^\D*(\d{1,9})\D*$`)

// fillAd finds the ad that is meant: by its number, or by words of the member's
// own ads.
func fillAd(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	what := t.Meaning.What
	if m := digits.FindStringSubmatch(what); m != nil {
		f.Set("ad", m[1])
		return nil
	}
	ads, err := t.Book.AdsOf(ctx, t.Member.ID)
	if err != nil {
		return err
	}
	var hits []ledger.Ad
	for _, ad := range ads {
		if what == "" || conversation.Mentions(ad.Text, what) {
			hits = append(hits, ad)
		}
	}
	switch {
	case len(hits) == 1:
		f.Set("ad", itoa(hits[0].Number))
		return nil
	case len(hits) == 0:
		return &conversation.Refusal{Key: "ad.which_none"}
	}
	var list []string
	for _, ad := range hits[:min(3, len(hits))] {
		list = append(list, t.Text("ad.which_line", locales.Args{"number": ad.Number, "text": conversation.Cut(ad.Text, 40)}))
	}
	return &conversation.Refusal{Key: "ad.which", Args: locales.Args{"list": strings.Join(list, "  ")}}
}

// ownAd reads the form's ad and sees to it that it is the member's, or that
// they are a coordinator.
func ownAd(ctx context.Context, t *conversation.Turn, f *conversation.Form) (ledger.Ad, error) {
	ad, err := t.Book.Ad(ctx, f.Int("ad"))
	switch {
	case ledger.IsNotFound(err):
		return ad, &conversation.Refusal{Key: "ad.unknown", Args: locales.Args{"number": f.Text("ad")}}
	case err != nil:
		return ad, err
	case ad.Member != t.Member.ID && t.Member.Role != ledger.Coordinator:
		return ad, &conversation.Refusal{Key: "ad.not_yours", Args: locales.Args{"number": ad.Number}}
	}
	return ad, nil
}
