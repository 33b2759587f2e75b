package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"crier/ledger"
)

const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// Listen calls wake after every Notify of the channel that committed, and once
// whenever it has (re)connected, since it may have missed some. Several that
// come together may wake once. It uses a connection of its own, connects again
// by itself as often as it takes, and returns only when ctx ends, with its
// error. wake must be quick: nothing is heard meanwhile.
func (db *DB) Listen(ctx context.Context, channel string, wake func()) error {
	config := db.pool.Config().ConnConfig
	// There is no statement to cancel here: stop at once.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}
	}
	pause := shortestPause
	for {
		started := time.Now()
		_ = listenOnce(ctx, config, channel, wake) // whatever it was, the remedy is to connect again
		if time.Since(started) > longestPause {
			pause = shortestPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, longestPause)
	}
}

func listenOnce(ctx context.Context, config *pgx.ConnConfig, channel string, wake func()) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
		defer cancel()
		conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for {
		wake()
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// Notify wakes those who Listen to the channel, in every process, if and when
// the transaction commits. PostgreSQL lets transactions that notify commit one
// at a time only: where many commit at once, let one of them do it for all.
func Notify(ctx context.Context, tx ledger.Tx, channel string) error {
	return tx.Later(ctx, `SELECT pg_notify($1, '')`, channel)
}
