package phone_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"crier/bots"
	"crier/bots/phone"
	"crier/bots/phone/phonetest"
	"crier/conversation"
)

// These tests drive the page in a real browser (see phonetest.Open).

var yesOrNo = []conversation.Choice{{Label: "Yes", Reply: "yes"}, {Label: "No", Reply: "no"}}

func TestPageShowsRepliesEverywhere(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{Title: "Riverbank LETS"})
	p := phonetest.Open(t, st.URL)

	p.Say("Maria", "pay luc 5 for eggs")
	p.WaitFor("Maria", "^You wrote: pay luc 5 for eggs")
	p.Say("Maria", "yes")
	p.WaitFor("Maria", "receipt 7KQ4")
	if got := p.WaitFor("Luc", "^Receipt"); !strings.Contains(got, "Maria Keller gave you 5") {
		t.Errorf("Luc reads %q", got)
	}
	p.Until("the new letter is open", `document.querySelector(".email .opened .text").checkVisibility()`)
	p.Until("choices are no buttons on texts and letters", `document.querySelectorAll(".sms .choice, .email .choice").length === 0`)

	p.Say("Luc", "thank you\nwhat do I have now")
	p.Until("his letter is in the list", `document.querySelector(".email .mine .subject").textContent === "thank you"`)
	p.WaitFor("Luc", "what do I have now")

	p.Add("Anna")
	send(t, st.phone, anna, conversation.Outbound{Text: "Willkommen, Anna"})
	p.WaitFor("Anna", "Willkommen")
	p.Reload()
	p.WaitFor("Anna", "Willkommen") // her phone is still there, and so is what it showed
	p.WaitFor("Maria", "receipt 7KQ4")
	p.Eval(`document.querySelector('[data-name^="Anna"] .plate button').click()`, nil)
	p.Until("the phone is put away", `document.querySelectorAll(".phone").length === 4`)
}

func TestPageButtonsPressOnce(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	p := phonetest.Open(t, st.URL)
	send(t, st.phone, thandi, conversation.Outbound{ID: 7, Text: "Pay Luc 5?", Question: 1<<61 + 1, Choices: yesOrNo})
	p.WaitFor("Thandi", "Pay Luc")
	p.Press("Thandi", "Yes")
	p.WaitFor("Thandi", "receipt 7KQ4")
	p.Until("the buttons are gone", `document.querySelectorAll(".choice").length === 0`)
	if got := v.received(); len(got) != 1 || got[0].Question != 1<<61+1 || got[0].Text != "yes" {
		t.Errorf("the handler got %+v", got)
	}
	p.Reload()
	p.Until("what was pressed is still shown", `document.querySelector(".pressed").textContent === "Yes"`)

	// Typing works as well as tapping.
	send(t, st.phone, thandi, conversation.Outbound{ID: 8, Text: "Pay Anna 5?", Question: 8, Choices: yesOrNo})
	p.Say("Thandi", "yes")
	if got := v.received(); got[1].Question != 0 {
		t.Errorf("what was typed answers question %d", got[1].Question)
	}
}

func TestPageSendsInOrder(t *testing.T) {
	v := newVillage()
	v.gate = make(chan struct{})
	st := serve(t, v, phone.Config{})
	release := sync.OnceFunc(func() { close(v.gate) })
	t.Cleanup(release)
	p := phonetest.Open(t, st.URL)
	for _, text := range []string{"first", "second"} {
		p.Type("Maria", text)
		p.Key('\r')
	}
	p.Until("both are on their way", `[...document.querySelectorAll(".sms .mine .state")].map(e => e.textContent).join() === "sending…,sending…"`)
	release()
	p.WaitFor("Maria", "second")
	if got := v.received(); len(got) != 2 || got[0].Text != "first" {
		t.Errorf("the handler got %+v", got)
	}
}

