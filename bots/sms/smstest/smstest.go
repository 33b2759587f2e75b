// Package smstest is the suite that every SMS gateway passes: what Crier may
// rely on, whichever company, daemon or telephone is at the other end.
//
// A gateway's test says how its other end is started and what can be done
// there, and calls Run:
//
//	func TestGateway(t *testing.T) {
//		smstest.Run(t, smstest.Harness{Kind: twilio.Kind, Start: func(t *testing.T, hook string) smstest.Wire {
//			provider := newProvider(t, hook)
//			return smstest.Wire{Settings: …, Say: provider.say, Got: provider.got, …}
//		}})
//	}
//
// Beside the suite stand the real daemons, started for a test.
package smstest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots"
	"crier/bots/sms"
	"crier/conversation"
)

// Patience is how long the suite waits for anything.
const Patience = time.Minute

// The telephones that the other end has. Crier's own number is the harness's
// choice (Settings.Number); it is Belgian like them.
const (
	Handset = "+32470000001"
	Other   = "+32470000002"
)

// BusyFor is how long a gateway that is Busy wants to be left alone, if it can
// say so.
const BusyFor = 47 * time.Second

// Harness starts the other end of a gateway.
type Harness struct {
	Kind sms.Kind

	// Start starts a fresh provider: a stand-in, or the real thing. hook is
	// where the line's webhooks are, with a slash at the end ("in" and
	// "receipt" are below it), "" where the Kind has none. It ends with the
	// test (t.Cleanup).
	Start func(t *testing.T, hook string) Wire

	// Dated says that a webhook's signature holds its time, so that an old one
	// can be refused.
	Dated bool

	// Looks says that a text that is submitted Again is looked for at the
	// provider before it is sent.
	Looks bool
}

// Wire is the other end. Its functions return at once, and the suite waits for
// what follows from them. A function is nil where the gateway lacks what it is
// about.
type Wire struct {
	// Settings are the line's, without Hook, Skew and Timeout. Secrets have at
	// least 8 characters, so that they can be looked for in the log. With a
	// URL, the suite has the gateway also meet servers of its own there.
	Settings sms.Settings

	// Say has a telephone write to Crier's number. The provider brings the text
	// as it would a real one, and again, soon, until it is acknowledged.
	Say func(from, text string)

	// Waiting is how many texts and receipts the provider still has to bring.
	// nil: that cannot be seen.
	Waiting func() int

	// Repeat brings the text that was acknowledged last once more.
	Repeat func()

	// Got is what a telephone got, oldest first, long texts put together.
	Got func(number string) []string

	// Report brings a receipt for the n-th text that the provider has taken,
	// from 0 on, and again until it is acknowledged. It returns false where the
	// provider has no receipt that says so. Needed where Kind.Receipts is set.
	Report func(n int, status conversation.Status) bool

	// ReportUnknown brings a receipt, delivered, for a text that nobody sent.
	ReportUnknown func()

	// Call makes the call of a webhook that the provider would make, for the
	// suite to make it. It returns nil where there is none like that. Needed
	// where the Kind has Hooks.
	Call func(Call) *http.Request

	// Meets has the next text that is submitted meet a trouble, once.
	Meets map[Trouble]func()
}

// Call is a call of a webhook.
type Call struct {
	Path     string    // Hook.Path; a receipt is for a text that nobody sent
	Text     string    // that Handset writes, where Path is "in"
	Key      string    // what it is signed with; "": the right key
	Unsigned bool      // it has no signature
	At       time.Time // when it is signed
	Body     []byte    // in place of what belongs there; it is signed all the same. nil: what belongs there
}

// Trouble is what a text can meet at a provider.
type Trouble int

// The troubles.
const (
	Busy      Trouble = iota // too much at once: back after BusyFor (429)
	Broken                   // an error of its own (500)
	Silent                   // it takes the text and never answers: the caller has to give up
	Penniless                // the account is empty
	Locked                   // user or password are wrong
	Invalid                  // the number is none that can get texts
	Stopped                  // the number's owner has opted out
	Refused                  // this text will never be sent
)

