package state

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"crier/conversation"
	"crier/ledger"
)

// How a message that could not be sent is tried again: after 5 seconds, 10, 20
// and so on up to an hour, for two days.
const (
	sendBackoff    = 5 * time.Second
	sendBackoffMax = time.Hour
	againBackoff   = time.Minute // where the channel had taken it, and failed later
	sendGiveUp     = 48 * time.Hour
	sendTimeout    = 2 * time.Minute
	sendAtOnce     = 32
)

// sender sends the messages of one channel. Only the holder of the channel's
// lease runs it, so that the channel's rate and the order in which one person
// gets messages hold for all processes together.
type sender struct {
	j         *Journey
	channel   conversation.Channel
	perSecond float64 // of a channel that has no lines of its own
	wakeUp    chan struct{}

	attempted chan struct{} // an attempt has ended and waits to be recorded
	hungry    chan struct{} // a line has sent most of what was read for it

	mu      sync.Mutex
	busy    map[string]int64 // addresses, and the message that is on its way there
	lines   map[string]*line
	ended   []ending
	pledged map[int64]pledge // what the messages will have cost that are on their way, by their ids
	due     bool             // attempted was told of them
	again   bool             // a message waited for its address: it may go once the attempts are recorded
}

// line is one of the ways of a channel, none of which waits for another.
type line struct {
	conversation.Line
	limit  *rate.Limiter
	going  int       // messages that are on their way
	paused time.Time // it wants no message before this
	ahead  []queued  // what was read of the queue, in the order in which it goes
	more   bool      // there is more in the queue
}

// room is how many messages it takes now.
func (l *line) room(now time.Time) int {
	if now.Before(l.paused) {
		return 0
	}
	n := sendAtOnce - l.going
	if l.limit.Limit() != rate.Inf {
		n = min(n, int(l.limit.TokensAt(time.Now())))
	}
	return n
}

// How many messages are read for a line at a time: the fewer the more lines there
// are, for each of which there is to be something among what is looked through.
// They are read anew every lookEvery at the latest.
const (
	aheadMost  = 1024
	aheadLeast = 128
)

// most is how many messages are read for a line: no more than it can take until
// the next look. s.mu is held.
func (s *sender) most(l *line) int {
	n := max(aheadLeast, min(aheadMost, sendPage*sendPages/2/max(1, len(s.lines))))
	if l.PerSecond > 0 {
		n = min(n, sendAtOnce+int(2*l.PerSecond*lookEvery.Seconds()))
	}
	return n
}

// line is the way that a message would go. s.mu is held.
func (s *sender) line(out conversation.Outbound) *line {
	like := conversation.Line{PerSecond: s.perSecond}
	if c, ok := s.channel.(conversation.Lined); ok {
		like = c.Line(out)
	}
	l := s.lines[like.Name]
	if l == nil || l.Line != like {
		l = &line{Line: like, limit: rate.NewLimiter(rate.Inf, 1)}
		if like.PerSecond > 0 {
			l.limit = rate.NewLimiter(rate.Limit(like.PerSecond), max(1, int(like.PerSecond)))
		}
		s.lines[like.Name] = l
	}
	return l
}

// ending is what became of an attempt.
type ending struct {
	queued
	line       *line
	at         time.Time
	providerID string
	err        error
}

func newSender(j *Journey, c conversation.Channel, perSecond float64) *sender {
	return &sender{
		j: j, channel: c, perSecond: perSecond, wakeUp: make(chan struct{}, 1), attempted: make(chan struct{}, 1),
		hungry: make(chan struct{}, 1), busy: map[string]int64{}, pledged: map[int64]pledge{}, lines: map[string]*line{},
	}
}

func (s *sender) wake() { signal(s.wakeUp) }

// reading reports whether it reads on in the queue anyway, once it has sent what
// it has.
func (s *sender) reading() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.more {
			return true
		}
	}
	return false
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// recordEvery is how long attempts are gathered to be written in one commit.
const recordEvery = 20 * time.Millisecond

// run sends until ctx ends, and then waits for what is on its way.
func (s *sender) run(ctx context.Context) {
	s.mu.Lock()
	for _, l := range s.lines { // what was read under an earlier lease may have been sent by another process
		l.ahead, l.more = nil, false
	}
	s.again = true // look at once
	s.mu.Unlock()
	var sending sync.WaitGroup
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	record := time.NewTimer(0)
	defer record.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-s.attempted:
			record.Reset(recordEvery)
			continue
		case <-record.C:
			if s.record(ctx); s.mayGo() {
				s.look(ctx)
			}
		case <-s.wakeUp:
			s.look(ctx)
		case <-s.hungry:
			s.record(ctx)
			s.look(ctx)
		case <-look.C:
			s.record(ctx)
			s.look(ctx)
		}
		if wait := s.start(ctx, &sending); wait > 0 && !s.isDue() {
			record.Reset(wait)
		}
	}
	sending.Wait()
	s.record(ctx)
}

