package digest_test

import (
	"testing"
	"time"

	"crier/mail/digest"
)

// FuzzParseSchedule reads whatever somebody may write for a schedule: it is
// refused, or it comes in time, always later, and means the same when it is read
// from what was kept of it.
func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{
		"friday 8:00", "Fri 08:00", "daily 23:59", "monthly 28 7:05", "0 8 * * 5", "*/15 * * * *", "0 0 29 2 *", "0 8 31 2 *", "", "TZ=UTC 0 8 * * 5",
		"@weekly", "61 8 * * 5", "0 8 * * FRI-SUN", "0 2 * * 0", "monthly 31 8:00", "friday", "0-59/7 1,2,3 L * ?",
	} {
		f.Add(s, int64(1_780_000_000), uint8(0))
	}
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Brussels", "Australia/Sydney", "Africa/Johannesburg", "America/St_Johns", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			f.Fatal(err)
		}
		zones = append(zones, zone)
	}
	f.Fuzz(func(t *testing.T, s string, unix int64, zone uint8) {
		schedule, err := digest.ParseSchedule(s)
		if err != nil {
			return
		}
		again, err := digest.ParseSchedule(schedule.String())
		if err != nil {
			t.Fatalf("%q is kept as %q, which is refused: %v", s, schedule, err)
		}
		in := zones[int(zone)%len(zones)]
		at := time.Unix(unix%4_000_000_000, 0)
		for range 5 {
			next := schedule.Next(at, in)
			if !next.After(at) {
				t.Fatalf("%q comes at %s, after %s", s, next, at)
			}
			if other := again.Next(at, in); !other.Equal(next) {
				t.Fatalf("%q comes at %s, and as it was kept at %s", s, next, other)
			}
			at = next
		}
	})
}
