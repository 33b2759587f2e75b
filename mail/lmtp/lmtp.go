// Package lmtp is how mails come in from a mail server of the host's own, which
// hands them over by LMTP (RFC 2033), or by SMTP.
//
// Nothing is queued here: a mail is acknowledged when it was taken durably, and
// else the mail server keeps it and tries again.
package lmtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"crier/mail"
)

// Config is one server.
type Config struct {
	// Network and Addr are where to listen: "unix" and the path of a socket, or
	// "tcp" and an address of this machine ("127.0.0.1:2424"). There is no
	// login: whoever can connect can hand over what they like. Who can enter
	// the folder of the socket can connect.
	Network, Addr string

	SMTP     bool        // speak SMTP instead of LMTP
	Hostname string      // how the server calls itself; "": localhost
	MaxSize  int64       // of a mail, in bytes; 0: mail.MaxSize
	TLS      *tls.Config // for STARTTLS with SMTP; nil: none is offered
	MaxConns int         // connections at a time; 0: 32
}

// Check says what is wrong with a configuration, in words for the operator. Run
// begins with it.
func (c Config) Check() error {
	switch c.Network {
	case "unix":
		if !strings.HasPrefix(c.Addr, "/") {
			return errors.New("the socket for mails must be an absolute path, like /run/crier/lmtp")
		}
		if len(c.Addr) > 100 {
			return errors.New("the path of the socket for mails is too long: a system takes about 100 characters")
		}
	case "tcp":
		host, _, err := net.SplitHostPort(c.Addr)
		ip := net.ParseIP(host)
		if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return errors.New("mails come in only within this machine: listen at an address like 127.0.0.1:2424, behind your mail server")
		}
	default:
		return fmt.Errorf("mails come in over unix or tcp, not over %q", c.Network)
	}
	if c.MaxSize < 0 || c.MaxConns < 0 {
		return errors.New("the largest mail and the number of connections cannot be below 0")
	}
	if strings.ContainsAny(c.Hostname, " \r\n") {
		return errors.New("the host name must be one word")
	}
	return nil
}

// Hear takes one mail, with those of its recipients that are known. Nil says
// that it is kept durably; mail.ErrUnreadable that it is refused for good; any
// other error, or a panic, has the sender's server try again later.
type Hear func(ctx context.Context, raw []byte, env mail.Envelope) error

// Server takes mails from a mail server.
type Server struct {
	config Config
	hear   Hear
	known  func(address string) bool
	log    *slog.Logger
	memory chan struct{} // holds one for each mail in memory
}

// mailsAtOnce bounds the memory: so many mails of MaxSize.
const mailsAtOnce = 4

// New makes a server that hands its mails to hear. known tells which addresses
// are ours: mail to others is refused at once, since to take it and to send a
// bounce later would hit whoever's name was forged. It must be quick.
func New(c Config, hear Hear, known func(address string) bool, log *slog.Logger) *Server {
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.MaxSize == 0 {
		c.MaxSize = mail.MaxSize
	}
	if c.MaxConns == 0 {
		c.MaxConns = 32
	}
	return &Server{
		config: c, hear: hear, known: known,
		log:    log.With("channel", mail.Channel),
		memory: make(chan struct{}, mailsAtOnce),
	}
}
