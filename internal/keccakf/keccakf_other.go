//go:build !amd64 || purego

package keccakf

// Permute is Keccak-f[1600] over a.
func Permute(a *[25]uint64) { permuteLanes(a) }

// Absorb adds whole blocks of Rate bytes to a and permutes it after each. It returns
// the bytes that are less than a block.
func Absorb(a *[25]uint64, p []byte) []byte { return absorbLanes(a, p) }
