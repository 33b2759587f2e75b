package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"crier/conversation"
	"crier/mail"
)

// connection is one to the mail server, logged in. One goroutine uses it at a time.
type connection struct {
	*smtp.Client
	wire  net.Conn  // below TLS: closing it ends whatever waits
	mails int       // that were sent on it
	since time.Time // it is idle
}

// boundTo has the connection closed when ctx is done, until stop is called. The
// library sets deadlines of its own, so that one set here would not last.
func (c *connection) boundTo(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.wire.Close() })
}

// quit says goodbye, and does not wait long for an answer.
func (c *connection) quit() {
	c.CommandTimeout = quitTimeout
	_ = c.Quit()
	c.wire.Close()
}

// dial connects and logs in. Its errors are words for the operator, with no name
// or secret of the login in them.
func dial(ctx context.Context, config Config) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	to, err := config.server()
	if err != nil {
		return nil, err
	}
	c, err := greet(ctx, config, to)
	if err != nil {
		return nil, err
	}
	stop := c.boundTo(ctx)
	err = logIn(ctx, c, config)
	if !stop() {
		err = fmt.Errorf("log in to the mail server: %w", context.Cause(ctx))
	}
	if err != nil {
		c.wire.Close()
		return nil, err
	}
	return c, nil
}

// greet connects, over TLS or to this very machine, and greets the server.
func greet(ctx context.Context, config Config, to server) (*connection, error) {
	if to.loopback && !to.implicit {
		c, err := hello(ctx, config, to, false)
		if err != nil {
			return nil, err
		}
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return c, nil
		}
		c.quit()
	}
	return hello(ctx, config, to, true)
}

func hello(ctx context.Context, config Config, to server, secure bool) (*connection, error) {
	wire, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, fmt.Errorf("connect to the mail server: %w", err)
	}
	c := &connection{wire: wire}
	stop := c.boundTo(ctx)
	switch {
	case !secure:
		c.Client = smtp.NewClient(wire)
	case to.implicit:
		var secured *tls.Conn
		if secured, err = handshake(ctx, wire, config, to); err == nil {
			c.Client = smtp.NewClient(secured)
		}
	default:
		if c.Client, err = smtp.NewClientStartTLS(wire, tlsConfig(config, to)); err != nil {
			err = fmt.Errorf("start TLS with the mail server %s (where it has none at this port, smtps:// may be right): %w", to, scrubbed(err))
		}
	}
	if err == nil {
		if err = c.Hello(hostname(config.Hostname)); err != nil {
			err = fmt.Errorf("greet the mail server %s: %w", to, tlsTrouble(scrubbed(err)))
		}
	}
	if !stop() {
		err = fmt.Errorf("greet the mail server %s: %w", to, context.Cause(ctx))
	}
	if err != nil {
		wire.Close()
		return nil, err
	}
	return c, nil
}

func handshake(ctx context.Context, wire net.Conn, config Config, to server) (*tls.Conn, error) {
	secured := tls.Client(wire, tlsConfig(config, to))
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("start TLS with the mail server %s: %w", to, tlsTrouble(err))
	}
	return secured, nil
}

// tlsTrouble adds what the two common kinds of trouble with TLS come from.
func tlsTrouble(err error) error {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("its certificate is not for that name, or nobody vouches for it: %w", err)
	case errors.As(err, &noTLS):
		return fmt.Errorf("this port does not begin with TLS, smtp:// may be right: %w", err)
	}
	return err
}

func tlsConfig(config Config, to server) *tls.Config {
	if config.TLS != nil {
		t := config.TLS.Clone()
		if t.ServerName == "" {
			t.ServerName = to.host
		}
		return t
	}
	return &tls.Config{
		ServerName: to.host,
		MinVersion: tls.VersionTLS12, // RFC 8314, section 4.1
		// On this very machine TLS adds nothing, and servers have certificates
		// for their public name only, or for none.
		InsecureSkipVerify: to.loopback,
	}
}

// logIn logs in where there is a user.
func logIn(ctx context.Context, c *connection, config Config) error {
	if config.User == "" {
		return nil
	}
	if to, err := config.server(); err == nil && to.loopback {
		if offered, _ := c.Extension("AUTH"); !offered { // whoever is on this machine may send
			return nil
		}
	}
	mechanism, err := loginClient(ctx, c, config)
	if err != nil {
		return err
	}
	err = c.Auth(mechanism)
	var refused *smtp.SMTPError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refused):
		return fmt.Errorf("log in to the mail server: %w", err)
	case refused.Code >= 500:
		return loginRefused(err)
	default: // too many at a time, a password store that is down: it ends by itself
		return &conversation.SendError{RetryAfter: busyWait, Everybody: true, Err: fmt.Errorf("log in to the mail server: %w", scrubbed(err))}
	}
}

func loginClient(ctx context.Context, c *connection, config Config) (sasl.Client, error) {
	offered := c.SupportsAuth
	switch {
	case config.Token != nil && offered(mail.XOAUTH2):
		token, err := config.Token(ctx)
		if err != nil {
			return nil, &conversation.SendError{RetryAfter: busyWait, Everybody: true, Err: fmt.Errorf("get a token for the mail server: %w", err)}
		}
		return mail.NewXOAUTH2(config.User, token), nil
	case config.Token == nil && offered(sasl.Plain):
		return sasl.NewPlainClient("", config.User, config.Password), nil
	case config.Token == nil && offered(sasl.Login):
		return sasl.NewLoginClient(config.User, config.Password), nil
	}
	return nil, &conversation.SendError{
		RetryAfter: operatorWait, Everybody: true,
		Err: errors.New("the mail server offers no login that Crier knows: PLAIN and LOGIN with a password, XOAUTH2 with OAuth"),
	}
}
