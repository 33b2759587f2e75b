package sms

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"crier/bots"
)

//nolint:misspell // it is no English
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ locale, text, want string }{
		// What the alphabet has stays, to the byte.
		{"en", "", ""},
		{"en", "pay luc 5 for eggs", "pay luc 5 for eggs"},
		{"de", "Jürgen Groß, Übung für Größe: 5 €", "Jürgen Groß, Übung für Größe: 5 €"},
		{"fr", "Ça ? Zoé, déjà là où\r\n  il  est", "Ça ? Zoé, déjà là où\r\n  il  est"},
		{"es", "¿Mañana, señora Núñez?", "¿Mañana, señora Nuñez?"},
		{"da", "Åse på Ærø: blåbærgrød", "Åse på Ærø: blåbærgrød"},
		{"el", "ΔΦΓΛΩΠΨΣΘΞ", "ΔΦΓΛΩΠΨΣΘΞ"},

		// Names and words that their readers know again.
		{"en", "Zoë Müller", "Zoe Müller"},
		{"en", "Łukasz", "Lukasz"},
		{"pl", "Zażółć gęślą jaźń, ŁÓDŹ", "Zazolc gesla jazn, LODZ"},
		{"fr", "L’œuf coûte 5 grains, François. ŒUVRE, Œuvre, cœur, Œ", "L'oeuf coute 5 grains, Francois. OEUVRE, Oeuvre, coeur, Oe"},
		{"fr", "Noël, maïs, forêt, île, août, hôtel, âge, Lÿ", "Noel, mais, foret, ile, aout, hotel, age, Ly"},
		{"nl", "geïnteresseerd, één ĳsje, Ĳsselmeer, coördinator", "geinteresseerd, één ijsje, IJsselmeer, coördinator"},
		{"es", "María Ángeles, ¿cuánto? Mª José, 1ª", "Maria Angeles, ¿cuanto? Ma José, 1a"},
		{"ca", "col·laborar, paraŀlel, ça", "col.laborar, paral.lel, ca"},
		{"pt", "São João, coração, pão, avô", "Sao Joao, coracao, pao, avo"},
		{"it", "È così, però: perché no? Già, è più caffè, lí, CITTÀ", "E' così, però: perché no? Già, è più caffè, li, CITTA'"},
		{"hu", "Erdős Árpád, tűz, FŐ ŰR", "Erdös Arpad, tüz, FÖ ÜR"},
		{"ro", "Ștefan, țară, înțeles, ŞŢ", "Stefan, tara, inteles, ST"},
		{"tr", "Iğdır'da çay: İpek, Şule, Ağa ığ", "Igdir'da cay: Ipek, Sule, Aga ig"},
		{"cs", "Příliš žluťoučký kůň, Dvořák", "Prilis zlutoucky kun, Dvorak"},
		{"hr", "Đorđe, Šime, ĐURĐA, čaša", "Djordje, Sime, DJURDJA, casa"},
		{"sr-Latn", "Đura", "Djura"},
		{"en", "Đặng Thị Hòa, Nguyễn, Đorđe", "Dang Thi Hòa, Nguyen, Dorde"},
		{"is", "Þórður, ÞÓR, Guðrún", "Thordur, THOR, Gudrun"},
		{"et", "õpetaja Jüri", "opetaja Jüri"},
		{"lv", "Ķekava, Ģirts, šūna", "Kekava, Girts, suna"},
		{"mt", "Ħal Għaxaq", "Hal Ghaxaq"},
		{"cy", "Siân, dŵr a tŷ", "Sian, dwr a ty"},
		{"az", "Əli, gəl", "Eli, gel"},
		{"ak", "Ɛyɛ, ɔdɔ, Kɔɔ", "Eye, odo, Koo"},
		{"ha", "ɓauna, ɗaki, ƙasa, ƴan", "bauna, daki, kasa, yan"},
		{"haw", "Kaʻahumanu, Hawaiʻi", "Ka'ahumanu, Hawai'i"},
		{"de", "STRAẞE, 20 °C und 20°C, – „ja“", "STRASSE, 20 C und 20 C, - \"ja\""},
		{"en", "Ame\u0301lie, Zoe\u0308, n\u0303, g\u0303", "Amélie, Zoe, ñ, g"},
		{"en", "Å\u212b Ω\u2126 K\u212a", "ÅÅ ΩΩ KK"},

		// Marks.
		{"en", "it’s ‘so’ “nice” ‹a› `b` 5′ 6″", "it's 'so' \"nice\" 'a' 'b' 5' 6\""},
		{"fr", "« oui », «\u00a0oui\u00a0», «\u202foui\u202f»", "\" oui \", \"oui\", \"oui\""},
		{"en", "a – b — c … d • e → f ← g − h", "a - b - c ... d - e -> f <- g - h"},
		{"en", "a · b, 2·5", "a - b, 2.5"},
		{"en", "no\u00a0break, 1\u202f234,50, thin\u2009space, a\tb", "no break, 1 234,50, thin space, a b"},
		{"en", "a\u200bb\u200c\u200d\ufeff\u00ad\u2066c\u2069 \u202ed\u202c", "abc d"},
		{"en", "a\u2028b\u0085c\vd", "a\nb\nc\nd"},
		{"en", "a ≤ b × c ÷ d ± e © f™", "a <= b x c / d +/- e (c) f(tm)"},
		{"en", "½ ç", "1/2 c"},
		{"en", "ﬁne 𝐁𝐨𝐥𝐝 ＦＵＬＬ！", "fine Bold FULL!"},
		{"en", "quality ★★★☆☆", "quality ***"},

		// Numbers stay what they are.
		{"en", "5, 2,50 1h30 1.234,50 −7 ç", "5, 2,50 1h30 1.234,50 -7 c"},
		{"en", "2½ h, ½h, ¾, ½5", "2 1/2 h, 1/2h, 3/4, 1/2 5"},
		{"en", "１２．５ or ５", "12.5 or 5"},
		{"en", "m² CO₂ 1ᵉʳ", "m2 CO2 1er"},
		{"en", "10² ç", "10² ç"},
		{"en", "10⁻³ ç", "10⁻³ ç"},
		{"en", "①② ç", "①② ç"},
		{"en", "① ç", "1 c"},
		{"es", "5ó6", "5ó6"}, // or it would read 506
		{"es", "el 1º", "el 1º"},
		{"en", "180° ç", "180° ç"},
		{"fr", "n° 5, N°5, nº 7, №8", "no 5, No 5, no 7, No 8"},
		{"en", "1️⃣ pay 2️⃣ ask, 1️⃣2️⃣, 15️⃣, 1️⃣5", "1 pay 2 ask, 1 2, 1 5, 1 5"},
		{"en", "5🐣5 2🐣.5", "5 5 2 .5"},
		{"ar", "٢٥ ç", "٢٥ ç"},
		{"en", "a ≠ b ç", "a ≠ b ç"},
		{"en", "s̶o̶", "s̶o̶"}, // struck out
		{"en", "5\u0336", "5\u0336"},
		{"en", "5\u0302 ç", "5\u0302 ç"},

		// Pictures.
		{"en", "Thanks 🐣", "Thanks"},
		{"en", "Thanks 🐣!", "Thanks!"},
		{"fr", "Merci 🐣 !", "Merci !"},
		{"en", "🐣 Thanks", "Thanks"},
		{"en", "a 🐣 b 🐣🐣  c", "a b c"},
		{"en", "a🐣b", "a b"},
		{"en", "a\n🐣\nb\r\n🐣 🐣\r\nc\n🐣", "a\nb\r\nc"},
		{"en", "🐣\n🐣", "🐣\n🐣"},
		{"en", "(🐣 eggs 🐣)", "(eggs)"},
		{"en", `for "🥚 eggs"? "hi" 🐣 "there"`, `for "eggs"? "hi" "there"`},
		{"en", "👨‍👩‍👧‍👦 family, 👍🏽 good, 🇧🇪 Belgium, 🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F Scotland, ❤️ love", "family, good, Belgium, Scotland, love"},
		{"en", "🐣", "🐣"},
		{"en", "🐣!", "🐣!"},
		{"en", `Pay Luc 5 for "🥚"? Reply YES or NO.`, `Pay Luc 5 for "🥚"? Reply YES or NO.`},
		{"en", "Luc: 👍", "Luc: 👍"},
		{"en", "Luc: 👍 good", "Luc: good"},
		{"en", "🐣: 5 eggs", "🐣: 5 eggs"},
		{"en", "eggs ❌", "eggs ❌"}, // it would say the opposite

		// Other scripts stay readable as a whole.
		{"el", "Αθηνά", "Αθηνά"},
		{"el", "ΑΘΗΝΑ", "ΑΘΗΝΑ"},
		{"en", "Zoë pays Αθηνά 5 – “ok” 🐣", "Zoë pays Αθηνά 5 – “ok” 🐣"},
		{"ru", "Заплати Ивану 5 «яиц» – ёж", "Заплати Ивану 5 «яиц» – ёж"},
		{"ru", "и\u0306", "й"},
		{"ar", "ادفع ٥ لمحمد", "ادفع ٥ لمحمد"},
		{"fa", "می\u200cخواهم", "می\u200cخواهم"},
		{"he", "שָׁלוֹם", norm.NFC.String("שָׁלוֹם")},
		{"zh", "请付 5 给路克，谢谢！", "请付 5 给路克，谢谢！"},
		{"ja", "卵に５払って", "卵に５払って"},
		{"ko", "달걀 5개", "달걀 5개"},
		{"hi", "क\u093c", "क\u093c"},
		{"hi", "\u0958", "क\u093c"}, // its composed form
		{"en", "bad\xff\xfe", "bad\ufffd"},
	} {
		if got := Plain(test.text, test.locale); got != test.want {
			t.Errorf("Plain(%q, %s) = %q, want %q", test.text, test.locale, got, test.want)
		}
		keepsPlain(t, test.text, test.locale)
	}
}

