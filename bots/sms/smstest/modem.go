package smstest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Modem is an emulated GSM modem on a pseudo-terminal, with the network and its
// telephones behind it: it answers the AT commands of 3GPP TS 27.005 and 27.007
// that gammu-smsd and smsd use, in PDU mode. It is safe for concurrent use.
type Modem struct {
	Device string // path of the serial line

	end *os.File

	mu       sync.Mutex
	typed    []byte         // of the command that is not complete
	prompted bool           // a PDU is expected
	echo     bool           // it repeats what it is told
	sim      map[int]string // stored messages: PDUs in hexadecimal, by place
	network  []string       // PDUs that the SIM has no room for
	last     []string       // PDUs of the text that was said last
	stamps   map[string]time.Time
	refs     int // references of texts from telephones, and to them
	tprefs   int
	parts    map[string]map[int]userData // of texts that are not complete, by number and reference
	sent     map[string][]sentPart       // likewise
	texts    []sentText
	refused  map[string]int
	refusals int
	stubborn bool
	trouble  error
}

// simPlaces is how many messages the SIM holds.
const simPlaces = 20

// sentText is a text that a telephone has got.
type sentText struct {
	to, body string
	parts    []sentPart
}

// sentPart is a part of one.
type sentPart struct {
	ref    byte
	at     time.Time
	report bool // it is waited for
}

// StartModem starts a modem, which ends with the test. The test is skipped where
// there are no pseudo-terminals.
func StartModem(t testing.TB) *Modem {
	t.Helper()
	end, line, err := pty()
	if err != nil {
		t.Fatalf("a pseudo-terminal: %v", err)
	}
	m := &Modem{
		Device: line.Name(), end: end, sim: make(map[int]string), stamps: make(map[string]time.Time),
		parts: make(map[string]map[int]userData), sent: make(map[string][]sentPart), refused: make(map[string]int),
	}
	ended := make(chan struct{})
	go func() { defer close(ended); m.serve() }()
	t.Cleanup(func() {
		_ = line.Close()
		_ = end.Close()
		<-ended
		if m.trouble != nil {
			t.Errorf("the network was given a broken PDU: %v", m.trouble)
		}
	})
	return m
}

// Say has a telephone write to the modem's number. The texts of one sender are
// at least a second apart, as the time in a PDU is, and as long as it takes to
// send one.
func (m *Modem) Say(from, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := time.Now().Truncate(time.Second)
	if last := m.stamps[from]; !at.After(last) {
		at = last.Add(time.Second)
	}
	m.stamps[from] = at
	m.refs++
	m.last = nil
	for _, u := range split(text, byte(m.refs)) {
		m.last = append(m.last, deliver(from, at, u))
	}
	m.bring(m.last...)
}

// Repeat brings the text that was said last once more.
func (m *Modem) Repeat() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bring(m.last...)
}

// Bring brings any PDU, in hexadecimal.
func (m *Modem) Bring(pdu string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bring(pdu)
}

// Waiting is how many PDUs have not been taken off the SIM.
func (m *Modem) Waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sim) + len(m.network)
}

// Got is what a telephone got, oldest first.
func (m *Modem) Got(number string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var got []string
	for _, text := range m.texts {
		if text.to == number {
			got = append(got, text.body)
		}
	}
	return got
}

// Report has the network report on all parts of the n-th text that a telephone
// has got, from 0 on, with a status of 3GPP TS 23.040, section 9.2.3.15. It
// returns false where no report was asked for.
func (m *Modem) Report(n int, status byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.texts[n].parts {
		if !m.report(n, i, status) {
			return false
		}
	}
	return true
}

// ReportPart reports on one part, from 0 on.
func (m *Modem) ReportPart(n, part int, status byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report(n, part, status)
}

func (m *Modem) report(n, part int, status byte) bool {
	text := m.texts[n]
	if p := text.parts[part]; p.report {
		m.bring(statusReport(p.ref, text.to, p.at, time.Now(), status))
		return true
	}
	return false
}

// ReportUnknown reports that a text arrived which nobody sent.
func (m *Modem) ReportUnknown(to string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bring(statusReport(byte(m.tprefs+100), to, time.Now(), time.Now(), 0))
}

// Refuse has the network refuse what goes to a number, for a cause of 3GPP
// TS 27.005, section 3.2.5; with 0 it takes it again.
func (m *Modem) Refuse(number string, cause int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused[number] = cause
}

// Refusals is how often the network has refused something.
func (m *Modem) Refusals() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refusals
}

// Stubborn has the modem keep the messages that it is told to delete, or not.
func (m *Modem) Stubborn(stubborn bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stubborn = stubborn
}

// forget forgets what the telephones got and what the network does.
func (m *Modem) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.texts, m.last, m.stubborn, m.refusals = nil, nil, false, 0
	clear(m.parts)
	clear(m.sent)
	clear(m.refused)
}

// hangUp forgets what a daemon that is gone was about to say.
func (m *Modem) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.typed, m.prompted = nil, false
}

// bring stores PDUs on the SIM, as far as it has room for them.
func (m *Modem) bring(pdus ...string) {
	m.network = append(m.network, pdus...)
	for place := 1; place <= simPlaces && len(m.network) > 0; place++ {
		if _, taken := m.sim[place]; !taken {
			m.sim[place], m.network = m.network[0], m.network[1:]
		}
	}
}

// serve answers commands until the end is closed.
func (m *Modem) serve() {
	in := bufio.NewReader(m.end)
	for {
		c, err := in.ReadByte()
		if err != nil {
			return
		}
		if answer := m.typeIn(c); answer != "" {
			if _, err := io.WriteString(m.end, answer); err != nil {
				return
			}
		}
	}
}

