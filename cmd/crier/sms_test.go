package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/locales"
)

// TestTaughtWords sees to it that nobody is taught a word that a gateway takes
// for itself, in any language, and that what is taught instead is understood.
func TestTaughtWords(t *testing.T) {
	t.Parallel()
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUnderstander()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := regexp.MustCompile(`^(phone|menu|mail|unsubscribe|screen|ussd|button)\.|^say\.`)
	for _, kind := range gateways {
		if len(kind.Reserved) == 0 {
			continue
		}
		for _, locale := range catalog.Codes() {
			p := catalog.Printer(locale, locales.Unit{Words: "acorn/acorns"}, nil, time.UTC, time.Now()).Avoiding(kind.Reserved)
			for _, key := range catalog.Keys() {
				if elsewhere.MatchString(key) {
					continue
				}
				for _, word := range capitals(p.Text(key, nil)) {
					if slices.Contains(kind.Reserved, word) && word != "STOP" && word != "START" {
						t.Errorf("%s %s teaches %s, which %s takes for itself: %s", locale, key, word, kind.Name, p.Text(key, nil))
					}
				}
			}
			for place, want := range map[string]understand.Intent{"yes": understand.Yes, "no": understand.No, "help": understand.Help, "join": understand.Join} {
				for _, reserved := range [][]string{nil, kind.Reserved} {
					word := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Now()).Avoiding(reserved).Taught(place)
					if m := u.Understand(understand.Input{Text: word, Locale: locale, Unit: understand.Units}); m.Intent != want {
						t.Errorf("%s: %q, taught for %s, is understood as %s", locale, word, place, m.Intent)
					}
				}
			}
		}
	}
}

// capitals are the words of a text that are written in capitals: those that
// people are to write.
func capitals(text string) (words []string) {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len([]rune(w)) > 1 && w == strings.ToUpper(w) {
			words = append(words, w)
		}
	}
	return words
}

// TestKeywords sees to it that STOP, START and HELP are understood in every
// language by the words that carriers know, alone.
func TestKeywords(t *testing.T) {
	t.Parallel()
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUnderstander()
	if err != nil {
		t.Fatal(err)
	}
	words := map[understand.Intent][]string{
		understand.Stop:  {"STOP", "stop", " Stop. ", "STOP!", "STOPALL", "UNSUBSCRIBE", "QUIT", "OPTOUT", "REVOKE"},
		understand.Start: {"START", "start", "Start.", "UNSTOP"},
		understand.Help:  {"HELP", "help", "Help?", "INFO"},
	}
	own := map[string]map[understand.Intent][]string{
		"fr": {understand.Stop: {"ARRET", "arrêt"}, understand.Help: {"AIDE"}},
		"nl": {understand.Stop: {"STOPPEN"}},
		"de": {understand.Stop: {"STOPP", "ABMELDEN"}, understand.Help: {"HILFE"}},
		"es": {understand.Stop: {"BAJA", "PARAR", "ALTO"}, understand.Help: {"AYUDA"}},
		"it": {understand.Stop: {"FERMA", "BASTA"}, understand.Help: {"AIUTO"}},
	}
	for _, locale := range catalog.Codes() {
		for want, all := range words {
			for _, text := range append(slices.Clone(all), own[locale][want]...) {
				if m := u.Understand(understand.Input{Text: text, Locale: locale, Unit: understand.Units}); m.Intent != want {
					t.Errorf("%s: %q is understood as %s, not %s", locale, text, m.Intent, want)
				}
			}
		}
		for _, text := range []string{"stop by at 5", "help me move on saturday", "start with luc", "stop paying luc"} {
			if m := u.Understand(understand.Input{Text: text, Locale: locale, Unit: understand.Units}); m.Intent == understand.Stop || m.Intent == understand.Start {
				t.Errorf("%s: %q is understood as %s", locale, text, m.Intent)
			}
		}
	}
}

