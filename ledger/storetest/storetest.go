// Package storetest gives tests the databases that crier runs on, each fresh
// and empty, and holds the one suite that both of them pass.
package storetest

import (
	"path/filepath"
	"testing"

	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/sqlite"
)

// Engines runs test once for each engine, as a subtest named after it, on a
// fresh and empty database that is closed afterwards.
func Engines(t *testing.T, test func(t *testing.T, db ledger.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLiteDB(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, PostgresDB(t)) })
}

// SQLiteDB opens a fresh database in a temporary file.
func SQLiteDB(t testing.TB) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, db)
	return db
}

// PostgresDB opens a fresh database on the server of Postgres.
func PostgresDB(t testing.TB) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, db)
	return db
}

func closeAfter(t testing.TB, db ledger.DB) {
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}
