package smstest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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
	bearerbox *exec.Cmd
	smsbox    *exec.Cmd
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
		k.ports[name] = port(t)
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
	k.Start()
	t.Cleanup(k.Stop)
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

// port is one where nobody listened a moment ago.
func port(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Start starts a Kannel that was stopped.
func (k *Kannel) Start() {
	k.t.Helper()
	k.bearerbox = k.run("bearerbox")
	k.listens("smsbox")
	k.smsbox = k.run("smsbox")
	k.listens("sendsms")
	k.linked()
}

// Stop stops it, smsbox first.
func (k *Kannel) Stop() {
	for _, cmd := range []*exec.Cmd{k.smsbox, k.bearerbox} {
		if cmd == nil || cmd.ProcessState != nil {
			continue
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }() // it was told to end
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(Patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	k.hangUp()
}

func (k *Kannel) run(program string) *exec.Cmd {
	k.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path = "/usr/sbin/" + program // which is not in everybody's PATH
	}
	log, err := os.OpenFile(filepath.Join(k.dir, program+".out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(path, "-v", "3", k.config)
	cmd.Dir, cmd.Stdout, cmd.Stderr = k.dir, log, log
	if err := cmd.Start(); err != nil {
		k.t.Fatalf("start %s: %v", program, err)
	}
	return cmd
}

// listens waits until somebody listens at one of its ports.
func (k *Kannel) listens(name string) {
	k.t.Helper()
	k.until("the port of "+name, func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+k.ports[name])
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
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
			said, _ := os.ReadFile(filepath.Join(k.dir, "bearerbox.out"))
			k.t.Fatalf("waited %v for %s; bearerbox says:\n%s", Patience, what, said)
		}
	}
}

// Say has a telephone write to Crier's number, by SMPP.
func (k *Kannel) Say(from, text string) { k.Centre.Say(from, kannelNumber, text) }

// Fake is Kannel's own fake message centre with a telephone at it.
type Fake struct {
	cmd    *exec.Cmd
	hangUp func()

	mu  sync.Mutex
	got []string
}

// FakeSays starts a fakesmsc by which a telephone writes one text, of the
// letters a-z, digits and spaces, and then reads.
func (k *Kannel) FakeSays(from, text string) *Fake {
	k.t.Helper()
	f := &Fake{}
	f.cmd = exec.Command("/usr/lib/kannel/test/fakesmsc", "-H", "127.0.0.1", "-r", k.ports["fake"], "-i", "1", "-m", "1",
		strings.TrimPrefix(from, "+")+" "+strings.TrimPrefix(kannelNumber, "+")+" text "+text)
	out, err := f.cmd.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		k.t.Fatalf("start fakesmsc: %v", err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, message, ok := strings.Cut(lines.Text(), "Got message "); ok {
				f.mu.Lock()
				f.got = append(f.got, message)
				f.mu.Unlock()
			}
		}
	}()
	f.hangUp = sync.OnceFunc(func() {
		_ = f.cmd.Process.Signal(syscall.SIGTERM)
		<-read
		if err := f.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			k.t.Errorf("fakesmsc: %v", err)
		}
	})
	k.t.Cleanup(f.hangUp)
	return f
}

// HangUp ends it: the fake centre speaks with one telephone at a time.
func (f *Fake) HangUp() { f.hangUp() }

// Got is what the telephone has read, each as fakesmsc writes it.
func (f *Fake) Got() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.got...)
}
