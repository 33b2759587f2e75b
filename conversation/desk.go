package conversation

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// The desk is where it is found out who writes, before anything else: an
// address may serve several members, one member may be in several communities,
// and a stranger may want to join.

// deskLasts is how long an answer to "who is writing?" holds after the last
// message.
const deskLasts = 15 * time.Minute

// whoSpeaks finds out which of the members who share an address writes. It
// returns nil where it had to ask: what was written is kept for then.
func (t *Turn) whoSpeaks(ctx context.Context, members []ledger.At) (*ledger.At, error) {
	c := t.Book.Community()
	if t.In.Question != 0 {
		if asked, err := t.askedOf(ctx, members); asked != nil || err != nil {
			return asked, err
		}
	}
	desk, err := t.Memory.Desk(ctx, c.ID, t.In.Channel, t.In.From)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(members))
	for i := range members {
		ids[i] = int64(members[i].ID)
	}
	t.locale = members[0].Locale
	name := func(id int64) string {
		if p := t.Names.Person(ledger.MemberID(id)); p != nil {
			return p.Name
		}
		return ""
	}
	if t.In.dialsAnew() {
		desk.Chosen = 0 // perhaps another of them: not to see what the last one did
	}
	asked := *desk
	chosen, text := desk.choose(t.In, ids, name, t.engine.choice(t.locale), t.engine.says(t.locale), t.Now())
	var all *Command
	if chosen == 0 {
		if all = t.forAll(); all != nil {
			*desk = asked
		}
	}
	may := chosen != 0 || t.In.Dialled || desk.mayAnswer(t.Now(), strangerAnswers, answersWithin)
	if err := t.Memory.SaveDesk(ctx, c.ID, t.In.Channel, t.In.From, desk); err != nil {
		return nil, err
	}
	if !may {
		t.log.Warn("too many questions who writes: no answer")
		return nil, nil
	}
	if all != nil {
		return nil, t.runForAll(ctx, all, members)
	}
	if chosen == 0 {
		t.out = append(t.out, deskQuestion(t.printer(members[0].Locale, t.In.answeredOn()), t.In, t.replyTo, c.Slug, "desk.who", desk, name))
		return nil, nil
	}
	t.In.Text = text
	if desk.released != "" && t.In.Kept == 0 {
		t.In.Kept = 1
		if err := t.Memory.MovePhotos(ctx, c.ID, t.In.Channel, desk.released, t.In.ID); err != nil {
			return nil, err
		}
	}
	for i := range members {
		if int64(members[i].ID) == chosen {
			return &members[i], nil
		}
	}
	return nil, nil
}

// forAll is the command that a message asks for, where that is meant for all who
// share its address; else nil.
func (t *Turn) forAll() *Command {
	if t.In.Trust < Proven {
		return nil
	}
	t.Meaning = t.engine.understand.Understand(understand.Input{Text: t.In.Text, Locale: t.locale, Unit: understandUnit(t.Book.Community())})
	if c := t.engine.byIntent[t.Meaning.Intent]; c != nil && c.Shared != nil && c.Shared(t.Meaning) {
		return c
	}
	return nil
}

// runForAll runs a command for each of those who share an address, and says what
// came of it once.
func (t *Turn) runForAll(ctx context.Context, c *Command, members []ledger.At) error {
	before := len(t.out)
	for i := range members {
		t.Member, t.out = t.Names.Person(members[i].ID), t.out[:before]
		if t.Member == nil {
			return fmt.Errorf("member %d is not in the directory", members[i].ID)
		}
		if err := c.Run(ctx, t, &Form{Command: c.Name}); err != nil {
			return err
		}
	}
	return nil
}

// says tells a message from a mere word.
func (e *Engine) says(locale string) func(string) bool {
	return func(text string) bool {
		return e.understand.Understand(understand.Input{Text: text, Locale: locale, Unit: understand.Units}).Intent != understand.Unknown
	}
}

