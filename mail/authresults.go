package mail

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"golang.org/x/net/publicsuffix"
)

// told says what our own mail server found out about the sender: pass, fail, or
// none where it does not say enough. What it takes for a failure is one,
// whatever else passes: of dmarc, or of dkim for a domain that could speak for
// the sender.
//
// A pass counts like a signature verified here (see signed), by what the
// DKIM-Signature that the server names says of itself. Or else dmarc passes
// together with spf: then the mail came straight from its domain's servers, so
// nobody else can have sent it again.
func (c *check) told() (result authres.ResultValue, why string) {
	believed, doubted := c.reports()
	for _, r := range slices.Concat(slices.Concat(believed...), slices.Concat(doubted...)) {
		switch r := r.(type) {
		case *authres.DMARCResult:
			if isFailure(r.Value) {
				return authres.ResultFail, "our mail server says: dmarc=fail"
			}
		case *authres.DKIMResult:
			domain := signer(r)
			if isFailure(r.Value) && (domain == "" || c.related(domain)) {
				return authres.ResultFail, "our mail server says: dkim=fail"
			}
		}
	}

	for _, r := range slices.Concat(believed...) {
		r, ok := r.(*authres.DKIMResult)
		if !ok || r.Value != authres.ResultPass || !c.related(signer(r)) {
			continue
		}
		fault := c.vouched(r)
		if fault == "" {
			return authres.ResultPass, fmt.Sprintf("our mail server says: dkim=pass, signed by %s, aligned", signer(r))
		}
		why = fault
	}
	for _, results := range believed {
		if c.straight(results) {
			if !c.names("to") && !c.names("cc") && !slices.ContainsFunc(c.mail.To, c.ours) {
				return authres.ResultNone, "it was written to somebody else"
			}
			return authres.ResultPass, "our mail server says: dmarc=pass by spf for " + c.domain
		}
	}
	return authres.ResultNone, why
}

// isFailure says whether a result is a failure. Others, as neutral or temperror,
// say nothing.
func isFailure(v authres.ResultValue) bool {
	return v == authres.ResultFail || v == authres.ResultHardFail
}

// signer is the domain that a result of dkim is about. Gmail names only the
// agent, header.i.
func signer(r *authres.DKIMResult) string {
	if r.Domain != "" {
		return hostname(r.Domain)
	}
	return domainOf(r.Identifier)
}

// vouched says why a signature that our server has verified is of no use, or
// "". Which of several of that domain it was cannot be told, so all have to do:
// anybody can add one to a mail.
func (c *check) vouched(r *authres.DKIMResult) (fault string) {
	fault = "the signature that our mail server names is not there"
	n := 0
	for _, f := range c.header {
		if f.name != "dkim-signature" {
			continue
		}
		sig, ok := parseSignature(f.value)
		switch {
		case !ok:
			return "the signature cannot be read"
		case r.Domain != "" && sig.domain != signer(r), r.Domain == "" && sig.agent != signer(r):
			continue
		}
		if n++; n > maxSignatures {
			return "it has too many signatures"
		}
		if fault = c.unfit(sig); fault != "" {
			return fault
		}
		if ok, err := c.aligned(sig.domain, adkim); !ok || err != nil {
			return fmt.Sprintf("signed by %s, which may not speak for %s", sig.domain, c.domain)
		}
	}
	return fault
}

// straight says whether a server found dmarc to pass, and spf for the domain
// of the sender.
func (c *check) straight(results []authres.Result) bool {
	var dmarc, spf bool
	for _, r := range results {
		switch r := r.(type) {
		case *authres.DMARCResult:
			dmarc = dmarc || r.Value == authres.ResultPass && hostname(r.From) == c.domain
		case *authres.SPFResult:
			if r.Value == authres.ResultPass {
				ok, err := c.aligned(domainOf(r.From), aspf)
				spf = spf || ok && err == nil
			}
		}
	}
	return dmarc && spf
}

