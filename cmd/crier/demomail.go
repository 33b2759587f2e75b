package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"crier/bots/phone"
	"crier/conversation"
	"crier/locales"
	"crier/mail"
)

// demoMail is all mail of the demo: the mail programs of the members, and the
// mail server between them and Crier. What Crier makes of the mails is what it
// makes of those of a real server.
type demoMail struct {
	letterhead *mail.Letterhead
	receiver   *mail.Receiver
	catalog    *locales.Catalog
	community  string // the name

	mu   sync.Mutex
	last time.Time // of the mail that was written last
}

// The mail server of the demo, and the domain that it is for.
const (
	demoDomain     = "crier.example"
	demoMailServer = "mx." + demoDomain
)

func newDemoMail(seal *mail.Seal, journey mail.Journey, slug, community string, catalog *locales.Catalog, log *slog.Logger, now func() time.Time) *demoMail {
	address := slug + "@" + demoDomain
	return &demoMail{
		letterhead: &mail.Letterhead{Address: address, Detail: "+", Seal: seal, Now: now},
		receiver: &mail.Receiver{
			Mailboxes: []mail.Mailbox{{Address: address, Detail: "+", Community: slug}},
			Seal:      seal, Journey: journey, Log: log, Now: now,
			Verifier: mail.Verifier{LookupTXT: noDNS, Now: now},
			PerHour:  10_000, PerDay: 10_000, // whoever tries it out writes more than a member
		},
		catalog: catalog, community: community,
	}
}

// noDNS is the DNS of the demo, which asks nobody: nothing is in it.
func noDNS(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Letter makes the mail of what Crier says.
func (d *demoMail) Letter(out conversation.Outbound) (phone.Letter, error) {
	letter, err := d.letterhead.Letter(out)
	if err != nil {
		return phone.Letter{}, err
	}
	return openMail(string(letter.Data))
}

// Hear takes a mail as the mail server does, which knows whom it has it from
// and says so on top (RFC 8601, section 5; RFC 5321, section 4.4).
func (d *demoMail) Hear(ctx context.Context, from, source string) error {
	from, ok := mail.CanonicalAddress(from)
	if !ok {
		return errors.New("hear a mail: its sender has no address")
	}
	_, domain, _ := strings.Cut(from, "@")
	stamped := fmt.Sprintf("Authentication-Results: %s; spf=pass smtp.mailfrom=%s; dmarc=pass header.from=%s\r\n"+
		"Received: from %[3]s by %[1]s; %[4]s\r\n%[5]s",
		demoMailServer, from, domain, d.letterhead.Now().Format(time.RFC1123Z), source)
	return d.receiver.Hear(ctx, []byte(stamped), mail.Envelope{Known: true, From: from, AuthservIDs: []string{demoMailServer}})
}

// openMail reads a mail as a mail program does that shows texts.
func openMail(source string) (phone.Letter, error) {
	r, err := gomail.CreateReader(strings.NewReader(source))
	if err != nil {
		return phone.Letter{}, fmt.Errorf("open a mail: %w", err)
	}
	letter := phone.Letter{Source: source}
	if letter.Subject, err = r.Header.Subject(); err != nil {
		return phone.Letter{}, fmt.Errorf("open a mail: its subject: %w", err)
	}
	from, err := r.Header.AddressList("From")
	if err == nil && len(from) == 0 {
		err = errors.New("it names nobody")
	}
	if err != nil {
		return phone.Letter{}, fmt.Errorf("open a mail: its sender: %w", err)
	}
	letter.From, letter.Address = from[0].Name, from[0].Address
	if letter.From == "" {
		letter.From = letter.Address
	}
	body, err := plainText(r)
	if err != nil {
		return phone.Letter{}, fmt.Errorf("open a mail: its text: %w", err)
	}
	letter.Text, letter.Quote = cutQuote(body)
	return letter, nil
}

// plainText is the text of a mail, without its signature (RFC 3676, section 4.3).
func plainText(r *gomail.Reader) (string, error) {
	for {
		part, err := r.NextPart()
		if err != nil {
			return "", err
		}
		if h, ok := part.Header.(*gomail.InlineHeader); ok {
			if kind, _, _ := h.ContentType(); kind != "text/plain" {
				continue
			}
			body, err := io.ReadAll(part.Body)
			text := strings.ReplaceAll(string(body), "\r\n", "\n")
			if at := strings.LastIndex("\n"+text, "\n-- \n"); at >= 0 {
				text = text[:at]
			}
			return strings.TrimSpace(text), err
		}
	}
}

// cutQuote parts a text from what it repeats at its end of the mail before.
func cutQuote(body string) (text, quote string) {
	lines := strings.Split(body, "\n")
	at := len(lines)
	for at > 0 && strings.HasPrefix(lines[at-1], ">") {
		at--
	}
	quoted := lines[at:]
	for i, line := range quoted {
		quoted[i] = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
	}
	return strings.TrimSpace(strings.Join(lines[:at], "\n")), strings.Join(quoted, "\n")
}

// Write makes the mail of a member as usual mail programs do: their text on
// top, what it answers below that, and their signature.
func (d *demoMail) Write(draft phone.Draft) (phone.Letter, error) {
	at := d.moment(draft.At)
	printer := d.catalog.Printer(draft.Screen.Locale, locales.Unit{}, nil, at.Location(), at)
	typed := strings.TrimSpace(lineEnds.Replace(draft.Text))
	body := typed
	to, subject := []*gomail.Address{{Address: d.letterhead.Address}}, firstWords(typed)
	var references []string
	if draft.Answers != "" {
		answered, err := d.answered(draft.Answers)
		if err != nil {
			return phone.Letter{}, err
		}
		to, subject, references = answered.to, answered.subject, answered.references
		body += "\n\n" + printer.Text("phone.mail_wrote", locales.Args{
			"day": locales.Day(answered.at), "clock": locales.Clock(answered.at), "name": answered.from,
		}) + "\n> " + strings.ReplaceAll(answered.text, "\n", "\n> ")
	}
	body += "\n\n-- \n" + strings.Join([]string{draft.Screen.Name, d.community, draft.Screen.Address, printer.Text("phone.mail_habit", nil)}, "\n") + "\n"

	_, domain, _ := strings.Cut(draft.Screen.Address, "@")
	var h gomail.Header // each field is put above those before
	h.Set("Content-Transfer-Encoding", encoding(body))
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Language", printer.Locale())
	h.Set("MIME-Version", "1.0")
	if len(references) > 0 {
		h.SetMsgIDList("References", references)
		h.SetMsgIDList("In-Reply-To", references[len(references)-1:])
	}
	h.SetMessageID(draft.ID + "@" + domain)
	h.SetDate(at)
	h.SetSubject(subject)
	h.SetAddressList("To", to)
	h.SetAddressList("From", []*gomail.Address{{Name: draft.Screen.Name, Address: draft.Screen.Address}})
	source, err := writeMail(h, strings.ReplaceAll(body, "\n", "\r\n"))
	if err != nil {
		return phone.Letter{}, fmt.Errorf("write a mail: %w", err)
	}
	return phone.Letter{From: draft.Screen.Name, Address: draft.Screen.Address, Subject: subject, Source: source}, nil
}

// moment is when a mail is written. No two are of the same second: they could
// say the same, and be one mail.
func (d *demoMail) moment(at time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	at = at.Truncate(time.Second)
	if !at.After(d.last) {
		at = d.last.Add(time.Second)
	}
	d.last = at
	return at
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// encoding says how a text travels: as it is, but in lines that are not too
// long for a mail server (RFC 5322, section 2.1.1).
func encoding(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 990 {
			return "quoted-printable"
		}
	}
	return "8bit"
}

func writeMail(h gomail.Header, body string) (string, error) {
	var b strings.Builder
	w, err := gomail.CreateSingleInlineWriter(&b, h)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, body); err != nil {
		return "", err
	}
	err = w.Close()
	return b.String(), err
}

