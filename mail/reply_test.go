package mail

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestReplies(t *testing.T) {
	ours := "Pay Luc Martin 5 acorns for \"eggs\"? Reply YES or NO.\n\n> pay luc 5 for eggs\n-- \nRiverbank LETS"
	quoted := "> " + strings.ReplaceAll(ours, "\n", "\n> ")
	for name, test := range map[string]struct{ in, want string }{
		// What the person wrote stays.
		"a sentence with a colon is no attribution":          {"On Monday I wrote: pay luc 5", "On Monday I wrote: pay luc 5"},
		"a colon at the end of a line is none either":        {"On Monday 3 March 2026 I wrote:\npay luc 5", "On Monday 3 March 2026 I wrote:\npay luc 5"},
		"nor is one in Dutch":                                {"Op 3 maart 2026 schreef ik:\nbetaal luc 5", "Op 3 maart 2026 schreef ik:\nbetaal luc 5"},
		"nor is one in German":                               {"Am 3. März 2026 schrieb ich:\nzahle luc 5", "Am 3. März 2026 schrieb ich:\nzahle luc 5"},
		"nor is one in French":                               {"Le 3 mars 2026 j'ai écrit :\ndonne 5 à luc", "Le 3 mars 2026 j'ai écrit :\ndonne 5 à luc"},
		"a price between dashes is no signature":             {"offer guitar\n-- 5 --\nany day", "offer guitar\n-- 5 --\nany day"},
		"one header field is a sentence":                     {"De : Luc\nje donne 5", "De : Luc\nje donne 5"},
		"from and to without an address are a journey":       {"Lift offered\nFrom: Ghent\nTo: Liège\n3 acorns", "Lift offered\nFrom: Ghent\nTo: Liège\n3 acorns"},
		"a journey has a day too":                            {"Trajet\nDe : Gand\nÀ : Liège\nDate : samedi 7 mars 2026\n3 grains", "Trajet\nDe : Gand\nÀ : Liège\nDate : samedi 7 mars 2026\n3 grains"},
		"what somebody wrote on a day may be told":           {"pay luc 5\nLe 3 mars il a écrit :\nnon, 6", "pay luc 5\nLe 3 mars il a écrit :\nnon, 6"},
		"how something was sent may be told":                 {"betaal luc 5\nVerzonden met de post", "betaal luc 5\nVerzonden met de post"},
		"a date is no header":                                {"Date: Saturday\nSubject: plums\n3 acorns a kilo", "Date: Saturday\nSubject: plums\n3 acorns a kilo"},
		"a footer in the middle stays":                       {"Sent from my iPhone\nis what it says below", "Sent from my iPhone\nis what it says below"},
		"an advertisement keeps its number":                  {"Bread every Friday\n0470 12 34 56\nwww.bread.example", "Bread every Friday\n0470 12 34 56\nwww.bread.example"},
		"an advertisement of two lines too":                  {"Gitarrenstunden\nKlavier Unterricht\n030 123 45 67\nwww.klavier.example", "Gitarrenstunden\nKlavier Unterricht\n030 123 45 67\nwww.klavier.example"},
		"one line of contact stays":                          {"yes\n\nThanks\nLuc\n0470 12 34 56", "yes\n\nThanks\nLuc\n0470 12 34 56"},
		"a command below a name stays":                       {"Thanks\nLuc Martin\npay maria 5\n0470 12 34 56\nwww.luc.example", "Thanks\nLuc Martin\npay maria 5\n0470 12 34 56\nwww.luc.example"},
		"paragraphs keep one empty line":                     {"one\n\n\n\ntwo", "one\n\ntwo"},
		"that a message is confidential may be said":         {"yes\n\nThis message is confidential", "yes\n\nThis message is confidential"},
		"a list with dashes stays":                           {"offer:\n- eggs\n- jam", "offer:\n- eggs\n- jam"},
		"original message in a sentence stays":               {"Original message was wrong\npay luc 4", "Original message was wrong\npay luc 4"},
		"a second thought below quotes is theirs":            {quoted + "\nno\n\n> end\nyes", "no\nyes"},
		"a name that wrote stands above a quote only":        {"You wrote:\npay luc 5", "You wrote:\npay luc 5"},
		"a sentence about what an address wrote is one":      {"I saw what luc@luc.example wrote: it is wrong", "I saw what luc@luc.example wrote: it is wrong"},
		"an answer before a one-line quote":                  {"yes\n> Reply YES or NO", "yes"},
		"a line of ours is not the person's, nested or not":  {">> a\n> > b\n>c\n >d\nyes", "yes"},
		"nothing but a footer is nothing":                    {"\n\nSent from my iPhone\n\n" + quoted, ""},
		"nothing but a signature is nothing":                 {"\n-- \nLuc", ""},
		"nothing is nothing":                                 {" \n\n", ""},
		"a signature below bottom-posting":                   {quoted + "\n\nyes\n-- \nLuc", "yes"},
		"a signature above the quote":                        {"yes\n-- \nLuc\n\nOn Tue, 3 Mar 2026 at 10:12, River <river@example.org> wrote:\n" + quoted, "yes"},
		"two dashes without the space":                       {"yes\n--\nLuc", "yes"},
		"a rule alone at the end":                            {"yes\n\n________________________________", "yes"},
		"two footers":                                        {"yes\n\nSent from my iPhone\nSent from Yahoo Mail on Android", "yes"},
		"bold footers":                                       {"ja\n\n*Verzonden vanaf mijn Samsung*", "ja"},
		"an old iPad's":                                      {"oui\n\nEnvoyé de mon iPad", "oui"},
		"invisible characters":                               {"\u200eyes\ufeff\u00a0\n\u202a> quoted", "yes"},
		"emoji stay whole":                                   {"👩‍🌾 yes ❤️", "👩‍🌾 yes ❤️"},
		"lines that end in CR LF":                            {"yes\r\n\r\n> no\r\n", "yes"},
		"a quote that was broken":                            {"> Receipt K2MD: Maria gave you 12 acorns for the pruning. Reply YES or\nNO.\n", ""},
		"a quote that was broken, and an answer":             {"> Receipt K2MD: Maria gave you 12 acorns for the pruning. Reply YES or\nNO.\n\nyes", "yes"},
		"a contact block with a title":                       {"yes\n\nLuc Martin\nHoeve Martin - groenten\nDorpsstraat 12, 9000 Gent\n0470 12 34 56 - www.hoeve.example", "yes\n\nLuc Martin"},
		"a contact block below a sign-off":                   {"oui\n\nCordialement\nLuc Martin\n12 rue du Moulin\n4000 Liège\nTél. 04 123 45 67", "oui\n\nCordialement\nLuc Martin"},
		"a disclaimer below a rule":                          {"ja\n\n_____________\nDit bericht is vertrouwelijk en alleen bestemd voor de geadresseerde. Bent u dat niet, gooi het dan weg.", "ja"},
		"the forwarded letter":                               {"what is this?\n\n---------- Forwarded message ---------\nFrom: River <river@example.org>\n\n" + ours, "what is this?"},
		"a header whose fields are paragraphs":               {"oui\n\nDe : River <river@example.org>\n\nEnvoyé : mardi 3 mars 2026 10:12\n\nÀ : Luc\n\nObjet : Oeufs\n\n" + ours, "oui"},
		"bold headers":                                       {"ja\n\n*Von:* River <river@example.org>\n*Gesendet:* Dienstag, 3. März 2026 10:12\n*An:* Luc\n*Betreff:* Eier\n\n" + ours, "ja"},
		"an answer right below a line that no program broke": {"> " + strings.Repeat("a long story ", 12) + "\nyes\n> and so on", "yes"},
		"names of many recipients":                           {"yes\n\nFrom: River\nTo: Luc;\n Maria;\n Pat\nSubject: eggs\n\n" + ours, "yes"},
		"a full line right above an attribution":             {"I offer a bicycle, a pram and two chairs, all for fifteen acorns together\nOn 3 Mar 2026 at 10:12, River <river@example.org> wrote:\n" + ours, "I offer a bicycle, a pram and two chairs, all for fifteen acorns together"},
		"a day right above an attribution":                   {"On 3 March I will bring the eggs to you\nOn 3 Mar 2026 at 10:12, River <river@example.org> wrote:\n" + ours, "On 3 March I will bring the eggs to you"},
		"an attribution that begins with a name alone":       {"ja\n\nAnna-Maria Peeters\n<anna@example.org> schrieb am Di., 3. März\n2026, 10:12:\n\n" + ours, "ja"},
		"a colon alone":                                      {"Le 17 mai 2026 à 12:52, River <river@example.org> a écrit\n:\n" + quoted + "\n\noui", "oui"},
		"a name between dashes":                              {"non\n\n---- SEL du Moulin a écrit ----\n\n" + ours, "non"},
		"many recipients":                                    {"yes\n\nFrom: River <river@example.org>\nTo: Luc <luc@luc.example>;\n Maria <maria@maria.example>;\n Pat <pat@pat.example>\nSubject: eggs\n\n" + ours, "yes"},
		"the old dashes of Proton":                           {"yes\n\n‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Tuesday, March 3rd, 2026 at 10:12, River <river@example.org> wrote:\n\n" + quoted, "yes"},
		"an original message that is quoted, and an answer":  {"-----Original Message-----\n" + quoted + "\n\nyes", "yes"},
		"an attribution without year":                        {"yes\n\nOn Tue, Mar 3, 10:12 River <river@example.org> wrote:\n\n" + ours, "yes"},
		"an attribution without anything below":              {"yes\n\nOn Tue, Mar 3, 2026 at 10:12 AM River <river@example.org> wrote:", "yes"},
		"an attribution without address, unquoted":           {"sí\n\nEl 3/3/26 a las 10:12, Banco de Tiempo escribió:\n" + ours, "sí"},
		"an attribution over four lines":                     {"yes\n\nOn Tuesday, 3 March 2026 at 10:12:33 GMT+1,\nRiverbank Local Exchange and Trading System\n<river+c.0123456789abcdefghijklmnopqrstu@riverbank.example>\nwrote:\n\n" + ours, "yes"},
		"an attribution right below the answer":              {"ja\nRiver <river@example.org> schrieb am Di., 3. März 2026, 10:12:\n" + ours, "ja"},
		"a name alone above a quote":                         {"Riverbank LETS wrote:\n" + quoted + "\nno", "no"},
		"Portuguese":                                         {"sim\n\nEm ter., 3 de mar. de 2026 às 10:12, River <river@example.org> escreveu:\n\n" + ours, "sim"},
		"Catalan":                                            {"sí\n\nEl 3/3/26 a les 10:12, River va escriure:\n" + ours, "sí"},
		"Danish":                                             {"ja\n\nDen tirs. 3. mar. 2026 kl. 10.12 skrev River <river@example.org>:\n\n" + ours, "ja"},
		"Swedish":                                            {"ja\n\nFrån: River <river@example.org>\nSkickat: den 3 mars 2026 10:12\nTill: Luc\nÄmne: Ägg\n\n" + ours, "ja"},
		"Norwegian":                                          {"ja\n\nFra: River <river@example.org>\nSendt: tirsdag 3. mars 2026 10:12\nTil: Luc\nEmne: Egg\n\n" + ours, "ja"},
		"Finnish":                                            {"kyllä\n\nti 3. maalisk. 2026 klo 10.12 River (river@example.org) kirjoitti:\n\n" + ours, "kyllä"},
		"Polish":                                             {"tak\n\nwt., 3 mar 2026 o 10:12 River <river@example.org> napisał(a):\n\n" + ours, "tak"},
		"a language unknown":                                 {"да\n\nср, 4 мар. 2026 г. в 15:19, River <river@example.org>:\n\n" + ours, "да"},
		"a language unknown, without address":                {"igen\n\n2026.03.04. 7:31 keltezéssel, River írta:\n" + quoted, "igen"},
		"a line broken inside an address":                    {"ja\n\ntir. 3. mar. 2026 kl. 10:12 skrev River <river@example.org\n>:\n\n" + ours, "ja"},
		"lines broken early":                                 {"yes\n\nOn Nov 21, 2026,\nat 10:18,\nRiver <river@example.org> wrote:\n\n" + ours, "yes"},
		"no colon":                                           {"yes\n\nOn Wed, 4 Mar 2026 08:14:43 -0200 River <river@example.org> wrote\n\n" + ours, "yes"},
		"the original on the same line":                      {"oui\n\nLe mar. 3 mars 2026 à 10:12, River<river@example.org> a écrit :   " + ours, "oui"},
		"original message without dashes":                    {"yes\n\n  Original Message  \nFrom: River\nSent: Tuesday, 3 March 2026 10:12\nTo: Luc\nSubject: eggs\n\n" + ours, "yes"},
		"a long dash for a signature":                        {"yes\n\n—\nLuc Martin\nfarmer", "yes"},
		"a time with a colon is the person's":                {"Lift to Ghent\n4 March 2026 at 10:30:\n3 acorns", "Lift to Ghent\n4 March 2026 at 10:30:\n3 acorns"},
		"Zoho's dashes":                                      {"yes\n\n---- On Tue, 03 Mar 2026 10:12:33 +0100 River <river@example.org> wrote ---\n\n" + ours, "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reply(test.in); got != test.want {
				t.Errorf("%q gives %q, want %q", test.in, got, test.want)
			}
		})
	}
}

