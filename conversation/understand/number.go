package understand

import (
	"math"
	"strings"
)

// scale is what numbers are counted in while they are read: halves, thirds,
// minutes of an hour and four decimals all are whole numbers of it.
const (
	scale  = 360_000
	maxRaw = 1_000_000_000_000
)

// numeral is a number as found in a text, from one token to another.
type numeral struct {
	v       int64 // times scale
	next    int   // the token after it
	inexact bool
	hours   bool // it was written 1:30
	bad     bool // it cannot be read one way only
}

// digits reads one number token: "1.234,50", "2.505", "1:30".
func (l *lang) digits(s string) (n numeral, ok bool) {
	if strings.Contains(s, ":") {
		h, m, _ := strings.Cut(s, ":")
		if len(m) != 2 || m >= "60" || strings.ContainsAny(h, ".,'") || len(h) > 6 {
			return n, false
		}
		hv, mv := atoi(h), atoi(m)
		return numeral{v: hv*scale + mv*(scale/60), hours: true}, true
	}
	s = strings.ReplaceAll(s, "'", "")
	last := strings.LastIndexAny(s, ".,")
	whole, frac := s, ""
	if last >= 0 {
		mark, others := s[last:last+1], strings.NewReplacer(".", "", ",", "").Replace(s[:last])
		groups := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' })
		same := strings.Count(s, mark)
		switch {
		case same > 1 || len(groups[len(groups)-1]) == 3 && len(groups) == 2 && mark == l.words.Thousands && groups[0] != "0" && len(groups[0]) <= 3:
			if strings.ContainsAny(strings.ReplaceAll(s, mark, ""), ".,") {
				return n, false // 1,234.5,6
			}
			for _, g := range groups[1:] {
				if len(g) != 3 {
					return n, false // 1.2.3: a date
				}
			}
			whole = strings.ReplaceAll(s, mark, "")
		default:
			for i, g := range groups[:len(groups)-1] {
				if i > 0 && len(g) != 3 {
					return n, false
				}
			}
			whole, frac = others, s[last+1:]
		}
	}
	if g := strings.FieldsFunc(s, func(r rune) bool { return r == '.' || r == ',' }); len(g) == 2 && len(g[1]) == 3 && len(g[0]) <= 3 && g[0] != "0" && last > 0 {
		// A thousand and a half, or one and a half: as decimals it is less.
		n.bad, n.inexact, whole, frac = true, true, g[0], g[1]
	}
	if len(whole) > 12 {
		return n, false
	}
	n.v = atoi(whole) * scale
	unit := int64(scale)
	for i := 0; i < len(frac); i++ {
		d := int64(frac[i] - '0')
		if i >= 4 {
			n.inexact = n.inexact || d != 0
			continue
		}
		unit /= 10
		n.v += d * unit
	}
	return n, n.v <= maxRaw*scale
}

func atoi(s string) (v int64) {
	for i := 0; i < len(s) && i < 15; i++ {
		v = v*10 + int64(s[i]-'0')
	}
	return v
}

// number reads the number that starts at token i, in digits or in words, with
// a fraction after it ("2 1/2", "deux et demi").
func (p *parse) number(i int) (numeral, bool) {
	n, ok := p.plainNumber(i)
	if !ok {
		f, next, ok := p.phrase(p.lang.fractions, i)
		if !ok || f <= 0 {
			return n, false
		}
		return numeral{v: int64(math.Round(f * scale)), next: next}, true
	}
	if n.hours {
		return n, true
	}
	// "1 1/2", "1/2"
	if num, den, next, ok := p.ratio(n.next); ok && n.v%scale == 0 && den > num {
		n.v, n.next = n.v+num*scale/den, next
		return n, true
	}
	if num, den, next, ok := p.ratio(i); ok {
		return numeral{v: num * scale / den, next: next, inexact: num*scale%den != 0}, true
	}
	// "two and a half", "twee en een half", "deux et demi"
	if f, next, ok := p.andFraction(n.next); ok && n.v%scale == 0 {
		n.v, n.next = n.v+int64(math.Round(f*scale)), next
	}
	return n, true
}

// andFraction reads "and a half" at token i.
func (p *parse) andFraction(i int) (f float64, next int, ok bool) {
	j := i
	if p.is(j, p.lang.and) {
		j++
	}
	f, next, ok = p.phrase(p.lang.fractions, j)
	return f, next, ok && f > 0 && f < 1 && (j > i || next > j+1)
}

// ratio reads "3/4" at token i.
func (p *parse) ratio(i int) (num, den int64, next int, ok bool) {
	t := p.toks
	if i+2 >= len(t) || t[i].kind != number || t[i+1].word != "/" || t[i+2].kind != number || len(t[i].word) > 2 || len(t[i+2].word) > 2 || strings.ContainsAny(t[i].word+t[i+2].word, ".,:'") {
		return 0, 0, 0, false
	}
	num, den = atoi(t[i].word), atoi(t[i+2].word)
	return num, den, i + 3, den > 1 && den <= 12 && num > 0 && num < den
}

