package locales

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

//go:embed */categories.toml
var categoryFiles embed.FS

// CategoryKeys are the categories of ads that a community has unless it makes
// its own, in the order in which they are shown. Their names are the texts
// "category." and the key.
func CategoryKeys() []string {
	return []string{
		"food", "garden", "repairs", "transport", "care", "children", "animals", "lessons", "computers", "clothes", "household", "arts",
	}
}

// CategoryWords are the words by which an ad's category is guessed, by language
// and key. A word with ~ before or behind it stands for those that end or begin
// so, one with ! counts for three. They are not folded.
func CategoryWords() (map[string]map[string][]string, error) { return categoryWords() }

var categoryWords = sync.OnceValues(func() (map[string]map[string][]string, error) {
	all := map[string]map[string][]string{}
	for _, l := range languages {
		name := l.code + "/categories.toml"
		data, err := categoryFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var file map[string]string
		if err := toml.Unmarshal(data, &file); err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		words := map[string][]string{}
		for key, text := range file {
			if !slices.Contains(CategoryKeys(), key) {
				return nil, fmt.Errorf("parse %s: there is no category %q", name, key)
			}
			words[key] = strings.Fields(text)
		}
		all[l.code] = words
	}
	return all, nil
})
