package digest_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
	"crier/mail/digest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var newUnderstander = sync.OnceValues(func() (*understand.Understander, error) {
	words, err := locales.AllWords()
	if err != nil {
		return nil, err
	}
	return understand.New(words)
})

// newEngine is an engine with digests, as crier has it.
func newEngine(log *slog.Logger) (*conversation.Engine, error) {
	catalog, err := locales.Load()
	if err != nil {
		return nil, err
	}
	u, err := newUnderstander()
	if err != nil {
		return nil, err
	}
	digests := digest.New()
	e, err := conversation.New(catalog, u, append(command.All(), digests.Commands()...), log)
	if err != nil {
		return nil, err
	}
	e.OnTick(digests.Tick)
	e.Fit("sms", func(text, _ string) bool { return len(text) <= 306 })
	e.Fit("telegram", func(text, _ string) bool { return len(text) <= 4096 })
	return e, nil
}

// host is a database with a process on it, whose clock the test moves.
type host struct {
	t   *testing.T
	db  ledger.DB
	now time.Time
	*state.Journey
}

func newHost(t *testing.T, db ledger.DB, now time.Time) *host {
	t.Helper()
	must(t, digest.Prepare(t.Context(), db))
	h := &host{t: t, db: db, now: now}
	h.Journey = h.process("one")
	return h
}

// process is one more on the same database.
func (h *host) process(name string) *state.Journey {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	e, err := newEngine(log)
	must(h.t, err)
	return state.New(state.Config{DB: h.db, Engine: e, Clock: func() time.Time { return h.now }, Log: log, Holder: name})
}

// town founds a community whose members have a mail address each.
func (h *host) town(slug, zone string, members int) ledger.CommunityID {
	h.t.Helper()
	var id ledger.CommunityID
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(h.t.Context(), tx, ledger.Community{
			Slug: slug, Name: slug, UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: zone, AdDays: 365,
		}, h.now)
		if err != nil {
			return err
		}
		id = book.Community().ID
		for i := range members {
			m, err := book.AddMember(h.t.Context(), ledger.NewMember{Name: fmt.Sprintf("Anna B%dx", i), Number: int64(i + 1)})
			if err != nil {
				return err
			}
			if err := book.Bind(h.t.Context(), m.ID, "email", fmt.Sprintf("m%d@%s.example", i, slug)); err != nil {
				return err
			}
		}
		return nil
	}))
	return id
}

// set changes how a community has its digest.
func (h *host) set(id ledger.CommunityID, change func(*digest.Settings)) (s digest.Settings) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		if s, err = digest.SettingsOf(h.t.Context(), book); err != nil {
			return err
		}
		change(&s)
		return s.Save(h.t.Context(), book)
	}))
	return s
}

// coordinate makes the member with a mail address a coordinator.
func (h *host) coordinate(id ledger.CommunityID, address string) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		m, err := book.MembersAt(h.t.Context(), "email", address)
		if err != nil {
			return err
		}
		member := m[0].Member
		member.Role = ledger.Coordinator
		return book.SaveMember(h.t.Context(), member)
	}))
}

// binds gives the member with a mail address another address.
func (h *host) binds(id ledger.CommunityID, mail, channel, address string) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		m, err := book.MembersAt(h.t.Context(), "email", mail)
		if err != nil {
			return err
		}
		return book.Bind(h.t.Context(), m[0].ID, channel, address)
	}))
}

// offers has the first member put an ad up.
func (h *host) offers(id ledger.CommunityID, text string) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		m, err := book.MembersAt(h.t.Context(), "email", "m0@"+book.Community().Slug+".example")
		if err != nil {
			return err
		}
		_, err = book.PutAd(h.t.Context(), text, ledger.Ad{Kind: ledger.Offer, Member: m[0].ID, Text: text}, conversation.SearchWords(text))
		return err
	}))
}

// tick lets the clock come to a moment, and sends what is due then.
func (h *host) tick(now time.Time) (sent []conversation.Outbound) {
	h.t.Helper()
	h.now = now
	must(h.t, h.Tick(h.t.Context()))
	must(h.t, h.Flush(h.t.Context(), func(o conversation.Outbound) { sent = append(sent, o) }))
	return sent
}

func count(t *testing.T, db ledger.DB, query string, args ...any) (n int64) {
	t.Helper()
	must(t, db.View(t.Context(), func(tx ledger.Tx) error { return ledger.Get(t.Context(), tx, []any{&n}, query, args...) }))
	return n
}

