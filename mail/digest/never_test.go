package digest_test

import (
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
)

// Whoever says that they want no digest gets none that was on its way: not the
// one that waits to be sent, and not one again where the first did not arrive.
func TestNeverTakesBack(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 5)
		h.coordinate(id, "m4@river.example")
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, h.now.Add(-time.Hour)) // so that the mailbox comes first
			if err != nil {
				return err
			}
			m, err := book.MembersAt(t.Context(), "email", "m1@river.example")
			if err != nil {
				return err
			}
			return book.Bind(t.Context(), m[0].ID, "telegram", "1001")
		}))
		h.tick(h.now)
		h.offers(id, "bread")
		h.now = dueAt
		must(t, h.Tick(t.Context()))
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error { // as if the mail server had refused it
			_, err := tx.Exec(t.Context(), `UPDATE outbox SET state = 'failed', error = '550 no such mailbox', ended_at = $1 WHERE address = 'm1@river.example' AND state = 'queued'`,
				ledger.Micros(h.now))
			return err
		}))
		got := map[string]int{}
		read := func(sent ...conversation.Outbound) {
			for _, o := range sent {
				if o.Sheet != nil {
					got[o.Address]++
				}
				if strings.Contains(o.Text, "did not get") {
					t.Errorf("%s is told %q", o.Address, o.Text)
				}
			}
		}
		for _, at := range [][2]string{{"email", "m2@river.example"}, {"telegram", "1001"}} {
			in := conversation.Inbound{Channel: at[0], ID: at[1], From: at[1], Text: "stop the digest", Trust: conversation.Proven, At: h.now}
			must(t, h.Now(t.Context(), in, func(o conversation.Outbound) { read(o) }))
		}
		read(h.tick(h.now.Add(time.Minute))...)
		read(h.tick(h.now.Add(3 * 24 * time.Hour))...)
		if got["m1@river.example"]+got["1001"]+got["m2@river.example"] != 0 || got["m3@river.example"] != 1 {
			t.Errorf("who got it how often: %v", got)
		}
		if news := strings.Join(h.says("email", "m2@river.example", "news"), "\n"); !strings.Contains(news, "bread") {
			t.Errorf("what did not go out is no news: %q", news)
		}
	})
}
