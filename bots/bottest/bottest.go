// Package bottest is the suite that every channel passes: what the
// conversation may rely on, whatever is at the other end of the wire.
//
// A channel's test says how to start it and how its person acts, and calls Run:
//
//	func TestChannel(t *testing.T) {
//		bottest.Run(t, bottest.Harness{Start: func(t *testing.T, h conversation.Handler) bottest.Wire {
//			…
//			return bottest.Wire{Channel: channel, Address: "1001", Say: …, Seen: …}
//		}})
//	}
package bottest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
)

// Patience is how long the suite waits for anything.
const Patience = 20 * time.Second

// Harness starts a channel.
type Harness struct {
	// Start starts a fresh channel that hands what it hears to h, and whose
	// outside holds one person. Both end with the test (t.Cleanup).
	Start func(t *testing.T, h conversation.Handler) Wire

	// Buttons says that the channel shows choices as buttons. Wire.Buttons
	// and Wire.Press are set.
	Buttons bool

	// Repeats says that the outside may bring a message twice though it was
	// acknowledged. Wire.Repeat is set.
	Repeats bool

	// Refuses says that the outside may take no message for an address ever
	// again, and Fails that it may fail for a moment. Wire.Refuse and
	// Wire.Fail are set.
	Refuses, Fails bool
}

// Wire is a started channel, and its other end. The functions of the other end
// return at once; the suite waits for what follows.
type Wire struct {
	Channel conversation.Channel
	Address string             // of the person, in canonical form
	Trust   conversation.Trust // how far the channel can vouch for them

	Say          func(text string) // the person writes; the outside repeats it until it is acknowledged
	Acknowledged func() int        // how many of the person's messages the outside knows to be taken
	Seen         func() []string   // the texts of the messages before the person, oldest first

	Repeat  func()          // the last message comes once more
	Buttons func() []string // the labels under the last message
	Press   func(i int)     // the person presses the i-th of them
	Refuse  func()          // from now on every message to the person is refused for good
	Fail    func()          // the next message to the person fails for a moment
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("a message is handed over and then acknowledged", h.acknowledges)
	t.Run("what was not kept comes again", h.redelivers)
	t.Run("two alike are two", h.tellsApart)
	t.Run("the person's text arrives as it is", h.keepsInbound)
	if h.Repeats {
		t.Run("a repetition has the same id", h.repeats)
	}
	t.Run("a text is sent", h.sends)
	t.Run("a long text arrives whole", h.sendsLong)
	t.Run("any characters are sent", h.sendsUnicode)
	t.Run("choices", h.sendsChoices)
	t.Run("an address of another kind is refused for good", h.refusesAddress)
	if h.Refuses {
		t.Run("a refusal is final", h.refuses)
	}
	if h.Fails {
		t.Run("a failure is not final", h.fails)
	}
	t.Run("a cancelled send sends nothing", h.cancels)
}

func (h Harness) acknowledges(t *testing.T) {
	gate := make(chan struct{})
	ear := newEar(func(int) error { <-gate; return nil })
	wire := h.Start(t, ear)
	// Registered after the channel's own cleanup, so that it runs before it.
	open := sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)

	wire.Say("balance")
	in := ear.wait(t, 1)[0]
	if in.Channel != wire.Channel.Name() || in.From != wire.Address || in.Text != "balance" || in.Trust != wire.Trust || in.Edited {
		t.Errorf("heard %+v", in)
	}
	if in.ID == "" || in.At.IsZero() {
		t.Errorf("the message has no id or no time: %+v", in)
	}
	if n := wire.Acknowledged(); n != 0 {
		t.Errorf("acknowledged %d before it was kept", n)
	}
	open()
	eventually(t, "the acknowledgement", func() bool { return wire.Acknowledged() == 1 })
	if n := len(ear.all()); n != 1 {
		t.Errorf("handed over %d times", n)
	}
}

