package digest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wire "github.com/emersion/go-smtp"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail"
	"crier/mail/digest"
	"crier/mail/smtp"
	"crier/mail/smtp/smtptest"
)

// BenchmarkDigest has the digests of a whole host chosen, written and handed to a
// mail server on loopback, beside the bare library that sends one prepared mail
// of the same size on as many connections; meanwhile members write, and wait for
// their answers. What the run takes of memory must not grow with the number of
// members.
func BenchmarkDigest(b *testing.B) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) ledger.DB
	}{
		{"sqlite", func(tb testing.TB) ledger.DB { return storetest.SQLiteDB(tb) }},
		{"postgres", func(tb testing.TB) ledger.DB { return storetest.PostgresDB(tb) }},
	} {
		for _, members := range []int{5_000, 50_000} {
			b.Run(fmt.Sprintf("%s/members=%d", engine.name, members), func(b *testing.B) {
				for b.Loop() {
					benchDigest(b, engine.open(b), members)
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

const (
	benchTowns       = 10
	benchAds         = 30
	benchConnections = 8
	benchBare        = 5_000 // mails that the bare library sends
	benchAsk         = 20 * time.Millisecond
)

func benchDigest(b *testing.B, db ledger.DB, members int) {
	must(b, digest.Prepare(b.Context(), db))
	begin := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for i := range benchTowns {
		benchTown(b, db, fmt.Sprintf("town%d", i), members/benchTowns, begin)
	}
	log := slog.New(slog.DiscardHandler)
	e, err := newEngine(log)
	must(b, err)
	start := time.Now()
	j := state.New(state.Config{DB: db, Engine: e, Log: log, Holder: "bench", Clock: func() time.Time { return dueAt.Add(time.Since(start)) }})
	server := smtptest.Start(b, smtptest.Options{Forget: true})
	client := smtp.New(smtp.Config{URL: "smtp://" + server.Addr, Connections: benchConnections}, log)
	head := &mail.Letterhead{Address: "river@example.org", Detail: "+", Seal: mail.NewSeal(bytes.Repeat([]byte{7}, 32)), Now: time.Now}
	size := &sizes{Letterhead: head}
	j.Send(mail.Post{&mail.Outlet{Letterhead: head, Transport: measured{client, size}}}, 0)
	texts := &answers{sent: map[string]time.Time{}}
	j.Send(texts, 0)
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = j.Run(ctx) })
	texts.warm(b, j)
	var peak atomic.Uint64
	runtime.GC()
	before := live()
	running.Go(func() { watchMemory(ctx, &peak) })
	running.Go(func() { texts.ask(ctx, j) })

	expected := members - benchTowns // whoever offers gets no news of it
	began := time.Now()
	must(b, j.Tick(ctx))
	chosen := time.Since(began)
	for server.Count() < expected {
		if time.Since(began) > 10*time.Minute {
			b.Fatalf("%d of %d mails", server.Count(), expected)
		}
		time.Sleep(5 * time.Millisecond)
	}
	all := time.Since(began)
	stop()
	running.Wait()
	client.Close()

	bare := bareRate(b, size.prepared())
	rate := float64(expected) / all.Seconds()
	b.ReportMetric(rate, "mails/s")
	b.ReportMetric(bare, "bare/s")
	b.ReportMetric(rate/bare, "of_bare")
	b.ReportMetric(float64(len(size.prepared().Data)), "bytes/mail")
	b.ReportMetric(chosen.Seconds(), "chosen-s")
	b.ReportMetric((float64(peak.Load())-float64(before))/(1<<20), "live-MB-more")
	b.ReportMetric(texts.p99().Seconds()*1000, "reply-p99-ms")
}

// benchTown founds a community, whose members join over time: PostgreSQL has
// cleaned up by then.
func benchTown(b *testing.B, db ledger.DB, slug string, members int, now time.Time) {
	ctx := b.Context()
	var id ledger.CommunityID
	update := func(fn func(book *ledger.Book) error) {
		must(b, db.Update(ctx, func(tx ledger.Tx) error {
			book, err := ledger.Open(ctx, tx, id, now)
			if err != nil {
				return err
			}
			return fn(book)
		}))
	}
	join := func(book *ledger.Book, n int, name, channel, address string) (ledger.MemberID, error) {
		m, err := book.AddMember(ctx, ledger.NewMember{Name: fmt.Sprintf("%s%dx", name, n), Number: int64(n), Locale: []string{"en", "fr", "nl"}[n%3]})
		if err != nil {
			return 0, err
		}
		return m.ID, book.Bind(ctx, m.ID, channel, address)
	}
	must(b, db.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
			Slug: slug, Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "Europe/Brussels", AdDays: 90,
		}, now)
		if err != nil {
			return err
		}
		id = book.Community().ID
		s, err := digest.SettingsOf(ctx, book)
		if err != nil {
			return err
		}
		return s.Save(ctx, book)
	}))
	for n := 1; n <= members; {
		update(func(book *ledger.Book) error {
			for last := min(members, n+99); n <= last; n++ {
				if _, err := join(book, n, "Anna B", "email", fmt.Sprintf("m%d@%s.example", n, slug)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	update(func(book *ledger.Book) error {
		for n := range 20 { // who write meanwhile
			writer, err := join(book, members+n+1, "Bea C", "sms", fmt.Sprintf("+3247%s%03d", strings.TrimPrefix(slug, "town"), n))
			if err != nil {
				return err
			}
			if err := digest.SetEvery(ctx, book, writer, digest.Never); err != nil {
				return err
			}
		}
		owner, err := book.MembersAt(ctx, "email", "m1@"+slug+".example")
		if err != nil {
			return err
		}
		for n := range benchAds {
			text := fmt.Sprintf("guitar lessons for beginners and others, number %d", n)
			if _, err := book.PutAd(ctx, text, ledger.Ad{Kind: ledger.Offer, Member: owner[0].ID, Text: text}, conversation.SearchWords(text)); err != nil {
				return err
			}
		}
		return nil
	})
}

// sizes keeps one letter, as large as all others.
type sizes struct {
	*mail.Letterhead
	mu  sync.Mutex
	one mail.Letter
}

func (s *sizes) prepared() mail.Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.one
}

// measured keeps the first letter that goes by.
type measured struct {
	*smtp.Client
	sizes *sizes
}

func (m measured) Send(ctx context.Context, l mail.Letter) error {
	m.sizes.mu.Lock()
	if m.sizes.one.Data == nil {
		m.sizes.one = l
		m.sizes.one.Data = bytes.Clone(l.Data)
	}
	m.sizes.mu.Unlock()
	return m.Client.Send(ctx, l)
}

// live is how much memory was in use at the last garbage collection.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func watchMemory(ctx context.Context, peak *atomic.Uint64) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		peak.Store(max(peak.Load(), live()))
	}
}

// answers is a channel that tells how long members waited.
type answers struct {
	mu    sync.Mutex
	sent  map[string]time.Time // when it was asked, by who
	times []time.Duration
}

func (a *answers) Name() string { return "sms" }

func (a *answers) Send(_ context.Context, out conversation.Outbound) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if asked, ok := a.sent[out.Address]; ok {
		a.times = append(a.times, time.Since(asked))
		delete(a.sent, out.Address)
	}
	return "", nil
}

