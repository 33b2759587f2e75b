package mail_test

import (
	"fmt"
	"strings"
	"testing"

	"crier/mail"
)

func TestAnAnswerStandsInTheThread(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("r%d@client.example", i)
	}
	for name, c := range map[string]struct {
		mail                  mail.Mail
		inReplyTo, references string
		quote                 string
	}{
		"a first mail": {
			mail.Mail{MessageID: "one@client.example", Subject: "eggs", Text: "pay luc 5"},
			"<one@client.example>", "<one@client.example>", "> pay luc 5",
		},
		"a later one": {
			mail.Mail{MessageID: "three@x.example", References: []string{"one@x.example", "two@x.example"}, InReplyTo: []string{"two@x.example"}, Text: "a\n\nb"},
			"<three@x.example>", "<one@x.example> <two@x.example> <three@x.example>", "> a\n> \n> b",
		},
		"one that says only what it answers": {
			mail.Mail{MessageID: "two@x.example", InReplyTo: []string{"one@x.example"}, Text: "a"},
			"<two@x.example>", "<one@x.example> <two@x.example>", "> a",
		},
		"the end of a long thread": {
			mail.Mail{MessageID: "last@x.example", References: many, Text: "a"},
			"<last@x.example>", "<r0@client.example> <" + strings.Join(many[31:], "> <") + "> <last@x.example>", "> a",
		},
		"one without an id":        {mail.Mail{Subject: "eggs", Text: "a", References: []string{"one@x.example"}}, "", "", "> a"},
		"one that is its subject":  {mail.Mail{Subject: "balance", Text: "balance", FromSubject: true, MessageID: "one@x.example"}, "<one@x.example>", "<one@x.example>", ""},
		"one with a hostile id":    {mail.Mail{MessageID: "a> <b@x.example", References: []string{"a\r\nBcc: x@y"}, Text: "a"}, "", "", "> a"},
		"one with a very long id":  {mail.Mail{MessageID: strings.Repeat("x", 300) + "@x.example", Text: "a"}, "", "", "> a"},
		"one that answers itself":  {mail.Mail{MessageID: "one@x.example", References: []string{"one@x.example"}, Text: "a"}, "<one@x.example>", "<one@x.example>", "> a"},
		"one that is a long line":  {mail.Mail{Text: strings.Repeat("word ", 200)}, "", "", "> " + strings.TrimSpace(strings.Repeat("word ", 99)) + "…"},
		"one that has many lines":  {mail.Mail{Text: strings.Repeat("a line of thirty characters...\n", 50)}, "", "", strings.TrimSpace(strings.Repeat("> a line of thirty characters...\n", 16))},
		"one of nothing but signs": {mail.Mail{Text: strings.Repeat("\x00\u202e", 9000)}, "", "", ""},
	} {
		out := yesOrNo()
		out.Text, out.Thread = "Done.", mail.ThreadOf(&c.mail).Encode()
		o := openLetter(t, writeLetter(t, letterhead(), out).Data)
		if got := o.header.Get("In-Reply-To"); got != c.inReplyTo {
			t.Errorf("%s: In-Reply-To %q, want %q", name, got, c.inReplyTo)
		}
		if got := o.header.Get("References"); got != c.references {
			t.Errorf("%s: References %q, want %q", name, got, c.references)
		}
		want := "Done.\n\n" + c.quote + "\n\n-- \nRiverbank LETS\n"
		if c.quote == "" {
			want = "Done.\n\n-- \nRiverbank LETS\n"
		}
		if o.plain != want {
			t.Errorf("%s: the letter is\n%q, want\n%q", name, o.plain, want)
		}
	}
}

func TestRemindersOfOneMatterStandTogether(t *testing.T) {
	out := yesOrNo()
	out.ReplyTo, out.Thread = "", ""
	first := openLetter(t, writeLetter(t, letterhead(), out).Data).header.Get("References")
	out.ID++
	again := openLetter(t, writeLetter(t, letterhead(), out).Data).header.Get("References")
	if first != "<q.3mv@example.org>" || again != first {
		t.Errorf("References %q, then %q", first, again)
	}
}

func TestAThreadIsNeverLongerThanItMayBe(t *testing.T) {
	for _, sign := range []string{"x", `"`, `\`, "&", "é", "🍓", "\x01", "\u2028", "\xff"} {
		long := mail.Thread{Subject: strings.Repeat(sign, 9999), MessageID: strings.Repeat(sign, 240) + "@x", Quote: strings.Repeat(sign, 9999)}
		for i := range 50 {
			long.References = append(long.References, fmt.Sprint(i, strings.Repeat(sign, 240), "@x"))
		}
		text := long.Encode()
		if len(text) > 4096 {
			t.Errorf("%q: %d bytes", sign, len(text))
		}
		out := yesOrNo()
		out.Thread = text
		o := openLetter(t, writeLetter(t, letterhead(), out).Data)
		if isID := strings.Contains(`x"\&`, sign); (o.header.Get("In-Reply-To") != "") != isID {
			t.Errorf("%q: In-Reply-To %q", sign, o.header.Get("In-Reply-To"))
		}
	}
}
