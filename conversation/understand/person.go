package understand

import "strings"

// person is somebody as named in a text.
type person struct {
	text     string // as written, without title; a number without "member"
	next     int    // the token after it
	self     bool   // "me"
	vague    bool   // "my neighbour", "her", or words that may or may not be a name
	two      bool   // "luc and anna"
	sure     bool   // a number, a handle, or a name that is known
	listed   bool   // in the community's directory
	guess    bool   // a number, by its place alone
	upper    bool   // written with a capital that says something
	position int    // its first token
}

// maxName is the most words a name has.
const maxName = 6

// hint says what stands before a name, and so what can be one.
type hint uint8

const (
	anybody  hint = iota // where only a name can stand
	perhaps              // where a thing may stand as well: only what is surely a name
	definite             // after "to the": a lower-case word is no name
)

// person reads the person named at token i.
func (p *parse) person(i int, h hint) (w person, ok bool) {
	i = p.over(i)
	if i >= p.end || !p.spend() {
		return w, false
	}
	w.position = i
	if n, found := p.memberNumber(i); found {
		return n, true
	}
	t := &p.toks[i]
	switch t.kind {
	case phone, handle:
		return person{text: strings.Trim(p.s[t.start:t.end], " "), next: i + 1, sure: true, position: i}, true
	case word:
	default:
		return w, false
	}
	if next, found := p.find(p.lang.list("self"), i); found {
		return person{next: next, self: true, position: i}, true
	}
	if next, found := p.find(p.lang.list("them"), i); found && !p.nameHere(i) {
		return person{next: next, vague: true, position: i}, true
	}
	if next, found := p.find(p.lang.list("somebody"), i); found {
		return p.vagueRun(i, next), true
	}
	if p.is(i, p.lang.list("my")) || p.is(i, p.lang.list("the")) {
		if next := p.over(i + 1); p.is(i, p.lang.list("name_article")) && next < p.end && p.toks[next].upper && !p.shout && p.lang.given[p.toks[next].word] {
			return p.person(next, h)
		}
		if h == perhaps && !p.is(i+1, p.lang.list("roles")) {
			return w, false
		}
		if p.is(i, p.lang.list("the")) && p.is(i+1, p.lang.list("titles")) && i+2 < p.end && p.toks[i+2].upper {
			return p.person(i+1, h)
		}
		return p.vagueRun(i, i+1), true
	}
	start := i
	titled := false
	for {
		next, found := p.find(p.lang.list("titles"), start)
		if !found || next >= p.end {
			break
		}
		if p.toks[next].word == "." {
			next++
		}
		if next >= p.end || p.toks[next].kind != word || !p.nameable(next) {
			if p.is(next, p.and) {
				return p.vagueRun(i, next), true
			}
			break
		}
		start, titled = next, true
	}
	run := p.nameRun(start)
	if run == start {
		return w, false
	}
	w, ok = p.name(start, run, titled, h)
	if !ok {
		return w, false
	}
	w.position = i
	p.checkTwo(&w)
	if w.next < p.end && p.toks[w.next].word == "'s" && h != anybody {
		return w, false
	}
	return w, true
}

// memberNumber reads "member 12", "#12", "nr. 12".
func (p *parse) memberNumber(i int) (w person, ok bool) {
	j := i
	for p.is(j, p.lang.list("the")) {
		j++
	}
	said := false
	for j < p.end {
		next, found := p.find(p.lang.list("member"), j)
		if !found {
			break
		}
		j, said = next, true
		for j < p.end && (p.toks[j].word == "." || p.toks[j].word == "°" || p.toks[j].word == ":") {
			j++
		}
	}
	if !said || j >= p.end || p.toks[j].kind != number || strings.ContainsAny(p.toks[j].word, ".,:'") || p.toks[j].minus {
		return w, false
	}
	if j+1 < p.end && p.toks[j+1].glued && p.toks[j+1].kind == word {
		return w, false
	}
	return person{text: p.toks[j].word, next: j + 1, sure: true, position: i}, true
}

// vagueRun is "my neighbour from the corner": nobody in particular, up to the
// next part of a payment.
func (p *parse) vagueRun(i, j int) person {
	for j < p.end && j < i+maxName && p.toks[j].kind == word && !p.toks[j].noise && !p.is(j, p.forWords) && !p.startsNumber(j) && !p.is(j, p.lang.list("to")) {
		j++
	}
	return person{next: j, vague: true, position: i}
}

// nameable says that a word can be (part of) a name. Small words cannot, but
// for those with a capital in the middle of a sentence that are known as one.
func (p *parse) nameable(i int) bool {
	t := &p.toks[i]
	if t.kind != word || t.noise || t.word == "'s" || len(t.low) > 40 || strings.ContainsAny(t.low, "€$£¥₹&#") {
		return false
	}
	if !p.lang.small[t.word] && !p.isUnitWord(i) {
		return true
	}
	return t.upper && !p.shout && !p.opens(i) && p.lang.given[t.word]
}

