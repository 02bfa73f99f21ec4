package wait

import "testing"

// TestLoss: the estimate is near what is lost after a hundred answers, and near nothing
// soon after nothing is lost any more.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		every    int // one in so many is lost; 0: none
		low, top float64
	}{{0, 0, 0}, {100, 0, 0.03}, {25, 0.01, 0.06}, {6, 0.1, 0.2}, {2, 0.35, 0.51}} {
		var l Loss
		for i := range 1000 {
			l.Observe(c.every > 0 && i%c.every == 0)
			if s := l.Share(); i >= 100 && (s < c.low || s > c.top) {
				t.Fatalf("one in %d lost: %.3f after %d answers, want %v to %v", c.every, s, i, c.low, c.top)
			}
		}
		for range 150 {
			l.Observe(false)
		}
		if s := l.Share(); s > 0.06 {
			t.Errorf("one in %d was lost: %.3f when none is", c.every, s)
		}
	}
}
