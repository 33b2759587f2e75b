package conversation_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
)

// now is when every search takes place.
func now() time.Time { return time.Date(2026, time.May, 5, 10, 12, 0, 0, time.UTC) }

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func tongues(tb testing.TB, codes ...string) conversation.Tongues {
	tb.Helper()
	words, err := locales.AllWords()
	must(tb, err)
	u, err := understand.New(words)
	must(tb, err)
	return conversation.NewTongues(u, codes...)
}

// board is a community whose one member has put ads up: the text of each, with
// "want" before it if it is one.
func board(tb testing.TB, db ledger.DB, ads ...string) ledger.CommunityID {
	tb.Helper()
	must(tb, ledger.Prepare(tb.Context(), db))
	var id ledger.CommunityID
	must(tb, db.Update(tb.Context(), func(tx ledger.Tx) error {
		book, err := ledger.NewCommunity(tb.Context(), tx, ledger.Community{
			Slug: fmt.Sprint("board-", ledger.NewID(now())), Name: "Board", UnitKind: ledger.Units, UnitWords: "acorn", Locale: "en", Timezone: "UTC",
		}, now())
		if err != nil {
			return err
		}
		id = book.Community().ID
		m, err := book.AddMember(tb.Context(), ledger.NewMember{Name: "Luc Martin"})
		for i := 0; err == nil && i < len(ads); i++ {
			text, wanted := strings.CutPrefix(ads[i], "want ")
			ad := ledger.Ad{Kind: ledger.Offer, Member: m.ID, Text: text}
			if wanted {
				ad.Kind = ledger.Want
			}
			_, err = book.PutAd(tb.Context(), fmt.Sprint(i), ad, conversation.SearchWords(text))
		}
		return err
	}))
	return id
}

// find writes the texts of what is found, the best first; after "near:" where
// nothing has what was said.
func find(tb testing.TB, db ledger.DB, id ledger.CommunityID, ts conversation.Tongues, said string) string {
	tb.Helper()
	var found conversation.Finding
	must(tb, db.View(tb.Context(), func(tx ledger.Tx) error {
		book, err := ledger.Read(tb.Context(), tx, id, now())
		if err == nil {
			found, err = ts.Find(tb.Context(), book, said, 10)
		}
		return err
	}))
	var all []string
	for _, ad := range found.Ads {
		all = append(all, ad.Text)
	}
	if found.Near {
		return "near: " + strings.Join(all, ", ")
	}
	return strings.Join(all, ", ")
}

func TestFind(t *testing.T) {
	type search struct{ said, want string }
	for _, c := range []struct {
		name     string
		tongues  conversation.Tongues
		ads      []string
		searches []search
	}{
		{"the best first", tongues(t, "en"), []string{
			"want a bicycle", "bicycles for rent", "bicycle repair", "motorbicycle", "repair of clocks",
		}, []search{
			{"bicycle", "bicycle repair, a bicycle, bicycles for rent"}, // the word, offers before wants, then another form of it
			{"bicycle repair", "bicycle repair, repair of clocks, a bicycle, bicycles for rent"},
			{"the bicycle of the", "bicycle repair, a bicycle, bicycles for rent"}, // what says nothing does not count
			// unless nothing else was said
			{"for", "bicycles for rent"},
			{"of of a", "repair of clocks"},
			{"", ""},
			{"?!", ""},
			{"violin", ""},
			{"100% '; -- \" _", ""},
		}},
		{"English", tongues(t, "en"), []string{"mending of knives", "babysitting", "bicycle", "gardens dug", "a chest of drawers", "pet care", "tv"}, []search{
			{"mends", "mending of knives"},
			{"bycicle", "near: bicycle"},
			{"bicycel", "near: bicycle"},
			{"icycle", "near: bicycle"}, // the first letter
			{"vicycle", "near: bicycle"},
			{"bicicel", "near: bicycle"}, // two typos
			{"byxicel", ""},              // three
			{"gardener", "gardens dug"},
			{"pat", ""}, // three letters are too few for a typo
			{"tv", "tv"},
			{"of", "a chest of drawers, mending of knives"},
		}},
		{"French", tongues(t, "fr"), []string{"réparation de vélos", "gâteaux au chocolat", "cours de guitare", "aide pour le jardinage", "œufs frais", "bois de l'atelier"}, []search{
			{"reparation velo", "réparation de vélos"},
			{"réparer le vélo", "réparation de vélos"},
			{"un gateau", "gâteaux au chocolat"},
			{"gitare", "near: cours de guitare"},
			{"jardinier", "aide pour le jardinage"},
			{"oeuf", "œufs frais"},
			{"l’atelier", "bois de l'atelier"},
		}},
		{"Dutch", tongues(t, "nl"), []string{"fietsherstelling", "een huis voor vleermuizen", "gitaarles", "brood bakken", "fietsreparatie"}, []search{
			{"fiets repareren", "fietsreparatie, fietsherstelling"},
			{"fietsen", "fietsreparatie, fietsherstelling"},
			{"herstelling", "fietsherstelling"},
			{"huizen", "een huis voor vleermuizen"},
			{"gitaarlessen", "gitaarles"},
			{"gitarles", "near: gitaarles"},
			{"broodbakken", "brood bakken"},
			{"broden", "brood bakken"},
		}},
		{"German", tongues(t, "de"), []string{"Fahrradreparatur", "Rasenmähen", "Kuchen backen", "Maße nehmen", "Kindersitz fürs Fahrrad"}, []search{
			{"Fahrrad reparieren", "Fahrradreparatur, Kindersitz fürs Fahrrad"},
			{"Fahrräder", "Kindersitz fürs Fahrrad, Fahrradreparatur"},
			{"Reparaturen", "Fahrradreparatur"},
			{"Rasen mähen", "Rasenmähen"},
			{"Kuchenbacken", "Kuchen backen"},
			{"Fahrrat", "near: Kindersitz fürs Fahrrad, Fahrradreparatur"},
			{"Farrad", "near: Kindersitz fürs Fahrrad, Fahrradreparatur"},
			{"masse", "Maße nehmen"},
			{"Fahräder", "near: Kindersitz fürs Fahrrad, Fahrradreparatur"},
			{"reparieren", "Fahrradreparatur"},
		}},
		{"Spanish", tongues(t, "es"), []string{"arreglo de bicicletas", "clases de jardinería", "pañales"}, []search{
			{"arreglar bicicleta", "arreglo de bicicletas"},
			{"clase", "clases de jardinería"},
			{"bisicleta", "near: arreglo de bicicletas"},
			{"panal", "pañales"},
		}},
		{"Italian", tongues(t, "it"), []string{"riparazioni di biciclette", "lezione di piano", "uova"}, []search{
			{"riparare la bicicletta", "riparazioni di biciclette"},
			{"lezioni", "lezione di piano"},
			{"bicilcetta", "near: riparazioni di biciclette"},
			{"l'uovo", "uova"},
		}},
		{"the searcher's language and the community's", tongues(t, "en", "fr-BE"), []string{"cours de chant", "singing lessons"}, []search{
			{"lesson", "singing lessons"},
			{"chanter", "cours de chant"},
		}},
		{"a language without stems", tongues(t, "pl"), []string{"naprawa rowerów", "rowery"}, []search{
			{"rower", "rowery, naprawa rowerów"},
			{"naprawy", "near: naprawa rowerów"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Engines(t, func(t *testing.T, db ledger.DB) {
				id := board(t, db, c.ads...)
				for _, s := range c.searches {
					if got := find(t, db, id, c.tongues, s.said); got != s.want {
						t.Errorf("%q finds %q, want %q", s.said, got, s.want)
					}
				}
			})
		})
	}
}

// A word that only ads have which are down is as good as none.
func TestFindBehindWhatIsDown(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		id := board(t, db, "bycicle", "bicycle repair")
		ts := tongues(t, "en")
		if got := find(t, db, id, ts, "bycicle"); got != "bycicle" {
			t.Errorf("while it is up: %q", got)
		}
		must(t, db.Update(t.Context(), func(tx ledger.Tx) error {
			book, err := ledger.Open(t.Context(), tx, id, now())
			if err != nil {
				return err
			}
			return book.RemoveAd(t.Context(), 1)
		}))
		if got := find(t, db, id, ts, "bycicle"); got != "near: bicycle repair" {
			t.Errorf("when it is down: %q", got)
		}
	})
}

