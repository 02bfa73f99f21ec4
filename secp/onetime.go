package secp

import (
	"io"

	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// OneTimeKey is a private key for one agreement with one other side, made for it and
// forgotten after it. Its agreements are faster because the time that they take
// depends on the key. That is safe only under these conditions, and a key of a node
// or of a user, which meets none of them, has no such method for that reason:
//
//   - Nobody can have the key used again and again. A time measured once says a few
//     bits of the key at most; what breaks keys are thousands of measurements.
//   - It is random and stands in no relation to another key, so that whatever is
//     learned of it is of no use elsewhere.
//   - It protects no more than one session or packet. Who shares the processor's
//     caches sees more than a time, in the worst case enough to read that session.
//
// It prints as "[private key]", and signs, like any [PrivateKey].
type OneTimeKey struct{ private }

// private keeps the embedded key from being taken out and used as one of a node.
type private = PrivateKey

// ReadOneTimeKey returns a key from the bytes that [ReadKey] would take, with the
// same errors. It does not compute the public key.
func ReadOneTimeKey(r io.Reader) (OneTimeKey, error) {
	m, err := readKey(r)
	if err != nil {
		return OneTimeKey{}, err
	}
	return OneTimeKey{m.key}, nil
}

// Public computes the public key.
func (k OneTimeKey) Public() (p PublicKey) {
	derivePublic(&(*k.box).d, &p)
	return p
}

// ECDH returns k·p like [PrivateKey.ECDH].
func (k OneTimeKey) ECDH(p *PublicKey) (shared [33]byte, err error) {
	if !ecdhOnce(&(*k.box).d, p, &shared) {
		return [33]byte{}, ErrPublicKey
	}
	return shared, nil
}

// ECDHSigner agrees with the key that [Recover] would return: it returns k·p for the
// p whose private half made sig over hash, for the price of the recovery alone. As
// p = (s·R - hash·G)/r, k·p is what is recovered from k·s and k·hash in the place of
// s and hash. Errors: [ErrSignature].
func (k OneTimeKey) ECDHSigner(hash *[32]byte, sig *Signature) (shared [33]byte, err error) {
	var d, s, e dcr.ModNScalar
	if sig[64] > 3 || !scalarFrom(sig[32:64], &s) {
		return shared, ErrSignature
	}
	d.SetBytes(&(*k.box).d)
	e.SetBytes(hash)
	e.Mul(&d)
	s.Mul(&d)
	times, product := e.Bytes(), *sig
	s.PutBytesUnchecked(product[32:64])
	var p PublicKey
	if !recoverKey(&times, &product, &p) {
		return shared, ErrSignature
	}
	return p.Compressed(), nil
}
