package conversation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Turn is one message of one member being answered. Commands get it.
type Turn struct {
	Book    *ledger.Book
	Memory  Memory
	In      Inbound
	Member  *Person            // who speaks
	Names   *Directory         // of the community
	Meaning understand.Meaning // of In.Text
	Key     string             // made from the message: the idempotency key of what it writes, if it is one thing

	engine    *Engine
	talk      *Talk
	before    string // the talk as it was, to know whether it changed
	locale    string // the language of this turn
	shared    bool   // the address serves several members
	replyTo   string // the id of the message that is answered: In's, unless that was held
	answered  *Answered
	cost      func(Outbound) Cost
	wording   map[string]string
	unknown   bool                                  // a stranger was told what they can write
	missed    bool                                  // the message was answered, but not understood
	secret    bool                                  // the message answers a question for a PIN
	answering bool                                  // the message is taken as the answer to a field
	asked     bool                                  // a question was asked in this turn
	openNow   map[ledger.TransferID]ledger.Transfer // what is asked of the member
	out       []Outbound
	log       *slog.Logger
}

// Now is when the message is handled.
func (t *Turn) Now() time.Time { return t.Book.Now() }

// Unit is what the community counts in.
func (t *Turn) Unit() locales.Unit { return unitOf(t.Book.Community()) }

func unitOf(c *ledger.Community) locales.Unit {
	return locales.Unit{Hours: c.UnitKind == ledger.Hours, Decimals: c.Decimals, Words: c.UnitWords}
}

// Printer writes in the language of this turn.
func (t *Turn) Printer() *locales.Printer { return t.printer(t.locale, t.In.answeredOn()) }

// printer writes in a language, for whoever reads it on a channel.
func (t *Turn) printer(locale, channel string) *locales.Printer {
	c := t.Book.Community()
	p := t.engine.catalog.Printer(locale, unitOf(c), t.wording, t.engine.zone(c.Timezone), t.Now())
	if channel == USSD {
		return p.Numbered()
	}
	return p.Avoiding(t.engine.reserved(channel, c.Slug))
}

// Text is a text in the language of this turn.
func (t *Turn) Text(key string, args locales.Args) string { return t.Printer().Text(key, args) }

// Say answers the one who speaks.
func (t *Turn) Say(key string, args locales.Args) { t.SayText(t.Text(key, args)) }

// SayText is Say of a text that is made already.
func (t *Turn) SayText(text string) { t.reply(text, nil, 0) }

func (t *Turn) reply(text string, choices []Choice, question int64) {
	if t.shared {
		text = t.Text("shared.prefix", locales.Args{"first": t.Member.First(), "text": text})
	}
	t.out = append(t.out, Outbound{
		Community: t.Book.Community().Slug, Channel: t.In.answeredOn(), Address: t.In.From, Locale: t.locale, Text: text,
		Choices: choices, Question: question, ReplyTo: t.replyTo, Priority: Replies,
	})
}

// Tell writes to another member, in their language, at the address they last
// used of those that are open. question, if not 0, is what the yes and no of
// the text answer. It reports whether there was such an address: whoever has
// left has none.
func (t *Turn) Tell(ctx context.Context, id ledger.MemberID, question int64, key string, args locales.Args) (bool, error) {
	return t.tell(ctx, id, question, 0, func(p *locales.Printer) string { return p.Text(key, args) })
}

// TellText is Tell of a text that is made for its reader.
func (t *Turn) TellText(ctx context.Context, id ledger.MemberID, text func(*locales.Printer) string) (bool, error) {
	return t.tell(ctx, id, 0, 0, text)
}

