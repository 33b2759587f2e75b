package digest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail/digest"
)

// A digest that comes back, hours after the mail server has taken it, goes to
// another address of the same member; without one the history says why.
func TestBouncedDigest(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		thursday := time.Date(2026, 5, 7, 9, 0, 0, 0, time.UTC)
		h := newHost(t, db, thursday)
		id := h.town("brussels", "Europe/Brussels", 3)
		at := func(do func(ctx context.Context, book *ledger.Book) error) {
			t.Helper()
			must(t, h.db.Update(t.Context(), func(tx ledger.Tx) error {
				book, err := ledger.Open(t.Context(), tx, id, h.now)
				if err != nil {
					return err
				}
				return do(t.Context(), book)
			}))
		}
		at(func(ctx context.Context, book *ledger.Book) error {
			all, err := book.MembersAt(ctx, "email", "m1@brussels.example")
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, all[0].ID, "sms", "+32470000001"); err != nil {
				return err
			}
			_, err = book.Tx().Exec(ctx, `UPDATE addresses SET used_at = used_at - 1 WHERE community_id = $1 AND channel = 'sms'`, id)
			return err
		})
		h.tick(thursday)
		h.offers(id, "eggs")
		sent := h.tick(thursday.Add(24 * time.Hour))
		for _, o := range sent {
			if o.Address == "m1@brussels.example" || o.Address == "m2@brussels.example" {
				must(t, h.Bounced(t.Context(), "email", o.ID, true, "no such mailbox"))
			}
		}
		again := h.tick(thursday.Add(25 * time.Hour))
		if len(again) != 1 || again[0].Address != "+32470000001" {
			t.Errorf("after two bounces there went out %v, not one text to the other address", again)
		}
		if more := h.tick(thursday.Add(26 * time.Hour)); len(more) != 0 {
			t.Errorf("it went out once more: %v", more)
		}
		at(func(ctx context.Context, book *ledger.Book) error {
			tallies, err := digest.Tallies(ctx, book, 10)
			if err != nil {
				return err
			}
			if len(tallies) != 1 || tallies[0].Sent != 1 || tallies[0].Failed != 1 || tallies[0].Reach != 2 {
				t.Errorf("the history is %+v", tallies)
			}
			missed, err := digest.MissedBy(ctx, book, tallies[0].ID)
			if err != nil {
				return err
			}
			if len(missed) != 1 || missed[0].Number != 3 || missed[0].Why != "no such mailbox" || missed[0].Tried[0] != "email:m2@brussels.example" {
				t.Errorf("missed are %+v", missed)
			}
			return nil
		})
	})
}

// A digest that waits for more ads is no reason for alarm, nor is one that nobody
// wants; one that those cannot be told who are due it is.
func TestAlarm(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		thursday := time.Date(2026, 5, 7, 9, 0, 0, 0, time.UTC)
		h := newHost(t, db, thursday)
		id := h.town("brussels", "Europe/Brussels", 1)
		must(t, h.db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now)
			if err != nil {
				return err
			}
			ria, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Ria Jansen", Role: ledger.Coordinator})
			if err != nil {
				return err
			}
			if err := book.Bind(t.Context(), ria.ID, "telegram", "1001"); err != nil {
				return err
			}
			if err := digest.SetEvery(t.Context(), book, ria.ID, digest.Never); err != nil {
				return err
			}
			s, err := digest.SettingsOf(t.Context(), book)
			if err != nil {
				return err
			}
			s.Least = 3
			return s.Save(t.Context(), book)
		}))
		h.tick(thursday)
		h.offers(id, "eggs")
		if sent := h.tick(thursday.Add(24 * time.Hour)); len(sent) != 0 {
			t.Errorf("with one ad where it takes three, there went out %v", sent)
		}
		h.offers(id, "jam")
		h.offers(id, "bread")
		if sent := h.tick(thursday.Add(8 * 24 * time.Hour)); len(sent) != 0 {
			t.Errorf("with three ads that nobody wants to hear of, there went out %v", sent)
		}
		h.joins(id, "Jo Smit", "telegram", "1009")
		must(t, h.PauseAddress(t.Context(), "telegram", "1009", "blocked"))
		for _, what := range []string{"soup", "figs", "hay"} {
			h.offers(id, what)
		}
		sent := h.tick(thursday.Add(15 * 24 * time.Hour))
		if i := len(sent) - 1; i < 0 || sent[i].Address != "1001" || !strings.Contains(sent[i].Text, "The digest went to nobody, though 3 ads are new") {
			t.Errorf("with three ads and nobody to read them, there went out %v", sent)
		}
	})
}

// Where fewer ads are new than a digest takes, a coordinator hears so, and not
// that nothing is new.
func TestTooFew(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 6, 9, 0, 0, 0, time.UTC))
		id := h.town("brussels", "Europe/Brussels", 3)
		h.set(id, func(s *digest.Settings) { s.Least = 3 })
		h.coordinate(id, "m1@brussels.example")
		h.offers(id, "eggs")
		h.tick(h.now)
		for _, ask := range []string{"digest preview", "send now"} {
			got := h.says("email", "m1@brussels.example", ask)
			if want := "1 ad is new so far, and the digest only goes out with 3."; len(got) != 1 || !strings.HasPrefix(got[0], want) {
				t.Errorf("%q is answered %q, not %q", ask, got, want)
			}
		}
	})
}
