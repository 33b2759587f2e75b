package sms

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"crier/bots"
)

// Plain is a text as it goes out as SMS to somebody who reads the language.
//
// What the GSM alphabet has all of stays as it is. Of other texts, what it
// lacks is written as people write it on telephones without those letters
// ("Łukasz" as "Lukasz"), and pictures are left out, if all of the text can be
// had so: no letter, digit or mark is ever lost. Where one cannot be had, being
// of another script, nothing is rewritten, so that the text reads well in
// UCS-2: it is only composed (NFC). The result is never sent in more segments
// than the text would be, and Plain leaves it as it is.
func Plain(text, locale string) string {
	if bots.GSM(text) {
		return text
	}
	composed := norm.NFC.String(strings.ToValidUTF8(text, "\ufffd"))
	most, _ := segments(text)
	if spelt, ok := spell(composed, locale); ok {
		if n, _ := segments(spelt); n <= most {
			return spelt
		}
	}
	if n, _ := segments(composed); n <= most {
		return composed
	}
	return text
}

// segments counts what a text is sent in, and says whether the GSM alphabet
// has all of it.
func segments(text string) (n int, gsm bool) {
	n, _, _, gsm = bots.Segments(text)
	return n, gsm
}

// spellings are what the GSM alphabet lacks and Unicode does not decompose, or
// not as people write it.
var spellings = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", '′': "'", '‵': "'", '´': "'", '`': "'", 'ʼ': "'", 'ʻ': "'", '‹': "'", '›': "'",
	'“': `"`, '”': `"`, '„': `"`, '‟': `"`, '″': `"`, '«': `"`, '»': `"`,
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '•': "-", '‣': "-", '⁃': "-", '●': "-", '▪': "-",
	'→': "->", '⇒': "->", '➔': "->", '➜': "->", '➡': "->", '←': "<-", '⇐': "<-", '⬅': "<-", '↔': "<->",
	'×': "x", '÷': "/", '⁄': "/", '≤': "<=", '≥': ">=", '±': "+/-", '¦': "|", '★': "*", '⭐': "*", '©': "(c)", '®': "(r)", '™': "(tm)",

	'ő': "ö", 'Ő': "Ö", 'ű': "ü", 'Ű': "Ü", // Hungarian: the next of kin, and other words without the dots
	'ł': "l", 'Ł': "L", 'đ': "d", 'Đ': "D", 'ð': "d", 'Ð': "D", 'þ': "th", 'Þ': "Th", 'ı': "i", 'œ': "oe", 'Œ': "Oe", 'ẞ': "SS",
	'ħ': "h", 'Ħ': "H", 'ŧ': "t", 'Ŧ': "T", 'ŋ': "ng", 'Ŋ': "Ng", 'ŀ': "l.", 'Ŀ': "L.", 'ə': "e", 'Ə': "E",
	'ɛ': "e", 'Ɛ': "E", 'ɔ': "o", 'Ɔ': "O", 'ɓ': "b", 'Ɓ': "B", 'ɗ': "d", 'Ɗ': "D", 'ƙ': "k", 'Ƙ': "K", 'ƴ': "y", 'Ƴ': "Y", 'ɲ': "ny", 'Ɲ': "Ny",
}

// ownSpellings are those of one language, by its code.
var ownSpellings = map[string]map[rune]string{
	"bs": balkan, "cnr": balkan, "hr": balkan, "sh": balkan, "sr": balkan,
	"it": {'À': "A'", 'È': "E'", 'Ì': "I'", 'Ò': "O'", 'Ù': "U'"}, // "E così" would say something else
}

var balkan = map[rune]string{'đ': "dj", 'Đ': "Dj"}

// pictures are emoji and ornaments. Dropped is none that says no.
var pictures = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x2300, 0x23ff, 1}, {0x25a0, 0x25ff, 1}, {0x2600, 0x27bf, 1}, {0x2b00, 0x2bff, 1}, {0x3030, 0x303d, 0x303d - 0x3030},
	},
	R32: []unicode.Range32{{0x1f000, 0x1f0ff, 1}, {0x1f170, 0x1faff, 1}},
}

const refusals = "✗✘❌❎⛔🚫👎🙅"

const (
	keycap  = '\u20e3' // encloses the digit before it
	picture = '\x00'   // stands where one was, in a text that has no control characters any more
)

