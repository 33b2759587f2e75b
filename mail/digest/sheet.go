package digest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// edition is the digest of one member.
type edition struct {
	*reader
	locale string
	at     address
	ads    []ledger.NewAd
	since  int64   // ads are those above it
	shown  []int64 // those that a text had room for
	post   bool    // it is for the community's group, and for no member
}

// isNews reports whether some of it is not the member's own.
func (e *edition) isNews() bool {
	return slices.ContainsFunc(e.ads, func(ad ledger.NewAd) bool { return ad.Member != e.id })
}

// variant is what sheets differ by: members who have seen the same, read the
// same language and live in the same place share one.
type variant struct {
	locale, channel, place string
	seen                   int64
	post                   bool
}

// written is a sheet and what it says.
type written struct {
	*conversation.Sheet
	text  string
	shown []int64 // the ads in it
}

// issue is a member's digest, in the way of their channel: a page where it has
// room for one, else a text.
func (d *Digests) issue(ctx context.Context, t *conversation.Turn, c *Cry, r *run, e *edition) (conversation.Outbound, error) {
	p := t.PrinterFor(e.locale, e.at.channel)
	out := conversation.Outbound{Channel: e.at.channel, Address: e.at.address, Locale: p.Locale(), Priority: conversation.Bulk}
	if isShort(t, e.at.channel, p.Locale()) {
		best, err := r.tastes.fitting(ctx, t, e)
		out.Text, e.shown = shortText(t, c, p, e, best)
		return out, err
	}
	v := variant{p.Locale(), e.at.channel, e.place, e.since, e.post}
	s := r.sheets[v]
	if s == nil {
		if r.life == nil {
			var err error
			if r.life, err = lifeSince(ctx, t.Book, c); err != nil {
				return out, err
			}
			if r.under, err = t.Categories(ctx); err != nil {
				return out, err
			}
		}
		s = makeSheet(t, c, p, e, r.under, r.life)
		if e.at.channel == "email" {
			if err := r.illustrate(ctx, t, s.Sheet); err != nil {
				return out, err
			}
		}
		if len(r.sheets) >= sheetsMost {
			clear(r.sheets)
		}
		r.sheets[v] = s
	}
	out.Sheet, out.Text, e.shown = s.Sheet, s.text, s.shown
	return out, nil
}

const (
	sheetsMost = 256 // that are kept while a digest goes out
	itemsMost  = 40  // ads in a page: the newest; MORE tells the others
	photosMost = 8   // in a page
)

// illustrate puts the pictures of ads into a page, small ones.
func (r *run) illustrate(ctx context.Context, t *conversation.Turn, s *conversation.Sheet) (err error) {
	if r.thumbs == nil {
		since := t.Now()
		for _, ad := range r.ads[max(0, len(r.ads)-itemsMost):] {
			if at := ad.CreatedAt.Add(-conversation.PictureWaits); at.Before(since) {
				since = at
			}
		}
		if r.thumbs, err = t.Memory.Thumbs(ctx, t.Book.Community().ID, since); err != nil {
			return err
		}
	}
	n := 0
	for _, section := range s.Sections {
		for i := range section.Items {
			item := &section.Items[i]
			if thumb, ok := r.thumbs[item.Number]; ok && n < photosMost {
				item.Photo = &thumb
				n++
			}
		}
	}
	return nil
}

// isShort reports whether a channel takes only a few words at once.
func isShort(t *conversation.Turn, channel, locale string) bool {
	return !t.Fits(channel, strings.Repeat("x ", 1000), locale)
}

// makeSheet lays out what is new, or as much of it as the channel takes at once.
func makeSheet(t *conversation.Turn, c *Cry, p *locales.Printer, e *edition, under *conversation.Categories, l *life) *written {
	for most := itemsMost; ; most = most * 3 / 4 {
		ads := e.ads[max(0, len(e.ads)-most):]
		sheet := sheetOf(t, c, p, e, under, l, ads)
		w := &written{Sheet: sheet, text: sheet.Plain()}
		for _, ad := range ads {
			w.shown = append(w.shown, ad.Number)
		}
		if most == 1 || t.Fits(e.at.channel, w.text, p.Locale()) {
			return w
		}
	}
}

