package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Engine answers messages. It keeps nothing about anybody between two of them
// but copies of what is in the database.
type Engine struct {
	catalog     *locales.Catalog
	understand  *understand.Understander
	commands    map[string]*Command
	byIntent    map[understand.Intent]*Command
	directories directories
	zones       sync.Map // time zone name to *time.Location
	log         *slog.Logger
	newCode     func(slug string) string
	fits        map[string]func(text, locale string) bool
	allowances  map[string]Allowance
	reserved    func(channel, community string) []string
	chores      []Chore
}

// Fit has what is said on a channel told in pages, each of which fits.
func (e *Engine) Fit(channel string, fits func(text, locale string) bool) { e.fits[channel] = fits }

// Allow bounds what a channel spends on one person.
func (e *Engine) Allow(channel string, a Allowance) { e.allowances[channel] = a }

// Reserve has nobody be taught a word, in capitals, that is reserved where
// messages on a channel to a community's members go.
func (e *Engine) Reserve(reserved func(channel, community string) []string) { e.reserved = reserved }

// Codes has the engine take its invitation codes from newCode, which gets the
// community's short name, instead of making up random ones.
func (e *Engine) Codes(newCode func(slug string) string) { e.newCode = newCode }

// New makes an engine that knows some commands.
func New(catalog *locales.Catalog, u *understand.Understander, commands []Command, log *slog.Logger) (*Engine, error) {
	e := &Engine{
		catalog: catalog, understand: u, log: log, newCode: RandomCode,
		commands: map[string]*Command{}, byIntent: map[understand.Intent]*Command{},
		directories: directories{kept: map[ledger.CommunityID]*Directory{}},
		fits:        map[string]func(text, locale string) bool{},
		allowances:  map[string]Allowance{},
		reserved:    func(string, string) []string { return nil },
	}
	for i := range commands {
		c := &commands[i]
		if e.commands[c.Name] != nil {
			return nil, fmt.Errorf("two commands are called %q", c.Name)
		}
		e.commands[c.Name] = c
		for _, intent := range c.Intents {
			if other := e.byIntent[intent]; other != nil {
				return nil, fmt.Errorf("the commands %q and %q both answer to %q", other.Name, c.Name, intent)
			}
			e.byIntent[intent] = c
		}
	}
	return e, nil
}

// Forward asks for a message to be handled again, in another community and
// perhaps as another text: the host's desk has found out where it belongs.
type Forward struct {
	Community ledger.CommunityID
	Text      string
	Trust     Trust
	Also      []ledger.CommunityID // where it is to be handled as well
}

// Room is where a message is handled: one community's book, and what is
// remembered there, in one transaction.
type Room struct {
	Book     *ledger.Book
	Memory   Memory
	Answered *Answered // what the message has shown the token of; nil: nothing
	Cost     func(Outbound) Cost
}

// Handled is what a message has led to.
type Handled struct {
	Out     []Outbound // what is to be said
	Forward *Forward   // not nil: where the message belongs instead
	Text    string     // the message as it may be kept: without a PIN
}

