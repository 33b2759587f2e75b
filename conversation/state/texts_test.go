package state_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// gateways is a channel with a line for each community, which rings and costs.
type gateways struct {
	fake
	perSecond float64
}

func (g *gateways) Line(out conversation.Outbound) conversation.Line {
	return conversation.Line{Name: out.Community, PerSecond: g.perSecond, Rings: true}
}

func (g *gateways) Cost(out conversation.Outbound) conversation.Cost {
	n := 1 + len(out.Text)/160
	return conversation.Cost{Segments: n, Micros: int64(n) * 70_000, Currency: "EUR"}
}

// queueFor is queue, for one of several towns.
func queueFor(t *testing.T, db ledger.DB, id ledger.CommunityID, now *clock, address, text string, priority conversation.Priority) {
	t.Helper()
	queue(t, db, &town{id: id}, now, address, text, priority)
}

// coordinates makes the first member of a town its coordinator, whose address
// is not among those of the tests.
func coordinates(t *testing.T, db ledger.DB, id ledger.CommunityID, m ledger.Member, address string) {
	t.Helper()
	inBook(t, db, id, time.Now(), func(book *ledger.Book) error {
		m.Role = ledger.Coordinator
		if err := book.SaveMember(t.Context(), m); err != nil {
			return err
		}
		return book.Bind(t.Context(), m.ID, "telegram", address)
	})
}

// A gateway that does not answer has its own messages wait, and nobody else's,
// however many there are.
func TestASilentLineStopsNoOther(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTowns(t, db, 2, 2), newClock()
		silent := make(chan struct{})
		channel := &gateways{}
		channel.send = func(o conversation.Outbound) (string, error) {
			if o.Community == "town0" {
				<-silent
			}
			return "", nil
		}
		j := journey(t, db, now, channel, 0)
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			for i := range 500 { // more than a look at the queue sees at once
				if err := tx.Later(t.Context(), `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to, priority, state, next_at, created_at)
					VALUES ($1, $2, 'sms', $3, 'en', 'x', '', 0, '', 10, 'queued', 0, $4)`,
					ledger.NewID(now.Now()), town.ids[0], fmt.Sprintf("+3211%d", i), ledger.Micros(now.Now())); err != nil {
					return err
				}
			}
			return nil
		}))
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return len(channel.attempts()) >= 16 })
		for i := range 20 {
			queueFor(t, db, town.ids[1], now, fmt.Sprintf("+3222%d", i), "y", conversation.Bulk)
		}
		j.Wake()
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 20 })
		if n := in(t, db, "queued"); n != 500 {
			t.Errorf("%d of the silent gateway's messages wait", n)
		}
		close(silent)
		waitFor(t, 30*time.Second, func() bool { return in(t, db, "sent") == 520 })
	})
}

