package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots/bottest"
	"crier/bots/sms/smstest"
	"crier/ledger"
	"crier/ledger/sqlite"
)

// handsets are the telephones at the far end of a gateway.
type handsets interface {
	Say(from, text string)
	Got(number string) []string
}

const (
	mariasPhone = "+32470000012"
	lucsPhone   = "+32470000007"
)

// village is a Crier whose members text by a real gateway.
type village struct {
	t        *testing.T
	handsets handsets
	report   func(n int) // the n-th text of all has arrived
	database string
	reported int
	read     map[string]int // how many texts each has read
}

// textsWithin is how long a text may take there and back through real daemons
// on a busy machine.
const textsWithin = 90 * time.Second

// founded founds Riverbank with Maria, who has 20 acorns, and Luc.
func founded(t *testing.T) (database string) {
	t.Helper()
	database = newFile(t)
	crier(t, "community", "new", "riverbank", "--name", "Riverbank LETS", "--unit", "acorn/acorns", "--limit", "-50", "--timezone", "Europe/Brussels", "--database", database)
	crier(t, "community", "set", "riverbank", "quiet", "none", "--database", database)
	crier(t, "member", "add", "riverbank", "Maria Keller", "--number", "12", "--sms", mariasPhone, "--database", database)
	crier(t, "member", "add", "riverbank", "Luc Martin", "--number", "7", "--sms", lucsPhone, "--database", database)
	return database
}

// says has somebody text, and waits for the next text on some telephones.
func (v *village) says(from, text string) {
	v.t.Helper()
	v.handsets.Say(from, text)
}

// reads waits for the next text on a telephone. Each text that has arrived is
// reported to the gateway.
func (v *village) reads(number, want string) string {
	v.t.Helper()
	n := v.read[number]
	for end := time.Now().Add(textsWithin); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for all := len(v.handsets.Got(mariasPhone)) + len(v.handsets.Got(lucsPhone)); v.reported < all; v.reported++ {
			v.report(v.reported)
		}
		if got := v.handsets.Got(number); len(got) > n {
			v.read[number]++
			if !strings.Contains(got[n], want) {
				v.t.Errorf("%s reads %q, and should %q", number, got[n], want)
			}
			return got[n]
		}
	}
	v.t.Fatalf("%s waits in vain for %q; got %q", number, want, v.handsets.Got(number))
	return ""
}

// delivered waits until a receipt is there for each text that was sent, and
// sees to it that each was sent once.
func (v *village) delivered() {
	v.t.Helper()
	db, err := sqlite.Open(context.Background(), v.database)
	if err != nil {
		v.t.Fatal(err)
	}
	defer db.Close()
	var sent, arrived, others int64
	for end := time.Now().Add(textsWithin); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		err := db.View(context.Background(), func(tx ledger.Tx) error {
			return ledger.Get(context.Background(), tx, []any{&sent, &arrived, &others}, `SELECT
				COALESCE(SUM(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN delivered_at IS NULL THEN 0 ELSE 1 END), 0),
				COALESCE(SUM(CASE WHEN state = 'sent' THEN 0 ELSE 1 END), 0) FROM outbox WHERE channel = 'sms'`)
		})
		if err != nil {
			v.t.Fatal(err)
		}
		for all := len(v.handsets.Got(mariasPhone)) + len(v.handsets.Got(lucsPhone)); v.reported < all; v.reported++ {
			v.report(v.reported)
		}
		if others == 0 && sent > 0 && sent == arrived {
			if got := int64(len(v.handsets.Got(mariasPhone)) + len(v.handsets.Got(lucsPhone))); got != sent {
				v.t.Errorf("%d texts were sent, and %d came", sent, got)
			}
			return
		}
	}
	v.t.Fatalf("%d texts sent, %d arrived, %d neither sent nor given up", sent, arrived, others)
}

