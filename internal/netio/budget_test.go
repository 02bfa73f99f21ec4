//go:build !race

// The race detector makes sync.Pool forget at random, so that allocations can
// only be counted without it.

package netio

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/kithnet/kith/internal/bufpool"
)

func TestBatchesDoNotAllocate(t *testing.T) {
	for _, kind := range []string{"system", "plain"} {
		for _, at := range []netip.AddrPort{anyV4, anyV6} {
			open := kinds[kind](t)
			a, b := open(at), open(at)
			defer a.Close()
			defer b.Close()
			out := make([]Packet, 16)
			for i := range out {
				out[i] = Packet{Data: make([]byte, 200), Addr: b.LocalAddr()}
			}
			allocs := testing.AllocsPerRun(200, func() {
				mustWrite(t, a, out...)
				drain(t, b, len(out))
			})
			if allocs != 0 {
				t.Errorf("%s %v: %v allocations for a batch written and read", kind, at, allocs)
			}
		}
	}
}

// TestLentReaderHoldsNone: who waits on TCP holds no buffer, and to read takes no memory.
func TestLentReaderHoldsNone(t *testing.T) {
	pair := lentPairs(t)["tcp"]
	r := NewLentReader(pair[1])
	hello := []byte("hello")
	once := func() {
		pair[0].Write(hello)
		b, err := r.ReadLent(1 << 10)
		if err != nil || string(*b) != "hello" {
			t.Fatal(b, err)
		}
		bufpool.Give(b)
	}
	got := testing.AllocsPerRun(100, once)
	for range 4 { // the collector may empty a pool meanwhile
		got = min(got, testing.AllocsPerRun(100, once))
	}
	if got > 0 {
		t.Errorf("%v allocations a read", got)
	}
	if runtime.GOOS != "windows" && r.raw == nil {
		t.Error("it waits with a buffer")
	}
	pair[0].Close()
	pair[1].Close()
}
