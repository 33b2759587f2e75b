package conversation

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
	"strings"

	"crier/ledger"
)

// Finding is what a search has found, the best first.
type Finding struct {
	Ads  []ledger.Ad
	Near bool // nothing has what was said: these have something like it
}

// How near a word of an ad is to one that was said.
const (
	misspelt  = 1 + iota // it may have been meant
	inside               // it has it inside: Fahrradreparatur, of "Reparatur"
	beginning            // it begins with it
	form                 // it is another form of it
	same
)

// What a search looks at: more words, or more that stand for one, would only
// make it slow.
const (
	saidMost  = 8
	standMost = 40
)

// Find looks for up to n ads by what somebody said. Words with typos count for
// a word that no ad has in any form; stopwords only where nothing else was said.
func (ts Tongues) Find(ctx context.Context, book *ledger.Book, said string, n int) (Finding, error) {
	words := ts.telling(said)
	words = words[:min(len(words), saidMost)]
	if len(words) == 0 {
		return Finding{}, nil
	}
	vocabulary, err := book.Vocabulary(ctx)
	if err != nil {
		return Finding{}, err
	}
	var sought []ledger.Sought
	for i, w := range words {
		said := ts.said(w)
		stand := said.forms(vocabulary, i)
		if len(stand) == 0 {
			stand = said.nearest(vocabulary, i)
		}
		sought = append(sought, stand...)
	}
	found, err := book.FindAds(ctx, sought, n)
	if err != nil {
		return Finding{}, err
	}
	if len(found) == 0 { // the words are of ads that are down
		sought = nil
		for i, w := range words {
			sought = append(sought, ts.said(w).nearest(vocabulary, i)...)
		}
		if found, err = book.FindAds(ctx, sought, n); err != nil {
			return Finding{}, err
		}
	}
	f := Finding{Near: len(found) > 0 && found[0].Near == misspelt}
	for _, ad := range found {
		f.Ads = append(f.Ads, ad.Ad)
	}
	return f, nil
}

// said is a word that is looked for.
type said struct {
	Tongues
	word    string
	stems   []string // in each language
	heads   []string // what longer words have of it: the stem, if it is long enough to tell
	letters uint64   // that it has
}

const (
	headLeast = 5 // letters of a word that others may have inside
	restLeast = 3 // letters that they must have besides
)

func (ts Tongues) said(w string) *said {
	s := &said{Tongues: ts, word: w, stems: ts.stems(w), letters: lettersOf(w)}
	for _, stem := range s.stems {
		if len(stem) < headLeast && strings.HasPrefix(w, stem) {
			stem = w[:min(len(w), headLeast)]
		}
		if len(stem) >= headLeast {
			s.heads = append(s.heads, stem)
		}
	}
	return s
}

// forms are the words of a vocabulary that are, or have in them, what was said
// at place i.
func (s *said) forms(vocabulary []string, i int) []ledger.Sought {
	compounds := s.compounds()
	var all []ledger.Sought
	for _, w := range vocabulary {
		if near := s.near(w, compounds); near > 0 {
			all = append(all, ledger.Sought{Word: w, For: i, Near: near})
		}
	}
	return nearestFirst(all)
}

// nearestFirst leaves out those of too many words that are least like what was said.
func nearestFirst(all []ledger.Sought) []ledger.Sought {
	slices.SortFunc(all, func(a, b ledger.Sought) int {
		return cmp.Or(cmp.Compare(b.Near, a.Near), cmp.Compare(len(a.Word), len(b.Word)), cmp.Compare(a.Word, b.Word))
	})
	return all[:min(len(all), standMost)]
}

// near says how near a word is to what was said; 0: it is another.
func (s *said) near(w string, compounds bool) int {
	switch {
	case w == s.word:
		return same
	case len(w) < 3 || len(s.word) < 3:
		return 0
	case w[:2] == s.word[:2] && s.isForm(w): // no stemmer changes the first letters
		return form
	case strings.HasPrefix(w, s.word):
		return beginning
	case slices.ContainsFunc(s.heads, func(head string) bool { return strings.HasPrefix(w, head) }): // gardener, of "gardening"
		return inside
	case compounds && s.isCompound(w):
		return inside
	}
	return 0
}

