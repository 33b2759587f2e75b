package android

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

const (
	user    = "XBL4CQ"
	secret  = "zq8pcc4kyybk2w"
	signing = "Jt7signkey"
	number0 = "+32470111111" // of the telephone itself
)

// phone is a stand-in for the app, and for the server that it may be reached
// by. It refuses what they refuse, as their sources of 2026 have it
// (github.com/capcom6/android-sms-gateway, github.com/android-sms-gateway/server).
type phone struct {
	t      *testing.T
	hook   string
	prefix string // of the server's paths, "" for the telephone's own server
	server *httptest.Server

	mu       sync.Mutex
	wake     chan struct{}
	serial   int
	webhooks []webhook
	texts    []*text
	queue    []*happening
	last     *happening // the text that was acknowledged last
	meets    http.HandlerFunc
	lastSeen time.Time
	dated    time.Time   // the text that came in last
	inbox    []inboxText // on the telephone's own server
	old      bool        // it knows no picture messages
}

type text struct {
	message
	state string
	err   string
}

// happening is an event on its way. It has one id for each webhook.
type happening struct {
	event   string
	payload map[string]any
	ids     map[string]string
	done    map[string]bool
}

func newPhone(t *testing.T, hook, prefix string) *phone {
	p := &phone{t: t, hook: hook, prefix: prefix, wake: make(chan struct{}, 1), lastSeen: time.Now()}
	p.server = httptest.NewServer(p)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		p.bring(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		p.server.Close()
	})
	return p
}

func (p *phone) settings() sms.Settings {
	return sms.Settings{URL: p.server.URL + p.prefix, User: user, Secret: secret, Signing: signing, Number: number0}
}

func (p *phone) wire() smstest.Wire {
	meet := func(h http.HandlerFunc) func() {
		return func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.meets = h
		}
	}
	says := func(status int, message string) func() {
		return meet(func(w http.ResponseWriter, _ *http.Request) { answer(w, status, map[string]any{"message": message}) })
	}
	return smstest.Wire{
		Settings: p.settings(),
		Say: func(from, text string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.emit("sms:received", p.incoming(from, text))
		},
		Waiting: func() int {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.queue)
		},
		Repeat: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.last.done = make(map[string]bool)
			p.queue = append(p.queue, p.last)
			p.poke()
		},
		Got: func(number string) []string {
			p.mu.Lock()
			defer p.mu.Unlock()
			var got []string
			for _, text := range p.texts {
				if text.PhoneNumbers[0] == number {
					got = append(got, text.TextMessage.Text)
				}
			}
			return got
		},
		Report: func(n int, status conversation.Status) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.report(p.texts[n].ID, p.texts[n].PhoneNumbers[0], status)
			return true
		},
		ReportUnknown: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, id := range []string{"LreFUt-Z3sSq0JufY9uWB", "crier-42", "7654321987654321"} {
				p.report(id, smstest.Handset, conversation.Delivered)
			}
		},
		Call: p.call,
		Meets: map[smstest.Trouble]func(){
			smstest.Busy: meet(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", strconv.Itoa(int(smstest.BusyFor/time.Second)))
				answer(w, http.StatusTooManyRequests, map[string]any{"message": "Too Many Requests"})
			}),
			smstest.Broken:  says(http.StatusInternalServerError, "failed to handle request"),
			smstest.Locked:  says(http.StatusUnauthorized, "Unauthorized"),
			smstest.Invalid: says(http.StatusBadRequest, "failed to use phone in row 1: invalid phone number"),
			smstest.Refused: says(http.StatusBadRequest, "failed to validate: Key: 'Message.TextMessage.Text' Error:Field validation for 'Text' failed on the 'max' tag"),
			smstest.Silent: meet(func(_ http.ResponseWriter, r *http.Request) {
				p.mu.Lock()
				p.take(r)
				p.mu.Unlock()
				<-r.Context().Done()
			}),
		},
	}
}

// incoming is a text that has come in. Networks date to the second, and the app
// tells two texts apart by that.
func (p *phone) incoming(from, text string) map[string]any {
	at := time.Now()
	if at.Before(p.dated.Add(time.Second)) {
		at = p.dated.Add(time.Second)
	}
	p.dated = at
	hash := fnv.New32()
	_, _ = fmt.Fprint(hash, from, at, text)
	return map[string]any{
		"messageId": strconv.FormatUint(uint64(hash.Sum32()), 16), "message": text, "sender": from, "phoneNumber": from, "recipient": nil, "simNumber": 1,
		"receivedAt": at.Format("2006-01-02T15:04:05.000Z07:00"),
	}
}

// report emits what the app emits for a text: delivered once for each part.
func (p *phone) report(id, to string, status conversation.Status) {
	payload := map[string]any{"messageId": id, "sender": nil, "recipient": to, "phoneNumber": to, "simNumber": 1}
	switch status {
	case conversation.Underway:
		payload["partsCount"] = 2
		p.emit("sms:sent", payload)
	case conversation.Delivered:
		p.emit("sms:delivered", payload)
		p.emit("sms:delivered", payload)
	case conversation.Failed:
		payload["reason"] = "Send result: RESULT_ERROR_GENERIC_FAILURE (Generic failure cause)"
		p.emit("sms:failed", payload)
	}
}

