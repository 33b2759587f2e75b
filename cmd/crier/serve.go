package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/robfig/cron/v3"
	"github.com/spf13/cobra"

	"crier/bots/phone"
	"crier/bots/sms"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/postgres"
	"crier/mail"
)

func (p *program) serveCommand() *cobra.Command {
	return p.databaseFlags(&cobra.Command{
		Use:   "serve",
		Short: "Run Crier for its communities",
		Long: `Runs Crier: it hears what members write on every channel that the configuration names,
answers, and does what comes due by itself. crier.example.toml describes the configuration.
Several of these may run on one PostgreSQL database.`,
		Example: "  crier serve --config crier.toml\n  CRIER_TELEGRAM_TOKEN=… crier serve",
		Args:    needs(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.serve(c.Context()) },
	})
}

const (
	startPatience = time.Minute // how long the database may take to be there
	retryPause    = 2 * time.Second
	healthTimeout = 2 * time.Second

	wakeChannel = "crier" // of NOTIFY
)

func (p *program) serve(ctx context.Context) (err error) {
	c, err := p.configuration()
	if err != nil {
		return err
	}
	bots, err := p.botConfigs(c)
	if err != nil {
		return err
	}
	boxes, err := p.mailboxes(c)
	if err != nil {
		return err
	}
	gateways, err := p.smsLines(c)
	if err != nil {
		return err
	}
	key, err := p.phoneKey(c)
	if err != nil {
		return err
	}
	log := c.logger(p.err)
	running := newParts()
	defer func() {
		log.Info("stopping")
		stopped := running.stop()
		err = errors.Join(err, stopped)
		log.Info("stopped")
	}()

	db, err := openPatiently(ctx, c.Database, log)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before the database was there
	}
	if err != nil {
		return err
	}
	running.start(ctx, "database", func(ctx context.Context) error { <-ctx.Done(); return db.Close() })

	engine, catalog, err := newEngine(log)
	if err != nil {
		return err
	}
	figures := newFigures()
	journey := state.New(state.Config{
		DB: db, Engine: engine, Log: log, Holder: holder(), OnHandled: figures.handled, OnSent: figures.sent,
	})
	figures.watch(journey)

	if err := checkCommunities(ctx, db, bots, boxes, gateways, log); err != nil {
		return err
	}
	mux := http.NewServeMux()
	channels := p.addTelegram(mux, journey, bots, log)
	post, err := p.addMail(ctx, c, mux, db, journey, boxes, catalog, log)
	if err != nil {
		return err
	}
	if len(boxes) > 0 {
		channels = append(channels, mail.Channel)
	}
	lines, err := addSMS(ctx, mux, db, journey, engine, gateways, log)
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		channels = append(channels, sms.Channel)
	}
	var page *phone.Server
	if c.Phone.Enabled {
		page = newPage(db, journey, phone.Config{Token: key, Host: c.Phone.Host, Log: log}, catalog, "", c.Phone.Channels)
		for _, name := range c.Phone.Channels {
			journey.Send(page.Channel(name), 0)
			channels = append(channels, name)
		}
	}
	if pg, ok := db.(*postgres.DB); ok {
		journey.Notify(func(ctx context.Context, tx ledger.Tx) error { return postgres.Notify(ctx, tx, wakeChannel) })
		running.start(ctx, "listening to other processes", func(ctx context.Context) error {
			return pg.Listen(ctx, wakeChannel, journey.Wake)
		})
	}

	var alive atomic.Bool
	alive.Store(true)
	running.start(ctx, "journey", func(ctx context.Context) error {
		defer alive.Store(false)
		return journey.Run(ctx)
	})
	mux.Handle("GET /healthz", health(db, &alive))
	mux.Handle("GET /metrics", figures.handler(log))
	l, err := listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	running.start(ctx, "web server", func(ctx context.Context) error { return serveHTTP(ctx, l, newServer(mux)) })
	pageAt := ""
	if page != nil {
		l, err := listen(ctx, c.Phone.Listen)
		if err != nil {
			return err
		}
		pageAt = l.Addr().String()
		running.start(ctx, "browser phone", func(ctx context.Context) error { return servePage(ctx, l, page) })
	}
	for _, b := range bots {
		running.start(ctx, "telegram "+b.id, func(ctx context.Context) error { return b.run(ctx, journey, menus(catalog), log) })
	}
	startSMS(ctx, running, lines, journey, log)
	c.startMail(ctx, running, post, journey, figures, log)
	running.start(ctx, "clock", func(ctx context.Context) error {
		return journey.Lease(ctx, "tick", func(ctx context.Context) error { everyMinute(ctx, journey, log); return nil })
	})

	log.Info("crier started", "version", version(), "database", db.Engine(), "channels", strings.Join(channels, ","),
		"listen", l.Addr().String(), "phone", pageAt)
	if len(channels) == 0 {
		log.Warn("no channel is configured: nobody can write to crier yet")
	}
	return running.wait(ctx)
}

