package smstest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Daemon is a program that has an emulated modem, and a spool: gammu-smsd, or
// smsd of SMS Server Tools 3. It runs until the test ends, and can be stopped
// and started again.
type Daemon struct {
	*Modem
	Dir string // its spool: Settings.Dir

	t       testing.TB
	path    string
	args    []string
	inbox   string   // folder that texts come in
	outbox  []string // folders that they wait in to be sent
	shell   *exec.Cmd
	life    io.WriteCloser // the keeper's input
	stopped chan struct{}
}

// newDaemon makes a daemon with the folders of its spool. The test is skipped
// where it is not installed.
func newDaemon(t testing.TB, program, inbox string, outbox []string, others ...string) *Daemon {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program) // which is not in everybody's PATH
	}
	if err != nil {
		t.Fatalf("%s is not installed: make test does so", program)
	}
	d := &Daemon{Modem: StartModem(t), Dir: filepath.Join(t.TempDir(), "spool"), t: t, path: path, inbox: inbox, outbox: outbox}
	for _, folder := range append(append([]string{inbox}, outbox...), others...) {
		if err := os.MkdirAll(filepath.Join(d.Dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// fill fills an example of its configuration in, and returns the path of the
// result. words are what is replaced, each with what follows it; all of them
// must be there.
func (d *Daemon) fill(example string, words ...string) string {
	d.t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		d.t.Fatal(err)
	}
	filled := string(text)
	for i := 0; i < len(words); i += 2 {
		if !strings.Contains(filled, words[i]) {
			d.t.Fatalf("%s does not say %q", example, words[i])
		}
		filled = strings.ReplaceAll(filled, words[i], words[i+1])
	}
	path := filepath.Join(filepath.Dir(d.Dir), "config")
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// run starts it for the first time.
func (d *Daemon) run(args ...string) {
	d.t.Helper()
	d.args = args
	d.Start()
	d.t.Cleanup(func() {
		d.Stop()
		if d.t.Failed() {
			d.t.Logf("the daemon said at the end:\n%s", d.said())
		}
	})
}

// said is the end of what it has logged.
func (d *Daemon) said() string {
	var all []byte
	logs, _ := filepath.Glob(filepath.Join(filepath.Dir(d.Dir), "*.log")) // the pattern is a good one
	for _, path := range logs {
		log, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		all = append(all, log[max(0, len(log)-20_000):]...)
	}
	return string(all)
}

// keeper runs a daemon until it is told how to end it: TERM has it end by
// itself. Whatever is left of it does not outlive the keeper, nor the keeper the
// tests.
const keeper = `"$@" </dev/null &
read -r how
if [ "$how" = TERM ]; then kill -TERM $!; wait $!; fi
kill -KILL 0`

// Start starts a daemon that was stopped.
func (d *Daemon) Start() {
	d.t.Helper()
	log, err := os.OpenFile(filepath.Join(filepath.Dir(d.Dir), "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer log.Close()
	d.shell = exec.Command("sh", append([]string{"-c", keeper, "keeper", d.path}, d.args...)...)
	d.shell.Stdout, d.shell.Stderr = log, log
	d.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if d.life, err = d.shell.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	if err := d.shell.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.stopped = make(chan struct{})
	go func(shell *exec.Cmd, stopped chan<- struct{}) {
		_ = shell.Wait() // however it ends
		close(stopped)
	}(d.shell, d.stopped)
}

// Stop has it end what it is doing, and stop.
func (d *Daemon) Stop() { d.stop("TERM") }

// Kill stops it at once.
func (d *Daemon) Kill() { d.stop("KILL") }

// Restart stops it, and starts it again.
func (d *Daemon) Restart() {
	d.t.Helper()
	d.Stop()
	d.Start()
}

func (d *Daemon) stop(how string) {
	_, _ = io.WriteString(d.life, how+"\n") // it may have been stopped before
	select {
	case <-d.stopped:
	case <-time.After(Patience / 2):
		_ = syscall.Kill(-d.shell.Process.Pid, syscall.SIGKILL)
		<-d.stopped
	}
	d.hangUp()
}

// Waiting is how many texts and reports have not been taken over.
func (d *Daemon) Waiting() int { return d.Modem.Waiting() + d.files(d.inbox) }

// files counts the files in a folder that are to be seen.
func (d *Daemon) files(folder string) (n int) {
	entries, err := os.ReadDir(filepath.Join(d.Dir, folder))
	if err != nil {
		return 0
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
			n++
		}
	}
	return n
}

// Clear waits until the daemon has nothing more to do, and empties its folders:
// for a test that begins anew.
func (d *Daemon) Clear(t *testing.T) {
	t.Helper()
	eventually(t, "the daemon to be idle", func() bool {
		waiting := d.Modem.Waiting()
		for _, folder := range d.outbox {
			waiting += d.files(folder)
		}
		return waiting == 0
	})
	left, err := filepath.Glob(filepath.Join(d.Dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	d.forget()
}
