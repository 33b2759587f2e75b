package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AddressStatus is whether an address may be written to.
type AddressStatus string

// The statuses of an address. Both paused and stopped get nothing: a pause was
// the channel's doing (blocked, bounced), a stop the person's own.
const (
	AddressActive  AddressStatus = "active"
	AddressPaused  AddressStatus = "paused"
	AddressStopped AddressStatus = "stopped"
)

// Address is one way to reach a member.
type Address struct {
	Member  MemberID
	Channel string
	Address string
	Status  AddressStatus
	Reason  string    // why it is paused, for the coordinator
	UsedAt  time.Time // when the member last wrote from it
	Shared  bool      // other members have it too
}

const addressColumns = `member_id, channel, address, status, reason, used_at, EXISTS (SELECT 1 FROM addresses other
	WHERE other.community_id = addresses.community_id AND other.channel = addresses.channel AND other.address = addresses.address
	AND other.member_id <> addresses.member_id)`

func scanAddress(rows Rows) (Address, error) {
	var a Address
	var used int64
	err := rows.Scan(&a.Member, &a.Channel, &a.Address, &a.Status, &a.Reason, &used, &a.Shared)
	a.UsedAt = Time(used)
	return a, err
}

// Route returns the communities in which somebody has the address, oldest
// first. Of more than one community nothing else is asked but InvitedTo.
func Route(ctx context.Context, tx Tx, channel, address string) ([]CommunityID, error) {
	return All(ctx, tx, func(rows Rows) (id CommunityID, err error) { return id, rows.Scan(&id) },
		`SELECT DISTINCT community_id FROM addresses WHERE channel = $1 AND address = $2 ORDER BY community_id`, channel, address)
}

// At is a member who can be reached at an address.
type At struct {
	Member
	Address Address
}

// reach is an address on a channel.
type reach struct{ channel, address string }

// MembersAt returns the members who share an address, by number; those who
// left are not among them.
func (b *Book) MembersAt(ctx context.Context, channel, address string) ([]At, error) {
	if at, ok := b.at[reach{channel, address}]; ok {
		return at, nil
	}
	if err := b.Expect(ctx, channel, []string{address}); err != nil {
		return nil, err
	}
	return b.at[reach{channel, address}], nil
}

// expectSizes are how many addresses Expect asks for in one query: few
// different ones, so that the engines know the statements already.
var expectSizes = []int{1, 8, 64}

// Expect reads in as few queries as it can who is at each of some addresses:
// MembersAt then knows it for the rest of the transaction.
func (b *Book) Expect(ctx context.Context, channel string, addresses []string) error {
	for len(addresses) > 0 {
		size := expectSizes[len(expectSizes)-1]
		for _, s := range slices.Backward(expectSizes) {
			if s >= len(addresses) {
				size = s
			}
		}
		some := addresses[:min(size, len(addresses))]
		addresses = addresses[len(some):]
		args := []any{b.community.ID, channel}
		for i := range size {
			args = append(args, some[min(i, len(some)-1)])
		}
		for _, a := range some {
			b.at[reach{channel, a}] = nil
		}
		all, err := All(ctx, b.tx, func(rows Rows) (at At, err error) {
			var created, used int64
			m, a := &at.Member, &at.Address
			err = rows.Scan(&m.ID, &m.Number, &m.Name, &m.Place, &m.Locale, &m.Role, &m.Status, &m.Version, &created,
				&a.Address, &a.Status, &a.Reason, &used)
			m.CreatedAt = Time(created)
			a.Member, a.Channel, a.UsedAt = m.ID, channel, Time(used)
			return at, err
		}, `SELECT m.id, m.number, m.name, m.place, m.locale, m.role, m.status, m.version, m.created_at, a.address, a.status, a.reason, a.used_at
			FROM addresses a JOIN members m ON m.community_id = a.community_id AND m.id = a.member_id
			WHERE a.community_id = $1 AND a.channel = $2 AND m.status <> 'left' AND a.address IN (`+placeholders(3, size)+`)`, args...)
		if err != nil {
			return fmt.Errorf("read addresses: %w", err)
		}
		// Sorted here: an ORDER BY has SQLite walk all members by number instead.
		slices.SortFunc(all, func(x, y At) int { return cmp.Compare(x.Number, y.Number) })
		for _, one := range all {
			key := reach{channel, one.Address.Address}
			b.at[key] = append(b.at[key], one)
		}
		for _, a := range some {
			at := b.at[reach{channel, a}]
			for i := range at {
				at[i].Address.Shared = len(at) > 1
			}
		}
	}
	return nil
}

