package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
)

var monthForm = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])$`)

// costMonths is how many months are shown unless one says from when.
const costMonths = 3

func (p *program) costsCommand() *cobra.Command {
	var from, slug string
	var asCSV bool
	c := p.databaseFlags(&cobra.Command{
		Use:   "costs",
		Short: "Show what each community's messages have cost, by month",
		Long: `Shows how many messages each community has sent by channels that cost something, in how many segments, and
what that has cost by the price in the configuration. All that a gateway took count, each once, whether they arrived
or not: most gateways charge for them. What one refused at once does not count. A community's budget is set with
crier community set SLUG budget.`,
		Example: "  crier costs\n  crier costs --from 2026-01 --csv > costs.csv",
		Args:    needs(0, 0),
	})
	c.Flags().StringVar(&from, "from", "", "the first month, such as 2026-01 (default: the last three months)")
	c.Flags().StringVar(&slug, "community", "", "short name of the only community to show")
	c.Flags().BoolVar(&asCSV, "csv", false, "for a spreadsheet")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if from == "" {
			now := p.now().UTC()
			from = now.AddDate(0, 1-costMonths, 1-now.Day()).Format("2006-01")
		}
		if !monthForm.MatchString(from) {
			return fmt.Errorf("%q is not a month such as 2026-01", from)
		}
		db, err := p.open(c.Context(), false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		var months []state.Month
		budgets := map[string]conversation.Cost{}
		err = db.View(c.Context(), func(tx ledger.Tx) error {
			if slug != "" {
				if _, err := community(c.Context(), tx, slug); err != nil {
					return err
				}
			}
			if months, err = state.Costs(c.Context(), tx, from); err != nil {
				return err
			}
			all, err := ledger.Communities(c.Context(), tx)
			for _, one := range all {
				book, err := ledger.Read(c.Context(), tx, one.ID, p.now())
				if err != nil {
					return err
				}
				if budgets[one.Slug], err = state.Budget(c.Context(), book); err != nil {
					return err
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		rows := [][]string{{"MONTH", "COMMUNITY", "CHANNEL", "MESSAGES", "SEGMENTS", "COST", "CURRENCY", "BUDGET"}}
		for _, m := range months {
			if slug != "" && m.Community != slug {
				continue
			}
			rows = append(rows, costRow(m, budgets[m.Community]))
		}
		if asCSV {
			w := csv.NewWriter(p.out)
			return w.WriteAll(rows)
		}
		if len(rows) == 1 {
			p.say("No message has been sent since %s that costs anything.\n", from)
			return nil
		}
		return p.table(rows)
	}
	return c
}

// costRow is what one community spent in a month.
func costRow(m state.Month, budget conversation.Cost) []string {
	who, cost, limit := m.Community, "", ""
	if who == "" {
		who = "(the host)"
	}
	if m.Currency != "" {
		cost = money(m.Micros)
	}
	if budget.Micros > 0 {
		limit = money(budget.Micros) + " " + budget.Currency
		if budget.Currency == m.Currency {
			limit += fmt.Sprintf(" (%d %%)", m.Micros*100/budget.Micros)
		}
	}
	return []string{m.Month, who, m.Channel, strconv.FormatInt(m.Messages, 10), strconv.Itoa(m.Segments), cost, m.Currency, limit}
}
