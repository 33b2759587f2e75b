package gammu_test

import (
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/gammu"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

func TestGateway(t *testing.T) {
	smsd := smstest.StartGammu(t, "smsdrc.example")
	smstest.Run(t, smstest.Harness{Kind: gammu.Kind, Start: func(t *testing.T, _ string) smstest.Wire {
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
	gammu.HurryUp(t, 500*time.Millisecond)
	smstest.RunOnModem(t, gammu.Kind, smstest.StartGammu(t, "smsdrc.example"))
}
