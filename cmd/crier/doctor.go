package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/bots/telegram"
	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/mail"
	"crier/mail/digest"
	"crier/mail/imap"
	"crier/mail/smtp"
)

func (p *program) doctorCommand() *cobra.Command {
	c := p.databaseFlags(&cobra.Command{
		Use:   "doctor",
		Short: "Check a configuration, and say what to mend",
		Long: `Tries everything that the configuration names: the database, the clock, each Telegram bot, each mailbox with the
servers that hold and send its mails, and what stands in the DNS for it, and each SMS gateway. It says of each whether it
works and, where not, what to do. It makes folders that a mailbox lacks, changes nothing else, and sends nothing.`,
		Example: "  crier doctor\n  crier doctor --config crier.toml",
		Args:    needs(0, 0),
	})
	c.RunE = func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) }
	return c
}

// findings are what the doctor says, in order.
type findings struct {
	p   *program
	bad int
}

func (f *findings) good(format string, args ...any) { f.p.say("  ok    "+format+"\n", args...) }

// note is for what works and yet deserves a thought.
func (f *findings) note(format string, args ...any) { f.p.say("  note  "+format+"\n", args...) }

func (f *findings) wrong(format string, args ...any) {
	f.bad++
	f.p.say("  MEND  "+format+"\n", args...)
}

// one says how a try ended.
func (f *findings) one(what string, err error) {
	if err != nil {
		f.wrong("%s: %s", what, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	f.good("%s", what)
}

const checkTimeout = 30 * time.Second

func (p *program) doctor(ctx context.Context) error {
	c, err := p.configuration()
	if err != nil {
		return err
	}
	f := &findings{p: p}
	p.say("Database\n")
	communities := p.checkDatabase(ctx, f)
	p.say("Clock\n")
	p.checkClock(ctx, c, f)
	p.checkTelegram(ctx, c, f)
	p.checkMail(ctx, c, communities, f)
	p.checkSMS(ctx, c, communities, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(c.Mail) == 0 && len(c.SMS) == 0 && len(c.Telegram) == 0 && p.getenv(tokenEnv) == "" {
		p.say("Channels\n")
		f.note("the configuration names no channel: nobody can write to Crier. crier.example.toml has one of each to start from")
	}
	if f.bad > 0 {
		return fmt.Errorf("%s to mend", count(f.bad, "thing", "things"))
	}
	p.say("All is well.\n")
	return nil
}

// patient is a community, as the doctor sees it.
type patient struct {
	ledger.Community
	budget conversation.Cost
}

// checkDatabase opens the database, and returns the communities by their short
// names; nil where it cannot.
func (p *program) checkDatabase(ctx context.Context, f *findings) (communities map[string]patient) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := p.open(ctx, false)
	if err != nil {
		f.one("open", err)
		return nil
	}
	defer func() {
		if err := db.Close(); err != nil {
			f.one("close", err)
		}
	}()
	communities = map[string]patient{}
	var digests []func()
	err = db.View(ctx, func(tx ledger.Tx) error {
		all, err := ledger.Communities(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range all {
			book, err := ledger.Read(ctx, tx, c.ID, p.now())
			if err != nil {
				return err
			}
			budget, err := state.Budget(ctx, book)
			if err != nil {
				return err
			}
			communities[c.Slug] = patient{c, budget}
			say, err := checkDigest(ctx, book, f)
			if err != nil {
				return err
			}
			digests = append(digests, say)
		}
		return nil
	})
	f.one(fmt.Sprintf("%s, with %s", db.Engine(), count(len(communities), "community", "communities")), err)
	if err == nil && len(communities) == 0 {
		f.note("there is no community yet: crier community new founds one")
	}
	for _, say := range digests {
		say()
	}
	return communities
}

// checkDigest looks whether a community's digest goes out, and returns what says so.
func checkDigest(ctx context.Context, book *ledger.Book, f *findings) (say func(), err error) {
	c := book.Community()
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return nil, err
	}
	s, err := digest.SettingsOf(ctx, book)
	if err != nil {
		return nil, err
	}
	due, late, err := digest.Overdue(ctx, book, zone)
	if err != nil {
		return nil, err
	}
	last, err := digest.Tallies(ctx, book, 1)
	if err != nil {
		return nil, err
	}
	switch {
	case late:
		return func() {
			f.wrong("%s: the digest of %s has not gone out. Does crier serve run, and what does its log say? crier digest send %s sends it",
				c.Slug, due.In(zone).Format("Mon 2 Jan 2006, 15:04"), c.Slug)
		}, nil
	case len(last) > 0 && last[0].Issue && last[0].Over() && last[0].NewAds >= int64(max(s.Least, 1)) && last[0].Reach == 0:
		return func() {
			f.wrong("%s: the last digest went to nobody, though %s new. crier member list %s shows who has an address",
				c.Slug, count(int(last[0].NewAds), "ad was", "ads were"), c.Slug)
		}, nil
	case s.Schedule == "":
		return func() {
			f.note("%s has no digest: crier digest when %s \"friday 8:00\" has one go out every week", c.Slug, c.Slug)
		}, nil
	}
	return func() {}, nil
}

// served says where a channel is for a community that is not there.
func (f *findings) served(communities map[string]patient, slug string) {
	if _, there := communities[slug]; slug != "" && communities != nil && !there {
		f.wrong("there is no community %q: crier community list shows their short names", slug)
	}
}

// How far the clock may be off: signatures of mails and of webhooks hold only
// for some minutes.
const clockOff = 2 * time.Minute

// checkClock compares the clock with that of a server that the configuration
// names anyway: nobody else is asked.
func (p *program) checkClock(ctx context.Context, c *config, f *findings) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout/2)
	defer cancel()
	var sources []string
	for _, t := range c.Telegram {
		sources = append(sources, t.Endpoint)
	}
	if len(sources) == 0 && p.getenv(tokenEnv) != "" {
		sources = []string{""}
	}
	client := &http.Client{Timeout: checkTimeout / 4}
	for _, url := range sources {
		if url == "" {
			url = "https://api.telegram.org/"
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
		if err != nil {
			continue
		}
		resp, err := client.Do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
		their, err := http.ParseTime(resp.Header.Get("Date"))
		if err != nil {
			continue
		}
		if off := p.now().Sub(their).Abs(); off > clockOff {
			f.wrong("this machine's clock is %s off: set it by the network (timedatectl set-ntp true)", off.Round(time.Second))
		} else {
			f.good("this machine's clock is right")
		}
		return
	}
	f.note("this machine says it is %s: compare that with your watch", p.now().UTC().Format("2006-01-02 15:04 UTC"))
}

func (p *program) checkTelegram(ctx context.Context, c *config, f *findings) {
	if len(c.Telegram) == 0 && p.getenv(tokenEnv) == "" {
		return
	}
	p.say("Telegram\n")
	bots, err := p.botConfigs(c)
	if err != nil {
		f.one("configuration", err)
		return
	}
	for _, b := range bots {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		name, err := telegram.Probe(ctx, b.Config)
		cancel()
		f.one(strings.TrimSpace("bot of "+whose(b.Community)+" "+name), err)
	}
}

// whose names a community for whoever reads it.
func whose(slug string) string {
	if slug == "" {
		return "all communities"
	}
	return slug
}

func (p *program) checkMail(ctx context.Context, c *config, communities map[string]patient, f *findings) {
	for _, m := range c.Mail {
		p.say("Mailbox %s of %s\n", m.Address, whose(m.Community))
		f.served(communities, m.Community)
		b, err := p.mailbox(c, m)
		if err != nil {
			f.one("configuration", err)
			continue
		}
		head := c.letterhead(b, mail.NewSeal(make([]byte, 32)))
		if err := head.Check(); err != nil {
			f.one("address", err)
		}
		if b.imap.URL != "" {
			f.try(ctx, "mails in by "+b.imap.URL, func(ctx context.Context) ([]string, error) { return imap.Probe(ctx, b.imap) })
		}
		f.try(ctx, "letters out by "+b.smtp.URL, func(ctx context.Context) ([]string, error) { return nil, smtp.Probe(ctx, b.smtp) })
		p.checkDNS(ctx, b, f)
		if m.Detail == "" {
			f.note("the mailbox has no subaddresses (detail): answers are told by their Message-ID alone, which some servers change. Set detail = \"+\" if mails to %s arrive",
				strings.Replace(m.Address, "@", "+test@", 1))
		}
	}
	if c.LMTP.Listen != "" {
		p.say("Mail server\n")
		f.note("mails are taken at %s while crier serve runs: your mail server has to bring them there", c.LMTP.Listen)
	}
}

// try gives a try its time, and says how it ended and what was noticed.
func (f *findings) try(ctx context.Context, what string, fn func(ctx context.Context) (notes []string, err error)) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	notes, err := fn(ctx)
	f.one(what, err)
	for _, n := range notes {
		f.note("%s", n)
	}
}

