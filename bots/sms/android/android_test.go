package android

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

func TestGateway(t *testing.T) {
	for mode, prefix := range map[string]string{"by a server": "/3rdparty/v1", "on the telephone": ""} {
		t.Run(mode, func(t *testing.T) {
			smstest.Run(t, smstest.Harness{Kind: Kind, Dated: true, Start: func(t *testing.T, hook string) smstest.Wire {
				return newPhone(t, hook, prefix).wire()
			}})
		})
	}
}

const hookBase = "https://crier.example.org"

// newLine makes a gateway on a line.
func newLine(t *testing.T, settings sms.Settings, journey sms.Journey, now func() time.Time) (*sms.Line, *gateway) {
	t.Helper()
	if settings.URL == "" {
		settings.Hook = hookBase
	}
	var g *gateway
	kind := Kind
	kind.New = func(s sms.Settings, l *sms.Line) (sms.Gateway, error) {
		made, err := newGateway(s, l)
		if err == nil {
			g = made.(*gateway)
		}
		return made, err
	}
	line, err := sms.NewLine(sms.LineConfig{Name: "village"}, kind, settings, []byte("a secret"), journey, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return line, g
}

func TestSettings(t *testing.T) {
	good := sms.Settings{User: user, Secret: secret, Signing: signing, Hook: hookBase}
	for name, change := range map[string]func(*sms.Settings){
		"no scheme":  func(s *sms.Settings) { s.URL = "192.168.1.10:8080" },
		"a query":    func(s *sms.Settings) { s.URL = "http://192.168.1.10:8080?x=1" },
		"ftp":        func(s *sms.Settings) { s.URL = "ftp://192.168.1.10" },
		"no user":    func(s *sms.Settings) { s.User = "" },
		"no secret":  func(s *sms.Settings) { s.Secret = "" },
		"no signing": func(s *sms.Settings) { s.Signing = "" },
		"no address": func(s *sms.Settings) { s.Hook = "" }, // for a telephone that is not in the same network
	} {
		s := good
		change(&s)
		if _, err := newGateway(s, nil); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the password", name)
		}
	}
	made, err := newGateway(good, nil)
	if err != nil {
		t.Fatal(err)
	}
	if base := made.(*gateway).base; base != publicServer {
		t.Errorf("without a url it speaks to %s", base)
	}
}

// The event, and the signature of it, that are known to belong together.
const (
	knownEvent = `{"deviceId":"dev1","event":"sms:received","id":"evt-0001","payload":{"messageId":"a1b2","message":"BAL","sender":"+15550101",` +
		`"recipient":null,"simNumber":1,"receivedAt":"2026-11-22T10:00:00.000+01:00"},"webhookId":"wh1"}`
	knownStamp     = 1795338000
	knownSignature = "1f22d0006273d8f5a1bfe0ef6ff19e88b398e304a37077c890c2854295f19385"
)

func TestSignature(t *testing.T) {
	at := time.Unix(knownStamp, 0)
	for name, c := range map[string]struct {
		now, stamp    time.Time
		skew          time.Duration
		body, sig     string
		forged, heard bool
	}{
		"known":             {now: at, stamp: at, body: knownEvent, sig: knownSignature, heard: true},
		"in capitals":       {now: at, stamp: at, body: knownEvent, sig: strings.ToUpper(knownSignature), heard: true},
		"4 minutes late":    {now: at.Add(4 * time.Minute), stamp: at, body: knownEvent, sig: knownSignature, heard: true},
		"4 minutes early":   {now: at.Add(-4 * time.Minute), stamp: at, body: knownEvent, sig: knownSignature, heard: true},
		"6 minutes late":    {now: at.Add(6 * time.Minute), stamp: at, body: knownEvent, sig: knownSignature, forged: true},
		"6 minutes early":   {now: at.Add(-6 * time.Minute), stamp: at, body: knownEvent, sig: knownSignature, forged: true},
		"a clock like that": {now: at.Add(6 * time.Minute), stamp: at, skew: 10 * time.Minute, body: knownEvent, sig: knownSignature, heard: true},
		"another time":      {now: at, stamp: at.Add(time.Second), body: knownEvent, sig: knownSignature, forged: true},
		"another body":      {now: at, stamp: at, body: knownEvent + " ", sig: knownSignature, forged: true},
		"half of it":        {now: at, stamp: at, body: knownEvent, sig: knownSignature[:32], forged: true},
		"no hex":            {now: at, stamp: at, body: knownEvent, sig: "z" + knownSignature[1:], forged: true},
		"none":              {now: at, stamp: at, body: knownEvent, forged: true},
	} {
		t.Run(name, func(t *testing.T) {
			journey := &smstest.Journey{}
			settings := sms.Settings{User: user, Secret: secret, Signing: "Jt7signkey", Skew: c.skew}
			_, g := newLine(t, settings, journey, func() time.Time { return c.now })
			_, err := g.Call(t.Context(), sms.Call{Path: "in", Body: []byte(c.body), At: c.now, Header: http.Header{
				"X-Signature": {c.sig}, "X-Timestamp": {strconv.FormatInt(c.stamp.Unix(), 10)},
			}})
			if errors.Is(err, sms.ErrForged) != c.forged || !c.forged && err != nil {
				t.Errorf("err = %v, want forged: %v", err, c.forged)
			}
			heard := journey.Heard()
			if len(heard) > 0 != c.heard {
				t.Fatalf("heard %+v", heard)
			}
			if !c.heard {
				return
			}
			in := heard[0]
			if in.ID != "village:a1b2@1795338000000" || in.From != "+15550101" || in.Text != "BAL" || !in.At.Equal(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)) && c.now.After(in.At) {
				t.Errorf("heard %+v", in)
			}
		})
	}
}

