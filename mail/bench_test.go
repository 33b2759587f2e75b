package mail_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail"
)

const benchLasts = 4 * time.Second

var vouchedFor = mail.Envelope{AuthservIDs: []string{"mx.test"}}

// usualAnswer is an answer on top of a letter, as large as most: three
// kilobytes in two parts.
func usualAnswer(from string, n int, text string) []byte {
	quoted := strings.Repeat("> Receipt 7KQ4: Maria Keller gave you 5 acorns for \"eggs\". You now have 42.\r\n> \r\n", 8)
	cited := strings.Repeat("<p>Receipt 7KQ4: Maria Keller gave you 5 acorns for &quot;eggs&quot;. You now have 42.</p>\r\n", 8)
	return fmt.Appendf(nil, "Authentication-Results: mx.test; dmarc=pass header.from=example.org; spf=pass smtp.mailfrom=example.org\r\n"+
		"From: A Member <%s>\r\nTo: river@lets.example\r\nSubject: Re: eggs\r\nDate: %s\r\nMessage-ID: <%d@example.org>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n\r\n"+
		"On Wed, 25 Nov 2026 at 10:12, Riverbank LETS <river@lets.example> wrote:\r\n\r\n%s\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"+
		"<div>%s</div><div class=\"gmail_quote\"><blockquote>%s</blockquote></div>\r\n--b--\r\n",
		from, time.Now().Add(-time.Duration(n)*time.Second).Format(time.RFC1123Z), n, text, quoted, text, cited)
}

// BenchmarkMailsAnswered measures mails from their bytes to the answer in the
// outbox, durable: read, believed, understood, a payment posted. Beside it, in
// the same run, what reading one costs alone, and reading one whose signature
// has to be verified.
func BenchmarkMailsAnswered(b *testing.B) {
	const members = 1000
	ctx := context.Background()
	db := storetest.SQLiteDB(b)
	now := time.Now
	check(b, state.Prepare(ctx, db))
	names := make([]string, members)
	check(b, db.Update(ctx, func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
			Slug: "river", Name: "Riverbank LETS", UnitKind: ledger.Units, UnitWords: "acorn/acorns", Locale: "en", Timezone: "UTC", Threshold: 1000,
		}, now())
		if err != nil {
			return err
		}
		for i := range members {
			names[i] = fmt.Sprint("member number ", i+1)
			m, err := book.AddMember(ctx, ledger.NewMember{Name: fmt.Sprintf("Anna B%dx", i), Number: int64(i + 1)})
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, m.ID, "email", fmt.Sprintf("member%d@example.org", i)); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, senders := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			ctx, cancel := context.WithCancel(ctx)
			var waiting sync.Map
			j := state.New(state.Config{
				DB: db, Engine: newEngine(b), Log: slog.New(slog.DiscardHandler), Holder: "bench",
				OnHandled: func(in conversation.Inbound, _ time.Duration, err error) {
					if done, ok := waiting.LoadAndDelete(in.From); ok {
						done.(chan error) <- err
					}
				},
			})
			stopped := make(chan error, 1)
			go func() { stopped <- j.Run(ctx) }()
			r := &mail.Receiver{
				Mailboxes: []mail.Mailbox{{Address: "river@lets.example", Detail: "+", Community: "river"}}, Seal: seal, Journey: j,
				Log: slog.New(slog.DiscardHandler), Now: now, PerHour: 1e9, PerDay: 1e9, Verifier: mail.Verifier{Now: now},
			}
			var g sync.WaitGroup
			var mu sync.Mutex
			count := 0
			start := time.Now()
			for s := range senders {
				g.Go(func() {
					from := fmt.Sprintf("member%d@example.org", s)
					for n := 0; time.Since(start) < benchLasts; n++ {
						done := make(chan error, 1)
						waiting.Store(from, done)
						text := fmt.Sprintf("pay %d 1 for eggs %d", (s*31+n)%members+1, n)
						if err := r.Hear(ctx, usualAnswer(from, s*100_000+n, text), vouchedFor); err != nil {
							b.Error(err)
							return
						}
						if err := <-done; err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						count++
						mu.Unlock()
					}
				})
			}
			g.Wait()
			took := time.Since(start)
			cancel()
			check(b, <-stopped)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(count)/took.Seconds(), "mails/s")
		})
	}
	alone := func(name string, r *mail.Receiver, raw []byte) {
		b.Run(name, func(b *testing.B) {
			n := 0
			start := time.Now()
			for ; time.Since(start) < benchLasts/4; n++ {
				if _, _, _, err := r.Examine(ctx, raw, vouchedFor); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(n)/time.Since(start).Seconds(), "mails/s")
		})
	}
	v := verifier(world(nil))
	alone("read/vouched_for", &mail.Receiver{
		Mailboxes: []mail.Mailbox{{Address: "river@lets.example"}}, Seal: seal, Verifier: mail.Verifier{Now: now},
	}, usualAnswer("a@example.org", 1, "pay 7 1 for eggs"))
	alone("read/signature_verified", &mail.Receiver{
		Mailboxes: []mail.Mailbox{{Address: "crier@lets.test"}}, Seal: seal, Verifier: *v,
	}, []byte(signed(letter)))
}
