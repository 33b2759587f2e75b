package mail_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"crier/mail"
)

func TestTokens(t *testing.T) {
	seal := mail.NewSeal(bytes.Repeat([]byte{7}, 32))
	other := mail.NewSeal(bytes.Repeat([]byte{8}, 32))
	for _, id := range []int64{1, 7_654_321_987_654_321, math.MaxInt64} {
		token := seal.Token(mail.Answering, id)
		if len(token) != mail.TokenSize || strings.ToLower(token) != token {
			t.Errorf("the token %q has another form", token)
		}
		if got := seal.Open(mail.Answering, strings.ToUpper(token)); got != id {
			t.Errorf("%q opens as %d, want %d", token, got, id)
		}
		if got := other.Open(mail.Answering, token); got != 0 {
			t.Errorf("another key opens %q as %d", token, got)
		}
		if got := seal.Open(mail.Bouncing, "b"+token[1:]); got != 0 {
			t.Errorf("a token for answers is one for bounces too: %d", got)
		}
		for i := range token { // no character can be another
			for _, c := range []byte("0q.") {
				if token[i] == c {
					continue
				}
				changed := token[:i] + string(c) + token[i+1:]
				if got := seal.Open(mail.Answering, changed); got != 0 && !sameBits(i) {
					t.Errorf("%q, changed to %q, opens as %d", token, changed, got)
				}
			}
		}
	}
	for _, no := range []string{"", "c.", "c." + strings.Repeat("v", 29), strings.Repeat("c", mail.TokenSize), "c." + strings.Repeat("ü", 29)} {
		if got := seal.Open(mail.Answering, no); got != 0 {
			t.Errorf("%q opens as %d", no, got)
		}
	}
}

// sameBits tells the last character, of which only four of five bits count.
func sameBits(i int) bool { return i == mail.TokenSize-1 }
