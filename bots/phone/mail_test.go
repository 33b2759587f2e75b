package phone

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/bots/bottest"
	"crier/conversation"
)

// PostOffice is a Mail whose mails are a subject, an empty line and a text, to
// which answers add what they answer.
type PostOffice struct {
	Handler conversation.Handler

	mu    sync.Mutex
	Heard []string // sources
}

const below = "\n\nYou wrote:\n> "

// Letter has the first line of the text as its subject.
func (p *PostOffice) Letter(out conversation.Outbound) (Letter, error) {
	subject, _, _ := strings.Cut(out.Text, "\n")
	l := Letter{From: "Riverbank", Address: "river@crier.example", Subject: "About " + subject, Text: out.Text, Quote: out.Thread}
	l.Source = "Subject: " + l.Subject + "\r\n\r\n" + out.Text
	return l, nil
}

// Write quotes the whole of what is answered.
func (p *PostOffice) Write(d Draft) (Letter, error) {
	l := Letter{From: d.Screen.Name, Address: d.Screen.Address, Subject: "New"}
	text := d.Text
	if d.Answers != "" {
		l.Subject = "Re: " + strings.TrimPrefix(strings.Split(d.Answers, "\r\n")[0], "Subject: ")
		text += below + d.Answers
	}
	l.Source = fmt.Sprintf("Subject: %s\r\nDate: %d\r\nMessage-ID: %s\r\n\r\n%s", l.Subject, d.At.UnixNano(), d.ID, text)
	return l, nil
}

// Hear hands over what stands above the quote.
func (p *PostOffice) Hear(ctx context.Context, from, source string) error {
	p.mu.Lock()
	p.Heard = append(p.Heard, source)
	p.mu.Unlock()
	head, text, _ := strings.Cut(source, "\r\n\r\n")
	text, _, _ = strings.Cut(text, below)
	_, id, _ := strings.Cut(head, "Message-ID: ")
	return p.Handler.Handle(ctx, conversation.Inbound{Channel: "email", ID: id, From: from, Text: text, At: time.Now(), Trust: conversation.Proven})
}

var lucsMailbox = Screen{Name: "Luc", Channel: "email", Address: "luc@riverbank.example"}

// TestMailbox holds a mailbox of real mails to what every channel promises.
func TestMailbox(t *testing.T) {
	bottest.Run(t, bottest.Harness{
		Start: func(t *testing.T, h conversation.Handler) bottest.Wire {
			return startWire(t, lucsMailbox, Config{Mail: &PostOffice{Handler: h}}, h)
		},
	})
}

// taken collects what a handler gets, and refuses the first of it.
type taken struct {
	texts   []string
	refuses int
}

func (k *taken) Handle(_ context.Context, in conversation.Inbound) error {
	if k.refuses > 0 {
		k.refuses--
		return context.DeadlineExceeded
	}
	k.texts = append(k.texts, in.Text)
	return nil
}

// mailboxOf is a page with a mailbox in which a letter lies.
func mailboxOf(t *testing.T, h conversation.Handler) (s *Server, office *PostOffice, letter string) {
	t.Helper()
	office = &PostOffice{Handler: h}
	s = New(Config{Screens: []Screen{lucsMailbox}, Mail: office}, nil)
	letter, err := s.Channel("email").Send(t.Context(), conversation.Outbound{ID: 7, Channel: "email", Address: lucsMailbox.Address, Text: "Pay Maria 3?", Thread: "pay maria 3"})
	if err != nil {
		t.Fatal(err)
	}
	return s, office, letter
}

func onScreen(s *Server) []message {
	all, _, _ := s.history.since([]string{lucsMailbox.key()}, 0)
	return all
}

func TestALetterIsShownAsAMail(t *testing.T) {
	s, _, _ := mailboxOf(t, &taken{})
	got := onScreen(s)
	want := Letter{From: "Riverbank", Address: "river@crier.example", Subject: "About Pay Maria 3?", Text: "Pay Maria 3?", Quote: "pay maria 3", Source: "Subject: About Pay Maria 3?\r\n\r\nPay Maria 3?"}
	if len(got) != 1 || got[0].Text != want.Text || got[0].Mail == nil || *got[0].Mail != want {
		t.Errorf("the mailbox shows %+v", got)
	}
}

