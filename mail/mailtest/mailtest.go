// Package mailtest starts real mail servers for tests: Dovecot (IMAP and LMTP)
// and Postfix (SMTP), each for one test, on free ports of the loopback, with
// all they have in a directory of their own that goes when they go. It has
// certificates for them, and a proxy that cuts their connections.
package mailtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long a server may take to start or to stop, on a slow and busy machine.
const patience = time.Minute

// keeper runs a server until its own standard input ends, which happens when
// the process at the other end closes it, exits, or is killed; and then leaves
// nothing behind. On the way it starts and stops the server as it is told: who
// takes longer than half a second to stop is killed.
// Arguments: the server's directory, its program and the arguments of that.
const keeper = `
dir=$1
shift
pid=
stop() {
	[ -n "$pid" ] || return
	kill -s TERM "$pid"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cut -d ' ' -f 3 "/proc/$pid/stat")" != Z ] || break
		sleep 0.05
	done
	kill -s KILL -- "-$pid" 2>/dev/null # and whom it left behind
	wait "$pid"
	pid=
}
while read -r word; do
	case $word in
	start) setsid "$@" </dev/null >>"$dir/output" 2>&1 & pid=$! ;;
	stop) stop ;;
	esac
	echo "$word"
done
stop
cd /
rm -rf "$dir"
`

// server is a running server.
type server struct {
	name  string
	dir   string
	ports []string // addresses that answer when it is up
	log   string   // file of its log, in dir
	owner *owner

	shell *exec.Cmd
	life  io.WriteCloser // the keeper's input
	said  *bufio.Reader  // the keeper's output
}

// newServer makes a server's directory. The test's end stops the server and
// removes it.
func newServer(t testing.TB, name string, o *owner) *server {
	t.Helper()
	// Not TMPDIR: the path of a socket has 107 bytes at most, and another user
	// may have to enter.
	dir, err := os.MkdirTemp("/tmp", "crier-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{name: name, dir: dir, owner: o}
	if err := errors.Join(os.Chmod(dir, 0o755), s.own(dir)); err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(dir)))
	}
	return s
}

// keep starts the keeper.
func (s *server) keep(t testing.TB, program string, arguments ...string) {
	t.Helper()
	s.shell = exec.Command("sh", append([]string{"-c", keeper, "keeper", s.dir, program}, arguments...)...)
	s.shell.Dir = s.dir
	// A group of its own, so that a Ctrl-C at the tests leaves the keeper to clean up.
	s.shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.owner.credential()}
	life, err1 := s.shell.StdinPipe()
	output, err2 := s.shell.StdoutPipe()
	if err := errors.Join(err1, err2, s.shell.Start()); err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(s.dir)))
	}
	s.life, s.said = life, bufio.NewReader(output)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said at the end:\n%s", s.name, s.tail())
		}
		life.Close()
		_ = s.shell.Wait() // however it ends
	})
}

// tell has the keeper do a thing, and returns when it is done.
func (s *server) tell(word string) error {
	if _, err := io.WriteString(s.life, word+"\n"); err != nil {
		return err
	}
	said, err := s.said.ReadString('\n')
	if err == nil && said != word+"\n" {
		err = fmt.Errorf("the keeper of %s said %q", s.name, said)
	}
	return err
}

// start returns when the server answers on all its ports.
func (s *server) start(t testing.TB) {
	t.Helper()
	if err := s.tell("start"); err != nil {
		t.Fatal(err)
	}
	s.await(t, "does not answer", func(address string) bool { return greeted(address) == nil })
}

// await returns when something holds for all of the server's ports.
func (s *server) await(t testing.TB, trouble string, holds func(address string) bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, address := range s.ports {
		for !holds(address) {
			if time.Now().After(deadline) {
				t.Fatalf("%s %s on %s:\n%s", s.name, trouble, address, s.tail())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func greeted(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// stop returns when the server answers no more: what it has left behind, and
// dies a moment later, must not be taken for it when it starts again.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if err := s.tell("stop"); err != nil {
		t.Fatal(err)
	}
	s.await(t, "still answers", func(address string) bool { return greeted(address) != nil })
}

// tail is the end of what the server said.
func (s *server) tail() string {
	var all strings.Builder
	for _, name := range []string{"output", s.log} {
		text, _ := os.ReadFile(filepath.Join(s.dir, name))
		if len(text) > 8<<10 {
			text = text[len(text)-8<<10:]
		}
		all.Write(text)
	}
	return all.String()
}

// write writes a file for the server to read, whole at any moment.
func (s *server) write(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.WriteFile(path+".new", []byte(content), 0o600)
	if err = errors.Join(err, s.own(path+".new"), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// own gives a file to the user that the server runs as.
func (s *server) own(path string) error {
	if s.owner == nil {
		return nil
	}
	return os.Chown(path, int(s.owner.uid), int(s.owner.gid))
}

// owner is the user that a server runs as; nil: the one of the tests.
type owner struct{ uid, gid uint32 }

func (o *owner) credential() *syscall.Credential {
	if o == nil {
		return nil
	}
	return &syscall.Credential{Uid: o.uid, Gid: o.gid}
}

// lookUp returns the first of some users that there is.
func lookUp(names ...string) (*owner, error) {
	for _, name := range names {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(found.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(found.Gid, 10, 32)
		return &owner{uint32(uid), uint32(gid)}, errors.Join(err1, err2)
	}
	return nil, fmt.Errorf("there is none of the users %v here", names)
}

// program finds a program of a Debian package, which may be out of PATH.
func program(t testing.TB, path, debian string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if found, err := exec.LookPath(filepath.Base(path)); err == nil {
		return found
	} else if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	t.Fatalf("there is no %s here: apt install %s", path, debian)
	return ""
}

// port is that of an address.
func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
