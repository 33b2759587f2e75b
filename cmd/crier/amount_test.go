package main

import (
	"testing"

	"crier/ledger"
	"crier/locales"
)

func testCatalog(t testing.TB) *locales.Catalog {
	t.Helper()
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

func testHours() ledger.Community { return ledger.Community{UnitKind: ledger.Hours} }

func TestParseAmount(t *testing.T) {
	t.Parallel()
	hours := testHours()
	whole := ledger.Community{UnitKind: ledger.Units}
	cents := ledger.Community{UnitKind: ledger.Units, Decimals: 2}
	for _, c := range []struct {
		in   *ledger.Community
		text string
		want ledger.Amount
		bad  bool
	}{
		{&whole, "10", 10, false},
		{&whole, " -10 ", -10, false},
		{&whole, "\u221210", -10, false},
		{&whole, "+3", 3, false},
		{&whole, "2.00", 2, false},
		{&whole, "2.5", 0, true},
		{&whole, "1h", 0, true},
		{&whole, "", 0, true},
		{&whole, "-", 0, true},
		{&whole, "--5", 0, true},
		{&whole, "1e9", 0, true},
		{&whole, "9999999999999", 0, true},
		{&cents, "2.5", 250, false},
		{&cents, "2,50", 250, false},
		{&cents, "1\u202f234,05", 123405, false},
		{&cents, "0.01", 1, false},
		{&cents, "0.001", 0, true},
		{&cents, "1,234.50", 0, true},
		{&hours, "1h30", 90, false},
		{&hours, "-1h5", -65, false},
		{&hours, "1:05", 65, false},
		{&hours, "2", 120, false},
		{&hours, "2h", 120, false},
		{&hours, "0,25", 15, false},
		{&hours, "45 min", 45, false},
		{&hours, "1h75", 0, true},
		{&hours, "0.001", 0, true},
	} {
		got, err := parseAmount(c.in, c.text)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q in %s with %d decimals: %d, %v; not %d", c.text, c.in.UnitKind, c.in.Decimals, got, err, c.want)
		}
		if err != nil {
			continue
		}
		if again, err := parseAmount(c.in, plainAmount(c.in, got)); err != nil || again != got {
			t.Errorf("%q comes back from %q as %d: %v", c.text, plainAmount(c.in, got), again, err)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"10", "2.50", "1h30", "-1:05", "999999999999.999999999", "1000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range []ledger.Community{testHours(), {UnitKind: ledger.Units}, {UnitKind: ledger.Units, Decimals: 2}} {
			a, err := parseAmount(&c, s)
			if err != nil {
				continue
			}
			if again, err := parseAmount(&c, plainAmount(&c, a)); err != nil || again != a {
				t.Errorf("%q is %d, and comes back as %d: %v", s, a, again, err)
			}
		}
	})
}
