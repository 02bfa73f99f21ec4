package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discmux"
	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// Node says what a host is. The zero value is a node with an address in a network of
// its own that knows nobody.
type Node struct {
	Addr      netip.AddrPort
	Addr6     netip.AddrPort // a second address, IPv6, if Addr is IPv4
	Region    int            // of Config.Regions
	NAT       NAT
	Up, Down  int // bytes a second that its line takes; 0: any number
	Bootnodes []*Host
	// Protocols are the versions of Node Discovery that it speaks; 0: v4 alone, which
	// costs least and whose worlds were the first. An agent sends and gets packets of v4
	// in any case, and speaks v5 if it is an Agent5.
	Protocols kad.Protocol
	Limits    discv4.Limits
	Limits5   discv5.Limits    // of v5; where packets pass as values no records are kept
	Key       *secp.PrivateKey // of a certain ID; nil: one drawn from the seed
	Without   Defences         // what it is to do without
	Off       bool             // it does not start by itself
	Sessions  Sessions         // when it comes and goes
	// Agent, if set, acts in place of Kith's own discovery.
	Agent Agent
	// Server, if set, has it connect to others.
	Server *Server
}

// public is what other hosts look at of a host, side by side.
type public struct {
	index  int32
	region int32
	node   *enode.Node
	bare   *enode.Node // node without its record, as NEIGHBORS says it
	alike  bool        // both are at the same endpoint
	pub    secp.PublicKey
}

// Host is a node of a World.
type Host struct {
	public
	world  *World
	worker *worker
	spec   Node
	key    *secp.PrivateKey

	up       bool
	speaks   kad.Protocol // 0 of an agent
	m        discmux.Node // none while the host is down; of an agent V5 alone, if that
	five     *five        // nil without v5
	server   *server      // nil while the host is down, and without a Server
	nat      *natState
	life     uint64 // how often it has been started
	begun    int64  // when it was started last
	links    rand.PCG
	sessions rand.PCG
	agents   rand.PCG
	secrets  rand.PCG // of handshakes
	at       int64    // when it acted last
	seq      uint32   // of its events
	next     int64    // when it is to wake
	wake     int64    // when the event comes that says so; never: there is none
	asked    int64    // when its agent wants to wake
	change   int64    // when it goes, or comes back
	upFree   int64    // when its line has sent all
	downFree int64    // when its line has taken all
	trace    uint64   // hash of all that has happened to it
	traffic  Traffic
	watch    func(Step)
	checks   checks
}

// newHost makes a host that is down.
func newHost(w *World, index int32, spec Node) (*Host, error) {
	h := &Host{public: public{index: index, region: int32(spec.Region)}, world: w,
		worker: w.workers[int(index)%len(w.workers)], spec: spec,
		wake: never, next: forEver, asked: forEver, change: forEver}
	if !spec.Addr.IsValid() {
		h.spec.Addr = OwnNetwork(int(index))
	}
	var err error
	if h.key = spec.Key; h.key == nil {
		if h.key, err = ReadKey(w.stream(index, 0, forKey)); err != nil {
			return nil, err
		}
	}
	at := h.spec.Addr
	var b enr.Builder
	b.SetIP(at.Addr()).SetUDP(at.Port()).SetTCP(at.Port())
	if six := h.spec.Addr6; six.IsValid() {
		b.SetIP(six.Addr()).SetUDP6(six.Port()).SetTCP6(six.Port())
	}
	record, err := b.Sign(h.key, 1)
	if err != nil {
		return nil, fmt.Errorf("sim: host %d at %v: %w", index, at, err)
	}
	if h.node, err = enode.FromRecord(record); err != nil {
		return nil, err
	}
	if len(w.cfg.Regions) > 0 && (spec.Region < 0 || spec.Region >= len(w.cfg.Regions)) {
		return nil, fmt.Errorf("sim: host %d: there is no region %d", index, spec.Region)
	}
	if err := spec.Sessions.check(); err != nil {
		return nil, fmt.Errorf("sim: host %d: %w", index, err)
	}
	h.pub = h.key.Public()
	h.bare = enode.NewV4(h.key.Public(), at.Addr(), at.Port(), at.Port())
	h.alike = sameUDP(h.node, h.bare)
	h.links = *w.stream(index, 0, forLinks)
	h.sessions = *w.stream(index, 0, forSessions)
	h.agents = *w.stream(index, 0, forAgent)
	h.secrets = *w.stream(index, 0, forSecrets)
	if spec.Agent == nil {
		h.speaks = spec.Protocols & bothProtocols
		if h.speaks == 0 {
			h.speaks = kad.V4
		}
	}
	liar, ok := spec.Agent.(Agent5)
	if h.speaks&kad.V5 != 0 || ok && spec.Protocols&kad.V5 != 0 {
		h.five = h.newFive(liar)
	}
	if spec.NAT.Kind != NoNAT {
		h.nat = newNAT(spec.NAT)
	}
	return h, nil
}

