package telegram_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
)

func deliver(bot *telegram.Bot, shown, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(body))
	r.Header.Set("X-Telegram-Bot-Api-Secret-Token", shown)
	w := httptest.NewRecorder()
	bot.ServeHTTP(w, r)
	return w
}

const proper = `{"update_id":7,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"from":{"id":7,"first_name":"A"},"text":"balance"}}`

func TestWebhookRefuses(t *testing.T) {
	ear, log := newListener(), &logs{}
	bot := telegram.New(telegram.Config{Token: token, Secret: secret}, ear, log.logger())
	for _, c := range []struct {
		name, method, secret, body string
		want                       int
	}{
		{"GET", "GET", secret, proper, 405},
		{"PUT", "PUT", secret, proper, 405},
		{"no secret", "POST", "", proper, 401},
		{"a wrong secret", "POST", secret + "x", proper, 401},
		{"a secret's start", "POST", secret[:4], proper, 401},
		{"no body", "POST", secret, "", 400},
		{"no JSON", "POST", secret, "update_id=7", 400},
		{"half a JSON", "POST", secret, proper[:40], 400},
		{"two of them", "POST", secret, proper + proper, 400},
		{"null", "POST", secret, "null", 400},
		{"a list", "POST", secret, "[" + proper + "]", 400},
		{"a number", "POST", secret, "7", 400},
		{"no id", "POST", secret, `{"message":{}}`, 400},
		{"too deep", "POST", secret, strings.Repeat("[", 100_000), 400},
		{"too large", "POST", secret, `{"update_id":7,"x":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
	} {
		r := httptest.NewRequest(c.method, "/hook", strings.NewReader(c.body))
		r.Header.Set("X-Telegram-Bot-Api-Secret-Token", c.secret)
		w := httptest.NewRecorder()
		bot.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: answered %d, want %d", c.name, w.Code, c.want)
		}
	}
	if n := len(ear.heard); n != 0 {
		t.Errorf("%d of them were handed over", n)
	}
	if log.String() != "" {
		t.Errorf("they made a noise:\n%s", log.String())
	}
	if code := deliver(bot, secret, proper).Code; code != 200 || len(ear.heard) != 1 {
		t.Errorf("a proper update: %d, heard %d", code, len(ear.heard))
	}
	open := telegram.New(telegram.Config{Token: token}, ear, log.logger())
	if code := deliver(open, "", proper).Code; code != 401 {
		t.Errorf("without a configured secret: %d, want 401", code)
	}
}

func TestWebhookComesAgain(t *testing.T) {
	server, ear := newServer(t), newListener()
	ear.fail = func(call int) error {
		if call < 3 {
			return errors.New("the database is away")
		}
		return nil
	}
	startHook(t, server, ear)
	server.Say(maria, "pay luc 5")
	got := ear.wait(t, 3)
	if err := server.WaitConfirmed(patience(t)); err != nil {
		t.Fatal(err)
	}
	if got[0].ID != got[2].ID {
		t.Errorf("came as %q and as %q", got[0].ID, got[2].ID)
	}
	if s := server.Statuses(); !slices.Equal(s, []int{503, 503, 200}) {
		t.Errorf("answered %v", s)
	}
}

func TestWebhookIsRegisteredWithItsSecret(t *testing.T) {
	server := newServer(t)
	server.Script("setWebhook", telegramtest.Trouble())
	startHook(t, server, newListener())
	err := server.WaitFor(patience(t), "the webhook", func() bool { return len(server.Calls("setWebhook")) == 2 })
	if err != nil {
		t.Fatal(err)
	}
	params := server.Calls("setWebhook")[1].Params
	if params.Get("secret_token") != secret || !strings.HasSuffix(params.Get("url"), "/hook") || !strings.Contains(params.Get("allowed_updates"), "callback_query") {
		t.Errorf("registered %v", params)
	}
}

// A body that breaks off is no update, and no reason to complain.
func TestWebhookBrokenOff(t *testing.T) {
	bot := telegram.New(telegram.Config{Token: token, Secret: secret}, newListener(), silent())
	r := httptest.NewRequest(http.MethodPost, "/hook", io.MultiReader(strings.NewReader(proper), brokenReader{}))
	r.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
	w := httptest.NewRecorder()
	bot.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("answered %d", w.Code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
