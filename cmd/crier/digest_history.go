package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/ledger"
	"crier/mail/digest"
)

func (p *program) digestHistoryCommand() *cobra.Command {
	var asJSON, missed bool
	var last int
	c := p.databaseFlags(&cobra.Command{
		Use:   "history SLUG",
		Short: "Show what went out, and whom it reached",
		Long: `Shows the digests and broadcasts that went out, the latest first: when each was due and began, how many members
it was for, and of those how many messages were sent, are known to have been delivered, wait and failed (FAILED
counts those who have no address that works as well). Not every channel tells of deliveries.`,
		Example: "  crier digest history riverbank\n  crier digest history riverbank --missed --last 1\n  crier digest history riverbank --json",
		Args:    needs(1, 1),
	})
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON Lines, one for each, with who was missed")
	c.Flags().BoolVar(&missed, "missed", false, "name those who did not get it, and why")
	c.Flags().IntVar(&last, "last", 20, "how many of the latest")
	c.RunE = func(c *cobra.Command, args []string) error {
		if last < 1 {
			return errors.New("--last is a number of digests, 1 or more")
		}
		return p.view(c.Context(), args[0], func(book *ledger.Book) error {
			return p.showHistory(c.Context(), book, last, missed, asJSON)
		})
	}
	return c
}

// pastCry is one line of the history as JSON.
type pastCry struct {
	Kind      string      `json:"kind"`
	State     string      `json:"state"`
	Due       time.Time   `json:"due"`
	Began     *time.Time  `json:"began"`
	Ended     *time.Time  `json:"ended"`
	NewAds    int64       `json:"new_ads"`
	Reach     int64       `json:"reach"`
	Sent      int64       `json:"sent"`
	Delivered int64       `json:"delivered"`
	Waiting   int64       `json:"waiting"`
	Failed    int64       `json:"failed"`
	None      int64       `json:"without_address"`
	Missed    []missedOne `json:"missed"`
	Post      *postedCry  `json:"post"` // null: to no group
}

type postedCry struct {
	Place  string `json:"place"`
	Failed bool   `json:"failed"`
	Why    string `json:"why"`
}

type missedOne struct {
	Number int64    `json:"number"`
	Name   string   `json:"name"`
	Tried  []string `json:"tried"`
	Why    string   `json:"why"`
	Closed bool     `json:"wants_none"`
}

func (p *program) showHistory(ctx context.Context, book *ledger.Book, last int, missed, asJSON bool) error {
	all, err := digest.Tallies(ctx, book, last)
	if err != nil {
		return err
	}
	slug := book.Community().Slug
	if len(all) == 0 && !asJSON {
		p.say("Nothing has gone out to everybody yet. crier digest when %s shows when the next digest does.\n", slug)
		return nil
	}
	zone, err := time.LoadLocation(book.Community().Timezone)
	if err != nil {
		return err
	}
	by := func(at time.Time) string {
		if at.IsZero() {
			return "-"
		}
		return at.In(zone).Format("Mon 2006-01-02 15:04")
	}
	var past []pastCry
	rows := [][]string{{"DUE", "WHAT", "STATE", "BEGAN", "NEW ADS", "MEMBERS", "SENT", "DELIVERED", "WAITING", "FAILED"}}
	for _, one := range all {
		out := pastCry{
			Kind: one.Kind, State: one.State, Due: one.Due.In(zone), Began: orNull(one.Began, zone), Ended: orNull(one.Ended, zone), NewAds: one.NewAds,
			Reach: one.Reach, Sent: one.Sent, Delivered: one.Delivered, Waiting: one.Waiting, Failed: one.Failed, None: one.None, Missed: []missedOne{},
		}
		if one.Post != nil {
			out.Post = &postedCry{one.Post.Place, one.Post.Failed, one.Post.Why}
		}
		rows = append(rows, []string{
			by(one.Due), one.Kind, one.State, by(one.Began), strconv.FormatInt(one.NewAds, 10), strconv.FormatInt(one.Reach, 10),
			strconv.FormatInt(one.Sent, 10), strconv.FormatInt(one.Delivered, 10), strconv.FormatInt(one.Waiting, 10), strconv.FormatInt(one.Failed+one.None, 10),
		})
		if missed || asJSON {
			who, err := digest.MissedBy(ctx, book, one.ID)
			if err != nil {
				return err
			}
			for _, m := range who {
				out.Missed = append(out.Missed, missedOne{m.Number, m.Name, append([]string{}, m.Tried...), m.Why, m.Closed})
			}
		}
		past = append(past, out)
	}
	if asJSON {
		w := json.NewEncoder(p.out)
		w.SetEscapeHTML(false)
		for _, one := range past {
			if err := w.Encode(one); err != nil {
				return err
			}
		}
		return nil
	}
	if err := p.table(rows); err != nil || !missed {
		return err
	}
	return p.showMissed(past, by, slug)
}

func orNull(at time.Time, zone *time.Location) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.In(zone)
	return &at
}

// showMissed names who did not get what.
func (p *program) showMissed(past []pastCry, by func(time.Time) string, slug string) error {
	none, advise := true, false
	for _, one := range past {
		if one.Post != nil && one.Post.Failed {
			none = false
			p.say("\nThe %s of %s did not get into %s: %s\n", one.Kind, by(one.Due), one.Post.Place, one.Post.Why)
		}
		if len(one.Missed) == 0 {
			continue
		}
		none = false
		p.say("\nThe %s of %s did not reach\n", one.Kind, by(one.Due))
		var rows [][]string
		for _, m := range one.Missed {
			why := m.Why
			switch {
			case m.Closed:
				why = strings.Trim("wants none; "+why, "; ")
			case len(m.Tried) == 0:
				why = "no address that works"
			}
			advise = advise || !m.Closed
			rows = append(rows, []string{"  " + strconv.FormatInt(m.Number, 10), m.Name, strings.Join(m.Tried, " "), why})
		}
		if err := p.table(rows); err != nil {
			return err
		}
	}
	if none {
		p.say("\nNobody was missed.\n")
	}
	if advise {
		p.say("\nAnother address helps: crier member set %s NUMBER email NAME@…\n", slug)
	}
	return nil
}
