package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

func names(all []ledger.Member) string {
	var got []string
	for _, m := range all {
		got = append(got, m.Name)
	}
	return strings.Join(got, " ")
}

func TestMembers(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db)
		add := func(n ledger.NewMember) (m ledger.Member) {
			t.Helper()
			v.do(func(b *ledger.Book) (err error) { m, err = b.AddMember(ctx, n); return err })
			return m
		}

		// Who says no more than a name is an active, ordinary member.
		anna := add(ledger.NewMember{Name: "Anna Bauer"})
		want := ledger.Member{
			ID: anna.ID, Number: 1, Name: "Anna Bauer", Locale: "en", Role: ledger.Ordinary, Status: ledger.Active, Version: 1, CreatedAt: start(),
		}
		if anna != want {
			t.Errorf("added %+v, want %+v", anna, want)
		}
		ria := add(ledger.NewMember{
			Number: 21, Name: "Ria Jansen", Place: "Leuven", Locale: "nl", Role: ledger.Coordinator, Status: ledger.Invited,
		})
		want = ledger.Member{
			ID: ria.ID, Number: 21, Name: "Ria Jansen", Place: "Leuven", Locale: "nl", Role: ledger.Coordinator, Status: ledger.Invited,
			Version: 2, CreatedAt: start(),
		}
		if ria != want {
			t.Errorf("added %+v, want %+v", ria, want)
		}

		// Numbers: the next is above all others, and one is free to be chosen.
		if luc := add(ledger.NewMember{Name: "Luc"}); luc.Number != 22 {
			t.Errorf("the number after 21 is %d", luc.Number)
		}
		if jo := add(ledger.NewMember{Name: "Jo", Number: 7}); jo.Number != 7 {
			t.Errorf("number 7 is %d", jo.Number)
		}
		v.view(func(b *ledger.Book) error {
			byID, err1 := b.Member(ctx, ria.ID)
			byNumber, err2 := b.MemberByNumber(ctx, 21)
			if byID != ria || byNumber != ria {
				t.Errorf("found %+v and %+v, want %+v", byID, byNumber, ria)
			}
			if _, err := b.MemberByNumber(ctx, 8); !ledger.IsNotFound(err) {
				t.Errorf("number 8: %v", err)
			}
			if _, err := b.Member(ctx, 8); !ledger.IsNotFound(err) {
				t.Errorf("id 8: %v", err)
			}
			return errors.Join(err1, err2)
		})
		refused := func(want error, n ledger.NewMember) {
			t.Helper()
			v.refused(want, func(b *ledger.Book) error { _, err := b.AddMember(ctx, n); return err })
		}
		refused(ledger.ErrTaken, ledger.NewMember{Name: "Eve", Number: 21})
		refused(nil, ledger.NewMember{Name: "Eve", Number: -1})
		refused(nil, ledger.NewMember{Name: ""})
		refused(nil, ledger.NewMember{Name: "Eve", Lower: ptr(ledger.Amount(1)), Upper: ptr(ledger.Amount(0))})
		for _, n := range []ledger.NewMember{{Name: "Eve", Role: "queen"}, {Name: "Eve", Status: "happy"}} {
			if err := v.update(func(b *ledger.Book) error { _, err := b.AddMember(ctx, n); return err }); err == nil {
				t.Errorf("added %+v", n)
			}
		}
	})
}

