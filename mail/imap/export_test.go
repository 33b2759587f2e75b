package imap

import "time"

// WithPatience waits only so long for the server's word.
func WithPatience(d time.Duration) Option { return func(m *Mailbox) { m.patience = d } }
