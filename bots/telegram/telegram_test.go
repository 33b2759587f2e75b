package telegram_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/bots/bottest"
	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
	"crier/conversation"
)

const (
	token  = "4711:tele-secret_XYZ"
	secret = "hook_secret"
	maria  = int64(5_000_000_001) // an id of more than 32 bits
)

// listener is a handler, and Addresses, that remembers what it was told.
type listener struct {
	fail func(call int) error // nil: everything is kept

	mu    sync.Mutex
	heard []conversation.Inbound
	told  []string
	more  chan struct{}
}

func newListener() *listener { return &listener{more: make(chan struct{}, 1000)} }

func (l *listener) Handle(_ context.Context, in conversation.Inbound) error {
	l.mu.Lock()
	l.heard = append(l.heard, in)
	call := len(l.heard)
	l.mu.Unlock()
	l.more <- struct{}{}
	if l.fail == nil {
		return nil
	}
	return l.fail(call)
}

func (l *listener) tell(words ...string) error {
	l.mu.Lock()
	l.told = append(l.told, strings.Join(words, " "))
	l.mu.Unlock()
	l.more <- struct{}{}
	return nil
}

func (l *listener) MoveAddress(_ context.Context, channel, from, to string) error {
	return l.tell("move", channel, from, to)
}

func (l *listener) PauseAddress(_ context.Context, channel, address, reason string) error {
	return l.tell("pause", channel, address, reason)
}

func (l *listener) ResumeAddress(_ context.Context, channel, address string) error {
	return l.tell("resume", channel, address)
}

// wait waits until n things were heard and told.
func (l *listener) wait(t *testing.T, n int) []conversation.Inbound {
	t.Helper()
	ctx := patience(t)
	for {
		l.mu.Lock()
		heard, told := slices.Clone(l.heard), len(l.told)
		l.mu.Unlock()
		if len(heard)+told >= n {
			return heard
		}
		select {
		case <-l.more:
		case <-ctx.Done():
			t.Fatalf("heard %d and was told %d, waited for %d", len(heard), told, n)
		}
	}
}

func (l *listener) wasTold() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.told)
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), bottest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// logs is a log that a test can read.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newServer(t *testing.T) *telegramtest.Server {
	server := telegramtest.NewServer(token)
	t.Cleanup(server.Close)
	return server
}

func quick() telegram.Option { return telegram.WithRetry(2*time.Millisecond, 20*time.Millisecond) }

// start runs a bot against the server until the test ends.
func start(t *testing.T, config telegram.Config, h conversation.Handler, log *slog.Logger, options ...telegram.Option) *telegram.Bot {
	t.Helper()
	bot := telegram.New(config, h, log, append([]telegram.Option{quick()}, options...)...)
	run(t, bot)
	return bot
}

func run(t *testing.T, bot *telegram.Bot) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- bot.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(bottest.Patience):
			t.Error("Run did not end")
		}
	})
}

func polling(server *telegramtest.Server) telegram.Config {
	return telegram.Config{Token: server.Token, Endpoint: server.URL(), Community: "riverbank"}
}

func wire(server *telegramtest.Server, bot *telegram.Bot) bottest.Wire {
	var mu sync.Mutex
	last, said := 0, 0
	note := func(id int) {
		mu.Lock()
		defer mu.Unlock()
		last, said = id, said+1
	}
	buttons := func() []telegramtest.Button {
		messages := server.Messages(maria)
		return messages[len(messages)-1].Buttons
	}
	return bottest.Wire{
		Channel: bot,
		Address: "5000000001",
		Trust:   conversation.Proven,
		Say:     func(text string) { note(server.Say(maria, text)) },
		Acknowledged: func() int {
			mu.Lock()
			defer mu.Unlock()
			return said - len(server.Unconfirmed())
		},
		Seen: func() []string {
			var texts []string
			for _, m := range server.Messages(maria) {
				texts = append(texts, m.Text)
			}
			return texts
		},
		Repeat: func() { _ = server.Repeat(last) },
		Buttons: func() []string {
			var labels []string
			for _, b := range buttons() {
				labels = append(labels, b.Text)
			}
			return labels
		},
		Press: func(i int) {
			if id, err := server.Press(maria, -1, i); err == nil {
				note(id)
			}
		},
		Refuse: func() { server.Block(maria, true) },
		Fail:   func() { server.Script("sendMessage", telegramtest.Trouble()) },
	}
}

