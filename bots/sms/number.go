package sms

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// e164 is the form that numbers are kept in (ITU-T E.164).
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

var (
	errShortCode = errors.New("it is a short code")
	errName      = errors.New("it is a name")
	errNumber    = errors.New("it is no possible telephone number")
)

// shortMost is how many digits a short code has at most.
const shortMost = 6

// Number brings a telephone number into its E.164 form. region is the country
// of numbers that name none, by its ISO 3166-1 code, "" where there is none. It
// fails for what is no number that could be answered: a name, a short code.
func Number(s, region string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, unicode.IsLetter) {
		return "", errName
	}
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	if digits == "" {
		return "", errNumber
	}
	if len([]rune(digits)) <= shortMost {
		return "", errShortCode
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", errNumber
	}
	number := phonenumbers.Format(n, phonenumbers.E164)
	// One with a zero too many is parsed shorter each time: it is nobody's.
	if again, err := phonenumbers.Parse(number, ""); err != nil || !e164.MatchString(number) || phonenumbers.Format(again, phonenumbers.E164) != number {
		return "", errNumber
	}
	return number, nil
}

// International puts the plus in front that some gateways leave out. It is for
// those whose numbers always have their country.
func International(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		return "+" + rest
	}
	if strings.HasPrefix(s, "+") || len(s) <= shortMost || strings.ContainsFunc(s, unicode.IsLetter) {
		return s
	}
	return "+" + s
}

// Digits is an E.164 number as gateways write it that leave the plus out.
func Digits(number string) string { return strings.TrimPrefix(number, "+") }

// regionOf is the country of a number, "" for a short code.
func regionOf(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return ""
	}
	return phonenumbers.GetRegionCodeForNumber(n)
}
