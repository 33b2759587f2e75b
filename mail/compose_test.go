package mail_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"golang.org/x/net/html"

	"crier/conversation"
	"crier/ledger"
	"crier/mail"
)

var updateLetters = flag.Bool("update-letters", false, "write the letters in testdata/letters")

var (
	letterNow  = time.Date(2026, 3, 4, 9, 30, 15, 0, time.UTC)
	letterID   = letterNow.Add(-time.Minute).Sub(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds()<<12 | 77
	letterSeal = mail.NewSeal(bytes.Repeat([]byte{7}, 32))
)

func letterhead() *mail.Letterhead {
	return &mail.Letterhead{
		Address: "river@example.org", Detail: "+", Seal: letterSeal,
		Unsubscribe: "https://crier.example/mail/unsubscribe/",
		Now:         func() time.Time { return letterNow },
	}
}

// yesOrNo is an answer that asks back.
func yesOrNo() conversation.Outbound {
	return conversation.Outbound{
		ID: letterID, Community: "river", Channel: mail.Channel, Address: "maria@example.net", Locale: "en",
		Text:    "Pay Luc Martin 5 acorns for \"eggs & ham\"? Reply YES or NO.",
		Choices: []conversation.Choice{{Label: "Yes, pay", Reply: "YES"}, {Label: "No", Reply: "NO"}}, Question: 4711,
		ReplyTo: "some-id", Sender: "Riverbank LETS", Priority: conversation.Replies, Attempt: 1,
		Thread: mail.Thread{
			Subject: "RE: Re: eggs", MessageID: "two@client.example", References: []string{"one@client.example"},
			Quote: "pay luc 5 for eggs & ham\n\nthank you",
		}.Encode(),
	}
}

func writeLetter(t testing.TB, h *mail.Letterhead, out conversation.Outbound) mail.Letter {
	t.Helper()
	l, err := h.Letter(out)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// opened is a letter as two libraries read it.
type opened struct {
	names       []string // of its header fields, in their order
	header      netmail.Header
	plain, html string
}

func openLetter(t testing.TB, data []byte) opened {
	t.Helper()
	for line := range bytes.SplitSeq(data, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("a line that no mail server takes: %q", line)
		}
	}
	fields, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	var o opened
	for f := fields.Fields(); f.Next(); {
		o.names = append(o.names, f.Key())
	}
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	o.header = m.Header
	e, err := message.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	parts := e.MultipartReader()
	for _, part := range []struct {
		kind string
		text *string
	}{{"text/plain", &o.plain}, {"text/html", &o.html}} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if kind, params, err := p.Header.ContentType(); err != nil || kind != part.kind || params["charset"] != "utf-8" {
			t.Fatalf("a part is %s %v, want %s", kind, params, part.kind)
		}
		text, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		*part.text = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	if p, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Fatalf("there is a third part: %v, %v", p, err)
	}
	return o
}

// link is one that a reader can press.
type link struct{ label, to string }

// readHTML returns what a mail program shows of HTML, and its links. It fails
// where there is anything but text in it.
func readHTML(t testing.TB, page string) (text string, links []link) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if p := n.Parent.Data; p == "a" {
				links[len(links)-1].label = n.Data
			} else if p != "title" {
				b.WriteString(n.Data)
			}
		case html.ElementNode:
			switch n.Data {
			case "html", "head", "body", "meta", "title", "p", "br", "a", "blockquote":
			default:
				t.Errorf("there is a <%s> in the letter", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "href":
					links = append(links, link{to: a.Val})
				case !slices.Contains([]string{"lang", "charset", "name", "content", "style", "type"}, a.Key):
					t.Errorf("there is a %s=%q in the letter", a.Key, a.Val)
				}
			}
		case html.CommentNode:
			t.Errorf("there is a comment in the letter: %q", n.Data)
		}
	}
	return b.String(), links
}

// words are those of a text, however it is set and quoted.
func wordsOf(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, ">", " ")), " ")
}

