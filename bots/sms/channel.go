package sms

import (
	"context"
	"fmt"
	"strings"

	"crier/conversation"
)

// Lines is the channel, made of all lines.
type Lines []*Line

// Name is the channel's name.
func (Lines) Name() string { return Channel }

// Send sends by the line that the message answers, else by the community's
// own, else by one that serves all communities.
func (ls Lines) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	l := ls.of(out)
	if l == nil {
		return "", fmt.Errorf("no SMS gateway serves community %s", out.Community)
	}
	return l.submit(ctx, out)
}

// Line says by which line a message would go.
func (ls Lines) Line(out conversation.Outbound) conversation.Line {
	l := ls.of(out)
	if l == nil {
		return conversation.Line{Rings: true}
	}
	return conversation.Line{Name: l.Name, PerSecond: l.PerSecond, Rings: true}
}

// Cost is what a message costs on its line.
func (ls Lines) Cost(out conversation.Outbound) conversation.Cost {
	n, _ := segments(Plain(out.Text, out.Locale))
	c := conversation.Cost{Segments: n}
	if l := ls.of(out); l != nil {
		c.Micros, c.Currency = int64(n)*l.Price.Micros, l.Price.Currency
	}
	return c
}

// Reserved are the words that nobody of a community is to be taught, since a
// gateway that serves it takes them for itself.
func (ls Lines) Reserved(community string) []string {
	if l := ls.of(conversation.Outbound{Community: community}); l != nil {
		return l.Kind.Reserved
	}
	return nil
}

func (ls Lines) of(out conversation.Outbound) *Line {
	var own, common *Line
	for _, l := range ls {
		if out.ReplyTo != "" && strings.HasPrefix(out.ReplyTo, l.Name+":") {
			return l
		}
		switch {
		case l.Community == out.Community && l.Community != "" && own == nil:
			own = l
		case l.Community == "" && common == nil:
			common = l
		}
	}
	if own == nil {
		return common
	}
	return own
}
