package conversation

import (
	"context"
	"strconv"
	"strings"
	"time"

	"crier/conversation/understand"
)

// A picture goes to an ad of the member who has sent it, and to nothing else.
// It comes with the ad's words, or before them, or after.

// PictureWaits is how long a picture waits for the ad that it shows, and an ad
// for its picture.
const PictureWaits = time.Hour

// photoCommand is the name of the command that asks what a picture is for.
const photoCommand = "photo"

// Album is what is known of pictures that were sent together, each in a message
// of its own.
type Album struct {
	ID string `json:"id"`
	Ad int64  `json:"ad,omitempty"` // that they show; 0: not known yet
}

// takePictures deals with the pictures of a message. It returns true where
// there is nothing else in it.
func (t *Turn) takePictures(ctx context.Context) (done bool, err error) {
	if t.In.Kept == 0 && t.In.Unusable == "" || t.In.Edited || t.talking() {
		return false, nil
	}
	alone := strings.TrimSpace(t.In.Text) == "" || t.Meaning.Intent == understand.Thanks || t.Meaning.Intent == understand.Hello
	if err := t.claimPictures(ctx, alone || t.maySayAd()); err != nil {
		return false, err
	}
	album, rest := t.talk.Album, false
	if t.In.Album != "" {
		if rest = album != nil && album.ID == t.In.Album; !rest {
			t.talk.Album = &Album{ID: t.In.Album}
		}
	}
	switch {
	case t.Open() && t.talk.Dialog.Form.Command == photoCommand && t.Meaning.Intent == understand.Unknown && !alone:
		// It has words of its own: the picture that was asked about is left.
		since := strconv.FormatInt(t.In.At.UnixMicro()-1, 10)
		return true, t.refuse(t.begin(ctx, t.engine.commands[photoCommand], map[string]string{"since": since}))
	case !alone:
		return false, nil
	case rest: // what has come of the first one holds for all
		t.In.Unusable = ""
		if album.Ad != 0 {
			_, err = t.Illustrate(ctx, album.Ad, t.Now().Add(-PictureWaits))
		}
		return true, err
	case t.In.Kept == 0:
		return true, nil
	case t.Open():
		t.repeat()
		return true, nil
	}
	return true, t.refuse(t.begin(ctx, t.engine.commands[photoCommand], nil))
}

// maySayAd reports whether the words of a message may be, or become, an ad's.
func (t *Turn) maySayAd() bool {
	switch t.Meaning.Intent {
	case understand.Offer, understand.Want, understand.Unknown, understand.Clarify:
		return true
	default:
		return t.Open()
	}
}

// claimPictures notes whose the pictures of the message are, or drops them.
func (t *Turn) claimPictures(ctx context.Context, wanted bool) (err error) {
	if t.In.Kept == 0 {
		return nil
	}
	c := t.Book.Community().ID
	if !wanted {
		return t.Memory.DropPhotos(ctx, c, t.In.Channel, t.In.ID)
	}
	if t.In.Kept, err = t.Memory.ClaimPhotos(ctx, c, t.Member.ID, t.In.Channel, t.In.ID); err == nil && t.In.Kept == 0 {
		t.In.Unusable = TooMany
	}
	return err
}

// Illustrate gives an ad of the member the pictures that they have sent since a
// time, and returns how many it took.
func (t *Turn) Illustrate(ctx context.Context, ad int64, since time.Time) (int, error) {
	n, err := t.Memory.Illustrate(ctx, t.Book.Community().ID, t.Member.ID, ad, since)
	if n > 0 && t.talk.Album != nil {
		t.talk.Album.Ad = ad
	}
	return n, err
}

// sayUnusable adds to the answer that a picture cannot be used.
func (t *Turn) sayUnusable() {
	if t.In.Unusable == "" {
		return
	}
	text := t.Text("photo."+string(t.In.Unusable), nil)
	for i := range t.out {
		if o := &t.out[i]; o.ReplyTo == t.replyTo && o.Address == t.In.From {
			o.Text += " " + text
			return
		}
	}
	t.SayText(text)
}
