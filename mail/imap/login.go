package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"crier/mail"
)

const (
	dialPatience = 30 * time.Second
	partingTime  = 3 * time.Second // what is under way when Run's ctx ends may take so long
)

// errNoTLS says that a server does not begin TLS, so it gets no password.
var errNoTLS = errors.New("begin TLS (STARTTLS)")

// connect makes a connection that may carry a password: over TLS, or within
// this machine. Its goroutine and ctx's hold on it end with close.
func connect(ctx context.Context, c Config, patience time.Duration, options imapclient.Options) (client *imapclient.Client, w *wire, err error) {
	host, port, implicitTLS := c.server()
	config := &tls.Config{}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	options.TLSConfig = config

	if w, err = dial(ctx, net.JoinHostPort(host, port), patience); err != nil {
		return nil, nil, err
	}
	switch {
	case implicitTLS:
		conn := tls.Client(w, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			w.close()
			return nil, nil, fmt.Errorf("speak TLS with %s: %w", host, err)
		}
		client = imapclient.New(conn, &options)
	case onThisMachine(host):
		client = imapclient.New(w, &options)
		if !client.Caps().Has(imap.CapStartTLS) {
			break
		}
		// The library asks for STARTTLS only on a fresh connection.
		client.Close()
		w.close()
		if w, err = dial(ctx, net.JoinHostPort(host, port), patience); err != nil {
			return nil, nil, err
		}
		fallthrough
	default:
		if client, err = imapclient.NewStartTLS(w, &options); err != nil {
			w.close()
			return nil, nil, fmt.Errorf("%w: %w", errNoTLS, err)
		}
	}
	if err := client.WaitGreeting(); err != nil {
		client.Close()
		w.close()
		return nil, nil, fmt.Errorf("greet %s: %w", host, err)
	}
	return client, w, nil
}

// login says who is there. A refusal is an ErrLogin.
func login(ctx context.Context, client *imapclient.Client, c Config) error {
	if client.State() != imap.ConnStateNotAuthenticated {
		return nil // the server knows already
	}
	caps := client.Caps()
	if len(caps) == 0 {
		return errors.New("the server does not say what it can do")
	}
	how, err := mechanism(ctx, caps, c)
	switch {
	case err != nil:
		return err
	case how != nil:
		err = client.Authenticate(how)
	default:
		err = client.Login(c.User, c.Password).Wait()
	}
	if refused(err) {
		return fmt.Errorf("%w (%w)", ErrLogin, err)
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// mechanism chooses how to log in; nil: with LOGIN.
func mechanism(ctx context.Context, caps imap.CapSet, c Config) (sasl.Client, error) {
	switch {
	case c.Token != nil:
		token, err := c.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get an access token: %w", err)
		}
		if caps.Has(imap.AuthCap(mail.XOAUTH2)) {
			return mail.NewXOAUTH2(c.User, token), nil
		}
		if !caps.Has(imap.AuthCap(sasl.OAuthBearer)) {
			return nil, errors.New("the server takes no access tokens (neither XOAUTH2 nor OAUTHBEARER)")
		}
		host, port, _ := c.server()
		number, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		return sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: c.User, Token: token, Host: host, Port: number}), nil
	case caps.Has(imap.AuthCap(sasl.Plain)): // passwords of any characters
		return sasl.NewPlainClient("", c.User, c.Password), nil
	case caps.Has(imap.CapLoginDisabled):
		return nil, errors.New("the server takes no passwords here")
	default:
		return nil, nil
	}
}

// refused tells a login that the server did not like from one that it could not
// deal with. Source: RFC 5530, section 3.
func refused(err error) bool {
	var bearer *sasl.OAuthBearerError
	if errors.As(err, &bearer) {
		return true
	}
	var said *imap.Error
	if !errors.As(err, &said) || said.Type == imap.StatusResponseTypeBye {
		return false
	}
	switch said.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug, imap.ResponseCodeLimit:
		return false
	default:
	}
	// Gmail's word for too many connections has the same code as others.
	return !strings.Contains(strings.ToLower(said.Text), "too many")
}

// wire is a connection with deadlines of our own. The library's end only what
// has begun to come: with those a server that says nothing is waited for
// without end.
type wire struct {
	net.Conn
	detach func() bool // from the context

	mu       sync.Mutex
	patience time.Duration // how long a read may last; 0: as long as it likes
	end      time.Time     // when all ends; zero: open
}

func dial(ctx context.Context, address string, patience time.Duration) (*wire, error) {
	conn, err := (&net.Dialer{Timeout: dialPatience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach the mail server: %w", err)
	}
	w := &wire{Conn: conn}
	w.expect(patience)
	w.detach = context.AfterFunc(ctx, w.hurry)
	return w, nil
}

// expect says how long the server may be silent from now on; 0: for ever.
func (w *wire) expect(patience time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.patience = patience
	w.Conn.SetReadDeadline(w.deadline())
}

// hurry leaves a last moment for what is under way.
func (w *wire) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = time.Now().Add(partingTime)
	w.Conn.SetDeadline(w.end)
}

func (w *wire) deadline() time.Time {
	if w.patience == 0 || !w.end.IsZero() {
		return w.end
	}
	return time.Now().Add(w.patience)
}

func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	w.Conn.SetReadDeadline(w.deadline())
	w.mu.Unlock()
	return w.Conn.Read(b)
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	end := w.end
	if end.IsZero() {
		end = time.Now().Add(dialPatience)
	}
	w.Conn.SetWriteDeadline(end)
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// SetDeadline and the two others are the library's, and TLS's: not heeded.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

func (w *wire) close() {
	w.detach()
	w.Close()
}
