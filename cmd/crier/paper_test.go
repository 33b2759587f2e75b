package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
)

// TestDigestPaper writes the digest for the noticeboard.
func TestDigestPaper(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	config := write(t, "crier.toml", fmt.Sprintf(`database = %q
[[sms]]
gateway = 'gammu'
number = '+32470000099'
dir = '/nowhere'
[[mail]]
community = 'riverbank'
address = 'river@example.org'
imap = 'imaps://imap.example.org'
smtp = 'smtps://smtp.example.org'
`, db))
	paper := func(args ...string) string {
		t.Helper()
		return crier(t, append([]string{"digest", "paper", "riverbank", "--config", config}, args...)...)
	}
	has(t, paper(), "There is nothing new just now", "Ask Ria Jansen")

	says(t, db, "12", "offer jam, 2 a jar")
	says(t, db, "7", "want help with the hedge")
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		return hostile(ctx, book)
	})
	page := paper()
	has(t, page, `<html lang="en">`, "<bdi>jam</bdi>", "2 acorns a jar, Maria Keller", "wanted: help with the hedge",
		`as a text message to <bdi class="address">&#43;32 470 000 099</bdi>.`, `to <bdi class="address">river@example.org</bdi>`,
		"&lt;script&gt;alert(1)&lt;/script&gt;")
	hasNot(t, page, "<script", "<img", "\u202e", "+32 470 000 012", "&#43;32 470 000 012", strings.Repeat("long ", 100))
	has(t, paper("--phones"), "&#43;32 470 000 012")
	has(t, paper("--locale", "nl"), `<html lang="nl">`, "Gevraagd en aangeboden", "Stuur NEEM", "gezocht")
	has(t, paper("--number", "1234", "--telegram-bot", "RiverBot"), ">1234</bdi>", "@RiverBot", "on Telegram")
	fails(t, "does not speak", "digest", "paper", "riverbank", "--config", config, "--locale", "tlh")
	fails(t, "name of a Telegram bot", "digest", "paper", "riverbank", "--config", config, "--telegram-bot", "a b")

	// What went out hangs there until the next does, and then only with --all.
	crier(t, "digest", "send", "riverbank", "--yes", "--config", config)
	says(t, db, "7", "offer apples")
	has(t, paper(), "hedge", "apples")
	crier(t, "digest", "send", "riverbank", "--yes", "--config", config)
	page = paper()
	has(t, page, "apples")
	hasNot(t, page, "hedge")
	has(t, paper("--all"), "apples", "hedge")
}

// hostile puts up what must come out harmless.
func hostile(ctx context.Context, book *ledger.Book) error {
	people, err := book.Roster(ctx)
	if err != nil {
		return err
	}
	for _, text := range []string{
		"<script>alert(1)</script><img src=https://spy.example/x.png> eggs", "\u202eeerf sgge\u202c", strings.Repeat("long ", 2000),
	} {
		if _, err := book.PutAd(ctx, text, ledger.Ad{Kind: ledger.Offer, Member: people[0].ID, Text: text}, conversation.SearchWords(text)); err != nil {
			return err
		}
	}
	return nil
}

// pageForm is a page in a PDF file (ISO 32000-1, section 7.7.3.3).
var pageForm = regexp.MustCompile(`/Type\s*/Page\b[^s]`)

// TestPaperPrinted prints forty ads with a real browser, on A4. CRIER_SCREENSHOTS
// names a folder to keep the PDF and a picture in.
func TestPaperPrinted(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test prints with a real browser: install it with apt-get install chromium, and have it in the PATH")
	}
	db := newFile(t)
	riverbank(t, db)
	crier(t, "member", "set", "riverbank", "12", "place", "Leuven", "--database", db)
	things := []string{
		"raspberry jam", "bicycle repair in your own yard, bring the bicycle and the parts, I have the tools", "guitar lessons for beginners", "mending of trousers and coats",
		"help with the tax letter", "eggs from hens that run about", "a lift to town on Tuesdays", "tomato plants, four kinds",
	}
	inDatabase(t, db, func(ctx context.Context, book *ledger.Book) error {
		people, err := book.Roster(ctx)
		if err != nil {
			return err
		}
		price, kinds := ledger.Amount(4), []string{"Food", "Help at home", ""}
		for i := range 40 {
			ad := ledger.Ad{Kind: ledger.Offer, Member: people[i%len(people)].ID, Text: things[i%len(things)], Price: &price, Category: kinds[i%len(kinds)]}
			if i%4 == 3 {
				ad.Kind, ad.Price = ledger.Want, nil
			}
			if _, err := book.PutAd(ctx, fmt.Sprint("paper ", i), ad, conversation.SearchWords(ad.Text)); err != nil {
				return err
			}
		}
		return nil
	})
	dir := t.TempDir()
	if keep := os.Getenv("CRIER_SCREENSHOTS"); keep != "" {
		dir = keep
	}
	page := filepath.Join(dir, "paper.html")
	text := crier(t, "digest", "paper", "riverbank", "--number", "+32470000099", "--email", "river@example.org", "--database", db)
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, job := range []string{"--print-to-pdf=" + filepath.Join(dir, "paper.pdf"), "--screenshot=" + filepath.Join(dir, "paper.png")} {
		profile, err := os.MkdirTemp("", "crier-paper-*") //nolint:usetesting // what the browser still writes there must not fail the test
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--window-size=794,1123",
			"--user-data-dir="+profile, job, "file://"+page).CombinedOutput()
		_ = os.RemoveAll(profile)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	pdf, err := os.ReadFile(filepath.Join(dir, "paper.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pageForm.FindAll(pdf, -1)); n < 3 || n > 5 {
		t.Errorf("40 ads take %d pages", n)
	}
	if !regexp.MustCompile(`/MediaBox\s*\[\s*0 0 59[45][.\d]* 84[12][.\d]*\]`).Match(pdf) {
		t.Error("it is not on A4")
	}
}