// placeholders is "$3, $4, $5" for 3 from 3 on.
func placeholders(from, n int) string {
	var list strings.Builder
	for i := range n {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString("$" + strconv.Itoa(from+i))
	}
	return list.String()
}

// Addresses returns the ways to reach a member, the one last used first.
func (b *Book) Addresses(ctx context.Context, id MemberID) ([]Address, error) {
	return All(ctx, b.tx, scanAddress, `SELECT `+addressColumns+` FROM addresses
		WHERE community_id = $1 AND member_id = $2 ORDER BY used_at DESC, channel, address`, b.community.ID, id)
}

// AddressNear returns an address on a channel: the member's own if they have
// one, or else anybody's. It says what such addresses look like here.
func (b *Book) AddressNear(ctx context.Context, channel string, id MemberID) (address string, err error) {
	err = Get(ctx, b.tx, []any{&address}, `SELECT address FROM addresses WHERE community_id = $1 AND channel = $2
		ORDER BY CASE WHEN member_id = $3 THEN 0 ELSE 1 END, used_at DESC LIMIT 1`, b.community.ID, channel, id)
	return address, err
}

// AddressesSilenced returns the paused and stopped addresses of the community.
func (b *Book) AddressesSilenced(ctx context.Context) ([]Address, error) {
	return All(ctx, b.tx, scanAddress, `SELECT `+addressColumns+` FROM addresses
		WHERE community_id = $1 AND status <> 'active' ORDER BY channel, address`, b.community.ID)
}

// Bind gives a member an address, or makes one that they have active again.
func (b *Book) Bind(ctx context.Context, id MemberID, channel, address string) error {
	clear(b.at)
	_, err := b.tx.Exec(ctx, `INSERT INTO addresses (community_id, member_id, channel, address, status, used_at)
		VALUES ($1, $2, $3, $4, 'active', $5)
		ON CONFLICT (community_id, channel, address, member_id) DO UPDATE SET status = 'active', reason = '', used_at = excluded.used_at`,
		b.community.ID, id, channel, address, Micros(b.now))
	if err != nil {
		return fmt.Errorf("bind address: %w", err)
	}
	return nil
}

// Touch notes that a member has just written from an address.
func (b *Book) Touch(ctx context.Context, id MemberID, channel, address string) error {
	return b.tx.Later(ctx, `UPDATE addresses SET used_at = $5 WHERE community_id = $1 AND member_id = $2 AND channel = $3 AND address = $4`,
		b.community.ID, id, channel, address, Micros(b.now))
}

// SetAddressStatus pauses, stops or reopens an address for everybody who has
// it in this community, and returns how many that are.
func (b *Book) SetAddressStatus(ctx context.Context, channel, address string, status AddressStatus, reason string) (int, error) {
	clear(b.at)
	n, err := b.tx.Exec(ctx, `UPDATE addresses SET status = $4, reason = $5 WHERE community_id = $1 AND channel = $2 AND address = $3`,
		b.community.ID, channel, address, status, reason)
	return int(n), err
}

// MoveAddress follows an address that the channel has given another form. A
// member who has both keeps the one, with the status of the old.
func (b *Book) MoveAddress(ctx context.Context, channel, from, to string) error {
	clear(b.at)
	if from == to {
		return nil
	}
	if _, err := b.tx.Exec(ctx, `DELETE FROM addresses WHERE community_id = $1 AND channel = $2 AND address = $4
			AND member_id IN (SELECT member_id FROM addresses WHERE community_id = $1 AND channel = $2 AND address = $3)`,
		b.community.ID, channel, from, to); err != nil {
		return fmt.Errorf("move address: %w", err)
	}
	_, err := b.tx.Exec(ctx, `UPDATE addresses SET address = $4 WHERE community_id = $1 AND channel = $2 AND address = $3`,
		b.community.ID, channel, from, to)
	return err
}

