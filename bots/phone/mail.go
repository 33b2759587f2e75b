package phone

import (
	"context"
	"errors"
	"time"

	"crier/conversation"
)

// Mail makes the mailboxes of the page ones of real mails: it is the mail
// programs of the members and the way between them and Crier.
type Mail interface {
	// Letter makes the mail of what Crier says, and reads it as a mail program
	// does. Its errors are those of conversation.Channel.
	Letter(out conversation.Outbound) (Letter, error)

	// Write makes the mail of what a member has typed. That mail is kept: where
	// it has to be sent again it is the same one.
	Write(draft Draft) (Letter, error)

	// Hear hands a mail that Write made to Crier, with the guarantees of
	// conversation.Handler. from is the address of the screen.
	Hear(ctx context.Context, from, source string) error
}

// Letter is a mail as a mailbox shows it.
type Letter struct {
	From    string `json:"from"`    // what the sender calls themselves, or else the address
	Address string `json:"address"` // the sender's
	Subject string `json:"subject"`
	Text    string `json:"-"` // without Quote and signature
	Quote   string `json:"quote,omitempty"`
	Source  string `json:"source"` // the mail itself: header and body
}

// Draft is what a member writes into their mail program.
type Draft struct {
	ID      string // tells it from every other
	Screen  Screen // of the writer
	Text    string
	At      time.Time
	Answers string // source of the letter that it answers, "": it is a new one
}

// mailbox reports whether the screens of a channel show real mails.
func (s *Server) mailbox(channel string) bool { return channel == "email" && s.cfg.Mail != nil }

// write makes the mail of what was typed on a screen. It answers the letter
// that lay open, if that is still there.
func (s *Server) write(in conversation.Inbound, body said) (Letter, error) {
	draft := Draft{
		ID: in.ID, Text: in.Text, At: in.At,
		Screen: Screen{Name: in.Name, Channel: in.Channel, Address: in.From, Locale: in.Locale},
	}
	if letter, mine := s.history.mail(body.Screen, body.Answers); letter != nil && !mine {
		draft.Answers = letter.Source
	}
	return s.cfg.Mail.Write(draft)
}

// hand gives Crier what was typed: the mail that the history keeps, where it
// became one, since that has to be the same every time.
func (s *Server) hand(ctx context.Context, in conversation.Inbound, screen, key string) error {
	if !s.mailbox(in.Channel) {
		return s.handler.Handle(ctx, in)
	}
	letter, _ := s.history.mail(screen, key)
	if letter == nil {
		return errors.New("the mail is not there any more")
	}
	return s.cfg.Mail.Hear(ctx, in.From, letter.Source)
}
