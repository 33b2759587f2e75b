package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"crier/conversation"
)

const (
	heartbeat     = 15 * time.Second
	writeTimeout  = 10 * time.Second // for a reader that takes nothing
	handleTimeout = 30 * time.Second
	openMax       = 100              // screens on one page
	bodyMax       = 6*textMax + 8192 // JSON may write a byte as \u0000
)

// idShape is what Inbound ids of the page look like: random, made by the
// browser, so that a repeated POST is the same message.
var idShape = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

func (s *Server) routes() {
	s.mux.HandleFunc("GET /{$}", s.servePage)
	for name, media := range map[string]string{
		"phone.css":   "text/css; charset=utf-8",
		"phone.js":    "text/javascript; charset=utf-8",
		"segments.js": "text/javascript; charset=utf-8",
		"heron.svg":   "image/svg+xml",
	} {
		s.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", media)
			http.ServeFileFS(w, r, pageFiles, "page/"+name)
		})
	}
	s.mux.HandleFunc("GET /screens", s.serveScreens)
	s.mux.HandleFunc("GET /events", s.serveEvents)
	s.mux.HandleFunc("POST /say", s.serveSay)
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	err := s.page.Execute(w, map[string]any{
		"Title": s.cfg.Title,
		"Texts": s.texts,
		"Boot":  map[string]any{"title": s.cfg.Title, "token": s.token, "texts": s.texts},
	})
	if err != nil {
		s.cfg.Log.InfoContext(r.Context(), "the browser phone's page was not delivered", "err", err)
	}
}

// serveScreens answers with the phones of a first visit and all there are.
func (s *Server) serveScreens(w http.ResponseWriter, r *http.Request) {
	type row struct {
		Key     string `json:"key"`
		Name    string `json:"name"`
		Channel string `json:"channel"`
		Address string `json:"address"`
		Locale  string `json:"locale"`
		Try     string `json:"try"`
	}
	screens, err := s.directory(r.Context())
	if err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "the browser phone cannot list its members", "err", err)
		refuse(w, http.StatusServiceUnavailable, "the list of members is not there just now")
		return
	}
	open, all := []string{}, []row{}
	for _, sc := range screens {
		all = append(all, row{sc.key(), sc.Name, sc.Channel, sc.Address, sc.Locale, sc.Try})
	}
	for _, sc := range s.cfg.Screens {
		open = append(open, sc.key())
	}
	answer(w, http.StatusOK, map[string]any{"open": open, "screens": all})
}

// said is the body of POST /say.
type said struct {
	Screen   string `json:"screen"`
	ID       string `json:"id"`       // idShape; the same one when it is sent again
	Text     string `json:"text"`     // what was typed, or the Reply of a pressed choice
	Question string `json:"question"` // of the pressed choice, decimal; "" for typed text
	Answers  string `json:"answers"`  // key of the letter that lay open in a mailbox, or ""
}

// serveSay takes what a member wrote or pressed. 200 means that the handler
// keeps it; after anything else it may be sent again under the same id.
func (s *Server) serveSay(w http.ResponseWriter, r *http.Request) {
	if status, why := s.refusePost(r); status != 0 {
		refuse(w, status, why)
		return
	}
	in, body, status, why := s.readSaid(w, r)
	if status != 0 {
		refuse(w, status, why)
		return
	}

	key, done, err := s.note(in, body)
	switch {
	case errors.Is(err, errReused), errors.Is(err, errAnswered):
		refuse(w, http.StatusConflict, err.Error())
		return
	case err != nil:
		s.notKept(w, r, in, err)
		return
	case done:
		answer(w, http.StatusOK, map[string]string{})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), handleTimeout)
	defer cancel()
	if err := s.hand(ctx, in, body.Screen, key); err != nil {
		s.history.settle(body.Screen, key, failed)
		s.notKept(w, r, in, err)
		return
	}
	s.history.settle(body.Screen, key, sent)
	answer(w, http.StatusOK, map[string]string{})
}

func (s *Server) notKept(w http.ResponseWriter, r *http.Request, in conversation.Inbound, err error) {
	s.cfg.Log.ErrorContext(r.Context(), "a message from the browser phone was not kept",
		"channel", in.Channel, "message_id", in.ID, "err", err)
	refuse(w, http.StatusServiceUnavailable, "it could not be kept just now")
}

