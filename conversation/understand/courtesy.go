package understand

// courtesy says that a text is nothing but thanks or a greeting, with an "ok"
// before it and a name behind it at most.
func (p *parse) courtesy() (m Meaning, ok bool) {
	if p.greeted {
		m.Intent = Hello
	}
	for i := range p.toks {
		if p.toks[i].noise && p.is(i, p.lang.list("thankful")) {
			m.Intent = Thanks
		}
	}
	i := p.over(0)
	for m.Intent == Thanks && p.is(i, p.lang.list("okay")) {
		i = p.over(i + 1)
	}
	if w, named := p.person(i, anybody); named && !w.two && (w.sure || w.upper || m.Intent == Hello && !w.vague && !w.self) {
		i = p.over(w.next)
	}
	return m, m.Intent != "" && i >= p.end
}

// settle gives a question back its reason. A yes with leftovers has the reason
// that is in them; without one it means nothing, and is no yes either.
func (p *parse) settle(m Meaning) Meaning {
	if m.Intent != Clarify {
		return m
	}
	if m.Reason == "" {
		switch r := p.guarded(deal{}); r {
		case Conditional, Future, Past, Repeated:
			m.Reason = r
		default:
			return Meaning{Intent: Unknown}
		}
	}
	if m.Reason == Negated && m.Toward == "" {
		m.Toward = p.toward()
	}
	return m
}

// toward is what a text that is not understood is about: Charge, Pay or "".
func (p *parse) toward() Intent {
	switch {
	case p.about("charge"):
		return Charge
	case p.about("payish"):
		return Pay
	}
	return ""
}

// foreign says that a text of which another language makes more than a
// look-up may be said in that language: it must have none of the small words of
// the member's own, not start with a word that it has, and be unmistakable.
func (p *parse) foreign(home *parse) bool {
	known := 0
	for i := range p.toks {
		t := &p.toks[i]
		if t.kind != word || t.noise {
			continue
		}
		theirs := home.lang.small[t.word] || home.lang.isVocabulary[t.word]
		ours := p.lang.small[t.word] || p.lang.isVocabulary[t.word] || p.lang.goods[t.word]
		switch {
		case home.lang.small[t.word] && !p.lang.small[t.word], theirs && i == p.over(0) && !ours:
			return false
		case home.is(i, home.lang.list("verbs")) && i == p.over(0):
			return false
		case ours && !theirs:
			known++
			if i == p.over(0) && p.is(i, p.lang.list("keywords")) {
				known++
			}
		}
	}
	return known >= 2
}

// lookup says that an intent shows something to the member alone, or is no more
// than talk: it may be said in any language.
func lookup(i Intent) bool {
	switch i {
	case Balance, History, Help, Language, Search, Member, Members, MyAds, Check, More, Human, Digest, Unknown, Thanks, Hello, Clarify, Email, Yes, No, Switch:
		return true
	default:
		return false
	}
}
