package transcript

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/locales"
	"crier/mail/digest"
)

//go:embed sample.txt
var sampleText string

// Sample is the community that is used where a transcript describes none, and
// that the demo shows: 30 members, 40 ads and some history.
func Sample() *Script {
	s, err := Parse("sample.txt", sampleText)
	if err != nil {
		panic(err) // it is part of the program, and tested
	}
	return s
}

// Screen is one address of one person: what they write from and read on.
type Screen struct {
	Who     string // as transcripts call them
	Name    string
	Channel string
	Address string
	Locale  string
}

// World is a community that a script has described, in a database.
type World struct {
	Community ledger.CommunityID
	Slug      string
	Screens   []Screen
	Reserved  []string // words that nobody is to be taught
	TextPrice conversation.Cost
	members   map[string]ledger.MemberID
	kind      ledger.UnitKind
	decimals  int
}

// salt makes receipts the same in every run of a transcript.
const salt = 12

// Build founds the community that the givens describe. It uses now for
// whatever has no time of its own.
func Build(ctx context.Context, db ledger.DB, givens []Line, file string, now time.Time) (*World, error) {
	w := &World{members: map[string]ledger.MemberID{}}
	err := db.Update(ctx, func(tx ledger.Tx) error {
		b := builder{World: w, tx: tx, now: now, community: defaultCommunity()}
		for _, g := range givens {
			if err := b.setting(g.Text); err != nil {
				return fmt.Errorf("%s:%d: %w", file, g.Number, err)
			}
		}
		if err := b.found(ctx); err != nil {
			return err
		}
		for _, g := range givens {
			if err := b.given(ctx, g.Text); err != nil {
				return fmt.Errorf("%s:%d: %w", file, g.Number, err)
			}
		}
		return nil
	})
	return w, err
}

func defaultCommunity() ledger.Community {
	return ledger.Community{
		Slug: "riverbank", Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns; fr gland/glands; nl eikel/eikels; de Eichel/Eicheln; es bellota/bellotas; it ghianda/ghiande",
		Locale: "en", Timezone: "Europe/Brussels", ReceiptSalt: salt,
	}
}

// builder fills a new community.
type builder struct {
	*World
	tx        ledger.Tx
	book      *ledger.Book
	now       time.Time
	community ledger.Community
	lower     string
	upper     string
	threshold string
	pinAbove  string
	digest    string // when it goes out; "": never
	budget    conversation.Cost
	shared    *conversation.Categories
}

// setting takes one "community KEY VALUE".
func (b *builder) setting(text string) error {
	kind, rest, _ := strings.Cut(text, " ")
	if kind != "community" {
		return nil
	}
	key, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
	value = strings.Trim(strings.TrimSpace(value), `"`)
	c := &b.community
	var err error
	switch key {
	case "name":
		c.Name = value
	case "slug":
		c.Slug = value
	case "unit":
		c.UnitKind, c.UnitWords = ledger.Units, value
		if value == "hour" || value == "hours" {
			c.UnitKind, c.UnitWords = ledger.Hours, ""
		}
	case "decimals":
		c.Decimals, err = strconv.Atoi(value)
	case "locale":
		c.Locale = value
	case "timezone":
		c.Timezone = value
	case "threshold":
		b.threshold = value
	case "grace":
		c.Grace, err = Duration(value)
	case "limit":
		b.lower = value
	case "upper":
		b.upper = value
	case "pin_above":
		b.pinAbove = value
	case "reserved":
		b.Reserved = strings.Fields(value)
	case "digest":
		b.digest = value
	case "text_price":
		b.TextPrice, err = conversation.ParseCost(value)
	case "budget":
		b.budget, err = conversation.ParseCost(value)
	case "ad_days":
		c.AdDays, err = strconv.Atoi(value)
	default:
		err = fmt.Errorf("a community has no setting %q", key)
	}
	return err
}

