package mail

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
)

// ErrUnreadable says that some bytes are no mail: they have no header.
var ErrUnreadable = errors.New("no mail: it has no header")

const (
	textMax      = 64 << 10 // bytes of Mail.Text
	subjectLimit = 2 << 10  // bytes of Mail.Subject
)

// Read makes a Mail of the bytes of one. ours reports whether Crier itself
// writes from an address; nil: none is.
//
// Its errors are r's own and ErrUnreadable. Of a mail that is broken otherwise
// it makes what can be made. No more than MaxSize bytes are read.
func Read(r io.Reader, env Envelope, ours func(address string) bool) (*Mail, error) {
	raw, err := readStart(r)
	if err != nil {
		return nil, fmt.Errorf("read mail: %w", err)
	}
	m := &Mail{Cut: len(raw) > MaxSize}
	raw = unwrap(raw[:min(len(raw), MaxSize)])
	e, long := readEntity(raw)
	m.Cut = m.Cut || long
	if !looksLikeMail(&e.header) {
		return nil, ErrUnreadable
	}

	m.From, m.Name = sender(&e.header)
	if long { // the rest could name somebody else
		m.From, m.Name = "", ""
	}
	m.To, m.Named = recipients(&e.header, env)
	m.Subject = inOneLine(decodeWords(last(&e.header, "Subject")), subjectLimit)
	if ids := messageIDs(last(&e.header, "Message-Id")); len(ids) > 0 {
		m.MessageID = ids[0]
	}
	m.InReplyTo = messageIDs(last(&e.header, "In-Reply-To"))
	m.References = messageIDs(last(&e.header, "References"))
	m.Date = date(last(&e.header, "Date"))

	w := &walker{mail: m, shown: map[string]bool{}}
	text := w.walk(e, 0)
	m.Text, m.FromSubject = w.said(text)
	m.classify(&e, w, text, env, ours)
	m.ID = m.identify(&e)
	return m, nil
}

// readStart reads a mail, up to one byte more than is looked at. Only for a
// large one it takes the memory for the largest, but then only once.
func readStart(r io.Reader) ([]byte, error) {
	const small = 1 << 20
	start, err := io.ReadAll(io.LimitReader(r, small))
	if err != nil || len(start) < small {
		return start, err
	}
	raw := make([]byte, MaxSize+1)
	n, err := io.ReadFull(r, raw[copy(raw, start):])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return raw[:small+n], err
}

// unwrap takes away what stands before a mail in a file, and gives one that
// has only CR at the ends of its lines the usual ones.
func unwrap(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(raw, '\n') < 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	}
	if bytes.HasPrefix(raw, []byte("From ")) || bytes.HasPrefix(raw, []byte(">From ")) { // of an mbox
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw
}

// looksLikeMail tells a mail's header from other text with colons.
func looksLikeMail(h *message.Header) bool {
	return slices.ContainsFunc([]string{"From", "To", "Date", "Subject", "Message-Id", "Received", "Return-Path", "Delivered-To"}, h.Has)
}

// date reads a Date field, as good as can be.
func date(field string) time.Time {
	field = strings.Join(strings.Fields(field), " ")
	if at, err := netmail.ParseDate(field); err == nil {
		return at
	}
	field, _, _ = strings.Cut(field, " (")
	for _, layout := range []string{time.ANSIC, time.UnixDate, time.RFC3339, "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -07:00"} {
		if at, err := time.Parse(layout, field); err == nil {
			return at
		}
	}
	return time.Time{}
}

// said finds what the person wrote: their text, or else the subject, unless
// that is another's. Of an encrypted mail nobody knows.
func (w *walker) said(c content) (text string, fromSubject bool) {
	if strings.HasPrefix(strings.TrimSpace(c.plain), "-----BEGIN PGP MESSAGE-----") {
		return "", false
	}
	if c.plain != "" && !w.isStub(c) {
		text = reply(withoutArmor(c.plain))
	} else if c.html != "" {
		text = reply(clean(textOfHTML(c.html)))
	}
	text = withoutSignature(text, w.mail.Name)
	if text = tidy(clean(text)); text == "" && !w.encrypted && !w.mail.answers() {
		text = w.mail.Subject
		fromSubject = text != ""
	}
	if len(text) > textMax {
		text = tidy(cut(text, textMax))
		w.mail.Cut = true
	}
	return text, fromSubject
}

// isStub tells a text that only says that there is HTML from one that says the
// same as the HTML.
func (w *walker) isStub(c content) bool {
	if len(c.plain) > 500 || c.html == "" || !strings.Contains(strings.ToLower(c.plain), "html") {
		return false
	}
	squeeze := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	text := squeeze(clean(textOfHTML(c.html)))
	return text != "" && !strings.Contains(text, squeeze(c.plain))
}

// withoutArmor takes a text out of its PGP signature. Source: RFC 9580, section 7.
func withoutArmor(text string) string {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, "\n"), "-----BEGIN PGP SIGNED MESSAGE-----\n")
	if !ok {
		return text
	}
	_, rest, _ = strings.Cut(rest, "\n\n") // the Hash lines
	rest, _, _ = strings.Cut(rest, "-----BEGIN PGP SIGNATURE-----")
	return strings.TrimPrefix(strings.ReplaceAll("\n"+rest, "\n- ", "\n"), "\n")
}

// answers tells whether the mail answers or forwards another: its subject is
// then not what its sender has to say.
func (m *Mail) answers() bool {
	return len(m.InReplyTo) > 0 || len(m.References) > 0 || ofAnother.MatchString(m.Subject)
}

// identify makes Mail.ID.
func (m *Mail) identify(e *entity) string {
	when := "date " + last(&e.header, "Date")
	if strings.TrimSpace(when) == "date" {
		when = "id " + m.MessageID
	}
	sum := sha256.New()
	sum.Write([]byte(m.From + "\n" + strings.Join(strings.Fields(when), " ") + "\n"))
	sum.Write(bodyHash(e.body))
	sum.Write([]byte(m.Subject))
	return hex.EncodeToString(sum.Sum(nil))
}

// bodyHash is the SHA-256 of a body as a relaxed DKIM signature sees it: blanks
// at the ends of lines and empty lines at the end do not count, nor how many
// blanks stand together. Source: RFC 6376, section 3.4.4.
func bodyHash(body []byte) []byte {
	sum := sha256.New()
	out := bufio.NewWriter(sum) // never fails, since a hash does not
	empty := 0                  // lines, of which nobody knows yet whether another follows
	for line := range bytes.Lines(body) {
		if line = bytes.TrimRight(line, " \t\r\n"); len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			_, _ = out.WriteString("\r\n")
		}
		for i := bytes.IndexAny(line, " \t"); i >= 0; i = bytes.IndexAny(line, " \t") {
			_, _ = out.Write(line[:i])
			_ = out.WriteByte(' ')
			line = bytes.TrimLeft(line[i:], " \t")
		}
		_, _ = out.Write(line)
		_, _ = out.WriteString("\r\n")
	}
	_ = out.Flush()
	return sum.Sum(nil)
}