func (t Trouble) String() string {
	return [...]string{"busy", "broken", "silent", "penniless", "locked", "invalid", "stopped", "refused"}[t]
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Run("a text is kept and then acknowledged", h.acknowledges)
	t.Run("what was not kept comes again", h.redelivers)
	t.Run("what came while nobody listened is heard later", h.survives)
	t.Run("two alike are two", h.tellsApart)
	t.Run("a repetition has the same id", h.repeats)
	t.Run("what people write arrives as it is", h.hearsAnything)
	t.Run("who is no telephone is not answered", h.hearsNames)
	t.Run("what is written to people arrives as it is", h.sendsAnything)
	t.Run("many at once", h.sendsMany)
	t.Run("submitted twice", h.sendsOnce)
	t.Run("receipts in any order", h.receipts)
	t.Run("a receipt that was not kept comes again", h.receiptsAgain)
	t.Run("a receipt for nobody's text", h.receiptForNobody)
	t.Run("calls that are refused", h.refuses)
	t.Run("troubles", h.troubles)
	t.Run("no answer is no refusal", h.silence)
	t.Run("a cancelled text is not sent", h.cancels)
	t.Run("servers that are no gateway", h.strangers)
	t.Run("a probe", h.probes)
}

func (h Harness) acknowledges(t *testing.T) {
	gate := make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	r := h.start(t, &Journey{Keep: func(int) error { <-gate; return nil }})
	t.Cleanup(open) // runs before the line is stopped

	r.say(Handset, "how many acorns")
	in := r.heard(1)[0]
	if in.Channel != sms.Channel || in.From != Handset || in.Text != "how many acorns" || in.Trust != conversation.Proven || in.ID == lineName+":" {
		t.Errorf("heard %+v", in)
	}
	if age := time.Since(in.At); age < 0 || age > time.Hour {
		t.Errorf("heard a text of %v", in.At)
	}
	if r.wire.Waiting != nil && r.wire.Waiting() == 0 {
		t.Error("acknowledged before it was kept")
	}
	open()
	r.settled()
	for _, again := range r.journey.Heard() { // a provider may lose its patience and bring it twice
		if again.ID != in.ID {
			t.Errorf("one text has the ids %q and %q", in.ID, again.ID)
		}
	}
}

func (h Harness) redelivers(t *testing.T) {
	r := h.start(t, &Journey{Keep: func(n int) error {
		if n <= 2 {
			return ErrNotKept
		}
		return nil
	}})
	r.say(Handset, "first of two")
	got := r.heard(3)
	r.settled()
	for _, in := range got {
		if in.ID != got[0].ID || in.Text != "first of two" {
			t.Errorf("came again as %q %q, was %q %q", in.ID, in.Text, got[0].ID, got[0].Text)
		}
	}
	r.say(Handset, "second of two")
	if in := r.texts(2)[1]; in.Text != "second of two" {
		t.Errorf("after it came %q %q", in.ID, in.Text)
	}
	r.settled()
}

func (h Harness) survives(t *testing.T) {
	r := h.start(t, &Journey{Keep: func(n int) error {
		if n == 1 {
			return ErrNotKept
		}
		return nil
	}})
	r.say(Handset, "before the end")
	first := r.heard(1)[0]
	r.stop()
	r.say(Other, "in the night")
	if r.wire.Waiting != nil && r.wire.Waiting() == 0 {
		t.Error("acknowledged to nobody")
	}
	r.run()
	eventually(t, "both texts", func() bool {
		ids := r.ids()
		return ids["before the end"] != nil && ids["in the night"] != nil && len(r.journey.Heard()) >= 3
	})
	r.settled()
	for text, ids := range r.ids() {
		if len(ids) != 1 {
			t.Errorf("%q has the ids %q", text, ids)
		}
	}
	if ids := r.ids()["before the end"]; ids[0] != first.ID {
		t.Errorf("before the end as %q, after it as %q", first.ID, ids)
	}
}

func (h Harness) tellsApart(t *testing.T) {
	r := h.start(t, &Journey{})
	const each = 3
	for range each {
		r.say(Handset, "yes please")
		r.say(Other, "yes please")
	}
	eventually(t, "six texts", func() bool { return len(r.ids()["yes please"]) == 2*each })
	r.settled()
}

func (h Harness) repeats(t *testing.T) {
	r := h.start(t, &Journey{})
	if r.wire.Repeat == nil {
		t.Log("this provider cannot")
		return
	}
	r.say(Handset, "pay luc 5 for eggs")
	r.heard(1)
	r.settled()
	n := len(r.journey.Heard())
	r.wire.Repeat()
	for _, in := range r.heard(n + 1) {
		if first := r.journey.Heard()[0]; in.ID != first.ID || in.Text != first.Text {
			t.Errorf("came as %q %q and as %q %q", first.ID, first.Text, in.ID, in.Text)
		}
	}
}

