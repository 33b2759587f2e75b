package mail_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/mail"
)

// noted is a journey that notes what it is told.
type noted struct {
	err  error
	in   []conversation.Inbound
	told []string
}

func (n *noted) Handle(_ context.Context, in conversation.Inbound) error {
	n.in = append(n.in, in)
	return n.err
}

func (n *noted) Bounced(_ context.Context, channel string, id int64, hard bool, reason string) error {
	n.told = append(n.told, fmt.Sprint(channel, " ", id, map[bool]string{true: " bounced: ", false: " came back: "}[hard], reason))
	return n.err
}

func (n *noted) Complained(_ context.Context, channel string, id int64) error {
	n.told = append(n.told, fmt.Sprint(channel, " ", id, " complained"))
	return n.err
}

func (n *noted) Unsubscribe(_ context.Context, channel string, id int64) error {
	n.told = append(n.told, fmt.Sprint(channel, " ", id, " unsubscribed"))
	return n.err
}

var (
	receivedAt = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	seal       = mail.NewSeal(bytes.Repeat([]byte{7}, 32))
)

// newReceiver has a mailbox for the community river, and one for all.
func newReceiver(n *noted) (*mail.Receiver, *bytes.Buffer) {
	var log bytes.Buffer
	return &mail.Receiver{
		Mailboxes: []mail.Mailbox{
			{Address: "river@lets.example", Detail: "+", Community: "river"},
			{Address: "plain@isp.example", Community: "plain"},
			{Address: "crier@lets.example", Detail: "+"},
		},
		Seal: seal, Journey: n, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return receivedAt },
		Serves: func(slug string) bool { return slug == "river" || slug == "lake" },
		Verifier: mail.Verifier{
			Now:       func() time.Time { return receivedAt },
			LookupTXT: func(context.Context, string) ([]string, error) { return nil, nil },
		},
	}, &log
}

// written is a mail of Luc's; the lines replace or add fields.
func written(body string, lines ...string) []byte {
	fields := []string{
		"From: Luc Martin <Luc@Example.org>", "To: river@lets.example", "Subject: eggs", "Date: Wed, 25 Nov 2026 08:59:00 +0000",
		"Message-ID: <1@example.org>", "Content-Type: text/plain; charset=utf-8",
	}
	for _, l := range lines {
		name, _, _ := strings.Cut(l, ":")
		fields = slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, name+":") })
		fields = append(fields, l)
	}
	return []byte(strings.Join(fields, "\r\n") + "\r\n\r\n" + body + "\r\n")
}

const vouched = "Authentication-Results: mx.lets.example; dmarc=pass header.from=example.org; spf=pass smtp.mailfrom=example.org"

func hear(t *testing.T, r *mail.Receiver, raw []byte) {
	t.Helper()
	if err := r.Hear(t.Context(), raw, mail.Envelope{AuthservIDs: []string{"mx.lets.example"}}); err != nil {
		t.Fatalf("hear: %v\n%s", err, raw)
	}
}

func TestAPersonsMailIsHandedOver(t *testing.T) {
	n := &noted{}
	r, log := newReceiver(n)
	raw := written("pay maria 5 for eggs\r\n\r\n-- \r\nLuc Martin\r\n", "References: <0@example.org>")
	hear(t, r, raw)
	hear(t, r, append([]byte(vouched+"\r\nReceived: from mx.example.org by mx.lets.example; Wed, 25 Nov 2026 09:00:00 +0000\r\n"), raw...))
	if len(n.in) != 2 {
		t.Fatalf("handed over %+v", n.in)
	}
	in := n.in[0]
	if in.Channel != "email" || in.From != "luc@example.org" || in.Text != "pay maria 5 for eggs" || in.Name != "Luc Martin" ||
		in.Community != "river" || in.Trust != conversation.Claimed || in.Answers != 0 || !in.At.Equal(receivedAt) || !strings.Contains(in.Thread, "eggs") {
		t.Errorf("handed over %+v", in)
	}
	if again := n.in[1]; again.ID != in.ID || again.Trust != conversation.Proven {
		t.Errorf("the same mail, vouched for by our server, is %q %s and was %q", again.ID, again.Trust, in.ID)
	}
	if said := log.String(); !strings.Contains(said, "trust=claimed") || !strings.Contains(said, "trust=proven") || !strings.Contains(said, "why=") {
		t.Errorf("the log says %s", said)
	}
	for _, secret := range []string{"luc@", "maria", "eggs"} {
		if strings.Contains(strings.ToLower(log.String()), secret) {
			t.Errorf("the log says %q: %s", secret, log)
		}
	}
}

