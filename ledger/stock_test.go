package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"crier/ledger"
)

// grow puts up an offer with a stock.
func (v *village) grow(owner string, stock int64) (a ledger.Ad) {
	v.t.Helper()
	v.do(func(b *ledger.Book) (err error) {
		a, err = b.PutAd(v.t.Context(), fmt.Sprint(owner, stock), ledger.Ad{
			Kind: ledger.Offer, Member: v.members[owner].ID, Text: "tomatoes", Price: ptr(ledger.Amount(8)), Per: "a kg", Stock: stock, Measure: "kg", PerMeasure: true,
		}, []string{"tomatoes"})
		return err
	})
	return a
}

// stock writes what is left of an ad: "9 of 40 up, luc 31".
func (v *village) stock(number int64, of ...string) string {
	v.t.Helper()
	var got string
	v.view(func(b *ledger.Book) error {
		a, err := b.Ad(v.t.Context(), number)
		got = fmt.Sprintf("%d of %d", a.Left, a.Stock)
		switch {
		case a.Up(v.now):
			got += " up"
		case !a.EmptiedAt.IsZero():
			got += " empty"
		default:
			got += " down"
		}
		for _, name := range of {
			share, err := b.Share(v.t.Context(), number, v.members[name].ID)
			if err != nil {
				return err
			}
			got += fmt.Sprintf(", %s %d", name, share)
		}
		return err
	})
	return got
}

func TestStock(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "farmer", "luc", "jo")
		id := func(name string) ledger.MemberID { return v.members[name].ID }
		take := func(name string, amount int64) error {
			return v.update(func(b *ledger.Book) error { _, err := b.TakeStock(ctx, 1, id(name), amount); return err })
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		v.grow("farmer", 40)
		must(take("luc", 30))
		must(take("luc", 1))
		want(t, "after Luc", v.stock(1, "luc", "jo"), "9 of 40 up, luc 31, jo 0")

		var short *ledger.ShortError
		if err := take("jo", 10); !errors.As(err, &short) || short.Left != 9 {
			t.Errorf("ten of nine: %v", err)
		}
		for _, amount := range []int64{0, -1, ledger.StockMost + 1} {
			if err := take("jo", amount); !errors.Is(err, ledger.ErrBadAmount) {
				t.Errorf("%d: %v", amount, err)
			}
		}
		must(take("jo", 9))
		want(t, "after Jo", v.stock(1, "luc", "jo"), "0 of 40 empty, luc 31, jo 9")
		want(t, "found", v.search("tomatoes"), "")
		if err := take("jo", 1); !ledger.IsNotFound(err) {
			t.Errorf("of nothing: %v", err)
		}

		// What is given back is to be had again. Only once.
		for range 2 {
			v.do(func(b *ledger.Book) error { _, err := b.ReturnStock(ctx, 1, id("luc")); return err })
			want(t, "after Luc gave back", v.stock(1, "luc", "jo"), "31 of 40 up, luc 0, jo 9")
		}
		// What was handed over is not.
		v.do(func(b *ledger.Book) error { return b.EndShare(ctx, 1, id("jo")) })
		v.do(func(b *ledger.Book) error { _, err := b.ReturnStock(ctx, 1, id("jo")); return err })
		want(t, "after Jo has it", v.stock(1, "jo"), "31 of 40 up, jo 0")

		// The owner counts again.
		set := func(left int64) {
			v.do(func(b *ledger.Book) error { _, err := b.SetStock(ctx, 1, left, "crates"); return err })
		}
		must(take("luc", 1))
		set(10)
		want(t, "counted", v.stock(1, "luc"), "10 of 20 up, luc 1")
		set(0)
		want(t, "counted to nothing", v.stock(1, "luc"), "0 of 10 empty, luc 1")
		v.do(func(b *ledger.Book) error {
			a, err := b.RenewAd(ctx, 1)
			if a.Up(v.now) {
				t.Error("an offer of nothing was renewed")
			}
			return err
		})
		set(5)
		want(t, "counted to more", v.stock(1, "luc"), "5 of 15 up, luc 1")

		// What its owner has taken down stays down.
		must(take("jo", 5))
		v.do(func(b *ledger.Book) error { return b.RemoveAd(ctx, 1) })
		v.do(func(b *ledger.Book) error { _, err := b.ReturnStock(ctx, 1, id("jo")); return err })
		want(t, "taken down", v.stock(1), "5 of 15 down")
		set(7)
		want(t, "taken down", v.stock(1), "7 of 17 down")

		// An offer may get its stock later; a want never has one.
		v.put("farmer", "eggs")
		if err := v.update(func(b *ledger.Book) error { _, err := b.TakeStock(ctx, 2, id("jo"), 1); return err }); !ledger.IsNotFound(err) {
			t.Errorf("of no stock: %v", err)
		}
		v.do(func(b *ledger.Book) error {
			a, err := b.SetStock(ctx, 2, 12, "boxes")
			want(t, "its measure", a.Measure, "boxes")
			return err
		})
		want(t, "a stock of its own", v.stock(2), "12 of 12 up")
		v.do(func(b *ledger.Book) error {
			_, err := b.PutAd(ctx, "w", ledger.Ad{Kind: ledger.Want, Member: id("luc"), Text: "soup"}, nil)
			return err
		})
		v.refused(ledger.ErrNotFound, func(b *ledger.Book) error { _, err := b.SetStock(ctx, 3, 1, ""); return err })

		// Another community has its own ad 1.
		other := settle(t, db, "farmer", "luc")
		other.grow("farmer", 3)
		other.do(func(b *ledger.Book) error { _, err := b.TakeStock(ctx, 1, other.members["luc"].ID, 3); return err })
		want(t, "here", v.stock(1), "7 of 17 down")
	})
}