// typeIn takes one character, and returns what there is to say.
func (m *Modem) typeIn(c byte) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case c == escape:
		m.typed, m.prompted = nil, false
	case m.prompted && c == 0x1a:
		pdu := strings.TrimSpace(string(m.typed))
		m.typed, m.prompted = nil, false
		return m.submit(pdu)
	case !m.prompted && c == '\r':
		command := strings.TrimSpace(string(m.typed))
		m.typed = nil
		answer := m.answer(command)
		if m.echo {
			answer = command + "\r" + answer
		}
		return answer
	default:
		m.typed = append(m.typed, c)
	}
	return ""
}

const (
	okay  = "\r\nOK\r\n"
	wrong = "\r\nERROR\r\n"
)

func cmsError(cause int) string { return fmt.Sprintf("\r\n+CMS ERROR: %d\r\n", cause) }

// answer answers one command.
func (m *Modem) answer(command string) string {
	name, argument, _ := strings.Cut(command, "=")
	say := func(line string) string { return "\r\n" + line + "\r\n" + okay }
	switch name {
	case "":
		return ""
	case "ATE0", "ATE1":
		m.echo = name == "ATE1"
		return okay
	case "AT+CMGS":
		m.prompted = true
		return "\r\n> "
	case "AT+CMGR":
		place, _ := strconv.Atoi(argument)
		pdu, there := m.sim[place]
		if !there {
			return cmsError(321) // no such place
		}
		return say(fmt.Sprintf("+CMGR: 0,,%d\r\n%s", length(pdu), pdu))
	case "AT+CMGL":
		var list strings.Builder
		for place := 1; place <= simPlaces; place++ {
			if pdu, there := m.sim[place]; there {
				fmt.Fprintf(&list, "\r\n+CMGL: %d,0,,%d\r\n%s", place, length(pdu), pdu)
			}
		}
		return list.String() + "\r\n" + okay
	case "AT+CMGD":
		place, _, _ := strings.Cut(argument, ",")
		if m.stubborn {
			return cmsError(320) // memory failure
		}
		n, _ := strconv.Atoi(place)
		delete(m.sim, n)
		m.bring()
		return okay
	case "AT+CPMS", "AT+CPMS?":
		used := fmt.Sprintf("%d,%d", len(m.sim), simPlaces)
		switch {
		case argument == "?":
			return say(`+CPMS: ("SM"),("SM"),("SM")`)
		case name == "AT+CPMS?":
			return say(fmt.Sprintf(`+CPMS: "SM",%s,"SM",%s,"SM",%s`, used, used, used))
		case !strings.Contains(argument, "SM"):
			return cmsError(302) // the operation is not allowed
		}
		return say(fmt.Sprintf("+CPMS: %s,%s,%s", used, used, used))
	case "AT+CREG?":
		return say("+CREG: 0,1")
	}
	if line, known := identity[command]; known {
		return say(line)
	}
	if slices.Contains(settings, name) {
		return okay
	}
	return wrong
}

// settings are what can be set, without an effect here.
var settings = []string{"AT", "AT+CMEE", "AT+CSCS", "AT+CMGF", "AT+CFUN", "AT+CNMI", "AT+CMMS", "AT+CSMS", "AT+CSCA", "AT+CREG"}

// identity is what the modem says of itself.
var identity = map[string]string{
	"AT+CGMI":   "Crier",
	"AT+CGMM":   "Emulated",
	"AT+CGMR":   "1.0",
	"AT+CGSN":   "490154203237518",
	"AT+CIMI":   "206010000000001",
	"AT+CPIN?":  "+CPIN: READY",
	"AT+CSQ":    "+CSQ: 20,0",
	"AT+CSCS=?": `+CSCS: ("GSM","UCS2")`,
	"AT+CSCS?":  `+CSCS: "GSM"`,
	"AT+CMGF=?": "+CMGF: (0)",
	"AT+CSCA?":  `+CSCA: "+32470000099",145`,
	"AT+CNMI=?": "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)",
	"AT+CSMS?":  "+CSMS: 0,1,1,1",
}

// length is how many octets a PDU has, without its service centre.
func length(pdu string) int { return len(pdu)/2 - len(centre) }

// submit takes a PDU that is to be sent.
func (m *Modem) submit(pdu string) string {
	s, err := parseSubmit(pdu)
	if err != nil {
		m.trouble = fmt.Errorf("%s: %w", pdu, err)
		return cmsError(304) // an invalid parameter in PDU mode
	}
	if cause := m.refused[s.to]; cause != 0 {
		m.refusals++
		return cmsError(cause)
	}
	m.tprefs++
	part := sentPart{ref: byte(m.tprefs), at: time.Now(), report: s.report}
	m.take(s, part)
	return fmt.Sprintf("\r\n+CMGS: %d\r\n%s", part.ref, okay)
}

// take delivers a part to its telephone, which shows the text when it has all
// of it.
func (m *Modem) take(s submitted, part sentPart) {
	ref, number, total := s.place()
	key := s.to + " " + ref
	if m.parts[key] == nil {
		m.parts[key] = make(map[int]userData)
	}
	m.parts[key][number] = s.userData
	m.sent[key] = append(m.sent[key], part)
	if len(m.parts[key]) < total {
		return
	}
	text := sentText{to: s.to, parts: m.sent[key]}
	for i := range total {
		text.body += m.parts[key][i+1].text()
	}
	m.texts = append(m.texts, text)
	delete(m.parts, key)
	delete(m.sent, key)
}