// isForm says that a word has the same stem in one of the languages, or is it.
func (s *said) isForm(w string) bool {
	for i, stem := range s.stems {
		if w == stem || s.Tongues[i].stem(w) == stem {
			return true
		}
	}
	return false
}

// isCompound says that one of the two words has the other inside.
func (s *said) isCompound(w string) bool {
	has := func(whole, part string) bool { return len(part) >= headLeast && len(whole) >= len(part)+restLeast }
	return slices.ContainsFunc(s.heads, func(head string) bool { return has(w, head) && strings.Contains(w, head) }) ||
		has(s.word, w) && !s.silent(w) && (strings.HasPrefix(s.word, w) || strings.HasSuffix(s.word, w))
}

// nearest are the words of a vocabulary that may have been meant by what was
// said at place i: those with the fewest typos, or else those that begin alike.
func (s *said) nearest(vocabulary []string, i int) []ledger.Sought {
	var all []ledger.Sought
	least := begunAlike
	for _, w := range vocabulary {
		d := s.typos(w)
		if d == 0 || d > least || s.silent(w) {
			continue
		}
		if d < least {
			all, least = nil, d
		}
		all = append(all, ledger.Sought{Word: w, For: i, Near: misspelt})
	}
	return nearestFirst(all)
}

// begunAlike counts as more than any typos.
const begunAlike = 3

// typos is how many make a word of what was said; 0 where the two have nothing
// in common, or everything. One typo may stand anywhere in a word of four letters
// or more, a second in one of seven whose first letter is right.
func (s *said) typos(w string) int {
	if len(w) < 3 || len(s.word) < 4 {
		return 0
	}
	if w[0] != s.word[0] {
		if firstLetterOnly(w, s.word) {
			return 1
		}
		return 0
	}
	allowed := 1
	if len(s.word) >= 7 {
		allowed = 2
	}
	if d := s.edits(w, allowed); d <= allowed {
		return d
	}
	if alike := commonPrefix(w, s.word); alike >= 5 && max(len(w), len(s.word)) <= alike+5 {
		return begunAlike
	}
	return 0
}

// edits is the distance of a word, of its stem or, where words are written
// together, of its beginning; more than are allowed count as one more.
func (s *said) edits(w string, allowed int) int {
	if bits.OnesCount64(s.letters&^lettersOf(w)) > allowed { // each edit brings one letter at most
		return allowed + 1
	}
	have, word := []rune(w), []rune(s.word)
	d := distance(have, word, allowed)
	begins := func(part []rune) {
		for n := len(part) - 1; s.compounds() && n <= len(part)+1 && n+restLeast <= len(have); n++ {
			d = min(d, distance(have[:n], part, allowed))
		}
	}
	if len(word) >= headLeast { // Fahrrat, and so Fahrradreparatur
		begins(word)
	}
	for i, stem := range s.stems {
		if len(stem) < headLeast {
			continue
		}
		stem := []rune(stem)
		if of := []rune(s.Tongues[i].stem(w)); len(of) >= headLeast {
			d = min(d, distance(of, stem, allowed))
		}
		begins(stem)
	}
	return d
}

// lettersOf are the letters that a word has, a bit for each of a to z.
func lettersOf(w string) (set uint64) {
	for i := range len(w) {
		if c := w[i] - 'a'; c < 26 {
			set |= 1 << c
		}
	}
	return set
}

// firstLetterOnly says that the first letter of one of two words is wrong,
// missing, or behind the second.
func firstLetterOnly(a, b string) bool {
	return a[1:] == b[1:] || a == b[1:] || a[1:] == b || len(a) == len(b) && a[0] == b[1] && a[1] == b[0] && a[2:] == b[2:]
}

// commonPrefix is how many bytes two words begin with alike.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