func (b *builder) found(ctx context.Context) (err error) {
	c := &b.community
	b.kind, b.decimals = c.UnitKind, c.Decimals
	if b.kind == ledger.Hours {
		c.Decimals, b.decimals = 0, 0
	}
	if b.lower == "" {
		b.lower = "-50"
	}
	if b.threshold != "" {
		if c.Threshold, err = b.Amount(b.threshold); err != nil {
			return err
		}
	}
	if b.pinAbove != "" {
		above, err := b.Amount(b.pinAbove)
		if err != nil {
			return err
		}
		c.PINAbove = &above
	}
	if c.Lower, err = b.lowest(b.lower); err != nil {
		return err
	}
	if b.upper != "" {
		upper, err := b.Amount(b.upper)
		if err != nil {
			return err
		}
		c.Upper = &upper
	}
	b.book, err = ledger.NewCommunity(ctx, b.tx, *c, b.now)
	if err != nil {
		return err
	}
	b.Community, b.Slug = b.book.Community().ID, c.Slug
	if b.budget.Micros > 0 {
		if err := state.SetBudget(ctx, b.book, b.budget); err != nil {
			return err
		}
	}
	s, err := digest.SettingsOf(ctx, b.book)
	if err != nil {
		return err
	}
	if s.Schedule = ""; b.digest != "" {
		schedule, err := digest.ParseSchedule(b.digest)
		if err != nil {
			return err
		}
		s.Schedule = schedule.String()
	}
	return s.Save(ctx, b.book)
}

// lowest reads a lowest balance; "none" is none. How far one may go into the
// minus is written with or without its sign.
func (b *builder) lowest(s string) (*ledger.Amount, error) {
	if s == "none" {
		return nil, nil
	}
	a, err := b.Amount(s)
	if a > 0 {
		a = -a
	}
	return &a, err
}

