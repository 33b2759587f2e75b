package state

import (
	"context"
	"fmt"

	"crier/conversation"
	"crier/ledger"
)

func (m *memory) PIN(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) (conversation.PIN, error) {
	var p conversation.PIN
	err := ledger.Get(ctx, m.tx, []any{&p.Hash, &p.Tries, &p.PausedUntil},
		`SELECT hash, tries, paused_until FROM pins WHERE community_id = $1 AND member_id = $2`, community, member)
	if err != nil && !ledger.IsNotFound(err) {
		return p, fmt.Errorf("read PIN of member %d: %w", member, err)
	}
	return p, nil
}

func (m *memory) SavePIN(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, p conversation.PIN) error {
	if p.Hash == "" {
		return m.tx.Later(ctx, `DELETE FROM pins WHERE community_id = $1 AND member_id = $2`, community, member)
	}
	return m.tx.Later(ctx, `INSERT INTO pins (community_id, member_id, hash, tries, paused_until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (community_id, member_id) DO UPDATE SET hash = excluded.hash, tries = excluded.tries, paused_until = excluded.paused_until`,
		community, member, p.Hash, p.Tries, p.PausedUntil)
}
