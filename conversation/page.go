package conversation

import (
	"encoding/json"
	"strings"

	"crier/ledger"
	"crier/locales"
)

// What is too long for a channel is told in pages: the member asks for the next
// one.

// pageCommand is the name of the form that MORE goes on with where a text was
// too long.
const pageCommand = "page"

// page shortens what is said to the one who writes to what their channel
// takes at once, and keeps the rest. A question is never cut.
func (t *Turn) page() {
	fits := t.engine.fits[t.In.answeredOn()]
	if fits == nil {
		return
	}
	for i := len(t.out) - 1; i >= 0; i-- {
		o := &t.out[i]
		if !t.isReply(o) || o.Question != 0 || o.Desk != 0 || o.Holds || fits(o.Text, o.Locale) {
			continue
		}
		o.Text = t.firstPage(o.Text, func(page string) (string, bool) {
			page = t.Text("more.page", locales.Args{"text": page})
			return page, fits(page, o.Locale)
		})
	}
}

// isReply reports whether an Outbound goes back to where the message came from.
func (t *Turn) isReply(o *Outbound) bool {
	return o.ReplyTo == t.replyTo && o.Channel == t.In.answeredOn() && o.Address == t.In.From
}

// firstPage cuts a text at the last word that is said to fit, and keeps the
// rest for MORE. as makes a page of the beginning of a text.
func (t *Turn) firstPage(text string, as func(string) (page string, fits bool)) string {
	cuts := []int{}
	for i, r := range text {
		if r == ' ' || r == '\n' {
			cuts = append(cuts, i)
		}
	}
	least, most := 0, len(cuts) // the page that ends at cuts[least-1] fits
	for least < most {
		middle := (least + most + 1) / 2
		if _, ok := as(strings.TrimSpace(text[:cuts[middle-1]])); ok {
			least = middle
		} else {
			most = middle - 1
		}
	}
	end := len(text)
	if least > 0 {
		end = cuts[least-1]
		if list := strings.LastIndex(text[:end], "  "); list > end/3 { // between two things of a list
			end = list
		}
	} else { // a word that fills more than a page
		for i := range text {
			if _, ok := as(text[:i]); !ok && i > 0 {
				break
			}
			end = i
		}
	}
	rest := strings.TrimSpace(text[end:])
	if end == 0 || rest == "" {
		return text
	}
	next := &Form{Command: pageCommand, Values: map[string]string{"text": rest}}
	if t.talk != nil {
		if t.talk.More != nil {
			if then, err := json.Marshal(t.talk.More); err == nil {
				next.Set("then", string(then))
			}
		}
		t.talk.More = next
	}
	page, _ := as(strings.TrimSpace(text[:end]))
	return page
}

// nextPage goes on with a text that was too long.
func (t *Turn) nextPage(f *Form) {
	if f.Has("then") {
		then := &Form{}
		if err := json.Unmarshal([]byte(f.Text("then")), then); err == nil {
			t.talk.More = then
		}
	}
	t.SayText(f.Text("text"))
}

// newQuestion is the number of a question.
func (t *Turn) newQuestion() int64 { return ledger.NewID(t.Now()) }
