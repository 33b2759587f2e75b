package state

import (
	"context"
	"errors"
	"time"

	"crier/ledger"
)

// A lease lasts leaseLasts and is renewed well before; one whose holder is gone
// is taken over by another process after that.
const (
	leaseLasts = 10 * time.Second
	leaseRenew = 3 * time.Second
)

// Lease runs fn for as long as this process alone holds the named lease, again
// and again until ctx ends. fn's ctx ends when the lease may be lost: fn must
// then stop. It returns the error of fn, if it is not ctx's.
func (j *Journey) Lease(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		until, held := j.claim(ctx, name)
		if !held {
			timer.Reset(leaseRenew)
			continue
		}
		if err := j.hold(ctx, name, until, fn); err != nil {
			return err
		}
		timer.Reset(0)
	}
}

// hold runs fn while the lease is renewed.
func (j *Journey) hold(ctx context.Context, name string, until time.Time, fn func(ctx context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(inner) }()
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			j.release(ctx, name)
			if err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			if ctx.Err() == nil && inner.Err() == nil { // fn ended by itself: not at once again
				select {
				case <-ctx.Done():
				case <-time.After(leaseRenew):
				}
			}
			return nil
		case <-ctx.Done():
			cancel()
			err := <-done
			j.release(ctx, name)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-ticker.C:
			next, held := j.claim(ctx, name)
			if held {
				until = next
				continue
			}
			// Another process has it, or the database is away: once the lease
			// may have run out nothing more is done under it.
			if j.Clock().After(until.Add(-leaseRenew)) {
				j.Log.Warn("lease lost", "lease", name)
				cancel()
				if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
					return err
				}
				return nil
			}
		}
	}
}

// claim takes or renews a lease, if it is free or this process's.
func (j *Journey) claim(ctx context.Context, name string) (until time.Time, held bool) {
	// It is not broken off: its commit could come after the release.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRenew)
	defer cancel()
	err := j.DB.Update(ctx, func(tx ledger.Tx) error {
		now := j.Clock()
		until = now.Add(leaseLasts)
		n, err := tx.Exec(ctx, `INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until < $4`, name, j.Holder, ledger.Micros(until), ledger.Micros(now))
		held = n > 0
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			j.Log.Error("claim lease", "lease", name, "err", err)
		}
		return time.Time{}, false
	}
	return until, held
}

// release gives a lease back, so that another process need not wait for it.
func (j *Journey) release(ctx context.Context, name string) {
	// As long as it lasts, giving it back saves somebody a wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseLasts)
	defer cancel()
	err := j.DB.Update(ctx, func(tx ledger.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM leases WHERE name = $1 AND holder = $2`, name, j.Holder)
		return err
	})
	if err != nil {
		j.Log.Warn("release lease", "lease", name, "err", err)
	}
}
