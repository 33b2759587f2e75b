package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"crier/bots/sms"
	"crier/bots/telegram"
	"crier/mail"
)

// config is what crier.toml holds. crier.example.toml describes every key.
type config struct {
	Database     string           `toml:"database"`
	DatabaseFile string           `toml:"database_file"`
	Listen       string           `toml:"listen"`
	Log          logConfig        `toml:"log"`
	PublicURL    string           `toml:"public_url"` // of Listen, as seen from outside; "": it is not
	Telegram     []telegramConfig `toml:"telegram"`
	Mail         []mailConfig     `toml:"mail"`
	SMS          []smsConfig      `toml:"sms"`
	LMTP         lmtpConfig       `toml:"lmtp"`
	Phone        phoneConfig      `toml:"phone"`

	dir string // of the file: relative paths in it start there
}

type logConfig struct {
	Format string `toml:"format"` // "text" or "json"
	Level  string `toml:"level"`  // "debug", "info", "warn" or "error"
}

type telegramConfig struct {
	Community  string `toml:"community"` // slug; "": all
	TokenEnv   string `toml:"token_env"`
	TokenFile  string `toml:"token_file"`
	Webhook    string `toml:"webhook"` // "": the bot polls
	SecretEnv  string `toml:"webhook_secret_env"`
	SecretFile string `toml:"webhook_secret_file"`
	Endpoint   string `toml:"endpoint"` // "": Telegram's own
}

// mailConfig is one mailbox.
type mailConfig struct {
	Community    string   `toml:"community"` // slug; "": all
	Address      string   `toml:"address"`
	Detail       string   `toml:"detail"` // "+": mails to river+anything@ come too
	IMAP         string   `toml:"imap"`   // URL; "": mails come by LMTP
	SMTP         string   `toml:"smtp"`   // URL
	User         string   `toml:"user"`   // "": the address
	PasswordEnv  string   `toml:"password_env"`
	PasswordFile string   `toml:"password_file"`
	Folder       string   `toml:"folder"`
	MoveTo       string   `toml:"move_to"` // "": they stay, marked as read
	Problems     string   `toml:"problems"`
	AuthservIDs  []string `toml:"authserv_ids"`
	DKIMSelector string   `toml:"dkim_selector"` // "": the mail server signs
	DKIMKeyFile  string   `toml:"dkim_key_file"`
	Connections  int      `toml:"connections"`
	CAFile       string   `toml:"ca_file"` // "": the certificates that the machine trusts

	// OAuth 2, for providers that want it in place of a password.
	OAuthTokenURL    string `toml:"oauth_token_url"` // "": a password
	OAuthClientID    string `toml:"oauth_client_id"`
	OAuthSecretEnv   string `toml:"oauth_client_secret_env"`
	OAuthSecretFile  string `toml:"oauth_client_secret_file"`
	OAuthRefreshEnv  string `toml:"oauth_refresh_token_env"`
	OAuthRefreshFile string `toml:"oauth_refresh_token_file"`
}

// smsConfig is one gateway for text messages. Which of its settings a make of
// gateway needs is in its sms.Kind.
type smsConfig struct {
	Community   string  `toml:"community"` // slug; "": all
	Name        string  `toml:"name"`      // "": the gateway's, and the community's behind it
	Gateway     string  `toml:"gateway"`   // make: sms.Kind.Name
	URL         string  `toml:"url"`
	User        string  `toml:"user"`
	SecretEnv   string  `toml:"secret_env"`
	SecretFile  string  `toml:"secret_file"`
	SigningEnv  string  `toml:"signing_env"`
	SigningFile string  `toml:"signing_file"`
	Number      string  `toml:"number"`
	Sender      string  `toml:"sender"`
	Dir         string  `toml:"dir"`
	Callback    string  `toml:"callback"` // where the gateway reaches Listen; "": PublicURL, or else Listen itself
	Region      string  `toml:"region"`   // "": the number's
	ClockSkew   string  `toml:"clock_skew"`
	PerSecond   float64 `toml:"per_second"` // 0: what is usual for the gateway
	Price       string  `toml:"price"`      // of a segment: "0.07 EUR"
}

// name tells a gateway from the others of the host.
func (s smsConfig) name() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Community != "":
		return s.Gateway + "-" + s.Community
	}
	return s.Gateway
}

// lmtpConfig is where a mail server hands mails over.
type lmtpConfig struct {
	Listen string `toml:"listen"` // host:port, or the path of a socket; "": nowhere
	SMTP   bool   `toml:"smtp"`   // it speaks SMTP there
}

