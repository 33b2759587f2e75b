package ledger

import (
	"context"
	"fmt"
	"math/bits"
)

// StockMost is the largest stock, in thousandths.
const StockMost = 1_000_000_000

// ShortError says that less is left of a stock than was asked for.
type ShortError struct {
	Left int64 // thousandths
}

func (e *ShortError) Error() string { return fmt.Sprintf("only %d thousandths are left", e.Left) }

// TakeStock gives a member an amount of an offer's stock, in thousandths, beside
// what they have of it already. The last of it takes the ad down. It fails with
// ErrNotFound where no such ad is up or it has no stock, and with a *ShortError
// where less is left: nothing is taken then.
func (b *Book) TakeStock(ctx context.Context, number int64, member MemberID, amount int64) (Ad, error) {
	if amount <= 0 || amount > StockMost {
		return Ad{}, fmt.Errorf("take %d thousandths: %w", amount, ErrBadAmount)
	}
	n, err := b.tx.Exec(ctx, `UPDATE ads SET stock_left = stock_left - $3,
			removed_at = CASE WHEN stock_left = $3 THEN $4 ELSE removed_at END, emptied_at = CASE WHEN stock_left = $3 THEN $4 ELSE emptied_at END
		WHERE community_id = $1 AND number = $2 AND stock IS NOT NULL AND stock_left >= $3 AND removed_at IS NULL AND expires_at > $4`,
		b.community.ID, number, amount, Micros(b.now))
	if err != nil {
		return Ad{}, fmt.Errorf("take of ad %d: %w", number, err)
	}
	ad, err := b.Ad(ctx, number)
	switch {
	case err != nil:
		return Ad{}, err
	case n == 0 && (ad.Stock == 0 || !ad.Up(b.now)):
		return Ad{}, ErrNotFound
	case n == 0:
		return Ad{}, &ShortError{ad.Left}
	}
	return ad, b.AddShare(ctx, number, member, amount)
}

// AddShare makes an amount of an ad's stock, which is not left any more, a
// member's, beside what they have of it already.
func (b *Book) AddShare(ctx context.Context, number int64, member MemberID, amount int64) error {
	if _, err := b.tx.Exec(ctx, `INSERT INTO ad_shares (community_id, number, member_id, amount) VALUES ($1, $2, $3, $4)
		ON CONFLICT (community_id, number, member_id) DO UPDATE SET amount = ad_shares.amount + excluded.amount`,
		b.community.ID, number, member, amount); err != nil {
		return fmt.Errorf("insert share of ad %d: %w", number, err)
	}
	return nil
}

// Share is how much a member has of an ad's stock, in thousandths, and has not
// paid for or given back. 0: nothing.
func (b *Book) Share(ctx context.Context, number int64, member MemberID) (amount int64, err error) {
	err = Get(ctx, b.tx, []any{&amount}, `SELECT COALESCE(SUM(amount), 0) FROM ad_shares WHERE community_id = $1 AND number = $2 AND member_id = $3`,
		b.community.ID, number, member)
	return amount, err
}

// ReturnStock puts a member's share back. An ad that was down only because
// nothing was left is up again.
func (b *Book) ReturnStock(ctx context.Context, number int64, member MemberID) (Ad, error) {
	amount, err := b.Share(ctx, number, member)
	if err != nil {
		return Ad{}, err
	}
	if err := b.EndShare(ctx, number, member); err != nil {
		return Ad{}, err
	}
	if amount > 0 {
		if _, err := b.tx.Exec(ctx, `UPDATE ads SET stock_left = stock_left + $3,
				removed_at = CASE WHEN emptied_at IS NOT NULL THEN NULL ELSE removed_at END, emptied_at = NULL
			WHERE community_id = $1 AND number = $2`, b.community.ID, number, amount); err != nil {
			return Ad{}, fmt.Errorf("return stock of ad %d: %w", number, err)
		}
	}
	return b.Ad(ctx, number)
}

// EndShare forgets a member's share: it was handed over, and is to be paid for.
func (b *Book) EndShare(ctx context.Context, number int64, member MemberID) error {
	if _, err := b.tx.Exec(ctx, `DELETE FROM ad_shares WHERE community_id = $1 AND number = $2 AND member_id = $3`,
		b.community.ID, number, member); err != nil {
		return fmt.Errorf("delete share of ad %d: %w", number, err)
	}
	return nil
}

// SetStock says how much of an offer is left, in thousandths of its measure: 0
// takes it down, and more puts one up again that was down because nothing was
// left. What members have taken already stays theirs.
func (b *Book) SetStock(ctx context.Context, number, left int64, measure string) (Ad, error) {
	if left < 0 || left > StockMost {
		return Ad{}, fmt.Errorf("a stock of %d thousandths: %w", left, ErrBadAmount)
	}
	n, err := b.tx.Exec(ctx, `UPDATE ads SET stock = CASE WHEN COALESCE(stock, 0) - stock_left + $3 > 0 THEN COALESCE(stock, 0) - stock_left + $3 ELSE stock END,
			stock_left = $3, measure = CASE WHEN stock IS NULL THEN $5 ELSE measure END,
			removed_at = CASE WHEN $3 > 0 AND emptied_at IS NOT NULL THEN NULL WHEN $3 > 0 THEN removed_at ELSE COALESCE(removed_at, $4) END,
			emptied_at = CASE WHEN $3 > 0 THEN NULL WHEN removed_at IS NULL THEN $4 ELSE emptied_at END
		WHERE community_id = $1 AND number = $2 AND kind = 'offer'`, b.community.ID, number, left, Micros(b.now), measure)
	if err != nil {
		return Ad{}, fmt.Errorf("set stock of ad %d: %w", number, err)
	}
	if n == 0 {
		return Ad{}, ErrNotFound
	}
	return b.Ad(ctx, number)
}

// PriceOf is what an amount of an ad's stock costs, in thousandths. ok is false
// where the price is not by the measure, or does not come out even.
func (a *Ad) PriceOf(amount int64) (sum Amount, ok bool) {
	if a.Price == nil || !a.PerMeasure || amount <= 0 || *a.Price <= 0 {
		return 0, false
	}
	high, low := bits.Mul64(uint64(amount), uint64(*a.Price))
	if high >= 1000 {
		return 0, false
	}
	whole, rest := bits.Div64(high, low, 1000)
	return Amount(whole), rest == 0 && whole > 0 && whole <= maxAmount
}
