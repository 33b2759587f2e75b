package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// problem is what is wrong with a line of a file.
type problem struct {
	line int
	what string
}

// columns are the headers that a file of members may have, folded, by what they
// hold.
var columns = map[string][]string{
	"number":      {"number", "nr", "no", "member", "member number", "numero", "nummer"},
	"name":        {"name", "full name", "nom", "naam"},
	"sms":         {"sms", "phone", "mobile", "telephone", "tel", "gsm"},
	"email":       {"email", "e-mail", "mail"},
	"telegram":    {"telegram"},
	"locale":      {"locale", "language", "langue", "taal"},
	"role":        {"role"},
	"status":      {"status"},
	"place":       {"place", "town", "city", "address"},
	"balance":     {"balance", "solde", "saldo"},
	"limit":       {"limit", "limite"},
	"upper":       {"upper"},
	"not reached": {"not reached"}, // of member list --csv: nothing to import
}

func columnOf(header string) string {
	folded := strings.TrimSpace(understand.Fold(header))
	for column, names := range columns {
		if slices.Contains(names, folded) {
			return column
		}
	}
	return ""
}

// readEntries reads a file of members: comma, semicolon or tab between the
// fields, in UTF-8, UTF-16 with its mark, or Windows-1252 (which holds Latin-1).
func readEntries(data []byte, c *ledger.Community, catalog *locales.Catalog, region string) (entries []entry, problems []problem) {
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")) {
		return nil, []problem{{1, "this is a spreadsheet's own file: save it as CSV first"}}
	}
	text, err := decodeText(data)
	if err != nil {
		return nil, []problem{{1, err.Error()}}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = separator(text), -1
	r.TrimLeadingSpace = r.Comma != '\t' // which it takes for space too, and so empty fields away
	var header []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			problems = append(problems, problem{bad.StartLine, "a quotation mark is not closed, or stands where none can: " + bad.Err.Error()})
			break // what follows cannot be told apart any more
		}
		line, _ := r.FieldPos(0)
		if !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		if header == nil {
			if header, problems = headerOf(record, line); len(problems) > 0 {
				return nil, problems
			}
			continue
		}
		if len(record) > len(header) {
			problems = append(problems, problem{line, fmt.Sprintf("there are %d fields, and the header has %d", len(record), len(header))})
			continue
		}
		e, wrong := newcomerOf(header, record).entry(c, catalog, region)
		e.line = line
		for _, what := range wrong {
			problems = append(problems, problem{line, what})
		}
		entries = append(entries, e)
	}
	if header == nil && len(problems) == 0 {
		problems = append(problems, problem{1, "the file is empty: its first line names the columns, such as number,name,sms,email"})
	}
	return entries, problems
}

func decodeText(data []byte) (string, error) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
		return string(text), err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if bytes.IndexByte(data, 0) >= 0 {
		return "", errors.New("this is not a text file: save the list as CSV first")
	}
	if !utf8.Valid(data) {
		text, err := charmap.Windows1252.NewDecoder().Bytes(data)
		return string(text), err
	}
	return string(data), nil
}

// separator is the one of , ; and tab that the first line has most of.
func separator(text string) rune {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	best, most := ',', 0
	for _, r := range ",;\t" {
		if n := strings.Count(first, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}

func headerOf(record []string, line int) (header []string, problems []problem) {
	for _, s := range record {
		column := columnOf(s)
		switch {
		case column == "" && strings.TrimSpace(s) != "":
			problems = append(problems, problem{line, fmt.Sprintf("crier knows no column %q: it knows number, name, sms, email, telegram, language, role, status, place, balance, limit and upper", s)})
		case column != "" && slices.Contains(header, column) && column != "sms" && column != "email":
			problems = append(problems, problem{line, fmt.Sprintf("two columns hold the %s", column)})
		}
		header = append(header, column)
	}
	if !slices.Contains(header, "name") && len(problems) == 0 {
		problems = append(problems, problem{line, "no column is called name: the first line names the columns, such as number,name,sms,email"})
	}
	return header, problems
}

func newcomerOf(header, record []string) (n newcomer) {
	one := map[string]*string{
		"number": &n.number, "name": &n.name, "locale": &n.locale, "role": &n.role, "status": &n.status,
		"place": &n.place, "balance": &n.balance, "limit": &n.limit, "upper": &n.upper,
	}
	many := map[string]*[]string{"sms": &n.sms, "email": &n.email, "telegram": &n.telegram}
	for i, value := range record {
		value = strings.TrimSpace(value)
		if field := one[header[i]]; field != nil {
			*field = value
		}
		if field := many[header[i]]; field != nil {
			for _, s := range strings.Split(value, "|") {
				if s = strings.TrimSpace(s); s != "" {
					*field = append(*field, s)
				}
			}
		}
	}
	return n
}
