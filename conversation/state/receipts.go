package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// receiptsLast is how long a receipt waits for the message that it is about.
const receiptsLast = 3 * 24 * time.Hour

// Receipt notes what a channel has learned of a message: that it has arrived,
// or never will. Receipts may come twice, in any order, before the message is
// known to be sent, and for messages that are nobody's.
func (j *Journey) Receipt(ctx context.Context, channel string, r conversation.Receipt) error {
	if r.ID == 0 {
		known, err := j.findSent(ctx, channel, &r)
		if err != nil || !known {
			return err
		}
	}
	log := j.Log.With("channel", channel, "message_id", r.ID)
	switch r.Status {
	case conversation.Failed:
		log.Warn("a message did not arrive", "reason", clean(r.Reason, maxField), "dead", r.Dead, "opted_out", r.OptedOut)
		switch {
		case r.OptedOut:
			return j.optedOut(ctx, channel, r)
		case r.Again:
			return j.sendAgain(ctx, channel, r)
		}
		return j.Bounced(ctx, channel, r.ID, r.Dead, r.Reason)
	case conversation.Delivered, conversation.Underway:
		if err := j.DB.Update(ctx, func(tx ledger.Tx) error { return j.gone(ctx, tx, channel, r) }); err != nil {
			return fmt.Errorf("note that message %d has gone out: %w", r.ID, err)
		}
	}
	return nil
}

// errNotSent says that a receipt has come before its message was known to be
// sent.
var errNotSent = errors.New("the message is not known to be sent yet")

