package understand

// found is a payment as the patterns found it.
type found struct {
	intent Intent
	way    string
	deal
}

// paymentAt finds a payment that is all of a clause. Complete ones have a
// person and an amount.
func (p *parse) paymentAt(c clause, complete bool) (f found, ok bool) {
	p.within(c.from, c.to, func() {
		for _, side := range []struct {
			intent Intent
			says   []pattern
		}{{Charge, p.lang.charge}, {Pay, p.lang.pay}} {
			for i := range side.says {
				got, matched := p.matchDeal(&side.says[i], c.from, complete)
				if !matched {
					continue
				}
				if ok && f.intent != side.intent {
					f.intent = "" // it reads both ways
					return
				}
				if !ok {
					f, ok = found{side.intent, got.paymentWay, got.payment}, true
				}
				break
			}
		}
	})
	return f, ok
}

// matchDeal matches a payment pattern; a person that it names before its parts
// is the one of the deal.
func (p *parse) matchDeal(pt *pattern, i int, complete bool) (got capture, ok bool) {
	if !p.worth(pt) {
		return got, false
	}
	p.steps = 0
	p.got = capture{}
	ok = p.seq(pt.nodes, i, func(j int) bool {
		if p.over(j) < p.end {
			return false
		}
		d := p.got.payment
		if p.got.who.next > 0 && d.hasWho {
			return false
		}
		if p.got.who.next > 0 {
			d.who, d.hasWho = p.got.who, true
		}
		way := p.got.paymentWay
		if complete && (!d.complete(way) || !d.hasWho) || !complete && !d.enough(way) && !d.complete(way) {
			return false
		}
		got = p.got
		got.payment = d
		return true
	})
	return got, ok
}

// payment looks for the one sentence that is a payment, and for every reason
// not to take it at its word.
func (p *parse) payment(clauses []clause, complete bool) (m Meaning, ok bool) {
	var f found
	var at clause
	for _, c := range clauses {
		one, is := p.paymentAt(c, complete)
		if !is {
			continue
		}
		if ok {
			return Meaning{Intent: Clarify, Reason: TwoCommands}, true
		}
		f, at, ok = one, c, true
	}
	if !ok {
		return m, false
	}
	m = p.decide(f, at)
	if m.Intent != Clarify && len(clauses) > 1 {
		for _, c := range clauses {
			if c != at && p.another(c) {
				m.Toward, m.Intent, m.Reason = m.Intent, Clarify, TwoCommands
				break
			}
		}
	}
	return m, true
}

// another says that a sentence beside the payment may ask for something too.
func (p *parse) another(c clause) (yes bool) {
	p.within(c.from, c.to, func() {
		if m, ok := p.rulesAt(p.lang.rules, c.from); ok && m.Intent != Unknown && m.Intent != Yes {
			yes = true
			return
		}
		if p.perhapsPayment([]clause{c}).Intent == Clarify {
			yes = true
		}
		for i := c.from; i < c.to && !yes; i++ {
			w, ok := p.person(i, perhaps)
			yes = ok && w.sure && p.startsNumber(p.over(w.next))
		}
	})
	return yes
}

// decide turns a found payment into Pay or Charge where all is clear.
func (p *parse) decide(f found, c clause) Meaning {
	m := Meaning{Intent: Clarify, Toward: f.intent}
	d := &f.deal
	if d.hasWho && !d.who.vague && !d.who.self && !d.who.two {
		m.Who = d.who.text
	}
	if d.hasWhat {
		m.What = p.what(d)
	}
	if d.hasAmount && !d.amount.state && !d.amount.approx && d.amount.v > 0 {
		m.Amount, m.Inexact, _ = d.amount.value(p.unit)
		m.Inexact = m.Inexact || d.amount.inexact
		if d.amount.bad && p.unit == Units {
			m.Amount = (d.amount.v + scale/200) / (scale / 100)
		}
	}
	m.Guess = m.Who != "" && d.who.guess
	m.Reason = p.doubt(f, c)
	if _, _, fits := d.amount.value(p.unit); m.Reason == "" && !fits {
		m.Reason = NoAmount
	}
	if m.Reason == "" && m.Guess && p.namesMore(d) {
		m.Reason = TwoPeople
	}
	if m.Reason == "" && (m.Who == "" || m.Amount <= 0) {
		m.Reason = NoAmount
	}
	if m.Reason == "" {
		m.Intent, m.Toward = f.intent, ""
	}
	return m
}

// namesMore says that a description names somebody.
func (p *parse) namesMore(d *deal) bool {
	for i := d.from; d.hasWhat && i < d.to; i++ {
		if w, ok := p.person(i, perhaps); ok && w.sure {
			return true
		}
	}
	return false
}

// what returns the description, without the marks of another sentence.
func (p *parse) what(d *deal) string { return p.span(d.from, d.to) }

