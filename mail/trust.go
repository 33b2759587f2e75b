package mail

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"
	"golang.org/x/net/publicsuffix"

	"crier/conversation"
)

// Bounds of what a stranger can make us do. Real mails are far below them.
const (
	maxHeader     = 128 << 10       // bytes
	maxLines      = 2000            // of the header
	maxHops       = 20              // Received fields that are looked at
	maxSignature  = 4 << 10         // bytes of a DKIM-Signature
	maxSignatures = 5               // that are verified
	maxRecord     = 2 << 10         // bytes of a TXT record: an RSA key of 8192 bits and a bit more
	maxLookup     = 5 * time.Second // for all questions to the DNS together
)

// How old a mail may be and still move something, and how far ahead the clock
// it was written by: servers try for five days (RFC 5321, section 4.5.4.1).
const (
	maxAge   = 8 * 24 * time.Hour
	maxAhead = 24 * time.Hour
)

// Verifier decides whose word a mail is. It is safe for concurrent use.
//
// A mail is its sender's word if the domain in From has signed it (DKIM, RFC
// 6376) or if our own mail server says so (RFC 8601), and if it cannot be one
// that they once wrote to somebody else, or last month. SPF is not evaluated,
// as the connection is not known here, and ARC is other people's word.
type Verifier struct {
	// LookupTXT asks the DNS. It obeys its context, and a failure that may pass
	// is a net.Error that is Temporary. nil: the system's resolver.
	LookupTXT func(ctx context.Context, name string) ([]string, error)

	// AuthservIDs are those whose Authentication-Results are believed: of our
	// own mail server or of the provider of the mailbox, as "mx.google.com".
	// Microsoft's fields name nobody; "outlook.com" stands for them. Whoever is
	// named here must put the field into every mail and take out those that
	// came with it (RFC 8601, section 5).
	AuthservIDs []string

	Ours func(address string) bool // whether an address is one that Crier receives at
	Now  func() time.Time
}

// Verify says how far the sender of m can be believed, and why, in words for a
// log and a coordinator. m is what was read from raw. It never fails: what
// cannot be checked is Claimed.
func (v *Verifier) Verify(ctx context.Context, raw []byte, m *Mail) (trust conversation.Trust, why string) {
	defer func() {
		if recover() != nil { // strangers choose what the libraries read
			trust, why = conversation.Claimed, "it could not be checked"
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, maxLookup)
	defer cancel()

	c, why := v.open(ctx, raw, m)
	if why != "" {
		return conversation.Claimed, why
	}
	result, told := c.told()
	switch result {
	case authres.ResultPass:
		return conversation.Proven, told
	case authres.ResultFail: // our server saw more than we do: it wins over a signature that holds here
		return conversation.Claimed, told
	default: // it says nothing that counts
	}
	proven, why := c.signed()
	switch {
	case proven:
		return conversation.Proven, why
	case why == "": // there is no signature
		return conversation.Claimed, cmp.Or(told, "no signature")
	}
	return conversation.Claimed, why
}

// check is one mail being verified.
type check struct {
	*Verifier
	mail   *Mail
	header []headerField
	body   []byte
	domain string // of From: lower case, ASCII
	lookup func(name string) ([]string, error)
	policy func() (*dmarc.Record, error) // askPolicy, once
}

// single are the fields that a mail has once: with two, a signature may cover
// one and the reader show the other.
var single = []string{"from", "date", "subject", "to", "cc", "message-id", "content-type", "content-transfer-encoding"}

// open takes a mail apart, or says why there is nothing to verify.
func (v *Verifier) open(ctx context.Context, raw []byte, m *Mail) (c *check, why string) {
	if len(raw) > MaxSize {
		return nil, "it is too long to be checked"
	}
	header, body, why := strictHeader(raw)
	if why != "" {
		return nil, why
	}
	c = &check{Verifier: v, mail: m, header: header, body: body, lookup: v.resolver(ctx)}
	c.policy = sync.OnceValues(c.askPolicy)
	for _, name := range single {
		if n := c.count(name); n > 1 {
			return nil, fmt.Sprintf("it has %d fields %s", n, name)
		}
	}
	fields, _ := readHeader(raw[:len(raw)-len(body)])
	if from, _ := sender(&fields); from == "" || from != m.From {
		return nil, "From is not one address"
	}
	if c.domain = domainOf(m.From); c.domain == "" {
		return nil, "the domain of From is none"
	}
	return c, ""
}

// resolver asks the DNS, within ctx. Longer records are no keys that anybody
// needs, but cost time to calculate with.
func (v *Verifier) resolver(ctx context.Context) func(name string) ([]string, error) {
	return func(name string) ([]string, error) {
		lookup := v.LookupTXT
		if lookup == nil {
			lookup = net.DefaultResolver.LookupTXT
			name += "." // it is never one in our own search domains
		}
		records, err := lookup(ctx, name)
		var dns *net.DNSError
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, &net.DNSError{Err: ctx.Err().Error(), Name: name, IsTimeout: true}
		case errors.As(err, &dns): // the libraries do not look into wrapped ones
			return nil, dns
		case err != nil:
			return nil, err
		}
		for _, r := range records {
			if len(r) > maxRecord {
				return nil, errors.New("the record is too long")
			}
		}
		return records, nil
	}
}

// signed looks for a signature that proves the sender. Where there is none at
// all, why is "".
//
// The signatures are verified one by one, each in a mail that has no other:
// the library would do it in goroutines, whose panics nobody can recover, and
// in pieces that make long runs of empty lines slow.
func (c *check) signed() (proven bool, why string) {
	var foreign string // why those of other domains do not count
	tried := 0
	for i, f := range c.header {
		if f.name != "dkim-signature" {
			continue
		}
		sig, ok := parseSignature(f.value)
		if !ok {
			foreign = cmp.Or(foreign, "the signature cannot be read")
			continue
		}
		if !c.related(sig.domain) {
			foreign = cmp.Or(foreign, fmt.Sprintf("signed by %s, not by the From domain %s", sig.domain, c.domain))
			continue
		}
		if tried++; tried > maxSignatures {
			break
		}
		fault := c.verify(i, sig)
		if fault == "" {
			return true, fmt.Sprintf("DKIM: signed by %s, aligned", sig.domain)
		}
		why = cmp.Or(why, fault)
	}
	return false, cmp.Or(why, foreign)
}

// verify says what is wrong with the signature in field i, or "".
func (c *check) verify(i int, sig signature) (fault string) {
	if fault := c.unfit(sig); fault != "" { // costs nothing to find out
		return fault
	}
	var head bytes.Buffer
	for j, f := range c.header {
		if j == i || f.name != "dkim-signature" {
			head.Write(f.raw)
		}
	}
	head.WriteString("\r\n")
	mail := struct{ io.Reader }{io.MultiReader(&head, bytes.NewReader(c.body))} // in the pieces of the next line
	all, err := dkim.VerifyWithOptions(bufio.NewReaderSize(mail, 1<<20), &dkim.VerifyOptions{LookupTXT: c.lookup, MaxVerifications: 1})
	switch {
	case err != nil || len(all) != 1:
		return "the signature cannot be read"
	case dkim.IsTempFail(all[0].Err):
		return "DNS did not answer"
	case dkim.IsPermFail(all[0].Err):
		return fmt.Sprintf("the signature counts for nothing: %.200s", strings.TrimPrefix(all[0].Err.Error(), "dkim: "))
	case all[0].Err != nil:
		return "the signature is broken: changed on the way, as mailing lists do"
	case !strings.EqualFold(all[0].Domain, sig.domain) || !slices.EqualFunc(all[0].HeaderKeys, sig.fields, strings.EqualFold):
		return "the signature cannot be read" // in one way only
	}
	aligned, err := c.aligned(sig.domain, adkim)
	switch {
	case err != nil:
		return fmt.Sprintf("signed by %s, and DNS did not say whether that will do for %s", sig.domain, c.domain)
	case !aligned:
		return fmt.Sprintf("signed by %s, and %s asks for its own signature", sig.domain, c.domain)
	}
	return ""
}