// Handle answers one message. What it writes is all in the room's transaction;
// an error means that nothing of it may be kept. It recovers from a panic, which
// comes back as an error.
func (e *Engine) Handle(ctx context.Context, room Room, in Inbound) (h Handled, err error) {
	defer func() {
		if p := recover(); p != nil {
			h, err = Handled{}, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	h.Text = Mask(in.Text)
	c := room.Book.Community()
	if c.ID == ledger.Host {
		h.Out, h.Forward, err = e.hostDesk(ctx, room, in)
		return h, err
	}
	members, err := room.Book.MembersAt(ctx, in.Channel, in.From)
	if err != nil {
		return h, err
	}
	if len(members) == 0 {
		h.Out, err = e.stranger(ctx, room, in)
		return h, err
	}
	t, err := e.turn(ctx, room, in)
	if err != nil {
		return h, err
	}
	err = t.heard(ctx, members)
	if t.talk == nil { // it was not found out who speaks
		t.screen()
	}
	if t.secret {
		h.Text = stars(in.Text)
	}
	h.Out = t.out
	return h, err
}

// heard answers a message from an address of members.
func (t *Turn) heard(ctx context.Context, members []ledger.At) error {
	if t.In.Partial {
		t.locale = members[0].Locale
		if may, err := t.mayAnswer(ctx, claimedAnswers, answersWithin); err != nil || !may {
			return err
		}
		t.Say("partial", nil)
		return nil
	}
	if done, err := t.unproven(ctx, members); done || err != nil {
		return err
	}
	speaker := &members[0]
	if len(members) > 1 {
		if done, err := t.stopOrStart(ctx, members); done || err != nil {
			return err
		}
		var err error
		if speaker, err = t.whoSpeaks(ctx, members); err != nil || speaker == nil {
			return err
		}
	}
	return t.take(ctx, speaker, len(members) > 1)
}

// turn prepares to answer a message, before it is known who speaks.
func (e *Engine) turn(ctx context.Context, room Room, in Inbound) (*Turn, error) {
	c := room.Book.Community()
	names, err := e.directories.of(ctx, room.Book)
	if err != nil {
		return nil, err
	}
	wording, err := room.Memory.Wording(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return &Turn{
		Book: room.Book, Memory: room.Memory, In: in, Names: names, Key: in.Channel + " " + in.ID,
		engine: e, cost: room.Cost, wording: wording, locale: c.Locale, answered: room.Answered, replyTo: in.ID,
		log: e.log.With("community", c.Slug, "channel", in.Channel, "message_id", in.ID),
	}, nil
}

// take answers the message of a known speaker.
func (t *Turn) take(ctx context.Context, speaker *ledger.At, shared bool) error {
	c := t.Book.Community()
	if t.Member = t.Names.Person(speaker.ID); t.Member == nil {
		return fmt.Errorf("member %d is not in the directory", speaker.ID)
	}
	t.shared = shared
	t.locale = t.Member.Locale
	t.log = t.log.With("member", t.Member.ID)
	var err error
	if t.talk, err = t.Memory.Talk(ctx, c.ID, t.Member.ID); err != nil {
		return err
	}
	t.before = stateOf(t.talk)
	if t.secret = t.tellsPIN(); !t.secret {
		t.In.Text = maskNamed(t.In.Text)
	}
	t.Meaning = t.engine.understand.Understand(understand.Input{
		Text: t.In.Text, Locale: t.Member.Locale, Unit: understandUnit(c), UnitWords: t.Unit().AllWords(), Names: t.Names,
	})
	t.takeQuestion()
	if t.In.Trust < Proven {
		return t.answerClaimed(ctx)
	}
	if err := t.touch(ctx, speaker); err != nil {
		return err
	}
	if err := t.answerOnce(ctx, speaker); err != nil {
		return err
	}
	t.screen()
	if t.before == stateOf(t.talk) {
		return nil
	}
	return t.Memory.SaveTalk(ctx, c.ID, t.Member.ID, t.talk)
}

// answerOnce answers a message, unless there have been too many.
func (t *Turn) answerOnce(ctx context.Context, speaker *ledger.At) error {
	if t.In.Dialled {
		return t.dialled(ctx, speaker)
	}
	if t.Open() && t.talk.Dialog.Form.Command == menuCommand { // a menu is a screen's: a text is no answer to it
		t.settle()
	}
	a := t.engine.allowances[t.In.Channel]
	// A first STOP always counts: of what follows it nobody needs to hear.
	stops := t.Meaning.Intent == understand.Stop && speaker.Address.Status != ledger.AddressStopped
	// So does what decides an open question: what came in their name before it may not have been theirs.
	if ok, first := t.talk.Flood.take(t.Now(), a.Burst, a.Every); !ok && !stops && !t.decides() {
		t.log.Warn("too many messages: no answer")
		if first {
			t.Say("flood.slow", nil)
		}
		return nil
	}
	if err := t.answer(ctx, speaker); err != nil {
		return err
	}
	t.sayUnusable()
	t.offerLanguage()
	t.page()
	return nil
}

// decides reports whether the message answers an open question so that it is
// over, or costs a try at a PIN.
func (t *Turn) decides() bool {
	if !t.Open() {
		return false
	}
	switch t.talk.Dialog.Asks {
	case asksConfirm:
		return t.Meaning.Intent == understand.Yes || t.Meaning.Intent == understand.No
	case asksPIN, asksCode:
		return figuresIn(t.In.Text) != ""
	}
	return false
}

// talking reports whether what the member writes goes to a person.
func (t *Turn) talking() bool {
	return t.talk.With != 0 && t.Now().UnixMicro() < t.talk.WithEnds
}

// stateOf is a Talk by value, to know whether it changed.
func stateOf(t *Talk) string {
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // plain data always marshals
	}
	return string(data)
}

// touch notes the address as the one last used, so that notices go there. Once
// an hour is enough for that, unless another one was used since.
func (t *Turn) touch(ctx context.Context, at *ledger.At) error {
	if t.Now().Sub(at.Address.UsedAt) < time.Hour && t.talk.Channel == t.In.Channel && t.talk.Address == t.In.From {
		return nil
	}
	t.talk.Channel, t.talk.Address = t.In.Channel, t.In.From
	return t.Book.Touch(ctx, t.Member.ID, t.In.Channel, t.In.From)
}

func understandUnit(c *ledger.Community) understand.Unit {
	if c.UnitKind == ledger.Hours {
		return understand.Hours
	}
	return understand.Units
}

// answer finds out what the message is to the member's talk, and answers it.
func (t *Turn) answer(ctx context.Context, at *ledger.At) error {
	t.chooseLocale()
	switch {
	case t.Meaning.Intent == understand.Stop:
		return t.stop(ctx)
	case t.Meaning.Intent == understand.Start && at.Address.Status != ledger.AddressActive:
		return t.start(ctx)
	case at.Address.Status == ledger.AddressPaused: // it works again: somebody writes from it
		if _, err := t.Book.SetAddressStatus(ctx, t.In.Channel, t.In.From, ledger.AddressActive, ""); err != nil {
			return err
		}
		if err := t.tellUntold(ctx, t.Member.ID); err != nil {
			return err
		}
	case at.Address.Status == ledger.AddressStopped:
		if t.Meaning.Intent == understand.Help {
			t.Say("help", nil)
		}
		t.Say("stop.hint", nil)
		return nil
	}
	if t.Member.Status != ledger.Invited {
		if done, err := t.takePictures(ctx); done || err != nil {
			return err
		}
	}
	switch {
	case t.Member.Status == ledger.Invited && (t.Meaning.Intent != understand.Join || t.Meaning.What == ""):
		return t.invited(ctx)
	case t.In.Edited:
		t.Say("edited", nil)
		if t.Open() {
			t.repeat()
		}
		return nil
	case strings.TrimSpace(t.In.Text) == "":
		if t.Open() { // what was written could not be kept until it was known who wrote it
			t.repeat()
			return nil
		}
		t.Say("empty", nil)
		return nil
	case t.talking() && t.In.Question == 0 && !t.tellsPIN() && !t.answersScreen():
		return t.passOn(ctx)
	}
	understood, err := t.dispatch(ctx)
	if err = t.refuse(err); err != nil {
		return err
	}
	if !understood && t.In.Kept > 0 { // what is in the picture
		return t.refuse(t.begin(ctx, t.engine.commands[photoCommand], nil))
	}
	if !understood {
		t.missed = true
		return t.notUnderstood(ctx)
	} else if !t.missed {
		t.talk.Misses = 0
	}
	return nil
}

// chooseLocale decides which language the answer is in: the one the message is
// in, if that is sure. A yes or a number says little about it, so an open
// dialog goes on in its own.
func (t *Turn) chooseLocale() {
	switch t.Meaning.Intent {
	case understand.Unknown, understand.Yes, understand.No:
	default:
		if t.engine.catalog.Has(t.Meaning.Locale) {
			t.locale = t.Meaning.Locale
			return
		}
	}
	if t.Open() && t.talk.Dialog.Locale != "" {
		t.locale = t.talk.Dialog.Locale
	}
}

// dispatch takes the message as an answer to what is open, or as a command.
func (t *Turn) dispatch(ctx context.Context) (understood bool, err error) {
	if t.In.Question != 0 {
		return true, t.pressed(ctx)
	}
	if t.Open() {
		if done, err := t.answerDialog(ctx); done || err != nil {
			return true, err
		}
	}
	switch t.Meaning.Intent {
	case understand.Yes, understand.No:
		return true, t.yesOrNo(ctx, t.Meaning.Intent == understand.Yes, t.Meaning.What)
	case understand.More:
		return true, t.more(ctx)
	case understand.Clarify:
		return t.Meaning.Reason != "", t.clarify(ctx)
	case understand.Human:
		t.askForHuman()
		return true, nil
	case understand.Unknown:
		return false, nil
	default:
		c := t.engine.byIntent[t.Meaning.Intent]
		if c == nil {
			return false, nil
		}
		return true, t.begin(ctx, c, nil)
	}
}

// begin starts a command from what the message said.
func (t *Turn) begin(ctx context.Context, c *Command, values map[string]string) error {
	f := &Form{Command: c.Name, ID: ledger.NewID(t.Now()), Values: values}
	t.talk.More = nil
	if err := t.allowed(c); err != nil {
		return err
	}
	if c.Fill != nil {
		if err := c.Fill(ctx, t, f); err != nil || t.asked {
			return err
		}
	}
	return t.fill(ctx, f)
}

// allowed says whether the speaker may use a command at all.
func (t *Turn) allowed(c *Command) error {
	switch {
	case c.Coordinator && t.Member.Role != ledger.Coordinator:
		return &Refusal{Key: "refuse.coordinators"}
	case c.Moves && t.In.Trust < Proven:
		return &Refusal{Key: "refuse.untrusted"}
	case c.Moves && !c.Frozen && t.Member.Status == ledger.Frozen:
		return &ledger.StatusError{Member: t.Member.ID, Status: ledger.Frozen}
	}
	return nil
}

// fill asks for the first field that is missing, then for a yes, then runs the
// command.
func (t *Turn) fill(ctx context.Context, f *Form) error {
	c := t.engine.commands[f.Command]
	if c == nil {
		return fmt.Errorf("no command is called %q", f.Command)
	}
	for _, field := range c.Fields {
		if !f.Has(field.Name) {
			t.askField(f, field)
			return nil
		}
	}
	if c.Confirm != nil {
		q, err := c.Confirm(ctx, t, f)
		if err != nil {
			return err
		}
		if q != nil {
			t.Confirm(f, *q)
			return nil
		}
	}
	return t.run(ctx, c, f)
}

func (t *Turn) askField(f *Form, field Field) {
	args := locales.Args{}
	for name, value := range f.Values {
		args[name] = value
		if id, err := strconv.ParseInt(value, 10, 64); err == nil {
			if p := t.Names.Person(ledger.MemberID(id)); p != nil {
				args[name] = p.Name
			}
		}
	}
	args["unit"] = t.unitWords()
	t.ask(*f, field.Name, t.Text(field.Ask, args), nil, nil)
}

// unitWords is the plural of the unit.
func (t *Turn) unitWords() string {
	if t.Unit().Hours {
		return t.Text("unit.name", nil)
	}
	many := t.Printer().Value(locales.Sum(7 * pow10(t.Unit().Decimals)))
	_, words, _ := strings.Cut(many, " ")
	return words
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func (t *Turn) run(ctx context.Context, c *Command, f *Form) error {
	if !c.Aside {
		t.settle()
	}
	return c.Run(ctx, t, f)
}

// settle closes the open dialog, and remembers its question for a second yes.
func (t *Turn) settle() {
	if d := t.talk.Dialog; d != nil {
		t.talk.Last = &Settled{Question: d.Question, At: t.Now().UnixMicro()}
		t.talk.Dialog = nil
	}
}

// more goes on with the page that the member saw last.
func (t *Turn) more(ctx context.Context) error {
	f := t.talk.More
	if f != nil && f.Command == pageCommand {
		t.talk.More = nil
		t.nextPage(f)
		return nil
	}
	if f == nil || t.engine.commands[f.Command] == nil {
		t.Say("more.none", nil)
		return nil
	}
	t.talk.More = nil
	return t.engine.commands[f.Command].Run(ctx, t, f)
}

func (e *Engine) zone(name string) *time.Location {
	if z, ok := e.zones.Load(name); ok {
		return z.(*time.Location)
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		z = time.UTC // names are checked when they are set; a host may lack the zone's data all the same
	}
	e.zones.Store(name, z)
	return z
}

// Refusal is an error that is told to the member: a text and what it names.
type Refusal struct { //nolint:errname // it is named for what the member is told
	Key  string
	Args locales.Args
}

func (r *Refusal) Error() string { return r.Key }

// refuse tells the member of an error that they can understand. Any other is
// returned: then nothing of the turn is kept.
func (t *Turn) refuse(err error) error {
	if err == nil {
		return nil
	}
	var refusal *Refusal
	var limit *ledger.LimitError
	var status *ledger.StatusError
	switch {
	case errors.As(err, &refusal):
		t.Say(refusal.Key, refusal.Args)
	case errors.As(err, &limit):
		t.sayLimit(limit)
	case errors.As(err, &status) && status.Member == t.Member.ID:
		t.Say("refuse.you_are_frozen", locales.Args{"coordinator": t.coordinatorName()})
	case errors.As(err, &status):
		t.Say("refuse.they_are_"+string(status.Status), locales.Args{"name": t.NameOf(ledger.AccountID(status.Member))})
	case errors.Is(err, ledger.ErrSameAccount):
		t.Say("refuse.yourself", nil)
	case errors.Is(err, ledger.ErrBadAmount):
		t.Say("refuse.amount", nil)
	case errors.Is(err, ledger.ErrNotPending), errors.Is(err, ledger.ErrReversed), errors.Is(err, ledger.ErrNotCompleted),
		errors.Is(err, ledger.ErrNotAllowed), errors.Is(err, ledger.ErrTaken):
		t.Say("answer.too_late", nil)
	default:
		return err
	}
	t.settle()
	return nil
}

func (t *Turn) sayLimit(e *ledger.LimitError) {
	switch {
	case !e.Payer:
		t.Say("refuse.payee_limit", locales.Args{"name": t.NameOf(e.Account), "room": locales.Sum(e.Room())})
	case e.Account != t.Member.Account():
		t.Say("refuse.payer_limit", locales.Args{"name": t.NameOf(e.Account)})
	case e.Room() == 0:
		t.Say("refuse.limit_none", nil)
	default:
		t.Say("refuse.limit", locales.Args{"room": locales.Sum(e.Room())})
	}
}

// NameOf is the name of an account's member, or of the community for its own.
func (t *Turn) NameOf(id ledger.AccountID) string {
	if p := t.Names.Person(ledger.MemberID(id)); p != nil {
		return p.Called
	}
	return t.Book.Community().Name
}

// coordinatorName is whom to turn to.
func (t *Turn) coordinatorName() string {
	if all := t.Names.Coordinators(); len(all) > 0 {
		return all[0].Name
	}
	return t.Book.Community().Name
}

// Apologize answers a message that could not be handled, whatever went wrong:
// reference is also in the log.
func (e *Engine) Apologize(book *ledger.Book, in Inbound, reference string) []Outbound {
	c := book.Community()
	p := e.catalog.Printer(orLocale(in.Locale, c.Locale), unitOf(c), nil, time.UTC, book.Now())
	return []Outbound{{
		Community: c.Slug, Channel: in.answeredOn(), Address: in.From, Locale: p.Locale(),
		Text: p.Text("failed.sorry", locales.Args{"reference": reference}), ReplyTo: in.ID, Priority: Replies,
	}}
}

// Pause notes that an address takes no more messages, and tells the
// coordinators, once, whose it is.
func (e *Engine) Pause(ctx context.Context, room Room, channel, address, reason string) ([]Outbound, error) {
	at, err := room.Book.MembersAt(ctx, channel, address)
	if err != nil || len(at) == 0 || at[0].Address.Status != ledger.AddressActive {
		return nil, err
	}
	if _, err := room.Book.SetAddressStatus(ctx, channel, address, ledger.AddressPaused, reason); err != nil {
		return nil, err
	}
	return e.tellCoordinators(ctx, room, at[0].ID, func(p *locales.Printer) string {
		return p.Text("paused.notice", locales.Args{
			"name": at[0].Name, "number": at[0].Number, "channel": p.Text("channel."+channel, nil),
		})
	})
}

// Unreachable tells the coordinators that what they had sent to an address that
// is nobody's yet does not arrive.
func (e *Engine) Unreachable(ctx context.Context, room Room, channel, address string) ([]Outbound, error) {
	return e.tellCoordinators(ctx, room, 0, func(p *locales.Printer) string {
		return p.Text("invite.unreachable", locales.Args{"address": shown(channel, address)})
	})
}

// tellCoordinators writes to all coordinators but one.
func (e *Engine) tellCoordinators(ctx context.Context, room Room, but ledger.MemberID, text func(*locales.Printer) string) ([]Outbound, error) {
	t, err := e.turn(ctx, room, Inbound{})
	if err != nil {
		return nil, err
	}
	for _, c := range t.Names.Coordinators() {
		if c.ID == but {
			continue
		}
		if _, err := t.tell(ctx, c.ID, 0, 0, text); err != nil {
			return nil, err
		}
	}
	return t.out, nil
}
