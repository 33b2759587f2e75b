// Package console is a conversation in the terminal: one member writes line by
// line, and reads the replies below.
package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// lineMax is how long one line may be, in bytes.
const lineMax = 1 << 20

// Chat is one member's conversation.
type Chat struct {
	In  io.Reader
	Out io.Writer

	// Prompt stands before each line that is typed. Where it is empty the
	// other end is a program: then every line in is a message, an empty one
	// too, and every reply is one line out.
	Prompt string

	// Say hands a message over and returns the replies.
	Say func(ctx context.Context, text string) (replies []string, err error)
}

// Run reads until the end of In, or until ctx ends: neither is an error.
func (c *Chat) Run(ctx context.Context) error {
	lines := make(chan string)
	failed := make(chan error, 1)
	done := make(chan struct{})
	defer close(done)
	go read(c.In, lines, failed, done)
	for {
		_, _ = fmt.Fprint(c.Out, c.Prompt) // replies will tell
		var line string
		var more bool
		select {
		case <-ctx.Done():
		case line, more = <-lines:
		}
		if !more {
			if c.Prompt != "" {
				_, _ = fmt.Fprintln(c.Out)
			}
			if ctx.Err() != nil {
				return nil
			}
			return <-failed
		}
		if c.Prompt != "" && strings.TrimSpace(line) == "" {
			continue
		}
		replies, err := c.Say(ctx, line)
		for _, reply := range replies {
			if c.Prompt == "" {
				reply = OneLine(reply)
			}
			if _, err := fmt.Fprintln(c.Out, reply); err != nil {
				return fmt.Errorf("write reply: %w", err)
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// read sends the lines of in until it ends or nobody listens any more.
func read(in io.Reader, lines chan<- string, failed chan<- error, done <-chan struct{}) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, lineMax)
	for scanner.Scan() {
		select {
		case lines <- strings.TrimSuffix(scanner.Text(), "\r"):
		case <-done:
			return
		}
	}
	err := scanner.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("a line has more than %d bytes", lineMax)
	}
	failed <- err
	close(lines)
}

// OneLine writes a text on one line.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
