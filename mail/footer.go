package mail

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// footers are what phones and mail programs put below what a person wrote, a
// language a line, written as the words in opening.go. A "*" is anything, a "@"
// at the end anything with one of the programs in it.
var footers = []string{
	"sent from my *|sent from the all new *|sent from @|sent via @|sent with @|sent using @|secured with tuta*|get outlook for *|get bluemail *|yahoo mail: *|please excuse my brevity*|please consider the environment*",
	"envoyé de mon *|envoyé de ma *|envoyé de @|envoyé depuis mon *|envoyé depuis ma *|envoyé depuis @|envoyé à partir d@|envoyé avec @|envoyé par @|envoyé via @|obtenir outlook *|obtenez outlook *|télécharger outlook *|téléchargez outlook *|télécharger bluemail *|téléchargez bluemail *|provenance : courrier *|provenance: courrier *|yahoo mail : *|veuillez excuser ma brièveté*|pensez à l'environnement*|merci de penser à l'environnement*",
	"verzonden vanaf mijn *|verstuurd vanaf mijn *|verzonden van mijn *|verstuurd van mijn *|verzonden vanaf @|verstuurd vanaf @|verzonden vanuit @|verstuurd vanuit @|verzonden via @|verstuurd via @|verzonden met @|verstuurd met @|outlook voor * downloaden*|download outlook voor *|haal outlook voor *|download bluemail *|excuseer mijn beknoptheid*|denk aan het milieu*",
	"von meinem * gesendet*|von meiner * gesendet*|gesendet von meinem *|gesendet von @|gesendet mit @|gesendet über @|gesendet via @|diese nachricht wurde * gesendet*|holen sie sich outlook*|outlook für * beziehen*|outlook für * herunterladen*|laden sie outlook *|laden sie bluemail *|bitte denken sie an die umwelt*",
	"enviado desde mi *|enviado desde @|enviado con @|enviado vía @|enviado via @|obtener outlook *|obtén outlook *|descargar outlook *|obtener bluemail *|antes de imprimir *",
	"inviato dal mio *|inviato dalla mia *|inviato da @|inviato dal@|inviato con @|inviato tramite @|ottieni outlook *|scarica outlook *|ottieni bluemail *|prima di stampare *",
	"enviado do meu *|enviado a partir d@|enviat des d@|obter o outlook *|sendt fra min *|sendt fra mit *|sendt fra @|skickat från min *|skickades från @|lähetetty @|wysłano z @|wysłane z @|hent outlook *|hämta outlook *|pobierz outlook *",
}

// programs are what such a line is proud of.
var programs = strings.Split("mail|outlook|yahoo|gmail|proton|tuta|spark|bluemail|typeapp|k-9|courriel|correo|correu|posta|courrier|"+
	"iphone|ipad|ios|mac|android|samsung|galaxy|huawei|xiaomi|redmi|oppo|honor|pixel|motorola|nokia|sony|blackberry|fairphone|wiko|"+
	"phone|mobil|móvil|telefo|téléphone|teléfono|tablet|appareil|device|gerät|app|windows|webmail|gmx|web.de|aol|orange|libero|sfr|free", "|")

// legalStarts begin a paragraph that firms and virus scanners add, and
// legalWords are in it.
var legalStarts = strings.Split("this e-mail|this email|this message|the information|the content|the contents|disclaimer|confidentiality|virus-free|"+
	"ce message|ce courriel|cet e-mail|ce mail|cet email|les informations|l'absence de virus|garanti sans virus|sans virus|avis de confidentialité|"+
	"dit bericht|deze e-mail|dit e-mail|de informatie|virusvrij|deze mail|"+
	"diese e-mail|diese nachricht|diese mail|virenfrei|der inhalt|die information|"+
	"este mensaje|este correo|la información|libre de virus|aviso legal|"+
	"questo messaggio|questa e-mail|questa mail|le informazioni|privo di virus|avviso di riservatezza|"+
	"esta mensagem|aquest missatge|denne e-mail|denna e-post|tämä viesti|ta wiadomość", "|")

var legalWords = strings.Split("confiden|privileged|intended|virus|avast|vertrouwelijk|geadresseerde|bestemd voor|vertraulich|bestimmt|riservat|destinat|viren|fortrolig|konfidentiell|luottamuksell|poufn", "|")

