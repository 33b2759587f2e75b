package understand

import (
	"fmt"
	"slices"
	"strings"
)

// A pattern says what a sentence may look like. It matches the whole of it;
// marks and noise (please, thanks, greetings) are passed over.
//
//	word       the word, however it is accented      word~     a word that starts so
//	=payé      the word with exactly these accents   _         any one word
//	(a b | c)  one of these                          [a | b]   one of these, or nothing
//	<name>     one of the phrases of that class      *         any words, or none
//	{what}     at least one word, kept; twice: both  {who}     a person
//	{code}     one word or number, kept as {what}    {num}     a number, kept as {what}
//	{member}   a person, or a number alone
//	?          nothing, where the sentence ends with a question mark
//	{part}     a number with its measure, or "all": how much of an ad
//	{lang}     the name of a language, kept as its code
//	@way       the parts of a payment in any order, read in that way (payment.go)
type node struct {
	op    op
	words []string // of a literal: any of them
	kids  [][]node // of a group: the alternatives
	name  string
}

type op uint8

const (
	literal op = iota
	prefix
	exact
	anyOne
	anyMany
	group
	option
	what
	who
	code
	num
	part
	langName
	asking
	parts
)

// pattern is a compiled pattern.
type pattern struct {
	nodes []node
	id    int // in lang.wanted; -1: any text may match
}

// compiler makes patterns of phrases, once each class.
type compiler struct {
	lang  *lang
	known map[string][][]node
	open  []string // the classes being made, against a class inside itself
}

func (c *compiler) pattern(s string) (pattern, error) {
	src := lexPattern(s)
	alts, err := c.alternatives(&src, "")
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", s, err)
	}
	nodes := alts[0]
	if len(alts) > 1 {
		nodes = []node{{op: group, kids: alts}}
	}
	// A text that has none of the words that it needs is not tried.
	need := needed(nodes)
	if need == nil {
		return pattern{nodes: nodes, id: -1}, nil
	}
	id := c.lang.patterns
	c.lang.patterns++
	for _, w := range need {
		c.lang.wanted[w] = append(c.lang.wanted[w], id)
	}
	return pattern{nodes: nodes, id: id}, nil
}

