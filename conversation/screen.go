package conversation

import (
	"context"
	"strings"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Whoever has dialled a code sees one small screen at a time, and answers by
// numbers. The dialogs are the same as everywhere; around them there is a menu.

// The numbers that mean the same on every screen.
const (
	screenBack = "0"
	screenMore = "9"
)

// menuCommand is the name of the command that shows the menu.
const menuCommand = "menu"

// dialled answers one step of a session.
func (t *Turn) dialled(ctx context.Context, at *ledger.At) error {
	said := strings.TrimSpace(t.In.Text)
	t.In.Text = said
	d := t.talk.Dialog
	switch {
	case at.Address.Status == ledger.AddressStopped && said == "1":
		return t.start(ctx)
	case at.Address.Status == ledger.AddressStopped && t.Meaning.Intent != understand.Start && t.Meaning.Intent != understand.Stop:
		t.Say("stop.hint", nil)
		t.out[len(t.out)-1].Question = t.newQuestion() // the screen stays: a word could not be sent to it otherwise
		return nil
	case t.Member.Status == ledger.Invited:
		return t.answer(ctx, at)
	}
	switch {
	case said == "" && t.Open() && d.Form.Command != menuCommand: // the session broke off: it goes on where it was
		t.toScreen()
		return nil
	case said != screenBack && t.Open() && !d.Numbered: // it was asked by text meanwhile, and is not what they see
		t.toScreen()
		return nil
	case said == "", said == screenBack:
		t.talk.More = nil
		t.settle()
		return t.Start(ctx, menuCommand, nil)
	case said == screenMore && t.talk.More != nil && !t.asksField():
		return t.more(ctx)
	}
	return t.answer(ctx, at)
}

// toScreen puts the open question on the screen, wherever it was asked.
func (t *Turn) toScreen() {
	d := t.talk.Dialog
	if d.Locale != "" {
		t.locale = d.Locale
	}
	if d.Asks == asksConfirm && !d.Numbered {
		d.Text += t.Printer().YesOrNo()
	}
	d.Numbered = true
	t.repeat()
}

// asksField reports whether the open question takes any text or number.
func (t *Turn) asksField() bool {
	return t.Open() && t.talk.Dialog.Asks != asksConfirm && t.talk.Dialog.Asks != asksOption
}

// answersScreen reports whether a number, or an answer to a question, is meant
// for the screen and not for the person that the member talks with.
func (t *Turn) answersScreen() bool {
	if !t.In.Dialled || !t.Open() {
		return false
	}
	if t.talk.Dialog.Form.Command != menuCommand {
		return true
	}
	_, ok := t.engine.understand.Choice(t.In.Text, t.locale)
	return ok
}

// screen makes one screen of all that is said to somebody who has dialled. It
// stays open as long as they have something to answer.
func (t *Turn) screen() {
	if !t.In.Dialled {
		return
	}
	var texts []string
	var one *Outbound
	var others []Outbound
	for i := range t.out {
		o := &t.out[i]
		if !t.isReply(o) {
			others = append(others, *o)
			continue
		}
		if texts = append(texts, o.Text); one == nil {
			one = o
		}
		if o.Question != 0 || o.Desk != 0 {
			one.Question, one.Desk, one.Choices = o.Question, o.Desk, o.Choices
		}
	}
	if one == nil {
		return
	}
	screen := *one
	text := strings.ReplaceAll(strings.Join(texts, "\n"), " \n", "\n")
	open := screen.Question != 0 || screen.Desk != 0
	if t.talk != nil && t.Open() {
		screen.Question, open = t.talk.Dialog.Question, true
	}
	p := t.Printer()
	back := "\n" + p.Text("ussd.back", nil)
	if t.Member == nil || t.talk == nil || !t.Open() && t.talk.More == nil || t.Open() && t.talk.Dialog.Form.Command == menuCommand {
		back = ""
	}
	more := ""
	if t.talk != nil && t.talk.More != nil { // a list has said that there is more
		more, open = "\n"+p.Text("ussd.more", nil), true
	}
	fits := t.engine.fits[USSD]
	ends := func(page string) string {
		if open {
			return page + more + back
		}
		return page
	}
	if fits != nil && !fits(ends(text), screen.Locale) {
		open, more = true, "\n"+p.Text("ussd.more", nil)
		text = t.firstPage(text, func(page string) (string, bool) { return page, fits(ends(page), screen.Locale) })
	}
	if open && screen.Question == 0 && screen.Desk == 0 {
		screen.Question = t.newQuestion()
	}
	screen.Text = ends(text)
	t.out = append(others, screen)
}

// Choose begins another command as if nothing were said for it yet: it was
// picked from the menu.
func (t *Turn) Choose(ctx context.Context, command string) error {
	t.settle()
	t.Meaning = understand.Meaning{Locale: t.Meaning.Locale}
	return t.Begin(ctx, command, nil)
}

// ScreenLater is what somebody is shown whose answer is not ready in time.
func (e *Engine) ScreenLater(locale string) string {
	return e.catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Time{}).Text("ussd.later", nil)
}

// ShowRequest asks about the oldest of what others ask of the member. It
// reports false where there is nothing.
func (t *Turn) ShowRequest(ctx context.Context) (bool, error) {
	pending, err := t.Book.PendingToPay(ctx, t.Member.Account())
	if err != nil || len(pending) == 0 {
		return false, err
	}
	tr := pending[0]
	t.settle()
	t.Confirm(&Form{Command: requestCommand, ID: int64(tr.ID)}, Question{requestKey(tr, false), t.requestArgs(tr)})
	return true, nil
}
