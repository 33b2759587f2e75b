package main

import (
	"os"
	"path/filepath"
	"testing"

	"crier/bots/phone/phonetest"
)

// trade is a morning of trading between two phones of the demo: a payment, a
// request with its yes from the other phone, an offer and a search; and a payment
// with a button on a third.
type trade struct {
	pay, confirm, yes, paid, received   string
	charge, asks, settled               string
	offer, up, search, found, one, tell string
	tap, button, tapped                 string
}

var trades = map[string]trade{
	"en": {
		pay: "pay luc 5 for eggs", confirm: `Pay Luc Martin 5 acorns for "eggs"\?`, yes: "yes",
		paid: `you gave Luc Martin 5 acorns \(eggs\)\. You now have 18`, received: `Maria Keller gave you 5 acorns for "eggs"\. You now have 42`,
		charge: "Maria owes me 3 acorns for jam", asks: `Luc Martin asks you for 3 acorns for "jam"`, settled: `Maria Keller paid you 3 acorns \(jam\)\. You now have 45`,
		offer: "offer guitar lessons for beginners, 4 an hour", up: `Offer 41 is up: "guitar lessons for beginners", 4 acorns an hour`,
		search: "find guitar", found: `Offer 41: guitar lessons`, one: "1", tell: `\(Luc Martin\)\. E-mail`,
		tap: "pay maria 2 for bread", button: "Yes", tapped: `you gave Maria Keller 2 acorns`,
	},
	"fr": {
		pay: "payer luc 5 pour les oeufs", confirm: `Luc Martin`, yes: "oui",
		paid: `5 glands .*Luc Martin.*18`, received: `Maria Keller.* 5 glands.*42`,
		charge: "Maria me doit 3 glands pour la confiture", asks: `Luc Martin.* 3 glands.*confiture`, settled: `Maria Keller.* 3 glands.*45`,
		offer: "offre cours de guitare, 4 de l'heure", up: `41.*cours de guitare.*4 glands de l'heure`,
		search: "trouver guitare", found: `41.*cours de guitare`, one: "1", tell: `\(Luc Martin\)\. E-mail`,
		tap: "payer maria 2 pour le pain", button: "Oui", tapped: `2 glands.*Maria Keller`,
	},
	"nl": {
		pay: "betaal luc 5 voor eieren", confirm: `Luc Martin`, yes: "ja",
		paid: `5 eikels aan Luc Martin.*18`, received: `Maria Keller.* 5 eikels.*42`,
		charge: "Maria moet mij 3 eikels voor confituur", asks: `Luc Martin.* 3 eikels.*confituur`, settled: `Maria Keller.* 3 eikels.*45`,
		offer: "aanbod gitaarlessen, 4 per uur", up: `41.*gitaarlessen.*4 eikels per uur`,
		search: "zoek gitaarlessen", found: `41.*gitaarlessen`, one: "1", tell: `\(Luc Martin\)\. E-mail`,
		tap: "betaal maria 2 voor brood", button: "Ja", tapped: `2 eikels aan Maria Keller`,
	},
}

// TestDemoInABrowser trades on two phones of the demo's page, in a real browser
// and in each language. CRIER_SCREENSHOTS names a folder to keep pictures in.
func TestDemoInABrowser(t *testing.T) {
	for locale, say := range trades {
		t.Run(locale, func(t *testing.T) {
			out, _, _ := start(t, environment(), "demo", "--listen", "127.0.0.1:0", "--locale", locale)
			page := phonetest.Open(t, pageURL.FindString(out.line(t, "Ctrl-C")))
			const maria, luc = "Maria", "Luc"

			page.Say(maria, say.pay)
			page.WaitFor(maria, say.confirm)
			page.Say(maria, say.yes)
			page.WaitFor(maria, say.paid)
			page.WaitFor(luc, say.received)

			page.Until("what Luc gets is a mail", `document.querySelector(".email .opened .source").textContent.includes("multipart/alternative")`)
			page.Say(luc, say.charge) // on top of the receipt
			page.WaitFor(maria, say.asks)
			page.Say(maria, say.yes)
			page.WaitFor(luc, say.settled)

			page.Eval(`document.querySelector(".email .opened .head").click()`, nil) // he begins a new mail
			page.Say(luc, say.offer)
			page.WaitFor(luc, say.up)
			page.Say(maria, say.search)
			page.WaitFor(maria, say.found)
			page.Say(maria, say.one)
			page.WaitFor(maria, say.tell)

			page.Say("Thandi", say.tap)
			page.Press("Thandi", say.button)
			page.WaitFor("Thandi", say.tapped)

			if dir := os.Getenv("CRIER_SCREENSHOTS"); dir != "" {
				page.Screenshot(filepath.Join(dir, "demo-"+locale+".png"))
			}
		})
	}
}