// FuzzFind looks for whatever somebody writes: no text is too strange.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"bicycle", "ſ ß İ ŒUF", "\xff\xfe", "a' OR 1=1 --", "велосипед", "自転車の修理", "%_", strings.Repeat("ab", 5000), strings.Repeat("x y ", 300)} {
		f.Add(s)
	}
	db := storetest.SQLiteDB(f)
	id := board(f, db, "bicycle repair", "Fahrradreparatur", "велосипеды", "自転車")
	ts := tongues(f, "en", "fr", "nl", "de", "es", "it")
	f.Fuzz(func(t *testing.T, said string) {
		find(t, db, id, ts, said)
		ts.Gist(said)
	})
}

// BenchmarkFind searches among ten thousand ads with about twelve thousand
// different words, the common ones in thousands of ads.
func BenchmarkFind(b *testing.B) {
	for name, open := range map[string]func(testing.TB) ledger.DB{
		"sqlite":   func(tb testing.TB) ledger.DB { return storetest.SQLiteDB(tb) },
		"postgres": func(tb testing.TB) ledger.DB { return storetest.PostgresDB(tb) },
	} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			id := board(b, db, manyAds(10_000)...)
			if db.Engine() == "postgres" { // it does so by itself, but later
				must(b, db.Update(b.Context(), func(tx ledger.Tx) error { _, err := tx.Exec(b.Context(), "ANALYZE"); return err }))
			}
			ts := tongues(b, "fr", "de")
			for _, said := range []string{"bicycle", "bicycle repair", "bycicle", "violin lessons for somebody who is not young any more", "qzxwvk", "common"} {
				b.Run(said, func(b *testing.B) {
					for b.Loop() {
						must(b, db.View(context.Background(), func(tx ledger.Tx) error {
							book, err := ledger.Read(context.Background(), tx, id, now())
							if err == nil {
								_, err = ts.Find(context.Background(), book, said, 60)
							}
							return err
						}))
					}
				})
			}
		})
	}
}

// manyAds makes the texts of ads: their words are as unevenly common as those
// of a language.
func manyAds(n int) (all []string) {
	r := rand.New(rand.NewPCG(1, 2))
	common := rand.NewZipf(r, 1.1, 8, 20_000)
	syllables := strings.Fields("ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo zu bra cle dri fle gro")
	for i := range n {
		words := []string{"common"}
		if i%3 > 0 {
			words = nil
		}
		if i%200 == 0 {
			words = append(words, "bicycle")
		}
		if i%150 == 0 {
			words = append(words, "repair")
		}
		for range 6 {
			var w strings.Builder
			for n := common.Uint64() + 30; n > 0; n /= 25 {
				w.WriteString(syllables[n%25])
			}
			words = append(words, w.String())
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}
