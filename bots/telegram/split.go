package telegram

import (
	"strings"
	"unicode/utf16"
)

// partMax is how long one message may be, in UTF-16 units (Bot API, sendMessage).
const partMax = 4096

// borders are where a long text may be cut, best first.
var borders = []string{"\n\n", "\n", " "}

// split cuts a text into parts of at most most UTF-16 units: between
// paragraphs where it can, else between lines, else between words, else
// between characters. The white space at a cut is dropped.
func split(text string, most int) []string {
	var parts []string
	for {
		head, rest := cutUnits(text, most)
		if rest == "" {
			return add(parts, head)
		}
		for _, border := range borders {
			// A border right behind the head is one as well.
			window := text[:min(len(text), len(head)+len(border))]
			if i := strings.LastIndex(window, border); i > 0 && strings.TrimSpace(text[:i]) != "" {
				head, rest = text[:i], text[i:]
				break
			}
		}
		parts = add(parts, strings.TrimRight(head, " \r\n"))
		text = strings.TrimLeft(rest, " \r\n")
	}
}

func add(parts []string, part string) []string {
	if strings.TrimSpace(part) == "" {
		return parts
	}
	return append(parts, part)
}

// cutUnits returns the longest start of s that has at most most UTF-16 units
// and ends with a whole character, and what is left.
func cutUnits(s string, most int) (head, rest string) {
	units := 0
	for i, r := range s {
		units += utf16.RuneLen(r)
		if units > most {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
