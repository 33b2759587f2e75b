package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
)

// botAPI is all that Crier asks of Telegram. An answer that Telegram gave, but
// a refusing one, is a *tgbotapi.Error; any other error is the network's.
// No error holds the token.
type botAPI interface {
	// me returns the bot's own user name.
	me(ctx context.Context) (username string, err error)
	// updates waits up to timeout for updates from offset on, and confirms
	// those before it. Each is left undecoded, so that one broken update
	// does not hide the others.
	updates(ctx context.Context, offset int, timeout time.Duration) ([]json.RawMessage, error)
	// send sends one message.
	send(ctx context.Context, to chat, p part, rows [][]tgbotapi.InlineKeyboardButton) (message int, err error)
	// answer ends the waiting sign on a pressed button.
	answer(ctx context.Context, query string) error
	// removeKeyboard takes the buttons off a message.
	removeKeyboard(ctx context.Context, chat int64, message int) error
	// file gets what somebody has sent, if it is of at most so many bytes; else
	// its error is errLargeFile.
	file(ctx context.Context, id string, most int) ([]byte, error)
	setWebhook(ctx context.Context, address, secret string) error
	deleteWebhook(ctx context.Context) error
	// setCommands sets the menu in one language, "" for all without their own.
	setCommands(ctx context.Context, language string, commands []tgbotapi.BotCommand) error
}

// allowedUpdates are the kinds of updates that receive.go reads. Telegram
// remembers the list, so it is always given.
var allowedUpdates = []string{"message", "edited_message", "callback_query", "my_chat_member"}

const (
	callTimeout = 30 * time.Second // for any call; a poll has its own timeout on top
	answerMax   = 32 << 20         // bytes of an answer that are read: far above 100 updates
)

// library is the botAPI on go-telegram-bot-api. Of that library only the
// requests are used: its update channel confirms updates before they are
// handled, and its constructor calls Telegram.
type library struct {
	token    string
	endpoint string // with two %s: token and method
	files    string // with two %s: token and path
	client   *http.Client
}

func newLibrary(c Config, transport http.RoundTripper) *library {
	endpoint, files := tgbotapi.APIEndpoint, tgbotapi.FileEndpoint
	if c.Endpoint != "" {
		endpoint = strings.TrimRight(c.Endpoint, "/") + "/bot%s/%s"
		files = strings.TrimRight(c.Endpoint, "/") + "/file/bot%s/%s"
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     90 * time.Second,
		}
	}
	client := &http.Client{
		Transport: transport,
		// A redirect would carry the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &library{token: c.Token, endpoint: endpoint, files: files, client: client}
}

// call makes a BotAPI of the library whose requests end with ctx. It is a few
// words of memory, so every call has its own.
func (l *library) call(ctx context.Context) *tgbotapi.BotAPI {
	bot := &tgbotapi.BotAPI{Token: l.token, Client: boundClient{ctx, l.client}}
	bot.SetAPIEndpoint(l.endpoint)
	return bot
}

// request is one call within callTimeout.
func (l *library) request(ctx context.Context, method string, c tgbotapi.Chattable) (*tgbotapi.APIResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := l.call(ctx).Request(c)
	return response, l.explain(method, err)
}

func (l *library) me(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	user, err := l.call(ctx).GetMe()
	return user.UserName, l.explain("getMe", err)
}

func (l *library) updates(ctx context.Context, offset int, timeout time.Duration) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+callTimeout)
	defer cancel()
	response, err := l.call(ctx).Request(tgbotapi.UpdateConfig{
		Offset:         offset,
		Limit:          100,
		Timeout:        int(timeout / time.Second),
		AllowedUpdates: allowedUpdates,
	})
	if err != nil {
		return nil, l.explain("getUpdates", err)
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(response.Result, &updates); err != nil {
		return nil, fmt.Errorf("getUpdates: %w", err)
	}
	return updates, nil
}

func (l *library) send(ctx context.Context, to chat, p part, rows [][]tgbotapi.InlineKeyboardButton) (int, error) {
	message := tgbotapi.NewMessage(to.id, p.text)
	message.ChannelUsername = to.name
	message.DisableWebPagePreview = true
	if p.html {
		message.ParseMode = tgbotapi.ModeHTML
	}
	if len(rows) > 0 {
		message.ReplyMarkup = tgbotapi.NewInlineKeyboardMarkup(rows...)
	}
	response, err := l.request(ctx, "sendMessage", message)
	if err != nil {
		return 0, err
	}
	// Telegram has taken it, whatever its answer says: an unreadable one must
	// not have the message sent again.
	var sent tgbotapi.Message
	_ = json.Unmarshal(response.Result, &sent)
	return sent.MessageID, nil
}

func (l *library) answer(ctx context.Context, query string) error {
	_, err := l.request(ctx, "answerCallbackQuery", tgbotapi.NewCallback(query, ""))
	return err
}

