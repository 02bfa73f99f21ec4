package discv4

import (
	"math"
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/internal/prefetch"
)

// PrefetchSteps is how many steps [Machine.Prefetch] has.
const PrefetchSteps = 4

// Prefetch asks for what a packet from an endpoint will have the machine look at, which
// lies all over the memory: for a driver of many machines. Where one thing is is said by
// another, so it is done in steps, from 0, each some packets after the one before. The
// packet has been opened; sender is its sender's node, nil if the driver doesn't know it.
func (m *Machine) Prefetch(step int, from netip.AddrPort, sender *enode.Node, p *Packet) {
	m.prefetchPeer(step, from)
	switch step {
	case 0:
		prefetch.Slice(p.Nodes, math.MaxInt)
	case 1:
		prefetch.Value(sender)
		for _, n := range p.Nodes {
			prefetch.Value(n)
		}
	case 2, 3:
		lists := step == 3
		if sender != nil {
			m.table.PrefetchBucket(sender.ID(), lists)
		}
		if p.Kind == Findnode {
			m.table.PrefetchBucket(p.targetID, lists)
		}
		for _, n := range p.Nodes {
			m.table.PrefetchBucket(n.ID(), lists)
		}
	}
}

// prefetchPeer asks for what the machine itself has of who is at an endpoint.
func (m *Machine) prefetchPeer(step int, from netip.AddrPort) {
	s, c := &m.peers, &m.calls.ends
	switch step {
	case 0:
		prefetch.Value(m)
	case 1:
		m.table.Prefetch()
		prefetch.Value(s.endOf(from))
		prefetch.Slice(s.slabs, 128)
		if len(c.heads) > 0 {
			prefetch.Value(c.head(from))
		}
		m.tasks.Prefetch()
	case 2:
		prefetch.Value(s.peer(*s.endOf(from)))
		if len(c.heads) > 0 {
			prefetch.Value(*c.head(from))
		}
	case 3:
		if p := s.peer(*s.endOf(from)); p != nil {
			prefetch.Value(p.node)
		}
	}
}