func TestPageRetriesUnderTheSameID(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	p := phonetest.Open(t, st.URL)
	send(t, st.phone, thandi, conversation.Outbound{ID: 7, Text: "Pay?", Question: 7, Choices: yesOrNo})
	p.WaitFor("Thandi", "Pay")

	v.setBroken(true)
	p.Type("Maria", "balance")
	p.Key('\r')
	p.Until("the text could not be sent", `document.querySelector(".sms .mine .state").textContent === "could not be sent"`)
	p.Eval(`document.querySelector(".choice").click()`, nil)
	p.Until("nor could the choice", `document.querySelector(".telegram .choices .state")?.textContent === "could not be sent"`)
	p.Reload() // what failed is still there to be sent again
	p.Until("both can be sent again", `document.querySelectorAll(".retry").length === 2`)
	var before []string
	p.Eval(`[...document.querySelectorAll(".mine")].map(e => e.dataset.key)`, &before)

	v.setBroken(false)
	p.Eval(`document.querySelectorAll(".retry").forEach(b => b.click())`, nil)
	p.Until("the text is sent", `document.querySelector(".sms .mine .state").textContent === "sent"`)
	p.Until("the choice is sent", `document.querySelector(".pressed").dataset.state === "sent"`)
	got := v.received()
	if len(got) != 2 || len(before) != 1 || ("in-"+got[0].ID != before[0] && "in-"+got[1].ID != before[0]) {
		t.Errorf("shown as %v, the handler got %+v", before, got)
	}
}

func TestPageByKeyboardAlone(t *testing.T) {
	v := newVillage()
	st := serve(t, v, phone.Config{})
	p := phonetest.Open(t, st.URL)
	send(t, st.phone, thandi, conversation.Outbound{ID: 7, Text: "Pay?", Question: 7, Choices: yesOrNo})
	p.WaitFor("Thandi", "Pay")

	// tabTo goes on until the focus is on what the selector names, and sees
	// that each stop on the way shows where the focus is.
	tabTo := func(selector string) {
		t.Helper()
		for range 60 {
			p.Key('\t')
			var at struct{ There, Ring bool }
			p.Eval(fmt.Sprintf(`(e => ({There: e.matches(%q), Ring: e === document.body || getComputedStyle(e).outlineStyle !== "none"}))(document.activeElement)`, selector), &at)
			if !at.Ring {
				t.Errorf("no focus ring on the way to %s", selector)
			}
			if at.There {
				return
			}
		}
		t.Fatalf("Tab does not reach %s", selector)
	}
	tabTo(".example")
	p.Key('\r')
	p.Until("the example is in the box", `document.activeElement.value === "pay luc 5 for eggs"`)
	p.Key('\r')
	p.WaitFor("Maria", "pay luc 5 for eggs")
	tabTo(".choice")
	p.Key(' ')
	p.WaitFor("Thandi", "receipt")
	p.Until("the focus is not lost with the button", `document.activeElement.matches(".telegram textarea")`)

	p.Type("Maria", "two")
	p.Key('\r', kb.ModifierShift)
	p.Until("Shift and Enter make a line", `document.activeElement.value === "two\n"`)

	p.Eval(`document.getElementById("add").focus()`, nil)
	p.Key('\r')
	p.Until("the list is open", `document.activeElement.id === "find"`)
	for _, key := range "anna" {
		p.Key(key)
	}
	tabTo("#found button")
	p.Key('\r')
	p.Until("one can write on the new phone", `document.activeElement.closest(".phone")?.dataset.name === "Anna Bauer"`)
	tabTo("#found button, .icon, body")
}

func TestPageIsReadable(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{Title: "Riverbank LETS"})
	p := phonetest.Open(t, st.URL)
	long := strings.Repeat("Donaudampfschifffahrtsgesellschaft", 6)
	for _, sc := range []phone.Screen{maria, luc, thandi} {
		send(t, st.phone, sc, conversation.Outbound{Text: "مرحبا " + long, Question: 3, Choices: yesOrNo})
	}
	p.WaitFor("Thandi", "Donau")
	for _, width := range []int64{320, 375, 700, 1400} { // 700: 1400 at 200 %
		p.Size(width, 800)
		var wide struct{ Scroll, Client int }
		p.Eval(`({Scroll: document.documentElement.scrollWidth, Client: document.documentElement.clientWidth})`, &wide)
		if wide.Scroll > wide.Client {
			t.Errorf("%d px wide, the page takes %d", width, wide.Scroll)
		}
	}
	var problems []string
	for _, dark := range []bool{false, true} {
		p.Dark(dark)
		p.Eval(readabilityProblems, &problems)
		if len(problems) > 0 {
			t.Errorf("dark %v: %s", dark, strings.Join(problems, "\n"))
		}
	}
}

