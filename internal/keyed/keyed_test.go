package keyed

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestSpread: neighbours in any of the inputs, and seeds, make other hashes, evenly
// spread over a table's places.
func TestSpread(t *testing.T) {
	const places, n = 64, 64 * 256
	count := make(map[string]*[places]int)
	put := func(name string, h uint64) {
		if count[name] == nil {
			count[name] = new([places]int)
		}
		count[name][h%places]++
	}
	b := make([]byte, 37)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for i := range uint32(n) {
		a4 := netip.AddrFrom4([4]byte{5, byte(i >> 8), byte(i), 1})
		a6 := netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 8), byte(i)})
		put("IPv4", Addr(7, a4, 0))
		put("IPv6", Addr(7, a6, 0))
		put("number", Addr(7, netip.AddrFrom4([4]byte{5, 1, 1, 1}), uint64(i)))
		put("seed", Addr(uint64(i)*0x9e3779b97f4a7c15, a6, 0))
		b[i%37]++
		put("bytes", Bytes(7, b))
		put("short", Bytes(7, []byte{byte(i >> 8), byte(i)}))
	}
	for name, c := range count {
		for place, got := range c {
			if got < n/places/2 || got > n/places*2 {
				t.Errorf("%s: place %d has %d of %d, want about %d", name, place, got, n, n/places)
			}
		}
	}
}

// TestEveryByteCounts: a change of any one byte changes the hash, and so does a length.
func TestEveryByteCounts(t *testing.T) {
	seen := make(map[uint64]bool)
	for size := range 70 {
		b := make([]byte, size)
		seen[Bytes(3, b)] = true
		for i := range b {
			b[i] = 1
			seen[Bytes(3, b)] = true
			b[i] = 0
		}
	}
	if want := 70 + 70*69/2; len(seen) != want {
		t.Errorf("%d different hashes of %d different inputs", len(seen), want)
	}
}

func BenchmarkBytes(b *testing.B) {
	data := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		Bytes(1, data)
	}
}
