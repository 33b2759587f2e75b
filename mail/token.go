package mail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// Seal makes and knows the tokens that stand in addresses and Message-IDs. A
// token names one letter, by the id of its Outbound, and nobody without the
// key can make one: whoever shows it has got that letter.
//
// That it counts only once, and only for a time, is for the one who keeps the
// letters: see conversation.Inbound.Answers.
type Seal struct{ key []byte }

// NewSeal makes a seal. The key is random, at least 32 bytes, and the same for
// every process and for ever: with another one the tokens out there are void.
func NewSeal(key []byte) *Seal { return &Seal{key} }

// Purpose is what a token is good for. One for another purpose is no token.
type Purpose byte

// The purposes. Each is also the letter that its tokens begin with.
const (
	Answering     Purpose = 'c' // stands in Reply-To and Message-ID: the answer to this letter
	Bouncing      Purpose = 'b' // stands in the envelope: this letter did not arrive (VERP)
	Unsubscribing Purpose = 'u' // stands in List-Unsubscribe: no more in bulk, please
)

// macSize is how many bytes of the MAC a token has: 80 bits, which nobody
// guesses through a mail server.
const macSize = 10

// TokenSize is the length of a token. Source: it has to fit beside a name into
// the 64 octets of a local part (RFC 5321, section 4.5.3.1.1).
const TokenSize = 2 + 29

// base32hex in lower case: mail servers on the way may fold it.
var tokenEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Token makes the token of a letter: "c.…", of lower-case letters and digits.
func (s *Seal) Token(p Purpose, id int64) string {
	var token [8 + macSize]byte
	binary.BigEndian.PutUint64(token[:8], uint64(id))
	copy(token[8:], s.mac(p, token[:8]))
	return string(p) + "." + tokenEncoding.EncodeToString(token[:])
}

// Open returns the letter of a token, or 0 where it is none. Capitals do not
// matter.
func (s *Seal) Open(p Purpose, token string) (id int64) {
	token = strings.ToLower(token)
	if len(token) != TokenSize || token[0] != byte(p) || token[1] != '.' {
		return 0
	}
	data, err := tokenEncoding.DecodeString(token[2:])
	if err != nil || !hmac.Equal(data[8:], s.mac(p, data[:8])) {
		return 0
	}
	return int64(binary.BigEndian.Uint64(data[:8]))
}

func (s *Seal) mac(p Purpose, id []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte{byte(p)})
	h.Write(id)
	return h.Sum(nil)[:macSize]
}
