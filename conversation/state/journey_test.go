package state_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// What the tests of the journey share: a clock to set, a channel that notes what
// it sends, a database that can be away, an engine that can be broken.

type clock struct {
	mu    sync.Mutex
	now   time.Time
	reads int
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return c.now
}

// looked wakes a journey until it has looked for work a few times.
func (c *clock) looked(t *testing.T, j *state.Journey) {
	t.Helper()
	reads := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.reads }
	before := reads()
	waitFor(t, 10*time.Second, func() bool { j.Wake(); return reads() > before+10 })
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fake is a channel.
type fake struct {
	send func(conversation.Outbound) (string, error) // nil: takes everything

	mu  sync.Mutex
	got []conversation.Outbound // every attempt, when it began
}

func (f *fake) Name() string { return "sms" }

func (f *fake) Send(_ context.Context, out conversation.Outbound) (string, error) {
	f.mu.Lock()
	f.got = append(f.got, out)
	f.mu.Unlock()
	if f.send == nil {
		return "", nil
	}
	return f.send(out)
}

func (f *fake) attempts() []conversation.Outbound {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// texts are those of the attempts, in order.
func (f *fake) texts() (all []string) {
	for _, o := range f.attempts() {
		all = append(all, o.Text)
	}
	return all
}

// replies are what the attempts to an address answer, in order.
func (f *fake) replies(address string) (all []string) {
	for _, o := range f.attempts() {
		if o.Address == address {
			all = append(all, o.ReplyTo)
		}
	}
	return all
}

var errAway = errors.New("the database is away")

// flaky is a database that can be away for writing, or refuse a statement.
type flaky struct {
	ledger.DB
	away    atomic.Bool
	refuses string       // part of a statement
	updates atomic.Int64 // that have ended
}

func (f *flaky) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	if f.away.Load() {
		return errAway
	}
	defer f.updates.Add(1)
	return f.DB.Update(ctx, func(tx ledger.Tx) error { return fn(refusing{tx, f.refuses}) })
}

type refusing struct {
	ledger.Tx
	what string
}

func (r refusing) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if r.what != "" && strings.Contains(query, r.what) {
		return 0, errAway
	}
	return r.Tx.Exec(ctx, query, args...)
}

// engine is one for all tests: it takes long to make, and keeps nothing that is
// not its databases'.
var engine = sync.OnceValue(func() *conversation.Engine { return newEngine(&testing.B{}) })

// breakable is an engine whose balance fails in the way that the sender's Name
// says.
func breakable(t *testing.T) *conversation.Engine {
	t.Helper()
	commands := command.All()
	i := slices.IndexFunc(commands, func(c conversation.Command) bool { return slices.Contains(c.Intents, understand.Balance) })
	run := commands[i].Run
	commands[i].Run = func(ctx context.Context, turn *conversation.Turn, f *conversation.Form) error {
		switch turn.In.Name {
		case "error":
			return errors.New("broken")
		case "panic":
			panic("broken")
		case "later": // a statement that an engine may find wrong only at the commit
			if err := run(ctx, turn, f); err != nil {
				return err
			}
			return turn.Book.Tx().Later(ctx, `UPDATE inbox SET state = 'no such state' WHERE external_id = $1`, turn.In.ID)
		}
		return run(ctx, turn, f)
	}
	catalog, err := locales.Load()
	must(t, err)
	words, err := locales.AllWords()
	must(t, err)
	u, err := understand.New(words)
	must(t, err)
	e, err := conversation.New(catalog, u, commands, slog.New(slog.DiscardHandler))
	must(t, err)
	return e
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// journey makes one with a channel; c may be nil.
func journey(t *testing.T, db ledger.DB, c *clock, channel conversation.Channel, perSecond float64) *state.Journey {
	t.Helper()
	config := state.Config{DB: db, Engine: engine(), Log: slog.New(slog.DiscardHandler), Holder: "one"}
	if c != nil {
		config.Clock = c.Now
	}
	j := state.New(config)
	if channel != nil {
		j.Send(channel, perSecond)
	}
	return j
}

// running runs a journey until stop, or the end of the test.
func running(t *testing.T, j *state.Journey) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the journey does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func inbound(from, id, text string) conversation.Inbound {
	return conversation.Inbound{Channel: "sms", ID: id, From: from, Text: text, At: time.Now(), Trust: conversation.Proven}
}

// short is a context for what must not hang.
func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
