package digest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// Tick brings a community's cries on by one step: it plans what is due, shows
// it to the coordinators, and tells the next members of what is going out. It
// is a conversation.Chore.
func (d *Digests) Tick(ctx context.Context, t *conversation.Turn) (all bool, err error) {
	s, err := SettingsOf(ctx, t.Book)
	if err != nil {
		return false, err
	}
	if err := d.plan(ctx, t, &s); err != nil {
		return false, err
	}
	cries, err := open(ctx, t.Book)
	if err != nil {
		return false, err
	}
	for i := range cries {
		if c := &cries[i]; c.State == going || !c.Due.After(t.Now()) {
			return false, d.step(ctx, t, &s, c)
		}
	}
	if err := d.preview(ctx, t, s, cries); err != nil {
		return false, err
	}
	return true, d.follow(ctx, t)
}

const (
	looksBack  = 40 * 24 * time.Hour // for a digest that was missed
	checkEvery = time.Hour           // it is written down that nothing was due
)

// plan writes down what is due. What was missed, however often, is one digest: of
// the community's own, and of those that are just a day's.
func (d *Digests) plan(ctx context.Context, t *conversation.Turn, s *Settings) error {
	if s.Schedule == "" {
		return nil
	}
	schedule, err := ParseSchedule(s.Schedule)
	if err != nil {
		return err
	}
	daily, err := wantDaily(ctx, t.Book)
	if err != nil {
		return err
	}
	now, zone := t.Now(), t.Zone()
	next := func(after time.Time) (at time.Time, issue bool) {
		at = schedule.Next(after, zone)
		if daily {
			if day := schedule.Daily().Next(after, zone); !day.IsZero() && (at.IsZero() || day.Before(at)) {
				return day, false
			}
		}
		return at, true
	}
	var missed time.Time         // the last that was
	last := map[bool]time.Time{} // by whether it was one of the community's own
	from := s.checked
	if oldest := now.Add(-looksBack); from.Before(oldest) {
		from = oldest
	}
	at, issue := next(from)
	for ; !at.IsZero() && !at.After(now); at, issue = next(at) {
		missed, last[issue] = at, at
	}
	for issue, due := range last {
		if err := d.catchUp(ctx, t, Cry{Kind: kindDigest, Due: due, Issue: issue}); err != nil {
			return err
		}
	}
	if !at.IsZero() && !at.Add(-s.Notice).After(now) {
		if _, err := plan(ctx, t.Book, Cry{Kind: kindDigest, Due: at, Issue: issue}); err != nil {
			return err
		}
	}
	if !s.fresh && missed.IsZero() && now.Sub(s.checked) < checkEvery {
		return nil
	}
	s.checked = now
	return s.save(ctx, t.Book)
}

// catchUp plans a digest that is due. One of its sort that was planned before, and
// should have gone out since, is the same.
func (d *Digests) catchUp(ctx context.Context, t *conversation.Turn, missed Cry) error {
	cries, err := open(ctx, t.Book)
	if err != nil {
		return err
	}
	for i := range cries {
		c := &cries[i]
		if c.Kind != kindDigest || c.Issue != missed.Issue || c.State != planned || !c.Due.Before(missed.Due) {
			continue
		}
		missed.Words = strings.TrimSpace(missed.Words + "\n" + c.Words)
		missed.By = cmp.Or(c.By, missed.By)
		c.State, c.Ended = skipped, t.Now()
		if err := c.save(ctx, t.Book); err != nil {
			return err
		}
		t.Log().Warn("a digest was missed: its place is taken by the next", "due", c.Due)
	}
	_, err = plan(ctx, t.Book, missed)
	return err
}

// run is a cry that is going out, as this process knows it.
type run struct {
	cry    int64
	began  int64          // as the cry has it, in microseconds: where the beginning was rolled back, it begins anew
	ads    []ledger.NewAd // all that could be new to anybody, by number
	above  int64          // ads are those above it
	sheets map[variant]*written
	thumbs map[int64]conversation.Photo // of ads, by number; nil: not read yet
	life   *life
	under  *conversation.Categories // read with life
	owners map[ledger.MemberID]bool // who has an ad of the audience up; nil: not known yet
	tastes tastes

	told, had [][]any // rows that are not written yet
}

func newRun(cry int64) *run {
	return &run{cry: cry, above: -1, sheets: map[variant]*written{}}
}

