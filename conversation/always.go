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

// What every member can say at any time, and what happens when nothing fits.

// stop ends everything on the address the message came from.
func (t *Turn) stop(ctx context.Context) error {
	if _, err := t.Book.SetAddressStatus(ctx, t.In.Channel, t.In.From, ledger.AddressStopped, ""); err != nil {
		return err
	}
	if err := t.Memory.TakeBack(ctx, t.Book.Community().ID, t.In.Channel, t.In.From); err != nil {
		return err
	}
	t.talk.Dialog, t.talk.More, t.talk.Misses = nil, nil, 0
	t.Say("stop.done", locales.Args{"community": t.Book.Community().Name})
	return nil
}

// stopOrStart takes STOP and START on an address that several members use,
// before anybody is asked who they are: it is the address that is stopped.
func (t *Turn) stopOrStart(ctx context.Context, members []ledger.At) (done bool, err error) {
	t.locale = members[0].Locale
	c := t.Book.Community()
	m := t.engine.understand.Understand(understand.Input{Text: t.In.Text, Locale: t.locale, Unit: understandUnit(c)})
	stopped := members[0].Address.Status == ledger.AddressStopped
	switch {
	case m.Intent != understand.Stop && !stopped:
		return false, nil
	case t.In.Trust < Proven || m.Intent != understand.Start && stopped: // a first STOP and a first START always count
		if may, err := t.mayAnswer(ctx, claimedAnswers, answersWithin); err != nil || !may {
			return true, err
		}
	}
	switch {
	case t.In.Trust < Proven:
		t.Say("refuse.untrusted", nil)
		return true, nil
	case m.Intent == understand.Start:
		var names []string
		for _, m := range members {
			names = append(names, m.Name)
		}
		if _, err := t.Book.SetAddressStatus(ctx, t.In.Channel, t.In.From, ledger.AddressActive, ""); err != nil {
			return true, err
		}
		t.Say("start.done", locales.Args{"community": c.Name, "first": strings.Join(names, ", ")})
		for _, m := range members {
			if err := t.tellUntold(ctx, m.ID); err != nil {
				return true, err
			}
		}
		return true, nil
	case m.Intent != understand.Stop:
		t.Say("stop.hint", nil)
		return true, nil
	}
	for _, m := range members {
		talk, err := t.Memory.Talk(ctx, c.ID, m.ID)
		if err != nil {
			return true, err
		}
		talk.Dialog, talk.More, talk.Misses = nil, nil, 0
		if err := t.Memory.SaveTalk(ctx, c.ID, m.ID, talk); err != nil {
			return true, err
		}
	}
	t.talk = &Talk{}
	return true, t.stop(ctx)
}

// start opens the address again.
func (t *Turn) start(ctx context.Context) error {
	if _, err := t.Book.SetAddressStatus(ctx, t.In.Channel, t.In.From, ledger.AddressActive, ""); err != nil {
		return err
	}
	if err := t.Memory.Resubscribe(ctx, t.Book.Community().ID, t.Member.ID); err != nil {
		return err
	}
	t.Say("start.done", locales.Args{"community": t.Book.Community().Name, "first": t.Member.First()})
	if err := t.tellUntold(ctx, t.Member.ID); err != nil {
		return err
	}
	if err := t.refreshRequests(ctx); err != nil || len(t.openRequests()) == 0 {
		return err
	}
	return t.whichYes() // what was asked meanwhile
}

// notUnderstood says what can be written, the first time; the second time in a
// row it offers a person.
func (t *Turn) notUnderstood(ctx context.Context) error {
	if t.In.Dialled {
		return t.Start(ctx, menuCommand, nil)
	}
	if !t.mayMiss() {
		return nil
	}
	t.talk.Misses++
	if t.talk.Misses < 2 {
		t.Say("not_understood", nil)
		return nil
	}
	t.askForHuman()
	return nil
}

// mayMiss reports whether a message that is not understood is answered: the
// sender may be a machine, which would answer that.
func (t *Turn) mayMiss() bool {
	a := t.engine.allowances[t.In.Channel]
	ok, _ := t.talk.Unclear.take(t.Now(), a.Unclear, a.UnclearEvery)
	if !ok {
		t.log.Warn("too many messages that are not understood: no answer")
	}
	return ok
}

const humanCommand = "human"

// askForHuman asks whether a person should take over.
func (t *Turn) askForHuman() {
	t.talk.Misses = 0
	t.missed = true
	f := &Form{Command: humanCommand, ID: ledger.NewID(t.Now())}
	f.Set("said", cut(oneLine(Mask(t.In.Text)), 300))
	key := "human.offer"
	if t.Meaning.Intent == understand.Human {
		key = "human.ask"
		f.Set("bare", "1") // what was said only asks for a person
	}
	t.Confirm(f, Question{Key: key})
}

