package conversation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"crier/conversation/understand"
	"crier/ledger"
)

// Person is what the directory says of a member.
type Person struct {
	ID     ledger.MemberID
	Number int64
	Name   string
	Called string // the name, with the number behind it where somebody else has the same: "Anna Bauer (31)"
	Locale string
	Status ledger.Status
	Role   ledger.Role
	folded string   // the name, folded
	words  []string // its words
}

// First is the first name.
func (p *Person) First() string {
	first, _, _ := strings.Cut(p.Name, " ")
	return first
}

// here reports whether others may find the person: neither somebody who left
// nor a newcomer whom no coordinator has let in.
func (p *Person) here() bool { return p.Status == ledger.Active || p.Status == ledger.Frozen }

// Account is the person's account.
func (p *Person) Account() ledger.AccountID { return ledger.AccountID(p.ID) }

// Directory is who is in a community. It does not change once made.
type Directory struct {
	version  int64
	people   []Person // by number; nobody is taken out, those who left keep their name
	byID     map[ledger.MemberID]int
	byNumber map[int64]int
	byWord   map[string][]int // a word of the name, folded
	vocab    []string         // the words, for typos
}

// directories keeps the newest directory of each community in memory.
type directories struct {
	mu   sync.Mutex
	kept map[ledger.CommunityID]*Directory
}

// of returns the directory as the book's transaction sees it.
func (ds *directories) of(ctx context.Context, b *ledger.Book) (*Directory, error) {
	c := b.Community()
	ds.mu.Lock()
	kept := ds.kept[c.ID]
	ds.mu.Unlock()
	if kept != nil && kept.version == c.DirectoryVersion && !b.MembersChanged() {
		return kept, nil
	}
	var old []Person
	var since int64
	if kept != nil && kept.version <= c.DirectoryVersion {
		old, since = kept.people, kept.version
	}
	changed, err := b.MembersSince(ctx, since)
	if err != nil {
		return nil, err
	}
	d := newDirectory(old, changed, c.DirectoryVersion)
	if !b.MembersChanged() { // what is not committed yet is nobody else's
		ds.mu.Lock()
		if now := ds.kept[c.ID]; now == nil || now.version < d.version {
			ds.kept[c.ID] = d
		}
		ds.mu.Unlock()
	}
	return d, nil
}

func newDirectory(old []Person, changed []ledger.Member, version int64) *Directory {
	byID := make(map[ledger.MemberID]int, len(old)+len(changed))
	people := slices.Clone(old)
	for i := range people {
		byID[people[i].ID] = i
	}
	for _, m := range changed {
		p := Person{ID: m.ID, Number: m.Number, Name: m.Name, Called: m.Name, Locale: m.Locale, Status: m.Status, Role: m.Role, folded: fold(m.Name)}
		p.words = strings.Fields(p.folded)
		if i, ok := byID[m.ID]; ok {
			people[i] = p
		} else {
			byID[m.ID] = len(people)
			people = append(people, p)
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Number, b.Number) })
	d := &Directory{version: version, people: people, byID: byID, byNumber: make(map[int64]int, len(people)), byWord: map[string][]int{}}
	first := map[string]*Person{} // who has a name, to tell namesakes apart
	for i := range people {
		p := &people[i]
		d.byID[p.ID], d.byNumber[p.Number] = i, i
		p.Called = p.Name
		if !p.here() {
			continue
		}
		if other := first[p.folded]; other != nil {
			p.Called = fmt.Sprintf("%s (%d)", p.Name, p.Number)
			other.Called = fmt.Sprintf("%s (%d)", other.Name, other.Number)
		}
		first[p.folded] = p
		for _, w := range p.words {
			if all := d.byWord[w]; len(all) == 0 || all[len(all)-1] != i {
				d.byWord[w] = append(all, i)
			}
		}
	}
	for w := range d.byWord {
		d.vocab = append(d.vocab, w)
	}
	slices.Sort(d.vocab)
	return d
}

// Person finds a member by id; nil where there is none.
func (d *Directory) Person(id ledger.MemberID) *Person {
	if i, ok := d.byID[id]; ok {
		return &d.people[i]
	}
	return nil
}

// Number finds a member by number; nil where there is none.
func (d *Directory) Number(n int64) *Person {
	if i, ok := d.byNumber[n]; ok && d.people[i].here() {
		return &d.people[i]
	}
	return nil
}

// Newcomer finds somebody who waits to be let in, by the number they would
// have; nil where there is none.
func (d *Directory) Newcomer(n int64) *Person {
	if i, ok := d.byNumber[n]; ok && d.people[i].Status == ledger.Invited {
		return &d.people[i]
	}
	return nil
}