func TestWhichCommunityAMailIsFor(t *testing.T) {
	for to, want := range map[string][]string{
		"To: river@lets.example":                                    {"river"},
		"To: RIVER@lets.example, lake@elsewhere.example":            {"river"},
		"To: river+anything@lets.example":                           {"river"},
		"To: crier+lake@lets.example":                               {"lake"},
		"To: crier@lets.example":                                    {""},
		"To: crier+nowhere@lets.example":                            {""},
		"To: crier+" + seal.Token('c', 9) + "@lets.example":         {""},
		"To: crier+lake@lets.example, river@lets.example":           {"lake"}, // of nobody knows whom
		"To: crier@lets.example, river@lets.example":                {"river"},
		"To: undisclosed-recipients:;":                              {""},
		"To: friend@example.org\r\nDelivered-To: plain@isp.example": {"plain"},
		"To: river@lets.example\r\nDelivered-To: plain@isp.example": {"river"},
	} {
		n := &noted{}
		r, _ := newReceiver(n)
		hear(t, r, written("balance", to))
		var got []string
		for _, in := range n.in {
			got = append(got, in.Community)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: for %q, want %q", to, got, want)
		}
	}
}

func TestAProvenMailGoesToAllItsCommunities(t *testing.T) {
	n := &noted{}
	r, _ := newReceiver(n)
	raw := written("offer honey", "To: crier+lake@lets.example, river@lets.example, plain@isp.example")
	hear(t, r, append([]byte(vouched+"\r\nReceived: from mx.example.org by mx.lets.example; Wed, 25 Nov 2026 09:00:00 +0000\r\n"), raw...))
	var got []string
	ids := map[string]bool{}
	for _, in := range n.in {
		got = append(got, in.Community)
		ids[in.ID] = true
	}
	if !slices.Equal(got, []string{"lake", "river", "plain"}) || len(ids) != 3 {
		t.Errorf("handed over to %q, by %d ids", got, len(ids))
	}
}

// What one mailbox's server says counts in that mailbox alone.
func TestAnotherServersWordDoesNotCount(t *testing.T) {
	n := &noted{}
	r, _ := newReceiver(n)
	raw := append([]byte("Received: from x by mail\r\n"+vouched+"\r\n"), written("pay maria 5")...)
	if err := r.Hear(t.Context(), raw, mail.Envelope{AuthservIDs: []string{"mx.other.example"}}); err != nil {
		t.Fatal(err)
	}
	if len(n.in) != 1 || n.in[0].Trust != conversation.Claimed {
		t.Errorf("handed over %+v", n.in)
	}
}

// Whatever is sent in a member's name, what is proven theirs is still heard.
func TestForgersDoNotUseUpWhatAMemberMaySend(t *testing.T) {
	n := &noted{}
	r, _ := newReceiver(n)
	r.PerHour = 5
	for i := range 20 {
		hear(t, r, written(fmt.Sprint("pay mallory ", i)))
	}
	before := len(n.in)
	hear(t, r, append([]byte(vouched+"\r\nReceived: from mx.example.org by mx.lets.example; Wed, 25 Nov 2026 09:00:00 +0000\r\n"), written("wrong")...))
	hear(t, r, written("no", "To: river+"+seal.Token(mail.Answering, 3)+"@lets.example"))
	if before != 5 || len(n.in) != 7 || n.in[5].Trust != conversation.Proven || n.in[6].Answers != 3 {
		t.Errorf("%d forged mails were handed over, and then %+v", before, n.in[before:])
	}
}

