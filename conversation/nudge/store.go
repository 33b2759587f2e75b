package nudge

import (
	"context"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// progress is how far a community has come.
type progress struct {
	day     int64           // whose look was begun last, as 20260505
	cursor  ledger.MemberID // who was looked at last; -1: all were
	matched int64           // the newest ad that was brought together with others
	newest  int64           // the newest ad there is
}

// newFor is how long before a community is first looked at an ad counts as new.
const newFor = 24 * time.Hour

func progressOf(ctx context.Context, t *conversation.Turn) (p progress, err error) {
	tx, c := t.Book.Tx(), t.Book.Community().ID
	err = ledger.Get(ctx, tx, []any{&p.day, &p.cursor, &p.matched, &p.newest}, `SELECT day, cursor, matched,
		(SELECT COALESCE(MAX(number), 0) FROM ads WHERE community_id = $1) FROM nudges WHERE community_id = $1`, c)
	if !ledger.IsNotFound(err) {
		return p, err
	}
	p = progress{cursor: -1}
	if err := ledger.Get(ctx, tx, []any{&p.matched, &p.newest}, `SELECT COALESCE(MAX(CASE WHEN created_at < $2 THEN number END), 0), COALESCE(MAX(number), 0)
		FROM ads WHERE community_id = $1`, c, ledger.Micros(t.Now().Add(-newFor))); err != nil {
		return p, err
	}
	return p, p.save(ctx, t.Book)
}

func (p *progress) save(ctx context.Context, book *ledger.Book) error {
	_, err := book.Tx().Exec(ctx, `INSERT INTO nudges (community_id, day, cursor, matched) VALUES ($1, $2, $3, $4)
		ON CONFLICT (community_id) DO UPDATE SET day = excluded.day, cursor = excluded.cursor, matched = excluded.matched`,
		book.Community().ID, p.day, p.cursor, p.matched)
	if err != nil {
		return fmt.Errorf("keep how far reminding has come: %w", err)
	}
	return nil
}

// setQuiet keeps whether a member wants no more of it.
func setQuiet(ctx context.Context, book *ledger.Book, id ledger.MemberID, quiet bool) error {
	n := 0
	if quiet {
		n = 1
	}
	_, err := book.Tx().Exec(ctx, `INSERT INTO nudged (community_id, member_id, quiet) VALUES ($1, $2, $3)
		ON CONFLICT (community_id, member_id) DO UPDATE SET quiet = excluded.quiet`, book.Community().ID, id, n)
	if err != nil {
		return fmt.Errorf("keep who wants no reminders: %w", err)
	}
	return nil
}

// isQuiet reports whether a member wants no more of it.
func isQuiet(ctx context.Context, book *ledger.Book, id ledger.MemberID) (bool, error) {
	var n int64
	err := ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM nudged WHERE community_id = $1 AND member_id = $2 AND quiet = 1`,
		book.Community().ID, id)
	return n > 0, err
}
