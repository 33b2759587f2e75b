package sms

import (
	"regexp"
	"strings"
	"sync"

	"crier/conversation/understand"
)

// The signs by which machines' texts are recognised, for the log.
const (
	deliveryNotice  = "delivery notice"
	automaticReply  = "automatic reply"
	voicemailNotice = "voicemail notice"
	missedCall      = "missed call notice"
	balanceNotice   = "balance notice"
)

// machine says by what sign a text is recognised as a machine's, which nobody
// waits for an answer to. It returns "" for a person's, and in doubt: a text is
// a machine's only if all of it is made of what machines write. To answer one
// of them costs a text, to answer none of a person's their trust.
func machine(text string) string {
	if len(text) > machineMost || strings.ContainsAny(text, "?¿") {
		return ""
	}
	text = strings.Join(strings.Fields(unquoted.Replace(understand.Fold(text))), " ")
	for _, whole := range machines() {
		m := whole.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		said := map[string]bool{}
		for i, name := range whole.SubexpNames() {
			said[name] = said[name] || name != "" && m[i] != ""
		}
		switch {
		case said["delivery"]:
			return deliveryNotice
		case said["automatic"], said["lead"] && said["tail"]:
			return automaticReply
		case said["voicemail"]:
			return voicemailNotice
		case said["missed"]:
			return missedCall
		case said["balance"]:
			return balanceNotice
		}
	}
	return ""
}

// machineMost is how long machines' texts are, in bytes.
const machineMost = 1000

// unquoted leaves out quotation marks, and has one form of apostrophes and dashes.
var unquoted = strings.NewReplacer(`"`, "", "“", "", "”", "", "„", "", "«", "", "»", "", "’", "'", "‘", "'", "`", "'",
	"–", "-", "—", "-", "…", ".", "\u2011", "-")

// phrases are what machines write in one language, as regular expressions for
// folded text. What each of the first five lists has is a sign by itself; a lead
// and a tail are one together; what is around them may be anybody's.
type phrases struct {
	delivery, automatic, voicemail, missed, balance []string
	lead, tail, around                              []string
}

// machines has, for each language, the expression that a machine's whole text
// matches.
var machines = sync.OnceValue(func() []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, p := range []phrases{english, french, dutch, german, spanish, italian} {
		var kinds []string
		for _, kind := range []struct {
			name  string
			texts []string
		}{
			{"delivery", p.delivery},
			{"automatic", p.automatic},
			{"voicemail", p.voicemail},
			{"missed", p.missed},
			{"balance", p.balance},
			{"lead", p.lead},
			{"tail", p.tail},
			{"around", append(p.around, senders)},
		} {
			kinds = append(kinds, "(?P<"+kind.name+">"+strings.Join(kind.texts, "|")+")")
		}
		all = append(all, regexp.MustCompile(`(?s)^`+between+`*(?:(?:`+filled.Replace(strings.Join(kinds, "|"))+`)(?:`+between+`+|$))+$`))
	}
	return all
})

// between is what stands between phrases.
const between = `[\s.,;:!()\[\]*#/-]`

// senders are those that machines name before what they have to say.
const senders = `orange|sfr|bouygues(?: telecom)?|free(?: mobile)?|free ?msg|proximus|base|telenet|scarlet|kpn|odido|lebara|lycamobile|t-mobile|telekom|` +
	`vodafone|o2|ee|three|movistar|yoigo|tim|wind(?:tre)?|iliad|poste ?mobile|mtn|airtel|safaricom|sunrise|swisscom|salt|info(?: ?service)?|sms|` +
	`frm|mailer-daemon|notification|error|erreur|fehler|errore|network|service|voice ?mail|messagerie(?: vocale)?|repondeur|mailbox|segreteria|buzon de voz`

// filled fills the places that phrases of all languages have.
var filled = strings.NewReplacer(
	"{tel}", `[+(]?[0-9][0-9 ()./-]+[0-9]`, // a telephone number or short code: a member's number has one or two digits
	"{n}", `(?:[0-9]{1,3}|an?|one|two|three|une?|deux|trois|een|twee|drie|eine?n?|zwei|drei|una|uno|dos|tres|due|tre)`,
	"{money}", `(?:[0-9][0-9.,]* ?(?:eur|euros?|€|gbp|£|pounds?|usd|\$|chf|ksh|kes|zar|ngn|pln|cent)|(?:eur|€|gbp|£|usd|\$|chf|ksh|kes|r|n) ?[0-9][0-9.,]*)`,
	"{when}", `(?:[0-9][0-9.:/h-]*|`+days+`)(?:,? (?:[0-9][0-9.:/h-]*|`+days+`))*`,
	"{who}", `[^.;!]{2,60}`,
)

// days are the words of dates.
//
//nolint:misspell // it is no English
const days = `(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|` +
	`maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|` +
	`lunes|martes|miercoles|jueves|viernes|sabado|domingo|lunedi|martedi|mercoledi|giovedi|venerdi|sabato|domenica|` +
	`january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|` +
	`janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|` +
	`januari|februari|maart|mei|juni|juli|augustus|oktober|januar|februar|marz|dezember|` +
	`enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|` +
	`gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|` +
	`at|on|am|pm|a|le|om|op|um|uur|uhr|h|de|del|el|las|alle|ore|tomorrow|demain|morgen|manana|domani)`

