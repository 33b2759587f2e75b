package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"crier/ledger"
)

// tables are what the suite works on.
var tables = fstest.MapFS{"0001_suite.sql": {Data: []byte(`
-- Every kind of column and constraint that crier's own tables have.
CREATE TABLE owners (
	id BIGINT PRIMARY KEY,
	n BIGINT NOT NULL
);
CREATE TABLE things (
	id BIGINT PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	size BIGINT CHECK (size <> 13),
	note TEXT,
	owner BIGINT REFERENCES owners (id),
	heir BIGINT REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO owners (id, n) VALUES (1, 0);
`)}}

// RunDB checks that a database keeps what ledger.DB, ledger.Tx and ledger.Rows
// promise. open returns a fresh and empty one each time.
func RunDB(t *testing.T, open func(t testing.TB) ledger.DB) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, db ledger.DB)
	}{
		{"commit", testCommit},
		{"error rolls back", testError},
		{"panic rolls back", testPanic},
		{"context", testContext},
		{"failed statement", testFailedStatement},
		{"savepoint", testSavepoint},
		{"later", testLater},
		{"later fails", testLaterFails},
		{"commit fails", testCommitFails},
		{"constraints", testConstraints},
		{"rows", testRows},
		{"values", testValues},
		{"named types", testNamedTypes},
		{"placeholders", testPlaceholders},
		{"view", testView},
		{"lock", testLock},
		{"many", testMany},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			if err := ledger.Migrate(t.Context(), db, "suite", tables); err != nil {
				t.Fatal(err)
			}
			c.test(t, db)
			if !t.Failed() {
				usable(t, db)
			}
		})
	}
	t.Run("migrate", func(t *testing.T) { testMigrate(t, open) })
}

