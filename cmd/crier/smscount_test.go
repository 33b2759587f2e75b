package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestSMSCount(t *testing.T) {
	t.Parallel()
	has(t, crier(t, "sms", "count", "--help"), "Usage:", "Examples:", "crier sms count --plain", "--price")

	out, _, err := with(t, "pay luc 5\nça va ?\r\n\n"+strings.Repeat("a", 161)+"\n🐣 [5 €]", "sms", "count", "--price", "0.07", "--currency", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	squeezed := regexp.MustCompile(` +`).ReplaceAllString(out, " ")
	has(t, squeezed, "GSM-7 9 9 1 0.07 pay luc 5\n", "UCS-2 7 7 1 0.07 ça va ?\n", "GSM-7 0 0 0 0.00 \n", "GSM-7 161 161 2 0.14 aaa",
		"UCS-2 7 8 1 0.07 🐣 [5 €]\n", "Total: 5 texts, 5 segments, 0.35 EUR\n")

	// As Crier sends them, and where no price is known.
	out, _, err = with(t, "L’œuf 🐣 de Đurđa\n", "sms", "count", "--plain", "--locale", "hr")
	if err != nil {
		t.Fatal(err)
	}
	has(t, out, "GSM-7", "L'oeuf de Djurdja", "Total: 1 text, 1 segment\n")
	hasNot(t, out, "PRICE", "0.0")

	// Files, one after the other, and what is typed.
	out, errs, err := with(t, "three\n", "sms", "count", write(t, "a.txt", "\ufeffone"), "-", "nowhere.txt", write(t, "b.txt", "two\n"), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "2 files could not be counted") {
		t.Errorf("files that cannot be read: %v", err)
	}
	has(t, errs, "nowhere.txt: no such file", "is a directory")
	has(t, out, "3       3         1  one", "  two", "  three", "Total: 3 texts, 3 segments")
	has(t, crier(t, "sms", "count"), "Total: 0 texts, 0 segments")
}

func TestSMSCountJSON(t *testing.T) {
	t.Parallel()
	in := `"a<b>&"
{"id":7,"text":"ça €","of":{"b":[1.50, 2]},"segments":"old"}

{"text":"first","text":"Zo\u00eb 🐣","\u00e9":null}
{"text":""}
`
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, `{"text":"a<b>&","encoding":"GSM-7","characters":5,"units":5,"segments":1,"price":"","currency":""}
{"id":7,"text":"ça €","of":{"b":[1.50, 2]},"segments":1,"encoding":"UCS-2","characters":4,"units":4,"price":"","currency":""}
{"text":"Zoë 🐣","é":null,"encoding":"UCS-2","characters":5,"units":6,"segments":1,"price":"","currency":""}
{"text":"","encoding":"GSM-7","characters":0,"units":0,"segments":0,"price":"","currency":""}
`},
		{[]string{"--plain", "--price", "0,0075", "--currency", "eur"}, `{"text":"a<b>&","encoding":"GSM-7","characters":5,"units":5,"segments":1,"price":"0.0075","currency":"EUR"}
{"id":7,"text":"ca €","of":{"b":[1.50, 2]},"segments":1,"encoding":"GSM-7","characters":4,"units":5,"price":"0.0075","currency":"EUR"}
{"text":"Zoe","é":null,"encoding":"GSM-7","characters":3,"units":3,"segments":1,"price":"0.0075","currency":"EUR"}
{"text":"","encoding":"GSM-7","characters":0,"units":0,"segments":0,"price":"0.0000","currency":"EUR"}
`},
	} {
		out, errs, err := with(t, in, append([]string{"sms", "count", "--json"}, test.args...)...)
		if err != nil || out != test.want {
			t.Errorf("%v: %v %s\n%swant\n%s", test.args, err, errs, out, test.want)
		}
		for line := range strings.Lines(out) {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	}
}

// TestSMSCountBadLines counts all that can be counted, and says where it could
// not.
func TestSMSCountBadLines(t *testing.T) {
	t.Parallel()
	file := write(t, "mixed.jsonl", strings.Join([]string{
		`"one"`, `{"text":5}`, `{"txt":"x"}`, `[1]`, `"two"`, `{"text":"a"`, `{"text":"a"} {}`, "\"a\xff\"", `null`, `{"text":null}`,
		`"` + strings.Repeat("a", textLineMost) + `"`, `"three"`,
	}, "\n"))
	out, errs, err := with(t, "", "sms", "count", "--json", file)
	if err == nil || err.Error() != "9 lines could not be counted" {
		t.Errorf("bad lines: %v", err)
	}
	if strings.Count(out, "\n") != 3 {
		t.Errorf("of three texts:\n%s", out)
	}
	has(t, out, `"one"`, `"two"`, `"three"`)
	var where []string
	for line := range strings.Lines(errs) {
		where = append(where, strings.TrimPrefix(strings.SplitN(line, ": ", 2)[0], file+":"))
	}
	if got := strings.Join(where, " "); got != "2 3 4 6 7 8 9 10 11" {
		t.Errorf("bad are the lines %s:\n%s", got, errs)
	}

	out, errs, err = with(t, "good\nbad \xff\xfe\n"+strings.Repeat("long ", textLineMost)+"\nlast \x1b[2J", "sms", "count")
	if err == nil || !strings.Contains(err.Error(), "2 lines") {
		t.Errorf("bad lines: %v", err)
	}
	has(t, errs, "standard input:2: it is not text in UTF-8", "standard input:3: it is longer than")
	has(t, out, "good", "last  [2J", "Total: 2 texts")
	var stderr bytes.Buffer
	if code := status(t.Context(), []string{"sms", "count"}, strings.NewReader("\xff\n"), io.Discard, &stderr, environment()); code != 1 {
		t.Errorf("a bad line ends with %d: %s", code, stderr.String())
	}
	for want, args := range map[string][]string{
		`"−1" is not a price`:       {"--price", "-1"},
		`"1e5" is not a price`:      {"--price", "1e5"},
		`"1/3" is not a price`:      {"--price", "1/3"},
		`"0.07 EUR" is not a price`: {"--price", "0.07 EUR"},
		`"EURO" is not a currency`:  {"--price", "1", "--currency", "EURO"},
	} {
		fails(t, want, append([]string{"sms", "count"}, args...)...)
	}
}

