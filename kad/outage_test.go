package kad

import (
	"fmt"
	"testing"
	"time"

	"github.com/kithnet/kith/enode"
)

// TestNetworkGoesAndComesBack: after five minutes without any network, the table
// recovers within a minute: in networks of any size, with bootnodes and seeds or
// without, and whatever the user does meanwhile.
func TestNetworkGoesAndComesBack(t *testing.T) {
	for _, size := range []int{1, 2, 10, 40, 300} {
		for _, bootnode := range []string{"up", "gone"} {
			for _, walking := range []bool{false, true} {
				name := fmt.Sprintf("%d nodes, bootnode %s, walking %v", size, bootnode, walking)
				t.Run(name, func(t *testing.T) {
					for seed := range uint64(2) {
						w := newWorld(t, seed)
						w.check = size < 40
						w.join(size, time.Hour)
						if bootnode == "gone" {
							w.t.cfg.Bootnodes = nil
						}
						outage(t, w, walking)
					}
				})
			}
		}
	}
}

func outage(t *testing.T, w *world, walking bool) {
	t.Helper()
	before := w.t.Live()
	if walking {
		w.walk()
	}
	w.away = true
	w.runFor(5 * time.Minute)
	during := w.t.Live()
	w.away = false
	w.runFor(time.Minute)
	if alive := w.aliveEntries(); alive*10 < before*9 || alive != w.t.Live() {
		t.Errorf("%d entries before, %d after five minutes without network, %d a minute later, %d of these alive",
			before, during, w.t.Live(), alive)
	}
}

// walk looks up random targets, one after the other, as a Server in search of
// peers does.
func (w *world) walk() {
	_, err := w.t.Lookup(w.t.RandomTarget(), LookupOptions{}, func([]*enode.Node) {
		w.after(time.Second, w.walk)
	})
	if err != nil {
		w.tb.Error(err)
	}
}

// TestEverybodyElseIsReplaced: all nodes of a table go for good, and others are
// there that only the bootnode knows.
func TestEverybodyElseIsReplaced(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, seed)
		w.check = false
		w.join(100, 3*time.Hour)
		for _, p := range w.order {
			p.dead = true
		}
		w.populate(100, 0)
		w.t.cfg.Bootnodes = []*enode.Node{w.order[100].node}
		w.runFor(5 * time.Minute)
		if alive := w.aliveEntries(); alive < 16 {
			t.Errorf("seed %d: %d entries, %d of them alive, after five minutes", seed, w.t.Live(), alive)
		}
	}
}

// TestChurn: nodes come and go all the time, and the table keeps up.
func TestChurn(t *testing.T) {
	w := newWorld(t, 1)
	w.check = false
	w.populate(200, 50)
	w.t.cfg.Bootnodes = []*enode.Node{w.order[0].node}
	w.order[0].dead = false
	w.start()
	w.runFor(10 * time.Minute)
	for range 60 { // every node is there half of the time, for an hour at once
		for range 4 {
			p := w.order[1+w.rng.IntN(len(w.order)-1)]
			p.dead = !p.dead
			if !p.dead {
				w.live(p.node) // it pings whom it knew
			}
		}
		w.runFor(time.Minute)
	}
	alive := w.aliveEntries()
	if alive < 30 || alive*100 < w.t.Live()*80 {
		t.Errorf("%d entries, %d of them alive", w.t.Live(), alive)
	}
}
