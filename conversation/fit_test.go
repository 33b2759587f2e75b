package conversation_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"crier/conversation"
)

func TestFits(t *testing.T) {
	for _, c := range []struct {
		name      string
		language  string
		community []string // its ads
		want      string
		offers    string // those that fit, the best first
	}{
		{
			"other forms of the words", "en",
			[]string{"guitar lessons", "bicycle repair", "bicycles", "a bed for the night"},
			"somebody for repairing my bicycle",
			"bicycle repair, bicycles",
		},
		{"nothing", "en", []string{"guitar lessons"}, "", ""},
		{"only words that say nothing", "en", []string{"help for the garden"}, "something for the house", ""},
		{
			"rare words tell more", "en",
			[]string{"dance lessons", "guitar strings", "English lessons", "cooking lessons", "piano lessons"},
			"guitar lessons",
			"guitar strings, dance lessons, English lessons, cooking lessons, piano lessons",
		},
		{"how often a word is said does not count", "en", []string{"soup, soup and soup", "soup and bread"}, "soup and bread", "soup and bread, soup, soup and soup"},
		{"accents", "fr", []string{"réparation de vélos", "taille de haies"}, "reparer mon velo", "réparation de vélos"},
		{"a word inside of another", "de", []string{"Klavierstunden", "Fahrradreparatur", "Fahrrad"}, "ein Fahrrad", "Fahrrad, Fahrradreparatur"},
		{"another inside of it", "nl", []string{"herstelling van meubels", "gitaarles"}, "fietsherstelling", "herstelling van meubels"},
		{"a word that is shorter in its stem", "nl", []string{"gitaarles", "fietsherstelling"}, "een gitaar", "gitaarles"},
		{"several languages", "es", []string{"garden work", "guitarra"}, "gardens, guitarras", "garden work, guitarra"},
		{"a language without stems", "pl", []string{"rower", "rowery"}, "rower", "rower"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rarity conversation.Rarity
			ts := tongues(t, c.language, "en")
			gists := map[string]conversation.Gist{}
			for _, text := range c.community {
				gists[text] = ts.Gist(text)
				rarity.Add(gists[text])
			}
			want := ts.Gist(c.want)
			fits := func(offer string) float64 { return rarity.Fits(gists[offer], want) }
			var fitting []string
			for _, text := range c.community {
				if f := fits(text); f < 0 || f > 1 {
					t.Errorf("%q fits by %v", text, f)
				} else if f > 0 {
					fitting = append(fitting, text)
				}
			}
			slices.SortStableFunc(fitting, func(a, b string) int { return cmp.Compare(fits(b), fits(a)) })
			if got := strings.Join(fitting, ", "); got != c.offers {
				t.Errorf("%q is met by %q, want %q", c.want, got, c.offers)
			}
		})
	}
}

// An offer and a want are compared in the language that both were read in.
func TestFitsInTwoLanguages(t *testing.T) {
	french, dutch := tongues(t, "fr", "en"), tongues(t, "nl", "en")
	var rarity conversation.Rarity
	for _, c := range []struct {
		offer, want string
		fits        float64
	}{
		{"bicycles", "a bicycle", 1},
		{"des vélos", "een fiets", 0},
		{"guitare", "gitaar, guitar", 0.5},
	} {
		if got := rarity.Fits(french.Gist(c.offer), dutch.Gist(c.want)); got != c.fits {
			t.Errorf("%q fits %q by %v, want %v", c.offer, c.want, got, c.fits)
		}
	}
}

func BenchmarkFits(b *testing.B) {
	ts := tongues(b, "de", "en")
	var rarity conversation.Rarity
	var gists []conversation.Gist
	for _, text := range manyAds(500) {
		gists = append(gists, ts.Gist(text))
		rarity.Add(gists[len(gists)-1])
	}
	want := gists[0]
	for b.Loop() {
		for _, g := range gists {
			rarity.Fits(g, want)
		}
	}
}
