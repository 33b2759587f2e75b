package telegramtest

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// refused is a refusing answer.
func refused(code int, description string) *Answer {
	return &Answer{Code: code, Description: description}
}

// serve answers one request of the bot.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	address, isFile := strings.CutPrefix(r.URL.Path, "/file")
	token, method, ok := strings.Cut(strings.TrimPrefix(address, "/bot"), "/")
	path := method
	if isFile {
		method = "file"
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil || !ok {
		reply(w, nil, refused(404, "Not Found"))
		return
	}
	s.mu.Lock()
	chat, named := s.names[r.Form.Get("chat_id")]
	if !named {
		chat, _ = strconv.ParseInt(r.Form.Get("chat_id"), 10, 64)
	}
	if len(s.calls) == callsMax {
		s.calls = slices.Clone(s.calls[callsMax/2:])
	}
	s.calls = append(s.calls, Call{method, r.Form})
	answer, scripted := s.scripted(method, chat)
	revoked := s.revoked || token != s.Token
	s.change()
	s.mu.Unlock()

	if revoked {
		reply(w, nil, refused(401, http.StatusText(http.StatusUnauthorized)))
		return
	}
	if scripted {
		if answer.Taken {
			s.run(r.Context(), method, chat, r.Form)
		}
		if answer.Delay > 0 {
			pause(r.Context(), answer.Delay)
		}
		reply(w, nil, &answer)
		return
	}
	if isFile {
		s.serveFile(w, path)
		return
	}
	result, refusal := s.run(r.Context(), method, chat, r.Form)
	reply(w, result, refusal)
}

// fileMost is how large a file can be that a bot gets, in bytes (Bot API, getFile).
const fileMost = 20 << 20

// getFile says where a file is.
func (s *Server) getFile(form url.Values) (any, *Answer) {
	id := form.Get("file_id")
	f, ok := s.files[id]
	switch {
	case !ok:
		return nil, refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
	case len(f.data) > fileMost:
		return nil, refused(400, "Bad Request: file is too big")
	}
	return map[string]any{"file_id": id, "file_unique_id": id, "file_size": len(f.data), "file_path": f.path}, nil
}

func (s *Server) serveFile(w http.ResponseWriter, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.path == path {
			_, _ = w.Write(f.data)
			return
		}
	}
	reply(w, nil, refused(404, "Not Found"))
}

// run does what a method does.
func (s *Server) run(ctx context.Context, method string, chat int64, form url.Values) (any, *Answer) {
	if strings.EqualFold(method, "getUpdates") {
		return s.getUpdates(ctx, form)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.change()
	switch strings.ToLower(method) {
	case "getme":
		return map[string]any{"id": 1, "is_bot": true, "first_name": "Stand-in", "username": BotName}, nil
	case "sendmessage":
		return s.sendMessage(chat, form)
	case "editmessagereplymarkup":
		return s.editReplyMarkup(chat, form)
	case "answercallbackquery":
		query := form.Get("callback_query_id")
		if _, known := s.queries[query]; !known {
			return nil, refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
		}
		s.queries[query] = true
		return true, nil
	case "getfile":
		return s.getFile(form)
	case "setwebhook":
		return s.setWebhook(form)
	case "deletewebhook":
		s.hook = webhook{}
		return true, nil
	case "setmycommands":
		return s.setCommands(form)
	}
	return nil, refused(404, "Not Found: method not found")
}

// getUpdates confirms what is before the offset, and waits for what is not.
func (s *Server) getUpdates(ctx context.Context, form url.Values) (any, *Answer) {
	offset, _ := strconv.Atoi(form.Get("offset"))
	limit, _ := strconv.Atoi(form.Get("limit"))
	if limit < 1 || limit > 100 {
		limit = 100
	}
	seconds, _ := strconv.Atoi(form.Get("timeout"))
	poll, end := context.WithCancel(ctx)
	defer end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook.url != "" {
		return nil, refused(409, hooked)
	}
	if s.poller != nil {
		s.poller() // Telegram ends the older one
	}
	s.poller = end
	if offset > 0 {
		s.updates = slices.DeleteFunc(s.updates, func(u update) bool { return u.id < offset && !u.again })
	}
	s.change()
	deadline := time.NewTimer(time.Duration(min(seconds, 50)) * time.Second)
	defer deadline.Stop()
	for waiting := seconds > 0; waiting && len(s.updates) == 0 && s.hook.url == ""; {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-deadline.C:
			waiting = false
		case <-poll.Done():
			s.mu.Lock()
			if s.revoked {
				return nil, refused(401, http.StatusText(http.StatusUnauthorized))
			}
			return nil, refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
		}
		s.mu.Lock()
	}
	if poll.Err() != nil {
		return nil, refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
	}
	s.poller = nil
	if s.hook.url != "" {
		return nil, refused(409, hooked)
	}
	batch := []json.RawMessage{}
	for i := range s.updates[:min(limit, len(s.updates))] {
		batch = append(batch, s.updates[i].body)
		s.updates[i].again = false
	}
	return batch, nil
}

