package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// newcomer is somebody who is to be a member, as written in flags or in a line
// of a file.
type newcomer struct {
	number, name, locale, role, status, place string
	balance, limit, upper                     string
	sms, email, telegram                      []string
}

// entry is a newcomer, understood.
type entry struct {
	ledger.NewMember
	line      int // in the file, from 1
	addresses []address
	balance   ledger.Amount // to begin with, from the community's account

	hasLimit, hasUpper bool // limits of their own
	limit, upper       *ledger.Amount
}

type address struct{ channel, address string }

// entry understands a newcomer, or says all that is wrong with them.
func (n newcomer) entry(c *ledger.Community, catalog *locales.Catalog, region string) (e entry, problems []string) {
	note := func(problem string) {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	var problem string
	if n.number != "" {
		number, err := strconv.ParseInt(strings.TrimPrefix(n.number, "#"), 10, 64)
		if err != nil || number < 1 || number > 999_999_999 {
			note(fmt.Sprintf("%q is not a member number such as 12", n.number))
		}
		e.Number = number
	}
	e.Name, problem = nameOf(n.name)
	note(problem)
	if n.place != "" {
		e.Place, problem = wordsOf("place", n.place)
		note(problem)
	}
	if n.locale != "" {
		e.Locale, problem = localeOf(catalog, n.locale)
		note(problem)
	}
	if n.role != "" {
		e.Role, problem = roleOf(n.role)
		note(problem)
	}
	if n.status != "" {
		e.Status, problem = statusOf(n.status)
		note(problem)
	}
	for channel, all := range map[string][]string{"sms": n.sms, "email": n.email, "telegram": n.telegram} {
		for _, s := range all {
			a, problem := addressOf(channel, s, region)
			note(problem)
			if problem == "" && !slices.Contains(e.addresses, a) {
				e.addresses = append(e.addresses, a)
			}
		}
	}
	slices.SortFunc(e.addresses, func(a, b address) int { return strings.Compare(a.channel+a.address, b.channel+b.address) })
	var err error
	if n.balance != "" {
		if e.balance, err = parseAmount(c, n.balance); err != nil {
			note(err.Error())
		}
	}
	if e.hasLimit = n.limit != ""; e.hasLimit {
		if e.limit, err = parseLowest(c, n.limit); err != nil {
			note(err.Error())
		}
	}
	if e.hasUpper = n.upper != ""; e.hasUpper {
		if e.upper, err = parseHighest(c, n.upper); err != nil {
			note(err.Error())
		}
	}
	slices.Sort(problems)
	return e, problems
}

const nameMax = 100 // letters

func nameOf(s string) (name, problem string) { return wordsOf("name", s) }

// wordsOf brings a line of words into order. what is what they are.
func wordsOf(what, s string) (words, problem string) {
	words = strings.Join(strings.Fields(s), " ")
	switch {
	case words == "":
		return "", fmt.Sprintf("there is no %s", what)
	case len([]rune(words)) > nameMax:
		return "", fmt.Sprintf("the %s has more than %d letters", what, nameMax)
	case strings.ContainsFunc(words, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return "", fmt.Sprintf("the %s %q has something in it that is no letter", what, words)
	}
	return words, ""
}

// localeOf reads a language: its code, with or without a country, or the name
// that its speakers give it.
func localeOf(catalog *locales.Catalog, s string) (locale, problem string) {
	s = strings.TrimSpace(s)
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(s), "_", "-"), "-")
	for _, code := range catalog.Codes() {
		if code == base || understand.Fold(catalog.Name(code)) == understand.Fold(s) {
			return code, ""
		}
	}
	return "", unspoken(catalog, s).Error()
}

func roleOf(s string) (role ledger.Role, problem string) {
	role = ledger.Role(strings.ToLower(strings.TrimSpace(s)))
	if role != ledger.Ordinary && role != ledger.Coordinator {
		return "", fmt.Sprintf("the role is member or coordinator, not %q", s)
	}
	return role, ""
}

var statuses = []ledger.Status{ledger.Active, ledger.Invited, ledger.Frozen, ledger.Left}

func statusOf(s string) (status ledger.Status, problem string) {
	status = ledger.Status(strings.ToLower(strings.TrimSpace(s)))
	if !slices.Contains(statuses, status) {
		return "", fmt.Sprintf("the status is active, invited, frozen or left, not %q", s)
	}
	return status, ""
}

