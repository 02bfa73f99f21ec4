package secp

import (
	"encoding/binary"

	"github.com/kithnet/kith/internal/keccakf"
)

const rate = keccakf.Rate

// Keccak256 returns the Keccak-256 hash of the parts, one after the other. It does
// not allocate.
func Keccak256(parts ...[]byte) [32]byte {
	var h Hasher
	for _, p := range parts {
		h.write(p)
	}
	return h.sum()
}

// Hasher is a Keccak-256 hash in the making. The zero value is an empty one. It is
// a plain value of 208 bytes without pointers: a copy is an independent hash that
// goes on from the same place.
type Hasher struct {
	a [25]uint64 // the state; lane i is bytes 8i..8i+7, little endian
	n int        // bytes absorbed since the last permutation, below rate
}

// Write adds p to what is hashed. It always returns len(p), nil.
func (h *Hasher) Write(p []byte) (int, error) {
	h.write(p)
	return len(p), nil
}

// Sum returns the hash of what has been written so far. Writing can go on.
func (h *Hasher) Sum() [32]byte {
	c := *h
	return c.sum()
}

// Reset makes h an empty hash again.
func (h *Hasher) Reset() { *h = Hasher{} }

// write absorbs p: the bytes that complete a lane begun earlier, then whole lanes and
// blocks, then the bytes that begin the next lane.
func (h *Hasher) write(p []byte) {
	for h.n%8 != 0 && len(p) > 0 {
		h.absorbByte(p[0])
		p = p[1:]
	}
	if h.n%8 != 0 {
		return
	}
	if h.n == 0 {
		p = keccakf.Absorb(&h.a, p)
	}
	for len(p) >= 8 {
		h.a[h.n/8] ^= binary.LittleEndian.Uint64(p)
		p = p[8:]
		if h.n += 8; h.n == rate {
			keccakf.Permute(&h.a)
			h.n = 0
			p = keccakf.Absorb(&h.a, p)
		}
	}
	for _, c := range p {
		h.absorbByte(c)
	}
}

func (h *Hasher) absorbByte(c byte) {
	h.a[h.n/8] ^= uint64(c) << (8 * (h.n % 8))
	if h.n++; h.n == rate {
		keccakf.Permute(&h.a)
		h.n = 0
	}
}

// sum pads (a 1 bit, zeros, a 1 bit) and returns the first 32 bytes of the state.
// h is of no use afterwards.
func (h *Hasher) sum() (out [32]byte) {
	h.a[h.n/8] ^= 1 << (8 * (h.n % 8))
	h.a[rate/8-1] ^= 1 << 63
	keccakf.Permute(&h.a)
	for i := range len(out) / 8 {
		binary.LittleEndian.PutUint64(out[8*i:], h.a[i])
	}
	return out
}
