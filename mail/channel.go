package mail

import (
	"context"
	"fmt"

	"crier/conversation"
)

// Outlet is one mailbox's way out.
type Outlet struct {
	*Letterhead
	Community string // slug of the community that writes from it; "": any

	// Transport hands letters to a mail server. Its errors are those of
	// conversation.Channel.
	Transport interface {
		Send(ctx context.Context, letter Letter) error
	}
}

// Post is the channel "email": everything goes out by the mailbox of its
// community, or else by the one that all share.
type Post []*Outlet

// Name is the channel's name.
func (p Post) Name() string { return Channel }

// Line is the mailbox that a letter would go by: the trouble of one server is
// not the others'.
func (p Post) Line(out conversation.Outbound) conversation.Line {
	if o := p.outlet(out.Community); o != nil {
		return conversation.Line{Name: o.Address}
	}
	return conversation.Line{}
}

// Send writes a letter and hands it to the mail server. It returns the letter's
// Message-ID, which is the same at every try: a mail program shows it once.
func (p Post) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	outlet := p.outlet(out.Community)
	if outlet == nil {
		return "", fmt.Errorf("no mailbox writes for community %s", out.Community)
	}
	letter, err := outlet.Letter(out)
	if err != nil {
		return "", err
	}
	if err := outlet.Transport.Send(ctx, letter); err != nil {
		return "", err
	}
	return letter.MessageID, nil
}

func (p Post) outlet(community string) *Outlet {
	var common *Outlet
	for _, o := range p {
		switch o.Community {
		case community:
			return o
		case "":
			common = o
		}
	}
	if common == nil && community == "" && len(p) > 0 { // the host has to write from somewhere
		return p[0]
	}
	return common
}
