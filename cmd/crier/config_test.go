package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const exampleFile = "../../crier.example.toml"

// TestExample sees to it that the example is a configuration, says every key,
// and that what it says are the defaults.
func TestExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c.dir = ""
	if !reflect.DeepEqual(c, defaults()) {
		t.Errorf("the example says\n%+v, and the defaults are\n%+v", c, defaults())
	}
	// With the tables that start out empty.
	commented := regexp.MustCompile(`(?m)^# (\[\[?[a-z]+\]?\]|# .*|[a-z_]+ = .*)$`)
	whole := commented.ReplaceAllString(string(text), "$1")
	// Three things have no default that could work.
	whole = strings.NewReplacer(`address = ""`, `address = "river@example.org"`, `smtp = ""`, `smtp = "smtps://x"`, `imap = ""`, `imap = "imaps://x"`).Replace(whole)
	all, err := loadConfig(write(t, "crier.toml", whole))
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Telegram) != 1 || all.Telegram[0] != defaultBot() {
		t.Errorf("the example's bot is %+v, and the default %+v", all.Telegram, defaultBot())
	}
	box := defaultMailbox()
	box.Address, box.SMTP, box.IMAP = "river@example.org", "smtps://x", "imaps://x"
	if len(all.Mail) != 1 || !reflect.DeepEqual(all.Mail[0], box) {
		t.Errorf("the example's mailbox is %+v, and the default %+v", all.Mail, box)
	}
	if len(all.SMS) != 1 || all.SMS[0] != defaultGateway() {
		t.Errorf("the example's SMS gateway is %+v, and the default %+v", all.SMS, defaultGateway())
	}
	keys := regexp.MustCompile(`(?m)^([a-z_]+) = `).FindAllStringSubmatch(whole, -1)
	said := map[string]int{}
	for _, k := range keys {
		said[k[1]]++
	}
	var count func(reflect.Type)
	count = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			key := f.Tag.Get("toml")
			switch {
			case key == "":
			case f.Type.Kind() == reflect.Struct:
				count(f.Type)
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				count(f.Type.Elem())
			case said[key] == 0:
				t.Errorf("the example says nothing of %s", key)
			default:
				said[key]--
			}
		}
	}
	count(reflect.TypeFor[config]())
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"databse = 'x'":                                       `no setting "databse"`,
		"[log]\ncolour = 'info'":                              `no setting "log.colour"`,
		"[[telegram]]\ntoken = '1:x'":                         `no setting "telegram.token"`,
		"[phone]\nenabled = 1":                                "line 2",
		"a = = b":                                             "line 1",
		"listen = 'here'":                                     "listen",
		"[log]\nformat = 'xml'":                               "log.format",
		"[log]\nlevel = 'loud'":                               "log.level",
		"[[telegram]]\nwebhook = 'https://x.example'":         "with a path",
		"[[telegram]]\nwebhook = 'https://x.example/{a}'":     "with a path",
		"[[telegram]]\nwebhook = 'https://x.example/metrics'": "/metrics is used twice",
		"[[telegram]]\nwebhook = 'https://x.example/a'\n[[telegram]]\nwebhook = 'https://y.example/a'\n": "/a is used twice",
		"[phone]\nenabled = true\nchannels = []":                                                         "phone.channels",
		"[phone]\nenabled = true\nchannels = ['telegram']\n[[telegram]]\ntoken_env = 'X'":                "cannot stand for it",
	} {
		file := write(t, "crier.toml", text)
		fails(t, want, "serve", "--config", file)
	}
	mailbox := "[[mail]]\naddress = 'a@x.example'\nsmtp = 'smtps://x'\nimap = 'imaps://x'\n"
	for text, want := range map[string]string{
		"public_url = 'crier.example'":                          "https://crier.example",
		"[[mail]]\naddress = 'river'":                           "not a mail address",
		"[[mail]]\naddress = 'a@x.example'":                     "no server to send by",
		"[[mail]]\naddress = 'a@x.example'\nsmtp = 'smtps://x'": "set imap",
		mailbox + "detail = '/'":                                "mail.detail",
		mailbox + "[[mail]]\naddress = 'A@X.example'":           "in two",
		mailbox + "[[mail]]\naddress = 'b@x.example'":           "two mailboxes serve",
		mailbox + "dkim_selector = 's'":                         "go together",
		"[lmtp]\nlisten = '127.0.0.1:8424'":                     "no [[mail]] table",
	} {
		fails(t, want, "serve", "--config", write(t, "crier.toml", text))
	}
	fails(t, "no configuration file", "serve", "--config", "nowhere.toml")
	fails(t, "at least 16 letters", "serve", "--config", write(t, "crier.toml", "[phone]\nenabled = true"))
	fails(t, "set CRIER_TELEGRAM_TOKEN", "serve", "--config", write(t, "crier.toml", "[[telegram]]"))
	fails(t, "a secret cannot be read", "serve", "--config", write(t, "crier.toml", "[[telegram]]\ntoken_file = 'nowhere'"))
	fails(t, "a secret cannot be read", "community", "list", "--config", write(t, "crier.toml", "database_file = 'nowhere'"))
}

// TestSecrets reads tokens from files and the environment, and says none.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const secret = "AAE-very-secret"
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "11:" + secret + "\n", "bad": "not a token " + secret, "empty": " \n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{getenv: environment("OTHER_TOKEN=22:"+secret, "CRIER_WEBHOOK_SECRET=shown", "CRIER_TELEGRAM_TOKEN=33:"+secret)}
	bots := func(text string) ([]*servedBot, error) {
		t.Helper()
		file := filepath.Join(dir, "crier.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		return p.botConfigs(c)
	}
	all, err := bots("[[telegram]]\ncommunity = 'a'\ntoken_file = 'token'\nwebhook = 'https://x.example/a'\n" +
		"[[telegram]]\ntoken_env = 'OTHER_TOKEN'\nwebhook = 'https://x.example/b'\nwebhook_secret_env = 'NONE'")
	if err != nil || len(all) != 2 || all[0].id != "11" || all[0].Secret != "shown" || all[1].id != "22" || len(all[1].Secret) != 64 {
		t.Fatalf("bots: %v", err)
	}
	if alone, err := bots(""); err != nil || len(alone) != 1 || alone[0].id != "33" {
		t.Errorf("a token in the environment alone: %v, %v", alone, err)
	}
	for text, want := range map[string]string{
		"[[telegram]]\ntoken_file = 'bad'":            "token",
		"[[telegram]]\ntoken_file = 'empty'":          "is empty",
		"[[telegram]]\n[[telegram]]\ncommunity = 'b'": "same bot",
	} {
		if _, err := bots(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestDatabaseOf sees which database a command is about.
func TestDatabaseOf(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"with.toml": "database = 'own.db'", "file.toml": "database_file = 'url'", "url": "postgres://u:p@h/d\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		flag, config, env, want string
	}{
		{"", "", "", "crier.db"},
		{"x.db", "with.toml", "y.db", "x.db"},
		{"", "with.toml", "y.db", "y.db"},
		{"", filepath.Join(dir, "with.toml"), "", filepath.Join(dir, "own.db")},
		{"", "file.toml", "", "postgres://u:p@h/d"},
	} {
		p := &program{database: c.flag, config: c.config, getenv: environment("CRIER_DATABASE=" + c.env)}
		got, err := p.configuration()
		if err != nil || got.Database != c.want {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}
