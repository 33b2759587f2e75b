package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"crier/bots/phone"
	"crier/conversation"
	"crier/locales"
	"crier/mail"
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

// tokenOf is what the page at url posts with.
func tokenOf(t *testing.T, url string) string {
	t.Helper()
	_, page := get(t, url)
	token := pageToken.FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("no token in %s", page)
	}
	return token[1]
}

// say posts what is typed on a screen, as the page does.
func say(t *testing.T, url, token string, typed map[string]string) {
	t.Helper()
	body, err := json.Marshal(typed)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"say", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", strings.TrimSuffix(url, "/"))
	r.Header.Set("X-Crier-Token", token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("say: %v %v", answer, err)
	}
	answer.Body.Close()
}

// TestDemo asks for Maria's balance, on the page that demo prints.
func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out, _, stop := start(t, environment(), "demo", "--listen", ":0")
	url := pageURL.FindString(out.line(t, "Ctrl-C"))
	token := tokenOf(t, url)
	_, screens := get(t, url+"screens")
	has(t, screens, `"open":["sms:+32470000012","email:luc@riverbank.example","telegram:1013","telegram:1001"]`, "Olga Petrova")

	say(t, url, token, map[string]string{"screen": "sms:+32470000012", "id": "0123456789abcdef", "text": "how much do I have"})
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

// lucsMails are what Luc finds in his mailbox when he pays by mail, by language.
var lucsMails = map[string]struct{ pay, asks, yes, wrote, done string }{
	"en": {"pay maria 3 for jam", `Pay Maria Keller 3 acorns for "jam"?`, "yes", ", Riverbank LETS wrote:\r\n> Pay Maria", "you gave Maria Keller 3 acorns (jam)"},
	"fr": {"payer maria 3 pour la confiture", "Maria Keller", "oui", ", Riverbank LETS a écrit :\r\n> ", "3 glands"},
	"nl": {"betaal maria 3 voor confituur", "Maria Keller", "ja", " schreef Riverbank LETS:\r\n> ", "3 eikels aan Maria Keller"},
}

// TestDemoByMail pays Maria from Luc's mailbox: he writes a mail, and another
// one on top of the question that comes.
func TestDemoByMail(t *testing.T) {
	t.Parallel()
	for locale, want := range lucsMails {
		t.Run(locale, func(t *testing.T) {
			t.Parallel()
			out, _, _ := start(t, environment(), "demo", "--listen", "127.0.0.1:0", "--locale", locale)
			url := pageURL.FindString(out.line(t, "Ctrl-C"))
			token := tokenOf(t, url)
			const luc = "email:luc@riverbank.example"
			mails := mailbox(t, url, luc)

			say(t, url, token, map[string]string{"screen": luc, "id": "the-first-mail-of-luc", "text": want.pay})
			first, question := mails("in-", want.pay), mails("out-", want.asks)
			if first.Mail.Subject != want.pay || question.Mail.Subject != "Re: "+want.pay || question.Mail.Quote != want.pay {
				t.Errorf("he wrote %+v and got %+v", first, question)
			}
			if question.Mail.From != "Riverbank LETS" || question.Mail.Address != "riverbank@crier.example" {
				t.Errorf("the question is from %+v", question.Mail)
			}
			parts := partsOf(t, question.Mail.Source)
			if len(parts) != 2 || !strings.Contains(parts["text/plain; charset=utf-8"], want.asks) || !strings.Contains(parts["text/html; charset=utf-8"], "Maria Keller") {
				t.Errorf("the question has the parts %q", parts)
			}

			answer := map[string]string{"screen": luc, "id": "the-answer-of-luc-01", "text": want.yes, "answers": question.Key}
			say(t, url, token, answer)
			yes := mails("in-", want.yes)
			if yes.Text != want.yes || yes.Mail.Subject != question.Mail.Subject {
				t.Errorf("his answer is shown as %+v", yes)
			}
			asked, answered := fieldsOf(t, question.Mail.Source), fieldsOf(t, yes.Mail.Source)
			if answered.Get("In-Reply-To") != asked.Get("Message-ID") || !strings.HasSuffix(answered.Get("References"), asked.Get("Message-ID")) || !strings.Contains(answered.Get("To"), "riverbank+c.") {
				t.Errorf("his answer has the header %v, to a question with %v", answered, asked)
			}
			for _, part := range []string{"\r\n\r\n" + want.yes + "\r\n\r\n", want.wrote, "\r\n-- \r\nLuc Martin\r\nRiverbank LETS\r\nluc@riverbank.example\r\n"} {
				has(t, yes.Mail.Source, part)
			}
			if done := mails("out-", want.done); done.Mail.Quote != want.yes {
				t.Errorf("the receipt quotes %q", done.Mail.Quote)
			}
			listenTo(t, url+"events?open=sms:%2B32470000012", "Luc Martin") // Maria hears of it
		})
	}
}