// gsm is all of the GSM alphabet (3GPP TS 23.038, section 6.2.1) that can be
// written in a line, and extension what costs two septets.
const (
	gsm = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = `^{}\[~]|€`
)

// sayings are what people write, and what is written to them.
func sayings() []string {
	return []string{
		"You have 15 acorns.",
		"Line one\nline two\n\nline four",
		gsm,
		"The rest: " + extension,
		`<b>5 & 6</b> *7* _8_ [9](x) "10" \n %s %41 + a=b;c?d#e`,
		"Zoë à Łódź – “ça va” … 5 €",
		"спасибо, שלום, 你好, ありがとう",
		"👍🏽 👨‍👩‍👧 🇧🇪 e\u0301",
		run(160, "septet "), run(161, "septet "),
		run(152, "septet ") + "€" + run(200, "extended "), // its escape would end the first part
		run(70, "зима "), run(71, "зима "),
		run(66, "зима ") + "👍" + run(80, "лето "), // its surrogates would end the first part
		run(900, "a long story of eggs and bread "),
		run(330, "длинная история "),
	}
}

// run is a text of n characters.
func run(n int, word string) string {
	return string([]rune(strings.Repeat(word, n/len([]rune(word))+1))[:n-1]) + "."
}

func (h Harness) hearsAnything(t *testing.T) {
	r := h.start(t, &Journey{})
	for i, text := range sayings() {
		r.say(Handset, text)
		if got := r.texts(i + 1)[i].Text; got != text {
			t.Errorf("a telephone wrote\n%q, heard was\n%q", text, got)
		}
		r.settled()
	}
}

func (h Harness) hearsNames(t *testing.T) {
	r := h.start(t, &Journey{})
	r.say("MYBANK", "your code is 4711")
	r.say("8880", "you have won a car")
	r.say(Handset, "how many acorns")
	r.heard(1)
	r.settled() // the others are acknowledged, too
	for _, in := range r.journey.Heard() {
		if in.From != Handset {
			t.Errorf("heard %q from %q", in.Text, in.From)
		}
	}
}

func (h Harness) sendsAnything(t *testing.T) {
	r := h.start(t, &Journey{})
	for i, text := range sayings() {
		if _, err := r.send(Handset, text); err != nil {
			t.Fatalf("send %q: %v", text, err)
		}
		eventually(t, fmt.Sprintf("%q before the person", text), func() bool { return len(r.wire.Got(Handset)) > i })
		if got := r.wire.Got(Handset)[i]; got != text {
			t.Errorf("was sent\n%q, arrived\n%q", text, got)
		}
	}
}

