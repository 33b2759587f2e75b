package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A community gets its own categories from a file and gives them back as one.
func TestCategories(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	crier(t, "community", "new", "river", "--name", "River", "--locale", "fr", "--database", db)
	list := func(args ...string) string {
		t.Helper()
		return crier(t, append([]string{"community", "categories", "river", "--database", db}, args...)...)
	}
	write := func(text string) string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "categories.csv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	has(t, list(), "Nourriture", "Jardin", "crier's own")
	const own = "name,words,nl\nFromage,gouda~ brie,Kaas\nJardin,,\n\"Vélos, etc.\",velo~,\n"
	has(t, list("--set", write(own)), "Fromage", "gouda~ brie", "Jardin", "Vélos, etc.")
	if got := list("--csv"); got != own {
		t.Errorf("given back as\n%s", got)
	}
	has(t, list("--set", write("\ufeffname;words\r\nCafé;\"tasse, tarte\"\r\n\r\n")), "Café", "tasse tarte")
	if got := list("--csv"); strings.Contains(got, "Fromage") {
		t.Errorf("the set before is still there:\n%s", got)
	}
	for _, c := range []struct{ want, text string }{
		{"there is no category in it", ""},
		{"there is no category in it", "name,words\n\n"},
		{`line 1: crier knows no column "Fromage"`, "Fromage,gouda\n"},
		{"line 1: no column is called name", "words\ngouda\n"},
		{`line 1: crier knows no column "tlh"`, "name,tlh\nX,Y\n"},
		{"line 1: two columns are called name", "name,name\nX,Y\n"},
		{"line 3: there is no name", "name,words\nA,b\n,c\n"},
		{"line 3: the category is in line 2 already", "name\nJardin\nTuin\n"},
		{"line 2: there are 3 fields", "name,words\na,b,c\n"},
		{"line 2: the name has more than", "name\n" + strings.Repeat("x", 2000) + "\n"},
		{"line 2: a quotation mark", "name\n\"a\nb\n"},
		{"save it as CSV", "PK\x03\x04"},
	} {
		_, errs, err := with(t, "", "community", "categories", "river", "--set", write(c.text), "--database", db)
		if err == nil || !strings.Contains(err.Error(), "nothing was changed") || !strings.Contains(errs, c.want) {
			t.Errorf("%.40q: %v: %s, want %s", c.text, err, errs, c.want)
		}
	}
	has(t, list(), "Café")
	fails(t, "cannot be read", "community", "categories", "river", "--set", "/nowhere.csv", "--database", db)
	fails(t, "there is no community", "community", "categories", "sea", "--database", db)
	has(t, list("--usual"), "Nourriture")
}
