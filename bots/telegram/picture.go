package telegram

import (
	"context"
	"errors"
	"sync"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"crier/conversation"
)

const (
	pictureMax     = 8 << 20 // bytes of a file
	pictureSide    = 800     // pixels: of the sizes that Telegram has, the smallest with this is fetched
	pictureTimeout = 10 * time.Second
	pictureTries   = 2
	pictureAtOnce  = 4 // are fetched at the same time
	pictureDaily   = 30
)

// attached is a picture that came with a message: its file, or why there is
// nothing to be fetched.
type attached struct {
	file     string
	kind     string // media type, as the sender's program said
	unusable conversation.Unusable
}

// pictureOf finds the picture of a message, sent as one or as a file; nil:
// there is none.
func pictureOf(m *tgbotapi.Message) *attached {
	if best := bestSize(m.Photo); best != nil {
		return &attached{file: best.FileID, kind: "image/jpeg"}
	}
	d := m.Document
	if d == nil || d.FileID == "" || m.Animation != nil {
		return nil
	}
	switch d.MimeType {
	case "image/heic", "image/heif":
		return &attached{unusable: conversation.HEIC}
	case "image/jpeg", "image/png", "image/webp", "image/gif":
		if d.FileSize > pictureMax {
			return &attached{unusable: conversation.TooLarge}
		}
		return &attached{file: d.FileID, kind: d.MimeType}
	}
	return nil
}

// bestSize is the smallest of a photo's sizes that is large enough, or the
// largest of all.
func bestSize(sizes []tgbotapi.PhotoSize) *tgbotapi.PhotoSize {
	var best *tgbotapi.PhotoSize
	for i := range sizes {
		s := &sizes[i]
		if s.FileID == "" {
			continue
		}
		long := max(s.Width, s.Height)
		if best == nil || max(best.Width, best.Height) < min(long, pictureSide) || long >= pictureSide && long < max(best.Width, best.Height) {
			best = s
		}
	}
	return best
}

// fetch gets the picture of a message. Where that fails the message goes on
// without; only where ctx ends meanwhile it returns an error, and the update
// comes again.
func (b *Bot) fetch(ctx context.Context, in *conversation.Inbound, a attached) error {
	if in.Unusable = a.unusable; a.file == "" {
		return nil
	}
	if !b.fetched.may(in.From, b.now()) {
		in.Unusable = conversation.TooMany
		b.log.Warn("too many pictures of one sender: it is not fetched", "message_id", in.ID)
		return nil
	}
	select {
	case b.fetching <- struct{}{}:
		defer func() { <-b.fetching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	within, cancel := context.WithTimeout(ctx, pictureTimeout)
	defer cancel()
	var err error
	for range pictureTries {
		var data []byte
		data, err = b.api.file(within, a.file, pictureMax)
		switch {
		case err == nil:
			in.Photos = []conversation.Photo{{Type: a.kind, Data: data}}
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errLargeFile):
			in.Unusable = conversation.TooLarge
			return nil
		}
	}
	in.Unusable = conversation.Unreadable
	b.log.Warn("a picture could not be fetched", "message_id", in.ID, "err", err)
	return nil
}

// ration counts the pictures of each sender in a day: anybody may send some.
type ration struct {
	mu    sync.Mutex
	day   int64
	count map[string]int
}

func (r *ration) may(from string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if day := now.Unix() / (24 * 60 * 60); day != r.day || r.count == nil {
		r.day, r.count = day, map[string]int{}
	}
	r.count[from]++
	return r.count[from] <= pictureDaily
}
