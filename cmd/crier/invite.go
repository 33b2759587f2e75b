package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// invitationLasts is how long an invitation can be used.
const invitationLasts = 30 * 24 * time.Hour

func (p *program) inviteCommand() *cobra.Command {
	var number, member, bot string
	c := p.databaseFlags(&cobra.Command{
		Use:   "invite SLUG [NAME]",
		Short: "Make an invitation to pass on",
		Long: `Makes an invitation: whoever writes its code to Crier, from whatever phone or mailbox, is that member
from then on. NAME is somebody new; --member is somebody in the list who cannot be reached yet.`,
		Example: `  crier invite riverbank "Piet Vos"
  crier invite riverbank --member 12 --telegram-bot RiverbankBot`,
		Args: needs(1, 2),
	})
	f := c.Flags()
	f.StringVar(&number, "number", "", "member number of somebody new (default: the next free one)")
	f.StringVar(&member, "member", "", "number of the member to invite")
	f.StringVar(&bot, "telegram-bot", "", "name of the Telegram bot, to print a link that joins with one tap")
	c.RunE = func(c *cobra.Command, args []string) error {
		name := ""
		if len(args) > 1 {
			name = args[1]
		}
		if (name == "") == (member == "") {
			return errors.New("say who is invited: either the name of somebody new, or --member and the number of somebody in the list")
		}
		return p.invite(c.Context(), args[0], name, number, member, bot)
	}
	return c
}

// botForm is the user name of a Telegram bot.
var botForm = regexp.MustCompile(`^@?([A-Za-z0-9_]{3,64})$`)

func (p *program) invite(ctx context.Context, slug, name, number, member, bot string) error {
	catalog, err := locales.Load()
	if err != nil {
		return err
	}
	if bot != "" && !botForm.MatchString(bot) {
		return fmt.Errorf("%q is not the name of a Telegram bot, such as RiverbankBot", bot)
	}
	var m ledger.Member
	var c ledger.Community
	var code, coordinator string
	err = p.update(ctx, slug, func(book *ledger.Book) error {
		c = *book.Community()
		if member != "" {
			m, err = memberByNumber(ctx, book, member)
		} else {
			m, err = p.newInvited(ctx, book, catalog, name, number)
		}
		if err != nil {
			return err
		}
		if m.Status == ledger.Left {
			return fmt.Errorf("%s has left: crier member set %s %d status invited lets them come back", m.Name, slug, m.Number)
		}
		coordinator = c.Name
		if all, err := book.Coordinators(ctx); err != nil {
			return err
		} else if len(all) > 0 {
			coordinator = all[0].Name
		}
		code = conversation.RandomCode(slug)
		return book.Invite(ctx, ledger.Invitation{Code: code, Member: m.ID, ExpiresAt: p.now().Add(invitationLasts)})
	})
	if err != nil {
		return err
	}
	w := writer(catalog, &c, m.Locale, p.now())
	p.say("%s is member %d. The code is %s, and holds for %d days. Pass this on:\n\n", m.Name, m.Number, code, invitationLasts/(24*time.Hour))
	p.say("%s\n", w.Text("invite.text", locales.Args{"name": m.Name, "coordinator": coordinator, "community": c.Name, "code": code}))
	if bot != "" {
		p.say("https://t.me/%s?start=%s\n", botForm.FindStringSubmatch(bot)[1], linkSafe(code))
	}
	return nil
}

func (p *program) newInvited(ctx context.Context, book *ledger.Book, catalog *locales.Catalog, name, number string) (ledger.Member, error) {
	e, problems := newcomer{name: name, number: number, status: string(ledger.Invited)}.entry(book.Community(), catalog, "")
	if len(problems) > 0 {
		return ledger.Member{}, errors.New(strings.Join(problems, "; "))
	}
	m, _, err := e.enter(ctx, book)
	if errors.Is(err, ledger.ErrTaken) {
		return m, fmt.Errorf("number %s is somebody's already: to invite them say --member %s", number, strconv.FormatInt(e.Number, 10))
	}
	return m, err
}

// linkSafe leaves of a code what a deep link can carry: 64 of A-Z a-z 0-9 _ -
// (Bot API, "Deep linking"). Codes are made of nothing else.
func linkSafe(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, code)
}