func (t *Turn) tell(ctx context.Context, id ledger.MemberID, question int64, number int, text func(*locales.Printer) string) (bool, error) {
	addresses, err := t.open(ctx, id)
	if err != nil {
		return false, err
	}
	if len(addresses) == 0 {
		t.log.Warn("nobody told: the member has no open address", "member", id)
		return false, nil
	}
	person, a := t.Names.Person(id), addresses[0]
	p := t.printer(person.Locale, a.Channel)
	s := text(p)
	if a.Shared {
		if err := t.askWho(ctx, a, id, question); err != nil {
			return false, err
		}
		s = p.Text("shared.prefix", locales.Args{"first": person.First(), "text": s})
	}
	out := Outbound{
		Community: t.Book.Community().Slug, Channel: a.Channel, Address: a.Address, Locale: p.Locale(), Text: s, Priority: Notices,
	}
	if question != 0 {
		out.Question, out.Choices = question, yesNo(p, number)
	}
	t.out = append(t.out, out)
	return true, nil
}

// Reaches reports whether a member has an address that Tell would write to.
func (t *Turn) Reaches(ctx context.Context, id ledger.MemberID) (bool, error) {
	addresses, err := t.open(ctx, id)
	return len(addresses) > 0, err
}

// open are the addresses at which a member may be written to, the one they used
// last first.
func (t *Turn) open(ctx context.Context, id ledger.MemberID) ([]ledger.Address, error) {
	if p := t.Names.Person(id); p == nil || p.Status == ledger.Left {
		return nil, nil
	}
	addresses, err := t.Book.Addresses(ctx, id)
	return slices.DeleteFunc(addresses, func(a ledger.Address) bool { return a.Status != ledger.AddressActive }), err
}

// Post adds a message to somebody, and returns the id that it will have in the
// outbox.
func (t *Turn) Post(out Outbound) int64 {
	out.ID, out.Community = ledger.NewID(t.Now()), t.Book.Community().Slug
	t.out = append(t.out, out)
	return out.ID
}

// PrinterFor writes in a language, for whoever reads it on a channel.
func (t *Turn) PrinterFor(locale, channel string) *locales.Printer { return t.printer(locale, channel) }

// Fits reports whether a channel takes a text at once.
func (t *Turn) Fits(channel, text, locale string) bool {
	fits := t.engine.fits[channel]
	return fits == nil || fits(text, locale)
}

// Cost is what a message of the community would cost.
func (t *Turn) Cost(out Outbound) Cost {
	out.Community = t.Book.Community().Slug
	return t.cost(out)
}

// Zone is the community's time zone.
func (t *Turn) Zone() *time.Location { return t.engine.zone(t.Book.Community().Timezone) }

// Log is for what nobody is told.
func (t *Turn) Log() *slog.Logger { return t.log }

// askWho forgets who writes from a shared address when a question for another
// member of it goes there: the next yes could be either's.
func (t *Turn) askWho(ctx context.Context, a ledger.Address, id ledger.MemberID, question int64) error {
	if question == 0 {
		return nil
	}
	c := t.Book.Community().ID
	desk, err := t.Memory.Desk(ctx, c, a.Channel, a.Address)
	if err != nil || desk.Chosen == int64(id) {
		return err
	}
	desk.Chosen = 0
	return t.Memory.SaveDesk(ctx, c, a.Channel, a.Address, desk)
}

// yesNo are the buttons of a question; number, if not 0, is what tells it from
// others.
func yesNo(p *locales.Printer, number int) []Choice {
	if number > 0 {
		n := " " + strconv.Itoa(number)
		return []Choice{{p.Text("button.yes", nil) + n, "yes"}, {p.Text("button.no", nil) + n, "no"}}
	}
	return []Choice{{p.Text("button.yes", nil), "yes"}, {p.Text("button.no", nil), "no"}}
}

const (
	questionLasts     = 24 * time.Hour
	mailQuestionLasts = 72 * time.Hour // read once a day, answered the next
)

