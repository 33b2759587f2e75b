package gammu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
)

// A text in the outbox has its id in the name of its file, and until when it is
// worth sending, in seconds since 1970. The daemon sends in the order of the
// names: OUT0 come in the order of the ids, and OUT1 after them.
var nameForm = regexp.MustCompile(`^OUT(?:0|1[0-9]{19})-([0-9]{19})-([0-9]{1,19})\.smsbackup$`)

func nameOf(id int64, until time.Time) string {
	return fmt.Sprintf("OUT0-%019d-%d.smsbackup", id, until.Unix())
}

// behind is the name by which a text comes behind all that wait.
func behind(id int64, until, now time.Time) string {
	return fmt.Sprintf("OUT1%019d-%019d-%d.smsbackup", now.UnixNano(), id, until.Unix())
}

// parseName reads a name. It returns false for a file that is not Crier's.
func parseName(name string) (id int64, until time.Time, ok bool) {
	m := nameForm.FindStringSubmatch(name)
	if m == nil {
		return 0, time.Time{}, false
	}
	id, errID := strconv.ParseInt(m[1], 10, 64)
	seconds, errUntil := strconv.ParseInt(m[2], 10, 64)
	return id, time.Unix(seconds, 0), errID == nil && errUntil == nil
}

// Submit hands a text to the daemon, unless it has it already: it is then in
// one of its folders, or was in the last week.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// Files go from folder to folder in this order, so that none is missed.
	for _, folder := range []string{outbox, sent, failed} {
		there := false
		err := g.each(folder, func(_ spool.File, id int64) error {
			there = there || id == text.ID
			return nil
		})
		if err != nil {
			return "", sms.Busy(err, 0)
		}
		if there {
			return "", nil
		}
	}
	known, err := g.dir.Known(text.ID)
	if err != nil {
		return "", sms.Busy(err, 0)
	}
	if len(known) > 0 {
		return "", nil
	}
	return "", g.dir.Write(outbox, spool.NewFile{Name: nameOf(text.ID, g.line.Now().Add(text.Valid)), Data: format(text)})
}

// settle looks what has become of the texts that were handed over.
func (g *gateway) settle(ctx context.Context) error {
	return errors.Join(g.settleOutbox(), g.settleSent(ctx), g.settleFailed(ctx))
}

// settleOutbox gives those texts up that came to be too old, and keeps one that
// the network refuses from holding up all others: the daemon tries the first
// text of the outbox until it succeeds.
func (g *gateway) settleOutbox() error {
	var waiting []spool.File
	now := g.line.Now()
	err := g.each(outbox, func(f spool.File, _ int64) error {
		if _, until, _ := parseName(f.Name); until.Before(now) {
			return g.giveUp(f.Name)
		}
		waiting = append(waiting, f)
		return nil
	})
	if err != nil {
		return err
	}
	first, verdict := g.queue.look(waiting, time.Now())
	switch verdict {
	case refused:
		return g.giveUp(first)
	case inTheWay:
		g.mu.Lock() // Submit is not to overlook it
		defer g.mu.Unlock()
		id, until, _ := parseName(first)
		return gone(g.dir.Move(outbox, first, outbox, behind(id, until, time.Now())))
	default:
		return nil
	}
}

// giveUp takes a text back from the daemon, which may be sending it, to where it
// puts those that it could not send.
func (g *gateway) giveUp(name string) error { return gone(g.dir.Move(outbox, name, failed, name)) }

func (g *gateway) settleSent(ctx context.Context) error {
	return g.each(sent, func(f spool.File, id int64) error {
		data, err := g.dir.Read(sent, f.Name)
		if err != nil {
			return err
		}
		g.queue.sent()
		return g.inbox.Sent(ctx, sent, f.Name, slip(id, data))
	})
}

func (g *gateway) settleFailed(ctx context.Context) error {
	now := g.line.Now()
	return g.each(failed, func(f spool.File, id int64) error {
		data, err := g.dir.Read(failed, f.Name)
		if err != nil {
			return err
		}
		reason := "gammu-smsd could not send it"
		if _, until, _ := parseName(f.Name); until.Before(now) {
			reason = "gammu-smsd could not send it in time"
		}
		return g.inbox.Failed(ctx, failed, f.Name, slip(id, data), reason)
	})
}

// gone takes no offence at a file that the daemon has moved meanwhile.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// each calls do for Crier's files in a folder, in the order of their names.
func (g *gateway) each(folder string, do func(f spool.File, id int64) error) error {
	files, err := g.dir.List(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		id, _, ok := parseName(f.Name)
		if !ok {
			continue
		}
		if err := do(f, id); err != nil {
			return err
		}
	}
	return nil
}

// frontFor is how long the daemon may take for one text.
var frontFor = time.Minute

// A text that could not be sent for refusedFor times frontFor, while the daemon
// has sent others after having tried it, refusedMost times, is refused by the
// network.
const (
	refusedFor  = 10
	refusedMost = 3
)

// queue watches the text that the daemon is about to send.
type queue struct {
	first int64 // its id
	since time.Time
	stuck map[int64]*stuck // by id
}

// stuck is a text that did not go out when its turn had come.
type stuck struct {
	since time.Time
	tried bool // since another was sent
	times int  // that another was sent after it was tried
}

// verdict is what to do with the first text.
type verdict int

const (
	inOrder verdict = iota
	inTheWay
	refused
)

// sent notes that a text has been sent.
func (q *queue) sent() {
	for _, s := range q.stuck {
		if s.tried {
			s.times, s.tried = s.times+1, false
		}
	}
}

// look looks at the texts that wait, in their order, and says what to do with
// the first.
func (q *queue) look(waiting []spool.File, now time.Time) (name string, v verdict) {
	there := make(map[int64]bool)
	for _, f := range waiting {
		id, _, _ := parseName(f.Name)
		there[id] = true
	}
	for id := range q.stuck {
		if !there[id] {
			delete(q.stuck, id)
		}
	}
	if len(waiting) == 0 {
		q.first = 0
		return "", inOrder
	}
	name = waiting[0].Name
	id, _, _ := parseName(name)
	if id != q.first {
		q.first, q.since = id, now
	}
	s := q.stuck[id]
	if s != nil {
		s.tried = true
		if s.times >= refusedMost && now.Sub(s.since) >= refusedFor*frontFor {
			return name, refused
		}
	}
	if now.Sub(q.since) < frontFor {
		return name, inOrder
	}
	q.since = now
	if s == nil {
		if q.stuck == nil {
			q.stuck = make(map[int64]*stuck)
		}
		q.stuck[id] = &stuck{since: now, tried: true}
	}
	if len(waiting) == 1 {
		return name, inOrder
	}
	return name, inTheWay
}
