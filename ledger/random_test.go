package ledger_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crier/ledger"
)

// TestRandom plays random scripts, in the words of TestTransfers, against a
// model of a few lines. A failure prints the shortest script that fails.
func TestRandom(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		least, most := 10, 24
		if db.Engine() == "postgres" {
			least, most = 6, 16
		}
		script := rapid.SliceOfN(rapid.Custom(drawLine), least, most)
		rapid.Check(t, func(t *rapid.T) {
			v := settle(t, db, "anna", "ben", "carl")
			m := newModel(v)
			// Several lines make a transaction: what one of them is refused must
			// not disturb the others.
			// (A "later" counts from the beginning of its transaction.)
			for lines := script.Draw(t, "script"); len(lines) > 0; {
				n := min(rapid.IntRange(1, 8).Draw(t, "lines in a transaction"), len(lines))
				for i, line := range lines[:n] {
					if days, later := strings.CutPrefix(line, "later "); later {
						n = i + 1
						v.now = v.now.AddDate(0, 0, number(strings.TrimSuffix(days, " days")))
						break
					}
				}
				v.do(func(b *ledger.Book) error {
					for _, line := range lines[:n] {
						if err := m.play(b, line); err != nil {
							return err
						}
					}
					return nil
				})
				v.wantBalances(fmt.Sprintf("anna %d ben %d carl %d village %d",
					m.balances["anna"], m.balances["ben"], m.balances["carl"], m.balances["village"]))
				lines = lines[n:]
			}
			m.wantTransfers()
			if r := v.verify(); r.Transfers != int64(m.completed) {
				t.Errorf("%d transfers were completed, want %d", r.Transfers, m.completed)
			}
			// To say all of it again changes nothing.
			rows := v.rows()
			v.do(func(b *ledger.Book) error {
				for _, line := range m.done {
					_, err := v.act(b, strings.Fields(line))
					// Of two questions to give back one may be answered by no, and the other by yes.
					if err != nil && (!strings.HasPrefix(line, "ask back") || !errors.Is(err, ledger.ErrReversed)) {
						t.Errorf("%s, again: %v", line, err)
					}
				}
				return nil
			})
			if now := v.rows(); now != rows {
				t.Errorf("to say it again changed\n%s", difference(rows, now))
			}
		})
	})
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // the model draws its numbers itself
	}
	return n
}

// drawLine draws a line of a script. It often draws what was drawn before.
func drawLine(t *rapid.T) string {
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	id := func(what string) string { return pick(what, "1", "2", "3", "4", "5", "6") }
	who := func(what string) string {
		return pick(what, "anna", "anna", "anna", "ben", "ben", "ben", "carl", "carl", "village", "nobody")
	}
	sides := func() string {
		amount := pick("amount", "1", "1", "1", "2", "2", "5", "5", "8", "13", "0", "-1", "1000000000000000", "1000000000000001")
		return who("payer") + " " + who("payee") + " " + amount
	}
	switch act := pick("act", "pay", "pay", "pay", "pay", "pay", "request", "request", "request", "request", "accept", "accept", "accept", "accept",
		"give back", "give back", "give back", "ask back", "ask back", "ask back", "decline", "cancel", "expire", "reverse",
		"freeze", "leave", "thaw", "thaw", "limits", "limits", "later"); act {
	case "pay", "request":
		return strings.TrimSpace(act + " " + id("id") + " " + sides() + " " + pick("what", "", "", "", "bread"))
	case "give back", "ask back":
		return act + " " + id("id") + " " + id("of")
	case "reverse":
		return act + " " + id("id") + " " + id("of") + " " + sides()
	case "freeze", "leave", "thaw":
		return act + " " + pick("member", "anna", "ben", "carl")
	case "limits":
		return act + " " + pick("member", "anna", "ben", "village") + " " + pick("lower", "-", "-10", "-3", "0", "2") + " " + pick("upper", "-", "10", "2")
	case "later":
		return "later " + pick("days", "1", "13", "14") + " days"
	default:
		return act + " " + id("id")
	}
}

// model is what the ledger should hold, kept as simply as can be.
type model struct {
	v         *village
	balances  map[string]int
	limits    map[string][2]string
	standing  map[string]string // of those who are not active
	transfers map[string]*modelTransfer
	completed int
	done      []string // the lines that made a transfer
}

type modelTransfer struct {
	payer, payee, what string
	amount             int
	reverses           string
	state              ledger.State
	expires            time.Time
}

func newModel(v *village) *model {
	return &model{
		v: v, balances: map[string]int{"anna": 0, "ben": 0, "carl": 0, "village": 0}, limits: map[string][2]string{},
		standing: map[string]string{}, transfers: map[string]*modelTransfer{},
	}
}

// play says a line to the ledger and to the model, and compares.
func (m *model) play(b *ledger.Book, line string) error {
	if strings.HasPrefix(line, "later") {
		return nil
	}
	before := len(m.transfers)
	_, err := m.v.act(b, strings.Fields(line))
	got, want := m.v.answer(err), m.answer(strings.Fields(line))
	if got != want {
		m.v.t.Errorf("%s\nthe ledger says %q, the model %q", line, got, want)
	}
	if len(m.transfers) > before {
		m.done = append(m.done, line)
	}
	sum := ledger.Amount(0)
	for name, balance := range m.balances {
		a, err := b.Account(m.v.t.Context(), m.v.account(name))
		if err != nil {
			return err
		}
		if a.Balance != ledger.Amount(balance) {
			m.v.t.Errorf("%s\n%s has %d, want %d", line, name, a.Balance, balance)
		}
		sum += a.Balance
	}
	if sum != 0 {
		m.v.t.Errorf("%s\nthe balances sum to %d", line, sum)
	}
	return nil
}

