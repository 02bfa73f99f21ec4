package p2p

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/peering"
)

// EventKind is what has happened.
type EventKind uint8

// What can happen.
const (
	PeerAdded   EventKind = iota
	PeerDropped           // Err says why, Remote whose doing it was
	Dialing               // a dial has begun
	Refused               // Reason says why, Err what lies behind it
)

func (k EventKind) String() string {
	names := [...]string{"added", "dropped", "dialing", "refused"}
	if int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Event is something that has happened to a node.
type Event struct {
	Kind   EventKind
	At     time.Time
	ID     enode.ID
	Peer   *Peer          // of PeerAdded and PeerDropped
	Reason peering.Reason // of Refused
	Err    error
	Remote bool // the other side ended it
	Missed int  // events before this one that the reader was too slow for
}

// maxEvents bounds the events that wait for a slow reader. Beyond it the oldest go.
const maxEvents = 1024

// feed tells events to whoever listens. It never waits for one.
type feed struct {
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	closed bool
}

type subscriber struct {
	queue  []Event
	missed int
	ready  chan struct{}
}

func (f *feed) tell(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		if len(s.queue) >= maxEvents {
			s.queue = s.queue[1:]
			s.missed++
		}
		s.queue = append(s.queue, e)
		signal(s.ready)
	}
}

// core is the machine's Trace.
func (f *feed) core(e peering.Event) {
	switch e.Kind {
	case peering.EventDial:
		f.tell(Event{Kind: Dialing, At: e.At, ID: e.ID})
	case peering.EventRefused:
		f.tell(Event{Kind: Refused, At: e.At, ID: e.ID, Reason: e.Reason, Err: e.Err})
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subs {
		signal(s.ready)
	}
}

// Events returns what happens from now on, until ctx or the Server ends. A reader
// that is too slow misses events, and is told how many.
func (s *Server) Events(ctx context.Context) iter.Seq[Event] {
	sub := &subscriber{ready: make(chan struct{}, 1)}
	f := &s.feed
	f.mu.Lock()
	if f.subs == nil {
		f.subs = make(map[*subscriber]struct{})
	}
	f.subs[sub] = struct{}{}
	f.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { f.drop(sub) })
	return func(yield func(Event) bool) {
		defer func() {
			stop()
			f.drop(sub)
		}()
		for {
			e, ok, over := f.next(sub)
			switch {
			case ok && !yield(e), over:
				return
			case ok:
				continue
			}
			select {
			case <-sub.ready:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *feed) drop(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
}

func (f *feed) next(s *subscriber) (e Event, ok, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(s.queue) == 0 {
		s.queue = nil
		return e, false, f.closed
	}
	e = s.queue[0]
	s.queue = s.queue[1:]
	e.Missed, s.missed = s.missed, 0
	return e, true, false
}