// readabilityProblems looks at every element with words of its own: their size,
// and their contrast (WCAG 2.1, 1.4.3) where what is behind is one colour.
const readabilityProblems = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
	const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; if (getComputedStyle(e).backgroundImage !== "none") return null; } return null; };
	const problems = [];
	for (const e of document.querySelectorAll("body *")) {
		if (!e.checkVisibility() || e.closest("[aria-hidden], .unseen, svg") || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
		const style = getComputedStyle(e), what = e.tagName + "." + e.className + " " + e.textContent.slice(0, 20);
		if (parseFloat(style.fontSize) < 16) problems.push(what + ": " + style.fontSize);
		const back = behind(e);
		if (!back) continue;
		const [a, b] = [light(rgba(style.color)), light(back)].sort((x, y) => y - x);
		const contrast = (a + .05) / (b + .05);
		if (contrast < 4.5) problems.push(what + ": contrast " + contrast.toFixed(2));
	}
	for (const input of document.querySelectorAll("input, textarea")) if (!input.labels.length) problems.push(input.id + " has no label");
	for (const b of document.querySelectorAll("button")) if (!b.textContent.trim() && !b.getAttribute("aria-label")) problems.push(b.className + " has no name");
	if (document.querySelectorAll('[role=log][aria-live=polite][aria-label]').length !== document.querySelectorAll(".phone").length) problems.push("a phone without a log");
	return problems;
})()`

func TestPageShowsMemberTextAsText(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	p := phonetest.Open(t, st.URL)
	markup := `<img src=x onerror="document.title='broken'"><script>document.title='broken'</script>&amp;`
	for _, sc := range []phone.Screen{maria, luc, thandi} {
		send(t, st.phone, sc, conversation.Outbound{Text: markup, Question: 3, Choices: []conversation.Choice{{Label: "<b>x</b>", Reply: "x"}}})
	}
	p.Say("Maria", markup)
	for _, name := range []string{"Maria", "Luc", "Thandi"} {
		if got := p.WaitFor(name, "img"); got != markup {
			t.Errorf("%s reads %q", name, got)
		}
	}
	p.Until("none of it became markup", `document.title === "Crier" && document.querySelectorAll(".log img, .log script, .log b").length === 0`)
	p.Press("Thandi", "<b>x</b>")
}

func TestPageComesBackAfterARestart(t *testing.T) {
	v := newVillage()
	at, stop := start(t, v, "127.0.0.1:0")
	p := phonetest.Open(t, "http://"+at+"/?key=lesson+1")
	p.Until("the key is out of the address bar", `location.search === ""`)
	p.Say("Maria", "pay luc 5 for eggs")
	p.WaitFor("Maria", "You wrote")
	stop()
	p.Lost()
	p.Type("Thandi", "offer honey")
	p.Key('\r')
	p.Until("that could not be sent", `document.querySelector(".telegram .retry") != null`)

	_, stop = start(t, v, at)
	defer stop()
	p.Connected()
	p.Eval(`document.querySelector(".telegram .retry").click()`, nil)
	p.WaitFor("Thandi", "offer honey")
	p.Say("Maria", "yes")
	p.WaitFor("Maria", "receipt 7KQ4")
	p.WaitFor("Luc", "^Receipt")

	for name, want := range map[string]int{"Maria": 4, "Luc": 1, "Thandi": 2} {
		var shown []string
		p.Eval(fmt.Sprintf(`[...document.querySelectorAll('[data-name^=%q] .message .text')].map(e => e.textContent)`, name), &shown)
		if len(shown) != want {
			t.Errorf("%s has %d messages, want %d: %q", name, len(shown), want, shown)
		}
	}
	if n := len(v.received()); n != 3 {
		t.Errorf("the handler got %d messages", n)
	}
}

// start serves a new page of the village at an address; each has another token.
func start(t *testing.T, v *village, address string) (at string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := v.open(phone.Config{Token: "lesson 1"})
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	stop = func() {
		s.Close()
		_ = server.Close()
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

func TestPageCountsSegmentsAsGoDoes(t *testing.T) {
	st := serve(t, newVillage(), phone.Config{})
	p := phonetest.Open(t, st.URL)
	texts := []string{
		"", "pay luc 5 for eggs", "èéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà", "ΔΦΓΛΩΠΨΣΘΞ", "a\r\nb", "€[]{}^~|\\\f", "¤¡§¿@£$¥_", "`", "ça va", "a\tb", "it’s",
		"\x1b", "\x00", "🐣", "👩‍👩‍👧", "م", "\u2028", "\ufffd",
		strings.Repeat("€", 80), strings.Repeat("€", 81), strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152),
		strings.Repeat("🐣", 35), strings.Repeat("🐣", 36), strings.Repeat("🐣", 67), strings.Repeat("ł", 66) + "🐣" + strings.Repeat("ł", 66),
	}
	for n := 150; n <= 165; n++ {
		texts = append(texts, strings.Repeat("a", n))
	}
	for n := 64; n <= 72; n++ {
		texts = append(texts, strings.Repeat("ł", n))
	}
	for r := rune(1); r < 0x400; r++ {
		texts = append(texts, string(r))
	}
	list, _ := json.Marshal(texts)
	var counts []struct {
		Segments, Used, PerSegment int
		GSM                        bool
	}
	p.Eval(fmt.Sprintf(`import(new URL("segments.js", location.href)).then(m => %s.map(m.segments))`, list), &counts)
	if len(counts) != len(texts) {
		t.Fatalf("%d counts of %d texts", len(counts), len(texts))
	}
	for i, c := range counts {
		segments, used, each, gsm := bots.Segments(texts[i])
		if c.Segments != segments || c.Used != used || c.PerSegment != each || c.GSM != gsm {
			t.Errorf("%.40q: the page counts %v, Go %d %d %d %v", texts[i], c, segments, used, each, gsm)
		}
	}

	p.Type("Maria", "ça coûte 5 €")
	p.Until("the count follows what is typed", `document.querySelector(".count").textContent === "12/70 · 1 SMS · special letters"`)
}

