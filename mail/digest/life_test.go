package digest_test

import (
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
)

// Everybody who is new is named once: also who came between a digest that was sent
// early, or that came late, and the next.
func TestNewcomersOnce(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.coordinate(id, "m2@river.example")
		h.tick(h.now)
		got := ""
		read := func(sent ...conversation.Outbound) {
			for _, o := range sent {
				if o.Address == "m1@river.example" {
					got += o.Text
				}
			}
		}
		h.tick(time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		h.offers(id, "bread")
		read(h.tick(dueAt.Add(-2 * 24 * time.Hour))...)
		in := conversation.Inbound{Channel: "email", ID: "now", From: "m2@river.example", Text: "send now", Trust: conversation.Proven, At: h.now}
		must(t, h.Now(t.Context(), in, func(o conversation.Outbound) { read(o) }))
		read(h.tick(h.now.Add(time.Minute))...)
		h.now = dueAt.Add(-24 * time.Hour)
		h.joins(id, "Eve Early", "telegram", "1001")
		h.offers(id, "jam")
		h.tick(h.now)
		h.now = dueAt.AddDate(0, 0, 8)
		h.joins(id, "Lea Late", "telegram", "1002")
		read(h.tick(dueAt.AddDate(0, 0, 9))...)
		h.offers(id, "soup")
		read(h.tick(dueAt.AddDate(0, 0, 14))...)
		for _, what := range []string{"bread", "jam", "soup", "Eve Early", "Lea Late"} {
			if n := strings.Count(got, what); n != 1 {
				t.Errorf("%s came %d times:\n%s", what, n, got)
			}
		}
	})
}
