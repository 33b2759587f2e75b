package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"crier/conversation"
)

// chat is where a message goes: to a person, a group or a channel by its id,
// or to a public group or channel by its name ("@riverbank").
type chat struct {
	id   int64
	name string
}

var publicName = regexp.MustCompile(`^@[A-Za-z][A-Za-z0-9_]{2,31}$`)

func parseChat(address string) (to chat, ok bool) {
	if publicName.MatchString(address) {
		return chat{name: address}, true
	}
	id, err := strconv.ParseInt(address, 10, 64)
	return chat{id: id}, err == nil && id != 0
}

// part is a message of 1 to 4096 UTF-16 units; marks in HTML do not count.
type part struct {
	text string
	html bool
}

// partsOf are the messages that say what an Outbound says.
func partsOf(out conversation.Outbound) []part {
	if out.Sheet != nil {
		if parts := layOut(out.Sheet); len(parts) > 0 {
			return parts
		}
	}
	var parts []part
	for _, text := range split(clean(out.Text, len(out.Text)), partMax) {
		parts = append(parts, part{text: text})
	}
	return parts
}

// Send writes one message to a chat, in parts where it is too long for one,
// with its choices as buttons under the last. It waits for Telegram's rates as
// long as ctx allows.
//
// In one process a part that Telegram has taken is not sent again, however
// often an Outbound with the same ID (other than 0) comes.
func (b *Bot) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	to, ok := parseChat(out.Address)
	if !ok {
		return "", &conversation.SendError{Final: true, Err: errors.New("send: the address is no Telegram chat")}
	}
	parts := partsOf(out)
	if len(parts) == 0 {
		return "", &conversation.SendError{Final: true, Err: errors.New("send: the text is empty")}
	}
	done := b.delivered.get(out.ID)
	for i := done.parts; i < len(parts); i++ {
		var rows [][]tgbotapi.InlineKeyboardButton
		if i == len(parts)-1 {
			if out.Sheet != nil {
				rows = sheetKeyboard(out.Sheet)
			}
			rows = append(rows, keyboard(out)...)
		}
		if err := b.pace.wait(ctx, to); err != nil {
			return "", fmt.Errorf("send: waiting for the rate: %w", err)
		}
		message, err := b.api.send(ctx, to, parts[i], rows)
		if err != nil {
			return "", b.failure(to, err)
		}
		done = delivery{parts: i + 1, last: strconv.Itoa(message)}
		b.delivered.put(out.ID, done)
	}
	return done.last, nil
}

// failure says what Telegram's refusal means. What Telegram did not refuse (the
// network, its own trouble) goes back as it is, and is tried again.
func (b *Bot) failure(to chat, err error) error {
	refused := refusal(err)
	if refused == nil {
		return fmt.Errorf("send: %w", err)
	}
	e := &conversation.SendError{Err: fmt.Errorf("send: %w", err)}
	switch {
	case refused.MigrateToChatID != 0:
		e.MovedTo = address(refused.MigrateToChatID)
	case refused.Code == http.StatusTooManyRequests:
		e.RetryAfter = time.Duration(min(max(refused.RetryAfter, 1), 86400)) * time.Second
		e.Everybody = b.throttled.another(b.now(), to)
	case refused.Code == http.StatusForbidden:
		// Blocked, deactivated, never written to the bot: none of it ends by itself.
		e.Final, e.Paused = true, true
	case refused.Code == http.StatusUnauthorized, refused.Code == http.StatusNotFound:
		// The token: nobody can be reached before the operator has a new one.
		e.RetryAfter, e.Everybody = 10*time.Minute, true
	case refused.Code == http.StatusBadRequest && strings.Contains(strings.ToLower(refused.Message), "chat not found"):
		e.Final, e.Paused = true, true
	case refused.Code >= 400 && refused.Code < 500:
		e.Final = true
	default:
		return e.Err
	}
	return e
}

// throttled remembers the last chat that Telegram found too busy. The zero
// value is ready.
type throttled struct {
	mu   sync.Mutex
	last chat
	at   time.Time
}

// another notes that a chat is too busy, and says whether a different one was
// in the last minute: then it is the whole bot that sends too much.
func (t *throttled) another(now time.Time, to chat) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	other := t.last != chat{} && t.last != to && now.Sub(t.at) < time.Minute
	t.last, t.at = to, now
	return other
}

// deliveredMax is how many messages a bot remembers having sent.
const deliveredMax = 4096

// delivery is how much of a message Telegram has taken.
type delivery struct {
	parts int
	last  string // Telegram's id of the last part
}

// delivered remembers the last deliveries by Outbound.ID. The zero value is ready.
type delivered struct {
	mu    sync.Mutex
	byID  map[int64]delivery
	order []int64 // ids, oldest first from position next on
	next  int
}

func (d *delivered) get(id int64) delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.byID[id]
}

func (d *delivered) put(id int64, done delivery) {
	if id == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byID == nil {
		d.byID = make(map[int64]delivery)
	}
	if _, known := d.byID[id]; !known {
		if len(d.order) < deliveredMax {
			d.order = append(d.order, id)
		} else {
			delete(d.byID, d.order[d.next])
			d.order[d.next] = id
			d.next = (d.next + 1) % deliveredMax
		}
	}
	d.byID[id] = done
}

const (
	pressMax = 64  // bytes that a button can carry (Bot API, InlineKeyboardButton)
	rowMax   = 28  // characters of labels that fit side by side on a small phone
	rowsMax  = 100 // buttons under one message
)

// keyboard makes buttons of the choices: in one row where they fit, else one
// below the other. There are none where one of them cannot be a button: the
// text says what to reply anyway.
func keyboard(out conversation.Outbound) [][]tgbotapi.InlineKeyboardButton {
	if len(out.Choices) == 0 || len(out.Choices) > rowsMax {
		return nil
	}
	var row []tgbotapi.InlineKeyboardButton
	width := 0
	for _, choice := range out.Choices {
		data := formatPress(out.Question, choice.Reply)
		if choice.Reply == "" || len(data) > pressMax {
			return nil
		}
		label := clean(choice.Label, len(choice.Label))
		if strings.TrimSpace(label) == "" {
			label = choice.Reply
		}
		width += utf8.RuneCountInString(label)
		row = append(row, tgbotapi.NewInlineKeyboardButtonData(label, data))
	}
	if width <= rowMax && len(row) <= 4 {
		return [][]tgbotapi.InlineKeyboardButton{row}
	}
	var rows [][]tgbotapi.InlineKeyboardButton
	for _, button := range row {
		rows = append(rows, []tgbotapi.InlineKeyboardButton{button})
	}
	return rows
}

// formatPress is what a button carries: the question in base 36 and the reply.
func formatPress(question int64, reply string) string {
	return strconv.FormatInt(question, 36) + ":" + reply
}

// standing stands in the place of a question where the reply says all by
// itself: whoever sees such a button may press it, and it stays.
const standing = "*"

// formatStanding is what a button carries that answers no question.
func formatStanding(reply string) string { return standing + ":" + reply }

// parsePress is the reverse of formatPress and formatStanding, for whatever a
// client may send.
func parsePress(data string) (question int64, reply string, ok bool) {
	number, reply, found := strings.Cut(data, ":")
	if number == standing && reply != "" && len(data) <= pressMax {
		return 0, reply, true
	}
	question, err := strconv.ParseInt(number, 36, 64)
	if !found || err != nil || reply == "" || len(data) > pressMax {
		return 0, "", false
	}
	return question, reply, true
}
