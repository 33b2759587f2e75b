package conversation

import (
	"context"
	"strconv"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Command is one thing that people can ask for. It is a value: what it needs is
// in its fields, and only its functions hold logic. Its texts are in locales/
// under its name.
type Command struct {
	Name    string
	Intents []understand.Intent // the meanings that call it

	Coordinator bool // only a coordinator may
	Moves       bool // it changes what others see: needs a proven sender and an active member
	Frozen      bool // a frozen member may too
	Aside       bool // it leaves an open question open, and may be asked in the middle of one
	Lookup      bool // it only tells: it may be asked in a member's name by anybody, since the answer goes to the member

	// Shared reports whether what a message asks for is meant for all who share
	// its address, where it is not known who of them writes: Run then does it for
	// each, and nobody is asked. It may be nil.
	Shared func(understand.Meaning) bool

	// Fill puts what a message said into the form, before the engine asks for
	// the Fields that are still missing. It may be nil.
	Fill func(ctx context.Context, t *Turn, f *Form) error

	Fields []Field

	// Confirm returns the yes-or-no question that stands before Run, or nil
	// where none is needed. A no says Name+".no". It may be nil.
	Confirm func(ctx context.Context, t *Turn, f *Form) (*Question, error)

	// Run does it, and says so. It is called once for each form.
	Run func(ctx context.Context, t *Turn, f *Form) error

	// No does what a no means where that is more than saying so. It may be nil.
	No func(ctx context.Context, t *Turn, f *Form) error

	// Told is called with what was answered for a Secret field. It goes on with
	// Turn.Ask, or ends.
	Told func(ctx context.Context, t *Turn, f *Form, field, said string) error

	// Chosen is called when one of the options that Run offered with
	// Turn.Offer is picked.
	Chosen func(ctx context.Context, t *Turn, f *Form, option string) error
}

// Kind is what a field takes for an answer.
type Kind int

// The kinds of field.
const (
	Someone Kind = iota // a member, other than the one who speaks
	HowMuch             // an amount of the community's unit
	Words               // any text
	Secret              // a PIN: the command's Told gets it, and it is kept nowhere
)

// Field is one thing that a command has to know.
type Field struct {
	Name string
	Kind Kind
	Ask  string // key of the question; its text may name the fields before it
}

// Question is a text to be asked.
type Question struct {
	Key  string
	Args locales.Args
}

// Form is what is known so far of a command that a member has asked for. It is
// plain data and outlives a restart.
type Form struct {
	Command string            `json:"command"`
	ID      int64             `json:"id"` // of the ledger write it leads to: chosen now, so that a second yes finds the same
	Values  map[string]string `json:"values,omitempty"`
}

// Has reports whether a field is filled in.
func (f *Form) Has(name string) bool { return f.Values[name] != "" }

// Text is a field as text.
func (f *Form) Text(name string) string { return f.Values[name] }

// Int is a field as a number, 0 where it is none.
func (f *Form) Int(name string) int64 {
	n, _ := strconv.ParseInt(f.Values[name], 10, 64)
	return n
}

// Member is a Someone field.
func (f *Form) Member(name string) ledger.MemberID { return ledger.MemberID(f.Int(name)) }

// Amount is a HowMuch field.
func (f *Form) Amount(name string) ledger.Amount { return ledger.Amount(f.Int(name)) }

// Set fills in a field.
func (f *Form) Set(name, value string) {
	if f.Values == nil {
		f.Values = map[string]string{}
	}
	f.Values[name] = value
}

// SetInt fills in a field with a number.
func (f *Form) SetInt(name string, n int64) { f.Set(name, strconv.FormatInt(n, 10)) }

// What a dialog can wait for beside a field's answer.
const (
	asksConfirm = "?" // a yes or a no
	asksOption  = "#" // the number of an option
)

// Dialog is what Crier waits for from one member, on whichever channel the
// answer comes.
type Dialog struct {
	Question int64    `json:"question"` // changes with every question that is asked
	Form     Form     `json:"form"`
	Asks     string   `json:"asks"`               // a field's name, asksConfirm or asksOption
	Options  []string `json:"options,omitempty"`  // what 1, 2 and 3 stand for
	Locale   string   `json:"locale"`             // the language that the dialog is held in
	Text     string   `json:"text"`               // the question, as it was put
	Choices  []Choice `json:"choices,omitempty"`  // its buttons
	Numbered bool     `json:"numbered,omitempty"` // 1 is a yes to it, and 2 a no
	Asked    int64    `json:"asked"`              // microseconds
	Expires  int64    `json:"expires"`
}

func (d *Dialog) expired(now time.Time) bool { return now.UnixMicro() >= d.Expires }

// Talk is what Crier remembers of the conversation with one member.
type Talk struct {
	Dialog   *Dialog             `json:"dialog,omitempty"`
	Latest   int64               `json:"latest,omitempty"`   // the question put last, a dialog's or a request: what a plain yes is about
	Requests []ledger.TransferID `json:"requests,omitempty"` // what is asked of the member, by the number it was shown under (from 1)
	Shown    int                 `json:"shown,omitempty"`    // how many of those numbers the member has seen
	Told     int64               `json:"told,omitempty"`     // when the last request was told, microseconds
	More     *Form               `json:"more,omitempty"`     // what MORE goes on with
	Misses   int                 `json:"misses,omitempty"`   // how often in a row the member was not understood
	With     ledger.MemberID     `json:"with,omitempty"`     // whom everything the member writes goes to, until DONE
	WithEnds int64               `json:"with_ends,omitempty"`
	Offered  []string            `json:"offered,omitempty"` // languages that were offered already
	Last     *Settled            `json:"last,omitempty"`
	Album    *Album              `json:"album,omitempty"`     // the pictures that came together last
	PINAsked int64               `json:"pin_asked,omitempty"` // when the PIN was asked for that has not come; microseconds
	Flood    Flood               `json:"flood,omitzero"`      // the messages that were answered
	Unclear  Flood               `json:"unclear,omitzero"`    // those of them that were not understood
	Paid     *Paid               `json:"paid,omitempty"`

	// Channel and Address are where the member last wrote from.
	Channel string `json:"channel,omitempty"`
	Address string `json:"address,omitempty"`
}

// Settled remembers the last question that got its answer, for the yes that
// comes twice.
type Settled struct {
	Question int64             `json:"question"`
	Transfer ledger.TransferID `json:"transfer,omitempty"` // the transfer that came of it, if any
	At       int64             `json:"at"`
}

// Paid remembers a payment that went through without a question, for the text
// that comes twice.
type Paid struct {
	Payee  ledger.MemberID `json:"payee"`
	Amount ledger.Amount   `json:"amount"`
	At     int64           `json:"at"`
}

// Desk is what Crier remembers of an address that several people, or one
// person in several communities, write from: who it is at the moment.
type Desk struct {
	Chosen  int64   `json:"chosen,omitempty"`  // a member's id, or a community's at the host's desk
	Until   int64   `json:"until,omitempty"`   // microseconds: then it is asked again, and what was held is dropped
	Options []int64 `json:"options,omitempty"` // what 1, 2 and 3 stand for
	Held    string  `json:"held,omitempty"`    // what was written before the question, kept
	Photos  string  `json:"photos,omitempty"`  // the id of that message, where photos came with it
	Asked   int64   `json:"asked,omitempty"`   // Outbound.Desk of the question with these options

	// Of a stranger.
	Form    *Form `json:"form,omitempty"` // asking to join
	Asks    string
	Answers []int64 `json:"answers,omitempty"` // when the last ones were given

	released string // Photos of the message that is no longer held

	Crowd Flood `json:"crowd,omitzero"` // answers to all strangers, at the desk of everybody
}

// Job is an ad that a member has taken.
type Job struct {
	Ad    int64
	Taker ledger.MemberID
	Share int64 // of a stock, in thousandths
}

// TakesAnew is how long after a member has taken an ad they may mean it anew:
// what is done without a word to Crier does not keep them from it for ever.
const TakesAnew = 24 * time.Hour

// Memory keeps talks and desks. It is part of the transaction that a message
// is handled in.
type Memory interface {
	// Talk returns what is remembered of a member: an empty Talk at first.
	Talk(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) (*Talk, error)
	SaveTalk(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, t *Talk) error

	// Desk returns what is remembered of an address.
	Desk(ctx context.Context, community ledger.CommunityID, channel, address string) (*Desk, error)
	SaveDesk(ctx context.Context, community ledger.CommunityID, channel, address string, d *Desk) error

	// Take notes that a member took an ad; anew is false where they have done so
	// within TakesAnew, and the owner knows. Takers returns who did, oldest
	// first; Given forgets it.
	Take(ctx context.Context, community ledger.CommunityID, ad int64, member ledger.MemberID) (anew bool, err error)
	Takers(ctx context.Context, community ledger.CommunityID, ad int64) ([]ledger.MemberID, error)
	Given(ctx context.Context, community ledger.CommunityID, ad int64, member ledger.MemberID) error

	// JobsOf returns the open jobs of a member, who gives or takes, by ad, who
	// took it first first.
	JobsOf(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) ([]Job, error)

	// NotTold notes that the owner of an ad could not be told of a Job. Untold
	// returns and forgets what the owner of some ads was not told of, oldest
	// first.
	NotTold(ctx context.Context, community ledger.CommunityID, job Job) error
	Untold(ctx context.Context, community ledger.CommunityID, owner ledger.MemberID) ([]Job, error)

	// Gone returns, once, up to n jobs taken since a time whose ad went down after
	// another time, with something left of it. An ad that is put up anew may go
	// again.
	Gone(ctx context.Context, community ledger.CommunityID, taken, went time.Time, n int) ([]Job, error)

	// Asked notes what a request asks to be paid for. Unpaid returns and forgets
	// it; a Job without a number where there is none.
	Asked(ctx context.Context, community ledger.CommunityID, request ledger.TransferID, job Job) error
	Unpaid(ctx context.Context, community ledger.CommunityID, request ledger.TransferID) (Job, error)

	// ClaimPhotos says whose ad the photos that came with a message may go to,
	// and returns their number: 0 where the member has sent too many today, and
	// they are dropped. DropPhotos removes them, and MovePhotos makes them those
	// of another message, which has none.
	ClaimPhotos(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, channel, id string) (int, error)
	DropPhotos(ctx context.Context, community ledger.CommunityID, channel, id string) error
	MovePhotos(ctx context.Context, community ledger.CommunityID, channel, from, to string) error

	// Illustrate gives an ad the member's photos since a time that no ad has,
	// the newest first, and returns how many it took. What does not fit is
	// dropped, and whatever is older.
	Illustrate(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, ad int64, since time.Time) (int, error)

	// Thumbs returns the first photo of each ad, small, of those that came
	// since a time.
	Thumbs(ctx context.Context, community ledger.CommunityID, since time.Time) (map[int64]Photo, error)

	// TakeBack has nothing more go to an address of what waits to be sent, but
	// the answers to what was written from there.
	TakeBack(ctx context.Context, community ledger.CommunityID, channel, address string) error

	// Resubscribe has a member get again what is sent in bulk, wherever they had
	// unsubscribed.
	Resubscribe(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) error

	// PIN returns what is known of a member's PIN, and SavePIN keeps it: one
	// without a hash takes it away.
	PIN(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) (PIN, error)
	SavePIN(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, p PIN) error

	// Wording returns the community's own texts by "locale key".
	Wording(ctx context.Context, community ledger.CommunityID) (map[string]string, error)
}
