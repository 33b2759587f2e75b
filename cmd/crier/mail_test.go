package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/bottest"
	"crier/mail/mailtest"
)

// postOffice is a Postfix and a Dovecot with the mailboxes of some members and
// of Crier, and a crier that uses them.
type postOffice struct {
	t       *testing.T
	dovecot *mailtest.Dovecot
	postfix *mailtest.Postfix
	config  string
	env     func(string) string
	count   atomic.Int64 // of the mails that members have written
}

const riverMailbox = "river@lets.test"

// newPostOffice founds Riverbank with members who have mailboxes. The options
// change how Crier reaches the servers.
func newPostOffice(t *testing.T, members []string, byLMTP bool, way func(p *postOffice) (imap, smtp string)) *postOffice {
	t.Helper()
	p := &postOffice{t: t}
	database := newFile(t)
	crier(t, "community", "new", "riverbank", "--name", "Riverbank LETS", "--unit", "acorn/acorns", "--limit", "-50",
		"--threshold", "100", "--timezone", "Europe/Brussels", "--database", database)
	ca := mailtest.NewCA(t)
	p.dovecot = mailtest.StartDovecot(t, mailtest.DovecotOptions{CA: ca})
	p.dovecot.User(riverMailbox, "secret of the river")
	for i, name := range members {
		p.dovecot.User(mailboxOf(name), "pw")
		crier(t, "member", "add", "riverbank", name+" Martin", "--number", fmt.Sprint(i+1), "--email", mailboxOf(name), "--database", database)
	}
	options := mailtest.PostfixOptions{CA: ca, Dovecot: p.dovecot, Domains: []string{"lets.test"}}
	lmtp := ""
	if byLMTP {
		lmtp = bottest.FreeAddress(t)
		options.LMTP = map[string]string{riverMailbox: lmtp}
	}
	p.postfix = mailtest.StartPostfix(t, options)
	imap, smtp := way(p)
	p.config = write(t, "crier.toml", fmt.Sprintf(`
database = %q
listen = "127.0.0.1:0"
[log]
format = "json"
level = "debug"
[[mail]]
community = "riverbank"
address = %q
detail = "+"
imap = %q
smtp = %q
ca_file = %q
[lmtp]
listen = %q
`, database, riverMailbox, imap, smtp, write(t, "ca.pem", string(ca.PEM())), lmtp))
	p.env = environment("CRIER_MAIL_PASSWORD=secret of the river")
	return p
}

func mailboxOf(name string) string { return strings.ToLower(name) + "@lets.test" }

// direct has Crier reach the servers without anything in between.
func direct(p *postOffice) (imap, smtp string) {
	return "imaps://" + p.dovecot.IMAPSAddr, "smtp://" + p.postfix.Addr
}

// read is a letter as a mail program shows it.
type readLetter struct {
	netmail.Header
	id, text string
}

// letters are those in a member's mailbox, each Message-ID once, oldest first.
func (p *postOffice) letters(name string) (all []readLetter) {
	p.t.Helper()
	for _, m := range p.dovecot.Messages(mailboxOf(name), "INBOX") {
		parsed, err := netmail.ReadMessage(strings.NewReader(m.Raw))
		if err != nil {
			p.t.Fatalf("a letter that is no mail: %v\n%s", err, m.Raw)
		}
		l := readLetter{Header: parsed.Header, id: parsed.Header.Get("Message-Id"), text: plainPart(p.t, parsed)}
		if !slices.ContainsFunc(all, func(o readLetter) bool { return o.id == l.id }) {
			all = append(all, l)
		}
	}
	return all
}

// plainPart is the text/plain part of a letter of ours.
func plainPart(t *testing.T, m *netmail.Message) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("a letter of type %q (%v)", kind, err)
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextRawPart()
	if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("the first part of a letter: %v %v", part, err)
	}
	var body io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(part)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// wait waits until a member has n letters, and returns the last.
func (p *postOffice) wait(name string, n int) (readLetter, error) {
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if all := p.letters(name); len(all) >= n {
			return all[len(all)-1], nil
		}
	}
	return readLetter{}, fmt.Errorf("%s waits in vain for letter %d", name, n)
}

// write sends a new mail of a member's, answer one on top of a letter, as mail
// programs do.
func (p *postOffice) write(name, text string) error {
	return p.send(name, riverMailbox, "Subject: eggs\r\n", text)
}

func (p *postOffice) answer(name string, l readLetter, text string) error {
	to, err := netmail.ParseAddress(l.Get("Reply-To"))
	if err != nil {
		return fmt.Errorf("Reply-To: %w", err)
	}
	quoted := "> " + strings.ReplaceAll(strings.TrimSpace(l.text), "\n", "\r\n> ")
	return p.send(name, to.Address, fmt.Sprintf("Subject: Re: eggs\r\nIn-Reply-To: %[1]s\r\nReferences: %[2]s %[1]s\r\n", l.id, l.Get("References")),
		text+"\r\n\r\nOn Wed, 25 Nov 2026 at 10:12, Riverbank LETS <"+riverMailbox+"> wrote:\r\n\r\n"+quoted+"\r\n\r\n-- \r\n"+name+" Martin\r\n1 Mill Lane\r\n+32 470 00 00 07\r\n")
}

