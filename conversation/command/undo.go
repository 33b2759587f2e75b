package command

import (
	"context"
	"slices"
	"strconv"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// undo puts a mistake right: it asks the payee to give back what was paid,
// gives back what the member was paid, or takes back what they have asked for.
var undo = conversation.Command{
	Name: "undo", Intents: []understand.Intent{understand.Undo}, Moves: true,
	Fill:    fillUndo,
	Confirm: confirmUndo,
	Run:     runUndo,
}

// fillUndo finds what is meant: the receipt that was named, or else the last
// thing the member did.
func fillUndo(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	tr, err := lastDeed(ctx, t)
	if t.Meaning.What != "" {
		if tr, err = t.Book.TransferByReceipt(ctx, t.Meaning.What); ledger.IsNotFound(err) ||
			err == nil && tr.Payer != t.Member.Account() && tr.Payee != t.Member.Account() {
			return &conversation.Refusal{Key: "check.unknown", Args: locales.Args{"receipt": t.Meaning.What}}
		}
	}
	if ledger.IsNotFound(err) {
		return &conversation.Refusal{Key: "undo.nothing"}
	}
	if err != nil {
		return err
	}
	f.SetInt("transfer", int64(tr.ID))
	return nil
}

// lastDeed is the newer of the member's last payment and last open request.
func lastDeed(ctx context.Context, t *conversation.Turn) (ledger.Transfer, error) {
	paid, err := t.Book.LastPaid(ctx, t.Member.Account())
	if err != nil && !ledger.IsNotFound(err) {
		return paid, err
	}
	none := err != nil
	asked, err := t.Book.PendingFor(ctx, t.Member.Account())
	if err != nil {
		return paid, err
	}
	asked = slices.DeleteFunc(asked, func(tr ledger.Transfer) bool { return tr.Reverses != 0 }) // that is the undoing of something
	if n := len(asked); n > 0 && (none || asked[n-1].CreatedAt.After(paid.DecidedAt)) {
		return asked[n-1], nil
	}
	if none || t.Now().Sub(paid.DecidedAt) > undoWithin {
		return paid, ledger.ErrNotFound
	}
	return paid, nil
}

// What is done about a transfer depends on where it stands and who asks.
// What is older than undoWithin is only put right by its receipt: a WRONG means
// something of these days.
const undoWithin = 14 * 24 * time.Hour

const (
	askBack   = "undo.confirm"           // the payer asks the payee to give back
	takeBack  = "undo.confirm_grace"     // the payer takes back alone
	giveBack  = "undo.confirm_give_back" // the payee gives back
	cancelAsk = "undo.confirm_request"   // the asker takes a request back
	decided   = ""                       // there is nothing left to do
)

func remedy(t *conversation.Turn, tr ledger.Transfer) string {
	switch {
	case tr.State == ledger.Pending && tr.Payee == t.Member.Account():
		return cancelAsk
	case tr.State != ledger.Completed:
		return decided
	case tr.Payee == t.Member.Account():
		return giveBack
	case t.Now().Sub(tr.DecidedAt) < t.Book.Community().Grace:
		return takeBack
	}
	return askBack
}

func confirmUndo(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
	tr, err := t.Book.Transfer(ctx, ledger.TransferID(f.Int("transfer")))
	if err != nil {
		return nil, err
	}
	key := remedy(t, tr)
	other := tr.Payee
	if other == t.Member.Account() {
		other = tr.Payer
	}
	if tr.State == ledger.Completed {
		switch old, err := t.Book.Reversal(ctx, tr.ID); {
		case tr.Reverses != 0:
			return nil, &conversation.Refusal{Key: "undo.of_undo", Args: locales.Args{"coordinator": coordinator(t)}}
		case err == nil:
			return nil, &conversation.Refusal{Key: "undo.already_" + string(old.State), Args: locales.Args{"receipt": tr.Receipt, "name": t.NameOf(other)}}
		case !ledger.IsNotFound(err):
			return nil, err
		}
	}
	if key == decided {
		return nil, ledger.ErrReversed
	}
	f.Set("remedy", key)
	if t.Meaning.What != "" && (key == askBack || key == takeBack) {
		key += "_receipt"
	}
	return &conversation.Question{Key: bare(key, tr.Description), Args: locales.Args{
		"name": t.NameOf(other), "first": firstName(t, other), "amount": locales.Sum(tr.Amount), "receipt": tr.Receipt,
		"what": conversation.Cut(tr.Description, conversation.MostWhat), "when": t.Printer().When(moment(tr)),
	}}, nil
}

// moment is when a transfer was made or, if it is still open, asked for.
func moment(tr ledger.Transfer) time.Time {
	if tr.State == ledger.Pending {
		return tr.CreatedAt
	}
	return tr.DecidedAt
}

func coordinator(t *conversation.Turn) string {
	if all := t.Names.Coordinators(); len(all) > 0 {
		return all[0].Name
	}
	return t.Book.Community().Name
}

func runUndo(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	tr, err := t.Book.Transfer(ctx, ledger.TransferID(f.Int("transfer")))
	if err != nil {
		return err
	}
	kind := remedy(t, tr)
	if kind != f.Text("remedy") && kind != askBack { // it was decided between the question and the yes
		return t.AlreadyDecided(ctx, tr)
	}
	if kind == cancelAsk {
		return cancelRequest(ctx, t, tr)
	}
	back, err := t.Book.Opposite(ctx, tr, ledger.TransferID(f.ID))
	if err != nil {
		return err
	}
	back.AskedBy = t.Member.ID
	switch kind {
	case giveBack:
		if stop, err := t.AskPIN(ctx, f, back.Amount, back.Payee); stop || err != nil {
			return err
		}
		if back, err = t.Book.Pay(ctx, back); err != nil {
			return err
		}
		t.Settle(back.ID)
		return sayPaid(ctx, t, back, "undo.given_back", "undo.got_back")
	case takeBack:
		if back, err = t.Book.Pay(ctx, back); err != nil {
			return err
		}
		t.Settle(back.ID)
		return sayTakenBack(ctx, t, back)
	}
	back.ExpiresAt = t.Now().Add(conversation.RequestLasts)
	if back, err = t.Book.Request(ctx, back); err != nil {
		return err
	}
	t.Settle(back.ID)
	told, err := t.AskPayer(ctx, back, false)
	if err != nil {
		return err
	}
	key := "undo.asked"
	if !told {
		key = "undo.not_reached"
	}
	t.Say(key, locales.Args{"name": t.NameOf(tr.Payee), "first": firstName(t, tr.Payee), "coordinator": coordinator(t)})
	return nil
}

// sayTakenBack tells both sides of a payment that the payer took back alone.
func sayTakenBack(ctx context.Context, t *conversation.Turn, back ledger.Transfer) error {
	mine, err := t.Book.Account(ctx, back.Payee)
	if err != nil {
		return err
	}
	theirs, err := t.Book.Account(ctx, back.Payer)
	if err != nil {
		return err
	}
	args := func(other ledger.AccountID, a ledger.Account) locales.Args {
		return locales.Args{
			"receipt": back.Receipt, "name": t.NameOf(other), "amount": locales.Sum(back.Amount), "what": back.Description,
			"balance": locales.Figure(a.Balance),
		}
	}
	t.Say("undo.taken_back", args(back.Payer, mine))
	_, err = t.Tell(ctx, ledger.MemberID(back.Payer), 0, bare("undo.was_taken_back", back.Description), args(back.Payee, theirs))
	return err
}

// cancelRequest takes back what the member has asked for.
func cancelRequest(ctx context.Context, t *conversation.Turn, tr ledger.Transfer) error {
	if _, err := t.EndRequest(ctx, tr.ID, ledger.Cancelled); err != nil {
		return err
	}
	t.Settle(tr.ID)
	if err := t.Over(ctx, ledger.MemberID(tr.Payer), tr.ID); err != nil {
		return err
	}
	args := locales.Args{"name": t.NameOf(tr.Payer), "amount": locales.Sum(tr.Amount)}
	t.Say("undo.cancelled", args)
	_, err := t.Tell(ctx, ledger.MemberID(tr.Payer), 0, "request.cancelled", locales.Args{"name": t.Member.Name, "amount": args["amount"]})
	return err
}

// check says whether a receipt is real: a forwarded or forged one is no payment.
var check = conversation.Command{
	Name: "check", Intents: []understand.Intent{understand.Check}, Aside: true, Lookup: true,
	Run: func(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
		tr, err := t.Book.TransferByReceipt(ctx, t.Meaning.What)
		mine := tr.Payer == t.Member.Account() || tr.Payee == t.Member.Account()
		if ledger.IsNotFound(err) || err == nil && !mine && t.Member.Role != ledger.Coordinator {
			// A receipt between others is nobody else's business.
			return &conversation.Refusal{Key: "check.unknown", Args: locales.Args{"receipt": t.Meaning.What}}
		}
		if err != nil {
			return err
		}
		key := bare("check.real", tr.Description)
		var back string
		if reversal, err := t.Book.Reversal(ctx, tr.ID); err == nil {
			key, back = "check.back_"+string(reversal.State), reversal.Receipt
		} else if !ledger.IsNotFound(err) {
			return err
		}
		t.Say(key, locales.Args{
			"receipt": tr.Receipt, "payer": t.NameOf(tr.Payer), "payee": t.NameOf(tr.Payee), "amount": locales.Sum(tr.Amount),
			"back": back, "what": conversation.Cut(tr.Description, conversation.MostWhat), "when": t.Printer().When(tr.DecidedAt),
		})
		return nil
	},
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
