package conversation

import (
	"slices"
	"strings"
	"unicode"

	"crier/conversation/understand"
)

// SearchWords are the words that an ad is found by, or that are looked for:
// folded, each once, without single letters.
func SearchWords(s string) []string {
	var words []string
	for _, w := range strings.FieldsFunc(understand.Fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len([]rune(w)) < 2 && !isNumber(w) || slices.Contains(words, w) {
			continue
		}
		words = append(words, cut(w, 40))
	}
	return words
}

func isNumber(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// Mentions reports whether a text has every word that was said.
func Mentions(text, said string) bool {
	have := SearchWords(text)
	want := SearchWords(said)
	if len(want) == 0 {
		return false
	}
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) || strings.HasPrefix(w, h) }) {
			return false
		}
	}
	return true
}
