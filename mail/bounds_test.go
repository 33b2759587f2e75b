package mail_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"crier/mail"
)

// repeated reads a text over and over, up to size bytes, without holding it.
type repeated struct {
	text string
	size int
	at   int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	if r.size <= 0 {
		return 0, io.EOF
	}
	n = copy(p[:min(len(p), r.size)], r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.size -= n
	return n, nil
}

func many(text string, times int) io.Reader {
	return &repeated{text: text, size: len(text) * times}
}

func TestNoMailCostsMuch(t *testing.T) {
	const heapMost, timeMost = 80 << 20, 5 * time.Second * slower
	nested := func() io.Reader {
		var b strings.Builder
		b.WriteString(personal)
		for range 10_000 {
			b.WriteString("Content-Type: multipart/mixed; boundary=b\n\n--b\n")
		}
		b.WriteString("\nHello\n")
		return strings.NewReader(b.String())
	}
	distinct := func() io.Reader {
		var b strings.Builder
		b.WriteString(personal)
		for i := range 10_000 {
			b.WriteString("Content-Type: multipart/mixed; boundary=b" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + "\n\n--b" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + "\n")
		}
		return strings.NewReader(b.String())
	}
	photo := "Content-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n/9j/4AAQSkZJRgAB" // and so on
	for _, test := range []struct {
		what string
		mail func() io.Reader
		cut  bool
	}{
		{"50 MB of text", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"\n"), many("Hello Luc, hello Maria.\n", 2<<20))
		}, true},
		{"50 MB in one line", func() io.Reader { return io.MultiReader(strings.NewReader(personal+"\n"), many("x", 50<<20)) }, true},
		{"50 MB of line ends", func() io.Reader { return io.MultiReader(strings.NewReader(personal+"\n"), many("\n", 50<<20)) }, true},
		{"50 MB of photos", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Content-Type: multipart/mixed; boundary=b\n\n--b\n"+photo), many("AAAA", 1<<20), strings.NewReader("\n--b\n"+photo), many("AAAA\n", 1<<20), strings.NewReader("\n--b\n"+photo), many("AAAA", 10<<20))
		}, true},
		{"50 MB of HTML", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Content-Type: text/html\n\n"), many("<div><p>Hello <b>Luc", 5<<19))
		}, true},
		{"50 MB of Latin-1", func() io.Reader { return io.MultiReader(strings.NewReader(personal+"\n"), many("\xe4\xf6 ", 17<<20)) }, true},
		{"50 MB of header", func() io.Reader { return io.MultiReader(strings.NewReader(personal+"X-A: "), many("x", 50<<20)) }, true},
		{"50 MB of one folded field", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"To: "), many("a@b.example,\n ", 4<<20))
		}, true},
		{"10,000 nested parts", nested, true},
		{"10,000 nested parts with boundaries of their own", distinct, true},
		{"100,000 parts", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Content-Type: multipart/mixed; boundary=b\n\n"), many("--b\nContent-Type: text/html\n\n<p>Hello\n", 100_000))
		}, true},
		{"parts without boundary in parts", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Content-Type: multipart/mixed; boundary=b\n\n"), many("--b\nContent-Type: multipart/mixed; boundary=c\n\n"+strings.Repeat("--d\n", 20_000), 200))
		}, true},
		{"100,000 fields", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal), many("X-A: b\n", 100_000), strings.NewReader("\nHello\n"))
		}, true},
		{"100,000 fields From", func() io.Reader {
			return io.MultiReader(many("From: ria@example.org\n", 100_000), strings.NewReader("\nHello\n"))
		}, true},
		{"a subject of encoded words", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Subject: "), many("=?utf-8?q?a?= ", 18_000), strings.NewReader("\n\n"))
		}, false},
		{"a From of encoded words", func() io.Reader {
			return io.MultiReader(strings.NewReader("From: "), many("=?utf-8?q?a?= ", 18_000), strings.NewReader("<ria@example.org>\n\n"))
		}, false},
		{"a To of comments", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"To: "), many("(", 250_000), strings.NewReader("\n\n"))
		}, false},
		{"a type of parameters", func() io.Reader {
			return io.MultiReader(strings.NewReader(personal+"Content-Type: text/plain"), many("; a*1*=b", 30_000), strings.NewReader("\n\nHello\n"))
		}, false},
		{"quotes in quotes", func() io.Reader { return io.MultiReader(strings.NewReader(personal+"\n"), many(">", 15<<20)) }, true},
		{"a bounce of words", func() io.Reader {
			return io.MultiReader(strings.NewReader("From: mailer-daemon@example.org\nSubject: failure notice\n\n"), many("a@b.example: mailbox mailbox 550-5.1.1 account\n", 300_000))
		}, true},
		{"a report on 100,000", func() io.Reader {
			return io.MultiReader(strings.NewReader("From: mailer-daemon@example.org\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"), many("Final-Recipient: rfc822; a@b.example\nAction: failed\n\n", 100_000))
		}, false},
	} {
		t.Run(test.what, func(t *testing.T) {
			runtime.GC()
			before := heap()
			most, stop, done := before, make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						most = max(most, heap())
					}
				}
			}()
			start := time.Now()
			m, err := mail.Read(test.mail(), mail.Envelope{}, nil)
			took := time.Since(start)
			close(stop)
			<-done
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v, %d MB", took.Round(time.Millisecond), (most-before)>>20)
			if took > timeMost || most-before > heapMost {
				t.Errorf("it takes %v and %d MB", took, (most-before)>>20)
			}
			if m.Cut != test.cut {
				t.Errorf("that something is left out: %v, want %v", m.Cut, test.cut)
			}
			bounded(t, m)
		})
	}
}