// inTime runs f and fails where that takes long: it takes a tenth of that, and
// minutes where the time grows with the square of the size.
func inTime(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestHugeAnswersTakeLinearTime(t *testing.T) {
	for name, text := range map[string]string{
		"quotes":           strings.Repeat(">", 1<<20),
		"quoted lines":     strings.Repeat("> >\n", 1<<18),
		"one line":         strings.Repeat("On 3 March <a@b.example> wrote: ", 1<<15),
		"one word":         strings.Repeat("a", 1<<20),
		"short lines":      strings.Repeat("yes\n", 200_000),
		"colons":           strings.Repeat("On 3:\n", 200_000),
		"fields":           strings.Repeat("From: a@b.example\n", 100_000),
		"fields and lines": strings.Repeat("To: x\n\n", 150_000),
		"empty lines":      strings.Repeat("You wrote:"+strings.Repeat("\n", 30), 50_000),
		"rules":            strings.Repeat("-----\n", 200_000),
		"footers":          strings.Repeat("Sent from my iPhone\n\n", 50_000),
		"contacts":         strings.Repeat("Luc Martin\n0470 12 34 56\nwww.luc.example\n", 25_000),
		"disclaimers":      strings.Repeat("This message is confidential and only for whom it is addressed to. Others must not read, copy or use it in any way.\n\n", 8_000),
		"full lines":       strings.Repeat(strings.Repeat("a ", 40)+"\n", 12_000),
	} {
		t.Run(name, func(t *testing.T) { inTime(t, func() { reply(text) }) })
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"yes\n\nOn Tue, 3 Mar 2026 at 10:12, River <river@example.org>\nwrote:\n> Reply YES or\nNO\n",
		"ja\n-- \nLuc\n\n-----Original Message-----\nFrom: a <a@b.example>\nSent: today\n\nno",
		"oui\n\nCordialement\nLuc Martin\n12 rue du Moulin\n4000 Liège\nTél. 04 123 45 67\n\nEnvoyé de mon iPhone",
		"3 Mar 2026, 10:12 by luc@luc.example:\n>\nok", "----- wrote --", ":", ">", "--\n", "\xff\u200d*_:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := reply(text)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if len(got) > len(text) {
			t.Errorf("%q is longer than %q", got, text)
		}
		if got != strings.TrimSpace(got) || strings.HasPrefix(got, ">") || strings.Contains(got, "\n>") {
			t.Errorf("%q has a quote, or blanks around it", got)
		}
	})
}
