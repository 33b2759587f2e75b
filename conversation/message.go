// Package conversation is how Crier talks: it finds out who speaks, understands
// what they wrote, asks what is missing, makes the one call on the ledger that
// follows, and returns what is to be said, to whom, in which language. It knows
// the ledger and no channel.
package conversation

import (
	"context"
	"strings"
	"time"
)

// Trust is how far a channel can vouch for the address a message came from.
type Trust int

const (
	// Claimed says that anybody could have put that address there. Nothing moves.
	Claimed Trust = iota
	// Proven says that the channel knows that the message came from that address.
	Proven
)

// String is "proven" or "claimed".
func (t Trust) String() string {
	if t == Proven {
		return "proven"
	}
	return "claimed"
}

// USSD is the channel of the answers to Inbound.Dialled: somebody has dialled a
// code and waits before a screen. It is no channel that anybody can be written
// to otherwise.
const USSD = "ussd"

// Inbound is one message from a person, as a channel heard it.
type Inbound struct {
	Channel string    // "sms", "email", "telegram", "phone" …: the channel's Name
	ID      string    // the channel's own id of the message: (Channel, ID) is handled once
	From    string    // the address it came from, in its canonical form (E.164, lower-case mail address, chat id)
	Name    string    // what the sender calls themselves there, if the channel says; never used to identify
	Text    string    // what they wrote; at most 1 MiB, longer is cut by the channel
	At      time.Time // when the channel heard it
	Trust   Trust

	// Community is the slug of the community that the receiving number, bot or
	// mailbox serves, or "" where it serves all.
	Community string

	// Locale is the language the channel believes the sender uses ("fr"), or "".
	Locale string

	// Question is the id of the question that this message answers, where the
	// channel knows it for sure, as with a pressed button. 0: it was typed.
	Question int64

	// Edited says that the text replaces one that was sent before.
	Edited bool

	// Answers is the ID of the Outbound that this message answers, where it
	// shows a token that only whoever got that Outbound can have. It proves the
	// sender once, and only for the answer to what that Outbound asks. 0: none.
	Answers int64

	// Thread is whatever the channel needs to answer in the same thread: it
	// comes back as Outbound.Thread. At most 4 KiB.
	Thread string

	Photos []Photo // that came with it, at most 3; whoever handles it gets their number, in Kept
	Kept   int

	// Unusable says why a picture that came with it is none of the Photos.
	Unusable Unusable

	// Album names the pictures that were sent together with those of other
	// messages, "" for none.
	Album string

	// Dialled says that the sender has dialled a code and waits before a small
	// screen, where they choose by numbers. The answer is an Outbound of the
	// channel USSD. An empty Text has just begun the session.
	Dialled bool

	// Partial says that the channel has heard only a part of the message, and
	// that the rest will not come. Nothing can be made of it.
	Partial bool
}

// answeredOn is the channel of the answer.
func (in Inbound) answeredOn() string {
	if in.Dialled {
		return USSD
	}
	return in.Channel
}

// dialsAnew reports whether a session on a screen begins with it.
func (in Inbound) dialsAnew() bool { return in.Dialled && strings.TrimSpace(in.Text) == "" }

// Photo is a picture: in a message that has just come the file as it was sent,
// afterwards a JPEG of at most 800 pixels.
type Photo struct {
	Type  string `json:"type"` // "image/jpeg"
	Data  []byte `json:"data"`
	Thumb []byte `json:"thumb,omitempty"` // a JPEG of at most 320 pixels and 20 KB
}

// Unusable is what is wrong with a picture: the text photo.NAME says it. ""
// where nothing is.
type Unusable string

// What can be wrong with a picture.
const (
	HEIC       Unusable = "heic" // the format of iPhones, which few others read
	TooLarge   Unusable = "large"
	Unreadable Unusable = "broken"
	TooMany    Unusable = "many" // in one day
)

// Handler takes messages in. Channels hold one.
type Handler interface {
	// Handle returns nil as soon as the message is kept durably, and only
	// then may the channel acknowledge it to the outside. A message that came
	// before (same Channel and ID) is nil as well, and has no further effect.
	// An error means that nothing was kept: the channel has it sent again.
	Handle(ctx context.Context, in Inbound) error
}

