package nudge

import (
	"testing"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// What fits is found in each language and in other words; what only looks
// alike is left alone.
func TestFit(t *testing.T) {
	t.Parallel()
	words, err := locales.AllWords()
	if err != nil {
		t.Fatal(err)
	}
	u, err := understand.New(words)
	if err != nil {
		t.Fatal(err)
	}
	for locale, ads := range map[string][][2]string{ // an offer, and a want that it is to be brought together with
		"en": {
			{"bicycle repair", "help with a bicycle"},
			{"computer help", "help with my computer"},
			{"lifts to the hospital", "a lift to the hospital on Monday"},
			{"German lessons for beginners", "lessons in German"},
			{"guitar lessons", ""},
			{"piano lessons", ""},
			{"apple jam", ""},
			{"help in the garden", ""},
			{"dog walking", "someone to walk my dog"},
			{"babysitting in the evening", "babysitter for Saturday evening"},
			{"help with tax forms", "tax form help"},
			{"massage", ""},
			{"painting walls", ""},
			{"", "help"},
			{"", "jam jars"},
			{"", "help carrying shopping"},
			{"", "Spanish lessons"},
		},
		"fr": {
			{"réparation de vélos", "quelqu'un pour réparer mon vélo"},
			{"aide au jardin", "aide pour le jardin"},
			{"garde d'enfants le soir", "garde d'enfants samedi"},
			{"aide informatique", ""},
			{"confiture de pommes", ""},
			{"", "de l'aide"},
			{"", "pots de confiture"},
			{"", "tondre la pelouse"},
		},
		"nl": {
			{"computerhulp", "hulp met mijn computer"},
			{"gitaarles", "gitaarlessen"},
			{"verse eieren", "eieren"},
			{"ritten naar het ziekenhuis", "rit naar het ziekenhuis maandag"},
			{"hulp in de tuin", ""},
			{"appelconfituur", ""},
			{"", "hulp"},
			{"", "confituurpotten"},
		},
		"de": {
			{"Computerhilfe", "Hilfe mit dem Computer"},
			{"Hilfe im Garten", "Gartenhilfe"},
			{"frische Eier", "Eier"},
			{"Fahrten zum Krankenhaus", "Fahrt zum Krankenhaus am Montag"},
			{"Apfelmarmelade", ""},
			{"", "Hilfe"},
			{"", "Marmeladengläser"},
		},
		"es": {
			{"reparación de bicicletas", "reparación de mi bicicleta"}, {"clases de guitarra", "clases de guitarra para niños"}, {"ayuda en el huerto", ""}, {"", "ayuda"}, {"", "clases de inglés"},
		},
		"it": {
			{"riparazione di biciclette", "riparazione della bicicletta"}, {"uova fresche", "uova"}, {"aiuto in giardino", ""}, {"", "aiuto"}, {"", "lezioni di inglese"}, {"lezioni di chitarra", ""},
		},
	} {
		c := &comparison{gists: map[int64]conversation.Gist{}}
		tongues := conversation.NewTongues(u, locale, "en")
		var offers, wants []ledger.NewAd
		add := func(all []ledger.NewAd, kind ledger.AdKind, pair int, text string) []ledger.NewAd {
			if text == "" {
				return all
			}
			ad := ledger.NewAd{Ad: ledger.Ad{Number: int64(len(c.gists) + 1), Kind: kind, Text: text, Member: ledger.MemberID(pair)}}
			c.gists[ad.Number] = tongues.Gist(text)
			c.rare.Add(c.gists[ad.Number])
			return append(all, ad)
		}
		for i, pair := range ads {
			offers, wants = add(offers, ledger.Offer, i, pair[0]), add(wants, ledger.Want, i, pair[1])
		}
		for _, want := range wants {
			for _, offer := range offers {
				if fits, should := c.fit(offer, want) > 0, offer.Member == want.Member; fits != should {
					t.Errorf("%s: %q for %q: %v, want %v", locale, offer.Text, want.Text, fits, should)
				}
			}
		}
	}
}
