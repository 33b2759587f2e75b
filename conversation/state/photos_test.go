package state_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"crier/conversation"
	"crier/conversation/state"
	"crier/ledger"
	"crier/ledger/storetest"
)

// snapshot is a photo as a telephone sends it: the n-th is all of one grey.
func snapshot(n int) conversation.Photo { return picture(n, 1200, 900) }

func picture(n, w, h int) conversation.Photo {
	p := image.NewGray(image.Rect(0, 0, w, h))
	for i := range p.Pix {
		p.Pix[i] = byte(20 * n)
	}
	var file bytes.Buffer
	_ = png.Encode(&file, p)
	return conversation.Photo{Type: "image/png", Data: file.Bytes()}
}

// shade tells which snapshot a file shows, if it is a JPEG file of that size.
func shade(t *testing.T, data []byte, side int) int {
	t.Helper()
	p, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil || p.Bounds().Dx() != side {
		t.Errorf("kept a photo of %d bytes that is none of %d pixels (%v)", len(data), side, err)
		return 0
	}
	return (int(color.GrayModel.Convert(p.At(side/2, side/2)).(color.Gray).Y) + 10) / 20
}

// shown are the snapshots that an ad has.
func shown(t *testing.T, db ledger.DB, community ledger.CommunityID, ad int64) (all []int) {
	t.Helper()
	var photos []conversation.Photo
	must(t, db.View(t.Context(), func(tx ledger.Tx) (err error) {
		photos, err = state.Photos(t.Context(), tx, community, ad)
		return err
	}))
	for _, p := range photos {
		n := shade(t, p.Data, 800)
		if small := shade(t, p.Thumb, 320); n != small || p.Type != "image/jpeg" {
			t.Errorf("photo %d has the thumbnail of %d, and is %s", n, small, p.Type)
		}
		all = append(all, n)
	}
	return all
}

func photographed(i int, id, text string, photos ...conversation.Photo) conversation.Inbound {
	in := mailed(i, id, text, 0)
	in.Trust, in.Photos = conversation.Proven, photos
	return in
}

func TestPhotos(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		with := photographed(1, "a", "offer honey, 3 a jar", snapshot(1), snapshot(2))
		said := tell(t, j, with)
		if len(said) != 1 || !strings.Contains(said[0].Text, "2 photos") {
			t.Errorf("said %+v", said)
		}
		tell(t, j, with) // comes twice
		tell(t, j, photographed(1, "b", "balance", snapshot(3)))
		held := photographed(2, "c", "offer apples", snapshot(4)) // whose is it?
		held.Trust = conversation.Claimed
		asked := tell(t, j, held)
		tell(t, j, mailed(2, "d", "yes", asked[0].ID))
		for ad, want := range map[int64][]int{1: {1, 2}, 2: {4}, 3: nil} {
			if got := shown(t, db, town.id, ad); !slices.Equal(got, want) {
				t.Errorf("ad %d has the photos %v, want %v", ad, got, want)
			}
		}
		// The photo of a claim that nobody says yes to; and one that waits for an ad, for a day.
		nobody := photographed(3, "e", "offer pears", snapshot(5))
		nobody.Trust = conversation.Claimed
		tell(t, j, nobody)
		tell(t, j, photographed(3, "f", "", snapshot(6)))
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{0, 5}, {23 * time.Hour, 5}, {2 * time.Hour, 4}, {30 * 24 * time.Hour, 3}} {
			now.add(step.after)
			must(t, j.Tick(t.Context()))
			if n := count(t, db, `SELECT COUNT(*) FROM photos`); n != step.want {
				t.Errorf("%d photos are kept after %v more, want %d", n, step.after, step.want)
			}
		}
		now.add(365 * 24 * time.Hour)
		must(t, j.Tick(t.Context()))
		if n := count(t, db, `SELECT COUNT(*) FROM photos`); n != 0 {
			t.Errorf("%d photos of ads that are long over are kept", n)
		}
	})
}

// What is in the database and in its files is the small picture, and no word of
// what came with the large one.
func TestNothingOfTheFileIsKept(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		p := snapshot(7)
		secret := []byte("EXIF 50.8503 N 4.3517 E")
		p.Data = append(p.Data, secret...) // decoders do not look there
		tell(t, j, photographed(1, "a", "offer honey", p))
		var data string
		must(t, db.View(t.Context(), func(tx ledger.Tx) error {
			return ledger.Get(t.Context(), tx, []any{&data}, `SELECT data || '/' || thumb FROM photos`)
		}))
		for _, one := range strings.SplitN(data, "/9j/", 3)[1:] { // a JPEG file in base64 begins so
			file, _ := base64.StdEncoding.DecodeString("/9j/" + strings.TrimSuffix(one, "/"))
			if len(file) == 0 || bytes.Contains(file, secret[:8]) {
				t.Errorf("kept %d bytes, with what the file said", len(file))
			}
		}
	})
}