// OwnNetwork returns an address in a /24 that no other host has unless it is told to:
// that of the index-th host.
func OwnNetwork(index int) netip.AddrPort {
	n := uint32(20)<<24 + uint32(index)<<8 + 1
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), 30303)
}

// claims returns the addresses where packets for the host arrive.
func (h *Host) claims() []netip.AddrPort {
	at := h.spec.Addr
	if h.nat != nil { // its ports are the NAT's to give
		at = netip.AddrPortFrom(at.Addr(), 0)
	}
	if h.spec.Addr6.IsValid() {
		return []netip.AddrPort{at, h.spec.Addr6}
	}
	return []netip.AddrPort{at}
}

// Node returns the host's node.
func (h *Host) Node() *enode.Node { return h.node }

// Index returns the host's place in [World.Hosts].
func (h *Host) Index() int { return int(h.index) }

// Spec returns what the host was made of.
func (h *Host) Spec() Node { return h.spec }

// Up reports whether the host runs.
func (h *Host) Up() bool { return h.up }

// Since returns when the host was started last.
func (h *Host) Since() time.Duration { return time.Duration(h.begun) }

// Speaks returns the versions of discovery that the host speaks, 0 of an agent.
func (h *Host) Speaks() kad.Protocol { return h.speaks }

// Table returns the host's table; nil while it is down, and of an agent.
func (h *Host) Table() *kad.Table { return h.m.Table }

// Stats returns the counters of the machine of v4, zero while there is none.
func (h *Host) Stats() (s discv4.Stats) {
	if h.m.V4 != nil {
		s = h.m.V4.Stats()
	}
	return s
}

// Stats5 returns the counters of the machine of v5, zero while there is none.
func (h *Host) Stats5() (s discv5.Stats) {
	if h.m.V5 != nil {
		s = h.m.V5.Stats()
	}
	return s
}

// Traffic is what a host has sent and received.
type Traffic struct {
	SentPackets, SentBytes         uint64 // datagrams, lost ones included
	ReceivedPackets, ReceivedBytes uint64 // datagrams
	LineDrops                      uint64 // datagrams that found the own line's queue full
}

// Traffic returns what the host has sent and received since it was made.
func (h *Host) Traffic() Traffic { return h.traffic }

// begin lets a host that was just made begin.
func (h *Host) begin() {
	now := h.world.now
	up := !h.spec.Off
	if s := h.spec.Sessions; s.Up != nil {
		var first time.Duration
		up, first = s.first(rand.New(&h.sessions), up)
		h.change = now + int64(first)
	}
	if up {
		h.start()
	} else {
		h.schedule(now)
	}
}

// start makes the machines, which know nothing of earlier lives.
func (h *Host) start() {
	if h.up {
		return
	}
	now := h.world.clock(h)
	h.up, h.begun = true, now
	h.life++
	switch {
	case h.speaks != 0:
		h.m = h.newMachines()
	case h.five != nil:
		h.m.V5 = h.newLiar()
	}
	if h.spec.Server != nil {
		h.server = newServer(h, now)
	}
	h.step(now, func() {
		if h.spec.Agent != nil {
			h.spec.Agent.Start(h)
		}
	})
}

// stop takes the host down.
func (h *Host) stop() {
	if !h.up {
		return
	}
	h.up = false
	if h.server != nil {
		h.server.vanish()
	}
	if h.runs() {
		h.m.Close()
	}
	if h.m.Table != nil {
		h.checkClosed()
	}
	h.m, h.server, h.asked = discmux.Node{}, nil, forEver
	h.schedule(h.world.clock(h))
}

