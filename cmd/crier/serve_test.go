package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crier/bots/bottest"
	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger/storetest"
)

const (
	botToken  = "4242:AAE-token-of-the-tests_0123456789abcd"
	botSecret = "secret-of-the-webhook"
	pageKey   = "key-of-the-browser-phone"
)

// takenPort is an address where somebody listens already.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// started waits until serve says that it runs, and returns where it listens.
func started(t *testing.T, log *lines) (listen, page string) {
	t.Helper()
	var line struct{ Listen, Phone, Version, Database, Channels string }
	if err := json.Unmarshal([]byte(log.line(t, "crier started")), &line); err != nil {
		t.Fatal(err)
	}
	if line.Version == "" || line.Database == "" {
		t.Errorf("the start line says too little: %+v", line)
	}
	return "http://" + line.Listen, "http://" + line.Phone
}

func newTelegram(t *testing.T) *telegramtest.Server {
	t.Helper()
	server := telegramtest.NewServer(botToken)
	t.Cleanup(server.Close)
	return server
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// TestServe runs all of it on both engines: a webhook in, a reply out, the
// pages for the operator, the browser phone, and an orderly end.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			database := newFile(t)
			if engine == "postgres" {
				database = storetest.Postgres(t)
			}
			riverbank(t, database)
			outside := newTelegram(t)
			listen := bottest.FreeAddress(t)
			file := write(t, "crier.toml", fmt.Sprintf(`
listen = %q
[log]
format = "json"
level = "debug"
[[telegram]]
community = "riverbank"
endpoint = %q
webhook = "http://%s/telegram/riverbank"
[phone]
enabled = true
listen = "127.0.0.1:0"
channels = ["sms"]
`, listen, outside.URL(), listen))
			env := environment("CRIER_DATABASE="+database, "CRIER_TELEGRAM_TOKEN="+botToken, "CRIER_WEBHOOK_SECRET="+botSecret, "CRIER_PHONE_KEY="+pageKey)
			_, log, stop := start(t, env, "serve", "--config", file)
			url, page := started(t, log)
			if status, body := get(t, url+"/healthz"); status != http.StatusOK || !strings.Contains(body, `"status":"ok"`) {
				t.Errorf("healthz: %d %s", status, body)
			}
			outside.Say(1001, "balance")
			messages, err := outside.Wait(soon(t), 1001, 1)
			if err != nil || !strings.Contains(messages[0].Text, "0 acorns") {
				t.Fatalf("no reply: %v %v\n%s", messages, err, log)
			}
			var photo bytes.Buffer
			if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 1280, 960)), nil); err != nil {
				t.Fatal(err)
			}
			outside.SendPhoto(1001, "", "offer honey, 3 a jar", photo.Bytes())
			if messages, err = outside.Wait(soon(t), 1001, 2); err != nil || !strings.Contains(messages[1].Text, "your photo") {
				t.Fatalf("the photo is not kept: %v %v\n%s", messages, err, log)
			}
			outside.Say(1001, "pay maria 5 for eggs")
			if _, err := outside.Wait(soon(t), 1001, 3); err != nil {
				t.Fatalf("no reply: %v\n%s", err, log)
			}
			untilMetric(t, url, `crier_messages_sent_total{channel="telegram",result="sent"} 3`)
			_, metrics := get(t, url+"/metrics")
			has(t, metrics, `crier_messages_handled_total{result="done"} 3`, "crier_handling_lag_seconds_count 3",
				"crier_inbox_messages 0", "go_goroutines", "process_cpu_seconds_total")

			if status, body := get(t, page+"/"); status != http.StatusForbidden || strings.Contains(body, "Maria") {
				t.Errorf("the page without its key: %d %s", status, body)
			}
			if status, _ := get(t, page+"/?key="+pageKey); status != http.StatusOK {
				t.Errorf("the page with its key: %d", status)
			}
			if status, _ := get(t, url+"/telegram/riverbank"); status != http.StatusMethodNotAllowed {
				t.Errorf("GET of the webhook: %d", status)
			}
			stop()
			has(t, log.String(), `"msg":"stopped"`)
			hasNot(t, log.String(), strings.TrimPrefix(botToken, "4242:"), botSecret, pageKey, database, "eggs", "honey", "Maria", `"level":"ERROR"`)
		})
	}
}

