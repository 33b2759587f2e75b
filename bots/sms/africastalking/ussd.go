package africastalking

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"crier/bots/sms"
)

// dialPatience is how long a step may take. The network ends a session after
// about ten seconds without an answer.
const dialPatience = 7 * time.Second

// dialled answers a step of a USSD session. Where it fails the network ends the
// session, with words of its own.
//
// A step comes with all that was entered in the session so far, joined by
// stars: "" first, then "1", then "1*250". What was entered last is what stands
// behind the last star. There is no telling a star that somebody has entered
// from one that joins; so of an answer with stars in it only what is behind
// its last star counts. Whoever answers 2*5 has answered 5.
func (g *gateway) dialled(ctx context.Context, call sms.Call) (sms.Answer, error) {
	session, from := call.Form.Get("sessionId"), sms.International(call.Form.Get("phoneNumber"))
	if !anID.MatchString(session) || from == "" || !call.Form.Has("text") {
		return sms.Answer{}, sms.ErrMalformed
	}
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	history := call.Form.Get("text")
	screen, err := g.line.Dial(ctx, sms.Dialled{
		Session: session, Step: g.step(session, history), From: from, Text: history[strings.LastIndex(history, "*")+1:],
	})
	if err != nil {
		return sms.Answer{}, err
	}
	if screen.Open {
		return sms.Answer{Body: "CON " + fit(screen.Text)}, nil
	}
	return sms.Answer{Body: "END " + fit(screen.Text)}, nil
}

// step is the id of a step. It is the same when the step comes again, and does
// not show what was entered: that can be a PIN.
func (g *gateway) step(session, history string) string {
	mac := hmac.New(sha256.New, []byte(g.settings.Secret))
	mac.Write([]byte(session + " " + history))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// fit cuts off what does not fit on a screen. The words CON and END are not
// shown, so they take no place.
func fit(text string) string {
	if sms.FitsScreen(text, "") {
		return text
	}
	if runes := []rune(text); len(runes) > sms.ScreenMax {
		text = string(runes[:sms.ScreenMax])
	}
	for !sms.FitsScreen(text, "") {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	return sms.Plain(text, "")
}
