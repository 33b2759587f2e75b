package sms

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fromMachines are texts as operators, telephones and mail programs write them.
//
//nolint:misspell // it is no English
var fromMachines = map[string][]string{
	deliveryNotice: {
		"Your message to +32470000012 could not be delivered.",
		"Your message to +32 470 00 00 12 was not delivered. Please try again later.",
		"Your text message could not be delivered.",
		"Message to 0470000012 failed.",
		"SMS delivery failed to +447700900123",
		"Free Msg: Unable to send message - Message Blocking is active.",
		"FreeMsg: Receiver 1111301000 unable to receive message - Message Blocking Is Active",
		"Error: Invalid Number. Please re-send using a valid 10 digit mobile number or valid short code. Msg 2114",
		"The number you have dialled is not in service.",
		"The subscriber +254700000001 you are trying to reach is currently unavailable. Please try again later.",
		"Message delivered to +32470000012",
		"Orange : Votre message au 0612345678 n’a pas pu être remis.",
		"Votre SMS n'a pas pu être distribué au destinataire.",
		"Échec de l'envoi du message au 06 12 34 56 78. Veuillez réessayer plus tard.",
		"Le numéro que vous demandez n'est pas attribué.",
		"Uw bericht aan +32470000012 kon niet worden afgeleverd.",
		"Je sms naar 0612345678 is niet verzonden. Probeer het later opnieuw.",
		"Het door u gekozen nummer is niet in gebruik.",
		"Ihre Nachricht an +49 170 1234567 konnte nicht zugestellt werden.",
		"Ihre SMS an 01701234567 wurde nicht übermittelt. Bitte prüfen Sie die Rufnummer.",
		"Der gewünschte Gesprächspartner ist zurzeit nicht erreichbar.",
		"Su mensaje a +34612345678 no ha podido ser entregado.",
		"No se pudo entregar su mensaje al 612 345 678. Inténtelo de nuevo más tarde.",
		"El número marcado no existe.",
		"Il messaggio inviato a +393331234567 non è stato consegnato.",
		"Non è stato possibile consegnare il tuo SMS al numero 333 1234567.",
		"L'utente chiamato non è al momento raggiungibile.",
	},
	automaticReply: {
		"I’m driving with Do Not Disturb While Driving turned on. I’ll see your message when I get where I’m going.",
		"I’m driving with Focus turned on. I’ll see your message when I get where I’m going.\n(I’m not receiving notifications. If this is urgent, reply “urgent” to send a notification through with your original message.)",
		"I'm driving right now - I'll get back to you later.",
		"I’m driving and can’t respond right now.",
		"I can't reply right now because I'm driving.",
		"Sorry, I'm currently driving. I will call you back when I stop.",
		"Auto-reply: I am away until Monday.",
		"[Automatic reply] Out of office, back on 5 December. Ask Olga.",
		"This is an automated response. I am currently out of the office and will respond on my return.",
		"Thank you for your message. I am out of the office until 5 December with limited access to email. For urgent matters please contact Olga on 0470 00 00 12.",
		"I am on annual leave until Monday and will reply when I return. Kind regards",
		"Je conduis avec l’option Ne pas déranger en voiture activée. Je verrai votre message à mon arrivée.",
		"Je suis au volant. Je vous rappelle dès que possible.",
		"Réponse automatique : je suis absente jusqu'au 5 décembre.",
		"Bonjour, merci pour votre message. Je suis en congés jusqu’au 5 décembre. En cas d’urgence, veuillez contacter Olga au 06 12 34 56 78.",
		"Je suis en réunion, je ne peux pas répondre pour le moment.",
		"Ik ben aan het autorijden met ‘Niet storen tijdens autorijden’ ingeschakeld. Ik zie je bericht zodra ik op mijn bestemming ben aangekomen.",
		"Ik zit nu achter het stuur. Ik bel je later terug.",
		"Automatisch antwoord: ik ben met vakantie tot 5 december.",
		"Bedankt voor uw bericht. Ik ben afwezig tot en met maandag. Ik antwoord zo snel mogelijk.",
		"Ich fahre gerade Auto und habe „Beim Fahren nicht stören“ aktiviert. Ich lese deine Nachricht, sobald ich angekommen bin.",
		"Ich bin am Steuer. Ich melde mich später.",
		"Automatische Antwort: Ich bin bis 5.12. nicht im Büro.",
		"Guten Tag, vielen Dank für Ihre Nachricht. Ich bin bis zum 5. Dezember im Urlaub. Ihre Nachricht wird nicht weitergeleitet. In dringenden Fällen wenden Sie sich bitte an Olga Meier, 0170 1234567.",
		"Estoy conduciendo y tengo activado “No molestar al conducir”. Veré tu mensaje cuando llegue.",
		"Estoy al volante, te llamo luego.",
		"Respuesta automática: estoy de vacaciones hasta el 5 de diciembre.",
		"Gracias por su mensaje. Estoy fuera de la oficina hasta el 5 de diciembre. Le responderé a mi regreso.",
		"Sto guidando con la funzione “Non disturbare alla guida” attiva. Vedrò il tuo messaggio quando arrivo a destinazione.",
		"Sono alla guida. Ti richiamo appena possibile.",
		"Risposta automatica: sono in ferie fino al 5 dicembre.",
		"Grazie per il tuo messaggio. Sono fuori ufficio fino al 5 dicembre. Per urgenze contattare Olga, 333 1234567.",
	},
	voicemailNotice: {
		"You have 1 new voicemail. To listen, dial 121.",
		"You have 2 new voicemail messages. Please call 1933 to listen to them.",
		"Voicemail: you have one new message from +32470000012. Dial 121.",
		"Messagerie vocale : vous avez 1 nouveau message. Appelez le 888.",
		"Vous avez reçu 2 nouveaux messages vocaux. Pour les écouter, composez le 123.",
		"U heeft 2 nieuwe voicemailberichten. Bel 1933.",
		"Je hebt 1 nieuw bericht op je voicemail van +31612345678. Bel 1233 om het te beluisteren.",
		"Mailbox: Sie haben 1 neue Nachricht. Abhören mit 3311",
		"Sie haben eine neue Sprachnachricht von +491701234567 vom 12.11. um 10:15. Bitte rufen Sie 3311 an.",
		"Tiene 1 mensaje nuevo en su buzón de voz. Para escucharlo, marque 177.",
		"Hai 1 nuovo messaggio in segreteria. Chiama il 42020.",
	},
	missedCall: {
		"You have 1 missed call from +32470000012 on 12/11 at 10:15.",
		"Missed call: 0470 00 00 12 12/11 10:15",
		"+447700900123 tried to call you 2 times at 10:15.",
		"Vous avez 1 appel en absence du 0612345678 le 12/11 à 10h15",
		"Appel manqué : 06 12 34 56 78",
		"Le 0612345678 a cherché à vous joindre le 12/11 à 10h15.",
		"U heeft 2 gemiste oproepen van 0470000012.",
		"Gemiste oproep van +31612345678 om 10:15",
		"Sie haben 1 Anruf von +49 170 1234567 verpasst.",
		"Der Teilnehmer +491701234567 hat am 12.11. um 10:15 versucht, Sie zu erreichen.",
		"Tienes 1 llamada perdida del 612345678 el 12/11 a las 10:15",
		"Hai ricevuto 2 chiamate da +393331234567 il 12/11 alle 10:15",
		"Il numero 3331234567 ti ha cercato alle ore 10:15.",
	},
	balanceNotice: {
		"Your balance is 5.00 EUR, valid until 12/12/2026.",
		"You have successfully topped up £10. Your new balance is £12.50.",
		"Your recharge of KES 100 was successful. Thank you.",
		"Votre crédit est de 5,00 € valable jusqu'au 12/12/2026.",
		"Votre rechargement de 10 EUR a bien été effectué. Merci.",
		"Je hebt opgewaardeerd met 10 euro. Je nieuwe saldo is 12,50 euro.",
		"Proximus: Uw herlading van €15 is geslaagd. Geldig tot 12/12/2026.",
		"Ihre Aufladung über 15,00 EUR war erfolgreich. Ihr aktuelles Guthaben beträgt 16,20 EUR.",
		"Su recarga de 10 EUR se ha realizado con éxito. Su saldo es 12,50 EUR.",
		"La ricarica di 10 EUR è stata effettuata. Il tuo credito residuo è di 12,50 EUR.",
	},
}

