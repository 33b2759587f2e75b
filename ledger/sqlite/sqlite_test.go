package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/sqlite"
	"crier/ledger/storetest"
)

func open(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db ledger.DB, statements ...string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		for _, s := range statements {
			if err := tx.Later(t.Context(), s); err != nil {
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

// increment is a lost update, unless db keeps others out.
func increment(ctx context.Context, db ledger.DB) error {
	return db.Update(ctx, func(tx ledger.Tx) error {
		var n int64
		if err := ledger.Get(ctx, tx, []any{&n}, `SELECT n FROM c`); err != nil {
			return err
		}
		return tx.Later(ctx, `UPDATE c SET n = $1`, n+1)
	})
}

func TestSettings(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	want := map[string]int64{"synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
	for name, want := range want {
		for range 6 { // more often than there are connections to read
			if got := read(t, db, "SELECT * FROM pragma_"+name); got != want {
				t.Errorf("%s is %d, want %d", name, got, want)
			}
		}
	}
	var mode string
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		for name, want := range want {
			var got int64
			if err := ledger.Get(t.Context(), tx, []any{&got}, "SELECT * FROM pragma_"+name); err != nil || got != want {
				t.Errorf("%s is %d, want %d: %v", name, got, want, err)
			}
		}
		return ledger.Get(t.Context(), tx, []any{&mode}, "SELECT * FROM pragma_journal_mode")
	})
	if err != nil || mode != "wal" {
		t.Errorf("journal mode %q: %v", mode, err)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := open(t, path)
	exec(t, db, `CREATE TABLE c (n BIGINT)`, `INSERT INTO c VALUES (7)`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, open(t, path), `SELECT n FROM c`); got != 7 {
		t.Errorf("reopened: %d, want 7", got)
	}
}

// A copy of the files of an open database is what a power cut would leave.
func TestCrash(t *testing.T) {
	dir, after := t.TempDir(), t.TempDir()
	db := open(t, filepath.Join(dir, "x.db"))
	exec(t, db, `CREATE TABLE c (n BIGINT)`, `INSERT INTO c VALUES (0)`)
	for range 10 {
		if err := increment(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"x.db", "x.db-wal"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(after, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, open(t, filepath.Join(after, "x.db")), `SELECT n FROM c`); got != 10 {
		t.Errorf("after a crash: %d, want 10", got)
	}
}

func TestMemory(t *testing.T) {
	db, other := open(t, ":memory:"), open(t, ":memory:")
	exec(t, db, `CREATE TABLE c (n BIGINT)`, `INSERT INTO c VALUES (0)`)
	exec(t, other, `CREATE TABLE c (n TEXT)`) // a database of its own
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if err := increment(t.Context(), db); err != nil {
					t.Error(err)
				}
				read(t, db, `SELECT n FROM c`)
			}
		})
	}
	group.Wait()
	if got := read(t, db, `SELECT n FROM c`); got != 80 {
		t.Errorf("%d after 80 increments", got)
	}
	err := db.View(t.Context(), func(tx ledger.Tx) error { return tx.Later(t.Context(), `UPDATE c SET n = 0`) })
	if err == nil {
		t.Error("a View wrote")
	}
	mine := errors.New("mine")
	err = db.Update(t.Context(), func(tx ledger.Tx) error {
		return errors.Join(tx.Later(t.Context(), `UPDATE c SET n = 0`), mine)
	})
	if !errors.Is(err, mine) {
		t.Error(err)
	}
	if got := read(t, db, `SELECT n FROM c`); got != 80 {
		t.Errorf("%d in the end, want 80", got)
	}
}

// Two DBs stand for two programs.
func TestTwoPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	one, two := open(t, path), open(t, path)
	exec(t, one, `CREATE TABLE c (n BIGINT)`, `INSERT INTO c VALUES (0)`)
	var group sync.WaitGroup
	for _, db := range []*sqlite.DB{one, two} {
		for range 4 {
			group.Go(func() {
				for range 10 {
					if err := increment(t.Context(), db); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	group.Wait()
	if got := read(t, two, `SELECT n FROM c`); got != 80 {
		t.Errorf("%d after 80 increments", got)
	}

	// One waits for the other only as long as its context allows.
	err := one.Update(t.Context(), func(ledger.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		started := time.Now()
		if err := increment(ctx, two); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for another program gave %v", err)
		}
		if waited := time.Since(started); waited > 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		return nil
	})
	if err := errors.Join(err, increment(t.Context(), two)); err != nil {
		t.Error(err)
	}
}

func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			db, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			read(t, db, `SELECT 1`)
			db.Close()
		})
	}
	group.Wait()
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"plain", "a b.db", "a?b=c&d#e.db", "50%25.db", "Zoë 山.db", "file:x.db", filepath.Join(dir, "absolute.db")} {
		db := open(t, path)
		exec(t, db, `CREATE TABLE c (n BIGINT)`)
		for _, name := range []string{path, path + "-wal"} {
			info, err := os.Stat(name)
			if err != nil {
				t.Errorf("%q: %v", path, err)
			} else if info.Mode().Perm() != 0o600 {
				t.Errorf("%q: others may read it: %v", name, info.Mode())
			}
		}
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, garbage, filepath.Join(dir, "missing", "x.db"), ""} {
		db, err := sqlite.Open(t.Context(), path)
		if err == nil {
			db.Close()
			t.Errorf("%q was opened", path)
		}
	}
	if _, err := os.Stat("file:"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("an empty path made a file")
	}
}

func TestClose(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	exec(t, db, `CREATE TABLE c (n BIGINT)`, `INSERT INTO c VALUES (0)`)
	running, closing := make(chan bool), make(chan error)
	updated := make(chan error)
	go func() {
		updated <- db.Update(t.Context(), func(tx ledger.Tx) error {
			running <- true
			for open := true; open; { // until Close has begun
				open = db.View(t.Context(), func(ledger.Tx) error { return nil }) == nil
			}
			return tx.Later(t.Context(), `UPDATE c SET n = 1`)
		})
	}()
	<-running
	go func() { closing <- db.Close() }()
	if err := <-updated; err != nil {
		t.Errorf("a transaction that Close found running: %v", err)
	}
	if err := errors.Join(<-closing, db.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := increment(t.Context(), db); err == nil {
		t.Error("a closed database took an Update")
	}
}

func BenchmarkPoint(b *testing.B) { storetest.BenchPoint(b, storetest.SQLiteDB(b)) }