// Invitation is a code that binds an address to a member, once.
type Invitation struct {
	Code      string
	Community CommunityID
	Member    MemberID
	Channel   string // "" where any address may use it
	Address   string // the only address that may use it, or ""
	ExpiresAt time.Time
	UsedAt    time.Time
}

// Invite keeps an invitation for a member under a code that the caller made up.
func (b *Book) Invite(ctx context.Context, inv Invitation) error {
	_, err := b.tx.Exec(ctx, `INSERT INTO invitations (community_id, code, member_id, channel, address, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		b.community.ID, inv.Code, inv.Member, inv.Channel, inv.Address, Micros(b.now), Micros(inv.ExpiresAt))
	if err != nil {
		return fmt.Errorf("insert invitation: %w", err)
	}
	return nil
}

// InvitationByCode finds an invitation, used or not, in whichever community it
// belongs to: the code is all that a newcomer has.
func InvitationByCode(ctx context.Context, tx Tx, code string) (Invitation, error) {
	return first(All(ctx, tx, func(rows Rows) (inv Invitation, err error) {
		var expires int64
		var used *int64
		err = rows.Scan(&inv.Code, &inv.Community, &inv.Member, &inv.Channel, &inv.Address, &expires, &used)
		inv.ExpiresAt, inv.UsedAt = Time(expires), timeOrZero(used)
		return inv, err
	}, `SELECT code, community_id, member_id, channel, address, expires_at, used_at FROM invitations WHERE code = $1`, code))
}

// InvitationTo finds the newest invitation that waits for its answer from an
// address. It returns ErrNotFound where there is none.
func (b *Book) InvitationTo(ctx context.Context, channel, address string) (code string, err error) {
	err = Get(ctx, b.tx, []any{&code}, `SELECT code FROM invitations
		WHERE community_id = $1 AND channel = $2 AND address = $3 AND used_at IS NULL AND expires_at > $4 ORDER BY created_at DESC, code LIMIT 1`,
		b.community.ID, channel, address, Micros(b.now))
	return code, err
}

// InvitedTo finds the community of the newest invitation, of any community, that
// waits for its answer from an address at a time; 0 where there is none.
func InvitedTo(ctx context.Context, tx Tx, channel, address string, now time.Time) (id CommunityID, err error) {
	err = Get(ctx, tx, []any{&id}, `SELECT community_id FROM invitations
		WHERE channel = $1 AND address = $2 AND used_at IS NULL AND expires_at > $3 ORDER BY created_at DESC, code LIMIT 1`, channel, address, Micros(now))
	if IsNotFound(err) {
		return 0, nil
	}
	return id, err
}

func timeOrZero(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return Time(*us)
}

// UseInvitation spends an invitation. It fails with ErrTaken where there is
// none to spend, since it was spent already. Whether it has expired and whose
// address may use it is for the caller to look at.
func (b *Book) UseInvitation(ctx context.Context, code string) error {
	n, err := b.tx.Exec(ctx, `UPDATE invitations SET used_at = $3 WHERE community_id = $1 AND code = $2 AND used_at IS NULL`,
		b.community.ID, code, Micros(b.now))
	if err == nil && n == 0 {
		err = ErrTaken
	}
	return err
}

// DropInvitations ends what an address was invited by, and returns how many
// invitations that were.
func (b *Book) DropInvitations(ctx context.Context, channel, address string) (int, error) {
	n, err := b.tx.Exec(ctx, `UPDATE invitations SET expires_at = $4
		WHERE community_id = $1 AND channel = $2 AND address = $3 AND used_at IS NULL AND expires_at > $4`,
		b.community.ID, channel, address, Micros(b.now))
	return int(n), err
}
