package ledger

import "strings"

// A receipt code is the transfer's place in its community's chain, scrambled so
// that codes look random and say nothing about how much is traded. It is its
// own proof of uniqueness: each place has one code and each code one place, so
// nothing is stored and nothing can collide.
//
// Codes have 4 characters for the first 2^20 transfers, and one more for each
// 32 times as many.

// receiptAlphabet leaves out I, L, O and U: read over the telephone they are
// taken for others.
const receiptAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Codes of up to maxReceiptLength characters are read back: 2^60 transfers.
const (
	minReceiptLength = 4
	maxReceiptLength = 12
)

// firstOf is the first place in the chain whose code has length characters:
// every shorter code is in use by then.
func firstOf(length int) int64 {
	if length == minReceiptLength {
		return 0
	}
	return int64(1) << (5 * (length - 1))
}

// Receipt is the code of the transfer at a place in the chain.
func Receipt(salt, seq int64) string {
	length := minReceiptLength
	for length < maxReceiptLength && seq >= firstOf(length+1) {
		length++
	}
	v := scramble(uint64(seq), length, uint64(salt), false)
	code := make([]byte, length)
	for i := length - 1; i >= 0; i-- {
		code[i] = receiptAlphabet[v&31]
		v >>= 5
	}
	return string(code)
}

// seqOf is the reverse of Receipt. It forgives lower case, and O, I and L for
// 0 and 1.
func seqOf(salt int64, code string) (seq int64, ok bool) {
	if len(code) < minReceiptLength || len(code) > maxReceiptLength {
		return 0, false
	}
	var v uint64
	for _, r := range strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code)) {
		i := strings.IndexRune(receiptAlphabet, r)
		if i < 0 {
			return 0, false
		}
		v = v<<5 | uint64(i)
	}
	seq = int64(scramble(v, len(code), uint64(salt), true))
	if seq < 1 || Receipt(salt, seq) != strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code)) {
		return 0, false
	}
	return seq, true
}

// scramble is a permutation of the numbers that fit into length characters, and
// its inverse: a Feistel network over two unequal halves.
func scramble(v uint64, length int, salt uint64, inverse bool) uint64 {
	bits := uint(5 * length)
	low := bits / 2
	high := bits - low
	l, r := v>>low, v&(1<<low-1)
	const rounds = 6 // even, so that the halves end where they began
	for i := range uint64(rounds) {
		round := i
		if inverse {
			round = rounds - 1 - i
		}
		if round%2 == 0 {
			l ^= mix(r^salt^round<<56) & (1<<high - 1)
		} else {
			r ^= mix(l^salt^round<<56) & (1<<low - 1)
		}
	}
	return l<<low | r
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
