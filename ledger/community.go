package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"
)

// UnitKind is what a community counts in.
type UnitKind string

// The two kinds.
const (
	Hours UnitKind = "hour" // kept in minutes
	Units UnitKind = "unit" // kept in 10^-Decimals
)

// Community is a group with one ledger, one unit and its own rules.
type Community struct {
	ID   CommunityID
	Slug string // short name for commands and addresses: a-z, 0-9 and -
	Name string

	UnitKind  UnitKind
	UnitWords string // what the unit is called: "acorn/acorns; fr gland/glands"
	Decimals  int    // 0 to 2; 0 for hours

	Locale   string // its language, for everybody who has not chosen another
	Timezone string // IANA name

	Threshold Amount        // an exact, unambiguous payment of less than this needs no yes; 0: all need one
	Grace     time.Duration // how long a payer may take a payment back alone; 0: never
	Lower     *Amount       // lowest balance of a new member's account; nil: none
	Upper     *Amount       // highest; nil: none
	AdDays    int           // how long an offer or want stays up
	PINAbove  *Amount       // paying more than this needs the payer's PIN; nil: nothing does

	// Quiet are the hours in which nobody is woken: minutes of the day in its
	// time zone, from and up to. Equal: there are none.
	QuietFrom, QuietTo int

	Region string // ISO 3166-1 code of the country whose telephone numbers are written without one ("BE"); "": none

	ReceiptSalt      int64 // makes receipt codes look random
	DirectoryVersion int64 // grows with each change to a member
	CreatedAt        time.Time
}

// Account is the community's own account.
func (c *Community) Account() AccountID { return AccountID(c.ID) }

// Host is the id that stands for the host itself rather than for a community:
// messages from nobody's address belong to it.
const Host CommunityID = 0

var regionForm = regexp.MustCompile(`^[A-Z]{2}$`)

