package sim

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/secp"
)

// Agent acts on a host in place of Kith's own discovery: an adversary, say. Its methods
// are called one after the other for one host, but at the same time for hosts of
// different workers: what several hosts' agents share must not change while the World
// runs. All of them may use the host's methods below.
type Agent interface {
	// Start is called each time that the host is started.
	Start(h *Host)
	// Packet is a packet of v4 that has arrived, signed with key. It is the agent's until
	// Packet returns. Those of v5 are lost, unless the agent is an [Agent5].
	Packet(h *Host, from netip.AddrPort, key *secp.PublicKey, p *discv4.Packet)
	// Wake is called at the time that WakeAt was told.
	Wake(h *Host)
}

// Agent5 is an agent that speaks v5, too, if its host's [Node].Protocols say so: by the
// shipped machine over a table of the agent's own, which need not tell the truth.
type Agent5 interface {
	Agent
	// Table5 returns the table for the machine of a life that begins, before Start.
	Table5(h *Host) discv5.Table
	// Says reports whether a packet is sent that the machine has made.
	Says(h *Host, o *discv5.Out) bool
}

// Machine5 returns the machine of v5 that an [Agent5]'s host has, for its agent to ask others
// by; nil while the host is down, and of other agents.
func (h *Host) Machine5() *discv5.Machine { return h.m.V5 }

// World returns the host's World.
func (h *Host) World() *World { return h.world }

// Addr returns where the host is.
func (h *Host) Addr() netip.AddrPort { return h.spec.Addr }

// Clock returns the host's time.
func (h *Host) Clock() time.Time { return epoch.Add(time.Duration(h.world.clock(h))) }

// Rand returns the source for what the host's agent draws.
func (h *Host) Rand() *rand.Rand { return rand.New(&h.agents) }

// WakeAt has the agent's Wake called at a time, and not at the one that was said before.
func (h *Host) WakeAt(t time.Time) { h.asked = max(int64(t.Sub(epoch)), h.at+1) }

// Send sends a packet, expiration set, signed with the host's key. It sets p.Hash.
func (h *Host) Send(to netip.AddrPort, p *discv4.Packet) {
	pk := h.pack(to, h.dated(p))
	h.transmit(h.at, to, pk)
}

// SendFrom is Send with a source address that is not the host's.
func (h *Host) SendFrom(src, to netip.AddrPort, p *discv4.Packet) {
	pk := h.pack(to, h.dated(p))
	pk.spoofed = true
	h.transmitFrom(h.at, src, to, pk)
}

// Send5From sends a packet of v5 that nobody can read, as it has no Session, with a source
// address that may be the host's or another's.
func (h *Host) Send5From(src netip.AddrPort, o *discv5.Out) {
	pk := h.pack5(o)
	pk.spoofed = src != h.spec.Addr
	h.transmitFrom(h.at, src, o.To, pk)
}

// dated sets a packet's expiration.
func (h *Host) dated(p *discv4.Packet) *discv4.Packet {
	if p.Kind != discv4.ENRResponse {
		p.Expiration = uint64(h.Clock().Add(discv4.Expiration).Unix())
	}
	return p
}

// Pong answers a PING, as every agent does that wants to be taken for a node.
func (h *Host) Pong(to netip.AddrPort, ping *discv4.Packet) {
	h.Send(to, &discv4.Packet{Kind: discv4.Pong, To: to, ToTCP: ping.SenderTCP, Token: ping.Hash, Seq: 1})
}

// Ping sends a PING.
func (h *Host) Ping(to netip.AddrPort) {
	h.Send(to, &discv4.Packet{Kind: discv4.Ping, From: h.spec.Addr, SenderTCP: h.spec.Addr.Port(), To: to, Seq: 1})
}

// Neighbors says nodes, in as many packets as it takes.
func (h *Host) Neighbors(to netip.AddrPort, nodes []*enode.Node) {
	for {
		part := nodes[:min(len(nodes), neighborsInPacket)]
		h.Send(to, &discv4.Packet{Kind: discv4.Neighbors, Nodes: part})
		if nodes = nodes[len(part):]; len(nodes) == 0 {
			return
		}
	}
}

// neighborsInPacket is how many nodes fit into one NEIGHBORS packet, whatever their
// addresses: discv4.md, "Neighbors Packet".
const neighborsInPacket = 12

// Record answers an ENRREQUEST.
func (h *Host) Record(p *discv4.Packet) *discv4.Packet {
	return &discv4.Packet{Kind: discv4.ENRResponse, Token: p.Hash, Record: h.node.Record()}
}