var english = phrases{
	delivery: []string{
		`(?:your )?(?:text |sms )?(?:message|sms|text|msg) (?:sent )?to {tel}(?: (?:on|at|of) {when})? (?:could not be|cannot be|was not|has not been|has not) (?:delivered|sent)`,
		`(?:your )?(?:text |sms )?(?:message|sms|text|msg) (?:sent )?to {tel} (?:has )?failed`,
		`your (?:text |sms )?message(?: (?:of|from) {when})? (?:could not|cannot) be delivered(?: to (?:the recipient|{tel}))?`,
		`(?:message|sms|text|msg) (?:could not be|cannot be|was not|not) (?:delivered|sent) to {tel}`,
		`(?:sms|text message|message) delivery (?:failed|failure)(?: (?:to|for))?[: ]+{tel}`,
		`(?:sms|text message|message) (?:delivery failed|undeliverable)`,
		`(?:delivery failed|undelivered|undeliverable|delivery failure)(?: (?:to|for))?[: ]+{tel}`,
		`unable to (?:send|deliver) (?:your |the )?(?:message|sms)(?: to {tel})?[ :-]+(?:message blocking|service not active|invalid (?:number|destination)|number not in service)(?: is active)?`,
		`receiver {tel} unable to receive message`, `message blocking is active`,
		`invalid (?:number|destination)[ .-]+please re-?send using a valid .{0,30}number(?: or valid short code)?`,
		`the (?:number|subscriber|customer|person)(?: {tel})?(?: (?:that )?you (?:have |are )?(?:dialled|dialed|called|texted|calling|trying to reach))(?: {tel})? is (?:currently |temporarily )?(?:not in service|not available|unavailable|switched off|not reachable|unreachable)`,
		`(?:the )?(?:recipient|number|subscriber) {tel} is (?:currently |temporarily )?(?:not in service|not available|unavailable|invalid|unknown|barred|not reachable|unreachable)`,
		`(?:your )?message (?:to {tel} )?(?:has been |was )?(?:successfully )?delivered to {tel}`, `your message to {tel} (?:has been|was) (?:successfully )?delivered`,
		`delivery report(?: for)? {tel}`,
	},
	automatic: []string{
		`\[?(?:auto|automatic|automated)[ -]?(?:reply|response|answer)\]? ?[:\]-].*`,
		`this is an (?:auto|automatic|automated)[ -]?(?:reply|response|message|answer)`,
		`i'?(?: a)?m driving with (?:do not disturb(?: while driving)?|(?:the )?(?:driving )?focus) turned on`,
		`i(?:'ll| will) see your message when i get where i'?(?: a)?m going`,
		`if this is urgent,? reply urgent to send a notification through with your original message`,
	},
	voicemail: []string{
		`you have (?:received )?{n} (?:new |unheard |unread )?(?:voice ?mails?|voice ?mail messages?|voice ?messages?)(?: messages?)?(?: from {tel})?(?: (?:at|on) {when})?`,
		`you have (?:received )?{n} (?:new |unheard |unread )?messages? in your (?:voice ?mail(?: ?box)?|mailbox)`,
		`voice ?mail[: -]+you have (?:received )?{n} (?:new |unheard |unread )?messages?(?: from {tel})?(?: (?:at|on) {when})?`,
		`new voice ?mail(?: message)?(?: received)? from {tel}(?: (?:at|on) {when})?`,
	},
	missed: []string{
		`you (?:have|had)(?: received)? {n} (?:new )?missed calls?(?: from {tel})?(?: (?:at|on) {when})?`,
		`you (?:have )?missed {n} calls? from {tel}(?: (?:at|on) {when})?`,
		`missed calls?(?: alert| notification)?(?: from)?[: -]+{tel}(?: (?:at|on) {when}| {when})?`,
		`{tel} (?:tried to call you|called you|has tried to (?:call|reach) you)(?: {n} times?)?(?: (?:at|on) {when})?`,
	},
	balance: []string{
		`your (?:new |current |main |remaining |prepaid |account |airtime )*(?:balance|credit)(?: is(?: now)?| now is|:) {money}`,
		`you have (?:successfully )?(?:topped up|recharged)(?: your (?:account|card|number|phone))?(?: (?:with|by))? {money}`,
		`(?:your )?(?:top-?up|recharge) of {money} (?:was|has been|is) (?:successful|received|completed|credited)`,
		`{money} (?:has|have) been (?:added|credited) to your (?:account|balance|phone|number)`,
		`your (?:credit|airtime|prepaid balance) is (?:running )?low`,
	},
	lead: []string{
		`i'?(?: a)?m (?:currently |now |just )?driving(?: right now| at the moment| now| currently)?`,
		`(?:i'?(?: a)?m|we are) (?:currently |now )?(?:out of (?:the |my )?office|on (?:annual |sick |parental |maternity )?leave|on (?:holiday|vacation)|away(?: from my (?:desk|phone))?|in a meeting)(?: right now)?(?: (?:until|till|from|to|and (?:will )?return(?:ing)?(?: on)?|returning(?: on)?|back(?: on)?) {when})*`,
	},
	tail: []string{
		`(?:i(?:'ll| will)|will) (?:get back to you|get in touch(?: with you)?|reply(?: to (?:you|your message))?|respond(?: to (?:you|your message))?|call you(?: back)?|text you(?: back)?|contact you|answer your message)(?: (?:later|soon|shortly|as soon as (?:i can|possible|i am able)|(?:when|once|after) i(?:'ve| have|'m| am)? ?(?:arrive|arrived|stop|stopped|get there|parked|can|return|returned|am back|back|get back|able to)|on my return|upon my return))*`,
		`(?:i )?(?:can't|cannot|can not|am unable to|not able to) (?:reply|respond|text|talk|answer)(?: (?:to (?:you|your (?:message|text))|right now|at the moment|now))*`,
		`(?:i have |with )(?:limited|no) access to (?:my )?(?:e-?mails?|messages|phone)`,
		`(?:for urgent (?:matters|issues|cases|enquiries)|if (?:this|it) is urgent|in (?:urgent cases|an emergency)),? (?:please )?(?:call|contact|phone|ring) {who}`,
		`i'?(?: a)?m not receiving notifications`,
	},
	around: []string{
		`and`, `but`, `so`, `because`, `dear (?:customer|subscriber|sender)`, `hi`, `hello`, `sorry`, `thanks?(?: you)?(?: for (?:your|the) (?:message|text|sms|e-?mail|call|top-?up|recharge))?`,
		`(?:on|at) {when}`, `please (?:try|send it) again(?: later)?`, `(?:please )?check the number(?: and try again)?`, `service not active`, `(?:error|code|reason|msg) ?[0-9]*`,
		`(?:the )?(?:number|recipient|subscriber) (?:is )?(?:not in service|unknown|invalid|unavailable|not reachable|absent)`,
		`(?:to (?:listen|retrieve)(?: to)?(?: (?:it|them|your messages?))?,? )?(?:please )?(?:dial|call|press|ring) {tel}(?: (?:to (?:listen|retrieve)(?: to)?(?: (?:it|them|your messages?))?|to check(?: your balance)?|free of charge))?`,
		`(?:it is |it's )?(?:valid|good) (?:until|till|to) {when}`, `(?:it )?expires?(?: on)? {when}`, `(?:please )?(?:top up|recharge)(?: soon| now)?(?: to keep using your phone)?`,
		`best regards`, `kind regards`,
	},
}

