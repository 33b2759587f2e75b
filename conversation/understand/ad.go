package understand

import (
	"slices"
	"strings"
)

// Ad is what the text of an advertisement says.
type Ad struct {
	What  string // without what stands below
	Whole string // the same, with the Stock in it
	Price int64  // of what understand counts in; 0: none is given, or it is not clear
	Per   string // what the price is for, as written: "an hour"

	// Stock is how much there is, in thousandths of Measure; 0: nothing is counted.
	Stock      int64
	Measure    string // as written: "kg"; "": pieces
	PerMeasure bool   // the price is for one Measure

	Until Date
	Place string // one of the known ones
}

// StockMost is the largest quantity that is understood, in thousandths.
const StockMost = 1_000_000_000

// Ad takes the text of an advertisement apart: "40 kg tomatoes, 8 a kg, until
// Friday" is "tomatoes". A place stands at the end of a part of the text, and is
// one of those given. Of the Input it needs no Names.
func (u *Understander) Ad(in Input, places ...string) Ad {
	ad := Ad{What: strings.TrimSpace(in.Text)}
	if len(in.Text) > maxBytes {
		ad.Whole = ad.What
		return ad
	}
	var parses []*parse
	of := "" // which text they are of
	each := func(f func(p *parse) bool) {
		if of != ad.What {
			parses, of = u.parses(ad.What, in.Locale, in.Unit, in.UnitWords), ad.What
			for _, p := range parses {
				p.wake()
			}
		}
		for _, p := range parses {
			if f(p) {
				return
			}
		}
	}
	place := func(p *parse) bool {
		at, from, to := p.place(places)
		if what := p.without(from, to); at != "" && what != "" {
			ad.Place, ad.What = at, what
		}
		return ad.Place != ""
	}
	if len(places) > 0 {
		each(place)
	}
	each(func(p *parse) bool {
		d, from, to := p.until()
		if d.IsZero() {
			return false
		}
		what := p.without(from, to)
		if from == to || what == "" {
			what = ad.What
		}
		ad.Until, ad.What = d, what
		return true
	})
	if len(places) > 0 && ad.Place == "" {
		each(place)
	}
	each(func(p *parse) bool {
		what, price, per := p.price()
		if price == 0 || what == "" {
			return false
		}
		ad.What, ad.Price, ad.Per = what, price, per
		return true
	})
	ad.Whole = ad.What
	each(func(p *parse) bool {
		q, from, to, ok := p.stock(u, ad.Per)
		if ok {
			ad.What, ad.Stock, ad.Measure, ad.PerMeasure = p.without(from, to), q.Thousandths, q.Measure, q.per
		}
		return ok
	})
	return ad
}

// without is the text without the tokens from one up to another.
func (p *parse) without(from, to int) string {
	left, right := p.span(0, from), p.span(to, p.end)
	if left != "" && right != "" {
		return left + ", " + right
	}
	return left + right
}

// place finds the last known place that is named behind "in" or the like, at the
// end of a part of the text.
func (p *parse) place(places []string) (place string, from, to int) {
	for i := range slices.Backward(p.toks[:p.end]) {
		at, ok := p.find(p.lang.dates.places, i)
		if !ok || i == 0 || p.toks[i].noise {
			continue
		}
		end := at
		for end < p.end && end < at+8 && !p.breaks(end) {
			end++
		}
		if !p.breaks(end) || end == at {
			continue
		}
		named := fold(p.span(at, end))
		for _, one := range places {
			if fold(strings.Join(strings.Fields(one), " ")) == named {
				return one, i, end
			}
		}
	}
	return "", 0, 0
}

