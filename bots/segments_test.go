package bots

import (
	"strings"
	"testing"
)

func TestSegments(t *testing.T) {
	for _, test := range []struct {
		name                 string
		text                 string
		segments, used, each int
		gsm                  bool
	}{
		{"empty", "", 0, 0, 160, true},
		{"plain", "pay luc 5 for eggs", 1, 18, 160, true},
		{"the alphabet's accents", "èéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà", 1, 23, 160, true},
		{"the alphabet's Greek", "ΔΦΓΛΩΠΨΣΘΞ", 1, 10, 160, true},
		{"line ends", "a\r\nb", 1, 4, 160, true},
		{"two places each", "€[]{}^~|\\\f", 1, 20, 160, true},
		{"160 fit in one", strings.Repeat("a", 160), 1, 160, 160, true},
		{"161 need two", strings.Repeat("a", 161), 2, 161, 153, true},
		{"306 fit in two", strings.Repeat("a", 306), 2, 306, 153, true},
		{"307 need three", strings.Repeat("a", 307), 3, 307, 153, true},
		{"80 euros fit in one", strings.Repeat("€", 80), 1, 160, 160, true},
		{"an escape is not split", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, 306, 153, true},
		{"an escape at the end of a part", strings.Repeat("a", 151) + "€" + strings.Repeat("a", 153), 2, 306, 153, true},
		{"small c cedilla", "ça va", 1, 5, 70, false},
		{"tab", "a\tb", 1, 3, 70, false},
		{"backtick", "`", 1, 1, 70, false},
		{"curly quote", "it’s", 1, 4, 70, false},
		{"the escape itself", "\x1b", 1, 1, 70, false},
		{"70 fit in one", strings.Repeat("ł", 70), 1, 70, 70, false},
		{"71 need two", strings.Repeat("ł", 71), 2, 71, 67, false},
		{"emoji use two", "🐣", 1, 2, 70, false},
		{"35 emoji fit in one", strings.Repeat("🐣", 35), 1, 70, 70, false},
		{"emoji are not split", strings.Repeat("🐣", 36), 2, 72, 67, false},
		{"an emoji that would be split", strings.Repeat("🐣", 67), 3, 134, 67, false},
		{"bad UTF-8", "a\xff\xfe", 1, 3, 70, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			segments, used, each, gsm := Segments(test.text)
			if segments != test.segments || used != test.used || each != test.each || gsm != test.gsm {
				t.Errorf("Segments = %d, %d, %d, %v; want %d, %d, %d, %v", segments, used, each, gsm,
					test.segments, test.used, test.each, test.gsm)
			}
		})
	}
}

func FuzzSegments(f *testing.F) {
	f.Add("pay luc 5 €")
	f.Add("🐣ç")
	f.Fuzz(func(t *testing.T, text string) {
		segments, used, each, _ := Segments(text)
		if used > segments*each || (segments > 1 && used <= (segments-1)*(each-1)) {
			t.Errorf("%d places in %d segments of %d", used, segments, each)
		}
	})
}
