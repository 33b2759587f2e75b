package conversation

import (
	"context"
	"errors"
	"strings"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// answerDialog takes the message as the answer to the open question. It
// reports false where it is none: then it is read as a new command, and the
// question stays or gives way to the command's own.
func (t *Turn) answerDialog(ctx context.Context) (done bool, err error) {
	d := t.talk.Dialog
	c := t.engine.commands[d.Form.Command]
	if c == nil {
		t.talk.Dialog = nil
		return false, nil
	}
	switch d.Asks {
	case asksConfirm:
		return t.answerConfirm(ctx, c)
	case asksOption:
		return t.answerOption(ctx, c)
	case asksPIN:
		return t.answerPIN(ctx, c)
	case asksCode:
		return t.answerCode(ctx, c)
	}
	for _, field := range c.Fields {
		if field.Name == d.Asks {
			return t.answerField(ctx, c, field)
		}
	}
	t.talk.Dialog = nil
	return false, nil
}

func (t *Turn) answerConfirm(ctx context.Context, c *Command) (bool, error) {
	d := t.talk.Dialog
	if d.Numbered {
		t.byNumber()
	}
	intent := t.Meaning.Intent
	switch {
	case t.negated(), intent == understand.Undo && t.Meaning.What == "": // "wrong!" to what was read back
		return true, t.sayNo(ctx, c, &d.Form)
	case intent != understand.Yes && intent != understand.No:
		if t.isCommand() {
			return false, nil
		}
		if c.Name == humanCommand { // no need to insist
			t.talk.Dialog = nil
			return false, nil
		}
		t.askAgain("answer.yes_or_no")
		return true, nil
	case t.Meaning.What != "": // "yes 2" is about requests
		return false, nil
	case t.talk.Latest != d.Question: // somebody has asked for something since
		return false, nil
	}
	return true, t.decide(ctx, c, intent == understand.Yes)
}

// byNumber takes the 1 and the 2 of a yes-or-no question as what they stand for.
func (t *Turn) byNumber() {
	switch strings.TrimSpace(t.In.Text) {
	case "1":
		t.Meaning = understand.Meaning{Intent: understand.Yes, Locale: t.Meaning.Locale}
	case "2":
		t.Meaning = understand.Meaning{Intent: understand.No, Locale: t.Meaning.Locale}
	}
}

// negated reports a "don't pay luc": as the answer to a question it is a no.
func (t *Turn) negated() bool {
	return t.Meaning.Intent == understand.Clarify && t.Meaning.Reason == understand.Negated
}

// decide gives the open question its yes or no.
func (t *Turn) decide(ctx context.Context, c *Command, yes bool) error {
	f := t.talk.Dialog.Form
	if err := t.allowed(c); err != nil {
		return err
	}
	if yes {
		t.settle()
		return c.Run(ctx, t, &f)
	}
	return t.sayNo(ctx, c, &f)
}

// sayNo closes the open question with a no.
func (t *Turn) sayNo(ctx context.Context, c *Command, f *Form) error {
	t.settle()
	if c.No != nil {
		return c.No(ctx, t, f)
	}
	key := c.Name + ".no"
	text := t.Text(key, nil)
	if text == key {
		text = t.Text("answer.left", nil)
	}
	t.SayText(text)
	return nil
}

func (t *Turn) answerOption(ctx context.Context, c *Command) (bool, error) {
	d := t.talk.Dialog
	n, ok := t.engine.understand.Choice(t.In.Text, t.locale)
	if !ok {
		switch {
		case t.Meaning.Intent == understand.No || t.negated():
			return true, t.sayNo(ctx, c, &d.Form)
		case t.isCommand() || t.Meaning.Intent == understand.More || t.Meaning.Intent == understand.Yes:
			return false, nil
		}
		t.askAgain("answer.number_range")
		return true, nil
	}
	if n < 1 || n > len(d.Options) {
		t.outOfRange(len(d.Options))
		return true, nil
	}
	if err := t.allowed(c); err != nil {
		return true, err
	}
	return true, t.choose(ctx, c, d.Options[n-1])
}

// outOfRange says which numbers there are.
func (t *Turn) outOfRange(n int) {
	if t.In.Dialled {
		t.repeat()
		return
	}
	t.Say("answer.number_range", locales.Args{"n": n})
}

func (t *Turn) choose(ctx context.Context, c *Command, option string) error {
	f := t.talk.Dialog.Form
	return c.Chosen(ctx, t, &f, option)
}

// answerField takes the message as the value of the field that was asked for.
func (t *Turn) answerField(ctx context.Context, c *Command, field Field) (bool, error) {
	d := t.talk.Dialog
	f := d.Form
	if (t.Meaning.Intent == understand.Yes || t.Meaning.Intent == understand.No) && t.talk.Latest != d.Question {
		return false, nil // about what somebody has asked since
	}
	if t.Meaning.Intent == understand.No || t.negated() && field.Kind != Words {
		return true, t.sayNo(ctx, c, &f)
	}
	switch field.Kind {
	case HowMuch:
		amount, inexact, reason, ok := t.engine.understand.Amount(t.In.Text, t.locale, understandUnit(t.Book.Community()), t.Unit().AllWords()...)
		if !ok && (reason == "" || reason == understand.NoAmount) {
			if t.isCommand() {
				return false, nil
			}
			t.askAgain("")
			return true, nil
		}
		if err := t.SetAmount(&f, field.Name, amount, inexact, reason); err != nil {
			t.refuseAmount(err)
			return true, nil
		}
	case Someone:
		who := strings.TrimSpace(t.In.Text)
		if n, ok := t.engine.understand.Choice(t.In.Text, t.locale); ok && len(d.Options) > 0 {
			if n < 1 || n > len(d.Options) {
				t.outOfRange(len(d.Options))
				return true, nil
			}
			f.Set(field.Name, d.Options[n-1])
			break
		}
		switch {
		case t.Meaning.Intent == understand.Yes:
			t.askAgain("")
			return true, nil
		case t.Meaning.Reason == understand.NoDirection && t.Meaning.Who != "":
			who = t.Meaning.Who
		case t.isCommand():
			return false, nil
		}
		t.answering = true
		if done, err := t.SetPerson(ctx, &f, field.Name, who); done || err != nil {
			return true, err
		}
	case Secret:
		if figuresIn(t.In.Text) == "" && t.isCommand() && t.Meaning.Intent != understand.Clarify {
			return false, nil
		}
		if d.Numbered && !t.In.Dialled { // a text in the name of somebody who stands before a screen
			return true, t.Choose(ctx, c.Name)
		}
		return true, c.Told(ctx, t, &f, field.Name, t.In.Text)
	case Words:
		switch {
		case t.Meaning.Intent == understand.Yes:
			t.askAgain("")
			return true, nil
		case c.Coordinator && (t.Meaning.Intent == understand.Hello || t.Meaning.Intent == understand.Thanks):
			// "Hello all" is what everybody is to be told.
		case t.isCommand() && t.Meaning.Intent != understand.Clarify:
			return false, nil
		}
		f.Set(field.Name, strings.TrimSpace(t.In.Text))
	}
	return true, t.fill(ctx, &f)
}

// refuseAmount says what is wrong with an amount and leaves the question open.
func (t *Turn) refuseAmount(err error) {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		t.Say(refusal.Key, refusal.Args)
	}
}

