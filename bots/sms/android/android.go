// Package android sends and receives by "SMS Gateway for Android" (SMSGate): an
// app that makes an ordinary telephone a gateway.
//
// Its documentation is at https://docs.sms-gate.app/. It works alike in the
// app's three modes, which differ by where it is reached (Settings.URL):
//
//	the public server   https://api.sms-gate.app/3rdparty/v1 (if URL is empty)
//	a server of one's own   https://sms.example.org/api/3rdparty/v1
//	the telephone itself    http://192.168.1.10:8080
//
// In all of them it is the telephone that calls the webhooks, and it does so
// only where they are https, with a certificate that it trusts. Where there is
// no such address, a telephone in the same network is asked instead (poll.go).
// One mode is enough: registered by two, each text is brought by both, and the
// second time falls away.
package android

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crier/bots/sms"
)

// publicServer is where the app's makers run a server for everybody.
const publicServer = "https://api.sms-gate.app/3rdparty/v1"

// Kind is a telephone with SMS Gateway for Android. Its Secret and User are the
// password and the user that the app shows for the mode, Signing is the signing
// key from the app's settings of webhooks.
//
// Its webhooks register themselves; without any it is asked for what came in.
// Should several telephones share an account there, the same text goes out once
// only as far as the server can tell.
var Kind = sms.Kind{
	Name:  "android",
	Needs: []string{"user", "secret", "number"},
	Takes: []string{"url", "signing", "clock_skew"},
	Hooks: []sms.Hook{
		{Path: "in", Methods: []string{http.MethodPost}, For: "sms:received (registers itself)"},
		{Path: "receipt", Methods: []string{http.MethodPost}, For: "sms:sent, sms:delivered and sms:failed (register themselves)"},
	},
	Public:     true,
	Looks:      true,
	Signed:     true,
	Receipts:   true,
	Idempotent: true,
	PerSecond:  0.5, // a telephone is slow, and carriers grow suspicious
	New:        newGateway,
}

// gateway is one telephone.
type gateway struct {
	settings sms.Settings
	line     *sms.Line
	base     string // URL without a slash at the end
	client   *http.Client

	undecided undecided // where there are no webhooks
}

func newGateway(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
	base := strings.TrimRight(cmp.Or(settings.URL, publicServer), "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return nil, errors.New("url must be like " + publicServer + " or http://192.168.1.10:8080")
	}
	switch {
	case settings.User == "" || settings.Secret == "":
		return nil, errors.New("user and secret must be there: the app shows both")
	case settings.Hook != "" && settings.Signing == "":
		return nil, errors.New("the webhooks need the signing key: the app shows it in its settings")
	case settings.Hook == "" && base == publicServer:
		return nil, errors.New("without a public_url that begins with https the telephone has to be in the same network: url is then like http://192.168.1.10:8080")
	}
	return &gateway{settings: settings, line: line, base: base, client: newClient(settings.Timeout)}, nil
}

// Probe says which webhooks are registered, and when the telephone was last
// there.
func (g *gateway) Probe(ctx context.Context) (string, error) {
	registered, err := g.registered(ctx)
	if err != nil {
		return "", fmt.Errorf("ask for the webhooks: %w%s", err, g.advice(err))
	}
	var said []string
	if g.settings.Hook != "" {
		there, all := 0, 0
		for _, w := range g.wanted() {
			is := len(w.among(registered)) > 0
			if is {
				there++
			}
			if is || !w.young {
				all++
			}
		}
		said = append(said, fmt.Sprintf("%d of %d webhooks are registered", there, all))
	}
	seen, err := g.lastSeen(ctx)
	if err != nil {
		return "", fmt.Errorf("ask for the telephone: %w", err)
	}
	return strings.Join(append(said, fmt.Sprintf("the telephone was there %v ago", max(g.line.Now().Sub(seen), 0).Round(time.Second))), ", "), nil
}

// advice says what to look at on the telephone, in words of the app.
func (g *gateway) advice(err error) string {
	switch {
	case refused(err, http.StatusUnauthorized):
		return ": user and the secret have to be as the app shows them"
	case g.settings.Hook == "":
		return ": is the app Online, on the same Wi-Fi, and url the address that it shows?"
	}
	return ""
}

// lastSeen is when the telephone was last there. Its own server calls the list
// by another name than the others.
func (g *gateway) lastSeen(ctx context.Context) (time.Time, error) {
	var devices []struct {
		LastSeen time.Time `json:"lastSeen"`
	}
	err := g.call(ctx, http.MethodGet, "/devices", nil, &devices)
	if refused(err, http.StatusNotFound) {
		err = g.call(ctx, http.MethodGet, "/device", nil, &devices)
	}
	if err != nil {
		return time.Time{}, err
	}
	var last time.Time
	for _, d := range devices {
		if d.LastSeen.After(last) {
			last = d.LastSeen
		}
	}
	if last.IsZero() {
		return time.Time{}, errors.New("no telephone belongs to the account: the app has to be online once")
	}
	return last, nil
}
