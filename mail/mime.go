package mail

import (
	"bytes"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-message"
)

// How much of a mail is looked at. What is beyond sets Mail.Cut.
const (
	headerMax  = 256 << 10 // bytes of one header
	fieldsMax  = 1000      // fields of one header
	partsMax   = 200
	nestMax    = 10      // parts in parts in parts
	decodedMax = 1 << 20 // bytes of text of all parts together
	photosMax  = 3
	photoMax   = 8 << 20  // bytes of a photo
	photoMin   = 4 << 10  // below that it is an icon, or counts who reads
	logoMax    = 30 << 10 // the same for a picture that stands in the text: there, small ones are in a signature
	ignoredMax = 20
	fileMax    = 100 // bytes of a name in Mail.Ignored
)

// entity is a mail, or a part of one. Its body is as it came, still encoded.
//
// Mails are taken apart here and not by go-message's readers, since those give
// up at what real mails have: a line that is no header field, two kinds of line
// endings, text between parts, a boundary that never comes.
type entity struct {
	header message.Header
	kind   string // media type, lower case
	params map[string]string
	body   []byte
}

// readEntity reads a header and what kind of body follows. long says that the
// header has more than is looked at.
func readEntity(raw []byte) (e entity, long bool) {
	head, body := splitHeader(raw)
	e.header, long = readHeader(head)
	e.body = body
	e.kind, e.params = parameters(last(&e.header, "Content-Type"))
	switch e.kind { // Source: RFC 2045, section 5.2
	case "", "text", "plain", "text/":
		e.kind = "text/plain"
	case "html":
		e.kind = "text/html"
	}
	return e, long
}

