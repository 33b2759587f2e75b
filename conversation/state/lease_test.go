package state_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// leaser is a journey that is only there for its leases.
func leaser(db ledger.DB, now *clock, holder string) *state.Journey {
	return state.New(state.Config{DB: db, Clock: now.Now, Log: slog.New(slog.DiscardHandler), Holder: holder})
}

func TestLeaseAlone(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		now := newClock()
		holding := make(chan string, 10)
		hold := func(db ledger.DB, holder string) (stop func()) {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- leaser(db, now, holder).Lease(ctx, "l", func(ctx context.Context) error {
					holding <- holder
					<-ctx.Done()
					return ctx.Err()
				})
			}()
			return sync.OnceFunc(func() { cancel(); must(t, <-done) })
		}
		stop := hold(db, "one")
		defer stop()
		<-holding
		second := &flaky{DB: db}
		defer hold(second, "two")()
		now.add(9 * time.Second)
		waitFor(t, 10*time.Second, func() bool { return second.updates.Load() >= 2 }) // it has tried twice
		select {
		case <-holding:
			t.Error("two hold the lease")
		default:
		}
		stop() // a clean one: the other need not wait for the lease to end
		select {
		case <-holding:
		case <-time.After(30 * time.Second):
			t.Fatal("the lease was not released")
		}
	})
}

func TestLeaseTakenOver(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), inner))
		now := newClock()
		db := &flaky{DB: inner}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began, lost, taken := make(chan bool, 1), make(chan bool), make(chan bool)
		go func() {
			_ = leaser(db, now, "one").Lease(ctx, "l", func(ctx context.Context) error {
				began <- true
				<-ctx.Done()
				lost <- true
				return nil
			})
		}()
		<-began
		db.away.Store(true) // for the first one alone
		go func() {
			_ = leaser(inner, now, "two").Lease(ctx, "l", func(ctx context.Context) error {
				taken <- true
				<-ctx.Done()
				return nil
			})
		}()
		now.add(8 * time.Second) // the lease may soon have run out: its holder ends before the other begins
		select {
		case <-lost:
		case <-taken:
			t.Fatal("the lease was taken over while it was held")
		case <-time.After(10 * time.Second):
			t.Fatal("the holder goes on without its lease")
		}
		now.add(3 * time.Second)
		select {
		case <-taken:
		case <-time.After(10 * time.Second):
			t.Fatal("the lease was not taken over")
		}
	})
}

func TestLeaseError(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		broken := errors.New("broken")
		err := leaser(db, newClock(), "one").Lease(short(t), "l", func(context.Context) error { return broken })
		if !errors.Is(err, broken) || count(t, db, `SELECT COUNT(*) FROM leases`) != 0 {
			t.Errorf("got %v", err)
		}
	})
}