func testCommit(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		n, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, 1, "bread")
		if n != 1 {
			t.Errorf("an insert changed %d rows, want 1", n)
		}
		// A transaction sees what it has written.
		if got := count(t, tx); got != 1 {
			t.Errorf("the transaction sees %d rows, want 1", got)
		}
		return err
	})
	wantCount(t, db, 1)
	update(t, db, func(tx ledger.Tx) error {
		n, err := tx.Exec(t.Context(), `UPDATE things SET note = 'x' WHERE id = $1`, 2)
		if n != 0 {
			t.Errorf("an update of nothing changed %d rows, want 0", n)
		}
		return err
	})
	update(t, db, func(tx ledger.Tx) error {
		n, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING`, 1, "bread")
		if n != 0 {
			t.Errorf("an insert that did nothing changed %d rows, want 0", n)
		}
		return err
	})
	update(t, db, func(ledger.Tx) error { return nil }) // nothing at all is a transaction too
	var id int64
	update(t, db, func(tx ledger.Tx) error {
		return ledger.Get(t.Context(), tx, []any{&id}, `INSERT INTO things (id, name) VALUES ($1, $2) RETURNING id`, 7, "eggs")
	})
	if id != 7 {
		t.Errorf("RETURNING gave %d, want 7", id)
	}
	wantCount(t, db, 2)
}

func testError(t *testing.T, db ledger.DB) {
	mine := errors.New("mine")
	var kept ledger.Tx
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		kept = tx
		insert(t, tx, 1)
		return fmt.Errorf("wrapped: %w", mine)
	})
	if !errors.Is(err, mine) {
		t.Errorf("Update returned %v, want the error of its function", err)
	}
	if _, err := kept.Exec(t.Context(), `INSERT INTO things (id, name) VALUES (2, 'late')`); err == nil {
		t.Error("a transaction that is over took a statement")
	}
	if err := db.View(t.Context(), func(ledger.Tx) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("View returned %v, want the error of its function", err)
	}
	wantCount(t, db, 0)
}

func testPanic(t *testing.T, db ledger.DB) {
	for range 20 { // more often than there are connections
		func() {
			defer func() {
				if recover() != "mine" {
					t.Error("the panic did not come through")
				}
			}()
			_ = db.Update(t.Context(), func(tx ledger.Tx) error {
				insert(t, tx, 1)
				_, _ = tx.Query(t.Context(), `SELECT id FROM things`) // left open
				panic("mine")
			})
		}()
	}
	wantCount(t, db, 0)
}

func testContext(t *testing.T, db ledger.DB) {
	ended, end := context.WithCancel(t.Context())
	end()
	refused := func(ledger.Tx) error { t.Error("the function ran with a context that had ended"); return nil }
	for _, run := range []func(context.Context, func(ledger.Tx) error) error{db.Update, db.View} {
		if err := run(ended, refused); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that had ended gave %v", err)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx ledger.Tx) error {
		insert(t, tx, 1)
		cancel()
		_, err := tx.Exec(ctx, `INSERT INTO things (id, name) VALUES (2, 'two')`)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a statement after the end of its context gave %v", err)
		}
		return nil // overlooked
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update gave %v after the end of its context", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	err = db.Update(ctx, func(tx ledger.Tx) error {
		insert(t, tx, 1)
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update committed after the end of its context: %v", err)
	}
	wantCount(t, db, 0)

	// In the middle of rows without end.
	ctx, cancel = context.WithCancel(t.Context())
	err = db.View(ctx, func(tx ledger.Tx) error {
		rows, err := tx.Query(ctx, `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c`)
		if err != nil {
			return err
		}
		for n := 0; rows.Next(); n++ {
			if n == 10_000 {
				cancel()
			}
		}
		if err := rows.Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("rows gave %v after the end of their context", err)
		}
		return rows.Close()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("View gave %v after the end of its context", err)
	}
}

func testFailedStatement(t *testing.T, db ledger.DB) {
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		insert(t, tx, 1)
		_, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES (1, 'again')`)
		if err == nil || !strings.Contains(err.Error(), "INSERT INTO things") {
			t.Errorf("error %v does not name its statement", err)
		}
		if _, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES (2, 'two')`); err == nil {
			t.Error("a transaction that has failed took a statement")
		}
		if err := tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES (3, 'three')`); err == nil {
			t.Error("a transaction that has failed took a later statement")
		}
		return nil // overlooked
	})
	if err == nil {
		t.Error("a transaction committed although a statement had failed")
	}
	wantCount(t, db, 0)
	err = db.Update(t.Context(), func(tx ledger.Tx) error {
		// What does not even parse, and is the first of its transaction.
		_, _ = tx.Exec(t.Context(), `INSERT INTO nothing VALUES (1)`)
		_, _ = tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES (2, 'two')`)
		return nil
	})
	if err == nil {
		t.Error("a transaction committed although its first statement had failed")
	}
	wantCount(t, db, 0)
}

func testSavepoint(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		insert(t, tx, 1)
		for range 2 {
			if err := tx.Later(t.Context(), `SAVEPOINT one`); err != nil {
				return err
			}
			if err := tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, 2, "two"); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, 1, "again"); err == nil {
				t.Error("a duplicate was taken")
			}
			if _, err := tx.Exec(t.Context(), `ROLLBACK TO one`); err != nil {
				return err
			}
		}
		return tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, 3, "three")
	})
	wantCount(t, db, 2)
}

func testConstraints(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error { insert(t, tx, 1); return nil })
	for name, statement := range map[string]string{
		"primary key": `INSERT INTO things (id, name) VALUES (1, 'other')`,
		"unique":      `INSERT INTO things (id, name) VALUES (2, 'thing 1')`,
		"not null":    `INSERT INTO things (id, name) VALUES (2, NULL)`,
		"check":       `INSERT INTO things (id, name, size) VALUES (2, 'two', 13)`,
		"foreign key": `INSERT INTO things (id, name, owner) VALUES (2, 'two', 99)`,
		"referenced":  `DELETE FROM owners WHERE id = 1`,
		"no such":     `INSERT INTO things (id, nam) VALUES (2, 'two')`,
		"misquoted":   `INSERT INTO things (id, name) VALUES (2, "two")`,
		"no SQL":      `INSERT INT`,
	} {
		err := db.Update(t.Context(), func(tx ledger.Tx) error {
			if _, err := tx.Exec(t.Context(), `UPDATE things SET owner = 1`); err != nil {
				t.Error(err)
			}
			_, err := tx.Exec(t.Context(), statement)
			return err
		})
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	wantCount(t, db, 1)
}

func testRows(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		for i := range 1000 {
			insert(t, tx, int64(i))
		}
		for range 3 { // read half, close twice, and again
			rows, err := tx.Query(t.Context(), `SELECT id FROM things ORDER BY id`)
			if err != nil {
				return err
			}
			for want := range 10 {
				var id int
				if !rows.Next() || rows.Scan(&id) != nil || id != want {
					t.Fatalf("row %d is %d: %v", want, id, rows.Err())
				}
			}
			if _, err := tx.Exec(t.Context(), `UPDATE things SET size = 1`); err == nil {
				t.Error("a statement was taken while rows were open")
			}
			if err := errors.Join(rows.Close(), rows.Close(), rows.Err()); err != nil {
				t.Error(err)
			}
			if rows.Next() {
				t.Error("closed rows go on")
			}
		}
		ids, err := ledger.All(t.Context(), tx, func(r ledger.Rows) (id int64, err error) { return id, r.Scan(&id) },
			`SELECT id FROM things ORDER BY id DESC`)
		if len(ids) != 1000 || ids[0] != 999 {
			t.Errorf("All read %d rows", len(ids))
		}
		if err := ledger.Get(t.Context(), tx, []any{new(int)}, `SELECT id FROM things WHERE id = -1`); !ledger.IsNotFound(err) {
			t.Errorf("a query that finds nothing gave %v", err)
		}
		return err
	})
	update(t, db, func(tx ledger.Tx) error { // what was left open does not outlive its transaction
		_, err := tx.Query(t.Context(), `SELECT id FROM things`)
		return err
	})
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		var id int64
		return ledger.Get(t.Context(), tx, []any{&id}, `SELECT name FROM things`)
	})
	if err == nil {
		t.Error("a text was read into an int64")
	}
}

func testView(t *testing.T, db ledger.DB) {
	err := db.View(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES (1, 'one')`)
		return err
	})
	if err == nil {
		t.Error("a View wrote")
	}
	err = db.View(t.Context(), func(tx ledger.Tx) error {
		if err := tx.Lock(t.Context(), 1); err == nil {
			t.Error("a View locked")
		}
		if _, err := tx.TryLock(t.Context(), 1); err == nil {
			t.Error("a View locked")
		}
		for i := range int64(3) {
			if got := count(t, tx); got != 0 {
				t.Errorf("a View sees %d rows of later transactions", got)
			}
			update(t, db, func(tx ledger.Tx) error { insert(t, tx, i); return nil })
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantCount(t, db, 3)
}

// testLock loses no increment of 16 goroutines that read and then write, and
// waits for each other nowhere else.
func testLock(t *testing.T, db ledger.DB) {
	const goroutines, times = 16, 5
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range times {
				err := db.Update(t.Context(), func(tx ledger.Tx) error {
					if err := tx.Lock(t.Context(), 42); err != nil {
						return err
					}
					if held, err := tx.TryLock(t.Context(), 42); !held || err != nil {
						t.Errorf("a lock that is held already: %v, %v", held, err)
					}
					var n int64
					if err := ledger.Get(t.Context(), tx, []any{&n}, `SELECT n FROM owners WHERE id = 1`); err != nil {
						return err
					}
					return tx.Later(t.Context(), `UPDATE owners SET n = $1 WHERE id = 1`, n+1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	wantInt(t, db, goroutines*times, `SELECT n FROM owners WHERE id = 1`)
}

// testMany uses more texts than any cache of statements holds.
func testMany(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		for i := range int64(700) {
			var got int64
			if err := ledger.Get(t.Context(), tx, []any{&got}, fmt.Sprintf(`SELECT n + %d FROM owners`, i)); err != nil || got != i {
				return fmt.Errorf("statement %d gave %d: %w", i, got, err)
			}
		}
		return nil
	})
}

func usable(t *testing.T, db ledger.DB) {
	t.Helper()
	update(t, db, func(tx ledger.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, 'usable')`, int64(math.MaxInt64))
		return err
	})
}

func update(t *testing.T, db ledger.DB, fn func(ledger.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Error(err)
	}
}

func insert(t *testing.T, tx ledger.Tx, id int64) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, id, fmt.Sprint("thing ", id)); err != nil {
		t.Error(err)
	}
}

func count(t *testing.T, tx ledger.Tx) (n int64) {
	t.Helper()
	if err := ledger.Get(t.Context(), tx, []any{&n}, `SELECT COUNT(*) FROM things`); err != nil {
		t.Error(err)
	}
	return n
}

func wantCount(t *testing.T, db ledger.DB, want int64) {
	t.Helper()
	wantInt(t, db, want, `SELECT COUNT(*) FROM things`)
}

func wantInt(t *testing.T, db ledger.DB, want int64, query string) {
	t.Helper()
	var got int64
	err := db.View(t.Context(), func(tx ledger.Tx) error { return ledger.Get(t.Context(), tx, []any{&got}, query) })
	if err != nil || got != want {
		t.Errorf("%s: %d, want %d: %v", query, got, want, err)
	}
}