// trimPart takes off the end of a part what the person did not write there.
// Nothing is ever taken out of the middle.
func trimPart(part []line) []line {
	for {
		n := len(part)
		for n > 0 && (part[n-1].blank() || isRule(part[n-1]) || isFooter(part[n-1].folded)) {
			n--
		}
		n = trimLegal(part[:n])
		n = trimContact(part[:n])
		if n == len(part) {
			return part
		}
		part = part[:n]
	}
}

// joinText makes a text of a part, with at most one blank line between two others.
func joinText(part []line) string {
	var text strings.Builder
	for i, l := range part {
		if l.blank() && (i == 0 || part[i-1].blank()) {
			continue
		}
		text.WriteString(l.text)
		text.WriteByte('\n')
	}
	return strings.TrimSpace(text.String())
}

// footerMax is the longest footer in bytes: a link may be in it.
const footerMax = 160

func isFooter(folded string) bool {
	if folded == "" || len(folded) > footerMax {
		return false
	}
	folded = strings.Trim(folded, "[(_ ")
	for _, language := range footers {
		for pattern := range strings.SplitSeq(language, "|") {
			start, rest, _ := strings.Cut(pattern, "*")
			start, program := strings.CutSuffix(start, "@")
			after, ok := strings.CutPrefix(folded, start)
			if ok && strings.Contains(after, strings.TrimSuffix(rest, "*")) && (!program || hasAny(after, programs, strings.Contains)) {
				return true
			}
		}
	}
	return false
}

// paragraphMax is how many lines of a paragraph are looked at.
const paragraphMax = 40

// lastParagraph returns where the last paragraph begins; len(part) where it is
// too long to be looked at.
func lastParagraph(part []line) int {
	for n := len(part) - 1; n >= 0 && n >= len(part)-paragraphMax; n-- {
		if part[n].blank() || isRule(part[n]) {
			return n + 1
		}
	}
	if len(part) <= paragraphMax {
		return 0
	}
	return len(part)
}

// trimLegal returns how many lines are left without a disclaimer, or without
// what a virus scanner says, in the last paragraph.
func trimLegal(part []line) int {
	start := lastParagraph(part)
	var text strings.Builder
	for _, l := range part[start:] {
		text.WriteString(fold(l.text[:min(len(l.text), 2*matchMax)]))
		text.WriteByte(' ')
	}
	paragraph := strings.TrimLeft(text.String(), "\"'[( ")
	// A person may call a message confidential too, but in fewer words.
	if len(paragraph) < 90 && !strings.Contains(paragraph, "avast") && !strings.Contains(paragraph, "www.") {
		return len(part)
	}
	if !hasAny(paragraph, legalStarts, strings.HasPrefix) || !hasAny(paragraph, legalWords, strings.Contains) {
		return len(part)
	}
	return start
}

func hasAny(s string, words []string, has func(s, word string) bool) bool {
	for _, word := range words {
		if has(s, word) {
			return true
		}
	}
	return false
}

// signOffs are words that may stand above a name.
var signOffs = strings.Split("thanks|thank you|regards|kind regards|best regards|best|cheers|yours|sincerely|merci|cordialement|bien à vous|bonne journée|amicalement|salutations|bien cordialement|"+
	"groeten|groetjes|met vriendelijke groet|met vriendelijke groeten|vriendelijke groeten|mvg|dank|bedankt|gruß|grüße|liebe grüße|viele grüße|mit freundlichen grüßen|mfg|lg|vg|danke|"+
	"saludos|un saludo|gracias|atentamente|cordiali saluti|saluti|grazie|un saluto", "|")

var (
	phoneLine   = regexp.MustCompile(`^(?:\pL{1,12}\.? ?[:.]? ?)?[+(]?[0-9][0-9 ()/.+-]{6,28}[0-9]$`)
	webLine     = regexp.MustCompile(`^(?:[\pL-]{1,12} ?: ?)?<?(?:https?://|www\.|[\w.+-]+@[\w-]+\.)[\w./?=&%@+~#:-]+>?(?: ?<[^<>]+>)?$`)
	postalLine  = regexp.MustCompile(`^(?:[a-z]{1,2}-)?[0-9]{4,5} \pL[\pL '-]+$|^[\pL '.-]{4,40},? [0-9]{1,4} ?[a-z]?(?:, ?(?:[a-z]{1,2}-)?[0-9]{4,5}(?: [a-z]{2})? \pL[\pL '-]+)?$|^[0-9]{1,4} ?(?:bis|ter|[a-z])?,? (?:rue|avenue|av\.|chemin|place|allée|route|impasse|quai|boulevard|bd)\b.*$|^[0-9]{1,4} [\pL '.-]{2,30} (?:street|road|lane|avenue|close|way|st\.?|rd\.?|drive)\b.*$`)
	streetWord  = regexp.MustCompile(`(?:straat|laan|weg|plein|dreef|steenweg|straße|strasse|str\.|gasse|platz|allee|hof|dijk|kaai)\b|\b(?:rue|via|viale|piazza|corso|calle|plaza|avenida|avda\.|c/|camino|paseo|rua|place|street|road|lane|avenue|chemin)\b`)
	contactMark = regexp.MustCompile(` [|•·/] | - | – |, |; `)
)

