package smstools_test

import (
	"testing"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/bots/sms/smstools"
	"crier/conversation"
)

func TestGateway(t *testing.T) {
	t.Parallel()
	smsd := smstest.StartSmstools(t, "smsd.conf.example")
	smstest.Run(t, smstest.Harness{Kind: smstools.Kind, Start: func(t *testing.T, _ string) smstest.Wire {
		smsd.Clear(t)
		return smstest.Wire{
			Settings: sms.Settings{Dir: smsd.Dir, Number: "+32470000099"},
			Say:      smsd.Say,
			Waiting:  smsd.Waiting,
			Repeat:   smsd.Repeat,
			Got:      smsd.Got,
			Report: func(n int, status conversation.Status) bool {
				return smsd.Report(n, map[conversation.Status]byte{conversation.Underway: 0x20, conversation.Failed: 0x46}[status])
			},
			ReportUnknown: func() { smsd.ReportUnknown(smstest.Handset) },
		}
	}})
}

func TestModem(t *testing.T) {
	t.Parallel()
	smstest.RunOnModem(t, smstools.Kind, smstest.StartSmstools(t, "smsd.conf.example"))
}