// signed is a call with a right signature.
func signed(body string) sms.Call {
	request := httptest.NewRequest(http.MethodPost, "/", nil)
	now := time.Now()
	sign(request, []byte(body), signing, now)
	return sms.Call{Path: "in", Body: []byte(body), At: now, Header: request.Header}
}

func TestEvents(t *testing.T) {
	type receipt = conversation.Receipt
	for name, c := range map[string]struct {
		body    string
		heard   string // sender, id and text
		receipt receipt
		bad     bool
	}{
		"received":       {body: `{"id":"e1","event":"sms:received","payload":{"sender":"0470000001","message":"bal"}}`, heard: "+32470000001 village:e1 bal"},
		"older":          {body: `{"id":"e1","event":"sms:received","payload":{"phoneNumber":"+32470000001","message":"bal"}}`, heard: "+32470000001 village:e1 bal"},
		"half an emoji":  {body: `{"id":"e1","event":"sms:received","payload":{"sender":"+32470000001","message":"\ud83d x"}}`, heard: "+32470000001 village:e1 \ufffd x"},
		"dated":          {body: `{"id":"e1","event":"sms:received","payload":{"messageId":"FFffffff","sender":"+32470000001","message":"bal","receivedAt":"2026-11-22T10:00:00.123+01:00"}}`, heard: "+32470000001 village:ffffffff@1795338000123 bal"},
		"dated oddly":    {body: `{"id":"e1","event":"sms:received","payload":{"messageId":"1","sender":"+32470000001","message":"bal","receivedAt":"2026-11-22T10:00:00.123+1:0"}}`, heard: "+32470000001 village:e1 bal"},
		"another hash":   {body: `{"id":"e1","event":"sms:received","payload":{"messageId":"mms1","sender":"+32470000001","message":"bal","receivedAt":"2026-11-22T10:00:00Z"}}`, heard: "+32470000001 village:e1 bal"},
		"no sender":      {body: `{"id":"e1","event":"sms:received","payload":{"message":"bal"}}`},
		"a name":         {body: `{"id":"e1","event":"sms:received","payload":{"sender":"MYBANK","message":"bal"}}`},
		"no id":          {body: `{"event":"sms:received","payload":{"sender":"+32470000001","message":"bal"}}`, bad: true},
		"NUL in its id":  {body: `{"id":"e\u0000","event":"sms:received","payload":{"sender":"+32470000001","message":"bal"}}`, bad: true},
		"a picture":      {body: `{"id":"e1","event":"mms:received","payload":{"messageId":"58mQ7","transactionId":"58mQ7","sender":"0470000001","subject":"bal","size":99}}`, heard: "+32470000001 village:mms:58mQ7 "},
		"no id at all":   {body: `{"event":"mms:received","payload":{"sender":"0470000001"}}`, bad: true},
		"sent":           {body: `{"id":"e1","event":"sms:sent","payload":{"messageId":"crier-17"}}`, receipt: receipt{ID: 17}},
		"delivered":      {body: `{"id":"e1","event":"sms:delivered","payload":{"messageId":"crier-9007199254740993"}}`, receipt: receipt{ID: 9007199254740993, Status: conversation.Delivered}},
		"failed":         {body: `{"id":"e1","event":"sms:failed","payload":{"messageId":"crier-17","reason":"Send result: RESULT_ERROR_NO_SERVICE (x)"}}`, receipt: receipt{ID: 17, Status: conversation.Failed, Reason: "RESULT_ERROR_NO_SERVICE", Again: true, ProviderID: "village:crier-17"}},
		"failed anew":    {body: `{"id":"e1","event":"sms:failed","payload":{"messageId":"crier-17-3","reason":"Can't send message: No SIMs found"}}`, receipt: receipt{ID: 17, Status: conversation.Failed, Reason: "No SIMs found", Again: true, ProviderID: "village:crier-17-3"}},
		"failed at last": {body: `{"id":"e1","event":"sms:failed","payload":{"messageId":"crier-17","reason":"TTL expired"}}`, receipt: receipt{ID: 17, Status: conversation.Failed, Reason: "TTL expired"}},
		"no try of ours": {body: `{"id":"e1","event":"sms:failed","payload":{"messageId":"crier-17-1","reason":"TTL expired"}}`},
		"cancelled":      {body: `{"id":"e1","event":"sms:cancelled","payload":{"messageId":"crier-17"}}`, receipt: receipt{ID: 17, Status: conversation.Failed, Reason: "cancelled"}},
		"another's text": {body: `{"id":"e1","event":"sms:delivered","payload":{"messageId":"17"}}`},
		"nearly ours":    {body: `{"id":"e1","event":"sms:delivered","payload":{"messageId":"crier-017"}}`},
		"below ours":     {body: `{"id":"e1","event":"sms:delivered","payload":{"messageId":"crier--17"}}`},
		"ping":           {body: `{"id":"e1","event":"system:ping","payload":{"health":{"status":"pass"}}}`},
		"of tomorrow":    {body: `{"id":"e1","event":"sms:read","payload":{"messageId":"crier-17"}}`},
		"no event":       {body: `{"id":"e1","payload":{}}`, bad: true},
		"two":            {body: `{"id":"e1","event":"system:ping"}{"id":"e1","event":"system:ping"}`, bad: true},
		"nothing":        {body: ``, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			journey := &smstest.Journey{}
			_, g := newLine(t, sms.Settings{User: user, Secret: secret, Signing: signing, Number: number0}, journey, nil)
			if _, err := g.Call(t.Context(), signed(c.body)); errors.Is(err, sms.ErrMalformed) != c.bad || !c.bad && err != nil {
				t.Errorf("err = %v, want malformed: %v", err, c.bad)
			}
			heard := ""
			for _, in := range journey.Heard() {
				heard += in.From + " " + in.ID + " " + in.Text
			}
			if heard != c.heard {
				t.Errorf("heard %q, want %q", heard, c.heard)
			}
			var want []receipt
			if c.receipt.ID != 0 {
				want = append(want, c.receipt)
			}
			if got := journey.Receipts(); !slices.Equal(got, want) {
				t.Errorf("receipts %+v, want %+v", got, want)
			}
		})
	}
}

