package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Role is what a member may do beyond trading.
type Role string

// The roles.
const (
	Ordinary    Role = "member"
	Coordinator Role = "coordinator"
)

// Status is where a membership stands.
type Status string

// The statuses. Only an active member can pay or be paid.
const (
	Invited Status = "invited"
	Active  Status = "active"
	Frozen  Status = "frozen"
	Left    Status = "left"
)

// Member is a person in one community.
type Member struct {
	ID        MemberID
	Number    int64 // short, unique in the community
	Name      string
	Place     string // where they live, as they said; may be ""
	Locale    string
	Role      Role
	Status    Status
	Version   int64 // of the community's directory, at the last change
	CreatedAt time.Time
}

// Account is the member's account.
func (m *Member) Account() AccountID { return AccountID(m.ID) }

// NewMember is what AddMember needs. Zero fields take the community's default.
type NewMember struct {
	Number int64 // 0: the next free one
	Name   string
	Place  string
	Locale string
	Role   Role
	Status Status
	Lower  *Amount // nil: the community's
	Upper  *Amount
}

const memberColumns = `id, number, name, place, locale, role, status, version, created_at`

func scanMember(rows Rows) (Member, error) {
	var m Member
	var created int64
	err := rows.Scan(&m.ID, &m.Number, &m.Name, &m.Place, &m.Locale, &m.Role, &m.Status, &m.Version, &created)
	m.CreatedAt = Time(created)
	return m, err
}

