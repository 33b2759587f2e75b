package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// idleMax is how long IDLE is believed: connections die without a word, and
// some servers forget to tell.
const idleMax = 5 * time.Minute

// listMax is how many mails one listing returns: of a longer backlog the first.
const listMax = 10_000

// session is a connection on which the mailbox is selected.
type session struct {
	client   *imapclient.Client
	wire     *wire
	patience time.Duration
	news     chan struct{} // holds one when the server told of new mail
	idle     bool          // the server tells of new mail by itself

	validity uint32
	last     imap.UID // the highest number that was given to a mail
	guessed  bool     // last is that of a mail that is there: a higher one may be gone
}

// item is a mail in a listing.
type item struct {
	uid  imap.UID
	size int64
}

// open connects, logs in and selects the mailbox.
func open(ctx context.Context, c Config, patience time.Duration) (_ *session, err error) {
	s := &session{patience: patience, news: make(chan struct{}, 1)}
	// This is called by the goroutine that reads: whoever waited here for an
	// answer would wait for ever.
	changed := func(data *imapclient.UnilateralDataMailbox) {
		if data.NumMessages == nil {
			return
		}
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
	options := imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: changed}}
	if s.client, s.wire, err = connect(ctx, c, patience, options); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, c); err != nil {
		s.close()
		return nil, err
	}
	s.wire.expect(0) // commands say how long they may take, see do
	return s, nil
}

func (s *session) begin(ctx context.Context, c Config) error {
	if err := login(ctx, s.client, c); err != nil {
		return err
	}
	s.idle = s.client.Caps().Has(imap.CapIdle)
	box, err := s.client.Select(c.Mailbox, nil).Wait()
	if err != nil && s.lacks(c.Mailbox) {
		return fmt.Errorf("%w: it has no folder %q", ErrConfig, c.Mailbox)
	}
	if err != nil {
		return fmt.Errorf("open the folder %q: %w", c.Mailbox, err)
	}
	if box.UIDValidity == 0 {
		return errors.New("the server does not number its mails (no UIDVALIDITY)")
	}
	s.validity = box.UIDValidity
	if box.UIDNext > 0 {
		s.last = box.UIDNext - 1
		return nil
	}
	// Servers may leave it out. Source: RFC 3501, section 6.3.1.
	s.guessed = true
	if box.NumMessages == 0 {
		return nil
	}
	items, err := s.list(imap.SeqSetNum(box.NumMessages))
	if len(items) > 0 {
		s.last = items[0].uid
	}
	return err
}

// lacks tells whether the server has no such folder. Not every server says so
// when asked to open it.
func (s *session) lacks(folder string) bool {
	found, err := s.client.List("", folder, nil).Collect()
	return err == nil && len(found) == 0
}

func (s *session) close() {
	s.wire.detach()
	s.client.Close()
	s.wire.close()
}

