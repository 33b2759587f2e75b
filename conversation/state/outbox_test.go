package state_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
)

// queue puts a message into the outbox.
func queue(t *testing.T, db ledger.DB, town *town, now *clock, address, text string, priority conversation.Priority) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to, priority, state, next_at, created_at)
			VALUES ($1, $2, 'sms', $3, 'en', $4, '', 0, '', $5, 'queued', 0, $6)`,
			ledger.NewID(now.Now()), town.id, address, text, priority, ledger.Micros(now.Now()))
		return err
	}))
}

// in counts the messages of the outbox in a state.
func in(t *testing.T, db ledger.DB, state string) int {
	t.Helper()
	return count(t, db, `SELECT COUNT(*) FROM outbox WHERE state = '`+state+`'`)
}

func TestOutboxRanks(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		channel := &fake{}
		j := journey(t, db, now, channel, 2)
		for i := range 4 {
			queue(t, db, town, now, address(i), "bulk", conversation.Bulk)
		}
		queue(t, db, town, now, address(0), "notice", conversation.Notices)
		queue(t, db, town, now, address(0), "reply 1", conversation.Replies)
		queue(t, db, town, now, address(0), "reply 2", conversation.Replies)
		began := time.Now()
		running(t, j)
		waitFor(t, 10*time.Second, func() bool { return len(channel.attempts()) >= 3 })
		queue(t, db, town, now, "+999", "late reply", conversation.Replies)
		j.Wake()
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 8 })
		if took := time.Since(began); took < 2500*time.Millisecond || took > 10*time.Second { // two at once, then six at two a second
			t.Errorf("took %s", took)
		}
		texts := channel.texts()
		if at := slices.Index(texts, "late reply"); at > 5 {
			t.Errorf("a reply waits for a broadcast: %q", texts)
		}
		var own []string
		for _, o := range channel.attempts() {
			if o.Address == address(0) {
				own = append(own, o.Text)
			}
		}
		if !slices.Equal(own, []string{"reply 1", "reply 2", "notice", "bulk"}) {
			t.Errorf("order %q", own)
		}
	})
}

func TestOutboxBackoff(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		failures := 4
		channel := &fake{}
		channel.send = func(o conversation.Outbound) (string, error) {
			if o.Text == "1" && o.Attempt <= failures {
				if o.Attempt == 2 {
					panic("broken")
				}
				return "", errors.New("busy")
			}
			return "", nil
		}
		j := journey(t, db, now, channel, 0)
		queue(t, db, town, now, address(0), "1", conversation.Replies)
		queue(t, db, town, now, address(0), "2", conversation.Replies)
		running(t, j)
		for n := 1; n <= failures; n++ {
			waitFor(t, 10*time.Second, func() bool { return count(t, db, `SELECT MAX(attempts) FROM outbox`) == n })
			wait := time.Duration(count(t, db, `SELECT MAX(next_at) FROM outbox`))*time.Microsecond - time.Duration(now.Now().UnixMicro())*time.Microsecond
			if least := 5 * time.Second << (n - 1); wait < least || wait > least+least/4 {
				t.Errorf("after %d attempts it waits for %s", n, wait)
			}
			queue(t, db, town, now, address(1), fmt.Sprint("other ", n), conversation.Bulk)
			j.Wake()
			waitFor(t, 10*time.Second, func() bool { return slices.Contains(channel.texts(), fmt.Sprint("other ", n)) })
			now.add(wait)
			j.Wake()
		}
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "queued") == 0 })
		var own []string
		for _, o := range channel.attempts() {
			if o.Address == address(0) {
				own = append(own, o.Text)
			}
		}
		if !slices.Equal(own, []string{"1", "1", "1", "1", "1", "2"}) || in(t, db, "sent") != 6 {
			t.Errorf("attempts %q", own)
		}
	})
}

func TestOutboxRetryAfter(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		channel := &fake{}
		channel.send = func(o conversation.Outbound) (string, error) {
			if o.Attempt == 1 && (o.Text == "one" || o.Text == "all") {
				return "", &conversation.SendError{RetryAfter: time.Minute, Everybody: o.Text == "all", Err: errors.New("slow down")}
			}
			return "", nil
		}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		send := func(address, text string) { queue(t, db, town, now, address, text, conversation.Replies); j.Wake() }
		send(address(0), "one")
		waitFor(t, 10*time.Second, func() bool { return len(channel.texts()) == 1 })
		send(address(1), "other")
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "sent") == 1 })
		now.add(59 * time.Second)
		send(address(1), "all")
		waitFor(t, 10*time.Second, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND state = 'queued'`) == 2
		})
		now.add(59 * time.Second) // now "one" could go, if not for everybody's pause
		send(address(2), "last")
		now.looked(t, j)
		if texts := channel.texts(); !slices.Equal(texts, []string{"one", "other", "all"}) {
			t.Errorf("sent %q", texts)
		}
		now.add(time.Second)
		j.Wake()
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "sent") == 4 })
	})
}