func (l *library) removeKeyboard(ctx context.Context, chat int64, message int) error {
	none := tgbotapi.InlineKeyboardMarkup{InlineKeyboard: [][]tgbotapi.InlineKeyboardButton{}}
	_, err := l.request(ctx, "editMessageReplyMarkup", tgbotapi.NewEditMessageReplyMarkup(chat, message, none))
	return err
}

var errLargeFile = errors.New("the file is too large")

func (l *library) file(ctx context.Context, id string, most int) ([]byte, error) {
	response, err := l.request(ctx, "getFile", tgbotapi.FileConfig{FileID: id})
	if refused := refusal(err); refused != nil && strings.Contains(refused.Message, "file is too big") { // above 20 MB
		return nil, errLargeFile
	}
	if err != nil {
		return nil, err
	}
	var file tgbotapi.File
	if err := json.Unmarshal(response.Result, &file); err != nil || file.FilePath == "" {
		return nil, errors.New("getFile: no path of a file")
	}
	if file.FileSize > most {
		return nil, errLargeFile
	}
	data, err := l.download(ctx, file.FilePath, most)
	return data, l.explain("download", err)
}

// download gets the file at a path that getFile has named.
func (l *library) download(ctx context.Context, path string, most int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	address := fmt.Sprintf(l.files, l.token, (&url.URL{Path: path}).EscapedPath())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := l.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	if len(data) > most {
		return nil, errLargeFile
	}
	return data, err
}

// setWebhook goes past the library's own form, which is older than
// secret_token (Bot API 6.0).
func (l *library) setWebhook(ctx context.Context, address, secret string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	params := tgbotapi.Params{"url": address, "secret_token": secret}
	if err := params.AddInterface("allowed_updates", allowedUpdates); err != nil {
		return err
	}
	_, err := l.call(ctx).MakeRequest("setWebhook", params)
	return l.explain("setWebhook", err)
}

func (l *library) deleteWebhook(ctx context.Context) error {
	_, err := l.request(ctx, "deleteWebhook", tgbotapi.DeleteWebhookConfig{})
	return err
}

func (l *library) setCommands(ctx context.Context, language string, commands []tgbotapi.BotCommand) error {
	scope := tgbotapi.NewBotCommandScopeAllPrivateChats() // in groups the bot does not talk
	_, err := l.request(ctx, "setMyCommands", tgbotapi.NewSetMyCommandsWithScopeAndLanguage(scope, language, commands...))
	return err
}

// boundClient sends the library's requests, which know no context, with one.
type boundClient struct {
	ctx    context.Context
	client *http.Client
}

func (c boundClient) Do(r *http.Request) (*http.Response, error) {
	response, err := c.client.Do(r.WithContext(c.ctx))
	if err != nil {
		return nil, err
	}
	response.Body = limitedBody{io.LimitReader(response.Body, answerMax), response.Body}
	return response, nil
}

type limitedBody struct {
	io.Reader
	io.Closer
}

// explain names the method that failed, and keeps the token out of the error:
// it is part of every address, and *url.Error prints the address.
func (l *library) explain(method string, err error) error {
	if err == nil {
		return nil
	}
	var known *tgbotapi.Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: Telegram answered %d: %w", method, known.Code, known)
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	// The secret half alone is as good as the whole.
	_, secret, _ := strings.Cut(l.token, ":")
	if secret != "" && strings.Contains(err.Error(), secret) {
		return fmt.Errorf("%s: %s", method, strings.ReplaceAll(err.Error(), secret, "[token]"))
	}
	return fmt.Errorf("%s: %w", method, err)
}

// refusal returns Telegram's refusing answer in err, or nil where there was none.
func refusal(err error) *tgbotapi.Error {
	var refused *tgbotapi.Error
	errors.As(err, &refused)
	return refused
}

func badToken(err error) bool {
	refused := refusal(err)
	// 401: a token that was revoked. 404: one that Telegram cannot even read.
	return refused != nil && (refused.Code == http.StatusUnauthorized || refused.Code == http.StatusNotFound)
}

// decode reads one update. A field of an unexpected type counts as missing
// (Telegram's kinds change faster than the library); an update without a
// usable id is an error.
func decode(raw []byte) (tgbotapi.Update, error) {
	var update tgbotapi.Update
	err := json.Unmarshal(raw, &update)
	var wrongType *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &wrongType) {
		return tgbotapi.Update{}, fmt.Errorf("decode update: %w", err)
	}
	if update.UpdateID <= 0 || int64(update.UpdateID) > 1<<53 {
		return tgbotapi.Update{}, errors.New("decode update: no update_id")
	}
	return update, nil
}

func address(chat int64) string { return strconv.FormatInt(chat, 10) }
