package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"crier/conversation"
	"crier/ledger"
)

// Config is what a Journey needs.
type Config struct {
	DB     ledger.DB
	Engine *conversation.Engine
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger

	// Holder names this process among those that share the database.
	Holder string

	// Workers is how many communities are worked on at once; 0: 4, or 1 where
	// the engine has one writer anyway.
	Workers int

	// OnHandled and OnSent, where not nil, are told of each message for the
	// figures of the operator: how long it took since it came in, or since it
	// was queued, and what went wrong. OnHandled comes after the commit.
	OnHandled func(in conversation.Inbound, lag time.Duration, err error)
	OnSent    func(channel string, lag time.Duration, err error)
}

// Journey moves messages from inbox to outbox. Several processes may run one
// each on the same PostgreSQL.
type Journey struct {
	Config
	sheets    sheets
	wordings  *wordings
	accepts   chan accept
	ended     chan struct{} // closed when Run takes no more messages
	wakeInbox chan struct{}
	senders   map[string]*sender
	sealer    sealer
	zones     sync.Map // time zone name to *time.Location
	wakers    []func(ctx context.Context, tx ledger.Tx) error
}

// New makes a journey. Channels are added with Send before Run.
func New(c Config) *Journey {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Workers == 0 {
		c.Workers = 4
		if c.DB.Engine() == "sqlite" {
			c.Workers = 1
		}
	}
	j := &Journey{
		Config:    c,
		wordings:  &wordings{kept: map[ledger.CommunityID]wording{}},
		accepts:   make(chan accept, 256),
		ended:     make(chan struct{}),
		wakeInbox: make(chan struct{}, 1),
		senders:   map[string]*sender{},
	}
	return j
}

// Send has the messages of a channel sent by it.
func (j *Journey) Send(c conversation.Channel, perSecond float64) {
	j.senders[c.Name()] = newSender(j, c, perSecond)
}

// Run works until ctx ends: then it finishes what is in hand and returns nil.
// It is called once.
func (j *Journey) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { j.acceptLoop(ctx); return nil })
	g.Go(func() error { j.workLoop(ctx); return nil })
	for name, s := range j.senders {
		g.Go(func() error {
			return j.Lease(ctx, "send "+name, func(ctx context.Context) error { s.run(ctx); return nil })
		})
	}
	return g.Wait()
}

// Notify adds a way to wake the other processes: it runs in every transaction
// that leaves them something to do.
func (j *Journey) Notify(n func(ctx context.Context, tx ledger.Tx) error) {
	j.wakers = append(j.wakers, n)
}

func (j *Journey) notify(ctx context.Context, tx ledger.Tx) error {
	for _, n := range j.wakers {
		if err := n(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// Wake makes the journey look for work: other processes may have left some.
func (j *Journey) Wake() {
	j.wake()
	for _, s := range j.senders {
		s.wake()
	}
}

func (j *Journey) wake() {
	select {
	case j.wakeInbox <- struct{}{}:
	default:
	}
}

// Whatever wakes nobody is found by looking now and then.
const lookEvery = time.Second

// workLoop handles what is in the inbox.
func (j *Journey) workLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wakeInbox:
		case <-timer.C:
		}
		again, err := j.Work(ctx)
		wait := lookEvery
		switch {
		case err != nil && ctx.Err() == nil:
			j.Log.Error("handle messages", "err", err)
		case again:
			wait = 10 * time.Millisecond // somebody else is at it: see to it that nothing is left
		}
		timer.Reset(wait)
	}
}

// Work handles all that waits in the inbox now. again says that some of it was
// left to another process, which may have left it too.
func (j *Journey) Work(ctx context.Context) (again bool, err error) {
	for {
		lanes, err := j.lanes(ctx)
		if err != nil || len(lanes) == 0 {
			return again, err
		}
		var g errgroup.Group
		g.SetLimit(j.Workers)
		var mu sync.Mutex
		var left bool
		var failed error
		for _, lane := range lanes {
			g.Go(func() error {
				more, busy, err := j.workLane(ctx, lane)
				mu.Lock()
				defer mu.Unlock()
				left = left || more
				again = again || busy
				failed = errors.Join(failed, err)
				return nil
			})
		}
		_ = g.Wait() // errors are joined
		if failed != nil || !left {
			return again, failed
		}
	}
}

