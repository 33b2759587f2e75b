package bottest_test

import (
	"net"
	"testing"

	"crier/bots/bottest"
)

// TestFreeAddress asks for so many that by chance alone some would be the same.
func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 400 {
		address := bottest.FreeAddress(t)
		if seen[address] {
			t.Fatalf("%s was given twice", address)
		}
		seen[address] = true
	}
	for address := range seen {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("a server cannot have what it was given: %v", err)
		}
		l.Close()
		break
	}
}
