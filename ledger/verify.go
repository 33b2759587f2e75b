package ledger

import (
	"context"
	"fmt"
)

// Report is what Verify went through.
type Report struct {
	Transfers int64 // completed ones
	Entries   int64
	Accounts  int64
}

// Fault is the first thing that Verify found wrong.
type Fault struct { //nolint:errname // it is found in the books; nothing went wrong in finding it
	Community string // slug
	What      string // in words, with the figures
}

func (f *Fault) Error() string { return fmt.Sprintf("community %s: %s", f.Community, f.What) }

func (b *Book) fault(format string, args ...any) error {
	return &Fault{b.community.Slug, fmt.Sprintf(format, args...)}
}

// Verify recomputes a community from its entries alone: each transfer has two
// entries that sum to zero and name its payer and payee; the chain of hashes is
// whole; each balance follows from the one before, keeps the limit it was
// checked against, and ends where the account says; all balances sum to zero.
// progress, if not nil, is told now and then how many transfers are done.
//
// The first fault ends it, as a *Fault.
func (b *Book) Verify(ctx context.Context, progress func(done int64)) (Report, error) {
	var r Report
	balances := map[AccountID]Amount{}
	if err := b.verifyChain(ctx, &r, balances, progress); err != nil {
		return r, err
	}
	if err := b.verifyCounts(ctx, &r); err != nil {
		return r, err
	}
	return r, b.verifyAccounts(ctx, &r, balances)
}

// verifyChain walks the transfers in order, together with their entries. It
// reads a page at a time, so that memory does not grow with history.
func (b *Book) verifyChain(ctx context.Context, r *Report, balances map[AccountID]Amount, progress func(int64)) error {
	type link struct {
		Transfer
		paid, got entry
	}
	const page = 1000
	var last head
	for {
		links, err := All(ctx, b.tx, func(rows Rows) (l link, err error) {
			var decided int64
			var reverses, paid, paidBalance, got, gotBalance *int64
			err = rows.Scan(&l.ID, &l.Payer, &l.Payee, &l.Amount, &l.Description, &l.AskedBy, &decided, &reverses, &l.Seq, &l.Previous, &l.Hash,
				&paid, &paidBalance, &l.paid.bound, &got, &gotBalance, &l.got.bound)
			l.DecidedAt = Time(decided)
			if reverses != nil {
				l.Reverses = TransferID(*reverses)
			}
			l.paid.set(paid, paidBalance)
			l.got.set(got, gotBalance)
			return l, err
		}, `SELECT t.id, t.payer, t.payee, t.amount, t.description, t.asked_by, COALESCE(t.decided_at, 0), t.reverses,
				t.seq, COALESCE(t.previous, ''), t.hash, p.amount, p.balance, p.bound, g.amount, g.balance, g.bound
			FROM transfers t
			LEFT JOIN entries p ON p.community_id = t.community_id AND p.account_id = t.payer AND p.seq = t.seq
			LEFT JOIN entries g ON g.community_id = t.community_id AND g.account_id = t.payee AND g.seq = t.seq
			WHERE t.community_id = $1 AND t.seq > $2 ORDER BY t.seq LIMIT $3`, b.community.ID, last.seq, page)
		if err != nil {
			return err
		}
		for _, l := range links {
			name := fmt.Sprintf("transfer %d (receipt %s)", l.Seq, Receipt(b.community.ReceiptSalt, l.Seq))
			switch {
			case l.Seq != last.seq+1:
				return b.fault("transfer %d is missing: the one after %d is %d", last.seq+1, last.seq, l.Seq)
			case l.Previous != last.hash:
				return b.fault("%s does not follow the one before it: the chain is broken", name)
			case b.hash(l.Transfer) != l.Hash:
				return b.fault("%s was changed after it was made: its hash does not fit", name)
			case !l.paid.found || l.paid.amount != -l.Amount:
				return b.fault("%s: the payer's entry is %d, not %d", name, l.paid.amount, -l.Amount)
			case !l.got.found || l.got.amount != l.Amount:
				return b.fault("%s: the payee's entry is %d, not %d", name, l.got.amount, l.Amount)
			case l.paid.balance != balances[l.Payer]-l.Amount:
				return b.fault("%s: the payer's balance is %d after it, not %d", name, l.paid.balance, balances[l.Payer]-l.Amount)
			case l.got.balance != balances[l.Payee]+l.Amount:
				return b.fault("%s: the payee's balance is %d after it, not %d", name, l.got.balance, balances[l.Payee]+l.Amount)
			case l.paid.bound != nil && l.paid.balance < *l.paid.bound:
				return b.fault("%s took account %d to %d, below its limit %d", name, l.Payer, l.paid.balance, *l.paid.bound)
			case l.got.bound != nil && l.got.balance > *l.got.bound:
				return b.fault("%s took account %d to %d, above its limit %d", name, l.Payee, l.got.balance, *l.got.bound)
			}
			balances[l.Payer], balances[l.Payee] = l.paid.balance, l.got.balance
			last = head{l.Seq, l.Hash}
		}
		r.Transfers = last.seq
		if progress != nil {
			progress(r.Transfers)
		}
		if len(links) < page {
			return nil
		}
	}
}

type entry struct {
	found           bool
	amount, balance Amount
	bound           *Amount
}

func (e *entry) set(amount, balance *int64) {
	if amount != nil {
		e.found, e.amount, e.balance = true, Amount(*amount), Amount(*balance)
	}
}

// verifyCounts finds entries that belong to no transfer's two sides.
func (b *Book) verifyCounts(ctx context.Context, r *Report) error {
	if err := Get(ctx, b.tx, []any{&r.Entries}, `SELECT COUNT(*) FROM entries WHERE community_id = $1`, b.community.ID); err != nil {
		return err
	}
	if r.Entries != 2*r.Transfers {
		return b.fault("there are %d entries for %d transfers, not two for each", r.Entries, r.Transfers)
	}
	return nil
}

func (b *Book) verifyAccounts(ctx context.Context, r *Report, balances map[AccountID]Amount) error {
	accounts, err := All(ctx, b.tx, func(rows Rows) (a Account, err error) { return a, rows.Scan(&a.ID, &a.Balance) },
		`SELECT id, balance FROM accounts WHERE community_id = $1 ORDER BY id`, b.community.ID)
	if err != nil {
		return err
	}
	var sum Amount
	for _, a := range accounts {
		if a.Balance != balances[a.ID] {
			return b.fault("account %d says %d, its entries %d", a.ID, a.Balance, balances[a.ID])
		}
		sum += a.Balance
	}
	r.Accounts = int64(len(accounts))
	if sum != 0 {
		return b.fault("the balances sum to %d, not 0", sum)
	}
	return nil
}
