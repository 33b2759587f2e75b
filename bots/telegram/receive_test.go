package telegram_test

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"crier/bots/telegram"
	"crier/conversation"
)

// hostileUpdates are updates with an id (%d) that say nothing we take.
var hostileUpdates = []string{
	`{"update_id":%d}`,
	`{"update_id":%d,"message":null}`,
	`{"update_id":%d,"message":{}}`,
	`{"update_id":%d,"message":[1,2]}`,
	`{"update_id":%d,"message":"hello"}`,
	`{"update_id":%d,"message":{"chat":null,"from":{"id":7},"text":"pay"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"text":"nobody speaks"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"from":{"id":8},"text":"somebody else"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"from":{"id":7,"is_bot":true},"text":"a bot"}}`,
	`{"update_id":%d,"message":{"chat":{"id":"7","type":"private"},"from":{"id":7},"text":"pay"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":5},"from":{"id":7},"text":"pay"}}`,
	`{"update_id":%d,"message":{"chat":{"id":-7,"type":"group"},"from":{"id":7},"text":"/balance"}}`,
	`{"update_id":%d,"message":{"chat":{"id":-7,"type":"supergroup"},"from":{"id":7},"text":"/balance@StandInBot"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"from":{"id":7},"text":"/pay@OtherBot luc 5"}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"from":{"id":7},"pinned_message":{"text":"x"}}}`,
	`{"update_id":%d,"message":{"chat":{"id":7,"type":"private"},"from":{"id":7},"message_auto_delete_timer_changed":{"message_auto_delete_time":5}}}`,
	`{"update_id":%d,"edited_message":{"chat":{"id":7,"type":"private"},"from":{"id":7},"location":{"latitude":1,"longitude":2}}}`,
	`{"update_id":%d,"channel_post":{"chat":{"id":-9,"type":"channel"},"text":"pay"}}`,
	`{"update_id":%d,"callback_query":{}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7}}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"inline_message_id":"i","data":"1:yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":8},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"1:yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":-7,"type":"group"}},"data":"1:yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"!:yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"zzzzzzzzzzzzzzzzzz:yes"}}`,
	`{"update_id":%d,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"1:"}}`,
	`{"update_id":%d,"my_chat_member":{}}`,
	`{"update_id":%d,"my_chat_member":{"chat":{"id":7,"type":"private"},"from":{"id":7},"new_chat_member":{"status":"unheard of"}}}`,
	`{"update_id":%d,"business_message":{"text":"a kind of later years"},"message_reaction":{}}`,
}

func TestMessagesBecomeInbound(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ear := newListener()
	bot := telegram.New(telegram.Config{Token: token, Secret: secret}, ear, silent(), telegram.WithClock(func() time.Time { return at }))
	for i, c := range []struct{ fields, want string }{
		{`"text":"balance"`, "balance"},
		{`"text":"/balance"`, "balance"},
		{`"text":"/balance@StandInBot now"`, "balance now"}, // its own name is not known yet: any is taken
		{`"text":"/my_ads"`, "my ads"},
		{`"text":"/pay luc 5\nfor eggs"`, "pay luc 5\nfor eggs"},
		{`"text":"/start"`, "START"},
		{`"text":"/start inv_9-Z"`, "JOIN inv_9-Z"},
		{`"text":"/start two words"`, "START"},
		{`"text":"/START inv_9"`, "JOIN inv_9"},
		{`"text":"/"`, "/"},
		{`"text":"/ balance"`, "/ balance"},
		{`"text":"/usr/bin"`, "/usr/bin"},
		{`"text":"1/2"`, "1/2"},
		{`"photo":[{"file_id":""}],"caption":"offer a chair"`, "offer a chair"},
		{`"photo":[]`, ""},
		{`"photo":5`, ""},
		{`"photo":[7,{"width":"x"}],"media_group_id":8`, ""},
		{`"document":[]`, ""},
		{`"animation":{"file_id":"x"},"document":{"file_id":"x","mime_type":"image/gif"}`, ""},
		{`"document":{"file_id":"x","mime_type":"application/pdf"},"caption":"offer a chair"`, "offer a chair"},
		{`"sticker":{"emoji":"👍"}`, ""},
		{`"voice":{"duration":3}`, ""},
		{`"story":{"id":1}`, ""},
		{`"text":"a\u0000b\ud83dc"`, "ab\ufffdc"},
		{`"text":5`, ""},
	} {
		before := len(ear.heard)
		body := fmt.Sprintf(`{"update_id":%d,"message":{"message_id":9,"chat":{"id":7,"type":"private"},"from":{"id":7,"first_name":"Maria","last_name":"K","language_code":"PT-br"},%s}}`, i+1, c.fields)
		if code := deliver(bot, secret, body).Code; code != 200 {
			t.Errorf("%s: answered %d", c.fields, code)
		}
		if len(ear.heard) != before+1 {
			t.Errorf("%s: not handed over", c.fields)
			continue
		}
		want := conversation.Inbound{
			Channel: "telegram", ID: "4711:" + itoa(i+1), From: "7", Name: "Maria K", Text: c.want,
			At: at, Trust: conversation.Proven, Locale: "pt",
		}
		if got := ear.heard[before]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.fields, got, want)
		}
	}
}

