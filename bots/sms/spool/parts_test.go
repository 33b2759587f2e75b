package spool

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"crier/bots"
)

func TestGSM(t *testing.T) {
	text := "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€"
	if !bots.GSM(text) {
		t.Fatal("it is not in the alphabet")
	}
	if got := FromGSM(GSM(text)); got != text {
		t.Errorf("came back as %q", got)
	}
	if got := GSM("@é€Ü"); !slices.Equal(got, []byte{0x00, 0x05, 0x1b, 0x65, 0x5e}) {
		t.Errorf("the codes are %x", got)
	}
	// Codes that nobody may send: an escape at the end, one of nothing.
	if got := FromGSM([]byte{'a', 0x1b}); got != "a" {
		t.Errorf("read %q", got)
	}
	if got := FromGSM([]byte{0x1b, 'a', 0xff}); got != "aà" {
		t.Errorf("read %q", got)
	}
}

// Parts agree with what bots.Segments counts, which is what is paid.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab €{зи👍Ç")), 1, 800, -1).Draw(t, "text")
		if rapid.Bool().Draw(t, "gsm") {
			text = strings.Map(func(r rune) rune {
				if strings.ContainsRune("зи👍", r) {
					return '€'
				}
				return r
			}, text)
		}
		segments, _, _, gsm := bots.Segments(text)
		parts := UCS2Parts(text, nil)
		if gsm {
			parts = GSMParts(text)
		}
		if len(parts) != segments {
			t.Errorf("%d parts of %d segments", len(parts), segments)
		}
		if strings.Join(parts, "") != text {
			t.Errorf("%q became %q", text, parts)
		}
		for _, part := range parts {
			if n, _, _, _ := bots.Segments(part); n != 1 || !utf8.ValidString(part) {
				t.Errorf("%q takes %d segments", part, n)
			}
		}
	})
}

func TestPlace(t *testing.T) {
	for _, test := range []struct {
		header        []byte
		ref           string
		number, total int
	}{
		{nil, "", 1, 1},
		{Concat(0x2a, 2, 3), "2a/3", 2, 3},
		{[]byte{6, 8, 4, 0x12, 0x34, 3, 1}, "1234/3", 1, 3},     // 16 bits
		{[]byte{8, 0x24, 1, 1, 0, 3, 0x2a, 3, 2}, "2a/3", 2, 3}, // behind another element
		{[]byte{5, 0, 3, 0x2a, 3, 4}, "", 1, 1},                 // the fourth of three
		{[]byte{5, 0, 3, 0x2a, 3, 0}, "", 1, 1},                 // they begin with one
		{[]byte{5, 0, 3, 0x2a, 1, 1}, "", 1, 1},                 // one is all
		{[]byte{5, 0, 9, 0x2a}, "", 1, 1},                       // it ends too soon
		{[]byte{0}, "", 1, 1},
		{[]byte{1, 0}, "", 1, 1},
		{[]byte{}, "", 1, 1},
	} {
		if ref, number, total := place(test.header); ref != test.ref || number != test.number || total != test.total {
			t.Errorf("%x is %q %d of %d", test.header, ref, number, total)
		}
	}
}

func TestCompose(t *testing.T) {
	part := func(n int, body string) Piece {
		return Piece{ID: "id" + body, From: "+32470000001", Header: Concat(7, n, 2), Body: GSM(body)}
	}
	one := Piece{ID: "one", From: "+32470000001", Body: GSM("bal")}
	euro := GSM("€")
	first, second := part(1, "5 "), part(2, " for eggs")
	first.Body, second.Body = append(first.Body, euro[0]), append(euro[1:], second.Body...)
	cut := part(2, " for")
	cut.Cut = true
	other := part(2, "x")
	other.From = "+32470000002"
	alone := one
	alone.Cut = true

	for name, test := range map[string]struct {
		pieces []Piece
		want   []Text
	}{
		"a text":             {[]Piece{one}, []Text{{"one", "+32470000001", "bal", "", 1, 1}}},
		"two parts":          {[]Piece{part(1, "pay "), part(2, "luc")}, []Text{{"idpay ", "+32470000001", "pay luc", "", 1, 1}}},
		"a character in two": {[]Piece{first, second}, []Text{{"id5 ", "+32470000001", "5 € for eggs", "", 1, 1}}},
		"one is missing":     {[]Piece{part(2, "luc")}, []Text{{"idluc", "+32470000001", "luc", "07/2", 2, 2}}},
		"in another order": {[]Piece{part(2, "luc"), part(1, "pay ")}, []Text{
			{"idluc", "+32470000001", "luc", "07/2", 2, 2}, {"idpay ", "+32470000001", "pay ", "07/2", 1, 2},
		}},
		"of two senders": {[]Piece{part(1, "pay "), other}, []Text{
			{"idpay ", "+32470000001", "pay ", "07/2", 1, 2}, {"idx", "+32470000002", "x", "07/2", 2, 2},
		}},
		"its end is lost":           {[]Piece{alone}, []Text{{"one", "+32470000001", "bal", "cut one", 1, 2}}},
		"the end of a part is lost": {[]Piece{part(1, "pay 5"), cut}, []Text{{"idpay 5", "+32470000001", "pay 5 for", "cut idpay 5", 1, 2}}},
		"of the only part":          {[]Piece{cut}, nil},
		"nothing":                   {nil, nil},
	} {
		if got := Compose(test.pieces).Texts; !slices.Equal(got, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzElements(f *testing.F) {
	f.Add(Concat(1, 2, 3))
	f.Add([]byte{255, 0, 255})
	f.Add(append([]byte{0, 0, 255}, make([]byte, 255)...)) // its length does not fit an octet
	f.Fuzz(func(t *testing.T, header []byte) {
		if _, number, total := place(header); total < 1 || number < 1 || number > total {
			t.Errorf("%d of %d", number, total)
		}
	})
}
