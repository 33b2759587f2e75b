package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
	"crier/mail"
	"crier/mail/smtp"
)

func (p *program) mailCommand() *cobra.Command {
	return p.group(&cobra.Command{
		Use: "mail", Short: "Look at mails, and try the mailboxes", Example: "  crier mail read strange.eml\n  crier mail test luc@example.org",
	}, p.mailReadCommand(), p.mailTestCommand(), p.mailKeyCommand())
}

func (p *program) mailReadCommand() *cobra.Command {
	var lines bool
	c := &cobra.Command{
		Use:   "read FILE|-…",
		Short: "Say what Crier makes of mails",
		Long: `Reads mails as your mail program saves them (.eml), and says of each from whom it is, how far that is
believed and why, whether a person or a machine wrote it, and the text that Crier would act on. It changes
nothing. A configuration, if there is one, tells which addresses are Crier's and whose word counts.
To look at signatures it asks the DNS.`,
		Example: "  crier mail read strange.eml\n  crier mail read --json *.eml\n  crier mail read - < strange.eml",
		Args:    needs(1, -1),
	}
	c.Flags().StringVar(&p.config, "config", "", "configuration file (default "+defaultConfig+" where there is one)")
	c.Flags().BoolVar(&lines, "json", false, "one line of JSON for each mail: file, from, trust, why, kind, text, bounced")
	c.RunE = func(c *cobra.Command, args []string) error { return p.mailRead(c.Context(), args, lines) }
	return c
}

// mailLine is what `crier mail read --json` writes of one mail.
type mailLine struct {
	File    string   `json:"file"`
	From    string   `json:"from"`
	Trust   string   `json:"trust"` // "proven" or "claimed"
	Why     string   `json:"why"`
	Kind    string   `json:"kind"` // "person", "auto", "bounce", "list" or "complaint"
	Locale  string   `json:"locale,omitempty"`
	Text    string   `json:"text"`
	Bounced []string `json:"bounced"` // the addresses that a bounce or a complaint is about
	Error   string   `json:"error,omitempty"`

	machine string   // what shows that a machine wrote it
	ignored []string // what came with it and is not read
	photos  int
	subject string
}

func (p *program) mailRead(ctx context.Context, files []string, lines bool) error {
	c, err := p.configuration()
	if err != nil {
		return err
	}
	u, err := newUnderstander()
	if err != nil {
		return err
	}
	receiver := p.receiver(nil, mail.NewSeal(make([]byte, 32)), nil, nil, quiet(p.err))
	var env mail.Envelope // nobody knows any more which way they came
	for _, m := range c.Mail {
		env.AuthservIDs = append(env.AuthservIDs, m.AuthservIDs...)
		receiver.Mailboxes = append(receiver.Mailboxes, mail.Mailbox{Address: m.Address, Detail: m.Detail, Community: m.Community})
	}
	failed := 0
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	for i, file := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		line := p.mailLine(ctx, file, env, receiver, u)
		if line.Error != "" {
			failed++
		}
		if lines {
			if err := encoder.Encode(line); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			continue
		}
		if i > 0 {
			p.say("\n")
		}
		p.sayMail(line)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be read", failed, count(len(files), "mail", "mails"))
	}
	return nil
}

func (p *program) mailLine(ctx context.Context, file string, env mail.Envelope, receiver *mail.Receiver, u *understand.Understander) mailLine {
	line := mailLine{File: file, Bounced: []string{}}
	raw, err := p.readMail(ctx, file)
	if err != nil {
		line.Error = err.Error()
		return line
	}
	m, trust, why, err := receiver.Examine(ctx, raw, env)
	if err != nil {
		line.Error = "this is no mail: it should begin with lines such as From: and Subject:"
		if !errors.Is(err, mail.ErrUnreadable) {
			line.Error = err.Error()
		}
		return line
	}
	line.From, line.Kind, line.Text, line.Trust, line.Why = m.From, string(m.Kind), m.Text, trust.String(), why
	line.machine, line.ignored, line.photos, line.subject = m.Why, m.Ignored, len(m.Photos), m.Subject
	if m.Kind == mail.Person && m.Text != "" {
		if meaning := u.Understand(understand.Input{Text: m.Text, Unit: understand.Units}); meaning.Intent != understand.Unknown {
			line.Locale = meaning.Locale
		}
	}
	for _, b := range m.Bounced {
		line.Bounced = append(line.Bounced, b.Address)
	}
	return line
}

// readMail reads a file, or standard input for "-", as far as any mail is read.
func (p *program) readMail(ctx context.Context, file string) (raw []byte, err error) {
	in := p.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	err = heed(ctx, func() (err error) {
		raw, err = io.ReadAll(io.LimitReader(in, mail.MaxSize+1))
		return err
	})
	return raw, err
}

