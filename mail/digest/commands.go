package digest

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"crier/conversation"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/locales"
)

// Commands are what can be asked of the digests: by everybody what is new, and
// how often they hear of it; by coordinators when it goes out and with which
// words, and to tell everybody something.
func (d *Digests) Commands() []conversation.Command {
	return []conversation.Command{
		{
			Name: newsCommand, Intents: []understand.Intent{understand.Digest}, Aside: true, Lookup: true,
			Fill: func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
				f.Set("every", t.Meaning.What)
				return nil
			},
			Run: d.news,
		},
		{
			Name: "digest_preview", Intents: []understand.Intent{understand.DigestPreview}, Coordinator: true, Aside: true,
			Run: d.showPreview,
		},
		{
			Name: "digest_edit", Intents: []understand.Intent{understand.DigestEdit}, Coordinator: true, Moves: true,
			Fill: fillWhat("words"), Fields: []conversation.Field{{Name: "words", Kind: conversation.Words, Ask: "digest.ask_words"}},
			Run: d.edit,
		},
		{
			Name: "digest_skip", Intents: []understand.Intent{understand.DigestSkip}, Coordinator: true, Moves: true, Aside: true,
			Run: d.skip,
		},
		{
			Name: "digest_now", Intents: []understand.Intent{understand.DigestNow}, Coordinator: true, Moves: true, Aside: true,
			Run: d.sendNow,
		},
		{
			Name: "digest_when", Intents: []understand.Intent{understand.DigestWhen}, Coordinator: true, Moves: true,
			Fill: fillWhat("when"), Fields: []conversation.Field{{Name: "when", Kind: conversation.Words, Ask: "digest.ask_when"}},
			Run: d.setWhen,
		},
		{
			Name: kindBroadcast, Intents: []understand.Intent{understand.Broadcast}, Coordinator: true, Moves: true,
			Fill: fillWhat("text"), Fields: []conversation.Field{{Name: "text", Kind: conversation.Words, Ask: "broadcast.ask_text"}},
			Confirm: d.confirmBroadcast, Run: d.broadcast,
		},
	}
}

func fillWhat(field string) func(context.Context, *conversation.Turn, *conversation.Form) error {
	return func(_ context.Context, t *conversation.Turn, f *conversation.Form) error {
		what := t.Meaning.What
		if before, behind, ok := strings.Cut(t.In.Text, what); ok && what != "" { // with its marks at either end
			what = before[len(strings.TrimRight(before, "¡¿\"«“„(")):] + what + behind
		}
		f.Set(field, what)
		return nil
	}
}

