package mail_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"crier/mail"
)

var madeKey = sync.OnceValues(mail.NewKey)

func newTestKey(t testing.TB) []byte {
	t.Helper()
	key, err := madeKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func pkcs1(t testing.TB, bits int) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func ed25519Key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signerFor(t testing.TB, domain string, key []byte) *mail.Signer {
	t.Helper()
	s, err := mail.LoadSigner(domain, "crier", key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// verifySignature checks the one signature of a mail against its record in DNS.
func verifySignature(t *testing.T, s *mail.Signer, data []byte) error {
	t.Helper()
	name, value := s.Record()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(data), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		if domain != name {
			return nil, errors.New("no such record: " + domain)
		}
		return []string{value}, nil
	}})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d signatures, %v", len(found), err)
	}
	return found[0].Err
}

func TestASignatureIsBelieved(t *testing.T) {
	for name, key := range map[string][]byte{
		"made": newTestKey(t), "pkcs1": pkcs1(t, 1024), "ed25519": pkcs8(t, ed25519Key(t)),
	} {
		for letter, change := range letterCases() {
			t.Run(name+"/"+letter, func(t *testing.T) {
				h, out := letterhead(), yesOrNo()
				change(h, &out)
				unsigned := writeLetter(t, h, out).Data
				h.Signer = signerFor(t, "Example.org", key)
				signed := writeLetter(t, h, out).Data
				if !bytes.HasSuffix(signed, unsigned) {
					t.Error("signing changes the letter")
				}
				if err := verifySignature(t, h.Signer, signed); err != nil {
					t.Fatal(err)
				}
				openLetter(t, signed)
				for what, changed := range map[string][]byte{
					"another text":             bytes.Replace(signed, []byte("the"), []byte("thy"), 1),
					"another sender":           bytes.Replace(signed, []byte("<river@example.org>"), []byte("<lake@example.org>"), 1),
					"other answers":            bytes.Replace(signed, []byte("\r\nReply-To: "), []byte("\r\nReply-To: x"), 1),
					"another way out":          bytes.Replace(signed, []byte("<https://crier"), []byte("<https://evil"), 1),
					"a second From":            append([]byte("From: evil@example.net\r\n"), signed...),
					"a second subject":         append([]byte("Subject: evil\r\n"), signed...),
					"a second To":              append([]byte("To: evil@example.net\r\n"), signed...),
					"another to be answered":   bytes.Replace(signed, []byte("\r\nIn-Reply-To: <"), []byte("\r\nIn-Reply-To: <x"), 1),
					"a machine made a person":  bytes.Replace(signed, []byte("Auto-Submitted: auto"), []byte("Auto-Submitted: not"), 1),
					"another kind of contents": bytes.Replace(signed, []byte("multipart/alternative"), []byte("multipart/mixed"), 1),
				} {
					if !bytes.Equal(changed, signed) && verifySignature(t, h.Signer, changed) == nil {
						t.Errorf("%s: the signature still stands", what)
					}
				}
			})
		}
	}
}

func TestTheRecordIsAsDNSWantsIt(t *testing.T) {
	name, value := signerFor(t, "Example.org", newTestKey(t)).Record()
	if name != "crier._domainkey.example.org" || !strings.HasPrefix(value, "v=DKIM1; k=rsa; p=MIIBIjAN") {
		t.Errorf("%s %s", name, value)
	}
	_, value = signerFor(t, "example.org", pkcs8(t, ed25519Key(t))).Record()
	if !strings.HasPrefix(value, "v=DKIM1; k=ed25519; p=") || len(value) != len("v=DKIM1; k=ed25519; p=")+44 {
		t.Errorf("%s", value)
	}
}

func TestKeysThatAreNoneAreRefused(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // only a test makes such keys
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(ed25519Key(t).Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		domain, selector string
		key              []byte
		want             string
	}{
		"short":        {"example.org", "crier", pkcs1(t, 768), "768 bits"},
		"elliptic":     {"example.org", "crier", pkcs8(t, curve), "RSA or Ed25519"},
		"public":       {"example.org", "crier", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "private one"},
		"encrypted":    {"example.org", "crier", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: public}), "password"},
		"garbage":      {"example.org", "crier", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), "cannot be read"},
		"no PEM":       {"example.org", "crier", []byte("secret"), "PEM"},
		"nothing":      {"example.org", "crier", nil, "PEM"},
		"no domain":    {"", "crier", newTestKey(t), "domain"},
		"evil domain":  {"example.org; x=y", "crier", newTestKey(t), "domain"},
		"no selector":  {"example.org", "", newTestKey(t), "selector"},
		"bad selector": {"example.org", "a b", newTestKey(t), "selector"},
	} {
		_, err := mail.LoadSigner(c.domain, c.selector, c.key)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
