package telegram

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"   \n", nil},
		{"short", []string{"short"}},
		{"exactly 12!!", []string{"exactly 12!!"}},
		{"one two\n\nthree four", []string{"one two", "three four"}},
		{"one\n\ntwo x\nthree", []string{"one", "two x\nthree"}},
		{"one two\nthree four", []string{"one two", "three four"}},
		{"one two three four", []string{"one two", "three four"}},
		{"twelve chars and", []string{"twelve chars", "and"}},
		{"abcdefghijklmnopq", []string{"abcdefghijkl", "mnopq"}},
		{"abcdefghijk👍👍", []string{"abcdefghijk", "👍👍"}},
		{"👍👍👍👍👍👍👍", []string{"👍👍👍👍👍👍", "👍"}},
		{strings.Repeat(" ", 20) + "x", []string{"x"}},
		{"\n\nabcdefghijklmno", []string{"\n\nabcdefghij", "klmno"}},
	} {
		if got := split(c.text, 12); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("one two\n\nthree 👍🏽 four", 5)
	f.Add(strings.Repeat(" \n", 30), 2)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 2 || most > 5000 || !utf8.ValidString(text) {
			return
		}
		parts := split(text, most)
		for _, part := range parts {
			if n := len(utf16.Encode([]rune(part))); n > most || !utf8.ValidString(part) || strings.TrimSpace(part) == "" {
				t.Errorf("a part of %d units: %q", n, part)
			}
		}
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if bare(strings.Join(parts, " ")) != bare(text) {
			t.Errorf("%q became %q", text, parts)
		}
	})
}

func TestBucket(t *testing.T) {
	var k bucket
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r := rate{every: time.Second, burst: 3}
	for i, want := range []time.Duration{0, 0, 0, time.Second, 2 * time.Second} {
		if got := k.take(now, r); got != want {
			t.Errorf("token %d after %v, want %v", i, got, want)
		}
	}
	k.giveBack(r)
	if got := k.take(now.Add(time.Second), r); got != time.Second {
		t.Errorf("after one was given back: %v", got)
	}
	if got := k.take(now.Add(time.Hour), r); got != 0 {
		t.Errorf("after a rest: %v", got)
	}
}

func TestDeliveredIsBounded(t *testing.T) {
	var d delivered
	for id := range int64(3 * deliveredMax) {
		d.put(id+1, delivery{parts: 1})
		d.put(id+1, delivery{parts: 2})
	}
	d.put(0, delivery{parts: 1})
	if len(d.byID) != deliveredMax || len(d.order) != deliveredMax {
		t.Errorf("remembers %d, %d", len(d.byID), len(d.order))
	}
	if d.get(3*deliveredMax).parts != 2 || d.get(2*deliveredMax+1).parts != 2 || d.get(2*deliveredMax).parts != 0 || d.get(0).parts != 0 {
		t.Error("it does not remember the last ones")
	}
}
