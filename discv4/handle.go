package discv4

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/wait"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// HandlePacket acts on an opened packet that [Machine.Admit] let through. key
// is its signer's.
func (m *Machine) HandlePacket(from netip.AddrPort, key *secp.PublicKey, p *Packet) Drop {
	id := m.signer(from, key)
	drop := DropOwn
	if id != m.cfg.ID {
		drop = m.handle(from, id, key, p)
	}
	if drop != DropNone {
		m.stats.Drops[drop]++
	} else {
		m.stats.Handled[p.Kind]++
	}
	m.runDeferred()
	return drop
}

// signer returns the ID that belongs to a packet's key. Mostly it is that of the
// node known at the endpoint, or asked there: to compare keys costs a hundredth of
// hashing one.
func (m *Machine) signer(from netip.AddrPort, key *secp.PublicKey) enode.ID {
	if p := m.peers.at(from); p != nil {
		known := p.node.HasKey(key)
		if p.set(shared, !known); known {
			return p.node.ID()
		}
	} else if c := m.calls.ends.at(from); c != nil && c.node.HasKey(key) {
		return c.node.ID()
	}
	return enode.PubkeyID(key)
}

func (m *Machine) handle(from netip.AddrPort, id enode.ID, key *secp.PublicKey, p *Packet) Drop {
	switch p.Kind {
	case Ping:
		return m.handlePing(from, id, key, p)
	case Pong:
		return m.handlePong(from, id, p)
	case Findnode, ENRRequest:
		return m.handleQuery(from, id, p)
	case Neighbors:
		return m.handleNeighbors(from, id, p)
	default:
		return m.handleENRResponse(from, id, key, p)
	}
}

// handlePing answers, and has the sender prove its endpoint if it has not
// (discv4.md, "Ping Packet").
func (m *Machine) handlePing(from netip.AddrPort, id enode.ID, key *secp.PublicKey, p *Packet) Drop {
	pk := peerKey{id, from.Addr()}
	peer := m.peers.get(pk, from.Port())
	known := peer != nil && peer.from() == from && peer.proven(m.stamp())
	if other := m.peers.at(from); !known && other != nil && other.proven(m.stamp()) {
		// Admit let it through for the node that is known there.
		if !m.gate.admitNew(from.Addr(), m.now) {
			return DropNewLimit
		}
	}
	m.send(Out{To: from, Packet: Packet{
		Kind: Pong, To: from, ToTCP: p.SenderTCP, Token: p.Hash, Seq: m.cfg.Self().Seq(),
	}})
	if known && peer.fails() == 0 {
		peer.ping = m.stamp()
		peer.set(heard, true)
		if peer.node.Record() == nil && peer.node.TCP() != p.SenderTCP {
			peer.node = sender(from, key, p)
		}
		m.table.AddLive(peer.node, kad.V4)
		m.table.Announced(id, p.Seq)
	} else {
		m.pingBack(from, id, sender(from, key, p))
	}
	m.bondComplete(id, from.Addr())
	return DropNone
}

// sender returns the node that a PING tells of.
func sender(from netip.AddrPort, key *secp.PublicKey, p *Packet) *enode.Node {
	if n := p.Node; n != nil && n.HasKey(key) && n.Record() == nil && n.TCP() == p.SenderTCP {
		if at, ok := n.UDPEndpoint(); ok && at == from {
			return n
		}
	}
	return enode.NewV4(*key, from.Addr(), p.SenderTCP, from.Port())
}

// pingBack asks the sender of a PING to prove its endpoint. One that pings again may not
// have got that question, or this node not its answer: it is asked again, though never
// more often than it asks.
func (m *Machine) pingBack(from netip.AddrPort, id enode.ID, n *enode.Node) {
	if pc := m.calls.ping(id, from); pc != nil {
		pc.pinged = m.at + 1
		if pc.tries == pc.maxSends && pc.tries < maxPingsPerCall && m.at-pc.sending(int(pc.tries)-1).at >= int64(m.rtt.Resend())/2 {
			pc.maxSends++
			pc.nudged = true
			m.transmitPing(pc)
		}
		return
	}
	if m.calls.pending >= maxStrangers {
		return
	}
	// Nobody waits for it: its PONG does what there is to do.
	if pc := m.ping(n, pingSendsOnce, nil); pc != nil {
		pc.pinged = m.at + 1
	}
}