func (h Harness) redelivers(t *testing.T) {
	ear := newEar(func(call int) error {
		if call <= 2 {
			return errors.New("the database is away")
		}
		return nil
	})
	wire := h.Start(t, ear)
	wire.Say("first")
	got := ear.wait(t, 3)
	eventually(t, "the acknowledgement", func() bool { return wire.Acknowledged() == 1 })
	for _, in := range got {
		if in.ID != got[0].ID || in.Text != "first" {
			t.Errorf("came again as %q %q, was %q %q", in.ID, in.Text, got[0].ID, got[0].Text)
		}
	}
	wire.Say("second")
	if in := ear.wait(t, 4)[3]; in.Text != "second" || in.ID == got[0].ID {
		t.Errorf("after it came %q %q", in.ID, in.Text)
	}
}

func (h Harness) tellsApart(t *testing.T) {
	ear := newEar(nil)
	wire := h.Start(t, ear)
	for range 3 {
		wire.Say("yes")
	}
	wire.Say("no")
	got := ear.wait(t, 4)
	ids := make(map[string]bool)
	for _, in := range got {
		ids[in.ID] = true
	}
	if len(ids) != 4 {
		t.Errorf("4 messages have %d ids", len(ids))
	}
	if got[3].Text != "no" {
		t.Errorf("the last of them was handed over as %q: the order is lost", got[3].Text)
	}
	eventually(t, "the acknowledgements", func() bool { return wire.Acknowledged() == 4 })
}

func (h Harness) keepsInbound(t *testing.T) {
	ear := newEar(nil)
	wire := h.Start(t, ear)
	for i, text := range sayings {
		wire.Say(text)
		if got := ear.wait(t, i+1)[i].Text; got != text {
			t.Errorf("the person wrote %q, the handler read %q", text, got)
		}
	}
}

func (h Harness) repeats(t *testing.T) {
	ear := newEar(nil)
	wire := h.Start(t, ear)
	wire.Say("pay luc 5")
	ear.wait(t, 1)
	eventually(t, "the acknowledgement", func() bool { return wire.Acknowledged() == 1 })
	wire.Repeat()
	if got := ear.wait(t, 2); got[0].ID != got[1].ID || got[0].Text != got[1].Text {
		t.Errorf("came as %q %q and as %q %q", got[0].ID, got[0].Text, got[1].ID, got[1].Text)
	}
}

