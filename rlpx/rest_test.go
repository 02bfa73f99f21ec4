package rlpx

import (
	"sync"
	"testing"
	"unsafe"
)

// TestRest: a connection that has rested goes on where it was, each direction by
// itself; one that was in use since the last call does not rest.
func TestRest(t *testing.T) {
	a, b := openTCP(t)
	for round := range 5 {
		for i, size := range []int{0, 64, 1000, 70_000} {
			transfer(t, a, b, uint64(16+i), noise(size))
			if round%2 == 0 {
				transfer(t, b, a, uint64(16+i), noise(size))
			}
		}
		for call := range 2 {
			a.Rest()
			b.Rest()
			if awake := a.framer.out.stream != nil; awake != (call == 0) {
				t.Fatalf("after %d calls: awake %v", call+1, awake)
			}
		}
		if a.framer.out.block != nil || b.framer.in.stream != nil || b.framer.in.block != nil {
			t.Fatal("something is kept")
		}
	}
}

// TestRestMeanwhile: Rest may come at any time.
func TestRestMeanwhile(t *testing.T) {
	a, b := openTCP(t)
	stop := make(chan struct{})
	var resting sync.WaitGroup
	for _, c := range []*Conn{a, b} {
		resting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c.Rest()
				}
			}
		})
	}
	for i := range 300 {
		transfer(t, a, b, uint64(16+i), noise(i))
		transfer(t, b, a, uint64(16+i), noise(3*i))
	}
	close(stop)
	resting.Wait()
}

// TestRestMemory: at rest a Framer has its keys, its hashes and nothing else. To go on
// takes two ciphers and a stream for each direction, which is what a message after a pause costs.
func TestRestMemory(t *testing.T) {
	from, to := memPair(t)
	content := noise(64)
	got := testing.AllocsPerRun(100, func() {
		for range 2 {
			from.Rest()
			to.Rest()
		}
		if err := from.WriteMsg(16, content); err != nil {
			t.Fatal(err)
		}
		if _, _, err := to.ReadMsg(); err != nil {
			t.Fatal(err)
		}
	})
	if want := 8.0; got > want && !raceEnabled {
		t.Errorf("%v allocations for a message between two that rested, want %v", got, want)
	}
}

// TestSizes: what each connection has.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(Conn{}); got > 256 {
		t.Errorf("a Conn takes %d bytes", got)
	}
	if got := unsafe.Sizeof(Framer{}); got > 640 {
		t.Errorf("a Framer takes %d bytes", got)
	}
}
