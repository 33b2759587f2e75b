package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// start runs a command that goes on until it is stopped. stop ends it, and
// fails the test where that takes too long or is an error.
func start(t *testing.T, getenv func(string) string, args ...string) (out, errs *lines, stop func()) {
	t.Helper()
	out, errs = newLines(), newLines()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, strings.NewReader(""), out, errs, getenv) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("crier %s: %v", args[0], err)
			}
		case <-time.After(stopPatience + 2*time.Second):
			t.Errorf("crier %s did not stop in time", args[0])
		}
	}
	t.Cleanup(stop)
	return out, errs, stop
}

// get reads a page, and the value of its token where it has one.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, b.String()
}

var (
	pageURL   = regexp.MustCompile(`http://[^ ]+/`)
	pageToken = regexp.MustCompile(`token[^A-Z0-9]+([A-Z2-7]{26})`)
)

// TestDemo pays Luc as Maria, on the page that demo prints.
func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out, _, stop := start(t, environment(), "demo", "--listen", ":0")
	url := pageURL.FindString(out.line(t, "Ctrl-C"))
	_, page := get(t, url)
	token := pageToken.FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("no token in %s", page)
	}
	_, screens := get(t, url+"screens")
	has(t, screens, `"open":["sms:+32470000012","email:luc@riverbank.example","telegram:1013","telegram:1001"]`, "Olga Petrova")

	body, err := json.Marshal(map[string]string{"screen": "sms:+32470000012", "id": "0123456789abcdef", "text": "how much do I have"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"say", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", strings.TrimSuffix(url, "/"))
	r.Header.Set("X-Crier-Token", token[1])
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("say: %v %v", answer, err)
	}
	answer.Body.Close()
	listenTo(t, url+"events?open=sms:%2B32470000012", "You have 23 acorns")
	stop()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the demo leaves %v behind: %v", left, err)
	}
}

// listenTo reads a stream until something is in it.
func listenTo(t *testing.T, url, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var seen bytes.Buffer
	part := make([]byte, 4096)
	for {
		n, err := answer.Body.Read(part)
		seen.Write(part[:n])
		if strings.Contains(seen.String(), want) {
			return
		}
		if err != nil {
			t.Fatalf("no %q in %s: %v", want, seen.String(), err)
		}
	}
}

// TestDemoTwice and in another language: the second one finds another port.
func TestDemoTwice(t *testing.T) {
	t.Parallel()
	first, _, _ := start(t, environment(), "demo")
	second, _, _ := start(t, environment(), "demo", "--locale", "fr")
	one, two := pageURL.FindString(first.line(t, "Ctrl-C")), pageURL.FindString(second.line(t, "Ctrl-C"))
	if one == two {
		t.Errorf("both at %s", one)
	}
	_, screens := get(t, two+"screens")
	has(t, screens, `"name":"Maria Keller","channel":"sms","address":"+32470000012","locale":"fr","try":"payer`)
}

func TestDemoErrors(t *testing.T) {
	t.Parallel()
	fails(t, "does not speak", "demo", "--locale", "tlh")
	fails(t, "this machine alone", "demo", "--listen", "0.0.0.0:8080")
	fails(t, "not an address", "demo", "--listen", "here")
	fails(t, "is another crier running there", "demo", "--listen", takenPort(t))
}
