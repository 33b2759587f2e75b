package gammu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
	"crier/conversation"
)

// What gammu-smsd 1.42.0 has written is in testdata.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	long := strings.Repeat("long text ", 40)
	for _, test := range []struct {
		file string
		want []spool.Text // without the ids
		sent string
	}{
		{"text", []spool.Text{{From: "+32470000001", Text: "hello ~ €¤{}Δ Çé", Number: 1, Total: 1}}, "20261125T050057Z"},
		{"ucs2", []spool.Text{{From: "+32470000002", Text: "спасибо 👍", Number: 1, Total: 1}}, "20261125T050057Z"},
		{"name", []spool.Text{{From: "MyBank", Text: "code", Number: 1, Total: 1}}, "20261125T050057Z"},
		{"long", []spool.Text{{From: "+32470000002", Text: long, Number: 1, Total: 1}}, "20261125T050058Z"},
		{"rest", []spool.Text{{From: "+32470000002", Text: long[306:], Ref: "03/3", Number: 3, Total: 3}}, "20261125T050058Z"},
		// The daemon has lost the thumb: a unit for each tilde.
		{"tildes", []spool.Text{{From: "+32470000002", Text: "зима ~~ ", Number: 1, Total: 2}}, "20261125T050057Z"},
	} {
		letter, err := parse(recorded(t, test.file))
		if err != nil {
			t.Errorf("%s: %v", test.file, err)
			continue
		}
		got := slices.Clone(letter.Texts)
		for i := range got {
			if len(got[i].ID) != 32 {
				t.Errorf("%s: the id is %q", test.file, got[i].ID)
			}
			if got[i].ID = ""; strings.HasPrefix(got[i].Ref, "cut ") {
				got[i].Ref = ""
			}
		}
		if !slices.Equal(got, test.want) || letter.Sent != test.sent || letter.Report != nil {
			t.Errorf("%s: %+v", test.file, letter)
		}
	}
}

func TestParseReports(t *testing.T) {
	for _, test := range []struct {
		file string
		want spool.Report
	}{
		{"delivered", spool.Report{To: "+32470000001", Ref: 1, Status: conversation.Delivered}},
		{"failed", spool.Report{To: "+32470000001", Ref: 2, Status: conversation.Failed, Reason: "the network could not deliver it"}},
		{"pending", spool.Report{To: "+32470000001", Ref: 3, Status: conversation.Underway}},
	} {
		letter, err := parse(recorded(t, test.file))
		if err != nil || letter.Report == nil || *letter.Report != test.want || letter.Texts != nil {
			t.Errorf("%s: %+v, %v", test.file, letter, err)
		}
	}
}

// However little of a file is there, it is not taken for another text.
func TestHalfWrittenFiles(t *testing.T) {
	for _, file := range []string{"text", "ucs2", "name", "long", "tildes", "delivered"} {
		data := recorded(t, file)
		whole, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for n := range data {
			letter, err := parse(data[:n])
			switch {
			case errors.Is(err, spool.ErrHalf):
			case err == nil && letter.Open: // the parts that are there
			case err == nil && fmt.Sprint(letter) == fmt.Sprint(whole):
			default:
				t.Errorf("%s, %d bytes of it: %+v, %v", file, n, letter, err)
			}
		}
	}
}

