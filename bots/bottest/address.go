package bottest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreeAddress returns an address of the loopback for a TCP server, one that
// nobody listens on and that no other test on this machine is given until this
// one ends. It is out of the range that connections going out take theirs from
// (32768 and above), so that it is still free when the server comes back.
func FreeAddress(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(16_384+rand.IntN(16_000)))
		// The UDP port of the same number says that the address is given away,
		// to tests in other processes as well, and is not in the server's way.
		var given net.PacketConn
		if given, err = net.ListenPacket("udp", address); err != nil {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", address); err != nil {
			given.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { given.Close() })
		return address
	}
	t.Fatalf("find a free port: %v", err)
	return ""
}