// What a line says of everybody holds for that line.
func TestALinesPauseIsItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTowns(t, db, 2, 2), newClock()
		channel := &gateways{}
		channel.send = func(o conversation.Outbound) (string, error) {
			if o.Community == "town0" && o.Attempt == 1 && o.Text == "first" {
				return "", &conversation.SendError{RetryAfter: time.Hour, Everybody: true, Err: errors.New("no credit")}
			}
			return "", nil
		}
		j := journey(t, db, now, channel, 0)
		queueFor(t, db, town.ids[0], now, "+32111", "first", conversation.Replies)
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return len(channel.attempts()) == 1 })
		waitFor(t, 20*time.Second, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM outbox WHERE attempts = 1`) == 1
		})
		queueFor(t, db, town.ids[0], now, "+32112", "second", conversation.Replies)
		queueFor(t, db, town.ids[1], now, "+32221", "other", conversation.Replies)
		j.Wake()
		waitFor(t, 20*time.Second, func() bool { return slices.Contains(channel.texts(), "other") })
		now.looked(t, j)
		if slices.Contains(channel.texts(), "second") {
			t.Error("the gateway without credit was asked again at once")
		}
		now.add(time.Hour)
		j.Wake()
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 3 })
	})
}

// Each line keeps its own rate.
func TestALinesRateIsItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTowns(t, db, 2, 2), newClock()
		channel := &gateways{perSecond: 2}
		j := journey(t, db, now, channel, 0)
		for i := range 6 {
			queueFor(t, db, town.ids[0], now, fmt.Sprintf("+3211%d", i), "x", conversation.Replies)
			queueFor(t, db, town.ids[1], now, fmt.Sprintf("+3222%d", i), "y", conversation.Replies)
		}
		began := time.Now()
		running(t, j)
		waitFor(t, 30*time.Second, func() bool { return in(t, db, "sent") == 12 })
		// Two at once, then two a second on each line: together it would take twice as long.
		if took := time.Since(began); took < 1500*time.Millisecond || took > 4500*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

// At night nobody is woken: what is no answer waits for the morning, in the
// community's own time zone.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town := newTowns(t, db, 2, 2)
		for i, zone := range []string{"Europe/Brussels", "Australia/Sydney"} {
			inBook(t, db, town.ids[i], time.Now(), func(book *ledger.Book) error {
				c := *book.Community()
				c.Timezone, c.QuietFrom, c.QuietTo = zone, 21*60, 8*60
				return book.SetCommunity(t.Context(), c)
			})
		}
		// The night in which Brussels goes back to winter: 22:30 there is 7:30 in Sydney.
		now := &clock{now: time.Date(2026, 10, 24, 20, 30, 0, 0, time.UTC)}
		channel := &gateways{}
		j := journey(t, db, now, channel, 0)
		for i, name := range []string{"brussels", "sydney"} {
			queueFor(t, db, town.ids[i], now, fmt.Sprintf("+32%d1", i+1), name+" notice", conversation.Notices)
			queueFor(t, db, town.ids[i], now, fmt.Sprintf("+32%d2", i+1), name+" bulk", conversation.Bulk)
			queueFor(t, db, town.ids[i], now, fmt.Sprintf("+32%d3", i+1), name+" reply", conversation.Replies)
		}
		running(t, j)
		sent := func(want ...string) {
			t.Helper()
			waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") >= len(want) })
			now.looked(t, j)
			got := channel.texts()
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("at %s UTC was sent %q, want %q", now.Now().Format("15:04"), got, want)
			}
		}
		all := []string{"brussels reply", "sydney reply"}
		sent(all...)
		now.add(29 * time.Minute)
		sent(all...)
		now.add(time.Minute) // 8:00 in Sydney
		all = append(all, "sydney notice", "sydney bulk")
		sent(all...)
		now.add(time.Date(2026, 10, 25, 6, 59, 0, 0, time.UTC).Sub(now.Now())) // 7:59 in Brussels, which is an hour later than the day before
		sent(all...)
		now.add(time.Minute)
		sent(append(all, "brussels notice", "brussels bulk")...)
	})
}

// Receipts come in any order, twice, too early, and for what is nobody's.
func TestReceipts(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		coordinates(t, db, town.id, town.members[0], "1001")
		channel := &fake{}
		channel.send = func(o conversation.Outbound) (string, error) { return "gw:" + o.Text, nil }
		j := journey(t, db, now, channel, 0)
		receipt := func(r conversation.Receipt) {
			t.Helper()
			must(t, j.Receipt(t.Context(), "sms", r))
		}
		state := func(text string) string {
			t.Helper()
			for s := range pairs(t, db, `SELECT state || CASE WHEN delivered_at IS NULL THEN '' ELSE ' delivered' END, 1 FROM outbox WHERE text = '`+text+`'`) {
				return s
			}
			return ""
		}
		id := func(text string) int64 { return int64(count(t, db, `SELECT id FROM outbox WHERE text = '`+text+`'`)) }

		receipt(conversation.Receipt{ProviderID: "gw:early", Status: conversation.Delivered}) // before it is known to be sent
		receipt(conversation.Receipt{ProviderID: "gw:early", Status: conversation.Underway})
		receipt(conversation.Receipt{ProviderID: "gw:nobody's", Status: conversation.Failed, Dead: true})
		receipt(conversation.Receipt{ID: 4711, Status: conversation.Delivered})
		receipt(conversation.Receipt{Status: conversation.Delivered})
		for i, text := range []string{"early", "late", "lost", "over", "stopped"} {
			queue(t, db, town, now, fmt.Sprintf("+3247%d", i), text, conversation.Replies)
		}
		inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
			return book.Bind(t.Context(), town.members[1].ID, "sms", "+32474")
		})
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 5 })
		must(t, j.Tick(t.Context()))
		receipt(conversation.Receipt{ProviderID: "gw:late", Status: conversation.Delivered})
		receipt(conversation.Receipt{ProviderID: "gw:late", Status: conversation.Delivered})
		receipt(conversation.Receipt{ProviderID: "gw:late", Status: conversation.Underway})
		receipt(conversation.Receipt{ID: id("lost"), Status: conversation.Failed, Reason: "30005"})
		receipt(conversation.Receipt{ID: id("lost"), Status: conversation.Delivered})
		receipt(conversation.Receipt{ID: id("over"), Status: conversation.Delivered})
		receipt(conversation.Receipt{ID: id("over"), Status: conversation.Failed}) // one part of it did not arrive
		receipt(conversation.Receipt{ID: id("stopped"), Status: conversation.Failed, OptedOut: true, Reason: "21610"})
		for text, want := range map[string]string{
			"early": "sent delivered", "late": "sent delivered", "lost": "failed", "over": "failed delivered", "stopped": "failed",
		} {
			if got := state(text); got != want {
				t.Errorf("%q is %q, want %q", text, got, want)
			}
		}
		waitFor(t, 20*time.Second, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM outbox WHERE channel = 'telegram' AND text LIKE '%by text message%'`) == 1
		})
		if n := count(t, db, `SELECT COUNT(*) FROM addresses WHERE address = '+32474' AND status = 'paused'`); n != 1 {
			t.Error("whoever wants no texts is not left alone")
		}
		must(t, j.ResumeAddress(t.Context(), "sms", "+32474"))
		receipt(conversation.Receipt{ID: id("stopped"), Status: conversation.Failed, OptedOut: true, Reason: "21610"}) // once more
		if n := count(t, db, `SELECT COUNT(*) FROM addresses WHERE address = '+32474' AND status = 'paused'`); n != 0 {
			t.Error("a receipt that comes again pauses an address that was opened meanwhile")
		}
		now.add(4 * 24 * time.Hour)
		must(t, j.Tick(t.Context()))
		if n := count(t, db, `SELECT COUNT(*) FROM receipts`); n != 0 {
			t.Errorf("%d receipts of nobody's messages are kept", n)
		}
	})
}

