package storetest

import (
	"fmt"
	"strings"
	"testing"

	"crier/ledger"
)

func testLater(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		args := []any{1, "one"}
		if err := tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, args...); err != nil {
			return err
		}
		args[1] = "two" // the slice is the caller's again
		if err := tx.Later(t.Context(), `UPDATE things SET name = name || $2 WHERE id = $1`, args...); err != nil {
			return err
		}
		var name string
		if err := ledger.Get(t.Context(), tx, []any{&name}, `SELECT name FROM things WHERE id = 1`); err != nil {
			return err
		}
		if name != "onetwo" {
			t.Errorf("a query after Later read %q", name)
		}
		if err := tx.Later(t.Context(), `UPDATE things SET size = 1 WHERE id = 1`); err != nil {
			return err
		}
		if n, err := tx.Exec(t.Context(), `UPDATE things SET size = size + 1 WHERE size = 1`); n != 1 || err != nil {
			t.Errorf("Exec after Later changed %d rows, %v", n, err)
		}
		return tx.Later(t.Context(), `UPDATE things SET size = size * 10`)
	})
	wantInt(t, db, 20, `SELECT size FROM things`)
	update(t, db, func(tx ledger.Tx) error {
		for i := range 2500 {
			if err := tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, i+100, fmt.Sprint(i)); err != nil {
				return err
			}
		}
		return nil
	})
	wantCount(t, db, 2501)
}

func testLaterFails(t *testing.T, db ledger.DB) {
	// The error comes out of the Later itself or of the call after it, and
	// nothing stays in any case.
	for name, next := range map[string]func(tx ledger.Tx) error{
		"Query": func(tx ledger.Tx) error {
			return ledger.Get(t.Context(), tx, []any{new(int)}, `SELECT COUNT(*) FROM things`)
		},
		"Exec": func(tx ledger.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE things SET note = 'x'`)
			return err
		},
		"commit": func(ledger.Tx) error { return nil },
	} {
		err := db.Update(t.Context(), func(tx ledger.Tx) error {
			err := tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES (1, 'one')`)
			if err == nil {
				err = tx.Later(t.Context(), `INSERT INTO things (id, name, size) VALUES (2, 'two', 13)`)
			}
			if err == nil {
				err = tx.Later(t.Context(), `INSERT INTO things (id, name) VALUES (3, 'three')`)
			}
			if err == nil {
				err = next(tx)
			}
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "VALUES (2, 'two', 13)") {
			t.Errorf("%s after a Later that fails: %v", name, err)
		}
	}
	wantCount(t, db, 0)
}

func testCommitFails(t *testing.T, db ledger.DB) {
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		insert(t, tx, 1)
		return tx.Later(t.Context(), `INSERT INTO things (id, name, heir) VALUES (2, 'two', 99)`)
	})
	if err == nil {
		t.Error("a transaction committed against a constraint")
	}
	wantCount(t, db, 0)
}