// Amount reads an amount in the community's unit: "18", "2.50", "1h30".
func (w *World) Amount(s string) (ledger.Amount, error) {
	bad := fmt.Errorf("%q is not an amount", s)
	if h, m, ok := strings.Cut(s, "h"); ok && w.kind == ledger.Hours {
		negative := strings.HasPrefix(h, "-")
		hours, err := strconv.Atoi(strings.TrimPrefix(h, "-"))
		minutes := 0
		if err == nil && m != "" {
			minutes, err = strconv.Atoi(m)
		}
		if err != nil {
			return 0, bad
		}
		if negative {
			return ledger.Amount(-hours*60 - minutes), nil
		}
		return ledger.Amount(hours*60 + minutes), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(f) > 1e12 {
		return 0, bad
	}
	scale := math.Pow10(w.decimals)
	if w.kind == ledger.Hours {
		scale = 60
	}
	v := f * scale
	if math.Abs(v-math.Round(v)) > 1e-6 {
		return 0, fmt.Errorf("%q is finer than the community counts", s)
	}
	return ledger.Amount(math.Round(v)), nil
}

func (b *builder) given(ctx context.Context, text string) error {
	kind, rest, _ := strings.Cut(text, " ")
	words := strings.Fields(rest)
	switch kind {
	case "community":
		return nil
	case "member":
		return b.member(ctx, words)
	case "stranger":
		if len(words) < 2 {
			return fmt.Errorf("given stranger NAME CHANNEL:ADDRESS [LOCALE]")
		}
		locale := ""
		if len(words) > 2 {
			locale = words[2]
		}
		return b.screen(words[0], words[0], words[1], locale)
	case "category":
		return b.ownCategory(ctx, rest)
	case "offer", "want":
		return b.ad(ctx, ledger.AdKind(kind), words)
	case "taken":
		return b.taken(ctx, words)
	case "payment":
		return b.payment(ctx, words)
	case "invitation":
		if len(words) != 2 || b.members[words[1]] == 0 {
			return fmt.Errorf("given invitation CODE MEMBER")
		}
		return b.book.Invite(ctx, ledger.Invitation{Code: words[0], Member: b.members[words[1]], ExpiresAt: b.now.AddDate(0, 0, 30)})
	case "wording":
		if len(words) < 3 {
			return fmt.Errorf("given wording LOCALE KEY TEXT")
		}
		return state.SetWording(ctx, b.book, words[0], words[1], strings.Join(words[2:], " "))
	}
	return fmt.Errorf("nothing like %q can be given", kind)
}

const memberForm = "given member NAME CHANNEL:ADDRESS LOCALE [balance N] [limit N] [upper N] [number N] [status S] [role coordinator] [full name …]"

func (b *builder) member(ctx context.Context, words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("%s", memberForm)
	}
	who, locale := words[0], b.community.Locale
	options := words[2:]
	if len(options) > 0 && len(options[0]) == 2 {
		locale, options = options[0], options[1:]
	}
	if id := b.members[who]; id != 0 { // a second address
		return b.bind(ctx, who, words[1], locale, id)
	}
	n := ledger.NewMember{Name: strings.ToUpper(who[:1]) + who[1:], Locale: locale}
	var balance ledger.Amount
	status := ledger.Active
	for len(options) > 0 {
		key := options[0]
		if key == "full" || key == "name" {
			rest := options[1:]
			if key == "full" && len(rest) > 0 && rest[0] == "name" {
				rest = rest[1:]
			}
			n.Name = strings.Trim(strings.Join(rest, " "), `"`)
			break
		}
		if len(options) < 2 {
			return fmt.Errorf("%s needs a value: %s", key, memberForm)
		}
		value := options[1]
		options = options[2:]
		var err error
		switch key {
		case "balance":
			balance, err = b.Amount(value)
		case "limit":
			n.Lower, err = b.lowest(value)
			if value == "none" {
				lowest := ledger.Amount(math.MinInt64 / 4)
				n.Lower = &lowest
			}
		case "upper":
			var upper ledger.Amount
			upper, err = b.Amount(value)
			n.Upper = &upper
		case "number":
			n.Number, err = strconv.ParseInt(value, 10, 64)
		case "status":
			status = ledger.Status(value)
		case "role":
			n.Role = ledger.Role(value)
		case "place":
			n.Place = value
		default:
			err = fmt.Errorf("a member has no %q: %s", key, memberForm)
		}
		if err != nil {
			return err
		}
	}
	m, err := b.book.AddMember(ctx, n)
	if err != nil {
		return err
	}
	b.members[who] = m.ID
	if balance != 0 {
		t := ledger.Transfer{ID: ledger.TransferID(ledger.NewID(b.now)), Payer: b.community.Account(), Payee: m.Account(), Amount: balance}
		t.Payer = b.book.Community().Account()
		if balance < 0 {
			t.Payer, t.Payee, t.Amount = t.Payee, t.Payer, -balance
		}
		if _, err := b.book.Pay(ctx, t); err != nil {
			return fmt.Errorf("balance of %s: %w", who, err)
		}
	}
	if status != ledger.Active {
		m.Status = status
		if err := b.book.SaveMember(ctx, m); err != nil {
			return err
		}
	}
	return b.bind(ctx, who, words[1], locale, m.ID)
}

func (b *builder) bind(ctx context.Context, who, at, locale string, id ledger.MemberID) error {
	if err := b.screen(who, b.name(ctx, id), at, locale); err != nil {
		return err
	}
	s := b.Screens[len(b.Screens)-1]
	return b.book.Bind(ctx, id, s.Channel, s.Address)
}

func (b *builder) name(ctx context.Context, id ledger.MemberID) string {
	m, err := b.book.Member(ctx, id)
	if err != nil {
		return ""
	}
	return m.Name
}

func (b *builder) screen(who, name, at, locale string) error {
	channel, address, ok := strings.Cut(at, ":")
	if !ok || channel == "" || address == "" {
		return fmt.Errorf("%q is not CHANNEL:ADDRESS, such as sms:+32470000012", at)
	}
	b.Screens = append(b.Screens, Screen{Who: who, Name: name, Channel: channel, Address: address, Locale: locale})
	return nil
}

