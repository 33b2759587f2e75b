package lmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"crier/mail"
)

const (
	hearPatience   = 5 * time.Minute  // the sender's server waits for 10 (RFC 5321, section 4.5.3.2.6)
	memoryPatience = 30 * time.Second // until another mail is done with
)

// What the mail server is told. The texts stand in its log and in the bounces
// that it writes.
var (
	errUnknown    = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here"}
	errUnreadable = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is no mail that can be read"}
	errLater      = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "It cannot be kept just now, try again later"}
	errBroken     = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "It did not arrive whole, try again"}
	errBusy       = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Too busy, try again later"}
)

// session is what one connection has said of the mail that comes next.
type session struct {
	server *Server
	ctx    context.Context
	env    mail.Envelope
}

// Reset forgets it.
func (s *session) Reset() { s.env = mail.Envelope{} }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// Mail is MAIL FROM. The library has refused what is larger than MaxSize.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.env = mail.Envelope{Known: true, From: from}
	return nil
}

// Rcpt is RCPT TO.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.server.known(to) {
		return errUnknown
	}
	if !slices.ContainsFunc(s.env.To, func(other string) bool { return strings.EqualFold(other, to) }) {
		s.env.To = append(s.env.To, to)
	}
	return nil
}

// Data takes the mail, for all its recipients: with LMTP the answer is said once
// for each.
func (s *session) Data(r io.Reader) error {
	timer := time.NewTimer(memoryPatience)
	defer timer.Stop()
	select {
	case s.server.memory <- struct{}{}:
		defer func() { <-s.server.memory }()
	case <-timer.C:
		return errBusy
	case <-s.ctx.Done():
		return errLater
	}

	var raw bytes.Buffer
	_, err := raw.ReadFrom(r)
	var said *smtp.SMTPError
	switch {
	case errors.As(err, &said):
		return said // too large
	case errors.Is(err, smtp.ErrTooLongLine):
		return errUnreadable
	case err != nil:
		return errBroken
	}

	err = s.handOver(raw.Bytes())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mail.ErrUnreadable):
		s.server.log.Info("a mail cannot be read and is refused", "err", err)
		return errUnreadable
	default:
		s.server.log.Warn("a mail is not taken now, and will come again", "err", err)
		return errLater
	}
}

func (s *session) handOver(raw []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	ctx, cancel := context.WithTimeout(s.ctx, hearPatience)
	defer cancel()
	return s.server.hear(ctx, raw, s.env)
}
