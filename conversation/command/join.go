package command

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// join spends an invitation; for a member it adds an address.
var join = conversation.Command{
	Name: "join", Intents: []understand.Intent{understand.Join}, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		if t.Meaning.What == "" {
			t.Say("join.member_already", locales.Args{"community": t.Book.Community().Name, "number": t.Member.Number})
			return nil
		}
		if t.In.Trust < conversation.Proven {
			return &conversation.Refusal{Key: "refuse.untrusted"}
		}
		return t.Join(ctx, t.Meaning.What)
	},
}

// approve lets a newcomer in.
var approve = conversation.Command{
	Name: "approve", Intents: []understand.Intent{understand.Approve}, Coordinator: true, Moves: true, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		return decideNewcomer(ctx, t, ledger.Active, "newcomer.approved", "join.welcome")
	},
}

// refuse turns a newcomer down.
var refuse = conversation.Command{
	Name: "refuse", Intents: []understand.Intent{understand.Refuse}, Coordinator: true, Moves: true, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		return decideNewcomer(ctx, t, ledger.Left, "newcomer.refused", "stranger.refused")
	},
}

func decideNewcomer(ctx context.Context, t *conversation.Turn, status ledger.Status, said, told string) error {
	number, err := strconv.ParseInt(strings.TrimSpace(t.Meaning.What), 10, 64)
	p := t.Names.Newcomer(number)
	if err != nil || p == nil {
		return &conversation.Refusal{Key: "newcomer.unknown", Args: locales.Args{"who": t.Meaning.What}}
	}
	m, err := t.Book.Member(ctx, p.ID)
	if err != nil {
		return err
	}
	// Told first: who has left is not written to.
	if _, err := t.Tell(ctx, p.ID, 0, told, locales.Args{"community": t.Book.Community().Name, "name": p.Name, "number": p.Number}); err != nil {
		return err
	}
	m.Status = status
	if err := t.Book.SaveMember(ctx, m); err != nil {
		return err
	}
	t.Say(said, locales.Args{"name": p.Name, "number": p.Number})
	return nil
}

const invitationLasts = 30 * 24 * time.Hour

// invite makes an invitation for somebody new, and sends it where an address
// was named.
var invite = conversation.Command{
	Name: "invite", Intents: []understand.Intent{understand.Invite}, Coordinator: true, Moves: true, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		name, channel, to, err := splitInvite(ctx, t)
		if err != nil {
			return err
		}
		if name == "" || !strings.ContainsFunc(name, unicode.IsLetter) {
			return &conversation.Refusal{Key: "invite.how"}
		}
		if channel != "" {
			if at, err := t.Book.MembersAt(ctx, channel, to); err != nil {
				return err
			} else if len(at) > 0 {
				return &conversation.Refusal{Key: "invite.known", Args: locales.Args{"name": at[0].Name}}
			}
			if found := t.Names.Find(name); found.Exact && len(found.People) == 1 && found.People[0].Status == ledger.Active {
				return t.Start(ctx, newAddressCommand, map[string]string{
					"who": itoa(int64(found.People[0].ID)), "channel": channel, "address": to,
				})
			}
		}
		m, again, err := invitee(ctx, t, name, channel, to)
		if err != nil {
			return err
		}
		code := t.NewCode()
		if err := t.Book.Invite(ctx, ledger.Invitation{
			Code: code, Member: m.ID, Channel: channel, Address: to, ExpiresAt: t.Now().Add(invitationLasts),
		}); err != nil {
			return err
		}
		if channel == "" {
			t.Say("invite.made", locales.Args{"name": name, "number": m.Number, "code": code})
			return nil
		}
		t.SendTo(channel, to, t.Printer().Locale(), conversation.Notices, "invite.text", locales.Args{
			"name": m.Name, "community": t.Book.Community().Name, "code": code, "coordinator": t.Member.Name,
		})
		said := "invite.sent"
		if again {
			said = "invite.again"
		}
		t.Say(said, locales.Args{"name": m.Name, "number": m.Number, "code": code})
		return nil
	},
}

// invitee is whoever an open invitation to an address is for, again then, or a new
// member who is only invited.
func invitee(ctx context.Context, t *conversation.Turn, name, channel, to string) (m ledger.Member, again bool, err error) {
	code := ""
	if channel != "" {
		code, err = t.Book.InvitationTo(ctx, channel, to)
	}
	if err != nil && !ledger.IsNotFound(err) {
		return m, false, err
	}
	if code != "" {
		inv, err := ledger.InvitationByCode(ctx, t.Book.Tx(), code)
		if err != nil {
			return m, false, err
		}
		// (A member's, for an address that they have not proven, is none.)
		if m, err = t.Book.Member(ctx, inv.Member); err != nil || m.Status == ledger.Invited {
			return m, true, err
		}
	}
	m, err = t.Book.AddMember(ctx, ledger.NewMember{Name: name, Status: ledger.Invited})
	return m, false, err
}

