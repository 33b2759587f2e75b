package android

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
)

// offlinePause is how long nothing is sent by a telephone that has been away
// for a day: a server then takes no more for it (the documentation, "Message
// queue limits").
const offlinePause = 5 * time.Minute

// reference is the id of a text at the gateway, and number is the way back. The
// prefix tells ours from those that others send by the same telephone.
func reference(id int64) string { return "crier-" + strconv.FormatInt(id, 10) }

func number(reference string) (int64, bool) {
	digits, ours := strings.CutPrefix(reference, "crier-")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, ours && err == nil && id > 0 && reference == "crier-"+strconv.FormatInt(id, 10)
}

// message is a text as the gateway takes it, and state what it knows of one.
type (
	message struct {
		ID                 string   `json:"id"`
		TextMessage        content  `json:"textMessage"`
		PhoneNumbers       []string `json:"phoneNumbers"`
		TTL                int64    `json:"ttl"` // in seconds, at least 5
		WithDeliveryReport bool     `json:"withDeliveryReport"`
	}
	content struct {
		Text string `json:"text"`
	}
	state struct {
		ID         string `json:"id"`
		State      string `json:"state"`
		Recipients []struct {
			Error string `json:"error"`
		} `json:"recipients"`
	}
)

// Submit puts a text into the telephone's queue. One that is there already is
// not put there twice.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	id := reference(text.ID)
	if text.Again {
		// Of several telephones another one may be asked than the first time.
		switch known, err := g.known(ctx, id); {
		case refused(err, http.StatusNotFound):
		case err != nil:
			return "", meaning(err)
		default:
			return id, outcome(known)
		}
	}
	var taken state
	// What the telephone has for a number is right: the server's own check
	// refuses those of new ranges.
	err := g.call(ctx, http.MethodPost, "/messages?skipPhoneValidation=true", message{
		ID: id, TextMessage: content{text.Body}, PhoneNumbers: []string{text.To},
		TTL: max(int64(text.Valid/time.Second), 5), WithDeliveryReport: true,
	}, &taken)
	if refused(err, http.StatusConflict) {
		known, err := g.known(ctx, id)
		if err != nil {
			return "", meaning(err)
		}
		return id, outcome(known)
	}
	if err != nil {
		return "", meaning(err)
	}
	if taken.ID != id {
		return "", errors.New("the answer is not about the text: is the url right?")
	}
	if g.settings.Hook == "" {
		g.undecided.add(text.ID, g.line.Now())
	}
	return id, nil
}

// known asks for a text by its id.
func (g *gateway) known(ctx context.Context, id string) (state, error) {
	var s state
	if err := g.call(ctx, http.MethodGet, "/messages/"+id, nil, &s); err != nil {
		return state{}, err
	}
	if s.ID != id || s.State == "" {
		return state{}, errors.New("the answer is not about the text: is the url right?")
	}
	return s, nil
}

// outcome is what has become of a text that was submitted before. One that has
// failed cannot be submitted anew by the same id.
func outcome(s state) error {
	switch s.State {
	case "Failed":
		reason := ""
		for _, r := range s.Recipients {
			reason = r.Error
		}
		return sms.Rejected(fmt.Errorf("the telephone could not send it: %s", cause(reason)))
	case "Cancelling", "Cancelled":
		return sms.Rejected(errors.New("it was cancelled at the gateway"))
	}
	return nil // Pending, Processed, Sent or Delivered
}

// meaning says what a refusal means. Anything else is tried again.
func meaning(err error) error {
	r := (*refusal)(nil)
	if !errors.As(err, &r) {
		return err
	}
	says := strings.ToLower(r.says)
	switch {
	case r.status == http.StatusBadRequest && strings.Contains(says, "device"):
		return sms.Busy(fmt.Errorf("no telephone belongs to the account: %w", err), offlinePause)
	case r.status == http.StatusBadRequest && strings.Contains(says, "phone"):
		return sms.BadNumber(err)
	case r.status == http.StatusBadRequest && says != "":
		return sms.Rejected(err)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return sms.Locked(fmt.Errorf("user or secret are wrong: %w", err))
	case r.status == http.StatusTooManyRequests:
		return sms.Busy(err, r.after)
	case r.status == http.StatusServiceUnavailable && strings.Contains(says, "queue"):
		return sms.Busy(fmt.Errorf("the telephone seems to be off: %w", err), max(r.after, offlinePause))
	}
	return err
}
