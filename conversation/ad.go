package conversation

import (
	"context"
	"strings"
	"time"
	"unicode"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// ReadAd takes what somebody offers or wants apart: the thing, its price, how
// much there is of it, until when and where. A place is one that members of the
// community live in.
func (t *Turn) ReadAd(ctx context.Context, said string) (understand.Ad, error) {
	places, err := t.Book.Places(ctx)
	if err != nil {
		return understand.Ad{}, err
	}
	return t.engine.understand.Ad(understand.Input{
		Text: said, Locale: t.locale, Unit: understandUnit(t.Book.Community()), UnitWords: t.Unit().AllWords(),
	}, places...), nil
}

// Part reads how much of an ad's stock is meant, in thousandths of its measure.
// ok is false where that cannot be told.
func (t *Turn) Part(said string, ad ledger.Ad) (amount int64, ok bool) {
	q, ok := t.engine.understand.Quantity(said, t.locale)
	switch {
	case !ok:
		return 0, false
	case q.All:
		return ad.Left, true
	case q.Measure == "" && q.Thousandths < 1000 && !strings.ContainsFunc(said, unicode.IsDigit): // "half": of what there is, or of one?
		return 0, false
	}
	return t.engine.understand.In(q, ad.Measure)
}

// Measure is the measure in what somebody said of a quantity, as written.
func (t *Turn) Measure(said string) string {
	q, _ := t.engine.understand.Quantity(said, t.locale)
	return q.Measure
}

// LastMoment is the end of a day in the community's zone.
func (t *Turn) LastMoment(day time.Time) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, 23, 59, 59, 0, t.Zone())
}

// Quantity says an amount of something in thousandths of a measure: "2.5 kg".
// Without a measure they are pieces.
func Quantity(p *locales.Printer, amount int64, measure string) string {
	if measure == "" {
		return p.Text("stock.pieces", locales.Args{"n": amount / 1000})
	}
	return p.Value(locales.Thousandths(amount)) + " " + measure
}

// AdNotes are what an ad says beside its text: how much there still is, its
// price, its place, and until when, where its owner has said so.
func AdNotes(p *locales.Printer, ad ledger.Ad) (notes []string) {
	notes = append(notes, AdTerms(p, ad)...)
	if ad.Dated {
		notes = append(notes, p.Text("stock.until", locales.Args{"day": locales.Day(ad.ExpiresAt)}))
	}
	return notes
}

// AdTerms are the AdNotes without the day.
func AdTerms(p *locales.Printer, ad ledger.Ad) (notes []string) {
	if ad.Stock > 0 {
		stock := Quantity(p, ad.Left, ad.Measure)
		if ad.Left < ad.Stock {
			stock = p.Text("stock.left", locales.Args{"stock": stock})
		}
		notes = append(notes, stock)
	}
	if ad.Price != nil {
		notes = append(notes, strings.TrimSpace(p.Value(locales.Sum(*ad.Price))+" "+ad.Per))
	}
	if ad.Place != "" {
		notes = append(notes, ad.Place)
	}
	return notes
}
