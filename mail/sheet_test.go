package mail_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/emersion/go-message"
	"golang.org/x/net/html"

	"crier/conversation"
	"crier/mail"
)

// weekly is a digest, to a member who reads mails.
func weekly() conversation.Outbound {
	take := func(n int64) conversation.Choice {
		reply := fmt.Sprint("TAKE ", n)
		return conversation.Choice{Label: reply, Reply: reply}
	}
	sheet := &conversation.Sheet{
		Title: "6 new ads in Riverbank LETS",
		Sections: []conversation.Section{
			{Text: "Dear all,\n\nthe market is on Saturday from 10 to 12, at the old mill. Bring your own bags, and a cake if you like baking.\n\nRia"},
			{Title: "Food", Items: []conversation.Item{
				{Number: 31, Text: "Sourdough bread, baked on Fridays", Note: "5 acorns a loaf, Anna Jansen, Mill Lane", Choice: take(31), Photo: bread},
				{Number: 34, Text: "40 kg of tomatoes, until Friday", Note: "8 acorns a kg, Thandi Mokoena", Choice: take(34), Photo: tomatoes},
				{Number: 29, Text: "wanted: jam jars with lids", Note: "Maria Keller", Choice: take(29)},
			}},
			{Title: "House & garden", Items: []conversation.Item{
				{Number: 33, Text: "I mend bicycles, lamps and whatever else squeaks, at your place or at mine", Note: "10 acorns an hour, Jérôme Lefèvre, Wavre", Choice: take(33)},
				{Number: 30, Text: "wanted: somebody to look after two hens & a cat in the first week of April", Note: "Luc Martin", Choice: take(30)},
			}},
			{Title: "Other", Items: []conversation.Item{{Number: 32, Text: "Guitar lessons", Note: "12 acorns, Ben de Vries", Choice: take(32)}}},
			{Text: "2 people are new with us: Sofia Rossi, Karel Peeters. 14 payments were made."},
		},
		Foot:    "To take one up, answer TAKE and its number. FIND and a word looks for more. Too many letters, or too few? Answer DAILY, WEEKLY, MONTHLY or STOP THE DIGEST.",
		Choices: []conversation.Choice{{Label: "MONTHLY", Reply: "MONTHLY"}, {Label: "STOP THE DIGEST", Reply: "STOP THE DIGEST"}},
	}
	return conversation.Outbound{
		ID: letterID, Community: "river", Channel: mail.Channel, Address: "maria@example.net", Locale: "en", Sender: "Riverbank LETS",
		Priority: conversation.Bulk, Attempt: 1, Text: sheet.Plain(), Sheet: sheet,
	}
}

// ball is something round in a photo: its middle and its half axes in pixels,
// and its colour.
type ball struct {
	x, y, wide, high float64
	color.RGBA
}

var (
	bread = snapshot(ball{160, 120, 130, 70, color.RGBA{190, 120, 50, 255}}, ball{110, 85, 8, 30, color.RGBA{240, 205, 150, 255}},
		ball{160, 78, 8, 32, color.RGBA{240, 205, 150, 255}}, ball{210, 85, 8, 30, color.RGBA{240, 205, 150, 255}})
	tomatoes = snapshot(ball{70, 130, 52, 48, color.RGBA{205, 40, 25, 255}}, ball{250, 125, 55, 50, color.RGBA{220, 60, 30, 255}},
		ball{160, 110, 58, 54, color.RGBA{215, 45, 30, 255}}, ball{160, 62, 16, 7, color.RGBA{60, 120, 50, 255}}, ball{250, 80, 14, 6, color.RGBA{60, 120, 50, 255}})
)

