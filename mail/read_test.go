package mail_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"crier/mail"
)

func TestWhatTheHeaderSays(t *testing.T) {
	m := read(t, "Received: by mx.example.org\nFrom: Ria <ria@example.org>\nSubject: =?UTF-8?Q?Re:_Caf=C3=A9?= =?UTF-8?Q?_&?=\n\t=?utf-8?b?IGfDonRl?=\n  =?utf-8?b?YXU=?=\n"+
		"Message-ID: <one@example.org>\nIn-Reply-To: <letter.1@river.example> (yours)\nReferences: <a@x>\n <b@x>\n\t<letter.1@river.example>\n"+
		"Date: Tue, 3 Nov 2026 10:00:00 +0100 (CET)\n\npay luc 5\n")
	if m.Subject != "Re: Café & gâteau" {
		t.Errorf("the subject is %q", m.Subject)
	}
	if m.MessageID != "one@example.org" || !slices.Equal(m.InReplyTo, []string{"letter.1@river.example"}) ||
		!slices.Equal(m.References, []string{"a@x", "b@x", "letter.1@river.example"}) {
		t.Errorf("its ids are %q, %q, %q", m.MessageID, m.InReplyTo, m.References)
	}
	if want := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC); !m.Date.Equal(want) {
		t.Errorf("it is of %v, want %v", m.Date, want)
	}
	if m.Text != "pay luc 5" || m.FromSubject || m.Kind != mail.Person || m.Cut {
		t.Errorf("it says %q: %+v", m.Text, m)
	}
}

func TestSubjectsInEncodedWords(t *testing.T) {
	for in, want := range map[string]string{
		"=?utf-8?Q?K=C3?= =?UTF-8?q?=A4se?=":                 "Käse", // cut in the middle of a character
		"=?utf-8?B?S8OkcyBm?=\n =?utf-8?B?w7xyIEx1Yw==?=":    "Käs für Luc",
		"=?utf-8?Q?a?= =?iso-8859-1?Q?=E4?= b =?utf-8?Q?c?=": "aä b c",
		"=?utf-8?Q?K=E4se?=":                                 "Käse",
		"=?no-such?Q?K=E4se?=":                               "Käse",
		"=?windows-1251?B?5+Dv6+Dy6A==?=":                    "заплати",
		"=?utf-8?Q?broken":                                   "=?utf-8?Q?broken",
		"K\xe4se":                                            "Käse",
		"Käse":                                               "Käse",
		"=?utf-8?Q?one=0D=0ABcc:_x?=":                        "one Bcc: x",
		"=?utf-8?Q?" + strings.Repeat("x", 5000) + "?=":      strings.Repeat("x", 2<<10),
	} {
		if m := read(t, personal+"Subject: "+in+"\n\n"); m.Subject != want {
			t.Errorf("%.60q is read as %.60q, want %.60q", in, m.Subject, want)
		}
	}
}

// A signature covers the lowest of several fields of a name.
func TestOfTwoFieldsTheLowerCounts(t *testing.T) {
	m := read(t, "Subject: pay mallory 500\nIn-Reply-To: <forged@x>\nContent-Type: text/html\n"+personal+
		"Subject: balance\nIn-Reply-To: <true@x>\nMessage-ID: <m@x>\nContent-Type: text/plain\n\na <b> c\n")
	if m.Subject != "balance" || !slices.Equal(m.InReplyTo, []string{"true@x"}) || m.Text != "a <b> c" {
		t.Errorf("what was put on top counts: %q, %q, %q", m.Subject, m.InReplyTo, m.Text)
	}
}

// What a verifier takes for the header must not be taken for the body.
func TestTheHeaderEndsAtTheFirstEmptyLineOnly(t *testing.T) {
	for _, tricky := range []string{"\r\r\n", " \r\n", "\t\n", "\v\r\n", "\x00\r\n", "X-A: b\r\rpay mallory 500\r\n", "no field\r\n"} {
		m := read(t, "From: ria@example.org\r\nX-B: c\r\n"+tricky+"From: mallory@example.org\r\n\r\nHello\r\n")
		if m.From != "" || m.Text != "Hello" {
			t.Errorf("after %q it is of %q and says %q", tricky, m.From, m.Text)
		}
	}
}

