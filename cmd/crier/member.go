package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crier/ledger"
	"crier/locales"
)

func (p *program) memberCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use:     "member",
		Short:   "Add, import, list and change members",
		Example: "  crier member list riverbank",
	}, p.memberAddCommand(), p.memberImportCommand(), p.memberListCommand(), p.memberSetCommand())
}

func (p *program) memberAddCommand() *cobra.Command {
	var n newcomer
	var region string
	c := p.databaseFlags(&cobra.Command{
		Use:   "add SLUG NAME",
		Short: "Add a member",
		Example: `  crier member add riverbank "Ria Jansen" --role coordinator --telegram 1001
  crier member add riverbank "Maria Keller" --number 12 --sms "+32 470 00 00 12" --locale fr`,
		Args: needs(2, 2),
	})
	f := c.Flags()
	f.StringVar(&n.number, "number", "", "member number (default: the next free one)")
	f.StringArrayVar(&n.sms, "sms", nil, "phone number for text messages; may be repeated")
	f.StringArrayVar(&n.email, "email", nil, "e-mail address; may be repeated")
	f.StringArrayVar(&n.telegram, "telegram", nil, "Telegram's number of the member, as digits; may be repeated")
	f.StringVar(&n.locale, "locale", "", "language (default: the community's)")
	f.StringVar(&n.role, "role", "", "member or coordinator")
	f.StringVar(&n.status, "status", "", "active, invited, frozen or left")
	f.StringVar(&n.limit, "limit", "", "how far below zero, if not as the community has it")
	f.StringVar(&n.upper, "upper", "", "how high, if not as the community has it")
	f.StringVar(&n.place, "place", "", "where they live")
	f.StringVar(&region, "region", "", "country of phone numbers that name none, such as BE (default: the community's)")
	c.RunE = func(c *cobra.Command, args []string) error {
		n.name = args[1]
		return p.addMember(c.Context(), args[0], n, region)
	}
	return c
}

func (p *program) addMember(ctx context.Context, slug string, n newcomer, region string) error {
	catalog, err := locales.Load()
	if err != nil {
		return err
	}
	var said []string
	err = p.update(ctx, slug, func(book *ledger.Book) error {
		e, problems := n.entry(book.Community(), catalog, cmp.Or(region, book.Community().Region))
		if len(problems) > 0 {
			return errors.New(strings.Join(problems, "; "))
		}
		var shared []string
		for _, a := range e.addresses {
			others, err := book.MembersAt(ctx, a.channel, a.address)
			if err != nil {
				return err
			}
			for _, o := range others {
				shared = append(shared, fmt.Sprintf("%s is shared with %s (%d): crier will ask who is writing.", a.address, o.Name, o.Number))
			}
		}
		m, _, err := e.enter(ctx, book)
		if errors.Is(err, ledger.ErrTaken) {
			return fmt.Errorf("number %d is somebody else's already: leave --number out, and the next free one is taken", e.Number)
		} else if err != nil {
			return err
		}
		said = append([]string{fmt.Sprintf("%s is member %d of %s.", m.Name, m.Number, book.Community().Name)}, shared...)
		if len(e.addresses) == 0 {
			said = append(said, fmt.Sprintf("Crier cannot reach them yet. Make an invitation with: crier invite %s --member %d", slug, m.Number))
		}
		return nil
	})
	if err == nil {
		p.say("%s\n", strings.Join(said, "\n"))
	}
	return err
}

func (p *program) memberListCommand() *cobra.Command {
	var all, asCSV bool
	var status string
	c := p.databaseFlags(&cobra.Command{
		Use:     "list SLUG",
		Short:   "List the members, with balances and addresses",
		Example: "  crier member list riverbank\n  crier member list riverbank --all --csv > members.csv",
		Args:    needs(1, 1),
	})
	c.Flags().BoolVar(&all, "all", false, "also those who left")
	c.Flags().StringVar(&status, "status", "", "only those who are active, invited, frozen or left")
	c.Flags().BoolVar(&asCSV, "csv", false, "as CSV, which a spreadsheet opens and crier member import reads")
	c.RunE = func(c *cobra.Command, args []string) error {
		if status != "" && !slices.Contains(statuses, ledger.Status(status)) {
			return fmt.Errorf("the status is active, invited, frozen or left, not %q", status)
		}
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		return p.view(c.Context(), args[0], func(book *ledger.Book) error {
			people, err := book.Roster(c.Context())
			if err != nil {
				return err
			}
			people = slices.DeleteFunc(people, func(one ledger.Record) bool {
				if status != "" {
					return string(one.Status) != status
				}
				return one.Status == ledger.Left && !all
			})
			if asCSV {
				return p.writeCSV(people, book.Community())
			}
			return p.writeTable(people, writer(catalog, book.Community(), book.Community().Locale, p.now()))
		})
	}
	return c
}

func (p *program) writeTable(people []ledger.Record, w *locales.Printer) error {
	rows := [][]string{{"number", "name", "status", "role", "balance", "addresses"}}
	for _, one := range people {
		var at []string
		for _, a := range one.Addresses {
			at = append(at, shownAddress(a))
		}
		rows = append(rows, []string{
			strconv.FormatInt(one.Number, 10), one.Name, string(one.Status), string(one.Role), sum(w, one.Account.Balance), strings.Join(at, ", "),
		})
	}
	return p.table(rows)
}

