package discv4

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
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

	// newSlots is the number of budgets that networks share by a keyed hash of
	// their address: constant memory whatever the number of sources.
	newSlots = 1024

	// maxAttempts is how many packets may claim to be one awaited reply before
	// the rest are dropped unseen. A forger that sees no traffic has to guess
	// what is awaited, and then gets this many recoveries out of it.
	maxAttempts = 4
)

// bucketTime is how much a bucket holds, and so after what time unused it is full.
const bucketTime = 2 * time.Second

// bucket is a token bucket that holds two seconds' worth.
type bucket struct {
	last   int64 // nanoseconds since the gate's beginning; 0: never used
	tokens float32
	slot   uint16 // of a network
}

func (b *bucket) take(now int64, perSecond float32) bool {
	if b.last == 0 {
		b.tokens = 2 * perSecond
	} else if now > b.last {
		b.tokens = min(b.tokens+perSecond*float32(now-b.last)/float32(time.Second), 2*perSecond)
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// gate keeps the budgets.
type gate struct {
	newTotal, newNetwork, known float32
	start                       time.Time
	total                       bucket
	networks                    []bucket // those not full, sorted by slot
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
		if !g.network(uint16(addrHash(g.seed, p.Addr(), 0)%newSlots), now).take(now, g.newNetwork) {
			return false
		}
	}
	return g.total.take(now, g.newTotal)
}

// network returns the bucket of a slot. One that is full again is as one that was
// never used: they are dropped when there is no room, so that the list is as long
// as there are strangers within two seconds.
func (g *gate) network(slot uint16, now int64) *bucket {
	at := func() (int, bool) {
		return slices.BinarySearchFunc(g.networks, slot, func(b bucket, slot uint16) int { return cmp.Compare(b.slot, slot) })
	}
	i, ok := at()
	if ok {
		return &g.networks[i]
	}
	if len(g.networks) == cap(g.networks) {
		g.trim(now)
		i, _ = at()
	}
	g.networks = slices.Insert(g.networks, i, bucket{slot: slot})
	return &g.networks[i]
}

// trim forgets the buckets that are full again.
func (g *gate) trim(now int64) {
	g.networks = slices.DeleteFunc(g.networks, func(b bucket) bool { return now-b.last >= int64(bucketTime) })
	switch n := len(g.networks); {
	case n == 0:
		g.networks = nil
	case n < cap(g.networks)/4: // a burst is over
		g.networks = slices.Clone(g.networks)
	}
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
		if busy && !m.peers.rate(peer).take(m.gate.clock(m.now), m.gate.known) {
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
	if from.Port() == 0 || !sendable(from.Addr()) {
		return DropBadSource
	}
	if !permitted(m.cfg.NetRestrict, from.Addr()) {
		return DropNetRestrict
	}
	return DropNone
}
