package vonage

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
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
	"unicode/utf16"

	"crier/bots"
	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

const (
	user    = "abcd1234"
	secret  = "Z9y8X7w6V5u4T3s2"
	signing = "71efab63122f1d179f51c46bac838fb5"
	rented  = "+32460200001"
)

// account is a stand-in for Vonage with one account. It takes and brings what
// the documentation says, and refuses all else.
type account struct {
	t      *testing.T
	hook   string
	way    string // "GET", "POST" or "POST-JSON", as the dashboard calls them
	method string // of its signatures: "md5hash", "md5", "sha1", "sha256" or "sha512"; "" for none
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
	ids  []string // of its parts
}

// brought is a text or receipt on its way.
type brought struct {
	to     string // address
	fields url.Values
}

func newAccount(t *testing.T, hook, way, method string) *account {
	a := &account{t: t, hook: hook, way: way, method: method, wake: make(chan struct{}, 1)}
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

func (a *account) settings() sms.Settings {
	s := sms.Settings{URL: a.server.URL, User: user, Secret: secret, Number: rented}
	if a.method != "" {
		s.Signing = signing
	}
	return s
}

func (a *account) wire() smstest.Wire {
	meet := func(h http.HandlerFunc) func() {
		return func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.meets = h
		}
	}
	says := func(status string) func() {
		return meet(func(w http.ResponseWriter, r *http.Request) {
			answer(w, http.StatusOK, refused(status, "for "+r.FormValue("to")+": "+r.FormValue("text")))
		})
	}
	return smstest.Wire{
		Settings: a.settings(),
		Say: func(from, text string) {
			a.mu.Lock()
			defer a.mu.Unlock()
			parts := a.incoming(from, text)
			slices.Reverse(parts) // no order is promised
			for _, fields := range parts {
				a.emit(a.hook+"in", fields)
			}
		},
		Waiting: func() int {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.queue)
		},
		Repeat: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.emit(a.last.to, a.last.fields)
		},
		Got: func(number string) []string {
			a.mu.Lock()
			defer a.mu.Unlock()
			var got []string
			for _, text := range a.texts {
				if "+"+text.form.Get("to") == number {
					got = append(got, text.form.Get("text"))
				}
			}
			return got
		},
		Report: func(n int, status conversation.Status) bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			text := a.texts[n]
			for _, id := range text.ids {
				a.emit(text.form.Get("callback"), a.receipt(id, text.form.Get("to"), text.form.Get("client-ref"), status))
			}
			return true
		},
		ReportUnknown: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, reference := range []string{"", "7654321987654321", "invoice 12", "crier-42"} {
				a.emit(a.hook+"receipt", a.receipt("0A000000FFFFFFFF", "32470000001", reference, conversation.Delivered))
			}
		},
		Call: a.call,
		Meets: map[smstest.Trouble]func(){
			smstest.Busy:      says("1"),
			smstest.Broken:    says("5"),
			smstest.Penniless: says("9"),
			smstest.Locked:    says("4"),
			smstest.Invalid:   says("6"),
			smstest.Stopped:   says("7"),
			smstest.Refused:   says("12"),
			smstest.Silent: meet(func(_ http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				a.mu.Lock()
				a.take(r)
				a.mu.Unlock()
				<-r.Context().Done()
			}),
		},
	}
}

// incoming is a text as it is brought, in parts where it is long.
func (a *account) incoming(from, text string) []url.Values {
	parts := cut(text)
	a.serial++
	var all []url.Values
	for i, part := range parts {
		kind := "text"
		if _, _, _, gsm := bots.Segments(text); !gsm {
			kind = "unicode"
		}
		keyword, _, _ := strings.Cut(part, " ")
		fields := url.Values{
			"api-key": {user}, "msisdn": {strings.TrimPrefix(from, "+")}, "to": {strings.TrimPrefix(rented, "+")},
			"messageId": {fmt.Sprintf("0A0000%06dABCD%d", a.serial, i+1)}, "text": {part}, "type": {kind}, "keyword": {strings.ToUpper(keyword)},
			"message-timestamp": {time.Now().UTC().Format(time.DateTime)},
		}
		if len(parts) > 1 {
			fields.Set("concat", "true")
			fields.Set("concat-ref", strconv.Itoa(a.serial%256))
			fields.Set("concat-total", strconv.Itoa(len(parts)))
			fields.Set("concat-part", strconv.Itoa(i+1))
		}
		all = append(all, fields)
	}
	return all
}

