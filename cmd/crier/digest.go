package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/bots/sms"
	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/locales"
	"crier/mail"
	"crier/mail/digest"
)

func (p *program) digestCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use:     "digest",
		Short:   "See, send and schedule what tells everybody what is new",
		Example: "  crier digest preview riverbank",
	}, p.digestPreviewCommand(), p.digestSendCommand(), p.digestHistoryCommand(), p.digestPaperCommand(), p.digestWhenCommand())
}

// digests is what the commands about one community's digest work with.
type digests struct {
	*digest.Digests
	journey   *state.Journey
	community ledger.Community
	catalog   *locales.Catalog
	zone      *time.Location
	unpriced  error // why nothing is known of what texts cost
	close     func() error
}

// openDigests opens the database and finds a community in it. Texts have the
// prices and the limits of the configured gateways.
func (p *program) openDigests(ctx context.Context, slug string) (d *digests, err error) {
	conf, err := p.configuration()
	if err != nil {
		return nil, err
	}
	db, err := p.open(ctx, false)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	log := quiet(p.err)
	engine, catalog, err := newEngine(log)
	if err != nil {
		return nil, err
	}
	d = &digests{
		Digests: digest.New(), catalog: catalog, close: db.Close,
		journey: state.New(state.Config{DB: db, Engine: engine, Log: log, Clock: p.now, Holder: holder()}),
	}
	served, err := p.smsLines(conf)
	if err == nil {
		_, err = addSMS(ctx, http.NewServeMux(), db, d.journey, engine, served, log)
	}
	d.unpriced = err
	err = db.View(ctx, func(tx ledger.Tx) error {
		d.community, err = community(ctx, tx, slug)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.zone, err = time.LoadLocation(d.community.Timezone)
	return d, err
}

// when writes a moment by the community's clock.
func (d *digests) when(at time.Time) string { return at.In(d.zone).Format("Mon 2 Jan 2006, 15:04") }

func (p *program) digestPreviewCommand() *cobra.Command {
	var member, locale, letter string
	c := p.databaseFlags(&cobra.Command{
		Use:   "preview SLUG",
		Short: "Show the digest as it would go out now",
		Long: `Shows what would go out if the digest went out now, to how many members by which channel, and what the texts
would cost by the price in the configuration. Nothing is sent.`,
		Example: "  crier digest preview riverbank\n  crier digest preview riverbank --locale fr\n  crier digest preview riverbank --member \"Maria Keller\"",
		Args:    needs(1, 1),
	})
	c.Flags().StringVar(&member, "member", "", "as this member would get it (number or name)")
	c.Flags().StringVar(&locale, "locale", "", "in this language (default: the community's, or the member's)")
	c.Flags().StringVar(&letter, "letter", "", "also write it as a letter into this file (.eml), which a mail program opens")
	c.RunE = func(c *cobra.Command, args []string) error {
		return p.previewDigest(c.Context(), args[0], member, locale, letter)
	}
	return c
}

func (p *program) previewDigest(ctx context.Context, slug, member, locale, letter string) (err error) {
	d, err := p.openDigests(ctx, slug)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if locale != "" && !d.catalog.Has(locale) {
		return unspoken(d.catalog, locale)
	}
	var draft digest.Draft
	name := ""
	if err := d.journey.Look(ctx, d.community.ID, func(ctx context.Context, t *conversation.Turn) (bool, error) {
		var who ledger.MemberID
		if member != "" {
			people, err := t.Book.Roster(ctx)
			if err != nil {
				return true, err
			}
			one, err := findPerson(people, &d.community, member)
			if err != nil {
				return true, err
			}
			who, name = one.ID, one.Name
		}
		draft, err = d.Draft(ctx, t, who, locale)
		return true, err
	}); err != nil {
		return err
	}
	if d.unpriced != nil {
		p.tell("What texts would cost is not known: %v\n", d.unpriced)
	}
	p.say("%s\n", d.described(draft))
	switch {
	case draft.Text != "":
		by := ""
		if name != "" && draft.Channel == "" {
			by = " (who has no address that works)"
		} else if name != "" {
			by = " by " + draft.Channel
		}
		if name != "" {
			p.say("To %s%s:\n", name, by)
		}
		p.say("\n%s\n", draft.Text)
	case name != "":
		p.say("%s would get nothing now: nothing is new to them, or they want the digest less often.\n", name)
	}
	switch {
	case letter == "":
		return nil
	case draft.Sheet == nil:
		return fmt.Errorf("there is no letter to write into %s: nothing would go out, or it is a text message", letter)
	}
	return p.writeLetter(d, draft, letter)
}

// writeLetter makes a letter of a draft that goes to nobody, and whose answers
// count for nothing.
func (p *program) writeLetter(d *digests, draft digest.Draft, file string) error {
	head := mail.Letterhead{Address: "preview@crier.invalid", Seal: mail.NewSeal(make([]byte, 32)), Now: p.now}
	made, err := head.Letter(conversation.Outbound{
		ID: ledger.NewID(p.now()), Community: d.community.Slug, Sender: d.community.Name, Channel: mail.Channel, Address: "member@crier.invalid",
		Locale: draft.Locale, Text: draft.Text, Sheet: draft.Sheet, Priority: conversation.Bulk,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, made.Data, 0o600); err != nil {
		return err
	}
	p.say("\nAs a letter it is in %s: open it in a mail program.\n", file)
	return nil
}

// described says what would go out, and whom it would reach.
func (d *digests) described(draft digest.Draft) string {
	var b strings.Builder
	switch {
	case draft.Going:
		return fmt.Sprintf("The digest of %s is going out already.", d.when(draft.Due))
	case draft.Planned:
		fmt.Fprintf(&b, "The digest of %s goes out on %s.\n", d.community.Name, d.when(draft.Due))
	case draft.Due.IsZero():
		fmt.Fprintf(&b, "%s has no digest by itself: crier digest when %s \"friday 8:00\" sets when it goes out.\n", d.community.Name, d.community.Slug)
	default:
		fmt.Fprintf(&b, "The next digest of %s is due on %s.\n", d.community.Name, d.when(draft.Due))
	}
	r := draft.Reach
	fmt.Fprintf(&b, "%s and %s are new. ", count(draft.Offers, "offer", "offers"), count(draft.Wants, "want", "wants"))
	switch {
	case r.Members == 0 && draft.Post == "":
		fmt.Fprintf(&b, "Nothing would go out now: there is too little that is new, or nobody to tell.")
	case r.Members == 0:
		fmt.Fprintf(&b, "It would go to no member, but into %s.", draft.Post)
	default:
		fmt.Fprintf(&b, "It would reach %s", count(r.Members, "member", "members"))
		var by []string
		for _, channel := range slices.Sorted(maps.Keys(r.Channels)) {
			by = append(by, fmt.Sprintf("%d by %s", r.Channels[channel], channel))
		}
		fmt.Fprintf(&b, ": %s.", strings.Join(by, ", "))
		if r.Cost.Micros > 0 {
			fmt.Fprintf(&b, " That costs %s %s.", money(r.Cost.Micros), r.Cost.Currency)
		}
	}
	if r.None > 0 {
		fmt.Fprintf(&b, "\nNot reached, for want of an address that works: %s. crier member list %s shows who has none.",
			count(r.None, "member", "members"), d.community.Slug)
	}
	return b.String()
}

func (p *program) digestSendCommand() *cobra.Command {
	var yes bool
	c := p.databaseFlags(&cobra.Command{
		Use:   "send SLUG",
		Short: "Send the digest now",
		Long: `Sends the digest that is planned before its time, or else an extra one; members get what is new since their
last one, so the next holds only what is newer. Ctrl-C may stop it in the middle: crier serve goes on with it, or
the same command does, and nobody gets it twice.`,
		Example: "  crier digest send riverbank\n  crier digest send riverbank --yes",
		Args:    needs(1, 1),
	})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.RunE = func(c *cobra.Command, args []string) error { return p.sendDigest(c.Context(), args[0], yes) }
	return c
}

func (p *program) sendDigest(ctx context.Context, slug string, yes bool) (err error) {
	d, err := p.openDigests(ctx, slug)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.unpriced != nil {
		return d.unpriced
	}
	var draft digest.Draft
	if err := d.journey.Look(ctx, d.community.ID, func(ctx context.Context, t *conversation.Turn) (bool, error) {
		draft, err = d.Draft(ctx, t, 0, "")
		return true, err
	}); err != nil {
		return err
	}
	p.say("%s\n", d.described(draft))
	if !draft.Going {
		if draft.Reach.Members == 0 && draft.Post == "" {
			return nil
		}
		what := "Send an extra digest now?"
		if draft.Planned {
			what = "Send it now, instead of then?"
		}
		if sure, err := p.sure(ctx, what, yes); err != nil || !sure {
			return err
		}
	}
	return p.send(ctx, d)
}

// sure asks a question that --yes answers.
func (p *program) sure(ctx context.Context, question string, yes bool) (bool, error) {
	if yes {
		return true, nil
	}
	p.tell("%s (yes or no) ", question)
	var line string
	if err := heed(ctx, func() error {
		line, _ = bufio.NewReader(p.in).ReadString('\n') // where nobody answers it is empty
		return nil
	}); err != nil {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	case "":
		return false, errors.New("nobody answered, so nothing was sent: --yes does it without asking")
	}
	p.say("Nothing was sent.\n")
	return false, nil
}

// toldEvery is after how many members a line says how far a digest is, where
// there is no terminal.
const toldEvery = 1000

// send tells all members. It does so whether or not crier serve runs: who was
// told is written down with each step, whoever takes it.
func (p *program) send(ctx context.Context, d *digests) error {
	var c digest.Cry
	if err := d.journey.Perform(ctx, d.community.ID, func(ctx context.Context, t *conversation.Turn) (_ bool, err error) {
		c, err = d.Begin(ctx, t)
		return true, err
	}); err != nil {
		return err
	}
	step, end := p.progress("Members told")
	defer end()
	var looked, members int64
	for line := int64(toldEvery); !c.Over(); {
		if err := d.journey.Perform(ctx, d.community.ID, func(ctx context.Context, t *conversation.Turn) (_ bool, err error) {
			c, looked, members, err = d.Continue(ctx, t, c.ID)
			return true, err
		}); err != nil && ctx.Err() != nil {
			end()
			p.tell("Stopped: it has gone to %d members so far (%d of %d were looked at). crier serve goes on with it, or crier digest send %s.\n",
				c.Reach, looked, members, d.community.Slug)
			return errTold
		} else if err != nil {
			return err
		}
		step(looked, members)
		if looked >= line && !isTerminal(p.err) {
			p.tell("%d of %d members\n", looked, members)
			line = looked - looked%toldEvery + toldEvery
		}
	}
	end()
	to := count(int(c.Reach), "member", "members")
	switch {
	case c.Reach == 0 && c.Place == "":
		p.say("It went to nobody: there was nothing new, or nobody to tell.\n")
		return nil
	case c.Reach == 0:
		to = "no member, but into " + c.Place
	}
	p.say("It goes to %s. crier digest history %s shows whom it reaches.\n", to, d.community.Slug)
	if serving, err := d.journey.Held(ctx, "tick"); err != nil || serving {
		return err
	}
	p.say("crier serve is not running: the messages wait in the outbox until it is.\n")
	return nil
}

func (p *program) digestPaperCommand() *cobra.Command {
	var paper digest.Paper
	c := p.databaseFlags(&cobra.Command{
		Use:   "paper SLUG",
		Short: "Write the digest as a page to print, for the noticeboard",
		Long: `Writes what is new as a page for the noticeboard, and for those who have no device: large type, A4, with how to
take part at its bottom and strips to tear off. Open it in a browser and print it. What was in the last digest is
on it, and what is newer; with --all everything that is up.

The number, the mailbox and the bot are those of the configuration, or as the flags say. The telephone numbers of
members are on it only with --phones: whoever walks past reads them.`,
		Example: `  crier digest paper riverbank > page.html
  crier digest paper riverbank --locale nl --all --number "+32 470 00 00 99" > page.html`,
		Args: needs(1, 1),
	})
	f := c.Flags()
	f.StringVar(&paper.Locale, "locale", "", "its language (default: the community's)")
	f.BoolVar(&paper.All, "all", false, "all offers and wants that are up")
	f.BoolVar(&paper.Phones, "phones", false, "with the telephone numbers of the members whose offers and wants they are")
	f.StringVar(&paper.SMS, "number", "", "to which texts are sent")
	f.StringVar(&paper.Email, "email", "", "to which letters are sent")
	f.StringVar(&paper.Telegram, "telegram-bot", "", "the bot's name on Telegram, such as @RiverBot")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if bot := botForm.FindStringSubmatch(paper.Telegram); bot != nil {
			paper.Telegram = "@" + bot[1]
		} else if paper.Telegram != "" {
			return fmt.Errorf("%q is not the name of a Telegram bot, such as RiverbankBot", paper.Telegram)
		}
		conf, err := p.configuration()
		if err != nil {
			return err
		}
		d, err := p.openDigests(c.Context(), args[0])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.close()) }()
		if paper.Locale != "" && !d.catalog.Has(paper.Locale) {
			return unspoken(d.catalog, paper.Locale)
		}
		paper.SMS, paper.Email = cmp.Or(paper.SMS, conf.numberOf(args[0])), cmp.Or(paper.Email, conf.mailboxOf(args[0]))
		if number, err := sms.Number(paper.SMS, d.community.Region); err == nil { // else it is a short code
			paper.SMS = number
		}
		return d.journey.Look(c.Context(), d.community.ID, func(ctx context.Context, t *conversation.Turn) (bool, error) {
			return true, d.WritePaper(ctx, t, p.out, paper)
		})
	}
	return c
}

// numberOf is the number to which members of a community send texts, "" where
// none is known: of a gateway of its own, or of the host's.
func (c *config) numberOf(slug string) string {
	for _, whose := range []string{slug, ""} {
		for _, s := range c.SMS {
			if s.Community == whose && s.Number != "" {
				return s.Number
			}
		}
	}
	return ""
}

// mailboxOf is the address to which members of a community write.
func (c *config) mailboxOf(slug string) string {
	for _, m := range c.Mail {
		if m.Community == slug {
			return m.Address
		}
	}
	for _, m := range c.Mail {
		if m.Community == "" && m.Detail != "" {
			return strings.Replace(m.Address, "@", m.Detail+slug+"@", 1)
		}
	}
	return ""
}
