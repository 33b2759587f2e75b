package ledger_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"crier/ledger"
)

// history founds a community with five completed transfers, 101 to 105, a
// pending and a declined one.
func history(t *testing.T, db ledger.DB) *village {
	v := settle(t, db, "anna", "ben", "carl")
	v.do(func(b *ledger.Book) error {
		ctx := t.Context()
		request := func(id ledger.TransferID, payer, payee string, amount ledger.Amount) error {
			_, err := b.Request(ctx, v.transfer(id, payer, payee, amount, "asked for"))
			return err
		}
		if err := errors.Join(
			b.SetLimits(ctx, v.account("anna"), ptr(ledger.Amount(-20)), nil),
			b.SetLimits(ctx, v.account("ben"), nil, ptr(ledger.Amount(20))),
			request(104, "anna", "carl", 4), request(106, "anna", "carl", 1), request(107, "anna", "carl", 1),
		); err != nil {
			return err
		}
		first, err := b.Pay(ctx, v.transfer(101, "anna", "ben", 5, "bread"))
		if err != nil {
			return err
		}
		for _, tr := range []ledger.Transfer{v.transfer(102, "ben", "carl", 3, "jam"), v.transfer(103, "carl", "anna", 2, "wood")} {
			if _, err := b.Pay(ctx, tr); err != nil {
				return err
			}
		}
		if _, err := b.Accept(ctx, 104); err != nil {
			return err
		}
		back, err := b.Opposite(ctx, first, 105)
		if err != nil {
			return err
		}
		if _, err := b.Pay(ctx, back); err != nil {
			return err
		}
		_, err = b.End(ctx, 107, ledger.Declined)
		return err
	})
	v.wantBalances("anna -2 ben -3 carl 5 village 0")
	return v
}

func TestVerifyClean(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		if r := settle(t, db).verify(); r != (ledger.Report{Accounts: 1}) {
			t.Errorf("a new community: %+v", r)
		}
		v := history(t, db)
		if r := v.verify(); r != (ledger.Report{Transfers: 5, Entries: 10, Accounts: 4}) {
			t.Errorf("verified %+v", r)
		}
		// The chain: each transfer holds the hash of the one before it.
		v.view(func(b *ledger.Book) error {
			previous := ""
			for i := range ledger.TransferID(5) {
				tr, err := b.Transfer(t.Context(), 101+i)
				if err != nil {
					return err
				}
				if tr.Seq != int64(i)+1 || tr.Previous != previous || len(tr.Hash) != 64 || tr.Hash != b.HashOf(tr) {
					t.Errorf("place %d holds %+v", i+1, tr)
				}
				previous = tr.Hash
			}
			return nil
		})
	})
}

