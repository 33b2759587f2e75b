package state

import (
	"context"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// People who have dialled a code wait before a screen: their answers are not
// sent but taken from the outbox, by whoever has brought the message.

const (
	screenPatience = 6 * time.Second      // networks end a session after about ten
	screenOver     = 15 * time.Second     // nobody waits for it any more
	screenLook     = 5 * time.Millisecond // then twice as long each time
	screenLookMost = 100 * time.Millisecond
)

// Reply takes a message all the way while the caller waits, whichever process
// handles it, and returns what answers it: the same again if the message comes
// again. Where that is not ready in time they are told that it comes as a text.
// It fails where the message was not kept.
func (j *Journey) Reply(ctx context.Context, in conversation.Inbound) ([]conversation.Outbound, error) {
	in, err := checked(in)
	if err != nil {
		return nil, err
	}
	if err := j.keep(ctx, in); err != nil {
		return nil, err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	look := screenLook
	for end := time.Now().Add(screenPatience); ; look = min(2*look, screenLookMost) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
		}
		if _, err := j.Work(ctx); err != nil { // perhaps another community's
			j.Log.Warn("work while a screen waits", "err", err)
		}
		waits, err := j.waits(ctx, in)
		if err != nil {
			return nil, err
		}
		if !waits {
			return j.screen(ctx, in)
		}
		if time.Now().After(end) {
			j.Log.Warn("a screen's answer was not ready in time: it goes out as a text", "message_id", in.ID)
			return j.screenLater(ctx, in)
		}
		timer.Reset(look)
	}
}

// screenLater is what is shown meanwhile, in the language of the community that
// knows the sender.
func (j *Journey) screenLater(ctx context.Context, in conversation.Inbound) ([]conversation.Outbound, error) {
	locale := in.Locale
	err := j.DB.View(ctx, func(tx ledger.Tx) error {
		communities, err := ledger.Route(ctx, tx, in.Channel, in.From)
		if err != nil || len(communities) == 0 {
			return err
		}
		book, err := ledger.Read(ctx, tx, communities[0], j.Clock())
		if err == nil {
			locale = book.Community().Locale
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return []conversation.Outbound{{Channel: conversation.USSD, Address: in.From, Text: j.Engine.ScreenLater(locale), ReplyTo: in.ID}}, nil
}

// screen reads what answers a message on its sender's screen, and has it sent.
func (j *Journey) screen(ctx context.Context, in conversation.Inbound) (out []conversation.Outbound, err error) {
	err = j.DB.Update(ctx, func(tx ledger.Tx) error {
		all, err := j.queued(ctx, tx, `SELECT `+queuedColumns+` FROM outbox
			WHERE channel = 'ussd' AND reply_to = $1 AND address = $2 ORDER BY id`, in.ID, in.From)
		if err != nil {
			return err
		}
		out = nil
		for _, q := range all {
			out = append(out, q.Outbound)
			if err := tx.Later(ctx, `UPDATE outbox SET state = 'sent', attempts = attempts + 1, ended_at = $2 WHERE id = $1 AND ended_at IS NULL`,
				q.ID, ledger.Micros(j.Clock())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the screen: %w", err)
	}
	return out, nil
}

// tickScreens has the answers that nobody waited for any more go out as text
// messages.
func (j *Journey) tickScreens(ctx context.Context) error {
	var late int64
	err := j.DB.Update(ctx, func(tx ledger.Tx) (err error) {
		late, err = tx.Exec(ctx, `UPDATE outbox SET channel = 'sms', reply_to = '' WHERE channel = 'ussd' AND state = 'queued' AND created_at < $1`,
			ledger.Micros(j.Clock().Add(-screenOver)))
		return err
	})
	if err != nil {
		return fmt.Errorf("move the answers of ended sessions: %w", err)
	}
	if late > 0 {
		j.wakeSenders(map[string]bool{"sms": true})
	}
	return nil
}
