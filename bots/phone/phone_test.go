package phone_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"crier/bots/phone"
	"crier/conversation"
)

// site is a page on a server of its own, and what a browser knows of it.
type site struct {
	*httptest.Server
	t     *testing.T
	phone *phone.Server
	token string
}

func serve(t *testing.T, v *village, cfg phone.Config) *site {
	t.Helper()
	s := v.open(cfg)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	t.Cleanup(s.Close)
	st := &site{Server: web, t: t, phone: s}
	path := "/"
	if cfg.Token != "" {
		path += "?key=" + url.QueryEscape(cfg.Token)
	}
	_, body := st.get(path, nil)
	if m := regexp.MustCompile(`"token":"([A-Z2-7]{26})"`).FindStringSubmatch(body); m != nil {
		st.token = m[1]
	} else {
		t.Fatalf("the page has no token:\n%s", body)
	}
	return st
}

// reply is what came back, but for its body.
type reply struct {
	StatusCode int
	Header     http.Header
	Cookies    []*http.Cookie
}

func (st *site) do(r *http.Request) (reply, string) {
	st.t.Helper()
	answer, err := st.Client().Do(r)
	if err != nil {
		st.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, answer.Cookies()}, string(body)
}

func (st *site) get(path string, change func(*http.Request)) (reply, string) {
	st.t.Helper()
	r, _ := http.NewRequestWithContext(st.t.Context(), http.MethodGet, st.URL+path, nil)
	if change != nil {
		change(r)
	}
	return st.do(r)
}

// post sends a body to /say as the page does, but for what change changes.
func (st *site) post(body string, change func(*http.Request)) (status int, answer string) {
	st.t.Helper()
	r, _ := http.NewRequestWithContext(st.t.Context(), http.MethodPost, st.URL+"/say", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", st.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("X-Crier-Token", st.token)
	if change != nil {
		change(r)
	}
	response, text := st.do(r)
	return response.StatusCode, text
}

func said(screen phone.Screen, id, text, question string) string {
	body, _ := json.Marshal(map[string]string{
		"screen": screen.Channel + ":" + screen.Address, "id": id, "text": text, "question": question,
	})
	return string(body)
}

const someID = "0123456789abcdef"

// event is one of the stream.
type event struct {
	id, kind string
	data     map[string]any
}

// watch opens the stream for screens and returns its events, beginning with
// hello, and a way to hang up.
func (st *site) watch(lastID string, screens ...phone.Screen) (next func() event, hangUp func()) {
	st.t.Helper()
	ctx, cancel := context.WithTimeout(st.t.Context(), 10*time.Second)
	st.t.Cleanup(cancel)
	query := "?"
	for _, sc := range screens {
		query += "open=" + strings.ReplaceAll(sc.Channel+":"+sc.Address, "+", "%2B") + "&"
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, st.URL+"/events"+query, nil)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := st.Client().Do(r)
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		st.t.Fatalf("the stream has type %q", got)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	return func() event {
			st.t.Helper()
			var e event
			for lines.Scan() {
				name, value, _ := strings.Cut(lines.Text(), ": ")
				switch name {
				case "id":
					e.id = value
				case "event":
					e.kind = value
				case "data":
					if err := json.Unmarshal([]byte(value), &e.data); err != nil {
						st.t.Fatalf("event %q: %v", value, err)
					}
				case "":
					if e.kind != "" {
						return e
					}
				}
			}
			st.t.Fatalf("the stream ended: %v", lines.Err())
			return e
		}, func() {
			cancel()
			answer.Body.Close()
		}
}

func TestSayBecomesAnInbound(t *testing.T) {
	v := newVillage()
	now := time.Date(2026, 5, 3, 10, 12, 0, 0, time.UTC)
	st := serve(t, v, phone.Config{Now: func() time.Time { return now }})
	for i, sc := range []phone.Screen{maria, luc, thandi, anna} { // Anna is in the directory only
		id := fmt.Sprintf("id-of-message-%04d", i)
		if status, answer := st.post(said(sc, id, "pay luc 5 for eggs", ""), nil); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, answer)
		}
		got := v.received()[i]
		want := conversation.Inbound{
			Channel: sc.Channel, ID: id, From: sc.Address, Name: sc.Name, Locale: sc.Locale,
			Text: "pay luc 5 for eggs", At: now, Trust: conversation.Proven,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestSayRefuses(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del(name)
			if value != "" {
				r.Header.Set(name, value)
			}
		}
	}
	good := said(maria, someID, "balance", "")
	for _, test := range []struct {
		name   string
		body   string
		change func(*http.Request)
		status int
	}{
		{"no JSON", "pay luc 5", nil, 400},
		{"nothing", "", nil, 400},
		{"an array", "[]", nil, 400},
		{"null", "null", nil, 400},
		{"two values", good + good, nil, 400},
		{"wrong types", `{"screen":1,"id":2}`, nil, 400},
		{"no text", said(maria, someID, " \n ", ""), nil, 400},
		{"no id", said(maria, "", "balance", ""), nil, 400},
		{"a short id", said(maria, "abc", "balance", ""), nil, 400},
		{"a long id", said(maria, strings.Repeat("a", 65), "balance", ""), nil, 400},
		{"an id of other letters", said(maria, "0123456789abcdé!", "balance", ""), nil, 400},
		{"a question that is no number", said(maria, someID, "yes", "1e3"), nil, 400},
		{"a question below 1", said(maria, someID, "yes", "-4"), nil, 400},
		{"a question too large", said(maria, someID, "yes", "99999999999999999999"), nil, 400},
		{"an unknown screen", said(phone.Screen{Channel: "sms", Address: "+32470999999"}, someID, "balance", ""), nil, 404},
		{"another's address on another channel", said(phone.Screen{Channel: "email", Address: maria.Address}, someID, "balance", ""), nil, 404},
		{"a huge text", said(maria, someID, strings.Repeat("a", 1<<20+1), ""), nil, 413},
		{"a huge body", said(maria, someID, strings.Repeat("a", 7<<20), ""), nil, 413},
		{"a form", good, header("Content-Type", "text/plain"), 415},
		{"no type", good, header("Content-Type", ""), 415},
		{"a foreign origin", good, header("Origin", "https://evil.example"), 403},
		{"the null origin", good, header("Origin", "null"), 403},
		{"the origin of another port", good, header("Origin", "http://127.0.0.1:1"), 403},
		{"a cross-site fetch", good, header("Sec-Fetch-Site", "cross-site"), 403},
		{"a same-site fetch", good, header("Sec-Fetch-Site", "same-site"), 403},
		{"no word on where it is from", good, func(r *http.Request) {
			r.Header.Del("Origin")
			r.Header.Del("Sec-Fetch-Site")
		}, 403},
		{"no token", good, header("X-Crier-Token", ""), 403},
		{"a wrong token", good, header("X-Crier-Token", "AAAAAAAAAAAAAAAAAAAAAAAAAA"), 403},
		{"another host name", good, func(r *http.Request) {
			r.Host = "evil.example"
			r.Header.Set("Origin", "http://evil.example")
		}, 421},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, answer := st.post(test.body, test.change); status != test.status {
				t.Errorf("status %d (%s), want %d", status, answer, test.status)
			}
		})
	}
	if got := v.received(); len(got) != 0 {
		t.Errorf("the handler got %d messages", len(got))
	}
	if status, _ := st.post(said(maria, someID, strings.Repeat("a", 1<<20), ""), nil); status != http.StatusOK {
		t.Errorf("a text of 1 MiB: status %d", status)
	}
}