// contactMax is the longest line in bytes that can be contact data.
const contactMax = 120

// contactKind says whether a line is clearly contact data, and whether that is
// a phone number, a mail address or a web site.
func contactKind(l line) (contact, direct bool) {
	if l.folded == "" || len(l.folded) > contactMax {
		return false, false
	}
	if isPostal(l.folded) {
		return true, false
	}
	pieces := contactMark.Split(l.folded, -1)
	for _, piece := range pieces {
		piece = strings.TrimSpace(piece)
		switch {
		case phoneLine.MatchString(piece) && digitCount(piece) >= 8, webLine.MatchString(piece):
			direct = true
		case isPostal(piece):
		default:
			return false, false
		}
	}
	return true, direct
}

func isPostal(s string) bool {
	if !postalLine.MatchString(s) {
		return false
	}
	return streetWord.MatchString(s) || s[0] >= '0' && s[0] <= '9' && digitCount(s) >= 4
}

func digitCount(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// trimContact returns how many lines are left without the contact data below a
// name: two or more lines, a phone number, a mail address or a web site among
// them. What they do or where, on a line between the name and these, goes with
// them. An advertisement keeps the number in it: no name stands above that.
func trimContact(part []line) int {
	first, contacts, direct := len(part), 0, false
	for first > 0 && first > len(part)-6 {
		contact, d := contactKind(part[first-1])
		if !contact {
			break
		}
		first--
		contacts++
		direct = direct || d
	}
	if contacts < 2 || !direct {
		return len(part)
	}
	name := first - 1
	if name > 0 && isName(part[name-1]) && isTitle(part[name]) && !isSignOff(part[name-1]) {
		name--
	}
	switch {
	case name <= 0: // something has to be left above the name
	case isSignOff(part[name]), isName(part[name]) && (part[name-1].blank() || isSignOff(part[name-1])):
		return name + 1
	}
	return len(part)
}

// isSignOff knows a word that stands above a name.
func isSignOff(l line) bool {
	return slices.Contains(signOffs, strings.TrimRight(l.folded, ",.! "))
}

// withoutSignature cuts a text at a line that is nothing but the writer's own
// name, where something stands above it and only a few lines below. The name
// alone, at the end, stays: it does no harm, and may be all there is.
func withoutSignature(text, name string) string {
	fold := func(s string) string {
		return strings.ToLower(strings.Join(strings.Fields(strings.Trim(s, " \t-–—_,.*")), " "))
	}
	name = fold(name)
	if !strings.Contains(name, " ") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i := max(1, len(lines)-signatureMost); i < len(lines)-1; i++ {
		if fold(lines[i]) == name {
			return strings.TrimRight(strings.Join(lines[:i], "\n"), "\n ")
		}
	}
	return text
}

// signatureMost is how many lines a signature without a mark has.
const signatureMost = 8

// isName knows a name or a word that may stand above one: up to four words,
// the first and the last with a capital.
func isName(l line) bool {
	if isSignOff(l) {
		return true
	}
	words := strings.Fields(l.text)
	if len(words) == 0 || len(words) > 4 || strings.ContainsAny(l.text, "0123456789?!:;@,") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	last, _ := utf8.DecodeRuneInString(words[len(words)-1])
	return unicode.IsUpper(first) && unicode.IsUpper(last)
}

// isTitle knows a line that may say what somebody is: it is short, begins with
// a capital and has no digit, so it moves nothing.
func isTitle(l line) bool {
	first, _ := utf8.DecodeRuneInString(l.text)
	return unicode.IsUpper(first) && len(l.text) <= 60 && !hasDigit(l.text) && !strings.ContainsAny(l.text, "?!:")
}

// isRule knows a line that is drawn with characters.
func isRule(l line) bool { return len(l.folded) >= 3 && strings.Trim(l.folded, "-_=~ ") == "" }
