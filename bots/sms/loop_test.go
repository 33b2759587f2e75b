package sms_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// machines are two ends that answer every text of the other with one of their
// own: a Crier, and whatever answers.
func machines(t *testing.T, hop time.Duration, answer func(text string) string) (texts int, silent bool) {
	t.Helper()
	db := storetest.SQLiteDB(t)
	benchTown(t, db, "river", 3)
	now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
	j := state.New(state.Config{
		DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "loop",
	})
	incoming := []string{"hello there"}
	for n := 0; len(incoming) > 0; n++ {
		if now.Sub(time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)) > 24*time.Hour {
			return texts, false
		}
		now = now.Add(hop)
		var said []string
		check(t, j.Now(t.Context(), conversation.Inbound{
			Channel: sms.Channel, ID: fmt.Sprint(n), From: telephone(1), Text: incoming[0], At: now, Trust: conversation.Proven, Community: "river",
		}, func(o conversation.Outbound) {
			if o.Address == telephone(1) {
				said = append(said, o.Text)
			}
		}))
		incoming = incoming[1:]
		for _, text := range said {
			texts++
			if a := answer(text); a != "" {
				incoming = append(incoming, a)
			}
		}
	}
	return texts, true
}

// Whatever answers every answer, at once or after minutes, gets none for long:
// the conversation ends, or costs no more than a person's would in a day.
func TestMachinesThatAnswer(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(string) string{
		"an echo":              func(s string) string { return s },
		"an automatic answer":  func(string) string { return "Thank you for your message. We will get back to you." },
		"another Crier's":      func(string) string { return "I did not understand that. You can write: PAY name amount, BALANCE." },
		"one that says yes":    func(string) string { return "yes" },
		"one that asks":        func(string) string { return "balance" },
		"one that says thanks": func(string) string { return "thanks" },
		"an echo in capitals":  strings.ToUpper,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, hop := range []time.Duration{5 * time.Second, 2 * time.Minute} {
				texts, silent := machines(t, hop, answer)
				t.Logf("every %s: %d texts, silent: %v", hop, texts, silent)
				if !silent || texts > 60 {
					t.Errorf("every %s: %d texts in a day, silent: %v", hop, texts, silent)
				}
			}
		})
	}
}

// Two Criers that have each other's number among their members stop.
func TestTwoCriersByText(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
	began := now
	ends := make([]*state.Journey, 2)
	for i := range ends {
		db := storetest.SQLiteDB(t)
		benchTown(t, db, "river", 3)
		ends[i] = state.New(state.Config{
			DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "loop",
		})
	}
	type flying struct {
		to   int
		text string
	}
	air := []flying{{0, "hello"}}
	texts := 0
	for n := 0; len(air) > 0; n++ {
		one := air[0]
		air = air[1:]
		now = now.Add(5 * time.Second)
		if now.Sub(began) > 24*time.Hour {
			t.Fatalf("they still write after a day: %d texts", texts)
		}
		check(t, ends[one.to].Now(t.Context(), conversation.Inbound{
			Channel: sms.Channel, ID: fmt.Sprint(n), From: telephone(1), Text: one.text, At: now, Trust: conversation.Proven, Community: "river",
		}, func(o conversation.Outbound) {
			if o.Address == telephone(1) {
				texts++
				air = append(air, flying{1 - one.to, o.Text})
			}
		}))
	}
	t.Logf("%d texts", texts)
	if texts > 60 {
		t.Errorf("%d texts", texts)
	}
}

