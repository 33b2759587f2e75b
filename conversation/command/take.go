package command

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// takeAd tells both sides that somebody takes up an offer or a want: of one with
// a stock, so much.
var takeAd = conversation.Command{
	Name: "take_ad", Intents: []understand.Intent{understand.TakeAd}, Moves: true,
	Fill: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		m := digits.FindStringSubmatch(t.Meaning.What)
		if m == nil {
			return &conversation.Refusal{Key: "take_ad.which"}
		}
		f.Set("ad", m[1])
		if listed, ok := t.Listed(search.Name, f.Int("ad")); ok && listed != f.Text("ad") {
			t.Settled() // the same once more is no longer a number of the list
			return &conversation.Refusal{Key: "take_ad.listed", Args: locales.Args{"n": f.Int("ad"), "number": listed}}
		}
		ad, err := toTake(ctx, t, f)
		if err != nil {
			return err
		}
		if ad.Stock == 0 && digits.MatchString(t.Meaning.Part) { // "take 41, 14": the other one is an ad as well
			return &conversation.Refusal{Key: "clarify.two_commands"}
		}
		fillPart(t, f, ad)
		return nil
	},
	Fields:  []conversation.Field{{Name: part, Kind: conversation.Words, Ask: "stock.ask"}},
	Confirm: confirmMore,
	Run:     runTake,
}

// toTake is the form's ad, which others than its owner can take while it is up.
func toTake(ctx context.Context, t *conversation.Turn, f *conversation.Form) (ledger.Ad, error) {
	ad, err := t.Book.Ad(ctx, f.Int("ad"))
	owner := t.Names.Person(ad.Member)
	switch {
	case ledger.IsNotFound(err):
		return ad, &conversation.Refusal{Key: "ad.unknown", Args: locales.Args{"number": f.Text("ad")}}
	case err != nil:
		return ad, err
	case !ad.Up(t.Now()) || owner == nil || owner.Status != ledger.Active:
		return ad, &conversation.Refusal{Key: "ad.gone", Args: locales.Args{"number": ad.Number}}
	case ad.Member == t.Member.ID:
		return ad, &conversation.Refusal{Key: "take_ad.yours", Args: locales.Args{"number": ad.Number}}
	}
	return ad, nil
}

func runTake(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	ad, err := toTake(ctx, t, f)
	if err != nil {
		return err
	}
	if ad.Stock > 0 {
		return takePart(ctx, t, f, ad)
	}
	anew, err := t.Memory.Take(ctx, t.Book.Community().ID, ad.Number, t.Member.ID)
	if err != nil {
		return err
	}
	if told, err := t.Reaches(ctx, ad.Member); err != nil {
		return err
	} else if told && !anew {
		return answerTaker(ctx, t, ad, "take_ad.already", nil)
	}
	// The giver of an offer is its owner, of a want whoever takes it: the giver
	// says when it is done.
	told, err := t.TellTaken(ctx, ad, t.Member, 0)
	if err != nil {
		return err
	}
	return answerTold(ctx, t, ad, told, "take_ad.told_"+string(ad.Kind), nil)
}

// answerTold answers the member with a text of that key about an ad whose owner
// was told. Where nobody was they hear that instead, and whom to turn to.
func answerTold(ctx context.Context, t *conversation.Turn, ad ledger.Ad, told bool, key string, args locales.Args) error {
	if !told {
		contact, err := t.Contact(ctx, ad.Member)
		if err != nil {
			return err
		}
		key = "undo.not_reached"
		if contact != "" {
			key = "take_ad.not_reached"
		}
	}
	return answerTaker(ctx, t, ad, key, args)
}

