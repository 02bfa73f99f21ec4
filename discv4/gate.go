package discv4

import (
	"net/netip"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/keyed"
	"github.com/kithnet/kith/internal/limit"
)

// Limits bound how many packets from outside may cost cryptography. Zero
// values mean the defaults.
type Limits struct {
	// NewPerSecond is the budget for packets from endpoints that proved
	// nothing. Each costs a recovery and two signatures, a sixth of a
	// millisecond with libsecp256k1, so the default of 512 is a twelfth of a core.
	NewPerSecond int
	// NewPerNetwork is the part of it that one IPv4 /24 or IPv6 /48 may use;
	// loopback and private addresses are not limited by it. Default 32.
	NewPerNetwork int
	// KnownPerSecond is what one proven endpoint may ask while the node is
	// busy. Default 4096: a third of what a core answers.
	KnownPerSecond int
	// Proofs is how many endpoint proofs are kept, at most 4096, which is the
	// default. Whoever's proof was dropped has to be asked for it again before
	// it is answered; each takes 30 bytes and what its node takes.
	Proofs int
}

const (
	defaultNewPerSecond   = 512
	defaultNewPerNetwork  = 32
	defaultKnownPerSecond = 4096

	// maxAttempts is how many packets may claim to be one awaited reply before
	// the rest are dropped unseen. A forger that sees no traffic has to guess
	// what is awaited, and then gets this many recoveries out of it.
	maxAttempts = 4
)

// gate keeps the budgets.
type gate struct {
	newTotal, newNetwork, known float32
	start                       time.Time
	total                       limit.Bucket
	networks                    limit.Buckets
	seed                        uint64
}

func (g *gate) init(l Limits, seed uint64) {
	or := func(v, def int) float32 {
		if v <= 0 {
			v = def
		}
		return float32(v)
	}
	g.newTotal = or(l.NewPerSecond, defaultNewPerSecond)
	g.newNetwork = or(l.NewPerNetwork, defaultNewPerNetwork)
	g.known = or(l.KnownPerSecond, defaultKnownPerSecond)
	g.seed = seed
}

func (g *gate) clock(now time.Time) int64 {
	if g.start.IsZero() {
		g.start = now.Add(-1)
	}
	return int64(now.Sub(g.start))
}

// admitNew takes a packet from an unknown source off its budgets.
func (g *gate) admitNew(from netip.Addr, at time.Time) bool {
	now := g.clock(at)
	if p, limited := enode.Network(from); limited {
		if !g.networks.At(keyed.Addr(g.seed, p.Addr(), 0), now).Take(now, g.newNetwork) {
			return false
		}
	}
	return g.total.Take(now, g.newTotal)
}

// Verdict is the gate's answer for a packet.
type Verdict struct {
	Drop   Drop        // DropNone: worth a recovery
	Known  bool        // from a proven endpoint, or an awaited reply: goes first
	Likely *enode.Node // who is likely to have signed it; may be nil
}

// Admit decides, before any cryptography, whether a parsed packet is worth
// recovering its signature. busy says that more packets wait than the driver
// can take at once: only then is a proven endpoint held to its share, and a query
// that has waited too long refused.
func (m *Machine) Admit(from netip.AddrPort, p *Packet, busy bool) Verdict {
	v := m.admit(from, p, busy)
	if v.Drop != DropNone {
		m.stats.Drops[v.Drop]++
	}
	return v
}

func (m *Machine) admit(from netip.AddrPort, p *Packet, busy bool) Verdict {
	wall := m.told(m.now)
	if p.Expired(wall) {
		return Verdict{Drop: DropExpired}
	}
	switch p.Kind {
	case Pong, Neighbors, ENRResponse:
		asked := m.calls.awaited(from, p)
		if asked == nil {
			return Verdict{Drop: DropUnsolicited}
		}
		return Verdict{Known: true, Likely: asked}
	}
	if busy && p.stale(wall) {
		return Verdict{Drop: DropStale}
	}
	if peer := m.peers.at(from); peer != nil && peer.proven(m.stamp()) {
		if busy && !m.peers.rate(peer).Take(m.gate.clock(m.now), m.gate.known) {
			return Verdict{Drop: DropSourceLimit}
		}
		if peer.is(shared) {
			return Verdict{Known: true}
		}
		return Verdict{Known: true, Likely: peer.node}
	}
	if p.Kind != Ping && m.cfg.Without&EndpointProof == 0 {
		if m.calls.provingAt(from) {
			return Verdict{Known: true}
		}
		if !m.peers.has(from.Addr()) {
			return Verdict{Drop: DropUnproven}
		}
	}
	if !m.gate.admitNew(from.Addr(), m.now) {
		return Verdict{Drop: DropNewLimit}
	}
	return Verdict{}
}

// AdmitSource decides on a datagram's source alone, before its content is
// looked at. It may be called at any time from anywhere.
func (m *Machine) AdmitSource(from netip.AddrPort) Drop {
	if from.Port() == 0 || !enode.Sendable(from.Addr()) {
		return DropBadSource
	}
	if !enode.Permitted(m.cfg.NetRestrict, from.Addr()) {
		return DropNetRestrict
	}
	return DropNone
}
