package discv5

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/keyed"
	"github.com/kithnet/kith/internal/limit"
)

// Limits bound what others can have this node do and keep. Zero values mean the
// defaults.
type Limits struct {
	// Sessions is how many sessions are kept, each of 120 bytes and, but in
	// simulations, 2 KiB of expanded keys. Beyond it the one unused for longest goes,
	// and costs a handshake when it is needed again. Default 1024.
	Sessions int
	// ChallengesPerSecond is how many WHOAREYOUs are sent. Three times as many can be
	// outstanding, each of 250 bytes. A quarter is kept for endpoints that have a session.
	// Default 4096.
	ChallengesPerSecond int
	// ChallengesPerNetwork is the part of it that one IPv4 /24 or IPv6 /48 may use, and
	// ChallengesPerSource the part of one IP address; loopback and private addresses
	// are not limited by them. Defaults 256 and 32.
	ChallengesPerNetwork, ChallengesPerSource int
	// HandshakesPerSecond is how many answers to challenges are looked at. Each costs a
	// verification and a multiplication on the curve, and a second verification when a
	// record comes with it that is needed. A quarter is kept for endpoints that have a
	// session. Default 512.
	HandshakesPerSecond int
	// HandshakesPerNetwork is the part of it that one network may use. Default 32.
	HandshakesPerNetwork int
	// KnownPerSecond is what one endpoint with a session may send while the node is
	// busy. Default 4096.
	KnownPerSecond int
	// Records is how many verified records of NODES are remembered, so that those who
	// come again cost nothing, 1 KiB each. Default 2048; negative: none, for
	// simulations, which verify nothing.
	Records int
}

const (
	defaultSessions             = 1024
	defaultChallengesPerSecond  = 4096
	defaultChallengesPerNetwork = 256
	defaultChallengesPerSource  = 32
	defaultHandshakesPerSecond  = 512
	defaultHandshakesPerNetwork = 32
	defaultKnownPerSecond       = 4096
	defaultRecords              = 2048

	// reserved is the part of a budget that strangers don't get.
	reserved = 4
)

// gate keeps the budgets.
type gate struct {
	challenges, challengesNet, challengesSource float32
	handshakes, handshakesNet                   float32
	known                                       float32

	challenge, handshake                limit.Bucket
	networks, sources, handshakesOfNets limit.Buckets
	seed                                uint64
}

// or returns v, or a default when it is not set.
func or(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

func (g *gate) init(l Limits, seed uint64) {
	*g = gate{
		challenges:       float32(or(l.ChallengesPerSecond, defaultChallengesPerSecond)),
		challengesNet:    float32(or(l.ChallengesPerNetwork, defaultChallengesPerNetwork)),
		challengesSource: float32(or(l.ChallengesPerSource, defaultChallengesPerSource)),
		handshakes:       float32(or(l.HandshakesPerSecond, defaultHandshakesPerSecond)),
		handshakesNet:    float32(or(l.HandshakesPerNetwork, defaultHandshakesPerNetwork)),
		known:            float32(or(l.KnownPerSecond, defaultKnownPerSecond)),
		seed:             seed,
	}
}

// admitChallenge takes a WHOAREYOU off its budgets. known says that its receiver has a
// session.
func (g *gate) admitChallenge(to netip.Addr, known bool, now int64) bool {
	if net, limited := enode.Network(to); limited {
		if !g.sources.At(keyed.Addr(g.seed, to, 1), now).Take(now, g.challengesSource) ||
			!g.networks.At(keyed.Addr(g.seed, net.Addr(), 0), now).Take(now, g.challengesNet) {
			return false
		}
	}
	return take(&g.challenge, now, g.challenges, known)
}

// admitHandshake takes an answer to a challenge off its budgets.
func (g *gate) admitHandshake(from netip.Addr, known bool, now int64) bool {
	if net, limited := enode.Network(from); limited {
		if !g.handshakesOfNets.At(keyed.Addr(g.seed, net.Addr(), 0), now).Take(now, g.handshakesNet) {
			return false
		}
	}
	return take(&g.handshake, now, g.handshakes, known)
}

func take(b *limit.Bucket, now int64, perSecond float32, known bool) bool {
	if known {
		return b.Take(now, perSecond)
	}
	return b.TakeAbove(now, perSecond, perSecond/reserved)
}

// Verdict is the gate's answer for a packet.
type Verdict struct {
	Drop  Drop // DropNone: to be handled
	Known bool // from an endpoint with a session, or awaited: goes first
	// Accept is set for the answer to a challenge of ours: what is to be run, outside
	// of the lock, before it is handled.
	Accept *Accept
}

// Admit decides, before any cryptography, whether a parsed packet is worth handling.
// busy says that more packets wait than the driver can take at once: only then is an
// endpoint with a session held to its share. What it refuses it counts. Addresses are
// taken as they are: an IPv4-mapped one has to be unmapped before.
func (m *Machine) Admit(from netip.AddrPort, h *Header, busy bool) Verdict {
	v := m.admit(from, h, busy)
	if v.Drop != DropNone {
		m.stats.Drops[v.Drop]++
	}
	return v
}

func (m *Machine) admit(from netip.AddrPort, h *Header, busy bool) Verdict {
	if h.Flag == Whoareyou {
		if m.links.challenged(from, &h.Nonce) == nil {
			return Verdict{Drop: DropUnsolicited}
		}
		return Verdict{Known: true}
	}
	if h.Src == m.cfg.ID {
		return Verdict{Drop: DropOwn}
	}
	s := m.sessions.get(h.Src, from)
	if h.Flag == Handshake {
		return m.admitHandshake(from, h, s)
	}
	if s == nil {
		if !m.gate.admitChallenge(from.Addr(), false, m.clock()) {
			return Verdict{Drop: DropChallengeLimit}
		}
		return Verdict{}
	}
	if busy && !s.share.Take(m.clock(), m.gate.known) {
		return Verdict{Drop: DropSourceLimit}
	}
	return Verdict{Known: true}
}

// AdmitSource decides on a datagram's source alone, before its content is looked at.
// It may be called at any time from anywhere.
func (m *Machine) AdmitSource(from netip.AddrPort) Drop {
	if from.Port() == 0 || !enode.Sendable(from.Addr()) {
		return DropBadSource
	}
	if !enode.Permitted(m.cfg.NetRestrict, from.Addr()) {
		return DropNetRestrict
	}
	return DropNone
}
