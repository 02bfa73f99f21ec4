package adversary

import (
	"sort"
	"time"

	"github.com/kithnet/kith/discv5"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/sim"
)

// book is what the machine of a member that speaks v5 has for a table: it learns nothing,
// and knows whom the member tells of.
type book struct {
	a *agent
	h *sim.Host
}

// Table5 implements sim.Agent5.
func (a *agent) Table5(h *sim.Host) discv5.Table { return book{a, h} }

// Says implements sim.Agent5. Who does not answer sends no WHOAREYOU either.
func (a *agent) Says(_ *sim.Host, o *discv5.Out) bool {
	switch o.Message.Kind {
	case discv5.Nodes:
		return a.tells != nil
	case discv5.Pong, discv5.TalkResp:
		return !a.mute
	}
	return !a.mute || o.Header.Flag != discv5.Whoareyou
}

// AtDistance appends some of those that the member tells of, evenly from all at a distance of
// it, from a random one on. They are between the first and the last ID that have in common
// with its own what that distance says.
func (b book) AtDistance(dst []*enode.Node, distance, most int, _ kad.Protocol) []*enode.Node {
	if b.a.tells == nil {
		return dst
	}
	nodes, self := *b.a.tells, b.h.Node().ID()
	from := sort.Search(len(nodes), func(i int) bool { return !before(nodes[i].ID(), self, distance) })
	nodes = nodes[from:]
	nodes = nodes[:sort.Search(len(nodes), func(i int) bool { return enode.LogDist(self, nodes[i].ID()) != distance })]
	if most = min(most, len(nodes)); most <= 0 {
		return dst
	}
	first := b.h.Rand().IntN(len(nodes))
	for i := range most {
		dst = append(dst, nodes[(first+i*len(nodes)/most)%len(nodes)])
	}
	return dst
}

// before reports whether an ID is before all those at a distance of self.
func before(id, self enode.ID, distance int) bool {
	d := enode.LogDist(self, id)
	switch {
	case d == distance:
		return false
	case d > distance: // it and they are on the two sides of self's first bits
		return id.Compare(self) < 0
	}
	// It has more in common with self than they have.
	bit := 256 - distance
	return self[bit/8]>>(7-bit%8)&1 == 0
}

// NextWake implements discv5.Table: it never wants to wake.
func (b book) NextWake() time.Time { return time.Unix(1<<40, 0) }

// Known implements discv5.Table.
func (b book) Known(enode.ID) *enode.Node { return nil }

// Advance implements discv5.Table, as those below do.
func (b book) Advance(time.Time) {}

// AddLive implements discv5.Table.
func (b book) AddLive(*enode.Node, kad.Protocol) {}

// AddFound implements discv5.Table.
func (b book) AddFound(*enode.Node) {}

// Announced implements discv5.Table.
func (b book) Announced(enode.ID, uint64) {}

// UpdateRecord implements discv5.Table.
func (b book) UpdateRecord(*enode.Node) {}

// AddLate implements discv5.Table.
func (b book) AddLate(*enode.Node, []*enode.Node) {}
