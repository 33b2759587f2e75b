package command

import (
	"context"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// justUp is how long after an ad nobody has to be asked what a picture shows.
const justUp = 10 * time.Minute

// photo is what a picture asks for that comes with no command. Words with it are
// perhaps an offer. Without words it goes with the ad that the member has just
// put up, where there is but one; else the member is asked, or says what it is,
// and it goes with that.
var photo = conversation.Command{
	Name: "photo", Moves: true,
	Fill: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if !f.Has("since") {
			f.SetInt("since", t.Now().Add(-conversation.PictureWaits).UnixMicro())
		}
		if t.Meaning.Intent == understand.Unknown {
			f.Set("text", strings.TrimSpace(t.In.Text))
		}
		if f.Has("text") {
			return nil
		}
		ads, err := t.Book.AdsOf(ctx, t.Member.ID)
		if err != nil {
			return err
		}
		recent := 0
		for _, ad := range ads { // by number: the newest is the last
			age := t.Now().Sub(ad.CreatedAt)
			if age >= conversation.PictureWaits {
				continue
			}
			recent++
			f.SetInt("ad", ad.Number)
			f.Set("sure", "")
			if recent == 1 && age < justUp {
				f.Set("sure", "yes")
			}
		}
		return nil
	},
	Confirm: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
		if f.Has("text") {
			return &conversation.Question{Key: "photo.offer", Args: locales.Args{"text": conversation.Cut(f.Text("text"), 60)}}, nil
		}
		if !f.Has("ad") || f.Has("sure") {
			return nil, nil
		}
		ad, err := t.Book.Ad(ctx, f.Int("ad"))
		return &conversation.Question{Key: "photo.ask", Args: adArgs(ad)}, err
	},
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if f.Has("text") {
			return offer.Run(ctx, t, f)
		}
		if !f.Has("ad") {
			t.Say("photo.what", nil)
			return nil
		}
		ad, err := t.Book.Ad(ctx, f.Int("ad"))
		if err != nil {
			return err
		}
		if !ad.Up(t.Now()) || ad.Member != t.Member.ID {
			t.Say("ad.gone", locales.Args{"number": ad.Number})
			return nil
		}
		n, err := t.Illustrate(ctx, ad.Number, time.UnixMicro(f.Int("since")))
		switch {
		case err != nil:
			return err
		case n == 0:
			t.Say("photo.full", locales.Args{"number": ad.Number})
		default:
			t.Say("photo.added", adArgs(ad))
		}
		return nil
	},
	No: func(_ context.Context, t *conversation.Turn, _ *conversation.Form) error {
		t.Say("photo.what", nil)
		return nil
	},
}

func adArgs(ad ledger.Ad) locales.Args {
	return locales.Args{"number": ad.Number, "text": conversation.Cut(ad.Text, 60)}
}

// withPhotos adds to what is said of a new ad that it has pictures.
func withPhotos(ctx context.Context, t *conversation.Turn, f *conversation.Form, ad ledger.Ad, text string) (string, error) {
	since := t.Now().Add(-conversation.PictureWaits)
	if f.Has("since") {
		since = time.UnixMicro(f.Int("since"))
	}
	n, err := t.Illustrate(ctx, ad.Number, since)
	if err != nil || n == 0 {
		return text, err
	}
	return t.Text("ad.with_photos", locales.Args{"text": text, "n": n}), nil
}
