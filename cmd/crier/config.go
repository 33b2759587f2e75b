package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"crier/bots/telegram"
)

// config is what crier.toml holds. crier.example.toml describes every key.
type config struct {
	Database     string           `toml:"database"`
	DatabaseFile string           `toml:"database_file"`
	Listen       string           `toml:"listen"`
	Log          logConfig        `toml:"log"`
	Telegram     []telegramConfig `toml:"telegram"`
	Phone        phoneConfig      `toml:"phone"`

	dir string // of the file: relative paths in it start there
}

type logConfig struct {
	Format string `toml:"format"` // "text" or "json"
	Level  string `toml:"level"`  // "debug", "info", "warn" or "error"
}

type telegramConfig struct {
	Community  string `toml:"community"` // slug; "": all
	TokenEnv   string `toml:"token_env"`
	TokenFile  string `toml:"token_file"`
	Webhook    string `toml:"webhook"` // "": the bot polls
	SecretEnv  string `toml:"webhook_secret_env"`
	SecretFile string `toml:"webhook_secret_file"`
	Endpoint   string `toml:"endpoint"` // "": Telegram's own
}

type phoneConfig struct {
	Enabled  bool     `toml:"enabled"`
	Listen   string   `toml:"listen"`
	Host     string   `toml:"host"`
	KeyEnv   string   `toml:"key_env"`
	KeyFile  string   `toml:"key_file"`
	Channels []string `toml:"channels"` // that the page stands for
}

// Names of the environment variables that hold secrets, unless the
// configuration names others.
const (
	tokenEnv  = "CRIER_TELEGRAM_TOKEN"
	secretEnv = "CRIER_WEBHOOK_SECRET"
	keyEnv    = "CRIER_PHONE_KEY"
)

// keyMin is how long the key of the browser phone must be.
const keyMin = 16

func defaults() *config {
	return &config{
		Database: defaultDatabase,
		Listen:   "127.0.0.1:8481",
		Log:      logConfig{Format: "text", Level: "info"},
		Phone:    phoneConfig{Listen: "127.0.0.1:8482", KeyEnv: keyEnv, Channels: []string{"phone"}},
	}
}

func defaultBot() telegramConfig { return telegramConfig{TokenEnv: tokenEnv, SecretEnv: secretEnv} }

// loadConfig reads a configuration file. A key that crier does not know is an
// error.
func loadConfig(file string) (*config, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration file %s: crier.example.toml is one to start from", file)
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration cannot be read: %w", err)
	}
	c := defaults()
	meta, err := toml.Decode(string(data), c)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return nil, fmt.Errorf("%s, line %d: %s", file, parse.Position.Line, parse.Message)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: crier knows no setting %q: crier.example.toml lists them all", file, unknown[0].String())
	}
	for i := range c.Telegram {
		b, d := &c.Telegram[i], defaultBot()
		if b.TokenEnv == "" {
			b.TokenEnv = d.TokenEnv
		}
		if b.SecretEnv == "" {
			b.SecretEnv = d.SecretEnv
		}
	}
	c.dir = filepath.Dir(file)
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func (c *config) check() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen is %q, not an address such as 127.0.0.1:8481", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.Phone.Listen); err != nil {
		return fmt.Errorf("phone.listen is %q, not an address such as 127.0.0.1:8482", c.Phone.Listen)
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		return fmt.Errorf("log.format is %q, not text or json", c.Log.Format)
	}
	var level slog.Level
	if level.UnmarshalText([]byte(c.Log.Level)) != nil {
		return fmt.Errorf("log.level is %q, not debug, info, warn or error", c.Log.Level)
	}
	paths := map[string]bool{"/healthz": true, "/metrics": true}
	for _, b := range c.Telegram {
		if b.Webhook == "" {
			continue
		}
		path, err := webhookPath(b.Webhook)
		if err != nil {
			return err
		}
		if paths[path] {
			return fmt.Errorf("telegram.webhook: the path %s is used twice: give each bot its own", path)
		}
		paths[path] = true
	}
	if c.Phone.Enabled && len(c.Phone.Channels) == 0 {
		return errors.New("phone.channels is empty: the page stands for no channel")
	}
	if c.Phone.Enabled && len(c.Telegram) > 0 && slices.Contains(c.Phone.Channels, telegram.Channel) {
		return errors.New("phone.channels: there is a real bot for telegram, so the page cannot stand for it")
	}
	return nil
}

// pathForm is a path without anything that a pattern or an escape could be.
var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// webhookPath is the path under which serve answers a webhook.
func webhookPath(webhook string) (string, error) {
	u, err := url.Parse(webhook)
	if err != nil || u.Host == "" || !pathForm.MatchString(u.Path) {
		return "", errors.New("telegram.webhook must be an address with a path, such as https://crier.example/telegram/riverbank")
	}
	return u.Path, nil
}

// path is a file that the configuration names.
func (c *config) path(name string) string {
	if name == "" || name == ":memory:" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// logger makes the log that the configuration asks for.
func (c *config) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Log.Level)) // checked when it was loaded
	options := &slog.HandlerOptions{Level: level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// secret reads a secret from the file if one is named, else from the
// environment; "" where there is none.
func (p *program) secret(c *config, file, env string) (string, error) {
	if file != "" {
		return readSecret(c.path(file))
	}
	return strings.TrimSpace(p.getenv(env)), nil
}

func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("a secret cannot be read: %w", err)
	}
	s := strings.TrimSpace(string(data))
	if s == "" {
		return "", fmt.Errorf("the secret in %s is empty", file)
	}
	return s, nil
}
