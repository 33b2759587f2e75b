package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html"
	"mime/quotedprintable"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"crier/conversation"
)

// A sheet goes to hundreds of readers. What their letters have in common is laid
// out and encoded once; a letter then is a matter of copying.

// layout is a sheet as the letters of one mailbox say it.
type layout struct {
	subject string
	plain   []byte   // encoded; the end of the text comes behind it
	html    [][]byte // encoded; between them stands the token, behind them the end of the page
	photos  [][]byte // whole parts, which the page shows
	ids     []string // of the photos
	size    int      // of all of them together, in bytes
}

const (
	photosMost = 8        // in one letter
	thumbMax   = 20 << 10 // bytes of one
	titleMax   = 100      // characters
	buttonMax  = 40       // characters on one
	unbroken   = 20       // characters that a button has in one line
)

// pageLeast is how many bytes a page with photos has. Spam checkers take a shorter
// one for a picture that speaks in place of words. Source: SpamAssassin,
// HTML_IMAGE_ONLY_32 in 20_html_tests.cf.
const pageLeast = 3300

// hole is where the token will stand. No text has it: harmless takes it out.
const hole = "\x00"

// newLayout lays a sheet out. Both parts are made of the same harmless texts, so
// they say the same.
func (h *Letterhead) newLayout(sheet *conversation.Sheet, locale string) *layout {
	s := harmlessSheet(sheet)
	text := s.Plain()
	l := &layout{subject: shorten(oneLine(s.Title, 4*titleMax), titleMax), plain: encoded(text)}
	if l.subject == "" {
		l.subject = firstSentence(text)
	}
	begin := "" // of the links; else they would begin a mail that shows no token: it has to be an answer
	local, domain, _ := cutAddress(h.Address)
	if h.Detail != "" {
		begin = `<a href="` + html.EscapeString(mailto(local+h.Detail)+hole+"@"+domain+"?subject="+escapeURL(inReply(l.subject))+"&body=")
	}
	page := l.page(s, begin, locale, domain)
	if short := pageLeast - len(page); short > 0 && len(l.photos) > 0 {
		page += "<!-- " + strings.Repeat(".", short) + " -->\n"
	}
	for piece := range strings.SplitSeq(page, hole) {
		l.html = append(l.html, encoded(piece))
		l.size += len(piece) + TokenSize
	}
	for _, photo := range l.photos {
		l.size += len(photo)
	}
	l.size += len(text)
	return l
}

// Mail programs know little of styles: Outlook lays out as Word does, and Gmail
// takes out what is not at the elements themselves. So there are tables, and each
// cell has its own type. There is no colour that only light or only dark would suit.
const (
	typeface  = "sans-serif"
	cellStyle = `style="padding:14px 0;border-top:1px solid #888;font:18px/1.4 ` + typeface + `"`
	textStyle = `style="font:18px/1.5 ` + typeface + `"`
)

// page makes the HTML, but for its end, and the parts of the photos in it.
func (l *layout) page(s *conversation.Sheet, begin, locale, domain string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html")
	if locale != "" {
		put(&b, ` lang="`, locale, `" dir="`, direction(locale), `"`)
	}
	put(&b, "><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n",
		"<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"supported-color-schemes\" content=\"light dark\">\n",
		"<title>", html.EscapeString(l.subject), "</title></head>\n<body style=\"margin:0\">\n",
		`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center" style="padding:16px">`, "\n",
		`<!--[if mso]><table role="presentation" width="600"><tr><td><![endif]-->`, "\n",
		`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;text-align:start;word-break:break-word">`, "\n")
	if s.Title != "" {
		put(&b, `<tr><td colspan="2"><h1 style="margin:0 0 8px;font:bold 26px/1.3 `, typeface, `"><bdi>`, html.EscapeString(s.Title), "</bdi></h1></td></tr>\n")
	}
	for _, section := range s.Sections {
		if section.Title != "" {
			put(&b, `<tr><td colspan="2"><h2 style="margin:24px 0 8px;font:bold 22px/1.3 `, typeface, `"><bdi>`,
				html.EscapeString(section.Title), "</bdi></h2></td></tr>\n")
		}
		if section.Text != "" {
			put(&b, `<tr><td colspan="2" `, textStyle, ">\n")
			paragraphs(&b, section.Text)
			b.WriteString("</td></tr>\n")
		}
		for _, item := range section.Items {
			l.item(&b, item, begin, domain)
		}
	}
	put(&b, `<tr><td colspan="2" style="border-top:1px solid #888;font:18px/1.5 `, typeface, `">`, "\n")
	paragraphs(&b, s.Foot)
	if begin != "" && len(s.Choices) > 0 {
		b.WriteString("<p>\n")
		for _, c := range s.Choices {
			button(&b, begin, c, "margin:4px 8px 4px 0")
			b.WriteByte('\n')
		}
		b.WriteString("</p>\n")
	}
	return b.String()
}