// sendMessage checks what Telegram checks, in its order.
func (s *Server) sendMessage(chat int64, form url.Values) (any, *Answer) {
	text := form.Get("text")
	if !utf8.ValidString(text) {
		return nil, refused(400, "Bad Request: strings must be encoded in UTF-8")
	}
	var bold []string
	if form.Get("parse_mode") == "HTML" {
		var fault string
		if text, bold, fault = unmark(text); fault != "" {
			return nil, refused(400, "Bad Request: can't parse entities: "+fault)
		}
	}
	switch _, met := s.people[chat]; {
	case strings.TrimSpace(text) == "":
		return nil, refused(400, "Bad Request: message text is empty")
	case !met:
		return nil, refused(400, "Bad Request: chat not found")
	case s.blocked[chat]:
		return nil, refused(403, "Forbidden: bot was blocked by the user")
	case len(utf16.Encode([]rune(text))) > 4096:
		return nil, refused(400, "Bad Request: message is too long")
	}
	buttons, refusal := buttonsOf(form.Get("reply_markup"))
	if refusal != nil {
		return nil, refusal
	}
	s.message++
	m := &Message{ID: s.message, Chat: chat, Text: text, Bold: bold, Buttons: buttons}
	s.chats[chat] = append(s.chats[chat], m)
	return m.wire(), nil
}

var (
	tags     = regexp.MustCompile(`</?[bi]>|[<>]`)
	entities = regexp.MustCompile(`&(?:lt|gt|amp|quot);|&`)
)

// unmark takes the marks out of a text in Telegram's HTML, of which it knows
// bold and italic type, and returns what is bold. A fault is as Telegram names it.
func unmark(marked string) (text string, bold []string, fault string) {
	var open string
	var all, inside strings.Builder
	write := func(piece string) {
		piece = entities.ReplaceAllStringFunc(piece, func(e string) string {
			if e == "&" {
				fault = "a bare &"
			}
			return html.UnescapeString(e)
		})
		all.WriteString(piece)
		inside.WriteString(piece)
	}
	for at := tags.FindStringIndex(marked); at != nil; at = tags.FindStringIndex(marked) {
		write(marked[:at[0]])
		switch tag := marked[at[0]:at[1]]; {
		case len(tag) == 3 && open == "":
			open = tag[1:2]
			inside.Reset()
		case len(tag) == 4 && open == tag[2:3]:
			if open == "b" {
				bold = append(bold, inside.String())
			}
			open = ""
		default:
			return "", nil, "Unsupported start tag"
		}
		marked = marked[at[1]:]
	}
	write(marked)
	if open != "" {
		fault = "Can't find end tag corresponding to start tag " + open
	}
	return all.String(), bold, fault
}

// buttonsOf reads an inline keyboard.
func buttonsOf(markup string) ([]Button, *Answer) {
	if markup == "" {
		return nil, nil
	}
	var keyboard struct {
		Rows *[][]Button `json:"inline_keyboard"`
	}
	if err := json.Unmarshal([]byte(markup), &keyboard); err != nil || keyboard.Rows == nil {
		return nil, refused(400, "Bad Request: can't parse reply keyboard markup JSON object")
	}
	var buttons []Button
	for _, row := range *keyboard.Rows {
		for _, b := range row {
			if len(b.Data) < 1 || len(b.Data) > 64 {
				return nil, refused(400, "Bad Request: BUTTON_DATA_INVALID")
			}
			if strings.TrimSpace(b.Text) == "" {
				return nil, refused(400, "Bad Request: text buttons are allowed only with a text")
			}
			buttons = append(buttons, b)
		}
	}
	return buttons, nil
}

func (s *Server) editReplyMarkup(chat int64, form url.Values) (any, *Answer) {
	id, _ := strconv.Atoi(form.Get("message_id"))
	i := slices.IndexFunc(s.chats[chat], func(m *Message) bool { return m.ID == id })
	if i < 0 {
		return nil, refused(400, "Bad Request: message to edit not found")
	}
	buttons, refusal := buttonsOf(form.Get("reply_markup"))
	if refusal != nil {
		return nil, refusal
	}
	m := s.chats[chat][i]
	if slices.Equal(m.Buttons, buttons) {
		return nil, refused(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
	}
	m.Buttons = buttons
	return m.wire(), nil
}

var commandForm = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

func (s *Server) setCommands(form url.Values) (any, *Answer) {
	var commands []Command
	if err := json.Unmarshal([]byte(form.Get("commands")), &commands); err != nil || len(commands) > 100 {
		return nil, refused(400, "Bad Request: can't parse commands")
	}
	for _, c := range commands {
		if n := utf8.RuneCountInString(c.Description); !commandForm.MatchString(c.Command) || n < 1 || n > 256 {
			return nil, refused(400, "Bad Request: BOT_COMMAND_INVALID")
		}
	}
	s.commands[form.Get("language_code")] = commands
	return true, nil
}

func (m *Message) wire() map[string]any {
	return map[string]any{
		"message_id": m.ID, "date": time.Now().Unix(), "text": m.Text,
		"chat": map[string]any{"id": m.Chat, "type": "private"},
		"from": map[string]any{"id": 1, "is_bot": true, "first_name": "Stand-in"},
	}
}

// reply writes an answer in Telegram's form.
func reply(w http.ResponseWriter, result any, refusal *Answer) {
	if refusal != nil && refusal.Code == 0 {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	w.Header().Set("Content-Type", "application/json")
	if refusal == nil {
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": true, "result": result})
		return
	}
	w.WriteHeader(refusal.Code)
	if refusal.Body != "" {
		_, _ = w.Write([]byte(refusal.Body))
		return
	}
	body := map[string]any{"ok": false, "error_code": refusal.Code, "description": refusal.Description}
	parameters := map[string]any{}
	if refusal.RetryAfter > 0 {
		parameters["retry_after"] = refusal.RetryAfter
	}
	if refusal.MigrateTo != 0 {
		parameters["migrate_to_chat_id"] = refusal.MigrateTo
	}
	if len(parameters) > 0 {
		body["parameters"] = parameters
	}
	_ = json.NewEncoder(w).Encode(body)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
