package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// AdKind is offer or want.
type AdKind string

// The kinds of ad.
const (
	Offer AdKind = "offer"
	Want  AdKind = "want"
)

// Ad is an offer or a want.
type Ad struct {
	Number    int64 // unique in the community, never used again
	Kind      AdKind
	Member    MemberID
	Text      string
	Price     *Amount // nil: to be agreed
	Per       string  // what the price is for, in the member's words: "an hour"
	Quantity  string
	Place     string
	Category  string
	CreatedAt time.Time
	ExpiresAt time.Time
	AskedAt   time.Time // when the owner was asked whether it still holds
	RemovedAt time.Time // zero: it is up until ExpiresAt
	Dated     bool      // the member has said until when it stays: nobody asks whether it still holds

	// Of an offer that counts down as it is taken.
	Stock      int64     // how much there was, in thousandths of Measure; 0: it is not counted
	Left       int64     // how much is still to be had
	Measure    string    // in the member's words: "kg"; "": pieces
	PerMeasure bool      // Price is for one Measure
	EmptiedAt  time.Time // when the last of it was taken, which took the ad down
}

// Up reports whether the ad is to be seen at a time.
func (a *Ad) Up(now time.Time) bool { return a.RemovedAt.IsZero() && now.Before(a.ExpiresAt) }

const adColumns = `number, kind, member_id, text, price, per, quantity, place, category, created_at, expires_at, asked_at, removed_at,
	stock, stock_left, measure, per_measure, emptied_at, dated`

// adColumnsOf is adColumns of a joined table.
func adColumnsOf(table string) string {
	return table + "." + strings.Join(strings.Fields(adColumns), " "+table+".")
}

func adScan(rows Rows, more ...any) (Ad, error) {
	var a Ad
	var created, expires int64
	var asked, removed, stock, emptied *int64
	var perMeasure, dated int64
	err := rows.Scan(append([]any{
		&a.Number, &a.Kind, &a.Member, &a.Text, &a.Price, &a.Per, &a.Quantity, &a.Place, &a.Category,
		&created, &expires, &asked, &removed, &stock, &a.Left, &a.Measure, &perMeasure, &emptied, &dated,
	}, more...)...)
	if stock != nil {
		a.Stock = *stock
	}
	a.PerMeasure, a.Dated, a.EmptiedAt = perMeasure != 0, dated != 0, timeOrZero(emptied)
	a.CreatedAt, a.ExpiresAt, a.AskedAt, a.RemovedAt = Time(created), Time(expires), timeOrZero(asked), timeOrZero(removed)
	return a, err
}

func scanAd(rows Rows) (Ad, error) { return adScan(rows) }

