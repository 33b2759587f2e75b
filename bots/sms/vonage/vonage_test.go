package vonage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/smstest"
	"crier/conversation"
)

func TestGateway(t *testing.T) {
	for name, c := range map[string]struct{ way, method string }{
		"as a query":          {"GET", "sha512"},
		"as a form":           {"POST", "md5hash"},
		"as JSON":             {"POST-JSON", "sha256"},
		"as JSON, not signed": {"POST-JSON", ""},
	} {
		t.Run(name, func(t *testing.T) {
			kind := Kind
			kind.Signed = c.method != ""
			smstest.Run(t, smstest.Harness{Kind: kind, Start: func(t *testing.T, hook string) smstest.Wire {
				return newAccount(t, hook, c.way, c.method).wire()
			}})
		})
	}
}

// newLine makes a gateway on a line.
func newLine(t testing.TB, settings sms.Settings, journey sms.Journey) *gateway {
	t.Helper()
	var g *gateway
	kind := Kind
	kind.New = func(s sms.Settings, l *sms.Line) (sms.Gateway, error) {
		made, err := newGateway(s, l)
		if err == nil {
			g = made.(*gateway)
		}
		return made, err
	}
	if _, err := sms.NewLine(sms.LineConfig{Name: "village"}, kind, settings, []byte("a secret"), journey, nil, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return g
}

func settingsOf(address string) sms.Settings {
	return sms.Settings{URL: address, User: user, Secret: secret, Number: rented}
}

func TestSettings(t *testing.T) {
	for name, change := range map[string]func(*sms.Settings){
		"no scheme": func(s *sms.Settings) { s.URL = "rest.nexmo.com" },
		"a query":   func(s *sms.Settings) { s.URL = "https://rest.nexmo.com?api_key=x" },
		"a login":   func(s *sms.Settings) { s.URL = "https://a:b@rest.nexmo.com" },
		"ftp":       func(s *sms.Settings) { s.URL = "ftp://rest.nexmo.com" },
		"no user":   func(s *sms.Settings) { s.User = "" },
		"no secret": func(s *sms.Settings) { s.Secret = "" },
		"no number": func(s *sms.Settings) { s.Number = "" },
	} {
		s := settingsOf("")
		change(&s)
		if _, err := newGateway(s, nil); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
	if base := newLine(t, settingsOf(""), nil).base; base != provider {
		t.Errorf("without a url it speaks to %s", base)
	}
}

func values(fields map[string]string) url.Values {
	v := url.Values{}
	for name, value := range fields {
		v.Set(name, value)
	}
	return v
}

// inboundCall is a call of the webhook for texts, with a query.
func inboundCall(fields map[string]string, at time.Time) sms.Call {
	return sms.Call{Path: "in", Method: http.MethodGet, Query: values(fields), Form: url.Values{}, Header: http.Header{}, At: at}
}

// with returns a copy of fields with some others; those without a value are taken away.
func with(fields map[string]string, others ...string) map[string]string {
	all := maps.Clone(fields)
	for i := 0; i < len(others); i += 2 {
		if all[others[i]] = others[i+1]; others[i+1] == "" {
			delete(all, others[i])
		}
	}
	return all
}

// The text, and its signatures by each method, that the tests of
// github.com/Vonage/vonage-php-sdk-core have.
var (
	knownKey  = "my_secret_key_for_testing"
	knownAt   = time.Unix(1385047698, 0)
	knownText = map[string]string{
		"message-timestamp": "2013-11-21 15:27:30", "messageId": "020000001B0FE827", "msisdn": "14843472194", "text": "Test again",
		"timestamp": "1385047698", "to": "13239877404", "type": "text",
	}
	knownSignatures = map[string]string{
		"md5hash": "d2e7b1dc968737c5998ad624e02f90b7",
		"md5":     "DDEBD46008C2D4E93CCE578A332A52D5",
		"sha1":    "27D0D05C2876C7CB1720DBCDBA4D492E1E55C09A",
		"sha256":  "DDB8397C2B90AAC7F3882D306475C9A5058C92322EEF43C92B298B6E0FC0D330",
		"sha512":  "E0D3C650F8C9D1A5C174D10DDDBFB003E561F59B265616208B0487C5D819481CD3C311D59CF6165ECD1139622D5BA3A256C0D763AC4A9AD9144B5A426B94FE82",
	}
)

func TestSignature(t *testing.T) {
	signed := with(knownText, "sig", knownSignatures["sha256"])
	cases := map[string]struct {
		fields map[string]string
		now    time.Time
		forged bool
	}{
		"4 minutes early":      {fields: signed, now: knownAt.Add(-4 * time.Minute)},
		"6 minutes early":      {fields: signed, now: knownAt.Add(-6 * time.Minute), forged: true},
		"after a long outage":  {fields: signed, now: knownAt.Add(24 * time.Hour)},
		"after the last try":   {fields: signed, now: knownAt.Add(24*time.Hour + 6*time.Minute), forged: true},
		"not signed":           {fields: knownText, forged: true},
		"something behind it":  {fields: with(knownText, "sig", signed["sig"]+"zz"), forged: true},
		"half of it":           {fields: with(knownText, "sig", signed["sig"][:32]), forged: true},
		"no hex":               {fields: with(knownText, "sig", "z"+signed["sig"][1:]), forged: true},
		"by SHA-384's length":  {fields: with(knownText, "sig", strings.Repeat("00", 48)), forged: true},
		"another text":         {fields: with(signed, "text", "Test once more"), forged: true},
		"another sender":       {fields: with(signed, "msisdn", "14843472195"), forged: true},
		"another id":           {fields: with(signed, "messageId", "020000001B0FE828"), forged: true},
		"another time":         {fields: with(signed, "timestamp", "1385047699"), forged: true},
		"a field more":         {fields: with(signed, "concat", "true"), forged: true},
		"a field less":         {fields: with(signed, "type", ""), forged: true},
		"two fields as one":    {fields: with(signed, "messageId", "", "msisdn", "", "messageId=020000001B0FE827&msisdn", "14843472194"), forged: true},
		"a field in the other": {fields: with(signed, "type", "", "to", "13239877404&type=text"), forged: true},
	}
	for method, signature := range knownSignatures {
		cases["by "+method] = struct {
			fields map[string]string
			now    time.Time
			forged bool
		}{fields: with(knownText, "sig", signature)}
		cases["by "+method+", in other letters"] = struct {
			fields map[string]string
			now    time.Time
			forged bool
		}{fields: with(knownText, "sig", map[bool]string{true: strings.ToUpper(signature), false: strings.ToLower(signature)}[method == "md5hash"])}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			journey := &smstest.Journey{}
			s := settingsOf("")
			s.Signing = knownKey
			if c.now.IsZero() {
				c.now = knownAt
			}
			_, err := newLine(t, s, journey).Call(t.Context(), inboundCall(c.fields, c.now))
			if errors.Is(err, sms.ErrForged) != c.forged || !c.forged && err != nil {
				t.Errorf("err = %v, want forged: %v", err, c.forged)
			}
			if heard := len(journey.Heard()); heard != map[bool]int{true: 0, false: 1}[c.forged] {
				t.Errorf("heard %d texts", heard)
			}
		})
	}
}