// A year of Fridays in three time zones: the digest comes at eight by the clock
// on the wall, through both changes of it, each ad to everybody once.
func TestAYearOfFridays(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		begin := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
		h := newHost(t, db, begin)
		zones := map[string]string{"brussels": "Europe/Brussels", "sydney": "Australia/Sydney", "johannesburg": "Africa/Johannesburg"}
		ids := map[string]ledger.CommunityID{}
		var moments []time.Time
		for slug, zone := range zones {
			ids[slug] = h.town(slug, zone, 3)
			place, err := time.LoadLocation(zone)
			must(t, err)
			for day := range 364 {
				for _, clock := range []time.Duration{7*time.Hour + 59*time.Minute, 8 * time.Hour, 9 * time.Hour} {
					d := begin.AddDate(0, 0, day)
					if d.Weekday() == time.Friday || d.Weekday() == time.Thursday && clock == 9*time.Hour {
						moments = append(moments, time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, place).Add(clock))
					}
				}
			}
		}
		slices.SortFunc(moments, time.Time.Compare)
		issues, got := map[string]int{}, map[string]int{}
		for i, now := range moments {
			if i%9 == 0 {
				for _, slug := range slices.Sorted(maps.Keys(zones)) {
					h.now = now.Add(-time.Minute)
					h.offers(ids[slug], fmt.Sprintf("week %d", i))
				}
			}
			sent := h.tick(now)
			places := map[string]bool{}
			for _, o := range sent {
				place, err := time.LoadLocation(zones[o.Community])
				must(t, err)
				if local := now.In(place); local.Weekday() != time.Friday || local.Format("15:04") != "08:00" {
					t.Errorf("%s: a digest came at %s", o.Community, local.Format("Mon 2 Jan 15:04"))
				}
				places[o.Community] = true
				for week := range strings.FieldsSeq(strings.ReplaceAll(o.Text, "week ", "week-")) {
					if strings.HasPrefix(week, "week-") {
						got[o.Address+" "+week]++
					}
				}
			}
			for place := range places {
				issues[place]++
			}
		}
		for slug := range zones {
			if n := issues[slug]; n < 50 || n > 52 {
				t.Errorf("%s had %d digests in a year", slug, n)
			}
		}
		weeks := (len(moments) + 8) / 9
		for place := range zones {
			for i := 1; i < 3; i++ { // the first member's own ads are no news to them
				for w := range weeks - 2 {
					key := fmt.Sprintf("m%d@%s.example week-%d", i, place, w*9)
					if got[key] != 1 {
						t.Errorf("%s came %d times", key, got[key])
					}
				}
			}
		}
	})
}

// Crier was down for weeks: what was missed is one digest, with all that is new.
func TestDowntime(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.tick(h.now)
		h.offers(id, "bread")
		h.now = h.now.AddDate(0, 0, 10)
		h.offers(id, "jam")
		sent := h.tick(h.now.AddDate(0, 0, 20))
		if len(sent) != 2 {
			t.Fatalf("%d digests", len(sent))
		}
		for _, o := range sent {
			if !strings.Contains(o.Text, "bread") || !strings.Contains(o.Text, "jam") {
				t.Errorf("the digest says %q", o.Text)
			}
		}
		if sent := h.tick(h.now.Add(time.Minute)); len(sent) != 0 {
			t.Errorf("it came again: %+v", sent)
		}
	})
}

// Two processes at once, each with what the other does not know.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 700)
		h.tick(h.now)
		h.offers(id, "bread")
		h.now = time.Date(2026, 5, 8, 6, 0, 30, 0, time.UTC)
		var running sync.WaitGroup
		for _, j := range []*state.Journey{h.Journey, h.process("two"), h.process("three")} {
			running.Go(func() {
				if err := j.Tick(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		got := map[string]int{}
		must(t, h.Flush(t.Context(), func(o conversation.Outbound) { got[o.Address]++ }))
		if len(got) != 699 {
			t.Errorf("%d members got it", len(got))
		}
		for who, n := range got {
			if n != 1 {
				t.Errorf("%s got it %d times", who, n)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM sheets`); n != 1 {
			t.Errorf("what all get lies in the database %d times", n)
		}
	})
}

// What a channel could not deliver goes to another address of the member, and
// the coordinators hear of those who have none.
func TestAnotherAddress(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 4)
		h.binds(id, "m1@river.example", "telegram", "1001")
		h.binds(id, "m2@river.example", "telegram", "1002")
		h.coordinate(id, "m1@river.example")
		h.tick(h.now)
		h.offers(id, "bread")
		h.now = time.Date(2026, 5, 8, 6, 0, 0, 0, time.UTC)
		must(t, h.Tick(t.Context()))
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error { // as if the mail server had refused them
			_, err := tx.Exec(t.Context(), `UPDATE outbox SET state = 'failed', error = '550 no such mailbox', ended_at = $1 WHERE address IN ('m2@river.example', 'm3@river.example')`,
				ledger.Micros(h.now))
			return err
		}))
		got := map[string]string{}
		for _, o := range h.tick(h.now.Add(time.Minute)) {
			got[o.Channel+":"+o.Address] = o.Text
		}
		if !strings.Contains(got["telegram:1002"], "bread") {
			t.Errorf("the other address got %q", got["telegram:1002"])
		}
		if _, there := got["email:m3@river.example"]; there {
			t.Error("an address that failed was tried again")
		}
		var told string
		for _, o := range h.tick(h.now.Add(3 * 24 * time.Hour)) {
			told += o.Channel + ":" + o.Address + " " + o.Text
		}
		if !strings.Contains(told, "Anna B3x did not get the digest of 8 May") || strings.Contains(told, "B2x") {
			t.Errorf("the coordinator is told %q", told)
		}
		if sent := h.tick(h.now.Add(time.Hour)); len(sent) != 0 {
			t.Errorf("and again %+v", sent)
		}

		h.offers(id, "honey")
		h.now = time.Date(2026, 5, 15, 6, 0, 0, 0, time.UTC)
		must(t, h.Tick(t.Context()))
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE outbox SET state = 'failed', error = $2, ended_at = $1 WHERE address = 'm3@river.example' AND state = 'queued'`,
				ledger.Micros(h.now), state.Unpaid)
			return err
		}))
		h.tick(h.now.Add(time.Minute))
		told = ""
		for _, o := range h.tick(h.now.Add(3 * 24 * time.Hour)) {
			told += o.Channel + ":" + o.Address + " " + o.Text
		}
		if !strings.Contains(told, "1 member did not get the digest of 15 May: the budget for text messages is used up") || strings.Contains(told, "INVITE") {
			t.Errorf("of one that nobody paid for the coordinator is told %q", told)
		}
	})
}
