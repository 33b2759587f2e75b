package command

import (
	"context"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/locales"
)

// help says what can be written, in one text message.
var help = conversation.Command{
	Name: "help", Intents: []understand.Intent{understand.Help}, Aside: true, Lookup: true,
	Run: func(_ context.Context, t *conversation.Turn, _ *conversation.Form) error {
		t.Say("help", nil)
		return nil
	},
}

// thanks and hello are answered in kind: people thank.
var (
	thanks = small("thanks", understand.Thanks)
	hello  = small("hello", understand.Hello)
)

func small(name string, intent understand.Intent) conversation.Command {
	return conversation.Command{
		Name: name, Intents: []understand.Intent{intent}, Aside: true, Lookup: true,
		Run: func(_ context.Context, t *conversation.Turn, _ *conversation.Form) error {
			t.Say(name, locales.Args{"first": t.Member.First()})
			return nil
		},
	}
}

// start greets; an address that was stopped is opened before this.
var start = conversation.Command{
	Name: "start", Intents: []understand.Intent{understand.Start}, Aside: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		c := t.Book.Community()
		t.Say("start.already", locales.Args{"first": t.Member.First(), "community": c.Name})
		return t.Memory.Resubscribe(ctx, c.ID, t.Member.ID)
	},
}

// language changes the language that the member is written to in.
var language = conversation.Command{
	Name: "language", Intents: []understand.Intent{understand.Language}, Aside: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		if !t.Speaks(t.Meaning.What) {
			return &conversation.Refusal{Key: "language.unknown", Args: locales.Args{"list": t.Languages()}}
		}
		f.Set("language", t.Meaning.What)
		return nil
	},
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		if err := t.SetLocale(ctx, f.Text("language")); err != nil {
			return err
		}
		t.Say("language.done", nil)
		return nil
	},
}

// human hands the conversation to a coordinator who is free.
var human = conversation.Command{
	Name: "human",
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		for _, c := range t.Names.Coordinators() {
			if c.ID == t.Member.ID {
				continue
			}
			busy, err := t.Busy(ctx, c.ID)
			if err != nil {
				return err
			}
			if busy {
				continue
			}
			key := "human.notice"
			if f.Has("bare") {
				key = "human.notice_bare"
			}
			told, err := t.Tell(ctx, c.ID, 0, key, locales.Args{
				"name": t.Member.Name, "first": t.Member.First(), "number": t.Member.Number, "text": f.Text("said"),
			})
			if err != nil {
				return err
			}
			if !told {
				continue
			}
			if err := t.PassTo(ctx, c.ID); err != nil {
				return err
			}
			t.Say("human.passed", locales.Args{"name": c.Name})
			return nil
		}
		return humanBusy(ctx, t, f)
	},
}

// humanBusy tells the coordinators all the same where none is free to talk.
func humanBusy(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	var reached bool
	for _, c := range t.Names.Coordinators() {
		if c.ID == t.Member.ID {
			continue
		}
		contact, err := t.ContactFor(ctx, c.ID, t.Member.ID)
		if err != nil {
			return err
		}
		told, err := t.Tell(ctx, c.ID, 0, "human.notice_busy", locales.Args{
			"name": t.Member.Name, "number": t.Member.Number, "text": f.Text("said"), "contact": contact,
		})
		if err != nil {
			return err
		}
		reached = reached || told
	}
	key := "human.nobody"
	if reached {
		key = "human.busy"
	}
	t.Say(key, nil)
	return nil
}
