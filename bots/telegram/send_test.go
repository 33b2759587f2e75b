package telegram_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
	"crier/conversation"
)

func outbound(id, chat int64, text string) conversation.Outbound {
	return conversation.Outbound{ID: id, Channel: "telegram", Address: strconv.FormatInt(chat, 10), Text: text, Attempt: 1}
}

// sender is a bot that only sends, to people who have met it.
func sender(t *testing.T, people ...int64) (*telegramtest.Server, *telegram.Bot) {
	server := newServer(t)
	for _, id := range people {
		server.Meet(telegramtest.Person{ID: id, FirstName: "P"})
	}
	return server, telegram.New(polling(server), newListener(), silent())
}

func TestRefusals(t *testing.T) {
	const minute = time.Minute
	type refusal = conversation.SendError
	for name, c := range map[string]struct {
		answer telegramtest.Answer
		want   *refusal // nil: an error that is no SendError
	}{
		"too many":           {telegramtest.TooMany(17), &refusal{RetryAfter: 17 * time.Second}},
		"too many, no time":  {telegramtest.TooMany(0), &refusal{RetryAfter: time.Second}},
		"blocked":            {telegramtest.Blocked(), &refusal{Final: true, Paused: true}},
		"deactivated":        {telegramtest.Answer{Code: 403, Description: "Forbidden: user is deactivated"}, &refusal{Final: true, Paused: true}},
		"not begun":          {telegramtest.Answer{Code: 403, Description: "Forbidden: bot can't initiate conversation with a user"}, &refusal{Final: true, Paused: true}},
		"chat not found":     {telegramtest.Answer{Code: 400, Description: "Bad Request: chat not found"}, &refusal{Final: true, Paused: true}},
		"moved":              {telegramtest.MovedTo(-100_777), &refusal{MovedTo: "-100777"}},
		"another bad":        {telegramtest.Answer{Code: 400, Description: "Bad Request: message is too long"}, &refusal{Final: true}},
		"too large":          {telegramtest.Answer{Code: 413, Description: "Request Entity Too Large"}, &refusal{Final: true}},
		"token":              {telegramtest.Answer{Code: http.StatusUnauthorized, Description: http.StatusText(http.StatusUnauthorized)}, &refusal{RetryAfter: 10 * minute, Everybody: true}},
		"no such token":      {telegramtest.Answer{Code: 404, Description: "Not Found"}, &refusal{RetryAfter: 10 * minute, Everybody: true}},
		"trouble":            {telegramtest.Answer{Code: 500, Description: "Internal Server Error"}, nil},
		"a proxy's trouble":  {telegramtest.Trouble(), nil},
		"a proxy's 403":      {telegramtest.Answer{Code: 403, Body: "<html>Forbidden</html>"}, nil},
		"no connection":      {telegramtest.Broken(), nil},
		"an unreadable blob": {telegramtest.Answer{Code: 200, Body: `{"ok"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server, bot := sender(t, maria)
			server.Script("sendMessage", c.answer)
			_, err := bot.Send(t.Context(), outbound(1, maria, "hello"))
			if err == nil {
				t.Fatal("no error")
			}
			var got *refusal
			if !errors.As(err, &got) {
				if c.want != nil {
					t.Errorf("%v, want %+v", err, c.want)
				}
				return
			}
			if c.want == nil {
				t.Fatalf("%+v, want a plain error", got)
			}
			got.Err = nil
			if *got != *c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestThrottledForEverybody(t *testing.T) {
	server, bot := sender(t, 1, 2)
	server.Script("sendMessage", telegramtest.TooMany(5), telegramtest.TooMany(5), telegramtest.TooMany(5))
	for i, c := range []struct {
		chat      int64
		everybody bool
	}{{1, false}, {1, false}, {2, true}} {
		_, err := bot.Send(t.Context(), outbound(int64(i+1), c.chat, "hello"))
		var got *conversation.SendError
		if !errors.As(err, &got) || got.Everybody != c.everybody {
			t.Errorf("%d: %+v, want everybody %v", i, got, c.everybody)
		}
	}
}

func TestPartsAreNotRepeated(t *testing.T) {
	server, bot := sender(t, maria)
	out := outbound(1, maria, strings.Repeat("a", 4000)+"\n\n"+strings.Repeat("b", 4000)+"\n\n"+strings.Repeat("c", 4000))
	out.Choices = []conversation.Choice{{Label: "Yes", Reply: "yes"}}
	// The second part fails.
	server.Script("sendMessage", telegramtest.Answer{Taken: true, Code: 200, Body: `{"ok":true,"result":{"message_id":9}}`}, telegramtest.TooMany(3))
	if _, err := bot.Send(t.Context(), out); err == nil {
		t.Fatal("no error")
	}
	for range 2 { // once more after it was all taken, as after a lost commit
		if _, err := bot.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	var begin []string
	messages := server.Messages(maria)
	for _, m := range messages {
		begin = append(begin, m.Text[:1])
	}
	if !slices.Equal(begin, []string{"a", "b", "c"}) {
		t.Fatalf("sent %q", begin)
	}
	if len(messages[0].Buttons)+len(messages[1].Buttons) != 0 || len(messages[2].Buttons) != 1 {
		t.Errorf("the buttons are not under the last part alone")
	}
}

func TestButtons(t *testing.T) {
	choice := func(label, reply string) conversation.Choice { return conversation.Choice{Label: label, Reply: reply} }
	for name, c := range map[string]struct {
		choices []conversation.Choice
		want    []string // the data; nil: no buttons
	}{
		"none":            {nil, nil},
		"two":             {[]conversation.Choice{choice("Yes", "yes"), choice("No", "no")}, []string{"rs:yes", "rs:no"}},
		"no label":        {[]conversation.Choice{choice("", "yes")}, []string{"rs:yes"}},
		"exactly 64":      {[]conversation.Choice{choice("x", strings.Repeat("é", 30)+"a")}, []string{"rs:" + strings.Repeat("é", 30) + "a"}},
		"one is too long": {[]conversation.Choice{choice("Yes", "yes"), choice("x", strings.Repeat("é", 31))}, nil},
		"one is empty":    {[]conversation.Choice{choice("Yes", "yes"), choice("No", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server, bot := sender(t, maria)
			out := outbound(1, maria, "Pay?")
			out.Choices, out.Question = c.choices, 1000
			if _, err := bot.Send(t.Context(), out); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range server.Messages(maria)[0].Buttons {
				got = append(got, b.Data)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("buttons %q, want %q", got, c.want)
			}
		})
	}
}

func TestSendKeepsToTheRate(t *testing.T) {
	server, bot := sender(t, maria, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	sent := 0
	for i := range 10 {
		if _, err := bot.Send(ctx, outbound(int64(i+1), maria, "hello")); err == nil {
			sent++
		}
	}
	if sent != 3 || len(server.Messages(maria)) != 3 {
		t.Errorf("sent %d at once in one chat, want 3", sent)
	}
	if _, err := bot.Send(t.Context(), outbound(20, 2, "hello")); err != nil {
		t.Errorf("another chat: %v", err)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	server, bot := sender(t, maria)
	server.Script("sendMessage", telegramtest.Answer{Code: 200, Delay: 10 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := bot.Send(ctx, outbound(1, maria, "hello"))
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "tele-secret") {
		t.Errorf("Send: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestBadOutbound(t *testing.T) {
	_, bot := sender(t)
	for name, out := range map[string]conversation.Outbound{
		"no text":    outbound(1, maria, " \n"),
		"broken":     outbound(2, maria, "\xff\xfe\x00"),
		"no address": {ID: 3, Text: "hello"},
		"zero":       outbound(4, 0, "hello"),
		"too large":  {ID: 5, Text: "hello", Address: "99999999999999999999"},
	} {
		_, err := bot.Send(t.Context(), out)
		var refused *conversation.SendError
		if !errors.As(err, &refused) || !refused.Final || refused.Paused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