// What else is known to belong together: with other characters, as the tests of
// github.com/Vonage/vonage-python-sdk have it, and with fields that are empty,
// as those of github.com/Vonage/vonage-java-sdk.
func TestSignedTexts(t *testing.T) {
	for name, c := range map[string]struct {
		fields map[string]string
		key    string
	}{
		"& and =": {map[string]string{"param1": "value&1", "param2": "value=2", "timestamp": "1234567890", "sig": "2bbf0abafb2c55e5af6231513896a2ac"}, "signature_secret"},
		"empty":   {map[string]string{"a": "alphabet", "b": "", "timestamp": "2100", "sig": "a3368bf718ba104dcb392d8877e8eb2b"}, "abcde"},
		"blank":   {map[string]string{"a": "alphabet", "b": "  ", "timestamp": "2100", "sig": "a3368bf718ba104dcb392d8877e8eb2b"}, "abcde"},
		"letters": {map[string]string{
			"keyword": "PAY", "message-timestamp": "2026-11-22 10:00:00", "messageId": "0A0000000123ABCD1", "msisdn": "15550100", "nonce": "c0ffee",
			"text": "PAY 2 & thanks=yes", "timestamp": "1795338000", "to": "15550199", "type": "text", "sig": "a99adbf4524627eda719ae2f0ad1830a",
		}, "S3cretSig"},
	} {
		seconds, _ := strconv.ParseInt(c.fields["timestamp"], 10, 64)
		if err := verify(c.fields, c.key, time.Unix(seconds, 0), time.Minute); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTexts(t *testing.T) {
	text := map[string]string{
		"api-key": user, "messageId": "0A0000000123ABCD1", "msisdn": "32470000001", "to": "32460200001", "text": "pay luc 5 & 6",
		"type": "text", "keyword": "PAY", "message-timestamp": "2026-01-22 10:00:00",
	}
	object := func(fields map[string]string) string {
		b, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const form, plainJSON = "application/x-www-form-urlencoded", "application/json;charset=utf-8"
	for name, c := range map[string]struct {
		kind, query, body string
		heard             string
		bad               bool
	}{
		"a query":               {query: values(text).Encode(), heard: "+32470000001 village:0A0000000123ABCD1 pay luc 5 & 6"},
		"a form":                {kind: form, body: values(text).Encode(), heard: "+32470000001 village:0A0000000123ABCD1 pay luc 5 & 6"},
		"JSON":                  {kind: plainJSON, body: object(text), heard: "+32470000001 village:0A0000000123ABCD1 pay luc 5 & 6"},
		"a query beside JSON":   {kind: plainJSON, query: "text=other&messageId=x", body: object(text), heard: "+32470000001 village:0A0000000123ABCD1 pay luc 5 & 6"},
		"JSON, with others":     {kind: plainJSON, body: `{"messageId":"m1","msisdn":"32470000001","text":"bal","n":7,"b":true,"z":null}`, heard: "+32470000001 village:m1 bal"},
		"null":                  {kind: plainJSON, body: `{"messageId":"m1","msisdn":"32470000001","text":null}`, heard: "+32470000001 village:m1 "},
		"numbers":               {kind: plainJSON, body: `{"messageId":"m1","msisdn":32470000001,"text":5}`, heard: "+32470000001 village:m1 5"},
		"a newer id":            {kind: plainJSON, body: object(with(text, "messageId", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab")), heard: "+32470000001 village:aaaaaaaa-bbbb-cccc-dddd-0123456789ab pay luc 5 & 6"},
		"half an emoji":         {kind: plainJSON, body: `{"messageId":"m1","msisdn":"32470000001","text":"\ud83d x"}`, heard: "+32470000001 village:m1 \ufffd x"},
		"nothing said":          {kind: plainJSON, body: object(with(text, "text", "")), heard: "+32470000001 village:0A0000000123ABCD1 "},
		"a name":                {query: values(with(text, "msisdn", "MYBANK")).Encode()},
		"a short code":          {query: values(with(text, "msisdn", "8880")).Encode()},
		"binary":                {query: values(with(text, "type", "binary", "text", "", "data", "0011", "udh", "06050415811581")).Encode()},
		"no id":                 {query: values(with(text, "messageId", "")).Encode(), bad: true},
		"an id with a NUL":      {query: values(with(text, "messageId", "m\x00")).Encode(), bad: true},
		"no sender":             {query: values(with(text, "msisdn", "")).Encode(), bad: true},
		"JSON as text":          {kind: "text/plain", body: object(text), bad: true},
		"JSON as a form":        {kind: form, body: object(text), bad: true},
		"an object in it":       {kind: plainJSON, body: `{"messageId":"m1","msisdn":"32470000001","text":{"a":"b"}}`, bad: true},
		"a list":                {kind: plainJSON, body: `["m1"]`, bad: true},
		"two objects":           {kind: plainJSON, body: object(text) + object(text), bad: true},
		"a part":                {query: values(with(text, "concat", "true", "concat-ref", "7", "concat-total", "2", "concat-part", "1")).Encode()},
		"the only part":         {query: values(with(text, "concat", "true", "concat-ref", "7", "concat-total", "1", "concat-part", "1")).Encode(), heard: "+32470000001 village:0A0000000123ABCD1 pay luc 5 & 6"},
		"a part without number": {query: values(with(text, "concat", "true", "concat-ref", "7", "concat-total", "2")).Encode(), bad: true},
		"the third of two":      {query: values(with(text, "concat", "true", "concat-ref", "7", "concat-total", "2", "concat-part", "3")).Encode(), bad: true},
		"a part of nothing":     {query: values(with(text, "concat", "true", "concat-total", "2", "concat-part", "1")).Encode(), bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			journey := &smstest.Journey{}
			g := newLine(t, settingsOf(""), journey)
			_, err := g.Call(t.Context(), callOf(t, "in", c.kind, c.query, c.body))
			if errors.Is(err, sms.ErrMalformed) != c.bad || !c.bad && err != nil {
				t.Errorf("err = %v, want malformed: %v", err, c.bad)
			}
			heard := ""
			for _, in := range journey.Heard() {
				heard += in.From + " " + in.ID + " " + in.Text
				if in.At.After(time.Now()) || strings.HasPrefix(in.ID, "village:0A") && !in.At.Equal(time.Date(2026, 1, 22, 10, 0, 0, 0, time.UTC)) && time.Now().Year() >= 2026 {
					t.Errorf("heard a text of %v", in.At)
				}
			}
			if heard != c.heard {
				t.Errorf("heard %q, want %q", heard, c.heard)
			}
		})
	}
}

// callOf is a call as a line makes it of a request.
func callOf(t testing.TB, path, kind, query, body string) sms.Call {
	t.Helper()
	c := sms.Call{Path: path, Form: url.Values{}, Header: http.Header{}, Body: []byte(body), At: time.Now()}
	var err error
	if c.Query, err = url.ParseQuery(query); err != nil {
		t.Skip("no query")
	}
	if kind != "" {
		c.Header.Set("Content-Type", kind)
	}
	if strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		if c.Form, err = url.ParseQuery(body); err != nil {
			t.Skip("no form")
		}
	}
	return c
}

func TestPartsInAnyOrder(t *testing.T) {
	a := newAccount(t, "", "POST-JSON", "")
	long := strings.Repeat("a long story of eggs and bread ", 12) // three parts
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 1, 2, 0}, {0, 2, 0, 1}} {
		journey := &smstest.Journey{}
		g := newLine(t, settingsOf(""), journey)
		parts := a.incoming(smstest.Handset, long)
		others := a.incoming(smstest.Other, long+"too") // with the same reference
		for i := range others {
			others[i]["concat-ref"] = parts[0]["concat-ref"]
		}
		for _, n := range order {
			for _, fields := range []url.Values{parts[n], others[n]} {
				if _, err := g.Call(t.Context(), callOf(t, "in", "", fields.Encode(), "")); err != nil {
					t.Fatal(err)
				}
			}
		}
		var heard []string
		for _, in := range journey.Heard() {
			heard = append(heard, in.From+in.Text)
		}
		if !slices.Equal(heard, []string{smstest.Handset + long, smstest.Other + long + "too"}) {
			t.Errorf("in the order %v: heard %q", order, heard)
		}
	}
}

// Before Vonage takes an address it calls it, with nothing in its hands.
func TestTheDashboardTriesAnAddress(t *testing.T) {
	s := settingsOf("")
	s.Signing = signing
	for _, path := range []string{"in", "receipt"} {
		journey := &smstest.Journey{}
		if _, err := newLine(t, s, journey).Call(t.Context(), callOf(t, path, "", "", "")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if len(journey.Heard())+len(journey.Receipts()) > 0 {
			t.Errorf("%s: it was handed on", path)
		}
	}
}

func TestReceipts(t *testing.T) {
	type receipt = conversation.Receipt
	for query, want := range map[string]receipt{
		"messageId=0B1&status=accepted&err-code=0&client-ref=crier-17":                {ID: 17},
		"messageId=0B1&status=buffered&err-code=0&client-ref=crier-17":                {ID: 17},
		"messageId=0B1&status=unknown&err-code=1&client-ref=crier-17":                 {ID: 17},
		"messageId=0B1&status=delivered&err-code=0&client-ref=crier-9007199254740993": {ID: 9007199254740993, Status: conversation.Delivered},
		"messageId=0B1&status=failed&err-code=1&client-ref=crier-17":                  {ID: 17, Status: conversation.Failed, Reason: "failed: no reason is known"},
		"messageId=0B1&status=expired&err-code=2&client-ref=crier-17":                 {ID: 17, Status: conversation.Failed, Reason: "expired: the telephone could not be reached"},
		"messageId=0B1&status=rejected&err-code=3&client-ref=crier-17":                {ID: 17, Status: conversation.Failed, Dead: true, Reason: "rejected: the number is not in use any more"},
		"messageId=0B1&status=failed&err-code=4&client-ref=crier-17":                  {ID: 17, Status: conversation.Failed, Dead: true, Reason: "failed: the number is barred by its owner"},
		"messageId=0B1&status=failed&err-code=9&client-ref=crier-17":                  {ID: 17, Status: conversation.Failed, OptedOut: true, Reason: "failed: its owner wants no texts from here"},
		"messageId=0B1&status=failed&err-code=1340&client-ref=crier-17":               {ID: 17, Status: conversation.Failed, Reason: "failed: error 1340"},
		"messageId=0B1&status=failed&err-code=%2B32470000001x&client-ref=crier-17":    {ID: 17, Status: conversation.Failed, Reason: "failed"},
		"messageId=0B1&status=delivered&err-code=0":                                   {ProviderID: "village:0B1", Status: conversation.Delivered},
		"messageId=0B1&status=delivered&err-code=0&client-ref=17":                     {ProviderID: "village:0B1", Status: conversation.Delivered},
		"messageId=0B1&status=delivered&err-code=0&client-ref=crier-017":              {ProviderID: "village:0B1", Status: conversation.Delivered},
		"messageId=0B1&status=delivered&err-code=0&client-ref=crier--17":              {ProviderID: "village:0B1", Status: conversation.Delivered},
		"messageId=0B1":            {},
		"status=delivered":         {},
		"messageId=0%001&status=x": {},
		"client-ref=crier-17&a=b":  {},
		"messageId=&status=":       {},
	} {
		journey := &smstest.Journey{}
		_, err := newLine(t, settingsOf(""), journey).Call(t.Context(), callOf(t, "receipt", "", query, ""))
		bad := want == receipt{}
		if errors.Is(err, sms.ErrMalformed) != bad || !bad && err != nil {
			t.Errorf("%s: err = %v, want malformed: %v", query, err, bad)
		}
		if got := journey.Receipts(); !bad && !slices.Equal(got, []receipt{want}) || bad && len(got) > 0 {
			t.Errorf("%s: receipts %+v, want %+v", query, got, want)
		}
	}
}

// ask has a text submitted to a server with that handler.
func ask(t *testing.T, handler http.HandlerFunc, change func(*sms.Settings, *sms.Text)) (string, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s, text := settingsOf(server.URL), sms.Text{ID: 17, To: smstest.Handset, Body: "hello", GSM: true, Segments: 1, Valid: 24 * time.Hour}
	if change != nil {
		change(&s, &text)
	}
	return newLine(t, s, &smstest.Journey{}).Submit(t.Context(), text)
}

func TestRequest(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sms.Settings, *sms.Text)
		want   map[string]string // beside the usual
		absent string
	}{
		"usual":          {nil, map[string]string{"ttl": "86400000", "type": "text"}, "callback"},
		"not GSM":        {func(_ *sms.Settings, text *sms.Text) { text.GSM, text.Body = false, "Αθηνά" }, map[string]string{"text": "Αθηνά", "type": "unicode"}, ""},
		"soon too late":  {func(_ *sms.Settings, text *sms.Text) { text.Valid = time.Second }, map[string]string{"ttl": "20000"}, ""},
		"of two weeks":   {func(_ *sms.Settings, text *sms.Text) { text.Valid = 14 * 24 * time.Hour }, map[string]string{"ttl": "604800000"}, ""},
		"by a name":      {func(s *sms.Settings, _ *sms.Text) { s.Sender = "Village" }, map[string]string{"from": "Village"}, ""},
		"by a shortcode": {func(s *sms.Settings, _ *sms.Text) { s.Number = "8850" }, map[string]string{"from": "8850"}, ""},
		"with a hook": {
			func(s *sms.Settings, _ *sms.Text) { s.Hook = "https://crier.example.org" },
			map[string]string{"callback": "https://crier.example.org/sms/village/" + sms.HookKey([]byte("a secret"), "village") + "/receipt"},
			"",
		},
		"with a long hook": {func(s *sms.Settings, _ *sms.Text) { s.Hook = "https://" + strings.Repeat("crier.", 8) + "example.org" }, nil, "callback"},
		"again":            {func(_ *sms.Settings, text *sms.Text) { text.Again = true }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var form url.Values
			id, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method+" "+r.URL.RequestURI() != "POST /sms/json" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
					t.Errorf("%s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"))
				}
				_ = r.ParseForm()
				form = r.PostForm
				_, _ = io.WriteString(w, `{"message-count":"1","messages":[{"to":"32470000001","message-id":"0C1","status":"0"}]}`)
			}, c.change)
			if err != nil || id != "0C1" {
				t.Fatalf("%q, %v", id, err)
			}
			want := map[string]string{
				"api_key": user, "api_secret": secret, "from": "32460200001", "to": "32470000001", "text": "hello", "client-ref": "crier-17", "status-report-req": "1",
			}
			maps.Copy(want, c.want)
			for key, value := range want {
				if got := form[key]; !slices.Equal(got, []string{value}) {
					t.Errorf("%s is %q, want %q", key, got, value)
				}
			}
			if c.absent != "" && form.Has(c.absent) {
				t.Errorf("%s is %q", c.absent, form[c.absent])
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	type refusal = conversation.SendError
	rejected, badNumber, optedOut := refusal{Final: true}, refusal{Final: true, Bounced: true}, refusal{Final: true, Paused: true}
	locked := refusal{RetryAfter: 10 * time.Minute, Everybody: true}
	noCredit := refusal{RetryAfter: 15 * time.Minute, Everybody: true}
	busy := refusal{RetryAfter: 30 * time.Second, Everybody: true}
	parts := func(codes ...string) string {
		var all []string
		for i, code := range codes {
			all = append(all, `{"status":"`+code+`","message-id":"0C`+strconv.Itoa(i)+`","error-text":"no +32470000001"}`)
		}
		return `{"message-count":"` + strconv.Itoa(len(codes)) + `","messages":[` + strings.Join(all, ",") + `]}`
	}
	cases := map[string]struct {
		status int
		body   string
		want   refusal
		id     string
	}{
		"HTTP 401":               {http.StatusUnauthorized, `{"title":"Unauthorized"}`, locked, ""},
		"HTTP 402":               {http.StatusPaymentRequired, `{"title":"Low balance"}`, noCredit, ""},
		"HTTP 403":               {http.StatusForbidden, ``, locked, ""},
		"HTTP 404":               {http.StatusNotFound, ``, refusal{}, ""},
		"HTTP 429":               {http.StatusTooManyRequests, ``, refusal{RetryAfter: 90 * time.Second, Everybody: true}, ""},
		"HTTP 500":               {http.StatusInternalServerError, ``, refusal{}, ""},
		"HTTP 503":               {http.StatusServiceUnavailable, `<html>back soon</html>`, refusal{}, ""},
		"nothing said":           {http.StatusOK, `{"message-count":"0","messages":[]}`, refusal{}, ""},
		"something else":         {http.StatusOK, `{"messages":[{"id":1}]}`, refusal{}, ""},
		"no JSON":                {http.StatusOK, `<html>`, refusal{}, ""},
		"a word for a status":    {http.StatusOK, `{"messages":[{"status":"ok"}]}`, refusal{}, ""},
		"all throttled":          {http.StatusOK, parts("1", "1"), busy, ""},
		"throttled and barred":   {http.StatusOK, parts("1", "7", "1"), optedOut, ""},
		"throttled in between":   {http.StatusOK, parts("0", "1", "0"), rejected, "0C0"},
		"no credit for the rest": {http.StatusOK, parts("0", "9", "9"), rejected, "0C0"},
		"the first one lost":     {http.StatusOK, parts("5", "0"), rejected, "0C1"},
		"a dead number's rest":   {http.StatusOK, parts("0", "33"), badNumber, "0C0"},
	}
	for code, want := range map[string]refusal{
		"1": busy, "2": rejected, "3": rejected, "4": locked, "5": {}, "6": badNumber, "7": optedOut, "8": locked, "9": noCredit, "10": busy,
		"11": locked, "12": rejected, "14": locked, "15": {}, "22": rejected, "23": locked, "29": rejected, "32": locked, "33": badNumber,
		"13": {}, "99": {}, "-1": {}, "0.5": {}, "324700000011": {},
	} {
		cases["status "+code] = struct {
			status int
			body   string
			want   refusal
			id     string
		}{http.StatusOK, parts(code), want, ""}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			id, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "90")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}, nil)
			if err == nil {
				t.Fatal("no error")
			}
			var got refusal
			if refused := (*refusal)(nil); errors.As(err, &refused) {
				got = *refused
			}
			got.Err = nil
			if got != c.want {
				t.Errorf("%v means %+v, want %+v", err, got, c.want)
			}
			if id != c.id {
				t.Errorf("the id is %q, want %q", id, c.id)
			}
			if strings.Contains(err.Error(), "324700000") || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "hello") {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	a := newAccount(t, "", "GET", "")
	probe := func(s sms.Settings) (string, error) {
		return newLine(t, s, &smstest.Journey{}).Probe(t.Context())
	}
	if said, err := probe(a.settings()); err != nil || said != "balance 10.17 EUR" {
		t.Errorf("said %q, %v", said, err)
	}
	wrong := a.settings()
	wrong.Secret = "not the secret"
	if said, err := probe(wrong); err == nil || !strings.Contains(err.Error(), "API secret") {
		t.Errorf("with a wrong secret: said %q, %v", said, err)
	}
	for _, body := range []string{``, `<html>`, `{}`, `{"value":"many"}`, `[]`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		if said, err := probe(settingsOf(server.URL)); err == nil {
			t.Errorf("%s: said %q", body, said)
		}
		server.Close()
	}
}

