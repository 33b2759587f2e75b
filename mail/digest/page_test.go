package digest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
	"crier/mail/digest"
)

// A digest is one message of a chat, however much is new; MORE tells the others,
// each once.
func TestOneMessageAndMore(t *testing.T) {
	t.Parallel()
	thursday := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	h := newHost(t, storetest.SQLiteDB(t), thursday)
	id := h.town("river", "UTC", 1)
	must(t, h.db.Update(t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		m, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Thandi Mokoena", Number: 99})
		if err != nil {
			return err
		}
		return book.Bind(t.Context(), m.ID, "telegram", "1001")
	}))
	h.tick(thursday) // from here on ads are new
	const ads = 130
	for n := range ads {
		h.offers(id, fmt.Sprintf("thing%dx, %s", n, strings.Repeat("lovely ", 10)))
	}
	var page conversation.Outbound
	for _, o := range h.tick(time.Date(2026, 3, 6, 8, 0, 0, 0, time.UTC)) {
		if o.Channel == "telegram" {
			page = o
		}
	}
	if page.Sheet == nil || len(page.Text) > 4096 || len(page.Text) < 2000 || !strings.Contains(page.Text, "answer MORE.") {
		t.Fatalf("the digest has %d characters:\n%s", len(page.Text), page.Text)
	}
	told := strings.Count(page.Text, "thing")
	said := page.Text
	for n := 0; told < ads && n < 20; n++ {
		must(t, h.Now(t.Context(), conversation.Inbound{
			Channel: "telegram", ID: fmt.Sprint(n), From: "1001", Text: "MORE", Trust: conversation.Proven, At: h.now,
		}, func(o conversation.Outbound) {
			if len(o.Text) > 4096 {
				t.Errorf("an answer has %d characters", len(o.Text))
			}
			said += "\n" + o.Text
			told += strings.Count(o.Text, "thing")
		}))
	}
	var missing []string
	for n := range ads {
		if what := fmt.Sprintf("thing%dx", n); strings.Count(said, what) != 1 {
			missing = append(missing, what)
		}
	}
	if len(missing) > 0 {
		t.Errorf("told not once: %v\n%s", missing, said[max(0, len(said)-3000):])
	}
}

// What the buttons under a digest answer does what they say, in each language.
func TestHowOftenIsUnderstood(t *testing.T) {
	catalog, err := locales.Load()
	must(t, err)
	u, err := newUnderstander()
	must(t, err)
	for _, locale := range catalog.Codes() {
		p := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Now())
		for _, every := range []string{digest.EveryDay, digest.EveryWeek, digest.EveryMonth, digest.Never} {
			word := p.Text("often."+every, nil)
			m := u.Understand(understand.Input{Text: word, Locale: locale, Unit: understand.Units})
			if m.Intent != understand.Digest || m.What != every || len(word) > 20 {
				t.Errorf("%s: %q is understood as %s %q, want %s", locale, word, m.Intent, m.What, every)
			}
		}
	}
}
