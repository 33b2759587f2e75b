package ledger_test

import (
	"testing"
	"time"

	"crier/ledger"
)

// A member reports an ad once, however often they say so.
func TestReports(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "jo")
		a, other := v.put("luc", "watches"), v.put("luc", "bread")
		jo := v.members["jo"].ID
		check := func(name string, number int64, reported bool, n int) {
			t.Helper()
			v.view(func(b *ledger.Book) error {
				is, err := b.Reported(ctx, number, jo)
				if err != nil {
					return err
				}
				got, err := b.ReportsOf(ctx, jo, v.now.Add(-24*time.Hour))
				if is != reported || got != n {
					t.Errorf("%s: reported %v, %d in a day; want %v, %d", name, is, got, reported, n)
				}
				return err
			})
		}
		check("at first", a.Number, false, 0)
		for range 2 {
			v.do(func(b *ledger.Book) error { return b.ReportAd(ctx, a.Number, jo, "a shop") })
		}
		check("reported twice", a.Number, true, 1)
		check("another", other.Number, false, 1)
		v.now = v.now.Add(25 * time.Hour)
		check("a day later", a.Number, true, 0)
	})
}
