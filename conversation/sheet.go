package conversation

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sheet is a page that many get, laid out by each channel as it can: Outbound
// carries it beside its text, which says the same.
type Sheet struct {
	Title    string    `json:"title"`
	Sections []Section `json:"sections,omitempty"`
	Foot     string    `json:"foot,omitempty"`    // how to answer, how to get it less often
	Choices  []Choice  `json:"choices,omitempty"` // buttons under it, for answers that the foot names
}

// Section is a part of a sheet under one title, "" for none.
type Section struct {
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"` // of whole sentences, above the items
	Items []Item `json:"items,omitempty"`
}

// Item is one line of a section, an ad for one.
type Item struct {
	Number int64  `json:"number,omitempty"` // by which an answer calls it: "take 31"; 0: none
	Text   string `json:"text"`             // of the member
	Note   string `json:"note,omitempty"`   // price, who, where, until when
	Photo  *Photo `json:"photo,omitempty"`
	Choice Choice `json:"choice,omitzero"` // the button beside it
}

// Plain is the sheet as a text that is read from above down.
func (s *Sheet) Plain() string {
	var b strings.Builder
	add := func(lines ...string) {
		for _, line := range lines {
			if line != "" {
				b.WriteString(line)
				b.WriteByte('\n')
			}
		}
	}
	add(s.Title)
	for _, section := range s.Sections {
		b.WriteByte('\n')
		add(strings.ToUpper(section.Title), section.Text)
		for _, item := range section.Items {
			line := oneLine(item.Text)
			if item.Number != 0 {
				line = strconv.FormatInt(item.Number, 10) + "  " + line
			}
			if item.Note != "" {
				line += " (" + oneLine(item.Note) + ")"
			}
			add(line)
		}
	}
	if s.Foot != "" {
		b.WriteByte('\n')
		add(s.Foot)
	}
	return strings.TrimSpace(b.String())
}

// Harmless is a text of whomever as one line that shows what it says: without
// control characters, and without what turns the direction of reading.
func Harmless(s string) string {
	return oneLine(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError, r == '\ufeff':
			return -1
		}
		return r
	}, s))
}
