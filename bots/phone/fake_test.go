package phone_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"crier/bots/phone"
	"crier/conversation"
)

var (
	maria  = phone.Screen{Name: "Maria Keller", Channel: "sms", Address: "+32470000012", Locale: "en"}
	luc    = phone.Screen{Name: "Luc Martin", Channel: "email", Address: "luc@riverbank.example", Locale: "en", Try: "how much do I have"}
	thandi = phone.Screen{Name: "Thandi Dube", Channel: "telegram", Address: "500100014", Locale: "en", Try: "offer 40 kg tomatoes, 8 a kg, until Friday"}
	ria    = phone.Screen{Name: "Ria Jansen", Channel: "telegram", Address: "500100001", Locale: "en", Try: "broadcast Market on Saturday"}
	anna   = phone.Screen{Name: "Anna Bauer", Channel: "sms", Address: "+32470000003", Locale: "de"}
)

// village stands for the conversation behind the page: "pay" asks Maria or
// whoever wrote it, "yes" tells both sides. Like the real one it takes every
// message once.
type village struct {
	mu     sync.Mutex
	out    map[string]conversation.Channel
	seen   map[string]bool
	got    []conversation.Inbound
	asked  int64
	calls  int           // of Handle
	broken bool          // it keeps nothing
	quiet  bool          // it answers nothing
	gate   chan struct{} // where not nil, "first" waits for it to be closed
}

func newVillage() *village {
	return &village{seen: make(map[string]bool), asked: 1 << 60}
}

// open makes a page for the village, which answers on it.
func (v *village) open(cfg phone.Config) *phone.Server {
	if cfg.Screens == nil {
		cfg.Screens = []phone.Screen{maria, luc, thandi, ria}
	}
	if cfg.Directory == nil {
		cfg.Directory = func(context.Context) ([]phone.Screen, error) { return []phone.Screen{maria, anna}, nil }
	}
	s := phone.New(cfg, v)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.out = map[string]conversation.Channel{}
	for _, name := range []string{"sms", "email", "telegram"} {
		v.out[name] = s.Channel(name)
	}
	return s
}

func (v *village) setBroken(broken bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = broken
}

func (v *village) received() []conversation.Inbound {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]conversation.Inbound(nil), v.got...)
}

func (v *village) Handle(ctx context.Context, in conversation.Inbound) error {
	if v.gate != nil && in.Text == "first" {
		<-v.gate
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if v.broken {
		return errors.New("the village is asleep")
	}
	if v.seen[in.Channel+in.ID] {
		return nil
	}
	v.seen[in.Channel+in.ID] = true
	v.got = append(v.got, in)
	if v.quiet {
		return nil
	}
	if in.Text == "yes" {
		v.tell(ctx, in.Channel, in.From, "Done, receipt 7KQ4: you gave Luc Martin 5 acorns (eggs). You now have 18. A mistake? Reply WRONG.")
		v.tell(ctx, luc.Channel, luc.Address, "Receipt 7KQ4: Maria Keller gave you 5 acorns for \"eggs\". You now have 42.")
		return nil
	}
	v.asked++
	_, err := v.out[in.Channel].Send(ctx, conversation.Outbound{
		ID: v.asked, Channel: in.Channel, Address: in.From, Question: v.asked,
		Text:    fmt.Sprintf("You wrote: %s. Reply YES or NO.", in.Text),
		Choices: []conversation.Choice{{Label: "Yes, pay", Reply: "yes"}, {Label: "No", Reply: "no"}},
	})
	return err
}

func (v *village) tell(ctx context.Context, channel, address, text string) {
	v.asked++
	_, _ = v.out[channel].Send(ctx, conversation.Outbound{ID: v.asked, Channel: channel, Address: address, Text: text})
}

// send shows a message on a screen, outside of any conversation.
func send(t testing.TB, s *phone.Server, to phone.Screen, out conversation.Outbound) {
	t.Helper()
	out.Channel, out.Address = to.Channel, to.Address
	if _, err := s.Channel(to.Channel).Send(t.Context(), out); err != nil {
		t.Fatalf("Send: %v", err)
	}
}
