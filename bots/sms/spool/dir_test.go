package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/conversation"
)

// newDir makes a directory with folders in it.
func newDir(t *testing.T, folders ...string) Dir {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range folders {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return Dir(dir)
}

// put writes a file as a daemon would, some time ago.
func put(t *testing.T, d Dir, path, text string, age time.Duration) {
	t.Helper()
	path = filepath.Join(string(d), path)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, d Dir, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(string(d), folder))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func TestOnlyPlainFilesAreFiles(t *testing.T) {
	d := newDir(t, "in", "in/folder", "out")
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("the secret of the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, d, "in/b", "two", 0)
	put(t, d, "in/a", "one", 0)
	put(t, d, "in/.hidden", "three", 0)
	put(t, d, "out/other", "four", 0)
	for name, target := range map[string]string{"link": outside, "inner": "../out/other", "broken": "nowhere", "up": ".."} {
		if err := os.Symlink(target, filepath.Join(string(d), "in", name)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := d.List("in")
	if err != nil || len(files) != 2 || files[0].Name != "a" || files[1].Name != "b" {
		t.Errorf("listed %+v, %v", files, err)
	}
	if data, err := d.Read("in", "a"); err != nil || string(data) != "one" {
		t.Errorf("read %q, %v", data, err)
	}
	for _, name := range []string{"link", "inner", "broken", "up", "folder", "../../etc/passwd", ".."} {
		if data, err := d.Read("in", name); err == nil {
			t.Errorf("%s: read %q", name, data)
		}
	}
	if _, err := d.List(".."); err == nil {
		t.Error("listed what is outside")
	}
	// A folder that leads outside is none either.
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(string(d), "led")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.List("led"); err == nil {
		t.Error("listed what is outside, by a link")
	}
	if err := d.Write("led", NewFile{"x", nil}); err == nil {
		t.Error("wrote outside, by a link")
	}
}

func TestHugeFilesAreNotRead(t *testing.T) {
	d := newDir(t, "in")
	put(t, d, "in/large", strings.Repeat("x", sizeMax), 0)
	put(t, d, "in/huge", strings.Repeat("x", sizeMax+1), 0)
	if data, err := d.Read("in", "large"); err != nil || len(data) != sizeMax {
		t.Errorf("read %d bytes, %v", len(data), err)
	}
	if _, err := d.Read("in", "huge"); !errors.Is(err, errHuge) {
		t.Errorf("read a huge file: %v", err)
	}
}

func TestErrorsNameNoFile(t *testing.T) {
	d := newDir(t, "in")
	_, err := d.Read("in", "IN20261125_050057_00_+32470000001_00.txt")
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "3247") {
		t.Errorf("read: %v", err)
	}
	err = d.Move("in", "IN_+32470000001", "out", "IN_+32470000001")
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "3247") {
		t.Errorf("move: %v", err)
	}
	if err := d.Remove("in", "nothing"); err != nil {
		t.Errorf("remove what is not there: %v", err)
	}
}

func TestWriteIsForTheGroup(t *testing.T) {
	d := newDir(t, "out")
	if err := d.Write("out", NewFile{"one", []byte("1")}, NewFile{"two", []byte("2")}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, d, "out"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("there is %q", got)
	}
	info, err := os.Stat(filepath.Join(string(d), "out", "one"))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
}

func TestNothingIsWrittenByHalf(t *testing.T) {
	d := newDir(t, "out", "out/second")
	err := d.Write("out", NewFile{"first", []byte("1")}, NewFile{".", nil}) // which cannot be
	var meant *conversation.SendError
	if !errors.As(err, &meant) || !meant.Everybody || meant.RetryAfter == 0 || meant.Final {
		t.Errorf("write: %v", err)
	}
	if got := names(t, d, "out"); !slices.Equal(got, []string{"second"}) {
		t.Errorf("there is %q", got)
	}
}

func TestTidy(t *testing.T) {
	d := newDir(t, done, unread)
	put(t, d, done+"/new", "", doneFor-time.Hour)
	put(t, d, done+"/old", "", doneFor+time.Hour)
	put(t, d, unread+"/old", "", unreadFor+time.Hour)
	for i := range unreadMost + 5 {
		put(t, d, unread+"/"+string(rune('a'+i%26))+strings.Repeat("x", i), "", time.Duration(i)*time.Minute)
	}
	if err := d.tidy(time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, d, done); !slices.Equal(got, []string{"new"}) {
		t.Errorf("done has %q", got)
	}
	if n := len(names(t, d, unread)); n != unreadMost {
		t.Errorf("unread has %d files", n)
	}
}

func TestProbe(t *testing.T) {
	d := newDir(t, "in", "out")
	if err := d.There("smsdrc.example"); err != nil {
		t.Errorf("there: %v", err)
	}
	nowhere := Dir(filepath.Join(t.TempDir(), "spool"))
	if err := nowhere.There("smsdrc.example"); err == nil || !strings.Contains(err.Error(), `spool" is not there: smsdrc.example shows how to make it`) {
		t.Errorf("there, where it is not: %v", err)
	}
	if err := d.Try("in", "out"); err != nil {
		t.Errorf("try: %v", err)
	}
	if got := names(t, d, "in"); len(got) != 0 {
		t.Errorf("it left %q", got)
	}
	if err := d.Try("in", "missing"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("try a folder that is missing: %v", err)
	}
	now := time.Now()
	if said, err := d.Waiting(now, "in", "out"); err != nil || said != "no text waits to be sent" {
		t.Errorf("waiting: %q, %v", said, err)
	}
	put(t, d, "out/a", "", time.Minute)
	put(t, d, "out/b", "", 0)
	if said, err := d.Waiting(now, "out"); err != nil || said != "2 texts wait to be sent" {
		t.Errorf("waiting: %q, %v", said, err)
	}
	put(t, d, "out/c", "", time.Hour)
	if _, err := d.Waiting(now, "out"); err == nil || !strings.Contains(err.Error(), "is the daemon running") {
		t.Errorf("waiting for an hour: %v", err)
	}
}
