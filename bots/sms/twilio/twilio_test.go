package twilio

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	smstest.Run(t, smstest.Harness{Kind: Kind, Looks: true, Start: func(t *testing.T, hook string) smstest.Wire {
		return newProvider(t, hook).wire()
	}})
}

// newLine makes a gateway on a line.
func newLine(t *testing.T, settings sms.Settings, journey sms.Journey, now func() time.Time) (*sms.Line, *gateway) {
	t.Helper()
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

// textOf is a text that the outbox made at a time.
func textOf(at time.Time, body string) sms.Text {
	id := at.Sub(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds() << 12
	return sms.Text{ID: id | 7, To: smstest.Handset, Body: body, GSM: true, Segments: 1, Valid: 24 * time.Hour}
}

func TestSettings(t *testing.T) {
	good := sms.Settings{User: account, Secret: token, Number: number}
	for name, change := range map[string]func(*sms.Settings){
		"no user":   func(s *sms.Settings) { s.User = "" },
		"no token":  func(s *sms.Settings) { s.Secret = "" },
		"no number": func(s *sms.Settings) { s.Number = "" },
		"no scheme": func(s *sms.Settings) { s.URL = "api.twilio.com" },
		"a query":   func(s *sms.Settings) { s.URL = "https://api.twilio.com?x=1" },
	} {
		s := good
		change(&s)
		if _, err := newGateway(s, nil); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), token) {
			t.Errorf("%s: the error holds the token", name)
		}
	}
	made, err := newGateway(good, nil)
	if err != nil {
		t.Fatal(err)
	}
	if at := made.(*gateway).messages; at != "https://api.twilio.com/2010-04-01/Accounts/"+account+"/Messages" {
		t.Errorf("it speaks to %s", at)
	}
}

