package mailtest_test

import (
	"testing"

	"crier/mail/mailtest"
)

const letter = "From: Maria Keller <maria@example.org>\r\nTo: river@lets.test\r\nSubject: Eggs\r\n\r\npay luc 5 for eggs\r\n"

func TestDovecotKeepsMailsOverARestart(t *testing.T) {
	dovecot := mailtest.StartDovecot(t, mailtest.DovecotOptions{})
	dovecot.User("river@lets.test", "secret")
	dovecot.Deliver("river+c.token@lets.test", letter)
	if err := dovecot.TryDeliver("nobody@lets.test", letter); err == nil {
		t.Error("a mail to nobody was taken")
	}
	dovecot.Restart()
	dovecot.Deliver("river@lets.test", letter)
	if got := dovecot.Messages("river@lets.test", "INBOX"); len(got) != 2 || got[0].Seen {
		t.Errorf("the inbox holds %+v", got)
	}
}
