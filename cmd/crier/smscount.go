package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"crier/bots"
	"crier/bots/sms"
)

func (p *program) smsCountCommand() *cobra.Command {
	var c textCounter
	var price, currency string
	command := &cobra.Command{
		Use:   "count [FILE…]",
		Short: "Say how many text messages texts need, and what they cost",
		Long: `Reads texts, one a line, from files or standard input ("-"), and says of each in which encoding it is sent,
how many characters it has, how many units it uses and in how many segments it goes out: one of 160 units
(septets) in GSM-7, or several of 153; one of 70 (UTF-16) in UCS-2, or several of 67. One character that GSM-7
lacks makes the whole text UCS-2; € and [ take two units, and so do most emoji.

With --json each line is a JSON string or an object with a "text"; its other fields are passed on.`,
		Example: `  echo 'Merci, à bientôt !' | crier sms count
  crier sms count --plain --locale fr --price 0.07 --currency EUR texts.txt
  crier sms count --json --price 0.07 --currency EUR < texts.jsonl`,
	}
	command.Flags().BoolVar(&c.json, "json", false, "JSON Lines in, JSON Lines out: text, encoding, characters, units, segments, price, currency")
	command.Flags().BoolVar(&c.plain, "plain", false, "count each text as Crier would send it, with what GSM-7 lacks written otherwise")
	command.Flags().StringVar(&c.locale, "locale", "", "with --plain: the language of the texts, such as fr")
	command.Flags().StringVar(&price, "price", "", "price of one segment, such as 0.07")
	command.Flags().StringVar(&currency, "currency", "", "its currency, such as EUR")
	command.RunE = func(command *cobra.Command, files []string) (err error) {
		if c.price, err = parsePrice(price, currency); err != nil {
			return err
		}
		if len(files) == 0 {
			files = []string{"-"}
		}
		return heed(command.Context(), func() error { return p.smsCount(command.Context(), &c, files) })
	}
	return command
}

func (p *program) smsCount(ctx context.Context, c *textCounter, files []string) error {
	c.out = bufio.NewWriter(p.out)
	unread := 0
	for _, file := range files {
		err := p.smsCountFile(ctx, c, file)
		switch {
		case errors.Is(err, errUnread):
			p.tell("%v\n", err)
			unread++
		case err != nil:
			return errors.Join(err, c.out.Flush())
		}
	}
	if !c.json {
		c.total()
	}
	if err := c.out.Flush(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	var missing []string
	if unread > 0 {
		missing = append(missing, count(unread, "file", "files"))
	}
	if c.bad > 0 {
		missing = append(missing, count(c.bad, "line", "lines"))
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s could not be counted", strings.Join(missing, " and "))
	}
	return nil
}

// errUnread says that a file cannot be read, or not to its end.
var errUnread = errors.New("a file cannot be read")

// smsCountFile counts the texts of one file. It can return errUnread.
func (p *program) smsCountFile(ctx context.Context, c *textCounter, file string) error {
	in, name := bufio.NewReaderSize(p.in, 64<<10), "standard input"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnread, err)
		}
		defer func() { _ = f.Close() }() // it was only read
		in, name = bufio.NewReaderSize(f, 64<<10), file
	}
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, long, err := textLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: %s: %w", errUnread, name, err)
		}
		last := err != nil
		if last && len(line) == 0 {
			return nil
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if long {
			err = fmt.Errorf("it is longer than %d bytes", textLineMost)
		} else {
			err = c.line(line)
		}
		var bad textError
		switch {
		case long, errors.As(err, &bad):
			c.bad++
			if err := c.out.Flush(); err != nil { // so that it is told where it belongs
				return fmt.Errorf("write: %w", err)
			}
			p.tell("%s:%d: %v\n", name, n, err)
		case err != nil:
			return fmt.Errorf("write: %w", err)
		}
		if last {
			return nil
		}
		if in.Buffered() == 0 { // somebody may wait for the answer
			if err := c.out.Flush(); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
	}
}

// textLineMost is how long a line may be, in bytes.
const textLineMost = 1 << 20

// textLine reads a line, without its end. What is longer than textLineMost is
// passed over, and long is true.
func textLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > textLineMost+len("\r\n") {
			line, long = line[:textLineMost], true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), long, err
		}
	}
}

// textCounter counts texts, and writes what each comes to.
type textCounter struct {
	json, plain bool
	locale      string
	price       segmentPrice
	out         *bufio.Writer

	texts, bad int
	segments   int64
}

// textError is the error of a line that is no text.
type textError string

func (e textError) Error() string { return string(e) }

// line counts the text of one line. Its error is a textError if it has none.
func (c *textCounter) line(line []byte) error {
	if !utf8.Valid(line) {
		return textError("it is not text in UTF-8")
	}
	text, fields := string(line), []textField(nil)
	if c.json {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		var err error
		if text, fields, err = textOfJSON(line); err != nil {
			return err
		}
	}
	if c.plain {
		text = sms.Plain(text, c.locale)
	}
	segments, units, _, gsm := bots.Segments(text)
	encoding := "UCS-2"
	if gsm {
		encoding = "GSM-7"
	}
	c.texts++
	c.segments += int64(segments)
	if c.json {
		return c.object(fields, text, encoding, utf8.RuneCountInString(text), units, segments)
	}
	if c.texts == 1 {
		if err := c.row("ENCODING", "CHARACTERS", "UNITS", "SEGMENTS", "PRICE", "TEXT"); err != nil {
			return err
		}
	}
	return c.row(encoding, utf8.RuneCountInString(text), units, segments, c.price.times(int64(segments)), strings.Map(shown, text))
}

