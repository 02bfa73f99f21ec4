package secp

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"

	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// inputs yields random and edge inputs for the curve operations. They come in the
// shapes that the backends take, which their callers have checked the least.
type inputs struct{ *rand.Rand }

func newInputs(seed uint64) inputs { return inputs{rand.New(rand.NewPCG(seed, 0))} }

// number returns 32 bytes: small, next to n or p, or with words of all ones or
// zeros, or random.
func (in inputs) number() (b [32]byte) {
	word := func() uint64 {
		switch in.IntN(4) {
		case 0:
			return -in.Uint64N(3)
		case 1:
			return in.Uint64N(3)
		}
		return in.Uint64()
	}
	around := new(big.Int).SetInt64(in.Int64N(8) - 4)
	switch in.IntN(8) {
	case 0:
		return [32]byte(around.Add(around, dcr.Params().P).FillBytes(b[:]))
	case 1:
		return [32]byte(around.Add(around, dcr.Params().N).FillBytes(b[:]))
	}
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], word())
	}
	return b
}

// private returns a number in 1..n-1.
func (in inputs) private() [32]byte {
	for {
		b := in.number()
		if s := new(dcr.ModNScalar); scalarFrom(b[:], s) {
			return b
		}
	}
}

// public returns a key that most of the time is on the curve: a small multiple of
// G, its negative, or a random point.
func (in inputs) public(t *testing.T) (p PublicKey) {
	t.Helper()
	switch in.IntN(8) {
	case 0: // x and y at random
		b, c := in.number(), in.number()
		return PublicKey(append(b[:], c[:]...))
	case 1: // off by one bit
		p = in.public(t)
		p[in.IntN(64)] ^= 1 << in.IntN(8)
		return p
	case 2:
		c := [33]byte{formatEven | byte(in.IntN(2))}
		x := in.number()
		copy(c[1:], x[:])
		if goDecompress(&c, &p) {
			return p
		}
		return in.public(t)
	}
	d := in.private()
	goDerivePublic(&d, &p)
	return p
}

// signature returns a signature over hash that is genuine, or has a genuine R that
// belongs to a simple point, or is made of edge numbers; and a v that may not fit.
func (in inputs) signature(t *testing.T, hash *[32]byte) (sig Signature) {
	t.Helper()
	d, r, s := in.private(), in.number(), in.number()
	goSign(&d, hash, &sig)
	switch in.IntN(8) {
	case 0:
		copy(sig[:32], r[:])
	case 1:
		copy(sig[32:], s[:])
	case 2:
		copy(sig[:32], r[:])
		copy(sig[32:], s[:])
	case 3: // high s
		var high dcr.ModNScalar
		high.SetByteSlice(sig[32:64])
		high.Negate().PutBytesUnchecked(sig[32:64])
		sig[64] ^= 1
	case 4: // R = ±k·G for a small k; s = ±small multiples, so that sums meet
		p := in.public(t)
		copy(sig[:32], p[:32])
		copy(sig[32:], s[:])
	case 5: // the point at infinity: s·k = hash
		var k, e dcr.ModNScalar
		k.SetBytes(&d)
		e.SetBytes(hash)
		var p PublicKey
		goDerivePublic(&d, &p)
		copy(sig[:32], p[:32])
		e.Mul(k.InverseNonConst()).PutBytesUnchecked(sig[32:64])
		sig[64] = p[63] & 1
	case 6: // r + n is an x coordinate for about every second small r
		clear(sig[:31])
		sig[31] = byte(in.IntN(40))
		sig[64] = 2
	}
	if in.IntN(4) == 0 {
		sig[64] = byte(in.IntN(4))
	}
	return sig
}