func TestPhotosAreKeptOfProvenMailsOnly(t *testing.T) {
	jpeg := "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + strings.Repeat("x", 40_000)
	body := "--b\r\nContent-Type: text/plain\r\n\r\noffer honey\r\n--b\r\nContent-Type: image/jpeg; name=honey.jpg\r\nContent-Disposition: attachment\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(jpeg)) + "\r\n--b--\r\n"
	raw := written(body, "Content-Type: multipart/mixed; boundary=b")
	n := &noted{}
	r, _ := newReceiver(n)
	hear(t, r, raw)
	hear(t, r, append([]byte(vouched+"\r\nReceived: from mx.example.org by mx.lets.example; Wed, 25 Nov 2026 09:00:00 +0000\r\n"), raw...))
	if len(n.in) != 2 || len(n.in[0].Photos) != 0 || len(n.in[1].Photos) != 1 || n.in[1].Photos[0].Type != "image/jpeg" || string(n.in[1].Photos[0].Data) != jpeg {
		t.Errorf("handed over %d mails", len(n.in))
	}
}

func TestATooLargePhotoIsSaidOfProvenMailsOnly(t *testing.T) {
	jpeg := "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + strings.Repeat("x", 9<<20)
	raw := written("--b\r\nContent-Type: text/plain\r\n\r\noffer honey\r\n--b\r\nContent-Type: image/jpeg; name=honey.jpg\r\n"+
		"Content-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte(jpeg))+"\r\n--b--\r\n", "Content-Type: multipart/mixed; boundary=b")
	n := &noted{}
	r, _ := newReceiver(n)
	hear(t, r, raw)
	hear(t, r, append([]byte(vouched+"\r\nReceived: from mx.example.org by mx.lets.example; Wed, 25 Nov 2026 09:00:00 +0000\r\n"), raw...))
	if len(n.in) != 2 || n.in[0].Unusable != "" || n.in[1].Unusable != conversation.TooLarge || len(n.in[1].Photos) != 0 {
		t.Errorf("handed over %d mails, with photos that are %q", len(n.in), n.in[len(n.in)-1].Unusable)
	}
}

// Mails from a domain whose DNS does not answer do not hold up all others.
func TestASilentDNSIsNotAskedAgainAndAgain(t *testing.T) {
	n := &noted{}
	r, _ := newReceiver(n)
	now, asked := receivedAt, map[string]int{}
	r.Now = func() time.Time { return now }
	r.Verifier.LookupTXT = func(_ context.Context, name string) ([]string, error) {
		asked[name[strings.LastIndex(name, "._domainkey.")+12:]]++
		return nil, &net.DNSError{Err: "no answer", Name: name, IsTimeout: true}
	}
	sign := func(domain string, i int) []byte {
		return written("balance", fmt.Sprintf("From: luc%d@%s", i, domain),
			"DKIM-Signature: v=1; a=rsa-sha256; d="+domain+"; s=k; h=From:To:Subject:Date; bh=AAAA; b=AAAA")
	}
	for i := range 10 {
		hear(t, r, sign("evil.example", i))
	}
	hear(t, r, sign("good.example", 1))
	now = now.Add(11 * time.Minute)
	hear(t, r, sign("evil.example", 11))
	if asked["evil.example"] > 2 || asked["good.example"] != 1 || len(n.in) != 12 {
		t.Errorf("asked %v, and heard %d mails of 12", asked, len(n.in))
	}
}

func TestWhatALetterAnswersIsKnownByItsToken(t *testing.T) {
	token := seal.Token(mail.Answering, 77)
	for fields, want := range map[string]int64{
		"To: river+" + token + "@lets.example":                                        77,
		"To: RIVER+" + strings.ToUpper(token) + "@LETS.example":                       77,
		"To: river@lets.example\r\nDelivered-To: river+" + token + "@lets.example":    77,
		"To: plain@isp.example\r\nIn-Reply-To: <" + token + "@isp.example>":           77,
		"To: river+" + token[:20] + "@lets.example":                                   0,
		"To: river+" + mail.NewSeal([]byte("other")).Token('c', 77) + "@lets.example": 0,
		"To: plain@isp.example\r\nReferences: <" + token + "@isp.example>":            0, // somebody to whom the thread was passed on
	} {
		n := &noted{}
		r, _ := newReceiver(n)
		hear(t, r, written("yes", fields))
		if len(n.in) != 1 || n.in[0].Answers != want {
			t.Errorf("%s: %+v, want the letter %d", fields, n.in, want)
		}
	}
}

func TestMachinesGetNoAnswer(t *testing.T) {
	for what, raw := range map[string][]byte{
		"out of office":       written("I am away", "Auto-Submitted: auto-replied"),
		"a list":              written("news", "List-Id: <news.example.org>", "Precedence: list"),
		"our own letter":      written("balance", "From: river@lets.example"),
		"our own subaddress":  written("balance", "From: crier+lake@lets.example"),
		"nobody":              written("balance", "From: a@example.org, b@example.org"),
		"to where bounces go": written("pay maria 5", "To: river+"+seal.Token(mail.Bouncing, 5)+"@lets.example"),
	} {
		n := &noted{}
		r, log := newReceiver(n)
		hear(t, r, raw)
		if len(n.in) != 0 || len(n.told) != 0 {
			t.Errorf("%s: handed over %+v, told %q", what, n.in, n.told)
		}
		if log.Len() == 0 {
			t.Errorf("%s: the log says nothing", what)
		}
	}
}

const report = `--b
Content-Type: text/plain

Your mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; luc@example.org
Action: %s
Status: %s
Diagnostic-Code: smtp; 550 no such user here

--b
Content-Type: message/rfc822

From: river@lets.example
To: luc@example.org
Message-ID: <%s>
Subject: eggs

Pay Maria 5?
--b--
`

func bounceMail(action, status, returned string, lines ...string) []byte {
	body := strings.ReplaceAll(fmt.Sprintf(report, action, status, returned), "\n", "\r\n")
	return written(body, append([]string{
		"From: Mail Delivery System <mailer-daemon@example.org>", "Auto-Submitted: auto-replied",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b",
	}, lines...)...)
}

func TestBouncesAreMatchedToLetters(t *testing.T) {
	byID := seal.Token(mail.Answering, 8) + "@isp.example"
	const plain = "To: plain@isp.example" // without subaddresses: nothing else is there to go by
	verp := "To: river+" + seal.Token(mail.Bouncing, 9) + "@lets.example"
	for what, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"by the returned Message-ID":      {bounceMail("failed", "5.1.1", byID, plain), "email 8 bounced: 5.1.1"},
		"by an id that others have seen":  {bounceMail("failed", "5.1.1", byID), ""},
		"by the address":                  {bounceMail("failed", "5.1.1", "x@y.example", verp), "email 9 bounced: 5.1.1"},
		"only late":                       {bounceMail("delayed", "4.4.1", byID, plain), ""},
		"a full mailbox":                  {bounceMail("failed", "5.2.2", byID, plain), "email 8 came back: 5.2.2"},
		"about somebody else's mail":      {bounceMail("failed", "5.1.1", "x@y.example"), ""},
		"forged, for a letter made up":    {bounceMail("failed", "5.1.1", "c."+strings.Repeat("0", 29)+"@lets.example"), ""},
		"a token good for something else": {bounceMail("failed", "5.1.1", seal.Token(mail.Unsubscribing, 8)+"@lets.example"), ""},
	} {
		n := &noted{}
		r, _ := newReceiver(n)
		hear(t, r, c.raw)
		got := strings.Join(n.told, "; ")
		if len(n.in) != 0 || c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: told %q, want %q", what, got, c.want)
		}
	}
}

