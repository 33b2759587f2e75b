package state_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/sqlite"
	"crier/ledger/storetest"
)

// crashDatabase, in the environment, makes this test binary the process that
// is killed: it serves on that database.
const crashDatabase = "CRIER_TEST_CRASH_DATABASE"

func TestMain(m *testing.M) {
	if database := os.Getenv(crashDatabase); database != "" {
		if err := crashChild(database); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if database := os.Getenv(openLoopDatabase); database != "" {
		if err := openLoopChild(database, os.Getenv(openLoopStub)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func openDatabase(ctx context.Context, database string) (ledger.DB, error) {
	if strings.Contains(database, "://") {
		return postgres.Open(ctx, database)
	}
	return sqlite.Open(ctx, database)
}

// crashChild takes messages in on standard input, one JSON object a line, and
// prints "kept ID" for each that is durable.
func crashChild(database string) error {
	ctx := context.Background()
	db, err := openDatabase(ctx, database)
	if err != nil {
		return err
	}
	if err := state.Prepare(ctx, db); err != nil {
		return err
	}
	var tb testing.B // for the helpers' must: a failure shows as a missing answer
	j := state.New(state.Config{DB: db, Engine: newEngine(&tb), Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Holder: strconv.Itoa(os.Getpid())})
	j.Send(sink{}, 0)
	go func() { _ = j.Run(ctx) }()
	var printing sync.Mutex
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var m conversation.Inbound
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			return err
		}
		go func() {
			if j.Handle(ctx, m) == nil {
				printing.Lock()
				defer printing.Unlock()
				fmt.Println("kept", m.ID)
			}
		}()
	}
	select {} // until killed
}

// sink is a channel that takes everything.
type sink struct{}

func (sink) Name() string                                                { return "sms" }
func (sink) Send(context.Context, conversation.Outbound) (string, error) { return "", nil }

// TestCrash kills the process at random moments while messages come in, some of
// them twice: in the end every message has its one answer, and every payment is
// in the ledger exactly once. CRIER_TEST_KILLS sets how often.
func TestCrash(t *testing.T) {
	kills := 12
	if s := os.Getenv("CRIER_TEST_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("sqlite", func(t *testing.T) { crash(t, filepath.Join(t.TempDir(), "crash.db"), kills) })
	t.Run("postgres", func(t *testing.T) { crash(t, storetest.Postgres(t), kills) })
}

const (
	crashSenders = 12
	crashPause   = 30 * time.Millisecond // between two messages of one sender
)

// crashLoad is what the senders have to say, each in order.
type crashLoad struct {
	mu   sync.Mutex
	next [crashSenders]int // the message that the sender is at
	sent int
	last bool // no sender starts another payment
	kept map[string]bool
}

// message is the n-th of a sender. Every odd one is the yes to the payment
// before it.
func (l *crashLoad) message(town *town, s, n int) conversation.Inbound {
	in := conversation.Inbound{
		Channel: "sms", ID: fmt.Sprintf("%d-%d", s, n), From: address(s), At: time.Now(), Trust: conversation.Proven, Text: "yes",
	}
	if n%2 == 0 {
		payee := town.members[crashSenders+(s*7+n/2)%(len(town.members)-crashSenders)]
		in.Text = fmt.Sprintf("pay %s 2 for m%d-%d", payee.Name, s, n)
	}
	return in
}

func crash(t *testing.T, database string, kills int) {
	ctx := t.Context()
	db, err := openDatabase(ctx, database)
	must(t, err)
	defer db.Close()
	town := newTown(t, db, crashSenders*4)
	must(t, db.Update(ctx, func(tx ledger.Tx) error { // every payment needs its yes
		book, err := ledger.Open(ctx, tx, town.id, time.Now())
		if err != nil {
			return err
		}
		c := *book.Community()
		c.Threshold = 0
		return book.SetCommunity(ctx, c)
	}))
	load := &crashLoad{kept: map[string]bool{}}
	for range kills {
		child := startCrashChild(t, database)
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); load.run(town, child, stop) }()
		select { // once it works: how long it takes to start is not the point
		case <-child.working:
		case <-time.After(30 * time.Second):
			t.Fatal("the process does not start")
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond) // the random moment
		must(t, child.cmd.Process.Kill())
		_ = child.cmd.Wait()
		close(stop)
		<-done
	}
	// One more that is let finish: it first repeats what was not said to be kept.
	load.last = true
	child := startCrashChild(t, database)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { defer close(done); load.run(town, child, stop) }()
	waitFor(t, time.Minute, func() bool { load.mu.Lock(); defer load.mu.Unlock(); return load.everySenderAtAYes() })
	close(stop)
	<-done
	waitFor(t, time.Minute, func() bool { return count(t, db, `SELECT COUNT(*) FROM inbox WHERE state = 'pending'`) == 0 })
	for what := range pairs(t, db, `SELECT error, COUNT(*) FROM inbox WHERE state = 'failed' GROUP BY error`) {
		t.Errorf("a message was given up: %s", what)
	}
	// Nobody has sent anything so far: the lease of a process that was killed
	// outlives the ones after it.
	waitFor(t, 5*time.Minute, func() bool { return count(t, db, `SELECT COUNT(*) FROM outbox WHERE state = 'queued'`) == 0 })
	must(t, child.cmd.Process.Kill())
	_ = child.cmd.Wait()
	load.check(t, db, town)
	t.Logf("%d kills, %d messages handed in, %d kept", kills, load.sent, len(load.kept))
}

// everySenderAtAYes reports whether no payment waits for its yes: it stops the
// load in a state that can be checked.
func (l *crashLoad) everySenderAtAYes() bool {
	for _, n := range l.next {
		if n%2 != 0 {
			return false
		}
	}
	return true
}

type crashProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner

	working chan struct{} // closed with the first message that it keeps
}

