package mailtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"crier/bots/bottest"
)

// DovecotOptions are how a Dovecot differs from an ordinary one.
type DovecotOptions struct {
	CA       *CA    // who certifies it; nil: one of its own
	Settings string // more lines of dovecot.conf, which overrule those before

	// Tokens are the access tokens that it takes beside passwords, by XOAUTH2
	// and OAUTHBEARER, and whose they are.
	Tokens map[string]string
}

// Dovecot is a running Dovecot. It has TLS, takes passwords without it as well,
// and a mail to name+detail@domain comes to name@domain.
type Dovecot struct {
	IMAPAddr  string // STARTTLS
	IMAPSAddr string // TLS from the start
	LMTPAddr  string
	CA        *CA

	authAddr string // where Postfix asks for logins
	server   *server
	t        testing.TB

	mu    sync.Mutex
	users strings.Builder
}

// dovecotVersion is the one whose language dovecotConfig is written in.
const dovecotVersion = "2.3."

// StartDovecot starts a Dovecot for the test.
func StartDovecot(t testing.TB, o DovecotOptions) *Dovecot {
	t.Helper()
	path := program(t, "/usr/sbin/dovecot", "dovecot-imapd dovecot-lmtpd")
	for file, debian := range map[string]string{"imap": "dovecot-imapd", "lmtp": "dovecot-lmtpd"} {
		program(t, "/usr/lib/dovecot/"+file, debian)
	}
	version, err := exec.Command(path, "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), dovecotVersion) {
		t.Fatalf("this is written for Dovecot %sx, and here is %s (%v)", dovecotVersion, version, err)
	}

	// Dovecot as an ordinary user is one that needs nothing of the system's.
	var as *owner
	if os.Geteuid() == 0 {
		if as, err = lookUp("dovecot", "nobody"); err != nil {
			t.Fatalf("find a user to run Dovecot: %v", err)
		}
	}
	d := &Dovecot{t: t, CA: cmp.Or(o.CA, NewCA(t)), server: newServer(t, "dovecot", as)}
	for _, address := range []*string{&d.IMAPAddr, &d.IMAPSAddr, &d.LMTPAddr, &d.authAddr} {
		*address = bottest.FreeAddress(t)
		d.server.ports = append(d.server.ports, *address)
	}
	d.server.log = "log"
	d.CA.serve(t, d.server)
	d.server.write(t, "users", "")
	d.server.write(t, "dovecot.conf", d.configuration(t, o))
	d.server.keep(t, path, "-F", "-c", filepath.Join(d.server.dir, "dovecot.conf"))
	d.server.start(t)
	return d
}

// User adds a user: name is the whole address.
func (d *Dovecot) User(name, password string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(&d.users, "%s:{PLAIN}%s::::::\n", name, password)
	d.server.write(d.t, "users", d.users.String())
}

// Stop stops it; Start starts it again, with all its mails.
func (d *Dovecot) Stop() { d.t.Helper(); d.server.stop(d.t) }

// Start starts it after Stop.
func (d *Dovecot) Start() { d.t.Helper(); d.server.start(d.t) }

// Restart stops it, which cuts all connections, and starts it.
func (d *Dovecot) Restart() { d.t.Helper(); d.Stop(); d.Start() }

// Deliver hands it a mail, as a mail server would.
func (d *Dovecot) Deliver(to string, raw string) {
	d.t.Helper()
	if err := d.TryDeliver(to, raw); err != nil {
		d.t.Fatalf("deliver to %s: %v", to, err)
	}
}

