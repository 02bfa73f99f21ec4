package secp

import (
	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// The curve operations in pure Go, on decred's arithmetic. They are compiled
// whatever the backend, so that a test can hold the other one against them.

// load reads p, and reports whether it is on the curve.
func (p *PublicKey) load(q *dcr.JacobianPoint) bool {
	overX, overY := q.X.SetByteSlice(p[:32]), q.Y.SetByteSlice(p[32:])
	q.Z.SetInt(1)
	return !overX && !overY && dcr.NewPublicKey(&q.X, &q.Y).IsOnCurve()
}

// store sets p to q, which is not the point at infinity.
func (p *PublicKey) store(q *dcr.JacobianPoint) {
	q.ToAffine()
	q.X.PutBytesUnchecked(p[:32])
	q.Y.PutBytesUnchecked(p[32:])
}

func isInfinity(q *dcr.JacobianPoint) bool {
	return (q.X.IsZero() && q.Y.IsZero()) || q.Z.IsZero()
}

// scalarFrom reads 32 big-endian bytes modulo n and reports whether they were
// in 1..n-1.
func scalarFrom(b []byte, s *dcr.ModNScalar) bool {
	over := s.SetByteSlice(b)
	return !over && !s.IsZero()
}

func goOnCurve(p *PublicKey) bool {
	var q dcr.JacobianPoint
	return p.load(&q)
}

// liftX sets q to the point at an x that is given in 32 bytes.
func liftX(x []byte, odd bool, q *dcr.JacobianPoint) bool {
	if q.X.SetByteSlice(x) || !dcr.DecompressY(&q.X, odd, &q.Y) {
		return false
	}
	q.Y.Normalize()
	q.Z.SetInt(1)
	return true
}

func goDecompress(c *[33]byte, p *PublicKey) bool {
	var q dcr.JacobianPoint
	if !liftX(c[1:], c[0] == formatOdd, &q) {
		return false
	}
	p.store(&q)
	return true
}

func goDerivePublic(d *[32]byte, p *PublicKey) {
	var k dcr.ModNScalar
	k.SetBytes(d)
	var q dcr.JacobianPoint
	dcr.ScalarBaseMultNonConst(&k, &q)
	p.store(&q)
}

func goECDH(d *[32]byte, p *PublicKey, shared *[33]byte) bool {
	var k dcr.ModNScalar
	k.SetBytes(d)
	var q, product dcr.JacobianPoint
	if !p.load(&q) {
		return false
	}
	dcr.ScalarMultNonConst(&k, &q, &product)
	var s PublicKey
	s.store(&product)
	*shared = s.Compressed()
	return true
}

// compactMagic is what decred adds to v in the first byte of its compact
// signatures, a custom of Bitcoin's message signing.
const compactMagic = 27

func goSign(d, hash *[32]byte, sig *Signature) {
	k := dcr.PrivKeyFromBytes(d[:])
	compact := ecdsa.SignCompact(k, hash[:], false)
	k.Zero()
	copy(sig[:], compact[1:])
	sig[64] = compact[0] - compactMagic
}

// goRecover is SEC 1, section 4.1.6: with R the point at x = r (or r + n, as v
// says), the key is (s·R - hash·G)/r. decred's own function does the same, but
// allocates.
func goRecover(hash *[32]byte, sig *Signature, p *PublicKey) bool {
	var r, s, e dcr.ModNScalar
	if !scalarFrom(sig[:32], &r) || !scalarFrom(sig[32:64], &s) {
		return false
	}
	x := [32]byte(sig[:32])
	if sig[64]&2 != 0 && !addOrder(&x) {
		return false
	}
	var point dcr.JacobianPoint
	if !liftX(x[:], sig[64]&1 == 1, &point) {
		return false
	}
	e.SetBytes(hash)
	inv := new(dcr.ModNScalar).InverseValNonConst(&r)
	e.Mul(inv).Negate()
	s.Mul(inv)
	var eG, sR, q dcr.JacobianPoint
	dcr.ScalarBaseMultNonConst(&e, &eG)
	dcr.ScalarMultNonConst(&s, &point, &sR)
	dcr.AddNonConst(&eG, &sR, &q)
	if isInfinity(&q) {
		return false
	}
	p.store(&q)
	return true
}

// order is n, the order of the curve (SEC 2, section 2.4.1).
var order = dcr.Params().N.FillBytes(make([]byte, 32))

// addOrder adds n to a number of 32 bytes and reports whether it still fits.
func addOrder(x *[32]byte) bool {
	carry := 0
	for i := 31; i >= 0; i-- {
		carry += int(x[i]) + int(order[i])
		x[i] = byte(carry)
		carry >>= 8
	}
	return carry == 0
}

func goVerify(p *PublicKey, hash *[32]byte, rs *[64]byte) bool {
	var r, s dcr.ModNScalar
	var q dcr.JacobianPoint
	if !scalarFrom(rs[:32], &r) || !scalarFrom(rs[32:], &s) || s.IsOverHalfOrder() || !p.load(&q) {
		return false
	}
	return ecdsa.NewSignature(&r, &s).Verify(hash[:], dcr.NewPublicKey(&q.X, &q.Y))
}
