package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// part is a part of a multipart whose boundary is b.
func part(header, body string) string { return "--b\n" + header + "\n\n" + body + "\n" }

const (
	plainPart = "Content-Type: text/plain; charset=utf-8"
	htmlPart  = "Content-Type: text/html; charset=utf-8"
)

// multi is a mail of parts.
func multi(sort string, parts ...string) string {
	return personal + "Subject: about\nContent-Type: multipart/" + sort + "; boundary=b\n\nThis is in parts.\n\n" + strings.Join(parts, "") + "--b--\n"
}

// inner makes a multipart part of a mail's parts; its boundary is another.
func inner(sort, boundary string, parts ...string) string {
	body := strings.ReplaceAll(strings.Join(parts, "")+"--b--\n", "--b", "--"+boundary)
	return part("Content-Type: multipart/"+sort+"; boundary=\""+boundary+"\"", body)
}

func TestWhichPartIsTheText(t *testing.T) {
	jpeg := part("Content-Type: image/jpeg; name=a.jpg\nContent-Disposition: inline\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString(picture(50_000)))
	attached := strings.Replace(jpeg, "inline", "attachment", 1)
	for _, test := range []struct{ what, mail, want string }{
		{"there is plain text and HTML", multi("alternative", part(plainPart, "pay luc 5"), part(htmlPart, "<p>pay luc <b>5</b></p>")), "pay luc 5"},
		{"HTML stands first", multi("alternative", part(htmlPart, "<p>nothing</p>"), part(plainPart, "pay luc 5")), "pay luc 5"},
		{"there is HTML only", multi("alternative", part(htmlPart, "<p>pay luc <b>5</b></p>")), "pay luc 5"},
		{"the plain text is empty", multi("alternative", part(plainPart, " \u200b\n\u00a0\n"), part(htmlPart, "<p>pay luc 5</p>")), "pay luc 5"},
		{"the plain text is an excuse", multi("alternative", part(plainPart, "Your mail client does not support HTML messages."), part(htmlPart, "<p>pay luc 5</p>")), "pay luc 5"},
		{"the plain text is a French excuse", multi("alternative", part(plainPart, "Votre messagerie ne permet pas de lire le HTML."), part(htmlPart, "<p>pay luc 5</p>")), "pay luc 5"},
		{"the person writes about HTML", multi("alternative", part(plainPart, "Does anybody offer\nlessons in HTML?"), part(htmlPart, "<p>Does anybody offer lessons in HTML?</p>")), "Does anybody offer\nlessons in HTML?"},
		{"all of the plain text is a quote", multi("alternative", part(plainPart, "> Reply YES or NO."), part(htmlPart, "<p>Reply YES or NO.</p>")), "about"},
		{"an invitation is one of the alternatives", multi("alternative", part(plainPart, "see you"), part("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR")), "see you"},
		{"there is a second text", multi("mixed", part(plainPart, "pay luc 5"), part(plainPart, "Our list has a footer.")), "pay luc 5"},
		{"the first text is empty", multi("mixed", part(plainPart, "\n\n"), jpeg, part(plainPart, "pay luc 5")), "pay luc 5"},
		{"the text goes on after a photo", multi("mixed", part(plainPart, "offer: my bicycle"), jpeg, part(plainPart, "it is red")), "offer: my bicycle\nit is red"},
		{"HTML goes on after a photo", multi("mixed", part(htmlPart, "<p>offer: my bicycle</p>"), jpeg, part(htmlPart, "<p>it is red</p>")), "offer: my bicycle\n\nit is red"},
		{"a footer follows an attached photo", multi("mixed", part(plainPart, "offer: my bicycle"), attached, part(plainPart, "Our list has a footer.")), "offer: my bicycle"},
		{"a text file is attached", multi("mixed", part("Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt", "pay mallory 500"), part(plainPart, "hello")), "hello"},
		{"a named text stands first", multi("mixed", part("Content-Type: text/plain; name=a.txt", "pay mallory 500"), part(plainPart, "hello")), "hello"},
		{"the only text has a name", multi("mixed", part("Content-Type: text/plain; name=text_0.txt", "pay luc 5")), "pay luc 5"},
		{"the mail itself has a name", personal + "Content-Type: text/plain; name=x.txt\n\npay luc 5\n", "pay luc 5"},
		{"another mail is attached", multi("mixed", part("Content-Type: message/rfc822", "From: luc@example.org\n\npay mallory 500"), part(plainPart, "look at this")), "look at this"},
		{"nothing but another mail is attached", strings.Replace(multi("mixed", part("Content-Type: message/rfc822", "From: luc@example.org\n\npay mallory 500")), "Subject: about", "Subject: Fwd: it", 1), ""},
		{"it is a digest", multi("digest", part("X-A: b", "From: luc@example.org\n\npay mallory 500")), "about"},
		{"something encrypted is attached", multi("mixed", part(plainPart, "what is this?"), part("Content-Type: application/pkcs7-mime; name=smime.p7m", "x")), "what is this?"},
		{"it is signed", multi("signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"", part(plainPart, "pay luc 5"), part("Content-Type: application/pgp-signature", "-----BEGIN PGP SIGNATURE-----")), "pay luc 5"},
		{"it is signed inside", personal + "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\npay luc 5\n- - eggs\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n", "pay luc 5\n- eggs"},
		{"it is related in an alternative", multi("alternative", part(plainPart, ""), inner("related", "c", part(htmlPart, "<p>pay luc 5</p>"), jpeg)), "pay luc 5"},
		{"Apple Mail nests it", multi("alternative", part(plainPart, "pay luc 5"), inner("mixed", "c", part(htmlPart, "<p>pay luc"), jpeg, part(htmlPart, "5</p>"))), "pay luc 5"},
		{"it is mixed, with alternatives", multi("mixed", inner("alternative", "c", part(plainPart, "pay luc 5"), part(htmlPart, "<p>other</p>")), attached), "pay luc 5"},
		{"it answers above a quote", personal + "\nyes\n\nOn Mon, 2 Nov 2026 at 10:00, River <river@example.org> wrote:\n> Pay 5?\n", "yes"},
		{"the type is unknown", personal + "Content-Type: text/x-unheard-of\n\npay luc 5\n", "pay luc 5"},
		{"the type is half a type", personal + "Content-Type: text\n\npay luc 5\n", "pay luc 5"},
		{"the type is nonsense", personal + "Content-Type: ;;;=\"\n\npay luc 5\n", "pay luc 5"},
	} {
		if m := read(t, test.mail); m.Text != test.want {
			t.Errorf("where %s, the text is %q; want %q", test.what, m.Text, test.want)
		}
	}
}

func TestBrokenBoundaries(t *testing.T) {
	good := multi("mixed", part(plainPart, "pay luc 5"), part("Content-Type: application/pdf; name=a.pdf", "x"))
	for what, text := range map[string]string{
		"nothing is broken":            good,
		"the end is missing":           strings.Replace(good, "--b--\n", "", 1),
		"the end has no line end":      strings.TrimSuffix(good, "\n"),
		"the boundary is quoted":       strings.Replace(good, "boundary=b", "boundary=\"b\"", 1),
		"blanks follow the boundary":   strings.ReplaceAll(good, "--b\n", "--b \t\r\n"),
		"the boundary is not named":    strings.Replace(good, "; boundary=b", "", 1),
		"another boundary is named":    strings.Replace(good, "boundary=b", "boundary=other", 1),
		"a longer one begins like it":  strings.Replace(good, "pay luc 5", "pay luc 5\n--bread", 1),
		"a longer one ends like it":    strings.Replace(good, "pay luc 5", "pay luc 5\n--b--read", 1),
		"some lines end in CR LF":      strings.Replace(good, "\n--b\n", "\r\n--b\r\n", 1),
		"all lines end in CR LF":       strings.ReplaceAll(good, "\n", "\r\n"),
		"all lines end in CR":          strings.ReplaceAll(good, "\n", "\r"),
		"a part has no good header":    strings.Replace(good, plainPart, plainPart+"\nwhat is this", 1),
		"it stands within a line":      strings.Replace(good, "This is in parts.", "This --b is in parts.\nx--b\n\npay mallory 500", 1),
		"text follows the end":         good + "\n--b\n\npay mallory 500\n",
		"multipart claims an encoding": strings.Replace(good, "boundary=b", "boundary=b\nContent-Transfer-Encoding: quoted-printable", 1),
		"multipart is encoded": personal + "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n" +
			base64.StdEncoding.EncodeToString([]byte(strings.SplitN(good, "parts.\n\n", 2)[1])) + "\n",
	} {
		m := read(t, text)
		if got, _, _ := strings.Cut(m.Text, "\n--b"); got != "pay luc 5" || !slices.Equal(m.Ignored, []string{"a.pdf"}) {
			t.Errorf("where %s, the text is %q, and %q is ignored", what, m.Text, m.Ignored)
		}
	}
	if m := read(t, personal+"Content-Type: multipart/mixed; boundary=b\n\npay luc 5\n"); m.Text != "pay luc 5" {
		t.Errorf("where there is no part at all, the text is %q", m.Text)
	}
}

func TestCharsets(t *testing.T) {
	const german, russian, japan, chinese = "für 5 €: Käse", "заплати 5", "卵を五つ", "联通鸡蛋五个"
	encode := func(e interface {
		String(string) (string, error)
	}, s string,
	) string {
		out, err := e.String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	w1252 := encode(charmap.Windows1252.NewEncoder(), german)
	for _, test := range []struct{ label, body, want string }{
		{"utf-8", german, german},
		{"\"UTF8\"", german, german},
		{"", german, german},
		{"us-ascii", german, german},
		{"no-such-charset", german, german},
		{"utf-8", w1252, german},
		{"", w1252, german},
		{"no-such-charset", w1252, german},
		{"us-ascii", w1252, german},
		{"iso-8859-1", w1252, german},
		{"windows-1252", w1252, german},
		{"ISO-8859-15", encode(charmap.ISO8859_15.NewEncoder(), german), german},
		{"iso-8859-1", german, german}, // mislabelled
		{"windows-1251", russian, russian},
		{"windows-1251", encode(charmap.Windows1251.NewEncoder(), russian), russian},
		{"koi8-r", encode(charmap.KOI8R.NewEncoder(), russian), russian},
		{"windows-1250", encode(charmap.Windows1250.NewEncoder(), "żółw"), "żółw"},
		{"iso-2022-jp", encode(japanese.ISO2022JP.NewEncoder(), japan), japan},
		{"shift_jis", encode(japanese.ShiftJIS.NewEncoder(), japan), japan},
		{"gb18030", encode(simplifiedchinese.GB18030.NewEncoder(), chinese), chinese},
		{"gb2312", encode(simplifiedchinese.GBK.NewEncoder(), "联通"), "联通"},
		{"utf-16", encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder(), german), german},
		{"utf-8", "\ufeff" + german, german},
		{"utf-8", german + "\xff", german + "ÿ"},
	} {
		for _, coded := range []bool{false, true} {
			text := personal + "Content-Type: text/plain; charset=" + test.label + "\n"
			if coded {
				text += "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(test.body)) + "\n"
			} else if test.label == "utf-16" {
				continue
			} else {
				text += "Content-Transfer-Encoding: 8bit\n\n" + test.body + "\n"
			}
			if m := read(t, text); m.Text != test.want {
				t.Errorf("%q in %s is read as %q, want %q", test.body, test.label, m.Text, test.want)
			}
		}
	}
	html := personal + "Content-Type: text/html\n\n<html><head><meta http-equiv=Content-Type content=\"text/html; charset=koi8-r\"></head><p>" +
		encode(charmap.KOI8R.NewEncoder(), russian) + "</p></html>\n"
	if m := read(t, html); m.Text != russian {
		t.Errorf("HTML that names its charset itself is read as %q", m.Text)
	}
}

func inLines(s string, size int) string {
	var b strings.Builder
	for ; len(s) > size; s = s[size:] {
		b.WriteString(s[:size] + "\r\n")
	}
	return b.String() + s
}

func TestTransferEncodings(t *testing.T) {
	const text = "pay luc 5 for eggs, Käse and a very long word"
	coded := base64.StdEncoding.EncodeToString([]byte(text))
	for _, test := range []struct{ what, encoding, body, want string }{
		{"nothing is encoded", "7bit", text, text},
		{"the encoding is unknown", "x-none", text, text},
		{"it is base64", "base64", coded, text},
		{"base64 is in short lines", "BASE64", coded[:10] + "\r\n" + coded[10:30] + "\n " + coded[30:], text},
		{"base64 has other characters in it", "base64", coded[:10] + "!*" + coded[10:], text},
		{"base64 was cut", "base64", coded[:22], text[:16]},
		{"base64 has no padding", "base64", strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("yes!")), "="), "yes!"},
		{"base64 is in lines of four", "base64", inLines(coded, 4), text},
		{"it is no base64", "base64", text, text},
		{"it is quoted-printable", "quoted-printable", "pay luc 5 f=\nor eggs, K=C3=A4se and a = very =\r\nlong word", strings.Replace(text, "a very", "a = very", 1)},
		{"quoted-printable is in small letters", "Quoted-Printable;", "K=c3=a4se", "Käse"},
		{"quoted-printable is broken", "quoted-printable", "5 = 3 =ZZ =4", "5 = 3 =ZZ =4"},
		{"quoted-printable ends in the middle", "quoted-printable", "yes=", "yes"},
	} {
		m := read(t, personal+"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "+test.encoding+"\n\n"+test.body+"\n")
		if m.Text != test.want {
			t.Errorf("where %s, the text is %q; want %q", test.what, m.Text, test.want)
		}
	}
}

func TestFlowedLinesAreParagraphs(t *testing.T) {
	for _, test := range []struct{ what, params, body, want string }{
		{"a line goes on", "format=flowed", "pay luc 5 \nfor eggs\nthanks\n", "pay luc 5 for eggs\nthanks"},
		{"blanks are deleted", "format=Flowed; DelSp=Yes", "pay luc fif \nteen\n", "pay luc fifteen"},
		{"it does not say so", "format=fixed", "pay luc 5 \nfor eggs\n", "pay luc 5\nfor eggs"},
		{"a line is stuffed", "format=flowed", " From home\nto Luc\n", "From home\nto Luc"},
		{"a quote follows", "format=flowed", "yes \n> Pay 5 \n> acorns?\n", "yes"},
		{"a signature follows", "format=flowed", "yes \n-- \nRia Jansen \nRiver\n", "yes"},
		{"it ends in a blank", "format=flowed", "yes ", "yes"},
	} {
		if m := read(t, personal+"Content-Type: text/plain; charset=utf-8; "+test.params+"\n\n"+test.body); m.Text != test.want {
			t.Errorf("where %s, the text is %q; want %q", test.what, m.Text, test.want)
		}
	}
}

func TestTheTextIsTidy(t *testing.T) {
	for in, want := range map[string]string{
		"pay\u00a0luc\u202f5":               "pay luc 5",
		"p\u200bay l\u00aduc \u202e5\u202c": "pay luc 5",
		"fu\u0308r Luc":                     "für Luc",
		"one\n\n\n\n\ntwo":                  "one\n\ntwo",
		"one \t \ntwo\u3000\n":              "one\ntwo",
		"\n\n one\n":                        " one",
		"one\u2028two\vthree":               "one\ntwo\nthree",
		"o\x00n\x1be\x7f":                   "one",
	} {
		if m := read(t, personal+"Content-Type: text/plain; charset=utf-8\n\n"+in+"\n"); strings.TrimSpace(m.Text) != strings.TrimSpace(want) {
			t.Errorf("%q becomes %q; want %q", in, m.Text, want)
		}
	}
	long := read(t, personal+"\n"+strings.Repeat("ä word ", 20_000))
	if len(long.Text) > 64<<10 || len(long.Text) < 60<<10 || !utf8.ValidString(long.Text) || !long.Cut {
		t.Errorf("of a long text %d bytes are left, valid: %v, cut: %v", len(long.Text), utf8.ValidString(long.Text), long.Cut)
	}
}

// picture is something that begins like a JPEG.
func picture(size int) []byte {
	return append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), bytes.Repeat([]byte{0xa5}, size-11)...)
}

