package state

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"crier/conversation"
	"crier/conversation/photo"
	"crier/ledger"
)

// Bounds of what is kept, and for how long where no ad comes of it.
const (
	photosInMessage = 3
	photosOfAd      = 3
	photosInDay     = 20 // of one member
	oldAtOnce       = 10

	photosLast  = 30 * 24 * time.Hour // with a message that still may be said yes to, and after the end of an ad
	photosOwned = 24 * time.Hour      // with no ad, though it is known whose they are
)

// shrink makes the pictures of a message small, before it is kept: nothing of
// a file is written down as it came. The message goes on without what is no
// picture.
func (j *Journey) shrink(ctx context.Context, in conversation.Inbound) (conversation.Inbound, error) {
	var small []conversation.Photo
	for _, p := range in.Photos[:min(len(in.Photos), photosInMessage)] {
		s, err := photo.Shrink(ctx, p.Data)
		switch {
		case err == nil:
			small = append(small, conversation.Photo{Type: "image/jpeg", Data: s.Large, Thumb: s.Thumb})
			continue
		case errors.Is(err, photo.ErrHEIC):
			in.Unusable = conversation.HEIC
		case errors.Is(err, photo.ErrLarge):
			in.Unusable = conversation.TooLarge
		case errors.Is(err, photo.ErrBroken):
			in.Unusable = conversation.Unreadable
		default:
			return in, fmt.Errorf("make a picture small: %w", err)
		}
		j.Log.Warn("a picture cannot be used", "channel", in.Channel, "bytes", len(p.Data), "err", err)
	}
	in.Photos = small
	return in, nil
}

