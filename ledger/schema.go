package ledger

import (
	"context"
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Prepare brings the ledger's tables in db up to date.
func Prepare(ctx context.Context, db DB) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return Migrate(ctx, db, "ledger", steps)
}