// news tells what is new since the member's last digest, or, where they get none,
// since they last asked; or it keeps how often they want it.
func (d *Digests) news(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	switch every := f.Text("every"); every {
	case EveryDay, EveryWeek, EveryMonth, Never:
		if t.In.Trust < conversation.Proven {
			return &conversation.Refusal{Key: "refuse.untrusted"}
		}
		if err := SetEvery(ctx, t.Book, t.Member.ID, every); err != nil {
			return err
		}
		if err := d.sayHowOften(ctx, t, every); err != nil {
			return err
		}
		if every == Never {
			return takeBack(ctx, t.Book, t.Member.ID)
		}
		return t.Memory.Resubscribe(ctx, t.Book.Community().ID, t.Member.ID)
	}
	first, keeps := !f.Has("above"), f.Has("since")
	read := newsRead{since: f.Int("since"), above: f.Int("above"), shown: f.Text("shown")}
	if first {
		var err error
		if read, keeps, err = newsReadBy(ctx, t.Book, t.Member.ID); err != nil {
			return err
		}
	}
	to, err := newest(ctx, t.Book)
	if err != nil {
		return err
	}
	all, err := adsBetween(ctx, t.Book, read.above, to)
	if err != nil {
		return err
	}
	p := t.Printer()
	short := isShort(t, t.In.Channel, p.Locale())
	shown := strings.Fields(read.shown)
	ads := slices.DeleteFunc(all, func(ad ledger.NewAd) bool {
		return slices.Contains(shown, strconv.FormatInt(ad.Number, 10)) || short && ad.Member == t.Member.ID
	})
	e := &edition{reader: &reader{id: t.Member.ID}, locale: p.Locale(), at: address{channel: t.In.Channel}, ads: ads, since: read.above}
	switch {
	case e.isNews():
	case !first:
		t.Say("more.none", nil)
		return nil
	case keeps && (read.above > read.since || read.shown != ""):
		again := &conversation.Form{Command: newsCommand, ID: f.ID}
		again.SetInt("above", read.since)
		t.More(again)
		t.Say("digest.none_since", nil)
		return nil
	default:
		t.Say("digest.none", nil)
		return nil
	}
	if first && read.shown == "" {
		read.since = read.above
	}
	var text string
	var now []int64
	if short {
		best, err := new(tastes).fitting(ctx, t, e)
		if err != nil {
			return err
		}
		text, now = shortText(t, &Cry{}, p, e, best)
	} else {
		under, err := t.Categories(ctx)
		if err != nil {
			return err
		}
		page := makeSheet(t, &Cry{}, p, e, under, &life{})
		text, now = page.text, page.shown
	}
	for _, n := range now {
		shown = append(shown, strconv.FormatInt(n, 10))
	}
	if read.shown = strings.Join(shown, " "); len(now) < len(ads) {
		next := &conversation.Form{Command: newsCommand, ID: f.ID}
		next.SetInt("above", read.above)
		next.Set("shown", read.shown)
		if keeps {
			next.SetInt("since", read.since)
		}
		t.More(next)
	} else {
		read.above, read.shown = to, ""
	}
	t.SayText(text)
	if !keeps || t.In.Trust < conversation.Proven {
		return nil
	}
	return read.save(ctx, t.Book, t.Member.ID)
}

// sayHowOften says how often a member gets the digest from now on: no more often
// than there is one.
func (d *Digests) sayHowOften(ctx context.Context, t *conversation.Turn, every string) error {
	s, err := SettingsOf(ctx, t.Book)
	if err != nil {
		return err
	}
	if every == Never {
		t.Say("digest.every_never", nil)
		return nil
	}
	if s.Schedule == "" {
		t.Say("digest.every_later", nil)
		return nil
	}
	schedule, err := ParseSchedule(s.Schedule)
	if err != nil {
		return err
	}
	if !schedule.isRarer(every, t.Now(), t.Zone()) {
		t.Say("digest.every_"+every, nil)
		return nil
	}
	at, err := d.nextDue(ctx, t, s)
	t.Say("digest.every_issue", locales.Args{"when": when(t, t.Printer(), at)})
	return err
}

// next is the digest that comes next, planned if it was not yet.
func (d *Digests) next(ctx context.Context, t *conversation.Turn) (*Cry, *Settings, error) {
	s, err := SettingsOf(ctx, t.Book)
	if err != nil {
		return nil, nil, err
	}
	for {
		cries, err := open(ctx, t.Book)
		if err != nil {
			return nil, nil, err
		}
		i := slices.IndexFunc(cries, func(c Cry) bool { return c.Kind == kindDigest && c.Issue && c.State == planned })
		if i >= 0 {
			return &cries[i], &s, nil
		}
		if s.Schedule == "" {
			return nil, nil, &conversation.Refusal{Key: "digest.no_schedule"}
		}
		at, err := d.nextDue(ctx, t, s)
		if err != nil {
			return nil, nil, err
		}
		if _, err := plan(ctx, t.Book, Cry{Kind: kindDigest, Due: at, Issue: true}); err != nil {
			return nil, nil, err
		}
	}
}

// nextDue is when the digest goes out next, but for those that are skipped.
func (d *Digests) nextDue(ctx context.Context, t *conversation.Turn, s Settings) (time.Time, error) {
	next, err := s.Next(ctx, t.Book, t.Zone(), 1)
	if err != nil || len(next) == 0 {
		return time.Time{}, err
	}
	return next[0], nil
}

