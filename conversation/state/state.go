// Package state keeps messages on their journey and what is remembered of
// conversations, in the same database as the ledger, and moves messages along:
// inbox, engine, outbox.
//
// A message is first made durable (Journey.Handle); then handled, in order per
// sender, in one transaction with everything that it causes; then its replies
// are sent. A crash anywhere leaves it where it was, to be taken up again.
package state

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"crier/conversation"
	"crier/ledger"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Prepare brings the tables of the ledger and of the journey up to date.
func Prepare(ctx context.Context, db ledger.DB) error {
	if err := ledger.Prepare(ctx, db); err != nil {
		return err
	}
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return ledger.Migrate(ctx, db, "journey", steps)
}

// memory is conversation.Memory in one transaction.
type memory struct {
	tx       ledger.Tx
	book     *ledger.Book
	wordings *wordings
	talks    map[ledger.MemberID]string // read in this transaction; "" where there is none
}

func (j *Journey) memory(tx ledger.Tx, book *ledger.Book) *memory {
	return &memory{tx, book, j.wordings, map[ledger.MemberID]string{}}
}

// expectSizes are how many talks expect asks for in one query: few different
// numbers, so that the engines know the statements already.
var expectSizes = []int{1, 8, workBatch}

// expect reads what the messages of a batch will need, in few queries instead
// of a few for each message.
func (m *memory) expect(ctx context.Context, messages []message) error {
	addresses := map[string][]string{} // by channel
	for _, one := range messages {
		addresses[one.in.Channel] = append(addresses[one.in.Channel], one.in.From)
	}
	var members []ledger.MemberID
	for channel, some := range addresses {
		if err := m.book.Expect(ctx, channel, some); err != nil {
			return err
		}
		for _, address := range some {
			at, err := m.book.MembersAt(ctx, channel, address)
			if err != nil {
				return err
			}
			for _, one := range at {
				if _, known := m.talks[one.ID]; !known {
					m.talks[one.ID] = ""
					members = append(members, one.ID)
				}
			}
		}
	}
	for chunk := range slices.Chunk(members, workBatch) {
		if err := m.readTalks(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) readTalks(ctx context.Context, members []ledger.MemberID) error {
	size := expectSizes[slices.IndexFunc(expectSizes, func(s int) bool { return s >= len(members) })]
	args := []any{m.book.Community().ID}
	var list strings.Builder
	for i := range size {
		args = append(args, members[min(i, len(members)-1)])
		fmt.Fprintf(&list, ", $%d", i+2)
	}
	_, err := ledger.All(ctx, m.tx, func(rows ledger.Rows) (none struct{}, err error) {
		var id ledger.MemberID
		var talk string
		err = rows.Scan(&id, &talk)
		m.talks[id] = talk
		return none, err
	}, `SELECT member_id, talk FROM talks WHERE community_id = $1 AND member_id IN (`+list.String()[2:]+`)`, args...)
	if err != nil {
		return fmt.Errorf("read talks: %w", err)
	}
	return nil
}

func (m *memory) Talk(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) (*conversation.Talk, error) {
	if community != m.book.Community().ID {
		return nil, fmt.Errorf("a talk of community %d was asked for in %d", community, m.book.Community().ID)
	}
	if _, known := m.talks[member]; !known {
		m.talks[member] = ""
		if err := m.readTalks(ctx, []ledger.MemberID{member}); err != nil {
			return nil, err
		}
	}
	t := &conversation.Talk{}
	if data := m.talks[member]; data != "" {
		if err := json.Unmarshal([]byte(data), t); err != nil {
			return nil, fmt.Errorf("read talk of member %d: %w", member, err)
		}
	}
	return t, nil
}

func (m *memory) SaveTalk(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, t *conversation.Talk) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write talk: %w", err)
	}
	m.talks[member] = string(data)
	return m.tx.Later(ctx, `INSERT INTO talks (talk, community_id, member_id) VALUES ($1, $2, $3)
		ON CONFLICT (community_id, member_id) DO UPDATE SET talk = excluded.talk`, string(data), community, member)
}

func (m *memory) Desk(ctx context.Context, community ledger.CommunityID, channel, address string) (*conversation.Desk, error) {
	d := &conversation.Desk{}
	return d, m.load(ctx, d, `SELECT desk FROM desks WHERE community_id = $1 AND channel = $2 AND address = $3`, community, channel, address)
}