// runOf is the run of a cry, begun or taken up again.
func (d *Digests) runOf(community ledger.CommunityID, c *Cry) *run {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.runs[community]
	if r == nil || r.cry != c.ID || r.began != ledger.Micros(c.Began) {
		r = newRun(c.ID)
		r.began = ledger.Micros(c.Began)
		d.runs[community] = r
	}
	return r
}

func (d *Digests) forget(community ledger.CommunityID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.runs, community)
}

// tell notes that a member was told; message is 0 where they could not be.
func (r *run) tell(book *ledger.Book, e *edition, message int64) {
	r.told = append(r.told, []any{r.cry, book.Community().ID, e.id, message, e.since, e.at.String()})
}

// show notes what a member's digest had. One that only those get who want it
// daily is not the digest of their week or month.
func (r *run) show(book *ledger.Book, c *Cry, e *edition) {
	due := int64(0)
	if c.Issue {
		due = ledger.Micros(c.Due)
	}
	r.had = append(r.had, []any{book.Community().ID, e.id, "", c.To, due})
}

// write writes down what was noted.
func (r *run) write(ctx context.Context, book *ledger.Book) error {
	told, had := r.told, r.had
	r.told, r.had = nil, nil
	if err := ledger.LaterRows(ctx, book.Tx(), `INSERT INTO cried (cry_id, community_id, member_id, message_id, seen, tried)`, told,
		`ON CONFLICT (cry_id, member_id) DO UPDATE SET message_id = excluded.message_id, tried = cried.tried || ' ' || excluded.tried`); err != nil {
		return fmt.Errorf("keep who was told: %w", err)
	}
	if err := ledger.LaterRows(ctx, book.Tx(), `INSERT INTO subscriptions (community_id, member_id, every, seen, due_at)`, had,
		`ON CONFLICT (community_id, member_id) DO UPDATE SET
			seen = CASE WHEN excluded.seen > subscriptions.seen THEN excluded.seen ELSE subscriptions.seen END,
			due_at = CASE WHEN excluded.due_at > subscriptions.due_at THEN excluded.due_at ELSE subscriptions.due_at END`); err != nil {
		return fmt.Errorf("keep what was new to whom: %w", err)
	}
	return nil
}

