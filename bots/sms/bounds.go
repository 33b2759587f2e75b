package sms

import (
	"time"

	"crier/bots"
	"crier/conversation"
)

// pageSegments is how many segments an answer may have: what is longer is told
// in pages. Asking for the next one costs the member a text, and us another
// answer.
const pageSegments = 2

// Fits reports whether a text can be sent at once.
func Fits(text, locale string) bool {
	n, _ := segments(Plain(text, locale))
	return n <= pageSegments
}

// screenUCS2 is how much fits on a USSD screen that is not in the GSM alphabet,
// in UTF-16 code units: its 160 octets hold two each.
const screenUCS2 = 80

// FitsScreen reports whether a text fits on one USSD screen.
func FitsScreen(text, locale string) bool {
	_, used, _, gsm := bots.Segments(Plain(text, locale))
	if gsm {
		return used <= ScreenMax
	}
	return used <= screenUCS2
}

// Allowance is what is spent on one person's texts: a member may send some 40
// in a row, and 120 a day; all strangers of a community together cost it 40 at
// once, and 120 a day.
var Allowance = conversation.Allowance{
	Burst: 40, Every: 12 * time.Minute,
	Unclear: 6, UnclearEvery: 20 * time.Minute,
	Strangers: 24 * time.Hour, Crowd: 40, CrowdEvery: 12 * time.Minute,
}
