package conversation

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Cost is what messages cost the host.
type Cost struct {
	Segments int    // that they were sent in
	Micros   int64  // millionths of the currency
	Currency string // ISO 4217: "EUR"; "" where there is no price
}

var costForm = regexp.MustCompile(`^(\d{1,9})(?:[.,](\d{1,6}))?\s*([A-Z]{3})$`)

// ParseCost reads "0.07 EUR"; "" is no money.
func ParseCost(s string) (Cost, error) {
	if s = strings.TrimSpace(s); s == "" {
		return Cost{}, nil
	}
	m := costForm.FindStringSubmatch(s)
	if m == nil {
		return Cost{}, fmt.Errorf("%q is not an amount of money such as 0.07 EUR", s)
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Cost{}, err
	}
	part, err := strconv.ParseInt((m[2] + "000000")[:6], 10, 64)
	if err != nil {
		return Cost{}, err
	}
	return Cost{Micros: whole*1_000_000 + part, Currency: m[3]}, nil
}