// pageEnd closes what page opens.
const pageEnd = "</td></tr></table>\n<!--[if mso]></td></tr></table><![endif]-->\n</td></tr></table>\n</body></html>\n"

// item writes one row: what it is, and the button that answers.
func (l *layout) item(b *strings.Builder, item conversation.Item, begin, domain string) {
	hasButton := begin != "" && item.Choice.Reply != ""
	b.WriteString(`<tr><td valign="top" `)
	if !hasButton {
		b.WriteString(`colspan="2" `)
	}
	put(b, cellStyle, ">")
	if item.Number != 0 {
		put(b, "<b>", strconv.FormatInt(item.Number, 10), "</b>&ensp;")
	}
	put(b, "<bdi>", html.EscapeString(item.Text), "</bdi>")
	if item.Note != "" {
		put(b, "<br>\n", `<span style="font-size:16px"><bdi>`, html.EscapeString(item.Note), "</bdi></span>")
	}
	if id := l.photo(item.Photo, domain); id != "" {
		put(b, "<br>\n", `<img src="cid:`, id, `" alt="" style="max-width:100%;height:auto;margin-top:8px;border-radius:8px">`)
	}
	b.WriteString("</td>\n")
	if hasButton {
		put(b, `<td align="right" valign="top" width="1" `, cellStyle, ">")
		button(b, begin, item.Choice, "margin-left:12px")
		b.WriteString("</td>")
	}
	b.WriteString("</tr>\n")
}

// button writes a link that begins an answer.
func button(b *strings.Builder, begin string, c conversation.Choice, margin string) {
	style := ""
	if utf8.RuneCountInString(c.Label) <= unbroken {
		style = "white-space:nowrap;"
	}
	put(b, begin, escapeURL(c.Reply), `" style="`, style, margin, `;display:inline-block;padding:10px 14px;border:2px solid;border-radius:8px">`,
		html.EscapeString(c.Label), "</a>")
}

// photo adds a picture to the letter, and returns the id by which the page calls
// it. It is "" where there is none that could be shown.
func (l *layout) photo(p *conversation.Photo, domain string) (id string) {
	if p == nil || len(p.Data) > thumbMax {
		return ""
	}
	kind := http.DetectContentType(p.Data) // whatever somebody called it
	suffix, ok := strings.CutPrefix(kind, "image/")
	if !ok {
		return ""
	}
	sum := sha256.Sum256(p.Data)
	name := hex.EncodeToString(sum[:12])
	id = name + "@" + domain
	switch {
	case slices.Contains(l.ids, id):
		return id
	case len(l.ids) >= photosMost:
		return ""
	}
	var b bytes.Buffer
	put(&b, "Content-Type: ", kind, "\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <", id,
		">\r\nContent-Disposition: inline; filename=\"", name, ".", suffix, "\"\r\n\r\n")
	data := base64.StdEncoding.EncodeToString(p.Data)
	for len(data) > lineMax {
		put(&b, data[:lineMax], "\r\n")
		data = data[lineMax:]
	}
	put(&b, data, "\r\n")
	l.ids, l.photos = append(l.ids, id), append(l.photos, b.Bytes())
	return id
}

// page adds the parts of a sheet's letter: its text, and the same laid out with
// its photos. The ends are this letter's own.
func (w *letterWriter) page(l *layout, boundary, token, plainEnd, htmlEnd string) {
	const encoding = "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	put(w, "--", boundary, "\r\nContent-Type: text/plain", encoding)
	_, _ = w.Write(l.plain)
	_, _ = w.Write(encoded(plainEnd))
	put(w, "\r\n--", boundary, "\r\n")
	inner := "=_r" + token
	if len(l.photos) > 0 {
		// RFC 2387: the first part is the page, and the others are what it shows.
		put(w, "Content-Type: multipart/related; type=\"text/html\";\r\n boundary=\"", inner, "\"\r\n\r\n--", inner, "\r\n")
	}
	put(w, "Content-Type: text/html", encoding)
	for i, piece := range l.html {
		if i > 0 {
			put(w, token, softBreak)
		}
		_, _ = w.Write(piece)
	}
	_, _ = w.Write(encoded(htmlEnd))
	w.WriteString("\r\n")
	for _, photo := range l.photos {
		put(w, "--", inner, "\r\n")
		_, _ = w.Write(photo)
	}
	if len(l.photos) > 0 {
		put(w, "--", inner, "--\r\n")
	}
}

// softBreak ends a line that goes on in the next. Source: RFC 2045, section 6.7.
const softBreak = "=\r\n"

// encoded encodes a piece of a text as quoted-printable. It ends between two
// lines, whatever comes behind it.
func encoded(piece string) []byte {
	var b bytes.Buffer
	b.Grow(len(piece) + len(piece)/8)
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(piece)) // a Buffer takes everything
	_ = q.Close()
	if data := b.Bytes(); len(data) > 0 && data[len(data)-1] != '\n' {
		b.WriteString(softBreak)
	}
	return b.Bytes()
}

// harmlessSheet is a sheet without what could show it as another.
func harmlessSheet(s *conversation.Sheet) *conversation.Sheet {
	line := func(s string) string { return strings.Join(strings.Fields(harmless(s)), " ") }
	clean := &conversation.Sheet{Title: line(s.Title), Foot: harmless(s.Foot), Sections: make([]conversation.Section, len(s.Sections))}
	for _, c := range s.Choices {
		if c = harmlessChoice(c); c.Reply != "" {
			clean.Choices = append(clean.Choices, c)
		}
	}
	for i, section := range s.Sections {
		items := make([]conversation.Item, len(section.Items))
		for j, item := range section.Items {
			item.Text, item.Note = line(item.Text), line(item.Note)
			item.Choice = harmlessChoice(item.Choice)
			items[j] = item
		}
		clean.Sections[i] = conversation.Section{Title: line(section.Title), Text: harmless(section.Text), Items: items}
	}
	return clean
}

func harmlessChoice(c conversation.Choice) conversation.Choice {
	clean := conversation.Choice{Label: shorten(oneLine(c.Label, 4*buttonMax), buttonMax), Reply: oneLine(c.Reply, 20)}
	if clean.Label == "" {
		clean.Label = clean.Reply
	}
	return clean
}

// direction is the one in which a language is written.
func direction(locale string) string {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	switch language {
	case "ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi":
		return "rtl"
	}
	return "ltr"
}

// layouts are those that were used last. The zero value is ready.
type layouts struct {
	mu   sync.Mutex
	kept map[layoutOf]*layout
	old  map[layoutOf]*layout // those that were kept before
}

// layoutOf is what layouts differ by, within a mailbox. A sheet is not changed
// once it is on its way, so its address stands for what it says.
type layoutOf struct {
	sheet  *conversation.Sheet
	locale string
}

// layoutsMost is how many are in memory, twice over; with photos each has a
// quarter of a megabyte at most.
const layoutsMost = 32

func (h *Letterhead) layoutOf(sheet *conversation.Sheet, locale string) *layout {
	key := layoutOf{sheet, locale}
	h.layouts.mu.Lock()
	defer h.layouts.mu.Unlock()
	l := h.layouts.kept[key]
	if l != nil {
		return l
	}
	if l = h.layouts.old[key]; l == nil {
		l = h.newLayout(sheet, locale)
	}
	if len(h.layouts.kept) >= layoutsMost || h.layouts.kept == nil {
		h.layouts.old, h.layouts.kept = h.layouts.kept, make(map[layoutOf]*layout)
	}
	h.layouts.kept[key] = l
	return l
}