// checkCommunities says in the log what is not there, although it is served.
func checkCommunities(ctx context.Context, db ledger.DB, bots []*servedBot, boxes []*servedMailbox, gateways []*servedLine,
	log *slog.Logger,
) error {
	return db.View(ctx, func(tx ledger.Tx) error {
		all, err := ledger.Communities(ctx, tx)
		if err != nil {
			return fmt.Errorf("list communities: %w", err)
		}
		if len(all) == 0 {
			log.Warn("there is no community yet: crier community new founds one")
		}
		there := func(slug string) bool {
			return slug == "" || slices.ContainsFunc(all, func(c ledger.Community) bool { return c.Slug == slug })
		}
		for _, b := range bots {
			if !there(b.Community) {
				log.Warn("a Telegram bot serves a community that is not there", "community", b.Community)
			}
		}
		for _, b := range boxes {
			if !there(b.Community) {
				log.Warn("a mailbox serves a community that is not there", "community", b.Community)
			}
		}
		for _, g := range gateways {
			if !there(g.Community) {
				log.Warn("an SMS gateway serves a community that is not there", "community", g.Community)
			}
		}
		return nil
	})
}

// openPatiently opens the database, and tries for a minute where a PostgreSQL
// server is not there yet, as after the start of the whole machine.
func openPatiently(ctx context.Context, name string, log *slog.Logger) (ledger.DB, error) {
	for end := time.Now().Add(startPatience); ; {
		db, err := openDatabase(ctx, name)
		if err == nil || !mayPass(err) || time.Now().After(end) || ctx.Err() != nil {
			return db, err
		}
		log.Warn("the database is not there yet: trying again", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(retryPause):
		}
	}
}

// mayPass tells a server that is down, or is just starting, from one that
// refuses us. Source: PostgreSQL, appendix A.
func mayPass(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		class := refused.Code[:min(2, len(refused.Code))]
		return class == "57" || class == "53" || class == "08"
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

// holder names this process among those that share the database.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "crier"
	}
	return fmt.Sprintf("%s %d %d", host, os.Getpid(), ledger.NewID(time.Now()))
}

// health answers 200 where messages can be taken and handled, else 503.
func health(db ledger.DB, alive *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		answer := map[string]string{"status": "ok", "database": "ok", "journey": "ok"}
		status := http.StatusOK
		var one int64
		err := db.View(ctx, func(tx ledger.Tx) error { return ledger.Get(ctx, tx, []any{&one}, `SELECT 1`) })
		if err != nil {
			answer["status"], answer["database"], status = "failing", "no answer", http.StatusServiceUnavailable
		}
		if !alive.Load() {
			answer["status"], answer["journey"], status = "failing", "not running", http.StatusServiceUnavailable
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // whoever asked may be gone
	})
}

// everyMinute has what has come due done, at once and then each minute.
func everyMinute(ctx context.Context, journey *state.Journey, log *slog.Logger) {
	tick := func() {
		if err := journey.Tick(ctx); err != nil && ctx.Err() == nil {
			log.Error("do what is due", "err", err)
		}
	}
	logger := cronLog{log}
	// Recover stands inside: a panic must not leave the job marked as running.
	c := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(logger),
		cron.WithChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)))
	first := c.Entry(c.Schedule(cron.Every(time.Minute), cron.FuncJob(tick)))
	c.Start()
	first.WrappedJob.Run()
	<-ctx.Done()
	<-c.Stop().Done()
}

// cronLog hands the words of the scheduler to the log.
type cronLog struct{ log *slog.Logger }

func (l cronLog) Info(msg string, args ...any) { l.log.Debug("clock: "+msg, args...) }
func (l cronLog) Error(err error, msg string, args ...any) {
	l.log.Error("clock: "+msg, append(slices.Clone(args), "err", err)...)
}

// phoneKey is the key of the browser phone, where it is enabled.
func (p *program) phoneKey(c *config) (string, error) {
	if !c.Phone.Enabled {
		return "", nil
	}
	key, err := p.secret(c, c.Phone.KeyFile, c.Phone.KeyEnv)
	if err != nil {
		return "", err
	}
	if len(key) < keyMin {
		return "", fmt.Errorf("the browser phone needs a key of at least %d letters: everybody who opens it can write as any member. Set %s or phone.key_file", keyMin, c.Phone.KeyEnv)
	}
	return key, nil
}
