package mail

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"crier/conversation"
)

// Letterhead is what all letters of one mailbox have in common.
type Letterhead struct {
	Address     string  // "river@example.org": From, and where answers go
	Detail      string  // what parts a local part from its detail, "+" or "-"; "": the mailbox has no subaddresses
	Seal        *Seal   // makes the tokens
	Unsubscribe string  // public https address in front of a token, for unsubscribing with one click; "": by mail only
	Signer      *Signer // DKIM; nil: the mail server signs
	Now         func() time.Time

	layouts layouts
}

// Letter is one mail, ready to be handed to a mail server.
type Letter struct {
	From, To  string // the envelope
	MessageID string // without < and >: the same however often the letter is made
	Data      []byte // header and body, in lines that end in CRLF
}

// defaultSender is how letters of the host call themselves.
const defaultSender = "Crier"

// localMax is how many octets a local part may have. Source: RFC 5321, section
// 4.5.3.1.1.
const localMax = 64

// Check says what is wrong with a letterhead, in words for the operator.
func (h *Letterhead) Check() error {
	local, domain, ok := cutAddress(h.Address)
	switch {
	case !ok:
		return fmt.Errorf("%q is no mail address: it must be like river@example.org", h.Address)
	case h.Detail != "" && h.Detail != "+" && h.Detail != "-":
		return fmt.Errorf("what parts the detail from an address must be + or -, not %q", h.Detail)
	case h.Detail != "" && len(local)+len(h.Detail)+TokenSize > localMax:
		return fmt.Errorf("%q is too long: before the @ at most %d characters leave room for the token of an answer",
			h.Address, localMax-TokenSize-len(h.Detail))
	case h.Seal == nil:
		return errors.New("the letters have no key for their tokens")
	case h.Now == nil:
		return errors.New("the letters have no clock")
	}
	if h.Unsubscribe != "" {
		// RFC 8058, section 3.1 asks for https.
		u, err := url.Parse(h.Unsubscribe)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || !isWord(h.Unsubscribe) || !strings.HasSuffix(h.Unsubscribe, "/") {
			return errors.New("the address for unsubscribing must be like https://crier.example/mail/unsubscribe/")
		}
	}
	if h.Signer != nil && !strings.EqualFold(h.Signer.domain, domain) && !strings.HasSuffix(strings.ToLower(domain), "."+strings.ToLower(h.Signer.domain)) {
		return fmt.Errorf("a signature of %s is worth nothing on letters from %s: sign with the key of %s", h.Signer.domain, h.Address, domain)
	}
	return nil
}