// lanes lists the communities for which messages wait.
func (j *Journey) lanes(ctx context.Context) (lanes []ledger.CommunityID, err error) {
	err = j.DB.View(ctx, func(tx ledger.Tx) error {
		lanes, err = ledger.All(ctx, tx, func(rows ledger.Rows) (id ledger.CommunityID, err error) { return id, rows.Scan(&id) },
			`SELECT DISTINCT community_id FROM inbox WHERE state = 'pending' AND next_at <= $1`, ledger.Micros(j.Clock()))
		return err
	})
	return lanes, err
}

const workBatch = 64

// workLane handles one batch of a community's messages, in one transaction.
// Where that fails each message gets one of its own, so that none suffers for
// another.
//
// more says that messages may be left, here or in another lane; busy that
// another process has this one.
func (j *Journey) workLane(ctx context.Context, lane ledger.CommunityID) (more, busy bool, err error) {
	more, busy, err = j.handleBatch(ctx, lane, workBatch)
	if err == nil {
		return more, busy, nil
	}
	if ctx.Err() != nil {
		return false, false, ctx.Err()
	}
	for range workBatch {
		more, busy, err = j.handleBatch(ctx, lane, 1)
		if err == nil {
			if busy || !more {
				return more, busy, nil
			}
			continue
		}
		var poison *poisonError
		if !errors.As(err, &poison) {
			return false, false, err
		}
		if err := j.setAside(ctx, lane, poison); err != nil {
			return false, false, err
		}
	}
	return true, false, nil
}

// poisonError says which message could not be handled.
type poisonError struct {
	message message
	err     error
}

func (e *poisonError) Error() string {
	return fmt.Sprintf("message %d: %v", e.message.id, e.err)
}

func (e *poisonError) Unwrap() error { return e.err }

// message is a row of the inbox.
type message struct {
	id       int64
	in       conversation.Inbound
	attempts int
	nextAt   int64
}

// handleBatch handles up to n messages of a lane.
func (j *Journey) handleBatch(ctx context.Context, lane ledger.CommunityID, n int) (more, busy bool, err error) {
	if err := j.sealer.open(ctx, j.DB); err != nil {
		return false, false, err
	}
	var done []message
	var sending map[string]bool
	err = j.DB.Update(ctx, func(tx ledger.Tx) error {
		done, more, busy, sending = nil, false, false, map[string]bool{}
		now := j.Clock()
		book, err := ledger.TryOpen(ctx, tx, lane, now)
		if err != nil {
			return err
		}
		if book == nil {
			busy = true
			return nil
		}
		waiting, err := j.pending(ctx, tx, lane, n, now)
		if err != nil {
			return err
		}
		memory := j.memory(tx, book)
		if err := memory.expect(ctx, waiting); err != nil {
			return err
		}
		room := j.room(book, memory)
		for _, m := range waiting {
			if room.Answered, err = j.redeem(ctx, tx, lane, m, now); err != nil {
				return err
			}
			handled, err := j.Engine.Handle(ctx, room, m.in)
			if a := room.Answered; err == nil && a != nil && a.Used {
				err = j.spend(ctx, tx, m)
			}
			if err == nil {
				err = j.finish(ctx, tx, lane, m, handled, now)
			}
			if err != nil {
				return &poisonError{m, err}
			}
			for _, o := range handled.Out {
				sending[o.Channel] = true
			}
			done = append(done, m)
			more = more || handled.Forward != nil
		}
		more = more || len(done) == n
		if len(sending) > 0 {
			return j.notify(ctx, tx)
		}
		return nil
	})
	if err != nil {
		var poison *poisonError
		if n == 1 && len(done) == 1 && !errors.As(err, &poison) { // an engine may find a statement wrong only at the commit
			err = &poisonError{done[0], err}
		}
		return false, false, err
	}
	if j.OnHandled != nil {
		now := j.Clock()
		for _, m := range done {
			j.OnHandled(m.in, now.Sub(m.in.At), nil)
		}
	}
	j.wakeSenders(sending)
	return more, busy, nil
}

// room is where a community's messages are answered.
func (j *Journey) room(book *ledger.Book, m conversation.Memory) conversation.Room {
	return conversation.Room{Book: book, Memory: m, Cost: j.Cost}
}

// wakeSenders has the channels look for what is to be sent; urgent says whether
// some of it is no bulk.
func (j *Journey) wakeSenders(urgent map[string]bool) {
	for name, urgent := range urgent {
		if s := j.senders[name]; s != nil && (urgent || !s.reading()) {
			s.wake()
		}
	}
}

