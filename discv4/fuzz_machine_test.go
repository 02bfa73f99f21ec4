package discv4

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

var fuzzEndpoints = []string{"5.1.1.1:30303", "5.1.1.1:30304", "5.1.1.2:30303", "5.1.2.1:30303",
	"192.168.1.5:30303", "127.0.0.1:1000", "[2001:db8::1]:30303", "5.1.0.1:30303"}

var fuzzSteps = []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	600 * time.Millisecond, 3 * time.Second, 31 * time.Second, 15 * time.Minute, 25 * time.Hour, -time.Second, -3 * time.Hour}

// play is a machine driven by the bytes of a fuzzer.
type play struct {
	*lab
	in       []byte
	model    *model
	actors   []*actor
	heard    []Out // packets of the machine that may be answered
	received []datagram
	unsigned bool // the driver loses what it should have sent
	busy     bool
}

func newPlay(t testing.TB, in []byte) *play {
	p := &play{in: in, model: newModel()}
	seed := p.next()
	p.lab = newLab(t, newActor(0, "5.1.0.1:30303"), func(c *Config) {
		c.Rand = rand.New(rand.NewPCG(uint64(seed), 0))
		c.Limits = Limits{NewPerSecond: 40, NewPerNetwork: 20, KnownPerSecond: 10}
		if seed&1 != 0 {
			c.Bootnodes = []*enode.Node{newActor(1, fuzzEndpoints[0]).bare()}
			p.model.named[netip.MustParseAddrPort(fuzzEndpoints[0])] = true
		}
	})
	p.verify = false
	p.actors = append(p.actors, p.lab.actor)
	for i := range 6 {
		p.actors = append(p.actors, newActor(1+i, fuzzEndpoints[i%len(fuzzEndpoints)]))
	}
	if seed&2 != 0 {
		n := p.actors[2].node
		p.m.Restore(Proof{Node: n, LastPong: p.now.Add(-time.Hour), LastPing: p.now}, p.now)
		p.model.restored(n, time.Hour)
	}
	return p
}

// next returns the next byte of the input, 0 at its end.
func (p *play) next() byte {
	if len(p.in) == 0 {
		return 0
	}
	b := p.in[0]
	p.in = p.in[1:]
	return b
}

// pick returns an actor, at its own endpoint or any other.
func (p *play) pick() *actor {
	b := p.next()
	a := p.actors[int(b&15)%len(p.actors)]
	if b >= 128 {
		return a.moved(fuzzEndpoints[b>>4&7])
	}
	return a
}

func (p *play) fail(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("at %v: %v", p.now.Sub(epoch), err)
	}
}

// flushed takes what the machine sends. id, from and cause say of what packet.
func (p *play) flushed(id enode.ID, from netip.AddrPort, cause *Packet) {
	p.Helper()
	out := p.m.Flush(nil)
	for i := range out {
		p.encode(&out[i].Packet)
		if !p.unsigned {
			p.m.Sent(&out[i])
		}
	}
	p.fail(p.model.sent(out, id, from, cause))
	p.heard = append(p.heard, out...)
	p.heard = p.heard[max(0, len(p.heard)-64):]
}

// give delivers a packet of an actor.
func (p *play) give(a *actor, q Packet) {
	p.Helper()
	if q.Expiration == 0 {
		q.Expiration = uint64(p.now.Add(Expiration).Unix())
	}
	data := a.sign(&q, false)
	p.received = append(p.received, datagram{from: a.at, data: data})
	p.received = p.received[max(0, len(p.received)-64):]
	p.raw(a.at, data)
}

// raw delivers a datagram.
func (p *play) raw(from netip.AddrPort, data []byte) {
	p.Helper()
	p.advance(0)
	var q Packet
	if q.Parse(data) != DropNone {
		p.take(from, data, p.busy)
		p.flushed(enode.ID{}, from, nil)
		return
	}
	key, drop := p.open(&q, nil)
	id, expired := enode.PubkeyID(&key), q.Expired(p.now)
	if drop == DropNone {
		p.model.received(id, from, &q, expired)
	}
	got := p.take(from, data, p.busy)
	if expired && got != DropExpired {
		p.Fatalf("expired %v: %v", q.Kind, got)
	}
	p.flushed(id, from, &q)
}

// advance lets time pass, first in steps as the machine wants, up to a bound.
func (p *play) advance(d time.Duration) {
	p.Helper()
	end := p.now.Add(d)
	for range 20 {
		next := p.m.NextWake()
		if d <= 0 || !next.Before(end) {
			break
		}
		if next.After(p.now) {
			p.model.elapsed += next.Sub(p.now)
			p.now = next
		}
		p.m.Advance(p.now)
		p.flushed(enode.ID{}, netip.AddrPort{}, nil)
	}
	p.model.elapsed += max(0, end.Sub(p.now))
	p.now = end
	p.m.Advance(p.now)
	p.flushed(enode.ID{}, netip.AddrPort{}, nil)
	if next := p.m.NextWake(); next.Before(p.now) || len(p.m.deferred) > 0 {
		p.Fatalf("after Advance and Flush the next call is due %v before now", p.now.Sub(next))
	}
}

