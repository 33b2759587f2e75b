package digest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
)

// Settings are how a community has its digest.
type Settings struct {
	Schedule string        // a cron expression in the community's time zone; "": there is none
	Notice   time.Duration // so long before, the coordinators see it
	Least    int           // new ads that it takes
	Place    string        // where else it is posted, "telegram:-100123"; "": nowhere
	checked  time.Time
	seen     int64
	fresh    bool // not written down yet
}

const (
	defaultNotice = 20 * time.Hour
	firstLooks    = 31 * 24 * time.Hour // back, for the first digest
)

// SettingsOf reads how a community has its digest.
func SettingsOf(ctx context.Context, book *ledger.Book) (Settings, error) {
	var s Settings
	var notice, checked int64
	tx, c, now := book.Tx(), book.Community().ID, book.Now()
	err := ledger.Get(ctx, tx, []any{&s.Schedule, &notice, &s.Least, &s.Place, &checked, &s.seen},
		`SELECT schedule, notice, least, place, checked_at, seen FROM digests WHERE community_id = $1`, c)
	s.Notice, s.checked = time.Duration(notice)*time.Minute, ledger.Time(checked)
	if !ledger.IsNotFound(err) {
		return s, err
	}
	s = Settings{Schedule: Weekly, Notice: defaultNotice, Least: 1, checked: now, fresh: true}
	if err := ledger.Get(ctx, tx, []any{&s.seen}, `SELECT COALESCE(MAX(number), 0) FROM ads WHERE community_id = $1 AND created_at < $2`,
		c, ledger.Micros(now.Add(-firstLooks))); err != nil {
		return s, err
	}
	return s, nil
}

// Save keeps how a community has its digest. With another schedule, what was
// planned or due by the one before counts no more; the words that a coordinator
// has put into it go into the next.
func (s Settings) Save(ctx context.Context, book *ledger.Book) error {
	before, err := SettingsOf(ctx, book)
	if err != nil {
		return err
	}
	if s.Schedule == before.Schedule {
		return s.save(ctx, book)
	}
	cries, err := open(ctx, book)
	if err != nil {
		return err
	}
	var words []string
	var by ledger.MemberID
	for _, c := range cries {
		if c.Kind == kindDigest && c.State == planned && c.Words != "" {
			words, by = append(words, c.Words), c.By
		}
	}
	// One that is taken back must not stand in the way of the same by the new schedule.
	if _, err := book.Tx().Exec(ctx, `DELETE FROM cries WHERE community_id = $1 AND kind = 'digest' AND state = 'planned'`, book.Community().ID); err != nil {
		return fmt.Errorf("take back what was planned: %w", err)
	}
	s.checked = book.Now()
	if err := s.save(ctx, book); err != nil || len(words) == 0 {
		return err
	}
	zone, err := time.LoadLocation(book.Community().Timezone)
	if err != nil {
		return err
	}
	next, err := s.Next(ctx, book, zone, 1)
	if err != nil || len(next) == 0 {
		return err
	}
	_, err = plan(ctx, book, Cry{Kind: kindDigest, Due: next[0], Issue: true, Words: strings.Join(words, "\n"), By: by})
	return err
}

// Next returns the next n times at which the digest goes out. Those that are
// skipped, or were sent before their time, are not among them.
func (s Settings) Next(ctx context.Context, book *ledger.Book, zone *time.Location, n int) (next []time.Time, err error) {
	if s.Schedule == "" {
		return nil, nil
	}
	schedule, err := ParseSchedule(s.Schedule)
	if err != nil {
		return nil, err
	}
	over, err := ledger.All(ctx, book.Tx(), func(rows ledger.Rows) (due int64, err error) { return due, rows.Scan(&due) },
		`SELECT due_at FROM cries WHERE community_id = $1 AND kind = 'digest' AND due_at > $2 AND state <> 'planned'`,
		book.Community().ID, ledger.Micros(book.Now()))
	if err != nil {
		return nil, err
	}
	for at := schedule.Next(book.Now(), zone); len(next) < n && !at.IsZero(); at = schedule.Next(at, zone) {
		if !slices.Contains(over, ledger.Micros(at)) {
			next = append(next, at)
		}
	}
	return next, nil
}

