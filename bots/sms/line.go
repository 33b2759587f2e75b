package sms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"crier/conversation"
)

// Journey takes what lines hear.
type Journey interface {
	conversation.Handler

	// Receipt notes what became of a message. It may come before the message
	// is known to be sent, more than once, and for a message that is nobody's.
	Receipt(ctx context.Context, channel string, r conversation.Receipt) error

	// Assemble keeps a part of a message, and takes the message in as soon as
	// all its parts are there. in is the message as this part alone would be;
	// ref tells the message from the sender's others.
	Assemble(ctx context.Context, in conversation.Inbound, ref string, number, total int) error

	// Reply takes a message all the way while the caller waits, and returns
	// what answers it: the same if the message comes again.
	Reply(ctx context.Context, in conversation.Inbound) ([]conversation.Outbound, error)
}

// LineConfig is what is known of a line beside its gateway's settings.
type LineConfig struct {
	Name      string // tells it from the others, and stays the same: it is part of the ids of what it hears
	Community string // slug of the community it serves, "" for all
	Region    string // ISO 3166-1 code of the country whose numbers are written without one: "BE"
	PerSecond float64
	Price     conversation.Cost // of one segment
}

// Line is one configured gateway. It is safe for concurrent use.
type Line struct {
	LineConfig
	Kind     Kind
	Settings Settings

	gateway Gateway
	journey Journey
	key     string // the last but one part of its webhooks' paths
	now     func() time.Time
	log     *slog.Logger
}

// NewLine makes a line with a gateway of a kind. secret is the host's: the
// paths of webhooks are made from it. now is the clock, nil for the machine's.
func NewLine(config LineConfig, kind Kind, settings Settings, secret []byte, journey Journey, now func() time.Time, log *slog.Logger) (*Line, error) {
	if config.Name == "" || strings.ContainsAny(config.Name, ":/ ") {
		return nil, fmt.Errorf("the name %q of a gateway must be one word", config.Name)
	}
	if now == nil {
		now = time.Now
	}
	if settings.Skew == 0 {
		settings.Skew = 5 * time.Minute
	}
	if settings.Timeout == 0 {
		settings.Timeout = 30 * time.Second
	}
	if config.PerSecond == 0 {
		config.PerSecond = kind.PerSecond
	}
	if config.Region == "" {
		config.Region = regionOf(settings.Number)
	}
	l := &Line{
		LineConfig: config, Kind: kind, Settings: settings, journey: journey, now: now,
		key: HookKey(secret, config.Name), log: log.With("channel", Channel, "gateway", config.Name),
	}
	if settings.Hook != "" {
		l.Settings.Hook = strings.TrimSuffix(settings.Hook, "/") + l.Path()
	}
	gateway, err := kind.New(l.Settings, l)
	if err != nil {
		return nil, fmt.Errorf("the gateway %s: %w", config.Name, err)
	}
	l.gateway = gateway
	return l, nil
}

// HookKey is the part of a webhook's path that only the host and the gateway
// know.
func HookKey(secret []byte, name string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("sms webhook " + name))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Path is the path that the line's webhooks are below: it ends with a slash.
func (l *Line) Path() string { return "/sms/" + l.Name + "/" + l.key + "/" }

// Log is the line's log.
func (l *Line) Log() *slog.Logger { return l.log }

// Now is the line's clock.
func (l *Line) Now() time.Time { return l.now() }

// Run looks for what has come in until ctx ends, where the gateway is a Runner.
func (l *Line) Run(ctx context.Context) error {
	r, ok := l.gateway.(Runner)
	if !ok {
		<-ctx.Done()
		return nil
	}
	return r.Run(ctx)
}

// Runs reports whether Run has anything to do.
func (l *Line) Runs() bool { _, ok := l.gateway.(Runner); return ok }

// Probe tries the gateway, where it can be tried.
func (l *Line) Probe(ctx context.Context) (string, error) {
	p, ok := l.gateway.(Prober)
	if !ok {
		return "", nil
	}
	return p.Probe(ctx)
}

// Hear takes a text in. nil says that it is kept, or that it is none that
// could be answered: from a short code, or from a machine.
func (l *Line) Hear(ctx context.Context, h Heard) error {
	in, ok := l.inbound(h)
	if !ok {
		return nil
	}
	if why := machine(h.Text); why != "" {
		l.log.Info("a machine's text is not answered", "sign", why)
		return nil
	}
	return l.journey.Handle(ctx, in)
}

// HearPart takes a part of a text in, as Hear does.
func (l *Line) HearPart(ctx context.Context, p Part) error {
	in, ok := l.inbound(p.Heard)
	if !ok {
		return nil
	}
	if p.Total < 2 || p.Total > 255 || p.Number < 1 || p.Number > p.Total {
		return fmt.Errorf("part %d of %d: %w", p.Number, p.Total, ErrMalformed)
	}
	return l.journey.Assemble(ctx, in, p.Ref, p.Number, p.Total)
}

// inbound is a text as the conversation knows it. It reports false where its
// sender is no telephone.
func (l *Line) inbound(h Heard) (conversation.Inbound, bool) {
	from, err := Number(h.From, l.Region)
	if err != nil {
		l.log.Info("a text is not answered: its sender is no telephone number", "err", err)
		return conversation.Inbound{}, false
	}
	at := h.At
	if now := l.now(); at.IsZero() || at.After(now) {
		at = now
	}
	return conversation.Inbound{
		Channel: Channel, ID: l.Name + ":" + h.ID, From: from, Text: h.Text, At: at, Trust: conversation.Proven, Community: l.Community,
	}, true
}

// Receipt notes what became of a text.
func (l *Line) Receipt(ctx context.Context, r conversation.Receipt) error {
	if r.ProviderID != "" {
		r.ProviderID = l.Name + ":" + r.ProviderID
	}
	return l.journey.Receipt(ctx, Channel, r)
}

// submit hands one message to the gateway.
func (l *Line) submit(ctx context.Context, out conversation.Outbound) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, l.Settings.Timeout)
	defer cancel()
	text, err := textOf(out)
	if err != nil {
		return "", err
	}
	id, err := l.gateway.Submit(ctx, text)
	if id != "" {
		id = l.Name + ":" + id
	}
	if err != nil {
		return id, fmt.Errorf("gateway %s: %w", l.Name, err)
	}
	return id, nil
}

// How long a text is worth sending.
const (
	validReply  = 24 * time.Hour
	validNotice = 48 * time.Hour
)

var errNoNumber = errors.New("the address is no telephone number")

func textOf(out conversation.Outbound) (Text, error) {
	if !e164.MatchString(out.Address) {
		return Text{}, Rejected(errNoNumber)
	}
	t := Text{ID: out.ID, To: out.Address, Body: Plain(out.Text, out.Locale), Valid: validNotice, Again: out.Attempt > 1}
	if t.Body == "" {
		return Text{}, Rejected(errors.New("the text is empty"))
	}
	if out.Priority <= conversation.Replies {
		t.Valid = validReply
	}
	t.Segments, t.GSM = segments(t.Body)
	return t, nil
}
