package kannel

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"crier/bots"
	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

// smsbox is a stand-in for Kannel, for the troubles that the real one does not
// get into when it is told to. It brings texts by a post-url and takes them as
// smsbox 1.4.5 does, and no request that differs from its documentation.
type smsbox struct {
	t      *testing.T
	hook   string
	server *httptest.Server

	mu      sync.Mutex
	calls   []func() *http.Request // to be made until they are acknowledged
	last    func() *http.Request   // of the text that was acknowledged last
	taken   []taken
	parts   map[string]map[byte]string // of texts that are not complete, by number and reference
	trouble func(http.ResponseWriter, *http.Request)
}

// taken is a text that was submitted.
type taken struct{ to, body, dlrURL string }

func newSmsbox(t *testing.T, hook string) *smsbox {
	t.Helper()
	b := &smsbox{t: t, hook: hook, parts: make(map[string]map[byte]string)}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				b.bring()
			}
		}
	}()
	t.Cleanup(func() { close(ended); <-done; b.server.Close() })
	return b
}

// bring makes the call that waits longest. One that fails goes to the end.
func (b *smsbox) bring() {
	b.mu.Lock()
	var call func() *http.Request
	if len(b.calls) > 0 {
		call = b.calls[0]
	}
	b.mu.Unlock()
	if call == nil {
		return
	}
	request := call()
	response, err := http.DefaultClient.Do(request)
	kept := false
	if err == nil {
		said, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		kept = response.StatusCode == http.StatusOK || response.StatusCode == http.StatusAccepted
		if kept && len(said) > 0 {
			b.t.Errorf("%q would be texted back", said)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = b.calls[1:]
	switch {
	case !kept:
		b.calls = append(b.calls, call)
	case request.Method == http.MethodPost:
		b.last = call
	}
}

// say has smsbox bring a text, by the post-url of Config: in UTF-8, or in UCS-2
// as it is unless the operator has set mo-recode.
func (b *smsbox) say(from, text string) {
	query := url.Values{
		"from": {from}, "to": {"+32470000099"}, "id": {newUUID()}, "ts": {strconv.FormatInt(time.Now().Unix(), 10)}, "udh": {""},
	}.Encode()
	kind, body := `text/plain; charset="UTF-8"`, text
	if _, _, _, gsm := bots.Segments(text); !gsm {
		kind, body = `text/plain; charset="UTF-16BE"`, toUTF16(text)
	}
	b.add(func() *http.Request {
		request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.hook+"in?"+query, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		request.Header.Set("Content-Type", kind)
		return request
	})
}

func (b *smsbox) add(call func() *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call)
}

func (b *smsbox) repeat() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, b.last)
}

func (b *smsbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

func (b *smsbox) got(number string) (got []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.taken {
		if text.to == number {
			got = append(got, text.body)
		}
	}
	return got
}

// report brings a receipt for the n-th text, with what a link says.
func (b *smsbox) report(n int, status conversation.Status) bool {
	b.mu.Lock()
	dlrURL := b.taken[n].dlrURL
	b.mu.Unlock()
	kind := map[conversation.Status][2]string{
		conversation.Underway:  {accepted, "ACK/"},
		conversation.Delivered: {delivered, "id:c0ffee sub:001 dlvrd:001 submit date:2611250700 done date:2611250700 stat:DELIVRD err:000 text:"},
		conversation.Failed:    {rejected, "NACK/0x0000000b/Invalid Destination Address"},
	}[status]
	b.addReceipt(strings.NewReplacer("%d", kind[0], "%A", url.QueryEscape(kind[1])).Replace(dlrURL))
	return true
}

func (b *smsbox) addReceipt(address string) {
	b.add(func() *http.Request {
		request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
		if err != nil {
			panic(err)
		}
		return request
	})
}

// meet has the next text that is submitted meet a trouble.
func (b *smsbox) meet(trouble http.HandlerFunc) func() {
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.trouble = trouble
	}
}

// says answers in a few words.
func says(status int, words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, words)
	}
}

func (b *smsbox) serve(w http.ResponseWriter, request *http.Request) {
	b.mu.Lock()
	trouble := b.trouble
	if request.URL.Query().Has("to") {
		b.trouble = nil
	} else { // a probe
		trouble = nil
	}
	b.mu.Unlock()
	if trouble != nil {
		trouble(w, request)
		return
	}
	says(b.sendsms(request))(w, request)
}

// fields are those of a submission that Crier makes.
var fields = []string{"charset", "coding", "dlr-mask", "dlr-url", "from", "password", "text", "to", "udh", "username", "validity"}

