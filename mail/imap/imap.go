// Package imap is how mails come in from an ordinary mailbox, at any provider:
// it logs in as a mail program would, waits there, and hands each new mail over.
//
// A mail is marked or moved only after it was taken durably, so a mail may be
// handed over twice, and never not at all. What was dealt with is told by the
// UIDs of the mailbox and a Cursor, never by \Seen: a person may look into the
// mailbox too.
//
// The files: run.go is the loop and decides what happens to a mail, session.go
// and login.go are all that speak to a server, position.go is what the Cursor
// keeps, probe.go tries a configuration.
package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"crier/mail"
)

// The errors that only the operator can mend, and that end Run.
var (
	ErrConfig = errors.New("the mailbox is not configured right")
	ErrLogin  = errors.New("the mail server refuses the login: check user and password. Many providers want an app password, made in their settings")
)

// Config is one mailbox.
type Config struct {
	// URL is the server: "imaps://mail.example.org" speaks TLS from the start,
	// "imap://mail.example.org" asks for it with STARTTLS and goes no further
	// without, but for a server on this machine that does not offer it. The
	// ports are 993 and 143 where it names none.
	URL string

	// User and Password are the login. Password is a secret: no log line and no
	// error of this package holds it.
	User, Password string

	// Token, where it is set, returns an access token to log in with instead of
	// Password, for providers that want OAuth (XOAUTH2, or else OAUTHBEARER).
	Token func(ctx context.Context) (string, error)

	TLS *tls.Config // nil: the certificates that this machine trusts

	Mailbox  string // the folder to hear; "": INBOX
	MoveTo   string // the folder for mails that were dealt with; "": they stay, marked as read
	Problems string // the folder for mails that cannot be dealt with; "": "Crier problems"

	// Poll is how often to look for new mails, at most 25 minutes; 0: 5 minutes.
	// A server that offers IDLE tells of them at once, and is asked all the same.
	Poll time.Duration

	// MaxSize is how much of a mail is read, in bytes; 0: mail.MaxSize. Of a
	// longer one the first MaxSize+1 bytes are handed over, so that whoever
	// reads them sees that there was more.
	MaxSize int64
}

// pollMax keeps the connection alive: servers may hang up after 30 minutes
// without a command. Source: RFC 9051, section 5.4.
const pollMax = 25 * time.Minute

// Check says what is wrong with a configuration, in words for the operator.
// Run and Probe begin with it.
func (c Config) Check() error {
	c = c.filled()
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || (u.Scheme != "imaps" && u.Scheme != "imap") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("the address of the mail server must be like imaps://mail.example.org")
	}
	if c.User == "" {
		return errors.New("the user of the mailbox is missing: mostly it is the whole mail address")
	}
	if c.Password == "" && c.Token == nil {
		return errors.New("the password of the mailbox is missing")
	}
	if strings.ContainsAny(c.User+c.Password, "\x00\x01\r\n") {
		return errors.New("user and password must be on one line")
	}
	for _, folder := range []string{c.Mailbox, c.MoveTo, c.Problems} {
		if strings.ContainsAny(folder, "\x00\r\n*%") {
			return fmt.Errorf("a folder cannot have the name %q", folder)
		}
	}
	if sameFolder(c.MoveTo, c.Mailbox) || sameFolder(c.Problems, c.Mailbox) {
		return errors.New("mails cannot be moved to the folder that they are read from")
	}
	if c.Poll < time.Second || c.Poll > pollMax {
		return fmt.Errorf("the time between looks at the mailbox must be between 1s and %v", pollMax)
	}
	if c.MaxSize < 0 {
		return errors.New("the largest mail cannot be smaller than nothing")
	}
	return nil
}

func (c Config) filled() Config {
	if c.Mailbox == "" {
		c.Mailbox = "INBOX"
	}
	if c.Problems == "" {
		c.Problems = "Crier problems"
	}
	if c.Poll == 0 {
		c.Poll = 5 * time.Minute
	}
	if c.MaxSize == 0 {
		c.MaxSize = mail.MaxSize
	}
	return c
}

// sameFolder compares names. Source: RFC 9051, section 5.1: only INBOX is the
// same in capitals.
func sameFolder(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}

// server is what a checked URL says.
func (c Config) server() (host, port string, implicitTLS bool) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", "", true // Check was not heeded; nothing can be dialled
	}
	implicitTLS, port = u.Scheme == "imaps", u.Port()
	switch {
	case port != "":
	case implicitTLS:
		port = "993"
	default:
		port = "143"
	}
	return u.Hostname(), port, implicitTLS
}

// onThisMachine tells names of the loopback.
func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Hear takes one mail. Nil says that it is kept durably, and only then it is
// marked or moved. With an error it comes again, until it is poison: it failed
// three times, and either it is the mail's own fault (mail.ErrUnreadable, or a
// panic) or Hear works for others. A poison mail goes to the folder Problems.
//
// The envelope is not known here; what the headers tell of it is for Hear.
type Hear func(ctx context.Context, raw []byte, env mail.Envelope) error

// Cursor keeps, durably, where a mailbox was heard up to. Load returns "" for a
// name that was never saved.
type Cursor interface {
	Load(ctx context.Context, name string) (string, error)
	Save(ctx context.Context, name, value string) error
}

// Mailbox hears one mailbox.
type Mailbox struct {
	config   Config
	name     string // of the cursor
	hear     Hear
	cursor   Cursor
	log      *slog.Logger
	now      func() time.Time
	retryMin time.Duration
	retryMax time.Duration
	patience time.Duration
	turns    chan struct{} // nil: there is always room
	told     func(up bool)

	// What Run knows; nobody else touches it.
	position position
	saved    position          // what the cursor holds
	heard    map[imap.UID]bool // taken, and above position
	unmarked []imap.UID        // taken, and not yet marked or moved
	failures map[imap.UID]int  // how often Hear failed for a mail, in a row
	taking   *backoff          // paces what Hear fails for
}

// Option changes a Mailbox that New makes.
type Option func(*Mailbox)

// WithClock takes the day, which says what mails are recent, from now. Waits
// keep to the machine's clock.
func WithClock(now func() time.Time) Option { return func(m *Mailbox) { m.now = now } }

// WithRetry waits between least and most before trying again what failed. The
// default is 1 second to 5 minutes.
func WithRetry(least, most time.Duration) Option {
	return func(m *Mailbox) { m.retryMin, m.retryMax = least, most }
}

// WithTurns takes a place in turns for as long as a mail is in memory, so that
// several mailboxes have only so many there together.
func WithTurns(turns chan struct{}) Option { return func(m *Mailbox) { m.turns = turns } }

// WithState tells how the mailbox does, for the figures of the operator: up
// after each look at it, and not when it cannot be read.
func WithState(told func(up bool)) Option { return func(m *Mailbox) { m.told = told } }

// New makes a Mailbox. It does not connect yet. At most one process may Run the
// same mailbox at a time.
func New(c Config, hear Hear, cursor Cursor, log *slog.Logger, options ...Option) *Mailbox {
	c = c.filled()
	host, port, _ := c.server()
	m := &Mailbox{
		config:   c,
		name:     "imap " + c.User + "@" + net.JoinHostPort(host, port) + " " + c.Mailbox,
		hear:     hear,
		cursor:   cursor,
		log:      log.With("channel", mail.Channel, "server", host),
		now:      time.Now,
		retryMin: time.Second,
		retryMax: time.Minute,
		told:     func(bool) {},
		patience: time.Minute,
		heard:    make(map[imap.UID]bool),
		failures: make(map[imap.UID]int),
	}
	for _, option := range options {
		option(m)
	}
	return m
}
