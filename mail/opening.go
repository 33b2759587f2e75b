package mail

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The words below are what mail programs write around an answer, a language a
// line, in lower case and with ' for ’. Nobody reads them, so they are not in
// locales: who adds a language looks them up in mails.

// quoteWords are those of the line above a quote: "On 3 March … wrote:".
var quoteWords = []struct{ starts, verbs, self, when string }{
	{"on", "wrote|writes", "i", "on"},                              // en
	{"le", "a écrit|a ecrit|écrivait", "j'ai|je", "le"},            // fr
	{"op", "schreef|geschreven|schrijft", "ik", "op"},              // nl
	{"am", "schrieb|geschrieben|schreibt", "ich", "am"},            // de
	{"el|en", "escribió|escribio|va escriure", "", "el"},           // es, ca
	{"il|in data", "ha scritto|scrive", "", "il|in data"},          // it
	{"em|a", "escreveu", "", "em"},                                 // pt
	{"den|d.|på", "skrev", "jeg|jag", "den|d.|på"},                 // da, sv, no
	{"", "kirjoitti", "", ""},                                      // fi
	{"w dniu|dnia|", "napisał|napisał(a)|napisała|pisze", "", "w"}, // pl
}

// quotingWords begin a line above a quote that has no date: "Quoting Luc:".
const quotingWords = "quoting|citation de|citeren|zitat von|citando|cita di"

// headerWords are the fields at the top of a quote: from, date, to, subject,
// and others that stand between these.
var headerWords = [][5]string{
	{"from", "sent|date|sent at", "to", "subject", "cc|bcc|reply-to|importance|attachments"},                  // en
	{"de|expéditeur", "envoyé|envoyé le|date|message du", "à|a|pour", "objet|sujet", "copie à|répondre à|pj"}, // fr
	{"van|afzender", "verzonden|datum|verstuurd", "aan", "onderwerp", "antwoord aan|bijlagen"},                // nl
	{"von|absender", "gesendet|datum|gesendet am", "an", "betreff", "kopie|antwort an|priorität"},             // de
	{"de|remitente", "enviado|enviado el|fecha|enviado a las", "para", "asunto", "responder a"},               // es
	{"da|mittente", "inviato|data|inviato il", "a", "oggetto|ogg", "rispondi a"},                              // it
	{"de", "enviado|enviada|enviada em|enviado em|data", "para", "assunto", ""},                               // pt
	{"de", "enviat|enviat el|data", "per a|a", "assumpte|tema", ""},                                           // ca
	{"fra", "sendt|dato", "til", "emne", "kopi"},                                                              // da, no
	{"från", "skickat|datum", "till", "ämne", "kopia"},                                                        // sv
	{"lähettäjä", "lähetetty|päivämäärä|päiväys", "vastaanottaja", "aihe", "kopio"},                           // fi
	{"od", "wysłano|wysłane|data", "do", "temat", "dw"},                                                       // pl
}

// originalWords stand between dashes above an original, or begin a line with a
// colon at its end: "-----Original Message-----", "Begin forwarded message:".
var originalWords = []string{
	"original message|forwarded message|begin forwarded message|original email|original appointment|reply message|forwarded by",
	"message d'origine|message original|mail original|e-mail d'origine|message initial|message transféré|message transmis|début du message transféré|début du message réexpédié|courriel original",
	"oorspronkelijk bericht|origineel bericht|originele bericht|oorspronkelijke bericht|doorgestuurd bericht|begin doorgestuurd bericht",
	"ursprüngliche nachricht|originalnachricht|original-nachricht|originalmeldung|originale nachricht|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|original nachricht",
	"mensaje original|mensaje reenviado|inicio del mensaje reenviado|mensaje de origen",
	"messaggio originale|messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|messaggio d'origine",
	"mensagem original|mensagem encaminhada|missatge original|missatge reenviat",
	"oprindelig meddelelse|oprindelig besked|original besked|videresendt meddelelse|opprinnelig melding|videresendt melding|ursprungligt meddelande|originalmeddelande|vidarebefordrat meddelande",
	"alkuperäinen viesti|välitetty viesti|wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana|przekazana wiadomość",
}

// opensQuote says that line i is the first of those that stand above a quote.
func opensQuote(lines []line, i int) bool {
	return isOriginal(lines, i) || headerBlock(lines, i) > 0 || attribution(lines, i) > 0
}

// skipOpening returns the first line from i on that does not belong to what
// stands above a quote.
func skipOpening(lines []line, i int) int {
	for i < len(lines) {
		switch l := lines[i]; {
		case l.blank() || isRule(l) || isOriginal(lines, i):
			i++
		case l.quoted:
			return i
		default:
			n := max(headerBlock(lines, i), attribution(lines, i))
			if n == 0 {
				return i
			}
			i += n
		}
	}
	return i
}

