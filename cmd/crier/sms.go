package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/bots/sms"
	"crier/bots/sms/africastalking"
	"crier/bots/sms/android"
	"crier/bots/sms/gammu"
	"crier/bots/sms/kannel"
	"crier/bots/sms/smstools"
	"crier/bots/sms/twilio"
	"crier/bots/sms/vonage"
	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
)

// gateways are the makes of SMS gateway that crier knows.
var gateways = []sms.Kind{
	android.Kind, twilio.Kind, vonage.Kind, africastalking.Kind, kannel.Kind, gammu.Kind, smstools.Kind,
}

// servedLine is one gateway of a configuration, with its secrets.
type servedLine struct {
	sms.LineConfig
	kind     sms.Kind
	settings sms.Settings
}

// smsLines reads the gateways of a configuration.
func (p *program) smsLines(c *config) ([]*servedLine, error) {
	var all []*servedLine
	seen := map[string]bool{}
	for _, t := range c.SMS {
		l, err := p.smsLine(c, t)
		if err != nil {
			return nil, fmt.Errorf("the SMS gateway %s: %w", t.name(), err)
		}
		if seen[l.Name] {
			return nil, fmt.Errorf("two [[sms]] tables have the name %s: give each one of its own", l.Name)
		}
		seen[l.Name] = true
		all = append(all, l)
	}
	return all, nil
}

func (p *program) smsLine(c *config, t smsConfig) (*servedLine, error) {
	i := slices.IndexFunc(gateways, func(k sms.Kind) bool { return k.Name == t.Gateway })
	if i < 0 {
		var names []string
		for _, k := range gateways {
			names = append(names, k.Name)
		}
		return nil, fmt.Errorf("there is no gateway %q: there are %s", t.Gateway, strings.Join(names, ", "))
	}
	l := &servedLine{kind: gateways[i], LineConfig: sms.LineConfig{
		Name: t.name(), Community: t.Community, Region: t.Region, PerSecond: t.PerSecond,
	}}
	var err error
	if l.Price, err = conversation.ParseCost(t.Price); err != nil {
		return nil, fmt.Errorf("price: %w", err)
	}
	s := &l.settings
	*s = sms.Settings{URL: t.URL, User: t.User, Number: t.Number, Sender: t.Sender, Dir: c.path(t.Dir)}
	if t.ClockSkew != "" {
		if s.Skew, err = time.ParseDuration(t.ClockSkew); err != nil || s.Skew <= 0 {
			return nil, fmt.Errorf("clock_skew is %q, not a length of time such as 5m", t.ClockSkew)
		}
	}
	if s.Secret, err = p.secret(c, t.SecretFile, t.SecretEnv); err != nil {
		return nil, err
	}
	if s.Signing, err = p.secret(c, t.SigningFile, t.SigningEnv); err != nil {
		return nil, err
	}
	if err := l.check(t); err != nil {
		return nil, err
	}
	if len(l.kind.Hooks) > 0 {
		s.Hook = t.Callback
		if s.Hook == "" {
			s.Hook = c.PublicURL
		}
		if s.Hook == "" && !l.kind.Public {
			s.Hook = "http://" + c.Listen
		}
	}
	return l, nil
}

// check says which settings are missing, and which the gateway has no use for.
func (l *servedLine) check(t smsConfig) error {
	for _, one := range []struct{ key, value, how string }{
		{"url", t.URL, ""},
		{"user", t.User, ""},
		{"secret", l.settings.Secret, fmt.Sprintf(": set %s, or secret_file in its [[sms]] table", t.SecretEnv)},
		{"signing", l.settings.Signing, fmt.Sprintf(": set %s, or signing_file in its [[sms]] table", t.SigningEnv)},
		{"number", t.Number, ""},
		{"sender", t.Sender, ""},
		{"dir", t.Dir, ""},
		{"clock_skew", t.ClockSkew, ""},
	} {
		needed := slices.Contains(l.kind.Needs, one.key)
		switch {
		case needed && one.value == "":
			return fmt.Errorf("it needs %s%s", one.key, one.how)
		case one.value != "" && !needed && !slices.Contains(l.kind.Takes, one.key) && one.how == "":
			return fmt.Errorf("it has no use for %s", one.key)
		}
	}
	if t.Sender != "" && !senderForm(t.Sender) {
		return fmt.Errorf("the sender %q is neither a number nor 1 to 11 letters and digits with at least one letter", t.Sender)
	}
	return nil
}