// sayTooLittle says that a digest with so many new ads would not go out.
func sayTooLittle(t *conversation.Turn, s *Settings, c *Cry, n int) {
	due := when(t, t.Printer(), c.Due)
	if 0 < n && n < s.Least {
		t.Say("digest.too_few", locales.Args{"n": n, "least": s.Least, "when": due})
	} else {
		t.Say("digest.nothing_yet", locales.Args{"when": due})
	}
}

func (d *Digests) showPreview(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
	c, s, err := d.next(ctx, t)
	if err != nil {
		return err
	}
	offers, wants, err := counts(ctx, t.Book, s.seen)
	if err != nil {
		return err
	}
	p := t.Printer()
	if offers+wants < max(s.Least, 1) && c.Words == "" {
		sayTooLittle(t, s, c, offers+wants)
		return nil
	}
	r, err := d.reachOf(ctx, t, s, *c)
	if err != nil {
		return err
	}
	if err := d.begin(ctx, t, s, c); err != nil {
		return err
	}
	text := previewText(t, p, c, r, offers, wants)
	run := newRun(c.ID)
	e := &edition{reader: &reader{}, locale: p.Locale(), at: address{channel: t.In.Channel}, since: c.From} // nobody's, so her own ads are in it
	if e.ads, err = run.newAds(ctx, t.Book, c, c.From); err != nil {
		return err
	}
	out, err := d.issue(ctx, t, c, run, e)
	if err != nil {
		return err
	}
	t.SayText(text)
	t.SayText(out.Text)
	return nil
}

// wordsMost is how long a coordinator's words may be, in characters.
const wordsMost = 1000

func (d *Digests) edit(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	words := conversation.Harmless(f.Text("words"))
	if len([]rune(words)) > wordsMost {
		return &conversation.Refusal{Key: "digest.words_too_long", Args: locales.Args{"n": wordsMost}}
	}
	c, _, err := d.next(ctx, t)
	if err != nil {
		return err
	}
	if c.Words != "" && c.Words != words && c.By != 0 && c.By != t.Member.ID { // another coordinator's
		if _, err := t.Tell(ctx, c.By, 0, "digest.reworded", locales.Args{
			"name": t.NameOf(ledger.AccountID(t.Member.ID)), "text": conversation.Cut(words, 40),
		}); err != nil {
			return err
		}
	}
	c.Words, c.By = words, t.Member.ID
	if err := c.save(ctx, t.Book); err != nil {
		return err
	}
	t.Say("digest.edited", locales.Args{"text": conversation.Cut(words, 60), "when": when(t, t.Printer(), c.Due)})
	return nil
}

// skip leaves the next digest out; its words go into the one after it. Said again
// before that was due, it is the same one: each coordinator has seen the preview.
func (d *Digests) skip(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
	next, s, err := d.next(ctx, t)
	if err != nil {
		return err
	}
	c, err := skippedAhead(ctx, t.Book)
	if err != nil {
		return err
	}
	if c == nil {
		c = next
		c.State, c.Ended = skipped, t.Now()
		if err := c.save(ctx, t.Book); err != nil {
			return err
		}
		if next, err = d.reword(ctx, t, c); err != nil {
			return err
		}
	}
	at, err := d.nextDue(ctx, t, *s)
	if err != nil {
		return err
	}
	said := "digest.skipped"
	if c.Words != "" && c.Words == next.Words {
		said = "digest.skipped_words"
	}
	t.Log().Info("a coordinator skipped the digest", "member", t.Member.ID, "due", c.Due)
	t.Say(said, locales.Args{"when": when(t, t.Printer(), c.Due), "next": when(t, t.Printer(), at)})
	return nil
}

// reword puts the words of a digest that is skipped into the next one, and returns
// that.
func (d *Digests) reword(ctx context.Context, t *conversation.Turn, c *Cry) (*Cry, error) {
	next, _, err := d.next(ctx, t)
	if err != nil || c.Words == "" {
		return next, err
	}
	next.Words, next.By = c.Words, c.By
	return next, next.save(ctx, t.Book)
}