// TestPlainIsNoDearer rewrites nothing at the cost of a segment more.
func TestPlainIsNoDearer(t *testing.T) {
	t.Parallel()
	text := "a" + strings.Repeat("…", 69)
	if got := Plain(text, "en"); got != text {
		t.Errorf("a text of one segment goes out in %q", got)
	}
	if got := Plain("a"+strings.Repeat("…", 39), "en"); got != "a"+strings.Repeat("...", 39) {
		t.Errorf("a text that fits goes out as %q", got)
	}
	// Composing can lengthen, too.
	text = strings.Repeat("\u0958", 70)
	if got := Plain(text, "hi"); got != text {
		t.Errorf("a text of one segment goes out in %q", got)
	}
}

// interesting has of all that Plain treats in a way of its own.
var interesting = []rune("aeioulLOI nçáőłŁđœŒÞßàÉ05.,:;!?()\"'«»“’`\n\t\r …–·•→½²①º°ª№Å\u00a0\u202f\u0301\u0336\u200b\u200d\ufe0f\u20e3\u00ad" +
	"🐣👍❌🇧🇪🏽★✔５ａ𝟓Ⅳ٥αΩ\u2126Ж中\u0958ﬁĲ\u0344≠€[\x00\x1b\ufffd")

func TestPlainOfAnything(t *testing.T) {
	t.Parallel()
	locales := []string{"", "en", "fr", "hr", "it"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom(interesting), rapid.Rune())).Draw(t, "text")
		keepsPlain(t, text, rapid.SampledFrom(locales).Draw(t, "locale"))
	})
}

