package spool

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Slip is what is kept of a text, or of one part of it, when the daemon is done
// with it: an empty file, the name of which says what follows.
type Slip struct {
	ID       int64
	Part, Of int       // from 1 on
	To       string    // digits of the number
	Refs     []Ref     // references by which the network reports on it
	At       time.Time // when it was put away
}

// Ref is a reference that the network gave to a text. It counts them round and
// round.
type Ref struct {
	Number  int  // 0 to 255
	Arrived bool // the network has reported so
}

// String is the name of the file: 42-1of2-32470000001-7a+8.
func (s Slip) String() string {
	refs := make([]string, len(s.Refs))
	for i, r := range s.Refs {
		if refs[i] = strconv.Itoa(r.Number); r.Arrived {
			refs[i] += "a"
		}
	}
	return strconv.FormatInt(s.ID, 10) + "-" + strconv.Itoa(s.Part) + "of" + strconv.Itoa(s.Of) + "-" + s.To + "-" + strings.Join(refs, "+")
}

var slipForm = regexp.MustCompile(`^([0-9]{1,19})-([0-9]{1,3})of([0-9]{1,3})-([0-9]{1,15})-([0-9a+]*)$`)

func parseSlip(name string) (s Slip, ok bool) {
	m := slipForm.FindStringSubmatch(name)
	if m == nil {
		return s, false
	}
	id, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return s, false
	}
	part, _ := strconv.Atoi(m[2]) // the form has only digits there
	of, _ := strconv.Atoi(m[3])
	s = Slip{ID: id, Part: part, Of: of, To: m[4]}
	for ref := range strings.SplitSeq(m[5], "+") {
		number, arrived := strings.CutSuffix(ref, "a")
		if n, err := strconv.Atoi(number); err == nil {
			s.Refs = append(s.Refs, Ref{Number: n, Arrived: arrived})
		}
	}
	return s, s.String() == name
}

// slips returns all slips, newest first.
func (d Dir) slips() ([]Slip, error) {
	files, err := d.List(done)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Slip
	for _, f := range files {
		if s, ok := parseSlip(f.Name); ok {
			s.At = f.At
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Slip) int { return b.At.Compare(a.At) })
	return all, nil
}

// putAway puts a slip in the place of a file.
func (d Dir) putAway(folder, name string, s Slip) error {
	err := d.in("make", done, func(root *os.Root) error {
		if err := root.Mkdir(done, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := d.write(done, []NewFile{{Name: s.String()}}); err != nil {
		return err
	}
	return d.Remove(folder, name)
}

// Known returns which parts of a text the daemon is done with.
func (d Dir) Known(id int64) (map[int]bool, error) {
	all, err := d.slips()
	if err != nil {
		return nil, err
	}
	parts := make(map[int]bool)
	for _, s := range all {
		if s.ID == id {
			parts[s.Part] = true
		}
	}
	return parts, nil
}

// find returns the text that has a reference: the last one, since they come
// round again. It returns false where there is none.
func (d Dir) find(to string, ref int) (Slip, bool, error) {
	slips, err := d.slips()
	if err != nil {
		return Slip{}, false, err
	}
	i := slices.IndexFunc(slips, func(s Slip) bool { return s.To == to && s.ref(ref) >= 0 })
	if i < 0 {
		return Slip{}, false, nil
	}
	return slips[i], true, nil
}

func (s Slip) ref(number int) int {
	return slices.IndexFunc(s.Refs, func(r Ref) bool { return r.Number == number })
}

// arrived notes that what has a reference has arrived, and reports whether now
// the whole text has.
func (d Dir) arrived(s Slip, ref int) (all bool, err error) {
	was := s.String()
	if s.Refs[s.ref(ref)].Arrived = true; s.String() != was {
		if err := d.Move(done, was, done, s.String()); err != nil {
			return false, err
		}
	}
	slips, err := d.slips()
	if err != nil {
		return false, err
	}
	parts := 0
	for _, other := range slips {
		if other.ID == s.ID && !slices.ContainsFunc(other.Refs, func(r Ref) bool { return !r.Arrived }) {
			parts++
		}
	}
	return parts == s.Of, nil
}
