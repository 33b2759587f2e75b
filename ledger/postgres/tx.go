package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"crier/ledger"
)

// laterMax bounds the statements that wait to be sent.
const laterMax = 1000

// tx is a ledger.Tx.
type tx struct {
	conn  *pgx.Conn
	begin string // to be sent before anything else; "" once it was
	later *pgx.Batch
	view  bool
	over  bool
	rows  *rows // that are being read

	// failed is the error of the first statement that failed. Nothing works
	// after it but to roll back, all or to a savepoint. The server sees to
	// that itself, unless BEGIN is among what failed: then it would run the
	// statements that follow one by one, for good.
	failed error
}

func (t *tx) Query(ctx context.Context, query string, args ...any) (ledger.Rows, error) {
	results, err := t.send(ctx, query, args)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		results.Close()
		return nil, t.fail(ctx, query, err)
	}
	t.rows = &rows{Rows: found, results: results, tx: t, ctx: ctx, query: query}
	return t.rows, nil
}

func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	results, err := t.send(ctx, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return 0, t.fail(ctx, query, err)
	}
	if t.failed != nil { // this was the ROLLBACK TO that ends it
		t.failed = nil
	}
	return tag.RowsAffected(), nil
}

// Later queues a statement for the next round trip. Statements of one round
// trip are checked against the tables before any of them runs: to create
// something that the next ones use is for Exec.
func (t *tx) Later(ctx context.Context, query string, args ...any) error {
	if err := t.ready(ctx, query); err != nil {
		return err
	}
	if t.failed != nil || t.queued() >= laterMax {
		_, err := t.Exec(ctx, query, args...)
		return err
	}
	t.queue(query, args)
	return nil
}

// Lock waits for the community in the round trip of the statement that
// follows, whose snapshot is taken when it has the lock: READ COMMITTED takes
// one for each statement.
func (t *tx) Lock(ctx context.Context, community ledger.CommunityID) error {
	if t.view {
		return errViewLock
	}
	return t.Later(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(community))
}

// TryLock asks for the community, in a round trip.
func (t *tx) TryLock(ctx context.Context, community ledger.CommunityID) (bool, error) {
	if t.view {
		return false, errViewLock
	}
	var held bool
	err := ledger.Get(ctx, t, []any{&held}, `SELECT pg_try_advisory_xact_lock($1)`, int64(community))
	return held, err
}

var errViewLock = errors.New("a View cannot lock")

// ready reports what forbids another statement.
func (t *tx) ready(ctx context.Context, query string) error {
	switch {
	case t.over:
		return errors.New("the transaction is over")
	case t.rows != nil:
		return errors.New("the rows of the query before are still open")
	case t.failed != nil && !isRollbackTo(query):
		return fmt.Errorf("the transaction has failed: %w", t.failed)
	}
	if err := ctx.Err(); err != nil {
		return t.fail(ctx, query, err)
	}
	return nil
}

func (t *tx) queued() int {
	if t.later == nil {
		return 0
	}
	return t.later.Len()
}

func (t *tx) queue(query string, args []any) {
	if t.later == nil {
		t.later = &pgx.Batch{}
	}
	if t.begin != "" {
		t.later.Queue(t.begin)
		t.begin = ""
	}
	t.later.Queue(query, slices.Clone(args)...) // the caller may use its slice again
}

// send sends all that is queued and then the query, in one round trip, and
// returns the results at those of the query, the ones before it checked.
func (t *tx) send(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	if err := t.ready(ctx, query); err != nil {
		return nil, err
	}
	t.queue(query, args)
	batch := t.later
	t.later = nil
	results := t.conn.SendBatch(ctx, batch)
	for _, before := range batch.QueuedQueries[:batch.Len()-1] {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return nil, t.fail(ctx, before.SQL, err)
		}
	}
	return results, nil
}

// fail notes the error of a statement, which nothing that was queued behind it
// outlives.
func (t *tx) fail(ctx context.Context, query string, err error) error {
	var unprepared pgx.ErrPreprocessingBatch
	if errors.As(err, &unprepared) {
		query = unprepared.SQL()
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	err = fmt.Errorf("%s: %w", brief(query), err)
	if t.failed == nil {
		t.failed = err
	}
	t.later = nil
	return err
}

// commit sends what is queued and COMMIT, in one round trip.
func (t *tx) commit(ctx context.Context) error {
	t.closeRows()
	if t.failed != nil {
		return fmt.Errorf("commit: a statement failed: %w", t.failed)
	}
	if t.begin != "" { // nothing was ever sent
		return ctx.Err()
	}
	results, err := t.send(ctx, "COMMIT", nil)
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return t.fail(ctx, "COMMIT", err)
	}
	if tag.String() != "COMMIT" {
		return t.fail(ctx, "COMMIT", fmt.Errorf("the server answered %s", tag))
	}
	return nil
}

// end leaves the connection outside of any transaction. Where that fails, the
// pool closes it.
func (t *tx) end(ctx context.Context) {
	t.over = true
	t.closeRows()
	if t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelPatience)
	defer cancel()
	_, _ = t.conn.Exec(ctx, "ROLLBACK")
}

func (t *tx) closeRows() {
	if t.rows != nil {
		t.rows.Close()
	}
}

// rows are pgx.Rows that end the round trip they came in.
type rows struct {
	pgx.Rows
	results pgx.BatchResults
	tx      *tx
	ctx     context.Context // of the query, which it runs to its last row
	query   string
	err     error
}

func (r *rows) Next() bool {
	if r.tx.rows == r && r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Err() error { return r.err }

func (r *rows) Close() error {
	if r.tx.rows != r {
		return r.err
	}
	r.tx.rows = nil
	r.Rows.Close()
	err := r.Rows.Err()
	if closing := r.results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		r.err = r.tx.fail(r.ctx, r.query, err)
	}
	return r.err
}

// isRollbackTo tells a statement that goes back to a savepoint.
func isRollbackTo(query string) bool {
	words := strings.Fields(query)
	return len(words) > 1 && strings.EqualFold(words[0], "ROLLBACK") && strings.EqualFold(words[1], "TO")
}

// brief is the start of a statement, on one line, for an error.
func brief(query string) string {
	return fmt.Sprintf("%.80s", strings.Join(strings.Fields(query), " "))
}
