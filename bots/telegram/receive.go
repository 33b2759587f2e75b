package telegram

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"crier/conversation"
)

const (
	textMax      = 1 << 20 // bytes of Inbound.Text, as conversation says
	nameMax      = 256     // bytes of Inbound.Name: Telegram's own limit is 64 characters a part
	pressTimeout = 5 * time.Second
)

// heard is what one update says. At most one of in, moved, member and group is set.
type heard struct {
	in     *conversation.Inbound
	photo  *attached // of in
	moved  *moved
	member *membership
	group  *group
	press  *press // beside in, or alone where the press means nothing to us
}

type moved struct{ from, to string }

type membership struct {
	address string
	blocked bool
}

// group is a group or channel that the bot was taken into, or put out of.
type group struct {
	address, title string
	in             bool
}

// press is a pressed button that waits for its answer. chat is 0 where its
// message is none of ours to change.
type press struct {
	query   string
	chat    int64
	message int
}

// take hands on what an update says. It returns nil as soon as that is kept:
// then, and only then, the update may be confirmed.
func (b *Bot) take(ctx context.Context, update tgbotapi.Update) error {
	h := b.read(update)
	switch {
	case h.in != nil:
		if h.photo != nil {
			if err := b.fetch(ctx, h.in, *h.photo); err != nil {
				return fmt.Errorf("fetch the picture of update %d: %w", update.UpdateID, err)
			}
		}
		if err := b.handler.Handle(ctx, *h.in); err != nil {
			return fmt.Errorf("handle update %d: %w", update.UpdateID, err)
		}
	case h.group != nil && h.group.in: // its address is shown nowhere else
		b.log.Info("the bot is in a group now: crier digest when SLUG --post ADDRESS has the digest there, too",
			"address", Channel+":"+h.group.address, "title", h.group.title)
	case h.group != nil:
		b.log.Warn("the bot is in a group no more", "address", Channel+":"+h.group.address, "title", h.group.title)
	case b.addresses == nil:
	case h.moved != nil:
		if err := b.addresses.MoveAddress(ctx, Channel, h.moved.from, h.moved.to); err != nil {
			return fmt.Errorf("move address, update %d: %w", update.UpdateID, err)
		}
	case h.member != nil && h.member.blocked:
		if err := b.addresses.PauseAddress(ctx, Channel, h.member.address, "blocked"); err != nil {
			return fmt.Errorf("pause address, update %d: %w", update.UpdateID, err)
		}
	case h.member != nil:
		if err := b.addresses.ResumeAddress(ctx, Channel, h.member.address); err != nil {
			return fmt.Errorf("resume address, update %d: %w", update.UpdateID, err)
		}
	}
	if h.press != nil {
		b.release(ctx, *h.press)
	}
	return nil
}

// release shows the person that the press was heard, and takes the buttons
// away so that each question is answered once. It works beside the caller, for
// at most pressTimeout; a failure costs nothing but a turning wheel.
func (b *Bot) release(ctx context.Context, p press) {
	select {
	case b.pressing <- struct{}{}:
	case <-ctx.Done():
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pressTimeout)
	go func() {
		defer func() { cancel(); <-b.pressing }()
		if err := b.api.answer(ctx, p.query); err != nil {
			b.log.Debug("a button press was not answered", "err", err)
		}
		if p.chat == 0 {
			return
		}
		// "message is not modified" and "message to edit not found" are as good.
		if err := b.api.removeKeyboard(ctx, p.chat, p.message); err != nil && refusal(err) == nil {
			b.log.Debug("the buttons were not removed", "err", err)
		}
	}()
}

// settle waits until the presses heard so far are answered: pressTimeout at
// most, if no more come.
func (b *Bot) settle() {
	for range cap(b.pressing) {
		b.pressing <- struct{}{}
	}
	for range cap(b.pressing) {
		<-b.pressing
	}
}

// read finds out what an update says. It is a pure function of the update, the
// bot and the clock, and takes any update, however broken.
func (b *Bot) read(update tgbotapi.Update) heard {
	switch {
	case update.Message != nil:
		return b.readMessage(update.UpdateID, update.Message, false)
	case update.EditedMessage != nil:
		return b.readMessage(update.UpdateID, update.EditedMessage, true)
	case update.CallbackQuery != nil:
		return b.readPress(update.UpdateID, update.CallbackQuery)
	case update.MyChatMember != nil:
		return readMembership(update.MyChatMember)
	}
	return heard{} // a kind that nobody asked for, or one younger than this program
}

func (b *Bot) readMessage(id int, m *tgbotapi.Message, edited bool) heard {
	if m.Chat == nil || m.Chat.ID == 0 {
		return heard{}
	}
	// A group that grew is told twice, in the old chat and in the new one.
	if m.MigrateToChatID != 0 {
		return heard{moved: &moved{address(m.Chat.ID), address(m.MigrateToChatID)}}
	}
	if m.MigrateFromChatID != 0 {
		return heard{moved: &moved{address(m.MigrateFromChatID), address(m.Chat.ID)}}
	}
	if !private(m.Chat, m.From) || isNotice(m) {
		return heard{}
	}
	text := m.Text
	if text == "" {
		text = m.Caption
	}
	if edited && text == "" {
		return heard{} // a shared live location is "edited" every few seconds
	}
	text, ours := b.uncommand(clean(text, textMax))
	if !ours {
		return heard{}
	}
	in := b.inbound(m.From)
	in.ID = b.id + ":" + strconv.Itoa(id)
	in.Text = text
	in.Edited = edited
	if edited { // its picture has come before
		return heard{in: in}
	}
	in.Album = clean(m.MediaGroupID, nameMax)
	return heard{in: in, photo: pictureOf(m)}
}