// clock returns the time for a host that acts outside of an event, or in one.
func (w *World) clock(h *Host) int64 {
	if w.inside {
		return h.at
	}
	return w.now
}

func (h *Host) self() *enode.Node { return h.node }

// runs reports whether the host has machines: Kith's own, or an agent's of v5.
func (h *Host) runs() bool { return h.m.V4 != nil || h.m.V5 != nil }

// step lets a host act at a time: what is due, and f.
func (h *Host) step(at int64, f func()) {
	h.at = at
	if h.runs() {
		h.lend()
		h.m.Advance(epoch.Add(time.Duration(at)))
	}
	if f != nil {
		f()
	}
	if h.server != nil {
		h.server.step(at)
	}
	if h.runs() {
		h.flush(at)
	}
	h.schedule(at)
}

// schedule has the host wake when it wants to.
func (h *Host) schedule(at int64) {
	next := min(h.asked, h.change)
	if h.runs() {
		next = min(next, int64(h.m.NextWake().Sub(epoch)))
	}
	if h.server != nil {
		next = min(next, h.server.next)
	}
	h.next = max(next, at+1)
	if next != forEver && (h.wake == never || h.next < h.wake) {
		h.wake = h.next
		h.worker.send(event{at: h.wake, source: -1, to: h.index})
	}
}

// woken is that it is time to wake, as it was when that was last looked at.
func (h *Host) woken() {
	at := h.wake
	h.wake = never
	switch {
	case h.next <= at:
		h.rouse(at)
	case h.next != forEver: // it wakes later now
		h.wake = h.next
		h.worker.send(event{at: h.wake, source: -1, to: h.index})
	}
}

// rouse has the host do what it has woken for.
func (h *Host) rouse(at int64) {
	h.worker.events++
	h.at = at
	if at >= h.change {
		h.turnOver(at)
		return
	}
	agent := h.spec.Agent
	due := at >= h.asked
	if due {
		h.asked = forEver
	}
	h.step(at, func() {
		if due && h.up && agent != nil {
			agent.Wake(h)
		}
	})
	h.note(uint64(at), 1<<63)
}

// turnOver ends a session, or begins one.
func (h *Host) turnOver(at int64) {
	rng := rand.New(&h.sessions)
	if h.up {
		h.change = at + int64(draw(h.spec.Sessions.Down, rng))
		h.stop()
	} else {
		h.change = at + int64(draw(h.spec.Sessions.Up, rng))
		h.start()
	}
	h.note(uint64(at), 1<<62)
}

// arrive is a packet that reaches the host, or its line.
func (h *Host) arrive(e *event) {
	pk := e.packet
	if !h.up {
		h.worker.done(pk)
		return
	}
	if h.spec.Down > 0 && !e.queued {
		begin := max(e.at, h.downFree)
		if begin-e.at > lineQueue {
			h.traffic.LineDrops++
			h.worker.done(pk)
			return
		}
		h.downFree = begin + int64(time.Second)*int64(pk.size)/int64(h.spec.Down)
		late := *e
		late.at, late.queued = h.downFree, true
		h.worker.send(late)
		return
	}
	h.worker.events++
	if pk.segment != nil {
		h.receive(e.at, pk.segment)
		h.worker.done(pk)
		return
	}
	if h.nat != nil && !h.nat.in(e.at, pk.from, pk.to.Port()) {
		h.worker.done(pk)
		return
	}
	h.traffic.ReceivedPackets++
	h.traffic.ReceivedBytes += uint64(pk.size)
	var what outcome
	h.step(e.at, func() { what = h.take(pk) })
	h.note(uint64(e.at), uint64(e.source)<<8|uint64(what))
	h.worker.done(pk)
}

// receive is a segment that arrives.
func (h *Host) receive(at int64, s *segment) {
	if h.server == nil {
		h.refuse(at, s)
		return
	}
	h.step(at, func() { h.server.receive(s) })
	h.note(uint64(at), 1<<61|uint64(s.kind)<<32|uint64(s.from))
}

// note adds to the hash of what has happened.
func (h *Host) note(a, b uint64) { h.trace = mix(mix(h.trace^a) ^ b) }