const messageColumns = `id, channel, external_id, sender, name, text, trust, locale, question, edited, answers, thread, dialled, partial,
	photos, unusable, album, received_at, attempts, next_at`

func (j *Journey) scanMessage(rows ledger.Rows) (m message, err error) {
	var trust, edited, dialled, partial, at int64
	in := &m.in
	err = rows.Scan(&m.id, &in.Channel, &in.ID, &in.From, &in.Name, &in.Text, &trust, &in.Locale, &in.Question, &edited,
		&in.Answers, &in.Thread, &dialled, &partial, &in.Kept, &in.Unusable, &in.Album, &at, &m.attempts, &m.nextAt)
	in.Trust, in.Edited, in.At = conversation.Trust(trust), edited != 0, ledger.Time(at)
	in.Dialled, in.Partial = dialled != 0, partial != 0
	in.Text = j.sealer.unseal(in.Text)
	return m, err
}

// pending reads the messages of a lane that can be handled now: in the order in
// which they came, and none of a sender who has an earlier one that has to wait.
func (j *Journey) pending(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, n int, now time.Time) ([]message, error) {
	all, err := ledger.All(ctx, tx, j.scanMessage, `SELECT `+messageColumns+`
		FROM inbox WHERE community_id = $1 AND state = 'pending' ORDER BY id LIMIT $2`, lane, workBatch*4)
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	type sender struct{ channel, address string }
	waits := map[sender]bool{}
	var ready []message
	for _, m := range all {
		from := sender{m.in.Channel, m.in.From}
		if waits[from] || m.nextAt > ledger.Micros(now) {
			waits[from] = true
			continue
		}
		if ready = append(ready, m); len(ready) == n {
			break
		}
	}
	return ready, nil
}

// finish writes what a message has led to.
func (j *Journey) finish(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, m message, handled conversation.Handled, now time.Time) error {
	if forward := handled.Forward; forward != nil {
		if err := tx.Later(ctx, `UPDATE photos SET community_id = $2 WHERE community_id = $3 AND message_id = $1`, m.id, forward.Community, lane); err != nil {
			return err
		}
		for _, also := range forward.Also {
			if err := tx.Later(ctx, `INSERT INTO inbox (id, community_id, channel, external_id, sender, name, text, trust, locale, question, edited,
					thread, dialled, received_at, state, next_at)
				SELECT $2, $3, channel, external_id || $4, sender, name, $5, $6, locale, 0, 0, thread, dialled, received_at, 'pending', 0
				FROM inbox WHERE id = $1 ON CONFLICT (channel, external_id) DO NOTHING`,
				m.id, ledger.NewID(now), also, fmt.Sprintf(" %d", also), j.sealer.seal(clean(forward.Text, maxText)), int64(forward.Trust)); err != nil {
				return err
			}
		}
		return tx.Later(ctx, `UPDATE inbox SET community_id = $2, text = $3, trust = $4,
			photos = (SELECT COUNT(*) FROM photos WHERE photos.community_id = $2 AND photos.message_id = $1) WHERE id = $1`,
			m.id, forward.Community, j.sealer.seal(clean(forward.Text, maxText)), int64(forward.Trust))
	}
	if err := enqueue(ctx, tx, lane, handled.Out, &m, now); err != nil {
		return err
	}
	if conversation.Secretive(m.in.Text) && !slices.ContainsFunc(handled.Out, func(o conversation.Outbound) bool { return o.Holds }) {
		return tx.Later(ctx, `UPDATE inbox SET state = 'done', attempts = attempts + 1, text = $2 WHERE id = $1`, m.id, handled.Text)
	}
	return tx.Later(ctx, `UPDATE inbox SET state = 'done', attempts = attempts + 1 WHERE id = $1`, m.id)
}

const (
	handleAttempts = 3
	handleBackoff  = 2 * time.Second
)

