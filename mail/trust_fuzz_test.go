package mail_test

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crier/conversation"
	"crier/mail"
)

// What a stranger sends must cost us little. Each of these would take minutes,
// or gigabytes, if nothing stopped it.
func TestAHostileMailCostsLittle(t *testing.T) {
	huge := weak{n: new(big.Int).Lsh(big.NewInt(1), 200_000)}
	simple := strings.NewReplacer("relaxed/relaxed", "simple/simple")
	body := strings.Repeat("\r\n", (2<<20)/2) + "x\r\n"
	for name, test := range map[string]struct {
		raw string
		dns dns
		why string
	}{
		"ten thousand signatures":     {strings.Repeat("DKIM-Signature: v=1\r\n", 10_000) + signed(letter), nil, "too long to be checked"},
		"a thousand of them":          {strings.Repeat("DKIM-Signature: v=1\r\n", 1000) + signed(letter), nil, "From is not one address"},
		"hundreds with a domain":      {strings.Repeat("DKIM-Signature: v=1; d=example.org; s=k1; h=from:to:subject:date; bh=; b=\r\n", 500) + signed(letter), nil, "counts for nothing"},
		"a signature of many fields":  {"DKIM-Signature: v=1; d=example.org; s=k1; h=" + strings.Repeat("x:", 60_000) + "\r\n" + crlf(letter), nil, "cannot be read"},
		"many fields, and many of it": {strings.Repeat("X: y\r\n", 900) + signer{fields: append(slices.Clone(usual), strings.Split(strings.Repeat("x ", 1500), " ")[:1500]...)}.sign(letter), nil, "broken"},
		"a field of many lines":       {"X: y\r\n" + strings.Repeat(" \r\n", 60_000) + signed(letter), nil, "too long to be checked"},
		"a header of a megabyte":      {"X: " + strings.Repeat("y", 1<<20) + "\r\n" + signed(letter), nil, "too long to be checked"},
		"a mail of seventeen":         {signed(letter) + strings.Repeat(strings.Repeat("y", 1<<10)+"\r\n", 17<<10), nil, "too long to be checked"},
		"empty lines, five times":     {strings.Repeat(simple.Replace(strings.SplitAfterN(signed(letter), "\r\n", 2)[0]), 5) + crlf(letter) + body, nil, "broken"},
		"a key of 200,000 bits":       {signed(letter), dns{"k1._domainkey.example.org": record(huge)}, "the record is too long"},
		"many addresses":              {signed(swap("River LETS <crier@lets.test>", strings.Repeat("bob@example.net, ", 5000)+"crier@lets.test")), nil, "+"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := mail.Read(strings.NewReader(test.raw), mail.Envelope{}, nil)
			if err != nil || m.From == "" {
				m = &mail.Mail{From: "luc@example.org", Date: today}
			}
			start := time.Now()
			trust, why := verifier(world(test.dns)).Verify(context.Background(), []byte(test.raw), m)
			if text, proven := strings.CutPrefix(test.why, "+"); (trust == conversation.Proven) != proven || !strings.Contains(why, text) {
				t.Errorf("trust is %d, for %q; want %q", trust, why, test.why)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it takes %v", took)
			}
		})
	}
}

func TestADNSThatNeverAnswersIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := verifier(nil)
		v.LookupTXT = func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("look up: %w", ctx.Err())
		}
		start := time.Now()
		expect(t, v, signed(signed(signed(letter))), "DNS did not answer")
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it takes %v", took)
		}
	})
}

func TestAPanicProvesNothing(t *testing.T) {
	v := verifier(nil)
	v.LookupTXT = func(context.Context, string) ([]string, error) { panic("a fault of the library") }
	expect(t, v, signed(signer{tags: "t=1; "}.sign(letter)), "could not be checked")
}

// FuzzVerify changes signed mails: whoever can is not believed, unless all
// that counts is as it was signed.
func FuzzVerify(f *testing.F) {
	encoded := strings.Replace(letter, "\n\n", "\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\nReply-To: luc@example.org\n\n--b\n\npay maria 5\n--b\nContent-Type: text/html\n\n<p>pay maria 5</p>\n--b--\n", 1)
	originals := map[string]bool{}
	for _, raw := range []string{
		signed(letter),
		signed(encoded),
		signer{domain: "mailer.example"}.sign(signed(letter)),
		signer{fields: append(slices.Clone(usual), usual...)}.sign(letter),
		signer{fields: []string{"From", "Cc", "Date"}, tags: "x=4102444800; t=1772445000; i=luc@example.org; "}.sign("Cc: crier@lets.test\nFrom: luc@example.org\nDate: Mon, 2 Mar 2026 09:58:00 +0000\n\nhi\n"),
		signed(strings.Replace(letter, "crier@lets.test", "bob@example.net", 1)),
		crlf(byUs+pass) + signed(letter),
	} {
		what, _ := essence(raw)
		originals[what] = true
		f.Add([]byte(raw))
	}
	v := verifier(world(nil), "mx.other.test")
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := mail.Read(bytes.NewReader(raw), mail.Envelope{}, nil)
		if err != nil {
			return
		}
		trust, why := v.Verify(context.Background(), raw, m)
		if why == "" || len(why) > 1000 {
			t.Errorf("it says why in %d bytes", len(why))
		}
		if what, ok := essence(string(raw)); trust == conversation.Proven && (!ok || !originals[what]) {
			t.Errorf("believed, for %q:\n%s", why, raw)
		}
	})
}

// essence is what counts in a mail, as far as a relaxed signature tells mails
// from each other: who, to whom, when, and the body.
func essence(raw string) (what string, ok bool) {
	head, body, ok := strings.Cut(strings.ReplaceAll(raw, "\r\n", "\n"), "\n\n")
	var lines []string
	for line := range strings.SplitSeq(strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(head), "\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "from", "to", "cc", "date", "subject":
			lines = append(lines, name+":"+strings.Join(strings.Fields(value), " "))
		}
	}
	slices.Sort(lines)
	for line := range strings.SplitSeq(body, "\n") {
		lines = append(lines, strings.TrimRight(strings.Join(strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' }), " "), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n"), ok
}
