package africastalking

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
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
	user   = "village-app"
	secret = "atsk_6d1f0c2b9e8a7f5d4c3b"
	code   = "22384"
)

// app is a stand-in for Africa's Talking with one app. It takes and brings what
// the documentation says, and refuses all else.
type app struct {
	t      *testing.T
	hook   string
	server *httptest.Server

	mu     sync.Mutex
	wake   chan struct{}
	serial int
	texts  []*submitted
	queue  []*brought
	last   *brought // the text that was acknowledged last
	meets  http.HandlerFunc
}

// submitted is a text that was taken.
type submitted struct {
	form url.Values
	id   string
}

// brought is a text or receipt on its way.
type brought struct {
	path   string
	fields url.Values
}

func newApp(t *testing.T, hook string) *app {
	a := &app{t: t, hook: hook, wake: make(chan struct{}, 1)}
	a.server = httptest.NewServer(a)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		a.bring(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
		a.server.Close()
	})
	return a
}

func (a *app) settings() sms.Settings {
	return sms.Settings{URL: a.server.URL, User: user, Secret: secret, Number: code}
}

func (a *app) wire() smstest.Wire {
	meet := func(h http.HandlerFunc) func() {
		return func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.meets = h
		}
	}
	says := func(status int) func() {
		return meet(func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusCreated, "Sent to 0/1 Total Cost: 0", recipientOf(r.FormValue("to"), status, "None"))
		})
	}
	return smstest.Wire{
		Settings: a.settings(),
		Say: func(from, text string) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.emit("in", a.incoming(from, text))
		},
		Waiting: func() int {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.queue)
		},
		Repeat: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.emit(a.last.path, a.last.fields)
		},
		Got: func(number string) []string {
			a.mu.Lock()
			defer a.mu.Unlock()
			var got []string
			for _, text := range a.texts {
				if text.form.Get("to") == number {
					got = append(got, text.form.Get("message"))
				}
			}
			return got
		},
		Report: func(n int, status conversation.Status) bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.emit("receipt", receiptOf(a.texts[n].id, a.texts[n].form.Get("to"), status))
			return true
		},
		ReportUnknown: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.emit("receipt", receiptOf("ATXid_ffffffffffffffffffffffffffffffff", smstest.Handset, conversation.Delivered))
		},
		Call: a.call,
		Meets: map[smstest.Trouble]func(){
			smstest.Busy: meet(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", strconv.Itoa(int(smstest.BusyFor/time.Second)))
				http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
			}),
			smstest.Broken:    says(500),
			smstest.Penniless: says(405),
			smstest.Locked: meet(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
			}),
			smstest.Invalid: says(403),
			smstest.Stopped: says(406),
			smstest.Refused: says(502),
			smstest.Silent: meet(func(_ http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				a.mu.Lock()
				a.take(httptest.NewRecorder(), r)
				a.mu.Unlock()
				<-r.Context().Done()
			}),
		},
	}
}

func (a *app) incoming(from, text string) url.Values {
	a.serial++
	return url.Values{
		"date": {time.Now().UTC().Format(time.DateTime)}, "from": {from}, "id": {fmt.Sprintf("ee9a1a9e-3a4b-4d8e-92c7-%012d", a.serial)},
		"linkId": {"SampleLinkId123"}, "text": {text}, "to": {code}, "cost": {"KES 0.0000"}, "networkCode": {"63902"},
	}
}

func receiptOf(id, number string, status conversation.Status) url.Values {
	fields := url.Values{"id": {id}, "phoneNumber": {number}, "networkCode": {"63902"}, "retryCount": {"0"}, "status": {"Submitted"}}
	if status == conversation.Delivered {
		fields.Set("status", "Success")
	}
	if status == conversation.Failed {
		fields.Set("status", "Failed")
		fields.Set("failureReason", "DeliveryFailure")
	}
	return fields
}