func (p *postOffice) send(name, to, fields, text string) error {
	n := p.count.Add(1)
	at := time.Now().Add(-time.Duration(n) * time.Second) // each another second
	raw := fmt.Sprintf("From: %s Martin <%s>\r\nTo: <%s>\r\nDate: %s\r\nMessage-ID: <%d@lets.test>\r\n%sContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
		name, mailboxOf(name), to, at.Format(time.RFC1123Z), n, fields, text)
	return p.postfix.TrySend(mailboxOf(name), []string{to}, raw)
}

// must is for what one member does alone.
func (p *postOffice) must(l readLetter, err error) readLetter {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

// TestMail has two members trade by mail alone, over real servers: by IMAP and
// by LMTP, with the servers restarted in the middle.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, byLMTP := range []bool{false, true} {
		name := map[bool]string{false: "imap", true: "lmtp"}[byLMTP]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := direct
			if byLMTP {
				way = func(p *postOffice) (imap, smtp string) { return "", "smtps://" + p.postfix.SMTPSAddr }
			}
			p := newPostOffice(t, []string{"Luc", "Maria"}, byLMTP, way)
			_, log, stop := start(t, p.env, "serve", "--config", p.config)
			web, _ := started(t, log)
			defer func() {
				if t.Failed() {
					t.Logf("log of crier:\n%s\nlog of Postfix:\n%s", log, p.postfix.Log())
				}
			}()

			// Nobody vouches for Luc's address here, so he is asked whether it was him.
			if err := p.write("Luc", "Hello,\r\n\r\npay maria 5 for eggs\r\n\r\nThanks\r\nLuc"); err != nil {
				t.Fatal(err)
			}
			held := p.must(p.wait("Luc", 1))
			has(t, held.text, `Is this from you: "`, "pay maria 5 for eggs")
			if held.Get("In-Reply-To") != "<1@lets.test>" || held.Get("Subject") != "Re: eggs" || held.Get("Auto-Submitted") != "auto-replied" {
				t.Errorf("the answer stands in no thread: %v", held.Header)
			}

			// The servers go away in the middle, and come back.
			p.postfix.Restart()
			p.dovecot.Restart()
			if err := p.answer("Luc", held, "Yes"); err != nil {
				t.Fatal(err)
			}
			done := p.must(p.wait("Luc", 2))
			has(t, done.text, "Done, receipt", "you gave Maria Martin 5 acorns (eggs)")
			if done.Get("In-Reply-To") != "<2@lets.test>" || !strings.Contains(done.Get("References"), "<1@lets.test>") || !strings.Contains(done.Get("References"), held.id) {
				t.Errorf("the receipt stands in no thread: %v", done.Header)
			}
			notice := p.must(p.wait("Maria", 1))
			has(t, notice.text, "Luc Martin gave you 5 acorns")
			if notice.Get("In-Reply-To") != "" || notice.Get("Auto-Submitted") != "auto-generated" {
				t.Errorf("the notice pretends to answer something: %v", notice.Header)
			}

			// Maria asks, Luc answers the question itself: its token is enough.
			if err := p.answer("Maria", notice, "luc owes me 3 for jam"); err != nil {
				t.Fatal(err)
			}
			if err := p.answer("Maria", p.must(p.wait("Maria", 2)), "yes that was me"); err != nil {
				t.Fatal(err)
			}
			request := p.must(p.wait("Luc", 3))
			has(t, request.text, `Maria Martin asks you for 3 acorns for "jam"`)
			if err := p.answer("Luc", request, "yes"); err != nil {
				t.Fatal(err)
			}
			has(t, p.must(p.wait("Luc", 4)).text, "you gave Maria Martin 3 acorns (jam)")
			if !byLMTP {
				untilMetric(t, web, `crier_mailbox_up{mailbox="river@lets.test"} 1`)
			}
			// The token is spent: the same yes once more changes nothing.
			if err := p.answer("Luc", request, "yes!"); err != nil {
				t.Fatal(err)
			}
			p.must(p.wait("Luc", 5))
			p.must(p.wait("Maria", 4))

			// What is nobody's is refused, or comes back; what a machine writes is not answered.
			bounced := p.send("Luc", "river+nobody@lets.test", "Subject: x\r\n", "balance")
			if byLMTP && bounced == nil { // Postfix took it, and brings it back
				has(t, returned(t, p), "550")
			}
			if err := p.send("Luc", riverMailbox, "Auto-Submitted: auto-replied\r\nSubject: away\r\n", "I am away, pay maria 9"); err != nil {
				t.Fatal(err)
			}
			log.line(t, `"kind":"auto"`)
			stop()
			list := crier(t, "member", "list", "riverbank", "--config", p.config)
			has(t, list, "-8 acorns", "8 acorns")
			has(t, crier(t, "ledger", "verify", "--config", p.config), "right. 2 transfers")
			has(t, log.String(), `"trust":"claimed"`, `"trust":"token"`, `"why":"no signature"`)
			hasNot(t, log.String(), "secret of the river", "eggs", "luc@lets.test", `"level":"ERROR"`)
		})
	}
}

