package telegram_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots/telegram"
	"crier/bots/telegram/telegramtest"
	"crier/conversation"
)

func jpegOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestPhotosComeWithTheirWords(t *testing.T) {
	photo := jpegOf(t, 1280, 960)
	server := newServer(t)
	ways := map[string]func(h conversation.Handler) *telegram.Bot{
		"polled": func(h conversation.Handler) *telegram.Bot { return start(t, polling(server), h, silent()) },
		"hooked": func(h conversation.Handler) *telegram.Bot { return startHook(t, newHooked(t, &server), h) },
	}
	for _, way := range []string{"polled", "hooked"} {
		t.Run(way, func(t *testing.T) {
			ear := newListener()
			ways[way](ear)
			server.SendPhoto(maria, "", "offer a chair", photo)
			server.SendPhoto(maria, "album 1", "", photo)
			server.SendFile(maria, "image/png", "", []byte("a picture as a file"))
			in := ear.wait(t, 3)
			slices.SortFunc(in, func(a, b conversation.Inbound) int { return strings.Compare(a.ID, b.ID) })
			for i, want := range []struct {
				text, album, kind string
				data              []byte
			}{
				{"offer a chair", "", "image/jpeg", photo},
				{"", "album 1", "image/jpeg", photo},
				{"", "", "image/png", []byte("a picture as a file")},
			} {
				got := in[i]
				if got.Text != want.text || got.Album != want.album || len(got.Photos) != 1 || got.Unusable != "" {
					t.Errorf("heard %q, album %q, with %d photos (%q)", got.Text, got.Album, len(got.Photos), got.Unusable)
				} else if got.Photos[0].Type != want.kind || !bytes.Equal(got.Photos[0].Data, want.data) {
					t.Errorf("the photo is %d bytes of %s", len(got.Photos[0].Data), got.Photos[0].Type)
				}
			}
			if n := len(server.Calls("getFile")); n != 3 {
				t.Errorf("%d files were asked for", n)
			}
		})
	}
}

// newHooked puts a fresh server in the place of one.
func newHooked(t *testing.T, server **telegramtest.Server) *telegramtest.Server {
	*server = newServer(t)
	return *server
}

// Of the sizes that Telegram has, one that is large enough is fetched, and no
// larger one.
func TestWhichSizeIsFetched(t *testing.T) {
	for _, c := range []struct{ w, h, want int }{ // want is which of the sizes, from 1
		{1280, 960, 3}, {960, 1280, 3}, {700, 500, 3}, {300, 200, 2}, {80, 60, 1},
	} {
		server, ear := newServer(t), newListener()
		start(t, polling(server), ear, silent())
		server.SendPhoto(maria, "", "", jpegOf(t, c.w, c.h))
		ear.wait(t, 1)
		if got := server.Calls("getFile")[0].Params.Get("file_id"); got != fmt.Sprint("file-", c.want) {
			t.Errorf("%d x %d: %s was fetched", c.w, c.h, got)
		}
	}
}

// Whatever happens to a picture, the words arrive, and the next message too.
func TestAPictureThatDoesNotCome(t *testing.T) {
	small := jpegOf(t, 900, 600)
	for name, c := range map[string]struct {
		send  func(s *telegramtest.Server)
		want  conversation.Unusable
		asked int // how often for the file
	}{
		"an unknown file": {func(s *telegramtest.Server) {
			s.Script("getFile", telegramtest.Answer{Code: 400, Description: "Bad Request: wrong file_id"}, telegramtest.Answer{Code: 400, Description: "Bad Request: wrong file_id"})
			s.SendPhoto(maria, "", "offer", small)
		}, conversation.Unreadable, 2},
		"what works the second time": {func(s *telegramtest.Server) {
			s.Script("file", telegramtest.Trouble())
			s.SendPhoto(maria, "", "offer", small)
		}, "", 2},
		"a connection that breaks": {func(s *telegramtest.Server) {
			s.Script("file", slices.Repeat([]telegramtest.Answer{telegramtest.Broken()}, 6)...) // HTTP clients try again by themselves
			s.SendPhoto(maria, "", "offer", small)
		}, conversation.Unreadable, 2},
		"a page of a proxy": {func(s *telegramtest.Server) {
			s.Script("file", telegramtest.Trouble(), telegramtest.Trouble())
			s.SendPhoto(maria, "", "offer", small)
		}, conversation.Unreadable, 2},
		"a redirect": {func(s *telegramtest.Server) {
			s.Script("file", telegramtest.Answer{Code: 302}, telegramtest.Answer{Code: 302})
			s.SendPhoto(maria, "", "offer", small)
		}, conversation.Unreadable, 2},
		"9 MB as a file": {func(s *telegramtest.Server) {
			s.SendFile(maria, "image/jpeg", "offer", make([]byte, 9<<20))
		}, conversation.TooLarge, 0},
		"9 MB as a photo": {func(s *telegramtest.Server) {
			s.SendPhoto(maria, "", "offer", make([]byte, 9<<20))
		}, conversation.TooLarge, 1},
		"21 MB as a photo": {func(s *telegramtest.Server) {
			s.SendPhoto(maria, "", "offer", make([]byte, 21<<20))
		}, conversation.TooLarge, 1},
		"HEIC": {func(s *telegramtest.Server) {
			s.SendFile(maria, "image/heic", "offer", []byte("heic"))
		}, conversation.HEIC, 0},
		"no picture": {func(s *telegramtest.Server) {
			s.SendFile(maria, "application/pdf", "offer", []byte("a text"))
		}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			server, ear, log := newServer(t), newListener(), &logs{}
			start(t, polling(server), ear, log.logger())
			c.send(server)
			server.Say(maria, "balance")
			in := ear.wait(t, 2)
			photos := 0
			if c.want == "" && c.asked > 0 {
				photos = 1
			}
			if in[0].Text != "offer" || in[0].Unusable != c.want || len(in[0].Photos) != photos || in[1].Text != "balance" {
				t.Errorf("heard %q with %d photos (%q), and %q", in[0].Text, len(in[0].Photos), in[0].Unusable, in[1].Text)
			}
			if n := len(server.Calls("getFile")); n != c.asked {
				t.Errorf("the file was asked for %d times, not %d", n, c.asked)
			}
			if strings.Contains(log.String(), "tele-secret") {
				t.Error("the log holds the token")
			}
		})
	}
}

// Nobody can have any number of pictures fetched in a day.
func TestPicturesOfOneDay(t *testing.T) {
	server, ear := newServer(t), newListener()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	bot := telegram.New(telegram.Config{Token: token, Endpoint: server.URL(), Secret: secret}, ear, silent(), telegram.WithClock(func() time.Time { return now }))
	server.SendPhoto(maria, "", "", jpegOf(t, 60, 40))
	send := func(i int, from int64) {
		deliver(bot, secret, fmt.Sprintf(`{"update_id":%d,"message":{"message_id":9,"chat":{"id":%d,"type":"private"},"from":{"id":%d},"photo":[{"file_id":"file-1","width":60,"height":40}]}}`, i, from, from))
	}
	for i := range 40 {
		send(i+1, maria)
	}
	send(41, 7)
	now = now.Add(24 * time.Hour)
	send(42, maria)
	got := 0
	for i, in := range ear.heard {
		got += len(in.Photos)
		if refused := i >= 30 && i < 40; refused != (in.Unusable == conversation.TooMany) {
			t.Errorf("message %d: %q", i, in.Unusable)
		}
	}
	if len(ear.heard) != 42 || got != 32 {
		t.Errorf("%d messages came with %d pictures", len(ear.heard), got)
	}
}
