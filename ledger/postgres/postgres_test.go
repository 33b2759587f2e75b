package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/storetest"
)

// patience bounds every wait for something that takes milliseconds.
const patience = 20 * time.Second

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func with(database, setting, value string) string {
	u, err := url.Parse(database)
	if err != nil {
		return err.Error()
	}
	q := u.Query()
	q.Set(setting, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func exec(t *testing.T, db ledger.DB, statements ...string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, db ledger.DB, query string) (n int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx ledger.Tx) error { return ledger.Get(t.Context(), tx, []any{&n}, query) })
	if err != nil {
		t.Error(err)
	}
	return n
}

// hold holds the lock of a community until the returned function is called.
func hold(t *testing.T, db ledger.DB, community ledger.CommunityID) (release func()) {
	t.Helper()
	held, done, ended := make(chan bool), make(chan bool), make(chan error)
	go func() {
		ended <- db.Update(t.Context(), func(tx ledger.Tx) error {
			ok, err := tx.TryLock(t.Context(), community)
			if err != nil {
				return err
			}
			held <- ok
			<-done
			return nil
		})
	}()
	if !<-held {
		t.Error("somebody else holds the lock")
	}
	return func() {
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestTryLock(t *testing.T) {
	db := storetest.PostgresDB(t)
	try := func(community ledger.CommunityID) (held bool) {
		err := db.Update(t.Context(), func(tx ledger.Tx) (err error) {
			held, err = tx.TryLock(t.Context(), community)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return held
	}
	release := hold(t, db, 1)
	if try(1) {
		t.Error("two transactions hold one lock")
	}
	if !try(2) {
		t.Error("the lock of another community was refused")
	}
	release()
	if !try(1) {
		t.Error("the lock outlived its transaction")
	}
}

// A transaction that waits for a lock when its context ends leaves nothing,
// not even later, and its connection is the same and works.
func TestCancelledWait(t *testing.T) {
	database := storetest.Postgres(t)
	db, one := open(t, database), open(t, with(database, "pool_max_conns", "1"))
	exec(t, db, `CREATE TABLE c (n BIGINT)`)
	release := hold(t, db, 1)
	before := read(t, one, `SELECT pg_backend_pid()`)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		err := one.Update(ctx, func(tx ledger.Tx) error {
			// Lock, INSERT and COMMIT go out together.
			return errors.Join(tx.Lock(ctx, 1), tx.Later(ctx, `INSERT INTO c VALUES (1)`))
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a wait that was cancelled gave %v", err)
		}
	}
	release()
	exec(t, one, `SELECT pg_advisory_xact_lock(1)`) // after whoever may still wait
	if after := read(t, one, `SELECT pg_backend_pid()`); after != before {
		t.Error("the connection was lost")
	}
	if n := read(t, db, `SELECT COUNT(*) FROM c`); n != 0 {
		t.Errorf("%d rows of cancelled transactions", n)
	}
}

// Two transactions that want each other's lock: the server ends one, and its
// function runs again.
func TestDeadlock(t *testing.T) {
	db := storetest.PostgresDB(t)
	exec(t, db, `CREATE TABLE c (n BIGINT)`)
	var runs atomic.Int64
	var both sync.WaitGroup
	both.Add(2)
	cross := func(first, second ledger.CommunityID) error {
		met := false
		return db.Update(t.Context(), func(tx ledger.Tx) error {
			runs.Add(1)
			if _, err := tx.TryLock(t.Context(), first); err != nil {
				return err
			}
			if !met { // the first time only
				met = true
				both.Done()
				both.Wait()
			}
			if err := tx.Lock(t.Context(), second); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO c VALUES (1)`)
			return err
		})
	}
	other := make(chan error)
	go func() { other <- cross(1, 2) }()
	if err := errors.Join(cross(2, 1), <-other); err != nil {
		t.Error(err)
	}
	if n := read(t, db, `SELECT COUNT(*) FROM c`); n != 2 || runs.Load() < 3 {
		t.Errorf("%d rows after %d runs, want 2 after 3", n, runs.Load())
	}
}

// Connections that the server has closed meanwhile do not stay in the way.
func TestLostConnections(t *testing.T) {
	database := storetest.Postgres(t)
	db, other := open(t, database), open(t, database)
	exec(t, db, `CREATE TABLE c (n BIGINT)`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { read(t, db, `SELECT 1 FROM pg_sleep(0.05)`) })
	}
	group.Wait()
	exec(t, other, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	var err error
	for range 20 {
		if err = db.Update(t.Context(), func(tx ledger.Tx) error { return tx.Later(t.Context(), `INSERT INTO c VALUES (1)`) }); err == nil {
			break
		}
	}
	if err != nil {
		t.Errorf("still no connection: %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	for _, database := range []string{
		"postgres://crier:geheim@127.0.0.1:1/none?connect_timeout=2",
		"postgres://crier:geheim@127.0.0.1:port/none",
		"no connection string password=geheim",
	} {
		db, err := postgres.Open(t.Context(), database)
		if err == nil {
			db.Close()
			t.Errorf("%s was opened", database)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
	t.Run("settings", func(t *testing.T) {
		db := open(t, with(storetest.Postgres(t), "statement_timeout", "1234"))
		if n := read(t, db, `SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'`); n != 1234 {
			t.Errorf("the URL's statement_timeout is %d, want 1234", n)
		}
	})
}

// TestRoundTrips holds the package to what it is for.
func TestRoundTrips(t *testing.T) {
	database, trips := counted(t, storetest.Postgres(t))
	db := open(t, with(database, "pool_max_conns", "1"))
	exec(t, db, `CREATE TABLE c (id BIGINT PRIMARY KEY, n BIGINT)`)
	ctx := t.Context()
	later := func(tx ledger.Tx, times int) (err error) {
		for range times {
			err = errors.Join(err, tx.Later(ctx, `INSERT INTO c VALUES ($1, 0)`, ledger.NewID(time.Now())))
		}
		return err
	}
	get := func(tx ledger.Tx) error {
		return ledger.Get(ctx, tx, []any{new(int)}, `SELECT COUNT(*) FROM c`)
	}
	for _, c := range []struct {
		name string
		want int64
		run  func(context.Context, func(ledger.Tx) error) error
		fn   func(tx ledger.Tx) error
	}{
		{"nothing", 0, db.Update, func(ledger.Tx) error { return nil }},
		{"writes", 1, db.Update, func(tx ledger.Tx) error { return later(tx, 5) }},
		{"a lock and writes", 1, db.Update, func(tx ledger.Tx) error { return errors.Join(tx.Lock(ctx, 1), later(tx, 5)) }},
		{"a lock, a query between writes", 2, db.Update, func(tx ledger.Tx) error {
			return errors.Join(tx.Lock(ctx, 1), later(tx, 3), get(tx), later(tx, 2))
		}},
		{"two queries", 3, db.View, func(tx ledger.Tx) error { return errors.Join(get(tx), get(tx)) }},
	} {
		var took int64
		for range 2 { // the first time prepares the statements
			before := trips.Load()
			if err := c.run(ctx, c.fn); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			took = trips.Load() - before
		}
		if took != c.want {
			t.Errorf("%s: %d round trips, want %d", c.name, took, c.want)
		}
	}
}

// counted returns the URL of a way to the database that counts how often the
// server says that it waits for the client.
func counted(t *testing.T, database string) (string, *atomic.Int64) {
	t.Helper()
	config, err := pgconn.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	trips := new(atomic.Int64)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(pgconn.NetworkAddress(config.Host, config.Port))
			if err != nil {
				client.Close()
				continue
			}
			go func() { io.Copy(server, client); server.Close() }()
			go func() { forward(client, server, trips); client.Close() }()
		}
	}()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	q := u.Query()
	q.Del("host")
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String(), trips
}

// forward copies the server's messages and counts each ReadyForQuery.
// Source: PostgreSQL, frontend/backend protocol, message formats.
func forward(client io.Writer, server io.Reader, trips *atomic.Int64) {
	var head [5]byte
	for {
		if _, err := io.ReadFull(server, head[:]); err != nil {
			return
		}
		if head[0] == 'Z' {
			trips.Add(1)
		}
		if _, err := client.Write(head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(client, server, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return
		}
	}
}

func TestListen(t *testing.T) {
	database := storetest.Postgres(t)
	db, other := open(t, database), open(t, database)
	ctx, cancel := context.WithCancel(t.Context())
	woken, ended := make(chan bool, 100), make(chan error)
	go func() { ended <- db.Listen(ctx, `out "box"`, func() { woken <- true }) }()
	wait := func(what string) {
		t.Helper()
		select {
		case <-woken:
		case <-time.After(patience):
			t.Fatalf("not woken by %s", what)
		}
	}
	notify := func(channel string, err error) {
		t.Helper()
		got := other.Update(t.Context(), func(tx ledger.Tx) error {
			return errors.Join(postgres.Notify(t.Context(), tx, channel), err)
		})
		if !errors.Is(got, err) {
			t.Error(got)
		}
	}
	wait("the start")
	notify(`out "box"`, nil)
	wait("a notification")

	// Neither another channel nor a rollback wakes: one wake is for the last.
	notify(`inbox`, nil)
	notify(`out "box"`, errors.New("mine"))
	notify(`out "box"`, nil)
	wait("a notification")
	if len(woken) != 0 {
		t.Error("woken for nothing")
	}

	exec(t, other, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`)
	wait("connecting again")
	notify(`out "box"`, nil)
	wait("a notification on the new connection")

	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Listen returned %v", err)
		}
	case <-time.After(patience):
		t.Error("Listen outlives its context")
	}
}

func BenchmarkPoint(b *testing.B) { storetest.BenchPoint(b, storetest.PostgresDB(b)) }
