package sms_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/twilio"
	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/state"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
)

const (
	benchLasts   = 4 * time.Second
	benchMembers = 1000
	benchToken   = "0123456789abcdef0123456789abcdef"
	benchAccount = "ACffffffffffffffffffffffffffffffff"
)

func check(b testing.TB, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func benchEngine(b testing.TB) *conversation.Engine {
	b.Helper()
	catalog, err := locales.Load()
	check(b, err)
	words, err := locales.AllWords()
	check(b, err)
	u, err := understand.New(words)
	check(b, err)
	e, err := conversation.New(catalog, u, command.All(), slog.New(slog.DiscardHandler))
	check(b, err)
	e.Fit(sms.Channel, sms.Fits)
	e.Allow(sms.Channel, sms.Allowance)
	return e
}

// benchTown is a community whose members have telephones.
func benchTown(b testing.TB, db ledger.DB, slug string, members int) ledger.CommunityID {
	b.Helper()
	ctx := b.Context()
	check(b, state.Prepare(ctx, db))
	var id ledger.CommunityID
	check(b, db.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
			Slug: slug, Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "UTC", Threshold: 1000,
		}, time.Now())
		if err != nil {
			return err
		}
		id = book.Community().ID
		for i := range members {
			m, err := book.AddMember(ctx, ledger.NewMember{Name: fmt.Sprintf("Anna B%dx", i), Number: int64(i + 1)})
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, m.ID, sms.Channel, telephone(i)); err != nil {
				return err
			}
		}
		return nil
	}))
	return id
}

func telephone(i int) string { return fmt.Sprintf("+32470%06d", i) }

// running runs a journey until the benchmark's end.
func running(b *testing.B, j *state.Journey) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

func benchLine(b *testing.B, name, provider string, j sms.Journey, perSecond float64) *sms.Line {
	b.Helper()
	l, err := sms.NewLine(sms.LineConfig{Name: name, PerSecond: perSecond, Community: strings.TrimPrefix(name, "line-")}, twilio.Kind, sms.Settings{
		URL: provider, User: benchAccount, Secret: benchToken, Number: "+3246000000", Hook: "https://crier.example",
	}, []byte("secret"), j, nil, slog.New(slog.DiscardHandler))
	check(b, err)
	return l
}

func engines(b *testing.B, fn func(b *testing.B, db ledger.DB)) {
	b.Run("sqlite", func(b *testing.B) { fn(b, storetest.SQLiteDB(b)) })
	b.Run("postgres", func(b *testing.B) { fn(b, storetest.PostgresDB(b)) })
}

// BenchmarkTextsIn measures webhooks from the call to the answer, which comes
// when the text is kept: read, its signature checked, committed. Beside it, in
// the same run, a bare web server that writes each call's body in a commit of
// its own, on the same database.
func BenchmarkTextsIn(b *testing.B) {
	engines(b, func(b *testing.B, db ledger.DB) {
		benchTown(b, db, "river", benchMembers)
		j := state.New(state.Config{DB: db, Engine: benchEngine(b), Log: slog.New(slog.DiscardHandler), Holder: "bench"})
		running(b, j)
		line := benchLine(b, "line", "", j, 0)
		mux := http.NewServeMux()
		mux.Handle(line.Path(), line)
		mux.HandleFunc("/bare", func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = db.Update(r.Context(), func(tx ledger.Tx) error {
					_, err := tx.Exec(r.Context(), `INSERT INTO notes (name, value) VALUES ($1, $2)`, r.URL.RawQuery, string(body))
					return err
				})
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
		server := httptest.NewServer(mux)
		b.Cleanup(server.Close)
		for _, connections := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
				bare := calls(b, connections, func(n int64) *http.Request {
					r, _ := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/bare?%d-%d", server.URL, connections, n), strings.NewReader(inboundForm(n).Encode()))
					return r
				})
				ours := calls(b, connections, func(n int64) *http.Request {
					return inboundCall(server.URL, line, int64(connections)<<40|n)
				})
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(bare, "bare/s")
				b.ReportMetric(ours, "texts/s")
				b.ReportMetric(ours/bare, "of-bare")
			})
		}
	})
}

// calls makes calls on some connections at once, and returns how many a second
// were answered.
func calls(b *testing.B, connections int, request func(n int64) *http.Request) float64 {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var n, done atomic.Int64
	var g sync.WaitGroup
	start := time.Now()
	for range connections {
		g.Go(func() {
			for time.Since(start) < benchLasts/2 {
				resp, err := client.Do(request(n.Add(1)))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("answered %s", resp.Status)
					return
				}
				done.Add(1)
			}
		})
	}
	g.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}

func inboundForm(n int64) url.Values {
	return url.Values{
		"MessageSid": {fmt.Sprintf("SM%032x", n)}, "AccountSid": {benchAccount}, "From": {telephone(int(n % benchMembers))}, "To": {"+3246000000"},
		"Body": {"balance"}, "NumMedia": {"0"}, "NumSegments": {"1"}, "ApiVersion": {"2010-04-01"},
	}
}

