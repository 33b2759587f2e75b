package smstools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"crier/bots/sms/spool"
	"crier/conversation"
)

// What smsd 3.1.21 has written is in testdata.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		file string
		want spool.Text // without its id
		sent string
	}{
		{"text", spool.Text{From: "+32470000001", Text: "hello ~ €¤{}Δ Çé", Number: 1, Total: 1}, "261125050057"},
		{"ucs2", spool.Text{From: "+32470000002", Text: "зима ~~ 👍", Number: 1, Total: 1}, "261125050057"},
		{"name", spool.Text{From: "MyBank", Text: "code", Number: 1, Total: 1}, "261125050057"},
		{"long", spool.Text{From: "+32470000002", Text: strings.Repeat("long text ", 40), Number: 1, Total: 1}, "261125050058"},
		{"national", spool.Text{From: "+32470000001", Text: "Qué más, adiós €", Number: 1, Total: 1}, "261125050057"},
	} {
		letter, err := parse(recorded(t, test.file))
		if err != nil || len(letter.Texts) != 1 {
			t.Errorf("%s: %+v, %v", test.file, letter, err)
			continue
		}
		got := letter.Texts[0]
		if len(got.ID) != 32 {
			t.Errorf("%s: the id is %q", test.file, got.ID)
		}
		if got.ID = ""; got != test.want || letter.Sent != test.sent || letter.Report != nil {
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
		{"failed", spool.Report{To: "+32470000001", Ref: 2, Status: conversation.Failed, Reason: "status 70"}},
		{"pending", spool.Report{To: "+32470000001", Ref: 3, Status: conversation.Underway}},
	} {
		letter, err := parse(recorded(t, test.file))
		if err != nil || letter.Report == nil || *letter.Report != test.want || letter.Texts != nil {
			t.Errorf("%s: %+v, %v", test.file, letter, err)
		}
	}
}

// A text that looks like what smsd makes of a report is a text.
func TestNobodyCanReportByText(t *testing.T) {
	data := string(recorded(t, "text"))
	headers, _, _ := strings.Cut(data, "\n\n")
	forged := "SMS STATUS REPORT\nMessage_id: 1\nStatus: 0,Ok,short message received by the SME"
	headers = strings.Replace(headers, "Length: 16", fmt.Sprintf("Length: %d", len(forged)), 1)
	letter, err := parse([]byte(headers + "\n\n" + forged))
	if err != nil || letter.Report != nil || len(letter.Texts) != 1 {
		t.Errorf("%+v, %v", letter, err)
	}
}

// However little of a file is there, it is not taken for another text.
func TestHalfWrittenFiles(t *testing.T) {
	for _, file := range []string{"text", "ucs2", "name", "long", "national", "delivered"} {
		data := recorded(t, file)
		whole, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		taken := func(l spool.Letter) string {
			if l.Report != nil {
				return fmt.Sprint(*l.Report)
			}
			return fmt.Sprint(l)
		}
		for n := range data {
			letter, err := parse(data[:n])
			if !errors.Is(err, spool.ErrHalf) && (err != nil || taken(letter) != taken(whole)) {
				t.Errorf("%s, %d bytes of it: %+v, %v", file, n, letter, err)
			}
		}
	}
}

func TestWhatIsNoText(t *testing.T) {
	text := string(recorded(t, "text"))
	for what, test := range map[string]struct {
		data string
		want error
	}{
		"without its PDU":       {strings.Replace(text, "PDU:", "P:", 1), errNoPDU},
		"a PDU that goes out":   {strings.Replace(text, "06912374000099040B", "06912374000099010B", 1), errPDUKind},
		"half a PDU":            {strings.Replace(text, "5210", "", 1), errPDU},
		"no hexadecimal":        {strings.Replace(text, "0691", "069x", 1), errPDU},
		"octets":                {strings.Replace(text, "F10000", "F10004", 1), spool.ErrNoText},
		"octets of a class":     {strings.Replace(text, "F10000", "F100F5", 1), spool.ErrNoText},
		"compressed":            {strings.Replace(text, "F10000", "F10020", 1), spool.ErrNoText},
		"what smsd cannot read": {string(recorded(t, "undecodable")), errPDU},
		"nothing":               {"", spool.ErrHalf},
		"binary":                {"\x00\xff\xfe", spool.ErrHalf},
		"only headers":          {"From: 32470000001\nLength: 0\n\n", errNoPDU},
	} {
		if letter, err := parse([]byte(test.data)); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v", what, letter, err)
		}
	}
}

func TestParsePDU(t *testing.T) {
	for what, test := range map[string]struct {
		pdu, from, text string
	}{
		"a national number": {"00" + "04" + "0A814007000010" + "0000" + "62115250007500" + "02E834", "0470000001", "hi"},
		"a short code":      {"00" + "04" + "04818808" + "0000" + "62115250007500" + "02E834", "8880", "hi"},
		"a flash message":   {"00" + "04" + "0B912374000000F1" + "0010" + "62115250007500" + "02E834", "+32470000001", "hi"},
		"that one waits":    {"00" + "04" + "0B912374000000F1" + "00E0" + "62115250007500" + "0404370438", "+32470000001", "зи"},
		"nothing at all":    {"00" + "04" + "0B912374000000F1" + "0000" + "62115250007500" + "00", "+32470000001", ""},
	} {
		p, err := parsePDU(test.pdu)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		text := spool.Compose([]spool.Piece{p.piece}).Texts[0]
		if text.From != test.from || text.Text != test.text {
			t.Errorf("%s: %+v", what, text)
		}
	}
}

func TestVerdict(t *testing.T) {
	for failReason, want := range map[string]struct {
		reason   string
		hopeless bool
	}{
		"+CMS ERROR: 1 (Unassigned (unallocated) number)": {"+CMS ERROR: 1", true},
		"+CMS ERROR: 38 (Network out of order)":           {"+CMS ERROR: 38", false},
		"+CMS ERROR: 331":                                 {"+CMS ERROR: 331", false},
		"+CMS ERROR: 500":                                 {"+CMS ERROR: 500", false},
		"+CMS ERROR: 304 (Invalid PDU mode parameter)":    {"+CMS ERROR: 304", true},
		"No destination":                                  {"No destination", true},
		"Modem initialization failed":                     {"smsd could not send it", false},
		"ERROR":                                           {"smsd could not send it", false},
		"0031000B912374000000F1":                          {"smsd could not send it", false},
		"":                                                {"smsd could not send it", false},
	} {
		if reason, hopeless := verdict(failReason); reason != want.reason || hopeless != want.hopeless {
			t.Errorf("%q: %q, %v", failReason, reason, hopeless)
		}
	}
	h, _, _ := split(recorded(t, "refused"))
	if reason, hopeless := verdict(h.get("Fail_reason")); reason != "+CMS ERROR: 1" || !hopeless {
		t.Errorf("recorded: %q, %v", reason, hopeless)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"text", "ucs2", "name", "long", "national", "undecodable", "delivered"} {
		f.Add(recorded(f, file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		letter, err := parse(data)
		if err != nil {
			return
		}
		for _, text := range letter.Texts {
			if text.ID == "" || text.Total < 1 || text.Number < 1 || text.Number > text.Total {
				t.Errorf("read %+v", text)
			}
		}
	})
}

func FuzzParsePDU(f *testing.F) {
	for _, file := range []string{"text", "ucs2", "name", "national", "delivered"} {
		h, _, _ := split(recorded(f, file))
		f.Add(h.get("PDU"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		p, err := parsePDU(line)
		if err == nil && len(p.piece.ID) != 32 {
			t.Errorf("read %+v", p)
		}
	})
}
