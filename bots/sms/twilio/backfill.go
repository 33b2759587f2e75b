package twilio

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"crier/bots/sms"
)

const (
	lookEvery = 15 * time.Minute
	lookOften = 15 * time.Second // where there are no webhooks
	lookAgain = 30 * time.Second // after a failure, twice as long each time

	// lookBack is how far the first look goes: over a weekend without Crier.
	lookBack = 72 * time.Hour

	// lookOver is by how much looks overlap: for a message that Twilio lists
	// later than it dates it.
	lookOver = 10 * time.Minute
)

// Run looks again and again for texts that came in while Twilio could not call.
// Most of what it finds has been heard already: it has the same id, and falls
// away.
func (g *gateway) Run(ctx context.Context) error {
	since, again := g.line.Now().Add(-lookBack), lookAgain
	for ctx.Err() == nil {
		pause, began := g.every(), g.line.Now()
		switch err := g.look(ctx, since); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if again == lookAgain { // the first of a row
				g.line.Log().Warn("texts that came in while nobody could hear them are not found", "err", err)
			}
			pause, again = again, min(2*again, lookEvery)
		default:
			since, again = began.Add(-lookOver), lookAgain
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// every is how long it waits between two looks.
func (g *gateway) every() time.Duration {
	if g.settings.Hook == "" {
		return lookOften
	}
	return lookEvery
}

// look takes in what came to the number after a time, the oldest first.
func (g *gateway) look(ctx context.Context, since time.Time) error {
	var came []message
	// Twilio may read the time as a whole day.
	query := url.Values{"To": {g.settings.Number}, "DateSent>": {since.UTC().Format(time.RFC3339)}, "PageSize": {pageSize}}
	err := g.list(ctx, query, func(m message) bool {
		at := m.created()
		if !at.IsZero() && at.Before(since) {
			return false
		}
		if m.Direction == "inbound" && m.Status == "received" && isID(m.SID) && m.From != "" {
			came = append(came, m)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("list messages: %w", err)
	}
	for _, m := range slices.Backward(came) {
		if err := g.line.Hear(ctx, sms.Heard{ID: m.SID, From: m.From, Text: m.Body, At: m.created()}); err != nil {
			return fmt.Errorf("keep a text: %w", err)
		}
	}
	return nil
}
