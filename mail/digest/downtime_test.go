package digest_test

import (
	"strings"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail/digest"
)

// Where somebody wants the digest daily, what was missed is still the digest of
// its own day: one that was skipped stays so, and the week after has its own.
func TestMissedWithDailyReaders(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 4)
		h.coordinate(id, "m3@river.example")
		h.says("email", "m1@river.example", "daily")
		h.says("email", "m2@river.example", "weekly")
		h.tick(h.now)
		readers := func(what string, at time.Time) (got string) {
			t.Helper()
			for _, o := range h.tick(at) {
				if strings.Contains(o.Text, what) && o.Sheet != nil {
					got += o.Address[:2] + " "
				}
			}
			return got
		}
		h.offers(id, "bread")
		h.tick(dueAt.Add(-19 * time.Hour))
		h.says("email", "m3@river.example", "skip")
		h.offers(id, "more bread")
		if got := readers("bread", dueAt.AddDate(0, 0, 1).Add(4*time.Hour)); got != "m1 " {
			t.Errorf("Friday's digest was skipped, and on Saturday it reaches %s", got)
		}
		second := dueAt.AddDate(0, 0, 7)
		h.tick(second.Add(-19 * time.Hour))
		if got := readers("bread", second.AddDate(0, 0, 3).Add(time.Hour)); got != "m2 m3 " {
			t.Errorf("the next, which comes on Monday, reaches %s", got)
		}
		h.offers(id, "jam")
		h.tick(second.AddDate(0, 0, 6))
		if got := readers("jam", second.AddDate(0, 0, 7)); got != "m2 m3 " {
			t.Errorf("the one of the week in which that came reaches %s", got)
		}
	})
}

// What is said of when the digest goes out next is so, also where the next of the
// schedule was skipped.
func TestNext(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "UTC", 2)
		h.coordinate(id, "m1@river.example")
		h.says("email", "m1@river.example", "skip")
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now)
			if err != nil {
				return err
			}
			s, err := digest.SettingsOf(t.Context(), book)
			if err != nil {
				return err
			}
			next, err := s.Next(t.Context(), book, time.UTC, 2)
			if err == nil && (len(next) != 2 || !next[0].Equal(time.Date(2026, 5, 15, 8, 0, 0, 0, time.UTC)) || next[1].Sub(next[0]) != 7*24*time.Hour) {
				t.Errorf("the next are %v", next)
			}
			return err
		}))
	})
}