func (h Harness) sends(t *testing.T) {
	wire := h.meet(t)
	for i, text := range []string{"You have 15 acorns.", "Line one\nline two"} {
		if _, err := wire.send(t, int64(i+1), text); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
	wire.seen(t, "You have 15 acorns.", "Line one\nline two")
}

func (h Harness) sendsLong(t *testing.T) {
	wire := h.meet(t)
	var words []string
	for i := range 1500 {
		words = append(words, fmt.Sprintf("wörd%d", i))
	}
	if _, err := wire.send(t, 1, strings.Join(words, " ")); err != nil {
		t.Fatalf("send: %v", err)
	}
	eventually(t, "the whole text", func() bool {
		return slices.Equal(strings.Fields(strings.Join(wire.Seen(), " ")), words)
	})
}

// sayings are what people write, and what is said to them.
var sayings = []string{
	"Merci à Zoë, ça va ? Ð Þ ß",
	"спасибо, שלום, 你好, ありがとう",
	"👍🏽 👨‍👩‍👧 🇧🇪 e\u0301",
	`<b>5 & 6</b> *7* _8_ [9](x) "10" \n %s`,
}

func (h Harness) sendsUnicode(t *testing.T) {
	wire := h.meet(t)
	for i, text := range sayings {
		if _, err := wire.send(t, int64(i+1), text); err != nil {
			t.Fatalf("send %q: %v", text, err)
		}
	}
	wire.seen(t, sayings...)
}

func (h Harness) sendsChoices(t *testing.T) {
	ear := newEar(nil)
	wire := h.Start(t, ear)
	wire.Say("pay luc 5")
	ear.wait(t, 1)
	out := conversation.Outbound{
		ID: 1, Channel: wire.Channel.Name(), Address: wire.Address, Text: "Pay Luc 5 acorns? Reply YES or NO.",
		Choices:  []conversation.Choice{{Label: "Yes", Reply: "yes"}, {Label: "No", Reply: "no"}},
		Question: 7_654_321_987_654_321, Attempt: 1,
	}
	if _, err := wire.Channel.Send(t.Context(), out); err != nil {
		t.Fatalf("send: %v", err)
	}
	wire.seen(t, out.Text)
	if !h.Buttons {
		return
	}
	eventually(t, "the buttons", func() bool { return slices.Equal(wire.Buttons(), []string{"Yes", "No"}) })
	wire.Press(1)
	got := ear.wait(t, 2)
	in := got[1]
	if in.Text != "no" || in.Question != out.Question || in.From != wire.Address || in.ID == "" || in.ID == got[0].ID {
		t.Errorf("the press came as %+v", in)
	}
}

func (h Harness) refusesAddress(t *testing.T) {
	wire := h.meet(t)
	for _, address := range []string{"", "not an address\r\nat all"} {
		out := conversation.Outbound{ID: 1, Channel: wire.Channel.Name(), Address: address, Text: "hello", Attempt: 1}
		_, err := wire.Channel.Send(t.Context(), out)
		if refused := (*conversation.SendError)(nil); !errors.As(err, &refused) || !refused.Final {
			t.Errorf("send to %q: %v, want a final *SendError", address, err)
		}
	}
}

func (h Harness) refuses(t *testing.T) {
	wire := h.meet(t)
	wire.Refuse()
	_, err := wire.send(t, 1, "hello")
	if refused := (*conversation.SendError)(nil); !errors.As(err, &refused) || !refused.Final {
		t.Errorf("send: %v, want a final *SendError", err)
	}
}

func (h Harness) fails(t *testing.T) {
	wire := h.meet(t)
	wire.Fail()
	_, err := wire.send(t, 1, "hello")
	if refused := (*conversation.SendError)(nil); err == nil || errors.As(err, &refused) && (refused.Final || refused.Paused) {
		t.Fatalf("send: %v, want an error that is not final", err)
	}
	if _, err := wire.send(t, 1, "hello"); err != nil {
		t.Fatalf("send again: %v", err)
	}
	wire.seen(t, "hello")
}

func (h Harness) cancels(t *testing.T) {
	wire := h.meet(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := conversation.Outbound{ID: 1, Channel: wire.Channel.Name(), Address: wire.Address, Text: "hello", Attempt: 1}
	_, err := wire.Channel.Send(ctx, out)
	if refused := (*conversation.SendError)(nil); err == nil || errors.As(err, &refused) && refused.Final {
		t.Errorf("send: %v, want an error that is not final", err)
	}
	if _, err := wire.send(t, 2, "still here"); err != nil {
		t.Fatalf("send afterwards: %v", err)
	}
	wire.seen(t, "still here")
}

// meet starts a channel whose person has written once: on some channels nobody
// else can be written to.
func (h Harness) meet(t *testing.T) Wire {
	ear := newEar(nil)
	wire := h.Start(t, ear)
	wire.Say("hello")
	ear.wait(t, 1)
	return wire
}

func (w Wire) send(t *testing.T, id int64, text string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	return w.Channel.Send(ctx, conversation.Outbound{
		ID: id, Channel: w.Channel.Name(), Address: w.Address, Text: text, Priority: conversation.Replies, Attempt: 1,
	})
}

// seen waits until exactly these texts are before the person.
func (w Wire) seen(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%q before the person", want), func() bool { return slices.Equal(w.Seen(), want) })
}

// ear is a handler that remembers what it heard.
type ear struct {
	keep  func(call int) error // call counts from 1; nil: everything is kept
	mu    sync.Mutex
	heard []conversation.Inbound
}

func newEar(keep func(call int) error) *ear { return &ear{keep: keep} }

func (e *ear) Handle(_ context.Context, in conversation.Inbound) error {
	e.mu.Lock()
	e.heard = append(e.heard, in)
	call := len(e.heard)
	e.mu.Unlock()
	if e.keep == nil {
		return nil
	}
	return e.keep(call)
}

func (e *ear) all() []conversation.Inbound {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// wait returns what was heard as soon as it is n messages.
func (e *ear) wait(t *testing.T, n int) []conversation.Inbound {
	t.Helper()
	eventually(t, fmt.Sprintf("%d messages to be handed over", n), func() bool { return len(e.all()) >= n })
	return e.all()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}
