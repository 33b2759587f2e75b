package android

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// A telephone calls webhooks only by https. Where Crier cannot be reached so, as
// at home, it asks the telephone itself, which has to be in the same network
// (the app's local mode, from version 1.59 on).

const (
	askEvery = 3 * time.Second
	askBack  = time.Hour // what is dated before is found by the longer look

	// A text keeps the date of the network, and may come long after that.
	lookEvery = 5 * time.Minute
	lookBack  = 72 * time.Hour

	receiptEvery = 20 * time.Second
	receiptLasts = 24 * time.Hour
	receiptsMost = 500

	inboxPage = 500 // the most that it gives at once
)

// inboxText is a text in the telephone's inbox.
type inboxText struct {
	ID        string    `json:"id"` // "text:" and the hash as a signed number; "mms-header:" and a hash
	Sender    string    `json:"sender"`
	Text      string    `json:"contentPreview"` // all of it
	CreatedAt time.Time `json:"createdAt"`
}

// key is the id that a webhook would have brought it by.
func (t inboxText) key() string {
	if hash, err := strconv.ParseInt(strings.TrimPrefix(t.ID, "text:"), 10, 32); err == nil {
		return textID(uint32(hash), t.CreatedAt) // as the app writes it elsewhere: unsigned
	}
	return t.ID + "@" + strconv.FormatInt(t.CreatedAt.UnixMilli(), 10)
}

// poll asks the telephone for what has come in, and for what has become of our
// texts, until ctx ends.
func (g *gateway) poll(ctx context.Context) error {
	heard := map[string]time.Time{} // the texts that were handed on, with their date
	var looked, reported time.Time
	failing := false
	for ctx.Err() == nil {
		now := g.line.Now()
		since := now.Add(-askBack)
		if now.Sub(looked) >= lookEvery {
			since = now.Add(-lookBack)
		}
		err := g.hearFrom(ctx, since, heard)
		if err == nil && since.Before(now.Add(-askBack)) {
			looked = now
			maps.DeleteFunc(heard, func(_ string, at time.Time) bool { return at.Before(since) })
		}
		if err == nil && now.Sub(reported) >= receiptEvery {
			reported = now
			err = g.askReceipts(ctx, now)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			g.line.Log().Warn("the telephone does not answer: no texts come in before it does", "err", err)
		case err == nil && failing:
			g.line.Log().Info("the telephone answers again")
		}
		failing = err != nil
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
		}
	}
	return nil
}

// hearFrom hands on the texts that are dated after a time, the oldest first.
func (g *gateway) hearFrom(ctx context.Context, since time.Time, heard map[string]time.Time) error {
	texts, err := g.inbox(ctx, "SMS", since)
	if err != nil {
		return fmt.Errorf("ask for the inbox: %w", err)
	}
	pictures, err := g.inbox(ctx, "MMS", since)
	if err != nil && !refused(err, http.StatusBadRequest) { // an app that knows none of them
		return fmt.Errorf("ask for the picture messages: %w", err)
	}
	for _, t := range pictures {
		t.Text = "" // it was the subject, or the app's words
		texts = append(texts, t)
	}
	slices.SortFunc(texts, func(a, b inboxText) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, t := range texts {
		if _, done := heard[t.key()]; done {
			continue
		}
		if err := g.line.Hear(ctx, sms.Heard{ID: t.key(), From: t.Sender, Text: t.Text, At: t.CreatedAt}); err != nil {
			return fmt.Errorf("keep a text: %w", err)
		}
		heard[t.key()] = t.CreatedAt
	}
	return nil
}

// inbox returns what of a kind is dated after a time.
func (g *gateway) inbox(ctx context.Context, kind string, since time.Time) (texts []inboxText, err error) {
	for {
		query := url.Values{
			"type": {kind}, "limit": {strconv.Itoa(inboxPage)}, "offset": {strconv.Itoa(len(texts))}, "from": {since.UTC().Format(time.RFC3339)},
		}
		var page []inboxText
		if err := g.call(ctx, http.MethodGet, "/inbox?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		if texts = append(texts, page...); len(page) < inboxPage {
			return texts, nil
		}
	}
}

// undecided are the texts whose receipt is waited for, by their id, with when
// they were submitted.
type undecided struct {
	mu    sync.Mutex
	texts map[string]time.Time
}

func (u *undecided) add(id string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.texts == nil {
		u.texts = map[string]time.Time{}
	}
	if len(u.texts) < receiptsMost {
		u.texts[id] = at
	}
}

func (u *undecided) remove(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.texts, id)
}

func (u *undecided) all() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.texts)
}

// askReceipts asks what has become of the texts of the last day.
func (g *gateway) askReceipts(ctx context.Context, now time.Time) error {
	for id, at := range g.undecided.all() {
		if now.Sub(at) > receiptLasts {
			g.undecided.remove(id)
			continue
		}
		known, err := g.known(ctx, id)
		switch {
		case refused(err, http.StatusNotFound):
			g.undecided.remove(id)
			continue
		case err != nil:
			return fmt.Errorf("ask for receipts: %w", err)
		}
		var r conversation.Receipt
		switch known.State {
		case "Delivered":
			r.Status = conversation.Delivered
		case "Failed":
			why, _ := known.failure()
			if r = failed(why); r.Again {
				r.ProviderID = id
			}
		case "Cancelled":
			r.Status, r.Reason = conversation.Failed, "cancelled"
		default:
			continue
		}
		r.ID, _ = number(id)
		if err := g.line.Receipt(ctx, r); err != nil {
			return fmt.Errorf("keep a receipt: %w", err)
		}
		g.undecided.remove(id)
	}
	return nil
}
