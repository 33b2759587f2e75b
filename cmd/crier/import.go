package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

func (p *program) memberImportCommand() *cobra.Command {
	var region string
	var dryRun bool
	c := p.databaseFlags(&cobra.Command{
		Use:   "import SLUG FILE.csv",
		Short: "Add members from a spreadsheet",
		Long: `Adds members from a CSV file (- is standard input). Its first line names the columns: number, name,
sms, email, telegram, language, role, status, place, balance, limit, upper; only name is needed. Several
addresses in one field have | between them. Either all lines are imported or none. Members who are there
already are left as they are, so the same file may be imported again.`,
		Example: "  crier member import riverbank members.csv --region BE --dry-run\n  crier member import riverbank members.csv --region BE",
		Args:    needs(2, 2),
	})
	c.Flags().StringVar(&region, "region", "", "country of phone numbers that name none, such as BE (default: the community's)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would happen, and change nothing")
	c.RunE = func(c *cobra.Command, args []string) error {
		return p.importMembers(c.Context(), args[0], args[1], region, dryRun)
	}
	return c
}

// importMax is how large a file of members may be, in bytes.
const importMax = 64 << 20

func (p *program) readFile(ctx context.Context, name string) (data []byte, err error) {
	in := p.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("the file cannot be read: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		in = f
	}
	err = heed(ctx, func() (err error) {
		data, err = io.ReadAll(io.LimitReader(in, importMax+1))
		return err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && len(data) > importMax {
		err = fmt.Errorf("it has more than %d MB", importMax>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("the file %s cannot be read: %w", name, err)
	}
	return data, nil
}

// errDryRun takes a transaction back that was only a try.
var errDryRun = errors.New("dry run")

func (p *program) importMembers(ctx context.Context, slug, file, region string, dryRun bool) error {
	catalog, err := locales.Load()
	if err != nil {
		return err
	}
	data, err := p.readFile(ctx, file)
	if err != nil {
		return err
	}
	var im *importing
	step, end := p.progress("Importing members")
	err = p.update(ctx, slug, func(book *ledger.Book) error {
		im = &importing{book: book, step: step}
		entries, problems := readEntries(data, book.Community(), catalog, cmp.Or(region, book.Community().Region))
		im.problems = problems
		if err := im.run(ctx, entries); err != nil {
			return err
		}
		if len(im.problems) > 0 || dryRun {
			return errDryRun
		}
		return nil
	})
	end()
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	if len(im.problems) > 0 {
		slices.SortStableFunc(im.problems, func(a, b problem) int { return a.line - b.line })
		lines := map[int]bool{}
		for _, one := range im.problems {
			lines[one.line] = true
			p.say("line %d: %s\n", one.line, one.what)
		}
		return fmt.Errorf("nothing was imported: %s of %s cannot be read as they are", count(len(lines), "line", "lines"), file)
	}
	for _, note := range im.notes {
		p.say("%s\n", note)
	}
	would := ""
	if dryRun {
		would = "A dry run, nothing was changed: "
	}
	p.say("%s%s added, %d of them with an opening balance; %s there already and left as they were.\n",
		would, count(im.added, "member", "members"), im.opened, count(im.there, "was", "were"))
	if im.added == 0 && im.opened == 0 && len(im.problems) == 0 {
		p.say("Nothing has changed.\n")
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// importing is one import, in its transaction.
type importing struct {
	book *ledger.Book
	step func(done, all int64)

	byNumber  map[int64]*ledger.Record
	byAddress map[address][]*ledger.Record
	byName    map[string][]*ledger.Record // folded

	added, opened, there int
	notes                []string
	problems             []problem
}

// run enters everybody who is not there yet. What is wrong with a line is kept
// in problems; an error ends it all.
func (im *importing) run(ctx context.Context, entries []entry) error {
	people, err := im.book.Roster(ctx)
	if err != nil {
		return err
	}
	im.byNumber, im.byAddress, im.byName = map[int64]*ledger.Record{}, map[address][]*ledger.Record{}, map[string][]*ledger.Record{}
	for i := range people {
		im.know(&people[i])
	}
	im.findDoubles(entries)
	// Those with a number first: the others get what is left.
	slices.SortStableFunc(entries, func(a, b entry) int {
		if (a.Number == 0) != (b.Number == 0) {
			return map[bool]int{true: 1, false: -1}[a.Number == 0]
		}
		return 0
	})
	for i, e := range entries {
		im.step(int64(i), int64(len(entries)))
		old, what := im.find(e)
		switch {
		case what != "":
			im.problems = append(im.problems, problem{e.line, what})
		case len(im.problems) > 0: // nothing will be kept: only look for what else is wrong
		case old != nil:
			err = im.again(ctx, e, old)
		default:
			err = im.enter(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", e.line, err)
		}
	}
	return nil
}

func (im *importing) know(one *ledger.Record) {
	im.byNumber[one.Number] = one
	if one.Status == ledger.Left {
		return
	}
	folded := understand.Fold(one.Name)
	im.byName[folded] = append(im.byName[folded], one)
	for _, a := range one.Addresses {
		at := address{a.Channel, a.Address}
		im.byAddress[at] = append(im.byAddress[at], one)
	}
}

// findDoubles finds lines that are about the same person, or cannot be told
// apart the next time.
func (im *importing) findDoubles(entries []entry) {
	numbers, people := map[int64]int{}, map[string]int{}
	households := map[address]entry{}
	for _, e := range entries {
		if first := numbers[e.Number]; e.Number != 0 && first != 0 {
			im.problems = append(im.problems, problem{e.line, fmt.Sprintf("number %d stands in line %d already", e.Number, first)})
		} else {
			numbers[e.Number] = e.line
		}
		if e.Name == "" {
			continue
		}
		keys := []string{"no address"}
		for _, a := range e.addresses {
			keys = append(keys, a.channel+" "+a.address)
			if first, ok := households[a]; ok && understand.Fold(first.Name) != understand.Fold(e.Name) {
				im.notes = append(im.notes, fmt.Sprintf("line %d: %s shares %s with %s: crier will ask who is writing.", e.line, e.Name, a.address, first.Name))
			} else if !ok {
				households[a] = e
			}
		}
		if len(e.addresses) > 0 {
			keys = keys[1:]
		} else if e.Number != 0 {
			keys = nil
		}
		for _, key := range keys {
			key = understand.Fold(e.Name) + " " + key
			if first := people[key]; first != 0 && first != e.line {
				im.problems = append(im.problems, problem{e.line, fmt.Sprintf("%s stands in line %d already: give each a number of their own if they are two people", e.Name, first)})
				break
			}
			people[key] = e.line
		}
	}
}

// find finds the member that a line is about: by number, else by name and
// address, else, where it has none, by name alone. what says why it cannot be.
func (im *importing) find(e entry) (old *ledger.Record, what string) {
	folded := understand.Fold(e.Name)
	if e.Number != 0 {
		if old = im.byNumber[e.Number]; old != nil && understand.Fold(old.Name) != folded {
			return nil, fmt.Sprintf("number %d is %s's already, and not %s's", e.Number, old.Name, e.Name)
		}
		if old != nil {
			return old, ""
		}
	}
	for _, a := range e.addresses {
		for _, one := range im.byAddress[a] {
			switch {
			case understand.Fold(one.Name) != folded:
				im.notes = append(im.notes, fmt.Sprintf("line %d: %s shares %s with %s (%d): crier will ask who is writing.", e.line, e.Name, a.address, one.Name, one.Number))
			case e.Number == 0:
				return one, ""
			default:
				return nil, fmt.Sprintf("%s with %s is member %d already, and not %d", e.Name, a.address, one.Number, e.Number)
			}
		}
	}
	same := im.byName[folded]
	if e.Number != 0 || len(e.addresses) > 0 || len(same) == 0 {
		return nil, ""
	}
	if len(same) > 1 {
		return nil, fmt.Sprintf("there are several members called %s: write the number to say who is meant", e.Name)
	}
	return same[0], ""
}

// again leaves somebody who is there as they are, but for a balance to begin
// with that they have not had.
func (im *importing) again(ctx context.Context, e entry, old *ledger.Record) error {
	im.there++
	if e.balance == 0 {
		return nil
	}
	again, err := open(ctx, im.book, old.Member, e.balance)
	var limit *ledger.LimitError
	var status *ledger.StatusError
	switch {
	case again && err != nil, errors.As(err, &limit), errors.As(err, &status):
		im.problems = append(im.problems, problem{e.line, old.Name + ": " + reason(im.book, err)})
		return nil
	case err == nil && !again:
		im.opened++
	}
	return err
}

func reason(book *ledger.Book, err error) string {
	var limit *ledger.LimitError
	var status *ledger.StatusError
	switch {
	case errors.As(err, &limit):
		return fmt.Sprintf("the opening balance would take the account past its limit of %s", plainAmount(book.Community(), limit.Limit))
	case errors.As(err, &status):
		return fmt.Sprintf("a member who is %s gets no opening balance any more", status.Status)
	}
	return err.Error()
}

func (im *importing) enter(ctx context.Context, e entry) error {
	m, note, err := e.enter(ctx, im.book)
	if err != nil {
		return err
	}
	im.added++
	if e.balance != 0 {
		im.opened++
	}
	if note != "" {
		im.notes = append(im.notes, fmt.Sprintf("line %d: %s %s.", e.line, strings.TrimSpace(m.Name), note))
	}
	return nil
}
