package conversation

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// A request is a pending transfer that waits for the payer's yes. It needs no
// dialog: it is in the ledger, and stays open whatever else is said.

// requestCommand is the name of the command that answers requests.
const requestCommand = "request"

// yesOrNo takes a typed yes or no that is not the answer to the open dialog: it
// answers what others have asked of the member. which is the number behind it,
// if any.
//
// A plain yes is only ever about the question that was put last. Where that has
// had its answer, or where the yes could be about another as well, nothing is
// decided.
func (t *Turn) yesOrNo(ctx context.Context, yes bool, which string) error {
	if err := t.refreshRequests(ctx); err != nil {
		return err
	}
	open := t.openRequests()
	if which != "" {
		n, err := strconv.Atoi(which)
		if p := t.Names.Newcomer(int64(n)); p != nil && !yes && n > t.talk.Shown && t.Member.Role == ledger.Coordinator {
			t.Meaning = understand.Meaning{Intent: understand.Refuse, What: which, Locale: t.Meaning.Locale}
			return t.begin(ctx, t.engine.byIntent[understand.Refuse], nil)
		}
		if err == nil && n >= 1 && n <= len(t.talk.Requests) {
			return t.settleRequest(ctx, t.talk.Requests[n-1], yes)
		}
		if len(open) == 0 {
			return t.lateAnswer(ctx)
		}
		return t.whichYes()
	}
	switch {
	case len(open) == 1 && int64(open[0]) == t.talk.Latest && !t.confirming():
		return t.settleRequest(ctx, open[0], yes)
	case len(open) == 0 && t.confirming(): // the request has gone: the dialog's own question is put again
		t.repeat()
		return nil
	case len(open) == 0:
		return t.lateAnswer(ctx)
	}
	if t.talk.Latest != 0 && !t.confirming() && !slices.Contains(open, ledger.TransferID(t.talk.Latest)) {
		if err := t.lateAnswer(ctx); err != nil {
			return err
		}
	}
	return t.whichYes()
}

// confirming reports whether a yes or no of the member's own is waited for.
func (t *Turn) confirming() bool { return t.Open() && t.talk.Dialog.Asks == asksConfirm }

// refreshRequests brings the numbered list of what is asked of the member up to
// date.
func (t *Turn) refreshRequests(ctx context.Context) error {
	pending, err := t.Book.PendingToPay(ctx, t.Member.Account())
	if err != nil {
		return err
	}
	t.talk.number(pending, t.Now())
	t.openNow = map[ledger.TransferID]ledger.Transfer{}
	for _, p := range pending {
		t.openNow[p.ID] = p
	}
	return nil
}

// numbersLast is how long the number of a decided request is not used again: a
// telephone may send a "yes 1" twice.
const numbersLast = 24 * time.Hour

// number gives a number to each pending request that has none. A number that
// the member has seen keeps its meaning.
func (t *Talk) number(pending []ledger.Transfer, now time.Time) {
	isPending := func(id ledger.TransferID) bool {
		return slices.ContainsFunc(pending, func(p ledger.Transfer) bool { return p.ID == id })
	}
	if !slices.ContainsFunc(t.Requests, isPending) && now.Sub(ledger.Time(t.Told)) > numbersLast {
		t.Requests, t.Shown = nil, 0
	}
	list := slices.Clone(t.Requests[:min(t.Shown, len(t.Requests))])
	for _, id := range t.Requests[len(list):] {
		if isPending(id) {
			list = append(list, id)
		}
	}
	for _, p := range pending {
		if !slices.Contains(list, p.ID) {
			list = append(list, p.ID)
		}
	}
	t.Requests = list
}

// openRequests are those of the list that still wait.
func (t *Turn) openRequests() []ledger.TransferID {
	var open []ledger.TransferID
	for _, id := range t.talk.Requests {
		if _, ok := t.openNow[id]; ok {
			open = append(open, id)
		}
	}
	return open
}

