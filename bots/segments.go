// Package bots holds what several chat channels share. The channels are in the
// packages below it, and bottest has what each of them promises.
package bots

import (
	"strings"
	"unicode/utf16"
)

// The GSM 7-bit default alphabet (3GPP TS 23.038, section 6.2.1) without its
// ASCII letters and digits, and the extension table, each of whose characters
// is sent as an escape and a code.
const (
	gsmBasic = "\n\r !\"#$%&'()*+,-./:;<=>?@_" +
		"£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

// What one short message holds: alone, and as a part of a longer one, where a
// user data header takes six octets of each part.
const (
	gsmAlone, gsmPart   = 160, 153 // septets
	ucs2Alone, ucs2Part = 70, 67   // UTF-16 code units
)

// Segments counts what a text costs as SMS: how many segments it is sent in,
// how many places it uses in all of them together, and how many places each
// segment has. Places are septets where the whole text fits the GSM 7-bit
// alphabet (gsm is true; the likes of € and [ use two) and UTF-16 code units
// where one character does not (most emoji use two). No character is split
// between two segments. The empty text has 0 segments.
func Segments(text string) (segments, used, perSegment int, gsm bool) {
	gsm = GSM(text)
	cost, alone, part := gsmCost, gsmAlone, gsmPart
	if !gsm {
		cost, alone, part = ucs2Cost, ucs2Alone, ucs2Part
	}

	parts, inPart := 0, 0
	for _, r := range text {
		c := cost(r)
		used += c
		if inPart += c; parts == 0 || inPart > part {
			parts, inPart = parts+1, c
		}
	}
	if used <= alone {
		return min(parts, 1), used, alone, gsm
	}
	return parts, used, part, gsm
}

// GSM reports whether the whole text fits the GSM 7-bit alphabet.
func GSM(text string) bool {
	for _, r := range text {
		if gsmCost(r) == 0 {
			return false
		}
	}
	return true
}

// gsmCost is how many septets a character takes, 0 where GSM has none for it.
func gsmCost(r rune) int {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9',
		strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmExtension, r):
		return 2
	}
	return 0
}

// ucs2Cost is how many UTF-16 code units a character takes.
func ucs2Cost(r rune) int { return max(1, utf16.RuneLen(r)) }
