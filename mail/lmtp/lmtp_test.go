package lmtp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"crier/mail"
	"crier/mail/lmtp"
	"crier/mail/mailtest"
)

const letter = "From: Maria Keller <maria@example.org>\r\nTo: river@lets.test\r\nSubject: Eggs\r\n\r\npay luc 5 for eggs\r\n"

// taken is one mail that was handed over.
type taken struct {
	raw string
	env mail.Envelope
}

// ear hears, and knows what it heard.
type ear struct {
	mu    sync.Mutex
	mails []taken
	tries int
	fail  func() error // nil: it takes everything
}

func (e *ear) hear(_ context.Context, raw []byte, env mail.Envelope) error {
	e.mu.Lock()
	fail := e.fail
	e.tries++
	e.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mails = append(e.mails, taken{string(raw), env})
	return nil
}

func (e *ear) failing(fail func() error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = fail
}

func (e *ear) heard() []taken {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.mails)
}

func (e *ear) tried() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tries
}

// ours are the addresses at lets.test that begin with river.
func ours(address string) bool {
	return strings.HasPrefix(address, "river") && strings.HasSuffix(address, "@lets.test")
}

// serving runs a server on the loopback, and returns its address and how to
// stop it before the test's end.
func serving(t *testing.T, c lmtp.Config, hear lmtp.Hear) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	server := lmtp.New(c, hear, ours, slog.New(slog.NewTextHandler(t.Output(), nil)))
	go func() { ended <- server.Serve(ctx, l) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve ended with: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("Serve does not end with its context")
		}
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// talk says lines to a server and returns the code of the last line that it
// answers to each. "." ends a mail.
func talk(t *testing.T, address string, lines ...string) (codes []string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	answers := bufio.NewScanner(conn)
	next := func() {
		for answers.Scan() {
			if line := answers.Text(); len(line) > 3 && line[3] != '-' {
				code, _, _ := strings.Cut(line[4:], " ")
				if strings.Count(code, ".") == 2 {
					code = line[:3] + " " + code
				} else {
					code = line[:3]
				}
				codes = append(codes, code)
				return
			}
		}
		codes = append(codes, "end")
	}
	next()
	for _, line := range lines {
		if _, err := conn.Write([]byte(line + "\r\n")); err != nil {
			codes = append(codes, "end")
			return codes
		}
		next()
	}
	return codes
}

