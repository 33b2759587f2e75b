// Package telegramtest is a stand-in for Telegram: a Bot API server on the
// loopback for one bot, and its users in the test's hands.
//
// It keeps the rules that a bot can stumble over: an update is there until it
// is confirmed (by a higher offset, or by a webhook's 2xx), getUpdates waits,
// a second poller ends the first one's wait with 409, texts and button data
// have their lengths, and a bot cannot write to somebody it never met.
//
//	server := telegramtest.NewServer("123:secret")
//	defer server.Close()
//	bot := telegram.New(telegram.Config{Token: server.Token, Endpoint: server.URL()}, …)
//	server.Say(1001, "balance")
//	messages, err := server.Wait(ctx, 1001, 1)
package telegramtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // for the size of a photo
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Person is a user of Telegram. Their private chat with the bot has the same id.
type Person struct {
	ID        int64
	FirstName string
	LastName  string
	Language  string // "fr" or "fr-CA"; "" where Telegram does not know
}

// Button is one button under a message.
type Button struct {
	Text string `json:"text"`
	Data string `json:"callback_data"`
}

// Message is one message of the bot, as a person sees it now.
type Message struct {
	ID      int
	Chat    int64
	Text    string
	Bold    []string // what of the text is bold
	Buttons []Button // in reading order; none once they were taken off
}

// Answer is a scripted answer of the Bot API.
type Answer struct {
	Chat        int64         // only for requests about this chat; 0: for any
	Code        int           // the HTTP status and error_code; 0: the connection breaks
	Description string        // as Telegram words it
	RetryAfter  int           // seconds, with 429
	MigrateTo   int64         // with 400
	Body        string        // in place of Telegram's JSON, as a proxy would answer
	Taken       bool          // the request takes effect, and only its answer is this one
	Delay       time.Duration // before the answer
}

// TooMany is the answer to a bot that sends too much: wait so many seconds.
func TooMany(seconds int) Answer {
	return Answer{Code: 429, Description: "Too Many Requests: retry after " + strconv.Itoa(seconds), RetryAfter: seconds}
}

// Blocked is the answer about a person who blocked the bot.
func Blocked() Answer {
	return Answer{Code: 403, Description: "Forbidden: bot was blocked by the user"}
}

// MovedTo is the answer about a group that has another id now.
func MovedTo(chat int64) Answer {
	return Answer{Code: 400, Description: "Bad Request: group chat was upgraded to a supergroup chat", MigrateTo: chat}
}

// Trouble is what a proxy answers in Telegram's place.
func Trouble() Answer { return Answer{Code: 502, Body: "<html>502 Bad Gateway</html>"} }

// Broken is a connection that breaks.
func Broken() Answer { return Answer{} }

// Call is one request of the bot.
type Call struct {
	Method string
	Params url.Values
}

// Server is the stand-in. All its methods are safe for concurrent use.
type Server struct {
	Token string

	http *httptest.Server
	stop context.CancelFunc
	done chan struct{} // the webhook's deliverer has ended

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, whenever anything below changes
	revoked  bool
	people   map[int64]Person
	names    map[string]int64 // of public groups and channels: their ids
	blocked  map[int64]bool
	updates  []update // not confirmed, oldest first
	known    map[int]json.RawMessage
	lastID   int // of an update
	message  int // the last message's id
	chats    map[int64][]*Message
	files    map[string]file // by id
	queries  map[string]bool // button presses: whether they were answered
	commands map[string][]Command
	script   map[string][]Answer
	calls    []Call
	poller   context.CancelFunc // ends the poll that waits now
	hook     webhook
	statuses []int // what the webhook answered
}

type update struct {
	id    int
	body  json.RawMessage
	again bool // repeated: no offset confirms it before it was handed over
}

// Command is one line of the bot's menu.
type Command struct {
	Command     string `json:"command"`
	Description string `json:"description"`
}

// BotName is the bot's user name.
const BotName = "StandInBot"

// NewServer starts a stand-in for the bot with this token.
func NewServer(token string) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		Token: token, stop: stop, done: make(chan struct{}),
		changed: make(chan struct{}),
		people:  make(map[int64]Person), names: make(map[string]int64), blocked: make(map[int64]bool),
		known: make(map[int]json.RawMessage), lastID: 1000, message: 100,
		chats: make(map[int64][]*Message), files: make(map[string]file), queries: make(map[string]bool),
		commands: make(map[string][]Command), script: make(map[string][]Answer),
	}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	go s.deliver(ctx)
	return s
}

// URL is the server's address: the bot's Config.Endpoint.
func (s *Server) URL() string { return s.http.URL }

// Close ends the server and whatever waits on it.
func (s *Server) Close() {
	s.stop()
	<-s.done
	s.mu.Lock()
	if s.poller != nil {
		s.poller()
	}
	s.mu.Unlock()
	s.http.CloseClientConnections()
	s.http.Close()
}

