package bots

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestSegments counts the texts of testdata/segments.jsonl. What they come to
// was not worked out by this package.
func TestSegments(t *testing.T) {
	data, err := os.ReadFile("testdata/segments.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for line := range strings.Lines(string(data)) {
		var want struct {
			Text, Encoding  string
			Units, Segments int
		}
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		tests++
		segments, units, perSegment, gsm := Segments(want.Text)
		encoding, room := "UCS-2", [2]int{70, 67}
		if gsm {
			encoding, room = "GSM-7", [2]int{160, 153}
		}
		each := room[min(max(want.Segments-1, 0), 1)]
		if encoding != want.Encoding || units != want.Units || segments != want.Segments || perSegment != each || GSM(want.Text) != gsm {
			t.Errorf("%.60q: %s, %d units in %d segments of %d; want %s, %d in %d of %d",
				want.Text, encoding, units, segments, perSegment, want.Encoding, want.Units, want.Segments, each)
		}
	}
	if tests < 200 {
		t.Errorf("only %d texts", tests)
	}
}

func TestSegmentsOfBadUTF8(t *testing.T) {
	if segments, units, each, gsm := Segments("a\xff\xfe"); segments != 1 || units != 3 || each != 70 || gsm {
		t.Errorf("%d units in %d segments of %d, GSM %v", units, segments, each, gsm)
	}
}

// The tables as they are printed in 3GPP TS 23.038: the place of a character is
// its code.
const (
	septets = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" + // 6.2.1
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	escaped = "..........\f.........^...................{}.....\\............[~].|....................................€" // 6.2.1.1
)

// inSeptets is a text in the GSM alphabet, a slice for each character, or nil.
func inSeptets(text string) [][]uint16 {
	code := map[rune][]uint16{}
	for i, r := range []rune(septets) {
		code[r] = []uint16{uint16(i)}
	}
	delete(code, '\x1b')
	for i, r := range []rune(escaped) {
		if r != '.' {
			code[r] = []uint16{0x1b, uint16(i)}
		}
	}
	chars := [][]uint16{}
	for _, r := range text {
		if code[r] == nil {
			return nil
		}
		chars = append(chars, code[r])
	}
	return chars
}

// read is what a telephone shows of parts.
func read(parts [][]uint16, gsm bool) string {
	var b strings.Builder
	for _, part := range parts {
		if !gsm {
			b.WriteString(string(utf16.Decode(part)))
			continue
		}
		table := []rune(septets)
		for _, c := range part {
			if c == 0x1b {
				table = []rune(escaped)
				continue
			}
			b.WriteRune(table[c])
			table = []rune(septets)
		}
	}
	return b.String()
}

// FuzzSegments compares with parts that are really filled, and read again.
func FuzzSegments(f *testing.F) {
	for _, s := range []string{
		"", "pay luc 5 €", "🐣ç", "a\xff\xfe", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152),
		strings.Repeat("ł", 66) + "🐣" + strings.Repeat("ł", 66), strings.Repeat("🐣", 71), strings.Repeat("€", 400),
	} {
		f.Add(s, uint16(1))
	}
	f.Add("a", uint16(306))
	f.Add("a€", uint16(200))
	f.Add("ł🐣", uint16(90))
	f.Fuzz(func(t *testing.T, text string, times uint16) {
		if len(text)*int(times) > 5000 {
			return
		}
		text = strings.Repeat(text, int(times))
		chars, alone, part := inSeptets(text), 160, 153
		gsm := chars != nil
		if !gsm {
			alone, part = 70, 67
			for _, r := range text {
				chars = append(chars, utf16.Encode([]rune{r}))
			}
		}
		units := 0
		for _, c := range chars {
			units += len(c)
		}
		each := alone
		if units > alone {
			each = part
		}
		var parts [][]uint16
		for _, c := range chars {
			if last := len(parts) - 1; last >= 0 && len(parts[last])+len(c) <= each {
				parts[last] = append(parts[last], c...)
			} else {
				parts = append(parts, append([]uint16(nil), c...))
			}
		}

		if got := read(parts, gsm); got != string([]rune(text)) {
			t.Fatalf("the parts of %q read %q", text, got)
		}
		segments, used, perSegment, isGSM := Segments(text)
		if segments != len(parts) || used != units || perSegment != each || isGSM != gsm {
			t.Errorf("%q: %d units in %d segments of %d, GSM %v; want %d in %d of %d, %v", text, used, segments, perSegment, isGSM,
				units, len(parts), each, gsm)
		}
	})
}
