package telegramtest

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// repeatAfter is how long the stand-in waits before it delivers a refused
// update again. Telegram waits longer, and ever longer.
const repeatAfter = 20 * time.Millisecond

// webhook is where updates are delivered to; its zero value: nowhere.
type webhook struct{ url, secret string }

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,256}$`)

// setWebhook takes plain http as well, which Telegram does not.
func (s *Server) setWebhook(form url.Values) (any, *Answer) {
	address, err := url.Parse(form.Get("url"))
	if err != nil || address.Host == "" {
		return nil, refused(400, "Bad Request: bad webhook: invalid url")
	}
	if !secretForm.MatchString(form.Get("secret_token")) {
		return nil, refused(400, "Bad Request: secret token contains unallowed characters")
	}
	s.hook = webhook{address.String(), form.Get("secret_token")}
	return true, nil
}

// Statuses are what the webhook has answered, one for each delivery; 0: nothing.
func (s *Server) Statuses() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statuses)
}

// deliver brings the updates to the webhook, if there is one, the oldest again
// and again until it is answered 2xx.
func (s *Server) deliver(ctx context.Context) {
	defer close(s.done)
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		err := s.until(ctx, "an update to deliver", func() bool { return s.hook.url != "" && len(s.updates) > 0 })
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.hook.url == "" || len(s.updates) == 0 {
			s.mu.Unlock()
			continue
		}
		hook, next := s.hook, s.updates[0]
		s.mu.Unlock()

		status := post(ctx, client, hook, next.body)

		s.mu.Lock()
		s.statuses = append(s.statuses, status)
		taken := status >= 200 && status < 300
		if taken {
			if i := slices.IndexFunc(s.updates, func(u update) bool { return u.id == next.id }); i >= 0 {
				s.updates = slices.Delete(s.updates, i, i+1)
			}
		}
		s.change()
		s.mu.Unlock()
		if !taken {
			pause(ctx, repeatAfter)
		}
	}
}

// post makes one delivery and returns the status of its answer, 0 for none.
func post(ctx context.Context, client *http.Client, hook webhook, body []byte) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Telegram-Bot-Api-Secret-Token", hook.secret)
	response, err := client.Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
