package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"crier/bots/console"
)

// echo answers each message with itself and a second reply of two lines.
func echo(_ context.Context, text string) ([]string, error) {
	return []string{"<" + text + ">", "a\n  b"}, nil
}

func TestPipe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := console.Chat{In: strings.NewReader("one\r\n\ntwo"), Out: &out, Say: echo}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "<one>\na b\n<>\na b\n<two>\na b\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := console.Chat{In: strings.NewReader("one\n \n"), Out: &out, Prompt: "> ", Say: echo}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "> <one>\na\n  b\n> > \n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	c := console.Chat{In: strings.NewReader("one\n"), Out: io.Discard, Say: func(context.Context, string) ([]string, error) { return nil, failed }}
	if err := c.Run(t.Context()); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	c = console.Chat{In: strings.NewReader(strings.Repeat("x", 2<<20)), Out: io.Discard, Say: echo}
	if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "a line has more than") {
		t.Errorf("a long line: %v", err)
	}
}

// TestStop ends a conversation that waits for a line.
func TestStop(t *testing.T) {
	t.Parallel()
	in, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c := console.Chat{In: in, Out: io.Discard, Say: func(context.Context, string) ([]string, error) { cancel(); return nil, nil }}
	go io.WriteString(w, "one\n")
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
}
