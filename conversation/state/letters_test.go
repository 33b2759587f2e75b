package state_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// mailTown is a town in which some have a mailbox, and the first coordinates.
func mailTown(t *testing.T, db ledger.DB, now *clock) *town {
	t.Helper()
	town := newTown(t, db, 4)
	inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
		for i, m := range town.members {
			if err := book.Bind(t.Context(), m.ID, "email", mailbox(i)); err != nil {
				return err
			}
		}
		m := town.members[0]
		m.Role = ledger.Coordinator
		return book.SaveMember(t.Context(), m)
	})
	return town
}

func mailbox(i int) string { return fmt.Sprintf("member%d@example.org", i) }

// mailed is a message by mail of which nobody can say whose it is. answers is
// the letter whose token it shows.
func mailed(i int, id, text string, answers int64) conversation.Inbound {
	return conversation.Inbound{Channel: "email", ID: id, From: mailbox(i), Text: text, At: time.Now(), Answers: answers, Thread: "thread of " + id}
}

// tell hands a message in, and returns what was said to whoever sent it.
func tell(t *testing.T, j *state.Journey, in conversation.Inbound) (said []conversation.Outbound) {
	t.Helper()
	must(t, j.Now(short(t), in, func(o conversation.Outbound) {
		if o.Channel == in.Channel && o.Address == in.From {
			said = append(said, o)
		}
	}))
	return said
}

// transfers counts what was paid.
func transfers(t *testing.T, db ledger.DB) int {
	return count(t, db, `SELECT COUNT(*) FROM transfers WHERE state = 'completed'`)
}

func TestTokenCountsOnce(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		pay := "pay " + town.members[2].Name + " 2 for eggs" // under the threshold: it needs no yes of its own
		asked := tell(t, j, mailed(1, "a", pay, 0))
		if len(asked) != 1 || !asked[0].Holds && !strings.Contains(asked[0].Text, "Is this from you") || asked[0].Thread != "thread of a" || asked[0].Sender != "Town" {
			t.Fatalf("asked %+v", asked)
		}
		letter := asked[0].ID

		// Not from another mailbox, not on another channel, not with an id that is no letter's.
		tell(t, j, mailed(2, "b", "yes", letter))
		other := mailed(1, "c", "yes", letter)
		other.Channel, other.From = "sms", address(1)
		tell(t, j, other)
		tell(t, j, mailed(1, "d", "yes", letter+1))
		if n := transfers(t, db); n != 0 {
			t.Fatalf("%d payments by tokens that are somebody else's", n)
		}

		tell(t, j, mailed(1, "d2", "what is this?", letter)) // no answer to it: the token still counts
		yes := mailed(1, "e", "yes", letter)
		said := tell(t, j, yes)
		if len(said) != 1 || !strings.HasPrefix(said[0].Text, "Done") || said[0].Thread != "thread of e" {
			t.Errorf("said %+v", said)
		}
		tell(t, j, yes)                             // the same mail once more
		tell(t, j, mailed(1, "f", "yes", letter))   // another with the same token
		tell(t, j, mailed(1, "g", "YES!!", letter)) // and another
		if n := transfers(t, db); n != 1 {
			t.Errorf("paid %d times", n)
		}
	})
}

func TestTokenGetsOld(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		asked := tell(t, j, mailed(1, "a", "pay "+town.members[2].Name+" 2", 0))
		now.add(conversation.RequestLasts + time.Minute)
		tell(t, j, mailed(1, "b", "yes", asked[0].ID))
		if n := transfers(t, db); n != 0 {
			t.Errorf("paid by a token of two weeks ago")
		}
	})
}

// A person of two communities who answers a letter answers the community that wrote it.
func TestAnswerGoesWhereTheLetterCameFrom(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := newTowns(t, db, 2, 3)
		for c, id := range town.ids {
			inBook(t, db, id, now.Now(), func(book *ledger.Book) error {
				return book.Bind(t.Context(), town.all[c][1].ID, "email", mailbox(1))
			})
		}
		j := journey(t, db, now, nil, 0)
		now.add(time.Minute)
		usual := mailed(1, "usual", "balance", 0) // this is how they like to be written to
		usual.Trust, usual.Community = conversation.Proven, "town1"
		tell(t, j, usual)
		ask := conversation.Inbound{
			Channel: "sms", ID: "ask", From: addressIn(1, 0), Trust: conversation.Proven, At: now.Now(),
			Text: town.all[1][1].Name + " owes me 3 for jam",
		}
		var letter conversation.Outbound
		must(t, j.Now(short(t), ask, func(o conversation.Outbound) {
			if o.Channel == "email" {
				letter = o
			}
		}))
		if letter.Question == 0 || letter.Community != "town1" {
			t.Fatalf("asked %+v", letter)
		}
		said := tell(t, j, mailed(1, "yes", "yes", letter.ID))
		if len(said) != 1 || said[0].Community != "town1" || !strings.HasPrefix(said[0].Text, "Done") {
			t.Errorf("said %+v", said)
		}
	})
}

