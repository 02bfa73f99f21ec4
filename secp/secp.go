// Package secp holds the cryptography that Ethereum's peer-to-peer protocols
// rest on: ECDSA over secp256k1 with public key recovery, ECDH over the same
// curve, and Keccak-256 (the hash of 2012, before SHA-3's padding).
//
// Two backends do the curve work. The default is pure Go, on decred's secp256k1.
// With the build tag libsecp256k1 it is the system's libsecp256k1, found by
// pkg-config and called
// through cgo. [Backend] names the one in use. Both give the same results bit for
// bit, signatures included, and refuse the same inputs.
//
// What it promises: private keys can't be printed by accident; every key that was
// parsed or recovered is a point on the curve; signatures are deterministic
// (RFC 6979) and have a low s; no function panics on any input; hashing, and
// with libsecp256k1 everything but making keys and strings, does not allocate.
//
// What it doesn't: the pure Go backend takes a time that depends on the private
// key when it signs or agrees on a secret; libsecp256k1 does so only when a
// [OneTimeKey] agrees. Secrets are not wiped from memory. [Recover] finds a key for
// about every second signature and hash whatever they are: that it is the key
// expected is the caller's check.
package secp

import (
	"errors"

	dcr "github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Errors are these values, never wrapped, so that refusing hostile input costs no
// allocation.
var (
	// ErrPrivateKey: not 32 bytes that stand for a number in 1..n-1, n being the
	// order of the curve.
	ErrPrivateKey = errors.New("secp: private key is not 32 bytes in 1..n-1")
	// ErrPublicKey: wrong length or format byte, a coordinate not below the field
	// prime, or a point that isn't on the curve.
	ErrPublicKey = errors.New("secp: public key is not a point on the curve")
	// ErrSignature: r or s not in 1..n-1, v above 3, or no point fits r.
	ErrSignature = errors.New("secp: signature fits no public key")
)

// Signature is a recoverable ECDSA signature: r and s, 32 bytes big endian each,
// then the recovery number v in 0..3. Bit 0 of v is the oddness of the nonce
// point's y; bit 1 says that its x was not below n.
type Signature [65]byte

// Sign signs a 32-byte hash. The signature is deterministic (RFC 6979 with
// HMAC-SHA-256) and its s is the lower one of the two possible.
func (k *PrivateKey) Sign(hash *[32]byte) Signature {
	// RFC 6979 feeds the hash modulo n to the nonce; implementations differ in
	// whether they do. Reduced before, it makes no difference.
	var e dcr.ModNScalar
	e.SetBytes(hash)
	reduced := e.Bytes()
	var sig Signature
	sign(&(*k.box).d, &reduced, &sig)
	return sig
}

// Recover returns the public key whose private half made sig over hash (SEC 1,
// section 4.1.6). Signatures with a high s are accepted, as all implementations of
// discovery v4 do. Errors: [ErrSignature].
func Recover(hash *[32]byte, sig *Signature) (PublicKey, error) {
	var p PublicKey
	if sig[64] > 3 || !recoverKey(hash, sig, &p) {
		return PublicKey{}, ErrSignature
	}
	return p, nil
}

// Verify reports whether rs, r and s of 32 bytes each, is p's signature over hash.
// A high s is refused, so that a signature can't be altered into another valid one.
func (p *PublicKey) Verify(hash *[32]byte, rs []byte) bool {
	if len(rs) != 64 {
		return false
	}
	return verify(p, hash, (*[64]byte)(rs))
}

// ECDH returns k·p as a compressed point; its bytes 1 to 32 are the x coordinate,
// which is what RLPx takes as the shared secret, while discovery v5 takes all 33.
// Errors: [ErrPublicKey] when p is not on the curve.
func (k *PrivateKey) ECDH(p *PublicKey) ([33]byte, error) {
	var shared [33]byte
	if !ecdh(&(*k.box).d, p, &shared) {
		return [33]byte{}, ErrPublicKey
	}
	return shared, nil
}
