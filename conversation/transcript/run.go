package transcript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/conversation"
	"crier/conversation/nudge"
	"crier/conversation/state"
	"crier/ledger"
	"crier/mail/digest"
)

// Start is when a transcript begins, wherever its community lives: a Tuesday
// morning in May.
var startsAt = time.Date(2026, 5, 5, 8, 12, 0, 0, time.UTC)

// Runner runs transcripts.
type Runner struct {
	// Open makes a fresh, empty database for one transcript.
	Open func(ctx context.Context) (ledger.DB, error)

	// Engine makes the engine to talk with.
	Engine func(log *slog.Logger) (*conversation.Engine, error)

	Log *slog.Logger
}

// Difference is a line that did not come out as written, or an answer that no
// line mentions (then Line is 0).
type Difference struct {
	Line int
	What string
}

// Run plays a script, and returns what differed.
func (r *Runner) Run(ctx context.Context, s *Script) ([]Difference, error) {
	p, err := r.play(ctx, s)
	if err != nil {
		return nil, err
	}
	return p.differences, nil
}

// Update plays a script, and returns its text with the answers that came.
// Patterns that match stay as they are.
func (r *Runner) Update(ctx context.Context, s *Script, text string) (string, error) {
	p, err := r.play(ctx, s)
	if err != nil {
		return "", err
	}
	return p.rewritten(text), nil
}

// player is a script being played.
type player struct {
	script      *Script
	world       *World
	journey     *state.Journey
	db          ledger.DB
	now         time.Time
	unread      []shown // answers that no line has mentioned yet
	since       []shown // answers since the last message
	last        map[string]conversation.Inbound
	count       int
	differences []Difference
	answers     map[int][]shown // by the number of the line that caused them
	wrong       map[int]bool    // numbers of the lines that differ
	current     int
}

// texts are the channel that costs something. Nothing goes out by it: what is
// said is shown.
type texts struct{ price conversation.Cost }

func (texts) Name() string { return "sms" }

func (texts) Send(context.Context, conversation.Outbound) (string, error) {
	return "", errors.New("nothing goes out of a transcript")
}

func (c texts) Cost(conversation.Outbound) conversation.Cost { return c.price }

// shown is one answer on one screen.
type shown struct {
	conversation.Outbound
	who string // the first person that the screen belongs to
}

func (r *Runner) play(ctx context.Context, s *Script) (*player, error) {
	db, err := r.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	defer func() { _ = db.Close() }() // nothing in it is needed any more
	if err := errors.Join(digest.Prepare(ctx, db), nudge.Prepare(ctx, db)); err != nil {
		return nil, err
	}
	givens, file := s.Givens, s.Name
	if !slices.ContainsFunc(givens, func(g Line) bool { return strings.HasPrefix(g.Text, "member ") }) {
		givens, file = append(slices.Clone(Sample().Givens), givens...), "sample.txt + "+s.Name
	}
	p := &player{
		script: s, db: db, now: startsAt, last: map[string]conversation.Inbound{},
		answers: map[int][]shown{}, wrong: map[int]bool{},
	}
	if p.world, err = Build(ctx, db, givens, file, p.now); err != nil {
		return nil, err
	}
	engine, err := r.Engine(r.Log)
	if err != nil {
		return nil, err
	}
	codes := 0
	engine.Codes(func(slug string) string {
		codes++
		return fmt.Sprintf("%s-CODE%d", strings.ToUpper(slug), codes)
	})
	engine.Reserve(func(string, string) []string { return p.world.Reserved })
	p.journey = state.New(state.Config{DB: db, Engine: engine, Clock: func() time.Time { return p.now }, Log: r.Log, Holder: "transcript"})
	p.journey.Send(texts{p.world.TextPrice}, 0)
	for _, l := range s.Lines {
		if err := p.step(ctx, l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", s.Name, l.Number, err)
		}
	}
	if !s.Partial {
		for _, one := range p.unread {
			p.differ(0, "%s was not expected to read: %s", one.who, oneLine(one.Text))
		}
	}
	return p, p.verify(ctx)
}

// verify sees to it that whatever was said, the ledger is sound.
func (p *player) verify(ctx context.Context) error {
	return p.db.View(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Read(ctx, tx, p.world.Community, p.now)
		if err != nil {
			return err
		}
		_, err = book.Verify(ctx, nil)
		return err
	})
}

func (p *player) differ(line int, format string, args ...any) {
	p.wrong[line] = true
	p.differences = append(p.differences, Difference{line, fmt.Sprintf(format, args...)})
}

