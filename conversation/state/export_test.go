package state

import (
	"context"

	"crier/conversation"
	"crier/ledger"
)

// Enqueue is for tests of what nothing sends yet.
var Enqueue = enqueue

// Memory lets a test ask what nothing asks yet.
func (j *Journey) Memory(ctx context.Context, id ledger.CommunityID, ask func(conversation.Memory) error) error {
	return j.DB.View(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Read(ctx, tx, id, j.Clock())
		if err != nil {
			return err
		}
		return ask(j.memory(tx, book))
	})
}
