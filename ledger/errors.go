package ledger

import (
	"errors"
	"fmt"
)

// What a ledger call may refuse. None of these is a text for a member: the
// conversation says it in the member's words.
var (
	ErrNotFound     = errors.New("not found")
	ErrSameAccount  = errors.New("payer and payee are the same account")
	ErrBadAmount    = errors.New("the amount must be at least 1 and at most 10^15 of the smallest part")
	ErrNotPending   = errors.New("the transfer is no longer pending")
	ErrNotCompleted = errors.New("the transfer is not completed")
	ErrReversed     = errors.New("the transfer was reversed already")
	ErrKeyReused    = errors.New("the idempotency key was used for something else")
	ErrTaken        = errors.New("taken already")
	ErrNotAllowed   = errors.New("not for this member to do")
)

// IsNotFound reports whether err says that a row is not there.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// LimitError refuses a transfer that would take an account past a limit.
type LimitError struct {
	Account AccountID
	Payer   bool   // the account is the payer's, and Limit its lowest balance; else the payee's highest
	Balance Amount // now
	Limit   Amount
	Amount  Amount // of the refused transfer
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("account %d holds %d: a transfer of %d would pass its limit %d", e.Account, e.Balance, e.Amount, e.Limit)
}

// Room is how much the account can still give (the payer's) or take (the
// payee's): 0 at least.
func (e *LimitError) Room() Amount {
	if e.Payer {
		return max(0, e.Balance-e.Limit)
	}
	return max(0, e.Limit-e.Balance)
}

// StatusError refuses a transfer with a member who is not active.
type StatusError struct {
	Member MemberID
	Status Status
}

func (e *StatusError) Error() string { return fmt.Sprintf("member %d is %s", e.Member, e.Status) }