// addressOf brings an address into the form in which its channel has it. region
// is the country of phone numbers that name none, or "".
func addressOf(channel, s, region string) (a address, problem string) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\u2212", "-"))
	switch channel {
	case "sms":
		n, err := phonenumbers.Parse(s, strings.ToUpper(region))
		switch {
		case errors.Is(err, phonenumbers.ErrInvalidCountryCode) && region == "" && !strings.HasPrefix(s, "+"):
			return a, fmt.Sprintf("the phone number %q names no country: write it with + and the country's code, or say --region BE", s)
		case err != nil || !phonenumbers.IsPossibleNumber(n):
			return a, fmt.Sprintf("%q is not a phone number", s)
		}
		return address{"sms", phonenumbers.Format(n, phonenumbers.E164)}, ""
	case "email":
		m, err := mail.ParseAddress(s)
		if err != nil || m.Address != s || strings.ContainsAny(s, " \"") || len(s) > 254 {
			return a, fmt.Sprintf("%q is not an e-mail address", s)
		}
		return address{"email", strings.ToLower(s)}, ""
	case "telegram":
		if n, err := strconv.ParseInt(s, 10, 64); err != nil || n <= 0 {
			return a, fmt.Sprintf("%q is not a Telegram number: that has digits only, and a member has it from an invitation by itself", s)
		}
		return address{"telegram", s}, ""
	}
	return a, fmt.Sprintf("there is no channel %q", channel)
}

// enter writes a newcomer into a community, with limits, addresses and the
// balance they begin with. note says what a coordinator may want to know.
func (e entry) enter(ctx context.Context, book *ledger.Book) (m ledger.Member, note string, err error) {
	n := e.NewMember
	if e.balance != 0 {
		n.Status = ledger.Active // only active members can be paid
	}
	if m, err = book.AddMember(ctx, n); err != nil {
		return m, "", err
	}
	for _, a := range e.addresses {
		if err := book.Bind(ctx, m.ID, a.channel, a.address); err != nil {
			return m, "", err
		}
	}
	limit, upper := book.Community().Lower, book.Community().Upper
	if e.hasLimit {
		limit = e.limit
	}
	if e.hasUpper {
		upper = e.upper
	}
	beyond := limit != nil && e.balance < *limit || upper != nil && e.balance > *upper
	if beyond { // as they come: from now on their balance can only move back
		note = "begins with a balance beyond their limit"
		if err := book.SetLimits(ctx, m.Account(), nil, nil); err != nil {
			return m, "", err
		}
	}
	if e.balance != 0 {
		if err := payOpening(ctx, book, m, e.balance); err != nil {
			return m, "", err
		}
	}
	if beyond || e.hasLimit || e.hasUpper {
		if limit != nil && upper != nil && *limit > *upper {
			return m, "", errors.New("their lowest balance would be above their highest")
		}
		if err := book.SetLimits(ctx, m.Account(), limit, upper); err != nil {
			return m, "", err
		}
	}
	if e.Status != "" && e.Status != m.Status {
		m.Status = e.Status
		return m, note, book.SaveMember(ctx, m)
	}
	return m, note, nil
}

// open gives a member who is there the balance they begin with, unless they
// had it before: then again is true, and it is an error where that was another.
func open(ctx context.Context, book *ledger.Book, m ledger.Member, balance ledger.Amount) (again bool, err error) {
	id := openingID(book.Community().ID, m.ID)
	switch old, err := book.Transfer(ctx, id); {
	case err == nil:
		was := old.Amount
		if old.Payer == m.Account() {
			was = -was
		}
		if was != balance {
			return true, fmt.Errorf("began with %s before, not %s", plainAmount(book.Community(), was), plainAmount(book.Community(), balance))
		}
		return true, nil
	case !ledger.IsNotFound(err):
		return false, err
	}
	return false, payOpening(ctx, book, m, balance)
}

// payOpening makes the transfer of an opening balance. Its id is made from who
// it is for.
func payOpening(ctx context.Context, book *ledger.Book, m ledger.Member, balance ledger.Amount) error {
	c := book.Community()
	t := ledger.Transfer{ID: openingID(c.ID, m.ID), Payer: c.Account(), Payee: m.Account(), Amount: balance, Description: "opening balance"}
	if balance < 0 {
		t.Payer, t.Payee, t.Amount = t.Payee, t.Payer, -balance
	}
	_, err := book.Pay(ctx, t)
	return err
}

func openingID(c ledger.CommunityID, m ledger.MemberID) ledger.TransferID {
	hash := sha256.Sum256(fmt.Appendf(nil, "opening balance %d %d", c, m))
	return ledger.TransferID(binary.BigEndian.Uint64(hash[:8])>>1 | 1)
}