// sayMail tells of a mail in words.
func (p *program) sayMail(l mailLine) {
	p.say("%s\n", l.File)
	if l.Error != "" {
		p.say("  cannot be read: %s\n", l.Error)
		return
	}
	from := l.From
	if from == "" {
		from = "nobody that could be told: not one address in one From field"
	}
	p.say("  from      %s\n  subject   %s\n", from, l.subject)
	kinds := map[string]string{
		"person": "a person", "auto": "a machine", "list": "a mailing list, or something sent to many",
		"bounce": "a mail server, about a mail that did not arrive", "complaint": "a provider, about somebody who calls a mail unwanted",
	}
	p.say("  written by %s\n", strings.TrimSuffix(kinds[l.Kind]+": "+l.machine, ": "))
	for _, address := range l.Bounced {
		p.say("  about     %s\n", address)
	}
	if l.Kind != "person" {
		p.say("  Crier answers nothing.\n")
		return
	}
	believed := "proven: a command in it would be taken"
	if l.Trust != "proven" {
		believed = "only claimed: before anything is done, the address in From is asked whether it is theirs"
	}
	p.say("  sender    %s\n  why       %s\n", believed, l.Why)
	if l.Locale != "" {
		p.say("  language  %s\n", l.Locale)
	}
	if l.photos > 0 {
		p.say("  photos    %d\n", l.photos)
	}
	for _, name := range l.ignored {
		p.say("  not read  %s\n", name)
	}
	if l.Text == "" {
		p.say("  There is nothing in it to act on.\n")
		return
	}
	p.say("  text\n    %s\n", strings.ReplaceAll(l.Text, "\n", "\n    "))
}

const mailTestTimeout = time.Minute

func (p *program) mailTestCommand() *cobra.Command {
	var community string
	c := p.databaseFlags(&cobra.Command{
		Use:   "test ADDRESS",
		Short: "Send a letter to try a mailbox",
		Long: `Sends a short letter to ADDRESS by the mailbox of the configuration, as members get them. Answer it with
HELP: where crier serve is running you should then get an answer.`,
		Example: "  crier mail test luc@example.org\n  crier mail test luc@example.org --community river",
		Args:    needs(1, 1),
	})
	c.Flags().StringVar(&community, "community", "", "whose mailbox, where there are several (its short name)")
	c.RunE = func(c *cobra.Command, args []string) error { return p.mailTest(c.Context(), args[0], community) }
	return c
}

func (p *program) mailTest(ctx context.Context, to, community string) (err error) {
	address, ok := mail.CanonicalAddress(to)
	if !ok {
		return fmt.Errorf("%q is not a mail address such as luc@example.org", to)
	}
	c, err := p.configuration()
	if err != nil {
		return err
	}
	boxes, err := p.mailboxes(c)
	if err != nil {
		return err
	}
	box, err := chooseMailbox(boxes, community)
	if err != nil {
		return err
	}
	db, err := p.open(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	seal, err := newSeal(ctx, db)
	if err != nil {
		return err
	}
	_, catalog, err := newEngine(quiet(p.err))
	if err != nil {
		return err
	}
	client := smtp.New(box.smtp, quiet(p.err))
	defer client.Close()
	post := mail.Post{&mail.Outlet{Letterhead: c.letterhead(box, seal), Community: box.Community, Transport: client}}
	ctx, cancel := context.WithTimeout(ctx, mailTestTimeout)
	defer cancel()
	locale, name := catalog.Codes()[0], ""
	if box.Community != "" {
		if err := db.View(ctx, func(tx ledger.Tx) error {
			c, err := ledger.CommunityBySlug(ctx, tx, box.Community)
			locale, name = c.Locale, c.Name
			return err
		}); err != nil {
			return err
		}
	}
	printer := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, p.now())
	id, err := post.Send(ctx, conversation.Outbound{
		ID: ledger.NewID(p.now()), Community: box.Community, Sender: name, Channel: mail.Channel, Address: address, Locale: locale,
		Text: printer.Text("mail.test", nil), Priority: conversation.Replies, Attempt: 1,
	})
	if err != nil {
		return fmt.Errorf("the letter was not taken: %w", err)
	}
	p.say("%s has taken the letter for %s (Message-ID %s).\nIf it does not arrive, look into the spam folder, and see what crier doctor says.\n", box.smtp.URL, address, id)
	return nil
}

// chooseMailbox finds the mailbox of a community, or the only one.
func chooseMailbox(boxes []*servedMailbox, community string) (*servedMailbox, error) {
	if len(boxes) == 0 {
		return nil, errNoMailbox
	}
	if community == "" && len(boxes) == 1 {
		return boxes[0], nil
	}
	var names []string
	for _, b := range boxes {
		if b.Community == community {
			return b, nil
		}
		names = append(names, b.Community)
	}
	return nil, fmt.Errorf("say whose mailbox with --community: there are those of %s", strings.Join(names, ", "))
}

func (p *program) mailKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Make a key to sign letters with (DKIM)",
		Long: `Makes a new key and writes it to FILE, which only you can read. Name it as dkim_key_file in a [[mail]]
table, with a dkim_selector; crier doctor then shows what has to stand in the DNS. It never replaces a file.`,
		Example: "  crier mail key dkim.pem",
		Args:    needs(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := mail.NewKey()
			if err != nil {
				return err
			}
			f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("there is a file %s already: a key that is in use must not be lost", args[0])
			}
			if err != nil {
				return err
			}
			_, err = io.Copy(f, bytes.NewReader(key))
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			p.say("The key is in %s.\n", args[0])
			return nil
		},
	}
}
