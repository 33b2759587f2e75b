package state_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/postgres"
	"crier/ledger/sqlite"
	"crier/ledger/storetest"
)

// openLoopDatabase and openLoopStub, in the environment, make this test binary
// a server that hears messages by HTTP and sends its replies to the stub.
const (
	openLoopDatabase = "CRIER_TEST_LOOP_DATABASE"
	openLoopStub     = "CRIER_TEST_LOOP_STUB"
)

// wire is a channel like a text gateway: a webhook in, HTTP requests out.
type wire struct {
	client *http.Client
	url    string
}

func (w wire) Name() string { return "sms" }

func (w wire) Send(ctx context.Context, out conversation.Outbound) (string, error) {
	body, err := json.Marshal(out)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("stub: %s", resp.Status)
	}
	return "", nil
}

// openLoopChild prints its address, and serves until it is killed.
func openLoopChild(database, stub string) error {
	ctx := context.Background()
	db, err := openDatabase(ctx, database)
	if err != nil {
		return err
	}
	var tb testing.B
	j := state.New(state.Config{DB: db, Engine: newEngine(&tb), Log: slog.New(slog.DiscardHandler), Holder: "loop"})
	j.Send(wire{&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, stub}, 0)
	go func() { _ = j.Run(ctx) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in conversation.Inbound
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := j.Handle(r.Context(), in); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
}

const (
	openLoopRate  = 200 // messages a second, whatever the answers do
	openLoopLasts = 15 * time.Second
)

// BenchmarkOpenLoop sends messages at a steady rate and measures from the
// webhook to the reply in the hands of the stub, and the most memory that the
// process has used.
func BenchmarkOpenLoop(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		path, url := b.TempDir()+"/loop.db", ""
		if engine == "postgres" {
			url = storetest.Postgres(b)
		}
		town := newTown(b, openLoopDB(b, path, url), 10_000)
		have := 0
		for _, n := range []int{100, 1_000_000} {
			b.Run(fmt.Sprintf("%s/members=10000/transfers=%d", engine, n), func(b *testing.B) {
				have = max(have, town.seq(b))
				town.history(b, have, n)
				database := path
				if url != "" {
					database = url
				}
				took, peak := town.openLoop(b, database)
				r := summed(took, openLoopLasts)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(r.perSecond, "answered/s")
				b.ReportMetric(float64(r.p50.Microseconds())/1000, "p50_ms")
				b.ReportMetric(float64(r.p99.Microseconds())/1000, "p99_ms")
				b.ReportMetric(peak, "peak_MB")
			})
		}
		must(b, town.db.Close())
	}
}

func openLoopDB(b *testing.B, path, url string) ledger.DB {
	if url != "" {
		db, err := postgres.Open(context.Background(), url)
		must(b, err)
		return db
	}
	db, err := sqlite.Open(context.Background(), path)
	must(b, err)
	return db
}

func (t *town) openLoop(b *testing.B, database string) (took []time.Duration, peakMB float64) {
	var mu sync.Mutex
	sent := map[string]time.Time{}
	stub := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var out conversation.Outbound
		if json.NewDecoder(r.Body).Decode(&out) != nil || out.ReplyTo == "" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if at, ok := sent[out.ReplyTo]; ok {
			took = append(took, time.Since(at))
		}
	}))
	defer stub.Close()
	self, err := os.Executable()
	must(b, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), openLoopDatabase+"="+database, openLoopStub+"="+stub.URL)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(b, err)
	must(b, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	first, err := bufio.NewReader(out).ReadString('\n')
	must(b, err)
	webhook := strings.TrimSpace(first)
	run := benchRun.Add(1)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var g sync.WaitGroup
	start := time.Now()
	const n = int(openLoopLasts/time.Second) * openLoopRate
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / openLoopRate)))
		payer, payee := i*37%len(t.members), (i*41+1)%len(t.members)
		if payer == payee {
			payee = (payee + 1) % len(t.members)
		}
		in := conversation.Inbound{
			Channel: "sms", ID: fmt.Sprint("loop", run, "-", i), From: address(payer), At: time.Now(), Trust: conversation.Proven,
			Text: "pay " + t.members[payee].Name + " 1 for eggs",
		}
		mu.Lock()
		sent[in.ID] = time.Now()
		mu.Unlock()
		g.Go(func() {
			body, _ := json.Marshal(in)
			resp, err := client.Post(webhook, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	g.Wait()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		done := len(took) == n
		mu.Unlock()
		if done {
			break
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	must(b, err)
	kB, err := strconv.Atoi(regexp.MustCompile(`VmHWM:\s+(\d+)`).FindStringSubmatch(string(status))[1])
	must(b, err)
	mu.Lock()
	defer mu.Unlock()
	if len(took) != n {
		b.Errorf("%d of %d messages were answered", len(took), n)
	}
	return took, float64(kB) / 1024
}
