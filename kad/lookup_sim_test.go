package kad

import (
	"fmt"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// TestLookupAccuracy looks up random targets in networks with realistic tables,
// from a table that began with one bootnode, and compares with the truth.
func TestLookupAccuracy(t *testing.T) {
	tests := []struct {
		nodes, seeds, deadPercent int
		accuracy                  float64 // share of the true 16 closest that is found
	}{
		{50, 6, 0, 0.99},
		{500, 4, 0, 0.99},
		{2000, 2, 0, 0.99},
		// The others' tables are full of the dead here, and so are their answers
		// of 16: the farthest of the 16 closest alive are named by few.
		{50, 6, 10, 0.97},
		{500, 4, 10, 0.97},
		{2000, 2, 10, 0.97},
	}
	const lookups = 20
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d nodes, %d%% dead", test.nodes, test.deadPercent), func(t *testing.T) {
			right, want := 0, 0
			for seed := range uint64(test.seeds) {
				w := newWorld(t, seed)
				w.check = false
				w.populate(test.nodes, test.deadPercent)
				w.order[0].dead = false
				w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
				w.start()
				w.runFor(time.Minute)
				for range lookups {
					r, n := accuracy(t, w)
					right, want = right+r, want+n
				}
			}
			if share := float64(right) / float64(want); share < test.accuracy {
				t.Errorf("%.4f of the closest were found, want %.2f", share, test.accuracy)
			}
		})
	}
}

// accuracy runs a lookup and returns how many of the truly closest it found.
func accuracy(t *testing.T, w *world) (right, want int) {
	t.Helper()
	target := w.t.RandomTarget()
	start := w.now
	found, hops := w.lookup(target, LookupOptions{})
	if len(hops) > maxQueries {
		t.Errorf("%d queries", len(hops))
	}
	for i := 1; i < len(found); i++ {
		if enode.DistCmp(target.ID, found[i-1].ID(), found[i].ID()) >= 0 {
			t.Fatal("results are out of order, or double")
		}
	}
	// The last of the closest may be dead, and is waited for; but the dead may
	// not be waited for one after the other.
	if took := w.now.Sub(start); took > 2*w.timeout {
		t.Errorf("took %v", took)
	}
	truth := trueClosest(w.alive(), target.ID)
	for _, n := range truth {
		right += count(found, n)
	}
	return right, len(truth)
}

// TestLookupOfOwnNeighbours: the own ID's surroundings are known best.
func TestLookupOfOwnNeighbours(t *testing.T) {
	w := newWorld(t, 77)
	w.join(500, time.Minute)
	for _, n := range trueClosest(w.alive(), w.t.cfg.Self) {
		if !w.isLive(n) {
			t.Errorf("one of the 16 closest, at distance %d, is no entry", enode.LogDist(w.t.cfg.Self, n.ID()))
		}
	}
}
