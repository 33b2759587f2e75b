package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"crier/bots/sms"
)

// Dir is the path of a directory that has the folders of a daemon in it. What
// is outside is never read and never written, whatever links there are inside.
type Dir string

// File is a file in a folder.
type File struct {
	Name string
	Size int64
	At   time.Time // when it was last written to
}

// sizeMax is how large a file may be, in bytes. The longest text there can be
// takes half of it.
const sizeMax = 1 << 20

var errHuge = fmt.Errorf("the file is larger than %d bytes", sizeMax)

// fault is an error without the name of a file, which may hold a number.
func fault(doing, folder string, err error) error {
	if err == nil {
		return nil
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return fmt.Errorf("%s the folder %s of the spool: %w", doing, folder, err)
}

// in calls do with the directory opened.
func (d Dir) in(doing, folder string, do func(root *os.Root) error) error {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return fault("open", ".", err)
	}
	defer func() { _ = root.Close() }() // nothing is written by it
	return fault(doing, folder, do(root))
}

// List returns the files of a folder in the order of their names. What is
// hidden, or no plain file, is none. A folder that is missing is an error.
func (d Dir) List(folder string) ([]File, error) {
	var files []File
	err := d.in("list", folder, func(root *os.Root) error {
		f, err := root.Open(folder)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		entries, err := f.ReadDir(-1)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), ".") || !entry.Type().IsRegular() {
				continue
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has just been moved
			}
			if err != nil {
				return err
			}
			files = append(files, File{Name: entry.Name(), Size: info.Size(), At: info.ModTime()})
		}
		return nil
	})
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// Read returns what is in a file.
func (d Dir) Read(folder, name string) (data []byte, err error) {
	err = d.in("read a file in", folder, func(root *os.Root) error {
		path := folder + "/" + name
		info, err := root.Lstat(path)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fs.ErrInvalid
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		data, err = io.ReadAll(io.LimitReader(f, sizeMax+1))
		if len(data) > sizeMax {
			return errHuge
		}
		return err
	})
	return data, err
}

// NewFile is a file that is to be written.
type NewFile struct {
	Name string
	Data []byte
}

// Write puts files into a folder. Each is there whole or not at all, and on the
// disk when Write returns nil. The group may write to it as well.
//
// An error says that nothing can be written for now. It is an sms.Busy.
func (d Dir) Write(folder string, files ...NewFile) error {
	if err := d.write(folder, files); err != nil {
		return sms.Busy(err, 0)
	}
	return nil
}

func (d Dir) write(folder string, files []NewFile) error {
	return d.in("write to", folder, func(root *os.Root) (err error) {
		path := func(dot, name string) string { return folder + "/" + dot + name }
		defer func() {
			if err != nil {
				for _, f := range files {
					_ = root.Remove(path(".", f.Name))
				}
			}
		}()
		for _, f := range files {
			if err := writeFile(root, path(".", f.Name), f.Data); err != nil {
				return err
			}
		}
		for _, f := range files {
			if err := root.Rename(path(".", f.Name), path("", f.Name)); err != nil {
				return err
			}
		}
		return syncFolder(root, folder)
	})
}

func writeFile(root *os.Root, path string, data []byte) error {
	f, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o660)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	// The daemon, which changes the file, is another user of the same group.
	return errors.Join(err, f.Chmod(0o660), f.Sync(), f.Close())
}

// Move gives a file another folder and name. It replaces what had that name.
func (d Dir) Move(folder, name, toFolder, toName string) error {
	return d.in("move a file in", folder, func(root *os.Root) error {
		if toFolder == unread {
			if err := root.Mkdir(unread, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		if err := root.Rename(folder+"/"+name, toFolder+"/"+toName); err != nil {
			return err
		}
		return syncFolder(root, toFolder)
	})
}

// Remove removes a file. It is no error if it is not there.
func (d Dir) Remove(folder, name string) error {
	return d.in("remove a file in", folder, func(root *os.Root) error {
		if err := root.Remove(folder + "/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// syncFolder has the names in a folder written to the disk.
func syncFolder(root *os.Root, folder string) error {
	f, err := root.Open(folder)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return f.Sync()
}

// The folders that are Crier's own. They are made when they are needed.
const (
	done   = "done"   // slips of texts that the daemon has sent, or failed to send
	unread = "unread" // files of the inbox that nobody could read
)

// How long and how many files are kept in them.
const (
	doneFor    = 7 * 24 * time.Hour // longer than any text is tried, and any report is waited for
	unreadFor  = 30 * 24 * time.Hour
	unreadMost = 100
)

// tidy removes what has been kept long enough.
func (d Dir) tidy(now time.Time) error {
	for _, kept := range []struct {
		folder string
		after  time.Duration
		most   int
	}{{done, doneFor, 0}, {unread, unreadFor, unreadMost}} {
		files, err := d.List(kept.folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		slices.SortFunc(files, func(a, b File) int { return b.At.Compare(a.At) }) // newest first
		for i, f := range files {
			if (kept.most > 0 && i >= kept.most) || now.Sub(f.At) > kept.after {
				if err := d.Remove(kept.folder, f.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// There fails where the directory is not, and names the file that shows how to
// make it. It is for Probe.
func (d Dir) There(example string) error {
	if _, err := os.Stat(string(d)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("dir = %q is not there: %s shows how to make it", string(d), example)
	}
	return nil
}

// Try tries whether texts can be handed to a daemon and be taken from it: it
// writes a file into each folder and removes it. It is for Probe.
func (d Dir) Try(folders ...string) error {
	for _, folder := range folders {
		name := ".crier-tries-" + strconv.Itoa(os.Getpid())
		if err := d.write(folder, []NewFile{{Name: name}}); err != nil {
			return err
		}
		if err := d.Remove(folder, name); err != nil {
			return err
		}
	}
	return nil
}

// waitLong is how long a text may wait for a daemon that runs.
const waitLong = 10 * time.Minute

// Waiting says how many files wait in folders. It fails where the oldest waits
// so long that the daemon cannot be running. It is for Probe.
func (d Dir) Waiting(now time.Time, folders ...string) (string, error) {
	n, oldest := 0, now
	for _, folder := range folders {
		files, err := d.List(folder)
		if err != nil {
			return "", err
		}
		for _, f := range files {
			if n++; f.At.Before(oldest) {
				oldest = f.At
			}
		}
	}
	switch age := now.Sub(oldest).Round(time.Minute); {
	case n == 0:
		return "no text waits to be sent", nil
	case age > waitLong:
		return "", fmt.Errorf("%d texts wait to be sent, the oldest since %v: is the daemon running, and the modem in reach of the network?", n, age)
	default:
		return fmt.Sprintf("%d texts wait to be sent", n), nil
	}
}
