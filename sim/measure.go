package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kithnet/kith/discv4"
	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// up returns the hosts that run.
func (w *World) up() []*Host {
	return slices.DeleteFunc(slices.Clone(w.hosts), func(h *Host) bool { return h.machine == nil })
}

// maxSample bounds the hosts whose tables Filled looks at: each costs a pass over all.
const maxSample = 200

// Filled returns which share of the places that the median host's table could have
// taken is taken by hosts that are up.
func (w *World) Filled() float64 {
	up := w.up()
	if len(up) < 2 {
		return 0
	}
	step := max(1, len(up)/maxSample)
	var fills []float64
	for i := 0; i < len(up); i += step {
		fills = append(fills, filled(up[i], up))
	}
	slices.Sort(fills)
	return fills[len(fills)/2]
}

func filled(h *Host, up []*Host) float64 {
	const nearest = 257 - kad.NumBuckets
	var at [257]int
	for _, o := range up {
		if o != h {
			at[max(nearest, enode.LogDist(h.node.ID(), o.node.ID()))]++
		}
	}
	possible := 0
	for _, n := range at {
		possible += min(n, kad.BucketSize)
	}
	have := 0
	for _, b := range h.machine.Table().Buckets() {
		for _, n := range b.Entries {
			if o := h.world.hostAt(n.Node); o != nil && o.machine != nil {
				have++
			}
		}
	}
	return float64(have) / float64(possible)
}

// Lookup is how one came out.
type Lookup struct {
	Took     time.Duration
	Found    int
	Right    int // of the nodes found, those that are among the nearest that are up
	Possible int
}

// lookupTime bounds the wait for lookups.
const lookupTime = time.Minute

// Lookups has random hosts look random targets up, all at once, and runs the World
// until they are done, for a minute at most. The error is Run's.
func (w *World) Lookups(rng *rand.Rand, n int) (done []Lookup, err error) {
	up := w.up()
	var ended atomic.Int32 // hosts of different workers may end theirs at once
	done = make([]Lookup, n)
	for i := range done {
		h := up[rng.IntN(len(up))]
		var key secp.PublicKey
		for j := range key {
			key[j] = byte(rng.Uint32())
		}
		target := kad.TargetOf(key)
		begin := w.now
		w.Do(h, func(m *discv4.Machine) {
			m.Table().Lookup(target, kad.LookupOptions{}, func(nodes []*enode.Node) {
				right, possible := w.right(h, target.ID, nodes)
				done[i] = Lookup{Took: time.Duration(h.at - begin), Found: len(nodes), Right: right, Possible: possible}
				ended.Add(1)
			})
		})
	}
	for waited := time.Duration(0); int(ended.Load()) < n && waited < lookupTime && err == nil; waited += 100 * time.Millisecond {
		err = w.Run(100 * time.Millisecond)
	}
	return done, err
}

// right compares what a lookup found with the hosts that are nearest and up.
func (w *World) right(h *Host, target enode.ID, nodes []*enode.Node) (right, possible int) {
	var nearest []enode.ID
	for _, o := range w.hosts {
		if o == h || o.machine == nil {
			continue
		}
		id := o.node.ID()
		i, _ := slices.BinarySearchFunc(nearest, id, func(a, b enode.ID) int {
			return cmp.Or(enode.DistCmp(target, a, b), a.Compare(b))
		})
		if i < kad.BucketSize {
			nearest = slices.Insert(nearest, i, id)
			nearest = nearest[:min(len(nearest), kad.BucketSize)]
		}
	}
	for _, n := range nodes {
		if slices.Contains(nearest, n.ID()) {
			right++
		}
	}
	return right, len(nearest)
}