// askedOf returns the member whom the question of a pressed button was put to:
// nobody else can answer it.
func (t *Turn) askedOf(ctx context.Context, members []ledger.At) (*ledger.At, error) {
	tr, err := t.Book.Transfer(ctx, ledger.TransferID(t.In.Question))
	if err != nil && !ledger.IsNotFound(err) {
		return nil, err
	}
	for i := range members {
		m := &members[i]
		if err == nil && tr.Payer == m.Account() {
			return m, nil
		}
		talk, err := t.Memory.Talk(ctx, t.Book.Community().ID, m.ID)
		if err != nil {
			return nil, err
		}
		if talk.Dialog != nil && talk.Dialog.Question == t.In.Question || talk.Last != nil && talk.Last.Question == t.In.Question {
			return m, nil
		}
	}
	return nil, nil
}

// choice reads the number of an option.
func (e *Engine) choice(locale string) func(string) (int, bool) {
	return func(text string) (int, bool) { return e.understand.Choice(text, locale) }
}

// choose decides for whom of ids a message is, and returns it with the text
// that is then to be answered. It returns 0 where that has to be asked. choice
// reads the number of an option; says tells a message from a mere word.
func (d *Desk) choose(in Inbound, ids []int64, name func(int64) string, choice func(string) (int, bool), says func(string) bool, now time.Time) (chosen int64, text string) {
	keep := func(id int64) {
		d.Chosen, d.Until, d.Options, d.Held, d.Photos = id, now.Add(deskLasts).UnixMicro(), nil, "", ""
	}
	known := func(id int64) bool {
		for _, one := range ids {
			if one == id {
				return true
			}
		}
		return false
	}
	// "maria: balance" says it in the message.
	if before, after, ok := strings.Cut(in.Text, ":"); ok && strings.TrimSpace(after) != "" {
		if id := named(before, ids, name); id != 0 {
			keep(id)
			return id, strings.TrimSpace(after)
		}
	}
	if now.UnixMicro() >= d.Until { // whatever was said or asked then is too old to go by
		d.Chosen, d.Options, d.Held, d.Photos = 0, nil, "", ""
	}
	if len(d.Options) > 0 {
		held, photos := d.Held, d.Photos
		if n, ok := choice(in.Text); ok && n >= 1 && n <= len(d.Options) && known(d.Options[n-1]) {
			keep(d.Options[n-1])
			d.released = photos
			return d.Chosen, held
		}
		if id := named(in.Text, ids, name); id != 0 {
			keep(id)
			d.released = photos
			return id, held
		}
		if held != "" && !says(in.Text) { // a number or a name that nobody has: what was said first still holds
			d.Options, d.Asked = ids, ledger.NewID(now)
			return 0, ""
		}
	}
	if len(d.Options) == 0 && d.Chosen != 0 && known(d.Chosen) {
		keep(d.Chosen)
		return d.Chosen, in.Text
	}
	d.Chosen, d.Options, d.Held, d.Until, d.Asked = 0, ids, keepable(in.Text), now.Add(deskLasts).UnixMicro(), ledger.NewID(now)
	if d.Photos = ""; in.Kept > 0 {
		d.Photos = in.ID
	}
	return 0, ""
}

// writesWith reports whether the sender has lately written to one of some
// communities.
func (d *Desk) writesWith(communities []ledger.CommunityID, now time.Time) bool {
	return now.UnixMicro() < d.Until && len(d.Options) == 0 && slices.Contains(communities, ledger.CommunityID(d.Chosen))
}

// keepable is a text as it may be kept until somebody says who wrote it: not a
// PIN, which has to be written again.
func keepable(text string) string {
	if Secretive(text) {
		return ""
	}
	return text
}

// named finds the only one of ids whose name begins with what was written.
func named(text string, ids []int64, name func(int64) string) int64 {
	text = fold(text)
	if text == "" || len(text) > 60 {
		return 0
	}
	var found int64
	for _, id := range ids {
		full := fold(name(id))
		if full == text || strings.HasPrefix(full, text+" ") {
			if found != 0 {
				return 0
			}
			found = id
		}
	}
	return found
}