func TestEditedSaysSo(t *testing.T) {
	ear := newListener()
	bot := telegram.New(telegram.Config{Token: token, Secret: secret}, ear, silent())
	deliver(bot, secret, `{"update_id":3,"edited_message":{"message_id":9,"chat":{"id":7,"type":"private"},"from":{"id":7,"language_code":"fil"},"text":"pay luc 6"}}`)
	if len(ear.heard) != 1 || !ear.heard[0].Edited || ear.heard[0].ID != "4711:3" || ear.heard[0].Locale != "" {
		t.Errorf("heard %+v", ear.heard)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	ear := newListener()
	api := &longTeller{text: strings.Repeat("€", 1<<20)} // 3 MiB, over the polled way: a webhook takes 1 MiB in all
	bot := telegram.New(telegram.Config{Token: token}, ear, silent(), telegram.WithTransport(api), quick())
	run(t, bot)
	in := ear.wait(t, 1)[0]
	if len(in.Text) > 1<<20 || len(in.Text) < 1<<20-3 || !utf8.ValidString(in.Text) {
		t.Errorf("%d bytes, valid: %v", len(in.Text), utf8.ValidString(in.Text))
	}
	if len(in.Name) > 256 {
		t.Errorf("a name of %d bytes", len(in.Name))
	}
}

func TestHostileUpdatesAreIgnored(t *testing.T) {
	ear, log := newListener(), &logs{}
	bot := telegram.New(telegram.Config{Token: token, Endpoint: "http://127.0.0.1:1", Secret: secret}, ear, log.logger(), telegram.WithAddresses(ear))
	for i, body := range hostileUpdates {
		if strings.Contains(body, "@OtherBot") {
			continue // before getMe every name could be the bot's own
		}
		if code := deliver(bot, secret, fmt.Sprintf(body, i+1)).Code; code != 200 {
			t.Errorf("%s: answered %d", body, code)
		}
	}
	if len(ear.heard)+len(ear.told) != 0 {
		t.Errorf("heard %+v, told %v", ear.heard, ear.told)
	}
}

func FuzzUpdate(f *testing.F) {
	f.Add(proper)
	for i, body := range hostileUpdates {
		f.Add(fmt.Sprintf(body, i+1))
	}
	f.Add(`{"update_id":1,"callback_query":{"id":"q","from":{"id":7},"message":{"message_id":1,"chat":{"id":7,"type":"private"}},"data":"-1:yes"}}`)
	f.Fuzz(func(t *testing.T, body string) {
		ear := newListener()
		bot := telegram.New(telegram.Config{Token: token, Endpoint: "http://127.0.0.1:1", Secret: secret}, ear, silent(), telegram.WithAddresses(ear))
		code := deliver(bot, secret, body).Code
		if code != 200 && code != 400 {
			t.Errorf("answered %d", code)
		}
		for _, in := range ear.heard {
			if code != 200 || !strings.HasPrefix(in.ID, "4711:") || in.From == "" || strings.HasPrefix(in.From, "-") ||
				in.Trust != conversation.Proven || !utf8.ValidString(in.Text+in.Name) || strings.ContainsRune(in.Text+in.Name, 0) {
				t.Errorf("%q was heard as %+v", body, in)
			}
		}
	})
}

// longTeller is an API with one update, and that a long one.
type longTeller struct {
	eager
	text string
}

func (l *longTeller) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.eager.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/getUpdates") && l.polls.Load() == 1 {
		body := fmt.Sprintf(`{"ok":true,"result":[{"update_id":5,"message":{"message_id":1,"chat":{"id":7,"type":"private"},"from":{"id":7,"first_name":%q},"text":%q}}]}`, l.text, l.text)
		response.Body = io.NopCloser(strings.NewReader(body))
	}
	return response, err
}
