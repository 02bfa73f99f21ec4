package kad

import (
	"slices"
	"testing"

	"github.com/kithnet/kith/enode"
)

func TestBucketsByDistance(t *testing.T) {
	w := newWorld(t, 1)
	self := w.t.cfg.Self
	for range 8 {
		for own := range 257 {
			target := flip(w, self, own)
			order := w.t.bucketsByDistance(target)
			var nodes []enode.ID // one of each bucket, in that order
			for _, i := range order {
				d := 240 + int(i)
				if i == 0 {
					d = w.rng.IntN(241)
				}
				nodes = append(nodes, flip(w, self, d))
			}
			sorted := slices.IsSortedFunc(nodes, func(a, b enode.ID) int { return enode.DistCmp(target, a, b) })
			if !sorted {
				t.Fatalf("target at distance %d: order %v is wrong", own, order)
			}
		}
	}
}

func TestClosest(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		w.start()
		var live []*enode.Node
		for i := range 300 {
			n := w.newNode(publicIP(i))
			w.t.AddLive(n, V4)
			if w.isLive(n) {
				live = append(live, n)
			}
		}
		odd := func(n *enode.Node) bool { return n.ID()[31]&1 == 1 }
		before := []*enode.Node{w.newNode(publicIP(1))}
		for i := range 100 {
			target := w.t.RandomTarget().ID
			switch {
			case i%3 == 0:
				target = flip(w, w.t.cfg.Self, w.rng.IntN(257))
			case i%3 == 1:
				target = live[w.rng.IntN(len(live))].ID()
			}
			for _, k := range []int{-1, 0, 1, 3, BucketSize} {
				want := trueClosest(live, target)
				want = want[:min(len(want), max(k, 0))]
				if got := w.t.Closest(nil, target, k, 0, nil); !slices.Equal(got, want) {
					t.Fatalf("the closest %d are wrong", k)
				}
			}
			kept := trueClosest(slices.DeleteFunc(slices.Clone(live), func(n *enode.Node) bool { return !odd(n) }), target)
			got := w.t.Closest(slices.Clone(before), target, BucketSize, 0, odd)
			if got[0] != before[0] || !slices.Equal(got[1:], kept) {
				t.Fatal("with a condition, or appended, the closest are wrong")
			}
		}
		if all := w.t.Closest(nil, w.t.cfg.Self, 1000, 0, nil); len(all) != len(live) {
			t.Fatalf("asked for all %d entries, got %d", len(live), len(all))
		}
	}
}
