// Package mail is the e-mail channel: it reads what comes, decides how far the
// sender can be believed, and makes letters of what Crier says.
//
// read.go makes a Mail of the bytes of one; trust.go says whose it is;
// receive.go hands it over, or deals with what machines write; compose.go makes
// letters. How mails come and go is in the packages below: imap, lmtp and smtp.
package mail

import (
	"time"
)

// Channel is the channel's name, as in conversation.Inbound.Channel.
const Channel = "email"

// MaxSize is how much of a mail is looked at, in bytes: photos of a few
// megabytes fit. A longer one is read up to there.
const MaxSize = 16 << 20

// Envelope is what the mail server said of a mail, outside of it, as far as
// that is known. Source: RFC 5321, section 3.3.
type Envelope struct {
	Known bool     // From is known: "" is then the null sender "<>" of notifications
	From  string   // MAIL FROM. Where it is not Known the header's Return-Path may tell
	To    []string // RCPT TO: those of ours that it came to

	// AuthservIDs are those whose Authentication-Results are believed in what
	// comes this way: of the server that holds the mailbox, or of the one that
	// hands mails over. See Verifier.
	AuthservIDs []string
}

// Kind says what wrote a mail.
type Kind string

// The kinds of mail. Only a Person is ever answered.
const (
	Person    Kind = "person"
	Auto      Kind = "auto"      // an automatic answer, a notification, our own mail
	List      Kind = "list"      // by way of a mailing list, or in bulk
	Bounce    Kind = "bounce"    // says that a mail did not arrive, or is late (RFC 3464, and free forms)
	Complaint Kind = "complaint" // says that somebody called a mail unwanted (RFC 5965)
)

// Mail is what Crier makes of one mail.
type Mail struct {
	// ID tells the mail from every other, and is the same whichever way and
	// however often it comes: it is made of the sender, the Date (or else the
	// Message-ID), the Subject and the body. A mail that is believed has all of
	// them signed: nobody can send it again as another.
	ID string

	From string   // the one address in the one From field, lower case, ASCII domain; "" where that is not so
	Name string   // what From calls itself
	To   []string // where it went: Envelope.To, Delivered-To, X-Original-To, Envelope-To, To, Cc; lower case, each once

	// Named is the part of To that the writer wrote: To and Cc.
	Named []string

	Subject    string    // decoded, on one line
	MessageID  string    // without < and >
	InReplyTo  []string  // likewise
	References []string  // likewise, oldest first
	Date       time.Time // of the Date field; zero where there is none that can be read

	Kind Kind
	Why  string // what made it that Kind, for the log and for a coordinator: "Auto-Submitted: auto-replied"; "" for a Person

	// Text is what the person wrote: without what they answer to, without
	// signature, and in lines as they wrote them. Where that is nothing it is
	// the Subject, without "Re:", unless the mail answers another.
	Text        string
	FromSubject bool // Text is the Subject

	Photos  []Photo  // at most 3
	Large   bool     // another one was larger than 8 MiB
	Ignored []string // the names or types of other attachments, at most 20
	Cut     bool     // the mail was longer than MaxSize, or had more parts than are looked at

	// Bounced is whom a Bounce or a Complaint is about, and Returned the
	// Message-ID of the mail that it is about, as far as it says.
	Bounced  []Bounced
	Returned string
}

// Photo is a picture that came with a mail: image/jpeg, image/png, image/webp,
// image/gif or image/heic, at most 8 MiB.
type Photo struct {
	Name string
	Type string
	Data []byte
}

// Bounced is one recipient whom a mail did not reach.
type Bounced struct {
	Address string // lower case: Original-Recipient, else Final-Recipient; "" where it does not say
	Hard    bool   // it will never arrive: another try is of no use (5.x.x but for a full mailbox)
	Failed  bool   // it is given up, now or for good; false: it is only late
	Status  string // "5.1.1", or "" where it does not say
	Reason  string // in the words of the server, on one line, at most 200 characters
}
