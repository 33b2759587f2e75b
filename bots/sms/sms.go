// Package sms is the text message channel: what all gateways to the telephone
// network share. Each make of gateway is one package below it, a Kind; a
// configured one is a Line.
//
// A line hears texts and receipts from its gateway and hands texts to it. It
// decides nothing that is said: what it hears becomes a conversation.Inbound,
// and is acknowledged to the gateway only after that is kept.
package sms

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Channel is the channel's name, as in conversation.Inbound.Channel.
const Channel = "sms"

// Kind is one make of gateway: what it can do, and how one of it is made.
type Kind struct {
	Name string // as in the configuration: "twilio"

	// Needs and Takes name the settings that it cannot and can do with, by
	// their key in the configuration: "url", "user", "secret", "signing",
	// "number", "sender", "dir", "clock_skew". All others are refused.
	Needs, Takes []string

	// Hooks are the webhooks that it is told of: the last part of the path, and
	// the methods that it may be called with. They need a public address.
	Hooks []Hook

	Public     bool // it calls its Hooks from the Internet: by https, or not at all
	Looks      bool // without Hooks it looks for what came in by itself
	Signed     bool // its webhooks are signed: else only their secret path protects them
	Receipts   bool // it tells whether a text has arrived
	Idempotent bool // a text that is submitted twice with the same ID goes out once
	Dials      bool // it brings USSD sessions too

	// Reserved are the words, in capitals, that it or the carriers behind it
	// act on by themselves. Nobody is taught to write one of them, except STOP
	// and START, which mean the same to Crier.
	Reserved []string

	// PerSecond is how many texts it takes in a second, unless the
	// configuration says otherwise. 0: any number.
	PerSecond float64

	// New makes one. It does not speak to the outside yet.
	New func(Settings, *Line) (Gateway, error)
}

// Hook is one webhook of a Kind.
type Hook struct {
	Path    string   // "in", "receipt" or "ussd"
	Methods []string // "POST"
	For     string   // what it is called in the gateway's own settings, for the operator
}

// Settings are what the configuration says of one gateway.
type Settings struct {
	URL     string        // where it is; "": the provider's own
	User    string        // account or login
	Secret  string        // what goes with it: a password, a token, an API key
	Signing string        // what its webhooks are signed with; "" where that is Secret
	Number  string        // that members write to: E.164, or a short code
	Sender  string        // what they see as the sender; "": Number
	Dir     string        // of its spool
	Hook    string        // the public URL of its webhooks, with a slash at the end; "": it has none
	Skew    time.Duration // how far the time in a signature may be off
	Timeout time.Duration // of one request
}

// From is what a text shows as its sender.
func (s Settings) From() string {
	if s.Sender != "" {
		return s.Sender
	}
	return s.Number
}

// Gateway hands texts to the telephone network. It may also be a Listener, a
// Runner or a Prober.
type Gateway interface {
	// Submit hands one text over, once, and returns the id it has there, ""
	// where it has none. nil says that the gateway has taken it. An error is
	// made by Rejected, BadNumber, OptedOut, NoCredit, Busy or Locked where the
	// gateway says what is wrong; any other is tried again. It keeps to ctx.
	Submit(ctx context.Context, text Text) (providerID string, err error)
}

// Listener is a Gateway that is called back.
type Listener interface {
	// Call takes one call of one of the Kind's Hooks. nil says that what it
	// brought is kept. An error is ErrForged, ErrMalformed, or any other where
	// it could not be kept: then the gateway calls again.
	Call(ctx context.Context, call Call) (Answer, error)
}

// Runner is a Gateway that has to look for itself what has come in: in a spool,
// or in the provider's list after a time in which it could not call.
type Runner interface {
	// Run looks until ctx ends, and then returns nil. One process at a time
	// runs it.
	Run(ctx context.Context) error
}

// Prober is a Gateway that can be tried without sending anything.
type Prober interface {
	// Probe returns what there is to say ("balance 12.50 EUR"), or an error in
	// words for the operator.
	Probe(ctx context.Context) (string, error)
}

// Text is one text to be sent.
type Text struct {
	ID       int64         // of the outbox row: the reference to give to the gateway; it is positive
	To       string        // E.164
	Body     string        // never empty; all of it is in the GSM alphabet if GSM is true
	GSM      bool          // else it needs UCS-2
	Segments int           // that it is sent in
	Valid    time.Duration // after that it need not arrive any more
	Again    bool          // it may have been submitted before
}

// Call is a call of a webhook.
type Call struct {
	Path   string // which one: Hook.Path
	Method string
	URL    string     // as the gateway knows it, with its query
	Query  url.Values // of the URL
	Form   url.Values // of the body, where that is a form; never nil
	Header http.Header
	Body   []byte
	At     time.Time // when it came
}

// Value is a field of the form, or of the query where the form lacks it.
func (c Call) Value(key string) string {
	if c.Form.Has(key) {
		return c.Form.Get(key)
	}
	return c.Query.Get(key)
}

// Answer is what a webhook answers, with 200. The zero Answer is an empty text.
type Answer struct {
	Type string // "text/plain; charset=utf-8" where it is ""
	Body string
}

// Heard is a text that a gateway has brought.
type Heard struct {
	ID   string // the gateway's own id of it: the same when it comes again, and no other's
	From string // as the gateway writes it
	Text string
	At   time.Time // when the gateway got it; zero: not known
}

// Part is a piece of a long text that the gateway does not put together.
type Part struct {
	Heard
	Ref    string // the same for all parts of a text
	Number int    // from 1 on
	Total  int
}

// Dialled is a step of a USSD session.
type Dialled struct {
	Session string // the gateway's id of it
	Step    string // the same when the step comes again, and another for every other step of the session
	From    string
	Text    string // what was entered in this step; "" where the session has just begun
}

// Screen is the answer to a step of a USSD session.
type Screen struct {
	Text string // at most ScreenMax characters
	Open bool   // an answer can be entered
}

// ScreenMax is how many characters a USSD screen takes.
const ScreenMax = 182
