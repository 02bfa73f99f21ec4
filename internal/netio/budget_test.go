//go:build !race

// The race detector makes sync.Pool forget at random, so that allocations can
// only be counted without it.

package netio

import (
	"net/netip"
	"testing"
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
