package android

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

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

// refusal is an answer of the server that is not 2xx. What it says in words is
// kept out of the error: it may repeat a number or an address.
type refusal struct {
	status int
	says   string        // its "message", "" where there is none
	after  time.Duration // its Retry-After, 0 where there is none
}

func (r *refusal) Error() string {
	return fmt.Sprintf("it answers %d %s", r.status, http.StatusText(r.status))
}

// refused reports whether an error is a refusal of that status.
func refused(err error, status int) bool {
	r := (*refusal)(nil)
	return errors.As(err, &r) && r.status == status
}

// call makes one request and decodes its answer. in and out are JSON, nil for
// none.
func (g *gateway) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, g.base+path, bytes.NewReader(body))
	if err != nil {
		return errors.New("the url cannot be used") // the error would repeat it
	}
	request.SetBasicAuth(g.settings.User, g.settings.Secret)
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := g.client.Do(request)
	if err != nil {
		if inURL := (*url.Error)(nil); errors.As(err, &inURL) {
			err = inURL.Err // without the URL
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
			Message string `json:"message"`
		}
		_ = json.Unmarshal(answer, &says) // a proxy says it otherwise
		return &refusal{status: response.StatusCode, says: says.Message, after: sms.RetryAfter(response.Header, g.line.Now())}
	}
	if out != nil && json.Unmarshal(answer, out) != nil {
		return errors.New("the answer is not in its format: is the url right?")
	}
	return nil
}
