package ledger_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"crier/ledger"
)

func TestFoundCommunity(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		want := ledger.Community{
			Slug: "riverbank", Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Decimals: 2, Locale: "nl",
			Timezone: "Europe/Brussels", Threshold: 500, Grace: 10 * time.Minute, Lower: ptr(ledger.Amount(-5000)), Upper: ptr(ledger.Amount(0)),
			AdDays: 30, ReceiptSalt: 42, ID: 7,
		}
		var founded ledger.Community
		update := func(fn func(tx ledger.Tx) error) {
			t.Helper()
			if err := db.Update(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		update(func(tx ledger.Tx) error {
			b, err := ledger.NewCommunity(t.Context(), tx, want, start().Add(999*time.Nanosecond))
			if err == nil {
				founded = *b.Community()
			}
			return err
		})
		want.CreatedAt = start() // to the microsecond
		if !reflect.DeepEqual(founded, want) {
			t.Errorf("founded %+v,\nwant %+v", founded, want)
		}
		update(func(tx ledger.Tx) error {
			got, err := ledger.CommunityBySlug(t.Context(), tx, "riverbank")
			if !reflect.DeepEqual(got, want) {
				t.Errorf("found %+v,\nwant  %+v", got, want)
			}
			return err
		})

		// Defaults: 90 days for an ad, a salt of its own, no rules.
		update(func(tx ledger.Tx) error {
			b, err := ledger.NewCommunity(t.Context(), tx, plain("arden"), start())
			if err != nil {
				return err
			}
			c := b.Community()
			if c.AdDays != 90 || c.ReceiptSalt == 0 || c.ID == 0 || c.Threshold != 0 || c.Grace != 0 || c.Lower != nil || c.Upper != nil {
				t.Errorf("the defaults are %+v", c)
			}
			a, err := b.Account(t.Context(), c.Account())
			if a.Balance != 0 || a.Lower != nil || a.Upper != nil {
				t.Errorf("the community's own account is %+v", a)
			}
			return err
		})

		// A slug is taken once, on this host.
		err := db.Update(t.Context(), func(tx ledger.Tx) error {
			_, err := ledger.NewCommunity(t.Context(), tx, plain("riverbank"), start())
			return err
		})
		if !errors.Is(err, ledger.ErrTaken) {
			t.Errorf("a second riverbank: %v", err)
		}

		// The host is no community.
		update(func(tx ledger.Tx) error {
			all, err := ledger.Communities(t.Context(), tx)
			if len(all) != 2 || all[0].Slug != "arden" || all[1].Slug != "riverbank" {
				t.Errorf("the communities are %+v", all)
			}
			for _, slug := range []string{"", "nowhere"} {
				if _, err := ledger.CommunityBySlug(t.Context(), tx, slug); !ledger.IsNotFound(err) {
					t.Errorf("community %q: %v", slug, err)
				}
			}
			if _, err := ledger.Read(t.Context(), tx, 404, start()); !ledger.IsNotFound(err) {
				t.Errorf("the book of nobody: %v", err)
			}
			return err
		})
	})
}

func TestCommunityMakesSense(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		v := settle(t, db)
		for name, change := range map[string]func(c *ledger.Community){
			"no short name":          func(c *ledger.Community) { c.Slug = "" },
			"capitals":               func(c *ledger.Community) { c.Slug = "River" },
			"a space":                func(c *ledger.Community) { c.Slug = "river bank" },
			"a line more":            func(c *ledger.Community) { c.Slug = "river\n" },
			"an accent":              func(c *ledger.Community) { c.Slug = "rivière" },
			"a hyphen first":         func(c *ledger.Community) { c.Slug = "-river" },
			"41 characters":          func(c *ledger.Community) { c.Slug = "a1234567890123456789012345678901234567890" },
			"no name":                func(c *ledger.Community) { c.Name = "" },
			"another unit kind":      func(c *ledger.Community) { c.UnitKind = "gold" },
			"no unit kind":           func(c *ledger.Community) { c.UnitKind = "" },
			"hours with decimals":    func(c *ledger.Community) { c.UnitKind, c.Decimals = ledger.Hours, 1 },
			"3 decimals":             func(c *ledger.Community) { c.Decimals = 3 },
			"-1 decimals":            func(c *ledger.Community) { c.Decimals = -1 },
			"no time zone":           func(c *ledger.Community) { c.Timezone = "" },
			"a time zone of nowhere": func(c *ledger.Community) { c.Timezone = "Europe/Riverbank" },
			"a negative threshold":   func(c *ledger.Community) { c.Threshold = -1 },
			"a negative grace":       func(c *ledger.Community) { c.Grace = -time.Second },
			"ads for -1 days":        func(c *ledger.Community) { c.AdDays = -1 },
			"ads for 11 years":       func(c *ledger.Community) { c.AdDays = 4000 },
			"limits the wrong way":   func(c *ledger.Community) { c.Lower, c.Upper = ptr(ledger.Amount(1)), ptr(ledger.Amount(0)) },
		} {
			err := db.Update(t.Context(), func(tx ledger.Tx) error {
				c := plain("fine")
				change(&c)
				_, err := ledger.NewCommunity(t.Context(), tx, c, start())
				return err
			})
			if err == nil {
				t.Errorf("%s: founded", name)
			}
			v.refused(nil, func(b *ledger.Book) error {
				c := *b.Community()
				change(&c)
				return b.SetCommunity(t.Context(), c)
			})
		}
		for _, zone := range []string{"UTC", "America/Argentina/Buenos_Aires", "Africa/Johannesburg"} {
			v.do(func(b *ledger.Book) error {
				c := *b.Community()
				c.Timezone = zone
				return b.SetCommunity(t.Context(), c)
			})
		}
	})
}

