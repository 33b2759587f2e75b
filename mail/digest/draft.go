package digest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// What whoever runs Crier sees of a digest before it goes out, and how they send
// it. Coordinators do the same by message.

// Draft is the digest of a community as it would go out now.
type Draft struct {
	Due           time.Time // when it is; zero where the community has no schedule
	Planned       bool      // it is shown, or was, to the coordinators: it goes out instead of an extra one
	Going         bool      // it is going out already
	Offers, Wants int       // that are new since the last one
	Reach         Reach
	Post          string              // the group that it goes to as well, "telegram:-100123"; "": none
	Text          string              // "": nothing goes out
	Sheet         *conversation.Sheet // what Text is made of; nil on channels that take only a few words
	Channel       string              // that it is made for; "": as on any with room for a page
	Locale        string              // that it is in
}

// Reach is whom a digest reaches.
type Reach struct {
	Members  int
	None     int            // who are due one, and have no address that is open
	Channels map[string]int // how many on each
	Cost     conversation.Cost
}

// Draft makes the digest as it would go out now: as one member gets it, or, where
// who is 0, as somebody reads it whose last digest was the community's last.
// locale is another language than theirs, "" for none.
func (d *Digests) Draft(ctx context.Context, t *conversation.Turn, who ledger.MemberID, locale string) (Draft, error) {
	c, s, err := d.upcoming(ctx, t)
	if err != nil {
		return Draft{}, err
	}
	draft := Draft{Planned: c.ID != 0 && c.State == planned, Going: c.State == going}
	if s.Schedule != "" || c.ID != 0 {
		draft.Due = c.Due
	}
	if draft.Offers, draft.Wants, err = counts(ctx, t.Book, s.seen); err != nil {
		return draft, err
	}
	r, err := d.reachOf(ctx, t, &s, c)
	if err != nil {
		return draft, err
	}
	draft.Reach = Reach{r.members, r.none, r.channels, conversation.Cost{Micros: r.micros, Currency: r.currency}}
	if err := d.begin(ctx, t, &s, &c); err != nil {
		return draft, err
	}
	if s.posts(&c) {
		draft.Post = s.Place
	}
	one := newRun(c.ID)
	e := &edition{reader: &reader{}, locale: t.Book.Community().Locale, since: c.From}
	if who != 0 {
		page, err := readers(ctx, t.Book, who-1)
		if err != nil {
			return draft, err
		}
		if len(page) == 0 || page[0].id != who {
			return draft, fmt.Errorf("%s is no active member", t.NameOf(ledger.AccountID(who)))
		}
		if e, err = d.editionOf(ctx, t, &s, &c, one, page[0]); err != nil || e == nil {
			return draft, err
		}
	} else if e.ads, err = one.newAds(ctx, t.Book, &c, c.From); err != nil || len(e.ads) < max(s.Least, 1) && c.Words == "" {
		return draft, err
	}
	if locale != "" {
		e.locale = locale
	}
	out, err := d.issue(ctx, t, &c, one, e)
	draft.Text, draft.Sheet, draft.Channel, draft.Locale = out.Text, out.Sheet, e.at.channel, out.Locale
	return draft, err
}

// upcoming is the digest that is going out, or the next; one that is not planned
// yet has no ID. It writes nothing.
func (d *Digests) upcoming(ctx context.Context, t *conversation.Turn) (c Cry, s Settings, err error) {
	if s, err = SettingsOf(ctx, t.Book); err != nil {
		return c, s, err
	}
	cries, err := open(ctx, t.Book)
	if err != nil {
		return c, s, err
	}
	issues := slices.DeleteFunc(cries, func(c Cry) bool { return c.Kind != kindDigest || !c.Issue })
	if i := slices.IndexFunc(issues, func(c Cry) bool { return c.State == going }); i >= 0 {
		return issues[i], s, nil
	}
	if len(issues) > 0 {
		return issues[0], s, nil
	}
	c = Cry{Kind: kindDigest, State: planned, Due: t.Now(), Issue: true}
	if s.Schedule != "" {
		c.Due, err = d.nextDue(ctx, t, s)
	}
	return c, s, err
}

// Begin begins to send a digest: the one that is planned, before its time, or
// else an extra one. One that is going out already is gone on with.
func (d *Digests) Begin(ctx context.Context, t *conversation.Turn) (Cry, error) {
	c, s, err := d.upcoming(ctx, t)
	if err != nil || c.State == going {
		return c, err
	}
	if c.ID == 0 {
		c.Due = t.Now()
		if c.ID, err = plan(ctx, t.Book, c); err != nil {
			return c, err
		}
	}
	if err := d.begin(ctx, t, &s, &c); err != nil {
		return c, err
	}
	t.Log().Info("whoever runs Crier sends the digest now", "due", c.Due)
	return c, c.save(ctx, t.Book)
}

// Continue tells the next members of a cry that is going out, as Tick does. It
// returns how far that is: of how many members how many were looked at.
func (d *Digests) Continue(ctx context.Context, t *conversation.Turn, id int64) (c Cry, looked, members int64, err error) {
	s, err := SettingsOf(ctx, t.Book)
	if err != nil {
		return c, 0, 0, err
	}
	if c, err = cryOf(ctx, t.Book, id); err != nil {
		return c, 0, 0, err
	}
	if c.State == going { // else another process has come to the end of it
		if err := d.step(ctx, t, &s, &c); err != nil {
			return c, 0, 0, err
		}
	}
	err = ledger.Get(ctx, t.Book.Tx(), []any{&members, &looked}, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN id <= $2 THEN 1 ELSE 0 END), 0) FROM members
		WHERE community_id = $1 AND status = 'active'`, t.Book.Community().ID, c.Cursor)
	return c, looked, members, err
}

// Over reports whether a cry has gone to all, or will not go to anybody.
func (c *Cry) Over() bool { return c.State == done || c.State == skipped }

// cryOf reads one.
func cryOf(ctx context.Context, book *ledger.Book, id int64) (Cry, error) {
	all, err := ledger.All(ctx, book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries WHERE community_id = $1 AND id = $2`, book.Community().ID, id)
	if err != nil {
		return Cry{}, fmt.Errorf("read what goes out: %w", err)
	}
	if len(all) == 0 {
		return Cry{}, fmt.Errorf("read what goes out: %w", ledger.ErrNotFound)
	}
	return all[0], nil
}
