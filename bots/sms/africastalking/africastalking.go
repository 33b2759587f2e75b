// Package africastalking sends and receives texts by Africa's Talking, and
// takes the USSD sessions that it brings.
//
// Its documentation is at https://developers.africastalking.com/docs/sms/overview
// and https://developers.africastalking.com/docs/ussd/overview.
package africastalking

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"crier/bots/sms"
)

// Where Africa's Talking is. In its sandbox every user is called sandbox.
const (
	provider = "https://api.africastalking.com"
	sandbox  = "https://api.sandbox.africastalking.com"
)

// Kind is an app at Africa's Talking: User is its user name and Secret its API
// key. With neither Number nor Sender texts come from AFRICASTKNG, and nobody
// can answer them.
//
// Nothing that it brings is signed: the secret path is all that protects the
// webhooks. It does not say either whether it brings again what was not
// acknowledged.
var Kind = sms.Kind{
	Name:  "africastalking",
	Needs: []string{"user", "secret"},
	Takes: []string{"url", "number", "sender"},
	Hooks: []sms.Hook{
		{Path: "in", Methods: []string{http.MethodPost}, For: "SMS callback URL, incoming messages"},
		{Path: "receipt", Methods: []string{http.MethodPost}, For: "SMS callback URL, delivery reports"},
		{Path: "optout", Methods: []string{http.MethodPost}, For: "SMS callback URL, bulk SMS opt out"},
		{Path: "ussd", Methods: []string{http.MethodPost}, For: "USSD callback URL of the service code"},
		{Path: "ussd-end", Methods: []string{http.MethodPost}, For: "USSD events callback URL"},
	},
	Public:   true,
	Receipts: true,
	Dials:    true,
	New:      newGateway,
}

// gateway is one app.
type gateway struct {
	settings sms.Settings
	line     *sms.Line
	base     string // URL without a slash at the end
	client   *http.Client
}

func newGateway(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
	own := provider
	if settings.User == "sandbox" {
		own = sandbox
	}
	base := strings.TrimRight(cmp.Or(settings.URL, own), "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("url must be like " + provider)
	}
	if settings.User == "" || settings.Secret == "" {
		return nil, errors.New("user and secret must be there: they are the app's user name and API key")
	}
	return &gateway{settings: settings, line: line, base: base, client: newClient(settings.Timeout)}, nil
}

// Probe asks for the balance of the app.
func (g *gateway) Probe(ctx context.Context) (string, error) {
	answer, err := g.call(ctx, http.MethodGet, "/version1/user?"+url.Values{"username": {g.settings.User}}.Encode(), nil)
	if r := (*refusal)(nil); errors.As(err, &r) && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden) {
		return "", errors.New("user or secret are wrong: they are the app's user name and API key")
	}
	if err != nil {
		return "", fmt.Errorf("ask for the balance: %w", err)
	}
	var app struct {
		UserData struct {
			Balance string `json:"balance"` // "KES 1785.50"
		} `json:"UserData"`
	}
	if json.Unmarshal(answer, &app) != nil || app.UserData.Balance == "" {
		return "", errFormat
	}
	return "balance " + app.UserData.Balance, nil
}