// Coordinators lists the active coordinators, by number.
func (d *Directory) Coordinators() []*Person {
	var all []*Person
	for i := range d.people {
		if p := &d.people[i]; p.Role == ledger.Coordinator && p.Status == ledger.Active {
			all = append(all, p)
		}
	}
	return all
}

// Starting lists up to n members who have a name starting with prefix, by name.
func (d *Directory) Starting(prefix string, n int) (some []*Person, all int) {
	prefix = fold(prefix)
	for i := range d.people {
		p := &d.people[i]
		if p.Status != ledger.Active || !slices.ContainsFunc(p.words, func(w string) bool { return strings.HasPrefix(w, prefix) }) &&
			!strings.HasPrefix(p.folded, prefix) {
			continue
		}
		some = append(some, p)
	}
	slices.SortFunc(some, func(a, b *Person) int {
		return cmp.Or(cmp.Compare(a.folded, b.folded), cmp.Compare(a.Number, b.Number))
	})
	return some[:min(n, len(some))], len(some)
}

// Found is who a name may mean.
type Found struct {
	People []*Person
	Exact  bool // every word was a whole word of the name, or it was the number
}

// Find looks a name up as somebody wrote it: a number, a full name, a part of
// one, or one with typos. Several people come back where it could be any of
// them; a better kind of match hides the worse ones.
func (d *Directory) Find(name string) Found {
	folded := strings.TrimLeft(fold(name), "@#")
	if n, err := strconv.ParseInt(strings.TrimSpace(folded), 10, 64); err == nil {
		if p := d.Number(n); p != nil {
			return Found{[]*Person{p}, true}
		}
		return Found{}
	}
	words := strings.Fields(folded)
	if len(words) == 0 || len(words) > 8 {
		return Found{}
	}
	if all := d.whole(words); len(all) > 0 {
		return Found{all, true}
	}
	if all := d.matching(words, strings.HasPrefix, 2); len(all) > 0 {
		return Found{all, false}
	}
	return Found{d.matching(words, nearly, 3), false}
}

// whole finds the people who have each of the words in their name. Those whose
// whole name it is come alone.
func (d *Directory) whole(words []string) []*Person {
	var all, full []*Person
	for _, i := range d.byWord[words[0]] {
		p := &d.people[i]
		if !containsAll(p.words, words) {
			continue
		}
		all = append(all, p)
		if p.folded == strings.Join(words, " ") {
			full = append(full, p)
		}
	}
	if len(full) > 0 {
		return full
	}
	return all
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// matching finds the people who have, for each word, a word that fits it;
// words shorter than least must be whole.
func (d *Directory) matching(words []string, fits func(have, want string) bool, least int) []*Person {
	fit := func(have, want string) bool {
		return have == want || len(want) >= least && fits(have, want)
	}
	var all []*Person
	seen := map[int]bool{}
	for _, v := range d.vocab {
		if !fit(v, words[0]) {
			continue
		}
		for _, i := range d.byWord[v] {
			p := &d.people[i]
			if seen[i] {
				continue
			}
			seen[i] = true
			if !slices.ContainsFunc(words[1:], func(w string) bool {
				return !slices.ContainsFunc(p.words, func(have string) bool { return fit(have, w) })
			}) {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Person) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// nearly allows one typo in a short word and two in a long one. The first
// letter has to be right: people rarely miss it.
func nearly(have, want string) bool {
	a, b := []rune(have), []rune(want)
	if a[0] != b[0] {
		return false
	}
	allowed := 1
	if len(b) >= 7 {
		allowed = 2
	}
	return distance(a, b, allowed) <= allowed
}

// distance is how many letters were missed, added, changed or swapped with
// their neighbour between a and b (optimal string alignment); more than limit
// counts as limit+1.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before []int
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(previous[j+1]+1, row[j]+1, previous[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, previous = previous, row
	}
	return min(previous[len(b)], limit+1)
}

// Match says how many of the leading words name somebody: it is what the
// understanding knows of the directory. A number alone does not count: it may
// as well be an amount.
func (d *Directory) Match(words []string) int {
	const longest = 5
	for n := min(longest, len(words)); n > 0; n-- {
		folded := strings.Fields(fold(strings.Join(words[:n], " ")))
		if len(folded) == 0 {
			continue
		}
		if len(d.whole(folded)) > 0 {
			return n
		}
	}
	return 0
}

var _ understand.Names = (*Directory)(nil)