func TestOutboxGivesUp(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, town.id, now.Now())
			if err != nil {
				return err
			}
			m := town.members[3]
			m.Role = ledger.Coordinator
			return book.SaveMember(t.Context(), m)
		}))
		channel := &fake{}
		channel.send = func(o conversation.Outbound) (string, error) {
			e := &conversation.SendError{Err: errors.New("no")}
			switch o.Text {
			case "final":
				e.Final = true
			case "blocked":
				e.Final, e.Paused = true, true
			case "moves":
				if o.Address == address(2) {
					e.MovedTo = "+777"
					return "", e
				}
				return "", nil
			case "never":
			default:
				return "", nil
			}
			return "", e
		}
		for _, m := range []struct {
			to   int
			text string
		}{{0, "final"}, {1, "blocked"}, {1, "a"}, {1, "b"}, {2, "moves"}, {2, "c"}} {
			queue(t, db, town, now, address(m.to), m.text, conversation.Replies)
		}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "queued") == 0 })
		if in(t, db, "failed") != 4 || in(t, db, "sent") != 3 {
			t.Errorf("%v", pairs(t, db, `SELECT text || ' ' || state, COUNT(*) FROM outbox GROUP BY text, state`))
		}
		var moved []string
		told := 0
		for _, o := range channel.attempts() {
			if o.Address == "+777" {
				moved = append(moved, o.Text)
			}
			if o.Address == address(3) {
				told++
			}
			if o.Attempt > 1 && o.Text != "moves" || o.Text == "a" || o.Text == "b" {
				t.Errorf("attempt %d of %q", o.Attempt, o.Text)
			}
		}
		if !slices.Equal(moved, []string{"moves", "c"}) || told != 1 {
			t.Errorf("%q followed; %d notices", moved, told)
		}
		must(t, j.PauseAddress(t.Context(), "sms", address(1), "again")) // known already
		status := pairs(t, db, `SELECT address || ' ' || status, 1 FROM addresses`)
		for _, want := range []string{address(0) + " active", address(1) + " paused", "+777 active", address(3) + " active"} {
			if status[want] != 1 {
				t.Errorf("addresses %v lack %q", status, want)
			}
		}
		must(t, j.ResumeAddress(t.Context(), "sms", address(1)))
		must(t, j.MoveAddress(t.Context(), "sms", "+777", address(2)))
		if n := count(t, db, `SELECT COUNT(*) FROM addresses WHERE status = 'active' AND address <> '+777'`); n != 4 || in(t, db, "queued") != 0 {
			t.Errorf("%d addresses are active", n)
		}
		must(t, j.PauseAddress(t.Context(), "sms", address(0), "gone"))
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "sent") == 4 }) // the notice
		queue(t, db, town, now, address(0), "never", conversation.Replies)
		j.Wake()
		waitFor(t, 10*time.Second, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM outbox WHERE text = 'never' AND attempts = 1`) == 1
		})
		now.add(48*time.Hour + time.Second)
		j.Wake()
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "failed") == 5 })
	})
}

func TestOutboxStops(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		town, now := newTown(t, inner, 2), newClock()
		db := &flaky{DB: inner}
		began, end := make(chan bool, 1), make(chan bool)
		channel := &fake{send: func(conversation.Outbound) (string, error) {
			began <- true
			<-end // whatever its context says
			return "there", nil
		}}
		j := journey(t, db, now, channel, 0)
		stop := running(t, j)
		// Sent while the database is away: recorded later, and not sent again.
		queue(t, db, town, now, address(0), "1", conversation.Replies)
		j.Wake()
		<-began
		db.away.Store(true)
		end <- true
		time.AfterFunc(1500*time.Millisecond, func() { db.away.Store(false) })
		waitFor(t, 10*time.Second, func() bool { return in(t, inner, "sent") == 1 })
		// On its way at the end: waited for, and recorded.
		queue(t, db, town, now, address(1), "2", conversation.Replies)
		j.Wake()
		<-began
		stopped := make(chan bool)
		go func() { stop(); close(stopped) }()
		waitFor(t, 10*time.Second, func() bool { // the inbox is closed: the stop has begun
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := j.Handle(ctx, inbound(address(0), "m", ""))
			return err != nil && !errors.Is(err, context.DeadlineExceeded)
		})
		select {
		case <-stopped:
			t.Error("the journey ends before what is on its way")
		default:
		}
		end <- true
		<-stopped
		if texts := channel.texts(); !slices.Equal(texts, []string{"1", "2"}) || in(t, db, "sent") != 2 {
			t.Errorf("sent %q", texts)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM outbox WHERE provider_id = 'there'`); n != 2 {
			t.Errorf("%d have the outside's id", n)
		}
	})
}

