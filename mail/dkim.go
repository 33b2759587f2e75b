package mail

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Signer signs letters for a domain (DKIM, RFC 6376). It is safe for concurrent
// use.
type Signer struct {
	domain   string
	selector string
	key      crypto.Signer
}

// signedFields are the header fields that a signature covers, where a letter
// has them. Source: RFC 6376, section 5.4.1; RFC 8058, section 4 for the
// List-Unsubscribe ones.
var signedFields = []string{
	"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted",
}

// oversigned are named once more than a letter has them: whoever adds a second
// one breaks the signature. Source: RFC 6376, section 8.15.
var oversigned = []string{"From", "To", "Subject", "Date"}

// rsaBits is the size of new keys: what still fits into DNS everywhere. Source:
// RFC 8301, section 3.2, which also calls those below 1024 no keys at all.
const (
	rsaBits    = 2048
	rsaBitsMin = 1024
)

// NewKey makes a private key, in PEM.
func NewKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// LoadSigner makes a signer of a private key in PEM (PKCS #1 or #8), RSA or
// Ed25519. Its errors are words for the operator.
func LoadSigner(domain, selector string, pemKey []byte) (*Signer, error) {
	if _, _, ok := cutAddress("x@" + domain); !ok {
		return nil, fmt.Errorf("load DKIM key: %q is no domain", domain)
	}
	if _, _, ok := cutAddress("x@" + selector); !ok {
		return nil, fmt.Errorf("load DKIM key: the selector %q must be like a part of a domain", selector)
	}
	key, err := parseKey(pemKey)
	if err != nil {
		return nil, fmt.Errorf("load DKIM key: %w", err)
	}
	return &Signer{strings.ToLower(domain), strings.ToLower(selector), key}, nil
}

func parseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("this is no key in PEM: it begins with -----BEGIN PRIVATE KEY-----")
	case strings.Contains(block.Type, "PUBLIC"):
		return nil, errors.New("this is the public key: the private one is needed")
	case strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
		return nil, errors.New("the key is encrypted: store it without a password, readable for Crier only")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return longEnough(key)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key cannot be read: it must be RSA or Ed25519, as PKCS #1 or #8")
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return longEnough(key)
	case ed25519.PrivateKey:
		return key, nil
	default:
		return nil, errors.New("the key is of a kind that DKIM does not know: it must be RSA or Ed25519")
	}
}

func longEnough(key *rsa.PrivateKey) (crypto.Signer, error) {
	if bits := key.N.BitLen(); bits < rsaBitsMin {
		return nil, fmt.Errorf("an RSA key of %d bits is believed by nobody: make one of %d", bits, rsaBits)
	}
	return key, nil
}

// Record is the TXT record that has to stand in DNS for the signatures to be
// believed. Sources: RFC 6376, section 3.6.1; RFC 8463, section 4.
func (s *Signer) Record() (name, value string) {
	name = s.selector + "._domainkey." + s.domain
	switch public := s.key.Public().(type) {
	case ed25519.PublicKey:
		return name, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	default: // RSA, which every PKIX encoder knows
		der, _ := x509.MarshalPKIXPublicKey(public)
		return name, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
}

// Sign returns a mail with the signature in front of it.
func (s *Signer) Sign(data []byte) ([]byte, error) {
	signature, err := dkim.NewSigner(&dkim.SignOptions{
		Domain:                 s.domain,
		Selector:               s.selector,
		Signer:                 s.key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             fieldsToSign(data),
	})
	if err != nil {
		return nil, fmt.Errorf("sign mail: %w", err)
	}
	_, err = signature.Write(data)
	if err := errors.Join(err, signature.Close()); err != nil {
		return nil, fmt.Errorf("sign mail: %w", err)
	}
	return append([]byte(signature.Signature()), data...), nil
}

// fieldsToSign lists the fields for the signature of one mail.
func fieldsToSign(data []byte) []string {
	header, _, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	present := make(map[string]int)
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && isWord(string(name)) {
			present[strings.ToLower(string(name))]++
		}
	}
	names := make([]string, 0, len(signedFields)+len(oversigned))
	for _, name := range signedFields {
		for range present[strings.ToLower(name)] {
			names = append(names, name)
		}
	}
	return append(names, oversigned...)
}
