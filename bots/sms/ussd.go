package sms

import (
	"context"
	"fmt"
	"strings"

	"crier/conversation"
)

// Dial takes a step of a USSD session and returns what is to be shown. An error
// says that nothing was kept; a step that comes again gets the same screen.
func (l *Line) Dial(ctx context.Context, d Dialled) (Screen, error) {
	from, err := Number(d.From, l.Region)
	if err != nil {
		return Screen{}, fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	out, err := l.journey.Reply(ctx, conversation.Inbound{
		Channel: Channel, ID: l.Name + ":ussd:" + d.Session + ":" + d.Step, From: from, Text: d.Text,
		At: l.now(), Trust: conversation.Proven, Community: l.Community, Dialled: true,
	})
	if err != nil {
		return Screen{}, err
	}
	var s Screen
	var texts []string
	for _, o := range out {
		texts = append(texts, Plain(o.Text, o.Locale))
		s.Open = s.Open || o.Question != 0 || o.Desk != 0
	}
	s.Text = strings.Join(texts, "\n")
	return s, nil
}
