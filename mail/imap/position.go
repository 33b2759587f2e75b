package imap

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// How far back to look where there is no position to go on from.
const (
	firstLook = 3 * 24 * time.Hour  // a mailbox that was never heard: what is not yet read
	rescan    = 14 * 24 * time.Hour // a mailbox that was numbered anew: whoever hears drops repeats
)

// position is where a mailbox was heard up to: what the cursor keeps, as JSON.
type position struct {
	Validity uint32   `json:"uidvalidity"`
	UID      imap.UID `json:"uid"` // all mails up to this one were dealt with

	// Up to Until only those mails count that came since Since and, with
	// Unseen, are not read.
	Until  imap.UID  `json:"until,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Unseen bool      `json:"unseen,omitempty"`
}

func parsePosition(value string) (position, error) {
	var p position
	if value == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return position{Validity: 0, Until: 1}, fmt.Errorf("read the cursor: %w", err)
	}
	return p, nil
}

func (p position) String() string {
	value, err := json.Marshal(p)
	if err != nil {
		return "" // no position does that
	}
	return string(value)
}

// in returns the position to go on from in a mailbox as it is found: numbers
// are only good for the validity they were given with, and never go back.
// Source: RFC 9051, section 2.3.1.1.
func (p position) in(validity uint32, last imap.UID, now time.Time) position {
	switch {
	case p == position{}:
		return position{Validity: validity, Until: last, Since: now.Add(-firstLook), Unseen: true}
	case p.Validity != validity || p.UID > last:
		return position{Validity: validity, Until: last, Since: now.Add(-rescan)}
	default:
		return p
	}
}
