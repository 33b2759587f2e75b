package mail_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/mail"
)

// expectedFields are the header fields that a letter has, and no other.
func expectedFields(out conversation.Outbound, threaded bool) []string {
	names := []string{"From", "To", "Reply-To", "Subject", "Date", "Message-Id"}
	if threaded {
		names = append(names, "In-Reply-To", "References")
	} else if out.Question != 0 && out.ReplyTo == "" {
		names = append(names, "References")
	}
	names = append(names, "Auto-Submitted", "X-Auto-Response-Suppress")
	if out.Priority == conversation.Bulk {
		names = append(names, "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence")
	}
	return append(names, "Content-Language", "Mime-Version", "Content-Type")
}

// checkHostile fails where a letter has anything that was not asked for.
func checkHostile(t *testing.T, out conversation.Outbound, threaded bool) {
	h := letterhead()
	l, err := h.Letter(out)
	if err != nil {
		var refused *conversation.SendError
		if !errors.As(err, &refused) || !refused.Final {
			t.Fatalf("%v", err)
		}
		return
	}
	o := openLetter(t, l.Data)
	want := expectedFields(out, threaded)
	if !slices.Contains(o.names, "Content-Language") {
		want = slices.DeleteFunc(want, func(name string) bool { return name == "Content-Language" })
	}
	if !slices.Equal(o.names, want) {
		t.Fatalf("the fields are\n%v, want\n%v\n%s", o.names, want, l.Data)
	}
	for _, name := range []string{"From", "To"} {
		list, err := o.header.AddressList(name)
		if err != nil || len(list) != 1 || name == "From" && list[0].Address != h.Address || name == "To" && list[0].Address != out.Address {
			t.Fatalf("%s is %v, %v", name, list, err)
		}
	}
	shown, links := readHTML(t, o.html)
	if wordsOf(o.plain) != wordsOf(shown) {
		t.Fatalf("the text says\n%q\nand the HTML\n%q", wordsOf(o.plain), wordsOf(shown))
	}
	for _, l := range links {
		if !strings.HasPrefix(l.to, "mailto:river+c.") {
			t.Fatalf("there is a link to %q", l.to)
		}
	}
	for _, text := range []string{o.plain, shown, o.header.Get("Subject"), o.header.Get("From")} {
		if strings.ContainsAny(text, "\x00\x07\x1b\u202e\u2066\u0085") {
			t.Fatalf("a control character is left in %q", text)
		}
	}
}

func TestHostileFieldsAddNothing(t *testing.T) {
	for _, evil := range []string{
		"x\r\nBcc: victim@example.net\r\n\r\nbody", "x\nBcc: v@example.net", "x\rBcc: v@example.net", "\r\n\r\n<script>alert(1)</script>",
		"\x00\x07\x1b[31m", "\u202egnp.exe", "\u2066x\u2069\u0085y\u2028z", `"><img src=http://evil.example/x>`, `a" <evil@example.net>, "b`, "=?utf-8?q?=0D=0ABcc:_v@example.net?=",
		"\xff\xfe", strings.Repeat("x", 5000), strings.Repeat("é ", 3000), "--=_c.\r\n--=_c.", "\\", "\x9c\\", "é(\\)", "(comment", "</title></p></body>", "&#x202e;", ".\r\n.", "From me\nFrom you", "> > x", "-- \nx",
		strings.Repeat(" ", 100_000) + "\n" + strings.Repeat(" \n", 50_000) + "x",
	} {
		for field, change := range map[string]func(*conversation.Outbound){
			"sender":    func(out *conversation.Outbound) { out.Sender = evil },
			"text":      func(out *conversation.Outbound) { out.Text = evil },
			"locale":    func(out *conversation.Outbound) { out.Locale = evil },
			"community": func(out *conversation.Outbound) { out.Community, out.Priority = evil, conversation.Bulk },
			"address":   func(out *conversation.Outbound) { out.Address = evil + "@example.net" },
			"domain":    func(out *conversation.Outbound) { out.Address = "maria@" + evil },
			"label":     func(out *conversation.Outbound) { out.Choices[0].Label = evil },
			"reply":     func(out *conversation.Outbound) { out.Choices[1].Reply = evil },
			"subject": func(out *conversation.Outbound) {
				out.Thread = mail.Thread{Subject: evil, MessageID: "x@y", References: []string{evil, evil + "@y"}, Quote: evil}.Encode()
			},
			"references": func(out *conversation.Outbound) {
				out.Thread = mail.Thread{MessageID: "x@y", References: []string{"a@b", evil, "<" + evil + "@x>", evil + "@x"}}.Encode()
			},
			"raw thread": func(out *conversation.Outbound) {
				out.Thread = fmt.Sprintf(`{"subject":%q,"id":"two@client.example","quote":"x"}`, "\r\nBcc: v@example.net")
			},
		} {
			t.Run(field, func(t *testing.T) {
				start := time.Now()
				out := yesOrNo()
				change(&out)
				checkHostile(t, out, true)
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("%v for %.20q", d, evil)
				}
			})
		}
	}
	out := yesOrNo()
	out.Thread = `{"id":"x\r\nBcc: v@example.net"}`
	checkHostile(t, out, false)
	out.Thread = strings.Repeat("[", 5000)
	checkHostile(t, out, false)
}

func FuzzLetter(f *testing.F) {
	f.Add("Riverbank LETS", "Pay Luc 5? Reply YES.", "en", "river", "maria@example.net", "Yes", "YES", "Re: eggs", "a@b", "pay luc 5", int64(7), 10)
	f.Add("x\r\nBcc: v@x", "\r\n.\r\n", "\u202e", "a\nb", "a@b\r\nc", "<b>", "\x00", "=?utf-8?q?=0A?=", "a b@c", "> -- ", int64(-1), 30)
	f.Fuzz(func(t *testing.T, sender, text, locale, community, address, label, reply, subject, id, quote string, question int64, priority int) {
		out := conversation.Outbound{
			ID: letterID, Sender: sender, Text: text, Locale: locale, Community: community, Address: address, Question: question,
			Choices: []conversation.Choice{{Label: label, Reply: reply}}, Priority: conversation.Priority(priority),
			Thread: mail.Thread{Subject: subject, MessageID: "x@y", References: []string{id, id + "@z", "a@b"}, Quote: quote}.Encode(), ReplyTo: "r",
		}
		checkHostile(t, out, true)
		out.Address, out.Thread, out.ReplyTo = "maria@example.net", "", ""
		checkHostile(t, out, false)
		thread := fmt.Sprintf(`{"id":%q,"subject":%q}`, id, subject) // of whatever wrote it
		out.Thread = thread
		l, err := letterhead().Letter(out)
		if err == nil {
			openLetter(t, l.Data)
		}
	})
}
