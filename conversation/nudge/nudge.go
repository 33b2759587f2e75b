// Package nudge reminds members of what they may have forgotten, and brings
// those together who could help each other: rarely, kindly, and never again for
// whoever says so.
//
//   - Somebody who does not answer an invitation is asked again after a week and
//     after three. Then the coordinators hear of it.
//   - Somebody whose balance is near its limit, or far above, hears what they
//     could do or have for it.
//   - When an ad is new, a few members hear of it who offer what it wants, or
//     want what it offers.
package nudge

import (
	"context"
	"embed"
	"io/fs"
	"sync"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Prepare brings the tables up to date. Those of the ledger are to be so already.
func Prepare(ctx context.Context, db ledger.DB) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return ledger.Migrate(ctx, db, "nudge", steps)
}

// Nudges is what an engine does of it by itself. It keeps what it has found out
// about ads between two ticks, and may be lost.
type Nudges struct {
	mu    sync.Mutex
	known map[ledger.CommunityID]*known
}

// New makes the Nudges of an engine: their Tick is to be what it does by itself.
func New() *Nudges { return &Nudges{known: map[ledger.CommunityID]*known{}} }

// Tick does what is due in a community by one step. It is a conversation.Chore.
func (n *Nudges) Tick(ctx context.Context, t *conversation.Turn) (all bool, err error) {
	p, err := progressOf(ctx, t)
	if err != nil {
		return false, err
	}
	if all, err := n.match(ctx, t, &p); err != nil || !all {
		return false, err
	}
	return look(ctx, t, &p)
}

// looksFrom is the hour of the day, in the community's time zone, from which on
// its members are looked at.
const looksFrom = 10

// look goes through the members once a day, some at a time.
func look(ctx context.Context, t *conversation.Turn, p *progress) (all bool, err error) {
	local := t.Now().In(t.Zone())
	today := dayOf(local)
	switch {
	case p.day < today && local.Hour() >= looksFrom:
		p.day, p.cursor = today, 0
		if err := recall(ctx, t); err != nil {
			return false, err
		}
	case p.cursor < 0:
		return true, nil
	}
	if err := balances(ctx, t, p); err != nil {
		return false, err
	}
	return p.cursor < 0, p.save(ctx, t.Book)
}

// dayOf is a day as 20260505.
func dayOf(at time.Time) int64 {
	return int64(at.Year()*10_000 + int(at.Month())*100 + at.Day())
}

const off = "off"

// Commands are what turns all of it off, and on again.
func Commands() []conversation.Command {
	return []conversation.Command{{
		Name: "tips", Intents: []understand.Intent{understand.Tips}, Aside: true,
		Shared: func(m understand.Meaning) bool { return m.What == off },
		Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
			if t.In.Trust < conversation.Proven {
				return &conversation.Refusal{Key: "refuse.untrusted"}
			}
			quiet := t.Meaning.What == off
			if err := setQuiet(ctx, t.Book, t.Member.ID, quiet); err != nil {
				return err
			}
			if quiet {
				t.Say("nudge.off", nil)
			} else {
				t.Say("nudge.on", nil)
			}
			return nil
		},
	}}
}