// TestPageMailbox reads and answers real mails, by keyboard.
func TestPageMailbox(t *testing.T) {
	v := newVillage()
	v.quiet = true
	st := serve(t, v, phone.Config{Mail: &phone.PostOffice{Handler: v}})
	p := phonetest.Open(t, st.URL)
	p.Until("a first letter is a new one", `[...document.querySelector(".email textarea").labels].filter(l => !l.hidden).map(l => l.textContent).join() === "Your letter"`)
	send(t, st.phone, luc, conversation.Outbound{ID: 7, Text: "Pay Maria 3?\nReply YES or NO.", Thread: "pay maria 3"})
	if got := p.WaitFor("Luc", "^Pay Maria"); got != "Pay Maria 3?\nReply YES or NO." {
		t.Errorf("Luc reads %q", got)
	}
	p.Until("it has a subject, a sender and a quote", `(e => e.querySelector(".subject").textContent === "About Pay Maria 3?" && e.querySelector(".from").textContent === "Riverbank" &&
		e.querySelector(".address").textContent === "river@crier.example" && e.querySelector(".quote").textContent === "pay maria 3")(document.querySelector(".email .opened"))`)
	p.Until("its source is out of the way", `!document.querySelector(".email .opened .source").checkVisibility()`)
	p.Eval(`document.querySelector(".email .opened summary").focus()`, nil)
	p.Key('\r')
	p.Until("Enter shows it", `document.querySelector(".email .opened .source").checkVisibility() &&
		document.querySelector(".email .opened .source").textContent.startsWith("Subject: About Pay Maria 3?\n\nPay Maria")`)
	p.Until("what is written answers the open letter", `[...document.querySelector(".email textarea").labels].map(l => l.textContent).join() === "Your answer,About Pay Maria 3?"`)

	p.Type("Luc", "yes")
	send(t, st.phone, luc, conversation.Outbound{ID: 8, Text: "News of the week"})
	p.WaitFor("Luc", "^News")
	p.Until("the letter that is being answered stays open", `document.querySelector(".email .opened .subject").textContent === "About Pay Maria 3?"`)
	p.Key('\r')
	p.Until("the answer is in the mailbox", `(e => e?.dataset.state === "sent" && e.querySelector(".subject").textContent === "Re: About Pay Maria 3?" &&
		e.querySelector(".preview").textContent === "yes")(document.querySelector(".email .mine"))`)
	p.Eval(`document.querySelector(".email .mine .head").click()`, nil)
	p.Until("as typed, with its source", `document.querySelector(".email .opened .text").textContent === "yes" && document.querySelector(".email .opened .source").textContent.includes("You wrote:")`)
	p.Until("nobody answers their own letter", `[...document.querySelector(".email textarea").labels].filter(l => !l.hidden).map(l => l.textContent).join() === "Your letter"`)
	p.Say("Luc", "balance")
	p.Reload()
	p.Until("all is there again", `[...document.querySelectorAll(".email .mail .subject")].map(e => e.textContent).join() === "New,Re: About Pay Maria 3?,About News of the week,About Pay Maria 3?"`)
	if got := v.received(); len(got) != 2 || got[0].Text != "yes" || got[1].Text != "balance" {
		t.Errorf("the handler got %+v", got)
	}

	p.Eval(`document.querySelectorAll(".email details").forEach(d => d.open = true)`, nil)
	p.Eval(`document.querySelectorAll(".email .body").forEach(b => b.hidden = false)`, nil)
	for _, dark := range []bool{false, true} {
		p.Dark(dark)
		var problems []string
		if p.Eval(readabilityProblems, &problems); len(problems) > 0 {
			t.Errorf("dark %v: %s", dark, strings.Join(problems, "\n"))
		}
	}
	p.Size(320, 800)
	p.Until("nothing is wider than the page", `document.documentElement.scrollWidth <= document.documentElement.clientWidth &&
		[...document.querySelectorAll(".email .log, .email .log *")].every(e => e.scrollWidth <= e.clientWidth || getComputedStyle(e).overflow === "hidden" || getComputedStyle(e).display === "inline")`)
}

