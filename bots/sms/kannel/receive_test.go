package kannel

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
)

func toUTF16(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit >> 8))
		b.WriteByte(byte(unit))
	}
	return b.String()
}

// TestHear reads calls as an operator may have configured them.
func TestHear(t *testing.T) {
	t.Parallel()
	const id = "6799f874-495c-46fe-af08-456d877a4969"
	type fields map[string]string
	for name, c := range map[string]struct {
		query, form fields
		kind, body  string
		from, text  string // of what is heard, "" where it is nothing
		refused     bool
	}{
		"get-url":                {query: fields{"from": "+32470000001", "text": "balance"}, from: "+32470000001", text: "balance"},
		"get-url, UCS-2":         {query: fields{"from": "+32470000001", "coding": "2", "charset": "UTF-16BE", "text": toUTF16("баланс 👍")}, from: "+32470000001", text: "баланс 👍"},
		"post-url":               {query: fields{"from": "+32470000001"}, kind: `text/plain; charset="UTF-8"`, body: "Zoë", from: "+32470000001", text: "Zoë"},
		"post-url, UCS-2":        {query: fields{"from": "+32470000001"}, kind: `text/plain; charset="UTF-16BE"`, body: toUTF16("баланс 👍"), from: "+32470000001", text: "баланс 👍"},
		"post with a query":      {query: fields{"from": "+32470000001", "text": "balance"}, kind: "text/plain", from: "+32470000001", text: "balance"},
		"a form":                 {form: fields{"from": "+32470000001", "id": id, "text": "balance"}, from: "+32470000001", text: "balance"},
		"no plus":                {query: fields{"from": "32470000001", "text": "balance"}, from: "+32470000001", text: "balance"},
		"as dialled at home":     {query: fields{"from": "0470000001", "text": "balance"}, from: "+32470000001", text: "balance"},
		"as dialled from abroad": {query: fields{"from": "0032470000001", "text": "balance"}, from: "+32470000001", text: "balance"},
		"broken UTF-8":           {query: fields{"from": "+32470000001", "text": "bal\xffance\x00"}, from: "+32470000001", text: "bal\ufffdance"},
		"a short code":           {query: fields{"from": "8880", "text": "you have won"}},
		"a name":                 {query: fields{"from": "MYBANK", "text": "your code"}},
		"data":                   {query: fields{"from": "+32470000001", "coding": "1", "charset": "8-BIT", "text": "\x01\x02"}},
		"data by post-url":       {query: fields{"from": "+32470000001"}, kind: "application/octet-stream", body: "\x01\x02"},
		"no id":                  {query: fields{"from": "+32470000001", "id": "", "text": "balance"}, refused: true},
		"another's id":           {query: fields{"from": "+32470000001", "id": "17", "text": "balance"}, refused: true},
		"no sender":              {query: fields{"text": "balance"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			journey := &smstest.Journey{}
			_, g := gatewayAt(t, "", "http://127.0.0.1:8481", journey)
			call := sms.Call{Path: "in", Method: http.MethodPost, Query: url.Values{}, Form: url.Values{}, Header: http.Header{}, Body: []byte(c.body), At: time.Now()}
			if c.form == nil {
				call.Query.Set("id", id)
				call.Query.Set("ts", "1700000000")
			}
			for key, value := range c.query {
				call.Query.Set(key, value)
			}
			for key, value := range c.form {
				call.Form.Set(key, value)
			}
			call.Header.Set("Content-Type", c.kind)
			answer, err := g.Call(t.Context(), call)
			if (err != nil) != c.refused || answer.Body != "" {
				t.Fatalf("answers %q, error %v", answer.Body, err)
			}
			heard := journey.Heard()
			if c.from == "" {
				if len(heard) > 0 {
					t.Errorf("heard %+v", heard)
				}
				return
			}
			if len(heard) != 1 || heard[0].From != c.from || heard[0].Text != c.text || heard[0].ID != "kannel:"+id {
				t.Fatalf("heard %+v", heard)
			}
			if c.form == nil && heard[0].At.Unix() != 1700000000 {
				t.Errorf("heard of %v", heard[0].At)
			}
		})
	}
}

// TestPlace reads user data headers (3GPP TS 23.040, section 9.2.3.24).
func TestPlace(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct {
		ref           string
		number, total int
	}{
		"":                                     {"", 1, 1},
		"\x05\x00\x03\x07\x03\x02":             {"07-3", 2, 3},
		"\x06\x08\x04\x12\x34\x03\x03":         {"1234-3", 3, 3},
		"\x0a\x24\x01\x01\x00\x03\x07\x02\x01": {"07-2", 1, 2}, // behind a shift table
		"\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x07\x02\x01": {"07-2", 1, 2}, // behind ports
		"\x05\x00\x03\x07\x02\x03":                         {"", 1, 1},     // the third of two
		"\x05\x00\x03\x07\x02\x00":                         {"", 1, 1},
		"\x05\x00\x03\x07":                                 {"", 1, 1},
		"\x00":                                             {"", 1, 1},
		"\x02\x24\x00":                                     {"", 1, 1},
		"\x05\xff":                                         {"", 1, 1},
	} {
		if ref, number, total := place(header); ref != want.ref || number != want.number || total != want.total {
			t.Errorf("% x: %q, %d of %d", header, ref, number, total)
		}
	}
}

// TestCause keeps texts and numbers out of the reason of a failure.
func TestCause(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]string{
		"id:c0ffee sub:001 dlvrd:000 submit date:2611250700 done date:2611250700 stat:UNDELIV err:069 text:You have 15 acorns.": "UNDELIV 069",
		"id:c0ffee stat:EXPIRED":                      "EXPIRED",
		"NACK/0x0000000b/Invalid Destination Address": "0x0000000b",
		"NACK/validity expired":                       "validity expired",
		"NACK/REJECTED":                               "REJECTED",
		"NACK/11/Invalid":                             "11",
		"NACK/+32470000001 is none":                   "failed",
		"NACK/<html>32470000001":                      "failed",
		"text:You have stat:":                         "failed",
		"":                                            "failed",
	} {
		if got := cause(says); got != want {
			t.Errorf("%q is %q, want %q", says, got, want)
		}
	}
}

// TestParts hands a text over in parts of its own only where Kannel would cut a
// character in two.
func TestParts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		gsm  bool
		want int
	}{
		"one segment":            {strings.Repeat("ж", 70), false, 1},
		"cut between letters":    {strings.Repeat("ж", 200), false, 1},
		"in GSM":                 {strings.Repeat("a", 400), true, 1},
		"an emoji where it cuts": {strings.Repeat("ж", 66) + "👍" + strings.Repeat("ж", 20), false, 2},
		"in the second part":     {strings.Repeat("ж", 133) + "👍👍👍", false, 3},
		"all emoji":              {strings.Repeat("👍", 100), false, 4},
	} {
		cut := parts(sms.Text{ID: 0x1234, Body: c.text, GSM: c.gsm})
		var all strings.Builder
		for i, p := range cut {
			all.WriteString(p.body)
			if n := len(toUTF16(p.body)); !c.gsm && len(cut) > 1 && n > 134 {
				t.Errorf("%s: a part of %d octets", name, n)
			}
			want := ""
			if len(cut) > 1 {
				want = string([]byte{5, 0, 3, 0x34, byte(len(cut)), byte(i + 1)})
			}
			if p.header != want {
				t.Errorf("%s: header % x", name, p.header)
			}
		}
		if len(cut) != c.want || all.String() != c.text {
			t.Errorf("%s: %d parts %q", name, len(cut), cut)
		}
	}
}