// note shows what is about to be handed over on its screen: a reply that comes
// before the handler returns is then below it.
func (s *Server) note(in conversation.Inbound, body said) (key string, done bool, err error) {
	if in.Question != 0 && !s.mailbox(in.Channel) { // a letter has no buttons
		return s.history.press(body.Screen, strconv.FormatInt(in.Question, 10), in.Text, in.ID)
	}
	m := message{
		Key: "in-" + in.ID, Screen: body.Screen, Text: in.Text, At: in.At.UnixMilli(), SMS: countSMS(in.Channel, in.Text),
	}
	if s.mailbox(in.Channel) {
		letter, err := s.write(in, body)
		if err != nil {
			return "", false, err
		}
		m.Mail = &letter
	}
	done, err = s.history.say(m)
	return m.Key, done, err
}

// readSaid checks a body and makes the message of it. A status other than 0
// says what is wrong.
func (s *Server) readSaid(w http.ResponseWriter, r *http.Request) (in conversation.Inbound, body said, status int, why string) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	err := d.Decode(&body)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) || len(body.Text) > textMax {
		return in, body, http.StatusRequestEntityTooLarge, fmt.Sprintf("a message has at most %d bytes", textMax)
	}
	var question int64
	if err == nil && body.Question != "" {
		question, err = strconv.ParseInt(body.Question, 10, 64)
		if question <= 0 {
			err = errors.New("no question has that id")
		}
	}
	switch {
	case err != nil:
		return in, body, http.StatusBadRequest, "this is not a message"
	case !idShape.MatchString(body.ID):
		return in, body, http.StatusBadRequest, "the id must be 16 to 64 letters, digits, - or _"
	case strings.TrimSpace(body.Text) == "" || !utf8.ValidString(body.Text):
		return in, body, http.StatusBadRequest, "there is no text"
	}

	sc, known, err := s.screen(r.Context(), body.Screen)
	switch {
	case err != nil:
		s.cfg.Log.ErrorContext(r.Context(), "the browser phone cannot list its members", "err", err)
		return in, body, http.StatusServiceUnavailable, "the list of members is not there just now"
	case !known:
		return in, body, http.StatusNotFound, "nobody here has that phone"
	}
	return conversation.Inbound{
		Channel:  sc.Channel,
		ID:       body.ID,
		From:     sc.Address,
		Name:     sc.Name,
		Text:     body.Text,
		At:       s.cfg.Now(),
		Trust:    conversation.Proven,
		Locale:   sc.Locale,
		Question: question,
	}, body, 0, ""
}

// serveEvents is the stream that keeps the open screens (?open=KEY&open=KEY)
// up to date (Server-sent events, HTML standard, section 9.2). It begins with
// all they show, or with what has changed since Last-Event-ID, and an event
// may repeat a message that the page has: its key says which.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	open := r.URL.Query()["open"]
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		refuse(w, http.StatusForbidden, "this came from another site")
		return
	}
	if len(open) > openMax {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("at most %d screens", openMax))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not hold events back
	stream := eventStream{w: w, control: http.NewResponseController(w)}

	// A server's ReadTimeout is about requests: this one has been read.
	_ = stream.control.SetReadDeadline(time.Time{})

	// The page may be older than this process: it learns the token to post with.
	hello, _ := json.Marshal(map[string]string{"token": s.token})
	fmt.Fprintf(&stream.buf, "retry: 1000\nevent: hello\ndata: %s\n\n", hello)

	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for after := s.resumeFrom(r.Header.Get("Last-Event-ID")); ; {
		news, now, changed := s.history.since(open, after)
		stream.messages(news, fmt.Sprintf("%s-%d", s.boot, now))
		after = now
		if stream.flush() != nil {
			return // gone, or so slow that it had better come back and replay
		}
		select {
		case <-changed:
		case <-ticker.C:
			stream.buf.WriteString(": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

// resumeFrom reads an event id: one of another process says nothing about this
// one's history.
func (s *Server) resumeFrom(eventID string) uint64 {
	boot, count, _ := strings.Cut(eventID, "-")
	after, err := strconv.ParseUint(count, 10, 64)
	if boot != s.boot || err != nil {
		return 0
	}
	return after
}

type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     strings.Builder
}

// messages writes one batch. Only its last event has an id: who loses the
// connection in the middle gets the whole batch again.
func (e *eventStream) messages(news []message, id string) {
	for i, m := range news {
		data, _ := json.Marshal(m) // of strings and numbers: it cannot fail
		if i == len(news)-1 {
			fmt.Fprintf(&e.buf, "id: %s\n", id)
		}
		fmt.Fprintf(&e.buf, "event: message\ndata: %s\n\n", data)
	}
}

func (e *eventStream) flush() error {
	if e.buf.Len() == 0 {
		return nil
	}
	// Without support for deadlines only the wait is longer.
	_ = e.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := io.WriteString(e.w, e.buf.String()); err != nil {
		return err
	}
	e.buf.Reset()
	return e.control.Flush()
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}
