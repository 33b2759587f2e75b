package ledger

import (
	"context"
	"fmt"
	"time"
)

// ReportAd notes that a member finds an ad wrong, and why, in their words. A
// second time changes nothing.
func (b *Book) ReportAd(ctx context.Context, number int64, member MemberID, why string) error {
	if _, err := b.tx.Exec(ctx, `INSERT INTO ad_reports (community_id, number, member_id, why, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (community_id, number, member_id) DO NOTHING`, b.community.ID, number, member, why, Micros(b.now)); err != nil {
		return fmt.Errorf("insert ad report: %w", err)
	}
	return nil
}

// Reported reports whether a member has reported an ad.
func (b *Book) Reported(ctx context.Context, number int64, member MemberID) (bool, error) {
	var n int
	err := Get(ctx, b.tx, []any{&n}, `SELECT COUNT(*) FROM ad_reports WHERE community_id = $1 AND number = $2 AND member_id = $3`,
		b.community.ID, number, member)
	return n > 0, err
}

// ReportsOf is how many ads a member has reported since a time.
func (b *Book) ReportsOf(ctx context.Context, member MemberID, since time.Time) (int, error) {
	var n int
	err := Get(ctx, b.tx, []any{&n}, `SELECT COUNT(*) FROM ad_reports WHERE community_id = $1 AND member_id = $2 AND created_at > $3`,
		b.community.ID, member, Micros(since))
	return n, err
}
