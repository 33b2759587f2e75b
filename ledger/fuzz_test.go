package ledger_test

import (
	"strings"
	"testing"

	"crier/ledger"
)

// A code typed by anybody is no receipt, or exactly one.
func FuzzReceipt(f *testing.F) {
	f.Add(int64(0), int64(1), "7KQ4")
	f.Add(int64(-1), int64(1<<20), "7kqo1")
	f.Add(int64(42), int64(1<<60-1), "ZZZZZZZZZZZZ")
	f.Add(int64(42), int64(1<<62), "0000000000000")
	f.Add(int64(1<<62), int64(-1), "ıſK\u212a")
	f.Add(int64(7), int64(0), "\xff\xfe\x00é")
	plain := strings.NewReplacer("O", "0", "I", "1", "L", "1")
	f.Fuzz(func(t *testing.T, salt, seq int64, typed string) {
		code := ledger.Receipt(salt, seq)
		if 0 < seq && seq < 1<<60 {
			for _, s := range []string{code, strings.ToLower(code)} {
				if got, ok := ledger.SeqOf(salt, s); !ok || got != seq {
					t.Errorf("the receipt %q of transfer %d is read as %d, %v", s, seq, got, ok)
				}
			}
		}
		got, ok := ledger.SeqOf(salt, typed)
		if ok && (got < 1 || ledger.Receipt(salt, got) != plain.Replace(strings.ToUpper(typed))) {
			t.Errorf("%q is read as the receipt of transfer %d, which is %q", typed, got, ledger.Receipt(salt, got))
		}
	})
}

// Splitting a migration loses nothing but comments and space.
func FuzzStatements(f *testing.F) {
	f.Add("-- why\nCREATE TABLE a (\n\tb TEXT -- c\n);\nINSERT INTO a VALUES (';x');\n")
	f.Add("SELECT 1;\r\nSELECT 2; \t\nSELECT 3")
	f.Add(";\n;\n\n;")
	f.Add("$$ BEGIN a; b; END $$;\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		all := ledger.Statements(text)
		for _, s := range all {
			if s == "" || s != strings.TrimSpace(s) {
				t.Errorf("the statement %q", s)
			}
			if strings.Contains(s, ";\n") {
				t.Errorf("the statement %q is two", s)
			}
		}
		var lines []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(strings.TrimSpace(line), "--") {
				lines = append(lines, line)
			}
		}
		bare := func(s string) string {
			return strings.NewReplacer(";", "").Replace(strings.Join(strings.Fields(s), ""))
		}
		if got, want := bare(strings.Join(all, "")), bare(strings.Join(lines, "")); got != want {
			t.Errorf("of %q are left %q", text, all)
		}
	})
}

func TestStatements(t *testing.T) {
	for text, parts := range map[string][]string{
		"":                               nil,
		"-- nothing\n":                   nil,
		"A;\nB;\n":                       {"A", "B"},
		"A;\nB":                          {"A", "B"},
		"A; \t\nB;\r\nC;":                {"A", "B", "C"},
		"A (\n\tb,\n  -- why\n\tc\n);\n": {"A (\n\tb,\n\tc\n)"},
		"F $$ a; b; $$;\nB;\n":           {"F $$ a; b; $$", "B"},
		"A ';' B;\n":                     {"A ';' B"},
	} {
		got := ledger.Statements(text)
		if strings.Join(got, "|") != strings.Join(parts, "|") {
			t.Errorf("%q is split into %q, want %q", text, got, parts)
		}
	}
}
