package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"crier/conversation"
)

// Mailbox is an address that Crier receives at.
type Mailbox struct {
	Address   string // lower case
	Detail    string // what parts its local part from a detail, "+" or "-"; "": it has no subaddresses
	Community string // slug of the one that it serves; "": all, and a detail may be the slug of one
}

// detail is the detail of an address at the mailbox, "" for none; ok is false
// where the address is another mailbox's.
func (b Mailbox) detail(address string) (detail string, ok bool) {
	address = strings.ToLower(address)
	if address == b.Address {
		return "", true
	}
	local, domain, _ := strings.Cut(b.Address, "@")
	gotLocal, gotDomain, _ := strings.Cut(address, "@")
	if b.Detail == "" || gotDomain != domain {
		return "", false
	}
	return strings.CutPrefix(gotLocal, local+b.Detail)
}

// Journey is where mails go on.
type Journey interface {
	conversation.Handler

	// Bounced says that a letter did not arrive and never will, Complained
	// that somebody called it unwanted, Unsubscribe that they want nothing
	// more in bulk. id is the Outbound's; each may be told again.
	Bounced(ctx context.Context, channel string, id int64, reason string) error
	Complained(ctx context.Context, channel string, id int64) error
	Unsubscribe(ctx context.Context, channel string, id int64) error
}

// Receiver takes mails in, whichever way they come. It hands what people write
// to the journey, and deals with what machines write. It is safe for concurrent
// use.
type Receiver struct {
	Mailboxes []Mailbox
	Seal      *Seal
	Verifier  Verifier // its Ours is the receiver's
	Journey   Journey
	Log       *slog.Logger
	Now       func() time.Time

	// Serves reports whether there is a community of that slug; nil: it is
	// not known.
	Serves func(slug string) bool

	// PerHour is how many mails of one sender are taken in an hour, and PerDay
	// in a day; 0: 30 and 60. What is more gets no answer: two machines may
	// have met, and stop when one of them does.
	PerHour, PerDay int

	senders senders
}

// Ours reports whether a mail to that address comes to one of the mailboxes.
func (r *Receiver) Ours(address string) bool {
	for _, b := range r.Mailboxes {
		if _, ok := b.detail(address); ok {
			return true
		}
	}
	return false
}

// Takes reports whether there is anybody at an address of ours: the mailbox
// itself, a community, or a letter whose token it holds.
func (r *Receiver) Takes(address string) bool {
	for _, b := range r.Mailboxes {
		detail, ok := b.detail(address)
		switch {
		case !ok:
			continue
		case detail == "", r.token(detail) != 0, b.Community == "" && r.serves(detail):
			return true
		}
	}
	return false
}

func (r *Receiver) serves(slug string) bool { return r.Serves == nil || r.Serves(slug) }

// token is the letter of a detail that is a token, whatever it is good for.
func (r *Receiver) token(detail string) int64 {
	for _, p := range []Purpose{Answering, Bouncing, Unsubscribing} {
		if id := r.Seal.Open(p, detail); id != 0 {
			return id
		}
	}
	return 0
}

// destination is what the addresses of a mail say.
type destination struct {
	communities []string // slugs, "" where it is not known which; at least one
	answers     int64    // letter whose token for answers is there
	bounces     int64
	unsubscribe int64
}

// destined reads the addresses that a mail went to. Which communities it is for
// is what the writer wrote, if anything: only that can be proven.
func (r *Receiver) destined(m *Mail) destination {
	var d destination
	for _, address := range m.To {
		for _, b := range r.Mailboxes {
			if detail, ok := b.detail(address); ok && detail != "" {
				d.answers = first(d.answers, r.Seal.Open(Answering, detail))
				d.bounces = first(d.bounces, r.Seal.Open(Bouncing, detail))
				d.unsubscribe = first(d.unsubscribe, r.Seal.Open(Unsubscribing, detail))
			}
		}
	}
	// Where the address has lost its detail, or has none, the Message-ID of
	// the letter is what only its reader has.
	for _, id := range m.InReplyTo {
		d.answers = first(d.answers, r.letter(id))
	}
	d.communities = r.communities(m.Named)
	if len(d.communities) == 0 {
		d.communities = r.communities(m.To)
	}
	if len(d.communities) == 0 {
		d.communities = []string{""}
	}
	return d
}