func (p *phone) emit(event string, payload map[string]any) {
	p.queue = append(p.queue, &happening{event: event, payload: payload, ids: make(map[string]string), done: make(map[string]bool)})
	p.poke()
}

func (p *phone) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// bring brings one event after the other to all its webhooks, each until it is
// acknowledged. The real app does not wait for webhooks to be registered.
func (p *phone) bring(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-p.wake:
		case <-time.After(5 * time.Millisecond):
		}
		for p.bringFirst() {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}

// bringFirst reports whether the first event could be brought.
func (p *phone) bringFirst() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return false
	}
	h := p.queue[0]
	hooks := slices.DeleteFunc(slices.Clone(p.webhooks), func(w webhook) bool { return w.Event != h.event })
	all := len(hooks) > 0
	for _, w := range hooks {
		if h.done[w.ID] {
			continue
		}
		if h.ids[w.ID] == "" {
			p.serial++
			h.ids[w.ID] = fmt.Sprintf("Ey6ECgOkVVFjz3C%06d", p.serial)
		}
		body := encode(h.ids[w.ID], w.ID, h.event, h.payload)
		p.mu.Unlock()
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, w.URL, bytes.NewReader(body))
		if err == nil {
			request.Header.Set("Content-Type", "application/json")
			sign(request, body, signing, time.Now())
			var response *http.Response
			if response, err = http.DefaultClient.Do(request); err == nil {
				_ = response.Body.Close()
			}
			h.done[w.ID] = err == nil && response.StatusCode >= 200 && response.StatusCode < 300
		}
		p.mu.Lock()
		all = all && h.done[w.ID]
	}
	if all {
		p.queue = p.queue[1:]
		if h.event == "sms:received" {
			p.last = h
		}
	}
	return all
}

func encode(id, webhook, event string, payload map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	_ = e.Encode(map[string]any{"deviceId": "ffffffffceb0b1db", "event": event, "id": id, "payload": payload, "webhookId": webhook})
	return bytes.TrimSpace(b.Bytes())
}

func sign(request *http.Request, body []byte, key string, at time.Time) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(append(slices.Clone(body), stamp...))
	request.Header.Set("X-Timestamp", stamp)
	request.Header.Set("X-Signature", hex.EncodeToString(mac.Sum(nil)))
}

