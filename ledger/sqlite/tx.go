package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"crier/ledger"
)

// stmtsMax bounds the prepared statements of one connection. A program has
// fewer texts than that; one that makes texts up loses the oldest in no
// particular order.
const stmtsMax = 256

// conn is one connection and the statements prepared on it.
type conn struct {
	db    *sql.DB
	sql   *sql.Conn // nil until open
	stmts map[string]*sql.Stmt
}

func (c *conn) open(ctx context.Context) error {
	if c.sql != nil {
		return nil
	}
	opened, err := c.db.Conn(ctx)
	if err != nil {
		return err
	}
	c.sql, c.stmts = opened, map[string]*sql.Stmt{}
	return nil
}

func (c *conn) close() error {
	if c.sql == nil {
		return nil
	}
	for _, s := range c.stmts {
		s.Close()
	}
	err := c.sql.Close()
	c.sql, c.stmts = nil, nil
	return err
}

// prepare returns the statement for a text, made at its first use.
func (c *conn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= stmtsMax {
		for q, s := range c.stmts {
			s.Close()
			delete(c.stmts, q)
			break
		}
	}
	s, err := c.sql.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, query string) error {
	s, err := c.prepare(ctx, query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return err
	}
	_, err = s.ExecContext(ctx)
	return err
}

// queryOnly is how a View of a database in memory is kept from writing. SQLite
// obeys this pragma while it prepares, so it is prepared each time.
func (c *conn) queryOnly(on bool) error {
	_, err := c.sql.ExecContext(context.Background(), fmt.Sprintf("PRAGMA query_only(%t)", on))
	return err
}

// rollback ends the transaction without a trace, if there is one: SQLite may
// have ended it by itself (a full disk), which makes this a plain SQLITE_ERROR.
// A connection with any other trouble is closed, which has the same effect,
// and opened anew for the next transaction.
func (c *conn) rollback() {
	err := c.exec(context.Background(), "ROLLBACK")
	var refused *sqlite.Error
	if err != nil && (!errors.As(err, &refused) || refused.Code() != sqlite3.SQLITE_ERROR) {
		_ = c.close() // it is of no more use
	}
}

// tx is a ledger.Tx.
type tx struct {
	conn *conn
	view bool
	over bool
	rows *rows // that are being read

	// failed is the error of the first statement that failed. As in
	// PostgreSQL nothing works after it but to roll back, all or to a
	// savepoint: a caller who overlooks an error commits no half of anything.
	failed error
}

func (t *tx) Query(ctx context.Context, query string, args ...any) (ledger.Rows, error) {
	s, err := t.statement(ctx, query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return nil, err
	}
	found, err := s.QueryContext(context.WithoutCancel(ctx), args...) //nolint:rowserrcheck // rows.Close does
	if err != nil {
		return nil, t.fail(query, err)
	}
	t.rows = &rows{Rows: found, tx: t, ctx: ctx, query: query}
	return t.rows, nil
}

func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := t.statement(ctx, query) //nolint:sqlclosecheck // the connection keeps it
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return 0, t.fail(query, err)
	}
	if t.failed != nil { // this was the ROLLBACK TO that ends it
		t.failed = nil
	}
	return result.RowsAffected()
}

// Later is Exec: there is no network to save.
func (t *tx) Later(ctx context.Context, query string, args ...any) error {
	_, err := t.Exec(ctx, query, args...)
	return err
}

// Lock has nothing to do: an Update is alone.
func (t *tx) Lock(ctx context.Context, _ ledger.CommunityID) error {
	_, err := t.TryLock(ctx, 0)
	return err
}

// TryLock has nothing to do: an Update is alone.
func (t *tx) TryLock(ctx context.Context, _ ledger.CommunityID) (bool, error) {
	if t.view {
		return false, errors.New("a View cannot lock")
	}
	if err := t.ready(ctx, ""); err != nil {
		return false, err
	}
	return true, nil
}

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
		return t.fail(query, err)
	}
	return nil
}

// statement prepares one. It then runs to its end, or to its next row, without
// a look at ctx: to watch a context takes two goroutines, and longer than a
// statement does.
func (t *tx) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := t.ready(ctx, query); err != nil {
		return nil, err
	}
	s, err := t.conn.prepare(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, t.fail(query, err)
	}
	return s, nil
}

func (t *tx) fail(query string, err error) error {
	err = fmt.Errorf("%s: %w", brief(query), err)
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *tx) closeRows() {
	if t.rows != nil {
		t.rows.Close()
	}
}

// rows are *sql.Rows that tell their transaction how they ended.
type rows struct {
	*sql.Rows
	tx    *tx
	ctx   context.Context // of the query, which ends it between two rows
	query string
	err   error
}

func (r *rows) Next() bool {
	if r.tx.rows != r {
		return false
	}
	if r.err = r.ctx.Err(); r.err == nil && r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *rows) Scan(dest ...any) error {
	if err := r.Rows.Scan(dest...); err != nil {
		return r.tx.fail(r.query, err)
	}
	return nil
}

func (r *rows) Err() error { return r.err }

func (r *rows) Close() error {
	if r.tx.rows != r {
		return r.err
	}
	r.tx.rows = nil
	for _, err := range []error{r.Rows.Err(), r.Rows.Close()} {
		if r.err == nil {
			r.err = err
		}
	}
	if r.err != nil {
		r.err = r.tx.fail(r.query, r.err)
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
