package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// What the program that runs a journey asks of it, beside moving messages.

// Depth is how many messages wait.
type Depth struct {
	Inbox  int64            // to be handled
	Outbox map[string]int64 // to be sent, by channel
}

// Depth counts what waits, in the whole database.
func (j *Journey) Depth(ctx context.Context) (d Depth, err error) {
	type one struct {
		channel string
		n       int64
	}
	err = j.DB.View(ctx, func(tx ledger.Tx) error {
		d = Depth{Outbox: map[string]int64{}}
		if err := ledger.Get(ctx, tx, []any{&d.Inbox}, `SELECT COUNT(*) FROM inbox WHERE state = 'pending'`); err != nil {
			return err
		}
		all, err := ledger.All(ctx, tx, func(rows ledger.Rows) (o one, err error) { return o, rows.Scan(&o.channel, &o.n) },
			`SELECT channel, COUNT(*) FROM outbox WHERE state = 'queued' GROUP BY channel`)
		for _, o := range all {
			d.Outbox[o.channel] = o.n
		}
		return err
	})
	if err != nil {
		return d, fmt.Errorf("count waiting messages: %w", err)
	}
	return d, nil
}

// Perform does something in a community, once, and queues what is said in it.
func (j *Journey) Perform(ctx context.Context, id ledger.CommunityID, c conversation.Chore) error {
	_, err := j.perform(ctx, id, func(room conversation.Room) ([]conversation.Outbound, bool, error) {
		return j.Engine.Perform(ctx, room, c)
	})
	return err
}

// Look is Perform for what changes nothing: what is said in it goes nowhere.
func (j *Journey) Look(ctx context.Context, id ledger.CommunityID, c conversation.Chore) error {
	return j.DB.View(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Read(ctx, tx, id, j.Clock())
		if err != nil {
			return err
		}
		_, _, err = j.Engine.Perform(ctx, j.room(book, j.memory(tx, book)), c)
		return err
	})
}

// Held reports whether a process of the host holds a lease: "tick" is held
// wherever a journey does what is due.
func (j *Journey) Held(ctx context.Context, lease string) (held bool, err error) {
	var n int64
	err = j.DB.View(ctx, func(tx ledger.Tx) error {
		return ledger.Get(ctx, tx, []any{&n}, `SELECT COUNT(*) FROM leases WHERE name = $1 AND until >= $2`, lease, ledger.Micros(j.Clock()))
	})
	return n > 0, err
}

// How long Ask waits for a message to be handled by another process.
const (
	askPatience = 20 * time.Second
	askAgain    = 10 * time.Millisecond
)

// Ask is Now for a database that other processes may work on as well: it waits
// until the message is handled, by whichever of them, and gives only what waits
// for its sender to send. What waits for others stays in the outbox.
func (j *Journey) Ask(ctx context.Context, in conversation.Inbound, send func(conversation.Outbound)) error {
	in, err := checked(in)
	if err != nil {
		return err
	}
	if err := j.keep(ctx, in); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for end := time.Now().Add(askPatience); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if _, err := j.Work(ctx); err != nil {
			return err
		}
		waits, err := j.waits(ctx, in)
		if err != nil {
			return err
		}
		if !waits {
			return j.flushTo(ctx, in.Channel, in.From, send)
		}
		if time.Now().After(end) {
			return errors.New("the message is kept, but was not handled yet")
		}
		timer.Reset(askAgain)
	}
}

func (j *Journey) waits(ctx context.Context, in conversation.Inbound) (waits bool, err error) {
	err = j.DB.View(ctx, func(tx ledger.Tx) error {
		var n int64
		err := ledger.Get(ctx, tx, []any{&n}, `SELECT COUNT(*) FROM inbox WHERE channel = $1 AND external_id = $2 AND state = 'pending'`, in.Channel, in.ID)
		waits = n > 0
		return err
	})
	return waits, err
}

// flushTo hands what waits for one address to send, in order.
func (j *Journey) flushTo(ctx context.Context, channel, address string, send func(conversation.Outbound)) error {
	var all []queued
	err := j.DB.Update(ctx, func(tx ledger.Tx) (err error) {
		all, err = j.queued(ctx, tx, `SELECT `+queuedColumns+` FROM outbox
			WHERE state = 'queued' AND channel = $1 AND address = $2 ORDER BY id`, channel, address)
		if err != nil {
			return err
		}
		for _, q := range all {
			if err := tx.Later(ctx, `UPDATE outbox SET state = 'sent', attempts = attempts + 1, ended_at = $2 WHERE id = $1`,
				q.ID, ledger.Micros(j.Clock())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	for _, q := range all {
		send(q.Outbound)
	}
	return nil
}
