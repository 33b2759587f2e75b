package state_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

func TestHandleTwice(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		newTown(t, db, 2)
		channel := &fake{}
		j := journey(t, db, nil, channel, 0)
		running(t, j)
		var g sync.WaitGroup
		for range 50 {
			g.Go(func() {
				if err := j.Handle(short(t), inbound(address(0), "m", "balance")); err != nil {
					t.Error(err)
				}
				if count(t, db, `SELECT COUNT(*) FROM inbox`) != 1 {
					t.Error("what was handled is not kept once")
				}
			})
		}
		g.Wait()
		waitFor(t, 10*time.Second, func() bool { return len(channel.attempts()) > 0 })
		must(t, j.Handle(short(t), inbound(address(0), "m", "balance")))
		must(t, j.Handle(short(t), inbound(address(1), "last", "balance")))
		waitFor(t, 10*time.Second, func() bool { return len(channel.replies(address(1))) > 0 })
		if got := channel.replies(address(0)); len(got) != 1 || count(t, db, `SELECT COUNT(*) FROM outbox`) != 2 {
			t.Errorf("replies %q", got)
		}
	})
}

func TestHandleBad(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		newTown(t, db, 1)
		channel := &fake{}
		j := journey(t, db, nil, channel, 0)
		running(t, j)
		for name, in := range map[string]conversation.Inbound{
			"no id":          inbound(address(0), "", "balance"),
			"huge id":        inbound(address(0), strings.Repeat("x", 501), "balance"),
			"NUL in id":      inbound(address(0), "a\x00b", "balance"),
			"id not UTF-8":   inbound(address(0), "a\xff", "balance"),
			"no sender":      inbound("", "a", "balance"),
			"NUL in sender":  inbound("\x00", "a", "balance"),
			"no channel":     {ID: "a", From: "b", Text: "balance"},
			"huge channel":   {ID: "a", From: "b", Text: "balance", Channel: strings.Repeat("x", 2000)},
			"the zero value": {},
		} {
			if err := j.Handle(short(t), in); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM inbox`); n != 0 {
			t.Errorf("%d bad messages are kept", n)
		}
		for i, text := range []string{
			"", "\x00", "bal\x00ance", "\xff\xfe\xc3", strings.Repeat("é", 1<<20), "x" + strings.Repeat("é", 1<<20), "pay \u202e\u0000 5",
		} {
			id := fmt.Sprint(i)
			in := inbound(address(0), id, text)
			in.Name, in.Locale, in.Community = "\x00\xff"+strings.Repeat("n", 1000), "x\x00\xff-much-too-long", "no\x00\xffsuch"
			must(t, j.Handle(short(t), in))
			waitFor(t, 20*time.Second, func() bool { return slices.Contains(channel.replies(address(0)), id) })
		}
		if n := count(t, db, `SELECT COUNT(*) FROM inbox WHERE state <> 'done'`); n != 0 {
			t.Errorf("%d messages are not handled", n)
		}
	})
}

func TestHandleFails(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		newTown(t, inner, 1)
		db := &flaky{DB: inner}
		j := journey(t, db, nil, &fake{}, 0)
		in := inbound(address(0), "m", "balance")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := j.Handle(gone, in); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled context: %v", err)
		}
		stop := running(t, j)
		must(t, j.Handle(short(t), inbound(address(0), "first", "balance"))) // what was cancelled may be kept by now
		must(t, inner.Update(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Exec(t.Context(), `DELETE FROM inbox`)
			return err
		}))
		db.away.Store(true)
		if err := j.Handle(short(t), in); !errors.Is(err, errAway) {
			t.Errorf("without a database: %v", err)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM inbox`); n != 0 {
			t.Errorf("%d messages are kept", n)
		}
		db.away.Store(false)
		must(t, j.Handle(short(t), in))
		if n := count(t, db, `SELECT COUNT(*) FROM inbox`); n != 1 {
			t.Errorf("%d messages are kept", n)
		}
		stop()
		var g sync.WaitGroup
		for i := range 300 { // more than wait in line
			g.Go(func() {
				if err := j.Handle(short(t), inbound(address(0), fmt.Sprint(i), "balance")); err == nil || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after the end: %v", err)
				}
			})
		}
		g.Wait()
	})
}

