package smtp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"crier/mail"
)

// How long a connection is kept. Servers close idle ones after a minute at the
// least, and some take no more than 100 mails on one.
const (
	idleMax  = 30 * time.Second
	mailsMax = 100
)

// errClosed is what a closed Client says.
var errClosed = errors.New("send mail: the channel is closed")

// Client sends mail through one server. It is safe for concurrent use.
type Client struct {
	config Config
	log    *slog.Logger
	slots  chan struct{} // holds one for each connection in use

	mu     sync.Mutex
	idle   []*connection // the one last used is last
	sweep  *time.Timer   // calls expire while some are idle: one timer for all, since setting one costs as much as a command
	closed bool
}

// New makes a client. It does not connect yet.
func New(config Config, log *slog.Logger) *Client {
	if config.Connections <= 0 {
		config.Connections = 4
	}
	return &Client{config: config, log: log, slots: make(chan struct{}, config.Connections)}
}

// Send hands one letter to the server. It waits for a free connection as long as
// ctx allows. A nil error means that the server has taken it; an error is a
// *conversation.SendError where the server said what it means.
//
// Where the connection breaks after the whole letter was written, it may have
// been taken: that is an error like others, and a letter that comes twice has
// the Message-ID that it had.
func (c *Client) Send(ctx context.Context, letter mail.Letter) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return fmt.Errorf("send mail: wait for a connection: %w", context.Cause(ctx))
	}
	conn, err := c.kept()
	if err != nil {
		return err
	}
	if conn != nil {
		at, err := c.deliver(ctx, conn, letter)
		if err == nil || at > atData || !broken(err) || ctx.Err() != nil {
			return explain(ctx, at, err)
		}
		c.log.Debug("kept connection was closed by the mail server", "channel", mail.Channel, "err", scrubbed(err))
	}
	if conn, err = dial(ctx, c.config); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	at, err := c.deliver(ctx, conn, letter)
	return explain(ctx, at, err)
}

// explain is meaning, for an error that may come of ctx being done.
func explain(ctx context.Context, at stage, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && broken(err):
		return fmt.Errorf("send mail: %w", context.Cause(ctx))
	default:
		return meaning(at, err)
	}
}

// broken says that nothing more can be said on the connection: 421 announces
// that the server closes it (RFC 5321, section 3.8).
func broken(err error) bool {
	var answer *smtp.SMTPError
	return !errors.As(err, &answer) || answer.Code == 421
}

// deliver sends a letter on a connection, and then keeps or closes it. It says
// how far it came.
func (c *Client) deliver(ctx context.Context, conn *connection, letter mail.Letter) (stage, error) {
	stop := conn.boundTo(ctx)
	at, err := transact(conn, letter)
	conn.mails++
	usable := err == nil || !broken(err) && conn.Reset() == nil
	if stop() && usable {
		c.keep(conn)
	} else {
		conn.wire.Close()
	}
	return at, err
}

// transact is one mail transaction. Source: RFC 5321, section 3.3.
func transact(conn *connection, letter mail.Letter) (stage, error) {
	if err := conn.Mail(letter.From, nil); err != nil {
		return atMail, err
	}
	if err := conn.Rcpt(letter.To, nil); err != nil {
		return atRcpt, err
	}
	data, err := conn.Data()
	if err != nil {
		return atData, err
	}
	// The library sets a deadline for each command, and none for the text.
	conn.wire.SetDeadline(time.Now().Add(textTimeout))
	if _, err := data.Write(letter.Data); err != nil {
		return atText, err
	}
	return atVerdict, data.Close()
}

// kept takes the connection that was used last, or none.
func (c *Client) kept() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	n := len(c.idle)
	if n == 0 {
		return nil, nil
	}
	conn := c.idle[n-1]
	c.idle = slices.Delete(c.idle, n-1, n)
	return conn, nil
}

// keep puts a connection aside for the next mail, for a while.
func (c *Client) keep(conn *connection) {
	c.mu.Lock()
	if c.closed || conn.mails >= mailsMax {
		c.mu.Unlock()
		conn.quit()
		return
	}
	defer c.mu.Unlock()
	conn.since = time.Now()
	c.idle = append(c.idle, conn)
	if c.sweep == nil {
		c.sweep = time.AfterFunc(idleMax, c.expire)
	}
}

// expire closes the connections that nobody has used for a while.
func (c *Client) expire() {
	c.mu.Lock()
	n := 0 // of them: the first were used longest ago
	for n < len(c.idle) && time.Since(c.idle[n].since) >= idleMax {
		n++
	}
	expired := slices.Clone(c.idle[:n])
	c.idle = slices.Delete(c.idle, 0, n)
	c.sweep = nil
	if len(c.idle) > 0 {
		c.sweep = time.AfterFunc(idleMax-time.Since(c.idle[0].since), c.expire)
	}
	c.mu.Unlock()
	for _, conn := range expired {
		conn.quit()
	}
}

// Close ends the kept connections. A mail on its way still goes out; none
// follows.
func (c *Client) Close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	if c.sweep != nil {
		c.sweep.Stop()
	}
	c.mu.Unlock()
	for _, conn := range idle {
		conn.quit()
	}
}
