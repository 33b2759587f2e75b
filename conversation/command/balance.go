package command

import (
	"context"
	"strconv"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// balance says what the member has and how far they may go.
var balance = conversation.Command{
	Name: "balance", Intents: []understand.Intent{understand.Balance}, Aside: true, Lookup: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		a, err := t.Book.Account(ctx, t.Member.Account())
		if err != nil {
			return err
		}
		key := "balance.zero"
		switch {
		case a.Balance > 0:
			key = "balance.plus"
		case a.Balance < 0:
			key = "balance.minus"
		}
		text := t.Text(key, locales.Args{"balance": locales.Sum(a.Balance)})
		if a.Lower != nil {
			text = t.Text("balance.with_limit", locales.Args{"text": text, "limit": locales.Figure(*a.Lower)})
		}
		t.SayText(text)
		return nil
	},
}

const historyPage = 3

// history lists what came and went, the newest first, a page at a time.
var history = conversation.Command{
	Name: "history", Intents: []understand.Intent{understand.History}, Aside: true, Lookup: true,
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		lines, err := t.Book.Statement(ctx, t.Member.Account(), f.Int("before"), historyPage+1)
		if err != nil {
			return err
		}
		shown := f.Int("shown")
		if len(lines) == 0 {
			t.Say("history.empty", nil)
			return nil
		}
		p := t.Printer()
		var list []string
		for i, l := range lines[:min(historyPage, len(lines))] {
			list = append(list, strconv.FormatInt(shown+int64(i)+1, 10)+") "+statementLine(p, t, l))
		}
		if len(lines) <= historyPage {
			t.SayText(strings.Join(list, "  "))
			return nil
		}
		next := &conversation.Form{Command: "history"}
		next.SetInt("before", lines[historyPage-1].Transfer.Seq)
		next.SetInt("shown", shown+historyPage)
		t.More(next)
		t.Say("history.more", locales.Args{"list": strings.Join(list, "  ")})
		return nil
	},
}

func statementLine(p *locales.Printer, t *conversation.Turn, l ledger.Line) string {
	what := l.Transfer.Description
	if l.Transfer.Reverses != 0 {
		what = p.Text(bare("history.back", what), locales.Args{"what": what})
	}
	key := "history.line"
	if what == "" {
		key = "history.line_bare"
	}
	return p.Text(key, locales.Args{
		"amount": locales.Signed(l.Amount), "name": t.NameOf(l.Other), "what": what, "day": locales.Day(l.Transfer.DecidedAt),
	})
}

const (
	emailLines  = 2000
	emailPeriod = 366 * 24 * time.Hour
)

// email sends the whole statement of the last year to the member's mailbox.
var email = conversation.Command{
	Name: "email", Intents: []understand.Intent{understand.Email}, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		lines, err := t.Book.Statement(ctx, t.Member.Account(), 0, emailLines)
		if err != nil {
			return err
		}
		p := t.Printer()
		var list []string
		for _, l := range lines {
			if t.Now().Sub(l.Transfer.DecidedAt) > emailPeriod {
				break
			}
			list = append(list, p.Text("email.line", locales.Args{
				"line": statementLine(p, t, l), "receipt": l.Transfer.Receipt, "balance": locales.Figure(l.Balance),
			}))
		}
		sent, err := t.Mail(ctx, t.Text("email.statement", locales.Args{
			"community": t.Book.Community().Name, "name": t.Member.Name, "list": strings.Join(list, "\n"),
		}))
		if err != nil {
			return err
		}
		switch {
		case !sent:
			t.Say("email.no_address", nil)
		case t.In.Channel != "email":
			t.Say("email.sent", nil)
		}
		return nil
	},
}
