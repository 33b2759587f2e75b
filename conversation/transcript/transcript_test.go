package transcript_test

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"crier/conversation"
	"crier/conversation/command"
	"crier/conversation/nudge"
	"crier/conversation/transcript"
	"crier/conversation/understand"
	"crier/ledger"
	"crier/ledger/storetest"
	"crier/locales"
	"crier/mail/digest"
)

var update = flag.Bool("update", false, "write the answers that come into the transcripts")

// TestTranscripts plays every conversation in testdata on both engines.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			storetest.Engines(t, func(t *testing.T, db ledger.DB) { play(t, file, db) })
		})
	}
}

func play(t *testing.T, file string, db ledger.DB) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := transcript.Parse(filepath.Base(file), string(text))
	if err != nil {
		t.Fatal(err)
	}
	r := runner(t, db)
	if *update {
		changed, err := r.Update(t.Context(), script, string(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	differences, err := r.Run(t.Context(), script)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Errorf("%s:%d: %s", file, d.Line, d.What)
	}
}

// kept lets a transcript close the database that the test closes itself.
type kept struct{ ledger.DB }

func (kept) Close() error { return nil }

// All transcripts share what takes long to read.
var (
	loadCatalog    = sync.OnceValues(locales.Load)
	loadUnderstand = sync.OnceValues(func() (*understand.Understander, error) {
		words, err := locales.AllWords()
		if err != nil {
			return nil, err
		}
		return understand.New(words)
	})
)

func runner(t *testing.T, db ledger.DB) *transcript.Runner {
	catalog, err := loadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	u, err := loadUnderstand()
	if err != nil {
		t.Fatal(err)
	}
	return &transcript.Runner{
		Open: func(context.Context) (ledger.DB, error) { return kept{db}, nil },
		Engine: func(log *slog.Logger) (*conversation.Engine, error) {
			digests := digest.New()
			e, err := conversation.New(catalog, u, slices.Concat(command.All(), digests.Commands(), nudge.Commands()), log)
			if err == nil {
				e.OnTick(digests.Tick)
				e.OnTick(nudge.New().Tick)
				e.Fit("sms", func(text, _ string) bool { return utf8.RuneCountInString(text) <= 2*153 })
				e.Fit(conversation.USSD, func(text, _ string) bool { return utf8.RuneCountInString(text) <= 182 })
			}
			return e, err
		},
		Log: slog.New(slog.DiscardHandler),
	}
}
