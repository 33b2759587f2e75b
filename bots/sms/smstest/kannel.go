package smstest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"crier/bots/bottest"
)

// Kannel is a real Kannel, bearerbox and smsbox, that runs until the test ends,
// with two links: to a message centre by SMPP, which brings receipts, and to
// Kannel's own fake centre, which a fakesmsc is.
type Kannel struct {
	*Centre
	URL string // of sendsms: Settings.URL

	t         testing.TB
	dir       string
	config    string
	ports     map[string]string
	bearerbox *kept
	smsbox    *kept
}

// Who may send by it.
const (
	KannelUser   = "crier"
	KannelSecret = "password-of-crier"
)

// kannelNumber is the number that telephones write to.
const kannelNumber = "+32470000099"

// StartKannel starts it as an example of its configuration says, filled in.
// hook is where Crier's webhooks are, with a slash at the end.
func StartKannel(t testing.TB, example, hook string) *Kannel {
	t.Helper()
	k := &Kannel{Centre: StartCentre(t), t: t, dir: t.TempDir(), ports: map[string]string{}}
	for _, name := range []string{"admin", "smsbox", "sendsms", "fake"} {
		_, k.ports[name], _ = net.SplitHostPort(bottest.FreeAddress(t))
	}
	k.URL = "http://127.0.0.1:" + k.ports["sendsms"] + "/cgi-bin/sendsms"
	for _, folder := range []string{"spool", "receipts"} {
		if err := os.Mkdir(filepath.Join(k.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	k.config = filepath.Join(k.dir, "kannel.conf")
	if err := os.WriteFile(k.config, []byte(k.filled(string(text), hook)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Stop()
		if t.Failed() {
			t.Logf("bearerbox said at the end:\n%s\nand smsbox:\n%s", k.said("bearerbox"), k.said("smsbox"))
		}
	})
	k.Start()
	return k
}

// filled is the configuration with what is the operator's to fill in, and the
// link to the fake centre beside the other: texts go there by ?smsc=to-fake.
func (k *Kannel) filled(text, hook string) string {
	for _, one := range [][2]string{
		{"admin-port = 13000", "admin-port = " + k.ports["admin"]},
		{"smsbox-port = 13001", "smsbox-port = " + k.ports["smsbox"]},
		{"sendsms-port = 13013", "sendsms-port = " + k.ports["sendsms"]},
		{`"/var/spool/kannel-receipts"`, `"` + k.dir + `/receipts"`},
		{`"/var/spool/kannel"`, `"` + k.dir + `/spool"`},
		{`"/var/log/kannel/bearerbox.log"`, `"` + k.dir + `/bearerbox.log"`},
		{`"/var/log/kannel/smsbox.log"`, `"` + k.dir + `/smsbox.log"`},
		{`"SMSC.EXAMPLE.NET"`, `"127.0.0.1"`},
		{"port = 2775", "port = " + k.port},
		{`"USERNAME"`, `"` + centreUser + `"`},
		{`"PASSWORD"`, `"` + centreSecret + `"`},
		{`"CHANGE-ME-TOO"`, `"` + KannelSecret + `"`},
		{`"CHANGE-ME"`, `"admin"`},
		{"sms-resend-freq = 10", "sms-resend-freq = 1"},
		{"http-queue-delay = 10", "http-queue-delay = 1"},
		{"allowed-smsc-id = link\n", "allowed-smsc-id = \"link;fake\"\n"},
		{"denied-smsc-id = link\n", "denied-smsc-id = \"link;fake\"\n"},
		{"http://127.0.0.1:8481/sms/kannel/SECRET-PATH/", hook},
	} {
		if !strings.Contains(text, one[0]) {
			k.t.Fatalf("the example does not say %s", one[0])
		}
		text = strings.ReplaceAll(text, one[0], one[1])
	}
	return text + fmt.Sprintf(`
group = smsc
smsc = fake
smsc-id = fake
port = %s
connect-allow-ip = "127.0.0.1"
allowed-smsc-id = to-fake
reroute = true
`, k.ports["fake"])
}

// Start starts a Kannel that was stopped.
func (k *Kannel) Start() {
	k.t.Helper()
	k.bearerbox = k.run("bearerbox")
	k.listens("smsbox")
	k.startSmsbox()
	k.linked()
}

// startSmsbox starts it as the keeper of boxes does that Kannel brings: again,
// where it does not come up.
func (k *Kannel) startSmsbox() {
	k.t.Helper()
	for range 3 {
		k.smsbox = k.run("smsbox")
		for end := time.Now().Add(Patience / 3); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if k.open("sendsms") {
				return
			}
		}
		k.smsbox.end("KILL")
	}
	k.t.Fatal("smsbox does not come up")
}

// Stop stops it, smsbox first.
func (k *Kannel) Stop() { k.end("TERM") }

// Kill stops it at once, as when the power fails.
func (k *Kannel) Kill() { k.end("KILL") }

func (k *Kannel) end(how string) {
	for _, program := range []*kept{k.smsbox, k.bearerbox} {
		if program != nil { // one that did not start
			program.end(how)
		}
	}
	k.hangUp()
}

func (k *Kannel) run(program string) *kept {
	k.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/sbin/" + program // which is not in everybody's PATH
	}
	if _, err := os.Stat(path); err != nil {
		k.t.Fatalf("%s is not installed: make test does so", program)
	}
	log, err := os.OpenFile(filepath.Join(k.dir, program+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	defer log.Close()
	return keep(k.t, log, k.dir, path, "-v", "3", k.config)
}

// kept is a program that does not outlive the tests, however they end.
type kept struct {
	shell *exec.Cmd
	life  io.WriteCloser // the keeper's input
	ended chan struct{}
}

func keep(t testing.TB, output *os.File, dir, path string, arguments ...string) *kept {
	t.Helper()
	k := &kept{shell: exec.Command("sh", append([]string{"-c", keeper, "keeper", path}, arguments...)...), ended: make(chan struct{})}
	k.shell.Dir, k.shell.Stdout, k.shell.Stderr = dir, output, output
	k.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	life, err := k.shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.life = life
	if err := k.shell.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	go func() {
		_ = k.shell.Wait() // it is killed in the end
		close(k.ended)
	}()
	return k
}

// end ends it by a signal, and by force where it does not end soon.
func (k *kept) end(how string) {
	_, _ = io.WriteString(k.life, how+"\n") // it may have ended before
	select {
	case <-k.ended:
	case <-time.After(Patience):
		_ = syscall.Kill(-k.shell.Process.Pid, syscall.SIGKILL)
		<-k.ended
	}
}

// listens waits until somebody listens at one of its ports.
func (k *Kannel) listens(name string) {
	k.t.Helper()
	k.until("the port of "+name, func() bool { return k.open(name) })
}

func (k *Kannel) open(name string) bool {
	conn, err := net.Dial("tcp", "127.0.0.1:"+k.ports[name])
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// linked waits until the link to the centre stands: before that Kannel refuses
// texts as not routable.
func (k *Kannel) linked() {
	k.t.Helper()
	k.until("the link to the centre", func() bool {
		resp, err := http.Get("http://127.0.0.1:" + k.ports["admin"] + "/status.txt?password=admin")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "SMPP:") && strings.Contains(lines.Text(), "online") {
				return true
			}
		}
		return false
	})
}

func (k *Kannel) until(what string, reached func() bool) {
	k.t.Helper()
	for end := time.Now().Add(Patience); !reached(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}

// said is the end of what one of the boxes has logged.
func (k *Kannel) said(box string) string {
	said, err := os.ReadFile(filepath.Join(k.dir, box+".out"))
	if err != nil {
		return err.Error()
	}
	return string(said[max(0, len(said)-8<<10):])
}

// Say has a telephone write to Crier's number, by SMPP.
func (k *Kannel) Say(from, text string) { k.Centre.Say(from, kannelNumber, text) }

// Fake is Kannel's own fake message centre with a telephone at it.
type Fake struct {
	program *kept
	output  string // path of a file
}

// FakeSays starts a fakesmsc by which a telephone writes one text, of the
// letters a-z, digits and spaces, and then reads.
func (k *Kannel) FakeSays(from, text string) *Fake {
	k.t.Helper()
	output, err := os.CreateTemp(k.dir, "fakesmsc-")
	if err != nil {
		k.t.Fatal(err)
	}
	defer output.Close()
	f := &Fake{output: output.Name()}
	f.program = keep(k.t, output, k.dir, "/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", k.ports["fake"], "-i", "1", "-m", "1",
		strings.TrimPrefix(from, "+")+" "+strings.TrimPrefix(kannelNumber, "+")+" text "+text)
	k.t.Cleanup(f.HangUp)
	return f
}

// HangUp ends it: the fake centre speaks with one telephone at a time.
func (f *Fake) HangUp() { f.program.end("TERM") }

// Said is all that fakesmsc has said.
func (f *Fake) Said() string {
	said, err := os.ReadFile(f.output)
	if err != nil {
		return err.Error()
	}
	return string(said)
}

// Got is what the telephone has read, each as fakesmsc writes it.
func (f *Fake) Got() (got []string) {
	for line := range strings.Lines(f.Said()) {
		if _, message, ok := strings.Cut(line, "Got message "); ok {
			got = append(got, strings.TrimSuffix(message, "\n"))
		}
	}
	return got
}
