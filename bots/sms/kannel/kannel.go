// Package kannel sends and receives by Kannel, a gateway that operators of
// networks and of GSM modems have run for long: bearerbox, which has the links,
// and smsbox, which speaks HTTP.
//
// Its documentation is the User's Guide of version 1.4.5 at
// https://www.kannel.org/documentation.shtml. Config is what it has to be told.
package kannel

import (
	"cmp"
	"context"
	_ "embed" // of Config
	"errors"
	"net/http"
	"net/url"
	"strings"

	"crier/bots/sms"
)

// Config is a configuration of Kannel for Crier, for the operator to fill in.
//
//go:embed kannel.conf.example
var Config string

// sendsms is where smsbox takes texts unless it is told otherwise.
const sendsms = "http://127.0.0.1:13013/cgi-bin/sendsms"

// Kind is Kannel. User and Secret are those of a sendsms-user. URL is where
// smsbox takes texts; a query of it is kept, as in "…/sendsms?smsc=link".
//
// Kannel does not sign what it brings: only the secret path protects it. Neither
// does it know a text again that is submitted twice.
var Kind = sms.Kind{
	Name:  "kannel",
	Needs: []string{"user", "secret", "number"},
	Takes: []string{"url", "sender"},
	Hooks: []sms.Hook{
		{Path: "in", Methods: []string{http.MethodGet, http.MethodPost}, For: "send-url of a link, or post-url or get-url of an sms-service"},
		{Path: "receipt", Methods: []string{http.MethodGet}, For: "dlr-url (Crier tells it with each text)"},
	},
	Receipts: true,
	New:      newGateway,
}

// gateway is one smsbox.
type gateway struct {
	settings sms.Settings
	line     *sms.Line
	sendsms  url.URL
	client   *http.Client
}

func newGateway(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
	u, err := url.Parse(cmp.Or(settings.URL, sendsms))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("url must be like " + sendsms)
	}
	if settings.User == "" || settings.Secret == "" {
		return nil, errors.New("user and secret must be there: those of a sendsms-user in Kannel's configuration")
	}
	if strings.Contains(settings.Hook, "%") {
		return nil, errors.New("the address of the webhooks must have no %, which Kannel would take for an escape")
	}
	return &gateway{settings: settings, line: line, sendsms: *u, client: newClient(settings.Timeout)}, nil
}

// Probe finds out whether smsbox lets us in: who is let in is told that a text
// without a receiver is none.
func (g *gateway) Probe(ctx context.Context) (string, error) {
	answer, err := g.call(ctx, url.Values{})
	switch {
	case err != nil:
		return "", err
	case answer.status == http.StatusBadRequest && strings.Contains(answer.says, "receiver"):
		return "smsbox lets us in", nil
	}
	return "", answer.meaning()
}
