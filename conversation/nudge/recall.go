package nudge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// An invitation is recalled once after firstRecall and once after lastRecall.
// When it has ended without an answer the coordinators hear of it, but of none
// that is older than recallsFor.
const (
	firstRecall = 7 * 24 * time.Hour
	lastRecall  = 21 * 24 * time.Hour
	recallsFor  = 45 * 24 * time.Hour

	recallsMost = 200 // invitations a day
	namesMost   = 5
	reported    = 3
)

// invitation is one that nobody has answered.
type invitation struct {
	code, channel, address string
	id                     ledger.MemberID
	created, expires       time.Time
	times                  int64 // that it was recalled
}

// unanswered are the invitations of people who have not come and for whom
// something is due. Who was invited twice has the second.
func unanswered(ctx context.Context, t *conversation.Turn) ([]invitation, error) {
	now := t.Now()
	return ledger.All(ctx, t.Book.Tx(), func(rows ledger.Rows) (i invitation, err error) {
		var created, expires int64
		err = rows.Scan(&i.code, &i.channel, &i.address, &i.id, &created, &expires, &i.times)
		i.created, i.expires = ledger.Time(created), ledger.Time(expires)
		return i, err
	}, `SELECT i.code, i.channel, i.address, i.member_id, i.created_at, i.expires_at, COALESCE(r.times, 0) FROM invitations i
		JOIN members m ON m.community_id = i.community_id AND m.id = i.member_id AND m.status = 'invited'
		LEFT JOIN recalled r ON r.community_id = i.community_id AND r.code = i.code
		WHERE i.community_id = $1 AND i.used_at IS NULL AND i.created_at > $2 AND COALESCE(r.times, 0) < $6 AND (i.expires_at <= $3
			OR i.channel <> '' AND (i.created_at <= $4 AND COALESCE(r.times, 0) < 1 OR i.created_at <= $5 AND COALESCE(r.times, 0) < 2))
			AND NOT EXISTS (SELECT 1 FROM invitations n WHERE n.community_id = i.community_id AND n.channel = i.channel AND n.address = i.address
				AND i.channel <> '' AND n.used_at IS NULL AND n.created_at > i.created_at)
		ORDER BY i.created_at, i.code LIMIT $7`, t.Book.Community().ID, ledger.Micros(now.Add(-recallsFor)), ledger.Micros(now),
		ledger.Micros(now.Add(-firstRecall)), ledger.Micros(now.Add(-lastRecall)), reported, recallsMost)
}

// recall asks those again who have not answered an invitation, and tells the
// coordinators who never did.
func recall(ctx context.Context, t *conversation.Turn) error {
	due, err := unanswered(ctx, t)
	if err != nil {
		return fmt.Errorf("read who has not answered: %w", err)
	}
	var gone []string
	for _, i := range due {
		person := t.Names.Person(i.id)
		if person == nil {
			return fmt.Errorf("member %d is not in the directory", i.id)
		}
		at, err := t.Book.MembersAt(ctx, i.channel, i.address)
		if err != nil {
			return err
		}
		switch {
		case i.channel != "" && len(at) > 0: // they came by another invitation
			i.times = reported
		case !i.expires.After(t.Now()):
			i.times = reported
			gone = append(gone, person.Name)
		default:
			if i.times = 1; !i.created.Add(lastRecall).After(t.Now()) {
				i.times = 2
			}
			t.SendTo(i.channel, i.address, person.Locale, conversation.Notices, "nudge.invited", locales.Args{
				"name": person.Name, "community": t.Book.Community().Name, "code": i.code,
			})
		}
		if err := t.Book.Tx().Later(ctx, `INSERT INTO recalled (community_id, code, times) VALUES ($1, $2, $3)
			ON CONFLICT (community_id, code) DO UPDATE SET times = excluded.times`, t.Book.Community().ID, i.code, i.times); err != nil {
			return fmt.Errorf("keep that an invitation was recalled: %w", err)
		}
	}
	return tellGone(ctx, t, gone)
}

// tellGone tells the coordinators who never answered.
func tellGone(ctx context.Context, t *conversation.Turn, names []string) error {
	if len(names) == 0 {
		return nil
	}
	args := locales.Args{"n": len(names)}
	if len(names) > namesMost {
		names = append(names[:namesMost:namesMost], "...")
	}
	args["names"] = strings.Join(names, ", ")
	for _, one := range t.Names.Coordinators() {
		quiet, err := isQuiet(ctx, t.Book, one.ID)
		if err != nil {
			return err
		}
		if quiet {
			continue
		}
		if _, err := t.Tell(ctx, one.ID, 0, "nudge.gone", args); err != nil {
			return err
		}
	}
	return nil
}