func (d *Digests) sendNow(ctx context.Context, t *conversation.Turn, _ *conversation.Form) error {
	c, s, err := d.next(ctx, t)
	if err != nil {
		return err
	}
	cries, err := open(ctx, t.Book)
	if err != nil {
		return err
	}
	left, err := skippedAhead(ctx, t.Book)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(cries, func(c Cry) bool { return c.Kind == kindDigest && c.State == going }); i >= 0 { // it was said twice
		c = &cries[i]
	} else if left != nil && (c.Words == "" || c.Words == left.Words) { // she has thought better of it
		if c.Words != "" {
			c.Words, c.By = "", 0
			if err := c.save(ctx, t.Book); err != nil {
				return err
			}
		}
		c = left
	}
	r, err := d.reachOf(ctx, t, s, *c)
	if err != nil {
		return err
	}
	if c.State != going {
		if err := d.begin(ctx, t, s, c); err != nil {
			return err
		}
		if r.members == 0 && !s.posts(c) {
			sayTooLittle(t, s, c, int(c.NewAds))
			return nil
		}
		if err := c.save(ctx, t.Book); err != nil {
			return err
		}
		t.Log().Info("a coordinator sends the digest now", "member", t.Member.ID, "due", c.Due)
	}
	if r.members == 0 && s.posts(c) {
		t.Say("digest.sending_post", nil)
	} else {
		t.Say("digest.sending", locales.Args{"n": r.members})
	}
	return nil
}

func (d *Digests) setWhen(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	spec, ok := spokenSchedule(f.Text("when"), t.Printer())
	schedule, err := ParseSchedule(spec)
	if !ok || err != nil {
		return &conversation.Refusal{Key: "digest.when_unknown"}
	}
	s, err := SettingsOf(ctx, t.Book)
	if err != nil {
		return err
	}
	s.Schedule = schedule.String()
	if err := unskip(ctx, t.Book); err != nil {
		return err
	}
	if err := s.Save(ctx, t.Book); err != nil {
		return err
	}
	at, err := d.nextDue(ctx, t, s)
	if err != nil {
		return err
	}
	t.Log().Info("a coordinator set when the digest goes out", "member", t.Member.ID, "schedule", s.Schedule)
	t.Say("digest.scheduled", locales.Args{"next": when(t, t.Printer(), at)})
	return nil
}

var clock = regexp.MustCompile(`(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm)?`)

// spokenSchedule reads "every friday at 8" in the language of a printer: a day of
// the week, or a word for every day, and an hour. What says more than that ("every
// second friday") is not understood: it would go out at other times than was meant.
func spokenSchedule(said string, p *locales.Printer) (spec string, ok bool) {
	said = understand.Fold(said)
	m := clock.FindStringSubmatchIndex(said)
	if m == nil {
		return "", false
	}
	part := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return said[m[2*i]:m[2*i+1]]
	}
	hour, _ := strconv.Atoi(part(1))
	if part(3) == "pm" && hour < 12 {
		hour += 12
	}
	words := func(key string) []string { return strings.Fields(understand.Fold(p.Text(key, nil))) }
	day := ""
	for _, word := range strings.FieldsFunc(said[:m[0]]+" "+said[m[1]:], func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		i := slices.IndexFunc(words("digest.weekdays"), func(name string) bool { return len(word) >= 2 && strings.HasPrefix(name, strings.TrimRight(word, "s")) })
		switch {
		case slices.Contains(words("digest.around_time"), word):
		case day != "":
			return "", false
		case i >= 0:
			day = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}[i]
		case slices.Contains(words("digest.every_day"), word):
			day = "daily"
		default:
			return "", false
		}
	}
	return day + " " + strconv.Itoa(hour) + ":" + cmp.Or(part(2), "00"), day != ""
}

