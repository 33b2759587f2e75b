package ledger

import (
	"context"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

// Migrate brings one component's tables up to date. files holds its steps,
// named 0001_what.sql, 0002_what.sql and so on; a step that only one engine
// needs is named 0002_what.sqlite.sql or 0002_what.postgres.sql. A step that
// has been released is never edited: later changes are later steps.
//
// It refuses a database that a newer program has already moved on.
func Migrate(ctx context.Context, db DB, component string, files fs.FS) error {
	steps, newest, err := readSteps(files, db.Engine())
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx Tx) error {
		// The host's own lock, so that two processes starting together take turns.
		if err := tx.Lock(ctx, 0); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_versions (
			component TEXT PRIMARY KEY, version BIGINT NOT NULL)`); err != nil {
			return fmt.Errorf("schema_versions: %w", err)
		}
		var have int
		err := Get(ctx, tx, []any{&have}, `SELECT version FROM schema_versions WHERE component = $1`, component)
		if err != nil && !IsNotFound(err) {
			return err
		}
		if have > newest {
			return fmt.Errorf("the %s tables are at version %d, made by a newer crier than this one, which knows %d: upgrade crier", component, have, newest)
		}
		for _, s := range steps {
			if s.version <= have {
				continue
			}
			for _, statement := range statements(s.sql) {
				if _, err := tx.Exec(ctx, statement); err != nil {
					return fmt.Errorf("migration %s of %s: %w", s.name, component, err)
				}
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO schema_versions (component, version) VALUES ($1, $2)
			ON CONFLICT (component) DO UPDATE SET version = excluded.version`, component, newest)
		return err
	})
}

type step struct {
	version int
	name    string
	sql     string
}

func readSteps(files fs.FS, engine string) (steps []step, newest int, err error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, 0, err
	}
	sort.Strings(names)
	for _, name := range names {
		version, err := strconv.Atoi(name[:min(4, len(name))])
		if err != nil {
			return nil, 0, fmt.Errorf("migration %q does not start with four digits", name)
		}
		newest = max(newest, version)
		if parts := strings.Split(name, "."); len(parts) == 3 && parts[1] != engine {
			continue
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, 0, err
		}
		steps = append(steps, step{version, name, string(text)})
	}
	return steps, newest, nil
}

// statements splits a migration at the semicolons that end a line. Lines that
// start with -- and the white space at the end of lines are left out.
func statements(text string) []string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "--") {
			kept = append(kept, strings.TrimRight(line, " \t\r\n")+"\n")
		}
	}
	var all []string
	for _, s := range strings.Split(strings.Join(kept, ""), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}