func TestSaveMember(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		ben := v.members["ben"]
		for _, status := range []ledger.Status{ledger.Invited, ledger.Frozen, ledger.Left, ledger.Active} {
			ben.Name, ben.Place, ben.Locale, ben.Role, ben.Status = "Ben "+string(status), "Ghent", "fr", ledger.Coordinator, status
			v.now = v.now.Add(time.Hour)
			v.do(func(b *ledger.Book) error { return b.SaveMember(ctx, ben) })
			v.view(func(b *ledger.Book) error {
				got, err := b.Member(ctx, ben.ID)
				ben.Version = b.Community().DirectoryVersion
				if got != ben {
					t.Errorf("saved %+v, kept %+v", ben, got)
				}
				return err
			})
		}
		// A number, an id and the day of joining are not for saving.
		other := ben
		other.Number, other.CreatedAt = 99, time.Time{}
		v.do(func(b *ledger.Book) error { return b.SaveMember(ctx, other) })
		v.view(func(b *ledger.Book) error {
			got, err := b.Member(ctx, ben.ID)
			if ben.Version++; got != ben {
				t.Errorf("kept %+v, want %+v", got, ben)
			}
			return err
		})
		err := v.update(func(b *ledger.Book) error { return b.SaveMember(ctx, ledger.Member{ID: 404, Name: "Nobody"}) })
		if !ledger.IsNotFound(err) {
			t.Errorf("saved nobody: %v", err)
		}
		for _, change := range []func(m *ledger.Member){
			func(m *ledger.Member) { m.Name = "" },
			func(m *ledger.Member) { m.Role = "queen" },
			func(m *ledger.Member) { m.Status = "happy" },
		} {
			m := ben
			change(&m)
			if err := v.update(func(b *ledger.Book) error { return b.SaveMember(ctx, m) }); err == nil {
				t.Errorf("saved %+v", m)
			}
		}
	})
}

// The directory's version tells whoever keeps it in memory what to read again.
func TestDirectoryVersion(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben", "carl")
		since := func(version int64, want string, newest int64) {
			t.Helper()
			v.view(func(b *ledger.Book) error {
				all, err := b.MembersSince(ctx, version)
				if got := names(all); got != want {
					t.Errorf("written after %d: %q, want %q", version, got, want)
				}
				if got := b.Community().DirectoryVersion; got != newest {
					t.Errorf("the directory is at %d, want %d", got, newest)
				}
				if b.MembersChanged() {
					t.Error("a book that wrote nothing says that it did")
				}
				return err
			})
		}
		since(0, "anna ben carl", 3)
		since(2, "carl", 3)
		since(3, "", 3)

		anna, carl := v.members["anna"], v.members["carl"]
		carl.Status, anna.Place = ledger.Left, "Mechelen"
		v.do(func(b *ledger.Book) error {
			err := errors.Join(b.SaveMember(ctx, carl), b.SaveMember(ctx, anna))
			if !b.MembersChanged() || b.Community().DirectoryVersion != 5 {
				t.Errorf("the open book says %v, %d", b.MembersChanged(), b.Community().DirectoryVersion)
			}
			return err
		})
		since(3, "anna carl", 5)
		since(4, "anna", 5)
		since(0, "anna ben carl", 5)

		// Something else that others keep in memory: nobody was written.
		v.do(func(b *ledger.Book) error { return b.Changed(ctx) })
		since(5, "", 6)

		// What is rolled back has not happened.
		mine := errors.New("mine")
		if err := v.update(func(b *ledger.Book) error { return errors.Join(b.SaveMember(ctx, anna), mine) }); !errors.Is(err, mine) {
			t.Error(err)
		}
		since(5, "", 6)

		// Payments are not the directory's business.
		v.pay(1, "anna", "ben", 1, "")
		since(5, "", 6)
	})
}

