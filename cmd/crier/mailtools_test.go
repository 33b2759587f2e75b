package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crier/ledger/storetest"
	"crier/mail/mailtest"
)

const strangeMail = "From: Luc Martin <luc@example.org>\r\nTo: river@lets.test\r\nSubject: eggs\r\nDate: Wed, 25 Nov 2026 10:00:00 +0100\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n\r\nPay Maria 5 for eggs\r\n\r\nOn Tue, 24 Nov 2026 at 10:12, Riverbank LETS wrote:\r\n> balance 99\r\n"

func TestMailRead(t *testing.T) {
	t.Parallel()
	person := write(t, "person.eml", strangeMail)
	auto := write(t, "auto.eml", "Auto-Submitted: auto-replied\r\n"+strangeMail)
	vouched := write(t, "vouched.eml", "Authentication-Results: mx.lets.test; dmarc=pass header.from=example.org; spf=pass smtp.mailfrom=example.org\r\n"+
		"Received: from mx.example.org by mx.lets.test; Wed, 25 Nov 2026 10:00:01 +0100\r\n"+strangeMail)
	bounce := write(t, "bounce.eml", "From: mailer-daemon@example.org\r\nTo: river@lets.test\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; maria@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n")
	config := write(t, "crier.toml", "[[mail]]\naddress = 'river@lets.test'\nimap = 'imaps://x'\nsmtp = 'smtps://x'\nauthserv_ids = ['mx.lets.test']\n")

	out := crier(t, "mail", "read", "--config", config, person, auto, bounce, vouched)
	has(t, out, "from      luc@example.org", "subject   eggs", "a person", "only claimed", "Pay Maria 5 for eggs", "Auto-Submitted", "Crier answers nothing",
		"about     maria@example.org", "proven: a command in it would be taken", "language  en")
	hasNot(t, out, "balance 99")

	type mailJSON struct {
		File, From, Trust, Why, Kind, Text string
		Bounced                            []string
	}
	var got []mailJSON
	for line := range strings.Lines(crier(t, "mail", "read", "--json", "--config", config, person, auto, bounce, vouched)) {
		var one mailJSON
		decoder := json.NewDecoder(strings.NewReader(line))
		if err := decoder.Decode(&one); err != nil {
			t.Fatal(err)
		}
		got = append(got, one)
	}
	for i, want := range []mailJSON{
		{File: person, From: "luc@example.org", Trust: "claimed", Why: "no signature", Kind: "person", Text: "Pay Maria 5 for eggs"},
		{File: auto, From: "luc@example.org", Trust: "claimed", Kind: "auto"},
		{File: bounce, From: "mailer-daemon@example.org", Trust: "claimed", Kind: "bounce", Bounced: []string{"maria@example.org"}},
		{File: vouched, From: "luc@example.org", Trust: "proven", Kind: "person", Text: "Pay Maria 5 for eggs"},
	} {
		g := got[i]
		if g.File != want.File || g.From != want.From || g.Trust != want.Trust || g.Kind != want.Kind || g.Why == "" ||
			want.Kind == "person" && g.Text != want.Text || fmt.Sprint(g.Bounced) != fmt.Sprint(want.Bounced) || g.Bounced == nil {
			t.Errorf("read as %+v, want %+v", g, want)
		}
	}

	piped, _, err := with(t, strangeMail, "mail", "read", "--config", config, "-")
	if err != nil {
		t.Fatal(err)
	}
	has(t, piped, "Pay Maria 5 for eggs")
	has(t, fails(t, "2 of 3 mails could not be read", "mail", "read", "--config", config, "nowhere.eml", person, write(t, "no.eml", "\x00\x01")),
		"no such file", "this is no mail", "Pay Maria 5")
	fails(t, "is followed by FILE", "mail", "read")
}

