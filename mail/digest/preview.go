package digest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/locales"
)

// reach is whom something would reach.
type reach struct {
	members  int
	none     int            // who have no address that is open
	channels map[string]int // how many on each
	micros   int64          // what it costs
	currency string
	left     *conversation.Cost // of the community's budget; nil: it has none
	shared   map[address]bool   // that are told once for all who read there
}

func (r *reach) add(out conversation.Outbound, at address, cost conversation.Cost) {
	if r.channels == nil {
		r.channels, r.shared = map[string]int{}, map[address]bool{}
	}
	r.members++
	r.channels[out.Channel]++
	if r.shared[at] {
		return
	}
	r.shared[at] = at.shared
	r.micros += cost.Micros
	r.currency = cmp.Or(r.currency, cost.Currency)
}

// text is ", 12 of them by text for 0.84 EUR", and how much less there is in the
// budget; or nothing where it costs nothing.
func (r *reach) text(p *locales.Printer) string {
	if r.micros == 0 {
		return ""
	}
	key, args := "digest.cost", locales.Args{"n": r.channels["sms"], "cost": locales.Money{Micros: r.micros, Currency: r.currency}}
	if r.left != nil && r.left.Currency == r.currency && r.left.Micros < r.micros {
		key, args["left"] = "digest.cost_over", locales.Money{Micros: r.left.Micros, Currency: r.currency}
	}
	return p.Text(key, args)
}

// weigh finds out what there is in the budget for those that are reached.
func (r *reach) weigh(ctx context.Context, t *conversation.Turn) error {
	left, limited, err := state.Unspent(ctx, t.Book, t.Zone())
	if limited {
		r.left = &left
	}
	return err
}

// everyReader calls fn for each active member.
func everyReader(ctx context.Context, book *ledger.Book, fn func(*reader) error) error {
	var behind ledger.MemberID
	for {
		page, err := readers(ctx, book, behind)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, one := range page {
			behind = one.id
			if err := fn(one); err != nil {
				return err
			}
		}
	}
}

// reachOf is whom a digest would reach as it is now.
func (d *Digests) reachOf(ctx context.Context, t *conversation.Turn, s *Settings, c Cry) (reach, error) {
	var r reach
	if err := d.begin(ctx, t, s, &c); err != nil {
		return r, err
	}
	dry := newRun(c.ID)
	if err := everyReader(ctx, t.Book, func(one *reader) error {
		e, err := d.editionOf(ctx, t, s, &c, dry, one)
		if err != nil || e == nil {
			return err
		}
		if len(one.at) == 0 {
			r.none++
			return nil
		}
		out, err := d.issue(ctx, t, &c, dry, e)
		if err == nil {
			r.add(out, e.at, t.Cost(out))
		}
		return err
	}); err != nil {
		return r, err
	}
	return r, r.weigh(ctx, t)
}

// preview shows the coordinators what is about to go out, once there is
// something.
func (d *Digests) preview(ctx context.Context, t *conversation.Turn, s Settings, cries []Cry) error {
	for i := range cries {
		c := &cries[i]
		if c.Kind != kindDigest || !c.Issue || c.State != planned || !c.Previewed.IsZero() || !c.Due.After(t.Now()) || c.Due.Add(-s.Notice).After(t.Now()) {
			continue
		}
		offers, wants, err := counts(ctx, t.Book, s.seen)
		if err != nil || offers+wants < max(s.Least, 1) {
			return err
		}
		r, err := d.reachOf(ctx, t, &s, *c)
		if err != nil {
			return err
		}
		c.Previewed = t.Now()
		if err := c.save(ctx, t.Book); err != nil {
			return err
		}
		return tellCoordinators(ctx, t, func(p *locales.Printer) string { return previewText(t, p, c, r, offers, wants) })
	}
	return nil
}

func previewText(t *conversation.Turn, p *locales.Printer, c *Cry, r reach, offers, wants int) string {
	return p.Text("digest.preview", locales.Args{
		"when": when(t, p, c.Due), "n": r.members, "cost": r.text(p),
		"offers": p.Text("digest.offers", locales.Args{"n": offers}), "wants": p.Text("digest.wants", locales.Args{"n": wants}),
	})
}

// when is a moment as a day and a time: "8 May at 08:00".
func when(t *conversation.Turn, p *locales.Printer, at time.Time) string {
	at = at.In(t.Zone())
	return p.Text("when.moment", locales.Args{"day": locales.Day(at), "clock": locales.Clock(at)})
}

// counts are the offers and wants that are new since an ad.
func counts(ctx context.Context, book *ledger.Book, seen int64) (offers, wants int, err error) {
	to, err := newest(ctx, book)
	if err != nil || to <= seen {
		return 0, 0, err
	}
	ads, err := book.AdsBetween(ctx, seen, to)
	for _, ad := range ads {
		if ad.Kind == ledger.Want {
			wants++
		} else {
			offers++
		}
	}
	return offers, wants, err
}

