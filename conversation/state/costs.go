package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// Month is what a community's messages have cost in one month, on one channel.
type Month struct {
	Community string // slug
	Month     string // "2026-05", in the community's time zone
	Channel   string
	Messages  int64
	conversation.Cost
}

// Costs lists what messages have cost, by month and then by community, from a
// month on.
func Costs(ctx context.Context, tx ledger.Tx, from string) ([]Month, error) {
	return ledger.All(ctx, tx, func(rows ledger.Rows) (m Month, err error) {
		return m, rows.Scan(&m.Community, &m.Month, &m.Channel, &m.Currency, &m.Messages, &m.Segments, &m.Micros)
	}, `SELECT c.slug, k.month, k.channel, k.currency, k.messages, k.segments, k.cost
		FROM costs k JOIN communities c ON c.id = k.community_id WHERE k.month >= $1 ORDER BY k.month, c.slug, k.channel, k.currency`, from)
}

// Budget is what a community's messages may cost in a month. The zero Budget is
// none.
func Budget(ctx context.Context, book *ledger.Book) (conversation.Cost, error) {
	var c conversation.Cost
	err := ledger.Get(ctx, book.Tx(), []any{&c.Micros, &c.Currency}, `SELECT cost, currency FROM budgets WHERE community_id = $1`, book.Community().ID)
	if err != nil && !ledger.IsNotFound(err) {
		return c, fmt.Errorf("read budget: %w", err)
	}
	return c, nil
}

// SetBudget sets it; the zero Cost takes it away. Its coordinators are told
// again when the new one is nearly used up.
func SetBudget(ctx context.Context, book *ledger.Book, c conversation.Cost) error {
	query, args := `INSERT INTO budgets (community_id, cost, currency) VALUES ($1, $2, $3)
		ON CONFLICT (community_id) DO UPDATE SET cost = excluded.cost, currency = excluded.currency, warned = '', reached = ''`,
		[]any{book.Community().ID, c.Micros, c.Currency}
	if c == (conversation.Cost{}) {
		query, args = `DELETE FROM budgets WHERE community_id = $1`, args[:1]
	}
	if _, err := book.Tx().Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("set budget: %w", err)
	}
	return nil
}

// charge adds what a sent message has cost to its community's month, once:
// that it was sent may be written down again.
func (j *Journey) charge(ctx context.Context, tx ledger.Tx, q queued, c conversation.Cost, at time.Time) error {
	n, err := tx.Exec(ctx, `UPDATE outbox SET segments = $2, cost = $3, currency = $4 WHERE id = $1 AND segments = 0`,
		q.ID, c.Segments, c.Micros, c.Currency)
	if err != nil || n == 0 {
		return err
	}
	return tx.Later(ctx, `INSERT INTO costs (community_id, month, channel, currency, messages, segments, cost) VALUES ($1, $2, $3, $4, 1, $5, $6)
		ON CONFLICT (community_id, month, channel, currency) DO UPDATE SET messages = costs.messages + 1,
			segments = costs.segments + excluded.segments, cost = costs.cost + excluded.cost`,
		q.community, j.month(q, at), q.Channel, c.Currency, c.Segments, c.Micros)
}

// spent is how much of its budget a community has used in a month.
type spent struct {
	budget, used    conversation.Cost
	warned, reached string // the months in which the coordinators were told
}

// share is used in percent of the budget, 0 where there is none.
func (s spent) share() int64 {
	if s.budget.Micros <= 0 {
		return 0
	}
	return s.used.Micros * 100 / s.budget.Micros
}

func spentBy(ctx context.Context, tx ledger.Tx, community ledger.CommunityID, month string) (s spent, err error) {
	err = ledger.Get(ctx, tx, []any{&s.budget.Micros, &s.budget.Currency, &s.warned, &s.reached, &s.used.Micros},
		`SELECT b.cost, b.currency, b.warned, b.reached, COALESCE((SELECT SUM(cost) FROM costs k
				WHERE k.community_id = b.community_id AND k.month = $2 AND k.currency = b.currency), 0)
			FROM budgets b WHERE b.community_id = $1`, community, month)
	if ledger.IsNotFound(err) {
		return s, nil
	}
	s.used.Currency = s.budget.Currency
	return s, err
}

// Unspent is what a community may still spend in the month of its book's time on
// messages to everybody, never below 0. limited is false where it has no budget.
func Unspent(ctx context.Context, book *ledger.Book, zone *time.Location) (left conversation.Cost, limited bool, err error) {
	s, err := spentBy(ctx, book.Tx(), book.Community().ID, book.Now().In(zone).Format("2006-01"))
	if err != nil {
		return left, false, fmt.Errorf("read budget: %w", err)
	}
	return conversation.Cost{Micros: max(0, s.budget.Micros-s.used.Micros), Currency: s.budget.Currency}, s.budget.Micros > 0, nil
}

// Unpaid is the error of a message to everybody that was not sent for want of money.
const Unpaid = "the community's budget for this month is used up"

// unpledged is how long a message to everybody waits where the money that is left
// may be used up by what is on its way, which may fail as well.
const unpledged = 10 * time.Second

// maySpend returns an error for a message to everybody that a community has no
// money left for; ahead is what those cost that are on their way.
func (j *Journey) maySpend(ctx context.Context, q queued, ahead int64) error {
	var s spent
	if err := j.DB.View(ctx, func(tx ledger.Tx) (err error) {
		s, err = spentBy(ctx, tx, q.community, j.month(q, j.Clock()))
		return err
	}); err != nil {
		return fmt.Errorf("read budget: %w", err)
	}
	if s.share() >= 100 {
		return &conversation.SendError{Final: true, Err: errors.New(Unpaid)}
	}
	if s.used.Micros += ahead; s.share() >= 100 {
		return &conversation.SendError{RetryAfter: unpledged, Err: errors.New("the community's budget may be used up by what is on its way")}
	}
	return nil
}

// budgetWarning is from which share of the budget on the coordinators are told, in percent.
const budgetWarning = 80

// tellBudget tells the coordinators, once a month each, that their budget is
// nearly used up, and that it is.
func (j *Journey) tellBudget(ctx context.Context, tx ledger.Tx, q queued, now time.Time) ([]conversation.Outbound, error) {
	month := j.month(q, now)
	s, err := spentBy(ctx, tx, q.community, month)
	if err != nil {
		return nil, fmt.Errorf("read budget: %w", err)
	}
	reached := s.share() >= 100
	switch {
	case reached && s.reached != month:
	case s.share() >= budgetWarning && s.warned != month && s.reached != month:
	default:
		return nil, nil
	}
	book, err := ledger.Open(ctx, tx, q.community, now)
	if err != nil {
		return nil, err
	}
	out, err := j.Engine.Budget(ctx, j.room(book, j.memory(tx, book)), s.used, s.budget, reached)
	if err != nil {
		return nil, err
	}
	query := `UPDATE budgets SET warned = $2 WHERE community_id = $1`
	if reached {
		query = `UPDATE budgets SET reached = $2 WHERE community_id = $1`
	}
	if err := tx.Later(ctx, query, q.community, month); err != nil {
		return nil, err
	}
	return out, enqueue(ctx, tx, q.community, out, nil, now)
}

// Cost is what a message would cost: nothing on channels that have no price.
func (j *Journey) Cost(out conversation.Outbound) conversation.Cost {
	if s := j.senders[out.Channel]; s != nil {
		if c, ok := s.channel.(conversation.Priced); ok {
			return c.Cost(out)
		}
	}
	return conversation.Cost{}
}
