package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/conversation"
)

// journey remembers what it is brought. fail says what it does not keep.
type journey struct {
	conversation.Handler // nothing but Handle is called
	fail                 func(what string) error

	mu       sync.Mutex
	heard    []string
	receipts []string
	looked   int
}

var errAway = errors.New("the database is away")

func (j *journey) note(list *[]string, what string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	*list = append(*list, what)
	if j.fail != nil {
		return j.fail(what)
	}
	return nil
}

func (j *journey) Handle(_ context.Context, in conversation.Inbound) error {
	return j.note(&j.heard, in.From+" "+in.Text)
}

func (j *journey) Assemble(_ context.Context, in conversation.Inbound, ref string, number, total int) error {
	return j.note(&j.heard, fmt.Sprintf("%s %s (%s: %d of %d)", in.From, in.Text, ref, number, total))
}

func (j *journey) Receipt(_ context.Context, _ string, r conversation.Receipt) error {
	return j.note(&j.receipts, fmt.Sprintf("%d %d%s", r.ID, r.Status, r.Reason))
}

func (j *journey) Reply(context.Context, conversation.Inbound) ([]conversation.Outbound, error) {
	return nil, nil
}

// parseLines is a format for tests: "from:text", "report to ref status", or
// one of the errors.
func parseLines(data []byte) (Letter, error) {
	switch line := strings.TrimSpace(string(data)); {
	case strings.HasPrefix(line, "open "):
		letter, err := parseLines(data[len("open "):])
		letter.Open = true
		return letter, err
	case line == "panic":
		panic("there is no such file")
	case line == "half":
		return Letter{}, ErrHalf
	case line == "picture":
		return Letter{}, ErrNoText
	case strings.HasPrefix(line, "report "):
		words := strings.Fields(line)
		ref, _ := strconv.Atoi(words[2])
		status, _ := strconv.Atoi(words[3])
		return Letter{Report: &Report{To: words[1], Ref: ref, Status: conversation.Status(status)}}, nil
	default:
		from, text, ok := strings.Cut(line, ":")
		if !ok {
			return Letter{}, errors.New("nobody understands it")
		}
		sent, text, _ := strings.Cut(text, "@")
		return Letter{Texts: []Text{{ID: line, From: from, Text: text, Number: 1, Total: 1}}, Sent: sent}, nil
	}
}

type rig struct {
	*Spool
	*journey
	log bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{journey: &journey{}}
	kind := sms.Kind{New: func(_ sms.Settings, line *sms.Line) (sms.Gateway, error) {
		r.Spool = &Spool{Dir: newDir(t, "in", "sent"), Line: line, Inbox: "in", Parse: parseLines, Settle: r.settle}
		return nil, nil
	}}
	log := slog.New(slog.NewTextHandler(io.MultiWriter(&r.log, t.Output()), nil))
	if _, err := sms.NewLine(sms.LineConfig{Name: "village", Region: "BE"}, kind, sms.Settings{}, nil, r.journey, nil, log); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) settle(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked++
	return nil
}

func (r *rig) looks(t *testing.T, wantHeard, wantLeft []string) error {
	t.Helper()
	r.heard, r.receipts = nil, nil
	err := r.look(t.Context())
	if !slices.Equal(r.heard, wantHeard) {
		t.Errorf("heard %q, want %q", r.heard, wantHeard)
	}
	if left := names(t, r.Dir, "in"); !slices.Equal(left, wantLeft) {
		t.Errorf("left is %q, want %q", left, wantLeft)
	}
	return err
}

