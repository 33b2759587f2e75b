package understand

// amount is a quantity as found in a text.
type amount struct {
	numeral
	time   bool // it has a unit of time; v counts hours
	unit   bool // it has the community's unit, or what communities call theirs
	state  bool // it is money of a state
	approx bool // "about", "5 or 6"
}

// value turns the amount into the smallest part of the unit. An amount with a
// unit of time means nothing where hours are not what is counted, and one that
// can be read in two ways means nothing anywhere.
func (a *amount) value(u Unit) (v int64, inexact, ok bool) {
	if (a.time || a.hours) && u != Hours || a.bad {
		return 0, false, false
	}
	part := int64(scale / 100)
	if u == Hours {
		part = scale / 60
	}
	abs := max(a.v, -a.v)
	v = (abs + part/2) / part
	return v, a.inexact || abs%part != 0, true
}

// amount reads the amount that starts at token i.
func (p *parse) amount(i int) (a amount, ok bool) {
	if i >= len(p.toks) || p.toks[i].noise {
		return a, false
	}
	if t := &p.toks[i]; i > 0 && t.glued && t.kind == number && p.toks[i-1].kind == word {
		if _, currency := p.find(p.lang.currencies, i-1); !currency { // the 30 of "1h30" is no amount, the 5 of "€5" is one
			return a, false
		}
	}
	if next, found := p.find(p.lang.list("about"), i); found {
		if a, ok = p.amount(p.over(next)); ok {
			a.approx = true
		}
		return a, ok
	}
	minus := false
	if p.is(i, p.lang.list("minus")) && i+1 < len(p.toks) && p.startsNumber(i+1) {
		minus, i = true, i+1
	}
	if next, found := p.find(p.lang.currencies, i); found && next < len(p.toks) && p.toks[next].kind == number {
		if a, ok = p.amount(next); ok {
			a.state = true
		}
		return a, ok
	}
	a, ok = p.bareAmount(i)
	if !ok {
		return a, false
	}
	if minus {
		a.v = -a.v
	}
	if next, found := p.find(p.lang.currencies, a.next); found && !p.is(next, p.lang.list("of")) {
		a.state, a.next = true, next
	} else if next, found := p.find(p.lang.units, a.next); found && !a.time {
		a.unit, a.next = true, next
	} else if next, found := p.find(p.own, a.next); found && !a.time {
		a.unit, a.next = true, next
	}
	// "5x", "2k": whatever it is, it is not 5 and 2.
	if j := a.next; p.toks[j-1].kind == number && j < len(p.toks) && p.toks[j].kind == word && p.toks[j].glued && p.toks[j].word != "'s" {
		for j < len(p.toks) && p.toks[j].glued && p.toks[j].kind <= number {
			j++
		}
		a.bad, a.v = true, 0
		a.next = j
	}
	// "5-6", "5 or 6", "6 or so"
	j := a.next
	if next, found := p.find(p.lang.list("or_so"), p.over(j)); found {
		a.approx, a.next = true, next
	} else if j < len(p.toks) && (p.toks[j].word == "-" || p.toks[j].word == "/" || p.toks[j].word == "~") && p.toks[j].glued && p.startsNumber(j+1) {
		if b, found := p.bareAmount(j + 1); found {
			a.approx, a.next = true, b.next
		}
	} else if p.is(j, p.lang.list("or")) && p.startsNumber(j+1) {
		if b, found := p.bareAmount(j + 1); found {
			a.approx, a.next = true, b.next
		}
	} else if p.is(j, p.lang.list("range")) && p.startsNumber(j+1) {
		if b, found := p.bareAmount(j + 1); found && b.v > a.v && b.v <= 2*a.v {
			a.approx, a.next = true, b.next
		}
	}
	return a, true
}

// startsNumber says that a number starts at token i.
func (p *parse) startsNumber(i int) bool {
	_, ok := p.plainNumber(i)
	return ok
}