// snapshot is a photo of things on a table, as a member's would be once it is
// small.
func snapshot(things ...ball) *conversation.Photo {
	i := image.NewRGBA(image.Rect(0, 0, 320, 200))
	for y := range 200 {
		for x := range 320 {
			c := color.RGBA{225, 210, 185, 255}
			if y > 110 {
				c = color.RGBA{160, 130, 95, 255}
			}
			for _, b := range things {
				dx, dy := (float64(x)-b.x)/b.wide, (float64(y)-b.y)/b.high
				if far := dx*dx + dy*dy; far < 1 { // the light comes from the upper left
					light := 1.05 - 0.35*far - 0.2*(dx+dy)
					shade := func(v uint8) uint8 { return uint8(min(255, max(0, light*float64(v)))) }
					c = color.RGBA{shade(b.R), shade(b.G), shade(b.B), 255}
				}
			}
			i.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, i, nil); err != nil {
		panic(err)
	}
	return &conversation.Photo{Type: "image/jpeg", Data: b.Bytes()}
}

// letterParts are the parts of a sheet's letter.
type letterParts struct {
	header      message.Header
	plain, html string
	photos      map[string][]byte // by Content-ID
	order       []string          // of the kinds
}

// openSheet takes a letter apart as a mail program does.
func openSheet(t testing.TB, data []byte) letterParts {
	t.Helper()
	for line := range bytes.SplitSeq(data, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("a line that no mail server takes: %q", line)
		}
	}
	e, err := message.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	p := letterParts{header: e.Header, photos: map[string][]byte{}}
	err = e.Walk(func(path []int, part *message.Entity, err error) error {
		if err != nil {
			return err
		}
		kind, params, err := part.Header.ContentType()
		if err != nil {
			return err
		}
		p.order = append(p.order, fmt.Sprint(len(path), " ", kind))
		if strings.HasPrefix(kind, "multipart/") {
			return nil
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch {
		case kind == "text/plain" && params["charset"] == "utf-8":
			p.plain = text
		case kind == "text/html" && params["charset"] == "utf-8":
			p.html = text
		default:
			p.photos[strings.Trim(part.Header.Get("Content-Id"), "<>")] = body
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readPage returns what a mail program shows of a sheet's HTML. It fails where
// there is anything in it but texts, pictures of the letter and links for answers.
func readPage(t testing.TB, page string) (text string, links []link, pictures []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if p := n.Parent.Data; p == "a" {
				links[len(links)-1].label = n.Data
			} else if p != "title" {
				b.WriteString(n.Data)
			}
		case html.ElementNode:
			switch n.Data {
			case "html", "head", "body", "meta", "title", "p", "br", "a", "table", "tbody", "tr", "td", "h1", "h2", "b", "bdi", "span", "img", "blockquote":
			default:
				t.Errorf("there is a <%s> in the letter", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case a.Key == "href":
					links = append(links, link{to: a.Val})
					if !strings.HasPrefix(a.Val, "mailto:river+c.") {
						t.Errorf("there is a link to %q", a.Val)
					}
				case a.Key == "src" && n.Data == "img":
					cid, ok := strings.CutPrefix(a.Val, "cid:")
					if !ok {
						t.Errorf("the letter loads %q", a.Val)
					}
					pictures = append(pictures, cid)
				case a.Key == "style" && strings.Contains(a.Val, "url"), !slices.Contains(strings.Fields(
					"lang dir charset name content style type role width cellpadding cellspacing border align valign colspan alt"), a.Key):
					t.Errorf("there is a %s=%q in the letter", a.Key, a.Val)
				}
			}
		case html.CommentNode:
			if strings.Trim(n.Data, " .") != "" && (!strings.HasPrefix(n.Data, "[if mso]><") || !strings.HasSuffix(n.Data, "<![endif]")) {
				t.Errorf("there is a comment in the letter: %q", n.Data)
			}
		}
	}
	return b.String(), links, pictures
}

// saying is what a text says, however it is set.
func saying(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToUpper(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }), " ")
}

// checkSaysTheSame fails where the parts of a letter differ, and returns them.
func checkSaysTheSame(t testing.TB, data []byte) (letterParts, []link) {
	t.Helper()
	p := openSheet(t, data)
	shown, links, pictures := readPage(t, p.html)
	if saying(p.plain) != saying(shown) {
		t.Fatalf("the text says\n%q\nand the HTML\n%q", saying(p.plain), saying(shown))
	}
	for _, cid := range pictures {
		if p.photos[cid] == nil {
			t.Errorf("there is no picture %q in the letter", cid)
		}
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(pictures))); len(distinct) != len(p.photos) {
		t.Errorf("of %d pictures the letter shows %d", len(p.photos), len(distinct))
	}
	return p, links
}

