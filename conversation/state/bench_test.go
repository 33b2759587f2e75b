package state_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
)

// town is a host to measure with: some communities with members.
type town struct {
	db      ledger.DB
	id      ledger.CommunityID // of the first
	ids     []ledger.CommunityID
	members []ledger.Member // of the first
	all     [][]ledger.Member
}

// benchNames are different enough never to be taken for each other.
var benchFirst = strings.Fields("Adela Bruno Carla Dmitri Esther Farid Gudrun Hamza Irene Jolanda Karim Leonie Mehdi Noor Oskar Petra")

func benchName(i int) string {
	var last strings.Builder
	for n := i; ; n /= 20 {
		last.WriteString([]string{
			"ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi", "xo", "zu",
		}[n%20])
		if n < 20 {
			break
		}
	}
	return benchFirst[i%len(benchFirst)] + " M" + last.String()
}

func newTown(tb testing.TB, db ledger.DB, members int) *town { return newTowns(tb, db, 1, members) }

// newTowns founds communities of that many members each.
func newTowns(tb testing.TB, db ledger.DB, communities, members int) *town {
	ctx := context.Background()
	t := &town{db: db}
	must(tb, state.Prepare(ctx, db))
	for c := range communities {
		must(tb, db.Update(ctx, func(tx ledger.Tx) error {
			book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
				Slug: fmt.Sprintf("town%d", c), Name: "Town", UnitKind: ledger.Units, UnitWords: "acorn", Locale: "en", Timezone: "UTC", Threshold: 1000,
			}, time.Now())
			if err != nil {
				return err
			}
			var all []ledger.Member
			for i := range members {
				m, err := book.AddMember(ctx, ledger.NewMember{Name: benchName(i), Number: int64(i + 1)})
				if err != nil {
					return err
				}
				if err := book.Bind(ctx, m.ID, "sms", addressIn(c, i)); err != nil {
					return err
				}
				all = append(all, m)
			}
			t.ids, t.all = append(t.ids, book.Community().ID), append(t.all, all)
			return nil
		}))
	}
	t.id, t.members = t.ids[0], t.all[0]
	return t
}

// addressIn is the telephone of a member of one of several communities.
func addressIn(community, i int) string { return fmt.Sprintf("+324%d%07d", community, i) }

func address(i int) string { return addressIn(0, i) }

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// history makes the past of the first community in one go: transfers and
// entries as they would be, but for hashes and running balances, which nothing
// here looks at.
func (t *town) history(tb testing.TB, have, n int) {
	if have >= n {
		return
	}
	ctx := context.Background()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $3)`
	members := len(t.members)
	must(tb, t.db.Update(ctx, func(tx ledger.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, decided_at, seq, previous, hash) `+
			numbers+` SELECT $1, n.i, p.id, g.id, 1, 'eggs', 'completed', p.id, n.i, n.i, n.i, '', 'x'
			FROM n JOIN members p ON p.community_id = $1 AND p.number = n.i % $4 + 1 JOIN members g ON g.community_id = $1 AND g.number = (n.i + 1) % $4 + 1`,
			t.id, have+1, n, members); err != nil {
			return err
		}
		for _, side := range []string{"payer", "payee"} {
			amount := map[string]int{"payer": -1, "payee": 1}[side]
			if _, err := tx.Exec(ctx, `INSERT INTO entries (community_id, account_id, seq, amount, balance)
				SELECT community_id, `+side+`, seq, $4, 0 FROM transfers WHERE community_id = $1 AND seq BETWEEN $2 AND $3`, t.id, have+1, n, amount); err != nil {
				return err
			}
		}
		return nil
	}))
	if t.db.Engine() == "postgres" { // as its own housekeeping would have by then
		must(tb, t.db.Update(ctx, func(tx ledger.Tx) error { _, err := tx.Exec(ctx, `ANALYZE`); return err }))
	}
}

func newEngine(tb testing.TB) *conversation.Engine {
	catalog, err := locales.Load()
	must(tb, err)
	words, err := locales.AllWords()
	must(tb, err)
	u, err := understand.New(words)
	must(tb, err)
	e, err := conversation.New(catalog, u, command.All(), slog.New(slog.DiscardHandler))
	must(tb, err)
	return e
}

// result is what a load came to.
type result struct {
	perSecond float64
	p50, p99  time.Duration
}

func summed(took []time.Duration, whole time.Duration) result {
	slices.SortFunc(took, cmp.Compare)
	at := func(q float64) time.Duration { return took[min(len(took)-1, int(q*float64(len(took))))] }
	return result{float64(len(took)) / whole.Seconds(), at(0.5), at(0.99)}
}