// One attempt that cannot be recorded does not keep others from it, and is not
// made again.
func TestOutboxRecordsAlone(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		town, now := newTown(t, inner, 2), newClock()
		db := &flaky{DB: inner, refuses: `UPDATE outbox SET state = 'failed'`}
		channel := &fake{}
		channel.send = func(o conversation.Outbound) (string, error) {
			if o.Text == "bad" {
				return "", &conversation.SendError{Final: true, Err: errors.New("no")}
			}
			return "", nil
		}
		queue(t, db, town, now, address(0), "bad", conversation.Replies)
		for i := range 5 {
			queue(t, db, town, now, address(1), fmt.Sprint(i), conversation.Replies)
		}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		waitFor(t, 10*time.Second, func() bool { return in(t, db, "sent") == 5 })
		now.looked(t, j)
		if got := channel.texts(); len(got) != 6 || in(t, db, "queued") != 1 {
			t.Errorf("sent %q", got)
		}
	})
}

// counting is a channel that counts how often each address is written to.
type counting struct {
	mu    sync.Mutex
	times map[string]int
}

func (*counting) Name() string { return "sms" }

func (c *counting) Send(_ context.Context, out conversation.Outbound) (string, error) {
	// In bursts, at about the time at which the attempts are recorded: so each
	// order of sending, reading and recording comes up.
	time.Sleep(time.Until(time.Now().Truncate(burst).Add(burst)) + rand.N(4*time.Millisecond))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[out.Address]++
	return "", nil
}

const burst = 30 * time.Millisecond

// A broadcast that is read in many parts, while others write and the queue is
// looked at again and again, comes to everybody once.
func TestOutboxSendsManyOnce(t *testing.T) {
	t.Parallel()
	const many = 3000
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 1), newClock()
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			var rows [][]any
			for i := range many {
				rows = append(rows, []any{ledger.NewID(now.Now()), town.id, "sms", fmt.Sprint("+", i), "en", "news", "", 0, "", int64(conversation.Bulk), "queued", 0, 1})
			}
			return ledger.LaterRows(t.Context(), tx, `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to,
				priority, state, next_at, created_at)`, rows, "")
		}))
		channel := &counting{times: map[string]int{}}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		waitFor(t, 100*time.Second, func() bool { j.Wake(); return in(t, db, "sent") == many })
		channel.mu.Lock()
		defer channel.mu.Unlock()
		twice := 0
		for _, n := range channel.times {
			if n != 1 {
				twice++
			}
		}
		if len(channel.times) != many || twice > 0 {
			t.Errorf("%d of %d got it, %d of them more than once", len(channel.times), many, twice)
		}
	})
}

// Thousands of messages that wait to be tried again keep no other community's
// back, which go by another line.
func TestOutboxRetriesKeepNobodyBack(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		newTowns(t, db, 2, 1)
		now := newClock()
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			towns, err := ledger.Communities(t.Context(), tx)
			if err != nil {
				return err
			}
			var rows [][]any
			for i := range 5500 {
				next, town := int64(0), towns[1]
				if i < 5490 {
					next, town = ledger.Micros(now.Now().Add(time.Hour)), towns[0]
				}
				rows = append(rows, []any{ledger.NewID(now.Now()), town.ID, "sms", fmt.Sprint("+", i), "en", "news", "", 0, "", int64(conversation.Bulk), "queued", next, 1})
			}
			return ledger.LaterRows(t.Context(), tx, `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to,
				priority, state, next_at, created_at)`, rows, "")
		}))
		running(t, journey(t, db, now, &gateways{}, 0))
		waitFor(t, 30*time.Second, func() bool { return in(t, db, "sent") == 10 })
	})
}
