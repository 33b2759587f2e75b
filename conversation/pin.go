package conversation

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alexedwards/argon2id"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Whoever can forge the sender of a text message cannot read what is sent
// there, and does not know the member's PIN. A community says above which
// amount a payment asks for it.

// PIN is what is known of a member's.
type PIN struct {
	Hash        string // argon2id, in PHC form; "": they have none
	Tries       int    // wrong ones in a row
	PausedUntil int64  // none is taken before; microseconds
}

const (
	pinTries     = 3
	pinPause     = time.Hour // after the first three wrong ones in a row, then twice as long each time
	pinPauseMost = 24 * time.Hour
	pinLeast     = 4 // figures
	pinMost      = 6

	asksPIN  = "!" // what a dialog waits for, beside those in command.go
	asksCode = "&" // the number that was sent, by somebody who has no PIN

	pinGiven = "pin"       // form value: the speaker has just proved who they are; never kept
	pinCross = "pin_cross" // form value: another PIN was asked for just before
	pinCode  = "code"      // form value: the number that was sent

	// A PIN that comes so soon after another was asked for may be for that one.
	pinCrossing = 3 * time.Minute
)

// pinCost is what one guess at a PIN costs: OWASP's least for argon2id. A
// stolen database still gives short PINs away in time, as any would.
var pinCost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// figuresIn is the PIN that a message tells, "" where it tells none.
func figuresIn(text string) string {
	var figures strings.Builder
	for _, r := range text {
		switch {
		case '0' <= r && r <= '9':
			figures.WriteRune(r)
		case unicode.IsDigit(r):
			return ""
		}
	}
	if n := figures.Len(); n < pinLeast || n > pinMost {
		return ""
	}
	return figures.String()
}

// easy reports whether a PIN is among the first that anybody would try.
func easy(pin string) bool {
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		same = same && pin[i] == pin[0]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
	}
	return same || up || down
}

// AskPIN sees to it that a payment from the member's account carries their PIN
// where the community wants it. It reports true where it has asked, or said why
// nothing is paid: the command then ends, and is run again with the PIN.
func (t *Turn) AskPIN(ctx context.Context, f *Form, amount ledger.Amount, payee ledger.AccountID) (asked bool, err error) {
	above := t.Book.Community().PINAbove
	if above == nil || amount <= *above || f.Has(pinGiven) {
		return false, nil
	}
	p, err := t.Memory.PIN(ctx, t.Book.Community().ID, t.Member.ID)
	switch {
	case err != nil:
		return true, err
	case p.Hash == "":
		return true, &Refusal{Key: "pin.needed", Args: locales.Args{"limit": locales.Sum(*above)}}
	case t.pinPaused(p):
		return true, nil
	}
	t.askForPIN(f, t.Text("pin.ask", locales.Args{"name": t.NameOf(payee), "amount": locales.Sum(amount)}))
	return true, nil
}

// AskProof sees to it that whoever texts is the one whose number it is, in
// communities that take care of that: before something that would let somebody
// else be them. It reports true where it has asked, or said why nothing is done.
func (t *Turn) AskProof(ctx context.Context, f *Form) (asked bool, err error) {
	if t.Book.Community().PINAbove == nil || t.In.Channel != "sms" || t.In.Dialled || f.Has(pinGiven) {
		return false, nil
	}
	p, err := t.Memory.PIN(ctx, t.Book.Community().ID, t.Member.ID)
	switch {
	case err != nil:
		return true, err
	case p.Hash == "":
		f.Set(pinCode, t.NewNumber())
		t.ask(*f, asksCode, t.Text("pin.ask_code", locales.Args{"code": f.Text(pinCode)}), nil, nil)
		return true, nil
	case t.pinPaused(p):
		return true, nil
	}
	t.askForPIN(f, t.Text("pin.ask_old", nil))
	return true, nil
}

// askForPIN asks for the PIN. A question that follows another of its kind is
// put twice: a PIN that crosses it was for the other.
func (t *Turn) askForPIN(f *Form, text string) {
	form := *f
	form.Values = maps.Clone(f.Values)
	delete(form.Values, pinCross)
	if t.Now().Sub(ledger.Time(t.talk.PINAsked)) < pinCrossing {
		form.Set(pinCross, "1")
	}
	t.talk.PINAsked = t.Now().UnixMicro()
	t.ask(form, asksPIN, text, nil, nil)
}

// NewNumber makes a number of four figures that nobody can guess.
func (t *Turn) NewNumber() string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.NewCode())) // never fails
	return strconv.Itoa(1000 + int(h.Sum32()%9000))
}

// answerCode takes the message as the number that was sent.
func (t *Turn) answerCode(ctx context.Context, c *Command) (done bool, err error) {
	f := t.talk.Dialog.Form
	if figuresIn(t.In.Text) == "" && t.isCommand() && t.Meaning.Intent != understand.Clarify {
		return false, nil
	}
	t.settle()
	if t.Meaning.Intent == understand.No || t.negated() {
		return true, t.sayNo(ctx, c, &f)
	}
	if figuresIn(t.In.Text) != f.Text(pinCode) {
		t.missed = true
		t.Say("answer.left", nil)
		return true, nil
	}
	if err := t.allowed(c); err != nil {
		return true, err
	}
	f.Values = maps.Clone(f.Values)
	f.Set(pinGiven, "1")
	return true, c.Run(ctx, t, &f)
}