// tellCoordinators says something to each of them.
func tellCoordinators(ctx context.Context, t *conversation.Turn, text func(*locales.Printer) string) error {
	for _, one := range t.Names.Coordinators() {
		if _, err := t.TellText(ctx, one.ID, text); err != nil {
			return err
		}
	}
	return nil
}

// lateness is how late a digest is to go out before the coordinators hear of it.
const lateness = 2 * time.Hour

// alarm tells the coordinators where a digest could reach nobody, or came late.
func (d *Digests) alarm(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry) error {
	var cut int64 // off, who were due one
	if err := ledger.Get(ctx, t.Book.Tx(), []any{&cut}, `SELECT COUNT(*) FROM cried WHERE community_id = $1 AND cry_id = $2 AND message_id = 0`,
		t.Book.Community().ID, c.ID); err != nil {
		return err
	}
	if c.NewAds >= int64(max(s.Least, 1)) && c.Reach == 0 && cut > 0 { // else it waits for more, or nobody wanted it now
		t.Log().Error("a digest went to nobody", "due", c.Due, "new_ads", c.NewAds)
		return tellCoordinators(ctx, t, func(p *locales.Printer) string {
			return p.Text("digest.nobody", locales.Args{"n": int(c.NewAds)})
		})
	}
	if c.Reach > 0 && c.Began.Sub(c.Due) > lateness {
		return tellCoordinators(ctx, t, func(p *locales.Printer) string {
			return p.Text("digest.late", locales.Args{"due": when(t, p, c.Due), "began": when(t, p, c.Began)})
		})
	}
	return nil
}

// How long after it went out it is looked at what has become of a cry: channels
// try for two days.
const (
	reportAfter = 50 * time.Hour
	followsFor  = 7 * 24 * time.Hour
)

// missed is a member who did not get something.
type missed struct {
	cry    int64
	id     ledger.MemberID
	seen   int64
	tried  string
	reason string // "": they had no address
	closed bool   // they want nothing at an address of theirs
}