// cut cuts a text into the parts that a telephone sends it in.
func cut(text string) []string {
	n, _, _, gsm := bots.Segments(text)
	if n < 2 {
		return []string{text}
	}
	room, size := 67, utf16.RuneLen
	if gsm {
		room = 153
		size = func(r rune) int { _, used, _, _ := bots.Segments(string(r)); return used }
	}
	var parts []string
	used := room
	for _, r := range text {
		if used += size(r); used > room {
			parts, used = append(parts, ""), size(r)
		}
		parts[len(parts)-1] += string(r)
	}
	return parts
}

func (a *account) receipt(id, msisdn, reference string, status conversation.Status) url.Values {
	state, code := "accepted", "0"
	if status == conversation.Delivered {
		state = "delivered"
	}
	if status == conversation.Failed {
		state, code = "failed", "6"
	}
	fields := url.Values{
		"api-key": {user}, "msisdn": {msisdn}, "to": {strings.TrimPrefix(rented, "+")}, "network-code": {"20610"}, "messageId": {id},
		"price": {"0.03330000"}, "status": {state}, "scts": {"2611221000"}, "err-code": {code},
		"message-timestamp": {time.Now().UTC().Format(time.DateTime)},
	}
	if reference != "" {
		fields.Set("client-ref", reference)
	}
	return fields
}

