package smstest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"crier/bots"
	"crier/bots/sms"
	"crier/conversation"
)

// RunOnModem runs what must hold of a gateway whose daemon has a modem, beside
// Run: whatever the daemon, the modem and the disk may do to it.
func RunOnModem(t *testing.T, kind sms.Kind, daemon *Daemon) {
	for _, test := range []struct {
		name string
		run  func(*modemRig)
	}{
		{"the daemon is restarted in the middle", (*modemRig).restarted},
		{"the daemon is killed in the middle", (*modemRig).killed},
		{"a modem that does not delete", (*modemRig).stubborn},
		{"a number that the network refuses", (*modemRig).refused},
		{"a network that refuses for a while", (*modemRig).refusedForNow},
		{"a text has arrived when all its parts have", (*modemRig).arrivesInParts},
		{"what came to be too old is not sent", (*modemRig).outdated},
		{"what nobody can read is in nobody's way", (*modemRig).unreadable},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newModemRig(t, kind, daemon)) })
	}
}

// modemRig is a line on the spool of a daemon.
type modemRig struct {
	*Daemon
	t       *testing.T
	journey *Journey
	gateway sms.Gateway
	id      atomic.Int64
}

func newModemRig(t *testing.T, kind sms.Kind, daemon *Daemon) *modemRig {
	t.Helper()
	daemon.Clear(t)
	r := &modemRig{Daemon: daemon, t: t, journey: &Journey{}}
	r.id.Store(time.Now().UnixMicro()) // as real ones
	create := kind.New
	kind.New = func(settings sms.Settings, line *sms.Line) (_ sms.Gateway, err error) {
		r.gateway, err = create(settings, line)
		return r.gateway, err
	}
	line, err := sms.NewLine(sms.LineConfig{Name: lineName}, kind, sms.Settings{Dir: daemon.Dir, Number: "+32470000099"},
		nil, r.journey, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- line.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// submit hands a text over, and returns its id.
func (r *modemRig) submit(to, body string, valid time.Duration) int64 {
	r.t.Helper()
	segments, _, _, gsm := bots.Segments(body)
	text := sms.Text{ID: r.id.Add(1), To: to, Body: body, GSM: gsm, Segments: segments, Valid: valid}
	if _, err := r.gateway.Submit(r.t.Context(), text); err != nil {
		r.t.Fatalf("submit: %v", err)
	}
	return text.ID
}

// got waits for texts before a person, in any order.
func (r *modemRig) got(number string, want ...string) {
	r.t.Helper()
	slices.Sort(want)
	eventually(r.t, fmt.Sprintf("%q before the person", want), func() bool {
		got := r.Got(number)
		slices.Sort(got)
		return slices.Equal(slices.Compact(got), want)
	})
}

// heard waits for texts, and returns the ids of each.
func (r *modemRig) heard(want ...string) map[string][]string {
	r.t.Helper()
	var ids map[string][]string
	eventually(r.t, fmt.Sprintf("%q to be heard", want), func() bool {
		ids = make(map[string][]string)
		for _, in := range r.journey.Heard() {
			ids[in.Text] = append(ids[in.Text], in.ID)
		}
		return !slices.ContainsFunc(want, func(text string) bool { return ids[text] == nil })
	})
	return ids
}

// receipt reports whether there was one.
func (r *modemRig) receipt(id int64, status conversation.Status) bool {
	return slices.ContainsFunc(r.journey.Receipts(), func(receipt conversation.Receipt) bool {
		return receipt.ID == id && receipt.Status == status
	})
}

func (r *modemRig) received(id int64, status conversation.Status) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("the receipt %d", status), func() bool { return r.receipt(id, status) })
}

func (r *modemRig) restarted() {
	r.Say(Handset, "balance")
	r.heard("balance")
	first := r.submit(Handset, "You have 15 acorns.", time.Hour)
	r.got(Handset, "You have 15 acorns.")
	r.received(first, conversation.Underway)

	r.Stop()
	r.Say(Handset, "pay luc 5")
	second := r.submit(Handset, "Pay Luc 5 acorns?", time.Hour)
	r.Start()
	r.heard("balance", "pay luc 5")
	r.got(Handset, "You have 15 acorns.", "Pay Luc 5 acorns?")
	r.received(second, conversation.Underway)

	r.Restart()
	r.Report(0, 0)
	r.Report(1, 0)
	r.received(first, conversation.Delivered)
	r.received(second, conversation.Delivered)
	if n := len(r.Got(Handset)); n != 2 {
		r.t.Errorf("%d texts arrived", n)
	}
	for text, ids := range r.heard() {
		if len(slices.Compact(ids)) != 1 {
			r.t.Errorf("%q was heard as %q", text, ids)
		}
	}
}

