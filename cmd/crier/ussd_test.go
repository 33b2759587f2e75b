package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// africa is a stand-in for Africa's Talking: it takes texts, and dials.
type africa struct {
	t      *testing.T
	server *httptest.Server
	ussd   string // the address that it calls

	mu    sync.Mutex
	texts []string // "number: text"
}

func newAfrica(t *testing.T) *africa {
	a := &africa{t: t}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version1/messaging" || r.Header.Get("apiKey") != "key of the app" || r.FormValue("username") != "river" {
			http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.texts = append(a.texts, r.FormValue("to")+": "+r.FormValue("message"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"SMSMessageData": map[string]any{
			"Message":    "Sent to 1/1 Total Cost: KES 0.8000",
			"Recipients": []any{map[string]any{"statusCode": 101, "number": r.FormValue("to"), "status": "Success", "cost": "KES 0.8000", "messageId": fmt.Sprintf("ATXid_%d", len(a.texts))}},
		}})
	}))
	t.Cleanup(a.server.Close)
	return a
}

// dial makes one step of a session: history is all that was entered in it.
func (a *africa) dial(session, history string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	form := url.Values{
		"sessionId": {session}, "serviceCode": {"*384*7#"}, "phoneNumber": {mariasPhone}, "networkCode": {"63902"}, "text": {history},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.ussd, strings.NewReader(form.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || len(body) > 182+4 {
		a.t.Fatalf("step %q: %s %q %v", history, resp.Status, body, err)
	}
	return string(body)
}

// TestUSSD has Maria pay by dialling a code, over a session that breaks off,
// while the network brings steps twice.
func TestUSSD(t *testing.T) {
	t.Parallel()
	a := newAfrica(t)
	database := founded(t)
	config := write(t, "crier.toml", fmt.Sprintf(`
database = %q
listen = "127.0.0.1:0"
[log]
format = "json"
[[sms]]
gateway = "africastalking"
url = %q
user = "river"
number = "384"
price = "0.80 KES"
callback = "https://crier.example"
`, database, a.server.URL))
	env := environment("CRIER_SMS_SECRET=key of the app")
	_, log, stop := start(t, env, "serve", "--config", config)
	defer stop()
	listen, _ := started(t, log)
	hooks, _, stopHooks := start(t, env, "sms", "hooks", "--config", config)
	path := regexp.MustCompile(`https://crier\.example(/\S+/ussd)\n`).FindStringSubmatch(hooks.line(t, "/ussd\n"))
	stopHooks()
	if path == nil {
		t.Fatalf("the hooks are %s", hooks)
	}
	a.ussd = listen + path[1]
	step := func(session, history, want string) {
		t.Helper()
		if got := a.dial(session, history); !strings.HasPrefix(got, want) {
			t.Errorf("after %q the screen is %q, and should begin with %q", history, got, want)
		}
	}
	const menu = "CON Riverbank LETS\n1 Balance\n2 Pay"
	step("s1", "", menu)
	step("s1", "2", "CON Who is it for?")
	step("s1", "2*luc", "CON How many acorns for Luc Martin?")
	step("s1", "2*luc", "CON How many acorns for Luc Martin?") // the network brings it twice
	step("s1", "2*luc*5", "CON Pay Luc Martin 5 acorns?\n1 Yes\n2 No\n0 Back")
	step("s2", "", "CON Pay Luc Martin 5 acorns?\n1 Yes\n2 No\n0 Back") // the session broke off
	step("s2", "1", "END Done, receipt ")
	step("s2", "1", "END Done, receipt ")
	step("s3", "", menu)
	step("s3", "1", "END You have -5 acorns")
	for end := time.Now().Add(textsWithin); ; time.Sleep(20 * time.Millisecond) {
		a.mu.Lock()
		texts := strings.Join(a.texts, "\n")
		a.mu.Unlock()
		if strings.Contains(texts, lucsPhone+": Receipt ") {
			if strings.Contains(texts, mariasPhone) {
				t.Errorf("what was on the screen went out as a text as well: %s", texts)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("Luc hears nothing: %q", texts)
		}
	}
	has(t, crier(t, "ledger", "verify", "riverbank", "--database", database), "1 transfer")
	costs := ""
	for end := time.Now().Add(textsWithin); !strings.Contains(costs, "riverbank") && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		costs = crier(t, "costs", "--database", database)
	}
	has(t, costs, "riverbank", "0.80", "KES")
}
