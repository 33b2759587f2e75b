// Package digest tells everybody what is new in their community, as often as
// each wants: it finds out what is due, and says it on each channel in its way.
// What a coordinator has to say to everybody goes out by the same means.
//
// Everything happens in the community's own transactions: that a member is told,
// what they were told of, and how far a run has come are written together. A run
// that is killed goes on where it was.
package digest

import (
	"context"
	"embed"
	"io/fs"
	"sync"

	"crier/conversation/state"
	"crier/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Prepare brings all tables up to date, those of the ledger and of the journey
// first. Communities that were there before digests were have none until their
// coordinator says when.
func Prepare(ctx context.Context, db ledger.DB) error {
	if err := state.Prepare(ctx, db); err != nil {
		return err
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return ledger.Migrate(ctx, db, "digest", steps)
}

// Digests makes and sends what goes to everybody.
type Digests struct {
	mu   sync.Mutex
	runs map[ledger.CommunityID]*run // what is going out just now
}

// New makes the digests of an engine: its Commands are to be among the engine's,
// and its Tick what the engine does by itself.
func New() *Digests {
	return &Digests{runs: map[ledger.CommunityID]*run{}}
}
