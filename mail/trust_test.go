package mail_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/mail"
)

// today is when the mails of these tests come.
var today = time.Date(2026, time.March, 2, 10, 0, 0, 0, time.UTC)

const letter = `From: Luc Martin <luc@example.org>
To: River LETS <crier@lets.test>
Subject: eggs
Date: Mon, 2 Mar 2026 09:58:00 +0000
Message-ID: <1@example.org>

pay maria 5 for eggs
`

var usual = []string{"From", "To", "Subject", "Date", "Message-ID"}

// signer signs mails as a mail server does, and as none should.
type signer struct {
	domain string
	key    crypto.Signer
	fields []string // usual where there are none
	tags   string   // more of them: "x=…; "
	length int      // of the body that is signed; 0: all
}

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	edKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
)

// sign puts a DKIM-Signature on top of a mail. Source: RFC 6376, section 3.7;
// its canonicalization is relaxed/relaxed, of mails without odd spaces.
func (s signer) sign(raw string) string {
	raw = crlf(raw)
	if s.fields == nil {
		s.fields = usual
	}
	if s.domain == "" {
		s.domain = "example.org"
	}
	if s.key == nil {
		s.key = edKey
	}
	algorithm := "rsa-sha256"
	if _, ok := s.key.(ed25519.PrivateKey); ok {
		algorithm = "ed25519-sha256"
	}
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	if s.length > 0 {
		body = body[:s.length]
	}
	sum := sha256.Sum256([]byte(body))
	field := fmt.Sprintf("v=1; a=%s; c=relaxed/relaxed; d=%s; s=k1; %sh=%s; bh=%s; b=",
		algorithm, s.domain, s.tags, strings.Join(s.fields, ":"), base64.StdEncoding.EncodeToString(sum[:]))

	hash := sha256.New()
	lines := strings.Split(head, "\r\n")
	slices.Reverse(lines) // the lowest of a name is signed first
	for _, name := range s.fields {
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), strings.ToLower(name)+":") })
		if i < 0 {
			continue
		}
		_, value, _ := strings.Cut(lines[i], ":")
		fmt.Fprintf(hash, "%s:%s\r\n", strings.ToLower(name), strings.Join(strings.Fields(value), " "))
		lines = slices.Delete(lines, i, i+1)
	}
	fmt.Fprintf(hash, "dkim-signature:%s", field)
	opts := crypto.SignerOpts(crypto.SHA256)
	if algorithm == "ed25519-sha256" {
		opts = crypto.Hash(0) // what is signed is the hash. Source: RFC 8463, section 3
	}
	signature, err := s.key.Sign(rand.Reader, hash.Sum(nil), opts)
	if err != nil {
		panic(err)
	}
	return "DKIM-Signature: " + field + base64.StdEncoding.EncodeToString(signature) + "\r\n" + raw
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// signed is a letter as example.org signs it.
func signed(raw string) string { return signer{}.sign(raw) }

// record is the TXT record of a key.
func record(key crypto.Signer) string {
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

// weak is an RSA key as short as it is told. Go itself signs with none of these.
type weak struct{ n, d *big.Int }

func newWeak(bits int) weak {
	for {
		p, err1 := rand.Prime(rand.Reader, bits/2)
		q, err2 := rand.Prime(rand.Reader, bits/2)
		if err := errors.Join(err1, err2); err != nil {
			panic(err)
		}
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(65537), phi)
		if n := new(big.Int).Mul(p, q); d != nil && n.BitLen() == bits {
			return weak{n, d}
		}
	}
}

func (w weak) Public() crypto.PublicKey { return &rsa.PublicKey{N: w.n, E: 65537} }

// Sign is RSASSA-PKCS1-v1_5 with SHA-256. Source: RFC 8017, section 8.2.1.
func (w weak) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	size := w.n.BitLen() / 8
	info := append([]byte("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"), digest...)
	padded := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info))...)
	padded = append(append(padded, 0), info...)
	return new(big.Int).Exp(new(big.Int).SetBytes(padded), w.d, w.n).FillBytes(make([]byte, size)), nil
}