// heap is how many bytes are in use, or not yet swept away.
func heap() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// bounded checks what holds of every Mail.
func bounded(t *testing.T, m *mail.Mail) {
	t.Helper()
	photos := 0
	for _, p := range m.Photos {
		if photos++; photos > 3 || len(p.Data) > 8<<20 || !utf8.ValidString(p.Name) || !strings.HasPrefix(p.Type, "image/") {
			t.Errorf("photo %d is %q of %d bytes", photos, p.Type, len(p.Data))
		}
	}
	words := append([]string{m.ID, m.From, m.Name, m.Subject, m.MessageID, m.Why, m.Text, m.Returned}, m.To...)
	words = append(append(append(words, m.InReplyTo...), m.References...), m.Ignored...)
	for _, b := range m.Bounced {
		words = append(words, b.Address, b.Status, b.Reason)
	}
	for _, s := range words {
		if !utf8.ValidString(s) {
			t.Errorf("%.100q is no UTF-8", s)
		}
		if s != m.Text && strings.ContainsAny(s, "\r\n") {
			t.Errorf("%.100q has more than one line", s)
		}
	}
	if len(m.Text) > 64<<10 || strings.ContainsAny(m.Text, "\r\u00a0\u200b\x00") || strings.Contains(m.Text, "\n\n\n") || strings.Trim(m.Text, "\n") != m.Text {
		t.Errorf("the text of %d bytes is %.100q", len(m.Text), m.Text)
	}
	if m.FromSubject && m.Text != m.Subject || len(m.Subject) > 2<<10 || len(m.Name) > 256 || len(m.Why) > 200 || len(m.ID) != 64 ||
		len(m.To) > 1000 || len(m.References) > 100 || len(m.InReplyTo) > 100 || len(m.Ignored) > 20 || len(m.Bounced) > 50 {
		t.Errorf("it is out of bounds: %.1000q", words)
	}
	if m.From != "" {
		if again, ok := mail.CanonicalAddress(m.From); !ok || again != m.From {
			t.Errorf("the sender is %q, which is no canonical address", m.From)
		}
	}
	if (m.Kind == mail.Person) != (m.Why == "") || m.Kind == "" {
		t.Errorf("it is a %q because of %q", m.Kind, m.Why)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no mails to begin with: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 64<<10 {
			f.Add(data, false, "")
		}
	}
	f.Add([]byte(multi("mixed", inner("alternative", "c", part(plainPart+"; format=flowed; delsp=yes", "a \nb"), part(htmlPart, "<p>x<img src=cid:a>")), imagePart("Content-Type: image/jpeg; name*0*=utf-8''a", picture(5000)))), true, "ria@example.org")
	f.Fuzz(func(t *testing.T, data []byte, known bool, from string) {
		env := mail.Envelope{Known: known, From: from, To: []string{from}}
		ours := func(address string) bool { return address == from }
		start := time.Now()
		m, err := mail.Read(strings.NewReader(string(data)), env, ours)
		if took := time.Since(start); took > 5*time.Second*slower {
			t.Errorf("it takes %v", took)
		}
		if err != nil {
			return
		}
		bounded(t, m)
		again, err := mail.Read(strings.NewReader(string(data)), env, ours)
		if err != nil || again.ID != m.ID || again.Text != m.Text || again.Kind != m.Kind || again.Why != m.Why {
			t.Errorf("the second time it is another: %v", err)
		}
	})
}
