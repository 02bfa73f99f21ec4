package rawpeer

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/p2p/discover/v4wire"
	"github.com/ethereum/go-ethereum/rlp"
)

// distinct is how many different packets a closed loop sends in turn. They are
// signed before the loop starts, which for fewer would be a load on the server's
// caches that no real one has, and for more would take longer than they live.
const distinct = 2048

// stall is how long a closed loop waits for an answer before it takes what is
// missing as lost and sends anew: a hundred times a round trip on loopback.
const stall = 100 * time.Millisecond

// Pings returns the packets for a loop of PINGs.
func (p *Peer) Pings() ([][]byte, error) {
	return makePackets(distinct, func(i int) ([]byte, error) { return p.Ping(Lifetime, uint16(i)) })
}

// Findnodes returns the packets for a loop of FINDNODEs for random targets.
func (p *Peer) Findnodes() ([][]byte, error) {
	return makePackets(distinct, func(int) ([]byte, error) {
		var target v4wire.Pubkey
		rand.Read(target[:])
		return p.Findnode(target)
	})
}

func makePackets(n int, encode func(i int) ([]byte, error)) ([][]byte, error) {
	packets := make([][]byte, n)
	for i := range packets {
		var err error
		if packets[i], err = encode(i); err != nil {
			return nil, err
		}
	}
	return packets, nil
}

// A Served is the outcome of a loop of requests.
type Served struct {
	Sent     int // requests
	Answered int // reply packets of the awaited kind
	Took     time.Duration
}

// Closed keeps window of the packets under way for d: another is sent when one
// has been answered by perRequest packets of the awaited kind.
func (p *Peer) Closed(packets [][]byte, kind byte, perRequest, window int, d time.Duration) Served {
	answers := make(chan struct{}, 1<<16)
	p.OnReply(func(got byte, _ []byte) {
		if got == kind {
			notify(answers)
		}
	})
	defer p.OnReply(nil)
	var (
		c     Served
		begin = time.Now()
		lost  = time.NewTimer(stall)
		send  = func() { p.Send(packets[c.Sent%len(packets)]); c.Sent++ }
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

// Steady sends the packets one after another, rate a second, for d, however many
// of them are answered, and counts what comes of the awaited kind.
func (p *Peer) Steady(packets [][]byte, kind byte, rate int, d time.Duration) Served {
	var answered atomic.Int64
	p.OnReply(func(got byte, _ []byte) {
		if got == kind {
			answered.Add(1)
		}
	})
	defer p.OnReply(nil)
	var c Served
	for begin := time.Now(); c.Took < d; c.Took = time.Since(begin) {
		for due := int(c.Took.Seconds() * float64(rate)); c.Sent < due; c.Sent++ {
			p.Send(packets[c.Sent%len(packets)])
		}
		time.Sleep(time.Second / time.Duration(rate) / 2)
	}
	time.Sleep(stall)
	c.Answered = int(answered.Load())
	return c
}

// Ask sends one packet and returns the replies of a kind that come within d, or
// until enough returns true for them.
func (p *Peer) Ask(packet []byte, kind byte, d time.Duration, enough func([][]byte) bool) [][]byte {
	got := make(chan []byte, 64)
	p.OnReply(func(k byte, packet []byte) {
		if k == kind {
			select {
			case got <- bytes.Clone(packet):
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

// CountNeighbors returns how many nodes NEIGHBORS packets name.
func CountNeighbors(packets [][]byte) (n int, err error) {
	for _, packet := range packets {
		var list v4wire.Neighbors
		if err := rlp.NewStream(bytes.NewReader(packet[typeAt+1:]), 0).Decode(&list); err != nil {
			return 0, fmt.Errorf("rawpeer: NEIGHBORS: %w", err)
		}
		n += len(list.Nodes)
	}
	return n, nil
}

// Patience is how long an honest PING waits for its PONG.
const Patience = time.Second

// A Paced is the outcome of a paced load.
type Paced struct {
	Sent     int
	Answered int           // within Patience
	Took     time.Duration // from the first to the last packet sent
	Median   time.Duration // round trip of the answered; 0 without any
}

// Paced sends one PING after another, rate a second, for d, however many of them
// are answered, and waits for the answers.
func (p *Peer) Paced(packets [][]byte, rate int, d time.Duration) (Paced, error) {
	if need := int(d.Seconds() * float64(rate)); len(packets) < need {
		return Paced{}, errors.New("rawpeer: too few packets for the load")
	}
	var (
		mu    sync.Mutex
		sent  = make(map[[hashSize]byte]time.Time, len(packets))
		trips []time.Duration
		res   Paced
	)
	p.OnReply(func(kind byte, packet []byte) {
		token, ok := replyToken(packet)
		mu.Lock()
		defer mu.Unlock()
		if at, asked := sent[token]; ok && asked && kind == v4wire.PongPacket {
			delete(sent, token)
			if trip := time.Since(at); trip <= Patience {
				trips = append(trips, trip)
			}
		}
	})
	defer p.OnReply(nil)
	begin := time.Now()
	for res.Took < d {
		due := min(int(res.Took.Seconds()*float64(rate)), len(packets))
		for ; res.Sent < due; res.Sent++ {
			packet := packets[res.Sent]
			mu.Lock()
			sent[[hashSize]byte(packet)] = time.Now()
			mu.Unlock()
			p.Send(packet)
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

// PacedPings returns the packets that Paced needs for PINGs, signed ahead. Each
// expires as if it were signed when it is its turn, if Paced follows at once.
func (p *Peer) PacedPings(rate int, d time.Duration) ([][]byte, error) {
	n := int(d.Seconds()*float64(rate)) + 1
	begin := time.Now()
	return makePackets(n, func(i int) ([]byte, error) {
		turn := time.Duration(i) * time.Second / time.Duration(rate)
		return p.Ping(time.Until(begin.Add(turn+Lifetime)), uint16(i))
	})
}

// replyToken returns the hash of the PING that a PONG answers, its second element.
func replyToken(packet []byte) (token [hashSize]byte, ok bool) {
	list, _, err := rlp.SplitList(packet[typeAt+1:])
	if err != nil {
		return token, false
	}
	_, _, rest, err := rlp.Split(list)
	if err != nil {
		return token, false
	}
	content, _, err := rlp.SplitString(rest)
	if err != nil || len(content) != hashSize {
		return token, false
	}
	return [hashSize]byte(content), true
}
