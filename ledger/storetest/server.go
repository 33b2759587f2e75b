package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"crier/ledger"
)

// serverVariable names a server that tests are to use instead of their own: a
// postgres:// URL of a role that may create databases.
const serverVariable = "CRIER_TEST_POSTGRES"

// How long a server may take to start, on a slow and busy machine.
const startPatience = time.Minute

// shared is the server of this test binary, started when first asked for. It is
// package state, since a test binary has no better owner for it.
var shared = sync.OnceValues(func() (*server, error) { return start(context.Background()) })

// Postgres returns the URL of a fresh and empty database for the test alone. It
// is on a server that the test binary starts for itself and that ends with it,
// however it ends, or on the one that CRIER_TEST_POSTGRES names.
func Postgres(t testing.TB) string {
	t.Helper()
	named := os.Getenv(serverVariable)
	s := &server{url: named}
	if named == "" {
		var err error
		if s, err = shared(); err != nil {
			t.Fatal(err)
		}
	}
	database, err := s.database(t.Context())
	if err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if named != "" {
			err = execute(ctx, named, "DROP DATABASE "+databaseName(database)+" WITH (FORCE)")
		} else {
			err = s.giveBack(ctx, database)
		}
		if err != nil {
			t.Errorf("remove the database: %v", err)
		}
	})
	return database
}

// StartPostgres starts a throw-away server, for a benchmark or a command, and
// returns the URL of its one, empty database. stop ends it and removes all its
// files; so does the end of this process, of whatever kind.
func StartPostgres(ctx context.Context) (url string, stop func(), err error) {
	s, err := start(ctx)
	if err != nil {
		return "", nil, err
	}
	return s.url, s.stop, nil
}

// server is a running PostgreSQL with all it has in one directory.
type server struct {
	url   string
	dir   string
	life  io.Closer // the other end of keeper's input
	shell *exec.Cmd

	mu   sync.Mutex
	free []string // URLs of empty databases
}

// keeper runs a server until its own standard input ends, which happens when
// the process at the other end closes it, exits, or is killed; and then leaves
// nothing behind. Arguments: the directory of the programs, that of the server.
const keeper = `
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c max_connections=200 </dev/null >"$2/log" 2>&1 &
read -r _
kill -QUIT $!
wait $!
cd /
rm -rf "$2"
`

func start(ctx context.Context) (_ *server, err error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	// Not TMPDIR: the path of a socket has 107 bytes at most, and another user
	// may have to enter.
	dir, err := os.MkdirTemp("/tmp", "crier-postgres-")
	if err != nil {
		return nil, err
	}
	attributes, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}

	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", filepath.Join(dir, "data"),
		"-U", "crier", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, attributes
	if said, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, said), os.RemoveAll(dir))
	}

	s := &server{
		url:   (&url.URL{Scheme: "postgres", User: url.User("crier"), Path: "/postgres", RawQuery: url.Values{"host": {dir}}.Encode()}).String(),
		dir:   dir,
		shell: exec.CommandContext(context.WithoutCancel(ctx), "sh", "-c", keeper, "keeper", programs, dir),
	}
	s.shell.Dir, s.shell.SysProcAttr = dir, attributes
	if s.life, err = s.shell.StdinPipe(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.shell.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a shell: %w", err), os.RemoveAll(dir))
	}
	if err := s.wait(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.stop()
		return nil, fmt.Errorf("start PostgreSQL: %w\n%s", err, log)
	}
	return s, nil
}

// wait returns when the server takes connections.
func (s *server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := execute(ctx, s.url, "SELECT 1")
		if err == nil {
			return nil
		}
		if log, _ := os.ReadFile(filepath.Join(s.dir, "log")); bytes.Contains(log, []byte("system is shut down")) {
			return err // no use to wait
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) stop() {
	s.life.Close()
	_ = s.shell.Wait() // however it ends
}

// database returns the URL of an empty one, new or given back: to make one
// takes a third of a second, and to empty one some milliseconds.
func (s *server) database(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.free) - 1; last >= 0 {
		database := s.free[last]
		s.free = s.free[:last]
		return database, nil
	}
	database, err := url.Parse(s.url)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL: %w", serverVariable, err)
	}
	database.Path = fmt.Sprintf("/crier_test_%d", ledger.NewID(time.Now()))
	return database.String(), execute(ctx, s.url, "CREATE DATABASE "+databaseName(database.String())+" TEMPLATE template0 ENCODING 'UTF8'")
}

// giveBack empties a database for the next one who asks.
func (s *server) giveBack(ctx context.Context, database string) error {
	err := execute(ctx, database, `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
		DROP SCHEMA public CASCADE;
		CREATE SCHEMA public;`)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, database)
	return nil
}

func databaseName(database string) string {
	u, err := url.Parse(database)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// execute runs statements on a connection of their own.
func execute(ctx context.Context, url, statements string) error {
	conn, err := pgconn.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statements).ReadAll()
	return err
}

// findPrograms returns the directory of the newest PostgreSQL that is
// installed: Debian keeps its programs out of PATH, one directory a version.
func findPrograms() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	if found, err := exec.LookPath("initdb"); err == nil {
		if target, err := filepath.EvalSymlinks(found); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, dir := range dirs {
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server is installed here. Install one (Debian: apt install postgresql; macOS: brew install postgresql), or set %s to the URL of one", serverVariable)
}

// unprivileged returns how to start a process that is to own dir. PostgreSQL
// refuses to run as root, so root starts it as somebody else.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own, so that a Ctrl-C at the tests leaves the keeper to clean up.
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		owner, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user to run PostgreSQL, which refuses to run as root: %w", err)
	}
	uid, err1 := strconv.ParseUint(owner.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, os.Chown(dir, int(uid), int(gid))
}
