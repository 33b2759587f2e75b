package nudge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// A member is reminded of their balance at most once in remindsEvery, and not in
// the first time of that length; of the same kind of balance again only after
// sameEvery.
const (
	remindsEvery = 30 * 24 * time.Hour
	sameEvery    = 90 * 24 * time.Hour
)

// The kinds of balance.
const (
	low  = "low"
	high = "high"
)

const (
	membersAtOnce = 1000 // that are looked at in one transaction
	leastMembers  = 10   // that it takes to say what is a usual balance
)

// remarkable is a balance that its member may want to do something about.
type remarkable struct {
	id      ledger.MemberID
	place   string
	balance ledger.Amount
}

func (r *remarkable) kind() string {
	if r.balance < 0 {
		return low
	}
	return high
}

// balances reminds the next members, behind the cursor.
func balances(ctx context.Context, t *conversation.Turn, p *progress) error {
	var upTo ledger.MemberID
	if err := ledger.Get(ctx, t.Book.Tx(), []any{&upTo}, `SELECT COALESCE(MAX(id), 0) FROM
		(SELECT id FROM members WHERE community_id = $1 AND id > $2 ORDER BY id LIMIT $3) page`,
		t.Book.Community().ID, p.cursor, membersAtOnce); err != nil {
		return err
	}
	if upTo == 0 {
		p.cursor = -1
		return nil
	}
	page, err := remarkables(ctx, t, p.cursor, upTo)
	if err != nil {
		return fmt.Errorf("read balances: %w", err)
	}
	p.cursor = upTo
	if len(page) == 0 {
		return nil
	}
	ads, err := t.Book.AdsBetween(ctx, p.newest-adsLooked, p.newest)
	if err != nil {
		return err
	}
	for _, r := range page {
		some, err := forBalance(ctx, t, r, ads)
		if err != nil {
			return err
		}
		if _, err := t.TellText(ctx, r.id, func(p *locales.Printer) string { return balanceText(p, r, some) }); err != nil {
			return err
		}
		if err := t.Book.Tx().Later(ctx, `INSERT INTO nudged (community_id, member_id, balance_at, balance_was) VALUES ($1, $2, $3, $4)
			ON CONFLICT (community_id, member_id) DO UPDATE SET balance_at = excluded.balance_at, balance_was = excluded.balance_was`,
			t.Book.Community().ID, r.id, ledger.Micros(t.Now()), r.kind()); err != nil {
			return fmt.Errorf("keep who was reminded: %w", err)
		}
	}
	return nil
}

// remarkables are the balances of members behind one and up to another who are
// to be reminded. Near a limit is what has less than a tenth of the way left.
// Where there is none above, as much as one may owe is much; where there is none
// at all, twice the usual distance from the mean.
func remarkables(ctx context.Context, t *conversation.Turn, behind, upTo ledger.MemberID) ([]remarkable, error) {
	least, most, err := unusual(ctx, t.Book)
	if err != nil {
		return nil, err
	}
	now := t.Now()
	return ledger.All(ctx, t.Book.Tx(), func(rows ledger.Rows) (r remarkable, err error) {
		return r, rows.Scan(&r.id, &r.place, &r.balance)
	}, `SELECT m.id, m.place, a.balance FROM members m
		JOIN accounts a ON a.community_id = m.community_id AND a.id = m.id
		LEFT JOIN nudged n ON n.community_id = m.community_id AND n.member_id = m.id
		WHERE m.community_id = $1 AND m.status = 'active' AND m.id > $2 AND m.id <= $3 AND m.created_at <= $4
			AND (a.balance < 0 AND (a.lower < 0 AND a.balance <= a.lower - a.lower / 10 OR a.lower IS NULL AND a.balance <= $6)
				OR a.balance > 0 AND (a.upper > 0 AND a.balance >= a.upper - a.upper / 10 OR a.upper IS NULL AND a.lower < 0 AND a.balance >= -a.lower
					OR a.upper IS NULL AND COALESCE(a.lower, 0) >= 0 AND a.balance >= $7))
			AND COALESCE(n.quiet, 0) = 0 AND COALESCE(n.balance_at, 0) <= $4
			AND (COALESCE(n.balance_at, 0) <= $5 OR n.balance_was <> CASE WHEN a.balance < 0 THEN 'low' ELSE 'high' END)
			AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.community_id = m.community_id AND i.member_id = m.id AND i.used_at > $4)
			AND EXISTS (SELECT 1 FROM addresses d WHERE d.community_id = m.community_id AND d.member_id = m.id AND d.status = 'active')
		ORDER BY m.id`, t.Book.Community().ID, behind, upTo, ledger.Micros(now.Add(-remindsEvery)), ledger.Micros(now.Add(-sameEvery)), least, most)
}

