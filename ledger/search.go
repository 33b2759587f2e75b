package ledger

import (
	"context"
	"fmt"
	"strings"
)

// SearchAds returns up to n ads that are up and have words beginning with the
// given ones (folded by the caller, without % or _; of two letters or less: the
// very words), those with the most of
// them first, then the newest. Ads of members who are not active are left out.
func (b *Book) SearchAds(ctx context.Context, words []string, n int) ([]Ad, error) {
	if len(words) == 0 {
		return nil, nil
	}
	args := []any{b.community.ID, Micros(b.now), n}
	var hits []string
	for _, w := range words {
		if len(w) > 2 {
			w += "%"
		}
		args = append(args, w)
		hits = append(hits, fmt.Sprintf(`SELECT number, %d AS i FROM ad_words WHERE community_id = $1 AND word LIKE $%d`, len(args), len(args)))
	}
	return All(ctx, b.tx, func(rows Rows) (Ad, error) {
		var hits int
		return adScan(rows, &hits)
	}, `SELECT `+adColumnsOf("ads")+`, COUNT(DISTINCT hits.i)
		FROM (`+strings.Join(hits, " UNION ALL ")+`) hits
		JOIN ads ON ads.community_id = $1 AND ads.number = hits.number
		JOIN members ON members.community_id = $1 AND members.id = ads.member_id
		WHERE ads.removed_at IS NULL AND ads.expires_at > $2 AND members.status = 'active'
		GROUP BY `+adColumnsOf("ads")+`
		ORDER BY COUNT(DISTINCT hits.i) DESC, ads.number DESC LIMIT $3`, args...)
}
