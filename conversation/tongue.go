package conversation

import (
	"slices"
	"strings"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/spanish"

	"crier/conversation/understand"
)

// stemmers are the Snowball stemmers (https://snowballstem.org/algorithms/) of
// the languages that have one. Words of any other are compared as they are.
var stemmers = map[string]func(*snowballstem.Env) bool{
	"en": english.Stem, "fr": french.Stem, "nl": dutch.Stem, "de": german.Stem, "es": spanish.Stem, "it": italian.Stem,
}

// tongue is how the words of ads are compared in one language.
type tongue struct {
	locale    string
	stemmer   func(*snowballstem.Env) bool // nil: a word has no other forms
	stopwords map[string]bool
}

// Tongues are the languages in which ads are read: one word is another where
// it is in any of them.
type Tongues []tongue

// NewTongues makes the Tongues of some languages, each once and without "".
func NewTongues(u *understand.Understander, locales ...string) Tongues {
	var ts Tongues
	for _, locale := range locales {
		base, _, _ := strings.Cut(strings.ToLower(locale), "-")
		if base != "" && !slices.ContainsFunc(ts, func(have tongue) bool { return have.locale == base }) {
			ts = append(ts, tongue{base, stemmers[base], u.Stopwords(base)})
		}
	}
	return ts
}

// Tongues are the language of somebody who writes, "" for nobody's, and that of
// the community.
func (t *Turn) Tongues(locale string) Tongues {
	return NewTongues(t.engine.understand, locale, t.Book.Community().Locale)
}

// TonguesOf are the languages of some locales, and of the community.
func (t *Turn) TonguesOf(locales ...string) Tongues {
	return NewTongues(t.engine.understand, append(locales, t.Book.Community().Locale)...)
}

// stem is what all forms of a folded word have in common. It is for comparing
// only: "bicycl" is no word to show.
func (g *tongue) stem(w string) string {
	for range 3 { // a stem may have an ending itself: fietsen, fiets, fiet
		before := w
		if g.stemmer != nil {
			env := snowballstem.NewEnv(w)
			g.stemmer(env)
			w = env.Current()
		}
		if w == before {
			break
		}
	}
	switch {
	case g.locale == "fr" && len(w) > 4: // the stemmer leaves the s of "velos"
		w = strings.TrimSuffix(w, "s")
	case g.locale == "de" && len(w) > 5: // reparieren, Reparatur
		w = strings.TrimSuffix(w, "i")
	case g.locale == "nl" && strings.HasSuffix(w, "z"): // huizen, huis
		w = w[:len(w)-1] + "s"
	case g.locale == "nl" && strings.HasSuffix(w, "v"): // brieven, brief
		w = w[:len(w)-1] + "f"
	case g.locale == "nl" && len(w) > 6: // repareren, reparatie
		w = strings.TrimSuffix(w, "er")
	}
	return w
}

// stems are those of a word in each language.
func (ts Tongues) stems(w string) []string {
	all := make([]string, len(ts))
	for i := range ts {
		all[i] = ts[i].stem(w)
	}
	return all
}

// compounds says that one of the languages writes several words as one.
func (ts Tongues) compounds() bool {
	return slices.ContainsFunc(ts, func(g tongue) bool { return g.locale == "de" || g.locale == "nl" })
}

// silent says that a word is a stopword of one of the languages.
func (ts Tongues) silent(w string) bool {
	return slices.ContainsFunc(ts, func(g tongue) bool { return g.stopwords[w] })
}

// telling are the folded words of a text without the stopwords, or all of them
// where there are no others.
func (ts Tongues) telling(text string) []string {
	all := SearchWords(text)
	if words := slices.DeleteFunc(slices.Clone(all), ts.silent); len(words) > 0 {
		return words
	}
	return all
}