// returned waits for the report in Luc's mailbox that a mail did not arrive.
func returned(t *testing.T, p *postOffice) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, m := range p.dovecot.Messages(mailboxOf("Luc"), "INBOX") {
			if strings.Contains(m.Raw, "delivery-status") {
				return m.Raw
			}
		}
	}
	t.Fatal("nothing came back")
	return ""
}

// TestMailCut cuts Crier's connections to both servers a hundred times at
// random, while members pay each other. Nothing is lost, and nothing is done
// twice.
func TestMailCut(t *testing.T) {
	t.Parallel()
	const cuts, payments = 100, 3
	members := []string{"Adela", "Bruno", "Carla", "Dmitri", "Esther", "Farid", "Gudrun", "Hamza"}
	var proxies []*mailtest.Proxy
	p := newPostOffice(t, members, false, func(p *postOffice) (imap, smtp string) {
		proxies = []*mailtest.Proxy{mailtest.StartProxy(t, p.dovecot.IMAPSAddr), mailtest.StartProxy(t, p.postfix.SMTPSAddr)}
		return "imaps://" + proxies[0].Addr, "smtps://" + proxies[1].Addr
	})
	_, log, stop := start(t, p.env, "serve", "--config", p.config)
	started(t, log)
	defer func() {
		if t.Failed() {
			for _, m := range p.dovecot.Messages(riverMailbox, "INBOX") {
				parsed, _ := netmail.ReadMessage(strings.NewReader(m.Raw))
				t.Log(parsed.Header.Get("Message-Id"), parsed.Header.Get("From"), m.Seen)
			}
			t.Logf("log of crier:\n%s", log)
		}
	}()

	var g, cutting sync.WaitGroup
	cutting.Go(func() {
		for done := 0; done < cuts; {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			proxy := proxies[rand.IntN(len(proxies))]
			if rand.IntN(2) == 0 { // in the middle of what comes next, if anything does
				before := proxy.Passed()
				proxy.CutAfter(rand.Int64N(6000))
				time.Sleep(50 * time.Millisecond)
				proxy.CutAfter(-1)
				if proxy.Passed() != before {
					done++
				}
				continue
			}
			done += proxy.CutAll()
		}
	})
	failed := make(chan error, len(members))
	for i, name := range members {
		payee := members[(i+1)%len(members)]
		g.Go(func() {
			failed <- func() error {
				for n := range payments { // of another amount each: the same twice is asked about
					if err := p.write(name, fmt.Sprintf("pay %s %d for bread", payee, n+1)); err != nil {
						return err
					}
					held, err := p.waitFor(name, "Is this from you", n+1)
					if err != nil {
						return err
					}
					if err := p.answer(name, held, "yes"); err != nil {
						return err
					}
					if _, err := p.waitFor(name, "Done, receipt", n+1); err != nil {
						return err
					}
				}
				_, err := p.waitFor(name, "Martin gave you ", payments)
				return err
			}()
		})
	}
	g.Wait()
	cutting.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	stop()
	for _, name := range members {
		count := map[string]int{}
		for _, l := range p.letters(name) {
			for _, kind := range []string{"Is this from you", "Done, receipt", "Martin gave you "} {
				if strings.Contains(l.text, kind) {
					count[kind]++
					break
				}
			}
		}
		for kind, n := range count {
			if n != payments {
				t.Errorf("%s has %d letters %q, want %d", name, n, kind, payments)
			}
		}
	}
	has(t, crier(t, "ledger", "verify", "--config", p.config), fmt.Sprintf("right. %d transfers", payments*len(members)))
}

// waitFor waits until a member has n letters with a text in them, and returns
// the last.
func (p *postOffice) waitFor(name, text string, n int) (readLetter, error) {
	for end := time.Now().Add(4 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var some []readLetter
		for _, l := range p.letters(name) {
			if strings.Contains(l.text, text) {
				some = append(some, l)
			}
		}
		if len(some) >= n {
			return some[len(some)-1], nil
		}
	}
	return readLetter{}, fmt.Errorf("%s waits in vain for %d letters %q", name, n, text)
}