// do runs commands that the server must answer soon.
func (s *session) do(what string, commands func() error) error {
	s.wire.expect(s.patience)
	defer s.wire.expect(0)
	if err := commands(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// after lists the mails with higher numbers than uid.
func (s *session) after(uid imap.UID) ([]item, error) {
	if uid == math.MaxUint32 {
		return nil, nil
	}
	// Servers show new mails only to who has let them say that there are.
	// Source: RFC 9051, section 5.2.
	if err := s.do("ask for new mails", func() error { return s.client.Noop().Wait() }); err != nil {
		return nil, err
	}
	items, err := s.list(imap.UIDSet{{Start: uid + 1, Stop: 0}})
	// "n:*" always has the last mail. Source: RFC 9051, section 9, seq-range.
	return slices.DeleteFunc(items, func(i item) bool { return i.uid <= uid }), err
}

// list returns the mails of a set that are there, by number.
func (s *session) list(set imap.NumSet) (items []item, err error) {
	err = s.do("list mails", func() error {
		fetch := s.client.Fetch(set, &imap.FetchOptions{UID: true, RFC822Size: true})
		for message := fetch.Next(); message != nil; message = fetch.Next() {
			var i item
			for data := message.Next(); data != nil; data = message.Next() {
				switch data := data.(type) {
				case imapclient.FetchItemDataUID:
					i.uid = data.UID
				case imapclient.FetchItemDataRFC822Size:
					i.size = data.Size
				}
			}
			if i.uid > 0 {
				items = append(items, i)
			}
			if len(items) == 2*listMax {
				items = first(items)
			}
		}
		return fetch.Close()
	})
	return first(items), err
}

func first(items []item) []item {
	slices.SortFunc(items, func(a, b item) int { return int(int64(a.uid) - int64(b.uid)) })
	return items[:min(len(items), listMax)]
}

// search lists those mails of a position that are still to be looked at.
func (s *session) search(p position) ([]item, error) {
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{{{Start: p.UID + 1, Stop: p.Until}}}, Since: p.Since}
	if p.Unseen {
		criteria.NotFlag = []imap.Flag{imap.FlagSeen}
	}
	var found imap.UIDSet
	err := s.do("search for mails", func() error {
		data, err := s.client.UIDSearch(criteria, nil).Wait()
		if err == nil {
			found, _ = data.All.(imap.UIDSet)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	// A command has to end somewhere; the rest is found the next time.
	slices.SortFunc(found, func(a, b imap.UIDRange) int { return int(int64(a.Start) - int64(b.Start)) })
	items, err := s.list(found[:min(len(found), 200)])
	return slices.DeleteFunc(items, func(i item) bool { return i.uid <= p.UID || i.uid > p.Until }), err
}

// errCut says that a mail did not come whole.
var errCut = errors.New("the connection was cut within a mail")

// fetch returns a mail, or nil where it is gone. It does not mark it as read.
// refused is a server's that cannot read this one mail.
func (s *session) fetch(i item, sizeMax int64) (raw []byte, refused, err error) {
	section := &imap.FetchItemBodySection{Peek: true}
	if i.size > sizeMax {
		section.Partial = &imap.SectionPartial{Size: sizeMax + 1}
	}
	err = s.do("fetch a mail", func() error {
		fetch := s.client.Fetch(imap.UIDSetNum(i.uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
		for message := fetch.Next(); message != nil; message = fetch.Next() {
			for data := message.Next(); data != nil; data = message.Next() {
				body, ok := data.(imapclient.FetchItemDataBodySection)
				if !ok || body.Literal == nil {
					continue
				}
				// To the library the end of the connection is that of the mail. It
				// reads on by itself after that, so nothing more is to be read here.
				raw = make([]byte, min(body.Literal.Size(), sizeMax+1))
				if _, err := io.ReadFull(body.Literal, raw); err != nil {
					return errCut
				}
			}
		}
		return fetch.Close()
	})
	var said *imap.Error
	switch {
	case errors.As(err, &said):
		return nil, err, nil
	case err != nil:
		return nil, nil, err
	}
	return raw, nil, nil
}

// mark marks mails as read.
func (s *session) mark(uids []imap.UID) error {
	return s.do("mark a mail as read", func() error { return s.flag(uids, imap.FlagSeen) })
}

func (s *session) flag(uids []imap.UID, flags ...imap.Flag) error {
	return s.client.Store(imap.UIDSetNum(uids...), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: flags}, nil).Close()
}

// move moves mails to a folder, which is made where it is missing. Mails that
// are gone already are no error.
func (s *session) move(uids []imap.UID, folder string) error {
	return s.do("move a mail", func() error {
		err := s.moveOnce(uids, folder)
		var said *imap.Error
		if !errors.As(err, &said) {
			return err
		}
		if err := s.make(folder); err != nil {
			return err
		}
		return s.moveOnce(uids, folder)
	})
}

func (s *session) moveOnce(uids []imap.UID, folder string) error {
	set := imap.UIDSetNum(uids...)
	if s.client.Caps().Has(imap.CapMove) {
		_, err := s.client.Move(set, folder).Wait()
		return err
	}
	// Not the library's way without MOVE, which deletes before it knows that
	// the copy worked. And what a person has marked for deletion is not ours to
	// expunge: without UIDPLUS the mails stay, marked.
	if _, err := s.client.Copy(set, folder).Wait(); err != nil {
		return err
	}
	if err := s.flag(uids, imap.FlagSeen, imap.FlagDeleted); err != nil {
		return err
	}
	if !s.client.Caps().Has(imap.CapUIDPlus) {
		return nil
	}
	return s.client.UIDExpunge(set).Close()
}

// make makes a folder, and has it shown in mail programs. One that is there is
// no error.
func (s *session) make(folder string) error {
	err := s.client.Create(folder, nil).Wait()
	var said *imap.Error
	if err != nil && (!errors.As(err, &said) || said.Code != imap.ResponseCodeAlreadyExists) {
		return fmt.Errorf("make the folder %q: %w", folder, err)
	}
	if err := s.client.Subscribe(folder).Wait(); err != nil && !errors.As(err, &said) {
		return err
	}
	return nil
}

// wait returns when the server tells of new mail, after poll, or when the
// connection or ctx ends.
func (s *session) wait(ctx context.Context, poll time.Duration) error {
	var idling *imapclient.IdleCommand
	if s.idle {
		poll = min(poll, idleMax)
		err := s.do("wait for mail", func() (err error) { idling, err = s.client.Idle(); return err })
		var said *imap.Error
		switch {
		case errors.As(err, &said):
			s.idle = false // it offers IDLE, and does not take it
		case err != nil:
			return err
		}
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-s.news:
	case <-timer.C:
	case <-ctx.Done():
	case <-s.client.Closed():
	}
	if idling == nil {
		return nil
	}
	return s.do("end waiting for mail", func() error { return cmp.Or(idling.Close(), idling.Wait()) })
}

// leave says goodbye.
func (s *session) leave() {
	_ = s.do("log out", func() error { return s.client.Logout().Wait() })
}
