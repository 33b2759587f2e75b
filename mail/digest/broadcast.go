package digest

import (
	"context"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
)

// audience is who gets a broadcast: everybody, or those who live in a place, who
// have an ad of a category up, or such an ad. It is kept as text.
type audience struct {
	place    string
	category string // its key
	words    string // of an ad
	kind     ledger.AdKind
}

func (a audience) String() string {
	switch {
	case a.place != "":
		return "place:" + a.place
	case a.category != "":
		return "category:" + a.category
	case a.words != "":
		return string(a.kind) + ":" + a.words
	}
	return ""
}

func audienceOf(s string) (a audience) {
	what, rest, _ := strings.Cut(s, ":")
	switch what {
	case "place":
		a.place = rest
	case "category":
		a.category = rest
	case string(ledger.Offer), string(ledger.Want):
		a.kind, a.words = ledger.AdKind(what), rest
	}
	return a
}

// has reports whether a member is of the audience. owners are who have such ads.
func (a audience) has(one *reader, owners map[ledger.MemberID]bool) bool {
	switch {
	case a.place != "":
		return understand.Fold(one.place) == understand.Fold(a.place)
	case a.category != "", a.words != "":
		return owners[one.id]
	}
	return true
}

// ownersMost is how many ads an audience is looked for in.
const ownersMost = 1000

// owners are the members who have an ad of the audience up, in the words of the
// coordinator who broadcasts. What is only like it is not meant.
func (a audience) owners(ctx context.Context, t *conversation.Turn, by ledger.MemberID) (map[ledger.MemberID]bool, error) {
	all := map[ledger.MemberID]bool{} // not nil, even where it is empty
	if a.category != "" {
		return all, a.categoryOwners(ctx, t, all)
	}
	if a.words == "" {
		return all, nil
	}
	var locale string
	if coordinator := t.Names.Person(by); coordinator != nil {
		locale = coordinator.Locale
	}
	found, err := t.Tongues(locale).Find(ctx, t.Book, a.words, ownersMost)
	for _, ad := range found.Ads {
		if ad.Kind == a.kind && !found.Near {
			all[ad.Member] = true
		}
	}
	return all, err
}

// categoryOwners adds the members who have an ad of the audience's category up.
func (a audience) categoryOwners(ctx context.Context, t *conversation.Turn, all map[ledger.MemberID]bool) error {
	under, err := t.Categories(ctx)
	if err != nil {
		return err
	}
	to, err := newest(ctx, t.Book)
	if err != nil {
		return err
	}
	ads, err := adsBetween(ctx, t.Book, 0, to)
	for _, ad := range ads {
		if under.Of(&ad.Ad, localeOf(t, ad.Member)) == a.category {
			all[ad.Member] = true
		}
	}
	return err
}

// broadcast is what a member is told.
func broadcast(t *conversation.Turn, c *Cry, e *edition) conversation.Outbound {
	p := t.PrinterFor(e.locale, e.at.channel)
	return conversation.Outbound{
		Channel: e.at.channel, Address: e.at.address, Locale: p.Locale(), Text: c.Words, Priority: conversation.Bulk,
	}
}

// broadcastTo tells one member, if they are of the audience. It reports whether
// they were, or read it where another was.
func (d *Digests) broadcastTo(ctx context.Context, t *conversation.Turn, c *Cry, r *run, one *reader) (bool, error) {
	a := audienceOf(c.Audience)
	if r.owners == nil {
		var err error
		if r.owners, err = a.owners(ctx, t, c.By); err != nil {
			return false, err
		}
	}
	person := t.Names.Person(one.id)
	if person == nil || !a.has(one, r.owners) {
		return false, nil
	}
	e := &edition{reader: one, locale: person.Locale}
	if len(one.at) == 0 {
		r.tell(t.Book, e, 0)
		return false, nil
	}
	e.at = one.at[0]
	if e.at.shared {
		if already, err := r.toldAt(ctx, t.Book, e.at); err != nil || already {
			return already, err
		}
	}
	r.tell(t.Book, e, t.Post(broadcast(t, c, e)))
	return true, nil
}
