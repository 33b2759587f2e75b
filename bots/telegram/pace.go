package telegram

import (
	"context"
	"sync"
	"time"
)

// Telegram's rates (Bot FAQ, "My bot is hitting limits"): about 30 messages a
// second over all, and one a second in a chat, where short bursts pass.
var (
	overall = rate{every: time.Second / 30, burst: 5}
	perChat = rate{every: time.Second, burst: 3}
)

// rate is a token bucket: one message each every, and up to burst at once
// after a rest.
type rate struct {
	every time.Duration
	burst int
}

// bucket is when a full bucket's next token would be due: one time holds all
// that a token bucket remembers.
type bucket struct{ due time.Time }

// take takes a token and returns how long to wait before using it.
func (k *bucket) take(now time.Time, r rate) time.Duration {
	if k.due.Before(now) {
		k.due = now
	}
	wait := k.due.Add(-time.Duration(r.burst-1) * r.every).Sub(now)
	k.due = k.due.Add(r.every)
	return max(0, wait)
}

func (k *bucket) giveBack(r rate) { k.due = k.due.Add(-r.every) }

// pace holds the rates. The zero value is ready.
type pace struct {
	mu    sync.Mutex
	all   bucket
	chats map[chat]*bucket
}

// wait returns when a message to a chat may go, or when ctx is done. It keeps
// to the machine's clock: what it spares is Telegram, not a test.
func (p *pace) wait(ctx context.Context, to chat) error {
	// The chat first: a message that waits for its chat holds nobody else up.
	p.mu.Lock()
	now := time.Now()
	own := p.chat(now, to)
	d := own.take(now, perChat)
	p.mu.Unlock()
	if err := p.sleep(ctx, d, own, perChat); err != nil {
		return err
	}
	p.mu.Lock()
	d = p.all.take(time.Now(), overall)
	p.mu.Unlock()
	return p.sleep(ctx, d, &p.all, overall)
}

// sleep waits for a token, and gives it back if ctx does not last that long.
func (p *pace) sleep(ctx context.Context, d time.Duration, k *bucket, r rate) error {
	if d > 0 {
		sleep(ctx, d)
	}
	if ctx.Err() == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k.giveBack(r)
	return ctx.Err()
}

// chat returns a chat's bucket. Those that are full again need no memory.
func (p *pace) chat(now time.Time, to chat) *bucket {
	if p.chats == nil || len(p.chats) >= 10_000 {
		kept := make(map[chat]*bucket)
		for id, k := range p.chats {
			if k.due.After(now) {
				kept[id] = k
			}
		}
		p.chats = kept
	}
	if p.chats[to] == nil {
		p.chats[to] = &bucket{}
	}
	return p.chats[to]
}
