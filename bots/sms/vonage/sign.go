package vonage

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
)

// repeats is how long Vonage brings a text that was not acknowledged
// (https://api.support.vonage.com/hc/en-us/articles/360028543292). Nowhere does
// it say that it signs each attempt anew, so a text may come with a signature
// that old. Brought by somebody else, it is one that came before: its id says so.
const repeats = 24 * time.Hour

// verify checks that Vonage has signed what a call says
// (https://developer.vonage.com/en/getting-started/concepts/signing-messages).
// The length of the signature shows its method.
func verify(fields map[string]string, key string, now time.Time, skew time.Duration) error {
	shown, err := hex.DecodeString(fields["sig"])
	if err != nil {
		return sms.ErrForged
	}
	signed := false
	for _, text := range signedTexts(fields) {
		for _, sum := range sums(text, key, len(shown)) {
			signed = hmac.Equal(sum, shown) || signed
		}
	}
	if !signed {
		return sms.ErrForged
	}
	seconds, err := strconv.ParseInt(fields["timestamp"], 10, 64)
	if err != nil {
		return sms.ErrForged
	}
	if age := now.Sub(time.Unix(seconds, 0)); age < -skew || age > repeats+skew {
		return fmt.Errorf("%w: it was signed %v ago by Vonage's clock", sms.ErrForged, age.Round(time.Second))
	}
	return nil
}

// signedTexts is what a signature may be of: all fields but itself, by name.
// Vonage's own libraries do not agree on whether fields without a value belong
// to it. There is none where a name could pass for a part of the text.
func signedTexts(fields map[string]string) []string {
	var all, valued strings.Builder
	clean := strings.NewReplacer("&", "_", "=", "_")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if strings.ContainsAny(name, "&=") {
			return nil
		}
		if name == "sig" {
			continue
		}
		field := "&" + name + "=" + clean.Replace(fields[name])
		all.WriteString(field)
		if strings.TrimSpace(fields[name]) != "" {
			valued.WriteString(field)
		}
	}
	return slices.Compact([]string{all.String(), valued.String()})
}

// sums are the signatures of that length: two methods share one.
func sums(text, key string, length int) [][]byte {
	keyed := func(h func() hash.Hash) []byte {
		mac := hmac.New(h, []byte(key))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	switch length {
	case md5.Size:
		plain := md5.Sum([]byte(text + key))
		return [][]byte{plain[:], keyed(md5.New)}
	case sha1.Size:
		return [][]byte{keyed(sha1.New)}
	case sha256.Size:
		return [][]byte{keyed(sha256.New)}
	case sha512.Size:
		return [][]byte{keyed(sha512.New)}
	}
	return nil
}
