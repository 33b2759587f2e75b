package smstools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
)

// file is one part of a text, or all of it. Its name says which, until when it
// is worth sending, and how often that was tried in vain.
type file struct {
	id       int64
	part, of int // from 1 on
	until    time.Time
	tries    int
}

var nameForm = regexp.MustCompile(`^crier-([0-9]{19})-([0-9]{3})of([0-9]{3})-([0-9]{1,12})-([0-9]{1,9})$`)

func (f file) name() string {
	return fmt.Sprintf("crier-%019d-%03dof%03d-%d-%d", f.id, f.part, f.of, f.until.Unix(), f.tries)
}

// parseName reads a name. It returns false for a file that is not Crier's.
func parseName(name string) (f file, ok bool) {
	m := nameForm.FindStringSubmatch(name)
	if m == nil {
		return f, false
	}
	var numbers [5]int64
	for i := range numbers {
		n, err := strconv.ParseInt(m[i+1], 10, 64)
		if err != nil {
			return f, false
		}
		numbers[i] = n
	}
	return file{id: numbers[0], part: int(numbers[1]), of: int(numbers[2]), until: time.Unix(numbers[3], 0), tries: int(numbers[4])}, true
}

// Submit hands a text to the daemon: each part as a file of its own, since the
// daemon would cut characters in two. What it has of them already, or had in
// the last week, is not handed over again.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	known, err := g.known(text.ID)
	if err != nil {
		return "", sms.Busy(err, 0)
	}
	parts := spool.UCS2Parts(text.Body, nil)
	if text.GSM {
		parts = spool.GSMParts(text.Body)
	}
	var files []spool.NewFile
	for i, body := range parts {
		f := file{id: text.ID, part: i + 1, of: len(parts), until: g.line.Now().Add(text.Valid)}
		if !known[f.part] {
			files = append(files, spool.NewFile{Name: f.name(), Data: format(text, f, body)})
		}
	}
	if len(files) == 0 {
		return "", nil
	}
	return "", g.dir.Write(outgoing, files...)
}

// known returns which parts of a text were handed over.
func (g *gateway) known(id int64) (map[int]bool, error) {
	there := make(map[int]bool)
	// Files go from folder to folder in this order, so that none is missed.
	for _, folder := range []string{outgoing, checked, sent, failed} {
		files, err := g.dir.List(folder)
		if err != nil {
			return nil, err
		}
		for _, one := range files {
			if f, ok := parseName(one.Name); ok && f.id == id {
				there[f.part] = true
			}
		}
	}
	done, err := g.dir.Known(id)
	for part := range done {
		there[part] = true
	}
	return there, err
}

// format writes a file for the folder outgoing.
func format(text sms.Text, f file, body string) []byte {
	alphabet, encoded := "GSM", spool.GSM(body)
	if !text.GSM {
		alphabet, encoded = "UCS2", spool.UTF16(body)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "To: %s\nAlphabet: %s\nReport: yes\nAutosplit: 0\nValidity: %s\n", sms.Digits(text.To), alphabet, validity(text.Valid))
	if f.of > 1 {
		fmt.Fprintf(&b, "UDH-DATA: % X\n", spool.Concat(byte(text.ID), f.part, f.of))
	}
	fmt.Fprintf(&b, "X-Crier-Id: %d %d/%d\n\n", f.id, f.part, f.of) // for who looks into a folder
	return append([]byte(b.String()), encoded...)
}

// validity writes how long the network is to try.
func validity(d time.Duration) string {
	if d < 12*time.Hour {
		return fmt.Sprintf("%d min", max(int(d.Minutes()), 5))
	}
	return fmt.Sprintf("%d hour", int(d.Hours()))
}

// settle looks what has become of the texts that were handed over.
func (g *gateway) settle(ctx context.Context) error {
	return errors.Join(g.settleWaiting(), g.settleSent(ctx), g.settleFailed(ctx))
}