func TestPriceOf(t *testing.T) {
	for _, c := range []struct {
		amount, price int64
		sum           ledger.Amount
		ok            bool
	}{
		{5_000, 8, 40, true},
		{2_500, 8, 20, true},
		{333, 1000, 333, true},
		{333, 8, 0, false},
		{500, 1, 0, false},
		{0, 8, 0, false},
		{-1000, 8, 0, false},
		{ledger.StockMost, 1_000_000_000, ledger.MaxAmount, true},
		{ledger.StockMost, 1_000_000_001, 0, false},
		{1<<63 - 1, 1<<63 - 1, 0, false},
	} {
		a := ledger.Ad{Price: ptr(ledger.Amount(c.price)), PerMeasure: true}
		if sum, ok := a.PriceOf(c.amount); ok != c.ok || ok && sum != c.sum {
			t.Errorf("%d thousandths at %d: %d, %v", c.amount, c.price, sum, ok)
		}
	}
	if _, ok := (&ledger.Ad{Price: ptr(ledger.Amount(8))}).PriceOf(1000); ok {
		t.Error("a price for all of it is not by the kilo")
	}
	if _, ok := (&ledger.Ad{PerMeasure: true}).PriceOf(1000); ok {
		t.Error("without a price there is a sum")
	}
}

// Forty people want five of the same twelve at the same moment: twelve are
// taken, whoever gets them.
func TestTakenAtOnce(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		v := settle(t, db, "farmer", "luc", "jo", "anna", "ben")
		v.grow("farmer", 12)
		v.grow("farmer", 1)
		var mu sync.Mutex
		taken := map[string]int64{}
		winners := 0
		var group sync.WaitGroup
		for range 10 {
			for _, name := range []string{"luc", "jo", "anna", "ben"} {
				group.Go(func() {
					for number, amount := range map[int64]int64{1: 5, 2: 1} {
						for ; amount > 0; amount-- {
							var refusal error
							err := v.update(func(b *ledger.Book) error {
								_, refusal = b.TakeStock(t.Context(), number, v.members[name].ID, amount)
								return nil
							})
							var short *ledger.ShortError
							switch {
							case err != nil || refusal != nil && !errors.As(refusal, &short) && !ledger.IsNotFound(refusal):
								t.Error(err, refusal)
							case refusal == nil && number == 2:
								mu.Lock()
								winners++
								mu.Unlock()
							case refusal == nil:
								mu.Lock()
								taken[name] += amount
								mu.Unlock()
							}
						}
					}
				})
			}
		}
		group.Wait()
		if winners != 1 {
			t.Errorf("%d people have the only one", winners)
		}
		names := []string{"luc", "jo", "anna", "ben"}
		is := "0 of 12 empty"
		for _, name := range names {
			is += fmt.Sprintf(", %s %d", name, taken[name])
		}
		want(t, "the twelve", v.stock(1, names...), is)
		if sum := taken["luc"] + taken["jo"] + taken["anna"] + taken["ben"]; sum != 12 {
			t.Errorf("%d of twelve were taken", sum)
		}
	})
}

// TestRandomStock plays what people do with a stock against a model of a few
// lines.
func TestRandomStock(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx := t.Context()
		rapid.Check(t, func(t *rapid.T) {
			v := settle(t, db, "farmer", "luc", "jo")
			number := v.grow("farmer", 10).Number
			all, left, removed, empty := int64(10), int64(10), false, false
			shares := map[string]int64{}
			v.do(func(b *ledger.Book) error { // what is refused must not disturb the rest
				for range rapid.IntRange(1, 20).Draw(t, "steps") {
					name := rapid.SampledFrom([]string{"luc", "jo"}).Draw(t, "who")
					amount := rapid.Int64Range(0, 12).Draw(t, "amount")
					id := v.members[name].ID
					var err error
					switch rapid.SampledFrom([]string{"take", "take", "take", "return", "end", "set", "remove", "renew"}).Draw(t, "act") {
					case "take":
						_, refusal := b.TakeStock(ctx, number, id, amount)
						can := !removed && !empty && amount > 0 && amount <= left
						if can != (refusal == nil) {
							t.Fatalf("%d of %d (removed: %v, empty: %v): %v", amount, left, removed, empty, refusal)
						}
						if can {
							left, shares[name], empty = left-amount, shares[name]+amount, amount == left
						}
					case "return":
						_, err = b.ReturnStock(ctx, number, id)
						left, empty = left+shares[name], empty && shares[name] == 0
						shares[name] = 0
					case "end":
						err = b.EndShare(ctx, number, id)
						shares[name] = 0
					case "set":
						_, err = b.SetStock(ctx, number, amount, "kg")
						if all-left+amount > 0 {
							all += amount - left
						}
						left, empty = amount, amount == 0 && !removed
					case "remove":
						err = b.RemoveAd(ctx, number)
						removed, empty = true, false
					case "renew":
						_, err = b.RenewAd(ctx, number)
						removed = removed && left == 0
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			standing := "up"
			if removed {
				standing = "down"
			} else if empty {
				standing = "empty"
			}
			is := fmt.Sprintf("%d of %d %s, luc %d, jo %d", left, all, standing, shares["luc"], shares["jo"])
			if got := v.stock(number, "luc", "jo"); got != is {
				t.Errorf("the stock is %q, want %q", got, is)
			}
		})
	})
}
