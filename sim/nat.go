package sim

import (
	"net/netip"
	"time"
)

// NAT is what stands between a host and the network. The host advertises the address
// that it has outside.
type NAT struct {
	Kind NATKind
	// Expires is how long a mapping lives without a packet from inside; default two
	// minutes, the least that RFC 4787 allows (REQ-5). Many devices take less.
	Expires time.Duration
}

// NATKind says whom a NAT lets in, in the words of RFC 3489, section 5.
type NATKind uint8

// The kinds.
const (
	NoNAT NATKind = iota
	// FullCone lets everybody in through a mapping that a packet to anybody has made.
	FullCone
	// Restricted lets in whoever is at an IP address to which a packet was sent.
	Restricted
	// PortRestricted lets in the very endpoint to which a packet was sent.
	PortRestricted
	// Symmetric is PortRestricted with another port for each endpoint: what one is
	// told of the host's port is of no use to another.
	Symmetric
)

const (
	natExpires = 2 * time.Minute

	// natMappings bounds the mappings of a NAT, and natFirstPort is the first port
	// that a symmetric one gives.
	natMappings  = 4096
	natFirstPort = 20_000
)

// natState is one host's NAT.
type natState struct {
	kind    NATKind
	expires int64
	last    int64 // when anything went out last, for FullCone
	began   bool
	out2    map[netip.AddrPort]*mapping // by the endpoint outside; of Restricted without its port
	in2     map[uint16]*mapping         // of Symmetric, by the own port
	port    uint16
}

type mapping struct {
	to   netip.AddrPort
	port uint16
	last int64
}

func newNAT(n NAT) *natState {
	if n.Expires <= 0 {
		n.Expires = natExpires
	}
	return &natState{kind: n.Kind, expires: int64(n.Expires), port: natFirstPort,
		out2: make(map[netip.AddrPort]*mapping), in2: make(map[uint16]*mapping)}
}

func (n *natState) key(at netip.AddrPort) netip.AddrPort {
	if n.kind == Restricted {
		return netip.AddrPortFrom(at.Addr(), 0)
	}
	return at
}

// out lets a packet out and returns the endpoint that it comes from outside.
func (n *natState) out(now int64, src, to netip.AddrPort) netip.AddrPort {
	n.last, n.began = now, true
	if n.kind == FullCone {
		return src
	}
	k := n.key(to)
	m := n.out2[k]
	if m != nil && n.kind == Symmetric && now-m.last > n.expires {
		n.forget(m)
		m = nil
	}
	if m == nil {
		if len(n.out2) >= natMappings {
			n.sweep(now)
		}
		m = &mapping{to: k}
		if n.kind == Symmetric {
			m.port = n.freePort()
			n.in2[m.port] = m
		}
		n.out2[k] = m
	}
	m.last = now
	if n.kind == Symmetric {
		return netip.AddrPortFrom(src.Addr(), m.port)
	}
	return src
}

// in reports whether a packet to a port gets through.
func (n *natState) in(now int64, from netip.AddrPort, port uint16) bool {
	switch n.kind {
	case FullCone:
		return n.began && now-n.last <= n.expires
	case Symmetric:
		m := n.in2[port]
		return m != nil && m.to == from && now-m.last <= n.expires
	}
	m := n.out2[n.key(from)]
	return m != nil && now-m.last <= n.expires
}

func (n *natState) freePort() uint16 {
	for {
		if n.port++; n.port < natFirstPort {
			n.port = natFirstPort
		}
		if n.in2[n.port] == nil {
			return n.port
		}
	}
}

func (n *natState) forget(m *mapping) {
	delete(n.out2, m.to)
	delete(n.in2, m.port)
}

// sweep forgets what has expired, and all if nothing has: as devices do that are full.
func (n *natState) sweep(now int64) {
	for _, m := range n.out2 {
		if now-m.last > n.expires {
			n.forget(m)
		}
	}
	if len(n.out2) >= natMappings {
		clear(n.out2)
		clear(n.in2)
	}
}