// A try of which nobody knows how it ended is not repeated once a receipt says
// that the message went out.
func TestReceiptAfterATimeout(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 2), newClock()
		channel := &gateways{}
		channel.send = func(conversation.Outbound) (string, error) { return "", errors.New("no answer in time") }
		j := journey(t, db, now, channel, 0)
		queue(t, db, town, now, address(0), "once", conversation.Replies)
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return count(t, db, `SELECT MAX(attempts) FROM outbox`) == 1 })
		must(t, j.Receipt(t.Context(), "sms", conversation.Receipt{ID: channel.attempts()[0].ID, Status: conversation.Underway}))
		now.add(time.Hour)
		now.looked(t, j)
		if n := len(channel.attempts()); n != 1 || in(t, db, "sent") != 1 {
			t.Errorf("%d attempts", n)
		}
		if n := count(t, db, `SELECT SUM(messages) FROM costs`); n != 1 {
			t.Errorf("%d messages were counted", n)
		}
	})
}

// A text that its gateway took and could not send for want of a signal goes out
// later, once; and no more where its reader has said STOP, or it is too old.
func TestReceiptForAnotherTry(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 3), newClock()
		tries := map[string]int{}
		channel := &gateways{}
		channel.send = func(o conversation.Outbound) (string, error) {
			tries[o.Text]++
			return fmt.Sprintf("gw:%s %d", o.Text, tries[o.Text]), nil
		}
		j := journey(t, db, now, channel, 0)
		id := func(text string) int64 { return int64(count(t, db, `SELECT id FROM outbox WHERE text = '`+text+`'`)) }
		fails := func(text string, try int) error {
			return j.Receipt(t.Context(), "sms", conversation.Receipt{
				ID: id(text), ProviderID: fmt.Sprintf("gw:%s %d", text, try), Status: conversation.Failed, Again: true, Reason: "no signal",
			})
		}
		queue(t, db, town, now, address(0), "again", conversation.Replies)
		if err := fails("again", 1); err == nil {
			t.Error("a receipt from before the text was known to be sent is lost")
		}
		for i, text := range []string{"stopped", "old"} {
			queue(t, db, town, now, address(i+1), text, conversation.Notices)
		}
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 3 })
		inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
			_, err := book.SetAddressStatus(t.Context(), "sms", address(1), ledger.AddressStopped, "")
			return err
		})
		must(t, fails("again", 1))
		must(t, fails("again", 1))
		must(t, j.Receipt(t.Context(), "sms", conversation.Receipt{ID: id("again"), Status: conversation.Underway})) // of the first try
		must(t, fails("stopped", 1))
		now.add(30 * time.Second)
		now.looked(t, j)
		if n := len(channel.attempts()); n != 3 {
			t.Errorf("%d attempts at once", n)
		}
		now.add(5 * time.Minute)
		now.looked(t, j)
		waitFor(t, 20*time.Second, func() bool { return in(t, db, "sent") == 2 })
		must(t, fails("again", 1)) // it comes again
		now.add(49 * time.Hour)
		now.looked(t, j)
		must(t, fails("old", 1))
		now.add(2 * time.Hour)
		now.looked(t, j)
		if tries["again"] != 2 || tries["stopped"] != 1 || tries["old"] != 1 {
			t.Errorf("tries %v", tries)
		}
		if in(t, db, "sent") != 1 || in(t, db, "failed") != 2 {
			t.Errorf("%d sent, %d failed", in(t, db, "sent"), in(t, db, "failed"))
		}
		if n := count(t, db, `SELECT SUM(messages) FROM costs`); n != 3 {
			t.Errorf("%d messages were counted", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM bounces`); n != 0 {
			t.Errorf("%d count against an address at which nothing was tried", n)
		}
	})
}

// Parts come in any order, twice and to any process; a message whose rest does
// not come is not acted upon, and its sender hears of it.
func TestParts(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		j := journey(t, db, now, nil, 0)
		luc := town.members[2].Name
		part := func(id, text, ref string, number, total int) {
			t.Helper()
			in := inbound(address(1), id, text)
			in.At = time.Time{}
			must(t, j.Assemble(t.Context(), in, ref, number, total))
		}
		said := func() (all []string) {
			t.Helper()
			_, err := j.Work(t.Context())
			must(t, err)
			must(t, j.Flush(t.Context(), func(o conversation.Outbound) {
				if o.Address == address(1) {
					all = append(all, o.Text)
				}
			}))
			return all
		}
		part("b", "for eggs and the like", "7", 2, 2)
		if got := said(); len(got) != 0 {
			t.Errorf("half a message is answered %q", got)
		}
		part("b", "for eggs and the like", "7", 2, 2)
		part("a", "pay "+luc+" 2 ", "7", 1, 2)
		for _, again := range []string{"a", "b"} { // the gateway brings them once more
			part(again, "x", "7", map[string]int{"a": 1, "b": 2}[again], 2)
		}
		if got := said(); len(got) != 1 || !strings.Contains(got[0], "(eggs and the like)") {
			t.Fatalf("said %q", got)
		}
		now.add(11 * time.Minute)
		part("b", "for eggs and the like", "7", 2, 2) // the gateway has not heard that it was taken
		now.add(11 * time.Minute)
		must(t, j.Tick(t.Context()))
		if got := said(); len(got) != 0 {
			t.Errorf("a part that was handled is answered %q", got)
		}
		// The same number once more, for another message, of which the second part is missing.
		now.add(time.Minute)
		part("c", "pay "+luc+" 3", "7", 1, 2)
		now.add(11 * time.Minute)
		must(t, j.Tick(t.Context()))
		if got := said(); len(got) != 1 || !strings.Contains(got[0], "Only a part of your message") {
			t.Errorf("said %q", got)
		}
		part("d", "pay "+luc+" 3", "7", 2, 2) // far too late
		now.add(11 * time.Minute)
		must(t, j.Tick(t.Context()))
		must(t, j.Tick(t.Context()))
		if got := said(); len(got) != 1 || !strings.Contains(got[0], "Only a part of your message") {
			t.Errorf("said %q", got)
		}
		if n := transfers(t, db); n != 1 {
			t.Errorf("%d payments", n)
		}
		now.add(4 * 24 * time.Hour)
		must(t, j.Tick(t.Context()))
		if n := count(t, db, `SELECT COUNT(*) FROM parts`); n != 0 {
			t.Errorf("%d parts are kept for ever", n)
		}
	})
}

// Whoever waits before a screen gets the answer in time, from whichever process
// handles it, and the same again where the network repeats the step. What comes
// too late goes out as a text.
func TestScreens(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		coordinates(t, db, town.id, town.members[0], "1001")
		channel := &fake{}
		inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
			c := *book.Community()
			c.Threshold = 0
			return book.SetCommunity(t.Context(), c)
		})
		one, two := journey(t, db, now, channel, 0), journey(t, db, now, nil, 0)
		running(t, one)
		dial := func(j *state.Journey, id, text string) []conversation.Outbound {
			t.Helper()
			in := inbound(address(1), id, text)
			in.Dialled = true
			out, err := j.Reply(short(t), in)
			must(t, err)
			return out
		}
		out := dial(two, "s:1", "")
		if len(out) != 1 || out[0].Channel != "ussd" || !strings.Contains(out[0].Text, "1 Balance") || out[0].Question == 0 {
			t.Fatalf("the first screen is %+v", out)
		}
		if again := dial(one, "s:1", ""); len(again) != 1 || again[0].ID != out[0].ID {
			t.Errorf("the step that came again has %+v", again)
		}
		pay := "pay " + town.members[2].Name + " 200 for eggs"
		if out = dial(one, "s:2", pay); len(out) != 1 || !strings.Contains(out[0].Text, "1 Yes") {
			t.Fatalf("the question is %+v", out)
		}
		out = dial(two, "s:3", "1")
		again := dial(one, "s:3", "1")
		if len(out) != 1 || !strings.Contains(out[0].Text, "Done, receipt") || len(again) != 1 || again[0].Text != out[0].Text {
			t.Errorf("the receipt is %+v and then %+v", out, again)
		}
		if n := transfers(t, db); n != 1 {
			t.Errorf("%d payments", n)
		}
		for _, o := range channel.attempts() {
			if o.Address == address(1) {
				t.Errorf("a screen's answer went out as a text: %q", o.Text)
			}
		}

		in := inbound(address(1), "s:4", "balance") // nobody waits for this one
		in.Dialled = true
		must(t, one.Handle(t.Context(), in))
		waitFor(t, 20*time.Second, func() bool {
			return count(t, db, `SELECT COUNT(*) FROM outbox WHERE channel = 'ussd' AND state = 'queued'`) == 1
		})
		now.add(16 * time.Second)
		must(t, one.Tick(t.Context()))
		waitFor(t, 20*time.Second, func() bool { return len(channel.replies(address(1))) > 0 })
	})
}

// Costs are counted by month where the community is, its coordinators are told
// at 80 and 100 %, and then what goes to everybody stops: answers do not.
func TestCosts(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town := newTowns(t, db, 2, 2)
		coordinates(t, db, town.ids[0], town.all[0][0], "1001")
		now := &clock{now: time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)}
		inBook(t, db, town.ids[0], now.Now(), func(book *ledger.Book) error {
			return state.SetBudget(t.Context(), book, conversation.Cost{Micros: 700_000, Currency: "EUR"}) // ten segments
		})
		channel := &gateways{}
		j := journey(t, db, now, channel, 0)
		running(t, j)
		n := 0
		send := func(town2 int, priority conversation.Priority, texts ...string) {
			t.Helper()
			for _, text := range texts {
				n++
				queueFor(t, db, town.ids[town2], now, fmt.Sprintf("+32999%d", n), text, priority)
				j.Wake()
				waitFor(t, 20*time.Second, func() bool {
					return count(t, db, `SELECT COUNT(*) FROM outbox WHERE channel = 'sms' AND state = 'queued'`) == 0
				})
			}
		}
		told := func(want ...string) {
			t.Helper()
			var got []string
			for text := range pairs(t, db, `SELECT text, 1 FROM outbox WHERE channel = 'telegram'`) {
				got = append(got, text)
			}
			if len(got) != len(want) {
				t.Fatalf("the coordinator was told %q", got)
			}
			for _, w := range want {
				if !slices.ContainsFunc(got, func(g string) bool { return strings.Contains(g, w) }) {
					t.Errorf("the coordinator was told %q, not %q", got, w)
				}
			}
		}
		long := strings.Repeat("x", 161)
		send(0, conversation.Bulk, long, long, long) // six segments
		send(0, conversation.Replies, "x")
		told()
		send(0, conversation.Bulk, "x") // the eighth
		const warned, reached = "cost 0.56 EUR this month, of 0.70 EUR", "and the budget was 0.70 EUR. I send nothing to everybody until 1 Jun"
		told(warned)
		send(0, conversation.Notices, "x", "x")
		told(warned, reached)
		send(0, conversation.Bulk, "too much")
		send(0, conversation.Replies, "an answer")
		send(1, conversation.Bulk, "of another community")
		if texts := channel.texts(); slices.Contains(texts, "too much") || !slices.Contains(texts, "an answer") || !slices.Contains(texts, "of another community") {
			t.Errorf("sent %q", texts)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM outbox WHERE text = 'too much' AND state = 'failed' AND error LIKE '%budget%'`); n != 1 {
			t.Error("nobody can see why a message to everybody did not go out")
		}
		now.add(27 * 24 * time.Hour) // a new month
		send(0, conversation.Bulk, "June")
		told(warned, reached)

		var months []state.Month
		must(t, db.View(t.Context(), func(tx ledger.Tx) (err error) {
			months, err = state.Costs(t.Context(), tx, "2026-05")
			return err
		}))
		want := []state.Month{
			{Community: "town0", Month: "2026-05", Channel: "sms", Messages: 8, Cost: conversation.Cost{Segments: 11, Micros: 770_000, Currency: "EUR"}},
			{Community: "town1", Month: "2026-05", Channel: "sms", Messages: 1, Cost: conversation.Cost{Segments: 1, Micros: 70_000, Currency: "EUR"}},
			{Community: "town0", Month: "2026-06", Channel: "sms", Messages: 1, Cost: conversation.Cost{Segments: 1, Micros: 70_000, Currency: "EUR"}},
		}
		if !slices.Equal(months, want) {
			t.Errorf("costs %+v, want %+v", months, want)
		}
		if n := count(t, db, `SELECT SUM(segments) FROM outbox WHERE channel = 'sms'`); n != 13 {
			t.Errorf("the messages have %d segments", n)
		}
	})
}