// spell writes a composed text in the GSM alphabet. It reports false where that
// would lose something.
func spell(text, locale string) (string, bool) {
	language, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	own := ownSpellings[strings.ToLower(language)]
	var in, out []rune
	for _, r := range text {
		if !ignorable(r) {
			in = append(in, r)
		}
	}
	marked := false // what comes before is a letter, perhaps with marks
	for i, r := range in {
		var before, after rune // as written, and as read
		if len(out) > 0 {
			before = out[len(out)-1]
		}
		if i+1 < len(in) {
			after = in[i+1]
		}
		s, ok := own[r]
		switch {
		case ok:
		case bots.GSM(string(r)):
			out, marked = append(out, r), unicode.IsLetter(r)
			continue
		case accent(r) && marked:
			continue
		case r == keycap && len(out) > 0:
			if n := len(out); n > 1 && unicode.IsDigit(out[n-2]) {
				out = append(out[:n-1], ' ', before)
			}
			if unicode.IsNumber(after) {
				out = append(out, ' ')
			}
			continue
		case (r == '\u00a0' || r == '\u202f') && (after == '»' || i > 0 && in[i-1] == '«'): // French quotes stand off
			continue
		case r == '·': // Catalan "col·laborar", English "2·5"
			if s = "-"; wordy(before) && wordy(after) {
				s = "."
			}
		case r == '°' && (after == 'C' || after == 'F') && !unicode.IsLetter(before):
			if s = " "; before == ' ' {
				s = ""
			}
		case r == '°' && unicode.IsLetter(before): // French "n° 5"
			s = "o"
		default:
			if s, ok = spelling(r); !ok {
				return "", false
			}
		}
		if unicode.IsUpper(r) && (unicode.IsUpper(after) || !unicode.IsLetter(after) && unicode.IsUpper(before)) {
			s = strings.ToUpper(s)
		}
		if unicode.IsDigit(r) { // of another form
			out, marked = append(out, []rune(s)...), false
			continue
		}
		if s, ok = apart(r, s, before, after); !ok {
			return "", false
		}
		out, marked = append(out, []rune(s)...), unicode.IsLetter(r)
	}
	spelt, ok := unpictured(string(out))
	return spelt, ok && strings.ContainsFunc(spelt, wordy)
}

// apart keeps what is written for a character apart from the digits beside it:
// together they would read as another number. It reports false where a space
// would change what is said.
func apart(r rune, s string, before, after rune) (string, bool) {
	fraction := strings.ContainsRune(norm.NFKD.String(string(r)), '⁄')
	if figured(s, strings.HasPrefix) && unicode.IsDigit(before) {
		if !fraction { // 10²
			return "", false
		}
		s = " " + s
	}
	if figured(s, strings.HasSuffix) && unicode.IsNumber(after) {
		if !fraction && !strings.ContainsRune("°º№", r) { // n°5
			return "", false
		}
		s += " "
	}
	return s, true
}

// spelling is one character in the GSM alphabet, whatever stands around it.
func spelling(r rune) (string, bool) {
	if s, ok := spellings[r]; ok {
		return s, true
	}
	switch {
	case strings.ContainsRune("\v\u0085\u2028\u2029", r):
		return "\n", true
	case unicode.IsControl(r), unicode.IsSpace(r):
		return " ", true
	case unicode.Is(pictures, r) && !strings.ContainsRune(refusals, r):
		return string(picture), true
	case strings.ContainsRune("⁺⁻⁼₊₋₌", r): // 10⁻³ is no 10-3
		return "", false
	}
	parts := []rune(norm.NFD.String(string(r)))
	for n := len(parts) - 1; n > 0 && accent(parts[n]); n-- {
		if s := norm.NFC.String(string(parts[:n])); bots.GSM(s) {
			return s, true
		}
	}
	var b strings.Builder
	letter := false
	for _, c := range norm.NFKD.String(string(r)) {
		s, ok := spellings[c]
		switch {
		case ok:
		case bots.GSM(string(c)):
			s = string(c)
		case accent(c) && letter:
		default:
			return "", false
		}
		letter = unicode.IsLetter(c) || accent(c) && letter
		b.WriteString(s)
	}
	return b.String(), true
}

// ignorable reports whether a character is never seen itself: it joins others,
// gives them a direction or says how they look.
func ignorable(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) || r == '\u034f'
}

// accent reports whether a character is a mark on a letter which that can be
// read without. Strokes through it change what it says.
func accent(r rune) bool {
	return unicode.Is(unicode.Mn, r) && (r < 0x0334 || r > 0x0338)
}

// figured reports whether a text has at one end what can be taken for a digit.
func figured(s string, has func(s, end string) bool) bool {
	for _, c := range "0123456789oOlI" {
		if has(s, string(c)) {
			return true
		}
	}
	return false
}

func wordy(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

var pictureRun = regexp.MustCompile(`[ \x00]*\x00[ \x00]*`)

// unpictured takes the pictures out of a text, and the spaces and lines that
// were there for them alone. It reports false where one is all that stands
// between two marks, and so is what is said: an ad's whole text, in quotes.
func unpictured(s string) (string, bool) {
	var out []byte
	done := 0
	for _, at := range pictureRun.FindAllStringIndex(s, -1) {
		out = append(out, s[done:at[0]]...)
		done = at[1]
		before, after := string(out), s[done:]
		line := before[strings.LastIndexByte(before, '\n')+1:]
		quoted := strings.Count(line, `"`)%2 == 1

		begins, ends := line == "", after == "" || after[0] == '\n' || after[0] == '\r'
		opened := begins || strings.HasSuffix(line, ":") || strings.HasSuffix(line, "(") || strings.HasSuffix(line, "[") || quoted && strings.HasSuffix(line, `"`)
		closed := ends || s[done-1] != ' ' && closing.MatchString(after) || quoted && after[0] == '"'
		switch {
		case begins && ends:
			if done < len(s) {
				done = len(s) - len(strings.TrimPrefix(strings.TrimPrefix(after, "\r"), "\n"))
			} else {
				out = []byte(strings.TrimSuffix(strings.TrimSuffix(before, "\n"), "\r"))
			}
		case opened && closed:
			return "", false
		case closed || opened && !strings.HasSuffix(line, ":"):
		default:
			out = append(out, ' ')
		}
	}
	return string(out) + s[done:], true
}

// closing is what stands close to the word before it.
var closing = regexp.MustCompile(`^[.,;:!?)\]](\D|$)`)