func deskQuestion(p *locales.Printer, in Inbound, replyTo, slug, key string, desk *Desk, name func(int64) string) Outbound {
	var list []string
	var choices []Choice
	for i, id := range desk.Options {
		n := strconv.Itoa(i + 1)
		list = append(list, n+" "+name(id))
		choices = append(choices, Choice{cut(name(id), 40), n})
	}
	return Outbound{
		Community: slug, Channel: in.answeredOn(), Address: in.From, Locale: p.Locale(),
		Text: p.Text(key, locales.Args{"list": strings.Join(list, "  ")}), Choices: choices, ReplyTo: replyTo, Priority: Replies, Desk: desk.Asked,
	}
}

// hostDesk takes a message that belongs to no community yet: from somebody in
// several, or from a stranger with an invitation.
func (e *Engine) hostDesk(ctx context.Context, room Room, in Inbound) ([]Outbound, *Forward, error) {
	tx, now := room.Book.Tx(), room.Book.Now()
	communities, err := ledger.Route(ctx, tx, in.Channel, in.From)
	if err != nil {
		return nil, nil, err
	}
	if id, err := e.invitedTo(ctx, tx, in, len(communities) == 0); err != nil || id != 0 {
		return nil, &Forward{Community: id, Text: in.Text, Trust: in.Trust}, err
	}
	printer := e.catalog.Printer(in.Locale, locales.Unit{}, nil, time.UTC, now)
	desk, err := room.Memory.Desk(ctx, ledger.Host, in.Channel, in.From)
	if err != nil {
		return nil, nil, err
	}
	switch len(communities) {
	case 0:
		if may, err := e.mayAnswerStranger(ctx, room, desk, in, false); err != nil || !may {
			return nil, nil, err
		}
		if err := room.Memory.SaveDesk(ctx, ledger.Host, in.Channel, in.From, desk); err != nil {
			return nil, nil, err
		}
		meaning := e.understand.Understand(understand.Input{Text: in.Text, Locale: printer.Locale(), Unit: understand.Units})
		p := e.catalog.Printer(orLocale(in.Locale, meaning.Locale), locales.Unit{}, nil, time.UTC, now)
		return []Outbound{{
			Channel: in.answeredOn(), Address: in.From, Locale: p.Locale(), Text: p.Text("stranger.unknown", nil), ReplyTo: in.ID, Priority: Replies,
			Bare: in.Trust < Proven,
		}}, nil, nil
	case 1:
		return nil, &Forward{Community: communities[0], Text: in.Text, Trust: in.Trust}, nil
	}
	ids := make([]int64, len(communities))
	names := map[int64]string{}
	for i, id := range communities {
		book, err := ledger.Read(ctx, tx, id, now)
		if err != nil {
			return nil, nil, err
		}
		ids[i], names[int64(id)] = int64(id), book.Community().Name
		if i == 0 {
			at, err := book.MembersAt(ctx, in.Channel, in.From)
			if err != nil {
				return nil, nil, err
			}
			if len(at) > 0 {
				printer = e.catalog.Printer(at[0].Locale, locales.Unit{}, nil, time.UTC, now)
			}
		}
	}
	name := func(id int64) string { return names[id] }
	replyTo := in.ID
	in, out, err := e.hostUnproven(ctx, room, in, desk, printer)
	if out != nil || err != nil {
		return out, nil, err
	}
	switch intent := e.understand.Understand(understand.Input{Text: in.Text, Locale: printer.Locale()}).Intent; {
	case intent == understand.Switch, in.dialsAnew():
		desk.Chosen = 0 // who dials anew cannot be asked to write a word first
	case intent == understand.Stop && in.Trust >= Proven && !desk.writesWith(communities, now): // it is not to wait for an answer
		desk.Options, desk.Held = nil, ""
		return nil, &Forward{communities[0], in.Text, in.Trust, communities[1:]}, room.Memory.SaveDesk(ctx, ledger.Host, in.Channel, in.From, desk)
	}
	chosen, text := desk.choose(in, ids, name, e.choice(printer.Locale()), e.says(printer.Locale()), now)
	if err := room.Memory.SaveDesk(ctx, ledger.Host, in.Channel, in.From, desk); err != nil {
		return nil, nil, err
	}
	if chosen == 0 {
		return []Outbound{deskQuestion(printer, in, replyTo, "", "desk.community", desk, name)}, nil, nil
	}
	if from := cmp.Or(desk.released, in.ID); from != replyTo { // what is forwarded is the message that has said where to
		if err := room.Memory.MovePhotos(ctx, ledger.Host, in.Channel, from, replyTo); err != nil {
			return nil, nil, err
		}
	}
	return nil, &Forward{Community: ledger.CommunityID(chosen), Text: text, Trust: in.Trust}, nil
}