func shownAddress(a ledger.Address) string {
	s := a.Channel + " " + a.Address
	if a.Status != ledger.AddressActive {
		s += " [" + string(a.Status)
		if a.Reason != "" {
			s += ": " + a.Reason
		}
		s += "]"
	}
	return s
}

// writeCSV writes members as import reads them.
func (p *program) writeCSV(people []ledger.Record, c *ledger.Community) error {
	w := csv.NewWriter(p.out)
	rows := [][]string{{"number", "name", "sms", "email", "telegram", "language", "role", "status", "place", "balance", "limit", "not reached"}}
	for _, one := range people {
		at := map[string][]string{}
		var silent []string
		for _, a := range one.Addresses {
			at[a.Channel] = append(at[a.Channel], a.Address)
			if a.Status != ledger.AddressActive {
				silent = append(silent, shownAddress(a))
			}
		}
		limit := "none"
		if one.Account.Lower != nil {
			limit = plainAmount(c, *one.Account.Lower)
		}
		rows = append(rows, []string{
			strconv.FormatInt(one.Number, 10), one.Name, strings.Join(at["sms"], " | "), strings.Join(at["email"], " | "), strings.Join(at["telegram"], " | "),
			one.Locale, string(one.Role), string(one.Status), one.Place, plainAmount(c, one.Account.Balance), limit, strings.Join(silent, " | "),
		})
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// plainAmount writes an amount as spreadsheets and parseAmount read it.
func plainAmount(c *ledger.Community, a ledger.Amount) string {
	sign := ""
	if a < 0 {
		sign, a = "-", -a
	}
	switch {
	case c.UnitKind == ledger.Hours:
		return fmt.Sprintf("%s%d:%02d", sign, a/60, a%60)
	case c.Decimals == 1:
		return fmt.Sprintf("%s%d.%d", sign, a/10, a%10)
	case c.Decimals == 2:
		return fmt.Sprintf("%s%d.%02d", sign, a/100, a%100)
	}
	return sign + strconv.FormatInt(int64(a), 10)
}

func (p *program) memberSetCommand() *cobra.Command {
	var region string
	c := p.databaseFlags(&cobra.Command{
		Use:   "set SLUG NUMBER KEY VALUE",
		Short: "Change a member",
		Long: `Changes a member's name, place, locale, role (member, coordinator), status (active, frozen, left,
invited), limit or upper; or adds an address: sms, email or telegram.`,
		Example: `  crier member set riverbank 12 status frozen
  crier member set riverbank 12 limit -100
  crier member set riverbank 12 email maria@example.org`,
		Args: needs(4, -1),
	})
	c.Flags().StringVar(&region, "region", "", "country of a phone number that names none, such as BE")
	c.RunE = func(c *cobra.Command, args []string) error {
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		var name string
		err = p.update(c.Context(), args[0], func(book *ledger.Book) error {
			m, err := memberByNumber(c.Context(), book, args[1])
			if err != nil {
				return err
			}
			err = changeMember(c.Context(), book, &m, catalog, args[2], strings.Join(args[3:], " "), region)
			name = m.Name
			return err
		})
		if err == nil {
			p.say("Changed %s of %s.\n", args[2], name)
		}
		return err
	}
	return c
}

func memberByNumber(ctx context.Context, book *ledger.Book, number string) (ledger.Member, error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 {
		return ledger.Member{}, fmt.Errorf("%q is not a member number: crier member list %s shows them", number, book.Community().Slug)
	}
	m, err := book.MemberByNumber(ctx, n)
	if ledger.IsNotFound(err) {
		return m, fmt.Errorf("%s has no member %d: crier member list %s shows them", book.Community().Name, n, book.Community().Slug)
	}
	return m, err
}

func changeMember(ctx context.Context, book *ledger.Book, m *ledger.Member, catalog *locales.Catalog, key, value, region string) error {
	var problem string
	switch key {
	case "name":
		m.Name, problem = nameOf(value)
	case "place":
		m.Place, problem = wordsOf("place", value)
	case "locale":
		m.Locale, problem = localeOf(catalog, value)
	case "role":
		m.Role, problem = roleOf(value)
	case "status":
		m.Status, problem = statusOf(value)
	case "limit", "upper":
		return changeLimit(ctx, book, m, key, value)
	case "sms", "email", "telegram":
		a, problem := addressOf(key, value, region)
		if problem != "" {
			return errors.New(problem)
		}
		return book.Bind(ctx, m.ID, a.channel, a.address)
	default:
		return fmt.Errorf("a member has no setting %q: there are name, place, locale, role, status, limit, upper, sms, email and telegram", key)
	}
	if problem != "" {
		return errors.New(problem)
	}
	return book.SaveMember(ctx, *m)
}

func changeLimit(ctx context.Context, book *ledger.Book, m *ledger.Member, key, value string) error {
	a, err := book.Account(ctx, m.Account())
	if err != nil {
		return err
	}
	if key == "limit" {
		a.Lower, err = parseLowest(book.Community(), value)
	} else {
		a.Upper, err = parseHighest(book.Community(), value)
	}
	if err != nil {
		return err
	}
	if a.Lower != nil && a.Upper != nil && *a.Lower > *a.Upper {
		return errors.New("the lowest balance would be above the highest")
	}
	return book.SetLimits(ctx, a.ID, a.Lower, a.Upper)
}
