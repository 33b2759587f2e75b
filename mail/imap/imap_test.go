package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	criermail "crier/mail"
	"crier/mail/imap"
	"crier/mail/mailtest"
)

const (
	river  = "river@lets.test"
	secret = "very secret"
)

// letter is a mail whose subject is its name, with a last line to see that it
// is whole.
func letter(name string, filling int) string {
	return "From: Maria Keller <maria@example.org>\r\nTo: River <" + river + ">\r\nSubject: " + name + "\r\nMessage-ID: <" + name + "@example.org>\r\n\r\n" +
		strings.Repeat("Eggs and bread, and what else there is.\r\n", filling) + lastLine
}

const lastLine = "That is all.\r\n"

// ear hears, and knows what it heard.
type ear struct {
	mu     sync.Mutex
	order  []string       // the names of what it took
	times  map[string]int // how often each was handed over
	sizes  map[string]int
	broken []string
	fail   func(name string) error // nil: it takes everything
}

func newEar() *ear { return &ear{times: map[string]int{}, sizes: map[string]int{}} }

func (e *ear) hear(_ context.Context, raw []byte, env criermail.Envelope) error {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return criermail.ErrUnreadable
	}
	name := m.Header.Get("Subject")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.times[name]++
	e.sizes[name] = len(raw)
	if !bytes.HasSuffix(raw, []byte(lastLine)) {
		e.broken = append(e.broken, name)
	}
	if env.Known {
		e.broken = append(e.broken, name+" has an envelope")
	}
	if e.fail != nil {
		if err := e.fail(name); err != nil {
			return err
		}
	}
	e.order = append(e.order, name)
	return nil
}

// failing has it fail from now on; nil: no more.
func (e *ear) failing(fail func(name string) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fail = fail
}

func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.order...)
}

func (e *ear) handedOver(name string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.times[name]
}

// memory is a cursor.
type memory struct {
	mu     sync.Mutex
	values map[string]string
}

func newMemory() *memory { return &memory{values: map[string]string{}} }

func (m *memory) Load(_ context.Context, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

func (m *memory) Save(_ context.Context, name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = value
	return nil
}

func (m *memory) all() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.values)
}

// startDovecot starts a server where the mailbox of River is.
func startDovecot(t *testing.T, o mailtest.DovecotOptions) *mailtest.Dovecot {
	t.Helper()
	dovecot := mailtest.StartDovecot(t, o)
	dovecot.User(river, secret)
	return dovecot
}

func config(dovecot *mailtest.Dovecot) imap.Config {
	return imap.Config{URL: "imaps://" + dovecot.IMAPSAddr, User: river, Password: secret, TLS: dovecot.CA.Client()}
}

// listening runs a mailbox, and returns how to stop it before the test's end.
func listening(t *testing.T, c imap.Config, hear imap.Hear, cursor imap.Cursor, options ...imap.Option) (stop func()) {
	t.Helper()
	options = append([]imap.Option{imap.WithRetry(10*time.Millisecond, 100*time.Millisecond)}, options...)
	m := imap.New(c, hear, cursor, slog.New(slog.NewTextHandler(logged{t}, nil)), options...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run ended with: %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("Run does not end with its context")
		}
	})
	t.Cleanup(stop)
	return stop
}

// logged writes a log as the test's.
type logged struct{ t *testing.T }

func (l logged) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(secret)) || bytes.Contains(b, []byte("Eggs")) {
		l.t.Error("the log tells a secret")
	}
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func subjects(messages []mailtest.Message) (names []string) {
	for _, message := range messages {
		m, err := mail.ReadMessage(strings.NewReader(message.Raw))
		if err != nil {
			names = append(names, "?")
			continue
		}
		names = append(names, m.Header.Get("Subject"))
	}
	return names
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	good := imap.Config{URL: "imaps://mail.example.org", User: river, Password: secret}
	if err := good.Check(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, c := range []struct {
		change func(*imap.Config)
		says   string
	}{
		{func(c *imap.Config) { c.URL = "mail.example.org" }, "imaps://"},
		{func(c *imap.Config) { c.URL = "pop3://mail.example.org" }, "imaps://"},
		{func(c *imap.Config) { c.URL = "imaps://me:pw@mail.example.org" }, "imaps://"},
		{func(c *imap.Config) { c.User = "" }, "user"},
		{func(c *imap.Config) { c.Password = "" }, "password"},
		{func(c *imap.Config) { c.Password = "a\r\nb" }, "one line"},
		{func(c *imap.Config) { c.MoveTo = "inbox" }, "moved"},
		{func(c *imap.Config) { c.MoveTo = "100%" }, "folder"},
		{func(c *imap.Config) { c.Poll = time.Hour }, "25m"},
		{func(c *imap.Config) { c.MaxSize = -1 }, "largest"},
	} {
		bad := good
		c.change(&bad)
		err := bad.Check()
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: Check says %v, which should name %q", bad.URL, err, c.says)
			continue
		}
		err = imap.New(bad, nil, newMemory(), quiet).Run(t.Context())
		if !errors.Is(err, imap.ErrConfig) {
			t.Errorf("Run goes on with it: %v", err)
		}
	}
}

var quiet = slog.New(slog.DiscardHandler)

func numbered(what string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%03d", what, i)
	}
	return names
}