// unskip forgets what was to be left out.
func unskip(ctx context.Context, book *ledger.Book) error {
	_, err := book.Tx().Exec(ctx, `DELETE FROM cries WHERE community_id = $1 AND kind = 'digest' AND state = 'skipped' AND due_at > $2`,
		book.Community().ID, ledger.Micros(book.Now()))
	return err
}

func (s Settings) save(ctx context.Context, book *ledger.Book) error {
	_, err := book.Tx().Exec(ctx, `INSERT INTO digests (community_id, schedule, notice, least, place, checked_at, seen) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (community_id) DO UPDATE SET schedule = excluded.schedule, notice = excluded.notice, least = excluded.least, place = excluded.place,
			checked_at = excluded.checked_at, seen = excluded.seen`,
		book.Community().ID, s.Schedule, int64(s.Notice/time.Minute), s.Least, s.Place, ledger.Micros(s.checked), s.seen)
	if err != nil {
		return fmt.Errorf("keep when the digest goes out: %w", err)
	}
	return nil
}

// The kinds and states of a cry.
const (
	kindDigest    = "digest"
	kindBroadcast = "broadcast"

	planned = "planned"
	going   = "going"
	done    = "done"
	skipped = "skipped"
)

// Cry is one thing that goes to everybody: a digest, or a broadcast.
type Cry struct {
	ID        int64
	Kind      string
	State     string
	Due       time.Time
	Issue     bool            // else it is only for those who want it daily
	Words     string          // of the coordinator
	Audience  string          // who gets a broadcast
	By        ledger.MemberID // who broadcasts, or wrote the words of a digest
	From, To  int64           // the ads that are new to a member who has had no digest: those above From, up to To
	Cursor    ledger.MemberID
	Reach     int64 // how many got it
	NewAds    int64
	Place     string // where it went beside, to the community's group; "": nowhere
	PostID    int64  // the message there
	Previewed time.Time
	Began     time.Time
	Ended     time.Time
}

const cryColumns = `id, kind, state, due_at, issue, words, audience, by_member, from_ad, to_ad, cursor, reach, new_ads, place, post_id,
	COALESCE(previewed_at, 0), COALESCE(began_at, 0), COALESCE(ended_at, 0)`

func scanCry(rows ledger.Rows) (c Cry, err error) {
	var due, issue, previewed, began, ended int64
	err = rows.Scan(&c.ID, &c.Kind, &c.State, &due, &issue, &c.Words, &c.Audience, &c.By, &c.From, &c.To, &c.Cursor, &c.Reach, &c.NewAds, &c.Place, &c.PostID,
		&previewed, &began, &ended)
	c.Due, c.Issue = ledger.Time(due), issue != 0
	for at, micros := range map[*time.Time]int64{&c.Previewed: previewed, &c.Began: began, &c.Ended: ended} {
		if micros != 0 {
			*at = ledger.Time(micros)
		}
	}
	return c, err
}

// plan writes down that something goes out. It is nothing new where something of
// the kind is planned for that moment already.
func plan(ctx context.Context, book *ledger.Book, c Cry) (int64, error) {
	if c.ID == 0 {
		c.ID = ledger.NewID(book.Now())
	}
	_, err := book.Tx().Exec(ctx, `INSERT INTO cries (id, community_id, kind, state, due_at, issue, words, audience, by_member)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (community_id, kind, due_at) DO NOTHING`,
		c.ID, book.Community().ID, c.Kind, planned, ledger.Micros(c.Due), asInt(c.Issue), c.Words, c.Audience, c.By)
	if err != nil {
		return 0, fmt.Errorf("plan a %s: %w", c.Kind, err)
	}
	return c.ID, nil
}

