package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// How long stopping may take: one part, and all of them.
const (
	partPatience = 4 * time.Second
	stopPatience = 10 * time.Second
)

// parts run side by side. They are stopped one after the other, in the reverse
// of the order in which they were started, so that none is without what it
// stands on.
type parts struct {
	running []*part
	failed  chan error
}

type part struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func newParts() *parts { return &parts{failed: make(chan error, 1)} }

// start starts a part, which runs until its own ctx ends.
func (ps *parts) start(ctx context.Context, name string, run func(ctx context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	one := &part{name: name, stop: stop, done: make(chan struct{})}
	ps.running = append(ps.running, one)
	go func() {
		defer close(one.done)
		err := run(ctx)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		case ctx.Err() != nil:
			one.err = fmt.Errorf("stop %s: %w", name, err)
		default: // by itself, which none should
			if err == nil {
				err = errors.New("it ended by itself")
			}
			select {
			case ps.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	}()
}

// wait returns when ctx ends, or with the error of the first part that fails.
func (ps *parts) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-ps.failed:
		return err
	}
}

// stop stops all parts, and names those that did not stop in time.
func (ps *parts) stop() error {
	var errs []error
	var late []string
	deadline := time.After(stopPatience)
	for i := len(ps.running) - 1; i >= 0; i-- {
		one := ps.running[i]
		one.stop()
		patience := time.NewTimer(partPatience)
		select {
		case <-one.done:
			errs = append(errs, one.err)
		case <-patience.C:
			late = append(late, one.name)
		case <-deadline:
			late = append(late, one.name)
			deadline = closed
		}
		patience.Stop()
	}
	if len(late) > 0 {
		errs = append(errs, fmt.Errorf("not everything stopped in time: %s", strings.Join(late, ", ")))
	}
	return errors.Join(errs...)
}

// closed is a deadline that has passed.
var closed = func() <-chan time.Time { c := make(chan time.Time); close(c); return c }()

// serveHTTP answers on a listener until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), partPatience/2)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		return server.Close() // whoever still waits for an answer gets none
	}
	return nil
}

// newServer makes an HTTP server that a slow or silent client cannot hold.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
}

// listen opens a port, loopback where no host is named.
func listen(ctx context.Context, address string) (net.Listener, error) {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("nothing can be served at %s (is another crier running there?): %w", address, err)
	}
	return l, nil
}
