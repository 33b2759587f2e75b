package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/conversation/transcript"
	"crier/ledger"
	"crier/mail/digest"
)

func (p *program) digestWhenCommand() *cobra.Command {
	var notice, post string
	var least int
	c := p.databaseFlags(&cobra.Command{
		Use:   "when SLUG [SCHEDULE…]",
		Short: "Show or set when the digest goes out",
		Long: `Shows when the digest of a community goes out, or sets it: a day and a time ("friday 8:00", "daily 18:30",
"monthly 1 8:00"), a cron expression ("0 8 * * 5") or never. Times are those of the community's own clock.`,
		Example: `  crier digest when riverbank
  crier digest when riverbank friday 8:00
  crier digest when riverbank "0 8 1,15 * *" --notice 1d --least 3
  crier digest when riverbank --post telegram:-1001234567890
  crier digest when riverbank never`,
		Args: needs(1, -1),
	})
	f := c.Flags()
	f.StringVar(&notice, "notice", "", "how long before, the coordinators see it and may change or skip it, such as 20h or 1d")
	f.IntVar(&least, "least", 0, "how many new ads it takes for a digest to go out")
	f.StringVar(&post, "post", "", "a group or channel that gets it too, such as telegram:-1001234567890 or telegram:@riverbank; none takes that back")
	c.RunE = func(c *cobra.Command, args []string) error {
		change, err := digestChange(c, strings.Join(args[1:], " "), notice, least, post)
		if err != nil {
			return err
		}
		do := p.view
		if change != nil {
			do = p.update
		}
		return do(c.Context(), args[0], func(book *ledger.Book) error {
			s, err := digest.SettingsOf(c.Context(), book)
			if err != nil {
				return err
			}
			if change != nil {
				change(&s)
				if err := s.Save(c.Context(), book); err != nil {
					return err
				}
			}
			return p.showWhen(c.Context(), book, s)
		})
	}
	return c
}

// postForm is where a digest can be posted beside its members' own.
var postForm = regexp.MustCompile(`^(telegram:(-?\d+|@\w{5,32})|email:\S+@\S+)$`)

// digestChange reads what is to be set; nil is nothing.
func digestChange(c *cobra.Command, schedule, notice string, least int, post string) (func(*digest.Settings), error) {
	var all []func(*digest.Settings)
	switch schedule {
	case "":
	case "never":
		all = append(all, func(s *digest.Settings) { s.Schedule = "" })
	default:
		parsed, err := digest.ParseSchedule(schedule)
		if err != nil {
			return nil, err
		}
		all = append(all, func(s *digest.Settings) { s.Schedule = parsed.String() })
	}
	if c.Flags().Changed("notice") {
		length, err := parseNotice(notice)
		if err != nil {
			return nil, err
		}
		all = append(all, func(s *digest.Settings) { s.Notice = length })
	}
	if c.Flags().Changed("least") {
		if least < 1 || least > 1000 {
			return nil, errors.New("--least is a number of new ads from 1 to 1000")
		}
		all = append(all, func(s *digest.Settings) { s.Least = least })
	}
	if c.Flags().Changed("post") {
		if post == "none" {
			post = ""
		} else if !postForm.MatchString(post) {
			return nil, fmt.Errorf("%q is no group or channel such as telegram:-1001234567890, and not none", post)
		}
		all = append(all, func(s *digest.Settings) { s.Place = post })
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(s *digest.Settings) {
		for _, one := range all {
			one(s)
		}
	}, nil
}

// noticeMost is how early a digest may be shown to the coordinators.
const noticeMost = 7 * 24 * time.Hour

// parseNotice reads "20h" or "1d".
func parseNotice(s string) (time.Duration, error) {
	length, err := transcript.Duration(s)
	if err == nil && (length < 0 || length > noticeMost) {
		err = fmt.Errorf("--notice is %s, and may be from 0h to 7d", s)
	}
	return length, err
}

func (p *program) showWhen(ctx context.Context, book *ledger.Book, s digest.Settings) error {
	c := book.Community()
	schedule := "never"
	rows := [][]string{{"notice", s.Notice.String() + " before"}, {"least", count(s.Least, "new ad", "new ads")}, {"post", orNone(s.Place)}}
	if s.Schedule != "" {
		schedule = s.Schedule + " (" + c.Timezone + ")"
		zone, err := time.LoadLocation(c.Timezone)
		if err != nil {
			return err
		}
		next, err := s.Next(ctx, book, zone, 3)
		if err != nil {
			return err
		}
		for i, at := range next {
			rows = append(rows, []string{[]string{"next", "", ""}[i], at.In(zone).Format("Mon 2 Jan 2006, 15:04")})
		}
	}
	return p.table(append([][]string{{"schedule", schedule}}, rows...))
}