func TestAnAnswerQuotesTheLetterAndIsShownAsTyped(t *testing.T) {
	k := &taken{}
	s, office, letter := mailboxOf(t, k)
	if status := post(s, said{Screen: lucsMailbox.key(), ID: "0123456789abcdef", Text: "yes", Answers: letter}); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	if !slices.Equal(k.texts, []string{"yes"}) {
		t.Errorf("the handler got %q", k.texts)
	}
	if len(office.Heard) != 1 || !strings.Contains(office.Heard[0], "\n> Subject: About Pay Maria 3?") {
		t.Errorf("the mail is %q", office.Heard)
	}
	all := onScreen(s)
	if mine := all[len(all)-1]; mine.Text != "yes" || mine.Mail == nil || mine.Mail.Subject != "Re: About Pay Maria 3?" || mine.Mail.Source != office.Heard[0] {
		t.Errorf("the mailbox shows %+v", mine)
	}
}

func TestOnlyALetterCanBeAnswered(t *testing.T) {
	s, office, _ := mailboxOf(t, &taken{})
	for i, answers := range []string{"", "out-unknown", "in-message-number-0000"} { // the last is their own
		if status := post(s, said{Screen: lucsMailbox.key(), ID: fmt.Sprintf("message-number-%04d", i), Text: "balance", Answers: answers}); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
	}
	for _, source := range office.Heard {
		if !strings.HasPrefix(source, "Subject: New\r\n") || strings.Contains(source, below) {
			t.Errorf("it became %q", source)
		}
	}
}

func TestWhatIsSentAgainIsTheSameMail(t *testing.T) {
	k := &taken{refuses: 2}
	s, office, letter := mailboxOf(t, k)
	body := said{Screen: lucsMailbox.key(), ID: "0123456789abcdef", Text: "yes", Answers: letter}
	for try, want := range []int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK, http.StatusOK} {
		if try == 1 {
			body.Answers = "" // another letter was opened meanwhile
		}
		if status := post(s, body); status != want {
			t.Fatalf("try %d: status %d", try, status)
		}
	}
	if len(office.Heard) != 3 || office.Heard[0] != office.Heard[1] || office.Heard[1] != office.Heard[2] {
		t.Errorf("the mails were %q", office.Heard)
	}
	if all := onScreen(s); len(all) != 2 || all[1].State != sent {
		t.Errorf("the mailbox shows %+v", all)
	}
	body.Text = "no"
	if status := post(s, body); status != http.StatusConflict {
		t.Errorf("another text under the same id: status %d", status)
	}
}

func TestMailsCountInTheHistory(t *testing.T) {
	s, _, _ := mailboxOf(t, &taken{})
	long := strings.Repeat("x", screenBytesMax*2/5)
	for id := range int64(4) { // each is there twice: as a text and in its source
		if _, err := s.Channel("email").Send(t.Context(), conversation.Outbound{ID: 100 + id, Channel: "email", Address: lucsMailbox.Address, Text: long}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(onScreen(s)); n != 1 {
		t.Errorf("%d long mails are kept", n)
	}
}

func TestOtherScreensKnowNoMail(t *testing.T) {
	k := &taken{}
	maria := Screen{Name: "Maria", Channel: "sms", Address: "+32470000012"}
	s := New(Config{Screens: []Screen{maria}, Mail: &PostOffice{}}, k)
	if status := post(s, said{Screen: maria.key(), ID: "0123456789abcdef", Text: "yes", Answers: "out-7"}); status != http.StatusOK || len(k.texts) != 1 {
		t.Errorf("status %d, the handler got %q", status, k.texts)
	}
	if all, _, _ := s.history.since([]string{maria.key()}, 0); len(all) != 1 || all[0].Mail != nil {
		t.Errorf("the phone shows %+v", all)
	}
}