// That a message was sent is written down again where nobody knows whether the
// first time worked: it is counted once.
func TestCostsCountOnce(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, inner ledger.DB) {
		t.Parallel()
		db := &forgetful{DB: inner}
		town, now := newTown(t, db, 4), newClock()
		j := journey(t, db, now, &gateways{}, 0)
		queue(t, db, town, now, address(0), "once", conversation.Replies)
		db.armed.Store(true)
		running(t, j)
		waitFor(t, 20*time.Second, func() bool { return !db.armed.Load() })
		waitFor(t, 20*time.Second, func() bool { j.Wake(); return db.later.Load() > 2 })
		if n := count(t, db, `SELECT SUM(messages) FROM costs`); n != 1 {
			t.Errorf("%d messages were counted", n)
		}
	})
}

// forgetful loses the answer to the first commit that notes a cost.
type forgetful struct {
	ledger.DB
	armed atomic.Bool
	later atomic.Int64 // commits after that
}

func (f *forgetful) Update(ctx context.Context, fn func(ledger.Tx) error) error {
	if err := f.DB.Update(ctx, fn); err != nil {
		return err
	}
	if !f.armed.Load() {
		f.later.Add(1)
		return nil
	}
	noted := int64(0)
	if err := f.View(ctx, func(tx ledger.Tx) error {
		return ledger.Get(ctx, tx, []any{&noted}, `SELECT COUNT(*) FROM costs`)
	}); err != nil || noted == 0 {
		return err
	}
	f.later.Store(0)
	f.armed.Store(false)
	return errors.New("the connection broke after the commit")
}

