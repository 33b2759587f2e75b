package mail

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"path"
)

// unsubscribePage is for whoever follows the link by hand.
var unsubscribePage = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Locale}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{{.Title}}</title>
<body style="font: 20px/1.5 sans-serif; max-width: 32em; margin: 3em auto; padding: 0 1em">
<h1 style="font-size: 1.4em">{{.Title}}</h1><p>{{.Text}}</p>
{{if .Button}}<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button style="font: inherit; padding: .5em 1em">{{.Button}}</button></form>{{end}}`))

// PageTexts are the words of the page, in a reader's language.
type PageTexts struct {
	Locale string
	Text   func(key string) string // "ask", "done", "unknown", "failed", each also with "_title"; "button"
}

// UnsubscribePage ends mails in bulk with one POST, as mail programs send it,
// without login or cookie (RFC 8058, section 3.1). A GET only shows a button:
// programs that look for harmful pages follow every link. The token is the last
// part of the path.
func UnsubscribePage(seal *Seal, journey interface {
	Unsubscribe(ctx context.Context, channel string, id int64) error
}, texts func(r *http.Request) PageTexts, log *slog.Logger,
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show := func(status int, key string, button bool) {
			words := texts(r)
			t := map[string]string{"Locale": words.Locale, "Title": words.Text(key + "_title"), "Text": words.Text(key)}
			if button {
				t["Button"] = words.Text("button")
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(status)
			_ = unsubscribePage.Execute(w, t) // whoever asked may be gone
		}
		id := seal.Open(Unsubscribing, path.Base(r.URL.Path))
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			w.Header().Set("Allow", "GET, HEAD, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
		case id == 0:
			show(http.StatusNotFound, "unknown", false)
		case r.Method != http.MethodPost:
			show(http.StatusOK, "ask", true)
		default:
			if err := journey.Unsubscribe(r.Context(), Channel, id); err != nil {
				log.Error("unsubscribe", "channel", Channel, "letter", id, "err", err)
				show(http.StatusServiceUnavailable, "failed", true)
				return
			}
			show(http.StatusOK, "done", false)
		}
	})
}
