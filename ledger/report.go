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

// TakeDown removes an ad for a coordinator, who may say why.
func (b *Book) TakeDown(ctx context.Context, number int64, by MemberID, why string) error {
	if err := b.RemoveAd(ctx, number); err != nil {
		return err
	}
	if _, err := b.tx.Exec(ctx, `INSERT INTO ads_taken_down (community_id, number, by_member, why, taken_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (community_id, number) DO NOTHING`, b.community.ID, number, by, why, Micros(b.now)); err != nil {
		return fmt.Errorf("insert what was taken down: %w", err)
	}
	return nil
}

// TakenDownBy is the coordinator who has taken an ad down. It returns
// ErrNotFound where none has.
func (b *Book) TakenDownBy(ctx context.Context, number int64) (by MemberID, err error) {
	err = Get(ctx, b.tx, []any{&by}, `SELECT by_member FROM ads_taken_down WHERE community_id = $1 AND number = $2`, b.community.ID, number)
	return by, err
}

// PutBack forgets that an ad was taken down: whoever may renew it can.
func (b *Book) PutBack(ctx context.Context, number int64) error {
	_, err := b.tx.Exec(ctx, `DELETE FROM ads_taken_down WHERE community_id = $1 AND number = $2`, b.community.ID, number)
	return err
}