const newAddressCommand = "new_address"

// newAddress gives somebody who is a member already another address, which a
// coordinator has named: a new telephone number takes the place of the old one.
var newAddress = conversation.Command{
	Name: newAddressCommand, Coordinator: true, Moves: true,
	Confirm: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
		p := t.Names.Person(f.Member("who"))
		if p == nil {
			return nil, ledger.ErrNotFound
		}
		old, err := onlyAddress(ctx, t, p.ID, f.Text("channel"))
		if err != nil {
			return nil, err
		}
		key := "new_address.confirm"
		if old != "" {
			key = "new_address.confirm_change"
		}
		return &conversation.Question{Key: key, Args: locales.Args{
			"name": p.Name, "number": p.Number, "address": conversation.Shown(f.Text("channel"), f.Text("address")),
			"old": conversation.Shown(f.Text("channel"), old),
		}}, nil
	},
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		id, channel, to := f.Member("who"), f.Text("channel"), f.Text("address")
		p := t.Names.Person(id)
		if p == nil {
			return ledger.ErrNotFound
		}
		if at, err := t.Book.MembersAt(ctx, channel, to); err != nil {
			return err
		} else if len(at) > 0 {
			return &conversation.Refusal{Key: "invite.known", Args: locales.Args{"name": at[0].Name}}
		}
		if stop, err := t.AskProof(ctx, f); stop || err != nil {
			return err
		}
		old, err := onlyAddress(ctx, t, id, channel)
		if err != nil {
			return err
		}
		if old != "" {
			err = t.Book.MoveAddress(ctx, channel, old, to)
		} else {
			err = t.Book.Bind(ctx, id, channel, to)
		}
		if err != nil {
			return err
		}
		t.SendTo(channel, to, p.Locale, conversation.Notices, "new_address.notice", locales.Args{
			"name": p.Name, "coordinator": t.Member.Name, "community": t.Book.Community().Name,
		})
		t.Say("new_address.done", locales.Args{"name": p.Name, "address": conversation.Shown(channel, to)})
		return nil
	},
}

// onlyAddress is the one address that a member has on a channel, "" where they
// have none or several.
func onlyAddress(ctx context.Context, t *conversation.Turn, id ledger.MemberID, channel string) (string, error) {
	all, err := t.Book.Addresses(ctx, id)
	if err != nil {
		return "", err
	}
	only := ""
	for _, a := range all {
		switch {
		case a.Channel != channel:
		case only != "":
			return "", nil
		default:
			only = a.Address
		}
	}
	return only, nil
}

// splitInvite takes a message apart into the name and, at its end, the address.
func splitInvite(ctx context.Context, t *conversation.Turn) (name, channel, address string, err error) {
	words := strings.Fields(t.Meaning.What)
	for i := 1; i < len(words); i++ {
		if channel, address, err = t.AddressIn(ctx, strings.Join(words[i:], " ")); channel != "" || err != nil {
			return strings.Join(words[:i], " "), channel, address, err
		}
	}
	return strings.Join(words, " "), "", "", nil
}

// address adds another way to reach the member, by a code sent there.
var address = conversation.Command{
	Name: "address", Intents: []understand.Intent{understand.Address}, Moves: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		f.Set("address", t.Meaning.What)
		return nil
	},
	Fields: []conversation.Field{{Name: "address", Kind: conversation.Words, Ask: "address.ask"}},
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		channel, to, err := t.AddressIn(ctx, f.Text("address"))
		if err != nil {
			return err
		}
		if channel == "" {
			return &conversation.Refusal{Key: "address.how"}
		}
		if stop, err := t.AskProof(ctx, f); stop || err != nil {
			return err
		}
		code := t.NewCode()
		if err := t.Book.Invite(ctx, ledger.Invitation{
			Code: code, Member: t.Member.ID, Channel: channel, Address: to, ExpiresAt: t.Now().Add(24 * time.Hour),
		}); err != nil {
			return err
		}
		// The member waits for it with that telephone in their hand.
		t.SendTo(channel, to, t.Printer().Locale(), conversation.Replies, "address.text", locales.Args{"name": t.Member.Name, "community": t.Book.Community().Name, "code": code})
		t.Say("address.sent", locales.Args{"address": f.Text("address")})
		return nil
	},
}