// handlePong takes the proof of the endpoint that was asked.
func (m *Machine) handlePong(from netip.AddrPort, id enode.ID, p *Packet) Drop {
	// PINGs to one endpoint within one second are the same packet, whichever
	// node they are for: the signer tells which one answers.
	drop := DropUnsolicited
	var pc *pingCall
	for c := m.calls.ends.at(from); c != nil && pc == nil; c = c.older() {
		if c.ping != nil && c.try(&p.Token) >= 0 {
			drop = DropWrongSender
			if c.node.ID() == id {
				pc = c.ping
			}
		}
	}
	switch {
	case pc == nil:
		return drop
	case pc.late:
		m.latePong(pc, p)
		return DropNone
	}
	first, last := pc.answered(&p.Token)
	r := PingResult{Seq: p.Seq, Endpoint: p.To, RTT: time.Duration(m.at - pc.sending(first).at)}
	if first == last { // else it may answer either
		m.rtt.Observe(r.RTT)
	}
	m.observeLoss(pc, first, last)
	m.proven(pc, p.Seq)
	if m.cfg.Seen != nil && p.To.IsValid() {
		m.cfg.Seen(from.Addr(), p.To)
	}
	m.endPing(pc, r, nil)
	if q := pc.parked; q != nil {
		m.answer(q.from, id, &q.packet)
	}
	return DropNone
}

// answered returns the first and the last packet that a PONG may answer: within one
// second they are the same.
func (pc *pingCall) answered(h *Hash) (first, last int) {
	last = pc.try(h)
	for first = 0; !pc.sending(first).signed || pc.sending(first).hash != *h; first++ {
	}
	return first, last
}

// proven notes that the node of a PING has answered it, with the number of its
// record.
func (m *Machine) proven(pc *pingCall, seq uint64) {
	p := m.peers.add(pc.node)
	p.pong = m.stamp()
	p.setFails(0)
	if pc.pinged > 0 {
		p.ping = m.peers.stamp(m.epoch.Add(time.Duration(pc.pinged - 1)))
	}
	m.save(p)
	m.table.AddLive(p.node, kad.V4)
	m.table.Announced(pc.node.ID(), seq)
}

// latePong takes the proof of a node that was given up.
func (m *Machine) latePong(pc *pingCall, p *Packet) {
	if !pc.strange() { // a stranger could make us wait
		first, _ := pc.answered(&p.Token)
		m.rtt.Observe(time.Duration(m.at - pc.sending(first).at))
	}
	m.forgetPing(pc)
	m.proven(pc, p.Seq)
}

// save gives the proof to the store.
func (m *Machine) save(p *peer) {
	if m.cfg.Store != nil {
		m.cfg.Store.Put(Proof{Node: p.node, LastPong: m.told(m.peers.time(p.pong)),
			LastPing: m.told(m.peers.time(p.ping)), Fails: p.fails()})
	}
}

// handleQuery answers those who have proven that they are where the query says
// it comes from. All others get silence, or they could aim our answers at a
// victim (discv4.md, "Endpoint Proof").
func (m *Machine) handleQuery(from netip.AddrPort, id enode.ID, p *Packet) Drop {
	if m.cfg.Without&EndpointProof != 0 {
		m.answer(from, id, p)
		return DropNone
	}
	if peer := m.peers.get(peerKey{id, from.Addr()}, from.Port()); peer != nil && peer.proven(m.stamp()) {
		peer.set(heard, true)
		m.answer(from, id, p)
		return DropNone
	}
	if pc := m.calls.ping(id, from); pc != nil && pc.parked == nil {
		q := &parked{from: from, packet: *p}
		q.packet.raw, q.packet.body = nil, nil // they belong to the caller
		pc.parked = q
		return DropNone
	}
	return DropUnproven
}

