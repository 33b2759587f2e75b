package command

import (
	"context"
	"strconv"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// member says who somebody is and how to reach them.
var member = conversation.Command{
	Name: "member", Intents: []understand.Intent{understand.Member}, Aside: true, Lookup: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		found, err := t.Find(ctx, t.Meaning.Who)
		if err != nil {
			return err
		}
		var list []string
		for _, p := range found.People {
			if p.Status == ledger.Left {
				continue
			}
			contact, err := t.Contact(ctx, p.ID)
			if err != nil {
				return err
			}
			list = append(list, strings.TrimSpace(t.Text("member.line", locales.Args{"name": p.Name, "number": p.Number, "contact": contact})))
		}
		switch {
		case len(list) == 0:
			t.Say("who.unknown", locales.Args{"who": t.Meaning.Who, "letter": conversation.Initial(t.Meaning.Who)})
		case len(list) > 3:
			t.Say("who.too_many", locales.Args{"who": t.Meaning.Who, "n": len(list)})
		default:
			t.SayText(strings.Join(list, "  "))
		}
		return nil
	},
}

const membersPage = 8

// members lists the members whose name starts with some letters.
var members = conversation.Command{
	Name: "members", Intents: []understand.Intent{understand.Members}, Aside: true, Lookup: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		f.Set("prefix", t.Meaning.What)
		return nil
	},
	Run: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		skip := int(f.Int("skip"))
		some, all := t.Names.Starting(f.Text("prefix"), skip+membersPage)
		if all == 0 {
			t.Say("members.none", locales.Args{"prefix": f.Text("prefix")})
			return nil
		}
		var list []string
		for _, p := range some[min(skip, len(some)):] {
			list = append(list, t.Text("members.line", locales.Args{"name": p.Name, "number": p.Number}))
		}
		key := "members.list"
		if all > skip+membersPage {
			key = "members.list_more"
			next := &conversation.Form{Command: "members", Values: map[string]string{"prefix": f.Text("prefix")}}
			next.Set("skip", strconv.Itoa(skip+membersPage))
			t.More(next)
		}
		t.Say(key, locales.Args{"list": strings.Join(list, ", ")})
		return nil
	},
}