// ask opens the dialog that waits for the answer to text. An open one gives
// way to it.
func (t *Turn) ask(f Form, asks, text string, options []string, choices []Choice) {
	lasts := questionLasts
	if bringsTokens(t.In.Channel) {
		lasts = mailQuestionLasts
	}
	d := &Dialog{
		Question: ledger.NewID(t.Now()), Form: f, Asks: asks, Options: options, Locale: t.locale, Text: text, Choices: choices,
		Asked: t.Now().UnixMicro(), Expires: t.Now().Add(lasts).UnixMicro(), Numbered: t.In.Dialled,
	}
	t.talk.Dialog, t.talk.Latest, t.asked = d, d.Question, true
	t.reply(text, choices, d.Question)
}

// repeat puts the open question once more.
func (t *Turn) repeat() {
	d := t.talk.Dialog
	t.talk.Latest = d.Question
	t.reply(d.Text, d.Choices, d.Question)
}

// Confirm asks a yes-or-no question about a form.
func (t *Turn) Confirm(f *Form, q Question) {
	p := t.Printer()
	t.ask(*f, asksConfirm, p.Text(q.Key, q.Args), nil, yesNo(p, 0))
}

// Offer says text, which numbers some options, and waits for one of them: the
// command's Chosen gets it. labels are for channels with buttons.
func (t *Turn) Offer(f *Form, text string, options, labels []string) {
	choices := make([]Choice, len(options))
	for i := range options {
		choices[i] = Choice{cut(labels[i], 40), strconv.Itoa(i + 1)}
	}
	t.ask(*f, asksOption, text, options, choices)
}

// More keeps f for the member's MORE: the command then runs again with it.
func (t *Turn) More(f *Form) { t.talk.More = f }

// Settle remembers that the last question led to a transfer.
func (t *Turn) Settle(id ledger.TransferID) {
	if t.talk.Last != nil {
		t.talk.Last.Transfer = id
	}
}

// again is how long the same payment counts as perhaps the same text: phones
// and gateways send one twice now and then.
const again = 10 * time.Minute

// PaysAgain reports whether the member has just paid the same without being
// asked, and remembers this payment for the next time.
func (t *Turn) PaysAgain(payee ledger.MemberID, amount ledger.Amount) bool {
	last := t.talk.Paid
	t.talk.Paid = &Paid{payee, amount, t.Now().UnixMicro()}
	return last != nil && last.Payee == payee && last.Amount == amount && t.Now().Sub(ledger.Time(last.At)) < again
}

// Open reports whether a question is open for the member.
func (t *Turn) Open() bool { return t.talk.Dialog != nil && !t.talk.Dialog.expired(t.Now()) }

// Listed is what a number stands for in a command's open list. It reports false
// where none is open that has it.
func (t *Turn) Listed(command string, n int64) (option string, ok bool) {
	if !t.Open() || t.talk.Dialog.Form.Command != command || n < 1 || n > int64(len(t.talk.Dialog.Options)) {
		return "", false
	}
	return t.talk.Dialog.Options[n-1], true
}

// TalkOf changes what is remembered of another member.
func (t *Turn) TalkOf(ctx context.Context, id ledger.MemberID, change func(*Talk)) error {
	if id == t.Member.ID {
		change(t.talk)
		return nil
	}
	c := t.Book.Community().ID
	talk, err := t.Memory.Talk(ctx, c, id)
	if err != nil {
		return err
	}
	change(talk)
	return t.Memory.SaveTalk(ctx, c, id, talk)
}

// Start begins another command with what is known for it.
func (t *Turn) Start(ctx context.Context, command string, values map[string]string) error {
	return t.fill(ctx, &Form{Command: command, ID: ledger.NewID(t.Now()), Values: values})
}

// Contact is how the texts say to reach a member: "Phone +32 470 000 009." It
// is "" where there is no address to show.
func (t *Turn) Contact(ctx context.Context, id ledger.MemberID) (string, error) {
	return t.contact(ctx, id, t.Printer())
}

// ContactFor is Contact in the language of the member who is to read it.
func (t *Turn) ContactFor(ctx context.Context, reader, id ledger.MemberID) (string, error) {
	locale := t.locale
	if p := t.Names.Person(reader); p != nil {
		locale = p.Locale
	}
	return t.contact(ctx, id, t.PrinterFor(locale, ""))
}

