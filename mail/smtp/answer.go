package smtp

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"crier/conversation"
)

// How long to leave the server, or an address, in peace.
const (
	operatorWait = 10 * time.Minute // until somebody has mended the configuration
	busyWait     = 5 * time.Minute  // longer than greylisting takes
)

// stage is how far a mail has come.
type stage int

const (
	atMail    stage = iota // who sends
	atRcpt                 // to whom
	atData                 // whether the text may come
	atText                 // the text is on its way
	atVerdict              // all of it is there: whether the server has taken it is known only from its answer
)

// meaning is what an error means for the mail and its address. What is no answer
// of the server goes back as it is, and is tried again.
//
// Sources: RFC 5321, section 4.2 (codes); RFC 3463 (enhanced codes); RFC 4954,
// section 6 (those about the login).
func meaning(at stage, err error) error {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return fmt.Errorf("send mail: %w", err)
	}
	e := &conversation.SendError{Err: fmt.Errorf("send mail: %w", scrubbed(err))}
	switch permanent := answer.Code >= 500; {
	case aboutLogin(answer):
		return loginRefused(err)
	case permanent && aboutUs(answer):
		e.RetryAfter, e.Everybody = quotaWait, true
	case permanent && at == atMail:
		// The sender is always the same: everybody's mail is refused like that.
		e.RetryAfter, e.Everybody = operatorWait, true
	case permanent && at == atRcpt && aboutSender(answer):
		e.RetryAfter = operatorWait
	case permanent:
		e.Final = true
		e.Bounced = at == atRcpt && nobodyThere(answer)
	case answer.Code == 421, answer.Code == 450, answer.Code == 451:
		e.RetryAfter = busyWait
	}
	return e
}

// loginRefused holds all mail back: with a changed password none of it fails.
func loginRefused(err error) error {
	return &conversation.SendError{RetryAfter: operatorWait, Everybody: true, Err: fmt.Errorf("%w: %w", ErrLogin, scrubbed(err))}
}

// quotaWait is how long to wait where the server takes no more for today.
const quotaWait = time.Hour

// aboutUs says that the server has had enough letters of ours for now, which
// has nothing to do with this one.
func aboutUs(a *smtp.SMTPError) bool {
	text := strings.ToLower(a.Message)
	for _, words := range []string{"sending limit", "sending quota", "message limit", "rate limit", "too many messages", "too many emails"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return a.EnhancedCode == smtp.EnhancedCode{5, 4, 5} // RFC 3463, section 3.5: mail system congestion
}

// aboutLogin says that the server wants a login, or another one, at whichever
// command it finds that out.
func aboutLogin(a *smtp.SMTPError) bool {
	return a.Code == 530 || a.Code == 534 || a.Code == 535 || a.Code == 538
}

// aboutSender says that a server which waits for the recipient before it refuses
// the sender does so now (Postfix, Exim, Sendmail, Exchange, in this order): the
// address has nothing to do with it.
func aboutSender(a *smtp.SMTPError) bool {
	text := strings.ToLower(a.Message)
	for _, words := range []string{"sender address rejected", "relay access denied", "relay not permitted", "relaying denied", "unable to relay"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	// RFC 3463, section 3.2: the sender's address.
	return a.EnhancedCode == smtp.EnhancedCode{5, 1, 7} || a.EnhancedCode == smtp.EnhancedCode{5, 1, 8}
}

// nobodyThere says that the address does not exist. Where there is an enhanced
// code (RFC 3463, section 3.2; RFC 7505) it decides, else the common words do:
// 550 alone is used for policy too.
func nobodyThere(a *smtp.SMTPError) bool {
	if a.EnhancedCode[0] != 0 {
		return a.EnhancedCode[0] == 5 && a.EnhancedCode[1] == 1
	}
	if a.Code != 550 && a.Code != 551 && a.Code != 553 {
		return false
	}
	text := strings.ToLower(a.Message)
	for _, words := range []string{"user unknown", "unknown user", "no such user", "user not found"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// addressForm is whatever may be a mail address: answers repeat it, logs do not.
var addressForm = regexp.MustCompile(`\S*@\S*`)

// answerMax is how much of an answer is kept.
const answerMax = 300

// scrubbed returns an answer of the server without addresses, on one short line;
// another error is returned as it is.
func scrubbed(err error) error {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return err
	}
	text := strings.ToValidUTF8(answer.Message[:min(len(answer.Message), 4*answerMax)], "")
	text = strings.Join(strings.Fields(addressForm.ReplaceAllString(text, "…")), " ")
	if len(text) > answerMax {
		text = strings.ToValidUTF8(text[:answerMax], "") + "…"
	}
	if c := answer.EnhancedCode; c[0] != 0 {
		text = fmt.Sprintf("%d.%d.%d %s", c[0], c[1], c[2], text)
	}
	return &smtp.SMTPError{Code: answer.Code, EnhancedCode: answer.EnhancedCode, Message: text}
}
