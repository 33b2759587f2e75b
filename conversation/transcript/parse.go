// Package transcript runs conversations written down in a text file: what
// people write, and what must appear on whose screen. FORMAT.md beside this
// file describes the format for coordinators.
package transcript

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Script is a transcript, read.
type Script struct {
	Name    string
	Partial bool // answers that no line mentions are let pass
	Givens  []Line
	Lines   []Line
}

// Line is one line of a transcript that does something.
type Line struct {
	Number int    // from 1
	Op     string // ">", "<", "<~", "<!", "!", "given", "later", "then"
	Who    string // whose screen
	On     string // which channel of theirs, or ""
	Text   string
	last   int // number of the last line, where it has several
	expr   *regexp.Regexp
	wait   time.Duration
}

var speech = regexp.MustCompile(`^([\p{L}][\p{L}\d_.-]*)(?:/([a-z]+))?(>>|>|<~|<!|<|!)(?:\s(.*))?$`)

// comment is what follows two spaces and a # at the end of a line.
var comment = regexp.MustCompile(`\s{2,}#\s.*$`)

// Parse reads a transcript. Its errors name the line.
func Parse(name, text string) (*Script, error) {
	s := &Script{Name: name}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		raw := strings.TrimRight(comment.ReplaceAllString(lines[i], ""), " \t")
		l := Line{Number: i + 1, last: i + 1}
		trimmed := strings.TrimSpace(raw)
		first, rest, _ := strings.Cut(trimmed, " ")
		rest = strings.TrimSpace(rest)
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %s", name, l.Number, fmt.Sprintf(format, args...))
		}
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
			continue
		case trimmed == "partial":
			s.Partial = true
			continue
		case first == "given":
			l.Op, l.Text = "given", rest
			s.Givens = append(s.Givens, l)
			continue
		case first == "later":
			wait, err := Duration(rest)
			if err != nil {
				return nil, fail("%v", err)
			}
			l.Op, l.wait = "later", wait
		case first == "then":
			l.Op, l.Text = "then", rest
		default:
			m := speech.FindStringSubmatch(raw)
			if m == nil {
				return nil, fail("not a line of a transcript: %q", trimmed)
			}
			l.Who, l.On, l.Op, l.Text = m[1], m[2], m[3], m[4]
			if l.Op == ">>" {
				var body []string
				for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "<<"; i++ {
					body = append(body, lines[i])
				}
				if i == len(lines) {
					return nil, fail("a message that begins with >> ends with a line <<")
				}
				l.Op, l.Text, l.last = ">", strings.Join(body, "\n"), i+1
			}
			if l.Op == "<~" || l.Op == "<!" {
				expr, err := regexp.Compile("(?is)" + l.Text)
				if err != nil {
					return nil, fail("%v", err)
				}
				l.expr = expr
			}
		}
		s.Lines = append(s.Lines, l)
	}
	return s, nil
}

// Duration reads "3d", "2w", "90m", "1h30m".
func Duration(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			var count float64
			if _, err := fmt.Sscanf(n, "%g", &count); err != nil || count < 0 {
				return 0, fmt.Errorf("%q is not a length of time such as 3d, 2h or 30m", s)
			}
			return time.Duration(count * float64(unit)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a length of time such as 3d, 2h or 30m", s)
	}
	return d, nil
}
