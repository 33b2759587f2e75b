package smstest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// The GSM 7-bit default alphabet in the order of its codes, and the codes that
// follow an escape (3GPP TS 23.038, sections 6.2.1 and 6.2.1.1).
var (
	gsmLetters = []rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
	gsmEscaped = map[byte]rune{
		0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
	}
)

const escape = 0x1b

// septets writes a text in the GSM alphabet, one septet per byte. It reports
// false where the alphabet does not have all of it.
func septets(text string) ([]byte, bool) {
	var out []byte
next:
	for _, r := range text {
		for code, letter := range gsmLetters {
			if letter == r && code != escape {
				out = append(out, byte(code))
				continue next
			}
		}
		for code, letter := range gsmEscaped {
			if letter == r {
				out = append(out, escape, code)
				continue next
			}
		}
		return nil, false
	}
	return out, true
}

// fromSeptets is the reverse of septets, as a telephone shows a text: an
// escape that nothing follows is lost.
func fromSeptets(codes []byte) string {
	var b strings.Builder
	for i := 0; i < len(codes); i++ {
		if codes[i] != escape {
			b.WriteRune(gsmLetters[codes[i]&0x7f])
			continue
		}
		if i++; i < len(codes) {
			if r, ok := gsmEscaped[codes[i]]; ok {
				b.WriteRune(r)
			} else {
				b.WriteRune(gsmLetters[codes[i]&0x7f])
			}
		}
	}
	return b.String()
}

// pack packs septets into octets (section 6.1.2.1.1), from a bit on.
func pack(codes []byte, from int) []byte {
	out := make([]byte, (from+7*len(codes)+7)/8)
	for i, c := range codes {
		for bit := range 7 {
			if at := from + 7*i + bit; c>>bit&1 == 1 {
				out[at/8] |= 1 << (at % 8)
			}
		}
	}
	return out
}

// unpack is the reverse of pack, for n septets.
func unpack(octets []byte, from, n int) ([]byte, error) {
	if from+7*n > 8*len(octets) {
		return nil, errShortPDU
	}
	codes := make([]byte, n)
	for i := range codes {
		for bit := range 7 {
			at := from + 7*i + bit
			codes[i] |= octets[at/8] >> (at % 8) & 1 << bit
		}
	}
	return codes, nil
}

// utf16s are the UTF-16 code units of a text, big-endian.
func utf16s(text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return out
}

func fromUTF16s(octets []byte) string {
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	return string(utf16.Decode(units))
}

// userData is one part of a text.
type userData struct {
	header []byte // with its length octet; nil: none
	ucs2   bool
	body   []byte // septets, one per byte, or UTF-16
}

// split cuts a text as a telephone does: concatenated with an 8-bit reference
// (3GPP TS 23.040, section 9.2.3.24.1), and no character cut in two.
func split(text string, ref byte) []userData {
	codes, gsm := septets(text)
	alone, most := 160, 153
	if !gsm {
		codes, alone, most = utf16s(text), 140, 134
	}
	if len(codes) <= alone {
		return []userData{{ucs2: !gsm, body: codes}}
	}
	var parts []userData
	for len(codes) > 0 {
		n := min(most, len(codes))
		if gsm && n < len(codes) && codes[n-1] == escape {
			n--
		}
		if !gsm && n < len(codes) && codes[n-2]&0xfc == 0xd8 {
			n -= 2
		}
		parts = append(parts, userData{ucs2: !gsm, body: codes[:n]})
		codes = codes[n:]
	}
	for i := range parts {
		parts[i].header = []byte{5, 0, 3, ref, byte(len(parts)), byte(i + 1)}
	}
	return parts
}

// text is what a telephone shows of one part.
func (u userData) text() string {
	if u.ucs2 {
		return fromUTF16s(u.body)
	}
	return fromSeptets(u.body)
}

// place says which part of which text it is.
func (u userData) place() (ref string, number, total int) {
	for h := u.header[min(1, len(u.header)):]; len(h) >= 2 && len(h) >= 2+int(h[1]); {
		kind, data := h[0], h[2:2+int(h[1])]
		h = h[2+len(data):]
		switch {
		case kind == 0 && len(data) == 3:
			return hex.EncodeToString(data[:1]), int(data[2]), int(data[1])
		case kind == 8 && len(data) == 4:
			return hex.EncodeToString(data[:2]), int(data[3]), int(data[2])
		}
	}
	return "", 1, 1
}

// onto adds the length, the header and the text to a PDU.
func (u userData) onto(pdu []byte) []byte {
	if u.ucs2 {
		return append(append(append(pdu, byte(len(u.header)+len(u.body))), u.header...), u.body...)
	}
	fill := (8*len(u.header) + 6) / 7 * 7 // the text begins at a septet boundary
	pdu = append(pdu, byte(fill/7+len(u.body)))
	data := pack(u.body, fill)
	copy(data, u.header)
	return append(pdu, data...)
}

var errShortPDU = errors.New("the PDU is too short")

// cut takes the first n octets off a PDU.
func cut(pdu *[]byte, n int) ([]byte, error) {
	if n < 0 || n > len(*pdu) {
		return nil, errShortPDU
	}
	head := (*pdu)[:n]
	*pdu = (*pdu)[n:]
	return head, nil
}

