package digest_test

import (
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail/digest"
)

// A digest goes to the community's group too: once, and with nothing in it that
// is for one person or that nobody hears there. Where it does not get there, the
// coordinators are told; where the group has another address by now, that is kept.
func TestPosted(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.coordinate(id, "m2@river.example")
		h.set(id, func(s *digest.Settings) { s.Place = "telegram:-100" })

		week := func(ad string) (post conversation.Outbound) {
			t.Helper()
			h.tick(h.now)
			h.offers(id, ad)
			friday := h.now.Truncate(24 * time.Hour).Add(6 * time.Hour)
			for friday.Weekday() != time.Friday {
				friday = friday.AddDate(0, 0, 1)
			}
			posts := 0
			h.tick(friday.Add(-time.Hour))
			for _, o := range append(h.tick(friday), h.tick(friday.Add(time.Minute))...) {
				if strings.HasPrefix(o.Address, "-100") {
					post = o
					posts++
				}
			}
			if posts != 1 {
				t.Fatalf("the group gets it %d times", posts)
			}
			return post
		}
		later := func() (told string) {
			t.Helper()
			for _, o := range h.tick(h.now.Add(3 * 24 * time.Hour)) {
				told += o.Address + " " + o.Text + "\n"
			}
			return told
		}

		post := week("bread")
		if !strings.Contains(post.Text, "bread") || !strings.Contains(post.Text, "me alone") || post.Sheet == nil || len(post.Sheet.Choices) != 0 || strings.Contains(post.Text, "DAILY") {
			t.Errorf("the group reads %q with the buttons %v", post.Text, post.Sheet)
		}
		if told := later(); told != "" {
			t.Errorf("all went well, and somebody is told %q", told)
		}

		if post = week("jam"); post.Address != "-100" {
			t.Errorf("the second goes to %s", post.Address)
		}
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error { // as if the group had become a supergroup
			_, err := tx.Exec(t.Context(), `UPDATE outbox SET address = '-100200' WHERE address = '-100'`)
			return err
		}))
		if told := later(); told != "" {
			t.Errorf("the group has moved, and somebody is told %q", told)
		}

		if post = week("soup"); post.Address != "-100200" {
			t.Errorf("the third goes to %s", post.Address)
		}
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error { // as if the bot was thrown out
			_, err := tx.Exec(t.Context(), `UPDATE outbox SET state = 'failed', error = '403 kicked' WHERE id = (SELECT MAX(id) FROM outbox WHERE address = '-100200')`)
			return err
		}))
		if told := later(); strings.Count(told, "\n") != 1 || !strings.HasPrefix(told, "m2@river.example The digest of 22 May did not get into your group") {
			t.Errorf("the bot is out of the group, and somebody is told %q", told)
		}
		if told := later(); told != "" {
			t.Errorf("and again %q", told)
		}
	})
}

// A community of which all read the group, and nobody the digest, can have it sent
// now as well. What speaks of ads is not below what has none.
func TestPostedOnly(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 2)
		h.coordinate(id, "m1@river.example")
		h.set(id, func(s *digest.Settings) { s.Place = "telegram:-100" })
		for _, from := range []string{"m0@river.example", "m1@river.example"} {
			h.now = h.now.Add(time.Minute)
			h.says("email", from, "stop the digest")
		}
		h.tick(h.now)
		sendNow := func() string {
			t.Helper()
			h.now = h.now.Add(time.Minute)
			return strings.Join(h.says("email", "m1@river.example", "send now"), "\n")
		}
		posted := func() (all []conversation.Outbound) {
			t.Helper()
			for _, o := range h.tick(h.now.Add(time.Minute)) {
				if o.Address == "-100" {
					all = append(all, o)
				}
			}
			return all
		}
		if said := sendNow(); !strings.Contains(said, "nothing new") {
			t.Errorf("with nothing new: %q", said)
		}
		h.offers(id, "bread")
		if said := sendNow(); said != "The digest goes out now, into your group." {
			t.Errorf("with an ad: %q", said)
		}
		if all := posted(); len(all) != 1 || !strings.Contains(all[0].Text, "bread") {
			t.Errorf("the group reads %v", all)
		}
		h.says("email", "m1@river.example", "edit The hall is closed.")
		sendNow()
		if all := posted(); len(all) != 1 || !strings.Contains(all[0].Text, "The hall is closed.") || strings.Contains(all[0].Text, "TAKE") {
			t.Errorf("then the group reads %v", all)
		}
	})
}
