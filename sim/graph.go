package sim

import "github.com/kithnet/kith/kad"

// Graph is who is connected to whom.
type Graph struct {
	Hosts      int
	Edges      int
	Components int
	Largest    float64 // share of hosts in the largest one
	Degrees    []int   // of each host
	// Diameter is the greatest distance found by going from one host to the farthest
	// and from there again: the longest of all shortest ways is at least that long,
	// and seldom longer.
	Diameter int
}

// PeerGraph is that of connections between the hosts that are up and have a Server,
// without agents.
func (w *World) PeerGraph() Graph {
	in := func(h *Host) bool { return h.server != nil && h.m.Table != nil }
	return w.graph(in, func(h *Host, f func(*Host)) {
		for _, c := range h.server.conns {
			if c.stage == connected && in(c.other) {
				f(c.other)
			}
		}
	})
}

// TableGraph is that of the entries that are up and in reach in the tables of others. A
// host that knows another is connected to it, whether that knows it or not.
func (w *World) TableGraph() Graph {
	return w.graph(func(h *Host) bool { return h.m.Table != nil }, func(h *Host, f func(*Host)) {
		h.m.Table.Visit(kad.Entries, func(_ int, _ bool, n kad.NodeInfo) bool {
			if o := w.HostOf(n.Node); o != nil && o.m.Table != nil && !w.apart(h, o) {
				f(o)
			}
			return true
		})
	})
}

func (w *World) graph(in func(*Host) bool, each func(h *Host, f func(*Host))) (g Graph) {
	next := make([][]int32, len(w.hosts))
	for _, h := range w.hosts {
		if !in(h) {
			continue
		}
		g.Hosts++
		each(h, func(o *Host) {
			next[h.index] = append(next[h.index], o.index)
			next[o.index] = append(next[o.index], h.index)
		})
	}
	walk := tour{next: next, steps: make([]int32, len(next))}
	largest, far := 0, int32(-1)
	for _, h := range w.hosts {
		if !in(h) {
			continue
		}
		n := walk.degree(h.index)
		g.Degrees = append(g.Degrees, n)
		g.Edges += n
		if walk.steps[h.index] > 0 { // of a component that was counted
			continue
		}
		reached := walk.from(h.index)
		g.Components++
		if len(reached) > largest {
			largest, far = len(reached), reached[len(reached)-1]
		}
	}
	g.Edges /= 2
	if g.Hosts > 0 {
		g.Largest = float64(largest) / float64(g.Hosts)
	}
	if far >= 0 {
		clear(walk.steps)
		reached := walk.from(far)
		g.Diameter = int(walk.steps[reached[len(reached)-1]]) - 1
	}
	return g
}

// tour finds all that is connected.
type tour struct {
	next  [][]int32
	steps []int32 // 0: not reached; else one more than the distance
}

// degree counts a host's neighbours, each once.
func (k *tour) degree(i int32) (n int) {
	for _, j := range k.next[i] {
		if j != i && k.steps[j] >= 0 {
			k.steps[j] = -1 - k.steps[j]
			n++
		}
	}
	for _, j := range k.next[i] {
		if k.steps[j] < 0 {
			k.steps[j] = -1 - k.steps[j]
		}
	}
	return n
}

// from returns what can be reached from a host and was not before, the nearest first.
func (k *tour) from(i int32) (list []int32) {
	k.steps[i] = 1
	list = append(list, i)
	for at := 0; at < len(list); at++ {
		for _, j := range k.next[list[at]] {
			if k.steps[j] == 0 {
				k.steps[j] = k.steps[list[at]] + 1
				list = append(list, j)
			}
		}
	}
	return list
}
