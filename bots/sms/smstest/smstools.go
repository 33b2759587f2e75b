package smstest

import (
	"path/filepath"
	"testing"
)

// StartSmstools starts smsd of SMS Server Tools 3 as an example of its
// configuration says, on an emulated modem. The test is skipped where it is not
// installed.
func StartSmstools(t testing.TB, example string) *Daemon {
	t.Helper()
	d := newDaemon(t, "smsd", "incoming", []string{"outgoing", "checked"}, "sent", "failed", "saved")
	d.run("-t", "-c"+d.fill(example,
		"/var/spool/crier-sms", d.Dir,
		"/var/log/smstools", filepath.Dir(d.Dir),
		"/var/run/smstools", filepath.Dir(d.Dir),
		"/dev/ttyUSB0", d.Device,
		"delaytime             = 2", "delaytime             = 1",
		"errorsleeptime        = 5", "errorsleeptime        = 1",
		"blocktime = 60", "blocktime = 1",
	))
	return d
}