func TestCoordinators(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		v := settle(t, db, "anna")
		v.do(func(b *ledger.Book) error {
			var errs []error
			for _, n := range []ledger.NewMember{
				{Number: 9, Name: "ria", Role: ledger.Coordinator},
				{Number: 5, Name: "jo", Role: ledger.Coordinator},
				{Number: 6, Name: "frozen", Role: ledger.Coordinator, Status: ledger.Frozen},
				{Number: 7, Name: "invited", Role: ledger.Coordinator, Status: ledger.Invited},
				{Number: 8, Name: "left", Role: ledger.Coordinator, Status: ledger.Left},
			} {
				_, err := b.AddMember(t.Context(), n)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
		v.view(func(b *ledger.Book) error {
			all, err := b.Coordinators(t.Context())
			if got := names(all); got != "jo ria" {
				t.Errorf("the coordinators are %q", got)
			}
			return err
		})
	})
}

func TestAccountLimits(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna")
		for _, limits := range [][2]*ledger.Amount{
			{ptr(ledger.Amount(-5)), ptr(ledger.Amount(5))},
			{nil, ptr(ledger.Amount(0))},
			{ptr(ledger.Amount(0)), nil},
			{ptr(ledger.Amount(3)), ptr(ledger.Amount(3))},
			{nil, nil},
		} {
			v.do(func(b *ledger.Book) error { return b.SetLimits(ctx, v.account("anna"), limits[0], limits[1]) })
			v.view(func(b *ledger.Book) error {
				got, err := b.Account(ctx, v.account("anna"))
				if want := (ledger.Account{ID: v.account("anna"), Lower: limits[0], Upper: limits[1]}); !reflect.DeepEqual(got, want) {
					t.Errorf("the account is %+v, want %+v", got, want)
				}
				return err
			})
		}
		// What a book has paid and set itself, it knows.
		v.do(func(b *ledger.Book) error {
			has := func(balance ledger.Amount, lower *ledger.Amount) {
				t.Helper()
				a, err := b.Account(ctx, v.account("anna"))
				if want := (ledger.Account{ID: v.account("anna"), Balance: balance, Lower: lower}); !reflect.DeepEqual(a, want) {
					t.Errorf("the account is %+v, want %+v: %v", a, want, err)
				}
			}
			has(0, nil)
			_, err := b.Pay(ctx, v.transfer(1, "anna", "village", 3, ""))
			has(-3, nil)
			err = errors.Join(err, b.SetLimits(ctx, v.account("anna"), ptr(ledger.Amount(-4)), nil))
			has(-3, ptr(ledger.Amount(-4)))
			_, err2 := b.Pay(ctx, v.transfer(2, "anna", "village", 1, ""))
			has(-4, ptr(ledger.Amount(-4)))
			_, refusal := b.Pay(ctx, v.transfer(3, "anna", "village", 1, ""))
			if refusal == nil {
				t.Error("a limit set in the same transaction was passed")
			}
			has(-4, ptr(ledger.Amount(-4)))
			return errors.Join(err, err2)
		})
		v.refused(ledger.ErrNotFound, func(b *ledger.Book) error { return b.SetLimits(ctx, 404, nil, nil) })
		v.refused(nil, func(b *ledger.Book) error {
			return b.SetLimits(ctx, v.account("anna"), ptr(ledger.Amount(1)), ptr(ledger.Amount(0)))
		})
	})
}

// Even without limits no balance comes near the end of what 63 bits hold.
func TestBalanceMax(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		// As after a thousand of the largest payments.
		for account, balance := range map[ledger.AccountID]ledger.Amount{v.account("anna"): -ledger.MaxBalance, v.account("ben"): ledger.MaxBalance} {
			if err := v.sql(fmt.Sprintf(`UPDATE accounts SET balance = %d WHERE community_id = $1 AND id = %d`, balance, account)); err != nil {
				t.Fatal(err)
			}
		}
		var limit *ledger.LimitError
		for _, pair := range [][2]string{{"anna", "village"}, {"village", "ben"}} {
			v.refused(nil, func(b *ledger.Book) error {
				_, err := b.Pay(ctx, v.transfer(9999, pair[0], pair[1], 1, ""))
				if !errors.As(err, &limit) || limit.Room() != 0 {
					t.Errorf("%s pays %s beyond the end: %v", pair[0], pair[1], err)
				}
				return err
			})
		}
		v.pay(9999, "ben", "anna", ledger.MaxAmount, "")
	})
}