// A person of two communities, none of whose mails prove anything, gets through
// to the right one by tokens alone.
func TestUnprovenInTwoCommunities(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := newTowns(t, db, 2, 3)
		for c, id := range town.ids {
			inBook(t, db, id, now.Now(), func(book *ledger.Book) error {
				return book.Bind(t.Context(), town.all[c][1].ID, "email", mailbox(1))
			})
		}
		j := journey(t, db, now, nil, 0)
		held := tell(t, j, mailed(1, "a", "pay "+town.all[1][2].Name+" 2", 0))
		if len(held) != 1 || held[0].Community != "" || held[0].Sender != "" {
			t.Fatalf("asked %+v", held)
		}
		which := tell(t, j, mailed(1, "b", "yes", held[0].ID))
		if len(which) != 1 || len(which[0].Choices) != 2 {
			t.Fatalf("asked %+v", which)
		}
		said := tell(t, j, mailed(1, "c", "2", which[0].ID))
		if len(said) != 1 || said[0].Community != "town1" || !strings.HasPrefix(said[0].Text, "Done") || transfers(t, db) != 1 {
			t.Errorf("said %+v", said)
		}
	})
}

func TestBounces(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		letter := func(i int) int64 { // one that the channel has taken
			t.Helper()
			now.add(time.Second)
			in := mailed(i, fmt.Sprint("balance ", now.Now().UnixNano()), "balance", 0)
			in.Trust = conversation.Proven
			said := tell(t, j, in)
			if len(said) != 1 {
				t.Fatalf("said %+v", said)
			}
			return said[0].ID
		}
		status := func(i int) (status ledger.AddressStatus) {
			inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
				at, err := book.MembersAt(t.Context(), "email", mailbox(i))
				status = at[0].Address.Status
				return err
			})
			return status
		}
		bounce := func(id int64) {
			t.Helper()
			now.add(time.Second)
			must(t, j.Bounced(t.Context(), "email", id, true, "550 5.1.1 no such user"))
		}

		// However many in an hour are one trouble; the next day it is another.
		one, two, three := letter(1), letter(1), letter(1)
		for _, id := range []int64{one, one, two, three} {
			bounce(id)
		}
		if n := in(t, db, "failed"); n != 3 {
			t.Errorf("%d letters have failed, of 3 that bounced", n)
		}
		if got := status(1); got != ledger.AddressActive {
			t.Errorf("after an hour's bounces the address is %s", got)
		}
		next := letterTo(t, j, db, town, now, 1)
		now.add(13 * time.Hour)
		bounce(next)
		if got := status(1); got != ledger.AddressPaused {
			t.Errorf("after bounces on two days the address is %s", got)
		}
		var told []string
		must(t, j.Flush(t.Context(), func(o conversation.Outbound) { told = append(told, o.Address+" "+o.Text) }))
		if len(told) != 1 || !strings.Contains(told[0], town.members[1].Name) {
			t.Errorf("the coordinator was told %q", told)
		}

		// Not where the member has written in between.
		bounce(letter(2))
		now.add(13 * time.Hour)
		late := letter(2) // the member writes
		bounce(late)
		if got := status(2); got != ledger.AddressActive {
			t.Errorf("the address is %s, though the member wrote in between", got)
		}

		// A mailbox that is full for days gets a rest, too.
		for range 3 {
			id := letterTo(t, j, db, town, now, 3)
			must(t, j.Bounced(t.Context(), "email", id, false, "552 5.2.2 full"))
			now.add(35 * time.Hour)
		}
		if got := status(3); got != ledger.AddressActive {
			t.Errorf("after two days of a full mailbox the address is %s", got)
		}
		must(t, j.Bounced(t.Context(), "email", letterTo(t, j, db, town, now, 3), false, "552 5.2.2 full"))
		if got := status(3); got != ledger.AddressPaused {
			t.Errorf("after days of a full mailbox the address is %s", got)
		}

		must(t, j.Bounced(t.Context(), "email", 404, true, "no such letter"))
		must(t, j.Bounced(t.Context(), "sms", late, true, "another channel's"))
	})
}

// letterTo has the channel take a letter that answers nothing.
func letterTo(t *testing.T, j *state.Journey, db ledger.DB, town *town, now *clock, i int) (id int64) {
	t.Helper()
	must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
		return state.Enqueue(t.Context(), tx, town.id, []conversation.Outbound{{
			Channel: "email", Address: mailbox(i), Locale: "en", Text: "a notice", Priority: conversation.Notices,
		}}, nil, now.Now())
	}))
	must(t, j.Flush(t.Context(), func(o conversation.Outbound) {
		if o.Text == "a notice" {
			id = o.ID
		}
	}))
	return id
}

