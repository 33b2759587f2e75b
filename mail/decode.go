package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// encoding is the Content-Transfer-Encoding of a part: "base64",
// "quoted-printable", or "" for those that change nothing.
func (e *entity) encoding() string {
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(last(&e.header, "Content-Transfer-Encoding"))), " ")
	switch name = strings.Trim(name, `;"`); name {
	case "base64", "quoted-printable":
		return name
	}
	return ""
}

// decodeTransfer undoes the Content-Transfer-Encoding, up to limit bytes. Of
// what is broken it takes what can be decoded.
func decodeTransfer(e *entity, limit int) []byte {
	if limit <= 0 {
		return nil
	}
	switch e.encoding() {
	case "base64":
		if data, ok := decodeBase64(e.body, limit); ok {
			return data
		}
	case "quoted-printable":
		return decodeQuoted(e.body, limit)
	}
	return e.body[:min(len(e.body), limit)]
}

// decodeBase64 passes over what is no base64. It says false where that is so
// much that the text is not encoded at all.
func decodeBase64(body []byte, limit int) (data []byte, ok bool) {
	sample := body[:min(len(body), 64<<10)]
	strange := 0
	for _, c := range sample {
		if !isDigit64(c) && !strings.ContainsRune("=\r\n\t", rune(c)) {
			strange++
		}
	}
	if strange > len(sample)/10 {
		return nil, false
	}
	data = make([]byte, min(base64.RawStdEncoding.DecodedLen(len(body)), limit))
	// An error says that the end is no whole byte, or that there was less.
	n, _ := io.ReadFull(base64.NewDecoder(base64.RawStdEncoding, &digits64{body}), data)
	return data[:n], true
}

// digits64 reads the digits of base64 in a text.
type digits64 struct{ text []byte }

func (d *digits64) Read(p []byte) (n int, err error) {
	i := 0
	for ; i < len(d.text) && n < len(p); i++ {
		if isDigit64(d.text[i]) {
			p[n] = d.text[i]
			n++
		}
	}
	if d.text = d.text[i:]; n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func isDigit64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// decodeQuoted decodes quoted-printable; what follows no rule stays as it is.
// Source: RFC 2045, section 6.7.
func decodeQuoted(body []byte, limit int) []byte {
	data := make([]byte, 0, min(len(body), limit))
	for len(body) > 0 && len(data) < limit {
		line, rest, newline := bytes.Cut(body, []byte("\n"))
		body = rest
		line = bytes.TrimRight(line, " \t\r") // blanks at the end were added on the way
		soft := bytes.HasSuffix(line, []byte("="))
		if soft {
			line = line[:len(line)-1]
		}
		for i := 0; i < len(line); i++ {
			if line[i] == '=' && i+2 < len(line) {
				if c, err := strconv.ParseUint(string(line[i+1:i+3]), 16, 8); err == nil {
					data = append(data, byte(c))
					i += 2
					continue
				}
			}
			data = append(data, line[i])
		}
		if newline && !soft {
			data = append(data, '\n')
		}
	}
	return data[:min(len(data), limit)]
}

// words decodes header text. Source: RFC 2047.
var words = mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
	data, err := io.ReadAll(r)
	return strings.NewReader(decodeCharset(name, data)), err
}}

// decodeWords decodes the encoded words in a header's text, and takes bytes
// that are not ASCII as good as can be.
func decodeWords(s string) string {
	s = s[:min(len(s), 16<<10)]
	if decoded, err := words.DecodeHeader(s); err == nil {
		s = decoded
	}
	return toUTF8([]byte(s))
}

// decodeCharset makes UTF-8 of text in some charset. Many a label is wrong.
func decodeCharset(label string, data []byte) string {
	label = strings.ToLower(strings.Trim(label, "\"' \t"))
	label = strings.TrimPrefix(label, "3d") // of a header that was encoded itself
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		label = "utf-16"
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return toUTF8(data[3:])
	}
	switch label {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968", "iso-8859-1", "latin1", "windows-1252", "cp1252", "unknown-8bit", "x-unknown":
		return toUTF8(data)
	}
	if strings.HasPrefix(label, "iso-8859-") || strings.HasPrefix(label, "windows-125") || strings.HasPrefix(label, "koi8") {
		if utf8.Valid(data) { // which hardly any other text with letters beyond ASCII is
			return string(data)
		}
	}
	r, err := charset.Reader(label, bytes.NewReader(data))
	if err != nil {
		return toUTF8(data)
	}
	text, err := io.ReadAll(io.LimitReader(r, 3*decodedMax))
	if err != nil {
		return toUTF8(data)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// toUTF8 takes text for UTF-8, and those bytes that are not for windows-1252,
// which is Latin-1 and more.
func toUTF8(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			r = charmap.Windows1252.DecodeByte(data[0])
		}
		b.WriteRune(r)
		data = data[size:]
	}
	return b.String()
}