func (m *model) wantTransfers() {
	m.v.t.Helper()
	m.v.view(func(b *ledger.Book) error {
		for id, want := range m.transfers {
			got, err := b.Transfer(m.v.t.Context(), ledger.TransferID(number(id)))
			if err != nil || got.State != want.state || (got.Seq != 0) != (want.state == ledger.Completed) {
				m.v.t.Errorf("transfer %s is %+v, want it %s: %v", id, got, want.state, err)
			}
		}
		return nil
	})
}

// answer does what a line says and answers as the ledger should.
func (m *model) answer(words []string) string {
	ends := map[string]ledger.State{"decline": ledger.Declined, "cancel": ledger.Cancelled, "expire": ledger.Expired}
	switch act := words[0]; act {
	case "freeze", "leave", "thaw":
		m.standing[words[1]] = map[string]string{"freeze": "frozen", "leave": "left"}[act]
	case "limits":
		m.limits[words[1]] = [2]string{words[2], words[3]}
	case "pay", "request":
		return m.put(words[1], act == "pay", modelTransfer{
			payer: words[2], payee: words[3], amount: number(words[4]), what: strings.Join(words[5:], " "),
		})
	case "reverse":
		return m.put(words[1], true, modelTransfer{payer: words[3], payee: words[4], amount: number(words[5]), reverses: words[2]})
	case "give", "ask": // back
		of := m.transfers[words[3]]
		if of == nil {
			return "not found"
		}
		if no := m.takenBack(words[2], words[3]); no != "" {
			return no
		}
		return m.put(words[2], act == "give", modelTransfer{
			payer: of.payee, payee: of.payer, amount: of.amount, what: of.what, reverses: words[3],
		})
	case "accept":
		t := m.transfers[words[1]]
		switch {
		case t == nil:
			return "not found"
		case t.state == ledger.Completed:
			return "ok"
		case t.state != ledger.Pending || !t.expires.IsZero() && !m.v.now.Before(t.expires):
			return "not pending"
		}
		if no := m.mayTrade(t); no != "ok" {
			return no
		}
		return m.complete(t)
	default:
		t := m.transfers[words[1]]
		switch {
		case t == nil:
			return "not found"
		case t.state != ends[act] && t.state != ledger.Pending:
			return "not pending"
		}
		t.state = ends[act]
	}
	return "ok"
}

// put makes a transfer, at once or to be accepted.
func (m *model) put(id string, now bool, t modelTransfer) string {
	switch old := m.transfers[id]; {
	case t.amount < 1 || t.amount > ledger.MaxAmount:
		return "bad amount"
	case t.payer == t.payee:
		return "same account"
	case old != nil:
		same := old.payer == t.payer && old.payee == t.payee && old.amount == t.amount && old.what == t.what && old.reverses == t.reverses
		if !same || now && old.state != ledger.Completed {
			return "id in use"
		}
		return "ok"
	}
	if t.reverses != "" {
		of := m.transfers[t.reverses]
		if of == nil {
			return "not found"
		}
		if no := m.takenBack(id, t.reverses); no != "" {
			return no
		}
		if of.payer != t.payee || of.payee != t.payer || of.amount != t.amount {
			return "not allowed"
		}
	}
	if no := m.mayTrade(&t); no != "ok" {
		return no
	}
	if now {
		if no := m.complete(&t); no != "ok" {
			return no
		}
	} else {
		t.state = ledger.Pending
		if t.reverses == "" {
			t.expires = m.v.now.AddDate(0, 0, 14)
		}
	}
	m.transfers[id] = &t
	return "ok"
}

// takenBack says why transfer of cannot be taken back as transfer id.
func (m *model) takenBack(id, of string) string {
	switch t := m.transfers[of]; {
	case t.state != ledger.Completed:
		return "not completed"
	case t.reverses != "":
		return "not allowed"
	}
	for other, t := range m.transfers {
		if other != id && t.reverses == of && (t.state == ledger.Pending || t.state == ledger.Completed) {
			return "reversed already"
		}
	}
	return ""
}

func (m *model) mayTrade(t *modelTransfer) string {
	if t.payer == "nobody" || t.payee == "nobody" {
		return "not found"
	}
	for _, name := range []string{t.payer, t.payee} {
		if standing := m.standing[name]; standing != "" && t.reverses == "" {
			return name + " is " + standing
		}
	}
	return "ok"
}

func (m *model) complete(t *modelTransfer) string {
	if lower := m.limits[t.payer][0]; lower != "" && lower != "-" && m.balances[t.payer]-t.amount < number(lower) {
		return fmt.Sprintf("%s can give %d", t.payer, max(0, m.balances[t.payer]-number(lower)))
	}
	if upper := m.limits[t.payee][1]; upper != "" && upper != "-" && m.balances[t.payee]+t.amount > number(upper) {
		return fmt.Sprintf("%s can take %d", t.payee, max(0, number(upper)-m.balances[t.payee]))
	}
	m.balances[t.payer] -= t.amount
	m.balances[t.payee] += t.amount
	m.completed++
	t.state = ledger.Completed
	return "ok"
}