func TestChangeCommunity(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		other, v := settle(t, db), settle(t, db, "anna")
		var want ledger.Community
		v.do(func(b *ledger.Book) error {
			c := *b.Community()
			c.Slug, c.Name, c.UnitWords, c.Locale, c.Timezone = "valley", "The Valley", "talent/talents", "fr", "Europe/Paris"
			c.Threshold, c.Grace, c.Lower, c.Upper, c.AdDays = 3, time.Hour, ptr(ledger.Amount(-7)), ptr(ledger.Amount(8)), 10
			want = c
			// These stay whatever is asked: receipts and caches hang on them.
			c.ID, c.ReceiptSalt, c.DirectoryVersion, c.CreatedAt = 1, 1, 1, time.Time{}
			if err := b.SetCommunity(t.Context(), c); err != nil {
				return err
			}
			if !reflect.DeepEqual(*b.Community(), want) {
				t.Errorf("the open book says %+v,\nwant %+v", *b.Community(), want)
			}
			return nil
		})
		v.view(func(b *ledger.Book) error {
			if !reflect.DeepEqual(*b.Community(), want) {
				t.Errorf("kept %+v,\nwant %+v", *b.Community(), want)
			}
			return nil
		})

		// New limits hold for those who join later.
		v.do(func(b *ledger.Book) error {
			m, err := b.AddMember(t.Context(), ledger.NewMember{Name: "ben", Upper: ptr(ledger.Amount(20))})
			if err != nil {
				return err
			}
			now, err := b.Account(t.Context(), m.Account())
			if now.Lower == nil || *now.Lower != -7 || now.Upper == nil || *now.Upper != 20 {
				t.Errorf("a new member's account is %+v", now)
			}
			before, err2 := b.Account(t.Context(), v.account("anna"))
			if before.Lower != nil || before.Upper != nil {
				t.Errorf("an old member's account is %+v", before)
			}
			return errors.Join(err, err2)
		})

		for name, change := range map[string]func(c *ledger.Community){
			"unit kind": func(c *ledger.Community) { c.UnitKind = ledger.Hours },
			"decimals":  func(c *ledger.Community) { c.Decimals = 2 },
		} {
			v.refused(nil, func(b *ledger.Book) error {
				c := *b.Community()
				change(&c)
				err := b.SetCommunity(t.Context(), c)
				if err == nil {
					t.Errorf("the %s changed", name)
				}
				return err
			})
		}
		v.refused(ledger.ErrTaken, func(b *ledger.Book) error {
			c := *b.Community()
			other.view(func(b *ledger.Book) error { c.Slug = b.Community().Slug; return nil })
			return b.SetCommunity(t.Context(), c)
		})
	})
}

// What is written in one community is nowhere to be seen in another.
func TestCommunitiesAreApart(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		one, two := settle(t, db, "anna", "ben"), settle(t, db, "carl")
		one.pay(1, "anna", "ben", 5, "bread")
		one.do(func(b *ledger.Book) error {
			_, err := b.PutAd(t.Context(), "k", ledger.Ad{Kind: ledger.Offer, Member: one.members["anna"].ID, Text: "bread"}, []string{"bread"})
			if err != nil {
				return err
			}
			return b.Bind(t.Context(), one.members["anna"].ID, "sms", "+32470000001")
		})
		two.view(func(b *ledger.Book) error {
			ctx := t.Context()
			if _, err := b.Transfer(ctx, 1); !ledger.IsNotFound(err) {
				t.Errorf("a foreign transfer: %v", err)
			}
			if _, err := b.Member(ctx, one.members["anna"].ID); !ledger.IsNotFound(err) {
				t.Errorf("a foreign member: %v", err)
			}
			if _, err := b.Account(ctx, one.account("anna")); !ledger.IsNotFound(err) {
				t.Errorf("a foreign account: %v", err)
			}
			if _, err := b.Ad(ctx, 1); !ledger.IsNotFound(err) {
				t.Errorf("a foreign ad: %v", err)
			}
			lines, err1 := b.Statement(ctx, one.account("anna"), 0, 10)
			ads, err2 := b.FindAds(ctx, sought("bread"), 10)
			words, err4 := b.Vocabulary(ctx)
			people, err3 := b.MembersAt(ctx, "sms", "+32470000001")
			if len(lines)+len(ads)+len(words)+len(people) != 0 {
				t.Errorf("a foreign statement, ad, word or address: %v %v %v %v", lines, ads, words, people)
			}
			return errors.Join(err1, err2, err3, err4)
		})
		two.refused(ledger.ErrNotFound, func(b *ledger.Book) error {
			_, err := b.Pay(t.Context(), ledger.Transfer{ID: 1, Payer: two.account("carl"), Payee: one.account("anna"), Amount: 1})
			return err
		})
		two.pay(1, "carl", "village", 2, "the same id, in another community")
		one.verify()
		two.verify()
	})
}
