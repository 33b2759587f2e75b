// Package smtptest is a mail server for tests: it takes mail on loopback, keeps
// it, and answers or hangs up as it is told.
package smtptest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one that the server took.
type Mail struct {
	From, To string
	Data     []byte
	Login    string // how the client had logged in: "PLAIN river secret", or ""
	TLS      bool
}

// Answer is one that the server was told to give.
type Answer struct {
	Code     int
	Enhanced smtp.EnhancedCode // zero: the answer has none
	Text     string
	HangUp   bool // close the connection in place of an answer
	Hang     bool // say nothing until the server closes
	Take     bool // at "data": keep the mail before that
}

// Options say what the server offers.
type Options struct {
	TLS        bool     // STARTTLS
	Implicit   bool     // TLS from the first byte
	Mechanisms []string // for the login: "PLAIN", "LOGIN", "XOAUTH2"
	User       string
	Secret     string // the password, or the token
	Forget     bool   // only count mails
}

// Server is a mail server.
type Server struct {
	Addr  string         // "127.0.0.1:2525"
	Roots *x509.CertPool // who vouches for its certificate

	options Options
	closed  chan struct{}

	mu      sync.Mutex
	mails   []Mail
	count   int
	conns   []net.Conn
	script  map[string][]Answer
	at, top int // mails in work, and how many there were at a time
}

// Start starts a server, which ends with the test.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s := &Server{options: options, closed: make(chan struct{}), script: make(map[string][]Answer)}
	https := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1 and example.com
	s.Roots = x509.NewCertPool()
	s.Roots.AddCert(https.Certificate())
	config := &tls.Config{Certificates: https.TLS.Certificates}
	https.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	server.Domain = "mail.example.org"
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	if options.TLS {
		server.TLSConfig = config
	}
	listener = &tracker{listener, s}
	if options.Implicit {
		listener = tls.NewListener(listener, config)
	}
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(func() {
		close(s.closed)
		_ = server.Close()
		s.HangUp()
	})
	return s
}

// tracker knows the connections of a listener.
type tracker struct {
	net.Listener
	server *Server
}

func (t *tracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err == nil {
		t.server.mu.Lock()
		t.server.conns = append(t.server.conns, conn)
		t.server.mu.Unlock()
	}
	return conn, err
}

// Mails returns what the server took, in that order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Count returns how many mails the server took.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Connections returns how many connections there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// AtATime returns how many mails came in at the same time, at the most.
func (s *Server) AtATime() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.top
}

// HangUp closes all connections, without a word.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

// Script has the next calls of a stage ("auth", "mail", "rcpt", "data") answered
// like that, one after the other.
func (s *Server) Script(stage string, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[stage] = append(s.script[stage], answers...)
}

// next takes the next answer of a stage. OK is that of Code 0.
func (s *Server) next(stage string) (a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if queue := s.script[stage]; len(queue) > 0 {
		a, s.script[stage] = queue[0], queue[1:]
	}
	return a
}

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	mail   Mail
	open   bool // a mail has begun
}

// act does as the script says.
func (s *session) act(a Answer) error {
	switch {
	case a.HangUp:
		s.conn.Conn().Close()
		return errors.New("hung up")
	case a.Hang:
		<-s.server.closed
		return errors.New("closed")
	case a.Code == 0:
		return nil
	}
	enhanced := a.Enhanced
	if enhanced == (smtp.EnhancedCode{}) {
		enhanced = smtp.NoEnhancedCode
	}
	return &smtp.SMTPError{Code: a.Code, EnhancedCode: enhanced, Message: a.Text}
}

func (s *session) AuthMechanisms() []string { return s.server.options.Mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, secret string) error {
		if err := s.act(s.server.next("auth")); err != nil {
			return err
		}
		if user != s.server.options.User || secret != s.server.options.Secret {
			return smtp.ErrAuthFailed
		}
		s.mail.Login = mechanism + " " + user + " " + secret
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &login{check: check}, nil
	case "XOAUTH2":
		return &xoauth2{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// login is the server's side of LOGIN, for clients that begin with the user.
type login struct {
	check func(user, password string) error
	user  *string
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	if l.user == nil {
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

// xoauth2 is the server's side of XOAUTH2: it fails with a challenge first.
type xoauth2 struct {
	check  func(user, token string) error
	failed error
}

func (x *xoauth2) Next(response []byte) ([]byte, bool, error) {
	if x.failed != nil {
		if len(response) > 0 {
			return nil, true, errors.New("the challenge must be answered with nothing")
		}
		return nil, true, x.failed
	}
	fields := strings.Split(string(response), "\x01")
	if len(fields) != 4 || fields[2]+fields[3] != "" {
		return nil, true, errors.New("no XOAUTH2")
	}
	x.failed = x.check(strings.TrimPrefix(fields[0], "user="), strings.TrimPrefix(fields[1], "auth=Bearer "))
	if x.failed != nil {
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	return nil, true, nil
}

func (s *session) Reset() { s.open = false }

func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if len(s.server.options.Mechanisms) > 0 && s.mail.Login == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if s.open {
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "One mail after the other"}
	}
	s.mail.From = from
	err := s.act(s.server.next("mail"))
	s.open = err == nil
	return err
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	return s.act(s.server.next("rcpt"))
}

func (s *session) Data(r io.Reader) error {
	server := s.server
	if server.options.Forget {
		_, err := io.Copy(io.Discard, r)
		server.mu.Lock()
		defer server.mu.Unlock()
		server.count++
		return err
	}
	server.mu.Lock()
	server.at++
	server.top = max(server.top, server.at)
	server.mu.Unlock()
	defer func() {
		server.mu.Lock()
		defer server.mu.Unlock()
		server.at--
	}()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	answer := server.next("data")
	if answer == (Answer{}) || answer.Take {
		m := s.mail
		m.Data = data
		_, m.TLS = s.conn.TLSConnectionState()
		server.mu.Lock()
		server.mails = append(server.mails, m)
		server.count++
		server.mu.Unlock()
	}
	return s.act(answer)
}