// inboundCall is a signed call.
func inboundCall(server string, line *sms.Line, n int64) *http.Request {
	form := inboundForm(n)
	text := "https://crier.example" + line.Path() + "in"
	keys := make([]string, 0, len(form))
	for key := range form {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		text += key + form.Get(key)
	}
	mac := hmac.New(sha1.New, []byte(benchToken))
	mac.Write([]byte(text))
	r, _ := http.NewRequest(http.MethodPost, server+line.Path()+"in", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// slowProvider answers each text after a time.
func slowProvider(b *testing.B, wait time.Duration) (address string, taken *atomic.Int64) {
	b.Helper()
	taken = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
		n := taken.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"sid":"SM%032x","status":"queued","num_segments":"1"}`, n)
	}))
	b.Cleanup(server.Close)
	return server.URL, taken
}

// fill puts texts for a community into the outbox.
func fill(b *testing.B, db ledger.DB, id ledger.CommunityID, n int, priority conversation.Priority) {
	b.Helper()
	check(b, db.Update(b.Context(), func(tx ledger.Tx) error {
		for i := range n {
			// Nobody is written to by two communities: to each telephone one goes at a time.
			if err := tx.Later(b.Context(), `INSERT INTO outbox (id, community_id, channel, address, locale, text, choices, question, reply_to, priority, state, next_at, created_at)
				VALUES ($1, $2, 'sms', $3, 'en', 'Receipt 7KQ4: Maria Keller gave you 5 acorns for "eggs". You now have 42.', '', 0, '', $4, 'queued', 0, $5)`,
				ledger.NewID(time.Now()), id, telephone(int(id)%1000*2000+i), priority, ledger.Micros(time.Now())); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkTextsOut measures texts a second to a gateway that answers in 200 ms,
// by one line and by eight. Beside it the most that could be: a line has so many
// texts on their way at once.
func BenchmarkTextsOut(b *testing.B) {
	const wait, atOnce = 200 * time.Millisecond, 32
	engines(b, func(b *testing.B, db ledger.DB) {
		for _, n := range []int{1, 8} {
			b.Run(fmt.Sprintf("lines=%d", n), func(b *testing.B) {
				address, taken := slowProvider(b, wait)
				j := state.New(state.Config{DB: db, Engine: benchEngine(b), Log: slog.New(slog.DiscardHandler), Holder: fmt.Sprint("bench", n)})
				var lines sms.Lines
				for i := range n {
					slug := fmt.Sprintf("town%d-%d", n, i)
					id := benchTown(b, db, slug, 1)
					fill(b, db, id, 400*int(benchLasts/time.Second), conversation.Notices)
					lines = append(lines, benchLine(b, "line-"+slug, address, j, 1e6))
				}
				j.Send(lines, 0)
				start := time.Now()
				running(b, j)
				time.Sleep(benchLasts)
				ours := float64(taken.Load()) / time.Since(start).Seconds()
				most := float64(n*atOnce) / wait.Seconds()
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(most, "most/s")
				b.ReportMetric(ours, "texts/s")
				b.ReportMetric(ours/most, "of-most")
			})
		}
	})
}

// quick is another channel, which takes every message at once.
type quick struct {
	began sync.Map // when a message came in, by its id
	mu    sync.Mutex
	lags  []time.Duration
}

func (*quick) Name() string { return "telegram" }

func (q *quick) Send(_ context.Context, out conversation.Outbound) (string, error) {
	if began, ok := q.began.Load(out.ReplyTo); ok {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.lags = append(q.lags, time.Since(began.(time.Time)))
	}
	return "", nil
}

// BenchmarkSlowGateway measures what another channel's members notice of a
// gateway with a long queue that answers in 200 ms, or not at all: how long
// their answers take, at 50 messages a second.
func BenchmarkSlowGateway(b *testing.B) {
	engines(b, func(b *testing.B, db ledger.DB) {
		for _, c := range []struct {
			name   string
			wait   time.Duration
			queued int
		}{{"nothing_waits", 0, 0}, {"answers_in_200ms", 200 * time.Millisecond, 5000}, {"silent", time.Hour, 5000}} {
			b.Run(c.name, func(b *testing.B) {
				slug := strings.ReplaceAll(c.name, "_", "-")
				address, _ := slowProvider(b, c.wait)
				id := benchTown(b, db, slug, 50)
				check(b, db.Update(b.Context(), func(tx ledger.Tx) error {
					book, err := ledger.Open(b.Context(), tx, id, time.Now())
					if err != nil {
						return err
					}
					people, err := book.Roster(b.Context())
					for i, p := range people {
						if err := book.Bind(b.Context(), p.ID, "telegram", fmt.Sprint(slug, i)); err != nil {
							return err
						}
					}
					return err
				}))
				fill(b, db, id, c.queued, conversation.Notices)
				j := state.New(state.Config{DB: db, Engine: benchEngine(b), Log: slog.New(slog.DiscardHandler), Holder: c.name})
				other := &quick{}
				j.Send(other, 0)
				j.Send(sms.Lines{benchLine(b, "line-"+slug, address, j, 1e6)}, 0)
				running(b, j)
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for n := 0; n < int(benchLasts/(20*time.Millisecond)); n++ {
					<-tick.C
					external := fmt.Sprint(c.name, n)
					other.began.Store(external, time.Now())
					check(b, j.Handle(b.Context(), conversation.Inbound{
						Channel: "telegram", ID: external, From: fmt.Sprint(slug, n%50), Text: "balance", At: time.Now(), Trust: conversation.Proven, Community: slug,
					}))
				}
				time.Sleep(time.Second)
				other.mu.Lock()
				defer other.mu.Unlock()
				slices.Sort(other.lags)
				if len(other.lags) == 0 {
					b.Fatal("nothing was answered")
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(len(other.lags)), "answers")
				b.ReportMetric(float64(other.lags[len(other.lags)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(other.lags[len(other.lags)*99/100].Microseconds())/1000, "p99-ms")
			})
		}
	})
}