func FuzzPlain(f *testing.F) {
	f.Add("Łukasz gave you 2½ h for “œufs” 🐣", "fr")
	f.Add(string(interesting), "hr")
	f.Fuzz(func(t *testing.T, text, locale string) {
		if len(text) < 4000 {
			keepsPlain(t, text, locale)
		}
	})
}

// TestPlainKeepsReceipts keeps codes, amounts and web addresses, whatever
// stands around them.
func TestPlainKeepsReceipts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom([]string{"K7-QQQ", "4F2-9KD", "JOIN RIVER-7KQ2", "1h30", "2,50", "-7", "+32470000012", "luc@example.org", "http://x.example/?a=1&b=2"}).Draw(t, "code")
		around := rapid.StringOf(rapid.SampledFrom(interesting))
		if got := Plain(around.Draw(t, "before")+" "+code+" "+around.Draw(t, "after"), "fr"); !strings.Contains(got, code) {
			t.Errorf("%q is not in %q", code, got)
		}
	})
}

// keepsPlain checks what Plain promises for any text.
func keepsPlain(t interface {
	Helper()
	Errorf(format string, args ...any)
}, text, locale string,
) {
	t.Helper()
	got := Plain(text, locale)
	if again := Plain(got, locale); again != got {
		t.Errorf("%q goes out as %q, and that as %q", text, got, again)
	}
	before, _ := segments(text)
	if after, _ := segments(got); after > before || (got == "") != (text == "") {
		t.Errorf("%q of %d segments goes out in %d: %q", text, before, after, got)
	}
	composed := norm.NFC.String(strings.ToValidUTF8(text, "\ufffd"))
	switch {
	case bots.GSM(text) && got != text:
		t.Errorf("%q needs nothing, and goes out as %q", text, got)
	case got == text || got == composed:
		return
	case !bots.GSM(got):
		t.Errorf("%q is rewritten by half: %q", text, got)
	}
	if was, is := numbers(composed), numbers(got); !slices.Equal(was, is) {
		t.Errorf("the numbers %q of %q go out as %q in %q", was, text, is, got)
	}
	if was, is := countFunc(composed, isLetter), countFunc(got, unicode.IsLetter); is < was {
		t.Errorf("%q loses letters: %q", text, got)
	}
	if was, is := strings.Count(norm.NFKD.String(composed), "?"), strings.Count(got, "?"); is != was {
		t.Errorf("%q gets or loses a question mark: %q", text, got)
	}
}

// isLetter is IsLetter without the apostrophes that Unicode takes for letters.
func isLetter(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r) }

func countFunc(s string, f func(rune) bool) (n int) {
	for _, r := range s {
		if f(r) {
			n++
		}
	}
	return n
}

// numbers are those that a reader of a text sees, in ASCII digits.
func numbers(text string) []string {
	var b strings.Builder
	for _, r := range text {
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return ' '
		}, norm.NFKD.String(string(r)))
		switch {
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector) || r == '\u034f': // unseen
		case unicode.IsDigit(r):
			b.WriteString(digits)
		case r == '\u20e3': // a keycap: the digit before it is a number of its own
			s := b.String()
			b.Reset()
			if s != "" {
				b.WriteString(s[:len(s)-1] + " " + s[len(s)-1:])
			}
			b.WriteByte(' ')
		default:
			b.WriteString(" " + digits + " ")
		}
	}
	return strings.Fields(b.String())
}
