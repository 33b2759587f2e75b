package phone

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"crier/bots/bottest"
	"crier/conversation"
)

// TestChannels holds the page's channels to what every channel promises. The
// browser is played by hand: it posts, again until it is acknowledged, and the
// history is what it shows.
func TestChannels(t *testing.T) {
	for _, sc := range []Screen{
		{Name: "Maria", Channel: "sms", Address: "+32470000012"},
		{Name: "Luc", Channel: "email", Address: "luc@riverbank.example"},
		{Name: "Thandi", Channel: "telegram", Address: "500100014"},
	} {
		t.Run(sc.Channel, func(t *testing.T) {
			bottest.Run(t, bottest.Harness{
				Buttons: hasButtons(sc.Channel),
				Start:   func(t *testing.T, h conversation.Handler) bottest.Wire { return startWire(t, sc, Config{}, h) },
			})
		})
	}
}

func startWire(t *testing.T, sc Screen, cfg Config, h conversation.Handler) bottest.Wire {
	cfg.Screens = []Screen{sc}
	s := New(cfg, h)
	var acknowledged atomic.Int64
	posts := make(chan said, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for body := range posts {
			for status := 0; status != http.StatusOK; {
				status = post(s, body)
			}
			acknowledged.Add(1)
		}
	}()
	t.Cleanup(func() {
		close(posts)
		<-done
	})

	ids := 0
	post := func(text, question string) {
		ids++
		posts <- said{Screen: sc.key(), ID: fmt.Sprintf("a-message-of-the-test-%d", ids), Text: text, Question: question}
	}
	shown := func() (theirs []message) {
		all, _, _ := s.history.since([]string{sc.key()}, 0)
		for _, m := range all {
			if !m.Mine {
				theirs = append(theirs, m)
			}
		}
		return theirs
	}
	return bottest.Wire{
		Channel:      s.Channel(sc.Channel),
		Address:      sc.Address,
		Trust:        conversation.Proven,
		Say:          func(text string) { post(text, "") },
		Acknowledged: func() int { return int(acknowledged.Load()) },
		Seen: func() (texts []string) {
			for _, m := range shown() {
				texts = append(texts, m.Text)
			}
			return texts
		},
		Buttons: func() (labels []string) {
			all := shown()
			for _, c := range all[len(all)-1].Choices {
				labels = append(labels, c.Label)
			}
			return labels
		},
		Press: func(i int) {
			all := shown()
			last := all[len(all)-1]
			post(last.Choices[i].Reply, last.Question)
		},
	}
}

// post sends one body to /say as the page does.
func post(s *Server, body said) (status int) {
	data, _ := json.Marshal(body)
	r := httptest.NewRequest(http.MethodPost, "http://localhost/say", strings.NewReader(string(data)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "http://localhost")
	r.Header.Set(tokenHeader, s.token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}
