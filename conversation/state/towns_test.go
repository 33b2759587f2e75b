package state_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// inBook runs fn on a community's book.
func inBook(t *testing.T, db ledger.DB, id ledger.CommunityID, now time.Time, fn func(book *ledger.Book) error) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(t.Context(), tx, id, now)
		if err != nil {
			return err
		}
		return fn(book)
	}))
}

// twoTowns are North and South; the first member of each is at one address, and
// the second of South waits to be invited.
func twoTowns(t *testing.T, db ledger.DB) (town *town, both string) {
	town, both = newTowns(t, db, 2, 3), "+32999"
	for i, name := range []string{"North", "South"} {
		inBook(t, db, town.ids[i], time.Now(), func(book *ledger.Book) error {
			c := *book.Community()
			c.Name, c.UnitWords = name, []string{"acorn", "pebble"}[i]
			if err := book.SetCommunity(t.Context(), c); err != nil {
				return err
			}
			return book.Bind(t.Context(), town.all[i][0].ID, "sms", both)
		})
	}
	return town, both
}

func TestSeveralCommunities(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, both := twoTowns(t, db)
		now := newClock()
		j := journey(t, db, now, nil, 0)
		n := 0
		say := func(text, want, community string) {
			t.Helper()
			n++
			in := inbound(both, fmt.Sprint(n), text)
			var got []conversation.Outbound
			must(t, j.Now(t.Context(), in, func(o conversation.Outbound) { got = append(got, o) }))
			if len(got) != 1 || !strings.Contains(got[0].Text, want) || got[0].Community != community || got[0].Address != both {
				t.Errorf("%q is answered %+v, want %q from %q", text, got, want, community)
			}
		}
		const which = "Which group is this for? 1 North  2 South"
		say("balance", which, "")
		say("2", "pebbles", "town1")
		say("balance", "pebbles", "town1") // remembered
		now.add(14 * time.Minute)
		say("balance", "pebbles", "town1")
		now.add(14 * time.Minute) // the last message counts, not the first
		say("balance", "pebbles", "town1")
		now.add(16 * time.Minute)
		say("balance", which, "")
		say("north", "acorns", "town0")
		say("south: balance", "pebbles", "town1")
		say("switch to north", which, "")
		now.add(time.Hour)
		say("balance", which, "")
		say("1", "acorns", "town0")
		// Whom one community knows, the other does not.
		other := town.all[1][1]
		inBook(t, db, town.ids[1], time.Now(), func(book *ledger.Book) error {
			other.Name = "Zacharias Southerner"
			return book.SaveMember(t.Context(), other)
		})
		say("pay zacharias southerner 5", "don't know a member", "town0")
		if n := count(t, db, fmt.Sprintf(`SELECT COUNT(*) FROM outbox WHERE community_id = %d AND text LIKE '%%pebble%%'`, town.ids[0])); n != 0 {
			t.Errorf("%d messages of one community are in the other's", n)
		}
	})
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, _ := twoTowns(t, db)
		now := newClock()
		inBook(t, db, town.ids[1], now.Now(), func(book *ledger.Book) error {
			m, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Piet Vos", Status: ledger.Invited})
			if err != nil {
				return err
			}
			return book.Invite(t.Context(), ledger.Invitation{Code: "SOUTH-7KQ2MH", Member: m.ID, ExpiresAt: now.Now().Add(time.Hour)})
		})
		j := journey(t, db, now, nil, 0)
		n := 0
		say := func(from, community, text string) []conversation.Outbound {
			t.Helper()
			n++
			in := inbound(from, fmt.Sprint(n), text)
			in.Community = community
			var got []conversation.Outbound
			must(t, j.Now(t.Context(), in, func(o conversation.Outbound) { got = append(got, o) }))
			return got
		}
		// A code of South, sent to North's own number, opens nothing and says nothing of South.
		got := say("+1", "town0", "join SOUTH-7KQ2MH")
		if len(got) != 1 || !strings.Contains(got[0].Text, "don't know that invitation") || strings.Contains(got[0].Text, "South") {
			t.Errorf("got %+v", got)
		}
		got = say("+1", "", "join SOUTH-7KQ2MH") // to the number that serves all
		if len(got) != 1 || !strings.Contains(got[0].Text, "Welcome to South, Piet Vos") || got[0].Community != "town1" {
			t.Errorf("got %+v", got)
		}
		got = say("+1", "", "balance")
		if len(got) != 1 || !strings.Contains(got[0].Text, "pebbles") {
			t.Errorf("got %+v", got)
		}
		for _, community := range []string{"", "town0"} {
			answers := 0
			for range 20 {
				answers += len(say("+2", community, "hello there"))
			}
			if answers != 6 {
				t.Errorf("a stranger got %d answers in an hour", answers)
			}
			now.add(61 * time.Minute)
			if got := say("+2", community, "hello there"); len(got) != 1 {
				t.Errorf("an hour later: %+v", got)
			}
		}
	})
}

