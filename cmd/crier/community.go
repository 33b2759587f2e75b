package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/conversation/state"
	"crier/conversation/transcript"
	"crier/ledger"
	"crier/locales"
)

func (p *program) communityCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use:     "community",
		Short:   "Found a community, and change its settings",
		Example: "  crier community list",
	}, p.communityNewCommand(), p.communityListCommand(), p.communityShowCommand(), p.communitySetCommand(), p.communityCategoriesCommand())
}

// settings are what a community is founded with, as written.
type settings struct {
	name, unit, locale, timezone string
	decimals, adDays             int
	threshold, grace             string
	limit, upper                 string
}

func (p *program) communityNewCommand() *cobra.Command {
	var s settings
	c := p.databaseFlags(&cobra.Command{
		Use:   "new SLUG",
		Short: "Found a community",
		Long:  "Founds a community. SLUG is its short name for commands: small letters, digits and hyphens.",
		Example: `  crier community new riverbank --name "Riverbank LETS" --unit "acorn/acorns; fr gland/glands" --limit 50
  crier community new tijdbank --name "Tijdbank West" --unit hour --locale nl --timezone Europe/Brussels --threshold 1h`,
		Args: needs(1, 1),
	})
	f := c.Flags()
	f.StringVar(&s.name, "name", "", "its full name")
	f.StringVar(&s.unit, "unit", "hour", `what it counts in: hour, or its own word ("acorn/acorns; fr gland/glands")`)
	f.IntVar(&s.decimals, "decimals", 0, "places behind the point, 0 to 2 (hours are kept in minutes and take none)")
	f.StringVar(&s.locale, "locale", "en", "its language")
	f.StringVar(&s.timezone, "timezone", localTimezone(p.getenv), "where its members live, such as Europe/Brussels")
	f.StringVar(&s.threshold, "threshold", "0", "an exact payment of less than this needs no yes (0: all need one)")
	f.StringVar(&s.grace, "grace", "0h", "how long a payer may take a payment back alone, such as 2h or 1d")
	f.StringVar(&s.limit, "limit", "none", "how far below zero a member may go")
	f.StringVar(&s.upper, "upper", "none", "how high a member's balance may go")
	f.IntVar(&s.adDays, "ad-days", 90, "how many days an offer or want stays up")
	c.RunE = func(c *cobra.Command, args []string) error { return p.newCommunity(c.Context(), args[0], s) }
	return c
}

// localTimezone is this machine's time zone, if it has a name.
func localTimezone(getenv func(string) string) string {
	for _, name := range []string{getenv("TZ"), time.Local.String(), linkedTimezone()} {
		if _, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return name
		}
	}
	return "UTC"
}

func linkedTimezone() string {
	link, err := os.Readlink("/etc/localtime")
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(link, "zoneinfo/")
	return name
}

func (s settings) community(slug string) (ledger.Community, error) {
	c := ledger.Community{
		Slug: slug, Name: s.name, UnitKind: ledger.Units, UnitWords: s.unit, Decimals: s.decimals,
		Locale: s.locale, Timezone: s.timezone, AdDays: s.adDays, QuietFrom: quietFrom, QuietTo: quietTo,
	}
	if s.unit == "hour" || s.unit == "hours" {
		c.UnitKind, c.UnitWords = ledger.Hours, ""
	}
	if c.Decimals < 0 || c.Decimals > 2 {
		return c, errors.New("decimals must be 0, 1 or 2")
	}
	var err1, err2, err3, err4 error
	c.Threshold, err1 = parseAmount(&c, s.threshold)
	c.Lower, err2 = parseLowest(&c, s.limit)
	c.Upper, err3 = parseHighest(&c, s.upper)
	c.Grace, err4 = transcript.Duration(s.grace)
	return c, errors.Join(err1, err2, err3, err4)
}

func (p *program) newCommunity(ctx context.Context, slug string, s settings) (err error) {
	catalog, err := locales.Load()
	if err != nil {
		return err
	}
	if s.name == "" {
		return errors.New(`a community needs a name: add --name, as in --name "Riverbank LETS"`)
	}
	var problem string
	if s.name, problem = nameOf(s.name); problem != "" {
		return errors.New(problem)
	}
	if !catalog.Has(s.locale) {
		return unspoken(catalog, s.locale)
	}
	c, err := s.community(slug)
	if err != nil {
		return err
	}
	db, err := p.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(ctx, tx, c, p.now())
		if errors.Is(err, ledger.ErrTaken) {
			return fmt.Errorf("there is a community %q already: choose another short name, or change it with crier community set %s", slug, slug)
		}
		if err == nil {
			c = *book.Community()
		}
		return err
	})
	if err != nil {
		return err
	}
	flag := ""
	if p.database != "" {
		flag = " --database " + p.database
	} else if p.config != "" {
		flag = " --config " + p.config
	}
	p.say(`Founded %s, which counts in %s.
Next:
  crier member add %s "YOUR NAME" --role coordinator --sms +32…%s   yourself
  crier member import %s members.csv%s   the others, from a spreadsheet
  crier chat --community %s --as 1%s   try it here
  crier serve   when all is well
`, c.Name, unitName(catalog, &c), slug, flag, slug, flag, slug, flag)
	return nil
}