// reports returns what our mail server wrote into the header, a list of results
// for each Authentication-Results field of its.
//
// Anybody can write such a field. But each server on the way puts its own
// fields above those that are there, so what our side wrote stands on top, and
// below the first Received that is not ours all is the sender's own text. As
// it is not known how our servers are called, only these are believed:
//
//   - the fields above the topmost Received;
//   - if there is none, the topmost field below Received fields of our side
//     only (see inside), the last of which has a name like the authserv-id.
//
// Further fields down there may be the sender's: they can only do harm to the
// sender, so they are returned as doubted, and only their failures count.
func (c *check) reports() (believed, doubted [][]authres.Result) {
	if c.count("received") == 0 { // no server has had it: all is the sender's text
		return nil, nil
	}
	var hops []string
	for _, f := range c.header {
		switch f.name {
		case "received":
			if hops = append(hops, receivedBy(f.value)); len(hops) > maxHops {
				return believed, doubted
			}
		case "authentication-results":
			id, results, ok := parseReport(f.value)
			switch {
			case !ok: // it may be ours, by a sender who knows how to spoil it; what is below is not on top
				return believed, doubted
			case !slices.ContainsFunc(c.AuthservIDs, func(ours string) bool { return strings.EqualFold(id, ours) }):
			case len(hops) == 0:
				believed = append(believed, results)
			case !inside(hops, id):
			case len(believed) == 0:
				believed = append(believed, results)
			default:
				doubted = append(doubted, results)
			}
		}
	}
	return believed, doubted
}

// outlook is how Microsoft's servers are configured here: their fields have no
// authserv-id.
const outlook = "outlook.com"

// parseReport reads an Authentication-Results field, if it is well formed.
func parseReport(value string) (id string, results []authres.Result, ok bool) {
	value, ok = plain(value)
	if !ok {
		return "", nil, false
	}
	if first, _, _ := strings.Cut(value, ";"); strings.Contains(first, "=") {
		value = outlook + ";" + value
	}
	id, results, err := authres.Parse(value)
	return strings.ToLower(id), results, err == nil
}

// receivedBy returns the host that wrote a Received field, or "".
func receivedBy(value string) string {
	value, _ = plain(value)
	words := strings.Fields(value)
	if len(words) > 2 && strings.EqualFold(words[0], "from") {
		words = words[2:]
	}
	if len(words) < 2 || !strings.EqualFold(words[0], "by") {
		return ""
	}
	return strings.ToLower(strings.Trim(words[1], "[];."))
}

// inside says whether a field of a server that calls itself id can be genuine
// below these Received fields: they are of the same house or, as inside of
// large ones, of machines without a public name, and the last is of the house.
func inside(hops []string, id string) bool {
	house := func(host string) bool {
		org := organisation(host)
		return host == id || org != "" && org == organisation(id)
	}
	for _, host := range hops {
		if !house(host) && !private(host) {
			return false
		}
	}
	return house(hops[len(hops)-1])
}

// organisation is who runs a server: its organisational domain, or "".
func organisation(host string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(hostname(host))
	if err != nil {
		return ""
	}
	if org == "office365.com" { // Microsoft's servers call themselves by both
		return outlook
	}
	return org
}

// private says whether a host has no public name: "localhost", "mx5.internal",
// or an address, as in the inner hops of Gmail.
func private(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return hostname(host) != "" && !icann && !strings.Contains(suffix, ".")
}

// plain removes the comments from a structured field, and makes each quoted
// string one word in which nothing has a meaning, so that it can be cut at
// spaces and semicolons: in both stands what strangers chose, as in
// smtp.mailfrom="a; dkim=pass "@example.org. Where it could be read in more
// than one way, ok is false. Source: RFC 5322, sections 3.2.2 and 3.2.4.
func plain(value string) (text string, ok bool) {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(value); i++ {
		ch := value[i]
		switch {
		case ch == '\\' && (quoted || depth > 0):
			i++ // what follows means itself
		case quoted && ch == '"':
			quoted = false
		case quoted && strings.IndexByte("; ()=", ch) >= 0, quoted && ch < ' ', depth == 0 && ch > '~':
			b.WriteByte('_') // there are spaces beyond ASCII
		case quoted:
			b.WriteByte(ch)
		case ch == '"' && depth > 0: // somebody's quoted text, with a ")" perhaps
			return "", false
		case ch == '"':
			quoted = true
		case ch == '(':
			depth++
		case ch == ')':
			if depth--; depth < 0 {
				return "", false
			}
			b.WriteByte(' ')
		case depth == 0:
			b.WriteByte(ch)
		}
	}
	return b.String(), depth == 0 && !quoted
}
