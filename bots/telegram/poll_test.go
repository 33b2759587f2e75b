package telegram_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
	"crier/conversation"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestOffsetFollowsTheHandler(t *testing.T) {
	server, ear := newServer(t), newListener()
	var first, second, third int
	ear.fail = func(call int) error {
		if call == 2 || call == 3 {
			// The second update is not kept: it and the third stay unconfirmed.
			if got := server.Unconfirmed(); !slices.Contains(got, second) || !slices.Contains(got, third) {
				t.Errorf("unconfirmed are %v, want %d and %d among them", got, second, third)
			}
			return errors.New("the database is away")
		}
		return nil
	}
	first, second, third = server.Say(maria, "one"), server.Say(maria, "two"), server.Say(maria, "three")
	start(t, polling(server), ear, silent())
	var got []string
	for _, in := range ear.wait(t, 5) {
		got = append(got, in.Text)
	}
	if want := []string{"one", "two", "two", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("handed over %q, want %q", got, want)
	}
	if err := server.WaitConfirmed(patience(t)); err != nil {
		t.Fatal(err)
	}
	for _, call := range server.Calls("getUpdates") {
		if offset, _ := strconv.Atoi(call.Params.Get("offset")); offset == first {
			t.Errorf("asked from %d, which confirms nothing new", offset)
		}
		if want := `["message","edited_message","callback_query","my_chat_member"]`; call.Params.Get("allowed_updates") != want {
			t.Errorf("allowed_updates %s", call.Params.Get("allowed_updates"))
		}
	}
}

func TestStartSurvivesTrouble(t *testing.T) {
	server, ear, log := newServer(t), newListener(), &logs{}
	server.Script("getMe", telegramtest.Broken(), telegramtest.Trouble(), telegramtest.Broken())
	server.Script("deleteWebhook", telegramtest.Trouble())
	server.Script("getUpdates", telegramtest.Broken(), telegramtest.Trouble(), telegramtest.Answer{Code: 200, Body: `{"ok":true,"result":{"not":"a list"}}`}, telegramtest.Answer{Code: 200, Body: `{"ok":tr`})
	server.Say(maria, "balance")
	start(t, polling(server), ear, log.logger())
	ear.wait(t, 1)
	if err := server.WaitConfirmed(patience(t)); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if strings.Contains(text, "tele-secret") || strings.Contains(text, "balance") {
		t.Errorf("the log tells too much:\n%s", text)
	}
	if n := strings.Count(text, "level=WARN"); n != 3 {
		t.Errorf("%d warnings for three rows of failures:\n%s", n, text)
	}
}

