// Package smtp hands letters to a mail server, which brings them to the world:
// by submission with TLS and a login (RFC 6409, RFC 8314), on a few connections
// that are kept while there is something to send.
//
// The files: smtp.go is the configuration, pool.go keeps the connections and
// sends, dial.go makes one, answer.go says what the server's answers mean.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// ErrLogin says that the mail server does not take the login: the password was
// changed, or mistyped. Only the operator can help.
var ErrLogin = errors.New("the mail server refuses the login: check user and password (many providers want a password made for apps)")

// Config is one mail server, and the login there.
type Config struct {
	// URL is where it is: "smtps://host" for TLS from the first byte (port 465),
	// "smtp://host" for STARTTLS (port 587), without which nothing is sent. Only
	// a server on this very machine may do without.
	URL string

	// User logs in; "": no login.
	User string

	// Password is what User logs in with.
	Password string

	// Token makes an OAuth 2 access token, to log in with in place of a
	// password (XOAUTH2). nil: the Password.
	Token func(ctx context.Context) (string, error)

	// TLS is how to tell the right server. nil: by a certificate for its name.
	TLS *tls.Config

	// Hostname is how to greet the server; "": this machine's name.
	Hostname string

	// Connections is how many there may be at a time. 0: 4.
	Connections int
}

// connectionsMax is more than any provider allows.
const connectionsMax = 100

// Check says what is wrong with a configuration, in words for the operator.
func (c Config) Check() error {
	if _, err := c.server(); err != nil {
		return err
	}
	switch {
	case c.User == "" && (c.Password != "" || c.Token != nil):
		return errors.New("there is a password for the mail server, but no user")
	case c.User != "" && c.Password == "" && c.Token == nil:
		return errors.New("there is a user for the mail server, but no password")
	case c.Password != "" && c.Token != nil:
		return errors.New("log in to the mail server with a password or with OAuth, not both")
	case strings.ContainsAny(c.User+c.Password, "\x00\x01\r\n"):
		return errors.New("user and password of the mail server must be one line each")
	case c.Hostname != "" && hostname(c.Hostname) != c.Hostname:
		return fmt.Errorf("the host name %q must be like crier.example.org", c.Hostname)
	case c.Connections < 0 || c.Connections > connectionsMax:
		return fmt.Errorf("connections to the mail server must be 1 to %d", connectionsMax)
	}
	return nil
}

// server is where to connect to.
type server struct {
	host, port string
	implicit   bool // TLS from the first byte
	loopback   bool // on this machine: nobody can listen in between
}

func (s server) String() string { return net.JoinHostPort(s.host, s.port) }

func (c Config) server() (server, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "":
		return server{}, errors.New("the mail server must be like smtps://mail.example.org or smtp://mail.example.org:587")
	case u.User != nil:
		return server{}, errors.New("user and password of the mail server do not belong into its URL")
	}
	s := server{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps"}
	if s.port == "" {
		s.port = "587"
		if s.implicit {
			s.port = "465"
		}
	}
	ip := net.ParseIP(s.host)
	s.loopback = s.host == "localhost" || ip != nil && ip.IsLoopback()
	return s, nil
}

// hostname is a name as EHLO takes it (RFC 5321, section 4.1.1.1): the one
// given, or this machine's, or else "localhost".
func hostname(given string) string {
	name := given
	if name == "" {
		name, _ = os.Hostname()
	}
	for _, r := range name {
		if r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return "localhost"
		}
	}
	if name == "" || len(name) > 255 {
		return "localhost"
	}
	return name
}

// How long things may take, at the most: who sends usually has less time. The
// library waits for the answer to each command as RFC 5321, section 4.5.3.2 asks.
const (
	dialTimeout = time.Minute // up to the login
	textTimeout = 5 * time.Minute
	quitTimeout = 2 * time.Second
)

// Probe tries a configuration out, up to the login, and says in words for the
// operator what is wrong.
func Probe(ctx context.Context, c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := dial(ctx, c)
	if err != nil {
		return err
	}
	defer conn.quit()
	stop := conn.boundTo(ctx)
	err = conn.Noop()
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("the mail server takes the login and then no command: %w", scrubbed(err))
	}
	return nil
}
