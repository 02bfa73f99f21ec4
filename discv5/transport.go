package discv5

import (
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
)

// lookupDistances is how many distances a lookup asks a node for.
const lookupDistances = 3

// Distances returns what to ask a node for to find nodes close to a target: the
// target's distance, and those next to it, the farther ones first as they hold more
// nodes (discv5-theory.md, "Lookup Protocol").
func Distances(n, target enode.ID) []uint16 {
	d := enode.LogDist(n, target)
	list := append(make([]uint16, 0, lookupDistances), uint16(d))
	for i := 1; len(list) < lookupDistances; i++ {
		if d+i <= maxDistance {
			list = append(list, uint16(d+i))
		}
		if d-i > 0 && len(list) < lookupDistances {
			list = append(list, uint16(d-i))
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
