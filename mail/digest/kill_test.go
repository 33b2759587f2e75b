package digest_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/sqlite"
	"crier/ledger/storetest"
)

// killedDatabase, in the environment, makes this test binary the process that
// is killed in the middle of a digest on that database.
const killedDatabase = "CRIER_TEST_DIGEST_DATABASE"

// dueAt is when the digest is due there.
var dueAt = time.Date(2026, 5, 8, 6, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	if database := os.Getenv(killedDatabase); database != "" {
		if err := tickOn(database); err != nil {
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

// tickOn does what is due on a database, and says when it begins.
func tickOn(database string) error {
	ctx := context.Background()
	db, err := openDatabase(ctx, database)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	e, err := newEngine(log)
	if err != nil {
		return err
	}
	start := time.Now().Add(-time.Duration(os.Getpid()) * time.Millisecond) // no two have the same clock
	j := state.New(state.Config{DB: db, Engine: e, Clock: func() time.Time { return dueAt.Add(time.Since(start)) }, Log: log, Holder: "killed"})
	fmt.Println("ticking")
	return j.Tick(ctx)
}

// TestKilled kills the process again and again in the middle of a digest for
// 5,000 members: each of them gets it once, and nobody is left out.
func TestKilled(t *testing.T) {
	t.Parallel()
	const members = 5000
	for name, database := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "killed.db") },
		"postgres": func(t *testing.T) string { return storetest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where := database(t)
			db, err := openDatabase(t.Context(), where)
			must(t, err)
			t.Cleanup(func() { db.Close() })
			h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
			id := h.town("river", "Europe/Brussels", members)
			h.tick(h.now)
			h.offers(id, "bread")
			cried := func() int64 { return count(t, db, `SELECT COUNT(*) FROM cried`) }
			kills, halves := 0, 0
			for done := false; !done && kills < 60; kills++ {
				self, err := os.Executable()
				must(t, err)
				child := exec.Command(self)
				child.Env = append(os.Environ(), killedDatabase+"="+where)
				child.Stderr = os.Stderr
				out, err := child.StdoutPipe()
				must(t, err)
				must(t, child.Start())
				_, _ = out.Read(make([]byte, 8)) // it ticks
				ended := make(chan error, 1)
				go func() { ended <- child.Wait() }()
				moment := time.After(time.Duration(rand.IntN(300)) * time.Millisecond)
				if before := cried(); kills%2 == 0 { // however slow the machine, some are killed between two of their writes
					for range time.Tick(time.Millisecond) {
						if cried() != before || len(ended) > 0 {
							moment = time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
							break
						}
					}
				}
				select {
				case <-moment:
					_ = child.Process.Kill()
					<-ended
				case err := <-ended:
					must(t, err)
				}
				had := cried()
				if had > 0 && had < members-1 {
					halves++
				}
				done = had == members-1
			}
			if halves == 0 {
				t.Error("no process was killed in the middle: the test shows nothing")
			}
			h.now = dueAt.Add(time.Hour)
			must(t, h.Tick(t.Context()))
			if n := count(t, db, `SELECT COUNT(*) FROM outbox WHERE community_id = $1 AND priority = 30`, id); n != members-1 {
				t.Errorf("%d messages, not %d", n, members-1)
			}
			if n := count(t, db, `SELECT COUNT(DISTINCT address) FROM outbox WHERE community_id = $1 AND priority = 30`, id); n != members-1 {
				t.Errorf("%d members got it, not %d", n, members-1)
			}
			if n := count(t, db, `SELECT COUNT(*) FROM cried c JOIN outbox o ON o.id = c.message_id`); n != members-1 {
				t.Errorf("%d messages are known as what members got", n)
			}
			t.Logf("%d processes, %d left the digest half done", kills, halves)
		})
	}
}
