package command

import (
	"context"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// pay moves an amount from the member to another member, after a yes.
var pay = conversation.Command{
	Name: "pay", Intents: []understand.Intent{understand.Pay}, Moves: true,
	Fill: fillPayment,
	Fields: []conversation.Field{
		{Name: "who", Kind: conversation.Someone, Ask: "pay.ask_who"},
		{Name: "amount", Kind: conversation.HowMuch, Ask: "pay.ask_amount"},
	},
	Confirm: confirmPay,
	Run:     runPay,
}

// fillPayment takes who, how much and what for from the message; pay and charge
// share it.
func fillPayment(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	m := t.Meaning
	if m.What != "" {
		f.Set("what", m.What)
	}
	if err := t.SetAmount(f, "amount", m.Amount, m.Inexact, ""); err != nil {
		return err
	}
	if m.Who == "" {
		return nil
	}
	if m.Guess {
		f.Set(conversation.Fuzzy, "1")
	}
	_, err := t.SetPerson(ctx, f, "who", m.Who)
	return err
}

// confirmPay reads the payment back. An exact one under the community's
// threshold goes through without.
func confirmPay(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
	payee, amount := f.Member("who"), f.Amount("amount")
	if payee == t.Member.ID {
		return nil, ledger.ErrSameAccount
	}
	if amount < t.Book.Community().Threshold && !f.Has(conversation.Fuzzy) && !f.Has(conversation.Inexact) {
		if !t.PaysAgain(payee, amount) {
			return nil, nil
		}
	}
	if err := checkPayment(ctx, t, payee, amount); err != nil {
		return nil, err
	}
	return &conversation.Question{Key: bare("pay.confirm", f.Text("what")), Args: paymentArgs(t, payee, amount, f.Text("what"))}, nil
}

// checkPayment refuses at once what could not be paid after the yes anyway.
func checkPayment(ctx context.Context, t *conversation.Turn, payee ledger.MemberID, amount ledger.Amount) error {
	if p := t.Names.Person(payee); p != nil && p.Status != ledger.Active {
		return &ledger.StatusError{Member: payee, Status: p.Status}
	}
	a, err := t.Book.Account(ctx, t.Member.Account())
	if err != nil {
		return err
	}
	if a.Lower != nil && a.Balance-amount < *a.Lower {
		return &ledger.LimitError{Account: a.ID, Payer: true, Balance: a.Balance, Limit: *a.Lower, Amount: amount}
	}
	return checkPayee(ctx, t, payee, amount)
}

// checkPayee refuses what the payee's account could not take.
func checkPayee(ctx context.Context, t *conversation.Turn, payee ledger.MemberID, amount ledger.Amount) error {
	a, err := t.Book.Account(ctx, ledger.AccountID(payee))
	if err != nil {
		return err
	}
	if a.Upper != nil && a.Balance+amount > *a.Upper {
		return &ledger.LimitError{Account: a.ID, Balance: a.Balance, Limit: *a.Upper, Amount: amount}
	}
	return nil
}

func paymentArgs(t *conversation.Turn, other ledger.MemberID, amount ledger.Amount, what string) locales.Args {
	return locales.Args{"name": t.NameOf(ledger.AccountID(other)), "amount": locales.Sum(amount), "what": conversation.Cut(what, conversation.MostWhat)}
}

// bare picks the wording without a description where there is none.
func bare(key, what string) string {
	if what == "" {
		return key + "_bare"
	}
	return key
}

func runPay(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	if stop, err := t.AskPIN(ctx, f, f.Amount("amount"), ledger.AccountID(f.Member("who"))); stop || err != nil {
		return err
	}
	tr, err := t.Book.Pay(ctx, ledger.Transfer{
		ID: ledger.TransferID(f.ID), Payer: t.Member.Account(), Payee: ledger.AccountID(f.Member("who")),
		Amount: f.Amount("amount"), Description: f.Text("what"), AskedBy: t.Member.ID,
	})
	if err != nil {
		return err
	}
	t.Settle(tr.ID)
	return sayPaid(ctx, t, tr, "pay.done", "pay.notice")
}

// sayPaid tells both sides of a completed transfer, each with their balance.
func sayPaid(ctx context.Context, t *conversation.Turn, tr ledger.Transfer, done, notice string) error {
	payer, err := t.Book.Account(ctx, tr.Payer)
	if err != nil {
		return err
	}
	payee, err := t.Book.Account(ctx, tr.Payee)
	if err != nil {
		return err
	}
	what := conversation.Cut(tr.Description, conversation.MostWhat)
	t.Say(bare(done, what), locales.Args{
		"receipt": tr.Receipt, "name": t.NameOf(tr.Payee), "amount": locales.Sum(tr.Amount), "what": what,
		"balance": locales.Figure(payer.Balance),
	})
	_, err = t.Tell(ctx, ledger.MemberID(tr.Payee), 0, bare(notice, what), locales.Args{
		"receipt": tr.Receipt, "name": t.NameOf(tr.Payer), "amount": locales.Sum(tr.Amount), "what": what,
		"balance": locales.Figure(payee.Balance),
	})
	return err
}
