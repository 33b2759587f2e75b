package conversation

import (
	"math"
	"slices"
	"strings"
)

// Gist is what an ad is about: the stems of its words, without the stopwords.
// Two of them can be compared where they were read in one language at least.
type Gist struct {
	words []gistWord
	stems map[string]bool // of all words
}

type gistWord struct {
	word  string
	stems []string // in each language
}

// Gist reads an ad.
func (ts Tongues) Gist(text string) Gist {
	g := Gist{stems: map[string]bool{}}
	for _, w := range slices.DeleteFunc(SearchWords(text), ts.silent) { // "help" alone is about nothing
		stems := ts.stems(w)
		if !g.has(stems) {
			g.words = append(g.words, gistWord{w, stems})
		}
		for _, stem := range stems {
			g.stems[stem] = true
		}
	}
	return g
}

func (g *Gist) has(stems []string) bool {
	return slices.ContainsFunc(stems, func(stem string) bool { return g.stems[stem] })
}

// Rarity knows how many of a community's ads have a word, whatever its form:
// the fewer, the more it tells. The zero Rarity knows of none.
type Rarity struct {
	ads  int
	with map[string]int // by stem
}

// Add counts an ad.
func (r *Rarity) Add(g Gist) {
	if r.with == nil {
		r.with = map[string]int{}
	}
	r.ads++
	for stem := range g.stems {
		r.with[stem]++
	}
}

// weight is what a word with some stems tells: always more than 0.
func (r *Rarity) weight(stems []string) float64 {
	with := 0
	for _, stem := range stems {
		with = max(with, r.with[stem])
	}
	return math.Log1p(float64(r.ads+1) / float64(with+1))
}

// Fits is how much of what a want says an offer says too: from 0, no word of
// it, to 1, each. Rare words count for more than common ones, and a word that is
// inside of another (Fahrrad, Fahrradreparatur) for half.
func (r *Rarity) Fits(offer, want Gist) float64 {
	var all, shared float64
	for _, w := range want.words {
		weight := r.weight(w.stems)
		all += weight
		switch {
		case offer.has(w.stems):
			shared += weight
		case slices.ContainsFunc(offer.words, w.within) || slices.ContainsFunc(offer.words, func(o gistWord) bool { return o.within(w) }):
			shared += weight / 2
		}
	}
	if all == 0 {
		return 0
	}
	return shared / all
}

// within says that a word begins or ends with another.
func (w gistWord) within(longer gistWord) bool {
	has := func(part string) bool {
		ends := func(s string) bool { return strings.HasSuffix(s, part) }
		return len(part) >= headLeast && len(longer.word) >= len(part)+restLeast &&
			(strings.HasPrefix(longer.word, part) || ends(longer.word) || slices.ContainsFunc(longer.stems, ends))
	}
	return has(w.word) || slices.ContainsFunc(w.stems, has) // gitaar, whose stem is gitar
}
