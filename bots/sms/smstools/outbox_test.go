package smstools

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/bots/sms"
	"crier/bots/sms/spool"
)

// nothing is a journey that nothing is brought to.
type nothing struct{ sms.Journey }

func newGateway(t *testing.T) (*gateway, func(folder string) []string) {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{outgoing, checked, sent, failed, incoming} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var g *gateway
	kind := sms.Kind{New: func(s sms.Settings, l *sms.Line) (sms.Gateway, error) {
		made, err := Kind.New(s, l)
		g = made.(*gateway)
		return made, err
	}}
	log := slog.New(slog.DiscardHandler)
	if _, err := sms.NewLine(sms.LineConfig{Name: "village"}, kind, sms.Settings{Dir: dir, Number: "+32470000099"}, nil, nothing{}, nil, log); err != nil {
		t.Fatal(err)
	}
	return g, func(folder string) (names []string) {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}
}

func TestSubmitWritesPartsThatTheDaemonNeedNotCut(t *testing.T) {
	g, names := newGateway(t)
	text := sms.Text{ID: 0x1ff, To: "+32470000001", Body: strings.Repeat("a", 152) + "€" + strings.Repeat("b", 10), GSM: true, Valid: 48 * time.Hour}
	if _, err := g.Submit(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	written := names(outgoing)
	if len(written) != 2 {
		t.Fatalf("there is %q", written)
	}
	data, err := g.dir.Read(outgoing, written[1])
	if err != nil {
		t.Fatal(err)
	}
	want := "To: 32470000001\nAlphabet: GSM\nReport: yes\nAutosplit: 0\nValidity: 48 hour\nUDH-DATA: 05 00 03 FF 02 02\nX-Crier-Id: 511 2/2\n\n\x1bebbbbbbbbbb"
	if string(data) != want {
		t.Errorf("written\n%q, want\n%q", data, want)
	}
	if f, ok := parseName(written[1]); !ok || f.id != 0x1ff || f.part != 2 || f.of != 2 || f.name() != written[1] {
		t.Errorf("%s is read as %+v, %v", written[1], f, ok)
	}
}

func TestUCS2IsWrittenAsItIs(t *testing.T) {
	text := sms.Text{ID: 1, To: "+32470000001", Body: "з👍\n", Valid: 30 * time.Minute}
	want := "To: 32470000001\nAlphabet: UCS2\nReport: yes\nAutosplit: 0\nValidity: 30 min\nX-Crier-Id: 1 1/1\n\n\x04\x37\xd8\x3d\xdc\x4d\x00\n"
	if got := string(format(text, file{id: 1, part: 1, of: 1}, text.Body)); got != want {
		t.Errorf("written %q", got)
	}
}

func TestOnlyWhatIsMissingIsSubmittedAgain(t *testing.T) {
	g, names := newGateway(t)
	text := sms.Text{ID: 7, To: "+32470000001", Body: strings.Repeat("a", 500), GSM: true, Valid: time.Hour}
	if _, err := g.Submit(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	parts := names(outgoing)
	// The first is being sent, the second has failed, the third is done with, the fourth got lost.
	for i, folder := range []string{checked, failed} {
		if err := g.dir.Move(outgoing, parts[i], folder, parts[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.inbox.Sent(t.Context(), outgoing, parts[2], spool.Slip{ID: 7, Part: 3, Of: 4, To: "32470000001"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(string(g.dir), checked, parts[0]+".LOCK"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.dir.Remove(outgoing, parts[3]); err != nil {
		t.Fatal(err)
	}
	text.Again = true
	if _, err := g.Submit(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if got := names(outgoing); len(got) != 1 || !strings.Contains(got[0], "-004of004-") {
		t.Errorf("submitted again: %q", got)
	}
}

func TestLockedFilesAreTheDaemons(t *testing.T) {
	g, _ := newGateway(t)
	put := func(name string, age time.Duration) {
		t.Helper()
		path := filepath.Join(string(g.dir), sent, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	name := func(id int64) string { return file{id: id, part: 1, of: 1, until: time.Unix(1795588422, 0)}.name() }
	put(name(1), 0)
	put(name(2), 0)
	put(name(2)+".LOCK", 0)
	put(name(3), 0)
	put(name(3)+".LOCK", lockedFor+time.Second) // of a daemon that was killed
	put("somebody's", 0)
	var ids []int64
	err := g.each(sent, func(_ string, f file, _ time.Time) error { ids = append(ids, f.id); return nil })
	if err != nil || !slices.Equal(ids, []int64{1, 3}) {
		t.Errorf("saw %v, %v", ids, err)
	}
}

func TestSlip(t *testing.T) {
	g, _ := newGateway(t)
	for file, want := range map[string]string{"sent": "42-1of1-32470000001-7", "refused": "42-1of1-32470000001-"} {
		if err := os.WriteFile(filepath.Join(string(g.dir), sent, "x"), recorded(t, file), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, _, err := g.slip(sent, "x", parsed(t, "crier-0000000000000000042-001of001-1795588422-0")); err != nil || s.String() != want {
			t.Errorf("%s: %s, %v", file, s, err)
		}
	}
}

func parsed(t *testing.T, name string) file {
	t.Helper()
	f, ok := parseName(name)
	if !ok {
		t.Fatalf("%s is no name", name)
	}
	return f
}

func TestSubmitKeepsToItsContext(t *testing.T) {
	g, names := newGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Submit(ctx, sms.Text{ID: 1, To: "+32470000001", Body: "x", GSM: true}); err == nil || len(names(outgoing)) != 0 {
		t.Errorf("submit: %v", err)
	}
}
