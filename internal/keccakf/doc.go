// Package keccakf is the permutation Keccak-f[1600] (FIPS 202, sections 3.2 and 3.3) as
// Keccak-256 uses it: over 25 lanes of 64 bits, of which lane i is the one at x = i mod 5,
// y = i div 5.
//
// On amd64 with AVX-512VL it is written in Go's assembler; anywhere else, and with the
// build tag purego, in Go. It is a package of its own because one that uses cgo, as secp
// does with libsecp256k1, may not have files in Go's assembler.
package keccakf

// Rate is how many bytes of the state a block of input covers: the 200 bytes of the
// state less twice the 32 bytes of the output (Keccak reference, section 3.1).
const Rate = 136
