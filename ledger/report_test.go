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

// What a coordinator has taken down is known as such until it is put back.
func TestTakeDown(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "ria")
		a := v.put("luc", "watches")
		by := func() string {
			t.Helper()
			var who ledger.MemberID
			v.view(func(b *ledger.Book) (err error) {
				if who, err = b.TakenDownBy(ctx, a.Number); ledger.IsNotFound(err) {
					return nil
				}
				return err
			})
			for name, m := range v.members {
				if m.ID == who {
					return name
				}
			}
			return "nobody"
		}
		want(t, "at first", by(), "nobody")
		for range 2 {
			v.do(func(b *ledger.Book) error { return b.TakeDown(ctx, a.Number, v.members["ria"].ID, "a shop") })
		}
		want(t, "who took it down", by(), "ria")
		want(t, "what is up", v.adsOf("luc"), "")
		v.do(func(b *ledger.Book) error { return b.PutBack(ctx, a.Number) })
		want(t, "put back", by(), "nobody")
		v.refused(ledger.ErrNotFound, func(b *ledger.Book) error { return b.TakeDown(ctx, 99, 1, "") })
	})
}
