package understand

import (
	"fmt"
	"strings"
	"testing"
)

// brief writes a meaning as "clarify pay no_amount who=luc amount=500".
func brief(m Meaning) string {
	out := []string{string(m.Intent)}
	if m.Intent == Clarify {
		out = append(out, string(m.Toward), string(m.Reason))
	}
	if m.Who != "" {
		out = append(out, "who="+m.Who)
	}
	if m.Amount != 0 {
		out = append(out, fmt.Sprint("amount=", m.Amount))
	}
	if m.What != "" {
		out = append(out, "what="+m.What)
	}
	if m.Part != "" {
		out = append(out, "part="+m.Part)
	}
	if m.Guess {
		out = append(out, "guess")
	}
	return strings.Join(strings.Fields(strings.Join(out, " ")), " ")
}

// TestHostile holds what people wrote who tried to be misunderstood: each line
// is a language, a unit where it is not plain units, the texts and what all of
// them mean.
func TestHostile(t *testing.T) {
	u := load(t)
	for _, c := range []struct {
		locale string
		unit   Unit
		texts  string // separated by bars
		want   string // any of these, separated by bars
	}{
		// A yes with leftovers is none.
		{"en", Units, "yes no|yes?|ok with my eggs|yes yes no|ok what", "unknown"},
		{"en", Units, "yes if he came|yes but only 3|ok unless he forgot", "clarify conditional"},
		{"en", Units, "yes tomorrow|ok on monday", "clarify future"},
		{"en", Units, "yes|yes please|yes that is right|Yes, thank you|ok go ahead|ok|sure thanks", "yes"},
		{"fr", Units, "oui|oui c'est bien ça|oui merci|oui svp|d'accord merci", "yes"},
		{"nl", Units, "ja|ja hoor|ja graag|ja dank u|ja alstublieft", "yes"},
		{"fr", Units, "oui non|oui ?", "unknown"},
		{"nl", Units, "ja nee|ja?", "unknown"},
		{"fr", Units, "oui mais seulement 3|oui s'il vient", "clarify conditional"},
		{"nl", Units, "ja maar slechts 3|ja als hij komt", "clarify conditional"},
		{"fr", Units, "oui demain", "clarify future"},
		{"nl", Units, "ja morgen", "clarify future"},
		{"en", Units, "no yes|no thanks|no not that", "no"},

		// Courtesy.
		{"en", Units, "ok thank you|thanks|thank you very much|thanks Ria|ok thanks|ok thanks for everything", "thanks"},
		{"fr", Units, "merci bien|merci|ok merci|merci beaucoup|Merci Luc", "thanks"},
		{"nl", Units, "bedankt|dank u wel|ok bedankt|dank je wel", "thanks"},
		{"en", Units, "hello|good morning ria|Hi!|hello there", "hello"},
		{"fr", Units, "bonjour|bonsoir Ria|salut", "hello"},
		{"nl", Units, "hallo|goedemorgen|dag ria", "hello"},

		// No language but the member's own moves anything by the way.
		{"en", Units, "over the church|the church over|and the school|vast is the sea", "unknown"},
		{"fr", Units, "sur le toit|le chat est vert", "unknown"},

		// Amounts.
		{"en", Hours, "pay luc 1u30|pay luc 1h30|pay luc 1 h 30", "pay who=luc amount=90"},
		{"en", Units, "pay luc 5x|pay luc 2k|pay luc 5or6|pay luc 1h30|pay luc 2 hours|pay luc a few|pay luc 99999999999999|pay luc 99999999999999999999", "clarify pay no_amount who=luc"},
		{"fr", Units, "payer luc 5x|payer luc 2 heures", "clarify pay no_amount who=luc"},
		{"nl", Units, "betaal luc 5x|betaal luc 2 uur", "clarify pay no_amount who=luc"},
		// One and a half, or a thousand and a half.
		{"en", Units, "pay luc 1.500|pay luc 1,500", "clarify pay no_amount who=luc amount=150"},
		{"fr", Units, "payer luc 1.500|payer luc 1,500", "clarify pay no_amount who=luc amount=150"},
		{"nl", Units, "betaal luc 1.500|betaal luc 1,500", "clarify pay no_amount who=luc amount=150"},
		{"en", Hours, "pay luc 1.500|pay luc 1,500", "clarify pay no_amount who=luc"},
		{"en", Units, "pay luc 1 million|pay luc a million|pay luc one million", "pay who=luc amount=100000000"},
		{"en", Units, "pay luc 2 hundred", "pay who=luc amount=20000"},
		{"en", Units, "pay luc 3 thousand", "pay who=luc amount=300000"},
		{"en", Units, "pay luc a dozen|pay luc 1 dozen", "pay who=luc amount=1200"},
		{"fr", Units, "payer luc 1 million", "pay who=luc amount=100000000"},
		{"nl", Units, "betaal luc 1 miljoen", "pay who=luc amount=100000000"},
		{"en", Units, "pay luc .75|pay luc ,75|pay luc 0.75", "pay who=luc amount=75"},

		// The verb stands first.
		{"en", Units, "pay 7 3", "pay who=7 amount=300 guess"},
		{"en", Units, "pay 3 7", "pay who=3 amount=700 guess"},
		{"en", Units, "pay 99 5", "pay who=99 amount=500 guess"},
		{"en", Units, "pay 99 5 for eggs", "pay who=99 amount=500 what=eggs guess"},
		{"fr", Units, "payer 7 3", "pay who=7 amount=300 guess"},
		{"nl", Units, "betaal 7 3", "pay who=7 amount=300 guess"},
		{"en", Units, "pay luc and kwame 5|pay luc 5 and anna 3|pay luc 5, anna 3|pay thandi luc 5|pay luc 3 or lucia|pay kwame and luc 5", "clarify pay two_people"},
		{"en", Units, "pay luc 5, and offer bread", "clarify pay two_commands"},
		{"en", Units, "pay anna b 5", "pay who=anna b amount=500"},
		{"en", Units, "pay|pay please", "clarify pay no_who"},
		{"en", Units, "ask|charge", "clarify charge no_who"},
		{"fr", Units, "payer", "clarify pay no_who"},
		{"nl", Units, "betaal", "clarify pay no_who"},
		{"fr", Units, "demander", "clarify charge no_who"},
		{"nl", Units, "vraag", "clarify charge no_who"},
		{"en", Units, "thandi should pay luc 5|anna must pay luc 5", "clarify third_party"},
		{"en", Units, "pay 22|pay 22 to", "clarify pay no_who amount=2200"},

		// Numbers alone.
		{"en", Units, "1|22|6|7 5", "unknown"},
		{"fr", Units, "1|22", "unknown"},
		{"nl", Units, "1|22", "unknown"},

		// Not now.
		{"en", Units, "don't pay kwame|do not pay kwame 5|don't pay|dont pay him|do not pay", "clarify pay negated"},
		{"en", Units, "never mind|forget it|dont", "no|clarify negated"},
		{"fr", Units, "ne paie pas luc|ne pas payer luc 5", "clarify pay negated"},
		{"nl", Units, "niet betalen aan luc|betaal luc niet", "clarify pay negated"},

		// Nothing is ended that is to go on.
		{"en", Units, "don't stop the digest|do not end the weekly digest|don't undo it|never remove my ad 31|don't change my language to french|please do not delete my offer 31, it's still good", "unknown"},
		{"fr", Units, "n'arrête pas le journal|n'arrêtez pas les nouvelles|ne retire pas 31|ne supprime pas l'annonce 31", "unknown"},
		{"nl", Units, "stop het nieuws niet|verwijder 31 niet|niet stoppen", "unknown"},
		{"de", Units, "lösche 31 nicht|nicht stoppen|nimm 31 nicht", "unknown"},
		{"es", Units, "no quites el 31|no pares el boletín|no pares", "unknown"},
		{"it", Units, "non togliere il 31|non fermare le notizie|non mi fermate le notizie", "unknown"},
		{"en", Units, "stop the digest|please don't send me the digest any more", "digest what=never"},
		{"fr", Units, "ne m'envoyez plus le journal|plus de journal", "digest what=never"},
		{"es", Units, "no me mandes más el boletín", "digest what=never"},
		{"it", Units, "non mandarmi più il notiziario", "digest what=never"},

		// An ad is meant, and no want, no member and no payment.
		{"en", Units, "i want offer 14|i would like number 14|i'd like ad 14", "take_ad what=14"},
		{"fr", Units, "je veux l'annonce 14|je voudrais le numéro 14", "take_ad what=14"},
		{"nl", Units, "ik wil graag nummer 14|ik wil advertentie 14 graag", "take_ad what=14"},
		{"de", Units, "ich möchte die Anzeige 14|ich hätte gern die Anzeige 14", "take_ad what=14"},
		{"es", Units, "quisiera el anuncio 14|quiero el número 14", "take_ad what=14"},
		{"it", Units, "vorrei l'annuncio 14|voglio il numero 14", "take_ad what=14"},
		{"en", Units, "stock 42|stock ad 42", "stock what=42"},
		{"fr", Units, "stock 42", "stock what=42"},
		{"nl", Units, "voorraad 42", "stock what=42"},
		{"de", Units, "Bestand 42", "stock what=42"},
		{"es", Units, "existencias 42", "stock what=42"},
		{"it", Units, "scorta 42", "stock what=42"},

		// No space before the number.
		{"en", Units, "TAKE31|take ad31|i take31", "take_ad what=31"},
		{"fr", Units, "PRENDRE31|prends31|prendre annonce31", "take_ad what=31"},
		{"nl", Units, "NEEM31|neem advertentie31", "take_ad what=31"},
		{"de", Units, "NEHME31|nehme Anzeige31", "take_ad what=31"},
		{"es", Units, "TOMAR31|tomar anuncio31", "take_ad what=31"},
		{"it", Units, "PRENDO31|prendo annuncio31", "take_ad what=31"},
		{"en", Units, "RIVER7|maria12|B12", "unknown"},
		{"en", Units, "pay luc5", "clarify pay no_amount who=luc5"},

		// The number before the word, and for whom.
		{"en", Units, "41 is done|41 done|job 41 is done|done41", "done what=41"},
		{"fr", Units, "41 est fait|le 41 est terminé|41 fait|FAIT41", "done what=41"},
		{"nl", Units, "41 is klaar|41 klaar|KLAAR41", "done what=41"},
		{"de", Units, "41 ist fertig|41 fertig|FERTIG41", "done what=41"},
		{"es", Units, "41 está hecho|el 41 está terminado|HECHO41", "done what=41"},
		{"it", Units, "41 è fatto|il 41 è fatto|FATTO41", "done what=41"},
		{"en", Units, "is 41 done?|41 is done?", "unknown"},
		{"en", Units, "done 41 maria", "done who=maria what=41"},
		{"fr", Units, "fait 41 maria", "done who=maria what=41"},
		{"nl", Units, "klaar 41 maria", "done who=maria what=41"},
		{"de", Units, "fertig 41 maria", "done who=maria what=41"},
		{"es", Units, "hecho 41 maria", "done who=maria what=41"},
		{"it", Units, "fatto 41 maria", "done who=maria what=41"},
		{"en", Units, "done 2 hours for maria", "unknown"},

		// One ad at a time.
		{"en", Units, "take 41 and 14|renew 41 and 14|renew 41, 14|done 41 and 14|take 7, 41 and 14", "clarify two_commands what=14"},
		{"fr", Units, "prendre 41 et 14|renouveler 41 et 14|fait 41 et 14", "clarify two_commands what=14"},
		{"nl", Units, "neem 41 en 14|verleng 41 en 14|klaar 41 en 14", "clarify two_commands what=14"},
		{"de", Units, "nehme 41 und 14|verlängere 41 und 14|fertig 41 und 14", "clarify two_commands what=14"},
		{"es", Units, "tomar 41 y 14|renovar 41 y 14|hecho 41 y 14", "clarify two_commands what=14"},
		{"it", Units, "prendo 41 e 14|rinnova 41 e 14|fatto 41 e 14", "clarify two_commands what=14"},

		// What is left of an ad is no balance, nor a payment.
		{"en", Units, "there are 5 kg left of 41|5 kg left of 41|only 5 kg left of offer 41|I have 5 kg of 41 left", "stock what=41 part=5 kg"},
		{"fr", Units, "il reste 5 kg de 41|il reste 5 kg de l'annonce 41|il me reste 5 kg de l'offre 41|il ne reste que 5 kg de 41", "stock what=41 part=5 kg"},
		{"nl", Units, "er is nog 5 kg van 41|er blijft nog 5 kg van 41 over|ik heb nog 5 kg van 41|nog 5 kg over van 41", "stock what=41 part=5 kg"},
		{"de", Units, "es sind noch 5 kg von 41 da|noch 5 kg von 41 übrig|ich habe noch 5 kg von 41", "stock what=41 part=5 kg"},
		{"es", Units, "quedan 5 kg de 41|quedan 5 kg del 41|me quedan 5 kg del anuncio 41", "stock what=41 part=5 kg"},
		{"it", Units, "restano 5 kg di 41|rimangono 5 kg del 41|ci sono ancora 5 kg di 41|ho ancora 5 kg dell'annuncio 41", "stock what=41 part=5 kg"},
		{"fr", Units, "il reste 5|il me reste combien|combien il me reste|il reste 5 glands|il me reste 41|combien il reste", "balance"},
		{"es", Units, "cuanto me queda", "balance"},
		{"it", Units, "quanto mi resta", "balance"},
		{"nl", Units, "hoeveel heb ik nog over", "balance"},

		// An offer says itself how long it stands.
		{"en", Units, "offer eggs until they are gone", "offer what=eggs until they are gone"},
		{"en", Units, "offer: tomatoes 8 a kg, until sold out", "offer what=tomatoes 8 a kg, until sold out"},
		{"en", Units, "the bike i offered is sold", "remove_ad what=the bike i offered"},
		{"en", Units, "the bike I want to sell is sold", "remove_ad what=the bike I want to sell"},
		{"en", Units, "my offer of eggs is gone", "remove_ad what=my offer of eggs"},

		// Nothing is put up for all to see.
		{"en", Units, "i do not understand|i don't know|i do that|i do|i don't know how|i do not know", "help|unknown|yes"},
		{"fr", Units, "je ne comprends pas|je fais pas ça|je ne sais pas|je fais ça", "help|unknown"},
		{"nl", Units, "ik begrijp het niet|ik doe niet mee|ik weet het niet|ik doe dat|ik doe het", "help|unknown|yes|no"},

		// Keywords alone ask for the rest.
		{"en", Units, "offer|offer something|i want to offer something", "offer"},
		{"en", Units, "want", "want"},
		{"en", Units, "find|search|find something", "search"},
		{"en", Units, "address", "address"},
		{"en", Units, "invite", "invite"},
		{"en", Units, "remove", "remove_ad"},
		{"en", Units, "renew", "renew_ad"},
		{"en", Units, "check", "check"},
		{"en", Units, "members", "members"},
		{"en", Units, "member", "member"},
		{"en", Units, "take", "take_ad"},

		{"en", Units, "is EV5X real?|check EV5X|receipt EV5X?|receipt ev5x|is receipt EV5X real?", "check what=EV5X"},
		{"en", Units, "refuse 8|reject 8", "refuse what=8"},
		{"en", Units, "refuse|refuse luc", "no|no who=luc"},
		{"en", Units, "wrong|stop! wrong person", "undo|no"},
		{"en", Units, "stop that payment", "undo|no"},
		{"en", Units, "can I talk to somebody|i want to speak to a person|is there a human|can i speak to someone?", "human"},
		{"fr", Units, "puis-je parler à quelqu'un|je veux parler à une personne|y a-t-il un humain", "human"},
		{"nl", Units, "kan ik met iemand praten|ik wil met een mens spreken|is er een mens", "human"},
		{"en", Units, "delete me", "stop"},

		{"es", Units, "sí no|sí?|¿sí?|vale qué", "unknown"},
		{"es", Units, "sí pero solo 3|vale, solo si viene", "clarify conditional"},
		{"es", Units, "sí, mañana", "clarify future"},
		{"es", Units, "gracias|muchas gracias|ok gracias|gracias Luis", "thanks"},
		{"es", Units, "hola|buenos días|buenas tardes Ana|¡Buenas!", "hello"},
		{"es", Units, "pagar luc 5x|pagar luc 2 horas|paga a luc unos pocos", "clarify pay no_amount who=luc"},
		{"es", Units, "pagar luc 1.500|pagar luc 1,500", "clarify pay no_amount who=luc amount=150"},
		{"es", Units, "pagar luc doscientos cincuenta", "pay who=luc amount=25000"},
		{"es", Units, "pagar 7 3", "pay who=7 amount=300 guess"},
		{"es", Units, "pagar al 7 3|paga al socio 7 3", "pay who=7 amount=300"},
		{"es", Units, "pagar|paga|pague por favor", "clarify pay no_who"},
		{"es", Units, "pedir|cobrar", "clarify charge no_who"},
		{"es", Units, "no pagues a luc|no pagar a luc 5", "clarify pay negated"},
		{"es", Units, "pagué 5 a luc|di 5 a luc", "clarify pay past who=luc amount=500|clarify past"},
		{"es", Units, "luc paga 5 a anna|quiero que pague luc 5", "clarify no_direction|clarify third_party"},
		{"es", Units, "no lo entiendo|no sé|no llueve hoy|no lo sé", "help|unknown"},
		{"es", Units, "¿puedo hablar con alguien?|quiero hablar con una persona|hay un humano ahí", "human"},
		{"es", Units, "1|22", "unknown"},
	} {
		for text := range strings.SplitSeq(c.texts, "|") {
			m := u.Understand(Input{Text: text, Locale: c.locale, Unit: c.unit})
			got, found := brief(m), false
			for want := range strings.SplitSeq(c.want, "|") {
				found = found || got == want || strings.HasSuffix(want, "two_people") && m.Reason == TwoPeople
			}
			if !found {
				t.Errorf("%s %q: %s, want %s", c.locale, text, got, c.want)
			}
		}
	}
	eggs := directory{"luc", "anna", "anna b"}
	for _, text := range []string{"give luc 5 eggs", "give anna bread", "give anna some bread"} {
		for _, names := range []Names{nil, eggs} {
			if m := u.Understand(Input{Text: text, Locale: "en", Unit: Units, Names: names}); m.Intent != Clarify || m.Reason == "" {
				t.Errorf("%q: %s", text, brief(m))
			}
		}
	}
}
