package imap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/emersion/go-imap/v2"

	"crier/mail"
)

const (
	loginTries  = 3                // so often a login is refused before the operator is asked: providers refuse for a while
	loginFactor = 10               // so much longer to wait after that: some lock who tries too often
	hearTries   = 3                // so often a mail fails before it can be poison
	otherTries  = 3                // so many other mails are tried beside one that fails
	takingMax   = time.Minute      // between tries of a mail: the database may be back
	saveTimeout = 10 * time.Second // for the cursor
)

// Run hears the mailbox until ctx is done, and then returns nil. No failure of
// the network, of the server or of Hear ends it. Its errors are the operator's:
// ErrConfig, ErrLogin.
func (m *Mailbox) Run(ctx context.Context) error {
	if err := m.config.Check(); err != nil {
		return fmt.Errorf("imap: %w: %w", ErrConfig, err)
	}
	connecting := m.newBackoff("connecting", m.retryMax)
	m.taking = m.newBackoff("taking a mail", min(m.retryMax, takingMax))
	m.load(ctx)
	for refusals := 0; ctx.Err() == nil; {
		err := m.connected(ctx, func() {
			refusals = 0
			connecting.over()
			m.told(true)
		})
		if ctx.Err() != nil {
			break
		}
		m.told(false)
		if errors.Is(err, ErrLogin) || errors.Is(err, ErrConfig) {
			if refusals++; refusals == loginTries {
				return fmt.Errorf("imap: %w", err)
			}
			connecting.next = max(connecting.next, loginFactor*m.retryMin)
		}
		connecting.failed(ctx, err)
	}
	return nil
}

// load reads the cursor.
func (m *Mailbox) load(ctx context.Context) {
	loading := m.newBackoff("reading the cursor", takingMax)
	for ctx.Err() == nil {
		value, err := m.cursor.Load(ctx, m.name)
		if err != nil {
			loading.failed(ctx, err)
			continue
		}
		loading.over()
		if m.position, err = parsePosition(value); err != nil {
			m.log.Error("the cursor cannot be read: looking at the mails of the last days again", "err", err)
		}
		m.saved = m.position
		return
	}
}

// connected hears the mailbox on one connection. well is called when that gets
// on: with each mail, and when there is none left.
func (m *Mailbox) connected(ctx context.Context, well func()) error {
	s, err := open(ctx, m.config, m.patience)
	if err != nil {
		return err
	}
	defer s.close()
	m.locate(s)
	if err := m.mark(s); err != nil { // what the last connection left
		return err
	}
	for ctx.Err() == nil {
		select {
		case <-s.news: // the listing that follows has it
		default:
		}
		if err := m.catchUp(ctx, s, well); err != nil {
			return err
		}
		well()
		if err := s.wait(ctx, m.config.Poll); err != nil {
			return err
		}
	}
	s.leave()
	return nil
}

// locate finds the position in the mailbox as the server has it now.
func (m *Mailbox) locate(s *session) {
	last := s.last
	if s.guessed {
		last = max(last, m.position.UID)
	}
	p := m.position.in(s.validity, last, m.now())
	if p == m.position {
		return
	}
	if m.position.Validity != 0 {
		m.log.Warn("the server has numbered its mails anew: looking at those of the last days again")
	}
	m.position, m.unmarked = p, nil
	clear(m.heard)
	clear(m.failures)
}

// catchUp hears all that is new, and returns when nothing is left.
func (m *Mailbox) catchUp(ctx context.Context, s *session, well func()) error {
	for ctx.Err() == nil {
		items, newer, err := m.list(s)
		if err != nil {
			return err
		}
		m.save(ctx)
		if len(items) == 0 {
			return nil
		}
		for i := range items {
			failed, err := m.deal(ctx, s, items[i], append(items[i+1:len(items):len(items)], newer...))
			if err != nil {
				return err
			}
			if failed != nil {
				m.taking.failed(ctx, failed)
				break
			}
			m.advance(items[i].uid)
			m.save(ctx)
			well()
		}
	}
	return nil
}

// list lists what is still to be heard: what is to be heard next, and newer
// mails, whose turn comes when nothing is left of those.
func (m *Mailbox) list(s *session) (items, newer []item, err error) {
	if m.position.UID < m.position.Until {
		items, err := s.search(m.position)
		if err != nil {
			return nil, nil, err
		}
		if len(items) > 0 {
			newer, err := s.after(m.position.Until)
			return items, newer, err
		}
		m.advance(m.position.Until)
	}
	items, err = s.after(m.position.UID)
	return items, nil, err
}

// advance says that all up to uid is dealt with.
func (m *Mailbox) advance(uid imap.UID) {
	m.position.UID = uid
	if uid >= m.position.Until {
		m.position.Until, m.position.Since, m.position.Unseen = 0, time.Time{}, false
	}
	for heard := range m.heard {
		if heard <= uid {
			delete(m.heard, heard)
		}
	}
	for failed := range m.failures {
		if failed <= uid {
			delete(m.failures, failed)
		}
	}
}