func (a *account) emit(to string, fields url.Values) {
	a.queue = append(a.queue, &brought{to, fields})
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// bring brings one after the other, each until it is acknowledged.
func (a *account) bring(stop <-chan struct{}) {
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
func (a *account) bringFirst() bool {
	a.mu.Lock()
	if len(a.queue) == 0 {
		a.mu.Unlock()
		return false
	}
	b := a.queue[0]
	a.mu.Unlock()
	response, err := http.DefaultClient.Do(a.request(b.to, b.fields, signing, time.Now()))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = a.queue[1:]
	if b.fields.Has("text") {
		a.last = b
	}
	return true
}

// request is a call of a webhook, in the way of the account's settings.
func (a *account) request(to string, fields url.Values, key string, at time.Time) *http.Request {
	if a.method != "" && key != "" {
		fields = a.sign(fields, key, at)
	}
	var request *http.Request
	var err error
	switch a.way {
	case "GET":
		request, err = http.NewRequestWithContext(a.t.Context(), http.MethodGet, to+"?"+fields.Encode(), nil)
	case "POST":
		request, err = http.NewRequestWithContext(a.t.Context(), http.MethodPost, to, strings.NewReader(fields.Encode()))
		if err == nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		}
	case "POST-JSON":
		object := make(map[string]string)
		for name := range fields {
			object[name] = fields.Get(name)
		}
		body, _ := json.Marshal(object)
		request, err = http.NewRequestWithContext(a.t.Context(), http.MethodPost, to, strings.NewReader(string(body)))
		if err == nil {
			request.Header.Set("Content-Type", "application/json")
		}
	}
	if err != nil {
		panic(err)
	}
	return request
}

// sign adds what a signed call has.
func (a *account) sign(fields url.Values, key string, at time.Time) url.Values {
	signed := url.Values{}
	for name := range fields {
		signed.Set(name, fields.Get(name))
	}
	signed.Set("timestamp", strconv.FormatInt(at.Unix(), 10))
	signed.Set("nonce", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab")
	signed.Set("sig", signature(signed, a.method, key))
	return signed
}

func signature(fields url.Values, method, key string) string {
	var names []string
	for name := range fields {
		if name != "sig" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	text := ""
	for _, name := range names {
		text += "&" + name + "=" + strings.ReplaceAll(strings.ReplaceAll(fields.Get(name), "&", "_"), "=", "_")
	}
	if method == "md5hash" {
		return fmt.Sprintf("%x", md5.Sum([]byte(text+key)))
	}
	mac := hmac.New(map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}[method], []byte(key))
	mac.Write([]byte(text))
	return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
}

func (a *account) call(c smstest.Call) *http.Request {
	key := signing
	if c.Key != "" {
		key = c.Key
	}
	if c.Unsigned {
		key = ""
	}
	if c.Body != nil {
		body := string(c.Body)
		if fields, err := url.ParseQuery(body); err == nil && a.method != "" && len(body) < 100_000 {
			signed := a.sign(fields, key, c.At)
			body += "&" + url.Values{"timestamp": signed["timestamp"], "nonce": signed["nonce"], "sig": signed["sig"]}.Encode()
		}
		request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.hook+c.Path, strings.NewReader(body))
		if err != nil {
			a.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return request
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	fields := a.receipt("0A000000FFFFFFFF", "32470000001", "crier-42", conversation.Delivered)
	if c.Path == "in" {
		fields = a.incoming(smstest.Handset, c.Text)[0]
	}
	return a.request(a.hook+c.Path, fields, key, c.At)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refused(status, why string) any {
	return map[string]any{"message-count": "1", "messages": []any{map[string]any{"status": status, "error-text": why}}}
}

// ServeHTTP is the interface for programs.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /sms/json":
		if err := r.ParseForm(); err != nil {
			answer(w, http.StatusOK, refused("3", err.Error()))
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
		answer(w, http.StatusOK, a.take(r))
	case "GET /account/get-balance":
		if name, password, _ := r.BasicAuth(); name != user || password != secret {
			answer(w, http.StatusUnauthorized, map[string]any{"error-code": "401", "error-code-label": "authentication failed"})
			return
		}
		_, _ = fmt.Fprint(w, `{"value": 10.17127500, "autoReload": false}`)
	default:
		http.NotFound(w, r)
	}
}

var (
	digits     = regexp.MustCompile(`^[0-9]{7,15}$`)
	senderName = regexp.MustCompile(`^[0-9A-Za-z ]{1,11}$`)
)

// take takes a text, under a.mu.
func (a *account) take(r *http.Request) any {
	form := r.PostForm
	known := []string{"api_key", "api_secret", "from", "to", "text", "type", "client-ref", "ttl", "status-report-req", "callback"}
	for name, values := range form {
		if !slices.Contains(known, name) || len(values) != 1 { // to catch what is misspelt
			return refused("3", "Invalid "+name+" param")
		}
	}
	for _, name := range []string{"api_key", "api_secret", "from", "to", "text"} {
		if form.Get(name) == "" {
			return refused("2", "Missing "+name+" param")
		}
	}
	ttl, err := strconv.ParseInt(form.Get("ttl"), 10, 64)
	n, _, _, gsm := bots.Segments(form.Get("text"))
	switch callback, invalid := url.Parse(form.Get("callback")); {
	case len(r.URL.Query()) > 0:
		return refused("3", "a secret in the address")
	case form.Get("api_key") != user || form.Get("api_secret") != secret:
		return refused("4", "Bad Credentials")
	case !digits.MatchString(form.Get("to")):
		return refused("3", "to address is not numeric")
	case !digits.MatchString(form.Get("from")) && !senderName.MatchString(form.Get("from")):
		return refused("15", "Illegal Sender Address - rejected")
	case form.Get("type") != "text" && form.Get("type") != "unicode", form.Get("type") == "text" != gsm:
		return refused("3", "the text would be mangled")
	case err != nil || ttl < 20_000 || ttl > 604_800_000:
		return refused("3", "Invalid ttl param")
	case form.Get("client-ref") == "" || len(form.Get("client-ref")) > 40:
		return refused("3", "Invalid client-ref param")
	case form.Get("status-report-req") != "1":
		return refused("3", "no receipt was asked for")
	case form.Has("callback") && (len(form.Get("callback")) > 100 || invalid != nil || callback.Host == ""):
		return refused("23", "Invalid callback url")
	case len([]rune(form.Get("text"))) > 3200:
		return refused("12", "Message too long")
	}
	s := &submitted{form: form}
	var messages []any
	for range n {
		a.serial++
		s.ids = append(s.ids, fmt.Sprintf("0C0000%06d7B", a.serial))
		messages = append(messages, map[string]any{
			"to": form.Get("to"), "message-id": s.ids[len(s.ids)-1], "status": "0", "remaining-balance": "15.53590000",
			"message-price": "0.03330000", "network": "20610", "client-ref": form.Get("client-ref"),
		})
	}
	a.texts = append(a.texts, s)
	return map[string]any{"message-count": strconv.Itoa(n), "messages": messages}
}