// sheetOf lays out some ads: below the coordinator's words by category, near ones
// first, and above a line on the life of the community.
func sheetOf(t *conversation.Turn, c *Cry, p *locales.Printer, e *edition, under *conversation.Categories, l *life, ads []ledger.NewAd) *conversation.Sheet {
	s := &conversation.Sheet{Title: t.Book.Community().Name}
	if len(e.ads) > 0 { // else there are only the coordinator's words
		s.Title = p.Text("digest.title", locales.Args{"n": len(e.ads), "community": s.Title})
	}
	if c.Words != "" {
		s.Sections = append(s.Sections, conversation.Section{Text: c.Words})
	}
	s.Sections = append(s.Sections, sectionsOf(t, p, under, ads, e.place)...)
	if older := len(e.ads) - len(ads); older > 0 && !e.post {
		s.Sections = append(s.Sections, conversation.Section{Text: p.Text("digest.older", locales.Args{"n": older})})
	}
	if text := l.text(p); text != "" {
		s.Sections = append(s.Sections, conversation.Section{Text: text})
	}
	if e.post {
		if len(e.ads) > 0 {
			s.Foot = p.Text("digest.foot_post", nil)
		}
		return s
	}
	s.Foot = p.Text("digest.often", nil)
	if len(e.ads) > 0 {
		s.Foot = p.Text("digest.foot", nil) + " " + s.Foot
	}
	for _, every := range []string{EveryDay, EveryWeek, EveryMonth, Never} {
		word := p.Text("often."+every, nil)
		s.Choices = append(s.Choices, conversation.Choice{Label: word, Reply: word})
	}
	return s
}

// sectionsOf are ads by category, offers before wants, those in a place first, the
// newest first.
func sectionsOf(t *conversation.Turn, p *locales.Printer, under *conversation.Categories, ads []ledger.NewAd, place string) (sections []conversation.Section) {
	byCategory := map[string][]ledger.NewAd{}
	for _, ad := range ads {
		key := under.Of(&ad.Ad, localeOf(t, ad.Member))
		byCategory[key] = append(byCategory[key], ad)
	}
	for _, category := range headings(p, under, byCategory) {
		section := conversation.Section{Title: category.name}
		all := byCategory[category.key]
		slices.SortStableFunc(all, func(a, b ledger.NewAd) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(far(a, place), far(b, place)), cmp.Compare(b.Number, a.Number))
		})
		for _, ad := range all {
			section.Items = append(section.Items, item(t, p, ad))
		}
		sections = append(sections, section)
	}
	return sections
}

// far is 0 for an ad in a member's place, or of somebody who lives there, and 1
// for one elsewhere or nowhere.
func far(ad ledger.NewAd, place string) int {
	if place != "" && (strings.EqualFold(ad.Town, place) || strings.EqualFold(ad.Home, place)) {
		return 0
	}
	return 1
}

// item is one ad in a page.
func item(t *conversation.Turn, p *locales.Printer, ad ledger.NewAd) conversation.Item {
	text := ad.Text
	if ad.Kind == ledger.Want {
		text = p.Text("digest.wanted", locales.Args{"text": text})
	}
	terms := ad.Ad
	terms.Place = "" // it stands behind the name
	notes := append(conversation.AdNotes(p, terms), t.NameOf(ledger.AccountID(ad.Member)))
	if ad.Town != "" {
		notes = append(notes, ad.Town)
	}
	take := p.Text("digest.take", locales.Args{"number": ad.Number})
	return conversation.Item{
		Number: ad.Number, Text: text, Note: strings.Join(notes, ", "), Choice: conversation.Choice{Label: take, Reply: take},
	}
}

// localeOf is the language that a member writes.
func localeOf(t *conversation.Turn, id ledger.MemberID) string {
	if p := t.Names.Person(id); p != nil {
		return p.Locale
	}
	return t.Book.Community().Locale
}

// heading is a category and what it is called.
type heading struct{ key, name string }

// headings are those of some ads by category, in the order in which they are
// shown. What is in none comes last, under a heading only where there are others.
func headings(p *locales.Printer, under *conversation.Categories, of map[string][]ledger.NewAd) []heading {
	var all []heading
	for key := range of {
		name := under.Name(key, p)
		if key == "" && len(of) > 1 {
			name = p.Text("digest.rest", nil)
		}
		all = append(all, heading{key, name})
	}
	slices.SortFunc(all, func(a, b heading) int {
		return cmp.Or(cmp.Compare(under.Order(a.key), under.Order(b.key)), cmp.Compare(a.name, b.name))
	})
	return all
}

// shortMost is how many ads a text has.
const shortMost = 3

