package p2p

import (
	"context"
	"sync"

	"github.com/kithnet/kith/internal/bufpool"
)

// maxInbox bounds the bytes of messages that wait for a protocol; a single larger
// one is let in when nothing else waits. maxWaiting bounds their number.
const (
	maxInbox   = 1 << 20
	maxWaiting = 256
)

// inbox is the queue of one protocol's messages: the read loop puts, the protocol
// takes.
type inbox struct {
	mu    sync.Mutex
	queue []letter
	bytes int
	ready chan struct{} // holds one value if there may be a message
	space chan struct{} // holds one value if there may be room
}

type letter struct {
	code    uint64
	payload *[]byte
}

func newInbox() *inbox {
	return &inbox{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
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
		b.mu.Unlock()
		select {
		case <-b.space:
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
	signal(b.space)
	return l, true
}

// protoRW is a protocol's MsgReadWriter.
type protoRW struct {
	peer  *Peer
	proto shared
	in    *inbox
	last  *[]byte // payload of the message read last
}

func (rw *protoRW) ReadMsg(ctx context.Context) (Msg, error) {
	bufpool.Give(rw.last)
	rw.last = nil
	for {
		if l, ok := rw.in.take(); ok {
			rw.last = l.payload
			return Msg{Code: l.code, Payload: *l.payload}, nil
		}
		select {
		case <-rw.in.ready:
		case <-ctx.Done():
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
