package storetest

import (
	"fmt"
	"testing"

	"crier/ledger"
)

// BenchPoint measures what a statement costs in db, which is fresh and empty: a
// point SELECT in a View of its own and in one of many, and a transaction of
// six statements the size of a payment's, one commit for each and one for a
// hundred. The metric ns/stmt is the time of one statement, its share of BEGIN
// and COMMIT included.
func BenchPoint(b *testing.B, db ledger.DB) {
	ctx := b.Context()
	if err := ledger.Migrate(ctx, db, "suite", tables); err != nil {
		b.Fatal(err)
	}
	err := db.Update(ctx, func(tx ledger.Tx) error {
		for i := range 1000 {
			if err := tx.Later(ctx, `INSERT INTO things (id, name, size) VALUES ($1, $2, 0)`, i, fmt.Sprint("thing ", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	read := func(tx ledger.Tx, i int) error {
		var name string
		var size ledger.Amount
		return ledger.Get(ctx, tx, []any{&name, &size}, `SELECT name, size FROM things WHERE id = $1`, i%1000)
	}
	next := 1000
	pay := func(tx ledger.Tx, i int) error {
		if err := tx.Lock(ctx, 1); err != nil {
			return err
		}
		if err := read(tx, i); err != nil {
			return err
		}
		if err := read(tx, i+1); err != nil {
			return err
		}
		for _, size := range []int{-1, 1} {
			if err := tx.Later(ctx, `UPDATE things SET size = size + $2 WHERE id = $1`, i%1000, size); err != nil {
				return err
			}
		}
		for range 2 {
			next++
			if err := tx.Later(ctx, `INSERT INTO things (id, name, size) VALUES ($1, $2, 1)`, next, fmt.Sprint("thing ", next)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range []struct {
		name       string
		run        func(fn func(ledger.Tx) error) error
		step       func(tx ledger.Tx, i int) error
		statements int // of a step
		steps      int // in a transaction
	}{
		{"select", func(fn func(ledger.Tx) error) error { return db.View(ctx, fn) }, read, 1, 1},
		{"select/100 in a view", func(fn func(ledger.Tx) error) error { return db.View(ctx, fn) }, read, 1, 100},
		{"select/100 in an update", func(fn func(ledger.Tx) error) error { return db.Update(ctx, fn) }, read, 1, 100},
		{"write", func(fn func(ledger.Tx) error) error { return db.Update(ctx, fn) }, pay, 6, 1},
		{"write/100 in an update", func(fn func(ledger.Tx) error) error { return db.Update(ctx, fn) }, pay, 6, 100},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; n < b.N; n++ {
				err := c.run(func(tx ledger.Tx) error {
					for i := range c.steps {
						if err := c.step(tx, n+i); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.steps*c.statements), "ns/stmt")
		})
	}
}