// Two processes work on the messages of twenty senders in four communities.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town := newTowns(t, db, 4, 5)
		channel := &fake{}
		one := journey(t, db, nil, channel, 0)
		two := state.New(state.Config{DB: db, Engine: newEngine(t), Log: one.Log, Holder: "two"})
		two.Send(channel, 0)
		running(t, one)
		running(t, two)
		var g sync.WaitGroup
		want := map[string][]string{}
		for c := range town.ids {
			for m := range 5 {
				from := addressIn(c, m)
				for n := range 10 {
					want[from] = append(want[from], fmt.Sprintf("%s-%d", from, n))
				}
				ids := want[from]
				g.Go(func() {
					for n, id := range ids {
						if err := []*state.Journey{one, two}[(n+m)%2].Handle(short(t), inbound(from, id, "balance")); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		g.Wait()
		waitFor(t, 30*time.Second, func() bool { return in(t, db, "sent") >= 200 })
		for from, ids := range want {
			if got := channel.replies(from); !slices.Equal(got, ids) {
				t.Errorf("answered %q", got)
			}
		}
	})
}

func TestTick(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town := newTowns(t, db, 2, 3)
		start := newClock().Now()
		now := &clock{now: start}
		for i, id := range town.ids {
			inBook(t, db, id, start, func(book *ledger.Book) error {
				payer, payee := town.all[i][0], town.all[i][1]
				_, err := book.Request(t.Context(), ledger.Transfer{
					ID: ledger.TransferID(ledger.NewID(start)), Payer: payer.Account(), Payee: payee.Account(), Amount: 3, Description: "jam",
					AskedBy: payee.ID, ExpiresAt: start.Add(conversation.RequestLasts),
				})
				if err != nil {
					return err
				}
				_, err = book.PutAd(t.Context(), "k", ledger.Ad{Kind: ledger.Offer, Member: town.all[i][2].ID, Text: "guitar lessons", ExpiresAt: start.Add(9 * 24 * time.Hour)}, []string{"guitar"})
				return err
			})
		}
		// In the first town nothing can be told to the payer.
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO talks (community_id, member_id, talk) VALUES ($1, $2, 'broken')`, town.ids[0], town.all[0][0].ID)
			return err
		}))
		j := journey(t, db, now, nil, 0)
		tick := func(after time.Duration, want ...string) {
			t.Helper()
			now.add(after - now.Now().Sub(start))
			if err := j.Tick(t.Context()); after > 3*24*time.Hour && (err == nil || !strings.Contains(err.Error(), "town0") || strings.Contains(err.Error(), "town1")) {
				t.Errorf("errors %v", err)
			}
			var got []string
			must(t, j.Flush(t.Context(), func(o conversation.Outbound) { got = append(got, o.Address+" "+o.Text) }))
			slices.Sort(got)
			if len(got) != len(want) {
				t.Fatalf("after %s: %q", after, got)
			}
			for i := range want {
				if !strings.Contains(got[i], want[i]) {
					t.Errorf("after %s: %q", after, got)
				}
			}
		}
		const day = 24 * time.Hour
		tick(2 * day)
		tick(3*day+time.Hour, addressIn(1, 0))
		tick(3*day + 2*time.Hour) // once
		tick(7*day, addressIn(1, 2)+" Still offering guitar lessons?")
		tick(8 * day)
		tick(14*day+time.Hour, addressIn(1, 0), addressIn(1, 1))
		tick(15 * day)
		if n := count(t, db, `SELECT COUNT(*) FROM transfers WHERE state = 'pending'`); n != 1 {
			t.Errorf("%d requests are open", n)
		}
	})
}