// splitHeader parts a header from the body: at the first line that is empty,
// after LF or CR LF. It is just where a DKIM verifier parts them. Were it
// elsewhere, one could put a text of one's own between header and body of a
// mail that somebody else has signed.
func splitHeader(raw []byte) (head, body []byte) {
	for at := 0; at < len(raw); {
		line := raw[at:]
		if bytes.HasPrefix(line, []byte("\n")) {
			return raw[:at], line[1:]
		}
		if bytes.HasPrefix(line, []byte("\r\n")) {
			return raw[:at], line[2:]
		}
		end := bytes.IndexByte(line, '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return raw, nil
}

// readHeader reads the fields of a header, and passes over lines that are none.
// long says that there are more than are looked at.
func readHeader(head []byte) (h message.Header, long bool) {
	var fields [][]byte
	size := 0
	for len(head) > 0 {
		end := 0
		for { // a line, and those that continue it
			next := bytes.IndexByte(head[end:], '\n')
			if next < 0 {
				end = len(head)
				break
			}
			end += next + 1
			if end == len(head) || head[end] != ' ' && head[end] != '\t' {
				break
			}
		}
		field := head[:end]
		head = head[end:]
		if !isField(field) {
			continue
		}
		if len(fields) == fieldsMax || size+len(field) > headerMax {
			long = true
			continue
		}
		size += len(field)
		fields = append(fields, field)
	}
	for _, field := range slices.Backward(fields) { // AddRaw adds above the others
		h.AddRaw(field)
	}
	return h, long
}

// isField tells whether a line begins with a field's name and a colon. Source:
// RFC 5322, section 3.6.8; blanks before the colon are of section 4.5.
func isField(line []byte) bool {
	name, _, ok := bytes.Cut(line[:min(len(line), 1000)], []byte(":"))
	name = bytes.TrimRight(name, " \t")
	return ok && len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// last is the value of a field, and where there are several of it, of the
// lowest: that one a signature covers, while everybody can put another on top.
// Source: RFC 6376, section 5.4.2.
func last(h *message.Header, key string) string {
	if values := h.Values(key); len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// parts takes the body of a multipart apart. Without its boundary it has none.
func (e *entity) parts() [][]byte {
	body, boundary := e.body, e.params["boundary"]
	found := cutParts(body, boundary)
	if found == nil && e.encoding() != "" { // against RFC 2045, section 6.4
		body = decodeTransfer(e, MaxSize)
		found = cutParts(body, boundary)
	}
	if found == nil {
		found = cutParts(body, guessBoundary(body))
	}
	return found
}

// guessBoundary finds a line that can only be a boundary: the header of a part
// follows.
func guessBoundary(body []byte) string {
	var before []byte
	for line := range bytes.Lines(body[:min(len(body), headerMax)]) {
		line = bytes.TrimRight(line, " \t\r\n")
		if len(before) > 2 && bytes.HasPrefix(before, []byte("--")) && len(line) > 8 && bytes.EqualFold(line[:8], []byte("Content-")) && isField(line) {
			return string(before[2:])
		}
		before = line
	}
	return ""
}

// cutParts cuts at the lines that are "--" and the boundary, up to the one that
// has "--" after it as well, or to the end. Source: RFC 2046, section 5.1.1.
func cutParts(body []byte, boundary string) (parts [][]byte) {
	boundary = strings.TrimRight(boundary, " \t")
	if boundary == "" {
		return nil
	}
	delimiter := []byte("--" + boundary)
	start := -1 // of the part, once there is one
	for at := 0; at < len(body) && len(parts) <= partsMax; {
		i := bytes.Index(body[at:], delimiter)
		if i < 0 {
			break
		}
		begin := at + i
		at = begin + len(delimiter)
		if begin > 0 && body[begin-1] != '\n' {
			continue
		}
		rest := body[at:]
		next := len(body)
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest, next = rest[:end], at+end+1
		}
		rest, closing := bytes.CutPrefix(rest, []byte("--"))
		if len(bytes.TrimRight(rest, " \t\r")) > 0 {
			continue // another boundary, which begins like this one
		}
		if start >= 0 {
			parts = append(parts, trimNewline(body[start:begin]))
		}
		if closing {
			return parts
		}
		start, at = next, next
	}
	if start >= 0 && len(parts) <= partsMax {
		parts = append(parts, body[start:])
	}
	return parts
}

// trimNewline takes the line end away that belongs to the boundary.
func trimNewline(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// walker goes through the parts of a mail and collects what is of use.
type walker struct {
	mail      *Mail
	parts     int
	decoded   int             // bytes of text so far
	shown     map[string]bool // Content-IDs of the pictures that stand in the text
	encrypted bool

	// What the parts of a multipart/report say.
	status, feedback, returned []byte
}

// content is the text of a part: as plain text, as HTML, or as both.
type content struct{ plain, html string }

func (c content) empty() bool { return c.plain == "" && c.html == "" }

// walk returns the text of a part and keeps its photos.
func (w *walker) walk(e entity, depth int) content {
	if w.parts++; w.parts > partsMax || depth > nestMax {
		w.mail.Cut = true
		return content{}
	}
	kind, sort, _ := strings.Cut(e.kind, "/")
	switch {
	case kind == "multipart" && sort == "encrypted", // PGP. Source: RFC 3156, section 4
		e.kind == "application/pkcs7-mime", e.kind == "application/x-pkcs7-mime": // S/MIME
		w.encrypted = true
		w.ignore(&e)
	case kind == "multipart":
		parts := e.parts()
		if parts == nil { // of a broken one, what there is
			e.kind = "text/plain"
			return w.text(&e)
		}
		return w.multipart(sort, parts, depth)
	case e.kind == "message/delivery-status", e.kind == "message/global-delivery-status":
		w.keep(&w.status, &e)
	case e.kind == "message/feedback-report":
		w.keep(&w.feedback, &e)
	case e.kind == "message/rfc822", e.kind == "message/global", e.kind == "text/rfc822-headers", e.kind == "message/global-headers":
		w.keep(&w.returned, &e)
		if kind == "message" {
			w.ignore(&e)
		}
	case e.kind == "message/disposition-notification", strings.HasSuffix(e.kind, "-signature"): // says nothing to a reader
	case depth == 0 && kind == "text", e.isText():
		return w.text(&e)
	case kind == "text" && e.disposition() != "attachment" && e.name() == "": // an invitation: the same in another form
	case kind == "image", e.kind == "application/octet-stream":
		w.photo(&e)
	default:
		w.ignore(&e)
	}
	return content{}
}

// isText tells what a person wrote from a text file that came along.
func (e *entity) isText() bool {
	return (e.kind == "text/plain" || e.kind == "text/html") && e.disposition() != "attachment" && e.name() == ""
}

// multipart returns the text of a multipart. Source: RFC 2046, section 5.1.
func (w *walker) multipart(sort string, parts [][]byte, depth int) (text content) {
	goesOn := false // the next part continues the text
	var files []entity
	for _, raw := range parts {
		if w.parts >= partsMax {
			w.mail.Cut = true
			break
		}
		e, long := readEntity(raw)
		w.mail.Cut = w.mail.Cut || long
		if sort == "digest" && !e.header.Has("Content-Type") {
			e.kind = "message/rfc822"
		}
		if e.kind == "text/plain" && e.disposition() != "attachment" && e.name() != "" {
			files = append(files, e)
			w.parts++
			continue
		}
		child := w.walk(e, depth+1)
		switch {
		case sort == "alternative":
			if text.plain == "" {
				text.plain = child.plain
			}
			if child.html != "" { // the last is the best
				text.html = child.html
			}
		case text.empty():
			text = child
		case goesOn && text.html == "" && child.html == "": // Apple Mail: text, photo, text
			text.plain += "\n" + child.plain
		case goesOn && text.plain == "" && child.plain == "":
			text.html += "\n" + child.html
		}
		goesOn = strings.HasPrefix(e.kind, "image/") && e.disposition() != "attachment"
	}
	for _, file := range files { // gateways give a name to the one text there is
		if text.empty() {
			text = w.text(&file)
		} else {
			w.ignore(&file)
		}
	}
	return text
}

// text returns the text of a part.
func (w *walker) text(e *entity) content {
	limit := decodedMax - w.decoded
	data := decodeTransfer(e, limit)
	w.decoded += len(data)
	if len(data) == limit {
		w.mail.Cut = true
	}
	charset := e.params["charset"]
	if e.kind != "text/html" {
		text := decodeCharset(charset, data)
		if strings.EqualFold(e.params["format"], "flowed") {
			text = unflow(text, strings.EqualFold(e.params["delsp"], "yes"))
		}
		if text = clean(text); strings.TrimSpace(text) == "" {
			text = ""
		}
		return content{plain: text}
	}
	if found := metaCharset.FindSubmatch(data[:min(len(data), 2048)]); charset == "" && found != nil {
		charset = string(found[1])
	}
	doc := decodeCharset(charset, data)
	for _, found := range contentID.FindAllStringSubmatch(doc, partsMax) {
		w.shown[found[1]] = true
	}
	return content{html: doc}
}

var (
	metaCharset = regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s*=\s*["']?([a-z0-9_:.-]{1,40})`)
	contentID   = regexp.MustCompile(`(?i)["'(]cid:([^"'()<>\s]{1,200})`)
)

// photo keeps a picture, if it is one.
func (w *walker) photo(e *entity) {
	kind := pictureType(decodeTransfer(e, 512))
	if kind == "" || len(w.mail.Photos) == photosMax {
		w.ignore(e)
		return
	}
	data := decodeTransfer(e, photoMax+1)
	inText := e.disposition() != "attachment" && w.shown[strings.Trim(last(&e.header, "Content-Id"), "<> \t")]
	switch {
	case len(data) > photoMax:
		w.mail.Large = true
		w.ignore(e)
	case len(data) < photoMin, inText && len(data) < logoMax:
	default:
		w.mail.Photos = append(w.mail.Photos, Photo{Name: e.name(), Type: kind, Data: data})
	}
}

// pictureType tells by its first bytes whether data is a picture of a type that
// is kept, whatever it calls itself.
func pictureType(data []byte) string {
	switch kind := http.DetectContentType(data); kind {
	case "image/jpeg", "image/png", "image/webp", "image/gif":
		return kind
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" { // Source: ISO/IEC 23008-12, annex B
		switch string(data[8:12]) {
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			return "image/heic"
		}
	}
	return ""
}

// ignore notes an attachment that nothing is done with.
func (w *walker) ignore(e *entity) {
	if len(w.mail.Ignored) == ignoredMax {
		return
	}
	name := e.name()
	if name == "" {
		name = inOneLine(e.kind, fileMax)
	}
	w.mail.Ignored = append(w.mail.Ignored, name)
}

// keep keeps the first part of a kind that a report has.
func (w *walker) keep(part *[]byte, e *entity) {
	if *part == nil {
		*part = decodeTransfer(e, headerMax)
	}
}

// disposition says how a part wants to be shown. Source: RFC 2183.
func (e *entity) disposition() string {
	kind, _ := parameters(last(&e.header, "Content-Disposition"))
	return kind
}

// name is the name of an attached file, or "".
func (e *entity) name() string {
	_, params := parameters(last(&e.header, "Content-Disposition"))
	name := params["filename"]
	if name == "" {
		name = e.params["name"]
	}
	name = inOneLine(decodeWords(name), 4*fileMax)
	if name == "" {
		return ""
	}
	return cut(path.Base(strings.ReplaceAll(name, `\`, "/")), fileMax)
}
