package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/ledger"
	"crier/ledger/storetest"
)

// testdata/first holds the migrations of the first release, as they were, and
// testdata/first_data.sql what it wrote in a community that had everything.

// firstRelease runs test on both engines, on a database of the first release.
func firstRelease(t *testing.T, test func(t *testing.T, db ledger.DB)) {
	t.Helper()
	text, err := os.ReadFile("testdata/first_data.sql")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		if err := ledger.Migrate(t.Context(), db, "ledger", os.DirFS("testdata/first")); err != nil {
			t.Fatal(err)
		}
		err := db.Update(t.Context(), func(tx ledger.Tx) error {
			for _, s := range ledger.Statements(string(text)) {
				if _, err := tx.Exec(t.Context(), s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, db)
	})
}

// TestUpgrade brings a database of the first release up to date, with the
// migrations of today. What was in it is still there.
func TestUpgrade(t *testing.T) {
	firstRelease(t, func(t *testing.T, db ledger.DB) {
		ctx := t.Context()
		before := firstRows(t, db)
		if len(before) < 30 {
			t.Fatalf("the first release wrote only %d rows", len(before))
		}
		for range 2 { // the second time there is nothing to do
			if err := ledger.Prepare(ctx, db); err != nil {
				t.Fatal(err)
			}
			if after := firstRows(t, db); !slices.Equal(before, after) {
				t.Errorf("the upgrade changed\n%s", difference(strings.Join(before, "\n"), strings.Join(after, "\n")))
			}
		}

		// The program of today goes on with it.
		v := firstVillage(t, db)
		if r := v.verify(); r.Transfers != 5 || r.Entries != 10 {
			t.Errorf("verified %+v", r)
		}
		v.wantBalances("anna -2 ben -3 carl 5 village 0")
		want(t, "the addresses", v.addresses("anna"), "sms:+32470000003 active shared, telegram:1003 paused (blocked)")
		want(t, "a search", v.search("guitar"), "1")
		want(t, "an offer of old has no stock", v.stock(1), "0 of 0 up")
		v.do(func(b *ledger.Book) error {
			_, err := b.SetStock(ctx, 1, 2000, "hours")
			return err
		})
		want(t, "and may get one", v.stock(1), "2000 of 2000 up")
		want(t, "the words of ads", v.vocabulary(), "beginners case guitar lessons")
		v.do(func(b *ledger.Book) error {
			ben := v.members["ben"].ID
			return errors.Join(b.ReportAd(ctx, 1, ben, "a shop"), b.TakeDown(ctx, 1, ben, "a shop"), b.MoveAd(ctx, 1, "lessons"),
				b.SetCategories(ctx, []ledger.Category{{Key: "lessons", Name: "Lessons"}}))
		})
		want(t, "a search for what was taken down", v.search("guitar"), "")
		v.view(func(b *ledger.Book) error {
			lines, err := b.Statement(ctx, v.account("anna"), 0, 10)
			want(t, "Anna's statement", v.statement(lines),
				"+5 bread (-2) from ben, -4 asked for (-7) to carl, +2 wood (-3) from carl, -5 bread (-5) to ben")
			return err
		})
		v.do(func(b *ledger.Book) error {
			_, err := b.Accept(ctx, 106)
			return err
		})
		v.pay(200, "carl", "ben", 1, "after the upgrade")
		v.wantBalances("anna -3 ben -2 carl 5 village 0")
		v.do(func(b *ledger.Book) error { return b.UseInvitation(ctx, "RIVER-7KQ2") })
		v.verify()
		if err := v.sql(`DELETE FROM entries WHERE community_id = $1`); err == nil {
			t.Error("entries can be deleted after the upgrade")
		}
	})
}

// A program does not touch what a newer one has made.
func TestNewerIsRefused(t *testing.T) {
	firstRelease(t, func(t *testing.T, db ledger.DB) {
		ctx := t.Context()
		if err := ledger.Prepare(ctx, db); err != nil {
			t.Fatal(err)
		}
		v := firstVillage(t, db)
		if err := v.sql(`UPDATE schema_versions SET version = version + 1 WHERE component = 'ledger'`); err != nil {
			t.Fatal(err)
		}
		before := firstRows(t, db)
		if err := ledger.Prepare(ctx, db); err == nil || !strings.Contains(err.Error(), "newer") || !strings.Contains(err.Error(), "upgrade crier") {
			t.Errorf("the tables of a newer program: %v", err)
		}
		if after := firstRows(t, db); !slices.Equal(before, after) {
			t.Error("the refusal changed something")
		}
	})
}

// A migration that was released is never edited: databases have run it as it
// was. (Until the first release: copy it to testdata/first again.)
func TestMigrationsStay(t *testing.T) {
	files, err := filepath.Glob("testdata/first/*.sql")
	if err != nil || len(files) != 3 {
		t.Fatalf("the first release has %d migrations, want 3: %v", len(files), err)
	}
	for _, file := range files {
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(filepath.Join("migrations", filepath.Base(file)))
		if err != nil || !bytes.Equal(was, is) {
			t.Errorf("%s was edited: make a new step instead (%v)", filepath.Base(file), err)
		}
	}
}

// firstRows is all that the database keeps of the first release's tables.
func firstRows(t *testing.T, db ledger.DB) (all []string) {
	t.Helper()
	err := db.View(t.Context(), func(tx ledger.Tx) error {
		for _, id := range []ledger.CommunityID{ledger.Host, firstCommunity} {
			rows, err := dump(t.Context(), tx, id)
			if err != nil {
				return err
			}
			all = append(all, rows...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const firstCommunity ledger.CommunityID = 1

// firstVillage knows the people of first_data.sql.
func firstVillage(t *testing.T, db ledger.DB) *village {
	v := &village{t: t, db: db, id: firstCommunity, now: start().Add(time.Hour), members: map[string]ledger.Member{}}
	v.view(func(b *ledger.Book) error {
		all, err := b.MembersSince(t.Context(), 0)
		for _, m := range all {
			v.members[m.Name] = m
		}
		return err
	})
	if len(v.members) != 3 {
		t.Fatal(fmt.Sprint("the first release has the members ", v.members))
	}
	return v
}

// Who was in before the upgrade has joined when they used the invitation that
// they came by; an invitation to another address of theirs does not count.
func TestUpgradeJoined(t *testing.T) {
	firstRelease(t, func(t *testing.T, db ledger.DB) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(db.Update(ctx, func(tx ledger.Tx) error {
			for _, s := range []string{
				`UPDATE invitations SET used_at = 1777888800000500 WHERE code = 'RIVER-M2XD'`,
				`INSERT INTO invitations (community_id, code, member_id, channel, address, created_at, expires_at, used_at)
					VALUES (1, 'RIVER-LATE', 302373273600004039, 'sms', '+32470000009', 1777888900000000, 1809424800000000, 1777888900000700)`,
				`INSERT INTO members (community_id, id, number, name, place, locale, role, status, version, created_at)
					VALUES (1, 302373273600004050, 4, 'dora', '', 'en', 'member', 'invited', 3, 1777888800000000)`,
			} {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}))
		must(ledger.Prepare(ctx, db))
		must(db.View(ctx, func(tx ledger.Tx) error {
			all, err := ledger.All(ctx, tx, func(rows ledger.Rows) (s string, err error) {
				var name string
				var joined *int64
				err = rows.Scan(&name, &joined)
				if joined != nil {
					return fmt.Sprint(name, " ", *joined-1777888800000000), err
				}
				return name + " not yet", err
			}, `SELECT name, joined_at FROM members ORDER BY number`)
			want(t, "who has joined when", strings.Join(all, ", "), "anna 0, ben 500, carl 0, dora not yet")
			return err
		}))
	})
}
