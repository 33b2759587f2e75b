package twilio

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"sort"
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
	account = "ACffffffffffffffffffffffffffffffff"
	token   = "0123456789abcdef0123456789abcdef"
	number  = "+32460200000"
	service = "MG0123456789abcdef0123456789abcdef"
)

// provider is a stand-in for Twilio. It refuses what Twilio refuses, with
// Twilio's codes.
type provider struct {
	t      *testing.T
	hook   string
	server *httptest.Server

	mu       sync.Mutex
	wake     chan struct{}
	serial   int
	messages []*resource // oldest first
	sent     []*resource // of them, those that were sent by us
	queue    []callback
	last     callback // the text that was acknowledged last
	meets    http.HandlerFunc
	status   string // of the account
	lists    int    // how often a list was asked for
	pageMost int
}

// resource is a message.
type resource struct {
	message
	callback string // StatusCallback
	sentAt   time.Time
	validity int
	service  string
}

// callback is a call of a webhook that is due.
type callback struct {
	url  string
	form url.Values
}

func newProvider(t *testing.T, hook string) *provider {
	p := &provider{t: t, hook: hook, wake: make(chan struct{}, 1), status: "active", pageMost: 3}
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

func (p *provider) settings() sms.Settings {
	return sms.Settings{URL: p.server.URL, User: account, Secret: token, Number: number}
}

func (p *provider) sid(kind string) string {
	p.serial++
	return fmt.Sprintf("%s%032x", kind, p.serial)
}

func (p *provider) wire() smstest.Wire {
	meet := func(h http.HandlerFunc) func() {
		return func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.meets = h
		}
	}
	says := func(status, code int) func() {
		return meet(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, status, code) })
	}
	return smstest.Wire{
		Settings: p.settings(),
		Say: func(from, text string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			m := p.incoming(from, text, time.Now())
			p.push(callback{p.hook + "in", inbound(m.SID, from, text)})
		},
		Waiting: func() int {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.queue)
		},
		Repeat: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.push(p.last)
		},
		Got: func(to string) []string {
			p.mu.Lock()
			defer p.mu.Unlock()
			var got []string
			for _, m := range p.sent {
				if m.To == to {
					got = append(got, m.Body)
				}
			}
			return got
		},
		Report: func(n int, status conversation.Status) bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			m := p.sent[n]
			switch status {
			case conversation.Underway:
				p.report(m, "sent", "")
			case conversation.Delivered:
				p.report(m, "delivered", "")
			case conversation.Failed:
				p.report(m, "undelivered", "30003")
			}
			return true
		},
		ReportUnknown: func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, query := range []string{"", "?id=42", "?id=", "?id=-1", "?id=x"} {
				p.report(&resource{message: message{SID: p.sid("SM"), To: smstest.Handset}, callback: p.hook + "receipt" + query}, "delivered", "")
			}
		},
		Call: p.call,
		Meets: map[smstest.Trouble]func(){
			smstest.Busy: meet(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", strconv.Itoa(int(smstest.BusyFor/time.Second)))
				refuse(w, r, http.StatusTooManyRequests, 20429)
			}),
			smstest.Broken:    says(http.StatusInternalServerError, 20500),
			smstest.Penniless: says(http.StatusForbidden, 20005),
			smstest.Locked:    says(http.StatusUnauthorized, 20003),
			smstest.Invalid:   says(http.StatusBadRequest, 21211),
			smstest.Stopped:   says(http.StatusBadRequest, 21610),
			smstest.Refused:   says(http.StatusBadRequest, 21408),
			smstest.Silent: meet(func(_ http.ResponseWriter, r *http.Request) {
				p.mu.Lock()
				p.create(httptest.NewRecorder(), r)
				p.mu.Unlock()
				<-r.Context().Done()
			}),
		},
	}
}

// incoming adds a message that has come in.
func (p *provider) incoming(from, text string, at time.Time) *resource {
	m := &resource{sentAt: at, message: message{
		SID: p.sid("SM"), Direction: "inbound", Status: "received", From: from, To: number, Body: text,
		DateCreated: at.UTC().Format(time.RFC1123Z),
	}}
	p.messages = append(p.messages, m)
	return m
}

