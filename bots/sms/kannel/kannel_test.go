package kannel

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

// TestGateway passes the suite with a real Kannel, that the example of its
// configuration has been filled in for.
func TestGateway(t *testing.T) {
	smstest.Run(t, smstest.Harness{Kind: Kind, Start: func(t *testing.T, hook string) smstest.Wire {
		k := smstest.StartKannel(t, "kannel.conf.example", hook)
		return smstest.Wire{
			Settings: sms.Settings{URL: k.URL, User: smstest.KannelUser, Secret: smstest.KannelSecret, Number: "+32470000099"},
			Say:      k.Say,
			// Whether it waits cannot be seen: a centre is answered when the text is in Kannel's spool.
			Got: k.Got,
			Report: func(n int, status conversation.Status) bool {
				state := map[conversation.Status]string{conversation.Delivered: "DELIVRD", conversation.Failed: "UNDELIV"}[status]
				if state == "" { // Kannel tells nobody of a text that is underway
					return false
				}
				k.Report(n, state)
				return true
			},
			ReportUnknown: func() { k.ReportUnknown("+32470000099", smstest.Handset) },
			Call:          func(c smstest.Call) *http.Request { return called(t, hook, c) },
		}
	}})
}

// called is a call as Kannel makes it by the configuration.
func called(t *testing.T, hook string, c smstest.Call) *http.Request {
	t.Helper()
	query := url.Values{"id": {"4711"}, "s": {delivered}, "r": {"id:c0ffee stat:DELIVRD err:000"}}
	if c.Path == "in" {
		query = url.Values{
			"from": {"+32470000001"}, "to": {"+32470000099"}, "id": {newUUID()}, "ts": {fmt.Sprint(c.At.Unix())},
			"coding": {"0"}, "charset": {"UTF-8"}, "text": {c.Text}, "answer": {kept},
		}
	}
	method := http.MethodGet
	if c.Body != nil && c.Path == "in" {
		method = http.MethodPost
		query.Del("text")
	}
	request, err := http.NewRequestWithContext(t.Context(), method, hook+c.Path+"?"+query.Encode(), bytes.NewReader(c.Body))
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

const hostSecret = "a secret"

// gatewayAt makes a gateway on a line. address is that of sendsms, and hook that
// of Crier.
func gatewayAt(t testing.TB, address, hook string, journey sms.Journey) (*sms.Line, *gateway) {
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
	line, err := sms.NewLine(sms.LineConfig{Name: "kannel"}, kind, sms.Settings{
		URL: address, User: smstest.KannelUser, Secret: smstest.KannelSecret, Number: "+32470000099", Hook: hook,
	}, []byte(hostSecret), journey, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return line, g
}

// TestMeaning reads what smsbox answers.
func TestMeaning(t *testing.T) {
	t.Parallel()
	type refusal = conversation.SendError
	for name, c := range map[string]struct {
		status int
		says   string
		taken  bool
		want   refusal
	}{
		"taken":        {202, "0: Accepted for delivery", true, refusal{}},
		"queued":       {202, "3: Queued for later delivery", true, refusal{}},
		"sent":         {202, "Sent.", true, refusal{}},
		"another page": {202, "<html>", false, refusal{}},
		"login":        {403, "Authorization failed for sendsms", false, refusal{Everybody: true}},
		"no link":      {403, "Not routable. Do not try again.", false, refusal{}},
		"black-list":   {400, "Number(s) has/have been denied by white- and/or black-lists.", false, refusal{Final: true, Bounced: true}},
		"no sender":    {400, "Sender missing and no global set, rejected", false, refusal{Everybody: true}},
		"charset":      {400, "Charset or body misformed, rejected", false, refusal{Final: true}},
		"busy":         {503, "Temporal failure, try again later.", false, refusal{Everybody: true}},
		"trouble":      {500, "oops", false, refusal{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.says)
			}))
			t.Cleanup(server.Close)
			_, g := gatewayAt(t, server.URL+"/cgi-bin/sendsms", "http://127.0.0.1:8481", &smstest.Journey{})
			_, err := g.Submit(t.Context(), sms.Text{ID: 17, To: smstest.Handset, Body: "hello", GSM: true, Valid: time.Hour})
			if c.taken {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			got := refusal{}
			if refused := (*refusal)(nil); errors.As(err, &refused) {
				got = *refused
			}
			if err == nil || got.Final != c.want.Final || got.Bounced != c.want.Bounced || got.Everybody != c.want.Everybody || strings.Contains(err.Error(), smstest.KannelSecret) {
				t.Errorf("%v means %+v", err, got)
			}
		})
	}
}

// FuzzCall has strangers who know the path call.
func FuzzCall(f *testing.F) {
	f.Add("from=%2B32470000001&to=1&id=6799f874-495c-46fe-af08-456d877a4969&ts=1795338000&coding=0&text=balance", "", "in")
	f.Add("from=32470000001&id=6799f874-495c-46fe-af08-456d877a4969&coding=2&charset=UTF-16BE", "\x00b\x00a\x00l", "in")
	f.Add("from=0470000001&id=6799f874-495c-46fe-af08-456d877a4969&udh=%05%00%03%07%02%01&text=x", "", "in")
	f.Add("id=17&s=1&r=NACK%2F0x0000000b%2F", "", "receipt")
	journey := &smstest.Journey{}
	_, g := gatewayAt(f, "", "http://127.0.0.1:8481", journey)
	f.Fuzz(func(t *testing.T, query, body, path string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		before := len(journey.Heard())
		_, err = g.Call(context.Background(), sms.Call{Path: path, Query: values, Form: url.Values{}, Header: http.Header{}, Body: []byte(body), At: time.Now()})
		if err != nil && !errors.Is(err, sms.ErrMalformed) {
			t.Errorf("%q: %v", query, err)
		}
		if heard := journey.Heard(); len(heard) > before {
			if in := heard[len(heard)-1]; !strings.HasPrefix(in.From, "+") || strings.Contains(in.Text, "\x00") {
				t.Errorf("heard %+v", in)
			}
		}
	})
}