// follow looks at what has become of what went out: another address of a member
// is used where one failed, and the coordinators hear who did not get it.
func (d *Digests) follow(ctx context.Context, t *conversation.Turn) error {
	cries, err := ledger.All(ctx, t.Book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries
		WHERE community_id = $1 AND state = 'done' AND reported_at IS NULL ORDER BY ended_at`, t.Book.Community().ID)
	if err != nil {
		return err
	}
	for i := range cries {
		c := &cries[i]
		failed, err := missedBy(ctx, t.Book, c.ID)
		if err != nil {
			return err
		}
		again, err := d.again(ctx, t, c, failed)
		if err != nil {
			return err
		}
		if again == 0 && !c.Ended.Add(reportAfter).After(t.Now()) {
			if err := d.report(ctx, t, c, failed); err != nil {
				return err
			}
		}
	}
	return nil
}

// closedAddresses counts the addresses of the member of a row of cried, w, at which
// they want nothing.
const closedAddresses = `(SELECT COUNT(*) FROM addresses a
				LEFT JOIN unsubscribed u ON u.community_id = a.community_id AND u.channel = a.channel AND u.address = a.address
				WHERE a.community_id = w.community_id AND a.member_id = w.member_id AND (a.status = 'stopped' OR u.address IS NOT NULL))`

// missedBy are the members who did not get a cry, and did not say that they want none.
func missedBy(ctx context.Context, book *ledger.Book, cry int64) ([]missed, error) {
	return ledger.All(ctx, book.Tx(), func(rows ledger.Rows) (m missed, err error) {
		var closed int64
		err = rows.Scan(&m.cry, &m.id, &m.seen, &m.tried, &m.reason, &closed)
		m.closed = closed > 0
		return m, err
	}, `SELECT w.cry_id, w.member_id, w.seen, w.tried, COALESCE(o.error, ''), `+closedAddresses+`
		FROM cried w
		LEFT JOIN outbox o ON o.community_id = w.community_id AND o.id = w.message_id
		WHERE w.community_id = $1 AND w.cry_id = $2 AND (w.message_id = 0 OR o.state = 'failed' AND o.error <> $3)
			AND NOT EXISTS (SELECT 1 FROM cries c JOIN subscriptions s ON s.community_id = c.community_id AND s.member_id = w.member_id AND s.every = $4
				WHERE c.community_id = w.community_id AND c.id = w.cry_id AND c.kind = $5)
		ORDER BY w.member_id`, book.Community().ID, cry, state.TakenBack, Never, kindDigest)
}

// again sends a cry to another address of those whom it did not reach. It
// returns how many there were. To whoever has none what was in a digest stays new.
func (d *Digests) again(ctx context.Context, t *conversation.Turn, c *Cry, failed []missed) (n int, err error) {
	if len(failed) == 0 || t.Now().Sub(c.Ended) > followsFor {
		return 0, nil
	}
	r := newRun(c.ID)
	var page []*reader
	for _, m := range failed { // by id
		if len(page) == 0 || m.id > page[len(page)-1].id {
			if page, err = readers(ctx, t.Book, m.id-1); err != nil {
				return n, err
			}
		}
		i := slices.IndexFunc(page, func(one *reader) bool { return one.id == m.id })
		person := t.Names.Person(m.id)
		if i < 0 || person == nil {
			continue
		}
		tried := strings.Fields(m.tried)
		j := slices.IndexFunc(page[i].at, func(a address) bool { return !slices.Contains(tried, a.String()) })
		if j < 0 {
			if err := stillNew(ctx, t.Book, c, m); err != nil {
				return n, err
			}
			continue
		}
		e := &edition{reader: page[i], locale: person.Locale, at: page[i].at[j], since: m.seen}
		if err := d.sendAgain(ctx, t, c, r, e); err != nil {
			return n, err
		}
		n++
	}
	return n, r.write(ctx, t.Book)
}

func (d *Digests) sendAgain(ctx context.Context, t *conversation.Turn, c *Cry, r *run, e *edition) error {
	var out conversation.Outbound
	if c.Kind == kindBroadcast {
		out = broadcast(t, c, e)
	} else {
		var err error
		if e.ads, err = r.newAds(ctx, t.Book, c, e.since); err != nil || len(e.ads) == 0 && c.Words == "" {
			return err
		}
		if out, err = d.issue(ctx, t, c, r, e); err != nil {
			return err
		}
	}
	r.tell(t.Book, e, t.Post(out))
	if c.Kind == kindBroadcast {
		return nil
	}
	r.show(t.Book, c, e)
	return moreLater(ctx, t, e)
}

// tellDone tells whoever has broadcast something how far it went.
func (d *Digests) tellDone(ctx context.Context, t *conversation.Turn, c *Cry) error {
	unreached, err := missedBy(ctx, t.Book, c.ID)
	if err != nil {
		return err
	}
	_, err = t.TellText(ctx, c.By, func(p *locales.Printer) string {
		text := p.Text("broadcast.done", locales.Args{"n": int(c.Reach)})
		if len(unreached) > 0 {
			text += " " + p.Text("broadcast.unreached", locales.Args{"n": len(unreached), "names": namesOf(t, unreached)})
		}
		return text
	})
	return err
}

// namesMost is how many of those who were missed are called by name.
const namesMost = 8

func namesOf(t *conversation.Turn, those []missed) string {
	var names []string
	for _, m := range those[:min(namesMost, len(those))] {
		names = append(names, t.NameOf(ledger.AccountID(m.id)))
	}
	if len(those) > namesMost {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// report tells the coordinators who did not get something, once. Whoever wants
// nothing is not to be asked for another address.
func (d *Digests) report(ctx context.Context, t *conversation.Turn, c *Cry, failed []missed) error {
	if _, err := t.Book.Tx().Exec(ctx, `UPDATE cries SET reported_at = $3 WHERE community_id = $1 AND id = $2`,
		t.Book.Community().ID, c.ID, ledger.Micros(t.Now())); err != nil {
		return err
	}
	day := locales.Day(c.Began.In(t.Zone()))
	if err := d.followPost(ctx, t, c, day); err != nil {
		return err
	}
	failed = slices.DeleteFunc(failed, func(m missed) bool { return m.closed && m.tried == "" })
	if c.Reach == 0 {
		return nil
	}
	all := len(failed)
	failed = slices.DeleteFunc(failed, func(m missed) bool { return m.reason == state.Unpaid })
	if unpaid := all - len(failed); unpaid > 0 {
		if err := tellCoordinators(ctx, t, func(p *locales.Printer) string {
			return p.Text(c.Kind+".missed_budget", locales.Args{"n": unpaid, "day": day})
		}); err != nil {
			return err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	names := namesOf(t, failed)
	return tellCoordinators(ctx, t, func(p *locales.Printer) string {
		return p.Text(c.Kind+".missed", locales.Args{"n": len(failed), "names": names, "day": day})
	})
}

// followPost looks at what has become of a digest in the community's group. A
// group that has grown has another address since.
func (d *Digests) followPost(ctx context.Context, t *conversation.Turn, c *Cry, day locales.Day) error {
	post, err := postOf(ctx, t.Book, c)
	if err != nil || post == nil {
		return err
	}
	if post.Failed {
		t.Log().Error("a digest did not get into the community's group", "due", c.Due, "place", post.Place, "err", post.Why)
		return tellCoordinators(ctx, t, func(p *locales.Printer) string { return p.Text("digest.missed_post", locales.Args{"day": day}) })
	}
	s, err := SettingsOf(ctx, t.Book)
	if err != nil || post.Place == c.Place || s.Place != c.Place {
		return err
	}
	s.Place = post.Place
	return s.Save(ctx, t.Book)
}
