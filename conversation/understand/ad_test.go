package understand

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// day is what a date is on Wednesday, 6 May 2026.
func day(d Date) string {
	if d.IsZero() {
		return ""
	}
	return d.On(time.Date(2026, 5, 6, 15, 0, 0, 0, time.UTC)).Format("Mon 2 Jan 06")
}

func TestAd(t *testing.T) {
	u := load(t)
	for _, c := range []struct {
		text, locale string
		ad           Ad
		until        string
	}{
		{"guitar lessons for beginners, 4 an hour", "en", Ad{What: "guitar lessons for beginners", Price: 400, Per: "an hour"}, ""},
		{"bicycle repair 2 a job", "en", Ad{What: "bicycle repair", Price: 200, Per: "a job"}, ""},
		{"old typewriter for 20 acorns", "en", Ad{What: "old typewriter", Price: 2000}, ""},
		{"soupe maison, 2 le litre", "fr", Ad{What: "soupe maison", Price: 200, Per: "le litre"}, ""},
		{"verse eieren, 2,50 per dozijn", "nl", Ad{What: "verse eieren", Price: 250, Per: "per dozijn"}, ""},
		{"two chairs", "en", Ad{What: "two chairs"}, ""},
		{"3 pumpkins and 2 leeks", "en", Ad{What: "3 pumpkins and 2 leeks"}, ""},

		// A stock, a price for one of it, a day and a place.
		{"40 kg tomatoes, 8 a kg, until Friday", "en", Ad{What: "tomatoes", Price: 800, Per: "a kg", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},
		{"40 kg tomatoes, 8/kg", "en", Ad{What: "tomatoes", Price: 800, Per: "kg", Stock: 40_000, Measure: "kg", PerMeasure: true}, ""},
		{"40 kg of tomatoes in Leuven, 8 a kilo till 3 Aug", "en", Ad{What: "tomatoes", Price: 800, Per: "a kilo", Stock: 40_000, Measure: "kg", PerMeasure: true, Place: "Leuven"}, "Mon 3 Aug 26"},
		{"tomatoes, 40 kg, 8 a kg", "en", Ad{What: "tomatoes", Price: 800, Per: "a kg", Stock: 40_000, Measure: "kg", PerMeasure: true}, ""},
		{"2.5 kg walnuts", "en", Ad{What: "walnuts", Stock: 2500, Measure: "kg"}, ""},
		{"half a kilo of butter", "en", Ad{What: "butter", Stock: 500, Measure: "kilo"}, ""},
		{"12 jars of honey, 3 a jar", "en", Ad{What: "honey", Price: 300, Per: "a jar", Stock: 12_000, Measure: "jars", PerMeasure: true}, ""},
		{"12 jars of honey, 3 each", "en", Ad{What: "honey", Price: 300, Per: "each", Stock: 12_000, Measure: "jars", PerMeasure: true}, ""},
		{"20 eggs, 1 an egg", "en", Ad{What: "eggs", Price: 100, Per: "an egg", Stock: 20_000, PerMeasure: true}, ""},
		{"20 cabbages, 2 each", "en", Ad{What: "cabbages", Price: 200, Per: "each", Stock: 20_000, PerMeasure: true}, ""},
		{"20 kg flour, 3 a bag", "en", Ad{What: "flour", Price: 300, Per: "a bag", Stock: 20_000, Measure: "kg"}, ""},
		{"5 kg bags of flour, 3 a bag", "en", Ad{What: "5 kg bags of flour", Price: 300, Per: "a bag"}, ""},
		{"3 lessons of guitar, 4 an hour", "en", Ad{What: "3 lessons of guitar", Price: 400, Per: "an hour"}, ""},
		{"1.500 kg stones", "en", Ad{What: "1.500 kg stones"}, ""}, // a ton and a half, or a kilo and a half
		{"40 kg de tomates, 8 le kg, jusqu'à vendredi", "fr", Ad{What: "tomates", Price: 800, Per: "le kg", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},
		{"20 pots de miel, 3 le pot, à Namur", "fr", Ad{What: "miel", Price: 300, Per: "le pot", Stock: 20_000, Measure: "pots", PerMeasure: true, Place: "Namur"}, ""},
		{"40 kg tomaten, 8 per kilo, tot vrijdag", "nl", Ad{What: "tomaten", Price: 800, Per: "per kilo", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},
		{"40 kg Tomaten, 8 pro Kilo, bis Freitag", "de", Ad{What: "Tomaten", Price: 800, Per: "pro Kilo", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},
		{"40 kg de tomates, 8 el kilo, hasta el viernes", "es", Ad{What: "tomates", Price: 800, Per: "el kilo", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},
		{"40 kg di pomodori, 8 al chilo, fino a venerdì", "it", Ad{What: "pomodori", Price: 800, Per: "al chilo", Stock: 40_000, Measure: "kg", PerMeasure: true}, "Fri 8 May 26"},

		// A place is one that is known, and at the end.
		{"sewing in leuven", "en", Ad{What: "sewing", Place: "Leuven"}, ""},
		{"sewing in Paris", "en", Ad{What: "sewing in Paris"}, ""},
		{"sewing in Leuven and Namur", "en", Ad{What: "sewing in Leuven and Namur"}, ""},
		{"in Leuven", "en", Ad{What: "in Leuven"}, ""},
		{"garage te Sint-Truiden", "nl", Ad{What: "garage", Place: "Sint-Truiden"}, ""},
		{"Nähen in Kerkrade, bis morgen", "de", Ad{What: "Nähen", Place: "Kerkrade"}, "Thu 7 May 26"},
		{"costura en Namur", "es", Ad{What: "costura", Place: "Namur"}, ""},
		{"cucito a Namur", "it", Ad{What: "cucito", Place: "Namur"}, ""},

		// A day that is needed to understand the rest stays in the text.
		{"fresh soup today", "en", Ad{What: "fresh soup today"}, "Wed 6 May 26"},
		{"a lift to town tomorrow, 2 acorns", "en", Ad{What: "a lift to town tomorrow", Price: 200}, "Thu 7 May 26"},
		{"bread from tomorrow", "en", Ad{What: "bread from tomorrow"}, ""},
		{"a tent for this weekend", "en", Ad{What: "a tent for this weekend"}, "Sun 10 May 26"},
		{"cleaning at the weekend", "en", Ad{What: "cleaning at the weekend"}, ""},
		{"babysitting from Monday until Friday", "en", Ad{What: "babysitting from Monday until Friday"}, ""},
		{"oppas van maandag tot vrijdag", "nl", Ad{What: "oppas van maandag tot vrijdag"}, ""},
		{"lessons until Friday at six", "en", Ad{What: "lessons until Friday at six"}, "Fri 8 May 26"},
		{"open until 6", "en", Ad{What: "open until 6"}, ""},
		{"until Friday", "en", Ad{What: "until Friday"}, "Fri 8 May 26"},
	} {
		got := u.Ad(Input{Text: c.text, Locale: c.locale, Unit: Units, UnitWords: []string{"acorn", "acorns"}}, "Leuven", "Namur", "Sint-Truiden", "Kerkrade")
		until := day(got.Until)
		got.Until, got.Whole = Date{}, ""
		if got != c.ad || until != c.until {
			t.Errorf("%q:\n got %+v %s\nwant %+v %s", c.text, got, until, c.ad, c.until)
		}
	}
}

// Said on Wednesday, 6 May 2026.
func TestUntil(t *testing.T) {
	u := load(t)
	for locale, all := range map[string]map[string]string{
		"en": {
			"until Wednesday": "Wed 13 May 26", "till thursday": "Thu 7 May 26", "until 3 Aug": "Mon 3 Aug 26", "until the 3rd of August": "Mon 3 Aug 26",
			"until August 3": "Mon 3 Aug 26", "until August 3rd, 2027": "Tue 3 Aug 27", "until 3/8": "Mon 3 Aug 26", "until 03/08/2026": "Mon 3 Aug 26",
			"until 8/31": "Mon 31 Aug 26", "until 2026-08-03": "Mon 3 Aug 26", "until the 15th": "Fri 15 May 26", "until the 3rd": "Wed 3 Jun 26",
			"until tomorrow": "Thu 7 May 26", "until tonight": "Wed 6 May 26", "until Friday evening": "Fri 8 May 26", "until Friday, 15 May": "Fri 15 May 26",
			"until the weekend": "Sun 10 May 26", "until the end of the month": "Sun 31 May 26", "until the end of August": "Mon 31 Aug 26",
			"until august": "Mon 31 Aug 26", "until 1 May": "Fri 1 May 26", "until 2 Jan": "Sat 2 Jan 27", "until next Friday": "Fri 8 May 26",
			"until 31 Feb": "", "until 32/5": "", "until 0/0": "", "until 5": "", "until 29 Feb": "Tue 29 Feb 28", "until 3.8.": "Mon 3 Aug 26", "until 1.2.3.4": "",
		},
		"fr": {
			"jusqu'à vendredi": "Fri 8 May 26", "jusqu'au 3 août": "Mon 3 Aug 26", "jusqu'au 1er juin": "Mon 1 Jun 26", "jusqu'au 15": "Fri 15 May 26",
			"jusqu'à demain": "Thu 7 May 26", "jusqu'au 3/8": "Mon 3 Aug 26", "jusqu'à la fin du mois": "Sun 31 May 26", "jusqu'à ce soir": "Wed 6 May 26",
			"jusqu'au week-end": "Sun 10 May 26", "jusqu’à vendredi prochain": "Fri 8 May 26", "jusqu'à fin août": "Mon 31 Aug 26",
		},
		"nl": {
			"tot vrijdag": "Fri 8 May 26", "tot en met 3 augustus": "Mon 3 Aug 26", "t/m 3 aug": "Mon 3 Aug 26", "tot 3/8": "Mon 3 Aug 26",
			"tot morgen": "Thu 7 May 26", "tot 3-8-2026": "Mon 3 Aug 26", "tot het einde van de maand": "Sun 31 May 26", "tot vrijdagavond": "Fri 8 May 26",
			"tot de 15e": "Fri 15 May 26", "tot het weekend": "Sun 10 May 26", "tot eind augustus": "Mon 31 Aug 26",
		},
		"de": {
			"bis Freitag": "Fri 8 May 26", "bis zum 3. August": "Mon 3 Aug 26", "bis 3.8.": "Mon 3 Aug 26", "bis 3.8.2026": "Mon 3 Aug 26", "bis morgen": "Thu 7 May 26",
			"bis zum 15.": "Fri 15 May 26", "bis Ende August": "Mon 31 Aug 26", "bis Monatsende": "Sun 31 May 26", "bis Freitag, 15.5.": "Fri 15 May 26", "bis Sonntagabend": "Sun 10 May 26",
			"bis zum Wochenende": "Sun 10 May 26", "bis 03.08.2026": "Mon 3 Aug 26",
		},
		"es": {
			"hasta el viernes": "Fri 8 May 26", "hasta el 3 de agosto": "Mon 3 Aug 26", "hasta el 3/8": "Mon 3 Aug 26", "hasta mañana": "Thu 7 May 26",
			"hasta el 15": "Fri 15 May 26", "hasta fin de mes": "Sun 31 May 26", "hasta hoy": "Wed 6 May 26", "hasta el fin de semana": "Sun 10 May 26",
		},
		"it": {
			"fino a venerdì": "Fri 8 May 26", "fino al 3 agosto": "Mon 3 Aug 26", "entro il 3/8": "Mon 3 Aug 26", "fino a domani": "Thu 7 May 26",
			"fino al 15": "Fri 15 May 26", "fino a fine mese": "Sun 31 May 26", "fino a oggi": "Wed 6 May 26", "fino al 1º giugno": "Mon 1 Jun 26", "fino al fine settimana": "Sun 10 May 26",
		},
	} {
		for said, want := range all {
			ad := u.Ad(Input{Text: "xyz, " + said, Locale: locale, Unit: Units})
			if got := day(ad.Until); got != want {
				t.Errorf("%s: %q is %q, want %q", locale, said, got, want)
			}
			if want != "" && ad.What != "xyz" {
				t.Errorf("%s: %q leaves %q", locale, said, ad.What)
			}
		}
	}
}

func TestDatesOfAllDays(t *testing.T) {
	u := load(t)
	for _, said := range []string{"until friday", "until this weekend", "until the 31st", "until the end of the month", "until tomorrow", "until today"} {
		date := u.Ad(Input{Text: "x " + said, Locale: "en"}).Until
		for today := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC); today.Year() < 2029; today = today.AddDate(0, 0, 1) {
			on := date.On(today)
			ahead := on.Sub(today.Add(-12*time.Hour)).Hours() / 24
			if ahead < 0 || ahead > 61 || said == "until friday" && (on.Weekday() != time.Friday || ahead < 1 || ahead > 7) || said == "until the 31st" && on.Day() != 31 {
				t.Errorf("%s on %s: %s", said, today.Format(time.DateOnly), on.Format(time.DateOnly))
			}
		}
	}
}

func TestQuantity(t *testing.T) {
	u := load(t)
	for _, c := range []struct {
		said, locale, of string
		want             int64 // thousandths of it; 0: not understood; -1: all
	}{
		{"5", "en", "kg", 5000},
		{"five", "en", "kg", 5000},
		{"5 kg please", "en", "kg", 5000},
		{"5 kilos", "en", "kg", 5000},
		{"half a kilo", "en", "kg", 500},
		{"500 g", "en", "kg", 500},
		{"2,5", "fr", "kg", 2500},
		{"0.2 kg", "en", "g", 200_000},
		{"1 g", "en", "lb", 0},
		{"5 jars", "en", "kg", 0},
		{"3", "en", "jars", 3000},
		{"3 pots", "fr", "jars", 3000},
		{"2.5", "en", "jars", 0},
		{"2.5", "en", "", 0},
		{"a jar", "en", "jars", 1000},
		{"all", "en", "kg", -1},
		{"tout", "fr", "kg", -1},
		{"alles", "nl", "kg", -1},
		{"1 Pfund", "de", "kg", 500},
		{"2 etti", "it", "kg", 200},
		{"0", "en", "kg", 0},
		{"-5", "en", "kg", 0},
		{"5 or 6", "en", "kg", 0},
		{"what is it", "en", "kg", 0},
		{"1000001", "en", "kg", 0},
		{"0.0001", "en", "kg", 0},
		{"", "en", "kg", 0},
	} {
		q, ok := u.Quantity(c.said, c.locale)
		got := int64(0)
		switch {
		case ok && q.All:
			got = -1
		case ok:
			if n, fits := u.In(q, c.of); fits {
				got = n
			}
		}
		if got != c.want {
			t.Errorf("%q of %q: %d, want %d", c.said, c.of, got, c.want)
		}
	}
}

// TestPartOfAnAd has what members say of a stock understood.
func TestPartOfAnAd(t *testing.T) {
	u := load(t)
	for text, want := range map[string]string{
		"take 5 kg of 31": "take_ad what=31 part=5 kg", "i'll take 2 jars from offer 31": "take_ad what=31 part=2 jars", "take 31, 5 kg please": "take_ad what=31 part=5 kg",
		"take all of 31": "take_ad what=31 part=all", "take half a kilo of 31": "take_ad what=31 part=half a kilo", "Take 2.5 of 31!": "take_ad what=31 part=2.5",
		"not 31 after all": "leave_ad what=31", "stock of 31 is 20 kg": "stock what=31 part=20 kg", "stock 31 0": "stock what=31 part=0", "take -5 of 31": "unknown",
	} {
		if got := brief(u.Understand(Input{Text: text, Locale: "en", Unit: Units})); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"en offer 40 kg tomatoes, 8 a kg, until Friday":                   "offer what=40 kg tomatoes, 8 a kg, until Friday",
		"fr offre 40 kg de tomates, 8 le kg, jusqu'à vendredi":            "offer what=40 kg de tomates, 8 le kg, jusqu'à vendredi",
		"nl aanbod 40 kg tomaten, 8 per kg, tot vrijdag":                  "offer what=40 kg tomaten, 8 per kg, tot vrijdag",
		"de biete 40 kg Tomaten, 8 pro Kilo, bis Freitag":                 "offer what=40 kg Tomaten, 8 pro Kilo, bis Freitag",
		"es ofrezco 40 kg de tomates, 8 el kilo, hasta el viernes":        "offer what=40 kg de tomates, 8 el kilo, hasta el viernes",
		"it offro 40 kg di pomodori, 8 al chilo, fino a venerdì":          "offer what=40 kg di pomodori, 8 al chilo, fino a venerdì",
		"nl gezocht ladder, tot morgen":                                   "want what=ladder, tot morgen",
		"nl gezocht ladder. Tot morgen!":                                  "want what=ladder",
		"nl betaal luc 5 voor eieren, tot morgen":                         "pay who=luc amount=500 what=eieren",
		"nl aanbod 40 kg tomaten, 8 per kg, tot vrijdag\nGroetjes, Maria": "offer what=40 kg tomaten, 8 per kg, tot vrijdag",
	} {
		if got := brief(u.Understand(Input{Text: text[3:], Locale: text[:2], Unit: Units})); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzAd(f *testing.F) {
	u := load(f)
	for _, s := range []string{
		"40 kg tomatoes, 8 a kg, until Friday", "x until 03/08/2026", "12 jars of honey in Leuven", "jusqu'au 1er juin", "t/m 3-8-2026", "1.500 kg", "half a kilo of",
		"until", "until the", "in", "5 kg", "bis zum 31.", "fino al 1º", "12 of 12 of 12", "until 99999999999/1", "a\u202eb", "<script>, 3 each", "until 3 Aug 9999",
	} {
		f.Add(s, "en")
		f.Add(s, "it")
	}
	f.Fuzz(func(t *testing.T, text, locale string) {
		ad := u.Ad(Input{Text: text, Locale: locale, Unit: Units, UnitWords: []string{"acorn"}}, "Leuven")
		if strings.TrimSpace(text) != "" && ad.What == "" || utf8.ValidString(text) && !utf8.ValidString(ad.What) {
			t.Errorf("%q leaves %q", text, ad.What)
		}
		if ad.Stock < 0 || ad.Stock > StockMost || ad.Price < 0 || len(ad.Measure) > len(text) {
			t.Errorf("%q: %+v", text, ad)
		}
		if !ad.Until.IsZero() {
			if y := ad.Until.On(time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC)).Year(); y < 1 || y > 9999 {
				t.Errorf("%q is in %d", text, y)
			}
		}
		if q, ok := u.Quantity(text, locale); ok && !q.All && (q.Thousandths < 0 || q.Thousandths > StockMost) {
			t.Errorf("%q: %+v", text, q)
		} else if ok {
			u.In(q, "kg")
		}
	})
}
