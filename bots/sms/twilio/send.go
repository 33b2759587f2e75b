package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
)

const (
	bodyMost    = 1600           // characters of a message
	validMost   = 10 * time.Hour // that a message may wait at Twilio (error 90007)
	clockSlack  = 2 * time.Minute
	oldMost     = 100 // older messages that are passed over in search of one
	dailyPause  = time.Hour
	overflowing = 10 * time.Minute
)

// Submit sends a text. Twilio knows no key for one that is sent twice, so that
// one that may have been sent is looked for first.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	if n := len([]rune(text.Body)); n > bodyMost {
		return "", sms.Rejected(fmt.Errorf("%d characters are more than the %d that Twilio takes", n, bodyMost))
	}
	if text.Again {
		switch sid, err := g.find(ctx, text); {
		case err != nil:
			return "", meaning(fmt.Errorf("look for a text that may have been sent: %w", err))
		case sid != "":
			g.claims.put(sid, text.ID)
			return sid, nil
		}
	}
	form := url.Values{
		"To":             {text.To},
		"Body":           {text.Body},
		"ValidityPeriod": {strconv.Itoa(max(int(min(text.Valid, validMost)/time.Second), 1))},
	}
	if from := g.settings.From(); strings.HasPrefix(from, "MG") {
		form.Set("MessagingServiceSid", from)
	} else {
		form.Set("From", from)
	}
	if g.settings.Hook != "" {
		form.Set("StatusCallback", g.settings.Hook+"receipt?id="+strconv.FormatInt(text.ID, 10))
	}
	var sent message
	if err := g.post(ctx, g.messages+".json", form, &sent); err != nil {
		return "", meaning(err)
	}
	if sent.SID == "" {
		return "", errors.New("the answer is not Twilio's: is the url right?")
	}
	g.claims.put(sent.SID, text.ID)
	return sent.SID, nil
}

// find returns the SID of a message that is the text: to the same number, with
// the same body, not made before the text was, not known to be another one, and
// not one that Twilio gave up before it tried. Where there are several it is the
// oldest. "": there is none.
func (g *gateway) find(ctx context.Context, text sms.Text) (string, error) {
	since := made(text.ID).Add(-clockSlack)
	found, old := "", 0
	// The list is sorted by the time of sending. What still waits at Twilio has
	// none, and may stand anywhere.
	err := g.list(ctx, url.Values{"To": {text.To}, "PageSize": {pageSize}}, func(m message) bool {
		if at := m.created(); !at.IsZero() && at.Before(since) {
			old++
			return old < oldMost
		}
		if strings.HasPrefix(m.Direction, "outbound") && m.Body == text.Body && !passing(m.ErrorCode) && !g.claims.others(m.SID, text.ID) {
			found = m.SID
		}
		return true
	})
	return found, err
}

// made is when the outbox made a text: ids count microseconds and 12 bits of
// chance.
func made(id int64) time.Time {
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(id>>12) * time.Microsecond)
}

// meaning says what a refusal means, by Twilio's code for it
// (https://www.twilio.com/docs/api/errors). Anything else is tried again.
func meaning(err error) error {
	r := (*refusal)(nil)
	if !errors.As(err, &r) {
		return err
	}
	switch r.code {
	case 21211, 21214, 21265, 21614, 21635: // no number, of nobody, a short code, not a mobile, a landline
		return sms.BadNumber(err)
	case 21610:
		return sms.OptedOut(err)
	case 10001, 20005, 30002, 90010: // not active, as a rule for want of money
		return sms.NoCredit(fmt.Errorf("the account is not active: %w", err))
	case 20003, 20008, 20404:
		return sms.Locked(fmt.Errorf("user or secret are wrong: %w", err))
	case 21212, 21603, 21606, 21659, 21660, 21661, 21701, 21703, 21704, 21705:
		return sms.Locked(fmt.Errorf("the account cannot send from number or sender: %w", err))
	case 21609, 21626:
		return sms.Locked(fmt.Errorf("the public address of Crier is not to Twilio's liking: %w", err))
	case 14107, 20429, 63017:
		return sms.Busy(err, r.after)
	case 21611, 30001: // hours of texts wait at Twilio
		return sms.Busy(err, max(r.after, overflowing))
	case 63038:
		return sms.Busy(fmt.Errorf("the account's messages of a day are used up: %w", err), dailyPause)
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		return sms.Busy(err, r.after)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden && r.code/1000 == 20:
		return sms.Locked(fmt.Errorf("user or secret are wrong: %w", err))
	case r.code != 0 && (r.status == http.StatusBadRequest || r.status == http.StatusForbidden):
		return sms.Rejected(err)
	}
	return err
}
