package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/time/rate"

	"crier/conversation"
)

// Mailbox is an address that Crier receives at.
type Mailbox struct {
	Address   string // lower case
	Detail    string // what parts its local part from a detail, "+" or "-"; "": it has no subaddresses
	Community string // slug of the one that it serves; "": all, and a detail may be the slug of one
}

// at finds the mailbox of an address, and the address's detail, "" for none;
// ok is false where it is nobody's here.
func (r *Receiver) at(address string) (box Mailbox, detail string, ok bool) {
	for _, b := range r.Mailboxes { // lets-lake@ may be a mailbox beside lets@
		if strings.EqualFold(address, b.Address) {
			return b, "", true
		}
	}
	for _, b := range r.Mailboxes {
		if detail, ok := b.detail(address); ok {
			return b, detail, true
		}
	}
	return Mailbox{}, "", false
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

	// Bounced says that a letter did not arrive and never will; hard, that no
	// other will arrive at that address either. Complained says that somebody
	// called it unwanted, Unsubscribe that they want nothing more in bulk. id
	// is the Outbound's; each may be told again.
	Bounced(ctx context.Context, channel string, id int64, hard bool, reason string) error
	Complained(ctx context.Context, channel string, id int64) error
	Unsubscribe(ctx context.Context, channel string, id int64) error
}

// Receiver takes mails in, whichever way they come. It hands what people write
// to the journey, and deals with what machines write. It is safe for concurrent
// use.
type Receiver struct {
	Mailboxes []Mailbox
	Seal      *Seal
	Verifier  Verifier // its Ours is the receiver's, its AuthservIDs the envelope's
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
	silent  silent
}

// Ours reports whether a mail to that address comes to one of the mailboxes.
func (r *Receiver) Ours(address string) bool {
	_, _, ok := r.at(address)
	return ok
}

// Takes reports whether there is anybody at an address of ours: the mailbox
// itself, a community, or a letter whose token it holds.
func (r *Receiver) Takes(address string) bool {
	b, detail, ok := r.at(address)
	return ok && (detail == "" || r.token(detail) != 0 || b.Community == "" && r.serves(detail))
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
	details     bool // it came to a mailbox with subaddresses, where bounces go to their own
}

// destined reads the addresses that a mail went to. Which communities it is for
// is what the writer wrote, if anything: only that can be proven.
func (r *Receiver) destined(m *Mail) destination {
	var d destination
	for _, address := range m.To {
		b, detail, ok := r.at(address)
		if !ok {
			continue
		}
		d.details = d.details || b.Detail != ""
		d.answers = first(d.answers, r.Seal.Open(Answering, detail))
		d.bounces = first(d.bounces, r.Seal.Open(Bouncing, detail))
		d.unsubscribe = first(d.unsubscribe, r.Seal.Open(Unsubscribing, detail))
	}
	d.unsubscribe = first(d.unsubscribe, r.Seal.Open(Unsubscribing, m.Subject)) // of a mailbox without details
	// Where the address has lost its detail, or has none, the Message-ID of
	// the letter is what only its reader has.
	for _, id := range m.InReplyTo {
		d.answers = first(d.answers, r.letter(id))
	}
	d.communities = r.communities(m.Named)
	if len(d.communities) == 0 {
		d.communities = r.communities(m.To)
	}
	if len(d.communities) > 1 { // what names one is not also for nobody knows which
		d.communities = slices.DeleteFunc(d.communities, func(slug string) bool { return slug == "" })
	}
	switch {
	case len(d.communities) == 0:
		d.communities = []string{""}
	case d.answers != 0: // it goes where the letter came from
		d.communities = d.communities[:1]
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
		b, detail, ok := r.at(address)
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
		return r.bounce(ctx, m, to, log)
	case m.Kind == Complaint:
		id := first(to.bounces, r.letter(m.Returned))
		log.Warn("mail: somebody calls a letter of ours unwanted", "letter", id)
		if id == 0 {
			return nil
		}
		return r.Journey.Complained(ctx, Channel, id)
	case m.Kind != Person:
		sign, _, _ := strings.Cut(m.Why, ":") // behind it is what somebody wrote
		log.Info("mail: not a person's, so it gets no answer", "why", sign)
		return nil
	case to.bounces != 0:
		log.Info("mail: not a person's, so it gets no answer", "why", "it came to the address for bounces")
		return nil
	case m.From == "":
		log.Warn("mail: it does not name one sender, so nobody can be answered")
		return nil
	}
	trust, why := r.verify(ctx, raw, m, env.AuthservIDs)
	log = log.With("trust", trust.String())
	// What anybody may have sent in their name does not use up what they may send.
	sender := m.From
	if trust < conversation.Proven && to.answers == 0 {
		sender = "claimed " + m.From
	}
	pace := r.senders.pace(sender, cmp.Or(r.PerHour, 30), cmp.Or(r.PerDay, 60))
	if !pace.allows(r.Now()) {
		log.Warn("mail: too many of one sender, so it gets no answer", "why", why)
		return nil
	}
	log.Info("mail: heard", "why", why)
	most := communitiesMost
	if trust < conversation.Proven {
		most = 1
	}
	for _, community := range to.communities[:min(most, len(to.communities))] {
		if err := r.Journey.Handle(ctx, r.inbound(m, to, community, trust)); err != nil {
			return fmt.Errorf("hand over a mail: %w", err)
		}
	}
	pace.took(r.Now()) // not before: what was not kept comes again
	return nil
}

// communitiesMost is to how many communities one mail can be: each of them
// answers.
const communitiesMost = 5

func (r *Receiver) verify(ctx context.Context, raw []byte, m *Mail, authservIDs []string) (conversation.Trust, string) {
	verifier := r.Verifier
	verifier.Ours, verifier.AuthservIDs = r.Ours, authservIDs
	verifier.LookupTXT = r.silent.around(verifier.LookupTXT, r.Now)
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
	trust, why = r.verify(ctx, raw, m, env.AuthservIDs)
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
	if trust < conversation.Proven { // anybody could fill the disk
		return in
	}
	for _, p := range m.Photos {
		in.Photos = append(in.Photos, conversation.Photo{Type: p.Type, Data: p.Data})
	}
	if m.Large {
		in.Unusable = conversation.TooLarge
	}
	return in
}

// bounce deals with a report that letters did not arrive. It is about a letter
// of ours only where it shows one of its tokens: that of the envelope, which
// only mail servers see, or where there is none that of the Message-ID.
func (r *Receiver) bounce(ctx context.Context, m *Mail, to destination, log *slog.Logger) error {
	id := to.bounces
	if !to.details {
		id = first(id, r.letter(m.Returned))
	}
	if id == 0 {
		log.Info("mail: a bounce that is about no letter of ours")
		return nil
	}
	log = log.With("letter", id)
	var failed *Bounced
	for i := range m.Bounced {
		if b := &m.Bounced[i]; b.Failed && (failed == nil || b.Hard) {
			failed = b
		}
	}
	if failed == nil {
		log.Info("mail: a letter is late")
		return nil
	}
	log.Warn("mail: a letter did not arrive", "status", failed.Status, "hard", failed.Hard)
	reason := strings.TrimSpace(failed.Status + " " + failed.Reason)
	return r.Journey.Bounced(ctx, Channel, id, failed.Hard, cmp.Or(reason, "it bounced"))
}

// silent are the domains whose DNS did not answer a moment ago: somebody who
// sends mails from such ones is not to have all others wait. The zero value is
// ready.
type silent struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// How long a domain is not asked again, and how many are remembered.
const (
	silentLasts = 10 * time.Minute
	silentMost  = 10_000
)

// around asks the DNS with lookup, but for what is silent.
func (s *silent) around(lookup func(context.Context, string) ([]string, error), now func() time.Time) func(context.Context, string) ([]string, error) {
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]string, error) { // never one in our own search domains
			return net.DefaultResolver.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
		}
	}
	return func(ctx context.Context, name string) ([]string, error) {
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimSuffix(name, "."))
		if err != nil {
			domain = name
		}
		s.mu.Lock()
		until := s.until[domain]
		s.mu.Unlock()
		if now().Before(until) {
			return nil, &net.DNSError{Err: "it did not answer a moment ago", Name: name, IsTimeout: true}
		}
		records, err := lookup(ctx, name)
		var dns *net.DNSError
		if err != nil && (ctx.Err() != nil || errors.As(err, &dns) && dns.IsTimeout) {
			s.mu.Lock()
			if s.until == nil || len(s.until) >= silentMost {
				s.until = map[string]time.Time{}
			}
			s.until[domain] = now().Add(silentLasts)
			s.mu.Unlock()
		}
		return records, err
	}
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
