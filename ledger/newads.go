package ledger

import (
	"cmp"
	"context"
)

// NewAd is an ad with where it is.
type NewAd struct {
	Ad
	Town string // its own place, or its member's
	Home string // its member's
}

// AdsBetween returns the ads above one number and up to another that are up now
// and of active members, the oldest first.
func (b *Book) AdsBetween(ctx context.Context, above, upTo int64) ([]NewAd, error) {
	return All(ctx, b.tx, func(rows Rows) (n NewAd, err error) {
		n.Ad, err = adScan(rows, &n.Home)
		n.Town = cmp.Or(n.Place, n.Home)
		return n, err
	}, `SELECT `+adColumnsOf("ads")+`, members.place FROM ads
		JOIN members ON members.community_id = ads.community_id AND members.id = ads.member_id
		WHERE ads.community_id = $1 AND ads.number > $2 AND ads.number <= $3 AND ads.removed_at IS NULL AND ads.expires_at > $4 AND members.status = 'active'
		ORDER BY ads.number`, b.community.ID, above, upTo, Micros(b.now))
}