// Whatever comes is kept, refused or ignored, and nothing that is not signed is
// ever heard.
func FuzzCall(f *testing.F) {
	a := &account{way: "GET", method: "sha256"}
	signed := a.sign(values(knownText), signing, time.Now())
	for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/plain"} {
		f.Add("in", kind, values(knownText).Encode(), "")
		f.Add("in", kind, "", values(knownText).Encode())
		f.Add("in", kind, signed.Encode(), "")
		f.Add("receipt", kind, "messageId=0B1&status=failed&err-code=9&client-ref=crier-17", "")
		f.Add("in", kind, "", `{"messageId":"m1","msisdn":"32470000001","text":"\ud83d","concat":"true","concat-ref":"1","concat-part":"1","concat-total":"255"}`)
		f.Add("in", kind, "a=b", `{"messageId":{"a":[]},"msisdn":null}`)
		f.Add("in", kind, "sig=", "\x00\xff")
	}
	f.Fuzz(func(t *testing.T, path, kind, query, body string) {
		for _, key := range []string{"", "no fuzzer knows it"} {
			journey := &smstest.Journey{}
			s := settingsOf("")
			s.Signing = key
			_, err := newLine(t, s, journey).Call(context.Background(), callOf(t, path, kind, query, body))
			if err != nil && !errors.Is(err, sms.ErrMalformed) && !errors.Is(err, sms.ErrForged) {
				t.Errorf("err = %v", err)
			}
			if heard := len(journey.Heard()) + len(journey.Receipts()); heard > 1 || heard > 0 && (err != nil || key != "") {
				t.Errorf("handed on %d, err = %v", heard, err)
			}
			for _, in := range journey.Heard() {
				if !strings.HasPrefix(in.From, "+") || strings.ContainsAny(in.ID, "\x00 \n") {
					t.Errorf("heard %q from %q", in.ID, in.From)
				}
			}
			for _, r := range journey.Receipts() {
				if (r.ID > 0) == (r.ProviderID != "") || r.Status == conversation.Failed && r.Reason == "" || strings.ContainsAny(r.Reason, "+\x00") {
					t.Errorf("receipt %+v", r)
				}
			}
		}
	})
}

