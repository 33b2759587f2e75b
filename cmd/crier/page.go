package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"crier/bots/phone"
	"crier/conversation/state"
	"crier/ledger"
	"crier/locales"
)

// newPage makes the browser phone, on which every member with an address on one
// of the channels can be picked. Its words are those of a language, "" the
// default.
func newPage(db ledger.DB, journey *state.Journey, c phone.Config, catalog *locales.Catalog, locale string, channels []string) *phone.Server {
	c.Directory = func(ctx context.Context) ([]phone.Screen, error) { return allScreens(ctx, db, channels) }
	c.Texts = pageTexts(catalog, locale)
	return phone.New(c, journey)
}

// pageTexts are the page's own words in a language, as far as it has them.
func pageTexts(catalog *locales.Catalog, locale string) map[string]string {
	texts := map[string]string{}
	printer := catalog.Printer(locale, locales.Unit{}, nil, time.UTC, time.Time{})
	for key := range phone.DefaultTexts() {
		if text, ok := optional(printer, "phone."+key); ok {
			texts[key] = text
		}
	}
	return texts
}

// optional is a text that a language may not have.
func optional(p *locales.Printer, key string) (string, bool) {
	text := p.Text(key, nil)
	return text, text != key
}

// allScreens lists the screens of every member of every community.
func allScreens(ctx context.Context, db ledger.DB, channels []string) (screens []phone.Screen, err error) {
	err = db.View(ctx, func(tx ledger.Tx) error {
		screens = nil
		communities, err := ledger.Communities(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range communities {
			book, err := ledger.Read(ctx, tx, c.ID, time.Now())
			if err != nil {
				return err
			}
			people, err := book.Roster(ctx)
			if err != nil {
				return err
			}
			for _, one := range people {
				if one.Status == ledger.Left {
					continue
				}
				for _, a := range one.Addresses {
					if slices.Contains(channels, a.Channel) {
						screens = append(screens, phone.Screen{Name: one.Name, Channel: a.Channel, Address: a.Address, Locale: one.Locale})
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return screens, nil
}

// servePage serves the browser phone until ctx ends.
func servePage(ctx context.Context, l net.Listener, page *phone.Server) error {
	server := newServer(page)
	server.RegisterOnShutdown(page.Close)
	return serveHTTP(ctx, l, server)
}
