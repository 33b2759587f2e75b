package understand

import (
	"slices"
	"strings"
)

// parse is one text being understood in one language.
type parse struct {
	*text
	lang     *lang
	unit     Unit
	own      *table // the community's words for its unit
	names    Names
	and      *table
	forWords *table
	begin    int // of what is looked at
	end      int
	closing  int            // where the closing of a letter starts; 0: it has none
	tail     int            // where what follows it starts
	hot      []bool         // the patterns of which it has a word that they need
	fixed    map[int]string // tokens with a typo, corrected
	steps    int            // on this pattern
	work     int            // on this text
	greeted  bool           // it starts with a greeting
	strict   bool           // a {who} must surely be a person
	got      capture
}

// worth says that a pattern could match, by the words that it needs.
func (p *parse) worth(pt *pattern) bool { return pt.id < 0 || p.hot[pt.id] }

// heat marks the patterns that need a word of the text.
func (p *parse) heat(word string) {
	for _, id := range p.lang.wanted[word] {
		p.hot[id] = true
	}
}

// over passes over marks and noise.
func (p *parse) over(i int) int {
	for i < p.end && p.toks[i].skip() {
		i++
	}
	return i
}

// phrase finds the longest phrase of a table at token i.
func (p *parse) phrase(t *table, i int) (v float64, next int, ok bool) {
	if i >= len(p.toks) || t.entries == nil || p.toks[i].noise {
		return 0, 0, false
	}
	entries := t.entries[p.toks[i].word]
	if entries == nil && p.fixed != nil {
		entries = t.entries[p.fixed[i]]
	}
	for _, e := range entries {
		j, fits := i+1, true
		for _, w := range e.rest {
			if j < len(p.toks) && (p.toks[j].word == "-" || p.toks[j].word == "." || p.toks[j].word == "/" || p.toks[j].word == "°") && p.toks[j].word != w {
				j++
			}
			if j >= len(p.toks) || p.toks[j].word != w || p.toks[j].noise {
				fits = false
				break
			}
			j++
		}
		if fits {
			return e.value, j, true
		}
	}
	return 0, 0, false
}

// joined joins the words of the tokens from i up to j.
func (p *parse) joined(i, j int) string {
	var w []string
	for ; i < j; i++ {
		if p.toks[i].kind != mark {
			w = append(w, p.toks[i].word)
		}
	}
	return strings.Join(w, " ")
}

func (p *parse) find(t *table, i int) (next int, ok bool) {
	_, next, ok = p.phrase(t, i)
	return next, ok
}

// is says that token i alone is in the table.
func (p *parse) is(i int, t *table) bool {
	if i < 0 || i >= len(p.toks) || t.entries == nil {
		return false
	}
	return slices.ContainsFunc(t.entries[p.toks[i].word], func(e entry) bool { return len(e.rest) == 0 })
}

// findPattern finds one of the patterns of a class at token i.
func (p *parse) findPattern(class string, i int) (next int, ok bool) {
	steps, got := p.steps, p.got
	defer func() { p.steps, p.got = steps, got }()
	best := 0
	for k := range p.lang.classes[class] {
		if n, found := p.matchAt(&p.lang.classes[class][k], i); found && n > best {
			best = n
		}
	}
	return best, best > 0
}

// within runs f with only the tokens from begin to end to look at.
func (p *parse) within(begin, end int, f func()) {
	b, e := p.begin, p.end
	p.begin, p.end = begin, end
	defer func() { p.begin, p.end = b, e }()
	f()
}

// silence marks what stands for nothing: a greeting with its name, please and
// thanks, a closing with all that follows.
func (p *parse) silence() {
	t := p.toks
	// Emoji alone are an answer.
	if !slices.ContainsFunc(t, func(t token) bool { return t.kind != symbol && t.kind != mark && t.kind != line }) {
		for i := range t {
			if t[i].kind == symbol {
				t[i].kind = word
			}
		}
		return
	}
	i := 0
	for round := 0; round < 3; round++ {
		i = p.over(i)
		next, ok := p.findPattern("greeting", i)
		if !ok {
			break
		}
		if after, found := p.findPattern("addressee", next); found {
			next = after
		} else if stop := p.nameStop(next); stop > 0 {
			next = stop
		}
		p.hush(i, next)
		i, p.greeted = next, true
	}
	if next, ok := p.findPattern("intro", p.over(i)); ok {
		w, named := p.person(next, anybody)
		if after := p.over(w.next); named && !w.vague && (w.sure || w.upper) && (after >= p.end || after > w.next) && after > next {
			p.hush(p.over(i), after)
		}
	}
	for j := 0; j < p.end; j++ {
		if t[j].skip() {
			continue
		}
		if next, ok := p.findPattern("noise", j); ok {
			p.hush(j, next)
			j = next - 1
		}
	}
	p.silenceEnd()
}