// senderForm reports whether gateways may take that as a sender: an
// alphanumeric one has at most 11 characters (3GPP TS 23.040, section 9.1.2.5).
// The id of a group of senders at the provider passes as well.
func senderForm(s string) bool {
	letters := strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
	if !letters {
		return strings.Trim(s, "+0123456789") == ""
	}
	return len(s) <= 11 || len(s) == 34 && strings.HasPrefix(s, "MG")
}

// makeLines makes the lines, which then speak to nobody yet.
func makeLines(ctx context.Context, db ledger.DB, journey sms.Journey, served []*servedLine, log *slog.Logger) (sms.Lines, error) {
	if len(served) == 0 {
		return nil, nil
	}
	secret, err := state.Secret(ctx, db, "sms")
	if err != nil {
		return nil, err
	}
	var lines sms.Lines
	for _, s := range served {
		l, err := sms.NewLine(s.LineConfig, s.kind, s.settings, secret, journey, nil, log)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// addSMS makes the lines, mounts their webhooks, and has the journey send
// through them.
func addSMS(ctx context.Context, mux *http.ServeMux, db ledger.DB, journey *state.Journey, engine *conversation.Engine, served []*servedLine, log *slog.Logger) (sms.Lines, error) {
	lines, err := makeLines(ctx, db, journey, served, log)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	for _, l := range lines {
		if len(l.Kind.Hooks) > 0 {
			mux.Handle(l.Path(), l)
		}
	}
	engine.Reserve(func(channel, community string) []string {
		if channel != sms.Channel {
			return nil
		}
		return lines.Reserved(community)
	})
	journey.Send(lines, 0) // each line has its own rate
	return lines, nil
}

// startSMS looks for what gateways do not bring by themselves.
func startSMS(ctx context.Context, running *parts, lines sms.Lines, journey *state.Journey, log *slog.Logger) {
	for _, l := range lines {
		if !l.Runs() {
			continue
		}
		running.start(ctx, "gateway "+l.Name, func(ctx context.Context) error {
			return journey.Lease(ctx, "sms "+l.Name, func(ctx context.Context) error {
				if err := l.Run(ctx); err != nil && ctx.Err() == nil { // one gateway's trouble is not another's
					log.Error("an SMS gateway does not work: trying again", "gateway", l.Name, "err", err)
				}
				return nil
			})
		})
	}
}

func (p *program) smsCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use: "sms", Short: "Text messages: gateways, their webhooks, what a text costs", Example: "  crier sms gateways",
	}, p.smsGatewaysCommand(), p.smsHooksCommand(), p.smsTestCommand(), p.smsCountCommand())
}