// setAside has a message that could not be handled tried again later; after
// the last try its sender is told that nothing was done.
func (j *Journey) setAside(ctx context.Context, lane ledger.CommunityID, p *poisonError) error {
	m := p.message
	log := j.Log.With("message_id", m.id, "channel", m.in.Channel, "err", p.err)
	last := m.attempts+1 >= handleAttempts
	now := j.Clock()
	err := j.DB.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Open(ctx, tx, lane, now)
		if err != nil {
			return err
		}
		if !last {
			_, err := tx.Exec(ctx, `UPDATE inbox SET attempts = attempts + 1, next_at = $2, error = $3 WHERE id = $1 AND state = 'pending'`,
				m.id, ledger.Micros(now.Add(handleBackoff<<m.attempts)), clean(p.err.Error(), maxField))
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE inbox SET state = 'failed', attempts = attempts + 1, error = $2, text = $3 WHERE id = $1 AND state = 'pending'`,
			m.id, clean(p.err.Error(), maxField), conversation.Mask(m.in.Text))
		if err != nil || n == 0 { // 0: another process has handled it by now
			return err
		}
		return enqueue(ctx, tx, lane, j.Engine.Apologize(book, m.in, fmt.Sprintf("%X", m.id%(1<<24))), &m, now)
	})
	if err != nil {
		return errors.Join(p, err)
	}
	if last {
		log.Error("message given up", "reference", fmt.Sprintf("%X", m.id%(1<<24)))
		if j.OnHandled != nil {
			j.OnHandled(m.in, now.Sub(m.in.At), p.err)
		}
		j.wakeSenders(map[string]bool{m.in.Channel: true})
		return nil
	}
	log.Warn("message could not be handled: it is tried again", "attempt", m.attempts+1)
	return nil
}

// Tick does what has come due by itself in every community.
func (j *Journey) Tick(ctx context.Context) error {
	var communities []ledger.Community
	if err := j.DB.View(ctx, func(tx ledger.Tx) (err error) {
		communities, err = ledger.Communities(ctx, tx)
		return err
	}); err != nil {
		return fmt.Errorf("list communities: %w", err)
	}
	failed := make([]error, len(communities))
	var g errgroup.Group
	g.SetLimit(j.Workers)
	for i, c := range communities {
		g.Go(func() error {
			if err := j.tick(ctx, c.ID); err != nil { // one community's trouble is not another's
				failed[i] = fmt.Errorf("community %s: %w", c.Slug, err)
			}
			return nil
		})
	}
	failed = append(failed, j.tickParts(ctx), j.tickReceipts(ctx), j.tickScreens(ctx), j.tickPhotos(ctx), g.Wait())
	return errors.Join(failed...)
}

func (j *Journey) tick(ctx context.Context, id ledger.CommunityID) error {
	old := j.shrinkOld(ctx, id)
	failed := j.tickWith(ctx, id, func(room conversation.Room) ([]conversation.Outbound, bool, error) {
		if err := errors.Join(
			forgetPhotos(ctx, room.Book.Tx(), id, room.Book.Now()), forgetSheets(ctx, room.Book.Tx(), id, room.Book.Now()),
		); err != nil {
			return nil, false, err
		}
		return j.Engine.Tick(ctx, room)
	})
	failed = errors.Join(old, failed)
	for chore := range j.Engine.Chores() {
		failed = errors.Join(failed, j.tickWith(ctx, id, func(room conversation.Room) ([]conversation.Outbound, bool, error) {
			return j.Engine.Do(ctx, room, chore)
		}))
	}
	return failed
}

// tickWith does something in a community until all of it is done.
func (j *Journey) tickWith(ctx context.Context, id ledger.CommunityID, do func(conversation.Room) ([]conversation.Outbound, bool, error)) error {
	for {
		all, err := j.perform(ctx, id, do)
		if err != nil || all {
			return err
		}
		if _, _, err := j.workLane(ctx, id); err != nil { // whoever has written meanwhile is not kept waiting by the rest
			return err
		}
	}
}

// perform does something in a community once, and queues what is said in it.
func (j *Journey) perform(ctx context.Context, id ledger.CommunityID, do func(conversation.Room) ([]conversation.Outbound, bool, error)) (all bool, err error) {
	var sending map[string]bool
	err = j.DB.Update(ctx, func(tx ledger.Tx) error {
		sending = map[string]bool{}
		now := j.Clock()
		book, err := ledger.Open(ctx, tx, id, now)
		if err != nil {
			return err
		}
		var out []conversation.Outbound
		out, all, err = do(j.room(book, j.memory(tx, book)))
		if err != nil {
			return err
		}
		for _, o := range out {
			sending[o.Channel] = sending[o.Channel] || o.Priority < conversation.Bulk
		}
		if err := enqueue(ctx, tx, id, out, nil, now); err != nil || len(out) == 0 {
			return err
		}
		return j.notify(ctx, tx)
	})
	if err == nil {
		j.wakeSenders(sending)
	}
	return all, err
}
