package telegram

import (
	"context"
	"fmt"
	"regexp"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// Command is one line of the menu that Telegram shows beside the text field.
type Command struct {
	Name        string // what a tap sends, behind a slash: 1 to 32 of a-z 0-9 _
	Description string // what it does, in the reader's language: 1 to 256 characters
}

// CommandMenu is the menu in one language.
type CommandMenu struct {
	Locale   string // "fr"; "" for readers whose language has no menu
	Commands []Command
}

const (
	menuMax        = 100 // Bot API, setMyCommands
	descriptionMax = 256
)

var commandName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

// SetCommands gives the bot its menus. Where none has an empty Locale, the
// first one is also for readers of any other language. A name that Telegram
// cannot take (one with an accent) is left out of its menu.
func (b *Bot) SetCommands(ctx context.Context, menus []CommandMenu) error {
	for i, menu := range append(fallback(menus), menus...) {
		language := locale(menu.Locale)
		if language == "" && menu.Locale != "" {
			continue // a language that Telegram cannot name
		}
		if err := b.api.setCommands(ctx, language, lines(menu.Commands)); err != nil {
			return fmt.Errorf("set menu %d (%q): %w", i, language, err)
		}
	}
	return nil
}

// fallback is the menu for all other languages, where the menus have none.
func fallback(menus []CommandMenu) []CommandMenu {
	if len(menus) == 0 {
		return nil
	}
	for _, menu := range menus {
		if menu.Locale == "" {
			return nil
		}
	}
	return []CommandMenu{{Commands: menus[0].Commands}}
}

func lines(commands []Command) []tgbotapi.BotCommand {
	kept := []tgbotapi.BotCommand{}
	for _, c := range commands {
		if !commandName.MatchString(c.Name) || c.Description == "" || len(kept) == menuMax {
			continue
		}
		description, _ := cutUnits(clean(c.Description, 4*descriptionMax), descriptionMax)
		kept = append(kept, tgbotapi.BotCommand{Command: c.Name, Description: description})
	}
	return kept
}
