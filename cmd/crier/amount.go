package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crier/ledger"
	"crier/locales"
)

var (
	clockForm   = regexp.MustCompile(`^([0-9]{1,12})(?::([0-9]{2})|h([0-9]{1,2})?)$`)
	minutesForm = regexp.MustCompile(`^([0-9]{1,14}) ?(?:min|minutes|m)$`)
	decimalForm = regexp.MustCompile(`^([0-9]{1,12})(?:[.,]([0-9]{1,9}))?$`)

	// spaces are what spreadsheets put between thousands, and pasted text in
	// place of a hyphen.
	spaces = strings.NewReplacer("\u00a0", "", "\u202f", "", "'", "", "\u2019", "", "\u2212", "-", "\u2013", "-")
)

// parseAmount reads an amount in the unit of a community: "10", "2.50" or
// "2,50"; where it counts in hours also "1h30", "1:30" and "45 min".
func parseAmount(c *ledger.Community, s string) (ledger.Amount, error) {
	bad := fmt.Errorf("%q is not an amount such as %s", s, example(c))
	text := spaces.Replace(strings.ToLower(strings.TrimSpace(s)))
	text, negative := strings.CutPrefix(text, "-")
	text = strings.TrimPrefix(text, "+")
	value, ok := int64(0), false
	if c.UnitKind == ledger.Hours {
		value, ok = clockAmount(text)
	}
	if !ok {
		m := decimalForm.FindStringSubmatch(text)
		if m == nil {
			return 0, bad
		}
		parts := int64(60)
		if c.UnitKind != ledger.Hours {
			parts = int64(math.Pow10(c.Decimals))
		}
		whole, _ := strconv.ParseInt(m[1], 10, 64) // 12 digits fit
		fraction := strings.TrimRight(m[2], "0")
		small, _ := strconv.ParseInt("0"+fraction, 10, 64) // and so do 9
		scale := int64(math.Pow10(len(fraction)))
		if small*parts%scale != 0 {
			return 0, fmt.Errorf("%q is finer than this community counts: an amount is such as %s", s, example(c))
		}
		value = whole*parts + small*parts/scale
	}
	if negative {
		value = -value
	}
	return ledger.Amount(value), nil
}

// clockAmount reads hours and minutes.
func clockAmount(text string) (minutes int64, ok bool) {
	if m := minutesForm.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return n, true
	}
	m := clockForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	h, _ := strconv.ParseInt(m[1], 10, 64)
	n, _ := strconv.ParseInt("0"+m[2]+m[3], 10, 64)
	return h*60 + n, n < 60
}

func example(c *ledger.Community) string {
	switch {
	case c.UnitKind == ledger.Hours:
		return "2, 1h30 or 45 min"
	case c.Decimals == 0:
		return "10 (whole numbers)"
	case c.Decimals == 1:
		return "10 or 2.5"
	}
	return "10 or 2.50"
}

// parseLowest reads how far below zero an account may go, written with or
// without its sign; nil for "none".
func parseLowest(c *ledger.Community, s string) (*ledger.Amount, error) {
	return parseBound(c, s, func(a ledger.Amount) ledger.Amount { return min(a, -a) })
}

// parseHighest reads how high an account may go; nil for "none".
func parseHighest(c *ledger.Community, s string) (*ledger.Amount, error) {
	return parseBound(c, s, func(a ledger.Amount) ledger.Amount { return a })
}

func parseBound(c *ledger.Community, s string, sign func(ledger.Amount) ledger.Amount) (*ledger.Amount, error) {
	if strings.EqualFold(strings.TrimSpace(s), "none") {
		return nil, nil
	}
	a, err := parseAmount(c, s)
	if err != nil {
		return nil, err
	}
	a = sign(a)
	return &a, nil
}

// writer writes amounts as the members of a community read them.
func writer(catalog *locales.Catalog, c *ledger.Community, locale string, now time.Time) *locales.Printer {
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		zone = time.UTC
	}
	return catalog.Printer(locale, locales.Unit{Hours: c.UnitKind == ledger.Hours, Decimals: c.Decimals, Words: c.UnitWords}, nil, zone, now)
}

// sum writes an amount with its unit.
func sum(w *locales.Printer, a ledger.Amount) string { return w.Value(locales.Sum(a)) }

// bound writes a limit.
func bound(w *locales.Printer, a *ledger.Amount) string {
	if a == nil {
		return "none"
	}
	return sum(w, *a)
}
