package gammu

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"crier/bots/sms"
	"crier/bots/sms/spool"
	"crier/conversation"
)

// The files are in Gammu's SMS backup format
// (https://wammu.eu/docs/manual/formats/smsbackup.html): one section for each
// part of a text.

// section holds what a file says of one part: all values of a key.
type section map[string][]string

// get returns the value of a key, "" where there is none.
func (s section) get(key string) string {
	if values := s[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// linked returns a value that is cut into pieces.
func (s section) linked(key string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		piece, there := s[fmt.Sprintf("%s%02d", key, i)]
		if !there {
			return b.String()
		}
		b.WriteString(piece[0])
	}
}

// number returns the telephone number.
func (s section) number() string {
	if octets, err := hex.DecodeString(s.get("NumberUnicode")); err == nil && len(octets) > 0 {
		return spool.FromUTF16(octets)
	}
	return strings.Trim(s.get("Number"), `"`)
}

// sections reads a file. whole says that its end is there: an empty line after
// the key that is the last of each section.
func sections(data []byte) (all []section, whole bool) {
	for line := range strings.SplitSeq(string(data), "\n") {
		line = strings.TrimSpace(line)
		key, value, pair := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, ";"): // the text once more, in whatever character set
		case strings.HasPrefix(line, "[SMSBackup"):
			all = append(all, section{})
		case pair && len(all) > 0:
			s, key := all[len(all)-1], strings.TrimSpace(key)
			s[key] = append(s[key], strings.TrimSpace(value))
		}
	}
	for _, s := range all {
		if s["MessageReference"] == nil {
			return all, false
		}
	}
	return all, len(all) > 0 && strings.HasSuffix(string(data), "\n\n")
}

var (
	errHex    = errors.New("what should be hexadecimal is not")
	errNumber = errors.New("it has no number")
)

// piece reads a section.
func piece(s section) (spool.Piece, error) {
	coding := s.get("Coding")
	if coding != "Default_No_Compression" && coding != "Unicode_No_Compression" {
		return spool.Piece{}, spool.ErrNoText
	}
	units, err := hex.DecodeString(s.linked("Text"))
	if err != nil || len(units)%2 != 0 {
		return spool.Piece{}, errHex
	}
	header, err := hex.DecodeString(s.get("UDH"))
	if err != nil {
		return spool.Piece{}, errHex
	}
	p := spool.Piece{From: s.number(), Header: header, UCS2: true}
	if p.From == "" {
		return spool.Piece{}, errNumber
	}
	// Twice the same is one: the daemon brings a text again if the modem does
	// not delete it.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %x %s %x", p.From, s.get("DateTime"), header, coding, units))
	p.ID = hex.EncodeToString(sum[:16])
	if coding == "Default_No_Compression" {
		p.Body = padded(units)
		return p, nil
	}
	length, _ := strconv.Atoi(s.get("Length")) // none is 0, which cuts nothing off
	p.Body, p.Cut = unescape(units, length)
	return p, nil
}

// padded takes the padding off a text: the daemon counts septets, two for some
// characters, and fills up with NUL.
func padded(units []byte) []byte {
	for i := 0; i < len(units); i += 2 {
		if units[i] == 0 && units[i+1] == 0 {
			return units[:i]
		}
	}
	return units
}

// unescape undoes what Gammu does to the text of a UCS-2 message, where "~"
// marks a special character of some telephones: it writes "~~" for "~". Since
// it then cuts the text to the length that it had before, the end may be lost.
func unescape(units []byte, length int) (text []byte, cut bool) {
	for i := 0; i < len(units); i += 2 {
		unit := units[i : i+2]
		if string(unit) == "\x00~" && i+4 <= len(units) && string(units[i+2:i+4]) == "\x00~" {
			i += 2
		}
		text = append(text, unit...)
	}
	return text, len(text) < 2*length
}

// escape is what Gammu undoes when it sends a text in UCS-2.
func escape(text string) string { return strings.ReplaceAll(text, "~", "~~") }

// parse reads a file of the inbox. The daemon puts the parts of a text into one
// file, in their order, as soon as it has all of them, and after a time what it
// has.
func parse(data []byte) (spool.Letter, error) {
	all, whole := sections(data)
	if !whole {
		return spool.Letter{}, spool.ErrHalf
	}
	if all[0].get("PDU") == "Status_Report" {
		return report(all[0])
	}
	var pieces []spool.Piece
	for _, s := range all {
		p, err := piece(s)
		if err != nil {
			return spool.Letter{}, err
		}
		pieces = append(pieces, p)
	}
	letter := spool.Compose(pieces)
	letter.Sent = all[0].get("DateTime")
	letter.Open = slices.ContainsFunc(letter.Texts, func(t spool.Text) bool { return t.Total > 1 })
	return letter, nil
}

// report reads a delivery report. Of its status the daemon keeps one word.
func report(s section) (spool.Letter, error) {
	ref, err := strconv.Atoi(s.get("MessageReference"))
	if err != nil {
		return spool.Letter{}, err
	}
	units, err := hex.DecodeString(s.linked("Text"))
	if err != nil {
		return spool.Letter{}, errHex
	}
	r := spool.Report{To: s.number(), Ref: ref}
	switch word := spool.FromUTF16(padded(units[:len(units)&^1])); word {
	case "Delivered":
		r.Status = conversation.Delivered
	case "Failed":
		r.Status, r.Reason = conversation.Failed, "the network could not deliver it"
	}
	return spool.Letter{Report: &r}, nil
}

// noRef is a reference that no network gives: it has not given one yet.
const noRef = 256

// format writes a text for the outbox: in parts, each with a request for a
// report.
//
// The file begins with a section, without anything before it: when the daemon
// notes a reference it writes the rest of the file, from the second line on,
// once more behind it.
func format(text sms.Text) []byte {
	coding, parts := "Default_No_Compression", spool.GSMParts(text.Body)
	if !text.GSM {
		coding = "Unicode_No_Compression"
		parts = spool.UCS2Parts(text.Body, func(r rune) int { return len(escape(string(r))) - len(string(r)) })
	}
	var b strings.Builder
	for i, p := range parts {
		if !text.GSM {
			p = escape(p)
		}
		fmt.Fprintf(&b, "[SMSBackup%03d]\nPDU = Status_Report\nNumber = \"%s\"\n", i, text.To)
		if len(parts) > 1 {
			fmt.Fprintf(&b, "UDH = %X\n", spool.Concat(byte(text.ID), i+1, len(parts)))
		}
		units := fmt.Sprintf("%X", spool.UTF16(p))
		for n := 0; units != ""; n++ {
			piece := units[:min(len(units), 200)]
			fmt.Fprintf(&b, "Text%02d = %s\n", n, piece)
			units = units[len(piece):]
		}
		fmt.Fprintf(&b, "Coding = %s\nMessageReference = %d\n\n", coding, noRef)
	}
	return []byte(b.String())
}

// slip reads which references the network gave to a text, and whom it went to.
func slip(id int64, data []byte) spool.Slip {
	s := spool.Slip{ID: id, Part: 1, Of: 1}
	all, _ := sections(data)
	for _, section := range all {
		if to, err := sms.Number(section.number(), ""); err == nil {
			s.To = sms.Digits(to)
		}
		for _, value := range section["MessageReference"] {
			if ref, err := strconv.Atoi(value); err == nil && ref >= 0 && ref < noRef {
				s.Refs = append(s.Refs, spool.Ref{Number: ref})
			}
		}
	}
	return s
}