// nameHere says that a word that is also a pronoun is a name here.
func (p *parse) nameHere(i int) bool {
	t := &p.toks[i]
	return t.upper && !p.shout && !p.opens(i) && p.lang.given[t.word]
}

func (p *parse) isUnitWord(i int) bool {
	_, ok := p.find(p.own, i)
	return ok
}

// opens says that a sentence starts here, so that a capital says nothing.
func (p *parse) opens(i int) bool {
	for i--; i >= 0; i-- {
		t := &p.toks[i]
		if t.kind == line || t.kind == mark && strings.Contains(".!?:", t.word) {
			return true
		}
		if t.kind != mark && t.kind != symbol {
			return false
		}
	}
	return true
}

// nameRun returns the end of the words from i on that may all be one name.
func (p *parse) nameRun(i int) int {
	j := i
	for j < p.end && j < i+maxName {
		t := &p.toks[j]
		if t.kind == mark && (t.word == "-" && t.glued || t.word == "." && j > i && len(p.toks[j-1].low) == 1) && j+1 < p.end && (p.toks[j+1].kind == word && (p.toks[j+1].glued || t.word == ".")) && j > i {
			j++ // Jean-Luc, J. Smith
			continue
		}
		if t.kind == word && j > i && p.is(j, p.lang.list("particles")) && j+1 < p.end && p.nameAfterParticle(j+1) {
			j++
			continue
		}
		if t.kind == word && j == i && p.is(j, p.lang.list("particles")) && t.upper && !p.shout && j+1 < p.end && p.toks[j+1].upper {
			j++ // Van Dam
			continue
		}
		if !p.nameable(j) || j > i && p.startsNumber(j) && (!p.toks[j].upper || !p.lang.given[p.toks[j].word]) {
			break
		}
		if j == i && p.startsNumber(j) {
			break
		}
		j++
	}
	for j > i && p.toks[j-1].kind == mark {
		j--
	}
	return j
}

func (p *parse) nameAfterParticle(j int) bool {
	for j < p.end && p.is(j, p.lang.list("particles")) {
		j++
	}
	return j < p.end && p.toks[j].kind == word && !p.toks[j].noise && (p.toks[j].upper && !p.shout || p.lang.surnames[p.toks[j].word])
}

// name decides where in the run of words from i to end the name ends.
func (p *parse) name(i, end int, titled bool, h hint) (w person, ok bool) {
	pick := func(to int) person {
		return person{text: p.span(i, to), next: to}
	}
	if p.names != nil {
		if to := p.namesMatch(i, min(p.end, i+maxName+4)); to > i {
			w = pick(to)
			w.sure, w.upper, w.listed = true, true, true
			return w, true
		}
	}
	t := p.toks
	upper := func(j int) bool { return t[j].upper && !p.shout && (!p.opens(j) || j+1 < end && t[j+1].upper) }
	if t[i].upper && !p.shout && !upper(i) && titled {
		upper = func(j int) bool { return t[j].upper }
	}
	kin := p.is(i, p.lang.list("kin"))
	first := i
	if kin && i+1 < end {
		first = i + 1
	}
	if upper(first) {
		to := first + 1
		// "Simon Apfelsaft" is Simon, and what it is for: there a capital does not make a name.
		thing := func(j int) bool {
			return p.lang.words.NounsCapitalised && p.lang.given[t[first].word] && p.lang.goods[t[j].word] && !p.lang.surnames[t[j].word]
		}
		for to < end && !thing(to) && (upper(to) || t[to].kind == mark || p.is(to, p.lang.list("particles")) || t[to].glued && t[to-1].word == "-") {
			to++
		}
		for to > first+1 && (t[to-1].kind == mark || !t[to-1].upper && p.is(to-1, p.lang.list("particles"))) {
			to--
		}
		if to < end && to == first+1 && p.lang.surnames[t[to].word] && !p.lang.goods[t[to].word] {
			to++
		}
		if p.lang.words.NounsCapitalised && to > first+2 && (to >= p.end || !p.startsNumber(to)) {
			w = pick(end)
			w.vague = true
			return w, true
		}
		w = pick(to)
		w.upper = true
		if second := first + 1; to == second+1 && p.lang.given[t[first].word] && p.lang.given[t[second].word] && !p.lang.surnames[t[second].word] && !p.is(first, p.lang.list("double")) && !t[second].glued {
			w.vague, w.two = true, true // "luc anna": two people, or one
		}
		known := p.lang.given[t[first].word] || titled || kin
		w.sure = known
		if !known && p.lang.goods[t[first].word] {
			if h == perhaps {
				return w, false
			}
			w.vague = true
		}
		if h == perhaps && p.lang.words.NounsCapitalised && !known {
			return w, false
		}
		return w, true
	}
	// Lower case: the words themselves must tell.
	given := p.lang.given[t[first].word] || titled || kin && first > i
	if h == perhaps && !given || h == definite && !given {
		if h == perhaps {
			return w, false
		}
		w = pick(end)
		w.vague = true
		return w, true
	}
	to := p.lowerName(first, end, given)
	if to == 0 {
		w = pick(end)
		w.vague = true
		return w, true
	}
	w = pick(to)
	w.sure = given
	if second := first + 1; given && to == second+1 && p.lang.given[t[second].word] && !p.lang.surnames[t[second].word] && !p.is(first, p.lang.list("double")) && !t[second].glued {
		w.two = true
	}
	if !given && to == first+1 && (p.lang.goods[t[first].word] || p.is(first, p.lang.list("roles")) || p.activity(first)) || kin && first == i {
		w.vague = true
	}
	return w, true
}