func (c *compiler) patterns(all []string) ([]pattern, error) {
	out := make([]pattern, 0, len(all))
	for _, s := range all {
		p, err := c.pattern(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// lexPattern separates brackets and bars from words.
func lexPattern(s string) []string {
	r := strings.NewReplacer("(", " ( ", ")", " ) ", "[", " [ ", "]", " ] ", "|", " | ")
	return strings.Fields(r.Replace(s))
}

func (c *compiler) alternatives(src *[]string, end string) ([][]node, error) {
	var alts [][]node
	var seq []node
	for {
		if len(*src) == 0 {
			if end != "" {
				return nil, fmt.Errorf("no %s", end)
			}
			return append(alts, seq), nil
		}
		w := (*src)[0]
		*src = (*src)[1:]
		switch w {
		case end:
			return append(alts, seq), nil
		case "|":
			alts, seq = append(alts, seq), nil
		case "(", "[":
			o, closing := group, ")"
			if w == "[" {
				o, closing = option, "]"
			}
			kids, err := c.alternatives(src, closing)
			if err != nil {
				return nil, err
			}
			seq = append(seq, simplify(node{op: o, kids: kids}))
		case ")", "]":
			return nil, fmt.Errorf("%s too many", w)
		default:
			nodes, err := c.item(w)
			if err != nil {
				return nil, err
			}
			seq = append(seq, nodes...)
		}
	}
}

// simplify makes one literal of a group of single words.
func simplify(n node) node {
	if n.op != group {
		return n
	}
	var words []string
	for _, k := range n.kids {
		if len(k) != 1 || k[0].op != literal {
			return n
		}
		words = append(words, k[0].words...)
	}
	return node{op: literal, words: words}
}

func (c *compiler) item(w string) ([]node, error) {
	switch w {
	case "*":
		return []node{{op: anyMany}}, nil
	case "_":
		return []node{{op: anyOne}}, nil
	case "{what}":
		return []node{{op: what}}, nil
	case "{who}":
		return []node{{op: who}}, nil
	case "{member}":
		return []node{{op: who, name: "member"}}, nil
	case "{code}":
		return []node{{op: code}}, nil
	case "{num}":
		return []node{{op: num}}, nil
	case "{part}":
		return []node{{op: part}}, nil
	case "?":
		return []node{{op: asking}}, nil
	case "{lang}":
		return []node{{op: langName}}, nil
	case "'s":
		return []node{{op: literal, words: []string{w}}}, nil
	}
	switch {
	case strings.HasPrefix(w, "@") && len(w) > 1:
		if !slices.Contains(ways, w[1:]) {
			return nil, fmt.Errorf("no way %s", w)
		}
		return []node{{op: parts, name: w[1:]}}, nil
	case strings.HasPrefix(w, "<"):
		kids, err := c.class(strings.Trim(w, "<>"))
		if err != nil {
			return nil, err
		}
		return []node{simplify(node{op: group, kids: kids})}, nil
	case strings.HasPrefix(w, "="):
		return []node{{op: exact, words: []string{strings.ToLower(w[1:])}}}, nil
	case strings.HasSuffix(w, "~"):
		return []node{{op: prefix, words: []string{fold(strings.TrimSuffix(w, "~"))}}}, nil
	}
	var nodes []node
	if strings.HasSuffix(w, "'") {
		return []node{{op: literal, words: []string{fold(w)}}}, nil
	}
	for _, t := range read(plain(w), c.lang.elided).toks {
		if t.kind == mark {
			continue
		}
		nodes = append(nodes, node{op: literal, words: []string{t.word}})
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("nothing in %q", w)
	}
	return nodes, nil
}

func (c *compiler) class(name string) ([][]node, error) {
	if kids, ok := c.known[name]; ok {
		return kids, nil
	}
	phrases, ok := c.lang.words.Classes[name]
	if !ok {
		phrases, ok = c.lang.words.Lists[name]
	}
	if !ok || slices.Contains(c.open, name) {
		return nil, fmt.Errorf("no class %s", name)
	}
	c.open = append(c.open, name)
	defer func() { c.open = c.open[:len(c.open)-1] }()
	var kids [][]node
	for _, s := range phrases {
		src := lexPattern(s)
		alts, err := c.alternatives(&src, "")
		if err != nil {
			return nil, fmt.Errorf("class %s: %q: %w", name, s, err)
		}
		kids = append(kids, alts...)
	}
	c.known[name] = kids
	return kids, nil
}

// needed returns the words of which a text must have one: those of the first
// node that cannot be left out and is made of words alone.
func needed(nodes []node) []string {
	var best []string
	for _, n := range nodes {
		var words []string
		switch n.op {
		case literal:
			words = n.words
		case group:
			for _, k := range n.kids {
				one := needed(k)
				if one == nil {
					words = nil
					break
				}
				words = append(words, one...)
			}
		default: // it may be left out, or any word fits
		}
		if words != nil && (best == nil || len(words) < len(best)) {
			best = words
		}
	}
	return best
}

// The work on one pattern, and on one text in one language, is bounded: a text
// that needs more is not one that a person would call clear.
const (
	maxSteps = 4_000
	maxWork  = 60_000
)

// spend counts one step, and says whether there are any left.
func (p *parse) spend() bool {
	p.steps++
	p.work++
	return p.steps <= maxSteps && p.work <= maxWork
}

// capture is what a match kept.
type capture struct {
	who        person
	from, to   int    // of {what}
	more       [2]int // of a second {what}
	code       string // of {lang}
	part       [2]int // of {part}
	hasWhat    bool
	payment    deal
	paymentWay string
}

// match says whether the pattern matches the tokens from i up to p.end.
func (p *parse) match(pt *pattern, i int) (capture, bool) {
	if !p.worth(pt) {
		return capture{}, false
	}
	p.steps = 0
	p.got = capture{}
	var got capture
	ok := p.seq(pt.nodes, i, func(j int) bool {
		if p.over(j) < p.end {
			return false
		}
		got = p.got
		return true
	})
	return got, ok
}

// matchAt is match for a pattern that may end anywhere; it returns where.
func (p *parse) matchAt(pt *pattern, i int) (next int, ok bool) {
	if !p.worth(pt) {
		return 0, false
	}
	p.steps = 0
	ok = p.seq(pt.nodes, i, func(j int) bool { next = j; return true })
	return next, ok
}

// seq matches nodes from token i on, and calls then with where they end, until
// it is content.
func (p *parse) seq(nodes []node, i int, then func(int) bool) bool {
	if !p.spend() {
		return false
	}
	for len(nodes) > 0 && nodes[0].op <= anyOne {
		if i = p.over(i); i >= p.end || !p.fits(&nodes[0], i) {
			return false
		}
		i, nodes = i+1, nodes[1:]
	}
	if len(nodes) == 0 {
		return then(i)
	}
	n, rest := &nodes[0], nodes[1:]
	switch n.op {
	case group, option:
		for _, k := range n.kids {
			if p.starts(k, i) && p.seq(k, i, func(j int) bool { return p.seq(rest, j, then) }) {
				return true
			}
		}
		return n.op == option && p.seq(rest, i, then)
	case anyMany:
		for j := i; j <= p.end; j++ {
			if p.starts(rest, j) && p.seq(rest, j, then) {
				return true
			}
		}
		return false
	case parts:
		return p.parts(n.name, i, p.got.payment, func(j int, d deal) bool {
			old := p.got
			p.got.payment, p.got.paymentWay = d, n.name
			if p.seq(rest, j, then) {
				return true
			}
			p.got = old
			return false
		})
	case what:
		first := p.over(i)
		for j := p.end; j > first; j-- {
			if p.toks[j-1].skip() && j < p.end {
				continue
			}
			old := p.got
			if p.got.hasWhat {
				p.got.more = [2]int{first, j}
			} else {
				p.got.from, p.got.to, p.got.hasWhat = first, j, true
			}
			if p.seq(rest, j, then) {
				return true
			}
			p.got = old
		}
		return false
	case asking:
		return p.asksAt(i) && p.seq(rest, i, then)
	default: // it starts with a token, which may have to be looked for
	}
	i = p.over(i)
	if i >= p.end {
		return false
	}
	next := i + 1
	old := p.got
	switch n.op {
	case who:
		w, ok := p.person(i, anybody)
		if t := &p.toks[i]; !ok && n.name == "member" && t.kind == number && allDigits(t.word) {
			w, ok = person{text: t.word, next: i + 1, sure: true, position: i}, true
		}
		if !ok || w.self || p.strict && (w.vague || !w.sure && !w.upper) {
			return false
		}
		p.got.who, next = w, w.next
	case code:
		for next < p.end && p.toks[next].glued && (p.toks[next].kind == number || p.toks[next].kind == word || p.toks[next].word == "-") {
			next++
		}
		p.got.from, p.got.to, p.got.hasWhat = i, next, true
	case langName:
		l := p.lang.languages
		_, after, ok := p.phrase(l, i)
		if !ok {
			return false
		}
		p.got.code, next = p.lang.languageCodes[p.joined(i, after)], after
	case num:
		v, ok := p.plainNumber(i)
		if !ok || v.v <= 0 || v.v%scale != 0 {
			return false
		}
		next = v.next
		p.got.from, p.got.to, p.got.hasWhat = i, next, true
	case part:
		_, after, ok := p.quantity(i)
		if !ok {
			return false
		}
		next = after
		p.got.part = [2]int{i, next}
	default: // the others are matched above
	}
	if p.seq(rest, next, then) {
		return true
	}
	p.got = old
	return false
}

// fits says that token i is the word that a node wants.
func (p *parse) fits(n *node, i int) bool {
	t := &p.toks[i]
	switch n.op {
	case literal:
		return slices.Contains(n.words, t.word) || p.fixed != nil && slices.Contains(n.words, p.fixed[i])
	case exact:
		return t.low == n.words[0]
	case prefix:
		return strings.HasPrefix(t.word, n.words[0])
	default:
		return true
	}
}

// starts says whether nodes could match at token i, by their first word.
func (p *parse) starts(nodes []node, i int) bool {
	if len(nodes) == 0 {
		return true
	}
	switch n := &nodes[0]; n.op {
	case literal, exact, prefix:
		i = p.over(i)
		return i < p.end && p.fits(n, i)
	case group:
		return slices.ContainsFunc(n.kids, func(k []node) bool { return p.starts(k, i) })
	default:
		return true
	}
}

// asksAt says that a question mark follows token i before the next word.
func (p *parse) asksAt(i int) bool {
	for i > 0 && p.toks[i-1].skip() {
		i--
	}
	for ; i < len(p.toks) && p.toks[i].skip(); i++ {
		if p.toks[i].word == "?" {
			return true
		}
	}
	return false
}