// A coordinator who has mistyped an address in an invitation hears of it.
func TestInvitationThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		now.add(time.Minute)
		in := mailed(0, "invite", "invite Piet Vos piet@riverbnk.example", 0)
		in.Trust = conversation.Proven
		var invitation int64
		must(t, j.Now(short(t), in, func(o conversation.Outbound) {
			if o.Address == "piet@riverbnk.example" {
				invitation = o.ID
			}
		}))
		must(t, j.Bounced(t.Context(), "email", invitation, true, "550 5.1.2 no such domain"))
		var told []string
		must(t, j.Flush(t.Context(), func(o conversation.Outbound) { told = append(told, o.Address+" "+o.Text) }))
		if len(told) != 1 || !strings.HasPrefix(told[0], mailbox(0)+" Nobody can be reached at piet@riverbnk.example") {
			t.Errorf("told %q", told)
		}
	})
}

// What the mail server refuses at once counts like what comes back later.
func TestRefusedAddressIsPaused(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := newTown(t, db, 2)
		now.add(time.Minute)
		channel := &fake{send: func(conversation.Outbound) (string, error) {
			return "", &conversation.SendError{Final: true, Bounced: true, Err: fmt.Errorf("550 5.1.1")}
		}}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		for i, want := range []int{0, 0, 1} { // two at once, and one on the next day
			queue(t, db, town, now, address(1), fmt.Sprint("letter ", i), conversation.Notices)
			j.Wake()
			waitFor(t, 10*time.Second, func() bool { return in(t, db, "failed") == i+1 })
			if paused := count(t, db, `SELECT COUNT(*) FROM addresses WHERE status = 'paused'`); paused != want {
				t.Errorf("after %d refusals %d addresses are paused, want %d", i+1, paused, want)
			}
			if i == 1 {
				now.add(13 * time.Hour)
			}
		}
	})
}

func TestComplaintsAndUnsubscribing(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		send := func(i int, priority conversation.Priority) (id int64) {
			t.Helper()
			must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
				return state.Enqueue(t.Context(), tx, town.id, []conversation.Outbound{{
					Channel: "email", Address: mailbox(i), Locale: "en", Text: "news", Priority: priority,
				}}, nil, now.Now())
			}))
			must(t, j.Flush(t.Context(), func(o conversation.Outbound) { id = o.ID }))
			return id
		}
		must(t, j.Complained(t.Context(), "email", send(1, conversation.Bulk)))
		must(t, j.Unsubscribe(t.Context(), "email", send(2, conversation.Bulk)))
		must(t, j.Unsubscribe(t.Context(), "email", send(2, conversation.Notices))) // a second time
		for i := 1; i <= 2; i++ {
			if id := send(i, conversation.Bulk); id != 0 {
				t.Errorf("member %d still gets bulk", i)
			}
			if id := send(i, conversation.Notices); id == 0 {
				t.Errorf("member %d gets no notices any more", i)
			}
		}
		if id := send(3, conversation.Bulk); id == 0 {
			t.Error("member 3 gets no bulk, though nobody asked for that")
		}
		in := mailed(2, "start", "start", 0)
		in.Trust = conversation.Proven
		tell(t, j, in)
		if id := send(2, conversation.Bulk); id == 0 {
			t.Error("START does not bring the bulk back")
		}
		unwanted := send(3, conversation.Replies)
		must(t, j.Complained(t.Context(), "email", unwanted))
		paused := func() int {
			return count(t, db, `SELECT COUNT(*) FROM addresses WHERE status = 'paused' AND address = '`+mailbox(3)+`'`)
		}
		if paused() != 1 {
			t.Error("who called a reply unwanted still gets mails")
		}
		// Somebody else may have said so: the member's next mail opens it, for good.
		in = mailed(3, "balance", "balance", 0)
		in.Trust = conversation.Proven
		tell(t, j, in)
		must(t, j.Complained(t.Context(), "email", unwanted))
		if paused() != 0 {
			t.Error("the same complaint counts twice")
		}
	})
}

func TestNotesAndSecrets(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		must(t, state.Prepare(t.Context(), db))
		j := journey(t, db, nil, nil, 0)
		for _, value := range []string{"", "one", "two"} {
			if value != "" {
				must(t, j.Save(t.Context(), "how far", value))
			}
			if got, err := j.Load(t.Context(), "how far"); err != nil || got != value {
				t.Errorf("read %q (%v), want %q", got, err, value)
			}
		}
		first, err := state.Secret(t.Context(), db, "mail")
		must(t, err)
		again, err := state.Secret(t.Context(), db, "mail")
		must(t, err)
		other, err := state.Secret(t.Context(), db, "other")
		must(t, err)
		if len(first) != 32 || !bytes.Equal(first, again) || bytes.Equal(first, other) {
			t.Errorf("the secrets are %x, %x and %x", first, again, other)
		}
	})
}

