// Package phonetest drives the page of bots/phone in a real browser, without a
// window, for tests: it types, waits for what appears and presses buttons.
package phonetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	waitMax    = 20 * time.Second // for one thing to appear
	pollEvery  = 50 * time.Millisecond
	sessionMax = 5 * time.Minute
)

// Page is the phones' page in a browser of its own. Its methods end the test
// when what they wait for does not come. A screen is named by how its member's
// name begins, or by its whole key ("sms:+32470000012").
type Page struct {
	t    testing.TB
	ctx  context.Context
	seen map[string]int // by screen: the number of the last message that WaitFor returned

	mu     sync.Mutex
	faults []string
}

// Open is Visit, and waits until the page is connected.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	p := Visit(t, url)
	p.Connected()
	return p
}

// Visit starts Chromium with a fresh profile, and loads url in a window of 1400
// by 900 pixels. When the test ends the browser does, and the test fails if the
// page had a script error or broke its own content security policy.
func Visit(t testing.TB, url string) *Page {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test drives a real browser: install it with apt-get install chromium, and have it in the PATH")
	}
	dir, err := os.MkdirTemp("", "crier-phone-*") //nolint:usetesting // what the browser still writes there must not fail the test
	if err != nil {
		t.Fatalf("make a browser profile: %v", err)
	}
	ctx, stopTime := context.WithTimeout(context.Background(), sessionMax)
	ctx, stopProcess := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(dir),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.WindowSize(1400, 900),
	)...)
	ctx, stopTab := chromedp.NewContext(ctx)
	p := &Page{t: t, ctx: ctx, seen: make(map[string]int)}
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the process, which still writes to its profile
		stopTab()
		stopProcess()
		stopTime()
		_ = os.RemoveAll(dir)
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Errorf("in the page: %s", fault)
		}
	})
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	p.Size(1400, 900)
	p.media("light")
	p.do("open the page", chromedp.Navigate(url))
	return p
}

// listen collects what must not happen in the page.
func (p *Page) listen(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			fault = e.Entry.Text
		}
	}
	if fault != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fault)
	}
}

// Connected waits until the page hears the server.
func (p *Page) Connected() {
	p.t.Helper()
	p.Until("the page is connected", `document.getElementById("link")?.dataset.state === "live"`)
}

// Lost waits until the page has noticed that the server is gone.
func (p *Page) Lost() {
	p.t.Helper()
	p.Until("the page has lost its connection", `document.getElementById("link").dataset.state === "lost"`)
}

// Say types text on a screen, sends it with Enter and waits until it is sent.
func (p *Page) Say(screen, text string) {
	p.t.Helper()
	before := p.count(screen, ".mine[data-state=sent]")
	p.Type(screen, text)
	p.Key('\r')
	p.Until(fmt.Sprintf("what %s wrote is sent", screen),
		fmt.Sprintf(`%s.querySelectorAll(".mine[data-state=sent]").length > %d`, find(screen), before))
}

// Type puts text into the box of a screen, as the keyboard does, and leaves
// the focus there.
func (p *Page) Type(screen, text string) {
	p.t.Helper()
	p.Until("there is a phone of "+screen, find(screen)+" != null")
	p.Eval(find(screen)+`.querySelector("textarea").focus()`, nil)
	call(p, "type", input.InsertText, input.InsertTextParams{Text: text})
}

// Key presses and releases a key: "\r" is Enter, "\t" is Tab, " " is the space
// bar. It reaches the page as from a keyboard: a page that takes the press for
// itself gets no character.
func (p *Page) Key(key rune, modifiers ...chromedp.Modifier) {
	p.t.Helper()
	events := kb.Encode(key)
	down, up := *events[0], *events[len(events)-1]
	for _, m := range modifiers {
		down.Modifiers |= int64(m)
		up.Modifiers |= int64(m)
	}
	if len(events) == 3 { // the one between is the character
		down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
	}
	call(p, "press a key", input.DispatchKeyEvent, down)
	call(p, "release a key", input.DispatchKeyEvent, up)
}