// unfit says why a signature, even if it holds, does not prove that this mail
// was written to us and now, or "". Whoever has got a mail of the sender, as a
// friend or by a list, can send it to us, signature and all: so everything
// that tells it from another mail has to be signed, and to name us.
func (c *check) unfit(sig signature) (why string) {
	covers := func(name string) bool { return slices.Contains(sig.fields, name) }
	dated := c.count("date") > 0
	toUs, ccUs := c.names("to"), c.names("cc")
	switch {
	case sig.part:
		return "only the beginning of the text is signed (l=)"
	case !covers("from"):
		return "From is not signed"
	case dated && !covers("date"):
		return "Date is not signed"
	case !dated && (c.count("message-id") == 0 || !covers("message-id")):
		return "neither Date nor Message-ID is signed"
	case c.count("subject") > 0 && !covers("subject"): // whether it is what they say depends on unsigned fields
		return "Subject is not signed"
	case !toUs && !ccUs:
		return "it was written to somebody else"
	case c.count("to") > 0 && !covers("to"):
		return "To is not signed"
	case c.count("cc") > 0 && !covers("cc"): // whoever has the mail may have added it
		return "Cc is not signed"
	}

	now := c.Now()
	if !sig.expires.IsZero() && now.After(sig.expires) {
		return "the signature has expired"
	}
	times := []time.Time{sig.time}
	if dated || sig.time.IsZero() {
		times = append(times, c.mail.Date)
	}
	for i, t := range times {
		switch {
		case t.IsZero() && i == 0: // few have t=
		case t.IsZero():
			return "it has no Date that can be read"
		case now.Sub(t) > maxAge:
			return "it is too old: of " + t.UTC().Format(time.DateOnly)
		case t.Sub(now) > maxAhead:
			return "it is from the future: of " + t.UTC().Format(time.DateOnly)
		}
	}
	return ""
}

// related says whether a domain is of the same organisation as the From
// domain. A public suffix, as co.uk, is nobody's.
func (c *check) related(domain string) bool {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return false
	}
	of, err := publicsuffix.EffectiveTLDPlusOne(c.domain)
	return err == nil && org == of
}

// adkim and aspf are how exactly a domain has to be the From domain.
func adkim(r *dmarc.Record) dmarc.AlignmentMode { return r.DKIMAlignment }
func aspf(r *dmarc.Record) dmarc.AlignmentMode  { return r.SPFAlignment }

// aligned says whether a domain can speak for the From domain: one of the same
// organisation, unless the owner asks for the very same. Where that cannot be
// found out only the very same will do. Source: RFC 7489, section 3.1.
func (c *check) aligned(domain string, mode func(*dmarc.Record) dmarc.AlignmentMode) (bool, error) {
	if !c.related(domain) || domain == c.domain {
		return c.related(domain), nil
	}
	record, err := c.policy()
	if errors.Is(err, dmarc.ErrNoPolicy) {
		return true, nil
	}
	return err == nil && mode(record) != dmarc.AlignmentStrict, err
}

// askPolicy asks for the DMARC record of the From domain, or else of its
// organisation. Source: RFC 7489, section 6.6.3.
func (c *check) askPolicy() (*dmarc.Record, error) {
	options := &dmarc.LookupOptions{LookupTXT: c.lookup}
	record, err := dmarc.LookupWithOptions(c.domain, options)
	org, _ := publicsuffix.EffectiveTLDPlusOne(c.domain)
	if errors.Is(err, dmarc.ErrNoPolicy) && org != c.domain {
		record, err = dmarc.LookupWithOptions(org, options)
	}
	return record, err
}

// signature is what a DKIM-Signature says of itself.
type signature struct {
	domain  string    // d=
	agent   string    // the domain of i=
	fields  []string  // h=, lower case
	time    time.Time // t=, zero where it does not say
	expires time.Time // x=, zero where it does not say
	part    bool      // it has l=
}

