package conversation

import (
	"context"
	"strings"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Answers to a stranger: so many in an hour. One whose address is only claimed
// gets one a week, since it may be somebody who has never written to us.
const (
	strangerAnswers = 6
	answersWithin   = time.Hour
	unprovenWithin  = 7 * 24 * time.Hour
)

// mayAnswer counts an answer to the address, and reports whether it is not one
// more than most within a time of at most unprovenWithin.
func (d *Desk) mayAnswer(now time.Time, most int, within time.Duration) bool {
	recent := 0
	var kept []int64
	for _, at := range d.Answers {
		if at > now.Add(-unprovenWithin).UnixMicro() {
			kept = append(kept, at)
		}
		if at > now.Add(-within).UnixMicro() {
			recent++
		}
	}
	if recent >= most {
		return false
	}
	kept = append(kept, now.UnixMicro())
	d.Answers = kept[max(0, len(kept)-strangerAnswers):]
	return true
}

// mayAnswerStranger is mayAnswer for the address of a stranger. joins says that
// they ask to join, or are being asked who they are.
func (e *Engine) mayAnswerStranger(ctx context.Context, room Room, d *Desk, in Inbound, joins bool) (bool, error) {
	now := room.Book.Now()
	a := e.allowances[in.Channel]
	switch {
	case in.Trust < Proven:
		return d.mayAnswer(now, 1, unprovenWithin), nil
	case a.Strangers == 0 || in.Dialled: // an answer on a screen costs us nothing
		return d.mayAnswer(now, strangerAnswers, answersWithin), nil
	case joins && !d.mayAnswer(now, joinAnswers, a.Strangers), !joins && !d.mayAnswer(now, 1, a.Strangers):
		return false, nil
	}
	c := room.Book.Community()
	all, err := room.Memory.Desk(ctx, c.ID, in.Channel, everybody)
	if err != nil {
		return false, err
	}
	ok, first := all.Crowd.take(now, a.Crowd, a.CrowdEvery)
	if first {
		e.log.Warn("too many strangers: they get no answer for a while", "community", c.Slug, "channel", in.Channel)
	}
	return ok, room.Memory.SaveDesk(ctx, c.ID, in.Channel, everybody, all)
}

// everybody is no address: its desk is that of all strangers together.
const everybody = "*"

// joinAnswers are as many as it takes to ask a stranger who they are.
const joinAnswers = 4

// stranger answers somebody whose address nobody in the community has: they
// may join with an invitation or ask to, and learn nothing else.
func (e *Engine) stranger(ctx context.Context, room Room, in Inbound) ([]Outbound, error) {
	c := room.Book.Community()
	desk, err := room.Memory.Desk(ctx, c.ID, in.Channel, in.From)
	if err != nil {
		return nil, err
	}
	t, err := e.turn(ctx, room, in)
	if err != nil {
		return nil, err
	}
	t.Meaning = e.understand.Understand(understand.Input{Text: in.Text, Locale: orLocale(in.Locale, c.Locale), Unit: understandUnit(c)})
	t.locale = e.catalog.Printer(orLocale(t.Meaning.Locale, orLocale(in.Locale, c.Locale)), locales.Unit{}, nil, time.UTC, t.Now()).Locale()
	if a := room.Answered; a != nil { // they have what was sent to that address
		t.In.Trust, a.Used = Proven, true
		if a.Held != nil && t.Meaning.Intent == understand.Yes {
			t.takeHeld(*a.Held)
			t.Meaning = t.understood(t.In.Text)
		}
	}
	invitation, err := t.Book.InvitationTo(ctx, in.Channel, in.From)
	if err != nil && !ledger.IsNotFound(err) {
		return nil, err
	}
	if !t.decidesInvitation(invitation, desk) { // what does counts, however much came before it: it is over with that
		switch may, err := e.mayAnswerStranger(ctx, room, desk, t.In, desk.Asks != "" || t.Meaning.Intent == understand.Join); {
		case err != nil:
			return nil, err
		case !may:
			t.log.Warn("a stranger writes too often: no answer")
			return nil, nil
		}
	}
	if err := t.strangerAnswer(ctx, desk, invitation); err != nil {
		return nil, err
	}
	for i := range t.out {
		t.out[i].Bare = t.In.Trust < Proven
		if t.In.Dialled && (desk.Asks != "" || t.unknown) {
			t.out[i].Question = t.newQuestion()
		}
	}
	t.screen()
	return t.out, room.Memory.SaveDesk(ctx, c.ID, in.Channel, in.From, desk)
}

// decidesInvitation reports whether a stranger accepts or declines what the
// address was invited by, "" for nothing.
func (t *Turn) decidesInvitation(invitation string, desk *Desk) bool {
	if invitation == "" || t.In.Trust < Proven {
		return false
	}
	switch t.Meaning.Intent {
	case understand.Stop:
		return true
	case understand.Yes, understand.No:
		return desk.Asks == ""
	default:
		return false
	}
}

func (t *Turn) strangerAnswer(ctx context.Context, desk *Desk, invitation string) error {
	c := t.Book.Community()
	text := cut(harmless(t.In.Text), 40)
	if t.In.Dialled && desk.Asks == "" && strings.TrimSpace(t.In.Text) == "1" { // as the screen offers
		t.Meaning = understand.Meaning{Intent: understand.Join, Locale: t.locale}
	}
	switch {
	case t.Meaning.Intent != understand.Yes && t.decidesInvitation(invitation, desk):
		desk.Form, desk.Asks = nil, ""
		if _, err := t.Book.DropInvitations(ctx, t.In.Channel, t.In.From); err != nil {
			return err
		}
		t.Say("stranger.stop", nil)
	case t.Meaning.Intent == understand.Stop:
		desk.Form, desk.Asks = nil, ""
		t.Say("stranger.stop", nil)
	case t.In.Trust < Proven && t.Meaning.Intent == understand.Join:
		t.hold()
	case t.In.Trust < Proven && bringsTokens(t.In.Channel): // they may never have written
		t.Say("stranger.unknown", nil)
	case t.Meaning.Intent == understand.Join && t.Meaning.What != "":
		desk.Form, desk.Asks = nil, ""
		return t.join(ctx, Code(t.Meaning.What))
	case invitation != "" && (t.Meaning.Intent == understand.Join || t.Meaning.Intent == understand.Yes && desk.Asks == ""):
		return t.join(ctx, invitation)
	case t.Meaning.Intent == understand.Join:
		desk.Form, desk.Asks = &Form{Command: "join"}, "name"
		t.Say("stranger.ask_name", locales.Args{"community": c.Name})
	case desk.Asks != "" && t.Meaning.Intent == understand.No:
		desk.Form, desk.Asks = nil, ""
		t.Say("answer.left", nil)
	case desk.Asks == "name" && text != "":
		desk.Form.Set("name", text)
		desk.Asks = "place"
		t.Say("stranger.ask_place", nil)
	case desk.Asks == "place" && text != "":
		name := desk.Form.Text("name")
		desk.Form, desk.Asks = nil, ""
		return t.newcomer(ctx, name, text)
	default:
		t.unknown = true
		t.Say("stranger.unknown", nil)
	}
	return nil
}

// harmless takes out of what a stranger wrote whatever would let it pass for
// Crier's own words in a notice.
func harmless(s string) string {
	return oneLine(strings.Map(func(r rune) rune {
		if strings.ContainsRune(".!?;:\"", r) {
			return ' '
		}
		return r
	}, s))
}

// join spends an invitation: the address becomes its member's.
func (t *Turn) join(ctx context.Context, code string) error {
	inv, err := ledger.InvitationByCode(ctx, t.Book.Tx(), code)
	switch {
	case ledger.IsNotFound(err) || err == nil && inv.Community != t.Book.Community().ID:
		t.Say("join.unknown", nil)
		return nil
	case err != nil:
		return err
	case !t.Now().Before(inv.ExpiresAt):
		t.Say("join.expired", nil)
		return nil
	case !inv.UsedAt.IsZero():
		t.Say("join.used", nil)
		return nil
	case inv.Address != "" && (inv.Channel != t.In.Channel || inv.Address != t.In.From) && (t.Member == nil || t.Member.ID != inv.Member):
		t.Say("join.unknown", nil)
		return nil
	}
	channel, address := t.In.Channel, t.In.From
	if inv.Address != "" {
		channel, address = inv.Channel, inv.Address
	}
	if err := t.Book.UseInvitation(ctx, code); err != nil {
		return err
	}
	if err := t.Book.Bind(ctx, inv.Member, channel, address); err != nil {
		return err
	}
	m, err := t.Book.Member(ctx, inv.Member)
	if err != nil {
		return err
	}
	if t.Member == nil {
		t.locale = m.Locale
	}
	if m.Status != ledger.Invited {
		t.Say("join.address_added", locales.Args{"community": t.Book.Community().Name, "name": m.Name})
		return nil
	}
	m.Status = ledger.Active
	if err := t.Book.SaveMember(ctx, m); err != nil {
		return err
	}
	t.Say("join.welcome", locales.Args{"community": t.Book.Community().Name, "name": m.Name, "number": m.Number})
	return nil
}

// newcomer keeps somebody who asks to join, and tells the coordinators.
func (t *Turn) newcomer(ctx context.Context, name, place string) error {
	m, err := t.Book.AddMember(ctx, ledger.NewMember{Name: name, Place: place, Locale: t.locale, Status: ledger.Invited})
	if err != nil {
		return err
	}
	if err := t.Book.Bind(ctx, m.ID, t.In.Channel, t.In.From); err != nil {
		return err
	}
	t.Say("stranger.asked", locales.Args{"community": t.Book.Community().Name})
	for _, c := range t.Names.Coordinators() {
		if _, err := t.Tell(ctx, c.ID, 0, "newcomer.notice", locales.Args{
			"name": name, "place": place, "address": shown(t.In.Channel, t.In.From), "number": m.Number,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Join spends an invitation for a member who writes.
func (t *Turn) Join(ctx context.Context, code string) error { return t.join(ctx, Code(code)) }

// invited answers somebody whose membership waits for a coordinator, or whose
// address a coordinator entered beforehand.
func (t *Turn) invited(_ context.Context) error {
	t.Say("stranger.waiting", locales.Args{"community": t.Book.Community().Name, "coordinator": t.coordinatorName()})
	return nil
}
