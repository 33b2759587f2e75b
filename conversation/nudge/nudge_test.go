package nudge_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/nudge"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
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

// host is a database with a process on it, whose clock the test moves.
type host struct {
	t   testing.TB
	db  ledger.DB
	now time.Time
	*state.Journey
}

var began = time.Date(2026, 5, 5, 9, 0, 0, 0, time.UTC)

func newHost(t testing.TB, db ledger.DB) *host {
	t.Helper()
	must(t, state.Prepare(t.Context(), db))
	must(t, nudge.Prepare(t.Context(), db))
	h := &host{t: t, db: db, now: began}
	h.Journey = h.process("one")
	return h
}

// process is one more on the same database.
func (h *host) process(name string) *state.Journey {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	catalog, err := locales.Load()
	must(h.t, err)
	u, err := newUnderstander()
	must(h.t, err)
	e, err := conversation.New(catalog, u, append(command.All(), nudge.Commands()...), log)
	must(h.t, err)
	e.OnTick(nudge.New().Tick)
	return state.New(state.Config{DB: h.db, Engine: e, Clock: func() time.Time { return h.now }, Log: log, Holder: name})
}

func (h *host) town(slug string, lower, upper *ledger.Amount) (id ledger.CommunityID) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(h.t.Context(), tx, ledger.Community{
			Slug: slug, Name: slug, UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "Europe/Brussels", AdDays: 700,
			Lower: lower, Upper: upper,
		}, h.now)
		if err == nil {
			id = book.Community().ID
		}
		return err
	}))
	return id
}

func (h *host) in(id ledger.CommunityID, do func(*ledger.Book) error) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		return do(book)
	}))
}

// joins adds members, who have a mail address each, with a balance.
func (h *host) joins(id ledger.CommunityID, balances ...ledger.Amount) (all []ledger.MemberID) {
	h.t.Helper()
	h.in(id, func(book *ledger.Book) error {
		for _, balance := range balances {
			m, err := book.AddMember(h.t.Context(), ledger.NewMember{Name: fmt.Sprintf("Anna B%dx", len(all))})
			if err != nil {
				return err
			}
			if err := book.Bind(h.t.Context(), m.ID, "email", fmt.Sprintf("m%d@%s.example", m.Number, book.Community().Slug)); err != nil {
				return err
			}
			all = append(all, m.ID)
			if err := give(h.t, book, m.ID, balance); err != nil {
				return err
			}
		}
		return nil
	})
	return all
}

// give moves an amount from the community's own account to a member's, or back.
func give(t testing.TB, book *ledger.Book, id ledger.MemberID, amount ledger.Amount) error {
	payer, payee := book.Community().Account(), ledger.AccountID(id)
	if amount < 0 {
		payer, payee, amount = payee, payer, -amount
	}
	if amount == 0 {
		return nil
	}
	_, err := book.Pay(t.Context(), ledger.Transfer{
		ID: ledger.TransferID(ledger.NewID(book.Now())), Payer: payer, Payee: payee, Amount: amount, Description: "x",
	})
	return err
}

func (h *host) puts(id ledger.CommunityID, member ledger.MemberID, kind ledger.AdKind, text string) {
	h.t.Helper()
	h.in(id, func(book *ledger.Book) error {
		_, err := book.PutAd(h.t.Context(), fmt.Sprint(text, h.now, member), ledger.Ad{Kind: kind, Member: member, Text: text}, conversation.SearchWords(text))
		return err
	})
}

// tick lets the clock come to a moment, and sends what is due then.
func (h *host) tick(now time.Time) (sent []conversation.Outbound) {
	h.t.Helper()
	h.now = now
	must(h.t, h.Tick(h.t.Context()))
	must(h.t, h.Flush(h.t.Context(), func(o conversation.Outbound) { sent = append(sent, o) }))
	return sent
}

func of(n ledger.Amount) *ledger.Amount { return &n }

// Whoever has little or much hears of it: neither a newcomer nor somebody who is
// frozen, wants none of it or cannot be reached, and nobody in between.
func TestWhoIsReminded(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db)
		limits := h.town("limits", of(-50), of(200))
		some := h.joins(limits, -50, -45, -44, 0, 179, 180, -50, -50, -50)
		floor := h.town("floor", of(-50), nil)
		h.joins(floor, 49, 50)
		free := h.town("free", nil, nil)
		h.joins(free, 10, 12, -9, 8, -11, 10, -10, -12, 9, 90, -95)
		few := h.town("few", nil, nil)
		h.joins(few, 10, 1000, -1000)
		h.now = began.AddDate(0, 0, 20)
		h.joins(limits, -50)
		h.in(limits, func(book *ledger.Book) error {
			m, err := book.Member(t.Context(), some[6])
			if err != nil {
				return err
			}
			m.Status = ledger.Frozen
			if err := book.SaveMember(t.Context(), m); err != nil {
				return err
			}
			_, err = book.SetAddressStatus(t.Context(), "email", "m8@limits.example", ledger.AddressPaused, "")
			return err
		})
		h.in(limits, func(book *ledger.Book) error { // as SILENCE does
			_, err := book.Tx().Exec(t.Context(), `INSERT INTO nudged (community_id, member_id, quiet) VALUES ($1, $2, 1)`, limits, some[8])
			return err
		})
		h.tick(h.now)
		var told []string
		for day := range 13 {
			for _, o := range h.tick(began.AddDate(0, 0, 21+day)) {
				told = append(told, o.Address)
			}
		}
		slices.Sort(told)
		want := []string{"m10@free.example", "m11@free.example", "m1@limits.example", "m2@floor.example", "m2@limits.example", "m6@limits.example"}
		if !slices.Equal(told, want) {
			t.Errorf("told: %v\nwant: %v", told, want)
		}
	})
}

