package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crier/bots/sms"
)

// answerMax is how much of an answer is read, in bytes.
const answerMax = 4 << 20 // a page of 1000 messages of 1600 characters

// newClient makes a client that goes nowhere else than it is told to: a
// redirect would carry the token along.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// message is a message resource, as far as it is read.
type message struct {
	SID         string `json:"sid"`
	Direction   string `json:"direction"` // "inbound", "outbound-api" …
	Status      string `json:"status"`
	From        string `json:"from"`
	To          string `json:"to"`
	Body        string `json:"body"`
	DateCreated string `json:"date_created"` // RFC 2822
	ErrorCode   int    `json:"error_code"`   // of one that failed; null is 0
}

// created is when Twilio made it, the zero time where it does not say.
func (m message) created() time.Time {
	at, err := time.Parse(time.RFC1123Z, m.DateCreated)
	if err != nil {
		return time.Time{}
	}
	return at
}

// page is a part of a list.
type page struct {
	Messages []message `json:"messages"`
	Next     string    `json:"next_page_uri"` // "" where it is the last
}

// refusal is an answer that is not 2xx. What it says in words is kept out of
// the error: it repeats the number.
type refusal struct {
	status int
	code   int           // Twilio's, 0 where it is somebody else's answer
	after  time.Duration // its Retry-After, 0 where there is none
}

func (r *refusal) Error() string {
	if r.code == 0 {
		return fmt.Sprintf("it answers %d %s", r.status, http.StatusText(r.status))
	}
	return fmt.Sprintf("Twilio's error %d (https://www.twilio.com/docs/api/errors/%d)", r.code, r.code)
}

func (g *gateway) get(ctx context.Context, address string, out any) error {
	return g.call(ctx, http.MethodGet, address, "", out)
}

func (g *gateway) post(ctx context.Context, address string, form url.Values, out any) error {
	return g.call(ctx, http.MethodPost, address, form.Encode(), out)
}

func (g *gateway) call(ctx context.Context, method, address, body string, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return errors.New("the url cannot be used") // the error would repeat it
	}
	request.SetBasicAuth(g.login, g.settings.Secret)
	request.Header.Set("Accept", "application/json")
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := g.client.Do(request)
	if err != nil {
		if inURL := (*url.Error)(nil); errors.As(err, &inURL) {
			err = inURL.Err // without the URL, whose query has the number
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		var says struct {
			Code int `json:"code"`
		}
		_ = json.Unmarshal(answer, &says) // a proxy says it otherwise
		return &refusal{status: response.StatusCode, code: says.Code, after: sms.RetryAfter(response.Header, g.line.Now())}
	}
	if json.Unmarshal(answer, out) != nil {
		return errors.New("the answer is not Twilio's: is the url right?")
	}
	return nil
}

// list goes through messages, the latest first, until more returns false. It
// reads at most pagesMost pages.
func (g *gateway) list(ctx context.Context, query url.Values, more func(message) bool) error {
	for range pagesMost {
		var p page
		if err := g.get(ctx, g.messages+".json?"+query.Encode(), &p); err != nil {
			return err
		}
		for _, m := range p.Messages {
			if !more(m) {
				return nil
			}
		}
		// Of the next page's address only the query is used: the login goes
		// nowhere else.
		next, err := url.Parse(p.Next)
		if err != nil || p.Next == "" {
			return nil
		}
		query = next.Query()
	}
	return nil
}

const (
	pageSize  = "200"
	pagesMost = 50
)
