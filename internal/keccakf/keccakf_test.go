package keccakf

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPermute holds the permutation that this processor is given, and the blocks that
// go with it, against the one that every processor can do.
func TestPermute(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 0))
	var got, want [25]uint64
	for range 1000 {
		for i := range want {
			want[i] = r.Uint64() << r.UintN(65)
		}
		got = want
		Permute(&got)
		permuteLanes(&want)
		if got != want {
			t.Fatalf("%x, want %x", got, want)
		}
		in := make([]byte, r.IntN(5*Rate))
		for i := range in {
			in[i] = byte(r.Uint32())
		}
		rest, left := Absorb(&got, in), absorbLanes(&want, in)
		if got != want || !slices.Equal(rest, left) || len(rest) != len(in)%Rate {
			t.Fatalf("%d bytes: %x, want %x", len(in), got, want)
		}
	}
}
