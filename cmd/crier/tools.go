package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"crier/conversation/understand"
	"crier/ledger"
)

func (p *program) understandCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "understand",
		Short: "Say what messages mean: JSON Lines in, JSON Lines out",
		Long: `Reads messages as JSON Lines, {"id", "locale", "unit", "text"} with the unit "hour" or "unit", and
writes what each means, {"id", "intent", "who", "amount", "what"}. It needs no database.`,
		Example: `  echo '{"id":1,"locale":"en","unit":"unit","text":"pay luc 5 for eggs"}' | crier understand`,
		Args:    needs(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			u, err := newUnderstander()
			if err != nil {
				return err
			}
			return heed(c.Context(), func() error { return understand.Lines(c.Context(), p.in, p.out, u) })
		},
	}
}

func (p *program) ledgerCommand() *cobra.Command {
	verify := p.databaseFlags(&cobra.Command{
		Use:   "verify [SLUG]",
		Short: "Prove that the books are right",
		Long: `Recomputes every balance from the entries alone, and checks that the chain of transfers is whole and
all balances sum to zero. Without SLUG it does so for every community.`,
		Example: "  crier ledger verify\n  crier ledger verify riverbank",
		Args:    needs(0, 1),
	})
	verify.RunE = func(c *cobra.Command, args []string) error {
		slug := ""
		if len(args) > 0 {
			slug = args[0]
		}
		return p.verify(c.Context(), slug)
	}
	return p.group(&cobra.Command{Use: "ledger", Short: "Check the ledger", Example: "  crier ledger verify"}, verify)
}

func (p *program) verify(ctx context.Context, slug string) (err error) {
	db, err := p.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var all []ledger.Community
	if err := db.View(ctx, func(tx ledger.Tx) (err error) {
		if slug == "" {
			all, err = ledger.Communities(ctx, tx)
			return err
		}
		c, err := community(ctx, tx, slug)
		all = []ledger.Community{c}
		return err
	}); err != nil {
		return err
	}
	if len(all) == 0 {
		p.say("There is no community yet.\n")
	}
	var first error
	for _, c := range all {
		report, err := p.verifyOne(ctx, db, c)
		var fault *ledger.Fault
		switch {
		case err == nil:
			p.say("%s: right. %s, %s, %s.\n", c.Slug, count(int(report.Transfers), "transfer", "transfers"),
				count(int(report.Entries), "entry", "entries"), count(int(report.Accounts), "account", "accounts"))
		case errors.As(err, &fault):
			p.say("%s: WRONG. %s\n", c.Slug, fault.What)
			if first == nil {
				first = err
			}
		default:
			return err
		}
	}
	if first != nil {
		return fmt.Errorf("the books are not right: %w", first)
	}
	return nil
}

func (p *program) verifyOne(ctx context.Context, db ledger.DB, c ledger.Community) (report ledger.Report, err error) {
	step, end := p.progress("Transfers of " + c.Slug)
	defer end()
	err = db.View(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Read(ctx, tx, c.ID, p.now())
		if err != nil {
			return err
		}
		report, err = book.Verify(ctx, func(done int64) { step(done, 0) })
		return err
	})
	return report, err
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Example: "  crier version", Args: needs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			p.say("crier %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version is the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v += " " + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return v
}
