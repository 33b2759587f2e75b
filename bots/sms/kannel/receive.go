package kannel

import (
	"context"
	"encoding/hex"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"crier/bots/sms"
	"crier/conversation"
)

// kept is what answers a text that is kept, where Kannel was told to wait for
// that word: of an answer it sees only the text, and a proxy's may be empty.
// Where smsbox brings a text, its sender would get the word as an SMS.
const kept = "kept"

// Call takes a text or a receipt.
func (g *gateway) Call(ctx context.Context, call sms.Call) (sms.Answer, error) {
	if call.Path == "receipt" {
		return sms.Answer{}, g.receipt(ctx, call)
	}
	if err := g.hear(ctx, call); err != nil {
		return sms.Answer{}, err
	}
	if call.Value("answer") == kept {
		return sms.Answer{Body: kept}, nil
	}
	return sms.Answer{}, nil
}

// uuid is what Kannel tells its messages from each other by. It stays the same
// as long as the message is in the store.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// hear takes a text. The fields have the names that Config gives them.
func (g *gateway) hear(ctx context.Context, call sms.Call) error {
	h := sms.Heard{ID: call.Value("id"), From: international(call.Value("from"))}
	if h.From == "" || !uuid.MatchString(h.ID) {
		return sms.ErrMalformed
	}
	if seconds, err := strconv.ParseInt(call.Value("ts"), 10, 64); err == nil && seconds > 0 {
		h.At = time.Unix(seconds, 0)
	}
	var readable bool
	if h.Text, readable = textOf(call); !readable {
		g.line.Log().Info("a text is not answered: it is data for a program")
		return nil
	}
	if ref, number, total := place(call.Value("udh")); total > 1 {
		return g.line.HearPart(ctx, sms.Part{Heard: h, Ref: ref, Number: number, Total: total})
	}
	return g.line.Hear(ctx, h)
}

// international is a number with its country. A link may bring it without the
// plus, or as it is dialled at home, with a 0: no country's code begins so.
func international(number string) string {
	if strings.HasPrefix(number, "0") {
		return number
	}
	return sms.International(number)
}

// textOf reads a text: of a get-url it is a field in the query, of a post-url
// the body. It reports false for one that is no text.
func textOf(call sms.Call) (text string, readable bool) {
	charset := call.Value("charset")
	if call.Query.Has("text") || call.Form.Has("text") {
		text = call.Value("text")
		readable = call.Value("coding") != "1"
	} else {
		kind, parameters, _ := mime.ParseMediaType(call.Header.Get("Content-Type"))
		text, charset = string(call.Body), parameters["charset"]
		readable = kind != "application/octet-stream"
	}
	if strings.EqualFold(charset, "UTF-16BE") {
		text = fromUTF16(text)
	}
	// PostgreSQL has no place for a NUL.
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", ""), readable
}

func fromUTF16(octets string) string {
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	return string(utf16.Decode(units))
}

// place says which part of which text has a user data header (3GPP TS 23.040,
// section 9.2.3.24). A total of 1 says that it is no part.
func place(header string) (ref string, number, total int) {
	for rest := header; len(rest) > 1; {
		rest = rest[1:] // at first the length of all, later that of the last element
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			break
		}
		data := rest[2 : 2+int(rest[1])]
		if rest[0] == 0 && len(data) == 3 || rest[0] == 8 && len(data) == 4 {
			at := len(data) - 2
			number, total = int(data[at+1]), int(data[at])
			if number < 1 || number > total {
				break
			}
			return hex.EncodeToString([]byte(data[:at])) + "-" + strconv.Itoa(total), number, total
		}
		rest = rest[1+int(rest[1]):]
	}
	return "", 1, 1
}

// The kinds of receipts (User's Guide, section "Delivery Reports").
const (
	delivered = "1"
	failed    = "2"
	buffered  = "4"
	accepted  = "8"
	rejected  = "16"
)

// receipt takes a receipt at the address that request has made.
func (g *gateway) receipt(ctx context.Context, call sms.Call) error {
	id, err := strconv.ParseInt(call.Query.Get("id"), 10, 64)
	if err != nil || id <= 0 {
		return sms.ErrMalformed
	}
	r := conversation.Receipt{ID: id}
	switch call.Query.Get("s") {
	case delivered:
		r.Status = conversation.Delivered
	case buffered, accepted:
		r.Status = conversation.Underway
	case failed, rejected:
		r.Status, r.Reason = conversation.Failed, cause(call.Query.Get("r"))
	default:
		return sms.ErrMalformed
	}
	return g.line.Receipt(ctx, r)
}

var (
	smppState = regexp.MustCompile(`(?:^| )stat:([A-Za-z]{1,8})(?: err:([0-9A-Za-z]{1,8}))?(?: |$)`)
	nack      = regexp.MustCompile(`^NACK/(0x[0-9a-fA-F]{1,8}|[0-9]{1,5}|[A-Za-z ]{1,30})(?:/|$)`)
)

// cause is the reason of a failure without what may be in it of numbers and
// texts: the state and the error of an SMPP receipt, or the status or word that
// a link has refused it with.
func cause(says string) string {
	if m := smppState.FindStringSubmatch(says); m != nil {
		return strings.TrimSpace(m[1] + " " + m[2])
	}
	if m := nack.FindStringSubmatch(says); m != nil {
		return m[1]
	}
	return "failed"
}