func TestWhatIsNoPhoto(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		for i, c := range []struct {
			data string
			word string
		}{
			{"no picture", "could not open"},
			{"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"},
			{"GIF89a\xff\xff\xff\xff\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x16", "too large"},
		} {
			said := tell(t, j, photographed(1, fmt.Sprint(i), "offer honey", conversation.Photo{Type: "image/jpeg", Data: []byte(c.data)}, snapshot(1)))
			if len(said) != 1 || !strings.Contains(said[0].Text, "is up") || !strings.Contains(said[0].Text, "photo with it") ||
				!strings.Contains(said[0].Text, c.word) {
				t.Errorf("said %+v", said)
			}
			if got := shown(t, db, town.id, int64(i+1)); !slices.Equal(got, []int{1}) {
				t.Errorf("the ad has the photos %v", got)
			}
		}
	})
}

func TestPhotosHaveBounds(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		three := slices.Repeat([]conversation.Photo{picture(1, 40, 30)}, 4)
		stranger := photographed(1, "stranger", "offer honey", three...)
		stranger.From = "nobody@example.org"
		tell(t, j, stranger)
		if n := count(t, db, `SELECT COUNT(*) FROM photos`); n != 0 {
			t.Errorf("%d photos of a stranger are kept", n)
		}
		var said []conversation.Outbound
		for i := range 8 {
			now.add(2 * time.Minute)
			said = tell(t, j, photographed(1, fmt.Sprint(i), fmt.Sprintf("offer honey %d", i), three...))
		}
		if n := count(t, db, `SELECT COUNT(*) FROM photos`); n != 18 {
			t.Errorf("%d photos of one day are kept, want 18", n)
		}
		if len(said) != 1 || !strings.Contains(said[0].Text, "many photos today") {
			t.Errorf("said %+v", said)
		}
		now.add(25 * time.Hour)
		tell(t, j, photographed(1, "tomorrow", "offer jam", three...))
		if n := count(t, db, `SELECT COUNT(*) FROM photos`); n != 21 {
			t.Errorf("%d photos are kept a day later, want 21", n)
		}
	})
}

func TestThumbs(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		now := newClock()
		town := mailTown(t, db, now)
		j := journey(t, db, now, nil, 0)
		tell(t, j, photographed(1, "a", "offer honey", snapshot(1)))
		now.add(8 * 24 * time.Hour)
		tell(t, j, photographed(1, "b", "offer jam", snapshot(2), snapshot(3)))
		tell(t, j, photographed(1, "c", "", snapshot(4)))
		tell(t, j, photographed(2, "d", "", snapshot(5)))
		got := map[int64]int{}
		must(t, j.Memory(t.Context(), town.id, func(memory conversation.Memory) error {
			thumbs, err := memory.Thumbs(t.Context(), town.id, now.Now().Add(-7*24*time.Hour))
			for ad, p := range thumbs {
				got[ad] = shade(t, p.Data, 320)
			}
			return err
		}))
		if len(got) != 1 || got[2] != 2 {
			t.Errorf("the thumbnails are %v, want the first photo of ad 2", got)
		}
	})
}

// upTo are the migrations of the journey up to one.
func upTo(t *testing.T, last string) fs.FS {
	t.Helper()
	steps := fstest.MapFS{}
	files, err := filepath.Glob("migrations/*.sql")
	must(t, err)
	for _, file := range files {
		if name := filepath.Base(file); name <= last {
			data, err := os.ReadFile(file)
			must(t, err)
			steps[name] = &fstest.MapFile{Data: data}
		}
	}
	return steps
}

