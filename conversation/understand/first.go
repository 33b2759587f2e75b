package understand

// explain finds the reason of a question back: what stands in the way of any
// payment, or, where the verb says which way it goes, what the rest lacks.
func (p *parse) explain(m Meaning, c clause) Meaning {
	found, ok := p.verbFirst(c)
	if ok && found.Reason != NoWho && found.Reason != NoAmount {
		if r := p.guarded(deal{}); r == "" || r == NoAmount {
			return found
		}
	}
	if r := p.guarded(deal{}); r != "" && (!ok || r != NoAmount) {
		m.Reason = r
	} else if ok {
		m = found
	}
	return m
}

// verbFirst says what a sentence lacks, or has too much of, that starts with a
// verb of paying or charging.
func (p *parse) verbFirst(c clause) (m Meaning, ok bool) {
	p.within(c.from, c.to, func() { m, ok = p.afterVerb(c.from) })
	return m, ok
}

func (p *parse) afterVerb(i int) (m Meaning, ok bool) {
	m.Intent = Clarify
	if next, found := p.findPattern("pre", i); found {
		i = p.over(next)
	}
	next, found := 0, false
	for _, side := range []struct {
		class  string
		toward Intent
	}{{"charge", Charge}, {"askverb", Charge}, {"pay", Pay}} {
		if n, is := p.findPattern(side.class, i); is && n > next {
			next, found, m.Toward = n, true, side.toward
		}
	}
	if !found {
		return m, false
	}
	for _, l := range []string{"to", "from"} {
		if after, is := p.find(p.lang.list(l), p.over(next)); is {
			next = after
		}
	}
	m.Reason = NoWho
	people, amounts := 0, 0
	if w, is := p.person(next, anybody); is {
		people, next = 1, w.next
		if w.two {
			people = 2
		}
		if !w.vague && !w.self {
			m.Who, m.Reason = w.text, NoAmount
		}
	}
	for j := p.over(next); j < p.end; j = p.over(j) {
		if w, is := p.person(j, perhaps); is && w.sure {
			if people++; people == 1 {
				m.Who, m.Reason = w.text, NoAmount
			}
			j = w.next
		} else if a, is := p.amount(j); is {
			amounts++
			if v, inexact, fits := a.value(p.unit); fits && !a.approx && !a.state && v > 0 {
				m.Amount, m.Inexact = v, inexact
			}
			j = a.next
		} else {
			j++
		}
	}
	if amounts != 1 || m.Reason == NoAmount {
		m.Amount, m.Inexact = 0, false
	}
	switch {
	case people > 1:
		m.Reason, m.Who = TwoPeople, ""
	case p.asksMore(next):
		m.Reason, m.Who = TwoCommands, ""
	case amounts > 1:
		m.Reason = TwoAmounts
	}
	return m, true
}

// asksMore says that behind token i something else is asked for.
func (p *parse) asksMore(i int) (yes bool) {
	for _, s := range p.splits(i, p.end) {
		p.within(s.next, p.end, func() {
			m, ok := p.rulesAt(p.lang.rules, s.next)
			yes = yes || ok && m.Intent != Unknown
		})
	}
	return yes
}
