package state

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// What is asked of the outbox after a message was sent: is this its answer, did
// it arrive, was it wanted?

// tokenLasts is how long the token of a message is good for: as long as the
// request that it may tell of.
const tokenLasts = conversation.RequestLasts

// redeem says what a message answers that shows the token of another. It
// returns nil where that counts no more: it was used by another message, is too
// old, or was sent to another address or community. spend writes down that it
// is used, where it is.
func (j *Journey) redeem(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, m message, now time.Time) (*conversation.Answered, error) {
	if m.in.Answers == 0 {
		return nil, nil
	}
	log := j.Log.With("channel", m.in.Channel, "message_id", m.id)
	a := &conversation.Answered{}
	var holds int64
	err := ledger.Get(ctx, tx, []any{&a.Question, &a.Desk, &holds}, `SELECT question, desk, holds FROM outbox
		WHERE id = $1 AND community_id = $3 AND channel = $4 AND address = $5 AND created_at > $6 AND (answered_by IS NULL OR answered_by = $2)`, m.in.Answers, m.id, lane, m.in.Channel, m.in.From, ledger.Micros(now.Add(-tokenLasts)))
	if ledger.IsNotFound(err) {
		log.Info("a token that counts no more: used, too old, or somebody else's")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("redeem token: %w", err)
	}
	if holds != 0 {
		held, err := ledger.All(ctx, tx, j.scanMessage, `SELECT `+messageColumns+` FROM inbox WHERE id = $1`, holds)
		if err != nil {
			return nil, fmt.Errorf("read held message: %w", err)
		}
		for _, one := range held {
			a.Held = &one.in
		}
	}
	return a, nil
}

// spend writes down that a message has used the token that it shows.
func (j *Journey) spend(ctx context.Context, tx ledger.Tx, m message) error {
	j.Log.Info("the sender has shown the token of what they answer", "channel", m.in.Channel, "message_id", m.id, "trust", "token")
	return tx.Later(ctx, `UPDATE outbox SET answered_by = $2 WHERE id = $1`, m.in.Answers, m.id)
}

// letter is a message of the outbox that something is said about later.
type letter struct {
	community ledger.CommunityID
	address   string
	priority  conversation.Priority
}

// about runs fn on the community of a message of the outbox, locked. Where
// there is no such message on the channel it does nothing.
func (j *Journey) about(ctx context.Context, channel string, id int64, fn func(tx ledger.Tx, book *ledger.Book, l letter) error) error {
	err := j.DB.Update(ctx, func(tx ledger.Tx) error {
		var l letter
		err := ledger.Get(ctx, tx, []any{&l.community, &l.address, &l.priority},
			`SELECT community_id, address, priority FROM outbox WHERE id = $1 AND channel = $2 AND created_at > $3`,
			id, channel, ledger.Micros(j.Clock().Add(-bouncesLast)))
		if ledger.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		book, err := ledger.Open(ctx, tx, l.community, j.Clock())
		if err != nil {
			return err
		}
		return fn(tx, book, l)
	})
	if err != nil {
		return fmt.Errorf("message %d: %w", id, err)
	}
	return nil
}

// When an address is paused to which messages bounce, with nothing heard from
// it in between: where a second one is refused for good, half a day after the
// first, or where nothing has come through for days, as with a full mailbox.
const (
	hardApart   = 12 * time.Hour
	softMost    = 3
	softApart   = 3 * 24 * time.Hour
	bouncesLast = 60 * 24 * time.Hour // what is older counts no more
)