// dns answers with the records of a name; to "down" in them it does not answer.
type dns map[string]string

func (d dns) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch text, ok := d[name]; {
	case text == "down":
		return nil, fmt.Errorf("ask for the record: %w", &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true})
	case !ok:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	default:
		return []string{text}, nil
	}
}

// world is the DNS of these tests, with more in it.
func world(more dns) dns {
	d := dns{}
	for _, domain := range []string{"example.org", "mail.example.org", "mailer.example", "co.uk", "xn--bcher-kva.example"} {
		d["k1._domainkey."+domain] = record(edKey)
	}
	for name, text := range more {
		d[name] = text
	}
	return d
}

func ours(address string) bool { return address == "crier@lets.test" }

func verifier(d dns, ids ...string) *mail.Verifier {
	return &mail.Verifier{LookupTXT: d.LookupTXT, AuthservIDs: ids, Ours: ours, Now: func() time.Time { return today }}
}

// believed reads a mail and asks how far its sender is believed.
func believed(t testing.TB, v *mail.Verifier, raw string) (conversation.Trust, string) {
	t.Helper()
	m, err := mail.Read(strings.NewReader(raw), mail.Envelope{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v.Verify(context.Background(), []byte(raw), m)
}

// expect fails unless a mail is Proven just where why begins with "+", and the
// rest of why is in what is said.
func expect(t *testing.T, v *mail.Verifier, raw, why string) {
	t.Helper()
	trust, got := believed(t, v, raw)
	text, proven := strings.CutPrefix(why, "+")
	if (trust == conversation.Proven) != proven || !strings.Contains(got, text) || got == "" {
		t.Errorf("trust is %d, for %q; want %q of\n%.3000s", trust, got, why, raw)
	}
}

func swap(old, instead string) string {
	if !strings.Contains(letter, old) {
		panic("the letter has no " + old)
	}
	return strings.Replace(letter, old, instead, 1)
}

// changed is a mail that was changed after it was signed.
func changed(raw, old, instead string) string {
	if !strings.Contains(raw, old) {
		panic("the mail has no " + old)
	}
	return strings.Replace(raw, old, instead, 1)
}

func TestASignatureProvesTheSender(t *testing.T) {
	weakKey, key := newWeak(512), rsaKey()
	for name, test := range map[string]struct {
		raw string
		dns dns
		why string
	}{
		"signed by the From domain, ed25519": {signed(letter), nil, "+DKIM: signed by example.org, aligned"},
		"signed by the From domain, rsa":     {signer{key: key}.sign(letter), dns{"k1._domainkey.example.org": record(key)}, "+signed by example.org"},
		"capitals in the domain":             {signer{domain: "Example.ORG"}.sign(swap("luc@example.org>", "Luc@EXAMPLE.org>")), dns{"k1._domainkey.Example.ORG": record(edKey)}, "+"},
		"with bare line feeds":               {strings.ReplaceAll(signed(letter), "\r\n", "\n"), nil, "+"},
		"unsigned":                           {letter, nil, "no signature"},
		"signed by somebody else":            {signer{domain: "mailer.example"}.sign(letter), nil, "signed by mailer.example, not by the From domain example.org"},
		"by somebody else, and by them":      {signer{domain: "mailer.example"}.sign(signed(letter)), nil, "+signed by example.org"},
		"two of them, one broken":            {signer{tags: "i=@a.example.org; "}.sign(changed(signed(letter), "b=", "b=AAAA")), nil, "+"},
		"the body was changed":               {changed(signed(letter), "5 for", "50 for"), nil, "broken: changed on the way, as mailing lists do"},
		"the body was added to":              {signed(letter) + "pay bob 9\r\n", nil, "broken"},
		"the Subject was changed":            {changed(signed(letter), "Subject: eggs", "Subject: [list] eggs"), nil, "broken"},
		"another From of the same domain":    {changed(signed(letter), "luc@", "bob@"), nil, "broken"},
		"the key is not in the DNS":          {signed(letter), dns{"k1._domainkey.example.org": "v=DKIM1; p="}, "counts for nothing: key revoked"},
		"another key is in the DNS":          {signed(letter), dns{"k1._domainkey.example.org": strings.Replace(record(edKey), "p=", "p=AAAA", 1)}, "counts for nothing"},
		"a key of 512 bits":                  {signer{key: weakKey}.sign(letter), dns{"k1._domainkey.example.org": record(weakKey)}, "too short"},
		"a key of 512 bits that is not said": {signer{key: weakKey}.sign(letter), dns{"k1._domainkey.example.org": strings.Replace(record(weakKey), "k=rsa; ", "", 1)}, "too short"},
		"rsa-sha1":                           {changed(signer{key: key}.sign(letter), "rsa-sha256", "rsa-sha1"), dns{"k1._domainkey.example.org": record(key)}, "too weak"},
		"the DNS is down":                    {signed(letter), dns{"k1._domainkey.example.org": "down"}, "DNS did not answer"},
		"the DNS is down for DMARC only":     {signed(letter), dns{"_dmarc.example.org": "down"}, "+"},
		"an international domain":            {signer{domain: "xn--bcher-kva.example"}.sign(swap("luc@example.org", "luc@bücher.example")), nil, "+xn--bcher-kva.example"},
		"signed in other letters":            {signer{domain: "bücher.example"}.sign(swap("luc@example.org", "luc@bücher.example")), dns{"k1._domainkey.bücher.example": record(edKey)}, "cannot be read"},
		"a signature that is none":           {"DKIM-Signature: v=1; d\r\n" + crlf(letter), nil, "cannot be read"},
		"a signature with a tag twice":       {changed(signed(letter), "; h=", "; d=example.org; h="), nil, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, verifier(world(test.dns)), test.raw, test.why) })
	}
}