// A stranger is answered once a day, and can still join.
func TestStrangersByText(t *testing.T) {
	t.Parallel()
	db := storetest.SQLiteDB(t)
	benchTown(t, db, "river", 3)
	now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
	j := state.New(state.Config{
		DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "strangers",
	})
	n := 0
	say := func(text string) (said []string) {
		t.Helper()
		n++
		now = now.Add(time.Minute)
		check(t, j.Now(t.Context(), conversation.Inbound{
			Channel: sms.Channel, ID: fmt.Sprint(n), From: "+32499000000", Text: text, At: now, Trust: conversation.Proven, Community: "river",
		}, func(o conversation.Outbound) { said = append(said, o.Text) }))
		return said
	}
	if said := say("buy cheap watches"); len(said) != 1 {
		t.Errorf("said %q", said)
	}
	for range 5 {
		if said := say("buy cheap watches"); len(said) != 0 {
			t.Errorf("said %q", said)
		}
	}
	for _, c := range []struct{ text, want string }{{"join", "What is your name"}, {"Piet Vos", "where do you live"}, {"Leuven", "look at it"}} {
		if said := say(c.text); len(said) != 1 || !strings.Contains(said[0], c.want) {
			t.Errorf("%q is answered %q", c.text, said)
		}
	}
}

// Whoever is invited by text and asks first who that is can still say yes or
// STOP: it counts on the same day.
func TestInvitedByText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{{"yes", "Welcome"}, {"stop", "no more messages"}, {"no thanks", "no more messages"}} {
		t.Run(c.text, func(t *testing.T) {
			t.Parallel()
			db := storetest.SQLiteDB(t)
			benchTown(t, db, "river", 3)
			now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
			check(t, db.Update(t.Context(), func(tx ledger.Tx) error {
				c, err := ledger.CommunityBySlug(t.Context(), tx, "river")
				if err != nil {
					return err
				}
				book, err := ledger.Open(t.Context(), tx, c.ID, now)
				if err != nil {
					return err
				}
				m, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Piet Vos", Locale: "en", Status: ledger.Invited})
				if err != nil {
					return err
				}
				return book.Invite(t.Context(), ledger.Invitation{
					Code: "RIVER-1", Member: m.ID, Channel: sms.Channel, Address: "+32499000000", ExpiresAt: now.Add(time.Hour),
				})
			}))
			j := state.New(state.Config{
				DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "invited",
			})
			for i, step := range []struct{ text, want string }{{"who are you", "don't know this address"}, {"is it dear", ""}, {c.text, c.want}, {c.text, ""}} {
				now = now.Add(time.Minute)
				said := ""
				check(t, j.Now(t.Context(), conversation.Inbound{
					Channel: sms.Channel, ID: fmt.Sprint(i), From: "+32499000000", Text: step.text, At: now, Trust: conversation.Proven, Community: "river",
				}, func(o conversation.Outbound) { said += o.Text }))
				if c.text != "yes" || i < 3 {
					if step.want == "" && said != "" || !strings.Contains(said, step.want) {
						t.Errorf("%q is answered %q", step.text, said)
					}
				}
			}
		})
	}
}

// By a line that serves several communities, STOP ends the texts of all of them
// unless its sender is writing with one; and whoever is invited is heard.
func TestOneLineForTwoTowns(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, oneLineForTwoTowns)
}

