package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"crier/ledger"
)

// Sixty-four people pay at once, from ten accounts with narrow limits, and each
// of them says yes twice at the same moment.
func TestConcurrentPayers(t *testing.T) {
	const people, payers, payments, limit = 10, 64, 160, 20
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx := t.Context()
		villages := []*village{narrow(t, db, people, limit), narrow(t, db, people, limit)}

		// A yes is one attempt to make a transfer.
		type yes struct {
			v   *village
			id  ledger.TransferID
			say func(b *ledger.Book) (ledger.Transfer, error)
		}
		said := make(chan yes)
		var mu sync.Mutex
		made := map[*village]map[ledger.TransferID]ledger.Transfer{villages[0]: {}, villages[1]: {}}
		refused := map[string]int{}
		var group sync.WaitGroup
		for range payers {
			group.Go(func() {
				for y := range said {
					var got ledger.Transfer
					var refusal error
					if err := y.v.update(func(b *ledger.Book) error { got, refusal = y.say(b); return nil }); err != nil {
						t.Error(err)
						continue
					}
					mu.Lock()
					var passed *ledger.LimitError
					switch old, twice := made[y.v][y.id]; {
					case errors.As(refusal, &passed):
						refused["limit"]++
					case errors.Is(refusal, ledger.ErrNotPending):
						refused["not pending"]++
					case refusal != nil:
						t.Errorf("transfer %d: %v", y.id, refusal)
					case twice && got != old:
						t.Errorf("transfer %d was made as %+v and as %+v", y.id, old, got)
					default:
						made[y.v][y.id] = got
					}
					mu.Unlock()
				}
			})
		}
		random := rand.New(rand.NewPCG(1, 2))
		for i := range ledger.TransferID(payments) {
			for _, v := range villages {
				two := random.Perm(people)
				tr := v.transfer(i+1, fmt.Sprint(two[0]), fmt.Sprint(two[1]), ledger.Amount(1+random.IntN(15)), "")
				pay := yes{v, tr.ID, func(b *ledger.Book) (ledger.Transfer, error) { return b.Pay(ctx, tr) }}
				if i%4 == 0 { // one that was asked for, and that somebody says no to as well
					v.do(func(b *ledger.Book) error { _, err := b.Request(ctx, tr); return err })
					pay.say = func(b *ledger.Book) (ledger.Transfer, error) { return b.Accept(ctx, tr.ID) }
					said <- yes{v, 0, func(b *ledger.Book) (ledger.Transfer, error) {
						_, err := b.End(ctx, tr.ID, ledger.Declined)
						return ledger.Transfer{}, err
					}}
				}
				said <- pay
				said <- pay
			}
		}
		close(said)
		group.Wait()

		for _, v := range villages {
			delete(made[v], 0)
			if r := v.verify(); r.Transfers != int64(len(made[v])) || r.Transfers < payments/4 {
				t.Errorf("%d transfers were made, %d are kept", len(made[v]), r.Transfers)
			}
			v.view(func(b *ledger.Book) error {
				var beyond, sum int64
				err := errors.Join(
					ledger.Get(ctx, b.Tx(), []any{&beyond}, `SELECT COUNT(*) FROM entries WHERE community_id = $1 AND (balance < $2 OR balance > $3)`,
						v.id, -limit, limit),
					ledger.Get(ctx, b.Tx(), []any{&sum}, `SELECT SUM(balance) FROM accounts WHERE community_id = $1`, v.id),
				)
				if beyond != 0 || sum != 0 {
					t.Errorf("%d entries are beyond a limit, the balances sum to %d", beyond, sum)
				}
				for id, want := range made[v] {
					got, err := b.Transfer(ctx, id)
					if got != want {
						t.Errorf("made %+v,\nkept %+v: %v", want, got, err)
					}
				}
				return err
			})
		}
		if refused["limit"] < 20 || refused["not pending"] < 5 {
			t.Errorf("too few were refused for this to prove anything: %v", refused)
		}
	})
}

// narrow is a village of people called 0, 1, 2 …, whose balances stay within
// limit of 0.
func narrow(t *testing.T, db ledger.DB, people int, limit ledger.Amount) *village {
	var names []string
	for i := range people {
		names = append(names, fmt.Sprint(i))
	}
	v := settle(t, db, names...)
	v.do(func(b *ledger.Book) error {
		var errs []error
		for _, name := range names {
			errs = append(errs, b.SetLimits(t.Context(), v.account(name), ptr(-limit), &limit))
		}
		return errors.Join(errs...)
	})
	return v
}

// Many take the same payment back at once, each under an id of their own.
func TestConcurrentReversals(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "anna", "ben")
		paid := v.pay(1, "anna", "ben", 5, "eggs")
		won := make([]bool, 16)
		var group sync.WaitGroup
		for i := range won {
			group.Go(func() {
				var refusal error
				if err := v.update(func(b *ledger.Book) error {
					var back ledger.Transfer
					if back, refusal = b.Opposite(ctx, paid, ledger.TransferID(100+i)); refusal == nil {
						_, refusal = b.Pay(ctx, back)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
				if won[i] = refusal == nil; refusal != nil && !errors.Is(refusal, ledger.ErrReversed) {
					t.Error(refusal)
				}
			})
		}
		group.Wait()
		n := 0
		for _, w := range won {
			if w {
				n++
			}
		}
		if n != 1 {
			t.Errorf("it was taken back %d times", n)
		}
		v.wantBalances("anna 0 ben 0")
		v.verify()
	})
}
