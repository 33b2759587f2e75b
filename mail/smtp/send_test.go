package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/emersion/go-smtp"

	"crier/conversation"
	"crier/mail"
	"crier/mail/smtp"
	"crier/mail/smtp/smtptest"
)

var silent = slog.New(slog.DiscardHandler)

func configFor(s *smtptest.Server, scheme string) smtp.Config {
	return smtp.Config{URL: scheme + "://" + s.Addr, TLS: &tls.Config{RootCAs: s.Roots}, Hostname: "crier.example.org"}
}

func newClient(t testing.TB, c smtp.Config) *smtp.Client {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	client := smtp.New(c, silent)
	t.Cleanup(client.Close)
	return client
}

// soon is a context that ends before the test does.
func soon(t testing.TB, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), after)
	t.Cleanup(cancel)
	return ctx
}

func letter(n int) mail.Letter {
	return mail.Letter{
		From: fmt.Sprintf("river+b.%d@example.org", n), To: fmt.Sprintf("m%d@example.net", n), MessageID: fmt.Sprintf("c.%d@example.org", n),
		Data: fmt.Appendf(nil, "Subject: %d\r\n\r\n.a line with a dot\r\n.\r\nend\r\n", n),
	}
}

func send(t *testing.T, c *smtp.Client, n int) {
	t.Helper()
	if err := c.Send(soon(t, 10*time.Second), letter(n)); err != nil {
		t.Fatalf("letter %d: %v", n, err)
	}
}

func TestALetterArrivesAsItIs(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	send(t, newClient(t, configFor(server, "smtp")), 7)
	got, want := server.Mails(), letter(7)
	if len(got) != 1 || got[0].From != want.From || got[0].To != want.To || string(got[0].Data) != string(want.Data) {
		t.Errorf("%+v", got)
	}
}

