package conversation

import (
	"regexp"
	"strings"
	"unicode"
)

// What a message could hold that nobody may read later: a PIN of 4 to 6
// figures alone, or behind the word, or in front of a telephone number, as some
// members know it from elsewhere ("pay 1234 98765432 35,50").
var (
	loneFigures = regexp.MustCompile(`^[^\p{L}\p{N}]*\p{Nd}(?:[ .-]?\p{Nd}){3,5}[^\p{L}\p{N}]*$`)
	namedPIN    = regexp.MustCompile(`(?i)\bp\s?i\s?n(?:\b|code|nummer|number|nr)`)
	firstPIN    = regexp.MustCompile(`^\s*\p{L}+\s+(\p{Nd}{4,6})\s+\+?\p{Nd}{5,}`)
	fourFigures = regexp.MustCompile(`\p{Nd}(?:[ .-]?\p{Nd}){3,}`)
)

// Secretive reports whether a message may hold a PIN, or could be taken as the
// answer to a question for one, whatever words are around it: it then lies
// sealed until it is handled.
func Secretive(text string) bool {
	return figuresIn(text) != "" || loneFigures.MatchString(text) || firstPIN.MatchString(text) || namedPIN.MatchString(text) && fourFigures.MatchString(text)
}

// Mask is a message as it may be read by others: with stars for what is a PIN
// by the look of it.
func Mask(text string) string {
	if loneFigures.MatchString(text) {
		return stars(text)
	}
	return maskNamed(text)
}

// maskNamed is Mask that leaves figures alone that stand alone: they may as
// well be an amount.
func maskNamed(text string) string {
	if m := firstPIN.FindStringSubmatchIndex(text); m != nil {
		return text[:m[2]] + stars(text[m[2]:m[3]]) + text[m[3]:]
	}
	at := namedPIN.FindStringIndex(text)
	if at == nil {
		return text
	}
	if behind := text[at[1]:]; fourFigures.MatchString(behind) {
		return text[:at[1]] + fourFigures.ReplaceAllStringFunc(behind, stars)
	}
	return fourFigures.ReplaceAllStringFunc(text, stars)
}

func stars(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '*'
		}
		return r
	}, s)
}
