package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kithnet/kith/enode"
	"github.com/kithnet/kith/kad"
	"github.com/kithnet/kith/secp"
)

// Lookup is how one came out.
type Lookup struct {
	From   *Host
	Target enode.ID
	Begun  time.Duration
	Took   time.Duration
	Ended  bool
	Void   bool // its host went down, or had too many under way: it says nothing
	Found  int
	Right  int // of the nodes found, those that are among the nearest that could be found
	// Possible is how many those are, of the hosts that speak what the asker speaks, less
	// those found that are nearer but don't count.
	Possible int
	// Hops is how many nodes were asked one after the other to get to the nearest
	// node found, itself included: the length of the path, as the literature on
	// Kademlia counts. Deepest is the same of that node found which took most.
	Hops, Deepest   int
	Queries, Failed int // nodes asked, and those that did not answer
	Nodes           []*enode.Node
	Steps           []LookupStep // if they were asked for

	depths map[enode.ID]int
	life   uint64
	judged bool
}

// LookupStep is a query of a lookup.
type LookupStep struct {
	kad.Hop
	At time.Duration // since the lookup began
}

// Batch is lookups that run.
type Batch struct {
	List  []Lookup
	meter *Meter
}

// RandomTarget draws a target evenly from the ID space.
func RandomTarget(rng *rand.Rand) kad.Target {
	var key secp.PublicKey
	for i := range key {
		key[i] = byte(rng.Uint32())
	}
	return kad.TargetOf(key)
}

// Begin has n random hosts look random targets up, with their steps kept if steps says
// so; hosts, if any are given, are those to choose from, which must be up. It is of those
// methods that change what happens, though not what others draw.
func (m *Meter) Begin(rng *rand.Rand, n int, steps bool, hosts ...*Host) *Batch {
	b := &Batch{List: make([]Lookup, n), meter: m}
	up := hosts
	if len(up) == 0 {
		up = m.world.up()
	}
	for i := range b.List {
		l := &b.List[i]
		l.Ended, l.Void, l.judged = true, true, true
		if len(up) == 0 {
			continue
		}
		h := up[rng.IntN(len(up))]
		l.begin(h, RandomTarget(rng), steps)
	}
	return b
}

func (l *Lookup) begin(h *Host, target kad.Target, steps bool) {
	w := h.world
	*l = Lookup{From: h, Target: target.ID, Begun: w.Now(), depths: make(map[enode.ID]int), life: h.life}
	since := func() time.Duration { return time.Duration(h.at) - l.Begun }
	trace := func(hop kad.Hop) {
		l.Queries++
		if hop.Err != nil {
			l.Failed++
		} else {
			l.depths[hop.Node.ID()] = hop.Depth
		}
		if steps {
			l.Steps = append(l.Steps, LookupStep{hop, since()})
		}
	}
	w.ask(h, func(t *kad.Table) {
		_, err := t.Lookup(target, kad.LookupOptions{Trace: trace}, func(nodes []*enode.Node) {
			l.Ended, l.Took, l.Nodes, l.Found = true, since(), slices.Clone(nodes), len(nodes)
		})
		if err != nil {
			l.Ended, l.Void, l.judged = true, true, true
		}
	})
}

// Judge compares the lookups that have ended since it was called last with what could
// be found by now, and returns how many go on. It is called between two calls of Run;
// the Meter must have been updated.
func (b *Batch) Judge() (open int) {
	for i := range b.List {
		l := &b.List[i]
		switch {
		case l.judged:
			continue
		case !l.From.up || l.From.life != l.life:
			l.Ended, l.Void = true, true
		case !l.Ended:
			open++
			continue
		default:
			l.judge(b.meter)
		}
		l.judged, l.depths = true, nil
	}
	return open
}

// judge says how good a lookup was.
func (l *Lookup) judge(m *Meter) {
	h, w := l.From, m.world
	nearest := m.Closest(l.Target, kad.BucketSize, h.speaks, func(o *Host) bool { return o != h && !w.apart(h, o) })
	l.Possible = len(nearest)
	for i, n := range l.Nodes {
		depth := l.depths[n.ID()] + 1
		if i == 0 {
			l.Hops = depth
		}
		l.Deepest = max(l.Deepest, depth)
		o := w.HostOf(n)
		switch {
		case o == nil:
		case slices.Contains(nearest, o):
			l.Right++
		case o.up && len(nearest) > 0 && enode.DistCmp(l.Target, n.ID(), nearest[len(nearest)-1].node.ID()) < 0:
			// Behind a NAT that let this one in, or an adversary's: it is that near,
			// and has taken the place of one that counts.
			l.Possible--
		}
	}
	l.Possible = max(l.Possible, l.Right)
}

// lookupTime bounds the wait for lookups, and lookupStep is how exactly hosts are known
// that were up when one ended.
const (
	lookupTime = time.Minute
	lookupStep = 100 * time.Millisecond
)

// Lookups has random hosts look random targets up, all at once, and runs the World
// until they are done, for a minute at most. The error is Run's.
func (w *World) Lookups(rng *rand.Rand, n int) ([]Lookup, error) {
	m := NewMeter(w)
	b := m.Begin(rng, n, false)
	var err error
	for waited := time.Duration(0); waited < lookupTime && err == nil; waited += lookupStep {
		m.Update()
		if b.Judge() == 0 {
			break
		}
		err = w.Run(lookupStep)
	}
	return b.List, err
}

// LookUp has a host look a target up, and calls done in its turn with what it found. It
// reports whether the host could begin.
func (w *World) LookUp(h *Host, target kad.Target, done func([]*enode.Node)) (begun bool) {
	w.ask(h, func(t *kad.Table) {
		_, err := t.Lookup(target, kad.LookupOptions{}, done)
		begun = err == nil
	})
	return begun
}