// fromPeople are texts of members that come near to them.
//
//nolint:misspell // it is no English
var fromPeople = []string{
	// The words, in what somebody asks Crier to do.
	"I am driving, pay luc 5", "I'm driving. Pay luc 5.", "I'm driving right now - pay luc 5, I'll get back to you later", "pay luc 5 for driving", "Pay Luc 5 for driving me home",
	"message not delivered? pay luc 5", "Message not delivered. Pay luc 5 again", "pay luc 5 for delivery", "delivery failed, ask luc 5 back", "pay luc 5, the eggs could not be delivered",
	"pay 12 5 for a missed call", "missed call from luc, pay him 5", "ask maria 3 for voicemail help", "pay luc 5 voicemail", "offer: help with your voicemail, 5 acorns",
	"pay luc 5 top-up", "top up luc 5", "pay my balance to luc", "send luc my balance, 5", "Your balance is wrong, pay luc 5", "Automatic reply is off now, pay luc 5",
	"I am out of the office until Monday. Pay luc 5", "I'm on holiday until Monday, pay luc 5 for the plants", "on leave, pay 12 3", "I will call luc, pay him 5",
	"I'll get back to you later. Pay luc 5", "for urgent matters call Olga", "want: somebody who drives", "offer driving lessons 5 an hour", "find driving lessons",
	// Balances, answers, numbers, one word.
	"balance", "BALANCE", "my balance", "what is my balance", "yes", "no", "YES", "ok", "1", "2", "121", "+32470000012", "stop", "start", "help", "wrong", "more", "human",
	"yes, I'm driving", "No. I'm driving", "yes I will reply later", "JOIN RIVER-7KQ2", "K7QQ", "", " ", "?", "!!!", "🐣", "thanks", "thank you for your message", "Thank you for the top-up", "hello", "sorry",
	// Somebody speaks of it.
	"I am driving", "I'm driving", "I am driving right now", "I'm on holiday until Monday", "I am away until 5 December", "I will reply later", "I'll call you back", "I can't talk right now",
	"I have a missed call from you", "I missed a call", "you missed my call", "did you call me", "I have a voicemail from Luc", "there is a message in my voicemail", "my message was not delivered",
	"my message to luc was not delivered", "your message was not delivered", "Your message to Luc was not delivered", "Message not delivered", "message not sent", "not delivered", "my balance is 5 euro", "my credit is low", "Luc tried to call you",
	"Have you got my message?", "Is this an automatic reply?", "Automatic reply: how do I turn it off?", "Was my message delivered to +32470000012?", "You have 1 new voicemail?", "this was delivered late", "the number is not in service", "Luc's number is unavailable",
	"I have an answering machine to give away, automatic reply and all", "Please see my message when you get there", "Luc sees my message when he arrives",
	// The same in French.
	"je suis au volant, paie luc 5", "Je suis au volant. Paie 5 à Luc", "je suis au volant", "je conduis", "je suis en vacances jusqu'à lundi", "paie luc 5 pour le message", "mon message n'a pas pu être remis",
	"message non remis, paie luc 5", "j'ai un appel en absence de Luc", "vous avez appelé ?", "solde", "mon solde", "mon solde est de 5 grains", "je vous rappelle", "je te répondrai plus tard", "merci pour votre message",
	"offre : dépannage de répondeur, 5 grains", "Votre message à Luc n'a pas été envoyé", "paie luc 5, recharge de téléphone", "oui, je suis au volant", "non, je suis en réunion",
	// In Dutch.
	"ik ben aan het rijden, betaal luc 5", "ik ben aan het rijden", "ik zit in de auto", "ik ben met vakantie tot maandag", "betaal luc 5 voor het bericht", "mijn bericht is niet afgeleverd", "gemiste oproep van luc, betaal hem 5",
	"ik heb een gemiste oproep", "saldo", "mijn saldo is 5 euro", "ik bel je later terug", "ja, ik zit achter het stuur", "nee ik ben afwezig", "je bericht aan Luc is niet verzonden", "bedankt voor uw bericht", "betaal luc 5 beltegoed",
	// In German.
	"ich fahre gerade, zahle luc 5", "ich fahre gerade", "ich bin im Urlaub bis Montag", "zahle luc 5 für die Nachricht", "meine Nachricht wurde nicht zugestellt", "Anruf verpasst, zahl luc 5", "ich melde mich später", "guthaben", "mein Guthaben beträgt 5 Euro",
	"ja, ich bin am Steuer", "nein, ich kann gerade nicht sprechen", "Ihre Nachricht an Luc wurde nicht gesendet", "danke für deine Nachricht", "Biete Mailbox einrichten, 5",
	// In Spanish.
	"estoy conduciendo, paga 5 a luc", "estoy conduciendo", "estoy de vacaciones hasta el lunes", "paga a luc 5 por la recarga", "mi mensaje no ha sido entregado", "llamada perdida de luc, págale 5", "te llamo luego", "saldo", "mi saldo es 5 euros",
	"sí, estoy al volante", "no puedo hablar", "tu mensaje a Luc no ha sido enviado", "gracias por tu mensaje",
	// In Italian.
	"sto guidando, paga 5 a luc", "sto guidando", "sono in ferie fino a lunedì", "paga luc 5 per la ricarica", "il mio messaggio non è stato consegnato", "chiamata persa da luc, pagagli 5", "ti richiamo dopo", "saldo", "il mio credito è di 5 euro",
	"sì, sono alla guida", "non posso parlare", "il tuo messaggio a Luc non è stato consegnato", "grazie per il messaggio",
	// What Crier says itself, sent back.
	"You have 23 acorns: the others owe you that much.", "Done, receipt K7QQ: you gave Maria Keller 5 acorns (jam). You now have 18 acorns. A mistake? Reply WRONG.", "Reply YES or NO.", "I am out of eggs until Monday",
}