// AddMember adds a member with an empty account. It fails with ErrTaken where
// the number is in use.
func (b *Book) AddMember(ctx context.Context, n NewMember) (Member, error) {
	c := b.community
	m := Member{
		ID: MemberID(NewID(b.now)), Number: n.Number, Name: n.Name, Place: n.Place, Locale: or(n.Locale, c.Locale),
		Role: or(n.Role, Ordinary), Status: or(n.Status, Active), CreatedAt: b.now,
	}
	if m.Name == "" {
		return Member{}, errors.New("a member needs a name")
	}
	if m.Number < 0 {
		return Member{}, fmt.Errorf("the member number %d is negative", m.Number)
	}
	if m.Number == 0 {
		if err := Get(ctx, b.tx, []any{&m.Number}, `SELECT COALESCE(MAX(number), 0) + 1 FROM members WHERE community_id = $1`, c.ID); err != nil {
			return Member{}, err
		}
	} else if _, err := b.MemberByNumber(ctx, m.Number); err == nil {
		return Member{}, fmt.Errorf("member number %d: %w", m.Number, ErrTaken)
	} else if !IsNotFound(err) {
		return Member{}, err
	}
	lower, upper := n.Lower, n.Upper
	if lower == nil {
		lower = c.Lower
	}
	if upper == nil {
		upper = c.Upper
	}
	if err := checkLimits(lower, upper); err != nil {
		return Member{}, err
	}
	version, err := b.nextVersion(ctx)
	if err != nil {
		return Member{}, err
	}
	m.Version = version
	var joined *int64
	if m.Status != Invited {
		now := Micros(b.now)
		joined = &now
	}
	if _, err := b.tx.Exec(ctx, `INSERT INTO members (community_id, id, number, name, place, locale, role, status, version, created_at, joined_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.ID, m.ID, m.Number, m.Name, m.Place, m.Locale, m.Role, m.Status, m.Version, Micros(b.now), joined); err != nil {
		return Member{}, fmt.Errorf("insert member: %w", err)
	}
	if err := b.tx.Later(ctx, `INSERT INTO accounts (community_id, id, lower, upper) VALUES ($1, $2, $3, $4)`,
		c.ID, m.Account(), lower, upper); err != nil {
		return Member{}, fmt.Errorf("insert account: %w", err)
	}
	return m, nil
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// nextVersion marks the directory as changed.
func (b *Book) nextVersion(ctx context.Context) (int64, error) {
	b.changed = true
	b.community.DirectoryVersion++
	return b.community.DirectoryVersion, b.tx.Later(ctx, `UPDATE communities SET directory_version = $2 WHERE id = $1`,
		b.community.ID, b.community.DirectoryVersion)
}

// MembersChanged reports whether this transaction wrote a member: then what it
// reads of them must not be kept beyond it.
func (b *Book) MembersChanged() bool { return b.changed }

// SaveMember writes a member's name, place, language, role and status. Who is
// active for the first time has joined with that.
func (b *Book) SaveMember(ctx context.Context, m Member) error {
	version, err := b.nextVersion(ctx)
	if err != nil {
		return err
	}
	clear(b.at)
	n, err := b.tx.Exec(ctx, `UPDATE members SET name = $3, place = $4, locale = $5, role = $6, status = $7, version = $8,
			joined_at = CASE WHEN $7 = 'active' THEN COALESCE(joined_at, $9) ELSE joined_at END
		WHERE community_id = $1 AND id = $2`, b.community.ID, m.ID, m.Name, m.Place, m.Locale, m.Role, m.Status, version, Micros(b.now))
	if err != nil {
		return fmt.Errorf("update member: %w", err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// Member finds a member by id.
func (b *Book) Member(ctx context.Context, id MemberID) (Member, error) {
	return first(All(ctx, b.tx, scanMember, `SELECT `+memberColumns+` FROM members WHERE community_id = $1 AND id = $2`, b.community.ID, id))
}

// MemberByNumber finds a member by their short number.
func (b *Book) MemberByNumber(ctx context.Context, number int64) (Member, error) {
	return first(All(ctx, b.tx, scanMember, `SELECT `+memberColumns+` FROM members WHERE community_id = $1 AND number = $2`, b.community.ID, number))
}

// MembersSince returns the members written after version of the directory, by
// number; since 0 returns all.
func (b *Book) MembersSince(ctx context.Context, version int64) ([]Member, error) {
	return All(ctx, b.tx, scanMember, `SELECT `+memberColumns+` FROM members WHERE community_id = $1 AND version > $2 ORDER BY number`,
		b.community.ID, version)
}

// Coordinators returns the active coordinators, by number.
func (b *Book) Coordinators(ctx context.Context) ([]Member, error) {
	return All(ctx, b.tx, scanMember, `SELECT `+memberColumns+` FROM members
		WHERE community_id = $1 AND role = 'coordinator' AND status = 'active' ORDER BY number`, b.community.ID)
}

// Account is where a balance lives.
type Account struct {
	ID      AccountID
	Balance Amount
	Lower   *Amount // lowest balance it may reach; nil: no limit
	Upper   *Amount // highest
}

// Account reads an account.
func (b *Book) Account(ctx context.Context, id AccountID) (Account, error) {
	if a, ok := b.accounts[id]; ok {
		return a, nil
	}
	a := Account{ID: id}
	err := Get(ctx, b.tx, []any{&a.Balance, &a.Lower, &a.Upper},
		`SELECT balance, lower, upper FROM accounts WHERE community_id = $1 AND id = $2`, b.community.ID, id)
	return a, err
}

// SetLimits sets how low and how high an account's balance may go; nil is no
// limit. A balance that is already beyond a new limit stays, and can only move
// towards it.
func (b *Book) SetLimits(ctx context.Context, id AccountID, lower, upper *Amount) error {
	if err := checkLimits(lower, upper); err != nil {
		return err
	}
	delete(b.accounts, id)
	n, err := b.tx.Exec(ctx, `UPDATE accounts SET lower = $3, upper = $4 WHERE community_id = $1 AND id = $2`, b.community.ID, id, lower, upper)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

func checkLimits(lower, upper *Amount) error {
	if lower != nil && upper != nil && *lower > *upper {
		return fmt.Errorf("the lowest balance %d is above the highest %d", *lower, *upper)
	}
	return nil
}

// Changed counts the directory's version up: what other processes keep in
// memory of the community is read anew.
func (b *Book) Changed(ctx context.Context) error {
	_, err := b.nextVersion(ctx)
	return err
}
