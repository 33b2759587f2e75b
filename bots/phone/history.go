package phone

import (
	"errors"
	"strconv"
	"sync"

	"crier/bots"
	"crier/conversation"
)

// How much of the past is kept.
const (
	screensMax     = 500
	messagesMax    = 200     // a screen
	screenBytesMax = 2 << 20 // of text a screen; its newest message is kept in any case
	textMax        = 1 << 20 // bytes, of one message from a member
)

// The states of what a member wrote.
const (
	sending = "sending" // not yet kept by the handler
	sent    = "sent"
	failed  = "failed" // the handler refused it: it may be sent again
)

// Why the history takes no message.
var (
	errReused   = errors.New("this id was used for another message")
	errAnswered = errors.New("this question was answered already")
)

// message is one text on a screen, as the page gets it.
type message struct {
	Key      string                `json:"key"` // unique on its screen: the page shows a key once
	Screen   string                `json:"screen"`
	Mine     bool                  `json:"mine,omitempty"` // the member wrote it
	Text     string                `json:"text"`
	At       int64                 `json:"at"` // milliseconds since 1970
	Locale   string                `json:"locale,omitempty"`
	State    string                `json:"state,omitempty"` // of one that is Mine
	SMS      *smsCount             `json:"sms,omitempty"`   // on the channel "sms"
	Choices  []conversation.Choice `json:"choices,omitempty"`
	Question string                `json:"question,omitempty"` // decimal: too long for a JavaScript number
	Press    *press                `json:"press,omitempty"`    // the choice that was made. Replaced, never changed
	Mail     *Letter               `json:"mail,omitempty"`     // that it came or went as. Never changed

	changed uint64 // when it was added or last changed, in the history's count
}

// size is how many bytes of text a message holds.
func (m *message) size() int {
	n := len(m.Text)
	if m.Mail != nil {
		n += len(m.Mail.Quote) + len(m.Mail.Source)
	}
	return n
}

// press is one pressed button.
type press struct {
	ID    string `json:"id"` // the Inbound's
	Label string `json:"label"`
	Reply string `json:"reply"`
	State string `json:"state"`
}

// smsCount is what bots.Segments says.
type smsCount struct {
	Segments   int  `json:"segments"`
	Used       int  `json:"used"`
	PerSegment int  `json:"perSegment"`
	GSM        bool `json:"gsm"`
}

func countSMS(channel, text string) *smsCount {
	if channel != "sms" {
		return nil
	}
	var c smsCount
	c.Segments, c.Used, c.PerSegment, c.GSM = bots.Segments(text)
	return &c
}

// history is what all screens show. It is also the buffer between those who
// send and those who watch: a watcher asks what has changed since it last
// looked, so nobody waits for a slow one.
type history struct {
	boot string // tells the keys of this process from those that a page still has

	mu      sync.Mutex
	count   uint64 // of changes
	screens map[string]*screenHistory
	wake    chan struct{} // closed at the next change
}

type screenHistory struct {
	messages []*message // oldest first
	bytes    int
	changed  uint64
}

func newHistory(boot string) *history {
	return &history{boot: boot, screens: make(map[string]*screenHistory), wake: make(chan struct{})}
}

// receive adds a message to a member and returns its key.
func (h *history) receive(m message) (key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.Key == "" {
		m.Key = "out-" + h.boot + "-" + strconv.FormatUint(h.count+1, 10)
	}
	if h.find(m.Screen, m.Key) == nil {
		h.add(&m)
	}
	return m.Key
}

// say adds a message by a member, who waits for settle. It returns true where
// the message was sent before, and errReused where its key names another one.
func (h *history) say(m message) (done bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.find(m.Screen, m.Key)
	switch {
	case old == nil:
		m.Mine, m.State = true, sending
		h.add(&m)
	case !old.Mine || old.Text != m.Text:
		return false, errReused
	case old.State == sent:
		return true, nil
	default:
		old.State = sending
		h.touch(old)
	}
	return false, nil
}

// mail returns the mail that a message came or went as: nil where it did not,
// or where the screen does not show it (any more).
func (h *history) mail(screen, key string) (letter *Letter, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.find(screen, key); m != nil {
		return m.Mail, m.Mine
	}
	return nil, false
}

// press makes the choice that replies to a question. It returns the key of the
// question's message for settle, or "" where the screen does not show it (any
// more), true where this press was sent before, and errAnswered after another.
func (h *history) press(screen, question, reply, id string) (key string, done bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sh := h.screens[screen]
	if sh == nil {
		return "", false, nil
	}
	for _, m := range sh.messages {
		if m.Question != question {
			continue
		}
		if p := m.Press; p != nil && p.State != failed && (p.ID != id || p.Reply != reply) {
			return "", false, errAnswered
		} else if p != nil && p.State == sent {
			return m.Key, true, nil
		}
		for _, c := range m.Choices {
			if c.Reply == reply {
				m.Press = &press{ID: id, Label: c.Label, Reply: reply, State: sending}
				h.touch(m)
				return m.Key, false, nil
			}
		}
	}
	return "", false, nil
}

// settle says how the sending of a message, or of the choice made below it,
// has ended.
func (h *history) settle(screen, key, state string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.find(screen, key)
	switch {
	case m == nil:
		return
	case m.Mine && m.State != sent:
		m.State = state
	case m.Press != nil && m.Press.State != sent:
		p := *m.Press
		p.State = state
		m.Press = &p
	default:
		return
	}
	h.touch(m)
}

// since returns what was added or changed on the screens after a point, in the
// order in which each screen shows it, the point to ask from next, and a
// channel that is closed at the next change.
func (h *history) since(screens []string, after uint64) ([]message, uint64, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var news []message
	for _, key := range screens {
		sh := h.screens[key]
		if sh == nil || sh.changed <= after {
			continue
		}
		for _, m := range sh.messages {
			if m.changed > after {
				news = append(news, *m)
			}
		}
	}
	return news, h.count, h.wake
}

// The rest is called with the lock held.

func (h *history) find(screen, key string) *message {
	if sh := h.screens[screen]; sh != nil {
		for _, m := range sh.messages {
			if m.Key == key {
				return m
			}
		}
	}
	return nil
}

func (h *history) add(m *message) {
	sh := h.screens[m.Screen]
	if sh == nil {
		sh = &screenHistory{}
		h.screens[m.Screen] = sh
	}
	sh.messages = append(sh.messages, m)
	sh.bytes += m.size()
	for len(sh.messages) > messagesMax || (sh.bytes > screenBytesMax && len(sh.messages) > 1) {
		sh.bytes -= sh.messages[0].size()
		sh.messages[0] = nil // the array behind lives on: let go of the text
		sh.messages = sh.messages[1:]
	}
	h.touch(m)
	if len(h.screens) > screensMax {
		h.dropOldest()
	}
}

func (h *history) touch(m *message) {
	h.count++
	m.changed = h.count
	h.screens[m.Screen].changed = h.count
	close(h.wake)
	h.wake = make(chan struct{})
}

func (h *history) dropOldest() {
	var oldest string
	for key, sh := range h.screens {
		if oldest == "" || sh.changed < h.screens[oldest].changed {
			oldest = key
		}
	}
	delete(h.screens, oldest)
}
