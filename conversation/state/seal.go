package state

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"crier/conversation"
	"crier/ledger"
)

// sealer keeps what may hold a PIN from being read in the inbox while it waits
// there. Once handled it is masked: nothing needs it any more.
type sealer struct {
	mu   sync.Mutex
	aead cipher.AEAD // nil: not made yet
}

// sealed begins a sealed text. A message that pretends is sealed itself.
const sealed = "\x02sealed\x03"

// open makes the sealer ready. It must be called outside of transactions.
func (s *sealer) open(ctx context.Context, db ledger.DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aead != nil {
		return nil
	}
	key, err := Secret(ctx, db, "inbox")
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("make the inbox's seal: %w", err)
	}
	s.aead, err = cipher.NewGCM(block)
	return err
}

// seal is a text as it may lie in the inbox.
func (s *sealer) seal(text string) string {
	if !conversation.Secretive(text) && !strings.HasPrefix(text, sealed) { // nobody else's seal is believed
		return text
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return sealed + base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, []byte(text), nil))
}

// unseal is the text again. One that cannot be opened is lost: it is then as
// if nothing had been written.
func (s *sealer) unseal(text string) string {
	rest, ok := strings.CutPrefix(text, sealed)
	if !ok {
		return text
	}
	data, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(data) < s.aead.NonceSize() {
		return ""
	}
	plain, err := s.aead.Open(nil, data[:s.aead.NonceSize()], data[s.aead.NonceSize():], nil)
	if err != nil {
		return ""
	}
	return string(plain)
}
