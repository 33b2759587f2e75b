package digest_test

import (
	"strings"
	"testing"
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
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now)
			if err != nil {
				return err
			}
			s, err := digest.SettingsOf(t.Context(), book)
			if err != nil {
				return err
			}
			s.Schedule = digest.Weekly
			return s.Save(t.Context(), book)
		}))
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