func TestSayTwiceIsOneMessage(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	for range 3 {
		if status, answer := st.post(said(maria, someID, "balance", ""), nil); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	if status, _ := st.post(said(maria, someID, "something else", ""), nil); status != http.StatusConflict {
		t.Errorf("the same id for another text: status %d", status)
	}
	if v.received(); v.calls != 1 {
		t.Errorf("the handler was asked %d times", v.calls)
	}
	next, _ := st.watch("", maria)
	next() // hello
	if e := next(); e.data["text"] != "balance" || e.data["state"] != "sent" {
		t.Errorf("first %v", e.data)
	}
	if e := next(); e.data["mine"] == true {
		t.Errorf("shown twice: %v", e.data)
	}
}

func TestSayAfterAFailureMayBeRepeated(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	v.setBroken(true)
	if status, _ := st.post(said(maria, someID, "balance", ""), nil); status != http.StatusServiceUnavailable {
		t.Fatalf("status %d while nothing is kept", status)
	}
	next, _ := st.watch("", maria)
	next()
	if e := next(); e.data["state"] != "failed" {
		t.Errorf("state %v", e.data["state"])
	}
	v.setBroken(false)
	if status, _ := st.post(said(maria, someID, "balance", ""), nil); status != http.StatusOK {
		t.Fatalf("status %d for the repetition", status)
	}
	for e := next(); e.data["state"] != "sent"; {
		e = next()
	}
}

func TestDirectoryThatFails(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{
		Directory: func(context.Context) ([]phone.Screen, error) { return nil, errors.New("no database") },
	})
	if answer, body := st.get("/screens", nil); answer.StatusCode != 503 || strings.Contains(body, "database") {
		t.Errorf("GET /screens: %d %s", answer.StatusCode, body)
	}
	if status, _ := st.post(said(anna, someID, "balance", ""), nil); status != 503 {
		t.Errorf("one of the directory writes: status %d", status)
	}
	if status, _ := st.post(said(maria, someID, "balance", ""), nil); status != 200 {
		t.Errorf("one of the page's own writes: status %d", status)
	}
}

