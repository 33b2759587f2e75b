package imap_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	criermail "crier/mail"
	"crier/mail/imap"
	"crier/mail/mailtest"
)

func TestMailIsHeardAtOnceAndThenMarked(t *testing.T) {
	dovecot := startDovecot(t, mailtest.DovecotOptions{})
	for _, url := range []string{"imaps://" + dovecot.IMAPSAddr, "imap://" + dovecot.IMAPAddr} {
		name, _, _ := strings.Cut(url, ":")
		t.Run(name, func(t *testing.T) {
			c, e := config(dovecot), newEar()
			c.URL = url
			listening(t, c, e.hear, newMemory())
			dovecot.Deliver(river, letter(name+"-first", 1))
			await(t, "the first mail", func() bool { return slices.Contains(e.heard(), name+"-first") })
			time.Sleep(300 * time.Millisecond) // it waits by now
			dovecot.Deliver(river, letter(name+"-second", 1))
			delivered := time.Now()
			await(t, "the second mail", func() bool { return slices.Contains(e.heard(), name+"-second") })
			if took := time.Since(delivered); took > 10*time.Second {
				t.Errorf("it was heard only after %v", took)
			}
			await(t, "both marked as read", func() bool {
				return !slices.ContainsFunc(dovecot.Messages(river, "INBOX"), func(m mailtest.Message) bool { return !m.Seen })
			})
			if len(e.broken) > 0 {
				t.Errorf("not as they were sent: %v", e.broken)
			}
		})
	}
}

func TestAMailIsMarkedOnlyAfterItWasTaken(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	asked, answer := make(chan struct{}), make(chan error)
	hear := func(ctx context.Context, raw []byte, env criermail.Envelope) error {
		asked <- struct{}{}
		if err := <-answer; err != nil {
			return err
		}
		return e.hear(ctx, raw, env)
	}
	cursor := newMemory()
	listening(t, config(dovecot), hear, cursor)
	dovecot.Deliver(river, letter("eggs", 1))
	before := ""
	for range 2 {
		<-asked
		for _, value := range cursor.all() {
			before = value
		}
		time.Sleep(100 * time.Millisecond)
		if dovecot.Messages(river, "INBOX")[0].Seen {
			t.Fatal("it is marked while nobody has taken it")
		}
		answer <- errors.New("the database is down")
	}
	<-asked
	answer <- nil
	await(t, "the mark", func() bool { return dovecot.Messages(river, "INBOX")[0].Seen })
	await(t, "the cursor", func() bool {
		for _, value := range cursor.all() {
			return value != before
		}
		return false
	})
}

func TestOnlyWhatIsUnreadAndRecentCountsTheFirstTime(t *testing.T) {
	dovecot := startDovecot(t, mailtest.DovecotOptions{})
	for _, name := range []string{"a", "b"} {
		dovecot.Deliver(river, letter(name, 1))
	}
	e, cursor := newEar(), newMemory()
	nextWeek := imap.WithClock(func() time.Time { return time.Now().Add(7 * 24 * time.Hour) })
	stop := listening(t, config(dovecot), e.hear, cursor, nextWeek)
	await(t, "the cursor", func() bool { return len(cursor.all()) > 0 })
	dovecot.Deliver(river, letter("c", 1))
	await(t, "what came after", func() bool { return len(e.heard()) > 0 })
	stop()
	if got := e.heard(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("heard %v; a and b came a week before", got)
	}

	e = newEar() // another host, with no cursor yet
	listening(t, config(dovecot), e.hear, newMemory())
	await(t, "the unread ones", func() bool { return len(e.heard()) >= 2 })
	time.Sleep(200 * time.Millisecond) // for more, if there were
	if got := e.heard(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("heard %v; c was read", got)
	}
}

