// Package smstools is the gateway for a GSM modem that SMS Server Tools 3 has
// (smsd, http://smstools3.kekekasvi.com/, from version 3.1.17 on). The daemon
// and Crier share the folders outgoing, checked, sent, failed and incoming.
// smsd.conf.example is the configuration that the daemon needs.
//
// The files: inbox.go and pdu.go are what comes in, outbox.go is the way out;
// package spool has what both have in common with other daemons.
package smstools

import (
	"context"
	"errors"
	"sync"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
)

// Kind is smsd of SMS Server Tools 3.
var Kind = sms.Kind{
	Name:       "smstools",
	Needs:      []string{"dir", "number"},
	Receipts:   true,
	Idempotent: true,
	PerSecond:  0.25, // a modem takes some seconds for each text
	New: func(settings sms.Settings, line *sms.Line) (sms.Gateway, error) {
		if settings.Dir == "" {
			return nil, errors.New("dir is missing: the directory of the spool")
		}
		g := &gateway{dir: spool.Dir(settings.Dir), line: line}
		g.inbox = &spool.Spool{Dir: g.dir, Line: line, Inbox: incoming, Parse: parse, Settle: g.settle}
		return g, nil
	},
}

// The folders of the daemon, by their names in its configuration.
const (
	outgoing = "outgoing" // texts that the daemon has not seen yet
	checked  = "checked"  // that wait for the modem
	sent     = "sent"
	failed   = "failed"
	incoming = "incoming"
)

type gateway struct {
	dir   spool.Dir
	line  *sms.Line
	inbox *spool.Spool
	mu    sync.Mutex // one text at a time is looked for and handed over
}

// Run takes in what the daemon brings until ctx ends.
func (g *gateway) Run(ctx context.Context) error { return g.inbox.Run(ctx) }

// Probe tries the folders.
func (g *gateway) Probe(context.Context) (string, error) {
	if err := g.dir.There("smsd.conf.example"); err != nil {
		return "", err
	}
	if err := g.dir.Try(incoming, outgoing, checked, sent, failed); err != nil {
		return "", err
	}
	return g.dir.Waiting(time.Now(), outgoing, checked)
}