func (p *player) step(ctx context.Context, l Line) error {
	switch l.Op {
	case "later":
		p.current = l.Number
		p.since = nil
		p.now = p.now.Add(l.wait)
		if err := p.journey.Tick(ctx); err != nil {
			return err
		}
		if _, err := p.journey.Work(ctx); err != nil {
			return err
		}
		return p.journey.Flush(ctx, p.show)
	case "then":
		return p.then(ctx, l)
	case ">", "!":
		p.current = l.Number
		return p.speak(ctx, l)
	case "<", "<~":
		p.expect(l)
	case "<!":
		screens := p.screens(l)
		for _, one := range p.since {
			if onScreen(one, screens) && l.expr.MatchString(one.Text) {
				p.differ(l.Number, "%s must not read this: %s", l.Who, oneLine(one.Text))
			}
		}
	}
	return nil
}

// speak sends a message, or does again or differently what was done last.
func (p *player) speak(ctx context.Context, l Line) error {
	screens := p.screens(l)
	if len(screens) == 0 {
		if l.On != "" {
			return fmt.Errorf("%s has no %s", l.Who, l.On)
		}
		return fmt.Errorf("nobody here is called %s", l.Who)
	}
	s := screens[0]
	key := s.Channel + ":" + s.Address
	p.now = p.now.Add(time.Second)
	in := conversation.Inbound{
		Channel: s.Channel, From: s.Address, Name: s.Name, At: p.now, Trust: conversation.Proven, Community: p.world.Slug,
	}
	if s.Channel == conversation.USSD {
		in.Channel, in.Dialled = "sms", true
	}
	if l.Op == ">" {
		in.Text = l.Text
	} else {
		verb, rest, _ := strings.Cut(l.Text, " ")
		switch verb {
		case "redeliver":
			before, ok := p.last[key]
			if !ok {
				return fmt.Errorf("%s has not written anything yet", l.Who)
			}
			p.since = nil
			return p.journey.Now(ctx, before, p.show)
		case "miss":
			return p.miss(ctx, screens)
		case "press":
			reply, question, err := p.button(screens, rest)
			if err != nil {
				return err
			}
			in.Text, in.Question = reply, question
		case "edit":
			in.Text, in.Edited = rest, true
		case "claim": // a message that anybody may have sent in the member's name
			in.Text, in.Trust = rest, conversation.Claimed
		case "answer": // likewise, but it shows the token of the newest letter
			var err error
			if in.Answers, err = p.newest(screens); err != nil {
				return err
			}
			in.Text, in.Trust = rest, conversation.Claimed
		case "photo", "album": // with words or without; those of an album were sent together
			in.Text, in.Photos = rest, []conversation.Photo{{Type: "image/png", Data: aPhoto()}}
			if verb == "album" {
				in.Album = s.Who
			}
		case "file": // that is called a photo
			in.Text, in.Photos = rest, []conversation.Photo{{Type: "image/jpeg", Data: []byte("no picture")}}
		default:
			return fmt.Errorf("%q is not redeliver, miss, press LABEL, edit TEXT, claim TEXT, answer TEXT, photo TEXT, album TEXT or file TEXT", l.Text)
		}
	}
	p.count++
	in.ID = fmt.Sprint(p.count)
	p.last[key] = in
	p.since = nil
	return p.journey.Now(ctx, in, p.show)
}

// miss has the newest message on some screens come back: it did not arrive.
func (p *player) miss(ctx context.Context, screens []Screen) error {
	for _, one := range slices.Backward(p.history()) {
		if !onScreen(one, screens) {
			continue
		}
		p.since = nil
		if err := p.journey.Bounced(ctx, one.Channel, one.ID, true, "nobody there"); err != nil {
			return err
		}
		return p.journey.Flush(ctx, p.show)
	}
	return errors.New("there is no message yet that could be missed")
}

// aPhoto is a small picture.
func aPhoto() []byte {
	var file bytes.Buffer
	_ = png.Encode(&file, image.NewGray(image.Rect(0, 0, 40, 30))) // memory takes everything
	return file.Bytes()
}

// button finds the newest message with a button of that label, new or old.
func (p *player) button(screens []Screen, label string) (reply string, question int64, err error) {
	for _, all := range slices.Backward(p.history()) {
		if !onScreen(all, screens) {
			continue
		}
		for _, c := range all.Choices {
			if strings.EqualFold(c.Label, label) {
				return c.Reply, all.Question, nil
			}
		}
	}
	return "", 0, fmt.Errorf("there is no button %q to press", label)
}

// newest is the id of the newest message on some screens.
func (p *player) newest(screens []Screen) (int64, error) {
	for _, one := range slices.Backward(p.history()) {
		if onScreen(one, screens) {
			return one.ID, nil
		}
	}
	return 0, errors.New("there is no message to answer yet")
}

// history is every answer so far, in order.
func (p *player) history() []shown {
	var all []shown
	for _, l := range p.script.Lines {
		all = append(all, p.answers[l.Number]...)
	}
	return all
}

func (p *player) show(out conversation.Outbound) {
	one := shown{Outbound: out}
	for _, s := range p.world.Screens {
		if s.Address == out.Address && (s.Channel == out.Channel || s.Channel == "sms" && out.Channel == conversation.USSD) {
			one.who = s.Who
			break
		}
	}
	if one.who == "" {
		one.who = out.Channel + ":" + out.Address
	}
	p.unread = append(p.unread, one)
	p.since = append(p.since, one)
	p.answers[p.current] = append(p.answers[p.current], one)
}

