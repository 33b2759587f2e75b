package smtp_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	wire "github.com/emersion/go-smtp"

	"crier/conversation"
	"crier/mail"
	"crier/mail/smtp"
	"crier/mail/smtp/smtptest"
)

// BenchmarkSend writes and sends letters to a server on loopback, in turns with
// the bare library, which sends one prepared mail of the same size again and
// again. Each figure is the median; the ratio is that of neighbouring turns, which
// whatever else the machine does slows down alike.
func BenchmarkSend(b *testing.B) {
	rsa, err := mail.NewKey()
	if err != nil {
		b.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	for _, signing := range []struct {
		name string
		key  []byte
	}{{"unsigned", nil}, {"rsa2048", rsa}, {"ed25519", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}} {
		head := &mail.Letterhead{Address: "river@example.org", Detail: "+", Seal: mail.NewSeal(bytes.Repeat([]byte{7}, 32)), Now: time.Now}
		if signing.key != nil {
			if head.Signer, err = mail.LoadSigner("example.org", "crier", signing.key); err != nil {
				b.Fatal(err)
			}
		}
		for _, connections := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/connections=%d", signing.name, connections), func(b *testing.B) {
				compareSending(b, head, connections)
			})
		}
	}
}

const (
	benchTurns = 31
	benchMails = 500 // in a turn
)

func compareSending(b *testing.B, head *mail.Letterhead, connections int) {
	server := smtptest.Start(b, smtptest.Options{Forget: true})
	client := smtp.New(smtp.Config{URL: "smtp://" + server.Addr, Connections: connections}, silent)
	defer client.Close()
	prepared, err := head.Letter(benchOutbound(1))
	if err != nil {
		b.Fatal(err)
	}
	bare := make([]*wire.Client, connections)
	for i := range bare {
		if bare[i], err = wire.Dial(server.Addr); err != nil {
			b.Fatal(err)
		}
		defer bare[i].Close()
	}
	var ours, theirs, ratios []float64
	for b.Loop() {
		for range benchTurns {
			theirs = append(theirs, mailsASecond(b, server, connections, func(worker int, _ int64) error {
				return bare[worker].SendMail(prepared.From, []string{prepared.To}, bytes.NewReader(prepared.Data))
			}))
			ours = append(ours, mailsASecond(b, server, connections, func(_ int, n int64) error {
				l, err := head.Letter(benchOutbound(n))
				if err != nil {
					return err
				}
				return client.Send(b.Context(), l)
			}))
			ratios = append(ratios, ours[len(ours)-1]/theirs[len(theirs)-1])
		}
	}
	b.ReportMetric(median(ours), "mails/s")
	b.ReportMetric(median(theirs), "bare/s")
	b.ReportMetric(median(ratios), "of_bare")
	b.ReportMetric(0, "ns/op")
}

func median(figures []float64) float64 {
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// mailsASecond runs one turn.
func mailsASecond(b *testing.B, server *smtptest.Server, workers int, send func(worker int, n int64) error) float64 {
	before := server.Count()
	start := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for n := next.Add(1); n <= benchMails; n = next.Add(1) {
				if err := send(worker, n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	elapsed := time.Since(start)
	if got := server.Count() - before; got != benchMails {
		b.Fatalf("%d of %d mails arrived", got, benchMails)
	}
	return benchMails / elapsed.Seconds()
}

func benchOutbound(n int64) conversation.Outbound {
	return conversation.Outbound{
		ID: n<<12 | 77, Community: "river", Channel: mail.Channel, Address: "maria@example.net", Locale: "en",
		Text:    "Pay Luc Martin 5 acorns for \"eggs\"? Reply YES or NO.",
		Choices: []conversation.Choice{{Label: "Yes", Reply: "YES"}, {Label: "No", Reply: "NO"}}, Question: 4711,
		ReplyTo: "some-id", Sender: "Riverbank LETS", Priority: conversation.Replies, Attempt: 1,
		Thread: mail.Thread{Subject: "eggs", MessageID: "one@client.example", Quote: "pay luc 5 for eggs"}.Encode(),
	}
}
