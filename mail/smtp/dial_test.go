package smtp

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"crier/mail/smtp/smtptest"
)

func TestOverTheNetNothingGoesWithoutTLS(t *testing.T) {
	server := smtptest.Start(t, smtptest.Options{})
	config := Config{URL: "smtp://" + server.Addr}
	to, err := config.server()
	if err != nil {
		t.Fatal(err)
	}
	to.loopback = false // as if it were far away
	if _, err := greet(t.Context(), config, to); err == nil || !strings.Contains(err.Error(), "smtps://") {
		t.Errorf("without STARTTLS: %v", err)
	}
	server = smtptest.Start(t, smtptest.Options{TLS: true})
	config = Config{URL: "smtp://" + server.Addr}
	if to, err = config.server(); err != nil {
		t.Fatal(err)
	}
	to.loopback = false
	if _, err := greet(t.Context(), config, to); err == nil || !strings.Contains(err.Error(), "nobody vouches") {
		t.Errorf("with a certificate of nobody: %v", err)
	}
}

func TestWhereAServerIs(t *testing.T) {
	for url, want := range map[string]server{
		"smtps://mail.example.org":      {"mail.example.org", "465", true, false},
		"smtp://mail.example.org":       {"mail.example.org", "587", false, false},
		"smtp://mail.example.org:2525/": {"mail.example.org", "2525", false, false},
		"smtp://localhost:25":           {"localhost", "25", false, true},
		"smtp://127.0.0.1":              {"127.0.0.1", "587", false, true},
		"smtp://[::1]:25":               {"::1", "25", false, true},
		"smtp://localhost.example.org":  {"localhost.example.org", "587", false, false},
		"smtp://10.0.0.1":               {"10.0.0.1", "587", false, false},
	} {
		if got, err := (Config{URL: url}).server(); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", url, got, err, want)
		}
	}
}

func TestTheGreetingIsAlwaysAName(t *testing.T) {
	for given, want := range map[string]string{"crier.example.org": "crier.example.org", "a b": "localhost", "x\r\nMAIL": "localhost", strings.Repeat("x", 300): "localhost"} {
		if got := hostname(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	if hostname("") == "" {
		t.Error("this machine has no name")
	}
}

func TestAnIdleConnectionIsClosedAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go func() {
			_, _ = io.WriteString(far, "220 mail.example.org\r\n")
			_, _ = io.Copy(io.Discard, far)
		}()
		client := New(Config{}, slog.New(slog.DiscardHandler))
		conn := &connection{Client: smtp.NewClient(near), wire: near}
		client.keep(conn)
		time.Sleep(idleMax - time.Second)
		if taken, err := client.kept(); taken != conn || err != nil {
			t.Fatalf("%v, %v", taken, err)
		}
		client.keep(conn) // from here on it is idle again
		time.Sleep(idleMax - time.Second)
		client.mu.Lock()
		n := len(client.idle)
		client.mu.Unlock()
		if n != 1 {
			t.Fatal("it was closed too early")
		}
		time.Sleep(2*time.Second + 3*quitTimeout)
		synctest.Wait()
		if taken, err := client.kept(); taken != nil || err != nil {
			t.Errorf("%v, %v", taken, err)
		}
		if _, err := near.Write([]byte("x")); err == nil {
			t.Error("the connection is still open")
		}
	})
}