// closedLoop has some senders do one thing after another for a while.
func closedLoop(tb testing.TB, senders int, lasts time.Duration, do func(sender, n int) error) result {
	var g sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	start := time.Now()
	for s := range senders {
		g.Go(func() {
			var mine []time.Duration
			for n := 0; time.Since(start) < lasts; n++ {
				t := time.Now()
				if err := do(s, n); err != nil {
					tb.Error(err)
					return
				}
				mine = append(mine, time.Since(t))
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	g.Wait()
	return summed(took, time.Since(start))
}

var benchRun atomic.Int64

// pair says who pays whom, where, in the n-th thing that a sender does.
func (t *town) pair(sender, n int) (community, payer, payee int) {
	community = sender % len(t.ids)
	members := len(t.all[community])
	payer = sender / len(t.ids)
	payee = (payer*31 + n*7 + 1) % members
	if payee == payer {
		payee = (payee + 1) % members
	}
	return community, payer, payee
}

// messages measures whole messages: handed in, understood, a payment posted,
// both replies in the outbox, all of it durable.
func (t *town) messages(tb testing.TB, senders int, lasts time.Duration) result {
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.Map
	j := state.New(state.Config{
		DB: t.db, Engine: newEngine(tb), Log: slog.New(slog.DiscardHandler), Holder: "bench",
		OnHandled: func(in conversation.Inbound, _ time.Duration, err error) {
			if done, ok := waiting.LoadAndDelete(in.ID); ok {
				done.(chan error) <- err
			}
		},
	})
	stopped := make(chan error, 1)
	go func() { stopped <- j.Run(ctx) }()
	run := benchRun.Add(1)
	r := closedLoop(tb, senders, lasts, func(s, n int) error {
		c, payer, payee := t.pair(s, n)
		id := fmt.Sprint(run, "-", s, "-", n)
		done := make(chan error, 1)
		waiting.Store(id, done)
		if err := j.Handle(ctx, conversation.Inbound{
			Channel: "sms", ID: id, From: addressIn(c, payer), At: time.Now(), Trust: conversation.Proven,
			Text: "pay " + t.all[c][payee].Name + " 1 for eggs",
		}); err != nil {
			return err
		}
		return <-done
	})
	cancel()
	must(tb, <-stopped)
	return r
}

// bare measures the same ledger writes alone, one commit each, in SQL written
// by hand for the engine.
func (t *town) bare(tb testing.TB, senders int, lasts time.Duration) result {
	ctx := context.Background()
	pay := t.bareSQLite
	if t.db.Engine() == "postgres" {
		pay = t.barePostgres
		must(tb, t.db.Update(ctx, func(tx ledger.Tx) error { _, err := tx.Exec(ctx, barePay); return err }))
	}
	return closedLoop(tb, senders, lasts, func(s, n int) error {
		c, payer, payee := t.pair(s, n)
		return t.db.Update(ctx, func(tx ledger.Tx) error {
			return pay(ctx, tx, t.ids[c], t.all[c][payer].Account(), t.all[c][payee].Account())
		})
	})
}

// barePay is the whole of a transfer as one function of the server.
const barePay = `CREATE OR REPLACE FUNCTION bare_pay(c BIGINT, i BIGINT, payer_ BIGINT, payee_ BIGINT, amount_ BIGINT, what TEXT, at BIGINT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE low BIGINT; high BIGINT; from_ BIGINT; to_ BIGINT; s BIGINT; h TEXT;
BEGIN
	PERFORM pg_advisory_xact_lock(c);
	SELECT balance, lower INTO from_, low FROM accounts WHERE community_id = c AND id = payer_;
	SELECT balance, upper INTO to_, high FROM accounts WHERE community_id = c AND id = payee_;
	IF from_ - amount_ < low OR to_ + amount_ > high THEN RAISE EXCEPTION 'limit'; END IF;
	SELECT seq, hash INTO s, h FROM transfers WHERE community_id = c AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1;
	s := COALESCE(s, 0) + 1; h := COALESCE(h, '');
	INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, decided_at, seq, previous, hash)
		VALUES (c, i, payer_, payee_, amount_, what, 'completed', payer_, at, at, s, h, encode(sha256(convert_to(concat_ws(':', h, c, s, i, payer_, payee_, amount_, at, what), 'UTF8')), 'hex'));
	INSERT INTO entries (community_id, account_id, seq, amount, balance, bound) VALUES (c, payer_, s, -amount_, from_ - amount_, low), (c, payee_, s, amount_, to_ + amount_, high);
	UPDATE accounts SET balance = balance - amount_ WHERE community_id = c AND id = payer_;
	UPDATE accounts SET balance = balance + amount_ WHERE community_id = c AND id = payee_;
END $$`

func (t *town) barePostgres(ctx context.Context, tx ledger.Tx, c ledger.CommunityID, payer, payee ledger.AccountID) error {
	now := time.Now()
	return tx.Later(ctx, `SELECT bare_pay($1, $2, $3, $4, 1, 'eggs', $5)`, c, ledger.NewID(now), payer, payee, now.UnixMicro())
}

func (t *town) bareSQLite(ctx context.Context, tx ledger.Tx, c ledger.CommunityID, payer, payee ledger.AccountID) error {
	now := time.Now()
	var from, to, seq int64
	var low, high *int64
	var hash string
	if err := ledger.Get(ctx, tx, []any{&from, &low}, `SELECT balance, lower FROM accounts WHERE community_id = $1 AND id = $2`, c, payer); err != nil {
		return err
	}
	if err := ledger.Get(ctx, tx, []any{&to, &high}, `SELECT balance, upper FROM accounts WHERE community_id = $1 AND id = $2`, c, payee); err != nil {
		return err
	}
	err := ledger.Get(ctx, tx, []any{&seq, &hash}, `SELECT seq, hash FROM transfers WHERE community_id = $1 AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1`, c)
	if err != nil && !ledger.IsNotFound(err) {
		return err
	}
	seq++
	id := ledger.NewID(now)
	sum := sha256.Sum256(fmt.Append(nil, hash, c, seq, id, payer, payee, 1, now.UnixMicro(), "eggs"))
	for _, one := range []struct {
		query string
		args  []any
	}{
		{`INSERT INTO transfers (community_id, id, payer, payee, amount, description, state, asked_by, created_at, decided_at, seq, previous, hash)
			VALUES ($1, $2, $3, $4, 1, 'eggs', 'completed', $3, $5, $5, $6, $7, $8)`, []any{c, id, payer, payee, now.UnixMicro(), seq, hash, hex.EncodeToString(sum[:])}},
		{`INSERT INTO entries (community_id, account_id, seq, amount, balance) VALUES ($1, $2, $3, -1, $4), ($1, $5, $3, 1, $6)`, []any{c, payer, seq, from - 1, payee, to + 1}},
		{`UPDATE accounts SET balance = balance - 1 WHERE community_id = $1 AND id = $2`, []any{c, payer}},
		{`UPDATE accounts SET balance = balance + 1 WHERE community_id = $1 AND id = $2`, []any{c, payee}},
	} {
		if _, err := tx.Exec(ctx, one.query, one.args...); err != nil {
			return err
		}
	}
	return nil
}

const benchLasts = 4 * time.Second

// BenchmarkMessages compares whole messages with bare transfers, both durable,
// in turns: messages/s, bare/s and how much of a bare transfer's rate a whole
// message reaches.
func BenchmarkMessages(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, communities := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/communities=%d", engine, communities), func(b *testing.B) {
				town := newTowns(b, benchDB(b, engine), communities, 1000)
				town.history(b, 0, 100)
				for _, senders := range []int{1, 8, 32} {
					b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) { town.compare(b, senders) })
				}
			})
		}
	}
}