func TestADomainSpeaksForItsOrganisation(t *testing.T) {
	sub := swap("luc@example.org", "luc@mail.example.org")
	for name, test := range map[string]struct {
		raw string
		dns dns
		why string
	}{
		"the organisation for a part of it":             {signed(sub), nil, "+"},
		"a part for the organisation":                   {signer{domain: "mail.example.org"}.sign(letter), nil, "+mail.example.org"},
		"relaxed, it says":                              {signed(sub), dns{"_dmarc.mail.example.org": "v=DMARC1; p=none; adkim=r"}, "+"},
		"strict, it says":                               {signed(sub), dns{"_dmarc.mail.example.org": "v=DMARC1; p=none; adkim=s"}, "asks for its own"},
		"strict, the organisation says":                 {signed(sub), dns{"_dmarc.example.org": "v=DMARC1; p=reject; adkim=s"}, "asks for its own"},
		"its own record beats that of the organisation": {signed(sub), dns{"_dmarc.mail.example.org": "v=DMARC1; p=none", "_dmarc.example.org": "v=DMARC1; p=reject; adkim=s"}, "+"},
		"strict, and the very same":                     {signed(letter), dns{"_dmarc.example.org": "v=DMARC1; p=reject; adkim=s"}, "+"},
		"strict, a part of it":                          {signer{domain: "mail.example.org"}.sign(letter), dns{"_dmarc.example.org": "v=DMARC1; p=reject; adkim=s"}, "asks for its own"},
		"nobody knows whether strict":                   {signed(sub), dns{"_dmarc.mail.example.org": "down"}, "DNS did not say"},
		"a policy that cannot be read":                  {signed(sub), dns{"_dmarc.mail.example.org": "v=DMARC1; adkim=x; p=none"}, "DNS did not say"},
		"a public suffix for what is below":             {signer{domain: "co.uk"}.sign(swap("luc@example.org", "luc@martin.co.uk")), nil, "not by the From domain"},
		"a public suffix for itself":                    {signer{domain: "co.uk"}.sign(swap("luc@example.org", "luc@co.uk")), nil, "not by the From domain"},
		"a name that only ends like it":                 {signer{domain: "mailer.example"}.sign(swap("luc@example.org", "luc@amailer.example")), nil, "not by the From domain"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, verifier(world(test.dns)), test.raw, test.why) })
	}
}

