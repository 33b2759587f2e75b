package smstest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Centre is an operator's message centre that speaks SMPP 3.4, with the
// telephones behind it. It keeps what telephones write until it is taken, and
// brings receipts as it is told. It is safe for concurrent use.
type Centre struct {
	port string

	mu       sync.Mutex
	link     net.Conn // nil: nobody is bound
	sequence uint32
	written  []pdu // to be brought, oldest first
	brought  bool  // the first of them, on this link
	repeat   []pdu // of the text that was written last
	refs     byte
	parts    map[string]map[int]segment // of texts that are not complete, by number and reference
	texts    []arrived
	ids      int
	refuse   uint32 // status that the next text is refused with, 0: it is taken
	trouble  error  // of what has come by the link
}

// arrived is a text that a telephone has got, and segment a part of one.
type (
	arrived struct {
		from, to, body string
		segments       []segment
	}
	segment struct {
		id   string
		text string
		asks bool // for a receipt
	}
)

// Commands and the statuses that are used (SMPP 3.4, sections 5.1.2.1 and 5.1.3).
const (
	genericNack     = 0x80000000
	submitSM        = 0x00000004
	deliverSM       = 0x00000005
	unbind          = 0x00000006
	bindTransceiver = 0x00000009
	enquireLink     = 0x00000015

	statusLength  = 0x00000001 // ESME_RINVMSGLEN
	statusCommand = 0x00000003 // ESME_RINVCMDID
	statusBind    = 0x0000000d // ESME_RBINDFAIL

	// StatusAddress says that a number is none (ESME_RINVDSTADR).
	StatusAddress = 0x0000000b
)

// Who may bind.
const (
	centreUser   = "crier"
	centreSecret = "operator" // SMPP has room for 8 characters
)

// pdu is a message of the protocol.
type pdu struct {
	command, status, sequence uint32
	body                      []byte
}

// pduMost is how long one may be, in octets.
const pduMost = 64 << 10

// StartCentre starts a centre, which ends with the test.
func StartCentre(t testing.TB) *Centre {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	c := &Centre{port: port, parts: make(map[string]map[int]segment)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		c.hangUp()
		<-ended
		if c.trouble != nil {
			t.Errorf("the centre was not spoken to as it should be: %v", c.trouble)
		}
	})
	return c
}

// Say has a telephone write to a number.
func (c *Centre) Say(from, to, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refs++
	c.repeat = nil
	for _, part := range split(text, c.refs) {
		c.repeat = append(c.repeat, pdu{command: deliverSM, body: deliverBody(from, to, part)})
	}
	c.bring(c.repeat...)
}

// Repeat brings the text that was written last once more.
func (c *Centre) Repeat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bring(c.repeat...)
}

// Waiting is how many parts of texts and receipts have not been taken.
func (c *Centre) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.written)
}

// Got is what a telephone got, oldest first.
func (c *Centre) Got(number string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []string
	for _, text := range c.texts {
		if text.to == number {
			got = append(got, text.body)
		}
	}
	return got
}

// Report brings a receipt for each part of the n-th text that a telephone has
// got: DELIVRD, ENROUTE, UNDELIV or any other state (SMPP 3.4, appendix B).
func (c *Centre) Report(n int, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.texts[n]
	for _, s := range text.segments {
		if s.asks {
			c.bring(pdu{command: deliverSM, body: receiptBody(text, s, state)})
		}
	}
}

// ReportUnknown brings a receipt for a text that nobody sent.
func (c *Centre) ReportUnknown(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bring(pdu{command: deliverSM, body: receiptBody(arrived{from: from, to: to}, segment{id: "deadbeef"}, "DELIVRD")})
}

// Refuse has the next text refused.
func (c *Centre) Refuse(status uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = status
}

// hangUp cuts the link.
func (c *Centre) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != nil {
		_ = c.link.Close()
	}
}

// bring adds to what is to be brought. c.mu is held.
func (c *Centre) bring(pdus ...pdu) {
	c.written = append(c.written, pdus...)
	c.next()
}

// next brings the first of what is to be brought, if nothing is underway. c.mu
// is held.
func (c *Centre) next() {
	if c.link == nil || c.brought || len(c.written) == 0 {
		return
	}
	c.sequence++
	c.brought = true
	c.write(pdu{command: deliverSM, sequence: c.sequence, body: c.written[0].body})
}

// write writes to the link. One that is broken is seen where it is read.
func (c *Centre) write(p pdu) {
	head := binary.BigEndian.AppendUint32(nil, uint32(16+len(p.body)))
	for _, field := range []uint32{p.command, p.status, p.sequence} {
		head = binary.BigEndian.AppendUint32(head, field)
	}
	_, _ = c.link.Write(append(head, p.body...))
}

// serve speaks with one that has called until it is gone.
func (c *Centre) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c.mu.Lock()
	c.link, c.brought = nil, false
	c.mu.Unlock()
	bound := false
	for {
		p, err := readPDU(conn)
		if err != nil {
			break
		}
		c.mu.Lock()
		c.link = conn
		answer := c.answer(p, &bound)
		if answer.command != 0 {
			c.write(answer)
		}
		if bound {
			c.next()
		} else {
			c.link = nil
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.link, c.brought = nil, false
	c.mu.Unlock()
}

func readPDU(r io.Reader) (pdu, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return pdu{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 16 || n > pduMost {
		return pdu{}, errShortPDU
	}
	p := pdu{binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:]), make([]byte, n-16)}
	_, err := io.ReadFull(r, p.body)
	return p, err
}