// lowerName returns the end of a name without capitals, 0 where it could be
// more than one place.
func (p *parse) lowerName(i, end int, given bool) int {
	t := p.toks
	// Words tied by a hyphen are one.
	ends := []int{}
	for j := i + 1; j <= end; j++ {
		if j < end && (t[j].kind == mark || t[j-1].kind == mark && t[j].glued || p.is(j-1, p.lang.list("particles")) && j-1 > i) {
			continue
		}
		ends = append(ends, j)
	}
	switch {
	case len(ends) == 0:
		return 0
	case len(ends) == 1:
		return ends[0]
	}
	second := ends[0]
	w := t[second].word
	thing := p.lang.goods[w] || p.activity(second)
	surname := p.lang.surnames[w] || p.is(second, p.lang.list("particles"))
	switch {
	case given && surname && len(ends) == 2 && (!thing || p.over(end) < p.end):
		return ends[1]
	case given && surname && !thing:
		return ends[1]
	case given && thing:
		return ends[0]
	case len(ends) == 2 && (given || surname || p.names != nil) && p.over(end) < p.end && !thing:
		return ends[1]
	}
	return 0
}

// activity says that a word ends like a doing ("gardening").
func (p *parse) activity(i int) bool {
	for _, e := range p.lang.words.Lists["activity_endings"] {
		if len(p.toks[i].word) > len(e)+2 && strings.HasSuffix(p.toks[i].word, e) {
			return true
		}
	}
	return false
}

// namesMatch asks the community's directory how many words are a name, and
// returns the token after it.
func (p *parse) namesMatch(i, end int) int {
	var words []string
	var ends []int
	for j := i; j < end && p.toks[j].kind != line && !p.toks[j].noise; {
		k := j + 1
		for k < end && p.toks[k].glued && p.toks[k].kind != line && (p.toks[k].kind != mark || !strings.Contains(",;:!?", p.toks[k].word)) && p.toks[k].word != "'s" {
			k++
		}
		if p.toks[j].kind == mark {
			break
		}
		words, ends = append(words, p.s[p.toks[j].start:p.toks[k-1].end]), append(ends, k)
		j = k
	}
	if len(words) == 0 {
		return 0
	}
	n := p.names.Match(words)
	if n <= 0 || n > len(ends) {
		return 0
	}
	return ends[n-1]
}

// checkTwo sees a second person right behind the first.
func (p *parse) checkTwo(w *person) {
	j := w.next
	if j >= p.end {
		return
	}
	comma := p.toks[j].word == ","
	if !p.is(j, p.and) && !comma && p.toks[j].word != "&" && p.toks[j].word != "/" && p.toks[j].word != "+" {
		return
	}
	k := p.over(j + 1)
	if next, found := p.find(p.lang.list("to"), k); found {
		k = p.over(next)
	}
	if k >= p.end || p.toks[k].kind == mark {
		return
	}
	other := &p.toks[k]
	isName := other.kind == handle || other.kind == phone || other.kind == word && (other.upper && !p.shout && !comma && !p.lang.small[other.word] || p.lang.given[other.word] && p.nameable(k) || p.is(k, p.lang.list("my")) && !comma || p.is(k, p.lang.list("self")) || p.is(k, p.lang.list("them")))
	if _, isNumber := p.memberNumber(k); isNumber {
		isName = true
	}
	if !isName && p.names != nil && p.namesMatch(k, min(p.end, k+maxName)) > k {
		isName = true
	}
	if !isName && !comma && other.kind == word && p.nameable(k) && !p.lang.goods[other.word] {
		isName = true
	}
	if w.two = isName; isName {
		if other, ok := p.person(k, anybody); ok {
			w.next = other.next
		}
	}
}
