package smstest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"crier/conversation"
)

// ErrNotKept is what a Journey answers that cannot keep anything for now.
var ErrNotKept = errors.New("the database is away")

// Journey is an sms.Journey that remembers what it was brought, what it did not
// keep included. It is safe for concurrent use.
type Journey struct {
	// Keep says whether the n-th thing that is brought, from 1 on, is kept.
	// nil: all are.
	Keep func(n int) error

	// Answer answers a step of a USSD session. nil: nothing does.
	Answer func(in conversation.Inbound) ([]conversation.Outbound, error)

	mu       sync.Mutex
	brought  int
	heard    []conversation.Inbound
	receipts []conversation.Receipt
	parts    map[string]map[int]string // by sender and ref
}

// Handle takes a text.
func (j *Journey) Handle(_ context.Context, in conversation.Inbound) error {
	return j.take(func() { j.heard = append(j.heard, in) })
}

// Receipt takes a receipt.
func (j *Journey) Receipt(_ context.Context, _ string, r conversation.Receipt) error {
	return j.take(func() { j.receipts = append(j.receipts, r) })
}

// Assemble takes a part of a text. The whole is heard with every part that
// comes when no other is missing, always by the same id.
func (j *Journey) Assemble(ctx context.Context, in conversation.Inbound, ref string, number, total int) error {
	whole, complete := j.assemble(in.From+" "+ref, in.Text, number, total)
	if !complete {
		return nil
	}
	in.ID, in.Text = "assembled:"+in.From+":"+ref, whole
	return j.Handle(ctx, in)
}

func (j *Journey) assemble(key, text string, number, total int) (whole string, complete bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.parts == nil {
		j.parts = make(map[string]map[int]string)
	}
	if j.parts[key] == nil {
		j.parts[key] = make(map[int]string)
	}
	j.parts[key][number] = text
	var b strings.Builder
	for i := range total {
		part, here := j.parts[key][i+1]
		if !here {
			return "", false
		}
		b.WriteString(part)
	}
	return b.String(), true
}

// Reply takes a step of a USSD session.
func (j *Journey) Reply(ctx context.Context, in conversation.Inbound) ([]conversation.Outbound, error) {
	if err := j.Handle(ctx, in); err != nil || j.Answer == nil {
		return nil, err
	}
	return j.Answer(in)
}

// Heard is every text that was brought, oldest first.
func (j *Journey) Heard() []conversation.Inbound {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]conversation.Inbound(nil), j.heard...)
}

// Receipts is every receipt that was brought, oldest first.
func (j *Journey) Receipts() []conversation.Receipt {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]conversation.Receipt(nil), j.receipts...)
}

func (j *Journey) take(note func()) error {
	j.mu.Lock()
	note()
	j.brought++
	n := j.brought
	j.mu.Unlock()
	if j.Keep == nil {
		return nil
	}
	return j.Keep(n)
}
