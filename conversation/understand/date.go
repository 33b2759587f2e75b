package understand

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Date is a day as people say it: "Friday", "3 Aug", "tomorrow". Which one it
// is depends on the day on which they say so. The zero Date is none.
type Date struct {
	kind             dateKind
	year, month, day int // onDay; a year of 0: the nearest. A day of 0: the month's last
	n                int // days ahead, or a time.Weekday
}

type dateKind uint8

const (
	noDate   dateKind = iota
	onDay             // of a month, or of this month or the next where month is 0
	onWeek            // the next such day of the week
	ahead             // so many days from now
	weekEnd           // this week's Sunday
	monthEnd          // this month's last day
)

// IsZero reports whether no day was said.
func (d Date) IsZero() bool { return d.kind == noDate }

// On is the day that is meant by somebody who says it today, at midnight in the
// zone of today. A weekday is the next one, never today. A day without a year
// is the one to come, unless it was less than two months ago: then it is past.
func (d Date) On(today time.Time) time.Time {
	y, m, day := today.Date()
	at := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, today.Location()) }
	switch d.kind {
	case onWeek:
		return at(y, int(m), day+(d.n-int(today.Weekday())+6)%7+1)
	case ahead:
		return at(y, int(m), day+d.n)
	case weekEnd:
		return at(y, int(m), day+(7-int(today.Weekday()))%7)
	case monthEnd:
		return at(y, int(m)+1, 0)
	case onDay:
		return d.onDay(today, at)
	default:
		return time.Time{}
	}
}

func (d Date) onDay(today time.Time, at func(y, m, d int) time.Time) time.Time {
	y, m, now := today.Date()
	switch {
	case d.month == 0: // "the 15th"
		month := int(m)
		if d.day < now {
			month++
		}
		if at(y, month, d.day).Day() != d.day { // a month that has none: the next one has
			month++
		}
		return at(y, month, d.day)
	case d.year != 0 && d.day == 0:
		return at(d.year, d.month+1, 0)
	case d.year != 0:
		return at(d.year, d.month, d.day)
	}
	of := func(y int) time.Time {
		if d.day == 0 {
			return at(y, d.month+1, 0)
		}
		return at(y, d.month, d.day)
	}
	day := of(y)
	for year := y; year < y+8 && (day.AddDate(0, 2, 0).Before(today) || d.day != 0 && day.Day() != d.day); { // 29 Feb waits for its year
		year++
		day = of(year)
	}
	return day
}