// mayGo reports whether what waited for its address may go now.
func (s *sender) mayGo() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.again && !s.due
}

// How much of the queue is looked through for addresses that nothing is on its
// way to.
const (
	sendPage  = 256
	sendPages = 20
)

// look reads what is to go next on each line: replies before notices before
// bulk, and to each address the oldest first. An address that a message has to
// wait for gets none of the same or a lower rank before it. A line that has
// enough, and a community that is not to be woken, keep nobody else's messages
// back.
func (s *sender) look(ctx context.Context) {
	now := s.j.Clock()
	var full, asleep skipped
	var priority conversation.Priority
	var id int64
	ahead, taken := map[*line][]queued{}, map[string]bool{}
	later := map[ledger.CommunityID]int{} // messages that wait to be tried again
	rest, waits := false, false
	_, lined := s.channel.(conversation.Lined)
	for n := 1; ; n++ {
		page, err := s.page(ctx, priority, id, full, asleep)
		if err != nil {
			if ctx.Err() == nil {
				s.j.Log.Error("read outbox", "channel", s.channel.Name(), "err", err)
			}
			break // what was read goes out
		}
		s.mu.Lock()
		for _, q := range page {
			priority, id = q.Priority, q.ID
			if goes, busy := s.busy[q.Address]; busy || taken[q.Address] {
				waits = waits || goes != q.ID
				continue
			}
			l := s.line(q.Outbound)
			switch {
			case l.Rings && q.Priority > conversation.Replies && s.j.quiet(q, now):
				asleep.add(q.community)
				continue
			case now.Before(l.paused):
				full.add(q.community)
			case len(ahead[l]) >= s.most(l):
				full.add(q.community)
				rest = rest || !lined
			case !q.nextAt.After(now):
				ahead[l] = append(ahead[l], q)
			default: // they are not to fill what is looked through
				if later[q.community]++; later[q.community] >= aheadMost {
					full.add(q.community)
				}
			}
			taken[q.Address] = true
		}
		s.mu.Unlock()
		if rest || len(page) < sendPage {
			break
		}
		if n == sendPages {
			rest = true
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = waits
	for _, l := range s.lines {
		l.more = rest || len(ahead[l]) >= s.most(l)
		// What has begun to go since it was read is not to go once more, even
		// when it is recorded by then.
		l.ahead = slices.DeleteFunc(ahead[l], func(q queued) bool {
			goes, busy := s.busy[q.Address]
			s.again = s.again || busy && goes != q.ID
			return busy
		})
	}
}

// start has each line send what it takes now. wait, if not 0, is when one of
// them takes the next.
func (s *sender) start(ctx context.Context, sending *sync.WaitGroup) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.j.Clock()
	for _, l := range s.lines {
		for q, ok := s.take(l, now); ok; q, ok = s.take(l, now) {
			sending.Go(func() { s.sendOn(ctx, q, l) })
		}
		if len(l.ahead) > 0 && l.going < sendAtOnce && !now.Before(l.paused) && l.PerSecond > 0 { // its rate says so
			wait = soonest(wait, time.Duration(float64(time.Second)/l.PerSecond))
		}
	}
	return wait
}

// endedMost is how many attempts may wait to be recorded: where the database is
// away, another process sends them once more.
const endedMost = 256

// take takes the next message of a line that may go now, and counts it as on its
// way. s.mu is held.
func (s *sender) take(l *line, now time.Time) (q queued, ok bool) {
	if len(l.ahead) == 0 || l.room(now) < 1 || len(s.ended) >= endedMost {
		return q, false
	}
	q, l.ahead = l.ahead[0], l.ahead[1:] // to each address one: none that is busy
	l.limit.Allow()
	l.going++
	s.busy[q.Address] = q.ID
	return q, true
}

// sendOn sends a message, and then what is next on its line.
func (s *sender) sendOn(ctx context.Context, q queued, l *line) {
	for ok := true; ok; {
		s.send(ctx, q, l)
		if ctx.Err() != nil {
			return
		}
		now := s.j.Clock()
		s.mu.Lock()
		q, ok = s.take(l, now)
		if l.more && len(l.ahead) < max(s.most(l)/8, min(s.most(l)/2, 2*sendAtOnce)) { // what is on its way may end all at once
			signal(s.hungry)
		}
		s.mu.Unlock()
	}
}

func soonest(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// skipped are communities whose messages are not looked at further.
type skipped struct {
	seen map[ledger.CommunityID]bool
	list string // for SQL
}

func (s *skipped) add(c ledger.CommunityID) {
	if s.seen[c] {
		return
	}
	if s.seen == nil {
		s.seen = map[ledger.CommunityID]bool{}
	}
	s.seen[c] = true
	if s.list != "" {
		s.list += ", "
	}
	s.list += strconv.FormatInt(int64(c), 10)
}

// page reads a part of the queue, from behind a message on: none of the
// communities that are full, and of those asleep only the replies.
func (s *sender) page(ctx context.Context, priority conversation.Priority, id int64, full, asleep skipped) (page []queued, err error) {
	but := ""
	if full.list != "" {
		but += ` AND community_id NOT IN (` + full.list + `)`
	}
	if asleep.list != "" {
		but += ` AND (priority <= $5 OR community_id NOT IN (` + asleep.list + `))`
	}
	args := []any{s.channel.Name(), priority, id, sendPage}
	if asleep.list != "" {
		args = append(args, conversation.Replies)
	}
	err = s.j.DB.View(ctx, func(tx ledger.Tx) (err error) {
		page, err = s.j.queued(ctx, tx, `SELECT `+queuedColumns+` FROM outbox
			WHERE channel = $1 AND state = 'queued' AND (priority, id) > ($2, $3)`+but+`
			ORDER BY priority, id LIMIT $4`, args...)
		return err
	})
	return page, err
}

// send makes one attempt. A channel that panics has failed, no more.
func (s *sender) send(ctx context.Context, q queued, l *line) {
	providerID, err := s.try(ctx, q)
	if err != nil && ctx.Err() != nil { // stopping: it will be sent after the start
		s.mu.Lock()
		l.going--
		s.mu.Unlock()
		s.free(q)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.going--
	s.ended = append(s.ended, ending{q, l, s.j.Clock(), providerID, err})
	s.again = s.again || err != nil // it may go elsewhere
	if !s.due {                     // the first since the last record: the others go with it
		s.due = true
		signal(s.attempted)
	}
	var se *conversation.SendError
	if errors.As(err, &se) && se.Everybody && se.RetryAfter > 0 {
		l.paused = s.j.Clock().Add(se.RetryAfter)
	}
}

// isDue reports whether attempts wait to be recorded.
func (s *sender) isDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.due
}

func (s *sender) try(ctx context.Context, q queued) (providerID string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while sending: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if c, ok := s.channel.(conversation.Priced); ok {
		ahead := s.pledge(q, c.Cost(q.Outbound))
		if q.Priority >= conversation.Bulk {
			if err := s.j.maySpend(ctx, q, ahead); err != nil {
				return "", err
			}
		}
	}
	return s.channel.Send(ctx, q.Outbound)
}

// pledge is what a message on its way will have cost.
type pledge struct {
	community ledger.CommunityID
	cost      conversation.Cost
}

// pledge notes what a message will have cost, until that is recorded. It returns
// what is pledged of its community's already, in the same currency.
func (s *sender) pledge(q queued, c conversation.Cost) (ahead int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pledged {
		if p.community == q.community && p.cost.Currency == c.Currency {
			ahead += p.cost.Micros
		}
	}
	s.pledged[q.ID] = pledge{q.community, c}
	return ahead
}

func (s *sender) free(q queued) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, q.Address)
	delete(s.pledged, q.ID)
}