func TestSegmentPrice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		price string
		n     int64
		want  string
	}{
		{"0.07", 2, "0.14"},
		{"0.1", 3, "0.30"},
		{"0,0075", 2, "0.0150"},
		{"8", 3, "24.00"},
		{"0", 5, "0.00"},
		{"0.07", 0, "0.00"},
		{"0.000000000001", 3, "0.000000000003"},
		{"999999999999.999999999999", 1_000_000_000_000, "999999999999999999999999.000000000000"},
		{"", 5, ""},
	} {
		p, err := parsePrice(test.price, "")
		if got := p.times(test.n); err != nil || got != test.want {
			t.Errorf("%d of %q: %q, %v; want %q", test.n, test.price, got, err, test.want)
		}
	}
}

// repeated reads the same line again and again.
type repeated struct {
	line []byte
	left int
	rest []byte
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.line
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestSMSCountStreams counts many lines in little memory: not beside other
// tests, whose memory it would see.
func TestSMSCountStreams(t *testing.T) {
	const many = 200_000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	for _, args := range [][]string{{"--price", "0.07"}, {"--json", "--plain"}} {
		before := heap()
		var most uint64
		line := []byte(`{"id":1,"text":"ça coûte 5 €"}` + "\n")
		in := &repeated{line: bytes.Repeat(line, 100), left: many / 100}
		watched := io.MultiReader(in, readerFunc(func([]byte) (int, error) {
			most = heap()
			return 0, io.EOF
		}))
		if err := run(t.Context(), append([]string{"sms", "count"}, args...), watched, io.Discard, io.Discard, environment()); err != nil {
			t.Fatal(err)
		}
		if most > before+4<<20 {
			t.Errorf("%v: %d lines are kept in %d bytes", args, many, most-before)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// TestSMSCountAnswers has somebody wait for each answer.
func TestSMSCountAnswers(t *testing.T) {
	t.Parallel()
	in, typed := io.Pipe()
	screen, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(t.Context(), []string{"sms", "count", "--json"}, in, out, io.Discard, environment())
		out.Close()
		ended <- err
	}()
	guard := time.AfterFunc(patience, func() { screen.CloseWithError(errors.New("no answer")) })
	defer guard.Stop()
	answers := bufio.NewReader(screen)
	for i := range 3 {
		if _, err := fmt.Fprintf(typed, "\"text %d\"\n", i); err != nil {
			t.Fatal(err)
		}
		answer, err := answers.ReadString('\n')
		if err != nil || !strings.Contains(answer, fmt.Sprintf(`"text %d"`, i)) {
			t.Fatalf("the answer to line %d is %q: %v", i, answer, err)
		}
	}
	typed.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestSMSCountStops ends where nobody reads any more, or waits.
func TestSMSCountStops(t *testing.T) {
	t.Parallel()
	screen, out := io.Pipe()
	screen.Close()
	endless := readerFunc(func(b []byte) (int, error) { return copy(b, "text\n"), nil })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := run(ctx, []string{"sms", "count"}, endless, out, io.Discard, environment()); err == nil || ctx.Err() != nil {
		t.Errorf("nobody reads: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := run(stopped, []string{"sms", "count"}, endless, io.Discard, io.Discard, environment()); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

func FuzzSMSCount(f *testing.F) {
	f.Add(`{"text":"a","b":[1,{"c":null}]}`)
	f.Add(`"a\ud83d"`)
	f.Add(`{"text":"a","text":5}`)
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") {
			return
		}
		var out bytes.Buffer
		c := textCounter{json: true, plain: true, out: bufio.NewWriter(&out)}
		err := c.line([]byte(line))
		if err := c.out.Flush(); err != nil {
			t.Fatal(err)
		}
		var bad textError
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("%q: %v", line, err)
		}
		if out.Len() > 0 && (!json.Valid(out.Bytes()) || strings.Count(out.String(), "\n") != 1) {
			t.Errorf("%q is answered with %q", line, out.String())
		}
	})
}

// TestSMSCountFixture counts the texts of which it is known what they come to.
func TestSMSCountFixture(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "bots", "testdata", "segments.jsonl")
	known, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	type counted struct {
		Text, Encoding  string
		Units, Segments int
	}
	read := func(text string) (all []counted) {
		for line := range strings.Lines(text) {
			var one counted
			if err := json.Unmarshal([]byte(line), &one); err != nil {
				t.Fatal(err)
			}
			all = append(all, one)
		}
		return all
	}
	want, got := read(string(known)), read(crier(t, "sms", "count", "--json", name))
	if len(want) != len(got) {
		t.Fatalf("%d texts, of %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}
