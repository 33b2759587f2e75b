package gammu

import (
	"testing"
	"time"

	"crier/bots/sms/spool"
)

func TestQueue(t *testing.T) {
	HurryUp(t, time.Minute)
	start := time.Unix(1795580000, 0)
	until := start.Add(24 * time.Hour)
	file := func(id int64) spool.File { return spool.File{Name: nameOf(id, until)} }
	late := func(id int64) spool.File { return spool.File{Name: behind(id, until, start)} }
	var q queue
	for _, step := range []struct {
		after   time.Duration // of the start
		waiting []spool.File
		sent    bool // others are, before it
		want    verdict
	}{
		{0, nil, false, inOrder},
		{0, []spool.File{file(1), file(2)}, false, inOrder},
		{time.Second, []spool.File{file(2), file(3)}, true, inOrder},
		{59 * time.Second, []spool.File{file(2), file(3)}, false, inOrder},
		{62 * time.Second, []spool.File{file(2), file(3)}, false, inTheWay},
		{63 * time.Second, []spool.File{file(3), late(2)}, false, inOrder},
		// The third is sent: once. The second is tried again, and nothing else waits.
		{64 * time.Second, []spool.File{late(2)}, true, inOrder},
		{3 * time.Minute, []spool.File{late(2)}, false, inOrder},
		{5 * time.Minute, []spool.File{late(2)}, true, inOrder},  // twice
		{6 * time.Minute, []spool.File{late(2)}, true, inOrder},  // three times
		{10 * time.Minute, []spool.File{late(2)}, true, inOrder}, // but not for long
		{12 * time.Minute, []spool.File{late(2)}, false, refused},
		// Without a signal nothing is sent, and nothing is refused.
		{13 * time.Minute, []spool.File{file(7), file(8)}, false, inOrder},
		{15 * time.Minute, []spool.File{file(7), file(8)}, false, inTheWay},
		{17 * time.Minute, []spool.File{file(8), late(7)}, false, inOrder},
		{19 * time.Minute, []spool.File{file(8), late(7)}, false, inTheWay},
		{21 * time.Minute, []spool.File{late(7), late(8)}, false, inOrder},
		{5 * time.Hour, []spool.File{late(7), late(8)}, false, inTheWay},
	} {
		if step.sent {
			q.sent()
		}
		if _, got := q.look(step.waiting, start.Add(step.after)); got != step.want {
			t.Errorf("after %v: %d, want %d", step.after, got, step.want)
		}
	}
}
