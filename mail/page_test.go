package mail_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crier/bots/phone/phonetest"
	"crier/conversation"
)

// looks is how a page comes out, in CSS pixels.
type looks struct {
	Sideways  float64 // how much wider than the window it is
	Text      float64 // width of the text
	Type      float64 // the smallest type
	Button    float64 // height of the lowest button
	Buttons   int
	Outside   int     // buttons and pictures that leave the window
	Pictures  int     // that are shown
	Lightness float64 // of the letters, from 0 to 255
}

const measure = `(() => {
	const all = [...document.querySelectorAll("td, h1, h2, p, span, a")].filter(e => e.textContent.trim() !== "")
	const links = [...document.querySelectorAll("a")], pictures = [...document.querySelectorAll("img")]
	const box = e => e.getBoundingClientRect()
	const colour = getComputedStyle(document.querySelector("bdi")).color.match(/\d+/g).slice(0, 3).map(Number)
	return {
		Sideways: document.documentElement.scrollWidth - innerWidth,
		Text: Math.max(...[...document.querySelectorAll("table table")].map(e => box(e).width)),
		Type: Math.min(...all.map(e => parseFloat(getComputedStyle(e).fontSize))),
		Button: Math.min(...links.map(e => box(e).height)),
		Buttons: links.length,
		Outside: [...links, ...pictures].filter(e => box(e).left < 0 || box(e).right > innerWidth).length,
		Pictures: pictures.filter(e => e.complete && e.naturalWidth > 0 && box(e).width > 100).length,
		Lightness: (colour[0] + colour[1] + colour[2]) / 3,
	}
})()`

// A digest in a browser, as large and as small as readers have it, by day and by
// night. With CRIER_SCREENSHOTS the pictures are kept in that folder.
func TestSheetInABrowser(t *testing.T) {
	hostile := weekly()
	for i, text := range []string{strings.Repeat("x", 10_000), strings.Repeat("שלום ", 50), "<img src=x onerror=alert(1)><script>alert(1)</script>"} {
		item := &hostile.Sheet.Sections[1].Items[i]
		item.Text, item.Note, item.Choice.Label = text, text, strings.Repeat("take ", 8)
	}
	for name, out := range map[string]conversation.Outbound{"digest": weekly(), "hostile": hostile} {
		t.Run(name, func(t *testing.T) {
			letter := openSheet(t, writeLetter(t, letterhead(), out).Data)
			page := letter.html
			for cid, data := range letter.photos {
				page = strings.ReplaceAll(page, "cid:"+cid, "data:image/jpeg;base64,"+base64.StdEncoding.EncodeToString(data))
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = w.Write([]byte(page))
			}))
			defer server.Close()
			p := phonetest.Visit(t, server.URL)
			for _, width := range []int64{390, 1100} {
				for _, dark := range []bool{false, true} {
					p.Size(width, 1500)
					p.Dark(dark)
					p.Until("the pictures are there", `[...document.images].every(i => i.complete)`)
					var got looks
					p.Eval(measure, &got)
					if got.Sideways > 0 || got.Text > 600 || got.Type < 16 || got.Button < 44 || got.Buttons != 8 || got.Outside != 0 || got.Pictures != 2 {
						t.Errorf("at %d pixels: %+v", width, got)
					}
					if dark != (got.Lightness > 200) || !dark != (got.Lightness < 50) {
						t.Errorf("dark is %v, and the letters' lightness %v", dark, got.Lightness)
					}
					if dir := os.Getenv("CRIER_SCREENSHOTS"); dir != "" {
						p.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, map[bool]string{false: "light", true: "dark"}[dark])))
					}
				}
			}
		})
	}
}