func (p *program) smsGatewaysCommand() *cobra.Command {
	return &cobra.Command{
		Use: "gateways", Short: "List the makes of gateway, and what each can do",
		Long: `Lists the makes of gateway. Its columns:

  NEEDS             the settings that its [[sms]] table must have
  TAKES             those that it may have
  RECEIPTS          it tells whether a text has arrived
  SIGNED            its calls are signed: else only their secret address protects them
  SENDS ONCE        a text that is handed over twice, after a broken connection, goes out once
  USSD              it brings codes that members dial (*384*96#)
  KEEPS FOR ITSELF  words that it, or the carriers behind it, answer themselves: Crier teaches them to nobody`,
		Example: "  crier sms gateways", Args: needs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			rows := [][]string{{"GATEWAY", "NEEDS", "TAKES", "RECEIPTS", "SIGNED", "SENDS ONCE", "USSD", "KEEPS FOR ITSELF"}}
			for _, k := range gateways {
				rows = append(rows, []string{
					k.Name, strings.Join(k.Needs, " "), strings.Join(k.Takes, " "), yesNo(k.Receipts), yesNo(k.Signed),
					yesNo(k.Idempotent), yesNo(k.Dials), strings.Join(k.Reserved, " "),
				})
			}
			return p.table(rows)
		},
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func (p *program) smsHooksCommand() *cobra.Command {
	c := p.databaseFlags(&cobra.Command{
		Use:   "hooks",
		Short: "Show the addresses at which gateways call",
		Long: `Shows, for each gateway of the configuration, the addresses to enter in its own settings. Whoever knows one
can pretend to be the gateway: they are secrets.`,
		Example: "  crier sms hooks --config crier.toml",
		Args:    needs(0, 0),
	})
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		conf, err := p.configuration()
		if err != nil {
			return err
		}
		served, err := p.smsLines(conf)
		if err != nil {
			return err
		}
		if len(served) == 0 {
			return errors.New("the configuration has no [[sms]] table: crier.example.toml has one to start from")
		}
		db, err := p.open(c.Context(), true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		lines, err := makeLines(c.Context(), db, nil, served, quiet(p.err))
		if err != nil {
			return err
		}
		for _, l := range lines {
			p.say("%s (%s), for %s\n", l.Name, l.Kind.Name, whose(l.Community))
			switch {
			case len(l.Kind.Hooks) == 0:
				p.say("  calls nobody: Crier looks into %s\n", l.Settings.Dir)
				continue
			case l.Settings.Hook == "" && l.Kind.Looks:
				p.say("  calls nobody, since there is no public_url: Crier asks it for what came in\n")
				continue
			case l.Settings.Hook == "":
				p.say("  calls, and needs an address to call: set public_url\n")
				continue
			}
			for _, h := range l.Kind.Hooks {
				p.say("  %s\n      %s%s\n", h.For, l.Settings.Hook, h.Path)
			}
		}
		return nil
	}
	return c
}

// checkSMS tries the gateways.
func (p *program) checkSMS(ctx context.Context, c *config, communities map[string]patient, f *findings) {
	if len(c.SMS) == 0 {
		return
	}
	served, err := p.smsLines(c)
	if err != nil {
		p.say("Text messages\n")
		f.one("configuration", err)
		return
	}
	for _, s := range served {
		p.say("Text messages by %s, of %s\n", s.Name, whose(s.Community))
		f.served(communities, s.Community)
		l, err := sms.NewLine(s.LineConfig, s.kind, s.settings, make([]byte, 32), nil, nil, quiet(p.err))
		if err != nil {
			f.one("configuration", err)
			continue
		}
		f.try(ctx, "the gateway", func(ctx context.Context) ([]string, error) {
			said, err := l.Probe(ctx)
			if said == "" || err != nil {
				return nil, err
			}
			return []string{said}, nil
		})
		switch u, err := url.Parse(s.settings.Hook); {
		case len(s.kind.Hooks) == 0 || !s.kind.Public || err == nil && u.Scheme == "https":
		case s.settings.Hook == "" && s.kind.Looks:
			f.note("there is no public_url: Crier asks the gateway for what came in")
		default:
			f.wrong("the gateway calls from the Internet: set public_url to an https address")
		}
		if number := s.settings.Number; number != "" {
			if whole, err := sms.Number(number, s.Region); err == nil && whole != number && !strings.HasPrefix(strings.TrimSpace(number), "+") {
				f.note("number = %q is shown to members as it stands: with its country, %q, it works from everywhere", number, whole)
			}
		}
		if s.Price == (conversation.Cost{}) {
			f.note("no price is set: crier costs will count segments only, and no budget holds")
		}
		if s.Region == "" && s.settings.Number == "" {
			f.note("neither number nor region is set: numbers that come without their country cannot be told")
		}
		for _, slug := range slices.Sorted(maps.Keys(communities)) {
			one := communities[slug]
			if s.Community != "" && s.Community != slug {
				continue
			}
			if hours := quietHours(&one.Community); hours == "none" {
				f.note("%s: texts go out at any hour, since it has no quiet hours", slug)
			} else {
				f.note("%s: nothing but answers between %s by the clock of %s", slug, hours, one.Timezone)
			}
			if s.Price.Currency != "" && one.budget.Micros > 0 && one.budget.Currency != s.Price.Currency {
				f.wrong("%s may spend %s, and a text costs %s: the budget does not hold. crier community set %s budget \"20 %s\" sets one that does",
					slug, one.budget.Currency, s.Price.Currency, slug, s.Price.Currency)
			}
		}
	}
}
