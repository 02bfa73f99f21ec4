package sim

import (
	"net/netip"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// ledger counts the PINGs, and packets of v5, that a host has received in somebody's
// name and that another has sent, and what it has sent there.
type ledger struct {
	in, inBytes   int
	in5, in5Bytes int   // packets of v5, of any kind
	out           sent  // all
	atOnce        sent  // in the turn of a packet that came in that name
	real          bool  // somebody is there who has sent something himself
	at            int64 // when such a packet came last
}

type sent struct{ packets, bytes int }

func (s *sent) add(bytes int) {
	s.packets++
	s.bytes += bytes
}

func (s sent) over(l *ledger) bool {
	return s.packets > maxOutPackets*l.in+l.in5+askedAnyway || s.bytes > maxOutBytes*l.inBytes+l.in5Bytes+askedAnywayBytes
}

const (
	// maxLedgers bounds those of a host: the addresses that are attacked through it.
	maxLedgers = 64

	// maxOutPackets and maxOutBytes are what a host may send to an address for each
	// PING, and byte of one, that came in its name: a PONG and a PING (package
	// discv4's promise), of which a PONG is a little larger. A packet of v5 gets one
	// WHOAREYOU, which is not larger (package discv5's promise). All else gets nothing.
	maxOutPackets = 2
	maxOutBytes   = 3

	// askedAnyway is what it may send there besides: it may know somebody there, or
	// have heard of one.
	askedAnyway      = 8
	askedAnywayBytes = 2000
)

// checkIn looks at a packet that has arrived.
func (h *Host) checkIn(pk *packet) {
	c := &h.checks
	l := c.spoofed[pk.from] // of nil, for most
	if !pk.spoofed {
		if l != nil {
			l.real = true
		}
		return
	}
	if l == nil {
		if len(c.spoofed) >= maxLedgers {
			return
		}
		if c.spoofed == nil {
			c.spoofed = make(map[netip.AddrPort]*ledger)
		}
		l = &ledger{real: h.knows(pk.from)}
		c.spoofed[pk.from] = l
		c.names = append(c.names, pk.from)
	}
	l.at = h.at
	switch {
	case pk.five != nil:
		l.in5++
		l.in5Bytes += pk.size
	case kindOf(pk) == discv4.Ping:
		l.in++
		l.inBytes += pk.size
	}
}

// kindOf says of what kind a packet is; of encoded ones too, whose type follows a hash
// and a signature.
func kindOf(pk *packet) discv4.Kind {
	const typeAt = 32 + 65
	if len(pk.data) > typeAt {
		return discv4.Kind(pk.data[typeAt])
	}
	return pk.p.Kind
}

// knows reports whether the table has somebody at a place.
func (h *Host) knows(at netip.AddrPort) (known bool) {
	h.m.Table.Visit(kad.Entries|kad.Replacements, func(_ int, _ bool, n kad.NodeInfo) bool {
		known = n.Node.IP() == at.Addr() && n.Node.UDP() == at.Port()
		return !known
	})
	return known
}

// checkOut looks at a packet that is to leave: a NEIGHBORS must name nobody who is not
// there. Of each one node is looked at, by turns: all would cost a tenth of a run.
func (h *Host) checkOut(o *discv4.Out, size int) {
	c := &h.checks
	if nodes := o.Packet.Nodes; len(nodes) > 0 && h.spec.Without&Liveness == 0 {
		c.turn++
		h.handedOut(nodes[int(c.turn)%len(nodes)], kad.V4)
	}
	c.count(o.To, size, h.at)
}

// checkOut5 is checkOut of v5. The own record is the answer for distance 0.
func (h *Host) checkOut5(o *discv5.Out, size int) {
	c := &h.checks
	if records := o.Message.Records; len(records) > 0 && h.spec.Without&Liveness == 0 {
		c.turn++
		raw := records[int(c.turn)%len(records)]
		switch n := h.world.nodeOf(raw); {
		case n == nil:
			h.breaks(RuleLiveness, "a record is handed out that is none")
		case n.ID() != h.node.ID():
			h.handedOut(n, kad.V5)
		}
	}
	c.count(o.To, size, h.at)
}

// count notes a packet to somewhere, if somebody speaks in the name of who is there.
func (c *checks) count(to netip.AddrPort, size int, at int64) {
	if l := c.spoofed[to]; l != nil {
		l.out.add(size)
		if l.at == at {
			l.atOnce.add(size)
		}
	}
}

// handedOut checks that a node that others are told of by a protocol is an entry, has
// answered by that protocol, and was where it is said to be.
func (h *Host) handedOut(n *enode.Node, via kad.Protocol) {
	info, entry := h.m.Table.Entry(n.ID())
	at, _ := n.UDPEndpoint()
	who := h.world.at(at)
	switch {
	case !entry:
		h.breaks(RuleLiveness, "%s is handed out, and no entry", n.ID().Short())
	case info.LastSeen.IsZero():
		h.breaks(RuleLiveness, "%s is handed out, and never answered", n.ID().Short())
	case info.Speaks&via == 0:
		h.breaks(RuleLiveness, "%s is handed out by %v, by which it never answered", n.ID().Short(), via)
	case who == nil || who.node.ID() != n.ID():
		h.breaks(RuleLiveness, "%s is handed out at %v, where it never was", n.ID().Short(), at)
	}
}

// amplified checks what was sent in answer to such packets: all that went there if nobody
// is there, or else what went there at once.
func (h *Host) amplified() {
	for _, at := range h.checks.names {
		l := h.checks.spoofed[at]
		s := l.out
		if l.real {
			s = l.atOnce
		}
		if s.over(l) {
			h.breaks(RuleAmplification, "%d packets, %d bytes to %v, in whose name another sent %d PINGs of %d bytes and %d packets of v5 of %d",
				s.packets, s.bytes, at, l.in, l.inBytes, l.in5, l.in5Bytes)
		}
	}
}

// checkClosed looks at machines that have ended: all their requests have.
func (h *Host) checkClosed() {
	v4, v5 := h.pending()
	if lookups := h.m.Table.Stats().Lookups; v4+v5+lookups != 0 {
		h.breaks(RuleRequestEnds, "%d requests by v4, %d by v5 and %d lookups go on after its end", v4, v5, lookups)
	}
}
