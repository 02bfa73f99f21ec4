package discv5

import (
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// fakeTable remembers what it was told.
type fakeTable struct {
	live, found, late []*enode.Node // in the order in which they came, each once
	announced         map[enode.ID]uint64
	updated           []*enode.Node
	known             map[enode.ID]*enode.Node
	self              enode.ID
}

func (f *fakeTable) Advance(time.Time)   {}
func (f *fakeTable) NextWake() time.Time { return epoch.Add(1000 * time.Hour) }

func (f *fakeTable) AddLive(n *enode.Node, via kad.Protocol) {
	if via != kad.V5 {
		panic("not by v5")
	}
	if k := f.known[n.ID()]; k == nil || n.Seq() > k.Seq() {
		f.know(n)
	}
	f.live = once(f.live, n)
}

func (f *fakeTable) AddFound(n *enode.Node)                 { f.found = once(f.found, n) }
func (f *fakeTable) AddLate(_ *enode.Node, l []*enode.Node) { f.late = append(f.late, l...) }
func (f *fakeTable) Known(id enode.ID) *enode.Node          { return f.known[id] }

func (f *fakeTable) Announced(id enode.ID, seq uint64) {
	if f.announced == nil {
		f.announced = make(map[enode.ID]uint64)
	}
	f.announced[id] = seq
}

func (f *fakeTable) UpdateRecord(n *enode.Node) {
	f.updated = append(f.updated, n)
	f.know(n)
}

func (f *fakeTable) know(n *enode.Node) {
	if f.known == nil {
		f.known = make(map[enode.ID]*enode.Node)
	}
	f.known[n.ID()] = n
}

func (f *fakeTable) AtDistance(dst []*enode.Node, distance, max int, via kad.Protocol) []*enode.Node {
	for _, n := range f.live {
		if enode.LogDist(f.self, n.ID()) == distance && max > 0 && via == kad.V5 {
			dst = append(dst, n)
			max--
		}
	}
	return dst
}

func once(list []*enode.Node, n *enode.Node) []*enode.Node {
	if i := slices.IndexFunc(list, func(o *enode.Node) bool { return o.ID() == n.ID() }); i >= 0 {
		list[i] = n
		return list
	}
	return append(list, n)
}
