package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func TestImport(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	before := crier(t, "member", "list", "riverbank", "--csv", "--database", db)
	good := write(t, "members.csv", "\ufeffnumber,name,mobile,email,telegram,language,role,status,place,balance,limit\n"+
		"21,Anna Rossi,+32 470 00 00 21,Anna@example.org,,fr,member,active,Gent,25,\n"+
		"12,Maria Keller,+32470000012,,,,,,,,\n"+ // there already
		"22,Wei Chen,0032470000022,,,Nederlands,,frozen,,-60,-50\n"+ // beyond the limit, and frozen
		"\n"+
		",Jo Smit,+32470000021,,,,,,,,none\n") // shares a phone
	args := []string{"member", "import", "riverbank", good, "--region", "be", "--database", db}

	has(t, crier(t, append(args, "--dry-run")...), "dry run", "3 members added")
	if now := crier(t, "member", "list", "riverbank", "--csv", "--database", db); now != before {
		t.Errorf("the dry run has changed something:\n%s", now)
	}
	out := crier(t, args...)
	has(t, out, "3 members added, 2 of them with an opening balance; 1 was there already", "line 4: Wei Chen begins with a balance beyond",
		"Jo Smit shares +32470000021 with Anna Rossi")
	list := crier(t, "member", "list", "riverbank", "--csv", "--database", db)
	has(t, list, "21,Anna Rossi,+32470000021,anna@example.org,,fr,member,active,Gent,25,-50,",
		"22,Wei Chen,+32470000022,,,nl,member,frozen,,-60,-50,", "23,Jo Smit,+32470000021,,,en,member,active,,0,none,")
	has(t, crier(t, "ledger", "verify", "--database", db), "riverbank: right. 2 transfers")

	has(t, crier(t, args...), "0 members added, 0 of them", "4 were there already", "Nothing has changed.")
	if again := crier(t, "member", "list", "riverbank", "--csv", "--database", db); again != list {
		t.Errorf("importing twice has changed something:\n%s", again)
	}
	// What list writes, import reads.
	has(t, crier(t, "member", "import", "riverbank", write(t, "again.csv", strings.ReplaceAll(list, ",-60,", ",,")), "--database", db), "6 were there")
}

// TestImportBalanceLater gives opening balances to members who are there.
func TestImportBalanceLater(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	file := write(t, "b.csv", "number;name;balance\n12;maria keller;-20\n7;Luc Martin;20\n")
	has(t, crier(t, "member", "import", "riverbank", file, "--database", db), "0 members added, 2 of them with an opening balance")
	has(t, crier(t, "member", "import", "riverbank", file, "--database", db), "Nothing has changed")
	other := write(t, "c.csv", "number;name;balance\n12;Maria Keller;-21\n")
	out := fails(t, "nothing was imported", "member", "import", "riverbank", other, "--database", db)
	has(t, out, "line 2: Maria Keller: began with -20 before, not -21")
}

func TestImportBadLines(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	before := crier(t, "member", "list", "riverbank", "--csv", "--database", db)
	file := write(t, "bad.csv", strings.Join([]string{
		"number,name,phone,email,telegram,language,role,status,balance,limit",
		"30,Good One,+32470000030,,,,,,,",          // 2
		"30,Same Number,,,,,,,,",                   // 3
		"12,Not Maria,,,,,,,,",                     // 4
		"x1,Bad Number,,,,,,,,",                    // 5
		"31,,+32470000031,,,,,,,",                  // 6
		"32,Bad Phone,0470,,,,,,,",                 // 7
		"33,Bad Mail,,a b@c,,,,,,",                 // 8
		"34,Bad Telegram,,,@me,,,,,",               // 9
		"35,Bad Language,,,,klingon,,,,",           // 10
		"36,Bad Role,,,,,king,,,",                  // 11
		"37,Bad Status,,,,,,asleep,,",              // 12
		"38,Bad Balance,,,,,,,1.5,",                // 13
		"39,Bad Limit,,,,,,,,deep",                 // 14
		"40,Too,Many,,,,,,,,,",                     // 15
		",Twice,+32470000041,,,,,,,",               // 16
		",Twice,+32470000041,,,,,,,",               // 17
		",Alone,,,,,,,,",                           // 18
		",Alone,,,,,,,,",                           // 19
		"43,Maria Keller,+32470000012,,,,,,,",      // 20
		`44,"Control` + "\x07" + `Name",,,,,,,,`,   // 21
		`45,"Two` + "\n" + `Lines",+32 one,,,,,,,`, // 22
		`46,After Two Lines,,,,,,,x,`,              // 24
	}, "\n"))
	out := fails(t, "nothing was imported: 19 lines", "member", "import", "riverbank", file, "--database", db)
	for line, want := range map[int]string{
		3: "number 30 stands in line 2", 4: "number 12 is Maria Keller's already", 5: "not a member number", 6: "no name",
		7: "0470", 8: "not an e-mail", 9: "digits only", 10: "klingon", 11: "king", 12: "asleep", 13: "finer", 14: "deep",
		15: "fields", 17: "stands in line 16", 19: "stands in line 18", 20: "is member 12 already, and not 43", 21: "no letter",
		22: "not a phone number", 24: "not an amount",
	} {
		found := false
		for one := range strings.Lines(out) {
			found = found || strings.HasPrefix(one, fmt.Sprintf("line %d: ", line)) && strings.Contains(one, want)
		}
		if !found {
			t.Errorf("line %d does not say %q", line, want)
		}
	}
	hasNot(t, out, "line 2:", "line 16:", "line 18:")
	if t.Failed() {
		t.Log(out)
	}
	if now := crier(t, "member", "list", "riverbank", "--csv", "--database", db); now != before {
		t.Error("a file with bad lines has changed something")
	}
}

