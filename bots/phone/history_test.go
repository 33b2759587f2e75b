package phone

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"crier/conversation"
)

func TestHistoryIsBounded(t *testing.T) {
	h := newHistory("test")
	for i := range 3 * messagesMax {
		h.receive(message{Screen: "sms:+1", Text: strconv.Itoa(i)})
	}
	all, _, _ := h.since([]string{"sms:+1"}, 0)
	if len(all) != messagesMax || all[0].Text != strconv.Itoa(2*messagesMax) {
		t.Errorf("%d messages, the first %q", len(all), all[0].Text)
	}

	h.receive(message{Screen: "sms:+1", Text: strings.Repeat("x", screenBytesMax)})
	if all, _, _ = h.since([]string{"sms:+1"}, 0); len(all) != 1 {
		t.Errorf("%d messages beside a very long one", len(all)-1)
	}

	for i := range screensMax {
		h.receive(message{Screen: "sms:+2" + strconv.Itoa(i), Text: "hello"})
	}
	if n := len(h.screens); n != screensMax {
		t.Errorf("%d screens", n)
	}
	if all, _, _ = h.since([]string{"sms:+1"}, 0); len(all) != 0 {
		t.Error("the screen that was quiet the longest is still there")
	}
	h.settle("sms:+1", "gone", sent) // nothing to say, and nothing breaks
}

func TestHistoryShowsAReplyBelowItsMessage(t *testing.T) {
	h := newHistory("test")
	if _, err := h.say(message{Key: "in-1", Screen: "s", Text: "pay"}); err != nil {
		t.Fatal(err)
	}
	h.receive(message{Screen: "s", Text: "Pay whom?"}) // while the handler still works
	_, before, _ := h.since([]string{"s"}, 0)
	h.settle("s", "in-1", sent)
	h.settle("s", "in-1", failed) // a repetition that was given up later
	all, _, _ := h.since([]string{"s"}, 0)
	if len(all) != 2 || all[0].Text != "pay" || all[0].State != sent {
		t.Errorf("the screen shows %+v", all)
	}
	if news, _, _ := h.since([]string{"s"}, before); len(news) != 1 || news[0].Key != "in-1" {
		t.Errorf("news %+v", news)
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "http://localhost/events", nil))
		}()
		time.Sleep(46 * time.Second) // of the bubble's clock
		cancel()
		<-done
		if n := strings.Count(w.Body.String(), ": still here\n\n"); n != 3 {
			t.Errorf("%d heartbeats in 46 seconds", n)
		}
	})
}

func FuzzSay(f *testing.F) {
	s := New(Config{Screens: []Screen{{Name: "Maria", Channel: "sms", Address: "+1"}}}, handlerFunc(func() error { return nil }))
	f.Add(`{"screen":"sms:+1","id":"0123456789abcdef","text":"pay luc 5"}`)
	f.Add(`{"screen":"sms:+1","id":"0123456789abcdef","text":"yes","question":"7"}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "http://localhost/say", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://localhost")
		r.Header.Set(tokenHeader, s.token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("status %d", w.Code)
		}
	})
}

type handlerFunc func() error

func (f handlerFunc) Handle(context.Context, conversation.Inbound) error { return f() }
