package ledger

import (
	"context"
	"fmt"
)

// Category is one of a community's own categories of ads.
type Category struct {
	Key   string // what ads have; unique in the community
	Name  string // perhaps in several languages: "Garden; fr Jardin"
	Words string // by which an ad is taken for one of it
}

// Categories returns a community's own categories in their order, or none.
func (b *Book) Categories(ctx context.Context) ([]Category, error) {
	return All(ctx, b.tx, func(rows Rows) (c Category, err error) { return c, rows.Scan(&c.Key, &c.Name, &c.Words) },
		`SELECT key, name, words FROM categories WHERE community_id = $1 ORDER BY position`, b.community.ID)
}

// SetCategories replaces a community's own categories. Ads keep what they have.
func (b *Book) SetCategories(ctx context.Context, all []Category) error {
	if _, err := b.tx.Exec(ctx, `DELETE FROM categories WHERE community_id = $1`, b.community.ID); err != nil {
		return fmt.Errorf("delete categories: %w", err)
	}
	for i, c := range all {
		if _, err := b.tx.Exec(ctx, `INSERT INTO categories (community_id, key, name, words, position) VALUES ($1, $2, $3, $4, $5)`,
			b.community.ID, c.Key, c.Name, c.Words, i); err != nil {
			return fmt.Errorf("insert category: %w", err)
		}
	}
	return nil
}

// MoveAd puts an ad into a category, whatever its words say.
func (b *Book) MoveAd(ctx context.Context, number int64, category string) error {
	n, err := b.tx.Exec(ctx, `UPDATE ads SET category = $3 WHERE community_id = $1 AND number = $2`, b.community.ID, number, category)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}
