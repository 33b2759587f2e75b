package command

import (
	"context"
	"strings"
	"unicode"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// pin sets the member's PIN. By text it first asks for a number that was sent
// to them: else whoever forges their number could choose it.
var pin = conversation.Command{
	Name: "pin", Intents: []understand.Intent{understand.PIN}, Moves: true,
	Fill: fillPIN,
	Fields: []conversation.Field{
		{Name: "proof", Kind: conversation.Secret, Ask: "pin.ask_code"},
		{Name: "old", Kind: conversation.Secret, Ask: "pin.ask_old"},
		{Name: "new", Kind: conversation.Secret, Ask: "pin.ask_new"},
	},
	Told: toldPIN,
	Run:  func(context.Context, *conversation.Turn, *conversation.Form) error { return nil }, // all is done when the new one is told
}

const notAsked = "-"

func fillPIN(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	has, err := t.HasPIN(ctx, t.Member.ID)
	if err != nil {
		return err
	}
	switch {
	case has:
		f.Set("proof", notAsked)
	case t.In.Channel != "sms" || t.In.Dialled:
		f.Set("proof", notAsked)
		f.Set("old", notAsked)
	default:
		f.Set("old", notAsked)
		f.Set("code", t.NewNumber())
	}
	return nil
}

func toldPIN(ctx context.Context, t *conversation.Turn, f *conversation.Form, field, said string) error {
	switch field {
	case "proof":
		figures := strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, said)
		if figures != f.Text("code") {
			return &conversation.Refusal{Key: "pin.wrong_code"}
		}
	case "old":
		if right, err := t.CheckPIN(ctx, said); err != nil || !right {
			return err
		}
	default:
		set, err := t.SetPIN(ctx, said)
		if err == nil && set {
			t.Say("pin.set", nil)
		}
		return err
	}
	f.Set(field, notAsked)
	return t.Ask(ctx, f)
}

// resetPIN lets a member choose a new PIN who has forgotten theirs.
var resetPIN = conversation.Command{
	Name: "reset_pin", Intents: []understand.Intent{understand.ResetPIN}, Moves: true, Coordinator: true,
	Fill: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if t.Meaning.What == "" {
			return nil
		}
		_, err := t.SetPerson(ctx, f, "who", t.Meaning.What)
		return err
	},
	Fields: []conversation.Field{{Name: "who", Kind: conversation.Someone, Ask: "pin.reset_who"}},
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		id := f.Member("who")
		args := locales.Args{"name": t.NameOf(ledger.AccountID(id)), "coordinator": t.Member.Name}
		if has, err := t.HasPIN(ctx, id); err != nil {
			return err
		} else if !has {
			return &conversation.Refusal{Key: "pin.none", Args: args}
		}
		if stop, err := t.AskProof(ctx, f); stop || err != nil {
			return err
		}
		if err := t.ForgetPIN(ctx, id); err != nil {
			return err
		}
		t.Say("pin.reset", args)
		if id == t.Member.ID {
			return nil
		}
		_, err := t.Tell(ctx, id, 0, "pin.reset_notice", args)
		return err
	},
}