// letterCases are letters of every kind, as changes of yesOrNo.
func letterCases() map[string]func(*mail.Letterhead, *conversation.Outbound) {
	return map[string]func(*mail.Letterhead, *conversation.Outbound){
		"answer": func(*mail.Letterhead, *conversation.Outbound) {},
		"reminder": func(_ *mail.Letterhead, out *conversation.Outbound) {
			out.ReplyTo, out.Thread, out.Priority = "", "", conversation.Notices
			out.Text = "Still open: Luc Martin asks you for 5 acorns for \"eggs\". Reply YES to pay or NO to refuse."
		},
		"bulk": func(_ *mail.Letterhead, out *conversation.Outbound) {
			out.ReplyTo, out.Thread, out.Question, out.Choices, out.Priority = "", "", 0, nil, conversation.Bulk
			out.Text = "The market is on Saturday from 10 to 12.\nBring your own bags.\n\nThe coordinators"
		},
		"french": func(_ *mail.Letterhead, out *conversation.Outbound) {
			out.Locale, out.Sender, out.Address = "fr", "Sel de l'Étang, Liège", "h+elene@example.net"
			out.Text = "Payer 5 glands à Jérôme Lefèvre pour «\u202fun panier de légumes du jardin, avec des œufs et du pain\u202f»\u202f? Répondez OUI ou NON."
			out.Choices = []conversation.Choice{{Label: "Oui", Reply: "OUI"}, {Label: "Non, c'est une erreur", Reply: "NON"}}
			out.Thread = mail.Thread{Subject: "Réf : un panier de légumes et des œufs pour la fête de l'école", MessageID: "x@example.net", Quote: "payer jérôme 5"}.Encode()
		},
		"plain mailbox": func(h *mail.Letterhead, out *conversation.Outbound) {
			h.Detail, out.Sender = "", ""
			out.Text = "Done, receipt EV5X: you gave Luc Martin 5 acorns (eggs). You now have 18. A mistake? Reply WRONG."
			out.Choices, out.Question = nil, 0
			out.Thread = mail.Thread{MessageID: "x@example.net"}.Encode()
		},
	}
}

func TestLettersLookLikeThis(t *testing.T) {
	for name, change := range letterCases() {
		t.Run(name, func(t *testing.T) {
			h, out := letterhead(), yesOrNo()
			change(h, &out)
			l := writeLetter(t, h, out)
			got := fmt.Sprintf("(from <%s>)\n(to <%s>)\n%s", l.From, l.To, strings.ReplaceAll(string(l.Data), "\r\n", "\n"))
			file := filepath.Join("testdata", "letters", strings.ReplaceAll(name, " ", "-")+".eml")
			if *updateLetters {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the letter is another than in %s (-update-letters writes it):\n%s", file, got)
			}
			for line := range strings.SplitSeq(got, "\n") {
				if len(line) > 78 && len(strings.Fields(line)) > 2 {
					t.Errorf("a line is longer than 78: %q", line)
				}
			}
		})
	}
}

func TestBothPartsSayTheSame(t *testing.T) {
	for name, change := range letterCases() {
		t.Run(name, func(t *testing.T) {
			h, out := letterhead(), yesOrNo()
			change(h, &out)
			o := openLetter(t, writeLetter(t, h, out).Data)
			shown, _ := readHTML(t, o.html)
			if wordsOf(o.plain) != wordsOf(shown) {
				t.Errorf("the text says\n%s\nand the HTML\n%s", o.plain, shown)
			}
			if !strings.HasPrefix(o.plain, out.Text+"\n") {
				t.Errorf("the letter does not begin with what is to be said: %q", o.plain)
			}
		})
	}
}

func TestChoicesAreLinksThatWriteTheAnswer(t *testing.T) {
	out := yesOrNo()
	out.Choices = append(out.Choices, conversation.Choice{Label: "<b>both</b>", Reply: `1 & "2"?+é%`})
	_, links := readHTML(t, openLetter(t, writeLetter(t, letterhead(), out).Data).html)
	if len(links) != 3 {
		t.Fatalf("%d links, want 3", len(links))
	}
	for i, l := range links {
		u, err := url.Parse(l.to)
		if err != nil || u.Scheme != "mailto" {
			t.Fatalf("%q: %v", l.to, err)
		}
		to, err := url.PathUnescape(u.Opaque)
		if err != nil {
			t.Fatal(err)
		}
		token := strings.TrimSuffix(strings.TrimPrefix(to, "river+"), "@example.org")
		if letterSeal.Open(mail.Answering, token) != out.ID {
			t.Errorf("the link writes to %q", to)
		}
		if strings.Contains(u.RawQuery, "+") { // a mail program takes it for a plus
			t.Errorf("there is a plus for a space in %q", u.RawQuery)
		}
		if q := u.Query(); len(q) != 2 || q.Get("subject") != "Re: eggs" || q.Get("body") != out.Choices[i].Reply || l.label != out.Choices[i].Label {
			t.Errorf("the link %q writes %v", l.label, q)
		}
	}
}

