package mail

import (
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	addressMax = 254  // bytes of an address. Source: RFC 5321, section 4.5.3.1.3, without < and >
	nameMax    = 256  // bytes of Mail.Name
	toMax      = 1000 // addresses in Mail.To
)

// CanonicalAddress brings a bare address into the form that it is kept in:
// lower case, the domain in ASCII. It says false where s is no address, and of
// the rare forms that nobody needs and that readers understand differently:
// quoted local parts and addresses in brackets.
func CanonicalAddress(s string) (string, bool) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > 4*addressMax || strings.Contains(domain, "@") {
		return "", false
	}
	local, ok = canonicalLocal(local)
	if !ok {
		return "", false
	}
	if domain == "" || strings.HasSuffix(domain, ".") || strings.ContainsFunc(domain, unicode.IsSpace) {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || domain == "" || len(local)+1+len(domain) > addressMax {
		return "", false
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	return local + "@" + strings.ToLower(domain), true
}

// canonicalLocal brings what stands before the @ into lower case. No character
// may become an ASCII one by it, as the Kelvin sign becomes "k": two mailboxes
// would then be the same.
func canonicalLocal(s string) (string, bool) {
	if s == "" || len(s) > localMax || !utf8.ValidString(s) || !norm.NFC.IsNormalString(s) {
		return "", false
	}
	var b strings.Builder
	for _, r := range s {
		lower := unicode.ToLower(r)
		switch {
		case r < utf8.RuneSelf:
			if r <= ' ' || r == 0x7f || strings.ContainsRune(`"(),:;<>@[\]`, r) {
				return "", false
			}
		case lower < utf8.RuneSelf, !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			return "", false
		}
		b.WriteRune(lower)
	}
	return b.String(), b.Len() <= localMax
}

// notAddress is what a From field may have around its address: quoted names,
// comments and encoded words.
var notAddress = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)|=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=`)

// inBrackets is an address at the end of a field.
var inBrackets = regexp.MustCompile(`<\s*([^<>\s]+)\s*>\s*$`)

// sender reads who wrote a mail. There has to be one From field with one
// address: with two, or with something that one reader takes for the address
// and the next for the name, the one who signed and the one who is believed
// could be two. Source: RFC 7489, section 6.6.1.
func sender(h *message.Header) (address, name string) {
	fields := h.Values("From")
	if len(fields) != 1 || len(fields[0]) > 8<<10 {
		return "", ""
	}
	field := toUTF8([]byte(fields[0]))
	bare := notAddress.ReplaceAllString(field, " ")
	if strings.Contains(bare, ";") { // a group, which may have one address as well
		return "", ""
	}
	if parsed, err := addressParser.Parse(field); err == nil {
		address, _ = CanonicalAddress(parsed.Address)
		return address, inOneLine(parsed.Name, nameMax)
	}
	// Many a name stands there with a comma or without its quotes. That is no
	// harm as long as there is nothing else that could be an address.
	found := inBrackets.FindStringSubmatch(bare)
	if found == nil || strings.Count(bare, "@") != 1 {
		return "", ""
	}
	address, _ = CanonicalAddress(found[1])
	name = decodeWords(field[:strings.LastIndex(field, "<")])
	return address, inOneLine(strings.Trim(name, "\"' \t"), nameMax)
}

var addressParser = netmail.AddressParser{WordDecoder: &words}

// loose finds addresses in a list that has no proper form.
var loose = regexp.MustCompile(`[^\s<>(),;:"\[\]]+@[^\s<>(),;:"\[\]]+`)

// recipients lists where a mail went, the surest first, and which of that the
// writer named.
func recipients(h *message.Header, env Envelope) (to, named []string) {
	keep := func(list *[]string, s string) {
		if len(*list) >= toMax {
			return
		}
		if address, ok := CanonicalAddress(strings.Trim(s, "<> \t")); ok && !slices.Contains(*list, address) {
			*list = append(*list, address)
		}
	}
	add := func(s string) { keep(&to, s) }
	for _, s := range env.To {
		add(s)
	}
	for _, key := range []string{"Delivered-To", "X-Original-To", "Envelope-To"} {
		for _, field := range h.Values(key) {
			for s := range strings.SplitSeq(field, ",") {
				add(s)
			}
		}
	}
	for _, key := range []string{"To", "Cc"} {
		for _, field := range h.Values(key) {
			field = toUTF8([]byte(field))
			list, err := addressParser.ParseList(field)
			if err != nil {
				for _, s := range loose.FindAllString(field, toMax) {
					keep(&named, s)
				}
			}
			for _, a := range list {
				keep(&named, a.Address)
			}
		}
	}
	for _, address := range named {
		add(address)
	}
	return to, named
}

// oneID is one Message-ID. Source: RFC 5322, section 3.6.4.
var oneID = regexp.MustCompile(`<\s*([^<>\s]{1,998})\s*>`)

const idsMax = 100 // Message-IDs in Mail.References

// messageIDs reads the Message-IDs in a field, without their brackets; where
// there are no brackets, its words. Of very many it keeps the last, which are
// the nearest.
func messageIDs(field string) []string {
	var ids []string
	field = toUTF8([]byte(field))
	for _, found := range oneID.FindAllStringSubmatch(field, -1) {
		ids = append(ids, found[1])
	}
	if ids == nil && !strings.ContainsAny(field, "<>") {
		for _, word := range strings.Fields(field) {
			if strings.Contains(word, "@") && len(word) <= 998 {
				ids = append(ids, word)
			}
		}
	}
	for i := range ids {
		ids[i] = inOneLine(ids[i], 998)
	}
	return slices.Clone(ids[max(0, len(ids)-idsMax):])
}