// hostUnproven deals with a claimed message to the host's desk from an address
// in several communities, as Turn.unproven does in one. What it returns, where
// it returns nothing to say, is to be taken instead.
func (e *Engine) hostUnproven(ctx context.Context, room Room, in Inbound, desk *Desk, p *locales.Printer) (Inbound, []Outbound, error) {
	say := func(key string, args locales.Args) []Outbound {
		return []Outbound{{
			Channel: in.answeredOn(), Address: in.From, Locale: p.Locale(), Text: p.Text(key, args), ReplyTo: in.ID, Priority: Replies,
		}}
	}
	if a := room.Answered; a != nil && a.Held != nil {
		switch e.understand.Understand(understand.Input{Text: in.Text, Locale: p.Locale()}).Intent {
		case understand.Yes:
			held := *a.Held
			held.Trust, a.Used = Proven, true
			return held, nil, nil
		case understand.No:
			a.Used = true
			return in, say("held.dropped", nil), nil
		default: // something else, which this token does not prove
		}
	}
	if in.Trust == Proven {
		return in, nil, nil
	}
	if a := room.Answered; a.atDesk(desk) && e.isChoice(in.Text, p.Locale(), desk) {
		in.Trust, a.Used = Proven, true
		return in, nil, nil
	}
	if !bringsTokens(in.Channel) {
		return in, say("refuse.untrusted", nil), nil
	}
	if !desk.mayAnswer(room.Book.Now(), claimedAnswers, answersWithin) {
		return in, []Outbound{}, nil
	}
	if err := room.Memory.SaveDesk(ctx, ledger.Host, in.Channel, in.From, desk); err != nil {
		return in, nil, err
	}
	m := e.understand.Understand(understand.Input{Text: in.Text, Locale: p.Locale(), Unit: understand.Units})
	key, holds := held(in.Text, m.Intent)
	out := say(key, locales.Args{"text": Mask(oneLine(in.Text)), "n": mostHeld})
	out[0].Holds = holds
	if holds {
		out[0].Choices = yesNo(p, 0)
	}
	return in, out, nil
}

// isChoice reports whether a text is the number of one of the desk's options.
func (e *Engine) isChoice(text, locale string, desk *Desk) bool {
	n, ok := e.understand.Choice(text, locale)
	return ok && n >= 1 && n <= len(desk.Options)
}

// invitedTo returns the community of the invitation that a message holds, or of
// the one that a stranger has.
func (e *Engine) invitedTo(ctx context.Context, tx ledger.Tx, in Inbound, stranger bool) (ledger.CommunityID, error) {
	m := e.understand.Understand(understand.Input{Text: in.Text, Locale: in.Locale, Unit: understand.Units})
	if m.Intent != understand.Join || m.What == "" {
		if !stranger {
			return 0, nil
		}
		return ledger.InvitedTo(ctx, tx, in.Channel, in.From, in.At)
	}
	inv, err := ledger.InvitationByCode(ctx, tx, Code(m.What))
	if ledger.IsNotFound(err) {
		return 0, nil
	}
	return inv.Community, err
}

func orLocale(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Code brings an invitation code into the form it is kept in.
func Code(s string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s), " ", "-"))
}

// codeAlphabet leaves out what is taken for something else when read aloud.
const codeAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

// RandomCode makes an invitation code that cannot be guessed: RIVER-7KQ2MH.
func RandomCode(slug string) string {
	random := make([]byte, 6)
	for i := range random {
		random[i] = codeAlphabet[below(len(codeAlphabet))]
	}
	word := strings.ToUpper(slug)
	if i := strings.IndexByte(word, '-'); i > 0 {
		word = word[:i]
	}
	return word + "-" + string(random)
}

func below(n int) int {
	for {
		var b [1]byte
		_, _ = rand.Read(b[:]) // never fails
		if int(b[0]) < 256/n*n {
			return int(b[0]) % n
		}
	}
}
