package digest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"crier/conversation/state"
	"crier/ledger"
)

// Tally is what has become of a cry.
type Tally struct {
	Cry
	Sent      int64 // taken by their channel, and nothing bad was heard since
	Delivered int64 // of those: known to have arrived
	Waiting   int64 // still in the outbox
	Failed    int64 // given up, or returned
	None      int64 // who have no address that is open
	Post      *Post // nil: it went to no group
}

// Tallies returns the latest cries of a community with what has become of them,
// the newest first. What is only planned is not among them.
func Tallies(ctx context.Context, book *ledger.Book, n int) ([]Tally, error) {
	cries, err := ledger.All(ctx, book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries
		WHERE community_id = $1 AND state <> 'planned' ORDER BY due_at DESC, id DESC LIMIT $2`, book.Community().ID, n)
	if err != nil {
		return nil, fmt.Errorf("read what went out: %w", err)
	}
	all := make([]Tally, len(cries))
	for i, c := range cries {
		t := Tally{Cry: c}
		if err := ledger.Get(ctx, book.Tx(), []any{&t.None, &t.Failed, &t.Sent, &t.Delivered, &t.Waiting}, `SELECT
				COALESCE(SUM(CASE WHEN w.message_id = 0 THEN 1 ELSE 0 END), 0),
				COALESCE(SUM(CASE WHEN o.state = 'failed' AND o.error <> $3 THEN 1 ELSE 0 END), 0),
				COALESCE(SUM(CASE WHEN o.state = 'sent' THEN 1 ELSE 0 END), 0),
				COALESCE(SUM(CASE WHEN o.delivered_at IS NOT NULL AND o.state = 'sent' THEN 1 ELSE 0 END), 0),
				COALESCE(SUM(CASE WHEN o.state = 'queued' THEN 1 ELSE 0 END), 0)
			FROM cried w
			LEFT JOIN outbox o ON o.community_id = w.community_id AND o.id = w.message_id
			WHERE w.community_id = $1 AND w.cry_id = $2`, book.Community().ID, c.ID, state.TakenBack); err != nil {
			return nil, fmt.Errorf("read what has become of what went out: %w", err)
		}
		if t.Post, err = postOf(ctx, book, &c); err != nil {
			return nil, err
		}
		all[i] = t
	}
	return all, nil
}

// Post is a digest in the community's group.
type Post struct {
	Place  string // "telegram:-100123", as it is called by now
	Failed bool   // it did not get there
	Why    string // as the channel says it
}

// postOf returns what has become of a cry in the community's group; nil where it
// did not go there, or it was too long ago.
func postOf(ctx context.Context, book *ledger.Book, c *Cry) (*Post, error) {
	if c.PostID == 0 {
		return nil, nil
	}
	var became string
	var at address
	var p Post
	err := ledger.Get(ctx, book.Tx(), []any{&became, &at.channel, &at.address, &p.Why},
		`SELECT state, channel, address, error FROM outbox WHERE community_id = $1 AND id = $2`, book.Community().ID, c.PostID)
	if ledger.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what has become of what went to the group: %w", err)
	}
	p.Place, p.Failed = at.String(), became == "failed"
	return &p, nil
}

// Missed is a member who did not get a cry.
type Missed struct {
	Member ledger.MemberID
	Number int64
	Name   string
	Tried  []string // addresses, as "sms:+32470000012"
	Why    string   // as the channel says it; "": they had no address that is open
	Closed bool     // they have said by now that they want none, or nothing at an address of theirs
}

// MissedBy returns who did not get a cry, by number.
func MissedBy(ctx context.Context, book *ledger.Book, cry int64) ([]Missed, error) {
	return ledger.All(ctx, book.Tx(), func(rows ledger.Rows) (m Missed, err error) {
		var tried string
		var closed int64
		err = rows.Scan(&m.Member, &m.Number, &m.Name, &tried, &m.Why, &closed)
		m.Tried, m.Closed = strings.Fields(tried), closed > 0
		return m, err
	}, `SELECT m.id, m.number, m.name, w.tried, COALESCE(o.error, ''),
			`+closedAddresses+` + (SELECT COUNT(*) FROM cries c JOIN subscriptions s ON s.community_id = c.community_id AND s.member_id = w.member_id AND s.every = $4
				WHERE c.community_id = w.community_id AND c.id = w.cry_id AND c.kind = $5)
		FROM cried w
		JOIN members m ON m.community_id = w.community_id AND m.id = w.member_id
		LEFT JOIN outbox o ON o.community_id = w.community_id AND o.id = w.message_id
		WHERE w.community_id = $1 AND w.cry_id = $2 AND (w.message_id = 0 OR o.state = 'failed' AND o.error <> $3)
		ORDER BY m.number`, book.Community().ID, cry, state.TakenBack, Never, kindDigest)
}

// Overdue reports whether a digest should have gone out to all by now and has
// not, and when it was due: nothing does what is due, or it fails.
func Overdue(ctx context.Context, book *ledger.Book, zone *time.Location) (due time.Time, is bool, err error) {
	s, err := SettingsOf(ctx, book)
	if err != nil {
		return due, false, err
	}
	late := book.Now().Add(-lateness)
	cries, err := open(ctx, book)
	if err != nil {
		return due, false, err
	}
	for _, c := range cries {
		since := c.Due
		if c.State == going {
			since = c.Began
		}
		if c.Kind == kindDigest && since.Before(late) {
			return c.Due, true, nil
		}
	}
	if s.Schedule == "" {
		return due, false, nil
	}
	schedule, err := ParseSchedule(s.Schedule)
	if err != nil {
		return due, false, err
	}
	due = schedule.Next(s.checked, zone)
	return due, !due.IsZero() && due.Before(late), nil
}
