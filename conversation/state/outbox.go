package state

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// enqueue puts messages into the outbox. to is the message that some of them
// answer, nil where there is none. Whoever has unsubscribed gets none in bulk.
func enqueue(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, out []conversation.Outbound, to *message, now time.Time) error {
	closed, err := unsubscribed(ctx, tx, lane, out)
	if err != nil {
		return err
	}
	kept := map[*conversation.Sheet]string{}
	var rows [][]any
	for _, o := range out {
		if o.Priority >= conversation.Bulk && closed[[2]string{o.Channel, o.Address}] {
			continue
		}
		var thread string
		var holds int64
		if to != nil && o.ReplyTo == to.in.ID && o.Channel == to.in.Channel {
			if !o.Bare {
				thread = to.in.Thread
			}
			if o.Holds {
				holds = to.id
			}
		}
		choices, err := json.Marshal(o.Choices)
		if err != nil {
			return err
		}
		if len(o.Choices) == 0 {
			choices = nil
		}
		id, text, sheet := cmp.Or(o.ID, ledger.NewID(now)), clean(o.Text, maxText), ""
		if o.Sheet != nil {
			text = ""
			if sheet = kept[o.Sheet]; sheet == "" {
				if sheet, err = keepSheet(ctx, tx, lane, o, now); err != nil {
					return err
				}
				kept[o.Sheet] = sheet
			}
		}
		rows = append(rows, []any{
			id, lane, o.Channel, o.Address, o.Locale, text, string(choices), o.Question, o.ReplyTo, o.Priority, "queued", 0, ledger.Micros(now),
			thread, holds, o.Desk, sheet,
		})
	}
	if err := ledger.LaterRows(ctx, tx, `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to, priority, state,
		next_at, created_at, thread, holds, desk, sheet)`, rows, ""); err != nil {
		return fmt.Errorf("queue message: %w", err)
	}
	return nil
}

// unsubscribed are the channels and addresses of a community that want nothing
// in bulk, where something in bulk is to go out.
func unsubscribed(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, out []conversation.Outbound) (map[[2]string]bool, error) {
	if !slices.ContainsFunc(out, func(o conversation.Outbound) bool { return o.Priority >= conversation.Bulk }) {
		return nil, nil
	}
	closed := map[[2]string]bool{}
	_, err := ledger.All(ctx, tx, func(rows ledger.Rows) (none struct{}, err error) {
		var a [2]string
		err = rows.Scan(&a[0], &a[1])
		closed[a] = true
		return none, err
	}, `SELECT channel, address FROM unsubscribed WHERE community_id = $1`, lane)
	if err != nil {
		return nil, fmt.Errorf("read who is unsubscribed: %w", err)
	}
	return closed, nil
}

// queued is a row of the outbox.
type queued struct {
	conversation.Outbound
	community ledger.CommunityID
	nextAt    time.Time
	created   time.Time
	sheetName string // "": it has a text of its own
	from      *sendingCommunity
}

// sendingCommunity is what a message's way depends on of its community.
type sendingCommunity struct {
	slug, name, timezone string
	quietFrom, quietTo   int // minutes of the day
}

// month is the month of a moment where a message's community is.
func (j *Journey) month(q queued, at time.Time) string { return at.In(j.zone(q)).Format("2006-01") }

// zone is where a message's community is. Reading it takes longer than all
// else that is done with a message.
func (j *Journey) zone(q queued) *time.Location {
	if z, ok := j.zones.Load(q.from.timezone); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(q.from.timezone)
	if err != nil {
		z = time.UTC
	}
	j.zones.Store(q.from.timezone, z)
	return z
}

// quiet reports whether a moment is in the quiet hours of a message's community.
func (j *Journey) quiet(q queued, at time.Time) bool {
	if q.from.quietFrom == q.from.quietTo {
		return false
	}
	at = at.In(j.zone(q))
	minute := at.Hour()*60 + at.Minute()
	if q.from.quietFrom < q.from.quietTo {
		return minute >= q.from.quietFrom && minute < q.from.quietTo
	}
	return minute >= q.from.quietFrom || minute < q.from.quietTo
}

const queuedColumns = `id, community_id, channel, address, locale, text, choices, question, reply_to, thread, desk, priority, attempts,
	next_at, created_at, sheet`

