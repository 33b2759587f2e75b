package locales

import (
	"embed"
	"fmt"
	"path"

	"github.com/BurntSushi/toml"
)

//go:embed */words.toml
var wordsFiles embed.FS

// Words is how one language says the things that members write: the content of
// its words.toml. Phrases are patterns; conversation/understand documents them.
type Words struct {
	// Locale is the language's code ("fr"): the name of its folder.
	Locale string `toml:"-"`

	// Elisions are the short words that an apostrophe ties to the next word
	// ("l" in "l'eau").
	Elisions []string `toml:"elisions"`

	// NounsCapitalised says that a capital does not make a name (German).
	NounsCapitalised bool `toml:"nouns_capitalised"`

	// Thousands is the mark between thousands (","); the other of point and
	// comma is the decimal mark, which may also be used for the first.
	Thousands string `toml:"thousands"`

	Number     Number             `toml:"number"`
	Durations  map[string]float64 `toml:"durations"` // phrase to minutes
	Units      []string           `toml:"units"`     // what communities call their unit
	Currencies []string           `toml:"currencies"`
	Languages  map[string]string  `toml:"languages"` // name of a language to its code
	Measures   map[string]string  `toml:"measures"`  // what things are counted in ("kilos") to the one name of each ("kg")
	Dates      Dates              `toml:"dates"`

	// Lists hold single words or short phrases, Classes patterns that others
	// refer to as <name>, Guards patterns that, anywhere in a text, keep a
	// payment from being made: by the reason.
	Lists   map[string][]string `toml:"lists"`
	Classes map[string][]string `toml:"classes"`
	Guards  map[string][]string `toml:"guards"`

	// Payments are the whole sentences of a payment, by the way they are read.
	Payments map[string][]string `toml:"payments"`

	// First are the sentences that are tried before payments, Rules those after,
	// in the order in which they are tried.
	First []Rule `toml:"first"`
	Rules []Rule `toml:"rule"`
}

// Number is how a language counts in words.
type Number struct {
	Words      map[string]float64 `toml:"words"`       // below one hundred, or with a value of its own ("dozen")
	Scales     map[string]int64   `toml:"scales"`      // what multiplies the number before ("hundred")
	And        []string           `toml:"and"`         // between parts ("two hundred and five")
	One        []string           `toml:"one"`         // articles that count before a unit ("an hour")
	Fractions  map[string]float64 `toml:"fractions"`   // "half", "three quarters"
	Glued      bool               `toml:"glued"`       // the parts are written as one word
	UnitsFirst bool               `toml:"units_first"` // five-and-twenty
	TeensAfter []int64            `toml:"teens_after"` // tens that 10 to 19 may follow (soixante-dix)
}

// Dates is how a language says until when something holds.
type Dates struct {
	Days     map[string]float64 `toml:"days"`      // weekdays, from 0 for Sunday
	Months   map[string]float64 `toml:"months"`    // from 1
	Ahead    map[string]float64 `toml:"ahead"`     // "tomorrow": 1; "this weekend": -1
	Weekend  []string           `toml:"weekend"`   // this week's Sunday
	MonthEnd []string           `toml:"month_end"` // the last day of this month
	Until    []string           `toml:"until"`
	UntilThe []string           `toml:"until_the"` // with an article: a number alone behind it is a day
	Skip     []string           `toml:"skip"`      // before a day or a month
	Ordinals []string           `toml:"ordinals"`  // tied to a number ("rd")
	Hours    []string           `toml:"hours"`     // of the day, behind one ("evening")
	From     []string           `toml:"from"`      // before the day on which something begins
	Places   []string           `toml:"places"`    // before a place ("in")
	Each     []string           `toml:"each"`      // a price is for one of several things
	All      []string           `toml:"all"`       // all that there is
}

// Rule says what some sentences mean.
type Rule struct {
	Intent string   `toml:"intent"`
	What   string   `toml:"what"`   // fixed, where the sentences have no {what}
	Toward string   `toml:"toward"` // of a clarify: the intent that lacks something
	Reason string   `toml:"reason"` // of a clarify; none: the guards tell, or it means nothing
	Says   []string `toml:"says"`
}

// AllWords returns the words of every language that has a words.toml, in the
// order of their codes.
func AllWords() ([]*Words, error) {
	files, err := wordsFiles.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("list words: %w", err)
	}
	var all []*Words
	for _, f := range files {
		name := path.Join(f.Name(), "words.toml")
		text, err := wordsFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		w := &Words{Locale: f.Name()}
		meta, err := toml.Decode(string(text), w)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if unknown := meta.Undecoded(); len(unknown) > 0 {
			return nil, fmt.Errorf("parse %s: unknown key %s", name, unknown[0])
		}
		all = append(all, w)
	}
	return all, nil
}