func (h Harness) sendsMany(t *testing.T) {
	r := h.start(t, &Journey{})
	const each = 12
	var all sync.WaitGroup
	want := make(map[string]bool)
	for i := range each {
		for _, to := range []string{Handset, Other} {
			body := fmt.Sprintf("acorn %d of %d for %s", i, each, map[string]string{Handset: "one", Other: "two"}[to])
			want[to+body] = true
			all.Go(func() {
				if _, err := r.send(to, body); err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
	}
	all.Wait()
	eventually(t, "all texts", func() bool { return len(r.wire.Got(Handset)) >= each && len(r.wire.Got(Other)) >= each })
	for _, to := range []string{Handset, Other} {
		for _, body := range r.wire.Got(to) {
			if !want[to+body] {
				t.Errorf("%q arrived twice, or at the wrong telephone", body)
			}
			delete(want, to+body)
		}
	}
}

func (h Harness) sendsOnce(t *testing.T) {
	r := h.start(t, &Journey{})
	// Two texts that are alike are two.
	for range 2 {
		if _, err := r.send(Handset, "nothing was paid"); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
	r.got(Handset, "nothing was paid", "nothing was paid")
	if !h.Kind.Idempotent && !h.Looks {
		return
	}
	text := r.text(Other, "once and for all")
	first, err := r.submit(text)
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	again := []sms.Text{text}
	if h.Looks { // only if it is told to
		again = nil
	}
	text.Again = true
	for _, text := range append(again, text) {
		second, err := r.submit(text)
		if err != nil {
			t.Fatalf("send again: %v", err)
		}
		if first != second {
			t.Errorf("sent as %q and again as %q", first, second)
		}
	}
	// A last one, which cannot overtake them by much.
	if _, err := r.send(Other, "the last of them"); err != nil {
		t.Fatalf("send: %v", err)
	}
	r.got(Other, "once and for all", "the last of them")
}

func (h Harness) receipts(t *testing.T) {
	r := h.start(t, &Journey{})
	if !h.Kind.Receipts {
		t.Log("it has none")
		return
	}
	var sent []delivery
	for i := range 4 {
		sent = append(sent, r.deliver(fmt.Sprintf("receipt number %d", i)))
	}
	r.wire.Report(2, conversation.Delivered)
	fails := r.wire.Report(0, conversation.Failed)
	r.wire.Report(3, conversation.Underway)
	r.wire.Report(3, conversation.Delivered)
	r.wire.Report(2, conversation.Underway) // it was overtaken
	r.reported(sent[2], conversation.Delivered)
	r.reported(sent[3], conversation.Delivered)
	if fails {
		if reason := r.reported(sent[0], conversation.Failed).Reason; reason == "" {
			t.Error("a failure without a reason")
		}
	}
	r.settled()
	for _, receipt := range r.journey.Receipts() {
		of := slices.IndexFunc(sent, func(d delivery) bool { return d.is(receipt) })
		switch {
		case of < 0:
			t.Errorf("%+v is for none of %+v", receipt, sent)
		case receipt.Status == conversation.Delivered && of != 2 && of != 3, receipt.Status == conversation.Failed && of != 0:
			t.Errorf("text %d: %+v", of, receipt)
		case receipt.Dead || receipt.OptedOut:
			t.Errorf("%+v of one failure", receipt)
		}
	}
}

func (h Harness) receiptsAgain(t *testing.T) {
	var refuse atomic.Int64
	r := h.start(t, &Journey{Keep: func(int) error {
		if refuse.Add(-1) >= 0 {
			return ErrNotKept
		}
		return nil
	}})
	if !h.Kind.Receipts {
		t.Log("it has none")
		return
	}
	d := r.deliver("has it arrived")
	r.settled()
	before := len(r.journey.Receipts())
	refuse.Store(2)
	r.wire.Report(0, conversation.Delivered)
	eventually(t, "the receipt, three times", func() bool { return len(r.journey.Receipts()) >= before+3 })
	r.reported(d, conversation.Delivered)
	r.settled()
}

func (h Harness) receiptForNobody(t *testing.T) {
	r := h.start(t, &Journey{})
	if r.wire.ReportUnknown == nil {
		t.Log("this provider cannot")
		return
	}
	d := r.deliver("the only one")
	r.wire.ReportUnknown()
	r.settled()
	for _, receipt := range r.journey.Receipts() {
		if d.is(receipt) && receipt.Status != conversation.Underway {
			t.Errorf("the receipt of another: %+v", receipt)
		}
	}
	r.say(Handset, "still listening")
	r.heard(1)
}

// garbage is nothing that a gateway brings.
var garbage = []string{
	"\x00\xff\xfe", "%zz=%&&&=", "{", "[]", `"a"`, "7", "null", `{"a":`, "<xml/>", "a=b&c=d", `{"a":{"b":[{"c":1}]}}`,
	strings.Repeat("[", 50_000), strings.Repeat("a=b&", 20_000), `{"id":{},"event":7,"payload":[]}`,
}

func (h Harness) refuses(t *testing.T) {
	r := h.start(t, &Journey{})
	if len(h.Kind.Hooks) == 0 {
		t.Log("it has no webhooks")
		return
	}
	now := time.Now()
	for i, hook := range h.Kind.Hooks {
		proper := Call{Path: hook.Path, Text: "balance-" + strconv.Itoa(i), At: now}
		if r.wire.Call(proper) == nil {
			continue
		}
		bring := func(what string, request *http.Request, want ...int) {
			t.Helper()
			if request == nil {
				return
			}
			heard, receipts := len(r.journey.Heard()), len(r.journey.Receipts())
			response := r.do(request) //nolint:bodyclose // r.do has closed it
			if !slices.Contains(want, response.StatusCode) {
				t.Errorf("%s, %s: answered %d, want %v", hook.Path, what, response.StatusCode, want)
			}
			if allow := response.Header.Get("Allow"); response.StatusCode == http.StatusMethodNotAllowed && allow != strings.Join(hook.Methods, ", ") {
				t.Errorf("%s, %s: Allow is %q", hook.Path, what, allow)
			}
			if want[0] != http.StatusOK && (len(r.journey.Heard()) != heard || len(r.journey.Receipts()) != receipts) {
				t.Errorf("%s, %s: it was handed on", hook.Path, what)
			}
		}
		with := func(change func(*Call)) *http.Request {
			call := proper
			change(&call)
			return r.wire.Call(call)
		}

		bring("as it should be", r.wire.Call(proper), http.StatusOK)
		for _, path := range []string{"/x" + lineKey, "/" + lineKey[1:], "/" + strings.ToUpper(lineKey), "/"} {
			request := r.wire.Call(proper)
			request.URL.Path = strings.Replace(request.URL.Path, "/"+lineKey, path, 1)
			bring("by the path "+path, request, http.StatusNotFound)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if !slices.Contains(hook.Methods, method) {
				request := r.wire.Call(proper)
				request.Method = method
				bring("by "+method, request, http.StatusMethodNotAllowed)
			}
		}
		huge := with(func(c *Call) { c.Body = bytes.Repeat([]byte("a=b&"), 256<<10) })
		bring("a huge one", huge, http.StatusRequestEntityTooLarge)
		for _, body := range garbage {
			for _, kind := range []string{"application/json", "application/x-www-form-urlencoded", "text/plain", ""} {
				request, err := http.NewRequestWithContext(t.Context(), hook.Methods[0], r.hook+hook.Path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", kind)
				bring(fmt.Sprintf("%.20q of nobody's", body), request, http.StatusBadRequest, http.StatusForbidden)
			}
			if hook.Methods[0] == http.MethodPost {
				bring(fmt.Sprintf("%.20q", body), with(func(c *Call) { c.Body = []byte(body) }), http.StatusBadRequest)
			}
		}
		if h.Kind.Signed {
			bring("unsigned", with(func(c *Call) { c.Unsigned = true }), http.StatusForbidden)
			bring("forged", with(func(c *Call) { c.Key = "another's key" }), http.StatusForbidden)
			bring("tampered with", tampered(t, r.wire.Call(proper), proper.Text), http.StatusForbidden)
			if h.Dated {
				bring("replayed", with(func(c *Call) { c.At = now.Add(-time.Hour) }), http.StatusForbidden)
				bring("of tomorrow", with(func(c *Call) { c.At = now.Add(time.Hour) }), http.StatusForbidden)
			}
		}
		bring("as it should be, after all that", with(func(c *Call) { c.Text += " again" }), http.StatusOK)
	}
}

// tampered changes a request's text after it was signed. It returns nil where
// the text cannot be found.
func tampered(t *testing.T, request *http.Request, text string) *http.Request {
	t.Helper()
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			t.Fatal(err)
		}
	}
	other := strings.Replace(text, "balance", "PAYALL9", 1)
	changed := bytes.ReplaceAll(body, []byte(text), []byte(other))
	query := strings.ReplaceAll(request.URL.RawQuery, text, other)
	if bytes.Equal(changed, body) && query == request.URL.RawQuery {
		return nil
	}
	request.Body, request.URL.RawQuery = io.NopCloser(bytes.NewReader(changed)), query
	return request
}

func (h Harness) troubles(t *testing.T) {
	for trouble, want := range map[Trouble]conversation.SendError{
		Busy:      {Everybody: true},
		Broken:    {},
		Penniless: {Everybody: true},
		Locked:    {Everybody: true},
		Invalid:   {Final: true, Bounced: true},
		Stopped:   {Final: true, Paused: true},
		Refused:   {Final: true},
	} {
		t.Run(trouble.String(), func(t *testing.T) {
			r := h.start(t, &Journey{})
			meet := r.wire.Meets[trouble]
			if meet == nil {
				t.Log("this provider has it not")
				return
			}
			meet()
			text := r.text(Handset, "in trouble")
			_, err := r.submit(text)
			if err == nil {
				t.Fatal("no error")
			}
			got := meaning(err)
			if got.Final != want.Final || got.Paused != want.Paused || got.Bounced != want.Bounced || got.Everybody != want.Everybody || got.MovedTo != "" {
				t.Errorf("%v means %+v, want %+v", err, got, want)
			}
			if least := map[bool]time.Duration{true: BusyFor}[trouble == Busy]; got.Everybody && (got.RetryAfter <= least-BusyFor/2 || got.RetryAfter > time.Hour) {
				t.Errorf("to be tried again after %v", got.RetryAfter)
			}
			// Nobody else is concerned.
			if _, err := r.send(Other, "out of trouble"); err != nil {
				t.Errorf("the next text: %v", err)
			}
			r.got(Other, "out of trouble")
			if got.Final {
				return
			}
			text.Again = true
			if _, err := r.submit(text); err != nil {
				t.Errorf("the same text again: %v", err)
			}
			r.got(Handset, "in trouble")
		})
	}
}

func (h Harness) silence(t *testing.T) {
	r := h.start(t, &Journey{})
	meet := r.wire.Meets[Silent]
	if meet == nil {
		t.Log("this provider always answers")
		return
	}
	meet()
	text := r.text(Handset, "into the silence")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if _, err := r.submitBy(ctx, text); err == nil {
		t.Fatal("no error")
	} else if got := meaning(err); got.Final || got.Paused || got.Bounced || got.Everybody {
		t.Errorf("%v means %+v", err, got)
	}
	if d := time.Since(began); d > Patience/2 {
		t.Errorf("gave up after %v", d)
	}
	text.Again = true
	if _, err := r.submit(text); err != nil {
		t.Fatalf("the same text again: %v", err)
	}
	if _, err := r.send(Other, "is anybody there"); err != nil {
		t.Fatalf("send: %v", err)
	}
	r.got(Other, "is anybody there")
	eventually(t, "the text", func() bool { return len(r.wire.Got(Handset)) > 0 })
	if got := r.wire.Got(Handset); (h.Kind.Idempotent || h.Looks) && len(got) != 1 {
		t.Errorf("%q arrived", got)
	}
}

func (h Harness) cancels(t *testing.T) {
	r := h.start(t, &Journey{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.submitBy(ctx, r.text(Handset, "never mind")); err == nil {
		t.Error("no error")
	} else if got := meaning(err); got.Final || got.Paused || got.Bounced || got.Everybody {
		t.Errorf("%v means %+v", err, got)
	}
	if _, err := r.send(Handset, "still here"); err != nil {
		t.Fatalf("send: %v", err)
	}
	r.got(Handset, "still here")
}

// strangers has the gateway send to servers that are none, or to nobody.
func (h Harness) strangers(t *testing.T) {
	wire := h.Start(t, h.hookOf("http://127.0.0.1:9"))
	base, err := url.Parse(wire.Settings.URL)
	if err != nil || base.Host == "" {
		t.Log("it is not reached by HTTP")
		return
	}
	for _, status := range []int{200, 302, 307, 404, 500, 502} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			var followed atomic.Bool
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
			t.Cleanup(elsewhere.Close)
			h.sendsTo(t, wire.Settings, *base, func(w http.ResponseWriter, request *http.Request) {
				// A page that repeats all that it was told.
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "<html>%s %s %v ", request.Method, request.URL, request.Header)
				_, _ = io.Copy(w, request.Body)
			})
			if followed.Load() {
				t.Error("it went where it was sent")
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		var written atomic.Int64
		h.sendsTo(t, wire.Settings, *base, func(w http.ResponseWriter, request *http.Request) {
			chunk := bytes.Repeat([]byte(" "), 64<<10)
			for written.Load() < 256<<20 && request.Context().Err() == nil {
				n, err := w.Write(chunk)
				if written.Add(int64(n)); err != nil {
					return
				}
			}
		})
		if n := written.Load(); n > 64<<20 {
			t.Errorf("read %d bytes", n)
		}
	})
	t.Run("nobody", func(t *testing.T) { h.sendsTo(t, wire.Settings, *base, nil) })
}

// sendsTo has a text sent to a server with that handler, nil for none at all.
// It must fail without being final.
func (h Harness) sendsTo(t *testing.T, settings sms.Settings, base url.URL, handler http.HandlerFunc) {
	server := httptest.NewServer(handler)
	if handler == nil {
		server.Close()
	}
	t.Cleanup(server.Close)
	base.Host = server.Listener.Addr().String()
	settings.URL = base.String()
	r := h.rig(t, &Journey{}, Wire{Settings: settings})
	_, err := r.send(Handset, "to a stranger")
	if err == nil {
		t.Fatal("no error")
	}
	if got := meaning(err); got.Final || got.Paused || got.Bounced {
		t.Errorf("%v means %+v", err, got)
	}
}

func (h Harness) probes(t *testing.T) {
	r := h.start(t, &Journey{})
	if _, ok := r.gateway.(sms.Prober); !ok {
		t.Log("it cannot be tried")
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	said, err := r.line.Probe(ctx)
	if err != nil {
		t.Errorf("probe: %v", err)
	}
	r.note(errors.New(said))
	if got := r.wire.Got(Handset); len(got) != 0 {
		t.Errorf("it sent %q", got)
	}
}

// meaning is what an error says of a message.
func meaning(err error) conversation.SendError {
	if meant := (*conversation.SendError)(nil); errors.As(err, &meant) {
		return *meant
	}
	return conversation.SendError{}
}

// The line of the suite.
const (
	lineName   = "village"
	hostSecret = "the secret of the host"
)

var lineKey = sms.HookKey([]byte(hostSecret), lineName)

// rig is a line with its gateway, and the provider at its other end.
type rig struct {
	t       *testing.T
	wire    Wire
	journey *Journey
	line    *sms.Line
	gateway sms.Gateway
	hook    string
	log     *logged

	web    *atomic.Pointer[sms.Line] // the line that is reached from outside, nil for none
	cancel context.CancelFunc        // of Run
	ended  chan error

	id   atomic.Int64
	mu   sync.Mutex
	said []string // numbers, texts and secrets, none of which is to be seen in a log
}

// start starts a provider and a line that hears it until the test ends.
func (h Harness) start(t *testing.T, journey *Journey) *rig {
	t.Helper()
	web := new(atomic.Pointer[sms.Line])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		line := web.Load()
		if line == nil {
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return
		}
		line.ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	hook := h.hookOf(server.URL)
	wire := h.Start(t, hook)
	if len(h.Kind.Hooks) > 0 {
		wire.Settings.Hook = server.URL
	}
	r := h.rig(t, journey, wire)
	r.web, r.hook = web, hook
	switch {
	case h.Kind.Receipts && wire.Report == nil:
		t.Fatal("the gateway has receipts: Wire.Report is needed")
	case len(h.Kind.Hooks) > 0 && wire.Call == nil:
		t.Fatal("the gateway has webhooks: Wire.Call is needed")
	}
	t.Cleanup(r.stop)
	r.run()
	return r
}

// hookOf is where a line's webhooks are at an address, "" where it has none.
func (h Harness) hookOf(address string) string {
	if len(h.Kind.Hooks) == 0 {
		return ""
	}
	return address + "/sms/" + lineName + "/" + lineKey + "/"
}

// rig makes a line. What it logs and returns is looked through when the test
// has ended.
func (h Harness) rig(t *testing.T, journey *Journey, wire Wire) *rig {
	t.Helper()
	r := &rig{t: t, wire: wire, journey: journey, log: &logged{}}
	kind := h.Kind
	kind.New = func(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
		gateway, err := h.Kind.New(settings, line)
		r.gateway = gateway
		return gateway, err
	}
	config := sms.LineConfig{Name: lineName, Region: "BE"}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if r.line, err = sms.NewLine(config, kind, wire.Settings, []byte(hostSecret), journey, nil, log); err != nil {
		t.Fatalf("the line: %v", err)
	}
	r.id.Store(7_654_321_987_654_320) // as large as real ones
	s := wire.Settings
	for _, secret := range []string{s.Secret, s.Signing} {
		if secret != "" && len(secret) < 8 {
			t.Fatal("a secret is too short to be found in a log")
		}
	}
	r.conceal(s.Secret, s.Signing, lineKey, hostSecret)
	if s.Secret != "" {
		r.conceal(base64.StdEncoding.EncodeToString([]byte(s.User + ":" + s.Secret)))
	}
	for _, number := range []string{Handset, Other} {
		r.conceal(strings.TrimPrefix(number, "+32"))
	}
	t.Cleanup(r.discreet)
	return r
}

// run starts the line, and stop ends it.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.ended = cancel, make(chan error, 1)
	r.web.Store(r.line)
	go func(ended chan<- error) { ended <- r.line.Run(ctx) }(r.ended)
}

func (r *rig) stop() {
	if r.cancel == nil {
		return
	}
	r.web.Store(nil)
	r.cancel()
	r.cancel = nil
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run: %v", err)
		}
	case <-time.After(Patience):
		r.t.Error("Run did not end")
	}
}

func (r *rig) say(from, text string) {
	r.conceal(text)
	r.wire.Say(from, text)
}

func (r *rig) text(to, body string) sms.Text {
	r.conceal(body)
	segments, _, _, gsm := bots.Segments(body)
	return sms.Text{ID: r.id.Add(1), To: to, Body: body, GSM: gsm, Segments: segments, Valid: 24 * time.Hour}
}

func (r *rig) send(to, body string) (string, error) { return r.submit(r.text(to, body)) }

func (r *rig) submit(text sms.Text) (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	return r.submitBy(ctx, text)
}

func (r *rig) submitBy(ctx context.Context, text sms.Text) (string, error) {
	id, err := r.gateway.Submit(ctx, text)
	r.note(err)
	return id, err
}

// delivery is a text that a telephone has.
type delivery struct {
	ID         int64
	ProviderID string
}

// is reports whether a receipt is for it.
func (d delivery) is(r conversation.Receipt) bool {
	if r.ID != 0 {
		return r.ID == d.ID
	}
	return r.ProviderID != "" && r.ProviderID == d.ProviderID
}

// deliver sends a text, and waits until it has arrived.
func (r *rig) deliver(body string) delivery {
	r.t.Helper()
	text := r.text(Handset, body)
	id, err := r.submit(text)
	if err != nil {
		r.t.Fatalf("send: %v", err)
	}
	eventually(r.t, "the text", func() bool { return slices.Contains(r.wire.Got(Handset), body) })
	d := delivery{ID: text.ID}
	if id != "" {
		d.ProviderID = lineName + ":" + id
	}
	return d
}

// reported waits for a receipt.
func (r *rig) reported(d delivery, status conversation.Status) (found conversation.Receipt) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("the receipt %d of %+v", status, d), func() bool {
		receipts := r.journey.Receipts()
		i := slices.IndexFunc(receipts, func(receipt conversation.Receipt) bool { return d.is(receipt) && receipt.Status == status })
		if i >= 0 {
			found = receipts[i]
		}
		return i >= 0
	})
	return found
}