// Bounced notes that a message of the outbox did not arrive, though the channel
// took it; hard says that it is because of its address. It has failed with
// that; where it happens repeatedly the address is paused. It may be told again.
func (j *Journey) Bounced(ctx context.Context, channel string, id int64, hard bool, reason string) error {
	var sending map[string]bool
	err := j.about(ctx, channel, id, func(tx ledger.Tx, _ *ledger.Book, l letter) error {
		sending = map[string]bool{}
		now := j.Clock()
		if _, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', error = $2, ended_at = COALESCE(ended_at, $3) WHERE id = $1`,
			id, clean(reason, maxField), ledger.Micros(now)); err != nil {
			return err
		}
		out, err := j.bounced(ctx, tx, l.community, channel, l.address, id, hard, reason, now)
		for _, o := range out {
			sending[o.Channel] = true
		}
		if err != nil || len(out) == 0 {
			return err
		}
		return j.notify(ctx, tx)
	})
	if err == nil {
		j.wakeSenders(sending)
	}
	return err
}

// bounced counts one that did not arrive, and pauses the address where it is
// one too many. It returns what the coordinators have to be told.
func (j *Journey) bounced(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, channel, address string, id int64, hard bool,
	reason string, now time.Time,
) ([]conversation.Outbound, error) {
	isHard := 0
	if hard {
		isHard = 1
	}
	n, err := tx.Exec(ctx, `INSERT INTO bounces (community_id, message_id, channel, address, hard, reason, bounced_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING`, lane, id, channel, address, isHard, clean(reason, maxField), ledger.Micros(now))
	if err != nil || n == 0 || lane == ledger.Host {
		return nil, err
	}
	if hard {
		if out, err := j.unreachable(ctx, tx, lane, channel, address, now); len(out) > 0 || err != nil {
			return out, err
		}
	}
	var hards, softs, firstHard, first int64
	if err := ledger.Get(ctx, tx, []any{&hards, &softs, &firstHard, &first}, `SELECT
			COALESCE(SUM(hard), 0), COUNT(*), COALESCE(MIN(CASE hard WHEN 1 THEN bounced_at END), 0), COALESCE(MIN(bounced_at), 0) FROM bounces
		WHERE community_id = $1 AND channel = $2 AND address = $3 AND bounced_at > $4
		AND bounced_at >= COALESCE((SELECT MAX(used_at) FROM addresses WHERE community_id = $1 AND channel = $2 AND address = $3), 0)`,
		lane, channel, address, ledger.Micros(now.Add(-bouncesLast))); err != nil {
		return nil, fmt.Errorf("count bounces: %w", err)
	}
	if (hards < 2 || now.Sub(ledger.Time(firstHard)) < hardApart) && (softs < softMost || now.Sub(ledger.Time(first)) < softApart) {
		return nil, nil
	}
	return j.pause(ctx, tx, lane, channel, address, reason, now)
}

// unreachable tells the coordinators that an invitation went to an address that
// does not work: it is nobody's yet, and nobody else would notice.
func (j *Journey) unreachable(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, channel, address string, now time.Time) ([]conversation.Outbound, error) {
	book, err := ledger.Open(ctx, tx, lane, now)
	if err != nil {
		return nil, err
	}
	if _, err := book.InvitationTo(ctx, channel, address); ledger.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	out, err := j.Engine.Unreachable(ctx, j.room(book, j.memory(tx, book)), channel, address)
	if err != nil {
		return nil, err
	}
	return out, enqueue(ctx, tx, lane, out, nil, now)
}

// Complained notes that somebody called a message of the outbox unwanted. They
// get no more of its kind: nothing in bulk, or nothing at all until they write
// again, and the coordinators are told. It counts once for each message.
func (j *Journey) Complained(ctx context.Context, channel string, id int64) error {
	return j.about(ctx, channel, id, func(tx ledger.Tx, _ *ledger.Book, l letter) error {
		if l.priority >= conversation.Bulk {
			return unsubscribe(ctx, tx, l.community, channel, l.address, j.Clock())
		}
		n, err := tx.Exec(ctx, `INSERT INTO bounces (community_id, message_id, channel, address, hard, reason, bounced_at)
			VALUES ($1, $2, $3, $4, 0, 'complaint', $5) ON CONFLICT DO NOTHING`, l.community, id, channel, l.address, ledger.Micros(j.Clock()))
		if err != nil || n == 0 {
			return err
		}
		out, err := j.pause(ctx, tx, l.community, channel, l.address, "complaint", j.Clock())
		if err != nil || len(out) == 0 {
			return err
		}
		return j.notify(ctx, tx)
	})
}

