package africastalking

import (
	"context"
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
const answerMax = 1 << 20

var errFormat = errors.New("the answer is not in Africa's Talking's format: is the url right?")

// newClient makes a client that goes nowhere else than it is told to: a
// redirect would carry the key along.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// refusal is an answer that is not 2xx. What it says in words is kept out of
// the error: it may repeat a number.
type refusal struct {
	status int
	after  time.Duration // its Retry-After, 0 where there is none
}

func (r *refusal) Error() string {
	return fmt.Sprintf("it answers %d %s", r.status, http.StatusText(r.status))
}

// call makes one request, with a form if there is one, and returns its answer.
// One of 409 is an answer as well: it says what is wrong with a text.
func (g *gateway) call(ctx context.Context, method, path string, form url.Values) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, g.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the url cannot be used") // the error would repeat it
	}
	request.Header.Set("apiKey", g.settings.Secret)
	request.Header.Set("Accept", "application/json")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := g.client.Do(request)
	if err != nil {
		if inURL := (*url.Error)(nil); errors.As(err, &inURL) {
			err = inURL.Err // without the URL
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if s := response.StatusCode; (s < 200 || s > 299) && s != http.StatusConflict {
		return nil, &refusal{status: s, after: sms.RetryAfter(response.Header, g.line.Now())}
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return answer, nil
}
