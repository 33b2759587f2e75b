package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram has the test binary be the program itself, for tests that need
// several processes.
const asProgram = "CRIER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(status(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for anything, on a slow and busy machine.
const patience = 60 * time.Second

// environment makes a getenv of pairs "KEY=value".
func environment(pairs ...string) func(string) string {
	return func(key string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, key+"="); ok {
				return value
			}
		}
		return ""
	}
}

// crier runs a command that must work, and returns what it prints.
func crier(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, err := with(t, "", args...)
	if err != nil {
		t.Fatalf("crier %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// fails runs a command that must not work, and whose error must be one plain
// line with want in it. It returns what it prints.
func fails(t *testing.T, want string, args ...string) string {
	t.Helper()
	out, errs, err := with(t, "", args...)
	if err == nil {
		t.Fatalf("crier %s: no error, but should say %q\n%s", strings.Join(args, " "), want, out)
	}
	if !errors.Is(err, errTold) && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
		t.Errorf("crier %s: says %q, not %q", strings.Join(args, " "), err, want)
	}
	if strings.Contains(out+errs, "Usage:") {
		t.Errorf("crier %s: prints its usage", strings.Join(args, " "))
	}
	return out
}

// with runs a command with a standard input.
func with(t *testing.T, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = run(ctx, args, strings.NewReader(stdin), &stdout, &stderr, environment())
	return stdout.String(), stderr.String(), err
}

// riverbank founds a community with Ria, Maria and Luc in a database.
func riverbank(t *testing.T, database string) {
	t.Helper()
	crier(t, "community", "new", "riverbank", "--name", "Riverbank LETS", "--unit", "acorn/acorns", "--limit", "-50",
		"--threshold", "100", "--timezone", "Europe/Brussels", "--database", database)
	crier(t, "member", "add", "riverbank", "Ria Jansen", "--role", "coordinator", "--telegram", "1001", "--database", database)
	crier(t, "member", "add", "riverbank", "Luc Martin", "--number", "7", "--telegram", "1007", "--database", database)
	crier(t, "member", "add", "riverbank", "Maria Keller", "--number", "12", "--sms", "+32470000012", "--database", database)
}

// newFile is the path of a database that is not there yet.
func newFile(t *testing.T) string { return filepath.Join(t.TempDir(), "crier.db") }

// write makes a file in a directory of the test's.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func hasNot(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, one := range unwanted {
		if strings.Contains(text, one) {
			t.Errorf("%q is in:\n%s", one, text)
		}
	}
}

// lines keeps what a program writes, and lets a test wait for it.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// line waits for a line with want in it.
func (l *lines) line(t *testing.T, want string) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		l.mu.Lock()
		changed, text := l.changed, l.text.String()
		l.mu.Unlock()
		for one := range strings.Lines(text) {
			if strings.Contains(one, want) && strings.HasSuffix(one, "\n") {
				return one
			}
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("no line with %q in:\n%s", want, text)
		}
	}
}
