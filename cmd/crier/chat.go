package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crier/bots/console"
	"crier/conversation"
	"crier/conversation/state"
	"crier/conversation/transcript"
	"crier/conversation/understand"
	"crier/ledger"
)

func (p *program) chatCommand() *cobra.Command {
	var as, slug, channel string
	var verbose bool
	c := p.databaseFlags(&cobra.Command{
		Use:   "chat",
		Short: "Write to Crier from the terminal, as a member",
		Long: `Writes to Crier as a member, from the terminal or from a pipe, where each line is a message and each
reply is a line. Where no database is configured it is a sample community, gone afterwards. In a real
one what Crier tells others is sent as ever; a reply may also go out on the member's own channel while
crier serve runs.`,
		Example: `  crier chat
  crier chat --as 12 --community riverbank
  printf 'pay luc 5\nyes\n' | crier chat --as maria`,
		Args: needs(0, 0),
	})
	c.Flags().StringVar(&as, "as", "", "who writes: member number, name, phone number or e-mail address")
	c.Flags().StringVar(&slug, "community", "", "short name of the community (not needed where there is only one)")
	c.Flags().StringVar(&channel, "channel", "", "channel to write on: sms, email, telegram … (default: the one last used)")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show on standard error what others of a sample community are told")
	c.RunE = func(c *cobra.Command, _ []string) error { return p.chat(c.Context(), as, slug, channel, verbose) }
	return c
}

func (p *program) chat(ctx context.Context, as, slug, channel string, verbose bool) (err error) {
	db, sample, err := p.chatDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if sample && as == "" {
		as = "Maria Keller"
	}
	in, name, err := p.speaker(ctx, db, as, slug, channel)
	if err != nil {
		return err
	}
	if sample {
		p.tell("No database is configured, so this is a sample community, Riverbank LETS, and you are %s.\n", name)
	}
	log := quiet(p.err)
	engine, _, err := newEngine(log)
	if err != nil {
		return err
	}
	journey := state.New(state.Config{DB: db, Engine: engine, Log: log, Holder: holder()})
	talk := console.Chat{
		In: p.in, Out: p.out,
		Say: func(ctx context.Context, text string) (replies []string, err error) {
			in.ID, in.Text, in.At = fmt.Sprintf("console %d", ledger.NewID(p.now())), text, p.now()
			send := func(out conversation.Outbound) {
				if out.Channel == in.Channel && out.Address == in.From {
					replies = append(replies, out.Text)
				} else if verbose {
					p.tell("(%s %s) %s\n", out.Channel, out.Address, console.OneLine(out.Text))
				}
			}
			if sample {
				return replies, journey.Now(ctx, in, send)
			}
			err = journey.Ask(ctx, in, send)
			return replies, err
		},
	}
	if isTerminal(p.in) {
		talk.Prompt = name + "> "
	}
	return talk.Run(ctx)
}

// chatDatabase opens the configured database, or a sample where there is none.
func (p *program) chatDatabase(ctx context.Context) (db ledger.DB, sample bool, err error) {
	if p.database == "" && p.config == "" && p.getenv(databaseEnv) == "" && !exists(defaultConfig) && !exists(defaultDatabase) {
		if db, err = temporary(ctx); err != nil {
			return nil, false, err
		}
		if _, err := transcript.Build(ctx, db, transcript.Sample().Givens, "sample.txt", p.now()); err != nil {
			return nil, false, errors.Join(err, db.Close())
		}
		return db, true, nil
	}
	db, err = p.open(ctx, false)
	return db, false, err
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}

// speaker finds who is to write, and from where.
func (p *program) speaker(ctx context.Context, db ledger.DB, as, slug, channel string) (in conversation.Inbound, name string, err error) {
	err = db.View(ctx, func(tx ledger.Tx) error {
		c, err := onlyCommunity(ctx, tx, slug)
		if err != nil {
			return err
		}
		book, err := ledger.Read(ctx, tx, c.ID, p.now())
		if err != nil {
			return err
		}
		people, err := book.Roster(ctx)
		if err != nil {
			return err
		}
		one, err := findPerson(people, &c, as)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(one.Addresses, func(a ledger.Address) bool { return channel == "" || a.Channel == channel })
		if i < 0 {
			if channel != "" {
				return fmt.Errorf("%s has no address on %s: crier member set %s %d %s … adds one", one.Name, channel, c.Slug, one.Number, channel)
			}
			return fmt.Errorf("%s has no address to write from: crier member set %s %d sms +32… adds one", one.Name, c.Slug, one.Number)
		}
		a := one.Addresses[i]
		name = one.Name
		in = conversation.Inbound{
			Channel: a.Channel, From: a.Address, Name: one.Name, Trust: conversation.Proven, Community: c.Slug, Locale: one.Locale,
		}
		return nil
	})
	return in, name, err
}

// onlyCommunity is the community of that short name, or the only one there is.
func onlyCommunity(ctx context.Context, tx ledger.Tx, slug string) (ledger.Community, error) {
	if slug != "" {
		return community(ctx, tx, slug)
	}
	all, err := ledger.Communities(ctx, tx)
	switch {
	case err != nil:
		return ledger.Community{}, err
	case len(all) == 0:
		return ledger.Community{}, errors.New("there is no community yet: crier community new founds one")
	case len(all) > 1:
		return ledger.Community{}, errors.New("there are several communities: say which with --community and its short name, which crier community list shows")
	}
	return all[0], nil
}

// findPerson finds the one member that is meant by a number, an address, a
// name or a part of one.
func findPerson(people []ledger.Record, c *ledger.Community, who string) (*ledger.Record, error) {
	if who = strings.TrimSpace(who); who == "" {
		return nil, fmt.Errorf("say who writes with --as and a number or name: crier member list %s shows them", c.Slug)
	}
	folded := understand.Fold(who)
	number, _ := strconv.ParseInt(who, 10, 64)
	phone, _ := addressOf("sms", who, "")
	var whole, part []*ledger.Record
	for i := range people {
		one := &people[i]
		name := understand.Fold(one.Name)
		switch {
		case one.Status == ledger.Left:
		case number > 0 && one.Number == number:
			return one, nil
		case name == folded || slices.ContainsFunc(one.Addresses, func(a ledger.Address) bool {
			return a.Address == strings.ToLower(who) || a.Address == phone.address && a.Channel == phone.channel
		}):
			whole = append(whole, one)
		case strings.HasPrefix(name, folded) || strings.Contains(name, " "+folded):
			part = append(part, one)
		}
	}
	if len(whole) == 0 {
		whole = part
	}
	switch len(whole) {
	case 0:
		return nil, fmt.Errorf("%s has no member %q: crier member list %s shows them all", c.Name, who, c.Slug)
	case 1:
		return whole[0], nil
	}
	var names []string
	for _, one := range whole[:min(5, len(whole))] {
		names = append(names, fmt.Sprintf("%d (%s)", one.Number, one.Name))
	}
	return nil, fmt.Errorf("%q may be several members: say --as %s", who, strings.Join(names, " or "))
}