func TestItGoesOnWhereItStopped(t *testing.T) {
	dovecot, cursor := startDovecot(t, mailtest.DovecotOptions{}), newMemory()
	var all []string
	for i, names := range [][]string{numbered("first", 3), numbered("second", 3), nil, numbered("third", 2)} {
		e := newEar()
		for _, name := range names {
			dovecot.Deliver(river, letter(name, 1))
		}
		stop := listening(t, config(dovecot), e.hear, cursor)
		await(t, "the mails", func() bool { return len(e.heard()) >= len(names) })
		if i%2 == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		if got := e.heard(); !slices.Equal(got, names) {
			t.Errorf("heard %v, and not just %v in their order", got, names)
		}
		all = append(all, names...)
	}
	if got := subjects(dovecot.Messages(river, "INBOX")); len(got) != len(all) {
		t.Errorf("of %v there is left %v", all, got)
	}
}

func TestMailsThatAPersonReadsAreHeardAllTheSame(t *testing.T) {
	dovecot, cursor, e := startDovecot(t, mailtest.DovecotOptions{}), newMemory(), newEar()
	stop := listening(t, config(dovecot), e.hear, cursor)
	await(t, "a look at the empty mailbox", func() bool { return len(cursor.all()) > 0 })
	stop()
	dovecot.Deliver(river, letter("eggs", 1))
	reader := config(dovecot)
	other := newEar() // a mail program, which marks it as read
	stop = listening(t, reader, other.hear, newMemory())
	await(t, "the reader", func() bool { return dovecot.Messages(river, "INBOX")[0].Seen })
	stop()
	listening(t, config(dovecot), e.hear, cursor)
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })
}

func TestDealtWithMailsAreMoved(t *testing.T) {
	for name, settings := range map[string]string{
		"with MOVE":       "",
		"without MOVE":    "imap_capability = IMAP4rev1 IDLE UIDPLUS LITERAL+\n",
		"without UIDPLUS": "imap_capability = IMAP4rev1 IDLE LITERAL+\n",
	} {
		t.Run(name, func(t *testing.T) {
			dovecot, e := startDovecot(t, mailtest.DovecotOptions{Settings: settings}), newEar()
			c := config(dovecot)
			c.MoveTo = "Dealt with"
			listening(t, c, e.hear, newMemory())
			names := numbered("mail", 3)
			for _, name := range names {
				dovecot.Deliver(river, letter(name, 1))
			}
			await(t, "the mails in their folder", func() bool { return len(dovecot.Messages(river, "Dealt with")) == 3 })
			if got := e.heard(); !slices.Equal(got, names) {
				t.Errorf("heard %v", got)
			}
			if name != "without UIDPLUS" { // where they stay, marked as deleted
				await(t, "an empty inbox", func() bool { return len(dovecot.Messages(river, "INBOX")) == 0 })
			}
		})
	}
}

func TestAServerWithoutIdleIsPolled(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{Settings: "imap_capability = IMAP4rev1 LITERAL+ UIDPLUS MOVE\n"}), newEar()
	c := config(dovecot)
	c.Poll = time.Second
	listening(t, c, e.hear, newMemory())
	for _, name := range numbered("mail", 3) {
		dovecot.Deliver(river, letter(name, 1))
		await(t, "the mail", func() bool { return slices.Contains(e.heard(), name) })
	}
	notes, err := imap.Probe(t.Context(), c)
	if err != nil || !slices.ContainsFunc(notes, func(note string) bool { return strings.Contains(note, "IDLE") }) {
		t.Errorf("Probe says %q, %v", notes, err)
	}
}

func TestOfAHugeMailTheBeginningIsHeard(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	proxy := mailtest.StartProxy(t, dovecot.IMAPSAddr)
	c := config(dovecot)
	c.URL, c.MaxSize = "imaps://"+proxy.Addr, 100_000
	listening(t, c, e.hear, newMemory())
	dovecot.Deliver(river, letter("small", 1))
	dovecot.Deliver(river, letter("huge", 500_000)) // 20 MB
	dovecot.Deliver(river, letter("after", 1))
	await(t, "all mails", func() bool { return len(e.heard()) == 3 })
	if got := e.sizes["huge"]; got != 100_001 {
		t.Errorf("of the huge mail %d bytes were handed over", got)
	}
	if got := proxy.Passed(); got > 1_000_000 {
		t.Errorf("%d bytes were fetched", got)
	}
	if got := e.heard(); !slices.Equal(got, []string{"small", "huge", "after"}) {
		t.Errorf("heard %v", got)
	}
}

