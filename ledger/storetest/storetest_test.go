package storetest_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"testing"

	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.RunDB(t, func(t testing.TB) ledger.DB { return storetest.SQLiteDB(t) })
}

func TestPostgres(t *testing.T) {
	storetest.RunDB(t, func(t testing.TB) ledger.DB { return storetest.PostgresDB(t) })
}

// Each test of an engine has a database without what the ones before it left.
func TestEngines(t *testing.T) {
	for range 2 {
		storetest.Engines(t, func(t *testing.T, db ledger.DB) {
			err := db.Update(t.Context(), func(tx ledger.Tx) error {
				_, err := tx.Exec(t.Context(), `CREATE TABLE leftover (id BIGINT PRIMARY KEY)`)
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", db.Engine(), err)
			}
		})
	}
}

func TestStartPostgres(t *testing.T) {
	database, stop, err := storetest.StartPostgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	db, err := postgres.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	stop()
	parsed, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(parsed.Query().Get("host")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server's directory outlives it: %v", err)
	}
	if db, err := postgres.Open(t.Context(), database); err == nil {
		db.Close()
		t.Error("the server still runs")
	}
}