type phoneConfig struct {
	Enabled  bool     `toml:"enabled"`
	Listen   string   `toml:"listen"`
	Host     string   `toml:"host"`
	KeyEnv   string   `toml:"key_env"`
	KeyFile  string   `toml:"key_file"`
	Channels []string `toml:"channels"` // that the page stands for
}

// Names of the environment variables that hold secrets, unless the
// configuration names others.
const (
	tokenEnv  = "CRIER_TELEGRAM_TOKEN"
	secretEnv = "CRIER_WEBHOOK_SECRET"
	keyEnv    = "CRIER_PHONE_KEY"

	passwordEnv   = "CRIER_MAIL_PASSWORD"
	smsSecretEnv  = "CRIER_SMS_SECRET"
	smsSigningEnv = "CRIER_SMS_SIGNING"

	oauthSecretEnv  = "CRIER_OAUTH_CLIENT_SECRET"
	oauthRefreshEnv = "CRIER_OAUTH_REFRESH_TOKEN"
)

// keyMin is how long the key of the browser phone must be.
const keyMin = 16

func defaults() *config {
	return &config{
		Database: defaultDatabase,
		Listen:   "127.0.0.1:8481",
		Log:      logConfig{Format: "text", Level: "info"},
		Phone:    phoneConfig{Listen: "127.0.0.1:8482", KeyEnv: keyEnv, Channels: []string{"phone"}},
	}
}

func defaultMailbox() mailConfig {
	return mailConfig{
		PasswordEnv: passwordEnv, Folder: "INBOX", Problems: "Crier problems", Connections: 4, AuthservIDs: []string{},
		OAuthSecretEnv: oauthSecretEnv, OAuthRefreshEnv: oauthRefreshEnv,
	}
}

func defaultGateway() smsConfig { return smsConfig{SecretEnv: smsSecretEnv, SigningEnv: smsSigningEnv} }

func defaultBot() telegramConfig { return telegramConfig{TokenEnv: tokenEnv, SecretEnv: secretEnv} }

// loadConfig reads a configuration file. A key that crier does not know is an
// error.
func loadConfig(file string) (*config, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration file %s: crier.example.toml is one to start from", file)
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w", err)
	}
	c := defaults()
	meta, err := toml.Decode(string(data), c)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return nil, fmt.Errorf("%s, line %d: %s", file, parse.Position.Line, parse.Message)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: crier knows no setting %q: crier.example.toml lists them all", file, unknown[0].String())
	}
	for i := range c.Telegram {
		b, d := &c.Telegram[i], defaultBot()
		if b.TokenEnv == "" {
			b.TokenEnv = d.TokenEnv
		}
		if b.SecretEnv == "" {
			b.SecretEnv = d.SecretEnv
		}
	}
	for i := range c.SMS {
		s, d := &c.SMS[i], defaultGateway()
		if s.SecretEnv == "" {
			s.SecretEnv = d.SecretEnv
		}
		if s.SigningEnv == "" {
			s.SigningEnv = d.SigningEnv
		}
	}
	for i := range c.Mail {
		m, d := &c.Mail[i], defaultMailbox()
		for _, one := range []struct{ set, to *string }{
			{&m.PasswordEnv, &d.PasswordEnv},
			{&m.Folder, &d.Folder},
			{&m.Problems, &d.Problems},
			{&m.OAuthSecretEnv, &d.OAuthSecretEnv},
			{&m.OAuthRefreshEnv, &d.OAuthRefreshEnv},
		} {
			if *one.set == "" {
				*one.set = *one.to
			}
		}
		if m.Connections == 0 {
			m.Connections = d.Connections
		}
	}
	c.dir = filepath.Dir(file)
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func (c *config) check() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen is %q, not an address such as 127.0.0.1:8481", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.Phone.Listen); err != nil {
		return fmt.Errorf("phone.listen is %q, not an address such as 127.0.0.1:8482", c.Phone.Listen)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		return fmt.Errorf("log.format is %q, not text or json", c.Log.Format)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		return fmt.Errorf("log.level is %q, not debug, info, warn or error", c.Log.Level)
	}
	paths := map[string]bool{"/healthz": true, "/metrics": true}
	for _, b := range c.Telegram {
		if b.Webhook == "" {
			continue
		}
		path, err := webhookPath(b.Webhook)
		if err != nil {
			return err
		}
		if paths[path] {
			return fmt.Errorf("telegram.webhook: the path %s is used twice: give each bot its own", path)
		}
		paths[path] = true
	}
	if err := c.checkMail(); err != nil {
		return err
	}
	if c.Phone.Enabled && len(c.SMS) > 0 && slices.Contains(c.Phone.Channels, sms.Channel) {
		return errors.New("phone.channels: there is a real gateway for sms, so the page cannot stand for it")
	}
	for _, s := range c.SMS {
		if s.PerSecond < 0 {
			return errors.New("sms.per_second cannot be below 0")
		}
		if u, err := url.Parse(s.Callback); s.Callback != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return errors.New("sms.callback must be an address such as https://crier.example")
		}
	}
	if c.Phone.Enabled && len(c.Phone.Channels) == 0 {
		return errors.New("phone.channels is empty: the page stands for no channel")
	}
	if c.Phone.Enabled && len(c.Telegram) > 0 && slices.Contains(c.Phone.Channels, telegram.Channel) {
		return errors.New("phone.channels: there is a real bot for telegram, so the page cannot stand for it")
	}
	if c.Phone.Enabled && len(c.Mail) > 0 && slices.Contains(c.Phone.Channels, mail.Channel) {
		return errors.New("phone.channels: there is a real mailbox, so the page cannot stand for it")
	}
	return nil
}

