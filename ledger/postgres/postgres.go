// Package postgres keeps the ledgers of many communities in PostgreSQL, which
// any number of crier processes share. What costs there is the network round
// trip, so a transaction makes as few as it can: BEGIN rides with its first
// statement, what need not be answered rides with what must, and the last of
// it rides with COMMIT.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"crier/ledger"
)

const (
	oldestVersion = 15 // of PostgreSQL

	// How many connections a process may have open, unless the URL says
	// pool_max_conns. Many of them wait for a lock at a busy time.
	connsMax = 16

	// How often an Update is tried before the server's refusal is final.
	attemptsMax = 5
)

// Settings of every session, unless the URL or the role sets them: a process
// that hangs or is cut off must not keep a community locked for ever. Every
// statement has an index; plans made while a table was small, and kept with the
// prepared statement, would go on reading all of it as it grows.
var sessionDefaults = map[string]string{
	"application_name":                    "crier",
	"statement_timeout":                   "5min",
	"idle_in_transaction_session_timeout": "1min",
	"enable_seqscan":                      "off",
}

// DB is a ledger.DB in PostgreSQL.
type DB struct {
	pool *pgxpool.Pool
}

// Open connects to the database at url, either form of a connection string
// that libpq knows, with pgxpool's additions (pool_max_conns). It refuses a
// server older than PostgreSQL 15 and a database that is not in UTF-8.
func Open(ctx context.Context, url string) (*DB, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = connsMax
	}
	for name, value := range sessionDefaults {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &canceler{conn: c}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	var version int
	var encoding string
	err = pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding')`).Scan(&version, &encoding)
	if err == nil {
		err = suitable(version, encoding)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &DB{pool: pool}, nil
}

// suitable reports what crier misses in a server. A version is 150004 for 15.4.
func suitable(version int, encoding string) error {
	if version/10_000 < oldestVersion {
		return fmt.Errorf("the server is PostgreSQL %d, and crier needs %d or newer", version/10_000, oldestVersion)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database is in %s, and crier needs UTF8 (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	return nil
}

// Engine returns "postgres".
func (db *DB) Engine() string { return "postgres" }

// Close waits for the transactions that run, and closes all connections.
func (db *DB) Close() error {
	db.pool.Close()
	return nil
}

// Update runs fn in one read-write transaction, READ COMMITTED: what keeps two
// of them apart is Tx.Lock. It runs fn again, a few times at most, when the
// server breaks a deadlock by refusing this transaction, and when the
// connection turns out to have been lost before anything was sent on it.
func (db *DB) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.run(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", fn)
		if err == nil || attempt == attemptsMax || !tryAgain(err) {
			return err
		}
		pause := time.NewTimer(rand.N(5 * time.Millisecond << attempt))
		select {
		case <-ctx.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
	}
}

// tryAgain tells the errors that another run of the same may not meet.
// Source: PostgreSQL, appendix A, class 40.
func tryAgain(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code == "40001" || refused.Code == "40P01" // serialization_failure, deadlock_detected
	}
	return pgconn.SafeToRetry(err)
}

// View runs fn in one read-only transaction on the snapshot that its first
// query takes.
func (db *DB) View(ctx context.Context, fn func(ledger.Tx) error) error {
	return db.run(ctx, beginView, fn)
}

const beginView = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

func (db *DB) run(ctx context.Context, begin string, fn func(ledger.Tx) error) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Release() // which closes one that is not as it was
	t := &tx{conn: conn.Conn(), begin: begin, view: begin == beginView}
	defer t.end(ctx) // in a defer: fn may panic
	if err := fn(t); err != nil {
		return err
	}
	return t.commit(ctx)
}