// Signatures that Twilio's documentation and the tests of its own libraries
// have published, and some that belong to texts.
func TestSignature(t *testing.T) {
	call := url.Values{"Digits": {"1234"}, "CallSid": {"CA1234567890ABCDE"}, "To": {"+18005551212"}}
	with := func(more url.Values) url.Values {
		all := url.Values{}
		for _, values := range []url.Values{call, more} {
			for key, value := range values {
				all[key] = value
			}
		}
		return all
	}
	documented := with(url.Values{"Caller": {"+12349013030"}, "From": {"+12349013030"}})
	library := with(url.Values{"Caller": {"+14158675309"}, "From": {"+14158675309"}, "ReasonConferenceEnded": {"test"}, "Reason": {"Participant"}})
	text := url.Values{
		"AccountSid": {account}, "ApiVersion": {"2010-04-01"}, "Body": {"PAY 2.5 @ana thanks"}, "From": {"+15550100"},
		"MessageSid": {"SM00000000000000000000000000000001"}, "NumMedia": {"0"}, "NumSegments": {"1"}, "To": {"+15550199"},
	}
	const (
		page = "https://mycompany.com/myapp.php?foo=1&bar=2"
		json = `{"property": "value", "boolean": true}`
		hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
		bot  = "https://bot.example.org/hooks/twilio/in?k=7"
	)
	for name, c := range map[string]struct {
		key, url string
		form     url.Values
		body     string
		sig      string
		settings string
		want     bool
	}{
		"documented":           {"12345", page, documented, "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", true},
		"a text":               {token, bot, text, "", "wjh5sqVUWZvQGhaokmFzIV+36rI=", "", true},
		"the library's":        {"12345", page, library, "", "vOEb5UThFn24KEfnOFLQY2AE5FY=", "", true},
		"another port":         {"12345", strings.Replace(page, ".com", ".com:1234", 1), library, "", "vOEb5UThFn24KEfnOFLQY2AE5FY=", "", true},
		"by http":              {"12345", strings.Replace(page, "https", "http", 1), library, "", "n2xBNyzSW7rfYStDtOFiFMv7qNo=", "", true},
		"JSON":                 {"12345", page + "&bodySHA256=" + hash, nil, json, "a9nBmqA0ju/hNViExpshrM61xv4=", "", true},
		"JSON alone":           {"12345", "https://mycompany.com/myapp.php?bodySHA256=" + hash, nil, json, "y77kIzt2vzLz71DgmJGsen2scGs=", "", true},
		"a short form":         {"12345", page, url.Values{"property": {"value"}, "boolean": {"true"}}, "", "NBdBDr/T/lgjI+tlgpXjKZQZs/k=", "", true},
		"of another order":     {"12345", page, library, "", "95+Bu0JVPi0r/SsESZCVf0dWAjw=", "", false},
		"another key":          {"12346", page, documented, "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"another page":         {"12345", page + "3", documented, "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"another scheme":       {"12345", strings.Replace(page, "https", "http", 1), documented, "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"another value":        {"12345", page, with(url.Values{"Caller": {"+12349013031"}, "From": {"+12349013030"}}), "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"a value more":         {"12345", page, with(url.Values{"Caller": {"+12349013030"}, "From": {"+12349013030", "+32"}}), "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"a field more":         {"12345", page, with(url.Values{"Caller": {"+12349013030"}, "From": {"+12349013030"}, "X": {""}}), "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "", false},
		"JSON of another body": {"12345", page + "&bodySHA256=" + hash, nil, json + " ", "a9nBmqA0ju/hNViExpshrM61xv4=", "", false},
		"JSON without a hash":  {"12345", page, nil, json, "vOEb5UThFn24KEfnOFLQY2AE5FY=", "", false},
		"nothing":              {"12345", page, documented, "", "", "", false},
		"no base64":            {"12345", page, documented, "", "?", "", false},
		"shared key":           {"12345", page, documented, "", "Rmm4Vzj+Ky7JGoWXMCsZDZuHDszLr9xvdbvitrDr4/M=", "key=WK1,algorithm=HMAC_SHA256", true},
		"not by that key":      {"12345", page, documented, "", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", "key=WK1,algorithm=HMAC_SHA256", false},
	} {
		address, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		call := sms.Call{
			URL: c.url, Query: address.Query(), Form: c.form, Body: []byte(c.body),
			Header: http.Header{"X-Twilio-Signature": {c.sig}, "X-Twilio-Webhooks-Signature-Settings": {c.settings}},
		}
		if c.form != nil {
			call.Body = []byte(c.form.Encode())
		} else {
			call.Form = url.Values{}
		}
		for which, settings := range map[string]sms.Settings{"secret": {Secret: c.key}, "signing": {Secret: "an API key's", Signing: c.key}} {
			if got := (&gateway{settings: settings}).signed(call); got != c.want {
				t.Errorf("%s, by %s: signed = %v, want %v", name, which, got, c.want)
			}
		}
	}
}

func TestVariants(t *testing.T) {
	for address, want := range map[string][]string{
		"https://a.example/x?y=1":     {"https://a.example/x?y=1", "https://a.example:443/x?y=1", "https://a.example/x?y=1"},
		"http://a.example/x":          {"http://a.example/x", "http://a.example:80/x", "http://a.example/x"},
		"https://a.example:8443/x":    {"https://a.example:8443/x", "https://a.example:8443/x", "https://a.example/x"},
		"https://[2001:db8::1]/x":     {"https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x", "https://[2001:db8::1]/x"},
		"https://[2001:db8::1]:444/x": {"https://[2001:db8::1]:444/x", "https://[2001:db8::1]:444/x", "https://[2001:db8::1]/x"},
	} {
		if got := variants(address); !slices.Equal(got, want) {
			t.Errorf("variants(%s) = %q, want %q", address, got, want)
		}
	}
}

// signedForm is a call with a right signature.
func signedForm(path, query string, form url.Values) sms.Call {
	address := "https://crier.example.org/" + path + query
	parsed, _ := url.ParseQuery(strings.TrimPrefix(query, "?"))
	return sms.Call{
		Path: path, Method: http.MethodPost, URL: address, Query: parsed, Form: form, Body: []byte(form.Encode()), At: time.Now(),
		Header: http.Header{"X-Twilio-Signature": {sign(token, address, form)}},
	}
}

func TestTexts(t *testing.T) {
	for name, c := range map[string]struct {
		form  url.Values
		heard string
		bad   bool
	}{
		"a text":    {form: inbound("SM1", smstest.Handset, "bal"), heard: smstest.Handset + " village:SM1 bal"},
		"an empty":  {form: inbound("SM1", smstest.Handset, ""), heard: smstest.Handset + " village:SM1 "},
		"a stop":    {form: url.Values{"MessageSid": {"SM1"}, "From": {smstest.Handset}, "Body": {"Stop"}, "OptOutType": {"STOP"}}, heard: smstest.Handset + " village:SM1 Stop"},
		"WhatsApp":  {form: inbound("SM1", "whatsapp:"+smstest.Handset, "bal")},
		"no id":     {form: inbound("", smstest.Handset, "bal"), bad: true},
		"a bad id":  {form: inbound("SM\x00", smstest.Handset, "bal"), bad: true},
		"no sender": {form: inbound("SM1", "", "bal"), bad: true},
		"no body":   {form: url.Values{"MessageSid": {"SM1"}, "From": {smstest.Handset}}, bad: true},
	} {
		journey := &smstest.Journey{}
		_, g := newLine(t, sms.Settings{User: account, Secret: token, Number: number}, journey, nil)
		answer, err := g.Call(t.Context(), signedForm("in", "", c.form))
		if errors.Is(err, sms.ErrMalformed) != c.bad || !c.bad && err != nil {
			t.Errorf("%s: err = %v, want malformed: %v", name, err, c.bad)
		}
		if !strings.HasPrefix(answer.Type, "text/xml") || !strings.HasSuffix(answer.Body, "<Response/>") {
			t.Errorf("%s: answered %+v", name, answer)
		}
		heard := ""
		for _, in := range journey.Heard() {
			heard += in.From + " " + in.ID + " " + in.Text
		}
		if heard != c.heard {
			t.Errorf("%s: heard %q, want %q", name, heard, c.heard)
		}
	}
}

func TestJSON(t *testing.T) {
	for body, want := range map[string]int{
		`{"MessageSid":"SM1","From":"+32470000001","Body":"bal","ErrorCode":30003}`: 1,
		`{"MessageSid":"SM1","From":"+32470000001","Body":["bal"]}`:                 0,
		`null`: 0,
		`[]`:   0,
		``:     0,
	} {
		journey := &smstest.Journey{}
		_, g := newLine(t, sms.Settings{User: account, Secret: token, Number: number}, journey, nil)
		sum := sha256.Sum256([]byte(body))
		call := signedForm("in", "?bodySHA256="+hex.EncodeToString(sum[:]), url.Values{})
		call.Body = []byte(body)
		if _, err := g.Call(t.Context(), call); errors.Is(err, sms.ErrMalformed) != (want == 0) {
			t.Errorf("%s: err = %v", body, err)
		}
		if heard := journey.Heard(); len(heard) != want {
			t.Errorf("%s: heard %+v", body, heard)
		}
	}
}

func TestReceipts(t *testing.T) {
	type receipt = conversation.Receipt
	failed := func(reason string) receipt {
		return receipt{ID: 17, Status: conversation.Failed, Reason: reason}
	}
	optedOut, dead := failed("21610"), failed("30005")
	optedOut.OptedOut, dead.Dead = true, true
	for name, c := range map[string]struct {
		query, status, code string
		want                receipt
	}{
		"accepted":        {"?id=17", "accepted", "", receipt{ID: 17}},
		"queued":          {"?id=17", "queued", "", receipt{ID: 17}},
		"sending":         {"?id=17", "sending", "", receipt{ID: 17}},
		"sent":            {"?id=17", "sent", "", receipt{ID: 17}},
		"delivered":       {"?id=17", "delivered", "", receipt{ID: 17, Status: conversation.Delivered}},
		"read":            {"?id=17", "read", "", receipt{ID: 17, Status: conversation.Delivered}},
		"undelivered":     {"?id=17", "undelivered", "30003", failed("30003")},
		"failed":          {"?id=17", "failed", "", failed("failed")},
		"canceled":        {"?id=17", "canceled", "", failed("canceled")},
		"a strange code":  {"?id=17", "failed", "+32470000001", failed("failed")},
		"opted out":       {"?id=17", "failed", "21610", optedOut},
		"suspended":       {"?id=17", "failed", "30002", receipt{ID: 17, ProviderID: "village:SM1", Status: conversation.Failed, Again: true, Reason: "30002"}},
		"nobody's number": {"?id=17", "undelivered", "30005", dead},
		"a large id":      {"?id=7654321987654321", "sent", "", receipt{ID: 7654321987654321}},
		"no id":           {"", "delivered", "", receipt{ProviderID: "village:SM1", Status: conversation.Delivered}},
		"a bad id":        {"?id=x", "delivered", "", receipt{ProviderID: "village:SM1", Status: conversation.Delivered}},
		"of tomorrow":     {"?id=17", "teleported", "", receipt{}},
	} {
		journey := &smstest.Journey{}
		_, g := newLine(t, sms.Settings{User: account, Secret: token, Number: number}, journey, nil)
		form := url.Values{"MessageSid": {"SM1"}, "MessageStatus": {c.status}, "To": {smstest.Handset}}
		if c.code != "" {
			form.Set("ErrorCode", c.code)
		}
		if _, err := g.Call(t.Context(), signedForm("receipt", c.query, form)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var want []receipt
		if c.want != (receipt{}) {
			want = append(want, c.want)
		}
		if got := journey.Receipts(); !slices.Equal(got, want) {
			t.Errorf("%s: receipts %+v, want %+v", name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	type refusal = conversation.SendError
	locked := refusal{RetryAfter: 10 * time.Minute, Everybody: true}
	noCredit := refusal{RetryAfter: 15 * time.Minute, Everybody: true}
	for _, c := range []struct {
		status, code int
		after        string
		want         refusal
	}{
		{400, 21211, "", refusal{Final: true, Bounced: true}},
		{400, 21614, "", refusal{Final: true, Bounced: true}},
		{400, 21635, "", refusal{Final: true, Bounced: true}},
		{400, 21610, "", refusal{Final: true, Paused: true}},
		{400, 21408, "", refusal{Final: true}},
		{403, 21408, "", refusal{Final: true}},
		{400, 21608, "", refusal{Final: true}},
		{400, 21612, "", refusal{Final: true}},
		{400, 99999, "", refusal{Final: true}},
		{400, 0, "", refusal{}},
		{400, 21606, "", locked},
		{400, 21703, "", locked},
		{400, 21609, "", locked},
		{401, 20003, "", locked},
		{401, 0, "", locked},
		{403, 20006, "", locked},
		{403, 0, "", refusal{}},
		{404, 20404, "", locked},
		{404, 0, "", refusal{}},
		{403, 20005, "", noCredit},
		{400, 10001, "", noCredit},
		{429, 20429, "90", refusal{RetryAfter: 90 * time.Second, Everybody: true}},
		{429, 20429, "", refusal{RetryAfter: 30 * time.Second, Everybody: true}},
		{429, 0, "90", refusal{RetryAfter: 90 * time.Second, Everybody: true}},
		{429, 21611, "", refusal{RetryAfter: 10 * time.Minute, Everybody: true}},
		{429, 63038, "", refusal{RetryAfter: time.Hour, Everybody: true}},
		{500, 20500, "", refusal{}},
		{503, 0, "", refusal{}},
	} {
		name := fmt.Sprintf("%d with code %d", c.status, c.code)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			if c.code == 0 {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte("<html>a proxy's</html>"))
				return
			}
			refuse(w, r, c.status, c.code)
		}))
		_, g := newLine(t, sms.Settings{URL: server.URL, User: account, Secret: token, Number: number}, &smstest.Journey{}, nil)
		_, err := g.Submit(t.Context(), textOf(time.Now(), "hello there"))
		server.Close()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		var got refusal
		if refused := (*refusal)(nil); errors.As(err, &refused) {
			got = *refused
		}
		got.Err = nil
		if got != c.want {
			t.Errorf("%s: %v is %+v, want %+v", name, err, got, c.want)
		}
		if strings.Contains(err.Error(), smstest.Handset) || strings.Contains(err.Error(), "hello") {
			t.Errorf("%s: the error holds the number or the text: %v", name, err)
		}
	}
}

func TestSend(t *testing.T) {
	p := newProvider(t, "")
	settings := p.settings()
	settings.Sender, settings.Hook, settings.User = service, "https://crier.example.org", account+":SK1"
	line, g := newLine(t, settings, &smstest.Journey{}, nil)
	text := textOf(time.Now(), "hello")
	if _, err := g.Submit(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	m := p.sent[0]
	if m.service != service || m.From != "" || m.validity != 36000 {
		t.Errorf("sent %+v", m)
	}
	if want := "https://crier.example.org" + line.Path() + "receipt?id=" + strconv.FormatInt(text.ID, 10); m.callback != want {
		t.Errorf("receipts go to %s, want %s", m.callback, want)
	}
	if _, err := g.Submit(t.Context(), textOf(time.Now(), strings.Repeat("é", 1601))); err == nil {
		t.Error("a text of 1601 characters was sent")
	}
	short := textOf(time.Now(), "quick")
	short.Valid = 0
	if _, err := g.Submit(t.Context(), short); err != nil || p.sent[1].validity != 1 {
		t.Errorf("a text that is worth nothing any more: %v", err)
	}
}

// What Twilio has already is found, and nothing else is taken for it.
func TestAgain(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	text := textOf(now.Add(-10*time.Minute), "Nothing was paid.")
	text.Again = true
	outbound := func(at time.Time, body string) *resource {
		return &resource{sentAt: at, message: message{
			Direction: "outbound-api", Status: "sent", From: number, To: text.To, Body: body, DateCreated: at.UTC().Format(time.RFC1123Z),
		}}
	}
	waiting := outbound(now.Add(-5*time.Minute), text.Body)
	waiting.sentAt, waiting.Status = time.Time{}, "queued"
	untried := outbound(now.Add(-5*time.Minute), text.Body)
	untried.Status, untried.ErrorCode = "failed", 30002
	elsewhere := outbound(now.Add(-5*time.Minute), text.Body)
	elsewhere.To = smstest.Other
	echo := outbound(now.Add(-5*time.Minute), text.Body)
	echo.Direction = "inbound"
	for name, c := range map[string]struct {
		there []*resource
		found int // of them, -1: none
	}{
		"none":               {nil, -1},
		"it":                 {[]*resource{outbound(now.Add(-5*time.Minute), text.Body)}, 0},
		"it waits":           {[]*resource{waiting}, 0},
		"as it was made":     {[]*resource{outbound(now.Add(-10*time.Minute), text.Body)}, 0},
		"an earlier one":     {[]*resource{outbound(now.Add(-time.Hour), text.Body)}, -1},
		"an earlier and it":  {[]*resource{outbound(now.Add(-time.Hour), text.Body), outbound(now.Add(-5*time.Minute), text.Body)}, 1},
		"two":                {[]*resource{outbound(now.Add(-6*time.Minute), text.Body), outbound(now.Add(-5*time.Minute), text.Body)}, 0},
		"another text":       {[]*resource{outbound(now.Add(-5*time.Minute), text.Body+" ")}, -1},
		"given up untried":   {[]*resource{untried}, -1},
		"to another":         {[]*resource{elsewhere}, -1},
		"from the telephone": {[]*resource{echo}, -1},
		"on the third page":  {append([]*resource{outbound(now.Add(-6*time.Minute), text.Body)}, slices.Repeat([]*resource{outbound(now, "another")}, 8)...), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t, "")
			for _, m := range c.there {
				one := *m
				one.SID = p.sid("SM")
				p.messages = append(p.messages, &one)
			}
			_, g := newLine(t, p.settings(), &smstest.Journey{}, nil)
			sid, err := g.Submit(t.Context(), text)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.found < 0 && len(p.sent) != 1:
				t.Errorf("it was not sent: %s was taken for it", sid)
			case c.found >= 0 && (len(p.sent) != 0 || sid != p.messages[c.found].SID):
				t.Errorf("sent %d, as %s", len(p.sent), sid)
			}
		})
	}
}

// Of two texts that are alike, one is not taken for the other.
func TestAgainBesideAnother(t *testing.T) {
	p := newProvider(t, "")
	_, g := newLine(t, p.settings(), &smstest.Journey{}, nil)
	first, second := textOf(time.Now(), "Nothing was paid."), textOf(time.Now().Add(time.Millisecond), "Nothing was paid.")
	sid, err := g.Submit(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	second.Again = true
	other, err := g.Submit(t.Context(), second)
	if err != nil || other == sid || len(p.sent) != 2 {
		t.Errorf("the second went out as %q, the first as %q: %v", other, sid, err)
	}
	for _, text := range []sms.Text{first, second} {
		text.Again = true
		if again, err := g.Submit(t.Context(), text); err != nil || again != map[int64]string{first.ID: sid, second.ID: other}[text.ID] {
			t.Errorf("again as %q: %v", again, err)
		}
	}
}

func TestClaimsAreBounded(t *testing.T) {
	var c claims
	for i := range int64(claimsMost + 10) {
		c.put("SM"+strconv.FormatInt(i, 10), i)
		c.put("SM"+strconv.FormatInt(i, 10), i)
	}
	if len(c.text) != claimsMost || c.others("SM9", 0) || !c.others("SM10", 0) || c.others("SM10", 10) {
		t.Errorf("%d are remembered", len(c.text))
	}
}

// A text that Twilio could not bring is found in its list.
func TestBackfill(t *testing.T) {
	p := newProvider(t, "")
	now := time.Now()
	p.incoming(smstest.Handset, "last week", now.Add(-7*24*time.Hour))
	for i := range 5 { // two pages
		p.incoming(smstest.Handset, "text "+strconv.Itoa(i), now.Add(time.Duration(i-10)*time.Minute))
	}
	p.incoming("MYBANK", "no telephone", now)
	p.incoming(smstest.Handset, "half of it", now).Status = "receiving"
	p.messages = append(p.messages, &resource{sentAt: now, message: message{
		SID: "SMout", Direction: "outbound-api", Status: "received", From: "+32460300000", To: number, Body: "to ourselves", DateCreated: now.UTC().Format(time.RFC1123Z),
	}})
	failing := true
	journey := &smstest.Journey{Keep: func(n int) error {
		if failing && n == 2 {
			return smstest.ErrNotKept
		}
		return nil
	}}
	_, g := newLine(t, p.settings(), journey, nil)
	if err := g.look(t.Context(), now.Add(-lookBack)); !errors.Is(err, smstest.ErrNotKept) {
		t.Errorf("look: %v", err)
	}
	failing = false
	if err := g.look(t.Context(), now.Add(-lookBack)); err != nil {
		t.Fatal(err)
	}
	var heard []string
	for _, in := range journey.Heard() {
		heard = append(heard, in.Text)
	}
	if want := []string{"text 0", "text 1", "text 0", "text 1", "text 2", "text 3", "text 4"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	last := journey.Heard()[6]
	if last.ID != "village:"+p.messages[5].SID || last.At.Unix() != now.Add(-6*time.Minute).Unix() {
		t.Errorf("heard %+v", last)
	}
	if err := g.look(t.Context(), now.Add(-7*time.Minute)); err != nil || len(journey.Heard()) != 8 {
		t.Errorf("a later look heard %d more: %v", len(journey.Heard())-7, err)
	}
}

// Without webhooks texts are heard all the same.
func TestWithoutWebhooks(t *testing.T) {
	p := newProvider(t, "")
	journey := &smstest.Journey{}
	line, g := newLine(t, p.settings(), journey, nil)
	p.incoming(smstest.Handset, "balance", time.Now())
	if every := g.every(); every > 20*time.Second {
		t.Errorf("an answer takes up to %v", every)
	}
	ctx, cancel := context.WithTimeout(t.Context(), smstest.Patience)
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	for len(journey.Heard()) == 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if heard := journey.Heard(); len(heard) != 1 || heard[0].Text != "balance" {
		t.Errorf("heard %+v", heard)
	}
}

// A list whose next page is said to be elsewhere.
func TestListStaysAtHome(t *testing.T) {
	var elsewhere *httptest.Server
	asked := 0
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		answer(w, http.StatusOK, map[string]any{"messages": []any{}, "next_page_uri": elsewhere.URL + "/2010-04-01/x?Page=1"})
	}))
	t.Cleanup(home.Close)
	elsewhere = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the login went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	_, g := newLine(t, sms.Settings{URL: home.URL, User: account, Secret: token, Number: number}, &smstest.Journey{}, nil)
	if err := g.look(t.Context(), time.Now()); err != nil || asked != pagesMost {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestProbe(t *testing.T) {
	p := newProvider(t, "")
	_, g := newLine(t, p.settings(), &smstest.Journey{}, nil)
	said, err := g.Probe(t.Context())
	if err != nil || !strings.Contains(said, "balance 12.50 EUR") || !strings.Contains(said, "trial") {
		t.Errorf("probe says %q, %v", said, err)
	}
	p.status = "suspended"
	if _, err := g.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "suspended") {
		t.Errorf("a suspended account: %v", err)
	}
	g.settings.Secret = "another token"
	if _, err := g.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "user or secret") || strings.Contains(err.Error(), "another") {
		t.Errorf("a wrong token: %v", err)
	}
}