// Letter makes the letter of an Outbound. But for the signature, which has its
// time in it, it is the same each time: a retry cannot show as a second letter.
func (h *Letterhead) Letter(out conversation.Outbound) (Letter, error) {
	local, domain, ok := cutAddress(h.Address)
	if !ok {
		return Letter{}, errors.New("make letter: the mailbox has no address")
	}
	if _, _, ok := cutAddress(out.Address); !ok {
		return Letter{}, &conversation.SendError{Final: true, Err: errors.New("make letter: nothing can be sent to such an address")}
	}
	locale := languageTag(out.Locale)
	text := harmless(out.Text)
	var page *layout
	if out.Sheet != nil {
		page = h.layoutOf(out.Sheet, locale)
	}
	if text == "" && (page == nil || len(page.plain) == 0) {
		return Letter{}, &conversation.SendError{Final: true, Err: errors.New("make letter: the text is empty")}
	}
	sender := oneLine(out.Sender, 100)
	if sender == "" {
		sender = defaultSender
	}
	token := h.Seal.Token(Answering, out.ID)
	thread := decodeThread(out.Thread)
	subject := thread.answer()
	switch {
	case subject != "":
	case page != nil:
		subject = page.subject
	default:
		subject = firstSentence(text)
	}
	l := Letter{From: h.Address, To: out.Address, MessageID: token + "@" + domain}
	answers := h.Address
	if h.Detail != "" {
		l.From = local + h.Detail + h.Seal.Token(Bouncing, out.ID) + "@" + domain
		answers = local + h.Detail + token + "@" + domain
	}

	var w letterWriter
	if page != nil {
		w.Grow(6<<10 + page.size + page.size/8)
	} else {
		w.Grow(3<<10 + 2*len(text))
	}
	w.field("From", mailbox(sender, h.Address))
	w.field("To", "<"+out.Address+">") // spam checkers like the brackets
	if h.Detail != "" {
		w.field("Reply-To", mailbox(sender, answers))
	}
	w.field("Subject", mime.QEncoding.Encode("utf-8", subject))
	w.field("Date", h.date(out.ID).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	w.field("Message-ID", "<"+l.MessageID+">")
	switch {
	case thread.MessageID != "":
		w.field("In-Reply-To", "<"+thread.MessageID+">")
		w.field("References", "<"+strings.Join(append(thread.References, thread.MessageID), "> <")+">")
	case out.Question != 0 && out.ReplyTo == "":
		// What reminds of one matter stands together, though no letter has this id.
		w.field("References", "<q."+strconv.FormatInt(out.Question, 36)+"@"+domain+">")
	}
	// RFC 3834, section 5: other machines shall not answer.
	if out.ReplyTo != "" {
		w.field("Auto-Submitted", "auto-replied")
	} else {
		w.field("Auto-Submitted", "auto-generated")
	}
	w.field("X-Auto-Response-Suppress", "All")
	if out.Priority == conversation.Bulk {
		h.list(&w, out, local, domain)
	}
	if locale != "" {
		w.field("Content-Language", locale)
	}
	w.field("MIME-Version", "1.0")
	// No encoding has "=_" in it, and nobody knows the token beforehand.
	boundary := "=_" + token
	w.field("Content-Type", `multipart/alternative; boundary="`+boundary+`"`)
	w.WriteString("\r\n")
	var links string
	if h.Detail != "" { // else they would begin a mail that shows no token: it has to be an answer
		links = mailtoLinks(out.Choices, answers, subject)
	}
	if page != nil {
		w.page(page, boundary, token, "\n"+plainEnd(thread.Quote, sender), htmlEnd(thread.Quote, sender, links)+pageEnd)
	} else {
		w.part(boundary, "text/plain; charset=utf-8", text+"\n"+plainEnd(thread.Quote, sender))
		w.part(boundary, "text/html; charset=utf-8", htmlBody(text, subject, locale, htmlEnd(thread.Quote, sender, links)))
	}
	put(&w, "--", boundary, "--\r\n")

	l.Data = w.Bytes()
	if h.Signer != nil {
		signed, err := h.Signer.Sign(l.Data)
		if err != nil {
			return Letter{}, fmt.Errorf("make letter: %w", err)
		}
		l.Data = signed
	}
	return l, nil
}

// list adds what lets a mail program show a button for unsubscribing. Sources:
// RFC 2369, section 3.2; RFC 2919; RFC 8058, section 3.1.
func (h *Letterhead) list(w *letterWriter, out conversation.Outbound, local, domain string) {
	token := h.Seal.Token(Unsubscribing, out.ID)
	byMail := "<" + mailto(h.Address) + "?subject=" + token + ">" // Receiver knows it there, too
	if h.Detail != "" {
		byMail = "<" + mailto(local+h.Detail+token+"@"+domain) + ">"
	}
	if h.Unsubscribe != "" {
		w.field("List-Unsubscribe", "<"+h.Unsubscribe+token+">, "+byMail)
		w.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	} else {
		w.field("List-Unsubscribe", byMail)
	}
	list := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, cut(out.Community, 60))
	if list == "" {
		list = "host"
	}
	w.field("List-Id", "<"+list+"."+domain+">")
	w.field("Precedence", "bulk")
}

// date is when a letter was written: when its id was made, in the upper 51 bits
// of which ledger.NewID keeps microseconds since 2024.
func (h *Letterhead) date(id int64) time.Time {
	now := h.Now().UTC()
	made := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(id>>12) * time.Microsecond)
	if made.Before(now.AddDate(-1, 0, 0)) || made.After(now.AddDate(1, 0, 0)) {
		return now
	}
	return made
}

// letterWriter writes the header fields and the parts of a letter.
type letterWriter struct{ bytes.Buffer }

// put writes one string after the other.
func put(w io.StringWriter, all ...string) {
	for _, s := range all {
		_, _ = w.WriteString(s) // buffers take everything
	}
}

// lineMax is how long lines are, where words allow it. Sources: RFC 5322,
// section 2.1.1; RFC 2047, section 2.
const lineMax = 76