// answerTaker answers the member with a text about an ad of somebody else's.
func answerTaker(ctx context.Context, t *conversation.Turn, ad ledger.Ad, key string, args locales.Args) error {
	mine, err := t.ContactFor(ctx, ad.Member, t.Member.ID)
	if err != nil {
		return err
	}
	theirs, err := t.Contact(ctx, ad.Member)
	if err != nil {
		return err
	}
	owner := ledger.AccountID(ad.Member)
	all := locales.Args{
		"name": t.NameOf(owner), "first": firstName(t, owner), "number": ad.Number, "coordinator": coordinator(t),
		"contact": cmp.Or(theirs, conversation.NoContact(t.Printer(), firstName(t, owner), mine)),
	}
	maps.Copy(all, args)
	t.Say(key, all)
	return nil
}

// done says that a job is done: it opens the request for payment.
var done = conversation.Command{
	Name: "done", Intents: []understand.Intent{understand.Done}, Moves: true,
	Fill: fillDone,
	Run: func(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
		return runDone(ctx, t, f, f.Member("taker"))
	},
	Chosen: func(ctx context.Context, t *conversation.Turn, f *conversation.Form, option string) error {
		id, err := strconv.ParseInt(option, 10, 64)
		if err != nil {
			return err
		}
		return runDone(ctx, t, f, ledger.MemberID(id))
	},
}

func fillDone(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	m := digits.FindStringSubmatch(t.Meaning.What)
	if m == nil {
		return whichJob(ctx, t)
	}
	f.Set("ad", m[1])
	f.Set("whom", t.Meaning.Who)
	return nil
}

// jobsListed is how many open jobs are named: so they fit one page.
const jobsListed = 3

// whichJob asks which of the jobs that the member does for others is done: it
// names those of the ads that were put up last.
func whichJob(ctx context.Context, t *conversation.Turn) error {
	jobs, err := t.Memory.JobsOf(ctx, t.Book.Community().ID, t.Member.ID)
	if err != nil {
		return err
	}
	var ads []ledger.Ad
	names := map[int64][]string{} // of those who pay for it
	for _, job := range jobs {
		ad, err := t.Book.Ad(ctx, job.Ad)
		if err != nil {
			return err
		}
		giver, payer := ad.Member, job.Taker
		if ad.Kind == ledger.Want {
			giver, payer = payer, giver
		}
		if giver != t.Member.ID || !isHere(t, payer) {
			continue
		}
		if len(names[ad.Number]) == 0 {
			ads = append(ads, ad)
		}
		names[ad.Number] = append(names[ad.Number], firstName(t, ledger.AccountID(payer)))
	}
	if len(ads) == 0 {
		return &conversation.Refusal{Key: "done.which"}
	}
	slices.Reverse(ads)
	var list []string
	for _, ad := range ads[:min(jobsListed, len(ads))] {
		who := names[ad.Number]
		if more := len(who) - 1; more > 0 {
			who = []string{who[0], "+" + strconv.Itoa(more)}
		}
		list = append(list, t.Text("ad.which_line", locales.Args{
			"number": ad.Number, "text": conversation.Cut(ad.Text, 20) + " (" + strings.Join(who, " ") + ")",
		}))
	}
	if more := len(ads) - len(list); more > 0 {
		list = append(list, "+"+strconv.Itoa(more))
	}
	return &conversation.Refusal{Key: "done.which_of", Args: locales.Args{"list": strings.Join(list, "; "), "number": ads[0].Number}}
}

