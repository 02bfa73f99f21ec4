package discv5

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

var fuzzEndpoints = []string{"5.1.1.1:30303", "5.1.1.1:30304", "5.1.1.2:30303", "5.1.2.1:30303",
	"192.168.1.5:30303", "127.0.0.1:1000", "[2001:db8::1]:30303", "5.1.0.1:30303"}

var fuzzSteps = []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	600 * time.Millisecond, time.Second, 3 * time.Second, 31 * time.Second, 25 * time.Hour, -time.Second, -3 * time.Hour}

// actor is a node that a fuzzer plays.
type actor struct {
	node *enode.Node
	at   netip.AddrPort
}

// envelope is a message, and the keys that it was sealed under.
type envelope struct {
	keys Keys
	msg  Message
	drop Drop
}

func (e *envelope) Open(s *Session) (*Message, Drop) {
	if s.Keys() != e.keys {
		return nil, DropDecrypt
	}
	m := e.msg
	return &m, e.drop
}

// delivery is a packet for the machine.
type delivery struct {
	from     netip.AddrPort
	header   Header
	envelope envelope
	keys     Keys // of a handshake
	forged   bool // its signature is not the sender's
}

// play is a machine driven by the bytes of a fuzzer, without cryptography.
type play struct {
	testing.TB
	in       []byte
	m        *Machine
	table    *fakeTable
	now      time.Time
	model    *model
	self     *enode.Node
	actors   []actor
	nodes    map[string]*enode.Node // by record
	heard    []Out                  // packets of the machine that may be answered
	received []delivery
	held     []Out    // handshakes whose keys are not made yet
	checks   []*Check // records that are not verified yet
	replies  []func([]byte)
	serial   uint16 // of keys

	busy, holdKeys, holdChecks, noKeys bool
}

// fuzzNodes are made once: signing takes longer than most plays.
var fuzzNodes = func() (list []*enode.Node) {
	for i := range 14 {
		list = append(list, signRecord(testKey(i), netip.MustParseAddrPort(fuzzEndpoints[(i+7)%8]), 1+uint64(i/7)))
	}
	for i := range 3 {
		list = append(list, signRecord(testKey(1+i), netip.MustParseAddrPort(fuzzEndpoints[i]), 9))
	}
	return list
}()

func newPlay(t testing.TB, in []byte) *play {
	p := &play{TB: t, in: in, model: newModel(), now: epoch, nodes: make(map[string]*enode.Node)}
	seed := p.next()
	p.self = fuzzNodes[0]
	p.table = &fakeTable{self: p.self.ID()}
	p.m = New(Config{
		ID: p.self.ID(), Self: func() *enode.Node { return p.self }, Table: p.table,
		Rand: rand.New(rand.NewPCG(uint64(seed), 0)),
		Limits: Limits{Sessions: 4, ChallengesPerSecond: 40, ChallengesPerNetwork: 20, ChallengesPerSource: 10,
			HandshakesPerSecond: 8, HandshakesPerNetwork: 3, KnownPerSecond: 10, Records: 8},
	})
	for _, n := range fuzzNodes {
		p.nodes[string(n.Record().Raw())] = n
		if at, ok := n.UDPEndpoint(); ok {
			p.actors = append(p.actors, actor{n, at})
		}
	}
	p.m.Handle("now", func(*enode.Node, netip.AddrPort, []byte) []byte { return []byte{1} })
	p.m.HandleLater("later", func(_ *enode.Node, _ netip.AddrPort, _ []byte, reply func([]byte)) {
		p.replies = append(p.replies, reply)
	})
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
func (p *play) pick() actor {
	b := p.next()
	a := p.actors[int(b&15)%len(p.actors)]
	if b >= 160 {
		a.at = netip.MustParseAddrPort(fuzzEndpoints[b>>4&7])
	}
	return a
}

func (p *play) fail(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("at %v: %v", p.now.Sub(epoch), err)
	}
}

// flushed takes what the machine sends.
func (p *play) flushed() {
	p.Helper()
	for _, o := range p.m.Flush(nil) {
		if !o.NeedsKeys() {
			p.out(&o)
		} else if p.held = append(p.held, o); !p.holdKeys || len(p.held) > 8 {
			p.agree()
		}
	}
}

// agree makes keys for the handshake that waits longest.
func (p *play) agree() {
	p.Helper()
	o := p.held[0]
	p.held = p.held[1:]
	if !p.noKeys {
		p.serial++
		o.Agree(Keys{Initiator: [16]byte{1, byte(p.serial >> 8), byte(p.serial)}})
	}
	sent := p.m.Sent(&o)
	if sent && p.noKeys {
		p.Fatal("a handshake without keys is to be sent")
	}
	if sent {
		p.out(&o)
	}
}