// WaitFor waits for a message to a screen that matches the regular expression
// (of JavaScript), among those that came after the one it returned the last
// time for this screen. It returns the message's text.
func (p *Page) WaitFor(screen, pattern string) string {
	p.t.Helper()
	match := fmt.Sprintf(`(() => {
		const all = [...(%s?.querySelectorAll(".theirs") ?? [])].sort((a, b) => a.dataset.n - b.dataset.n);
		const m = all.find(m => +m.dataset.n > %d && new RegExp(%s, "u").test(m.querySelector(".text").textContent));
		return m ? {n: +m.dataset.n, text: m.querySelector(".text").textContent} : null;
	})()`, find(screen), p.seen[screen], quote(pattern))
	p.Until(fmt.Sprintf("%s gets a message like %q", screen, pattern), "("+match+") != null")
	var found struct {
		N    int    `json:"n"`
		Text string `json:"text"`
	}
	p.Eval(match, &found)
	p.seen[screen] = found.N
	return found.Text
}

// Press clicks the newest button with this label on a screen and waits until
// the choice is sent.
func (p *Page) Press(screen, label string) {
	p.t.Helper()
	button := fmt.Sprintf(`[...(%s?.querySelectorAll(".choice") ?? [])].findLast(b => b.textContent === %s)`, find(screen), quote(label))
	p.Until(fmt.Sprintf("%s has a button %q", screen, label), button+" != null")
	before := p.count(screen, ".pressed[data-state=sent]")
	p.Eval(button+`.scrollIntoView({block: "center", behavior: "instant"})`, nil)
	var at struct{ X, Y float64 }
	p.Eval(`(r => ({X: r.x + r.width / 2, Y: r.y + r.height / 2}))(`+button+`.getBoundingClientRect())`, &at)
	p.do("press "+label, chromedp.MouseClickXY(at.X, at.Y))
	p.Until(fmt.Sprintf("the choice of %s is sent", screen),
		fmt.Sprintf(`%s.querySelectorAll(".pressed[data-state=sent]").length > %d`, find(screen), before))
}

// Add puts another member's phone on the page.
func (p *Page) Add(name string) {
	p.t.Helper()
	p.Eval(`document.getElementById("add").click()`, nil)
	button := fmt.Sprintf(`[...document.querySelectorAll("#found button")].find(b => b.querySelector(".name").textContent.startsWith(%s))`, quote(name))
	p.Until(name+" can be picked", button+" != null")
	p.Eval(button+".click()", nil)
	p.Until("there is a phone of "+name, find(name)+" != null")
}

// Size makes the window another size, in CSS pixels.
func (p *Page) Size(width, height int64) {
	p.t.Helper()
	p.do("resize", chromedp.EmulateViewport(width, height))
}

// Dark chooses between night and day colours.
func (p *Page) Dark(dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.media(scheme)
}

// media sets the reader's preferences. Nothing moves, so that a click or a
// screenshot meets everything in its place.
func (p *Page) media(scheme string) {
	p.t.Helper()
	call(p, "choose the colours", emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		},
	})
}

// Reload loads the page again, as F5 does.
func (p *Page) Reload() {
	p.t.Helper()
	p.do("reload", chromedp.Reload())
	clear(p.seen)
	p.Connected()
}

// Screenshot writes what the window shows to a PNG file.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
}

// Eval evaluates JavaScript in the page, awaits it where it is a promise, and
// decodes its JSON into result, unless that is nil.
func (p *Page) Eval(js string, result any) {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]byte](js, chromedp.EvalAwaitPromise))
	if err == nil && result != nil {
		err = json.Unmarshal(value, result)
	}
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", js, err)
	}
}

// Until waits for a condition in the page, in JavaScript.
func (p *Page) Until(what, condition string) {
	p.t.Helper()
	end := time.Now().Add(waitMax)
	for {
		var ok bool
		p.Eval("!!("+condition+")", &ok)
		if ok {
			return
		}
		if time.Now().After(end) {
			var text string
			p.Eval("document.body.innerText", &text)
			p.t.Fatalf("after %v still not so: %s. The page shows:\n%s", waitMax, what, text)
		}
		time.Sleep(pollEvery)
	}
}

func (p *Page) count(screen, selector string) (n int) {
	p.t.Helper()
	p.Eval(fmt.Sprintf(`%s?.querySelectorAll(%s).length ?? 0`, find(screen), quote(selector)), &n)
	return n
}

func (p *Page) do(what string, action chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, action); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

func call[P, R any](p *Page, what string, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// find is the JavaScript for a screen's element.
func find(screen string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".phone")].find(e => e.dataset.screen === %[1]s || e.dataset.name.startsWith(%[1]s))`, quote(screen))
}

func quote(text string) string {
	js, _ := json.Marshal(text) // of a string: it cannot fail
	return string(js)
}
