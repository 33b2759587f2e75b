package command

import (
	"context"
	"regexp"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// reportAd tells the coordinators that a member finds an ad wrong. Nobody else
// learns who it was.
var reportAd = conversation.Command{
	Name: "report", Intents: []understand.Intent{understand.Report}, Moves: true, Aside: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		m := digits.FindStringSubmatch(t.Meaning.What)
		if m == nil {
			return &conversation.Refusal{Key: "report.which"}
		}
		f.Set("ad", m[1])
		f.Set("why", whyIn(t, m[1]))
		return nil
	},
	Run: runReport,
}

const (
	reportsMost = 5 // of one member in a day: each is a message to every coordinator
	maxWhy      = 160
	inNotice    = 30 // letters of an ad: with two names it still fits one text message
)

func runReport(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	ad, err := t.Book.Ad(ctx, f.Int("ad"))
	switch {
	case ledger.IsNotFound(err):
		return &conversation.Refusal{Key: "ad.unknown", Args: locales.Args{"number": f.Text("ad")}}
	case err != nil:
		return err
	case !ad.Up(t.Now()):
		return &conversation.Refusal{Key: "ad.gone", Args: locales.Args{"number": ad.Number}}
	case ad.Member == t.Member.ID:
		return &conversation.Refusal{Key: "report.yours", Args: locales.Args{"number": ad.Number}}
	}
	if t.Member.Role == ledger.Coordinator {
		return &conversation.Refusal{Key: "report.you", Args: locales.Args{"number": ad.Number}}
	}
	if before, err := t.Book.Reported(ctx, ad.Number, t.Member.ID); err != nil {
		return err
	} else if before {
		return &conversation.Refusal{Key: "report.already", Args: locales.Args{"number": ad.Number}}
	}
	today, err := t.Book.ReportsOf(ctx, t.Member.ID, t.Now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	if today >= reportsMost {
		return &conversation.Refusal{Key: "report.enough", Args: locales.Args{"n": today}}
	}
	if told, err := tellOfReport(ctx, t, ad, f.Text("why")); err != nil {
		return err
	} else if !told {
		return &conversation.Refusal{Key: "human.nobody"} // they may report it again
	}
	t.Say("report.done", locales.Args{"number": ad.Number})
	return t.Book.ReportAd(ctx, ad.Number, t.Member.ID, f.Text("why"))
}

// tellOfReport tells the coordinators. One whose own ad it is hears of it only
// where there is no other, and not from whom.
func tellOfReport(ctx context.Context, t *conversation.Turn, ad ledger.Ad, why string) (told bool, err error) {
	args := locales.Args{
		"name": t.Member.Called, "number": ad.Number, "owner": t.NameOf(ledger.AccountID(ad.Member)),
		"text": conversation.Cut(ad.Text, inNotice), "why": why,
	}
	bare := ""
	if why == "" {
		bare = "_bare"
	}
	for _, c := range t.Names.Coordinators() {
		if c.ID == ad.Member {
			continue
		}
		ok, err := t.Tell(ctx, c.ID, 0, "report.notice"+bare, args)
		if err != nil {
			return false, err
		}
		told = told || ok
	}
	if owner := t.Names.Person(ad.Member); !told && owner != nil && owner.Role == ledger.Coordinator {
		return t.Tell(ctx, ad.Member, 0, "report.notice_yours"+bare, args)
	}
	return told, nil
}

// whyIn is what a message says behind the number of an ad, as one line: "it is
// a shop" of "report 31 because it is a shop".
func whyIn(t *conversation.Turn, number string) string {
	text := conversation.Harmless(t.In.Text)
	at := regexp.MustCompile(`(?:^|\D)` + number + `(?:\D|$)`).FindStringIndex(text)
	if at == nil {
		return ""
	}
	rest := text[at[0]:]
	rest = rest[strings.Index(rest, number)+len(number):]
	rest = strings.TrimLeft(strings.Join(strings.Fields(rest), " "), " .,:;!-#")
	for word := range strings.SplitSeq(t.Text("taken_down.because", nil), "|") {
		if len(rest) < len(word) || !strings.EqualFold(rest[:len(word)], word) {
			continue
		}
		if why := rest[len(word):]; why == "" || why[0] == ' ' || strings.HasSuffix(word, "'") {
			rest = strings.TrimSpace(why)
			break
		}
	}
	return conversation.Cut(rest, maxWhy)
}