//nolint:misspell // it is no English
var french = phrases{
	delivery: []string{
		`(?:votre|le) (?:message|sms|texto)(?: (?:envoye|adresse|destine))? (?:a|au|pour|vers)(?: (?:le )?(?:numero|destinataire|correspondant))? {tel}(?: du {when})? (?:n'a pas pu etre|n'a pu etre|n'a pas ete|ne peut (?:pas )?etre) (?:remis|envoye|delivre|transmis|distribue|achemine)`,
		`votre (?:message|sms)(?: du {when})? n'a (?:pas )?pu etre (?:remis|delivre|distribue|achemine|transmis)(?: (?:au|a son|a votre) (?:destinataire|correspondant))?`,
		`echec (?:de l'envoi|d'envoi|de la remise|de remise|de la livraison) (?:du|de votre|de) (?:message|sms)(?: (?:a|au|vers|pour)(?: le)?:? {tel})?`,
		`(?:message|sms) non (?:remis|distribue|delivre|envoye|transmis) (?:a|au|pour)(?: le)?:? {tel}`,
		`le (?:numero|correspondant)(?: que vous (?:demandez|avez compose)(?: {tel})?| {tel}) (?:n'est pas|n'est plus|est) (?:attribue|joignable|en service|injoignable|indisponible|disponible)`,
		`(?:votre )?(?:message|sms) (?:(?:a|a bien) ete )?(?:remis|delivre|distribue) (?:a|au)(?: (?:numero|destinataire))? {tel}`, `accuse de reception[ :]+{tel}`,
	},
	automatic: []string{
		`\[?(?:reponse|message) automatique(?: d'absence)?\]? ?[:\]-].*`, `(?:ceci est|il s'agit d)(?: une |'une | un |'un )(?:reponse|message) (?:automatique|d'absence)`,
		`je (?:conduis|suis au volant) (?:avec|et j'ai active) (?:l'option |le mode (?:de )?(?:concentration )?|la fonction )?(?:ne pas deranger(?: en voiture| au volant)?|conduite|en voiture)(?: activee?)?`,
		`je (?:verrai|lirai|consulterai) (?:votre|ton) message (?:a mon arrivee|des mon arrivee|quand (?:je serai arrivee?|j'arriverai)|lorsque (?:je serai arrivee?|j'arriverai)|une fois arrivee?)(?: a destination)?`,
		`(?:si c'est urgent|en cas d'urgence),? repondez urgent pour {who}`,
	},
	voicemail: []string{
		`vous avez (?:recu )?{n} (?:nouveaux? |nouvel )?messages? (?:vocal|vocaux|sur votre (?:repondeur|messagerie(?: vocale)?|boite vocale))(?: (?:de|du) {tel})?(?: (?:le|a) {when})?`,
		`(?:messagerie(?: vocale)?|repondeur)[ :,-]+vous avez (?:recu )?{n} (?:nouveaux? |nouvel )?messages?(?: (?:de|du) {tel})?(?: (?:le|a) {when})?`,
		`nouveau message vocal (?:de|du) {tel}(?: (?:le|a) {when})?`,
	},
	missed: []string{
		`vous avez (?:recu |eu |manque )?{n} appels?(?: en absence| manques?)(?: (?:de|du)(?: numero)? {tel})?(?: (?:le|a) {when})?`,
		`vous avez manque {n} appels? (?:de|du)(?: numero)? {tel}(?: (?:le|a) {when})?`,
		`appels? (?:manques?|en absence)(?: (?:de|du))?[: ]+{tel}(?: (?:le|a) {when}| {when})?`,
		`(?:le |votre correspondant |le correspondant |le numero )?{tel} (?:a (?:cherche|essaye|tente) (?:a|de) vous (?:joindre|appeler)|vous a appelee?(?: {n} fois)?)(?: (?:le|a) {when})?`,
	},
	balance: []string{
		`votre (?:nouveau )?(?:solde|credit)(?: (?:principal|restant|actuel|de communication|prepaye))?(?: est(?: desormais)?(?: de)?| s'eleve a| ?:) ?{money}`,
		`(?:votre |la )?recharge(?:ment)? de {money} (?:a (?:bien )?ete|est) (?:effectuee?|prise? en compte|validee?|reussie?|enregistree?|creditee?)`,
		`vous avez (?:bien )?recharge (?:votre (?:compte|carte|ligne) )?(?:(?:de|avec|pour) )?{money}`,
		`il vous reste {money} (?:de credit|de communication|sur votre compte|a utiliser)`,
	},
	lead: []string{
		`je (?:suis (?:actuellement |en ce moment |maintenant )?(?:au volant|en train de conduire|absente?(?: du bureau)?|en conges?|en vacances|en deplacement|hors du bureau|en reunion)|conduis(?: actuellement| en ce moment)?)(?: (?:jusqu'au|jusqu'a|jusque|du|au|de retour(?: le)?) {when})*`,
	},
	tail: []string{
		`je (?:vous|te) (?:repondrai|rappellerai|recontacterai|rappelle|reponds|recontacte|ecrirai)(?: (?:des que possible|plus tard|(?:des|a) mon retour|des que je (?:le )?(?:peux|pourrai)|(?:quand|lorsque) je serai (?:arrivee?|de retour)|bientot|ulterieurement))*`,
		`je (?:ne )?(?:peux|puis) pas (?:vous |te )?(?:repondre|parler|ecrire)(?: (?:pour le moment|maintenant|actuellement|en ce moment|pour l'instant))*`,
		`je (?:prendrai connaissance de|traiterai|lirai) votre message (?:des|a) mon retour`, `je ne recois pas (?:de |les )?notifications`,
		`(?:en cas d'urgence|si c'est urgent|pour toute urgence),? (?:veuillez |merci de |vous pouvez )?(?:contacter|appeler|joindre|contactez|appelez) {who}`,
	},
	around: []string{
		`et`, `mais`, `donc`, `car`, `bonjour`, `cher client`, `chere cliente`, `desolee?`, `merci(?: (?:pour|de) (?:votre|ton) (?:message|sms|appel|recharge))?`, `(?:le|a) {when}`,
		`(?:veuillez )?reessayez?(?: plus tard)?`, `(?:veuillez )?reessayer(?: plus tard)?`, `(?:veuillez )?verifiez? le numero`,
		`(?:pour (?:l'|le |les )?(?:ecouter|consulter)(?: vos messages)?,? )?(?:appelez|composez|faites)(?: le)? {tel}(?: pour (?:l'|le |les )?(?:ecouter|consulter)(?: vos messages)?)?`,
		`(?:il est |credit )?(?:valable|valide|utilisable) jusqu'au {when}`, `cordialement`, `(?:code|erreur) ?[0-9]*`,
	},
}