// Unsubscribe has the address that a message of the outbox went to get nothing
// more in bulk.
func (j *Journey) Unsubscribe(ctx context.Context, channel string, id int64) error {
	return j.about(ctx, channel, id, func(tx ledger.Tx, _ *ledger.Book, l letter) error {
		return unsubscribe(ctx, tx, l.community, channel, l.address, j.Clock())
	})
}

// TakenBack is the error of a message that was not sent because its reader
// wanted no more before it was.
const TakenBack = "its reader wants no more"

// takeBack ends messages of some rank or below that wait to be sent to an address.
func takeBack(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, channel, address string, from conversation.Priority, now time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', ended_at = $5, error = $6
		WHERE community_id = $1 AND channel = $2 AND address = $3 AND state = 'queued' AND priority >= $4`,
		lane, channel, address, from, ledger.Micros(now), TakenBack)
	if err != nil {
		return fmt.Errorf("take back what waits for %s: %w", channel, err)
	}
	return nil
}

// TakeBack ends one message of the outbox, if it still waits to be sent.
func TakeBack(ctx context.Context, book *ledger.Book, message int64) error {
	_, err := book.Tx().Exec(ctx, `UPDATE outbox SET state = 'failed', ended_at = $3, error = $4 WHERE community_id = $1 AND id = $2 AND state = 'queued'`,
		book.Community().ID, message, ledger.Micros(book.Now()), TakenBack)
	if err != nil {
		return fmt.Errorf("take message %d back: %w", message, err)
	}
	return nil
}

func (m *memory) TakeBack(ctx context.Context, community ledger.CommunityID, channel, address string) error {
	return takeBack(ctx, m.tx, community, channel, address, conversation.Replies+1, m.book.Now())
}

func unsubscribe(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, channel, address string, now time.Time) error {
	if _, err := tx.Exec(ctx, `INSERT INTO unsubscribed (community_id, channel, address, since) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		lane, channel, address, ledger.Micros(now)); err != nil {
		return err
	}
	return takeBack(ctx, tx, lane, channel, address, conversation.Bulk, now)
}

func (m *memory) Resubscribe(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) error {
	return m.tx.Later(ctx, `DELETE FROM unsubscribed WHERE community_id = $1 AND EXISTS (SELECT 1 FROM addresses a
		WHERE a.community_id = unsubscribed.community_id AND a.channel = unsubscribed.channel AND a.address = unsubscribed.address AND a.member_id = $2)`,
		community, member)
}

// Load reads a note that the processes of this host share, "" where there is none.
func (j *Journey) Load(ctx context.Context, name string) (value string, err error) {
	err = j.DB.View(ctx, func(tx ledger.Tx) error { return getNote(ctx, tx, name, &value) })
	return value, err
}

// Save writes a note.
func (j *Journey) Save(ctx context.Context, name, value string) error {
	return j.DB.Update(ctx, func(tx ledger.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO notes (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}

func getNote(ctx context.Context, tx ledger.Tx, name string, value *string) error {
	err := ledger.Get(ctx, tx, []any{value}, `SELECT value FROM notes WHERE name = $1`, name)
	if ledger.IsNotFound(err) {
		return nil
	}
	return err
}

// Secret returns 32 random bytes that are made when first asked for, and then
// the same for every process of this host.
func Secret(ctx context.Context, db ledger.DB, name string) (secret []byte, err error) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	err = db.Update(ctx, func(tx ledger.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO notes (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
			"secret "+name, base64.StdEncoding.EncodeToString(random)); err != nil {
			return err
		}
		var value string
		if err := getNote(ctx, tx, "secret "+name, &value); err != nil {
			return err
		}
		secret, err = base64.StdEncoding.DecodeString(value)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the secret of %s: %w", name, err)
	}
	return secret, nil
}
