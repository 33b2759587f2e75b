package conversation

import (
	"context"
	"slices"
	"strings"
	"time"

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

// Answered is what the Outbound asked, whose token a message has shown, in
// time, and from the address it was sent to, before any other has used it.
type Answered struct {
	Question int64    // Outbound.Question: 0 where it asked none
	Desk     int64    // Outbound.Desk: 0 where it asked nothing there
	Held     *Inbound // the message that waits for a yes; nil: none

	// Used is set where the token has proven something: it then counts no more.
	Used bool
}

// atDesk reports whether the token is that of the desk's last question.
func (a *Answered) atDesk(desk *Desk) bool { return a != nil && a.Desk != 0 && a.Desk == desk.Asked }

// bringsTokens reports whether what is sent on a channel can be answered with
// its token.
func bringsTokens(channel string) bool { return channel == "email" }

const (
	// claimedAnswers go in an hour to an address whose messages are not
	// proven. More would only serve somebody who wants to annoy the member.
	claimedAnswers = 6

	// mostHeld is how long a message can be that is held, in characters: all of
	// it is shown to whoever has to say whether it is theirs.
	mostHeld = 600
)

// unproven deals with a claimed message to a known address, before it is known
// who of several speaks. It returns true where the message is dealt with; else
// t.In is as it is to be taken, perhaps another message, and perhaps proven now.
func (t *Turn) unproven(ctx context.Context, members []ledger.At) (done bool, err error) {
	t.locale = members[0].Locale
	a := t.answered
	meaning := t.understood(t.In.Text)
	if a != nil && a.Held != nil && (meaning.Intent == understand.Yes || meaning.Intent == understand.No) {
		a.Used = true
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
	if status := members[0].Address.Status; status != ledger.AddressActive {
		return t.unprovenWhileClosed(ctx, status, meaning)
	}
	if answers, err := t.answersLetter(ctx, members, meaning); err != nil || answers {
		return false, err
	}
	if len(members) == 1 { // an answer with its token does not count: forgers would use it up
		if answers, err := t.mayTakeQuestion(ctx, members[0].ID, meaning); err != nil || answers {
			return false, err
		}
	}
	if may, err := t.mayAnswer(ctx, claimedAnswers, answersWithin); err != nil || !may {
		return true, err
	}
	if len(members) == 1 {
		return false, nil
	}
	// Whom of several a message is from would have to be remembered.
	t.Meaning = t.understood(afterName(t.In.Text))
	if t.isCommand() || !bringsTokens(t.In.Channel) {
		t.hold()
	} else {
		t.Say("held.which", nil)
	}
	return true, nil
}

// unprovenWhileClosed deals with a claimed message to an address that gets
// nothing: it is written to no more than once a week, and opened by a START
// that shows the token of anything it has got.
func (t *Turn) unprovenWhileClosed(ctx context.Context, status ledger.AddressStatus, meaning understand.Meaning) (done bool, err error) {
	if meaning.Intent == understand.Start && t.answered != nil {
		t.In.Trust, t.answered.Used = Proven, true
		return false, nil
	}
	may, err := t.mayAnswer(ctx, 1, unprovenWithin)
	if err != nil || !may {
		return true, err
	}
	if status == ledger.AddressStopped {
		t.Say("stop.hint", nil)
	} else {
		t.hold() // perhaps it works again
	}
	return true, nil
}

// afterName is what stands behind the name in "anna: pay luc 5".
func afterName(text string) string {
	if _, after, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(after) != "" {
		return after
	}
	return text
}

// answersLetter reports whether a message from a shared address answers what
// the letter asks whose token it shows, and then has it taken as that. From an
// address of one alone, takeQuestion sees to it.
func (t *Turn) answersLetter(ctx context.Context, members []ledger.At, meaning understand.Meaning) (bool, error) {
	a := t.answered
	if a == nil || len(members) == 1 {
		return false, nil
	}
	desk, err := t.Memory.Desk(ctx, t.Book.Community().ID, t.In.Channel, t.In.From)
	if err != nil {
		return false, err
	}
	if a.atDesk(desk) && t.engine.isChoice(t.In.Text, t.locale, desk) {
		t.In.Trust, a.Used = Proven, true
		return true, nil
	}
	t.Meaning = meaning
	if a.Question == 0 || t.isCommand() {
		return false, nil
	}
	t.In.Question = a.Question
	asked, err := t.askedOf(ctx, members)
	if err != nil || asked == nil { // nobody here any more
		t.In.Question = 0
		return false, err
	}
	t.In.Trust, a.Used = Proven, true
	return true, nil
}

// takeHeld goes on with the message that was held, now that it is proven. Its
// own id is the key of what it writes, so that it is done once, whichever of
// its letters is answered.
func (t *Turn) takeHeld(held Inbound) {
	held.Trust = Proven
	t.In, t.Key, t.answered = held, held.Channel+" "+held.ID, nil
}

// understood is what a text means, as far as that can be said before it is
// known who speaks.
func (t *Turn) understood(text string) understand.Meaning {
	c := t.Book.Community()
	return t.engine.understand.Understand(understand.Input{Text: text, Locale: t.locale, Unit: understandUnit(c)})
}

// mayAnswer counts an answer to the address, of which there may be so many
// within a time.
func (t *Turn) mayAnswer(ctx context.Context, most int, within time.Duration) (bool, error) {
	c := t.Book.Community().ID
	desk, err := t.Memory.Desk(ctx, c, t.In.Channel, t.In.From)
	if err != nil {
		return false, err
	}
	if !desk.mayAnswer(t.Now(), most, within) {
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
	key, holds := held(t.In.Text, t.Meaning.Intent)
	text := t.Text(key, locales.Args{"text": Mask(oneLine(t.In.Text)), "n": mostHeld})
	if !holds {
		t.SayText(text)
		return
	}
	t.reply(text, yesNo(t.Printer(), 0), 0)
	t.out[len(t.out)-1].Holds = true
}

// held is how a message is answered that may have to be held, and whether it
// is: not where not all of it can be shown, and not where it is a yes or no,
// of which nobody could say later what it was about.
func held(text string, intent understand.Intent) (key string, holds bool) {
	switch {
	case intent == understand.Yes || intent == understand.No:
		return "held.which", false
	case len([]rune(oneLine(text))) > mostHeld:
		return "held.too_long", false
	}
	return "held.ask", true
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

// mayTakeQuestion reports whether a message from the address of one alone is
// such an answer, and shows its token.
func (t *Turn) mayTakeQuestion(ctx context.Context, member ledger.MemberID, meaning understand.Meaning) (answers bool, err error) {
	if t.answered == nil || t.answered.Question == 0 {
		return false, nil
	}
	t.Meaning = meaning
	t.talk, err = t.Memory.Talk(ctx, t.Book.Community().ID, member)
	return err == nil && t.answersQuestion(t.answered.Question), err
}

// takeQuestion has the message taken as the answer to the question of the
// letter that it answers, if it is one. A token then proves the sender.
func (t *Turn) takeQuestion() {
	if a := t.answered; a != nil && a.Question != 0 && t.In.Question == 0 && t.answersQuestion(a.Question) {
		t.In.Question, t.In.Trust, a.Used = a.Question, Proven, true
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
		t.Say("held.which", nil) // perhaps it was meant for a letter that holds something
		return nil
	}
	tr := pending[len(pending)-1]
	if i := slices.IndexFunc(pending, func(p ledger.Transfer) bool { return int64(p.ID) == t.talk.Latest }); i >= 0 {
		tr = pending[i]
	}
	t.reply(t.Text(requestKey(tr, false), t.requestArgs(tr)), yesNo(t.Printer(), 0), int64(tr.ID))
	return nil
}