var dutch = phrases{
	delivery: []string{
		`(?:uw|je|het) (?:bericht|sms|sms-bericht|sms'je|tekstbericht) (?:aan|naar|voor) {tel}(?: van {when})? (?:kon niet|kan niet|is niet|werd niet|kon niet worden|kan niet worden) (?:worden )?(?:afgeleverd|verzonden|bezorgd|verstuurd)(?: worden)?`,
		`(?:uw|je) (?:bericht|sms|sms-bericht)(?: van {when})? (?:kon|kan) niet (?:worden )?(?:afgeleverd|bezorgd)(?: worden)?`,
		`(?:bericht|sms) (?:aan|naar) {tel} (?:niet (?:afgeleverd|verzonden|bezorgd)|is mislukt|mislukt)`,
		`(?:het )?(?:verzenden|versturen|bezorgen|afleveren) van (?:uw|je|het) (?:bericht|sms)(?: (?:aan|naar) {tel})? is mislukt`,
		`(?:bericht )?niet (?:afgeleverd|bezorgd)(?: (?:aan|bij))?[: ]+{tel}`,
		`het (?:door u )?(?:gekozen|gebelde|gevormde) nummer(?: {tel})? is (?:momenteel )?niet (?:in gebruik|bereikbaar|aangesloten|toegekend)`,
		`(?:uw |je )?(?:bericht|sms) (?:is )?(?:afgeleverd|bezorgd) (?:aan|bij|op) {tel}`, `(?:uw|je) (?:bericht|sms) aan {tel} is (?:afgeleverd|bezorgd)`,
	},
	automatic: []string{
		`\[?(?:automatische? (?:antwoord|bericht|reactie|afwezigheidsbericht)|afwezigheidsbericht)\]? ?[:\]-].*`,
		`dit is een automatische? (?:antwoord|bericht|reactie|gegenereerd bericht)`,
		`ik (?:ben aan het (?:auto)?rijden|rijd(?: auto)?|zit achter het stuur) (?:met|en heb) '?(?:niet storen(?: tijdens (?:het )?(?:auto)?rijden)?|(?:de )?(?:rij)?focus(?: rijden)?)'? (?:ingeschakeld|aan|aanstaan|aangezet)`,
		`ik (?:zie|lees|bekijk) (?:je|uw) bericht (?:zodra|als|wanneer) ik (?:op mijn bestemming ben(?: aangekomen)?|aangekomen ben|ben aangekomen|er ben)`,
	},
	voicemail: []string{
		`(?:u|je) (?:hebt|heeft) {n} (?:nieuwe? )?(?:voicemails?|voicemail-?bericht(?:en)?(?:\(en\))?|ingesproken bericht(?:en)?|bericht(?:en)? (?:op|in) (?:uw|je) voicemail)(?: van {tel})?(?: (?:om|op) {when})?`,
		`voice ?mail[ :,-]+(?:u|je) (?:hebt|heeft) {n} (?:nieuwe? )?bericht(?:en)?`, `nieuwe? voicemail(?:bericht)? van {tel}(?: (?:om|op) {when})?`,
	},
	missed: []string{
		`(?:u|je) (?:hebt|heeft) {n} (?:gemiste? oproep(?:en)?|oproep(?:en)? gemist)(?: van {tel})?(?: (?:om|op) {when})?`,
		`(?:u|je) (?:hebt|heeft) {n} oproep(?:en)? van {tel} gemist(?: (?:om|op) {when})?`, `gemiste oproep(?:en)?(?: van)?[: ]+{tel}(?: (?:om|op) {when}| {when})?`,
		`{tel} heeft (?:(?:om|op) {when} )?(?:u|je) (?:(?:om|op) {when} )?(?:gebeld|geprobeerd te (?:bellen|bereiken)|proberen te (?:bellen|bereiken))(?: (?:om|op) {when})?`,
	},
	balance: []string{
		`(?:uw|je) (?:nieuwe |huidige |resterende )?(?:saldo|beltegoed|tegoed|belkrediet|krediet)(?: is| bedraagt|:)(?: nu)? {money}`,
		`(?:u|je) (?:hebt|heeft) (?:uw|je) (?:kaart|rekening|beltegoed|nummer|simkaart) (?:opgewaardeerd|herladen) met {money}`, `(?:u|je) (?:hebt|heeft) {money} (?:opgewaardeerd|herladen)`,
		`(?:u|je) (?:hebt|heeft) (?:opgewaardeerd|herladen) met {money}`, `(?:uw |je |de )?(?:opwaardering|herlading) van {money} (?:is )?(?:gelukt|geslaagd|ontvangen|uitgevoerd|verwerkt)`,
	},
	lead: []string{
		`ik (?:ben (?:momenteel |nu |op dit moment |even )?(?:aan het (?:auto)?rijden|afwezig|met (?:vakantie|verlof)|op (?:vakantie|reis)|niet (?:op kantoor|bereikbaar)|in (?:een )?vergadering)|zit (?:nu |momenteel )?(?:achter het stuur|in de auto)|rijd (?:nu|momenteel)(?: auto)?)(?: (?:tot(?: en met)?|van|t/m|terug(?: op)?|vanaf) {when})*`,
	},
	tail: []string{
		`ik (?:bel|antwoord|reageer|beantwoord|contacteer|app|sms)(?: (?:je|u|uw bericht|je bericht|op (?:je|uw) bericht))?(?: (?:terug|later|straks|zo (?:snel|spoedig) mogelijk|zodra (?:ik kan|mogelijk|ik terug ben|ik weer kan|ik aangekomen ben)|na mijn (?:vakantie|verlof|terugkeer)|bij (?:mijn )?terugkomst))+`,
		`ik neem (?:later |zo (?:snel|spoedig) mogelijk |bij terugkomst )?contact (?:met (?:je|u) )?op(?: (?:later|zodra ik kan|zo (?:snel|spoedig) mogelijk))?`,
		`(?:ik )?(?:kan|ik) (?:nu |momenteel |op dit moment |even )?niet (?:antwoorden|praten|reageren|opnemen|bellen)`,
		`(?:in dringende gevallen|voor dringende (?:zaken|vragen)|bij spoed|als het dringend is),? (?:kunt u |kan je |kun je |gelieve |mag je |bel |contacteer |neem contact op met ){who}`,
		`ik heb (?:beperkt |geen )toegang tot mijn (?:e-?mail|mail|berichten)`,
	},
	around: []string{
		`en`, `maar`, `dus`, `want`, `hallo`, `dag`, `goedendag`, `beste (?:klant|afzender)`, `geachte klant`, `sorry`, `bedankt(?: voor (?:uw|je) (?:bericht|oproep|herlading|opwaardering))?`, `(?:om|op) {when}`,
		`probeer (?:het )?(?:later )?(?:opnieuw|nog eens)(?: later)?`, `controleer het nummer`,
		`(?:bel|kies|toets|vorm)(?: (?:naar|gratis))? {tel}(?: om (?:(?:uw|je|het|deze|ze) )?(?:bericht(?:en)? )?(?:te beluisteren|af te luisteren|te horen))?`,
		`(?:het is )?geldig tot(?: en met)? {when}`, `met vriendelijke groeten?`, `mvg`,
	},
}

//nolint:misspell // it is no English
var german = phrases{
	delivery: []string{
		`(?:ihre|deine|die) (?:nachricht|sms|kurznachricht|textnachricht) an (?:die (?:ruf)?nummer )?{tel}(?: vom {when})? (?:konnte nicht|wurde nicht|kann nicht) (?:zugestellt|gesendet|ue?bermittelt|versendet)(?: werden)?`,
		`(?:ihre|deine) (?:nachricht|sms|kurznachricht)(?: vom {when})? konnte (?:leider )?nicht (?:zugestellt|ue?bermittelt) werden`,
		`(?:nachricht|sms) an {tel} (?:nicht zugestellt|fehlgeschlagen|konnte nicht zugestellt werden)`,
		`(?:die )?zustellung (?:der|ihrer|deiner) (?:nachricht|sms)(?: an {tel})? (?:ist )?(?:fehlgeschlagen|nicht moe?glich)`, `(?:nachricht )?nicht zugestellt(?: an)?[: ]+{tel}`,
		`der (?:gewue?nschte|angerufene) (?:gesprae?chspartner|teilnehmer)(?: {tel})? ist (?:zur ?zeit |derzeit |vorue?bergehend )?nicht erreichbar`,
		`die (?:gewae?hlte (?:ruf)?nummer(?: {tel})?|(?:ruf)?nummer {tel}) ist (?:nicht vergeben|nicht bekannt|ungue?ltig|nicht erreichbar)`,
		`(?:ihre |deine )?(?:nachricht|sms) (?:wurde )?an {tel} (?:wurde )?(?:erfolgreich )?zugestellt`,
	},
	automatic: []string{
		`\[?(?:automatische (?:antwort|nachricht|abwesenheitsnotiz)|abwesenheits(?:notiz|nachricht|meldung))\]? ?[:\]-].*`, `(?:dies|das) ist eine automatische (?:antwort|nachricht)`,
		`(?:ich )?habe (?:den (?:fokus|modus) |die funktion )?'?(?:beim fahren nicht stoe?ren|nicht stoe?ren(?: beim fahren)?|fahren)'? (?:aktiviert|eingeschaltet)`,
		`ich (?:sehe|lese)(?: mir)? (?:deine|ihre) nachricht(?: an)?,? (?:wenn|sobald) ich (?:angekommen|am ziel) bin`,
	},
	voicemail: []string{
		`(?:sie haben|du hast) {n} (?:neue )?(?:(?:nachricht|sprachnachricht)(?:en)? (?:auf|in) (?:ihrer|deiner|der) (?:mailbox|sprachbox|voicemail)|mailbox-?nachricht(?:en)?|sprachnachricht(?:en)?|voicemails?)(?: von {tel})?(?: (?:am|um|vom) {when})?`,
		`(?:mailbox|sprachbox|voice ?mail)[ :,-]+(?:sie haben|du hast) {n} (?:neue )?nachricht(?:en)?(?: von {tel})?`, `neue (?:sprach|mailbox-?)nachricht von {tel}(?: (?:am|um|vom) {when})?`,
	},
	missed: []string{
		`(?:sie haben|du hast) {n} anrufe?(?: von {tel})? (?:verpasst|in abwesenheit)(?: (?:am|um) {when})?`, `(?:sie haben|du hast) {n} verpasste[rn]? anrufe?(?: von {tel})?(?: (?:am|um) {when})?`,
		`(?:verpasste[r]? anrufe?|anruf in abwesenheit)(?: von)?[: ]+{tel}(?: (?:am|um) {when}| {when})?`,
		`(?:der (?:teilnehmer|anrufer) |die (?:ruf)?nummer )?{tel} hat (?:(?:am|um) {when} )?(?:versucht,? (?:sie|dich) (?:(?:am|um) {when} )?(?:zu erreichen|anzurufen)|(?:sie|dich) (?:(?:am|um) {when} )?(?:angerufen|zu erreichen versucht))(?: (?:am|um) {when})?`,
	},
	balance: []string{
		`(?:ihr|dein) (?:aktuelles |neues |verbleibendes )?(?:prepaid-?)?guthaben(?: betrae?gt| ist|:)(?: jetzt| nun| aktuell| noch)? {money}`,
		`(?:ihre |deine |die )?aufladung (?:ue?ber|von|in hoe?he von) {money} (?:war erfolgreich|ist erfolgt|wurde (?:erfolgreich )?(?:durchgefue?hrt|gutgeschrieben|gebucht))`,
		`(?:ihr|dein) (?:prepaid-?)?(?:konto|guthaben) wurde (?:mit|um) {money} aufgeladen`,
	},
	lead: []string{
		`ich (?:fahre (?:gerade|momentan|zurzeit)(?: auto)?|sitze (?:gerade )?am steuer|bin (?:gerade |derzeit |momentan |zurzeit |zur zeit |aktuell |(?:bis(?: zum| einschliesslich)?|ab|am|vom) {when} )*(?:mit dem auto unterwegs|am steuer|am fahren|nicht (?:im (?:bue?ro|hause|dienst)|erreichbar)|abwesend|i[mn] urlaub|ausser haus|in einer besprechung))(?: (?:bis(?: zum| einschliesslich)?|vom|ab|am|und ab) {when})*`,
	},
	tail: []string{
		`(?:ich )?(?:melde mich|antworte(?: ihnen| dir)?|rufe (?:dich|sie|spae?ter)|schreibe (?:dir|ihnen))(?: (?:zurue?ck|spae?ter|so ?bald (?:wie )?moe?glich|schnellstmoe?glich|so schnell wie moe?glich|sobald ich (?:kann|angekommen bin|zurue?ck bin|wieder da bin)|nach meiner rue?ckkehr|bei (?:dir|ihnen)|umgehend))+`,
		`(?:ich )?kann (?:gerade|jetzt|im moment|momentan|derzeit) nicht (?:antworten|sprechen|telefonieren|reden|ans telefon(?: gehen)?)`,
		`in dringenden (?:fae?llen|angelegenheiten) (?:wenden sie sich|kontaktieren sie|rufen sie|erreichen sie)(?: bitte)?(?: an)? {who}`, `(?:ihre|deine) nachricht(?:en)? (?:wird|werden) nicht weitergeleitet`,
	},
	around: []string{
		`und`, `aber`, `daher`, `guten tag`, `hallo`, `(?:sehr geehrte[r]? )?(?:kunde|kundin)`, `lieber kunde`, `entschuldigung`, `(?:vielen )?dank(?:e)?(?: fue?r (?:ihre|deine) (?:nachricht|aufladung|sms))?`, `(?:am|um|vom) {when}`,
		`bitte (?:versuchen sie es|versuche es) (?:spae?ter )?(?:erneut|noch einmal|nochmal)(?: spae?ter)?`, `bitte (?:prue?fen sie|ue?berprue?fen sie) die (?:ruf)?nummer`,
		`(?:zum abhoe?ren )?(?:bitte )?(?:rufen sie|wae?hlen sie|ruf|wae?hle)(?: bitte)?(?: die)? {tel}(?: an| zum abhoe?ren)*`, `(?:zum )?abhoe?ren (?:mit|unter|ue?ber)(?: der)? {tel}`,
		`(?:es ist |guthaben )?gue?ltig bis(?: zum)? {when}`, `mit freundlichen grue?sse?n`, `mfg`,
	},
}

