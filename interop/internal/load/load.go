// Package load puts a server under a measured load of requests, sent by a bare
// endpoint of some protocol that knows its answers when it sees them.
package load

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Token is what an answer quotes of its request.
type Token [32]byte

// A Request is a packet made ahead.
type Request struct {
	Packet []byte
	Token  Token
}

// A Reply is an answer that came. Packet is valid during the call only.
type Reply struct {
	Kind   byte
	Token  Token // of a reply to PING
	Packet []byte
}

// A Peer is a bare endpoint that talks to one server.
type Peer interface {
	// Send sends a packet to the server. One that the kernel does not take is lost.
	Send(packet []byte)
	// OnReply sets the function that gets each answer, and returns once it is in
	// place. nil: none.
	OnReply(func(Reply))
}

// Replies is the OnReply of a Peer. The zero value has nobody hear.
type Replies struct{ hear atomic.Pointer[func(Reply)] }

// OnReply sets the function that gets each answer, and returns once it is in place.
// nil: none.
func (r *Replies) OnReply(f func(Reply)) {
	if f == nil {
		r.hear.Store(nil)
		return
	}
	r.hear.Store(&f)
}

// Hearer returns that function, or nil.
func (r *Replies) Hearer() func(Reply) {
	if f := r.hear.Load(); f != nil {
		return *f
	}
	return nil
}

// Distinct is how many different packets a loop sends in turn. They are made before
// the loop starts, which for fewer would be a load on the server's caches that no real
// one has, and for more would take longer than the packets live.
const Distinct = 2048

// Make makes n requests.
func Make(n int, encode func(i int) (Request, error)) ([]Request, error) {
	requests := make([]Request, n)
	for i := range requests {
		var err error
		if requests[i], err = encode(i); err != nil {
			return nil, err
		}
	}
	return requests, nil
}

// Pace returns how many requests Paced needs.
func Pace(rate int, d time.Duration) int { return int(d.Seconds()*float64(rate)) + 1 }

// stall is how long a closed loop waits for an answer before it takes what is
// missing as lost and sends anew: a hundred times a round trip on loopback.
const stall = 100 * time.Millisecond

// A Served is the outcome of a loop of requests.
type Served struct {
	Sent     int // requests
	Answered int // reply packets of the awaited kind
	Took     time.Duration
}

// Closed keeps window of the requests under way for d: another is sent when one
// has been answered by perRequest packets of the awaited kind.
func Closed(p Peer, requests []Request, kind byte, perRequest, window int, d time.Duration) Served {
	answers := make(chan struct{}, 1<<16)
	p.OnReply(func(r Reply) {
		if r.Kind == kind {
			Notify(answers)
		}
	})
	defer p.OnReply(nil)
	var (
		c     Served
		begin = time.Now()
		lost  = time.NewTimer(stall)
		send  = func() { p.Send(requests[c.Sent%len(requests)].Packet); c.Sent++ }
	)
	defer lost.Stop()
	for range window {
		send()
	}
	for c.Took < d {
		select {
		case <-answers:
			c.Answered++
			if c.Answered%perRequest == 0 {
				send()
			}
		case <-lost.C:
			for range window {
				send()
			}
		}
		lost.Reset(stall)
		c.Took = time.Since(begin)
	}
	return c
}

// Steady sends the requests one after another, rate a second, for d, however many
// of them are answered, and counts what comes of the awaited kind.
func Steady(p Peer, requests []Request, kind byte, rate int, d time.Duration) Served {
	var answered atomic.Int64
	p.OnReply(func(r Reply) {
		if r.Kind == kind {
			answered.Add(1)
		}
	})
	defer p.OnReply(nil)
	var c Served
	for begin := time.Now(); c.Took < d; c.Took = time.Since(begin) {
		for due := int(c.Took.Seconds() * float64(rate)); c.Sent < due; c.Sent++ {
			p.Send(requests[c.Sent%len(requests)].Packet)
		}
		time.Sleep(time.Second / time.Duration(rate) / 2)
	}
	time.Sleep(stall)
	c.Answered = int(answered.Load())
	return c
}

// Ask sends one packet and returns the replies of a kind that come within d, or
// until enough returns true for them.
func Ask(p Peer, packet []byte, kind byte, d time.Duration, enough func([][]byte) bool) [][]byte {
	got := make(chan []byte, 64)
	p.OnReply(func(r Reply) {
		if r.Kind == kind {
			select {
			case got <- bytes.Clone(r.Packet):
			default:
			}
		}
	})
	defer p.OnReply(nil)
	p.Send(packet)
	var replies [][]byte
	for timeout := time.After(d); !enough(replies); {
		select {
		case r := <-got:
			replies = append(replies, r)
		case <-timeout:
			return replies
		}
	}
	return replies
}

// Patience is how long an honest PING waits for its PONG.
const Patience = time.Second

// A Pacing is the outcome of a paced load.
type Pacing struct {
	Sent     int
	Answered int           // within Patience
	Took     time.Duration // from the first to the last packet sent
	Median   time.Duration // round trip of the answered; 0 without any
}

// Paced sends one PING after another, rate a second, for d, however many of them
// are answered, and waits for the answers.
func Paced(p Peer, requests []Request, pong byte, rate int, d time.Duration) (Pacing, error) {
	if need := int(d.Seconds() * float64(rate)); len(requests) < need {
		return Pacing{}, errors.New("load: too few packets for the load")
	}
	var (
		mu    sync.Mutex
		sent  = make(map[Token]time.Time, len(requests))
		trips []time.Duration
		res   Pacing
	)
	p.OnReply(func(r Reply) {
		mu.Lock()
		defer mu.Unlock()
		if at, asked := sent[r.Token]; asked && r.Kind == pong {
			delete(sent, r.Token)
			if trip := time.Since(at); trip <= Patience {
				trips = append(trips, trip)
			}
		}
	})
	defer p.OnReply(nil)
	begin := time.Now()
	for res.Took < d {
		due := min(int(res.Took.Seconds()*float64(rate)), len(requests))
		for ; res.Sent < due; res.Sent++ {
			request := requests[res.Sent]
			mu.Lock()
			sent[request.Token] = time.Now()
			mu.Unlock()
			p.Send(request.Packet)
		}
		time.Sleep(time.Second / time.Duration(rate) / 2)
		res.Took = time.Since(begin)
	}
	time.Sleep(Patience)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(trips)
	if res.Answered = len(trips); len(trips) > 0 {
		res.Median = trips[len(trips)/2]
	}
	return res, nil
}

// Notify wakes who waits at c, if somebody does or c has room.
func Notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