// price finds one price: an amount with the community's unit, or one that "an
// hour", "each" or the like follows, at the end of a part of the text.
func (p *parse) price() (what string, price int64, per string) {
	from, to, count := 0, 0, 0
	for i := 0; i < p.end; i++ {
		if p.toks[i].skip() {
			continue
		}
		start := i
		at := i
		if next, found := p.findPattern("price", i); found {
			if i > 0 && (p.is(i-1, p.lang.dates.days) || p.is(i-1, p.lang.dates.hours)) { // "Friday at six"
				continue
			}
			at = p.over(next)
		}
		a, ok := p.amount(at)
		if !ok {
			continue
		}
		if at > start && start > 0 && p.toks[start-1].kind == number { // "1 per 100", "6 for 2": of which no sum can be made
			return "", 0, ""
		}
		i = a.next - 1
		v, _, fits := a.value(p.unit)
		if !fits || a.approx || a.state || a.v <= 0 {
			continue
		}
		end, note := a.next, ""
		if next, found := p.findPattern("price_end", a.next); found {
			end, note = next, p.span(a.next, next)
			if at == start && a.v < scale && !p.breaks(next) { // "half a kilo of butter"
				continue
			}
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
	return p.without(from, to), price, per
}

// Quantity is how much of something is meant.
type Quantity struct {
	Thousandths int64  // of Measure
	Measure     string // as written: "kg"; "": none
	All         bool   // whatever there is

	per bool
}

// Quantity reads the answer to "How much?" of a stock: "5 kg", "half a kilo",
// "all of it".
func (u *Understander) Quantity(text, locale string) (Quantity, bool) {
	for _, p := range u.parses(text, locale, Units, nil) {
		if q, next, ok := p.quantity(p.over(0)); ok && p.over(next) >= p.end && !p.cut {
			return q, true
		}
	}
	return Quantity{}, false
}

// quantity reads a number and the measure behind it at token i.
func (p *parse) quantity(i int) (q Quantity, next int, ok bool) {
	if i >= p.end {
		return q, 0, false
	}
	if next, ok := p.find(p.lang.dates.all, i); ok {
		return Quantity{All: true}, next, true
	}
	at := i
	n, ok := p.number(i)
	if !ok && p.is(i, p.lang.one) {
		n, ok = numeral{v: scale, next: i + 1}, true
	}
	const thousandth = scale / 1000
	if !ok || n.hours || n.bad || n.inexact || n.v < 0 || n.v%thousandth != 0 || n.v/thousandth > StockMost || at > 0 && p.toks[at].glued && p.toks[at-1].kind == word {
		return q, 0, false
	}
	q.Thousandths, next = n.v/thousandth, n.next
	unit := next
	if n.v < scale { // "half a kilo", "half of a kilo"
		unit = p.overList(p.lang.list("of"), unit)
		if p.is(unit, p.lang.one) {
			unit++
		}
	}
	if after, ok := p.find(p.lang.measures, unit); ok && after <= p.end {
		q.Measure, next = p.span(unit, after), after
	}
	return q, next, true
}

// stock finds how much of an offer there is: what it begins with, or a part of
// its text of its own. Things that nothing measures are counted where the price
// is for each.
func (p *parse) stock(u *Understander, per string) (q Quantity, from, to int, ok bool) {
	for i := 0; i < p.end; i++ {
		if i > 0 && !p.breaks(i-1) {
			continue
		}
		start := p.over(i)
		q, next, found := p.quantity(start)
		if !found || q.All || q.Thousandths == 0 {
			continue
		}
		whole := p.breaks(next)
		if start != p.over(0) && !whole || next < p.end && p.toks[next].glued && !whole {
			continue
		}
		rest := p.overList(p.lang.list("of"), next)
		if rest < p.end && u.isMeasure(p.toks[rest].word) { // "5 kg bags of flour"
			continue
		}
		if q.Measure == "" {
			if whole || q.Thousandths%1000 != 0 || rest >= p.end || p.toks[rest].kind != word || !p.each(per, rest) {
				continue
			}
			q.per = true
		} else {
			q.per = p.same(u, q.Measure, per)
		}
		if p.without(start, rest) == "" {
			continue
		}
		return q, start, rest, true
	}
	return Quantity{}, 0, 0, false
}

// each reports whether a price is for each of the things at token i: "each", "an
// egg".
func (p *parse) each(per string, i int) bool {
	words := p.lang.wordsOf(per)
	if len(words) == 0 {
		return false
	}
	last, thing := words[len(words)-1], p.toks[i].word
	if p.lang.each[strings.Join(words, " ")] || p.lang.each[last] {
		return true
	}
	return len(last) >= 2 && strings.HasPrefix(thing, last)
}

// same reports whether a price is for one of a measure: "a kilo" of "kg".
func (p *parse) same(u *Understander, measure, per string) bool {
	words := p.lang.wordsOf(per)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	a, b := u.measure(measure), u.measure(last)
	return a == b || a.parts == 0 && p.lang.each[last]
}

// measure is what something is counted in.
type measure struct {
	name  string // of what it is a part of
	parts int64  // how many of its smallest part it is; 0: it has none
}

// partsOf are the measures that can be reckoned into each other.
var partsOf = map[string]measure{
	"kg": {"g", 1000}, "g": {"g", 1}, "l": {"ml", 1000}, "dl": {"ml", 100}, "cl": {"ml", 10}, "ml": {"ml", 1}, "m": {"cm", 100}, "cm": {"cm", 1},
	"lb": {"lb", 1}, "pfund": {"g", 500}, "etto": {"g", 100},
}

// measure is what a word for one means, in whichever language.
func (u *Understander) measure(word string) measure {
	word = fold(word)
	for _, l := range u.langs {
		if name, ok := l.measureNames[word]; ok {
			if m, ok := partsOf[name]; ok {
				return m
			}
			return measure{name: name}
		}
	}
	return measure{name: word}
}

func (u *Understander) isMeasure(word string) bool {
	return slices.ContainsFunc(u.langs, func(l *lang) bool { return l.measureNames[word] != "" })
}

// In is a quantity in thousandths of another measure, if it can be said so: 500
// g are half a kg. Without a measure it is taken for one of that. Pieces, jars
// and the like are whole.
func (u *Understander) In(q Quantity, word string) (thousandths int64, ok bool) {
	to := u.measure(word)
	from := to
	if q.Measure != "" {
		from = u.measure(q.Measure)
	}
	switch {
	case from.parts == 0 && to.parts == 0:
		return q.Thousandths, q.Thousandths%1000 == 0
	case from.name != to.name:
		return 0, false
	}
	all := q.Thousandths * from.parts
	return all / to.parts, all%to.parts == 0
}
