package digest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a community's digest goes out, in its own time zone.
type Schedule struct {
	spec string // as a cron expression
	cron cron.Schedule
}

// Weekly is the schedule that a community has at first.
const Weekly = "0 8 * * 5" // on Fridays at 8:00

var weekdays = map[string]string{
	"sun": "0", "mon": "1", "tue": "2", "wed": "3", "thu": "4", "fri": "5", "sat": "6",
}

// ParseSchedule reads one: a weekday and a time ("friday 8:00"), "daily 8:00", a
// day of the month and a time ("monthly 1 8:00"), or a cron expression of five
// fields ("0 8 * * 5": minute, hour, day, month, weekday).
func ParseSchedule(s string) (Schedule, error) {
	spec := strings.ToLower(strings.Join(strings.Fields(s), " "))
	if plain, ok := plainSchedule(spec); ok {
		spec = plain
	}
	if strings.Count(spec, " ") != 4 || strings.ContainsAny(spec, "=@") {
		return Schedule{}, fmt.Errorf(`%q is not a time such as "friday 8:00", "daily 8:00", "monthly 1 8:00" or a cron expression such as "0 8 * * 5"`, s)
	}
	c, err := cron.ParseStandard("TZ=UTC " + spec)
	if err != nil {
		return Schedule{}, fmt.Errorf("%q is not a cron expression: %w", s, err)
	}
	next := c.Next(epoch)
	if next.IsZero() {
		return Schedule{}, fmt.Errorf("%q never comes", s)
	}
	for range 25 {
		after := c.Next(next)
		if after.Sub(next) < leastApart {
			return Schedule{}, fmt.Errorf("%q comes more often than once in an hour", s)
		}
		next = after
	}
	return Schedule{spec, c}, nil
}

// leastApart is how far apart digests are at least.
const leastApart = time.Hour

var epoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// plainSchedule makes a cron expression of a day and a time.
func plainSchedule(s string) (spec string, ok bool) {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 3 {
		return "", false
	}
	clock, err := time.Parse("15:04", words[len(words)-1])
	if err != nil {
		return "", false
	}
	at := strconv.Itoa(clock.Minute()) + " " + strconv.Itoa(clock.Hour()) + " "
	switch first := words[0]; {
	case len(words) == 2 && (first == "daily" || first == "day"):
		return at + "* * *", true
	case len(words) == 3 && first == "monthly":
		if day, err := strconv.Atoi(words[1]); err == nil && day >= 1 && day <= 28 {
			return at + words[1] + " * *", true
		}
	case len(words) == 2 && len(first) >= 3:
		day, known := weekdays[first[:3]]
		return at + "* * " + day, known
	}
	return "", false
}

// String is the schedule as a cron expression.
func (s Schedule) String() string { return s.spec }

// Next is the first time after another at which the digest is due.
//
// It is reckoned by the clock on the wall: a time that a change to summer time
// leaves out comes an hour later, and one that comes twice counts once. (A cron
// of its own would leave the former out.)
func (s Schedule) Next(after time.Time, zone *time.Location) time.Time {
	for wall := wallOf(after, zone); ; {
		wall = s.cron.Next(wall)
		if wall.IsZero() {
			return wall
		}
		at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
		if at.After(after) {
			return at
		}
	}
}

// Daily is the schedule that comes every day at the hours of this one.
func (s Schedule) Daily() Schedule {
	fields := strings.Fields(s.spec)
	daily, err := ParseSchedule(fields[0] + " " + fields[1] + " * * *")
	if err != nil {
		return s
	}
	return daily
}

// wallOf is what the clock shows in a zone, as if it were UTC.
func wallOf(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// How often a member wants the digest.
const (
	EveryIssue = ""        // each that their community has
	EveryDay   = "daily"   // at the community's hour
	EveryWeek  = "weekly"  // the first of a week
	EveryMonth = "monthly" // the first of a month
	Never      = "never"
)

// due reports whether a member who wants the digest so often, and whose last
// one was due at last, gets one that is due at a time. issue says that it is
// one of the community's own, and not just a day's.
func due(every string, last, at time.Time, issue bool, zone *time.Location) bool {
	l, a := last.In(zone), at.In(zone)
	ly, lw := l.ISOWeek()
	ay, aw := a.ISOWeek()
	switch every {
	case EveryDay:
		return true
	case EveryWeek:
		return issue && (ly != ay || lw != aw)
	case EveryMonth:
		return issue && (l.Year() != a.Year() || l.Month() != a.Month())
	case Never:
		return false
	}
	return issue
}

// isRarer reports whether the next two digests are further apart than a member
// wants them.
func (s Schedule) isRarer(every string, now time.Time, zone *time.Location) bool {
	first := s.Next(now, zone)
	second := s.Next(first, zone)
	switch every {
	case EveryWeek:
		return second.After(first.AddDate(0, 0, 7))
	case EveryMonth:
		return second.After(first.AddDate(0, 0, 31))
	}
	return false
}
