package mailtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"crier/mail/mailtest"
)

func TestPostfixHandsMailsToDovecotAndLetsUsersSubmit(t *testing.T) {
	dovecot := mailtest.StartDovecot(t, mailtest.DovecotOptions{})
	dovecot.User("maria@members.test", "secret")
	postfix := mailtest.StartPostfix(t, mailtest.PostfixOptions{Dovecot: dovecot, Domains: []string{"members.test"}})

	postfix.Send("luc@example.org", []string{"maria+detail@members.test"}, letter)
	await(t, "the mail of a stranger", func() bool { return len(dovecot.Messages("maria@members.test", "INBOX")) == 1 })
	if err := postfix.TrySend("luc@example.org", []string{"somebody@elsewhere.example"}, letter); err == nil {
		t.Error("a stranger may send mails to everywhere")
	}

	for _, address := range []string{postfix.Addr, postfix.SMTPSAddr} {
		if err := submit(t, postfix, address, "wrong"); err == nil {
			t.Error("a wrong password is taken")
		}
		if err := submit(t, postfix, address, "secret"); err != nil {
			t.Errorf("a user may not submit: %v", err)
		}
	}
	await(t, "two bounces", func() bool {
		var bounces int
		for _, message := range dovecot.Messages("maria@members.test", "INBOX") {
			if strings.Contains(message.Raw, "Action: failed") {
				bounces++
			}
		}
		return bounces == 2
	})
	postfix.Restart()
	postfix.Send("luc@example.org", []string{"maria@members.test"}, letter)
	await(t, "the mail after the restart", func() bool { return len(dovecot.Messages("maria@members.test", "INBOX")) == 4 })
	if n := postfix.Queued(); n != 0 {
		t.Errorf("%d mails are left in the queue", n)
	}
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func submit(t *testing.T, postfix *mailtest.Postfix, address, password string) error {
	t.Helper()
	dial, config := smtp.DialStartTLS, postfix.CA.Client()
	if address == postfix.SMTPSAddr {
		dial = smtp.DialTLS
	}
	client, err := dial(address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Auth(sasl.NewPlainClient("", "maria@members.test", password)); err != nil {
		return err
	}
	return client.SendMail("maria@members.test", []string{"nobody@members.test"}, strings.NewReader(letter))
}
