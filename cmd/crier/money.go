package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"crier/conversation"
)

var moneyForm = regexp.MustCompile(`^(\d{1,9})(?:[.,](\d{1,6}))?\s*([A-Z]{3})$`)

// parseMoney reads "0.07 EUR"; "" is no money.
func parseMoney(s string) (conversation.Cost, error) {
	if s = strings.TrimSpace(s); s == "" {
		return conversation.Cost{}, nil
	}
	m := moneyForm.FindStringSubmatch(s)
	if m == nil {
		return conversation.Cost{}, fmt.Errorf("%q is not an amount of money such as 0.07 EUR", s)
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return conversation.Cost{}, err
	}
	part, err := strconv.ParseInt((m[2] + "000000")[:6], 10, 64)
	if err != nil {
		return conversation.Cost{}, err
	}
	return conversation.Cost{Micros: whole*1_000_000 + part, Currency: m[3]}, nil
}

// money writes a sum of millionths with as many decimals as it has, at least two.
func money(micros int64) string {
	s := fmt.Sprintf("%d.%06d", micros/1_000_000, micros%1_000_000)
	for strings.HasSuffix(s, "0") && len(s)-strings.IndexByte(s, '.') > 3 {
		s = s[:len(s)-1]
	}
	return s
}
