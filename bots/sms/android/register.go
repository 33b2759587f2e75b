package android

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	registerEvery = 10 * time.Minute
	registerAgain = 15 * time.Second // after a failure, twice as long each time
)

// events are those that are registered for, and the hook of each. An older app
// may not know those that are young.
var events = []struct {
	name, hook string
	young      bool
}{
	{"sms:received", "in", false},
	{"mms:received", "in", true},
	{"sms:sent", "receipt", false},
	{"sms:delivered", "receipt", false},
	{"sms:failed", "receipt", false},
}

// webhook is a registration: there is one for each event.
type webhook struct {
	ID       string `json:"id"`                 // at most 36 characters
	DeviceID string `json:"deviceId,omitempty"` // "": of all telephones of the account
	URL      string `json:"url"`
	Event    string `json:"event"`

	young bool
}

// Run keeps the webhooks registered, since a telephone that was set up anew has
// forgotten them; without any it asks the telephone.
func (g *gateway) Run(ctx context.Context) error {
	if g.settings.Hook == "" {
		return g.poll(ctx)
	}
	again := registerAgain
	for ctx.Err() == nil {
		pause := registerEvery
		switch err := g.register(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if again == registerAgain { // the first of a row
				g.line.Log().Warn("the webhooks are not registered: no texts come in before they are", "err", err)
			}
			pause, again = again, min(2*again, registerEvery)
		case again != registerAgain:
			g.line.Log().Info("the webhooks are registered")
			again = registerAgain
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// register registers what is not there yet, and takes away what is there twice:
// it would bring each text twice.
func (g *gateway) register(ctx context.Context) error {
	registered, err := g.registered(ctx)
	if err != nil {
		return fmt.Errorf("list webhooks: %w", err)
	}
	for _, w := range g.wanted() {
		there := w.among(registered)
		if len(there) == 0 {
			if err := g.call(ctx, http.MethodPost, "/webhooks", w, nil); refused(err, http.StatusBadRequest) && w.young {
				continue
			} else if refused(err, http.StatusBadRequest) {
				return fmt.Errorf("register a webhook for %s: %w (its address must be https)", w.Event, err)
			} else if err != nil {
				return fmt.Errorf("register a webhook for %s: %w", w.Event, err)
			}
			continue
		}
		seen := make(map[string]bool) // by telephone
		for _, w := range there {
			if seen[w.DeviceID] {
				if err := g.call(ctx, http.MethodDelete, "/webhooks/"+url.PathEscape(w.ID), nil, nil); err != nil {
					return fmt.Errorf("remove a second webhook for %s: %w", w.Event, err)
				}
			}
			seen[w.DeviceID] = true
		}
	}
	return nil
}

func (g *gateway) registered(ctx context.Context) ([]webhook, error) {
	var registered []webhook
	err := g.call(ctx, http.MethodGet, "/webhooks", nil, &registered)
	return registered, err
}

// wanted are the registrations that have to be there. Their ids are always the
// same, so that two processes that register at once do it once.
func (g *gateway) wanted() []webhook {
	var wanted []webhook
	for _, e := range events {
		sum := sha256.Sum256([]byte(g.settings.Hook + " " + e.name))
		wanted = append(wanted, webhook{ID: "crier-" + hex.EncodeToString(sum[:12]), URL: g.settings.Hook + e.hook, Event: e.name, young: e.young})
	}
	return wanted
}

// among are those that do what w does.
func (w webhook) among(all []webhook) []webhook {
	var same []webhook
	for _, other := range all {
		if other.URL == w.URL && other.Event == w.Event {
			same = append(same, other)
		}
	}
	return same
}
