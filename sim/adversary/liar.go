package adversary

import (
	"net/netip"
	"slices"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/sim"
)

// liar is a node like others that pings everybody to be known, and knows only its own.
func liar(c *Crew) sim.Agent { return &agent{crew: c, act: c.knock, find: c.accomplices} }

// deadLiar is one that sends others to where nobody is: their lookups are to fail, or to
// last for ever.
func deadLiar(c *Crew) sim.Agent { return &agent{crew: c, act: c.knock, find: c.nowhere} }

// nobody answers that it knows nobody.
func (c *Crew) nobody(h *sim.Host, to netip.AddrPort, _ enode.ID) { h.Neighbors(to, nil) }

// deadNodes is how many that are nowhere a crew speaks of: of an answer's size for each
// part of the ID space that lookups are for.
const deadNodes = 256

// prepare makes what a crew needs before its members are there.
func (c *Crew) prepare(w *sim.World) {
	if c.plan.Kind != "liar-dead" {
		return
	}
	src := w.Stream(uint64(c.first) << 1)
	for i := range deadNodes {
		key, err := sim.ReadKey(src)
		if err != nil {
			continue
		}
		at := netip.AddrFrom4([4]byte{198, 18, byte(i), 1}) // RFC 2544: for benchmarks
		c.dead = append(c.dead, enode.NewV4(key.Public(), at, firstPort, firstPort))
	}
	slices.SortFunc(c.dead, func(a, b *enode.Node) int { return a.ID().Compare(b.ID()) })
}
