package telegram_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"crier/bots/telegram"
	"crier/conversation"
)

const group = -1001234567890

// weekly is a digest with so many ads.
func weekly(ads int) *conversation.Sheet {
	s := &conversation.Sheet{
		Title:    "3 new ads in Riverbank LETS",
		Sections: []conversation.Section{{Text: "Dear all,\n\nthe market is on Saturday.\nRia"}, {Title: "House & garden"}, {Text: "2 payments were made."}},
		Foot:     "To take one up, answer TAKE and its number.",
	}
	for n := range ads {
		reply := fmt.Sprint("TAKE ", 31+n)
		s.Sections[1].Items = append(s.Sections[1].Items, conversation.Item{
			Number: int64(31 + n), Text: "I mend lamps <& bicycles>", Note: "10 acorns, Anna Jansen", Choice: conversation.Choice{Label: reply, Reply: reply},
		})
	}
	return s
}

func sheetTo(address string, s *conversation.Sheet) conversation.Outbound {
	return conversation.Outbound{ID: 1, Channel: telegram.Channel, Address: address, Text: s.Plain(), Sheet: s, Priority: conversation.Bulk, Attempt: 1}
}

func TestSheetIsOneMessage(t *testing.T) {
	server, bot := sender(t, maria)
	if _, err := bot.Send(t.Context(), sheetTo(fmt.Sprint(maria), weekly(2))); err != nil {
		t.Fatal(err)
	}
	messages := server.Messages(maria)
	if len(messages) != 1 {
		t.Fatalf("there are %d messages", len(messages))
	}
	want := `3 new ads in Riverbank LETS

Dear all,

the market is on Saturday.
Ria

House & garden
31  I mend lamps <& bicycles>
10 acorns, Anna Jansen
32  I mend lamps <& bicycles>
10 acorns, Anna Jansen

2 payments were made.

To take one up, answer TAKE and its number.`
	if got := messages[0]; got.Text != want || !slices.Equal(got.Bold, []string{"3 new ads in Riverbank LETS", "House & garden", "31", "32"}) {
		t.Errorf("the message is\n%s\nwith %q in bold", got.Text, got.Bold)
	}
	if b := messages[0].Buttons; len(b) != 2 || b[0].Text != "31" || b[0].Data != "*:TAKE 31" {
		t.Errorf("the buttons are %q", b)
	}
}

func TestSheetHasButtonsForTheFirstItems(t *testing.T) {
	server, bot := sender(t, maria)
	out := sheetTo(fmt.Sprint(maria), weekly(12))
	out.Sheet.Choices = []conversation.Choice{{Label: "Monthly", Reply: "monthly"}}
	if _, err := bot.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, b := range server.Messages(maria)[0].Buttons {
		labels = append(labels, b.Text)
		if !strings.HasPrefix(b.Data, "*:") {
			t.Errorf("the button %s would end with the first press: %q", b.Text, b.Data)
		}
	}
	if want := "31 32 33 34 35 36 37 38 Monthly"; strings.Join(labels, " ") != want {
		t.Errorf("the buttons are %q, want %s", labels, want)
	}
}

// A digest goes to a group and to a channel as to a person. Whoever presses a
// button there is answered alone, and the buttons stay for the others.
func TestSheetInAGroup(t *testing.T) {
	server := newServer(t)
	server.Gather(group, "@riverbank")
	ear := newListener()
	bot := start(t, polling(server), ear, silent())
	out := sheetTo(fmt.Sprint(group), weekly(3))
	for i, address := range []string{fmt.Sprint(group), "@riverbank"} {
		out.ID, out.Address = int64(i+1), address
		if _, err := bot.Send(t.Context(), out); err != nil {
			t.Fatalf("to %s: %v", address, err)
		}
	}
	if n := len(server.Messages(group)); n != 2 {
		t.Fatalf("there are %d messages in the group, want 2", n)
	}
	for i, person := range []int64{maria, 77} {
		update, err := server.PressIn(group, person, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		in := ear.wait(t, i+1)[i]
		if in.From != fmt.Sprint(person) || in.Text != "TAKE 33" || in.Question != 0 || in.Trust != conversation.Proven {
			t.Errorf("heard %+v", in)
		}
		if err := server.WaitFor(t.Context(), "the press to be answered", func() bool { return server.Answered(update) }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(server.Messages(group)[0].Buttons); n != 3 {
		t.Errorf("%d buttons are left for the others, want 3", n)
	}
}

func TestSheetsOfAnyLength(t *testing.T) {
	long := weekly(1)
	long.Sections[1].Items[0].Text = strings.Repeat("é<", 3000)
	word := weekly(1)
	word.Sections[0].Text = strings.Repeat("😀", 3000)
	for name, s := range map[string]*conversation.Sheet{"many": weekly(150), "a long ad": long, "a long word": word} {
		t.Run(name, func(t *testing.T) {
			server, bot := sender(t, maria)
			if _, err := bot.Send(t.Context(), sheetTo(fmt.Sprint(maria), s)); err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			messages := server.Messages(maria)
			for i, m := range messages {
				if n := len(utf16.Encode([]rune(m.Text))); n > 4096 {
					t.Errorf("a message has %d units", n)
				}
				if last := i == len(messages)-1; last != (len(m.Buttons) > 0) {
					t.Errorf("message %d of %d has %d buttons", i+1, len(messages), len(m.Buttons))
				}
				all.WriteString("\n" + m.Text)
			}
			for _, section := range s.Sections {
				for _, item := range section.Items {
					if n := strings.Count(all.String(), fmt.Sprintf("\n%d  ", item.Number)); n != 1 {
						t.Fatalf("ad %d is in the messages %d times", item.Number, n)
					}
				}
			}
			for _, r := range []string{"é", "😀"} {
				if got, want := strings.Count(all.String(), r), strings.Count(s.Plain(), r); got != want {
					t.Errorf("%s is there %d times, want %d", r, got, want)
				}
			}
		})
	}
}

func TestHostileSheetsComeOutHarmless(t *testing.T) {
	for _, evil := range []string{
		"<b>", "</b>", "<a href=\"http://evil.example\">free</a>", "&", "&lt;b&gt;", "\u202egnp.exe\u2066", "\x00\x07", "\xff\xfe", "x\r\ny", "\ufeff",
		strings.Repeat("x", 10_000), "<script>alert(1)</script>", "*bold* _x_ [y](tg://user?id=1)", "",
	} {
		server, bot := sender(t, maria)
		short := evil[:min(len(evil), 100)]
		s := &conversation.Sheet{Title: short, Foot: short, Sections: []conversation.Section{{Title: short, Text: "x" + short, Items: []conversation.Item{
			{Number: 7, Text: evil, Note: short, Choice: conversation.Choice{Label: evil, Reply: evil}},
		}}}}
		if _, err := bot.Send(t.Context(), sheetTo(fmt.Sprint(maria), s)); err != nil {
			t.Errorf("%.20q: %v", evil, err)
			continue
		}
		for _, m := range server.Messages(maria) {
			if strings.ContainsAny(m.Text, "\x00\x07\u202e\u2066\ufeff\r") {
				t.Errorf("%.20q comes out as %.200q", evil, m.Text)
			}
			if evil == "&lt;b&gt;" && !strings.Contains(m.Text, evil) {
				t.Errorf("%q was read as marks: %q", evil, m.Text)
			}
		}
	}
}