func TestWhatTheMailServerIsAnswered(t *testing.T) {
	e := &ear{}
	for name, c := range map[string]struct {
		fail  func() error
		lines []string
		codes string
	}{
		"a mail":                 {nil, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river+c.x@lets.test>", "DATA", letter + "."}, "220 250 250 2.0.0 250 2.0.0 354 250 2.0.0"},
		"a notification":         {nil, []string{"LHLO mx", "MAIL FROM:<>", "RCPT TO:<river@lets.test>", "DATA", letter + "."}, "220 250 250 2.0.0 250 2.0.0 354 250 2.0.0"},
		"an unknown recipient":   {nil, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<nobody@lets.test>"}, "220 250 250 2.0.0 550 5.1.1"},
		"it says it is large":    {nil, []string{"LHLO mx", "MAIL FROM:<a@example.org> SIZE=5000"}, "220 250 552 5.3.4"},
		"it is large":            {nil, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", strings.Repeat(letter, 100) + ".", "NOOP"}, "220 250 250 2.0.0 250 2.0.0 354 552 5.3.4 250 2.0.0"},
		"the database is down":   {func() error { return errors.New("down") }, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", letter + "."}, "220 250 250 2.0.0 250 2.0.0 354 451 4.3.0"},
		"a bug":                  {func() error { panic("index out of range") }, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", letter + ".", "NOOP"}, "220 250 250 2.0.0 250 2.0.0 354 451 4.3.0 250 2.0.0"},
		"no mail":                {func() error { return fmt.Errorf("read: %w", mail.ErrUnreadable) }, []string{"LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", "."}, "220 250 250 2.0.0 250 2.0.0 354 554 5.6.0"},
		"SMTP where LMTP is due": {nil, []string{"EHLO mx"}, "220 500 5.5.1"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := serving(t, lmtp.Config{MaxSize: 4000}, e.hear)
			e.failing(c.fail)
			if got := strings.Join(talk(t, address, c.lines...), " "); got != c.codes {
				t.Errorf("it was answered %s\nand not %s", got, c.codes)
			}
		})
	}
	if n := len(e.heard()); n != 2 {
		t.Errorf("%d mails were taken", n)
	}
}

func TestAMailToSeveralIsHandedOverOnceAndAnsweredForEach(t *testing.T) {
	e := &ear{}
	address, _ := serving(t, lmtp.Config{}, e.hear)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	to := []string{"river@lets.test", "river+2@lets.test", "RIVER@lets.test"}
	if err := client.Mail("maria@example.org", nil); err != nil {
		t.Fatal(err)
	}
	for _, recipient := range []string{to[0], to[1], to[0]} {
		if err := client.Rcpt(recipient, nil); err != nil {
			t.Fatal(err)
		}
	}
	data, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Write([]byte(letter)); err != nil {
		t.Fatal(err)
	}
	answers, err := data.CloseWithLMTPResponse()
	if err != nil || len(answers) != 2 {
		t.Errorf("the answers: %v, %v", answers, err)
	}
	want := mail.Envelope{Known: true, From: "maria@example.org", To: to[:2]}
	got := e.heard()
	if len(got) != 1 || got[0].raw != letter || got[0].env.From != want.From || !got[0].env.Known || !slices.Equal(got[0].env.To, want.To) {
		t.Errorf("handed over: %+v", got)
	}
}

func TestAMailThatIsCutOffIsNotTaken(t *testing.T) {
	e := &ear{}
	address, stop := serving(t, lmtp.Config{}, e.hear)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "LHLO mx\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<river@lets.test>\r\nDATA\r\n%s", letter)
	time.Sleep(100 * time.Millisecond)
	conn.Close()
	stop()
	if e.tried() > 0 {
		t.Error("half a mail was handed over")
	}
}

func TestTooManyConnectionsAreSentAway(t *testing.T) {
	address, _ := serving(t, lmtp.Config{MaxConns: 2}, (&ear{}).hear)
	for range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		greeting := make([]byte, 3)
		if _, err := conn.Read(greeting); err != nil || string(greeting) != "220" {
			t.Fatalf("greeted with %q, %v", greeting, err)
		}
	}
	if got := talk(t, address); got[0] != "421 4.3.2" {
		t.Errorf("the third is greeted with %s", got)
	}
}

func TestMemoryIsForFewMailsAtATime(t *testing.T) {
	e := &ear{}
	var mu sync.Mutex
	now, most := 0, 0
	e.failing(func() error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	})
	address, _ := serving(t, lmtp.Config{}, e.hear)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			talk(t, address, "LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", letter+".")
		})
	}
	all.Wait()
	if n := len(e.heard()); n != 12 || most > 4 {
		t.Errorf("%d mails were taken, %d at once", n, most)
	}
}

func TestWhatIsInHandIsDealtWithAtTheEnd(t *testing.T) {
	e, asked, answer := &ear{}, make(chan struct{}), make(chan struct{})
	e.failing(func() error {
		close(asked)
		<-answer
		return nil
	})
	address, stop := serving(t, lmtp.Config{}, e.hear)
	idle, err := net.Dial("tcp", address) // as mail servers keep them
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	codes := make(chan []string, 1)
	go func() {
		codes <- talk(t, address, "LHLO mx", "MAIL FROM:<a@example.org>", "RCPT TO:<river@lets.test>", "DATA", letter+".", "NOOP")
	}()
	<-asked
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	time.Sleep(100 * time.Millisecond)
	select {
	case <-stopped:
		t.Error("it did not wait")
	default:
	}
	close(answer)
	<-stopped
	if got := strings.Join(<-codes, " "); !strings.HasPrefix(got, "220 250 250 2.0.0 250 2.0.0 354 250 2.0.0 421 ") {
		t.Errorf("answered %s", got)
	}
}