func TestSheetBecomesAPage(t *testing.T) {
	out := weekly()
	l := writeLetter(t, letterhead(), out)
	p, links := checkSaysTheSame(t, l.Data)
	want := []string{"0 multipart/alternative", "1 text/plain", "1 multipart/related", "2 text/html", "2 image/jpeg", "2 image/jpeg"}
	if !slices.Equal(p.order, want) {
		t.Errorf("the parts are %q, want %q", p.order, want)
	}
	if subject := p.header.Get("Subject"); subject != out.Sheet.Title {
		t.Errorf("the subject is %q", subject)
	}
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence", "Reply-To"} {
		if p.header.Get(name) == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if !strings.HasPrefix(p.plain, "6 new ads in Riverbank LETS\n\nDear all,\n") || !strings.Contains(p.plain, "\nFOOD\n31  Sourdough bread") ||
		!strings.HasSuffix(strings.TrimSpace(p.plain), "STOP THE DIGEST.\n\n-- \nRiverbank LETS") {
		t.Errorf("the text is\n%s", p.plain)
	}
	if !strings.Contains(p.html, `<html lang="en" dir="ltr">`) {
		t.Errorf("the page says no language:\n%.200s", p.html)
	}
	answers := "mailto:river+" + letterSeal.Token(mail.Answering, letterID) + "@example.org?subject=Re%3A%206%20new%20ads%20in%20Riverbank%20LETS&body=TAKE%2031"
	if len(links) != 8 || links[0] != (link{"TAKE 31", answers}) || links[7].label != "STOP THE DIGEST" || !strings.HasSuffix(links[7].to, "&body=STOP%20THE%20DIGEST") {
		t.Errorf("the links are %q", links)
	}
	for _, data := range p.photos {
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			t.Errorf("a picture is none: %v", err)
		}
	}
}

// What was laid out for one letter is in the next one, but for what is its own.
func TestSheetIsSharedByLetters(t *testing.T) {
	head, out := letterhead(), weekly()
	out.Sheet.Sections[1].Items[0].Photo = nil
	writeLetter(t, head, out)
	out.ID++
	out.Address, out.Sender, out.Choices = "luc@example.net", "Another", []conversation.Choice{{Label: "Monthly", Reply: "monthly"}}
	second := writeLetter(t, head, out)
	if fresh := writeLetter(t, letterhead(), out); !bytes.Equal(second.Data, fresh.Data) {
		t.Errorf("the second letter is\n%s\nand by itself it would be\n%s", second.Data, fresh.Data)
	}
	p, links := checkSaysTheSame(t, second.Data)
	if strings.Contains(string(second.Data), letterSeal.Token(mail.Answering, letterID)) {
		t.Error("it has the token of the first")
	}
	if !strings.Contains(p.plain, "-- \nAnother\n") || links[len(links)-1].label != "Monthly" {
		t.Errorf("it has lost its own end: %q, %q", p.plain, links)
	}
	out.Locale = "ar"
	if p, _ := checkSaysTheSame(t, writeLetter(t, head, out).Data); !strings.Contains(p.html, `lang="ar" dir="rtl"`) {
		t.Errorf("another language is laid out as the first:\n%.200s", p.html)
	}
}

func TestSheetHasFewSmallPictures(t *testing.T) {
	out := weekly()
	items := out.Sheet.Sections[1].Items[:0]
	for n := range 12 {
		items = append(items, conversation.Item{Number: int64(n + 1), Text: "bread", Photo: snapshot(ball{160, 100, 60, float64(20 + n), color.RGBA{200, 90, 60, 255}})})
	}
	items[0].Photo = &conversation.Photo{Type: "image/jpeg", Data: append(slices.Clone(bread.Data), make([]byte, 20<<10)...)}
	items[1].Photo = &conversation.Photo{Type: "image/jpeg", Data: []byte("<svg onload=alert(1)>")}
	items[3].Photo = items[2].Photo
	out.Sheet.Sections = []conversation.Section{{Title: "Food", Items: items}}
	p, links := checkSaysTheSame(t, writeLetter(t, letterhead(), out).Data)
	if n := strings.Count(p.html, "<img "); n != 9 || len(p.photos) != 8 {
		t.Errorf("it shows %d pictures, and has %d; want 9 and 8", n, len(p.photos))
	}
	if len(links) != len(out.Sheet.Choices) {
		t.Errorf("there are links %q to nothing", links)
	}
}

// A mailbox without subaddresses cannot tell a mail that a link begins from any
// other: it has no links.
func TestSheetOfAPlainMailbox(t *testing.T) {
	head := letterhead()
	head.Detail = ""
	_, links := checkSaysTheSame(t, writeLetter(t, head, weekly()).Data)
	if len(links) != 0 {
		t.Errorf("there are links: %q", links)
	}
}

