package keccakf

import (
	"encoding/binary"
	"math/bits"
)

// permuteLanes is Permute for every processor.
//
// In each round c are the column parities and d what they spread to the lanes
// (theta); b is a row after rotation and transposition (rho, pi), and the line that
// follows writes that row (chi, with iota in lane 0). Two rounds go from a to e and
// back, which saves copying the state.
//
// Six lanes are kept inverted throughout, so that most of chi's "not and" become a
// plain "and" or "or" (lane complementing: "Keccak implementation overview" 3.2,
// section 2.2). amd64 without extensions has no "not and"; there it takes a tenth
// off the time.
func permuteLanes(a *[25]uint64) {
	var c0, c1, c2, c3, c4, d0, d1, d2, d3, d4, b0, b1, b2, b3, b4, n uint64
	var e [25]uint64

	a[1], a[2], a[8], a[12], a[17], a[20] = ^a[1], ^a[2], ^a[8], ^a[12], ^a[17], ^a[20]
	for r := 0; r < 24; r += 2 {
		c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20]
		c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21]
		c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22]
		c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23]
		c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24]
		d0 = c4 ^ rol(c1, 1)
		d1 = c0 ^ rol(c2, 1)
		d2 = c1 ^ rol(c3, 1)
		d3 = c2 ^ rol(c4, 1)
		d4 = c3 ^ rol(c0, 1)
		b0, b1, b2, b3, b4 = a[0]^d0, rol(a[6]^d1, 44), rol(a[12]^d2, 43), rol(a[18]^d3, 21), rol(a[24]^d4, 14)
		e[0], e[1], e[2], e[3], e[4] = b0^(b1|b2)^roundConstants[r], b1^(^b2|b3), b2^(b3&b4), b3^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(a[3]^d3, 28), rol(a[9]^d4, 20), rol(a[10]^d0, 3), rol(a[16]^d1, 45), rol(a[22]^d2, 61)
		e[5], e[6], e[7], e[8], e[9] = b0^(b1|b2), b1^(b2&b3), b2^(b3|^b4), b3^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(a[1]^d1, 1), rol(a[7]^d2, 6), rol(a[13]^d3, 25), rol(a[19]^d4, 8), rol(a[20]^d0, 18)
		n = ^b3
		e[10], e[11], e[12], e[13], e[14] = b0^(b1|b2), b1^(b2&b3), b2^(n&b4), n^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(a[4]^d4, 27), rol(a[5]^d0, 36), rol(a[11]^d1, 10), rol(a[17]^d2, 15), rol(a[23]^d3, 56)
		n = ^b3
		e[15], e[16], e[17], e[18], e[19] = b0^(b1&b2), b1^(b2|b3), b2^(n|b4), n^(b4&b0), b4^(b0|b1)
		b0, b1, b2, b3, b4 = rol(a[2]^d2, 62), rol(a[8]^d3, 55), rol(a[14]^d4, 39), rol(a[15]^d0, 41), rol(a[21]^d1, 2)
		n = ^b1
		e[20], e[21], e[22], e[23], e[24] = b0^(n&b2), n^(b2|b3), b2^(b3&b4), b3^(b4|b0), b4^(b0&b1)

		c0 = e[0] ^ e[5] ^ e[10] ^ e[15] ^ e[20]
		c1 = e[1] ^ e[6] ^ e[11] ^ e[16] ^ e[21]
		c2 = e[2] ^ e[7] ^ e[12] ^ e[17] ^ e[22]
		c3 = e[3] ^ e[8] ^ e[13] ^ e[18] ^ e[23]
		c4 = e[4] ^ e[9] ^ e[14] ^ e[19] ^ e[24]
		d0 = c4 ^ rol(c1, 1)
		d1 = c0 ^ rol(c2, 1)
		d2 = c1 ^ rol(c3, 1)
		d3 = c2 ^ rol(c4, 1)
		d4 = c3 ^ rol(c0, 1)
		b0, b1, b2, b3, b4 = e[0]^d0, rol(e[6]^d1, 44), rol(e[12]^d2, 43), rol(e[18]^d3, 21), rol(e[24]^d4, 14)
		a[0], a[1], a[2], a[3], a[4] = b0^(b1|b2)^roundConstants[r+1], b1^(^b2|b3), b2^(b3&b4), b3^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(e[3]^d3, 28), rol(e[9]^d4, 20), rol(e[10]^d0, 3), rol(e[16]^d1, 45), rol(e[22]^d2, 61)
		a[5], a[6], a[7], a[8], a[9] = b0^(b1|b2), b1^(b2&b3), b2^(b3|^b4), b3^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(e[1]^d1, 1), rol(e[7]^d2, 6), rol(e[13]^d3, 25), rol(e[19]^d4, 8), rol(e[20]^d0, 18)
		n = ^b3
		a[10], a[11], a[12], a[13], a[14] = b0^(b1|b2), b1^(b2&b3), b2^(n&b4), n^(b4|b0), b4^(b0&b1)
		b0, b1, b2, b3, b4 = rol(e[4]^d4, 27), rol(e[5]^d0, 36), rol(e[11]^d1, 10), rol(e[17]^d2, 15), rol(e[23]^d3, 56)
		n = ^b3
		a[15], a[16], a[17], a[18], a[19] = b0^(b1&b2), b1^(b2|b3), b2^(n|b4), n^(b4&b0), b4^(b0|b1)
		b0, b1, b2, b3, b4 = rol(e[2]^d2, 62), rol(e[8]^d3, 55), rol(e[14]^d4, 39), rol(e[15]^d0, 41), rol(e[21]^d1, 2)
		n = ^b1
		a[20], a[21], a[22], a[23], a[24] = b0^(n&b2), n^(b2|b3), b2^(b3&b4), b3^(b4|b0), b4^(b0&b1)
	}
	a[1], a[2], a[8], a[12], a[17], a[20] = ^a[1], ^a[2], ^a[8], ^a[12], ^a[17], ^a[20]
}

// absorbLanes is Absorb for every processor.
func absorbLanes(a *[25]uint64, p []byte) []byte {
	for ; len(p) >= Rate; p = p[Rate:] {
		for i := range Rate / 8 {
			a[i] ^= binary.LittleEndian.Uint64(p[8*i:])
		}
		permuteLanes(a)
	}
	return p
}

func rol(v uint64, n int) uint64 { return bits.RotateLeft64(v, n) }

// roundConstants are what iota adds to lane 0 (FIPS 202, section 3.2.5).
var roundConstants = [24]uint64{
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
}