// TestImportAllOrNothing takes back what came before a line that cannot be.
func TestImportAllOrNothing(t *testing.T) {
	t.Parallel()
	db := newFile(t)
	riverbank(t, db)
	file := write(t, "f.csv", "number,name\n30,Good One\n12,Not Maria\n")
	has(t, fails(t, "nothing was imported: 1 line", "member", "import", "riverbank", file, "--database", db), "line 3: number 12 is Maria Keller's already")
	hasNot(t, crier(t, "member", "list", "riverbank", "--database", db), "Good One")
}

func TestImportFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"empty":     {"", "the file is empty"},
		"no name":   {"number,phone\n1,2\n", "no column is called name"},
		"unknown":   {"name,colour\nX,red\n", `no column "colour"`},
		"twice":     {"name,balance,solde\nX,1,2\n", "two columns hold the balance"},
		"quote":     {"name,place\n\"X,y\nZ,z\n", "quotation mark"},
		"excel":     {"PK\x03\x04stuff", "save it as CSV"},
		"binary":    {"name\x00\x01", "not a text file"},
		"only head": {"name,place\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			db := newFile(t)
			riverbank(t, db)
			file := write(t, "f.csv", c.text)
			if c.want == "" {
				has(t, crier(t, "member", "import", "riverbank", file, "--database", db), "0 members added")
				return
			}
			has(t, fails(t, "nothing was imported: 1 line", "member", "import", "riverbank", file, "--database", db), c.want)
		})
	}
	db := newFile(t)
	riverbank(t, db)
	fails(t, "cannot be read", "member", "import", "riverbank", "nowhere.csv", "--database", db)
}

// TestImportEncodings reads what spreadsheets write.
func TestImportEncodings(t *testing.T) {
	t.Parallel()
	const text = "numéro;nom;gsm;langue\r\n8;Céline Dubœuf;+32470000008;Français\r\n9;\"José; dit \"\"Pepe\"\"\";;nl\r\n"
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(strings.ReplaceAll(text, ";", "\t"))
	if err != nil {
		t.Fatal(err)
	}
	utf16 = strings.ReplaceAll(utf16, "\xe9\x00\t\x00 ", "\xe9\x00;\x00 ")
	for name, data := range map[string]string{"latin-1": latin, "utf-8": text, "bom": "\ufeff" + text, "utf-16": utf16} {
		db := newFile(t)
		riverbank(t, db)
		file := write(t, "f.csv", data)
		has(t, crier(t, "member", "import", "riverbank", file, "--database", db), "2 members added")
		list := crier(t, "member", "list", "riverbank", "--database", db)
		if !strings.Contains(list, "Céline Dubœuf") || !strings.Contains(list, `José; dit "Pepe"`) {
			t.Errorf("%s:\n%s", name, list)
		}
	}
}

// TestImportMany imports as many members as a large federation has: fewer where
// the race detector makes everything ten times as slow.
func TestImportMany(t *testing.T) {
	t.Parallel()
	many := 10_000
	if raceDetector {
		many = 1000
	}
	db := newFile(t)
	riverbank(t, db)
	var b strings.Builder
	b.WriteString("number,name,sms,email,balance\n")
	for i := 100; i < 100+many; i++ {
		fmt.Fprintf(&b, "%d,Member %d,+3247%07d,m%d@example.org,%d\n", i, i, i, i, i%40-20)
	}
	file := write(t, "many.csv", b.String())
	start := time.Now()
	has(t, crier(t, "member", "import", "riverbank", file, "--database", db), fmt.Sprint(many, " members added"))
	t.Logf("%d members in %v", many, time.Since(start).Round(time.Millisecond))
	start = time.Now()
	has(t, crier(t, "member", "import", "riverbank", file, "--database", db), "Nothing has changed")
	t.Logf("and once more in %v", time.Since(start).Round(time.Millisecond))
	has(t, crier(t, "ledger", "verify", "--database", db), fmt.Sprintf("right. %d transfers", many*39/40))
	if out := crier(t, "member", "list", "riverbank", "--database", db); strings.Count(out, "\n") != many+4 {
		t.Errorf("%d lines", strings.Count(out, "\n"))
	}
}

// FuzzReadEntries reads what anybody may hand in.
func FuzzReadEntries(f *testing.F) {
	f.Add([]byte("number,name,sms,balance\n1,Anna,+32470000001,5\n"))
	f.Add([]byte("name;\xe9\n\"x"))
	f.Add([]byte("\xff\xfen\x00a\x00"))
	catalog := testCatalog(f)
	c := testHours()
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, problems := readEntries(data, &c, catalog, "BE")
		for _, e := range entries {
			if len(problems) == 0 && (e.Name == "" || e.line < 1) {
				t.Errorf("an entry without a name or line passed: %+v", e)
			}
		}
	})
}
