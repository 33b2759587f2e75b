package imap_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"crier/mail/imap"
	"crier/mail/mailtest"
)

func TestAccessTokensInsteadOfPasswords(t *testing.T) {
	for _, mechanisms := range []string{"xoauth2 oauthbearer", "oauthbearer"} {
		t.Run(mechanisms, func(t *testing.T) {
			dovecot := startDovecot(t, mailtest.DovecotOptions{
				Tokens:   map[string]string{"good-token": river},
				Settings: "auth_mechanisms = plain " + mechanisms + "\n",
			})
			e, c, token := newEar(), config(dovecot), "good-token"
			c.Password, c.Token = "", func(context.Context) (string, error) { return token, nil }
			dovecot.Deliver(river, letter("eggs", 1))
			stop := listening(t, c, e.hear, newMemory())
			await(t, "the mail", func() bool { return len(e.heard()) == 1 })
			stop()
			token = "bad-token"
			if _, err := imap.Probe(t.Context(), c); !errors.Is(err, imap.ErrLogin) || strings.Contains(err.Error(), token) {
				t.Errorf("a bad token: %v", err)
			}
			c.Token = func(context.Context) (string, error) { return "", errors.New("the provider is away") }
			if _, err := imap.Probe(t.Context(), c); err == nil || errors.Is(err, imap.ErrLogin) {
				t.Errorf("no token: %v", err)
			}
		})
	}
}

func TestAPasswordGoesInPlainTextOnlyWithinThisMachine(t *testing.T) {
	dovecot, e := startDovecot(t, mailtest.DovecotOptions{Settings: "ssl = no\nservice imap-login {\n inet_listener imaps {\n ssl = no\n }\n}\n"}), newEar()
	c := config(dovecot)
	c.URL = "imap://" + dovecot.IMAPAddr
	dovecot.Deliver(river, letter("eggs", 1))
	listening(t, c, e.hear, newMemory())
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })

	_, port, _ := net.SplitHostPort(dovecot.IMAPAddr)
	c.URL = "imap://0.0.0.0:" + port // leads to this machine, and does not say so
	if _, err := imap.Probe(t.Context(), c); err == nil || !strings.Contains(err.Error(), "does not begin TLS") {
		t.Errorf("without TLS: %v", err)
	}
}

// odd is a server that answers commands as it likes, and is asked on one
// connection after the other. answer gets a command without its tag, and
// returns whole lines; the last one without a tag, or "" to say nothing.
func odd(t *testing.T, capabilities string, answer func(command string) string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprintf(conn, "* OK [CAPABILITY %s] hello\r\n", capabilities)
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					tag, command, _ := strings.Cut(lines.Text(), " ")
					said := answer(command)
					if said == "" {
						continue
					}
					untagged, last := "", said
					if i := strings.LastIndex(said, "\r\n"); i >= 0 {
						untagged, last = said[:i+2], said[i+2:]
					}
					fmt.Fprintf(conn, "%s%s %s\r\n", untagged, tag, last)
				}
			}()
		}
	}()
	return "imap://" + l.Addr().String()
}

