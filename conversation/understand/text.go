package understand

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What is looked at of a text: a command is short, and a mail of a megabyte is
// no slower to understand than a long one. Quoted lines do not count.
const (
	maxBytes  = 4000
	maxTokens = 300
)

type kind uint8

const (
	word   kind = iota
	number      // digits, with the marks inside them: 1.234,50 or 1:30
	phone       // a phone number, with its spaces
	handle      // @jo_k, luc@example.org
	link        // a web address
	mark        // punctuation
	line        // a line break
	symbol      // an emoji
)

// token is one word, number or mark of a text.
type token struct {
	kind       kind
	low        string // as written, in lower case
	word       string // folded: what is compared
	start, end int    // in text.s
	glued      bool   // nothing between it and the one before
	upper      bool   // starts with a capital
	minus      bool   // of a number: -5
	noise      bool   // a greeting, thanks, please: stands for nothing
}

// skip says that a pattern passes over the token.
func (t *token) skip() bool { return t.noise || t.kind == mark || t.kind == line || t.kind == symbol }

// text is what is looked at, and its tokens.
type text struct {
	s     string
	toks  []token
	cut   bool // there was more than is looked at
	shout bool // capitals everywhere: they say nothing
}

// fold makes what is written alike compare alike: lower case, no accents.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf || 'A' <= s[i] && s[i] <= 'Z' {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'œ':
			b.WriteString("oe")
		case r == 'æ':
			b.WriteString("ae")
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ı':
			b.WriteByte('i')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var fractionRunes = map[rune]string{'½': "1/2", '¼': "1/4", '¾': "3/4", '⅓': "1/3", '⅔': "2/3"}

