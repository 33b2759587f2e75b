// Package gammu is the gateway for a GSM modem that gammu-smsd has
// (https://wammu.eu/docs/manual/smsd/, from version 1.42 on). Texts go by the
// files service: the daemon and Crier share the folders in, out, sent and
// error. smsdrc.example is the configuration that the daemon needs.
//
// The files: backup.go is the format of the files, outbox.go is the way out,
// and package spool the way in.
package gammu

import (
	"context"
	"errors"
	"sync"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
)

// Kind is gammu-smsd.
var Kind = sms.Kind{
	Name:       "gammu",
	Needs:      []string{"dir", "number"},
	Receipts:   true,
	Idempotent: true,
	PerSecond:  0.25, // a modem takes some seconds for each text
	New: func(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
		if settings.Dir == "" {
			return nil, errors.New("dir is missing: the directory of the spool")
		}
		g := &gateway{dir: spool.Dir(settings.Dir), line: line}
		g.inbox = &spool.Spool{Dir: g.dir, Line: line, Inbox: inbox, Parse: parse, Settle: g.settle}
		return g, nil
	},
}

// The folders of the daemon: inboxpath and so on in its configuration.
const (
	inbox  = "in"
	outbox = "out"
	sent   = "sent"
	failed = "error"
)

type gateway struct {
	dir   spool.Dir
	line  *sms.Line
	inbox *spool.Spool

	mu    sync.Mutex // one text at a time is looked for and handed over
	queue queue
}

// Run takes in what the daemon brings until ctx ends.
func (g *gateway) Run(ctx context.Context) error { return g.inbox.Run(ctx) }

// Probe tries the folders.
func (g *gateway) Probe(context.Context) (string, error) {
	if err := g.dir.There("smsdrc.example"); err != nil {
		return "", err
	}
	if err := g.dir.Try(inbox, outbox, sent, failed); err != nil {
		return "", err
	}
	return g.dir.Waiting(time.Now(), outbox)
}
