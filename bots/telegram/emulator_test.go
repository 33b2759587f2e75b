package telegram_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"crier/bots/telegram"
	"crier/conversation"
)

// emulatorVersion is the npm package telegram-test-api that is the second
// witness: an emulator of the Bot API that somebody else wrote. It knows no
// offsets, no waiting and no limits; those are the stand-in's part.
const emulatorVersion = "4.2.1"

func TestEmulator(t *testing.T) {
	emulator := startEmulator(t)
	network := &countingTransport{}
	ear := newListener()
	began := time.Now()
	bot := start(t, telegram.Config{Token: token, Endpoint: emulator.url}, ear, silent(), telegram.WithTransport(network))

	// Maria follows an invitation link.
	emulator.do(t, "/sendCommand", maria7(`"text":"/start inv_9","entities":[{"offset":0,"length":6,"type":"bot_command"}],"date":1`))
	in := ear.wait(t, 1)[0]
	if in.Text != "JOIN inv_9" || in.From != "7" || in.Name != "Maria Keller" || in.Locale != "fr" || !strings.HasPrefix(in.ID, "4711:") {
		t.Errorf("the deep link came as %+v", in)
	}

	// She is asked something, with buttons.
	out := outbound(1, 7, "Pay Luc Martin 5 acorns? Reply YES or NO.")
	out.Question = 99
	out.Choices = []conversation.Choice{{Label: "Yes", Reply: "yes"}, {Label: "No", Reply: "no"}}
	if _, err := bot.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	messages := emulator.history(t, 7)
	if len(messages) != 1 || messages[0].Message.Text != out.Text || len(messages[0].Message.Markup.Rows) != 1 || len(messages[0].Message.Markup.Rows[0]) != 2 {
		t.Fatalf("the emulator holds %+v", messages)
	}
	button := messages[0].Message.Markup.Rows[0][0]
	if button.Text != "Yes" {
		t.Errorf("the first button says %q", button.Text)
	}

	// She presses Yes, and the buttons go.
	emulator.do(t, "/sendCallback", maria7(fmt.Sprintf(
		`"data":%q,"message":{"message_id":%d,"date":1,"chat":{"id":7,"type":"private"},"text":"x"}`, button.Data, messages[0].MessageID)))
	in = ear.wait(t, 2)[1]
	if in.Text != "yes" || in.Question != 99 || !strings.HasPrefix(in.ID, "4711:cb") {
		t.Errorf("the press came as %+v", in)
	}
	eventually(t, "the buttons' end", func() bool { return len(emulator.history(t, 7)[0].Message.Markup.Rows) == 0 })

	// The emulator never waits; the bot must not ask without end.
	if n, most := network.polls.Load(), int64(time.Since(began)/(100*time.Millisecond))+5; n > most {
		t.Errorf("asked %d times in %v", n, time.Since(began))
	}
}

// maria7 is what a client of the emulator sends, with the person in it.
func maria7(fields string) string {
	return fmt.Sprintf(`{"botToken":%q,"from":{"id":7,"first_name":"Maria","last_name":"Keller","language_code":"fr"},"chat":{"id":7,"type":"private"},%s}`, token, fields)
}

type countingTransport struct{ polls atomic.Int64 }

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/getUpdates") {
		c.polls.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// emulator is a running telegram-test-api.
type emulator struct{ url string }

type emulatorMessage struct {
	MessageID int `json:"messageId"`
	Message   struct {
		Chat   json.RawMessage `json:"chat_id"` // a text or a number; users' messages have none
		Text   string          `json:"text"`
		Markup struct {
			Rows [][]struct {
				Text string `json:"text"`
				Data string `json:"callback_data"`
			} `json:"inline_keyboard"`
		} `json:"reply_markup"`
	} `json:"message"`
}

// history returns the bot's messages in a chat, as they are now.
func (e *emulator) history(t *testing.T, chat int) []emulatorMessage {
	t.Helper()
	var answer struct {
		Result []emulatorMessage `json:"result"`
	}
	if err := json.Unmarshal(e.do(t, "/getUpdatesHistory", fmt.Sprintf(`{"token":%q}`, token)), &answer); err != nil {
		t.Fatalf("emulator: %v", err)
	}
	var messages []emulatorMessage
	for _, m := range answer.Result {
		if strings.Trim(string(m.Message.Chat), `"`) == strconv.Itoa(chat) {
			messages = append(messages, m)
		}
	}
	return messages
}

func (e *emulator) do(t *testing.T, path, body string) []byte {
	t.Helper()
	answer, err := e.post(path, body)
	if err != nil {
		t.Fatalf("emulator: %v", err)
	}
	return answer
}

func (e *emulator) post(path, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var buf bytes.Buffer
	if _, err := buf.ReadFrom(response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s %s", path, response.Status, buf.String())
	}
	return buf.Bytes(), nil
}

// emulatorScript ends with its standard input, and so with the test, however
// that ends.
const emulatorScript = `
const Server = require('telegram-test-api');
process.stdin.on('end', () => process.exit()).resume();
new Server({ host: '127.0.0.1', port: Number(process.argv[1]), storeTimeout: 600 }).start();
`

// startEmulator runs the emulator on a free port of the loopback.
func startEmulator(t *testing.T) *emulator {
	t.Helper()
	dir := installEmulator(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	node := exec.Command("node", "-e", emulatorScript, strconv.Itoa(port))
	node.Dir, node.Stdout, node.Stderr = dir, &output, &output
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = node.Wait() }()
	t.Cleanup(func() {
		_ = stdin.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = node.Process.Kill()
			<-ended
		}
		http.DefaultClient.CloseIdleConnections()
	})
	e := &emulator{url: "http://127.0.0.1:" + strconv.Itoa(port)}
	eventually(t, "the emulator", func() bool {
		select {
		case <-ended:
			t.Fatalf("the emulator ended:\n%s", output.String())
		default:
		}
		_, err := e.post("/getUpdatesHistory", `{"token":"x"}`)
		return err == nil
	})
	return e
}

// installEmulator returns a folder that has the emulator in its node_modules.
// It is installed once, and kept in the user's cache folder.
func installEmulator(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test runs the Telegram emulator telegram-test-api, which needs %s: install Node.js 18 or later with npm", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no cache folder to install the Telegram emulator in: %v", err)
	}
	dir := filepath.Join(cache, "crier-test", "telegram-test-api-"+emulatorVersion)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "telegram-test-api")); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	// Beside its place, and moved there whole: a broken-off installation is none.
	fresh := dir + ".installing-" + strconv.Itoa(os.Getpid())
	if err := os.Mkdir(fresh, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--no-audit", "--no-fund", "--ignore-scripts", "telegram-test-api@"+emulatorVersion)
	npm.Dir = fresh
	if output, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm could not install the Telegram emulator (it needs the npm registry once): %v\n%s", err, output)
	}
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, statErr := os.Stat(filepath.Join(dir, "node_modules", "telegram-test-api")); statErr != nil {
			t.Fatalf("put the Telegram emulator in its place: %v", err)
		}
	}
	return dir
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx := patience(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