func TestASignedMailCannotBeSentAgainByOthers(t *testing.T) {
	later := func(d time.Duration) int64 { return today.Add(d).Unix() }
	all := append(slices.Clone(usual), "Cc")
	toFriend := swap("River LETS <crier@lets.test>", "bob@example.net")
	for name, test := range map[string]struct{ raw, why string }{
		"written to a friend":                       {signed(toFriend), "written to somebody else"},
		"written to a friend, then To us":           {changed(signed(toFriend), "To: bob@example.net", "To: crier@lets.test"), "broken"},
		"written to a friend, then To us as well":   {"To: crier@lets.test\r\n" + signed(toFriend), "2 fields to"},
		"written to a friend, then Cc us":           {"Cc: crier@lets.test\r\n" + signed(toFriend), "Cc is not signed"},
		"written to us, then Cc another of ours":    {"Cc: crier@lets.test\r\n" + signed(letter), "Cc is not signed"},
		"written to a friend with our name":         {signed(swap("River LETS <crier@lets.test>", `"crier@lets.test" <bob@example.net>`)), "written to somebody else"},
		"our name in an encoded word":               {signed(swap("River LETS <crier@lets.test>", "=?utf-8?q?=3Ccrier=40lets.test=3E?= <bob@example.net>")), "written to somebody else"},
		"our name in a comment":                     {signed(swap("River LETS <crier@lets.test>", "bob@example.net (crier@lets.test)")), "written to somebody else"},
		"To is not signed":                          {signer{fields: []string{"From", "Date", "Subject"}}.sign(letter), "To is not signed"},
		"to a friend and to us":                     {signed(swap("River LETS <crier@lets.test>", "bob@example.net, =?koi8-r?B?8uXLwQ==?= <Crier@Lets.test>")), "+"},
		"to a group with us in it":                  {signed(swap("River LETS <crier@lets.test>", "friends: bob@example.net, crier@lets.test;")), "+"},
		"Cc to us":                                  {signer{fields: all}.sign("Cc: crier@lets.test\n" + toFriend), "+"},
		"without a To, and one added":               {"To: crier@lets.test\r\n" + signed(swap("To: River LETS <crier@lets.test>\n", "")), "broken"},
		"with a new Date":                           {changed(signed(letter), "Mon, 2 Mar", "Sun, 1 Mar"), "broken"},
		"with a new Date that is not signed":        {signer{fields: []string{"From", "To", "Subject"}}.sign(letter), "Date is not signed"},
		"with a Date on top":                        {"Date: Mon, 2 Mar 2026 09:59:00 +0000\r\n" + signed(letter), "2 fields date"},
		"of nine days ago":                          {signed(swap("Mon, 2 Mar", "Sat, 21 Feb")), "too old: of 2026-02-21"},
		"of seven days ago":                         {signed(swap("Mon, 2 Mar", "Mon, 23 Feb")), "+"},
		"of the day after tomorrow":                 {signed(swap("Mon, 2 Mar", "Wed, 4 Mar")), "from the future"},
		"of this evening":                           {signed(swap("09:58:00 +0000", "23:58:00 +0000")), "+"},
		"of no time that can be read":               {signed(swap("Mon, 2 Mar 2026 09:58:00 +0000", "today")), "no Date that can be read"},
		"signed nine days ago":                      {signer{tags: fmt.Sprintf("t=%d; ", later(-9*24*time.Hour))}.sign(letter), "too old"},
		"signed just now":                           {signer{tags: fmt.Sprintf("t=%d; ", later(-time.Minute))}.sign(letter), "+"},
		"signed at no time":                         {signer{tags: "t=soon; "}.sign(letter), "cannot be read"},
		"expired":                                   {signer{tags: fmt.Sprintf("x=%d; ", later(-time.Hour))}.sign(letter), "expired"},
		"not yet expired":                           {signer{tags: "x=4102444800; "}.sign(letter), "+"},
		"without a Date, signed now":                {signer{tags: fmt.Sprintf("t=%d; ", later(0))}.sign(swap("Date: Mon, 2 Mar 2026 09:58:00 +0000\n", "")), "+"},
		"without a Date":                            {signed(swap("Date: Mon, 2 Mar 2026 09:58:00 +0000\n", "")), "no Date"},
		"without Date and Message-ID":               {signed("From: luc@example.org\nTo: crier@lets.test\n\nhi\n"), "neither Date nor Message-ID"},
		"only the beginning is signed":              {signer{tags: "l=20; ", length: 20}.sign(letter), "only the beginning"},
		"only the beginning, and more":              {signer{tags: "l=22; "}.sign(letter) + "pay bob 9\r\n", "only the beginning"},
		"Subject is not signed":                     {signer{fields: []string{"From", "To", "Date"}}.sign(letter), "Subject is not signed"},
		"a Subject was added":                       {changed(signer{fields: []string{"From", "To", "Date"}}.sign(swap("Subject: eggs\n", "")), "\r\nFrom:", "\r\nSubject: pay bob 9\r\nFrom:"), "Subject is not signed"},
		"a second From":                             {"From: bob@example.org\r\n" + signed(letter), "2 fields from"},
		"a second From below":                       {changed(signed(letter), "\r\nMessage-ID", "\r\nFrom: bob@example.org\r\nMessage-ID"), "2 fields from"},
		"a second Subject":                          {"subject: pay bob 9\r\n" + signed(letter), "2 fields subject"},
		"a second Content-Type":                     {"Content-Type: text/html\r\n" + signed("Content-Type: text/plain\n"+letter), "2 fields content-type"},
		"a field with a blank before the colon":     {"Subject : pay bob 9\r\n" + signed(letter), "malformed"},
		"a field that hides behind a bare CR":       {"X-A: b\rFrom: bob@example.org\r\n" + signed(letter), "malformed"},
		"a line that is no field":                   {"hello\r\n" + signed(letter), "malformed"},
		"a header without an end":                   {strings.TrimSuffix(signed(letter), "\r\npay maria 5 for eggs\r\n"), "no end"},
		"From with two addresses":                   {signed(swap("Luc Martin <luc@example.org>", "luc@example.org, bob@example.org")), "From is not one address"},
		"From as a group":                           {signed(swap("Luc Martin <luc@example.org>", "friends: luc@example.org;")), "From is not one address"},
		"no From":                                   {signed(swap("From: Luc Martin <luc@example.org>\n", "")), "From is not one address"},
		"an address for a name":                     {signer{domain: "mailer.example"}.sign(swap("Luc Martin <luc@example.org>", `"luc@example.org" <evil@mailer.example>`)), "+signed by mailer.example"},
		"an address for a name, signed by its own":  {signed(swap("Luc Martin <luc@example.org>", `"luc@example.org" <evil@mailer.example>`)), "signed by example.org, not by the From domain mailer.example"},
		"an address for a name, without quotes":     {signed(swap("Luc Martin <luc@example.org>", `luc@example.org <evil@mailer.example>`)), "From is not one address"},
		"an address for a name, in an encoded word": {signed(swap("Luc Martin <luc@example.org>", `=?utf-8?q?luc=40example.org?= <evil@mailer.example>`)), "not by the From domain mailer.example"},
		"an address in a comment":                   {signed(swap("Luc Martin <luc@example.org>", `evil@mailer.example (luc@example.org)`)), "not by the From domain mailer.example"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, verifier(world(nil)), test.raw, test.why) })
	}
}

// A caller that hands over the Mail of other bytes has no proof of anything.
func TestTheMailMustBeOfTheseBytes(t *testing.T) {
	for _, from := range []string{"", "bob@example.org"} {
		m := &mail.Mail{From: from, Date: today}
		if trust, why := verifier(world(nil)).Verify(context.Background(), []byte(signed(letter)), m); trust != conversation.Claimed || why != "From is not one address" {
			t.Errorf("From %q: trust is %d, for %q", from, trust, why)
		}
	}
}