// step does one thing.
func (p *play) step() {
	switch op := p.next(); op % 16 {
	case 0, 1:
		p.advance(fuzzSteps[int(p.next())%len(fuzzSteps)])
	case 2, 3:
		a := p.pick()
		a.seq = uint64(op >> 6)
		q := a.ping()
		if op&16 != 0 {
			q.Expiration = 1 + uint64(op)
		}
		n := 1
		if op&32 != 0 { // a burst
			n += int(p.next()) % 64
		}
		for range n {
			p.give(a, q)
		}
	case 4, 5, 6, 7:
		p.answer(op)
	case 8:
		a := p.pick()
		p.give(a, Packet{Kind: Findnode, Target: p.pick().node.PublicKey()})
	case 9:
		p.give(p.pick(), Packet{Kind: ENRRequest})
	case 10:
		p.give(p.pick(), p.neighbors())
	case 11:
		if len(p.received) > 0 { // a replay, from the same endpoint or another
			d := p.received[int(p.next())%len(p.received)]
			if op&16 != 0 {
				d.from = p.pick().at
			}
			p.raw(d.from, d.data)
		}
	case 12, 13:
		p.call(op)
	case 14:
		n := int(p.next())
		data := make([]byte, hashSize+sigSize, 400)
		data = append(data, p.in[:min(n, len(p.in))]...)
		hash := secp.Keccak256(data[hashSize:])
		copy(data, hash[:])
		p.raw(p.pick().at, data)
	case 15:
		p.unsigned, p.busy = op&16 != 0, op&32 != 0
	}
}

func (p *play) neighbors() (q Packet) {
	q.Kind = Neighbors
	for range p.next() % 17 {
		q.Nodes = append(q.Nodes, p.pick().bare())
	}
	return q
}

// answer replies to a packet of the machine, as its receiver or as somebody else.
func (p *play) answer(op byte) {
	if len(p.heard) == 0 {
		return
	}
	o := p.heard[len(p.heard)-1-int(p.next())%len(p.heard)]
	a := p.pick()
	if op&16 == 0 && (o.ping != nil || o.req != nil) {
		for _, b := range p.actors {
			if (o.ping != nil && b.node.ID() == o.ping.node.ID()) || (o.req != nil && b.node.ID() == o.req.node.ID()) {
				c := *b
				c.at, c.seq = o.To, uint64(op>>6)
				a = &c
			}
		}
	}
	switch o.Packet.Kind {
	case Ping:
		p.give(a, a.pong(o))
	case Findnode:
		p.give(a, p.neighbors())
	case ENRRequest:
		p.give(a, recordOf(a, o))
	}
}

// call makes a request of the machine's user.
func (p *play) call(op byte) {
	a := p.pick()
	n := p.model.done()
	p.model.named[a.at] = true
	p.advance(0)
	switch op >> 4 % 5 {
	case 0:
		p.m.Ping(a.bare(), func(PingResult, error) { *n++ })
	case 1:
		p.m.Findnode(a.bare(), kad.TargetOf(p.pick().node.PublicKey()), func([]*enode.Node, error) { *n++ })
	case 2:
		p.m.RequestENR(a.bare(), func(*enode.Node, error) { *n++ })
	case 3:
		p.m.Ping(a.bare(), func(PingResult, error) { // a done that asks on
			*n++
			again := p.model.done()
			p.m.Findnode(a.bare(), kad.TargetOf(a.node.PublicKey()), func([]*enode.Node, error) { *again++ })
		})
	default:
		l, err := p.m.Table().Lookup(kad.TargetOf(a.node.PublicKey()), kad.LookupOptions{}, func([]*enode.Node) { *n++ })
		switch {
		case err != nil: // refused: no done
			*n++
		case op >= 128:
			l.Cancel()
		}
		p.flushed(enode.ID{}, netip.AddrPort{}, nil)
		return
	}
	if *n != 0 {
		p.Fatal("done called from inside the call")
	}
	p.flushed(enode.ID{}, netip.AddrPort{}, nil)
}

// run plays all of the input, then closes the machine.
func (p *play) run() {
	p.Helper()
	p.advance(0)
	for i := 0; len(p.in) > 0 && i < 400; i++ {
		p.step()
		if i%8 == 0 {
			p.fail(p.model.check(p.m))
		}
	}
	p.fail(p.model.check(p.m))
	p.m.Close()
	p.fail(p.model.ended(p.m))
	p.m.Advance(p.now.Add(time.Hour))
	p.m.Flush(nil)
	p.fail(checkEmpty(p.m))
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{1, 2, 1, 4, 0, 0, 8, 1, 2, 0, 3})
	f.Add([]byte("a machine is driven by what a fuzzer makes of this text"))
	rng := rand.New(rand.NewPCG(9, 9))
	for range 8 {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) { newPlay(t, in).run() })
}

// TestRandomPlays is FuzzMachine on inputs of a random source.
func TestRandomPlays(t *testing.T) {
	var handled [numKinds]uint64
	var drops [NumDrops]uint64
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := make([]byte, 1000)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		p := newPlay(t, b)
		p.run()
		s := p.m.Stats()
		for i, n := range s.Handled {
			handled[i] += n
		}
		for i, n := range s.Drops {
			drops[i] += n
		}
	}
	for kind := Ping; kind < numKinds; kind++ {
		if handled[kind] == 0 {
			t.Errorf("no %v was ever acted on: the plays reach too little", kind)
		}
	}
	for _, d := range []Drop{DropKind, DropMalformed, DropExpired, DropSourceLimit, DropNewLimit, DropUnproven, DropUnsolicited, DropOwn, DropWrongSender} {
		if drops[d] == 0 {
			t.Errorf("no packet was ever dropped as %v: the plays reach too little", d)
		}
	}
	t.Log(fmt.Sprint(handled, drops))
}
