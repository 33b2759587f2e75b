package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/ledger"
)

// addresses writes what a member has as "sms:1 active, email:a@b paused (full)".
func (v *village) addresses(name string) string {
	v.t.Helper()
	var got []string
	v.view(func(b *ledger.Book) error {
		all, err := b.Addresses(v.t.Context(), v.members[name].ID)
		for _, a := range all {
			line := fmt.Sprintf("%s:%s %s", a.Channel, a.Address, a.Status)
			if a.Reason != "" {
				line += " (" + a.Reason + ")"
			}
			if a.Shared {
				line += " shared"
			}
			if a.Member != v.members[name].ID {
				v.t.Errorf("%s has an address of %d", name, a.Member)
			}
			got = append(got, line)
		}
		return err
	})
	return strings.Join(got, ", ")
}

// at writes who can be reached at an address.
func (v *village) at(channel, address string) string {
	v.t.Helper()
	var got []string
	v.view(func(b *ledger.Book) error {
		all, err := b.MembersAt(v.t.Context(), channel, address)
		for _, at := range all {
			if kept, err := b.Member(v.t.Context(), at.ID); err != nil || kept != at.Member {
				v.t.Errorf("at the address is %+v, kept is %+v: %v", at.Member, kept, err)
			}
			if a := at.Address; a.Member != at.ID || a.Channel != channel || a.Address != address || a.Shared != (len(all) > 1) {
				v.t.Errorf("the address is %+v", a)
			}
			got = append(got, fmt.Sprintf("%s %s", at.Name, at.Address.Status))
		}
		return err
	})
	return strings.Join(got, ", ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestAddresses(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "maria", "hans", "luc")
		id := func(name string) ledger.MemberID { return v.members[name].ID }
		at := func(minutes int, fn func(b *ledger.Book) error) {
			t.Helper()
			v.now = start().Add(time.Duration(minutes) * time.Minute)
			v.do(fn)
		}
		at(0, func(b *ledger.Book) error {
			return errors.Join(b.Bind(ctx, id("maria"), "sms", "+1"), b.Bind(ctx, id("luc"), "email", "luc@example.org"))
		})
		at(1, func(b *ledger.Book) error { return b.Bind(ctx, id("maria"), "telegram", "77") })

		// The one last used comes first.
		want(t, "maria", v.addresses("maria"), "telegram:77 active, sms:+1 active")
		at(2, func(b *ledger.Book) error { return b.Touch(ctx, id("maria"), "sms", "+1") })
		want(t, "maria", v.addresses("maria"), "sms:+1 active, telegram:77 active")
		v.view(func(b *ledger.Book) error {
			all, err := b.Addresses(ctx, id("maria"))
			if !all[0].UsedAt.Equal(start().Add(2 * time.Minute)) {
				t.Errorf("used at %v", all[0].UsedAt)
			}
			return err
		})
		at(3, func(b *ledger.Book) error { return b.Touch(ctx, id("luc"), "sms", "+1") }) // not Luc's: nothing
		want(t, "luc", v.addresses("luc"), "email:luc@example.org active")

		// A phone on the kitchen table.
		want(t, "at +1", v.at("sms", "+1"), "maria active")
		at(4, func(b *ledger.Book) error { return b.Bind(ctx, id("hans"), "sms", "+1") })
		want(t, "at +1", v.at("sms", "+1"), "maria active, hans active")
		want(t, "hans", v.addresses("hans"), "sms:+1 active shared")
		want(t, "maria", v.addresses("maria"), "sms:+1 active shared, telegram:77 active")
		want(t, "at +2", v.at("sms", "+2"), "")
		want(t, "on another channel", v.at("email", "+1"), "")

		// A stop or a pause holds for everybody who has the address.
		v.do(func(b *ledger.Book) error {
			n, err := b.SetAddressStatus(ctx, "sms", "+1", ledger.AddressStopped, "")
			if n != 2 {
				t.Errorf("stopped for %d, want 2", n)
			}
			m, err2 := b.SetAddressStatus(ctx, "email", "luc@example.org", ledger.AddressPaused, "mailbox full")
			k, err3 := b.SetAddressStatus(ctx, "email", "nobody@example.org", ledger.AddressPaused, "")
			if m != 1 || k != 0 {
				t.Errorf("paused for %d and %d, want 1 and 0", m, k)
			}
			return errors.Join(err, err2, err3)
		})
		want(t, "at +1", v.at("sms", "+1"), "maria stopped, hans stopped")
		want(t, "luc", v.addresses("luc"), "email:luc@example.org paused (mailbox full)")
		v.view(func(b *ledger.Book) error {
			all, err := b.AddressesSilenced(ctx)
			var got []string
			for _, a := range all {
				got = append(got, a.Address)
			}
			want(t, "silenced", strings.Join(got, " "), "luc@example.org +1 +1")
			return err
		})
		// To bind one again opens it again, for that member.
		at(5, func(b *ledger.Book) error {
			_, err := b.SetAddressStatus(ctx, "sms", "+1", ledger.AddressActive, "")
			return errors.Join(err, b.Bind(ctx, id("luc"), "email", "luc@example.org"))
		})
		want(t, "luc", v.addresses("luc"), "email:luc@example.org active")
		want(t, "at +1", v.at("sms", "+1"), "maria active, hans active")

		// Who left cannot be reached.
		hans := v.members["hans"]
		hans.Status = ledger.Left
		v.do(func(b *ledger.Book) error { return b.SaveMember(ctx, hans) })
		want(t, "at +1", v.at("sms", "+1"), "maria active")

		if err := v.update(func(b *ledger.Book) error { return b.Bind(ctx, 404, "sms", "+1") }); err == nil {
			t.Error("nobody has an address")
		}
	})
}

