package nudge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"crier/conversation"
	"crier/ledger"
	"crier/locales"
)

// Somebody is asked about an ad once it has been up for settles, so that what was
// a mistake can be taken back first, and about none that is older than overlooks
// because Crier was not running. At most asksMost are asked about one ad, and each at
// most once in asksEvery.
const (
	settles   = 10 * time.Minute
	overlooks = 3 * 24 * time.Hour
	asksMost  = 4
	asksEvery = 7 * 24 * time.Hour

	adsAtOnce   = 10   // that are new, in one transaction
	adsCompared = 3000 // the newest
)

// match brings the next new ads together with those that were there before: a want with
// offers, an offer with wants.
func (n *Nudges) match(ctx context.Context, t *conversation.Turn, p *progress) (all bool, err error) {
	if p.matched >= p.newest {
		return true, nil
	}
	var upTo int64
	if err := ledger.Get(ctx, t.Book.Tx(), []any{&upTo}, `SELECT COALESCE(MAX(number), 0) FROM ads
		WHERE community_id = $1 AND number > $2 AND created_at <= $3`,
		t.Book.Community().ID, p.matched, ledger.Micros(t.Now().Add(-settles))); err != nil || upTo <= p.matched {
		return true, err
	}
	ads, err := t.Book.AdsBetween(ctx, p.newest-adsCompared, p.newest)
	if err != nil {
		return false, fmt.Errorf("read ads to bring together: %w", err)
	}
	c := n.compare(t, ads)
	first, _ := slices.BinarySearchFunc(ads, p.matched+1, func(ad ledger.NewAd, n int64) int { return cmp.Compare(ad.Number, n) })
	p.matched = upTo
	for i, done := first, 0; i < len(ads) && ads[i].Number <= upTo; i++ {
		if done == adsAtOnce {
			p.matched = ads[i-1].Number
			break
		}
		done++
		if t.Now().Sub(ads[i].CreatedAt) > overlooks {
			continue
		}
		if err := askAbout(ctx, t, ads[i], c.partners(ads[i], ads[:i])); err != nil {
			return false, fmt.Errorf("ask about ad %d: %w", ads[i].Number, err)
		}
	}
	return p.matched == upTo, p.save(ctx, t.Book)
}

// partner is somebody who has an ad that fits another.
type partner struct {
	id     ledger.MemberID
	ad     int64
	fits   float64
	asked  time.Time // when they were asked last about any
	silent bool      // they want no such questions, or cannot be told
}

// comparison knows what a community's ads are about.
type comparison struct {
	gists map[int64]conversation.Gist
	rare  conversation.Rarity
}

// compare gets to know some ads; what it knows of them already it keeps.
func (n *Nudges) compare(t *conversation.Turn, ads []ledger.NewAd) *comparison {
	var spoken []string
	for _, ad := range ads {
		if p := t.Names.Person(ad.Member); p != nil && !slices.Contains(spoken, p.Locale) {
			spoken = append(spoken, p.Locale)
		}
	}
	slices.Sort(spoken)
	id := t.Book.Community().ID
	n.mu.Lock()
	old := n.known[id]
	n.mu.Unlock()
	now := &known{spoken: spoken, gists: make(map[int64]conversation.Gist, len(ads))}
	c := &comparison{gists: now.gists}
	tongues := t.TonguesOf(spoken...)
	for _, ad := range ads {
		g, ok := conversation.Gist{}, false
		if old != nil && slices.Equal(old.spoken, spoken) {
			g, ok = old.gists[ad.Number] // an ad's text never changes
		}
		if !ok {
			g = tongues.Gist(ad.Text)
		}
		now.gists[ad.Number] = g
		c.rare.Add(g)
	}
	n.mu.Lock()
	if len(n.known) >= knownMost {
		clear(n.known)
	}
	n.known[id] = now
	n.mu.Unlock()
	return c
}

// knownMost is of how many communities it is kept.
const knownMost = 16

// known is what was found out about a community's ads, in the languages of those who put
// them up.
type known struct {
	spoken []string
	gists  map[int64]conversation.Gist
}

// An offer fits a want where it says most of it; or where both have about half in
// common, so that what is left cannot be much. Less is not worth anybody's time.
const (
	fitsAlone = 0.6  // of the want
	fitsPart  = 0.4  // of it
	fitsBoth  = 0.99 // of both together, of 2
)

