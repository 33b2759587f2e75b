package digest_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"net/url"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"golang.org/x/net/html"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/mail"
	"crier/mail/mailtest"
	"crier/mail/smtp"
)

// A digest goes through a real Postfix into a real Dovecot. What Maria finds there
// reads the same with and without pictures, no spam checker minds it, its button
// takes an ad, and one click ends it.
func TestDigestIsDelivered(t *testing.T) {
	t.Parallel()
	const maria = "maria@members.test"
	dovecot := mailtest.StartDovecot(t, mailtest.DovecotOptions{})
	dovecot.User(maria, "secret")
	postfix := mailtest.StartPostfix(t, mailtest.PostfixOptions{Dovecot: dovecot, Domains: []string{"members.test"}})

	h := newHost(t, storetest.SQLiteDB(t), time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC))
	id := h.town("river", "UTC", 1)
	h.joins(id, "Maria Keller", "email", maria)
	h.tick(h.now) // from here on ads are new
	h.says("email", "m0@river.example", "offer sourdough bread & cakes for 5", photo(t))
	h.offers(id, "evenings of \u202e\u200fguitar <b>& song</b>, see http://free.example/?track=1")

	clock := func() time.Time { return h.now }
	seal := mail.NewSeal(bytes.Repeat([]byte{7}, 32))
	client := smtp.New(smtp.Config{URL: "smtps://" + postfix.SMTPSAddr, TLS: postfix.CA.Client()}, slog.New(slog.DiscardHandler))
	defer client.Close()
	post := mail.Post{&mail.Outlet{
		Letterhead: &mail.Letterhead{Address: "river@lets.test", Detail: "+", Seal: seal, Now: clock, Unsubscribe: "https://crier.example/mail/unsubscribe/"},
		Transport:  client,
	}}
	deliver := func(sent []conversation.Outbound) (n int) {
		for _, o := range sent {
			if o.Address == maria {
				_, err := post.Send(t.Context(), o)
				must(t, err)
				n++
			}
		}
		return n
	}
	if n := deliver(h.tick(time.Date(2026, 3, 6, 8, 0, 0, 0, time.UTC))); n != 1 {
		t.Fatalf("%d digests for Maria", n)
	}
	raw := arrived(t, dovecot, maria)

	letter := readDelivered(t, raw)
	for _, want := range []string{"SOURDOUGH BREAD CAKES", "EVENINGS OF GUITAR B SONG B SEE HTTP FREE EXAMPLE TRACK 1", "2 NEW ADS IN RIVER"} {
		if !strings.Contains(saying(letter.plain), want) {
			t.Errorf("the text lacks %q:\n%s", want, letter.plain)
		}
	}
	if saying(letter.plain) != saying(letter.shown) {
		t.Errorf("the text says\n%s\nand the page\n%s", saying(letter.plain), saying(letter.shown))
	}
	if letter.photos != 1 || len(letter.links) != 6 {
		t.Errorf("there are %d photos and the links %q, want 1 and 6", letter.photos, letter.links)
	}
	checkSpam(t, regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllString(raw, "Date: "+time.Now().Format(time.RFC1123Z)+"\r")) // Postfix has another clock

	// The button.
	button, err := url.Parse(letter.links[0])
	must(t, err)
	now := &atOnce{host: h}
	receiver := &mail.Receiver{
		Mailboxes: []mail.Mailbox{{Address: "river@lets.test", Detail: "+", Community: "river"}}, Seal: seal, Journey: now, Now: clock,
		Log: slog.New(slog.DiscardHandler), Verifier: mail.Verifier{Now: clock},
	}
	must(t, receiver.Hear(t.Context(), fmt.Appendf(nil, "Authentication-Results: mx.test; dmarc=pass header.from=members.test; spf=pass smtp.mailfrom=members.test\r\n"+
		"Received: from members.test by mx.test; Fri, 06 Mar 2026 08:00:00 +0000\r\nFrom: Maria <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <1@members.test>\r\n\r\n%s\r\n",
		maria, button.Opaque, button.Query().Get("subject"), h.now.Format(time.RFC1123Z), button.Query().Get("body")), mail.Envelope{AuthservIDs: []string{"mx.test"}}))
	if !strings.Contains(now.answers, "Anna B0x") {
		t.Errorf("%q is answered: %q", button.Query().Get("body"), now.answers)
	}

	// One click: RFC 8058, section 3.1.
	page := httptest.NewServer(mail.UnsubscribePage(seal, h, func(*http.Request) mail.PageTexts {
		return mail.PageTexts{Locale: "en", Text: func(key string) string { return key }}
	}, slog.New(slog.DiscardHandler)))
	defer page.Close()
	if got := letter.header.Get("List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
		t.Errorf("List-Unsubscribe-Post: %q", got)
	}
	link := regexp.MustCompile(`<https://crier\.example(/[^>]+)>`).FindStringSubmatch(letter.header.Get("List-Unsubscribe"))
	if link == nil {
		t.Fatalf("List-Unsubscribe: %q", letter.header.Get("List-Unsubscribe"))
	}
	response, err := http.PostForm(page.URL+path.Clean(link[1]), url.Values{"List-Unsubscribe": {"One-Click"}})
	must(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("unsubscribing: %s", response.Status)
	}
	h.offers(id, "jam")
	if n := deliver(h.tick(time.Date(2026, 3, 13, 8, 0, 0, 0, time.UTC))); n != 0 {
		t.Errorf("%d digests after she has unsubscribed", n)
	}
}

