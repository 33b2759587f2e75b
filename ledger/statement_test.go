package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

// statement writes lines as "-5 bread (5) to ben"; the balance is in brackets.
func (v *village) statement(lines []ledger.Line) string {
	var all []string
	for _, l := range lines {
		way := "from"
		if l.Amount < 0 {
			way = "to"
		}
		all = append(all, fmt.Sprintf("%+d %s (%d) %s %s", l.Amount, l.Transfer.Description, l.Balance, way, v.name(l.Other)))
	}
	return strings.Join(all, ", ")
}

func TestStatement(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben", "carl")
		v.pay(1, "anna", "ben", 5, "bread")
		v.pay(2, "ben", "carl", 2, "jam")
		v.now = v.now.Add(time.Hour)
		v.pay(3, "carl", "anna", 9, "wood")
		v.do(func(b *ledger.Book) error {
			first, err := b.Transfer(ctx, 1)
			if err != nil {
				return err
			}
			back, err := b.Opposite(ctx, first, 4)
			if err != nil {
				return err
			}
			_, err = b.Pay(ctx, back)
			_, err2 := b.Request(ctx, v.transfer(5, "anna", "ben", 7, "not paid"))
			return errors.Join(err, err2)
		})
		v.view(func(b *ledger.Book) error {
			all, err := b.Statement(ctx, v.account("anna"), 0, 10)
			want(t, "anna", v.statement(all), "+5 bread (9) from ben, +9 wood (4) from carl, -5 bread (-5) to ben")
			for _, l := range all {
				whole, err := b.Transfer(ctx, l.Transfer.ID)
				if err != nil {
					return err
				}
				// A statement's transfers say what a member reads of them.
				whole.AskedBy, whole.CreatedAt, whole.Previous, whole.Hash = 0, time.Time{}, "", ""
				if l.Transfer != whole {
					t.Errorf("the statement has %+v,\nthe ledger %+v", l.Transfer, whole)
				}
			}
			nobody, err2 := b.Statement(ctx, 404, 0, 10)
			village, err3 := b.Statement(ctx, v.account("village"), 0, 10)
			none, err4 := b.Statement(ctx, v.account("anna"), 0, 0)
			if len(nobody)+len(village)+len(none) != 0 {
				t.Errorf("statements of nothing: %v %v %v", nobody, village, none)
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
}

// A long life: 10,000 entries, read page by page and verified.
func TestLongHistory(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		transfers := int64(5_000)
		if db.Engine() == "sqlite" {
			transfers = 1_500 // the race detector makes it ten times slower
		}
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		v.writeHistory(t, transfers)
		v.view(func(b *ledger.Book) error {
			before := transfers + 1
			balance := ledger.Amount(0)
			for page := 0; ; page++ {
				at := before
				if page == 0 {
					at = 0
				}
				lines, err := b.Statement(ctx, v.account("anna"), at, 700)
				if err != nil {
					return err
				}
				for _, l := range lines {
					if l.Transfer.Seq != before-1 {
						t.Fatalf("after entry %d comes %d", before, l.Transfer.Seq)
					}
					if l.Balance != balance {
						t.Fatalf("the balance at %d is %d, want %d", l.Transfer.Seq, l.Balance, balance)
					}
					before, balance = l.Transfer.Seq, l.Balance-l.Amount
				}
				if len(lines) < 700 {
					break
				}
			}
			if before != 1 || balance != 0 {
				t.Errorf("the oldest entry is %d, and the balance before it %d", before, balance)
			}
			var told []int64
			r, err := b.Verify(ctx, func(done int64) { told = append(told, done) })
			if want := (ledger.Report{Transfers: transfers, Entries: 2 * transfers, Accounts: 3}); r != want {
				t.Errorf("verified %+v, want %+v", r, want)
			}
			if len(told) < 2 || told[0] == 0 || told[len(told)-1] != transfers {
				t.Errorf("the progress was %v", told)
			}
			return err
		})
		// It goes on from where it ends.
		if made := v.pay(ledger.TransferID(transfers+1), "anna", "ben", 1, ""); made.Seq != transfers+1 {
			t.Errorf("the next transfer is %d", made.Seq)
		}
	})
}

// writeHistory writes transfers of 1 from anna to ben and back, an even number
// of them, as the ledger would have but many in one statement.
func (v *village) writeHistory(t *testing.T, n int64) {
	v.do(func(b *ledger.Book) error {
		at, previous := ledger.Micros(b.Now()), ""
		for from := int64(1); from <= n; from += 500 {
			var transfers, entries []string
			for seq := from; seq < min(from+500, n+1); seq++ {
				payer, payee, sign := v.account("anna"), v.account("ben"), -1
				if seq%2 == 0 {
					payer, payee, sign = payee, payer, 1
				}
				hash := b.HashOf(ledger.Transfer{
					ID: ledger.TransferID(seq), Payer: payer, Payee: payee, Amount: 1, DecidedAt: b.Now(), Seq: seq, Previous: previous,
				})
				transfers = append(transfers, fmt.Sprintf("(%d, %d, %d, %d, 1, '', 'completed', 0, %d, %d, %d, '%s', '%s')",
					v.id, seq, payer, payee, at, at, seq, previous, hash))
				entries = append(entries, fmt.Sprintf("(%d, %d, %d, %d, %d), (%d, %d, %d, %d, %d)",
					v.id, v.account("anna"), seq, sign, min(sign, 0), v.id, v.account("ben"), seq, -sign, max(-sign, 0)))
				previous = hash
			}
			for _, s := range []string{
				`INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, decided_at, seq, previous, hash)
					VALUES ` + strings.Join(transfers, ", "),
				`INSERT INTO entries (community_id, account_id, seq, amount, balance) VALUES ` + strings.Join(entries, ", "),
			} {
				if _, err := b.Tx().Exec(t.Context(), s); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