func imagePart(header string, data []byte) string {
	return part(header+"\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString(data))
}

func TestPhotos(t *testing.T) {
	with := func(start string) []byte { return append([]byte(start), make([]byte, 20_000)...) }
	for _, test := range []struct {
		what, header, want string
		data               []byte
	}{
		{"a JPEG", "Content-Type: image/jpeg; name=a.jpg", "image/jpeg a.jpg", picture(20_000)},
		{"a PNG that calls itself JPEG", "Content-Type: image/jpeg; name=a.jpg", "image/png a.jpg", with("\x89PNG\r\n\x1a\n")},
		{"a GIF", "Content-Type: image/gif", "image/gif ", with("GIF89a")},
		{"a WebP without a type of its own", "Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=b.webp", "image/webp b.webp", with("RIFF\x00\x00\x00\x00WEBPVP8 ")},
		{"a HEIC", "Content-Type: image/heic; name=c.heic", "image/heic c.heic", with("\x00\x00\x00\x18ftypheic")},
		{"a program that calls itself JPEG", "Content-Type: image/jpeg; name=a.jpg", "ignored a.jpg", with("MZ\x90\x00")},
		{"a drawing", "Content-Type: image/svg+xml; name=a.svg", "ignored a.svg", with("<svg xmlns=\"x\">")},
		{"a dot that counts readers", "Content-Type: image/gif", "", []byte("GIF89a")},
		{"a logo in a signature", "Content-Type: image/png; name=logo.png\nContent-ID: <logo@x>\nContent-Disposition: inline", "", with("\x89PNG\r\n\x1a\n")},
		{"a photo in the text", "Content-Type: image/jpeg; name=d.jpg\nContent-ID: <logo@x>", "image/jpeg d.jpg", picture(40_000)},
		{"a small attached photo with an id", "Content-Type: image/jpeg; name=e.jpg\nContent-ID: <logo@x>\nContent-Disposition: attachment", "image/jpeg e.jpg", picture(20_000)},
		{"too large a photo", "Content-Type: image/jpeg; name=f.jpg", "ignored f.jpg", picture(8<<20 + 1)},
		{"just not too large a photo", "Content-Type: image/jpeg; name=f.jpg", "image/jpeg f.jpg", picture(8 << 20)},
	} {
		m := read(t, multi("related", part(htmlPart, `<p>Hello</p><img src="cid:logo@x">`), imagePart(test.header, test.data)))
		got := ""
		for _, p := range m.Photos {
			got += p.Type + " " + p.Name
			if !bytes.Equal(p.Data, test.data) {
				t.Errorf("%s is another one when it arrives", test.what)
			}
		}
		for _, name := range m.Ignored {
			got += "ignored " + name
		}
		if large := strings.HasPrefix(test.what, "too large"); m.Large != large {
			t.Errorf("%s: too large is %v", test.what, m.Large)
		}
		if got != test.want || m.Text != "Hello" {
			t.Errorf("%s becomes %q, with the text %q; want %q", test.what, got, m.Text, test.want)
		}
	}

	var parts []string
	for i := range 5 {
		parts = append(parts, imagePart(fmt.Sprintf("Content-Type: image/jpeg; name=%d.jpg", i), picture(20_000)))
	}
	m := read(t, multi("mixed", parts...))
	if len(m.Photos) != 3 || m.Photos[2].Name != "2.jpg" || !slices.Equal(m.Ignored, []string{"3.jpg", "4.jpg"}) {
		t.Errorf("of five photos %d are kept, and %q are ignored", len(m.Photos), m.Ignored)
	}
	if m := read(t, personal+"Content-Type: image/jpeg; name=a.jpg\nContent-Transfer-Encoding: base64\nSubject: offer: bread\n\n"+base64.StdEncoding.EncodeToString(picture(20_000))); len(m.Photos) != 1 || m.Text != "offer: bread" {
		t.Errorf("a mail that is a photo has %d, and says %q", len(m.Photos), m.Text)
	}
}

func TestNamesOfIgnoredAttachments(t *testing.T) {
	for _, test := range []struct{ header, want string }{
		{"Content-Type: application/pdf", "application/pdf"},
		{"Content-Type: application/pdf; name=bill.pdf", "bill.pdf"},
		{"Content-Type: application/pdf; name=my bill.pdf", "my bill.pdf"},
		{"Content-Type: application/pdf; name=\"a;b=\\\"c\\\".pdf\"", `a;b="c".pdf`},
		{"Content-Type: application/pdf; name=\"bill.pdf", "bill.pdf"},
		{"Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=b.pdf", "b.pdf"},
		{"Content-Type: application/pdf; name=\"=?utf-8?Q?K=C3=A4se.pdf?=\"", "Käse.pdf"},
		{"Content-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8'de'K%C3%A4se.pdf", "Käse.pdf"},
		{"Content-Type: application/pdf\nContent-Disposition: attachment; filename*=iso-8859-1''K%E4se.pdf", "Käse.pdf"},
		{"Content-Type: application/pdf\nContent-Disposition: attachment; filename*=koi8-r'ru'%D1%CA%C3%CF.pdf", "яйцо.pdf"},
		{"Content-Type: application/pdf\nContent-Disposition: attachment; filename=x.pdf; filename*0*=utf-8''K%C3%A4;\n filename*1=\"se and\";\n filename*2*=%20more.pdf", "Käse and more.pdf"},
		{"Content-Type: application/pdf; name=K\xe4se.pdf", "Käse.pdf"},
		{"Content-Type: application/pdf; name=\"../../etc/passwd\"", "passwd"},
		{"Content-Type: application/pdf; name=\"C:\\\\Users\\\\Ria\\\\bill.pdf\"", "bill.pdf"},
		{"Content-Type: application/pdf; name=\"a\u202efdp.exe\"", "afdp.exe"},
		{"Content-Type: application/ms-tnef; name=winmail.dat", "winmail.dat"},
		{"Content-Type: text/calendar; name=invite.ics", "invite.ics"},
		{"Content-Type: message/rfc822", "message/rfc822"},
		{"Content-Type: application/pdf; name=" + strings.Repeat("ä", 200), strings.Repeat("ä", 50)},
	} {
		m := read(t, multi("mixed", part(plainPart, "hello"), part(test.header, "x")))
		if !slices.Equal(m.Ignored, []string{test.want}) || m.Text != "hello" {
			t.Errorf("%q is called %q; want %q", test.header, m.Ignored, test.want)
		}
	}
	m := read(t, multi("mixed", part(plainPart, "hello"), strings.Repeat(part("Content-Type: application/pdf", "x"), 30)))
	if len(m.Ignored) != 20 || m.Cut {
		t.Errorf("of 30 attachments %d are named, cut: %v", len(m.Ignored), m.Cut)
	}
}