// disarm takes away what keeps an honest program from changing history: the
// triggers, and in a transaction of its own the foreign keys.
func disarm(t *testing.T, db ledger.DB) {
	statements := []string{
		`DROP TRIGGER transfers_no_update`, `DROP TRIGGER transfers_no_delete`, `DROP TRIGGER entries_no_update`, `DROP TRIGGER entries_no_delete`,
	}
	if db.Engine() == "postgres" {
		for i, s := range statements {
			statements[i] = s + " ON " + regexp.MustCompile(`transfers|entries`).FindString(s)
		}
		statements = append(statements, `ALTER TABLE entries DROP CONSTRAINT entries_community_id_seq_fkey`)
	}
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whoever gets at the database itself and changes history is found out.
// In the statements $1 is the community, and ANNA, BEN and CARL the accounts.
func TestVerifyFinds(t *testing.T) {
	const swap = `UPDATE transfers SET seq = %d WHERE community_id = $1 AND seq = %d`
	cases := []struct {
		what   string
		tamper []string
		found  string // RECEIPT3 is the receipt of transfer 3
	}{
		{
			"an amount",
			[]string{`UPDATE transfers SET amount = 30 WHERE community_id = $1 AND seq = 2`},
			"transfer 2 (receipt RECEIPT2) was changed after it was made: its hash does not fit",
		},
		{
			"a description",
			[]string{`UPDATE transfers SET description = 'gold' WHERE community_id = $1 AND seq = 3`},
			"transfer 3 (receipt RECEIPT3) was changed",
		},
		{
			"a payee",
			[]string{`UPDATE transfers SET payee = CARL WHERE community_id = $1 AND seq = 1`},
			"transfer 1 (receipt RECEIPT1) was changed",
		},
		{
			"a payer",
			[]string{`UPDATE transfers SET payer = BEN WHERE community_id = $1 AND seq = 4`},
			"transfer 4 (receipt RECEIPT4) was changed",
		},
		{
			"both sides",
			[]string{`UPDATE transfers SET payer = payee, payee = payer WHERE community_id = $1 AND seq = 4`},
			"transfer 4 (receipt RECEIPT4) was changed",
		},
		{
			"who asked",
			[]string{`UPDATE transfers SET asked_by = CARL WHERE community_id = $1 AND seq = 1`},
			"transfer 1 (receipt RECEIPT1) was changed",
		},
		{
			"the time",
			[]string{`UPDATE transfers SET decided_at = decided_at + 1 WHERE community_id = $1 AND seq = 5`},
			"transfer 5 (receipt RECEIPT5) was changed",
		},
		{
			"no time",
			[]string{`UPDATE transfers SET decided_at = NULL WHERE community_id = $1 AND seq = 5`},
			"transfer 5 (receipt RECEIPT5) was changed",
		},
		{
			"what it takes back",
			[]string{`UPDATE transfers SET reverses = NULL WHERE community_id = $1 AND seq = 5`},
			"transfer 5 (receipt RECEIPT5) was changed",
		},
		{
			"an id",
			[]string{`UPDATE transfers SET id = 999 WHERE community_id = $1 AND seq = 2`},
			"transfer 2 (receipt RECEIPT2) was changed",
		},
		{
			"a hash",
			[]string{`UPDATE transfers SET hash = '0000' WHERE community_id = $1 AND seq = 3`},
			"transfer 3 (receipt RECEIPT3) was changed",
		},
		{
			"the link to the one before",
			[]string{`UPDATE transfers SET previous = 'x' WHERE community_id = $1 AND seq = 3`},
			"transfer 3 (receipt RECEIPT3) does not follow the one before it: the chain is broken",
		},
		{
			"no link",
			[]string{`UPDATE transfers SET previous = NULL WHERE community_id = $1 AND seq = 3`},
			"transfer 3 (receipt RECEIPT3) does not follow",
		},
		{
			"a hash, and the link to it",
			[]string{
				`UPDATE transfers SET hash = '0000' WHERE community_id = $1 AND seq = 3`,
				`UPDATE transfers SET previous = '0000' WHERE community_id = $1 AND seq = 4`,
			},
			"transfer 3 (receipt RECEIPT3) was changed",
		},
		{
			"the order",
			[]string{
				fmt.Sprintf(swap, 99, 2), fmt.Sprintf(swap, 2, 3), fmt.Sprintf(swap, 3, 99),
				`UPDATE entries SET seq = 99 WHERE community_id = $1 AND seq = 2`,
				`UPDATE entries SET seq = 2 WHERE community_id = $1 AND seq = 3`,
				`UPDATE entries SET seq = 3 WHERE community_id = $1 AND seq = 99`,
			},
			"transfer 2 (receipt RECEIPT2) does not follow",
		},
		{
			"a transfer in the middle taken out",
			[]string{
				`DELETE FROM entries WHERE community_id = $1 AND seq = 3`, `DELETE FROM transfers WHERE community_id = $1 AND seq = 3`,
			},
			"transfer 3 is missing: the one after 2 is 4",
		},
		{
			"the first one taken out",
			[]string{
				`DELETE FROM entries WHERE community_id = $1 AND seq = 1`, `DELETE FROM transfers WHERE community_id = $1 AND seq = 1`,
			},
			"transfer 1 is missing: the one after 0 is 2",
		},
		{
			"the last one taken out",
			[]string{
				`DELETE FROM entries WHERE community_id = $1 AND seq = 5`, `DELETE FROM transfers WHERE community_id = $1 AND seq = 5`,
			},
			"account ANNA says -2, its entries -7",
		},
		{
			"one that never happened after all",
			[]string{
				`DELETE FROM entries WHERE community_id = $1 AND seq = 3`,
				`UPDATE transfers SET state = 'declined', seq = NULL, hash = NULL WHERE community_id = $1 AND seq = 3`,
			},
			"transfer 3 is missing",
		},
		{
			"one moved to the end of time",
			[]string{
				`UPDATE transfers SET seq = 4611686018427387904 WHERE community_id = $1 AND seq = 5`,
				`UPDATE entries SET seq = 4611686018427387904 WHERE community_id = $1 AND seq = 5`,
			},
			"transfer 5 is missing: the one after 4 is 4611686018427387904",
		},
		{
			"the payer's entry taken out",
			[]string{`DELETE FROM entries WHERE community_id = $1 AND seq = 2 AND account_id = BEN`},
			"transfer 2 (receipt RECEIPT2): the payer's entry is 0, not -3",
		},
		{
			"the payee's entry taken out",
			[]string{`DELETE FROM entries WHERE community_id = $1 AND seq = 2 AND account_id = CARL`},
			"transfer 2 (receipt RECEIPT2): the payee's entry is 0, not 3",
		},
		{
			"an entry moved to another account",
			[]string{`UPDATE entries SET account_id = ANNA WHERE community_id = $1 AND seq = 2 AND account_id = CARL`},
			"transfer 2 (receipt RECEIPT2): the payee's entry is 0, not 3",
		},
		{
			"an entry more",
			[]string{`INSERT INTO entries (community_id, account_id, seq, amount, balance) VALUES ($1, CARL, 1, 7, 7)`},
			"there are 11 entries for 5 transfers, not two for each",
		},
		{
			"the payer's entry",
			[]string{`UPDATE entries SET amount = -1 WHERE community_id = $1 AND seq = 3 AND account_id = CARL`},
			"transfer 3 (receipt RECEIPT3): the payer's entry is -1, not -2",
		},
		{
			"the payee's entry",
			[]string{`UPDATE entries SET amount = 20 WHERE community_id = $1 AND seq = 3 AND account_id = ANNA`},
			"transfer 3 (receipt RECEIPT3): the payee's entry is 20, not 2",
		},
		{
			"the payer's balance in an entry",
			[]string{`UPDATE entries SET balance = 7 WHERE community_id = $1 AND seq = 3 AND account_id = CARL`},
			"transfer 3 (receipt RECEIPT3): the payer's balance is 7 after it, not 1",
		},
		{
			"the payee's balance in an entry",
			[]string{`UPDATE entries SET balance = 7 WHERE community_id = $1 AND seq = 3 AND account_id = ANNA`},
			"transfer 3 (receipt RECEIPT3): the payee's balance is 7 after it, not -3",
		},
		{
			"a lowest balance that was not kept",
			[]string{`UPDATE entries SET bound = 0 WHERE community_id = $1 AND seq = 1 AND account_id = ANNA`},
			"transfer 1 (receipt RECEIPT1) took account ANNA to -5, below its limit 0",
		},
		{
			"a highest balance that was not kept",
			[]string{`UPDATE entries SET bound = 4 WHERE community_id = $1 AND seq = 1 AND account_id = BEN`},
			"transfer 1 (receipt RECEIPT1) took account BEN to 5, above its limit 4",
		},
		{
			"a balance",
			[]string{`UPDATE accounts SET balance = 100 WHERE community_id = $1 AND id = BEN`},
			"account BEN says 100, its entries -3",
		},
		{
			"two balances, with the same sum",
			[]string{
				`UPDATE accounts SET balance = balance + 1 WHERE community_id = $1 AND id = BEN`,
				`UPDATE accounts SET balance = balance - 1 WHERE community_id = $1 AND id = CARL`,
			},
			"account BEN says -2, its entries -3",
		},
		{
			"an account out of nowhere",
			[]string{`INSERT INTO accounts (community_id, id, balance) VALUES ($1, 5, 5)`},
			"account 5 says 5, its entries 0",
		},
	}
	engines(t, func(t *testing.T, db ledger.DB) {
		disarm(t, db)
		untouched := history(t, db)
		for _, c := range cases {
			t.Run(c.what, func(t *testing.T) {
				v := history(t, db)
				var receipts []string
				v.view(func(b *ledger.Book) error {
					for seq := range int64(5) {
						receipts = append(receipts, fmt.Sprint("RECEIPT", seq+1), ledger.Receipt(b.Community().ReceiptSalt, seq+1))
					}
					return nil
				})
				people := []string{
					"ANNA", v.number("anna"), "BEN", v.number("ben"), "CARL", v.number("carl"),
				}
				replace := strings.NewReplacer(append(receipts, people...)...).Replace
				var statements []string
				if db.Engine() == "sqlite" {
					statements = append(statements, `PRAGMA defer_foreign_keys = ON`)
				}
				for _, s := range c.tamper {
					statements = append(statements, replace(s))
				}
				if err := v.sql(statements...); err != nil {
					t.Fatal(err)
				}
				v.wantFault(replace(c.found))
			})
		}
		untouched.verify()
	})
}

// wantFault has Verify find a fault that begins as said, in this community.
func (v *village) wantFault(want string) {
	v.t.Helper()
	v.view(func(b *ledger.Book) error {
		_, err := b.Verify(v.t.Context(), nil)
		var fault *ledger.Fault
		if !errors.As(err, &fault) || !strings.HasPrefix(fault.What, want) || fault.Community != b.Community().Slug {
			v.t.Errorf("found: %v\nwant:  %s", err, want)
		}
		if fault != nil && !strings.Contains(fault.Error(), b.Community().Slug) {
			v.t.Errorf("the fault does not name its community: %v", fault)
		}
		return nil
	})
}

// A forger who knows how hashes are made still has to get everything right.
func TestVerifyFindsForgery(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		disarm(t, db)
		// forge changes transfer 2 and makes the hashes from the first up to last anew.
		forge := func(v *village, last int64, change func(tr *ledger.Transfer)) {
			t.Helper()
			v.do(func(b *ledger.Book) error {
				previous := ""
				for seq := int64(1); seq <= last; seq++ {
					tr, err := b.TransferByReceipt(t.Context(), ledger.Receipt(b.Community().ReceiptSalt, seq))
					if err != nil {
						return err
					}
					if seq == 2 {
						change(&tr)
					}
					tr.Previous = previous
					tr.Hash = b.HashOf(tr)
					previous = tr.Hash
					if _, err := b.Tx().Exec(t.Context(), `UPDATE transfers SET amount = $3, description = $4, previous = $5, hash = $6
						WHERE community_id = $1 AND id = $2`, v.id, tr.ID, tr.Amount, tr.Description, tr.Previous, tr.Hash); err != nil {
						return err
					}
				}
				return nil
			})
		}
		half, whole := history(t, db), history(t, db)
		forge(half, 2, func(tr *ledger.Transfer) { tr.Description = "gold" })
		half.wantFault("transfer 3")
		forge(whole, 5, func(tr *ledger.Transfer) { tr.Amount = 30 })
		whole.wantFault("transfer 2")
		for _, c := range []struct{ statement, found string }{
			{`UPDATE entries SET amount = amount * 10 WHERE community_id = $1 AND seq = 2`, "transfer 2"},
			{`UPDATE entries SET balance = balance + CASE WHEN amount > 0 THEN 27 ELSE -27 END WHERE community_id = $1 AND seq = 2`, "transfer 3"},
		} {
			if err := whole.sql(c.statement); err != nil {
				t.Fatal(err)
			}
			whole.wantFault(c.found)
		}
	})
}