func TestScreens(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{
		Screens: []phone.Screen{maria},
		Directory: func(context.Context) ([]phone.Screen, error) {
			jos := maria
			jos.Name = "Jos Keller"
			return []phone.Screen{maria, anna, jos, {Name: "Nobody", Channel: "sms"}}, nil
		},
	})
	_, body := st.get("/screens", nil)
	var got struct {
		Open    []string
		Screens []struct{ Key, Name string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if want := "{[sms:+32470000012] [{sms:+32470000012 Maria Keller, Jos Keller} {sms:+32470000003 Anna Bauer}]}"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestSendShowsOnItsScreen(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	next, _ := st.watch("", maria, thandi)
	if e := next(); e.kind != "hello" || e.data["token"] != st.token {
		t.Fatalf("first %+v", e)
	}
	choices := []conversation.Choice{{Label: "Yes", Reply: "yes"}}
	send(t, st.phone, luc, conversation.Outbound{Text: "not on this page"})
	send(t, st.phone, maria, conversation.Outbound{ID: 4, Text: "Pay 5 €?", Choices: choices, Question: 1 << 61})
	send(t, st.phone, maria, conversation.Outbound{ID: 4, Text: "Pay 5 €?", Choices: choices, Question: 1 << 61, Attempt: 2})
	send(t, st.phone, thandi, conversation.Outbound{ID: 5, Text: "Pay?", Choices: choices, Question: 1<<61 + 1, Locale: "fr"})
	e := next()
	if e.data["text"] != "Pay 5 €?" || e.data["choices"] != nil || e.data["question"] != nil {
		t.Errorf("a text has %v: its words say what to reply", e.data)
	}
	if want := "map[gsm:true perSegment:160 segments:1 used:9]"; fmt.Sprint(e.data["sms"]) != want {
		t.Errorf("sms %v, want %s", e.data["sms"], want)
	}
	e = next()
	if e.data["text"] != "Pay?" || e.data["question"] != "2305843009213693953" || e.data["locale"] != "fr" || e.data["sms"] != nil {
		t.Errorf("a chat has %v", e.data)
	}
	_, err := st.phone.Channel("sms").Send(t.Context(), conversation.Outbound{Text: "for nobody"})
	var failure *conversation.SendError
	if !errors.As(err, &failure) || !failure.Final {
		t.Errorf("without an address: %v", err)
	}
}

func TestEventsResume(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	next, hangUp := st.watch("", maria)
	next()
	send(t, st.phone, maria, conversation.Outbound{Text: "one"})
	first := next()
	hangUp()
	send(t, st.phone, maria, conversation.Outbound{Text: "two"})
	send(t, st.phone, maria, conversation.Outbound{Text: "three"})

	next, _ = st.watch(first.id, maria)
	next()
	if e := next(); e.data["text"] != "two" || e.id != "" {
		t.Errorf("after %q comes %+v", first.id, e)
	}
	last := next()
	if last.data["text"] != "three" || last.id == "" {
		t.Errorf("then %+v", last)
	}
	for _, id := range []string{"", "nonsense", "otherproc-2", "-", strings.Repeat("9", 400)} {
		next, _ = st.watch(id, maria)
		next()
		if e := next(); e.data["text"] != "one" {
			t.Errorf("after %q comes %v, want everything", id, e.data)
		}
	}
}

func TestPress(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	send(t, st.phone, thandi, conversation.Outbound{
		ID: 7, Text: "Pay?", Question: 42,
		Choices: []conversation.Choice{{Label: "Yes, pay", Reply: "yes"}, {Label: "No", Reply: "no"}},
	})
	v.setBroken(true)
	if status, _ := st.post(said(thandi, someID, "yes", "42"), nil); status != 503 {
		t.Fatalf("a press that nobody keeps: status %d", status)
	}
	v.setBroken(false)
	for range 2 {
		if status, answer := st.post(said(thandi, someID, "yes", "42"), nil); status != 200 {
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	if status, _ := st.post(said(thandi, "another-press-of-it", "no", "42"), nil); status != http.StatusConflict {
		t.Errorf("a second choice: status %d", status)
	}
	got := v.received()
	if len(got) != 1 || got[0].Question != 42 || got[0].Text != "yes" || got[0].From != thandi.Address {
		t.Errorf("the handler got %+v", got)
	}
	next, _ := st.watch("", thandi)
	next()
	if e := next(); fmt.Sprint(e.data["press"]) != "map[id:0123456789abcdef label:Yes, pay reply:yes state:sent]" {
		t.Errorf("press %v", e.data["press"])
	}
	// A question from before a restart is not on the screen: the handler knows.
	if status, _ := st.post(said(thandi, "another-press-of-it", "yes", "41"), nil); status != 200 {
		t.Errorf("status %d", status)
	}
}

func TestKey(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{Token: "open sesame", Host: "phones.example"})
	for _, path := range []string{"/", "/?key=", "/?key=open", "/screens", "/events", "/phone.js", "/screens?key=open%20sesame"} {
		if answer, body := st.get(path, nil); answer.StatusCode != http.StatusForbidden || strings.Contains(body, st.token) {
			t.Errorf("GET %s without the key: %d", path, answer.StatusCode)
		}
	}
	if status, _ := st.post(said(maria, someID, "balance", ""), nil); status != http.StatusForbidden {
		t.Errorf("POST without the key: %d", status)
	}
	answer, _ := st.get("/?key=open%20sesame", func(r *http.Request) { r.Host = "phones.example:8080" })
	if answer.StatusCode != http.StatusOK || len(answer.Cookies) != 1 {
		t.Fatalf("with the key: %d, %d cookies", answer.StatusCode, len(answer.Cookies))
	}
	cookie := answer.Cookies[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, "sesame") {
		t.Errorf("cookie %v", cookie)
	}
	with := func(r *http.Request) { r.AddCookie(cookie) }
	if answer, _ := st.get("/screens", with); answer.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: %d", answer.StatusCode)
	}
	if status, _ := st.post(said(maria, someID, "balance", ""), with); status != http.StatusOK {
		t.Errorf("POST with the cookie: %d", status)
	}
}

func TestHosts(t *testing.T) {
	open := serve(t, newVillage(), phone.Config{Host: "phones.example"})
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "crier.localhost:1": 200, "127.0.0.1:80": 200, "127.3.2.1": 200,
		"[::1]:8080": 200, "[::1]": 200, "localhost.": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "192.168.1.5:80": 421, "0.0.0.0": 421,
		"phones.example": 421, // it needs a key to go with it
	} {
		answer, body := open.get("/", func(r *http.Request) { r.Host = host })
		if answer.StatusCode != status {
			t.Errorf("Host %q: status %d, want %d", host, answer.StatusCode, status)
		}
		if status != 200 && strings.Contains(body, open.token) {
			t.Errorf("Host %q is told the token", host)
		}
	}
}

func TestHeaders(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	for path, media := range map[string]string{
		"/": "text/html; charset=utf-8", "/phone.css": "text/css; charset=utf-8", "/phone.js": "text/javascript; charset=utf-8",
		"/segments.js": "text/javascript; charset=utf-8", "/heron.svg": "image/svg+xml", "/screens": "application/json",
	} {
		answer, body := st.get(path, nil)
		for name, want := range map[string]string{
			"Content-Type": media, "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
		if csp := answer.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if answer.StatusCode != 200 || body == "" {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	if answer, _ := st.get("/page/index.html", nil); answer.StatusCode != 404 {
		t.Errorf("another path: %d", answer.StatusCode)
	}
	if answer, _ := st.get("/say", nil); answer.StatusCode != 405 {
		t.Errorf("GET /say: %d", answer.StatusCode)
	}
	if answer, _ := st.get("/events", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); answer.StatusCode != 403 {
		t.Errorf("the stream from another site: %d", answer.StatusCode)
	}
}

func TestPageEscapesItsWords(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{
		Title: `</script><script>alert(1)</script>`,
		Texts: map[string]string{"lead": `<img src=x onerror=alert(2)>`, "lang": "nl"},
	})
	_, body := st.get("/", nil)
	if strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
		t.Errorf("markup from the configuration is in the page:\n%s", body)
	}
	if !strings.Contains(body, `<html lang="nl"`) {
		t.Error("the page is not in its language")
	}
}

func TestASlowReaderDelaysNobody(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	conn, err := net.Dial("tcp", st.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // it never reads
	fmt.Fprintf(conn, "GET /events?open=sms:%%2B32470000012 HTTP/1.1\r\nHost: localhost\r\n\r\n")

	next, _ := st.watch("", maria)
	next()
	long := strings.Repeat("x", 1<<16)
	start := time.Now()
	for range 500 {
		send(t, st.phone, maria, conversation.Outbound{Text: long})
	}
	send(t, st.phone, maria, conversation.Outbound{Text: "the last"})
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("sending took %v", took)
	}
	for e := next(); e.data["text"] != "the last"; {
		e = next()
	}
}

func TestCloseEndsTheStreams(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, st.URL+"/events", nil)
	answer, err := st.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	st.phone.Close()
	st.phone.Close()
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Errorf("the stream was cut off: %v", err)
	}
}
