package mail

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Thread is what is known of a mail that is answered, for the answer to stand
// below it: what Inbound.Thread and Outbound.Thread hold for this channel.
type Thread struct {
	Subject    string   `json:"subject,omitempty"`
	MessageID  string   `json:"id,omitempty"`         // without < and >
	References []string `json:"references,omitempty"` // likewise, oldest first
	Quote      string   `json:"quote,omitempty"`      // what the answer repeats of it
}

// How much of a mail a thread keeps: less than conversation.Inbound allows.
const (
	threadMax     = 4 << 10
	quoteMax      = 500
	subjectMax    = 200
	messageIDMax  = 250
	referencesMax = 9 // besides the first, which holds a thread together
)

// ThreadOf is the thread of a mail that is to be answered.
func ThreadOf(m *Mail) Thread {
	t := Thread{Subject: m.Subject, MessageID: m.MessageID, References: m.References}
	if len(m.References) == 0 && len(m.InReplyTo) == 1 { // RFC 5322, section 3.6.4
		t.References = m.InReplyTo
	}
	if !m.FromSubject {
		t.Quote = m.Text
	}
	return t.within()
}

// Encode writes a thread down, in at most 4 KiB.
func (t Thread) Encode() string {
	t = t.within()
	for {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(t) // strings can always be encoded
		if b.Len() <= threadMax {
			return strings.TrimSpace(b.String())
		}
		if len(t.References) > 1 {
			t.References = append(t.References[:1:1], t.References[2:]...)
		} else {
			t.Quote = ""
		}
	}
}

// decodeThread reads what Encode wrote. Anything else is no thread.
func decodeThread(s string) Thread {
	var t Thread
	if s == "" || len(s) > threadMax || json.Unmarshal([]byte(s), &t) != nil {
		return Thread{}
	}
	return t.within()
}

// within returns the thread with nothing in it that could not stand in a letter.
func (t Thread) within() Thread {
	t.Subject = oneLine(t.Subject, subjectMax)
	t.Quote = quotation(t.Quote)
	if !isMessageID(t.MessageID) {
		t.MessageID = ""
	}
	var references []string
	for _, id := range t.References {
		if isMessageID(id) && id != t.MessageID {
			references = append(references, id)
		}
	}
	if n := len(references); n > 1+referencesMax {
		references = append(references[:1:1], references[n-referencesMax:]...)
	}
	t.References = references
	return t
}

// isMessageID says that an id can stand in a header field as it is.
func isMessageID(id string) bool {
	return len(id) <= messageIDMax && isWord(id) && strings.Contains(id, "@")
}

// quotation is the beginning of a text, up to the end of a line or else of a word.
func quotation(text string) string {
	if len(text) > 2*quoteMax {
		text = cut(text, 2*quoteMax)
	}
	text = harmless(text)
	if len(text) <= quoteMax {
		return text
	}
	short := cut(text, quoteMax-len("…"))
	if at := strings.LastIndexByte(short, '\n'); at > 0 {
		return strings.TrimSpace(short[:at])
	}
	return shorten(text, utf8.RuneCountInString(short))
}

// answer is the subject of an answer, or "" where the mail had none.
func (t Thread) answer() string {
	if withoutReply(t.Subject) == "" {
		return ""
	}
	return inReply(t.Subject)
}

// inReply puts one "Re:" before a subject, however many there were.
func inReply(subject string) string { return "Re: " + withoutReply(subject) }

// What mail programs put before the subject of an answer, and of a mail that
// they forward.
const (
	replyWords   = `re|aw|antw|antwoord|antwort|res|resp|réf|ref|rép|rif|r|sv|vs|odp|ynt`
	forwardWords = `rv|tr|fw|fwd|wg|doorst|enc|i|vl`
	afterWord    = `\s*(?:\[\d+\]|\(\d+\)|\^\d+)?\s*[:：]\s*`
)

var (
	ofAnswer  = regexp.MustCompile(`(?i)^\s*(?:` + replyWords + `)` + afterWord)
	ofAnother = regexp.MustCompile(`(?i)^\s*(?:` + replyWords + `|` + forwardWords + `)` + afterWord)
)

// withoutReply takes "Re:", "AW: Re[2]:" and their like off a subject.
func withoutReply(subject string) string {
	for {
		prefix := ofAnswer.FindString(subject)
		if prefix == "" {
			return subject
		}
		subject = subject[len(prefix):]
	}
}