func (a *app) emit(path string, fields url.Values) {
	a.queue = append(a.queue, &brought{path, fields})
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// bring brings one after the other, each until it is acknowledged.
func (a *app) bring(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-a.wake:
		case <-time.After(5 * time.Millisecond):
		}
		for a.bringFirst() {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}

// bringFirst reports whether the first one could be brought.
func (a *app) bringFirst() bool {
	a.mu.Lock()
	if len(a.queue) == 0 {
		a.mu.Unlock()
		return false
	}
	b := a.queue[0]
	a.mu.Unlock()
	response, err := http.DefaultClient.Do(a.request(b.path, b.fields.Encode()))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = a.queue[1:]
	if b.path == "in" {
		a.last = b
	}
	return true
}

func (a *app) request(path, body string) *http.Request {
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.hook+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func (a *app) call(c smstest.Call) *http.Request {
	if c.Body != nil {
		return a.request(c.Path, string(c.Body))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var fields url.Values
	switch c.Path {
	case "in":
		fields = a.incoming(smstest.Handset, c.Text)
	case "receipt":
		fields = receiptOf("ATXid_ffffffffffffffffffffffffffffffff", smstest.Handset, conversation.Delivered)
	case "optout":
		fields = url.Values{"senderId": {code}, "phoneNumber": {smstest.Handset}}
	case "ussd":
		fields = step("ATUid_5d3b4c2bc589f4811820a7184eed4df5", "1*"+c.Text)
	case "ussd-end":
		fields = step("ATUid_5d3b4c2bc589f4811820a7184eed4df5", "")
		fields.Del("text")
		for name, value := range map[string]string{
			"date": "2026-11-22 10:00:00", "status": "Success", "cost": "KES 0.10", "durationInMillis": "12345", "hopsCount": "3",
			"input": "1*" + c.Text, "lastAppResponse": "END Bye", "errorMessage": "",
		} {
			fields.Set(name, value)
		}
	}
	return a.request(c.Path, fields.Encode())
}

// step is a step of a USSD session.
func step(session, text string) url.Values {
	return url.Values{"sessionId": {session}, "serviceCode": {"*384*77#"}, "phoneNumber": {smstest.Handset}, "networkCode": {"63902"}, "text": {text}}
}

func recipientOf(number string, status int, id string) map[string]any {
	name := statuses[status]
	if status < 200 {
		name = "Success"
	}
	return map[string]any{"statusCode": status, "number": number, "status": name, "cost": "KES 0.8000", "messageId": id}
}

func answer(w http.ResponseWriter, status int, message string, recipients ...map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"SMSMessageData": map[string]any{"Message": message, "Recipients": append([]map[string]any{}, recipients...)},
	})
}

// ServeHTTP is the interface for programs.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("apiKey") == "":
		http.Error(w, "The resource requires authentication, which was not supplied with the request", http.StatusUnauthorized)
	case r.Header.Get("apiKey") != secret:
		http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
	case r.Header.Get("Accept") != "application/json":
		_, _ = io.WriteString(w, `<?xml version="1.0"?><AfricasTalkingResponse/>`)
	case r.Method+" "+r.URL.Path == "GET /version1/user":
		if r.URL.Query().Get("username") != user {
			http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"UserData":{"balance":"KES 1785.50"}}`)
	case r.Method+" "+r.URL.RequestURI() == "POST /version1/messaging":
		if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			http.Error(w, "The request content was malformed", http.StatusBadRequest)
			return
		}
		a.mu.Lock()
		meets := a.meets
		a.meets = nil
		a.mu.Unlock()
		if meets != nil {
			meets(w, r)
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.take(w, r)
	default:
		http.Error(w, "The requested resource could not be found.", http.StatusNotFound)
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// take takes a text, under a.mu.
func (a *app) take(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	known := []string{"username", "to", "message", "from", "bulkSMSMode", "enqueue"}
	for name, values := range form {
		if !slices.Contains(known, name) || len(values) != 1 { // to catch what is misspelt
			http.Error(w, "Request has an unknown form field "+name, http.StatusBadRequest)
			return
		}
	}
	for _, name := range []string{"username", "to", "message"} {
		if form.Get(name) == "" {
			http.Error(w, "Request is missing required form field '"+name+"'", http.StatusBadRequest)
			return
		}
	}
	switch {
	case form.Get("username") != user:
		http.Error(w, "The supplied authentication is invalid", http.StatusUnauthorized)
	case form.Get("from") != code:
		answer(w, http.StatusCreated, "InvalidSenderId")
	case form.Get("bulkSMSMode") != "1", form.Get("enqueue") != "1":
		http.Error(w, "The request content was malformed", http.StatusBadRequest)
	case !e164.MatchString(form.Get("to")):
		answer(w, http.StatusCreated, "Sent to 0/1 Total Cost: 0", recipientOf(form.Get("to"), 403, "None"))
	default:
		a.serial++
		s := &submitted{form: form, id: fmt.Sprintf("ATXid_520e732ea1191c1f03a7%010d", a.serial)}
		a.texts = append(a.texts, s)
		answer(w, http.StatusCreated, "Sent to 1/1 Total Cost: KES 0.8000", recipientOf(form.Get("to"), 100+a.serial%3, s.id))
	}
}
