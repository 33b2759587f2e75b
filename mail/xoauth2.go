package mail

import "github.com/emersion/go-sasl"

// XOAUTH2 is the mechanism of that name, with which the large providers take an
// OAuth 2 access token in place of a password, at IMAP and at SMTP. The library
// does not have it. Source: Google's "OAuth 2.0 Mechanism".
const XOAUTH2 = "XOAUTH2"

// NewXOAUTH2 logs a user in with an access token.
func NewXOAUTH2(user, token string) sasl.Client { return xoauth2{user, token} }

type xoauth2 struct{ user, token string }

func (x xoauth2) Start() (mechanism string, first []byte, err error) {
	return XOAUTH2, []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next answers the one challenge there is, which says why the login failed: the
// server then ends it with an error.
func (x xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
