package conversation

import (
	"time"
)

// Allowance bounds what a channel spends on one person: two machines that
// answer each other would never stop.
type Allowance struct {
	Burst int           // messages of one member that are answered at once
	Every time.Duration // one more is, each time

	Unclear      int           // answers to messages that are not understood, at once
	UnclearEvery time.Duration // one more, each time

	Strangers  time.Duration // one who is not known gets an answer each time
	Crowd      int           // answers to all of them together, at once
	CrowdEvery time.Duration // one more, each time
}

// Flood is how much of an allowance was used: a bucket that leaks.
type Flood struct {
	Used  float64 `json:"used"`
	At    int64   `json:"at"`              // when Used was right; microseconds
	Rests bool    `json:"rests,omitempty"` // it was full, and has not leaked much since
}

// restUntil is how much of a full bucket has to leak before it takes more.
const restUntil = 5

// take counts one more. first says that it is the first that is too much.
func (f *Flood) take(now time.Time, burst int, every time.Duration) (ok, first bool) {
	if burst == 0 {
		return true, false
	}
	passed := now.Sub(time.UnixMicro(f.At))
	f.Used = max(0, f.Used-float64(passed)/float64(every))
	f.At = now.UnixMicro()
	if f.Rests && f.Used > float64(burst-restUntil) {
		return false, false
	}
	f.Rests = false
	if f.Used+1 > float64(burst) {
		f.Rests = true
		return false, true
	}
	f.Used++
	return true, false
}
