package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// Node says what a host is. The zero value is a node with an address in a network of
// its own that knows nobody.
type Node struct {
	Addr      netip.AddrPort
	Bootnodes []*Host
	Limits    discv4.Limits
}

// Host is a node of a World.
type Host struct {
	world *World
	index int32
	spec  Node
	key   *secp.PrivateKey
	addr  netip.AddrPort
	node  *enode.Node
	bare  *enode.Node // node without its record, as NEIGHBORS says it

	machine *discv4.Machine // nil while the host is down
	life    uint64          // how often it has been started
	links   *rand.Rand
	at      int64  // when it acted last
	seq     uint32 // of its events
	wake    int64  // when it is to wake; never: no event says so
	trace   uint64 // hash of all that has happened to it
}

const never = -1

// newHost makes a host that is down.
func newHost(w *World, index int32, spec Node) (*Host, error) {
	h := &Host{world: w, index: index, spec: spec, addr: spec.Addr, wake: never}
	if !h.addr.IsValid() {
		h.addr = ownNetwork(index)
	}
	var err error
	if h.key, err = secp.ReadKey(w.stream(index, 0, forKey)); err != nil {
		return nil, err
	}
	var b enr.Builder
	b.SetIP(h.addr.Addr()).SetUDP(h.addr.Port()).SetTCP(h.addr.Port())
	record, err := b.Sign(h.key, 1)
	if err != nil {
		return nil, fmt.Errorf("sim: host %d at %v: %w", index, h.addr, err)
	}
	if h.node, err = enode.FromRecord(record); err != nil {
		return nil, err
	}
	h.bare = enode.NewV4(h.key.Public(), h.addr.Addr(), h.addr.Port(), h.addr.Port())
	h.links = rand.New(w.stream(index, 0, forLinks))
	return h, nil
}

// ownNetwork returns an address in a /24 that no other host has by default.
func ownNetwork(index int32) netip.AddrPort {
	n := uint32(20)<<24 + uint32(index)<<8 + 1
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), 30303)
}

// Node returns the host's node.
func (h *Host) Node() *enode.Node { return h.node }

// Up reports whether the host runs.
func (h *Host) Up() bool { return h.machine != nil }

// Table returns the host's table; nil while it is down.
func (h *Host) Table() *kad.Table {
	if h.machine == nil {
		return nil
	}
	return h.machine.Table()
}

// Stats returns the machine's counters, zero while it is down.
func (h *Host) Stats() (s discv4.Stats) {
	if h.machine != nil {
		s = h.machine.Stats()
	}
	return s
}

// start makes the machine, which knows nothing of earlier lives.
func (h *Host) start() {
	h.life++
	var boot []*enode.Node
	for _, b := range h.spec.Bootnodes {
		boot = append(boot, b.node)
	}
	h.machine = discv4.New(discv4.Config{
		ID: h.node.ID(), Self: h.self, Rand: rand.New(h.world.stream(h.index, h.life, forProtocol)),
		Bootnodes: boot, Limits: h.spec.Limits,
	})
}

func (h *Host) self() *enode.Node { return h.node }

// step lets a host act at a time: what is due, and f.
func (h *Host) step(at int64, f func(m *discv4.Machine), send func(event)) {
	m := h.machine
	h.at = at
	m.Advance(epoch.Add(time.Duration(at)))
	if f != nil {
		f(m)
	}
	var outs [4]discv4.Out
	for _, o := range m.Flush(outs[:0]) {
		pk := h.pack(&o)
		m.Sent(&o)
		h.transmit(at, o.To, pk, send)
	}
	h.schedule(at, send)
}

// transmit gives a packet to the link.
func (h *Host) transmit(at int64, to netip.AddrPort, pk *packet, send func(event)) {
	w := h.world
	var room [2]time.Duration
	delays := w.cfg.Link.delays(h.links, &room) // drawn even if nobody is there
	i, ok := w.byAddr[to]
	if !ok || w.apart(h, w.hosts[i]) {
		return
	}
	for _, d := range delays {
		h.seq++
		send(event{at: at + int64(d), source: h.index, seq: h.seq, to: i, packet: pk})
	}
}

// schedule has the host wake when its machine wants to.
func (h *Host) schedule(at int64, send func(event)) {
	next := max(int64(h.machine.NextWake().Sub(epoch)), at+1)
	if next == h.wake {
		return
	}
	h.wake = next
	send(event{at: next, source: -1, to: h.index})
}

// happen is an event.
func (h *Host) happen(e *event, send func(event)) {
	switch {
	case h.machine == nil:
		return
	case e.packet != nil:
		var drop discv4.Drop
		h.step(e.at, func(*discv4.Machine) { drop = h.take(e.packet) }, send)
		h.note(uint64(e.at), uint64(e.source)<<8|uint64(drop))
	case e.at == h.wake:
		h.wake = never
		h.step(e.at, nil, send)
		h.note(uint64(e.at), 1<<63)
	} // else it was to wake then, and wakes at another time now
}

// note adds to the hash of what has happened.
func (h *Host) note(values ...uint64) {
	for _, v := range values {
		h.trace = mix(h.trace ^ v)
	}
}

// mix is the finisher of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