func (m *Machine) answer(to netip.AddrPort, id enode.ID, p *Packet) {
	if p.Kind == ENRRequest {
		self := m.cfg.Self()
		m.send(Out{To: to, Packet: Packet{Kind: ENRResponse, Token: p.Hash, Record: self.Record(), Node: self}})
		return
	}
	nodes := make([]*enode.Node, 0, kad.BucketSize)
	nodes = m.table.Closest(nodes, p.target(), kad.BucketSize, kad.V4, func(n *enode.Node) bool {
		return n.ID() != id && enode.Relayable(to.Addr(), n.IP())
	})
	for {
		fit := fitNeighbors(nodes)
		part := nodes[:fit:fit]
		// In one order, so that equal answers within one second are equal
		// packets: the driver signs them once.
		slices.SortFunc(part, func(a, b *enode.Node) int { return a.ID().Compare(b.ID()) })
		m.send(Out{To: to, Packet: Packet{Kind: Neighbors, Nodes: part}})
		if nodes = nodes[fit:]; len(nodes) == 0 {
			return
		}
	}
}

func (m *Machine) handleNeighbors(from netip.AddrPort, id enode.ID, p *Packet) Drop {
	r := m.calls.find(from)
	if r == nil {
		return DropUnsolicited
	}
	if r.node.ID() != id {
		return DropWrongSender
	}
	m.heardBy(peerKey{id, from.Addr()}, from.Port())
	count := len(p.Nodes)
	nodes := p.Nodes[:0]
	for _, n := range p.Nodes {
		if enode.Relayable(from.Addr(), n.IP()) && enode.Permitted(m.cfg.NetRestrict, n.IP()) && n.ID() != m.cfg.ID {
			nodes = append(nodes, n)
		}
	}
	r.received += int32(count) // of maxNeighbors packets at most
	if excess := int(r.received) - kad.BucketSize; excess > 0 {
		nodes = nodes[:max(0, len(nodes)-excess)]
	}
	if r.state == late {
		if r.full() {
			m.stop(r)
		}
		m.table.AddLate(r.node, nodes)
		return DropNone
	}
	if r.tries == 1 && r.state == asked {
		m.rtt.Observe(time.Duration(m.at - r.first.at))
	}
	if r.nodes == nil {
		r.nodes = make([]*enode.Node, 0, kad.BucketSize)
	}
	r.nodes = append(r.nodes, nodes...)
	if r.full() || count < fullAnswer {
		m.gotAll(r)
		return DropNone
	}
	m.stopAwaiting(r)
	r.state = more
	m.schedule(&r.call, wait.Follow(time.Duration(m.at-r.sending(int(r.tries)-1).at)))
	return DropNone
}

func (m *Machine) handleENRResponse(from netip.AddrPort, id enode.ID, key *secp.PublicKey, p *Packet) Drop {
	drop := DropUnsolicited
	var room [4]*request // nearly always there is one
	awaiting := room[:0]
	for c := m.calls.ends.at(from); c != nil; c = c.older() {
		if c.req != nil && c.req.kind == ENRRequest && c.try(&p.Token) >= 0 {
			drop = DropWrongSender
			if c.node.ID() == id {
				awaiting = append(awaiting, c.req)
			}
		}
	}
	if len(awaiting) == 0 {
		return drop
	}
	if !p.Record.HasKey(key) {
		return DropRecord
	}
	n := p.Node
	if n == nil {
		return DropRecord
	}
	// Its record may leave out an endpoint, or name one of no use here: it
	// answers where it was asked.
	if ep, ok := n.UDPEndpoint(); !ok || !enode.Relayable(from.Addr(), ep.Addr()) {
		n = n.WithEndpoint(from.Addr(), from.Port())
	}
	pk := peerKey{id, from.Addr()}
	m.heardBy(pk, from.Port())
	if peer := m.peers.get(pk, from.Port()); peer != nil && n.Seq() >= peer.node.Seq() {
		peer.node = n.WithEndpoint(peer.addr(), peer.node.UDP())
		m.save(peer)
	}
	for i := len(awaiting) - 1; i >= 0; i-- { // in the order in which they were asked
		if r := awaiting[i]; m.stop(r) {
			r.gotRecord(n, nil)
		}
	}
	return DropNone
}

// heardBy notes that a node answered a query: it has a proof of this node's
// endpoint, even if that is from before this node started.
func (m *Machine) heardBy(key peerKey, port uint16) {
	if p := m.peers.get(key, port); p != nil && !p.knowsUs(m.stamp()) {
		p.ping = m.stamp()
	}
}
