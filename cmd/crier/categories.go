package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

func (p *program) communityCategoriesCommand() *cobra.Command {
	var file string
	var asCSV, usual bool
	c := p.databaseFlags(&cobra.Command{
		Use:   "categories SLUG",
		Short: "List what ads are put under, or give a community its own",
		Long: `Lists the categories of a community, with the number of ads in each. --set replaces them by those in
a CSV file (- is standard input), which a spreadsheet or a text editor writes, one category a line, in the order
in which they are shown. Its first line names the columns: name, and if you like words and the names in other
languages (fr, nl, de …). An ad is taken for the category that has most of its words: tomat~ stands for all that
begin so, ~cake for all that end so, and lessons! counts for three. Where the words are left out and crier knows
the name (Garden, Food …), it has words of its own. --usual goes back to the categories that all have.

  name,words,fr
  Cheese,gouda~ cheddar brie,Fromage
  Garden,,Jardin`,
		Example: `  crier community categories riverbank
  crier community categories riverbank --csv > categories.csv
  crier community categories riverbank --set categories.csv
  crier community categories riverbank --usual`,
		Args: needs(1, 1),
	})
	c.Flags().StringVar(&file, "set", "", "a CSV file with the categories to have from now on")
	c.Flags().BoolVar(&usual, "usual", false, "go back to the categories that all communities have")
	c.Flags().BoolVar(&asCSV, "csv", false, "list as CSV, as --set reads it")
	c.MarkFlagsMutuallyExclusive("set", "usual", "csv")
	c.RunE = func(c *cobra.Command, args []string) error {
		catalog, err := locales.Load()
		if err != nil {
			return err
		}
		if file == "" && !usual {
			return p.view(c.Context(), args[0], func(book *ledger.Book) error { return p.listCategories(c.Context(), book, catalog, asCSV) })
		}
		return p.setCategories(c.Context(), args[0], file, catalog)
	}
	return c
}

// setCategories gives a community the categories of a file, or, without one,
// those that all have.
func (p *program) setCategories(ctx context.Context, slug, file string, catalog *locales.Catalog) error {
	var all []ledger.Category
	if file != "" {
		data, err := p.readFile(ctx, file)
		if err != nil {
			return err
		}
		var problems []problem
		if all, problems = readCategories(data, catalog); len(problems) > 0 {
			for _, one := range problems {
				p.tell("line %d: %s\n", one.line, one.what)
			}
			return errors.New("nothing was changed: the file has mistakes (see above)")
		}
	}
	return p.update(ctx, slug, func(book *ledger.Book) error {
		if err := book.SetCategories(ctx, all); err != nil {
			return err
		}
		return p.listCategories(ctx, book, catalog, false)
	})
}