func (t *Turn) contact(ctx context.Context, id ledger.MemberID, p *locales.Printer) (string, error) {
	addresses, err := t.Book.Addresses(ctx, id)
	if err != nil {
		return "", err
	}
	var all []string
	for _, a := range addresses {
		key := "contact." + a.Channel
		if text := p.Text(key, locales.Args{"address": shown(a.Channel, a.Address)}); text != key {
			all = append(all, text)
		}
	}
	return strings.Join(all, " "), nil
}

// cut shortens a text to n characters, at a word where it can.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	short := string(r[:n-3])
	if i := strings.LastIndexByte(short, ' '); i > n/2 {
		short = short[:i]
	}
	return short + "..." // three points: the one character for them is not in the alphabet of text messages
}

// Cut shortens a text to n characters, at a word where it can.
func Cut(s string, n int) string { return cut(s, n) }

// Initial is the first letter of a name, for MEMBERS.
func Initial(name string) string { return initial(name) }

// AddressIn recognises a telephone number or a mail address. A number without
// a country is taken for one of the member's own, or of anybody's in the community.
func (t *Turn) AddressIn(ctx context.Context, s string) (channel, address string, err error) {
	if channel, address = addressIn(s, "", ""); channel != "" || !looksLikeTelephone(s) {
		return channel, address, nil
	}
	near, err := t.Book.AddressNear(ctx, "sms", t.Member.ID)
	if err != nil && !ledger.IsNotFound(err) {
		return "", "", err
	}
	channel, address = addressIn(s, near, t.Book.Community().Region)
	return channel, address, nil
}

// Ask goes on with a form: it asks for the next field that is missing.
func (t *Turn) Ask(ctx context.Context, f *Form) error { return t.fill(ctx, f) }

// Settled closes the open question.
func (t *Turn) Settled() { t.settle() }

// Begin starts a command from t.Meaning and what else is known for it.
func (t *Turn) Begin(ctx context.Context, command string, values map[string]string) error {
	c := t.engine.commands[command]
	if c == nil {
		return fmt.Errorf("no command is called %q", command)
	}
	return t.begin(ctx, c, values)
}

// Mail sends a text to the member's mailbox. It reports whether they have one.
func (t *Turn) Mail(ctx context.Context, text string) (bool, error) {
	addresses, err := t.Book.Addresses(ctx, t.Member.ID)
	if err != nil {
		return false, err
	}
	for _, a := range addresses {
		if a.Channel == "email" && a.Status == ledger.AddressActive {
			out := Outbound{
				Community: t.Book.Community().Slug, Channel: a.Channel, Address: a.Address, Locale: t.locale, Text: text, Priority: Replies,
			}
			if t.In.Channel == a.Channel && t.In.From == a.Address {
				out.ReplyTo = t.replyTo
			}
			t.out = append(t.out, out)
			return true, nil
		}
	}
	return false, nil
}

// SendTo writes to an address in a language, though nobody has written from it
// yet.
func (t *Turn) SendTo(channel, address, locale string, priority Priority, key string, args locales.Args) {
	p := t.printer(locale, channel)
	t.out = append(t.out, Outbound{
		Community: t.Book.Community().Slug, Channel: channel, Address: address, Locale: p.Locale(), Text: p.Text(key, args), Priority: priority,
	})
}

// NewCode makes an invitation code.
func (t *Turn) NewCode() string { return t.engine.newCode(t.Book.Community().Slug) }

// Speaks reports whether there are texts in a language.
func (t *Turn) Speaks(locale string) bool { return t.engine.catalog.Has(locale) }

// Languages lists what the languages are called by those who speak them.
func (t *Turn) Languages() string {
	var names []string
	for _, code := range t.engine.catalog.Codes() {
		names = append(names, t.engine.catalog.Name(code))
	}
	return strings.Join(names, ", ")
}
