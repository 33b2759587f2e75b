package transcript_test

import (
	"fmt"
	"strings"
	"testing"

	"crier/conversation/transcript"
	"crier/ledger"
	"crier/ledger/storetest"
)

// Where more ads end than are asked about at once, every owner is asked all the
// same, each about all of theirs: also those who come behind many.
func TestManyAdsEnd(t *testing.T) {
	const owners, each = 75, 3
	var script strings.Builder
	script.WriteString("# Ads of many owners end on the same day.\n\ngiven community ad_days 30\n")
	for i := range owners {
		fmt.Fprintf(&script, "given member m%d telegram:%d en number %d full name Member %d\n", i, 2000+i, i+1, i)
	}
	for n := range owners * each {
		fmt.Fprintf(&script, "given offer %d m%d jam\n", n+1, n%owners)
	}
	script.WriteString("later 27d\nlater 1h\nlater 1h\n")
	for i := range owners {
		fmt.Fprintf(&script, "m%d<~ ^Do these still hold. %d jam; %d jam; %d jam\n", i, i+1, i+1+owners, i+1+2*owners)
	}
	for i := range owners {
		fmt.Fprintf(&script, "m%d> yes\nm%d<~ ^3 ads stay up\n", i, i)
	}
	s, err := transcript.Parse("many", script.String())
	if err != nil {
		t.Fatal(err)
	}
	storetest.Engines(t, func(t *testing.T, db ledger.DB) {
		differences, err := runner(t, db).Run(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences {
			t.Errorf("line %d: %s", d.Line, d.What)
		}
	})
}