func startCrashChild(t *testing.T, database string) *crashProcess {
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashDatabase+"="+database)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &crashProcess{cmd, in, bufio.NewScanner(out), make(chan struct{})}
}

// run hands the senders' messages in, the next one of a sender when the last
// was kept, some of them twice, until stop.
func (l *crashLoad) run(town *town, p *crashProcess, stop <-chan struct{}) {
	encoder := json.NewEncoder(p.in)
	hand := func(s, n int) {
		l.sent++
		_ = encoder.Encode(l.message(town, s, n)) // a dead process takes nothing: it comes again
	}
	kept := make(chan string)
	var working sync.Once
	go func() {
		defer close(kept)
		for p.out.Scan() {
			if id, ok := strings.CutPrefix(p.out.Text(), "kept "); ok {
				working.Do(func() { close(p.working) })
				select {
				case kept <- id:
				case <-stop:
					return
				}
			}
		}
	}()
	l.mu.Lock()
	for s := range crashSenders {
		if !l.last || l.next[s]%2 == 1 {
			hand(s, l.next[s])
		}
	}
	l.mu.Unlock()
	for {
		select {
		case <-stop:
			return
		case id, ok := <-kept:
			if !ok {
				<-stop
				return
			}
			var s, n int
			if _, err := fmt.Sscanf(id, "%d-%d", &s, &n); err != nil {
				continue
			}
			l.mu.Lock()
			l.kept[id] = true
			if n == l.next[s] {
				l.next[s]++
				if next := l.next[s]; !l.last || next%2 == 1 {
					time.AfterFunc(crashPause, func() {
						l.mu.Lock()
						defer l.mu.Unlock()
						hand(s, next)
					})
				}
			}
			if rand.IntN(4) == 0 { // the channel did not hear that it was taken
				hand(s, n)
			}
			l.mu.Unlock()
		}
	}
}

// check looks at what is left in the database.
func (l *crashLoad) check(t *testing.T, db ledger.DB, town *town) {
	answers := pairs(t, db, `SELECT reply_to, COUNT(*) FROM outbox WHERE reply_to <> '' GROUP BY reply_to`)
	payments := pairs(t, db, `SELECT description, COUNT(*) FROM transfers WHERE state = 'completed' GROUP BY description`)
	for id := range l.kept {
		if answers[id] != 1 {
			t.Errorf("message %s has %d answers", id, answers[id])
		}
		var s, n int
		if _, err := fmt.Sscanf(id, "%d-%d", &s, &n); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("m%d-%d", s, n-1)
		if n%2 == 1 && payments[what] != 1 {
			t.Errorf("the payment %s was posted %d times", what, payments[what])
		}
	}
	for what, n := range payments {
		if n != 1 {
			t.Errorf("the payment %s was posted %d times", what, n)
		}
	}
	must(t, db.View(t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Read(t.Context(), tx, town.id, time.Now())
		if err != nil {
			return err
		}
		_, err = book.Verify(t.Context(), nil)
		return err
	}))
}

func count(t *testing.T, db ledger.DB, query string) (n int) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx ledger.Tx) error { return ledger.Get(t.Context(), tx, []any{&n}, query) }))
	return n
}

func pairs(t *testing.T, db ledger.DB, query string) map[string]int {
	t.Helper()
	all := map[string]int{}
	must(t, db.View(t.Context(), func(tx ledger.Tx) error {
		_, err := ledger.All(t.Context(), tx, func(rows ledger.Rows) (struct{}, error) {
			var key string
			var n int
			err := rows.Scan(&key, &n)
			all[key] = n
			return struct{}{}, err
		}, query)
		return err
	}))
	return all
}

func waitFor(t *testing.T, most time.Duration, what func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !what(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited too long")
		}
	}
}
