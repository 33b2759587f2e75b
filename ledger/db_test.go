package ledger_test

import (
	"fmt"
	"testing"

	"crier/ledger"
	"crier/ledger/storetest"
)

// However many rows there are, each is written once, with its own values.
func TestLaterRows(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		ctx := t.Context()
		update := func(fn func(ledger.Tx) error) {
			if err := db.Update(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		update(func(tx ledger.Tx) error {
			return tx.Later(ctx, `CREATE TABLE numbers (n BIGINT PRIMARY KEY, word TEXT NOT NULL)`)
		})
		for _, n := range []int{0, 1, 24, 25, 26, 60} {
			var rows [][]any
			for i := range n {
				rows = append(rows, []any{i, fmt.Sprint(i)})
			}
			update(func(tx ledger.Tx) error {
				if _, err := tx.Exec(ctx, `DELETE FROM numbers`); err != nil {
					return err
				}
				if err := ledger.LaterRows(ctx, tx, `INSERT INTO numbers (n, word)`, rows, ""); err != nil {
					return err
				}
				if err := ledger.LaterRows(ctx, tx, `INSERT INTO numbers (n, word)`, rows, `ON CONFLICT (n) DO UPDATE SET word = numbers.word || excluded.word`); err != nil {
					return err
				}
				var count, sum, right int
				if err := ledger.Get(ctx, tx, []any{&count, &sum, &right}, `SELECT COUNT(*), COALESCE(SUM(n), 0),
					COALESCE(SUM(CASE WHEN word = CAST(n AS TEXT) || CAST(n AS TEXT) THEN 1 ELSE 0 END), 0) FROM numbers`); err != nil {
					return err
				}
				if count != n || sum != n*(n-1)/2 || right != n {
					t.Errorf("%d rows: there are %d, their sum is %d, and %d are right", n, count, sum, right)
				}
				return nil
			})
		}
	})
}
