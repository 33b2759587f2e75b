package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/storetest"
)

// engines runs test on both engines, on a fresh database with the ledger's
// tables.
func engines(t *testing.T, test func(t *testing.T, db ledger.DB)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		if err := ledger.Prepare(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		test(t, db)
	})
}

// start is when every test begins.
func start() time.Time { return time.Date(2026, time.May, 4, 10, 0, 0, 0, time.UTC) }

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Fatal(args ...any)
}

// village is a community in a database, and the people that a test names.
type village struct {
	t       tester
	db      ledger.DB
	id      ledger.CommunityID
	now     time.Time
	members map[string]ledger.Member
}

// settle founds a community whose unit is counted whole, without limits, with
// one active member for each name. Many fit into one database.
func settle(t tester, db ledger.DB, names ...string) *village {
	t.Helper()
	v := &village{t: t, db: db, now: start(), members: map[string]ledger.Member{}}
	err := db.Update(t.Context(), func(tx ledger.Tx) error {
		b, err := ledger.NewCommunity(t.Context(), tx, plain(fmt.Sprint("village-", ledger.NewID(v.now))), v.now)
		if err != nil {
			return err
		}
		v.id = b.Community().ID
		for _, name := range names {
			if v.members[name], err = b.AddMember(t.Context(), ledger.NewMember{Name: name}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// plain is a community with all it needs.
func plain(slug string) ledger.Community {
	return ledger.Community{
		Slug: slug, Name: "Riverbank", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "Europe/Brussels",
	}
}

// update runs fn with the community's book, in one transaction. Its clock is
// more exact than the database, and in another zone.
func (v *village) update(fn func(b *ledger.Book) error) error {
	now := v.now.In(time.FixedZone("", 7200)).Add(999 * time.Nanosecond)
	return v.db.Update(v.t.Context(), func(tx ledger.Tx) error {
		b, err := ledger.Open(v.t.Context(), tx, v.id, now)
		if err != nil {
			return err
		}
		return fn(b)
	})
}

// do is update of what must succeed.
func (v *village) do(fn func(b *ledger.Book) error) {
	v.t.Helper()
	if err := v.update(fn); err != nil {
		v.t.Fatal(err)
	}
}

// view runs fn with the community's book for reading.
func (v *village) view(fn func(b *ledger.Book) error) {
	v.t.Helper()
	err := v.db.View(v.t.Context(), func(tx ledger.Tx) error {
		b, err := ledger.Read(v.t.Context(), tx, v.id, v.now)
		if err != nil {
			return err
		}
		return fn(b)
	})
	if err != nil {
		v.t.Fatal(err)
	}
}

// refused runs fn, which must fail with want (any error where want is nil), and
// commits nevertheless: what was refused has left nothing.
func (v *village) refused(want error, fn func(b *ledger.Book) error) {
	v.t.Helper()
	before := v.rows()
	var got error
	v.do(func(b *ledger.Book) error { got = fn(b); return nil })
	if got == nil || want != nil && !errors.Is(got, want) {
		v.t.Errorf("got error %v, want %v", got, want)
	}
	if after := v.rows(); after != before {
		v.t.Errorf("what was refused (%v) left something:\n%s", got, difference(before, after))
	}
}

// account is a person's, or for "village" the community's own. Nobody has 404.
func (v *village) account(name string) ledger.AccountID {
	switch m, ok := v.members[name]; {
	case ok:
		return m.Account()
	case name == "village":
		return ledger.AccountID(v.id)
	}
	return 404
}

func (v *village) number(name string) string { return fmt.Sprint(int64(v.account(name))) }

func (v *village) name(id ledger.AccountID) string {
	for name, m := range v.members {
		if m.Account() == id {
			return name
		}
	}
	return "village"
}

// pay makes a transfer that must succeed.
func (v *village) pay(id ledger.TransferID, payer, payee string, amount ledger.Amount, description string) (made ledger.Transfer) {
	v.t.Helper()
	v.do(func(b *ledger.Book) (err error) {
		made, err = b.Pay(v.t.Context(), v.transfer(id, payer, payee, amount, description))
		return err
	})
	return made
}

func (v *village) transfer(id ledger.TransferID, payer, payee string, amount ledger.Amount, description string) ledger.Transfer {
	return ledger.Transfer{
		ID: id, Payer: v.account(payer), Payee: v.account(payee), Amount: amount, Description: description, AskedBy: v.members[payer].ID,
	}
}

// wantBalances takes "anna -5 ben 5".
func (v *village) wantBalances(want string) {
	v.t.Helper()
	var got []string
	v.view(func(b *ledger.Book) error {
		for i, word := range strings.Fields(want) {
			if i%2 != 0 {
				continue
			}
			a, err := b.Account(v.t.Context(), v.account(word))
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprint(word, " ", a.Balance))
		}
		return nil
	})
	if got := strings.Join(got, " "); got != want {
		v.t.Errorf("balances: %s, want %s", got, want)
	}
}

// verify has the community pass Verify.
func (v *village) verify() (r ledger.Report) {
	v.t.Helper()
	v.view(func(b *ledger.Book) (err error) {
		r, err = b.Verify(v.t.Context(), nil)
		return err
	})
	return r
}

// sql runs statements behind the ledger's back. $1 is the community.
func (v *village) sql(statements ...string) error {
	return v.db.Update(v.t.Context(), func(tx ledger.Tx) error {
		for _, s := range statements {
			var args []any
			if strings.Contains(s, "$1") {
				args = append(args, v.id)
			}
			if _, err := tx.Exec(v.t.Context(), s, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows is all that the database keeps of the community, a line for each row.
func (v *village) rows() string {
	v.t.Helper()
	var all []string
	err := v.db.View(v.t.Context(), func(tx ledger.Tx) (err error) {
		all, err = dump(v.t.Context(), tx, v.id)
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.Join(all, "\n")
}

// firstColumns are the tables and columns that the first release had: the
// newest ones have them too.
func firstColumns() [][]string {
	return [][]string{
		{
			"communities", "id", "slug", "name", "unit_kind", "unit_words", "decimals", "locale", "timezone", "threshold", "grace_seconds",
			"limit_lower", "limit_upper", "ad_days", "receipt_salt", "directory_version", "created_at",
		},
		{"members", "community_id", "id", "number", "name", "place", "locale", "role", "status", "version", "created_at"},
		{"addresses", "community_id", "member_id", "channel", "address", "status", "reason", "used_at"},
		{"accounts", "community_id", "id", "balance", "lower", "upper"},
		{
			"transfers", "community_id", "id", "payer", "payee", "amount", "description", "state", "asked_by", "created_at", "expires_at",
			"reminded_at", "decided_at", "reverses", "seq", "previous", "hash",
		},
		{"entries", "community_id", "account_id", "seq", "amount", "balance", "bound"},
		{
			"ads", "community_id", "number", "kind", "member_id", "text", "price", "per", "quantity", "place", "category", "idempotency_key",
			"created_at", "expires_at", "asked_at", "removed_at",
		},
		{"ad_words", "community_id", "word", "number"},
		{"invitations", "community_id", "code", "member_id", "channel", "address", "created_at", "expires_at", "used_at"},
	}
}

func dump(ctx context.Context, tx ledger.Tx, id ledger.CommunityID) (all []string, err error) {
	for _, table := range firstColumns() {
		name, columns := table[0], table[1:]
		lines, err := ledger.All(ctx, tx, func(rows ledger.Rows) (string, error) {
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			err := rows.Scan(dest...)
			return fmt.Sprintf("%s %v", name, values), err
		}, fmt.Sprintf(`SELECT %s FROM %s WHERE %s = $1`, strings.Join(columns, ", "), name, columns[0]), id)
		if err != nil {
			return nil, err
		}
		slices.Sort(lines)
		all = append(all, lines...)
	}
	return all, nil
}

// difference is the lines that two texts do not share.
func difference(before, after string) string {
	var all []string
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, line := range was {
		if !slices.Contains(is, line) {
			all = append(all, "- "+line)
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			all = append(all, "+ "+line)
		}
	}
	return strings.Join(all, "\n")
}

func ptr[T any](v T) *T { return &v }