// A text has the same id by whichever way it comes: by one webhook, by another,
// or out of the inbox.
func TestOneTextOneID(t *testing.T) {
	journey := &smstest.Journey{}
	_, g := newLine(t, sms.Settings{User: user, Secret: secret, Signing: signing, Number: number0, URL: "http://192.168.1.10:8080"}, journey, nil)
	for _, id := range []string{"e1", "e2"} {
		body := `{"id":"` + id + `","event":"sms:received","payload":{"messageId":"fffffffe","sender":"+32470000001","message":"bal","receivedAt":"2026-11-22T10:00:00.000+01:00"}}`
		if _, err := g.Call(t.Context(), signed(body)); err != nil {
			t.Fatal(err)
		}
	}
	var listed inboxText
	if err := json.Unmarshal([]byte(`{"id":"text:-2","type":"SMS","sender":"+32470000001","contentPreview":"bal","createdAt":"2026-11-22T09:00:00.000Z"}`), &listed); err != nil {
		t.Fatal(err)
	}
	if n := len(journey.Heard()); n != 2 {
		t.Fatalf("heard %d texts", n)
	}
	for _, in := range journey.Heard() {
		if in.ID != "village:"+listed.key() {
			t.Errorf("by webhook it is %q, in the inbox %q", in.ID, listed.key())
		}
	}
	if odd := (inboxText{ID: "text:x", CreatedAt: listed.CreatedAt}).key(); odd != "text:x@1795338000000" {
		t.Errorf("an id that is no hash is %q", odd)
	}
}

