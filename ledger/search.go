package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// index has an ad found by words.
func (b *Book) index(ctx context.Context, number int64, words []string) error {
	for _, w := range words {
		err := errors.Join(
			b.tx.Later(ctx, `INSERT INTO ad_words (community_id, word, number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, b.community.ID, w, number),
			b.tx.Later(ctx, `INSERT INTO vocabulary (community_id, word) VALUES ($1, $2) ON CONFLICT DO NOTHING`, b.community.ID, w))
		if err != nil {
			return fmt.Errorf("index ad: %w", err)
		}
	}
	return nil
}

// Vocabulary returns each word that an ad of the community, up or not, is found
// by, in no order.
func (b *Book) Vocabulary(ctx context.Context) ([]string, error) {
	var all *string // one row: ten thousand would take four times as long
	err := Get(ctx, b.tx, []any{&all}, `SELECT string_agg(word, ' ') FROM vocabulary WHERE community_id = $1`, b.community.ID)
	if err != nil || all == nil {
		return nil, err
	}
	return strings.Fields(*all), nil
}

// Sought is a word of the vocabulary that ads are looked for by.
type Sought struct {
	Word string
	For  int // the place, among what was said, of the word that it stands for
	Near int // how well it stands for it; more is better
}

// FoundAd is an ad with the Near of the best word that it was found by.
type FoundAd struct {
	Ad
	Near int
}

// FindAds returns up to n ads that are up and are found by any of some words:
// those first that have the most of what was said, then the nearest, offers
// before wants, then the newest. Ads of members who are not active are left out.
func (b *Book) FindAds(ctx context.Context, sought []Sought, n int) ([]FoundAd, error) {
	if len(sought) == 0 {
		return nil, nil
	}
	args := []any{b.community.ID, Micros(b.now), n}
	var rows []string
	for _, s := range sought {
		args = append(args, s.Word)
		rows = append(rows, fmt.Sprintf("($%d, %d, %d)", len(args), s.For, s.Near))
	}
	return All(ctx, b.tx, func(rows Rows) (f FoundAd, err error) {
		f.Ad, err = adScan(rows, &f.Near)
		return f, err
	}, `WITH sought (word, i, near) AS (VALUES `+strings.Join(rows, ", ")+`),
		hits AS (
			SELECT ad_words.number, sought.i, MAX(sought.near) AS near FROM sought
			JOIN ad_words ON ad_words.community_id = $1 AND ad_words.word = sought.word
			GROUP BY ad_words.number, sought.i),
		found AS (SELECT number, COUNT(*) AS said, SUM(near) AS nearness, MAX(near) AS best FROM hits GROUP BY number)
		SELECT `+adColumnsOf("ads")+`, found.best FROM found
		JOIN ads ON ads.community_id = $1 AND ads.number = found.number
		JOIN members ON members.community_id = $1 AND members.id = ads.member_id
		WHERE ads.removed_at IS NULL AND ads.expires_at > $2 AND members.status = 'active'
		ORDER BY found.said DESC, found.nearness DESC, ads.kind, ads.number DESC LIMIT $3`, args...)
}
