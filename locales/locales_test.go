package locales

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func mustLoad(t *testing.T) *Catalog {
	t.Helper()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a translation must be

func TestTranslations(t *testing.T) {
	for _, fault := range faults(mustLoad(t)) {
		t.Error(fault)
	}
}

// faults says what is wrong with the languages beside the default one, by
// language and key, and with every language's help.
func faults(c *Catalog) (all []string) {
	fault := func(l *language, key, format string, args ...any) {
		all = append(all, fmt.Sprintf("%s/texts.toml: %s: ", l.code, key)+fmt.Sprintf(format, args...))
	}
	english := c.language("")
	for _, code := range c.Codes() {
		l := c.language(code)
		if l.name == "" {
			fault(l, "called", "what its speakers call the language is missing")
		}
		for _, key := range c.Keys() {
			if _, ok := l.texts[key]; !ok {
				fault(l, key, "is missing")
			}
		}
		for key, text := range l.texts {
			model, ok := english.texts[key]
			if !ok {
				fault(l, key, "is not a text that English has")
				continue
			}
			for _, wrong := range pluralFaults(l, text, model) {
				fault(l, key, "%s", wrong)
			}
			for _, sentence := range sentences(text) {
				for _, wrong := range sentenceFaults(sentence, strings.Join(sentences(model), " ")) {
					fault(l, key, "%s", wrong)
				}
			}
		}
		if n, gsm := septets(l.texts["help"].other); !gsm || n > 160 {
			fault(l, "help", "does not fit one text message: %d places of 160, all in its alphabet: %v", n, gsm)
		}
	}
	slices.Sort(all)
	return all
}

// pluralFaults compares the plural forms of a text with those that its
// language needs by CLDR's rules for cardinal numbers.
func pluralFaults(l *language, text, model text) (wrong []string) {
	if (len(text.forms) > 0) != (len(model.forms) > 0) {
		return []string{"has plural forms in one of this language and English only"}
	}
	if len(text.forms) == 0 {
		return nil
	}
	needed := l.cldr.PluralsCardinal()
	for name, rule := range pluralRules {
		_, has := text.forms[rule]
		switch need := slices.Contains(needed, rule); {
		case need && !has:
			wrong = append(wrong, "lacks the plural form "+name)
		case has && !need:
			wrong = append(wrong, "has the plural form "+name+", which the language does not know")
		}
	}
	return wrong
}

func sentences(t text) []string {
	if len(t.forms) == 0 {
		return []string{t.other}
	}
	var all []string
	for _, s := range t.forms {
		all = append(all, s)
	}
	return all
}

// lookalikes are what keyboards put in the place of a plain character: each of
// them makes a text message as dear as two.
const lookalikes = "\u00a0\u202f‘’‚“”„«»‹›–—…"

func sentenceFaults(sentence, model string) (wrong []string) {
	if sentence == "" {
		return []string{"is empty"}
	}
	for _, m := range place.FindAllString(sentence, -1) {
		if !strings.Contains(model, m) {
			wrong = append(wrong, "has the place "+m+", which the English text does not have")
		}
	}
	if strings.ContainsAny(place.ReplaceAllString(sentence, ""), "{}") {
		wrong = append(wrong, "has a brace that belongs to no place")
	}
	if strings.Contains(sentence, "  ") && !strings.Contains(model, "  ") {
		wrong = append(wrong, "has two spaces in a row")
	}
	if i := strings.IndexAny(sentence, lookalikes); i >= 0 {
		wrong = append(wrong, fmt.Sprintf("has %+q where a plain character does", []rune(sentence[i:])[0]))
	}
	return wrong
}

// septets counts the places that a text takes in a text message, and whether
// all of it is in the GSM 7-bit alphabet (3GPP TS 23.038, section 6.2.1).
func septets(s string) (n int, gsm bool) {
	const basic = "\n\r !\"#$%&'()*+,-./:;<=>?@_£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà" +
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const extended = "\f^{}\\[~]|€"
	gsm = true
	for _, r := range s {
		n++
		switch {
		case strings.ContainsRune(extended, r):
			n++
		case !strings.ContainsRune(basic, r):
			gsm = false
		}
	}
	return n, gsm
}

func TestSeptets(t *testing.T) {
	for text, want := range map[string]int{"": 0, "PAYER 5 €, à l'été": 19, "a\nb": 3, "[1]": 5} {
		if n, gsm := septets(text); n != want || !gsm {
			t.Errorf("septets(%q) = %d, %v; want %d, true", text, n, gsm, want)
		}
	}
	if _, gsm := septets("reçu"); gsm {
		t.Error("ç is taken for a character of the alphabet")
	}
}

// files makes text files; what is not given is as short as may be.
func files(texts map[string]string) fs.FS {
	all := fstest.MapFS{}
	for _, l := range languages {
		text, ok := texts[l.code]
		if !ok {
			text = "called = \"X\"\nhelp = \"H\"\n"
		}
		all[l.code+"/texts.toml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestFaultsAreNamed(t *testing.T) {
	c, err := load(files(map[string]string{
		"en": `
called = "English"
help = "HELP"
hello = "Hello {name}"
bye = "Goodbye"
list = "{list}"
[days]
one = "{n} day"
other = "{n} days"
[weeks]
one = "{n} week"
other = "{n} weeks"`,
		"fr": `
help = "` + strings.Repeat("AIDE ", 33) + `"
hello = "Bonjour {nom}, ça va {Name} ?"
list = "{list}\u00a0!  Voilà"
bye = ""
more = "Encore"
weeks = "{n} semaines"
[days]
many = "{n} jours"
other = "{n} jours"`,
		"nl": `
called = "Nederlands"
help = "ë"
hello = "Dag"
list = "{list}"
bye = "Dag"
[days]
one = "{n} dag"
other = "{n} dagen"
[weeks]
one = "{n} week"
other = "{n} weken"`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fr/texts.toml: bye: is empty",
		"fr/texts.toml: called: what its speakers call the language is missing",
		"fr/texts.toml: days: has the plural form many, which the language does not know",
		"fr/texts.toml: days: lacks the plural form one",
		"fr/texts.toml: hello: has a brace that belongs to no place",
		"fr/texts.toml: hello: has the place {nom}, which the English text does not have",
		"fr/texts.toml: help: does not fit one text message: 164 places of 160, all in its alphabet: true",
		`fr/texts.toml: list: has '\u00a0' where a plain character does`,
		"fr/texts.toml: list: has two spaces in a row",
		"fr/texts.toml: more: is not a text that English has",
		"fr/texts.toml: weeks: has plural forms in one of this language and English only",
		"nl/texts.toml: help: does not fit one text message: 1 places of 160, all in its alphabet: false",
	}
	// Languages that say nothing here lack all of it.
	got := slices.DeleteFunc(faults(c), func(s string) bool {
		return !strings.HasPrefix(s, "en/") && !strings.HasPrefix(s, "fr/") && !strings.HasPrefix(s, "nl/")
	})
	if !slices.Equal(got, want) {
		t.Errorf("faults:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ fr, says string }{
		"no TOML":           {"help = ", "fr/texts.toml"},
		"a number":          {"[pay]\nno = 5", "pay.no is a int64, not a text"},
		"an unknown plural": {"[days]\nsome = \"a\"\nother = \"b\"", `days: "some" is not a plural form`},
		"a plural's number": {"[days]\none = 1\nother = \"b\"", `days: "one" is not a plural form`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(files(map[string]string{"fr": test.fr})); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("load: %v; want an error that says %q", err, test.says)
			}
		})
	}
	if _, err := load(fstest.MapFS{}); err == nil {
		t.Error("load of nothing succeeds")
	}
}

// How arguments read

var now = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// TestDaysInSentences reads dates as each language writes them, also behind an
// article.
func TestDaysInSentences(t *testing.T) {
	c := mustLoad(t)
	for _, test := range []struct {
		locale, key string
		day         int
		want        string
	}{
		{"en", "stock.until", 8, "until 8 May"},
		{"fr", "stock.until", 1, "jusqu'au 1er mai"},
		{"fr", "stock.until", 11, "jusqu'au 11 mai"},
		{"de", "stock.until", 8, "bis 8. Mai"},
		{"it", "stock.until", 1, "fino al 1 mag"},
		{"it", "stock.until", 8, "fino all'8 mag"},
		{"it", "stock.until", 11, "fino all'11 mag"},
		{"it", "stock.until", 18, "fino al 18 mag"},
		{"it", "until.past", 8, "L'8 mag è già passato. Scrivilo di nuovo con un giorno che deve ancora venire."},
	} {
		now := time.Date(2026, time.May, test.day, 12, 0, 0, 0, time.UTC)
		if got := c.Printer(test.locale, Unit{}, nil, time.UTC, now).Text(test.key, Args{"day": Day(now)}); got != test.want {
			t.Errorf("%s, %d May: %q, want %q", test.locale, test.day, got, test.want)
		}
	}
}

// east is where the members of the tests live, two hours east of Greenwich.
var east = time.FixedZone("", 2*60*60)

func TestValues(t *testing.T) {
	c := mustLoad(t)
	acorns := Unit{Words: "acorn/acorns; fr gland/glands; nl eikel/eikels"}
	cents := Unit{Decimals: 2, Words: acorns.Words}
	hours := Unit{Hours: true}
	day := func(year int, month time.Month, d int) Day {
		return Day(time.Date(year, month, d, 12, 0, 0, 0, time.UTC))
	}
	for _, test := range []struct {
		unit       Unit
		value      any
		en, fr, nl string
	}{
		{acorns, Sum(5), "5 acorns", "5 glands", "5 eikels"},
		{acorns, Sum(1), "1 acorn", "1 gland", "1 eikel"},
		{acorns, Sum(-1), "-1 acorn", "-1 gland", "-1 eikel"},
		{acorns, Sum(0), "0 acorns", "0 gland", "0 eikels"},
		{acorns, Figure(18), "18", "18", "18"},
		{acorns, Signed(6), "+6", "+6", "+6"},
		{acorns, Signed(-5), "-5", "-5", "-5"},
		{acorns, Signed(0), "0", "0", "0"},
		{acorns, Figure(12345), "12,345", "12 345", "12.345"},
		{acorns, Figure(-1234567), "-1,234,567", "-1 234 567", "-1.234.567"},
		{Unit{}, Sum(5), "5", "5", "5"},

		{cents, Figure(-250), "-2.50", "-2,50", "-2,50"},
		{cents, Sum(-250), "-2.50 acorns", "-2,50 glands", "-2,50 eikels"},
		{cents, Sum(150), "1.50 acorns", "1,50 gland", "1,50 eikels"},
		{cents, Sum(100), "1 acorn", "1 gland", "1 eikel"},
		{cents, Figure(123456), "1,234.56", "1 234,56", "1.234,56"},
		{Unit{Decimals: 1}, Figure(25), "2.5", "2,5", "2,5"},
		{Unit{Decimals: 2}, Figure(5), "0.05", "0,05", "0,05"},

		{hours, Sum(90), "1h30", "1h30", "1u30"},
		{hours, Sum(60), "1 hour", "1 heure", "1 uur"},
		{hours, Sum(120), "2 hours", "2 heures", "2 uur"},
		{hours, Sum(45), "45 minutes", "45 minutes", "45 minuten"},
		{hours, Sum(1), "1 minute", "1 minute", "1 minuut"},
		{hours, Sum(-120), "-2 hours", "-2 heures", "-2 uur"},
		{hours, Figure(90), "1h30", "1h30", "1u30"},
		{hours, Figure(65), "1h05", "1h05", "1u05"},
		{hours, Figure(60), "1h", "1h", "1u"},
		{hours, Figure(45), "45 min", "45 min", "45 min"},
		{hours, Figure(-90), "-1h30", "-1h30", "-1u30"},
		{hours, Signed(120), "+2h", "+2h", "+2u"},

		// No point behind the month: a sentence may end there.
		{hours, day(2026, time.August, 3), "3 Aug", "3 août", "3 aug"},
		{hours, day(2027, time.August, 3), "3 Aug 2027", "3 août 2027", "3 aug 2027"},
		{hours, day(2026, time.January, 31), "31 Jan", "31 janv", "31 jan"},
		{hours, Day(time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)), "1 Jan 2027", "1er janv 2027", "1 jan 2027"}, // there
		{hours, Clock(time.Date(2026, 5, 4, 8, 12, 0, 0, time.UTC)), "10:12", "10:12", "10:12"},

		{hours, "Luc", "Luc", "Luc", "Luc"},
		{hours, 12345, "12345", "12345", "12345"}, // a number that counts nothing: an ad's, a member's
		{hours, int64(31), "31", "31", "31"},
	} {
		for locale, want := range map[string]string{"en": test.en, "fr": test.fr, "nl": test.nl} {
			if got := c.Printer(locale, test.unit, nil, east, now).Value(test.value); got != want {
				t.Errorf("%s: %T(%v) with %+v = %q, want %q", locale, test.value, test.value, test.unit, got, want)
			}
		}
	}
}

func TestWhen(t *testing.T) {
	c := mustLoad(t)
	for _, test := range []struct {
		moment     time.Time
		en, fr, nl string
	}{
		{now.Add(-time.Hour), "today 09:00", "aujourd'hui à 09:00", "vandaag om 09:00"},
		{time.Date(2026, 5, 3, 22, 12, 0, 0, time.UTC), "today 00:12", "aujourd'hui à 00:12", "vandaag om 00:12"}, // there
		{now.AddDate(0, 0, -1), "3 May", "3 mai", "3 mei"},
		{now.AddDate(-1, 0, 0), "4 May 2025", "4 mai 2025", "4 mei 2025"},
	} {
		for locale, want := range map[string]string{"en": test.en, "fr": test.fr, "nl": test.nl} {
			if got := c.Printer(locale, Unit{}, nil, east, now).When(test.moment); got != want {
				t.Errorf("%s: When(%v) = %q, want %q", locale, test.moment, got, want)
			}
		}
	}
}

func TestUnitWords(t *testing.T) {
	for _, test := range []struct {
		words, locale, one, other string
	}{
		{"acorn/acorns; fr gland/glands", "en", "acorn", "acorns"},
		{"acorn/acorns; fr gland/glands", "fr", "gland", "glands"},
		{"acorn/acorns; fr gland/glands", "nl", "acorn", "acorns"},
		{"en acorn/acorns;fr gland", "fr", "gland", "glands"},
		{"grain", "fr", "grain", "grains"},
		{"bois", "fr", "bois", "bois"},
		{"sel", "nl", "sel", "sels"},
		{"", "en", "", ""},
	} {
		if one, other := (Unit{Words: test.words}).words(test.locale); one != test.one || other != test.other {
			t.Errorf("%q in %s: %q, %q; want %q, %q", test.words, test.locale, one, other, test.one, test.other)
		}
	}
	want := []string{"acorn", "acorns", "gland", "glands"}
	if got := (Unit{Words: "acorn; fr gland/glands;"}).AllWords(); !slices.Equal(got, want) {
		t.Errorf("AllWords = %q, want %q", got, want)
	}
}

// Which text is said

func TestText(t *testing.T) {
	c := mustLoad(t)
	args := Args{"name": "Luc Martin", "amount": Sum(5), "what": "{amount} d'oeufs"}
	acorns := Unit{Words: "acorn; fr gland"}
	const said = `Payer 5 glands à Luc Martin pour "{amount} d'oeufs" ? Répondez OUI ou NON.`
	if got := c.Printer("fr", acorns, nil, east, now).Text("pay.confirm", args); got != said {
		t.Errorf("Text = %q, want %q", got, said)
	}
	own := map[string]string{"fr pay.confirm": "Merci à {name} : {amount} ? OUI ou NON. {price}"}
	if got, want := c.Printer("fr-BE", acorns, own, east, now).Text("pay.confirm", args), "Merci à Luc Martin : 5 glands ? OUI ou NON. {price}"; got != want {
		t.Errorf("the community's own Text = %q, want %q", got, want)
	}
	if got, want := c.Printer("nl", acorns, own, east, now).Text("pay.confirm_bare", args), "5 acorns betalen aan Luc Martin? Antwoord JA of NEE."; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
	if got := c.Printer("fr", acorns, nil, east, now).Text("no.such", args); got != "no.such" {
		t.Errorf("the text of a key that does not exist = %q", got)
	}
}

func TestTextFallsBack(t *testing.T) {
	c, err := load(files(map[string]string{"en": "[ad]\ngone = \"Gone\"\n[ad.days]\none = \"{n} day\"\nother = \"{n} days\""}))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Printer("fr", Unit{}, nil, time.UTC, now)
	if got := p.Text("ad.gone", nil); got != "Gone" {
		t.Errorf("a text that French lacks = %q, want the English one", got)
	}
	if got := p.Text("ad.days", Args{"n": int64(7)}); got != "7 days" {
		t.Errorf("a plural that French lacks = %q, want the English one", got)
	}
}

func TestLanguages(t *testing.T) {
	c := mustLoad(t)
	for locale, want := range map[string]string{
		"en": "en", "fr": "fr", "nl": "nl", "fr-BE": "fr", "fr_BE": "fr", "FR-be": "fr", "nl-NL": "nl", "en-US": "en",
		"xx": "en", "xx-BE": "en", "": "en", "-": "en", "français": "en",
	} {
		if got := c.Printer(locale, Unit{}, nil, time.UTC, now).Locale(); got != want {
			t.Errorf("%q is printed in %q, want %q", locale, got, want)
		}
	}
	if got := c.Codes(); len(got) != len(languages) || got[0] != "en" {
		t.Errorf("Codes = %q", got)
	}
	if !c.Has("fr") || c.Has("xx") || c.Has("") {
		t.Error("Has is wrong about fr, xx or nothing")
	}
	for code, want := range map[string]string{"en": "English", "fr": "Français", "nl": "Nederlands"} {
		if got := c.Name(code); got != want {
			t.Errorf("Name(%s) = %q, want %q", code, got, want)
		}
	}
}

func TestCheckWording(t *testing.T) {
	c := mustLoad(t)
	for _, test := range []struct {
		locale, key, wording, says string // says: "" where it is good
	}{
		{"fr", "pay.confirm_bare", "Remercier {name} avec {amount} ? OUI ou NON.", ""},
		{"fr", "pay.confirm_bare", "On remercie ? OUI ou NON.", ""},
		{"fr", "pay.confirm_bare", "Remercier {who} ?", "{who}"},
		{"fr", "pay.thanks", "Merci", `"pay.thanks"`},
		{"xx", "pay.confirm_bare", "{name}", `"xx"`},
		{"", "pay.confirm_bare", "{name}", "en, fr, nl"},
		{"nl", "unit.hours", "{n} uren", ""},
		{"nl", "unit.hours", "{hours} uren", "{hours}"},
	} {
		err := c.CheckWording(test.locale, test.key, test.wording)
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s %s %q: %v", test.locale, test.key, test.wording, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s %s %q: %v; want an error that says %s", test.locale, test.key, test.wording, err, test.says)
		}
	}
}
