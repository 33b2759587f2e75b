package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"crier/bots/telegram"
	"crier/conversation"
	"crier/conversation/state"
	"crier/locales"
)

// servedBot is one Telegram bot of `crier serve`.
type servedBot struct {
	telegram.Config
	*telegram.Bot
	id string // the public part of its token
}

// botConfigs reads the bots of a configuration, with their secrets. Where it
// has none, a token in the environment makes one that polls.
func (p *program) botConfigs(c *config) ([]*servedBot, error) {
	tables := c.Telegram
	if len(tables) == 0 && p.getenv(tokenEnv) != "" {
		tables = []telegramConfig{defaultBot()}
	}
	var bots []*servedBot
	seen := map[string]bool{}
	for _, t := range tables {
		token, err := p.secret(c, t.TokenFile, t.TokenEnv)
		if err != nil {
			return nil, err
		}
		if token == "" {
			return nil, fmt.Errorf("a Telegram bot has no token: set %s, or token_file in its [[telegram]] table", t.TokenEnv)
		}
		b := &servedBot{Config: telegram.Config{Token: token, Endpoint: t.Endpoint, Community: t.Community, Webhook: t.Webhook}}
		if t.Webhook != "" {
			if b.Secret, err = p.secret(c, t.SecretFile, t.SecretEnv); err != nil {
				return nil, err
			}
			if b.Secret == "" {
				b.Secret = secretOf(token)
			}
		}
		if err := b.Check(); err != nil {
			return nil, fmt.Errorf("the Telegram bot of community %q: %w", t.Community, err)
		}
		b.id, _, _ = strings.Cut(token, ":")
		if seen[b.id] {
			return nil, errors.New("two [[telegram]] tables are the same bot: each needs a token of its own (token_env or token_file)")
		}
		seen[b.id] = true
		bots = append(bots, b)
	}
	return bots, nil
}

// secretOf makes a webhook's secret from the bot's token, so that all
// processes that serve the bot have the same one without being told.
func secretOf(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("crier webhook"))
	return hex.EncodeToString(mac.Sum(nil))
}

// addTelegram makes the bots, mounts their webhooks, and has the journey send
// through them. It returns the names of the channels added.
func (p *program) addTelegram(mux *http.ServeMux, journey *state.Journey, bots []*servedBot, log *slog.Logger) []string {
	if len(bots) == 0 {
		return nil
	}
	for _, b := range bots {
		b.Bot = telegram.New(b.Config, journey, log, telegram.WithAddresses(journey))
		if path, err := webhookPath(b.Webhook); err == nil {
			mux.Handle(path, b.Bot)
		}
	}
	journey.Send(manyBots(bots), 0) // a bot keeps to Telegram's rates by itself
	return []string{telegram.Channel}
}

// manyBots is the channel "telegram", made of all bots.
type manyBots []*servedBot

func (m manyBots) Name() string { return telegram.Channel }

// Line is the bot that a message would go by: none waits for another.
func (m manyBots) Line(out conversation.Outbound) conversation.Line {
	if b := m.of(out); b != nil {
		return conversation.Line{Name: b.id}
	}
	return conversation.Line{}
}

// Send sends by the bot that was written to, else by the community's own, else
// by one that serves all communities.
func (m manyBots) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	b := m.of(out)
	if b == nil {
		return "", fmt.Errorf("no Telegram bot serves community %s", out.Community)
	}
	return b.Send(ctx, out)
}

func (m manyBots) of(out conversation.Outbound) *servedBot {
	var own, common *servedBot
	for _, b := range m {
		if out.ReplyTo != "" && strings.HasPrefix(out.ReplyTo, b.id+":") {
			return b
		}
		switch b.Community {
		case "":
			common = b
		case out.Community:
			own = b
		}
	}
	if own == nil {
		return common
	}
	return own
}

// botPause is how long a bot whose token is refused rests before the next try.
const botPause = time.Minute

// run hears what people write to the bot until ctx ends. One process polls at a
// time; webhooks come to all. Trouble of one bot is not another's: it is logged,
// and tried again.
func (b *servedBot) run(ctx context.Context, journey *state.Journey, menus []telegram.CommandMenu, log *slog.Logger) error {
	hear := func(ctx context.Context) error {
		var menu sync.WaitGroup
		menu.Go(func() {
			if err := b.SetCommands(ctx, menus); err != nil && ctx.Err() == nil {
				log.Warn("the bot's menu was not set", "community", b.Community, "channel", telegram.Channel, "err", err)
			}
		})
		defer menu.Wait()
		for ctx.Err() == nil {
			if err := b.Run(ctx); err != nil && ctx.Err() == nil {
				log.Error("a Telegram bot does not work", "community", b.Community, "channel", telegram.Channel, "err", err)
				select {
				case <-ctx.Done():
				case <-time.After(botPause):
				}
			}
		}
		return nil
	}
	if b.Webhook != "" {
		return hear(ctx)
	}
	return journey.Lease(ctx, "telegram "+b.id, hear)
}

// menuKeys are what the menu of a bot may offer, in this order: what has the
// texts menu.KEY.name, what a tap writes, and menu.KEY.does, is in it.
var menuKeys = [...]string{"balance", "history", "pay", "ask", "offer", "want", "find", "my_ads", "undo", "help"}

// menus are the bot's menus in every language that has one.
func menus(catalog *locales.Catalog) []telegram.CommandMenu {
	var all []telegram.CommandMenu
	for _, locale := range catalog.Codes() {
		p := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Time{})
		menu := telegram.CommandMenu{Locale: locale}
		for _, key := range menuKeys {
			name, named := optional(p, "menu."+key+".name")
			does, described := optional(p, "menu."+key+".does")
			if named && described {
				menu.Commands = append(menu.Commands, telegram.Command{Name: name, Description: does})
			}
		}
		if len(menu.Commands) > 0 {
			all = append(all, menu)
		}
	}
	return all
}
