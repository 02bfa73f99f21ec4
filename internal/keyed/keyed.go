// Package keyed hashes what strangers choose, for tables and budgets that they must
// not be able to aim at: without the seed nobody can tell what collides. The hashes
// are fast, and the same on every machine; they are no cryptographic ones, and not
// for anything that leaves the process.
package keyed

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Addr hashes an address and a number.
func Addr(seed uint64, addr netip.Addr, more uint64) uint64 {
	hi, lo := words(addr)
	return Words(seed, hi, lo, more)
}

// Words hashes three numbers.
func Words(seed, a, b, c uint64) uint64 {
	other := seed*0x9e3779b97f4a7c15 + 1
	return fold(fold(a^seed, b^other)^seed, c^other)
}

// Bytes hashes any number of bytes, 16 in two nanoseconds.
func Bytes(seed uint64, b []byte) uint64 {
	h := (seed+uint64(len(b)))*0xa0761d6478bd642f ^ 0xe7037ed1a0b428db
	other := seed*0x9e3779b97f4a7c15 ^ 0x8ebc6af09c88c6e3
	for len(b) >= 16 {
		h = fold(binary.LittleEndian.Uint64(b)^h, binary.LittleEndian.Uint64(b[8:])^other)
		b = b[16:]
	}
	var rest [16]byte
	copy(rest[:], b)
	h = fold(binary.LittleEndian.Uint64(rest[:])^h, binary.LittleEndian.Uint64(rest[8:])^other)
	return fold(h^other, seed^0x589965cc75374cc3)
}

// words returns an address as two numbers.
func words(addr netip.Addr) (hi, lo uint64) {
	if addr.Is4() { // the same, faster
		a := addr.As4()
		return 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(a[:]))
	}
	a := addr.As16()
	return binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
}

// fold multiplies into 128 bits and folds them.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
