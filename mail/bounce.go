package mail

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/emersion/go-message"
)

const (
	bouncedMax = 50  // recipients in Mail.Bounced
	reasonMax  = 200 // bytes of Bounced.Reason
)

// complaint reads an ARF report. It returns why the mail is one, or "". Source:
// RFC 5965.
func (m *Mail) complaint(report string, w *walker) string {
	if report != "feedback-report" || w.feedback == nil {
		return ""
	}
	h, _ := readHeader(w.feedback)
	kind := keyword(&h, "Feedback-Type")
	switch kind {
	case "not-spam", "auth-failure", "dmarc": // nobody was annoyed
		return ""
	}
	for _, field := range h.Values("Original-Rcpt-To") {
		if len(m.Bounced) < bouncedMax {
			m.Bounced = append(m.Bounced, Bounced{Address: reportedAddress(field), Reason: inOneLine(kind, reasonMax)})
		}
	}
	m.Returned = returnedID(w.returned)
	return inOneLine("Content-Type: multipart/report; report-type=feedback-report; Feedback-Type: "+kind, whyMax)
}

// bounce reads what says that a mail did not arrive. It returns why the mail is
// that, or "".
func (m *Mail) bounce(e *entity, w *walker, c content, null bool) (why string) {
	from := m.From
	if from == "" { // "MAILER-DAEMON" and no more
		from = strings.ToLower(strings.Trim(last(&e.header, "From"), "<> ")) + "@"
	}
	daemon := daemons.MatchString(from)
	if w.status != nil && (e.kind == "multipart/report" || daemon || null) {
		why = "Content-Type: multipart/report; report-type=delivery-status"
		m.Bounced = deliveryStatus(w.status)
		if m.Bounced == nil { // delivered, as somebody had asked to be told
			return ""
		}
	}
	if why == "" && !daemon && !null && !e.header.Has("X-Failed-Recipients") {
		return ""
	}
	text := cut(c.plain, textMax)
	if text == "" && c.html != "" {
		text = cut(clean(textOfHTML(c.html)), textMax)
	}
	if why == "" {
		if why = notDelivered(&e.header, m, text, daemon); why == "" {
			return ""
		}
		m.Bounced = freeForm(last(&e.header, "X-Failed-Recipients"), m.Subject, text)
	}
	if m.Returned = returnedID(w.returned); m.Returned == "" {
		if found := quotedID.FindStringSubmatch(text); found != nil {
			m.Returned = found[1]
		}
	}
	if m.Returned == "" && len(m.InReplyTo) > 0 {
		m.Returned = m.InReplyTo[0]
	}
	return why
}

// quotedID is the Message-ID in a header that is part of a text.
var quotedID = regexp.MustCompile(`(?mi)^[> \t]*Message-Id:\s*<([^<>\s]{1,998})>`)

// returnedID is the Message-ID of the mail that came back, or of its header.
func returnedID(returned []byte) string {
	head, _ := splitHeader(bytes.TrimLeft(returned, "\r\n"))
	h, _ := readHeader(head)
	if ids := messageIDs(last(&h, "Message-Id")); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// deliveryStatus reads the recipients whom a mail did not reach. Source: RFC
// 3464, section 2; RFC 6533, section 3.
func deliveryStatus(report []byte) []Bounced {
	var bounced []Bounced
	recipients := 0
	for len(report) > 0 && len(bounced) < bouncedMax {
		var group []byte
		group, report = splitHeader(bytes.TrimLeft(report, "\r\n"))
		h, _ := readHeader(group)
		if !h.Has("Final-Recipient") && !h.Has("Original-Recipient") && !h.Has("Action") {
			continue // about the mail as a whole
		}
		recipients++
		action := keyword(&h, "Action")
		if action == "delivered" || action == "relayed" || action == "expanded" {
			continue
		}
		b := Bounced{Address: reportedAddress(last(&h, "Original-Recipient"))}
		if b.Address == "" {
			b.Address = reportedAddress(last(&h, "Final-Recipient"))
		}
		_, reason, typed := strings.Cut(last(&h, "Diagnostic-Code"), ";")
		if !typed {
			reason = last(&h, "Diagnostic-Code")
		}
		b.Status = enhanced.FindString(last(&h, "Status"))
		b.judge(decodeWords(reason), action == "delayed")
		if b.Reason == "" {
			b.Reason = inOneLine(decodeWords(last(&h, "Status")), reasonMax)
		}
		bounced = append(bounced, b)
	}
	if recipients == 0 {
		return []Bounced{{Failed: true}} // it says nothing that can be read
	}
	return bounced
}

// reportedAddress reads the address of a report's field: "rfc822; ria@example.org".
func reportedAddress(field string) string {
	kind, value, typed := strings.Cut(field, ";")
	if !typed {
		kind, value = "rfc822", field
	}
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "rfc822", "utf-8", "smtp":
	default:
		return ""
	}
	value = strings.Trim(toUTF8([]byte(value)), "<> \t")
	value = escaped.ReplaceAllStringFunc(value, func(s string) string { // Source: RFC 6533, section 3
		if r, err := strconv.ParseUint(s[3:len(s)-1], 16, 21); err == nil {
			return string(rune(r))
		}
		return s
	})
	address, ok := CanonicalAddress(value)
	if !ok {
		address, _ = CanonicalAddress(loose.FindString(value))
	}
	return address
}