// mostPassedOn is how much of a message is handed on, in characters.
const mostPassedOn = 1500

// oneLine keeps what somebody wrote from looking like several messages.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// talkLasts is how long a talk with a person goes on after its last message.
const talkLasts = 24 * time.Hour

// PassTo puts the member in touch with a person: from now on what either
// writes goes to the other, until one of them says DONE.
func (t *Turn) PassTo(ctx context.Context, other ledger.MemberID) error {
	ends := t.Now().Add(talkLasts).UnixMicro()
	t.talk.With, t.talk.WithEnds = other, ends
	return t.TalkOf(ctx, other, func(talk *Talk) { talk.With, talk.WithEnds = t.Member.ID, ends })
}

// Busy reports whether a member is in touch with somebody.
func (t *Turn) Busy(ctx context.Context, id ledger.MemberID) (busy bool, err error) {
	talk, err := t.Memory.Talk(ctx, t.Book.Community().ID, id)
	if err != nil {
		return false, err
	}
	return talk.With != 0 && t.Now().UnixMicro() < talk.WithEnds, nil
}

// passOn hands a message to the person that the member is in touch with.
func (t *Turn) passOn(ctx context.Context) error {
	other := t.Names.Person(t.talk.With)
	if t.Meaning.Intent == understand.Done || other == nil {
		end := func(talk *Talk) { talk.With, talk.WithEnds = 0, 0 }
		end(t.talk)
		if other == nil {
			t.Say("human.over", locales.Args{"name": t.Book.Community().Name})
			return nil
		}
		if err := t.TalkOf(ctx, other.ID, end); err != nil {
			return err
		}
		t.Say("human.over", locales.Args{"name": other.Name})
		_, err := t.Tell(ctx, other.ID, 0, "human.over", locales.Args{"name": t.Member.Name})
		return err
	}
	ends := t.Now().Add(talkLasts).UnixMicro()
	t.talk.WithEnds = ends
	if err := t.TalkOf(ctx, other.ID, func(talk *Talk) { talk.WithEnds = ends }); err != nil {
		return err
	}
	before := len(t.out)
	told, err := t.Tell(ctx, other.ID, 0, "human.message", locales.Args{
		"first": t.Member.First(), "text": cut(oneLine(t.In.Text), mostPassedOn),
	})
	if err != nil {
		return err
	}
	if awake, err := t.awake(ctx, other.ID); err != nil {
		return err
	} else if awake { // they are writing to each other: quiet hours are for others
		for i := range t.out[before:] {
			t.out[before+i].Priority = Replies
		}
	}
	key := "human.passed_on"
	if !told {
		key = "human.not_reached"
	}
	t.Say(key, locales.Args{"name": other.Name})
	return nil
}

// awakeFor is how long somebody counts as awake after they have written: an
// address notes that once an hour.
const awakeFor = 2 * time.Hour

// awake reports whether a member has written lately.
func (t *Turn) awake(ctx context.Context, id ledger.MemberID) (bool, error) {
	addresses, err := t.Book.Addresses(ctx, id)
	return slices.ContainsFunc(addresses, func(a ledger.Address) bool { return t.Now().Sub(a.UsedAt) < awakeFor }), err
}

const languageCommand = "language"

// offerLanguage asks once, when nothing else is open, whether the language the
// member has just used should be theirs.
func (t *Turn) offerLanguage() {
	if t.locale == t.Member.Locale || t.Open() || t.talking() || slices.Contains(t.talk.Offered, t.locale) ||
		t.Meaning.Intent == understand.Language || t.Meaning.Intent == understand.Stop || t.Meaning.Intent == understand.Join {
		return
	}
	t.talk.Offered = append(slices.Clone(t.talk.Offered), t.locale)
	f := &Form{Command: languageCommand, ID: ledger.NewID(t.Now())}
	f.Set("language", t.locale)
	t.Confirm(f, Question{Key: "language.offer"})
}

// SetLocale makes a language the member's, for this answer too.
func (t *Turn) SetLocale(ctx context.Context, locale string) error {
	m, err := t.Book.Member(ctx, t.Member.ID)
	if err != nil {
		return err
	}
	m.Locale = locale
	if err := t.Book.SaveMember(ctx, m); err != nil {
		return err
	}
	person := *t.Member
	person.Locale = locale
	t.Member, t.locale = &person, locale
	return nil
}