func (r *modemRig) killed() {
	var want []string
	for i := range 4 {
		want = append(want, fmt.Sprintf("text number %d", i))
		r.submit(Handset, want[i], time.Hour)
		r.Say(Other, want[i])
	}
	eventually(r.t, "the first text", func() bool { return len(r.Got(Handset)) > 0 })
	r.Kill()
	r.Start()
	r.got(Handset, want...)
	for text, ids := range r.heard(want...) {
		if len(slices.Compact(ids)) != 1 {
			r.t.Errorf("%q was heard as %q", text, ids)
		}
	}
	if n := len(r.Got(Handset)); n > 5 {
		r.t.Errorf("%d texts arrived: not only that which the daemon was sending came twice", n)
	}
}

func (r *modemRig) stubborn() {
	r.Stubborn(true)
	r.Say(Handset, "pay luc 5")
	eventually(r.t, "the text, twice", func() bool { return len(r.journey.Heard()) > 1 })
	r.Stubborn(false)
	if ids := slices.Compact(r.heard("pay luc 5")["pay luc 5"]); len(ids) != 1 {
		r.t.Errorf("it was heard as %q", ids)
	}
}

func (r *modemRig) refused() {
	r.Refuse(Other, 1)
	bad := r.submit(Other, "to nobody", time.Hour)
	var want []string
	for i := 0; i < 30 && !r.receipt(bad, conversation.Failed); i++ {
		refusals := r.Refusals()
		eventually(r.t, "a try in vain", func() bool { return r.Refusals() > refusals || r.receipt(bad, conversation.Failed) })
		want = append(want, fmt.Sprintf("text number %d", i))
		r.submit(Handset, want[i], time.Hour)
		r.got(Handset, want...)
	}
	r.received(bad, conversation.Failed)
	for _, receipt := range r.journey.Receipts() {
		if receipt.Status == conversation.Failed && (receipt.ID != bad || receipt.Reason == "") {
			r.t.Errorf("receipt %+v", receipt)
		}
	}
	if got := r.Got(Other); len(got) != 0 {
		r.t.Errorf("nobody got %q", got)
	}
}

func (r *modemRig) refusedForNow() {
	r.Refuse(Handset, 38) // network out of order
	id := r.submit(Handset, "when it works again", time.Hour)
	eventually(r.t, "a try in vain", func() bool { return r.Refusals() > 0 })
	r.Refuse(Handset, 0)
	r.got(Handset, "when it works again")
	r.received(id, conversation.Underway)
	if r.receipt(id, conversation.Failed) {
		r.t.Error("it was given up")
	}
}

func (r *modemRig) arrivesInParts() {
	long := run(400, "a long story ")
	id := r.submit(Handset, long, time.Hour)
	r.got(Handset, long)
	r.received(id, conversation.Underway)
	r.ReportPart(0, 0, 0)
	r.ReportPart(0, 2, 0)
	eventually(r.t, "the reports to be read", func() bool { return r.Waiting() == 0 })
	if r.receipt(id, conversation.Delivered) {
		r.t.Error("it has arrived, without its second part")
	}
	r.ReportPart(0, 1, 0)
	r.received(id, conversation.Delivered)

	other := r.submit(Handset, long+long, time.Hour)
	r.got(Handset, long, long+long)
	r.received(other, conversation.Underway)
	r.ReportPart(1, 0, 0)
	r.ReportPart(1, 1, 0x46) // its time is over
	r.received(other, conversation.Failed)
}

func (r *modemRig) outdated() {
	r.Stop()
	late := r.submit(Handset, "You have 15 acorns.", time.Second)
	r.received(late, conversation.Failed)
	r.Start()
	r.submit(Handset, "You have 20 acorns.", time.Hour)
	r.got(Handset, "You have 20 acorns.")
}

func (r *modemRig) unreadable() {
	folder := filepath.Join(r.Dir, r.inbox)
	for name, text := range map[string]string{
		"IN20261125_050057_00_+32470000001_00.txt": "From: 32470000001\n\npay luc 500",
		"GSM1.aaaaaa": "[SMSBackup000]\nNumber = \"+32470000001\"\nMessageReference = 0\n\n",
		"GSM1.huge":   strings.Repeat("From: 32470000001\n", 200_000),
		"GSM1.binary": "\x00\xff\xfe",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	outside := filepath.Join(r.t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("the secret of the host"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(folder, "GSM1.link")); err != nil {
		r.t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "GSM1.fifo"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.Say(Handset, "balance")
	if ids := r.heard("balance"); len(ids) != 1 {
		r.t.Errorf("heard %q", ids)
	}
	if _, err := os.Stat(outside); err != nil {
		r.t.Errorf("what is outside: %v", err)
	}
}
