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
			ad, remark, err := putAd(ctx, t, kind, f.Text("text"))
			if err != nil {
				return err
			}
			text := t.Text(name+".up", locales.Args{
				"number": ad.Number, "text": ad.Text, "price": listed(conversation.AdTerms(t.Printer(), ad)), "day": locales.Day(ad.ExpiresAt),
			})
			if remark != "" {
				text += " " + remark
			}
			if text, err = withPhotos(ctx, t, f, ad, text); err == nil {
				t.SayText(text)
			}
			return err
		},
	}
}

// putAd puts up what somebody said. remark is what they should know of it: what
// was left out, or that it ends sooner than they said.
func putAd(ctx context.Context, t *conversation.Turn, kind ledger.AdKind, said string) (ad ledger.Ad, remark string, err error) {
	said, left := harmless(said, t.In.Text)
	if left != "" {
		remark = t.Text("until."+left, nil)
	}
	switch n := len([]rune(said)); {
	case n > maxAdText:
		return ad, "", &conversation.Refusal{Key: "ad.too_long", Args: locales.Args{"n": maxAdText}}
	case n == 0:
		return ad, "", &conversation.Refusal{Key: "until.no_words"}
	}
	if m := digits.FindStringSubmatch(said); m != nil { // that of an ad they have read of
		return ad, "", &conversation.Refusal{Key: "ad.only_number", Args: locales.Args{"number": m[1]}}
	}
	read, err := t.ReadAd(ctx, said)
	if err != nil {
		return ad, "", err
	}
	ad = ledger.Ad{Kind: kind, Member: t.Member.ID, Text: read.Whole, Per: read.Per, Place: read.Place}
	if kind == ledger.Offer && read.Stock > 0 {
		ad.Text, ad.Stock, ad.Measure, ad.PerMeasure = read.What, read.Stock, read.Measure, read.PerMeasure
	}
	if read.Price > 0 {
		f := &conversation.Form{}
		if err := t.SetAmount(f, "price", read.Price, false, ""); err != nil {
			return ad, "", err
		}
		p := f.Amount("price")
		ad.Price = &p
	}
	if !read.Until.IsZero() {
		late, err := setUntil(t, &ad, read.Until)
		if err != nil {
			return ad, "", err
		}
		remark = strings.TrimSpace(late + " " + remark)
	}
	ad, err = t.Book.PutAd(ctx, t.Key, ad, conversation.SearchWords(read.Whole+" "+read.Place))
	return ad, remark, err
}

// setUntil has an ad end on the night of a day: no later than the community
// keeps ads, which is said.
func setUntil(t *conversation.Turn, ad *ledger.Ad, until understand.Date) (remark string, err error) {
	now, days := t.Now().In(t.Zone()), t.Book.Community().AdDays
	day := until.On(now)
	switch end := t.LastMoment(day); {
	case end.Before(now):
		return "", &conversation.Refusal{Key: "until.past", Args: locales.Args{"day": locales.Day(day)}}
	case end.After(now.AddDate(0, 0, days)):
		return t.Text("until.too_far", locales.Args{"n": days}), nil
	default:
		ad.ExpiresAt, ad.Dated = end, true
		return "", nil
	}
}

var (
	link = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.)\S*`)

	// tag is one of HTML, at either end perhaps without its bracket.
	tag = regexp.MustCompile(`(?i)</?[a-z][^<>]*>|^/?[a-z]{1,10}>|</?[a-z][^<>]*$`)
)

// harmless is what others may see of what somebody said: one line, without what
// is not shown and without links, which nobody should press on a stranger's
// word. left says what was left out, if that is more than line breaks: "links"
// or "signs". whole is the message that it was said in.
func harmless(said, whole string) (text, left string) {
	text = conversation.Harmless(tag.ReplaceAllString(said, ""))
	switch {
	case link.MatchString(text):
		left = "links"
		text = strings.Trim(conversation.Harmless(link.ReplaceAllString(text, "")), " ,;:-(")
	case strings.ContainsFunc(whole, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }):
		left = "signs"
	}
	return text, left
}

// priceText is ", 40 kg, 8 acorns a kg, until 3 Aug", or nothing.
func priceText(t *conversation.Turn, ad ledger.Ad) string {
	return listed(conversation.AdNotes(t.Printer(), ad))
}

// listed is each of some notes behind a comma.
func listed(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return ", " + strings.Join(notes, ", ")
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
			said := append([]string{conversation.Cut(ad.Text, 60)}, conversation.AdTerms(t.Printer(), ad)...)
			list = append(list, t.Text("my_ads.line_"+string(ad.Kind), locales.Args{
				"number": ad.Number, "text": strings.Join(said, ", "), "day": locales.Day(ad.ExpiresAt),
			}))
		}
		t.Say("my_ads.list", locales.Args{"list": strings.Join(list, "  ")})
		return nil
	},
}

// digits is an ad's number and nothing that could make it another's: "member 14"
// is no ad, nor are "6 beers".
var digits = regexp.MustCompile(`^[^\pL\d?]*(\d{1,9})[^\pL\d?]*$`)

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
// they are a coordinator who is not frozen.
func ownAd(ctx context.Context, t *conversation.Turn, f *conversation.Form) (ledger.Ad, error) {
	ad, err := t.Book.Ad(ctx, f.Int("ad"))
	switch {
	case ledger.IsNotFound(err):
		return ad, &conversation.Refusal{Key: "ad.unknown", Args: locales.Args{"number": f.Text("ad")}}
	case err != nil:
		return ad, err
	case ad.Member != t.Member.ID && (t.Member.Role != ledger.Coordinator || t.Member.Status == ledger.Frozen):
		return ad, &conversation.Refusal{Key: "ad.not_yours", Args: locales.Args{"number": ad.Number}}
	}
	return ad, nil
}
