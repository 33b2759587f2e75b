package command

import (
	"context"
	"errors"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Form values about a stock.
const (
	part  = "part" // how much of it, in the member's words
	whole = "-"    // the part where there is nothing to count
)

// fillPart sets how much of an ad is meant. It is left to be asked for where
// there is a stock, and nobody has said.
func fillPart(t *conversation.Turn, f *conversation.Form, ad ledger.Ad) {
	switch {
	case ad.Stock == 0:
		f.Set(part, whole)
	case t.Meaning.Part != "":
		f.Set(part, t.Meaning.Part)
	case ad.Left == 1000: // the only one
		f.Set(part, "1")
	}
	f.Set("left", conversation.Quantity(t.Printer(), ad.Left, ad.Measure))
}

// confirmMore asks whoever has some of a stock already whether they want more:
// else a message that came twice would take twice as much.
func confirmMore(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
	ad, err := toTake(ctx, t, f)
	if err != nil || ad.Stock == 0 {
		return nil, err
	}
	share, err := t.Book.Share(ctx, ad.Number, t.Member.ID)
	if err != nil || share == 0 {
		return nil, err
	}
	amount, ok := t.Part(f.Text(part), ad)
	if !ok || amount <= 0 || amount > ad.Left { // it is asked for again
		return nil, nil
	}
	return &conversation.Question{Key: "stock.more", Args: locales.Args{
		"share": conversation.Quantity(t.Printer(), share, ad.Measure), "part": conversation.Quantity(t.Printer(), amount, ad.Measure),
	}}, nil
}

// takePart takes some of a stock, and tells its owner. What cannot be had, or
// was not understood, is asked for again.
func takePart(ctx context.Context, t *conversation.Turn, f *conversation.Form, ad ledger.Ad) error {
	amount, ok := t.Part(f.Text(part), ad)
	if !ok || amount <= 0 {
		return askPart(ctx, t, f, ad, ad.Left)
	}
	taken, err := t.Book.TakeStock(ctx, ad.Number, t.Member.ID, min(amount, ledger.StockMost))
	if short := (*ledger.ShortError)(nil); errors.As(err, &short) {
		return askPart(ctx, t, f, ad, short.Left)
	}
	if err != nil {
		return err
	}
	ad = taken
	if _, err := t.Memory.Take(ctx, t.Book.Community().ID, ad.Number, t.Member.ID); err != nil {
		return err
	}
	told, err := t.TellTaken(ctx, ad, t.Member, amount)
	if err != nil {
		return err
	}
	return answerTold(ctx, t, ad, told, "stock.told", locales.Args{"part": conversation.Quantity(t.Printer(), amount, ad.Measure)})
}

// askPart asks again how much of a stock a member would like.
func askPart(ctx context.Context, t *conversation.Turn, f *conversation.Form, ad ledger.Ad, left int64) error {
	f.Set(part, "")
	f.Set("left", conversation.Quantity(t.Printer(), left, ad.Measure))
	return t.Ask(ctx, f)
}

// leaveAd gives up what a member has taken: a stock has its part back.
var leaveAd = conversation.Command{
	Name: "leave_ad", Intents: []understand.Intent{understand.LeaveAd}, Moves: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		m := digits.FindStringSubmatch(t.Meaning.What)
		if m == nil {
			return &conversation.Refusal{Key: "leave_ad.which"}
		}
		f.Set("ad", m[1])
		return nil
	},
	Run: runLeave,
}

func runLeave(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	c, number := t.Book.Community().ID, f.Int("ad")
	takers, err := t.Memory.Takers(ctx, c, number)
	if err != nil {
		return err
	}
	if !contains(takers, t.Member.ID) {
		return &conversation.Refusal{Key: "leave_ad.not_taken", Args: locales.Args{"number": number}}
	}
	share, err := t.Book.Share(ctx, number, t.Member.ID)
	if err != nil {
		return err
	}
	ad, err := t.Book.ReturnStock(ctx, number, t.Member.ID)
	if err != nil {
		return err
	}
	if err := t.Memory.Given(ctx, c, number, t.Member.ID); err != nil {
		return err
	}
	key := "leave_ad.notice"
	if share > 0 {
		key = "leave_ad.notice_part"
	}
	told, err := t.TellText(ctx, ad.Member, func(p *locales.Printer) string {
		return p.Text(key, locales.Args{
			"name": t.Member.Name, "number": number, "text": conversation.Cut(ad.Text, 40),
			"part": conversation.Quantity(p, share, ad.Measure), "left": conversation.Quantity(p, ad.Left, ad.Measure),
		})
	})
	if err != nil {
		return err
	}
	return answerTold(ctx, t, ad, told, "leave_ad.told", nil)
}

// stock says how much there is left of one's own offer.
var stock = conversation.Command{
	Name: "stock", Intents: []understand.Intent{understand.Stock}, Moves: true,
	Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		m := digits.FindStringSubmatch(t.Meaning.What)
		if m == nil {
			return &conversation.Refusal{Key: "stock.how"}
		}
		f.Set("ad", m[1])
		f.Set(part, t.Meaning.Part)
		return nil
	},
	Run: runStock,
}

func runStock(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	ad, err := ownAd(ctx, t, f)
	if err != nil {
		return err
	}
	measure := ad.Measure
	if ad.Stock == 0 {
		measure = t.Measure(f.Text(part))
	}
	left, ok := t.Part(f.Text(part), ledger.Ad{Left: ad.Left, Measure: measure})
	if !ok || left > ledger.StockMost || ad.Kind != ledger.Offer {
		return &conversation.Refusal{Key: "stock.how"}
	}
	if ad, err = t.Book.SetStock(ctx, ad.Number, left, measure); err != nil {
		return err
	}
	switch {
	case left == 0:
		t.Say("stock.none", locales.Args{"number": ad.Number})
	case !ad.Up(t.Now()):
		t.Say("stock.down", locales.Args{"number": ad.Number})
	default:
		t.Say("stock.set", locales.Args{
			"number": ad.Number, "text": conversation.Cut(ad.Text, 60), "left": conversation.Quantity(t.Printer(), ad.Left, ad.Measure),
		})
	}
	return nil
}