// A database of the first release, with messages on their way, is brought up
// to date, and they arrive.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	was, err := os.ReadFile("testdata/first/0001_journey.sql")
	must(t, err)
	is, err := os.ReadFile("migrations/0001_journey.sql")
	must(t, err)
	if !bytes.Equal(was, is) {
		t.Error("the first migration was edited: make a new step instead")
	}
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		ctx := t.Context()
		must(t, ledger.Prepare(ctx, db))
		must(t, ledger.Migrate(ctx, db, "journey", os.DirFS("testdata/first")))
		var id ledger.CommunityID
		must(t, db.Update(ctx, func(tx ledger.Tx) error {
			book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
				Slug: "town", Name: "Town", UnitKind: ledger.Units, UnitWords: "acorn", Locale: "en", Timezone: "UTC",
			}, time.Now())
			if err != nil {
				return err
			}
			id = book.Community().ID
			m, err := book.AddMember(ctx, ledger.NewMember{Name: "Maria Keller", Number: 12})
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, m.ID, "sms", address(1)); err != nil {
				return err
			}
			for _, row := range []string{
				`INSERT INTO inbox (id, community_id, channel, external_id, sender, name, text, trust, locale, question, edited, received_at, state, next_at)
					VALUES (1, $1, 'sms', 'done before', '` + address(1) + `', '', 'balance', 1, '', 0, 0, 1, 'done', 0)`,
				`INSERT INTO inbox (id, community_id, channel, external_id, sender, name, text, trust, locale, question, edited, received_at, state, next_at)
					VALUES (2, $1, 'sms', 'on its way', '` + address(1) + `', '', 'balance', 1, '', 0, 0, 1, 'pending', 0)`,
				`INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to, priority, state, next_at, created_at)
					VALUES (3, $1, 'sms', '` + address(1) + `', 'en', 'queued before', '', 0, 'done before', 10, 'queued', 0, 1)`,
			} {
				if _, err := tx.Exec(ctx, row, id); err != nil {
					return err
				}
			}
			return nil
		}))
		for range 2 {
			must(t, state.Prepare(ctx, db))
		}
		j := state.New(state.Config{DB: db, Engine: engine(), Log: slog.New(slog.DiscardHandler), Holder: "one"})
		_, err := j.Work(context.WithoutCancel(ctx))
		must(t, err)
		var said []string
		must(t, j.Flush(ctx, func(o conversation.Outbound) { said = append(said, o.Text) }))
		if len(said) != 2 || said[0] != "queued before" || !strings.HasPrefix(said[1], "You have 0 acorns") {
			t.Errorf("said %q", said)
		}
		must(t, j.Now(ctx, inbound(address(1), "done before", "balance"), func(o conversation.Outbound) { t.Errorf("answered again: %+v", o) }))
	})
}

// Who says STOP, or presses the button for it, gets nothing of what waits to be
// sent: a text in the night that comes at eight would be one after the STOP.
func TestStopTakesBackWhatWaits(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		queue := func(i int, priority conversation.Priority, text string) {
			t.Helper()
			must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
				return state.Enqueue(t.Context(), tx, town.id, []conversation.Outbound{{
					Channel: "email", Address: mailbox(i), Locale: "en", Text: text, Priority: priority,
				}}, nil, now.Now())
			}))
		}
		queue(1, conversation.Bulk, "news")
		var letter int64
		must(t, j.Flush(t.Context(), func(o conversation.Outbound) { letter = o.ID }))
		for i := 1; i <= 3; i++ {
			queue(i, conversation.Replies, "an answer")
			queue(i, conversation.Notices, "a payment")
			queue(i, conversation.Bulk, "the digest")
		}
		must(t, j.Unsubscribe(t.Context(), "email", letter))
		in := mailed(2, "stop", "stop", 0)
		in.Trust = conversation.Proven
		var got []string
		must(t, j.Now(t.Context(), in, func(o conversation.Outbound) { got = append(got, o.Address+" "+o.Text) }))
		slices.Sort(got)
		want := []string{
			mailbox(1) + " a payment", mailbox(1) + " an answer",
			mailbox(2) + " You will get no more messages from Town here. To come back, write START.", mailbox(2) + " an answer",
			mailbox(3) + " a payment", mailbox(3) + " an answer", mailbox(3) + " the digest",
		}
		if !slices.Equal(got, want) {
			t.Errorf("what goes out is\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n := count(t, db, `SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND error = '`+state.TakenBack+`'`); n != 3 {
			t.Errorf("%d messages were taken back, not 3", n)
		}
	})
}
