package sms

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"crier/conversation"
)

// What a webhook's call can be refused for.
var (
	// ErrForged says that a call does not come from the gateway: its signature
	// is wrong, or too old.
	ErrForged = errors.New("not signed by the gateway")
	// ErrMalformed says that nothing can be made of a call.
	ErrMalformed = errors.New("not in the gateway's format")
)

// How long a gateway is left alone that cannot send anything for now.
const (
	creditPause = 15 * time.Minute
	lockedPause = 10 * time.Minute
	busyPause   = 30 * time.Second
	busyMost    = time.Hour
)

// Rejected says that the gateway will never send this text.
func Rejected(err error) error { return &conversation.SendError{Final: true, Err: err} }

// BadNumber says that the number cannot get texts, as far as the gateway knows.
func BadNumber(err error) error {
	return &conversation.SendError{Final: true, Bounced: true, Err: err}
}

// OptedOut says that the owner of the number has told the gateway or the
// carrier to send nothing more.
func OptedOut(err error) error { return &conversation.SendError{Final: true, Paused: true, Err: err} }

// NoCredit says that the account at the gateway is empty. Nothing is lost: it
// is all sent when somebody has paid.
func NoCredit(err error) error {
	return &conversation.SendError{RetryAfter: creditPause, Everybody: true, Err: err}
}

// Locked says that the gateway does not let us in.
func Locked(err error) error {
	return &conversation.SendError{RetryAfter: lockedPause, Everybody: true, Err: err}
}

// Busy says that the gateway takes no more texts before a time, 0 where it
// does not say.
func Busy(err error, after time.Duration) error {
	if after <= 0 {
		after = busyPause
	}
	return &conversation.SendError{RetryAfter: min(after, busyMost), Everybody: true, Err: err}
}

// RetryAfter reads the header of that name (RFC 9110, section 10.2.3) in
// seconds or as a date. It returns 0 where there is none.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
