package conversation

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// SetAmount fills in a HowMuch field from what was understood: minutes, or
// hundredths of the unit. It fails with a Refusal where the community does not
// count so finely.
func (t *Turn) SetAmount(f *Form, name string, amount int64, inexact bool, reason understand.Reason) error {
	c := t.Book.Community()
	switch reason {
	case understand.Negative, understand.Zero, understand.TwoAmounts, understand.Currency:
		return &Refusal{Key: "clarify." + string(reason)}
	default: // what else is wrong is not about the amount
	}
	if amount <= 0 {
		return nil
	}
	if c.UnitKind != ledger.Hours {
		step := pow10(2 - c.Decimals)
		if amount%step != 0 || inexact {
			return &Refusal{Key: "refuse.decimals_" + strconv.Itoa(c.Decimals), Args: locales.Args{"unit": t.unitWords()}}
		}
		amount /= step
	}
	f.SetInt(name, amount)
	if inexact {
		f.Set(Inexact, "1")
	}
	return nil
}

// Names of form values that commands share beside their fields.
const (
	Inexact = "inexact" // the amount was rounded: it has to be confirmed
	Fuzzy   = "fuzzy"   // the name was not exact: it has to be confirmed
)

// SetPerson fills in a Someone field from a name. Where nobody or several
// people may be meant it asks, and reports done.
func (t *Turn) SetPerson(ctx context.Context, f *Form, name, who string) (done bool, err error) {
	who = strings.TrimSpace(who)
	found, err := t.Find(ctx, who)
	if err != nil {
		return true, err
	}
	people := slices.DeleteFunc(slices.Clone(found.People), func(p *Person) bool { return p.Status == ledger.Left })
	if len(people) > 1 { // nobody means themselves where somebody else can be meant
		people = slices.DeleteFunc(people, func(p *Person) bool { return p.ID == t.Member.ID })
	}
	switch {
	case len(people) == 0:
		if t.answering { // not the first name that nobody has
			t.missed = true
			if t.talk.Misses++; t.talk.Misses >= 2 {
				t.askForHuman()
				return true, nil
			}
		}
		t.ask(*f, name, t.Text("who.unknown", locales.Args{"who": cut(who, 40), "letter": initial(who)}), nil, nil)
		return true, nil
	case len(people) == 1:
		f.SetInt(name, int64(people[0].ID))
		if !found.Exact {
			f.Set(Fuzzy, "1")
		}
		return false, nil
	case len(people) > 3:
		t.ask(*f, name, t.Text("who.too_many", locales.Args{"who": cut(titled(who), 40), "n": len(people)}), nil, nil)
		return true, nil
	}
	p := t.Printer()
	var options, list []string
	var choices []Choice
	for i, one := range people {
		options = append(options, strconv.FormatInt(int64(one.ID), 10))
		list = append(list, strconv.Itoa(i+1)+" "+one.Called)
		choices = append(choices, Choice{cut(one.Called, 40), strconv.Itoa(i + 1)})
	}
	text := p.Text("who.which", locales.Args{"who": titled(who), "list": strings.Join(list, "  ")})
	t.ask(*f, name, text, options, choices)
	return true, nil
}

// Find looks a member up by name, number, or an address of theirs.
func (t *Turn) Find(ctx context.Context, who string) (Found, error) {
	channel, address, err := t.AddressIn(ctx, who)
	if err != nil {
		return Found{}, err
	}
	if channel == "" {
		return t.Names.Find(who), nil
	}
	at, err := t.Book.MembersAt(ctx, channel, address)
	if err != nil {
		return Found{}, err
	}
	found := Found{Exact: true}
	for _, m := range at {
		if p := t.Names.Person(m.ID); p != nil {
			found.People = append(found.People, p)
		}
	}
	return found, nil
}

// initial is the first letter of a name, for MEMBERS.
func initial(who string) string {
	for _, r := range fold(who) {
		return strings.ToUpper(string(r))
	}
	return ""
}

// titled writes a name that was typed in small letters with a capital.
func titled(who string) string {
	if who != strings.ToLower(who) {
		return who
	}
	words := strings.Fields(who)
	for i, w := range words {
		r := []rune(w)
		words[i] = strings.ToUpper(string(r[0])) + string(r[1:])
	}
	return strings.Join(words, " ")
}