// isCommand reports whether the message is clearly something else than an
// answer.
func (t *Turn) isCommand() bool {
	switch t.Meaning.Intent {
	case understand.Unknown, understand.Yes, understand.No, understand.More:
		return false
	case understand.Clarify:
		switch t.Meaning.Reason {
		case understand.Question, understand.TwoAmounts, understand.TwoPeople, understand.TwoCommands, understand.Negative, understand.Zero,
			understand.Self, understand.ThirdParty, understand.Currency, understand.Negated:
			return true
		case understand.NoDirection:
			return t.Meaning.Who != "" && t.Meaning.Amount > 0
		default:
			return t.Meaning.Toward != ""
		}
	default:
		return true
	}
}

// askAgain repeats the open question. After the second time a person is
// offered instead.
func (t *Turn) askAgain(hint string) {
	t.missed = true
	if t.In.Dialled { // the question is no longer before their eyes
		t.repeat()
		return
	}
	if !t.mayMiss() {
		return
	}
	t.talk.Misses++
	if t.talk.Misses >= 2 {
		t.askForHuman()
		return
	}
	if hint != "" {
		t.Say(hint, locales.Args{"n": len(t.talk.Dialog.Options)})
		return
	}
	t.repeat()
}

// pressed takes the answer to a certain question: a button, which may be old.
func (t *Turn) pressed(ctx context.Context) error {
	d, q := t.talk.Dialog, t.In.Question
	intent := t.Meaning.Intent
	if d != nil && d.Question == q && !d.expired(t.Now()) {
		c := t.engine.commands[d.Form.Command]
		if c != nil && d.Asks == asksConfirm && (intent == understand.Yes || intent == understand.No) {
			return t.decide(ctx, c, intent == understand.Yes)
		}
		if done, err := t.answerDialog(ctx); done || err != nil {
			return err
		}
		return t.lateAnswer(ctx)
	}
	if id := ledger.TransferID(q); intent == understand.Yes || intent == understand.No {
		if tr, err := t.Book.Transfer(ctx, id); err == nil && tr.Payer == t.Member.Account() {
			return t.settleRequest(ctx, id, intent == understand.Yes)
		} else if err != nil && !ledger.IsNotFound(err) {
			return err
		}
	}
	return t.lateAnswer(ctx)
}

// clarify answers a message that could not be acted on without a guess.
func (t *Turn) clarify(ctx context.Context) error {
	m := t.Meaning
	switch m.Reason {
	case "":
		return nil
	case understand.NoWho, understand.NoAmount:
		if c := t.engine.byIntent[m.Toward]; c != nil {
			return t.begin(ctx, c, nil)
		}
	case understand.NoDirection:
		if c := t.engine.commands[directionCommand]; c != nil && m.Who != "" && m.Amount > 0 {
			return t.begin(ctx, c, nil)
		}
	default: // no command can ask for what is missing
	}
	// Whatever was asked before is off: a yes to it now would come as a surprise.
	t.settle()
	t.Say("clarify."+string(m.Reason), nil)
	return nil
}

// directionCommand is the name of the command that asks who pays whom.
const directionCommand = "direction"
