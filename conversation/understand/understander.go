package understand

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"crier/locales"
)

// Understander understands the languages that it was made of. It is safe for
// concurrent use.
type Understander struct {
	langs []*lang
	by    map[string]*lang
}

// New makes an Understander of the words of some languages.
func New(all []*locales.Words) (*Understander, error) {
	u := &Understander{by: map[string]*lang{}}
	given, surnames := map[string]bool{}, map[string]bool{}
	for _, w := range all {
		l, err := newLang(w)
		if err != nil {
			return nil, err
		}
		for _, s := range fields(w.Lists["given"]) {
			given[fold(s)] = true
		}
		for _, s := range fields(w.Lists["surnames"]) {
			surnames[fold(s)] = true
		}
		l.given, l.surnames = given, surnames
		u.langs = append(u.langs, l)
		u.by[w.Locale] = l
	}
	if len(u.langs) == 0 {
		return nil, fmt.Errorf("no words of any language")
	}
	return u, nil
}

// Locales returns the codes of the languages that are understood.
func (u *Understander) Locales() []string {
	var out []string
	for _, l := range u.langs {
		out = append(out, l.words.Locale)
	}
	return out
}

// Stopwords are the words of a language, folded, that say nothing about what
// somebody offers or looks for: "the", "of".
func (u *Understander) Stopwords(locale string) map[string]bool { return u.order(locale)[0].stopwords }

// order returns the languages to try, the member's first.
func (u *Understander) order(locale string) []*lang {
	base, _, _ := strings.Cut(strings.ToLower(locale), "-")
	home, ok := u.by[base]
	if !ok {
		if home, ok = u.by["en"]; !ok {
			home = u.langs[0]
		}
	}
	out := []*lang{home}
	for _, l := range u.langs {
		if l != home {
			out = append(out, l)
		}
	}
	return out
}

// new starts to parse a text, already made plain.
func (l *lang) new(s string, in Input) *parse {
	t := read(s, l.elided)
	p := &parse{text: t, lang: l, unit: in.Unit, names: in.Names, and: l.and2, forWords: l.list("for"), end: len(t.toks), tail: len(t.toks), own: noTable}
	if len(in.UnitWords) > 0 {
		p.own = l.listTable(in.UnitWords)
	}
	p.hot = make([]bool, l.patterns)
	for i := range t.toks {
		p.heat(t.toks[i].word)
	}
	return p
}

// Understand says what a text means. Pay and Charge come with a Who and a
// positive Amount, always.
func (u *Understander) Understand(in Input) Meaning {
	order := u.order(in.Locale)
	home := order[0].words.Locale
	kept, quote, cut := unquote(strings.ToValidUTF8(in.Text[:min(len(in.Text), maxScan)], ""))
	cut = cut || len(in.Text) > maxScan
	m, ok := u.understand(plain(kept), in, order, cut)
	if m.Intent == Unknown && glued.MatchString(kept) {
		if apart, sure := u.understand(glued.ReplaceAllString(plain(kept), "$1 $2"), in, order, cut); sure && apart.aboutAd() {
			m, ok = apart, true
		}
	}
	if !ok && m.Intent == Unknown && strings.TrimSpace(quote) != "" {
		// Nothing is said but what was said before: whether it is to be done
		// again is for the member to say.
		if q, _ := u.understand(plain(quote), in, order, true); q.Intent == Pay || q.Intent == Charge || q.Intent == Clarify {
			m = Meaning{Intent: Clarify, Reason: Repeated, Locale: home}
		}
	}
	return m
}

// glued is a word with a number right behind it: "TAKE31".
var glued = regexp.MustCompile(`(\pL{2,})(\d{1,9})\b`)

// aboutAd says that the meaning is what to do with the ad of a number, and
// nothing else.
func (m Meaning) aboutAd() bool {
	switch m.Intent {
	case TakeAd, LeaveAd, Done, RenewAd, RemoveAd, Stock, Report:
		return allDigits(m.What)
	default:
		return false
	}
}

