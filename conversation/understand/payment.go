package understand

// The ways in which the parts of a payment are read (@way in a pattern).
//
//	pay     a person, an amount and a description in any order
//	give    as pay, for verbs that are said of things as well ("give")
//	short   without a verb: "5 to luc", "luc 5 from me"
//	charge  as pay, with "from"
//	ask     as charge, for verbs that are said of things as well ("ask")
//	bill    with the words for a bill among them ("send luc a bill of 5")
//	from    as ask, where the person must come with "from" ("get 5 from luc")
//	tome    without a verb: "luc 5 to me"
//	rest    an amount and a description: the person was said already
//	owe     as pay, where a bare word behind the amount is no person ("je dois 8 à alain")
//	tomerest as rest, with "to me" among them
//	given   as rest, with "from me" among them ("luc gets 5 from me")
var ways = []string{"pay", "give", "short", "charge", "ask", "bill", "from", "tome", "rest", "tomerest", "owe", "given"}

func charges(way string) bool {
	switch way {
	case "charge", "ask", "bill", "from", "tome", "tomerest":
		return true
	}
	return false
}

// alone says that the person stands outside the parts.
func alone(way string) bool { return way == "rest" || way == "given" || way == "tomerest" }

// deal is what is known of a payment.
type deal struct {
	who       person
	amount    amount
	hasWho    bool
	hasAmount bool
	hasWhat   bool
	named     bool // the person came with "to" or "for"
	fromMe    bool // "from me"
	toMe      bool // "to me"
	bill      bool
	bare      bool // the description came without "for"
	from, to  int  // tokens of the description
	amountAt  int
}

// complete says that the parts make a payment in that way.
func (d *deal) complete(way string) bool {
	switch way {
	case "short":
		return d.hasAmount && d.hasWho && (d.named || d.fromMe)
	case "bill":
		return d.hasAmount && d.hasWho && d.bill
	case "from":
		return d.hasAmount && d.hasWho && d.named
	case "tome":
		return d.hasAmount && d.hasWho && d.toMe
	case "rest":
		return d.hasAmount
	case "tomerest":
		return d.hasAmount && d.toMe
	case "given":
		return d.hasAmount && d.fromMe
	}
	return d.hasAmount && d.hasWho
}

// enough says that the parts, where they are not complete, still are about a
// payment and nothing else.
func (d *deal) enough(way string) bool {
	switch way {
	case "pay", "charge", "owe":
		return true
	case "bill":
		return d.bill
	case "give", "ask":
		return d.hasAmount && (d.amount.unit || d.amount.time || d.amount.state || d.hasWho)
	}
	return false
}

// parts reads the parts of a payment from token i on, and calls then wherever
// they may end, longest first, until it is content.
func (p *parse) parts(way string, i int, d deal, then func(int, deal) bool) bool {
	if !p.spend() {
		return false
	}
	start := i
	i = p.over(i)
	if i >= p.end {
		return then(start, d)
	}
	if next, ok := p.find(p.lang.list("from_me"), i); ok && !charges(way) && way != "rest" && way != "tomerest" && !d.fromMe {
		n := d
		n.fromMe = true
		if p.parts(way, next, n, then) {
			return true
		}
	}
	if next, ok := p.find(p.lang.list("to_me"), i); ok && charges(way) {
		n := d
		n.toMe = true
		if p.parts(way, next, n, then) {
			return true
		}
	}
	if next, ok := p.find(p.lang.list("meanwhile"), i); ok {
		if p.parts(way, next, d, then) {
			return true
		}
	}
	if way == "bill" && !d.bill {
		if next, ok := p.findPattern("bill", i); ok {
			n := d
			n.bill = true
			if p.parts(way, next, n, then) {
				return true
			}
		}
	}
	if p.amountPart(way, i, d, false, then) || p.personPart(way, i, d, then) || p.whatPart(way, i, d, then) || p.amountPart(way, i, d, true, then) {
		return true
	}
	return then(start, d)
}

// amountPart reads an amount; an odd one is not in the unit or not clear, and
// only taken as one where nothing else can be meant.
func (p *parse) amountPart(way string, i int, d deal, odd bool, then func(int, deal) bool) bool {
	if d.hasAmount {
		return false
	}
	at, withFor := i, false
	if next, ok := p.find(p.forWords, i); ok {
		if at = p.over(next); !charges(way) && !alone(way) {
			return false
		}
		withFor = true
	} else if next, ok := p.find(p.lang.list("of"), i); ok && (way == "bill" || way == "rest" || way == "charge") {
		at = p.over(next)
	} else if next, ok := p.find(p.lang.list("with"), i); ok {
		at = p.over(next)
	}
	a, ok := p.amount(at)
	if !ok {
		return false
	}
	if _, _, fits := a.value(p.unit); fits == odd {
		return false
	}
	certain := way == "pay" || way == "charge" || way == "owe" || a.bad && a.v > 0 && (way == "give" || way == "ask")
	if odd && !certain {
		return false
	}
	// "for 2 bags of flour" is no amount, "for 2, eggs" is.
	if withFor && !a.unit && !a.time && !a.state && !p.closes(a.next) {
		return false
	}
	d.amount, d.hasAmount, d.amountAt = a, true, at
	return p.parts(way, a.next, d, then)
}

