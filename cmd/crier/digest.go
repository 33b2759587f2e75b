package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/bots/sms"
	"crier/conversation"
	"crier/conversation/state"
	"crier/conversation/transcript"
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
