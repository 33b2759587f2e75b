package digest

import (
	"context"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"strings"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// Paper is what a digest on paper is made with.
type Paper struct {
	Locale   string // "": the community's
	All      bool   // all ads that are up, and not only those of the last digest and since
	Phones   bool   // the telephone numbers of those whose ads they are
	SMS      string // the community's number, as "+32470000000"; "": none
	Email    string // its mailbox
	Telegram string // its bot, as "@RiverBot"
}

//go:embed paper.html
var paperHTML string

var paperTemplate = template.Must(template.New("paper").Parse(paperHTML))

// page is what the template is filled with.
type page struct {
	Locale, Community, Title, Day string
	None                          string // where there are no sections
	Sections                      []pageSection
	Older                         string
	How                           string
	Ways                          []way
	Number, Own, Ask              string
	Strips                        []string // what stands on each; the same, as often as it fits
}

type pageSection struct {
	Title string
	Items []pageItem
}

type pageItem struct {
	Number           int64
	Text, Note, Call string
}

// way is one of writing to the community: a sentence, in three parts.
type way struct{ Before, Address, Behind string }

const (
	paperMost  = 200 // ads on paper: the newest
	stripCount = 9   // beside each other on one page
)

// WritePaper writes the digest as a page to print: A4, black on white, in large
// type, in one HTML file that needs nothing else.
func (d *Digests) WritePaper(ctx context.Context, t *conversation.Turn, w io.Writer, paper Paper) error {
	ads, err := paperAds(ctx, t.Book, paper.All)
	if err != nil {
		return err
	}
	locale := paper.Locale
	if locale == "" {
		locale = t.Book.Community().Locale
	}
	p := t.PrinterFor(locale, "")
	older := max(0, len(ads)-paperMost)
	owners := map[int64]ledger.MemberID{}
	for _, ad := range ads {
		owners[ad.Number] = ad.Member
	}
	at := t.Now().In(t.Zone())
	full := page{
		Locale: p.Locale(), Community: conversation.Harmless(t.Book.Community().Name), Title: p.Text("paper.title", nil),
		Day: p.Value(locales.Day(at)) + " " + strconv.Itoa(at.Year()),
	}
	under, err := t.Categories(ctx)
	if err != nil {
		return err
	}
	for _, s := range sectionsOf(t, p, under, ads[older:], "") {
		section := pageSection{Title: conversation.Harmless(s.Title)}
		for _, item := range s.Items {
			one := pageItem{
				Number: item.Number, Note: conversation.Harmless(item.Note), Text: item.Text,
			}
			if paper.Phones {
				if one.Call, err = phoneOf(ctx, t.Book, owners[item.Number]); err != nil {
					return err
				}
			}
			section.Items = append(section.Items, one)
		}
		full.Sections = append(full.Sections, section)
	}
	if len(full.Sections) == 0 {
		full.None = p.Text("paper.none", nil)
	}
	if older > 0 {
		full.Older = p.Text("paper.older", locales.Args{"n": older})
	}
	full.takePart(t, p, paper)
	return paperTemplate.Execute(w, full)
}

// paperAds are those of the last digest and what is newer.
func paperAds(ctx context.Context, book *ledger.Book, all bool) ([]ledger.NewAd, error) {
	s, err := SettingsOf(ctx, book)
	if err != nil {
		return nil, err
	}
	above := s.seen
	switch err := ledger.Get(ctx, book.Tx(), []any{&above}, `SELECT from_ad FROM cries WHERE community_id = $1 AND kind = 'digest' AND issue = 1
		AND state IN ('going', 'done') AND new_ads > 0 ORDER BY due_at DESC LIMIT 1`, book.Community().ID); {
	case all:
		above = 0
	case err != nil && !ledger.IsNotFound(err):
		return nil, err
	}
	to, err := newest(ctx, book)
	if err != nil {
		return nil, err
	}
	return adsBetween(ctx, book, above, to)
}

// phoneOf is the number at which a member is to be called, "" where there is none.
func phoneOf(ctx context.Context, book *ledger.Book, id ledger.MemberID) (string, error) {
	addresses, err := book.Addresses(ctx, id)
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if a.Channel == "sms" && a.Status == ledger.AddressActive {
			return conversation.Shown(a.Channel, a.Address), nil
		}
	}
	return "", nil
}

// takePart says how to answer.
func (full *page) takePart(t *conversation.Turn, p *locales.Printer, paper Paper) {
	example := int64(31)
	if len(full.Sections) > 0 {
		example = full.Sections[0].Items[0].Number
	}
	take := p.Text("digest.take", locales.Args{"number": example})
	const here = "\x00" // where the address comes
	for _, one := range []struct{ key, address string }{
		{"paper.by_sms", conversation.Shown("sms", paper.SMS)}, {"paper.by_email", paper.Email}, {"paper.by_telegram", paper.Telegram},
	} {
		if one.address == "" {
			continue
		}
		before, behind, _ := strings.Cut(p.Text(one.key, locales.Args{"take": take, "address": here}), here)
		full.Ways = append(full.Ways, way{before, one.address, behind})
		if full.Strips == nil {
			for range stripCount {
				full.Strips = append(full.Strips, one.address)
			}
		}
	}
	if len(full.Ways) > 0 {
		full.How, full.Own = p.Text("paper.how", nil), p.Text("paper.own", nil)
		full.Number = p.Text("paper.number", locales.Args{"number": example})
	}
	var names []string
	for _, one := range t.Names.Coordinators() {
		if len(names) < 3 {
			names = append(names, conversation.Harmless(one.Name))
		}
	}
	if len(names) > 0 {
		full.Ask = p.Text("paper.ask", locales.Args{"names": strings.Join(names, ", ")})
	}
}
