package mail

import (
	"strings"
	"unicode/utf8"
)

// reply returns what the person wrote in an answer: without quotes and the
// lines above them, signatures and what devices add; "" where nothing is left.
// In doubt a line is the person's, unless it could be one of a letter of ours
// that they quote: those must never be taken for theirs.
//
// It takes time linear in the size of plain: what it matches is at most
// matchMax bytes long, and what it looks ahead is bounded.
func reply(plain string) string {
	lines := split(plain)
	var parts []string // what stands between quotes
	var part []line
	end := func() {
		if text := joinText(trimPart(part)); text != "" {
			parts = append(parts, text)
		}
		part = nil
	}
	signature := false
	for i := 0; i < len(lines); i++ {
		switch l := lines[i]; {
		case l.quoted:
			end()
			signature = false
			i = wrapped(lines, i)
		case opensQuote(lines, i):
			end()
			signature = false
			if i = skipOpening(lines, i); i < len(lines) && !lines[i].quoted {
				i = len(lines) // the original follows as it is, down to the end
			}
			i-- // the quoted line is the next to see
		case l.text == "--" || l.text == "—": // the second is what some make of the first
			signature = true
		case !signature:
			part = append(part, l)
		}
	}
	end()
	return strings.Join(parts, "\n")
}

// matchMax is the longest line that can be anything but a person's or a quote.
const matchMax = 600

// line is one line of a mail.
type line struct {
	text   string // without white space around it
	folded string // as the words in opening.go are written; "" where it is longer than matchMax
	quoted bool   // begins with ">"
}

func (l line) blank() bool { return l.text == "" }

// plain says that the line is neither blank nor quoted.
func (l line) plain() bool { return l.text != "" && !l.quoted }

// linesMax is how many lines of a mail are looked at: far more than anybody
// writes or quotes.
const linesMax = 100_000

// split makes lines of a mail. Of empty ones, no more than two stand together.
func split(plain string) []line {
	lines := make([]line, 0, min(strings.Count(plain, "\n")+1, linesMax))
	blanks := 0
	for text := range strings.SplitSeq(strings.ToValidUTF8(plain, ""), "\n") {
		l := line{text: strings.TrimSpace(strings.Map(visible, text))}
		if blanks++; !l.blank() {
			blanks = 0
		}
		if blanks > 2 {
			continue
		}
		if len(lines) == linesMax {
			break
		}
		l.quoted = strings.HasPrefix(l.text, ">")
		if !l.quoted && len(l.text) <= matchMax {
			l.folded = fold(l.text)
		}
		lines = append(lines, l)
	}
	return lines
}

// visible drops characters that show nothing: phones put them around dates and
// at the start of quotes. Joiners stay, as emoji are made with them.
func visible(r rune) rune {
	switch {
	case r == '\u00a0', r == '\u202f', r == '\u2007', r == '\u3000', r == '\t':
		return ' '
	case r == '\ufeff', r == '\u200b', r >= '\u2060' && r <= '\u2064', r == '\u200e', r == '\u200f', r == '\u00ad', r == '\ufffc',
		r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r < ' ', r == '\u007f':
		return -1
	}
	return r
}

var folder = strings.NewReplacer("’", "'", "‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "*", "", "：", ":")

// fold writes a text as the words in opening.go are: in lower case, with plain quotes
// and dashes, one space between words, and without the stars of bold type.
func fold(text string) string {
	return strings.Join(strings.Fields(strings.ToLower(folder.Replace(text))), " ")
}

// Mail programs break lines that are longer than something between wrapMin and
// wrapMax characters.
const (
	wrapMin = 69
	wrapMax = 100
)

// overfull says that next may stand on a line of its own only because l was full.
func overfull(l, next line) bool {
	word, _, _ := strings.Cut(next.text, " ")
	length := utf8.RuneCountInString(l.text)
	return length <= wrapMax && length+1+utf8.RuneCountInString(word) > wrapMin
}

// wrapped returns the last line of the quoted line i: some programs break long
// quoted lines and give the rest no ">". Such a rest ("NO." of "Reply YES or
// NO.") must not be taken for an answer.
func wrapped(lines []line, i int) int {
	for i+1 < len(lines) && lines[i+1].plain() && overfull(lines[i], lines[i+1]) && !opensQuote(lines, i+1) {
		i++
	}
	return i
}