// unusual are the balances below and above which few members of a community are:
// two standard deviations from the mean. Where it is too small to say, nobody is.
func unusual(ctx context.Context, book *ledger.Book) (least, most ledger.Amount, err error) {
	var n int64
	var mean, square float64
	if err := ledger.Get(ctx, book.Tx(), []any{&n, &mean, &square}, `SELECT COUNT(*), COALESCE(AVG(CAST(a.balance AS DOUBLE PRECISION)), 0),
		COALESCE(AVG(CAST(a.balance AS DOUBLE PRECISION) * a.balance), 0) FROM accounts a
		JOIN members m ON m.community_id = a.community_id AND m.id = a.id
		WHERE a.community_id = $1 AND m.status = 'active' AND a.balance <> 0`, book.Community().ID); err != nil {
		return 0, 0, err
	}
	if n < leastMembers {
		return math.MinInt64, math.MaxInt64, nil
	}
	twice := 2 * math.Sqrt(max(0, square-mean*mean))
	return ledger.Amount(mean - twice), ledger.Amount(mean + twice), nil
}

const (
	adsLooked = 300 // the newest
	adsShown  = 3
)

// forBalance are the ads, of some, that somebody could do something with: offers
// that they can pay, or wants that bring something. Those nearby come first,
// then the newest.
func forBalance(ctx context.Context, t *conversation.Turn, r remarkable, ads []ledger.NewAd) ([]ledger.NewAd, error) {
	kind := ledger.Offer
	if r.kind() == low {
		kind = ledger.Want
	}
	var some []ledger.NewAd
	for _, ad := range ads {
		if ad.Kind == kind && ad.Member != r.id && (kind == ledger.Want || ad.Price == nil || *ad.Price <= r.balance) {
			some = append(some, ad)
		}
	}
	slices.SortStableFunc(some, func(a, b ledger.NewAd) int {
		near := func(ad ledger.NewAd) int {
			if r.place != "" && ad.Town == r.place {
				return 0
			}
			return 1
		}
		if c := near(a) - near(b); c != 0 {
			return c
		}
		return int(b.Number - a.Number)
	})
	var free []ledger.NewAd
	for _, ad := range some {
		if len(free) == adsShown {
			break
		}
		takers, err := t.Memory.Takers(ctx, t.Book.Community().ID, ad.Number)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(takers, r.id) {
			free = append(free, ad)
		}
	}
	return free, nil
}

const (
	oneText   = 160 // characters
	shortText = 24
)

// balanceText says what somebody could do about their balance, with as many ads
// as fit one text message.
func balanceText(p *locales.Printer, r remarkable, ads []ledger.NewAd) string {
	args := locales.Args{"balance": locales.Sum(r.balance)}
	for n := len(ads); n > 0; n-- {
		var list []string
		for _, ad := range ads[:n] {
			list = append(list, strconv.FormatInt(ad.Number, 10)+" "+conversation.Cut(ad.Text, shortText))
		}
		args["list"] = strings.Join(list, "; ")
		if text := p.Text("nudge."+r.kind(), args); n == 1 || utf8.RuneCountInString(text) <= oneText {
			return text
		}
	}
	return p.Text("nudge."+r.kind()+"_bare", args)
}