// TestMailReadHuge reads a mail of 50 MB, as far as mails are read.
func TestMailReadHuge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "huge.eml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strangeMail); err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("> and so on and so forth, for a long time\r\n"), 1000)
	for range 50_000_000 / len(line) {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	has(t, crier(t, "mail", "read", "--config", write(t, "crier.toml", ""), file), "Pay Maria 5 for eggs", "too long to be checked")
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestDoctor lets the doctor look at what works, and at what does not.
func TestDoctor(t *testing.T) {
	t.Parallel()
	database := newFile(t)
	config := func(text string) []string {
		return []string{"doctor", "--config", write(t, "crier.toml", fmt.Sprintf("database = %q\n", database)+text)}
	}
	has(t, fails(t, "1 thing to mend", config("")...), "there is no database", "crier community new", "names no channel")
	riverbank(t, database)
	has(t, crier(t, config("")...), "ok    sqlite, with 1 community", "All is well")

	ca := mailtest.NewCA(t)
	dovecot := mailtest.StartDovecot(t, mailtest.DovecotOptions{CA: ca})
	dovecot.User(riverMailbox, "secret of the river")
	postfix := mailtest.StartPostfix(t, mailtest.PostfixOptions{CA: ca, Dovecot: dovecot, Domains: []string{"lets.test"}})
	key := filepath.Join(t.TempDir(), "dkim.pem")
	has(t, crier(t, "mail", "key", key), key)
	fails(t, "there is a file", "mail", "key", key)
	box := fmt.Sprintf("[[mail]]\ncommunity = 'riverbank'\naddress = %q\nimap = 'imaps://%s'\nsmtp = 'smtp://%s'\nca_file = %q\ndkim_selector = 'crier'\ndkim_key_file = %q\n",
		riverMailbox, dovecot.IMAPSAddr, postfix.Addr, write(t, "ca.pem", string(ca.PEM())), key)

	doctor := func(records map[string][]string, password string, args ...string) (out string, err error) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err = runWith(ctx, args, strings.NewReader(""), &stdout, &stderr, environment("CRIER_MAIL_PASSWORD="+password),
			func(_ context.Context, name string) ([]string, error) { return records[name], nil })
		return stdout.String(), err
	}
	out, err := doctor(nil, "secret of the river", config(box)...)
	if err == nil {
		t.Error("the doctor is content, though the key is not in the DNS")
	}
	has(t, out, "ok    mails in by imaps://", "ok    letters out by smtp://", "MEND  the signature cannot be checked", "crier._domainkey.lets.test TXT \"v=DKIM1",
		"there is no SPF record", "there is no DMARC record", "detail = \"+\"")
	_, record, _ := strings.Cut(out, "crier._domainkey.lets.test TXT \"")
	record, _, _ = strings.Cut(record, "\"")
	out, err = doctor(map[string][]string{
		"crier._domainkey.lets.test": {strings.ReplaceAll(record, "; ", " ;  ")}, "lets.test": {"v=spf1 -all"}, "_dmarc.lets.test": {"v=DMARC1; p=none"},
	}, "secret of the river", config(box+"detail = '+'\n")...)
	if err != nil {
		t.Errorf("the doctor says %v of what is well:\n%s", err, out)
	}
	has(t, out, "the signature's key is in the DNS", "ok    SPF", "ok    DMARC", "All is well")
	hasNot(t, out, "MEND", "secret")

	out, err = doctor(nil, "wrong", config(box)...)
	if err == nil {
		t.Error("the doctor is content with a wrong password")
	}
	has(t, out, "MEND  mails in by", "refuses the login", "MEND  letters out by")
	postfix.Stop()
	dovecot.Stop()
	out, _ = doctor(nil, "secret of the river", config(strings.Replace(box, "'riverbank'", "'lake'", 1))...)
	has(t, out, "MEND  mails in by", "MEND  letters out by", `there is no community "lake"`)

	telegram := newTelegram(t)
	bot := fmt.Sprintf("[[telegram]]\nendpoint = %q\n", telegram.URL())
	out, _, err = with(t, "", append(config(bot), "--database", database)...)
	if err == nil {
		t.Error("the doctor is content without a token")
	}
	has(t, out, "MEND  configuration: a Telegram bot has no token")
}

// TestMailTest sends the letter that tries a mailbox.
func TestMailTest(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := newPostOffice(t, []string{"Luc"}, false, direct)
			args := []string{"mail", "test", "luc@lets.test", "--config", p.config}
			if engine == "postgres" {
				database := storetest.Postgres(t)
				riverbank(t, database)
				args = append(args, "--database", database)
			}
			var stdout, stderr bytes.Buffer
			if err := run(soon(t), args, strings.NewReader(""), &stdout, &stderr, p.env); err != nil {
				t.Fatalf("%v %s", err, stderr.String())
			}
			has(t, stdout.String(), "has taken the letter for luc@lets.test")
			has(t, p.must(p.wait("Luc", 1)).text, "This is a letter to try the mailbox", "Riverbank LETS")
			for want, args := range map[string][]string{
				"not a mail address": {"mail", "test", "luc", "--config", p.config},
				"say whose mailbox":  {"mail", "test", "luc@lets.test", "--community", "lake", "--config", p.config},
				"has no mailbox":     {"mail", "test", "luc@lets.test", "--config", write(t, "crier.toml", "")},
			} {
				err := run(soon(t), args, strings.NewReader(""), &stdout, &stderr, p.env)
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("crier %q: %v, want %q", args, err, want)
				}
			}
		})
	}
}
