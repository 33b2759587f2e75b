package africastalking

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// Call takes a call of any hook. All of them are forms.
func (g *gateway) Call(ctx context.Context, call sms.Call) (sms.Answer, error) {
	switch call.Path {
	case "in":
		return sms.Answer{}, g.received(ctx, call)
	case "receipt":
		return sms.Answer{}, g.receipt(ctx, call)
	case "optout":
		return sms.Answer{}, g.optedOut(ctx, call)
	case "ussd":
		return g.dialled(ctx, call)
	}
	// The end of a session changes nothing.
	if !anID.MatchString(call.Form.Get("sessionId")) {
		return sms.Answer{}, sms.ErrMalformed
	}
	return sms.Answer{}, nil
}

// anID is what an id of Africa's Talking's looks like: a number, a UUID, or
// hexadecimal digits behind a prefix ("ATXid_…").
var anID = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,100}$`)

func (g *gateway) received(ctx context.Context, call sms.Call) error {
	h := sms.Heard{ID: call.Form.Get("id"), From: sms.International(call.Form.Get("from")), Text: call.Form.Get("text")}
	if !anID.MatchString(h.ID) || h.From == "" {
		return sms.ErrMalformed
	}
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if at, err := time.Parse(layout, call.Form.Get("date")); err == nil {
			h.At = at
		}
	}
	return g.line.Hear(ctx, h)
}

// optOutRepeats is how long a notice that comes again is taken for the same.
const optOutRepeats = 10 * time.Minute

// optedOut hears that somebody has opted out by the code that the carrier
// offers for it, as if they had written STOP: to them it is the same. The
// notice has no id.
func (g *gateway) optedOut(ctx context.Context, call sms.Call) error {
	number, sender := sms.International(call.Form.Get("phoneNumber")), call.Form.Get("senderId")
	if number == "" || sender == "" {
		return sms.ErrMalformed
	}
	if from := g.settings.From(); from != "" && !strings.EqualFold(from, sender) {
		return nil // from what else the app sends
	}
	notice := sha256.Sum256([]byte(number + " " + call.At.UTC().Truncate(optOutRepeats).Format(time.RFC3339)))
	return g.line.Hear(ctx, sms.Heard{ID: "optout:" + hex.EncodeToString(notice[:16]), From: number, Text: "STOP", At: call.At})
}

// receipt notes a receipt. It knows the text by the id that Africa's Talking
// gave it only.
func (g *gateway) receipt(ctx context.Context, call sms.Call) error {
	id, status := call.Form.Get("id"), call.Form.Get("status")
	if !anID.MatchString(id) || status == "" {
		return sms.ErrMalformed
	}
	r := conversation.Receipt{ProviderID: id}
	switch status {
	case "Success":
		r.Status = conversation.Delivered
	case "Failed", "Rejected", "AbsentSubscriber", "Expired":
		reason := call.Form.Get("failureReason")
		r.Status, r.Reason = conversation.Failed, status
		if aName.MatchString(reason) {
			r.Reason += ": " + reason
		}
		r.Dead = reason == "UserDoesNotExist"
		r.OptedOut = strings.EqualFold(reason, "UserInBlackList")
	default: // Sent, Submitted or Buffered
		r.Status = conversation.Underway
	}
	return g.line.Receipt(ctx, r)
}

// aName is what the reason of a failure looks like ("DeliveryFailure").
var aName = regexp.MustCompile(`^[A-Za-z]{1,40}$`)
