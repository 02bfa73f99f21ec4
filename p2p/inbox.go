package p2p

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/kithnet/kith/internal/bufpool"
	"github.com/kithnet/kith/rlpx"
)

// maxInbox bounds the bytes of messages that wait for a protocol; a single larger
// one is let in when nothing else waits. maxWaiting bounds their number.
const (
	maxInbox   = 1 << 20
	maxWaiting = 256
)

// inbox is the queue of one protocol's messages: who reads puts, the protocol takes.
type inbox struct {
	mu    sync.Mutex
	queue []letter
	bytes int
	ready chan struct{} // holds one value if there may be a message
	space chan struct{} // holds one value if there may be room; nil unless somebody waited for it lately
}

type letter struct {
	code    uint64
	payload *[]byte
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put adds a copy of a message. It waits for room until done is closed, and reports
// whether it was added.
func (b *inbox) put(code uint64, payload []byte, done <-chan struct{}) bool {
	copied := bufpool.Take(len(payload))
	*copied = append(*copied, payload...)
	for {
		b.mu.Lock()
		if n := len(b.queue); n == 0 || n < maxWaiting && b.bytes+len(payload) <= maxInbox {
			b.queue = append(b.queue, letter{code, copied})
			b.bytes += len(payload)
			b.mu.Unlock()
			signal(b.ready)
			return true
		}
		if b.space == nil {
			b.space = make(chan struct{}, 1)
		}
		space := b.space
		b.mu.Unlock()
		select {
		case <-space:
		case <-done:
			bufpool.Give(copied)
			return false
		}
	}
}

// take returns the next message, whose payload is the caller's to give back.
func (b *inbox) take() (letter, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.queue = nil
		return letter{}, false
	}
	l := b.queue[0]
	b.queue[0] = letter{}
	b.queue = b.queue[1:]
	b.bytes -= len(*l.payload)
	if b.space != nil {
		signal(b.space)
	}
	return l, true
}

// rest gives up what is made again when it is needed.
func (b *inbox) rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 { // and so nobody waits for room
		b.space = nil
	}
}

// protoRW is a protocol that runs with a peer, and its MsgReadWriter.
type protoRW struct {
	peer  *Peer
	proto shared
	in    inbox
	last  *[]byte // payload of the message read last
}

func newProtoRW(p *Peer, proto shared) *protoRW {
	return &protoRW{peer: p, proto: proto, in: inbox{ready: make(chan struct{}, 1)}}
}

// run runs the protocol. A panic in it ends this peer only.
func (rw *protoRW) run() {
	p := rw.peer
	defer p.wg.Done()
	defer func() {
		if v := recover(); v != nil {
			p.srv.log.Error("a protocol panicked", "protocol", rw.proto.Cap(), "peer", p.ID().Short(), "panic", v, "stack", string(debug.Stack()))
			p.end(fmt.Errorf("%w: %v panicked: %v", errProtocol, rw.proto.Cap(), v), false)
		}
	}()
	err := rw.proto.Run(p.ctx, p, rw)
	var said rlpx.DiscReason
	switch {
	case err == nil:
		p.end(rlpx.DiscRequested, false)
	case errors.As(err, &said):
		p.end(err, false)
	default:
		p.end(fmt.Errorf("%w: %v: %w", errProtocol, rw.proto.Cap(), err), false)
	}
}

func (rw *protoRW) ReadMsg(ctx context.Context) (Msg, error) {
	bufpool.Give(rw.last)
	rw.last = nil
	done := ctx.Done()
	if done == rw.peer.closed {
		done = nil // who waits for a channel takes memory for it
	}
	for {
		if l, ok := rw.in.take(); ok {
			rw.last = l.payload
			return Msg{Code: l.code, Payload: *l.payload}, nil
		}
		select {
		case <-rw.in.ready:
		case <-done:
			return Msg{}, ctx.Err()
		case <-rw.peer.closed:
			return Msg{}, rw.peer.Err()
		}
	}
}

func (rw *protoRW) WriteMsg(ctx context.Context, code uint64, payload []byte) error {
	if code >= rw.proto.Length {
		return errCode
	}
	return rw.peer.write(ctx, rw.proto.offset+code, payload)
}
