package africastalking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"crier/bots/sms"
)

// recipient is what is said of the one recipient of a text.
type recipient struct {
	StatusCode int    `json:"statusCode"`
	MessageID  string `json:"messageId"`
}

// Submit hands a text to Africa's Talking, by the endpoint that its sandbox has
// too. It chooses the alphabet itself, and cannot be told that it may have had
// the text before, nor asked.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	form := url.Values{
		"username": {g.settings.User}, "to": {text.To}, "message": {text.Body},
		"bulkSMSMode": {"1"}, // we pay
		"enqueue":     {"1"}, // it need not wait for the carrier
	}
	if from := g.settings.From(); from != "" {
		form.Set("from", from)
	}
	said, err := g.call(ctx, http.MethodPost, "/version1/messaging", form)
	if err != nil {
		return "", meaning(err)
	}
	var answer struct {
		SMSMessageData struct {
			Message    string      `json:"Message"`
			Recipients []recipient `json:"Recipients"`
		} `json:"SMSMessageData"`
	}
	if json.Unmarshal(said, &answer) != nil {
		return "", errFormat
	}
	switch data := answer.SMSMessageData; len(data.Recipients) {
	case 1:
		r := data.Recipients[0]
		if r.MessageID == "None" {
			r.MessageID = ""
		}
		return r.MessageID, outcome(r.StatusCode)
	case 0:
		// What is wrong with the whole request is told in place of the number of
		// recipients, by the same name as it has as a status.
		for code, name := range statuses {
			if name == data.Message {
				return "", outcome(code)
			}
		}
	}
	return "", errFormat
}

// statuses are the codes that a recipient can have.
var statuses = map[int]string{
	100: "Processed", 101: "Sent", 102: "Queued",
	401: "RiskHold", 402: "InvalidSenderId", 403: "InvalidPhoneNumber", 404: "UnsupportedNumberType", 405: "InsufficientBalance",
	406: "UserInBlacklist", 407: "CouldNotRoute", 409: "DoNotDisturbRejection",
	500: "InternalServerError", 501: "GatewayError", 502: "RejectedByGateway",
}

// outcome says what a status code means.
func outcome(code int) error {
	err := fmt.Errorf("status %d %s", code, statuses[code])
	switch code {
	case 100, 101, 102:
		return nil
	case 403, 404:
		return sms.BadNumber(err)
	case 405:
		return sms.NoCredit(err)
	case 406:
		return sms.OptedOut(err)
	case 407, 502:
		return sms.Rejected(err)
	case 402:
		return fmt.Errorf("the sender is not one of the app's: %w", err)
	}
	// 401 until somebody has looked at the app, 409 until the hours in which
	// Nigeria allows it, 500 and 501 until it works again.
	return err
}

// meaning says what an answer means that is not 2xx. Anything else is tried
// again.
func meaning(err error) error {
	r := (*refusal)(nil)
	if !errors.As(err, &r) {
		return err
	}
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return sms.Locked(fmt.Errorf("user or secret are wrong: %w", err))
	case http.StatusTooManyRequests:
		return sms.Busy(err, r.after)
	}
	return err
}
