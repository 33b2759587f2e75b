package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

// put puts an ad up that is found by each word of its text.
func (v *village) put(owner, text string) (a ledger.Ad) {
	v.t.Helper()
	v.do(func(b *ledger.Book) (err error) {
		a, err = b.PutAd(v.t.Context(), owner+text, ledger.Ad{Kind: ledger.Offer, Member: v.members[owner].ID, Text: text}, strings.Fields(text))
		return err
	})
	return a
}

// numbers writes the numbers of ads.
func numbers(all []ledger.Ad) string {
	var got []string
	for _, a := range all {
		got = append(got, fmt.Sprint(a.Number))
	}
	return strings.Join(got, " ")
}

// sought are the words of a text, each standing for itself.
func sought(text string) (all []ledger.Sought) {
	for i, w := range strings.Fields(text) {
		all = append(all, ledger.Sought{Word: w, For: i, Near: 1})
	}
	return all
}

func (v *village) search(words string) string {
	v.t.Helper()
	return v.find(sought(words)...)
}

func (v *village) find(sought ...ledger.Sought) (got string) {
	v.t.Helper()
	v.view(func(b *ledger.Book) error {
		all, err := b.FindAds(v.t.Context(), sought, 10)
		var ads []ledger.Ad
		for _, found := range all {
			ads = append(ads, found.Ad)
		}
		got = numbers(ads)
		return err
	})
	return got
}

func (v *village) vocabulary() (got string) {
	v.t.Helper()
	v.view(func(b *ledger.Book) error {
		all, err := b.Vocabulary(v.t.Context())
		slices.Sort(all)
		got = strings.Join(all, " ")
		return err
	})
	return got
}

func (v *village) adsOf(owner string) (got string) {
	v.t.Helper()
	v.view(func(b *ledger.Book) error {
		all, err := b.AdsOf(v.t.Context(), v.members[owner].ID)
		got = numbers(all)
		return err
	})
	return got
}

func TestPutAd(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "jo")
		luc := v.members["luc"].ID
		asked := ledger.Ad{
			Kind: ledger.Offer, Member: luc, Text: "guitar lessons for beginners", Price: ptr(ledger.Amount(4)), Per: "an hour",
			Quantity: "2 a week", Place: "Ghent", Category: "music", ExpiresAt: start().AddDate(0, 1, 0), Dated: true,
			Stock: 2500, Measure: "kg", PerMeasure: true,
		}
		put := func(key string, a ledger.Ad) (made ledger.Ad) {
			t.Helper()
			v.do(func(b *ledger.Book) (err error) {
				made, err = b.PutAd(ctx, key, a, []string{"guitar", "guitar"})
				return err
			})
			return made
		}
		first := put("one", asked)
		asked.Number, asked.CreatedAt, asked.Left = 1, start(), 2500
		if !reflect.DeepEqual(first, asked) {
			t.Errorf("put up %+v,\nwant   %+v", first, asked)
		}
		v.view(func(b *ledger.Book) error {
			kept, err := b.Ad(ctx, 1)
			if !reflect.DeepEqual(kept, first) {
				t.Errorf("kept %+v,\nwant %+v", kept, first)
			}
			_, none := b.Ad(ctx, 2)
			if !ledger.IsNotFound(none) {
				t.Errorf("ad 2: %v", none)
			}
			return err
		})

		// By itself an ad has the next number, no price, and the community's days.
		second := put("two", ledger.Ad{Kind: ledger.Want, Member: luc, Text: "a bicycle"})
		if second.Number != 2 || second.Price != nil || !second.ExpiresAt.Equal(start().AddDate(0, 0, 90)) {
			t.Errorf("the second ad is %+v", second)
		}
		if a := put("forty", ledger.Ad{Number: 40, Kind: ledger.Want, Member: luc, Text: "soup"}); a.Number != 40 {
			t.Errorf("ad 40 is %+v", a)
		}
		if a := put("next", ledger.Ad{Kind: ledger.Want, Member: luc, Text: "stew"}); a.Number != 41 {
			t.Errorf("the ad after 40 is %+v", a)
		}

		// The same key finds the same ad, however much later.
		v.now = start().AddDate(1, 0, 0)
		rows := v.rows()
		asked.Number, asked.CreatedAt, asked.Left = 0, time.Time{}, 0
		if again := put("one", asked); !reflect.DeepEqual(again, first) {
			t.Errorf("the second time it is %+v,\nthe first %+v", again, first)
		}
		if now := v.rows(); now != rows {
			t.Errorf("the second time wrote\n%s", difference(rows, now))
		}
		for _, change := range []func(a *ledger.Ad){
			func(a *ledger.Ad) { a.Text = "guitars" },
			func(a *ledger.Ad) { a.Kind = ledger.Want },
			func(a *ledger.Ad) { a.Member = v.members["jo"].ID },
		} {
			a := asked
			change(&a)
			v.refused(ledger.ErrKeyReused, func(b *ledger.Book) error { _, err := b.PutAd(ctx, "one", a, nil); return err })
		}
		for name, a := range map[string]ledger.Ad{
			"nobody's":       {Kind: ledger.Offer, Member: 404, Text: "x"},
			"of no kind":     {Member: luc, Text: "x"},
			"without a text": {Kind: ledger.Offer, Member: luc},
			"number 1 again": {Number: 1, Kind: ledger.Offer, Member: luc, Text: "x"},
			"number -1":      {Number: -1, Kind: ledger.Offer, Member: luc, Text: "x"},
		} {
			if err := v.update(func(b *ledger.Book) error { _, err := b.PutAd(ctx, "bad", a, nil); return err }); err == nil {
				t.Errorf("an ad %s was put up", name)
			}
		}
	})
}