// field adds one header field, folded between words. The value must be ASCII
// without controls, and its words short: nothing here could be a line of its own.
func (w *letterWriter) field(name, value string) {
	put(w, name, ":")
	value = " " + value
	for room := lineMax - len(name) - 1; len(value) > room; room = lineMax {
		at := strings.LastIndexByte(value[:room+1], ' ')
		if at == 0 && (room == lineMax || !strings.HasPrefix(value, " =?")) {
			// The word does not fit on any line; an encoded one gets its own.
			if at = strings.IndexByte(value[1:], ' ') + 1; at == 0 {
				break
			}
		}
		put(w, value[:at], "\r\n")
		value = value[at:]
	}
	put(w, value, "\r\n")
}

// part adds one text, whose lines end in LF, as it is where every mail server
// lets it pass like that, else as quoted-printable (RFC 2045, section 6.7).
func (w *letterWriter) part(boundary, kind, text string) {
	put(w, "--", boundary, "\r\nContent-Type: ", kind, "\r\nContent-Transfer-Encoding: ")
	if isPlain(text) {
		put(w, "7bit\r\n\r\n", strings.ReplaceAll(text, "\n", "\r\n"), "\r\n")
		return
	}
	w.WriteString("quoted-printable\r\n\r\n")
	q := quotedprintable.NewWriter(&w.Buffer)
	_, _ = q.Write([]byte(text)) // a Buffer takes everything
	_ = q.Close()
	w.WriteString("\r\n")
}

// isPlain says that a text is ASCII in short lines, of which none is one that
// mail programs change ("From ").
func isPlain(text string) bool {
	line := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\n':
			line = 0
			continue
		case c < ' ' || c > '~', line >= lineMax, line == 0 && c == 'F' && strings.HasPrefix(text[i:], "From "):
			return false
		}
		line++
	}
	return true
}

// signatureLine parts the text from the signature: whoever answers does not
// quote what is below it.
const signatureLine = "-- "

// plainEnd is what comes below a text: what it answers, and who signs.
func plainEnd(quote, sender string) string {
	var b strings.Builder
	b.Grow(2*len(quote) + len(sender) + 16)
	if quote != "" {
		put(&b, "\n> ", strings.ReplaceAll(quote, "\n", "\n> "), "\n")
	}
	put(&b, "\n", signatureLine, "\n", sender, "\n")
	return b.String()
}