func TestPollingIsAChannel(t *testing.T) {
	bottest.Run(t, bottest.Harness{
		Buttons: true, Repeats: true, Refuses: true, Fails: true,
		Start: func(t *testing.T, h conversation.Handler) bottest.Wire {
			server := newServer(t)
			return wire(server, start(t, polling(server), h, silent()))
		},
	})
}

func TestWebhookIsAChannel(t *testing.T) {
	bottest.Run(t, bottest.Harness{
		Buttons: true, Repeats: true, Refuses: true, Fails: true,
		Start: func(t *testing.T, h conversation.Handler) bottest.Wire {
			server := newServer(t)
			return wire(server, startHook(t, server, h))
		},
	})
}

// startHook runs a bot with a webhook, and waits until Telegram knows it.
func startHook(t *testing.T, server *telegramtest.Server, h conversation.Handler) *telegram.Bot {
	t.Helper()
	hook := httptest.NewUnstartedServer(nil)
	config := polling(server)
	config.Webhook, config.Secret = "http://"+hook.Listener.Addr().String()+"/hook", secret
	bot := telegram.New(config, h, silent(), quick())
	hook.Config.Handler = bot
	hook.Start()
	t.Cleanup(hook.Close)
	run(t, bot)
	return bot
}

func TestSameUpdateSameID(t *testing.T) {
	server := newServer(t)
	hooked := newListener()
	bot := telegram.New(telegram.Config{Token: token, Secret: secret}, hooked, silent())

	id := server.Say(maria, "balance")
	polled := newListener()
	start(t, polling(server), polled, silent())
	first := polled.wait(t, 1)[0]

	body := `{"update_id":` + itoa(id) + `,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"balance"}}`
	if code := deliver(bot, secret, body).Code; code != 200 {
		t.Fatalf("webhook: %d", code)
	}
	if second := hooked.wait(t, 1)[0]; first.ID != second.ID || first.ID != "4711:"+itoa(id) {
		t.Errorf("polled %q, by webhook %q", first.ID, second.ID)
	}
}