func TestWhatAnswersMean(t *testing.T) {
	type meaning = conversation.SendError
	const minute = time.Minute
	enhanced := func(a, b, c int) wire.EnhancedCode { return wire.EnhancedCode{a, b, c} }
	for _, c := range []struct {
		stage    string
		code     int
		enhanced wire.EnhancedCode
		text     string
		want     meaning
	}{
		// The address.
		{"rcpt", 550, enhanced(5, 1, 1), "<m1@example.net>: Recipient address rejected: User unknown in virtual mailbox table", meaning{Final: true, Bounced: true}},
		{"rcpt", 550, wire.EnhancedCode{}, "User unknown", meaning{Final: true, Bounced: true}},
		{"rcpt", 550, wire.EnhancedCode{}, "No such user here", meaning{Final: true, Bounced: true}},
		{"rcpt", 551, enhanced(5, 1, 6), "Mailbox has moved", meaning{Final: true, Bounced: true}},
		{"rcpt", 553, enhanced(5, 1, 3), "Bad address syntax", meaning{Final: true, Bounced: true}},
		{"rcpt", 550, enhanced(5, 1, 2), "Host or domain name not found", meaning{Final: true, Bounced: true}},
		{"rcpt", 556, enhanced(5, 1, 10), "Domain takes no mail", meaning{Final: true, Bounced: true}},
		// A refusal that says nothing about the address.
		{"rcpt", 550, wire.EnhancedCode{}, "Requested action not taken: mailbox unavailable", meaning{Final: true}},
		{"rcpt", 550, enhanced(5, 7, 1), "User unknown to the policy", meaning{Final: true}},
		{"rcpt", 552, enhanced(5, 2, 2), "Mailbox full", meaning{Final: true}},
		{"rcpt", 554, enhanced(5, 7, 1), "Blocked", meaning{Final: true}},
		{"rcpt", 501, wire.EnhancedCode{}, "Syntax error", meaning{Final: true}},
		{"data", 550, enhanced(5, 1, 1), "User unknown", meaning{Final: true}},
		{"data", 552, enhanced(5, 3, 4), "Message too big", meaning{Final: true}},
		{"data", 554, enhanced(5, 7, 1), "Spam", meaning{Final: true}},
		// Later.
		{"mail", 451, enhanced(4, 3, 0), "Local error", meaning{RetryAfter: 5 * minute}},
		{"rcpt", 450, enhanced(4, 2, 0), "Greylisted", meaning{RetryAfter: 5 * minute}},
		{"rcpt", 451, enhanced(4, 7, 1), "Greylisted", meaning{RetryAfter: 5 * minute}},
		{"rcpt", 421, enhanced(4, 7, 0), "Too many", meaning{RetryAfter: 5 * minute}},
		{"rcpt", 452, enhanced(4, 2, 2), "Mailbox full", meaning{}},
		{"data", 452, enhanced(4, 3, 1), "Disk full", meaning{}},
		{"data", 421, wire.EnhancedCode{}, "Shutting down", meaning{RetryAfter: 5 * minute}},
		// Ourselves: nobody's mail fails for it.
		{"mail", 550, enhanced(5, 7, 1), "Sender not allowed", meaning{RetryAfter: 10 * minute, Everybody: true}},
		{"mail", 530, enhanced(5, 7, 0), "Authentication required", meaning{RetryAfter: 10 * minute, Everybody: true}},
		{"rcpt", 530, enhanced(5, 7, 0), "Authentication required", meaning{RetryAfter: 10 * minute, Everybody: true}},
		{"rcpt", 553, enhanced(5, 7, 1), "<river@example.org>: Sender address rejected: not owned by user", meaning{RetryAfter: 10 * minute}},
		{"rcpt", 554, enhanced(5, 7, 1), "<m1@example.net>: Relay access denied", meaning{RetryAfter: 10 * minute}},
		{"rcpt", 550, enhanced(5, 1, 8), "Sender's domain does not exist", meaning{RetryAfter: 10 * minute}},
	} {
		t.Run(fmt.Sprintf("%s %d %v", c.stage, c.code, c.enhanced), func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{})
			client := newClient(t, configFor(server, "smtp"))
			server.Script(c.stage, smtptest.Answer{Code: c.code, Enhanced: c.enhanced, Text: c.text + strings.Repeat(" m1@example.net", 100)})
			err := client.Send(soon(t, 10*time.Second), letter(1))
			var got *meaning
			if !errors.As(err, &got) {
				t.Fatalf("%v is no SendError", err)
			}
			if strings.Contains(err.Error(), "@") || len(err.Error()) > 500 || !strings.Contains(err.Error(), fmt.Sprint(c.code)) {
				t.Errorf("for a log this is not: %v", err)
			}
			bare := *got
			bare.Err = nil
			if bare != c.want {
				t.Errorf("%v: %+v, want %+v", err, bare, c.want)
			}
			send(t, client, 2) // the next one is not disturbed
			if got := server.Mails(); len(got) != 1 || got[0].To != letter(2).To {
				t.Errorf("the server has %+v", got)
			}
			if code := c.code; server.Connections() != 1 && code != 421 {
				t.Errorf("%d connections for a refusal and a letter", server.Connections())
			}
		})
	}
}