// understand tries the languages in order: what one of them is sure of wins,
// then what the member's own takes it for.
func (u *Understander) understand(s string, in Input, order []*lang, cut bool) (m Meaning, sure bool) {
	home := order[0].new(s, in)
	var weak Meaning
	for i, l := range order {
		p := l.new(s, in)
		p.cut = p.cut || cut
		p.silence()
		m, sure := p.meaning()
		m = p.settle(m)
		m.Locale = l.words.Locale
		if sure && i > 0 && !lookup(m.Intent) && !p.foreign(home) {
			continue
		}
		// "Once a month is enough" is no 11 for anybody, whatever "once" is in Spanish.
		if sure && i > 0 && m.Intent == Clarify && !p.counts() && !p.speaks() && !p.foreign(home) {
			break
		}
		if sure {
			if i > 0 && (m.Intent == Pay || m.Intent == Charge) {
				r := home.guarded(deal{})
				if r == "" {
					r = reserved(s, in, order[1:], l)
				}
				if r != "" {
					m.Toward, m.Intent, m.Reason = m.Intent, Clarify, r
				}
			}
			return m, true
		}
		if i == 0 || weak.Intent == Unknown && m.Intent == Clarify && p.speaks() {
			weak = m
		}
		// A word may be a typo away from a command.
		if p.correct() {
			if m, sure := p.meaning(); sure && (i == 0 || lookup(m.Intent)) {
				m = p.settle(m)
				m.Locale = l.words.Locale
				return m, true
			}
		}
		// The member's own words for a payment, but not understood: what
		// another language makes of them would be a guess.
		if i == 0 && m.Intent == Clarify && p.speaks() {
			return m, false
		}
	}
	if weak.Intent == Unknown {
		weak.Locale = home.lang.words.Locale
	}
	return weak, false
}

// reserved is the reservation under which one of some languages, other than
// that which takes a text for a payment, takes it for one: "if he comes" means
// nothing to a language that knows "pay" as well.
func reserved(s string, in Input, langs []*lang, but *lang) Reason {
	for _, l := range langs {
		if l == but {
			continue
		}
		p := l.new(s, in)
		p.silence()
		m, _ := p.meaning()
		if m.Intent != Clarify || !p.speaks() {
			continue
		}
		switch m.Reason {
		case Conditional, Future, Repeated, Negated:
			return m.Reason
		default: // what its words leave open, the other language's may say
		}
	}
	return ""
}

// about says that the text has, anywhere, one of the phrases of a class.
func (p *parse) about(class string) bool {
	p.strict = true
	defer func() { p.strict = false }()
	for i := range p.toks {
		if p.toks[i].skip() {
			continue
		}
		if _, ok := p.findPattern(class, i); ok {
			return true
		}
	}
	return false
}

// speaks says that the text has a word for paying in this language.
func (p *parse) speaks() bool {
	for i := range p.toks {
		if p.is(i, p.lang.list("verbs")) {
			return true
		}
	}
	return p.about("payish")
}

// counts says that the text has a number in figures.
func (p *parse) counts() bool {
	return slices.ContainsFunc(p.toks, func(t token) bool { return t.kind == number })
}

// meaning understands the text in one language. Not sure: another language
// may know better.
func (p *parse) meaning() (m Meaning, sure bool) {
	if m, ok := p.courtesy(); ok {
		return m, true
	}
	if p.over(0) >= p.end {
		silenced := slices.ContainsFunc(p.toks, func(t token) bool { return t.noise })
		// "Graag!" is a yes where nothing else is said.
		for i := range p.toks {
			p.toks[i].noise = false
		}
		if m, ok := p.rulesAt(p.lang.first, p.over(0)); ok && (m.Intent == Yes || m.Intent == No) {
			return m, true
		}
		return Meaning{Intent: Unknown}, silenced
	}
	clauses := p.clauses()
	if m, ok := p.rules(p.lang.first, clauses); ok {
		return m, true
	}
	linked := slices.ContainsFunc(p.toks, func(t token) bool { return t.kind == link })
	if m, ok := p.payment(clauses, true); ok && !linked {
		return m, true
	}
	if m, ok := p.rules(p.lang.rules, clauses); ok {
		if linked && m.Intent != Offer && m.Intent != Want && m.Intent != Search {
			return Meaning{Intent: Unknown}, true
		}
		if (isAd(m.Intent) || m.Intent == RemoveAd || m.Intent == Help) && m.Intent != Search && p.about("money") {
			return p.perhapsPayment(clauses), true
		}
		return p.twoCommands(m), true
	}
	if linked {
		return Meaning{Intent: Unknown}, false
	}
	if m, ok := p.payment(clauses, false); ok {
		return m, true
	}
	return p.perhapsPayment(clauses), false
}

// rules tries rules on the whole text, then on each sentence.
func (p *parse) rules(rules []rule, clauses []clause) (m Meaning, ok bool) {
	if m, ok = p.rulesAt(rules, p.over(0)); ok || len(clauses) < 2 {
		return m, ok
	}
	for _, c := range clauses {
		var one Meaning
		found := false
		p.within(c.from, c.to, func() { one, found = p.rulesAt(rules, c.from) })
		if !found || one.Intent == Yes || one.Intent == No {
			continue
		}
		if ok && one.Intent != m.Intent && (!isAd(one.Intent) || !isAd(m.Intent)) {
			if m.Intent == Unknown {
				m = one
				continue
			}
			if one.Intent == Unknown {
				continue
			}
			return Meaning{Intent: Clarify, Reason: TwoCommands}, true
		}
		if !ok {
			m, ok = one, true
		}
	}
	return m, ok
}

