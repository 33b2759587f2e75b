package ledger

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// DB is a database that a ledger lives in. Two packages make one:
// ledger/sqlite and ledger/postgres.
//
// The SQL that runs on it is one text for both: $1 placeholders, RETURNING,
// ON CONFLICT, times as microseconds since 1970 in UTC, booleans as 0 and 1.
type DB interface {
	// Update runs fn in one read-write transaction, which commits durably when
	// fn returns nil and leaves no trace otherwise. fn may be run again from
	// its start where the engine asks for that (a serialization failure), so
	// it must have no effect outside the transaction.
	Update(ctx context.Context, fn func(Tx) error) error

	// View runs fn in one read-only transaction on a consistent snapshot.
	View(ctx context.Context, fn func(Tx) error) error

	// Engine names the engine: "sqlite" or "postgres".
	Engine() string

	Close() error
}

// Tx is one open transaction. It is not safe for concurrent use.
type Tx interface {
	// Query runs a statement that returns rows. Rows must be closed, or read
	// to their end, before the next call on the Tx.
	Query(ctx context.Context, query string, args ...any) (Rows, error)

	// Exec runs a statement now and returns how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)

	// Later runs a statement at any time before the next Query or Exec, or
	// before the commit: an engine with a network in between sends many of
	// them in one round trip. Its error comes out of that later call.
	Later(ctx context.Context, query string, args ...any) error

	// Lock makes this transaction the only one that holds the community,
	// until it ends. Every write to a community happens under its lock: so
	// its transfers form one chain, its limits cannot be raced, and a batch
	// of messages needs no other lock.
	Lock(ctx context.Context, community CommunityID) error

	// TryLock is Lock that answers false instead of waiting.
	TryLock(ctx context.Context, community CommunityID) (bool, error)
}

// Rows is the part of *sql.Rows and pgx.Rows that both share.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Get reads the one row of a query into dest. It returns ErrNotFound where
// there is none.
func Get(ctx context.Context, tx Tx, dest []any, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return errors.Join(rows.Err(), notFound(rows.Err()))
	}
	if err := rows.Scan(dest...); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return rows.Close()
}

func notFound(err error) error {
	if err != nil {
		return nil
	}
	return ErrNotFound
}

// All reads every row of a query with scan.
func All[T any](ctx context.Context, tx Tx, scan func(Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// manyRows is how many rows one statement of LaterRows has. Two lengths of a
// statement are all that an engine has to keep.
const manyRows = 25

// LaterRows runs a statement for many rows at once, later: before, VALUES and
// the rows, after. All rows have the same types, integers or strings.
func LaterRows(ctx context.Context, tx Tx, before string, rows [][]any, after string) error {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= manyRows {
			n = manyRows
		}
		var args []any
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if err := tx.Later(ctx, before+" VALUES "+values(rows[:n])+" "+after, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// values are the placeholders of some rows. The first has the types of all.
func values(rows [][]any) string {
	var b strings.Builder
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		for j, arg := range row {
			if j > 0 {
				b.WriteString(", ")
			} else {
				b.WriteByte('(')
			}
			switch place := "$" + strconv.Itoa(i*len(row)+j+1); {
			case i > 0:
				b.WriteString(place)
			case reflect.TypeOf(arg).Kind() == reflect.String:
				b.WriteString("CAST(" + place + " AS TEXT)")
			default:
				b.WriteString("CAST(" + place + " AS BIGINT)")
			}
		}
		b.WriteByte(')')
	}
	return b.String()
}
