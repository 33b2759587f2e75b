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

// reference is the id of a text at the gateway, which is another one each time
// that the telephone is to try it anew; and number is the way back. The prefix
// tells ours from those that others send by the same telephone.
func reference(id int64, try int) string {
	name := "crier-" + strconv.FormatInt(id, 10)
	if try > 1 {
		name += "-" + strconv.Itoa(try)
	}
	return name
}

func number(name string) (int64, bool) {
	digits, ours := strings.CutPrefix(name, "crier-")
	digits, again, _ := strings.Cut(digits, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	try, _ := strconv.Atoi(again) // none is 0
	return id, ours && err == nil && id > 0 && name == reference(id, try)
}

// triesMost is how often the telephone tries a text: more than there is time for.
const triesMost = 100

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
// not put there twice, unless the telephone has given it up for a reason that
// passes.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	for try := range triesMost {
		id := reference(text.ID, try+1)
		was, err := g.once(ctx, id, text)
		if err != nil {
			return "", meaning(err)
		}
		if failed, passes := was.failure(); failed != "" && passes {
			continue
		}
		if g.settings.Hook == "" {
			g.undecided.add(id, g.line.Now())
		}
		return id, outcome(was)
	}
	return "", sms.Rejected(errors.New("the telephone could not send it"))
}

// once submits a text, unless it is there by that id. It returns what is known
// of it.
func (g *gateway) once(ctx context.Context, id string, text sms.Text) (was state, err error) {
	if text.Again {
		// Of several telephones another one may be asked than the first time.
		if was, err = g.known(ctx, id); !refused(err, http.StatusNotFound) {
			return was, err
		}
	}
	// What the telephone has for a number is right: the server's own check
	// refuses those of new ranges.
	err = g.call(ctx, http.MethodPost, "/messages?skipPhoneValidation=true", message{
		ID: id, TextMessage: content{text.Body}, PhoneNumbers: []string{text.To},
		TTL: max(int64(text.Valid/time.Second), 5), WithDeliveryReport: true,
	}, &was)
	if refused(err, http.StatusConflict) {
		return g.known(ctx, id)
	}
	if err == nil && was.ID != id {
		err = errors.New("the answer is not about the text: is the url right?")
	}
	return was, err
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

// failure is why a text has failed, "" where it has not, and whether that passes.
func (s state) failure() (why string, passes bool) {
	if s.State != "Failed" {
		return "", false
	}
	why = cause("")
	for _, r := range s.Recipients {
		why = cause(r.Error)
	}
	return why, passing(why)
}

// outcome is what has become of a text that was submitted.
func outcome(s state) error {
	if failed, _ := s.failure(); failed != "" {
		return sms.Rejected(fmt.Errorf("the telephone could not send it: %s", failed))
	}
	switch s.State {
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
