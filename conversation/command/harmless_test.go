package command

import (
	"strings"
	"testing"
	"unicode"
)

func TestHarmless(t *testing.T) {
	for _, c := range []struct{ said, text, left string }{
		{"bread, 2 a loaf", "bread, 2 a loaf", ""},
		{"bread\r\nBcc: all@example.org\n\nbody", "bread Bcc: all@example.org body", ""},
		{"bread\x00\x1b[31m\tand\x7f jam", "bread [31m and jam", ""},
		{"\u202edaerb\u202c", "daerb", "signs"},
		{"see http://evil.example/?m=1 and HTTPS://EVIL.example", "see and", "links"},
		{"www.evil.example", "", "links"},
		{"javascript://x(1) bread", "bread", "links"},
		{"http\u202e://evil.example bread", "bread", "links"},
		{"I <3 bread & jam <b>x</b>", "I <3 bread & jam x", ""},
		{"", "", ""},
	} {
		if text, left := harmless(c.said, c.said); text != c.text || left != c.left {
			t.Errorf("%q: %q %q, want %q %q", c.said, text, left, c.text, c.left)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"bread", "a\r\nb", "\u202ea", "hthttp://tp://x", "wwwww.w.", "\u2066www.\u2069x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, said string) {
		text, _ := harmless(said, said)
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Errorf("%q leaves %q", said, text)
		}
		if again, left := harmless(text, text); left == "links" {
			t.Errorf("%q leaves %q, which leaves %q", said, text, again)
		}
	})
}
