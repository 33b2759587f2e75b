package android

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

// Without an address that the telephone could call, it is asked: each text is
// taken in once, in order, however late it is dated and whatever else there is.
func TestPolling(t *testing.T) {
	p := newPhone(t, "", "")
	at := time.Now()
	put := func(n int, text string, age time.Duration) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.inbox = append(p.inbox, inboxText{ID: fmt.Sprint("text:", n), Sender: smstest.Handset, Text: text, CreatedAt: at.Add(-age).Truncate(time.Millisecond)})
	}
	for n := range inboxPage + 2 {
		put(n, fmt.Sprint("text ", n), time.Duration(2*inboxPage-n)*time.Second)
	}
	put(9000, "from before Crier was there", 100*time.Hour)
	var away atomic.Bool
	away.Store(true)
	journey := &smstest.Journey{Keep: func(int) error {
		if away.Load() {
			return errors.New("the database is away")
		}
		return nil
	}}
	line, g := newLine(t, p.settings(), journey, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- line.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	until := func(what string, reached func() bool) {
		t.Helper()
		for end := time.Now().Add(smstest.Patience); !reached(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited for %s", what)
			}
		}
	}
	until("the first text", func() bool { return len(journey.Heard()) > 0 })
	away.Store(false)
	last := fmt.Sprint("text ", inboxPage+1)
	texts := func() (all []string) {
		seen := map[string]bool{}
		for _, in := range journey.Heard() {
			if !seen[in.ID] { // what was not kept comes again
				all = append(all, in.Text)
			}
			seen[in.ID] = true
		}
		return all
	}
	until("all texts", func() bool { return slices.Contains(texts(), last) })
	put(9001, "bal", 30*time.Minute)
	put(9001, "bal", 29*time.Minute) // the same words again are another text
	until("the two", func() bool { return len(texts()) == inboxPage+4 })
	p.mu.Lock()
	p.inbox = append(p.inbox, inboxText{ID: "mms-header:-5", Sender: smstest.Other, Text: "MMS notification", CreatedAt: at})
	p.mu.Unlock()
	until("the picture", func() bool { return len(texts()) == inboxPage+5 })
	if heard := journey.Heard(); heard[len(heard)-1].From != smstest.Other || heard[len(heard)-1].Text != "" {
		t.Errorf("a picture message is heard as %+v", heard[len(heard)-1])
	}
	got := texts()
	for n := range inboxPage + 2 {
		if got[n] != fmt.Sprint("text ", n) {
			t.Fatalf("text %d is %q", n, got[n])
		}
	}
	if slices.Contains(got, "from before Crier was there") {
		t.Error("a text of last week was taken in")
	}

	if _, err := g.Submit(t.Context(), sms.Text{ID: 17, To: smstest.Handset, Body: "hello", Valid: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Submit(t.Context(), sms.Text{ID: 18, To: smstest.Other, Body: "hello", Valid: time.Hour}); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.texts[0].state, p.texts[1].state, p.texts[1].err = "Delivered", "Failed", "Send result: RESULT_ERROR_NO_SERVICE"
	p.mu.Unlock()
	until("the receipts", func() bool { return len(journey.Receipts()) >= 2 })
	for _, want := range []conversation.Receipt{
		{ID: 17, Status: conversation.Delivered}, {ID: 18, ProviderID: "village:crier-18", Status: conversation.Failed, Again: true, Reason: "RESULT_ERROR_NO_SERVICE"},
	} {
		if !slices.Contains(journey.Receipts(), want) {
			t.Errorf("receipts %+v, want %+v among them", journey.Receipts(), want)
		}
	}
}
