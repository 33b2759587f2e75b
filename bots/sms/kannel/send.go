package kannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"crier/bots/sms"
)

// answerMax is how much of an answer is read, in bytes.
const answerMax = 1 << 20

// newClient makes a client that goes nowhere else than it is told to: a
// redirect would carry the password along.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// What is asked of sendsms (User's Guide, section "SMS-PUSH reference").
const (
	codingGSM  = "0"
	codingUCS2 = "2"
	maskAll    = "31" // receipts of all sorts: see receipt
)

// Submit hands a text to smsbox, which answers when bearerbox has it in its
// store.
func (g *gateway) Submit(ctx context.Context, text sms.Text) (string, error) {
	for _, p := range parts(text) {
		answer, err := g.call(ctx, g.request(text, p))
		if err != nil {
			return "", err
		}
		if err := answer.meaning(); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (g *gateway) request(text sms.Text, p part) url.Values {
	q := url.Values{
		"from": {g.settings.From()}, "to": {text.To}, "text": {p.body}, "charset": {"UTF-8"}, "coding": {codingUCS2},
		"validity": {strconv.FormatInt(max(int64(text.Valid/time.Minute), 1), 10)}, // in minutes
	}
	if text.GSM {
		q.Set("coding", codingGSM)
	}
	if p.header != "" {
		q.Set("udh", p.header)
	}
	if g.settings.Hook != "" {
		q.Set("dlr-mask", maskAll)
		// Kannel fills in the kind of the receipt, and what the operator says.
		q.Set("dlr-url", g.settings.Hook+"receipt?id="+strconv.FormatInt(text.ID, 10)+"&s=%d&r=%A")
	}
	return q
}

// part is what is handed over at once.
type part struct {
	header string // user data header, "" for none
	body   string
}

// What one short message holds, in UTF-16 code units: alone, and with a header
// that tells it from the other parts.
const (
	ucs2Alone = 70
	ucs2Part  = 67
)

// parts are what a text is handed over in. Kannel cuts long texts itself, but
// between any two UTF-16 code units: a telephone then shows neither half of an
// emoji. Only such a text is cut here (3GPP TS 23.040, section 9.2.3.24.1).
func parts(text sms.Text) []part {
	units := utf16.Encode([]rune(text.Body))
	if text.GSM || len(units) <= ucs2Alone || !cutsPair(units) {
		return []part{{body: text.Body}}
	}
	var cut []part
	for len(units) > 0 {
		n := min(ucs2Part, len(units))
		if n < len(units) && isHigh(units[n-1]) {
			n--
		}
		cut = append(cut, part{body: string(utf16.Decode(units[:n]))})
		units = units[n:]
	}
	for i := range cut {
		cut[i].header = string([]byte{5, 0, 3, byte(text.ID), byte(len(cut)), byte(i + 1)})
	}
	return cut
}

// cutsPair reports whether Kannel would cut a surrogate pair.
func cutsPair(units []uint16) bool {
	for i := ucs2Part; i < len(units); i += ucs2Part {
		if isHigh(units[i-1]) {
			return true
		}
	}
	return false
}

func isHigh(unit uint16) bool { return unit&0xfc00 == 0xd800 }

// answer is what smsbox answers.
type answer struct {
	status int
	says   string
}

// call makes a request of smsbox.
func (g *gateway) call(ctx context.Context, query url.Values) (answer, error) {
	u := g.sendsms
	for key, values := range u.Query() {
		if !query.Has(key) {
			query[key] = values
		}
	}
	query.Set("username", g.settings.User)
	query.Set("password", g.settings.Secret)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, errors.New("the url cannot be used") // the error would repeat it
	}
	response, err := g.client.Do(request)
	if err != nil {
		if inURL := (*url.Error)(nil); errors.As(err, &inURL) {
			err = inURL.Err // without the URL, which has the password and the text in it
		}
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{status: response.StatusCode, says: strings.TrimSpace(string(body))}, nil
}

// meaning says what an answer means for the text, nil if it was taken. What
// smsbox says is in the User's Guide only in part; this is all of version 1.4.5.
func (a answer) meaning() error {
	says := func(words string) bool { return strings.Contains(a.says, words) }
	switch a.status {
	case http.StatusAccepted:
		// "0: Accepted for delivery", "3: Queued for later delivery", and
		// "Sent." of one that does not wait for bearerbox.
		if strings.HasPrefix(a.says, "0:") || strings.HasPrefix(a.says, "3:") || strings.HasPrefix(a.says, "Sent.") {
			return nil
		}
	case http.StatusForbidden:
		// "Do not try again", it adds; but it says so too when the operator
		// has refused the login of the only link, or a link was stopped.
		if says("Not routable") {
			return errors.New("no link of Kannel takes texts to that number")
		}
		return sms.Locked(errors.New("user or secret are wrong, or user-allow-ip does not name this machine"))
	case http.StatusBadRequest:
		switch {
		case says("black-lists"):
			return sms.BadNumber(errors.New("a white-list or black-list of Kannel refuses the number"))
		case says("Charset or body"):
			return sms.Rejected(errors.New("the text cannot be read"))
		case says("Sender missing"):
			return sms.Locked(errors.New("a sender is wanted"))
		}
	case http.StatusServiceUnavailable:
		return sms.Busy(errors.New("bearerbox takes no more for now"), 0)
	}
	return fmt.Errorf("it answers %d %s: is the url right?", a.status, http.StatusText(a.status))
}