// settleWaiting gives those texts up that came to be too old.
func (g *gateway) settleWaiting() error {
	now := g.line.Now()
	for _, folder := range []string{outgoing, checked} {
		err := g.each(folder, func(name string, f file, _ time.Time) error {
			if !f.until.Before(now) {
				return nil
			}
			err := g.dir.Move(folder, name, failed, name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the daemon has just moved it
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) settleSent(ctx context.Context) error {
	return g.each(sent, func(name string, f file, _ time.Time) error {
		slip, _, err := g.slip(sent, name, f)
		if err != nil {
			return err
		}
		return g.inbox.Sent(ctx, sent, name, slip)
	})
}

// settleFailed gives texts up, or has them tried again where it is not the text
// that is to blame.
func (g *gateway) settleFailed(ctx context.Context) error {
	return g.each(failed, func(name string, f file, at time.Time) error {
		slip, h, err := g.slip(failed, name, f)
		if err != nil {
			return err
		}
		reason, hopeless := verdict(h.get("Fail_reason"))
		if hopeless || f.until.Before(g.line.Now()) {
			return g.inbox.Failed(ctx, failed, name, slip, reason)
		}
		if time.Since(at) < retryAfter(f.tries) {
			return nil
		}
		f.tries++
		g.mu.Lock() // Submit is not to overlook it
		defer g.mu.Unlock()
		return g.dir.Move(failed, name, outgoing, f.name())
	})
}

// retryAfter is how long a text waits that was tried so often.
func retryAfter(tries int) time.Duration { return min(15*time.Second<<min(tries, 8), time.Hour) }

// hopelessCauses are those of the network's and the modem's errors that say
// that this text will never go to this number (3GPP TS 27.005, section 3.2.5,
// and TS 24.011, annex E-2). All others may pass.
var hopelessCauses = map[int]bool{
	1:   true, // unassigned number
	8:   true, // operator determined barring
	10:  true, // call barred
	21:  true, // short message transfer rejected
	28:  true, // unidentified subscriber
	29:  true, // facility rejected
	30:  true, // unknown subscriber
	50:  true, // requested facility not subscribed
	69:  true, // requested facility not implemented
	195: true, // invalid SME address
	196: true, // destination SME barred
	304: true, // invalid PDU mode parameter
}

var causeForm = regexp.MustCompile(`\+CMS ERROR: *([0-9]{1,4})`)

// verdict says why smsd could not send a text, and whether that is the text's or
// the number's fault, and not the modem's, which may be without a signal.
func verdict(failReason string) (reason string, hopeless bool) {
	if m := causeForm.FindStringSubmatch(failReason); m != nil {
		cause, _ := strconv.Atoi(m[1]) // the form has only digits there
		return m[0], hopelessCauses[cause]
	}
	switch failReason {
	case "No destination", "Invalid alphabet", "Invalid number type", "No text", "Too long text":
		return failReason, true
	}
	return "smsd could not send it", false // what else the modem has said may hold the text
}

// slip reads which reference the network gave to a text, and whom it went to.
func (g *gateway) slip(folder, name string, f file) (spool.Slip, headers, error) {
	data, err := g.dir.Read(folder, name)
	if err != nil {
		return spool.Slip{}, nil, err
	}
	h, _, _ := split(data)
	s := spool.Slip{ID: f.id, Part: f.part, Of: f.of}
	if to, err := sms.Number(sms.International(h.get("To")), ""); err == nil {
		s.To = sms.Digits(to)
	}
	for word := range strings.FieldsSeq(h.get("Message_id")) {
		if ref, err := strconv.Atoi(word); err == nil && ref >= 0 && ref <= 255 {
			s.Refs = append(s.Refs, spool.Ref{Number: ref})
		}
	}
	return s, h, nil
}

// lockedFor is how long a file may be locked. A daemon that was killed leaves
// its locks behind.
const lockedFor = 10 * time.Minute

// each calls do for Crier's files in a folder that the daemon is not about to
// write or to send.
func (g *gateway) each(folder string, do func(name string, f file, at time.Time) error) error {
	files, err := g.dir.List(folder)
	if err != nil {
		return err
	}
	locked := make(map[string]bool)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name, ".LOCK"); ok && time.Since(f.At) < lockedFor {
			locked[name] = true
		}
	}
	for _, one := range files {
		f, ok := parseName(one.Name)
		if !ok || locked[one.Name] {
			continue
		}
		if err := do(one.Name, f, one.At); err != nil {
			return err
		}
	}
	return nil
}