// sendAgain queues a message once more that its channel had taken and could not
// send after all, unless its reader wants no more. One that is too old for that has
// failed; that is no fault of its address, and no bounce. A message that is queued
// keeps the id that its last try had: by it a receipt that comes again is known.
func (j *Journey) sendAgain(ctx context.Context, channel string, r conversation.Receipt) error {
	return j.about(ctx, channel, r.ID, func(tx ledger.Tx, _ *ledger.Book, l letter) error {
		now := j.Clock()
		var state, providerID string
		var attempts int
		var created int64
		if err := ledger.Get(ctx, tx, []any{&state, &providerID, &attempts, &created},
			`SELECT state, provider_id, attempts, created_at FROM outbox WHERE id = $1`, r.ID); err != nil {
			return err
		}
		switch {
		case state == "queued" && providerID != clean(r.ProviderID, maxField):
			return errNotSent
		case state != "sent" || providerID != clean(r.ProviderID, maxField):
			return nil
		case now.Sub(ledger.Time(created)) > sendGiveUp:
			_, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', ended_at = $2, error = $3 WHERE id = $1`,
				r.ID, ledger.Micros(now), clean(r.Reason, maxField))
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE outbox SET state = 'queued', ended_at = NULL, next_at = $2, error = $3 WHERE id = $1`,
			r.ID, ledger.Micros(now.Add(backoff(againBackoff, attempts))), clean(r.Reason, maxField)); err != nil {
			return err
		}
		return unwanted(ctx, tx, l, channel, now)
	})
}

// unwanted takes back what waits for an address that has been closed since it
// was written.
func unwanted(ctx context.Context, tx ledger.Tx, l letter, channel string, now time.Time) error {
	closed := 0
	if err := ledger.Get(ctx, tx, []any{&closed}, `SELECT COUNT(*) FROM addresses WHERE community_id = $1 AND channel = $2 AND address = $3 AND status <> 'active'`,
		l.community, channel, l.address); err != nil {
		return err
	}
	if closed > 0 {
		return takeBack(ctx, tx, l.community, channel, l.address, conversation.Replies+1, now)
	}
	if err := ledger.Get(ctx, tx, []any{&closed}, `SELECT COUNT(*) FROM unsubscribed WHERE community_id = $1 AND channel = $2 AND address = $3`,
		l.community, channel, l.address); err != nil || closed == 0 {
		return err
	}
	return takeBack(ctx, tx, l.community, channel, l.address, conversation.Bulk, now)
}

// gone notes that a message has gone out, or has arrived.
func (j *Journey) gone(ctx context.Context, tx ledger.Tx, channel string, r conversation.Receipt) error {
	now := j.Clock()
	if r.Status == conversation.Delivered {
		if _, err := tx.Exec(ctx, `UPDATE outbox SET delivered_at = COALESCE(delivered_at, $3) WHERE id = $1 AND channel = $2 AND state <> 'failed'`,
			r.ID, channel, ledger.Micros(now)); err != nil {
			return err
		}
	}
	// One that waits for the next try, after a try of which nobody knew how it
	// ended, is not tried again. (With an id, it is known how its last try ended.)
	n, err := tx.Exec(ctx, `UPDATE outbox SET state = 'sent', ended_at = $3, error = '' WHERE id = $1 AND channel = $2 AND ended_at IS NULL AND attempts > 0 AND provider_id = ''`,
		r.ID, channel, ledger.Micros(now))
	if err != nil || n == 0 {
		return err
	}
	s := j.senders[channel]
	if s == nil {
		return nil
	}
	priced, ok := s.channel.(conversation.Priced)
	if !ok {
		return nil
	}
	all, err := j.queued(ctx, tx, `SELECT `+queuedColumns+` FROM outbox WHERE id = $1`, r.ID)
	for _, q := range all {
		err = j.charge(ctx, tx, q, priced.Cost(q.Outbound), now)
	}
	return err
}

// findSent finds the message that a receipt is about by the id that the
// channel gave it. Where there is none yet the receipt is kept: the sender may
// not have written it down yet.
func (j *Journey) findSent(ctx context.Context, channel string, r *conversation.Receipt) (known bool, err error) {
	providerID := clean(r.ProviderID, maxField)
	if providerID == "" {
		return false, nil
	}
	err = j.DB.Update(ctx, func(tx ledger.Tx) error {
		err := ledger.Get(ctx, tx, []any{&r.ID}, `SELECT id FROM outbox WHERE channel = $1 AND provider_id = $2 AND provider_id <> ''`, channel, providerID)
		if known = err == nil; known || !ledger.IsNotFound(err) {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO receipts (channel, provider_id, status, dead, opted_out, reason, received_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (channel, provider_id) DO UPDATE SET status = excluded.status, dead = excluded.dead, opted_out = excluded.opted_out,
					reason = excluded.reason WHERE receipts.status < excluded.status`,
			channel, providerID, int64(r.Status), asInt(r.Dead), asInt(r.OptedOut), clean(r.Reason, maxField), ledger.Micros(j.Clock()))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("find the message of a receipt: %w", err)
	}
	return known, nil
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// optedOut pauses an address whose owner has told the channel to send nothing
// more.
func (j *Journey) optedOut(ctx context.Context, channel string, r conversation.Receipt) error {
	var sending map[string]bool
	err := j.about(ctx, channel, r.ID, func(tx ledger.Tx, _ *ledger.Book, l letter) error {
		sending = map[string]bool{}
		n, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', error = $2, ended_at = COALESCE(ended_at, $3) WHERE id = $1 AND state <> 'failed'`,
			r.ID, clean(r.Reason, maxField), ledger.Micros(j.Clock()))
		if err != nil || n == 0 { // 0: it comes again, and its address may be open again by now
			return err
		}
		out, err := j.pause(ctx, tx, l.community, channel, l.address, r.Reason, j.Clock())
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

// tickReceipts goes through the receipts that came before their message was
// known to be sent.
func (j *Journey) tickReceipts(ctx context.Context) error {
	type kept struct {
		channel string
		receipt conversation.Receipt
	}
	var all []kept
	err := j.DB.Update(ctx, func(tx ledger.Tx) (err error) {
		if all, err = ledger.All(ctx, tx, func(rows ledger.Rows) (k kept, err error) {
			var status, dead, out int64
			r := &k.receipt
			err = rows.Scan(&k.channel, &r.ProviderID, &r.ID, &status, &dead, &out, &r.Reason)
			r.Status, r.Dead, r.OptedOut = conversation.Status(status), dead != 0, out != 0
			return k, err
		}, `SELECT r.channel, r.provider_id, o.id, r.status, r.dead, r.opted_out, r.reason
			FROM receipts r JOIN outbox o ON o.channel = r.channel AND o.provider_id = r.provider_id AND o.provider_id <> '' LIMIT 500`); err != nil {
			return err
		}
		return tx.Later(ctx, `DELETE FROM receipts WHERE received_at < $1`, ledger.Micros(j.Clock().Add(-receiptsLast)))
	})
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	var failed error
	for _, k := range all {
		if err := j.Receipt(ctx, k.channel, k.receipt); err != nil { // one must not keep the others
			failed = errors.Join(failed, err)
			continue
		}
		if err := j.DB.Update(ctx, func(tx ledger.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM receipts WHERE channel = $1 AND provider_id = $2 AND status = $3`,
				k.channel, k.receipt.ProviderID, int64(k.receipt.Status))
			return err
		}); err != nil {
			return errors.Join(failed, fmt.Errorf("forget a receipt: %w", err))
		}
	}
	return failed
}