func TestTheEnvelopeAndTheAnswersKnowTheLetter(t *testing.T) {
	out := yesOrNo()
	out.Priority = conversation.Bulk
	l := writeLetter(t, letterhead(), out)
	o := openLetter(t, l.Data)
	open := func(p mail.Purpose, address string) int64 {
		return letterSeal.Open(p, strings.TrimSuffix(strings.TrimPrefix(address, "river+"), "@example.org"))
	}
	if open(mail.Bouncing, l.From) != out.ID {
		t.Errorf("a bounce comes back to %q", l.From)
	}
	replyTo, err := o.header.AddressList("Reply-To")
	if err != nil || len(replyTo) != 1 || open(mail.Answering, replyTo[0].Address) != out.ID || replyTo[0].Name != "Riverbank LETS" {
		t.Errorf("answers go to %v, %v", replyTo, err)
	}
	if id := o.header.Get("Message-Id"); id != "<"+l.MessageID+">" || open(mail.Answering, l.MessageID) != out.ID {
		t.Errorf("Message-ID %s, and %s", id, l.MessageID)
	}
	web, byMail, _ := strings.Cut(o.header.Get("List-Unsubscribe"), ", ")
	if token := strings.TrimSuffix(strings.TrimPrefix(web, "<https://crier.example/mail/unsubscribe/"), ">"); letterSeal.Open(mail.Unsubscribing, token) != out.ID {
		t.Errorf("unsubscribing by web goes to %q", web)
	}
	if open(mail.Unsubscribing, strings.TrimSuffix(strings.TrimPrefix(byMail, "<mailto:"), ">")) != out.ID {
		t.Errorf("unsubscribing by mail goes to %q", byMail)
	}
}