func TestPressIsAnsweredOnce(t *testing.T) {
	server, ear := newServer(t), newListener()
	server.Meet(telegramtest.Person{ID: maria, FirstName: "Maria", LastName: "Keller", Language: "fr-BE"})
	bot := start(t, polling(server), ear, silent())
	out := conversation.Outbound{
		ID: 1, Address: "5000000001", Text: "Pay?", Question: 35,
		Choices: []conversation.Choice{{Label: "Oui", Reply: "yes"}, {Label: "Non", Reply: "no"}},
	}
	if _, err := bot.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if got := server.Messages(maria)[0].Buttons[0].Data; got != "z:yes" {
		t.Errorf("the button carries %q", got)
	}
	id, err := server.Press(maria, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	in := ear.wait(t, 1)[0]
	if in.ID != "4711:cb"+itoa(id) || in.Text != "yes" || in.Question != 35 || in.Name != "Maria Keller" ||
		in.Locale != "fr" || in.Community != "riverbank" || in.Trust != conversation.Proven {
		t.Errorf("heard %+v", in)
	}
	err = server.WaitFor(patience(t), "the answer and the buttons' end", func() bool {
		return server.Answered(id) && len(server.Messages(maria)[0].Buttons) == 0
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPressThatWasNotKeptIsNotAnswered(t *testing.T) {
	server, ear := newServer(t), newListener()
	ear.fail = func(call int) error {
		if call == 1 {
			return errors.New("the database is away")
		}
		if len(server.Calls("answerCallbackQuery")) > 0 {
			t.Error("answered before it was kept")
		}
		return nil
	}
	server.Meet(telegramtest.Person{ID: maria, FirstName: "Maria"})
	bot := start(t, polling(server), ear, silent())
	if _, err := bot.Send(t.Context(), conversation.Outbound{ID: 1, Address: "5000000001", Text: "Pay?", Choices: []conversation.Choice{{Reply: "yes"}}}); err != nil {
		t.Fatal(err)
	}
	id, err := server.Press(maria, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := ear.wait(t, 2); got[0].ID != got[1].ID {
		t.Errorf("came as %q and as %q", got[0].ID, got[1].ID)
	}
	if err := server.WaitFor(patience(t), "the answer", func() bool { return server.Answered(id) }); err != nil {
		t.Fatal(err)
	}
}

func TestAddressesAreTold(t *testing.T) {
	server, ear, log := newServer(t), newListener(), &logs{}
	start(t, polling(server), ear, log.logger(), telegram.WithAddresses(ear))
	server.Block(maria, true)
	server.Block(maria, false)
	group := map[string]any{"id": int64(-100), "type": "group"}
	super := map[string]any{"id": int64(-100_200), "type": "supergroup"}
	server.Push(map[string]any{"message": map[string]any{"message_id": 1, "chat": group, "migrate_to_chat_id": int64(-100_200)}})
	server.Push(map[string]any{"message": map[string]any{"message_id": 2, "chat": super, "migrate_from_chat_id": int64(-100)}})
	// A group is nobody's address, but somebody may have the digest in it.
	for _, status := range []string{"administrator", "kicked"} {
		server.Push(map[string]any{"my_chat_member": map[string]any{"chat": super, "from": map[string]any{"id": maria}, "new_chat_member": map[string]any{"status": status}}})
	}
	ear.wait(t, 4)
	if err := server.WaitConfirmed(patience(t)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"pause telegram 5000000001 blocked", "resume telegram 5000000001",
		"move telegram -100 -100200", "move telegram -100 -100200",
	}
	if got := ear.wasTold(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	for _, line := range []string{"the bot is in a group now", "address=telegram:-100200", "the bot is in a group no more"} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log does not say %q:\n%s", line, log)
		}
	}
}

func TestMenus(t *testing.T) {
	server := newServer(t)
	bot := telegram.New(polling(server), newListener(), silent())
	menus := []telegram.CommandMenu{
		{Locale: "en", Commands: []telegram.Command{{Name: "balance", Description: "What you have"}, {Name: "help", Description: "Help"}}},
		{Locale: "fr", Commands: []telegram.Command{{Name: "solde", Description: "Ce que vous avez"}, {Name: "être", Description: "left out"}}},
		{Locale: "fil", Commands: []telegram.Command{{Name: "x", Description: "a language of three letters"}}},
	}
	if err := bot.SetCommands(t.Context(), menus); err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]int{"": 2, "en": 2, "fr": 1} {
		if got := server.Menu(language); len(got) != want {
			t.Errorf("menu %q: %v", language, got)
		}
	}
	if calls := server.Calls("setMyCommands"); len(calls) != 3 {
		t.Errorf("%d calls, want 3", len(calls))
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]telegram.Config{
		"no token":       {},
		"half a token":   {Token: "4711"},
		"a path":         {Token: "4711:a/b"},
		"endpoint":       {Token: token, Endpoint: "telegram.example"},
		"a format":       {Token: token, Endpoint: "http://127.0.0.1/bot%s/%s"},
		"no secret":      {Token: token, Webhook: "https://bank.example/hook"},
		"a bad secret":   {Token: token, Webhook: "https://bank.example/hook", Secret: "a b"},
		"a bad webhook":  {Token: token, Webhook: "bank.example", Secret: "ab"},
		"another scheme": {Token: token, Webhook: "ftp://bank.example", Secret: "ab"},
	} {
		if err := c.Check(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := telegram.New(c, newListener(), silent()).Run(t.Context()); err == nil {
			t.Errorf("%s: it runs", name)
		} else if strings.Contains(err.Error(), "tele-secret") {
			t.Errorf("%s: the error holds the token", name)
		}
	}
	if err := (telegram.Config{Token: token, Webhook: "https://bank.example/hook", Secret: "ab"}).Check(); err != nil {
		t.Error(err)
	}
}