var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// check reports what is wrong with a community in words for its coordinator.
func (c *Community) check() error {
	switch {
	case !slugForm.MatchString(c.Slug):
		return fmt.Errorf("the short name %q must be 1 to 40 of a-z, 0-9 and -", c.Slug)
	case c.Name == "":
		return fmt.Errorf("a community needs a name")
	case c.UnitKind != Hours && c.UnitKind != Units:
		return fmt.Errorf("the unit kind is %q, not hour or unit", c.UnitKind)
	case c.UnitKind == Hours && c.Decimals != 0:
		return fmt.Errorf("a community that counts in hours keeps minutes and takes no decimals")
	case c.Decimals < 0 || c.Decimals > 2:
		return fmt.Errorf("decimals is %d, not 0, 1 or 2", c.Decimals)
	case c.Threshold < 0 || c.Grace < 0:
		return fmt.Errorf("threshold and grace cannot be negative")
	case c.PINAbove != nil && *c.PINAbove < 0:
		return fmt.Errorf("the amount above which a PIN is asked for cannot be negative")
	case c.QuietFrom < 0 || c.QuietFrom >= 24*60 || c.QuietTo < 0 || c.QuietTo >= 24*60:
		return fmt.Errorf("quiet hours are from 0:00 to 23:59")
	case c.Region != "" && !regionForm.MatchString(c.Region):
		return fmt.Errorf("the region %q is not a country's two capital letters such as BE", c.Region)
	case c.AdDays < 1 || c.AdDays > 3650:
		return fmt.Errorf("ad days is %d, not 1 to 3650", c.AdDays)
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "" {
		return fmt.Errorf("the time zone %q is not an IANA name such as Europe/Brussels", c.Timezone)
	}
	return checkLimits(c.Lower, c.Upper)
}

// NewCommunity founds a community, with its own account. It fails with
// ErrTaken where the slug is in use.
func NewCommunity(ctx context.Context, tx Tx, c Community, now time.Time) (*Book, error) {
	if c.AdDays == 0 {
		c.AdDays = 90
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.ID == 0 {
		c.ID = CommunityID(NewID(now))
	}
	if c.ReceiptSalt == 0 {
		c.ReceiptSalt = rand.Int64()
	}
	if err := tx.Lock(ctx, Host); err != nil {
		return nil, err
	}
	switch _, err := CommunityBySlug(ctx, tx, c.Slug); {
	case err == nil:
		return nil, fmt.Errorf("community %q: %w", c.Slug, ErrTaken)
	case !IsNotFound(err):
		return nil, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO communities (id, slug, name, unit_kind, unit_words, decimals, locale, timezone,
			threshold, grace_seconds, limit_lower, limit_upper, ad_days, receipt_salt, created_at, pin_above, quiet_from, quiet_to, region)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		c.ID, c.Slug, c.Name, c.UnitKind, c.UnitWords, c.Decimals, c.Locale, c.Timezone,
		c.Threshold, int64(c.Grace/time.Second), c.Lower, c.Upper, c.AdDays, c.ReceiptSalt, Micros(now),
		c.PINAbove, c.QuietFrom, c.QuietTo, c.Region); err != nil {
		return nil, fmt.Errorf("insert community: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO accounts (community_id, id) VALUES ($1, $2)`, c.ID, c.Account()); err != nil {
		return nil, fmt.Errorf("insert the community's account: %w", err)
	}
	return Open(ctx, tx, c.ID, now)
}

const communityColumns = `id, slug, name, unit_kind, unit_words, decimals, locale, timezone, threshold, grace_seconds,
	limit_lower, limit_upper, ad_days, receipt_salt, directory_version, created_at, pin_above, quiet_from, quiet_to, region`

func scanCommunity(rows Rows) (Community, error) {
	var c Community
	var grace, created int64
	err := rows.Scan(&c.ID, &c.Slug, &c.Name, &c.UnitKind, &c.UnitWords, &c.Decimals, &c.Locale, &c.Timezone, &c.Threshold, &grace,
		&c.Lower, &c.Upper, &c.AdDays, &c.ReceiptSalt, &c.DirectoryVersion, &created, &c.PINAbove, &c.QuietFrom, &c.QuietTo, &c.Region)
	c.Grace, c.CreatedAt = time.Duration(grace)*time.Second, Time(created)
	return c, err
}

// CommunityBySlug finds a community by its short name.
func CommunityBySlug(ctx context.Context, tx Tx, slug string) (Community, error) {
	return first(All(ctx, tx, scanCommunity, `SELECT `+communityColumns+` FROM communities WHERE slug = $1 AND id <> 0`, slug))
}

// Communities lists every community on this host, by name.
func Communities(ctx context.Context, tx Tx) ([]Community, error) {
	return All(ctx, tx, scanCommunity, `SELECT `+communityColumns+` FROM communities WHERE id <> 0 ORDER BY name, id`)
}

// first returns the only value of a query, or ErrNotFound.
func first[T any](all []T, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(all) == 0 {
		return none, ErrNotFound
	}
	return all[0], nil
}

// Book is one community's ledger, open in one transaction. It is not safe for
// concurrent use. It remembers the end of the chain: of two books of a
// community in the same transaction only one may make transfers.
type Book struct {
	tx        Tx
	community Community
	now       time.Time
	head      *head // of the chain, once known
	changed   bool  // a member was written in this transaction

	// What was read in this transaction and has not changed since. The
	// community's lock makes it safe to keep until the end.
	accounts map[AccountID]Account
	at       map[reach][]At
}

// Open locks the community until the transaction ends and opens its book for
// reading and writing. now is the time that everything written will carry.
func Open(ctx context.Context, tx Tx, id CommunityID, now time.Time) (*Book, error) {
	if err := tx.Lock(ctx, id); err != nil {
		return nil, fmt.Errorf("lock community: %w", err)
	}
	return Read(ctx, tx, id, now)
}

// TryOpen is Open that returns nil instead of waiting for another holder of the
// community's lock.
func TryOpen(ctx context.Context, tx Tx, id CommunityID, now time.Time) (*Book, error) {
	switch ok, err := tx.TryLock(ctx, id); {
	case err != nil:
		return nil, fmt.Errorf("lock community: %w", err)
	case !ok:
		return nil, nil
	}
	return Read(ctx, tx, id, now)
}

// Read opens a community's book without its lock, for reading only.
func Read(ctx context.Context, tx Tx, id CommunityID, now time.Time) (*Book, error) {
	c, err := first(All(ctx, tx, scanCommunity, `SELECT `+communityColumns+` FROM communities WHERE id = $1`, id))
	if err != nil {
		return nil, fmt.Errorf("community %d: %w", id, err)
	}
	now = Time(Micros(now)) // as it will be read back
	return &Book{tx: tx, community: c, now: now, accounts: map[AccountID]Account{}, at: map[reach][]At{}}, nil
}

// Community returns the community that the book belongs to.
func (b *Book) Community() *Community { return &b.community }

// Now returns the time that the book was opened at.
func (b *Book) Now() time.Time { return b.now }

// Tx returns the transaction that the book is open in, for what has to commit
// together with it.
func (b *Book) Tx() Tx { return b.tx }

// SetCommunity changes a community's settings; its id, unit kind and decimals
// stay, since amounts already written depend on them. New limits hold for
// members who join later.
func (b *Book) SetCommunity(ctx context.Context, c Community) error {
	old := b.community
	c.ID, c.ReceiptSalt, c.DirectoryVersion, c.CreatedAt = old.ID, old.ReceiptSalt, old.DirectoryVersion, old.CreatedAt
	if err := c.check(); err != nil {
		return err
	}
	if c.UnitKind != old.UnitKind || c.Decimals != old.Decimals {
		return fmt.Errorf("the unit of a community cannot change once it is founded: amounts are already written in it")
	}
	if other, err := CommunityBySlug(ctx, b.tx, c.Slug); err == nil && other.ID != c.ID {
		return fmt.Errorf("community %q: %w", c.Slug, ErrTaken)
	}
	_, err := b.tx.Exec(ctx, `UPDATE communities SET slug = $2, name = $3, unit_words = $4, locale = $5, timezone = $6,
			threshold = $7, grace_seconds = $8, limit_lower = $9, limit_upper = $10, ad_days = $11,
			pin_above = $12, quiet_from = $13, quiet_to = $14, region = $15 WHERE id = $1`,
		c.ID, c.Slug, c.Name, c.UnitWords, c.Locale, c.Timezone,
		c.Threshold, int64(c.Grace/time.Second), c.Lower, c.Upper, c.AdDays,
		c.PINAbove, c.QuietFrom, c.QuietTo, c.Region)
	if err != nil {
		return fmt.Errorf("update community: %w", err)
	}
	b.community = c
	return nil
}