// answer is what answers a PDU, the zero one where nothing does. c.mu is held.
func (c *Centre) answer(p pdu, bound *bool) pdu {
	reply := pdu{command: p.command | genericNack, sequence: p.sequence}
	switch {
	case p.command == bindTransceiver:
		if c.mayBind(p.body) {
			*bound = true
			reply.body = []byte("centre\x00")
		} else {
			reply.status = statusBind
		}
	case p.command == enquireLink:
	case p.command == unbind:
		*bound = false
	case p.command == submitSM && *bound:
		id, status := c.take(p.body)
		if reply.status = status; status == 0 {
			reply.body = append([]byte(id), 0)
		}
	case p.command == deliverSM|genericNack && *bound && c.brought:
		c.brought = false
		if p.status == 0 {
			c.written = c.written[1:]
		}
		return pdu{}
	case p.command&genericNack != 0:
		return pdu{}
	default:
		reply.command, reply.status = genericNack, statusCommand
	}
	return reply
}

// mayBind checks who binds: system_id and password are the first fields.
func (c *Centre) mayBind(body []byte) bool {
	user, rest := field(body)
	secret, _ := field(rest)
	return user == centreUser && secret == centreSecret
}

// field takes a C-octet string off.
func field(body []byte) (string, []byte) {
	value, rest, _ := bytes.Cut(body, []byte{0})
	return string(value), rest
}

// submission is what is read of a submit_sm (section 4.4.1).
type submission struct {
	from, to string
	asks     bool
	part     userData
}

// take takes a part of a text, and shows the text when it is complete. c.mu is
// held.
func (c *Centre) take(body []byte) (id string, status uint32) {
	if c.refuse != 0 {
		status, c.refuse = c.refuse, 0
		return "", status
	}
	s, err := parseSubmission(body)
	if err != nil {
		c.trouble = errors.Join(c.trouble, err)
		return "", statusLength
	}
	c.ids++
	id = strconv.FormatInt(int64(0xc0ffee+c.ids), 16)
	ref, number, total := s.part.place()
	key := s.to + " " + ref
	if c.parts[key] == nil {
		c.parts[key] = make(map[int]segment)
	}
	c.parts[key][number] = segment{id: id, text: s.part.text(), asks: s.asks}
	if len(c.parts[key]) < total {
		return id, 0
	}
	text := arrived{from: s.from, to: s.to}
	for i := range total {
		text.segments = append(text.segments, c.parts[key][i+1])
		text.body += c.parts[key][i+1].text
	}
	delete(c.parts, key)
	c.texts = append(c.texts, text)
	return id, 0
}

func parseSubmission(body []byte) (s submission, err error) {
	_, rest := field(body) // service_type
	if s.from, rest, err = readAddress(rest); err != nil {
		return s, err
	}
	if s.to, rest, err = readAddress(rest); err != nil {
		return s, err
	}
	if len(rest) < 3 {
		return s, errShortPDU
	}
	class := rest[0]
	_, rest = field(rest[3:]) // schedule_delivery_time
	_, rest = field(rest)     // validity_period
	if len(rest) < 5 || len(rest) < 5+int(rest[4]) {
		return s, errShortPDU
	}
	s.asks = rest[0]&1 == 1
	coding, message := rest[2], rest[5:5+int(rest[4])]
	if class&0x40 != 0 { // it begins with a header
		if len(message) == 0 || len(message) < 1+int(message[0]) {
			return s, errShortPDU
		}
		n := 1 + int(message[0])
		s.part.header, message = message[:n], message[n:]
	}
	s.part.body = message
	most := 140 - len(s.part.header)
	switch coding {
	case 0: // the default alphabet, one septet in each octet
		most = most * 8 / 7
	case 8:
		s.part.ucs2 = true
	default:
		return s, fmt.Errorf("data_coding %d", coding)
	}
	if len(message) > most || s.part.ucs2 && len(message)%2 != 0 {
		return s, fmt.Errorf("%d octets in a part", len(message))
	}
	return s, nil
}

// readAddress takes an address off: type, plan and digits (section 4.4.1).
func readAddress(body []byte) (string, []byte, error) {
	if len(body) < 3 {
		return "", nil, errShortPDU
	}
	digits, rest := field(body[2:])
	if body[0] == 1 { // international
		digits = "+" + digits
	}
	return digits, rest, nil
}

// appendAddress is the reverse of readAddress.
func appendAddress(body []byte, number string) []byte {
	digits, international := strings.CutPrefix(number, "+")
	switch {
	case international:
		body = append(body, 1, 1)
	case strings.Trim(number, "0123456789") == "":
		body = append(body, 3, 0) // of this network: a short code
	default:
		body = append(body, 5, 0) // a name
	}
	return append(append(body, digits...), 0)
}

// deliverBody is a deliver_sm (section 4.6.1) with a part of a text.
func deliverBody(from, to string, part userData) []byte {
	class, coding := byte(0), byte(0)
	if part.header != nil {
		class = 0x40
	}
	if part.ucs2 {
		coding = 8
	}
	return deliverOf(from, to, class, coding, slices.Concat(part.header, part.body))
}

func deliverOf(from, to string, class, coding byte, message []byte) []byte {
	body := appendAddress([]byte{0}, from)
	body = appendAddress(body, to)
	body = append(body, class, 0, 0, 0, 0, 0, 0, coding, 0, byte(len(message)))
	return append(body, message...)
}

// receiptBody is a deliver_sm with a receipt, as most centres write them. It
// repeats how the text begins.
func receiptBody(text arrived, s segment, state string) []byte {
	delivered, code := 0, "069"
	if state == "DELIVRD" {
		delivered, code = 1, "000"
	}
	now := time.Now().Format("0601021504")
	begin, _ := septets(s.text)
	message := fmt.Sprintf("id:%s sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%s text:%s",
		s.id, delivered, now, now, state, code, begin[:min(len(begin), 20)])
	return deliverOf(text.to, text.from, 0x04, 0, []byte(message))
}
