package conversation

import (
	"context"

	"crier/locales"
)

// Budget tells the coordinators that the month's messages have cost most of
// what they may, or all of it.
func (e *Engine) Budget(ctx context.Context, room Room, used, budget Cost, reached bool) ([]Outbound, error) {
	now := room.Book.Now().In(e.zone(room.Book.Community().Timezone))
	key := "budget.warning"
	if reached {
		key = "budget.reached"
	}
	return e.tellCoordinators(ctx, room, 0, func(p *locales.Printer) string {
		return p.Text(key, locales.Args{
			"cost":   locales.Money{Micros: used.Micros, Currency: used.Currency},
			"budget": locales.Money{Micros: budget.Micros, Currency: budget.Currency},
			"day":    locales.Day(now.AddDate(0, 1, 1-now.Day())),
		})
	})
}