var (
	isoRE     = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})`)
	numericRE = regexp.MustCompile(`^(\d{1,2})[./-](\d{1,2})(?:[./-](\d{4}|\d{2}))?\.?`)
)

// date reads the day that is said at token i. the says that an article or an
// ordinal stands with a number alone.
func (p *parse) date(i int, the bool) (d Date, next int, ok bool) {
	for { // "this evening" is a day, and "this" stands before one
		if d, next, ok = p.dateAt(i, the); ok {
			return d, next, true
		}
		after, skipped := p.find(p.lang.dates.skip, i)
		if !skipped || after >= p.end {
			return Date{}, 0, false
		}
		i, the = after, true
	}
}

func (p *parse) dateAt(i int, the bool) (d Date, next int, ok bool) {
	if i >= p.end {
		return d, 0, false
	}
	if d, next, ok = p.figures(i); ok {
		return d, next, true
	}
	dates := p.lang.dates
	if n, next, ok := p.phrase(dates.ahead, i); ok {
		if n < 0 {
			return Date{kind: weekEnd}, next, true
		}
		return Date{kind: ahead, n: int(n)}, next, true
	}
	if next, ok := p.find(dates.weekend, i); ok {
		return Date{kind: weekEnd}, next, true
	}
	if next, ok := p.find(dates.monthEnd, i); ok {
		return Date{kind: monthEnd}, next, true
	}
	if n, next, ok := p.phrase(dates.days, i); ok {
		after := next
		if after < p.end && p.toks[after].kind == mark {
			after++
		}
		if exact, next, ok := p.date(after, false); ok && exact.kind == onDay && exact.month != 0 {
			return exact, next, true
		}
		return Date{kind: onWeek, n: int(n)}, p.overList(dates.hours, next), true
	}
	return p.dayOfMonth(i, the)
}

// overArticles passes over "the", "next", "end of" and the like.
func (p *parse) overArticles(i int, the bool) (int, bool) {
	for {
		next, ok := p.find(p.lang.dates.skip, i)
		if !ok || next > p.end {
			return i, the
		}
		i, the = next, true
	}
}

// overList passes over a phrase of a list, if there is one.
func (p *parse) overList(t *table, i int) int {
	if next, ok := p.find(t, i); ok {
		return next
	}
	return i
}

// dayOfMonth reads "3 August 2026", "August 3rd", "August", "the 3rd".
func (p *parse) dayOfMonth(i int, the bool) (d Date, next int, ok bool) {
	dates := p.lang.dates
	d.kind = onDay
	if m, next, ok := p.phrase(dates.months, i); ok {
		d.month = int(m)
		if day, after, ordinal, ok := p.dayNumber(next); ok && (ordinal || p.breaks(after) || p.isYear(after)) {
			d.day, next = day, after
		}
		return p.withYear(d, next)
	}
	day, next, ordinal, ok := p.dayNumber(i)
	if !ok {
		return d, 0, false
	}
	d.day = day
	after, _ := p.overArticles(next, the)
	if m, after, ok := p.phrase(dates.months, after); ok {
		d.month = int(m)
		return p.withYear(d, after)
	}
	return d, next, the || ordinal
}

// dayNumber reads a number from 1 to 31, and the ordinal's ending.
func (p *parse) dayNumber(i int) (day, next int, ordinal, ok bool) {
	if i >= p.end || p.toks[i].kind != number || len(p.toks[i].word) > 2 || !allDigits(p.toks[i].word) {
		return 0, 0, false, false
	}
	day, next = int(atoi(p.toks[i].word)), i+1
	if next < p.end && p.toks[next].glued && (p.is(next, p.lang.dates.ordinals) || p.toks[next].word == ".") {
		ordinal = p.toks[next].word != "." || next+1 < p.end
		next++
	}
	return day, next, ordinal, day >= 1 && day <= 31
}

func (p *parse) isYear(i int) bool {
	return i < p.end && p.toks[i].kind == number && len(p.toks[i].word) == 4 && allDigits(p.toks[i].word)
}

// withYear reads the year that may follow, and makes sure that there is such a
// day.
func (p *parse) withYear(d Date, next int) (Date, int, bool) {
	at := next
	if at < p.end && p.toks[at].word == "," {
		at++
	}
	if p.isYear(at) {
		d.year, next = int(atoi(p.toks[at].word)), at+1
	}
	return d, next, d.valid()
}

func (d Date) valid() bool {
	year := d.year
	if year == 0 {
		year = 2024 // a leap year
	}
	t := time.Date(year, time.Month(d.month), max(d.day, 1), 0, 0, 0, 0, time.UTC)
	return d.month >= 1 && d.month <= 12 && int(t.Month()) == d.month && t.Day() == max(d.day, 1)
}

// figures reads "3/8", "03.08.2026", "2026-08-03": the day before the month, as
// all of the languages have it, and the other way round only where there is no
// such day.
func (p *parse) figures(i int) (d Date, next int, ok bool) {
	if k := p.toks[i].kind; k != number && k != phone {
		return d, 0, false
	}
	s := p.s[p.toks[i].start:]
	d.kind = onDay
	num := func(s string) int { n, _ := strconv.Atoi(s); return n }
	m := isoRE.FindStringSubmatch(s)
	if m != nil {
		d.year, d.month, d.day = num(m[1]), num(m[2]), num(m[3])
	} else if m = numericRE.FindStringSubmatch(s); m != nil {
		d.day, d.month, d.year = num(m[1]), num(m[2]), num(m[3])
		if len(m[3]) == 2 {
			d.year += 2000
		}
		if d.day == 0 {
			return d, 0, false
		}
		if turned := (Date{kind: onDay, year: d.year, month: d.day, day: d.month}); !d.valid() && d.month > 0 && turned.valid() {
			d = turned
		}
	} else {
		return d, 0, false
	}
	end := p.toks[i].start + len(m[0])
	for next = i; next < p.end && p.toks[next].start < end; next++ {
		if p.toks[next].end > end { // more figures than a date has
			return d, 0, false
		}
	}
	return d, next, d.day > 0 && d.valid()
}

// dated says that "until" stands between two tokens, whatever follows.
func (p *parse) dated(from, to int) bool {
	for i := from; i < to; i++ {
		if p.is(i, p.lang.dates.until) {
			return true
		}
	}
	return false
}

// until finds the day until which an ad holds: "until Friday", or "tomorrow" at
// its end. from and to are the words that say only that, and may be left out of
// the text; they are equal where the text needs them.
func (p *parse) until() (d Date, from, to int) {
	dates := p.lang.dates
	for i := 0; i < p.end; i++ {
		the := false
		next, ok := p.find(dates.until, i)
		if after, found := p.find(dates.untilThe, i); found && after > next {
			next, ok, the = after, true, true
		}
		if !ok {
			continue
		}
		if i > 0 && p.is(i-1, dates.days) { // "from Monday until Friday"
			continue
		}
		day, after, ok := p.date(next, the)
		if !ok {
			continue
		}
		after = p.overList(dates.hours, after)
		if p.breaks(after) && (i == 0 || p.toks[i-1].kind != number || day.kind != onDay) {
			return day, i, after
		}
		return day, i, i
	}
	// Without "until", only what is near and said last.
	for i := range slices.Backward(p.toks[:p.end]) {
		_, next, ok := p.phrase(dates.ahead, i)
		if !ok || !p.breaks(p.overList(dates.hours, next)) {
			continue
		}
		if i > 0 && p.is(i-1, dates.from) {
			break
		}
		if d, _, ok = p.dateAt(i, false); ok {
			return d, i, i
		}
	}
	return Date{}, 0, 0
}

// wake has what ends an ad count that could be the closing of a letter as well:
// "tot vrijdag" is "see you on Friday" and "until Friday".
func (p *parse) wake() {
	i := p.closing
	if i == 0 || i >= p.end || p.toks[i-1].kind == line || p.toks[i-1].kind == mark && p.toks[i-1].word != "," {
		return
	}
	asleep := i
	for ; asleep < p.end && p.toks[asleep].noise; asleep++ {
		p.toks[asleep].noise = false
	}
	next, ok := p.find(p.lang.dates.until, i)
	if after, found := p.find(p.lang.dates.untilThe, i); found && after > next {
		next, ok = after, true
	}
	end := i
	if ok {
		if _, after, found := p.date(next, false); found {
			end = p.overList(p.lang.dates.hours, after)
		}
	}
	p.hush(end, asleep)
	if end > i {
		p.closing = 0
	}
}

// breaks reports whether a part of the text ends before token i.
func (p *parse) breaks(i int) bool {
	if i >= p.end {
		return true
	}
	t := &p.toks[i]
	return t.noise || t.kind == line || t.kind == symbol || t.kind == mark && (strings.Contains(".,;:!?()", t.word) || t.word == "-" && !t.glued)
}
