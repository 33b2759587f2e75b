package main

import (
	"strings"
	"testing"
)

// TestChatSample talks to the sample community through a pipe.
func TestChatSample(t *testing.T) {
	t.Chdir(t.TempDir()) // where there is no database
	out, errs, err := with(t, "pay luc 5 for eggs\nyes\nhow much do I have\n", "chat", "--as", "maria", "-v")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	want := []string{`Pay Luc Martin 5 acorns for "eggs"?`, "Done, receipt", "You have 18 acorns"}
	if len(got) != len(want) {
		t.Fatalf("%d lines, not %d:\n%s", len(got), len(want), out)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d is %q, not %q…", i+1, got[i], want[i])
		}
	}
	has(t, errs, "sample community", "you are Maria Keller", "(email luc@riverbank.example) Receipt")
	hasNot(t, out, "(email")
	if out, _, err := with(t, "balance\n", "chat", "--as", "ria", "--channel", "telegram"); err != nil || !strings.Contains(out, "acorns") {
		t.Errorf("%v: %s", err, out)
	}
	fails(t, `no member "nobody"`, "chat", "--as", "nobody")
	fails(t, "several members: say --as 3 (Anna Bauer) or 21 (Anna Rossi)", "chat", "--as", "anna")
	fails(t, "no address on sms", "chat", "--as", "ria", "--channel", "sms")
}

// TestChat talks in a real database, where what others are told stays for
// those who send it.
func TestChat(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	fails(t, "say who writes", "chat", "--database", db)
	for _, as := range []string{"12", "Maria Keller", "maria", "+32 470 00 00 12"} {
		out, errs, err := with(t, "pay luc 1 for "+strings.ReplaceAll(as, "+", "")[:2]+" eggs\nno\n", "chat", "--as", as, "--database", db)
		if err != nil || !strings.Contains(out, "Luc Martin") || errs != "" {
			t.Errorf("as %s: %v\n%s%s", as, err, out, errs)
		}
	}
	out, _, err := with(t, "pay luc 5 bread\nbalance\n", "chat", "--as", "12", "--community", "riverbank", "--database", db)
	if err != nil || strings.Count(out, "\n") != 2 || strings.Contains(out, "gave you") {
		t.Errorf("%v\n%s", err, out)
	}
	// Luc's notice still waits, and is his to read.
	out, _, err = with(t, "balance\n", "chat", "--as", "7", "--database", db)
	if err != nil || !strings.Contains(out, "Maria Keller gave you 5 acorns") {
		t.Errorf("%v\n%s", err, out)
	}
	crier(t, "community", "new", "other", "--name", "Other", "--database", db)
	fails(t, "--community", "chat", "--as", "12", "--database", db)
	fails(t, "there is no database", "chat", "--as", "12", "--database", newFile(t))
	fails(t, "not in mysql", "chat", "--as", "12", "--database", "mysql://host/db")
}
