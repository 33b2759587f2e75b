package mailtest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"crier/bots/bottest"
)

// PostfixOptions say what a Postfix does with mails.
type PostfixOptions struct {
	CA *CA // who certifies it; nil: the Dovecot's, or one of its own

	// Dovecot is where Domains have their mailboxes, and whose users may log in.
	// nil: there are no such.
	Dovecot *Dovecot
	Domains []string

	// LMTP says where other mails go, by domain ("lets.test") or by address
	// ("river@lets.test", with all its details): the address of an LMTP server,
	// "127.0.0.1:2424" or the absolute path of a socket.
	LMTP map[string]string

	Settings string // more lines of main.cf, which overrule those before
}

// Postfix is a running Postfix. It takes mails to the domains that it has: from
// everybody, and from users who have logged in, over TLS. Whom nobody there
// knows it sends a bounce. None ever leaves the machine. What was refused for
// now it tries again every second.
type Postfix struct {
	Addr      string // SMTP, with STARTTLS
	SMTPSAddr string // with TLS from the start
	CA        *CA

	server *server
	t      testing.TB
}

// StartPostfix starts a Postfix for the test. Only root can.
func StartPostfix(t testing.TB, o PostfixOptions) *Postfix {
	t.Helper()
	control := program(t, "/usr/sbin/postfix", "postfix")
	master := program(t, "/usr/lib/postfix/sbin/master", "postfix")
	if os.Geteuid() != 0 {
		t.Fatal("Postfix can be started only by root: run this test as root, in a container for example")
	}
	daemons, err := lookUp("postfix")
	if err != nil {
		t.Fatalf("find the user of Postfix's daemons: %v", err)
	}
	p := &Postfix{t: t, Addr: bottest.FreeAddress(t), SMTPSAddr: bottest.FreeAddress(t), CA: o.CA, server: newServer(t, "postfix", nil)}
	if p.CA == nil && o.Dovecot != nil {
		p.CA = o.Dovecot.CA
	}
	p.CA = cmp.Or(p.CA, NewCA(t))
	s := p.server
	s.ports, s.log = []string{p.Addr, p.SMTPSAddr}, "log"

	etc, data := filepath.Join(s.dir, "etc"), filepath.Join(s.dir, "data")
	err = errors.Join(os.Mkdir(etc, 0o755), os.Mkdir(filepath.Join(s.dir, "queue"), 0o755), os.Mkdir(data, 0o700),
		os.Chown(data, int(daemons.uid), int(daemons.gid)))
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(s.dir)))
	}
	p.CA.serve(t, s)
	settings, transports := p.configuration(o)
	s.write(t, "etc/main.cf", settings)
	s.write(t, "etc/transport", transports)
	s.write(t, "etc/master.cf", fmt.Sprintf(masterConfig, p.Addr, p.SMTPSAddr))
	s.write(t, "etc/dynamicmaps.cf", "")
	for _, name := range []string{"main.cf", "transport", "master.cf", "dynamicmaps.cf"} {
		if err := os.Chmod(filepath.Join(etc, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.keep(t, master, "-c", etc)
	if output, err := exec.Command(control, "-c", etc, "check").CombinedOutput(); err != nil { // it makes the queue
		t.Fatalf("postfix check: %v\n%s", err, output)
	}
	s.start(t)
	return p
}

// Stop stops it; Start starts it again, with all that it has in its queue.
func (p *Postfix) Stop() { p.t.Helper(); p.server.stop(p.t) }

// Start starts it after Stop.
func (p *Postfix) Start() { p.t.Helper(); p.server.start(p.t) }

// Restart stops it, which cuts all connections, and starts it.
func (p *Postfix) Restart() { p.t.Helper(); p.Stop(); p.Start() }

// Send sends a mail to it as any mail server would.
func (p *Postfix) Send(from string, to []string, raw string) {
	p.t.Helper()
	if err := p.TrySend(from, to, raw); err != nil {
		p.t.Fatalf("send to %v: %v", to, err)
	}
}

// TrySend is Send, and may fail.
func (p *Postfix) TrySend(from string, to []string, raw string) error {
	conn, err := net.DialTimeout("tcp", p.Addr, 5*time.Second)
	if err != nil {
		return err
	}
	client := smtp.NewClient(conn)
	defer client.Close()
	if err := client.SendMail(from, to, strings.NewReader(raw)); err != nil {
		return err
	}
	return client.Quit()
}

// Queued is how many mails it holds that have not arrived.
func (p *Postfix) Queued() int {
	p.t.Helper()
	n := 0
	for _, queue := range []string{"maildrop", "incoming", "active", "deferred"} {
		err := filepath.WalkDir(filepath.Join(p.server.dir, "queue", queue), func(_ string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				n++
			}
			if errors.Is(err, fs.ErrNotExist) { // it went on in the meantime
				return nil
			}
			return err
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return n
}

// Log is what it wrote to its log.
func (p *Postfix) Log() string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.server.dir, p.server.log))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *Postfix) configuration(o PostfixOptions) (settings, transports string) {
	domains := slices.Clone(o.Domains)
	for _, place := range slices.Sorted(maps.Keys(o.LMTP)) {
		to := o.LMTP[place]
		if strings.HasPrefix(to, "/") {
			to = "unix:" + to
		} else {
			to = "inet:" + to
		}
		transports += place + " lmtp:" + to + "\n"
		if domain := place[strings.IndexByte(place, '@')+1:]; !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	settings = strings.ReplaceAll(postfixConfig, "DIR", p.server.dir)
	settings += "virtual_mailbox_domains = " + strings.Join(domains, ", ") + "\n"
	if o.Dovecot == nil {
		settings += "virtual_transport = error:no mailboxes here\n"
	} else {
		settings += "virtual_transport = lmtp:inet:" + o.Dovecot.LMTPAddr + "\n" +
			"smtpd_sasl_path = inet:" + o.Dovecot.authAddr + "\n" +
			"smtpd_sasl_auth_enable = yes\n"
	}
	return settings + o.Settings, transports
}

const postfixConfig = `
compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/log
maillog_file_prefixes = DIR
myhostname = mx.example.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
recipient_delimiter = +
message_size_limit = 67108864
mailbox_size_limit = 0
transport_maps = texthash:DIR/etc/transport
default_transport = error:no mail leaves this machine
relay_transport = error:no mail leaves this machine
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_sasl_type = dovecot
smtpd_tls_auth_only = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = DIR/cert.pem
smtpd_tls_key_file = DIR/key.pem
smtpd_tls_session_cache_database =
smtp_tls_session_cache_database =
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
transport_retry_time = 1s
lmtp_connect_timeout = 5s
`

// masterConfig has two places, for the addresses to listen on. Nothing is
// chrooted: the libraries are outside.
const masterConfig = `
%s inet n - n - - smtpd
%s inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
smtp      unix  - - n -     - smtp
lmtp      unix  - - n -     - lmtp
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
showq     unix  n - n -     - showq
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
`