// change tells all who wait that something changed. It needs s.mu.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// until waits for a condition, which is called with s.mu held.
func (s *Server) until(ctx context.Context, what string, condition func() bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !condition() {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			s.mu.Lock()
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
		s.mu.Lock()
	}
	return nil
}

// What people do.

// Meet makes a person known to Telegram and to the bot, as if they had pressed
// Start before. Say meets who is unknown.
func (s *Server) Meet(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[p.ID] = p
}

// Gather makes a group or a channel that the bot may write in: its id, and its
// public name ("@riverbank"), "" for none.
func (s *Server) Gather(id int64, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.people[id] = Person{ID: id, FirstName: name}
	if name != "" {
		s.names[name] = id
	}
}

func (s *Server) person(id int64) Person {
	if p, ok := s.people[id]; ok {
		return p
	}
	p := Person{ID: id, FirstName: "Person", LastName: strconv.FormatInt(id, 10), Language: "en"}
	s.people[id] = p
	return p
}

func (p Person) wire() map[string]any {
	user := map[string]any{"id": p.ID, "is_bot": false, "first_name": p.FirstName}
	if p.LastName != "" {
		user["last_name"] = p.LastName
	}
	if p.Language != "" {
		user["language_code"] = p.Language
	}
	return user
}

func (p Person) chat() map[string]any {
	if p.ID < 0 {
		return map[string]any{"id": p.ID, "type": "supergroup", "title": p.FirstName}
	}
	return map[string]any{"id": p.ID, "type": "private", "first_name": p.FirstName}
}

// Say has a person write to the bot. It returns the update's id.
func (s *Server) Say(chat int64, text string) int { return s.say("message", chat, text) }

// Edit has a person change what they wrote last to text.
func (s *Server) Edit(chat int64, text string) int { return s.say("edited_message", chat, text) }

func (s *Server) say(kind string, chat int64, text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.person(chat)
	s.message++
	return s.push(map[string]any{kind: map[string]any{
		"message_id": s.message, "date": time.Now().Unix(), "from": p.wire(), "chat": p.chat(), "text": text,
	}})
}

// SendPhoto has a person send a photo, a JPEG file, with a caption or without: as
// Telegram does, in several sizes, each with the same data here. album names
// photos that are sent together, "" for none.
func (s *Server) SendPhoto(chat int64, album, caption string, data []byte) int {
	var sizes []map[string]any
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		config.Width, config.Height = 1280, 960
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, side := range []int{90, 320, 800, 1280} {
		long := max(config.Width, config.Height)
		size := s.keep("photos", data)
		size["width"], size["height"] = config.Width*min(side, long)/long, config.Height*min(side, long)/long
		if sizes = append(sizes, size); side >= long {
			break
		}
	}
	return s.sendFile(chat, album, caption, map[string]any{"photo": sizes})
}

// SendFile has a person send a file as it is, of a media type.
func (s *Server) SendFile(chat int64, kind, caption string, data []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	document := s.keep("documents", data)
	document["mime_type"], document["file_name"] = kind, "a file"
	return s.sendFile(chat, "", caption, map[string]any{"document": document})
}

// file is what somebody has sent.
type file struct {
	path string
	data []byte
}

// keep makes the data of a file known by a new id. It needs s.mu.
func (s *Server) keep(folder string, data []byte) map[string]any {
	n := strconv.Itoa(len(s.files) + 1)
	s.files["file-"+n] = file{folder + "/file #" + n, data}
	return map[string]any{"file_id": "file-" + n, "file_unique_id": n, "file_size": len(data)}
}

// sendFile needs s.mu.
func (s *Server) sendFile(chat int64, album, caption string, message map[string]any) int {
	p := s.person(chat)
	s.message++
	maps.Copy(message, map[string]any{"message_id": s.message, "date": time.Now().Unix(), "from": p.wire(), "chat": p.chat()})
	if caption != "" {
		message["caption"] = caption
	}
	if album != "" {
		message["media_group_id"] = album
	}
	return s.push(map[string]any{"message": message})
}

// Press has the person of a chat press a button: of the bot's message at index
// (0 is the first, -1 the last one), the button at index.
func (s *Server) Press(chat int64, message, button int) (int, error) {
	return s.PressIn(chat, chat, message, button)
}

