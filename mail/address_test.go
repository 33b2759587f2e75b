package mail_test

import (
	"strings"
	"testing"

	"crier/mail"
)

func TestCanonicalAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"Ria@Example.ORG":              "ria@example.org",
		"ria.jansen+lets@example.org":  "ria.jansen+lets@example.org",
		"o'neill@example.org":          "o'neill@example.org",
		"ria@Bücher.example":           "ria@xn--bcher-kva.example",
		"ria@xn--bcher-kva.example":    "ria@xn--bcher-kva.example",
		"JÜRGEN@example.org":           "jürgen@example.org",
		"ria@localhost":                "ria@localhost",
		"bounce+b.00=x/y@example.org":  "bounce+b.00=x/y@example.org",
		strings.Repeat("a", 64) + "@b": strings.Repeat("a", 64) + "@b",
	} {
		if got, ok := mail.CanonicalAddress(in); got != want || !ok {
			t.Errorf("%q becomes %q, %v; want %q", in, got, ok, want)
		}
	}
	for what, in := range map[string]string{
		"empty":                         "",
		"no domain":                     "ria@",
		"no local part":                 "@example.org",
		"no @":                          "ria.example.org",
		"two @":                         "ria@example.org@example.com",
		"a blank":                       "ria jansen@example.org",
		"a blank before":                " ria@example.org",
		"a line end":                    "ria@example.org\n",
		"a NUL":                         "ria\x00@example.org",
		"brackets":                      "<ria@example.org>",
		"a quoted local part":           `"ria"@example.org`,
		"a quoted @":                    `"ria@home"@example.org`,
		"an address literal":            "ria@[192.0.2.1]",
		"a dot at the end":              "ria@example.org.",
		"two dots in the domain":        "ria@example..org",
		"an underline in the domain":    "ria@exa_mple.org",
		"a long local part":             strings.Repeat("a", 65) + "@example.org",
		"a long domain":                 "a@" + strings.Repeat("abcdefghi.", 26) + "org",
		"a long label":                  "a@" + strings.Repeat("a", 64) + ".org",
		"a Kelvin sign for k":           "mi\u212Ae@example.org",
		"a dotless or dotted capital I": "L\u0130sa@example.org",
		"a decomposed umlaut":           "ju\u0308rgen@example.org",
		"an invisible character":        "ria\u200b@example.org",
		"another reading direction":     "ria\u202e@example.org",
		"broken UTF-8":                  "ria\xff@example.org",
		"a list":                        "ria@example.org,luc@example.org",
		"very long":                     strings.Repeat("a@", 1<<20),
	} {
		if got, ok := mail.CanonicalAddress(in); ok || got != "" {
			t.Errorf("an address with %s becomes %q", what, got)
		}
	}
}

func TestWhoWroteIt(t *testing.T) {
	for _, test := range []struct{ from, address, name string }{
		{"ria@example.org", "ria@example.org", ""},
		{"Ria Jansen <Ria@Example.org>", "ria@example.org", "Ria Jansen"},
		{`"Jansen, Ria" <ria@example.org>`, "ria@example.org", "Jansen, Ria"},
		{"ria@example.org (Ria Jansen)", "ria@example.org", "Ria Jansen"},
		{"=?utf-8?B?UmlhIErDpG5zZW4=?= <ria@example.org>", "ria@example.org", "Ria Jänsen"},
		{"=?iso-8859-1?Q?Ria_J=E4nsen?=\n <ria@example.org>", "ria@example.org", "Ria Jänsen"},
		{"Ria J\xe4nsen <ria@example.org>", "ria@example.org", "Ria Jänsen"},
		{"Ria Jänsen <ria@example.org>", "ria@example.org", "Ria Jänsen"},
		{"Jansen, Ria <ria@example.org>", "ria@example.org", "Jansen, Ria"},
		{"Ria [River] Jansen <ria@example.org>", "ria@example.org", "Ria [River] Jansen"},
		{`"luc@example.org" <ria@example.org>`, "ria@example.org", "luc@example.org"},
		{"=?utf-8?Q?luc=40example.org?= <ria@example.org>", "ria@example.org", "luc@example.org"},
		{"=?utf-8?Q?a=0D=0ABcc=3A_x?= <ria@example.org>", "ria@example.org", "a Bcc: x"},
		{"ria@bücher.example", "ria@xn--bcher-kva.example", ""},
		// Where two readers could take it for two, it is nobody's.
		{"", "", ""},
		{"Ria Jansen", "", ""},
		{"ria@example.org, luc@example.org", "", ""},
		{"luc@example.org <ria@example.org>", "", ""},
		{"<luc@example.org> <ria@example.org>", "", ""},
		{"<ria@example.org> luc@example.org", "", ""},
		{"Friends: ria@example.org;", "", ""},
		{"Friends: ria@example.org, luc@example.org;", "", ""},
		{"undisclosed-recipients:;", "", ""},
		{"<@relay.example:ria@example.org>", "", ""},
		{`"ria@home"@example.org`, "", ""},
		{"ria@[192.0.2.1]", "", ""},
		{"ria@example.org\nFrom: luc@example.org", "", ""},
		{"ria@example.org\nFROM : luc@example.org", "", ""},
		{"ria@example.org\nfrom: ria@example.org", "", ""},
		{"ria@example.org" + strings.Repeat(" ", 9000), "ria@example.org", ""},
		{strings.Repeat("(", 9000) + " ria@example.org", "", ""},
	} {
		m := read(t, "Subject: x\nFrom: "+test.from+"\n\nHello\n")
		if m.From != test.address || m.From != "" && m.Name != test.name {
			t.Errorf("%.60q is read as %q, called %q; want %q, %q", test.from, m.From, m.Name, test.address, test.name)
		}
	}
}

func TestWhereItWent(t *testing.T) {
	m, err := mail.Read(strings.NewReader("Delivered-To: Crier+c.Tok@River.example\n"+
		"X-Original-To: alias@river.example\nEnvelope-To: <alias@river.example>\nFrom: ria@example.org\n"+
		"To: \"The bank\" <River@river.example>, friends: luc@example.org, Jan J\xe4n <jan@example.org>;\n"+
		"Cc: broken, Ria, J. <ria@example.org>, river@river.example\nCc: =?utf-8?Q?Zo=C3=AB?= <zoe@b\u00fccher.example>\n\nx\n"),
		mail.Envelope{To: []string{"Crier+c.tok@river.example"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "crier+c.tok@river.example alias@river.example river@river.example luc@example.org jan@example.org ria@example.org zoe@xn--bcher-kva.example"
	if got := strings.Join(m.To, " "); got != want {
		t.Errorf("it went to %s; want %s", got, want)
	}
	want = "river@river.example luc@example.org jan@example.org ria@example.org zoe@xn--bcher-kva.example"
	if got := strings.Join(m.Named, " "); got != want {
		t.Errorf("of that the writer named %s; want %s", got, want)
	}
}
