package mail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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

	mu     sync.Mutex
	paused time.Time // the server wants nothing before this
	why    error
}

// Post is the channel "email": everything goes out by the mailbox of its
// community, or else by the one that all share.
type Post []*Outlet

// Name is the channel's name.
func (p Post) Name() string { return Channel }

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
	if err := outlet.send(ctx, letter); err != nil {
		return "", err
	}
	return letter.MessageID, nil
}

// send keeps the trouble of one server from being all others': what holds for
// everything that goes by it (a refused login, too much in an hour) comes out as
// the trouble of each letter, and is not tried out with every one of them.
func (o *Outlet) send(ctx context.Context, letter Letter) error {
	now := o.Now()
	o.mu.Lock()
	wait, why := o.paused.Sub(now), o.why
	o.mu.Unlock()
	if wait > 0 {
		return &conversation.SendError{RetryAfter: wait, Err: why}
	}
	err := o.Transport.Send(ctx, letter)
	var refused *conversation.SendError
	if !errors.As(err, &refused) || !refused.Everybody {
		return err
	}
	o.mu.Lock()
	o.paused, o.why = now.Add(refused.RetryAfter), refused.Err
	o.mu.Unlock()
	own := *refused
	own.Everybody = false
	return &own
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
