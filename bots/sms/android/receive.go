package android

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// event is what the app brings. Its id is made when the event happens, kept
// with it, and the same each time that it is brought; but another one for each
// registered webhook, and unknown to the telephone's inbox.
type event struct {
	ID      string `json:"id"`
	Event   string `json:"event"`
	Payload struct {
		MessageID   string `json:"messageId"` // of a text that came in: a hash of all that it is
		Sender      string `json:"sender"`
		PhoneNumber string `json:"phoneNumber"` // instead of sender, in older versions
		Message     string `json:"message"`
		ReceivedAt  string `json:"receivedAt"`
		Reason      string `json:"reason"`
	} `json:"payload"`
}

// Call takes one event. Both hooks take any: the event says what it is.
func (g *gateway) Call(ctx context.Context, call sms.Call) (sms.Answer, error) {
	if err := g.verify(call); err != nil {
		return sms.Answer{}, err
	}
	var e event
	if err := json.Unmarshal(call.Body, &e); err != nil || e.Event == "" {
		return sms.Answer{}, sms.ErrMalformed
	}
	switch e.Event {
	case "sms:received":
		return sms.Answer{}, g.received(ctx, e)
	case "mms:received":
		// A picture, or a text that its sender's telephone found too long for one:
		// whoever sent it is to hear that it cannot be read.
		return sms.Answer{}, g.receivedPicture(ctx, e)
	case "sms:sent":
		return sms.Answer{}, g.receipt(ctx, e, conversation.Receipt{Status: conversation.Underway})
	case "sms:delivered":
		// Once for each part of a text. A part that fails is told afterwards
		// or before, and outweighs the others.
		return sms.Answer{}, g.receipt(ctx, e, conversation.Receipt{Status: conversation.Delivered})
	case "sms:failed":
		return sms.Answer{}, g.receipt(ctx, e, failed(cause(e.Payload.Reason)))
	case "sms:cancelled":
		return sms.Answer{}, g.receipt(ctx, e, conversation.Receipt{Status: conversation.Failed, Reason: "cancelled"})
	}
	// system:ping and what else one can have the app tell: it is heard, so that
	// it is not brought for two days.
	return sms.Answer{}, nil
}

func (g *gateway) received(ctx context.Context, e event) error {
	if e.ID == "" || strings.Contains(e.ID, "\x00") {
		return sms.ErrMalformed
	}
	h := sms.Heard{ID: e.ID, From: cmp.Or(e.Payload.Sender, e.Payload.PhoneNumber), Text: e.Payload.Message}
	if at, err := time.Parse(time.RFC3339, e.Payload.ReceivedAt); err == nil {
		h.At = at
		if hash, err := strconv.ParseUint(e.Payload.MessageID, 16, 32); err == nil {
			h.ID = textID(uint32(hash), at)
		}
	}
	return g.line.Hear(ctx, h)
}

func (g *gateway) receivedPicture(ctx context.Context, e event) error {
	id := cmp.Or(e.Payload.MessageID, e.ID)
	if id == "" || strings.Contains(id, "\x00") {
		return sms.ErrMalformed
	}
	h := sms.Heard{ID: "mms:" + id, From: cmp.Or(e.Payload.Sender, e.Payload.PhoneNumber)}
	if at, err := time.Parse(time.RFC3339, e.Payload.ReceivedAt); err == nil {
		h.At = at
	}
	return g.line.Hear(ctx, h)
}

// textID is the id of a text, whether a webhook has brought it, a second
// webhook, or the inbox: a text that was heard by one of them must not be heard
// anew by another. The app makes the hash of the sender, the network's date and
// the words, and itself takes no text twice that has it.
func textID(hash uint32, at time.Time) string {
	return strconv.FormatUint(uint64(hash), 16) + "@" + strconv.FormatInt(at.UnixMilli(), 10)
}

// receipt hands a receipt on, if it is for a text of ours.
func (g *gateway) receipt(ctx context.Context, e event, r conversation.Receipt) error {
	id, ours := number(e.Payload.MessageID)
	if !ours {
		return nil
	}
	r.ID = id
	if r.Again {
		r.ProviderID = e.Payload.MessageID
	}
	return g.line.Receipt(ctx, r)
}

// failed is the receipt of a text that the telephone could not send.
func failed(why string) conversation.Receipt {
	return conversation.Receipt{Status: conversation.Failed, Reason: why, Again: passing(why)}
}

// lasting are the results of Android's that are the text's own fault, or the
// number's. All others pass: there is no signal or credit, or too many texts
// were sent in an hour. The app tries nothing twice.
var lasting = []string{
	"RESULT_ERROR_NULL_PDU", "RESULT_ERROR_FDN_CHECK_FAILURE", "RESULT_ERROR_SHORT_CODE_NOT_ALLOWED", "RESULT_ERROR_SHORT_CODE_NEVER_ALLOWED",
	"RESULT_INVALID_ARGUMENTS", "RESULT_RIL_INVALID_ARGUMENTS", "RESULT_INVALID_SMS_FORMAT", "RESULT_RIL_INVALID_SMS_FORMAT",
	"RESULT_ENCODING_ERROR", "RESULT_RIL_ENCODING_ERR", "RESULT_REQUEST_NOT_SUPPORTED", "RESULT_RIL_REQUEST_NOT_SUPPORTED",
}

// passing reports whether what has failed for that cause may be sent later.
func passing(cause string) bool {
	return cause == noSIM || strings.HasPrefix(cause, "RESULT_") && !slices.Contains(lasting, cause)
}

// verify checks that the telephone has signed a call, and lately: X-Signature is
// the HMAC-SHA256 of the body and the X-Timestamp behind it, in hex
// (https://docs.sms-gate.app/features/webhooks/, "Payload signing").
func (g *gateway) verify(call sms.Call) error {
	stamp := call.Header.Get("X-Timestamp")
	shown, err := hex.DecodeString(call.Header.Get("X-Signature"))
	if err != nil {
		return sms.ErrForged
	}
	mac := hmac.New(sha256.New, []byte(g.settings.Signing))
	mac.Write(call.Body)
	_, _ = io.WriteString(mac, stamp)
	if !hmac.Equal(mac.Sum(nil), shown) {
		return sms.ErrForged
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return sms.ErrForged
	}
	// The time is that of each attempt, so that what comes late is as fresh.
	if off := call.At.Sub(time.Unix(seconds, 0)); off.Abs() > g.settings.Skew {
		return fmt.Errorf("%w: it is of %v ago by the telephone's clock", sms.ErrForged, off.Round(time.Second))
	}
	return nil
}

var (
	resultCode = regexp.MustCompile(`RESULT_[A-Z_]+`)
	smscStatus = regexp.MustCompile(`^Delivery result from SC .*: (-?[0-9]{1,3})$`)
)

const noSIM = "No SIMs found"

// cause is the reason of a failure without what may be in it of numbers: a
// result of Android's (RESULT_ERROR_NO_SERVICE), the status that the message
// centre has reported (3GPP TS 23.040, section 9.2.3.15), or the app's word.
func cause(reason string) string {
	if code := resultCode.FindString(reason); code != "" {
		return code
	}
	if m := smscStatus.FindStringSubmatch(reason); m != nil {
		return "status " + m[1]
	}
	for _, known := range []string{"TTL expired", "Invalid phone number", noSIM} {
		if strings.Contains(reason, known) {
			return known
		}
	}
	return "failed"
}
