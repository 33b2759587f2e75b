package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
)

// probePatience bounds each step of Probe.
const probePatience = 20 * time.Second

// Probe tries a configuration: it connects, logs in and opens the folders, and
// makes those for mails that are moved. Its error says in words for the
// operator what to mend; notes are what works, but could be better.
func Probe(ctx context.Context, c Config) (notes []string, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c = c.filled()
	s, err := open(ctx, c, probePatience)
	if err != nil {
		return nil, inWords(c, err)
	}
	defer s.close()
	if !s.idle {
		notes = append(notes, fmt.Sprintf("the mail server does not tell of new mails at once (no IDLE): they are looked for every %v", c.Poll))
	}
	for _, folder := range []string{c.MoveTo, c.Problems} {
		if folder == "" {
			continue
		}
		err := s.do("look for a folder", func() error {
			if _, err := s.client.Status(folder, &imap.StatusOptions{NumMessages: true}).Wait(); err == nil {
				return nil
			}
			return s.make(folder)
		})
		if err != nil {
			return notes, fmt.Errorf("mails cannot be moved to the folder %q: make it in a mail program, or name another (some servers want names like %q): %w", folder, "INBOX."+folder, err)
		}
	}
	s.leave()
	return notes, nil
}

// inWords says what a failed connection means.
func inWords(c Config, err error) error {
	host, port, _ := c.server()
	var (
		noName      *net.DNSError
		noConn      *net.OpError
		notTLS      tls.RecordHeaderError
		certificate *tls.CertificateVerificationError
		expired     x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, ErrLogin), errors.Is(err, ErrConfig):
		return err
	case errors.As(err, &noName):
		return fmt.Errorf("there is no mail server named %s: %w", host, err)
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return fmt.Errorf("the certificate of %s has expired, or the clock of this machine is wrong: %w", host, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("the certificate of %s is not to be trusted. Is that the name that the provider gives?: %w", host, err)
	case errors.As(err, &notTLS):
		return fmt.Errorf("on port %s of %s there is no TLS: imaps:// is mostly for port 993, imap:// for port 143: %w", port, host, err)
	case errors.As(err, &noConn) && noConn.Op == "dial":
		return fmt.Errorf("%s cannot be reached on port %s: is the server right, and does a firewall let it through?: %w", host, port, err)
	case errors.Is(err, errNoTLS):
		return fmt.Errorf("%s does not begin TLS on port %s; imaps:// may work: %w", host, port, err)
	default:
		return err
	}
}
