package state

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// Long messages that a channel brings in parts are put together here, since
// each part may come to another process.

const (
	partsWait = 10 * time.Minute // for the rest of a message
	partsLast = 3 * 24 * time.Hour
)

// part is a row of the parts.
type part struct {
	number, total int
	externalID    string
	community     string
	text          string
	received      int64
	done          bool
}

// Assemble keeps a part of a message, and takes the message in as soon as all
// its parts are there, with the id of the first. ref tells the message from the
// sender's others, for a while: gateways count it round and round. nil says
// that the part is kept; one that came before has no further effect.
func (j *Journey) Assemble(ctx context.Context, in conversation.Inbound, ref string, number, total int) error {
	in, err := checked(in)
	if err != nil {
		return err
	}
	if err := j.sealer.open(ctx, j.DB); err != nil {
		return err
	}
	var whole bool
	err = j.DB.Update(ctx, func(tx ledger.Tx) error {
		whole = false
		now := j.Clock()
		have, err := j.partsOf(ctx, tx, in.Channel, in.From, ref)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(have, func(p part) bool { return p.externalID == in.ID }) {
			return nil // it came before
		}
		for _, p := range have {
			switch {
			case p.number == number || p.total != total || now.Sub(ledger.Time(p.received)) > partsWait:
				// Another message with the same number: what there is of the old one goes its own way.
				if err := j.endParts(ctx, tx, in.Channel, in.From, ref, have, now); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, `DELETE FROM parts WHERE channel = $1 AND sender = $2 AND ref = $3`, in.Channel, in.From, ref); err != nil {
					return err
				}
				have = nil
			}
			if have == nil {
				break
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO parts (channel, sender, ref, number, total, external_id, community, text, received_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			in.Channel, in.From, ref, number, total, in.ID, in.Community, j.sealer.seal(in.Text), ledger.Micros(now)); err != nil {
			return err
		}
		if len(have)+1 < total {
			return nil
		}
		if have, err = j.partsOf(ctx, tx, in.Channel, in.From, ref); err != nil {
			return err
		}
		whole = true
		return j.endParts(ctx, tx, in.Channel, in.From, ref, have, now)
	})
	if err != nil {
		return fmt.Errorf("keep part of a message: %w", err)
	}
	if whole {
		j.wake()
	}
	return nil
}

// partsOf reads what there is of a message, in order.
func (j *Journey) partsOf(ctx context.Context, tx ledger.Tx, channel, sender, ref string) ([]part, error) {
	return ledger.All(ctx, tx, func(rows ledger.Rows) (p part, err error) {
		var done int64
		err = rows.Scan(&p.number, &p.total, &p.externalID, &p.community, &p.text, &p.received, &done)
		p.text, p.done = j.sealer.unseal(p.text), done != 0
		return p, err
	}, `SELECT number, total, external_id, community, text, received_at, done FROM parts
		WHERE channel = $1 AND sender = $2 AND ref = $3 ORDER BY number`, channel, sender, ref)
}

// endParts takes in what there is of a message, unless that was done before.
func (j *Journey) endParts(ctx context.Context, tx ledger.Tx, channel, sender, ref string, parts []part, now time.Time) error {
	if len(parts) == 0 || parts[0].done {
		return nil
	}
	in := conversation.Inbound{
		Channel: channel, ID: parts[0].externalID, From: sender, At: ledger.Time(parts[0].received), Trust: conversation.Proven,
		Community: parts[0].community, Partial: len(parts) < parts[0].total,
	}
	var text strings.Builder
	for _, p := range parts {
		text.WriteString(p.text)
	}
	in.Text = clean(text.String(), maxText)
	if err := j.insert(ctx, tx, in, now); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE parts SET done = 1, text = '' WHERE channel = $1 AND sender = $2 AND ref = $3`, channel, sender, ref)
	return err
}

// tickParts takes in the messages whose rest has not come, and forgets those
// that are long done.
func (j *Journey) tickParts(ctx context.Context) error {
	if err := j.sealer.open(ctx, j.DB); err != nil {
		return err
	}
	type key struct{ channel, sender, ref string }
	var late []key
	err := j.DB.Update(ctx, func(tx ledger.Tx) (err error) {
		now := j.Clock()
		if late, err = ledger.All(ctx, tx, func(rows ledger.Rows) (k key, err error) { return k, rows.Scan(&k.channel, &k.sender, &k.ref) },
			`SELECT channel, sender, ref FROM parts WHERE done = 0 GROUP BY channel, sender, ref HAVING MAX(received_at) < $1 LIMIT 100`,
			ledger.Micros(now.Add(-partsWait))); err != nil {
			return err
		}
		for _, k := range late {
			parts, err := j.partsOf(ctx, tx, k.channel, k.sender, k.ref)
			if err != nil {
				return err
			}
			if err := j.endParts(ctx, tx, k.channel, k.sender, k.ref, parts, now); err != nil {
				return err
			}
		}
		return tx.Later(ctx, `DELETE FROM parts WHERE received_at < $1`, ledger.Micros(now.Add(-partsLast)))
	})
	if err != nil {
		return fmt.Errorf("put parts of messages together: %w", err)
	}
	if len(late) > 0 {
		j.Log.Warn("long messages have come only in part", "n", len(late))
		j.wake()
	}
	return nil
}
