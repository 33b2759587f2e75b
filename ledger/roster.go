package ledger

import (
	"context"
	"fmt"
)

// Record is a member with their account and addresses.
type Record struct {
	Member
	Account   Account
	Addresses []Address // the one last used first
}

// Roster reads all members of a community, by number, in three queries however
// many they are.
func (b *Book) Roster(ctx context.Context) ([]Record, error) {
	members, err := b.MembersSince(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	people := make([]Record, len(members))
	byID := make(map[MemberID]*Record, len(members))
	for i, m := range members {
		people[i].Member = m
		byID[m.ID] = &people[i]
	}
	id := b.community.ID
	accounts, err := All(ctx, b.tx, func(rows Rows) (a Account, err error) {
		return a, rows.Scan(&a.ID, &a.Balance, &a.Lower, &a.Upper)
	}, `SELECT id, balance, lower, upper FROM accounts WHERE community_id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	for _, a := range accounts {
		if one := byID[MemberID(a.ID)]; one != nil {
			one.Account = a
		}
	}
	addresses, err := All(ctx, b.tx, func(rows Rows) (a Address, err error) {
		return a, rows.Scan(&a.Member, &a.Channel, &a.Address, &a.Status, &a.Reason)
	}, `SELECT member_id, channel, address, status, reason FROM addresses WHERE community_id = $1 ORDER BY used_at DESC, channel, address`, id)
	if err != nil {
		return nil, fmt.Errorf("read addresses: %w", err)
	}
	for _, a := range addresses {
		if one := byID[a.Member]; one != nil {
			one.Addresses = append(one.Addresses, a)
		}
	}
	return people, nil
}

// Places are where active members of the community live, each once.
func (b *Book) Places(ctx context.Context) ([]string, error) {
	return All(ctx, b.tx, func(rows Rows) (place string, err error) { return place, rows.Scan(&place) },
		`SELECT DISTINCT place FROM members WHERE community_id = $1 AND place <> '' AND status = 'active' ORDER BY place`, b.community.ID)
}
