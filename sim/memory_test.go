//go:build !race

// The race detector's heap is another.

package sim

import (
	"runtime"
	"testing"
	"time"
)

// TestNodeMemory: among a thousand a node takes at most 25 KB of heap beyond what all
// share: the code's own tables, and the packets that a worker keeps for use again.
func TestNodeMemory(t *testing.T) {
	const nodes, most = 1000, 25_000
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what the first has found dead is swept by then
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	w := New(Config{Seed: 1, Link: Link{Latency: 50 * time.Millisecond}})
	grow(t, w, 1)
	before := heap()
	for range nodes - 1 {
		grow(t, w, 1)
		run(t, w, 10*time.Millisecond)
	}
	run(t, w, time.Minute)
	for _, k := range w.workers {
		k.free, k.free5, k.dates.free, k.dates.spare = nil, nil, nil, 0
	}
	if n := (heap() - before) / nodes; n > most {
		t.Errorf("a node takes %d bytes, want at most %d", n, most)
	} else {
		t.Logf("a node takes %d bytes", n)
	}
	runtime.KeepAlive(w)
}
