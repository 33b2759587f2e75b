package smstest

import (
	"path/filepath"
	"testing"
)

// StartGammu starts gammu-smsd as an example of its configuration says, on an
// emulated modem. The test is skipped where it is not installed.
func StartGammu(t testing.TB, example string) *Daemon {
	t.Helper()
	d := newDaemon(t, "gammu-smsd", "in", []string{"out"}, "sent", "error")
	d.run("--config", d.fill(example,
		"/var/spool/crier-sms", d.Dir,
		"/var/log", filepath.Dir(d.Dir),
		"/dev/ttyUSB0", d.Device,
		"receivefrequency = 5", "receivefrequency = 1",
	))
	return d
}
