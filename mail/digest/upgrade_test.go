package digest_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail/digest"
)

// A host that gets digests by an update sends nobody anything until a
// coordinator says when, and then only what is new since.
func TestCommunitiesFromBefore(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		h := &host{t: t, db: db, now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
		id := h.town("river", "Europe/Brussels", 3)
		h.offers(id, "bread from before")
		for range 2 {
			must(t, digest.Prepare(t.Context(), db))
		}
		h.Journey = h.process("one")
		h.offers(id, "jam")
		for day := range 30 {
			if sent := h.tick(h.now.AddDate(0, 0, 1)); len(sent) > 0 {
				t.Fatalf("on day %d %q goes to %s", day, sent[0].Text, sent[0].Address)
			}
		}
		h.set(id, func(s *digest.Settings) { s.Schedule = digest.Weekly })
		h.offers(id, "fresh bread")
		texts := map[string]int{}
		for range 7 {
			for _, o := range h.tick(h.now.AddDate(0, 0, 1)) {
				if o.Priority == conversation.Bulk {
					texts[o.Address]++
					if strings.Contains(o.Text, "from before") || !strings.Contains(o.Text, "fresh bread") {
						t.Errorf("%s gets %q", o.Address, o.Text)
					}
				}
			}
		}
		if len(texts) != 2 {
			t.Errorf("who gets it how often: %v", texts)
		}
	})
}

// An update in the middle of a digest, from before one could be posted to a
// group with anybody knowing what became of it: it goes on where it was.
func TestUpgradeInTheMiddle(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile("migrations/0001_digest.sql")
	must(t, err)
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		must(t, ledger.Migrate(t.Context(), db, "digest", fstest.MapFS{"0001_digest.sql": {Data: first}}))
		h := &host{t: t, db: db, now: dueAt.Add(-time.Hour)}
		id := h.town("river", "Europe/Brussels", 4)
		h.offers(id, "bread")
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			for _, s := range []string{
				`INSERT INTO digests (community_id, schedule, notice, least, place, checked_at, seen) VALUES ($1, '0 8 * * 5', 1200, 1, 'telegram:-100', $2, 0)`,
				`INSERT INTO cries (id, community_id, kind, state, due_at, issue, to_ad, new_ads, cursor, reach, began_at)
					SELECT 9, $1, 'digest', 'going', $2, 1, 1, 1, MAX(id), 1, $2 FROM (SELECT id FROM members WHERE community_id = $1 ORDER BY id LIMIT 2) AS two`,
			} {
				if _, err := tx.Exec(t.Context(), s, id, ledger.Micros(dueAt)); err != nil {
					return err
				}
			}
			return nil
		}))
		for range 2 {
			must(t, digest.Prepare(t.Context(), db))
		}
		h.Journey = h.process("one")
		var got []string
		for _, o := range append(h.tick(dueAt.Add(time.Minute)), h.tick(dueAt.Add(2*time.Minute))...) {
			got = append(got, o.Address)
		}
		slices.Sort(got)
		if want := []string{"-100", "m2@river.example", "m3@river.example"}; !slices.Equal(got, want) {
			t.Errorf("it goes on to %v, not to %v", got, want)
		}
	})
}