// bareAmount reads a number with a unit of time, or alone.
func (p *parse) bareAmount(i int) (a amount, ok bool) {
	if i >= len(p.toks) {
		return a, false
	}
	if t := &p.toks[i]; t.kind == phone && allDigits(t.word) && t.word[0] != '0' { // 99999999999
		return amount{numeral: numeral{bad: true, next: i + 1}}, true
	}
	// "half an hour", "a quarter of an hour", "an hour", "drie kwartier"
	n, isNumber := p.number(i)
	if !isNumber && p.is(i, p.lang.one) {
		_, _, isTime := p.phrase(p.lang.durations, i+1)
		_, isUnit := p.find(p.lang.units, i+1)
		_, isOwn := p.find(p.own, i+1)
		if f, after, found := p.phrase(p.lang.fractions, i+1); found && !isTime { // "a half"
			n, isNumber = numeral{v: int64(f * scale), next: after}, true
		} else if isTime || isUnit || isOwn {
			n, isNumber = numeral{v: scale, next: i + 1}, true
		}
	}
	if whole, next, found := p.phrase(p.lang.durations, i); found && (!isNumber || next > n.next) && !bareUnit(p, i, next) {
		a.numeral, a.time = numeral{v: int64(whole * scale / 60), next: next}, true
		return p.moreTime(a, whole), true
	}
	if !isNumber {
		return a, false
	}
	a.numeral = n
	if n.hours {
		a.time = true
		if m, next, found := p.phrase(p.lang.durations, n.next); found && m == 60 {
			a.next = next
		}
		return a, true
	}
	at := n.next
	if next, found := p.find(p.lang.list("of"), at); found { // "three quarters of an hour"
		at = next
	}
	if p.is(at, p.lang.one) {
		at++
	}
	if m, next, found := p.phrase(p.lang.durations, at); found && (at == n.next || n.v < scale) {
		if n.v > maxRaw*scale/60 || n.v < -maxRaw*scale/60 {
			return a, false
		}
		minutes := float64(n.v) * m
		a.v = int64(minutes / 60)
		a.time, a.next = true, next
		a = p.moreTime(a, m)
	}
	return a, true
}

// bareUnit says that the tokens are a unit alone ("hour"): no amount without
// a number, unlike "half an hour".
func bareUnit(p *parse, i, next int) bool { return next == i+1 && !p.lang.whole[p.toks[i].word] }

// moreTime reads what follows a duration: the "15" of "1h15", "and a half",
// "et quart", "and 20 minutes".
func (p *parse) moreTime(a amount, unit float64) amount {
	if unit < 60 {
		return a
	}
	j := a.next
	and := false
	if p.is(j, p.lang.and) {
		and, j = true, j+1
	} else if j < len(p.toks) && p.toks[j].word == "," {
		j++
	}
	if f, next, ok := p.phrase(p.lang.fractions, j); ok && f > 0 && f < 1 && (and || next > j+1) {
		if m, _, found := p.phrase(p.lang.durations, next); !found || m < 60 {
			a.v, a.next = a.v+int64(f*scale), next
			return a
		}
	}
	k := j
	if m, next, ok := p.phrase(p.lang.durations, k); ok && m < 60 && m >= 15 && (!bareUnit(p, k, next) || and) {
		a.v, a.next = a.v+int64(m*scale/60), next
		return a
	}
	if p.is(k, p.lang.one) {
		if m, next, ok := p.phrase(p.lang.durations, k+1); ok && m < 60 && m >= 15 {
			a.v, a.next = a.v+int64(m*scale/60), next
			return a
		}
	}
	n, ok := p.plainNumber(k)
	if !ok || n.v < 0 || n.v >= 60*scale || n.v%scale != 0 {
		return a
	}
	if m, next, found := p.phrase(p.lang.durations, n.next); found && m < 60 {
		a.v, a.next = a.v+int64(float64(n.v)*m/60), next
		return a
	}
	// "1h15", "une heure trente": a number right behind, and nothing that it counts.
	if !and && j == a.next && (p.toks[k].glued || p.toks[k].kind == number && n.v >= 5*scale && (len(p.toks[k-1].word) == 1 || p.closes(n.next)) || p.toks[k].kind == word && n.v >= 5*scale) && a.v%scale == 0 {
		a.v, a.next = a.v+n.v/60, n.next
	}
	return a
}