func inbound(sid, from, text string) url.Values {
	return url.Values{
		"MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "AccountSid": {account}, "From": {from}, "To": {number},
		"Body": {text}, "NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"},
		"FromCountry": {"BE"}, "FromCity": {""},
	}
}

func (p *provider) report(m *resource, status, code string) {
	if m.callback == "" {
		return
	}
	form := url.Values{
		"MessageSid": {m.SID}, "SmsSid": {m.SID}, "AccountSid": {account}, "From": {number}, "To": {m.To},
		"MessageStatus": {status}, "SmsStatus": {status}, "ApiVersion": {"2010-04-01"},
	}
	if code != "" {
		form.Set("ErrorCode", code)
	}
	p.push(callback{m.callback, form})
}

func (p *provider) push(c callback) {
	p.queue = append(p.queue, c)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// bring makes one call after the other, each until it is acknowledged. Twilio
// itself gives up after five (rc) and 15 seconds.
func (p *provider) bring(stop <-chan struct{}) {
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

// bringFirst reports whether the first call was acknowledged.
func (p *provider) bringFirst() bool {
	p.mu.Lock()
	if len(p.queue) == 0 {
		p.mu.Unlock()
		return false
	}
	c := p.queue[0]
	p.mu.Unlock()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, c.url, strings.NewReader(c.form.Encode()))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	request.Header.Set("X-Twilio-Signature", sign(token, c.url, c.form))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return false
	}
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/xml") || !strings.HasSuffix(string(answer), "<Response/>") {
		p.t.Errorf("answered as %s: %s (error 12300)", kind, answer)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = p.queue[1:]
	if c.form.Has("Body") {
		p.last = c
	}
	return true
}

