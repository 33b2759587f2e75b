// Package spool is what the gateways share that exchange files with a daemon on
// the same machine, which has the modem: how texts come in and go out by
// folders that both write to, and what is kept of those that have gone out.
//
// Neither program waits for the other. A file is read only when the daemon has
// written all of it, and removed only when what is in it is kept; it is written
// under a hidden name, and seen by the daemon when it is whole.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// Spool takes in what a daemon brings.
type Spool struct {
	Dir  Dir
	Line *sms.Line

	// Inbox is the folder that the daemon puts texts and reports into, and
	// Parse reads a file of it.
	Inbox string
	Parse func(data []byte) (Letter, error)

	// Settle looks for the texts that the daemon has sent, or failed to send.
	Settle func(ctx context.Context) error

	puzzling map[string]bool // files that have been complained of
	tidied   time.Time
}

// Letter is what one file of the inbox holds: a text, parts of texts, or a
// report.
type Letter struct {
	Texts  []Text
	Report *Report
	Sent   string // when the network got it: as the daemon writes that, in a form that sorts
	Open   bool   // the daemon may yet add to the file
}

// Text is a text, or a part of one that is not complete.
type Text struct {
	ID            string // of the text or the part, made of all that the network says of it
	From, Text    string
	Ref           string // of the parts of one text
	Number, Total int    // Total is 1 for a text
}

// Report is what became of a text.
type Report struct {
	To     string // as the daemon writes it
	Ref    int
	Status conversation.Status
	Reason string
}

// What Parse may say of a file.
var (
	// ErrHalf says that the daemon has not written all of it yet.
	ErrHalf = errors.New("it is not complete")
	// ErrNoText says that it holds no text: settings of the telephone, say.
	ErrNoText = errors.New("it holds no text")
)

const (
	lookEvery = time.Second
	halfFor   = 30 * time.Second // longer than a daemon that runs takes to write a file
	openFor   = 5 * time.Second  // and this between two parts of it
	reportFor = 10 * time.Second // longer than a text takes from one folder to the next
	failMost  = 3                // after so many failures in one look it is the database's
	lookMost  = 500              // files are taken in at once
)

// errHeld says that something has to wait for another look.
var errHeld = errors.New("it has to wait")

// Run looks into the folders until ctx ends, and then returns nil. It says when
// looking begins to fail, and when it works again.
func (s *Spool) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for {
		err := s.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			s.Line.Log().Error("what the gateway brings cannot be taken: trying until it works", "err", err)
		case err == nil && failing:
			s.Line.Log().Info("what the gateway brings is taken again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look looks into all folders once.
func (s *Spool) look(ctx context.Context) error {
	err := errors.Join(s.Settle(ctx), s.hear(ctx))
	// The age of a file is by the machine's clock, like the time it shows.
	if now := time.Now(); now.Sub(s.tidied) > time.Hour {
		s.tidied = now
		err = errors.Join(err, s.Dir.tidy(now))
	}
	return err
}

// brought is a file of the inbox that has been read.
type brought struct {
	File
	Letter
}

// hear takes in what is in the inbox, in the order in which it was sent: the
// daemon may find it in another. What could not be kept stays there, and so do
// the later texts of its sender.
func (s *Spool) hear(ctx context.Context) error {
	all, err := s.readAll()
	if err != nil {
		return err
	}
	held := make(map[string]bool)
	failed := 0
	for _, b := range all {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch e := s.take(ctx, b, held); {
		case e == nil:
			e = s.Dir.Remove(s.Inbox, b.Name)
			err = errors.Join(err, e)
		case errors.Is(e, errHeld):
		default:
			err = errors.Join(err, e)
			if failed++; failed == failMost {
				return err
			}
		}
	}
	return err
}

// readAll reads what is in the inbox, as much of it as is taken in at once.
func (s *Spool) readAll() ([]brought, error) {
	files, err := s.Dir.List(s.Inbox)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(files, func(a, b File) int { return a.At.Compare(b.At) })
	puzzling := make(map[string]bool)
	var all []brought
	for _, f := range files[:min(len(files), lookMost)] {
		letter, err := s.read(f)
		switch {
		case err == nil && letter.Open && time.Since(f.At) < openFor:
		case err == nil:
			all = append(all, brought{f, letter})
		case errors.Is(err, ErrNoText):
			s.Line.Log().Info("a message that is no text is not answered")
			err = s.Dir.Remove(s.Inbox, f.Name)
		case errors.Is(err, ErrHalf) && time.Since(f.At) < halfFor, errors.Is(err, fs.ErrNotExist):
			err = nil // it is not there yet, or not any more
		case errors.Is(err, errUnread):
			if puzzling[f.Name] = true; !s.puzzling[f.Name] {
				s.Line.Log().Warn("a file of the gateway cannot be opened", "written", f.At, "err", err)
			}
			err = nil
		default:
			// To hear the half of a text could be worse than not to hear it.
			s.Line.Log().Error("what the gateway has brought cannot be read: it is put into the folder unread", "written", f.At, "err", err)
			err = s.Dir.Move(s.Inbox, f.Name, unread, f.At.UTC().Format("20060102T150405.000000000Z"))
		}
		if err != nil {
			return nil, err
		}
	}
	s.puzzling = puzzling
	slices.SortStableFunc(all, func(a, b brought) int { return strings.Compare(a.Sent, b.Sent) })
	return all, nil
}

// errUnread says that the system does not let a file be read.
var errUnread = errors.New("it cannot be opened")

// read reads a file. One that no code was written for does no harm to others.
func (s *Spool) read(f File) (letter Letter, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Line.Log().Error("panic while a file was read", "panic", p, "stack", string(debug.Stack()))
			err = errors.New("panic")
		}
	}()
	data, err := s.Dir.Read(s.Inbox, f.Name)
	switch {
	case errors.Is(err, errHuge):
		return Letter{}, err
	case err != nil:
		return Letter{}, fmt.Errorf("%w: %w", errUnread, err)
	}
	return s.Parse(data)
}

