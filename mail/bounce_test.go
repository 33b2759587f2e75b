package mail_test

import (
	"strings"
	"testing"

	"crier/mail"
)

// statusReport is a DSN about ria@example.org.
func statusReport(group string) string {
	return "From: MAILER-DAEMON@mx.example.net\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		part("Content-Type: text/plain", "Sorry.") + part("Content-Type: message/delivery-status", "Reporting-MTA: dns; mx.example.net\n\n"+group) + "--b--\n"
}

func TestWhetherAnotherTryIsOfUse(t *testing.T) {
	const to = "Final-Recipient: rfc822; ria@example.org\n"
	for _, test := range []struct{ what, group, want string }{
		{"the user is unknown", "Action: failed\nStatus: 5.1.1\n", "5.1.1 ria@example.org hard -"},
		{"Action is in capitals, with a comment", "Action: FAILED (bad)\nStatus: 5.1.1 (no such user)\n", "5.1.1 ria@example.org hard -"},
		{"the mailbox is full", "Action: failed\nStatus: 5.2.2\n", "5.2.2 ria@example.org soft -"},
		{"it looks like spam", "Action: failed\nStatus: 5.7.26\n", "5.7.26 ria@example.org soft -"},
		{"only the diagnostic says so", "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.7.1 go away\n", "5.0.0 ria@example.org soft -"},
		{"only the words say so", "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 the mailbox is full\n", "5.0.0 ria@example.org soft -"},
		{"the user is unknown, by a strict policy", "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 blocked by policy\n", "5.1.1 ria@example.org hard -"},
		{"there is no Status", "Action: failed\nDiagnostic-Code: smtp; 550 5.1.1 unknown\n", "5.1.1 ria@example.org hard -"},
		{"there is a bare code", "Action: failed\nDiagnostic-Code: smtp; 550 unknown\n", "- ria@example.org hard -"},
		{"there is a bare code for later", "Action: failed\nDiagnostic-Code: smtp; 451 later\n", "- ria@example.org soft -"},
		{"there is nothing but failed", "Action: failed\n", "- ria@example.org soft -"},
		{"it took too long", "Action: failed\nStatus: 4.4.7\n", "4.4.7 ria@example.org soft -"},
		{"it is late, whatever the Status", "Action: delayed\nStatus: 5.1.1\n", "5.1.1 ria@example.org late -"},
		{"it is late, and says no more", "Action: delayed\nDiagnostic-Code: smtp; 550 unknown user\n", "- ria@example.org late -"},
	} {
		if got := described(read(t, statusReport(to+test.group))); got != "bounce "+test.want {
			t.Errorf("where %s, it is %q, want %q", test.what, got, test.want)
		}
	}
}

func TestWhomABounceIsAbout(t *testing.T) {
	for _, test := range []struct{ fields, want string }{
		{"Final-Recipient: rfc822;RIA@Example.org", "ria@example.org"},
		{"Final-Recipient: RFC822 ;\n <ria@example.org>", "ria@example.org"},
		{"Final-Recipient: ria@example.org", "ria@example.org"},
		{"Final-Recipient: rfc822; <ria@example.org> (Ria)", "ria@example.org"},
		{"Final-Recipient: rfc822; luc@other.example\nOriginal-Recipient: rfc822; ria@example.org", "ria@example.org"},
		{"Final-Recipient: rfc822; ria@example.org\nOriginal-Recipient: unknown; nobody", "ria@example.org"},
		{"Final-Recipient: x400; /G=Ria/S=Jansen/", ""},
		{"Final-Recipient: utf-8; j\\x{FC}rgen@b\\x{FC}cher.example", "jürgen@xn--bcher-kva.example"},
		{"Final-Recipient: utf-8; \\x{FFFFFF}@example.org", ""},
	} {
		m := read(t, statusReport(test.fields+"\nAction: failed\nStatus: 5.1.1\n"))
		if len(m.Bounced) != 1 || m.Bounced[0].Address != test.want {
			t.Errorf("%q is about %+v, want %q", test.fields, m.Bounced, test.want)
		}
	}
	if m := read(t, statusReport("")); m.Kind != mail.Bounce || len(m.Bounced) != 1 || m.Bounced[0].Hard || !m.Bounced[0].Failed {
		t.Errorf("an empty report is a %s about %+v", m.Kind, m.Bounced)
	}
}

func TestTheReasonIsOneLineOfTheServers(t *testing.T) {
	m := read(t, statusReport("Final-Recipient: rfc822; ria@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1\n  No such\n\tuser "+strings.Repeat("hällo ", 100)+"\n"))
	if got := m.Bounced[0].Reason; !strings.HasPrefix(got, "550 5.1.1 No such user hällo") || len(got) > 200 {
		t.Errorf("the reason is %q", got)
	}
}

// Whoever quotes a mail of ours names more addresses than the one it is about.
func TestWhatCameBackIsNotTheReport(t *testing.T) {
	m := read(t, "From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\nSorry:\n\n<ria@example.org>:\n550 unknown user\n\n"+
		"--- Below this line is a copy of the message.\n\nReturn-Path: <river@river.example>\nMessage-ID: <letter.1@river.example>\n\n<luc@example.org>:\n552 mailbox is full\n")
	if got := described(m); got != "bounce - ria@example.org hard letter.1@river.example" {
		t.Errorf("it is %q", got)
	}
}

func TestOnlyAMailServerReportsInItsOwnWords(t *testing.T) {
	const text = "\n\nYour message could not be delivered to\n\n<ria@example.org>: 550 5.1.1 unknown user\n"
	for _, test := range []struct {
		what, header string
		want         mail.Kind
	}{
		{"a mail server writes it", "From: postmaster@example.net\nSubject: Hello", mail.Bounce},
		{"it has the null sender", "Return-Path: <>\nFrom: it@example.net\nSubject: Hello", mail.Bounce},
		{"a person writes it", "From: luc@example.org\nSubject: failure notice", mail.Person},
		{"nobody reads what is answered", "From: noreply@example.org\nSubject: failure notice", mail.Auto},
	} {
		if m := read(t, test.header+text); m.Kind != test.want {
			t.Errorf("where %s, it is a %s (%s)", test.what, m.Kind, m.Why)
		}
	}
	vacation := "Return-Path: <>\nFrom: luc@example.org\nSubject: Warning: I am away, my answer is delayed\n\nUntil Monday.\n"
	if m := read(t, vacation); m.Kind != mail.Auto {
		t.Errorf("an automatic answer that speaks of delay is a %s (%s)", m.Kind, m.Why)
	}
}