// TestPageScreenshots leaves pictures of the page where CRIER_SCREENSHOTS says,
// or in a folder that goes with the test.
func TestPageScreenshots(t *testing.T) {
	dir := os.Getenv("CRIER_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	var minutes atomic.Int64
	now := func() time.Time {
		return time.Date(2026, 5, 3, 10, 12, 0, 0, time.Local).Add(time.Duration(minutes.Load()) * time.Minute)
	}
	v := newVillage()
	v.quiet = true
	st := serve(t, v, phone.Config{Title: "Riverbank LETS", Now: now})
	p := phonetest.Open(t, st.URL)
	p.Screenshot(filepath.Join(dir, "empty.png"))

	tell := func(to phone.Screen, text string, choices ...conversation.Choice) {
		send(t, st.phone, to, conversation.Outbound{Text: text, Question: minutes.Add(1), Choices: choices})
	}
	says := func(from phone.Screen, text, question string) {
		id := fmt.Sprintf("message-%010d", minutes.Add(1))
		if status, answer := st.post(said(from, id, text, question), nil); status != http.StatusOK {
			t.Fatalf("status %d: %s", status, answer)
		}
	}
	tell(luc, "New this week in Riverbank LETS\n\nOffer 31: guitar lessons for beginners, 4 acorns an hour\nOffer 33: 40 kg tomatoes, 8 acorns a kg, until Friday\nWant 12: help in the garden on Saturday\n\nReply FIND and a word to see more.")
	says(thandi, "offer 40 kg tomatoes, 8 a kg, until Friday", "")
	tell(thandi, "Offer \"40 kg tomatoes\" for 8 acorns a kg, until Friday 8 May. Shall I put it up?", yesOrNo...)
	says(thandi, "yes", fmt.Sprint(minutes.Load()))
	tell(thandi, "Offer 33 is up. Reply REMOVE 33 to take it down.")
	says(maria, "pay luc 5 for eggs", "")
	tell(maria, "Pay Luc Martin 5 acorns for \"eggs\"? Reply YES or NO.")
	says(maria, "yes", "")
	tell(maria, "Done, receipt 7KQ4: you gave Luc Martin 5 acorns (eggs). You now have 18. A mistake? Reply WRONG.")
	tell(luc, "Receipt 7KQ4: Maria Keller gave you 5 acorns for \"eggs\". You now have 42.")
	tell(thandi, "Luc Martin takes 6 kg of your offer 33 for 48 acorns. Is that right?", yesOrNo...)
	tell(ria, "Newcomer: Piet Vos, Leuven, +32 470 000 044. Reply APPROVE 44 or REFUSE 44.",
		conversation.Choice{Label: "Approve", Reply: "approve 44"}, conversation.Choice{Label: "Refuse", Reply: "refuse 44"})
	p.WaitFor("Ria", "Newcomer")
	p.Type("Maria", "merci, à bientôt")
	p.Screenshot(filepath.Join(dir, "desktop.png"))
	p.Dark(true)
	p.Screenshot(filepath.Join(dir, "dark.png"))
	p.Dark(false)
	p.Size(375, 812)
	p.Screenshot(filepath.Join(dir, "small.png"))
	p.Size(1400, 900)
	p.Eval(`document.getElementById("add").click()`, nil)
	p.Screenshot(filepath.Join(dir, "add.png"))
	for _, name := range []string{"empty.png", "desktop.png", "dark.png", "small.png", "add.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 10_000 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