// untilMetric waits for a line of /metrics.
func untilMetric(t *testing.T, url, want string) {
	t.Helper()
	ctx := soon(t)
	for {
		_, metrics := get(t, url+"/metrics")
		if strings.Contains(metrics, want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %s in\n%s", want, metrics)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestServeUnhealthy answers 503 when the database is gone.
func TestServeUnhealthy(t *testing.T) {
	t.Parallel()
	server, stopServer, err := storetest.StartPostgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopServer)
	file := write(t, "crier.toml", "listen = '127.0.0.1:0'\n[log]\nformat = 'json'\n")
	_, log, stop := start(t, environment("CRIER_DATABASE="+server), "serve", "--config", file)
	url, _ := started(t, log)
	stopServer()
	if status, body := get(t, url+"/healthz"); status != http.StatusServiceUnavailable || !strings.Contains(body, `"database":"no answer"`) {
		t.Errorf("healthz: %d %s", status, body)
	}
	if status, _ := get(t, url+"/metrics"); status != http.StatusOK {
		t.Errorf("metrics: %d", status)
	}
	stop()
}

func TestServeErrors(t *testing.T) {
	t.Parallel()
	fails(t, "is another crier running there", "serve", "--database", newFile(t), "--config",
		write(t, "crier.toml", fmt.Sprintf("listen = %q", takenPort(t))))
	// A server that refuses us is not waited for, and the password not said.
	url := storetest.Postgres(t)
	_, errs, err := with(t, "", "serve", "--database", strings.Replace(url, "/crier_test", "/no_such_crier_test", 1))
	if err == nil || !strings.Contains(err.Error(), "does not exist") || strings.Contains(errs, "trying again") {
		t.Errorf("%v\n%s", err, errs)
	}
	_, errs, err = with(t, "", "serve", "--database", "postgres://crier:hush-hush@/x?port=nonsense")
	if err == nil || strings.Contains(err.Error()+errs, "hush-hush") {
		t.Errorf("%v\n%s", err, errs)
	}
}

// TestServeWaits tries a server again that is not there yet.
func TestServeWaits(t *testing.T) {
	t.Parallel()
	_, errs, stop := start(t, environment(), "serve", "--database", "postgres://crier:hush-hush@"+bottest.FreeAddress(t)+"/x?sslmode=disable")
	errs.line(t, "trying again")
	stop()
	hasNot(t, errs.String(), "hush-hush")
}

// TestBots sends by the bot that a message is for.
func TestBots(t *testing.T) {
	t.Parallel()
	var bots manyBots
	servers := map[string]*telegramtest.Server{}
	for id, community := range map[string]string{"11": "a", "22": "b", "33": ""} {
		server := telegramtest.NewServer(id + ":token")
		t.Cleanup(server.Close)
		server.Meet(telegramtest.Person{ID: 1})
		servers[id] = server
		config := telegram.Config{Token: server.Token, Endpoint: server.URL(), Community: community}
		bots = append(bots, &servedBot{Config: config, Bot: telegram.New(config, nil, slog.New(slog.DiscardHandler)), id: id})
	}
	for i, c := range []struct{ community, replyTo, want string }{
		{"a", "", "11"},
		{"b", "", "22"},
		{"c", "", "33"}, // the one for all
		{"a", "22:7", "22"},
		{"b", "111:7", "22"},
	} {
		text := fmt.Sprint("message ", i)
		if _, err := bots.Send(soon(t), conversation.Outbound{Community: c.community, ReplyTo: c.replyTo, Address: "1", Text: text}); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if all := servers[c.want].Messages(1); len(all) == 0 || all[len(all)-1].Text != text {
			t.Errorf("%+v: bot %s has sent %v", c, c.want, all)
		}
	}
	alone := manyBots{{Config: telegram.Config{Community: "a"}, id: "1"}}
	if _, err := alone.Send(t.Context(), conversation.Outbound{Community: "b", Address: "1"}); err == nil || !strings.Contains(err.Error(), "no Telegram bot serves") {
		t.Errorf("what is another community's: %v", err)
	}
}

// process is another crier.
type process struct {
	*exec.Cmd
	log *lines
}

func newProcess(t *testing.T, config string, env ...string) *process {
	t.Helper()
	p := &process{exec.Command(os.Args[0], "serve", "--config", config), newLines()}
	p.Env = append(os.Environ(), append(env, asProgram+"=1")...)
	p.Stderr = p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	return p
}

// TestTakeOver kills one of two processes in the middle of its work: nothing is
// lost or paid twice, and the other one hears the bot soon.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	riverbank(t, database)
	const people, rounds = 6, 2
	names := []string{"Agnes", "Bram", "Celine", "Didier", "Elena", "Fatima"}
	for i := range people {
		crier(t, "member", "add", "riverbank", names[i], "--number", fmt.Sprint(100+i),
			"--telegram", fmt.Sprint(2000+i), "--database", database)
	}
	outside := newTelegram(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(botToken), 0o600); err != nil {
		t.Fatal(err)
	}
	config := write(t, "crier.toml", fmt.Sprintf("listen = '127.0.0.1:0'\n[log]\nformat = 'json'\n[[telegram]]\nendpoint = %q\ntoken_file = %q\n", outside.URL(), token))
	first := newProcess(t, config, "CRIER_DATABASE="+database)
	started(t, first.log)
	if err := outside.WaitFor(soon(t), "the first to poll", func() bool { return len(outside.Calls("getUpdates")) > 0 }); err != nil {
		t.Fatalf("%v\n%s", err, first.log)
	}
	second := newProcess(t, config, "CRIER_DATABASE="+database)
	url, _ := started(t, second.log)

	// To another person each time: a second payment to the same one is asked about.
	say := func(what string, next int) {
		for i := range people {
			outside.Say(int64(2000+i), fmt.Sprintf("pay %s 1 for %s", names[(i+next)%people], what))
		}
	}
	received := func() (n int) {
		for i := range people {
			n += len(outside.Messages(int64(2000 + i)))
		}
		return n
	}
	say("bread", 1)
	if err := outside.WaitFor(soon(t), "some replies", func() bool { return received() >= people/2 }); err != nil {
		t.Fatalf("%v\n%s", err, first.log)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // killed: an error
	killed := time.Now()
	say("eggs", 2)
	takeOver, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := outside.WaitConfirmed(takeOver); err != nil {
		t.Fatalf("nobody hears the bot 15 seconds after: %v\n%s", err, second.log)
	}
	t.Logf("taken over after %v", time.Since(killed).Round(100*time.Millisecond))

	// Each payment has a reply and a notice, with a receipt of its own.
	missing := func() (missing int) {
		for i := range people {
			seen := map[string]bool{}
			for _, m := range outside.Messages(int64(2000 + i)) {
				seen[m.Text] = true
			}
			missing += max(0, 2*rounds-len(seen))
		}
		return missing
	}
	if err := outside.WaitFor(soon(t), "all replies", func() bool { return missing() == 0 }); err != nil {
		t.Fatalf("%d are missing: %v\n%v\n%s", missing(), err, outside.Messages(2000), second.log)
	}
	has(t, crier(t, "ledger", "verify", "--database", database), fmt.Sprintf("right. %d transfers", people*rounds))
	for i := range people {
		all := outside.Messages(int64(2000 + i))
		if len(all) > 2*rounds+1 { // one may have been on its way when its sender was killed
			t.Errorf("person %d reads %d messages, not %d: %v", i, len(all), 2*rounds, all)
		}
	}
	if status, _ := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz of the other: %d", status)
	}
	if err := second.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v\n%s", err, second.log)
		}
	case <-time.After(stopPatience + 2*time.Second):
		t.Errorf("it did not end in time\n%s", second.log)
	}
}

// TestMenus sees to it that whatever the bot's menus offer is understood.
func TestMenus(t *testing.T) {
	t.Parallel()
	u, err := newUnderstander()
	if err != nil {
		t.Fatal(err)
	}
	for _, menu := range menus(testCatalog(t)) {
		for _, c := range menu.Commands {
			said := strings.ReplaceAll(c.Name, "_", " ")
			if m := u.Understand(understand.Input{Text: said, Locale: menu.Locale, Unit: understand.Units}); m.Intent == understand.Unknown || m.Locale != menu.Locale {
				t.Errorf("%s: /%s is understood as %s in %q", menu.Locale, c.Name, m.Intent, m.Locale)
			}
		}
	}
}