// pinPaused tells the member that no PIN is taken for now.
func (t *Turn) pinPaused(p PIN) bool {
	if t.Now().UnixMicro() >= p.PausedUntil {
		return false
	}
	t.Say("pin.paused", locales.Args{"when": locales.Clock(ledger.Time(p.PausedUntil)), "coordinator": t.coordinatorName()})
	return true
}

// tellsPIN reports whether the message answers a question for a PIN: in any
// other message one is out of place, and must not get into what is kept of it.
func (t *Turn) tellsPIN() bool {
	if !t.Open() || figuresIn(t.In.Text) == "" {
		return false
	}
	d := t.talk.Dialog
	if d.Asks == asksPIN || d.Asks == asksCode {
		return true
	}
	c := t.engine.commands[d.Form.Command]
	return c != nil && slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Name == d.Asks && f.Kind == Secret })
}

// answerPIN takes the message as the PIN that was asked for.
func (t *Turn) answerPIN(ctx context.Context, c *Command) (done bool, err error) {
	f := t.talk.Dialog.Form
	figures := figuresIn(t.In.Text)
	switch {
	case figures != "":
	case t.Meaning.Intent == understand.No || t.negated():
		return true, t.sayNo(ctx, c, &f)
	case t.isCommand() && t.Meaning.Intent != understand.Clarify:
		return false, nil
	default:
		t.Say("pin.form", nil)
		return true, nil
	}
	if f.Has(pinCross) {
		delete(f.Values, pinCross)
		t.repeat()
		return true, nil
	}
	if right, err := t.CheckPIN(ctx, figures); err != nil || !right {
		return true, err
	}
	t.talk.PINAsked = 0
	if err := t.allowed(c); err != nil {
		return true, err
	}
	t.settle()
	f.Values = maps.Clone(f.Values)
	f.Set(pinGiven, "1")
	return true, c.Run(ctx, t, &f)
}

// CheckPIN reports whether that is the member's PIN, and tells them if not.
// After the third wrong one none is taken for a while, and the coordinators
// hear of it.
func (t *Turn) CheckPIN(ctx context.Context, said string) (right bool, err error) {
	c := t.Book.Community().ID
	p, err := t.Memory.PIN(ctx, c, t.Member.ID)
	if err != nil {
		return false, err
	}
	figures := figuresIn(said)
	switch {
	case p.Hash == "": // a coordinator has taken it away since it was asked for
		t.settle()
		return false, &Refusal{Key: "pin.gone"}
	case t.pinPaused(p):
		t.settle()
		return false, nil
	case figures == "":
		t.Say("pin.form", nil)
		return false, nil
	}
	if right, err = argon2id.ComparePasswordAndHash(figures, p.Hash); err != nil {
		return false, fmt.Errorf("compare PIN: %w", err)
	}
	if right {
		if p.Tries == 0 {
			return true, nil
		}
		p.Tries = 0
		return true, t.Memory.SavePIN(ctx, c, t.Member.ID, p)
	}
	t.missed = true
	if p.Tries++; p.Tries%pinTries != 0 {
		t.Say("pin.wrong", locales.Args{"n": pinTries - p.Tries%pinTries})
		return false, t.Memory.SavePIN(ctx, c, t.Member.ID, p)
	}
	p.PausedUntil = t.Now().Add(min(pinPause<<min(p.Tries/pinTries-1, 10), pinPauseMost)).UnixMicro()
	t.settle()
	t.pinPaused(p)
	t.log.Warn("a wrong PIN three times")
	for _, one := range t.Names.Coordinators() {
		if one.ID == t.Member.ID {
			continue
		}
		if _, err := t.Tell(ctx, one.ID, 0, "pin.paused_notice", locales.Args{"name": t.Member.Name, "number": t.Member.Number}); err != nil {
			return false, err
		}
	}
	return false, t.Memory.SavePIN(ctx, c, t.Member.ID, p)
}

// SetPIN keeps a new PIN. It reports false, and says why, where the message
// tells none that could be one.
func (t *Turn) SetPIN(ctx context.Context, said string) (set bool, err error) {
	figures := figuresIn(said)
	switch {
	case figures == "":
		t.Say("pin.form", nil)
		return false, nil
	case easy(figures):
		t.Say("pin.easy", nil)
		return false, nil
	}
	hash, err := argon2id.CreateHash(figures, pinCost)
	if err != nil {
		return false, fmt.Errorf("hash PIN: %w", err)
	}
	t.settle()
	return true, t.Memory.SavePIN(ctx, t.Book.Community().ID, t.Member.ID, PIN{Hash: hash})
}

// HasPIN reports whether a member has a PIN.
func (t *Turn) HasPIN(ctx context.Context, id ledger.MemberID) (bool, error) {
	p, err := t.Memory.PIN(ctx, t.Book.Community().ID, id)
	return p.Hash != "", err
}

// ForgetPIN takes a member's PIN away.
func (t *Turn) ForgetPIN(ctx context.Context, id ledger.MemberID) error {
	t.log.Warn("a coordinator took a member's PIN away", "of", id)
	return t.Memory.SavePIN(ctx, t.Book.Community().ID, id, PIN{})
}