// address is a telephone number, with its length octet and type (section
// 9.1.2.5): international, national, a short code, or a name.
func address(number string) []byte {
	if name, ok := septets(number); ok && strings.ContainsAny(strings.ToUpper(number), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		packed := pack(name, 0)
		return append([]byte{byte((7*len(name) + 3) / 4), 0xd0}, packed...)
	}
	kind := byte(0x81)
	if digits, plus := strings.CutPrefix(number, "+"); plus {
		number, kind = digits, 0x91
	}
	return append([]byte{byte(len(number)), kind}, semiOctets(number)...)
}

func semiOctets(digits string) []byte {
	if len(digits)%2 == 1 {
		digits += "F"
	}
	swapped := []byte(digits)
	for i := 0; i < len(swapped); i += 2 {
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	}
	octets, err := hex.DecodeString(string(swapped))
	if err != nil {
		panic(fmt.Sprintf("%q is no number", digits))
	}
	return octets
}

// stamp is a time, in quarters of an hour from UTC (section 9.2.3.11).
func stamp(at time.Time) []byte {
	_, offset := at.Zone()
	out := semiOctets(at.Format("060102150405"))
	quarters := offset / 900
	sign := byte(0)
	if quarters < 0 {
		quarters, sign = -quarters, 8
	}
	return append(out, byte(quarters%10)<<4|byte(quarters/10)|sign)
}

// centre is the service centre that stands before each PDU.
var centre = []byte{6, 0x91, 0x23, 0x74, 0x00, 0x00, 0x99}

// deliver is a text that comes in: an SMS-DELIVER (section 9.2.2.1) in
// hexadecimal, with its service centre.
func deliver(from string, at time.Time, u userData) string {
	first := byte(0x04) // no more messages wait
	if u.header != nil {
		first |= 0x40
	}
	scheme := byte(0)
	if u.ucs2 {
		scheme = 8
	}
	pdu := append(append([]byte(nil), centre...), first)
	pdu = append(pdu, address(from)...)
	pdu = append(pdu, 0, scheme)
	pdu = u.onto(append(pdu, stamp(at)...))
	return strings.ToUpper(hex.EncodeToString(pdu))
}

// statusReport says what became of a text: an SMS-STATUS-REPORT (section
// 9.2.2.3).
func statusReport(ref byte, to string, sent, done time.Time, status byte) string {
	pdu := append(append([]byte(nil), centre...), 0x06, ref)
	pdu = append(pdu, address(to)...)
	pdu = append(append(append(pdu, stamp(sent)...), stamp(done)...), status)
	return strings.ToUpper(hex.EncodeToString(pdu))
}

// submitted is an SMS-SUBMIT.
type submitted struct {
	to     string
	report bool // it asks for a status report
	userData
}

// parseSubmit reads an SMS-SUBMIT (section 9.2.2.2) as a network does. It
// refuses what a network would.
func parseSubmit(text string) (s submitted, err error) {
	pdu, err := hex.DecodeString(text)
	if err != nil {
		return s, err
	}
	n, err := cut(&pdu, 1)
	if err == nil {
		_, err = cut(&pdu, int(n[0])) // the service centre
	}
	if err != nil {
		return s, err
	}
	head, err := cut(&pdu, 4) // flags, reference, length and type of the number
	if err != nil {
		return s, err
	}
	if head[0]&3 != 1 {
		return s, errors.New("no SMS-SUBMIT")
	}
	s.report = head[0]&0x20 != 0
	number, err := cut(&pdu, (int(head[2])+1)/2)
	if err != nil {
		return s, err
	}
	digits := []byte(fmt.Sprintf("%X", number))
	for i := 0; i < len(digits); i += 2 {
		digits[i], digits[i+1] = digits[i+1], digits[i]
	}
	s.to = string(digits[:head[2]])
	if head[3] == 0x91 {
		s.to = "+" + s.to
	}
	scheme, err := cut(&pdu, 2)
	if err != nil {
		return s, err
	}
	s.ucs2 = scheme[1]&0x0c == 8
	if scheme[1]&0x0c != 0 && !s.ucs2 {
		return s, fmt.Errorf("data coding scheme %02x", scheme[1])
	}
	switch head[0] >> 3 & 3 {
	case 2:
		_, err = cut(&pdu, 1) // a relative validity period
	case 1, 3:
		_, err = cut(&pdu, 7)
	}
	if err != nil {
		return s, err
	}
	length, err := cut(&pdu, 1)
	if err != nil {
		return s, err
	}
	if len(pdu) > 140 {
		return s, fmt.Errorf("%d octets", len(pdu))
	}
	if head[0]&0x40 != 0 {
		if len(pdu) == 0 || len(pdu) < 1+int(pdu[0]) {
			return s, errShortPDU
		}
		s.header = pdu[:1+pdu[0]]
	}
	if s.ucs2 {
		if len(pdu) != int(length[0]) || len(pdu)%2 != 0 {
			return s, fmt.Errorf("%d octets, said to be %d", len(pdu), length[0])
		}
		s.body = pdu[len(s.header):]
		return s, nil
	}
	fill := (8*len(s.header) + 6) / 7
	s.body, err = unpack(pdu, 7*fill, int(length[0])-fill)
	return s, err
}