// isOriginal knows "-----Original Message-----" and "Begin forwarded message:"
// in line i, and these words alone above a header.
func isOriginal(lines []line, i int) bool {
	folded := lines[i].folded
	dashed := strings.HasPrefix(folded, "--") || strings.HasPrefix(folded, "__") || strings.HasPrefix(folded, "==")
	words := strings.Trim(folded, "-_=~>< ")
	for _, language := range originalWords {
		for word := range strings.SplitSeq(language, "|") {
			rest, ok := strings.CutPrefix(words, word)
			switch {
			case !ok:
			case dashed && (rest == "" || strings.ContainsRune(" :-", rune(rest[0]))), strings.TrimSpace(rest) == ":":
				return true
			case rest == "" && i+1 < len(lines) && headerBlock(lines, i+1) > 0:
				return true
			}
		}
	}
	return false
}

// field is a kind of header field.
type field int

const (
	fieldFrom field = 1 << iota
	fieldDate
	fieldTo
	fieldSubject
	fieldOther
)

var fields = func() map[string]field {
	known := make(map[string]field)
	for _, language := range headerWords {
		for i, words := range language {
			for word := range strings.SplitSeq(words, "|") {
				known[word] |= 1 << i
			}
		}
	}
	delete(known, "")
	return known
}()

// fieldOf returns what field a line is, or 0.
func fieldOf(l line) field {
	name, _, ok := strings.Cut(l.folded, ":")
	if !ok || l.quoted {
		return 0
	}
	return fields[strings.TrimSpace(name)]
}

// blockMax is how many lines a header block has at most.
const blockMax = 20

// headerBlock returns how many lines the header of an original has that begins
// at line i, or 0 where there is none. One field alone is a person's sentence
// ("De : Luc"), and so are several that may tell of a journey: from, to, and a
// day.
func headerBlock(lines []line, i int) int {
	if fieldOf(lines[i]) == 0 {
		return 0
	}
	var seen field
	written := false // by a machine: with an address, or with the minute
	last := i        // the last line that belongs to it
	for n, blanks := i, 0; n < len(lines) && n < i+blockMax; n++ {
		l := lines[n]
		kind := fieldOf(l)
		switch {
		case kind != 0:
			seen |= kind
			written = written || strings.Contains(l.text, "@") || kind&fieldDate != 0 && hasClock(l.folded) && hasYear(l.folded)
			last, blanks = n, 0
			continue
		case l.blank(): // where each field is a paragraph of its own
			blanks++
		}
		if l.quoted || blanks > 1 || blanks == 1 && !l.blank() || n-last > 2 {
			break // a list of addresses goes on for a line or two
		}
	}
	if seen&fieldFrom == 0 || seen&fieldSubject == 0 && (!written || seen&(fieldDate|fieldTo) == 0) {
		return 0
	}
	for last+1 < len(lines) && lines[last+1].plain() && last < i+blockMax {
		last++ // the rest of a long subject
	}
	return last - i + 1
}

// attributionMax is over how many lines the line above a quote may be broken.
const attributionMax = 4

// attribution returns how many lines "On 3 March … wrote:" takes that begins
// at line i, or 0 where there is none.
func attribution(lines []line, i int) int {
	joined := ""
	for n := i; n < len(lines) && n < i+attributionMax; n++ {
		switch l := lines[n]; {
		case l.folded != "":
			joined = angles.Replace(strings.TrimSpace(joined + " " + l.folded))
		case n > i && l.text == ">:": // the end of an address
			joined += l.text
		default:
			return 0
		}
		if len(joined) > matchMax {
			return 0
		}
		switch quoteLine(joined) {
		case no:
			if runsOn(joined) {
				return n - i + 1
			}
		case certain:
			if n+1 < len(lines) && lines[n+1].folded == ":" {
				n++
			}
			return n - i + 1
		case likely: // with a quote below it
			next := n + 1
			for next < len(lines) && lines[next].blank() {
				next++
			}
			if next < len(lines) && lines[next].quoted {
				return n - i + 1
			}
		}
		if n+1 == len(lines) || !goesOn(joined, lines[n], lines[n+1]) {
			return 0
		}
	}
	return 0
}

// goesOn says that a line above a quote that has begun may go on in next, the
// line below l: it had to be broken there, or has got as far as the name or the
// date.
func goesOn(joined string, l, next line) bool {
	named := strings.Contains(joined, "<")
	switch {
	case named || strings.HasPrefix(next.text, "<"):
		return true
	case startsQuoteLine(next.folded) && hasYear(next.folded) && !hasVerb(joined):
		return false // it begins there, right below a person's line
	case startsQuoteLine(joined):
		return overfull(l, next) || hasYear(joined) || hasDigit(joined) && len(joined) >= 25
	}
	return overfull(l, next) || hasYear(joined) && (hasClock(joined) || hasVerb(joined))
}