func first(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

// letter is the letter that a Message-ID of ours belongs to, or 0.
func (r *Receiver) letter(messageID string) int64 {
	token, _, _ := strings.Cut(messageID, "@")
	return r.Seal.Open(Answering, token)
}

// communities are those of some addresses, each once.
func (r *Receiver) communities(addresses []string) (slugs []string) {
	seen := map[string]bool{}
	for _, address := range addresses {
		for _, b := range r.Mailboxes {
			detail, ok := b.detail(address)
			if !ok {
				continue
			}
			slug := b.Community
			if slug == "" && detail != "" && r.token(detail) == 0 && r.serves(detail) {
				slug = detail
			}
			if !seen[slug] {
				seen[slug] = true
				slugs = append(slugs, slug)
			}
			break
		}
	}
	return slugs
}

// Hear takes one mail. It returns nil when that is dealt with for good, and
// only then the mail may be marked or acknowledged: either the journey keeps
// it, or nothing is to be done about it. ErrUnreadable is the mail's own fault;
// any other error has it sent again. It may be called again for the same mail.
func (r *Receiver) Hear(ctx context.Context, raw []byte, env Envelope) error {
	m, err := Read(bytes.NewReader(raw), env, r.Ours)
	if err != nil {
		return err
	}
	to := r.destined(m)
	log := r.Log.With("channel", Channel, "message_id", m.ID, "kind", string(m.Kind))
	switch {
	case to.unsubscribe != 0:
		log.Info("mail: unsubscribed")
		return r.Journey.Unsubscribe(ctx, Channel, to.unsubscribe)
	case m.Kind == Bounce:
		return r.bounce(ctx, m, to.bounces, log)
	case m.Kind == Complaint:
		id := first(r.letter(m.Returned), to.bounces)
		log.Warn("mail: somebody calls a letter of ours unwanted", "letter", id)
		if id == 0 {
			return nil
		}
		return r.Journey.Complained(ctx, Channel, id)
	case m.Kind != Person:
		log.Info("mail: not a person's, so it gets no answer", "why", m.Why)
		return nil
	case to.bounces != 0:
		log.Info("mail: not a person's, so it gets no answer", "why", "it came to the address for bounces")
		return nil
	case m.From == "":
		log.Warn("mail: it does not name one sender, so nobody can be answered")
		return nil
	case r.tooMany(m.From):
		log.Warn("mail: too many of one sender, so it gets no answer")
		return nil
	}
	trust, why := r.verify(ctx, raw, m)
	log.Info("mail: heard", "trust", trust.String(), "why", why)
	for _, community := range to.communities {
		if err := r.Journey.Handle(ctx, r.inbound(m, to, community, trust)); err != nil {
			return fmt.Errorf("hand over a mail: %w", err)
		}
	}
	r.senders.pace(m.From, r.perHour(), r.perDay()).took(r.Now())
	return nil
}

func (r *Receiver) perHour() int { return cmp.Or(r.PerHour, 30) }
func (r *Receiver) perDay() int  { return cmp.Or(r.PerDay, 60) }

// tooMany reports whether a sender has had all the answers they get for now.
// What was not kept does not count: it comes again.
func (r *Receiver) tooMany(address string) bool {
	return !r.senders.pace(address, r.perHour(), r.perDay()).allows(r.Now())
}

func (r *Receiver) verify(ctx context.Context, raw []byte, m *Mail) (conversation.Trust, string) {
	verifier := r.Verifier
	verifier.Ours = r.Ours
	if len(r.Mailboxes) == 0 {
		verifier.Ours = func(string) bool { return true }
	}
	return verifier.Verify(ctx, raw, m)
}

// Examine reads a mail as Hear does, and says how far its sender is believed
// and why. It has no effect. Without Mailboxes any address counts as ours.
func (r *Receiver) Examine(ctx context.Context, raw []byte, env Envelope) (m *Mail, trust conversation.Trust, why string, err error) {
	if m, err = Read(bytes.NewReader(raw), env, r.Ours); err != nil {
		return nil, conversation.Claimed, "", err
	}
	trust, why = r.verify(ctx, raw, m)
	return m, trust, why, nil
}

func (r *Receiver) inbound(m *Mail, to destination, community string, trust conversation.Trust) conversation.Inbound {
	in := conversation.Inbound{
		Channel: Channel, ID: m.ID, From: m.From, Name: m.Name, Text: m.Text, At: r.Now(), Trust: trust,
		Community: community, Answers: to.answers, Thread: ThreadOf(m).Encode(),
	}
	if community != "" { // a mail to two communities is two messages
		in.ID += " " + community
	}
	for _, p := range m.Photos {
		in.Photos = append(in.Photos, conversation.Photo{Type: p.Type, Data: p.Data})
	}
	return in
}

// bounce deals with a report that letters did not arrive. It is about a letter
// of ours only where it shows one of its tokens, which no forger has.
func (r *Receiver) bounce(ctx context.Context, m *Mail, id int64, log *slog.Logger) error {
	if id = first(id, r.letter(m.Returned)); id == 0 {
		log.Info("mail: a bounce that is about no letter of ours")
		return nil
	}
	log = log.With("letter", id)
	var hard *Bounced
	for i := range m.Bounced {
		if b := &m.Bounced[i]; b.Failed && b.Hard {
			hard = b
		}
	}
	if hard == nil {
		log.Info("mail: a letter is late, or was not taken this time")
		return nil
	}
	log.Warn("mail: a letter did not arrive", "status", hard.Status)
	reason := strings.TrimSpace(hard.Status + " " + hard.Reason)
	if reason == "" {
		reason = "it bounced"
	}
	return r.Journey.Bounced(ctx, Channel, id, reason)
}

// senders counts the mails of each sender. The zero value is ready.
type senders struct {
	mu   sync.Mutex
	some map[string]*paced
}

// paced is one sender's pace.
type paced struct{ hour, day *rate.Limiter }

func (p *paced) allows(now time.Time) bool {
	return p.hour.TokensAt(now) >= 1 && p.day.TokensAt(now) >= 1
}

func (p *paced) took(now time.Time) {
	p.hour.AllowN(now, 1)
	p.day.AllowN(now, 1)
}

// sendersMost bounds how many senders are counted at once.
const sendersMost = 10_000

func (s *senders) pace(address string, perHour, perDay int) *paced {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.some[address]
	if p == nil {
		if s.some == nil || len(s.some) >= sendersMost {
			s.some = map[string]*paced{} // who sends that many has made them up
		}
		every := func(d time.Duration, n int) *rate.Limiter { return rate.NewLimiter(rate.Every(d/time.Duration(n)), n) }
		p = &paced{every(time.Hour, perHour), every(24*time.Hour, perDay)}
		s.some[address] = p
	}
	return p
}

// IsMailError reports whether an error of Hear is the mail's own fault, so that
// another try is of no use.
func IsMailError(err error) bool { return errors.Is(err, ErrUnreadable) }
