package telegram

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// secretHeader brings Config.Secret with every call (Bot API, setWebhook).
const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// bodyMax is how large an update may be, in bytes.
const bodyMax = 1 << 20

// SetWebhook tells Telegram where ServeHTTP is.
func (b *Bot) SetWebhook(ctx context.Context) error {
	if err := b.config.Check(); err != nil {
		return err
	}
	return b.api.setWebhook(ctx, b.config.Webhook, b.config.Secret)
}

// ServeHTTP takes one update from Telegram. It answers 200 as soon as the
// update is kept, and 503 where it could not be: Telegram then sends it again.
// What is no update of Telegram's is refused without a word in the log.
func (b *Bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	if !b.knowsSecret(r.Header.Get(secretHeader)) {
		refuse(w, http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil || !json.Valid(body) {
		refuse(w, http.StatusBadRequest)
		return
	}
	update, err := decode(body)
	if err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	if err := b.take(r.Context(), update); err != nil {
		b.log.Error("an update was not kept, Telegram sends it again", "err", err)
		refuse(w, http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// knowsSecret compares in a time that tells nothing of the secret, not even
// its length.
func (b *Bot) knowsSecret(shown string) bool {
	ours, theirs := sha256.Sum256([]byte(b.config.Secret)), sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(ours[:], theirs[:]) == 1 && b.config.Secret != ""
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }
