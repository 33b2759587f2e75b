// Package twilio sends and receives by Twilio's Programmable Messaging
// (https://www.twilio.com/docs/messaging/api/message-resource).
//
// Twilio calls the webhook of a text once, and again only within some seconds.
// What came while nobody could hear it is therefore also looked for in Twilio's
// own list, when Crier starts and every quarter of an hour (backfill.go).
package twilio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"crier/bots/sms"
)

// endpoint is Twilio's own address.
const endpoint = "https://api.twilio.com"

// Kind is an account at Twilio. User is its SID ("AC…") and Secret its auth
// token; or User is "AC…:SK…" and Secret that of the API key "SK…", Signing
// then being the auth token. A Sender "MG…" is a messaging service.
//
// Without a public address for its webhooks, Twilio's list is looked through
// all the time, and there are no receipts.
//
// Twilio's signatures hold no time. A call that is replayed brings the id that
// it brought the first time, and is nothing new.
var Kind = sms.Kind{
	Name:  "twilio",
	Needs: []string{"user", "secret", "number"},
	Takes: []string{"url", "signing", "sender"},
	Hooks: []sms.Hook{
		{Path: "in", Methods: []string{http.MethodPost}, For: "A message comes in: webhook, HTTP POST, with #rc=5&rp=all behind the address"},
		{Path: "receipt", Methods: []string{http.MethodPost}, For: "status callback (goes along with each message)"},
	},
	Public:   true,
	Looks:    true,
	Signed:   true,
	Receipts: true,
	// https://help.twilio.com/articles/223134027: after the first eight Twilio
	// sends nothing more, after the next three it does so again, and it answers
	// the last two itself.
	Reserved: []string{
		"STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT",
		"START", "YES", "UNSTOP", "HELP", "INFO",
	},
	PerSecond: 1, // segments that an American long number sends
	New:       newGateway,
}

// gateway is one account and its number.
type gateway struct {
	settings sms.Settings
	line     *sms.Line
	account  string // its SID
	login    string // SID of the account, or of an API key
	messages string // URL of the list of messages, without ".json"
	client   *http.Client

	claims claims
}

func newGateway(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
	account, key, _ := strings.Cut(settings.User, ":")
	if account == "" || settings.Secret == "" || settings.Number == "" {
		return nil, errors.New("user, secret and number must be there: the account's SID, its auth token and its number")
	}
	base := strings.TrimRight(cmp.Or(settings.URL, endpoint), "/")
	if u, err := url.Parse(base); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return nil, errors.New("url must be like " + endpoint)
	}
	return &gateway{
		settings: settings, line: line, account: account, login: cmp.Or(key, account),
		messages: base + "/2010-04-01/Accounts/" + url.PathEscape(account) + "/Messages",
		client:   newClient(settings.Timeout),
	}, nil
}

// Probe says whether the account is active, and its balance where the login may
// see it.
func (g *gateway) Probe(ctx context.Context) (string, error) {
	root := strings.TrimSuffix(g.messages, "/Messages")
	var account struct {
		Status string `json:"status"`
		Type   string `json:"type"`
	}
	if err := g.get(ctx, root+".json", &account); err != nil {
		return "", fmt.Errorf("ask for the account: %w", meaning(err))
	}
	if account.Status != "active" {
		return "", fmt.Errorf("the account is %q: it sends nothing", account.Status)
	}
	said := "the account is active"
	if account.Type == "Trial" {
		said += " (on trial: it sends only to numbers that were verified at Twilio)"
	}
	var balance struct {
		Balance  string `json:"balance"`
		Currency string `json:"currency"`
	}
	if err := g.get(ctx, root+"/Balance.json", &balance); err == nil {
		said += ", balance " + balance.Balance + " " + balance.Currency
	}
	return said, nil
}

// claimsMost is how many messages are remembered.
const claimsMost = 4096

// claims remembers which message at Twilio is which text of ours, of those that
// were sent last. The zero value is ready.
type claims struct {
	mu     sync.Mutex
	text   map[string]int64 // by the message's SID
	oldest []string         // SIDs, a ring from next on
	next   int
}

func (c *claims) put(sid string, text int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.text == nil {
		c.text = make(map[string]int64)
	}
	if _, there := c.text[sid]; !there {
		if len(c.oldest) < claimsMost {
			c.oldest = append(c.oldest, sid)
		} else {
			delete(c.text, c.oldest[c.next])
			c.oldest[c.next] = sid
			c.next = (c.next + 1) % claimsMost
		}
	}
	c.text[sid] = text
}

// others reports whether a message is known to be another text.
func (c *claims) others(sid string, text int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner, known := c.text[sid]
	return known && owner != text
}
