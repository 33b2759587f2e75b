package understand

import (
	"strings"
	"testing"
)

// keywords are what the texts of each language tell people to write.
var keywords = map[string]map[string]string{
	"en": {
		"KEEP ALL": "renew_ad what=all", "REPORT 31": "report what=31", "CATEGORY 31 GARDEN": "category what=31 GARDEN", "CATEGORIES": "category",
		"YES": "yes", "NO": "no", "YES 1": "yes what=1", "NO 1": "no what=1",
		"PAY luc 5": "pay who=luc amount=500", "PAY anna 5 eggs": "pay who=anna amount=500 what=eggs",
		"ASK luc 5": "charge who=luc amount=500", "ASK luc 3 jam": "charge who=luc amount=300 what=jam", "CHARGE luc 5": "charge who=luc amount=500",
		"BALANCE": "balance", "HISTORY": "history", "MORE": "more", "EMAIL": "email",
		"OFFER bread": "offer what=bread", "WANT a ladder": "want what=a ladder", "FIND bread": "search what=bread", "SEARCH bread": "search what=bread",
		"MY ADS": "my_ads", "REMOVE 31": "remove_ad what=31", "RENEW 31": "renew_ad what=31", "TAKE 31": "take_ad what=31",
		"TAKE 5 OF 31": "take_ad what=31 part=5",

		"LEAVE 31": "leave_ad what=31", "STOCK 31 20": "stock what=31 part=20", "DONE 31": "done what=31", "DONE": "done",
		"WRONG": "undo", "WRONG 7KQ4": "undo what=7KQ4", "CHECK 7KQ4": "check what=7KQ4", "HELP": "help", "HUMAN": "human", "MEMBERS a": "members what=a",
		"ADDRESS 0470000000": "address what=0470000000", "ADDRESS a@b.be": "address what=a@b.be", "STOP": "stop", "START": "start",
		"SILENCE": "tips what=off", "QUIET": "tips what=off", "TIPS": "tips what=on",
		"JOIN": "join", "JOIN RIVER-7KQ2MH": "join what=RIVER-7KQ2MH", "APPROVE 44": "approve what=44", "REFUSE 44": "refuse what=44", "INVITE jan 0470000000": "invite what=jan 0470000000",
	},
	"fr": {
		"GARDER TOUT": "renew_ad what=all", "SIGNALER 31": "report what=31", "RUBRIQUE 31 JARDIN": "category what=31 JARDIN", "RUBRIQUES": "category",
		"OUI": "yes", "NON": "no", "OUI 1": "yes what=1", "NON 1": "no what=1",
		"PAYER luc 5": "pay who=luc amount=500", "PAYER anna 5 pain": "pay who=anna amount=500 what=pain",
		"DEMANDER luc 5": "charge who=luc amount=500", "DEMANDER luc 3 miel": "charge who=luc amount=300 what=miel",
		"SOLDE": "balance", "HISTORIQUE": "history", "SUITE": "more", "MAIL": "email",
		"OFFRE du pain": "offer what=pain", "BESOIN DE pain": "want what=pain", "BESOIN D'une échelle": "want what=une échelle", "BESOIN échelle": "want what=échelle", "TROUVER pain": "search what=pain",
		"MES ANNONCES": "my_ads", "RETIRER 31": "remove_ad what=31", "PROLONGER 31": "renew_ad what=31", "PRENDRE 31": "take_ad what=31",
		"PRENDRE 5 DE 31": "take_ad what=31 part=5", "je prends 5 kg de l'offre 31": "take_ad what=31 part=5 kg", "prendre tout du 31": "take_ad what=31 part=tout",
		"LAISSER 31": "leave_ad what=31", "je renonce au 31": "leave_ad what=31", "STOCK 31 20": "stock what=31 part=20", "il reste 31 20 kg": "stock what=31 part=20 kg", "FAIT 31": "done what=31", "FINI": "done",
		"ERREUR": "undo", "ERREUR 7KQ4": "undo what=7KQ4", "TICKET 7KQ4": "check what=7KQ4", "VERIFIER 7KQ4": "check what=7KQ4", "AIDE": "help", "HUMAIN": "human", "MEMBRES a": "members what=a",
		"ADRESSE 0470000000": "address what=0470000000", "ADRESSE a@b.be": "address what=a@b.be", "STOP": "stop", "START": "start",
		"SILENCE": "tips what=off", "CONSEILS": "tips what=on",
		"REJOINDRE": "join", "REJOINDRE RIVER-7KQ2MH": "join what=RIVER-7KQ2MH", "ACCEPTER 44": "approve what=44", "REFUSER 44": "refuse what=44", "INVITER jan 0470000000": "invite what=jan 0470000000",
	},
	"nl": {
		"HOUD ALLES": "renew_ad what=all", "MELD 31": "report what=31", "RUBRIEK 31 TUIN": "category what=31 TUIN", "RUBRIEKEN": "category",
		"JA": "yes", "NEE": "no", "JA 1": "yes what=1", "NEE 1": "no what=1",
		"BETAAL luc 5": "pay who=luc amount=500", "BETAAL anna 5 eieren": "pay who=anna amount=500 what=eieren",
		"VRAAG luc 5": "charge who=luc amount=500", "VRAAG luc 3 jam": "charge who=luc amount=300 what=jam",
		"SALDO": "balance", "GESCHIEDENIS": "history", "MEER": "more", "MAIL": "email",
		"AANBOD brood": "offer what=brood", "GEZOCHT ladder": "want what=ladder", "ZOEK brood": "search what=brood", "ik zoek een ladder": "want what=ladder",
		"MIJN ADVERTENTIES": "my_ads", "VERWIJDER 31": "remove_ad what=31", "VERLENG 31": "renew_ad what=31", "NEEM 31": "take_ad what=31",
		"NEEM 5 VAN 31": "take_ad what=31 part=5", "ik neem 5 kg van 31": "take_ad what=31 part=5 kg", "neem alles van 31": "take_ad what=31 part=alles",
		"LAAT 31": "leave_ad what=31", "31 toch niet": "leave_ad what=31", "VOORRAAD 31 20": "stock what=31 part=20", "KLAAR 31": "done what=31", "KLAAR": "done",
		"FOUT": "undo", "FOUT 7KQ4": "undo what=7KQ4", "BEWIJS 7KQ4": "check what=7KQ4", "CONTROLEER 7KQ4": "check what=7KQ4", "HELP": "help", "MENS": "human", "LEDEN a": "members what=a",
		"ADRES 0470000000": "address what=0470000000", "ADRES a@b.be": "address what=a@b.be", "STOP": "stop", "START": "start",
		"STIL": "tips what=off", "TIPS": "tips what=on",
		"WORD LID": "join", "WORD LID RIVER-7KQ2MH": "join what=RIVER-7KQ2MH", "GOEDKEUREN 44": "approve what=44", "WEIGEREN 44": "refuse what=44", "UITNODIGEN jan 0470000000": "invite what=jan 0470000000",
	},
	"es": {
		"MANTENER TODO": "renew_ad what=all", "AVISAR 31": "report what=31", "SECCION 31 JARDIN": "category what=31 JARDIN", "SECCIONES": "category",
		"S\u00cd": "yes", "SI": "yes", "NO": "no", "OK": "yes", "NADA": "no", "SI 1": "yes what=1", "NO 1": "no what=1",
		"PAGAR luc 5": "pay who=luc amount=500", "PAGAR anna 5 pan": "pay who=anna amount=500 what=pan",
		"PEDIR luc 5": "charge who=luc amount=500", "PEDIR luc 3 miel": "charge who=luc amount=300 what=miel",
		"SALDO": "balance", "HISTORIAL": "history",
		"OFREZCO pan": "offer what=pan", "NECESITO una escalera": "want what=una escalera", "BUSCAR pan": "search what=pan",
		"SIGUE": "more", "CORREO": "email", "QUITAR 31": "remove_ad what=31", "RENOVAR 31": "renew_ad what=31", "TOMAR 31": "take_ad what=31",
		"TOMAR 5 DE 31": "take_ad what=31 part=5", "tomo 5 kg del 31": "take_ad what=31 part=5 kg", "DEJAR 31": "leave_ad what=31", "EXISTENCIAS 31 20": "stock what=31 part=20", "HECHO 31": "done what=31", "TERMINAR": "done",
		"ACEPTAR 44": "approve what=44", "RECHAZAR 44": "refuse what=44", "INVITAR jan 0470000000": "invite what=jan 0470000000", "DIRECCIÓN a@b.be": "address what=a@b.be", "DIRECCION 0470000000": "address what=0470000000",
		"MIS ANUNCIOS": "my_ads", "ERROR": "undo", "ERROR 7KQ4": "undo what=7KQ4", "AYUDA": "help", "MANUAL": "help", "PERSONA": "human", "MIEMBROS a": "members what=a",
		"RECIBO 7KQ4": "check what=7KQ4", "COMPROBAR 7KQ4": "check what=7KQ4", "MÁS": "more", "BAJA": "stop", "PARAR": "stop", "ALTO": "stop", "DETENER": "stop", "INFO": "help",
		"SILENCIO": "tips what=off", "CONSEJOS": "tips what=on",
		"STOP": "stop", "START": "start", "UNIRME": "join", "UNIRME RIVER-7KQ2MH": "join what=RIVER-7KQ2MH",
	},
	"it": {
		"TIENI TUTTO": "renew_ad what=all", "SEGNALA 31": "report what=31", "RUBRICA 31 GIARDINO": "category what=31 GIARDINO", "RUBRICHE": "category",
		"SI": "yes", "NO": "no", "OK": "yes", "RIFIUTO": "no", "SI 1": "yes what=1", "NO 1": "no what=1", "RIFIUTO 1": "no what=1",
		"PAGA luc 5": "pay who=luc amount=500", "PAGA anna 5 pane": "pay who=anna amount=500 what=pane",
		"CHIEDI luc 5": "charge who=luc amount=500", "CHIEDI luc 3 miele": "charge who=luc amount=300 what=miele",
		"SALDO": "balance", "MOVIMENTI": "history", "ALTRO": "more", "MAIL": "email",
		"OFFRO pane": "offer what=pane", "CERCO una scala": "want what=scala", "CERCO scala": "want what=scala", "TROVA pane": "search what=pane", "cerca pane": "search what=pane",
		"ANNUNCI": "my_ads", "I MIEI ANNUNCI": "my_ads", "TOGLI 31": "remove_ad what=31", "RINNOVA 31": "renew_ad what=31", "PRENDO 31": "take_ad what=31",
		"PRENDO 5 DI 31": "take_ad what=31 part=5", "prendo 5 kg del 31": "take_ad what=31 part=5 kg", "LASCIO 31": "leave_ad what=31", "SCORTA 31 20": "stock what=31 part=20", "FATTO 31": "done what=31", "FATTO": "done",
		"ERRORE": "undo", "ERRORE 7KQ4": "undo what=7KQ4", "RICEVUTA 7KQ4": "check what=7KQ4", "VERIFICA 7KQ4": "check what=7KQ4", "AIUTO": "help", "MENU": "help", "PERSONA": "human", "SOCI a": "members what=a",
		"INDIRIZZO 0470000000": "address what=0470000000", "INDIRIZZO a@b.be": "address what=a@b.be", "STOP": "stop", "START": "start",
		"SILENZIO": "tips what=off", "CONSIGLI": "tips what=on",
		"ISCRIVIMI": "join", "ISCRIVIMI RIVER-7KQ2MH": "join what=RIVER-7KQ2MH", "ACCETTA 44": "approve what=44", "RIFIUTA 44": "refuse what=44", "INVITA jan 0470000000": "invite what=jan 0470000000",
	},
	"de": {
		"BEHALTE ALLE": "renew_ad what=all", "MELDE 31": "report what=31", "RUBRIK 31 GARTEN": "category what=31 GARTEN", "RUBRIKEN": "category",
		"JA": "yes", "NEIN": "no", "OK": "yes", "NEE": "no", "JA 1": "yes what=1", "NEIN 1": "no what=1", "NEE 1": "no what=1",
		"ZAHLE luc 5": "pay who=luc amount=500", "ZAHLE anna 5 Brot": "pay who=anna amount=500 what=brot",
		"FORDERE luc 5": "charge who=luc amount=500", "FORDERE luc 3 Saft": "charge who=luc amount=300 what=saft",
		"KONTO": "balance", "KONTOSTAND": "balance", "BUCHUNGEN": "history", "MEHR": "more", "MAIL": "email",
		"BIETE Brot": "offer what=brot", "SUCHE eine Leiter": "want what=leiter", "SUCHE Leiter": "want what=leiter", "FINDE Brot": "search what=brot",
		"MEINE ANZEIGEN": "my_ads", "LÖSCHE 31": "remove_ad what=31", "LOESCHE 31": "remove_ad what=31", "VERLÄNGERE 31": "renew_ad what=31", "NEHME 31": "take_ad what=31",
		"NEHME 5 VON 31": "take_ad what=31 part=5", "ich nehme 5 kg von 31": "take_ad what=31 part=5 kg", "LASSE 31": "leave_ad what=31", "31 doch nicht": "leave_ad what=31", "VORRAT 31 20": "stock what=31 part=20", "FERTIG 31": "done what=31", "FERTIG": "done",
		"FALSCH": "undo", "FALSCH 7KQ4": "undo what=7KQ4", "BELEG 7KQ4": "check what=7KQ4", "PRÜFE 7KQ4": "check what=7KQ4", "HILFE": "help", "MENÜ": "help", "MENSCH": "human", "MITGLIEDER a": "members what=a",
		"ADRESSE 0470000000": "address what=0470000000", "ADRESSE a@b.at": "address what=a@b.at", "STOP": "stop", "STOPP": "stop", "ABMELDEN": "stop", "START": "start",
		"RUHE": "tips what=off", "TIPPS": "tips what=on",
		"BEITRETEN": "join", "BEITRETEN RIVER-7KQ2MH": "join what=RIVER-7KQ2MH", "AUFNEHMEN 44": "approve what=44", "ABLEHNEN 44": "refuse what=44", "EINLADEN jan 0470000000": "invite what=jan 0470000000",
		"PIN": "pin", "RESET PIN 44": "reset_pin what=44",
	},
}

// TestKeywords has every keyword understood in its language, in capitals and
// not, and the English ones in all languages.
func TestKeywords(t *testing.T) {
	u := load(t)
	for locale, all := range keywords {
		for text, want := range all {
			for _, at := range u.Locales() {
				if at != locale && locale != "en" {
					continue
				}
				for _, s := range []string{text, strings.ToLower(text)} {
					if got := brief(u.Understand(Input{Text: s, Locale: at, Unit: Units})); !strings.EqualFold(got, want) {
						t.Errorf("%s %q: %s, want %s", at, s, got, want)
					}
				}
			}
		}
	}
}