// heard is a journey that only listens.
type heard struct {
	mail.Journey
	got []conversation.Inbound
}

func (h *heard) Handle(_ context.Context, in conversation.Inbound) error {
	h.got = append(h.got, in)
	return nil
}

// TestDemoMailsSayWhatWasTyped, whatever that is, and whatever is answered.
func TestDemoMailsSayWhatWasTyped(t *testing.T) {
	t.Parallel()
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	now := func() time.Time { return time.Date(2026, 5, 3, 10, 12, 13, 140, time.UTC) }
	d := newDemoMail(mail.NewSeal(make([]byte, 32)), h, "riverbank", "Riverbank LETS", catalog, slog.New(slog.DiscardHandler), now)
	letter, err := d.Letter(conversation.Outbound{ID: 12, Address: "marie@riverbank.example", Text: "Combien ?\n\n1. œufs\n2. thé", Sender: "Au fil de l'eau"})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, typed := range []string{
		"yes", "yes", "payer luc 3,50 € pour du thé", "two\r\nlines\rand three", "Bcc: all@example.org\n\nsent", "مرحبا",
		strings.Repeat("pay luc 5 for eggs and ", 100) + "jam", strings.Repeat("é", 3000), "From here = there.\n.\nend",
	} {
		for _, answers := range []string{"", letter.Source} {
			h.got = nil
			mine, err := d.Write(phone.Draft{
				ID: "0123456789abcdef", At: now(), Text: typed, Answers: answers,
				Screen: phone.Screen{Name: `Marie "Mimi" Lambert`, Address: "marie@riverbank.example", Locale: "fr"},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := d.Hear(t.Context(), "marie@riverbank.example", mine.Source); err != nil {
					t.Fatal(err)
				}
			}
			if len(h.got) != 2 || h.got[0].ID != h.got[1].ID || ids[h.got[0].ID] {
				t.Fatalf("%.40q became %+v: one mail has one id, and another mail another", typed, h.got)
			}
			in := h.got[0]
			ids[in.ID] = true
			lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(typed)
			if in.Text != lines || in.From != "marie@riverbank.example" || in.Trust != conversation.Proven || in.Community != "riverbank" {
				t.Errorf("%.40q became %+v", typed, in)
			}
			if want := map[bool]int64{true: 12}[answers != ""]; in.Answers != want {
				t.Errorf("%.40q answers letter %d, want %d", typed, in.Answers, want)
			}
			for line := range strings.SplitSeq(mine.Source, "\r\n") {
				if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
					t.Errorf("%.40q has the line %.80q", typed, line)
				}
			}
		}
	}
}

// shownMail is what the page gets of a mail.
type shownMail struct {
	Key, Text string
	Mail      struct{ From, Address, Subject, Quote, Source string }
}

// mailbox opens the stream of a screen. It returns a function that reads on to
// a mail whose key begins like that, and that has a text in it.
func mailbox(t *testing.T, url, screen string) func(key, text string) shownMail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events?open="+screen, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	stream := bufio.NewScanner(answer.Body)
	stream.Buffer(nil, 1<<20)
	return func(key, text string) shownMail {
		t.Helper()
		for stream.Scan() {
			var m shownMail
			data, ok := strings.CutPrefix(stream.Text(), "data: ")
			if ok && json.Unmarshal([]byte(data), &m) == nil && strings.HasPrefix(m.Key, key) && strings.Contains(m.Text, text) {
				return m
			}
		}
		t.Fatalf("no mail %s with %q: %v", key, text, stream.Err())
		return shownMail{}
	}
}

func fieldsOf(t *testing.T, source string) netmail.Header {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(source))
	if err != nil {
		t.Fatalf("%v in %s", err, source)
	}
	return m.Header
}

// partsOf takes a mail apart with the standard library, which is strict.
func partsOf(t *testing.T, source string) map[string]string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(source))
	if err != nil {
		t.Fatalf("%v in %s", err, source)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v in %s", kind, err, source)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatalf("%v in %s", err, source)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatalf("%v in %s", err, source)
		}
		parts[part.Header.Get("Content-Type")] = string(text)
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