// heard returns what was brought as soon as it is n texts.
func (r *rig) heard(n int) []conversation.Inbound {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d texts to be heard", n), func() bool { return len(r.journey.Heard()) >= n })
	return r.journey.Heard()
}

// texts returns the texts that were brought as soon as they are n, each once: a
// gateway may be called, and look for itself at the same time.
func (r *rig) texts(n int) []conversation.Inbound {
	r.t.Helper()
	var texts []conversation.Inbound
	eventually(r.t, fmt.Sprintf("%d texts to be heard", n), func() bool {
		texts = nil
		for _, in := range r.journey.Heard() {
			if !slices.ContainsFunc(texts, func(other conversation.Inbound) bool { return other.ID == in.ID }) {
				texts = append(texts, in)
			}
		}
		return len(texts) >= n
	})
	return texts
}

// ids are the ids that each text came by.
func (r *rig) ids() map[string][]string {
	ids := make(map[string][]string)
	for _, in := range r.journey.Heard() {
		if !slices.Contains(ids[in.Text], in.ID) {
			ids[in.Text] = append(ids[in.Text], in.ID)
		}
	}
	return ids
}

// got waits until a telephone has got exactly these texts, in any order.
func (r *rig) got(number string, want ...string) {
	r.t.Helper()
	slices.Sort(want)
	eventually(r.t, fmt.Sprintf("%q before the person", want), func() bool {
		got := slices.Clone(r.wire.Got(number))
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// settled waits until the provider has nothing more to bring.
func (r *rig) settled() {
	r.t.Helper()
	if r.wire.Waiting != nil {
		eventually(r.t, "the acknowledgement", func() bool { return r.wire.Waiting() == 0 })
	}
}

// do makes a call and returns the answer without its body.
func (r *rig) do(request *http.Request) *http.Response {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	response, err := http.DefaultClient.Do(request.WithContext(ctx))
	if err != nil {
		r.t.Fatalf("call: %v", err)
	}
	_ = response.Body.Close()
	return response
}

// conceal adds to what is not to be seen in logs and errors.
func (r *rig) conceal(words ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, words...)
}

// note looks an error through like the log.
func (r *rig) note(err error) {
	if err != nil {
		_, _ = fmt.Fprintf(r.log, "returned: %v\n", err)
	}
}

// discreet looks for what is not to be seen.
func (r *rig) discreet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.log.String()
	for _, word := range r.said {
		if short := []rune(word); len(short) > 24 {
			word = string(short[:24])
		}
		quoted := strings.Trim(strconv.Quote(word), `"`)
		for _, form := range []string{word, quoted, strings.Trim(strconv.QuoteToASCII(word), `"`), url.QueryEscape(word), url.PathEscape(word)} {
			if form != "" && strings.Contains(seen, form) {
				r.t.Errorf("%q is to be seen:\n%s", word, seen)
				return
			}
		}
	}
}

// logged is what was logged.
type logged struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes.String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}