// doubt returns the first reason not to take a payment at its word, "" if
// there is none.
func (p *parse) doubt(f found, c clause) Reason {
	d := &f.deal
	switch {
	case f.intent == "":
		return NoDirection
	case d.hasAmount && d.amount.state || p.mentionsMoney():
		return Currency
	}
	if r := p.guarded(*d); r != "" {
		return r
	}
	if r := p.ending(); r != "" {
		return r
	}
	asked := false
	p.within(c.from, c.to, func() { _, asked = p.findPattern("asks", c.from) })
	switch {
	case c.asks && !asked:
		return Question
	case p.cut || p.work > maxWork:
		return TwoCommands
	case d.hasWho && d.who.two:
		return TwoPeople
	case d.hasWho && d.who.self:
		return Self
	case d.hasAmount && d.amount.v < 0:
		return Negative
	case d.hasAmount && d.amount.v == 0 && !d.amount.bad:
		return Zero
	case !d.hasWho || d.who.vague || d.who.text == "":
		return NoWho
	case !d.hasAmount || d.amount.approx:
		return NoAmount
	case d.hasWhat:
		return p.doubtWhat(d)
	}
	return ""
}

// doubtWhat looks for a second amount, person or command in a description.
func (p *parse) doubtWhat(d *deal) (r Reason) {
	first := p.over(d.from)
	if d.bare && p.startsNumber(first) {
		return TwoAmounts
	}
	for i := first; i < d.to; i++ {
		if p.toks[i].skip() {
			continue
		}
		a, ok := p.amount(i)
		if !ok {
			continue
		}
		if a.state {
			return Currency
		}
		sameTime := a.time && (p.unit != Hours || a.v == d.amount.v)
		if a.unit || a.time && !sameTime && a.next > i+1 {
			return TwoAmounts
		}
		// "eggs and 3 to anna", "eggs, anna 3"
		if next, found := p.find(p.lang.list("to"), a.next); found && i > first {
			if w, isPerson := p.person(next, perhaps); isPerson && (w.sure || w.upper) {
				return TwoPeople
			}
		}
		if next, found := p.find(p.lang.list("for_who"), a.next); found && i > first {
			if w, isPerson := p.person(next, perhaps); isPerson && w.sure {
				return TwoPeople
			}
		}
		i = a.next - 1
	}
	places := p.splits(d.from, d.to)
	if d.bare {
		places = append(places, split{first, first, false})
	}
	for _, s := range places {
		j := s.next
		if w, ok := p.person(j, perhaps); ok && (w.sure || w.upper) && p.startsNumber(p.over(w.next)) {
			return TwoPeople
		}
		p.within(j, d.to, func() {
			if _, ok := p.paymentAt(clause{j, d.to, false}, true); ok {
				r = TwoCommands
			} else if m, ok := p.rulesAt(p.lang.rules, j); ok && m.Intent != Unknown && (s.and || !isAd(m.Intent) || m.Intent == Search || p.is(j, p.lang.list("i"))) {
				r = TwoCommands
			} else if _, ok := p.findPattern("payish", j); ok {
				r = TwoCommands
			}
		})
		if r != "" {
			return r
		}
	}
	// A name alone is somebody, not something: "5 to luc for anna".
	if w, ok := p.person(first, perhaps); ok && !d.bare && (w.sure && !p.lang.goods[p.toks[first].word]) && p.over(w.next) >= d.to {
		return TwoPeople
	}
	return ""
}

// mentionsMoney finds a state's currency beside a number anywhere.
func (p *parse) mentionsMoney() (yes bool) {
	for i := range p.toks {
		if p.toks[i].noise {
			continue
		}
		next, ok := p.find(p.lang.currencies, i)
		if !ok || p.is(next, p.lang.list("of")) {
			continue
		}
		if p.is(i, p.lang.list("weights")) && (i == 0 || p.toks[i-1].kind != number) {
			continue
		}
		return true
	}
	return false
}

// guarded returns the reason for which no payment is made of this text, ""
// if there is none.
func (p *parse) guarded(d deal) (r Reason) {
	p.within(0, len(p.toks), func() { r = p.guards(d) })
	return r
}

// guards is guarded for the tokens that are looked at.
func (p *parse) guards(d deal) (r Reason) {
	p.strict = true
	defer func() { p.strict = false }()
	for g := range p.lang.guards {
		guard := &p.lang.guards[g]
		for s := range guard.says {
			if !p.worth(&guard.says[s]) {
				continue
			}
			for i := p.begin; i < p.end; i++ {
				if p.toks[i].skip() || d.names(p, i) {
					continue
				}
				next, ok := p.matchAt(&guard.says[s], i)
				if ok && (!guard.date || !d.describes(p, i, next)) {
					r = guard.reason
					switch r {
					case "date":
						r = Future
					case "vague":
						r = NoAmount
					default: // a reason as it stands
					}
					return r
				}
			}
		}
	}
	return ""
}

// names says that token i is of the payee's name, so that it means nothing else.
func (d *deal) names(p *parse, i int) bool {
	return d.hasWho && !d.who.vague && i >= d.who.position && i < d.who.next && (d.who.listed || allDigits(d.who.text) || p.toks[i].upper || p.lang.given[p.toks[i].word])
}

