package state

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"crier/conversation"
	"crier/ledger"
)

// Limits of a message's text, in bytes, and of the other fields.
const (
	maxText   = 1 << 20
	maxField  = 500
	maxThread = 4 << 10
)

// accept is one message on its way into the inbox.
type accept struct {
	in   conversation.Inbound
	done chan error
}

// Handle makes a message durable: it is conversation.Handler. Messages that
// come at the same time share a commit. It waits for Run to begin, and fails
// once that has ended.
func (j *Journey) Handle(ctx context.Context, in conversation.Inbound) error {
	in, err := checked(in)
	if err == nil {
		in, err = j.shrink(ctx, in)
	}
	if err != nil {
		return err
	}
	a := accept{in, make(chan error, 1)}
	select {
	case j.accepts <- a:
	case <-j.ended:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.done:
		return err
	case <-j.ended:
		select {
		case err := <-a.done: // it was among the last that were written
			return err
		default:
			return errEnded
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errEnded = errors.New("the journey has ended: no more messages are taken")

func checked(in conversation.Inbound) (conversation.Inbound, error) {
	if in.Channel == "" || in.ID == "" || in.From == "" || len(in.ID) > maxField || len(in.From) > maxField ||
		clean(in.ID+in.From+in.Channel, 2*maxField+100) != in.ID+in.From+in.Channel {
		return in, fmt.Errorf("a message needs a channel, an id and a sender of at most %d bytes of text", maxField)
	}
	in.Text, in.Name, in.Locale = clean(in.Text, maxText), clean(in.Name, maxField), clean(in.Locale, 10)
	in.Community, in.Thread = clean(in.Community, maxField), clean(in.Thread, maxThread)
	in.Album = clean(in.Album, maxField)
	return in, nil
}

// Now takes one message all the way while the caller waits: it is kept and
// handled, and whatever is in the outbox is given to send. It is for the
// terminal and for transcripts, where nothing else runs.
func (j *Journey) Now(ctx context.Context, in conversation.Inbound, send func(conversation.Outbound)) error {
	in, err := checked(in)
	if err == nil {
		in, err = j.shrink(ctx, in)
	}
	if err != nil {
		return err
	}
	if err := j.keep(ctx, in); err != nil {
		return err
	}
	if _, err := j.Work(ctx); err != nil {
		return err
	}
	return j.Flush(ctx, send)
}

// clean makes a text one that every database takes, and bounds it.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	return strings.ReplaceAll(s, "\x00", "")
}

const acceptBatch = 256

// acceptLoop writes messages into the inbox, all that wait in one commit.
func (j *Journey) acceptLoop(ctx context.Context) {
	defer close(j.ended) // what still waits is refused
	for {
		var batch []accept
		select {
		case <-ctx.Done():
			return
		case a := <-j.accepts:
			batch = append(batch, a)
		}
		for len(batch) < acceptBatch {
			select {
			case a := <-j.accepts:
				batch = append(batch, a)
				continue
			default:
			}
			break
		}
		// What was taken from the queue is written even while stopping.
		write := context.WithoutCancel(ctx)
		messages := make([]conversation.Inbound, len(batch))
		for i, a := range batch {
			messages[i] = a.in
		}
		err := j.keep(write, messages...)
		for _, a := range batch {
			one := err
			if err != nil && len(batch) > 1 { // perhaps only one of them is to blame
				one = j.keep(write, a.in)
			}
			a.done <- one
		}
		j.wake()
	}
}

// keep writes messages into the inbox, each into the lane of the community
// that it is for: the one that the receiving end serves, else the one that wrote
// what it answers, else the only one that knows the sender, else the only one
// there is, else the host's desk.
func (j *Journey) keep(ctx context.Context, batch ...conversation.Inbound) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := j.sealer.open(ctx, j.DB)
	if err == nil {
		err = j.DB.Update(ctx, func(tx ledger.Tx) error {
			now := j.Clock()
			for _, in := range batch {
				if err := j.insert(ctx, tx, in, now); err != nil {
					return err
				}
			}
			return j.notify(ctx, tx)
		})
	}
	if err != nil {
		return fmt.Errorf("keep message: %w", err)
	}
	return nil
}

func (j *Journey) insert(ctx context.Context, tx ledger.Tx, in conversation.Inbound, now time.Time) error {
	at := in.At
	if at.IsZero() {
		at = now
	}
	id := ledger.NewID(now)
	if err := tx.Later(ctx, `INSERT INTO inbox (id, community_id, channel, external_id, sender, name, text, trust, locale, question, edited,
			answers, thread, dialled, partial, photos, unusable, album, received_at, state, next_at)
		SELECT $1, COALESCE(
				(SELECT id FROM communities WHERE slug = $2 AND id <> 0),
				(SELECT community_id FROM outbox WHERE id = $13 AND channel = $3),
				(SELECT CASE COUNT(DISTINCT community_id) WHEN 1 THEN MIN(community_id) WHEN 0 THEN NULL ELSE 0 END
					FROM addresses WHERE channel = $3 AND address = $4),
				(SELECT CASE COUNT(*) WHEN 1 THEN MIN(id) ELSE 0 END FROM communities WHERE id <> 0)),
			$3, $5, $4, $6, $7, $8, $9, $10, $11, $13, $14, $15, $16, $17, $18, $19, $12, 'pending', 0
		ON CONFLICT (channel, external_id) DO NOTHING`,
		id, in.Community, in.Channel, in.From, in.ID, in.Name, j.sealer.seal(in.Text), int64(in.Trust), in.Locale, in.Question, asInt(in.Edited),
		ledger.Micros(at), in.Answers, in.Thread, asInt(in.Dialled), asInt(in.Partial), len(in.Photos), string(in.Unusable), in.Album); err != nil {
		return err
	}
	return keepPhotos(ctx, tx, id, in, now)
}
