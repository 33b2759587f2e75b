// Package ledger keeps the accounts of exchange communities: who is a member,
// what each account holds, every transfer ever made and the offers and wants
// of the members. It knows no channel, no language and no conversation.
//
// Amounts are integers of the unit's smallest part: minutes in a community that
// counts in hours, and 10^-Decimals of the unit in any other.
package ledger

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Identifiers. They are made by NewID, except in tests.
type (
	// CommunityID identifies a community.
	CommunityID int64
	// MemberID identifies a member of a community.
	MemberID int64
	// AccountID identifies an account: a member's has the member's number.
	AccountID int64
	// TransferID identifies a transfer, pending ones included.
	TransferID int64
)

// Amount is a sum or a balance in the smallest part of a community's unit.
type Amount int64

// epoch is where NewID counts from, in microseconds since 1970: 2024-01-01 UTC.
const epoch = 1_704_067_200_000_000

var lastID atomic.Int64

// NewID returns an id that no other call returns, in this process or (but for
// a chance the primary keys guard against) in another: 51 bits of
// microseconds and 12 random ones. Ids made later in one process are larger.
func NewID(now time.Time) int64 {
	id := (now.UnixMicro()-epoch)<<12 | rand.Int64N(1<<12)
	for {
		last := lastID.Load()
		if id <= last {
			id = last + 1
		}
		if lastID.CompareAndSwap(last, id) {
			return id
		}
	}
}

// Micros is how times are kept in the database.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the reverse of Micros.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