// keepPhotos writes the photos of a message beside it in the inbox, if it is
// there for the first time, and its sender is known: nobody else fills the disk.
func keepPhotos(ctx context.Context, tx ledger.Tx, id int64, in conversation.Inbound, now time.Time) error {
	for i, p := range in.Photos {
		if err := tx.Later(ctx, `INSERT INTO photos (community_id, message_id, number, type, data, thumb, received_at)
				SELECT community_id, id, $2, $3, $4, $5, $6 FROM inbox
				WHERE id = $1 AND EXISTS (SELECT 1 FROM addresses WHERE channel = $7 AND address = $8)`,
			id, i+1, clean(p.Type, maxField), base64.StdEncoding.EncodeToString(p.Data), base64.StdEncoding.EncodeToString(p.Thumb),
			ledger.Micros(now), in.Channel, in.From); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) ClaimPhotos(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, channel, id string) (int, error) {
	n, err := m.tx.Exec(ctx, `UPDATE photos SET member_id = $2 WHERE community_id = $1 AND ad = 0
		AND message_id = (SELECT id FROM inbox WHERE community_id = $1 AND channel = $3 AND external_id = $4)`, community, member, channel, id)
	if err != nil || n == 0 {
		return 0, err
	}
	var today int
	if err := ledger.Get(ctx, m.tx, []any{&today}, `SELECT COUNT(*) FROM photos WHERE community_id = $1 AND member_id = $2 AND received_at > $3`,
		community, member, ledger.Micros(m.book.Now().Add(-24*time.Hour))); err != nil {
		return 0, fmt.Errorf("count photos: %w", err)
	}
	if today > photosInDay {
		return 0, m.DropPhotos(ctx, community, channel, id)
	}
	return int(n), nil
}

func (m *memory) DropPhotos(ctx context.Context, community ledger.CommunityID, channel, id string) error {
	return m.tx.Later(ctx, `DELETE FROM photos WHERE community_id = $1 AND ad = 0
		AND message_id = (SELECT id FROM inbox WHERE community_id = $1 AND channel = $2 AND external_id = $3)`, community, channel, id)
}

func (m *memory) MovePhotos(ctx context.Context, community ledger.CommunityID, channel, from, to string) error {
	return m.tx.Later(ctx, `UPDATE photos SET message_id = (SELECT id FROM inbox WHERE community_id = $1 AND channel = $2 AND external_id = $4)
		WHERE community_id = $1 AND ad = 0 AND message_id = (SELECT id FROM inbox WHERE community_id = $1 AND channel = $2 AND external_id = $3)
		AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.community_id = $1
			AND p.message_id = (SELECT id FROM inbox WHERE community_id = $1 AND channel = $2 AND external_id = $4))`, community, channel, from, to)
}

func (m *memory) Illustrate(ctx context.Context, community ledger.CommunityID, member ledger.MemberID, ad int64, since time.Time) (int, error) {
	type key struct{ message, number int64 }
	waiting, err := ledger.All(ctx, m.tx, func(rows ledger.Rows) (k key, err error) { return k, rows.Scan(&k.message, &k.number) },
		`SELECT message_id, number FROM photos WHERE community_id = $1 AND member_id = $2 AND ad = 0 AND received_at > $3
		ORDER BY message_id DESC, number`, community, member, ledger.Micros(since))
	if err != nil {
		return 0, fmt.Errorf("read photos: %w", err)
	}
	if len(waiting) == 0 {
		return 0, nil
	}
	var has int
	if err := ledger.Get(ctx, m.tx, []any{&has}, `SELECT COUNT(*) FROM photos WHERE community_id = $1 AND ad = $2`, community, ad); err != nil {
		return 0, fmt.Errorf("count photos: %w", err)
	}
	added := waiting[:min(len(waiting), max(0, photosOfAd-has))]
	for _, k := range added {
		if err := m.tx.Later(ctx, `UPDATE photos SET ad = $2 WHERE community_id = $1 AND message_id = $3 AND number = $4`,
			community, ad, k.message, k.number); err != nil {
			return 0, err
		}
	}
	// What does not fit is not to turn up with the next ad.
	return len(added), m.tx.Later(ctx, `DELETE FROM photos WHERE community_id = $1 AND member_id = $2 AND ad = 0`, community, member)
}

// Photos returns the pictures of an ad, in the order in which they came.
func Photos(ctx context.Context, tx ledger.Tx, community ledger.CommunityID, ad int64) ([]conversation.Photo, error) {
	return ledger.All(ctx, tx, func(rows ledger.Rows) (conversation.Photo, error) {
		var data, thumb string
		err := rows.Scan(&data, &thumb)
		return jpegPhoto(data, thumb, err)
	}, `SELECT data, thumb FROM photos WHERE community_id = $1 AND ad = $2 AND thumb <> '' ORDER BY message_id, number`, community, ad)
}

func (m *memory) Thumbs(ctx context.Context, community ledger.CommunityID, since time.Time) (map[int64]conversation.Photo, error) {
	thumbs := map[int64]conversation.Photo{}
	_, err := ledger.All(ctx, m.tx, func(rows ledger.Rows) (none struct{}, err error) {
		var ad int64
		var thumb string
		if err = rows.Scan(&ad, &thumb); err == nil {
			thumbs[ad], err = jpegPhoto(thumb, "", nil)
		}
		return none, err
	}, `SELECT ad, thumb FROM photos WHERE community_id = $1 AND ad <> 0 AND thumb <> '' AND received_at > $2
		ORDER BY message_id DESC, number DESC`, community, ledger.Micros(since)) // so that an ad's first one is read last
	if err != nil {
		return nil, fmt.Errorf("read thumbnails: %w", err)
	}
	return thumbs, nil
}

func jpegPhoto(data, thumb string, err error) (conversation.Photo, error) {
	p := conversation.Photo{Type: "image/jpeg"}
	if err == nil {
		p.Data, err = base64.StdEncoding.DecodeString(data)
	}
	if err == nil && thumb != "" {
		p.Thumb, err = base64.StdEncoding.DecodeString(thumb)
	}
	return p, err
}

// shrinkOld makes the pictures of a community small that were kept as they
// came, before there was a way to. It holds nobody up: only what it has made is
// written under the community's lock.
func (j *Journey) shrinkOld(ctx context.Context, id ledger.CommunityID) error {
	type row struct {
		message, number int64
		data            string
	}
	for range oldAtOnce {
		var old []row
		if err := j.DB.View(ctx, func(tx ledger.Tx) (err error) {
			old, err = ledger.All(ctx, tx, func(rows ledger.Rows) (r row, err error) { return r, rows.Scan(&r.message, &r.number, &r.data) },
				`SELECT message_id, number, data FROM photos WHERE community_id = $1 AND thumb = '' ORDER BY message_id LIMIT 1`, id)
			return err
		}); err != nil || len(old) == 0 {
			return err
		}
		r := old[0]
		data, err := base64.StdEncoding.DecodeString(r.data)
		var small photo.Shrunk
		if err == nil {
			small, err = photo.Shrink(ctx, data)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		broken := err
		if err := j.DB.Update(ctx, func(tx ledger.Tx) error {
			if broken != nil {
				_, err := tx.Exec(ctx, `DELETE FROM photos WHERE community_id = $1 AND message_id = $2 AND number = $3`, id, r.message, r.number)
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE photos SET type = 'image/jpeg', data = $4, thumb = $5 WHERE community_id = $1 AND message_id = $2 AND number = $3`,
				id, r.message, r.number, base64.StdEncoding.EncodeToString(small.Large), base64.StdEncoding.EncodeToString(small.Thumb))
			return err
		}); err != nil {
			return fmt.Errorf("make old pictures small: %w", err)
		}
		if broken != nil {
			j.Log.Warn("an old picture cannot be used: it is removed", "message_id", r.message, "bytes", len(data), "err", broken)
		}
	}
	return nil
}

// tickPhotos does for the host's desk what tick does for a community.
func (j *Journey) tickPhotos(ctx context.Context) error {
	return errors.Join(j.shrinkOld(ctx, ledger.Host), j.DB.Update(ctx, func(tx ledger.Tx) error {
		return forgetPhotos(ctx, tx, ledger.Host, j.Clock())
	}))
}

// forgetPhotos removes the photos of a community that no ad came of, and those
// of ads that are over.
func forgetPhotos(ctx context.Context, tx ledger.Tx, lane ledger.CommunityID, now time.Time) error {
	before := ledger.Micros(now.Add(-photosLast))
	if err := tx.Later(ctx, `DELETE FROM photos WHERE community_id = $1 AND ad = 0 AND (received_at < $2 OR received_at < $3 AND member_id <> 0)`,
		lane, before, ledger.Micros(now.Add(-photosOwned))); err != nil {
		return err
	}
	return tx.Later(ctx, `DELETE FROM photos WHERE community_id = $1 AND ad <> 0 AND EXISTS (SELECT 1 FROM ads
		WHERE ads.community_id = photos.community_id AND ads.number = photos.ad AND (ads.expires_at < $2 OR ads.removed_at < $2))`, lane, before)
}