// describes says that a date from token i up to next is part of what is paid
// for ("Tuesday's lift", "the lift of last Tuesday"), and not when to pay: that
// stands at the end.
func (d *deal) describes(p *parse, i, next int) bool {
	if !d.hasWhat || d.bare || i < d.from || next > d.to {
		return false
	}
	return p.over(next) < d.to && i > d.from || p.toks[min(next, len(p.toks)-1)].word == "'s" || i > d.from && (p.is(i-1, p.lang.list("of")) || p.is(i-1, p.lang.list("last")))
}

// ending looks at what follows the closing of a letter: where it takes back
// what was said, or says more, nothing is paid.
func (p *parse) ending() (r Reason) {
	if p.tail >= len(p.toks) {
		return ""
	}
	for i := p.tail; i < len(p.toks); i++ {
		p.toks[i].noise = false
	}
	defer p.hush(p.tail, len(p.toks))
	p.within(p.tail, len(p.toks), func() {
		if r = p.guards(deal{}); r == "" && p.mentionsMoney() {
			r = Currency
		}
		for i := p.tail; i < p.end && r == ""; i++ {
			if i > p.tail && p.toks[i-1].kind != line && !p.is(i-1, p.and) {
				continue
			}
			if w, ok := p.person(i, perhaps); ok && w.sure && p.startsNumber(p.over(w.next)) {
				r = TwoPeople
			} else if _, ok := p.findPattern("payish", i); ok {
				r = TwoCommands
			}
		}
	})
	return r
}

// perhapsPayment is what a text means that no pattern knows: a question back
// where it may be about a payment, else nothing.
func (p *parse) perhapsPayment(clauses []clause) Meaning {
	for _, c := range clauses {
		m := Meaning{Intent: Clarify}
		p.within(c.from, c.to, func() { m = p.perhaps(c) })
		if m.Intent == Clarify {
			return p.explain(m, c)
		}
	}
	return Meaning{Intent: Unknown}
}

func (p *parse) perhaps(c clause) Meaning {
	p.strict = true
	defer func() { p.strict = false }()
	m := Meaning{Intent: Clarify, Reason: NoDirection}
	// "Lucy 4", "4 lucy", "4"
	i := c.from
	if _, ok := p.findPattern("money", i); ok {
		return m
	}
	if w, ok := p.person(i, anybody); ok && w.two {
		for j := w.next; j < min(c.to, w.next+5); j++ {
			if _, ok := p.amount(j); ok {
				m.Reason = TwoPeople
				return m
			}
		}
	}
	if w, ok := p.person(i, anybody); ok && !w.self {
		if a, ok := p.amount(p.over(w.next)); ok && (!w.vague || a.unit || p.is(i+1, p.lang.list("roles"))) && (w.sure || w.upper || a.unit || a.time || p.over(a.next) >= p.end) {
			if v, _, fits := a.value(p.unit); fits {
				if !w.vague && !w.two {
					m.Who = w.text
				}
				if !a.approx && !a.state && a.v > 0 {
					m.Amount = v
				}
				return m
			}
		}
	}
	if a, ok := p.amount(i); ok {
		v, _, fits := a.value(p.unit)
		for j := a.next; j < c.to && fits; j++ {
			for _, prep := range []string{"to", "for_who"} {
				if after, ok := p.find(p.lang.list(prep), j); ok {
					if w, is := p.person(after, perhaps); is && w.sure {
						return m
					}
				}
			}
		}
		next := p.over(a.next)
		w, named := p.person(next, perhaps)
		if next, ok := p.find(p.lang.list("from"), next); ok && fits {
			if w, is := p.person(next, perhaps); is && w.sure {
				return m
			}
		}
		if next >= p.end && !a.unit && !a.state && !a.time && !a.approx {
			return Meaning{Intent: Unknown} // a number and nothing else
		}
		if fits && (next >= p.end || named && (w.sure || p.over(w.next) >= p.end) || a.unit || a.state || p.is(next, p.forWords) && !a.time) {
			if !a.approx && !a.state && a.v > 0 {
				m.Amount = v
			}
			if named && !w.vague && !w.two {
				m.Who = w.text
			}
			return m
		}
		if next, toWhom := p.find(p.lang.list("to"), next); fits && toWhom {
			if w, is := p.person(next, perhaps); a.unit || p.unit == Hours && a.time || is && w.sure {
				return m
			}
		}
	}
	for i := c.from; i < c.to; i++ {
		if p.toks[i].skip() {
			continue
		}
		_, payish := p.findPattern("payish", i)
		if _, money := p.findPattern("money", i); payish || money {
			return m
		}
		if a, ok := p.amount(i); ok {
			_, _, fits := a.value(p.unit)
			if fits && a.unit && a.next > i+1 {
				return m
			}
			for _, prep := range []string{"to", "for_who"} {
				if next, ok := p.find(p.lang.list(prep), a.next); ok && fits && !p.is(i-1, p.lang.list("at")) {
					if w, is := p.person(next, perhaps); is && w.sure && !w.self {
						return m
					}
				}
			}
			i = a.next - 1
		}
	}
	m.Intent, m.Reason = Unknown, ""
	return m
}
