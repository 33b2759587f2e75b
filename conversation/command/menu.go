package command

import (
	"context"

	"crier/conversation"
	"crier/locales"
)

// menu is what somebody sees who has dialled a code.
var menu = conversation.Command{
	Name: "menu",
	Run: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		t.Offer(f, t.Text("ussd.menu", locales.Args{"community": t.Book.Community().Name}), menuOptions, menuOptions)
		return nil
	},
	Chosen: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form, option string) error {
		if option != "requests" {
			return t.Choose(ctx, option)
		}
		if shown, err := t.ShowRequest(ctx); err != nil || shown {
			return err
		}
		t.Settled()
		t.Say("ussd.no_requests", nil)
		return nil
	},
}

// menuOptions are the commands behind the numbers of the text ussd.menu.
var menuOptions = []string{"balance", "pay", "charge", "search", "history", "requests"}