// FuzzCall brings signed forms: whatever they hold is taken or refused, and
// what is taken has an id.
func FuzzCall(f *testing.F) {
	f.Add("in", "", inbound("SM1", smstest.Handset, "pay luc 5").Encode())
	f.Add("in", "", "MessageSid=SM1&From=%2B32470000001&Body=%00%ff&MessageSid=SM2")
	f.Add("receipt", "id=17", "MessageSid=SM1&MessageStatus=failed&ErrorCode=30005")
	f.Add("receipt", "id=99999999999999999999", "MessageSid=SM1&MessageStatus=delivered")
	f.Add("in", "bodySHA256=0", `{"MessageSid":"SM1"}`)
	f.Fuzz(func(t *testing.T, path, query, body string) {
		form, err := url.ParseQuery(body)
		parsed, badQuery := url.ParseQuery(query)
		if err != nil || badQuery != nil {
			return // the line has refused it
		}
		address := "https://crier.example.org/" + path + "?" + query
		journey := &smstest.Journey{}
		_, g := newLine(t, sms.Settings{User: account, Secret: token, Number: number}, journey, nil)
		call := sms.Call{Path: path, URL: address, Query: parsed, Form: form, Body: []byte(body), Header: http.Header{"X-Twilio-Signature": {sign(token, address, form)}}}
		if _, err := g.Call(t.Context(), call); err != nil && !errors.Is(err, sms.ErrMalformed) && !errors.Is(err, sms.ErrForged) {
			t.Fatalf("%v", err)
		}
		for _, in := range journey.Heard() {
			if in.ID == "village:" || strings.ContainsAny(in.ID, "\x00 \n") || !strings.HasPrefix(in.From, "+") {
				t.Errorf("heard %+v", in)
			}
		}
		for _, r := range journey.Receipts() {
			if r.ID <= 0 && r.ProviderID == "" || strings.ContainsAny(r.Reason, "+@ ") {
				t.Errorf("receipt %+v", r)
			}
		}
	})
}
