// Package sqlite keeps a ledger in one SQLite file: nothing to install, right
// for one group on a small computer.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	sqlite "modernc.org/sqlite"

	"crier/ledger"
)

const (
	readers = 4 // connections that View shares

	// What each connection may keep of the file in memory, in KiB. Together
	// they stay under 8 MiB.
	writerCache = 4 << 10
	readerCache = 768

	// How long to wait, in milliseconds, for another program that has the file
	// open and is writing.
	busyTimeout = 10_000
)

var errClosed = errors.New("the database is closed")

// DB is a ledger.DB in one SQLite file. Its Updates run one after the other;
// its Views run beside them and see what was committed before they began. The
// end of a context ends a wait at once, and a transaction at its next statement
// or row.
type DB struct {
	write, read *sql.DB

	// Each channel holds the connections that are free. In memory both are
	// the same channel, with the one connection that is the database.
	writer, readers chan *conn

	closed chan struct{}
	close  func() error
}

// Open opens the database in the file at path, and makes it where there is
// none, readable by this user alone. The path ":memory:" makes a database that
// lives as long as the DB: there an Update or View waits for any other one, so
// neither may be started from within another.
func Open(ctx context.Context, path string) (*DB, error) {
	db := &DB{closed: make(chan struct{}), writer: make(chan *conn, 1)}
	db.close = sync.OnceValue(db.shut)
	name := "file::memory:"
	if path != ":memory:" {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		name = "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	}
	var err error
	if db.write, err = connector(name, writerCache, false); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	first := &conn{db: db.write}
	if err := first.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), first.close(), db.write.Close())
	}
	db.writer <- first

	if path == ":memory:" {
		db.readers = db.writer
		return db, nil
	}
	if db.read, err = connector(name, readerCache, true); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), first.close(), db.write.Close())
	}
	db.readers = make(chan *conn, readers)
	for range readers {
		db.readers <- &conn{db: db.read}
	}
	return db, nil
}

// create makes an empty file that holds members' addresses soon. SQLite gives
// the files beside it the same permissions. It leaves one that exists alone:
// to open and close it here would drop the locks of this process on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connector makes the source of connections to a file. What each of them needs
// is in its name, so none can be without.
func connector(name string, cache int, queryOnly bool) (*sql.DB, error) {
	options := url.Values{
		"_busy_timeout": {fmt.Sprint(busyTimeout)},
		"_dqs":          {"0"}, // a misspelt "column" is an error, as in PostgreSQL, and no string
		"_pragma": {
			"journal_mode(wal)",
			"synchronous(full)", // a commit is on the disk when it returns
			"foreign_keys(on)",
			fmt.Sprintf("cache_size(-%d)", cache),
		},
	}
	if queryOnly {
		options.Set("_query_only", "1")
	}
	c, err := sqlite.NewConnector(name + "?" + options.Encode())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(-1) // the channels of DB are the pool
	return db, nil
}

// Engine returns "sqlite".
func (db *DB) Engine() string { return "sqlite" }

// Close waits for the transactions that run, and closes the file. Those that
// wait for their turn, and later ones, fail.
func (db *DB) Close() error { return db.close() }

func (db *DB) shut() error {
	close(db.closed)
	var errs []error
	if db.read != nil {
		for range cap(db.readers) {
			errs = append(errs, (<-db.readers).close())
		}
		errs = append(errs, db.read.Close())
	}
	// Last, since the last one to close tidies the file up.
	errs = append(errs, (<-db.writer).close(), db.write.Close())
	return errors.Join(errs...)
}

// Update runs fn in one read-write transaction, which no other one runs
// beside. See ledger.DB.
func (db *DB) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	return db.run(ctx, db.writer, false, fn)
}

// View runs fn in one read-only transaction. See ledger.DB.
func (db *DB) View(ctx context.Context, fn func(ledger.Tx) error) error {
	return db.run(ctx, db.readers, true, fn)
}

func (db *DB) run(ctx context.Context, pool chan *conn, view bool, fn func(ledger.Tx) error) (err error) {
	c, err := db.take(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { pool <- c }()

	// IMMEDIATE: take the write lock now, where waiting for it can still
	// succeed. Only that wait has to be watched for the end of ctx.
	begin, beginCtx := "BEGIN IMMEDIATE", ctx
	if view {
		begin, beginCtx = "BEGIN", context.WithoutCancel(ctx)
		if db.read == nil {
			if err := c.queryOnly(true); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, c.queryOnly(false)) }()
		}
	}
	if err := c.exec(beginCtx, begin); err != nil {
		c.rollback() // for a context that ended just after it began
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{conn: c, view: view}
	committed := false
	defer func() { // in a defer: fn may panic
		t.over = true
		t.closeRows()
		if !committed {
			c.rollback()
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	t.closeRows()
	if t.failed != nil {
		return fmt.Errorf("commit: a statement failed: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := c.exec(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// take waits for a connection of a pool and opens it where it is not open.
func (db *DB) take(ctx context.Context, pool chan *conn) (*conn, error) {
	select { // first, since the next one picks at random
	case <-db.closed:
		return nil, errClosed
	default:
	}
	select {
	case <-db.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the database: %w", ctx.Err())
	case c := <-pool:
		if err := c.open(ctx); err != nil {
			pool <- c
			return nil, fmt.Errorf("open the database: %w", err)
		}
		return c, nil
	}
}