// PutAd puts an ad up; words are what it is found by, folded by the caller.
// Where Number is 0 it gets the next one. A second call with the same key
// returns the ad that the first one made. All of a Stock is Left.
func (b *Book) PutAd(ctx context.Context, key string, a Ad, words []string) (Ad, error) {
	switch old, err := first(All(ctx, b.tx, scanAd, `SELECT `+adColumns+` FROM ads WHERE community_id = $1 AND idempotency_key = $2`,
		b.community.ID, key)); {
	case err == nil && (old.Member != a.Member || old.Kind != a.Kind || old.Text != a.Text):
		return Ad{}, fmt.Errorf("ad %q: %w", key, ErrKeyReused)
	case err == nil:
		return old, nil
	case !IsNotFound(err):
		return Ad{}, err
	}
	if a.Number == 0 {
		if err := Get(ctx, b.tx, []any{&a.Number}, `SELECT COALESCE(MAX(number), 0) + 1 FROM ads WHERE community_id = $1`, b.community.ID); err != nil {
			return Ad{}, err
		}
	}
	a.CreatedAt = b.now
	if a.ExpiresAt.IsZero() {
		a.ExpiresAt = b.now.AddDate(0, 0, b.community.AdDays)
	}
	a.Left = a.Stock
	if _, err := b.tx.Exec(ctx, `INSERT INTO ads (community_id, number, kind, member_id, text, price, per, quantity, place, category,
			idempotency_key, created_at, expires_at, stock, stock_left, measure, per_measure, dated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		b.community.ID, a.Number, a.Kind, a.Member, a.Text, a.Price, a.Per, a.Quantity, a.Place, a.Category,
		key, Micros(a.CreatedAt), Micros(a.ExpiresAt), nonZero(a.Stock), a.Left, a.Measure, asInt(a.PerMeasure), asInt(a.Dated)); err != nil {
		return Ad{}, fmt.Errorf("insert ad: %w", err)
	}
	return a, b.index(ctx, a.Number, words)
}

// Ad finds an ad by number, up or not.
func (b *Book) Ad(ctx context.Context, number int64) (Ad, error) {
	return first(All(ctx, b.tx, scanAd, `SELECT `+adColumns+` FROM ads WHERE community_id = $1 AND number = $2`, b.community.ID, number))
}

// AdsOf returns a member's ads that are up, by number.
func (b *Book) AdsOf(ctx context.Context, id MemberID) ([]Ad, error) {
	return b.AdsOfMembers(ctx, id, id)
}

// AdsOfMembers is AdsOf all members from one id to another.
func (b *Book) AdsOfMembers(ctx context.Context, from, to MemberID) ([]Ad, error) {
	return All(ctx, b.tx, scanAd, `SELECT `+adColumns+` FROM ads
		WHERE community_id = $1 AND member_id >= $2 AND member_id <= $3 AND removed_at IS NULL AND expires_at > $4 ORDER BY number`,
		b.community.ID, from, to, Micros(b.now))
}

// RemoveAd takes an ad down. Taking it down again changes nothing.
func (b *Book) RemoveAd(ctx context.Context, number int64) error {
	return b.adUpdate(ctx, `UPDATE ads SET removed_at = COALESCE(removed_at, $3), emptied_at = NULL WHERE community_id = $1 AND number = $2`, number, b.now)
}

// RenewAd keeps an ad up for the community's AdDays from now. One of which
// nothing is left stays down.
func (b *Book) RenewAd(ctx context.Context, number int64) (Ad, error) {
	err := b.adUpdate(ctx, `UPDATE ads SET expires_at = $3, asked_at = NULL, dated = 0,
			removed_at = CASE WHEN stock IS NULL OR stock_left > 0 THEN NULL ELSE removed_at END WHERE community_id = $1 AND number = $2`,
		number, b.now.AddDate(0, 0, b.community.AdDays))
	if err != nil {
		return Ad{}, err
	}
	return b.Ad(ctx, number)
}

// AdAsked notes that the owner was asked whether an ad still holds.
func (b *Book) AdAsked(ctx context.Context, number int64) error {
	return b.adUpdate(ctx, `UPDATE ads SET asked_at = $3 WHERE community_id = $1 AND number = $2`, number, b.now)
}

func (b *Book) adUpdate(ctx context.Context, query string, number int64, at time.Time) error {
	n, err := b.tx.Exec(ctx, query, b.community.ID, number, Micros(at))
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

// AdsExpiring returns up to n ads that are up, expire before a time that their
// owner has not chosen, and whose owner, an active member, has not been asked
// about it, by owner, those of one together; after is the owner behind whom to
// begin.
func (b *Book) AdsExpiring(ctx context.Context, before time.Time, after MemberID, n int) ([]Ad, error) {
	return All(ctx, b.tx, scanAd, `SELECT `+adColumnsOf("ads")+` FROM ads
		JOIN members ON members.community_id = ads.community_id AND members.id = ads.member_id
		WHERE ads.community_id = $1 AND ads.removed_at IS NULL AND ads.asked_at IS NULL AND ads.dated = 0 AND ads.expires_at > $2 AND ads.expires_at <= $3
			AND ads.member_id > $4 AND members.status = 'active'
		ORDER BY ads.member_id, ads.expires_at, ads.number LIMIT $5`, b.community.ID, Micros(b.now), Micros(before), after, n)
}

func nonZero(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
