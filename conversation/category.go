package conversation

import (
	"context"
	"slices"
	"strings"
	"sync"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Categories are what a community's ads are put under: its own, or those that
// all have. They do not change once made.
//
// An ad is in the category that it was given, by a coordinator or where it was
// imported from. One that was given none is in the one that its words speak
// for, as they are read: so it follows when the community changes its set.
type Categories struct {
	keys    []string
	named   map[string]string // the community's own names
	byName  map[string]string // keys by folded key or name
	own     *lexicon          // the community's own words
	shared  map[string]bool   // keys whose words are those in locales/
	catalog *locales.Catalog
}

// Categories are those of the community.
func (t *Turn) Categories(ctx context.Context) (*Categories, error) {
	return CategoriesOf(ctx, t.Book, t.engine.catalog)
}

// CategoriesOf reads the categories of a community.
func CategoriesOf(ctx context.Context, book *ledger.Book, catalog *locales.Catalog) (*Categories, error) {
	rows, err := book.Categories(ctx)
	if err != nil {
		return nil, err
	}
	return NewCategories(rows, catalog), nil
}

// NewCategories makes the categories of a community that has some of its own,
// or none.
func NewCategories(own []ledger.Category, catalog *locales.Catalog) *Categories {
	cs := &Categories{named: map[string]string{}, byName: map[string]string{}, own: newLexicon(), shared: map[string]bool{}, catalog: catalog}
	for _, c := range own {
		cs.keys = append(cs.keys, c.Key)
		cs.named[c.Key] = c.Name
		cs.shared[c.Key] = c.Words == ""
		cs.own.learn(c.Key, strings.Fields(c.Words))
	}
	if len(own) == 0 {
		cs.keys = locales.CategoryKeys()
		for _, key := range cs.keys {
			cs.shared[key] = true
		}
	}
	for _, key := range slices.Backward(cs.keys) {
		for _, name := range cs.names(key) {
			cs.byName[understand.Fold(name)] = key
		}
	}
	for _, key := range cs.keys {
		cs.byName[understand.Fold(key)] = key
	}
	return cs
}

// Keys are all of them, in the order in which they are shown.
func (cs *Categories) Keys() []string { return slices.Clone(cs.keys) }

// Order is where a category comes: those of the set first, then what else ads
// were imported with, then "", which is none.
func (cs *Categories) Order(key string) int {
	switch i := slices.Index(cs.keys, key); {
	case i >= 0:
		return i
	case key != "":
		return len(cs.keys)
	default:
		return len(cs.keys) + 1
	}
}

// Name is what a category is called in the language of a printer. What is none
// of the set is its own name, and none at all is "".
func (cs *Categories) Name(key string, p *locales.Printer) string {
	if name, ok := cs.named[key]; ok {
		return inLanguage(name, p.Locale())
	}
	if slices.Contains(cs.keys, key) {
		return p.Text("category."+key, nil)
	}
	return key
}

// inLanguage is the part of "Garden; fr Jardin" that is in a language, or the
// first, which names none.
func inLanguage(names, locale string) string {
	parts := strings.Split(names, ";")
	for _, part := range parts[1:] {
		if code, name, _ := strings.Cut(strings.TrimSpace(part), " "); code == locale {
			return strings.TrimSpace(name)
		}
	}
	return strings.TrimSpace(parts[0])
}

// Of is the category of an ad. locale is the language that its member writes;
// "" says that its words speak for none.
func (cs *Categories) Of(ad *ledger.Ad, locale string) string {
	if ad.Category != "" {
		if key, ok := cs.called(ad.Category); ok {
			return key
		}
		if !slices.Contains(locales.CategoryKeys(), ad.Category) {
			return ad.Category
		}
	}
	return cs.Guess(ad.Text, locale)
}

// Guess is the category that a text speaks for, or "". Members write in other
// languages than their own too: the one that says most counts, and locale's
// where there are several. Of others only longer words and ends of words do: gitaarles
// ends in Dutch lessons, but apples do not.
func (cs *Categories) Guess(text, locale string) string {
	words := SearchWords(text)
	base, _, _ := strings.Cut(strings.ToLower(locale), "-")
	best, most := cs.guess(words, sharedLexicons()[base], 1)
	words = slices.DeleteFunc(words, func(w string) bool { return len(w) < longer })
	for _, code := range cs.catalog.Codes() {
		if key, score := cs.guess(words, sharedLexicons()[code], longer); code != base && score > most {
			best, most = key, score
		}
	}
	return best
}

// longer is how many bytes a word, or an end of one, has that counts in another
// language than the member's own.
const longer = 4

// guess is the category that folded words speak for in one language, and how
// much. Of several the one that is spoken for first counts. Ends of words count
// that have least bytes.
func (cs *Categories) guess(words []string, l *lexicon, least int) (best string, most int) {
	score := map[string]int{}
	var order []string // by the first word for each
	for _, w := range words {
		hits := cs.own.hits(w, 1)
		if l != nil {
			for key, weight := range l.hits(w, least) {
				if cs.shared[key] {
					hits[key] = max(hits[key], weight)
				}
			}
		}
		for _, key := range cs.keys {
			if hits[key] == 0 {
				continue
			}
			if score[key] == 0 {
				order = append(order, key)
			}
			score[key] += hits[key]
		}
	}
	for _, key := range order {
		if score[key] > most {
			best, most = key, score[key]
		}
	}
	return best, most
}

// Find is the category that somebody names: by its key, its name in any
// language, or a word of it that no other has.
func (cs *Categories) Find(said string) (key string, ok bool) {
	if key, ok = cs.called(said); ok {
		return key, true
	}
	folded := strings.TrimSpace(understand.Fold(said))
	var found []string
	for _, key := range cs.keys {
		for _, name := range cs.names(key) {
			if folded != "" && slices.ContainsFunc(SearchWords(name), func(w string) bool { return strings.HasPrefix(w, folded) }) &&
				!slices.Contains(found, key) {
				found = append(found, key)
			}
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

// called is the category with a key, or of a name in any language.
func (cs *Categories) called(said string) (key string, ok bool) {
	key, ok = cs.byName[strings.TrimSpace(understand.Fold(said))]
	return key, ok
}

// names are those of a category in every language.
func (cs *Categories) names(key string) (all []string) {
	own, named := cs.named[key]
	if named {
		all = append(all, inLanguage(own, ""))
	}
	for _, code := range cs.catalog.Codes() {
		if named {
			all = append(all, inLanguage(own, code))
		} else {
			all = append(all, cs.catalog.Plain(code, "category."+key))
		}
	}
	return all
}

// SharedCategory is the key of the category, of those that all have, that a
// name in any language is of.
func SharedCategory(catalog *locales.Catalog, name string) (key string, ok bool) {
	return NewCategories(nil, catalog).called(name)
}

// lexicon is which words speak for which categories, and how much.
type lexicon struct {
	words, heads, tails map[string]map[string]int // whole, beginnings and ends of words: by category
}

func newLexicon() *lexicon {
	return &lexicon{map[string]map[string]int{}, map[string]map[string]int{}, map[string]map[string]int{}}
}

const tellingWeight = 3

// learn takes words that speak for a category, as in locales/*/categories.toml.
func (l *lexicon) learn(key string, words []string) {
	for _, w := range words {
		weight := 1
		if strings.Contains(w, "!") {
			w, weight = strings.ReplaceAll(w, "!", ""), tellingWeight
		}
		table := l.words
		if head, ok := strings.CutSuffix(w, "~"); ok {
			table, w = l.heads, head
		} else if tail, ok := strings.CutPrefix(w, "~"); ok {
			table, w = l.tails, tail
		}
		if w = understand.Fold(w); w == "" {
			continue
		}
		if table[w] == nil {
			table[w] = map[string]int{}
		}
		table[w][key] = max(table[w][key], weight)
	}
}

// hits are the categories that a folded word speaks for, by ends of least bytes.
func (l *lexicon) hits(w string, least int) map[string]int {
	all := map[string]int{}
	add := func(hits map[string]int) {
		for key, weight := range hits {
			all[key] = max(all[key], weight)
		}
	}
	add(l.words[w])
	for i := range w {
		add(l.heads[w[:i]])
		if len(w)-i >= least {
			add(l.tails[w[i:]])
		}
	}
	add(l.heads[w])
	return all
}

// sharedLexicons are those of locales/, by language.
var sharedLexicons = sync.OnceValue(func() map[string]*lexicon {
	words, err := locales.CategoryWords()
	if err != nil {
		panic(err) // they are in the program, and tested
	}
	all := map[string]*lexicon{}
	for code, byKey := range words {
		all[code] = newLexicon()
		for key, list := range byKey {
			all[code].learn(key, list)
		}
	}
	return all
})