func TestCause(t *testing.T) {
	for reason, want := range map[string]string{
		"Send result: RESULT_ERROR_LIMIT_EXCEEDED (Failed because we reached the sending queue limit)": "RESULT_ERROR_LIMIT_EXCEEDED",
		"Delivery result from SC +32475161616: 70":                                                     "status 70",
		"Delivery result: 1":                "failed",
		"TTL expired":                       "TTL expired",
		"sendSMS: Invalid phone number":     "Invalid phone number",
		"Can't send message: No SIMs found": "No SIMs found",
		"something about +32470000001":      "failed",
		"":                                  "failed",
	} {
		if got := cause(reason); got != want {
			t.Errorf("cause(%q) = %q, want %q", reason, got, want)
		}
	}
}

// What a text's second submission finds is what becomes of it.
func TestAgain(t *testing.T) {
	for state, final := range map[string]bool{
		"Pending": false, "Processed": false, "Sent": false, "Delivered": false, "Failed": true, "Cancelling": true, "Cancelled": true,
	} {
		for _, again := range []bool{false, true} {
			t.Run(state+" "+strconv.FormatBool(again), func(t *testing.T) {
				p := newPhone(t, "", "")
				_, g := newLine(t, p.settings(), &smstest.Journey{}, nil)
				text := sms.Text{ID: 17, To: smstest.Handset, Body: "once", Valid: time.Hour}
				if _, err := g.Submit(t.Context(), text); err != nil {
					t.Fatal(err)
				}
				p.mu.Lock()
				p.texts[0].state, p.texts[0].err = state, "Send result: RESULT_ERROR_NULL_PDU"
				p.mu.Unlock()
				text.Again = again
				id, err := g.Submit(t.Context(), text)
				var refused *conversation.SendError
				if final != (errors.As(err, &refused) && refused.Final) || !final && err != nil {
					t.Errorf("err = %v, want final: %v", err, final)
				}
				if state == "Failed" && !strings.Contains(err.Error(), "RESULT_ERROR_NULL_PDU") {
					t.Errorf("the error does not say why: %v", err)
				}
				if id != "crier-17" || len(p.texts) != 1 {
					t.Errorf("it is %q now, and there are %d texts", id, len(p.texts))
				}
			})
		}
	}
}

// What the telephone could not send for a reason that passes it tries anew, by
// another id each time: it knows the old ones to have failed. A try of which
// nobody knows how it ended is still not made twice.
func TestAnew(t *testing.T) {
	p := newPhone(t, "", "")
	_, g := newLine(t, p.settings(), &smstest.Journey{}, nil)
	text := sms.Text{ID: 17, To: smstest.Handset, Body: "once", Valid: time.Hour}
	for n, want := range []string{"crier-17", "crier-17-2", "crier-17-3"} {
		for range 2 {
			if id, err := g.Submit(t.Context(), text); err != nil || id != want || len(p.texts) != n+1 {
				t.Fatalf("it is %q (%v), want %q, and there are %d texts", id, err, want, len(p.texts))
			}
			text.Again = true
		}
		p.mu.Lock()
		p.texts[n].state, p.texts[n].err = "Failed", "Send result: RESULT_ERROR_GENERIC_FAILURE (Generic failure cause)"
		p.mu.Unlock()
	}
	p.mu.Lock()
	p.texts[2].err = "Send result: RESULT_ERROR_NULL_PDU"
	p.mu.Unlock()
	var refused *conversation.SendError
	if _, err := g.Submit(t.Context(), text); !errors.As(err, &refused) || !refused.Final {
		t.Errorf("err = %v, want a final one", err)
	}
}