// shown is a character that cannot upset a terminal.
func shown(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

func (c *textCounter) row(encoding string, characters, units, segments any, price, text string) error {
	if c.price.each == nil {
		_, err := fmt.Fprintf(c.out, "%-8s  %10v  %6v  %8v  %s\n", encoding, characters, units, segments, text)
		return err
	}
	_, err := fmt.Fprintf(c.out, "%-8s  %10v  %6v  %8v  %10s  %s\n", encoding, characters, units, segments, price, text)
	return err
}

// total writes what all texts come to.
func (c *textCounter) total() {
	said := []string{count(c.texts, "text", "texts"), count(int(c.segments), "segment", "segments")}
	if c.price.each != nil {
		said = append(said, strings.TrimSpace(c.price.times(c.segments)+" "+c.price.currency))
	}
	_, _ = fmt.Fprintf(c.out, "Total: %s\n", strings.Join(said, ", ")) // Flush says whether it was written
}

// textField is one field of a JSON object.
type textField struct {
	key   string
	value json.RawMessage
}

// textOfJSON reads a JSON string, or the "text" of an object with all of its
// fields, in their order. Of two with one key the last counts.
func textOfJSON(line []byte) (text string, fields []textField, err error) {
	if !json.Valid(line) {
		return "", nil, textError("it is not JSON")
	}
	in := json.NewDecoder(bytes.NewReader(line))
	start, err := in.Token()
	if err != nil {
		return "", nil, err
	}
	text, found := start.(string)
	for start == json.Delim('{') && in.More() {
		key, err := in.Token()
		if err != nil {
			return "", nil, err
		}
		var f textField
		f.key, _ = key.(string) // an object has no other keys
		if err := in.Decode(&f.value); err != nil {
			return "", nil, err
		}
		if f.key == "text" {
			if f.value[0] != '"' {
				return "", nil, textError(`its "text" is not a string`)
			}
			if err := json.Unmarshal(f.value, &text); err != nil {
				return "", nil, err
			}
			found = true
		}
		fields = setField(fields, f)
	}
	if !found {
		return "", nil, textError(`it is neither a JSON string nor an object with a "text"`)
	}
	return text, fields, nil
}

// setField puts a field in the place of the one with its key, or behind all.
func setField(fields []textField, f textField) []textField {
	for i := range fields {
		if fields[i].key == f.key {
			fields[i] = f
			return fields
		}
	}
	return append(fields, f)
}

// object writes the fields of a text, and what it comes to.
func (c *textCounter) object(fields []textField, text, encoding string, characters, units, segments int) error {
	for _, f := range []struct {
		key   string
		value any
	}{
		{"text", text},
		{"encoding", encoding},
		{"characters", characters},
		{"units", units},
		{"segments", segments},
		{"price", c.price.times(int64(segments))},
		{"currency", c.price.currency},
	} {
		value, err := asJSON(f.value)
		if err != nil {
			return err
		}
		fields = setField(fields, textField{f.key, value})
	}
	for i, f := range fields {
		key, err := asJSON(f.key)
		if err != nil {
			return err
		}
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		_ = c.out.WriteByte(before) // the last write says whether all were
		_, _ = c.out.Write(key)
		_ = c.out.WriteByte(':')
		_, _ = c.out.Write(f.value)
	}
	_, err := c.out.WriteString("}\n")
	return err
}

// asJSON is a value in JSON as people write it: with < and &.
func asJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// segmentPrice is what one segment costs, exactly. The zero segmentPrice is none.
type segmentPrice struct {
	each     *big.Rat
	decimals int
	currency string
}

var (
	priceForm    = regexp.MustCompile(`^[0-9]{1,12}(?:[.,]([0-9]{1,12}))?$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

func parsePrice(s, currency string) (segmentPrice, error) {
	currency = strings.ToUpper(strings.TrimSpace(currency))
	if currency != "" && !currencyForm.MatchString(currency) {
		return segmentPrice{}, fmt.Errorf("%q is not a currency such as EUR", currency)
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return segmentPrice{}, nil
	}
	m := priceForm.FindStringSubmatch(s)
	if m == nil {
		return segmentPrice{}, fmt.Errorf("%q is not a price such as 0.07", s)
	}
	each, ok := new(big.Rat).SetString(strings.Replace(s, ",", ".", 1))
	if !ok {
		return segmentPrice{}, fmt.Errorf("%q is not a price such as 0.07", s)
	}
	return segmentPrice{each, max(2, len(m[1])), currency}, nil
}

// times is the price of n segments, in as many decimals as that of one has, at
// least two. It is "" where there is none.
func (p segmentPrice) times(n int64) string {
	if p.each == nil {
		return ""
	}
	return new(big.Rat).Mul(p.each, new(big.Rat).SetInt64(n)).FloatString(p.decimals)
}