// plain replaces the many forms of digits, spaces, quotes and dashes by one.
func plain(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	var last rune
	for _, r := range norm.NFC.String(strings.ToValidUTF8(s, "")) {
		if f, ok := fractionRunes[r]; ok {
			if unicode.IsDigit(last) {
				b.WriteByte(' ')
			}
			b.WriteString(f)
			last = r
			continue
		}
		switch {
		case r < utf8.RuneSelf && r != '\r':
		case r >= 0xFF01 && r <= 0xFF5E:
			r -= 0xFEE0
		case unicode.Is(unicode.Nd, r):
			r = digit(r)
		case r == '\u2028' || r == '\u2029' || r == '\r':
			r = '\n'
		case unicode.IsSpace(r):
			r = ' '
		case strings.ContainsRune("‘’‚‛′´`ʼ", r):
			r = '\''
		case strings.ContainsRune("“”„«»", r):
			r = '"'
		case strings.ContainsRune("‐‑‒–—−", r):
			r = '-'
		case r == '٫':
			r = '.'
		case r == '،' || r == '，':
			r = ','
		case r == '。':
			r = '.'
		case r == '؟':
			r = '?'
		case unicode.Is(unicode.Cf, r) && r != '\u200d':
			continue
		}
		if r < ' ' && r != '\n' {
			r = ' '
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// digit is the ASCII digit of any decimal digit: each script's ten stand
// together, and start at zero.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

var (
	linkStart = regexp.MustCompile(`^(?i)(?:https?://|www\.)\S+`)
	handleRE  = regexp.MustCompile(`^[\pL\pN._%+-]*@[\pL\pN_][\pL\pN._-]*`)
	phoneRE   = regexp.MustCompile(`^(?:\+|\(?0)[\d()]*(?:[ ./-]{1,2}\(?\d{2,}\)?|[ ./-]\d[ ./-]\d{3,})*`)
	numberRE  = regexp.MustCompile(`^\d+(?:[.,:]\d+|'\d{3})*`)
	wroteRE   = regexp.MustCompile(`(?i)^(?:on|am|le|el|il|em|op|den|a)\b.{4,160}(?:wrote|schrieb|a écrit|a ecrit|escribió|escribio|ha scritto|escreveu|schreef|va escriure|aliandika)\b.{0,80}:\s*$`)
	fromRE    = regexp.MustCompile(`(?i)^\*?(?:from|de|van|von|da)\*? ?:\*?.*@`)
	headerRE  = regexp.MustCompile(`(?i)^-{2,} ?(?:original message|message d'origine|message transféré|forwarded message|oorspronkelijk bericht|doorgestuurd bericht|ursprüngliche nachricht|mensaje original|messaggio originale)`)
)

// maxScan is how far into a text its own lines are looked for.
const maxScan = 256 << 10

// unquote parts the member's own lines from those of earlier messages, leaves
// out the signature below "-- ", and says whether there was more than is
// looked at.
func unquote(s string) (kept, quote string, cut bool) {
	var b, q strings.Builder
	earlier := func(l string) {
		if q.Len() < maxBytes {
			q.WriteString(strings.TrimLeft(l, "> \t") + "\n")
		}
	}
	for len(s) > 0 {
		l, rest, _ := strings.Cut(s, "\n")
		s = rest
		if len(l) > maxBytes {
			l, cut = l[:maxBytes], true
		}
		t := strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(t, ">"):
			earlier(t[:min(len(t), maxBytes)])
			continue
		case t == "--" || strings.HasPrefix(t, "____"):
			return b.String(), q.String(), cut
		case wroteRE.MatchString(t), headerRE.MatchString(t), fromRE.MatchString(t):
			earlier(rest[:min(len(rest), maxBytes)])
			return b.String(), q.String(), cut
		}
		// A mail program folds "On … wrote:" into two lines.
		if next, _, ok := strings.Cut(rest, "\n"); ok && len(t)+len(next) < 200 && !strings.HasSuffix(t, ".") && wroteRE.MatchString(t+" "+strings.TrimSpace(next)) && strings.ContainsAny(t, "0123456789") {
			earlier(rest[:min(len(rest), maxBytes)])
			return b.String(), q.String(), cut
		}
		if b.Len()+len(l) > maxBytes {
			return b.String() + l[:min(len(l), maxBytes-min(b.Len(), maxBytes))], q.String(), true
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return b.String(), q.String(), cut
}

// read makes tokens of a text. Elisions are those of the language.
func read(s string, elided map[string]bool) *text {
	t := &text{s: s}
	upper, lower := 0, 0
	glued := false
	for i := 0; i < len(s); {
		if len(t.toks) >= maxTokens {
			t.cut = true
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		prev := rune(' ')
		if i > 0 {
			prev, _ = utf8.DecodeLastRuneInString(s[:i])
		}
		add := func(k kind, n int) {
			raw := s[i : i+n]
			first, _ := utf8.DecodeRuneInString(raw)
			t.toks = append(t.toks, token{kind: k, low: strings.ToLower(raw), word: fold(raw), start: i, end: i + n, glued: glued, upper: unicode.IsUpper(first)})
			i, glued = i+n, true
		}
		switch {
		case r == '\n':
			add(line, 1)
			glued = false
		case unicode.IsSpace(r):
			i, glued = i+size, false
		case (r == 'h' || r == 'H' || r == 'w' || r == 'W') && linkStart.MatchString(s[i:min(len(s), i+2000)]):
			add(link, len(linkStart.FindString(s[i:min(len(s), i+2000)])))
		case (r == '@' || unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.IsLetter(prev) && isHandle(s[i:]) > 0:
			add(handle, isHandle(s[i:]))
		case (r == '+' || r == '0' || r == '(') && !unicode.IsLetter(prev) && !unicode.IsDigit(prev) && isPhone(s[i:]) > 0:
			add(phone, isPhone(s[i:]))
		case (r == '.' || r == ',') && !glued && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			add(number, 1+len(numberRE.FindString(s[i+1:min(len(s), i+64)]))) // .75
		case r >= '0' && r <= '9':
			n := len(numberRE.FindString(s[i:min(len(s), i+64)]))
			k := number
			if n >= 8 && !strings.ContainsAny(s[i:i+n], ".,:'") {
				k = phone
			}
			add(k, n)
			if p := len(t.toks) - 2; p >= 0 && k == number {
				// A dash right before the digits, and not between two words or numbers.
				dash := &t.toks[p]
				if dash.kind == mark && dash.word == "-" && t.toks[p+1].glued && (p == 0 || !dash.glued) {
					t.toks[p] = t.toks[p+1]
					t.toks[p].minus, t.toks[p].glued = true, false
					t.toks = t.toks[:p+1]
				}
			}
		case unicode.IsLetter(r):
			n := wordLen(s[i:], elided)
			if p := len(t.toks) - 1; p >= 0 && glued && t.toks[p].kind == number { // the "h" of "1h15"
				n = strings.IndexFunc(s[i:], func(r rune) bool { return !unicode.IsLetter(r) })
				if n < 0 {
					n = len(s) - i
				}
			}
			raw := s[i : i+n]
			add(word, n)
			w := &t.toks[len(t.toks)-1]
			w.word = foldWord(w.word)
			for _, c := range raw {
				if unicode.IsUpper(c) {
					upper++
				} else if unicode.IsLower(c) {
					lower++
				}
			}
		case strings.ContainsRune("€$£¥₹&#", r):
			add(word, size)
		case unicode.Is(unicode.So, r) || r >= 0x1F000 || r == '✓' || r == '✔':
			n := size
			for n < len(s[i:]) { // skin tones, joiners, selectors
				c, m := utf8.DecodeRuneInString(s[i+n:])
				if c != '\u200d' && c != '\ufe0f' && (c < 0x1F3FB || c > 0x1F3FF) {
					break
				}
				n += m
			}
			add(symbol, n)
			t.toks[len(t.toks)-1].word = string(r)
		case r == '\'' && len(t.toks) > 0 && t.toks[len(t.toks)-1].kind == word && glued && len(s) > i+1 && (s[i+1] == 's' || s[i+1] == 'S') && (len(s) == i+2 || !isWordByte(s[i+2:])):
			add(word, 2)
			t.toks[len(t.toks)-1].word = "'s"
			t.toks[len(t.toks)-1].upper = false
		default:
			add(mark, size)
		}
	}
	t.shout = upper > 6 && lower == 0
	return t
}

func isWordByte(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// isHandle returns the length of the @handle or mail address that s starts with.
func isHandle(s string) int {
	end := strings.IndexFunc(s, unicode.IsSpace)
	if end < 0 {
		end = len(s)
	}
	if end > 200 || !strings.Contains(s[:end], "@") {
		return 0
	}
	return len(strings.TrimRight(handleRE.FindString(s[:end]), ".-"))
}

// isPhone returns the length of the phone number that s starts with: at least
// 8 digits, at most 11 where it has no country code, so that an amount that
// follows stays outside.
func isPhone(s string) int {
	m := phoneRE.FindString(s[:min(len(s), 40)])
	most := 11
	if strings.HasPrefix(m, "+") || strings.HasPrefix(m, "00") {
		most = 15
	}
	for {
		m = strings.TrimRight(m, " ./-(")
		digits := 0
		for _, c := range m {
			if c >= '0' && c <= '9' {
				digits++
			}
		}
		switch {
		case digits < 8:
			return 0
		case digits <= most:
			if len(s) > len(m) && s[len(m)] >= '0' && s[len(m)] <= '9' {
				return 0
			}
			return len(m)
		}
		cut := strings.LastIndexAny(m, " ./-")
		if cut < 0 {
			return 0
		}
		m = m[:cut]
	}
}

// wordLen returns how long the word is that s starts with: letters and the
// digits, points and apostrophes inside it; an elided article is a word of its
// own, with its apostrophe.
func wordLen(s string, elided map[string]bool) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || r == '_':
			n += size
			continue
		case r == '\'' && n > 0:
			if elided[fold(s[:n])] {
				return n + 1
			}
			if rest := s[n+1:]; len(rest) > 0 && isWordByte(rest) {
				if (rest[0] == 's' || rest[0] == 'S') && (len(rest) == 1 || !isWordByte(rest[1:])) {
					return n
				}
				n++
				continue
			}
		case r == '.' && n > 0:
			if rest := s[n+1:]; len(rest) > 0 {
				c, _ := utf8.DecodeRuneInString(rest)
				if unicode.IsLower(c) || unicode.IsUpper(c) && n == 1 {
					n++
					continue
				}
			}
		}
		break
	}
	return n
}

// foldWord drops the apostrophe of "don't" and the points of "s.v.p"; an
// elided word keeps its apostrophe.
func foldWord(w string) string {
	if strings.HasSuffix(w, "'") {
		return w
	}
	w = strings.ReplaceAll(w, "'", "")
	if strings.Contains(w, ".") {
		for p := range strings.SplitSeq(w, ".") {
			if len(p) > 1 {
				return w
			}
		}
		w = strings.ReplaceAll(w, ".", "")
	}
	return w
}

// span returns the text of the tokens from i up to j, without noise and
// without the marks around it.
func (t *text) span(i, j int) string {
	for i < j && t.toks[i].skip() && t.toks[i].word != "(" && t.toks[i].word != "\"" {
		i++
	}
	for i < j && t.toks[j-1].skip() && t.toks[j-1].word != ")" && t.toks[j-1].word != "\"" {
		j--
	}
	var b strings.Builder
	for n := i; n < j; n++ {
		if t.toks[n].noise || t.toks[n].kind == line {
			continue
		}
		if t.toks[n].word == "," && strings.HasSuffix(b.String(), ",") {
			continue
		}
		if b.Len() > 0 && !t.toks[n].glued {
			b.WriteByte(' ')
		}
		b.WriteString(t.s[t.toks[n].start:t.toks[n].end])
	}
	out := strings.Trim(b.String(), " ,;:-")
	if len(out) > 1 && out[0] == '"' && strings.Count(out, `"`) == 2 && out[len(out)-1] == '"' {
		out = strings.TrimSpace(out[1 : len(out)-1])
	}
	return out
}