//nolint:misspell // it is no English
var spanish = phrases{
	delivery: []string{
		`(?:su|tu|el) (?:mensaje|sms)(?: enviado)? (?:a|al|para)(?: el)?(?: numero)? {tel}(?: del {when})? no (?:ha podido ser|pudo ser|se ha podido|ha sido|se pudo|fue) (?:entregado|enviado|entregar|enviar)`,
		`(?:su|tu) (?:mensaje|sms) no (?:ha podido|pudo) (?:ser entregado|entregarse)(?: al destinatario)?`, `no se (?:ha podido|pudo) entregar (?:el|su|tu) (?:mensaje|sms)(?: (?:a|al)(?: numero)? {tel})?`,
		`(?:error|fallo) (?:al enviar|en el envio|de envio|en la entrega) (?:de |del )?(?:el |su |tu )?(?:mensaje|sms) (?:a|al|para) {tel}`, `(?:mensaje|sms) no (?:entregado|enviado) (?:a|al)(?: numero)?:? {tel}`,
		`el (?:numero|abonado|telefono)(?: {tel}| (?:marcado|al que llama)(?: {tel})?) (?:no existe|no esta disponible|esta apagado(?: o fuera de cobertura)?|se encuentra apagado(?: o fuera de cobertura)?|no se encuentra disponible)`,
		`(?:su |tu )?(?:mensaje|sms) (?:ha sido |fue )?entregado (?:a|al)(?: numero)? {tel}`,
	},
	automatic: []string{
		`\[?(?:respuesta|mensaje) automatic[ao]\]? ?[:\]-].*`, `(?:esta es una|este es un|esto es una|esto es un) (?:respuesta|mensaje) automatic[ao]`,
		`(?:estoy (?:conduciendo|al volante) )?(?:tengo activad[ao]|con) (?:la funcion |el modo (?:de concentracion )?)?(?:no molestar(?: al (?:conducir|volante))?|conduccion)(?: activad[ao])?`,
		`vere (?:tu|su) mensaje (?:cuando|en cuanto) llegue(?: a mi destino)?`,
	},
	voicemail: []string{
		`(?:usted )?(?:tiene|tienes) {n} (?:nuevos? )?mensajes?(?: nuevos?)? (?:de voz|en (?:su|tu|el) (?:buzon(?: de voz)?|contestador))(?: nuevos?)?(?: (?:de|del) {tel})?`,
		`buzon(?: de voz)?[ :,-]+(?:tiene|tienes) {n} (?:nuevos? )?mensajes?(?: nuevos?)?`, `nuevo mensaje de voz (?:de|del) {tel}`,
	},
	missed: []string{
		`(?:usted )?(?:tiene|tienes|has recibido|ha recibido) {n} llamadas? (?:perdidas?|no atendidas?)(?: (?:de|del)(?: numero)? {tel})?(?: (?:el|a las) {when})?`,
		`llamadas? (?:perdidas?|no atendidas?)(?: (?:de|del))?[: ]+{tel}(?: (?:el|a las) {when}| {when})?`,
		`(?:el (?:numero )?)?{tel} (?:le|te|lo) (?:ha llamado|llamo|ha intentado llamar)(?: {n} (?:vez|veces))?(?: (?:el|a las) {when})?`,
	},
	balance: []string{
		`(?:su|tu) (?:nuevo )?saldo(?: (?:actual|disponible|principal))?(?: es(?: de)?| ?:) ?{money}`,
		`(?:su |tu |la )?recarga de {money} (?:se ha realizado|ha sido realizada|se ha efectuado|se realizo|ha sido)(?: con exito| correctamente)?`, `(?:has|ha) recargado(?: (?:su|tu) (?:linea|tarjeta) con)? {money}`,
	},
	lead: []string{
		`(?:ahora |actualmente )?estoy (?:ahora |actualmente |en este momento )?(?:conduciendo|al volante|manejando|fuera de la oficina|de vacaciones|ausente|de viaje|reunid[oa]|en una reunion|de baja)(?: ahora| en este momento)?(?: (?:hasta(?: el)?|del|desde el|al) {when})*`,
		`no (?:estoy|estare) (?:en la oficina|disponible)(?: (?:hasta(?: el)?|del|al) {when})*`,
	},
	tail: []string{
		`(?:le|te|les|os) (?:respondere|contestare|llamare|llamo|respondo|contesto|contactare|escribire)(?: (?:mas tarde|luego|en cuanto (?:pueda|regrese|vuelva|llegue)|cuando (?:pueda|llegue|regrese|vuelva)|a mi (?:regreso|vuelta)|lo antes posible|pronto))*`,
		`respondere(?: a (?:su|tu) mensaje)? (?:a mi (?:regreso|vuelta)|en cuanto pueda|lo antes posible)`,
		`(?:ahora |en este momento )?no puedo (?:responder(?:te|le)?|contestar(?:te|le)?|hablar|atender(?:te|le)?)(?: (?:ahora(?: mismo)?|en este momento|(?:tu|su|a su|a tu) mensaje))*`,
		`(?:para asuntos urgentes|en caso de urgencia|si es urgente),? (?:por favor,? )?(?:contacte|llame|contacta|llama|pongase en contacto)(?: con| a| al)? {who}`,
	},
	around: []string{
		`y`, `pero`, `porque`, `hola`, `buenos dias`, `estimad[oa] cliente`, `lo siento`, `gracias(?: por (?:su|tu) (?:mensaje|sms|recarga|llamada))?`, `(?:el|a las) {when}`,
		`(?:por favor,? )?(?:intentelo|intentalo|pruebe) (?:de nuevo|mas tarde|de nuevo mas tarde)`, `(?:compruebe|verifique) el numero`,
		`(?:para (?:escucharlos?|oirlos?),? )?(?:marque|marca|llame|llama)(?: al)? {tel}(?: para (?:escucharlos?|oirlos?|escuchar (?:el|los|sus|tus) mensajes?))?`,
		`(?:es )?valido hasta(?: el)? {when}`, `un saludo`, `saludos`,
	},
}