// screens are the addresses of a person, on one channel if the line names it.
func (p *player) screens(l Line) []Screen {
	var some []Screen
	for _, s := range p.world.Screens {
		if s.Who == l.Who && (l.On == "" || l.On == s.Channel) {
			some = append(some, s)
		}
		if s.Who == l.Who && s.Channel == "sms" && l.On == conversation.USSD { // the same telephone
			s.Channel = conversation.USSD
			some = append(some, s)
		}
	}
	return some
}

func onScreen(one shown, screens []Screen) bool {
	return slices.ContainsFunc(screens, func(s Screen) bool { return s.Channel == one.Channel && s.Address == one.Address })
}

// expect takes the next answer on a screen that no line has mentioned yet. In a
// partial script it takes the next one that matches.
func (p *player) expect(l Line) {
	screens := p.screens(l)
	fits := func(one shown) bool {
		if l.Op == "<~" {
			return l.expr.MatchString(one.Text)
		}
		return oneLine(one.Text) == strings.TrimSpace(l.Text)
	}
	first := -1
	for i, one := range p.unread {
		if !onScreen(one, screens) {
			continue
		}
		if fits(one) {
			p.unread = slices.Delete(p.unread, i, i+1)
			return
		}
		if first < 0 {
			first = i
		}
		if !p.script.Partial {
			break
		}
	}
	if first < 0 {
		p.differ(l.Number, "%s reads nothing more, but should read: %s", l.Who, l.Text)
		return
	}
	p.differ(l.Number, "%s reads: %s\n    but should: %s", l.Who, oneLine(p.unread[first].Text), l.Text)
	if !p.script.Partial {
		p.unread = slices.Delete(p.unread, first, first+1)
	}
}

// oneLine writes a text on one line, as transcripts do.
func oneLine(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }

func (p *player) then(ctx context.Context, l Line) error {
	words := strings.Fields(l.Text)
	if len(words) == 3 && words[0] == "photos" {
		return p.thenPhotos(ctx, l, words[1], words[2])
	}
	if len(words) != 3 || words[0] != "balance" || p.world.members[words[1]] == 0 {
		return fmt.Errorf("then balance MEMBER AMOUNT, or then photos AD NUMBER")
	}
	want, err := p.world.Amount(words[2])
	if err != nil {
		return err
	}
	return p.db.View(ctx, func(tx ledger.Tx) error {
		book, err := ledger.Read(ctx, tx, p.world.Community, p.now)
		if err != nil {
			return err
		}
		a, err := book.Account(ctx, ledger.AccountID(p.world.members[words[1]]))
		if err == nil && a.Balance != want {
			p.differ(l.Number, "the balance of %s is %d, not %d", words[1], a.Balance, want)
		}
		return err
	})
}

// thenPhotos counts the photos of an ad.
func (p *player) thenPhotos(ctx context.Context, l Line, ad, want string) error {
	number, err := strconv.ParseInt(ad, 10, 64)
	if err != nil {
		return fmt.Errorf("then photos AD NUMBER: %w", err)
	}
	return p.db.View(ctx, func(tx ledger.Tx) error {
		photos, err := state.Photos(ctx, tx, p.world.Community, number)
		if err == nil && strconv.Itoa(len(photos)) != want {
			p.differ(l.Number, "ad %d has %d photos, not %s", number, len(photos), want)
		}
		return err
	})
}

// rewritten is the text with the answers that came: after each line that caused
// some, the lines for answers are replaced where one of them was wrong.
func (p *player) rewritten(text string) string {
	lines := strings.Split(text, "\n")
	var out []string
	next := 0 // index into lines
	for i := 0; i < len(p.script.Lines); i++ {
		l := p.script.Lines[i]
		if l.Op != ">" && l.Op != "!" && l.Op != "later" {
			continue
		}
		out = append(out, lines[next:l.last]...)
		next = l.last
		block := i + 1
		wrong := 0
		expected := 0
		for ; block < len(p.script.Lines) && strings.HasPrefix(p.script.Lines[block].Op, "<"); block++ {
			if p.wrong[p.script.Lines[block].Number] {
				wrong++
			}
			if p.script.Lines[block].Op != "<!" {
				expected++
			}
		}
		answers := p.answers[l.Number]
		if wrong == 0 && (expected == len(answers) || p.script.Partial) {
			continue
		}
		for _, one := range answers {
			who := one.who
			if len(p.screens(Line{Who: who})) > 1 || one.Channel == conversation.USSD {
				who += "/" + one.Channel
			}
			out = append(out, who+"< "+oneLine(one.Text))
		}
		if block > i+1 {
			next = p.script.Lines[block-1].last
		}
	}
	return strings.Join(append(out, lines[next:]...), "\n")
}
