package spool

import (
	"fmt"
	"iter"
	"unicode/utf16"
)

// The room in a message (3GPP TS 23.038): in septets of the GSM alphabet and in
// UTF-16 code units, where it stands alone and where it is one of several.
const (
	gsmAlone, gsmPart   = 160, 153
	ucs2Alone, ucs2Part = 70, 67
)

// GSMParts cuts a text of the GSM alphabet as long ones are sent.
func GSMParts(text string) []string {
	return parts(text, gsmAlone, gsmPart, func(r rune) int {
		if _, extended := extension[r]; extended {
			return 2
		}
		return 1
	})
}

// UCS2Parts cuts any other text as long ones are sent. more is how much more
// room than usual a character takes, nil for no such character.
func UCS2Parts(text string, more func(rune) int) []string {
	return parts(text, ucs2Alone, ucs2Part, func(r rune) int {
		n := max(utf16.RuneLen(r), 1)
		if more != nil {
			n += more(r)
		}
		return n
	})
}

// parts cuts a text that has no room in one message. cost is the room that a
// character takes. None is cut in two.
func parts(text string, alone, part int, cost func(rune) int) []string {
	total := 0
	for _, r := range text {
		total += cost(r)
	}
	if total <= alone {
		return []string{text}
	}
	var all []string
	from, used := 0, 0
	for i, r := range text {
		if used+cost(r) > part {
			all = append(all, text[from:i])
			from, used = i, 0
		}
		used += cost(r)
	}
	return append(all, text[from:])
}

// Concat is the user data header of a part (3GPP TS 23.040, section
// 9.2.3.24.1).
func Concat(ref byte, number, total int) []byte {
	return []byte{5, 0, 3, ref, byte(total), byte(number)}
}

// place reads in a user data header, with its length octet, which part of which
// text it belongs to. total is 1 where that is all of the text.
func place(header []byte) (ref string, number, total int) {
	for kind, data := range Elements(header) {
		if (kind == 0 && len(data) == 3) || (kind == 8 && len(data) == 4) {
			n := len(data) - 2
			number, total = int(data[n+1]), int(data[n])
			if total > 1 && number >= 1 && number <= total {
				return fmt.Sprintf("%x/%d", data[:n], total), number, total
			}
		}
	}
	return "", 1, 1
}

// Elements goes through the elements of a user data header.
func Elements(header []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for rest := header[min(1, len(header)):]; len(rest) >= 2; {
			end := 2 + int(rest[1])
			if end > len(rest) {
				return
			}
			kind, data := rest[0], rest[2:end]
			rest = rest[end:]
			if !yield(kind, data) {
				return
			}
		}
	}
}

// Piece is a text, or a part of one, as the network has brought it.
type Piece struct {
	ID     string // made of all that the network says of it
	From   string
	Header []byte // user data header, with its length octet
	UCS2   bool
	Body   []byte // in UTF-16, or else one septet of the GSM alphabet in a byte
	Cut    bool   // the end of it is lost
}

func (p Piece) text() string {
	if p.UCS2 {
		return FromUTF16(p.Body)
	}
	return FromGSM(p.Body)
}

// Compose makes one text of its parts where all of them are there, in their
// order, and nothing else. Else each goes its own way.
func Compose(pieces []Piece) Letter {
	if text, ok := join(pieces); ok {
		return Letter{Texts: []Text{text}}
	}
	var l Letter
	for _, p := range pieces {
		if p.Cut {
			continue // the whole will do without it, and say so
		}
		t := Text{ID: p.ID, From: p.From, Text: p.text()}
		t.Ref, t.Number, t.Total = place(p.Header)
		l.Texts = append(l.Texts, t)
	}
	return l
}

// join joins the codes, since a character may be cut in two. A text of which
// something is lost is the first of two parts, the other of which never comes.
func join(pieces []Piece) (Text, bool) {
	if len(pieces) == 0 {
		return Text{}, false
	}
	whole := pieces[0]
	whole.Body = nil
	whole.Cut = false
	first, _, _ := place(whole.Header)
	for i, p := range pieces {
		ref, number, total := place(p.Header)
		if total != len(pieces) || number != i+1 || ref != first || p.From != whole.From || p.UCS2 != whole.UCS2 {
			return Text{}, false
		}
		whole.Body = append(whole.Body, p.Body...)
		whole.Cut = whole.Cut || p.Cut
	}
	t := Text{ID: whole.ID, From: whole.From, Text: whole.text(), Number: 1, Total: 1}
	if whole.Cut {
		t.Ref, t.Total = "cut "+whole.ID, 2
	}
	return t, true
}