// sendsms takes a text, and answers as smsbox does.
func (b *smsbox) sendsms(request *http.Request) (status int, words string) {
	query, err := url.ParseQuery(request.URL.RawQuery)
	if request.URL.Path != "/cgi-bin/sendsms" || request.Method != http.MethodGet || err != nil {
		return http.StatusNotFound, "Unknown request."
	}
	if query.Get("username") != smstest.KannelUser || query.Get("password") != smstest.KannelSecret {
		return http.StatusForbidden, "Authorization failed for sendsms"
	}
	if !query.Has("to") {
		return http.StatusBadRequest, "Missing receiver number, rejected"
	}
	for key := range maps.Keys(query) {
		if !slices.Contains(fields, key) {
			b.t.Errorf("smsbox knows no %q", key)
		}
	}
	if err := checked(query); err != nil {
		b.t.Errorf("a text is not submitted as it should be: %v", err)
		return http.StatusBadRequest, "Charset or body misformed, rejected"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	text := taken{to: query.Get("to"), body: query.Get("text"), dlrURL: query.Get("dlr-url")}
	if header := query.Get("udh"); header != "" {
		key, total, number := text.to+header[3:4], header[4], header[5]
		if b.parts[key] == nil {
			b.parts[key] = make(map[byte]string)
		}
		if b.parts[key][number] = text.body; len(b.parts[key]) < int(total) {
			return http.StatusAccepted, "0: Accepted for delivery"
		}
		text.body = ""
		for i := range total {
			text.body += b.parts[key][i+1]
		}
		delete(b.parts, key)
	}
	b.taken = append(b.taken, text)
	return http.StatusAccepted, "0: Accepted for delivery"
}

// checked is what is wrong with a submission.
func checked(query url.Values) error {
	text := query.Get("text")
	_, _, _, gsm := bots.Segments(text)
	minutes, err1 := strconv.Atoi(query.Get("validity"))
	mask, err2 := strconv.Atoi(query.Get("dlr-mask"))
	switch coding := query.Get("coding"); {
	case coding == "0" && !gsm:
		return fmt.Errorf("%q would arrive with ?", text)
	case coding != "0" && coding != "2":
		return fmt.Errorf("coding is %q", coding)
	case query.Get("charset") != "UTF-8" || !utf8.ValidString(text):
		return fmt.Errorf("charset is %q", query.Get("charset"))
	case err1 != nil || minutes < 1 || minutes > 7*24*60:
		return fmt.Errorf("validity is %q", query.Get("validity"))
	case err2 != nil || mask < 1 || mask > 31:
		return fmt.Errorf("dlr-mask is %q", query.Get("dlr-mask"))
	case query.Get("from") == "" || strings.Trim(query.Get("to"), "+0123456789") != "":
		return fmt.Errorf("from %q to %q", query.Get("from"), query.Get("to"))
	case !strings.HasPrefix(query.Get("dlr-url"), "http://"):
		return fmt.Errorf("dlr-url is %q", query.Get("dlr-url"))
	}
	if header := query.Get("udh"); header != "" && (len(header) != 6 || header[:3] != "\x05\x00\x03" || header[5] < 1 || header[5] > header[4]) {
		return fmt.Errorf("udh is % x", header)
	}
	return nil
}

// TestStandIn passes the suite with the stand-in.
func TestStandIn(t *testing.T) {
	t.Parallel()
	smstest.Run(t, smstest.Harness{Kind: Kind, Start: func(t *testing.T, hook string) smstest.Wire {
		b := newSmsbox(t, hook)
		return smstest.Wire{
			Settings: sms.Settings{URL: b.server.URL + "/cgi-bin/sendsms", User: smstest.KannelUser, Secret: smstest.KannelSecret, Number: "+32470000099"},
			Say:      b.say, Waiting: b.waiting, Repeat: b.repeat, Got: b.got, Report: b.report,
			ReportUnknown: func() { b.addReceipt(hook + "receipt?id=4711&s=1&r=") },
			Call:          func(c smstest.Call) *http.Request { return called(t, hook, c) },
			Meets: map[smstest.Trouble]func(){
				smstest.Busy:    b.meet(says(503, "Temporal failure, try again later.")),
				smstest.Broken:  b.meet(says(500, "Sending failed.")),
				smstest.Silent:  b.meet(func(_ http.ResponseWriter, request *http.Request) { b.sendsms(request); <-request.Context().Done() }),
				smstest.Locked:  b.meet(says(403, "Authorization failed for sendsms")),
				smstest.Invalid: b.meet(says(400, "Number(s) has/have been denied by white- and/or black-lists.")),
				smstest.Refused: b.meet(says(400, "Charset or body misformed, rejected")),
			},
		}
	}})
}