func (p *phone) call(c smstest.Call) *http.Request {
	p.mu.Lock()
	p.serial++
	id := fmt.Sprintf("call%06d", p.serial)
	body := encode(id, "wh1", "sms:received", p.incoming(smstest.Handset, c.Text))
	p.mu.Unlock()
	if c.Path == "receipt" {
		body = encode(id, "wh1", "sms:delivered", map[string]any{"messageId": "crier-42", "phoneNumber": smstest.Handset})
	}
	if c.Body != nil {
		body = c.Body
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.hook+c.Path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key := map[bool]string{true: signing, false: c.Key}[c.Key == ""]; !c.Unsigned {
		sign(request, body, key, c.At)
	}
	return request
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

// ServeHTTP is the interface for programs.
func (p *phone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, password, _ := r.BasicAuth(); name != user || password != secret {
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Unauthorized"})
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, p.prefix)
	if !ok {
		answer(w, http.StatusNotFound, map[string]any{"message": "Cannot " + r.Method + " " + r.URL.Path})
		return
	}
	p.mu.Lock()
	meets := p.meets
	if r.Method == http.MethodPost && path == "/messages" && meets != nil {
		p.meets = nil
		p.mu.Unlock()
		meets(w, r)
		return
	}
	defer p.mu.Unlock()
	id := path[strings.LastIndex(path, "/")+1:]
	switch what := r.Method + " " + strings.TrimSuffix(path, "/"+id); {
	case r.Method+" "+path == "POST /messages":
		status, body := p.take(r)
		answer(w, status, body)
	case what == "GET /messages":
		i := slices.IndexFunc(p.texts, func(t *text) bool { return t.ID == id })
		if i < 0 {
			answer(w, http.StatusNotFound, map[string]any{"message": "message not found"})
			return
		}
		answer(w, http.StatusOK, p.texts[i].dto())
	case r.Method+" "+path == "GET /inbox" && p.prefix == "":
		p.listInbox(w, r)
	case r.Method+" "+path == "GET /webhooks":
		answer(w, http.StatusOK, slices.Concat([]webhook{}, p.webhooks))
	case r.Method+" "+path == "POST /webhooks":
		status, body := p.register(r)
		answer(w, status, body)
	case what == "DELETE /webhooks":
		p.webhooks = slices.DeleteFunc(p.webhooks, func(w webhook) bool { return w.ID == id })
		answer(w, http.StatusNoContent, nil)
	case r.Method+" "+path == "GET /devices" && p.prefix != "", r.Method+" "+path == "GET /device" && p.prefix == "":
		devices := []map[string]any{}
		if !p.lastSeen.IsZero() {
			devices = append(devices, map[string]any{"id": "dev1", "name": "Fairphone/FP4", "lastSeen": p.lastSeen})
		}
		answer(w, http.StatusOK, devices)
	default:
		answer(w, http.StatusNotFound, map[string]any{"message": "Cannot " + r.Method + " " + r.URL.Path})
	}
}

// listInbox answers a page of the inbox, under p.mu.
func (p *phone) listInbox(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err1 := strconv.Atoi(q.Get("limit"))
	offset, err2 := strconv.Atoi(q.Get("offset"))
	from, err3 := time.Parse(time.RFC3339, q.Get("from"))
	if err1 != nil || err2 != nil || err3 != nil || limit < 1 || limit > 500 || offset < 0 || q.Get("type") != "SMS" && (q.Get("type") != "MMS" || p.old) {
		answer(w, http.StatusBadRequest, map[string]any{"message": "Invalid query"})
		return
	}
	since := slices.DeleteFunc(slices.Clone(p.inbox), func(t inboxText) bool {
		return t.CreatedAt.Before(from) || strings.HasPrefix(t.ID, "mms-header:") != (q.Get("type") == "MMS")
	})
	slices.Reverse(since) // the newest first
	page := []map[string]any{}
	for _, t := range since[min(offset, len(since)):min(offset+limit, len(since))] {
		page = append(page, map[string]any{
			"id": t.ID, "type": q.Get("type"), "sender": t.Sender, "recipient": nil, "simNumber": 1, "contentPreview": t.Text,
			"createdAt": t.CreatedAt.Format("2006-01-02T15:04:05.000Z07:00"), "attachments": []any{},
		})
	}
	answer(w, http.StatusOK, page)
}

// take takes a text, under p.mu.
func (p *phone) take(r *http.Request) (int, any) {
	bad := func(why string) (int, any) {
		return http.StatusBadRequest, map[string]any{"message": "failed to validate: " + why}
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return bad("unsupported content type")
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields() // to catch what is misspelt
	var m message
	if err := d.Decode(&m); err != nil {
		return bad(err.Error())
	}
	switch {
	case m.ID == "" || len(m.ID) > 36:
		return bad("id")
	case m.TextMessage.Text == "":
		return bad("text")
	case len(m.PhoneNumbers) != 1 || !strings.HasPrefix(m.PhoneNumbers[0], "+"):
		return bad("phoneNumbers")
	case m.TTL < 5:
		return bad("ttl")
	case !m.WithDeliveryReport:
		return bad("no report was asked for")
	case r.URL.Query().Get("skipPhoneValidation") != "true":
		return bad("invalid phone number")
	}
	for _, known := range p.texts {
		if known.ID == m.ID {
			return http.StatusConflict, map[string]any{"message": "message with the same ID already exists"}
		}
	}
	t := &text{message: m, state: "Pending"}
	p.texts = append(p.texts, t)
	p.report(m.ID, m.PhoneNumbers[0], conversation.Underway)
	return http.StatusAccepted, t.dto()
}

func (t *text) dto() map[string]any {
	recipient := map[string]any{"phoneNumber": t.PhoneNumbers[0], "state": t.state, "error": nil}
	if t.err != "" {
		recipient["error"] = t.err
	}
	return map[string]any{
		"id": t.ID, "deviceId": "dev1", "state": t.state, "isHashed": false, "isEncrypted": false, "states": map[string]any{},
		"recipients": []any{recipient}, "textMessage": t.TextMessage,
	}
}

// register registers a webhook, under p.mu.
func (p *phone) register(r *http.Request) (int, any) {
	var w webhook
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	known := []string{"sms:received", "mms:received", "sms:data-received", "sms:sent", "sms:delivered", "sms:failed", "system:ping"}
	if p.old {
		known = slices.DeleteFunc(known, func(event string) bool { return strings.HasPrefix(event, "mms:") })
	}
	if err := d.Decode(&w); err != nil || len(w.ID) > 36 || !slices.Contains(known, w.Event) {
		return http.StatusBadRequest, map[string]any{"message": "failed to validate: invalid event type"}
	}
	if !strings.HasPrefix(w.URL, "https://") && !strings.HasPrefix(w.URL, "http://127.0.0.1") {
		return http.StatusBadRequest, map[string]any{"message": "url must start with https:// or http://127.0.0.1: " + w.URL}
	}
	p.serial++
	if w.ID == "" {
		w.ID = fmt.Sprintf("nano%06d", p.serial)
	}
	if i := slices.IndexFunc(p.webhooks, func(other webhook) bool { return other.ID == w.ID }); i >= 0 {
		p.webhooks[i] = w
	} else {
		p.webhooks = append(p.webhooks, w)
	}
	return http.StatusCreated, w
}

// urls are the registered webhooks, by event.
func (p *phone) urls() map[string][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	urls := make(map[string][]string)
	for _, w := range p.webhooks {
		urls[w.Event] = append(urls[w.Event], w.URL)
	}
	return maps.Clone(urls)
}
