package discv4

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
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
		if p.shared = !p.node.HasKey(key); !p.shared {
			return p.node.ID()
		}
	} else if pc := m.calls.pingsAt[from]; pc != nil && pc.node.HasKey(key) {
		return pc.id
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
	if known && peer.fails == 0 {
		peer.ping = m.stamp()
		m.peers.touch(peer)
		if peer.node.Record() == nil && peer.node.TCP() != p.SenderTCP {
			peer.node = enode.NewV4(*key, from.Addr(), p.SenderTCP, from.Port())
		}
		m.table.AddLive(peer.node)
		m.table.Announced(id, p.Seq)
	} else {
		m.pingBack(from, id, enode.NewV4(*key, from.Addr(), p.SenderTCP, from.Port()))
	}
	m.bondComplete(pk)
	return DropNone
}

// pingBack asks the sender of a PING to prove its endpoint.
func (m *Machine) pingBack(from netip.AddrPort, id enode.ID, n *enode.Node) {
	key := callKey{id, from}
	if pc := m.calls.pings[key]; pc != nil {
		pc.pinged = m.now
		return
	}
	if m.calls.pending >= maxStrangers {
		return
	}
	// Nobody waits for it: its PONG does what there is to do.
	if pc := m.ping(n, pingSendsOnce, func(PingResult, error) {}); pc != nil {
		pc.pinged = m.now
	}
}

// handlePong takes the proof of the endpoint that was asked.
func (m *Machine) handlePong(from netip.AddrPort, id enode.ID, p *Packet) Drop {
	if pc := m.calls.tokens[p.Token]; pc == nil || pc.to != from {
		return DropUnsolicited
	} else if pc.late && pc.id == id {
		m.latePong(pc, p)
		return DropNone
	}
	// PINGs to one endpoint within one second are the same packet, whichever
	// node they are for: the signer tells which one answers.
	pc := m.calls.pings[callKey{id, from}]
	if pc == nil {
		return DropWrongSender
	}
	try := slices.Index(pc.hashes[:pc.sends], p.Token)
	if try < 0 {
		return DropWrongSender
	}
	r := PingResult{Seq: p.Seq, Endpoint: p.To, RTT: m.now.Sub(pc.sentAt[try])}
	if !slices.Contains(pc.hashes[try+1:pc.sends], p.Token) { // else it may answer either
		m.rtt.observe(r.RTT)
	}
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

// proven notes that the node of a PING has answered it, with the number of its
// record.
func (m *Machine) proven(pc *pingCall, seq uint64) {
	p := m.peers.add(pc.node)
	p.pong, p.fails = m.stamp(), 0
	if !pc.pinged.IsZero() {
		p.ping = m.peers.stamp(pc.pinged)
	}
	m.save(p)
	m.table.AddLive(p.node)
	m.table.Announced(pc.id, seq)
}

// latePong takes the proof of a node that was given up.
func (m *Machine) latePong(pc *pingCall, p *Packet) {
	try := slices.Index(pc.hashes[:pc.sends], p.Token)
	if try >= 0 && pc.maxSends > pingSendsOnce { // a stranger could make us wait
		m.rtt.observe(m.now.Sub(pc.sentAt[try]))
	}
	m.forgetPing(pc)
	m.proven(pc, p.Seq)
}

// save gives the proof to the store.
func (m *Machine) save(p *peer) {
	if m.cfg.Store != nil {
		m.cfg.Store.Put(Proof{Node: p.node, LastPong: m.told(m.peers.time(p.pong)),
			LastPing: m.told(m.peers.time(p.ping)), Fails: int(p.fails)})
	}
}

// handleQuery answers those who have proven that they are where the query says
// it comes from. All others get silence, or they could aim our answers at a
// victim (discv4.md, "Endpoint Proof").
func (m *Machine) handleQuery(from netip.AddrPort, id enode.ID, p *Packet) Drop {
	if peer := m.peers.get(peerKey{id, from.Addr()}, from.Port()); peer != nil && peer.proven(m.stamp()) {
		m.peers.touch(peer)
		m.answer(from, id, p)
		return DropNone
	}
	if pc := m.calls.pings[callKey{id, from}]; pc != nil && pc.parked == nil {
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
	nodes = m.table.Closest(nodes, p.target(), kad.BucketSize, func(n *enode.Node) bool {
		return n.ID() != id && relayable(to.Addr(), n.IP())
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
	r := m.calls.finds[from]
	if r == nil {
		return DropUnsolicited
	}
	if r.key.id != id {
		return DropWrongSender
	}
	m.heardBy(r.key, from.Port())
	count := len(p.Nodes)
	nodes := p.Nodes[:0]
	for _, n := range p.Nodes {
		if relayable(from.Addr(), n.IP()) && permitted(m.cfg.NetRestrict, n.IP()) && n.ID() != m.cfg.ID {
			nodes = append(nodes, n)
		}
	}
	if r.state == late {
		m.table.AddLate(r.node, nodes)
		return DropNone
	}
	if r.tries == 1 && r.state == asked {
		m.rtt.observe(m.now.Sub(r.sentAt))
	}
	if r.received += count; r.received > kad.BucketSize {
		nodes = nodes[:max(0, len(nodes)-(r.received-kad.BucketSize))]
	}
	r.nodes = append(r.nodes, nodes...)
	if r.received >= kad.BucketSize || count < fullAnswer {
		m.gotAll(r)
		return DropNone
	}
	m.stopAwaiting(r)
	r.state = more
	m.schedule(&r.task, followWait(m.now.Sub(r.sentAt)))
	return DropNone
}

func (m *Machine) handleENRResponse(from netip.AddrPort, id enode.ID, key *secp.PublicKey, p *Packet) Drop {
	awaiting := m.calls.enrs[replyKey{p.Token, from}]
	if len(awaiting) == 0 {
		return DropUnsolicited
	}
	if !slices.ContainsFunc(awaiting, func(r *request) bool { return r.key.id == id }) {
		return DropWrongSender
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
	if ep, ok := n.UDPEndpoint(); !ok || !relayable(from.Addr(), ep.Addr()) {
		n = n.WithEndpoint(from.Addr(), from.Port())
	}
	pk := peerKey{id, from.Addr()}
	m.heardBy(pk, from.Port())
	if peer := m.peers.get(pk, from.Port()); peer != nil && n.Seq() >= peer.node.Seq() {
		peer.node = n.WithEndpoint(peer.addr(), peer.node.UDP())
		m.save(peer)
	}
	for _, r := range slices.Clone(awaiting) {
		if r.key.id == id && m.stop(r) {
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
