package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crier/bots/sms"
	"crier/bots/telegram"
	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/nudge"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/sqlite"
	"crier/locales"
	"crier/mail/digest"
)

// The wiring that the commands share.

const (
	defaultDatabase = "crier.db"
	defaultConfig   = "crier.toml"
	databaseEnv     = "CRIER_DATABASE"
)

// newEngine makes the engine that answers, and the texts it answers with.
func newEngine(log *slog.Logger) (*conversation.Engine, *locales.Catalog, error) {
	catalog, err := locales.Load()
	if err != nil {
		return nil, nil, err
	}
	u, err := newUnderstander()
	if err != nil {
		return nil, nil, err
	}
	digests := digest.New()
	engine, err := conversation.New(catalog, u, slices.Concat(command.All(), digests.Commands(), nudge.Commands()), log)
	if err != nil {
		return nil, nil, err
	}
	engine.OnTick(digests.Tick)
	engine.OnTick(nudge.New().Tick)
	engine.Fit(sms.Channel, sms.Fits)
	engine.Fit(telegram.Channel, telegram.Fits)
	engine.Fit(conversation.USSD, sms.FitsScreen)
	engine.Allow(sms.Channel, sms.Allowance)
	return engine, catalog, nil
}

func newUnderstander() (*understand.Understander, error) {
	words, err := locales.AllWords()
	if err != nil {
		return nil, err
	}
	return understand.New(words)
}

// connection is a PostgreSQL connection string in libpq's "key=value" form.
var connection = regexp.MustCompile(`^\s*(host|hostaddr|port|dbname|user|service)\s*=`)

// isPostgres tells a connection string from the path of a file. It refuses the
// URL of any other kind of database.
func isPostgres(name string) (bool, error) {
	scheme, _, url := strings.Cut(name, "://")
	switch {
	case url && (scheme == "postgres" || scheme == "postgresql"), connection.MatchString(name):
		return true, nil
	case url:
		return false, fmt.Errorf("crier keeps its data in PostgreSQL (postgres://…) or in a file, not in %s", scheme)
	}
	return false, nil
}

// openDatabase opens a database and brings its tables up to date. name is a
// postgres:// URL or the path of a file; "" is the file crier.db.
func openDatabase(ctx context.Context, name string) (ledger.DB, error) {
	pg, err := isPostgres(name)
	if err != nil {
		return nil, err
	}
	var db ledger.DB
	if pg {
		db, err = postgres.Open(ctx, name)
	} else {
		if name == "" {
			name = defaultDatabase
		}
		db, err = sqlite.Open(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	if err := errors.Join(digest.Prepare(ctx, db), nudge.Prepare(ctx, db)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// temporary makes a database that is gone with its close.
func temporary(ctx context.Context) (ledger.DB, error) {
	dir, err := os.MkdirTemp("", "crier-")
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, dir+"/crier.db")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &temporaryDB{db, dir}, nil
}

type temporaryDB struct {
	ledger.DB
	dir string
}

func (t *temporaryDB) Close() error { return errors.Join(t.DB.Close(), os.RemoveAll(t.dir)) }

// databaseFlags adds the flags that say which database a command is about.
func (p *program) databaseFlags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&p.database, "database", "", "postgres:// URL, or the path of a file (default $"+databaseEnv+", the configuration's, or "+defaultDatabase+")")
	c.Flags().StringVar(&p.config, "config", "", "configuration file (default "+defaultConfig+" where there is one)")
	return c
}

// configuration reads the configuration that the flags and the environment
// name, with the database that a command is about.
func (p *program) configuration() (*config, error) {
	file := p.config
	if file == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			file = defaultConfig
		}
	}
	c := defaults()
	if file != "" {
		var err error
		if c, err = loadConfig(file); err != nil {
			return nil, err
		}
	}
	switch {
	case p.database != "":
		c.Database = p.database
	case p.getenv(databaseEnv) != "":
		c.Database = p.getenv(databaseEnv)
	case c.DatabaseFile != "":
		var err error
		if c.Database, err = readSecret(c.path(c.DatabaseFile)); err != nil {
			return nil, err
		}
	default:
		if pg, err := isPostgres(c.Database); err == nil && !pg {
			c.Database = c.path(c.Database)
		}
	}
	return c, nil
}

// open opens the database that a command is about. It makes a file only where
// that is asked for: a mistyped name must not end in an empty database.
func (p *program) open(ctx context.Context, founding bool) (ledger.DB, error) {
	c, err := p.configuration()
	if err != nil {
		return nil, err
	}
	if pg, err := isPostgres(c.Database); err != nil {
		return nil, err
	} else if !pg && !founding {
		if _, err := os.Stat(c.Database); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no database at %s: say which with --database, or make one with crier community new", c.Database)
		}
	}
	return openDatabase(ctx, c.Database)
}

// view runs fn on a community's book, for reading.
func (p *program) view(ctx context.Context, slug string, fn func(*ledger.Book) error) (err error) {
	db, err := p.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.View(ctx, func(tx ledger.Tx) error {
		c, err := community(ctx, tx, slug)
		if err != nil {
			return err
		}
		book, err := ledger.Read(ctx, tx, c.ID, p.now())
		if err != nil {
			return err
		}
		return fn(book)
	})
}

// update runs fn on a community's book, in one transaction.
func (p *program) update(ctx context.Context, slug string, fn func(*ledger.Book) error) (err error) {
	db, err := p.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Update(ctx, func(tx ledger.Tx) error {
		c, err := community(ctx, tx, slug)
		if err != nil {
			return err
		}
		book, err := ledger.Open(ctx, tx, c.ID, p.now())
		if err != nil {
			return err
		}
		return fn(book)
	})
}

// community finds a community by its short name.
func community(ctx context.Context, tx ledger.Tx, slug string) (ledger.Community, error) {
	c, err := ledger.CommunityBySlug(ctx, tx, slug)
	if ledger.IsNotFound(err) {
		return c, fmt.Errorf("there is no community %q: crier community list shows their short names", slug)
	}
	return c, err
}

// quiet is the log of commands that talk to a person: only what went wrong.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