func (p *program) listCategories(ctx context.Context, book *ledger.Book, catalog *locales.Catalog, asCSV bool) error {
	own, err := book.Categories(ctx)
	if err != nil {
		return err
	}
	c := book.Community()
	all, w := conversation.NewCategories(own, catalog), writer(catalog, c, c.Locale, p.now())
	if asCSV {
		return p.writeCategories(own, all, w)
	}
	in, err := adsIn(ctx, book, all)
	if err != nil {
		return err
	}
	rows := [][]string{{"category", "ads", "words"}}
	for _, key := range all.Keys() {
		rows = append(rows, []string{all.Name(key, w), strconv.Itoa(in[key]), wordsShown(own, key)})
		delete(in, key)
	}
	for key, n := range in {
		rows = append(rows, []string{cmp.Or(key, "(none)"), strconv.Itoa(n), ""})
	}
	slices.SortFunc(rows[len(all.Keys())+1:], func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	return p.table(rows)
}

// wordsShown are the words of one of a community's own categories.
func wordsShown(own []ledger.Category, key string) string {
	i := slices.IndexFunc(own, func(c ledger.Category) bool { return c.Key == key })
	if i >= 0 && (own[i].Words != "" || !slices.Contains(locales.CategoryKeys(), key)) {
		return own[i].Words
	}
	return "(crier's own)"
}

// adsIn counts the ads that are up by category.
func adsIn(ctx context.Context, book *ledger.Book, all *conversation.Categories) (map[string]int, error) {
	people, err := book.Roster(ctx)
	if err != nil {
		return nil, err
	}
	locale := map[ledger.MemberID]string{}
	for _, one := range people {
		locale[one.ID] = one.Locale
	}
	ads, err := book.AdsBetween(ctx, 0, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	in := map[string]int{}
	for i := range ads {
		in[all.Of(&ads[i].Ad, locale[ads[i].Member])]++
	}
	return in, nil
}

// writeCategories writes what readCategories reads.
func (p *program) writeCategories(own []ledger.Category, all *conversation.Categories, w *locales.Printer) error {
	header := []string{"name", "words"}
	for _, c := range own {
		for _, part := range strings.Split(c.Name, ";")[1:] {
			if code, _, _ := strings.Cut(strings.TrimSpace(part), " "); !slices.Contains(header, code) {
				header = append(header, code)
			}
		}
	}
	out := csv.NewWriter(p.out)
	if err := out.Write(header); err != nil {
		return err
	}
	for i, key := range all.Keys() {
		row := make([]string, len(header))
		row[0] = all.Name(key, w)
		if len(own) > 0 {
			names := strings.Split(own[i].Name, ";")
			row[0], row[1] = names[0], own[i].Words
			for _, part := range names[1:] {
				code, name, _ := strings.Cut(strings.TrimSpace(part), " ")
				row[slices.Index(header, code)] = name
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Bounds of a community's own categories: what is above is a mistake.
const (
	categoriesMost    = 60
	categoryWordsMost = 4000 // letters
)

// readCategories reads a file of categories: comma, semicolon or tab between
// the fields.
func readCategories(data []byte, catalog *locales.Catalog) (all []ledger.Category, problems []problem) {
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")) {
		return nil, []problem{{1, "this is a spreadsheet's own file: save it as CSV first"}}
	}
	text, err := decodeText(data)
	if err != nil {
		return nil, []problem{{1, err.Error()}}
	}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = separator(text), -1
	r.TrimLeadingSpace = r.Comma != '\t'
	var header []string
	names := map[string]int{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, append(problems, problem{bad.StartLine, "a quotation mark is not closed, or stands where none can: " + bad.Err.Error()})
		}
		line, _ := r.FieldPos(0)
		if !slices.ContainsFunc(record, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			continue
		}
		if header == nil {
			if header, problems = categoryColumns(record, line, catalog); len(problems) > 0 {
				return nil, problems
			}
			continue
		}
		c, wrong := categoryOf(header, record, catalog)
		if before, twice := names[understand.Fold(c.Key)]; twice && wrong == "" {
			wrong = fmt.Sprintf("the category is in line %d already", before)
		}
		names[understand.Fold(c.Key)] = line
		if wrong != "" {
			problems = append(problems, problem{line, wrong})
		}
		all = append(all, c)
	}
	switch {
	case len(problems) > 0:
	case len(all) == 0:
		problems = append(problems, problem{1, "there is no category in it: --usual goes back to those that all communities have"})
	case len(all) > categoriesMost:
		problems = append(problems, problem{1, fmt.Sprintf("there are %d categories: %d are the most", len(all), categoriesMost)})
	}
	return all, problems
}

func categoryColumns(record []string, line int, catalog *locales.Catalog) (header []string, problems []problem) {
	for _, s := range record {
		column := strings.TrimSpace(understand.Fold(s))
		switch {
		case column == "":
		case column != "name" && column != "words" && !catalog.Has(column):
			problems = append(problems, problem{line, fmt.Sprintf("crier knows no column %q: it knows name, words and, for names in other languages, %s", s, strings.Join(catalog.Codes(), ", "))})
		case slices.Contains(header, column):
			problems = append(problems, problem{line, fmt.Sprintf("two columns are called %s", column)})
		}
		header = append(header, column)
	}
	if !slices.Contains(header, "name") && len(problems) == 0 {
		problems = append(problems, problem{line, "no column is called name: the first line names the columns, such as name,words"})
	}
	return header, problems
}

// categoryOf reads a line. Where its name is, in any language, that of a category that
// all have, it is that one: so its ads stay in it.
func categoryOf(header, record []string, catalog *locales.Catalog) (c ledger.Category, wrong string) {
	if len(record) > len(header) {
		return c, fmt.Sprintf("there are %d fields, and the header has %d", len(record), len(header))
	}
	names := map[string]string{}
	for i, value := range record {
		value = strings.Join(strings.Fields(value), " ")
		switch {
		case value == "" || header[i] == "":
		case header[i] == "words":
			c.Words = strings.NewReplacer(",", " ", ";", " ").Replace(value)
			c.Words = strings.Join(strings.Fields(c.Words), " ")
		default:
			if value, wrong = nameOf(value); wrong != "" {
				return c, wrong
			}
			if strings.Contains(value, ";") {
				return c, fmt.Sprintf("the name %q has a ; in it", value)
			}
			names[header[i]] = value
		}
	}
	if c.Name = names["name"]; c.Name == "" {
		return c, "there is no name"
	}
	if len([]rune(c.Words)) > categoryWordsMost {
		return c, fmt.Sprintf("the words are more than %d letters", categoryWordsMost)
	}
	c.Key = strings.TrimSpace(understand.Fold(c.Name))
	if key, ok := conversation.SharedCategory(catalog, c.Name); ok {
		c.Key = key
	}
	for _, code := range catalog.Codes() {
		if name := names[code]; name != "" {
			c.Name += "; " + code + " " + name
		}
	}
	return c, ""
}
