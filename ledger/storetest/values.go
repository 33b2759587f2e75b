package storetest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"crier/ledger"
)

func testValues(t *testing.T, db ledger.DB) {
	texts := []string{
		"", " ", "O'Brien \"quoted\" \\ %_;--", "Zoë Çelik Łukasz Ñandú", "Мария Петрова", "山田太郎", "👍🏽 e\u0301",
		"two\nlines\r\n\ttab", strings.Repeat("ä1", 350_000), // a megabyte
	}
	numbers := []int64{0, 1, -1, 1e15, -1e15, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64}
	update(t, db, func(tx ledger.Tx) error {
		for i, want := range texts {
			if err := tx.Later(t.Context(), `INSERT INTO things (id, name, note) VALUES ($1, $2, $3)`, i, fmt.Sprint(i), want); err != nil {
				return err
			}
		}
		for i, want := range numbers {
			if err := tx.Later(t.Context(), `INSERT INTO things (id, name, size) VALUES ($1, $2, $3)`, 100+i, fmt.Sprint(100+i), want); err != nil {
				return err
			}
		}
		return nil
	})
	err := db.View(t.Context(), func(tx ledger.Tx) error {
		for i, want := range texts {
			var got string
			var size *int64
			if err := ledger.Get(t.Context(), tx, []any{&got, &size}, `SELECT note, size FROM things WHERE id = $1`, i); err != nil {
				return err
			}
			if got != want || size != nil {
				t.Errorf("text %d came back as %.80q, %v", i, got, size)
			}
		}
		for i, want := range numbers {
			var got int64
			var note *string
			if err := ledger.Get(t.Context(), tx, []any{&got, &note}, `SELECT size, note FROM things WHERE id = $1`, 100+i); err != nil {
				return err
			}
			if got != want || note != nil {
				t.Errorf("number %d came back as %d, %v", want, got, note)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	err = db.View(t.Context(), func(tx ledger.Tx) error {
		return ledger.Get(t.Context(), tx, []any{new(int64)}, `SELECT size FROM things WHERE id = 0`)
	})
	if err == nil {
		t.Error("NULL was read into an int64")
	}
}

// Types that print as something else must be kept as what they are.
type (
	loudNumber int64
	loudText   string
)

func (loudNumber) String() string { return "a number" }
func (loudText) String() string   { return "a text" }

func testNamedTypes(t *testing.T, db ledger.DB) {
	amount, nobody := ledger.Amount(-7), (*ledger.MemberID)(nil)
	owner := ledger.MemberID(1)
	update(t, db, func(tx ledger.Tx) error {
		insert := `INSERT INTO things (id, name, size, note, owner) VALUES ($1, $2, $3, $4, $5)`
		if err := tx.Later(t.Context(), insert, ledger.TransferID(1), ledger.Status("active"), amount, loudText("quiet"), nobody); err != nil {
			return err
		}
		if err := tx.Later(t.Context(), insert, loudNumber(2), "two", &amount, (*string)(nil), &owner); err != nil {
			return err
		}
		return tx.Later(t.Context(), insert, int32(3), "three", nil, nil, nil)
	})
	err := db.View(t.Context(), func(tx ledger.Tx) error {
		var (
			id   ledger.TransferID
			name ledger.Status
			size ledger.Amount
			note loudText
			who  *ledger.MemberID
		)
		read := `SELECT id, name, size, note, owner FROM things WHERE id = $1`
		if err := ledger.Get(t.Context(), tx, []any{&id, &name, &size, &note, &who}, read, ledger.TransferID(1)); err != nil {
			return err
		}
		if id != 1 || name != "active" || size != -7 || string(note) != "quiet" || who != nil {
			t.Errorf("row 1 came back as %v %v %v %q %v", id, name, size, string(note), who)
		}
		var (
			number loudNumber
			debt   *ledger.Amount
			words  *loudText
		)
		if err := ledger.Get(t.Context(), tx, []any{&number, &name, &debt, &words, &who}, read, 2); err != nil {
			return err
		}
		if int64(number) != 2 || name != "two" || debt == nil || *debt != -7 || words != nil || who == nil || *who != 1 {
			t.Errorf("row 2 came back as %d %v %v %v %v", int64(number), name, debt, words, who)
		}
		if err := ledger.Get(t.Context(), tx, []any{&number, &name, &debt, &words, &who}, read, 3); err != nil {
			return err
		}
		if debt != nil || who != nil {
			t.Errorf("NULL came back as %v %v", debt, who)
		}
		var count int
		if err := ledger.Get(t.Context(), tx, []any{&size, &count}, `SELECT COALESCE(SUM(size), 0), COUNT(*) FROM things`); err != nil {
			return err
		}
		if size != -14 || count != 3 {
			t.Errorf("the sum of %d is %d", count, size)
		}
		return ledger.Get(t.Context(), tx, []any{&debt}, `SELECT SUM(size) FROM things WHERE id > 100`)
	})
	if err != nil {
		t.Error(err)
	}
}

func testPlaceholders(t *testing.T, db ledger.DB) {
	update(t, db, func(tx ledger.Tx) error {
		// Backwards, one of them twice, and ten or more.
		_, err := tx.Exec(t.Context(), `INSERT INTO things (name, id, size, note) VALUES ($2, $1, $1, $2)`, 5, "five")
		if err != nil {
			return err
		}
		var id, size int64
		var name, note string
		err = ledger.Get(t.Context(), tx, []any{&id, &name, &size, &note}, `SELECT id, name, size, note FROM things
			WHERE id = $11 AND name = $10 AND size IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11)`,
			0, 0, 0, 0, 0, 0, 0, 0, 0, "five", 5)
		if id != 5 || name != "five" || size != 5 || note != "five" {
			t.Errorf("came back as %d %q %d %q", id, name, size, note)
		}
		return err
	})
	for _, args := range [][]any{{}, {1}} {
		err := db.Update(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO things (id, name) VALUES ($1, $2)`, args...)
			return err
		})
		if err == nil {
			t.Errorf("2 placeholders took %d arguments", len(args))
		}
	}
}
