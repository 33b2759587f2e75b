package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crier/bots/phone"
	"crier/conversation/state"
	"crier/conversation/transcript"
	"crier/locales"
)

const (
	demoListen = "127.0.0.1:8480"
	demoTitle  = "Riverbank LETS" // the name of the sample community
)

func (p *program) demoCommand() *cobra.Command {
	var address, locale string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Try Crier in the browser, with a sample community",
		Long: `Opens a page with the phones of a sample community. What is typed there takes the same way
as a real message. Nothing has to be set up, and nothing is left behind.`,
		Example: "  crier demo\n  crier demo --locale fr --listen :8080",
		Args:    needs(0, 0),
	}
	c.Flags().StringVar(&address, "listen", demoListen, "where the page is (a free port where this one is taken)")
	c.Flags().StringVar(&locale, "locale", "en", "the community's language")
	c.RunE = func(c *cobra.Command, _ []string) error { return p.demo(c.Context(), address, locale) }
	return c
}

// demoPeople are whose phones lie on the table, and what each may try to write.
var demoPeople = []struct {
	who string
	try map[string]string // by language
}{
	{"maria", map[string]string{
		"en": "pay luc 5 for eggs", "fr": "payer luc 5 pour les oeufs", "nl": "betaal luc 5 voor eieren",
		"de": "zahle luc 5 für eier", "es": "pagar luc 5 por los huevos", "it": "paga luc 5 per le uova",
	}},
	{"luc", map[string]string{
		"en": "how much do I have", "fr": "quel est mon solde", "nl": "wat is mijn saldo",
		"de": "wie viel habe ich", "es": "mi saldo, por favor", "it": "quanto ho",
	}},
	{"thandi", map[string]string{
		"en": "offer honey, 3 a jar", "fr": "offre miel, 3 le pot", "nl": "bied honing aan, 3 per pot",
		"de": "biete Honig, 3 das Glas", "es": "ofrezco miel, 3 el tarro", "it": "offro miele, 3 al barattolo",
	}},
	{"ria", map[string]string{
		"en": "invite Piet Vos", "fr": "inviter Piet Vos", "nl": "uitnodigen Piet Vos",
		"de": "einladen Piet Vos", "es": "invitar Piet Vos", "it": "invita Piet Vos",
	}},
}

// demoChannels are what the page stands for.
var demoChannels = []string{"sms", "email", "telegram"}

func (p *program) demo(ctx context.Context, address, locale string) (err error) {
	log := quiet(p.err)
	engine, catalog, err := newEngine(log)
	if err != nil {
		return err
	}
	if !catalog.Has(locale) {
		return unspoken(catalog, locale)
	}
	l, err := listenDemo(ctx, address)
	if err != nil {
		return err
	}
	running := newParts()
	defer func() { err = errors.Join(err, running.stop(), ignoreClosed(l.Close())) }()
	db, err := temporary(ctx)
	if err != nil {
		return err
	}
	running.start(ctx, "database", func(ctx context.Context) error { <-ctx.Done(); return db.Close() })
	world, err := transcript.Build(ctx, db, sampleIn(locale), "sample.txt", p.now())
	if err != nil {
		return err
	}
	journey := state.New(state.Config{DB: db, Engine: engine, Log: log, Holder: holder()})
	seal, err := newSeal(ctx, db)
	if err != nil {
		return err
	}
	page := newPage(db, journey, phone.Config{
		Title: demoTitle, Screens: demoScreens(world, locale), Log: log,
		Mail: newDemoMail(seal, journey, world.Slug, demoTitle, catalog, log, p.now),
	}, catalog, locale, demoChannels)
	for _, name := range demoChannels {
		journey.Send(page.Channel(name), 0)
	}
	running.start(ctx, "journey", journey.Run)
	running.start(ctx, "clock", func(ctx context.Context) error { everyMinute(ctx, journey, log); return nil })
	running.start(ctx, "web server", func(ctx context.Context) error { return servePage(ctx, l, page) })
	p.say("Crier is at http://%s/ : open it in a browser and write as Maria, Luc, Thandi or Ria. Ctrl-C ends it.\n", l.Addr())
	return running.wait(ctx)
}

// listenDemo opens the page's port: the usual one, or where that is taken any.
// Nobody but this machine may use the page, since whoever opens it can write as
// anybody.
func listenDemo(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address such as 127.0.0.1:8480 or :8080", address)
	}
	if ip := net.ParseIP(host); host != "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("the demo is for this machine alone, so it cannot be at %s: leave the host out, as in :8080", host)
	}
	l, err := listen(ctx, address)
	if err != nil && address == demoListen {
		return listen(ctx, "127.0.0.1:0")
	}
	return l, err
}

// ignoreClosed is for closing once more what its server has closed.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// sampleIn is the sample community in a language, the community's and that of the
// members who have it in English, with a digest.
func sampleIn(locale string) []transcript.Line {
	givens := slices.Clone(transcript.Sample().Givens)
	for i := range givens {
		words := strings.Fields(givens[i].Text)
		switch {
		case len(words) == 3 && words[0] == "community" && words[1] == "locale":
			words[2] = locale
		case len(words) > 3 && words[0] == "member" && words[3] == "en":
			words[3] = locale
		default:
			continue
		}
		givens[i].Text = strings.Join(words, " ")
	}
	return append(givens, transcript.Line{Text: "community digest friday 8:00"})
}

func demoScreens(world *transcript.World, locale string) []phone.Screen {
	var screens []phone.Screen
	for _, one := range demoPeople {
		i := slices.IndexFunc(world.Screens, func(s transcript.Screen) bool { return s.Who == one.who })
		if i < 0 {
			continue
		}
		s := world.Screens[i]
		screens = append(screens, phone.Screen{Name: s.Name, Channel: s.Channel, Address: s.Address, Locale: s.Locale, Try: one.try[locale]})
	}
	return screens
}

// unspoken is the error for a language that Crier does not speak.
func unspoken(catalog *locales.Catalog, locale string) error {
	return fmt.Errorf("crier does not speak %q: it speaks %s", locale, strings.Join(catalog.Codes(), ", "))
}