func TestAnOldServerOfFewWords(t *testing.T) {
	commands := make(chan string, 1000)
	raw := letter("eggs", 1)
	url := odd(t, "IMAP4rev1", func(command string) string {
		commands <- command
		switch {
		case strings.HasPrefix(command, "SELECT"): // no UIDNEXT
			return "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] \r\nOK"
		case command == "FETCH 2 (UID RFC822.SIZE)":
			return fmt.Sprintf("* 2 FETCH (UID 20 RFC822.SIZE %d)\r\nOK", len(raw))
		case strings.HasPrefix(command, "UID SEARCH"):
			return "* SEARCH 20\r\nOK"
		case strings.HasPrefix(command, "UID FETCH 20 (UID RFC822.SIZE"):
			return fmt.Sprintf("* 2 FETCH (RFC822.SIZE %d UID 20)\r\nOK", len(raw))
		case strings.HasPrefix(command, "UID FETCH 21:* "): // the last one, as ever
			return fmt.Sprintf("* 2 FETCH (UID 20 RFC822.SIZE %d)\r\nOK", len(raw))
		case strings.HasPrefix(command, "UID FETCH 20 (UID BODY.PEEK[]"):
			return fmt.Sprintf("* 2 FETCH (UID 20 BODY[] {%d}\r\n%s)\r\nOK", len(raw), raw)
		case strings.HasPrefix(command, "CAPABILITY"):
			return "* CAPABILITY IMAP4rev1\r\nOK"
		case strings.HasPrefix(command, "LOGOUT"):
			return "* BYE\r\nOK"
		default:
			return "OK"
		}
	})
	e := newEar()
	stop := listening(t, imap.Config{URL: url, User: river, Password: secret, Poll: time.Second}, e.hear, newMemory())
	await(t, "the mail", func() bool { return len(e.heard()) == 1 })
	time.Sleep(1200 * time.Millisecond) // it looks again
	stop()
	if n := e.handedOver("eggs"); n != 1 {
		t.Errorf("the mail was handed over %d times", n)
	}
	close(commands)
	var all []string
	for command := range commands {
		all = append(all, command)
	}
	for _, want := range []string{`LOGIN "river@lets.test" "very secret"`, `UID STORE 20 +FLAGS.SILENT (\Seen)`} {
		if !slices.Contains(all, want) {
			t.Errorf("it never said %s, but\n%s", want, strings.Join(all, "\n"))
		}
	}
}

func TestAMailThatTheServerCannotReadHoldsNobodyUp(t *testing.T) {
	raw, moved := letter("eggs", 1), make(chan string, 100)
	url := odd(t, "IMAP4rev1 MOVE", func(command string) string {
		switch {
		case strings.HasPrefix(command, "SELECT"):
			return "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] \r\n* OK [UIDNEXT 3] \r\nOK"
		case strings.HasPrefix(command, "UID SEARCH"):
			return "* SEARCH 1 2\r\nOK"
		case strings.Contains(command, "RFC822.SIZE"):
			return "* 1 FETCH (UID 1 RFC822.SIZE 9)\r\n* 2 FETCH (UID 2 RFC822.SIZE 9)\r\nOK"
		case strings.HasPrefix(command, "UID FETCH 1 "):
			return "NO [SERVERBUG] the file is damaged"
		case strings.HasPrefix(command, "UID FETCH 2 "):
			return fmt.Sprintf("* 2 FETCH (UID 2 BODY[] {%d}\r\n%s)\r\nOK", len(raw), raw)
		case strings.HasPrefix(command, "UID MOVE"):
			moved <- command
			return "OK"
		case strings.HasPrefix(command, "CAPABILITY"):
			return "* CAPABILITY IMAP4rev1 MOVE\r\nOK"
		default:
			return "OK"
		}
	})
	e := newEar()
	listening(t, imap.Config{URL: url, User: river, Password: secret}, e.hear, newMemory())
	await(t, "the other mail", func() bool { return len(e.heard()) == 1 })
	select {
	case got := <-moved:
		if got != `UID MOVE 1 "Crier problems"` {
			t.Errorf("it said %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("the damaged mail is not put aside")
	}
}

func TestAServerThatFallsSilentIsLeft(t *testing.T) {
	asked := make(chan string, 100)
	url := odd(t, "IMAP4rev1", func(command string) string {
		if strings.HasPrefix(command, "SELECT") {
			asked <- command
			return "" // for ever
		}
		return "OK"
	})
	listening(t, imap.Config{URL: url, User: river, Password: secret}, newEar().hear, newMemory(), imap.WithPatience(100*time.Millisecond))
	for range 3 {
		select {
		case <-asked:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not come back")
		}
	}
}
