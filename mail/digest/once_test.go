package digest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
)

// losing is a database that is lost at the commit of what begins a digest, so
// often.
type losing struct {
	ledger.DB
	times atomic.Int32
}

func (l *losing) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	return l.DB.Update(ctx, func(tx ledger.Tx) error {
		if err := fn(tx); err != nil || l.times.Load() == 0 {
			return err
		}
		var n int64
		if err := ledger.Get(ctx, tx, []any{&n}, `SELECT COUNT(*) FROM cries WHERE state = 'going'`); err != nil || n == 0 {
			return err
		}
		l.times.Add(-1)
		return errors.New("the connection was lost at the commit")
	})
}

// An ad that comes between a beginning that was rolled back and the next one is
// in this digest or in the next, and in no third.
func TestBeginsAgain(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		db := &losing{DB: inner}
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.tick(h.now)
		h.offers(id, "bread")
		h.tick(dueAt.Add(-18 * time.Hour))
		h.now = dueAt
		db.times.Store(1)
		if err := h.Tick(t.Context()); err == nil {
			t.Fatal("the commit was not lost")
		}
		h.offers(id, "jam")
		got := ""
		read := func(at time.Time) {
			for _, o := range h.tick(at) {
				if o.Address == "m1@river.example" {
					got += o.Text
				}
			}
		}
		read(dueAt.Add(time.Minute))
		h.offers(id, "cheese")
		read(dueAt.AddDate(0, 0, 7))
		for _, what := range []string{"bread", "jam", "cheese"} {
			if n := strings.Count(got, what); n != 1 {
				t.Errorf("%s came %d times:\n%s", what, n, got)
			}
		}
	})
}

// Two share a telephone. The one reads mails, so the other is told there.
func TestSharedTelephone(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 1)
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now)
			if err != nil {
				return err
			}
			for i := range 2 {
				m, err := book.AddMember(t.Context(), ledger.NewMember{Name: fmt.Sprintf("Bea C%dx", i)})
				if err != nil {
					return err
				}
				if err := book.Bind(t.Context(), m.ID, "sms", "+32470000001"); err != nil {
					return err
				}
				if i == 0 {
					if err := book.Bind(t.Context(), m.ID, "email", "bea@river.example"); err != nil {
						return err
					}
				}
			}
			_, err = tx.Exec(t.Context(), `UPDATE addresses SET used_at = used_at + 1 WHERE community_id = $1 AND address = 'bea@river.example'`, id)
			return err
		}))
		h.tick(h.now)
		h.offers(id, "bread")
		got := map[string]int{}
		for _, o := range h.tick(dueAt) {
			got[o.Address]++
		}
		if got["bea@river.example"] != 1 || got["+32470000001"] != 1 {
			t.Errorf("who got it how often: %v", got)
		}
	})
}

// Two coordinators say yes in the same moment: both broadcasts go out.
func TestTwoBroadcastsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 2)
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now)
			if err != nil {
				return err
			}
			for i := range 2 {
				m, err := book.AddMember(t.Context(), ledger.NewMember{Name: fmt.Sprintf("Ria C%dx", i), Role: ledger.Coordinator})
				if err != nil {
					return err
				}
				if err := book.Bind(t.Context(), m.ID, "telegram", fmt.Sprint(1000+i)); err != nil {
					return err
				}
			}
			return nil
		}))
		h.tick(h.now)
		for _, said := range []string{"broadcast the market is on saturday", "yes"} {
			for i := range 2 {
				h.says("telegram", fmt.Sprint(1000+i), said+strings.Repeat(".", i)) // no two messages are alike
			}
		}
		told := 0
		for _, o := range h.tick(h.now.Add(time.Minute)) {
			if o.Address == "m1@river.example" {
				told++
			}
		}
		if told != 2 {
			t.Errorf("a member was told %d times, not twice", told)
		}
	})
}

// Whoever broadcasts to thousands hears how far it is, and when it is done.
func TestBroadcastProgress(t *testing.T) {
	t.Parallel()
	db := storetest.SQLiteDB(t)
	h := newHost(t, db, time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC))
	id := h.town("river", "Europe/Brussels", 2300)
	h.joins(id, "Ria Jansen", "telegram", "1001")
	must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE members SET role = 'coordinator', version = version + 1 WHERE community_id = $1 AND name = 'Ria Jansen'`, id)
		return err
	}))
	h.Journey = h.process("two") // which reads who has which role
	h.tick(h.now)
	for _, said := range []string{"broadcast the market is on saturday", "yes"} {
		h.says("telegram", "1001", said)
	}
	var heard []string
	for _, o := range h.tick(h.now.Add(time.Minute)) {
		if o.Address == "1001" && o.Priority < conversation.Bulk {
			heard = append(heard, o.Text)
		}
	}
	want := []string{"So far your message has gone out to 1000 members.", "So far your message has gone out to 2000 members.", "Your message has gone out to 2301 members."}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// Whoever has unsubscribed from the letters by a click wants none as a text
// either, until they say so.
func TestUnsubscribedIsEverywhere(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.coordinate(id, "m0@river.example")
		h.binds(id, "m1@river.example", "telegram", "1001")
		week := func(at time.Time, ad string) (got []conversation.Outbound) {
			t.Helper()
			h.now = at.Add(-time.Hour)
			h.offers(id, ad)
			for _, now := range []time.Time{at.Add(-time.Minute), at, at.Add(72 * time.Hour)} {
				for _, o := range h.tick(now) {
					if strings.HasPrefix(o.Text, "The digest of") || strings.Contains(o.Text, "did not get") {
						t.Errorf("a coordinator is told %q", o.Text)
					}
					if o.Address == "m1@river.example" || o.Address == "1001" {
						got = append(got, o)
					}
				}
			}
			return got
		}
		h.tick(h.now)
		got := week(dueAt, "bread")
		if len(got) != 1 {
			t.Fatalf("she gets %+v", got)
		}
		must(t, h.Unsubscribe(t.Context(), got[0].Channel, got[0].ID))
		must(t, h.PauseAddress(t.Context(), "email", "m1@river.example", "full")) // which is no reason to begin anew
		if got := week(dueAt.AddDate(0, 0, 7), "jam"); len(got) != 0 {
			t.Errorf("after she has unsubscribed she gets %q at %s", got[0].Text, got[0].Address)
		}
		h.says("telegram", "1001", "weekly")
		if got := week(dueAt.AddDate(0, 0, 14), "soup"); len(got) != 1 || !strings.Contains(got[0].Text, "soup") {
			t.Errorf("after she wants it again she gets %+v", got)
		}
	})
}