func TestTextsAreHeardInTheirOrder(t *testing.T) {
	r := newRig(t)
	put(t, r.Dir, "in/c", "+32470000001:1@pay luc 5", 2*time.Second)
	put(t, r.Dir, "in/a", "+32470000001:2@yes", 9*time.Second) // it lay before the other in the telephone
	put(t, r.Dir, "in/b", "0470000002:1@bal", 0)
	if err := r.looks(t, []string{"+32470000001 pay luc 5", "+32470000002 bal", "+32470000001 yes"}, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotKeptHoldsUpNobodyElse(t *testing.T) {
	r := newRig(t)
	put(t, r.Dir, "in/a", "+32470000001:1@pay luc 5", 3*time.Second)
	put(t, r.Dir, "in/b", "+32470000001:2@yes", 2*time.Second)
	put(t, r.Dir, "in/c", "+32470000002:3@bal", time.Second)
	r.fail = func(what string) error {
		if strings.HasSuffix(what, "luc 5") {
			return errAway
		}
		return nil
	}
	if err := r.looks(t, []string{"+32470000001 pay luc 5", "+32470000002 bal"}, []string{"a", "b"}); !errors.Is(err, errAway) {
		t.Errorf("look: %v", err)
	}
	r.fail = nil
	if err := r.looks(t, []string{"+32470000001 pay luc 5", "+32470000001 yes"}, nil); err != nil {
		t.Error(err)
	}
}

func TestADatabaseThatIsAwayIsNotAskedForEach(t *testing.T) {
	r := newRig(t)
	for i := range 9 {
		put(t, r.Dir, fmt.Sprintf("in/%d", i), fmt.Sprintf("+3247000001%d:1@bal", i), time.Second)
	}
	r.fail = func(string) error { return errAway }
	if err := r.look(t.Context()); !errors.Is(err, errAway) || len(r.heard) != failMost {
		t.Errorf("asked %d times: %v", len(r.heard), err)
	}
	if n := len(names(t, r.Dir, "in")); n != 9 {
		t.Errorf("%d are left", n)
	}
}

func TestStrangeFiles(t *testing.T) {
	r := newRig(t)
	put(t, r.Dir, "in/IN_+32470000001_half", "half", 0)
	put(t, r.Dir, "in/IN_+32470000001_stale", "half", halfFor+time.Second)
	put(t, r.Dir, "in/binary", "\x00\xff\xfe\x01", 0)
	put(t, r.Dir, "in/empty", "", 0)
	put(t, r.Dir, "in/huge", strings.Repeat("x", sizeMax+1), 0)
	put(t, r.Dir, "in/panic", "panic", 0)
	put(t, r.Dir, "in/picture", "picture", 0)
	put(t, r.Dir, "in/text", "+32470000001:1@bal", 0)
	if err := os.Symlink("/etc/passwd", filepath.Join(string(r.Dir), "in", "link")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.look(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := r.looks(t, nil, []string{"IN_+32470000001_half", "link"}); err != nil {
		t.Error(err)
	}
	if n := len(names(t, r.Dir, unread)); n != 5 {
		t.Errorf("%d were put away", n)
	}
	if n := strings.Count(r.log.String(), "level=ERROR"); n != 6 { // two for the panic
		t.Errorf("%d errors were logged", n)
	}
	if strings.Contains(r.log.String(), "3247") {
		t.Error("a number was logged")
	}
}

func TestWhatMayBeAddedToIsLeftAWhile(t *testing.T) {
	r := newRig(t)
	put(t, r.Dir, "in/new", "open +32470000001:1@bal", 0)
	put(t, r.Dir, "in/old", "open +32470000002:1@bal", openFor+time.Second)
	if err := r.looks(t, []string{"+32470000002 bal"}, []string{"new"}); err != nil {
		t.Error(err)
	}
}

func TestAFileThatCannotBeOpenedIsComplainedOfOnce(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("nothing is forbidden to root")
	}
	r := newRig(t)
	put(t, r.Dir, "in/a", "+32470000001:1@bal", 0)
	if err := os.Chmod(filepath.Join(string(r.Dir), "in", "a"), 0); err != nil {
		t.Fatal(err)
	}
	put(t, r.Dir, "in/b", "+32470000002:1@bal", 0)
	if err := r.looks(t, []string{"+32470000002 bal"}, []string{"a"}); err != nil {
		t.Error(err)
	}
	if err := r.looks(t, nil, []string{"a"}); err != nil {
		t.Error(err)
	}
	if n := strings.Count(r.log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
}

func TestReports(t *testing.T) {
	r := newRig(t)
	says := func(want ...string) {
		t.Helper()
		r.receipts = nil
		if err := r.look(t.Context()); err != nil {
			t.Error(err)
		}
		if !slices.Equal(r.receipts, want) {
			t.Errorf("receipts %q, want %q", r.receipts, want)
		}
	}
	sent := func(s Slip, age time.Duration) {
		t.Helper()
		put(t, r.Dir, "sent/x", "You have 15 acorns.", 0)
		if err := r.Sent(t.Context(), "sent", "x", s); err != nil {
			t.Fatal(err)
		}
		if data, err := r.Dir.Read(done, s.String()); err != nil || len(data) != 0 || len(names(t, r.Dir, "sent")) != 0 {
			t.Errorf("%q is kept, %v", data, err)
		}
		put(t, r.Dir, done+"/"+s.String(), "", age)
	}
	sent(Slip{ID: 1, Part: 1, Of: 1, To: "32470000001", Refs: []Ref{{Number: 7}}}, time.Hour)
	sent(Slip{ID: 2, Part: 1, Of: 1, To: "32470000001", Refs: []Ref{{Number: 7}, {Number: 8}}}, time.Minute) // they have come round
	sent(Slip{ID: 3, Part: 1, Of: 2, To: "32470000002", Refs: []Ref{{Number: 7}}}, time.Minute)
	if want := []string{"1 0", "2 0"}; !slices.Equal(r.receipts, want) {
		t.Errorf("after two and a half are sent: %q, want %q", r.receipts, want)
	}
	sent(Slip{ID: 3, Part: 2, Of: 2, To: "32470000002", Refs: []Ref{{Number: 9}}}, time.Minute)
	if want := "3 0"; r.receipts[len(r.receipts)-1] != want {
		t.Errorf("after three: %q", r.receipts)
	}

	put(t, r.Dir, "in/a", "report +32470000001 7 1", 0)
	says() // the other part of the text is on its way
	put(t, r.Dir, "in/a", "report 0470000001 8 1", 0)
	says("2 1")
	put(t, r.Dir, "in/a", "report +32470000002 9 1", 0)
	says()
	put(t, r.Dir, "in/a", "report +32470000002 9 0", 0)
	says()
	put(t, r.Dir, "in/a", "report +32470000002 7 1", 0)
	says("3 1")
	put(t, r.Dir, "in/a", "report +32470000002 9 2", 0)
	says("3 2")

	// A report that is not kept comes again, and one on nobody's text is kept a while.
	r.fail = func(string) error { return errAway }
	put(t, r.Dir, "in/a", "report +32470000002 9 1", 0)
	if err := r.looks(t, nil, []string{"a"}); !errors.Is(err, errAway) {
		t.Errorf("look: %v", err)
	}
	r.fail = nil
	says("3 1")
	put(t, r.Dir, "in/a", "report +32470000003 9 1", 0)
	put(t, r.Dir, "in/b", "report +32470000003 9 1", reportFor+time.Second)
	put(t, r.Dir, "in/c", "report PROVIDER 9 1", 0)
	if err := r.looks(t, nil, []string{"a"}); err != nil || len(r.receipts) != 0 {
		t.Errorf("look: %v, receipts %q", err, r.receipts)
	}
}

func TestSlips(t *testing.T) {
	for _, s := range []Slip{
		{ID: 42, Part: 1, Of: 1, To: "32470000001"},
		{ID: 9223372036854775807, Part: 255, Of: 255, To: "32470000001", Refs: []Ref{{Number: 0, Arrived: true}, {Number: 255}}},
	} {
		got, ok := parseSlip(s.String())
		if !ok || got.String() != s.String() || !slices.Equal(got.Refs, s.Refs) {
			t.Errorf("%s is read as %+v, %v", s, got, ok)
		}
	}
	for _, name := range []string{"", "x", "42", "42-1of1-32-7b", "42-1of1--7", "-1-1of1-32-", "99999999999999999999-1of1-32-", "42-1of1-32-7+", "42-1of1-32-7a/../x"} {
		if s, ok := parseSlip(name); ok {
			t.Errorf("%q is read as %+v", name, s)
		}
	}
}

func TestRunSaysWhatIsWrongOnce(t *testing.T) {
	r := newRig(t)
	if err := os.Rename(filepath.Join(string(r.Dir), "in"), filepath.Join(string(r.Dir), "away")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	until := func(what string, condition func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited for %s", what)
			}
		}
	}
	until("a few looks", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.looked >= 3 })
	if err := os.Rename(filepath.Join(string(r.Dir), "away"), filepath.Join(string(r.Dir), "in")); err != nil {
		t.Fatal(err)
	}
	put(t, r.Dir, "in/a", "+32470000001:1@bal", 0)
	until("the text", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.heard) > 0 })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := strings.Count(r.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors for one trouble", n)
	}
	if !strings.Contains(r.log.String(), "level=INFO") {
		t.Error("its end was not logged")
	}
}
