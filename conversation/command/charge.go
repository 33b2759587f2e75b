package command

import (
	"context"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// charge asks another member for a payment. Nothing moves before their yes, so
// it needs none of its own.
var charge = conversation.Command{
	Name: "charge", Intents: []understand.Intent{understand.Charge}, Moves: true,
	Fill: fillPayment,
	Fields: []conversation.Field{
		{Name: "who", Kind: conversation.Someone, Ask: "charge.ask_who"},
		{Name: "amount", Kind: conversation.HowMuch, Ask: "charge.ask_amount"},
	},
	Confirm: confirmCharge,
	Run:     runCharge,
}

// confirmCharge reads the request back only where a name or an amount was not
// exact: the wrong person should not be bothered.
func confirmCharge(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
	payer := f.Member("who")
	switch p := t.Names.Person(payer); {
	case payer == t.Member.ID:
		return nil, ledger.ErrSameAccount
	case p != nil && p.Status != ledger.Active:
		return nil, &ledger.StatusError{Member: payer, Status: p.Status}
	}
	if err := checkPayee(ctx, t, t.Member.ID, f.Amount("amount")); err != nil {
		return nil, err
	}
	if !f.Has(conversation.Fuzzy) && !f.Has(conversation.Inexact) {
		return nil, nil
	}
	return &conversation.Question{
		Key: bare("charge.confirm", f.Text("what")), Args: paymentArgs(t, payer, f.Amount("amount"), f.Text("what")),
	}, nil
}

// mostRequests is how many requests one member may have open with another:
// each of them sends a message.
const mostRequests = 3

func runCharge(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	open, err := t.Book.PendingFor(ctx, t.Member.Account())
	if err != nil {
		return err
	}
	n := 0
	for _, tr := range open {
		if tr.Payer == ledger.AccountID(f.Member("who")) {
			n++
		}
	}
	if n >= mostRequests {
		return &conversation.Refusal{Key: "charge.too_many", Args: locales.Args{"name": t.NameOf(ledger.AccountID(f.Member("who")))}}
	}
	tr, err := t.Book.Request(ctx, ledger.Transfer{
		ID: ledger.TransferID(f.ID), Payer: ledger.AccountID(f.Member("who")), Payee: t.Member.Account(),
		Amount: f.Amount("amount"), Description: f.Text("what"), AskedBy: t.Member.ID, ExpiresAt: t.Now().Add(conversation.RequestLasts),
	})
	if err != nil {
		return err
	}
	if f.Has("ad") { // a job that was taken is done
		if err := t.AskFor(ctx, tr.ID, conversation.Job{Ad: f.Int("ad"), Taker: f.Member("taker")}); err != nil {
			return err
		}
	}
	told, err := t.AskPayer(ctx, tr, false)
	if err != nil {
		return err
	}
	key := "charge.asked"
	if !told {
		key = "charge.not_reached"
	}
	t.Say(bare(key, tr.Description), locales.Args{
		"name": t.NameOf(tr.Payer), "first": firstName(t, tr.Payer), "amount": locales.Sum(tr.Amount),
		"what": conversation.Cut(tr.Description, conversation.MostWhat),
	})
	return nil
}

func firstName(t *conversation.Turn, id ledger.AccountID) string {
	if p := t.Names.Person(ledger.MemberID(id)); p != nil {
		return p.First()
	}
	return t.NameOf(id)
}

// request answers what others have asked the member for: a payment, or to give
// a mistaken one back. Its form's id is the pending transfer's.
var request = conversation.Command{
	Name: "request", Moves: true,
	Run: acceptRequest,
	No:  declineRequest,
}

func acceptRequest(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	asked, err := t.Book.Transfer(ctx, ledger.TransferID(f.ID))
	if err != nil {
		return err
	}
	if stop, err := t.AskPIN(ctx, f, asked.Amount, asked.Payee); stop || err != nil {
		return err
	}
	tr, err := t.Book.Accept(ctx, ledger.TransferID(f.ID))
	if err != nil {
		return err
	}
	if tr.Reverses != 0 {
		return sayPaid(ctx, t, tr, "undo.given_back", "undo.got_back")
	}
	return sayPaid(ctx, t, tr, "pay.done_request", "request.paid")
}

func declineRequest(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	tr, err := t.EndRequest(ctx, ledger.TransferID(f.ID), ledger.Declined)
	if err != nil {
		return err
	}
	said, told := "request.no", "request.declined"
	if tr.Reverses != 0 {
		said, told = "undo.no_back", "undo.declined"
	}
	t.Say(said, locales.Args{"name": t.NameOf(tr.Payee), "first": firstName(t, tr.Payee), "amount": locales.Sum(tr.Amount)})
	_, err = t.Tell(ctx, ledger.MemberID(tr.Payee), 0, told, locales.Args{
		"name": t.NameOf(tr.Payer), "amount": locales.Sum(tr.Amount), "what": tr.Description,
	})
	return err
}

// direction asks who pays whom, where a message named somebody and an amount
// and no more: "Lucy 4".
var direction = conversation.Command{
	Name: "direction", Moves: true,
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		m := t.Meaning
		name := m.Who
		found, err := t.Find(ctx, m.Who)
		if err != nil {
			return err
		}
		if len(found.People) == 1 {
			name = found.People[0].Called
		}
		if err := t.SetAmount(f, "amount", m.Amount, m.Inexact, ""); err != nil {
			return err
		}
		f.Set("said", m.Who)
		f.SetInt("understood", m.Amount)
		f.Set("what", m.What)
		args := locales.Args{"name": name, "amount": locales.Sum(f.Amount("amount"))}
		t.Offer(f, t.Text("direction.ask", args), []string{"pay", "charge"},
			[]string{t.Text("direction.pay", args), t.Text("direction.charge", args)})
		return nil
	},
	Chosen: func(ctx context.Context, t *conversation.Turn, f *conversation.Form, option string) error {
		t.Meaning = understand.Meaning{
			Intent: understand.Intent(option), Who: f.Text("said"), Amount: f.Int("understood"), What: f.Text("what"), Locale: t.Meaning.Locale,
		}
		// Who was named and which way was chosen in two messages: that is
		// always read back.
		return t.Begin(ctx, option, map[string]string{conversation.Fuzzy: "1"})
	},
}
