package sms

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
)

// bodyMax is how large a call may be, in bytes: a text is far smaller.
const bodyMax = 256 << 10

// ServeHTTP takes the calls of the line's gateway, below Path. It answers 200 as
// soon as what a call has brought is kept, 503 where it could not be: the
// gateway then calls again. Whoever does not know the path, or cannot sign, is
// refused.
func (l *Line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	listener, listens := l.gateway.(Listener)
	rest, below := strings.CutPrefix(r.URL.Path, "/sms/"+l.Name+"/")
	key, path, _ := strings.Cut(rest, "/")
	if !below || !listens || !same(key, l.key) {
		refuse(w, http.StatusNotFound)
		return
	}
	i := slices.IndexFunc(l.Kind.Hooks, func(h Hook) bool { return h.Path == path })
	if i < 0 {
		refuse(w, http.StatusNotFound)
		return
	}
	if methods := l.Kind.Hooks[i].Methods; !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	call, err := l.call(path, r, body)
	if err != nil {
		l.log.Warn("a call of the gateway cannot be read", "hook", path, "err", err)
		refuse(w, http.StatusBadRequest)
		return
	}
	answer, err := l.take(r.Context(), listener, call)
	switch {
	case errors.Is(err, ErrForged):
		l.log.Warn("a call is not signed by the gateway: is its signing key right, and its clock?", "hook", path, "err", err)
		refuse(w, http.StatusForbidden)
	case errors.Is(err, ErrMalformed):
		l.log.Warn("a call of the gateway cannot be read", "hook", path, "err", err)
		refuse(w, http.StatusBadRequest)
	case err != nil:
		l.log.Error("what the gateway brought was not kept: it has to call again", "hook", path, "err", err)
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable)
	default:
		if answer.Type == "" {
			answer.Type = "text/plain; charset=utf-8"
		}
		w.Header().Set("Content-Type", answer.Type)
		_, _ = io.WriteString(w, answer.Body) // whoever called may be gone
	}
}

// call reads a request. The URL is the public one: behind a web server the
// request does not show it.
func (l *Line) call(path string, r *http.Request, body []byte) (Call, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Call{}, err
	}
	c := Call{Path: path, Method: r.Method, URL: l.Settings.Hook + path, Query: query, Form: url.Values{}, Header: r.Header, Body: body, At: l.now()}
	if r.URL.RawQuery != "" {
		c.URL += "?" + r.URL.RawQuery
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		if c.Form, err = url.ParseQuery(string(body)); err != nil {
			return Call{}, err
		}
	}
	return c, nil
}

// take hands a call to the gateway. One that panics could not be kept.
func (l *Line) take(ctx context.Context, listener Listener, call Call) (answer Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("panic in a webhook", "hook", call.Path, "panic", p, "stack", string(debug.Stack()))
			err = errors.New("panic")
		}
	}()
	return listener.Call(ctx, call)
}

// same compares in a time that tells nothing of the secret.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }
