package mail

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// How mail programs mark what is not the answer, by id, class, or another
// attribute and its value ("name=quote"). Source: mails of each.
var (
	// quotes hold an earlier mail from their start to their end.
	quotes = marks("class=yahoo_quoted class=moz-cite-prefix class=moz-forward-container class=zmail_extra class=tutanota_quote " +
		"class=gmail_quote_attribution class=spark_quote class=outlookmessageheader class=ms-outlook-mobile-reference-message " +
		"name=quote name=messagereplysection id=isforwardcontent id=mail-editor-reference-message-container id=olk_src_body_section " +
		"id=reply-intro data-marker=__headers__ data-marker=__quoted_text__ fairemail=reference")

	// frames hold the line above a quote, quotes, and answers between or below
	// these: Gmail's way.
	frames = marks("class=gmail_quote class=gmail_quote_container class=protonmail_quote")

	// ends stand above an earlier mail that goes down to the end.
	ends = marks("id=divrplyfwdmsg id=appendonsend id=stopspelling id=x_divrplyfwdmsg id=x_appendonsend " +
		"id=ms-outlook-mobile-body-separator-line")

	// signatures hold what is put below every mail.
	signatures = marks("class=gmail_signature class=gmail_signature_prefix class=moz-signature class=protonmail_signature_block class=k9mail-signature " +
		"class=tutanota_signature class=zmail_signature class=ms-outlook-mobile-signature id=signature id=ms-outlook-mobile-signature " +
		"id=applemailsignature id=_rc_sig id=composer_signature id=zmail_signature id=mobile_signature name=messagesignaturesection fairemail=signature " +
		"data-smartmail=gmail_signature class=preheader id=preheader")
)

func marks(s string) map[string]bool {
	known := make(map[string]bool)
	for _, word := range strings.Fields(s) {
		known[word] = true
	}
	return known
}

// htmlDepth is how many elements deep an HTML document is followed. Below that,
// elements count for nothing but their text, and with the first quote all ends.
const htmlDepth = 500