// givesTo says that something is given to somebody: that is no offer to all.
func (p *parse) givesTo(i int) bool {
	next, ok := p.findPattern("give", i)
	if !ok {
		return false
	}
	w, ok := p.person(next, perhaps)
	return ok && w.sure
}

// knows says that token i is a word of the language or a name, and no code.
func (p *parse) knows(i int) bool {
	w := p.toks[i].word
	return p.lang.small[w] || p.lang.isVocabulary[w] || p.lang.goods[w] || p.lang.given[w]
}

func isAd(i Intent) bool { return i == Offer || i == Want || i == Search }

func (p *parse) rulesAt(rules []rule, i int) (m Meaning, ok bool) {
	for r := range rules {
		for s := range rules[r].says {
			got, ok := p.match(&rules[r].says[s], i)
			if !ok {
				continue
			}
			m = rules[r].means
			if (m.Intent == Yes || m.Intent == Done || m.Intent == Stock && got.part[1] > 0) && p.asksAt(p.end) {
				continue
			}
			if got.hasWhat {
				if m.Intent == Offer || m.Intent == Want {
					p.wake()
				}
				m.What = p.span(got.from, got.to)
				if got.more[1] > 0 {
					m.What += ", " + p.span(got.more[0], got.more[1])
				}
			}
			if got.who.vague || got.who.self {
				if m.Intent == Member {
					continue
				}
			}
			if got.part[1] > 0 {
				m.Part = p.span(got.part[0], got.part[1])
			}
			m.Who = got.who.text
			if got.code != "" {
				m.What = got.code
			}
			switch m.Intent {
			case Offer, Want, Search:
				if got.hasWhat && (m.What == "" || m.Intent != Search && p.is(p.over(got.from), p.lang.list("no_ad"))) {
					continue
				}
				if m.Intent == Offer && p.givesTo(i) {
					m = Meaning{Intent: Clarify, Reason: NoDirection}
				}
			case RemoveAd:
				// "offer eggs until they are gone" says how long, not that they are.
				if got.hasWhat && p.dated(got.from, got.to) {
					continue
				}
			case Unknown:
				m.What = ""
			case Check, Undo, Join:
				if m.Intent == Check && got.hasWhat && p.knows(p.over(got.from)) {
					continue
				}
				m.What = strings.ToUpper(m.What)
			default: // whatever it names stands as it is
			}
			return m, true
		}
	}
	return m, false
}

// twoCommands makes sure that nothing but m is asked for: "my balance, and pay
// luc 5" is two.
func (p *parse) twoCommands(m Meaning) Meaning {
	if m.Intent == Clarify || m.Intent == Unknown {
		return m
	}
	first := p.over(0)
	for _, s := range p.splits(first+1, p.end) {
		_, behind := p.paymentAt(clause{s.next, p.end, false}, true)
		_, before := p.paymentAt(clause{first, s.end, false}, true)
		if behind || before {
			return Meaning{Intent: Clarify, Reason: TwoCommands}
		}
		if isAd(m.Intent) || m.Intent == Member || m.Intent == RemoveAd {
			continue
		}
		other, ok := p.rulesAt(p.lang.rules, s.next)
		if ok && other.Intent == m.Intent {
			p.within(first, s.end, func() { other, ok = p.rulesAt(p.lang.rules, first) })
		}
		if ok && other.Intent != m.Intent && slices.Contains([]Intent{Balance, History, MyAds, Search, Help}, other.Intent) && slices.Contains([]Intent{Balance, History, MyAds, Digest, Language, Undo}, m.Intent) {
			return Meaning{Intent: Clarify, Reason: TwoCommands}
		}
	}
	return m
}

// split is where a second command could start: behind "and", a comma, a line
// break, the end of a sentence.
type split struct {
	end  int  // of what stands before
	next int  // the first word behind
	and  bool // said with a word, not with a mark alone
}

// splits returns the places between from and to where a text may part.
func (p *parse) splits(from, to int) []split {
	var out []split
	for i := from; i < to && len(out) < 12; i++ {
		t := &p.toks[i]
		word := p.is(i, p.and) || p.is(i, p.lang.list("then"))
		if t.noise || !word && t.kind != line && (t.kind != mark || !strings.Contains(",.!?;", t.word)) {
			continue
		}
		j := p.over(i + 1)
		for p.is(j, p.and) || p.is(j, p.lang.list("then")) {
			j, word = p.over(j+1), true
		}
		if j < to {
			out = append(out, split{i, j, word})
		}
		i = max(i, j-1)
	}
	return out
}