// TestGatewaySettings names what a gateway lacks, and what it has no use for.
func TestGatewaySettings(t *testing.T) {
	t.Parallel()
	base := "public_url = 'https://crier.example'\n[[sms]]\n"
	for text, want := range map[string]string{
		"gateway = 'pigeon'":                                                     `no gateway "pigeon": there are android, twilio`,
		"gateway = 'twilio'\nuser = 'AC1'":                                       "needs secret: set CRIER_SMS_SECRET",
		"gateway = 'gammu'\nnumber = '+32470000099'":                             "needs dir",
		"gateway = 'gammu'\ndir = 'x'\nnumber = '+32470000099'\nuser = 'me'":     "has no use for user",
		"gateway = 'gammu'\ndir = 'x'\nnumber = '+32470000099'\nprice = 'cheap'": `"cheap" is not an amount of money`,
		"gateway = 'gammu'\nper_second = -1.0":                                   "per_second",
		"gateway = 'gammu'\ncallback = 'here'":                                   "sms.callback",
		"gateway = 'gammu'\nclock_skew = 'x'":                                    "clock_skew",
		"gateway = 'gammu'\ndir = 'x'\nnumber = '+3247'\n[[sms]]\ngateway = 'gammu'\ndir = 'y'\nnumber = '+3248'": "have the name gammu",
	} {
		fails(t, want, "serve", "--config", write(t, "crier.toml", base+text))
	}
	fails(t, "cannot stand for it", "serve", "--config", write(t, "crier.toml", "[[sms]]\ngateway = 'gammu'\n[phone]\nenabled = true\nchannels = ['sms']"))
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0.07 EUR": 70_000, "0,0079USD": 7_900, "20 EUR": 20_000_000, " 1.5 KES ": 1_500_000, "0.000001 EUR": 1} {
		c, err := conversation.ParseCost(text)
		if err != nil || c.Micros != want || len(c.Currency) != 3 {
			t.Errorf("%q is %+v, %v", text, c, err)
		}
	}
	for _, text := range []string{"7", "EUR", "0.07 euro", "-1 EUR", "1.2.3 EUR", "0.0000001 EUR", "1e3 EUR", "9999999999 EUR"} {
		if c, err := conversation.ParseCost(text); err == nil {
			t.Errorf("%q is %+v", text, c)
		}
	}
	for micros, want := range map[int64]string{0: "0.00", 70_000: "0.07", 7_900: "0.0079", 1_500_000: "1.50", 12_345_678: "12.345678"} {
		if got := money(micros); got != want {
			t.Errorf("%d is %s, not %s", micros, got, want)
		}
	}
}

func TestQuietSetting(t *testing.T) {
	t.Parallel()
	if from, to, err := parseQuiet("21:00-8:00"); err != nil || from != 21*60 || to != 8*60 {
		t.Errorf("%d to %d, %v", from, to, err)
	}
	if from, to, err := parseQuiet("none"); err != nil || from != to {
		t.Errorf("%d to %d, %v", from, to, err)
	}
	for _, bad := range []string{"", "21", "25:00-8:00", "at night"} {
		if _, _, err := parseQuiet(bad); err == nil {
			t.Errorf("%q are quiet hours", bad)
		}
	}
}

// TestGatewayTable sees to it that what kinds say of themselves is consistent.
func TestGatewayTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range gateways {
		if seen[k.Name] || k.New == nil {
			t.Errorf("%q", k.Name)
		}
		seen[k.Name] = true
		for _, key := range append(slices.Clone(k.Needs), k.Takes...) {
			if !slices.Contains([]string{"url", "user", "secret", "signing", "number", "sender", "dir", "clock_skew"}, key) {
				t.Errorf("%s needs or takes %q, which nobody can set", k.Name, key)
			}
		}
		for _, h := range k.Hooks {
			if h.Path == "" || len(h.Methods) == 0 || h.For == "" {
				t.Errorf("%s: hook %+v", k.Name, h)
			}
		}
		if len(k.Hooks) > 0 && !k.Public && k.Name != "kannel" {
			t.Errorf("%s calls from where?", k.Name)
		}
		for _, w := range k.Reserved {
			if w != strings.ToUpper(w) {
				t.Errorf("%s: %q is not in capitals", k.Name, w)
			}
		}
	}
}