func TestTheSameTextHasTheSameID(t *testing.T) {
	id := func(data string) string {
		letter, err := parse([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		return letter.Texts[0].ID
	}
	text := string(recorded(t, "text"))
	again := strings.Replace(text, "; Saved 2026", "; Saved 2027", 1)
	if again == text || id(again) != id(text) {
		t.Error("a repetition has another id")
	}
	for what, other := range map[string]string{
		"second later": strings.Replace(text, "20261125T050057Z", "20261125T050058Z", 1),
		"sender":       strings.ReplaceAll(text, "30003000300031", "30003000300032"),
		"text":         strings.Replace(text, "00680065", "00680066", 1),
	} {
		if other == text || id(other) == id(text) {
			t.Errorf("another %s has the same id", what)
		}
	}
}

func TestWhatIsNoText(t *testing.T) {
	text := string(recorded(t, "text"))
	for what, test := range map[string]struct {
		data string
		want error
	}{
		"a picture":      {strings.Replace(text, "Default_No_Compression", "8bit", 1), spool.ErrNoText},
		"compressed":     {strings.Replace(text, "Default_No_Compression", "Unicode_Compression", 1), spool.ErrNoText},
		"no number":      {strings.NewReplacer("Number =", "N =", "NumberUnicode", "N").Replace(text), errNumber},
		"no hexadecimal": {strings.Replace(text, "0068", "006x", 1), errHex},
		"nothing":        {"", spool.ErrHalf},
		"binary":         {"\x00\xff\xfe", spool.ErrHalf},
	} {
		if letter, err := parse([]byte(test.data)); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v", what, letter, err)
		}
	}
}

func TestFormat(t *testing.T) {
	text := sms.Text{ID: 0x1ff, To: "+32470000001", Body: "5 €", GSM: true}
	want := "[SMSBackup000]\nPDU = Status_Report\nNumber = \"+32470000001\"\nText00 = 0035002020AC\n" +
		"Coding = Default_No_Compression\nMessageReference = 256\n\n"
	if got := string(format(text)); got != want {
		t.Errorf("got %q", got)
	}
	text.Body, text.GSM = "зи~", false
	want = "[SMSBackup000]\nPDU = Status_Report\nNumber = \"+32470000001\"\nText00 = 04370438007E007E\n" +
		"Coding = Unicode_No_Compression\nMessageReference = 256\n\n"
	if got := string(format(text)); got != want {
		t.Errorf("got %q", got)
	}
	text.Body = strings.Repeat("ж~", 50) // each takes three units
	all, whole := sections(format(text))
	if !whole || len(all) != 3 || all[0].get("UDH") != "050003FF0301" || all[2].get("UDH") != "050003FF0303" {
		t.Errorf("in parts: %v", all)
	}
	for _, s := range all {
		if n := len(s.linked("Text")); n > 4*67 {
			t.Errorf("a part of %d units", n/4)
		}
	}
}

func TestSlip(t *testing.T) {
	// 1.42 writes all references into the first section, the last one first, and
	// 1.44 each into its own.
	for file, want := range map[string]string{"sent": "42-1of1-32470000001-9+8+7", "sent-1.44": "42-1of1-32470000001-7+8+9"} {
		if s := slip(42, recorded(t, file)); s.String() != want {
			t.Errorf("%s: %s, want %s", file, s, want)
		}
	}
	if s := slip(42, format(sms.Text{ID: 42, To: "+32470000001", Body: "bal", GSM: true})); s.String() != "42-1of1-32470000001-" {
		t.Errorf("not sent yet: %s", s)
	}
	if s := slip(42, []byte("\x00\xff")); s.String() != "42-1of1--" {
		t.Errorf("of garbage: %s", s)
	}
}

func TestNames(t *testing.T) {
	until := time.Unix(1795588422, 0)
	now := time.Unix(1795580000, 42)
	for _, name := range []string{nameOf(7654321987654321, until), behind(7654321987654321, until, now)} {
		if id, at, ok := parseName(name); !ok || id != 7654321987654321 || !at.Equal(until) {
			t.Errorf("%s is %d until %v, %v", name, id, at, ok)
		}
		if len(name) >= 100 {
			t.Errorf("%s is longer than the daemon can take", name)
		}
	}
	ordered := []string{nameOf(9, until), nameOf(10, until), behind(1, until, now), behind(2, until, now.Add(time.Second))}
	if !slices.IsSorted(ordered) {
		t.Errorf("%q are not in order", ordered)
	}
	for _, name := range []string{"", "OUT0-1-1.smsbackup", "OUTG20040620_193810_123_+4512345678_xpq.txtdf", "OUT0-9999999999999999999-1795588422.smsbackup"} {
		if _, _, ok := parseName(name); ok {
			t.Errorf("%q is Crier's", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"text", "ucs2", "name", "long", "rest", "tildes", "delivered", "failed", "sent"} {
		f.Add(recorded(f, file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		letter, err := parse(data)
		_ = slip(1, data)
		if err != nil {
			return
		}
		for _, text := range letter.Texts {
			if text.ID == "" || text.From == "" || text.Total < 1 || text.Number < 1 || text.Number > text.Total {
				t.Errorf("read %+v", text)
			}
		}
	})
}
