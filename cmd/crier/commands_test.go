package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

func TestCommunities(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	fails(t, "there is no database at", "community", "list", "--database", db)
	out := crier(t, "community", "new", "tijdbank", "--name", "Tijdbank West", "--unit", "hour", "--locale", "nl", "--threshold", "1h30",
		"--limit", "20", "--upper", "40", "--grace", "2h", "--timezone", "Europe/Brussels", "--database", db)
	has(t, out, "Founded Tijdbank West", "crier member add tijdbank", "crier member import tijdbank", "crier serve", "--database "+db)
	has(t, crier(t, "community", "show", "tijdbank", "--database", db), "-20 uur", "40 uur", "1u30", "2h0m0s", "Europe/Brussels", "0 active")
	crier(t, "community", "new", "geneva", "--name", "SEL du Lac", "--unit", "grain/grains", "--decimals", "2", "--locale", "fr", "--limit", "-2.50", "--database", db)
	has(t, crier(t, "community", "list", "--database", db), "tijdbank", "SEL du Lac", "grains")

	crier(t, "community", "set", "geneva", "limit", "-1234,5", "--database", db)
	crier(t, "community", "set", "geneva", "name", "SEL", "du", "Léman", "--database", db)
	crier(t, "community", "set", "geneva", "ad_days", "30", "--database", db)
	crier(t, "community", "set", "geneva", "grace", "1d", "--database", db)
	crier(t, "community", "set", "geneva", "wording", "fr", "pay.no", "Rien n'a bougé.", "--database", db)
	has(t, crier(t, "community", "show", "geneva", "--database", db), "SEL du Léman", "-1 234,50 grains", "30", "24h0m0s")

	for _, c := range []struct {
		want string
		args []string
	}{
		{"needs a name", []string{"new", "x"}},
		{"already", []string{"new", "geneva", "--name", "Again"}},
		{"a-z", []string{"new", "Big Slug", "--name", "X"}},
		{"does not speak", []string{"new", "x", "--name", "X", "--locale", "tlh"}},
		{"time zone", []string{"new", "x", "--name", "X", "--timezone", "Mars/Olympus"}},
		{"decimals", []string{"new", "x", "--name", "X", "--unit", "u", "--decimals", "7"}},
		{"not an amount", []string{"new", "x", "--name", "X", "--threshold", "lots"}},
		{"finer", []string{"new", "x", "--name", "X", "--unit", "u", "--threshold", "2.5"}},
		{"length of time", []string{"new", "x", "--name", "X", "--grace", "soon"}},
		{"there is no community", []string{"show", "nowhere"}},
		{"no setting", []string{"set", "geneva", "colour", "red"}},
		{"no text", []string{"set", "geneva", "wording", "fr", "pay.nothing", "x"}},
		{"no place {wrong}", []string{"set", "geneva", "wording", "fr", "pay.no", "{wrong}"}},
		{"number of days", []string{"set", "geneva", "ad_days", "long"}},
		{"already", []string{"set", "geneva", "slug", "tijdbank"}},
		{"is followed by SLUG", []string{"show"}},
		{"unknown flag", []string{"list", "--colour"}},
	} {
		fails(t, c.want, append(append([]string{"community"}, c.args...), "--database", db)...)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	out := crier(t, "member", "add", "riverbank", "Jo  Smit", "--sms", "0470 00 00 12", "--region", "BE", "--email", "Jo@Example.org",
		"--locale", "nl-BE", "--limit", "100", "--place", "Leuven", "--database", db)
	has(t, out, "Jo Smit is member 13", "shared with Maria Keller (12)")
	has(t, crier(t, "member", "add", "riverbank", "Ann Lee", "--database", db), "crier invite riverbank --member 14")

	crier(t, "member", "set", "riverbank", "14", "status", "left", "--database", db)
	crier(t, "member", "set", "riverbank", "13", "status", "frozen", "--database", db)
	crier(t, "member", "set", "riverbank", "13", "name", "Johanna", "Smit", "--database", db)
	crier(t, "member", "set", "riverbank", "13", "limit", "-20", "--database", db)
	crier(t, "member", "set", "riverbank", "12", "telegram", "1012", "--database", db)
	list := crier(t, "member", "list", "riverbank", "--database", db)
	has(t, list, "Johanna Smit", "frozen", "email jo@example.org", "sms +32470000012", "telegram 1012", "coordinator", "0 acorns")
	hasNot(t, list, "Ann Lee")
	has(t, crier(t, "member", "list", "riverbank", "--all", "--database", db), "Ann Lee")
	frozen := crier(t, "member", "list", "riverbank", "--status", "frozen", "--csv", "--database", db)
	has(t, frozen, "13,Johanna Smit,+32470000012,jo@example.org,,nl,member,frozen,Leuven,0,-20,")
	hasNot(t, frozen, "Maria")

	for want, args := range map[string][]string{
		"somebody else's":         {"add", "riverbank", "X", "--number", "12"},
		"no name":                 {"add", "riverbank", " "},
		"names no country":        {"add", "riverbank", "X", "--sms", "0470000012"},
		"not a phone number":      {"add", "riverbank", "X", "--sms", "+32 four"},
		"not an e-mail address":   {"add", "riverbank", "X", "--email", "x@"},
		"digits only":             {"add", "riverbank", "X", "--telegram", "@x"},
		"role is member or":       {"add", "riverbank", "X", "--role", "king"},
		"no member 99":            {"set", "riverbank", "99", "name", "X"},
		"not a member number":     {"set", "riverbank", "maria", "name", "X"},
		"no setting":              {"set", "riverbank", "12", "colour", "red"},
		"active, invited, frozen": {"list", "riverbank", "--status", "tired"},
		"finer":                   {"set", "riverbank", "12", "limit", "-2.5"},
	} {
		fails(t, want, append(append([]string{"member"}, args...), "--database", db)...)
	}
}

// TestSilencedAddress shows why somebody is not reached.
func TestSilencedAddress(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	riverbank(t, file)
	db, err := openDatabase(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx ledger.Tx) error {
		c, err := community(t.Context(), tx, "riverbank")
		if err != nil {
			return err
		}
		book, err := ledger.Open(t.Context(), tx, c.ID, time.Now())
		if err != nil {
			return err
		}
		_, err = book.SetAddressStatus(t.Context(), "telegram", "1007", ledger.AddressPaused, "blocked")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	has(t, crier(t, "member", "list", "riverbank", "--database", file), "telegram 1007 [paused: blocked]")
}

func TestInvite(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	out := crier(t, "invite", "riverbank", "Piet Vos", "--number", "44", "--telegram-bot", "@RiverBot", "--database", db)
	has(t, out, "Piet Vos is member 44", "JOIN RIVERBANK-", "https://t.me/RiverBot?start=RIVERBANK-", "Ria Jansen invites you")
	code := out[strings.Index(out, "RIVERBANK-"):][:len("RIVERBANK-123456")]

	// The code works: the one it is for writes it from a phone of their own.
	crier(t, "member", "add", "riverbank", "Somebody", "--sms", "+32470000099", "--database", db)
	chat, _, err := with(t, "join "+code+"\n", "chat", "--as", "Somebody", "--database", db)
	if err != nil || !strings.Contains(chat, "Piet Vos can also write") && !strings.Contains(chat, "Welcome") {
		t.Errorf("the code did not work: %v %s", err, chat)
	}
	has(t, crier(t, "invite", "riverbank", "--member", "12", "--database", db), "Maria Keller is member 12")
	fails(t, "--member 12", "invite", "riverbank", "Other", "--number", "12", "--database", db)
	fails(t, "say who is invited", "invite", "riverbank", "--database", db)
	fails(t, "not the name of a Telegram bot", "invite", "riverbank", "X", "--telegram-bot", "a b", "--database", db)
}

func TestLinkSafe(t *testing.T) {
	t.Parallel()
	if got := linkSafe("RIVER-7K_Q2!é "); got != "RIVER-7K_Q2" {
		t.Errorf("linkSafe: %q", got)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	riverbank(t, file)
	if _, _, err := with(t, "pay luc 5 for eggs\nyes\n", "chat", "--as", "12", "--database", file); err != nil {
		t.Fatal(err)
	}
	has(t, crier(t, "ledger", "verify", "--database", file), "riverbank: right. 1 transfer, 2 entries, 4 accounts.")
	db, err := openDatabase(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE accounts SET balance = balance + 1 WHERE balance > 0`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	out := fails(t, "the books are not right: community riverbank: account", "ledger", "verify", "riverbank", "--database", file)
	has(t, out, "riverbank: WRONG.")
	fails(t, "there is no community", "ledger", "verify", "nowhere", "--database", file)
}

func TestUnderstand(t *testing.T) {
	t.Parallel()
	out, _, err := with(t, `{"id":7,"locale":"en","unit":"unit","text":"pay luc 5 for eggs"}`+"\nnonsense\n", "understand")
	if err != nil || !strings.Contains(out, `{"id":7,"intent":"pay","who":"luc","amount":"5","what":"eggs"}`) || strings.Count(out, "\n") != 2 {
		t.Errorf("understand: %v\n%s", err, out)
	}
}

// TestUnderstandStops ends a command that waits for the terminal.
func TestUnderstandStops(t *testing.T) {
	t.Parallel()
	never, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	if status(ctx, []string{"understand"}, never, io.Discard, &errs, environment()) != 1 || errs.String() != "crier: stopped before it was done\n" {
		t.Errorf("stopped with %q", errs.String())
	}
}

func TestVersion(t *testing.T) { has(t, crier(t, "version"), "crier ", "go1.") }

// TestHelp sees to it that every command has an example.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"", "demo", "serve", "community", "community new", "community list", "community show", "community set",
		"member", "member add", "member import", "member list", "member set", "invite", "chat", "rehearse",
		"understand", "ledger", "ledger verify", "version",
	} {
		out := crier(t, append(strings.Fields(path), "--help")...)
		has(t, out, "Usage:", "Example")
	}
	fails(t, "is it serve?", "serv")
	fails(t, "is it show?", "community", "shw", "x")
}

func TestRehearse(t *testing.T) {
	t.Parallel()
	good := "# A start.\nmaria> balance\nmaria<~ You have 23 acorns\n"
	bad := "maria> balance\nmaria< You are rich.\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"good.txt": good, "bad.txt": bad, "broken.txt": "maria says hello\n", "notes.md": "not one"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	has(t, crier(t, "rehearse", filepath.Join(dir, "good.txt")), "1 transcript, 1 as written, 0 not")
	out := fails(t, "", "rehearse", dir)
	has(t, out, "bad.txt:2: maria reads: You have 23 acorns", "broken.txt:1: not a line", "3 transcripts, 1 as written, 2 not")
	if out, _, err := with(t, good, "rehearse", "-"); err != nil {
		t.Errorf("standard input: %v\n%s", err, out)
	}
	crier(t, "rehearse", "--update", filepath.Join(dir, "bad.txt"))
	changed, err := os.ReadFile(filepath.Join(dir, "bad.txt"))
	if err != nil || !strings.Contains(string(changed), "maria< You have 23 acorns") {
		t.Errorf("not updated: %v\n%s", err, changed)
	}
	crier(t, "rehearse", filepath.Join(dir, "bad.txt"))
	fails(t, "there is no file", "rehearse", "nowhere.txt")
	fails(t, "there is no transcript", "rehearse", t.TempDir())
}

// TestHelpExplains has the help say what its tables and settings mean.
func TestHelpExplains(t *testing.T) {
	t.Parallel()
	gateways := crier(t, "sms", "gateways")
	help := crier(t, "sms", "gateways", "--help")
	for _, column := range regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(strings.Split(gateways, "\n")[0]), -1)[1:] {
		if !regexp.MustCompile(`(?m)^ +` + column + ` {2,}\S`).MatchString(help) {
			t.Errorf("the help of sms gateways does not explain %s", column)
		}
	}
	has(t, crier(t, "sms", "test", "--help"), "crier costs does not count it")
	has(t, crier(t, "community", "set", "--help"), "none switches", "quiet none", "region BE")
	for _, one := range []string{"preview", "send", "history", "paper", "when"} {
		has(t, crier(t, "digest", one, "--help"), "crier digest "+one+" riverbank")
	}
}