// Choice is one answer that an Outbound offers. A channel with buttons shows
// it as one; on others the text already says what to reply.
type Choice struct {
	Label string `json:"label"` // on the button, in the reader's language, at most 40 characters
	Reply string `json:"reply"` // what typing it would be ("yes", "2"), at most 20 bytes
}

// Priority orders the outbox: a lower one goes first.
type Priority int

// The priorities, the first to go first.
const (
	Replies Priority = 10 // answers to what a person has just written
	Notices Priority = 20 // what somebody else's action means for the reader
	Bulk    Priority = 30 // to everybody; not to those who have unsubscribed
)

// Outbound is one message to a person, ready to be sent.
type Outbound struct {
	ID        int64 // of its outbox row: the client reference to give to providers
	Community string
	Channel   string
	Address   string
	Locale    string
	Text      string // plain text, in the reader's language
	Sheet     *Sheet // the same, for channels that lay it out; nil: there is only the text
	Choices   []Choice
	Question  int64  // what the Choices answer: comes back as Inbound.Question. 0: none
	ReplyTo   string // Inbound.ID of the message it answers, "" for a notice
	Thread    string // Inbound.Thread of that message
	Sender    string // the community's name, "" for the host's
	Priority  Priority
	Attempt   int // 1 for the first try

	// Bare says that nothing of the message it answers is to be repeated: its
	// sender may have put a stranger's address there.
	Bare bool

	// Desk is what it asks at the desk, such as which of several members
	// writes: it changes with every such question. 0: nothing.
	Desk int64

	// Holds says that the message it answers is held until somebody says yes to
	// this one, with its token.
	Holds bool
}

// Channel sends messages out.
type Channel interface {
	// Name is the channel's, as in Outbound.Channel.
	Name() string

	// Send hands one message to the outside and returns the id it has there,
	// if any. A nil error means that the outside has taken it. An error is a
	// *SendError where the channel knows more; any other is tried again.
	Send(ctx context.Context, out Outbound) (providerID string, err error)
}

// Lined is a Channel that sends by several ways, none of which is to wait for
// another: the gateways of different communities, say.
type Lined interface {
	Channel

	// Line says by which of them a message would go.
	Line(out Outbound) Line
}

// Line is one way of a channel.
type Line struct {
	Name      string
	PerSecond float64 // messages that it takes in a second; 0: any number

	// Rings says that a message makes itself heard where it arrives: what is
	// no answer then waits for the end of the community's quiet hours.
	Rings bool
}

// Priced is a Channel whose messages cost something.
type Priced interface {
	Channel

	// Cost is what one message costs.
	Cost(out Outbound) Cost
}

// Status is how far a message has come that its channel has taken.
type Status int

// What a Receipt can say. What stands later here wins, in whichever order
// receipts come.
const (
	Underway Status = iota
	Delivered
	Failed // it will not arrive
)

// Receipt is what a channel learns of a message after it has sent it.
type Receipt struct {
	ID         int64  // Outbound.ID, 0 where the channel does not know it
	ProviderID string // what Send has returned, where ID is 0 or Again is set
	Status     Status
	Again      bool   // Failed for a reason that passes, such as no signal: it is sent once more; ID is there
	Dead       bool   // Failed, and nothing sent to that address will ever arrive
	OptedOut   bool   // Failed, and whoever has the address wants nothing more
	Reason     string // the channel's word or code for it, for the operator
}

// SendError says what a failed Send means for the message and the address.
type SendError struct {
	Final      bool          // no retry can help: the message has failed
	Paused     bool          // the address takes no more messages (blocked, gone): pause it
	Bounced    bool          // the channel doubts that the address exists: repeated, it is paused
	MovedTo    string        // the address is this one from now on; the message is sent there
	RetryAfter time.Duration // do not send to this address before; 0: the usual backoff
	Everybody  bool          // RetryAfter holds for the whole channel, or line
	Err        error
}

func (e *SendError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }
