package kannel

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

// connected is a line with a real Kannel at its other end.
type connected struct {
	*smstest.Kannel
	line    *sms.Line
	gateway *gateway
	journey *smstest.Journey
	away    atomic.Bool // the database
	calls   atomic.Int64
}

// connect starts a Kannel by an example of its configuration.
func connect(t *testing.T, example string) *connected {
	t.Helper()
	c := &connected{}
	c.journey = &smstest.Journey{Keep: func(int) error {
		if c.away.Load() {
			return smstest.ErrNotKept
		}
		return nil
	}}
	var line atomic.Pointer[sms.Line]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		c.calls.Add(1)
		line.Load().ServeHTTP(w, request)
	}))
	t.Cleanup(server.Close)
	c.Kannel = smstest.StartKannel(t, example, server.URL+"/sms/kannel/"+sms.HookKey([]byte(hostSecret), "kannel")+"/")
	c.line, c.gateway = gatewayAt(t, c.URL, server.URL, c.journey)
	line.Store(c.line)
	return c
}

// send sends a text to the handset, by its id.
func (c *connected) send(t *testing.T, id int64, text string) {
	t.Helper()
	if _, err := c.gateway.Submit(t.Context(), sms.Text{ID: id, To: smstest.Handset, Body: text, GSM: true, Segments: 1, Valid: time.Hour}); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(smstest.Patience); !reached(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", smstest.Patience, what)
		}
	}
}

// ids are the ids that a text was brought by.
func (c *connected) ids(text string) (ids []string) {
	for _, in := range c.journey.Heard() {
		if in.Text == text && !slices.Contains(ids, in.ID) {
			ids = append(ids, in.ID)
		}
	}
	return ids
}

// texts are what the handset writes.
var texts = []string{"pay luc 5", "оплатить луку 5 👍", strings.Repeat("a long story of eggs, bread and €5. ", 12) + "The end."}

// TestRestart has Kannel killed, and stopped, while Crier can keep nothing: all
// that was written is heard later, each by one id.
func TestRestart(t *testing.T) {
	t.Parallel()
	c := connect(t, "kannel.conf.example")
	c.away.Store(true)
	for _, text := range texts {
		c.Say(smstest.Handset, text)
	}
	until(t, "Kannel to have all", func() bool { return c.Waiting() == 0 })
	before := c.calls.Load()
	c.Kill()
	c.Start()
	until(t, "a call by the new one", func() bool { return c.calls.Load() > before })
	before = c.calls.Load()
	c.Stop()
	c.Start()
	until(t, "a call by the next one", func() bool { return c.calls.Load() > before })
	c.away.Store(false)
	for _, text := range texts {
		until(t, "what was written to be heard", func() bool { return len(c.ids(text)) > 0 })
	}
	c.Say(smstest.Other, "the last")
	until(t, "the last", func() bool { return len(c.ids("the last")) > 0 })
	for _, text := range texts {
		if ids := c.ids(text); len(ids) != 1 {
			t.Errorf("%.20q was heard as %q", text, ids)
		}
	}
	if got := c.Got(smstest.Handset); len(got) > 0 {
		t.Errorf("Kannel has texted back %q", got)
	}
}

// TestReceiptAfterRestart has Kannel restarted between a text and its receipt.
func TestReceiptAfterRestart(t *testing.T) {
	t.Parallel()
	c := connect(t, "kannel.conf.example")
	c.send(t, 17, "has it arrived")
	c.send(t, 18, "and has this")
	until(t, "the texts", func() bool { return len(c.Got(smstest.Handset)) == 2 })
	c.Stop()
	c.Start()
	c.Report(0, "DELIVRD")
	c.Report(1, "UNDELIV")
	for _, want := range []conversation.Receipt{{ID: 17, Status: conversation.Delivered}, {ID: 18, Status: conversation.Failed, Reason: "UNDELIV 069"}} {
		until(t, "its receipt", func() bool { return slices.Contains(c.journey.Receipts(), want) })
	}
}

// TestRefusedByCarrier has a message centre refuse what Kannel has taken.
func TestRefusedByCarrier(t *testing.T) {
	t.Parallel()
	c := connect(t, "kannel.conf.example")
	c.Refuse(smstest.StatusAddress)
	c.send(t, 17, "nobody has this number")
	until(t, "the receipt", func() bool {
		return slices.ContainsFunc(c.journey.Receipts(), func(r conversation.Receipt) bool { return r.Status == conversation.Failed })
	})
	for _, r := range c.journey.Receipts() {
		if r.ID != 17 || r.Status == conversation.Failed && r.Reason != "0x0000000b" {
			t.Errorf("the receipt is %+v", r)
		}
	}
}

// TestService has smsbox bring texts, as the end of the example says.
func TestService(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("kannel.conf.example")
	if err != nil {
		t.Fatal(err)
	}
	most, service, found := strings.Cut(string(example), "# group = sms-service\n")
	if !found || !strings.Contains(most, "reroute = true\n") {
		t.Fatal("the example has no sms-service")
	}
	text := strings.Replace(most, "reroute = true\n", "", 1) + "group = sms-service\n" + strings.ReplaceAll(service, "# ", "")
	path := filepath.Join(t.TempDir(), "kannel.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := connect(t, path)
	c.away.Store(true)
	for _, text := range texts {
		c.Say(smstest.Handset, text)
	}
	until(t, "them to be brought", func() bool { return len(c.journey.Heard()) > 2*len(texts) })
	c.away.Store(false)
	for _, text := range texts {
		until(t, "it to be heard", func() bool { return len(c.ids(text)) == 1 })
	}
	c.send(t, 17, "the only one")
	until(t, "what was sent", func() bool { return slices.Contains(c.Got(smstest.Handset), "the only one") })
	if got := c.Got(smstest.Handset); len(got) != 1 {
		t.Errorf("Kannel has texted back %q", got)
	}
	if heard := c.journey.Heard()[0]; heard.From != smstest.Handset || time.Since(heard.At) > time.Minute {
		t.Errorf("heard %+v", heard)
	}
}

// TestProbe finds out whether smsbox lets Crier in.
func TestProbe(t *testing.T) {
	t.Parallel()
	c := connect(t, "kannel.conf.example")
	if said, err := c.gateway.Probe(t.Context()); err != nil || said == "" {
		t.Errorf("said %q, error %v", said, err)
	}
	c.gateway.settings.Secret = "not-the-password"
	if said, err := c.gateway.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "not-the-password") {
		t.Errorf("said %q, error %v", said, err)
	}
	c.Stop()
	if said, err := c.gateway.Probe(t.Context()); err == nil || strings.Contains(err.Error(), "not-the-password") {
		t.Errorf("said %q, error %v", said, err)
	}
	if got := c.Got(smstest.Handset); len(got) != 0 {
		t.Errorf("it sent %q", got)
	}
}