// In a year of a lively town nobody hears of their balance more than once a
// month, of the same more than once in three, or of ads more than once a week.
func TestRare(t *testing.T) {
	t.Parallel()
	h := newHost(t, storetest.SQLiteDB(t)) // a year is the same on either engine
	id := h.town("river", of(-50), nil)
	const members = 300
	chance := rand.New(rand.NewPCG(1, 2))
	var balances [members]ledger.Amount
	for i := range balances {
		balances[i] = ledger.Amount(chance.IntN(161) - 50)
	}
	all := h.joins(id, balances[:]...)
	things := strings.Fields("cake bread haircut massage computer bicycle garden guitar German jam eggs dog")
	other := h.process("two")
	reminded, asked := map[string][]time.Time{}, map[string][]time.Time{}
	total := 0
	for day := range 365 {
		h.now = began.AddDate(0, 0, day)
		for range 2 {
			kind := ledger.Offer
			if chance.IntN(2) == 0 {
				kind = ledger.Want
			}
			h.puts(id, all[chance.IntN(members)], kind, things[chance.IntN(len(things))])
		}
		h.now = h.now.Add(time.Hour)
		if day%10 == 0 {
			must(t, other.Tick(t.Context()))
		}
		for _, o := range h.tick(h.now.Add(time.Minute)) {
			total++
			switch {
			case strings.HasPrefix(o.Text, "You have"):
				reminded[o.Address] = append(reminded[o.Address], h.now)
			case strings.Contains(o.Text, "looks for:"), strings.Contains(o.Text, "offers:"):
				asked[o.Address] = append(asked[o.Address], h.now)
			default:
				t.Errorf("%s gets %q", o.Address, o.Text)
			}
		}
	}
	most := func(all map[string][]time.Time, between time.Duration, first time.Time) (n int) {
		for who, times := range all {
			n = max(n, len(times))
			if times[0].Before(first) {
				t.Errorf("%s is told on %s", who, times[0])
			}
			for i := 1; i < len(times); i++ {
				if times[i].Sub(times[i-1]) < between {
					t.Errorf("%s is told on %s and on %s", who, times[i-1], times[i])
				}
			}
		}
		return n
	}
	r, a := most(reminded, 90*24*time.Hour, began.AddDate(0, 0, 30)), most(asked, 7*24*time.Hour, began)
	t.Logf("%d messages to %d members in a year; of a balance %d members, at most %d each; of ads %d members, at most %d each",
		total, members, len(reminded), r, len(asked), a)
	if len(reminded) == 0 || r != 4 || len(asked) < members/3 || a > 52 {
		t.Error("that is too few, or too many")
	}
}

// A host that gets reminders by an update says nothing of ads and invitations
// from long ago.
func TestCommunitiesFromBefore(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		h := &host{t: t, db: db, now: began}
		id := h.town("river", nil, nil)
		some := h.joins(id, 0, 0)
		h.puts(id, some[0], ledger.Offer, "bread")
		h.puts(id, some[1], ledger.Want, "bread")
		h.in(id, func(book *ledger.Book) error {
			m, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Luc", Status: ledger.Invited})
			if err != nil {
				return err
			}
			return book.Invite(t.Context(), ledger.Invitation{
				Code: "OLD", Member: m.ID, Channel: "email", Address: "luc@river.example", ExpiresAt: h.now.AddDate(0, 0, 30),
			})
		})
		for range 2 {
			must(t, nudge.Prepare(t.Context(), db))
		}
		h.Journey = h.process("one")
		if sent := h.tick(began.Add(time.Hour)); len(sent) > 0 {
			t.Errorf("after the update %q goes to %s", sent[0].Text, sent[0].Address)
		}
		if sent := h.tick(began.AddDate(0, 0, 60)); len(sent) > 0 {
			t.Errorf("later %q goes to %s", sent[0].Text, sent[0].Address)
		}
		h.puts(id, some[1], ledger.Want, "bread")
		if sent := h.tick(h.now.Add(time.Hour)); len(sent) != 1 || sent[0].Address != "m1@river.example" {
			t.Errorf("of a new want: %v", sent)
		}
	})
}