// take takes in what was in one file.
func (s *Spool) take(ctx context.Context, b brought, held map[string]bool) error {
	if b.Report != nil {
		return s.report(ctx, *b.Report, time.Since(b.At))
	}
	for _, t := range b.Texts {
		if held[t.From] {
			return errHeld
		}
		heard := sms.Heard{ID: t.ID, From: t.From, Text: t.Text, At: b.At}
		var err error
		if t.Total > 1 {
			err = s.Line.HearPart(ctx, sms.Part{Heard: heard, Ref: t.Ref, Number: t.Number, Total: t.Total})
		} else {
			err = s.Line.Hear(ctx, heard)
		}
		if err != nil {
			held[t.From] = true
			return err
		}
	}
	return nil
}

// report finds the text that a report is about.
func (s *Spool) report(ctx context.Context, r Report, age time.Duration) error {
	to, err := sms.Number(r.To, s.Line.Region)
	if err != nil || r.Status == conversation.Underway {
		return nil // nothing goes to such a number, or nothing new is said
	}
	slip, found, err := s.Dir.find(sms.Digits(to), r.Ref)
	switch {
	case err != nil:
		return err
	case !found && age < reportFor:
		return errHeld // the daemon may not have put the text away yet
	case !found:
		s.Line.Log().Info("a report is on nobody's text")
		return nil
	}
	if r.Status == conversation.Delivered {
		if all, err := s.Dir.arrived(slip, r.Ref); err != nil || !all {
			return err
		}
	}
	return s.Line.Receipt(ctx, conversation.Receipt{ID: slip.ID, Status: r.Status, Reason: r.Reason})
}

// Sent notes that the daemon has sent a text, or a part of one, and puts a slip
// in the place of its file.
func (s *Spool) Sent(ctx context.Context, folder, name string, slip Slip) error {
	known, err := s.Dir.Known(slip.ID)
	if err != nil {
		return err
	}
	known[slip.Part] = true
	if len(known) == slip.Of {
		if err := s.Line.Receipt(ctx, conversation.Receipt{ID: slip.ID, Status: conversation.Underway}); err != nil {
			return err
		}
	}
	return s.Dir.putAway(folder, name, slip)
}

// Failed notes that the daemon will not send a text, and puts a slip in the
// place of its file.
func (s *Spool) Failed(ctx context.Context, folder, name string, slip Slip, reason string) error {
	if err := s.Line.Receipt(ctx, conversation.Receipt{ID: slip.ID, Status: conversation.Failed, Reason: reason}); err != nil {
		return err
	}
	return s.Dir.putAway(folder, name, slip)
}