func TestComplaintsAndUnsubscribing(t *testing.T) {
	n := &noted{}
	r, _ := newReceiver(n)
	body := "--b\r\nContent-Type: text/plain\r\n\r\nabuse\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: river@lets.example\r\nMessage-ID: <" + seal.Token(mail.Answering, 4) + "@lets.example>\r\n\r\nnews\r\n--b--\r\n"
	hear(t, r, written(body, "From: feedback@provider.example", "Content-Type: multipart/report; report-type=feedback-report; boundary=b"))
	hear(t, r, written("", "To: river+"+seal.Token(mail.Unsubscribing, 5)+"@lets.example", "Auto-Submitted: auto-generated"))
	hear(t, r, written("", "To: plain@isp.example", "Subject: "+seal.Token(mail.Unsubscribing, 6)))
	if want := []string{"email 4 complained", "email 5 unsubscribed", "email 6 unsubscribed"}; !slices.Equal(n.told, want) || len(n.in) != 0 {
		t.Errorf("told %q and %+v, want %q", n.told, n.in, want)
	}
}

func TestOneSenderCannotWriteWithoutEnd(t *testing.T) {
	n := &noted{}
	r, log := newReceiver(n)
	r.PerHour = 5
	now := receivedAt
	r.Now = func() time.Time { return now }
	for i := range 20 {
		hear(t, r, written(fmt.Sprint("balance ", i)))
	}
	hear(t, r, written("balance", "From: maria@example.org"))
	if len(n.in) != 6 || n.in[5].From != "maria@example.org" || !strings.Contains(log.String(), "too many of one sender") {
		t.Errorf("%d mails were handed over, want 5 of Luc's and Maria's", len(n.in))
	}
	now = now.Add(time.Hour)
	hear(t, r, written("balance, please"))
	if len(n.in) != 7 {
		t.Error("an hour later Luc is still not heard")
	}
}

