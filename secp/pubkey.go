package secp

import "encoding/hex"

// Format bytes of serialized points (SEC 1, section 2.3.3).
const (
	formatEven         = 2 // compressed, y is even
	formatOdd          = 3 // compressed, y is odd
	formatUncompressed = 4
)

// PublicKey is a point on the curve: x and y, 32 bytes big endian each. Equal keys
// are equal values. A PublicKey that came out of this package is on the curve; one
// that was converted from bytes need not be, see [PublicKey.Valid]. All functions
// that take a key check it.
type PublicKey [64]byte

// ParsePublicKey reads a key of 33 bytes (compressed), 64 bytes (x, y) or 65 bytes
// (0x04, x, y) and checks that it is on the curve. Errors: [ErrPublicKey].
func ParsePublicKey(b []byte) (PublicKey, error) {
	var p PublicKey
	ok := false
	switch {
	case len(b) == 33 && (b[0] == formatEven || b[0] == formatOdd):
		ok = decompress((*[33]byte)(b), &p)
	case len(b) == 65 && b[0] == formatUncompressed:
		p = PublicKey(b[1:])
		ok = onCurve(&p)
	case len(b) == 64:
		p = PublicKey(b)
		ok = onCurve(&p)
	}
	if !ok {
		return PublicKey{}, ErrPublicKey
	}
	return p, nil
}

// Compressed returns the 33-byte form: 2 or 3 for an even or odd y, then x.
func (p PublicKey) Compressed() [33]byte {
	var c [33]byte
	c[0] = formatEven | p[63]&1
	copy(c[1:], p[:32])
	return c
}

// Valid returns [ErrPublicKey] unless p is a point on the curve.
func (p PublicKey) Valid() error {
	if !onCurve(&p) {
		return ErrPublicKey
	}
	return nil
}

// String returns x and y as 128 lower-case hex digits.
func (p PublicKey) String() string { return hex.EncodeToString(p[:]) }