// Photos were once kept as they came. They become small, and those that cannot
// are removed.
func TestOldPhotosBecomeSmall(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		ctx := t.Context()
		now := newClock()
		must(t, ledger.Prepare(ctx, db))
		must(t, ledger.Migrate(ctx, db, "journey", upTo(t, "0004_sheets.sql")))
		var id ledger.CommunityID
		must(t, db.Update(ctx, func(tx ledger.Tx) error {
			book, err := ledger.NewCommunity(ctx, tx, ledger.Community{
				Slug: "town", Name: "Town", UnitKind: ledger.Units, UnitWords: "acorn", Locale: "en", Timezone: "UTC",
			}, now.Now())
			if err != nil {
				return err
			}
			id = book.Community().ID
			m, err := book.AddMember(ctx, ledger.NewMember{Name: "Maria Keller", Number: 12})
			if err != nil {
				return err
			}
			if err := book.Bind(ctx, m.ID, "email", mailbox(1)); err != nil {
				return err
			}
			if _, err := book.PutAd(ctx, "old", ledger.Ad{Kind: ledger.Offer, Member: m.ID, Text: "honey"}, nil); err != nil {
				return err
			}
			for _, message := range []struct {
				id          int64
				text, state string
			}{{1, "offer honey", "done"}, {2, "offer jam", "pending"}} {
				if _, err := tx.Exec(ctx, `INSERT INTO inbox (id, community_id, channel, external_id, sender, name, text, trust, locale, question, edited,
						received_at, state, next_at)
					VALUES ($1, $2, 'email', $3, $4, '', $5, 1, '', 0, 0, $6, $7, 0)`,
					message.id, id, fmt.Sprint(message.id), mailbox(1), message.text, ledger.Micros(now.Now()), message.state); err != nil {
					return err
				}
			}
			for _, photo := range []struct {
				message, number, ad int64
				data                []byte
			}{{1, 1, 1, snapshot(1).Data}, {1, 2, 1, []byte("\x00\x00\x00\x18ftypheic")}, {1, 3, 1, snapshot(3).Data}, {2, 1, 0, snapshot(4).Data}} {
				if _, err := tx.Exec(ctx, `INSERT INTO photos (community_id, message_id, number, type, data, ad, received_at)
					VALUES ($1, $2, $3, 'image/png', $4, $5, $6)`, id, photo.message, photo.number,
					base64.StdEncoding.EncodeToString(photo.data), photo.ad, ledger.Micros(now.Now())); err != nil {
					return err
				}
			}
			return nil
		}))
		must(t, state.Prepare(ctx, db))
		j := journey(t, db, now, nil, 0)
		if got := shown(t, db, id, 1); got != nil {
			t.Errorf("shows %v as they came", got)
		}
		_, err := j.Work(context.WithoutCancel(ctx))
		must(t, err)
		for range 2 { // the second time there is nothing to do
			must(t, j.Tick(ctx))
			for ad, want := range map[int64][]int{1: {1, 3}, 2: {4}} {
				if got := shown(t, db, id, ad); !slices.Equal(got, want) {
					t.Errorf("ad %d has the photos %v, want %v", ad, got, want)
				}
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM photos WHERE LENGTH(data) > 400000 OR thumb = ''`); n != 0 {
			t.Errorf("%d photos are as they came", n)
		}
	})
}

// Whoever is in two communities is asked for which one a message is. Its photos
// go along.
func TestPhotosGoToTheCommunityThatIsChosen(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		t.Parallel()
		town, _ := twoTowns(t, db)
		now := newClock()
		for i, id := range town.ids {
			inBook(t, db, id, now.Now(), func(book *ledger.Book) error {
				return book.Bind(t.Context(), town.all[i][0].ID, "email", mailbox(1))
			})
		}
		j := journey(t, db, now, nil, 0)
		expect := func(said []conversation.Outbound, want string) int64 {
			t.Helper()
			if len(said) != 1 || !strings.Contains(said[0].Text, want) {
				t.Fatalf("said %+v, want %q", said, want)
			}
			return said[0].ID
		}
		proven := func(id, text string) conversation.Inbound { return photographed(1, id, text) }

		expect(tell(t, j, photographed(1, "a", "offer honey", snapshot(1), snapshot(2))), "Which group")
		expect(tell(t, j, proven("b", "2")), "I keep your 2 photos")
		expect(tell(t, j, photographed(1, "c", "offer jam", snapshot(3))), "photo with it") // remembered
		now.add(2 * time.Hour)
		expect(tell(t, j, photographed(1, "d", "", snapshot(4))), "Which group")
		expect(tell(t, j, proven("e", "north")), "I have your photo")
		expect(tell(t, j, proven("f", "offer bread")), "photo with it")
		now.add(2 * time.Hour)
		claimed := photographed(1, "g", "offer apples", snapshot(5))
		claimed.Trust = conversation.Claimed
		question := expect(tell(t, j, claimed), "offer apples")
		expect(tell(t, j, mailed(1, "h", "yes", question)), "Which group")
		expect(tell(t, j, proven("i", "1")), "photo with it")

		for _, c := range []struct {
			town int
			ad   int64
			want []int
		}{{1, 1, []int{1, 2}}, {1, 2, []int{3}}, {0, 1, []int{4}}, {0, 2, []int{5}}} {
			if got := shown(t, db, town.ids[c.town], c.ad); !slices.Equal(got, c.want) {
				t.Errorf("ad %d of community %d has the photos %v, want %v", c.ad, c.town, got, c.want)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM photos WHERE ad = 0`); n != 0 {
			t.Errorf("%d photos are left", n)
		}
	})
}
