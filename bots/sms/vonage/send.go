package vonage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// Vonage tries for 20 seconds to 7 days to deliver a text.
const (
	ttlLeast = 20 * time.Second
	ttlMost  = 7 * 24 * time.Hour
)

// callbackMost is how many characters the address for receipts may have that
// is given with a text.
const callbackMost = 100

// reference is the client-ref of a text, and number is the way back. The prefix
// tells ours from those that others send by the same account.
func reference(id int64) string { return "crier-" + strconv.FormatInt(id, 10) }

func number(reference string) (int64, bool) {
	digits, ours := strings.CutPrefix(reference, "crier-")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, ours && err == nil && id > 0 && reference == "crier-"+strconv.FormatInt(id, 10)
}

// part is what is said of one part of a text that was submitted.
type part struct {
	Status json.Number `json:"status"` // a string there
	ID     string      `json:"message-id"`
}

// Submit hands a text to Vonage, and returns the id of its first part. Vonage
// cannot be told that it may have had it before, nor asked.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	form := url.Values{
		"api_key": {g.settings.User}, "api_secret": {g.settings.Secret},
		"from": {sms.Digits(g.settings.From())}, "to": {sms.Digits(text.To)},
		"text": {text.Body}, "type": {"text"},
		"client-ref":        {reference(text.ID)},
		"ttl":               {strconv.FormatInt(min(max(text.Valid, ttlLeast), ttlMost).Milliseconds(), 10)},
		"status-report-req": {"1"},
	}
	if !text.GSM {
		form.Set("type", "unicode")
	}
	// Without one, Vonage calls the address of its own settings.
	if receipts := g.settings.Hook + "receipt"; g.settings.Hook != "" && len(receipts) <= callbackMost {
		form.Set("callback", receipts)
	}
	var answer struct {
		Messages []part `json:"messages"`
	}
	if err := g.call(ctx, http.MethodPost, "/sms/json", form, &answer); err != nil {
		return "", meaning(err)
	}
	if len(answer.Messages) == 0 {
		return "", errFormat
	}
	return outcome(answer.Messages)
}

// outcome is what has become of the parts of a text: the worst counts. It
// returns the id of the first that was taken.
func outcome(parts []part) (id string, worst error) {
	taken := 0
	for _, p := range parts {
		err := status(p.Status.String())
		switch {
		case err == nil:
			if taken++; id == "" {
				id = p.ID
			}
		case worst == nil || final(err) && !final(worst):
			worst = err
		}
	}
	if worst == nil || taken == 0 || final(worst) {
		return id, worst
	}
	// Once more, the parts that are under way would be paid and read twice.
	return id, sms.Rejected(fmt.Errorf("%d of %d parts were taken: %w", taken, len(parts), worst))
}

func final(err error) bool {
	meant := (*conversation.SendError)(nil)
	return errors.As(err, &meant) && meant.Final
}

// status says what the status of a part means
// (https://developer.vonage.com/en/messaging/sms/guides/troubleshooting-sms).
func status(code string) error {
	says := func(words string) error { return fmt.Errorf("status %s: %s", code, words) }
	switch code {
	case "0":
		return nil
	case "1":
		return sms.Busy(says("more texts in a second than the account may send"), 0)
	case "2", "3":
		return sms.Rejected(says("a parameter is missing or invalid"))
	case "4":
		return sms.Locked(says("user or secret are wrong"))
	case "5":
		return says("an error of Vonage's own")
	case "6":
		return sms.BadNumber(says("the number has no known prefix, or the text cannot be sent"))
	case "7":
		return sms.OptedOut(says("the number is barred"))
	case "8":
		return sms.Locked(says("the account is suspended"))
	case "9":
		return sms.NoCredit(says("the account has not enough credit"))
	case "10":
		return sms.Busy(says("too many connections at once"), 0)
	case "11":
		return sms.Locked(says("the account is not enabled for this API"))
	case "12":
		return sms.Rejected(says("the text is too long"))
	case "14", "32":
		return sms.Locked(says("the account takes signed requests only"))
	case "15":
		// Until somebody mends the setting, or registers it there.
		return says("the sender is not allowed in that country: use a number that the account rents")
	case "22":
		return sms.Rejected(says("the network is not one of the number's country"))
	case "23":
		return sms.Locked(says("the address for receipts is too long or invalid: is public_url right?"))
	case "29":
		return sms.Rejected(says("a trial account sends only to numbers of its list"))
	case "33":
		return sms.BadNumber(says("the number is de-activated"))
	}
	if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 9999 {
		return errFormat
	}
	return says("unknown")
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
	case http.StatusPaymentRequired:
		return sms.NoCredit(err)
	case http.StatusTooManyRequests:
		return sms.Busy(err, r.after)
	}
	return err
}
