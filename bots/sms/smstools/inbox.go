package smstools

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"crier/bots/sms/spool"
	"crier/conversation"
)

// headers are the lines before the first empty one: all values of a name.
type headers map[string][]string

func (h headers) get(name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// split reads a file of smsd (http://smstools3.kekekasvi.com/fileformat.html).
// It returns false where the headers do not end.
func split(data []byte) (h headers, body []byte, whole bool) {
	h = make(headers)
	for {
		line, rest, more := bytes.Cut(data, []byte("\n"))
		if !more {
			return h, nil, false
		}
		if data = rest; len(bytes.TrimSpace(line)) == 0 {
			return h, data, true
		}
		if name, value, ok := strings.Cut(string(line), ":"); ok {
			h[name] = append(h[name], strings.TrimSpace(value))
		}
	}
}

var errNoPDU = errors.New("its PDU is not in it: smsd needs store_received_pdu = 3")

// parse reads a file of the folder incoming.
func parse(data []byte) (spool.Letter, error) {
	h, body, whole := split(data)
	if !whole || !complete(h, body) {
		return spool.Letter{}, spool.ErrHalf
	}
	if len(h["PDU"]) == 0 {
		return spool.Letter{}, errNoPDU
	}
	var pieces []spool.Piece
	first, national := "", false
	for _, line := range h["PDU"] {
		p, err := parsePDU(line)
		if err != nil {
			return spool.Letter{}, err
		}
		if p.report {
			return report(p), nil
		}
		if first == "" {
			first = p.sent
		}
		national = national || p.national
		pieces = append(pieces, p.piece)
	}
	letter := spool.Compose(pieces)
	letter.Sent = first
	// Of the national variants of the GSM alphabet only the daemon has the tables.
	if national && len(letter.Texts) == 1 && h.get("Alphabet") == "UTF-8" {
		letter.Texts[0].Text = string(body)
	}
	return letter, nil
}

// complete reports whether the daemon has written all of a text. It counts the
// characters, or the octets, before it converts them.
func complete(h headers, body []byte) bool {
	n, err := strconv.Atoi(h.get("Length"))
	switch {
	case err != nil:
		return len(h["Length"]) == 0 // it can be told not to say so
	case h.get("Alphabet") == "UCS2":
		return len(body) == 2*n
	default:
		return len(body) == n || utf8.RuneCount(body) == n
	}
}

// report is what a status report says (3GPP TS 23.040, section 9.2.3.15).
func report(p pdu) spool.Letter {
	r := spool.Report{To: p.to, Ref: p.ref}
	switch {
	case p.status < 0x20: // done
		r.Status = conversation.Delivered
	case p.status < 0x40: // the network goes on trying
		r.Status = conversation.Underway
	default:
		r.Status, r.Reason = conversation.Failed, fmt.Sprintf("status %d", p.status)
	}
	return spool.Letter{Report: &r}
}
