//go:build !purego

package keccakf

import "golang.org/x/sys/cpu"

// hasVL says that the processor has, and the system keeps, the registers and
// instructions that permuteVL uses.
var hasVL = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL

// permuteVL permutes a n times, n at least 1, and adds the next Rate bytes at p to it
// before each, unless p is nil.
//
//go:noescape
func permuteVL(a *[25]uint64, p *byte, n int)

// Permute is Keccak-f[1600] over a.
func Permute(a *[25]uint64) {
	if hasVL {
		permuteVL(a, nil, 1)
		return
	}
	permuteLanes(a)
}

// Absorb adds whole blocks of Rate bytes to a and permutes it after each. It returns
// the bytes that are less than a block.
func Absorb(a *[25]uint64, p []byte) []byte {
	if !hasVL {
		return absorbLanes(a, p)
	}
	if n := len(p) / Rate; n > 0 {
		permuteVL(a, &p[0], n)
		p = p[n*Rate:]
	}
	return p
}