// checkDNS says what is missing for others to believe our letters.
func (p *program) checkDNS(ctx context.Context, b *servedMailbox, f *findings) {
	_, domain, _ := strings.Cut(b.Address, "@")
	look := func(name string) (records []string, known bool) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout/3)
		defer cancel()
		records, err := p.lookupTXT(ctx, name)
		var dns *net.DNSError
		return records, err == nil || errors.As(err, &dns) && dns.IsNotFound
	}
	if b.signer == nil {
		f.note("Crier does not sign letters itself: the server that sends them should (DKIM). Most providers do")
	} else {
		name, want := b.signer.Record()
		records, known := look(name)
		switch {
		case !known:
			f.note("the DNS does not answer. For the signature this has to stand there:\n        %s TXT %q", name, want)
		case !hasRecord(records, want):
			f.wrong("the signature cannot be checked by others: put this into the DNS, as it stands:\n        %s TXT %q", name, want)
		default:
			f.good("the signature's key is in the DNS, at %s", name)
		}
	}
	for _, one := range []struct{ name, begins, what, advice string }{
		{domain, "v=spf1", "SPF", "which servers may send for the domain. Your provider says what to put there"},
		{"_dmarc." + domain, "v=DMARC1", "DMARC", "what others do with forged mails. To begin with: v=DMARC1; p=none"},
	} {
		records, known := look(one.name)
		found := false
		for _, r := range records {
			found = found || strings.HasPrefix(r, one.begins)
		}
		switch {
		case !known:
			f.note("the DNS does not answer about %s (%s)", one.name, one.what)
		case !found:
			f.note("there is no %s record at %s: it says %s", one.what, one.name, one.advice)
		default:
			f.good("%s record at %s", one.what, one.name)
		}
	}
}

// hasRecord reports whether one of some DKIM records says the same as want:
// they may differ in spaces, and in the order of their tags.
func hasRecord(records []string, want string) bool {
	tags := func(record string) map[string]string {
		all := map[string]string{}
		for tag := range strings.SplitSeq(record, ";") {
			name, value, _ := strings.Cut(tag, "=")
			all[strings.TrimSpace(name)] = strings.Join(strings.Fields(value), "")
		}
		return all
	}
	for _, r := range records {
		if tags(r)["p"] == tags(want)["p"] && tags(r)["p"] != "" {
			return true
		}
	}
	return false
}