// closes says that what is at token i cannot belong to a number before it.
func (p *parse) closes(i int) bool {
	if i >= p.end || p.toks[i].skip() {
		return true
	}
	for _, l := range []*table{p.forWords, p.lang.list("to"), p.lang.list("from"), p.lang.list("from_me"), p.lang.list("to_me")} {
		if p.is(i, l) {
			return true
		}
	}
	return false
}

func (p *parse) personPart(way string, i int, d deal, then func(int, deal) bool) bool {
	if d.hasWho || alone(way) {
		return false
	}
	at, h, named, forWord := i, anybody, false, false
	if next, ok := p.find(p.lang.list("to_the"), i); ok {
		at, named, h = next, true, definite
	} else if next, ok := p.find(p.lang.list("to"), i); ok {
		at, named = next, true
	} else if next, ok := p.find(p.lang.list("from_the"), i); ok && charges(way) {
		at, named, h = next, true, definite
	} else if next, ok := p.find(p.lang.list("from"), i); ok && charges(way) {
		at, named = next, true
	} else if next, ok := p.find(p.lang.list("for_who"), i); ok && (!charges(way) || way == "bill") {
		at, named, h, forWord = next, true, perhaps, true
	}
	at = p.over(at)
	if named && !forWord && d.hasAmount && at < p.end && p.toks[at].kind == number && !p.toks[at].minus && allDigits(p.toks[at].word) && p.closes(at+1) && way != "short" {
		// "5 to 31": a member number. Not "5 to 6".
		if v := atoi(p.toks[at].word) * scale; v > 2*d.amount.v || v < d.amount.v {
			n := d
			n.who, n.hasWho, n.named = person{text: p.toks[at].word, next: at + 1, sure: true, position: at}, true, true
			return p.parts(way, at+1, n, then)
		}
	}
	w, ok := p.person(at, h)
	if !ok && !named && !d.hasAmount && (way == "pay" || way == "charge" || way == "ask") {
		w, ok = p.guess(at)
	}
	if !ok {
		return false
	}
	// Behind an amount and without a preposition, "pay 2 bags" must not make
	// somebody called Bags.
	if !named && d.hasAmount && !w.sure && !w.upper && !w.self {
		return false
	}
	// "5 for Anna's party", and a thing that is owned.
	if w.next < p.end && p.toks[w.next].word == "'s" {
		return false
	}
	if forWord && !w.sure && w.vague && d.hasAmount && !p.is(at, p.lang.list("them")) && !p.is(at, p.lang.list("my")) && !p.is(at, p.lang.list("the")) {
		return false
	}
	d.who, d.hasWho, d.named = w, true, d.named || named
	return p.parts(way, w.next, d, then)
}

// guess takes the first of two bare numbers for a member's: "pay 7 3".
func (p *parse) guess(i int) (w person, ok bool) {
	bare := func(i int) bool {
		return i < p.end && p.toks[i].kind == number && !p.toks[i].minus && allDigits(p.toks[i].word) && !p.toks[i].glued
	}
	if !bare(i) || !bare(i+1) || i+2 < p.end && (p.toks[i+2].word == "/" || p.toks[i+2].kind == number) {
		return w, false
	}
	return person{text: p.toks[i].word, next: i + 1, sure: true, guess: true, position: i}, true
}

func (p *parse) whatPart(way string, i int, d deal, then func(int, deal) bool) bool {
	if d.hasWhat {
		return false
	}
	if next, ok := p.find(p.forWords, i); ok {
		first := p.over(next)
		for j := p.end; j > first; j-- {
			if j < p.end && p.toks[j-1].skip() {
				continue
			}
			n := d
			n.from, n.to, n.hasWhat = first, j, true
			if p.parts(way, j, n, then) {
				return true
			}
		}
	}
	// "pay jo smit bread 5": only where it is sure where the name ends.
	if d.hasWho && !d.hasAmount && (d.who.listed || (d.who.sure || d.who.upper) && p.lang.goods[p.toks[i].word]) {
		for j := i + 1; j < min(p.end, i+6) && !p.toks[j-1].skip(); j++ {
			if !p.startsNumber(j) {
				continue
			}
			n := d
			n.from, n.to, n.hasWhat = i, j, true
			if p.parts(way, j, n, then) {
				return true
			}
		}
	}
	if !d.hasAmount || !d.hasWho && !alone(way) || p.end <= i {
		return false
	}
	if p.is(i, p.lang.list("to")) || p.is(i, p.lang.list("from")) || p.is(i, p.and) || p.is(i, p.lang.list("not_what")) {
		return false
	}
	// Right behind the amount of a verb that is said of things: "give luc 5
	// eggs" gives eggs.
	apart := i > 0 && (p.toks[i-1].skip() || p.toks[i-1].noise)
	if (way == "give" || way == "from") && d.amount.next == i && !apart && !d.amount.unit && !d.amount.time {
		return false
	}
	d.from, d.to, d.hasWhat, d.bare = i, p.end, true, true
	return p.parts(way, p.end, d, then)
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