// trade has Maria pay Luc by text, with the gateway restarted twice in the
// middle: before her yes, and while the answers are on their way.
func (v *village) trade(stop, start func()) {
	v.t.Helper()
	v.says(mariasPhone, "pay luc 5 for eggs")
	v.reads(mariasPhone, `Pay Luc Martin 5 acorns for "eggs"? Reply YES or NO.`)
	stop()
	v.says(mariasPhone, "yes")
	start()
	v.reads(mariasPhone, "you gave Luc Martin 5 acorns (eggs). You now have -5.")
	v.reads(lucsPhone, `Maria Keller gave you 5 acorns for "eggs". You now have 5.`)
	v.says(lucsPhone, "Maria owes me 3 for \u00e7a va")
	stop()
	start()
	v.reads(mariasPhone, "Luc Martin asks you for 3 acorns")
	v.reads(lucsPhone, "I asked Maria Keller for 3 acorns")
	v.says(mariasPhone, "yes")
	v.reads(mariasPhone, "You now have -8.")
	v.reads(lucsPhone, "You now have 8.")
	// An answer in another alphabet, and one of several segments.
	v.says(mariasPhone, "offer \u0443\u0440\u043e\u043a\u0438 \u0440\u0443\u0441\u0441\u043a\u043e\u0433\u043e \u044f\u0437\u044b\u043a\u0430 \u0434\u043b\u044f \u043d\u0430\u0447\u0438\u043d\u0430\u044e\u0449\u0438\u0445, 4 an hour")
	v.reads(mariasPhone, "\u0443\u0440\u043e\u043a\u0438 \u0440\u0443\u0441\u0441\u043a\u043e\u0433\u043e")
	v.delivered()
	has(v.t, crier(v.t, "ledger", "verify", "riverbank", "--database", v.database), "2 transfers")
	has(v.t, crier(v.t, "costs", "--csv", "--database", v.database), "riverbank,sms,8,", ",EUR,")
	for _, number := range []string{mariasPhone, lucsPhone} {
		got := v.handsets.Got(number)
		slices.Sort(got)
		if len(slices.Compact(got)) != v.read[number] {
			v.t.Errorf("%s got a text twice: %q", number, v.handsets.Got(number))
		}
	}
}

// TestModems trades by the daemons of a USB modem, on an emulated one.
func TestModems(t *testing.T) {
	t.Parallel()
	t.Run("gammu", func(t *testing.T) {
		t.Parallel()
		g := smstest.StartGammu(t, "../../bots/sms/gammu/smsdrc.example")
		v := &village{t: t, handsets: g, report: func(n int) { g.Report(n, 0) }, database: founded(t), read: map[string]int{}}
		v.serve("gammu", fmt.Sprintf("dir = %q\nnumber = '+32470000099'\nper_second = 5.0", g.Dir))
		v.trade(func() { v.idle(g.Dir, "out"); g.Stop() }, g.Start)
	})
	t.Run("smstools", func(t *testing.T) {
		t.Parallel()
		s := smstest.StartSmstools(t, "../../bots/sms/smstools/smsd.conf.example")
		v := &village{t: t, handsets: s, report: func(n int) { s.Report(n, 0) }, database: founded(t), read: map[string]int{}}
		v.serve("smstools", fmt.Sprintf("dir = %q\nnumber = '+32470000099'\nper_second = 5.0", s.Dir))
		v.trade(func() { v.idle(s.Dir, "outgoing", "checked"); s.Stop() }, s.Start)
	})
}

// idle waits until a daemon has nothing to send: one that is stopped after it
// has sent a text, and before it has noted that, sends it again.
func (v *village) idle(dir string, folders ...string) {
	v.t.Helper()
	for end := time.Now().Add(textsWithin); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		busy := 0
		for _, f := range folders {
			files, err := os.ReadDir(filepath.Join(dir, f))
			if err != nil {
				v.t.Fatal(err)
			}
			busy += len(files)
		}
		if busy == 0 {
			return
		}
	}
	v.t.Fatal("the daemon does not come to rest")
}