// isNotice tells what Telegram itself says in a chat from what a person sends.
// Only the known notices are left out: of a kind of message that is younger
// than this program a person expects an answer.
func isNotice(m *tgbotapi.Message) bool {
	return m.PinnedMessage != nil || m.MessageAutoDeleteTimerChanged != nil || m.ConnectedWebsite != "" ||
		m.SuccessfulPayment != nil || m.PassportData != nil || m.ProximityAlertTriggered != nil ||
		m.NewChatMembers != nil || m.LeftChatMember != nil || m.NewChatTitle != "" || m.NewChatPhoto != nil ||
		m.DeleteChatPhoto || m.GroupChatCreated || m.SuperGroupChatCreated || m.ChannelChatCreated
}

// readPress reads a pressed button. Everybody in a group could press it, and a
// bad client may send any data with it. Only what answers no question counts in
// a group: it is as if that person had written it to the bot alone, and there the
// answer goes.
func (b *Bot) readPress(id int, q *tgbotapi.CallbackQuery) heard {
	if q.ID == "" {
		return heard{}
	}
	alone := heard{press: &press{query: q.ID}}
	question, reply, ok := parsePress(q.Data)
	if !ok || q.Message == nil || q.From == nil || q.From.IsBot || q.From.ID <= 0 {
		return alone
	}
	stays := strings.HasPrefix(q.Data, standing)
	if !stays && !private(q.Message.Chat, q.From) {
		return alone
	}
	in := b.inbound(q.From)
	in.ID = b.id + ":cb" + strconv.Itoa(id)
	in.Text = clean(reply, textMax)
	in.Question = question
	if stays {
		return heard{in: in, press: alone.press}
	}
	return heard{in: in, press: &press{query: q.ID, chat: q.Message.Chat.ID, message: q.Message.MessageID}}
}

// readMembership reads that a person blocked the bot, or came back, or that a
// group has it or has it no more.
func readMembership(c *tgbotapi.ChatMemberUpdated) heard {
	if !private(&c.Chat, &c.From) {
		if c.Chat.ID >= 0 {
			return heard{}
		}
		status := c.NewChatMember.Status
		return heard{group: &group{address(c.Chat.ID), clean(c.Chat.Title, nameMax), status == "member" || status == "administrator" || status == "restricted"}}
	}
	switch c.NewChatMember.Status {
	case "kicked":
		return heard{member: &membership{address(c.Chat.ID), true}}
	case "member":
		return heard{member: &membership{address(c.Chat.ID), false}}
	}
	return heard{}
}

// private says that a chat is one person's with the bot, and that this person
// speaks. A private chat has the id of its person.
func private(chat *tgbotapi.Chat, from *tgbotapi.User) bool {
	return chat != nil && from != nil && chat.Type == "private" && chat.ID > 0 && chat.ID == from.ID && !from.IsBot
}

// inbound is what every message of a person has in common.
func (b *Bot) inbound(from *tgbotapi.User) *conversation.Inbound {
	return &conversation.Inbound{
		Channel:   Channel,
		From:      address(from.ID),
		Name:      clean(strings.TrimSpace(from.FirstName+" "+from.LastName), nameMax),
		At:        b.now(),
		Trust:     conversation.Proven,
		Community: b.config.Community,
		Locale:    locale(from.LanguageCode),
	}
}

var (
	// command is a slash command: its name, the bot it is for, the rest.
	command = regexp.MustCompile(`(?s)^/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+(.*))?$`)
	// invitation is what a deep link can carry (Bot API, "Deep linking").
	invitation = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// uncommand turns a slash command into what a member would type: "/balance"
// into "balance", "/my_ads" into "my ads", the "/start CODE" of an invitation
// link into "JOIN CODE" and a bare "/start" into "START". It returns false for
// a command that is another bot's.
func (b *Bot) uncommand(text string) (string, bool) {
	parts := command.FindStringSubmatch(text)
	if parts == nil {
		return text, true
	}
	name, bot, rest := parts[1], parts[2], parts[3]
	if own := b.username.Load(); bot != "" && own != nil && *own != "" && !strings.EqualFold(bot, *own) {
		return "", false
	}
	if strings.EqualFold(name, "start") {
		if code := strings.TrimSpace(rest); invitation.MatchString(code) {
			return "JOIN " + code, true
		}
		return "START", true
	}
	return strings.TrimSpace(strings.ReplaceAll(name, "_", " ") + " " + rest), true
}

// locale makes "fr" of Telegram's "fr-CA" or "FR"; what has no two letters is "".
func locale(code string) string {
	code, _, _ = strings.Cut(strings.ToLower(code), "-")
	if len(code) != 2 || code[0] < 'a' || code[0] > 'z' || code[1] < 'a' || code[1] > 'z' {
		return ""
	}
	return code
}

// clean cuts s to at most most bytes, never within a character, and drops what
// no database takes: zero bytes and broken UTF-8.
func clean(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
