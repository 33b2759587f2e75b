package storetest

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"crier/ledger"
)

func testMigrate(t *testing.T, open func(t testing.TB) ledger.DB) {
	one := fstest.MapFS{"0001_fruit.sql": {Data: []byte("CREATE TABLE fruit (name TEXT PRIMARY KEY);\nINSERT INTO fruit (name) VALUES ('apple');\n")}}
	two := maps.Clone(one)
	two["0002_engine.sqlite.sql"] = &fstest.MapFile{Data: []byte("INSERT INTO fruit (name) VALUES (sqlite_version());\n")}
	two["0002_engine.postgres.sql"] = &fstest.MapFile{Data: []byte("INSERT INTO fruit (name) VALUES (pg_catalog.version());\n")}
	broken := maps.Clone(two)
	broken["0003_broken.sql"] = &fstest.MapFile{Data: []byte("INSERT INTO fruit (name) VALUES ('pear');\nINSERT INTO vegetables VALUES (1);\n")}

	db := open(t)
	var group sync.WaitGroup
	for range 4 { // processes that start together
		group.Go(func() {
			if err := ledger.Migrate(t.Context(), db, "suite", one); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	wantInt(t, db, 1, `SELECT COUNT(*) FROM fruit`)

	for range 2 { // the second time there is nothing to do
		if err := ledger.Migrate(t.Context(), db, "suite", two); err != nil {
			t.Fatal(err)
		}
		wantInt(t, db, 2, `SELECT COUNT(*) FROM fruit`)
		wantInt(t, db, 2, `SELECT version FROM schema_versions WHERE component = 'suite'`)
	}

	if err := ledger.Migrate(t.Context(), db, "suite", broken); err == nil {
		t.Error("a broken step was taken")
	}
	wantInt(t, db, 2, `SELECT COUNT(*) FROM fruit`)

	if err := ledger.Migrate(t.Context(), db, "suite", one); err == nil || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("an older program was let in: %v", err)
	}
	if err := ledger.Migrate(t.Context(), db, "other", fstest.MapFS{"0001_x.sql": {Data: []byte("CREATE TABLE other (id BIGINT);\n")}}); err != nil {
		t.Errorf("another component: %v", err)
	}
}