func TestASecondPollerIsWaitedFor(t *testing.T) {
	server, ear, log := newServer(t), newListener(), &logs{}
	conflict := telegramtest.Answer{Code: 409, Description: "Conflict: terminated by other getUpdates request"}
	server.Script("getUpdates", conflict, conflict, conflict)
	server.Say(maria, "balance")
	start(t, polling(server), ear, log.logger())
	ear.wait(t, 1)
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, log.String())
	}

	// A real one: it ends the bot's wait, and the bot comes back.
	ctx := patience(t)
	err := server.WaitFor(ctx, "the bot's next poll", func() bool { return len(server.Calls("getUpdates")) >= 5 })
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL()+"/bot"+token+"/getUpdates", strings.NewReader(url.Values{"timeout": {"20"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusConflict {
		body, _ := io.ReadAll(response.Body)
		t.Errorf("the other poller was answered %d %s, want 409 as soon as the bot came back", response.StatusCode, body)
	}
	server.Say(maria, "still there")
	ear.wait(t, 2)
}

func TestABadTokenEndsRun(t *testing.T) {
	for name, begin := range map[string]func(*telegramtest.Server, *listener) string{
		"at the start": func(s *telegramtest.Server, _ *listener) string { s.Revoke(); return "getMe" },
		"unknown": func(s *telegramtest.Server, _ *listener) string {
			s.Script("getMe", telegramtest.Answer{Code: 404, Description: "Not Found"})
			return "getMe"
		},
		"while polling": func(s *telegramtest.Server, ear *listener) string {
			s.Say(maria, "balance")
			ear.fail = func(int) error { s.Revoke(); return nil }
			return "getUpdates"
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, ear := newServer(t), newListener()
			method := begin(server, ear)
			err := telegram.New(polling(server), ear, silent(), quick()).Run(patience(t))
			if !errors.Is(err, telegram.ErrToken) || !strings.Contains(err.Error(), method) || strings.Contains(err.Error(), "tele-secret") {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	server := newServer(t)
	ctx, cancel := context.WithCancel(patience(t))
	ended := make(chan error, 1)
	go func() { ended <- telegram.New(polling(server), newListener(), silent()).Run(ctx) }()
	err := server.WaitFor(ctx, "the first poll", func() bool { return len(server.Calls("getUpdates")) > 0 })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("Run did not end")
	}
}

// eager is an API that never waits, like the emulator's, and counts.
type eager struct{ polls atomic.Int64 }

func (e *eager) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"ok":true,"result":[]}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/getMe"):
		body = `{"ok":true,"result":{"id":4711,"username":"EagerBot"}}`
	case strings.HasSuffix(r.URL.Path, "/getUpdates"):
		e.polls.Add(1)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestPollingDoesNotSpin(t *testing.T) {
	api := &eager{}
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	bot := telegram.New(telegram.Config{Token: token}, newListener(), silent(), telegram.WithTransport(api))
	if err := bot.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := api.polls.Load(); n < 1 || n > 4 {
		t.Errorf("asked %d times in 0.7 s", n)
	}
}

func TestAfterAQuietDayIDsMayStartAnywhere(t *testing.T) {
	var day atomic.Int64
	clock := func() time.Time { return time.Date(2026, 11, 1+int(day.Load()), 12, 0, 0, 0, time.UTC) }
	server, ear := newServer(t), newListener()
	config := polling(server)
	config.PollTimeout = time.Second
	start(t, config, ear, silent(), telegram.WithClock(clock))
	server.Say(maria, "balance")
	ear.wait(t, 1)
	if err := server.WaitConfirmed(patience(t)); err != nil { // else it comes once more on the new day
		t.Fatal(err)
	}
	day.Store(8)
	err := server.WaitFor(patience(t), "a poll without an offset", func() bool {
		calls := server.Calls("getUpdates")
		return len(calls) > 2 && calls[len(calls)-1].Params.Get("offset") == ""
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenUpdatesDoNoHarm(t *testing.T) {
	server, ear, log := newServer(t), newListener(), &logs{}
	for _, body := range []string{
		`null`, `5`, `"x"`, `[]`, `{}`, `{"update_id":"x"}`, `{"update_id":-5}`, `{"update_id":1e99}`,
		strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000),
	} {
		server.PushRaw(body)
	}
	for _, body := range hostileUpdates {
		server.PushRaw(fmt.Sprintf(body, server.Push(map[string]any{"unknown_kind": map[string]any{"a": 1}})))
	}
	server.Say(maria, "/balance@standinbot")
	start(t, polling(server), ear, log.logger())
	if err := server.WaitConfirmed(patience(t)); err != nil {
		t.Fatal(err)
	}
	if got := ear.wait(t, 1); len(got) != 1 || got[0].Text != "balance" {
		t.Errorf("heard %+v", got)
	}
	if strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("they made a noise:\n%s", log.String())
	}
}

func TestNoErrorHoldsTheToken(t *testing.T) {
	log := &logs{}
	// Nobody listens there, and a redirect must not be followed.
	dead := telegram.New(telegram.Config{Token: token, Endpoint: "http://127.0.0.1:1"}, newListener(), log.logger(), quick())
	chatty := telegram.New(telegram.Config{Token: token}, newListener(), log.logger(), quick(), telegram.WithTransport(tattler{}))
	for _, bot := range []*telegram.Bot{dead, chatty} {
		_, err := bot.Send(t.Context(), outbound(1, maria, "hello"))
		if err == nil || strings.Contains(err.Error(), "tele-secret") {
			t.Errorf("Send: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := bot.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
		cancel()
	}
	if text := log.String(); !strings.Contains(text, "level=WARN") || strings.Contains(text, "tele-secret") {
		t.Errorf("the log:\n%s", text)
	}
}

// tattler is a network whose errors name the address.
type tattler struct{}

func (tattler) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("proxy: cannot reach %s", r.URL)
}

func TestRunAnswersThePressesItHeard(t *testing.T) {
	server, ear := newServer(t), newListener()
	server.Meet(telegramtest.Person{ID: maria, FirstName: "Maria"})
	server.Script("answerCallbackQuery", telegramtest.Answer{Code: 200, Body: `{"ok":true,"result":true}`, Delay: 200 * time.Millisecond})
	bot := telegram.New(polling(server), ear, silent(), quick())
	out := outbound(1, maria, "Pay?")
	out.Choices = []conversation.Choice{{Label: "Yes", Reply: "yes"}}
	if _, err := bot.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Press(maria, 0, 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(patience(t))
	ended := make(chan error, 1)
	go func() { ended <- bot.Run(ctx) }()
	ear.wait(t, 1)
	err := server.WaitFor(ctx, "the answer to begin", func() bool { return len(server.Calls("answerCallbackQuery")) == 1 })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(server.Messages(maria)[0].Buttons) != 0 {
		t.Error("Run ended, and the buttons are still there")
	}
}
