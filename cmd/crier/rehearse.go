package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/conversation/transcript"
)

func (p *program) rehearseCommand() *cobra.Command {
	var update bool
	c := &cobra.Command{
		Use:   "rehearse FILE…",
		Short: "Play written-down conversations, and say where Crier answers otherwise",
		Long: `Plays transcripts, each in a community of its own, and prints what did not come out as written:
FILE:LINE: what differs. A directory stands for all its .txt files, - for standard input.`,
		Example: "  crier rehearse conversation/transcript/testdata\n  crier rehearse --update my-group.txt",
		Args:    needs(1, -1),
	}
	c.Flags().BoolVar(&update, "update", false, "write the answers that come into the files (standard input: to standard output)")
	c.RunE = func(c *cobra.Command, args []string) error { return p.rehearse(c.Context(), args, update) }
	return c
}

func (p *program) rehearse(ctx context.Context, names []string, update bool) error {
	files, err := transcripts(names)
	if err != nil {
		return err
	}
	log := quiet(p.err)
	engine, _, err := newEngine(log)
	if err != nil {
		return err
	}
	runner := &transcript.Runner{
		Open:   temporary,
		Engine: func(*slog.Logger) (*conversation.Engine, error) { return engine, nil },
		Log:    log,
	}
	r := rehearsal{program: p, runner: runner, update: update}
	for _, file := range files {
		if err := r.play(ctx, file); err != nil {
			return err
		}
	}
	if !update {
		p.say("%s, %d as written, %d not (%s).\n", count(len(files), "transcript", "transcripts"),
			len(files)-r.differ, r.differ, count(r.differences, "difference", "differences"))
	}
	if r.differ > 0 {
		return errTold
	}
	return nil
}

// rehearsal plays one transcript after the other.
type rehearsal struct {
	*program
	runner              *transcript.Runner
	update              bool
	differ, differences int // transcripts, and lines of theirs
}

// play plays one transcript. What is wrong with it is printed, and no error.
func (r *rehearsal) play(ctx context.Context, file string) error {
	data, err := r.readFile(ctx, file)
	if err != nil {
		return err
	}
	name := file
	if file == "-" {
		name = "standard input"
	}
	script, err := transcript.Parse(name, string(data))
	if err == nil && r.update {
		err = r.updateTranscript(ctx, script, file, string(data))
	} else if err == nil {
		var differences []transcript.Difference
		if differences, err = r.runner.Run(ctx, script); len(differences) > 0 {
			r.differ++
			r.differences += len(differences)
		}
		for _, d := range differences {
			where := name
			if d.Line != 0 {
				where = fmt.Sprintf("%s:%d", name, d.Line)
			}
			r.say("%s: %s\n", where, d.What)
		}
	}
	if err != nil && ctx.Err() == nil { // it cannot be played: the others may
		r.say("%s\n", err)
		r.differ++
		r.differences++
		return nil
	}
	return err
}

func (r *rehearsal) updateTranscript(ctx context.Context, script *transcript.Script, file, text string) error {
	changed, err := r.runner.Update(ctx, script, text)
	if err != nil {
		return err
	}
	if file == "-" {
		r.say("%s", changed)
		return nil
	}
	if changed == text {
		return nil
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		return fmt.Errorf("write the answers: %w", err)
	}
	r.say("%s: answers written\n", file)
	return nil
}

// transcripts lists the files that the arguments stand for.
func transcripts(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		if name == "-" {
			files = append(files, name)
			continue
		}
		before := len(files)
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (path == name || strings.HasSuffix(path, ".txt")) {
				files = append(files, path)
			}
			return err
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("there is no file %s", name)
		case err != nil:
			return nil, fmt.Errorf("look for transcripts: %w", err)
		case len(files) == before:
			return nil, fmt.Errorf("there is no transcript (a .txt file) in %s", name)
		}
	}
	return slices.Compact(files), nil
}