func oneLineForTwoTowns(t *testing.T, db ledger.DB) {
	t.Parallel()
	now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
	const invited = "+32499000000"
	for _, slug := range []string{"river", "hill"} {
		id := benchTown(t, db, slug, 3)
		check(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, now)
			if err != nil {
				return err
			}
			if slug == "river" {
				return nil
			}
			m, err := book.AddMember(t.Context(), ledger.NewMember{Name: "Piet Vos", Locale: "en", Status: ledger.Invited})
			if err != nil {
				return err
			}
			return book.Invite(t.Context(), ledger.Invitation{Code: "HILL-1", Member: m.ID, Channel: sms.Channel, Address: invited, ExpiresAt: now.Add(time.Hour)})
		}))
	}
	j := state.New(state.Config{
		DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "both",
	})
	n := 0
	say := func(from, text string) (said []string) {
		t.Helper()
		n++
		now = now.Add(time.Second)
		check(t, j.Now(t.Context(), conversation.Inbound{
			Channel: sms.Channel, ID: fmt.Sprint(n), From: from, Text: text, At: now, Trust: conversation.Proven,
		}, func(o conversation.Outbound) { said = append(said, o.Community+": "+o.Text) }))
		return said
	}
	stopped := func(from string) (n int) {
		t.Helper()
		check(t, db.View(t.Context(), func(tx ledger.Tx) error {
			return ledger.Get(t.Context(), tx, []any{&n}, `SELECT COUNT(*) FROM addresses WHERE address = $1 AND status = 'stopped'`, from)
		}))
		return n
	}
	if said := say(telephone(0), "stop"); len(said) != 2 || stopped(telephone(0)) != 2 {
		t.Errorf("STOP out of the blue: %d are stopped, said %q", stopped(telephone(0)), said)
	}
	say(telephone(1), "balance")
	if say(telephone(1), "stop"); stopped(telephone(1)) != 2 {
		t.Errorf("STOP when asked which: %d are stopped", stopped(telephone(1)))
	}
	say(telephone(2), "balance")
	say(telephone(2), "1")
	if said := say(telephone(2), "stop"); len(said) != 1 || stopped(telephone(2)) != 1 {
		t.Errorf("STOP to one: %d are stopped, said %q", stopped(telephone(2)), said)
	}
	if said := say(invited, "yes"); len(said) != 1 || !strings.Contains(said[0], "hill: Welcome") {
		t.Errorf("yes to an invitation is answered %q", said)
	}
}

// Whoever can forge senders has no end of numbers: what all strangers together
// are answered has one.
func TestManyStrangersByText(t *testing.T) {
	t.Parallel()
	texts := forge(t, 500, time.Second, func(n int) conversation.Inbound {
		return conversation.Inbound{From: fmt.Sprintf("+8821650%05d", n), Text: "hi"}
	})
	if len(texts) < 20 || len(texts) > 50 {
		t.Errorf("500 strangers got %d answers", len(texts))
	}
}

// What comes in a member's name, hundreds of times in an hour, costs no more
// than their allowance.
func TestForgedTexts(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]conversation.Inbound{
		"stop":       {Text: "STOP"},
		"a part":     {Text: "pay", Partial: true},
		"a question": {Text: "pay Anna B2x 1001"},
		"a yes":      {Text: "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.From = telephone(1)
			if texts := forge(t, 300, 10*time.Second, func(int) conversation.Inbound { return in }); len(texts) < 1 || len(texts) > 60 {
				t.Errorf("%d texts", len(texts))
			}
		})
	}
}

// What was asked can be answered in spite of that.
func TestAnAnswerAmongForgedTexts(t *testing.T) {
	t.Parallel()
	texts := forge(t, 80, time.Second, func(n int) conversation.Inbound {
		in := conversation.Inbound{From: telephone(1), Text: "balance"}
		switch n {
		case 10:
			in.Text = "pay Anna B2x 1001"
		case 70:
			in.Text = "yes"
		}
		return in
	})
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "Done, receipt") }) {
		t.Errorf("a yes was lost: said %q", texts[len(texts)-3:])
	}
	if len(texts) > 60 {
		t.Errorf("%d texts", len(texts))
	}
}

// forge hands so many texts in, one each time, and returns what went out.
func forge(t *testing.T, n int, every time.Duration, text func(n int) conversation.Inbound) (texts []string) {
	t.Helper()
	db := storetest.SQLiteDB(t)
	benchTown(t, db, "river", 3)
	now := time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC)
	j := state.New(state.Config{
		DB: db, Engine: benchEngine(t), Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), Holder: "forger",
	})
	for i := range n {
		now = now.Add(every)
		in := text(i)
		in.Channel, in.ID, in.At, in.Trust, in.Community = sms.Channel, fmt.Sprint(i), now, conversation.Proven, "river"
		check(t, j.Now(t.Context(), in, func(o conversation.Outbound) { texts = append(texts, o.Text) }))
	}
	return texts
}
