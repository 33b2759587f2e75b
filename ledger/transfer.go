package ledger

import (
	"context"
	"fmt"
	"time"
)

// State is where a transfer stands.
type State string

// The states. Only a pending transfer can change its state.
const (
	Pending   State = "pending"
	Completed State = "completed"
	Declined  State = "declined"
	Cancelled State = "cancelled"
	Expired   State = "expired"
)

// Transfer is one payment from payer to payee, asked for or made.
type Transfer struct {
	ID          TransferID // chosen by the caller: the idempotency key of the write
	Payer       AccountID
	Payee       AccountID
	Amount      Amount // at least 1
	Description string // may be ""
	State       State
	AskedBy     MemberID // who started it; 0: the host's own command
	CreatedAt   time.Time
	ExpiresAt   time.Time  // of a pending one; zero: never
	RemindedAt  time.Time  // when the payer was last reminded of a pending one
	DecidedAt   time.Time  // when it left pending
	Reverses    TransferID // the completed transfer that this one takes back, or 0

	// Of a completed one.
	Seq      int64  // its place in the community's chain, from 1
	Previous string // hash of the one before it
	Hash     string
	Receipt  string // what people call it by: a short code made from Seq
}

// Both keep every sum of a community far inside 63 bits. No balance passes
// maxBalance, up or down, even where an account has no limit of its own.
const (
	maxAmount  = 1_000_000_000_000_000
	maxBalance = 1000 * maxAmount
)

const transferColumns = `id, payer, payee, amount, description, state, asked_by, created_at, expires_at, reminded_at, decided_at,
	reverses, seq, previous, hash`

func (b *Book) scanTransfer(rows Rows) (Transfer, error) {
	var t Transfer
	var created int64
	var expires, reminded, decided, reverses, seq *int64
	var previous, hash *string
	err := rows.Scan(&t.ID, &t.Payer, &t.Payee, &t.Amount, &t.Description, &t.State, &t.AskedBy, &created, &expires, &reminded, &decided,
		&reverses, &seq, &previous, &hash)
	t.CreatedAt, t.ExpiresAt, t.RemindedAt, t.DecidedAt = Time(created), timeOrZero(expires), timeOrZero(reminded), timeOrZero(decided)
	if reverses != nil {
		t.Reverses = TransferID(*reverses)
	}
	if seq != nil {
		t.Seq, t.Previous, t.Hash = *seq, *previous, *hash
		t.Receipt = Receipt(b.community.ReceiptSalt, t.Seq)
	}
	return t, err
}

// Transfer finds a transfer by id.
func (b *Book) Transfer(ctx context.Context, id TransferID) (Transfer, error) {
	return first(All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE community_id = $1 AND id = $2`, b.community.ID, id))
}

// TransferByReceipt finds a completed transfer by its receipt code, in any case.
func (b *Book) TransferByReceipt(ctx context.Context, code string) (Transfer, error) {
	seq, ok := seqOf(b.community.ReceiptSalt, code)
	if !ok {
		return Transfer{}, ErrNotFound
	}
	return first(All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers WHERE community_id = $1 AND seq = $2`, b.community.ID, seq))
}

// Reversal finds the pending or completed transfer that takes another back.
func (b *Book) Reversal(ctx context.Context, of TransferID) (Transfer, error) {
	return first(All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND reverses = $2 AND state IN ('pending', 'completed')`, b.community.ID, of))
}

// LastPaid finds the newest completed transfer that an account paid.
func (b *Book) LastPaid(ctx context.Context, payer AccountID) (Transfer, error) {
	return first(All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND seq = (SELECT MAX(seq) FROM entries WHERE community_id = $1 AND account_id = $2 AND amount < 0)`,
		b.community.ID, payer))
}

// PendingToPay returns what is asked of an account, oldest first.
func (b *Book) PendingToPay(ctx context.Context, payer AccountID) ([]Transfer, error) {
	return All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND payer = $2 AND state = 'pending' ORDER BY created_at, id`, b.community.ID, payer)
}

// PendingFor returns what an account has asked of others, oldest first.
func (b *Book) PendingFor(ctx context.Context, payee AccountID) ([]Transfer, error) {
	return All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND payee = $2 AND state = 'pending' ORDER BY created_at, id`, b.community.ID, payee)
}

