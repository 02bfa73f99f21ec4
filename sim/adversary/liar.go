package adversary

import (
	"net/netip"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/enr"
	"github.com/kithnet/kith/sim"
)

// liar is a node like others that pings everybody to be known, and knows only its own.
func liar(c *Crew) sim.Agent { return &agent{crew: c, act: (*agent).knock, tells: &c.nodes} }

// deadLiar is one that sends others to where nobody is: their lookups are to fail, or to
// last for ever.
func deadLiar(c *Crew) sim.Agent { return &agent{crew: c, act: (*agent).knock, tells: &c.dead} }

// deadNodes is how many that are nowhere a crew speaks of: of an answer's size for each
// part of the ID space that lookups are for.
const deadNodes = 256

// prepare makes what a crew needs before its members are there.
func (c *Crew) prepare(w *sim.World) error {
	if c.plan.Kind != "liar-dead" {
		return nil
	}
	src := w.Stream(uint64(c.first) << 1)
	for i := range deadNodes {
		key, err := sim.ReadKey(src)
		if err != nil {
			continue
		}
		at := netip.AddrFrom4([4]byte{198, 18, byte(i), 1}) // RFC 2544: for benchmarks
		var b enr.Builder
		record, err := b.SetIP(at).SetUDP(firstPort).SetTCP(firstPort).Sign(key, 1)
		if err != nil {
			return err
		}
		n, err := enode.FromRecord(record)
		if err != nil {
			return err
		}
		w.Vouch(n)
		c.dead = append(c.dead, n)
	}
	sortByID(c.dead)
	return nil
}
