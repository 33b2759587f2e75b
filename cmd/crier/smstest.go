package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"crier/bots/sms"
	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

const smsTestTimeout = time.Minute

func (p *program) smsTestCommand() *cobra.Command {
	var community string
	c := p.databaseFlags(&cobra.Command{
		Use:   "test NUMBER",
		Short: "Send a text to try a gateway",
		Long: `Sends a short text to NUMBER by the gateway of the configuration, as members get them; it costs what a text
costs, and crier costs does not count it, since it is no community's. Answer it with HELP: where crier serve is running you should then get an answer.`,
		Example: "  crier sms test \"+32 470 00 00 12\"\n  crier sms test 0470000012 --community river",
		Args:    needs(1, 1),
	})
	c.Flags().StringVar(&community, "community", "", "whose gateway, where there are several (its short name)")
	c.RunE = func(c *cobra.Command, args []string) error { return p.smsTest(c.Context(), args[0], community) }
	return c
}

func (p *program) smsTest(ctx context.Context, to, community string) (err error) {
	c, err := p.configuration()
	if err != nil {
		return err
	}
	served, err := p.smsLines(c)
	if err != nil {
		return err
	}
	one, err := chooseLine(served, community)
	if err != nil {
		return err
	}
	db, err := p.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	lines, err := makeLines(ctx, db, nil, []*servedLine{one}, quiet(p.err))
	if err != nil {
		return err
	}
	number, err := sms.Number(to, lines[0].Region)
	if err != nil {
		return fmt.Errorf("%q is not a telephone number with its country, such as +32 470 00 00 12", to)
	}
	catalog, err := locales.Load()
	if err != nil {
		return err
	}
	locale := catalog.Codes()[0]
	if one.Community != "" {
		if err := db.View(ctx, func(tx ledger.Tx) error {
			c, err := ledger.CommunityBySlug(ctx, tx, one.Community)
			if err == nil {
				locale = c.Locale
			}
			return err
		}); err != nil && !ledger.IsNotFound(err) {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, smsTestTimeout)
	defer cancel()
	printer := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, p.now()).Avoiding(lines.Reserved(one.Community))
	id, err := lines.Send(ctx, conversation.Outbound{
		ID: ledger.NewID(p.now()), Community: one.Community, Channel: sms.Channel, Address: number, Locale: locale,
		Text: printer.Text("sms.test", nil), Priority: conversation.Replies, Attempt: 1,
	})
	if err != nil {
		return fmt.Errorf("the text was not taken: %w", err)
	}
	p.say("The gateway %s has taken the text for %s", one.Name, number)
	if id != "" {
		p.say(" (%s)", id)
	}
	p.say(".\nIf it does not arrive, see what crier doctor says.\n")
	return nil
}

// chooseLine finds the gateway of a community, or the only one.
func chooseLine(served []*servedLine, community string) (*servedLine, error) {
	if len(served) == 0 {
		return nil, errors.New("the configuration has no [[sms]] table: crier.example.toml has one to start from")
	}
	i := slices.IndexFunc(served, func(l *servedLine) bool { return l.Community == community })
	switch {
	case i >= 0:
		return served[i], nil
	case community == "" && len(served) == 1:
		return served[0], nil
	case community == "":
		return nil, errors.New("there are several gateways: say whose with --community")
	}
	return nil, fmt.Errorf("no gateway serves %q alone", community)
}
