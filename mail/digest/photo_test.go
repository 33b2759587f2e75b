package digest_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"crier/conversation"
	"crier/ledger"
	"crier/ledger/storetest"
)

// The picture that was sent with an ad comes in the digest by mail, small.
func TestPhotoInTheDigest(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		h := newHost(t, db, time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC))
		id := h.town("river", "Europe/Brussels", 3)
		h.tick(h.now)
		h.offers(id, "bread")
		var b bytes.Buffer
		must(t, jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1600, 1200)), nil))
		in := conversation.Inbound{
			Channel: "email", ID: "with a picture", From: "m0@river.example", Text: "offer honey", At: h.now, Trust: conversation.Proven,
			Photos: []conversation.Photo{{Type: "image/jpeg", Data: b.Bytes()}},
		}
		must(t, h.Now(t.Context(), in, func(conversation.Outbound) {}))
		pictures := 0
		for _, o := range h.tick(dueAt.Add(time.Minute)) {
			if o.Sheet == nil || o.Address == "m0@river.example" {
				continue
			}
			for _, section := range o.Sheet.Sections {
				for _, item := range section.Items {
					if (item.Photo != nil) != (item.Text == "honey") {
						t.Errorf("%q has a picture: %v", item.Text, item.Photo != nil)
					}
					if item.Photo == nil {
						continue
					}
					pictures++
					if shown, err := jpeg.DecodeConfig(bytes.NewReader(item.Photo.Data)); err != nil || shown.Width != 320 || len(item.Photo.Data) > 20<<10 {
						t.Errorf("it is %d wide, of %d bytes: %v", shown.Width, len(item.Photo.Data), err)
					}
				}
			}
		}
		if pictures != 2 {
			t.Errorf("%d members see it", pictures)
		}
	})
}