// fit is how well two ads fit, from 0.
func (c *comparison) fit(a, b ledger.NewAd) float64 {
	offer, want := c.gists[a.Number], c.gists[b.Number]
	if a.Kind == ledger.Want {
		offer, want = want, offer
	}
	there, back := c.rare.Fits(offer, want), c.rare.Fits(want, offer)
	if there >= fitsAlone || there >= fitsPart && there+back >= fitsBoth {
		return there + back
	}
	return 0
}

// partners are the owners of the ads, of some, that fit another, each once.
func (c *comparison) partners(ad ledger.NewAd, among []ledger.NewAd) []partner {
	best := map[ledger.MemberID]partner{}
	for _, other := range among {
		if other.Kind == ad.Kind || other.Member == ad.Member {
			continue
		}
		if fits := c.fit(ad, other); fits > best[other.Member].fits {
			best[other.Member] = partner{id: other.Member, ad: other.Number, fits: fits}
		}
	}
	var all []partner
	for _, one := range best {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b partner) int { return cmp.Or(cmp.Compare(b.fits, a.fits), cmp.Compare(a.id, b.id)) })
	return all[:min(len(all), partnersMost)]
}

const partnersMost = 40

// askAbout asks a few of those for whom an ad may be something, whoever was
// asked longest ago first.
func askAbout(ctx context.Context, t *conversation.Turn, ad ledger.NewAd, fitting []partner) error {
	if len(fitting) == 0 {
		return nil
	}
	takers, err := t.Memory.Takers(ctx, t.Book.Community().ID, ad.Number)
	if err != nil {
		return err
	}
	var some []partner
	for _, one := range fitting {
		if err := one.look(ctx, t); err != nil {
			return err
		}
		if one.silent || slices.Contains(takers, one.id) || t.Now().Sub(one.asked) < asksEvery {
			continue
		}
		if ad.Kind == ledger.Offer { // a want that somebody has taken up needs no further offer
			if has, err := t.Memory.Takers(ctx, t.Book.Community().ID, one.ad); err != nil {
				return err
			} else if len(has) > 0 {
				continue
			}
		}
		some = append(some, one)
	}
	slices.SortStableFunc(some, func(a, b partner) int { return a.asked.Compare(b.asked) })
	for _, one := range some[:min(len(some), asksMost)] {
		if err := ask(ctx, t, ad, one); err != nil {
			return err
		}
	}
	return nil
}

// look finds out when a partner was asked last, and whether they may be.
func (p *partner) look(ctx context.Context, t *conversation.Turn) error {
	var quiet, asked, open int64
	if err := ledger.Get(ctx, t.Book.Tx(), []any{&quiet, &asked, &open}, `SELECT COALESCE(n.quiet, 0), COALESCE(n.matched_at, 0),
			(SELECT COUNT(*) FROM addresses d WHERE d.community_id = m.community_id AND d.member_id = m.id AND d.status = 'active')
		FROM members m LEFT JOIN nudged n ON n.community_id = m.community_id AND n.member_id = m.id
		WHERE m.community_id = $1 AND m.id = $2`, t.Book.Community().ID, p.id); err != nil {
		return err
	}
	p.asked, p.silent = ledger.Time(asked), quiet == 1 || open == 0
	return nil
}

func ask(ctx context.Context, t *conversation.Turn, ad ledger.NewAd, one partner) error {
	name := t.NameOf(ledger.AccountID(ad.Member))
	if _, err := t.TellText(ctx, one.id, func(p *locales.Printer) string { return adText(p, ad, name) }); err != nil {
		return err
	}
	if _, err := t.Book.Tx().Exec(ctx, `INSERT INTO nudged (community_id, member_id, matched_at) VALUES ($1, $2, $3)
		ON CONFLICT (community_id, member_id) DO UPDATE SET matched_at = excluded.matched_at`,
		t.Book.Community().ID, one.id, ledger.Micros(t.Now())); err != nil {
		return fmt.Errorf("keep who was asked: %w", err)
	}
	return nil
}

// adText asks whether an ad is something for its reader, in one text message.
func adText(p *locales.Printer, ad ledger.NewAd, name string) (text string) {
	for n := conversation.MostWhat; n >= shortText; n -= 6 {
		text = p.Text("nudge."+string(ad.Kind), locales.Args{"name": name, "number": ad.Number, "text": conversation.Cut(ad.Text, n)})
		if utf8.RuneCountInString(text) <= oneText {
			break
		}
	}
	return text
}