// ad takes "offer NUMBER MEMBER text … [| category]"; its price is in the text.
func (b *builder) ad(ctx context.Context, kind ledger.AdKind, words []string) error {
	if len(words) < 3 || b.members[words[1]] == 0 {
		return fmt.Errorf("given %s NUMBER MEMBER TEXT [= PRICE [PER]] [| CATEGORY]", kind)
	}
	number, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return err
	}
	text, category, _ := strings.Cut(strings.Join(words[2:], " "), "|")
	text, price, priced := strings.Cut(text, "=")
	a := ledger.Ad{Number: number, Kind: kind, Member: b.members[words[1]], Text: strings.TrimSpace(text), Category: strings.TrimSpace(category)}
	if priced {
		figure, per, _ := strings.Cut(strings.TrimSpace(price), " ")
		p, err := b.Amount(figure)
		if err != nil {
			return err
		}
		a.Price, a.Per = &p, strings.TrimSpace(per)
	}
	found := conversation.SearchWords(a.Text + " " + a.Category)
	if a.Category, err = b.category(a.Category); err != nil {
		return err
	}
	_, err = b.book.PutAd(ctx, "given "+words[0], a, found)
	return err
}

// taken takes "taken NUMBER MEMBER".
func (b *builder) taken(ctx context.Context, words []string) error {
	if len(words) != 2 || b.members[words[1]] == 0 {
		return fmt.Errorf("given taken NUMBER MEMBER")
	}
	number, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return err
	}
	_, err = b.tx.Exec(ctx, `INSERT INTO takes (community_id, ad, member_id, taken_at) VALUES ($1, $2, $3, $4)`,
		b.Community, number, b.members[words[1]], ledger.Micros(b.now))
	return err
}

// category is the one of those that all have that some words speak for, or
// just those words.
func (b *builder) category(words string) (string, error) {
	if words == "" {
		return "", nil
	}
	if b.shared == nil {
		catalog, err := locales.Load()
		if err != nil {
			return "", err
		}
		b.shared = conversation.NewCategories(nil, catalog)
	}
	return cmp.Or(b.shared.Guess(words, b.community.Locale), words), nil
}

// ownCategory takes "category NAME [= WORDS]": one of the community's own.
func (b *builder) ownCategory(ctx context.Context, text string) error {
	all, err := b.book.Categories(ctx)
	if err != nil {
		return err
	}
	name, words, _ := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	return b.book.SetCategories(ctx, append(all, ledger.Category{Key: strings.ToLower(name), Name: name, Words: strings.TrimSpace(words)}))
}

// payment takes "payment DAYS_AGO PAYER PAYEE AMOUNT what …".
func (b *builder) payment(ctx context.Context, words []string) error {
	if len(words) < 4 || b.members[words[1]] == 0 || b.members[words[2]] == 0 {
		return fmt.Errorf("given payment 3d PAYER PAYEE AMOUNT WHAT: 3d is how long ago")
	}
	ago, err := Duration(words[0])
	if err != nil {
		return err
	}
	amount, err := b.Amount(words[3])
	if err != nil {
		return err
	}
	then, err := ledger.Open(ctx, b.tx, b.Community, b.now.Add(-ago))
	if err != nil {
		return err
	}
	_, err = then.Pay(ctx, ledger.Transfer{
		ID: ledger.TransferID(ledger.NewID(b.now)), Payer: ledger.AccountID(b.members[words[1]]), Payee: ledger.AccountID(b.members[words[2]]),
		Amount: amount, Description: strings.Join(words[4:], " "), AskedBy: b.members[words[1]],
	})
	if err != nil {
		return err
	}
	// A book keeps what it has read: the first one does not know of this payment.
	b.book, err = ledger.Open(ctx, b.tx, b.Community, b.now)
	return err
}
