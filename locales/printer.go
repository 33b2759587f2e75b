package locales

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Args are the named arguments of a text. A value is a string, an int or int64
// (a count), a Sum, a Figure, Thousandths, a Day, a Clock or Money.
type Args map[string]any

// The kinds of argument that read differently in each language and community.
type (
	// Sum is an amount with its unit: "5 acorns", "1h30".
	Sum int64
	// Figure is an amount alone: "18", "-2.50", "1h30".
	Figure int64
	// Signed is a Figure with its sign even when it is positive: "+6".
	Signed int64
	// Thousandths is a quantity alone: "2.5".
	Thousandths int64
	// Day is a date: "3 Aug", with the year where it is not this one.
	Day time.Time
	// Clock is a time of day: "10:12".
	Clock time.Time
	// Money is a sum of a currency: "12.40 EUR".
	Money struct {
		Micros   int64 // millionths
		Currency string
	}
)

// Unit is what a community counts in, as the texts need it.
type Unit struct {
	Hours    bool   // amounts are minutes
	Decimals int    // else amounts are 10^-Decimals
	Words    string // "acorn/acorns; fr gland/glands"
}

// words returns the singular and plural in a language: its own, or the first.
// A plural that is not given is the singular with an s.
func (u Unit) words(locale string) (one, other string) {
	for i, part := range strings.Split(u.Words, ";") {
		part = strings.TrimSpace(part)
		code, words, named := strings.Cut(part, " ")
		if !named || len(code) != 2 {
			code, words = "", part
		}
		if i == 0 || code == locale {
			one, other, _ = strings.Cut(words, "/")
		}
	}
	if other == "" && one != "" {
		other = one + "s"
		if last := one[len(one)-1]; last == 's' || last == 'x' || last == 'z' {
			other = one
		}
	}
	return one, other
}

// AllWords lists every word for the unit, in any language.
func (u Unit) AllWords() []string {
	var all []string
	for _, part := range strings.Split(u.Words, ";") {
		part = strings.TrimSpace(part)
		if code, words, named := strings.Cut(part, " "); named && len(code) == 2 {
			part = words
		}
		one, other, _ := strings.Cut(part, "/")
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		all = append(all, one)
		if other = strings.TrimSpace(other); other != "" {
			all = append(all, other)
		} else {
			all = append(all, one+"s")
		}
	}
	return all
}

// Printer writes texts in one language for one community.
type Printer struct {
	language *language
	fallback *language
	wording  map[string]string
	unit     Unit
	zone     *time.Location
	now      time.Time
	reserved []string // words that are not taught
	numbered bool     // questions are answered by numbers
}

// Printer returns the printer of a language (the default one where it is not
// spoken). wording holds the community's own texts by "locale key" and may be
// nil; zone is where its members live; now is what "today" and "this year" are
// measured by.
func (c *Catalog) Printer(locale string, unit Unit, wording map[string]string, zone *time.Location, now time.Time) *Printer {
	return &Printer{language: c.language(locale), fallback: c.language(""), wording: wording, unit: unit, zone: zone, now: now}
}

// Avoiding is the printer for readers to whom some words, in capitals, cannot
// be taught: what carries their texts takes those for itself.
func (p *Printer) Avoiding(reserved []string) *Printer {
	if len(reserved) == 0 {
		return p
	}
	other := *p
	other.reserved = reserved
	return &other
}

// Numbered is the printer for readers who see a small screen and answer with
// numbers. Texts that have to be said otherwise there have a key that begins
// with "screen.".
func (p *Printer) Numbered() *Printer {
	other := *p
	other.numbered = true
	return &other
}

// say is what stands for a place that any text may have: a word to be taught,
// or the sentence that says how to answer.
func (p *Printer) say(name string) (string, bool) {
	if !taught[name] {
		return "", false
	}
	if p.numbered {
		switch name {
		case "yes_or_no":
			return "\n" + p.Text("ussd.yes", nil) + "\n" + p.Text("ussd.no", nil), true
		case "yes", "no":
			number, _, _ := strings.Cut(p.Text("ussd."+name, nil), " ")
			return number, true
		}
	}
	word := p.Text("say."+name, nil)
	if slices.Contains(p.reserved, word) {
		word = p.Text("say."+name+"_also", nil)
	}
	return word, true
}

// YesOrNo is how a question ends that is answered by yes or no.
func (p *Printer) YesOrNo() string {
	s, _ := p.say("yes_or_no")
	return s
}

// Taught is the word that stands for one of the places that any text may have.
func (p *Printer) Taught(place string) string {
	word, _ := p.say(place)
	return word
}

// taught are the places that any text may have.
var taught = map[string]bool{"yes": true, "no": true, "help": true, "join": true, "yes_or_no": true}

// Locale is the code of the printer's language.
func (p *Printer) Locale() string { return p.language.code }

// Text is the text of a key with its places filled in. A key that does not
// exist is a programmer's mistake and comes out as itself.
func (p *Printer) Text(key string, args Args) string {
	if p.numbered {
		if _, ok := p.language.texts["screen."+key]; ok {
			key = "screen." + key
		}
	}
	sentence, own := p.wording[p.language.code+" "+key]
	if !own {
		t, ok := p.language.texts[key]
		if !ok {
			if t, ok = p.fallback.texts[key]; !ok {
				return key
			}
		}
		sentence = p.form(t, args)
	}
	var b []byte
	end := 0
	for _, at := range place.FindAllStringIndex(sentence, -1) {
		b = append(b, sentence[end:at[0]]...)
		end = at[1]
		name := sentence[at[0]+1 : end-1]
		if value, ok := args[name]; ok {
			written := p.Value(value)
			if _, day := value.(Day); day {
				b = p.elide(b, written)
			}
			if written == "" { // what is not there leaves no gap
				b = bytes.TrimSuffix(b, []byte(" "))
			}
			b = append(b, written...)
		} else if word, ok := p.say(name); ok {
			b = append(b, word...)
		} else {
			b = append(b, sentence[at[0]:end]...)
		}
	}
	return string(append(b, sentence[end:]...))
}

