package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// head is the end of a community's chain of completed transfers.
type head struct {
	seq  int64
	hash string
}

// link makes t completed and the next of its community's chain.
func (b *Book) link(ctx context.Context, t *Transfer) error {
	if b.head == nil {
		var h head
		err := Get(ctx, b.tx, []any{&h.seq, &h.hash},
			`SELECT seq, hash FROM transfers WHERE community_id = $1 AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1`, b.community.ID)
		if err != nil && !IsNotFound(err) {
			return fmt.Errorf("head of the chain: %w", err)
		}
		b.head = &h
	}
	t.State, t.DecidedAt = Completed, Time(Micros(b.now))
	t.Seq, t.Previous = b.head.seq+1, b.head.hash
	t.Hash = b.hash(*t)
	t.Receipt = Receipt(b.community.ReceiptSalt, t.Seq)
	b.head = &head{t.Seq, t.Hash}
	return nil
}

// hash is the SHA-256, in hex, of everything that a completed transfer says and
// of the hash of the one before it. Each field is preceded by its length, so
// that no two transfers hash the same bytes.
func (b *Book) hash(t Transfer) string {
	sum := sha256.New()
	field := func(s string) { sum.Write(fmt.Appendf(nil, "%d:%s", len(s), s)) }
	number := func(n int64) { field(strconv.FormatInt(n, 10)) }
	field(t.Previous)
	for _, n := range []int64{
		int64(b.community.ID), t.Seq, int64(t.ID), int64(t.Payer), int64(t.Payee), int64(t.Amount),
		int64(t.AskedBy), int64(t.Reverses), Micros(t.DecidedAt),
	} {
		number(n)
	}
	field(t.Description)
	return hex.EncodeToString(sum.Sum(nil))
}