// unitName is what a community counts in, in its own language.
func unitName(catalog *locales.Catalog, c *ledger.Community) string {
	w := writer(catalog, c, c.Locale, time.Time{})
	if c.UnitKind == ledger.Hours {
		return w.Text("unit.name", nil)
	}
	_, words, _ := strings.Cut(sum(w, ledger.Amount(7*math.Pow10(c.Decimals))), " ")
	return words
}

func (p *program) communityListCommand() *cobra.Command {
	c := p.databaseFlags(&cobra.Command{
		Use: "list", Short: "List the communities", Example: "  crier community list", Args: needs(0, 0),
	})
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		db, err := p.open(c.Context(), false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return db.View(c.Context(), func(tx ledger.Tx) error {
			all, err := ledger.Communities(c.Context(), tx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				p.say("There is no community yet. Found one with: crier community new\n")
				return nil
			}
			var rows [][]string
			for _, c := range all {
				rows = append(rows, []string{c.Slug, c.Name, unitName(catalog, &c), c.Locale})
			}
			return p.table(rows)
		})
	}
	return c
}

func (p *program) communityShowCommand() *cobra.Command {
	c := p.databaseFlags(&cobra.Command{
		Use: "show SLUG", Short: "Show a community's settings", Example: "  crier community show riverbank", Args: needs(1, 1),
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		return p.view(c.Context(), args[0], func(book *ledger.Book) error { return p.showCommunity(c.Context(), book, catalog) })
	}
	return c
}

func (p *program) showCommunity(ctx context.Context, book *ledger.Book, catalog *locales.Catalog) error {
	c := book.Community()
	w := writer(catalog, c, c.Locale, p.now())
	people, err := book.Roster(ctx)
	if err != nil {
		return err
	}
	account, err := book.Account(ctx, c.Account())
	if err != nil {
		return err
	}
	wording, err := state.Wording(ctx, book.Tx(), c.ID)
	if err != nil {
		return err
	}
	budget, err := state.Budget(ctx, book)
	if err != nil {
		return err
	}
	unit := c.UnitWords
	if c.UnitKind == ledger.Hours {
		unit = "hour"
	}
	counts := map[ledger.Status]int{}
	for _, one := range people {
		counts[one.Status]++
	}
	return p.table([][]string{
		{"name", c.Name},
		{"unit", unit},
		{"decimals", strconv.Itoa(c.Decimals)},
		{"locale", c.Locale},
		{"timezone", c.Timezone},
		{"threshold", sum(w, c.Threshold)},
		{"grace", c.Grace.String()},
		{"limit", bound(w, c.Lower)},
		{"upper", bound(w, c.Upper)},
		{"ad_days", strconv.Itoa(c.AdDays)},
		{"pin_above", bound(w, c.PINAbove)},
		{"quiet", quietHours(c)},
		{"region", orNone(c.Region)},
		{"budget", budgetText(budget)},
		{"own account", sum(w, account.Balance)},
		{"members", fmt.Sprintf("%d active, %d invited, %d frozen, %d left", counts[ledger.Active], counts[ledger.Invited], counts[ledger.Frozen], counts[ledger.Left])},
		{"own wordings", strconv.Itoa(len(wording))},
	})
}

func (p *program) communitySetCommand() *cobra.Command {
	c := p.databaseFlags(&cobra.Command{
		Use:   "set SLUG KEY VALUE…",
		Short: "Change a setting of a community",
		Long: `Changes one setting: name, unit (the words only), locale, timezone, threshold, grace, limit,
upper, ad_days, pin_above (paying more needs the member's PIN), quiet (hours in which nobody is woken by a text),
region (the country of telephone numbers that name none), budget (what texts may cost in a month) or slug. The value
none switches limit, upper, pin_above, quiet, region or budget off. New limits hold for members who join later. "wording" gives one text another wording; an empty one takes that back.`,
		Example: `  crier community set riverbank threshold 20
  crier community set riverbank limit -50
  crier community set riverbank pin_above 50
  crier community set riverbank quiet 21:00-8:00
  crier community set riverbank quiet none
  crier community set riverbank region BE
  crier community set riverbank budget "20 EUR"
  crier community set riverbank wording en pay.confirm 'Thank {name} with {amount} for "{what}"? Reply YES or NO.'`,
		Args: needs(2, -1),
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		err = p.update(c.Context(), args[0], func(book *ledger.Book) error {
			if args[1] == "wording" {
				return setWording(c.Context(), book, catalog, args[2:])
			}
			if args[1] == "budget" {
				return setBudget(c.Context(), book, strings.Join(args[2:], " "))
			}
			changed, err := changeCommunity(*book.Community(), catalog, args[1], strings.Join(args[2:], " "))
			if err != nil {
				return err
			}
			if err := book.SetCommunity(c.Context(), changed); errors.Is(err, ledger.ErrTaken) {
				return fmt.Errorf("there is a community %q already: choose another short name", changed.Slug)
			} else if err != nil {
				return err
			}
			return book.Changed(c.Context())
		})
		if err == nil {
			p.say("Changed %s of %s.\n", args[1], args[0])
		}
		return err
	}
	return c
}

// The quiet hours of a new community.
const (
	quietFrom = 21 * 60
	quietTo   = 8 * 60
)

// parseQuiet reads "21:00-8:00", or "none".
func parseQuiet(s string) (from, to int, err error) {
	if s == "none" {
		return 0, 0, nil
	}
	begin, end, ok := strings.Cut(strings.ReplaceAll(s, " ", ""), "-")
	first, err1 := time.Parse("15:04", begin)
	last, err2 := time.Parse("15:04", end)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q are no quiet hours such as 21:00-8:00, or none", s)
	}
	return first.Hour()*60 + first.Minute(), last.Hour()*60 + last.Minute(), nil
}

func quietHours(c *ledger.Community) string {
	if c.QuietFrom == c.QuietTo {
		return "none"
	}
	return fmt.Sprintf("%d:%02d-%d:%02d", c.QuietFrom/60, c.QuietFrom%60, c.QuietTo/60, c.QuietTo%60)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func budgetText(c conversation.Cost) string {
	if c.Micros == 0 {
		return "none"
	}
	return money(c.Micros) + " " + c.Currency + " a month"
}

func setBudget(ctx context.Context, book *ledger.Book, value string) error {
	if value == "none" {
		return state.SetBudget(ctx, book, conversation.Cost{})
	}
	c, err := conversation.ParseCost(value)
	if err != nil {
		return err
	}
	if c.Micros == 0 {
		return errors.New("a budget is more than nothing; none takes it away")
	}
	return state.SetBudget(ctx, book, c)
}

func setWording(ctx context.Context, book *ledger.Book, catalog *locales.Catalog, args []string) error {
	if len(args) < 2 {
		return errors.New(`a wording is given as LOCALE KEY TEXT, such as: en pay.no "Nothing was given."`)
	}
	text := strings.Join(args[2:], " ")
	if err := catalog.CheckWording(args[0], args[1], text); err != nil {
		return err
	}
	return state.SetWording(ctx, book, args[0], args[1], text)
}

func changeCommunity(c ledger.Community, catalog *locales.Catalog, key, value string) (ledger.Community, error) {
	var err error
	switch key {
	case "slug":
		c.Slug = value
	case "name":
		var problem string
		if c.Name, problem = nameOf(value); problem != "" {
			err = errors.New(problem)
		}
	case "unit":
		if c.UnitKind == ledger.Hours {
			return c, errors.New("a community that counts in hours has no word of its own for them")
		}
		c.UnitWords = value
	case "locale":
		if !catalog.Has(value) {
			return c, unspoken(catalog, value)
		}
		c.Locale = value
	case "timezone":
		c.Timezone = value
	case "threshold":
		c.Threshold, err = parseAmount(&c, value)
	case "grace":
		c.Grace, err = transcript.Duration(value)
	case "limit":
		c.Lower, err = parseLowest(&c, value)
	case "upper":
		c.Upper, err = parseHighest(&c, value)
	case "ad_days":
		if c.AdDays, err = strconv.Atoi(value); err != nil {
			err = fmt.Errorf("%q is not a number of days", value)
		}
	case "pin_above":
		c.PINAbove, err = parseHighest(&c, value)
	case "quiet":
		c.QuietFrom, c.QuietTo, err = parseQuiet(value)
	case "region":
		c.Region = strings.ToUpper(value)
		if value == "none" {
			c.Region = ""
		} else if !phonenumbers.GetSupportedRegions()[c.Region] {
			err = fmt.Errorf("%q is not a country's two letters such as BE", value)
		}
	default:
		err = fmt.Errorf("a community has no setting %q: it has name, unit, locale, timezone, threshold, grace, limit, upper, ad_days, pin_above, quiet, region, budget, slug and wording", key)
	}
	return c, err
}