// sign makes a signature as the documentation says, step by step.
func sign(key, address string, form url.Values) string {
	text := address
	var names []string
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (p *provider) call(c smstest.Call) *http.Request {
	p.mu.Lock()
	form := inbound(p.sid("SM"), smstest.Handset, c.Text)
	p.mu.Unlock()
	address := p.hook + c.Path
	if c.Path == "receipt" {
		address += "?id=42&of=" + url.QueryEscape(c.Text)
		form = url.Values{"MessageSid": form["MessageSid"], "MessageStatus": {"delivered"}, "To": {smstest.Handset}}
	}
	body := []byte(form.Encode())
	if c.Body != nil {
		body = c.Body
		form, _ = url.ParseQuery(string(body))
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	key := token
	if c.Key != "" {
		key = c.Key
	}
	if !c.Unsigned {
		request.Header.Set("X-Twilio-Signature", sign(key, address, form))
	}
	return request
}

// refuse answers as Twilio does: with the number in what it says.
func refuse(w http.ResponseWriter, r *http.Request, status, code int) {
	answer(w, status, map[string]any{
		"code": code, "status": status, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code),
		"message": fmt.Sprintf("It is about %s and %s", r.FormValue("To"), r.FormValue("Body")),
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// ServeHTTP is the REST API.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if (name != account && name != "SK1") || password != token {
		refuse(w, r, http.StatusUnauthorized, 20003)
		return
	}
	p.mu.Lock()
	const root = "/2010-04-01/Accounts/" + account
	if r.Method == http.MethodPost && r.URL.Path == root+"/Messages.json" && p.meets != nil {
		meets := p.meets
		p.meets = nil
		p.mu.Unlock()
		meets(w, r)
		return
	}
	defer p.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "POST " + root + "/Messages.json":
		p.create(w, r)
	case "GET " + root + "/Messages.json":
		p.list(w, r)
	case "GET " + root + ".json":
		answer(w, http.StatusOK, map[string]any{"sid": account, "status": p.status, "type": "Trial"})
	case "GET " + root + "/Balance.json":
		answer(w, http.StatusOK, map[string]any{"account_sid": account, "balance": "12.50", "currency": "EUR"})
	default:
		refuse(w, r, http.StatusNotFound, 20404)
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// create makes a message, under p.mu.
func (p *provider) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		refuse(w, r, http.StatusBadRequest, 20001)
		return
	}
	for name := range r.PostForm {
		if !slices.Contains([]string{"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"}, name) {
			p.t.Errorf("no such parameter: %s", name)
		}
	}
	f := r.PostForm
	to, body := f.Get("To"), f.Get("Body")
	validity, err := strconv.Atoi(f.Get("ValidityPeriod"))
	callback, _ := url.Parse(f.Get("StatusCallback"))
	code := 0
	switch {
	case to == "":
		code = 21604
	case !e164.MatchString(to):
		code = 21211
	case body == "":
		code = 21602
	case len([]rune(body)) > 1600:
		code = 21617
	case f.Has("From") == f.Has("MessagingServiceSid"):
		code = 21603
	case f.Has("From") && f.Get("From") != number:
		code = 21606
	case f.Has("MessagingServiceSid") && f.Get("MessagingServiceSid") != service:
		code = 21701
	case err != nil || validity < 1 || validity > 36000:
		code = 90007
	case f.Has("StatusCallback") && (callback == nil || callback.Host == "" || strings.Contains(callback.Host, "_")):
		code = 21609
	}
	if code != 0 {
		refuse(w, r, http.StatusBadRequest, code)
		return
	}
	m := &resource{callback: f.Get("StatusCallback"), validity: validity, service: f.Get("MessagingServiceSid"), message: message{
		SID: p.sid("SM"), Direction: "outbound-api", Status: "queued", From: f.Get("From"), To: to, Body: body,
		DateCreated: time.Now().UTC().Format(time.RFC1123Z),
	}}
	p.messages = append(p.messages, m)
	p.sent = append(p.sent, m)
	p.report(m, "queued", "")
	answer(w, http.StatusCreated, m.dto())
}

func (m *resource) dto() map[string]any {
	sent, failure := any(nil), any(nil)
	if m.ErrorCode != 0 {
		failure = m.ErrorCode
	}
	if !m.sentAt.IsZero() {
		sent = m.sentAt.UTC().Format(time.RFC1123Z)
	}
	return map[string]any{
		"sid": m.SID, "direction": m.Direction, "status": m.Status, "from": m.From, "to": m.To, "body": m.Body,
		"date_created": m.DateCreated, "date_sent": sent, "account_sid": account, "error_code": failure, "num_segments": "1",
		"uri": "/2010-04-01/Accounts/" + account + "/Messages/" + m.SID + ".json",
	}
}

// list lists messages, the latest first, under p.mu. Its pages are smaller than
// one asks for.
func (p *provider) list(w http.ResponseWriter, r *http.Request) {
	p.lists++
	q := r.URL.Query()
	var after time.Time
	if text := q.Get("DateSent>"); text != "" {
		var err error
		if after, err = time.Parse(time.RFC3339, text); err != nil {
			refuse(w, r, http.StatusBadRequest, 20001)
			return
		}
		after = after.Truncate(24 * time.Hour) // by days
	}
	var found []map[string]any
	for _, m := range slices.Backward(p.messages) {
		if q.Has("To") && m.To != q.Get("To") || !after.IsZero() && m.sentAt.Before(after) {
			continue
		}
		found = append(found, m.dto())
	}
	n, _ := strconv.Atoi(q.Get("Page"))
	begin, end := min(n*p.pageMost, len(found)), min((n+1)*p.pageMost, len(found))
	next := any(nil)
	if end < len(found) {
		q.Set("Page", strconv.Itoa(n+1))
		q.Set("PageToken", "PA"+strconv.Itoa(n+1))
		next = r.URL.Path + "?" + q.Encode()
	}
	answer(w, http.StatusOK, map[string]any{"messages": slices.Concat([]map[string]any{}, found[begin:end]), "next_page_uri": next, "page": n})
}