// textOfHTML returns the text that a reader of an HTML document sees, in
// lines. Each earlier mail in it is one line ">", where reply knows what to
// make of it; signatures that are marked as such are left out.
//
// It walks along the tokens: no tree is built that could be too deep.
func textOfHTML(doc string) string {
	var p page
	z := html.NewTokenizer(strings.NewReader(strings.ToValidUTF8(doc, "")))
	for !p.over {
		switch z.Next() {
		case html.ErrorToken: // the end: a string has no other error
			return p.text()
		case html.TextToken:
			p.write(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(z.Token())
		case html.EndTagToken:
			p.end(z.Token())
		}
	}
	return p.text()
}

// role is what an element is in a mail.
type role int

const (
	shown role = iota
	hidden
	quoted
	frame
)

// element is one that is open.
type element struct {
	tag  atom.Atom // 0 where HTML knows none of its name
	name string
	role role
	pre  bool // white space is kept in it
	gap  bool // an empty line follows
	at   int  // how many lines there were at its start
	seen bool // a frame in which a quote was found
}

// page is what was seen of a document so far.
type page struct {
	open   []element
	deeper int // elements open below htmlDepth
	unseen int // open elements that hide what is in them

	lines []string
	line  strings.Builder // the last one, unfinished
	space bool            // white space is due before the next word
	over  bool            // nothing that follows is the answer
}

func (p *page) start(t html.Token) {
	switch t.DataAtom {
	case atom.Br:
		p.newLine()
		return
	case atom.Hr:
		p.breakLine()
		if p.marked(t); !p.over {
			p.write("---")
			p.breakLine()
		}
		return
	case atom.Img:
		if alt := attribute(t, "alt"); isEmoji(alt) {
			p.write(alt)
		}
		return
	case atom.Area, atom.Base, atom.Col, atom.Embed, atom.Input, atom.Link, atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr:
		return
	}
	p.imply(t.DataAtom)
	p.space = p.space || isCell(t.DataAtom)
	if isBlock(t.DataAtom) {
		p.breakLine()
	}
	gap := t.DataAtom == atom.P && !tight(t)
	if gap {
		p.paragraph()
	}
	if t.Type == html.SelfClosingTagToken && !isBlock(t.DataAtom) || p.over {
		return // "<o:p/>", which a browser would leave open
	}
	if (isCell(t.DataAtom) || t.DataAtom == atom.Tr || t.DataAtom == atom.Tbody) && !p.inTable() {
		return
	}
	e := element{tag: t.DataAtom, name: t.Data, role: p.marked(t), gap: gap, at: len(p.lines)}
	e.pre = t.DataAtom == atom.Pre || strings.Contains(style(t), "white-space:pre") || len(p.open) > 0 && p.open[len(p.open)-1].pre
	if p.over {
		return
	}
	if len(p.open) == htmlDepth {
		p.deeper++
		p.over = e.role != shown && p.unseen == 0 // where it ends would not be seen
		return
	}
	if e.role == quoted {
		p.quote()
	}
	if e.role == quoted || e.role == hidden {
		p.unseen++
	}
	p.open = append(p.open, e)
}

// imply closes the elements that the start of another closes: a paragraph ends
// where a block begins, a cell where another does.
func (p *page) imply(tag atom.Atom) {
	if n := len(p.open); n > 0 && p.open[n-1].tag == atom.Head && !inHead(tag) {
		p.pop()
	}
	switch {
	case tag == atom.Td || tag == atom.Th:
		p.closeWithin(atom.Tr, atom.Td, atom.Th)
	case tag == atom.Tr:
		p.closeWithin(atom.Table, atom.Tr)
	case tag == atom.Li:
		p.closeWithin(0, atom.P)
		p.closeWithin(0, atom.Li)
	case isBlock(tag):
		p.closeWithin(0, atom.P)
	}
}

// closeWithin closes the innermost of these elements with all that is in it,
// if it stands below the innermost end: 0 stands for any block.
func (p *page) closeWithin(end atom.Atom, tags ...atom.Atom) {
	for n := len(p.open) - 1; n >= 0; n-- {
		tag := p.open[n].tag
		if slices.Contains(tags, tag) {
			for len(p.open) > n && !p.over {
				p.pop()
			}
			return
		}
		if tag == end || tag == atom.Table || end == 0 && (isBlock(tag) || isCell(tag)) {
			return
		}
	}
}

func inHead(tag atom.Atom) bool {
	switch tag {
	case atom.Base, atom.Link, atom.Meta, atom.Noscript, atom.Script, atom.Style, atom.Template, atom.Title:
		return true
	}
	return false
}

func (p *page) inTable() bool {
	return slices.ContainsFunc(p.open, func(e element) bool { return e.tag == atom.Table })
}

// end closes an element, with those in it that were left open. An end that
// belongs to none closes nothing: a stray one must not open a quote.
func (p *page) end(t html.Token) {
	if t.DataAtom == atom.Body || t.DataAtom == atom.Html {
		return // text may follow, and a quote may hold a whole document
	}
	if p.deeper > 0 {
		p.deeper--
		return
	}
	if isBlock(t.DataAtom) {
		p.breakLine()
	}
	for n := len(p.open) - 1; n >= 0; n-- {
		if p.open[n].name == t.Data {
			for len(p.open) > n && !p.over {
				p.pop()
			}
			return
		}
		if bounds(p.open[n].tag, t.DataAtom) {
			return
		}
	}
}

// bounds says that an element stays open at an end tag of another: text ends in
// its block, a block in its cell, a cell in its table.
func bounds(open, end atom.Atom) bool {
	switch {
	case end == atom.Table:
		return false
	case isCell(end) || end == atom.Tr || end == atom.Tbody:
		return open == atom.Table
	case end == atom.Li:
		return open == atom.Table || isCell(open) || open == atom.Ul || open == atom.Ol
	case isBlock(end):
		return open == atom.Table || isCell(open)
	}
	return isBlock(open) || isCell(open)
}

func isCell(tag atom.Atom) bool { return tag == atom.Td || tag == atom.Th }

// pop closes the innermost element.
func (p *page) pop() {
	e := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	switch e.role {
	case quoted, hidden:
		p.unseen--
	case frame: // all of it is the quote where there was none inside
		p.breakLine()
		if !e.seen && p.unseen == 0 && len(p.lines) > e.at {
			p.openFrame(e.at)
		}
	case shown:
	}
	if e.gap {
		p.paragraph()
	}
}

// quote puts the line ">" for an earlier mail. In a frame, what stands above
// its first quote is the line above it, in whatever language.
func (p *page) quote() {
	if p.unseen > 0 {
		return
	}
	p.breakLine()
	at := -1 // where the outermost frame begins that had none yet
	for n := range p.open {
		if e := &p.open[n]; e.role == frame && !e.seen {
			e.seen = true
			if at < 0 {
				at = e.at
			}
		}
	}
	if at >= 0 {
		p.openFrame(at)
		return
	}
	p.lines = append(p.lines, ">")
}

// openFrame takes back the lines from one on, for a ">". Those of a forwarded
// mail begin with dashes: what follows is all that mail.
func (p *page) openFrame(at int) {
	at = min(at, len(p.lines))
	first := strings.TrimSpace(strings.Join(p.lines[at:min(len(p.lines), at+3)], ""))
	p.lines = append(p.lines[:at], ">")
	p.over = strings.HasPrefix(first, "---")
}

// marked says what role an element has. Where it begins an earlier
// mail that goes down to the end, all is over.
func (p *page) marked(t html.Token) role {
	switch t.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Noscript, atom.Template, atom.Textarea, atom.Select, atom.Iframe, atom.Object:
		return hidden
	}
	css := style(t)
	if isHidden(t, css) {
		return hidden
	}
	kind := shown
	for _, a := range t.Attr {
		if a.Key != "id" && a.Key != "class" && a.Key != "name" && a.Key != "fairemail" && !strings.HasPrefix(a.Key, "data-") {
			continue
		}
		for value := range strings.FieldsSeq(strings.ToLower(a.Val)) {
			switch mark := a.Key + "=" + value; {
			case signatures[mark]:
				return hidden
			case ends[mark]:
				p.over = p.unseen == 0
			case t.DataAtom == atom.Blockquote:
			case quotes[mark]:
				return quoted
			case frames[mark]:
				kind = frame
			}
		}
	}
	switch {
	case t.DataAtom == atom.Blockquote && !isIndent(t, css):
		return quoted
	case t.DataAtom == atom.Div && (strings.Contains(css, "border-top:solid#e1e1e1") || strings.Contains(css, "border-top:solid#b5c4df")):
		p.over = p.unseen == 0 // Outlook's line above the header of the original
	}
	return kind
}

