package vonage

import (
	"context"
	"encoding/json"
	"mime"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// Call takes a text or a receipt.
func (g *gateway) Call(ctx context.Context, call sms.Call) (sms.Answer, error) {
	if len(call.Body) == 0 && len(call.Query) == 0 {
		// Before Vonage takes an address into its settings it looks whether
		// somebody answers there.
		return sms.Answer{}, nil
	}
	fields, err := read(call)
	if err != nil {
		return sms.Answer{}, err
	}
	if g.settings.Signing != "" {
		if err := verify(fields, g.settings.Signing, call.At, g.settings.Skew); err != nil {
			return sms.Answer{}, err
		}
	}
	if call.Path == "receipt" {
		return sms.Answer{}, g.receipt(ctx, fields)
	}
	return sms.Answer{}, g.received(ctx, fields)
}

// read is what a call says: in its query, as a form or as JSON, as the
// account's settings have it. It is read from one of them only: what is signed
// is all of it.
func read(call sms.Call) (map[string]string, error) {
	if len(call.Body) == 0 {
		return first(call.Query), nil
	}
	switch kind, _, _ := mime.ParseMediaType(call.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		return first(call.Form), nil
	case "application/json":
		return flat(call.Body)
	}
	return nil, sms.ErrMalformed
}

func first(values url.Values) map[string]string {
	fields := make(map[string]string, len(values))
	for name := range values {
		fields[name] = values.Get(name)
	}
	return fields
}

// flat reads an object of plain values. A number is signed as it is written.
func flat(body []byte) (map[string]string, error) {
	var values map[string]json.RawMessage
	if json.Unmarshal(body, &values) != nil {
		return nil, sms.ErrMalformed
	}
	fields := make(map[string]string, len(values))
	for name, value := range values {
		switch value[0] {
		case '"':
			var s string
			if json.Unmarshal(value, &s) != nil {
				return nil, sms.ErrMalformed
			}
			fields[name] = s
		case '{', '[':
			return nil, sms.ErrMalformed
		case 'n': // null
		default:
			fields[name] = string(value)
		}
	}
	return fields, nil
}

// anID is what an id of Vonage's looks like, which has changed over the years.
var anID = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,100}$`)

// received hears a text, or a part of a long one: Vonage does not put them
// together.
func (g *gateway) received(ctx context.Context, fields map[string]string) error {
	h := sms.Heard{ID: fields["messageId"], From: sms.International(fields["msisdn"]), Text: fields["text"]}
	if !anID.MatchString(h.ID) || h.From == "" {
		return sms.ErrMalformed
	}
	if fields["type"] == "binary" { // a ring tone, or a card: nobody wrote it
		return nil
	}
	if at, err := time.Parse(time.DateTime, fields["message-timestamp"]); err == nil { // UTC
		h.At = at
	}
	if fields["concat"] != "true" || fields["concat-total"] == "1" {
		return g.line.Hear(ctx, h)
	}
	n, err := strconv.Atoi(fields["concat-part"])
	if err != nil {
		return sms.ErrMalformed
	}
	total, err := strconv.Atoi(fields["concat-total"])
	if err != nil || !anID.MatchString(fields["concat-ref"]) {
		return sms.ErrMalformed
	}
	return g.line.HearPart(ctx, sms.Part{Heard: h, Ref: fields["to"] + " " + fields["concat-ref"], Number: n, Total: total})
}

// receipt notes a receipt, of which each part of a text has its own. The parts
// have ids of their own too, but all of them our reference.
func (g *gateway) receipt(ctx context.Context, fields map[string]string) error {
	id, state := fields["messageId"], fields["status"]
	if !anID.MatchString(id) || state == "" {
		return sms.ErrMalformed
	}
	r := conversation.Receipt{ProviderID: id}
	if ours, ok := number(fields["client-ref"]); ok {
		r.ID, r.ProviderID = ours, ""
	}
	switch state {
	case "delivered":
		r.Status = conversation.Delivered
	case "failed", "rejected", "expired":
		code := fields["err-code"]
		r.Status = conversation.Failed
		r.Reason = state
		if words, known := causes[code]; known {
			r.Reason += ": " + words
		} else if n, err := strconv.Atoi(code); err == nil {
			r.Reason += ": error " + strconv.Itoa(n)
		}
		r.Dead = code == "3" || code == "4"
		r.OptedOut = code == "9"
	default: // accepted, buffered, or unknown, which says nothing
		r.Status = conversation.Underway
	}
	return g.line.Receipt(ctx, r)
}

// causes are the codes in receipts of texts that did not arrive
// (https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts).
// Those who get 3 or 4 are to be struck off all lists, the guide says.
var causes = map[string]string{
	"1":  "no reason is known",
	"2":  "the telephone could not be reached",
	"3":  "the number is not in use any more",
	"4":  "the number is barred by its owner",
	"5":  "the number is being ported",
	"6":  "the carrier takes it for spam",
	"7":  "the telephone was busy",
	"8":  "a network failed",
	"9":  "its owner wants no texts from here",
	"10": "something about the text is wrong",
	"11": "Vonage has no way to the number",
	"12": "no way to the number is known",
	"13": "its owner is too young",
	"14": "the carrier has barred texts for the number",
	"15": "its owner has no credit to receive it",
	"50": "the country wants an entity id",
	"51": "the country does not know the sender",
	"52": "the country wants a content id",
	"53": "the country wants a consent",
	"54": "a rule of the country",
	"99": "an error on the way",
}