func TestTheSubjectIsTheTextWhereThereIsNoOther(t *testing.T) {
	for _, test := range []struct{ what, header, body, want string }{
		{"the body is empty", "Subject: pay luc 5 for eggs\n", "", "pay luc 5 for eggs"},
		{"the body is a signature", "Subject: balance\n", "\n-- \nRia Jansen\n", "balance"},
		{"there is a body", "Subject: hello\n", "balance\n", "balance"},
		{"it answers a mail", "Subject: eggs\nIn-Reply-To: <x@y>\n", "", ""},
		{"it is of a thread", "Subject: eggs\nReferences: <x@y>\n", "", ""},
		{"it is an answer by its subject", "Subject: Re: pay luc 5\n", "", ""},
		{"it is a German answer", "Subject: AW: pay luc 5\n", "", ""},
		{"it is a Dutch answer", "Subject: Antw.: x\nIn-Reply-To: <x@y>\n", "", ""},
		{"it is a numbered answer", "Subject: Re[2]: pay luc 5\n", "", ""},
		{"it was forwarded in French", "Subject: TR : pay luc 5\n", "", ""},
		{"it was forwarded", "Subject: Fwd: pay luc 5\n", "", ""},
		{"it is an Italian answer", "Subject: R: pay luc 5\n", "", ""},
		{"an answer is encoded", "Subject: =?utf-8?Q?R=C3=A9f=3A_pay?=\n", "", ""},
		{"it only begins like an answer", "Subject: Remember: pay luc 5\n", "", "Remember: pay luc 5"},
		{"nothing is said at all", "", "", ""},
		{"it is encrypted", "Subject: pay luc 5\nContent-Type: multipart/encrypted; boundary=x\n", "--x\n\nVersion: 1\n--x--\n", ""},
		{"it is encrypted by S/MIME", "Subject: pay luc 5\nContent-Type: application/pkcs7-mime; name=smime.p7m\n", "MIIB\n", ""},
		{"it is encrypted inside", "Subject: pay luc 5\n", "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n", ""},
	} {
		m := read(t, personal+test.header+"\n"+test.body)
		if m.Text != test.want || m.FromSubject != (test.want != "" && test.want == m.Subject) {
			t.Errorf("where %s, the text is %q (of the subject: %v); want %q", test.what, m.Text, m.FromSubject, test.want)
		}
	}
}

func TestTheIDIsOfWhatASignatureCovers(t *testing.T) {
	const head, body = "From: Ria <ria@example.org>\nDate: Tue, 3 Nov 2026 10:00:00 +0100\nSubject: eggs\n", "pay luc 5\n\nfor  eggs\n"
	base := read(t, head+"\n"+body).ID
	if len(base) != 64 {
		t.Errorf("the id is %q", base)
	}
	for what, text := range map[string]string{
		"it came another way":          "Received: by mx.example.org\nDelivered-To: river@river.example\nX-Spam: no\n" + head + "\n" + body,
		"its lines end in CR LF":       strings.ReplaceAll(head+"\n"+body, "\n", "\r\n"),
		"blanks were added to lines":   head + "\npay luc 5 \t\n  \nfor \t eggs   \n",
		"empty lines were added below": head + "\n" + body + "\n\r\n \n",
		"the last line has no end":     head + "\n" + strings.TrimSuffix(body, "\n"),
		"its Date was folded":          strings.Replace(head, "3 Nov", "3\n  Nov", 1) + "\n" + body,
		"a Date was put on top":        "Date: Wed, 4 Nov 2026 10:00:00 +0100\n" + head + "\n" + body,
		"a Message-ID was added":       "Message-ID: <x@y>\n" + head + "\n" + body,
		"its Message-ID is another":    "Message-ID: <z@y>\n" + head + "\n" + body,
		"it comes from an mbox":        "From ria@example.org Tue Nov  3 10:00:00 2026\n" + head + "\n" + body,
	} {
		if got := read(t, text).ID; got != base {
			t.Errorf("where %s, the id is another", what)
		}
	}
	seen := map[string]string{base: "the mail itself"}
	for what, text := range map[string]string{
		"another body":            head + "\npay luc 6\n\nfor eggs\n",
		"a line less":             head + "\npay luc 5\nfor eggs\n",
		"words joined":            head + "\npay luc5\n\nfor eggs\n",
		"another sender":          strings.Replace(head, "ria@", "luc@", 1) + "\n" + body,
		"another Date":            strings.Replace(head, "10:00:00", "10:00:01", 1) + "\n" + body,
		"another Subject":         strings.Replace(head, "eggs", "milk", 1) + "\n" + body,
		"no Date":                 "From: ria@example.org\nMessage-ID: <one@x>\n\n" + body,
		"no Date, another id":     "From: ria@example.org\nMessage-ID: <two@x>\n\n" + body,
		"a subject as text":       head + "\n",
		"another subject as text": strings.Replace(head, "eggs", "milk", 1) + "\n",
	} {
		id := read(t, text).ID
		if other := seen[id]; other != "" {
			t.Errorf("%s and %s have the same id", what, other)
		}
		seen[id] = what
	}
}

func TestNobodyHidesBelowALongHeader(t *testing.T) {
	for _, filler := range []string{strings.Repeat("X-A: b\n", 1000), "X-A: " + strings.Repeat("b", 300<<10) + "\n"} {
		m := read(t, "From: luc@example.org\nSubject: x\n"+filler+"From: mallory@example.org\n\nHello\n")
		if m.From != "" || !m.Cut || m.Text != "Hello" {
			t.Errorf("it is taken for a mail of %q, cut: %v, that says %q", m.From, m.Cut, m.Text)
		}
	}
}