// BenchmarkHistory does the same with 32 senders as the past and the community
// grow.
func BenchmarkHistory(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, members := range []int{1000, 10_000, 100_000} {
			town := newTown(b, benchDB(b, engine), members)
			have := 0
			for _, n := range []int{100, 10_000, 1_000_000} {
				b.Run(fmt.Sprintf("%s/members=%d/transfers=%d", engine, members, n), func(b *testing.B) {
					have = max(have, town.seq(b))
					town.history(b, have, n)
					town.compare(b, 32)
				})
			}
		}
	}
}

func (t *town) seq(tb testing.TB) (seq int) {
	must(tb, t.db.View(context.Background(), func(tx ledger.Tx) error {
		return ledger.Get(context.Background(), tx, []any{&seq}, `SELECT COALESCE(MAX(seq), 0) FROM transfers WHERE community_id = $1`, t.id)
	}))
	return seq
}

// compare takes turns, so that whatever else the machine does falls on both.
func (t *town) compare(b *testing.B, senders int) {
	var bare, messages []result
	for range 3 {
		bare = append(bare, t.bare(b, senders, benchLasts/3))
		messages = append(messages, t.messages(b, senders, benchLasts/3))
	}
	middle := func(all []result) result {
		slices.SortFunc(all, func(x, y result) int { return cmp.Compare(x.perSecond, y.perSecond) })
		return all[len(all)/2]
	}
	m, bar := middle(messages), middle(bare)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(m.perSecond, "messages/s")
	b.ReportMetric(bar.perSecond, "bare/s")
	b.ReportMetric(m.perSecond/bar.perSecond, "of_bare")
	b.ReportMetric(float64(m.p50.Microseconds())/1000, "p50_ms")
	b.ReportMetric(float64(m.p99.Microseconds())/1000, "p99_ms")
}

func benchDB(tb testing.TB, engine string) ledger.DB {
	if engine == "postgres" {
		return storetest.PostgresDB(tb)
	}
	return storetest.SQLiteDB(tb)
}
