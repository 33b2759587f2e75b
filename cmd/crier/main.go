// Crier lets the members of exchange groups trade by text message, e-mail or
// Telegram in their own words. This is its one program; `crier demo` shows it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	_ "time/tzdata" // a host may lack the time zones
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		time.Sleep(secondSignal)
		stop() // from now on a signal ends the program at once
	})
	os.Exit(status(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// secondSignal is when, after the first, a second signal counts: some senders
// send the first one twice.
const secondSignal = time.Second

// status runs the program and says on stderr what went wrong.
func status(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	err := run(ctx, args, stdin, stdout, stderr, getenv)
	if err == nil {
		return 0
	}
	switch {
	case errors.Is(err, errTold):
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		_, _ = fmt.Fprintln(stderr, "crier: stopped before it was done")
	default:
		_, _ = fmt.Fprintln(stderr, "crier: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return 1
}

// errTold is the error of a command that has already said all there is to say.
var errTold = errors.New("told already")

// program is one run of crier: what it reads and writes.
type program struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time

	lookupTXT func(ctx context.Context, name string) ([]string, error)

	database string // flag --database
	config   string // flag --config
}

// run runs the command line args. Tests start the program here.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) error {
	return runWith(ctx, args, stdin, stdout, stderr, getenv, func(ctx context.Context, name string) ([]string, error) {
		return net.DefaultResolver.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".") // never one in our own search domains
	})
}

// runWith is run with another DNS.
func runWith(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string,
	lookupTXT func(ctx context.Context, name string) ([]string, error),
) error {
	p := &program{in: stdin, out: stdout, err: stderr, getenv: getenv, now: time.Now, lookupTXT: lookupTXT}
	root := p.group(&cobra.Command{
		Use:   "crier",
		Short: "Trade in your exchange group by text message, e-mail or Telegram",
		Long: `Crier lets the members of an exchange group (a LETS, a SEL, a timebank) trade by text
message, e-mail or Telegram in their own words. Try it with: crier demo`,
		Example: "  crier demo",
	}, p.demoCommand(), p.serveCommand(), p.communityCommand(), p.memberCommand(), p.inviteCommand(), p.chatCommand(),
		p.rehearseCommand(), p.understandCommand(), p.ledgerCommand(), p.mailCommand(), p.smsCommand(), p.costsCommand(), p.digestCommand(), p.doctorCommand(), p.versionCommand())
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help shows how it is used", err, c.CommandPath())
	})
	root.SetArgs(negatives(args))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// group makes a command of which only the subcommands do something.
func (p *program) group(c *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	c.AddCommand(subcommands...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		maybe := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			maybe = fmt.Sprintf(" (is it %s?)", strings.Join(near, " or "))
		}
		return fmt.Errorf("there is no command %q%s: %s --help lists them", c.CommandPath()+" "+args[0], maybe, c.CommandPath())
	}
	c.SuggestionsMinimumDistance = 1
	return c
}

// needs is the Args of a command that takes from least to most arguments (-1:
// any number), named as in its Use line.
func needs(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		_, form, _ := strings.Cut(c.Use, " ")
		if form == "" {
			form = "nothing else"
		}
		return fmt.Errorf("%s is followed by %s: %s --help shows an example", c.CommandPath(), form, c.CommandPath())
	}
}

// negatives has "-50" taken for a number, and not for flags, by writing it with
// the proper minus sign, which amounts may have.
func negatives(args []string) []string {
	changed := make([]string, len(args))
	for i, a := range args {
		if len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			a = "\u2212" + a[1:]
		}
		changed[i] = a
	}
	return changed
}

// say writes to standard output, and tell to standard error. Where nobody reads
// any more there is nobody to be told of that.
func (p *program) say(format string, args ...any)  { _, _ = fmt.Fprintf(p.out, format, args...) }
func (p *program) tell(format string, args ...any) { _, _ = fmt.Fprintf(p.err, format, args...) }

// table writes rows with their columns below each other.
func (p *program) table(rows [][]string) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// heed runs fn, and does not wait for it once ctx has ended: nothing can
// interrupt a read of the terminal.
func heed(ctx context.Context, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isTerminal reports whether somebody is looking at, or typing into, a stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// progress tells how far something long has come, on one line of a terminal.
// The returned function ends that line.
func (p *program) progress(what string) (step func(done, all int64), end func()) {
	if !isTerminal(p.err) {
		return func(int64, int64) {}, func() {}
	}
	var last time.Time
	shown := false
	return func(done, all int64) {
			if time.Since(last) < 100*time.Millisecond {
				return
			}
			last, shown = time.Now(), true
			if all > 0 {
				p.tell("\r%s: %d of %d", what, done, all)
			} else {
				p.tell("\r%s: %d", what, done)
			}
		}, func() {
			if shown {
				p.tell("\r\033[K")
			}
		}
}
