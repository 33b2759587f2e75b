package imap_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/mail/imap"
	"crier/mail/mailtest"
)

func TestNothingIsLostWhereTheConnectionIsCutAHundredTimes(t *testing.T) {
	dovecot, e, cursor := startDovecot(t, mailtest.DovecotOptions{}), newEar(), newMemory()
	proxy := mailtest.StartProxy(t, dovecot.IMAPSAddr)
	c := config(dovecot)
	c.URL = "imaps://" + proxy.Addr
	c.MoveTo = "Dealt with"
	listening(t, c, e.hear, cursor, imap.WithRetry(time.Millisecond, 5*time.Millisecond))

	names := numbered("mail", 50)
	for cut := range 100 {
		if cut%2 == 0 {
			dovecot.Deliver(river, letter(names[cut/2], rand.IntN(3000)))
		}
		if rand.IntN(2) == 0 { // in the middle of something, and in good order
			proxy.CutAfter(1 + rand.Int64N(30_000))
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		await(t, "a connection to cut", func() bool { return proxy.CutAll() > 0 })
	}
	await(t, "all mails", func() bool { return len(e.heard()) == len(names) })
	await(t, "all mails in their folder", func() bool { return len(dovecot.Messages(river, "INBOX")) == 0 })
	if got := e.heard(); !slices.Equal(got, names) {
		t.Errorf("heard, out of order: %v", got)
	}
	if len(e.broken) > 0 {
		t.Errorf("not as they were sent: %v", e.broken)
	}
	for _, name := range names {
		if n := e.handedOver(name); n != 1 {
			t.Errorf("%s was taken, and handed over %d times all the same", name, n)
		}
	}
	moved := subjects(dovecot.Messages(river, "Dealt with"))
	slices.Sort(moved)
	if !slices.Equal(moved, names) {
		t.Errorf("moved: %v", moved)
	}
}

func TestAMailThatIsCutOffIsNotTakenForAWholeOne(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	proxy := mailtest.StartProxy(t, dovecot.IMAPAddr)
	c := config(dovecot)
	c.URL = "imap://" + proxy.Addr
	dovecot.Deliver(river, letter("long", 50_000)) // 2 MB
	proxy.CutAfter(1_000_000)
	listening(t, c, e.hear, newMemory())
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })
	if n := e.handedOver("long"); n != 1 || len(e.broken) > 0 {
		t.Errorf("handed over %d times, broken: %v", n, e.broken)
	}
}

func TestTheServerIsRestartedInTheMiddle(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	listening(t, config(dovecot), e.hear, newMemory())
	names := numbered("mail", 9)
	for i, name := range names {
		dovecot.Deliver(river, letter(name, 100))
		if i%3 == 1 {
			dovecot.Restart()
		}
	}
	await(t, "all mails", func() bool { return len(e.heard()) == len(names) })
	if got := e.heard(); !slices.Equal(got, names) {
		t.Errorf("heard %v", got)
	}
}

func TestADeadConnectionIsNoticedThoughNothingSaysSo(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	proxy := mailtest.StartProxy(t, dovecot.IMAPSAddr)
	c := config(dovecot)
	c.URL, c.Poll = "imaps://"+proxy.Addr, time.Second
	listening(t, c, e.hear, newMemory(), imap.WithPatience(500*time.Millisecond))
	dovecot.Deliver(river, letter("first", 1))
	await(t, "the first mail", func() bool { return len(e.heard()) == 1 })
	time.Sleep(200 * time.Millisecond) // it waits by now
	proxy.Stall()
	dovecot.Deliver(river, letter("second", 1))
	await(t, "the second mail", func() bool { return len(e.heard()) == 2 })
}

func TestTheServerIsAwayForAWhile(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{}), newEar()
	proxy := mailtest.StartProxy(t, dovecot.IMAPSAddr)
	proxy.Refuse(true)
	c := config(dovecot)
	c.URL = "imaps://" + proxy.Addr
	listening(t, c, e.hear, newMemory())
	dovecot.Deliver(river, letter("eggs", 1))
	time.Sleep(300 * time.Millisecond)
	proxy.Refuse(false)
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })
}

func TestProbeSaysInWordsWhatIsWrong(t *testing.T) {
	dovecot := startDovecot(t, mailtest.DovecotOptions{})
	for _, url := range []string{"imaps://" + dovecot.IMAPSAddr, "imap://" + dovecot.IMAPAddr} {
		good := config(dovecot)
		good.URL, good.MoveTo = url, "Dealt with"
		if notes, err := imap.Probe(t.Context(), good); err != nil || len(notes) > 0 {
			t.Errorf("a good one: %v, %v", notes, err)
		}
	}
	for says, change := range map[string]func(*imap.Config){
		"refuses the login":      func(c *imap.Config) { c.Password = "wrong" },
		"no folder \"Trades\"":   func(c *imap.Config) { c.Mailbox = "Trades" },
		"not to be trusted":      func(c *imap.Config) { c.TLS = mailtest.NewCA(t).Client() },
		"cannot be reached":      func(c *imap.Config) { c.URL = "imaps://127.0.0.1:9" },
		"no mail server named":   func(c *imap.Config) { c.URL = "imaps://mail.invalid" },
		"there is no TLS":        func(c *imap.Config) { c.URL = "imaps://" + dovecot.IMAPAddr },
		"must be like imaps://":  func(c *imap.Config) { c.URL = "mail.example.org" },
		"to the folder \"a/../b": func(c *imap.Config) { c.MoveTo = "a/../b" },
	} {
		c := config(dovecot)
		change(&c)
		_, err := imap.Probe(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Probe says: %v\nand not: %s", err, says)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("Probe tells a secret: %v", err)
		}
	}
}

func TestARefusedLoginIsTheOperatorsOnlyAfterSomeTries(t *testing.T) {
	dovecot := startDovecot(t, mailtest.DovecotOptions{})
	for want, change := range map[error]func(*imap.Config){
		imap.ErrLogin:  func(c *imap.Config) { c.Password = "wrong" },
		imap.ErrConfig: func(c *imap.Config) { c.Mailbox = "Trades" },
	} {
		c := config(dovecot)
		proxy := mailtest.StartProxy(t, dovecot.IMAPSAddr)
		c.URL = "imaps://" + proxy.Addr
		change(&c)
		m := imap.New(c, newEar().hear, newMemory(), quiet, imap.WithRetry(50*time.Millisecond, time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if err := m.Run(ctx); !errors.Is(err, want) {
			t.Errorf("Run ends with %v, not with %v", err, want)
		}
		if took := time.Since(began); took < 750*time.Millisecond {
			t.Errorf("it gave up after %v", took)
		}
	}
}
