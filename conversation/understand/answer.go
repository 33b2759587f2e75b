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

// Ad parts the text of an advertisement from the price in it: "guitar lessons
// for beginners, 4 an hour" is "guitar lessons for beginners" at 400 hundredths
// an hour, with per as written. A price of 0: none is given, or it is not
// clear.
func (u *Understander) Ad(text, locale string, unit Unit, unitWords ...string) (what string, price int64, per string) {
	what = strings.TrimSpace(text)
	if len(text) > maxBytes {
		return what, 0, ""
	}
	for _, p := range u.parses(text, locale, unit, unitWords) {
		if w, price, per := p.ad(); price > 0 {
			return w, price, per
		}
	}
	return what, 0, ""
}

// ad finds one price: an amount with the community's unit, or one that "an
// hour", "each" or the like follows, at the end of a part of the text.
func (p *parse) ad() (what string, price int64, per string) {
	from, to, count := 0, 0, 0
	for i := 0; i < p.end; i++ {
		if p.toks[i].skip() {
			continue
		}
		start := i
		at := i
		if next, found := p.findPattern("price", i); found {
			at = p.over(next)
		}
		a, ok := p.amount(at)
		if !ok {
			continue
		}
		i = a.next - 1
		v, _, fits := a.value(p.unit)
		if !fits || a.approx || a.state || a.v <= 0 {
			continue
		}
		end, note := a.next, ""
		if next, found := p.findPattern("price_end", a.next); found {
			end, note = next, p.span(a.next, next)
		} else if next, found := p.findPattern("price_slash", a.next+1); found && p.toks[a.next].word == "/" {
			end, note = next, p.span(a.next, next)
		} else if at == start && !a.unit || a.time {
			continue
		}
		count++
		from, to, price, per = start, end, v, note
		i = end - 1
	}
	if count != 1 {
		return "", 0, ""
	}
	left, right := p.span(0, from), p.span(to, p.end)
	if left == "" {
		return right, price, per
	}
	if right != "" {
		left += ", " + right
	}
	return left, price, per
}
