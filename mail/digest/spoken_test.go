package digest

import (
	"testing"
	"time"

	"crier/locales"
)

// What a coordinator writes is taken for a time where all of it is understood.
func TestSpokenSchedule(t *testing.T) {
	catalog, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ locale, said, spec string }{
		{"en", "every friday at 8", "friday 8:00"},
		{"en", "Monday 6 pm", "monday 18:00"},
		{"en", "on fridays at 8:30 o'clock", "friday 8:30"},
		{"en", "every day at 7", "daily 7:00"},
		{"en", "every second friday at 8", ""},
		{"en", "every friday and monday at 8", ""},
		{"en", "every other week on friday at 8", ""},
		{"en", "every friday at 8 and 18", ""},
		{"en", "every 2 weeks friday 8", ""},
		{"en", "every first friday at 8", ""},
		{"en", "friday", ""},
		{"en", "at 8", ""},
		{"en", "friday at 8 in the evening", ""},
		{"en", "", ""},
		{"fr", "chaque dimanche à 18h", "sunday 18:00"},
		{"fr", "tous les vendredis à 8h30", "friday 8:30"},
		{"fr", "tous les jours à 8 heures", "daily 8:00"},
		{"fr", "un vendredi sur deux à 8h", ""},
		{"nl", "elke vrijdag om 8 uur", "friday 8:00"},
		{"nl", "om de twee weken op vrijdag om 8", ""},
		{"de", "jeden Freitag um 8 Uhr", "friday 8:00"},
		{"de", "jeden zweiten Freitag um 8", ""},
		{"es", "cada viernes a las 8", "friday 8:00"},
		{"es", "todos los sábados a las 10:30", "saturday 10:30"},
		{"it", "ogni venerdì alle 8", "friday 8:00"},
		{"it", "ogni giorno alle ore 8", "daily 8:00"},
	} {
		p := catalog.Printer(c.locale, locales.Unit{}, nil, time.UTC, time.Now())
		spec, ok := spokenSchedule(c.said, p)
		if !ok {
			spec = ""
		}
		if spec != c.spec {
			t.Errorf("%s %q: got %q, want %q", c.locale, c.said, spec, c.spec)
		}
	}
}
