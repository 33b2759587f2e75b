package understand

import "strings"

// parses returns the text in the member's language and then the others.
func (u *Understander) parses(s, locale string, unit Unit, unitWords []string) []*parse {
	kept, _, cut := unquote(strings.ToValidUTF8(s[:min(len(s), maxScan)], ""))
	kept = plain(kept)
	var out []*parse
	for _, l := range u.order(locale) {
		p := l.new(kept, Input{Unit: unit, UnitWords: unitWords})
		p.cut = p.cut || cut
		p.silence()
		out = append(out, p)
	}
	return out
}

// Amount reads the answer to "How many?": "six", "1h30", "5 acorns please".
// The amount is in minutes where the unit is Hours, else in hundredths, and
// inexact where it had to be rounded. Where ok is false, reason says why:
// Negative, Zero, Currency, TwoAmounts, or NoAmount for any other text.
func (u *Understander) Amount(text, locale string, unit Unit, unitWords ...string) (amount int64, inexact bool, reason Reason, ok bool) {
	reason = NoAmount
	for _, p := range u.parses(text, locale, unit, unitWords) {
		amount, inexact, r, ok := p.onlyAmount()
		if ok {
			return amount, inexact, "", true
		}
		if reason == NoAmount {
			reason = r
		}
	}
	return 0, false, reason, false
}

func (p *parse) onlyAmount() (v int64, inexact bool, reason Reason, ok bool) {
	i := p.over(0)
	if next, found := p.find(p.lang.list("with"), i); found {
		i = p.over(next)
	}
	a, found := p.amount(i)
	if !found {
		return 0, false, NoAmount, false
	}
	v, inexact, fits := a.value(p.unit)
	rest := p.over(a.next)
	if next, only := p.find(p.lang.list("meanwhile"), rest); only {
		rest = p.over(next)
	}
	_, again := p.amount(rest)
	switch {
	case a.state:
		return 0, false, Currency, false
	case a.bad:
		return 0, a.inexact, NoAmount, false
	case again:
		return 0, false, TwoAmounts, false
	case !fits || a.approx || p.cut || rest < p.end:
		return 0, false, NoAmount, false
	case a.v < 0:
		return 0, false, Negative, false
	case a.v == 0 || v == 0:
		return 0, false, Zero, false
	}
	return v, inexact, "", true
}

// Answer says whether a text is a yes or a no; both false where it is neither.
// In "yes 2" the 2 is what Understand keeps.
func (u *Understander) Answer(text, locale string) (yes, no bool) {
	m := u.Understand(Input{Text: text, Locale: locale, Unit: Units})
	return m.Intent == Yes, m.Intent == No
}

// Choice reads the answer to numbered choices: "2", "2.", "no. 2 please",
// "two".
func (u *Understander) Choice(text, locale string) (n int, ok bool) {
	for _, p := range u.parses(text, locale, Units, nil) {
		i := p.over(0)
		for {
			next, found := p.find(p.lang.list("member"), i)
			if !found {
				if !p.is(i, p.lang.list("the")) {
					break
				}
				next = i + 1
			}
			i = p.over(next)
		}
		v, found := p.plainNumber(i)
		if found && !v.hours && v.v > 0 && v.v%scale == 0 && v.v <= 1000*scale && p.over(v.next) >= p.end && !p.cut {
			return int(v.v / scale), true
		}
	}
	return 0, false
}
