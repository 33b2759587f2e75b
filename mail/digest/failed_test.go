package digest_test

import (
	"strings"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/storetest"
)

// What did not arrive is still new: it comes with the next digest that does, once.
func TestFailedIsStillNew(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 4)
		h.says("email", "m2@river.example", "daily")
		h.tick(h.now)
		got := map[string]string{}
		read := func(at time.Time, fails ...string) {
			t.Helper()
			h.now = at
			must(t, h.Tick(t.Context()))
			for _, address := range fails {
				must(t, db.Update(t.Context(), func(tx ledger.Tx) error { // as if the phone was off
					_, err := tx.Exec(t.Context(), `UPDATE outbox SET state = 'failed', error = 'absent', ended_at = $1 WHERE address = $2 AND state = 'queued'`,
						ledger.Micros(h.now), address)
					return err
				}))
			}
			for range 2 {
				for _, o := range h.tick(h.now.Add(time.Minute)) {
					got[o.Address] += o.Text
				}
			}
		}
		h.offers(id, "bread")
		read(dueAt, "m1@river.example", "m2@river.example")
		for day := 1; day < 7; day++ {
			read(dueAt.AddDate(0, 0, day))
		}
		if news := strings.Join(h.says("email", "m1@river.example", "news"), "\n"); !strings.Contains(news, "bread") {
			t.Errorf("what did not arrive is no news: %q", news)
		}
		h.offers(id, "jam")
		read(dueAt.AddDate(0, 0, 7))
		h.offers(id, "soup")
		read(dueAt.AddDate(0, 0, 14))
		for _, address := range []string{"m1@river.example", "m2@river.example", "m3@river.example"} {
			for _, what := range []string{"bread", "jam", "soup"} {
				if n := strings.Count(got[address], what); n != 1 {
					t.Errorf("%s reads of %s %d times:\n%s", address, what, n, got[address])
				}
			}
		}
	})
}