//nolint:misspell // it is no English
var italian = phrases{
	delivery: []string{
		`(?:il )?(?:suo |tuo )?(?:messaggio|sms)(?: inviato| diretto)? (?:a|al|per)(?: il)?(?: numero)? {tel}(?: del {when})? non (?:e'? stato|puo'? essere) (?:consegnato|inviato|recapitato)`,
		`(?:il )?(?:suo|tuo) (?:messaggio|sms) non (?:e'? stato|puo'? essere) (?:consegnato|recapitato)`,
		`non e'? stato possibile (?:consegnare|inviare|recapitare) il (?:suo |tuo )?(?:messaggio|sms)(?: (?:a|al)(?: numero)? {tel})?`, `(?:messaggio|sms) non (?:consegnato|recapitato|inviato) (?:a|al)(?: numero)?:? {tel}`,
		`invio (?:del )?(?:messaggio|sms) (?:a|al) {tel} (?:fallito|non riuscito)`,
		`(?:il cliente|l'utente|il numero)(?: (?:da lei )?(?:chiamato|selezionato|composto)(?: {tel})?| {tel}) (?:non e'? (?:al momento )?(?:raggiungibile|attivo|disponibile)|(?:al momento )?non e'? (?:raggiungibile|attivo|disponibile)|e'? inesistente)`,
		`(?:messaggio|sms) (?:e'? stato )?consegnato (?:a|al)(?: numero)? {tel}`,
	},
	automatic: []string{
		`\[?(?:risposta|messaggio) automatic[ao]\]? ?[:\]-].*`, `(?:questa e'? una|questo e'? un) (?:risposta|messaggio) automatic[ao]`,
		`(?:sto guidando|sono alla guida) (?:con|e ho attivato) (?:la funzione |la modalita'? |l'opzione )?(?:non disturbare(?: alla guida)?|guida|full immersion guida)(?: attivat?[ao]| attiva)?`,
		`(?:vedro'?|leggero'?) il tuo messaggio (?:quando|appena) (?:arrivo|arrivero'?|saro'? arrivat[oa])(?: a destinazione)?`,
	},
	voicemail: []string{
		`(?:hai|ha|avete) (?:ricevuto )?{n} (?:nuov[oi] )?messaggi[o]?(?: vocal[ei]| (?:in|nella)(?: tua| sua)? segreteria(?: telefonica)?)(?: (?:da|dal) {tel})?`,
		`segreteria(?: telefonica)?[ :,-]+(?:hai|ha) (?:ricevuto )?{n} (?:nuov[oi] )?messaggi[o]?`, `nuovo messaggio (?:vocale|in segreteria) (?:da|dal) {tel}`,
	},
	missed: []string{
		`(?:hai|ha) (?:perso|ricevuto) {n} chiamat[ae](?: pers[ae]| senza risposta)?(?: (?:da|dal)(?: numero)?) {tel}(?: (?:il|alle(?: ore)?) {when})?`, `(?:hai|ha) {n} chiamat[ae] pers[ae](?: (?:da|dal)(?: numero)? {tel})?(?: (?:il|alle(?: ore)?) {when})?`,
		`(?:{n} )?chiamat[ae] pers[ae](?: (?:da|dal))?[: ]+{tel}(?: (?:il|alle(?: ore)?) {when}| {when})?`,
		`(?:il (?:numero )?)?{tel} (?:ti |la |l')ha (?:cercato|cercata|chiamato|chiamata)(?: {n} volt[ae])?(?: (?:il|alle(?: ore)?) {when})?`,
	},
	balance: []string{
		`(?:il )?(?:tuo|suo) credito(?: residuo| attuale)?(?: e'?(?: di)?| ammonta a|:) {money}`,
		`(?:la )?(?:tua |sua )?ricarica di {money} (?:e'? (?:stata (?:effettuata|accreditata|eseguita)|andata a buon fine|avvenuta)|effettuata)(?: con successo)?`, `hai ricaricato(?: la tua sim con)? {money}`,
	},
	lead: []string{
		`(?:sto (?:attualmente |ora )?guidando|sono (?:attualmente |ora |al momento |adesso )?(?:alla guida|fuori (?:ufficio|sede)|fuori dall'ufficio|in ferie|in vacanza|assente|in riunione))(?: (?:fino al|dal|al|fino a) {when})*`,
	},
	tail: []string{
		`(?:ti|la|vi|le) (?:richiamo|rispondo|richiamero'?|rispondero'?|ricontattero'?|contattero'?|chiamero'?|chiamo|scrivo)(?: (?:appena (?:possibile|posso|arrivo)|piu'? tardi|dopo|al (?:mio )?(?:rientro|ritorno)|il prima possibile|presto|quando (?:arrivo|posso)))*`,
		`rispondero'?(?: al (?:tuo|suo) messaggio)? (?:al (?:mio )?(?:rientro|ritorno)|appena (?:possibile|posso)|il prima possibile)`,
		`(?:ora |adesso |al momento )?non posso (?:rispondere|parlare|risponderti|scrivere)(?: (?:ora|adesso|al momento|in questo momento))*`,
		`(?:per (?:urgenze|questioni urgenti)|in caso di urgenza|se e'? urgente),? (?:si prega di |prego |puoi |puo'? )?(?:contattare|chiamare|contatta|chiama|contatti|chiami) {who}`,
	},
	around: []string{
		`e`, `ma`, `quindi`, `ciao`, `salve`, `buongiorno`, `gentile cliente`, `mi dispiace`, `grazie(?: per (?:il (?:tuo|suo) messaggio|la ricarica|averci scritto))?`, `(?:il|alle(?: ore)?) {when}`,
		`(?:riprova|riprovi|si prega di riprovare)(?: piu'? tardi)?`, `verifica(?:re)? il numero`,
		`(?:per ascoltarl[oi],? )?(?:chiama|chiami|componi|digita)(?: gratis)?(?: il(?: numero)?)? {tel}(?: per ascoltarl[oi])?`, `valid[oa] fino al {when}`, `cordiali saluti`,
	},
}
