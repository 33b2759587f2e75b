package understand

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"crier/locales"
)

// load makes an Understander of all languages.
func load(t testing.TB) *Understander {
	t.Helper()
	all, err := locales.AllWords()
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(all)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// message is one line of testdata/*.jsonl.
type message struct {
	ID, Locale, Unit, Text string
	Expect                 struct{ Intent, Who, Amount, What string }
}

// TestMessages has every message of testdata understood as it expects, above
// all never a payment that the member did not ask for.
func TestMessages(t *testing.T) {
	u := load(t)
	files, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines := bufio.NewScanner(f)
			for lines.Scan() {
				var m message
				if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
					t.Fatalf("%s: %v", lines.Text(), err)
				}
				checkMessage(t, u, m)
			}
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func checkMessage(t *testing.T, u *Understander, m message) {
	t.Helper()
	line, err := json.Marshal(map[string]string{"id": m.ID, "locale": m.Locale, "unit": m.Unit, "text": m.Text})
	if err != nil {
		t.Fatal(err)
	}
	got := u.answer(line)
	moves := got.Intent == Pay || got.Intent == Charge
	right := string(got.Intent) == m.Expect.Intent
	if right && moves {
		right = sameName(got.Who, m.Expect.Who) && got.Amount == m.Expect.Amount
	}
	switch {
	case moves && !right:
		t.Errorf("DANGEROUS %s %q: got %+v, want %+v", m.ID, m.Text, got, m.Expect)
	case !right || m.Expect.Intent == "member" && !sameName(got.Who, m.Expect.Who) || !sameWhat(got, m.Expect.What):
		t.Errorf("%s %q: got %s %q %q, want %+v", m.ID, m.Text, got.Intent, got.Who, got.What, m.Expect)
	}
}

// sameName compares names without titles, which are no part of Who.
func sameName(got, want string) bool {
	bare := func(s string) string {
		s = fold(strings.ReplaceAll(s, " ", ""))
		for _, title := range []string{"mme", "m.", "mrs", "mr.", "mr", "mevr.", "mevrouw", "mijnheer", "monsieur"} {
			s = strings.TrimPrefix(s, title)
		}
		return s
	}
	return bare(got) == bare(want)
}

// sameWhat wants most words of the expected description.
func sameWhat(got reply, want string) bool {
	if want == "" {
		return true
	}
	has := map[string]bool{}
	words := func(s string) []string {
		s = strings.ReplaceAll(fold(s), "œ", "oe")
		return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	for _, w := range words(got.What) {
		has[w] = true
	}
	found, all := 0, words(want)
	for _, w := range all {
		if has[w] {
			found++
		}
	}
	if got.Intent == Digest || got.Intent == Language {
		return got.What == want
	}
	return found*10 >= len(all)*6
}

// TestTwisted says every payment of testdata with something before or behind it
// that leaves a doubt: none of them may move anything.
func TestTwisted(t *testing.T) {
	u := load(t)
	twists := map[string]struct{ before, behind []string }{
		"en": {
			[]string{"don't ", "should I ", "if she comes ", "tomorrow ", "I already ", "maybe ", "Luc says: ", "every week ", "let Tom "},
			[]string{" tomorrow", " if he finishes", " every month", " or 6", " and 3 to Anna", " and show me my balance", " on Monday", " euros", ". Don't do it yet.", "\nAnna 3"},
		},
		"fr": {
			[]string{"ne pas ", "dois-je ", "si elle vient ", "demain ", "j'ai déjà ", "peut-être ", "Luc dit : ", "chaque semaine ", "que Tom "},
			[]string{" demain", " s'il finit", " chaque mois", " ou 6", " et 3 à Anna", " et montre-moi mon solde", " lundi", " euros", ". Pas encore.", "\nAnna 3"},
		},
		"nl": {
			[]string{"niet ", "moet ik ", "als ze komt ", "morgen ", "ik heb al ", "misschien ", "Luc zegt: ", "elke week ", "laat Tom "},
			[]string{" morgen", " als hij klaar is", " elke maand", " of 6", " en 3 aan Anna", " en toon mijn saldo", " maandag", " euro", ". Nog niet.", "\nAnna 3"},
		},
		"es": {
			[]string{"no ", "debería ", "si viene ", "mañana ", "ya le ", "quizás ", "Luis dice: ", "cada semana ", "que Tom "},
			[]string{" mañana", " si termina", " cada mes", " o 6", " y 3 a Ana", " y muéstrame el saldo", " el lunes", " euros", ". Todavía no.", "\nAna 3"},
		},
		"it": {
			[]string{"non ", "dovrei ", "se viene ", "domani ", "ho già ", "forse ", "Luca dice: ", "ogni settimana ", "che Tom "},
			[]string{" domani", " se finisce", " ogni mese", " o 6", " e 3 ad Anna", " e mostrami il saldo", " lunedì", " euro", ". Non ancora.", "\nAnna 3"},
		},
		"de": {
			[]string{"nicht ", "soll ich ", "wenn sie kommt ", "morgen ", "ich habe schon ", "vielleicht ", "Luc sagt: ", "jede Woche ", "lass Tom "},
			[]string{" morgen", " wenn er fertig ist", " jeden Monat", " oder 6", " und 3 an Anna", " und zeig mir meinen Kontostand", " am Montag", " Euro", ". Noch nicht.", "\nAnna 3"},
		},
	}
	for locale, twist := range twists {
		text, err := os.ReadFile("testdata/" + locale + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n") {
			var m message
			if err := json.Unmarshal([]byte(l), &m); err != nil {
				t.Fatal(err)
			}
			// In a text of several sentences, what is put before is a sentence of its own.
			if m.Expect.Intent != "pay" && m.Expect.Intent != "charge" || strings.ContainsAny(strings.TrimRight(m.Text, " .!?"), "\n!?") || strings.Contains(m.Text, ". ") {
				continue
			}
			var all []string
			for _, b := range twist.before {
				all = append(all, b+m.Text)
			}
			for _, b := range twist.behind {
				all = append(all, strings.TrimRight(m.Text, " .!?")+b)
			}
			for _, s := range all {
				if got := u.Understand(Input{Text: s, Locale: locale, Unit: Unit(m.Unit)}); got.Intent == Pay || got.Intent == Charge {
					t.Errorf("%s %q: %+v", m.ID, s, got)
				}
			}
		}
	}
}

// TestParts checks what a meaning carries beside its intent.
func TestParts(t *testing.T) {
	u := load(t)
	names := directory{"jo smit", "jo", "anna bauer", "luc", "maría josé", "jan en mieke"}
	for _, c := range []struct {
		in   Input
		want Meaning
	}{
		{Input{Text: "pay anna for the haircut"}, Meaning{Intent: Clarify, Toward: Pay, Reason: NoAmount, Who: "anna", What: "the haircut", Locale: "en"}},
		{Input{Text: "pay jo smit bread 5", Names: names}, Meaning{Intent: Pay, Who: "jo smit", Amount: 500, What: "bread", Locale: "en"}},
		{Input{Text: "pay jo bread 5", Names: names}, Meaning{Intent: Pay, Who: "jo", Amount: 500, What: "bread", Locale: "en"}},
		{Input{Text: "pay jan en mieke 5", Names: names}, Meaning{Intent: Pay, Who: "jan en mieke", Amount: 500, Locale: "en"}},
		{Input{Text: "pay ana baur 5", Names: names}, Meaning{Intent: Pay, Who: "ana baur", Amount: 500, Locale: "en"}},
		{Input{Text: "pay luc 500"}, Meaning{Intent: Pay, Who: "luc", Amount: 50000, Locale: "en"}},
		{Input{Text: "pay luc -5"}, Meaning{Intent: Clarify, Toward: Pay, Reason: Negative, Who: "luc", Locale: "en"}},
		{Input{Text: "pay luc 0"}, Meaning{Intent: Clarify, Toward: Pay, Reason: Zero, Who: "luc", Locale: "en"}},
		{Input{Text: "pay luc 5 6"}, Meaning{Intent: Clarify, Toward: Pay, Reason: TwoAmounts, Who: "luc", Amount: 500, What: "6", Locale: "en"}},
		{Input{Text: "pay me 5"}, Meaning{Intent: Clarify, Toward: Pay, Reason: Self, Amount: 500, Locale: "en"}},
		{Input{Text: "pay luc"}, Meaning{Intent: Clarify, Toward: Pay, Reason: NoAmount, Who: "luc", Locale: "en"}},
		{Input{Text: "pay luc and anna 5"}, Meaning{Intent: Clarify, Toward: Pay, Reason: TwoPeople, Amount: 500, Locale: "en"}},
		{Input{Text: "pay luc 5 euro"}, Meaning{Intent: Clarify, Toward: Pay, Reason: Currency, Who: "luc", Locale: "en"}},
		{Input{Text: "pay luc 5 tomorrow"}, Meaning{Intent: Clarify, Toward: Pay, Reason: Future, Who: "luc", Amount: 500, What: "tomorrow", Locale: "en"}},
		{Input{Text: "pay luc 5 if he comes"}, Meaning{Intent: Clarify, Toward: "", Reason: Conditional, Locale: "en"}},
		{Input{Text: "Lucy 4"}, Meaning{Intent: Clarify, Reason: NoDirection, Who: "Lucy", Amount: 400, Locale: "en"}},
		{Input{Text: "pay luc 2.505"}, Meaning{Intent: Clarify, Toward: Pay, Reason: NoAmount, Who: "luc", Amount: 251, Inexact: true, Locale: "en"}},
		{Input{Text: "pay luc 2.5051"}, Meaning{Intent: Pay, Who: "luc", Amount: 251, Inexact: true, Locale: "en"}},
		{Input{Text: "pay luc 0.33 h", Unit: Hours}, Meaning{Intent: Pay, Who: "luc", Amount: 20, Inexact: true, Locale: "en"}},
		{Input{Text: "pay luc 1.25", Unit: Hours}, Meaning{Intent: Pay, Who: "luc", Amount: 75, Locale: "en"}},
		{Input{Text: "pay luc 2 wazzles", UnitWords: []string{"wazzle", "wazzles"}}, Meaning{Intent: Pay, Who: "luc", Amount: 200, Locale: "en"}},
		{Input{Text: "yes 2"}, Meaning{Intent: Yes, What: "2", Locale: "en"}},
		{Input{Text: "YES 2"}, Meaning{Intent: Yes, What: "2", Locale: "en"}},
		{Input{Text: "no 1"}, Meaning{Intent: No, What: "1", Locale: "en"}},
		{Input{Text: "wrong 7kq4"}, Meaning{Intent: Undo, What: "7KQ4", Locale: "en"}},
		{Input{Text: "check 7kq4"}, Meaning{Intent: Check, What: "7KQ4", Locale: "en"}},
		{Input{Text: "join river-7kq2"}, Meaning{Intent: Join, What: "RIVER-7KQ2", Locale: "en"}},
		{Input{Text: "members j"}, Meaning{Intent: Members, What: "j", Locale: "en"}},
		{Input{Text: "more"}, Meaning{Intent: More, Locale: "en"}},
		{Input{Text: "take 31"}, Meaning{Intent: TakeAd, What: "31", Locale: "en"}},
		{Input{Text: "renew 31"}, Meaning{Intent: RenewAd, What: "31", Locale: "en"}},
		{Input{Text: "remove 31"}, Meaning{Intent: RemoveAd, What: "31", Locale: "en"}},
		{Input{Text: "done"}, Meaning{Intent: Done, Locale: "en"}},
		{Input{Text: "approve 44"}, Meaning{Intent: Approve, What: "44", Locale: "en"}},
		{Input{Text: "refuse 44"}, Meaning{Intent: Refuse, What: "44", Locale: "en"}},
		{Input{Text: "invite Piet Vos +32 470 000 044"}, Meaning{Intent: Invite, What: "Piet Vos +32 470 000 044", Locale: "en"}},
		{Input{Text: "address maria@example.org"}, Meaning{Intent: Address, What: "maria@example.org", Locale: "en"}},
		{Input{Text: "switch Maria"}, Meaning{Intent: Switch, What: "Maria", Locale: "en"}},
		{Input{Text: "email"}, Meaning{Intent: Email, Locale: "en"}},
		{Input{Text: "human"}, Meaning{Intent: Human, Locale: "en"}},
		{Input{Text: "offer guitar lessons for beginners, 4 an hour"}, Meaning{Intent: Offer, What: "guitar lessons for beginners, 4 an hour", Locale: "en"}},
		{Input{Text: "payer luc 5 pour des oeufs"}, Meaning{Intent: Pay, Who: "luc", Amount: 500, What: "des oeufs", Locale: "fr"}},
		{Input{Text: "saldo", Locale: "fr"}, Meaning{Intent: Balance, Locale: "fr"}},
		{Input{Text: "betaal luc 5", Locale: "fr-CH"}, Meaning{Intent: Pay, Who: "luc", Amount: 500, Locale: "nl"}},
		{Input{Text: "ok", Locale: "nl"}, Meaning{Intent: Yes, Locale: "nl"}},
		{Input{Text: "", Locale: "nl"}, Meaning{Intent: Unknown, Locale: "nl"}},
		{Input{Text: "pay luc 5", Locale: "xx"}, Meaning{Intent: Pay, Who: "luc", Amount: 500, Locale: "en"}},
	} {
		if c.in.Unit == "" {
			c.in.Unit = Units
		}
		if c.in.Locale == "" {
			c.in.Locale = "en"
		}
		if c.want.Locale == "nl" && c.in.Text == "" {
			c.want.Locale = c.in.Locale
		}
		if got := u.Understand(c.in); got != c.want {
			t.Errorf("%q:\n got %+v\nwant %+v", c.in.Text, got, c.want)
		}
	}
}

// directory is Names over a list of names, in lower case.
type directory []string

func (d directory) Match(words []string) int {
	for n := min(len(words), 4); n > 0; n-- {
		name := strings.ToLower(strings.Join(words[:n], " "))
		for _, known := range d {
			if known == name {
				return n
			}
		}
	}
	return 0
}

func TestAmount(t *testing.T) {
	u := load(t)
	for _, c := range []struct {
		text, locale string
		unit         Unit
		want         int64
		reason       Reason
	}{
		{"six", "en", Units, 600, ""},
		{"5", "en", Units, 500, ""},
		{"5.50", "en", Units, 550, ""},
		{"5,5", "fr", Units, 550, ""},
		{"1.234,50", "nl", Units, 123450, ""},
		{"1,234.50", "en", Units, 123450, ""},
		{"1.234,50", "en", Units, 123450, ""},
		{"1.234", "nl", Units, 0, NoAmount},
		{"1,234", "en", Units, 0, NoAmount},
		{"1 1/2", "en", Units, 150, ""},
		{"twenty-five", "en", Units, 2500, ""},
		{"two hundred and five", "en", Units, 20500, ""},
		{"a hundred", "en", Units, 10000, ""},
		{"vijfentwintig", "nl", Units, 2500, ""},
		{"vijf en twintig", "nl", Units, 2500, ""},
		{"tweeëntwintig", "nl", Units, 2200, ""},
		{"honderdvijf", "nl", Units, 10500, ""},
		{"duizend tweehonderd", "nl", Units, 120000, ""},
		{"vierentwintig en een half", "nl", Units, 2450, ""},
		{"quatre-vingt-dix-sept", "fr", Units, 9700, ""},
		{"nonante-sept", "fr", Units, 9700, ""},
		{"soixante et onze", "fr", Units, 7100, ""},
		{"soixante-dix", "fr", Units, 7000, ""},
		{"quatre-vingts", "fr", Units, 8000, ""},
		{"septante-deux", "fr", Units, 7200, ""},
		{"deux cent vingt et un", "fr", Units, 22100, ""},
		{"mille", "fr", Units, 100000, ""},
		{"vingt-deux", "fr", Units, 2200, ""},
		{"5 acorns please", "en", Units, 500, ""},
		{"5 points svp", "fr", Units, 500, ""},
		{"it's 5", "en", Units, 0, NoAmount},
		{"٥", "en", Units, 500, ""},
		{"५", "en", Units, 500, ""},
		{"５", "en", Units, 500, ""},
		{"½", "en", Units, 50, ""},
		{"1½", "en", Units, 150, ""},
		{"5,-", "nl", Units, 500, ""},
		{"1'000", "en", Units, 100000, ""},
		{"5\u00a0points", "fr", Units, 500, ""},
		{"-5", "en", Units, 0, Negative},
		{"minus 5", "en", Units, 0, Negative},
		{"0", "en", Units, 0, Zero},
		{"zero", "en", Units, 0, Zero},
		{"5 6", "en", Units, 0, TwoAmounts},
		{"5 euro", "en", Units, 0, Currency},
		{"€5", "en", Units, 0, Currency},
		{"about 5", "en", Units, 0, NoAmount},
		{"5-6", "en", Units, 0, NoAmount},
		{"5 or 6", "en", Units, 0, NoAmount},
		{"luc", "en", Units, 0, NoAmount},
		{"", "en", Units, 0, NoAmount},
		{"99999999999999999999", "en", Units, 0, NoAmount},
		{"1e9", "en", Units, 0, NoAmount},
		{"2 hours", "en", Units, 0, NoAmount},
		{"5 apples", "en", Units, 0, NoAmount},
		{"1h30", "en", Hours, 90, ""},
		{"1u30", "nl", Hours, 90, ""},
		{"1:30", "en", Hours, 90, ""},
		{"90 min", "en", Hours, 90, ""},
		{"1 h 15 min", "fr", Hours, 75, ""},
		{"2 hrs", "en", Hours, 120, ""},
		{"1.25", "en", Hours, 75, ""},
		{"2,5", "fr", Hours, 150, ""},
		{"an hour and a half", "en", Hours, 90, ""},
		{"an hour", "en", Hours, 60, ""},
		{"half an hour", "en", Hours, 30, ""},
		{"one and a half hours", "en", Hours, 90, ""},
		{"two and a half", "en", Hours, 150, ""},
		{"three quarters of an hour", "en", Hours, 45, ""},
		{"a quarter of an hour", "en", Hours, 15, ""},
		{"an hour and a quarter", "en", Hours, 75, ""},
		{"1 hour and 20 minutes", "en", Hours, 80, ""},
		{"2½ hours", "en", Hours, 150, ""},
		{"3/4 hour", "en", Hours, 45, ""},
		{"20 minutes", "en", Hours, 20, ""},
		{"1 hour, 5 min", "en", Hours, 65, ""},
		{"une heure et quart", "fr", Hours, 75, ""},
		{"une heure et demie", "fr", Hours, 90, ""},
		{"deux heures trois quarts", "fr", Hours, 165, ""},
		{"une demi-heure", "fr", Hours, 30, ""},
		{"trois quarts d'heure", "fr", Hours, 45, ""},
		{"un quart d'heure", "fr", Hours, 15, ""},
		{"deux heures trente", "fr", Hours, 150, ""},
		{"1h15", "fr", Hours, 75, ""},
		{"deux et demi", "fr", Hours, 150, ""},
		{"anderhalf uur", "nl", Hours, 90, ""},
		{"drie kwartier", "nl", Hours, 45, ""},
		{"een kwartier", "nl", Hours, 15, ""},
		{"een half uur", "nl", Hours, 30, ""},
		{"halfuurtje", "nl", Hours, 30, ""},
		{"twee uur en een kwartier", "nl", Hours, 135, ""},
		{"een uur en drie kwartier", "nl", Hours, 105, ""},
		{"2u", "nl", Hours, 120, ""},
		{"twee en een half uur", "nl", Hours, 150, ""},
		{"een uurtje", "nl", Hours, 60, ""},
	} {
		got, _, reason, ok := u.Amount(c.text, c.locale, c.unit)
		if got != c.want || reason != c.reason || ok != (c.reason == "") {
			t.Errorf("%q (%s, %s): %d %q %v, want %d %q", c.text, c.locale, c.unit, got, reason, ok, c.want, c.reason)
		}
	}
}

func TestAnswerAndChoice(t *testing.T) {
	u := load(t)
	for _, c := range []struct {
		text    string
		yes, no bool
		choice  int
	}{
		{"yes please", true, false, 0},
		{"oui", true, false, 0},
		{"👍", true, false, 0},
		{"👍🏽", true, false, 0},
		{"YES 2", true, false, 0},
		{"no thanks", false, true, 0},
		{"neen", false, true, 0},
		{"graag!", true, false, 0},
		{"OK", true, false, 0},
		{"2", false, false, 2},
		{"2.", false, false, 2},
		{"number 2 please", false, false, 2},
		{"two", false, false, 2},
		{"#3", false, false, 3},
		{"maybe", false, false, 0},
		{"2 3", false, false, 0},
		{"2.5", false, false, 0},
		{"", false, false, 0},
	} {
		if yes, no := u.Answer(c.text, "en"); yes != c.yes || no != c.no {
			t.Errorf("%q: yes %v, no %v", c.text, yes, no)
		}
		if n, ok := u.Choice(c.text, "en"); n != c.choice || ok != (c.choice > 0) {
			t.Errorf("%q: choice %d %v, want %d", c.text, n, ok, c.choice)
		}
	}
}

// TestLines answers every line once, the broken ones too.
func TestLines(t *testing.T) {
	u := load(t)
	in := `{"id":"a","locale":"en","unit":"unit","text":"pay luc 5 for eggs"}
not json

{"id":7,"locale":"en","unit":"hour","text":"20 minutes to Anna"}
{"id":"b","text":3}
{"id":"c","locale":"fr","unit":"unit","text":"solde"}`
	var out bytes.Buffer
	if err := Lines(context.Background(), strings.NewReader(in), &out, u); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"a","intent":"pay","who":"luc","amount":"5","what":"eggs"}
{"intent":"unknown"}
{"intent":"unknown"}
{"id":7,"intent":"pay","who":"Anna","amount":"0.3333"}
{"id":"b","intent":"unknown"}
{"id":"c","intent":"balance"}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestLong wants a message of a megabyte understood as fast as one of a page,
// and never as a payment, since nobody knows what the rest says.
func TestLong(t *testing.T) {
	u := load(t)
	for _, s := range []string{"pay luc 5 for eggs ", "a ", "> pay luc 5\n", "pay luc 5\n", "1 ", "((", "and anna 5 ", "\n", "é", "for for ", "if "} {
		text := strings.Repeat(s, (1<<20)/len(s))
		start := time.Now()
		m := u.Understand(Input{Text: text, Locale: "en", Unit: Units})
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q: %v", s, took)
		}
		if m.Intent == Pay || m.Intent == Charge {
			t.Errorf("%q: %+v", s, m)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	u := load(f)
	for _, s := range []string{"pay luc 5 for eggs", "> pay luc 5", "5 à Luc", "1h1½", "betaal 5 aan de bakker", "yes 2", "-", "@", "+3", "l'", "«", "€5", "12:99 to anna"} {
		f.Add(s, "en", true)
		f.Add(s, "nl", false)
	}
	f.Fuzz(func(t *testing.T, text, locale string, hours bool) {
		unit := Units
		if hours {
			unit = Hours
		}
		m := u.Understand(Input{Text: text, Locale: locale, Unit: unit, UnitWords: []string{"acorn"}})
		if (m.Intent == Pay || m.Intent == Charge) && (m.Who == "" || m.Amount <= 0) {
			t.Errorf("%q: %+v", text, m)
		}
		u.Amount(text, locale, unit)
		u.Choice(text, locale)
	})
}

func BenchmarkUnderstand(b *testing.B) {
	u := load(b)
	for _, c := range []struct{ name, text string }{
		{"pay", "pay luc 5 for eggs"},
		{"balance", "how much do I have"},
		{"unknown", "the heron is back on the pond and it was standing there all morning"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				u.Understand(Input{Text: c.text, Locale: "en", Unit: Units})
			}
		})
	}
}
