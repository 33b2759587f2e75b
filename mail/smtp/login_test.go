package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	wire "github.com/emersion/go-smtp"

	"crier/conversation"
	"crier/mail/smtp"
	"crier/mail/smtp/smtptest"
)

func TestWaysToLogIn(t *testing.T) {
	token := func(context.Context) (string, error) { return "token", nil }
	for name, c := range map[string]struct {
		offers smtptest.Options
		scheme string
		token  func(context.Context) (string, error)
		login  string // as the server saw it
	}{
		"PLAIN after STARTTLS":    {smtptest.Options{TLS: true, Mechanisms: []string{"LOGIN", "PLAIN"}}, "smtp", nil, "PLAIN river secret"},
		"LOGIN after STARTTLS":    {smtptest.Options{TLS: true, Mechanisms: []string{"LOGIN"}}, "smtp", nil, "LOGIN river secret"},
		"PLAIN over TLS":          {smtptest.Options{Implicit: true, Mechanisms: []string{"PLAIN"}}, "smtps", nil, "PLAIN river secret"},
		"XOAUTH2 over TLS":        {smtptest.Options{Implicit: true, Mechanisms: []string{"PLAIN", "XOAUTH2"}}, "smtps", token, "XOAUTH2 river token"},
		"PLAIN on this machine":   {smtptest.Options{Mechanisms: []string{"PLAIN"}}, "smtp", nil, "PLAIN river secret"},
		"XOAUTH2 after STARTTLS":  {smtptest.Options{TLS: true, Mechanisms: []string{"XOAUTH2"}}, "smtp", token, "XOAUTH2 river token"},
		"nothing on this machine": {smtptest.Options{}, "smtp", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.offers.User, c.offers.Secret = "river", "secret"
			if c.token != nil {
				c.offers.Secret = "token"
			}
			server := smtptest.Start(t, c.offers)
			config := configFor(server, c.scheme)
			if c.login != "" {
				config.User, config.Token = "river", c.token
				if c.token == nil {
					config.Password = "secret"
				}
			}
			if err := smtp.Probe(t.Context(), config); err != nil {
				t.Fatalf("probe: %v", err)
			}
			if n := server.Count(); n != 0 {
				t.Errorf("the probe sent %d mails", n)
			}
			send(t, newClient(t, config), 1)
			got := server.Mails()[0]
			if secure := c.offers.TLS || c.offers.Implicit; got.Login != c.login || got.TLS != secure {
				t.Errorf("login %q, TLS %v; want %q, %v", got.Login, got.TLS, c.login, secure)
			}
		})
	}
}

func TestARefusedLoginFailsNobodysMail(t *testing.T) {
	type meaning = conversation.SendError
	expired := func(context.Context) (string, error) { return "expired", nil }
	none := func(context.Context) (string, error) { return "", errors.New("the token server is down") }
	for name, c := range map[string]struct {
		mechanism string
		token     func(context.Context) (string, error)
		script    []smtptest.Answer
		login     bool // it is ErrLogin
		wait      time.Duration
	}{
		"wrong password (PLAIN)":  {"PLAIN", nil, nil, true, 10 * time.Minute},
		"wrong password (LOGIN)":  {"LOGIN", nil, nil, true, 10 * time.Minute},
		"expired token":           {"XOAUTH2", expired, nil, true, 10 * time.Minute},
		"no token":                {"XOAUTH2", none, nil, false, 5 * time.Minute},
		"application password":    {"PLAIN", nil, []smtptest.Answer{{Code: 534, Enhanced: wire.EnhancedCode{5, 7, 9}, Text: "Application-specific password required"}}, true, 10 * time.Minute},
		"too many at a time":      {"PLAIN", nil, []smtptest.Answer{{Code: 454, Enhanced: wire.EnhancedCode{4, 7, 0}, Text: "Too many login attempts"}}, false, 5 * time.Minute},
		"another kind of login":   {"CRAM-MD5", nil, nil, false, 10 * time.Minute},
		"only with OAuth offered": {"XOAUTH2", nil, nil, false, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Options{TLS: true, Mechanisms: []string{c.mechanism}, User: "river", Secret: "secret"})
			server.Script("auth", c.script...)
			config := configFor(server, "smtp")
			config.User, config.Token = "river", c.token
			if c.token == nil {
				config.Password = "s3cret-of-old"
			}
			err := newClient(t, config).Send(soon(t, 10*time.Second), letter(1))
			var got *meaning
			if !errors.As(err, &got) || got.Final || !got.Everybody || got.RetryAfter != c.wait || errors.Is(err, smtp.ErrLogin) != c.login {
				t.Errorf("%v: %+v", err, got)
			}
			server.Script("auth", c.script...)
			probed := smtp.Probe(t.Context(), config)
			if probed == nil || errors.Is(probed, smtp.ErrLogin) != c.login {
				t.Errorf("the probe says: %v", probed)
			}
			for _, secret := range []string{"s3cret", "expired"} {
				if strings.Contains(err.Error()+probed.Error(), secret) {
					t.Errorf("%v says the secret", err)
				}
			}
		})
	}
}

func TestWhatIsWrongWithTLSIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		offers smtptest.Options
		scheme string
		want   string
	}{
		"a certificate of nobody":            {smtptest.Options{Implicit: true}, "smtps", "nobody vouches"},
		"a certificate of nobody (STARTTLS)": {smtptest.Options{TLS: true}, "smtp", "nobody vouches"},
		"no TLS at a port for it":            {smtptest.Options{TLS: true}, "smtps", "smtp:// may be right"},
	} {
		server := smtptest.Start(t, c.offers)
		config := configFor(server, c.scheme)
		config.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		if err := smtp.Probe(soon(t, 10*time.Second), config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		var said *conversation.SendError
		if err := newClient(t, config).Send(soon(t, 10*time.Second), letter(1)); err == nil || errors.As(err, &said) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnThisMachineACertificateNeedsNoName(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{TLS: true})
	send(t, newClient(t, smtp.Config{URL: "smtp://" + server.Addr}), 1)
	if got := server.Mails(); len(got) != 1 || !got[0].TLS {
		t.Errorf("%+v", got)
	}
}

func TestCheckSpeaksToTheOperator(t *testing.T) {
	token := func(context.Context) (string, error) { return "", nil }
	for name, c := range map[string]struct {
		config smtp.Config
		want   string // in the error; "": all is well
	}{
		"TLS":                   {smtp.Config{URL: "smtps://mail.example.org", User: "u", Password: "p"}, ""},
		"STARTTLS":              {smtp.Config{URL: "smtp://mail.example.org:2587/", User: "u", Token: token}, ""},
		"no login":              {smtp.Config{URL: "smtp://localhost:25", Hostname: "crier.example.org", Connections: 8}, ""},
		"nothing":               {smtp.Config{}, "smtps://mail.example.org"},
		"a bare host":           {smtp.Config{URL: "mail.example.org"}, "smtps://mail.example.org"},
		"another scheme":        {smtp.Config{URL: "https://mail.example.org"}, "smtps://mail.example.org"},
		"a path":                {smtp.Config{URL: "smtps://mail.example.org/x"}, "smtps://mail.example.org"},
		"the login in the URL":  {smtp.Config{URL: "smtps://u:p@mail.example.org"}, "do not belong"},
		"a password of nobody":  {smtp.Config{URL: "smtps://mail.example.org", Password: "p"}, "no user"},
		"a user without":        {smtp.Config{URL: "smtps://mail.example.org", User: "u"}, "no password"},
		"two kinds of login":    {smtp.Config{URL: "smtps://mail.example.org", User: "u", Password: "p", Token: token}, "not both"},
		"a password of lines":   {smtp.Config{URL: "smtps://mail.example.org", User: "u", Password: "p\r\n"}, "one line"},
		"a host name of spaces": {smtp.Config{URL: "smtps://mail.example.org", Hostname: "a b"}, "crier.example.org"},
		"too many connections":  {smtp.Config{URL: "smtps://mail.example.org", Connections: 1000}, "1 to 100"},
	} {
		err := c.config.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.want != "" && smtp.Probe(t.Context(), c.config) == nil {
			t.Errorf("%s: the probe finds nothing", name)
		}
	}
}