// save keeps the position. That it cannot be kept is no harm while this runs,
// and is made good with the next mail, or the next look.
func (m *Mailbox) save(ctx context.Context) {
	if m.position == m.saved {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := m.cursor.Save(ctx, m.name, m.position.String()); err != nil {
		m.log.Warn("the cursor cannot be saved now", "err", err)
		return
	}
	m.saved = m.position
}

// deal deals with a mail; others are those behind it. failed is why it has to
// come again; err is the connection's.
func (m *Mailbox) deal(ctx context.Context, s *session, it item, others []item) (failed, err error) {
	if m.heard[it.uid] {
		return nil, nil
	}
	failed, err = m.take(ctx, s, it)
	if failed == nil || err != nil {
		if err == nil {
			m.taking.over()
		}
		return nil, err
	}
	if ctx.Err() != nil || m.failures[it.uid] < hearTries {
		return failed, nil
	}
	if !ownFault(failed) {
		if works, err := m.works(ctx, s, others); !works || err != nil {
			return failed, err
		}
		// Once more, lest the database has come back just now.
		if failed, err = m.take(ctx, s, it); failed == nil || err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return failed, nil
	}
	m.taking.over()
	return nil, m.putAside(s, it.uid, failed)
}

// works tells whether Hear takes one of some mails. Those that it takes are
// dealt with.
func (m *Mailbox) works(ctx context.Context, s *session, items []item) (bool, error) {
	tries := 0
	for _, it := range items {
		if m.heard[it.uid] {
			continue
		}
		failed, err := m.take(ctx, s, it)
		if failed == nil || err != nil {
			return err == nil, err
		}
		if tries++; tries == otherTries || ctx.Err() != nil {
			break
		}
	}
	return false, nil
}

// take hands one mail over, and marks it.
func (m *Mailbox) take(ctx context.Context, s *session, it item) (failed, err error) {
	if m.turns != nil {
		select {
		case m.turns <- struct{}{}:
			defer func() { <-m.turns }()
		case <-ctx.Done():
			return ctx.Err(), nil
		}
	}
	raw, failed, err := s.fetch(it, m.config.MaxSize)
	if err != nil {
		return nil, err
	}
	if raw == nil && failed == nil {
		m.log.Debug("a mail is gone before it was heard", "uid", it.uid)
		return nil, nil
	}
	if failed == nil {
		failed = m.handOver(ctx, raw)
	}
	if failed != nil {
		if ctx.Err() == nil {
			m.failures[it.uid]++
			m.log.Debug("a mail is not taken", "uid", it.uid, "tries", m.failures[it.uid], "err", failed)
		}
		return failed, nil
	}
	delete(m.failures, it.uid)
	m.heard[it.uid] = true
	m.unmarked = append(m.unmarked, it.uid)
	return nil, m.mark(s)
}

// panicked is a panic of Hear.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// ownFault tells failures that can only come from the mail.
func ownFault(failed error) bool {
	var p panicked
	return errors.Is(failed, mail.ErrUnreadable) || errors.As(failed, &p)
}

func (m *Mailbox) handOver(ctx context.Context, raw []byte) (failed error) {
	defer func() {
		if value := recover(); value != nil {
			failed = panicked{value}
		}
	}()
	return m.hear(ctx, raw, mail.Envelope{})
}

// mark marks or moves what was taken. A server that refuses that is not asked
// again: the cursor is what counts.
func (m *Mailbox) mark(s *session) error {
	if len(m.unmarked) == 0 {
		return nil
	}
	var err error
	if m.config.MoveTo != "" {
		err = s.move(m.unmarked, m.config.MoveTo)
	} else {
		err = s.mark(m.unmarked)
	}
	var said *imap.Error
	if errors.As(err, &said) {
		m.log.Warn("a mail that was dealt with stays as it is", "err", err)
		err = nil
	}
	if err == nil {
		m.unmarked = nil
	}
	return err
}

// putAside moves a poison mail out of the way.
func (m *Mailbox) putAside(s *session, uid imap.UID, why error) error {
	err := s.move([]imap.UID{uid}, m.config.Problems)
	var said *imap.Error
	switch {
	case errors.As(err, &said):
		m.log.Error("a mail cannot be dealt with, nor be put aside: it stays where it is", "uid", uid, "err", errors.Join(why, err))
	case err != nil:
		return err
	default:
		m.log.Error("a mail cannot be dealt with and is put aside", "uid", uid, "folder", m.config.Problems, "err", why)
	}
	return nil
}

// backoff paces what fails again and again, and logs the first failure of a
// row and its end.
type backoff struct {
	m          *Mailbox
	what       string
	next, most time.Duration
	failing    bool
}

func (m *Mailbox) newBackoff(what string, most time.Duration) *backoff {
	return &backoff{m: m, what: what, next: m.retryMin, most: most}
}

// failed waits: each time about twice as long, a random part of it off so that
// many mailboxes do not come back together.
func (w *backoff) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if !w.failing {
		w.failing = true
		w.m.log.Warn("mailbox: trying until it works", "call", w.what, "err", err)
	}
	timer := time.NewTimer(w.next - rand.N(w.next/2+1))
	defer timer.Stop()
	w.next = min(2*w.next, w.most)
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// over says that it worked.
func (w *backoff) over() {
	if w.failing {
		w.m.log.Info("mailbox: works again", "call", w.what)
	}
	w.failing, w.next = false, w.m.retryMin
}