// answeredMail is what an answer takes from the letter that it answers.
type answeredMail struct {
	to         []*gomail.Address
	subject    string // of the answer
	references []string
	from       string
	at         time.Time
	text       string
}

// answered reads a letter for the answer to it. Source: RFC 5322, sections
// 3.6.2 to 3.6.5.
func (d *demoMail) answered(source string) (answeredMail, error) {
	letter, err := openMail(source)
	if err != nil {
		return answeredMail{}, err
	}
	r, err := gomail.CreateReader(strings.NewReader(source))
	if err != nil {
		return answeredMail{}, fmt.Errorf("answer a mail: %w", err)
	}
	a := answeredMail{from: letter.From, text: letter.Text, subject: "Re: " + strings.TrimPrefix(letter.Subject, "Re: ")}
	if letter.Quote != "" {
		a.text += "\n\n> " + strings.ReplaceAll(letter.Quote, "\n", "\n> ")
	}
	id, err := r.Header.MessageID()
	if err != nil {
		return answeredMail{}, fmt.Errorf("answer a mail: its Message-ID: %w", err)
	}
	before, err := r.Header.MsgIDList("References")
	if err != nil {
		return answeredMail{}, fmt.Errorf("answer a mail: its References: %w", err)
	}
	a.references = append(before, id)
	if a.at, err = r.Header.Date(); err != nil {
		return answeredMail{}, fmt.Errorf("answer a mail: its Date: %w", err)
	}
	a.to, err = r.Header.AddressList("Reply-To")
	if err != nil || len(a.to) == 0 {
		a.to = []*gomail.Address{{Name: letter.From, Address: letter.Address}}
	}
	return a, nil
}

// subjectMost is how many characters of a text become the subject of a mail.
const subjectMost = 40

// firstWords is what a text begins with, as a subject.
func firstWords(text string) string {
	var subject []rune
	for word := range strings.FieldsSeq(text) {
		longer := append(slices.Clone(subject), []rune(word)...)
		if len(longer) > subjectMost {
			if len(subject) == 0 {
				subject = longer[:subjectMost]
			}
			break
		}
		subject = append(longer, ' ')
	}
	return strings.TrimSpace(string(subject))
}