// PendingBefore returns up to n pending transfers that expire before a time,
// the soonest first.
func (b *Book) PendingBefore(ctx context.Context, expiry time.Time, n int) ([]Transfer, error) {
	return All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND state = 'pending' AND expires_at <= $2 ORDER BY expires_at, id LIMIT $3`, b.community.ID, Micros(expiry), n)
}

// PendingUnreminded returns up to n pending transfers made before a time whose
// payer has not been reminded, oldest first.
func (b *Book) PendingUnreminded(ctx context.Context, created time.Time, n int) ([]Transfer, error) {
	return All(ctx, b.tx, b.scanTransfer, `SELECT `+transferColumns+` FROM transfers
		WHERE community_id = $1 AND state = 'pending' AND reminded_at IS NULL AND created_at <= $2 ORDER BY created_at, id LIMIT $3`,
		b.community.ID, Micros(created), n)
}

// Pay makes a completed transfer of t.ID, Payer, Payee, Amount, Description,
// AskedBy and Reverses. Paying again with the same ID returns the transfer that
// was made the first time, whatever has happened since.
//
// It fails with ErrBadAmount, ErrSameAccount, ErrNotFound (no such account, or
// nothing that t.Reverses could take back), *StatusError, *LimitError, and with
// ErrKeyReused where the ID belongs to another payment, or to a request that is
// not paid. Where t.Reverses is set it also fails as Opposite does, and with
// ErrNotAllowed where t is not the whole opposite. What is refused leaves no
// trace in the transaction, which can go on.
func (b *Book) Pay(ctx context.Context, t Transfer) (Transfer, error) {
	sides, old, err := b.prepare(ctx, t)
	switch {
	case err != nil:
		return Transfer{}, err
	case old != nil && old.State != Completed:
		return Transfer{}, fmt.Errorf("transfer %d: %w", t.ID, ErrKeyReused)
	case old != nil:
		return *old, nil
	}
	return b.complete(ctx, b.fresh(t), sides, false)
}

// Request makes a pending transfer that waits for the payer's yes until
// t.ExpiresAt. Asking again with the same ID returns the transfer that was made
// the first time, in whichever state it is by now. It fails as Pay does, but
// for limits, which are checked when the payer says yes.
func (b *Book) Request(ctx context.Context, t Transfer) (Transfer, error) {
	_, old, err := b.prepare(ctx, t)
	switch {
	case err != nil:
		return Transfer{}, err
	case old != nil:
		return *old, nil
	}
	expires := Time(Micros(t.ExpiresAt))
	t = b.fresh(t)
	t.State, t.ExpiresAt = Pending, expires
	return t, b.insert(ctx, t)
}

// fresh is a new transfer with nothing of t but what the caller decides.
func (b *Book) fresh(t Transfer) Transfer {
	return Transfer{
		ID: t.ID, Payer: t.Payer, Payee: t.Payee, Amount: t.Amount, Description: t.Description,
		AskedBy: t.AskedBy, Reverses: t.Reverses, CreatedAt: b.now,
	}
}

// Accept completes a pending transfer. One that is completed already is
// returned as it is. It fails as Pay does, and with ErrNotPending.
func (b *Book) Accept(ctx context.Context, id TransferID) (Transfer, error) {
	t, err := b.Transfer(ctx, id)
	switch {
	case err != nil:
		return Transfer{}, err
	case t.State == Completed:
		return t, nil
	case t.State != Pending || b.overdue(t):
		return t, ErrNotPending
	}
	sides, _, err := b.sides(ctx, t)
	if err != nil {
		return t, err
	}
	if err := sides.check(t); err != nil {
		return t, err
	}
	return b.complete(ctx, t, sides, true)
}

func (b *Book) overdue(t Transfer) bool { return !t.ExpiresAt.IsZero() && !b.now.Before(t.ExpiresAt) }

// End takes a pending transfer to Declined (the payer's no), Cancelled (the
// asker's second thought) or Expired. One that is in that state already is
// returned as it is; in any other it fails with ErrNotPending.
func (b *Book) End(ctx context.Context, id TransferID, state State) (Transfer, error) {
	t, err := b.Transfer(ctx, id)
	switch {
	case err != nil:
		return Transfer{}, err
	case t.State == state:
		return t, nil
	case t.State != Pending:
		return t, ErrNotPending
	case state != Declined && state != Cancelled && state != Expired:
		return t, fmt.Errorf("a pending transfer cannot end as %q", state)
	}
	t.State, t.DecidedAt = state, b.now
	if _, err := b.tx.Exec(ctx, `UPDATE transfers SET state = $3, decided_at = $4 WHERE community_id = $1 AND id = $2`,
		b.community.ID, id, state, Micros(b.now)); err != nil {
		return Transfer{}, fmt.Errorf("end transfer %d: %w", id, err)
	}
	return t, nil
}

// Remind notes that the payer of a pending transfer has been reminded.
func (b *Book) Remind(ctx context.Context, id TransferID) error {
	return b.tx.Later(ctx, `UPDATE transfers SET reminded_at = $3 WHERE community_id = $1 AND id = $2 AND state = 'pending'`,
		b.community.ID, id, Micros(b.now))
}

// Opposite is the transfer, not yet made, that would take t back whole. It
// fails with ErrNotCompleted where there is nothing to take back, with
// ErrReversed where that has happened or is being asked for under another id,
// and with ErrNotAllowed for a transfer that is itself a reversal.
func (b *Book) Opposite(ctx context.Context, t Transfer, id TransferID) (Transfer, error) {
	if t.State != Completed {
		return Transfer{}, ErrNotCompleted
	}
	if t.Reverses != 0 {
		return Transfer{}, ErrNotAllowed
	}
	switch old, err := b.Reversal(ctx, t.ID); {
	case err == nil && old.ID != id:
		return Transfer{}, ErrReversed
	case err != nil && !IsNotFound(err):
		return Transfer{}, err
	}
	return Transfer{
		ID: id, Payer: t.Payee, Payee: t.Payer, Amount: t.Amount, Description: t.Description, Reverses: t.ID,
	}, nil
}

// sides are the two accounts of a transfer as they stand.
type sides struct{ payer, payee side }

type side struct {
	Account
	found  bool
	status Status
}

// prepare checks a new transfer, and finds the one that its ID made before.
func (b *Book) prepare(ctx context.Context, t Transfer) (sides, *Transfer, error) {
	switch {
	case t.ID == 0:
		return sides{}, nil, fmt.Errorf("a transfer needs an id")
	case t.Amount < 1 || t.Amount > maxAmount:
		return sides{}, nil, ErrBadAmount
	case t.Payer == t.Payee:
		return sides{}, nil, ErrSameAccount
	}
	s, exists, err := b.sides(ctx, t)
	if err != nil {
		return s, nil, err
	}
	if exists {
		old, err := b.Transfer(ctx, t.ID)
		if err != nil {
			return s, nil, err
		}
		if old.Payer != t.Payer || old.Payee != t.Payee || old.Amount != t.Amount || old.Description != t.Description || old.Reverses != t.Reverses {
			return s, nil, fmt.Errorf("transfer %d: %w", t.ID, ErrKeyReused)
		}
		return s, &old, nil
	}
	if t.Reverses != 0 {
		if err := b.checkReversal(ctx, t); err != nil {
			return s, nil, fmt.Errorf("take back transfer %d: %w", t.Reverses, err)
		}
	}
	return s, nil, s.check(t)
}

// checkReversal says whether t takes back what it says, whole. It matters: a
// reversal is open to members who may not pay.
func (b *Book) checkReversal(ctx context.Context, t Transfer) error {
	taken, err := b.Transfer(ctx, t.Reverses)
	if err != nil {
		return err
	}
	back, err := b.Opposite(ctx, taken, t.ID)
	if err != nil {
		return err
	}
	if t.Payer != back.Payer || t.Payee != back.Payee || t.Amount != back.Amount {
		return ErrNotAllowed
	}
	return nil
}

// sides reads both accounts of a transfer, and whether its id is in use, in one
// query: this is the hottest read of the ledger.
func (b *Book) sides(ctx context.Context, t Transfer) (s sides, exists bool, err error) {
	rows, err := b.tx.Query(ctx, `SELECT a.id, a.balance, a.lower, a.upper, COALESCE(m.status, 'active'),
			EXISTS (SELECT 1 FROM transfers t WHERE t.community_id = $1 AND t.id = $4)
		FROM accounts a LEFT JOIN members m ON m.community_id = a.community_id AND m.id = a.id
		WHERE a.community_id = $1 AND a.id IN ($2, $3)`, b.community.ID, t.Payer, t.Payee, t.ID)
	if err != nil {
		return s, false, err
	}
	defer rows.Close()
	for rows.Next() {
		one := side{found: true}
		if err := rows.Scan(&one.ID, &one.Balance, &one.Lower, &one.Upper, &one.status, &exists); err != nil {
			return s, false, fmt.Errorf("scan account: %w", err)
		}
		if one.ID == t.Payer {
			s.payer = one
		} else {
			s.payee = one
		}
	}
	return s, exists, rows.Err()
}

// check says whether both accounts are there and open. A reversal only needs
// them to be there: a member who was frozen may still be given back to.
func (s sides) check(t Transfer) error {
	if !s.payer.found || !s.payee.found {
		return fmt.Errorf("account: %w", ErrNotFound)
	}
	if t.Reverses != 0 {
		return nil
	}
	for _, one := range []side{s.payer, s.payee} {
		if one.status != Active {
			return &StatusError{MemberID(one.ID), one.status}
		}
	}
	return nil
}

// complete checks the limits, puts the transfer at the end of the chain and
// moves both balances.
func (b *Book) complete(ctx context.Context, t Transfer, s sides, pending bool) (Transfer, error) {
	payer, payee := s.payer.Account, s.payee.Account
	lower, upper := Amount(-maxBalance), Amount(maxBalance)
	if payer.Lower != nil {
		lower = max(lower, *payer.Lower)
	}
	if payee.Upper != nil {
		upper = min(upper, *payee.Upper)
	}
	if payer.Balance-t.Amount < lower {
		return t, &LimitError{Account: payer.ID, Payer: true, Balance: payer.Balance, Limit: lower, Amount: t.Amount}
	}
	if payee.Balance+t.Amount > upper {
		return t, &LimitError{Account: payee.ID, Balance: payee.Balance, Limit: upper, Amount: t.Amount}
	}
	if err := b.link(ctx, &t); err != nil {
		return t, err
	}
	if pending {
		if err := b.tx.Later(ctx, `UPDATE transfers SET state = $3, decided_at = $4, seq = $5, previous = $6, hash = $7 WHERE community_id = $1 AND id = $2`,
			b.community.ID, t.ID, t.State, Micros(t.DecidedAt), t.Seq, t.Previous, t.Hash); err != nil {
			return t, fmt.Errorf("complete transfer %d: %w", t.ID, err)
		}
	} else if err := b.insert(ctx, t); err != nil {
		return t, err
	}
	if err := b.enter(ctx, t, payer, -t.Amount, payer.Lower); err != nil {
		return t, err
	}
	return t, b.enter(ctx, t, payee, t.Amount, payee.Upper)
}

func (b *Book) insert(ctx context.Context, t Transfer) error {
	optional := func(v int64) *int64 {
		if v == 0 {
			return nil
		}
		return &v
	}
	var previous, hash *string
	if t.Seq != 0 {
		previous, hash = &t.Previous, &t.Hash
	}
	if err := b.tx.Later(ctx, `INSERT INTO transfers (community_id, `+transferColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		b.community.ID, t.ID, t.Payer, t.Payee, t.Amount, t.Description, t.State, t.AskedBy, Micros(t.CreatedAt), optional(Micros(t.ExpiresAt)),
		optional(Micros(t.RemindedAt)), optional(Micros(t.DecidedAt)), optional(int64(t.Reverses)), optional(t.Seq), previous, hash); err != nil {
		return fmt.Errorf("insert transfer %d: %w", t.ID, err)
	}
	return nil
}

// enter writes one account's side of a completed transfer.
func (b *Book) enter(ctx context.Context, t Transfer, a Account, amount Amount, bound *Amount) error {
	if err := b.tx.Later(ctx, `INSERT INTO entries (community_id, account_id, seq, amount, balance, bound) VALUES ($1, $2, $3, $4, $5, $6)`,
		b.community.ID, a.ID, t.Seq, amount, a.Balance+amount, bound); err != nil {
		return fmt.Errorf("insert entry: %w", err)
	}
	a.Balance += amount
	b.accounts[a.ID] = a
	if err := b.tx.Later(ctx, `UPDATE accounts SET balance = $3 WHERE community_id = $1 AND id = $2`,
		b.community.ID, a.ID, a.Balance); err != nil {
		return fmt.Errorf("update balance: %w", err)
	}
	return nil
}
