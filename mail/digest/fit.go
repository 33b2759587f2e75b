package digest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"crier/conversation"
	"crier/ledger"
)

// tastes know what fits whom. Each ad is read once for all members, and their
// own ads for a batch of them at a time.
type tastes struct {
	gists    map[int64]conversation.Gist // of new ads, by number
	rarity   conversation.Rarity
	own      map[ledger.MemberID][]ledger.Ad
	from, to ledger.MemberID // own is of these
}

type ownAd struct {
	kind ledger.AdKind
	gist conversation.Gist
}

// fitLeast is how much of a want an offer has to say to fit: less is a word that
// is in both by chance.
const fitLeast = 0.25

// fitting are the ads of a digest that are not the member's own, the best first:
// those that meet what the member offers or wants, then near ones, then the
// newest.
func (ts *tastes) fitting(ctx context.Context, t *conversation.Turn, e *edition) ([]ledger.NewAd, error) {
	mine, err := ts.ownAds(ctx, t, e)
	if err != nil {
		return nil, err
	}
	var all []ledger.NewAd
	for _, ad := range slices.Backward(e.ads) {
		if ad.Member != e.id {
			all = append(all, ad)
		}
	}
	fits := map[int64]float64{}
	if len(mine) > 0 {
		for _, ad := range all {
			ts.read(t, ad)
		}
		for _, ad := range all {
			fits[ad.Number] = ts.meets(ad, mine)
		}
	}
	slices.SortStableFunc(all, func(a, b ledger.NewAd) int {
		return cmp.Or(cmp.Compare(fits[b.Number], fits[a.Number]), cmp.Compare(far(a, e.place), far(b, e.place)))
	})
	return all, nil
}

// ownAds are the ads of a member that are up.
func (ts *tastes) ownAds(ctx context.Context, t *conversation.Turn, e *edition) ([]ownAd, error) {
	if ts.own == nil || e.id < ts.from || e.id > ts.to {
		ts.from, ts.to = e.id, max(e.id, e.upTo)
		ads, err := t.Book.AdsOfMembers(ctx, ts.from, ts.to)
		if err != nil {
			return nil, fmt.Errorf("read the ads of members: %w", err)
		}
		ts.own = map[ledger.MemberID][]ledger.Ad{}
		for _, ad := range ads {
			ts.own[ad.Member] = append(ts.own[ad.Member], ad)
		}
	}
	var mine []ownAd
	for _, ad := range ts.own[e.id] {
		mine = append(mine, ownAd{ad.Kind, gistOf(t, ad)})
	}
	return mine, nil
}

// read keeps what a new ad is about.
func (ts *tastes) read(t *conversation.Turn, ad ledger.NewAd) {
	if _, known := ts.gists[ad.Number]; known {
		return
	}
	if ts.gists == nil {
		ts.gists = map[int64]conversation.Gist{}
	}
	g := gistOf(t, ad.Ad)
	ts.gists[ad.Number] = g
	ts.rarity.Add(g)
}

// gistOf reads an ad in the language of its member.
func gistOf(t *conversation.Turn, ad ledger.Ad) conversation.Gist {
	return t.Tongues(localeOf(t, ad.Member)).Gist(ad.Text)
}

// meets is how well an ad fits the one of a member's that it fits best, 0 for
// none: an offer what they want, a want what they offer.
func (ts *tastes) meets(ad ledger.NewAd, mine []ownAd) (best float64) {
	gist := ts.gists[ad.Number]
	for _, own := range mine {
		if ad.Kind == own.kind {
			continue
		}
		offer, want := gist, own.gist
		if ad.Kind == ledger.Want {
			offer, want = want, offer
		}
		best = max(best, ts.rarity.Fits(offer, want))
	}
	if best < fitLeast {
		return 0
	}
	return best
}
