package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// A digest says the same to hundreds of members. It lies in the database once,
// and in memory once, where all messages that say it point to the same sheet.

// sheetsLast is how long one is kept after it was queued.
const sheetsLast = 60 * 24 * time.Hour

// keepSheet writes what many get, and returns the name that it has.
func keepSheet(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, o conversation.Outbound, now time.Time) (string, error) {
	data, err := json.Marshal(o.Sheet)
	if err != nil {
		return "", fmt.Errorf("write sheet: %w", err)
	}
	text := clean(o.Text, maxText)
	h := sha256.New()
	h.Write([]byte(strconv.Itoa(len(text)) + " " + text))
	h.Write(data)
	name := hex.EncodeToString(h.Sum(nil)[:16])
	if err := tx.Later(ctx, `INSERT INTO sheets (community_id, name, text, sheet, queued_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (community_id, name) DO UPDATE SET queued_at = excluded.queued_at`, lane, name, text, string(data), ledger.Micros(now)); err != nil {
		return "", fmt.Errorf("keep sheet: %w", err)
	}
	return name, nil
}

// forgetSheets removes what nobody gets any more.
func forgetSheets(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, now time.Time) error {
	return tx.Later(ctx, `DELETE FROM sheets WHERE community_id = $1 AND queued_at < $2`, lane, ledger.Micros(now.Add(-sheetsLast)))
}

// sheets are those that were read last. A run goes through a community's few
// again and again.
type sheets struct {
	mu   sync.Mutex
	kept map[sheetName]*page
	old  map[sheetName]*page // those that were kept before
}

type sheetName struct {
	community ledger.CommunityID
	name      string
}

type page struct {
	text  string
	sheet *conversation.Sheet
}

// sheetsMost is how many are in memory, twice over.
const sheetsMost = 64

// fill reads the sheets of messages.
func (s *sheets) fill(ctx context.Context, tx ledger.Tx, all []queued) error {
	for i := range all {
		q := &all[i]
		if q.sheetName == "" {
			continue
		}
		p, err := s.get(ctx, tx, sheetName{q.community, q.sheetName})
		if err != nil {
			return err
		}
		q.Text, q.Sheet = p.text, p.sheet
	}
	return nil
}

func (s *sheets) get(ctx context.Context, tx ledger.Tx, name sheetName) (*page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.kept[name]
	if p == nil {
		if p = s.old[name]; p == nil {
			p = &page{sheet: &conversation.Sheet{}}
			var data string
			if err := ledger.Get(ctx, tx, []any{&p.text, &data}, `SELECT text, sheet FROM sheets WHERE community_id = $1 AND name = $2`,
				name.community, name.name); err != nil {
				return nil, fmt.Errorf("read sheet: %w", err)
			}
			if err := json.Unmarshal([]byte(data), p.sheet); err != nil {
				return nil, fmt.Errorf("read sheet: %w", err)
			}
		}
		if len(s.kept) >= sheetsMost || s.kept == nil {
			s.old, s.kept = s.kept, map[sheetName]*page{}
		}
		s.kept[name] = p
	}
	return p, nil
}
