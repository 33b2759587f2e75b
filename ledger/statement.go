package ledger

import "context"

// Line is one entry of a statement, with the transfer it is a side of.
type Line struct {
	Transfer Transfer
	Amount   Amount // negative: given
	Balance  Amount // after it
	Other    AccountID
}

// Statement returns up to n entries of an account, the newest first; before
// is the Seq to start below, 0 for the newest of all.
func (b *Book) Statement(ctx context.Context, id AccountID, before int64, n int) ([]Line, error) {
	if before == 0 {
		before = 1 << 62
	}
	lines, err := All(ctx, b.tx, func(rows Rows) (Line, error) {
		var l Line
		t := &l.Transfer
		var decided int64
		var reverses *int64
		err := rows.Scan(&l.Amount, &l.Balance, &t.Seq, &t.ID, &t.Payer, &t.Payee, &t.Amount, &t.Description, &decided, &reverses)
		t.State, t.DecidedAt, t.Receipt = Completed, Time(decided), Receipt(b.community.ReceiptSalt, t.Seq)
		if reverses != nil {
			t.Reverses = TransferID(*reverses)
		}
		l.Other = t.Payer
		if l.Amount < 0 {
			l.Other = t.Payee
		}
		return l, err
	}, `SELECT e.amount, e.balance, e.seq, t.id, t.payer, t.payee, t.amount, t.description, t.decided_at, t.reverses
		FROM entries e JOIN transfers t ON t.community_id = e.community_id AND t.seq = e.seq
		WHERE e.community_id = $1 AND e.account_id = $2 AND e.seq < $3 ORDER BY e.seq DESC LIMIT $4`, b.community.ID, id, before, n)
	return lines, err
}