// elide ties an article at the end of a sentence's beginning to a day that is
// said with a vowel first: "fino al" and "8 mag" are "fino all'8 mag".
func (p *Printer) elide(b []byte, day string) []byte {
	if p.language.code == "it" && (strings.HasPrefix(day, "8 ") || strings.HasPrefix(day, "11 ")) {
		for _, article := range [][2]string{{" al ", " all'"}, {" dal ", " dall'"}, {" del ", " dell'"}, {" il ", " l'"}, {"Il ", "L'"}} {
			if rest, ok := bytes.CutSuffix(b, []byte(article[0])); ok {
				return append(rest, article[1]...)
			}
		}
	}
	return b
}

// form picks the plural form that the argument n asks for.
func (p *Printer) form(t text, args Args) string {
	if len(t.forms) == 0 {
		return t.other
	}
	var n float64
	switch v := args["n"].(type) {
	case int:
		n = float64(v)
	case int64:
		n = float64(v)
	}
	if s, ok := t.forms[p.language.cldr.CardinalPluralRule(n, 0)]; ok {
		return s
	}
	return t.other
}

// Value writes one argument.
func (p *Printer) Value(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case Sum:
		return p.sum(int64(v))
	case Figure:
		return p.figure(int64(v))
	case Signed:
		if v > 0 {
			return "+" + p.figure(int64(v))
		}
		return p.figure(int64(v))
	case Thousandths:
		decimals, rest := uint64(3), int64(v)
		for ; decimals > 0 && rest%10 == 0; decimals-- {
			rest /= 10
		}
		return sign(int64(v)) + plain.Replace(p.language.cldr.FmtNumber(float64(abs(int64(v)))/1000, decimals))
	case Day:
		return p.day(time.Time(v))
	case Money:
		cents := (v.Micros + 9999) / 10000 // nobody has paid less
		return plain.Replace(p.language.cldr.FmtNumber(float64(cents)/100, 2)) + " " + v.Currency
	case Clock:
		return time.Time(v).In(p.zone).Format("15:04")
	default:
		return fmt.Sprint(v)
	}
}

// When says a moment as people do: "today 10:12", or the day.
func (p *Printer) When(t time.Time) string {
	if sameDay(t.In(p.zone), p.now.In(p.zone)) {
		return p.Text("when.today", Args{"clock": Clock(t)})
	}
	return p.day(t)
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

func (p *Printer) day(t time.Time) string {
	t = t.In(p.zone)
	key := "when.day"
	if t.Day() == 1 {
		key = "when.first"
	}
	s := p.Text(key, Args{"n": t.Day(), "month": strings.TrimSuffix(p.language.cldr.MonthAbbreviated(t.Month()), ".")})
	if t.Year() != p.now.In(p.zone).Year() {
		s += " " + strconv.Itoa(t.Year())
	}
	return s
}

// sum writes an amount with its unit.
func (p *Printer) sum(v int64) string {
	if p.unit.Hours {
		hours, minutes := abs(v)/60, abs(v)%60
		if hours > 0 && minutes > 0 {
			return p.figure(v)
		}
		key, n := "unit.hours", hours
		if hours == 0 && minutes > 0 {
			key, n = "unit.minutes", minutes
		}
		return sign(v) + p.Text(key, Args{"n": n})
	}
	one, other := p.unit.words(p.language.code)
	word := other
	if p.one(v) {
		word = one
	}
	return strings.TrimSpace(p.figure(v) + " " + word)
}

// one reports whether an amount takes the singular.
func (p *Printer) one(v int64) bool {
	scale := math.Pow10(p.unit.Decimals)
	value, digits := math.Abs(float64(v))/scale, uint64(0)
	if value != math.Trunc(value) {
		digits = uint64(p.unit.Decimals)
	}
	return p.language.cldr.CardinalPluralRule(value, digits) == pluralRules["one"]
}

// figure writes an amount alone. Whole amounts have no decimals.
func (p *Printer) figure(v int64) string {
	if p.unit.Hours {
		hours, minutes := abs(v)/60, abs(v)%60
		switch {
		case minutes == 0:
			return sign(v) + p.Text("unit.h", Args{"hours": hours})
		case hours == 0:
			return sign(v) + p.Text("unit.min", Args{"minutes": minutes})
		}
		return sign(v) + p.Text("unit.h_min", Args{"hours": hours, "minutes": fmt.Sprintf("%02d", minutes)})
	}
	scale := int64(math.Pow10(p.unit.Decimals))
	decimals := uint64(p.unit.Decimals)
	if v%scale == 0 {
		decimals = 0
	}
	return sign(v) + plain.Replace(p.language.cldr.FmtNumber(float64(abs(v))/float64(scale), decimals))
}

// plain keeps numbers in the alphabet of text messages: one character outside
// it halves what fits into a message.
var plain = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2019", "'", "\u2212", "-")

func abs(v int64) int64 { return max(v, -v) }

func sign(v int64) string {
	if v < 0 {
		return "-"
	}
	return ""
}