func TestOnlyBulkCanBeUnsubscribedFrom(t *testing.T) {
	for _, c := range []struct {
		priority conversation.Priority
		web      string
		want     []string
	}{
		{conversation.Replies, "https://crier.example/u/", nil},
		{conversation.Notices, "https://crier.example/u/", nil},
		{conversation.Bulk, "https://crier.example/u/", []string{"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"}},
		{conversation.Bulk, "", []string{"List-Unsubscribe", "List-Id", "Precedence"}},
	} {
		h, out := letterhead(), yesOrNo()
		h.Unsubscribe, out.Priority = c.web, c.priority
		var got []string
		for _, name := range openLetter(t, writeLetter(t, h, out).Data).names {
			if strings.HasPrefix(name, "List-") || name == "Precedence" {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("priority %d, %q: %v, want %v", c.priority, c.web, got, c.want)
		}
	}
}

func TestARetryIsTheSameLetter(t *testing.T) {
	h, out := letterhead(), yesOrNo()
	first := writeLetter(t, h, out)
	h.Now = func() time.Time { return letterNow.Add(26 * time.Hour) }
	out.Attempt = 9
	if again := writeLetter(t, h, out); !bytes.Equal(first.Data, again.Data) || again.MessageID != first.MessageID || again.From != first.From {
		t.Errorf("the retry is\n%s\nnot\n%s", again.Data, first.Data)
	}
}

func TestTheDateIsWhenTheMessageWasMade(t *testing.T) {
	h, out := letterhead(), yesOrNo()
	made := letterNow.Add(-5 * time.Hour)
	for id, want := range map[int64]time.Time{
		ledger.NewID(made):                       made,
		3:                                        letterNow, // no time: an id of a test
		ledger.NewID(letterNow.AddDate(2, 0, 0)): letterNow,
	} {
		out.ID = id
		got, err := openLetter(t, writeLetter(t, h, out).Data).header.Date()
		if err != nil || !got.Equal(want.Truncate(time.Second)) {
			t.Errorf("id %d: %v, %v; want %v", id, got, err, want)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, c := range []struct{ thread, text, want string }{
		{"eggs", "Done.", "Re: eggs"},
		{"Re: eggs", "Done.", "Re: eggs"},
		{"AW: RE: Re[2]: eggs", "Done.", "Re: eggs"},
		{"Réf : œufs", "Done.", "Re: œufs"},
		{"Fwd: eggs", "Done.", "Re: Fwd: eggs"},
		{"Re:", "Done. And more.", "Done"},
		{"", "Pay Luc 5.50 acorns for eggs? Reply YES or NO.", "Pay Luc 5.50 acorns for eggs?"},
		{"", "Hello Maria\nhow are you. Fine?", "Hello Maria"},
		{"", strings.Repeat("a basket of eggs, ", 9), "a basket of eggs, a basket of eggs, a basket of eggs, a basket of…"},
		{"", strings.Repeat("é", 100), strings.Repeat("é", 69) + "…"},
		{strings.Repeat("œufs ", 100), "Done.", "Re: " + strings.Repeat("œufs ", 33) + "œ"},
		{"ev\u202eil\r\nBcc: x@example.org =?utf-8?q?x?=", "Done.", "Re: evil Bcc: x@example.org = ?utf-8?q?x?="},
	} {
		out := yesOrNo()
		out.Text = c.text
		out.Thread = mail.Thread{Subject: c.thread, MessageID: "x@example.net"}.Encode()
		header := message.Header{}
		header.Set("Subject", openLetter(t, writeLetter(t, letterhead(), out).Data).header.Get("Subject"))
		if got, err := header.Text("Subject"); err != nil || got != c.want {
			t.Errorf("%q, %q: subject %q, %v; want %q", c.thread, c.text, got, err, c.want)
		}
	}
}

func TestImpossibleAddressesAreRefusedForGood(t *testing.T) {
	h, out := letterhead(), yesOrNo()
	for _, address := range []string{
		"", "maria", "@example.net", "maria@", "maria@example..net", "maria@-x.net", "a b@example.net", "maria@exa mple.net", "maria@example.net>\r\nRCPT TO:<x@y.net",
		"maria@example.net, luc@example.net", "Maria <maria@example.net>", "ma..ria@example.net", ".maria@example.net", "mariá@example.net", "maria@exämple.net",
		`"a b"@example.net`, "maria@[127.0.0.1]", strings.Repeat("m", 65) + "@example.net", "m@" + strings.Repeat("x", 64) + ".net", "m@" + strings.Repeat("x.", 130) + "net",
	} {
		out.Address = address
		_, err := h.Letter(out)
		var refused *conversation.SendError
		if !errors.As(err, &refused) || !refused.Final {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && address != "" && strings.Contains(err.Error(), address) {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
	for _, address := range []string{"o'neil+lets@mail.example.net", "x_y-z{1}@xn--exmple-cua.net", strings.Repeat("m", 64) + "@example.net"} {
		out.Address = address
		if l := writeLetter(t, h, out); l.To != address {
			t.Errorf("%q becomes %q", address, l.To)
		}
	}
	out = yesOrNo()
	out.Text = " \r\n\u202e"
	var refused *conversation.SendError
	if _, err := h.Letter(out); !errors.As(err, &refused) || !refused.Final {
		t.Errorf("an empty text: %v", err)
	}
}

func TestCheckSpeaksToTheOperator(t *testing.T) {
	signer := signerFor(t, "example.org", newTestKey(t))
	for name, c := range map[string]struct {
		change func(*mail.Letterhead)
		want   string // in the error; "": all is well
	}{
		"as it should be":        {func(*mail.Letterhead) {}, ""},
		"without subaddresses":   {func(h *mail.Letterhead) { h.Detail, h.Address = "", strings.Repeat("x", 60)+"@example.org" }, ""},
		"signed by its domain":   {func(h *mail.Letterhead) { h.Signer = signer }, ""},
		"signed by the parent":   {func(h *mail.Letterhead) { h.Signer, h.Address = signer, "river@lets.example.org" }, ""},
		"as long as can be":      {func(h *mail.Letterhead) { h.Address = strings.Repeat("x", 32) + "@example.org" }, ""},
		"too long":               {func(h *mail.Letterhead) { h.Address = strings.Repeat("x", 33) + "@example.org" }, "at most 32 characters"},
		"no address":             {func(h *mail.Letterhead) { h.Address = "river" }, "river@example.org"},
		"another detail":         {func(h *mail.Letterhead) { h.Detail = "." }, "+ or -"},
		"no seal":                {func(h *mail.Letterhead) { h.Seal = nil }, "key"},
		"no clock":               {func(h *mail.Letterhead) { h.Now = nil }, "clock"},
		"unsubscribing by http":  {func(h *mail.Letterhead) { h.Unsubscribe = "http://crier.example/u/" }, "https"},
		"unsubscribing hostile":  {func(h *mail.Letterhead) { h.Unsubscribe = "https://crier.example/>, <x/" }, "https"},
		"unsubscribing no slash": {func(h *mail.Letterhead) { h.Unsubscribe = "https://crier.example/u" }, "https"},
		"signed by another":      {func(h *mail.Letterhead) { h.Signer, h.Address = signer, "river@badexample.org" }, "worth nothing"},
	} {
		h := letterhead()
		c.change(h)
		err := h.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func BenchmarkLetter(b *testing.B) {
	h, out := letterhead(), yesOrNo()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Letter(out); err != nil {
			b.Fatal(err)
		}
	}
}
