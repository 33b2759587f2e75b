package understand

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"crier/locales"
)

// table finds phrases in a text: by their first word, the longest first.
type table struct {
	entries map[string][]entry
}

type entry struct {
	rest  []string // the words after the first
	value float64
}

func (l *lang) table(phrases map[string]float64) *table {
	t := &table{entries: make(map[string][]entry, len(phrases))}
	for s, v := range phrases {
		w := l.wordsOf(s)
		if len(w) > 0 {
			t.entries[w[0]] = append(t.entries[w[0]], entry{w[1:], v})
		}
	}
	for _, e := range t.entries {
		slices.SortFunc(e, func(a, b entry) int { return cmp.Compare(len(b.rest), len(a.rest)) })
	}
	return t
}

func (l *lang) listTable(all ...[]string) *table {
	phrases := map[string]float64{}
	for _, list := range all {
		for _, s := range list {
			phrases[s] = 1
		}
	}
	return l.table(phrases)
}

// wordsOf returns the folded words of a phrase, as a text's tokens have them.
func (l *lang) wordsOf(s string) []string {
	var out []string
	for _, t := range read(plain(s), l.elided).toks {
		if t.kind != mark || len(s) <= 2 {
			out = append(out, t.word)
		}
	}
	return out
}

// lang is one language, made ready.
type lang struct {
	words      *locales.Words
	elided     map[string]bool
	lists      map[string]*table
	numbers    *table
	fractions  *table
	durations  *table
	units      *table
	currencies *table
	and, one   *table
	and2       *table // between people and commands
	whole      map[string]bool
	small      map[string]bool // words that are no name
	goods      map[string]bool
	stopwords  map[string]bool // words that say nothing about what is offered or looked for
	given      map[string]bool // of all languages
	surnames   map[string]bool // of all languages
	gluedStart map[rune]bool
	scales     []scaleWord // the largest first

	patterns int              // how many need a word
	wanted   map[string][]int // a word to the patterns that need it

	first, rules  []rule
	pay, charge   []pattern
	guards        []guard
	classes       map[string][]pattern
	vocabulary    []string // the words of commands, which a typo is corrected to
	isVocabulary  map[string]bool
	languages     *table
	languageCodes map[string]string

	dates        dates
	measures     *table
	measureNames map[string]string // a measure, folded, to its one name
	each         map[string]bool
}

// dates are the phrases of days.
type dates struct {
	days, months, ahead                      *table
	weekend, monthEnd, until, untilThe, skip *table
	ordinals, hours, from, places, all       *table
}

type scaleWord struct {
	word  string
	value int64
}

type rule struct {
	means Meaning
	says  []pattern
}

func (l *lang) rule(r locales.Rule, says []pattern) rule {
	return rule{Meaning{Intent: Intent(r.Intent), What: r.What, Toward: Intent(r.Toward), Reason: Reason(r.Reason)}, says}
}

type guard struct {
	reason Reason
	date   bool // counts outside the description only
	says   []pattern
}

var noTable = &table{}

// list returns the table of one of the language's lists.
func (l *lang) list(name string) *table {
	if t, ok := l.lists[name]; ok {
		return t
	}
	return noTable
}

// guardOrder is in which order reasons are looked for.
var guardOrder = []Reason{Negated, Conditional, Repeated, Question, Past, Future, ThirdParty, "vague", "date", TwoCommands}

func newLang(w *locales.Words) (*lang, error) {
	l := &lang{words: w, elided: map[string]bool{}, wanted: map[string][]int{}}
	for _, e := range w.Elisions {
		l.elided[fold(e)] = true
	}
	l.lists = map[string]*table{}
	for name, list := range w.Lists {
		if many[name] {
			list = fields(list)
		}
		l.lists[name] = l.listTable(list)
	}
	n := &w.Number
	l.numbers, l.fractions = l.table(n.Words), l.table(n.Fractions)
	l.durations = l.table(w.Durations)
	l.units, l.currencies = l.listTable(w.Units), l.listTable(w.Currencies)
	l.and, l.one = l.listTable(n.And), l.listTable(n.One)
	l.and2 = l.list("and")
	l.whole, l.goods = l.set(w.Lists["alone"]), l.set(fields(w.Lists["goods"]))
	l.stopwords = l.set(fields(w.Lists["stopwords"]))
	l.gluedStart = map[rune]bool{}
	for s := range n.Words {
		l.gluedStart[firstRune(fold(s))] = true
	}
	for s, v := range n.Scales {
		l.scales = append(l.scales, scaleWord{fold(s), v})
		l.gluedStart[firstRune(fold(s))] = true
	}
	slices.SortFunc(l.scales, func(a, b scaleWord) int {
		return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(len(b.word), len(a.word)))
	})
	l.languageCodes = map[string]string{}
	var names []string
	for name, code := range w.Languages {
		l.languageCodes[strings.Join(l.wordsOf(name), " ")] = code
		names = append(names, name)
	}
	l.languages = l.listTable(names)
	l.readDates()
	if err := l.compile(); err != nil {
		return nil, fmt.Errorf("words of %s: %w", w.Locale, err)
	}
	l.collectSmall()
	return l, nil
}