func TestMachine(t *testing.T) {
	t.Parallel()
	machines := 0
	for sign, texts := range fromMachines {
		for _, text := range texts {
			machines++
			for _, text := range []string{text, strings.ToUpper(text), " " + strings.ReplaceAll(text, " ", "\n") + "\n"} {
				if got := machine(text); got != sign {
					t.Errorf("a machine's text is taken for %q, not for a %s: %q", got, sign, text)
				}
			}
			for _, first := range []string{"pay luc 5. ", "Luc: ", "yes ", "paie luc 5, "} {
				if got := machine(first + text); got != "" {
					t.Errorf("a text with a command before it is taken for a %s: %q", got, first+text)
				}
			}
			for _, more := range []string{" pay luc 5", ". Yes", " ?", ", betaal luc 5", "\nBALANCE"} {
				if got := machine(text + more); got != "" && !strings.Contains(text, ": ") && !strings.Contains(text, "]") {
					t.Errorf("a text with a command behind is taken for a %s: %q", got, text+more)
				}
			}
		}
	}
	for _, text := range fromPeople {
		if got := machine(text); got != "" {
			t.Errorf("a person's text is taken for a %s: %q", got, text)
		}
	}
	if machines < 60 || len(fromPeople) < 120 {
		t.Errorf("only %d texts of machines and %d of people", machines, len(fromPeople))
	}
}

// TestMachineHearsMembers goes through what members are known to write.
func TestMachineHearsMembers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../conversation/understand/testdata/*.jsonl")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var m struct{ Text string }
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			if why := machine(m.Text); why != "" {
				t.Errorf("a member's text is taken for a %s: %q", why, m.Text)
			}
		}
		if err := lines.Err(); err != nil {
			t.Error(err)
		}
		f.Close()
	}
}

func FuzzMachine(f *testing.F) {
	for sign, texts := range fromMachines {
		f.Add(texts[0], sign)
	}
	f.Fuzz(func(t *testing.T, text, more string) {
		switch machine(text) {
		case "", deliveryNotice, automaticReply, voicemailNotice, missedCall, balanceNotice:
		default:
			t.Errorf("%q has a sign that is none", text)
		}
		if got := machine(text + "?" + more); got != "" {
			t.Errorf("a question is taken for a %s: %q", got, text+"?"+more)
		}
	})
}