// joins has a member join who can be reached at an address.
func (h *host) joins(id ledger.CommunityID, name, channel, address string) {
	h.t.Helper()
	must(h.t, h.db.Update(h.t.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Open(h.t.Context(), tx, id, h.now)
		if err != nil {
			return err
		}
		m, err := book.AddMember(h.t.Context(), ledger.NewMember{Name: name})
		if err != nil {
			return err
		}
		return book.Bind(h.t.Context(), m.ID, channel, address)
	}))
}

// says has somebody write, with photos, and returns the answers.
func (h *host) says(channel, from, text string, photos ...conversation.Photo) (answers []string) {
	h.t.Helper()
	in := conversation.Inbound{Channel: channel, ID: fmt.Sprint(channel, len(text), h.now), From: from, Text: text, Trust: conversation.Proven, At: h.now, Photos: photos}
	must(h.t, h.Now(h.t.Context(), in, func(o conversation.Outbound) { answers = append(answers, o.Text) }))
	return answers
}

// atOnce handles each message before it returns, and keeps what is answered.
type atOnce struct {
	*host
	answers string
}

func (a *atOnce) Handle(ctx context.Context, in conversation.Inbound) error {
	return a.Now(ctx, in, func(o conversation.Outbound) { a.answers += o.Text })
}

func photo(t *testing.T) conversation.Photo {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 1200, 900)), nil))
	return conversation.Photo{Type: "image/jpeg", Data: b.Bytes()}
}

// arrived waits for the only mail in an inbox.
func arrived(t *testing.T, d *mailtest.Dovecot, user string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if all := d.Messages(user, "INBOX"); len(all) == 1 {
			return all[0].Raw
		} else if time.Now().After(deadline) {
			t.Fatalf("there are %d mails", len(all))
		}
	}
}

// delivered is a letter as it is read.
type delivered struct {
	header       netmail.Header
	plain, shown string
	links        []string
	photos       int
}

func readDelivered(t *testing.T, raw string) (d delivered) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	must(t, err)
	d.header = m.Header
	e, err := message.Read(strings.NewReader(raw))
	must(t, err)
	must(t, e.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, _, err := part.Header.ContentType()
		if err != nil || strings.HasPrefix(kind, "multipart/") {
			return err
		}
		body, err := io.ReadAll(part.Body)
		switch kind {
		case "text/plain":
			d.plain = string(body)
		case "text/html":
			d.shown, d.links = shownOf(t, body)
		case "image/jpeg":
			if _, err := jpeg.Decode(bytes.NewReader(body)); err != nil {
				t.Errorf("a photo is none: %v", err)
			}
			d.photos++
		}
		return err
	}))
	return d
}

// shownOf is what a page shows, but for its buttons; and where these lead.
func shownOf(t *testing.T, page []byte) (text string, links []string) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	must(t, err)
	var b strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data != "a" && n.Parent.Data != "title":
			b.WriteString(n.Data)
		case n.Type == html.ElementNode && n.Data == "a":
			links = append(links, n.Attr[slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "href" })].Val)
		}
	}
	return b.String(), links
}

// saying is what a text says, however it is set.
func saying(text string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`[^\p{L}\p{N}]+`).ReplaceAllString(strings.ToUpper(text), " ")), " ")
}

// spamRule is a line of SpamAssassin's report: points and name.
var spamRule = regexp.MustCompile(`(?m)^ *(-?[0-9]+\.[0-9]) ([A-Z][A-Z0-9_]+) `)

// checkSpam fails where a spam checker's rules hold anything against a letter. The
// rules that ask the network are left out; so is what speaks for it.
func checkSpam(t *testing.T, raw string) {
	t.Helper()
	program, err := exec.LookPath("spamassassin")
	if err != nil {
		t.Fatal("there is no spamassassin here: apt install spamassassin")
	}
	check := exec.CommandContext(t.Context(), program, "--local", "--test-mode", "--nocreate-prefs")
	check.Env = append(check.Environ(), "HOME="+t.TempDir())
	check.Stdin = strings.NewReader(raw)
	report, err := check.Output()
	must(t, err)
	var score float64
	rules := spamRule.FindAllStringSubmatch(string(report[bytes.LastIndex(report, []byte("Content analysis details")):]), -1)
	for _, rule := range rules {
		t.Logf("%s %s", rule[1], rule[2])
		points, err := strconv.ParseFloat(rule[1], 64)
		must(t, err)
		score += max(0, points)
	}
	if len(rules) == 0 || score >= 2 {
		t.Errorf("a spam checker gives it %.1f points:\n%s", score, report[max(0, len(report)-3000):])
	}
}