func TestRefusals(t *testing.T) {
	type refusal = conversation.SendError
	for name, c := range map[string]struct {
		status int
		body   string
		after  string
		want   refusal
	}{
		"no device":    {400, `{"message":"failed to select device: record not found"}`, "", refusal{RetryAfter: offlinePause, Everybody: true}},
		"a number":     {400, `{"message":"failed to use phone in row 1: not mobile phone number"}`, "", refusal{Final: true, Bounced: true}},
		"another":      {400, `{"message":"failed to validate: Text"}`, "", refusal{Final: true}},
		"a proxy's":    {400, `<html>Bad Request</html>`, "", refusal{}},
		"password":     {401, ``, "", refusal{RetryAfter: 10 * time.Minute, Everybody: true}},
		"scope":        {403, `{"message":"Forbidden"}`, "", refusal{RetryAfter: 10 * time.Minute, Everybody: true}},
		"no such path": {404, `{"message":"Cannot POST /messages"}`, "", refusal{}},
		"too many":     {429, `{"message":"Too Many Requests"}`, "90", refusal{RetryAfter: 90 * time.Second, Everybody: true}},
		"trouble":      {500, `{"message":"failed to handle request"}`, "", refusal{}},
		"asleep":       {503, `{"error":"QueueLimitExceeded","message":"queue limits exceeded: too old pending message: 2026-11-21T10:00:00Z"}`, "", refusal{RetryAfter: offlinePause, Everybody: true}},
		"maintenance":  {503, `<html>back soon</html>`, "", refusal{}},
		"nonsense":     {202, `{"id":"another","state":"Pending"}`, "", refusal{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(server.Close)
			_, g := newLine(t, sms.Settings{URL: server.URL, User: user, Secret: secret, Signing: signing}, &smstest.Journey{}, nil)
			_, err := g.Submit(t.Context(), sms.Text{ID: 17, To: smstest.Handset, Body: "hello"})
			if err == nil {
				t.Fatal("no error")
			}
			var got refusal
			if refused := (*refusal)(nil); errors.As(err, &refused) {
				got = *refused
			}
			got.Err = nil
			if got != c.want {
				t.Errorf("%v is %+v, want %+v", err, got, c.want)
			}
		})
	}
}

func TestRegister(t *testing.T) {
	p := newPhone(t, "", "")
	settings := p.settings()
	settings.Hook = hookBase
	line, g := newLine(t, settings, &smstest.Journey{}, nil)
	here := hookBase + line.Path()
	others := webhook{ID: "another", URL: "https://elsewhere.example/in", Event: "sms:received"}
	p.webhooks = []webhook{others}
	registered := func(when string) {
		t.Helper()
		if err := g.register(t.Context()); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		urls := p.urls()
		for event, hook := range map[string]string{"sms:received": "in", "mms:received": "in", "sms:sent": "receipt", "sms:delivered": "receipt", "sms:failed": "receipt"} {
			mine := slices.DeleteFunc(slices.Clone(urls[event]), func(u string) bool { return u == others.URL })
			if !slices.Equal(mine, []string{here + hook}) {
				t.Errorf("%s: %s goes to %q", when, event, mine)
			}
		}
		if !slices.Contains(p.webhooks, others) {
			t.Errorf("%s: another's webhook is gone", when)
		}
	}
	registered("at first")
	before := slices.Clone(p.webhooks)
	registered("again")
	if !slices.Equal(before, p.webhooks) {
		t.Error("registered anew though all was there")
	}
	p.webhooks = []webhook{others} // it was set up anew
	registered("after a reset")
	p.webhooks = append(p.webhooks, webhook{ID: "by?hand", URL: here + "in", Event: "sms:received"}, webhook{ID: "by hand", URL: here + "in", Event: "sms:received"})
	registered("with doubles")
	// Of its own for each of two telephones, by hand: none of them brings what
	// the other brings.
	p.webhooks = slices.DeleteFunc(p.webhooks, func(w webhook) bool { return w.Event == "sms:received" && w.URL != others.URL })
	p.webhooks = append(p.webhooks, webhook{ID: "a", DeviceID: "A", URL: here + "in", Event: "sms:received"}, webhook{ID: "b", DeviceID: "B", URL: here + "in", Event: "sms:received"})
	if err := g.register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(p.urls()["sms:received"]); n != 3 {
		t.Errorf("there are %d webhooks for sms:received, want 3", n)
	}
}

