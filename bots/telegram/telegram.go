// Package telegram is the Telegram channel: one bot, which hears its users by
// long polling (Run) or by webhook (ServeHTTP) and writes to them (Send).
//
// It decides nothing. What it hears becomes a conversation.Inbound, and an
// update is acknowledged to Telegram only after the handler has kept it: an
// update may therefore come twice, always with the same Inbound.ID, and
// whichever way it comes.
//
// The files: receive.go reads updates, picture.go gets what they show, poll.go and webhook.go are the two ways
// they come, send.go is the way out, api.go is all that speaks to Telegram.
package telegram

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"crier/conversation"
)

// Channel is the channel's name, as in conversation.Inbound.Channel.
const Channel = "telegram"

// ErrToken says that Telegram does not know the bot's token: it was mistyped,
// or revoked. Only the operator can help.
var ErrToken = errors.New("the bot's token is refused: copy it again from @BotFather")

// Config is one bot.
type Config struct {
	// Token is what @BotFather gave: "<bot id>:<secret>". It is a password:
	// no log line and no error of this package holds it.
	Token string

	// Endpoint is where the Bot API is, without a path: "" is Telegram's own.
	Endpoint string

	// Community is the slug of the community the bot serves, "" for all.
	Community string

	// Webhook is the public address of ServeHTTP, https in all but tests.
	// "": the bot polls.
	Webhook string

	// Secret is what Telegram shows with each webhook call: 1 to 256 of
	// A-Z a-z 0-9 _ -. Without one ServeHTTP refuses everything.
	Secret string

	// PollTimeout is how long Telegram may hold an empty answer back, at least
	// a second. 0: 50 seconds.
	PollTimeout time.Duration
}

var (
	tokenForm  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]+$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

// Check says what is wrong with a configuration, in words for the operator.
// Run and SetWebhook begin with it.
func (c Config) Check() error {
	if !tokenForm.MatchString(c.Token) {
		return fmt.Errorf("%w (it begins with digits and a colon)", ErrToken)
	}
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Contains(c.Endpoint, "%") {
			return errors.New("the Bot API endpoint must be like https://api.telegram.org")
		}
	}
	if c.Webhook == "" {
		return nil
	}
	if u, err := url.Parse(c.Webhook); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("the webhook must be a public https address")
	}
	if !secretForm.MatchString(c.Secret) {
		return errors.New("a webhook needs a secret: 1 to 256 letters, digits, _ or -")
	}
	return nil
}

// Addresses is told what Telegram says of an address. Like Handle, each call
// may be repeated, and an error has the update sent again.
type Addresses interface {
	// MoveAddress says that the chat at from is the one at to from now on.
	MoveAddress(ctx context.Context, channel, from, to string) error
	// PauseAddress says that the person takes no more messages there.
	PauseAddress(ctx context.Context, channel, address, reason string) error
	// ResumeAddress says that the person takes messages again.
	ResumeAddress(ctx context.Context, channel, address string) error
}

// Bot is one Telegram bot. It is safe for concurrent use.
type Bot struct {
	config    Config
	id        string // of the bot: the public part of its token
	api       botAPI
	handler   conversation.Handler
	addresses Addresses // nil: nobody wants to know
	log       *slog.Logger
	now       func() time.Time
	retryMin  time.Duration
	retryMax  time.Duration

	username atomic.Pointer[string] // of the bot, once getMe has said it

	pressing chan struct{} // holds one for each button press being answered
	fetching chan struct{} // holds one for each picture being fetched
	fetched  ration

	pace      pace
	delivered delivered
	throttled throttled
}

// Option changes a Bot that New makes.
type Option func(*Bot)

// WithAddresses has moved, blocked and unblocked chats told to a.
func WithAddresses(a Addresses) Option { return func(b *Bot) { b.addresses = a } }

// WithClock takes the time of messages from now. Rates and waits keep to the
// machine's clock.
func WithClock(now func() time.Time) Option { return func(b *Bot) { b.now = now } }

// WithRetry waits between least and most before asking Telegram, or the
// handler, again after a failure. The default is 1 second to 1 minute.
func WithRetry(least, most time.Duration) Option {
	return func(b *Bot) { b.retryMin, b.retryMax = least, most }
}

// WithTransport sends the requests through t.
func WithTransport(t http.RoundTripper) Option {
	return func(b *Bot) { b.api = newLibrary(b.config, t) }
}

// New makes a bot. It does not speak to Telegram yet.
func New(config Config, handler conversation.Handler, log *slog.Logger, options ...Option) *Bot {
	if config.PollTimeout < time.Second {
		config.PollTimeout = 50 * time.Second
	}
	id, _, _ := strings.Cut(config.Token, ":")
	b := &Bot{
		config:   config,
		id:       id,
		api:      newLibrary(config, nil),
		handler:  handler,
		log:      log.With("channel", Channel),
		now:      time.Now,
		retryMin: time.Second,
		retryMax: time.Minute,
		pressing: make(chan struct{}, 8),
		fetching: make(chan struct{}, pictureAtOnce),
	}
	for _, option := range options {
		option(b)
	}
	return b
}

// Probe tries a configuration: it asks Telegram for the bot's name, and changes
// nothing. Its errors are in words for the operator.
func Probe(ctx context.Context, config Config) (username string, err error) {
	if err := config.Check(); err != nil {
		return "", err
	}
	username, err = newLibrary(config, nil).me(ctx)
	switch {
	case badToken(err):
		return "", ErrToken
	case err != nil:
		return "", fmt.Errorf("telegram does not answer (is this machine on the Internet?): %w", err)
	}
	return "@" + username, nil
}

// Name is the channel's name.
func (b *Bot) Name() string { return Channel }
