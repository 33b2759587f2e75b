//go:build unix

package spool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"crier/conversation"
)

// TestAFullDiskLeavesNothing writes where no file may have a single byte, in a
// process of its own.
func TestAFullDiskLeavesNothing(t *testing.T) {
	d := newDir(t, "out")
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), "CRIER_TEST_FULL="+string(d))
	said, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "cannot be written: busy true") {
		t.Errorf("it said %q, %v", said, err)
	}
	if got := names(t, d, "out"); len(got) != 0 {
		t.Errorf("there is %q", got)
	}
}

func TestFullDisk(t *testing.T) {
	dir := os.Getenv("CRIER_TEST_FULL")
	if dir == "" {
		t.Skip("it is the other process's")
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{}); err != nil {
		t.Fatal(err)
	}
	err := Dir(dir).Write("out", NewFile{"one", []byte("1")}, NewFile{"two", []byte("2")})
	var meant *conversation.SendError
	fmt.Printf("cannot be written: busy %t\n", errors.As(err, &meant) && meant.Everybody && !meant.Final && meant.RetryAfter > 0)
	os.Exit(0)
}
