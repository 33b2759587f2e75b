package ledger_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// acrossCommunities are the functions, with the tables, whose SQL may touch
// rows of several communities, and why. Anywhere else a forgotten community_id
// would show one community's rows to another.
func acrossCommunities() map[string]string {
	return map[string]string{
		"ledger Route: addresses":              "the one question asked of all communities: who has this address",
		"ledger InvitationByCode: invitations": "a code is unique on the host, and all that a newcomer has",
		"ledger InvitedTo: invitations":        "which community has invited a stranger, whom nobody else knows",

		"state Journey.insert: inbox outbox addresses": "which community a message is for is what the statement finds out",
		"state keepPhotos: photos inbox addresses":     "what was written just before, by its id: its community is found out there",
		"state Journey.lanes: inbox":                   "which communities have messages waiting",
		"state Journey.waits: inbox":                   "a message by the channel's id for it, which is unique on the host",
		"state Journey.findSent: outbox":               "a message by the channel's id for it, which is unique on the host",
		"state Journey.tickReceipts: outbox":           "the same, for the receipts that came too early",
		"state Journey.screen: outbox":                 "the answers to a message by the channel's id for it, on its sender's screen",
		"state Costs: costs":                           "what each community has cost, for whoever runs the host",
		"state Journey.Depth: inbox":                   "how much waits on the host, for whoever runs it",
	}
}

// ownIDOrQueue reports whether a statement is about one message by its own id,
// which was read for its community, or about the queue of what is to be sent,
// which the communities of a host share.
func ownIDOrQueue(text string, tables []string) bool {
	for _, table := range tables {
		if table != "inbox" && table != "outbox" {
			return false
		}
	}
	return regexp.MustCompile(`WHERE id = \$\d`).MatchString(text) || tables[0] == "outbox" && strings.Contains(text, "state = 'queued'")
}

// TestEveryRowBelongsToACommunity reads the SQL in the source of the ledger, of
// the journey, of the digest and of the reminders. A statement has to compare community_id for each table it
// names that has one, or to insert it.
func TestEveryRowBelongsToACommunity(t *testing.T) {
	folders := map[string]string{"ledger": ".", "state": "../conversation/state", "digest": "../mail/digest", "nudge": "../conversation/nudge"}
	owned := map[string]bool{}
	for _, folder := range folders {
		maps.Copy(owned, ownedTables(t, filepath.Join(folder, "migrations")))
	}
	for _, table := range []string{"members", "addresses", "accounts", "transfers", "entries", "ads", "ad_words", "invitations", "inbox", "outbox"} {
		if !owned[table] {
			t.Errorf("the migrations do not give %s a community_id", table)
		}
	}

	excused := acrossCommunities()
	used := map[string]bool{}
	statements := 0
	for name, folder := range folders {
		for _, s := range sqlIn(t, folder) {
			touched := tablesOf(s.text, owned)
			if len(touched) == 0 {
				continue
			}
			statements++
			if namesCommunity(s.text, len(touched)) || ownIDOrQueue(s.text, touched) {
				continue
			}
			who := fmt.Sprintf("%s %s: %s", name, s.function, strings.Join(touched, " "))
			if used[who] = true; excused[who] == "" {
				t.Errorf("%s: a statement is not about one community (%q):\n%s", s.place, who, s.text)
			}
		}
	}
	if statements < 60 {
		t.Errorf("only %d statements were found: this test no longer reads what it should", statements)
	}
	for who := range excused {
		if !used[who] {
			t.Errorf("%q needs no excuse any more: take it off the list", who)
		}
	}
}

// ownedTables reads migrations for the tables that have a community_id.
func ownedTables(t *testing.T, folder string) map[string]bool {
	t.Helper()
	owned := map[string]bool{}
	create := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`)
	files, err := fs.Glob(os.DirFS(folder), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range create.FindAllStringSubmatch(string(text), -1) {
			owned[m[1]] = strings.Contains(m[2], "community_id")
		}
	}
	return owned
}

// statement is a text of SQL in the source. What is not written there, the
// value of a variable or a call, is a … in it.
type statement struct {
	place, function, text string
}

// sqlIn collects the SQL of a folder's Go files.
func sqlIn(t *testing.T, folder string) (all []statement) {
	t.Helper()
	begins := regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|REPLACE)\s`)
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			ast.Inspect(declared, func(n ast.Node) bool {
				e, ok := n.(ast.Expr)
				if !ok {
					return true
				}
				text, isText := textOf(e)
				if isText && begins.MatchString(text) {
					all = append(all, statement{positions.Position(n.Pos()).String(), nameOf(declared), text})
				}
				return !isText // its parts are no statements of their own
			})
		}
	}
	return all
}

// textOf is the text of a string literal, or of several put together.
func textOf(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.ParenExpr:
		return textOf(e.X)
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, leftOK := textOf(e.X)
		right, rightOK := textOf(e.Y)
		if !leftOK {
			left = "…"
		}
		if !rightOK {
			right = "…"
		}
		return left + right, leftOK || rightOK
	}
	return "", false
}

func nameOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return "no function"
	}
	if f.Recv == nil {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	return fmt.Sprintf("%s.%s", receiver, f.Name.Name)
}

// tablesOf are the community-owned tables that a statement names, as often as
// it does.
func tablesOf(text string, owned map[string]bool) (touched []string) {
	for _, m := range regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE)\s+(\w+)`).FindAllStringSubmatch(text, -1) {
		if owned[m[1]] {
			touched = append(touched, m[1])
		}
	}
	return touched
}

// namesCommunity reports whether a statement is about one community: it inserts
// values with a community_id, or compares it at least as often as said.
func namesCommunity(text string, times int) bool {
	if insert := regexp.MustCompile(`^\s*INSERT INTO \w+ \(([^)]*)\)\s*(?:VALUES|$)`).FindStringSubmatch(text); insert != nil {
		return strings.Contains(insert[1], "community_id")
	}
	return len(regexp.MustCompile(`\bcommunity_id = (\$\d|\w+\.community_id\b)`).FindAllString(text, -1)) >= times
}