// A book remembers who is where, and what it writes itself.
func TestExpect(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "maria", "hans")
		maria, hans := v.members["maria"], v.members["hans"]
		var many []string
		v.do(func(b *ledger.Book) error {
			for i := range 150 {
				many = append(many, fmt.Sprint("+", i))
				if err := b.Bind(ctx, maria.ID, "sms", many[i]); err != nil {
					return err
				}
			}
			return b.Bind(ctx, hans.ID, "sms", "+149")
		})
		v.do(func(b *ledger.Book) error {
			at := func(address, is string) {
				t.Helper()
				all, err := b.MembersAt(ctx, "sms", address)
				var got []string
				for _, one := range all {
					got = append(got, fmt.Sprintf("%s %s %v", one.Name, one.Address.Status, one.Address.Shared))
				}
				if s := strings.Join(got, ", "); s != is || err != nil {
					t.Errorf("at %s: %q, want %q: %v", address, s, is, err)
				}
			}
			for _, n := range []int{0, 1, 2, 8, 9, 64, 65, 150} {
				if err := b.Expect(ctx, "sms", append(slices.Clone(many[:n]), "+149", "nobody's", "+149")); err != nil {
					return err
				}
				for _, address := range many[:max(n-1, 0)] {
					at(address, "maria active false")
				}
				at("+149", "maria active true, hans active true")
				at("nobody's", "")
			}
			hans.Status = ledger.Left
			if err := b.SaveMember(ctx, hans); err != nil {
				return err
			}
			at("+149", "maria active false")
			if _, err := b.SetAddressStatus(ctx, "sms", "+149", ledger.AddressStopped, ""); err != nil {
				return err
			}
			at("+149", "maria stopped false")
			if err := b.MoveAddress(ctx, "sms", "+149", "+1000"); err != nil {
				return err
			}
			at("+149", "")
			at("+1000", "maria stopped false")
			if err := b.Bind(ctx, maria.ID, "sms", "+149"); err != nil {
				return err
			}
			at("+149", "maria active false")
			return nil
		})
	})
}

func TestAddressNear(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v, other := t.Context(), settle(t, db, "maria", "hans"), settle(t, db, "luc")
		for i, bind := range []struct {
			v             *village
			name, address string
		}{{v, "maria", "+1"}, {v, "maria", "+2"}, {v, "hans", "+3"}, {other, "luc", "+4"}} {
			bind.v.now = start().Add(time.Duration(i) * time.Minute)
			bind.v.do(func(b *ledger.Book) error { return b.Bind(ctx, bind.v.members[bind.name].ID, "sms", bind.address) })
		}
		v.view(func(b *ledger.Book) error {
			near := func(channel string, id ledger.MemberID) (string, error) { return b.AddressNear(ctx, channel, id) }
			own, err1 := near("sms", v.members["maria"].ID)
			want(t, "her own, last used", own, "+2")
			anybodys, err2 := near("sms", 404)
			want(t, "anybody's, last used", anybodys, "+3")
			if address, err := near("email", v.members["maria"].ID); !ledger.IsNotFound(err) {
				t.Errorf("no e-mail here: %q, %v", address, err)
			}
			return errors.Join(err1, err2)
		})
	})
}