func TestMailsNumberedAnewAreHeardAgainAndNoneIsLost(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	listening(t, config(dovecot), e.hear, newMemory())
	old := numbered("old", 3)
	for _, name := range old {
		dovecot.Deliver(river, letter(name, 1))
	}
	await(t, "the old mails", func() bool { return len(e.heard()) == 3 })
	await(t, "their marks", func() bool { return dovecot.Messages(river, "INBOX")[2].Seen })
	dovecot.Stop()
	dovecot.Renumber(river, "INBOX")
	dovecot.Start()
	await(t, "the repeats, which whoever hears has to drop", func() bool { return e.handedOver(old[2]) == 2 })
	dovecot.Deliver(river, letter("new", 1))
	await(t, "a new mail", func() bool { return e.handedOver("new") == 1 })
	if got := e.handedOver(old[0]); got != 2 {
		t.Errorf("an old mail was handed over %d times", got)
	}
}

func TestADatabaseThatIsDownMovesNothing(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	e.failing(func(string) error { return errors.New("the database is down") })
	listening(t, config(dovecot), e.hear, newMemory(), imap.WithRetry(time.Millisecond, 10*time.Millisecond))
	names := numbered("mail", 6)
	for _, name := range names {
		dovecot.Deliver(river, letter(name, 1))
	}
	await(t, "many tries", func() bool { return e.handedOver(names[0]) > 20 })
	for _, message := range dovecot.Messages(river, "INBOX") {
		if message.Seen {
			t.Error("a mail is marked that nobody took")
		}
	}
	e.failing(nil)
	await(t, "all mails", func() bool { return len(e.heard()) == len(names) })
	got := e.heard() // the database may come back between two of them
	slices.Sort(got)
	if !slices.Equal(got, names) {
		t.Errorf("heard %v", got)
	}
	if got := dovecot.Messages(river, "Crier problems"); len(got) > 0 {
		t.Errorf("put aside: %v", subjects(got))
	}
}

func TestAPoisonMailEndsInItsFolder(t *testing.T) {
	for name, fail := range map[string]func() error{
		"that panics":               func() error { panic("index out of range") },
		"that is unreadable":        func() error { return criermail.ErrUnreadable },
		"that fails unlike others":  func() error { return errors.New("an error of some sort") },
		"that fails with no others": func() error { return errors.New("an error of some sort") },
		"that was there at first":   func() error { return errors.New("an error of some sort") },
	} {
		t.Run(name, func(t *testing.T) {
			dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
			e.failing(func(name string) error {
				if name == "poison" {
					return fail()
				}
				return nil
			})
			others := []string{"before"}
			dovecot.Deliver(river, letter("before", 1))
			if name == "that was there at first" { // newer ones are not even looked at before it
				dovecot.Deliver(river, letter("poison", 1))
				listening(t, config(dovecot), e.hear, newMemory())
				await(t, "some tries", func() bool { return e.handedOver("poison") > 5 })
			} else {
				listening(t, config(dovecot), e.hear, newMemory())
				dovecot.Deliver(river, letter("poison", 1))
			}
			if name == "that fails with no others" {
				await(t, "many tries", func() bool { return e.handedOver("poison") > 10 })
				if got := dovecot.Messages(river, "Crier problems"); len(got) > 0 {
					t.Error("it is put aside, while it may be the database that fails")
				}
			}
			for _, name := range []string{"after", "later"} {
				dovecot.Deliver(river, letter(name, 1))
				others = append(others, name)
			}
			await(t, "the mail in its folder", func() bool {
				return slices.Equal(subjects(dovecot.Messages(river, "Crier problems")), []string{"poison"})
			})
			await(t, "the others", func() bool { return len(e.heard()) == 3 })
			if got := e.heard(); !slices.Equal(got, others) {
				t.Errorf("heard %v", got)
			}
			if got := subjects(dovecot.Messages(river, "INBOX")); !slices.Equal(got, others) {
				t.Errorf("the inbox holds %v", got)
			}
			tries := e.handedOver("poison")
			time.Sleep(300 * time.Millisecond)
			if e.handedOver("poison") != tries || tries < 3 {
				t.Errorf("it was tried %d times, and then %d", tries, e.handedOver("poison"))
			}
		})
	}
}
