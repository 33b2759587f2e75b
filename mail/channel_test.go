package mail_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"crier/conversation"
	"crier/mail"
)

// server is a mail server that says what it is told to say.
type server struct {
	err   error
	taken []mail.Letter
}

func (s *server) Send(_ context.Context, l mail.Letter) error {
	if s.err == nil {
		s.taken = append(s.taken, l)
	}
	return s.err
}

func TestOneMailboxsTroubleIsNotAnothers(t *testing.T) {
	clock := func() time.Time { return receivedAt }
	river, common := &server{}, &server{}
	post := mail.Post{
		{Letterhead: &mail.Letterhead{Address: "river@lets.example", Detail: "+", Seal: seal, Now: clock}, Community: "river", Transport: river},
		{Letterhead: &mail.Letterhead{Address: "crier@lets.example", Detail: "+", Seal: seal, Now: clock}, Transport: common},
	}
	send := func(community string) error {
		_, err := post.Send(t.Context(), conversation.Outbound{ID: 7, Community: community, Channel: "email", Address: "luc@example.org", Text: "hello"})
		return err
	}
	river.err = &conversation.SendError{Everybody: true, RetryAfter: 10 * time.Minute, Err: errors.New("the login is refused")}
	var refused *conversation.SendError
	if err := send("river"); !errors.As(err, &refused) || !refused.Everybody { // who sends then leaves that line alone
		t.Errorf("river: %+v", err)
	}
	line := func(community string) string { return post.Line(conversation.Outbound{Community: community}).Name }
	if line("river") == line("lake") || line("lake") != line("") {
		t.Errorf("the lines are %q, %q and %q", line("river"), line("lake"), line(""))
	}
	for _, community := range []string{"lake", "", "lake"} {
		if err := send(community); err != nil {
			t.Errorf("%q: %v", community, err)
		}
	}
	if len(common.taken) != 3 || common.taken[0].From[:6] != "crier+" {
		t.Errorf("taken by the common mailbox: %+v", common.taken)
	}
	if _, err := post[:1].Send(t.Context(), conversation.Outbound{Community: "lake", Address: "luc@example.org", Text: "x"}); err == nil {
		t.Error("a community without a mailbox writes by another's")
	}
}