func TestMoveAddress(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v := t.Context(), settle(t, db, "maria", "hans")
		bind := func(name, address string) {
			v.do(func(b *ledger.Book) error { return b.Bind(ctx, v.members[name].ID, "telegram", address) })
		}
		move := func(from, to string) {
			v.do(func(b *ledger.Book) error { return b.MoveAddress(ctx, "telegram", from, to) })
		}
		bind("maria", "7")
		bind("hans", "7")
		v.do(func(b *ledger.Book) error {
			_, err := b.SetAddressStatus(ctx, "telegram", "7", ledger.AddressPaused, "blocked")
			return err
		})
		move("7", "8")
		want(t, "the old one", v.at("telegram", "7"), "")
		want(t, "the new one", v.at("telegram", "8"), "maria paused, hans paused")
		move("7", "8") // it has gone
		move("8", "8") // it goes nowhere
		want(t, "the new one", v.at("telegram", "8"), "maria paused, hans paused")

		// Maria has the new one already.
		bind("maria", "9")
		move("8", "9")
		want(t, "maria", v.addresses("maria"), "telegram:9 paused (blocked) shared")
		want(t, "hans", v.addresses("hans"), "telegram:9 paused (blocked) shared")

		// Other channels are not meant.
		v.do(func(b *ledger.Book) error {
			return errors.Join(b.Bind(ctx, v.members["maria"].ID, "sms", "9"), b.MoveAddress(ctx, "telegram", "9", "10"))
		})
		want(t, "maria", v.addresses("maria"), "sms:9 active, telegram:10 paused (blocked) shared")
	})
}

func TestRoute(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, one, two, three := t.Context(), settle(t, db, "maria", "hans"), settle(t, db, "maria"), settle(t, db, "maria")
		route := func(channel, address string, want ...ledger.CommunityID) {
			t.Helper()
			err := db.View(ctx, func(tx ledger.Tx) error {
				got, err := ledger.Route(ctx, tx, channel, address)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s:%s is in %v, want %v", channel, address, got, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		for _, v := range []*village{two, one} {
			v.do(func(b *ledger.Book) error { return b.Bind(ctx, v.members["maria"].ID, "sms", "+1") })
		}
		one.do(func(b *ledger.Book) error { return b.Bind(ctx, one.members["hans"].ID, "sms", "+1") })
		three.do(func(b *ledger.Book) error { return b.Bind(ctx, three.members["maria"].ID, "email", "+1") })
		route("sms", "+1", one.id, two.id)
		route("email", "+1", three.id)
		route("sms", "+2")

		// A stop in one community leaves the others alone.
		one.do(func(b *ledger.Book) error {
			_, err := b.SetAddressStatus(ctx, "sms", "+1", ledger.AddressStopped, "")
			return err
		})
		want(t, "the other community", two.at("sms", "+1"), "maria active")
		route("sms", "+1", one.id, two.id)
	})
}

func TestInvitations(t *testing.T) {
	engines(t, func(t *testing.T, db ledger.DB) {
		ctx, v, other := t.Context(), settle(t, db, "maria"), settle(t, db, "luc")
		open := ledger.Invitation{Code: "RIVER-7KQ2", Community: v.id, Member: v.members["maria"].ID, ExpiresAt: start().Add(48 * time.Hour)}
		bound := open
		bound.Code, bound.Channel, bound.Address = "RIVER-BOUND", "email", "maria@example.org"
		v.do(func(b *ledger.Book) error { return errors.Join(b.Invite(ctx, open), b.Invite(ctx, bound)) })

		byCode := func(want ledger.Invitation) {
			t.Helper()
			err := db.View(ctx, func(tx ledger.Tx) error {
				got, err := ledger.InvitationByCode(ctx, tx, want.Code)
				if got != want {
					t.Errorf("found %+v, want %+v", got, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		byCode(open)
		byCode(bound)

		// Once, in its own community, and what it was is not forgotten.
		other.refused(ledger.ErrTaken, func(b *ledger.Book) error { return b.UseInvitation(ctx, open.Code) })
		v.now = start().Add(time.Hour)
		v.do(func(b *ledger.Book) error { return b.UseInvitation(ctx, open.Code) })
		v.refused(ledger.ErrTaken, func(b *ledger.Book) error { return b.UseInvitation(ctx, open.Code) })
		open.UsedAt = v.now
		byCode(open)
		byCode(bound)
		v.refused(ledger.ErrTaken, func(b *ledger.Book) error { return b.UseInvitation(ctx, "RIVER-NONE") })
		err := db.View(ctx, func(tx ledger.Tx) error {
			_, err := ledger.InvitationByCode(ctx, tx, "RIVER-NONE")
			return err
		})
		if !ledger.IsNotFound(err) {
			t.Errorf("a code that nobody made: %v", err)
		}

		// A code is unique on the whole host, and for a member.
		if err := other.update(func(b *ledger.Book) error {
			return b.Invite(ctx, ledger.Invitation{Code: open.Code, Member: other.members["luc"].ID})
		}); err == nil {
			t.Error("a code was made twice")
		}
		if err := v.update(func(b *ledger.Book) error { return b.Invite(ctx, ledger.Invitation{Code: "X", Member: 404}) }); err == nil {
			t.Error("nobody was invited")
		}
	})
}