// toldAt reports whether somebody was told at an address.
func (r *run) toldAt(ctx context.Context, book *ledger.Book, a address) (bool, error) {
	if err := r.write(ctx, book); err != nil {
		return false, err
	}
	var n int64
	err := ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM cried w
		JOIN addresses a ON a.community_id = w.community_id AND a.member_id = w.member_id AND a.channel = $3 AND a.address = $4
		WHERE w.community_id = $1 AND w.cry_id = $2 AND w.message_id <> 0 AND (w.tried = $5 OR w.tried LIKE '% ' || $5)`,
		book.Community().ID, r.cry, a.channel, a.address, a.String())
	return n > 0, err
}

// newAds are the ads of a run that are new to somebody who has seen those up to
// a number.
func (r *run) newAds(ctx context.Context, book *ledger.Book, c *Cry, seen int64) ([]ledger.NewAd, error) {
	if r.above < 0 || seen < r.above {
		var err error
		if r.ads, err = adsBetween(ctx, book, seen, c.To); err != nil {
			return nil, err
		}
		r.above, r.thumbs = seen, nil
	}
	i, _ := slices.BinarySearchFunc(r.ads, seen+1, func(a ledger.NewAd, n int64) int { return int(a.Number - n) })
	return r.ads[i:], nil
}

// step tells the next members, and ends the cry where there are no more.
func (d *Digests) step(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry) error {
	if c.State == planned {
		if err := d.begin(ctx, t, s, c); err != nil {
			return err
		}
	}
	r := d.runOf(t.Book.Community().ID, c)
	r.told, r.had = nil, nil // of a transaction that was rolled back
	reached := c.Reach
	page, err := readers(ctx, t.Book, c.Cursor)
	if err != nil {
		return err
	}
	for _, one := range page {
		c.Cursor = one.id
		var told bool
		if c.Kind == kindBroadcast {
			told, err = d.broadcastTo(ctx, t, c, r, one)
		} else {
			told, err = d.digestTo(ctx, t, s, c, r, one)
		}
		if err != nil {
			return fmt.Errorf("%s for member %d: %w", c.Kind, one.id, err)
		}
		if told {
			c.Reach++
		}
	}
	if err := r.write(ctx, t.Book); err != nil {
		return err
	}
	if len(page) == 0 {
		return d.end(ctx, t, s, c, r)
	}
	if c.Kind == kindBroadcast && c.Reach/progressEvery > reached/progressEvery {
		if _, err := t.Tell(ctx, c.By, 0, "broadcast.progress", locales.Args{"n": int(c.Reach)}); err != nil {
			return err
		}
	}
	return c.save(ctx, t.Book)
}

// progressEvery is after how many members whoever broadcasts hears how far it is.
const progressEvery = 1000

func (d *Digests) begin(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry) (err error) {
	c.State, c.Began = going, t.Now()
	if c.Kind != kindDigest {
		return nil
	}
	c.From = s.seen
	c.To, err = newest(ctx, t.Book)
	if err != nil {
		return err
	}
	ads, err := t.Book.AdsBetween(ctx, c.From, c.To)
	c.NewAds = int64(len(ads))
	return err
}

// end closes a cry that everybody was told of.
func (d *Digests) end(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry, r *run) error {
	c.State, c.Ended = done, t.Now()
	if c.Kind == kindDigest && c.Issue {
		if c.NewAds >= int64(s.Least) || c.Words != "" {
			if err := d.post(ctx, t, s, c, r); err != nil {
				return err
			}
			s.seen = c.To
			if err := s.save(ctx, t.Book); err != nil {
				return err
			}
		}
		if err := d.alarm(ctx, t, s, c); err != nil {
			return err
		}
	}
	if c.Kind == kindBroadcast {
		if err := d.tellDone(ctx, t, c); err != nil {
			return err
		}
	}
	d.forget(t.Book.Community().ID)
	log := t.Log().With("kind", c.Kind, "due", c.Due, "members", c.Reach, "new_ads", c.NewAds, "took", c.Ended.Sub(c.Began))
	if c.Reach == 0 {
		log.Info("nothing was cried: there was nothing new, or nobody to tell")
	} else {
		log.Info("cried")
	}
	return c.save(ctx, t.Book)
}

// digestTo tells one member what is new to them. It reports whether they were, or
// read it where another was told.
func (d *Digests) digestTo(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry, r *run, one *reader) (bool, error) {
	e, err := d.editionOf(ctx, t, s, c, r, one)
	if err != nil || e == nil {
		return false, err
	}
	if len(one.at) == 0 {
		r.tell(t.Book, e, 0)
		return false, nil
	}
	if e.at.shared { // whoever reads there too may have it already
		if already, err := r.toldAt(ctx, t.Book, e.at); err != nil || already {
			return already, err
		}
	}
	out, err := d.issue(ctx, t, c, r, e)
	if err != nil {
		return false, err
	}
	r.tell(t.Book, e, t.Post(out))
	r.show(t.Book, c, e)
	return true, moreLater(ctx, t, e)
}

// editionOf is what a member is to be told, nil for nothing.
func (d *Digests) editionOf(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry, r *run, one *reader) (*edition, error) {
	if one.no || !due(one.every, one.last, c.Due, c.Issue, t.Zone()) {
		return nil, nil
	}
	e := &edition{reader: one, since: one.seen}
	if e.since < 0 {
		e.since = c.From
	}
	var err error
	if e.ads, err = r.newAds(ctx, t.Book, c, e.since); err != nil || c.Words == "" && (len(e.ads) < s.Least || !e.isNews()) {
		return nil, err
	}
	person := t.Names.Person(one.id)
	if person == nil {
		return nil, fmt.Errorf("member %d is not in the directory", one.id)
	}
	e.locale = person.Locale
	if len(one.at) > 0 {
		e.at = one.at[0]
	}
	return e, nil
}

// posts reports whether a digest that has begun goes to the community's group.
func (s *Settings) posts(c *Cry) bool {
	return s.Place != "" && c.Issue && (c.NewAds >= int64(max(s.Least, 1)) || c.Words != "")
}

// post puts the digest where the community has it, beside those of its members.
func (d *Digests) post(ctx context.Context, t *conversation.Turn, s *Settings, c *Cry, r *run) error {
	channel, address1, ok := strings.Cut(s.Place, ":")
	if !ok {
		return nil
	}
	e := &edition{reader: &reader{}, locale: t.Book.Community().Locale, at: address{channel: channel, address: address1}, since: c.From, post: true}
	var err error
	if e.ads, err = r.newAds(ctx, t.Book, c, c.From); err != nil || len(e.ads) == 0 && c.Words == "" {
		return err
	}
	out, err := d.issue(ctx, t, c, r, e)
	if err == nil {
		c.Place, c.PostID = s.Place, t.Post(out)
	}
	return err
}
