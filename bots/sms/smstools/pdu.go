package smstools

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"crier/bots/sms/spool"
)

// What the network has brought stands in a file as it came: as a PDU (3GPP TS
// 23.040, section 9.2.2) in hexadecimal, with the service centre before it.

var (
	errPDU     = errors.New("the PDU is broken")
	errPDUKind = errors.New("the PDU is none that comes in")
)

// reader takes a PDU apart. After the first failure it returns zeros.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.rest) {
		r.failed = true
		return make([]byte, max(n, 0))
	}
	head := r.rest[:n]
	r.rest = r.rest[n:]
	return head
}

func (r *reader) octet() byte { return r.take(1)[0] }

// address reads a telephone number, or a name (section 9.1.2.5). An
// international number begins with a plus.
func (r *reader) address() string {
	semiOctets, kind := int(r.octet()), r.octet()
	octets := r.take((semiOctets + 1) / 2)
	switch kind >> 4 & 7 {
	case 5:
		return spool.FromGSM(unpack(octets, 0, semiOctets*4/7))
	case 1:
		return "+" + digits(octets, semiOctets)
	default:
		return digits(octets, semiOctets)
	}
}

func digits(octets []byte, n int) string {
	const signs = "0123456789*#abc"
	var b strings.Builder
	for i := range n {
		if d := octets[i/2] >> (i % 2 * 4) & 0x0f; int(d) < len(signs) {
			b.WriteByte(signs[d])
		}
	}
	return b.String()
}

// unpack unpacks n septets (3GPP TS 23.038, section 6.1.2.1) from a septet on.
func unpack(octets []byte, from, n int) []byte {
	codes := make([]byte, 0, n)
	for i := from; i < from+n && 7*i+7 <= 8*len(octets); i++ {
		var code byte
		for bit := range 7 {
			at := 7*i + bit
			code |= octets[at/8] >> (at % 8) & 1 << bit
		}
		codes = append(codes, code)
	}
	return codes
}

// pdu is one that came in: a text or a report.
type pdu struct {
	piece    spool.Piece
	sent     string // when the network got it: yymmddhhmmss
	national bool   // it is in a national variant of the GSM alphabet

	report bool
	ref    int
	to     string
	status byte // section 9.2.3.15
}

// parsePDU reads a PDU. It returns spool.ErrNoText for one that holds no text.
func parsePDU(line string) (p pdu, err error) {
	octets, err := hex.DecodeString(line)
	if err != nil {
		return p, errPDU
	}
	r := &reader{rest: octets}
	r.take(int(r.octet())) // the service centre
	flags := r.octet()
	switch flags & 3 {
	case 0:
		err = p.deliver(r, flags&0x40 != 0)
	case 2:
		p.report, p.ref, p.to = true, int(r.octet()), r.address()
		r.take(14) // when it was sent, and when the network was done with it
		p.status = r.octet()
	default:
		return p, errPDUKind
	}
	if r.failed {
		return p, errPDU
	}
	// Twice the same is one: the daemon brings a text again if the modem does
	// not delete it.
	sum := sha256.Sum256(octets)
	p.piece.ID = hex.EncodeToString(sum[:16])
	return p, err
}

// deliver reads the rest of an SMS-DELIVER.
func (p *pdu) deliver(r *reader, headed bool) error {
	p.piece.From = r.address()
	r.octet() // the protocol
	scheme := r.octet()
	p.sent = digits(r.take(7), 12) // in the local time of the network
	length := int(r.octet())
	data := r.rest
	if headed {
		p.piece.Header = r.take(1)
		p.piece.Header = append(p.piece.Header[:1:1], r.take(int(p.piece.Header[0]))...)
	}
	for kind := range spool.Elements(p.piece.Header) {
		p.national = p.national || kind == 0x24 || kind == 0x25
	}
	switch coding(scheme) {
	case ucs2:
		p.piece.UCS2 = true
		p.piece.Body = r.take(length - len(p.piece.Header))
	case gsm:
		fill := (8*len(p.piece.Header) + 6) / 7 // the text begins at a septet
		if length < fill || 7*length > 8*len(data) {
			return errPDU
		}
		p.piece.Body = unpack(data, fill, length-fill)
	default:
		return spool.ErrNoText
	}
	return nil
}

// alphabet is what the characters of a text are written in.
type alphabet int

const (
	gsm alphabet = iota
	ucs2
	none // octets, or something compressed
)

// coding reads a data coding scheme (3GPP TS 23.038, section 4).
func coding(scheme byte) alphabet {
	switch {
	case scheme&0x80 == 0: // general
		if scheme&0x20 != 0 {
			return none
		}
		return []alphabet{gsm, none, ucs2, gsm}[scheme>>2&3]
	case scheme&0xf0 == 0xe0: // a message waits, in UCS-2
		return ucs2
	case scheme&0xf4 == 0xf4: // a class, in octets
		return none
	default:
		return gsm
	}
}
