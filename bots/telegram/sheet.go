package telegram

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"crier/conversation"
)

// Fits reports whether a text goes out as one message.
func Fits(text, _ string) bool {
	_, rest := cutUnits(text, partMax)
	return rest == ""
}

// layOut makes messages of a sheet: one, where it is not too long.
func layOut(s *conversation.Sheet) []part {
	var w sheetWriter
	w.line(bold(conversation.Harmless(s.Title)))
	for _, section := range s.Sections {
		w.gap()
		w.line(bold(conversation.Harmless(section.Title)))
		w.lines(section.Text)
		for _, item := range section.Items {
			text := plain(conversation.Harmless(item.Text))
			if item.Number != 0 {
				w.line(bold(strconv.FormatInt(item.Number, 10)), plain("  "), text)
			} else {
				w.line(text)
			}
			w.line(italic(conversation.Harmless(item.Note)))
		}
	}
	w.gap()
	w.lines(s.Foot)
	w.end()
	return w.parts
}

// run is a piece of a line in one type: "b", "i", or "" for the usual one.
type run struct{ tag, text string }

func plain(text string) run  { return run{"", text} }
func bold(text string) run   { return run{"b", text} }
func italic(text string) run { return run{"i", text} }

// sheetWriter writes lines into messages. What Telegram counts is the text
// without its marks.
type sheetWriter struct {
	parts []part
	now   strings.Builder
	units int // of the message that is being written
}

// lines adds a text that has lines of its own.
func (w *sheetWriter) lines(text string) {
	for line := range strings.Lines(clean(text, len(text))) {
		if line = conversation.Harmless(line); line == "" {
			w.gap()
		} else {
			w.line(plain(line))
		}
	}
}

// gap adds an empty line, unless it would be the first one or a second one.
func (w *sheetWriter) gap() {
	if s := w.now.String(); s != "" && !strings.HasSuffix(s, "\n\n") && w.units < partMax {
		w.now.WriteByte('\n')
		w.units++
	}
}

// line adds a line of at least one word. One that is longer than a message goes
// on in the next.
func (w *sheetWriter) line(runs ...run) {
	var all strings.Builder
	for _, r := range runs {
		all.WriteString(r.text)
	}
	if strings.TrimSpace(all.String()) == "" {
		return
	}
	if w.units+unitsOf(all.String()) > partMax {
		w.end()
	}
	for _, r := range runs {
		for r.text != "" {
			head, rest := cutUnits(r.text, partMax-w.units)
			if head != "" {
				w.now.WriteString(mark(r.tag, head))
				w.units += unitsOf(head)
			}
			if rest != "" {
				w.end()
			}
			r.text = rest
		}
	}
	if w.units < partMax {
		w.now.WriteByte('\n')
		w.units++
	}
}

// end ends a message.
func (w *sheetWriter) end() {
	if text := strings.TrimSpace(w.now.String()); text != "" {
		w.parts = append(w.parts, part{text: text, html: true})
	}
	w.now.Reset()
	w.units = 0
}

// escape keeps a text from being read as marks (Bot API, "HTML style").
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func mark(tag, text string) string {
	text = escape.Replace(text)
	if tag == "" {
		return text
	}
	return "<" + tag + ">" + text + "</" + tag + ">"
}

// unitsOf is how many UTF-16 units a text has.
func unitsOf(text string) (n int) {
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

const (
	itemButtons = 8 // of a sheet's items have a button
	itemsInRow  = 4
	inRow       = 2 // other choices
)

// sheetKeyboard makes buttons of the first items that have a choice, each with
// the item's number, and below them of the sheet's own choices.
func sheetKeyboard(s *conversation.Sheet) [][]tgbotapi.InlineKeyboardButton {
	var items, others []tgbotapi.InlineKeyboardButton
	for _, section := range s.Sections {
		for _, item := range section.Items {
			choice := item.Choice
			if item.Number != 0 {
				choice.Label = strconv.FormatInt(item.Number, 10)
			}
			if b, ok := standingButton(choice); ok && len(items) < itemButtons {
				items = append(items, b)
			}
		}
	}
	for _, choice := range s.Choices {
		if b, ok := standingButton(choice); ok {
			others = append(others, b)
		}
	}
	return slices.Concat(slices.Collect(slices.Chunk(items, itemsInRow)), slices.Collect(slices.Chunk(others, inRow)))
}

func standingButton(c conversation.Choice) (tgbotapi.InlineKeyboardButton, bool) {
	data := formatStanding(c.Reply)
	label := conversation.Harmless(c.Label)
	if label == "" {
		label = conversation.Harmless(c.Reply)
	}
	if label == "" || len(data) > pressMax || !utf8.ValidString(data) {
		return tgbotapi.InlineKeyboardButton{}, false
	}
	return tgbotapi.NewInlineKeyboardButtonData(label, data), true
}