// htmlBody says what the plain body says, in letters for old eyes. It sets no
// colour, which leaves light and dark to the reader's program, and loads nothing.
func htmlBody(text, subject, locale, end string) string {
	var b strings.Builder
	b.Grow(2*len(text) + len(end) + 512)
	b.WriteString("<!DOCTYPE html>\n<html")
	if locale != "" {
		put(&b, ` lang="`, locale, `"`)
	}
	b.WriteString("><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n" +
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
	b.WriteString(html.EscapeString(subject))
	b.WriteString("</title></head>\n<body style=\"font:18px/1.5 sans-serif;max-width:36em\">\n")
	paragraphs(&b, text)
	put(&b, end, "</body></html>\n")
	return b.String()
}

// htmlEnd says what plainEnd says, below the links.
func htmlEnd(quote, sender, links string) string {
	var b strings.Builder
	b.Grow(2*len(quote) + len(links) + len(sender) + 64)
	b.WriteString(links)
	if quote != "" {
		b.WriteString("<blockquote type=\"cite\">\n")
		paragraphs(&b, quote)
		b.WriteString("</blockquote>\n")
	}
	put(&b, "<p>", signatureLine, "<br>\n", html.EscapeString(sender), "</p>\n")
	return b.String()
}

// paragraphs writes a text as HTML: a blank line ends a paragraph.
func paragraphs(b *strings.Builder, text string) {
	escaped := html.EscapeString(text)
	for len(escaped) > 0 {
		paragraph, rest, _ := strings.Cut(escaped, "\n\n")
		put(b, "<p>", strings.ReplaceAll(paragraph, "\n", "<br>\n"), "</p>\n")
		escaped = strings.TrimLeft(rest, "\n")
	}
}

// choicesMax is how many choices become links. The text has them all anyway.
const choicesMax = 20

// mailtoLinks makes of each choice a link that begins a mail in which the answer
// stands already. Source: RFC 6068.
func mailtoLinks(choices []conversation.Choice, to, subject string) string {
	if len(choices) == 0 || len(choices) > choicesMax {
		return ""
	}
	var b strings.Builder
	b.Grow(len(choices) * 320)
	b.WriteString("<p>\n")
	begin := `<a href="` + html.EscapeString(mailto(to)+"?subject="+escapeURL(inReply(subject))+"&body=")
	for _, c := range choices {
		label, answer := oneLine(c.Label, 160), oneLine(c.Reply, 20)
		if label == "" {
			label = answer
		}
		if answer == "" {
			return ""
		}
		put(&b, begin, escapeURL(answer),
			`" style="display:inline-block;margin:4px 8px 4px 0;padding:12px 24px;border:2px solid;border-radius:8px;font-size:20px">`,
			html.EscapeString(label), "</a>\n")
	}
	b.WriteString("</p>\n")
	return b.String()
}

// mailbox is an address with a name. The standard library leaves a backslash as
// it is in the encoded form of a name, where none may be (RFC 2047, section 5).
func mailbox(name, address string) string {
	if encoded := mime.BEncoding.Encode("utf-8", name); encoded != name {
		return encoded + " <" + address + ">"
	}
	return (&mail.Address{Name: name, Address: address}).String()
}

// mailto is the link to an address, in which + and @ mean nothing but themselves.
func mailto(address string) string { return "mailto:" + addressSigns.Replace(escapeURL(address)) }

var addressSigns = strings.NewReplacer("%2B", "+", "%40", "@")

// escapeURL escapes whatever could mean something in a link. A plus would not
// be a space in a mailto one (RFC 6068, section 5).
func escapeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// firstSentence is what a text begins with, as a subject.
func firstSentence(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	for i := range len(line) - 1 {
		if strings.IndexByte(".!?", line[i]) < 0 || line[i+1] != ' ' {
			continue
		}
		if word := line[strings.LastIndexByte(line[:i], ' ')+1 : i]; line[i] == '.' && len(word) < 3 {
			continue // "St." ends nothing
		}
		line = line[:i+1]
		break
	}
	return strings.TrimSuffix(shorten(oneLine(line, len(line)), 70), ".")
}

// shorten cuts a line to so many characters, where it can after a word.
func shorten(line string, most int) string {
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	runes := []rune(line)[:most-1]
	short := string(runes)
	if at := strings.LastIndexByte(short, ' '); at >= len(short)/2 {
		short = short[:at]
	}
	return strings.TrimRight(short, " ,;:.-") + "…"
}

// cut cuts a text to so many bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// oneLine makes of a text of whomever one line of at most so many bytes, which
// can stand in a header field: no line break, no control character, nothing that
// turns the reading direction, and nothing that a reader decodes a second time.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(harmless(cut(s, most))), " ")
	return strings.ReplaceAll(s, "=?", "= ?")
}

// harmless takes out of a text what could show it as another: control characters
// and overrides of the reading direction. Its lines end in LF, without spaces
// before it, and there is no blank one at either end.
func harmless(s string) string {
	if strings.ContainsRune(s, '\r') {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == utf8.RuneError:
			return r
		case r == '\u2028', r == '\u2029', r == '\v', r == '\f', r == '\u0085':
			return '\n'
		case r == '\t':
			return ' '
		case r < ' ', r >= 0x7f && r < 0xa0, r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\ufeff':
			return -1
		}
		return r
	}, s)
	if strings.Contains(s, " \n") {
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			lines[i] = strings.TrimRight(line, " ")
		}
		s = strings.Join(lines, "\n")
	}
	return strings.TrimSpace(s)
}

// languageTag is a locale that can stand in a header field, or "". Source: RFC
// 5646, section 2.1.
func languageTag(locale string) string {
	if len(locale) > 35 {
		return ""
	}
	for _, r := range locale {
		if r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return ""
		}
	}
	return locale
}

// isWord says that a string is one word of printable ASCII that ends no "<…>".
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '<' || s[i] == '>' {
			return false
		}
	}
	return s != ""
}

// cutAddress parts an address that every mail server knows what to do with:
// ASCII, without quotes, and a domain by its name. Sources: RFC 5321, sections
// 4.1.2 and 4.5.3.1.
func cutAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > localMax || len(address) > 254 {
		return "", "", false
	}
	local, domain = address[:at], address[at+1:]
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.Trim(atom, letters+"!#$%&'*+-/=?^_`{|}~") != "" { // what is left is not allowed
			return "", "", false
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters+"-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return "", "", false
		}
	}
	return local, domain, true
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