// warm has the names of all members known, as they are where members write.
func (a *answers) warm(b *testing.B, j *state.Journey) {
	for n := range benchTowns {
		from := fmt.Sprintf("+3247%d000", n)
		a.mu.Lock()
		a.sent[from] = time.Now()
		a.mu.Unlock()
		must(b, j.Handle(b.Context(), conversation.Inbound{Channel: "sms", ID: "warm" + from, From: from, Text: "balance", At: time.Now(), Trust: conversation.Proven}))
	}
	for waiting := benchTowns; waiting > 0; time.Sleep(5 * time.Millisecond) {
		a.mu.Lock()
		waiting = len(a.sent)
		a.mu.Unlock()
	}
	a.times = nil
}

// ask has members ask for their balance, one after the other, whatever comes of it.
func (a *answers) ask(ctx context.Context, j *state.Journey) {
	ticker := time.NewTicker(benchAsk)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		from := fmt.Sprintf("+3247%d%03d", n%benchTowns, n/benchTowns%20)
		a.mu.Lock()
		if _, waits := a.sent[from]; !waits {
			a.sent[from] = time.Now()
		}
		a.mu.Unlock()
		go func() {
			_ = j.Handle(ctx, conversation.Inbound{Channel: "sms", ID: fmt.Sprint(n), From: from, Text: "balance", At: time.Now(), Trust: conversation.Proven})
		}()
	}
}

// p99 is how long all but one in a hundred waited, those who still wait included.
func (a *answers) p99() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, asked := range a.sent {
		a.times = append(a.times, time.Since(asked))
	}
	if len(a.times) == 0 {
		return 0
	}
	slices.Sort(a.times)
	return a.times[len(a.times)*99/100]
}

// bareRate is how many mails a second the bare library sends.
func bareRate(b *testing.B, l mail.Letter) float64 {
	server := smtptest.Start(b, smtptest.Options{Forget: true})
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range benchConnections {
		all.Go(func() {
			c, err := wire.Dial(server.Addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for next.Add(1) <= benchBare {
				if err := c.SendMail(l.From, []string{l.To}, bytes.NewReader(l.Data)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return benchBare / time.Since(began).Seconds()
}
