package mailtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy passes connections on to a server, and can break them in every way
// that a network does.
type Proxy struct {
	Addr   string
	target string

	mu      sync.Mutex
	open    map[*passage]struct{}
	refuses bool
	left    int64 // bytes until the next cut; -1: none is due
	passed  int64
}

// passage is one connection through the proxy.
type passage struct {
	client, server net.Conn
	stalled        bool // under the proxy's mu
}

// cut ends it as a broken network does: what is on the way is lost.
func (p *passage) cut() {
	for _, conn := range []net.Conn{p.client, p.server} {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	p.end()
}

// end ends it as a server does that stops.
func (p *passage) end() {
	p.client.Close()
	p.server.Close()
}

// StartProxy starts one, which ends with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, open: make(map[*passage]struct{}), left: -1}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.pass(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.Refuse(true)
		running.Wait()
	})
	return p
}

// CutAll cuts all connections, and returns how many.
func (p *Proxy) CutAll() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for passage := range p.open {
		passage.cut()
	}
	return len(p.open)
}

// CutAfter ends the connection on which the n-th byte from now on comes from
// the server, after that byte.
func (p *Proxy) CutAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = n
}

// Refuse ends connections and lets no new ones through, until it is told false.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	p.refuses = refuse
	p.mu.Unlock()
	if refuse {
		p.CutAll()
	}
}

// Stall keeps the connections that there are, and lets nothing through them
// any more: they are dead without a word. New ones are well.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for passage := range p.open {
		passage.stalled = true
	}
}

// Passed is how many bytes have come from the server.
func (p *Proxy) Passed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

func (p *Proxy) pass(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	own := &passage{client: client, server: server}
	p.mu.Lock()
	if p.refuses {
		own.cut()
	}
	p.open[own] = struct{}{}
	p.mu.Unlock()

	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(flow{server, p, own, false}, client); own.end() })
	both.Go(func() { _, _ = io.Copy(flow{client, p, own, true}, server); own.end() })
	both.Wait()
	p.mu.Lock()
	delete(p.open, own)
	p.mu.Unlock()
}

// flow is one direction of a passage.
type flow struct {
	io.Writer
	proxy      *Proxy
	passage    *passage
	fromServer bool
}

func (f flow) Write(b []byte) (int, error) {
	p, whole := f.proxy, len(b)
	p.mu.Lock()
	switch {
	case f.passage.stalled:
		p.mu.Unlock()
		return whole, nil
	case f.fromServer && p.left >= 0:
		b = b[:min(p.left, int64(whole))]
		if p.left -= int64(len(b)); p.left == 0 {
			p.left = -1
			defer f.passage.end()
		}
	}
	if f.fromServer {
		p.passed += int64(len(b))
	}
	p.mu.Unlock()
	n, err := f.Writer.Write(b)
	if err == nil && n < whole {
		err = io.ErrShortWrite
	}
	return n, err
}