// A PIN is never on the disk in readable form: not while it waits, not in the
// message log, not in what is remembered, not in a log line.
func TestNoPINIsKept(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 4), newClock()
		above := ledger.Amount(5)
		inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
			c := *book.Community()
			c.PINAbove = &above
			return book.SetCommunity(t.Context(), c)
		})
		const pin = "804613"
		everywhere := func(when string) {
			t.Helper()
			for table, column := range map[string]string{"inbox": "text", "outbox": "text", "talks": "talk", "desks": "desk", "parts": "text", "pins": "hash"} {
				if n := count(t, db, `SELECT COUNT(*) FROM `+table+` WHERE `+column+` LIKE '%`+pin+`%'`); n != 0 {
					t.Errorf("%s, %s holds the PIN", when, table)
				}
			}
		}
		j := journey(t, db, now, nil, 0)
		n := 0
		say := func(text string) string {
			t.Helper()
			n++
			in := inbound(address(1), fmt.Sprint(n), text)
			in.Channel = "sms"
			said := ""
			must(t, j.Now(t.Context(), in, func(o conversation.Outbound) {
				if o.Address == address(1) {
					said += o.Text
				}
			}))
			everywhere("after " + text)
			return said
		}
		say(regexp.MustCompile(`\d{4}`).FindString(say("pin")))
		if said := say(pin); !strings.Contains(said, "PIN is set") {
			t.Fatalf("said %q", said)
		}
		say("pay " + town.members[2].Name + " 20 for the bicycle")
		say("yes")
		if said := say("Geheimzahl " + pin + ", please"); !strings.Contains(said, "Done, receipt") {
			t.Fatalf("said %q", said)
		}
		say("pay " + town.members[2].Name + " 12.50 for eggs") // an amount is none
		if n := count(t, db, `SELECT COUNT(*) FROM inbox WHERE text LIKE '%12.50 for eggs'`); n != 1 {
			t.Error("an amount was masked")
		}
		say("no")
		for _, text := range []string{pin, "pin " + pin, "PIN: " + pin, "8 0 4 6 1 3", "pay " + pin + " 98765432 35,50", "pay luc 200 pin " + pin} {
			say(text)
		}
		// Before it is handled, too.
		two := journey(t, db, now, nil, 0)
		in := inbound(address(3), "waiting", "ecco "+pin)
		must(t, two.Assemble(t.Context(), in, "1", 1, 2))
		everywhere("while it waits")
		// A seal that was copied opens nothing.
		for stolen := range pairs(t, db, `SELECT text, 1 FROM parts`) {
			must(t, two.Now(t.Context(), inbound(address(2), "stolen", stolen), func(conversation.Outbound) {}))
		}
		everywhere("with a copied seal")
		// It can be read again: else nobody could be let in.
		if n := transfers(t, db); n != 1 {
			t.Errorf("%d payments", n)
		}
	})
}

// A gateway without a rate gets many texts at once. Those to everybody that a
// budget does not pay for are held back all the same, and what it pays for goes
// out, though others failed before.
func TestBudgetOnItsWay(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, now := newTown(t, db, 20), newClock()
		inBook(t, db, town.id, now.Now(), func(book *ledger.Book) error {
			return state.SetBudget(t.Context(), book, conversation.Cost{Micros: 350_000, Currency: "EUR"}) // five segments
		})
		var mu sync.Mutex
		tries, sent := 0, 0
		channel := &gateways{}
		channel.send = func(conversation.Outbound) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries <= 3 {
				return "", errors.New("not now")
			}
			sent++
			return "", nil
		}
		j := journey(t, db, now, channel, 0)
		for i := range 20 {
			queue(t, db, town, now, address(i), "market on saturday", conversation.Bulk)
		}
		running(t, j)
		waitFor(t, 20*time.Second, func() bool {
			now.add(15 * time.Second)
			return in(t, db, "queued") == 0
		})
		if sent != 5 || in(t, db, "sent") != 5 || in(t, db, "failed") != 15 {
			t.Errorf("%d were sent, and failed are %d", sent, in(t, db, "failed"))
		}
	})
}
