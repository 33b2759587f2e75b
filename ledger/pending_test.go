package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

func ids(all []ledger.Transfer) string {
	var got []string
	for _, t := range all {
		got = append(got, fmt.Sprint(t.ID))
	}
	return strings.Join(got, " ")
}

// What waits for a yes, as the payer, the payee and the clock ask for it.
func TestPending(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben", "carl")
		ask := func(id ledger.TransferID, payer, payee string, days int) {
			v.now = v.now.Add(time.Minute)
			tr := v.transfer(id, payer, payee, 1, "")
			if days > 0 {
				tr.ExpiresAt = start().AddDate(0, 0, days)
			}
			v.do(func(b *ledger.Book) error { _, err := b.Request(ctx, tr); return err })
		}
		ask(9, "anna", "ben", 14)
		ask(8, "anna", "carl", 7)
		ask(7, "carl", "ben", 10)
		ask(6, "anna", "ben", 0) // for ever
		ask(5, "anna", "ben", 3)
		v.do(func(b *ledger.Book) error { _, err := b.End(ctx, 5, ledger.Declined); return err })
		v.pay(4, "anna", "ben", 1, "")

		list := func(query func(b *ledger.Book) ([]ledger.Transfer, error)) (got string) {
			t.Helper()
			v.view(func(b *ledger.Book) error {
				all, err := query(b)
				got = ids(all)
				for _, tr := range all {
					if tr.State != ledger.Pending || tr.Seq != 0 || tr.Receipt != "" || tr.Hash != "" || !tr.DecidedAt.IsZero() {
						t.Errorf("not pending: %+v", tr)
					}
				}
				return err
			})
			return got
		}
		toPay := func(who string) string {
			return list(func(b *ledger.Book) ([]ledger.Transfer, error) { return b.PendingToPay(ctx, v.account(who)) })
		}
		want(t, "Anna is to pay, the oldest first", toPay("anna"), "9 8 6")
		want(t, "Carl is to pay", toPay("carl"), "7")
		want(t, "Ben is to pay", toPay("ben"), "")
		want(t, "Ben waits for", list(func(b *ledger.Book) ([]ledger.Transfer, error) { return b.PendingFor(ctx, v.account("ben")) }), "9 7 6")

		before := func(days, n int) string {
			return list(func(b *ledger.Book) ([]ledger.Transfer, error) {
				return b.PendingBefore(ctx, start().AddDate(0, 0, days), n)
			})
		}
		want(t, "over in 14 days, the soonest first", before(14, 10), "8 7 9")
		want(t, "over in 13 days", before(13, 10), "8 7")
		want(t, "one of them", before(14, 1), "8")

		unreminded := func(minutes, n int) string {
			return list(func(b *ledger.Book) ([]ledger.Transfer, error) {
				return b.PendingUnreminded(ctx, start().Add(time.Duration(minutes)*time.Minute), n)
			})
		}
		want(t, "to be reminded of, the oldest first", unreminded(4, 10), "9 8 7 6")
		want(t, "made in the first two minutes", unreminded(2, 10), "9 8")
		want(t, "three of them", unreminded(4, 3), "9 8 7")
		v.do(func(b *ledger.Book) error { return errors.Join(b.Remind(ctx, 8), b.Remind(ctx, 404)) })
		want(t, "without the one that was", unreminded(4, 10), "9 7 6")
		v.view(func(b *ledger.Book) error {
			tr, err := b.Transfer(ctx, 8)
			if !tr.RemindedAt.Equal(v.now) || !tr.ExpiresAt.Equal(start().AddDate(0, 0, 7)) {
				t.Errorf("reminded: %+v", tr)
			}
			return err
		})
		rows := v.rows()
		v.do(func(b *ledger.Book) error { return errors.Join(b.Remind(ctx, 4), b.Remind(ctx, 5)) }) // too late
		if now := v.rows(); now != rows {
			t.Errorf("to remind of what is decided wrote\n%s", difference(rows, now))
		}

		// What has no end can be paid years later.
		v.now = v.now.AddDate(10, 0, 0)
		v.do(func(b *ledger.Book) error { _, err := b.Accept(ctx, 6); return err })
		v.wantBalances("anna -2 ben 2")
	})
}

func TestEndAs(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		v.do(func(b *ledger.Book) error { _, err := b.Request(ctx, v.transfer(1, "anna", "ben", 1, "")); return err })
		for _, state := range []ledger.State{ledger.Completed, "", "lost"} {
			v.refused(nil, func(b *ledger.Book) error { _, err := b.End(ctx, 1, state); return err })
		}
		v.now = v.now.Add(time.Hour)
		v.do(func(b *ledger.Book) error {
			ended, err := b.End(ctx, 1, ledger.Declined)
			if ended.State != ledger.Declined || !ended.DecidedAt.Equal(v.now) {
				t.Errorf("ended as %+v", ended)
			}
			return err
		})
	})
}

func TestLastPaid(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		last := func(who string, wantID ledger.TransferID) {
			t.Helper()
			v.view(func(b *ledger.Book) error {
				got, err := b.LastPaid(ctx, v.account(who))
				if got.ID != wantID || ledger.IsNotFound(err) != (wantID == 0) {
					t.Errorf("%s paid %d last, want %d: %v", who, got.ID, wantID, err)
				}
				return nil
			})
		}
		last("anna", 0)
		v.pay(9, "anna", "ben", 1, "")
		v.pay(5, "anna", "ben", 1, "")
		v.pay(7, "ben", "anna", 1, "")
		v.do(func(b *ledger.Book) error { _, err := b.Request(ctx, v.transfer(8, "anna", "ben", 1, "")); return err })
		last("anna", 5)
		last("ben", 7)
		last("village", 0)
	})
}

// What a caller sets beside what is his to choose has no effect.
func TestNewTransferIsNew(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		strange := v.transfer(1, "anna", "ben", 1, "bread")
		strange.State, strange.CreatedAt, strange.ExpiresAt, strange.RemindedAt, strange.DecidedAt = "lost", start().AddDate(-1, 0, 0), start(), start(), start()
		strange.Seq, strange.Previous, strange.Hash, strange.Receipt = 77, "x", "y", "ABCD"
		v.do(func(b *ledger.Book) error {
			paid, err := b.Pay(ctx, strange)
			if paid.Seq != 1 || paid.State != ledger.Completed || !paid.ExpiresAt.IsZero() || !paid.RemindedAt.IsZero() || !paid.CreatedAt.Equal(v.now) {
				t.Errorf("paid %+v", paid)
			}
			strange.ID = 2
			asked, err2 := b.Request(ctx, strange)
			if asked.Seq != 0 || asked.Hash != "" || asked.State != ledger.Pending || !asked.RemindedAt.IsZero() || !asked.DecidedAt.IsZero() {
				t.Errorf("asked for %+v", asked)
			}
			return errors.Join(err, err2)
		})
		v.verify()
	})
}
