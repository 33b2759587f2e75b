package understand

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is how much of one input line is kept.
const maxLine = 4 << 20

type query struct {
	ID     json.RawMessage `json:"id"`
	Locale string          `json:"locale"`
	Unit   string          `json:"unit"`
	Text   string          `json:"text"`
}

type reply struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Intent Intent          `json:"intent"`
	Who    string          `json:"who,omitempty"`
	Amount string          `json:"amount,omitempty"`
	What   string          `json:"what,omitempty"`
}

// Lines reads messages as JSON Lines ({"id","locale","unit","text"}; unit is
// "hour" or "unit") and writes what each means ({"id","intent","who","amount",
// "what"}): one line for each line, in order. A line that is not such an
// object is answered with intent "unknown".
func Lines(ctx context.Context, r io.Reader, w io.Writer, u *Understander) error {
	in, out := bufio.NewReaderSize(r, 64<<10), bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, out.Flush())
		}
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(fmt.Errorf("read messages: %w", err), out.Flush())
		}
		last := err != nil
		if last && len(line) == 0 {
			break
		}
		if err := enc.Encode(u.answer(line)); err != nil {
			return fmt.Errorf("write answers: %w", err)
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write answers: %w", err)
			}
		}
		if last {
			break
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write answers: %w", err)
	}
	return nil
}

// readLine reads up to the end of a line, and keeps no more than maxLine of it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part[:min(len(part), max(0, maxLine-len(line)))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (u *Understander) answer(line []byte) reply {
	var q query
	if err := json.Unmarshal(bytes.TrimSpace(line), &q); err != nil {
		return reply{ID: idOf(line), Intent: Unknown}
	}
	unit := Units
	if Unit(q.Unit) == Hours {
		unit = Hours
	}
	m := u.Understand(Input{Text: q.Text, Locale: q.Locale, Unit: unit})
	r := reply{ID: q.ID, Intent: m.Intent}
	switch m.Intent {
	case Pay, Charge:
		r.Who, r.What, r.Amount = m.Who, m.What, decimal(m.Amount, unit)
	case Offer, Want, Search, RemoveAd, Digest, Language:
		r.What = m.What
	case Member:
		r.Who = m.Who
	case Check, More:
		r.Intent = History
	case Members:
		r.Intent = Search
	case Human:
		r.Intent = Help
	case Join:
		r.Intent = Start
	case Thanks, Hello, RenewAd, TakeAd, LeaveAd, Category, Report, Stock, Done, Approve, Refuse, Invite, Address, Switch, Email, PIN, ResetPIN:
		r.Intent = Unknown
	default: // the intent says it all
	}
	return r
}

// idOf finds the id of a line whose other keys are of the wrong type.
func idOf(line []byte) json.RawMessage {
	var q struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(line, &q) != nil {
		return nil
	}
	return q.ID
}

// decimal writes an amount in its unit: hours with up to four decimals.
func decimal(v int64, u Unit) string {
	whole, part, digits := v/100, (v%100)*100, 4
	if u == Hours {
		whole, part = v/60, (v%60*10_000+30)/60
	}
	s := fmt.Sprintf("%d.%0*d", whole, digits, part)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
