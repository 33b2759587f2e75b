package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
	"crier/mail"
)

// host is one Crier, with one community and its mailbox.
type host struct {
	address  string
	journey  *state.Journey
	post     mail.Post
	receiver *mail.Receiver
	sent     [][]byte // letters on their way
}

func (h *host) Send(_ context.Context, l mail.Letter) error {
	h.sent = append(h.sent, l.Data)
	return nil
}

// newHost has one member, who can be reached at an address.
func newHost(t testing.TB, address, member string, now func() time.Time) *host {
	t.Helper()
	ctx := t.Context()
	db := storetest.SQLiteDB(t)
	check(t, state.Prepare(ctx, db))
	check(t, db.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
			Slug: "river", Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "UTC",
		}, now())
		if err != nil || member == "" {
			return err
		}
		m, err := book.AddMember(ctx, ledger.NewMember{Name: "Other Crier", Number: 1})
		if err != nil {
			return err
		}
		return book.Bind(ctx, m.ID, "email", member)
	}))
	key, err := state.Secret(ctx, db, "mail")
	check(t, err)
	h := &host{address: address, journey: state.New(state.Config{DB: db, Engine: newEngine(t), Clock: now, Log: slog.New(slog.DiscardHandler), Holder: address})}
	seal := mail.NewSeal(key)
	h.receiver = &mail.Receiver{
		Mailboxes: []mail.Mailbox{{Address: address, Detail: "+", Community: "river"}}, Seal: seal, Journey: h.at(), Now: now,
		Log: slog.New(slog.DiscardHandler), Verifier: mail.Verifier{Now: now},
	}
	h.post = mail.Post{&mail.Outlet{Letterhead: &mail.Letterhead{Address: address, Detail: "+", Seal: seal, Now: now}, Community: "river", Transport: h}}
	return h
}

// atOnce is a journey that takes each message all the way before it returns.
type atOnce struct {
	*state.Journey
	h *host
}

func (h *host) at() atOnce { return atOnce{h.journey, h} }

func (a atOnce) Handle(ctx context.Context, in conversation.Inbound) (err error) {
	handled := a.Now(ctx, in, func(o conversation.Outbound) {
		if _, sent := a.h.post.Send(ctx, o); sent != nil {
			err = sent
		}
	})
	return errors.Join(handled, err)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newEngine(t testing.TB) *conversation.Engine {
	t.Helper()
	catalog, err := locales.Load()
	check(t, err)
	words, err := locales.AllWords()
	check(t, err)
	u, err := understand.New(words)
	check(t, err)
	e, err := conversation.New(catalog, u, command.All(), slog.New(slog.DiscardHandler))
	check(t, err)
	return e
}

// converse has the letters of two hosts go to and fro until there are none, and
// counts them. vouched says that each one's mail server believes the other;
// strip takes fields off on the way, as bad gateways do.
func converse(t *testing.T, a, b *host, vouched bool, strip *regexp.Regexp, later func()) (letters int) {
	t.Helper()
	for len(a.sent)+len(b.sent) > 0 {
		for _, way := range [][2]*host{{a, b}, {b, a}} {
			from, to := way[0], way[1]
			all := from.sent
			from.sent = nil
			for _, raw := range all {
				if letters++; letters > 1000 {
					t.Fatal("they never stop")
				}
				later()
				raw = strip.ReplaceAll(raw, nil)
				if vouched {
					domain := from.address[bytes.IndexByte([]byte(from.address), '@')+1:]
					raw = append(fmt.Appendf(nil, "Authentication-Results: mx.test; dmarc=pass header.from=%[1]s; spf=pass smtp.mailfrom=%[1]s\r\n", domain), raw...)
				}
				check(t, to.receiver.Hear(t.Context(), raw, mail.Envelope{AuthservIDs: []string{"mx.test"}}))
			}
		}
	}
	return letters
}

// Two Criers that write to each other stop by themselves, whether they know
// each other or not, believe each other or not, and even where what shows that
// a machine has written is lost on the way.
func TestTwoCriersStop(t *testing.T) {
	nothing := regexp.MustCompile(`$^`)
	signs := regexp.MustCompile(`(?m)^(Auto-Submitted|X-Auto-Response-Suppress|List-[A-Za-z-]+|Precedence):.*\r\n(?:[ \t].*\r\n)*`)
	for _, c := range []struct {
		what           string
		known, vouched bool
		strip          *regexp.Regexp
		step           time.Duration // how long a letter takes
		most           int
	}{
		{"strangers", false, false, nothing, time.Second, 1},
		{"members who believe each other", true, true, nothing, time.Second, 1},
		{"strangers, signs lost", false, false, signs, time.Second, 20},
		{"strangers who believe each other, signs lost", false, true, signs, time.Second, 20},
		{"members, signs lost", true, false, signs, time.Second, 80},
		{"members who believe each other, signs lost", true, true, signs, time.Second, 80},
		{"members who believe each other, signs lost, slowly", true, true, signs, 5 * time.Minute, 300},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			clock := receivedAt
			now := func() time.Time { return clock }
			const river, lake = "crier@river.example", "crier@lake.example"
			inRiver, inLake := "", ""
			if c.known {
				inRiver, inLake = lake, river
			}
			a, b := newHost(t, river, inRiver, now), newHost(t, lake, inLake, now)
			first := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: hello\r\nDate: %s\r\nMessage-ID: <1@river.example>\r\n\r\nthe heron is back\r\n",
				river, lake, clock.Format(time.RFC1123Z))
			a.sent = [][]byte{[]byte(first)}
			letters := converse(t, a, b, c.vouched, c.strip, func() { clock = clock.Add(c.step) }) - 1
			t.Logf("%d letters", letters)
			if letters < 1 || letters > c.most {
				t.Errorf("they have written %d letters, want at least one and at most %d", letters, c.most)
			}
		})
	}
}
