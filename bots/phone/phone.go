// Package phone is the browser phone: one page with several members' phones
// side by side, to try Crier out and to teach it. What is typed there takes the
// same journey as a real message, and what Crier sends appears on the phone of
// whoever it is for, without reloading.
//
// It is a stand-in for real channels: Server.Channel("sms") is the texts'
// outgoing side, and a message typed on a screen of that channel comes in as
// one of "sms". With Config.Mail what lies in a mailbox are real mails. Everybody
// who can open the page can speak as any of its members, so it is for samples
// and lessons only, and guard.go keeps others out.
//
// The history of the screens is in memory and ends with the process.
package phone

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"crier/conversation"
)

// Screen is one member's phone, mailbox or chat.
type Screen struct {
	Name    string // the member's; where several share an address, all of them
	Channel string // "sms", "email", "telegram"; any other is drawn as a chat with buttons
	Address string // as Inbound.From and Outbound.Address have it
	Locale  string // the member's language, or ""
	Try     string // what the empty screen proposes to write, or "": Texts["try"]
}

// Config is what a Server is made of. Only Screens or Directory is needed.
type Config struct {
	Title string // over the page, and who the messages are from; "": Crier

	// Screens are the phones that a new visitor finds on the page.
	Screens []Screen

	// Directory lists who else can be picked. It may be nil. It is asked
	// whenever the list is opened, and for a message from a screen that is not
	// one of Screens.
	Directory func(ctx context.Context) ([]Screen, error)

	// Texts are the page's own words in another language: they replace those
	// of DefaultTexts that have the same key.
	Texts map[string]string

	// Token, where not empty, is asked for once, as ?key=…, before the page
	// or anything of it is served. It should be long and random.
	Token string

	// Host is a name beside the loopback ones that the page may be reached
	// by, without a port. It counts only where Token is set.
	Host string

	// Mail makes real mails of what is written to and on screens of the channel
	// "email". nil: they show and send texts.
	Mail Mail

	Log *slog.Logger     // nil: none
	Now func() time.Time // nil: time.Now
}

// Server serves the page. It is an http.Handler, to be mounted at the root of
// a host or, with http.StripPrefix, below a path that ends with a slash.
type Server struct {
	cfg     Config
	handler conversation.Handler
	texts   map[string]string
	token   string // in the page and in every POST; new in each process
	boot    string // marks the event ids of this process
	mux     *http.ServeMux
	page    *template.Template
	history *history

	closed    chan struct{}
	closeOnce sync.Once
}

// pageFiles is the page as the browser gets it.
//
//go:embed page
var pageFiles embed.FS

// New returns a Server that hands what is typed to handler.
func New(cfg Config, handler conversation.Handler) *Server {
	if cfg.Title == "" {
		cfg.Title = "Crier"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	boot := rand.Text()[:8]
	s := &Server{
		cfg:     cfg,
		handler: handler,
		texts:   DefaultTexts(),
		token:   rand.Text(),
		boot:    boot,
		mux:     http.NewServeMux(),
		page:    template.Must(template.ParseFS(pageFiles, "page/index.html")),
		history: newHistory(boot),
		closed:  make(chan struct{}),
	}
	maps.Copy(s.texts, cfg.Texts)
	s.routes()
	return s
}

// Close ends the open event streams, which an http.Server's Shutdown would
// wait for: give it to RegisterOnShutdown. It may be called again.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closed) })
}

// Channel returns the outgoing side of the channel that the page stands for.
func (s *Server) Channel(name string) conversation.Channel { return channel{s, name} }

type channel struct {
	server *Server
	name   string
}

func (c channel) Name() string { return c.name }

// Send shows the message on the screen with this channel and address, at once
// where it is open, and otherwise as soon as somebody opens it. It never waits
// for a browser. A repeated Outbound.ID is shown once. An address that no
// screen can have is a final *conversation.SendError; the only other errors are
// ctx's and Mail's.
func (c channel) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("send on the browser phone: %w", err)
	}
	if out.Address == "" || strings.ContainsFunc(out.Address, unprintable) {
		return "", &conversation.SendError{Final: true, Err: errors.New("send on the browser phone: this is no address")}
	}
	m := message{
		Screen: screenKey(c.name, out.Address),
		Text:   out.Text,
		At:     c.server.cfg.Now().UnixMilli(),
		Locale: out.Locale,
		SMS:    countSMS(c.name, out.Text),
	}
	if out.ID != 0 {
		m.Key = "out-" + strconv.FormatInt(out.ID, 10)
	}
	if hasButtons(c.name) && len(out.Choices) > 0 {
		m.Choices = out.Choices
		if out.Question != 0 {
			m.Question = strconv.FormatInt(out.Question, 10)
		}
	}
	if c.server.mailbox(c.name) {
		letter, err := c.server.cfg.Mail.Letter(out)
		if err != nil {
			return "", fmt.Errorf("send on the browser phone: %w", err)
		}
		m.Text, m.Mail = letter.Text, &letter
	}
	return c.server.history.receive(m), nil
}

func unprintable(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }

// hasButtons reports whether a channel shows choices: a text or a letter
// already says in its words what to reply.
func hasButtons(channel string) bool { return channel != "sms" && channel != "email" }

// screenKey names a screen in the page and in the history.
func screenKey(channel, address string) string {
	return channel + ":" + strings.ToLower(strings.TrimSpace(address))
}

func (sc Screen) key() string { return screenKey(sc.Channel, sc.Address) }

// directory returns every screen that can be picked, those of the page first.
// Where several members share an address they share its screen.
func (s *Server) directory(ctx context.Context) ([]Screen, error) {
	all := s.cfg.Screens
	if s.cfg.Directory != nil {
		more, err := s.cfg.Directory(ctx)
		if err != nil {
			return nil, fmt.Errorf("list who has a phone: %w", err)
		}
		all = append(all[:len(all):len(all)], more...)
	}
	at := make(map[string]int)
	var screens []Screen
	for _, sc := range all {
		i, shared := at[sc.key()]
		switch {
		case sc.Channel == "" || strings.TrimSpace(sc.Address) == "":
		case !shared:
			at[sc.key()] = len(screens)
			screens = append(screens, sc)
		case !strings.Contains(screens[i].Name, sc.Name):
			screens[i].Name += ", " + sc.Name
		}
	}
	return screens, nil
}

// screen finds a screen that somebody wants to write on.
func (s *Server) screen(ctx context.Context, key string) (Screen, bool, error) {
	for _, sc := range s.cfg.Screens {
		if sc.key() == key {
			return sc, true, nil
		}
	}
	screens, err := s.directory(ctx)
	if err != nil {
		return Screen{}, false, err
	}
	for _, sc := range screens {
		if sc.key() == key {
			return sc, true, nil
		}
	}
	return Screen{}, false, nil
}
