package spool

import (
	"strings"
	"unicode/utf16"
)

// alphabet is the GSM 7-bit default alphabet in the order of its codes, and
// extension has what follows an escape (3GPP TS 23.038, sections 6.2.1 and
// 6.2.1.1).
var (
	alphabet = []rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà")
	extension = map[rune]byte{
		'\f': 0x0a, '^': 0x14, '{': 0x28, '}': 0x29, '\\': 0x2f, '[': 0x3c, '~': 0x3d, ']': 0x3e, '|': 0x40, '€': 0x65,
	}
	codes    = byRune()
	extended = byCode()
)

func byRune() map[rune]byte {
	m := make(map[rune]byte)
	for code, r := range alphabet {
		m[r] = byte(code)
	}
	return m
}

func byCode() map[byte]rune {
	m := make(map[byte]rune)
	for r, code := range extension {
		m[code] = r
	}
	return m
}

const escape = 0x1b

// GSM is a text of the GSM alphabet in its codes, one septet in a byte. What it
// does not have is left out.
func GSM(text string) []byte {
	var out []byte
	for _, r := range text {
		if code, ok := extension[r]; ok {
			out = append(out, escape, code)
		} else if code, ok := codes[r]; ok && code != escape {
			out = append(out, code)
		}
	}
	return out
}

// FromGSM is the reverse of GSM.
func FromGSM(septets []byte) string {
	var b strings.Builder
	for i := 0; i < len(septets); i++ {
		code := septets[i] & 0x7f
		if code == escape {
			if i++; i == len(septets) {
				break
			}
			code = septets[i] & 0x7f
			if r, ok := extended[code]; ok {
				b.WriteRune(r)
				continue
			}
		}
		b.WriteRune(alphabet[code])
	}
	return b.String()
}

// UTF16 is a text in UTF-16, big-endian, as UCS-2 messages hold it.
func UTF16(text string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return out
}

// FromUTF16 is the reverse of UTF16.
func FromUTF16(octets []byte) string {
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	return string(utf16.Decode(units))
}