func TestSenderOrder(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		newTown(t, db, 5)
		channel := &fake{}
		j := journey(t, db, nil, channel, 0)
		running(t, j)
		var g sync.WaitGroup
		want := make([][]string, 5)
		for s := range want {
			for n := range 30 {
				want[s] = append(want[s], fmt.Sprintf("%d-%d", s, n))
			}
			g.Go(func() {
				for _, id := range want[s] {
					if err := j.Handle(short(t), inbound(address(s), id, "balance")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		g.Wait()
		waitFor(t, 20*time.Second, func() bool { return len(channel.attempts()) >= 150 })
		for s := range want {
			if got := channel.replies(address(s)); !slices.Equal(got, want[s]) {
				t.Errorf("sender %d is answered in the order %q", s, got)
			}
		}
	})
}

func TestPoison(t *testing.T) {
	t.Parallel()
	e := breakable(t)
	for _, kind := range []string{"error", "panic", "later"} {
		t.Run(kind, func(t *testing.T) {
			storetest.Engines(t, func(t *testing.T, db ledger.DB) { poison(t, db, e, kind) })
		})
	}
}

func poison(t *testing.T, db ledger.DB, e *conversation.Engine, kind string) {
	newTown(t, db, 4)
	now, channel, log := newClock(), &fake{}, &logged{}
	j := state.New(state.Config{DB: db, Engine: e, Clock: now.Now, Log: slog.New(slog.NewTextHandler(log, nil)), Holder: "one"})
	j.Send(channel, 0)
	bad := inbound(address(0), "bad", "balance")
	bad.Name = kind
	var g sync.WaitGroup
	for _, in := range []conversation.Inbound{inbound(address(1), "b", "balance"), bad, inbound(address(2), "c", "balance")} {
		g.Go(func() {
			if err := j.Handle(short(t), in); err != nil {
				t.Error(err)
			}
		})
	}
	running(t, j) // they are all one batch
	g.Wait()
	must(t, j.Handle(short(t), inbound(address(0), "next", "balance")))
	waitFor(t, 10*time.Second, func() bool { return len(channel.attempts()) >= 2 })
	tries := func() int { return count(t, db, `SELECT attempts FROM inbox WHERE external_id = 'bad'`) }
	waitFor(t, 10*time.Second, func() bool { return tries() == 1 })
	probes := 0
	quiet := func(want int) { // somebody else's message is answered: nothing was done about the bad one
		t.Helper()
		probes++
		must(t, j.Handle(short(t), inbound(address(3), fmt.Sprint("probe", probes), "balance")))
		waitFor(t, 10*time.Second, func() bool { return len(channel.replies(address(3))) == probes })
		if got := tries(); got != want || len(channel.replies(address(0))) != 0 {
			t.Fatalf("%d tries, want %d; replies %q", got, want, channel.replies(address(0)))
		}
	}
	now.add(1900 * time.Millisecond)
	quiet(1)
	now.add(200 * time.Millisecond)
	j.Wake()
	waitFor(t, 10*time.Second, func() bool { return tries() == 2 })
	now.add(3900 * time.Millisecond)
	quiet(2)
	now.add(200 * time.Millisecond)
	j.Wake()
	waitFor(t, 10*time.Second, func() bool { return len(channel.replies(address(0))) == 2 })
	if got := channel.replies(address(0)); !slices.Equal(got, []string{"bad", "next"}) || tries() != 3 {
		t.Errorf("%d tries; replies %q", tries(), got)
	}
	if n := count(t, db, `SELECT COUNT(*) FROM inbox WHERE state = 'failed'`); n != 1 {
		t.Errorf("%d messages failed", n)
	}
	for _, o := range channel.attempts() {
		if o.ReplyTo != "bad" {
			continue
		}
		reference := regexp.MustCompile(`[0-9A-F]{3,}`).FindString(o.Text)
		if reference == "" || !strings.Contains(log.String(), "reference="+reference) {
			t.Errorf("the apology %q has no reference that is in the log:\n%s", o.Text, log)
		}
	}
}
