package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

// TestTransfers runs testdata/transfers/*.txt: what members do, line by line,
// and what the ledger makes of it.
//
//	member NAME [LOWER UPPER]           "-" is no limit
//	limits NAME LOWER UPPER
//	freeze NAME, thaw NAME, leave NAME
//	later N days
//	pay ID PAYER PAYEE AMOUNT [WHAT]
//	request ID PAYER PAYEE AMOUNT [WHAT]   the payee asks, for 14 days
//	accept ID, decline ID, cancel ID, expire ID
//	give back ID OF                     the payee returns transfer OF, as transfer ID
//	ask back ID OF                      the payer asks for it
//	reverse ID OF PAYER PAYEE AMOUNT    a reversal put together by hand
//
// After "=>" comes the answer: nothing or "ok" where it is done, "again" where
// it was done before, and else why it is refused. What is refused, or done
// before, must leave the database as it is.
//
//	balances NAME BALANCE ...
//	state ID STATE
func TestTransfers(t *testing.T) {
	files, err := filepath.Glob("testdata/transfers/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	engines(t, func(t *testing.T, db ledger.DB) {
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				v := settle(t, db)
				rows := v.rows()
				for n, line := range strings.Split(string(text), "\n") {
					line, _, _ = strings.Cut(line, "#")
					if line = strings.TrimSpace(line); line != "" {
						rows = v.line(t, fmt.Sprintf("%s:%d: %s", file, n+1, line), line, rows)
					}
				}
				v.verify()
			})
		}
	})
}

// line runs one line on a database that holds the rows before, and returns
// those after it.
func (v *village) line(t *testing.T, place, line, before string) (after string) {
	said, want, _ := strings.Cut(line, "=>")
	if want = strings.TrimSpace(want); want == "" {
		want = "ok"
	}
	words := strings.Fields(said)
	switch words[0] {
	case "balances":
		v.wantBalances(strings.Join(words[1:], " "))
		return before
	case "later":
		days, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		v.now = v.now.AddDate(0, 0, days)
		return before
	}
	var made ledger.Transfer
	var refusal error
	v.do(func(b *ledger.Book) error { made, refusal = v.act(b, words); return nil })
	after = v.rows()

	got := v.answer(refusal)
	if got == "ok" && before == after {
		got = "again"
	}
	if words[0] == "state" && refusal == nil {
		got = "ok"
	}
	if got != want {
		t.Errorf("%s\nthe ledger says: %s", place, got)
	}
	if refusal != nil && before != after {
		t.Errorf("%s\nit was refused and left:\n%s", place, difference(before, after))
	}
	if made.ID != 0 && refusal == nil {
		v.view(func(b *ledger.Book) error {
			kept, err := b.Transfer(t.Context(), made.ID)
			if !reflect.DeepEqual(made, kept) {
				t.Errorf("%s\nreturned %+v,\nkept     %+v", place, made, kept)
			}
			return err
		})
	}
	return after
}

// act does what a line says.
func (v *village) act(b *ledger.Book, words []string) (ledger.Transfer, error) {
	ctx, none := v.t.Context(), ledger.Transfer{}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			v.t.Fatalf("%q: %v", words, err)
		}
		return n
	}
	id := func(i int) ledger.TransferID { return ledger.TransferID(number(i)) }
	limit := func(i int) *ledger.Amount {
		if len(words) <= i || words[i] == "-" {
			return nil
		}
		return ptr(ledger.Amount(number(i)))
	}
	status := map[string]ledger.Status{"freeze": ledger.Frozen, "thaw": ledger.Active, "leave": ledger.Left}
	ends := map[string]ledger.State{"decline": ledger.Declined, "cancel": ledger.Cancelled, "expire": ledger.Expired}

	switch words[0] {
	case "member":
		m, err := b.AddMember(ctx, ledger.NewMember{Name: words[1], Lower: limit(2), Upper: limit(3)})
		v.members[words[1]] = m
		return none, err
	case "limits":
		return none, b.SetLimits(ctx, v.account(words[1]), limit(2), limit(3))
	case "freeze", "thaw", "leave":
		m := v.members[words[1]]
		m.Status = status[words[0]]
		return none, b.SaveMember(ctx, m)
	case "pay", "request":
		t := v.transfer(id(1), words[2], words[3], ledger.Amount(number(4)), strings.Join(words[5:], " "))
		if words[0] == "pay" {
			return b.Pay(ctx, t)
		}
		t.ExpiresAt = v.now.Add(14 * 24 * time.Hour)
		return b.Request(ctx, t)
	case "accept":
		return b.Accept(ctx, id(1))
	case "decline", "cancel", "expire":
		return b.End(ctx, id(1), ends[words[0]])
	case "give", "ask": // back
		of, err := b.Transfer(ctx, id(3))
		if err != nil {
			return none, err
		}
		back, err := b.Opposite(ctx, of, id(2))
		if err != nil {
			return none, err
		}
		if words[0] == "ask" {
			return b.Request(ctx, back)
		}
		return b.Pay(ctx, back)
	case "reverse":
		t := v.transfer(id(1), words[3], words[4], ledger.Amount(number(5)), "")
		t.Reverses = id(2)
		return b.Pay(ctx, t)
	case "state":
		t, err := b.Transfer(ctx, id(1))
		if err == nil && t.State != ledger.State(words[2]) {
			err = fmt.Errorf("transfer %d is %s", t.ID, t.State)
		}
		return none, err
	}
	v.t.Fatalf("no such line: %q", words)
	return none, nil
}

// answer says an error in the words of the scripts.
func (v *village) answer(err error) string {
	var limit *ledger.LimitError
	var status *ledger.StatusError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &limit) && limit.Payer:
		return fmt.Sprintf("%s can give %d", v.name(limit.Account), limit.Room())
	case errors.As(err, &limit):
		return fmt.Sprintf("%s can take %d", v.name(limit.Account), limit.Room())
	case errors.As(err, &status):
		return fmt.Sprintf("%s is %s", v.name(ledger.AccountID(status.Member)), status.Status)
	}
	for _, known := range []struct {
		err  error
		says string
	}{
		{ledger.ErrNotFound, "not found"},
		{ledger.ErrSameAccount, "same account"},
		{ledger.ErrBadAmount, "bad amount"},
		{ledger.ErrNotPending, "not pending"},
		{ledger.ErrNotCompleted, "not completed"},
		{ledger.ErrReversed, "reversed already"},
		{ledger.ErrKeyReused, "id in use"},
		{ledger.ErrNotAllowed, "not allowed"},
	} {
		if errors.Is(err, known.err) {
			return known.says
		}
	}
	return err.Error()
}