func (p *play) out(o *Out) {
	p.Helper()
	p.fail(p.model.send(o))
	p.heard = append(p.heard, *o)
	p.heard = p.heard[max(0, len(p.heard)-32):]
}

// give delivers a packet, in the way of a driver.
func (p *play) give(d delivery) {
	p.Helper()
	p.received = append(p.received, d)
	p.received = p.received[max(0, len(p.received)-32):]
	p.advance(0)
	if p.m.AdmitSource(d.from) != DropNone {
		return
	}
	p.model.asked[d.from]++
	who := peerAt{d.header.Src, d.from}
	v := p.m.Admit(d.from, &d.header, p.busy)
	if v.Drop != DropNone {
		return
	}
	if (v.Accept != nil) != (d.header.Flag == Handshake) {
		p.Fatalf("%v: accept %v", d.header.Flag, v.Accept)
	}
	if v.Accept != nil && !p.accept(who, &d, v.Accept) {
		return
	}
	if d.header.Flag != Whoareyou && p.model.keys[d.envelope.keys] == who {
		p.model.read(who, &d.envelope.msg)
	}
	check, _ := p.m.HandlePacket(d.from, &d.header, &d.envelope, v.Accept)
	if check != nil {
		if p.checks = append(p.checks, check); !p.holdChecks || len(p.checks) > 8 {
			p.check()
		}
	}
	p.flushed()
}

// accept plays the verification of a handshake.
func (p *play) accept(who peerAt, d *delivery, a *Accept) bool {
	p.Helper()
	if !p.model.mayAccept(who) {
		p.Fatalf("a handshake from %v, who was not challenged, is to be checked", d.from)
	}
	n := p.nodes[string(d.header.Record)]
	_, replayed := p.model.keys[d.keys] // it answers another challenge
	if d.forged || replayed || (a.NeedsRecord() && (n == nil || n.ID() != d.header.Src)) {
		return false
	}
	if d.keys == d.envelope.keys {
		p.model.keys[d.keys] = who
		delete(p.model.open, who)
	}
	a.Agree(d.keys, n)
	return true
}

// check verifies the records that wait longest.
func (p *play) check() {
	p.checks[0].Resolve(func(raw []byte) *enode.Node { return p.nodes[string(raw)] })
	p.m.Checked(p.checks[0])
	p.checks = p.checks[1:]
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
		p.flushed()
	}
	p.model.elapsed += max(0, end.Sub(p.now))
	p.now = end
	p.m.Advance(p.now)
	p.flushed()
	if next := p.m.NextWake(); next.Before(p.now) {
		p.Fatalf("after Advance and Flush the next call was due %v ago", p.now.Sub(next))
	}
}

// run plays all of the input, then closes the machine.
func (p *play) run() {
	p.Helper()
	p.advance(0)
	for i := 0; len(p.in) > 0 && i < 400; i++ {
		p.step()
		if i%4 == 0 {
			p.fail(checkBounds(p.m))
		}
	}
	p.fail(checkBounds(p.m))
	p.m.Close()
	p.fail(p.model.ended())
	p.holdKeys, p.holdChecks = false, false
	for len(p.held) > 0 {
		p.agree()
	}
	for len(p.checks) > 0 {
		p.check()
	}
	p.advance(time.Hour)
	p.fail(checkEmpty(p.m))
	p.fail(checkBounds(p.m))
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
	var all Stats
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := make([]byte, 1200)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		p := newPlay(t, b)
		p.run()
		s := p.m.Stats()
		for i, n := range s.Handled {
			all.Handled[i] += n
		}
		for i, n := range s.Drops {
			all.Drops[i] += n
		}
		all.Initiated += s.Initiated
		all.Accepted += s.Accepted
		all.Records += s.Records
		all.RecordsHit += s.RecordsHit
	}
	for kind := Ping; kind < numKinds; kind++ {
		if all.Handled[kind] == 0 {
			t.Errorf("no %v was ever acted on: the plays reach too little", kind)
		}
	}
	for _, d := range []Drop{DropOwn, DropSourceLimit, DropChallengeLimit, DropHandshakeLimit, DropUnsolicited, DropRecord, DropDecrypt, DropMalformed} {
		if all.Drops[d] == 0 {
			t.Errorf("no packet was ever dropped as %v: the plays reach too little", d)
		}
	}
	if all.Initiated == 0 || all.Accepted == 0 || all.Records == 0 || all.RecordsHit == 0 {
		t.Error("the plays reach too little")
	}
	t.Logf("%+v", all)
}