func TestWhatIsNoMail(t *testing.T) {
	for _, text := range []string{"", "\n", "\n\nFrom: ria@example.org\n", "Hello there\n", "a: b\nc: d\n\nFrom: ria@example.org\n", "\x00\x01\x02\xff", strings.Repeat("x", 1<<20)} {
		if m, err := mail.Read(strings.NewReader(text), mail.Envelope{}, nil); !errors.Is(err, mail.ErrUnreadable) || m != nil {
			t.Errorf("%.40q is read as a mail: %v", text, err)
		}
	}
	broken := io.MultiReader(strings.NewReader("From: ria@example.org\n\npay luc"), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := mail.Read(broken, mail.Envelope{}, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a mail whose rest did not come is read: %v", err)
	}
}

func TestMailsInOldOrBrokenFiles(t *testing.T) {
	for what, text := range map[string]string{
		"with LF":                      "From: ria@example.org\nSubject: x\n\npay luc 5\n",
		"with CR LF":                   "From: ria@example.org\r\nSubject: x\r\n\r\npay luc 5\r\n",
		"with CR":                      "From: ria@example.org\rSubject: x\r\rpay luc 5\r",
		"with both":                    "From: ria@example.org\r\nSubject: x\n\r\npay luc 5\n",
		"out of an mbox":               "From ria@example.org Tue Nov  3 10:00:00 2026\nFrom: ria@example.org\nSubject: x\n\npay luc 5\n",
		"with a byte order mark":       "\ufeffFrom: ria@example.org\nSubject: x\n\npay luc 5\n",
		"with lines that are no field": "From: ria@example.org\nWho knows\n: nothing\nSubject: x\n\npay luc 5\n",
		"that begins with a blank":     " continued\nFrom: ria@example.org\nSubject: x\n\npay luc 5\n",
	} {
		if m := read(t, text); m.From != "ria@example.org" || m.Text != "pay luc 5" || m.Subject != "x" {
			t.Errorf("a mail %s is of %q, about %q, and says %q", what, m.From, m.Subject, m.Text)
		}
	}
	if m := read(t, "From: ria@example.org\nSubject: balance"); m.Text != "balance" || m.From != "ria@example.org" {
		t.Errorf("a header alone says %q", m.Text)
	}
}

func TestDates(t *testing.T) {
	want := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	for _, date := range []string{"Tue, 3 Nov 2026 10:00:00 +0100", "3 Nov 2026 10:00 +0100", "Tue, 03 Nov 2026 09:00:00 GMT", "Tue,  3 Nov 2026\n 10:00:00 +0100 (CET)", "Tue Nov  3 09:00:00 2026", "2026-11-03T09:00:00Z", "Tue, 3 Nov 2026 09:00:00"} {
		if m := read(t, "From: ria@example.org\nDate: "+date+"\n\nx\n"); !m.Date.Equal(want) {
			t.Errorf("%q is read as %v", date, m.Date)
		}
	}
	for _, date := range []string{"", "yesterday", "Tue, 99 Nov 2026 10:00:00 +0100", strings.Repeat("1", 9000)} {
		if m := read(t, "From: ria@example.org\nDate: "+date+"\n\nx\n"); !m.Date.IsZero() {
			t.Errorf("%.40q is read as %v", date, m.Date)
		}
	}
}

// Luc has put his name and more below what he writes, without any mark.
func TestASignatureWithoutAMarkIsCutAtTheName(t *testing.T) {
	const head = "From: Luc Martin <luc@example.org>\nTo: river@lets.example\nSubject: Re: eggs\nDate: Tue, 3 Nov 2026 10:00:00 +0100\n\n"
	for text, want := range map[string]string{
		"YES\n\nLuc Martin\nRetired potter\n":                                                "YES",
		"Yes\nLuc Martin\n12 rue de la Gare\n1000 Bruxelles\n":                               "Yes",
		"offer potatoes, 3 a kilo\n\n- LUC MARTIN -\nRetired potter\nMember of River LETS\n": "offer potatoes, 3 a kilo",
		"Yes\n\nLuc Martin\n":                           "Yes\n\nLuc Martin", // harmless, and understood
		"Luc Martin\npay maria 5\n":                     "Luc Martin\npay maria 5",
		"pay maria 5\n\nLuc\n":                          "pay maria 5\n\nLuc",
		"tell Luc Martin hello\nand goodbye\n":          "tell Luc Martin hello\nand goodbye",
		"one\nLuc Martin\n2\n3\n4\n5\n6\n7\n8\n9\n10\n": "one\nLuc Martin\n2\n3\n4\n5\n6\n7\n8\n9\n10",
	} {
		if m := read(t, head+text); m.Text != want {
			t.Errorf("%q is read as %q, want %q", text, m.Text, want)
		}
	}
}