// plainNumber reads digits, or the longest run of number words.
func (p *parse) plainNumber(i int) (n numeral, ok bool) {
	if i >= len(p.toks) {
		return n, false
	}
	t := &p.toks[i]
	switch t.kind {
	case number:
		if i > 0 && p.toks[i-1].kind == mark && p.toks[i-1].word == "." && t.glued {
			return n, false
		}
		n, ok = p.lang.digits(t.word)
		if !ok {
			return n, false
		}
		n.next = i + 1
		if t.minus {
			n.v = -n.v
		}
		// "2 hundred"
		for n.next < len(p.toks) && p.toks[n.next].kind == word {
			m, isScale := p.lang.words.Number.Scales[p.toks[n.next].word]
			if !isScale || n.v > maxRaw/m*scale {
				break
			}
			n.v, n.next = n.v*m, n.next+1
		}
		// "5.-" and "5,-" are five.
		if n.next+1 < len(p.toks) && strings.Contains(".,", p.toks[n.next].word) && p.toks[n.next].glued && p.toks[n.next+1].word == "-" && p.toks[n.next+1].glued {
			n.next += 2
		}
		return n, true
	case word:
		return p.wordNumber(i)
	default:
		return n, false
	}
}

// wordNumber reads number words: what each may follow is how numbers are built,
// so "five six" is two numbers and "vingt et un" is one.
func (p *parse) wordNumber(i int) (n numeral, ok bool) {
	num := &p.lang.words.Number
	var total, cur float64
	lowest := math.Inf(1) // what the next part must stay below
	add := func(v float64, and bool) bool {
		switch {
		case v != math.Trunc(v):
			if ok {
				return false
			}
			cur, lowest = v, 0
		case math.IsInf(lowest, 1):
			cur += v
		case v < lowest && v > 0, num.UnitsFirst && and && lowest == 1 && math.Mod(cur, 100) < 10 && v >= 20 && v < 100:
			cur += v
		default:
			rest := int64(math.Mod(cur, 100))
			for _, t := range num.TeensAfter {
				if rest == t && v >= 10 && v < 20 {
					cur += v
					lowest = 1
					return true
				}
			}
			return false
		}
		switch {
		case v == 0:
			lowest = 0
		case v < 20:
			lowest = 1
		case math.Mod(v, 10) != 0:
			lowest = 1
		default:
			lowest = 10
		}
		return true
	}
	times := func(m int64) bool {
		switch {
		case m >= 1000:
			if total > 0 && total < float64(m) {
				return false
			}
			total += max(cur, 1) * float64(m)
			cur, lowest = 0, math.Min(1000, float64(m))
		case cur > 99 || ok && cur == 0 && lowest < 100:
			return false
		default:
			cur = max(cur, 1) * float64(m)
			lowest = 100
		}
		return true
	}
	for i < len(p.toks) {
		j := i
		if ok && p.toks[j].word == "-" && p.toks[j].glued && j+1 < len(p.toks) && p.toks[j+1].glued {
			j++ // twenty-five
		}
		if p.toks[j].kind != word {
			break
		}
		if ok && p.is(j, p.lang.and) {
			j++
		}
		if v, next, found := p.phrase(p.lang.numbers, j); found {
			if !add(v, j > i) {
				break
			}
			i, ok = next, true
			continue
		}
		if j >= len(p.toks) {
			break
		}
		if m, found := num.Scales[p.toks[j].word]; found {
			if !times(m) {
				break
			}
			i, ok = j+1, true
			continue
		}
		// "a hundred"
		if !ok && p.is(j, p.lang.one) && j+1 < len(p.toks) {
			if m, found := num.Scales[p.toks[j+1].word]; found && times(m) {
				i, ok = j+2, true
				continue
			}
		}
		if num.Glued {
			if v, found := p.lang.glued(p.toks[j].word); found && add(v, j > i) {
				lowest, ok, i = 0, true, j+1
				continue
			}
		}
		break
	}
	v := (total + cur) * scale
	if !ok || v > maxRaw*scale {
		return numeral{}, false
	}
	return numeral{v: int64(math.Round(v)), next: i}, true
}

// glued reads a number written as one word: "vijfentwintig",
// "tweehonderdvijftig".
func (l *lang) glued(w string) (float64, bool) {
	if len(w) > 60 || !l.gluedStart[firstRune(w)] {
		return 0, false
	}
	return l.gluedPart(w, 0)
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

func (l *lang) gluedPart(w string, depth int) (float64, bool) {
	if v, ok := l.words.Number.Words[w]; ok && v > 0 {
		return v, true
	}
	if depth > 4 {
		return 0, false
	}
	// The largest multiplier inside splits the word.
	for _, s := range l.scales {
		at := strings.Index(w, s.word)
		if at < 0 {
			continue
		}
		left, right := 1.0, 0.0
		ok := true
		if at > 0 {
			left, ok = l.gluedPart(w[:at], depth+1)
		}
		if rest := l.trimAnd(w[at+len(s.word):]); ok && rest != "" {
			right, ok = l.gluedPart(rest, depth+1)
		}
		return left*float64(s.value) + right, ok && right < float64(s.value) && left < 1000
	}
	for _, and := range append([]string{""}, l.words.Number.And...) {
		for at := 2; at+len(and) < len(w)-1; at++ {
			if w[at:at+len(and)] != and {
				continue
			}
			a, okA := l.words.Number.Words[w[:at]]
			b, okB := l.words.Number.Words[w[at+len(and):]]
			if !okA || !okB || a < 1 || b < 1 {
				continue
			}
			if l.words.Number.UnitsFirst {
				a, b = b, a
			}
			if a >= 20 && a < 100 && math.Mod(a, 10) == 0 && b < 10 {
				return a + b, true
			}
		}
	}
	return 0, false
}

func (l *lang) trimAnd(w string) string {
	for _, and := range l.words.Number.And {
		if rest, ok := strings.CutPrefix(w, and); ok && l.gluedStart[firstRune(rest)] {
			if _, known := l.gluedPart(rest, 3); known {
				return rest
			}
		}
	}
	return w
}