func TestRegisterRefused(t *testing.T) {
	p := newPhone(t, "", "")
	settings := p.settings()
	settings.Hook = "http://crier.example.org"
	line, g := newLine(t, settings, &smstest.Journey{}, nil)
	err := g.register(t.Context())
	if err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("register: %v, want an error that speaks of https", err)
	}
	if key := strings.Split(line.Path(), "/")[3]; strings.Contains(err.Error(), key) {
		t.Errorf("the error holds the webhooks' secret path: %v", err)
	}
	settings.Secret = "another password"
	_, g = newLine(t, settings, &smstest.Journey{}, nil)
	if err := g.register(t.Context()); !refused(err, http.StatusUnauthorized) {
		t.Errorf("register: %v", err)
	}
}

// An app that knows no picture messages brings texts all the same.
func TestOlderApp(t *testing.T) {
	p := newPhone(t, "", "")
	p.old = true
	at := time.Now().Truncate(time.Second)
	p.inbox = []inboxText{{ID: "text:1", Sender: smstest.Handset, Text: "bal", CreatedAt: at}}
	journey := &smstest.Journey{}
	settings := p.settings()
	_, g := newLine(t, settings, journey, nil)
	if err := g.hearFrom(t.Context(), at.Add(-time.Minute), map[string]time.Time{}); err != nil || len(journey.Heard()) != 1 {
		t.Errorf("asked, it brings %+v, %v", journey.Heard(), err)
	}
	settings.Hook = hookBase
	_, g = newLine(t, settings, journey, nil)
	if err := g.register(t.Context()); err != nil {
		t.Error(err)
	}
	if said, err := g.Probe(t.Context()); err != nil || !strings.HasPrefix(said, "4 of 4") {
		t.Errorf("probe says %q, %v", said, err)
	}
}

func TestProbe(t *testing.T) {
	for mode, prefix := range map[string]string{"server": "/3rdparty/v1", "telephone": ""} {
		p := newPhone(t, "", prefix)
		settings := p.settings()
		settings.Hook = hookBase
		_, g := newLine(t, settings, &smstest.Journey{}, nil)
		p.lastSeen = time.Now().Add(-3 * time.Hour)
		said, err := g.Probe(t.Context())
		if err != nil || !strings.HasPrefix(said, "0 of 4 webhooks are registered, the telephone was there 3h") {
			t.Errorf("%s: probe says %q, %v", mode, said, err)
		}
		if err := g.register(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said, err = g.Probe(t.Context()); err != nil || !strings.HasPrefix(said, "5 of 5") {
			t.Errorf("%s: probe says %q, %v", mode, said, err)
		}
		p.lastSeen = time.Time{}
		if _, err := g.Probe(t.Context()); err == nil {
			t.Errorf("%s: a probe without a telephone says nothing", mode)
		}
		g.settings.Secret = "another password"
		if _, err := g.Probe(t.Context()); !refused(err, http.StatusUnauthorized) {
			t.Errorf("%s: a probe with a wrong password: %v", mode, err)
		}
	}
}

// FuzzCall brings signed bodies: whatever they hold is taken or refused, and
// what is taken has an id.
func FuzzCall(f *testing.F) {
	f.Add(knownEvent)
	f.Add(`{"id":"e1","event":"sms:failed","payload":{"messageId":"crier-17","reason":"RESULT_ERROR_NO_SERVICE"}}`)
	f.Add(`{"id":"e1","event":"sms:received","payload":{"sender":"\u0000","message":"\ud83d"}}`)
	f.Add(`{"event":"sms:sent","payload":{"messageId":"crier-99999999999999999999"}}`)
	f.Add(`[{}]`)
	f.Fuzz(func(t *testing.T, body string) {
		journey := &smstest.Journey{}
		_, g := newLine(t, sms.Settings{User: user, Secret: secret, Signing: signing, Number: number0}, journey, nil)
		if _, err := g.Call(context.Background(), signed(body)); err != nil && !errors.Is(err, sms.ErrMalformed) {
			t.Fatalf("%v", err)
		}
		for _, in := range journey.Heard() {
			if in.ID == "village:" || strings.Contains(in.ID, "\x00") || !strings.HasPrefix(in.From, "+") || !json.Valid([]byte(body)) {
				t.Errorf("heard %+v", in)
			}
		}
		for _, r := range journey.Receipts() {
			if r.ID <= 0 || strings.ContainsAny(r.Reason, "+@") {
				t.Errorf("receipt %+v", r)
			}
		}
	})
}