func runDone(ctx context.Context, t *conversation.Turn, f *conversation.Form, other ledger.MemberID) error {
	ad, err := t.Book.Ad(ctx, f.Int("ad"))
	if ledger.IsNotFound(err) {
		return &conversation.Refusal{Key: "ad.unknown", Args: locales.Args{"number": f.Text("ad")}}
	}
	if err != nil {
		return err
	}
	takers, err := takersOf(ctx, t, ad.Number)
	if err != nil {
		return err
	}
	giver := t.Member.ID
	switch {
	case ad.Kind == ledger.Offer && ad.Member == giver && other == 0:
		if len(takers) == 0 {
			return &conversation.Refusal{Key: "done.nobody", Args: locales.Args{"number": ad.Number}}
		}
		meant, err := named(ctx, t, f.Text("whom"), takers)
		if err != nil {
			return err
		}
		if len(meant) != 1 {
			chooseTaker(t, f, takers)
			return nil
		}
		other = meant[0]
	case ad.Kind == ledger.Want && contains(takers, giver):
		meant, err := named(ctx, t, f.Text("whom"), []ledger.MemberID{ad.Member})
		if err != nil {
			return err
		}
		if len(meant) == 0 {
			return &conversation.Refusal{Key: "done.not_yours", Args: locales.Args{"number": ad.Number}}
		}
		other = ad.Member
	case ad.Kind == ledger.Offer && ad.Member == giver && contains(takers, other):
	default:
		return &conversation.Refusal{Key: "done.not_yours", Args: locales.Args{"number": ad.Number}}
	}
	taker := other
	if ad.Kind == ledger.Want {
		taker = giver
	}
	values := map[string]string{
		"who": itoa(int64(other)), "what": conversation.Cut(ad.Text, 80), "ad": itoa(ad.Number), "taker": itoa(int64(taker)),
	}
	share, err := t.Book.Share(ctx, ad.Number, taker)
	if err != nil {
		return err
	}
	if share > 0 {
		values["what"] = conversation.Cut(ad.Text, 60) + ", " + conversation.Quantity(t.Printer(), share, ad.Measure)
		if sum, ok := ad.PriceOf(share); ok {
			values["amount"] = itoa(int64(sum))
		}
	} else if ad.Price != nil && ad.Per == "" { // a price by the hour or the kilo says nothing about the sum
		values["amount"] = itoa(int64(*ad.Price))
	}
	return t.Start(ctx, "charge", values)
}

// named are those of some members whom a name surely means, all of them where
// there is none.
func named(ctx context.Context, t *conversation.Turn, name string, among []ledger.MemberID) ([]ledger.MemberID, error) {
	if name == "" {
		return among, nil
	}
	found, err := t.Find(ctx, name)
	if err != nil || !found.Exact {
		return nil, err
	}
	var all []ledger.MemberID
	for _, p := range found.People {
		if contains(among, p.ID) {
			all = append(all, p.ID)
		}
	}
	return all, nil
}

// takersOf is who has taken an ad and has not left since, who took it first
// comes first.
func takersOf(ctx context.Context, t *conversation.Turn, ad int64) ([]ledger.MemberID, error) {
	all, err := t.Memory.Takers(ctx, t.Book.Community().ID, ad)
	return slices.DeleteFunc(all, func(id ledger.MemberID) bool { return !isHere(t, id) }), err
}

// isHere reports whether a member has not left.
func isHere(t *conversation.Turn, id ledger.MemberID) bool {
	p := t.Names.Person(id)
	return p != nil && p.Status != ledger.Left
}

const takersPage = 3

// chooseTaker asks for whom a job was done.
func chooseTaker(t *conversation.Turn, f *conversation.Form, takers []ledger.MemberID) {
	skip := int(f.Int("skip"))
	if skip >= len(takers) {
		skip = 0
	}
	page := takers[skip:min(skip+takersPage, len(takers))]
	var list, options, labels []string
	for i, id := range page {
		name := t.NameOf(ledger.AccountID(id))
		list = append(list, strconv.Itoa(i+1)+" "+name)
		options, labels = append(options, itoa(int64(id))), append(labels, name)
	}
	key := "done.for_whom"
	if len(takers) > takersPage {
		key = "done.for_whom_more"
		next := &conversation.Form{Command: f.Command, ID: f.ID, Values: map[string]string{"ad": f.Text("ad")}}
		next.SetInt("skip", int64(skip+len(page)))
		t.More(next)
	}
	t.Offer(f, t.Text(key, locales.Args{"list": strings.Join(list, "  ")}), options, labels)
}

func contains(ids []ledger.MemberID, id ledger.MemberID) bool {
	for _, one := range ids {
		if one == id {
			return true
		}
	}
	return false
}