func TestASocketThatAKilledProcessLeftIsNoObstacle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	c := lmtp.Config{Network: "unix", Addr: path}
	go func() { ended <- lmtp.New(c, (&ear{}).hear, ours, slog.New(slog.DiscardHandler)).Run(ctx) }()
	await(t, "the server", func() bool {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if err := lmtp.New(c, (&ear{}).hear, ours, slog.New(slog.DiscardHandler)).Run(ctx); err == nil {
		t.Error("a second one took the first one's socket")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	for says, c := range map[string]lmtp.Config{
		"absolute":            {Network: "unix", Addr: "socket"},
		"too long":            {Network: "unix", Addr: "/" + strings.Repeat("long", 30)},
		"within this machine": {Network: "tcp", Addr: "0.0.0.0:2424"},
		"unix or tcp":         {Network: "udp", Addr: "127.0.0.1:2424"},
		"below 0":             {Network: "tcp", Addr: "127.0.0.1:2424", MaxSize: -1},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Check says %v and not %q", err, says)
		}
	}
}

func TestPostfixHandsMailsOverAndTriesAgainWhatWasNotTaken(t *testing.T) {
	ca := mailtest.NewCA(t)
	dovecot := mailtest.StartDovecot(t, mailtest.DovecotOptions{CA: ca})
	dovecot.User("maria@members.test", "secret")
	e := &ear{}
	e.failing(func() error { return errors.New("the database is down") })

	// Over a socket, which Postfix enters as its own user.
	dir, err := os.MkdirTemp("/tmp", "crier-lmtp-") //nolint:usetesting // no other user may enter a test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lmtp")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	server := lmtp.New(lmtp.Config{Network: "unix", Addr: path}, e.hear, ours, slog.New(slog.DiscardHandler))
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	postfix := mailtest.StartPostfix(t, mailtest.PostfixOptions{
		Dovecot: dovecot, Domains: []string{"members.test"}, LMTP: map[string]string{"lets.test": path},
	})

	postfix.Send("maria@members.test", []string{"river@lets.test", "river+c.token@lets.test"}, letter)
	await(t, "two tries", func() bool { return e.tried() >= 2 })
	if n := postfix.Queued(); n != 1 {
		t.Errorf("Postfix keeps %d mails", n)
	}
	e.failing(nil)
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })
	await(t, "an empty queue", func() bool { return postfix.Queued() == 0 })
	got := e.heard()[0]
	slices.Sort(got.env.To)
	if got.env.From != "maria@members.test" || !slices.Equal(got.env.To, []string{"river+c.token@lets.test", "river@lets.test"}) || !strings.HasSuffix(got.raw, "pay luc 5 for eggs\r\n") {
		t.Errorf("it came as %+v", got)
	}

	// What is refused for good comes back to whom it is from.
	e.failing(func() error { return mail.ErrUnreadable })
	postfix.Send("maria@members.test", []string{"river@lets.test"}, letter)
	postfix.Send("maria@members.test", []string{"nobody@lets.test"}, letter)
	await(t, "two bounces", func() bool {
		var all bytes.Buffer
		for _, message := range dovecot.Messages("maria@members.test", "INBOX") {
			all.WriteString(message.Raw)
		}
		return strings.Contains(all.String(), "Status: 5.6.0") && strings.Contains(all.String(), "Status: 5.1.1")
	})

	// And over a restart nothing is lost.
	e.failing(func() error { return errors.New("the database is down") })
	for range 3 {
		postfix.Send("maria@members.test", []string{"river@lets.test"}, letter)
	}
	postfix.Restart()
	e.failing(nil)
	await(t, "the three mails", func() bool { return len(e.heard()) == 4 })
}

func TestOverSMTPWithTLS(t *testing.T) {
	ca, e := mailtest.NewCA(t), &ear{}
	config := ca.Client()
	served := config.Clone()
	served.Certificates = append(served.Certificates, ca.Certificate(t, "127.0.0.1"))
	address, stop := serving(t, lmtp.Config{SMTP: true, TLS: served}, e.hear)
	config.ServerName = "127.0.0.1"
	client, err := smtp.DialStartTLS(address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.SendMail("maria@example.org", []string{"river@lets.test"}, strings.NewReader(letter)); err != nil {
		t.Fatal(err)
	}
	if len(e.heard()) != 1 {
		t.Error("the mail was not taken")
	}
	stop() // with a connection that stays open
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