// checkMail says what is missing or twice in the mailboxes. What their servers
// are asked for is checked where they are made.
func (c *config) checkMail() error {
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" {
			return errors.New("public_url must be an address such as https://crier.example")
		}
	}
	seen, serves := map[string]bool{}, map[string]bool{}
	for i := range c.Mail {
		m := &c.Mail[i]
		address, ok := mail.CanonicalAddress(m.Address)
		switch {
		case !ok:
			return fmt.Errorf("mail.address is %q, not a mail address such as river@example.org", m.Address)
		case seen[address]:
			return fmt.Errorf("mail.address: %s stands in two [[mail]] tables", address)
		case serves[m.Community]:
			return fmt.Errorf("mail.community: two mailboxes serve %q: each community has one", m.Community)
		case m.Detail != "" && m.Detail != "+" && m.Detail != "-":
			return fmt.Errorf("mail.detail is %q, not + or - or nothing", m.Detail)
		case m.SMTP == "":
			return fmt.Errorf("mail.smtp: %s has no server to send by, such as smtps://smtp.example.org", address)
		case m.IMAP == "" && c.LMTP.Listen == "":
			return fmt.Errorf("mail.imap: nothing says how the mails to %s come: set imap, or listen in [lmtp]", address)
		case slices.ContainsFunc(m.AuthservIDs, func(id string) bool { return strings.ContainsAny(id, "= ;") }):
			return errors.New("mail.authserv_ids: each is the name of a server, such as mx.google.com (for Microsoft outlook.com)")
		case (m.DKIMSelector == "") != (m.DKIMKeyFile == ""):
			return errors.New("mail.dkim_selector and mail.dkim_key_file go together")
		}
		seen[address], serves[m.Community] = true, true
		m.Address = address
	}
	if c.LMTP.Listen != "" && len(c.Mail) == 0 {
		return errors.New("lmtp.listen: there is no [[mail]] table that says which address mails come to")
	}
	return nil
}

// pathForm is a path without anything that a pattern or an escape could be.
var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// webhookPath is the path under which serve answers a webhook.
func webhookPath(webhook string) (string, error) {
	u, err := url.Parse(webhook)
	if err != nil || u.Host == "" || !pathForm.MatchString(u.Path) {
		return "", errors.New("telegram.webhook must be an address with a path, such as https://crier.example/telegram/riverbank")
	}
	return u.Path, nil
}

// path is a file that the configuration names.
func (c *config) path(name string) string {
	if name == "" || name == ":memory:" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// logger makes the log that the configuration asks for.
func (c *config) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked when it was loaded
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// secret reads a secret from the file if one is named, else from the
// environment; "" where there is none.
func (p *program) secret(c *config, file, env string) (string, error) {
	if file != "" {
		return readSecret(c.path(file))
	}
	return strings.TrimSpace(p.getenv(env)), nil
}

func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("a secret cannot be read: %w", err)
	}
	s := strings.TrimSpace(string(data))
	if s == "" {
		return "", fmt.Errorf("the secret in %s is empty", file)
	}
	return s, nil
}