// freeMoment is the first moment from one on for which nothing of a kind was
// planned: two coordinators may say yes at once.
func freeMoment(ctx context.Context, book *ledger.Book, kind string, at time.Time) (time.Time, error) {
	for ; ; at = at.Add(time.Microsecond) {
		var n int64
		err := ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM cries WHERE community_id = $1 AND kind = $2 AND due_at = $3`,
			book.Community().ID, kind, ledger.Micros(at))
		if err != nil || n == 0 {
			return at, err
		}
	}
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// save keeps how far a cry has come.
func (c *Cry) save(ctx context.Context, book *ledger.Book) error {
	micros := func(t time.Time) *int64 {
		if t.IsZero() {
			return nil
		}
		m := ledger.Micros(t)
		return &m
	}
	_, err := book.Tx().Exec(ctx, `UPDATE cries SET state = $3, issue = $4, words = $5, from_ad = $6, to_ad = $7, cursor = $8, reach = $9, new_ads = $10,
		previewed_at = $11, began_at = $12, ended_at = $13, place = $14, post_id = $15, by_member = $16 WHERE community_id = $1 AND id = $2`,
		book.Community().ID, c.ID, c.State, asInt(c.Issue), c.Words, c.From, c.To, c.Cursor, c.Reach, c.NewAds,
		micros(c.Previewed), micros(c.Began), micros(c.Ended), c.Place, c.PostID, c.By)
	if err != nil {
		return fmt.Errorf("keep a %s: %w", c.Kind, err)
	}
	return nil
}

// open are the cries that are planned or going out, the first due first.
func open(ctx context.Context, book *ledger.Book) ([]Cry, error) {
	return ledger.All(ctx, book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries
		WHERE community_id = $1 AND state IN ('planned', 'going') ORDER BY due_at, id`, book.Community().ID)
}

