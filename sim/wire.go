package sim

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
)

// Wire says how packets pass.
type Wire uint8

// The ways.
const (
	// Values passes packets as they are.
	Values Wire = iota
	// Bytes encodes, signs, parses and recovers each packet.
	Bytes
)

// packet is one on its way. It is used again when all its copies have arrived.
type packet struct {
	from, to netip.AddrPort
	sender   *Host // whose key has signed it; of Values
	size     int   // of the datagram
	copies   int   // on their way
	spoofed  bool  // from is not where it was sent
	p        discv4.Packet
	nodes    []*enode.Node // room for p.Nodes
	data     []byte        // of Bytes
	segment  *segment      // of a stream, in place of all that
	five     *packet5      // of v5, in place of p
}

// pack makes a packet of what a host sends, and tells its hash.
func (h *Host) pack(to netip.AddrPort, p *discv4.Packet) *packet {
	pk := h.worker.newPacket()
	pk.to, pk.sender = to, h
	if h.world.cfg.Wire == Bytes {
		pk.data = p.Encode(pk.data[:0], h.key)
		pk.size = len(pk.data)
		return pk
	}
	p.Hash = h.hash(to, p)
	pk.p = *p
	switch p.Kind {
	case discv4.Ping:
		pk.p.Node = h.bare
	case discv4.Neighbors:
		pk.nodes = h.world.appendBare(pk.nodes[:0], p.Nodes)
		pk.p.Nodes = pk.nodes
	case discv4.ENRResponse:
		if pk.p.Node = h.node; p.Record != h.node.Record() {
			pk.p.Node, _ = enode.FromRecord(p.Record) // nil: an agent's invention
		}
	}
	pk.size = p.Size()
	return pk
}

// hash stands for that of the encoded packet: equal packets have equal ones.
func (h *Host) hash(to netip.AddrPort, p *discv4.Packet) (sum discv4.Hash) {
	x := mix(uint64(h.index)<<8 | uint64(p.Kind))
	x = mix(x ^ p.Expiration)
	x = mix(x ^ p.Seq)
	ip := to.Addr().As16()
	x = mix(x ^ binary.LittleEndian.Uint64(ip[:]))
	x = mix(x ^ binary.LittleEndian.Uint64(ip[8:]))
	x = mix(x ^ uint64(to.Port()))
	x = mix(x ^ binary.LittleEndian.Uint64(p.Token[:]))
	x = mix(x ^ binary.LittleEndian.Uint64(p.Target[:]))
	binary.LittleEndian.PutUint64(sum[:], x)
	binary.LittleEndian.PutUint64(sum[8:], mix(x))
	return sum
}

// appendBare appends nodes as NEIGHBORS says them: without their records.
func (w *World) appendBare(dst, nodes []*enode.Node) []*enode.Node {
	for _, n := range nodes {
		if n.Record() != nil {
			if h := w.HostOf(n); h != nil && (h.node == n && h.alike || sameUDP(n, h.bare)) {
				n = h.bare
			} else {
				n = enode.NewV4(n.PublicKey(), n.IP(), n.TCP(), n.UDP())
			}
		}
		dst = append(dst, n)
	}
	return dst
}

func sameUDP(a, b *enode.Node) bool { return a.UDP() == b.UDP() && a.IP() == b.IP() }

// HostOf returns the host that a node stands for, if it is where the node says; else nil.
func (w *World) HostOf(n *enode.Node) *Host {
	at, ok := n.UDPEndpoint()
	if !ok {
		return nil
	}
	h := w.at(at)
	if h != nil && (h.node == n || h.node.ID() == n.ID() && h.node.TCP() == n.TCP()) {
		return h
	}
	return nil
}

// transmit gives a packet to the line and the link.
func (h *Host) transmit(at int64, to netip.AddrPort, pk *packet) {
	src, ok := h.source(at, to)
	if !ok {
		h.worker.done(pk)
		return
	}
	h.transmitFrom(at, src, to, pk)
}