// unflow makes paragraphs of lines that were broken to be shown. Source: RFC
// 3676, section 4.
func unflow(text string, delSp bool) string {
	var b strings.Builder
	depth, open := 0, false // of the paragraph so far, which goes on
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		content := strings.TrimLeft(line, ">")
		quotes := len(line) - len(content)
		content = strings.TrimPrefix(content, " ")
		signature := content == "-- "
		if open && (quotes != depth || signature) {
			b.WriteByte('\n')
			open = false
		}
		if !open && quotes > 0 {
			b.WriteString(strings.Repeat(">", quotes) + " ")
		}
		depth, open = quotes, strings.HasSuffix(content, " ") && !signature
		if open && delSp {
			content = content[:len(content)-1]
		}
		b.WriteString(content)
		if !open {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// clean gives text one form of line ends, blanks and accents, and takes away
// what cannot be seen.
func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\r', r == '\v', r == '\f', r == '\u0085', r == '\u2028', r == '\u2029':
			return '\n'
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
}

var blankLines = regexp.MustCompile(`\n{3,}`)

// tidy is the form that a text is handed on in: no blanks at the ends of lines,
// no empty lines around, never two in a row.
func tidy(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Trim(blankLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n"), "\n")
}

// inOneLine makes one line of a text, of at most size bytes.
func inOneLine(s string, size int) string {
	s = cut(strings.ToValidUTF8(s, "\uFFFD"), 4*size)
	return strings.TrimSpace(cut(strings.Join(strings.Fields(clean(s)), " "), size))
}

// parameters reads a field such as Content-Type: a value, and parameters. They
// may be without quotes, named twice, continued and in any charset. Source: RFC
// 2045, section 5.1; RFC 2231.
func parameters(field string) (value string, params map[string]string) {
	value, rest, _ := strings.Cut(field, ";")
	value, _, _ = strings.Cut(value, "(")
	value = strings.ToLower(strings.TrimSpace(value))
	params = map[string]string{}
	pieces := map[string]string{} // "filename*1*" and the like
	for rest != "" && len(params)+len(pieces) < 100 {
		var key, val string
		key, rest, _ = strings.Cut(rest, "=")
		if _, after, ok := strings.Cut(key, ";"); ok { // one without a value
			key = after
		}
		key = strings.ToLower(strings.TrimSpace(key))
		val, rest = parameter(rest)
		if strings.Contains(key, "*") {
			pieces[key] = val
		} else if _, twice := params[key]; !twice {
			params[key] = val
		}
	}
	for key := range pieces {
		if name, _, _ := strings.Cut(key, "*"); name != "" {
			params[name] = assemble(name, pieces)
		}
	}
	return value, params
}

// parameter reads the value of a parameter, and returns what follows it.
func parameter(s string) (value, rest string) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			_, rest, _ = strings.Cut(s[i:], ";")
			return b.String(), rest
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return strings.TrimSpace(b.String()), "" // the closing quote is missing
}

// assemble puts the pieces of a parameter together. Source: RFC 2231, sections
// 3 and 4.
func assemble(name string, pieces map[string]string) string {
	var b strings.Builder
	label := ""
	add := func(key string, first bool) bool {
		piece, ok := pieces[key]
		if encoded, has := pieces[key+"*"]; has {
			piece, ok = encoded, true
			if first {
				if parts := strings.SplitN(piece, "'", 3); len(parts) == 3 {
					label, piece = parts[0], parts[2]
				}
			}
			if plain, err := url.PathUnescape(piece); err == nil {
				piece = plain
			}
		}
		b.WriteString(piece)
		return ok
	}
	if !add(name, true) {
		i := 0
		for add(name+"*"+strconv.Itoa(i), i == 0) {
			i++
		}
	}
	return decodeCharset(label, []byte(b.String()))
}