// What was signed is taken, and what was changed afterwards is not.
func FuzzSignature(f *testing.F) {
	f.Add("text", "pay luc 5 & 6", "msisdn", "32470000001", "pay luc 500", uint8(0))
	f.Add("a", "", "b", " ", "x", uint8(1))
	f.Add("a=b", "c", "d&e", "f", "", uint8(2))
	f.Add("a", "b&c=d", "c", "d", "b_c_d", uint8(3))
	f.Add("sig", "00", "timestamp", "1", "2", uint8(4))
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, other string, which uint8) {
		method := []string{"md5hash", "md5", "sha1", "sha256", "sha512"}[which%5]
		now := time.Now()
		fields := first((&account{method: method}).sign(url.Values{name2: {value2}, name1: {value1}}, signing, now))
		err := verify(fields, signing, now, time.Minute)
		if strings.ContainsAny(name1+name2, "&=") != (err != nil) {
			t.Errorf("signed by %s: %v", method, err)
		}
		if name1 == "sig" || name1 == "timestamp" || name1 == "nonce" {
			return
		}
		fields[name1] = other
		plain := strings.NewReplacer("&", "_", "=", "_").Replace
		same := plain(other) == plain(value1) || strings.TrimSpace(other)+strings.TrimSpace(value1) == ""
		if err := verify(fields, signing, now, time.Minute); !same && err == nil {
			t.Errorf("%q passes for %q", other, value1)
		}
		if verify(fields, signing+"x", now, time.Minute) == nil {
			t.Error("it was another key")
		}
	})
}