// runsOn says that the original begins on the same line, right after the one
// above a quote: Yahoo's. A person writes no address between < and >.
func runsOn(s string) bool {
	if !hasClock(s) || !strings.Contains(s, ">") {
		return false
	}
	for at, tries := 0, 0; tries < 10; tries++ {
		next := strings.Index(s[at:], ": ")
		if next < 0 {
			return false
		}
		at += next + 1
		if start := s[:at]; strings.Contains(start, "<") && namedAddress.MatchString(start) && quoteLine(start) == certain {
			return true
		}
	}
	return false
}

// certainty says how surely a line is one above a quote.
type certainty int

const (
	no certainty = iota
	likely
	certain
)

var (
	namedAddress = regexp.MustCompile(`[<(][^<>()\s]*@[^<>()\s]*[>)]|^"?[^\s@]+@[^\s@]+`)
	lastAddress  = regexp.MustCompile(`[<(][^<>()\s]*@[^<>()\s]*[>)]$`)
	angles       = strings.NewReplacer("< ", "<", " >", ">") // where a line was broken
)

// hasClock finds a time of the day. By hand: it is asked of every line.
func hasClock(s string) bool {
	for i := 1; i+2 < len(s); i++ {
		if (s[i] == ':' || s[i] == '.') && isDigit(s[i-1]) && isDigit(s[i+1]) && isDigit(s[i+2]) {
			return true
		}
	}
	return false
}

// hasYear finds one of this century.
func hasYear(s string) bool {
	for at := strings.Index(s, "20"); at >= 0 && at+3 < len(s); at++ {
		if isDigit(s[at+2]) && isDigit(s[at+3]) {
			return true
		}
		next := strings.Index(s[at+1:], "20")
		if next < 0 {
			return false
		}
		at += next
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// quoteLine says whether a folded text of at most matchMax bytes is a whole
// line above a quote, in any order of its parts.
func quoteLine(s string) certainty {
	dashed := strings.HasPrefix(s, "--") && strings.HasSuffix(s, "--") // Zoho's, and that of old Android phones
	ended := dashed || strings.HasSuffix(s, ":")
	if !ended && (!startsQuoteLine(s) || !hasClock(s) || !namedAddress.MatchString(s)) {
		return no
	}
	s = strings.Trim(s, "-: ")
	for _, w := range quoteWords {
		for verb := range strings.SplitSeq(w.verbs, "|") {
			at := indexWord(s, verb)
			if at < 0 {
				continue
			}
			before, after := strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+len(verb):])
			if isSelf(before, after, w.self) {
				return no
			}
			dated := hasClock(s) || hasYear(s) || strings.Contains(s, "@")
			placed := startsQuoteLine(s) || namedAddress.MatchString(before) && (after == "" || hasDigit(after)) ||
				startsWithAny(after, w.when) && hasDigit(after)
			switch {
			case !ended && after != "":
			case placed && dated, dashed && after == "":
				return certain
			case placed || after == "":
				return likely
			}
		}
	}
	switch at := hasClock(s); { // in a language unknown, or without a verb: "3 Mar 2026, 10:12 by luc@luc.example:"
	case !ended:
		return no
	case at && lastAddress.MatchString(s):
		return certain
	case at && (strings.Contains(s, "@") || hasYear(s)), startsWithAny(s, quotingWords):
		return likely
	}
	return no
}

// startsQuoteLine says that a folded text begins like a line above a quote.
func startsQuoteLine(s string) bool {
	s = strings.TrimLeft(s, "-\"' ")
	for _, w := range quoteWords {
		if startsWithAny(s, w.starts) {
			return true
		}
	}
	return false
}

func hasVerb(s string) bool {
	for _, w := range quoteWords {
		for verb := range strings.SplitSeq(w.verbs, "|") {
			if indexWord(s, verb) >= 0 {
				return true
			}
		}
	}
	return false
}

// isSelf says that the verb is a person's own, as in "on Monday I wrote:".
func isSelf(before, after, self string) bool {
	for word := range strings.SplitSeq(self, "|") {
		if word != "" && (before == word || strings.HasSuffix(before, " "+word) || after == word || strings.HasPrefix(after, word+" ")) {
			return true
		}
	}
	return false
}

// startsWithAny says that s begins with one of the words, which "|" separates.
func startsWithAny(s, words string) bool {
	for word := range strings.SplitSeq(words, "|") {
		if rest, ok := strings.CutPrefix(s, word); ok && word != "" && (rest == "" || !isWordRune(rest)) {
			return true
		}
	}
	return false
}

// indexWord finds word in s where no letter stands before or after it, the
// last such place.
func indexWord(s, word string) int {
	for end := len(s); ; {
		at := strings.LastIndex(s[:end], word)
		if at < 0 {
			return -1
		}
		r, _ := utf8.DecodeLastRuneInString(s[:at])
		if !unicode.IsLetter(r) && !isWordRune(s[at+len(word):]) {
			return at
		}
		end = at + len(word) - 1
	}
}

// isWordRune says that s begins with a letter or a digit.
func isWordRune(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