// serve runs crier with one gateway.
func (v *village) serve(gateway, settings string, env ...string) (listen string) {
	v.t.Helper()
	config := write(v.t, "crier.toml", fmt.Sprintf(`
database = %q
listen = "127.0.0.1:0"
[log]
format = "json"
[[sms]]
gateway = %q
price = "0.07 EUR"
%s
`, v.database, gateway, settings))
	_, log, stop := start(v.t, environment(env...), "serve", "--config", config)
	v.t.Cleanup(stop)
	listen, _ = started(v.t, log)
	return listen
}

// TestKannel trades by a real Kannel: by its link to a message centre (SMPP),
// which brings receipts, with Kannel stopped and started in the middle; and by
// its own fake message centre.
func TestKannel(t *testing.T) {
	t.Parallel()
	database, listen := founded(t), bottest.FreeAddress(t)
	config := func(url string) string {
		return write(t, "crier.toml", fmt.Sprintf(`
database = %q
listen = %q
[log]
format = "json"
[[sms]]
gateway = "kannel"
url = %q
user = %q
number = "+32470000099"
price = "0.07 EUR"
`, database, listen, url, smstest.KannelUser))
	}
	secret := environment("CRIER_SMS_SECRET=" + smstest.KannelSecret)
	hooks, _, stopHooks := start(t, secret, "sms", "hooks", "--config", config("http://127.0.0.1:13013/cgi-bin/sendsms"))
	hook := regexp.MustCompile(`http://\S+/sms/kannel/[0-9a-f]{32}/`).FindString(hooks.line(t, "/receipt\n"))
	stopHooks()
	if hook == "" {
		t.Fatalf("the hooks are %s", hooks)
	}
	k := smstest.StartKannel(t, "../../bots/sms/kannel/kannel.conf.example", hook)
	v := &village{t: t, handsets: k, report: func(n int) { k.Report(n, "DELIVRD") }, database: database, read: map[string]int{}}

	_, log, stop := start(t, secret, "serve", "--config", config(k.URL))
	started(t, log)
	v.trade(k.Stop, k.Start)

	// Crier is away when Maria writes: nothing is lost.
	stop()
	v.says(mariasPhone, "balance")
	_, log, stop = start(t, secret, "serve", "--config", config(k.URL))
	started(t, log)
	v.reads(mariasPhone, "You have -8 acorns")
	defer stop()

	// By the fake centre: what telephones there read is what a fakesmsc shows.
	stop()
	_, log, stop = start(t, secret, "serve", "--config", config(k.URL+"?smsc=to-fake"))
	defer stop()
	started(t, log)
	fakeTrade := func(says string, reads ...string) {
		t.Helper()
		fake, all := k.FakeSays(mariasPhone, says), ""
		again := []string{says, "history"} // it may be the text that got lost, or the answer
		wake := time.Now().Add(15 * time.Second)
		for end := time.Now().Add(2 * textsWithin); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			got := all + strings.Join(fake.Got(), "\n")
			if !slices.ContainsFunc(reads, func(w string) bool { return !strings.Contains(got, w) }) {
				fake.HangUp()
				return
			}
			if time.Now().After(wake) { // bearerbox can sleep over a text for the fake centre, until the next one comes from there
				fake.HangUp()
				fake, all, wake = k.FakeSays(mariasPhone, again[0]), got+"\n", time.Now().Add(15*time.Second)
				again[0], again[1] = again[1], again[0]
			}
		}
		t.Fatalf("the telephone at the fake centre reads %q, and should %q; it said\n%s\ncrier said\n%s", all, reads, fake.Said(), log)
	}
	fakeTrade("pay luc 2 for jam", `Pay Luc Martin 2 acorns for "jam"? Reply YES or NO.`)
	fakeTrade("yes", "jam") // of two that come at once a fakesmsc shows one
	has(t, crier(t, "ledger", "verify", "riverbank", "--database", database), "3 transfers")
}