// isIndent knows how Gmail and Apple Mail indent what a person writes: with a
// quote that has no line beside it.
func isIndent(t html.Token, css string) bool {
	return attribute(t, "type") == "" && attribute(t, "class") == "" &&
		(strings.Contains(css, "border:none") || strings.Contains(css, "border:medium")) &&
		strings.Contains(css, "40px") && strings.Contains(css, "padding:0") && !strings.Contains(css, "border-left")
}

func isHidden(t html.Token, css string) bool {
	for _, a := range t.Attr {
		if a.Key == "hidden" {
			return true
		}
	}
	return declares(css, "display:none") || declares(css, "visibility:hidden") || declares(css, "mso-hide:all") ||
		declares(css, "font-size:0") || declares(css, "max-height:0") || declares(css, "opacity:0")
}

// declares says that a style has a declaration whose value goes on with
// nothing but a unit: "font-size:0px", and not "font-size:0.9em".
func declares(css, declaration string) bool {
	for d := range strings.SplitSeq(css, ";") {
		if rest, ok := strings.CutPrefix(d, declaration); ok && strings.Trim(rest, "0pxtem%!ioran") == "" && rest != "." {
			return true
		}
	}
	return false
}

// styleMax is how much of a style is looked at, in bytes.
const styleMax = 2000

// style returns an element's style, in lower case and without spaces.
func style(t html.Token) string {
	css := attribute(t, "style")
	return strings.Join(strings.Fields(strings.ToLower(css[:min(len(css), styleMax)])), "")
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// tight says that a paragraph has no empty line around it: Outlook's.
func tight(t html.Token) bool {
	css := style(t)
	return strings.HasPrefix(strings.ToLower(attribute(t, "class")), "mso") || strings.Contains(css, "margin:0") || strings.Contains(css, "margin-top:0")
}

func isBlock(tag atom.Atom) bool {
	switch tag {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Center, atom.Dd, atom.Div, atom.Dl, atom.Dt, atom.Fieldset,
		atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.Li, atom.Main,
		atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Table, atom.Tbody, atom.Tr, atom.Ul:
		return true
	}
	return false
}

// isEmoji says that the text of a picture is one: mail programs send some so.
func isEmoji(alt string) bool {
	if alt == "" || len(alt) > 40 {
		return false
	}
	for _, r := range alt {
		if r < 0x2000 && r != 0xa9 && r != 0xae || unicode.IsLetter(r) {
			return false
		}
	}
	return true
}

// write adds text, with white space as a browser shows it.
func (p *page) write(text string) {
	if p.unseen > 0 {
		return
	}
	if len(p.open) > 0 && p.open[len(p.open)-1].pre {
		for i, l := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
			if i > 0 {
				p.newLine()
			}
			p.line.WriteString(l)
		}
		return
	}
	for len(text) > 0 {
		at := strings.IndexAny(text, spaces)
		if at == 0 {
			p.space = true
			text = text[1:]
			continue
		}
		if at < 0 {
			at = len(text)
		}
		if p.space && p.line.Len() > 0 {
			p.line.WriteByte(' ')
		}
		p.line.WriteString(text[:at])
		p.space = false
		text = text[at:]
	}
}

// spaces are what a browser shows as one space. The one that does not break is
// none of them: alone on a line it makes an empty one.
const spaces = " \t\n\r\f"

// newLine ends the line, empty or not.
func (p *page) newLine() {
	p.space = false
	if p.unseen == 0 {
		l := p.line.String()
		if strings.Contains(l, "\u00a0") {
			l = strings.TrimSpace(strings.ReplaceAll(l, "\u00a0", " "))
		}
		p.lines = append(p.lines, l)
		p.line.Reset()
	}
}

// breakLine ends the line unless it is empty.
func (p *page) breakLine() {
	p.space = false
	if p.line.Len() > 0 {
		p.newLine()
	}
}

// paragraph puts an empty line, unless there is one.
func (p *page) paragraph() {
	p.breakLine()
	if n := len(p.lines); p.unseen == 0 && n > 0 && p.lines[n-1] != "" {
		p.lines = append(p.lines, "")
	}
}

// text returns the lines. A frame that was never closed is closed here.
func (p *page) text() string {
	p.breakLine()
	for len(p.open) > 0 && !p.over {
		p.pop()
	}
	return strings.TrimSpace(strings.Join(p.lines, "\n"))
}