// readDates makes the tables of what ads say: until when, where, how much.
func (l *lang) readDates() {
	d := &l.words.Dates
	l.dates = dates{
		days: l.table(d.Days), months: l.table(d.Months), ahead: l.table(d.Ahead),
		weekend: l.listTable(d.Weekend), monthEnd: l.listTable(d.MonthEnd), until: l.listTable(d.Until), untilThe: l.listTable(d.UntilThe),
		skip: l.listTable(d.Skip), ordinals: l.listTable(d.Ordinals), hours: l.listTable(d.Hours), from: l.listTable(d.From),
		places: l.listTable(d.Places), all: l.listTable(d.All),
	}
	l.each = map[string]bool{}
	for _, s := range d.Each {
		l.each[strings.Join(l.wordsOf(s), " ")] = true
	}
	l.measureNames = map[string]string{}
	var all []string
	for s, name := range l.words.Measures {
		l.measureNames[strings.Join(l.wordsOf(s), " ")] = name
		all = append(all, s)
	}
	l.measures = l.listTable(all)
}

// many are the lists whose strings hold many words each.
var many = map[string]bool{"given": true, "surnames": true, "goods": true, "small": true, "typos": true, "stopwords": true}

func fields(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.Fields(s)...)
	}
	return out
}

func (l *lang) set(words []string) map[string]bool {
	out := make(map[string]bool, len(words))
	for _, s := range words {
		if w := l.wordsOf(s); len(w) > 0 {
			out[w[0]] = true
		}
	}
	return out
}

func (l *lang) compile() error {
	c := &compiler{lang: l, known: map[string][][]node{}}
	var err error
	compile := func(all []string) []pattern {
		var out []pattern
		if err == nil {
			out, err = c.patterns(all)
		}
		return out
	}
	l.classes = map[string][]pattern{}
	for _, name := range []string{"noise", "greeting", "addressee", "closing", "bill", "asks", "payish", "money", "intro", "price", "price_end", "price_slash", "pre", "pay", "give", "charge", "askverb"} {
		l.classes[name] = compile(l.words.Classes[name])
	}
	for _, r := range l.words.First {
		l.first = append(l.first, l.rule(r, compile(r.Says)))
	}
	for _, r := range l.words.Rules {
		l.rules = append(l.rules, l.rule(r, compile(r.Says)))
	}
	l.pay, l.charge = compile(l.words.Payments["pay"]), compile(l.words.Payments["charge"])
	for _, reason := range guardOrder {
		l.guards = append(l.guards, guard{reason, reason == "date", compile(l.words.Guards[string(reason)])})
	}
	for name := range l.words.Guards {
		if err == nil && !slices.Contains(guardOrder, Reason(name)) {
			err = fmt.Errorf("no guard %q", name)
		}
	}
	l.isVocabulary = map[string]bool{}
	var collect func(nodes []node)
	collect = func(nodes []node) {
		for _, n := range nodes {
			for _, w := range n.words {
				l.isVocabulary[w] = true
			}
			for _, k := range n.kids {
				collect(k)
			}
		}
	}
	for _, ps := range [][]pattern{l.pay, l.charge, l.classes["payish"], l.classes["noise"], l.classes["greeting"], l.classes["closing"]} {
		for _, p := range ps {
			collect(p.nodes)
		}
	}
	for _, rs := range [][]rule{l.first, l.rules} {
		for _, r := range rs {
			for _, p := range r.says {
				collect(p.nodes)
			}
		}
	}
	for _, s := range fields(l.words.Lists["typos"]) {
		l.vocabulary = append(l.vocabulary, fold(s))
	}
	return err
}

// collectSmall gathers the words that are no names: all that the lists use to
// hold a payment together, and the words of the payment patterns themselves.
func (l *lang) collectSmall() {
	l.small = map[string]bool{}
	for _, name := range []string{"small", "to", "to_the", "from", "from_the", "for", "for_who", "the", "my", "self", "them", "somebody", "and", "of", "about", "member", "titles", "with", "minus"} {
		for w, entries := range l.list(name).entries {
			if slices.ContainsFunc(entries, func(e entry) bool { return len(e.rest) == 0 }) || name == "small" {
				l.small[w] = true
			}
		}
	}
	for _, t := range []*table{l.durations, l.units, l.currencies} {
		for w, entries := range t.entries {
			if slices.ContainsFunc(entries, func(e entry) bool { return len(e.rest) == 0 }) {
				l.small[w] = true
			}
		}
	}
	var collect func(nodes []node)
	collect = func(nodes []node) {
		for _, n := range nodes {
			for _, w := range n.words {
				l.small[w] = true
			}
			for _, k := range n.kids {
				collect(k)
			}
		}
	}
	for _, ps := range [][]pattern{l.pay, l.charge, l.classes["bill"]} {
		for _, p := range ps {
			collect(p.nodes)
		}
	}
}