// shortText says on one segment what fits a member best. It returns the numbers
// that it names.
func shortText(t *conversation.Turn, c *Cry, p *locales.Printer, e *edition, best []ledger.NewAd) (text string, shown []int64) {
	community := t.Book.Community().Name
	words := strings.Join(strings.Fields(c.Words), " ")
	for n := min(shortMost, len(best)); n > 0; n-- {
		for most := 60; most >= 20; most -= 4 {
			var list []string
			shown = shown[:0]
			for _, ad := range best[:n] {
				what := conversation.Cut(ad.Text, most)
				if ad.Kind == ledger.Want {
					what = p.Text("digest.wanted", locales.Args{"text": what})
				}
				list = append(list, strconv.FormatInt(ad.Number, 10)+" "+what)
				shown = append(shown, ad.Number)
			}
			key := "digest.text"
			if len(best) > n {
				key = "digest.text_more"
			}
			text = p.Text(key, locales.Args{"community": conversation.Cut(community, 30), "list": strings.Join(list, "; ")})
			text = strings.ReplaceAll(text, "....", "...") // the last of them was cut
			if fitsOnce(t, e.at.channel, text, p.Locale()) {
				if words != "" {
					text = words + "\n" + text // the coordinator has seen what it costs
				}
				return text, shown
			}
		}
	}
	return cmp.Or(words, text), shown
}

// fitsOnce reports whether a text goes out in one piece: channels take two of
// them at once.
func fitsOnce(t *conversation.Turn, channel, text, locale string) bool {
	return t.Fits(channel, text+"\n"+text, locale)
}

// newsCommand is the form that MORE goes on with.
const newsCommand = "digest"

// moreLater has MORE tell a member of what a text had no room for.
func moreLater(ctx context.Context, t *conversation.Turn, e *edition) error {
	if len(e.shown) == 0 || len(e.ads) <= len(e.shown) {
		return nil
	}
	f := &conversation.Form{Command: newsCommand, ID: ledger.NewID(t.Now())}
	f.SetInt("above", e.since)
	var numbers []string
	for _, n := range e.shown {
		numbers = append(numbers, strconv.FormatInt(n, 10))
	}
	f.Set("shown", strings.Join(numbers, " "))
	return t.TalkOf(ctx, e.id, func(talk *conversation.Talk) { talk.More = f })
}

// life is what happened in a community.
type life struct {
	joined    []string // names of the first of them
	newcomers int64
	trades    int64
}

// joinedMost is how many newcomers are called by name.
const joinedMost = 5

// lifeSince is what happened since the digest before went out: for one that is just
// a day's, the day's before.
func lifeSince(ctx context.Context, book *ledger.Book, c *Cry) (*life, error) {
	var since int64
	tx, id := book.Tx(), book.Community().ID
	if err := ledger.Get(ctx, tx, []any{&since}, `SELECT COALESCE(MAX(began_at), $3) FROM cries
		WHERE community_id = $1 AND kind = 'digest' AND issue >= $4 AND state = 'done' AND reach > 0 AND id <> $2`,
		id, c.ID, ledger.Micros(c.Due.Add(-7*24*time.Hour)), asInt(c.Issue)); err != nil {
		return nil, err
	}
	l := &life{}
	var err error
	if l.joined, err = ledger.All(ctx, tx, func(rows ledger.Rows) (name string, err error) { return name, rows.Scan(&name) },
		`SELECT name FROM members WHERE community_id = $1 AND status = 'active' AND joined_at > $2 ORDER BY joined_at, id LIMIT $3`,
		id, since, joinedMost); err != nil {
		return nil, err
	}
	if err := ledger.Get(ctx, tx, []any{&l.newcomers}, `SELECT COUNT(*) FROM members WHERE community_id = $1 AND status = 'active' AND joined_at > $2`,
		id, since); err != nil {
		return nil, err
	}
	return l, ledger.Get(ctx, tx, []any{&l.trades}, `SELECT COUNT(*) FROM transfers WHERE community_id = $1 AND state = 'completed' AND COALESCE(decided_at, created_at) > $2`, id, since)
}

func (l *life) text(p *locales.Printer) string {
	var all []string
	if l.newcomers > 0 {
		names := strings.Join(l.joined, ", ")
		if l.newcomers > joinedMost {
			names += ", …"
		}
		all = append(all, p.Text("digest.joined", locales.Args{"n": int(l.newcomers), "names": conversation.Harmless(names)}))
	}
	if l.trades > 0 {
		all = append(all, p.Text("digest.trades", locales.Args{"n": int(l.trades)}))
	}
	return strings.Join(all, " ")
}