func TestHostileSheetsComeOutHarmless(t *testing.T) {
	for _, evil := range []string{
		"x\r\nBcc: victim@example.net\r\n\r\nbody", "\r\n\r\n<script>alert(1)</script>", "\x00\x07\x1b[31m", "a\x00b", "\u202egnp.exe", "\u2066x\u2069\u0085y\u2028z\u200f",
		`"><img src=http://evil.example/x>`, `<a href="http://evil.example/?track=31">free</a> http://evil.example/?u=1`, "=?utf-8?q?=0D=0ABcc:_v@example.net?=", "\xff\xfe",
		strings.Repeat("x", 10_000), strings.Repeat("é ", 5000), strings.Repeat("<", 10_000), "--=_c.\r\n--=_c.\r\n--=_rc.--", "</td></tr></table></body>", "<!--[if mso]>", "]]>--><b>", "&#x202e;",
		"=", "x=\n", " \t ", "From me\nFrom you", "> > x", "a -- \nx", "\ufeff", "ﷺ שלום", "<bdi></bdi></bdi>",
	} {
		for field, change := range map[string]func(*conversation.Outbound){
			"title":    func(out *conversation.Outbound) { out.Sheet.Title = evil },
			"foot":     func(out *conversation.Outbound) { out.Sheet.Foot = evil },
			"category": func(out *conversation.Outbound) { out.Sheet.Sections[1].Title = evil },
			"words":    func(out *conversation.Outbound) { out.Sheet.Sections[0].Text = evil },
			"ad":       func(out *conversation.Outbound) { out.Sheet.Sections[1].Items[0].Text = evil },
			"note":     func(out *conversation.Outbound) { out.Sheet.Sections[1].Items[0].Note = evil },
			"label":    func(out *conversation.Outbound) { out.Sheet.Sections[1].Items[0].Choice.Label = evil },
			"reply":    func(out *conversation.Outbound) { out.Sheet.Sections[1].Items[0].Choice.Reply = evil },
			"choice": func(out *conversation.Outbound) {
				out.Sheet.Choices = []conversation.Choice{{Label: evil, Reply: evil}}
			},
			"sender": func(out *conversation.Outbound) { out.Sender = evil },
			"locale": func(out *conversation.Outbound) { out.Locale = evil },
			"photo": func(out *conversation.Outbound) {
				out.Sheet.Sections[1].Items[0].Photo = &conversation.Photo{Type: evil, Data: []byte("GIF89a" + evil)}
			},
		} {
			t.Run(field, func(t *testing.T) {
				start := time.Now()
				out := weekly()
				change(&out)
				l, err := letterhead().Letter(out)
				if err != nil {
					t.Fatal(err)
				}
				p, _ := checkSaysTheSame(t, l.Data)
				for f := p.header.Fields(); f.Next(); {
					if f.Key() == "Bcc" {
						t.Fatalf("there is a field more:\n%s", l.Data)
					}
				}
				for _, text := range []string{p.plain, p.html, p.header.Get("Subject")} {
					if strings.ContainsAny(text, "\x00\x07\x1b\u202e\u2066\u0085") {
						t.Fatalf("a control character is left in %q", text)
					}
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("%v for %.20q", d, evil)
				}
			})
		}
	}
	out := weekly()
	out.Text, out.Sheet = "", &conversation.Sheet{}
	var refused *conversation.SendError
	if _, err := letterhead().Letter(out); !errors.As(err, &refused) || !refused.Final {
		t.Errorf("an empty sheet: %v", err)
	}
}

func FuzzSheet(f *testing.F) {
	f.Add("6 new", "Food", "bread <b>", "5 acorns, Anna", "take 31", "Answer TAKE 31", int64(31))
	f.Add("\x00", "\u202e", "x\r\n--=_c.", "a=\n", "\"", "=?", int64(-1))
	f.Fuzz(func(t *testing.T, title, section, text, note, reply, foot string, number int64) {
		out := weekly()
		out.Sheet = &conversation.Sheet{Title: title, Foot: foot, Sections: []conversation.Section{
			{Title: section, Text: foot, Items: []conversation.Item{{Number: number, Text: text, Note: note, Choice: conversation.Choice{Label: note, Reply: reply}}}},
		}}
		l, err := letterhead().Letter(out)
		if err == nil {
			checkSaysTheSame(t, l.Data)
		}
	})
}

// BenchmarkSheet makes letters of a digest of thirty ads: the first, and
// further ones of the same sheet.
func BenchmarkSheet(b *testing.B) {
	out := weekly()
	var items []conversation.Item
	for n := range 30 {
		item := out.Sheet.Sections[1].Items[n%2]
		item.Number, item.Photo = int64(n+10), nil
		items = append(items, item)
	}
	out.Sheet = &conversation.Sheet{Title: out.Sheet.Title, Foot: out.Sheet.Foot, Sections: []conversation.Section{{Title: "Food", Items: items}}}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			writeLetter(b, letterhead(), out)
		}
	})
	b.Run("further", func(b *testing.B) {
		head := letterhead()
		for b.Loop() {
			out.ID++
			writeLetter(b, head, out)
		}
	})
}
