// Package vonage sends and receives by the SMS API of Vonage, which was Nexmo:
// the one of https://developer.vonage.com/en/messaging/sms/overview, and not
// their newer Messages API.
package vonage

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

// provider is where Vonage itself is.
const provider = "https://rest.nexmo.com"

// Kind is an account at Vonage: User and Secret are its API key and API secret.
//
// Signing is its signature secret. Vonage signs what it brings only where its
// support has been asked to, and then by the method that the account's settings
// name: any is taken. Where Signing is "" nothing but the secret path protects
// the webhooks; where it is set, what is not signed is refused.
//
// Sender may be a name in countries that allow it, which then nobody can answer.
var Kind = sms.Kind{
	Name:  "vonage",
	Needs: []string{"user", "secret", "number"},
	Takes: []string{"url", "signing", "sender", "clock_skew"},
	Hooks: []sms.Hook{
		{Path: "in", Methods: []string{http.MethodPost, http.MethodGet}, For: "Inbound SMS webhook"},
		{Path: "receipt", Methods: []string{http.MethodPost, http.MethodGet}, For: "Delivery receipts (DLR) webhook"},
	},
	Public:   true,
	Signed:   true,
	Receipts: true,
	// Those of short codes in North America, as of numbers of ten digits with
	// Opt-Out Assist (https://developer.vonage.com/en/opt-out-assist/guides/key-word-setup);
	// of toll-free numbers, the carriers take STOP and UNSTOP.
	Reserved:  []string{"STOP", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSTOP", "START", "JOIN", "HELP"},
	PerSecond: 30, // requests, for each API key; a long number in North America can do 1
	New:       newGateway,
}

// gateway is one account.
type gateway struct {
	settings sms.Settings
	line     *sms.Line
	base     string // URL without a slash at the end
	client   *http.Client
}

func newGateway(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
	base := strings.TrimRight(cmp.Or(settings.URL, provider), "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("url must be like " + provider)
	}
	if settings.User == "" || settings.Secret == "" {
		return nil, errors.New("user and secret must be there: they are the API key and the API secret of the dashboard")
	}
	if settings.From() == "" {
		return nil, errors.New("number must be there: the one that the account rents")
	}
	return &gateway{settings: settings, line: line, base: base, client: newClient(settings.Timeout)}, nil
}

// Probe asks for the balance, which Vonage keeps in euros.
func (g *gateway) Probe(ctx context.Context) (string, error) {
	var account struct {
		Value json.Number `json:"value"`
	}
	err := g.call(ctx, http.MethodGet, "/account/get-balance", nil, &account)
	if r := (*refusal)(nil); errors.As(err, &r) && (r.status == http.StatusUnauthorized || r.status == http.StatusForbidden) {
		return "", errors.New("user or secret are wrong: they are the API key and the API secret of the dashboard")
	}
	if err != nil {
		return "", fmt.Errorf("ask for the balance: %w", err)
	}
	balance, err := account.Value.Float64()
	if err != nil {
		return "", errFormat
	}
	return fmt.Sprintf("balance %.2f EUR", balance), nil
}