// record writes what became of the attempts since the last time, all in one
// commit, or each in its own where that fails: perhaps only one of them is to
// blame. What it cannot write it keeps for the next time: a message whose
// sending is not recorded must not be sent again by this process.
func (s *sender) record(ctx context.Context) {
	s.mu.Lock()
	ended := s.ended
	s.ended, s.due = nil, false
	s.mu.Unlock()
	if len(ended) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := s.recordAll(ctx, ended)
	if err != nil && len(ended) > 1 {
		var failed []ending
		for _, e := range ended {
			if one := s.recordAll(ctx, []ending{e}); one != nil {
				failed, err = append(failed, e), one
			}
		}
		ended = failed
	}
	if err == nil || len(ended) == 0 {
		return
	}
	s.j.Log.Error("record what was sent", "channel", s.channel.Name(), "err", err)
	s.mu.Lock()
	s.ended = append(ended, s.ended...) // the next look tries again
	s.mu.Unlock()
}

// recordAll writes what became of some attempts in one commit.
func (s *sender) recordAll(ctx context.Context, ended []ending) error {
	var followUps map[string]bool
	err := s.j.DB.Update(ctx, func(tx ledger.Tx) error {
		followUps = map[string]bool{}
		paid := map[ledger.CommunityID]ending{}
		for _, e := range ended {
			out, err := s.recordOne(ctx, tx, e)
			if err != nil {
				return err
			}
			for _, o := range out {
				followUps[o.Channel] = true
			}
			if e.err == nil {
				paid[e.community] = e
			}
		}
		if _, priced := s.channel.(conversation.Priced); !priced {
			return nil
		}
		for _, e := range paid {
			out, err := s.j.tellBudget(ctx, tx, e.queued, e.at)
			if err != nil {
				return err
			}
			for _, o := range out {
				followUps[o.Channel] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, e := range ended {
		s.free(e.queued)
		if s.j.OnSent != nil {
			s.j.OnSent(s.channel.Name(), e.at.Sub(e.created), e.err)
		}
	}
	s.j.wakeSenders(followUps)
	return nil
}

// recordOne writes what became of one attempt. It returns what the coordinators
// have to be told.
func (s *sender) recordOne(ctx context.Context, tx ledger.Tx, e ending) (out []conversation.Outbound, err error) {
	if e.err == nil {
		if c, ok := s.channel.(conversation.Priced); ok {
			if err := s.j.charge(ctx, tx, e.queued, c.Cost(e.Outbound), e.at); err != nil {
				return nil, err
			}
		}
		// It may have bounced by now. (To ask for its state would have PostgreSQL
		// look through the index of the queue, which it takes for a short one.)
		return nil, tx.Later(ctx, `UPDATE outbox SET state = 'sent', attempts = attempts + 1, ended_at = $2, provider_id = $3, error = ''
			WHERE id = $1 AND ended_at IS NULL`,
			e.ID, ledger.Micros(e.at), clean(e.providerID, maxField))
	}
	log := s.j.Log.With("channel", e.Channel, "community", e.Community, "message_id", e.ID, "attempt", e.Attempt, "err", e.err)
	var se *conversation.SendError
	if !errors.As(e.err, &se) {
		se = &conversation.SendError{Err: e.err}
	}
	switch {
	case se.MovedTo != "" && se.MovedTo != e.Address:
		log.Info("the address has moved")
		if err := moveAddress(ctx, tx, e.Channel, e.Address, clean(se.MovedTo, maxField), e.at); err != nil {
			return nil, err
		}
		_, err := tx.Exec(ctx, `UPDATE outbox SET attempts = attempts + 1 WHERE id = $1`, e.ID)
		return nil, err
	case se.Final || e.at.Sub(e.created) > sendGiveUp:
		log.Error("message could not be sent: given up")
		if _, err := tx.Exec(ctx, `UPDATE outbox SET state = 'failed', attempts = attempts + 1, ended_at = $2, error = $3 WHERE id = $1`,
			e.ID, ledger.Micros(e.at), clean(e.err.Error(), maxField)); err != nil {
			return nil, err
		}
		if se.Bounced {
			return s.j.bounced(ctx, tx, e.community, e.Channel, e.Address, e.ID, true, e.err.Error(), e.at)
		}
		if !se.Paused {
			return nil, nil
		}
		return s.j.pause(ctx, tx, e.community, e.Channel, e.Address, e.err.Error(), e.at)
	}
	wait := backoff(sendBackoff, e.Attempt)
	if se.RetryAfter > 0 {
		wait = se.RetryAfter
	}
	log.Warn("message could not be sent: it is tried again", "retry_after", wait.Round(time.Second))
	return nil, tx.Later(ctx, `UPDATE outbox SET attempts = attempts + 1, next_at = $2, error = $3 WHERE id = $1`,
		e.ID, ledger.Micros(e.at.Add(wait)), clean(e.err.Error(), maxField))
}

// backoff is how long a message waits after so many attempts.
func backoff(first time.Duration, attempts int) time.Duration {
	wait := min(first<<min(max(attempts-1, 0), 10), sendBackoffMax)
	return wait + rand.N(wait/4)
}
