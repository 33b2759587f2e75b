package phone

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const (
	tokenHeader = "X-Crier-Token"
	cookieName  = "crier_phone"
)

// contentPolicy lets the page load its own files and nothing else, and lets
// its scripts put no text into it that the browser would read as markup.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP serves the page and what belongs to it: GET /, GET /screens,
// GET /events and POST /say. A request that comes by another host name, or
// without the key where there is one, gets nothing.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")

	switch {
	case !s.knowsHost(r.Host):
		// A page elsewhere may have made its own name point here (DNS
		// rebinding): to the browser it would be that page's origin.
		http.Error(w, "This page is not served under that name.", http.StatusMisdirectedRequest)
	case !s.holdsKey(w, r):
		http.Error(w, s.texts["key_needed"], http.StatusForbidden)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// knowsHost reports whether a Host header names this machine's loopback, or
// the one further host that was configured.
func (s *Server) knowsHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && ip.IsLoopback() {
		return true
	}
	return s.cfg.Token != "" && s.cfg.Host != "" && host == strings.ToLower(s.cfg.Host)
}

// holdsKey reports whether the request may see anything at all, and sets the
// cookie for those that follow when it brings the key.
func (s *Server) holdsKey(w http.ResponseWriter, r *http.Request) bool {
	if s.cfg.Token == "" {
		return true
	}
	// The page takes the key out of the address bar itself: after a redirect
	// from another site's link the browser would hold the strict cookie back.
	if r.URL.Path == "/" && s.digest(r.URL.Query().Get("key")) == s.digest(s.cfg.Token) {
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: s.cookie(), Path: "/",
			HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
		})
		return true
	}
	for _, c := range r.CookiesNamed(cookieName) {
		if s.digest(c.Value) == s.digest(s.cookie()) {
			return true
		}
	}
	return false
}

// cookie follows from the key, so that it outlives the process, and does not
// give the key away.
func (s *Server) cookie() string {
	mac := hmac.New(sha256.New, []byte(s.cfg.Token))
	mac.Write([]byte("cookie of the browser phone"))
	return hex.EncodeToString(mac.Sum(nil))
}

// digest is what secrets are compared by: how long the comparison takes then
// says nothing about them, nor about their length.
func (s *Server) digest(secret string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, []byte(s.token))
	mac.Write([]byte(secret))
	return [sha256.Size]byte(mac.Sum(nil))
}

// refusePost says why a POST is not one of the page's own, or "".
func (s *Server) refusePost(r *http.Request) (status int, why string) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || media != "application/json":
		return http.StatusUnsupportedMediaType, "send application/json"
	case !sameOrigin(r):
		return http.StatusForbidden, "this came from another site"
	case s.digest(r.Header.Get(tokenHeader)) != s.digest(s.token):
		return http.StatusForbidden, "the page is older than the program: load it again"
	}
	return 0, ""
}

// sameOrigin reports whether the browser says that the request was made by a
// page from here. Browsers send Origin with every POST; Sec-Fetch-Site says
// the same more surely where they send it.
func sameOrigin(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "" && origin == "" {
		return false
	}
	if site != "" && site != "same-origin" {
		return false
	}
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}