// parseSignature reads a DKIM-Signature. Source: RFC 6376, section 3.5.
func parseSignature(value string) (sig signature, ok bool) {
	if len(value) > maxSignature {
		return sig, false
	}
	tags := map[string]string{}
	for tag := range strings.SplitSeq(value, ";") {
		name, text, found := strings.Cut(tag, "=")
		name = strings.TrimSpace(name)
		if _, twice := tags[name]; twice || !found && name != "" {
			return sig, false
		}
		if found {
			tags[name] = strings.Join(strings.Fields(text), "")
		}
	}
	sig.domain, sig.agent = hostname(tags["d"]), hostname(tags["d"])
	if i, ok := tags["i"]; ok {
		sig.agent = domainOf(i)
	}
	sig.fields = strings.Split(strings.ToLower(tags["h"]), ":")
	_, sig.part = tags["l"]
	for name, at := range map[string]*time.Time{"t": &sig.time, "x": &sig.expires} {
		if text, ok := tags[name]; ok {
			seconds, err := strconv.ParseInt(text, 10, 64)
			if err != nil || seconds <= 0 {
				return sig, false
			}
			*at = time.Unix(seconds, 0)
		}
	}
	return sig, sig.domain != "" && sig.agent != "" && hostname(tags["s"]) != ""
}

// headerField is one field of a header.
type headerField struct {
	name  string // lower case
	value string // on one line
	raw   []byte // as it came
}

// strictHeader takes a header apart, strictly: where two programs could read
// something else in it there is nothing to verify. Source: RFC 5322, section 2.2.
func strictHeader(raw []byte) (header []headerField, body []byte, why string) {
	rest := raw
	for lines := 0; ; lines++ {
		end := bytes.IndexByte(rest[:min(len(rest), maxHeader)], '\n')
		if end < 0 || lines == maxLines || len(raw)-len(rest)+end >= maxHeader {
			return nil, nil, "the header has no end, or is too long to be checked"
		}
		line, text := rest[:end+1], bytes.TrimSuffix(rest[:end], []byte("\r"))
		rest = rest[end+1:]
		if len(text) == 0 {
			return header, rest, ""
		}
		name, value, found := bytes.Cut(text, []byte(":"))
		last := len(header) - 1
		switch {
		case bytes.ContainsAny(text, "\r\x00"):
			return nil, nil, "the header is malformed"
		case last >= 0 && (text[0] == ' ' || text[0] == '\t'):
			header[last].raw = raw[len(raw)-len(rest)-len(line)-len(header[last].raw) : len(raw)-len(rest)]
			header[last].value += string(text)
		case !found || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, nil, "the header is malformed"
		default:
			header = append(header, headerField{strings.ToLower(string(name)), string(value), line})
		}
	}
}

// count says how many fields of a name there are.
func (c *check) count(name string) (n int) {
	for _, f := range c.header {
		if f.name == name {
			n++
		}
	}
	return n
}

// value returns what the first field of a name says.
func (c *check) value(name string) string {
	for _, f := range c.header {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// names says whether a field of addresses names one of ours.
func (c *check) names(name string) bool {
	list, err := addressParser.ParseList(toUTF8([]byte(c.value(name))))
	return err == nil && slices.ContainsFunc(list, func(a *netmail.Address) bool {
		address, ok := CanonicalAddress(a.Address)
		return ok && c.ours(address)
	})
}

func (c *check) ours(address string) bool { return c.Ours != nil && c.Ours(address) }

// domainOf returns the domain of an address, or of what is only that.
func domainOf(address string) string {
	return hostname(strings.Trim(address[strings.LastIndexByte(address, '@')+1:], "<>"))
}

// hostname returns a domain in lower case, or "" where it is none. It has to be
// in ASCII: whether a domain in other letters is the same is not ours to say.
func hostname(s string) string {
	s = strings.ToLower(s)
	if len(s) > 253 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Contains("."+s+".", "..") {
		return ""
	}
	return s
}
