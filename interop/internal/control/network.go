package control

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"
)

// Both implementations keep a table of 17 buckets of up to 16 nodes: one bucket
// for each of the log distances 241 to 256, and one for all that are nearer.
const (
	Buckets     = 17
	BucketSize  = 16
	nearestDist = 256 - Buckets + 1
)

// fillPoll is how often a waiting OpFill looks. Looking costs the nodes a few
// microseconds each; a tenth of a second is a small part of the seconds measured.
const fillPoll = 100 * time.Millisecond

// meetAfter is how long a node is left alone before it meets another: its first search
// for others ends without any.
const meetAfter = 10 * time.Millisecond

// network is a set of nodes or Servers in this process that know one bootnode.
type network struct {
	impl    Implementation
	started time.Time
	nodes   []Node
	ids     [][32]byte
	servers []*server

	listener net.Listener // of pipes; opened for the first
}

// start starts count nodes that speak V4 or V5, the first of which is the bootnode of
// the others.
func (w *network) start(version, count int) error {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	w.started = time.Now()
	nodes, err := startAll(count, func(boot []string) (Node, error) { return w.impl.Start(version, loopback, boot) })
	for _, n := range nodes {
		w.nodes, w.ids = append(w.nodes, n), append(w.ids, n.ID())
	}
	return err
}

// meet starts a node, and measures its first PING to each of count others, which are
// there one at a time: nodes that stay would go on to meet each other.
func (w *network) meet(version, count int) (c Cost, err error) {
	if count < 1 {
		return c, fmt.Errorf("control: asked to meet %d nodes", count)
	}
	first, err := w.startAlone(version)
	if err != nil {
		return c, err
	}
	defer first.Close()
	took := make([]time.Duration, 0, count)
	for range count {
		n, err := w.startAlone(version)
		if err != nil {
			return c, err
		}
		begin := time.Now()
		err = first.Ping(n.URL())
		took = append(took, time.Since(begin))
		n.Close()
		if err != nil {
			return c, fmt.Errorf("control: PING: %w", err)
		}
	}
	slices.Sort(took)
	c.Wall = took[len(took)/2]
	return c, nil
}

// startAlone starts a node that knows nobody, and gives it time to find that out.
func (w *network) startAlone(version int) (Node, error) {
	n, err := w.impl.Start(version, netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil)
	if err != nil {
		return nil, fmt.Errorf("control: node: %w", err)
	}
	time.Sleep(meetAfter)
	return n, nil
}

// located is what can be reached at an enode URL.
type located interface{ URL() string }

// startAll starts count nodes, the first of which is the bootnode of the others. It
// returns those that were started before an error too.
func startAll[N located](count int, start func(boot []string) (N, error)) (all []N, err error) {
	if count < 1 {
		return nil, fmt.Errorf("control: asked to start %d nodes", count)
	}
	var boot []string
	for range count {
		n, err := start(boot)
		if err != nil {
			return all, fmt.Errorf("control: node %d: %w", len(all), err)
		}
		all = append(all, n)
		if boot == nil {
			boot = []string{n.URL()}
		}
	}
	return all, nil
}

func urls[N located](nodes []N) []string {
	list := make([]string, len(nodes))
	for i, n := range nodes {
		list[i] = n.URL()
	}
	return list
}

// awaitFill waits until the median node's table is filled to fraction.
func (w *network) awaitFill(fraction float64, limit time.Duration) Fill {
	possible := make([]int, len(w.nodes))
	for i := range w.nodes {
		possible[i] = w.possible(i)
	}
	fills := make([]float64, len(w.nodes))
	for {
		f := Fill{After: time.Since(w.started)}
		for i, n := range w.nodes {
			var have int
			for _, entries := range n.Buckets() {
				have += entries
			}
			fills[i] = float64(have) / float64(max(possible[i], 1))
			f.Entries += float64(have) / float64(len(w.nodes))
			f.Possible += float64(possible[i]) / float64(len(w.nodes))
		}
		slices.Sort(fills)
		f.Median = fills[len(fills)/2]
		if f.Median >= fraction || f.After >= limit {
			return f
		}
		time.Sleep(fillPoll)
	}
}

// possible returns how many entries the table of node i would have if it knew
// every other node: of each bucket's candidates, as many as fit.
func (w *network) possible(i int) int {
	var candidates [Buckets]int
	for j, id := range w.ids {
		if j != i {
			candidates[bucketOf(w.ids[i], id)]++
		}
	}
	var sum int
	for _, n := range candidates {
		sum += min(n, BucketSize)
	}
	return sum
}

// bucketOf returns the index of the bucket in self's table that id belongs to.
func bucketOf(self, id [32]byte) int {
	for i := range self {
		if x := self[i] ^ id[i]; x != 0 {
			dist := 256 - 8*i - bits.LeadingZeros8(x)
			return max(dist-nearestDist, 0)
		}
	}
	return 0
}

// lookup lets a random node look for a random target.
func (w *network) lookup() (Lookup, error) {
	key, err := w.impl.RandomKey()
	if err != nil {
		return Lookup{}, err
	}
	n := rand.IntN(len(w.nodes))
	begin := time.Now()
	found, err := w.nodes[n].Lookup(key)
	if err != nil {
		return Lookup{}, fmt.Errorf("control: lookup by node %d: %w", n, err)
	}
	l := Lookup{Took: time.Since(begin)}
	want := w.nearest(w.impl.IDOf(key), n)
	l.Possible = len(want)
	for _, id := range want {
		if slices.Contains(found, id) {
			l.Right++
		}
	}
	return l, nil
}

// nearest returns the identifiers of the 16 nodes nearest to target, node i left out.
func (w *network) nearest(target [32]byte, i int) [][32]byte {
	ids := slices.Delete(slices.Clone(w.ids), i, i+1)
	slices.SortFunc(ids, func(a, b [32]byte) int {
		for i := range target {
			a[i] ^= target[i]
			b[i] ^= target[i]
		}
		return bytes.Compare(a[:], b[:])
	})
	return ids[:min(len(ids), BucketSize)]
}

func (w *network) close() {
	for _, n := range w.nodes {
		n.Close()
	}
	w.closeServers()
	if w.listener != nil {
		w.listener.Close()
	}
}
