// Package locales holds what Crier says and the words it knows, one folder per
// language: texts.toml is what it says, words.toml what it understands. To add
// a language, add a folder and one line to the list of languages below.
package locales

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	cldr "github.com/go-playground/locales"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/nl"
)

// languages lists every language, the default first. The second column is what
// Unicode's CLDR knows of it: plurals, numbers, months.
var languages = []struct {
	code string
	cldr cldr.Translator
}{
	{"en", en_GB.New()},
	{"fr", fr.New()},
	{"nl", nl.New()},
	{"es", es.New()},
	{"it", it.New()},
	{"de", de.New()},
}

//go:embed */texts.toml
var textFiles embed.FS

// Catalog is every text in every language.
type Catalog struct {
	languages map[string]*language
	codes     []string
}

type language struct {
	code  string
	name  string // what its speakers call it
	cldr  cldr.Translator
	texts map[string]text
}

// text is a sentence with {named} places, by plural form where it has several:
// then the number that decides is the argument n.
type text struct {
	other string
	forms map[cldr.PluralRule]string
}

// Load reads the texts that the program carries.
func Load() (*Catalog, error) { return load(textFiles) }

func load(files fs.FS) (*Catalog, error) {
	c := &Catalog{languages: map[string]*language{}}
	for _, l := range languages {
		data, err := fs.ReadFile(files, l.code+"/texts.toml")
		if err != nil {
			return nil, err
		}
		var tree map[string]any
		if err := toml.Unmarshal(data, &tree); err != nil {
			return nil, fmt.Errorf("%s/texts.toml: %w", l.code, err)
		}
		lang := &language{code: l.code, cldr: l.cldr, texts: map[string]text{}}
		lang.name, _ = tree["called"].(string)
		delete(tree, "called")
		if err := lang.flatten("", tree); err != nil {
			return nil, fmt.Errorf("%s/texts.toml: %w", l.code, err)
		}
		c.languages[l.code] = lang
		c.codes = append(c.codes, l.code)
	}
	return c, nil
}

var pluralRules = map[string]cldr.PluralRule{
	"zero": cldr.PluralRuleZero, "one": cldr.PluralRuleOne, "two": cldr.PluralRuleTwo,
	"few": cldr.PluralRuleFew, "many": cldr.PluralRuleMany, "other": cldr.PluralRuleOther,
}

// flatten turns tables into dotted keys; a table of plural forms is one text.
func (l *language) flatten(prefix string, tree map[string]any) error {
	for key, value := range tree {
		switch v := value.(type) {
		case string:
			l.texts[prefix+key] = text{other: strings.TrimSpace(v)}
		case map[string]any:
			if _, plural := v["other"]; !plural {
				if err := l.flatten(prefix+key+".", v); err != nil {
					return err
				}
				continue
			}
			t := text{forms: map[cldr.PluralRule]string{}}
			for form, s := range v {
				rule, ok := pluralRules[form]
				sentence, isText := s.(string)
				if !ok || !isText {
					return fmt.Errorf("%s%s: %q is not a plural form", prefix, key, form)
				}
				t.forms[rule] = strings.TrimSpace(sentence)
			}
			t.other = t.forms[cldr.PluralRuleOther]
			l.texts[prefix+key] = t
		default:
			return fmt.Errorf("%s%s is a %T, not a text", prefix, key, value)
		}
	}
	return nil
}

// Codes lists the languages, the default first.
func (c *Catalog) Codes() []string { return slices.Clone(c.codes) }

// Has reports whether a language is spoken.
func (c *Catalog) Has(code string) bool { return c.languages[code] != nil }

// Name is what a language's speakers call it.
func (c *Catalog) Name(code string) string { return c.language(code).name }

// Plain is a text of a language as it stands, "" where there is none.
func (c *Catalog) Plain(code, key string) string { return c.language(code).texts[key].other }

// Keys lists the keys of every text, sorted.
func (c *Catalog) Keys() []string {
	return slices.Sorted(maps.Keys(c.language("").texts))
}

// language finds a language, by its first part where the whole is not known
// ("fr-BE"), or else the default.
func (c *Catalog) language(code string) *language {
	if l := c.languages[code]; l != nil {
		return l
	}
	base, _, _ := strings.Cut(strings.ReplaceAll(code, "_", "-"), "-")
	if l := c.languages[strings.ToLower(base)]; l != nil {
		return l
	}
	return c.languages[c.codes[0]]
}

var place = regexp.MustCompile(`\{([a-z_]+)\}`)

// CheckWording says what is wrong with a community's own wording of a text: a
// key that does not exist, or a {place} that the text does not have. A wording
// may leave places out, and have those that any text may have.
func (c *Catalog) CheckWording(locale, key, wording string) error {
	if !c.Has(locale) {
		return fmt.Errorf("there is no language %q: there are %s", locale, strings.Join(c.codes, ", "))
	}
	t, ok := c.language(locale).texts[key]
	if !ok {
		return fmt.Errorf("there is no text %q", key)
	}
	for _, m := range place.FindAllStringSubmatch(wording, -1) {
		if !strings.Contains(t.other, m[0]) && !taught[m[1]] {
			return fmt.Errorf("the text %q has no place %s: it reads %q", key, m[0], t.other)
		}
	}
	return nil
}