func (m *memory) SaveDesk(ctx context.Context, community ledger.CommunityID, channel, address string, d *conversation.Desk) error {
	return m.save(ctx, d, `INSERT INTO desks (desk, community_id, channel, address) VALUES ($1, $2, $3, $4)
		ON CONFLICT (community_id, channel, address) DO UPDATE SET desk = excluded.desk`, community, channel, address)
}

// load reads one JSON value into v, and leaves v as it is where there is none.
func (m *memory) load(ctx context.Context, v any, query string, args ...any) error {
	var data string
	err := ledger.Get(ctx, m.tx, []any{&data}, query, args...)
	if ledger.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %T: %w", v, err)
	}
	if err := json.Unmarshal([]byte(data), v); err != nil {
		return fmt.Errorf("read %T: %w", v, err)
	}
	return nil
}

func (m *memory) save(ctx context.Context, v any, query string, args ...any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %T: %w", v, err)
	}
	return m.tx.Later(ctx, query, append([]any{string(data)}, args...)...)
}

func (m *memory) Take(ctx context.Context, community ledger.CommunityID, ad int64, member ledger.MemberID) (anew bool, err error) {
	now := m.book.Now()
	n, err := m.tx.Exec(ctx, `INSERT INTO takes (community_id, ad, member_id, taken_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (community_id, ad, member_id) DO UPDATE SET taken_at = excluded.taken_at, untold = CASE takes.untold WHEN 1 THEN 0 ELSE takes.untold END
			WHERE takes.taken_at < $5 OR takes.untold > 0`,
		community, ad, member, ledger.Micros(now), ledger.Micros(now.Add(-conversation.TakesAnew)))
	if err != nil {
		return false, fmt.Errorf("take ad %d: %w", ad, err)
	}
	return n > 0, nil
}

func (m *memory) Takers(ctx context.Context, community ledger.CommunityID, ad int64) ([]ledger.MemberID, error) {
	return ledger.All(ctx, m.tx, func(rows ledger.Rows) (id ledger.MemberID, err error) { return id, rows.Scan(&id) },
		`SELECT member_id FROM takes WHERE community_id = $1 AND ad = $2 ORDER BY taken_at, member_id`, community, ad)
}

func (m *memory) Given(ctx context.Context, community ledger.CommunityID, ad int64, member ledger.MemberID) error {
	return m.tx.Later(ctx, `DELETE FROM takes WHERE community_id = $1 AND ad = $2 AND member_id = $3`, community, ad, member)
}

func (m *memory) JobsOf(ctx context.Context, community ledger.CommunityID, member ledger.MemberID) ([]conversation.Job, error) {
	return ledger.All(ctx, m.tx, func(rows ledger.Rows) (job conversation.Job, err error) {
		return job, rows.Scan(&job.Ad, &job.Taker)
	}, `SELECT takes.ad, takes.member_id FROM takes
		JOIN ads ON ads.community_id = takes.community_id AND ads.number = takes.ad
		WHERE takes.community_id = $1 AND (ads.member_id = $2 OR takes.member_id = $2) ORDER BY takes.ad, takes.taken_at, takes.member_id`,
		community, member)
}

func (m *memory) NotTold(ctx context.Context, community ledger.CommunityID, job conversation.Job) error {
	return m.tx.Later(ctx, `UPDATE takes SET untold = untold + $4 WHERE community_id = $1 AND ad = $2 AND member_id = $3`,
		community, job.Ad, job.Taker, max(job.Share, 1))
}

func (m *memory) Untold(ctx context.Context, community ledger.CommunityID, owner ledger.MemberID) ([]conversation.Job, error) {
	jobs, err := ledger.All(ctx, m.tx, func(rows ledger.Rows) (job conversation.Job, err error) {
		return job, rows.Scan(&job.Ad, &job.Taker, &job.Share)
	}, `SELECT takes.ad, takes.member_id, CASE takes.untold WHEN 1 THEN 0 ELSE takes.untold END FROM takes
		JOIN ads ON ads.community_id = takes.community_id AND ads.number = takes.ad
		WHERE takes.community_id = $1 AND ads.member_id = $2 AND takes.untold > 0 ORDER BY takes.taken_at, takes.ad, takes.member_id`,
		community, owner)
	if err != nil || len(jobs) == 0 {
		return nil, err
	}
	return jobs, m.tx.Later(ctx, `UPDATE takes SET untold = 0 WHERE community_id = $1 AND untold > 0
		AND ad IN (SELECT number FROM ads WHERE community_id = $1 AND member_id = $2)`, community, owner)
}

