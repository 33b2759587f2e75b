package sms_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots"
	"crier/bots/sms"
	"crier/locales"
)

var update = flag.Bool("update", false, "write the table of answers anew")

const answersFile = "testdata/answers.txt"

// everyday are the answers that members get again and again: a name of 20
// letters, four figures, and a description of 20 letters have to fit into one
// segment with them.
var everyday = regexp.MustCompile(`^(not_understood|help|empty|partial|` +
	`pay\.(confirm|done|notice|no)|charge\.(confirm|asked|no)|request\.(notice|paid|no|declined|cancelled)(_bare)?$|` +
	`answer\.(yes_or_no|nothing_open|too_late|left|number_range)|` +
	`balance\.|history\.line|more\.none|refuse\.(limit|yourself|amount|payee_limit|they_are)|` +
	`who\.|offer\.ask|want\.ask|stop\.|join\.welcome|language\.offer|` +
	`nudge\.(high|low|want|offer|on|off|invited)|stock\.(ask|told|notice)|leave_ad\.|pin\.(ask|set|easy|form|wrong|needed)|undo\.(no|asked|cancelled)$|flood\.)`)

// The arguments of the texts, each as long as it may well be.
var (
	longName = "Wilhelmina Jacobsson" // 20 letters
	longWhat = "twee dagen tuinieren" // 20
	someArgs = locales.Args{
		"name": longName, "who": longName, "first": "Wilhelmina", "payer": longName, "payee": longName, "coordinator": "Ria Jansen",
		"amount": locales.Sum(1234), "room": locales.Sum(1234), "balance": locales.Figure(-1234), "limit": locales.Figure(-1500), "what": longWhat,
		"receipt": "7KQ4", "back": "M2XD", "number": 123, "n": 3, "day": locales.Day(time.Date(2026, 5, 23, 0, 0, 0, 0, time.UTC)), "when": "23 May",
		"community": "Riverbank LETS", "unit": "acorns", "letter": "W", "code": "RIVER-7KQ2MH", "address": "+32 470 000 044", "place": "Leuven",
		"text": "bicycle repair, also of electric ones", "price": ", 12 acorns an hour", "channel": "text message", "prefix": "WI", "second": "2",
		"contact": "Phone +32 470 000 009.", "reference": "3F2A1B", "cost": locales.Money{Micros: 16_400_000, Currency: "EUR"},
		"budget": locales.Money{Micros: 20_000_000, Currency: "EUR"}, "clock": "10:12", "line": "-5 Luc Martin, eggs, 3 May",
		"names": longName + ", Anna Rossi", "offers": "12 offers", "wants": "3 wants", "next": "30 May", "due": "23 May", "began": "24 May",
		"part": "2.5 kg", "share": "2.5 kg", "left": "37.5 kg", "stock": "37.5 kg",
	}
)

// TestAnswers keeps a table of what each answer costs, in every language, and
// sees to it that no everyday answer takes more than one segment.
func TestAnswers(t *testing.T) {
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	for _, locale := range catalog.Codes() {
		for _, key := range catalog.Keys() {
			text, plain, ok := answer(catalog, locale, key)
			if !ok {
				continue
			}
			n, used, _, gsm := bots.Segments(plain)
			alphabet := "GSM-7"
			if !gsm {
				alphabet = "UCS-2"
			}
			table = append(table, fmt.Sprintf("%s %-32s %d %-5s %4d  %s", locale, key, n, alphabet, used, strings.ReplaceAll(plain, "\n", `\n`)))
			if !gsm {
				t.Errorf("%s %s leaves the alphabet of text messages: %q", locale, key, text)
			}
			if everyday.MatchString(key) && n > 1 {
				t.Errorf("%s %s takes %d segments (%d letters): %s", locale, key, n, used, plain)
			}
		}
	}
	got := strings.Join(table, "\n") + "\n"
	if *update {
		if err := os.WriteFile(answersFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	if was := string(want); was != got {
		before := strings.Split(was, "\n")
		for _, line := range strings.Split(got, "\n") {
			if !slices.Contains(before, line) {
				t.Errorf("not in %s (go test ./bots/sms -run TestAnswers -update writes it): %s", answersFile, line)
			}
		}
		t.Errorf("%s is not what is said today", answersFile)
	}
}

// elsewhere are the texts that are never sent as a text message.
var elsewhere = regexp.MustCompile(`^(phone|menu|button|channel|unit|when|mail|unsubscribe|email|held|say|screen|ussd|contact|shared|history\.back|undo\.confirm_grace|languages)(\.|_|$)`)

// answer is a text as it goes out as SMS, with long arguments.
func answer(catalog *locales.Catalog, locale, key string) (text, plain string, ok bool) {
	if elsewhere.MatchString(key) || key == "called" {
		return "", "", false
	}
	p := catalog.Printer(locale, locales.Unit{Words: "acorn/acorns"}, nil, time.UTC, time.Date(2026, 5, 5, 10, 0, 0, 0, time.UTC))
	args := locales.Args{}
	for name, value := range someArgs {
		args[name] = value
	}
	if strings.HasPrefix(key, "stock.notice") { // they cut it
		args["text"] = longWhat
	}
	args["list"] = "1 " + longName + "  2 Anna Rossi"
	switch {
	case key == "search.one":
		args["text"] = "bicycle repair, also of electric ones, 12 acorns an hour"
		args["line"] = p.Text("search.line_offer", args)
	case strings.HasPrefix(key, "balance."):
		args["text"], args["balance"] = p.Text("balance.minus", locales.Args{"balance": locales.Sum(-1234)}), locales.Sum(-1234)
	case strings.HasPrefix(key, "charge.ask"), strings.HasPrefix(key, "pay.ask"), strings.HasPrefix(key, "refuse."), strings.HasPrefix(key, "pin."):
		args["limit"] = locales.Sum(1234)
	}
	text = p.Text(key, args)
	return text, sms.Plain(text, locale), true
}
