package lmtp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	readPatience  = 5 * time.Minute // for a command, and for a whole mail (RFC 5321, section 4.5.3.2)
	writePatience = time.Minute
	partingTime   = 30 * time.Second // what is in hand when ctx ends may take so long
	recipientsMax = 100              // of one mail (RFC 5321, section 4.5.3.1.8)
	lineMax       = 1 << 20          // bytes of a line: mail servers pass on longer ones than they should
)

// Run listens, and takes mails until ctx is done and what was in hand is dealt
// with; then it returns nil. Its errors are the operator's.
func (s *Server) Run(ctx context.Context) error {
	if err := s.config.Check(); err != nil {
		return fmt.Errorf("lmtp: %w", err)
	}
	l, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("lmtp: listen for mails: %w", err)
	}
	return s.Serve(ctx, l)
}

func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, s.config.Network, s.config.Addr)
	if s.config.Network != "unix" {
		return l, err
	}
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(ctx, s.config.Addr) {
		if err := os.Remove(s.config.Addr); err != nil {
			return nil, err
		}
		l, err = config.Listen(ctx, s.config.Network, s.config.Addr)
	}
	if err != nil {
		return nil, err
	}
	// The mail server runs as another user: the folder says who may enter.
	if err := os.Chmod(s.config.Addr, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// abandoned tells a socket that a process left behind when it was killed.
func abandoned(ctx context.Context, path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// Serve is Run on a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	hearing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{server: s, ctx: hearing}, nil
	}))
	server.LMTP = !s.config.SMTP
	server.Domain = s.config.Hostname
	server.MaxMessageBytes = s.config.MaxSize
	server.MaxRecipients = recipientsMax
	server.MaxLineLength = lineMax
	server.ReadTimeout, server.WriteTimeout = readPatience, writePatience
	server.EnableSMTPUTF8 = true
	server.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	if s.config.SMTP {
		server.TLSConfig = s.config.TLS
	}

	d := &door{Listener: l, max: s.config.MaxConns, conns: make(map[*conn]struct{})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(d) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
		err = fmt.Errorf("lmtp: accept connections: %w", err)
	}

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Shutdown(context.Background()) // it says again what closing the listener said
	}()
	d.each((*conn).leave)
	timer := time.NewTimer(partingTime)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		cancel()
		d.each(func(c *conn) { c.Close() })
	}
	return err
}

// door is a listener that lets only so many in at a time.
type door struct {
	net.Listener
	max int

	mu      sync.Mutex
	conns   map[*conn]struct{}
	leaving bool
}

// Accept returns the next connection that there is room for. Those that come
// before are told to try again.
func (d *door) Accept() (net.Conn, error) {
	for {
		inner, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := d.admit(inner); c != nil {
			return c, nil
		}
		inner.SetDeadline(time.Now().Add(time.Second)) // enough for what fits into its buffer
		_, _ = inner.Write([]byte("421 4.3.2 Too many connections, try again later\r\n"))
		inner.Close()
	}
}

func (d *door) admit(inner net.Conn) *conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving || len(d.conns) >= d.max {
		return nil
	}
	c := &conn{Conn: inner, door: d}
	d.conns[c] = struct{}{}
	return c
}

// each does something with all connections; no new ones are let in afterwards.
func (d *door) each(do func(*conn)) {
	d.mu.Lock()
	d.leaving = true
	conns := make([]*conn, 0, len(d.conns))
	for c := range d.conns {
		conns = append(conns, c)
	}
	d.mu.Unlock()
	for _, c := range conns {
		do(c)
	}
}

// conn is one that can be told to leave after what it is doing.
type conn struct {
	net.Conn
	door *door

	mu      sync.Mutex
	leaving bool
}

// leave ends reading, now and for ever: between mails that is the end, within
// one the sender's server tries again, and one that is read whole is answered.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	c.Conn.SetReadDeadline(time.Unix(1, 0))
}

// SetReadDeadline is called before each command.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return os.ErrDeadlineExceeded
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) Close() error {
	c.door.mu.Lock()
	delete(c.door.conns, c)
	c.door.mu.Unlock()
	return c.Conn.Close()
}
