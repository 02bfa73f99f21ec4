package discv5

import (
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// lookupDistances is what a lookup asks a node for, as differences from the distance d of the
// node from the target. An answer has 16 nodes at most, those at the first distances first.
//
//   - At d are all whom the node knows that are nearer to the target than it is, but for those
//     that are about as near.
//   - These are near the node itself. Of the 16 closest many are at one distance from the target,
//     and know of each other: at d-3 and d-2, where there are few, so that they leave room. Those
//     at d-1 are more, and mostly farther from the target.
//   - At d+1 are the next ones outwards, for the node that is nearer than the last of the 16.
var lookupDistances = [...]int{0, -3, 1, -2}

// Distances returns what to ask a node for to find nodes close to a target
// (discv5-theory.md, "Lookup Protocol").
func Distances(n, target enode.ID) []uint16 {
	d := enode.LogDist(n, target)
	list := make([]uint16, 0, len(lookupDistances))
	for _, from := range lookupDistances {
		if at := d + from; from == 0 || 0 < at && at <= maxDistance {
			list = append(list, uint16(at))
		}
	}
	return list
}

// Transport returns the machine as a table sees it.
func (m *Machine) Transport() kad.Transport { return transport{m} }

type transport struct{ m *Machine }

func (t transport) Ping(n *enode.Node, done func(uint64, error)) {
	t.m.Ping(n, func(r PingResult, err error) {
		if err == ErrBusy || err == ErrClosed {
			err = kad.ErrNotAsked
		}
		done(r.Seq, err)
	})
}

func (t transport) RequestENR(n *enode.Node, done func(*enode.Node, error)) {
	t.m.RequestENR(n, done)
}

func (t transport) Findnode(n *enode.Node, target kad.Target, done func([]*enode.Node, error)) {
	t.m.Findnode(n, Distances(n.ID(), target.ID), done)
}
