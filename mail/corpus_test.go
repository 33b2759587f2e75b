package mail_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crier/mail"
)

// TestAnswersOfAllPrograms reads mails in the shapes of the common mail
// programs. testdata/replies/expected.txt says, a mail a line, what the person
// wrote: "NAME: text", with \n for the end of a line. Where a mail says the same
// as text and as HTML, the HTML alone is read too; "NAME html: text" says where
// that has to give something else, as signatures are marked in it.
func TestAnswersOfAllPrograms(t *testing.T) {
	want := make(map[string]string)
	data, err := os.ReadFile("testdata/replies/expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(data)) {
		if name, text, ok := strings.Cut(strings.TrimSuffix(l, "\n"), ":"); ok && l[0] != '#' {
			want[name] = strings.ReplaceAll(strings.TrimPrefix(text, " "), `\n`, "\n")
		}
	}
	files, err := filepath.Glob("testdata/replies/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	languages := make(map[string]int)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		text, ok := want[name]
		if !ok {
			t.Errorf("expected.txt has nothing about %s", name)
			continue
		}
		delete(want, name)
		languages[name[:2]]++
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			check := func(form string, raw []byte, want string) {
				m, err := mail.Read(bytes.NewReader(raw), mail.Envelope{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if m.Text != want {
					t.Errorf("the text is %q%s, and %q was written", m.Text, form, want)
				}
			}
			check("", raw, text)
			if bytes.Contains(raw, []byte("multipart/alternative")) {
				inHTML, other := want[name+" html"]
				if !other {
					inHTML = text
				}
				check(" in the HTML", bytes.Replace(raw, []byte("text/plain"), []byte("application/x-other"), 1), inHTML)
			}
		})
		delete(want, name+" html")
	}
	for name := range want {
		t.Errorf("there is no mail %s", name)
	}
	if len(files) < 150 {
		t.Errorf("there are %d mails", len(files))
	}
	for _, language := range []string{"en", "fr", "nl", "de", "es", "it"} {
		if languages[language] < 20 {
			t.Errorf("there are %d mails in %q", languages[language], language)
		}
	}
}
