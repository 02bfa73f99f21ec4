package kad

import (
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// fullTable returns a table as full as one gets in a large network: 16 entries
// and ten replacements in each of the farthest ten buckets.
func fullTable(tb testing.TB) *world {
	w := newWorld(tb, 1)
	w.check = false
	w.start()
	for bucket := NumBuckets - 10; bucket < NumBuckets; bucket++ {
		for range BucketSize + MaxReplacements {
			w.live(w.addIn(bucket).node)
		}
	}
	return w
}

func randomTargets(w *world) (targets [64]enode.ID) {
	for i := range targets {
		targets[i] = w.t.RandomTarget().ID
	}
	return targets
}

// TestBudgets: what happens with each packet that a node gets allocates nothing.
func TestBudgets(t *testing.T) {
	w := fullTable(t)
	targets := randomTargets(w)
	dst := make([]*enode.Node, 0, BucketSize)
	known := w.order[len(w.order)/2].node
	local := func(n *enode.Node) bool { return !enode.LocalAddr(n.IP()) }
	w.t.Announced(known.ID(), 5) // asked for once; the answer is awaited
	now, i := w.now, 0
	w.t.Advance(now)
	for name, f := range map[string]func(){
		"Closest":                   func() { dst = w.t.Closest(dst[:0], targets[i%64], BucketSize, 0, nil) },
		"Closest with a condition":  func() { dst = w.t.Closest(dst[:0], targets[i%64], BucketSize, V4, local) },
		"AtDistance":                func() { dst = w.t.AtDistance(dst[:0], 240+i%17, BucketSize, V4) },
		"Speaks":                    func() { w.t.Speaks(known.ID()) },
		"Untried":                   func() { w.t.Untried(5 * time.Second) },
		"AddLive of a known node":   func() { w.t.AddLive(known, V4) },
		"AddFound of a known node":  func() { w.t.AddFound(known) },
		"Announced of a known node": func() { w.t.Announced(known.ID(), 5) },
		"Advance with nothing due":  func() { w.t.Advance(now) },
		"NextWake":                  func() { w.t.NextWake() },
		"Stats":                     func() { w.t.Stats() },
		"Network":                   func() { enode.Network(known.IP()) },
	} {
		if n := testing.AllocsPerRun(200, func() { i++; f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkClosest(b *testing.B) {
	w := fullTable(b)
	targets := randomTargets(w)
	dst := make([]*enode.Node, 0, BucketSize)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = w.t.Closest(dst[:0], targets[i%64], BucketSize, 0, nil)
		i++
	}
}

func BenchmarkAddLiveKnown(b *testing.B) {
	w := fullTable(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.t.AddLive(w.order[i%len(w.order)].node, V4)
		i++
	}
}

// BenchmarkAddFoundFull offers unknown nodes to full buckets.
func BenchmarkAddFoundFull(b *testing.B) {
	w := fullTable(b)
	var nodes []*enode.Node
	for i := range 512 {
		nodes = append(nodes, w.newNode(publicIP(10_000+i)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.t.AddFound(nodes[i%len(nodes)])
		i++
	}
}

func BenchmarkAdvanceIdle(b *testing.B) {
	w := fullTable(b)
	b.ReportAllocs()
	for b.Loop() {
		w.t.Advance(w.now)
	}
}

// BenchmarkLookup is a whole lookup, the world's part of it kept small.
func BenchmarkLookup(b *testing.B) {
	w := fullTable(b)
	w.rtt = time.Millisecond
	target := w.t.RandomTarget()
	var all []*enode.Node
	for _, p := range w.order {
		all = append(all, p.node)
	}
	answer := trueClosest(all, target.ID)
	for _, p := range w.order {
		p.answer = func(enode.ID) []*enode.Node { return answer }
	}
	b.ReportAllocs()
	for b.Loop() {
		if found, _ := w.lookup(target, LookupOptions{}); len(found) != BucketSize {
			b.Fatalf("found %d", len(found))
		}
	}
}