// skippedAhead is the digest that a coordinator has left out, and that is not due
// yet; nil where there is none.
func skippedAhead(ctx context.Context, book *ledger.Book) (*Cry, error) {
	all, err := ledger.All(ctx, book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries
		WHERE community_id = $1 AND kind = 'digest' AND issue = 1 AND state = 'skipped' AND due_at > $2 ORDER BY due_at DESC LIMIT 1`,
		book.Community().ID, ledger.Micros(book.Now()))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// History returns the latest cries of a community, the newest first.
func History(ctx context.Context, book *ledger.Book, n int) ([]Cry, error) {
	return ledger.All(ctx, book.Tx(), scanCry, `SELECT `+cryColumns+` FROM cries
		WHERE community_id = $1 ORDER BY due_at DESC, id DESC LIMIT $2`, book.Community().ID, n)
}

// reader is somebody to be told.
type reader struct {
	id    ledger.MemberID
	place string
	every string
	seen  int64           // the newest ad of their last digest; -1: they have had none
	last  time.Time       // when the last one was due that was not just a day's
	at    []address       // that are open, the one they used last first
	no    bool            // they have unsubscribed at one of them, and so are told nothing at any
	upTo  ledger.MemberID // the last of those who were read with them
}

type address struct {
	channel, address string
	shared           bool
}

func (a address) String() string {
	if a.channel == "" {
		return ""
	}
	return a.channel + ":" + a.address
}

const batch = 200 // members that are looked at in one transaction

// readers returns the next active members behind one, at most batch.
//
// It reads each table for itself, in a range of members: of all of them joined,
// PostgreSQL makes a plan that reads the community's addresses for each member
// where it does not know yet how many there are.
func readers(ctx context.Context, book *ledger.Book, behind ledger.MemberID) ([]*reader, error) {
	id, tx := book.Community().ID, book.Tx()
	all, err := ledger.All(ctx, tx, func(rows ledger.Rows) (*reader, error) {
		r := reader{seen: -1, last: ledger.Time(0)}
		return &r, rows.Scan(&r.id, &r.place)
	}, `SELECT id, place FROM members WHERE community_id = $1 AND id > $2 AND status = 'active' ORDER BY id LIMIT $3`, id, behind, batch)
	if err != nil {
		return nil, fmt.Errorf("read who is to be told: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	last := all[len(all)-1].id
	of := map[ledger.MemberID]*reader{}
	for _, r := range all {
		of[r.id], r.upTo = r, last
	}
	none := func(err error) (struct{}, error) { return struct{}{}, err }
	if _, err := ledger.All(ctx, tx, func(rows ledger.Rows) (struct{}, error) {
		var member ledger.MemberID
		var every string
		var seen, due int64
		err := rows.Scan(&member, &every, &seen, &due)
		if r := of[member]; r != nil {
			r.every, r.seen, r.last = every, seen, ledger.Time(due)
		}
		return none(err)
	}, `SELECT member_id, every, seen, due_at FROM subscriptions WHERE community_id = $1 AND member_id > $2 AND member_id <= $3`, id, behind, last); err != nil {
		return nil, fmt.Errorf("read how often who is to be told: %w", err)
	}
	if _, err := ledger.All(ctx, tx, func(rows ledger.Rows) (struct{}, error) {
		var member ledger.MemberID
		var a address
		var shut, sharing, closed int64
		err := rows.Scan(&member, &a.channel, &a.address, &shut, &sharing, &closed)
		a.shared = sharing > 1
		if r := of[member]; r != nil {
			r.no = r.no || closed > 0
			if shut == 0 {
				r.at = append(r.at, a)
			}
		}
		return none(err)
	}, `SELECT a.member_id, a.channel, a.address, CASE WHEN a.status = 'active' THEN 0 ELSE 1 END,
			(SELECT COUNT(*) FROM addresses b WHERE b.community_id = a.community_id AND b.channel = a.channel AND b.address = a.address),
			(SELECT COUNT(*) FROM unsubscribed u WHERE u.community_id = a.community_id AND u.channel = a.channel AND u.address = a.address)
		FROM addresses a WHERE a.community_id = $1 AND a.member_id > $2 AND a.member_id <= $3
		ORDER BY a.member_id, a.used_at DESC, a.channel, a.address`, id, behind, last); err != nil {
		return nil, fmt.Errorf("read where who is to be told: %w", err)
	}
	for _, r := range all {
		if r.no {
			r.at = nil
		}
	}
	return all, nil
}

// SetEvery keeps how often a member wants the digest.
func SetEvery(ctx context.Context, book *ledger.Book, id ledger.MemberID, every string) error {
	s, err := SettingsOf(ctx, book)
	if err != nil {
		return err
	}
	_, err = book.Tx().Exec(ctx, `INSERT INTO subscriptions (community_id, member_id, every, seen, due_at) VALUES ($1, $2, $3, $4, 0)
		ON CONFLICT (community_id, member_id) DO UPDATE SET every = excluded.every`, book.Community().ID, id, every, s.seen)
	if err != nil {
		return fmt.Errorf("keep how often a member wants the digest: %w", err)
	}
	return nil
}

// takeBack has no digest go to a member that waits to be sent, but where others read
// it there too. What is in it stays new to them.
func takeBack(ctx context.Context, book *ledger.Book, id ledger.MemberID) error {
	type waiting struct{ message, seen int64 }
	all, err := ledger.All(ctx, book.Tx(), func(rows ledger.Rows) (w waiting, err error) { return w, rows.Scan(&w.message, &w.seen) },
		`SELECT w.message_id, w.seen FROM cries c
			JOIN cried w ON w.community_id = c.community_id AND w.cry_id = c.id AND w.member_id = $2
			JOIN outbox o ON o.community_id = c.community_id AND o.id = w.message_id AND o.state = 'queued'
			WHERE c.community_id = $1 AND c.kind = 'digest' AND c.state IN ('going', 'done')
				AND (SELECT COUNT(*) FROM addresses a WHERE a.community_id = o.community_id AND a.channel = o.channel AND a.address = o.address) < 2`,
		book.Community().ID, id)
	if err != nil {
		return fmt.Errorf("read which digests wait for a member: %w", err)
	}
	for _, w := range all {
		if err := state.TakeBack(ctx, book, w.message); err != nil {
			return err
		}
		if _, err := book.Tx().Exec(ctx, `UPDATE subscriptions SET seen = $3 WHERE community_id = $1 AND member_id = $2 AND seen > $3`,
			book.Community().ID, id, w.seen); err != nil {
			return fmt.Errorf("keep what stays new to a member: %w", err)
		}
	}
	return nil
}

// stillNew keeps that a member has not seen what was in a digest that did not
// arrive, unless they were told of a later one.
func stillNew(ctx context.Context, book *ledger.Book, c *Cry, m missed) error {
	if c.Kind != kindDigest {
		return nil
	}
	_, err := book.Tx().Exec(ctx, `UPDATE subscriptions SET seen = $3 WHERE community_id = $1 AND member_id = $2 AND seen > $3
		AND NOT EXISTS (SELECT 1 FROM cries c JOIN cried w ON w.community_id = c.community_id AND w.cry_id = c.id AND w.member_id = $2
			WHERE c.community_id = $1 AND c.kind = 'digest' AND c.began_at > $4 AND w.message_id <> 0)`,
		book.Community().ID, m.id, m.seen, ledger.Micros(c.Began))
	if err != nil {
		return fmt.Errorf("keep what is still new to a member: %w", err)
	}
	return nil
}

// newsRead is what NEWS has shown to a member who gets no digests. What a digest
// has does not depend on it.
type newsRead struct {
	since int64  // the ad behind which the last time began
	above int64  // all up to that one were shown
	shown string // numbers of ads beyond
}

// getsDigests reports whether digests come to a member.
func getsDigests(ctx context.Context, book *ledger.Book, id ledger.MemberID) (bool, error) {
	s, err := SettingsOf(ctx, book)
	if err != nil || s.Schedule == "" {
		return false, err
	}
	var n int64
	err = ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM subscriptions WHERE community_id = $1 AND member_id = $2 AND every = $3`,
		book.Community().ID, id, Never)
	return n == 0, err
}