// queued reads messages of the outbox, with all that they say.
func (j *Journey) queued(ctx context.Context, tx ledger.Tx, query string, args ...any) ([]queued, error) {
	all, err := ledger.All(ctx, tx, scanQueued, query, args...)
	if err != nil {
		return nil, err
	}
	senders := map[ledger.CommunityID]*sendingCommunity{} // not joined: the row of a busy one has many versions
	for i := range all {
		q := &all[i]
		c := senders[q.community]
		if c == nil {
			c = &sendingCommunity{}
			if err := ledger.Get(ctx, tx, []any{&c.slug, &c.name, &c.timezone, &c.quietFrom, &c.quietTo},
				`SELECT slug, name, timezone, quiet_from, quiet_to FROM communities WHERE id = $1`, q.community); err != nil {
				return nil, fmt.Errorf("read community %d: %w", q.community, err)
			}
			senders[q.community] = c
		}
		q.Community, q.from = c.slug, c
		if q.community != ledger.Host {
			q.Sender = c.name
		}
	}
	return all, j.sheets.fill(ctx, tx, all)
}

func scanQueued(rows ledger.Rows) (q queued, err error) {
	var choices string
	var next, created int64
	err = rows.Scan(&q.ID, &q.community, &q.Channel, &q.Address, &q.Locale, &q.Text, &choices, &q.Question,
		&q.ReplyTo, &q.Thread, &q.Desk, &q.Priority, &q.Attempt, &next, &created, &q.sheetName)
	q.Attempt++
	q.nextAt, q.created = ledger.Time(next), ledger.Time(created)
	if err == nil && choices != "" {
		err = json.Unmarshal([]byte(choices), &q.Choices)
	}
	return q, err
}

// pause marks an address as one that takes no more messages, and tells the
// coordinators whose it is. What else waits for it has failed with it.
func (j *Journey) pause(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, channel, address, reason string, now time.Time) ([]conversation.Outbound, error) {
	if lane == ledger.Host {
		return nil, nil
	}
	book, err := ledger.Open(ctx, tx, lane, now)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', ended_at = $4, error = 'the address was paused'
			WHERE community_id = $1 AND channel = $2 AND address = $3 AND state = 'queued'`, lane, channel, address, ledger.Micros(now)); err != nil {
		return nil, err
	}
	out, err := j.Engine.Pause(ctx, j.room(book, j.memory(tx, book)), channel, address, clean(reason, maxField))
	if err != nil {
		return nil, err
	}
	return out, enqueue(ctx, tx, lane, out, nil, now)
}

func moveAddress(ctx context.Context, tx ledger.Tx, channel, from, to string, now time.Time) error {
	communities, err := ledger.Route(ctx, tx, channel, from)
	if err != nil {
		return err
	}
	for _, id := range communities {
		book, err := ledger.Open(ctx, tx, id, now)
		if err != nil {
			return err
		}
		if err := book.MoveAddress(ctx, channel, from, to); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE outbox SET address = $3 WHERE channel = $1 AND address = $2 AND state = 'queued'`, channel, from, to)
	return err
}

// MoveAddress follows an address that its channel has given another form.
func (j *Journey) MoveAddress(ctx context.Context, channel, from, to string) error {
	return j.DB.Update(ctx, func(tx ledger.Tx) error { return moveAddress(ctx, tx, channel, from, to, j.Clock()) })
}

// PauseAddress notes that an address takes no more messages, wherever it is known.
func (j *Journey) PauseAddress(ctx context.Context, channel, address, reason string) error {
	return j.DB.Update(ctx, func(tx ledger.Tx) error {
		communities, err := ledger.Route(ctx, tx, channel, address)
		if err != nil {
			return err
		}
		for _, id := range communities {
			if _, err := j.pause(ctx, tx, id, channel, address, reason, j.Clock()); err != nil {
				return err
			}
		}
		return j.notify(ctx, tx)
	})
}

// ResumeAddress opens an address again that was paused.
func (j *Journey) ResumeAddress(ctx context.Context, channel, address string) error {
	return j.DB.Update(ctx, func(tx ledger.Tx) error {
		communities, err := ledger.Route(ctx, tx, channel, address)
		if err != nil {
			return err
		}
		for _, id := range communities {
			book, err := ledger.Open(ctx, tx, id, j.Clock())
			if err != nil {
				return err
			}
			at, err := book.MembersAt(ctx, channel, address)
			if err != nil {
				return err
			}
			if len(at) > 0 && at[0].Address.Status == ledger.AddressPaused {
				if _, err := book.SetAddressStatus(ctx, channel, address, ledger.AddressActive, ""); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Flush hands everything that waits in the outbox to send, in order, whatever
// its channel.
func (j *Journey) Flush(ctx context.Context, send func(conversation.Outbound)) error {
	var all []queued
	if err := j.DB.Update(ctx, func(tx ledger.Tx) (err error) {
		all, err = j.queued(ctx, tx, `SELECT `+queuedColumns+` FROM outbox
			WHERE state = 'queued' ORDER BY id`)
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
	}); err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	for _, q := range all {
		send(q.Outbound)
	}
	return nil
}