var escaped = regexp.MustCompile(`\\x\{[0-9A-Fa-f]{2,6}\}`)

var (
	// enhanced is a status. Source: RFC 3463, section 2.
	enhanced = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)
	// smtpCode is a reply's code where it stands like one. Source: RFC 5321, section 4.2.
	smtpCode = regexp.MustCompile(`(?:^|[\s:;(#])([45][0-5]\d)(?:[\s:;,.)-]|$)`)

	fullBox = regexp.MustCompile(`(?i)\bquota\b|over ?quota|(?:mailbox|account|inbox|storage|bo[iî]te|postvak|postfach|buz[óo]n|casella)[^.\n]{0,40}\b(?:full|exceed|pleine?|vol|voll|llen[oa]|piena)|insufficient (?:disk |system )?(?:space|storage)`)
	refused = regexp.MustCompile(`(?i)\bspam|\bblocked\b|black ?list|block ?list|\bpolicy\b|\bDMARC\b|\bSPF\b|reputation|not authori[sz]ed|access denied|relay(?:ing)? denied|unsolicited|virus`)
	unknown = regexp.MustCompile(`(?i)user (?:is )?unknown|unknown (?:user|recipient|local|address|mailbox)|no such (?:user|person|recipient|mailbox|address|domain|host)|(?:does not|doesn['’]t|doesnt) (?:exist|have (?:a|an) [\w.]* ?(?:account|mailbox))|not (?:a valid|exist)|no mailbox (?:here )?by that name|(?:couldn['’]t|could not|wasn['’]t|can['’]t) (?:be )?f(?:ind|ound)|(?:address|recipient|mailbox|account)[^.\n]{0,30}(?:not found|rejected|invalid|disabled|inactive|unavailable)|invalid (?:recipient|address|mailbox)|bad destination`)
)

// judge finds out from a server's words whether another try is of use. A full
// mailbox gets empty, and what a server does not like about us says nothing of
// the address.
func (b *Bounced) judge(reason string, delayed bool) {
	b.Reason = inOneLine(reason, reasonMax)
	b.Failed = !delayed
	status := b.Status
	if status == "" || strings.HasSuffix(status, ".0.0") {
		if found := enhanced.FindString(reason); found != "" && found[0] != '2' {
			status = found
		}
	}
	if b.Status == "" {
		b.Status = status
	}
	class := ""
	if status != "" {
		class = status[:1]
	} else if found := smtpCode.FindStringSubmatch(reason); found != nil {
		class = found[1][:1]
	}
	vague := status == "" || strings.HasSuffix(status, ".0.0")
	switch {
	case delayed, class == "4", class == "2", strings.HasPrefix(status, "5.7."), status == "5.2.2":
	case vague && (fullBox.MatchString(reason) || refused.MatchString(reason)):
	default:
		b.Hard = class == "5" || unknown.MatchString(reason)
	}
}

// notDelivered tells a bounce that is no report in the standard's sense from
// what else comes with the null sender, or from a daemon.
func notDelivered(h *message.Header, m *Mail, text string, daemon bool) string {
	switch {
	case h.Has("X-Failed-Recipients"):
		return why(h, "X-Failed-Recipients")
	case returnedWords.MatchString(m.Subject), daemon && delayedWords.MatchString(m.Subject):
		return inOneLine("Subject: "+m.Subject, whyMax)
	}
	if found := openings.FindString(cut(text, 2000)); found != "" {
		return inOneLine("it says: "+found, whyMax)
	}
	return ""
}

