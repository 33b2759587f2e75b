package conversation

import (
	"context"
	"slices"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// A message whose sender is only claimed may be anybody's. It is answered to
// the address it names, which is the member's own, and changes nothing: neither
// the ledger nor the conversation.
//
// Where the channel brings back tokens there is a way on. Every answer carries
// one, and whoever answers with it has got that answer: that proves an answer
// to the question it asks, and, where it asks "is this from you?", the message
// that is held until then. It proves nothing else.

// Answered is what the Outbound asked, whose token a message has shown for the
// first time, in time, and from the address it was sent to.
type Answered struct {
	Question int64    // Outbound.Question: 0 where it asked none
	Held     *Inbound // the message that waits for a yes; nil: none
}

// bringsTokens reports whether what is sent on a channel can be answered with
// its token.
func bringsTokens(channel string) bool { return channel == "email" }

// Answers to an address whose messages are not proven: so many in an hour. More
// would only serve somebody who wants to annoy the member.
const claimedAnswers = 6

// unproven deals with a claimed message to a known address, before it is known
// who of several speaks. It returns true where the message is dealt with; else
// t.In is as it is to be taken, perhaps another message, and perhaps proven now.
func (t *Turn) unproven(ctx context.Context, members []ledger.At) (done bool, err error) {
	t.locale = members[0].Locale
	meaning := t.understood()
	if a := t.answered; a != nil && a.Held != nil && (meaning.Intent == understand.Yes || meaning.Intent == understand.No) {
		if meaning.Intent == understand.No {
			t.Say("held.dropped", nil)
			return true, nil
		}
		t.takeHeld(*a.Held)
		return false, nil
	}
	if t.In.Trust == Proven {
		return false, nil
	}
	if t.answered == nil { // else they have read what was sent, and may go on
		if may, err := t.mayAnswer(ctx, claimedAnswers); err != nil || !may {
			return true, err
		}
	}
	if len(members) == 1 {
		return false, nil
	}
	// Whom of several a message is from would have to be remembered.
	t.Meaning = meaning
	if answers, err := t.answersLetter(ctx); err != nil || answers {
		return false, err
	}
	t.hold()
	return true, nil
}

// answersLetter reports whether a message from a shared address is an answer to
// what the letter asks whose token it shows, and then has it taken as that.
func (t *Turn) answersLetter(ctx context.Context) (bool, error) {
	switch a := t.answered; {
	case a == nil || t.isCommand():
		return false, nil
	case a.Question != 0: // it is known whom that was put to
		t.In.Question, t.In.Trust = a.Question, Proven
		return true, nil
	}
	desk, err := t.Memory.Desk(ctx, t.Book.Community().ID, t.In.Channel, t.In.From)
	if err != nil {
		return false, err
	}
	if n, ok := t.engine.understand.Choice(t.In.Text, t.locale); ok && n >= 1 && n <= len(desk.Options) {
		t.In.Trust = Proven
		return true, nil
	}
	return false, nil
}

// takeHeld goes on with the message that was held, now that it is proven. Its
// own id is the key of what it writes, so that it is done once, whichever of
// its letters is answered.
func (t *Turn) takeHeld(held Inbound) {
	held.Trust = Proven
	t.In, t.Key, t.answered = held, held.Channel+" "+held.ID, nil
}

// understood is what the message means, as far as that can be said before it is
// known who speaks.
func (t *Turn) understood() understand.Meaning {
	c := t.Book.Community()
	return t.engine.understand.Understand(understand.Input{Text: t.In.Text, Locale: t.locale, Unit: understandUnit(c)})
}

// mayAnswer counts an answer to the address, of which there may be so many in
// an hour.
func (t *Turn) mayAnswer(ctx context.Context, most int) (bool, error) {
	c := t.Book.Community().ID
	desk, err := t.Memory.Desk(ctx, c, t.In.Channel, t.In.From)
	if err != nil {
		return false, err
	}
	if !desk.mayAnswer(t.Now(), most, answersWithin) {
		t.log.Warn("too many messages that are not proven: no answer")
		return false, nil
	}
	return true, t.Memory.SaveDesk(ctx, c, t.In.Channel, t.In.From, desk)
}

// hold asks whether a message is from the one it names; a yes that shows the
// token of this answer has it taken as proven.
func (t *Turn) hold() {
	if !bringsTokens(t.In.Channel) {
		t.Say("refuse.untrusted", nil)
		return
	}
	t.reply(t.Text("held.ask", locales.Args{"text": cut(oneLine(t.In.Text), MostWhat)}), yesNo(t.Printer(), 0), 0)
	t.out[len(t.out)-1].Holds = true
}

// answersQuestion reports whether the message is an answer to a certain
// question: a yes or no, or whatever the open dialog waits for.
func (t *Turn) answersQuestion(question int64) bool {
	if t.Meaning.Intent == understand.Yes || t.Meaning.Intent == understand.No {
		return true
	}
	d := t.talk.Dialog
	return d != nil && d.Question == question && !t.isCommand()
}

// takeQuestion has the message taken as the answer to the question of the
// letter that it answers, if it is one. A token then proves the sender.
func (t *Turn) takeQuestion() {
	if a := t.answered; a != nil && a.Question != 0 && t.In.Question == 0 && t.answersQuestion(a.Question) {
		t.In.Question, t.In.Trust = a.Question, Proven
	}
}

// answerClaimed answers a message that may be anybody's, where one member
// alone has the address.
func (t *Turn) answerClaimed(ctx context.Context) error {
	t.chooseLocale()
	c := t.engine.byIntent[t.Meaning.Intent]
	switch {
	case t.Member.Status == ledger.Invited, t.talk.With != 0 && t.Now().UnixMicro() < t.talk.WithEnds:
		t.hold()
	case c != nil && c.Lookup:
		t.talk = &Talk{} // not saved
		return t.refuse(t.begin(ctx, c, nil))
	case t.isCommand() || !bringsTokens(t.In.Channel):
		t.hold()
	case t.Open(): // perhaps its answer: it is to come with the question's token
		t.repeat()
	case t.Meaning.Intent == understand.Yes || t.Meaning.Intent == understand.No:
		return t.repeatRequest(ctx)
	default:
		t.Say("not_understood", nil)
	}
	return nil
}

// repeatRequest puts what others ask of the member once more, the last of it,
// so that a yes or no can come with its token.
func (t *Turn) repeatRequest(ctx context.Context) error {
	pending, err := t.Book.PendingToPay(ctx, t.Member.Account())
	if err != nil {
		return err
	}
	if len(pending) == 0 {
		t.Say("answer.nothing_open", nil)
		return nil
	}
	tr := pending[len(pending)-1]
	if i := slices.IndexFunc(pending, func(p ledger.Transfer) bool { return int64(p.ID) == t.talk.Latest }); i >= 0 {
		tr = pending[i]
	}
	t.reply(t.Text(requestKey(tr, false), locales.Args{
		"name": t.NameOf(tr.Payee), "amount": locales.Sum(tr.Amount), "what": Cut(tr.Description, MostWhat),
	}), yesNo(t.Printer(), 0), int64(tr.ID))
	return nil
}
