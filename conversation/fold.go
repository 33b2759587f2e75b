package conversation

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"crier/conversation/understand"
)

// fold makes names that are typed differently the same: no case, no accents, no
// punctuation, single spaces.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '.', ',', ';', ':', '!', '?', '"', '(', ')':
			return ' '
		case '’', '`', '´':
			return '\''
		}
		return r
	}, s)
	return strings.Join(strings.Fields(understand.Fold(s)), " ")
}

// addressIn recognises a telephone number or a mail address. near is a number
// whose country is meant where the number names none, and region the country
// where there is no such number.
func addressIn(s, near, region string) (channel, address string) {
	s = strings.TrimSpace(s)
	if at := strings.IndexByte(s, '@'); at > 0 && at < len(s)-3 && !strings.ContainsAny(s, " \t\n<>,;") {
		return "email", strings.ToLower(s)
	}
	if !looksLikeTelephone(s) {
		return "", ""
	}
	if n, err := phonenumbers.Parse(near, ""); err == nil {
		region = phonenumbers.GetRegionCodeForNumber(n)
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil {
		return "", ""
	}
	return "sms", phonenumbers.Format(n, phonenumbers.E164)
}

func looksLikeTelephone(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+-/.() ", r):
			return false
		}
	}
	return digits >= 7
}

// Shown writes an address as people read it: a telephone number in groups.
func Shown(channel, address string) string { return shown(channel, address) }

func shown(channel, address string) string {
	if channel != "sms" {
		return address
	}
	n, err := phonenumbers.Parse(address, "")
	if err != nil {
		return address
	}
	national := phonenumbers.GetNationalSignificantNumber(n)
	groups := []string{address[:len(address)-len(national)]}
	for len(national) > 4 {
		groups, national = append(groups, national[:3]), national[3:]
	}
	return strings.Join(append(groups, national), " ")
}