var (
	returnedWords = regexp.MustCompile(`(?i)undeliver|delivery (?:status notification|failure|has failed|failed|report|problem|incomplete)|failure notice|(?:mail|message|delivery) (?:system )?(?:failure|failed|error)|returned (?:to sender|mail)|mail (?:could not be|not) delivered|mail delivery|non[- ]?delivery|not delivered|could not be delivered|couldn['’]t be delivered|unzustellbar|nicht zugestellt|zustellung|non remis|[ée]chec de (?:la )?(?:remise|distribution)|non (?:distribu|d[ée]livr)|onbestelbaar|niet (?:bezorgd|afgeleverd)|no se (?:pudo|ha podido) entregar|no entregado|mancato recapito|mancata consegna|recapito`)
	// delayedWords are those of a warning: the mail is still under way.
	delayedWords = regexp.MustCompile(`(?i)\bwarning\b|\bdelayed\b|\(delay\)|delivery incomplete|still being retried|not yet been delivered|will (?:be retried|retry|continue to (?:try|be)|keep trying)|could not (?:be delivered|send message) for (?:the )?(?:past|last) |you do(?:n['’]t| not) need to re-?send|verz[öo]ger|retard[ée]|vertraagd|retrasad|ritard`)
	// openings are how the known servers begin.
	openings = regexp.MustCompile(`(?i)this is the qmail-send program|i wasn['’]t able to deliver your message|this message was created automatically by (?:the )?mail (?:delivery|transfer) (?:software|system|agent)|this is the (?:postfix|mail system)|your message (?:did not reach|could ?n[o'’]t be delivered|wasn['’]t delivered|has been (?:blocked|delayed))|could not be delivered to|we were unable to deliver|delivery to the following recipients? (?:has been delayed|failed)|could not deliver (?:the |your )?(?:mail|message)|the following (?:address(?:es)?|recipients?)[^\n]{0,40}(?:failed|had)|had (?:permanent|transient) (?:fatal|non-fatal) errors`)
)

var (
	// copyOf is where a text goes over to the mail that came back.
	copyOf = regexp.MustCompile(`(?mi)^[-=\s]*(?:below this line is a copy|this is a copy of (?:the|your) message|(?:the )?original message|original message (?:headers|follows)|message header|included is a copy|unsent message|(?:start of )?returned message|a copy of the original message|return-path:|received: (?:from|by)|message-id:)`)
	// addressed is a line that begins with an address, or is about one.
	addressed = regexp.MustCompile(`(?m)^[ \t*]*(?:to:? *)?[<"'(]?([^\s<>"'(),;:]{1,64}@[^\s<>"'(),;:]{3,255}?)[>"')]?(?:[:.,;]?[ \t]*$|:|[ \t]+(?:on|\(|the|-|–|<)|[>])`)
)

// freeForm reads the recipients, and what is said of each, from words that
// follow no standard.
func freeForm(recipients, subject, text string) []Bounced {
	if at := copyOf.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	late := delayedWords.MatchString(subject) || !returnedWords.MatchString(subject) && delayedWords.MatchString(text)
	found := addressed.FindAllStringSubmatchIndex(text, bouncedMax)
	var bounced []Bounced
	add := func(address, words string) {
		for i := range bounced {
			if bounced[i].Address == address {
				return
			}
		}
		b := Bounced{Address: address}
		b.judge(words, late)
		b.Reason = telling(words)
		bounced = append(bounced, b)
	}
	about := func(i int) string { // from one address to the next
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		return text[found[i][1]:end]
	}
	if recipients != "" {
		for s := range strings.SplitSeq(recipients, ",") {
			address, ok := CanonicalAddress(strings.Trim(s, "<> \t"))
			if !ok || len(bounced) == bouncedMax {
				continue
			}
			words := text
			for i, at := range found {
				if strings.EqualFold(text[at[2]:at[3]], address) {
					words = about(i)
					break
				}
			}
			add(address, words)
		}
	}
	if len(bounced) == 0 {
		for i, at := range found {
			if address, ok := CanonicalAddress(strings.TrimRight(text[at[2]:at[3]], ".")); ok {
				add(address, about(i))
			}
		}
	}
	if len(bounced) == 0 {
		address := ""
		if s := loose.FindString(text); s != "" {
			address, _ = CanonicalAddress(strings.TrimRight(s, "."))
		}
		add(address, text)
	}
	return bounced
}

// telling is the line that says most: the one with a code, or else the first.
func telling(words string) string {
	first := ""
	for line := range strings.Lines(words) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if enhanced.MatchString(line) || smtpCode.MatchString(line) {
			return inOneLine(line, reasonMax)
		}
		if first == "" {
			first = line
		}
	}
	return inOneLine(first, reasonMax)
}
