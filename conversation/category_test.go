package conversation_test

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

func mustCatalog(t *testing.T) *locales.Catalog {
	t.Helper()
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

// TestGuess reads ads as members write them, and where each belongs ("-" for
// nowhere).
func TestGuess(t *testing.T) {
	cs := conversation.NewCategories(nil, mustCatalog(t))
	file, err := os.Open("testdata/categories.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		fields := strings.SplitN(lines.Text(), " ", 3)
		want := strings.ReplaceAll(fields[1], "-", "")
		if got := cs.Guess(fields[2], fields[0]); got != want {
			t.Errorf("%s %q: %q, want %q", fields[0], fields[2], got, want)
		}
		seen[fields[0]+" "+want] = true
	}
	for _, locale := range []string{"en", "fr", "nl", "de", "es", "it"} {
		for _, key := range locales.CategoryKeys() {
			if !seen[locale+" "+key] {
				t.Errorf("no ad is in %s in %s", key, locale)
			}
		}
	}
}

// What a coordinator or an import has said counts more than the words do.
func TestCategoryOf(t *testing.T) {
	catalog := mustCatalog(t)
	shared := conversation.NewCategories(nil, catalog)
	own := conversation.NewCategories([]ledger.Category{
		{Key: "cheese", Name: "Cheese; fr Fromage; nl Kaas", Words: "cheddar gouda~"},
		{Key: "garden", Name: "Outside"},
		{Key: "re use", Name: "Re-use", Words: "old"},
	}, catalog)
	for _, c := range []struct {
		of             *conversation.Categories
		category, text string
		want           string
	}{
		{shared, "", "bread and jam", "food"},
		{shared, "garden", "bread and jam", "garden"},
		{shared, "Jardin", "bread and jam", "garden"},
		{shared, "Reiki circle", "bread and jam", "Reiki circle"}, // imported
		{shared, "", "xyzzy", ""},
		{own, "", "some Goudas", "cheese"},
		{own, "", "mowing the lawn", "garden"},                     // the name of its own, the words of all
		{own, "", "bread and jam", ""},                             // there is no food here
		{own, "food", "bread and gouda", "cheese"},                 // it was, before the set was replaced
		{own, "Kaas", "an old book", "cheese"},                     // by its name in Dutch
		{own, "", "old gouda and cheddar, mow the lawn", "cheese"}, // what is said most
	} {
		if got := c.of.Of(&ledger.Ad{Category: c.category, Text: c.text}, "en"); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.text, c.category, got, c.want)
		}
	}
	fr := catalog.Printer("fr", locales.Unit{}, nil, nil, time.Time{})
	if got := own.Name("cheese", fr); got != "Fromage" {
		t.Errorf("cheese is %q in French", got)
	}
	if got := own.Name("re use", fr); got != "Re-use" {
		t.Errorf("what has no French name is %q", got)
	}
	if got := shared.Name("garden", fr); got != "Jardin" {
		t.Errorf("the garden is %q in French", got)
	}
	order := []string{"", "Reiki", "garden", "cheese"}
	slices.SortFunc(order, func(a, b string) int { return own.Order(a) - own.Order(b) })
	if got := strings.Join(order, ","); got != "cheese,garden,Reiki," {
		t.Errorf("in order: %s", got)
	}
	for said, want := range map[string]string{
		"garden": "garden", "JARDIN": "garden", "Tuin": "garden", "music": "arts", "huis": "", "lessons": "lessons", "": "", "xyzzy": "",
	} {
		if got, _ := shared.Find(said); got != want {
			t.Errorf("%q finds %q, want %q", said, got, want)
		}
	}
}
