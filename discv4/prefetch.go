package discv4

import (
	"net/netip"

	"github.com/kithnet/kith/internal/prefetch"
)

// PrefetchSteps is how many steps [Machine.Prefetch] has.
const PrefetchSteps = 4

// Prefetch asks for what a packet from an endpoint will have the machine look at, which
// lies all over the memory: for a driver of many machines. Where one thing is is said by
// another, so it is done in steps, from 0, each some packets after the one before.
func (m *Machine) Prefetch(step int, from netip.AddrPort) {
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