// nameStop returns where one to three words end that a mark or a line break
// follows, as in "Dear Ria and Tom,".
func (p *parse) nameStop(i int) int {
	for j := i; j < p.end && j <= i+4; j++ {
		t := &p.toks[j]
		if t.kind == line || t.kind == mark && strings.Contains(",:!.-", t.word) && (t.word != "." || !p.is(j-1, p.lang.list("titles"))) && (t.word != "-" || !t.glued) {
			if j == i {
				return 0
			}
			return j
		}
		if t.kind != word && (t.kind != mark || t.word != "." && t.word != "-") || p.startsNumber(j) {
			return 0
		}
	}
	return 0
}

func (p *parse) hush(i, j int) {
	for ; i < j && i < len(p.toks); i++ {
		p.toks[i].noise = true
	}
}

// silenceEnd drops the closing of a letter, and a name alone on its last line.
func (p *parse) silenceEnd() {
	t := p.toks
	said := false
	for j := 0; j < p.end; j++ {
		if said && (t[j-1].kind == mark || t[j-1].kind == line || t[j-1].noise || t[j-1].kind == symbol) {
			if next, ok := p.findPattern("closing", j); ok && (p.short(next) || p.lineEnds(j)) {
				p.hush(j, p.end)
				p.closing, p.tail = j, next
				break
			}
		}
		if !t[j].skip() {
			said = true
		}
	}
	// A signature: the last line, or what follows thanks or a dash, is a name.
	last := p.end
	for last > 0 && t[last-1].skip() {
		last--
	}
	first := last
	for first > 0 && first > last-4 && t[first-1].kind == word && !t[first-1].noise && (t[first-1].upper || p.is(first-1, p.lang.list("particles"))) && !p.lang.small[t[first-1].word] {
		first--
	}
	if first == last || first == 0 {
		return
	}
	before := t[first-1]
	said = false
	for j := 0; j < first; j++ {
		said = said || !t[j].skip()
	}
	if !said {
		return
	}
	open := before.kind == line
	if !open && !p.shout {
		open = before.noise && p.thanked(first-1) || before.kind == mark && before.word == "-" && !t[first].glued
	}
	if open && !p.unfinished(first) {
		p.hush(first, last)
	}
}

// unfinished says that what stands before token i wants something after it.
func (p *parse) unfinished(i int) bool {
	i--
	for i >= 0 && p.toks[i].skip() {
		i--
	}
	if i < 0 {
		return true
	}
	for _, l := range []*table{p.lang.list("to"), p.lang.list("to_the"), p.lang.list("from"), p.forWords, p.lang.list("the"), p.and} {
		if p.is(i, l) {
			return true
		}
	}
	return p.is(i, p.lang.list("verbs"))
}

func (p *parse) thanked(i int) bool { return p.is(i, p.lang.list("thanks")) }

// short says that at most eight words follow.
func (p *parse) short(i int) bool {
	n := 0
	for ; i < p.end; i++ {
		if p.toks[i].kind == number {
			return false
		}
		if !p.toks[i].skip() {
			n++
		}
	}
	return n <= 8
}

// lineEnds says that the line of token i has at most six words, and starts there.
func (p *parse) lineEnds(i int) bool {
	if i > 0 && p.toks[i-1].kind != line {
		return false
	}
	n := 0
	for ; i < p.end && p.toks[i].kind != line; i++ {
		n++
	}
	return n <= 7
}

// clause is a sentence: tokens from one to another.
type clause struct {
	from, to int
	asks     bool // it ends with a question mark
}

// clauses splits the text into sentences. One that starts with "for" goes on
// with the one before.
func (p *parse) clauses() []clause {
	var out []clause
	from := 0
	end := func(to int, asks bool) {
		first := p.over(from)
		if first >= to {
			if asks && len(out) > 0 {
				out[len(out)-1].asks = true
			}
			from = to
			return
		}
		if len(out) > 0 && p.is(first, p.forWords) {
			out[len(out)-1].to = to
			out[len(out)-1].asks = out[len(out)-1].asks || asks
		} else if len(out) < 24 {
			out = append(out, clause{first, to, asks})
		}
		from = to
	}
	for i := 0; i < p.end; i++ {
		t := &p.toks[i]
		switch {
		case t.kind == line && i+1 < p.end && p.toks[i+1].kind == line:
			end(i, false)
		case t.kind != mark || !strings.Contains(".!?;", t.word):
		case t.word == "." && i > 0 && (p.is(i-1, p.lang.list("titles")) || p.is(i-1, p.lang.list("member")) || len(p.toks[i-1].low) == 1 && p.toks[i-1].upper && p.toks[i-1].kind == word):
		case t.word == "." && i+1 < p.end && p.toks[i+1].glued && p.toks[i+1].kind != mark && !p.toks[i+1].upper:
		case t.word == "?" && i+1 < p.end && p.toks[i+1].word == ",":
		default:
			end(i, t.word == "?")
			from = i
		}
	}
	end(p.end, false)
	return out
}