// PressIn is Press in a group, by one of those who are in it.
func (s *Server) PressIn(chat, by int64, message, button int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages := s.chats[chat]
	if message < 0 {
		message += len(messages)
	}
	if message < 0 || message >= len(messages) {
		return 0, fmt.Errorf("press: chat %d has %d messages", chat, len(messages))
	}
	m := messages[message]
	if button < 0 || button >= len(m.Buttons) {
		return 0, fmt.Errorf("press: message %d has %d buttons", m.ID, len(m.Buttons))
	}
	p := s.person(by)
	query := "query-" + strconv.Itoa(s.lastID+1)
	s.queries[query] = false
	return s.push(map[string]any{"callback_query": map[string]any{
		"id": query, "from": p.wire(), "chat_instance": "1", "data": m.Buttons[button].Data,
		"message": map[string]any{"message_id": m.ID, "date": time.Now().Unix(), "chat": s.person(chat).chat(), "text": m.Text},
	}}), nil
}

// Block has a person block the bot, or take it back.
func (s *Server) Block(chat int64, blocked bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.person(chat)
	s.blocked[chat] = blocked
	before, after := "member", "kicked"
	if !blocked {
		before, after = after, before
	}
	return s.push(map[string]any{"my_chat_member": map[string]any{
		"chat": p.chat(), "from": p.wire(), "date": time.Now().Unix(),
		"old_chat_member": map[string]any{"status": before},
		"new_chat_member": map[string]any{"status": after},
	}})
}

// Push hands the bot any update. Its update_id is set, unless it has one.
func (s *Server) Push(fields map[string]any) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.push(fields)
}

func (s *Server) push(fields map[string]any) int {
	s.lastID++
	id := s.lastID
	fields = maps.Clone(fields)
	if _, set := fields["update_id"]; !set {
		fields["update_id"] = id
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("telegramtest: an update that is no JSON: %v", err))
	}
	s.known[id] = body
	s.updates = append(s.updates, update{id: id, body: body})
	s.change()
	return id
}

// PushRaw hands the bot something in the place of an update: any JSON. It is
// confirmed together with the next proper update.
func (s *Server) PushRaw(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	s.updates = append(s.updates, update{id: s.lastID, body: json.RawMessage(body)})
	s.change()
}

// Repeat sends an update once more, though it may have been confirmed.
func (s *Server) Repeat(id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.known[id]
	if !ok {
		return fmt.Errorf("repeat: no update %d", id)
	}
	s.updates = append([]update{{id, body, true}}, s.updates...)
	s.change()
	return nil
}

// What a test sees.

// Messages are the bot's messages in a chat, oldest first.
func (s *Server) Messages(chat int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages(chat)
}

func (s *Server) messages(chat int64) []Message {
	var all []Message
	for _, m := range s.chats[chat] {
		all = append(all, *m)
	}
	return all
}

// Wait returns the bot's messages in a chat as soon as there are n.
func (s *Server) Wait(ctx context.Context, chat int64, n int) ([]Message, error) {
	err := s.until(ctx, fmt.Sprintf("%d messages in chat %d", n, chat), func() bool { return len(s.chats[chat]) >= n })
	return s.Messages(chat), err
}

// WaitFor returns as soon as condition holds. It is asked again whenever
// anything changed, and may use the other methods.
func (s *Server) WaitFor(ctx context.Context, what string, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

// Unconfirmed are the ids of the updates that the bot has still to confirm.
func (s *Server) Unconfirmed() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []int{}
	for _, u := range s.updates {
		ids = append(ids, u.id)
	}
	return ids
}

// WaitConfirmed returns as soon as the bot has confirmed every update.
func (s *Server) WaitConfirmed(ctx context.Context) error {
	return s.until(ctx, "all updates to be confirmed", func() bool { return len(s.updates) == 0 })
}

// Answered says whether the press of an update was answered.
func (s *Server) Answered(updateID int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries["query-"+strconv.Itoa(updateID)]
}

// Menu is the bot's menu in a language, "" for all others.
func (s *Server) Menu(language string) []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands[language])
}

// callsMax is how many requests are kept: a long load must not fill the memory.
const callsMax = 20_000

// Calls are the bot's last requests of a method, "" for all.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []Call
	for _, c := range s.calls {
		if method == "" || strings.EqualFold(c.Method, method) {
			calls = append(calls, c)
		}
	}
	return calls
}

// What goes wrong.

// Script gives the next requests of a method these answers, one each. The
// downloads of files are the method "file".
func (s *Server) Script(method string, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(method)
	s.script[key] = append(s.script[key], answers...)
}

// scripted takes the next scripted answer for a request. It needs s.mu.
func (s *Server) scripted(method string, chat int64) (Answer, bool) {
	key := strings.ToLower(method)
	for i, a := range s.script[key] {
		if a.Chat == 0 || a.Chat == chat {
			s.script[key] = slices.Delete(s.script[key], i, i+1)
			return a, true
		}
	}
	return Answer{}, false
}

// Revoke makes the token a bad one: every request is answered 401.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
	if s.poller != nil {
		s.poller()
	}
}

// hooked is the answer to a poll where a webhook is set.
const hooked = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