// confirmBroadcast asks whether a text is to go to so many.
func (d *Digests) confirmBroadcast(ctx context.Context, t *conversation.Turn, f *conversation.Form) (*conversation.Question, error) {
	to, text, err := d.split(ctx, t, f.Text("text"))
	if err != nil {
		return nil, err
	}
	if len([]rune(text)) > wordsMost {
		return nil, &conversation.Refusal{Key: "digest.words_too_long", Args: locales.Args{"n": wordsMost}}
	}
	owners, err := to.owners(ctx, t, t.Member.ID)
	if err != nil {
		return nil, err
	}
	var r reach
	c := &Cry{Words: text}
	if err := everyReader(ctx, t.Book, func(one *reader) error {
		person := t.Names.Person(one.id)
		switch {
		case person == nil || !to.has(one, owners):
		case len(one.at) == 0:
			r.none++
		default:
			out := broadcast(t, c, &edition{reader: one, locale: person.Locale, at: one.at[0]})
			r.add(out, one.at[0], t.Cost(out))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if r.members == 0 {
		return nil, &conversation.Refusal{Key: "broadcast.nobody"}
	}
	if err := r.weigh(ctx, t); err != nil {
		return nil, err
	}
	f.Set("to", to.String())
	f.Set("words", text)
	return &conversation.Question{Key: "broadcast.confirm", Args: locales.Args{
		"n": r.members, "cost": r.text(t.Printer()), "text": conversation.Cut(text, 300),
	}}, nil
}

// split parts "to Leuven: the market is on Saturday" into who and what. What
// begins like an audience and is none is asked about, and never sent to all.
func (d *Digests) split(ctx context.Context, t *conversation.Turn, said string) (to audience, text string, err error) {
	text = conversation.Harmless(said)
	who, rest, found := strings.Cut(text, ":")
	p := t.Printer()
	before, isTo := cutWord(who, strings.Fields(p.Text("broadcast.to", nil)))
	if !found || !isTo {
		return to, text, nil
	}
	rest = strings.TrimSpace(rest)
	folded := understand.Fold(before)
	for kind, key := range map[ledger.AdKind]string{ledger.Offer: "broadcast.who_offers", ledger.Want: "broadcast.who_wants"} {
		for lead := range strings.SplitSeq(p.Text(key, nil), "|") {
			if words, ok := strings.CutPrefix(folded, understand.Fold(lead)+" "); ok {
				return audience{kind: kind, words: words}, rest, nil
			}
		}
	}
	places, err := ledger.All(ctx, t.Book.Tx(), func(rows ledger.Rows) (place string, err error) { return place, rows.Scan(&place) },
		`SELECT DISTINCT place FROM members WHERE community_id = $1 AND place <> '' AND status = 'active'`, t.Book.Community().ID)
	if err != nil {
		return to, "", err
	}
	for _, place := range places {
		if understand.Fold(place) == folded {
			return audience{place: place}, rest, nil
		}
	}
	if slices.Contains(strings.Split(understand.Fold(p.Text("broadcast.everybody", nil)), "|"), folded) {
		return to, rest, nil
	}
	under, err := t.Categories(ctx)
	if err != nil {
		return to, "", err
	}
	if key, ok := under.Find(before); ok {
		return audience{category: key}, rest, nil
	}
	return to, "", &conversation.Refusal{Key: "broadcast.who", Args: locales.Args{"who": conversation.Cut(before, 40)}}
}

// cutWord takes one of some words off the beginning of a text.
func cutWord(s string, words []string) (rest string, ok bool) {
	first, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	return strings.TrimSpace(rest), slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, first) })
}

func (d *Digests) broadcast(ctx context.Context, t *conversation.Turn, f *conversation.Form) error {
	due, err := freeMoment(ctx, t.Book, kindBroadcast, t.Now())
	if err != nil {
		return err
	}
	_, err = plan(ctx, t.Book, Cry{
		ID: f.ID, Kind: kindBroadcast, Due: due, Words: f.Text("words"), Audience: f.Text("to"), By: t.Member.ID,
	})
	if err != nil {
		return err
	}
	t.Log().Info("a coordinator tells everybody something", "member", t.Member.ID, "cry", f.ID)
	t.Say("broadcast.going", nil)
	return nil
}