func TestWhatIsNotKeptIsSentAgain(t *testing.T) {
	n := &noted{err: errors.New("the database is away")}
	r, _ := newReceiver(n)
	for range 100 { // as long as it takes
		if err := r.Hear(t.Context(), written("balance"), mail.Envelope{}); !errors.Is(err, n.err) {
			t.Fatalf("a mail that was not kept is taken as dealt with: %v", err)
		}
	}
	for what, raw := range map[string][]byte{
		"a message":     written("balance"),
		"a bounce":      bounceMail("failed", "5.1.1", "x@y.example", "To: river+"+seal.Token(mail.Bouncing, 8)+"@lets.example"),
		"unsubscribing": written("", "To: river+"+seal.Token(mail.Unsubscribing, 5)+"@lets.example"),
	} {
		if err := r.Hear(t.Context(), raw, mail.Envelope{}); !errors.Is(err, n.err) || mail.IsMailError(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := r.Hear(t.Context(), []byte("\x00\x01\x02"), mail.Envelope{}); !mail.IsMailError(err) {
		t.Errorf("what is no mail: %v", err)
	}
}

func TestWhoIsThere(t *testing.T) {
	r, _ := newReceiver(&noted{})
	for address, want := range map[string]bool{
		"river@lets.example": true, "River@LETS.example": true, "crier+lake@lets.example": true,
		"river+" + seal.Token(mail.Answering, 1) + "@lets.example": true, "crier+" + seal.Token(mail.Bouncing, 1) + "@lets.example": true,
		"river+x@lets.example": false, "crier+nowhere@lets.example": false, "other@lets.example": false, "plain+x@isp.example": false,
		"river@isp.example": false, "": false, "river": false, "@lets.example": false,
	} {
		if got := r.Takes(address); got != want {
			t.Errorf("a mail to %q is taken: %t", address, got)
		}
	}
}

func TestUnsubscribePage(t *testing.T) {
	n := &noted{}
	texts := func(*http.Request) mail.PageTexts {
		return mail.PageTexts{Locale: "en", Text: func(key string) string { return "<" + key + ">" }}
	}
	page := mail.UnsubscribePage(seal, n, texts, slog.New(slog.DiscardHandler))
	ask := func(method, token string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/mail/unsubscribe/"+token, strings.NewReader("List-Unsubscribe=One-Click")))
		return w
	}
	good := seal.Token(mail.Unsubscribing, 6)
	if w := ask("GET", good); w.Code != 200 || !strings.Contains(w.Body.String(), "&lt;button&gt;") || len(n.told) != 0 {
		t.Errorf("looking at the page: %d %s, told %q", w.Code, w.Body, n.told)
	}
	if w := ask("POST", good); w.Code != 200 || !slices.Equal(n.told, []string{"email 6 unsubscribed"}) || !strings.Contains(w.Body.String(), "done") {
		t.Errorf("pressing: %d %s, told %q", w.Code, w.Body, n.told)
	}
	for token, status := range map[string]int{"": 404, "x": 404, seal.Token(mail.Answering, 6): 404} {
		if w := ask("POST", token); w.Code != status || len(n.told) != 1 {
			t.Errorf("with the token %q: %d", token, w.Code)
		}
	}
	if w := ask("PUT", good); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
	n.err = errors.New("the database is away")
	if w := ask("POST", good); w.Code != http.StatusServiceUnavailable {
		t.Errorf("with the database away: %d", w.Code)
	}
}