func (m *memory) Gone(ctx context.Context, community ledger.CommunityID, taken, went time.Time, n int) ([]conversation.Job, error) {
	const down = `CASE WHEN ads.removed_at < ads.expires_at THEN ads.removed_at ELSE ads.expires_at END`
	now := ledger.Micros(m.book.Now())
	jobs, err := ledger.All(ctx, m.tx, func(rows ledger.Rows) (job conversation.Job, err error) {
		return job, rows.Scan(&job.Ad, &job.Taker)
	}, `SELECT takes.ad, takes.member_id FROM takes
		JOIN ads ON ads.community_id = takes.community_id AND ads.number = takes.ad
		WHERE takes.community_id = $1 AND takes.taken_at > $2 AND (ads.stock IS NULL OR ads.stock_left > 0)
			AND `+down+` > $3 AND `+down+` <= $4 AND takes.over_at < `+down+`
		ORDER BY takes.ad, takes.taken_at, takes.member_id LIMIT $5`,
		community, ledger.Micros(taken), ledger.Micros(went), now, n)
	if err != nil {
		return nil, fmt.Errorf("read takes of what has gone: %w", err)
	}
	for _, job := range jobs {
		if err := m.tx.Later(ctx, `UPDATE takes SET over_at = $4 WHERE community_id = $1 AND ad = $2 AND member_id = $3`,
			community, job.Ad, job.Taker, now); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

func (m *memory) Asked(ctx context.Context, community ledger.CommunityID, request ledger.TransferID, job conversation.Job) error {
	return m.tx.Later(ctx, `INSERT INTO asked_jobs (community_id, transfer_id, ad, member_id, amount) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		community, request, job.Ad, job.Taker, job.Share)
}

func (m *memory) Unpaid(ctx context.Context, community ledger.CommunityID, request ledger.TransferID) (job conversation.Job, err error) {
	err = ledger.Get(ctx, m.tx, []any{&job.Ad, &job.Taker, &job.Share},
		`DELETE FROM asked_jobs WHERE community_id = $1 AND transfer_id = $2 RETURNING ad, member_id, amount`, community, request)
	if ledger.IsNotFound(err) {
		return conversation.Job{}, nil
	}
	return job, err
}

// wordings keeps each community's own texts in memory, as of a version of the
// community's directory: a change of wording counts it up.
type wordings struct {
	mu   sync.Mutex
	kept map[ledger.CommunityID]wording
}

type wording struct {
	version int64
	texts   map[string]string
}

func (m *memory) Wording(ctx context.Context, community ledger.CommunityID) (map[string]string, error) {
	version := m.book.Community().DirectoryVersion
	m.wordings.mu.Lock()
	kept, ok := m.wordings.kept[community]
	m.wordings.mu.Unlock()
	if ok && kept.version == version {
		return kept.texts, nil
	}
	texts, err := Wording(ctx, m.tx, community)
	if err != nil {
		return nil, err
	}
	if !m.book.MembersChanged() {
		m.wordings.mu.Lock()
		m.wordings.kept[community] = wording{version, texts}
		m.wordings.mu.Unlock()
	}
	return texts, nil
}

// Wording reads a community's own texts by "locale key".
func Wording(ctx context.Context, tx ledger.Tx, community ledger.CommunityID) (map[string]string, error) {
	type own struct{ locale, key, text string }
	all, err := ledger.All(ctx, tx, func(rows ledger.Rows) (o own, err error) { return o, rows.Scan(&o.locale, &o.key, &o.text) },
		`SELECT locale, text_key, text FROM wordings WHERE community_id = $1`, community)
	if err != nil {
		return nil, fmt.Errorf("read wordings: %w", err)
	}
	texts := make(map[string]string, len(all))
	for _, o := range all {
		texts[o.locale+" "+o.key] = o.text
	}
	return texts, nil
}

// SetWording gives a text a community's own wording; an empty one takes it back.
func SetWording(ctx context.Context, book *ledger.Book, locale, key, text string) error {
	query := `INSERT INTO wordings (community_id, locale, text_key, text) VALUES ($1, $2, $3, $4)
		ON CONFLICT (community_id, locale, text_key) DO UPDATE SET text = excluded.text`
	args := []any{book.Community().ID, locale, key, text}
	if text == "" {
		query, args = `DELETE FROM wordings WHERE community_id = $1 AND locale = $2 AND text_key = $3`, args[:3]
	}
	if _, err := book.Tx().Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("write wording: %w", err)
	}
	return book.Changed(ctx)
}
