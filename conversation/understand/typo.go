package understand

// correct looks for words that are one typo away from the word of a command,
// and says whether it found any. Only words that the language does not know
// are corrected, and only to one word.
func (p *parse) correct() bool {
	for i := range p.toks {
		t := &p.toks[i]
		if t.kind != word || t.noise || len(t.word) < 5 || len(t.word) > 30 || p.lang.isVocabulary[t.word] || p.lang.given[t.word] || p.lang.goods[t.word] || i > 40 {
			continue
		}
		if p.lang.small[t.word] {
			continue
		}
		best := ""
		for _, w := range p.lang.vocabulary {
			if near(t.word, w) {
				if best != "" && best != w {
					best = ""
					break
				}
				best = w
			}
		}
		if best != "" {
			if p.fixed == nil {
				p.fixed = map[int]string{}
			}
			p.fixed[i] = best
			p.heat(best)
		}
	}
	return p.fixed != nil
}

// near says that two words differ by one letter more, less, other, or by two
// neighbours swapped.
func near(a, b string) bool {
	if len(b) < 5 || a == b {
		return false
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	x, y := a[i:], b[i:]
	switch len(x) - len(y) {
	case 0:
		if len(x) < 1 {
			return false
		}
		if x[1:] == y[1:] {
			return true
		}
		return len(x) > 1 && x[0] == y[1] && x[1] == y[0] && x[2:] == y[2:]
	case 1:
		return x[1:] == y
	case -1:
		return x == y[1:]
	}
	return false
}
