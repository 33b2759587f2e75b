package telegram

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// idlePause keeps a server that answers at once, without anything to say,
	// from being asked without end.
	idlePause = 300 * time.Millisecond

	// forgotten is how long Telegram keeps updates (Bot API, "Getting
	// updates"): after so long a silence no confirmed one can come back.
	forgotten = 24 * time.Hour
)

// Run hears what people write until ctx is done, and then returns nil. With a
// Webhook it registers that and leaves the hearing to ServeHTTP; else it polls,
// and at most one process may do so at a time.
//
// No failure of the network ends it. Its errors are the operator's: a
// configuration that cannot work, ErrToken.
func (b *Bot) Run(ctx context.Context) error {
	if err := b.config.Check(); err != nil {
		return fmt.Errorf("telegram: %w", err)
	}
	defer b.settle()
	if err := b.untilDone(ctx, "getMe", b.greet); err != nil || ctx.Err() != nil {
		return err
	}
	if b.config.Webhook != "" {
		if err := b.untilDone(ctx, "setWebhook", b.SetWebhook); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}
	if err := b.untilDone(ctx, "deleteWebhook", b.api.deleteWebhook); err != nil {
		return err
	}
	return b.poll(ctx)
}

// greet learns the bot's own name, and whether the token is good.
func (b *Bot) greet(ctx context.Context) error {
	username, err := b.api.me(ctx)
	if err == nil {
		b.username.Store(&username)
	}
	return err
}

// untilDone repeats a call until it works, the token turns out to be bad or
// ctx is done, which is no error.
func (b *Bot) untilDone(ctx context.Context, what string, call func(context.Context) error) error {
	wait := b.newBackoff()
	for ctx.Err() == nil {
		err := call(ctx)
		switch {
		case err == nil:
			wait.over(b, what)
			return nil
		case badToken(err):
			return fmt.Errorf("telegram: %w (%w)", ErrToken, err)
		}
		wait.failed(ctx, b, what, err)
	}
	return nil
}

// poll asks for updates and takes them one after the other. Asking from an
// offset on confirms all before it, so the offset passes an update only after
// take has returned nil for it.
func (b *Bot) poll(ctx context.Context) error {
	offset, last := 0, b.now()
	asking, taking := b.newBackoff(), b.newBackoff()
	for ctx.Err() == nil {
		// After a quiet week ids may start anywhere, below the offset too.
		if b.now().Sub(last) > forgotten {
			offset = 0
		}
		asked := b.now()
		updates, err := b.api.updates(ctx, offset, b.config.PollTimeout)
		if err != nil {
			if refused := refusal(err); refused != nil && refused.Code == http.StatusUnauthorized {
				return fmt.Errorf("telegram: %w (%w)", ErrToken, err)
			}
			asking.failed(ctx, b, "getUpdates", err)
			continue
		}
		asking.over(b, "getUpdates")
		if len(updates) == 0 {
			if b.now().Sub(asked) < b.config.PollTimeout/2 {
				sleep(ctx, idlePause)
			}
			continue
		}
		last = b.now()
		unreadable := 0
		for _, raw := range updates {
			update, err := decode(raw)
			if err != nil {
				b.log.Debug("an update cannot be read", "err", err)
				unreadable++
				continue
			}
			if err := b.take(ctx, update); err != nil {
				taking.failed(ctx, b, "taking an update", err)
				break
			}
			taking.over(b, "taking an update")
			offset = update.UpdateID + 1
		}
		if unreadable == len(updates) {
			sleep(ctx, idlePause) // they cannot be confirmed, and will come again
		}
	}
	return nil
}

// backoff paces what fails again and again, and logs the first failure of a
// row and its end.
type backoff struct {
	next, least, most time.Duration
	failing           bool
}

func (b *Bot) newBackoff() *backoff {
	return &backoff{next: b.retryMin, least: b.retryMin, most: b.retryMax}
}

// failed waits: each time about twice as long, a random part of it off so that
// many bots do not come back together, or as long as Telegram says.
func (w *backoff) failed(ctx context.Context, b *Bot, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	if !w.failing {
		w.failing = true
		b.log.Warn("Telegram: trying until it works", "call", what, "err", err)
	}
	d := w.next - rand.N(w.next/2+1)
	if refused := refusal(err); refused != nil && refused.RetryAfter > 0 {
		d = max(d, time.Duration(min(refused.RetryAfter, 3600))*time.Second)
	}
	w.next = min(2*w.next, w.most)
	sleep(ctx, d)
}

// over says that it worked.
func (w *backoff) over(b *Bot, what string) {
	if w.failing {
		b.log.Info("Telegram: works again", "call", what)
	}
	w.failing, w.next = false, w.least
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