// newsReadBy is what a member has read, by a digest or by NEWS. keeps says that no
// digests come to them, so that what NEWS shows is kept.
func newsReadBy(ctx context.Context, book *ledger.Book, id ledger.MemberID) (r newsRead, keeps bool, err error) {
	seen, err := seenBy(ctx, book, id)
	if err != nil {
		return r, false, err
	}
	digests, err := getsDigests(ctx, book, id)
	if err != nil || digests {
		return newsRead{since: seen, above: seen}, false, err
	}
	err = ledger.Get(ctx, book.Tx(), []any{&r.since, &r.above, &r.shown}, `SELECT since, above, shown FROM news WHERE community_id = $1 AND member_id = $2`,
		book.Community().ID, id)
	if ledger.IsNotFound(err) || err == nil && r.above < seen { // a digest has had more
		return newsRead{since: seen, above: seen}, true, nil
	}
	return r, true, err
}

func (r newsRead) save(ctx context.Context, book *ledger.Book, id ledger.MemberID) error {
	_, err := book.Tx().Exec(ctx, `INSERT INTO news (community_id, member_id, since, above, shown) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (community_id, member_id) DO UPDATE SET since = excluded.since, above = excluded.above, shown = excluded.shown`,
		book.Community().ID, id, r.since, r.above, r.shown)
	if err != nil {
		return fmt.Errorf("keep what NEWS has shown: %w", err)
	}
	return nil
}

// seenBy is the newest ad of a member's last digest.
func seenBy(ctx context.Context, book *ledger.Book, id ledger.MemberID) (seen int64, err error) {
	err = ledger.Get(ctx, book.Tx(), []any{&seen}, `SELECT seen FROM subscriptions WHERE community_id = $1 AND member_id = $2`, book.Community().ID, id)
	if ledger.IsNotFound(err) {
		s, err := SettingsOf(ctx, book)
		return s.seen, err
	}
	return seen, err
}

// wantDaily reports whether somebody wants the digest every day.
func wantDaily(ctx context.Context, book *ledger.Book) (bool, error) {
	var n int64
	err := ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COUNT(*) FROM subscriptions WHERE community_id = $1 AND every = 'daily'`, book.Community().ID)
	return n > 0, err
}

// textMost is how many characters of an ad are shown to everybody.
const textMost = 300

// adsBetween are the ads above one number and up to another, as they may be
// shown: what was put up by an older Crier, or by another program, may hold anything.
func adsBetween(ctx context.Context, book *ledger.Book, above, upTo int64) ([]ledger.NewAd, error) {
	ads, err := book.AdsBetween(ctx, above, upTo)
	if err != nil {
		return nil, fmt.Errorf("read new ads: %w", err)
	}
	for i := range ads {
		ads[i].Text = conversation.Cut(conversation.Harmless(ads[i].Text), textMost)
	}
	return ads, nil
}

// newest is the number of the newest ad.
func newest(ctx context.Context, book *ledger.Book) (n int64, err error) {
	err = ledger.Get(ctx, book.Tx(), []any{&n}, `SELECT COALESCE(MAX(number), 0) FROM ads WHERE community_id = $1`, book.Community().ID)
	return n, err
}
