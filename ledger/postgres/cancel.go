package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// How long a server that was asked to cancel a statement, or to roll
	// back, may take before its connection is given up.
	cancelPatience = 5 * time.Second

	// How long a request to cancel may be on its way inside the server.
	cancelDelay = 100 * time.Millisecond
)

// canceler cancels a statement on the server when its context ends, and keeps
// the connection. Otherwise the server would go on: wait for its lock, and
// perhaps commit what the caller was told had failed.
//
// The server ignores a request that comes before its statement, so it is
// repeated; and it applies one to whatever runs, so none may be under way when
// the connection goes on.
type canceler struct {
	conn       *pgconn.PgConn
	stop, done chan struct{}
}

// HandleCancel is called when the context of a statement ends.
func (c *canceler) HandleCancel(context.Context) {
	c.stop, c.done = make(chan struct{}), make(chan struct{})
	deadline := time.Now().Add(cancelPatience)
	c.conn.Conn().SetDeadline(deadline)
	go func() {
		defer close(c.done)
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		for ctx.Err() == nil {
			_ = c.conn.CancelRequest(ctx) // it is repeated
			time.Sleep(cancelDelay)
			select {
			case <-c.stop:
				return
			default:
			}
		}
	}()
}

// HandleUnwatchAfterCancel is called when the statement has ended after that.
func (c *canceler) HandleUnwatchAfterCancel() {
	close(c.stop)
	<-c.done
	c.conn.Conn().SetDeadline(time.Time{})
}
