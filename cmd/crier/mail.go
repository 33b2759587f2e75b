package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/text/language"

	"crier/conversation/state"
	"crier/ledger"
	"crier/locales"
	"crier/mail"
	"crier/mail/imap"
	"crier/mail/lmtp"
	"crier/mail/smtp"
)

// servedMailbox is one mailbox of `crier serve`.
type servedMailbox struct {
	mail.Mailbox
	imap   imap.Config // URL "": mails come by LMTP
	smtp   smtp.Config
	signer *mail.Signer // nil: the server signs

	authservIDs []string // whose word about senders counts in this mailbox
}

// mailboxes reads the mailboxes of a configuration, with their secrets.
func (p *program) mailboxes(c *config) ([]*servedMailbox, error) {
	var all []*servedMailbox
	for _, m := range c.Mail {
		b, err := p.mailbox(c, m)
		if err != nil {
			return nil, fmt.Errorf("the mailbox %s: %w", m.Address, err)
		}
		all = append(all, b)
	}
	return all, nil
}

func (p *program) mailbox(c *config, m mailConfig) (*servedMailbox, error) {
	trusted, err := c.authorities(m.CAFile)
	if err != nil {
		return nil, err
	}
	password, token, err := p.mailLogin(c, m)
	if err != nil {
		return nil, err
	}
	user := m.User
	if user == "" {
		user = m.Address
	}
	if password == "" && token == nil {
		if m.IMAP != "" {
			return nil, fmt.Errorf("it has no password: set %s, or password_file in its [[mail]] table", m.PasswordEnv)
		}
		user = "" // a server of the host's own may take letters without
	}
	b := &servedMailbox{
		Mailbox: mail.Mailbox{Address: m.Address, Detail: m.Detail, Community: m.Community}, authservIDs: m.AuthservIDs,
		smtp: smtp.Config{
			URL: m.SMTP, User: user, Password: password, Token: token, TLS: trusted, Connections: m.Connections,
		},
	}
	if m.IMAP != "" {
		b.imap = imap.Config{
			URL: m.IMAP, User: user, Password: password, Token: token, TLS: trusted,
			Mailbox: m.Folder, MoveTo: m.MoveTo, Problems: m.Problems, MaxSize: mail.MaxSize,
		}
		if err := b.imap.Check(); err != nil {
			return nil, err
		}
	}
	if err := b.smtp.Check(); err != nil {
		return nil, err
	}
	if m.DKIMKeyFile != "" {
		key, err := os.ReadFile(c.path(m.DKIMKeyFile))
		if err != nil {
			return nil, fmt.Errorf("its DKIM key cannot be read: %w", err)
		}
		_, domain, _ := strings.Cut(m.Address, "@")
		if b.signer, err = mail.LoadSigner(domain, m.DKIMSelector, key); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// mailLogin reads what a mailbox is opened with.
func (p *program) mailLogin(c *config, m mailConfig) (password string, token func(context.Context) (string, error), err error) {
	if m.OAuthTokenURL == "" {
		password, err = p.secret(c, m.PasswordFile, m.PasswordEnv)
		return password, nil, err
	}
	secret, err := p.secret(c, m.OAuthSecretFile, m.OAuthSecretEnv)
	if err != nil {
		return "", nil, err
	}
	refresh, err := p.secret(c, m.OAuthRefreshFile, m.OAuthRefreshEnv)
	if err != nil {
		return "", nil, err
	}
	if m.OAuthClientID == "" || refresh == "" {
		return "", nil, fmt.Errorf("OAuth needs oauth_client_id, and a refresh token in %s or oauth_refresh_token_file", m.OAuthRefreshEnv)
	}
	client := &oauth2.Config{ClientID: m.OAuthClientID, ClientSecret: secret, Endpoint: oauth2.Endpoint{TokenURL: m.OAuthTokenURL}}
	web := &http.Client{Timeout: 30 * time.Second}
	source := oauth2.ReuseTokenSource(nil, client.TokenSource(
		context.WithValue(context.Background(), oauth2.HTTPClient, web), &oauth2.Token{RefreshToken: refresh}))
	return "", func(context.Context) (string, error) {
		t, err := source.Token()
		if err != nil {
			return "", fmt.Errorf("get an access token: %w", err)
		}
		return t.AccessToken, nil
	}, nil
}

// authorities reads whose certificates are trusted; nil: those of the machine.
func (c *config) authorities(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // it is what *tls.Config means by nil
	}
	data, err := os.ReadFile(c.path(file))
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("ca_file: there is no certificate in %s", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// receiver makes what takes the mails of some mailboxes in.
func (p *program) receiver(boxes []*servedMailbox, seal *mail.Seal, journey mail.Journey, serves func(string) bool, log *slog.Logger) *mail.Receiver {
	r := &mail.Receiver{
		Seal: seal, Journey: journey, Serves: serves, Log: log, Now: p.now, Verifier: mail.Verifier{Now: p.now, LookupTXT: p.lookupTXT},
	}
	for _, b := range boxes {
		r.Mailboxes = append(r.Mailboxes, b.Mailbox)
	}
	return r
}

// letterhead is what the letters of a mailbox have in common.
func (c *config) letterhead(b *servedMailbox, seal *mail.Seal) *mail.Letterhead {
	h := &mail.Letterhead{Address: b.Address, Detail: b.Detail, Seal: seal, Signer: b.signer, Now: time.Now}
	if c.PublicURL != "" {
		h.Unsubscribe = strings.TrimSuffix(c.PublicURL, "/") + unsubscribePath
	}
	return h
}

// mailParts are what serve starts for the mailboxes.
type mailParts struct {
	receiver *mail.Receiver
	clients  []*smtp.Client
	boxes    []*servedMailbox
}

// addMail has the journey send by the mailboxes, and mounts the page that ends
// mails in bulk.
func (p *program) addMail(ctx context.Context, c *config, mux *http.ServeMux, db ledger.DB, journey *state.Journey, boxes []*servedMailbox, catalog *locales.Catalog, log *slog.Logger,
) (*mailParts, error) {
	if len(boxes) == 0 {
		return &mailParts{}, nil
	}
	seal, err := newSeal(ctx, db)
	if err != nil {
		return nil, err
	}
	parts := &mailParts{boxes: boxes, receiver: p.receiver(boxes, seal, journey, communityServed(db), log)}
	var post mail.Post
	for _, b := range boxes {
		head := c.letterhead(b, seal)
		if err := head.Check(); err != nil {
			return nil, fmt.Errorf("the mailbox %s: %w", b.Address, err)
		}
		client := smtp.New(b.smtp, log)
		parts.clients = append(parts.clients, client)
		post = append(post, &mail.Outlet{Letterhead: head, Community: b.Community, Transport: client})
	}
	journey.Send(post, 0)
	if c.PublicURL != "" {
		mux.Handle(unsubscribePath, mail.UnsubscribePage(seal, journey, unsubscribeTexts(catalog), log))
	}
	return parts, nil
}

const unsubscribePath = "/mail/unsubscribe/"

// unsubscribeTexts are the words of that page, in the language of whoever
// looks at it.
func unsubscribeTexts(catalog *locales.Catalog) func(r *http.Request) mail.PageTexts {
	return func(r *http.Request) mail.PageTexts {
		locale := catalog.Codes()[0]
		wanted, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // what cannot be read says nothing
		for _, tag := range wanted {
			if base, _ := tag.Base(); catalog.Has(base.String()) {
				locale = base.String()
				break
			}
		}
		printer := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Time{})
		return mail.PageTexts{Locale: locale, Text: func(key string) string { return printer.Text("unsubscribe."+key, nil) }}
	}
}

// newSeal makes the seal that all processes of the host share.
func newSeal(ctx context.Context, db ledger.DB) (*mail.Seal, error) {
	key, err := state.Secret(ctx, db, "mail")
	if err != nil {
		return nil, err
	}
	return mail.NewSeal(key), nil
}

// communityServed says whether a community is there.
func communityServed(db ledger.DB) func(slug string) bool {
	return func(slug string) bool {
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		err := db.View(ctx, func(tx ledger.Tx) error {
			_, err := ledger.CommunityBySlug(ctx, tx, slug)
			return err
		})
		return err == nil || !ledger.IsNotFound(err) // where it cannot be said it may be
	}
}

// mailboxPause is how long a mailbox that refuses us rests before the next try.
const mailboxPause = 5 * time.Minute

// hear reads the mailbox until ctx ends: one process at a time does. Trouble of
// one mailbox is not another's: it is logged, and tried again.
// turns bounds how many mails all mailboxes together have in memory.
func (b *servedMailbox) hear(ctx context.Context, receiver *mail.Receiver, journey *state.Journey, turns chan struct{}, figures *figures, log *slog.Logger) error {
	log = log.With("mailbox", b.Address)
	hear := func(ctx context.Context, raw []byte, env mail.Envelope) error {
		env.AuthservIDs = b.authservIDs
		return receiver.Hear(ctx, raw, env)
	}
	box := imap.New(b.imap, hear, journey, log, imap.WithTurns(turns), imap.WithState(figures.mailbox(b.Address)))
	return journey.Lease(ctx, "imap "+b.Address, func(ctx context.Context) error {
		for ctx.Err() == nil {
			if err := box.Run(ctx); err != nil && ctx.Err() == nil {
				log.Error("a mailbox cannot be read", "channel", mail.Channel, "err", err)
				select {
				case <-ctx.Done():
				case <-time.After(mailboxPause):
				}
			}
		}
		return nil
	})
}

// startMail starts what hears mails.
func (c *config) startMail(ctx context.Context, running *parts, m *mailParts, journey *state.Journey, figures *figures, log *slog.Logger) {
	if len(m.boxes) == 0 {
		return
	}
	running.start(ctx, "mail connections", func(ctx context.Context) error {
		<-ctx.Done()
		for _, client := range m.clients {
			client.Close()
		}
		return nil
	})
	running.start(ctx, "mailboxes", func(ctx context.Context) error {
		var all errgroup.Group
		turns := make(chan struct{}, mailsAtOnce)
		for _, b := range m.boxes {
			if b.imap.URL != "" {
				all.Go(func() error { return b.hear(ctx, m.receiver, journey, turns, figures, log) })
			}
		}
		<-ctx.Done()
		return all.Wait()
	})
	if c.LMTP.Listen == "" {
		return
	}
	var own []string // the host's server hands over mails for the mailboxes that are read in no other way
	for _, b := range m.boxes {
		if b.imap.URL == "" {
			own = append(own, b.authservIDs...)
		}
	}
	hear := func(ctx context.Context, raw []byte, env mail.Envelope) error {
		env.AuthservIDs = own
		return m.receiver.Hear(ctx, raw, env)
	}
	running.start(ctx, "mail server", lmtp.New(c.lmtp(), hear, m.receiver.Takes, log).Run)
}

// mailsAtOnce is how many mails the mailboxes have in memory at a time, of up to
// mail.MaxSize.
const mailsAtOnce = 4

func (c *config) lmtp() lmtp.Config {
	network, address := "tcp", c.LMTP.Listen
	if strings.Contains(address, "/") {
		network = "unix"
		if absolute, err := filepath.Abs(c.path(address)); err == nil {
			address = absolute
		}
	}
	return lmtp.Config{Network: network, Addr: address, SMTP: c.LMTP.SMTP, MaxSize: mail.MaxSize}
}

// errNoMailbox is for commands that need one.
var errNoMailbox = errors.New("the configuration has no mailbox: add a [[mail]] table. crier.example.toml has one to start from")
