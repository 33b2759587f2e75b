package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/mail/digest"
)

// says has a member write from the terminal.
func says(t *testing.T, database, as, text string) {
	t.Helper()
	if out, errs, err := with(t, text+"\n", "chat", "--as", as, "--database", database); err != nil {
		t.Fatalf("%s writes %q: %v\n%s%s", as, text, err, out, errs)
	}
}

// inDatabase does something in a database's one community.
func inDatabase(t *testing.T, file string, do func(ctx context.Context, book *ledger.Book) error) {
	t.Helper()
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
		return do(t.Context(), book)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// flushed delivers what waits in a database's outbox.
func flushed(t *testing.T, file string) (sent []conversation.Outbound) {
	t.Helper()
	db, err := openDatabase(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine, _, err := newEngine(log)
	if err != nil {
		t.Fatal(err)
	}
	journey := state.New(state.Config{DB: db, Engine: engine, Log: log, Holder: "test"})
	err = journey.Flush(t.Context(), func(o conversation.Outbound) { sent = append(sent, o) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestDigestSent follows a digest from its preview to what has become of it.
func TestDigestSent(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	crier(t, "member", "add", "riverbank", "Ann Lee", "--number", "20", "--database", db) // whom nothing reaches
	config := write(t, "crier.toml", fmt.Sprintf("database = %q\n[[sms]]\ngateway = 'gammu'\ncommunity = 'riverbank'\nnumber = '+32470000000'\ndir = %q\nprice = '0.07 EUR'\n", db, t.TempDir()))

	has(t, crier(t, "digest", "preview", "riverbank", "--config", config), "is due on Fri", "0 offers and 0 wants", "Nothing would go out now")
	out, _, err := with(t, "", "digest", "send", "riverbank", "--config", config)
	if err != nil || !strings.Contains(out, "Nothing would go out now") {
		t.Errorf("with nothing new, send says %v: %s", err, out)
	}
	has(t, crier(t, "digest", "history", "riverbank", "--database", db), "Nothing has gone out to everybody yet", "crier digest when riverbank")

	says(t, db, "7", "offer guitar lessons, 4 an hour")
	says(t, db, "12", "want help with the hedge")
	flushed(t, db)
	out = crier(t, "digest", "preview", "riverbank", "--config", config)
	has(t, out, "1 offer and 1 want are new", "It would reach 3 members: 1 by sms, 2 by telegram. That costs 0.07 EUR.",
		"Not reached, for want of an address that works: 1 member", "guitar lessons", "wanted: help with the hedge", "Luc Martin")
	has(t, crier(t, "digest", "preview", "riverbank", "--config", config, "--locale", "fr"), "cherche", "guitar lessons")
	out = crier(t, "digest", "preview", "riverbank", "--config", config, "--member", "maria")
	has(t, out, "To Maria Keller by sms:", "guitar lessons")
	hasNot(t, out, "hedge") // her own
	fails(t, "no member", "digest", "preview", "riverbank", "--config", config, "--member", "Zoë Nobody")
	fails(t, "does not speak", "digest", "preview", "riverbank", "--config", config, "--locale", "tlh")
	letter := filepath.Join(t.TempDir(), "letter.eml")
	has(t, crier(t, "digest", "preview", "riverbank", "--config", config, "--letter", letter), letter)
	data, err := os.ReadFile(letter)
	if err != nil {
		t.Fatal(err)
	}
	read, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil || !strings.Contains(read.Header.Get("From"), "Riverbank LETS") || !strings.HasPrefix(read.Header.Get("Content-Type"), "multipart/") ||
		!strings.Contains(string(data), "guitar lessons") {
		t.Errorf("the letter is (%v)\n%s", err, data)
	}
	fails(t, "no letter to write", "digest", "preview", "riverbank", "--config", config, "--member", "maria", "--letter", letter)
	if sent := flushed(t, db); len(sent) > 0 {
		t.Errorf("a preview sent %d messages", len(sent))
	}

	crier(t, "digest", "when", "riverbank", "--post", "telegram:-100123", "--database", db)
	fails(t, "--yes", "digest", "send", "riverbank", "--config", config)
	if out, _, err = with(t, "no\n", "digest", "send", "riverbank", "--config", config); err != nil || !strings.Contains(out, "Nothing was sent") {
		t.Errorf("after a no, send says %v: %s", err, out)
	}
	out, errs, err := with(t, "yes\n", "digest", "send", "riverbank", "--config", config)
	if err != nil || !strings.Contains(errs, "Send an extra digest now?") {
		t.Errorf("after a yes, send says %v: %s", err, errs)
	}
	has(t, out, "It goes to 3 members.", "crier serve is not running")
	history := crier(t, "digest", "history", "riverbank", "--database", db)
	row := strings.Fields(strings.Split(history, "\n")[1])
	if got, want := strings.Join(row[len(row)-6:], " "), "2 3 0 0 3 1"; got != want { // new ads, members, sent, delivered, waiting, failed
		t.Errorf("the history says %s, not %s:\n%s", got, want, history)
	}
	if sent := flushed(t, db); len(sent) != 4 {
		t.Errorf("%d messages were sent, not 3 and one to the group: %v", len(sent), sent)
	}
	out, _, err = with(t, "", "digest", "send", "riverbank", "--config", config)
	if err != nil || !strings.Contains(out, "Nothing would go out now") {
		t.Errorf("sent a second time: %v: %s", err, out)
	}

	// Two are given up, one is known to have arrived.
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		var failed error
		for _, statement := range []string{
			`UPDATE outbox SET state = 'failed', error = 'absent subscriber' WHERE community_id = $1 AND channel = 'sms' AND priority > 1`,
			`UPDATE outbox SET delivered_at = ended_at WHERE community_id = $1 AND address = '1001'`,
			`UPDATE outbox SET state = 'failed', error = 'mailbox full' WHERE community_id = $1 AND address = '1007' AND priority > 1`,
			`UPDATE outbox SET state = 'failed', error = 'bot was kicked' WHERE community_id = $1 AND address = '-100123'`,
		} {
			_, err := book.Tx().Exec(ctx, statement, book.Community().ID)
			failed = errors.Join(failed, err)
		}
		return failed
	})
	history = crier(t, "digest", "history", "riverbank", "--missed", "--database", db)
	row = strings.Fields(strings.Split(history, "\n")[1])
	if got, want := strings.Join(row[len(row)-6:], " "), "2 3 1 1 0 3"; got != want {
		t.Errorf("the history says %s, not %s:\n%s", got, want, history)
	}
	has(t, history, "Luc Martin", "mailbox full", "Maria Keller", "sms:+32470000012", "absent subscriber", "Ann Lee", "no address that works", "crier member set riverbank", "did not get into telegram:-100123: bot was kicked")
	var one pastCry
	if err := json.Unmarshal([]byte(crier(t, "digest", "history", "riverbank", "--json", "--database", db)), &one); err != nil {
		t.Fatal(err)
	}
	if one.Kind != "digest" || one.Failed != 2 || one.None != 1 || len(one.Missed) != 3 || one.Missed[0].Name != "Luc Martin" || one.Missed[0].Why != "mailbox full" ||
		one.Post == nil || one.Post.Place != "telegram:-100123" || !one.Post.Failed {
		t.Errorf("the history as JSON is %+v", one)
	}
	// They have said never, or STOP, since: nobody is to ask them for another address.
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		for _, member := range one.Missed {
			m, err := book.MemberByNumber(ctx, member.Number)
			if err != nil {
				return err
			}
			if err := digest.SetEvery(ctx, book, m.ID, digest.Never); err != nil {
				return err
			}
		}
		return nil
	})
	history = crier(t, "digest", "history", "riverbank", "--missed", "--database", db)
	has(t, history, "wants none", "wants none; mailbox full")
	if strings.Contains(history, "Another address") {
		t.Errorf("who wants none is to be asked for another address:\n%s", history)
	}
	fails(t, "there is no community", "digest", "history", "lake", "--database", db)
	fails(t, "1 or more", "digest", "history", "riverbank", "--last", "0", "--database", db)
}

// TestDigestWhen shows and sets when a digest goes out.
func TestDigestWhen(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	when := func(args ...string) string {
		t.Helper()
		return crier(t, append([]string{"digest", "when", "riverbank", "--database", db}, args...)...)
	}
	has(t, when(), "0 8 * * 5 (Europe/Brussels)", "next", ", 08:00", "20h0m0s before", "1 new ad", "none")
	out := when("monday", "18:30", "--notice", "1d", "--least", "3", "--post", "telegram:-100123")
	has(t, out, "30 18 * * 1 (Europe/Brussels)", "24h0m0s before", "3 new ads", "telegram:-100123")
	if n := strings.Count(out, "Mon "); n != 3 {
		t.Errorf("%d Mondays are shown, not the next three:\n%s", n, out)
	}
	has(t, when(), "30 18 * * 1")
	has(t, when("0 8 1,15 * *", "--post", "none"), "0 8 1,15 * *", "3 new ads", "none")
	out = when("never")
	has(t, out, "never")
	hasNot(t, out, "next")
	has(t, crier(t, "digest", "preview", "riverbank", "--database", db), "has no digest by itself", "crier digest when riverbank")
	for want, args := range map[string][]string{
		"friday 8:00":         {"soon"},
		"never comes":         {"0 8 31 2 *"},
		"length of time":      {"--notice", "early"},
		"from 0h to 7d":       {"--notice", "30d"},
		"1 to 1000":           {"--least", "0"},
		"no group or channel": {"--post", "the square"},
	} {
		fails(t, want, append([]string{"digest", "when", "riverbank", "--database", db}, args...)...)
	}
	has(t, when(), "never")
}

// TestScheduleSetAgain has what is planned go out, though the same schedule is
// set once more, and at another time where another is.
func TestScheduleSetAgain(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	says(t, db, "7", "offer guitar lessons")
	says(t, db, "1", "digest preview") // plans the next
	planned := func() (n int64) {
		t.Helper()
		inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
			return ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM cries WHERE community_id = $1 AND state <> 'planned'`, book.Community().ID)
		})
		return n
	}
	crier(t, "digest", "when", "riverbank", "friday 8:00", "--least", "1", "--database", db)
	crier(t, "digest", "when", "riverbank", "friday 9:00", "--database", db)
	crier(t, "digest", "when", "riverbank", "friday 8:00", "--database", db)
	if n := planned(); n != 0 {
		t.Errorf("%d digests cannot go out any more because the schedule was set", n)
	}
}

// TestDigestStopped stops a long run, and goes on with it: each member is told
// once.
func TestDigestStopped(t *testing.T) {
	t.Parallel()
	const members = 1500
	db := newFile(t)
	riverbank(t, db)
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		for i := range members {
			m, err := book.AddMember(ctx, ledger.NewMember{Name: fmt.Sprintf("Anna B%dx", i)})
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, m.ID, "email", fmt.Sprintf("m%d@example.org", i)); err != nil {
				return err
			}
		}
		return nil
	})
	says(t, db, "7", "offer guitar lessons")
	flushed(t, db)

	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var out bytes.Buffer
	errs := &stopper{at: "1000 of 1503", stop: stop}
	err := run(ctx, []string{"digest", "send", "riverbank", "--yes", "--database", db}, strings.NewReader(""), &out, errs, environment())
	if !errors.Is(err, errTold) {
		t.Errorf("stopped, it says %v", err)
	}
	has(t, errs.String(), "Stopped: it has gone to 999 members so far", "crier serve goes on with it, or crier digest send riverbank")
	again := crier(t, "digest", "send", "riverbank", "--database", db) // it is decided: no question
	has(t, again, "is going out already", "It goes to 1502 members.")
	got := map[string]int{}
	for _, o := range flushed(t, db) {
		got[o.Address]++
	}
	if len(got) != members+2 { // Luc, whose offer it is, has nothing new
		t.Errorf("%d were told, not %d", len(got), members+2)
	}
	for address, n := range got {
		if n != 1 {
			t.Errorf("%s was told %d times", address, n)
		}
	}
}

// stopper stops something once it reads some words.
type stopper struct {
	bytes.Buffer
	at   string
	stop func()
}

func (s *stopper) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.at) {
		s.stop()
	}
	return n, err
}

// TestDoctorDigests sees what keeps a community's digest, its budget or its
// texts from working.
func TestDoctorDigests(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	crier(t, "community", "set", "riverbank", "budget", "20 EUR", "--database", db)
	config := write(t, "crier.toml", fmt.Sprintf("database = %q\n[[sms]]\ngateway = 'gammu'\nregion = 'BE'\nnumber = '0470 00 00 99'\ndir = '/nowhere/spool'\nprice = '0.07 USD'\n", db))
	out := fails(t, "to mend", "doctor", "--config", config)
	has(t, out, `dir = "/nowhere/spool" is not there: smsdrc.example shows how to make it`, `"+32470000099"`,
		"riverbank: nothing but answers between 21:00-8:00 by the clock of Europe/Brussels",
		`riverbank may spend EUR, and a text costs USD`, `crier community set riverbank budget "20 USD"`)
	hasNot(t, out, "has no digest", "has not gone out")
	crier(t, "community", "set", "riverbank", "quiet", "none", "--database", db)
	out = fails(t, "to mend", "doctor", "--config", config)
	has(t, out, "riverbank: texts go out at any hour")
	hasNot(t, out, "between none")

	plain := func() string { return write(t, "crier.toml", fmt.Sprintf("database = %q\n", db)) }
	crier(t, "digest", "when", "riverbank", "never", "--database", db)
	has(t, crier(t, "doctor", "--config", plain()), `riverbank has no digest: crier digest when riverbank "friday 8:00"`)

	crier(t, "digest", "when", "riverbank", "daily 8:00", "--database", db)
	hasNot(t, crier(t, "doctor", "--config", plain()), "has no digest", "has not gone out")
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error { // nothing has run for three days
		_, err := book.Tx().Exec(ctx, `UPDATE digests SET checked_at = $2 WHERE community_id = $1`, book.Community().ID, ledger.Micros(book.Now().Add(-72*time.Hour)))
		return err
	})
	has(t, fails(t, "1 thing to mend", "doctor", "--config", plain()), "MEND  riverbank: the digest of", "has not gone out", "Does crier serve run", "crier digest send riverbank")
}

// TestDoctorNobody sees a digest that went to nobody.
func TestDoctorNobody(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	says(t, db, "7", "offer guitar lessons")
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		_, err := book.Tx().Exec(ctx, `UPDATE addresses SET status = 'paused' WHERE community_id = $1`, book.Community().ID)
		return err
	})
	config := write(t, "crier.toml", fmt.Sprintf("database = %q\n", db))
	hasNot(t, crier(t, "doctor", "--config", config), "went to nobody")
	out, _, err := with(t, "", "digest", "send", "riverbank", "--yes", "--config", config)
	if err != nil {
		t.Fatal(err)
	}
	has(t, out, "for want of an address that works: 2 members")
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error { // as a schedule sends it all the same
		_, err := book.Tx().Exec(ctx, `INSERT INTO cries (id, community_id, kind, state, due_at, issue, new_ads, reach, began_at, ended_at)
			VALUES (1, $1, 'digest', 'done', $2, 1, 1, 0, $2, $2)`, book.Community().ID, ledger.Micros(book.Now()))
		return err
	})
	has(t, fails(t, "1 thing to mend", "doctor", "--config", config), "riverbank: the last digest went to nobody, though 1 ad was new", "crier member list riverbank")
}