func TestFindAds(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "jo")
		want(t, "the words of no ad", v.vocabulary(), "")
		v.put("luc", "guitar lessons")      // 1
		v.put("jo", "bicycle repair")       // 2
		v.put("luc", "bicycle")             // 3
		v.put("jo", "repair of a guitar")   // 4
		v.put("luc", "bicycles and guitar") // 5
		want(t, "the words of all", v.vocabulary(), "a and bicycle bicycles guitar lessons of repair")

		want(t, "one word, the newest first", v.search("guitar"), "5 4 1")
		want(t, "the most words first", v.search("guitar repair"), "4 5 2 1")
		want(t, "not the beginning of a word", v.search("bicy"), "")
		want(t, "nothing", v.search(""), "")
		want(t, "a word that nobody has", v.search("violin"), "")
		want(t, "a quote", v.search(`'; " \`), "")
		want(t, "two that stand for one count once, the nearest first",
			v.find(ledger.Sought{Word: "and", Near: 1}, ledger.Sought{Word: "bicycles", Near: 1}, ledger.Sought{Word: "bicycle", Near: 2}), "3 2 5")
		want(t, "what has two of them before what is nearer to one",
			v.find(ledger.Sought{Word: "lessons", Near: 5}, ledger.Sought{Word: "guitar", For: 1, Near: 1}, ledger.Sought{Word: "bicycle", For: 1, Near: 4}), "1 3 2 5 4")
		v.view(func(b *ledger.Book) error {
			two, err := b.FindAds(ctx, sought("guitar"), 2)
			if err != nil || len(two) != 2 || two[0].Number != 5 || two[1].Number != 4 {
				t.Fatalf("the first two: %+v, %v", two, err)
			}
			if whole, err := b.Ad(ctx, 5); err != nil || !reflect.DeepEqual(two[0], ledger.FoundAd{Ad: whole, Near: 1}) {
				t.Errorf("found %+v,\nkept %+v: %v", two[0], whole, err)
			}
			return err
		})
		v.do(func(b *ledger.Book) error {
			_, err := b.PutAd(ctx, "wanted", ledger.Ad{Kind: ledger.Want, Member: v.members["jo"].ID, Text: "lessons"}, []string{"lessons"}) // 6
			return err
		})
		want(t, "offers before wants", v.search("lessons"), "1 6")

		// What is down, over, or of somebody who is not there cannot be had.
		v.do(func(b *ledger.Book) error { return b.RemoveAd(ctx, 5) })
		want(t, "without a removed one", v.search("guitar"), "4 1")
		luc := v.members["luc"]
		for _, status := range []ledger.Status{ledger.Invited, ledger.Frozen, ledger.Left} {
			luc.Status = status
			v.do(func(b *ledger.Book) error { return b.SaveMember(ctx, luc) })
			want(t, "without those of a member who is "+string(status), v.search("guitar"), "4")
		}
		luc.Status = ledger.Active
		v.do(func(b *ledger.Book) error { return b.SaveMember(ctx, luc) })
		v.now = start().AddDate(0, 0, 90).Add(-time.Microsecond)
		want(t, "on the last day", v.search("guitar"), "4 1")
		v.now = start().AddDate(0, 0, 90)
		want(t, "after it", v.search("guitar"), "")
	})
}

func TestRemoveAndRenewAd(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "jo")
		v.put("luc", "guitar lessons")
		v.put("luc", "bicycle repair")
		v.put("jo", "soup")
		ad := func(number int64) (a ledger.Ad) {
			v.view(func(b *ledger.Book) (err error) { a, err = b.Ad(ctx, number); return err })
			return a
		}
		want(t, "Luc's", v.adsOf("luc"), "1 2")

		v.now = start().Add(time.Hour)
		v.do(func(b *ledger.Book) error { return b.RemoveAd(ctx, 1) })
		removed := ad(1)
		if !removed.RemovedAt.Equal(v.now) || removed.Up(v.now) {
			t.Errorf("taken down: %+v", removed)
		}
		want(t, "Luc's", v.adsOf("luc"), "2")
		v.now = start().Add(2 * time.Hour)
		v.do(func(b *ledger.Book) error { return b.RemoveAd(ctx, 1) })
		if again := ad(1); !reflect.DeepEqual(again, removed) {
			t.Errorf("taken down twice: %+v", again)
		}

		// Renewing gives it the community's days again, and puts it up again.
		v.now = start().AddDate(0, 0, 100)
		want(t, "Luc's, after 100 days", v.adsOf("luc"), "")
		v.do(func(b *ledger.Book) error {
			err := b.AdAsked(ctx, 2)
			for _, number := range []int64{1, 2} {
				a, err2 := b.RenewAd(ctx, number)
				if !a.Up(v.now) || !a.ExpiresAt.Equal(v.now.AddDate(0, 0, 90)) || !a.AskedAt.IsZero() {
					t.Errorf("renewed: %+v", a)
				}
				err = errors.Join(err, err2)
			}
			return err
		})
		want(t, "Luc's", v.adsOf("luc"), "1 2")
		want(t, "Jo's", v.adsOf("jo"), "")
		want(t, "found", v.search("guitar bicycle soup"), "2 1")

		for _, change := range []func(b *ledger.Book) error{
			func(b *ledger.Book) error { return b.RemoveAd(ctx, 99) },
			func(b *ledger.Book) error { return b.AdAsked(ctx, 99) },
			func(b *ledger.Book) error { _, err := b.RenewAd(ctx, 99); return err },
		} {
			v.refused(ledger.ErrNotFound, change)
		}
	})
}

func TestAdsExpiring(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "luc", "jo")
		for days := range 5 { // numbers 1 to 5, over in 4 days to none
			a := ledger.Ad{Kind: ledger.Offer, Member: v.members["luc"].ID, Text: "x", ExpiresAt: start().AddDate(0, 0, 4-days)}
			v.do(func(b *ledger.Book) error { _, err := b.PutAd(ctx, fmt.Sprint(days), a, nil); return err })
		}
		var after ledger.MemberID
		expiring := func(days, n int) (got string) {
			v.view(func(b *ledger.Book) error {
				all, err := b.AdsExpiring(ctx, start().AddDate(0, 0, days), after, n)
				got = numbers(all)
				return err
			})
			return got
		}
		want(t, "within 3 days, the soonest first", expiring(3, 10), "4 3 2")
		want(t, "two of them", expiring(3, 2), "4 3")
		v.do(func(b *ledger.Book) error { return errors.Join(b.AdAsked(ctx, 4), b.RemoveAd(ctx, 3)) })
		want(t, "without those removed or asked about", expiring(3, 10), "2")
		v.do(func(b *ledger.Book) error { _, err := b.RenewAd(ctx, 4); return err })
		want(t, "a renewed one is asked about again", expiring(90, 10), "2 1 4")
		v.do(func(b *ledger.Book) error {
			a := ledger.Ad{Kind: ledger.Offer, Member: v.members["jo"].ID, Text: "x", ExpiresAt: start().AddDate(0, 0, 1)}
			_, err := b.PutAd(ctx, "jo's", a, nil)
			return err
		})
		want(t, "those of one owner together", expiring(90, 10), "2 1 4 6")
		after = v.members["luc"].ID
		want(t, "behind an owner", expiring(90, 10), "6")
		after = 0

		// Whoever has said until when is not asked.
		v.do(func(b *ledger.Book) error {
			_, err := b.PutAd(ctx, "dated", ledger.Ad{
				Kind: ledger.Offer, Member: v.members["luc"].ID, Text: "x", ExpiresAt: start().AddDate(0, 0, 2), Dated: true,
			}, nil)
			return err
		})
		want(t, "without one that has a date", expiring(3, 10), "2 6")
		v.do(func(b *ledger.Book) error { _, err := b.RenewAd(ctx, 7); return err })
		want(t, "a renewed one has no date any more", expiring(90, 10), "2 1 4 7 6")
	})
}