// source returns the address from which others see what the host sends to one; not ok
// if it can't reach that.
func (h *Host) source(at int64, to netip.AddrPort) (src netip.AddrPort, ok bool) {
	src = h.spec.Addr
	if src.Addr().Is4() != to.Addr().Is4() {
		src = h.spec.Addr6
		return src, src.IsValid() && src.Addr().Is4() == to.Addr().Is4()
	}
	if h.nat != nil {
		src = h.nat.out(at, src, to)
	}
	return src, true
}

func (h *Host) transmitFrom(at int64, src, to netip.AddrPort, pk *packet) {
	w := h.world
	pk.from = src
	h.traffic.SentPackets++
	h.traffic.SentBytes += uint64(pk.size)
	if h.watch != nil {
		h.watch(Step{At: time.Duration(at), Out: true, Other: to, What: describe(pk)})
	}
	leaves, ok := h.send(at, pk.size)
	var room [2]time.Duration
	other := w.at(to)
	delays := w.delays(h, other, &room) // drawn even if nobody is there
	if !ok || other == nil || w.apart(h, other) || len(delays) == 0 {
		h.worker.done(pk)
		return
	}
	pk.copies = len(delays)
	for _, d := range delays {
		h.seq++
		h.worker.send(event{at: leaves + int64(d), source: h.index, seq: h.seq, to: other.index, packet: pk})
	}
}

// lineQueue is what waits at a narrow line at most: a second's worth, as home routers
// have.
const lineQueue = int64(time.Second)

// send returns when the host's line has sent so many bytes; not ok if too much waits.
func (h *Host) send(at int64, size int) (leaves int64, ok bool) {
	if h.spec.Up <= 0 {
		return at, true
	}
	begin := max(at, h.upFree)
	if begin-at > lineQueue {
		h.traffic.LineDrops++
		return at, false
	}
	h.upFree = begin + int64(time.Second)*int64(size)/int64(h.spec.Up)
	return h.upFree, true
}

// take hands a packet that has arrived to the machine that it is for, or the agent.
func (h *Host) take(pk *packet) (what outcome) {
	if h.watch != nil {
		defer func() {
			h.watch(Step{At: time.Duration(h.at), Other: pk.from, What: describe(pk), Drop: what.String()})
		}()
	}
	if h.m.Table != nil {
		h.checkIn(pk)
	}
	if m := h.m.V5; m != nil {
		if drop := m.AdmitSource(pk.from); drop != discv5.DropNone {
			m.Drop(drop, 1)
			return of5(drop)
		}
		if in, sealed, ok := h.read5(pk); ok {
			return of5(h.take5(pk, in, sealed))
		}
		if h.m.V4 == nil && h.spec.Agent == nil {
			m.Drop(discv5.DropProtocol, 1)
			return foreign
		}
	}
	if pk.five == nil {
		return of4(h.take4(pk))
	}
	if pk.data != nil {
		h.take4(pk)
	} else {
		h.drop(discv4.DropKind) // as nearly all of them are
	}
	return foreign
}

// take4 hands a packet of v4 to the machine or the agent.
func (h *Host) take4(pk *packet) (drop discv4.Drop) {
	m := h.m.V4
	if m != nil {
		if drop := m.AdmitSource(pk.from); drop != discv4.DropNone {
			return h.drop(drop)
		}
	}
	p, key := &pk.p, &pk.sender.pub
	switch {
	case pk.data != nil:
		p, key = &h.worker.parsed, &h.worker.key
		if drop := p.Parse(pk.data); drop != discv4.DropNone {
			return h.drop(drop)
		}
	case pk.copies > 1: // the machine may change it
		p = &h.worker.parsed
		*p = pk.p
		p.Nodes = slices.Clone(p.Nodes)
	}
	var likely *enode.Node
	if m != nil {
		v := m.Admit(pk.from, p, false)
		if v.Drop != discv4.DropNone {
			return v.Drop // counted
		}
		likely = v.Likely
	}
	if pk.data != nil {
		if *key, drop = p.Open(likely); drop != discv4.DropNone {
			return h.drop(drop)
		}
	}
	if m == nil {
		h.spec.Agent.Packet(h, pk.from, key, p)
		return discv4.DropNone
	}
	return m.HandlePacket(pk.from, key, p)
}

func (h *Host) drop(d discv4.Drop) discv4.Drop {
	if h.m.V4 != nil {
		h.m.V4.Drop(d, 1)
	}
	return d
}
