package mail

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextOfHTML(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"lines":                               {"one<br>two<div>three</div>four<p>five</p>six", "one\ntwo\nthree\nfour\n\nfive\n\nsix"},
		"white space":                         {"  a \n b\t<b> c</b> d&nbsp;e ", "a b c d e"},
		"an empty line":                       {"<div>a</div><div><br></div><div>b<br></div><div>c</div>", "a\n\nb\nc"},
		"an empty line with a space":          {"<div>a</div><div>&nbsp;</div><div>b</div>", "a\n\nb"},
		"Outlook's paragraphs":                {"<p class=MsoNormal>a<o:p></o:p></p><p class=MsoNormal>b</p>", "a\nb"},
		"a list":                              {"<ul><li>a<li>b</ul>", "a\nb"},
		"a table":                             {"<table><tr><td>a<td>b<tr><td>c</td></tr></table>d", "a b\nc\nd"},
		"entities":                            {"&lt;5 &amp; &eacute;&#128512;", "<5 & é😀"},
		"preformatted text":                   {"<pre>a\n  b</pre>c", "a\n  b\nc"},
		"white space that a style keeps":      {`<div style="white-space: pre-wrap">a` + "\n" + `b</div>`, "a\nb"},
		"what nobody sees":                    {`<html><head><title>t</title><style>s</style></head><body><script>x</script><!-- c --><div style="display: none">d</div><span style="font-size:0px">e</span><p hidden>f</p>yes</body></html>`, "yes"},
		"a preheader":                         {`<div style="max-height:0px;overflow:hidden;opacity:0">look inside</div>yes`, "yes"},
		"small print is seen":                 {`<span style="font-size:0.9em">yes</span> <b style="opacity:0.5">no</b>`, "yes no"},
		"a head that was never closed":        {`<html><head><meta charset=utf-8><body>yes`, "yes"},
		"a head without a body":               {`<head><meta charset=utf-8><p>yes`, "yes"},
		"links":                               {`see <a href="https://luc.example/x">this</a>`, "see this"},
		"emoji that are pictures":             {`yes <img src="cid:1" alt="👍"><img alt="logo" src="x">`, "yes 👍"},
		"a quote above":                       {`<blockquote type="cite">no</blockquote>yes`, ">\nyes"},
		"a quote below":                       {`yes<blockquote>no</blockquote>`, "yes\n>"},
		"answers between quotes":              {`<blockquote type=cite>a</blockquote>one<blockquote type=cite>b</blockquote>two`, ">\none\n>\ntwo"},
		"a quote in a quote":                  {`<blockquote type=cite>a<blockquote type=cite>b</blockquote>c</blockquote>yes`, ">\nyes"},
		"a document in a quote":               {`<body><blockquote type=cite><html><head></head><body>a</body></html>b</div>c</blockquote>yes</body>`, ">\nyes"},
		"a quote in which a document ends":    {`<body><blockquote type=cite>a</body></html>b</blockquote>yes</body>`, ">\nyes"},
		"a quote with a table in it":          {`<div><blockquote><table><tr><td>a</div>b</td></tr></table></blockquote>yes</div>`, ">\nyes"},
		"a quote with a stray end in it":      {`<b>yes<blockquote>a</b>b</span>c</blockquote>`, "yes\n>"},
		"a quote below a paragraph left open": {`<p><b>yes<blockquote>a</p>b</blockquote>`, "yes\n\n>"},
		"a quote below many unknown elements": {strings.Repeat("<o:p></o:p>", 2000) + "<div>yes<blockquote>a</blockquote></div>", "yes\n>"},
		"a quote deep inside":                 {strings.Repeat("<div>", 1000) + "yes<blockquote>a</blockquote>b", "yes"},
		"a quote that was never closed":       {`yes<blockquote type=cite><div>a</div></div></span>b`, "yes\n>"},
		"a quote in a table cell":             {`<table><tr><td>yes<blockquote>a</td></tr></table>b`, "yes\n>\nb"},
		"Gmail's indented text":               {`<blockquote style="margin:0 0 0 40px;border:none;padding:0px">yes</blockquote>`, "yes"},
		"Gmail in a language unknown":         {`<div>yes</div><div class="gmail_quote"><div class="gmail_attr">pondělí 3. 3. River napsal:</div><blockquote class="gmail_quote">a</blockquote></div>`, "yes\n>"},
		"Gmail without a quote inside":        {`<div>yes</div><div class="gmail_quote">River napsal:<div>a</div></div>no`, "yes\n>\nno"},
		"frames in frames":                    {`<div class="gmail_quote">a<br>b<br>c<div class="gmail_quote">d<blockquote>x</blockquote>yes<blockquote>y</blockquote></div></div>`, ">\nyes\n>"},
		"Gmail's answer below":                {`<div class="gmail_quote"><div class="gmail_attr">x:</div><blockquote class="gmail_quote">a</blockquote><div>yes</div></div>`, ">\nyes"},
		"Gmail's forwarded mail":              {`what?<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------</div>a<blockquote class="gmail_quote">b</blockquote>c</div>d`, "what?\n>"},
		"Outlook's header":                    {`<div>yes</div><hr><div id="divRplyFwdMsg"><b>From:</b> x</div><div>a</div>`, "yes\n---"},
		"Outlook's separator":                 {`<div>yes</div><div id="appendonsend"></div><div>a</div>`, "yes"},
		"Outlook's border":                    {`<p class=MsoNormal>yes</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'>From: x</div></div><p>a</p>`, "yes"},
		"the new Outlook":                     {`yes<div id="mail-editor-reference-message-container"><div>a</div></div>`, "yes\n>"},
		"Thunderbird":                         {`<div class="moz-cite-prefix">x wrote:</div><blockquote type="cite">a</blockquote><p>yes</p><div class="moz-signature">-- <br>Luc</div>`, ">\n>\n\nyes"},
		"Yahoo":                               {`<div>yes</div><div id="yahoo_quoted_1" class="yahoo_quoted">a</div>`, "yes\n>"},
		"Proton":                              {`yes<div class="protonmail_signature_block">Sent with</div><div class="protonmail_quote">x wrote:<blockquote class="protonmail_quote">a</blockquote></div>`, "yes\n>"},
		"GMX":                                 {`yes<div name="quote"><b>Von:</b> x<div name="quoted-content">a<blockquote>b</blockquote>c</div></div>`, "yes\n>"},
		"Apple's forwarded mail":              {`see<div id="isForwardContent">a</div>`, "see\n>"},
		"signatures":                          {`yes<div class="gmail_signature">a</div><div id="Signature">b</div><div id="AppleMailSignature">c</div><div id="ms-outlook-mobile-signature">d</div>`, "yes"},
		"tags that are none":                  {"a < b <3 <yes", "a < b <3"},
		"bytes that are no UTF-8":             {"a\xffb", "ab"},
		"an answer deep inside":               {strings.Repeat("<div>", 10_000) + "yes", "yes"},
		"what follows a deep place":           {strings.Repeat("<div>", 1000) + "a" + strings.Repeat("</div>", 1000) + "b", "a\nb"},
		"a quote below a deep place is one":   {strings.Repeat("<div>", 1000) + strings.Repeat("</div>", 1000) + "yes<blockquote>a</blockquote>", "yes\n>"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := textOfHTML(test.in); got != test.want {
				t.Errorf("%.300q gives %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestHugeDocumentsTakeLinearTime(t *testing.T) {
	for name, doc := range map[string]string{
		"nested":         strings.Repeat("<div>", 200_000),
		"inline":         strings.Repeat("<b>", 300_000) + strings.Repeat("</i>", 250_000),
		"quotes":         strings.Repeat("<blockquote>", 100_000),
		"frames":         strings.Repeat("<div class=gmail_quote>a", 40_000),
		"frames in turn": strings.Repeat("<div class=gmail_quote>a<blockquote>b</blockquote></div>", 20_000),
		"attributes":     "<div" + strings.Repeat(" class=a", 100_000) + ">yes",
		"a class":        `<div class="` + strings.Repeat("a ", 500_000) + `">yes`,
		"styles":         strings.Repeat(`<p style="`+strings.Repeat("a;", 500)+`">`, 1000),
		"lines":          strings.Repeat("<br>", 250_000),
		"paragraphs":     strings.Repeat("<p>a", 250_000),
		"one word":       strings.Repeat("a", 1<<20),
		"spaces":         strings.Repeat(" ", 1<<20),
		"entities":       strings.Repeat("&amp;", 200_000),
		"comments":       strings.Repeat("<!--", 250_000),
		"angles":         strings.Repeat("<", 1<<20),
		"cells":          strings.Repeat("<td>a</div>", 100_000),
	} {
		t.Run(name, func(t *testing.T) { inTime(t, func() { textOfHTML(doc) }) })
	}
}

func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		`<div dir="ltr">yes</div><br><div class="gmail_quote"><div class="gmail_attr">On x wrote:<br></div><blockquote class="gmail_quote">a</blockquote></div>`,
		`<p class=MsoNormal>ja</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'>From</div>`,
		`<table><tr><td>a<td>b<blockquote>c</table>d<pre>e` + "\n\n" + `f</pre><hr><img alt="👍">`,
		`<body><div name="quote"><head></body></html><p hidden>x</p><br/><o:p/>`, `<div class="gmail_quote">a<br>b<br>c<div class="gmail_quote">d<blockquote>x</blockquote>e<blockquote>y</blockquote></div></div>`, "<", "&#0;", "<!--", "\xff<a b='c'>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		got := textOfHTML(doc)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if len(got) > 2*len(doc)+2 {
			t.Errorf("%d bytes have become %d", len(doc), len(got))
		}
		reply(got)
	})
}