// TryDeliver is Deliver, and may fail.
func (d *Dovecot) TryDeliver(to string, raw string) error {
	conn, err := net.DialTimeout("tcp", d.LMTPAddr, 5*time.Second)
	if err != nil {
		return err
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	if err := client.SendMail("sender@example.org", []string{to}, strings.NewReader(raw)); err != nil {
		return err
	}
	return client.Quit()
}

// Message is a mail in a mailbox.
type Message struct {
	Raw  string
	Seen bool
}

// Messages returns the mails in a folder of a user, the oldest first. A folder
// that there is not has none.
func (d *Dovecot) Messages(user, folder string) []Message {
	d.t.Helper()
	var err error
	for range 20 { // mails get other names while they are read
		var messages []Message
		if messages, err = d.messages(user, folder); err == nil {
			return messages
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("read the folder %q of %s: %v", folder, user, err)
	return nil
}

func (d *Dovecot) messages(user, folder string) ([]Message, error) {
	var paths []string
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(d.Maildir(user, folder), sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			paths = append(paths, filepath.Join(d.Maildir(user, folder), sub, entry.Name()))
		}
	}
	slices.SortFunc(paths, func(a, b string) int { return slices.Compare(arrival(a), arrival(b)) })
	messages := make([]Message, 0, len(paths))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		_, flags, _ := strings.Cut(path, ":2,")
		messages = append(messages, Message{Raw: string(raw), Seen: strings.Contains(flags, "S")})
	}
	return messages, nil
}

// arrival is the time in the name of a mail: seconds and, behind an M,
// microseconds.
func arrival(path string) []int {
	var seconds, micros int
	_, _ = fmt.Sscanf(filepath.Base(path), "%d.M%dP", &seconds, &micros) // as far as it goes
	return []int{seconds, micros}
}

// Maildir is where a folder of a user is kept.
func (d *Dovecot) Maildir(user, folder string) string {
	dir := filepath.Join(d.server.dir, "mail", user)
	if folder != "INBOX" {
		dir = filepath.Join(dir, "."+folder)
	}
	return dir
}

// Renumber has a folder's mails numbered anew (UIDVALIDITY), as after a
// restored backup. Dovecot must be stopped.
func (d *Dovecot) Renumber(user, folder string) {
	d.t.Helper()
	time.Sleep(1100 * time.Millisecond) // the validity is the time in seconds
	files, err := filepath.Glob(filepath.Join(d.Maildir(user, folder), "dovecot*"))
	for _, file := range files {
		err = errors.Join(err, os.RemoveAll(file))
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *Dovecot) configuration(t testing.TB, o DovecotOptions) string {
	t.Helper()
	as, err := user.Current()
	if d.server.owner != nil {
		as, err = user.LookupId(fmt.Sprint(d.server.owner.uid))
	}
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(as.Gid)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"DIR", d.server.dir, "USER", as.Username, "GROUP", group.Name, "UID", as.Uid, "GID", as.Gid,
		"IMAPPORT", port(d.IMAPAddr), "IMAPSPORT", port(d.IMAPSAddr),
		"LMTPPORT", port(d.LMTPAddr), "AUTHPORT", port(d.authAddr),
	).Replace(dovecotConfig)
	if o.Tokens != nil {
		d.server.write(t, "oauth2", tokenServer(t, o.Tokens))
		text += strings.ReplaceAll(tokenConfig, "DIR", d.server.dir)
	}
	return text + o.Settings
}

// tokenServer knows tokens, as an OAuth provider does, and returns how Dovecot
// asks it. Source: RFC 7662.
func tokenServer(t testing.TB, tokens map[string]string) (configuration string) {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		owner, known := tokens[r.FormValue("token")]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"active": known, "email": owner})
	}))
	t.Cleanup(provider.Close)
	return "introspection_mode = post\nintrospection_url = " + provider.URL + "/\nusername_attribute = email\nactive_attribute = active\nactive_value = true\n"
}

// Source: doc.dovecot.org, 2.3, "Rootless installation". The empty chroots are
// there because only root can do that.
const dovecotConfig = `
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/log
default_internal_user = USER
default_login_user = USER
default_internal_group = GROUP
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_format = %Lu
auth_failure_delay = 0
recipient_delimiter = +
mail_location = maildir:DIR/mail/%u
mail_fsync = never
stats_writer_socket_path =
mail_max_userip_connections = 100
first_valid_uid = 1
postmaster_address = postmaster@example.org
hostname = mail.example.org
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u DIR/users
}
userdb {
  driver = passwd-file
  args = username_format=%u DIR/users
  override_fields = uid=UID gid=GID home=DIR/mail/%u
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  service_count = 0
  inet_listener imap {
    address = 127.0.0.1
    port = IMAPPORT
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = IMAPSPORT
    ssl = yes
  }
}
service lmtp {
  user = USER
  inet_listener lmtp {
    address = 127.0.0.1
    port = LMTPPORT
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = AUTHPORT
  }
}
`

const tokenConfig = `
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = DIR/oauth2
}
`
