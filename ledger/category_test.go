package ledger_test

import (
	"testing"

	"crier/ledger"
)

// A community's own categories are kept in their order and replaced whole; ads
// keep theirs.
func TestCategories(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc")
		a := v.put("luc", "gouda")
		set := func(all ...ledger.Category) {
			t.Helper()
			v.do(func(b *ledger.Book) error { return b.SetCategories(ctx, all) })
		}
		names := func() (got string) {
			t.Helper()
			v.view(func(b *ledger.Book) error {
				all, err := b.Categories(ctx)
				for _, c := range all {
					got += c.Key + "=" + c.Name + ":" + c.Words + " "
				}
				return err
			})
			return got
		}
		want(t, "at first", names(), "")
		set(ledger.Category{Key: "z", Name: "Cheese", Words: "gouda brie"}, ledger.Category{Key: "a", Name: "Garden"})
		want(t, "in their order", names(), "z=Cheese:gouda brie a=Garden: ")
		v.do(func(b *ledger.Book) error { return b.MoveAd(ctx, a.Number, "z") })
		set(ledger.Category{Key: "a", Name: "Garden"})
		want(t, "replaced", names(), "a=Garden: ")
		v.view(func(b *ledger.Book) error {
			kept, err := b.Ad(ctx, a.Number)
			want(t, "the ad's", kept.Category, "z")
			return err
		})
		v.do(func(b *ledger.Book) error {
			if err := b.MoveAd(ctx, 99, "a"); !ledger.IsNotFound(err) {
				t.Errorf("an ad that is not there: %v", err)
			}
			return nil
		})
	})
}