// whichYes lists the open requests, of which there is at least one, and asks
// which was meant. Nothing has been decided. A question of the member's own is
// put again after it, so that a plain yes is about that.
func (t *Turn) whichYes() error {
	p := t.Printer()
	list, numbers := t.listed(p, t.talk.Requests)
	t.talk.Shown = len(t.talk.Requests)
	args := locales.Args{"list": list, "first": numbers[0], "second": numbers[len(numbers)-1]}
	key := "requests.which"
	if len(numbers) == 1 {
		key = "requests.which_one"
	}
	t.Say(key, args)
	t.talk.Latest = 0
	if t.confirming() {
		t.repeat()
	}
	return nil
}

// listed writes the open ones of some requests with their numbers.
func (t *Turn) listed(p *locales.Printer, requests []ledger.TransferID) (list string, numbers []string) {
	var lines []string
	for i, id := range requests {
		if tr, ok := t.openNow[id]; ok {
			lines = append(lines, RequestLine(p, i+1, t.NameOf(tr.Payee), tr))
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return strings.Join(lines, "  "), numbers
}

// MostWhat is how much of a description is repeated in a message, in
// characters: the ledger keeps all of it.
const MostWhat = 60

// RequestLine is one numbered request in a list.
func RequestLine(p *locales.Printer, n int, name string, tr ledger.Transfer) string {
	args := locales.Args{"n": n, "name": name, "amount": locales.Sum(tr.Amount), "what": Cut(tr.Description, MostWhat)}
	switch {
	case tr.Reverses != 0:
		return p.Text("requests.line_back", args)
	case tr.Description == "":
		return p.Text("requests.line_bare", args)
	}
	return p.Text("requests.line", args)
}

// settleRequest gives one request its yes or no.
func (t *Turn) settleRequest(ctx context.Context, id ledger.TransferID, yes bool) error {
	tr, err := t.Book.Transfer(ctx, id)
	if err != nil {
		return err
	}
	if tr.State != ledger.Pending {
		return t.alreadyDecided(ctx, tr)
	}
	t.talk.Latest = int64(id)
	c := t.engine.commands[requestCommand]
	if err := t.allowed(c); err != nil {
		return err
	}
	f := &Form{Command: requestCommand, ID: int64(id)}
	t.talk.Last = &Settled{Question: int64(id), Transfer: id, At: t.Now().UnixMicro()}
	if yes {
		return c.Run(ctx, t, f)
	}
	return c.No(ctx, t, f)
}

// AskPayer tells the payer of a pending transfer what is asked of them.
func (t *Turn) AskPayer(ctx context.Context, tr ledger.Transfer, reminder bool) (told bool, err error) {
	payer := ledger.MemberID(tr.Payer)
	pending, err := t.Book.PendingToPay(ctx, tr.Payer)
	if err != nil {
		return false, err
	}
	several := len(pending) > 1
	var requests []ledger.TransferID
	if err := t.TalkOf(ctx, payer, func(talk *Talk) {
		talk.number(pending, t.Now())
		talk.Told, talk.Latest = t.Now().UnixMicro(), int64(tr.ID)
		if several {
			talk.Shown = len(talk.Requests)
		}
		requests = talk.Requests
	}); err != nil {
		return false, err
	}
	t.openNow = map[ledger.TransferID]ledger.Transfer{}
	for _, p := range pending {
		t.openNow[p.ID] = p
	}
	number := 0 // on the buttons, where there are several
	if several {
		number = slices.Index(requests, tr.ID) + 1
	}
	return t.tell(ctx, payer, int64(tr.ID), number, func(p *locales.Printer) string {
		args := t.requestArgs(tr)
		if !several {
			return p.Text(requestKey(tr, reminder), args)
		}
		var numbers []string
		args["list"], numbers = t.listed(p, requests)
		args["first"], args["second"] = numbers[0], numbers[len(numbers)-1]
		return p.Text("requests.notice", args)
	})
}

// requestArgs is what the text of a request names.
func (t *Turn) requestArgs(tr ledger.Transfer) locales.Args {
	return locales.Args{"name": t.NameOf(tr.Payee), "amount": locales.Sum(tr.Amount), "what": Cut(tr.Description, MostWhat)}
}

// requestKey is the text that asks for one transfer.
func requestKey(tr ledger.Transfer, reminder bool) string {
	key := "request.notice"
	if tr.Reverses != 0 {
		key += "_back"
	}
	if tr.Description == "" {
		key += "_bare"
	}
	if reminder {
		key += "_again"
	}
	return key
}

// AskFor notes that a request is for a job that is done: its taker has nothing
// of the ad any more.
func (t *Turn) AskFor(ctx context.Context, request ledger.TransferID, job Job) (err error) {
	if job.Share, err = t.Book.Share(ctx, job.Ad, job.Taker); err != nil {
		return err
	}
	c := t.Book.Community().ID
	return errors.Join(t.Memory.Asked(ctx, c, request, job), t.Memory.Given(ctx, c, job.Ad, job.Taker), t.Book.EndShare(ctx, job.Ad, job.Taker))
}

// EndRequest ends a request of which nothing came. Where it was for a job its
// taker has it as before.
func (t *Turn) EndRequest(ctx context.Context, id ledger.TransferID, as ledger.State) (ledger.Transfer, error) {
	tr, err := t.Book.End(ctx, id, as)
	if err != nil {
		return tr, err
	}
	c := t.Book.Community().ID
	job, err := t.Memory.Unpaid(ctx, c, id)
	if err != nil || job.Ad == 0 {
		return tr, err
	}
	if job.Share > 0 {
		if err := t.Book.AddShare(ctx, job.Ad, job.Taker, job.Share); err != nil {
			return tr, err
		}
	}
	_, err = t.Memory.Take(ctx, c, job.Ad, job.Taker)
	return tr, err
}

// Over has a member who still answers a request told what became of it.
func (t *Turn) Over(ctx context.Context, payer ledger.MemberID, id ledger.TransferID) error {
	return t.TalkOf(ctx, payer, func(talk *Talk) {
		if talk.Latest == int64(id) {
			talk.Last = &Settled{Question: int64(id), Transfer: id, At: t.Now().UnixMicro()}
		}
	})
}

// lateAnswer says why a yes or no changes nothing.
func (t *Turn) lateAnswer(ctx context.Context) error {
	if d := t.talk.Dialog; d != nil && d.expired(t.Now()) && (t.In.Question == 0 || t.In.Question == d.Question) {
		t.Say("answer.expired", locales.Args{"day": locales.Day(ledger.Time(d.Asked))})
		t.talk.Dialog = nil
		return nil
	}
	last := t.talk.Last
	if last != nil && last.Transfer != 0 && (t.In.Question == 0 || t.In.Question == last.Question) {
		tr, err := t.Book.Transfer(ctx, last.Transfer)
		if err == nil {
			return t.alreadyDecided(ctx, tr)
		} else if !ledger.IsNotFound(err) {
			return err
		}
	}
	if t.In.Question != 0 {
		t.Say("answer.too_late", nil)
		return nil
	}
	t.Say("answer.nothing_open", nil)
	return nil
}

// AlreadyDecided says how a transfer was decided before.
func (t *Turn) AlreadyDecided(ctx context.Context, tr ledger.Transfer) error {
	return t.alreadyDecided(ctx, tr)
}

// alreadyDecided says how a transfer was decided before.
func (t *Turn) alreadyDecided(_ context.Context, tr ledger.Transfer) error {
	other := tr.Payee
	if tr.Payee == t.Member.Account() {
		other = tr.Payer
	}
	args := locales.Args{"name": t.NameOf(other), "amount": locales.Sum(tr.Amount), "receipt": tr.Receipt, "day": t.Printer().When(tr.DecidedAt)}
	if tr.State == ledger.Completed && tr.Payer == t.Member.Account() && t.Meaning.Intent == understand.No {
		t.Say("answer.no_too_late", args) // whoever says no now may want it back
		return nil
	}
	key := "answer.already_" + string(tr.State)
	if tr.State == ledger.Declined && tr.Payer != t.Member.Account() {
		key = "answer.already_declined_by"
	}
	t.Say(key, args)
	return nil
}