func TestTroubleIsNoRefusal(t *testing.T) {
	for _, stage := range []string{"mail", "rcpt", "data"} {
		server := smtptest.Start(t, smtptest.Options{})
		client := newClient(t, configFor(server, "smtp"))
		server.Script(stage, smtptest.Answer{HangUp: true, Take: stage == "data"})
		err := client.Send(soon(t, 10*time.Second), letter(1))
		var said *conversation.SendError
		if err == nil || errors.As(err, &said) {
			t.Errorf("%s: %v", stage, err)
		}
		send(t, client, 1)
		// After the last dot nobody knows: it was taken, and comes again as it was.
		if n := server.Count(); stage == "data" && n != 2 || stage != "data" && n != 1 {
			t.Errorf("%s: %d mails", stage, n)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	var said *conversation.SendError
	err = newClient(t, smtp.Config{URL: "smtp://" + listener.Addr().String()}).Send(soon(t, 10*time.Second), letter(1))
	if err == nil || errors.As(err, &said) || !strings.Contains(err.Error(), "connect") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	client := newClient(t, configFor(server, "smtp"))
	for n := range 100 {
		send(t, client, n)
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("%d connections for 100 mails, want 1", n)
	}
	send(t, client, 100)
	if n := server.Connections(); n != 2 {
		t.Errorf("%d connections for 101 mails, want 2", n)
	}
}

func TestAKeptConnectionThatBrokeIsReplaced(t *testing.T) {
	for name, breakIt := range map[string]func(*smtptest.Server){
		"closed by the server":            func(s *smtptest.Server) { s.HangUp() },
		"closed at the next command":      func(s *smtptest.Server) { s.Script("mail", smtptest.Answer{HangUp: true}) },
		"closed with words":               func(s *smtptest.Server) { s.Script("mail", smtptest.Answer{Code: 421, Text: "timeout"}) },
		"closed when the recipient comes": func(s *smtptest.Server) { s.Script("rcpt", smtptest.Answer{HangUp: true}) },
	} {
		server := smtptest.Start(t, smtptest.Options{})
		client := newClient(t, configFor(server, "smtp"))
		send(t, client, 1)
		breakIt(server)
		send(t, client, 2)
		if mails, conns := server.Count(), server.Connections(); mails != 2 || conns != 2 {
			t.Errorf("%s: %d mails on %d connections, want 2 and 2", name, mails, conns)
		}
	}
	// A text that may have been taken is not sent a second time at once.
	server := smtptest.Start(t, smtptest.Options{})
	client := newClient(t, configFor(server, "smtp"))
	send(t, client, 1)
	server.Script("data", smtptest.Answer{HangUp: true, Take: true})
	if err := client.Send(soon(t, 10*time.Second), letter(2)); err == nil || server.Count() != 2 {
		t.Errorf("%v, %d mails", err, server.Count())
	}
}

func TestALetterWaitsNoLongerThanItMay(t *testing.T) {
	for _, stage := range []string{"mail", "rcpt", "data", "auth"} {
		server := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"PLAIN"}, User: "river", Secret: "secret"})
		server.Script(stage, smtptest.Answer{Hang: true})
		c := configFor(server, "smtp")
		c.User, c.Password, c.Connections = "river", "secret", 1
		client := newClient(t, c)
		start := time.Now()
		err := client.Send(soon(t, 100*time.Millisecond), letter(1))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %v after %v", stage, err, time.Since(start))
		}
		send(t, client, 2)
	}
	// Nor does one that waits for a connection, or for a server that does not greet.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, scheme := range []string{"smtp", "smtps"} {
		client := newClient(t, smtp.Config{URL: scheme + "://" + listener.Addr().String(), Connections: 1})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := client.Send(soon(t, 100*time.Millisecond), letter(1)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", scheme, err)
				}
			})
		}
		all.Wait()
	}
}

func TestSomeLettersGoAtATime(t *testing.T) {
	const mails, connections = 60, 3
	server := smtptest.Start(t, smtptest.Options{})
	c := configFor(server, "smtp")
	c.Connections = connections
	client := newClient(t, c)
	var all sync.WaitGroup
	for n := range mails {
		all.Go(func() {
			if err := client.Send(soon(t, 20*time.Second), letter(n)); err != nil {
				t.Errorf("letter %d: %v", n, err)
			}
		})
	}
	all.Wait()
	seen := make(map[string]string)
	for _, m := range server.Mails() {
		seen[m.To] = m.From
	}
	for n := range mails {
		if l := letter(n); seen[l.To] != l.From {
			t.Errorf("letter %d came from %q", n, seen[l.To])
		}
	}
	if n := server.Connections(); n > connections {
		t.Errorf("%d connections, want at most %d", n, connections)
	}
	if server.Count() != mails || server.AtATime() > connections {
		t.Errorf("%d mails, %d at a time", server.Count(), server.AtATime())
	}
}

func TestAClosedClientSendsNothing(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	client := newClient(t, configFor(server, "smtp"))
	send(t, client, 1)
	client.Close()
	if err := client.Send(t.Context(), letter(2)); err == nil || server.Count() != 1 {
		t.Errorf("%v, %d mails", err, server.Count())
	}
}
